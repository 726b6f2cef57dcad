//! The terms of one policy period as a person writes them, every problem told in its place.
//!
//! A `[[policy]]` of `encours.toml` and a `[[period]]` of a policy file are the same table and are read by the same code.
//! Amounts and percentages are texts, because a number of TOML is a float.

mod layers;

use std::ops::Range;

use rust_decimal::Decimal;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use self::layers::LayerTable;
use super::reader::{Excluded, Form, Places, Reader, Text};
use crate::format::toml::Problem;
use crate::model::{
    Automation, AutomationRule, Basis, Block, ClaimFrom, ClaimRule, Currency, DiscretionaryRule, Fees,
    NoticeFrom, NoticeRule, Policy, Report, RequestRule, StatementMethod, StatementRule, StopLifts, StopRule,
    ThresholdPer, WhenEnded,
};

/// `[[policy]]`, or a `[[period]]` with what the head of its file states.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    number: Text,
    connection: Text,
    insured_companies: Option<Vec<Text>>,
    #[serde(default = "super::euro")]
    currency: Currency,
    valid_from: Text,
    valid_to: Option<Text>,
    basis: Option<Basis>,
    insured_percentage: Text,
    discretionary_percentage: Option<Text>,
    #[serde(default)]
    layers: Vec<LayerTable>,
    #[serde(default)]
    excluded_buyers: Vec<Spanned<Excluded>>,
    #[serde(default)]
    excluded_countries: Vec<Text>,
    pooled_groups: Option<Spanned<bool>>,
    maximum_terms_days: Option<i64>,
    mep_days: Option<Spanned<i64>>,
    cover_stop: Option<CoverStop>,
    discretionary: Option<Spanned<Discretionary>>,
    exposure_threshold: Option<Text>,
    #[serde(default = "warning_days")]
    warning_days: i64,
    #[serde(default)]
    countries: Vec<Text>,
    #[serde(default = "when_ended")]
    when_ended: WhenEnded,
    requests: Option<Requests>,
    #[serde(default)]
    fees: FeesTable,
    notices: Option<Notices>,
    claims: Option<Claims>,
    extension_days_before: Option<Spanned<i64>>,
    deadline_warning_days: Option<Vec<Spanned<i64>>>,
    statement: Option<Statement>,
    #[serde(default)]
    automation: AutomationTable,
}

/// `discretionary`: an amount that is the same for every buyer, or `[policy.discretionary]`, how it is computed.
enum Discretionary {
    Fixed(String),
    Computed(Box<DiscretionaryTable>),
}

/// `[policy.discretionary]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscretionaryTable {
    amount: Text,
    share_percent: Option<Text>,
    experience_months: Option<Spanned<i64>>,
    min_payments: Option<Spanned<i64>>,
    without_experience: Option<Text>,
    max_days_late: Option<Spanned<i64>>,
    #[serde(default)]
    reports: Vec<ReportTable>,
    blocks: Option<Vec<Block>>,
    rebuild_months: Option<Spanned<i64>>,
}

/// One of `reports`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportTable {
    rating: String,
    amount: Text,
}

/// By hand, since what is told apart by trying loses its place in the file.
impl<'de> Deserialize<'de> for Discretionary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Discretionary;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an amount as a text, or a table that says how it is computed")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Discretionary::Fixed(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let table = DiscretionaryTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Discretionary::Computed(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// `[policy.requests]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Requests {
    headroom_percent: Option<Text>,
    step: Option<Text>,
    peak_days: i64,
    slack_percent: Option<Text>,
    slack_days: i64,
    cool_off_days: i64,
    idle_days: i64,
    automatic_max: Option<Text>,
    expires_days: i64,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            headroom_percent: None,
            step: None,
            peak_days: 90,
            slack_percent: None,
            slack_days: 60,
            cool_off_days: 90,
            idle_days: 365,
            automatic_max: None,
            expires_days: 30,
        }
    }
}

/// `[policy.fees]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FeesTable {
    request: Option<Text>,
    change: Option<Text>,
    monitoring: Option<Text>,
    look_up: Option<Text>,
    urgent: Option<Text>,
}

/// `[policy.cover_stop]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverStop {
    threshold: Option<Text>,
    lifts: Spanned<StopLifts>,
}

/// `[policy.notices]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notices {
    from: Option<Spanned<NoticeFrom>>,
    days: Spanned<i64>,
    threshold: Option<Text>,
    threshold_per: Option<ThresholdPer>,
}

/// `[policy.claims]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    from: Spanned<ClaimFrom>,
    days: Spanned<i64>,
    threshold: Option<Text>,
    threshold_per: Option<ThresholdPer>,
}

/// `[policy.statement]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    method: StatementMethod,
    from: Text,
}

/// `[policy.automation]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AutomationTable {
    request: Option<Automation>,
    change: Option<Automation>,
    cancel: Option<Automation>,
    write_back: Option<Automation>,
    notice: Option<Automation>,
    statement: Option<Automation>,
}

const fn warning_days() -> i64 {
    30
}

const fn when_ended() -> WhenEnded {
    WhenEnded::Zero
}

/// A period that was read, with what problems about it are placed with.
pub(super) struct Found<'a> {
    pub(super) policy: Policy,
    pub(super) places: Places<'a>,
    /// Where its number stands.
    pub(super) number: Range<usize>,
    /// Where its first day stands.
    pub(super) valid_from: Range<usize>,
}

impl Table {
    /// The period, or nothing when a term that cover needs is wrong.
    pub(super) fn read<'a>(&self, places: &Places<'a>, problems: &mut Vec<Problem>) -> Option<Found<'a>> {
        let policy = self.policy(places, problems)?;
        let (number, valid_from) = (self.number.span(), self.valid_from.span());
        Some(Found { policy, places: *places, number, valid_from })
    }

    fn policy(&self, places: &Places<'_>, problems: &mut Vec<Problem>) -> Option<Policy> {
        let mut reader = Reader { places, problems, currency: self.currency };
        reader.connection(&self.connection);
        let valid_from = reader.date(&self.valid_from);
        let valid_to = self.valid_to.as_ref().and_then(|field| reader.date(field));
        if let (Some(field), Some(from), Some(to)) = (&self.valid_to, valid_from, valid_to)
            && to < from
        {
            reader.problem(field, format!("the period ends on {to}, before it begins on {from}"));
        }
        let insured_companies = self.insured_companies(&mut reader);
        let (discretionary_minor, discretionary_rule) = self.discretionary(&mut reader);
        if let (Some(field), Some(_)) = (&self.discretionary, &discretionary_rule)
            && insured_companies.iter().any(|id| id != places.company)
        {
            // Each configuration knows how its own customers paid, so each would compute another shared limit.
            let told = "a discretionary limit that is computed from payments cannot be shared by several insured companies yet: state one \
                        amount, or leave the other companies out of insured_companies, and what they use is not counted";
            reader.problem(field, told);
        }
        let exposure_threshold_minor = reader.amount_or(self.exposure_threshold.as_ref(), 0);
        let insured_percentage = reader.percentage(&self.insured_percentage, Decimal::ONE_HUNDRED);
        let discretionary_percentage = self
            .discretionary_percentage
            .as_ref()
            .and_then(|field| reader.percentage(field, Decimal::ONE_HUNDRED));
        let layers = layers::read(&self.layers, &mut reader);
        let excluded_buyers =
            self.excluded_buyers.iter().filter_map(|field| reader.excluded_buyer(field)).collect();
        let excluded_countries = reader.countries(&self.excluded_countries);
        let pooled_groups = reader.pooled_groups(self.pooled_groups.as_ref());
        let countries = reader.countries(&self.countries);
        let requests = self.requests.as_ref().map(|table| table.read(&mut reader));
        let fees = Fees {
            request_minor: reader.amount_or(self.fees.request.as_ref(), 0),
            change_minor: reader.amount_or(self.fees.change.as_ref(), 0),
            monitoring_minor: reader.amount_or(self.fees.monitoring.as_ref(), 0),
            look_up_minor: reader.amount_or(self.fees.look_up.as_ref(), 0),
            urgent_minor: reader.amount_or(self.fees.urgent.as_ref(), 0),
        };
        let mep_days = self.mep_days.as_ref().and_then(|field| reader.days(field));
        let cover_stop = self.cover_stop.as_ref().map(|table| {
            reader.needs_mep(mep_days, &table.lifts, "cover stops with the end of the extension period");
            StopRule {
                threshold_minor: reader.amount_or(table.threshold.as_ref(), 0),
                lifts: *table.lifts.get_ref(),
            }
        });
        let notices = self.notices.as_ref().map(|table| {
            if let Some(from) = table.from.as_ref().filter(|from| *from.get_ref() == NoticeFrom::ExtensionEnd)
            {
                reader.needs_mep(mep_days, from, "notices count from the end of the extension period");
            }
            NoticeRule {
                from: table.from.as_ref().map_or(NoticeFrom::Due, |from| *from.get_ref()),
                days: reader.days(&table.days).unwrap_or_default(),
                threshold: reader.threshold(table.threshold.as_ref(), table.threshold_per),
            }
        });
        let claims = self.claims.as_ref().map(|table| {
            if *table.from.get_ref() == ClaimFrom::Notice && notices.is_none() {
                let table_of = match places.form {
                    Form::Table => "[policy.notices]",
                    Form::File => "[notices] or [period.notices]",
                };
                let told = format!(
                    "claims count from the notice's last day, and the policy has no {table_of}: add it, or count from \"due\""
                );
                reader.problem(&table.from, told);
            }
            ClaimRule {
                from: *table.from.get_ref(),
                days: reader.days(&table.days).unwrap_or_default(),
                threshold: reader.threshold(table.threshold.as_ref(), table.threshold_per),
            }
        });
        let extension_days_before = self.extension_days_before.as_ref().and_then(|field| reader.days(field));
        let deadline_warning_days = match &self.deadline_warning_days {
            None => vec![15, 5],
            Some(fields) => fields.iter().filter_map(|field| reader.days(field)).collect(),
        };
        let statement = self
            .statement
            .as_ref()
            .and_then(|table| Some(StatementRule { method: table.method, from: reader.date(&table.from)? }));
        Some(Policy {
            insured_companies,
            valid_to,
            basis: self.basis.unwrap_or(Basis::Gross),
            discretionary_percentage,
            layers,
            excluded_buyers,
            excluded_countries,
            pooled_groups,
            maximum_terms_days: self.maximum_terms_days,
            mep_days,
            cover_stop,
            discretionary_minor,
            discretionary_rule,
            exposure_threshold_minor,
            warning_days: self.warning_days,
            countries,
            requests,
            fees,
            notices,
            claims,
            extension_days_before,
            deadline_warning_days,
            statement,
            automation: self.automation.read(),
            when_ended: self.when_ended,
            ..Policy::plain(
                self.connection.get_ref(),
                self.number.get_ref(),
                self.currency,
                valid_from?,
                insured_percentage?,
            )
        })
    }

    /// The discretionary limit: the same amount for every buyer, or how it is computed.
    fn discretionary(&self, reader: &mut Reader<'_>) -> (i64, Option<DiscretionaryRule>) {
        let Some(field) = &self.discretionary else { return (0, None) };
        let table = match field.get_ref() {
            Discretionary::Fixed(text) => {
                return (reader.amount(&Spanned::new(field.span(), text.clone())), None);
            }
            Discretionary::Computed(table) => table,
        };
        let amount_minor = reader.amount(&table.amount);
        let within = |field: &Text, reader: &mut Reader<'_>| {
            let minor = reader.amount(field);
            if minor > amount_minor {
                reader.problem(field, "it is more than amount, which is the most that the limit can be");
            }
            minor
        };
        let without_experience_minor =
            table.without_experience.as_ref().map_or(0, |field| within(field, reader));
        let mut reports: Vec<Report> = Vec::new();
        for report in &table.reports {
            if reports.iter().any(|known| known.rating == report.rating) {
                reader.problem(&report.amount, format!("the rating \"{}\" stands here twice", report.rating));
            }
            let amount_minor = within(&report.amount, reader);
            reports.push(Report { rating: report.rating.clone(), amount_minor });
        }
        let rule = DiscretionaryRule {
            amount_minor,
            share_percent: reader.percentage_or(table.share_percent.as_ref(), 100),
            experience_months: reader.count(table.experience_months.as_ref(), 1, 12),
            min_payments: reader.count(table.min_payments.as_ref(), 1, 2),
            without_experience_minor,
            max_days_late: table
                .max_days_late
                .as_ref()
                .map_or(Some(30), |field| reader.days(field))
                .unwrap_or_default(),
            reports,
            blocks: table.blocks.clone().unwrap_or_else(|| Block::ALL.to_vec()),
            rebuild_months: reader.count(table.rebuild_months.as_ref(), 0, 0),
        };
        (0, Some(rule))
    }

    /// The ids of the insured companies; that of the configuration is one of them.
    fn insured_companies(&self, reader: &mut Reader<'_>) -> Vec<String> {
        let Some(fields) = &self.insured_companies else { return Vec::new() };
        let ids: Vec<String> = fields.iter().map(|field| field.get_ref().clone()).collect();
        let own = reader.places.company;
        match fields.first() {
            Some(field) if !ids.iter().any(|id| id == own) => {
                let told = format!(
                    "the policy insures {}, and the company of the configuration is \"{own}\": add it, or leave the policy out",
                    ids.join(", ")
                );
                reader.problem(field, told);
            }
            _ => {}
        }
        ids
    }
}

impl Requests {
    fn read(&self, reader: &mut Reader<'_>) -> RequestRule {
        let unit = 10_i64.pow(reader.currency.decimals());
        let step_minor = match &self.step {
            None => unit.saturating_mul(1_000),
            Some(field) => {
                let step = reader.amount(field);
                if step == 0 {
                    reader.problem(field, "the step is more than 0");
                }
                step.max(1)
            }
        };
        RequestRule {
            headroom_percent: reader.percentage_or(self.headroom_percent.as_ref(), 10),
            step_minor,
            peak_days: self.peak_days.max(0),
            slack_percent: reader.percentage_or(self.slack_percent.as_ref(), 100),
            slack_days: self.slack_days.max(0),
            cool_off_days: self.cool_off_days.max(0),
            idle_days: self.idle_days.max(0),
            automatic_max_minor: self.automatic_max.as_ref().map(|field| reader.amount(field)),
            expires_days: self.expires_days.max(1),
        }
    }
}

impl AutomationTable {
    fn read(&self) -> AutomationRule {
        let usual = AutomationRule::default();
        AutomationRule {
            request: self.request.unwrap_or(usual.request),
            change: self.change.unwrap_or(usual.change),
            cancel: self.cancel.unwrap_or(usual.cancel),
            write_back: self.write_back.unwrap_or(usual.write_back),
            notice: self.notice.unwrap_or(usual.notice),
            statement: self.statement.unwrap_or(usual.statement),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use crate::model::Exclusion;
    use crate::model::{BuyerKind, Threshold};
    use std::path::Path;

    const POLICY: &str = r#"
[company]
id = "acme"
name = "Exemple SAS"

[ledger]
url = "sqlite:encours.db"

[[connection]]
id = "insurer"
connector = "atradius"

[[policy]]
number = "0042"
connection = "insurer"
currency = "JPY"
valid_from = "2026-01-01"
insured_percentage = "90"
mep_days = 60
countries = ["FR", "DE"]
excluded_buyers = [{ siren = "404 833 048", kind = "affiliate" }, { buyer = "account:erp:7", kind = "public" }]
excluded_countries = ["IT"]

[policy.cover_stop]
threshold = "50000"
lifts = "stays"

[policy.requests]
headroom_percent = "12.5"
automatic_max = "5000000"

[policy.fees]
request = "3500"

[policy.notices]
from = "mep"
days = 30
threshold = "9000"
threshold_per = "buyer"

[policy.claims]
from = "notice"
days = 120

[policy.statement]
method = "turnover"
from = "2026-01-01"

[policy.automation]
request = "automatic"
write_back = "never"
"#;

    #[test]
    fn what_encours_may_do_is_read_with_the_terms() {
        let config = Config::parse("encours.toml", POLICY, Path::new(".")).unwrap();
        let policy = &config.policies[0];
        let rule = policy.requests.as_ref().unwrap();
        assert_eq!(rule.headroom_percent.to_string(), "12.5");
        assert_eq!(rule.step_minor, 1_000, "a thousand units of a currency without decimals");
        assert_eq!(rule.automatic_max_minor, Some(5_000_000));
        assert_eq!(
            (policy.automation.request, policy.automation.write_back),
            (Automation::Automatic, Automation::Never)
        );
        assert_eq!(policy.automation.cancel, Automation::Person, "what is not said waits for a person");
        assert!(policy.takes("DE") && !policy.takes("ES"));
        assert_eq!(policy.mep_days, Some(60));
        assert_eq!(policy.exclusion("siren:404833048", "FR"), Some(Exclusion::Buyer(BuyerKind::Affiliate)));
        assert_eq!(policy.exclusion("account:erp:7", "IT"), Some(Exclusion::Buyer(BuyerKind::Public)));
        assert_eq!(policy.exclusion("account:erp:8", "IT"), Some(Exclusion::Country));
        assert_eq!(
            (policy.exclusion("account:erp:8", "FR"), policy.exclusion("account:erp:8", "")),
            (None, None)
        );
        let notices = policy.notices.as_ref().unwrap();
        assert_eq!(notices.threshold, Threshold { minor: 9_000, per: ThresholdPer::Buyer });
        assert_eq!(policy.claims.as_ref().unwrap().threshold.per, ThresholdPer::Invoice);
        assert_eq!(
            (policy.deadline_warning_days.as_slice(), policy.extension_days_before),
            ([15, 5].as_slice(), None)
        );
        let stop = policy.cover_stop.as_ref().unwrap();
        assert_eq!((stop.threshold_minor, stop.lifts), (50_000, StopLifts::Stays));
        assert_eq!((policy.fees.request_minor, policy.fees.urgent_minor), (3_500, 0));
        assert_eq!(policy.basis, Basis::Gross, "tax counts where the policy does not say otherwise");
    }

    const COMPUTED: &str = r#"
[policy.discretionary]
amount = "2500000"
share_percent = "80"
experience_months = 6
min_payments = 3
without_experience = "300000"
max_days_late = 15
reports = [{ rating = "2", amount = "1500000" }, { rating = "1", amount = "2500000" }]
blocks = ["overdue"]
rebuild_months = 3
"#;

    #[test]
    fn the_discretionary_limit_is_an_amount_or_how_it_is_computed() {
        let told = |text: &str| {
            let problems = Config::parse("encours.toml", text, Path::new(".")).unwrap_err();
            problems.iter().map(|p| format!("{p}\n")).collect::<String>()
        };
        let first =
            |text: &str| Config::parse("encours.toml", text, Path::new(".")).unwrap().policies.remove(0);
        let fixed = POLICY.replace("mep_days = 60", "mep_days = 60\ndiscretionary = \"1000000\"");
        assert_eq!((first(&fixed).discretionary_minor, first(&fixed).discretionary_rule), (1_000_000, None));
        let text = format!("{POLICY}{COMPUTED}");
        let policy = first(&text);
        let rule = policy.discretionary_rule.unwrap();
        assert_eq!((policy.discretionary_minor, rule.amount_minor), (0, 2_500_000));
        assert_eq!((rule.share_percent.to_string(), rule.experience_months), ("80".to_owned(), 6));
        assert_eq!((rule.min_payments, rule.max_days_late, rule.rebuild_months), (3, 15, 3));
        assert_eq!((rule.without_experience_minor, rule.blocks), (300_000, vec![Block::Overdue]));
        assert_eq!(rule.reports[0], Report { rating: "2".to_owned(), amount_minor: 1_500_000 });
        let usual = first(&format!("{POLICY}\n[policy.discretionary]\namount = \"5\"\n"));
        let usual = usual.discretionary_rule.unwrap();
        assert_eq!((usual.experience_months, usual.min_payments, usual.max_days_late), (12, 2, 30));
        assert_eq!(usual.blocks, Block::ALL, "what blocks does so unless the policy says otherwise");

        let line = text.lines().position(|line| line == "[policy.discretionary]").unwrap() + 1;
        for (from, to, at, why) in [
            ("\"300000\"", "\"2500001\"", format!(":{}:22:", line + 5), "more than amount"),
            ("\"1500000\"", "\"15.5\"", format!(":{}:37:", line + 7), "decimals"),
            ("rating = \"1\"", "rating = \"2\"", format!(":{}:75:", line + 7), "twice"),
            ("experience_months = 6", "experience_months = 0", format!(":{}:21:", line + 3), "1 to 120"),
            ("max_days_late = 15", "max_days_late = -1", format!(":{}:17:", line + 6), "days here"),
            ("min_payments", "min_payment", format!(":{}:1:", line + 4), "unknown field"),
            ("[\"overdue\"]", "[\"weather\"]", format!(":{}:10:", line + 8), "overdue, cover_stop"),
        ] {
            let wrong = told(&text.replace(from, to));
            assert!(wrong.contains(&at) && wrong.contains(why), "{at} {why}: {wrong}");
        }
        let number = told(&POLICY.replace("mep_days = 60", "mep_days = 60\ndiscretionary = 5"));
        assert!(number.contains("encours.toml:20:") && number.contains("an amount as a text"), "{number}");
    }

    #[test]
    fn wrong_terms_are_told_in_their_place() {
        let told = |text: &str| {
            let problems = Config::parse("encours.toml", text, Path::new(".")).unwrap_err();
            problems.iter().map(|p| format!("{p}\n")).collect::<String>()
        };
        assert!(told(&POLICY.replace("\"12.5\"", "\"a lot\"")).contains("encours.toml:29:20: a percentage"));
        assert!(told(&POLICY.replace("\"3500\"", "\"35.5\"")).contains("decimals"));
        assert!(told(&POLICY.replace("\"never\"", "\"maybe\"")).contains("never, person, automatic"));
        assert!(told(&POLICY.replace("\"DE\"", "\"Germany\"")).contains("two capital letters"));
        assert!(
            told(&POLICY.replace("404 833 048", "404833049"))
                .contains("encours.toml:21:20: 404833049 is no SIREN")
        );
        assert!(told(&POLICY.replace("buyer = \"account:erp:7\", ", "")).contains("named by one of siren"));
        assert!(told(&POLICY.replace("\"IT\"", "\"it\"")).contains("encours.toml:22:23: a country"));
        assert!(told(&POLICY.replace("mep_days", "mep")).contains("unknown field `mep`"));
        let without = told(&POLICY.replace("mep_days = 60\n", ""));
        assert!(without.contains("encours.toml:25:9: cover stops"), "{without}");
        assert!(without.contains("encours.toml:35:8: notices count"), "{without}");
        assert!(told(&POLICY.replace("= 60", "= -1")).contains("encours.toml:19:12: days here"));
        let (head, rest) = POLICY.split_once("[policy.notices]").unwrap();
        let rest = rest.split_once("[policy.claims]").unwrap().1;
        assert!(told(&format!("{head}[policy.claims]{rest}")).contains("the policy has no [policy.notices]"));
        let warned = POLICY.replace("mep_days = 60", "mep_days = 60\ndeadline_warning_days = [20, -3]");
        assert!(told(&warned).contains("encours.toml:20:30: days here"), "{}", told(&warned));
        assert!(told(&POLICY.replace("\"stays\"", "\"never\"")).contains("payment, stays"));
        let basis = told(&POLICY.replace("mep_days = 60", "mep_days = 60\nbasis = \"nett\""));
        assert!(basis.contains("encours.toml:20:9:") && basis.contains("gross, net"), "{basis}");
        assert!(
            !told(&POLICY.replace("\"mep\"", "\"due\"").replace("mep_days = 60\n", "")).contains("notices"),
            "days from the due date need no extension period"
        );
    }
}
