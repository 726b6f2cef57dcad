//! The terms of a credit insurance policy, and what its holder lets Encours do under it.
//!
//! Values belong to a policy *period*, never to code. Reference: shared rules, "Cover of each invoice" and "Planning
//! requests".

use rust_decimal::Decimal;

use super::{BuyerId, Currency, Date, Groups, LayerKind, words};

words! {
    /// Who lets an effect go.
    Automation {
        /// It is not even proposed.
        Never = "never",
        /// It is proposed, and waits for a person.
        Person = "person",
        /// It goes by itself.
        Automatic = "automatic",
    }
}

words! {
    /// What an overdue notice is counted from.
    NoticeFrom {
        /// The original due date.
        Due = "due",
        /// The end of the maximum extension period.
        ExtensionEnd = "mep",
    }
}

words! {
    /// What a claim is counted from.
    ClaimFrom {
        /// The last day for the overdue notice.
        Notice = "notice",
        /// The original due date.
        Due = "due",
    }
}

words! {
    /// Which amount is held against a threshold.
    ThresholdPer {
        /// That of the invoice.
        Invoice = "invoice",
        /// That of all invoices of the buyer that are past due.
        Buyer = "buyer",
    }
}

words! {
    /// Why a policy does not insure a buyer.
    BuyerKind {
        /// It is a public body.
        Public = "public",
        /// It is a private person.
        PrivatePerson = "private_person",
        /// It belongs to the same group.
        Affiliate = "affiliate",
    }
}

words! {
    /// How a stop of cover ends.
    StopLifts {
        /// By itself, once no invoice is past the extension period: what was delivered meanwhile regains cover.
        Payment = "payment",
        /// By the insurer's word only, which a person passes on.
        Stays = "stays",
    }
}

words! {
    /// What an exposure statement states.
    StatementMethod {
        /// What each buyer owes on the last day of the period.
        Balance = "balance",
        /// What was invoiced to each buyer within the period.
        Turnover = "turnover",
    }
}

words! {
    /// Which amount of an invoice counts.
    Basis {
        /// All of it, tax included.
        Gross = "gross",
        /// What of it is not tax.
        Net = "net",
    }
}

impl Default for Basis {
    /// What counts where a policy does not say.
    fn default() -> Self {
        Self::Gross
    }
}

impl Basis {
    const fn is_gross(&self) -> bool {
        matches!(self, Self::Gross)
    }
}

words! {
    /// What the ERP is told when a cover has ended without the insurer having refused it.
    WhenEnded {
        /// That nothing is covered.
        Zero = "zero",
        /// Nothing: the limit is taken out.
        Remove = "remove",
        /// That deliveries stop.
        Block = "block",
    }
}

words! {
    /// What takes the discretionary limit of a buyer away.
    Block {
        /// An invoice is open, or was paid, later than the policy allows.
        Overdue = "overdue",
        /// An unpaid invoice has stopped cover.
        CoverStop = "cover_stop",
    }
}

/// What a rating gives as a discretionary limit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The rating, as the insurer writes it: scales differ, so none is better than another by itself.
    pub rating: String,
    /// What it gives, minor units.
    pub amount_minor: i64,
}

/// How the discretionary limit of a buyer is computed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DiscretionaryRule {
    /// The most it can be, minor units.
    pub amount_minor: i64,
    /// What of the highest balance that was paid in time counts, in percent.
    pub share_percent: Decimal,
    /// Payments within this many months count.
    pub experience_months: u32,
    /// How many of them experience takes.
    pub min_payments: u32,
    /// What a buyer has without experience, minor units.
    pub without_experience_minor: i64,
    /// A payment so many days after the original due date is still in time.
    pub max_days_late: i64,
    /// What ratings give.
    pub reports: Vec<Report>,
    /// What takes it away.
    pub blocks: Vec<Block>,
    /// How many months after a block has ended it counts again.
    pub rebuild_months: u32,
}

/// When Encours proposes to ask the insurer for another limit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RequestRule {
    /// Added to the need, in percent.
    pub headroom_percent: Decimal,
    /// Requests are a multiple of this, minor units.
    pub step_minor: i64,
    /// The need looks back this many days for the highest exposure.
    pub peak_days: i64,
    /// A limit that exceeds the need by more than this, in percent, is too high.
    pub slack_percent: Decimal,
    /// … when it has done so for this many days.
    pub slack_days: i64,
    /// After a refusal nothing is asked for this many days.
    pub cool_off_days: i64,
    /// A limit without exposure for this many days is given up.
    pub idle_days: i64,
    /// Above this a person approves, minor units; none when nothing is too high.
    pub automatic_max_minor: Option<i64>,
    /// A proposal that nobody approved ends after this many days, to be made anew from the figures of then.
    pub expires_days: i64,
}

/// What the insurer charges, minor units of the policy's currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fees {
    /// For a first request on a buyer.
    pub request_minor: i64,
    /// For a higher or lower amount.
    pub change_minor: i64,
    /// For watching over a limit, per year.
    pub monitoring_minor: i64,
    /// For looking a buyer up.
    pub look_up_minor: i64,
    /// For asking urgently, beside the fee of the request.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub urgent_minor: i64,
}

const fn is_nothing(minor: &i64) -> bool {
    *minor == 0
}

/// When an unpaid invoice stops cover for later deliveries to its buyer: with the end of the extension period.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StopRule {
    /// An invoice with less left than this, after open credits, stops nothing; minor units.
    pub threshold_minor: i64,
    /// How the stop ends.
    pub lifts: StopLifts,
}

/// When an overdue invoice has to be notified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NoticeRule {
    /// What the days are counted from.
    pub from: NoticeFrom,
    /// Days until the notice is owed.
    pub days: i64,
    /// What needs no notice.
    pub threshold: Threshold,
}

/// When a claim has to be made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClaimRule {
    /// What the days are counted from.
    pub from: ClaimFrom,
    /// Days until the claim is owed.
    pub days: i64,
    /// What needs no claim.
    pub threshold: Threshold,
}

/// The least amount that a deadline is for: what open credits leave is held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Threshold {
    /// Less than this needs nothing, minor units.
    pub minor: i64,
    /// Which amount is held against it.
    pub per: ThresholdPer,
}

/// What is stated to the insurer, and when.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StatementRule {
    /// Balance or turnover.
    pub method: StatementMethod,
    /// The first period that is stated starts here: months before are not Encours' business.
    pub from: Date,
}

/// Who lets what go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AutomationRule {
    /// A first request on a buyer.
    pub request: Automation,
    /// A higher or a lower amount.
    pub change: Automation,
    /// Giving a limit up.
    pub cancel: Automation,
    /// Writing a limit into the ERP.
    pub write_back: Automation,
    /// An overdue notice.
    pub notice: Automation,
    /// An exposure statement.
    pub statement: Automation,
}

impl Default for AutomationRule {
    /// Everything is proposed, nothing goes by itself.
    fn default() -> Self {
        Self {
            request: Automation::Person,
            change: Automation::Person,
            cancel: Automation::Person,
            write_back: Automation::Person,
            notice: Automation::Person,
            statement: Automation::Person,
        }
    }
}

/// A buyer that a policy period does not insure.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExcludedBuyer {
    /// The legal buyer.
    pub buyer: BuyerId,
    /// Why.
    pub kind: BuyerKind,
}

/// What keeps a buyer out of a policy period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusion {
    /// Its kind.
    Buyer(BuyerKind),
    /// Its country.
    Country,
}

/// What a policy period says of the layers of one kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LayerTerm {
    /// Which layers.
    pub kind: LayerKind,
    /// Share of a loss covered by them that is paid, 0 to 100; none where they are no cover under the policy.
    pub insured_percentage: Option<Decimal>,
}

/// One period of one policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    /// The policy number, as the insurer writes it in its answers.
    pub number: String,
    /// The connection of the insurer.
    pub connection: String,
    /// The ids of the companies that it insures; none named means that of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub insured_companies: Vec<String>,
    /// The currency that limits and cover are counted in.
    pub currency: Currency,
    /// First day of the period.
    pub valid_from: Date,
    /// Last day of the period; none while it is renewed tacitly.
    pub valid_to: Option<Date>,
    /// Which amount of an invoice counts.
    #[serde(default, skip_serializing_if = "Basis::is_gross")]
    pub basis: Basis,
    /// Share of a covered loss that is paid, 0 to 100.
    pub insured_percentage: Decimal,
    /// The same for what the discretionary limit covers; none when it is no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discretionary_percentage: Option<Decimal>,
    /// Kinds of layers that are paid otherwise, or are no cover, each kind once; a kind that is not named counts like any limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerTerm>,
    /// Buyers that are not insured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_buyers: Vec<ExcludedBuyer>,
    /// Countries whose buyers are not insured, ISO 3166 alpha-2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_countries: Vec<String>,
    /// The groups whose companies share the limit on the one above them; none where each buyer has its own.
    #[serde(default, skip_serializing_if = "Groups::is_empty")]
    pub pooled_groups: Groups,
    /// Longest credit, in days from invoice to due date, that is insured; none when the policy names none.
    pub maximum_terms_days: Option<i64>,
    /// The maximum extension period: days after the *original* due date; none when the policy names none.
    pub mep_days: Option<i64>,
    /// When an unpaid invoice stops cover; none when the policy has no such rule.
    pub cover_stop: Option<StopRule>,
    /// The small cover the policyholder grants himself on a buyer that was never decided, minor units.
    pub discretionary_minor: i64,
    /// How it is computed instead; none where it is the same for every buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discretionary_rule: Option<DiscretionaryRule>,
    /// A change of exposure below this is not announced, minor units.
    pub exposure_threshold_minor: i64,
    /// How many days before a temporary layer ends its end is announced.
    pub warning_days: i64,
    /// Countries of buyers that first requests go to this policy for, ISO 3166 alpha-2; none named means all.
    pub countries: Vec<String>,
    /// When another limit is asked for; none when Encours is not to propose requests.
    pub requests: Option<RequestRule>,
    /// What the insurer charges.
    pub fees: Fees,
    /// When overdue invoices are notified; none when it is not Encours' task.
    pub notices: Option<NoticeRule>,
    /// When claims are made; none when it is not Encours' task.
    pub claims: Option<ClaimRule>,
    /// Days before the due date until which an extension has to be asked for; none when the policy asks for none.
    pub extension_days_before: Option<i64>,
    /// How many days before its last day a deadline is warned of; the most is the first warning.
    pub deadline_warning_days: Vec<i64>,
    /// What is stated; none when nothing is.
    pub statement: Option<StatementRule>,
    /// Who lets what go.
    pub automation: AutomationRule,
    /// What the ERP is told of a cover that ended.
    pub when_ended: WhenEnded,
}

impl Policy {
    /// Whether the period contains a date.
    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        date >= self.valid_from && self.valid_to.is_none_or(|to| date <= to)
    }

    /// The companies that it insures beside one of them.
    pub fn insured_beside<'p>(&'p self, company: &'p str) -> impl Iterator<Item = &'p str> {
        self.insured_companies.iter().map(String::as_str).filter(move |id| *id != company)
    }

    /// What keeps a buyer out of the period; nothing where it is insured. A country that is not known keeps nobody out.
    #[must_use]
    pub fn exclusion(&self, buyer: &str, country: &str) -> Option<Exclusion> {
        if let Some(excluded) = self.excluded_buyers.iter().find(|excluded| excluded.buyer == buyer) {
            return Some(Exclusion::Buyer(excluded.kind));
        }
        self.excluded_countries.iter().any(|own| own == country).then_some(Exclusion::Country)
    }

    /// The percentage of what a kind of layer covers; none where the period does not take it as cover.
    #[must_use]
    pub fn layer_percentage(&self, kind: LayerKind) -> Option<Decimal> {
        let term = self.layers.iter().find(|term| term.kind == kind);
        term.map_or(Some(self.insured_percentage), |term| term.insured_percentage)
    }

    /// Whether first requests on buyers of a country go to this policy.
    #[must_use]
    pub fn takes(&self, country: &str) -> bool {
        self.countries.is_empty() || self.countries.iter().any(|own| own == country)
    }

    /// A policy with the terms that cover needs and nothing else: Encours proposes nothing under it but write-backs.
    #[must_use]
    pub fn plain(
        connection: &str,
        number: &str,
        currency: Currency,
        valid_from: Date,
        insured_percentage: Decimal,
    ) -> Self {
        Self {
            number: number.to_owned(),
            connection: connection.to_owned(),
            insured_companies: Vec::new(),
            currency,
            valid_from,
            valid_to: None,
            basis: Basis::Gross,
            insured_percentage,
            discretionary_percentage: None,
            layers: Vec::new(),
            excluded_buyers: Vec::new(),
            excluded_countries: Vec::new(),
            pooled_groups: Groups::default(),
            maximum_terms_days: None,
            mep_days: None,
            cover_stop: None,
            discretionary_minor: 0,
            discretionary_rule: None,
            exposure_threshold_minor: 0,
            warning_days: 30,
            countries: Vec::new(),
            requests: None,
            fees: Fees::default(),
            notices: None,
            claims: None,
            extension_days_before: None,
            deadline_warning_days: vec![15, 5],
            statement: None,
            automation: AutomationRule::default(),
            when_ended: WhenEnded::Zero,
        }
    }
}
