//! The story of one invoice through the command: record, cover, deadlines, proposals, each with its source; in both languages.

use encours::model::{Allocation, Currency};
use encours::sandbox::atradius::DecisionCode;

use super::cycle::{client, invoice};
use super::past::{encours, json, told};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, day, decision, errors, insurer, run};

const TERMS: &str = "mep_days = 60\nmaximum_terms_days = 90\n[policy.cover_stop]\nthreshold = \"500.00\"\nlifts = \"payment\"\n\
                     [policy.notices]\nfrom = \"mep\"\ndays = 30\n[policy.claims]\nfrom = \"notice\"\ndays = 120";

async fn one_invoice(ledger: &str) {
    let story = vec![
        decision("2026-01-01", DecisionCode::Dc01, 100_000, 100_000),
        decision("2026-03-10", DecisionCode::Dc09, 100_000, 40_000),
    ];
    let (sandbox, url) = insurer("2026-03-09", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new(ledger).with_csv().with_insurer(&url).with(TERMS);
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "40 000,00")).as_bytes());
    let f1 = invoice("F1", "C1", "05/02/2026", "05/04/2026", "80000,00", "80000,00");
    let f2 = |open: &str| invoice("F2", "C1", "05/03/2026", "04/05/2026", "50000,00", open);
    world.export("encours_1.csv", format!("{ITEMS}{f1}{}", f2("50000,00")).as_bytes());
    run(&setup, "2026-03-09").await;
    sandbox.set_today(day("2026-06-10"));
    world.export("encours_2.csv", format!("{ITEMS}{f1}{}", f2("45000,00")).as_bytes());
    assert_eq!(errors(&run(&setup, "2026-06-10").await), Vec::<String>::new());
    let receipt = Allocation {
        external_id: "L1".into(),
        from: "R1".into(),
        to: "F2".into(),
        currency: Currency::EUR,
        amount_minor: 500_000,
        date: day("2026-06-09"),
    };
    let mut tx = setup.ledger.begin().await.unwrap();
    tx.land_allocations("erp", &[receipt], encours::clock::now()).await.unwrap();
    tx.commit().await.unwrap();
    let because = ["--because", "on the portal, receipt 12", "--by", "Ada", "--on", "2026-06-09"];
    told(&world, &[&["deadlines", "met", "notice", "F2"], &because[..]].concat());

    let value = json(&world, &["explain", "C1", "--invoice", "F2"]);
    assert_eq!(value["invoices"].as_array().unwrap().len(), 1);
    let f2 = &value["invoices"][0];
    let open: Vec<&str> =
        f2["versions"].as_array().unwrap().iter().map(|version| version["open"].as_str().unwrap()).collect();
    assert_eq!(open, ["50000.00", "45000.00"], "as it was known, the oldest first");
    assert_eq!(f2["versions"][1]["run_day"], "2026-06-10");
    assert_eq!((&f2["allocations"][0]["amount"], &f2["operation"]), (&"5000.00".into(), &"invoices".into()));
    let cover = &f2["cover"][0];
    assert_eq!((&cover["covered"], &cover["uncovered"]), (&"20000.00".into(), &"25000.00".into()));
    assert_eq!((&cover["used_by"][0]["number"], &cover["used_before"]), (&"F1".into(), &"80000.00".into()));
    assert_eq!(cover["limit"]["amount"], "100000.00", "of its own date, before the cut");
    assert_eq!(cover["limit"]["statement"]["decision"], "approved");
    assert_eq!((&cover["percentage"], &cover["indemnity"]), (&"90".into(), &"18000.00".into()));
    let deadlines: Vec<String> = f2["deadlines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["kind"], one["last_day"], one["stands"]["state"]).replace('"', ""))
        .collect();
    assert_eq!(
        deadlines,
        ["cover_stop 2026-07-03 upcoming", "overdue_notice 2026-08-02 met", "claim 2026-11-30 upcoming"]
    );

    let english = told(&world, &["explain", "C1", "--invoice", "F2", "--lang", "en"]);
    for expected in [
        "50 000.00 EUR of 2026-03-05, due on 2026-05-04; 45 000.00 EUR are open.  [erp/invoices, key F2, account C1]",
        "First read: 50 000.00 EUR open.  [read 2",
        "5 000.00 EUR of document R1, on 2026-06-09.  [allocation L1 of erp, read ",
        "60 days of credit were given; at most 90 are insured.  [policy 0004711: maximum_terms_days]",
        "The limit of its date, 2026-03-05, is 100 000.00 EUR, since 2026-01-01.  [insurer, decision ",
        "Older invoices use 80 000.00 EUR of it.  [F1 80 000.00]",
        "the insurer pays 18 000.00 EUR: 90 % of what is covered.  [policy 0004711: insured_percentage]",
        "2026-08-02  overdue notice: 2026-05-04 + 60 days + 30 days; met.  [policy 0004711: mep_days, notices.days]",
        "Done by Ada: on the portal, receipt 12, on 2026-06-09.  [proof ",
    ] {
        assert!(english.contains(expected), "\"{expected}\" is missing in:\n{english}");
    }
    let french = told(&world, &["explain", "C1", "--invoice", "F2", "--lang", "fr"]);
    for expected in [
        "50 000,00 EUR du 05/03/2026, échéance 04/05/2026 ; reste dû 45 000,00 EUR.  [erp/invoices, clé F2, compte C1]",
        "5 000,00 EUR de la pièce R1 (pièce), le 09/06/2026.  [lettrage L1 de erp, lu le ",
        "L'agrément à sa date, le 05/03/2026, est de 100 000,00 EUR, depuis le 01/01/2026.  [insurer, décision ",
        "l'assureur verse 18 000,00 EUR : quotité garantie de 90 %.  [police 0004711 : insured_percentage]",
        "02/08/2026  déclaration d'impayé : 04/05/2026 + 60 jours + 30 jours ; tenue.  [police 0004711 : mep_days, notices.days]",
        "Fait par Ada : « on the portal, receipt 12 », le 09/06/2026.  [preuve ",
    ] {
        assert!(french.contains(expected), "\"{expected}\" is missing in:\n{french}");
    }
    // What a person wrote is quoted as it stands; everything else is French.
    let own = french.replace("« on the portal, receipt 12 »", "");
    for word in
        ["the", "of", "is", "and", "read", "covered", "policy", "by", "on", "days", "decision", "approved"]
    {
        assert!(
            !own.split(|c: char| !c.is_alphanumeric() && c != '.' && c != '_').any(|one| one == word),
            "{word} in:\n{own}"
        );
    }
    assert_eq!(json(&world, &["explain", "C1", "--invoice", "F2", "--lang", "fr"]), value);

    // Cover had stopped on 4 June, 60 days after F1 was due: what stands then is told, and not what came after.
    let then = told(&world, &["explain", "C1", "--invoice", "F2", "--as-of", "2026-03-09", "--lang", "en"]);
    assert!(then.contains("how it stood then is not told"), "{then}");
    let unknown = encours(&world, &["explain", "C1", "--invoice", "F9"]);
    let error = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(2) && error.contains("has no document F9"), "{error}");
    setup.ledger.close().await;
}

#[tokio::test]
async fn every_figure_of_an_invoice_is_told_with_its_source() {
    one_invoice(&sqlite()).await;
}

#[tokio::test]
async fn every_figure_of_an_invoice_is_told_with_its_source_on_postgres() {
    let postgres = Postgres::new().await;
    one_invoice(&postgres.url).await;
    postgres.drop().await;
}

#[tokio::test]
async fn invoices_of_two_erps_with_one_number_are_both_told() {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 100_000, 1_000)];
    let (_, url) = insurer("2026-12-31", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new(&sqlite())
        .with_csv()
        .with("[[connection]]\nid = \"erp-2\"\nconnector = \"csv\"\nsettings = { folder = \"others\" }")
        .with_insurer(&url);
    std::fs::create_dir(world.path().join("others")).unwrap();
    for (folder, amount) in [("exports", "900,00"), ("others", "700,00")] {
        let write =
            |name: &str, text: String| std::fs::write(world.path().join(folder).join(name), text).unwrap();
        write("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "100 000,00")));
        let f1 = invoice("F1", "C1", "31/12/2026", "31/01/2027", amount, amount);
        write("encours_1.csv", format!("{ITEMS}{f1}"));
    }
    let setup = world.setup().await;
    run(&setup, "2027-01-15").await;
    let value = json(&world, &["explain", "siren:000000018", "--invoice", "F1"]);
    let mut covered: Vec<String> = value["invoices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{} {} of {}", one["connection"], one["cover"][0]["covered"], one["open"])
                .replace('"', "")
        })
        .collect();
    covered.sort();
    assert_eq!(covered.len(), 2, "{covered:?}");
    assert!(covered[0].starts_with("erp ") && covered[0].ends_with("of 900.00"), "{covered:?}");
    assert!(covered[1].starts_with("erp-2 ") && covered[1].ends_with("of 700.00"), "{covered:?}");
    let text = told(&world, &["explain", "siren:000000018", "--invoice", "F1", "--lang", "en"]);
    assert!(text.contains("2 documents have this number or key; each is told."), "{text}");
    let one = json(&world, &["explain", "siren:000000018", "--invoice", "erp-2/F1"]);
    assert_eq!(one["invoices"].as_array().unwrap().len(), 1);
    setup.ledger.close().await;
}
