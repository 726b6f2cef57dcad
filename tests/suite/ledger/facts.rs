//! What follows from the records: exposures, covers, breaks, deltas; and what runs leave of themselves.

use std::collections::BTreeSet;

use encours::ledger::{BreakRow, ControlTotal, CoverRow, ExposureRow, RunRow};
use encours::model::{Break, BreakKind, Currency, Delta, Event, Policy};
use serde_json::json;
use sqlx::types::Json;

use super::{COMPANY, Database, ERP, INSURER, at, contract, currency, day};

contract!(
    an_exposure_is_the_last_one_written,
    a_cover_is_the_last_one_written,
    a_break_closes_and_opens_again,
    breaks_are_read_by_subject,
    a_delta_is_said_once,
    deltas_leave_the_outbox_by_confirmation,
    a_cursor_moves,
    a_pause_is_a_change_once,
    connections_are_known_as_configured,
    a_policy_is_a_change_when_its_terms_are,
    runs_and_their_totals_are_kept,
);

fn exposure(buyer: &str, code: &str, outstanding_minor: i64) -> ExposureRow {
    ExposureRow {
        buyer_id: buyer.to_owned(),
        currency: code.to_owned(),
        outstanding_minor,
        not_due_minor: 1,
        overdue_30_minor: 2,
        overdue_60_minor: 3,
        overdue_90_minor: 4,
        overdue_more_minor: 5,
        disputed_minor: 6,
        credits_minor: 7,
        unallocated_minor: 8,
        oldest_due: Some(day("2026-01-31")),
        invoice_count: 9,
        net_minor: Some(11),
        lacks_tax: 12,
        said_minor: 10,
        version: 1,
        as_of: day("2026-03-01"),
    }
}

async fn an_exposure_is_the_last_one_written(db: &Database) {
    let rows: Vec<ExposureRow> =
        (0..900).map(|n| exposure(&format!("b{n:03}"), "EUR", 9_999_999_999_999)).collect();
    let mut tx = db.begin().await;
    tx.write_exposures(COMPANY, &rows, at(0)).await.unwrap();
    tx.write_exposures("another", &rows[..1], at(0)).await.unwrap();
    assert_eq!(tx.exposures(COMPANY, None).await.unwrap(), rows);
    let changed = ExposureRow {
        outstanding_minor: -5,
        not_due_minor: 0,
        overdue_30_minor: 0,
        overdue_60_minor: 0,
        overdue_90_minor: 0,
        overdue_more_minor: 0,
        disputed_minor: 0,
        credits_minor: 0,
        unallocated_minor: 0,
        oldest_due: None,
        invoice_count: 0,
        net_minor: None,
        lacks_tax: 0,
        said_minor: -5,
        version: 2,
        as_of: day("2026-03-02"),
        ..exposure("b007", "EUR", 0)
    };
    let dollars = exposure("b007", "USD", 1);
    tx.write_exposures(COMPANY, &[dollars.clone(), changed.clone()], at(1)).await.unwrap();
    tx.write_exposures(COMPANY, &[], at(1)).await.unwrap();
    let mut wanted: BTreeSet<String> = (0..900).map(|n| format!("x{n}")).collect();
    wanted.extend(["b007".to_owned(), "b899".to_owned()]);
    let some = tx.exposures(COMPANY, Some(&wanted)).await.unwrap();
    assert_eq!(some, [changed, dollars, rows[899].clone()]);
    assert_eq!(tx.exposures(COMPANY, Some(&BTreeSet::new())).await.unwrap(), []);
    let sums = tx.outstanding(COMPANY).await.unwrap();
    assert_eq!(sums, [(Currency::EUR, 899 * 9_999_999_999_999 - 5), (currency("USD"), 1)].into());
    tx.rollback().await.unwrap();
}

async fn a_cover_is_the_last_one_written(db: &Database) {
    let cover = |buyer: &str, policy: &str, over_limit| CoverRow {
        buyer_id: buyer.to_owned(),
        connection: INSURER.to_owned(),
        policy: policy.to_owned(),
        currency: "EUR".to_owned(),
        cap_minor: 1,
        covered_minor: 2,
        uninsured_minor: 3,
        indemnity_minor: 4,
        lacks_tax: 7,
        over_limit,
        version: 5,
        as_of: day("2026-03-01"),
    };
    let rows: Vec<CoverRow> = (0..900).map(|n| cover(&format!("b{n:03}"), "P1", n % 2 == 0)).collect();
    let mut tx = db.begin().await;
    tx.write_covers(COMPANY, &rows, at(0)).await.unwrap();
    assert_eq!(tx.covers(COMPANY, None).await.unwrap(), rows);
    let changed = CoverRow {
        currency: "USD".to_owned(),
        cap_minor: 0,
        covered_minor: -1,
        uninsured_minor: 0,
        indemnity_minor: 0,
        version: 6,
        as_of: day("2026-03-02"),
        ..cover("b001", "P1", true)
    };
    let second = cover("b001", "P2", false);
    tx.write_covers(COMPANY, &[second.clone(), changed.clone()], at(1)).await.unwrap();
    let wanted = BTreeSet::from(["b001".to_owned()]);
    assert_eq!(tx.covers(COMPANY, Some(&wanted)).await.unwrap(), [changed, second]);
    assert_eq!(tx.covers("another", None).await.unwrap(), []);
    tx.rollback().await.unwrap();
}

fn found(kind: BreakKind, subject: &str, ours: &str) -> Break {
    Break {
        kind,
        subject: subject.to_owned(),
        name: "Client".to_owned(),
        country: "FR".to_owned(),
        connection: INSURER.to_owned(),
        ours: ours.to_owned(),
        theirs: "théirs".to_owned(),
    }
}

async fn a_break_closes_and_opens_again(db: &Database) {
    let one = found(BreakKind::LimitDiffers, "siren:1", "100");
    let mut tx = db.begin().await;
    let opened = tx.open_break(COMPANY, &one, at(1), day("2026-03-01")).await.unwrap();
    assert_eq!((opened.occurrence, &opened.found), (1, &one));
    // Whoever opens it again while it is open changes nothing of its age.
    let again = tx
        .open_break(COMPANY, &found(BreakKind::LimitDiffers, "siren:1", "101"), at(2), day("2026-03-02"))
        .await
        .unwrap();
    assert_eq!((again.occurrence, &again.id), (1, &opened.id));
    let row = |rows: Vec<BreakRow>| rows.into_iter().next().unwrap();
    let stored = row(tx.open_breaks(COMPANY).await.unwrap());
    assert_eq!((stored.opened_at, stored.opened_on, stored.ours.as_str()), (at(1), day("2026-03-01"), "101"));
    assert_eq!(stored.closed_at, None);

    let moved = Break {
        country: "BE".to_owned(),
        name: "Client SA".to_owned(),
        ..found(BreakKind::LimitDiffers, "siren:1", "200")
    };
    tx.update_break(COMPANY, &moved, at(3)).await.unwrap();
    let stored = row(tx.open_breaks(COMPANY).await.unwrap());
    assert_eq!((stored.to_break().unwrap(), stored.occurrence, stored.opened_at), (moved.clone(), 1, at(1)));

    let closed = tx.close_break(COMPANY, &moved, at(4)).await.unwrap();
    assert_eq!((closed.occurrence, &closed.id), (1, &opened.id));
    assert_eq!(tx.open_breaks(COMPANY).await.unwrap(), []);
    let again = tx.open_break(COMPANY, &one, at(5), day("2026-03-05")).await.unwrap();
    assert_eq!((again.occurrence, &again.id), (2, &opened.id), "the same break, opened a second time");
    let stored = row(tx.open_breaks(COMPANY).await.unwrap());
    assert_eq!((stored.opened_at, stored.opened_on, stored.ours.as_str()), (at(5), day("2026-03-05"), "100"));

    // Another company, kind, subject or connection is another break.
    let others = [
        ("another", one.clone()),
        (COMPANY, found(BreakKind::OverLimit, "siren:1", "100")),
        (COMPANY, found(BreakKind::LimitDiffers, "siren:2", "100")),
        (COMPANY, Break { connection: ERP.to_owned(), ..one }),
    ];
    for (company, other) in others {
        assert_eq!(
            tx.open_break(company, &other, at(6), day("2026-03-06")).await.unwrap().occurrence,
            1,
            "{other:?}"
        );
    }
    assert_eq!(tx.open_breaks(COMPANY).await.unwrap().len(), 4);
    tx.rollback().await.unwrap();
}

async fn breaks_are_read_by_subject(db: &Database) {
    let mut tx = db.begin().await;
    for n in 0..20 {
        tx.open_break(
            COMPANY,
            &found(BreakKind::NoCover, &format!("b{n:02}"), ""),
            at(20 - n),
            day("2026-03-01"),
        )
        .await
        .unwrap();
    }
    let subjects: Vec<String> =
        tx.open_breaks(COMPANY).await.unwrap().into_iter().map(|row| row.subject).collect();
    assert_eq!(
        (subjects.len(), subjects[0].as_str(), subjects[19].as_str()),
        (20, "b19", "b00"),
        "oldest first"
    );
    let mut wanted: BTreeSet<String> = (0..900).map(|n| format!("x{n}")).collect();
    wanted.extend(["b03".to_owned(), "b04".to_owned()]);
    tx.close_break(COMPANY, &found(BreakKind::NoCover, "b04", ""), at(30)).await.unwrap();
    let some = tx.open_breaks_of(COMPANY, &wanted).await.unwrap();
    assert_eq!(some.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["b03"]);
    tx.rollback().await.unwrap();
}

fn delta(subject: &str, version: &str) -> Delta {
    Delta {
        event: Event::LimitReduced,
        subject: subject.to_owned(),
        version: version.to_owned(),
        connection: INSURER.to_owned(),
        country: "FR".to_owned(),
        summary: "Moins é 𝄞".to_owned(),
        data: json!({ "amount": "9999999999999.99", "n": 9_007_199_254_740_993_i64, "list": [null, "é\n"] })
            .to_string(),
    }
}

async fn a_delta_is_said_once(db: &Database) {
    let mut tx = db.begin().await;
    let many: Vec<Delta> = (0..900).map(|n| delta(&format!("b{n}"), "1")).collect();
    assert_eq!(tx.say(COMPANY, "run1", &many, at(0)).await.unwrap(), 900);
    assert_eq!(tx.say(COMPANY, "run2", &many, at(1)).await.unwrap(), 0, "said before");
    let next = [delta("b1", "2"), delta("b1", "2"), delta("b1", "1")];
    assert_eq!(tx.say(COMPANY, "run2", &next, at(1)).await.unwrap(), 1, "the same fact twice in one breath");
    assert_eq!(
        tx.say("another", "run3", &[delta("b1", "2")], at(1)).await.unwrap(),
        1,
        "another company's is another"
    );
    assert_eq!(tx.say(COMPANY, "run2", &[], at(1)).await.unwrap(), 0);
    let rows = tx.deltas(COMPANY, 2).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(),
        ["b1", "b899"],
        "newest first"
    );
    let row = &rows[0];
    assert_eq!(
        (row.data.0.clone(), row.summary.as_str(), row.run.as_str()),
        (serde_json::from_str::<serde_json::Value>(&delta("b1", "2").data).unwrap(), "Moins é 𝄞", "run2")
    );
    assert_eq!((row.event.as_str(), row.routing_key.as_str()), ("limit.reduced", "limit.reduced.insurer.fr"));
    assert_eq!((row.created_at, row.published_at), (at(1), None));
    let first: Vec<String> = tx.deltas_of("run1").await.unwrap().into_iter().map(|row| row.subject).collect();
    assert_eq!(
        (first.len(), first[0].as_str(), first[899].as_str()),
        (900, "b0", "b899"),
        "in the order they were said"
    );
    tx.rollback().await.unwrap();
    assert_eq!(db.ledger.pending_deltas(10).await.unwrap().len(), 0, "undone with what they told");
}

async fn deltas_leave_the_outbox_by_confirmation(db: &Database) {
    let mut tx = db.begin().await;
    for n in 0..10 {
        tx.say(COMPANY, "run", &[delta(&format!("b{n}"), "1")], at(n)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let pending = db.ledger.pending_deltas(4).await.unwrap();
    assert_eq!(pending.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["b0", "b1", "b2", "b3"]);
    let seqs: Vec<i64> = pending.iter().map(|row| row.seq).collect();
    assert!(seqs.is_sorted());
    db.ledger.confirm_deltas(&[seqs[0], seqs[2], 1_000_000], at(100)).await.unwrap();
    db.ledger.confirm_deltas(&[seqs[2]], at(200)).await.unwrap();
    db.ledger.confirm_deltas(&[], at(200)).await.unwrap();
    let left: Vec<String> =
        db.ledger.outbox(COMPANY, 0, 100).await.unwrap().into_iter().map(|row| row.subject).collect();
    assert_eq!(left, ["b1", "b3", "b4", "b5", "b6", "b7", "b8", "b9"]);
    assert_eq!(db.ledger.outbox(COMPANY, seqs[3], 100).await.unwrap().len(), 6);
    let mut tx = db.begin().await;
    let told: Vec<_> =
        tx.deltas(COMPANY, 100).await.unwrap().into_iter().filter_map(|row| row.published_at).collect();
    assert_eq!(told, [at(100), at(100)], "confirmed once, and not taken out");
    tx.rollback().await.unwrap();
    let many: Vec<i64> = (0..1_000).collect();
    db.ledger.confirm_deltas(&many, at(300)).await.unwrap();
    assert_eq!(db.ledger.outbox(COMPANY, 0, 100).await.unwrap().len(), 0);
}

async fn a_cursor_moves(db: &Database) {
    let mut tx = db.begin().await;
    assert_eq!(tx.cursor(ERP, "invoices").await.unwrap(), None);
    for (second, value) in [(0, "2026-03-01T10:00:00Z"), (1, ""), (2, "{\"id\":\"00012\",\"é\":1}")] {
        tx.set_cursor(ERP, "invoices", value, at(second)).await.unwrap();
        assert_eq!(tx.cursor(ERP, "invoices").await.unwrap().as_deref(), Some(value));
    }
    assert_eq!(tx.cursor(ERP, "receipts").await.unwrap(), None);
    let mut savepoint = tx.savepoint().await.unwrap();
    savepoint.set_cursor(ERP, "invoices", "lost", at(3)).await.unwrap();
    savepoint.rollback().await.unwrap();
    assert_ne!(
        tx.cursor(ERP, "invoices").await.unwrap().as_deref(),
        Some("lost"),
        "it goes with what it stands for"
    );
    tx.rollback().await.unwrap();
}

async fn a_pause_is_a_change_once(db: &Database) {
    let mut tx = db.begin().await;
    assert!(!tx.pause(ERP, None, at(0)).await.unwrap(), "it was not paused");
    assert!(tx.pause(ERP, Some("the password is refused"), at(1)).await.unwrap());
    assert!(!tx.pause(ERP, Some("again"), at(2)).await.unwrap());
    let paused = |rows: Vec<encours::ledger::ConnectionRow>| {
        let row = rows.into_iter().find(|row| row.id == ERP).unwrap();
        (row.paused_since, row.paused_reason)
    };
    let since = paused(tx.connections().await.unwrap());
    assert_eq!(
        since,
        (Some(at(1)), Some("the password is refused".to_owned())),
        "the first reason and its time"
    );
    assert!(tx.pause(ERP, None, at(3)).await.unwrap());
    assert!(!tx.pause(ERP, None, at(4)).await.unwrap());
    assert_eq!(paused(tx.connections().await.unwrap()), (None, None));
    assert!(tx.pause(ERP, Some(""), at(5)).await.unwrap(), "an empty reason is one");
    assert!(!tx.pause("nobody", Some("x"), at(6)).await.unwrap());
    tx.rollback().await.unwrap();
}

async fn connections_are_known_as_configured(db: &Database) {
    let mut tx = db.begin().await;
    tx.pause(ERP, Some("x"), at(0)).await.unwrap();
    tx.know_connection(ERP, COMPANY, "csv", "erp").await.unwrap();
    tx.know_connection(INSURER, "another", "other", "factor").await.unwrap();
    tx.know_connection("Zeta", COMPANY, "csv", "erp").await.unwrap();
    let rows = tx.connections().await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["Zeta", "erp", "insurer"],
        "by their bytes"
    );
    assert!(rows[1].paused_since.is_some(), "what is configured does not end a pause");
    assert_eq!(
        (rows[2].company.as_str(), rows[2].connector.as_str(), rows[2].role.as_str()),
        ("another", "other", "factor")
    );
    tx.rollback().await.unwrap();
}

async fn a_policy_is_a_change_when_its_terms_are(db: &Database) {
    let policy = Policy {
        maximum_terms_days: Some(180),
        discretionary_minor: 1_500_000,
        ..Policy::plain(INSURER, "0004711", Currency::EUR, day("2026-01-01"), "90.50".parse().unwrap())
    };
    let mut tx = db.begin().await;
    assert!(tx.know_policy(&policy, at(0)).await.unwrap());
    assert!(!tx.know_policy(&policy, at(1)).await.unwrap());
    let changed = Policy {
        insured_percentage: "90.5".parse().unwrap(),
        valid_to: Some(day("2026-12-31")),
        ..policy.clone()
    };
    assert!(tx.know_policy(&changed, at(2)).await.unwrap());
    assert!(!tx.know_policy(&changed, at(3)).await.unwrap());
    let next = Policy { valid_from: day("2027-01-01"), ..policy };
    assert!(tx.know_policy(&next, at(4)).await.unwrap(), "another period");
    assert!(!tx.know_policy(&changed, at(5)).await.unwrap());
    tx.rollback().await.unwrap();
}

async fn runs_and_their_totals_are_kept(db: &Database) {
    let mut tx = db.begin().await;
    assert_eq!(tx.settled_on(COMPANY).await.unwrap(), None);
    for (n, outcome, on) in [
        (0, "done", "2026-03-01"),
        (1, "failed", "2026-03-09"),
        (2, "partial", "2026-03-04"),
        (3, "done", "2026-03-02"),
    ] {
        let run = RunRow {
            id: format!("run{n}"),
            on_date: day(on),
            started_at: at(n),
            finished_at: at(n + 1),
            outcome: outcome.to_owned(),
            summary: Json(json!({ "n": n, "texte": "é 𝄞 \\u0041" })),
        };
        tx.record_run(COMPANY, &run).await.unwrap();
    }
    assert_eq!(
        tx.settled_on(COMPANY).await.unwrap(),
        Some(day("2026-03-04")),
        "a run that failed settled nothing"
    );
    assert_eq!(tx.settled_on("another").await.unwrap(), None);
    let runs = tx.runs(COMPANY, 3).await.unwrap();
    assert_eq!(
        runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(),
        ["run3", "run2", "run1"],
        "newest first"
    );
    assert_eq!((runs[0].on_date, runs[0].started_at, runs[0].finished_at), (day("2026-03-02"), at(3), at(4)));
    assert_eq!(runs[0].summary.0, json!({ "n": 3, "texte": "é 𝄞 \\u0041" }));
    let total = ControlTotal {
        currency: currency("JPY"),
        source_count: 3,
        source_minor: i64::MAX,
        ledger_count: 2,
        ledger_minor: i64::MIN,
        quarantined_count: 1,
        quarantined_minor: -1,
    };
    assert!(!total.adds_up());
    tx.record_control_total("run3", ERP, "invoices", &total).await.unwrap();
    tx.record_control_total("run3", ERP, "invoices", &ControlTotal { currency: Currency::EUR, ..total })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        db.texts("SELECT currency || ' ' || CAST(source_minor AS TEXT) || ' ' || CAST(ledger_minor AS TEXT) || ' ' || CAST(quarantined_minor AS TEXT) FROM control_total ORDER BY currency").await,
        ["EUR 9223372036854775807 -9223372036854775808 -1", "JPY 9223372036854775807 -9223372036854775808 -1"]
    );
}
