//! Requests on cover, proposed for every buyer and policy: who is asked, for how much, and with which facts.

use std::collections::BTreeMap;

use super::super::Error;
use super::book::{Book, Decided, Owed};
use super::{Held, Plan};
use crate::connector::Reach;
use crate::credit::CapReason;
use crate::credit::plan::{Proposal, Situation, Standing, held_back, request};
use crate::ledger::PeakRow;
use crate::model::{
    Action, Approval, Basis, Decision, Effect, EffectKind, Identifier, Money, Policy, Scheme, render_minor,
};

pub(super) fn plan(book: &Book<'_>, plan: &mut Plan) -> Result<(), Error> {
    if book.policies.iter().all(|policy| policy.requests.is_none()) {
        return Ok(());
    }
    let sharing: Vec<_> = book.policies.iter().map(|policy| book.sharing(policy)).collect();
    for buyer in book.buyers() {
        let mut decided = Vec::new();
        for policy in &book.policies {
            decided.push(book.decided(buyer, policy)?);
        }
        let holders: Vec<&str> = book.policies.iter().map(|policy| book.holder(buyer, policy)).collect();
        let known = decided.iter().any(Option::is_some) || holders.iter().any(|holder| *holder != buyer);
        let (_, country) = book.name(buyer);
        let mut first = false;
        for (((policy, decided), holder), sharing) in
            book.policies.iter().zip(&decided).zip(holders).zip(&sharing)
        {
            if policy.requests.is_none() || book.connection(&policy.connection).is_none() {
                continue;
            }
            // What it needs is asked for on the company whose limit it shares.
            if holder != buyer {
                continue;
            }
            let excluded = policy.exclusion(buyer, country).is_some();
            // A buyer that some insurer has decided on stays with it; the first policy that takes its country gets a new one.
            if decided.is_none()
                && (known || first || excluded || !policy.takes(country) || !owes_in(book, buyer, policy))
            {
                continue;
            }
            first |= decided.is_none();
            if book.is_asked(buyer, policy) {
                continue;
            }
            let sharing = sharing.get(buyer).map(Vec::as_slice).unwrap_or_default();
            if book.is_asked_elsewhere(buyer, sharing, policy) {
                continue;
            }
            let situation = situation(book, (buyer, sharing), policy, decided.as_ref());
            let Some(proposal) = request(&situation, policy, book.day)? else { continue };
            let key = (policy.connection.clone(), policy.number.clone(), buyer.to_owned());
            match held_back(&proposal, book.stopped.get(&key).copied()) {
                None => plan.effects.push(effect(book, buyer, policy, proposal)),
                Some(why) => plan.held.push(Held { effect: effect(book, buyer, policy, proposal), why }),
            }
        }
    }
    Ok(())
}

fn owes_in(book: &Book<'_>, buyer: &str, policy: &Policy) -> bool {
    let currency = policy.currency.code();
    let owes = |owed: &Owed| owed.exposure(buyer, currency).is_some() || owed.backlog(buyer, currency) > 0;
    book.insured(policy).any(owes)
}

/// How a buyer stands, with those that share its limit, towards all companies that the policy insures.
fn situation(
    book: &Book<'_>,
    (buyer, sharing): (&str, &[&str]),
    policy: &Policy,
    decided: Option<&Decided<'_>>,
) -> Situation {
    let currency = policy.currency.code();
    let (peak_days, slack_days) =
        policy.requests.as_ref().map_or((0, 0), |rule| (rule.peak_days, rule.slack_days));
    // Of buyers that share the limit, the highest of each: they may have owed it on different days, so this is the most.
    let (mut owed_minor, mut peak_minor, mut slack_peak_minor) = (0_i64, 0_i64, 0_i64);
    let (mut last_change, mut known_since) = (None, None);
    let mut owes = false;
    let mut backlog_minor = 0_i64;
    let most = |row: &PeakRow| match policy.basis {
        Basis::Gross => row.peak_minor,
        Basis::Net => row.net_peak_minor,
    };
    let all =
        book.insured(policy).flat_map(|to| std::iter::once(&buyer).chain(sharing).map(move |one| (to, one)));
    for (to, one) in all {
        let owed = to.counted(one, policy);
        let peak = to.peak(one, currency, peak_days);
        let slack = to.peak(one, currency, slack_days);
        let ordered = to.backlog(one, currency);
        backlog_minor = backlog_minor.saturating_add(ordered);
        owes |= owed != 0 || ordered > 0;
        owed_minor = owed_minor.saturating_add(owed);
        peak_minor = peak_minor.saturating_add(peak.map_or(owed, |row| most(row).max(owed)));
        slack_peak_minor = slack_peak_minor.saturating_add(slack.map_or(owed, |row| most(row).max(owed)));
        last_change = last_change.max(peak.map(|row| row.last_change));
        known_since = known_since.max(peak.map(|row| row.known_since));
    }
    let key = (policy.connection.clone(), policy.number.clone(), buyer.to_owned());
    let ended = book.ended.get(&key).copied().unwrap_or_default();
    // Somebody may have asked in the insurer's portal; its refusal counts like ours.
    let theirs = decided.and_then(|decided| {
        let limit = &decided.row.payload;
        let refused = matches!(limit.decision, Decision::Refused | Decision::Kept);
        refused.then_some(limit.decided_on.unwrap_or(decided.read_on))
    });
    Situation {
        owed_minor,
        peak_minor,
        slack_peak_minor,
        backlog_minor,
        last_active: if owes { Some(book.day) } else { last_change },
        known_since,
        standing: decided.map_or(Standing::Never, |decided| Standing::Decided {
            cap_minor: decided.cap_minor,
            since: decided.since,
            by_insurer: matches!(decided.reason, CapReason::Refused | CapReason::Withdrawn | CapReason::Zero),
        }),
        refused_on: ended.refused_on.max(theirs),
        answered: ended.last,
        own_minor: book.discretionary(buyer, policy),
        excluded: policy.exclusion(buyer, book.name(buyer).1).is_some(),
    }
}

fn effect(book: &Book<'_>, buyer: &str, policy: &Policy, proposal: Proposal) -> Effect {
    let (name, country) = book.name(buyer);
    let connection = book.connection(&policy.connection);
    let capabilities = connection.map(|connection| &connection.connector.manifest.capabilities);
    let mut amount_minor = proposal.amount_minor;
    if let Some(step) = capabilities.and_then(|able| able.amount_step) {
        amount_minor = round_up(amount_minor, step, policy);
    }
    let (kind, action) = if proposal.action != Action::Supersede {
        (proposal.kind, proposal.action)
    } else if capabilities.is_some_and(|able| able.change_over_ended) {
        (EffectKind::ChangeLimit, Action::Supersede)
    } else {
        (EffectKind::RequestLimit, Action::New)
    };
    let insurer_id = book.insurer_id(buyer, &policy.connection);
    let by_file = connection.is_some_and(|connection| connection.connector.manifest.reach == Reach::Files);
    let approval = match insurer_id {
        None if !by_file => Approval::Person(
            "the insurer's id of the buyer is not known: look it up, or store it in the ERP, before"
                .to_owned(),
        ),
        Some(_) | None => proposal.approval,
    };
    let money = |minor| Money::new(minor, policy.currency);
    let mut facts = BTreeMap::new();
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.insert(name.to_owned(), value);
        }
    };
    fact("insurer_buyer_id", insurer_id.map(str::to_owned));
    fact("policy", Some(policy.number.clone()));
    fact("action", Some(action.as_str().to_owned()));
    if kind != EffectKind::CancelLimit {
        fact("amount", Some(render_minor(amount_minor, policy.currency)));
    }
    fact("currency", Some(policy.currency.code().to_owned()));
    fact("buyer_name", Some(name.to_owned()));
    fact("buyer_country", Some(country.to_owned()));
    fact(
        "reference",
        book.decided(buyer, policy).ok().flatten().map(|decided| decided.row.payload.reference.clone()),
    );
    if let Some(accounts) = book.accounts.get(buyer) {
        fact("account", accounts.first().map(|account| account.code.clone()));
        let identifier =
            accounts.iter().flat_map(|account| account.identifiers()).filter(Identifier::is_sound);
        if let Some(identifier) = identifier.min_by_key(|identifier| rank(identifier.scheme)) {
            fact("identifier_scheme", Some(identifier.scheme.as_str().to_owned()));
            fact("identifier", Some(identifier.value));
        }
    }
    let key = (policy.connection.clone(), policy.number.clone(), buyer.to_owned());
    let ended = book.ended.get(&key).map_or(0, |ended| ended.ended);
    let expires = policy.requests.as_ref().map_or(30, |rule| rule.expires_days);
    Effect {
        kind,
        action,
        connection: policy.connection.clone(),
        policy: policy.number.clone(),
        buyer_id: buyer.to_owned(),
        name: name.to_owned(),
        country: country.to_owned(),
        subject: insurer_id.unwrap_or_default().to_owned(),
        cause: ended.to_string(),
        why: proposal.why,
        expected: proposal.expected,
        amount: Some(money(amount_minor)),
        before: Some(money(proposal.before_minor)),
        fee: Some(money(proposal.fee_minor)),
        approval,
        facts,
        expires_on: book.day.checked_add_days(chrono::Days::new(expires.unsigned_abs())),
    }
}

/// The next multiple of what the insurer takes, in whole units.
fn round_up(minor: i64, step_units: u64, policy: &Policy) -> i64 {
    let unit = 10_i64.checked_pow(policy.currency.decimals()).unwrap_or(1);
    let step = i64::try_from(step_units).ok().and_then(|units| units.checked_mul(unit)).unwrap_or(1).max(1);
    let rest = minor.rem_euclid(step);
    if rest == 0 { minor } else { minor.saturating_add(step - rest) }
}

/// Which identifier a person would give first.
const fn rank(scheme: Scheme) -> u8 {
    match scheme {
        Scheme::Siren => 0,
        Scheme::Siret => 1,
        Scheme::Vat => 2,
        Scheme::Lei => 3,
        Scheme::Registration => 4,
        Scheme::Duns => 5,
    }
}
