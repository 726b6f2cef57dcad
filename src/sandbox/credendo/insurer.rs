//! The simulator in the words that all simulators of insurers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::state::{Setup, Status};
use super::{Error, Form, Sandbox};
use crate::sandbox::fault::{Calls, Fault, FaultKind};
use crate::sandbox::insurer::{Accepted, Insurer, Opened, Options, Surprise};

impl Insurer for Sandbox {
    fn today(&self) -> NaiveDate {
        Self::today(self)
    }

    /// Also exchanges files: what lay in the folder is taken on the new day, and its list is written.
    fn set_today(&self, date: NaiveDate) {
        self.lock().book.today = date;
        if let Err(error) = self.exchange() {
            tracing::warn!(%error, "the sandbox could not exchange its files");
        }
    }

    /// The only call there is to spoil is the list: cut, with a row twice, in another order, or not written at all
    /// ([`FaultKind::Unavailable`], [`FaultKind::ErrorBefore`]).
    fn spoil(&self, on: Calls, times: u32, kind: FaultKind) -> bool {
        let possible = match kind {
            FaultKind::Truncated
            | FaultKind::Repeated
            | FaultKind::Reordered
            | FaultKind::Unavailable
            | FaultKind::ErrorBefore => matches!(on, Calls::Any | Calls::Read),
            FaultKind::TooManyRequests { .. }
            | FaultKind::ErrorAfter
            | FaultKind::TimeoutBefore { .. }
            | FaultKind::TimeoutAfter { .. }
            | FaultKind::ExpiredToken
            | FaultKind::LostCallback => false,
        };
        if possible {
            self.lock().faults.push(Fault { on: None, times, kind });
        }
        possible
    }

    fn calm(&self) {
        self.lock().faults.clear();
    }

    fn surprise(&self, buyer: &str, surprise: Surprise) -> bool {
        let mut inner = self.lock();
        let today = inner.book.today;
        let current = inner.book.standing(buyer).map_or(0, |standing| standing.amount_minor);
        if let Surprise::Reduce { to_minor } = surprise
            && !(1..current).contains(&to_minor)
        {
            return false;
        }
        let done = inner.book.decide(buyer, |decision| match surprise {
            Surprise::Reduce { to_minor } => {
                decision.status = Status::Reduced;
                decision.amount_minor = to_minor;
            }
            Surprise::AnnounceWithdrawal { on } => {
                decision.status = Status::WithdrawalAnnounced;
                decision.withdrawal_on = Some(on);
            }
            Surprise::Withdraw => {
                decision.status = Status::Withdrawn;
                decision.amount_minor = 0;
                decision.withdrawal_on = Some(today);
            }
            Surprise::Expire => decision.valid_until = Some(today),
            Surprise::UnknownCode => decision.status = Status::Other("STATUS 77".to_owned()),
        });
        if let Err(error) = inner.persist() {
            tracing::warn!(%error, "the sandbox could not keep its state");
        }
        done
    }

    fn accepted(&self) -> Vec<Accepted> {
        self.lock().book.accepted()
    }

    fn limits(&self) -> BTreeMap<String, i64> {
        self.lock().book.limits()
    }

    fn is_locked(&self) -> bool {
        false // a folder has no credentials
    }

    fn billed_lookups(&self) -> u64 {
        0 // a folder answers no questions
    }

    fn router(&self) -> axum::Router {
        self.router_of()
    }
}

/// Opens the simulator for the command line, and exchanges files once.
pub(in crate::sandbox) fn open(options: &Options) -> Result<Opened, Error> {
    let folder = options.folder.as_ref().ok_or(Error::NoFolder)?;
    let first = options.day.unwrap_or_else(|| crate::clock::now().date_naive());
    let sandbox = match options.state.as_ref().filter(|path| path.exists()) {
        Some(path) => Sandbox::load(path, folder, Form::Csv)?,
        None => Sandbox::new(Setup::demo(options.seed, first), folder, Form::Csv)?,
    };
    if let Some(day) = options.day {
        sandbox.lock().book.today = day;
    }
    if let Some(path) = &options.state {
        sandbox.keep_in(path)?;
    }
    sandbox.exchange()?;
    let policy = sandbox.lock().book.policy.clone();
    let (year, shown) = (sandbox.today().year(), folder.display().to_string());
    let configuration = move |_: &str| {
        format!(
            "[[connection]]\nid = \"credendo\"\nconnector = \"credendo\"\n\n[connection.settings]\nfolder = \"{shown}/out\"\n\
             out = \"{shown}/in\"\ninsured = \"My company SAS\"\npolicy = \"{policy}\"\ntransaction_type = \"Goods\"\n\
             insured_risk = \"Default\"\npayment_method = \"Open account\"\ncause_of_loss = \"Commercial\"\n\n[[policy]]\n\
             number = \"{policy}\"\nconnection = \"credendo\"\nvalid_from = \"{year}-01-01\"\ninsured_percentage = \"90\"\n\
             maximum_terms_days = 120\ndiscretionary = \"5000.00\"\n"
        )
    };
    Ok(Opened { insurer: Arc::new(sandbox), configuration: Box::new(configuration) })
}
