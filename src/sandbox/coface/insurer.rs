//! The simulator in the words that all simulators of insurers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::state::{Action, Decision, DecisionCode, Part, Product, Setup};
use super::{Error, Fault, On, Sandbox};
use crate::sandbox::fault::{Calls, FaultKind};
use crate::sandbox::insurer::{Accepted, Asked, Insurer, Opened, Options, Surprise};

/// Minor units of a whole one: its policies are in currencies with two decimals.
const MINOR: u64 = 100;

fn minor(units: u64) -> i64 {
    i64::try_from(units.saturating_mul(MINOR)).unwrap_or(i64::MAX)
}

impl Insurer for Sandbox {
    fn today(&self) -> NaiveDate {
        Self::today(self)
    }

    fn set_today(&self, date: NaiveDate) {
        Self::set_today(self, date);
    }

    fn spoil(&self, on: Calls, times: u32, kind: FaultKind) -> bool {
        self.fault(Fault { on: Some(On::Calls(on)), times, kind });
        true
    }

    fn calm(&self) {
        self.lock().faults.clear();
    }

    fn surprise(&self, buyer: &str, surprise: Surprise) -> bool {
        let mut inner = self.lock();
        let Some(current) = inner.book.timeline(buyer).current.filter(|position| position.total() > 0) else {
            return false;
        };
        let today = inner.book.today;
        let mut decision = Decision {
            on: today,
            code: DecisionCode::Reduced,
            requested: current.requested,
            parts: Vec::new(),
            reasons: vec!["BA03".to_owned()],
            withdrawal_on: None,
        };
        match surprise {
            Surprise::Reduce { to_minor } => {
                let amount = u64::try_from(to_minor).unwrap_or(0) / MINOR;
                if amount == 0 || amount >= current.total() {
                    return false;
                }
                decision.parts = vec![Part { product: Product::Agreement, amount, until: None }];
            }
            Surprise::AnnounceWithdrawal { on } => {
                decision.code = DecisionCode::WithdrawalNotice;
                decision.withdrawal_on = Some(on);
            }
            Surprise::Withdraw => {
                decision.code = DecisionCode::Withdrawn;
                decision.withdrawal_on = Some(today);
            }
            Surprise::Expire => {
                decision.code = DecisionCode::Agreed;
                let ends = |part: &Part| Part { until: Some(today), ..part.clone() };
                decision.parts = current.parts.iter().map(ends).collect();
            }
            Surprise::UnknownCode => decision.code = DecisionCode::Other("ZZ99".to_owned()),
        }
        inner.book.surprise(buyer, decision);
        inner.persist();
        true
    }

    fn accepted(&self) -> Vec<Accepted> {
        let inner = self.lock();
        let orders = inner.book.orders.iter();
        orders
            .map(|order| Accepted {
                on: order.made_on,
                buyer: order.easy_number.clone(),
                asked: match order.action {
                    Action::Request => Asked::New,
                    Action::Modify => Asked::Change,
                    Action::Delete => Asked::Cancel,
                },
                amount_minor: if order.action == Action::Delete { 0 } else { minor(order.amount) },
                reference: order.reference.clone(),
            })
            .collect()
    }

    fn limits(&self) -> BTreeMap<String, i64> {
        let covered = self.lock().book.snapshot();
        covered.into_iter().map(|(buyer, units)| (buyer, minor(units))).collect()
    }

    fn is_locked(&self) -> bool {
        self.lock().gate.was_locked()
    }

    fn billed_lookups(&self) -> u64 {
        self.lock().book.billed_lookups
    }

    fn router(&self) -> axum::Router {
        Self::router(self)
    }
}

/// Opens the simulator for the command line.
pub(in crate::sandbox) fn open(options: &Options) -> Result<Opened, Error> {
    let setup = Setup::demo(options.seed, options.day.unwrap_or_else(|| crate::clock::now().date_naive()));
    let known = options.state.as_ref().filter(|path| path.exists());
    let sandbox = match known {
        Some(path) => Sandbox::load(path)?,
        None => Sandbox::new(setup),
    };
    if let Some(day) = options.day {
        sandbox.set_today(day);
    }
    if let Some(path) = &options.state {
        sandbox.keep_in(path)?;
    }
    let setup = sandbox.lock().book.setup.clone();
    let year = sandbox.today().year();
    let configuration = move |url: &str| {
        let Setup { username, password, api_key, policy, .. } = &setup;
        let signs_in =
            format!("username = \"{username}\"\npassword = \"{password}\"\napi_key = \"{api_key}\"\n");
        format!(
            "[[connection]]\nid = \"coface\"\nconnector = \"coface\"\nurl = \"{url}\"\n\n[connection.settings]\n{signs_in}\
             policy_number = \"{policy}\"\n\n[[policy]]\nnumber = \"{policy}\"\nconnection = \"coface\"\n\
             valid_from = \"{year}-01-01\"\ninsured_percentage = \"90\"\nmaximum_terms_days = 120\ndiscretionary = \"5000.00\"\n\n\
             # Information on companies, which is no cover:\n[[connection]]\nid = \"coface-icon\"\nconnector = \"coface-icon\"\n\
             url = \"{url}\"\n\n[connection.settings]\n{signs_in}"
        )
    };
    Ok(Opened { insurer: Arc::new(sandbox), configuration: Box::new(configuration) })
}
