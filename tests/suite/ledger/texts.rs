//! Values at the edge of what partners send: keys that look like numbers, dates and amounts at both ends, any text.

use std::collections::BTreeMap;

use encours::format::{Header, Record, json};
use encours::ledger::{AccountLanding, BadRecord, Error};
use encours::mapping::{Bound, Outcome, Target, Terms, parse_files};
use encours::model::{Currency, Item};

use super::{COMPANY, Database, ERP, Reading, account, at, contract, day, invoice};

contract!(
    keys_are_text,
    amounts_of_thirteen_digits_are_kept,
    dates_from_the_year_1_to_the_year_9999_are_kept,
    any_text_is_kept_whole,
    a_record_with_a_nul_goes_to_quarantine,
    a_key_too_long_for_an_index_goes_to_quarantine,
    a_text_the_database_refuses_is_undone_alone,
    instants_are_kept_and_compared_to_the_millisecond,
);

async fn keys_are_text(db: &Database) {
    let keys = [
        "00012", "12", "012", "1E5", "100000", "1e5", "1.0", "1", " 1", "1 ", "-0", "é", "e\u{301}", "É",
        "NULL", "''", "nan", "0x10",
    ];
    let items: Vec<Item> = keys.iter().map(|key| invoice(key, key, 1_000)).collect();
    let landed = db.snapshot(&items, 0).await;
    assert_eq!((landed.new, landed.touched.len()), (18, 18));
    assert_eq!(db.snapshot(&items, 1).await.unchanged, 18);
    assert_eq!(db.land(Reading::changes(2), &items).await.unwrap().0.unchanged, 18, "found by text as well");
    let mut want: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    want.sort();
    assert_eq!(
        db.texts("SELECT external_id FROM item ORDER BY external_id").await,
        want,
        "in the order of their bytes"
    );
    let mut gone = items;
    gone.retain(|item| item.external_id != "1E5");
    assert_eq!(db.snapshot(&gone, 3).await.closed, 1);
    assert_eq!(db.texts("SELECT external_id FROM item WHERE open_minor = 0").await, ["1E5"]);
}

async fn amounts_of_thirteen_digits_are_kept(db: &Database) {
    let amount = 999_999_999_999_999; // 9 999 999 999 999.99
    let mut items: Vec<Item> =
        (0..500).map(|n| Item { tax_minor: Some(amount), ..invoice(&n.to_string(), "C1", amount) }).collect();
    let whole = |second| Reading { batch: 450, ..Reading::snapshot(second) };
    for second in 0..2 {
        let landed = db.land(whole(second), &items).await.unwrap().0;
        assert_eq!(landed.ledger[&Currency::EUR], (500, 500 * amount), "landing {second}");
    }
    items[0].open_minor = 1;
    assert_eq!(db.land(whole(2), &items).await.unwrap().0.ledger[&Currency::EUR], (500, 499 * amount + 1));
    assert_eq!(db.texts("SELECT CAST(total_minor AS TEXT) || ' ' || CAST(tax_minor AS TEXT) FROM item WHERE open_minor = 1").await, ["999999999999999 999999999999999"]);
}

async fn dates_from_the_year_1_to_the_year_9999_are_kept(db: &Database) {
    let dates = [
        "0001-01-01",
        "0999-12-31",
        "1582-10-10",
        "1900-02-28",
        "1999-12-31",
        "2000-01-01",
        "2000-02-29",
        "2026-03-29",
        "9999-12-31",
    ];
    let of = |n: usize, open_minor| Item {
        issued: day(dates[n]),
        due: day(dates[dates.len() - 1 - n]),
        ..invoice(&n.to_string(), "C1", open_minor)
    };
    let mut tx = db.begin().await;
    let mut accounts = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    accounts.write(&mut tx, vec![account("C1", "Client", None)]).await.unwrap();
    tx.commit().await.unwrap();
    // Written in bulk, then one by one as changes: both ways must agree.
    for (second, open_minor) in [(0, 1_000), (1, 900)] {
        let items: Vec<Item> = (0..dates.len()).map(|n| of(n, open_minor)).collect();
        db.snapshot(&items, second).await;
        let mut tx = db.begin().await;
        let rows = tx.items_of(COMPANY, "account:erp:C1").await.unwrap();
        tx.rollback().await.unwrap();
        assert!(rows.is_sorted_by_key(|row| row.issued), "{rows:?}");
        for (n, row) in rows.iter().enumerate() {
            let (issued, due) = (day(dates[n]), day(dates[dates.len() - 1 - n]));
            assert_eq!((row.issued, row.due, row.original_due), (issued, due, due));
        }
        assert_eq!(db.snapshot(&items, second).await.unchanged, 9);
    }
    let printed = db.texts("SELECT CAST(issued AS TEXT) FROM item ORDER BY issued").await;
    assert_eq!(printed, dates, "and sort as dates");
}

async fn any_text_is_kept_whole(db: &Database) {
    let long = "é𝄞\"\\\n\t\u{1}\u{7f}'%_$1?; ".repeat(20_000); // about 440 000 bytes
    let texts = [
        "",
        " ",
        "𝄞🧾👩‍👩‍👧",
        "مرحبا",
        "\u{feff}bom",
        "\r\n",
        "\u{fffd}\u{ffff}\u{10ffff}",
        "\\x00 \\u0000 \0".trim_end_matches('\0'),
        long.as_str(),
    ];
    let mut tx = db.begin().await;
    let mut accounts = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    let all = texts.iter().enumerate().map(|(n, text)| encours::model::Account {
        code: (*text).to_owned(),
        ..account(&n.to_string(), text, None)
    });
    accounts.write(&mut tx, all.collect()).await.unwrap();
    tx.commit().await.unwrap();
    for second in 0..2 {
        let items: Vec<Item> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| Item {
                number: (*text).to_owned(),
                reference: Some((*text).to_owned()),
                ..invoice(&n.to_string(), &n.to_string(), 1_000 + second)
            })
            .collect();
        db.snapshot(&items, second).await;
        for (n, text) in texts.iter().enumerate() {
            let condition = format!("WHERE external_id = '{n}'");
            let stored = db.texts(&format!("SELECT number FROM item {condition} UNION ALL SELECT reference FROM item {condition} UNION ALL SELECT name FROM account {condition}")).await;
            assert!(stored.len() == 3 && stored.iter().all(|stored| stored == text), "text {n}");
        }
        assert_eq!(db.snapshot(&items, second).await.unchanged, 9);
    }
    let mut tx = db.begin().await;
    let mut accounts = AccountLanding::begin(&mut tx, ERP, at(9)).await.unwrap();
    accounts
        .write(&mut tx, vec![encours::model::Account { code: long.clone(), ..account("8", &long, None) }])
        .await
        .unwrap();
    assert_eq!(accounts.landed.unchanged, 1);
    tx.rollback().await.unwrap();
}

const MAPPING: &str = "[invoice]\nnumber = \"number\"\naccount = \"account\"\ntotal = \"total\"\nissued = \"issued\"\ndue = \"issued\"\nreference = \"reference\"\n";

/// Maps one row; what comes out good is landed, what comes out bad is put aside. Returns the reason of a bad one.
async fn take(db: &Database, number: &str, account: &str, reference: &str) -> Option<String> {
    let mappings = parse_files(&[("invoice.toml".to_owned(), MAPPING.to_owned())]).unwrap();
    let header =
        Header::new(["number", "account", "total", "issued", "reference"].map(str::to_owned).to_vec());
    let (settings, terms) = (BTreeMap::new(), Terms::default());
    let bound =
        Bound::new(&mappings.records[&Target::Invoice], Some(&header), &settings, &terms, Currency::EUR)
            .unwrap();
    let row = [number, account, "10.00", "2026-03-01", reference];
    let pairs = header.names().iter().zip(row).map(|(name, text)| (name.clone(), json::text(text)));
    let tree = json::object(pairs);
    let mapped = bound.map(Record::Tree(&tree));
    match mapped.outcome {
        Outcome::Item(found) => {
            db.land(Reading::changes(0), &[found.item]).await.unwrap();
            None
        }
        Outcome::Bad(faults) => {
            let reason = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            let bad = BadRecord {
                stage: "map",
                place: "encours.csv:2".to_owned(),
                reason: reason.clone(),
                payload: Record::Tree(&tree).to_json(),
                currency: mapped.control.0,
                amount_minor: mapped.control.1,
            };
            let mut tx = db.begin().await;
            tx.quarantine(ERP, "invoices", "run", &[bad], at(0)).await.unwrap();
            tx.commit().await.unwrap();
            Some(reason)
        }
        other => panic!("{other:?}"),
    }
}

async fn a_record_with_a_nul_goes_to_quarantine(db: &Database) {
    assert_eq!(take(db, "F1", "C1", "good").await, None);
    for (number, account, reference) in
        [("F\u{0}2", "C1", ""), ("F3", "C\u{0}1", ""), ("F4", "C1", "a\0b"), ("\0", "C1", "")]
    {
        let reason = take(db, number, account, reference).await.expect("it is bad");
        assert!(reason.contains("U+0000"), "{reason}");
    }
    assert_eq!(db.open_items().await, ["F1=1000"]);
    assert_eq!(db.count("quarantine", "resolved_at IS NULL AND amount_minor = 1000").await, 4);
}

async fn a_key_too_long_for_an_index_goes_to_quarantine(db: &Database) {
    // Random letters: PostgreSQL would compress repeated ones into its index.
    let mut state = 1_u64;
    let mut letters = |count: usize| -> String {
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
        };
        (0..count).map(next).collect()
    };
    assert_eq!(
        take(db, &letters(400), &letters(400), &letters(100_000)).await,
        None,
        "a reference is no key"
    );
    for (number, account) in [(letters(3_000), "C1".to_owned()), ("F2".to_owned(), letters(3_000))] {
        let reason = take(db, &number, &account, "").await.expect("it is bad");
        assert!(reason.contains("too long"), "{reason}");
    }
    assert_eq!((db.open_items().await.len(), db.count("quarantine", "1 = 1").await), (1, 2));
}

async fn a_text_the_database_refuses_is_undone_alone(db: &Database) {
    let mut tx = db.begin().await;
    for (second, reading) in [(0, Reading::snapshot(0)), (1, Reading::changes(1)), (2, Reading::changes(2))] {
        let mut savepoint = tx.savepoint().await.unwrap();
        let nul = Item { reference: Some("a\0b".to_owned()), ..invoice("nul", "C1", 1_000 + second) };
        let landed = reading.land(&mut savepoint, &[nul]).await;
        match (&db.place, landed) {
            // SQLite keeps it whole: nothing to undo.
            (super::Place::Sqlite(_), Ok(_)) => savepoint.commit().await.unwrap(),
            (super::Place::Postgres(_), Err(Error::Database(_))) => savepoint.rollback().await.unwrap(),
            (_, other) => panic!("{other:?}"),
        }
        Reading { operation: "other", ..Reading::snapshot(second) }
            .land(&mut tx, &[invoice("good", "C1", 1_000 + second)])
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(db.count("item", "external_id = 'good' AND open_minor = 1002").await, 1);
}

async fn instants_are_kept_and_compared_to_the_millisecond(db: &Database) {
    use encours::model::Instant;
    let instants =
        [0, 1, 10, 100, 999, 1_000].map(|ms| Instant::from_timestamp_millis(1_790_000_000_000 + ms).unwrap());
    let mut tx = db.begin().await;
    // Some are printed with a fraction and some without: their order must be that of time, also as text.
    for (n, now) in instants.iter().enumerate() {
        let found = encours::model::Break {
            kind: encours::model::BreakKind::NoCover,
            subject: format!("{}", 9 - n),
            name: String::new(),
            country: String::new(),
            connection: String::new(),
            ours: String::new(),
            theirs: String::new(),
        };
        tx.open_break(COMPANY, &found, *now, day("2026-03-01")).await.unwrap();
    }
    let rows = tx.open_breaks(COMPANY).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.opened_at).collect::<Vec<_>>(), instants);
    tx.rollback().await.unwrap();
}
