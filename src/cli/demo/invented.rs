//! Two days in the life of an invented company: its exports are read, its insurer is played by a simulator.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;

use anyhow::Context as _;
use encours::config::{Config, POLICIES};
use encours::demo::{Day, Demo};
use encours::engine::{CycleOptions, Setup, cycle};
use encours::format::toml::Problem;
use encours::model::{Currency, Date, Policy, render_minor};
use encours::sandbox::atradius::Sandbox;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::folder::Folder;
use super::{Args, insurer, told};
use crate::cli::summary::{Bar, Cycle};
use crate::cli::table::plural;
use crate::cli::{Context, Exit, Misconfigured, print, words};

/// The connection of the ERP's files.
const ERP: &str = "erp";

/// The connection of the insurer.
const INSURER: &str = "atradius";

/// The seed without `--seed`.
const SEED: u64 = 1;

/// The first day without `--day`: fixed, so that the output is the same every time.
const FIRST_DAY: &str = "2026-03-10";

/// The file in which a kept folder notes what it was invented from.
const NOTE: &str = "demo.json";

/// What a company was invented from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    seed: u64,
    day: Date,
}

impl Origin {
    /// Takes it from the arguments and from what a kept folder notes; the two must not contradict each other.
    fn of(args: &Args, folder: &Folder) -> anyhow::Result<Self> {
        let path = folder.path().join(NOTE);
        let noted: Option<Self> = match fs::read(&path) {
            Ok(bytes) => Some(
                serde_json::from_slice(&bytes)
                    .with_context(|| format!("{} is not a demo's", path.display()))?,
            ),
            Err(_) => None,
        };
        let fixed = FIRST_DAY.parse().context("the fixed first day is a date")?;
        let own = Self {
            seed: args.seed.or(noted.map(|n| n.seed)).unwrap_or(SEED),
            day: args.day.or(noted.map(|n| n.day)).unwrap_or(fixed),
        };
        match noted {
            Some(noted) if noted != own => {
                let told = format!(
                    "{} holds the company of seed {} from {}; take another folder for another one",
                    folder.path().display(),
                    noted.seed,
                    noted.day
                );
                Err(Misconfigured(told).into())
            }
            Some(_) => Ok(own),
            None => {
                folder.write(NOTE, &serde_json::to_vec_pretty(&own)?)?;
                Ok(own)
            }
        }
    }
}

/// Runs the demo. `told` is set to how it ended once there is nothing left to tell.
///
/// # Errors
/// A folder that cannot be written, a ledger that fails.
pub async fn run(context: &Context, args: &Args, stay: bool, told: &Cell<Exit>) -> anyhow::Result<Exit> {
    let folder = Folder::open(args.data_dir.as_deref())?;
    let origin = Origin::of(args, &folder)?;
    let demo = Demo::new(origin.seed, origin.day);
    let sandbox = Sandbox::new(insurer::setup(&demo, INSURER, origin.seed, origin.day));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("the simulated insurer cannot listen")?;
    let url = format!("http://{}", listener.local_addr()?);
    let text = configuration(&demo, &url);
    folder.write("encours.toml", text.as_bytes())?;
    let policy = demo.policy(INSURER);
    folder.write(&format!("{POLICIES}/{}.toml", policy.number), policy_file(&policy).as_bytes())?;
    let config = Config::load(&folder.path().join("encours.toml")).map_err(|problems| {
        anyhow::anyhow!(problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    let setup = Setup::open(&config).await?;

    let scene =
        Scene { context, demo: &demo, sandbox: &sandbox, folder: &folder, setup: &setup, url: &url, stay };
    let story = async {
        let exit = scene.tell().await?;
        told.set(exit);
        if stay {
            std::future::pending::<()>().await;
        }
        Ok(exit)
    };
    let exit = tokio::select! {
        served = sandbox.clone().serve(listener, std::future::pending()) => {
            served?;
            anyhow::bail!("the simulated insurer has stopped")
        }
        exit = story => exit,
    };
    setup.ledger.close().await;
    exit
}

/// The configuration of the demo, as a person would write it.
fn configuration(demo: &Demo, url: &str) -> String {
    let name = toml::Value::from(demo.company().name.as_str());
    format!(
        "# Written by `encours demo`. Everything in it is invented; the insurer is a simulator that `encours demo` runs.\n\n\
         [company]\nid = \"valdorix\"\nname = {name}\ncurrency = \"{currency}\"\ncountry = \"FR\"\n\n\
         [ledger]\nurl = \"sqlite:encours.db\"\n\n\
         [[connection]]\nid = \"{ERP}\"\nconnector = \"csv\"\nsettings = {{ folder = \"export\" }}\n\n\
         [[connection]]\nid = \"{INSURER}\"\nconnector = \"atradius\"\nurl = \"{url}\"\n\n\
         [connection.settings]\nclient_id = \"demo-client\"\nclient_secret = \"demo-secret\"\napp_key = \"demo-key\"\n\
         customer_id = 4100417\n\n# The policy stands in a file of its own: policies/{number}.toml\n",
        currency = Currency::EUR,
        number = demo.policy(INSURER).number,
    )
}

/// The demo's policy as a file, with the terms of [`Demo::policy`].
fn policy_file(policy: &Policy) -> String {
    let amount = |minor| render_minor(minor, policy.currency);
    let mut text = format!(
        "# The policy of the demo. `encours policy check` tells it in words.\n\n\
         number = \"{}\"\nconnection = \"{}\"\ncurrency = \"{}\"\ninsured_percentage = \"{}\"\ndiscretionary = \"{}\"\n\
         exposure_threshold = \"{}\"\nwarning_days = {}\n",
        policy.number,
        policy.connection,
        policy.currency,
        policy.insured_percentage.normalize(),
        amount(policy.discretionary_minor),
        amount(policy.exposure_threshold_minor),
        policy.warning_days,
    );
    for (key, days) in [("maximum_terms_days", policy.maximum_terms_days), ("mep_days", policy.mep_days)] {
        text.push_str(&days.map_or_else(String::new, |days| format!("{key} = {days}\n")));
    }
    if let Some(rule) = &policy.notices {
        let (from, days, threshold) = (rule.from, rule.days, amount(rule.threshold.minor));
        text.push_str(&format!(
            "\n[notices]\nfrom = \"{from}\"\ndays = {days}\nthreshold = \"{threshold}\"\n"
        ));
    }
    if let Some(rule) = &policy.claims {
        let (from, days, threshold) = (rule.from, rule.days, amount(rule.threshold.minor));
        text.push_str(&format!(
            "\n[claims]\nfrom = \"{from}\"\ndays = {days}\nthreshold = \"{threshold}\"\n"
        ));
    }
    if let Some(rule) = &policy.requests {
        text.push_str(&format!(
            "\n# What Encours would ask the insurer for: see `encours plan`.\n[requests]\nstep = \"{}\"\n",
            amount(rule.step_minor)
        ));
    }
    text.push_str(&format!("\n[[period]]\nvalid_from = \"{}\"\n", policy.valid_from));
    text
}

/// Everything that the story needs.
struct Scene<'a> {
    context: &'a Context,
    demo: &'a Demo,
    sandbox: &'a Sandbox,
    folder: &'a Folder,
    setup: &'a Setup,
    url: &'a str,
    stay: bool,
}

impl Scene<'_> {
    /// Lives the days and tells them.
    async fn tell(&self) -> anyhow::Result<Exit> {
        let days = self.days().await?;
        if !self.context.json {
            print(&self.opening(&days))?;
        }
        let mut cycles: Vec<(Day, Cycle)> = Vec::new();
        for day in days {
            let date = self.demo.date(day);
            for (name, bytes) in self.demo.export(day) {
                self.folder.write(&format!("export/{name}"), &bytes)?;
            }
            self.sandbox.set_today(date);
            let bar = Bar::start();
            let report =
                cycle(self.setup, date, &CycleOptions::default(), &|progress| bar.show(progress)).await?;
            drop(bar);
            let cycle = Cycle::of(self.setup, report).await?;
            if !self.context.json {
                let before = cycles.last().map(|(_, cycle)| cycle);
                print(&self.told(day, &cycle, before).await?)?;
            }
            cycles.push((day, cycle));
        }
        if self.context.json {
            let days: Vec<_> = cycles.iter().map(|(_, cycle)| cycle.report.to_json()).collect();
            print(&format!("{:#}\n", json!({ "days": days })))?;
        } else if let Some((_, last)) = cycles.last() {
            print(&told::next(last, self.folder, self.stay))?;
        }
        // Its bad rows are part of the show: a demo that quarantines them has gone well.
        let failed = cycles.iter().any(|(_, cycle)| cycle.exit() == Exit::Failed);
        Ok(if failed { Exit::Failed } else { Exit::Fine })
    }

    /// The days to live: both, or the second one where the first is in the ledger already.
    async fn days(&self) -> anyhow::Result<Vec<Day>> {
        let mut tx = self.setup.ledger.read().await?;
        let settled_on = tx.settled_on(&self.setup.company.id).await?;
        tx.rollback().await?;
        Ok(match settled_on {
            None => Day::ALL.to_vec(),
            Some(_) => vec![Day::Second],
        })
    }

    fn opening(&self, days: &[Day]) -> String {
        let company = &self.demo.company().name;
        let accounts = plural(self.demo.accounts().len(), "customer", "customers");
        let again = match days {
            [Day::Second] => "\nThis folder holds the demo already, so only the second day is read, again.\n",
            _ => "",
        };
        let text = format!(
            "{company} is invented, and so is all that follows: {accounts}, nine months of invoices, credit notes and receipts in \
             three currencies. Its ERP exports two CSV files every evening. Its insurer is played by a simulator at {}.",
            self.url
        );
        format!("{}\n{again}", words::wrap(&text, 100).join("\n"))
    }

    async fn told(&self, day: Day, cycle: &Cycle, before: Option<&Cycle>) -> anyhow::Result<String> {
        let date = self.demo.date(day).format("%A %-d %B %Y");
        let (number, what) = match day {
            Day::First => (1, "the first reading"),
            Day::Second => (2, "what has changed, and why"),
        };
        let title = format!("Day {number}, {date}: {what}");
        let rule = "═".repeat(title.chars().count());
        let ids = |cycle: &Cycle| cycle.quarantine.iter().map(|row| row.id.clone()).collect::<BTreeSet<_>>();
        let quarantined = match before {
            Some(before) if ids(before) == ids(cycle) && !cycle.quarantine.is_empty() => {
                format!(
                    "In quarantine: the same {} as yesterday, nobody has mended them.\n",
                    plural(cycle.quarantine.len(), "record", "records")
                )
            }
            _ => cycle.quarantined(),
        };
        let parts = [cycle.read(), cycle.proof(), quarantined, cycle.figures()]
            .into_iter()
            .filter(|part| !part.is_empty());
        let mut text = format!("\n{title}\n{rule}\n\n{}", parts.collect::<Vec<_>>().join("\n"));
        if day == Day::Second {
            let causes = self.causes().await?;
            text.push_str(&told::story(cycle, &causes));
        }
        Ok(text)
    }

    /// What moved in the ledger since the first day, by buyer, in words.
    async fn causes(&self) -> anyhow::Result<told::Causes> {
        let mut tx = self.setup.ledger.read().await?;
        let accounts = tx.accounts(&self.setup.company.id).await?;
        tx.rollback().await?;
        let changes = self.demo.changes();
        let mut causes = told::Causes::default();
        for (numbers, one, many) in [
            (&changes.paid_in_full, "invoice paid in full", "invoices paid in full"),
            (&changes.paid_in_part, "invoice paid in part", "invoices paid in part"),
            (&changes.allocated_receipts, "receipt allocated", "receipts allocated"),
            (&changes.new_invoices, "new invoice", "new invoices"),
            (&changes.new_credit_notes, "new credit note", "new credit notes"),
            (&changes.disputed, "invoice newly disputed", "invoices newly disputed"),
        ] {
            let days = [Day::First, Day::Second].into_iter().flat_map(|day| self.demo.items(day));
            let mut seen = BTreeSet::new();
            for item in days.filter(|item| numbers.contains(&item.number)) {
                let buyer = accounts
                    .iter()
                    .find(|account| account.external_id == item.account)
                    .map(|account| &account.buyer_id);
                if let (Some(buyer), true) = (buyer, seen.insert(&item.number)) {
                    causes.add(buyer, (one, many), &item.number);
                }
            }
        }
        Ok(causes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_file_says_what_the_demo_is_insured_by() {
        let demo = Demo::new(SEED, FIRST_DAY.parse().unwrap());
        let folder = Folder::open(None).unwrap();
        let policy = demo.policy(INSURER);
        folder.write("encours.toml", configuration(&demo, "http://127.0.0.1:1").as_bytes()).unwrap();
        folder.write("policies/demo.toml", policy_file(&policy).as_bytes()).unwrap();
        let config = Config::load(&folder.path().join("encours.toml")).unwrap();
        assert_eq!(config.policies, [policy]);
    }
}
