//! `encours deadlines file`: what an insurer asks for in a claim or for a later due date, as a file; `deadlines files` lists those
//! that were made and writes one again.
//!
//! The columns are our own (docs/connect-an-insurer.md): no insurer's form is claimed. The bytes are kept in the ledger
//! before the file is written, so what is sent again is the same, whatever has changed since.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use encours::credit::deadline::DeadlineKind;
use encours::format::table::{Cell, CsvStyle, write_csv};
use encours::format::xlsx;
use encours::ids::sha256_hex;
use encours::ledger::{BuyerRow, DeadlineFileRow, OverdueRow};
use encours::model::{Date, Money, NumberStyle, parse_minor, render_minor};
use encours::transport::drop;
use serde_json::{Value, json};
use sqlx::types::Json;

use super::explain::{InColumns, in_columns};
use super::table::{Column, Table, plural};
use super::{Books, Context, Exit, Misconfigured, sync};

/// How many digits of its hash name a file.
const ID_DIGITS: usize = 12;

/// How many days ahead an invoice may be due and still be found.
const AHEAD_DAYS: i64 = 3_650;

/// What `file` takes.
#[derive(Debug, clap::Args)]
pub struct FileArgs {
    /// What it is for
    #[arg(value_enum)]
    what: What,
    /// Numbers of the invoices, of one buyer; CONNECTION/KEY where two ERPs have the same
    #[arg(required = true)]
    invoices: Vec<String>,
    /// Only invoices of this buyer: an account code, a registry number, a buyer id, or a part of the name
    #[arg(long, value_name = "BUYER")]
    buyer: Option<String>,
    /// The policy, where several cover them
    #[arg(long, value_name = "NUMBER")]
    policy: Option<String>,
    /// The due date that is asked for, of all invoices or of one
    #[arg(long, value_name = "[INVOICE=]DATE")]
    new_due: Vec<String>,
    /// A part of one invoice and its due date; all parts come to what is open
    #[arg(long, value_name = "DATE=AMOUNT", conflicts_with = "new_due")]
    instalment: Vec<String>,
    /// The kind of file
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The folder that it is written into
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// Your name; kept with it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
    by: String,
}

/// What `files` takes.
#[derive(Debug, clap::Args)]
pub struct FilesArgs {
    /// Writes this one again, the same bytes; the first digits of its id do
    id: Option<String>,
    /// The folder that it is written into
    #[arg(long, value_name = "FOLDER", default_value = ".", requires = "id")]
    out: PathBuf,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// A claim.
    Claim,
    /// A later due date, or several of them.
    Extension,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Delimited by semicolons, in UTF-8.
    Csv,
    /// A workbook.
    Xlsx,
}

/// What is asked for an invoice: its new due dates, with amounts in minor units.
type Asked = Vec<(Date, i64)>;

fn wrong(told: impl Into<String>) -> anyhow::Error {
    Misconfigured(format!("{}; nothing was written", told.into())).into()
}

/// Runs `encours deadlines file`.
///
/// # Errors
/// Invoices that are not known, not open, or of several buyers or policies; dates that do not fit; the ledger or the folder.
pub async fn make(context: &Context, args: &FileArgs) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let day = books.head.settled_on.ok_or_else(|| wrong("nothing was read yet, run `encours sync` first"))?;
    let (buyer, keys) = chosen(&mut books, args, day).await?;
    let kind = match args.what {
        What::Claim => DeadlineKind::Claim,
        What::Extension => DeadlineKind::ExtensionRequest,
    };
    let buyer_id = buyer.id.clone();
    let found = in_columns(&mut books, buyer, &keys, args.policy.as_deref(), kind).await?;
    books.close().await?;
    if found.len() != keys.len() {
        return Err(wrong(
            "not every invoice is in a sum of the policy: ask for each by itself, `encours explain --invoice` says why",
        ));
    }
    let mut rows = Vec::new();
    for invoice in &found {
        for asked in asked(args, invoice, found.len())? {
            rows.push((invoice, asked));
        }
    }
    let content = content(args, kind, &rows, day)?;
    let first = found.first().ok_or_else(|| wrong("there are no invoices"))?;
    let content_hash = sha256_hex(&content);
    let id: String = content_hash.chars().take(ID_DIGITS).collect();
    let ending = if args.format == Format::Csv { "csv" } else { "xlsx" };
    let row = DeadlineFileRow {
        file_name: format!(
            "{}_{day}_{id}.{ending}",
            if kind == DeadlineKind::Claim { "claim" } else { "extension" }
        ),
        id,
        kind: kind.as_str().to_owned(),
        connection: first.connection.clone(),
        policy: first.policy.clone(),
        buyer_id,
        invoices: Json(found.iter().map(|own| (own.erp.clone(), own.external_id.clone())).collect()),
        content,
        content_hash,
        made_on: day,
        made_by: args.by.clone(),
        recorded_at: encours::clock::now(),
    };
    let setup = sync::open(context).await?;
    let mut tx = setup.ledger.begin().await?;
    let is_new = tx.keep_deadline_file(&company, &row).await?;
    tx.commit().await?;
    setup.ledger.close().await;
    let path = write(&row, &args.out)?;
    let open = found.iter().fold(0_i64, |sum, own| sum.saturating_add(own.open_minor));
    context.answer(
        || {
            let count = plural(found.len(), "invoice", "invoices");
            let (id, again) = (&row.id, if is_new { "" } else { "The same file was made before. " });
            let what = if kind == DeadlineKind::Claim { "claim" } else { "extension" };
            let money = Money::new(open, first.currency);
            format!(
                "{}: {count}, {money} open, policy {}. SHA-256 {}\n{again}Once it is with the insurer: \
                 `encours deadlines met {what} INVOICE --file {id} --because \"…\"`; `encours deadlines files {id}` writes the same again.\n",
                path.display(), row.policy, row.content_hash
            )
        },
        || {
            let mut told = value(&row);
            if let Some(object) = told.as_object_mut() {
                object.insert("path".to_owned(), json!(path));
                object.insert("is_new".to_owned(), json!(is_new));
                object.insert("open".to_owned(), json!(render_minor(open, first.currency)));
            }
            told
        },
    )?;
    Ok(Exit::Fine)
}

/// The buyer and the keys of the invoices that are meant.
async fn chosen(
    books: &mut Books,
    args: &FileArgs,
    day: Date,
) -> anyhow::Result<(BuyerRow, BTreeSet<String>)> {
    let company = books.company();
    let horizon = day.checked_add_signed(chrono::TimeDelta::days(AHEAD_DAYS)).unwrap_or(day);
    let mut open = books.tx.overdue_invoices(&company, horizon).await?;
    if let Some(wanted) = &args.buyer {
        let buyers = books.tx.find_buyers(&company, wanted).await?;
        if buyers.is_empty() {
            return Err(wrong(format!("no buyer answers to \"{wanted}\"")));
        }
        open.retain(|row| buyers.iter().any(|buyer| buyer.id == row.buyer_id));
    }
    let key = |row: &OverdueRow| format!("{}/{}", row.connection, row.external_id);
    let (mut keys, mut buyers) = (BTreeSet::new(), BTreeSet::new());
    for wanted in &args.invoices {
        let means =
            |row: &&OverdueRow| row.number == *wanted || row.external_id == *wanted || key(row) == *wanted;
        let found: Vec<&OverdueRow> = open.iter().filter(means).collect();
        match found.as_slice() {
            [one] => {
                keys.insert(key(one));
                buyers.insert(one.buyer_id.clone());
            }
            [] => return Err(wrong(format!("no open invoice that nobody disputes is {wanted}"))),
            several => {
                let all: Vec<String> = several.iter().map(|row| key(row)).collect();
                return Err(wrong(format!("several invoices are meant by {wanted}: {}", all.join(", "))));
            }
        }
    }
    let buyers: Vec<String> = buyers.into_iter().collect();
    let [id] = buyers.as_slice() else {
        return Err(wrong(format!(
            "the invoices are of several buyers: {}; one file a buyer",
            buyers.join(", ")
        )));
    };
    let found = books.tx.find_buyers(&company, id).await?;
    let buyer = found.into_iter().find(|buyer| buyer.id == *id);
    let buyer =
        buyer.unwrap_or_else(|| BuyerRow { id: id.clone(), name: id.clone(), country: String::new() });
    Ok((buyer, keys))
}

/// What is asked for an invoice; one row without a date for a claim.
fn asked(args: &FileArgs, invoice: &InColumns, count: usize) -> anyhow::Result<Vec<Option<(Date, i64)>>> {
    let parts = match args.what {
        What::Claim if args.new_due.is_empty() && args.instalment.is_empty() => return Ok(vec![None]),
        What::Claim => return Err(wrong("--new-due and --instalment belong to an extension")),
        What::Extension if args.instalment.is_empty() => vec![(new_due(args, invoice)?, invoice.open_minor)],
        What::Extension if count > 1 => {
            return Err(wrong("instalments are of one invoice: make one file for each"));
        }
        What::Extension => instalments(args, invoice)?,
    };
    if let Some((early, _)) = parts.iter().find(|(due, _)| *due <= invoice.original_due) {
        let (number, due) = (&invoice.number, invoice.original_due);
        return Err(wrong(format!("{early} is not after {due}, the first due date of {number}")));
    }
    Ok(parts.into_iter().map(Some).collect())
}

fn day(text: &str) -> anyhow::Result<Date> {
    text.parse().map_err(|_| wrong(format!("\"{text}\" is not a date; write it as 2027-05-31")))
}

fn new_due(args: &FileArgs, invoice: &InColumns) -> anyhow::Result<Date> {
    let mut of_all = None;
    for text in &args.new_due {
        match text.rsplit_once('=') {
            None => of_all = Some(day(text)?),
            Some((own, date)) => {
                let key = format!("{}/{}", invoice.erp, invoice.external_id);
                if own == invoice.number || own == invoice.external_id || own == key {
                    return day(date);
                }
                if !args.invoices.iter().any(|wanted| wanted == own) {
                    return Err(wrong(format!("--new-due names {own}, which is not among the invoices")));
                }
            }
        }
    }
    of_all.ok_or_else(|| {
        wrong(format!("no new due date is given for {}: --new-due or --instalment", invoice.number))
    })
}

fn instalments(args: &FileArgs, invoice: &InColumns) -> anyhow::Result<Asked> {
    let mut parts = Vec::new();
    let mut sum = 0_i64;
    for text in &args.instalment {
        let (date, amount) =
            text.split_once('=').ok_or_else(|| wrong(format!("\"{text}\" is not DATE=AMOUNT")))?;
        let minor = parse_minor(amount, invoice.currency, NumberStyle::Point)
            .map_err(|error| wrong(error.to_string()))?;
        if minor <= 0 {
            return Err(wrong(format!("an instalment of {amount} is none")));
        }
        sum = sum.checked_add(minor).ok_or_else(|| wrong("the instalments come to too much"))?;
        parts.push((day(date)?, minor));
    }
    if sum != invoice.open_minor {
        let (sum, open) =
            (Money::new(sum, invoice.currency), Money::new(invoice.open_minor, invoice.currency));
        return Err(wrong(format!(
            "the instalments come to {sum}, and {open} of {} are open",
            invoice.number
        )));
    }
    parts.sort_unstable();
    Ok(parts)
}

fn content(
    args: &FileArgs,
    kind: DeadlineKind,
    rows: &[(&InColumns, Option<(Date, i64)>)],
    made_on: Date,
) -> anyhow::Result<Vec<u8>> {
    let with_dates = kind == DeadlineKind::ExtensionRequest;
    let mut header: Vec<String> = rows
        .first()
        .map(|(own, _)| own.columns.iter().map(|(name, _)| (*name).to_owned()).collect())
        .unwrap_or_default();
    if with_dates {
        header.extend(["new_due".to_owned(), "new_amount".to_owned()]);
    }
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|(own, asked)| {
            let mut cells: Vec<Cell> = own.columns.iter().map(|(_, cell)| cell.clone()).collect();
            if let Some((due, minor)) = asked {
                cells.push(Cell::Text(due.to_string()));
                cells.push(Cell::Number(render_minor(*minor, own.currency)));
            }
            cells
        })
        .collect();
    let sheet = if with_dates { "Extension" } else { "Claim" };
    let style =
        CsvStyle { delimiter: "auto".to_owned(), encoding: "auto".to_owned(), decimal: NumberStyle::Point };
    match args.format {
        Format::Csv => write_csv(&header, &cells, &style),
        Format::Xlsx => xlsx::write(sheet, &header, &cells, made_on),
    }
    .map_err(wrong)
}

/// Writes a file that the ledger has kept, whole or not at all, and never over another.
fn write(row: &DeadlineFileRow, folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join(&row.file_name);
    let kept = || {
        format!(
            "the file is kept in the ledger and not written; `encours deadlines files {} --out FOLDER` writes it",
            row.id
        )
    };
    drop::refuse_another(&path, &row.content).with_context(kept)?;
    let part = drop::prepare(folder, &row.file_name, &row.content).with_context(kept)?;
    drop::publish(&part, &path).with_context(kept)?;
    Ok(path)
}

fn value(row: &DeadlineFileRow) -> Value {
    json!({
        "id": row.id, "kind": row.kind, "connection": row.connection, "policy": row.policy, "buyer": row.buyer_id,
        "file_name": row.file_name, "sha256": row.content_hash, "made_on": row.made_on, "made_by": row.made_by,
        "recorded_at": row.recorded_at, "bytes": row.content.len(),
        "invoices": row.invoices.iter().map(|(erp, key)| json!({ "erp": erp, "external_id": key })).collect::<Vec<_>>(),
    })
}

/// Runs `encours deadlines files`.
///
/// # Errors
/// A file that is not known; the ledger or the folder.
pub async fn list(context: &Context, args: &FilesArgs) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let mut rows = books.tx.deadline_files(&company).await?;
    books.close().await?;
    if let Some(id) = &args.id {
        let row = one(&rows, id)?;
        let path = write(row, &args.out)?;
        context.answer(
            || {
                format!(
                    "{}: the same bytes as on {}. SHA-256 {}\n",
                    path.display(),
                    row.made_on,
                    row.content_hash
                )
            },
            || value(row),
        )?;
        return Ok(Exit::Fine);
    }
    rows.reverse();
    context.answer(
        || {
            if rows.is_empty() {
                return "No file was made yet: `encours deadlines file claim INVOICE…`.\n".to_owned();
            }
            let mut table = Table::new(&[
                Column::Word("id"),
                Column::Word("made on"),
                Column::Word("by"),
                Column::Word("policy"),
                Column::Text("invoices"),
                Column::Word("file"),
            ]);
            for row in &rows {
                let invoices: Vec<String> =
                    row.invoices.iter().map(|(erp, key)| format!("{erp}/{key}")).collect();
                table.row([
                    row.id.clone(),
                    row.made_on.to_string(),
                    row.made_by.clone(),
                    row.policy.clone(),
                    invoices.join(", "),
                    row.file_name.clone(),
                ]);
            }
            table.to_string()
        },
        || json!({ "files": rows.iter().map(value).collect::<Vec<_>>() }),
    )?;
    Ok(Exit::Fine)
}

fn one<'r>(rows: &'r [DeadlineFileRow], id: &str) -> anyhow::Result<&'r DeadlineFileRow> {
    let found: Vec<&DeadlineFileRow> = rows.iter().filter(|row| row.id.starts_with(id)).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(wrong(format!("no file {id} was made; `encours deadlines files` lists them"))),
        _ => Err(wrong(format!("several files begin with {id}"))),
    }
}

/// What is added to how a deadline was met where a file went out for it.
///
/// # Errors
/// The file is not known, is for something else, or does not hold the invoice.
pub async fn told(context: &Context, id: &str, kind: DeadlineKind, invoice: &str) -> anyhow::Result<String> {
    let mut books = context.books().await?;
    let company = books.company();
    let rows = books.tx.deadline_files(&company).await?;
    let row = one(&rows, id)?;
    let mut holds = false;
    for (erp, key) in row.invoices.iter() {
        let number = books.tx.item_number(erp, key).await?;
        holds |= key == invoice || format!("{erp}/{key}") == invoice || number.as_deref() == Some(invoice);
    }
    books.close().await?;
    if row.kind != kind.as_str() || !holds {
        let told = format!(
            "the file {} is not a {} of {invoice}; nothing was changed",
            row.id,
            kind.as_str().replace('_', " ")
        );
        return Err(Misconfigured(told).into());
    }
    Ok(format!("{}, SHA-256 {}", row.file_name, row.content_hash))
}
