//! The simulator in the words that all simulators of insurers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::state::{Extension, Layer, Setup};
use super::{Error, Fault, On, Sandbox};
use crate::sandbox::fault::{Calls, FaultKind};
use crate::sandbox::insurer::{Accepted, Insurer, Opened, Options, Surprise};

impl Insurer for Sandbox {
    fn today(&self) -> NaiveDate {
        Self::today(self)
    }

    fn set_today(&self, date: NaiveDate) {
        Self::set_today(self, date);
    }

    fn spoil(&self, on: Calls, times: u32, kind: FaultKind) -> bool {
        if kind == FaultKind::LostCallback {
            self.lose_callbacks(times);
        } else {
            self.fault(Fault { on: Some(On::Calls(on)), times, kind });
        }
        true
    }

    fn calm(&self) {
        self.lock().faults.clear();
    }

    fn surprise(&self, buyer: &str, surprise: Surprise) -> bool {
        let mut inner = self.lock();
        let book = &mut inner.book;
        let today = book.today;
        let granted = |extension: &Extension| {
            book.standing(buyer, *extension)
                .filter(|cover| cover.amount_on(today) > 0)
                .map(|cover| (cover.cover_id.clone(), cover.amount_on(today)))
        };
        let Some((cover_id, amount)) = Extension::ALL.iter().find_map(granted) else { return false };
        let happens = match surprise {
            Surprise::Withdraw => {
                book.revoke(&cover_id);
                true
            }
            Surprise::AnnounceWithdrawal { on } => book.announce(&cover_id, on),
            Surprise::Reduce { to_minor } if !(1..amount).contains(&to_minor) => false,
            Surprise::Reduce { .. } | Surprise::Expire | Surprise::UnknownCode => {
                for cover in book.covers.iter_mut().filter(|cover| cover.cover_id == cover_id) {
                    cover.updated_on = today;
                    cover.decided_on = Some(today);
                    match surprise {
                        Surprise::Reduce { to_minor } => {
                            cover.layers = vec![Layer { amount_minor: to_minor, from: today, until: None }];
                        }
                        Surprise::Expire => {
                            cover.layers.iter_mut().for_each(|layer| layer.until = Some(today));
                        }
                        Surprise::UnknownCode => "AgreementUnderWatch".clone_into(&mut cover.status),
                        Surprise::AnnounceWithdrawal { .. } | Surprise::Withdraw => {}
                    }
                }
                true
            }
        };
        inner.persist();
        happens
    }

    fn accepted(&self) -> Vec<Accepted> {
        self.lock().book.accepted.clone()
    }

    fn limits(&self) -> BTreeMap<String, i64> {
        self.lock().book.snapshot()
    }

    fn is_locked(&self) -> bool {
        false // no lock-out is known of this interface
    }

    fn billed_lookups(&self) -> u64 {
        0 // no look-up is known to be billed
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
        let [main, discretionary, top_up] = &setup.policies;
        format!(
            "[[connection]]\nid = \"allianz\"\nconnector = \"allianz\"\nenvironment = \"uat\"\nurl = \"{url}\"\n\n\
             [connection.settings]\napi_key = \"{}\"\nbusiness_unit = \"{}\"\npolicy_id = \"{main}\"\n\
             discretionary_policy_id = \"{discretionary}\"\ntop_up_policy_id = \"{top_up}\"\n\n[[policy]]\n\
             number = \"{main}\"\nconnection = \"allianz\"\nvalid_from = \"{year}-01-01\"\ninsured_percentage = \"90\"\n\
             maximum_terms_days = 120\ndiscretionary = \"10000.00\"\n",
            setup.api_key, setup.business_unit,
        )
    };
    Ok(Opened { insurer: Arc::new(sandbox), configuration: Box::new(configuration) })
}
