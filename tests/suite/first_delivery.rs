//! The twelve cases that one factor agrees with its clients before they go live, through the whole program, on both databases: what
//! goes, what does not and why, what a buyer who pays the seller leads to, and what becomes of an invoice that is long overdue.

use encours::clock;
use encours::engine::Setup;
use encours::engine::assignments::{
    Reassigned, Received, Wanted, approve, compare, make, plan, reassigned, received, send,
};
use encours::factoring::Refusal;
use encours::ids::sha256_hex;
use encours::model::{Currency, Date};

use super::cycle::client;
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, errors, run};

const CONTRACT: &str = r#"factor = "Exemple Factor"
number = "54321"
connection = "factor"
currencies = ["EUR"]
valid_from = "2026-01-01"
countries = ["FR", "BE"]
minimum_amount = "100.00"
max_days_overdue = 90
recourse_days = 90
approval_required = true
holdback_percent = "10"
excluded_buyers = [{ kind = "affiliate", siren = "005520135" }]

[e_invoicing]
status = "225"
iban = "FR92 0000 0000 0000 0000 0000 197"
holder = "Exemple Factor"

[receipt]

[[buyer]]
siren = "404833048"
approval = "50000.00"

[[buyer]]
vat = "BE0123456749"
approval = "5000.00"

[[buyer]]
siren = "000000018"
"#;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn item(kind: &str, number: &str, account: &str, due: &str, currency: &str, amounts: [&str; 2]) -> String {
    let [total, open] = amounts;
    let issued = if kind == "Avoir" { "06/01/2026" } else { "02/01/2026" };
    format!("{kind};{number};{account};Exemple {account};{issued};{due};{currency};{total};{open};N;\n")
}

/// The cases by their place in the matrix: 1 healthy, 2 overdue by 30 days, 3 by 75, 4 by 91, 5 beyond the limit, 6 a credit note,
/// 7 half of it later paid to the seller, 8 no approved limit, 9 a foreign buyer, 10 another currency, 11 an affiliate, 12 too small.
fn items(open_of_seven: &str) -> String {
    let eur = |number: &str, account: &str, due: &str, amount: &str| {
        item("Facture", number, account, due, "EUR", [amount, amount])
    };
    eur("F01", "C1", "01/07/2026", "1000,00")
        + &eur("F02", "C1", "11/05/2026", "2000,00")
        + &eur("F03", "C1", "27/03/2026", "3000,00")
        + &eur("F04", "C1", "11/03/2026", "4000,00")
        + &eur("F05", "C1", "01/07/2026", "60000,00")
        + &item("Avoir", "A06", "C1", "06/01/2026", "EUR", ["500,00", "500,00"])
        + &item("Facture", "F07", "C1", "01/07/2026", "EUR", ["1150,00", open_of_seven])
        + &eur("F08", "C3", "01/07/2026", "800,00")
        + &eur("F09", "C4", "01/07/2026", "4000,00")
        + &item("Facture", "F10", "C1", "01/07/2026", "USD", ["1000,00", "1000,00"])
        + &eur("F11", "C2", "01/07/2026", "700,00")
        + &eur("F12", "C1", "01/07/2026", "99,99")
}

/// Makes a batch, has another person approve it, and hands it over; its lines as the factor gets them.
async fn sent(setup: &Setup, number: &str, on: &str) -> Vec<String> {
    let contract = setup.contracts.iter().find(|own| own.number == number).unwrap();
    let wanted = Wanted { contract, currency: Currency::EUR, on: day(on), statement_date: None };
    let batch = make(setup, &wanted, "Alix", clock::now()).await.unwrap().batch;
    approve(setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
    send(setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
    let text = String::from_utf8(batch.files[0].content.clone()).unwrap();
    // Kind, number and amount.
    let cells = |line: &str| line.split(';').map(str::to_owned).collect::<Vec<_>>();
    text.lines().skip(1).map(cells).map(|line| format!("{} {} {}", line[3], line[4], line[8])).collect()
}

#[tokio::test]
async fn the_twelve_cases_come_out_as_they_were_agreed() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let world = World::new(&ledger).with_csv().with(
            "[[connection]]\nid = \"factor\"\nconnector = \"factor-files\"\nsettings = { folder = \"from-factor\", out = \"to-factor\" }",
        );
        for folder in ["contracts", "to-factor", "from-factor"] {
            std::fs::create_dir(world.path().join(folder)).unwrap();
        }
        std::fs::write(world.path().join("contracts/exemple.toml"), CONTRACT).unwrap();
        let setup = world.setup().await;
        let clients = client("C1", "404833048", "")
            + &client("C2", "005520135", "")
            + &client("C3", "000000018", "")
            + "C4;Exemple C4;;BE0123456749;BE;;EUR;30;N\n";
        world.export("clients_1.csv", format!("{CLIENTS}{clients}").as_bytes());
        world.export("encours_1.csv", format!("{ITEMS}{}", items("1150,00")).as_bytes());
        run(&setup, "2026-06-10").await;

        let wanted = Wanted {
            contract: &setup.contracts[0],
            currency: Currency::EUR,
            on: day("2026-06-10"),
            statement_date: None,
        };
        let mut tx = setup.ledger.read().await.unwrap();
        let planned = plan(&setup, &mut tx, &wanted).await.unwrap();
        tx.rollback().await.unwrap();
        let why: Vec<String> = planned
            .refused
            .iter()
            .map(|own| format!("{} {}", own.document.number, own.reason.as_str()))
            .collect();
        assert_eq!(
            why,
            [
                "F04 overdue",
                "F10 currency_not_in_contract",
                "F12 below_minimum",
                "F11 affiliate",
                "F08 no_approval",
            ]
        );
        // 66 650.00 of C1 and 4 000.00 of C4; a tenth is kept; C1 owes 9 985.00 more than its limit and what is kept of it.
        let sum = planned.sum;
        assert_eq!((sum.amount_minor, sum.holdback_minor), (7_065_000, 706_500));
        assert_eq!((sum.excess_minor, sum.available_minor), (998_500, 5_360_000));

        let lines = sent(&setup, "54321", "2026-06-10").await;
        assert_eq!(
            lines,
            [
                "invoice F01 1000.00",
                "invoice F02 2000.00",
                "invoice F03 3000.00",
                "invoice F05 60000.00",
                "invoice F07 1150.00",
                "credit_note A06 -500.00",
                "invoice F09 4000.00",
            ]
        );

        // The receipt lists what is assigned and adds up to it; it is kept as it was made.
        let mut tx = setup.ledger.read().await.unwrap();
        let batch = tx.assignments("exemple").await.unwrap().remove(0);
        let receipt = tx.subrogation(&batch.id).await.unwrap().unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(receipt.file_name, "quittance_54321_1.pdf");
        assert!(receipt.content.starts_with(b"%PDF-"));
        assert_eq!(receipt.content_hash, sha256_hex(&receipt.content));
        let data: serde_json::Value = serde_json::from_str(&receipt.data).unwrap();
        assert_eq!(
            (data["amount"].as_str(), data["documents"].as_array().map(Vec::len)),
            (Some("70650.00"), Some(7))
        );
        let mut tx = setup.ledger.read().await.unwrap();
        let files = tx.assignment_files(&batch.id).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(data["files"][0]["sha256"].as_str(), Some(files[0].content_hash.as_str()));

        // Half of 7 reaches the seller: it is the factor's money, and the next batch says so.
        world.export("encours_2.csv", format!("{ITEMS}{}", items("575,00")).as_bytes());
        run(&setup, "2026-06-20").await;
        let said = Received {
            contract: &setup.contracts[0],
            invoice: "F07",
            amount: "575.00",
            on: day("2026-06-19"),
            by: "Alix",
        };
        received(&setup, &said, clock::now()).await.unwrap();
        assert_eq!(sent(&setup, "54321", "2026-06-20").await, ["payment F07 -575.00"]);

        // On the day after the ninetieth the factor may take 2 back, and it has taken 3 back.
        let statement = "Contract;Number;Currency;Amount;State;Financed;Holdback;Reason;Since\n\
                         54321;F01;EUR;1000.00;financed;;;;\n54321;F02;EUR;2000.00;financed;;;;\n\
                         54321;F03;EUR;3000.00;definanced;;;more than 90 days overdue;2026-06-26\n\
                         54321;F05;EUR;60000.00;financed;;;;\n54321;A06;EUR;500.00;accepted;;;;\n\
                         54321;F07;EUR;1150.00;financed;;;;\n54321;F09;EUR;4000.00;financed;;;;\n";
        std::fs::write(world.path().join("from-factor/statement_1.csv"), statement).unwrap();
        let report = run(&setup, "2026-08-10").await;
        assert_eq!(errors(&report), Vec::<String>::new());
        let mut tx = setup.ledger.read().await.unwrap();
        let compared = compare(&mut tx, &setup, day("2026-08-10")).await.unwrap().remove(0);
        let breaks = tx.open_breaks("exemple").await.unwrap();
        let deltas = tx.deltas("exemple", 100).await.unwrap();
        tx.rollback().await.unwrap();
        let recourse: Vec<&str> = compared.recourse.iter().map(|own| own.number.as_str()).collect();
        assert_eq!(recourse, ["F02", "F03"]);
        let told: Vec<String> = breaks
            .into_iter()
            .filter(|own| own.connection == "factor")
            .map(|own| format!("{} {}: {} / {}", own.kind, own.name, own.ours, own.theirs))
            .collect();
        assert_eq!(
            told,
            ["definanced F03 (Exemple Factor): 3 000.00 EUR open / definanced: more than 90 days overdue"]
        );
        // A payment of 3 that is kept, and that came when 3 was the seller's again, is not the factor's.
        let paid = Received {
            contract: &setup.contracts[0],
            invoice: "F03",
            amount: "100.00",
            on: day("2026-06-27"),
            by: "Alix",
        };
        received(&setup, &paid, clock::now()).await.unwrap();

        // 3 is taken back as the factor says, and then differs no more; this contract does not take it again, another one may.
        let said = Reassigned {
            contract: &setup.contracts[0],
            document: "F03",
            on: day("2026-06-26"),
            because: "statement of the 26th",
            by: "Alix",
        };
        assert_eq!(reassigned(&setup, &said, clock::now()).await.unwrap(), "F03");
        let again = reassigned(&setup, &said, clock::now()).await.unwrap_err().to_string();
        assert_eq!(again, "F03 went back to you on 2026-06-26");
        for on in ["2026-06-09", "2127-06-26"] {
            let said = Reassigned { document: "F02", on: day(on), ..said };
            let told = reassigned(&setup, &said, clock::now()).await.unwrap_err().to_string();
            assert!(told.contains("F02 was assigned on 2026-06-10: it cannot have gone back"), "{told}");
        }
        run(&setup, "2026-08-11").await;
        let mut tx = setup.ledger.read().await.unwrap();
        let after = compare(&mut tx, &setup, day("2026-08-11")).await.unwrap().remove(0);
        let open = tx.open_breaks("exemple").await.unwrap();
        let replanned = plan(&setup, &mut tx, &Wanted { on: day("2026-06-20"), ..wanted }).await.unwrap();
        let elsewhere = tx.assigned_elsewhere("exemple", "Autre Factor", "1").await.unwrap();
        let own = tx.assigned("Exemple Factor", "54321").await.unwrap();
        tx.rollback().await.unwrap();
        assert!(open.iter().all(|own| own.connection != "factor"), "{open:?}");
        let recourse: Vec<&str> = after.recourse.iter().map(|own| own.number.as_str()).collect();
        assert_eq!(recourse, ["F02"]);
        let refused = replanned.refused.iter().find(|own| own.document.number == "F03").unwrap();
        assert_eq!(refused.reason, Refusal::Assigned);
        assert_eq!((replanned.totals.payments, replanned.untold.len()), (0, 0));
        let told = received(&setup, &paid, clock::now()).await.unwrap_err().to_string();
        assert_eq!(told, "F03 went back to you on 2026-06-26, so a payment of it is yours");
        let key = own.iter().find(|own| own.number == "F03").map(|own| &own.external_id).unwrap();
        assert!(elsewhere.iter().all(|(_, other)| other != key), "another factor may have it");
        // Of the guarantee, 300.00 of 3 is not to be held any more: 7 065.00 less that, less 57.50 of the half of 7.
        let ours: i64 = after.holdback.values().map(|held| held.ours_minor).sum();
        assert_eq!(ours, 706_500 - 30_000);

        let back: Vec<&str> = deltas
            .iter()
            .filter(|delta| delta.event == "invoice.status" && delta.summary.contains("228"))
            .map(|delta| delta.summary.as_str())
            .collect();
        assert_eq!(back, ["Invoice F03 is not factored any more (228)."]);

        // Another factor takes 3: that is said of it once, and the first contract does not take it back.
        let other =
            CONTRACT.replace("54321", "98765").replace("Exemple Factor\"\nnumber", "Autre Factor\"\nnumber");
        std::fs::write(world.path().join("contracts/other.toml"), other).unwrap();
        setup.ledger.close().await;
        let setup = world.setup().await;
        run(&setup, "2026-08-12").await;
        assert_eq!(sent(&setup, "98765", "2026-06-25").await, ["invoice F03 3000.00"]);
        for on in ["2026-08-13", "2026-08-14"] {
            run(&setup, on).await;
        }
        let mut tx = setup.ledger.read().await.unwrap();
        let mut deltas = tx.deltas("exemple", 200).await.unwrap();
        tx.rollback().await.unwrap();
        deltas.retain(|delta| delta.event == "invoice.status" && delta.summary.contains("F03"));
        deltas.sort_by_key(|delta| delta.seq);
        let told: Vec<&str> = deltas.iter().map(|delta| delta.summary.as_str()).collect();
        let (factored, back) =
            ("Invoice F03 is factored (225).", "Invoice F03 is not factored any more (228).");
        assert_eq!(told, [factored, back, factored]);
        setup.ledger.close().await;
    }
    postgres.drop().await;
}
