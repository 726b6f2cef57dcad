//! `encours policy check`: every clause of every period in words, and what follows where a clause is missing.

use std::path::Path;

use encours::config::Config;
use encours::credit::clause::{Clause, automations};
use encours::model::{
    Automation, Block, BuyerKind, ClaimFrom, Date, DiscretionaryRule, LayerKind, Money, NoticeFrom, Policy,
    StatementMethod, StopLifts, Threshold, ThresholdPer, WhenEnded,
};
use rust_decimal::Decimal;
use serde_json::json;

use super::super::table::{Column, Table, plural};
use super::super::{Context, Exit, Misconfigured, today, words};

/// Runs the command.
///
/// # Errors
/// [`Misconfigured`] with every problem.
pub fn run(context: &Context, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = match file.filter(|_| context.config.exists()) {
        None => context.config()?,
        Some(file) => Config::load_with_policy(&context.config, file)
            .map_err(|problems| Misconfigured::problems(&problems))?,
    };
    context.answer(|| told(&config, today()), || value(&config))?;
    Ok(Exit::Fine)
}

/// The periods of each policy with its file, in the order of the policies, each by its days.
fn by_policy(config: &Config) -> Vec<(&str, Vec<&Policy>)> {
    let mut all: Vec<(&str, Vec<&Policy>)> = Vec::new();
    for (policy, file) in config.policies.iter().zip(&config.policy_files) {
        let same = |periods: &[&Policy]| {
            periods
                .first()
                .is_some_and(|one| one.connection == policy.connection && one.number == policy.number)
        };
        match all.iter_mut().find(|(_, periods)| same(periods)) {
            Some((_, periods)) => periods.push(policy),
            None => all.push((file, vec![policy])),
        }
    }
    for (_, periods) in &mut all {
        periods.sort_by_key(|policy| policy.valid_from);
    }
    all
}

fn told(config: &Config, today: Date) -> String {
    let mut text = String::new();
    for (file, periods) in by_policy(config) {
        let Some(first) = periods.first() else { continue };
        text.push_str(&format!(
            "Policy {} with {}, in {} ({file})\n",
            first.number, first.connection, first.currency
        ));
        if !first.insured_companies.is_empty() {
            let all = first.insured_companies.join(", ");
            let together = match first.insured_companies.len() {
                0 | 1 => "",
                _ => ": what each of them is owed in this ledger uses the same limits",
            };
            text.push_str(&format!("It insures {all}{together}.\n"));
        }
        for policy in &periods {
            let now = if policy.contains(today) { ", in force today" } else { "" };
            text.push_str(&format!("\n{}{now}\n", days(policy)));
            let mut table =
                Table::new(&[Column::Word(""), Column::Word("clause"), Column::Text("what it says")]);
            for clause in Clause::ALL {
                let stated = clause.is_stated(policy);
                let words = if stated { says(*clause, policy) } else { missing(*clause).to_owned() };
                table.row([if stated { "✓" } else { "·" }.to_owned(), clause.to_string(), words]);
            }
            text.push_str(&table.to_string());
        }
        text.push('\n');
    }
    for warning in &config.warnings {
        text.push_str(&format!("! {warning}\n"));
    }
    let policies = by_policy(config).len();
    text.push_str(&match policies {
        0 => "There is no policy, so nothing is covered: write one into policies/, or as [[policy]].\n"
            .to_owned(),
        _ => format!("{}, fine. · is not stated.\n", plural(policies, "policy", "policies")),
    });
    text
}

fn value(config: &Config) -> serde_json::Value {
    let clause = |clause: &Clause, policy: &Policy| {
        let stated = clause.is_stated(policy);
        let words = if stated { says(*clause, policy) } else { missing(*clause).to_owned() };
        json!({ "clause": clause, "stated": stated, "says": words })
    };
    let period = |policy: &&Policy| {
        json!({
            "valid_from": policy.valid_from, "valid_to": policy.valid_to,
            "clauses": Clause::ALL.iter().map(|one| clause(one, policy)).collect::<Vec<_>>(),
        })
    };
    let policies = by_policy(config).into_iter().filter_map(|(file, periods)| {
        let first = periods.first()?;
        Some(json!({
            "number": first.number, "connection": first.connection, "currency": first.currency, "file": file,
            "insured_companies": first.insured_companies,
            "periods": periods.iter().map(period).collect::<Vec<_>>(),
        }))
    });
    let warnings = config.warnings.iter().map(|warning| {
        json!({ "file": warning.file, "line": warning.line, "column": warning.column, "message": warning.message })
    });
    json!({ "policies": policies.collect::<Vec<_>>(), "warnings": warnings.collect::<Vec<_>>() })
}

/// `From 2026-01-01 to 2026-12-31`.
fn days(policy: &Policy) -> String {
    let end = policy.valid_to.map_or_else(|| "on".to_owned(), |day| format!("to {day}"));
    format!("From {} {end}", policy.valid_from)
}

/// What a stated clause says.
fn says(clause: Clause, policy: &Policy) -> String {
    let money = |minor: i64| Money::new(minor, policy.currency).to_string();
    let threshold = |threshold: Threshold| {
        let of = match threshold.per {
            ThresholdPer::Invoice => "an invoice",
            ThresholdPer::Buyer => "a buyer whose invoices past due",
        };
        match (threshold.minor, threshold.per) {
            (..=0, _) => ", whatever its amount".to_owned(),
            (minor, ThresholdPer::Invoice) => format!(", for {of} with {} left or more", money(minor)),
            (minor, ThresholdPer::Buyer) => format!(", for {of} sum up to {} or more", money(minor)),
        }
    };
    let count = |days: i64| plural(days, "day", "days");
    match clause {
        Clause::InsuredPercentage => {
            format!("the insurer pays {} % of a covered loss", policy.insured_percentage.normalize())
        }
        Clause::Basis => {
            "invoices count net of tax; one that carries no tax figure counts whole, and the figures say so".to_owned()
        }
        Clause::DiscretionaryPercentage => {
            let share = policy.discretionary_percentage.unwrap_or_default().normalize();
            format!("the insurer pays {share} % of a loss that the discretionary limit covers")
        }
        Clause::Layers => {
            let told = policy.layers.iter().map(|term| {
                let kind = match term.kind {
                    LayerKind::Permanent => "permanent layers",
                    LayerKind::Temporary => "temporary layers",
                    LayerKind::TopUp => "top-ups",
                };
                let paid = |share: Decimal| format!("{} % of a loss that {kind} cover is paid", share.normalize());
                term.insured_percentage.map_or_else(|| format!("{kind} are no cover"), paid)
            });
            told.collect::<Vec<_>>().join("; ")
        }
        Clause::ExcludedBuyers => {
            let of = |kind: BuyerKind| {
                let own = policy.excluded_buyers.iter().filter(|excluded| excluded.kind == kind);
                own.map(|excluded| excluded.buyer.as_str()).collect::<Vec<_>>().join(", ")
            };
            let all = BuyerKind::ALL.iter().map(|kind| (words::buyer_kinds(*kind), of(*kind)));
            let named = all.filter(|(_, buyers)| !buyers.is_empty());
            let told = named.map(|(kind, buyers)| format!("{kind} {buyers}")).collect::<Vec<_>>().join("; ");
            format!("not insured: {told}")
        }
        Clause::ExcludedCountries => {
            format!("buyers in {} are not insured", policy.excluded_countries.join(", "))
        }
        Clause::PooledGroups => {
            "companies of a group share the limit on the nearest one above them, unless the insurer decided on them".to_owned()
        }
        Clause::MaximumTerms => {
            let most = count(policy.maximum_terms_days.unwrap_or_default());
            format!("an invoice due more than {most} after its date is not covered")
        }
        Clause::Discretionary => if let Some(rule) = &policy.discretionary_rule {
            computed(rule, policy)
        } else {
            format!("a buyer that was never decided is covered up to {}", money(policy.discretionary_minor))
        }
        Clause::Extension => {
            let after = count(policy.mep_days.unwrap_or_default());
            format!("the maximum extension period ends {after} after the original due date")
        }
        Clause::CoverStop => policy.cover_stop.as_ref().map_or_else(String::new, |rule| {
            let least = match rule.threshold_minor {
                ..=0 => String::new(),
                minor => format!(" with {} left or more", money(minor)),
            };
            let lifts = match rule.lifts {
                StopLifts::Payment => "until it is paid",
                StopLifts::Stays => "until the insurer says otherwise",
            };
            format!(
                "an invoice{least} unpaid at the end of the extension period stops cover for what is invoiced later, {lifts}"
            )
        }),
        Clause::Notices => policy.notices.as_ref().map_or_else(String::new, |rule| {
            let from = match rule.from {
                NoticeFrom::Due => "the original due date",
                NoticeFrom::ExtensionEnd => "the end of the extension period",
            };
            format!("an overdue notice is owed {} after {from}{}", count(rule.days), threshold(rule.threshold))
        }),
        Clause::Claims => policy.claims.as_ref().map_or_else(String::new, |rule| {
            let from = match rule.from {
                ClaimFrom::Notice => "the last day for the notice",
                ClaimFrom::Due => "the original due date",
            };
            format!("a claim is owed {} after {from}{}", count(rule.days), threshold(rule.threshold))
        }),
        Clause::ExtensionRequest => {
            let before = count(policy.extension_days_before.unwrap_or_default());
            format!("an extension is asked for {before} before the original due date at the latest")
        }
        Clause::DeadlineWarnings => {
            let days: Vec<String> = policy.deadline_warning_days.iter().map(ToString::to_string).collect();
            format!("a deadline is warned of {} days before its last day", days.join(" and "))
        }
        Clause::Countries => {
            format!("a first request goes to this policy for buyers in {}", policy.countries.join(", "))
        }
        Clause::Requests => policy.requests.as_ref().map_or_else(String::new, |rule| {
            let above = rule
                .automatic_max_minor
                .map_or_else(String::new, |minor| format!("; above {} a person approves", money(minor)));
            format!(
                "limits are asked for that hold the most owed within {} and {} % more, in steps of {}{above}",
                count(rule.peak_days),
                rule.headroom_percent.normalize(),
                money(rule.step_minor)
            )
        }),
        Clause::Fees => {
            let fees = &policy.fees;
            let all = [
                ("a request", fees.request_minor),
                ("a change", fees.change_minor),
                ("monitoring, a year", fees.monitoring_minor),
                ("a look-up", fees.look_up_minor),
                ("more for an urgent request", fees.urgent_minor),
            ];
            let known = all.iter().filter(|(_, minor)| *minor != 0);
            known.map(|(what, minor)| format!("{what}: {}", money(*minor))).collect::<Vec<_>>().join("; ")
        }
        Clause::Statement => policy.statement.as_ref().map_or_else(String::new, |rule| {
            let what = match rule.method {
                StatementMethod::Balance => "what buyers owe at the end of each month",
                StatementMethod::Turnover => "what was invoiced in each month",
            };
            format!("{what} is stated, for months from {} on", rule.from)
        }),
        Clause::Automation => {
            let all = automations(&policy.automation);
            let of = |level: Automation| {
                all.iter().filter(|(_, own)| *own == level).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
            };
            let parts = [
                ("by itself", of(Automation::Automatic)),
                ("a person approves", of(Automation::Person)),
                ("never proposed", of(Automation::Never)),
            ];
            let told = parts.iter().filter(|(_, names)| !names.is_empty());
            told.map(|(level, names)| format!("{level}: {names}")).collect::<Vec<_>>().join("; ")
        }
        Clause::ExposureThreshold => {
            let least = money(policy.exposure_threshold_minor);
            format!("a change of what a buyer owes is announced from {least} on")
        }
        Clause::Warning => format!("the end of a cover is announced {} before", count(policy.warning_days)),
        Clause::WhenEnded => match policy.when_ended {
            WhenEnded::Zero => "a cover that ended is written into the ERP as zero",
            WhenEnded::Remove => "the limit of a cover that ended is taken out of the ERP",
            WhenEnded::Block => "the ERP is told to stop deliveries when a cover ended",
        }
        .to_owned(),
    }
}

/// How the discretionary limit is computed.
fn computed(rule: &DiscretionaryRule, policy: &Policy) -> String {
    let money = |minor: i64| Money::new(minor, policy.currency).to_string();
    let months = |count: u32| plural(i64::from(count), "month", "months");
    let mut text = format!(
        "a buyer that was never decided is covered up to {} % of the highest balance that it paid within {}, by at least {} no more \
         than {} late, and {} at most",
        rule.share_percent.normalize(),
        months(rule.experience_months),
        plural(i64::from(rule.min_payments), "payment", "payments"),
        plural(rule.max_days_late, "day", "days"),
        money(rule.amount_minor)
    );
    if rule.without_experience_minor > 0 {
        text.push_str(&format!("; without experience up to {}", money(rule.without_experience_minor)));
    }
    for report in &rule.reports {
        text.push_str(&format!("; rated {} up to {}", report.rating, money(report.amount_minor)));
    }
    let blocks: Vec<&str> = rule
        .blocks
        .iter()
        .map(|block| match block {
            Block::Overdue => "an invoice is later than that",
            Block::CoverStop => "cover is stopped",
        })
        .collect();
    if !blocks.is_empty() {
        text.push_str(&format!("; nothing while {}", blocks.join(" or ")));
        if rule.rebuild_months > 0 {
            text.push_str(&format!(" and {} after", months(rule.rebuild_months)));
        }
    }
    text
}

/// What follows where a clause is not stated.
const fn missing(clause: Clause) -> &'static str {
    match clause {
        Clause::Basis => "the gross basis: invoices count with their tax",
        Clause::MaximumTerms => "no maximum terms: an invoice is covered however late it is due",
        Clause::DiscretionaryPercentage => {
            "no percentage of its own: what the discretionary limit covers is paid like the rest"
        }
        Clause::Layers => "no layers: every layer of a limit counts, and is paid like the rest",
        Clause::ExcludedBuyers => {
            "no excluded buyers: public bodies, private persons and the own group count like others"
        }
        Clause::ExcludedCountries => "no excluded countries: buyers in any country are insured",
        Clause::PooledGroups => "groups are not pooled: each buyer has a limit of its own",
        Clause::Discretionary => "no discretionary limit: a buyer that was never decided is not covered",
        Clause::Extension => "no extension period: nothing counts from its end",
        Clause::CoverStop => "no rule of cover stop: an unpaid invoice stops nothing",
        Clause::Notices => "no notice rule: no deadline is computed, and no notice is proposed",
        Clause::Claims => "no claim rule: no deadline is computed",
        Clause::ExtensionRequest => "no request of extension: no deadline is computed",
        Clause::DeadlineWarnings => "no warning days: a deadline is not warned of before it is missed",
        Clause::Countries => "no countries: a first request goes to this policy for buyers in any country",
        Clause::Requests => "no request rule: no request is proposed",
        Clause::Fees => {
            "no fees: what a request or a look-up costs is not shown, and no approval waits for it"
        }
        Clause::Statement => "no statement rule: nothing is stated to the insurer",
        Clause::ExposureThreshold => "no threshold: every change of what a buyer owes is announced",
        Clause::InsuredPercentage | Clause::Automation | Clause::Warning | Clause::WhenEnded => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
[company]
id = "acme"
name = "Exemple SAS"

[ledger]
url = "sqlite:encours.db"

[[connection]]
id = "insurer"
connector = "insurer-files"
"#;

    const FILE: &str = r#"
number = "0042"
connection = "insurer"
insured_percentage = "90"

[[period]]
valid_from = "2026-01-01"
valid_to = "2026-12-31"

[[period]]
valid_from = "2027-01-01"
mep_days = 60
maximum_terms_days = 120
discretionary = "10000.00"
discretionary_percentage = "70"
layers = [{ kind = "top_up", insured_percentage = "72.50" }, { kind = "temporary", counts = false }]
excluded_countries = ["IT"]
excluded_buyers = [
  { siren = "404833048", kind = "affiliate" },
  { buyer = "account:erp:7", kind = "public" },
  { buyer = "account:erp:8", kind = "affiliate" },
]
cover_stop = { threshold = "500.00", lifts = "stays" }
notices = { from = "mep", days = 30, threshold = "9000.00", threshold_per = "buyer" }
claims = { from = "notice", days = 1 }
fees = { request = "25.00", look_up = "12.50", urgent = "20.00" }
automation = { change = "automatic", cancel = "never" }
"#;

    fn config() -> Config {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("encours.toml"), CONFIG).unwrap();
        std::fs::write(folder.path().join("draft.toml"), FILE).unwrap();
        Config::load_with_policy(&folder.path().join("encours.toml"), &folder.path().join("draft.toml"))
            .unwrap()
    }

    #[test]
    fn clauses_are_told_in_words_and_missing_ones_with_what_follows() {
        let text = told(&config(), "2027-03-01".parse().unwrap());
        let (old, new) = text.split_once("From 2027-01-01 on, in force today\n").unwrap();
        for part in [
            "Policy 0042 with insurer, in EUR",
            "From 2026-01-01 to 2026-12-31\n",
            "no notice rule: no deadline is computed",
            "no rule of cover stop",
            "the insurer pays 90 %",
            "no layers: every layer of a limit counts",
        ] {
            assert!(old.contains(part), "{part}\n{text}");
        }
        for part in [
            "an invoice with 500.00 EUR left or more unpaid at the end of the extension period stops cover",
            "until the insurer says otherwise",
            "an overdue notice is owed 30 days after the end of the extension period, for a buyer whose invoices past due sum up \
             to 9 000.00 EUR or more",
            "a claim is owed 1 day after the last day for the notice, whatever its amount",
            "the insurer pays 70 % of a loss that the discretionary limit covers",
            "72.5 % of a loss that top-ups cover is paid; temporary layers are no cover",
            "not insured: public buyers account:erp:7; companies of the same group siren:404833048, account:erp:8",
            "buyers in IT are not insured",
            "a request: 25.00 EUR; a look-up: 12.50 EUR; more for an urgent request: 20.00 EUR",
            "by itself: change; a person approves: request, write_back, notice, statement; never proposed: cancel",
            "1 policy, fine",
        ] {
            assert!(new.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_program_reads_the_same() {
        let value = value(&config());
        let clauses = &value["policies"][0]["periods"][1]["clauses"];
        let place = Clause::ALL.iter().position(|clause| *clause == Clause::Extension).unwrap();
        assert_eq!(clauses[place]["clause"], "mep_days");
        assert_eq!(
            (&clauses[place]["stated"], clauses.as_array().unwrap().len()),
            (&true.into(), Clause::ALL.len())
        );
        assert_eq!(value["policies"][0]["periods"][0]["clauses"][place]["stated"], false);
    }
}
