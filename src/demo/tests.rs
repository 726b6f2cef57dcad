//! The demo against itself: soundness, counts, every situation, and the files read back by other means.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use super::*;
use crate::model::{Identifier, ItemKind, Scheme};

/// Several companies on days that differ: mid-week, before a holiday, in summer, at new year, on a Saturday.
static MANY: LazyLock<Vec<Demo>> = LazyLock::new(|| {
    [(7, "2026-03-10"), (42, "2026-04-30"), (1, "2026-07-31"), (2026, "2027-01-04"), (u64::MAX, "2026-03-14")]
        .into_iter()
        .map(|(seed, day): (u64, &str)| Demo::new(seed, day.parse().unwrap()))
        .collect()
});

// -- reading the files, without the writer's code

struct Row {
    kind: String,
    number: String,
    account: String,
    issued: String,
    currency: String,
    total: String,
    open: String,
    disputed: bool,
}

fn records(bytes: &[u8]) -> Vec<HashMap<String, String>> {
    let text = encoding_rs::WINDOWS_1252.decode_without_bom_handling_and_without_replacement(bytes).unwrap();
    assert!(!text.contains("&#"), "a character that Windows-1252 does not have");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn file(demo: &Demo, day: Day, prefix: &str) -> Vec<HashMap<String, String>> {
    let files = demo.export(day);
    let (_, bytes) = files.iter().find(|(name, _)| name.starts_with(prefix)).unwrap();
    records(bytes)
}

fn rows(demo: &Demo, day: Day) -> Vec<Row> {
    let row = |mut r: HashMap<String, String>| {
        let mut take = |name: &str| r.remove(name).unwrap();
        Row {
            kind: take("Type"),
            number: take("Pièce"),
            account: take("Code client"),
            issued: take("Date pièce"),
            currency: take("Devise"),
            total: take("Montant"),
            open: take("Reste dû"),
            disputed: take("Litige") == "O",
        }
    };
    file(demo, day, "encours_").into_iter().map(row).collect()
}

fn cents(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once(',')?;
    (decimals.len() == 2).then_some(())?;
    format!("{whole}{decimals}").parse().ok()
}

/// Sorts rows into good and bad by reading them alone.
fn sift(rows: Vec<Row>) -> (Vec<Row>, Vec<Row>) {
    let mut seen = BTreeSet::new();
    rows.into_iter().partition(|row| {
        Date::parse_from_str(&row.issued, "%d/%m/%Y").is_ok()
            && ["EUR", "GBP", "USD"].contains(&row.currency.as_str())
            && cents(&row.total).is_some()
            && cents(&row.open).is_some()
            && !row.account.is_empty()
            && seen.insert(row.number.clone())
    })
}

fn totals(rows: &[Row]) -> BTreeMap<Currency, Totals> {
    let mut totals: BTreeMap<Currency, Totals> = BTreeMap::new();
    for row in rows {
        let (Some(currency), Some(open)) = (Currency::parse(&row.currency), cents(&row.open)) else {
            continue;
        };
        let entry = totals.entry(currency).or_default();
        entry.rows += 1;
        entry.sum_minor += open;
    }
    totals
}

// -- soundness

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let day = "2026-03-10".parse().unwrap();
    for when in Day::ALL {
        assert_eq!(Demo::new(7, day).export(when), Demo::new(7, day).export(when));
        assert_ne!(Demo::new(7, day).export(when), Demo::new(8, day).export(when));
    }
    assert_eq!(Demo::new(7, day).insurer_stories(), Demo::new(7, day).insurer_stories());
}

#[test]
fn every_identifier_is_sound_and_unissued_except_the_deliberate_one() {
    for demo in MANY.iter() {
        let all: Vec<&Identifier> = demo.accounts().iter().flat_map(|a| &a.identifiers).collect();
        let wrong: Vec<_> = all.iter().filter(|id| !id.is_sound()).collect();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!(wrong[0].scheme, Scheme::Siren);
        for id in all.iter().filter(|id| id.scheme == Scheme::Siren) {
            assert!(id.value.starts_with("000"), "{id:?}");
        }
        let uids: Vec<&str> = demo.insurer_stories().iter().filter_map(|s| s.uid.as_deref()).collect();
        assert_eq!(uids.iter().collect::<BTreeSet<_>>().len(), uids.len(), "an identifier is of one buyer");
        for story in demo.insurer_stories().iter().filter(|s| s.uid_type == "SN") {
            let uid = story.uid.as_deref();
            assert!(uid.is_none_or(|u| Identifier::new(Scheme::Siren, u).unwrap().is_sound()), "{story:?}");
        }
        let company = demo.company();
        assert!(Identifier::new(Scheme::Siren, &company.siren).unwrap().is_sound());
        assert!(Identifier::new(Scheme::Vat, &company.vat).unwrap().is_sound());
    }
}

#[test]
fn the_counts_are_those_of_a_mid_size_company() {
    for demo in MANY.iter() {
        assert_eq!(demo.accounts().len(), 300);
        let items = demo.items(Day::First);
        assert!((4_400..5_500).contains(&items.len()), "{} documents", items.len());
        let open = items.iter().filter(|i| i.open_minor > 0).count();
        assert!((1_100..1_900).contains(&open), "{open} open items");
        let currencies: BTreeSet<_> = items.iter().map(|i| i.currency.code()).collect();
        assert_eq!(currencies.into_iter().collect::<Vec<_>>(), ["EUR", "GBP", "USD"]);
        let euros = items.iter().filter(|i| i.currency == Currency::EUR).count();
        assert!(euros * 10 > items.len() * 9, "mostly euros");
        let stories = demo.insurer_stories();
        assert!((205..=230).contains(&stories.len()), "{} stories", stories.len());
        let pending = |day| stories.iter().flat_map(|s| s.pending_on(demo.date(day))).count();
        assert_eq!((pending(Day::First), pending(Day::Second)), (8, 6));
        let (amounts, names): (Vec<i64>, BTreeSet<&str>) = (
            items.iter().filter(|i| i.kind == ItemKind::Invoice).map(|i| i.total_minor).collect(),
            demo.accounts().iter().map(|a| a.name.as_str()).collect(),
        );
        assert!(amounts.iter().all(|a| (25_000..=8_000_100).contains(a)));
        assert_eq!(names.len(), 300, "each account has its own name");
    }
}

#[test]
fn items_are_well_formed_and_their_numbers_unique() {
    for demo in MANY.iter() {
        let codes: BTreeSet<&str> = demo.accounts().iter().map(|a| a.code.as_str()).collect();
        for day in Day::ALL {
            let mut seen = BTreeSet::new();
            for item in demo.items(day) {
                assert!(seen.insert(item.number.as_str()), "{item:?}");
                assert!(codes.contains(item.account.as_str()), "{item:?}");
                assert!((0..=item.total_minor).contains(&item.open_minor), "{item:?}");
                assert!(item.issued <= demo.date(day) && item.due >= item.issued, "{item:?}");
                assert_eq!(item.external_id, item.number);
            }
        }
    }
}

#[test]
fn decisions_are_in_order_and_in_thousands() {
    for demo in MANY.iter() {
        let [_, second] = demo.business_days();
        let mut ids = BTreeSet::new();
        for story in demo.insurer_stories() {
            assert!(ids.insert(story.insurer_buyer_id), "{story:?}");
            assert!((1..=100).contains(&story.rating), "{story:?}");
            assert!(story.decisions.is_sorted_by_key(|d| d.on), "{story:?}");
            for d in &story.decisions {
                assert!(d.on <= second && d.requested > 0 && d.requested % 1000 == 0, "{d:?}");
                assert!(d.effective_from <= d.on, "{d:?}");
                assert!(d.layers.iter().all(|(amount, _)| *amount > 0 && amount % 1000 == 0), "{d:?}");
                assert_eq!(matches!(d.code, "DC03" | "DC08"), d.layers.is_empty(), "{d:?}");
            }
        }
        let codes: BTreeSet<&str> =
            demo.insurer_stories().iter().flat_map(|s| &s.decisions).map(|d| d.code).collect();
        let all = ["DC01", "DC02", "DC03", "DC04", "DC05", "DC08", "DC09", "DC21", "DC22"];
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), all);
    }
}

// -- the files

#[test]
fn what_is_expected_is_what_another_reader_counts() {
    for demo in MANY.iter() {
        for day in Day::ALL {
            let expected = demo.expected(day);
            let rows = rows(demo, day);
            assert_eq!(rows.len(), expected.rows);
            let (good, bad) = sift(rows);
            assert_eq!((good.len(), bad.len()), (expected.good, expected.bad));
            assert_eq!(totals(&good), expected.outstanding);
            assert_eq!(totals(&bad), expected.bad_readable);
            let unreadable =
                bad.iter().filter(|r| Currency::parse(&r.currency).and(cents(&r.open)).is_none()).count();
            assert_eq!(unreadable, expected.bad_unreadable);
            assert_eq!(good.iter().filter(|r| r.disputed).count(), expected.disputed);
            assert_eq!(good.iter().filter(|r| cents(&r.open) != Some(0)).count(), expected.open);
            assert_eq!(file(demo, day, "clients_").len(), expected.accounts);
        }
    }
}

#[test]
fn the_rows_carry_the_values_they_were_made_from() {
    let demo = &MANY[0];
    for day in Day::ALL {
        let items: HashMap<&str, &Item> = demo.items(day).iter().map(|i| (i.number.as_str(), i)).collect();
        for row in sift(rows(demo, day)).0 {
            let item = items[row.number.as_str()];
            let kind = [
                ("Facture", ItemKind::Invoice),
                ("Avoir", ItemKind::CreditNote),
                ("Règlement", ItemKind::Receipt),
            ]
            .into_iter()
            .find_map(|(word, kind)| (word == row.kind).then_some(kind));
            assert_eq!(kind, Some(item.kind));
            assert_eq!(row.account, item.account);
            assert_eq!(cents(&row.total), Some(item.kind.sign() * item.total_minor));
            assert_eq!(cents(&row.open), Some(item.kind.sign() * item.open_minor));
            assert_eq!(Date::parse_from_str(&row.issued, "%d/%m/%Y").unwrap(), item.issued);
        }
    }
}

#[test]
fn the_clients_file_has_french_habits() {
    let demo = &MANY[0];
    let files = demo.export(Day::First);
    assert_eq!(files[0].0, "clients_20260310.csv");
    assert_eq!(files[1].0, "encours_20260310.csv");
    let header =
        b"Code client;Raison sociale;SIREN;TVA;Pays;Plafond;Devise plafond;D\xe9lai (jours);Bloqu\xe9\r\n";
    assert!(files[0].1.starts_with(header));
    assert!(
        files[1]
            .1
            .starts_with(b"Type;Pi\xe8ce;Code client;Raison sociale;Date pi\xe8ce;\xc9ch\xe9ance;Devise;")
    );
    let clients = file(demo, Day::First, "clients_");
    assert_eq!(clients[0]["Code client"], "00012");
    assert!(clients.iter().any(|c| c["Plafond"].contains('\u{a0}')), "no-break blanks between thousands");
    assert!(clients.iter().any(|c| c["SIREN"].contains(' ')), "a SIREN typed in groups");
    assert!(clients.iter().any(|c| c["Raison sociale"].contains("\" ;")), "a name in quotes");
    assert!(clients.iter().any(|c| c["Raison sociale"].contains('Œ')), "a letter that Latin-1 does not have");
    for (client, account) in clients.iter().zip(demo.accounts()) {
        assert_eq!(client["Raison sociale"], account.name);
        let limit = cents(&client["Plafond"].replace('\u{a0}', ""));
        assert_eq!(limit, account.limit_minor);
        assert_eq!(
            client["SIREN"].is_empty(),
            !account.identifiers.iter().any(|i| i.scheme == Scheme::Siren)
        );
    }
}

#[test]
fn there_is_one_bad_row_of_each_kind_on_both_days() {
    for demo in MANY.iter() {
        for day in Day::ALL {
            let (good, bad) = sift(rows(demo, day));
            let mut numbers: Vec<&str> = bad.iter().map(|r| r.number.as_str()).collect();
            let mut told: Vec<&str> = demo.bad_rows().iter().map(|r| r.number.as_str()).collect();
            numbers.sort_unstable();
            told.sort_unstable();
            assert_eq!(numbers, told);
            let row = |defect| {
                let told = demo.bad_rows().iter().find(|r| r.defect == defect).unwrap();
                bad.iter().find(|r| r.number == told.number).unwrap()
            };
            assert!(row(Defect::ImpossibleDate).issued.starts_with("31/02/20"));
            assert!(row(Defect::TooManyDecimals).open.ends_with(",125"));
            assert_eq!(row(Defect::UnknownCurrency).currency, "XXZ");
            assert_eq!(Currency::parse("XXZ"), None);
            assert!(row(Defect::MalformedAmount).open.contains('O'));
            assert!(row(Defect::MissingCustomer).account.is_empty());
            let again = row(Defect::RepeatedNumber);
            let original = good.iter().find(|r| r.number == again.number).unwrap();
            assert_ne!(original.total, again.total);
        }
    }
}

// -- the second day

#[test]
fn the_second_day_changes_what_is_announced_and_nothing_else() {
    for demo in MANY.iter() {
        let changes = demo.changes();
        let read = |day| -> BTreeMap<String, Row> {
            sift(rows(demo, day)).0.into_iter().map(|r| (r.number.clone(), r)).collect()
        };
        let (before, after) = (read(Day::First), read(Day::Second));
        let mut seen = Changes::default();
        for (number, now) in &after {
            match before.get(number) {
                None if now.kind == "Facture" => seen.new_invoices.push(number.clone()),
                None => seen.new_credit_notes.push(number.clone()),
                Some(was) => {
                    assert_eq!(
                        (&was.total, &was.account, &was.issued),
                        (&now.total, &now.account, &now.issued)
                    );
                    if now.disputed && !was.disputed {
                        seen.disputed.push(number.clone());
                    }
                    if now.open == "0,00" {
                        seen.paid_in_full.push(number.clone());
                    } else if now.open != was.open {
                        assert!(cents(&now.open) < cents(&was.open));
                        seen.paid_in_part.push(number.clone());
                    }
                }
            }
        }
        seen.allocated_receipts = before.keys().filter(|n| !after.contains_key(*n)).cloned().collect();
        let sorted = |c: &Changes| {
            let mut c = c.clone();
            for list in [
                &mut c.paid_in_full,
                &mut c.paid_in_part,
                &mut c.allocated_receipts,
                &mut c.new_invoices,
                &mut c.new_credit_notes,
                &mut c.disputed,
            ] {
                list.sort_unstable();
            }
            c
        };
        assert_eq!(sorted(&seen), sorted(changes));
        assert_eq!((changes.paid_in_full.len(), changes.paid_in_part.len()), (18, 7));
        assert_eq!((changes.new_invoices.len(), changes.new_credit_notes.len()), (12, 2));
        assert_eq!((changes.allocated_receipts.len(), changes.disputed.len()), (3, 1));
        let expected = demo.expected(Day::Second);
        assert_eq!(
            (expected.new, expected.paid_in_full, expected.paid_in_part, expected.vanished),
            (14, 18, 7, 3)
        );
        assert!(expected.vanished * 5 < before.len(), "a snapshot that loses a fifth is held back");
        assert_eq!(file(demo, Day::First, "clients_"), file(demo, Day::Second, "clients_"));
    }
}

#[test]
fn the_insurer_decides_eight_times_on_the_second_day() {
    for demo in MANY.iter() {
        let [first, second] = demo.business_days();
        let mut codes = vec![];
        for story in demo.insurer_stories() {
            let Some(now) = story.decisions.iter().find(|d| d.on > first) else { continue };
            assert_eq!(now.on, second);
            let was = story.decision_on(first).unwrap();
            codes.push(now.code);
            match now.code {
                "DC01" => assert!(now.granted() > was.granted()),
                "DC05" | "DC21" => {
                    assert_eq!((&now.layers, now.effective_from), (&was.layers, was.effective_from))
                }
                "DC08" => assert_eq!((now.granted(), now.withdrawal_on), (0, Some(second))),
                "DC09" => assert!(now.granted() < was.granted() && now.granted() > 0),
                "DC22" => {
                    let ended = Some(calendar::shift(second, -1));
                    assert!(was.layers.contains(&(was.granted() - now.granted(), ended)), "{story:?}");
                }
                other => panic!("{other} is not announced"),
            }
            if now.code == "DC21" {
                assert!(now.withdrawal_on > Some(second));
            }
        }
        codes.sort_unstable();
        assert_eq!(codes, ["DC01", "DC05", "DC08", "DC09", "DC09", "DC09", "DC21", "DC22"]);
    }
}

// -- every situation of the shared rules, seen with the means of whoever reads the files

/// The story that the numbers of an account lead to.
fn story_of<'a>(demo: &'a Demo, account: &Account) -> Option<&'a Story> {
    let own: Vec<String> = account
        .identifiers
        .iter()
        .filter(|id| id.is_sound())
        .map(|id| id.siren().map_or_else(|| id.value.clone(), |siren| siren.value))
        .collect();
    demo.insurer_stories().iter().find(|s| s.uid.as_ref().is_some_and(|uid| own.contains(uid)))
}

fn granted(story: &Story, on: Date) -> i64 {
    story.decision_on(on).map_or(0, |d| i64::try_from(d.granted()).unwrap() * 100)
}

fn owed(demo: &Demo, account: &Account) -> i64 {
    let own = demo.items(Day::First).iter().filter(|i| i.account == account.code);
    own.map(|i| i.kind.sign() * i.open_minor).sum()
}

fn present(what: &str, find: impl Fn(&Demo) -> Option<String>) {
    for demo in MANY.iter() {
        let example = find(demo);
        println!("{what}: {example:?}");
        assert!(example.is_some(), "seed {} has no example of: {what}", demo.company().seed);
    }
}

fn item_where(what: &str, test: impl Fn(&Demo, &Item) -> bool) {
    present(what, |demo| {
        let open = demo.items(Day::First).iter().filter(|i| i.open_minor > 0);
        open.filter(|i| test(demo, i)).map(|i| format!("{} of {}", i.number, i.account)).next()
    });
}

fn account_where(what: &str, test: impl Fn(&Demo, &Account) -> bool) {
    present(what, |demo| {
        demo.accounts().iter().find(|a| test(demo, a)).map(|a| format!("{} {}", a.code, a.name))
    });
}

/// An account that the insurer knows, with the decision of the first day.
fn decided_where(what: &str, test: impl Fn(&Demo, &Account, &StoryDecision) -> bool) {
    account_where(what, |demo, account| {
        let decision = story_of(demo, account).and_then(|s| s.decision_on(demo.date(Day::First)));
        decision.is_some_and(|d| test(demo, account, d))
    });
}

#[test]
fn two_accounts_of_one_buyer() {
    account_where("two accounts of one legal buyer", |demo, a| {
        let of = |a: &Account| crate::model::buyer_id_of("erp", a);
        demo.accounts().iter().filter(|b| of(b) == of(a)).count() == 2
    });
}

#[test]
fn buyer_without_identifier() {
    account_where("no identifier, known to no insurer", |demo, a| {
        a.identifiers.is_empty()
            && a.country == "FR"
            && !demo.insurer_stories().iter().any(|s| s.name == a.name.to_uppercase())
    });
    account_where("no identifier, and the insurer states none either", |demo, a| {
        let story = demo.insurer_stories().iter().find(|s| s.name == a.name.to_uppercase());
        a.identifiers.is_empty() && story.is_some_and(|s| s.uid.is_none())
    });
}

#[test]
fn buyer_with_a_wrong_checksum() {
    account_where("a SIREN that is one digit off the insurer's", |demo, a| {
        a.identifiers.iter().any(|id| {
            !id.is_sound()
                && demo
                    .insurer_stories()
                    .iter()
                    .any(|s| s.uid.as_ref().is_some_and(|u| u != &id.value && u[..8] == id.value[..8]))
        })
    });
}

#[test]
fn identifiers_that_look_like_numbers() {
    account_where("account 00012", |_, a| a.code == "00012");
    account_where("account 1E5", |_, a| a.code == "1E5");
    account_where("a SIREN with leading zeros", |_, a| {
        a.identifiers.iter().any(|i| i.scheme == Scheme::Siren && i.value.starts_with("000"))
    });
    for code in ["00012", "1E5"] {
        item_where(&format!("an invoice of account {code}"), |_, i| i.account == code);
    }
    for trap in ["00012", "1E5", "005520135"] {
        item_where(&format!("document {trap}"), |_, i| i.number == trap);
    }
}

#[test]
fn credit_notes_tied_and_open() {
    item_where("an open credit note that names its invoice", |demo, i| {
        let named =
            |invoice: &Item| Some(&invoice.number) == i.reference.as_ref() && invoice.account == i.account;
        i.kind == ItemKind::CreditNote && demo.items(Day::First).iter().any(named)
    });
    item_where("an open credit note that names nothing", |_, i| {
        i.kind == ItemKind::CreditNote && i.reference.is_none()
    });
    item_where("an invoice that an allocated credit note lowers", |demo, i| {
        let lowers = |n: &Item| {
            n.kind == ItemKind::CreditNote && n.open_minor == 0 && n.reference.as_ref() == Some(&i.number)
        };
        demo.items(Day::First).iter().any(|n| lowers(n) && i.total_minor - n.total_minor == i.open_minor)
    });
}

#[test]
fn receipts_that_nobody_allocated() {
    item_where("an unallocated receipt", |_, i| i.kind == ItemKind::Receipt);
}

#[test]
fn partial_payments_and_disputes() {
    item_where("a partly paid invoice", |_, i| {
        i.kind == ItemKind::Invoice && i.open_minor * 5 < i.total_minor * 4
    });
    item_where("a disputed invoice", |_, i| i.kind == ItemKind::Invoice && i.disputed);
}

#[test]
fn overdue_in_every_bucket() {
    for (name, low, high) in
        [("not due", -1000, 0), ("1-30", 1, 30), ("31-60", 31, 60), ("61-90", 61, 90), (">90", 91, 1000)]
    {
        item_where(name, |demo, i| {
            let late = (demo.date(Day::First) - i.due).num_days();
            i.kind == ItemKind::Invoice && (low..=high).contains(&late)
        });
    }
}

#[test]
fn terms_longer_than_the_policy_insures() {
    item_where("terms too long", |demo, i| {
        (i.due - i.issued).num_days() > demo.policy("insurer").maximum_terms_days.unwrap()
    });
}

#[test]
fn over_limit_and_no_cover() {
    decided_where("over its limit", |demo, a, d| {
        a.limit_currency == Some(Currency::EUR)
            && d.granted() > 0
            && owed(demo, a) > i64::try_from(d.granted()).unwrap() * 100
    });
    decided_where("owes and was refused", |demo, a, d| d.code == "DC03" && owed(demo, a) > 0);
    decided_where("owes and was withdrawn", |demo, a, d| d.code == "DC08" && owed(demo, a) > 0);
}

#[test]
fn a_temporary_part_that_ends_soon() {
    decided_where("a temporary part ends within the warning days", |demo, _, d| {
        let today = demo.date(Day::First);
        let soon = calendar::shift(today, demo.policy("insurer").warning_days);
        d.layers.len() == 2 && d.layers.iter().any(|(_, until)| until.is_some_and(|u| u > today && u <= soon))
    });
}

#[test]
fn a_withdrawal_announced() {
    decided_where("cover until a date to come", |demo, _, d| {
        d.code == "DC21" && d.granted() > 0 && d.withdrawal_on > Some(demo.date(Day::Second))
    });
}

#[test]
fn a_buyer_never_decided() {
    let small = |demo: &Demo, a: &Account| owed(demo, a) <= demo.policy("insurer").discretionary_minor;
    let never = |demo: &Demo, a: &Account| !a.identifiers.is_empty() && story_of(demo, a).is_none();
    account_where("within the discretionary limit", |d, a| never(d, a) && small(d, a) && owed(d, a) > 0);
    account_where("above the discretionary limit", |demo, a| {
        story_of(demo, a).is_none_or(|s| s.decisions.is_empty()) && !small(demo, a)
    });
    present("a first application still open", |demo| {
        demo.insurer_stories()
            .iter()
            .find(|s| s.decisions.is_empty() && s.applications.len() == 1)
            .map(|s| s.name.clone())
    });
}

#[test]
fn limits_that_differ_between_erp_and_insurer() {
    let insured = |demo: &Demo, a: &Account| story_of(demo, a).map(|s| granted(s, demo.date(Day::First)));
    account_where("another amount in the ERP", |demo, a| {
        a.limit_currency == Some(Currency::EUR)
            && insured(demo, a).is_some_and(|i| i > 0 && Some(i) != a.limit_minor)
    });
    account_where("none in the ERP", |demo, a| a.limit_minor.is_none() && insured(demo, a) > Some(0));
    account_where("one in the ERP alone", |demo, a| a.limit_minor > Some(0) && insured(demo, a).is_none());
    account_where("another currency in the ERP", |demo, a| {
        a.limit_currency.is_some_and(|c| c != Currency::EUR) && insured(demo, a) > Some(0)
    });
    account_where("the same on both sides", |demo, a| {
        a.limit_minor.is_some() && insured(demo, a) == a.limit_minor
    });
}

#[test]
fn the_trade_stands_still_in_august() {
    use chrono::Datelike as _;
    let demo = &MANY[3]; // from April to the end of the year
    let sold = |month| {
        demo.items(Day::First)
            .iter()
            .filter(|i| i.kind == ItemKind::Invoice && i.issued.month() == month)
            .count()
    };
    assert!(sold(8) * 2 < sold(10), "August {}, October {}", sold(8), sold(10));
}
