//! The simulator in the words that all simulators of insurers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::state::{Action, Decision, DecisionCode, LayerSetup, Setup};
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
        if kind == FaultKind::LostCallback {
            return false;
        }
        self.fault(Fault { on: Some(On::Calls(on)), times, kind });
        true
    }

    fn calm(&self) {
        self.lock().faults.clear();
    }

    fn surprise(&self, buyer: &str, surprise: Surprise) -> bool {
        let mut inner = self.lock();
        let Some(buyer_id) = buyer.parse().ok().filter(|id| inner.book.buyer(*id).is_some()) else {
            return false;
        };
        let Some(current) = inner.book.timeline(buyer_id).current.filter(|version| version.total() > 0)
        else {
            return false;
        };
        let today = inner.book.today;
        let layer = |amount, expiry| Some(LayerSetup { amount, expiry, conditions: Vec::new() });
        let mut decision = Decision {
            on: today,
            code: DecisionCode::Dc09,
            requested: current.requested,
            first: None,
            second: None,
            effective_from: today,
            withdrawal_date: None,
            pending_indicator: None,
        };
        match surprise {
            Surprise::Reduce { to_minor } => {
                let units = u64::try_from(to_minor).unwrap_or(0) / MINOR;
                if units == 0 || units >= current.total() {
                    return false;
                }
                decision.first = layer(units, None);
            }
            Surprise::AnnounceWithdrawal { on } => {
                decision.code = DecisionCode::Dc21;
                decision.withdrawal_date = Some(on);
            }
            Surprise::Withdraw => {
                decision.code = DecisionCode::Dc08;
                decision.withdrawal_date = Some(today);
            }
            Surprise::Expire => {
                decision.code = DecisionCode::Dc10;
                decision.first = layer(current.total(), Some(today));
            }
            Surprise::UnknownCode => {
                decision.code = DecisionCode::Other("DC77".to_owned());
                decision.first = layer(current.total(), None);
            }
        }
        if let Some(setup) = inner.book.setup.buyers.iter_mut().find(|setup| setup.buyer_id == buyer_id) {
            // A story is in the order of its days; what is foreseen for later stays behind.
            let place = setup.story.partition_point(|known| known.on <= today);
            setup.story.insert(place, decision);
        }
        inner.persist();
        true
    }

    fn accepted(&self) -> Vec<Accepted> {
        let inner = self.lock();
        let requests = inner.book.requests.iter();
        requests
            .map(|request| Accepted {
                on: request.made_on,
                buyer: request.buyer_id.to_string(),
                asked: match request.action {
                    Action::New => Asked::New,
                    Action::Supersede | Action::Reduce => Asked::Change,
                    Action::Cancel => Asked::Cancel,
                },
                amount_minor: if request.action == Action::Cancel { 0 } else { minor(request.amount) },
                reference: request.reference.clone(),
            })
            .collect()
    }

    fn limits(&self) -> BTreeMap<String, i64> {
        self.covers_snapshot().into_iter().map(|(buyer, units)| (buyer.to_string(), minor(units))).collect()
    }

    fn is_locked(&self) -> bool {
        false // no lock-out is known of this interface
    }

    fn billed_lookups(&self) -> u64 {
        Self::billed_lookups(self)
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
        format!(
            "[[connection]]\nid = \"atradius\"\nconnector = \"atradius\"\nurl = \"{url}\"\n\n[connection.settings]\n\
             client_id = \"{}\"\nclient_secret = \"{}\"\napp_key = \"{}\"\ncustomer_id = {}\n\n[[policy]]\nnumber = \"{}\"\n\
             connection = \"atradius\"\nvalid_from = \"{year}-01-01\"\ninsured_percentage = \"90\"\nmaximum_terms_days = 120\n\
             discretionary = \"10000.00\"\n",
            setup.client_id, setup.client_secret, setup.app_key, setup.customer_id, setup.policy_id,
        )
    };
    Ok(Opened { insurer: Arc::new(sandbox), configuration: Box::new(configuration) })
}
