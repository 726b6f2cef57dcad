//! The simulator in the words that all simulators of insurers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::state::{Change, Entry, Setup, Status};
use super::{Error, Fault, Sandbox};
use crate::sandbox::fault::{Calls, FaultKind};
use crate::sandbox::insurer::{Accepted, Asked, Insurer, Opened, Options, Surprise};

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
        self.fault(Fault { on: Some(on), times, kind });
        true
    }

    fn calm(&self) {
        self.lock().faults.clear();
    }

    fn surprise(&self, buyer: &str, surprise: Surprise) -> bool {
        let mut inner = self.lock();
        let standing = inner.book.timeline(buyer).standing;
        let Some(standing) = standing.filter(|now| now.status.covers() && now.amount_minor > 0) else {
            return false;
        };
        let today = inner.book.today;
        let mut change = Change {
            on: today,
            status: Status::InForce,
            amount_minor: standing.amount_minor,
            requested_minor: standing.requested_minor,
            annul_on: None,
            last_day: None,
        };
        match surprise {
            Surprise::Reduce { to_minor } if to_minor > 0 && to_minor < standing.amount_minor => {
                change.amount_minor = to_minor;
            }
            Surprise::Reduce { .. } => return false,
            Surprise::AnnounceWithdrawal { on } => {
                change.status = Status::Announced;
                change.annul_on = Some(on);
            }
            Surprise::Withdraw => change.status = Status::Annulled,
            Surprise::Expire => change.last_day = Some(today),
            Surprise::UnknownCode => change.status = Status::Unknown,
        }
        // On one day the journal comes after the stories: a request of the same day must not undo the surprise.
        if inner.book.journal.iter().any(|entry| match entry {
            Entry::Request(request) => {
                request.debtor == buyer && request.decided_on == today && request.granted_minor.is_some()
            }
            Entry::Annulment { debtor, on, .. } => debtor == buyer && *on == today,
        }) {
            return false;
        }
        if let Some(debtor) = inner.book.setup.debtors.iter_mut().find(|debtor| debtor.code == buyer) {
            // A story is in the order of its days; what is foreseen for later stays behind.
            let place = debtor.story.partition_point(|known| known.on <= today);
            debtor.story.insert(place, change);
        }
        inner.persist();
        true
    }

    fn accepted(&self) -> Vec<Accepted> {
        let inner = self.lock();
        let taken = inner.book.journal.iter().map(|entry| match entry {
            Entry::Request(request) => Accepted {
                on: request.on,
                buyer: request.debtor.clone(),
                asked: if request.is_change { Asked::Change } else { Asked::New },
                amount_minor: request.amount_minor,
                reference: request.reference.clone(),
            },
            Entry::Annulment { debtor, on, reference } => Accepted {
                on: *on,
                buyer: debtor.clone(),
                asked: Asked::Cancel,
                amount_minor: 0,
                reference: reference.clone(),
            },
        });
        taken.collect()
    }

    fn limits(&self) -> BTreeMap<String, i64> {
        self.lock().book.limits()
    }

    fn is_locked(&self) -> bool {
        false // no lock-out is known of this interface
    }

    fn billed_lookups(&self) -> u64 {
        0 // looking up in one's own portfolio costs nothing
    }

    fn router(&self) -> axum::Router {
        Self::router(self)
    }
}

/// Opens the simulator for the command line.
pub(in crate::sandbox) fn open(options: &Options) -> Result<Opened, Error> {
    let day = options.day.unwrap_or_else(|| crate::clock::now().date_naive());
    let sandbox = match options.state.as_ref().filter(|path| path.exists()) {
        Some(path) => Sandbox::load(path)?,
        None => Sandbox::new(Setup::demo(options.seed, day)),
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
            "[[connection]]\nid = \"cesce\"\nconnector = \"cesce\"\nurl = \"{url}\"\n\n[connection.settings]\n\
             client_id = \"{}\"\nclient_secret = \"{}\"\nusername = \"{}\"\npassword = \"{}\"\ncontract_no = \"{}\"\n\n\
             [[policy]]\nnumber = \"{}\"\nconnection = \"cesce\"\nvalid_from = \"{year}-01-01\"\ninsured_percentage = \"90\"\n\
             maximum_terms_days = 120\n",
            setup.client_id,
            setup.client_secret,
            setup.username,
            setup.password,
            setup.contract_no,
            setup.contract_no,
        )
    };
    Ok(Opened { insurer: Arc::new(sandbox), configuration: Box::new(configuration) })
}
