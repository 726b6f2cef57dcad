//! A manifest: how one partner is talked to, as data.
//!
//! These are the values that its text is read into; the grammar is in docs/connectors.md.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::roles::{Purpose, Role};
use crate::format::json::Path;
use crate::format::table::{Kind as TableKind, RowChoice};
use crate::format::xml;
use crate::mapping::{Filter, Target};
use crate::model::words;
use crate::transport::http::{Auth, ErrorRules, Limit, Method, Test};
use crate::transport::{JsonTemplate, Template};

words! {
    /// How a system is reached.
    Reach {
        /// HTTP and JSON.
        Http = "http",
        /// Files in a folder.
        Files = "files",
    }
}

words! {
    /// How far a connector was tried.
    Status {
        /// Against the real system or a copy of it that runs.
        Verified = "verified",
        /// From documents and other people's clients only.
        Unverified = "unverified",
    }
}

words! {
    /// What a pull says about what it does not show.
    Mode {
        /// It shows everything: what is absent is gone.
        Snapshot = "snapshot",
        /// It shows what changed.
        Incremental = "incremental",
    }
}

words! {
    /// What became of something that was sent.
    Outcome {
        /// The partner decided.
        Decided = "decided",
        /// The partner took it and will decide.
        Pending = "pending",
        /// It is done; there is nothing to decide.
        Done = "done",
        /// The partner decided against it.
        Refused = "refused",
    }
}

words! {
    /// What the answer to a look-up means, where its status or a place in it says so.
    Finding {
        /// The partner has not decided yet.
        Pending = "pending",
        /// The partner decided; the fields say what.
        Decided = "decided",
        /// What was asked about was taken back.
        Cancelled = "cancelled",
        /// There is nothing of that kind at the partner.
        Nothing = "nothing",
    }
}

words! {
    /// The type of a setting.
    SettingType {
        /// Any text.
        Text = "string",
        /// A text that is never shown.
        Secret = "secret",
        /// A whole number.
        Integer = "integer",
        /// A calendar date, YYYY-MM-DD.
        Date = "date",
        /// `true` or `false`.
        Flag = "flag",
    }
}

/// One setting of a connection.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: SettingType,
    /// It has to be given.
    pub required: bool,
    /// What it is when it is not given.
    pub default: Option<String>,
    /// The only values it takes, when not empty.
    pub values: Vec<String>,
    /// What it is and where to get it.
    pub help: String,
}

/// Where a partner answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The base URL.
    pub url: String,
    /// What differs in the paths there, by the name under which templates use it.
    pub vars: BTreeMap<String, String>,
}

/// What a partner can and cannot do. The engine asks these, never a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Capabilities {
    /// It calls back.
    pub webhook: bool,
    /// It takes a key that makes repeating a request harmless.
    pub idempotency_key: bool,
    /// It shows our reference of a request again, in its lists of requests and of decisions.
    pub echoes_reference: bool,
    /// Its lists can be asked for changes since an instant.
    pub changes_since: bool,
    /// Looking a buyer up costs money.
    pub billed_lookup: bool,
    /// It has its own word for a limit that replaces one that ended; a new request is refused there.
    pub change_over_ended: bool,
    /// Requests must be a multiple of this many units.
    pub amount_step: Option<u64>,
    /// An ERP that takes a limit of 0 for "no limit".
    pub zero_is_unlimited: bool,
    /// An ERP that refuses a limit below what the buyer owes.
    pub refuses_below_exposure: bool,
    /// An ERP whose customers can be blocked.
    pub has_block_flag: bool,
    /// An ERP whose limits can end at a date.
    pub has_validity: bool,
    /// An ERP that has a field of its own for the insurer's limit.
    pub has_insurance_field: bool,
    /// Limits are held per company of the ERP.
    pub company_scoped: bool,
    /// What an ERP can be told of a limit: of set, zero, remove and block, those it has a way to say.
    pub limit_operations: Vec<String>,
    /// An ERP that stops deliveries beyond a limit by itself.
    pub enforces_limit: bool,
    /// A limit is written only over the version that was read.
    pub compare_and_set: bool,
    /// How many minutes after it was sent a request may still be missing from the partner's lists.
    pub visible_after_minutes: u64,
}

/// The body of a call.
#[derive(Debug, Clone)]
pub enum BodyRule {
    /// None.
    Nothing,
    /// From a template.
    Json(JsonTemplate),
    /// From a filter.
    Jq(Filter),
    /// From `[send.<name>]` of the mappings.
    Mapping(String),
}

/// A header of one request. It is left out when its name or a place in its text has nothing to put there.
#[derive(Debug, Clone)]
pub struct HeaderRule {
    /// Its name.
    pub name: Template,
    /// Its text.
    pub text: HeaderText,
}

/// The text of a header.
#[derive(Debug, Clone)]
pub enum HeaderText {
    /// As the template gives it.
    Plain(Template),
    /// A JSON document, in base64.
    Base64(JsonTemplate),
}

/// The call that follows a look-up's, where the first answer has a link.
#[derive(Debug, Clone)]
pub struct Then {
    /// Where the link is in a record of the first answer.
    pub link: Vec<Path>,
    /// Where the records of the second answer are.
    pub records: Records,
    /// The fields that it gives; they replace those of the first answer.
    pub fields: Vec<(String, Vec<Path>)>,
}

/// One HTTP request of an operation.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: Template,
    /// The query.
    pub query: Vec<(String, Template)>,
    /// The body.
    pub body: BodyRule,
    /// Statuses that are no error for this call although they are none of 2xx.
    pub accepts: Vec<Test>,
    /// Headers of this request only.
    pub headers: Vec<HeaderRule>,
}

/// Where the records of an answer are.
#[derive(Debug, Clone)]
pub enum Records {
    /// The answer itself.
    Root,
    /// At the first of these paths that is there.
    At(Vec<Path>),
    /// What a filter gives.
    Jq(Filter),
}

/// How an answer is continued.
#[derive(Debug, Clone)]
pub enum Paging {
    /// It is whole.
    None,
    /// `{offset}` and `{size}`, until a page is short.
    Offset {
        /// Records per page.
        size: u64,
    },
    /// `{page}` and `{size}`, until a page is short or empty, or `more` says no.
    Page {
        /// Records per page, where it is known.
        size: Option<u64>,
        /// The number of the first page.
        first: u64,
        /// Where the answer says whether there is more.
        more: Option<Path>,
    },
    /// `{last}`: the key of the last record, until a page is short.
    After {
        /// Records per page.
        size: u64,
        /// The key within a record.
        key: Path,
        /// What stands for the key before the first record.
        first: String,
    },
    /// A link in the answer, until there is none.
    NextLink {
        /// Where the link is.
        path: Path,
    },
}

/// What a shape is given at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeSpan {
    /// Each page as it comes.
    Page,
    /// All pages together, for records that belong together wherever they stand.
    Whole,
}

/// How often a pull asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Once, for everything.
    Once,
    /// Of each document that the factor has; each record of an answer comes as `{ asked, answer }`.
    EachDocument,
}

/// How an incremental pull knows what it has seen.
#[derive(Debug, Clone)]
pub struct CursorRule {
    /// The stamp of a record; the highest one, as text, is the cursor.
    pub stamp: Stamp,
    /// How far before the cursor the next pull starts.
    pub overlap: Duration,
    /// Where the first pull starts; from the beginning when there is none.
    pub initial: Option<String>,
}

/// Where the stamp of a record is.
#[derive(Debug, Clone)]
pub enum Stamp {
    /// At the first of these paths that has something.
    At(Vec<Path>),
    /// What a filter gives.
    Jq(Filter),
}

/// An operation over HTTP.
#[derive(Debug, Clone)]
pub struct HttpOperation {
    /// The call.
    pub request: Request,
    /// Where its records are.
    pub records: Records,
    /// A second call per page, whose answer the shape is given.
    pub also: Option<Request>,
    /// Turns a page, or the whole list, into the records that are mapped.
    pub shape: Option<Filter>,
    /// What the shape is given at once.
    pub span: ShapeSpan,
    /// How often a pull asks.
    pub asks: Asks,
    /// The file of a document that is sent, which the fact `file` holds.
    pub attach: Option<Template>,
    /// For how many days after a batch was made its documents may be told of.
    pub within_days: Option<i64>,
    /// How the answer is continued.
    pub paging: Paging,
    /// How it is continued next time.
    pub cursor: Option<CursorRule>,
    /// What the answer to something sent means; the first that holds.
    pub outcome: Vec<(Test, Outcome)>,
    /// Where the partner's reference of what was sent is.
    pub reference: Vec<Path>,
    /// Where the partner's words on it are.
    pub message: Vec<Path>,
    /// A look-up that costs money: asked once, and never repeated by itself.
    pub billed: bool,
    /// What the answer to a look-up means beyond its fields; the first that holds.
    pub findings: Vec<(Test, Finding)>,
    /// The fields of a look-up.
    pub fields: Vec<(String, Vec<Path>)>,
    /// Our words to theirs, by fact.
    pub codes: BTreeMap<String, BTreeMap<String, String>>,
    /// Their words to ours, by field of a look-up.
    pub words: BTreeMap<String, BTreeMap<String, String>>,
    /// The second call of a look-up.
    pub then: Option<Then>,
}

/// How a file is written.
#[derive(Debug, Clone)]
pub enum FormatRule {
    /// Delimited.
    Csv {
        /// The sign between fields.
        delimiter: Option<Template>,
        /// The encoding.
        encoding: Option<Template>,
        /// Lines before the header.
        skip_lines: Option<Template>,
        /// Names of the columns, for a file without header.
        columns: Option<Vec<String>>,
    },
    /// A workbook, or a delimited file, whichever it is.
    Table {
        /// Which of the two.
        kind: TableKind,
        /// The sign between fields of a delimited file.
        delimiter: Option<Template>,
        /// Its encoding.
        encoding: Option<Template>,
        /// Lines before the header.
        skip_lines: Option<Template>,
        /// Name or number of the sheet of a workbook.
        sheet: Option<Template>,
        /// The decimal sign that the numbers of a workbook are shown with: `point` or `comma`.
        decimal: Option<Template>,
    },
    /// One JSON document.
    Json,
    /// One XML document.
    Xml(xml::Options),
    /// Records of several kinds, one a line.
    Lines {
        /// The sign between fields.
        delimiter: Option<Template>,
        /// What comments begin with.
        comment: Option<Template>,
        /// The encoding.
        encoding: Option<Template>,
        /// First fields of lines that are parts of the line before.
        parts: Vec<String>,
    },
    /// A French ledger (fichier des écritures comptables).
    Fec {
        /// Accounts that hold receivables, by their first digits, with commas.
        receivable: Option<Template>,
        /// Days from the date of the piece to the due date.
        terms_days: Option<Template>,
        /// `keep` or `skip` the opening entries.
        opening: Option<Template>,
    },
}

/// Whether a file has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Without it the pull fails.
    Required,
    /// Without it there is nothing to say.
    Optional,
}

/// Which of several files that fit is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The last by name; the others are older versions of it.
    Newest,
    /// All of them, in the order of their names; together they are one pull.
    All,
}

/// An operation on files.
#[derive(Debug, Clone)]
pub struct FileOperation {
    /// The pattern of the name.
    pub file: Template,
    /// How it is written.
    pub format: FormatRule,
    /// Which of several is read.
    pub choice: Choice,
    /// Whether it has to be there.
    pub presence: Presence,
    /// Where the records of a document are.
    pub records: Records,
    /// Turns a document into the records that are mapped.
    pub shape: Option<Filter>,
    /// Which rows of a table count.
    pub rows: Vec<RowChoice>,
}

/// How a file that goes out is written.
#[derive(Debug, Clone)]
pub struct OutRule {
    /// Delimited, a workbook, or as the ending of its name says.
    pub kind: TableKind,
    /// The sign between fields.
    pub delimiter: Option<Template>,
    /// The encoding.
    pub encoding: Option<Template>,
    /// The decimal sign of amounts in a delimited file: `point` or `comma`.
    pub decimal: Option<Template>,
    /// The name of the sheet of a workbook.
    pub sheet: Option<Template>,
    /// Whether the first line names the columns.
    pub header: bool,
}

/// An operation that hands a file over.
#[derive(Debug, Clone)]
pub struct FileSend {
    /// The name of the file; besides settings it may hold `{batch}` and `{date}`.
    pub file: Template,
    /// The folder that it is put into.
    pub folder: Template,
    /// How it is written.
    pub format: OutRule,
    /// The `[send.<name>]` of the mappings that makes its rows.
    pub body: String,
    /// Our words to theirs, by fact.
    pub codes: BTreeMap<String, BTreeMap<String, String>>,
}

/// An operation that hands a batch of assigned documents over, in the layout of the mappings.
#[derive(Debug, Clone)]
pub struct BatchSend {
    /// The folder that the files are put into; their names come from the layout.
    pub folder: Template,
}

/// What an operation works on.
#[derive(Debug, Clone)]
pub enum Work {
    /// Over HTTP.
    Http(Box<HttpOperation>),
    /// On files that are read.
    File(Box<FileOperation>),
    /// On a file that is handed over.
    HandOver(Box<FileSend>),
    /// On the files of a batch.
    Batch(BatchSend),
}

/// One operation of a connector.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What it is for.
    pub purpose: &'static Purpose,
    /// The record that it fills.
    pub into: Option<Target>,
    /// What a pull says about what it does not show.
    pub mode: Mode,
    /// The file of `samples/` that its mapping is tested with.
    pub sample: Option<String>,
    /// How it is done.
    pub work: Work,
    /// What a person then does at the partner, step by step, to be ticked off.
    pub steps: Vec<String>,
}

/// The whole manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its id: the folder's name, and the value in configuration and logs.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What the system is to the company.
    pub role: Role,
    /// How it is reached.
    pub reach: Reach,
    /// How far it was tried.
    pub status: Status,
    /// What a user should know before relying on it.
    pub notes: String,
    /// What the partner can do.
    pub capabilities: Capabilities,
    /// Settings by name.
    pub settings: BTreeMap<String, Setting>,
    /// Where it answers, by the name of the environment.
    pub environments: BTreeMap<String, Environment>,
    /// How the partner recognises us.
    pub auth: Auth,
    /// Headers of every call.
    pub headers: Vec<(String, Template)>,
    /// How often it may be called.
    pub limit: Limit,
    /// How many times a read is repeated.
    pub retries: u64,
    /// For a whole call.
    pub timeout: Duration,
    /// What errors look like.
    pub errors: ErrorRules,
    /// The folder that is read.
    pub folder: Option<Template>,
    /// The folder that files go to once landed.
    pub archive: Option<Template>,
    /// Operations by name.
    pub operations: BTreeMap<String, Operation>,
}

impl Manifest {
    /// The settings that name folders: those that the templates of folders, and of files to attach, begin with.
    #[must_use]
    pub fn folder_settings(&self) -> BTreeSet<String> {
        let out = self.operations.values().filter_map(|operation| match &operation.work {
            Work::HandOver(send) => Some(&send.folder),
            Work::Batch(send) => Some(&send.folder),
            Work::Http(http) => http.attach.as_ref(),
            Work::File(_) => None,
        });
        let all = self.folder.iter().chain(&self.archive).chain(out);
        all.filter(|template| template.to_string().starts_with('{'))
            .filter_map(|template| template.names().next().map(str::to_owned))
            .collect()
    }
}
