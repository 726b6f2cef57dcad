//! Two companies insured by one policy, each with a configuration of its own, on one ledger, on both databases.

use encours::config::Config;
use encours::engine::past::{Moment, positions};
use encours::engine::{Setup, deadlines};

use super::cycle::{client, invoice};
use super::past::{json, told};
use crate::support::database::Postgres;
use crate::support::world::{CLIENTS, ITEMS, World, day, errors, run};

const LIMITS: &str = "Reference;Buyer id;Buyer name;Identifier type;Identifier;Policy;Status;Requested amount;Amount;Currency;\
     Temporary amount;Temporary end;Valid from;Valid until;Withdrawal on;Decided on;Reason code;Reason;Rating\n";

const SIREN: &str = "000000026";
const BUYER: &str = "siren:000000026";
const JOINT: &str = "insured_companies = [\"acme\", \"beta\"]";

fn limit(euros: i64, from: &str) -> String {
    format!(
        "{LIMITS}L1;B1;Exemple B1;SIREN;{SIREN};P1;approved;{euros}.00;{euros}.00;EUR;;;{from};;;{from};;;\n"
    )
}

fn f1(open: &str) -> String {
    invoice("F1", "C2", "05/02/2026", "07/03/2026", "60000,00", open)
}

fn f2(open: &str) -> String {
    invoice("F2", "K9", "01/03/2026", "31/03/2026", "50000,00", open)
}

fn f3() -> String {
    invoice("F3", "C2", "15/03/2026", "14/04/2026", "20000,00", "20000,00")
}

/// One of the companies: its own ERP, and its own reading of the insurer's list.
struct Company {
    id: &'static str,
    world: World,
}

impl Company {
    fn new(id: &'static str, account: &str, ledger: &str, terms: &str) -> Self {
        let world = World::of(id, ledger).with_csv().with(&format!(
            "[[connection]]\nid = \"insurer\"\nconnector = \"insurer-files\"\nsettings = {{ folder = \"lists\" }}\n\n[[policy]]\n\
             number = \"P1\"\nconnection = \"insurer\"\nvalid_from = \"2026-01-01\"\ninsured_percentage = \"90\"\n{terms}"
        ));
        let world = if id == "beta" {
            world.renamed("erp", "erp-beta").renamed("insurer", "insurer-beta")
        } else {
            world
        };
        std::fs::create_dir(world.path().join("lists")).unwrap();
        world.export("clients.csv", format!("{CLIENTS}{}", client(account, SIREN, "")).as_bytes());
        Self { id, world }
    }

    fn state(&self, limits: &str, items: &str) {
        std::fs::write(self.world.path().join("lists/limits.csv"), limits).unwrap();
        self.world.export("encours.csv", format!("{ITEMS}{items}").as_bytes());
    }

    /// Covered and uninsured in euros, and the limit of today.
    async fn covered(&self, setup: &Setup) -> (i64, i64, i64) {
        let mut tx = setup.ledger.read().await.unwrap();
        let rows = tx.covers(self.id, None).await.unwrap();
        tx.rollback().await.unwrap();
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(row.buyer_id, BUYER);
        (row.covered_minor / 100, row.uninsured_minor / 100, row.cap_minor / 100)
    }

    /// The same as of a day, from all that is known.
    async fn of_another_day(&self, setup: &Setup, on: &str) -> (i64, i64, i64) {
        let moment = Moment { as_of: day(on), known_at: encours::clock::now(), is_ahead: false };
        let mut tx = setup.ledger.read().await.unwrap();
        let found = positions(&mut tx, self.id, &setup.policies, moment).await.unwrap();
        tx.rollback().await.unwrap();
        let row = &found.buyers[0].covers[0];
        (row.covered_minor / 100, row.uninsured_minor / 100, row.cap_minor / 100)
    }

    /// The invoices with an overdue notice to come.
    async fn notices(&self, setup: &Setup, on: &str) -> Vec<String> {
        let mut tx = setup.ledger.read().await.unwrap();
        let due = deadlines::deadlines(&mut tx, self.id, &setup.policies, day(on)).await.unwrap();
        tx.rollback().await.unwrap();
        due.into_iter().map(|one| one.invoice.number).collect()
    }
}

fn pair(ledger: &str, terms: &str) -> (Company, Company) {
    (Company::new("acme", "C2", ledger, terms), Company::new("beta", "K9", ledger, terms))
}

async fn fine(setup: &Setup, on: &str) {
    let report = run(setup, on).await;
    assert_eq!(errors(&report), Vec::<String>::new());
}

/// A file of a database that both configurations name.
fn shared() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
    (folder, url)
}

#[tokio::test]
async fn example_j_what_one_company_is_paid_gives_cover_to_the_other() {
    let postgres = Postgres::new().await;
    let (_folder, file) = shared();
    for ledger in [file, postgres.url.clone()] {
        let terms = format!("{JOINT}\n[policy.notices]\nfrom = \"due\"\ndays = 30");
        let (acme, beta) = pair(&ledger, &terms);
        let (whole, cut) = (limit(100_000, "2026-01-01"), limit(40_000, "2026-03-10"));
        acme.state(&whole, &f1("60000,00"));
        beta.state(&whole, &f2("50000,00"));
        let (ours, theirs) = (acme.world.setup().await, beta.world.setup().await);
        fine(&ours, "2026-03-05").await;
        fine(&theirs, "2026-03-05").await;
        assert_eq!(beta.covered(&theirs).await, (40_000, 10_000, 100_000), "F1 came first, and is acme's");

        acme.state(&cut, &(f1("60000,00") + &f3()));
        beta.state(&cut, &f2("50000,00"));
        fine(&ours, "2026-03-20").await;
        fine(&theirs, "2026-03-20").await;
        assert_eq!(acme.covered(&ours).await, (60_000, 20_000, 40_000));
        assert_eq!(beta.covered(&theirs).await, (40_000, 10_000, 40_000));
        assert_eq!(acme.of_another_day(&ours, "2026-03-20").await, (60_000, 20_000, 40_000));
        assert_eq!(beta.of_another_day(&theirs, "2026-03-20").await, (40_000, 10_000, 40_000));
        assert_eq!(acme.notices(&ours, "2026-04-10").await, ["F1"]);
        assert_eq!(beta.notices(&theirs, "2026-04-10").await, ["F2"]);

        // All of it on one day: no cycle touches a buyer of the other company.
        acme.state(&cut, &(f1("0,00") + &f3()));
        fine(&ours, "2026-03-20").await;
        assert_eq!(
            acme.covered(&ours).await,
            (0, 20_000, 40_000),
            "F2 uses more than the limit of F3's date"
        );
        fine(&theirs, "2026-03-20").await;
        assert_eq!(beta.covered(&theirs).await, (50_000, 0, 40_000));
        beta.state(&cut, &f2("0,00"));
        fine(&theirs, "2026-03-20").await;
        assert_eq!(acme.covered(&ours).await, (0, 20_000, 40_000), "its next cycle sees it");
        fine(&ours, "2026-03-20").await;
        assert_eq!(acme.covered(&ours).await, (20_000, 0, 40_000));
        assert_eq!(beta.covered(&theirs).await, (0, 0, 40_000));
        ours.ledger.close().await;
        theirs.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn from_scratch_is_what_the_cycles_came_to() {
    let whole = limit(60_000, "2026-01-01");
    let mut figures = Vec::new();
    for steps in [&["50000,00", "20000,00", "30000,00"][..], &["30000,00"]] {
        let (_folder, ledger) = shared();
        let (acme, beta) = pair(&ledger, JOINT);
        acme.state(&whole, &(f1("60000,00") + &f3()));
        let (ours, theirs) = (acme.world.setup().await, beta.world.setup().await);
        for open in steps {
            beta.state(&whole, &f2(open));
            fine(&theirs, "2026-03-20").await;
            fine(&ours, "2026-03-20").await;
        }
        acme.state(&whole, &(f1("20000,00") + &f3()));
        fine(&ours, "2026-03-20").await;
        fine(&theirs, "2026-03-20").await;
        figures.push((acme.covered(&ours).await, beta.covered(&theirs).await));
        ours.ledger.close().await;
        theirs.ledger.close().await;
    }
    assert_eq!(figures[0], ((30_000, 10_000, 60_000), (30_000, 0, 60_000)));
    assert_eq!(figures[0], figures[1]);
}

#[tokio::test]
async fn an_unpaid_invoice_of_one_company_stops_cover_for_both() {
    let (_folder, ledger) = shared();
    let terms = format!("{JOINT}\nmep_days = 30\n[policy.cover_stop]\nlifts = \"payment\"");
    let (acme, beta) = pair(&ledger, &terms);
    let whole = limit(500_000, "2026-01-01");
    let old = |open| invoice("F9", "K9", "01/01/2026", "10/01/2026", "1000,00", open);
    acme.state(&whole, &(invoice("F1", "C2", "05/02/2026", "15/04/2026", "60000,00", "60000,00") + &f3()));
    beta.state(&whole, &old("1000,00"));
    let (ours, theirs) = (acme.world.setup().await, beta.world.setup().await);
    fine(&theirs, "2026-03-20").await;
    fine(&ours, "2026-03-20").await;
    assert_eq!(acme.covered(&ours).await, (60_000, 20_000, 500_000), "F3 is dated after the stop");
    let mut tx = ours.ledger.read().await.unwrap();
    let stops = tx.cover_stops("acme", None).await.unwrap();
    let theirs_too = tx.cover_stops("beta", None).await.unwrap();
    tx.rollback().await.unwrap();
    for stops in [&stops, &theirs_too] {
        let told: Vec<_> = stops
            .iter()
            .map(|row| (row.stopped_on, row.cause_connection.as_str(), row.cause_number.as_str()))
            .collect();
        assert_eq!(told, [(day("2026-02-09"), "erp-beta", "F9")]);
    }
    assert_eq!(acme.of_another_day(&ours, "2026-03-20").await, (60_000, 20_000, 500_000));
    beta.state(&whole, &old("0,00"));
    fine(&theirs, "2026-03-20").await;
    fine(&ours, "2026-03-20").await;
    assert_eq!(acme.covered(&ours).await, (80_000, 0, 500_000));
    ours.ledger.close().await;
    theirs.ledger.close().await;
}

#[tokio::test]
async fn what_the_shared_limit_needs_is_asked_for_once_by_the_first_company_that_has_the_buyer() {
    for (first, amounts) in [
        ("[\"acme\", \"beta\"]", [vec![11_000_000], vec![]]),
        ("[\"beta\", \"acme\"]", [vec![], vec![11_000_000]]),
    ] {
        let (_folder, ledger) = shared();
        let terms = format!(
            "insured_companies = {first}\n[policy.requests]\nheadroom_percent = \"0\"\nstep = \"1000.00\""
        );
        let (acme, beta) = pair(&ledger, &terms);
        let limits = limit(60_000, "2026-01-01");
        acme.state(&limits, &f1("60000,00"));
        beta.state(&limits, &f2("50000,00"));
        let (ours, theirs) = (acme.world.setup().await, beta.world.setup().await);
        for setup in [&ours, &theirs, &ours] {
            fine(setup, "2026-03-20").await;
        }
        let mut tx = ours.ledger.read().await.unwrap();
        for (company, amounts) in ["acme", "beta"].into_iter().zip(amounts) {
            let effects = tx.effects(company, &[]).await.unwrap();
            let live: Vec<i64> =
                effects.iter().filter(|row| row.is_live()).filter_map(|row| row.amount_minor).collect();
            assert_eq!(live, amounts, "{company}, first {first}: {effects:?}");
        }
        tx.rollback().await.unwrap();
        ours.ledger.close().await;
        theirs.ledger.close().await;
    }
}

#[tokio::test]
async fn people_and_programs_are_told_who_uses_the_limit_too() {
    let (_folder, ledger) = shared();
    let (acme, beta) = pair(&ledger, JOINT);
    let whole = limit(100_000, "2026-01-01");
    acme.state(&whole, &(f1("60000,00") + &f3()));
    beta.state(&whole, &f2("50000,00"));
    let (ours, theirs) = (acme.world.setup().await, beta.world.setup().await);
    fine(&theirs, "2026-03-20").await;
    fine(&ours, "2026-03-20").await;
    ours.ledger.close().await;
    theirs.ledger.close().await;

    let text = told(&acme.world, &["explain", "C2"]);
    for part in [
        "The policy insures beta too, and their invoices use the same limit",
        "Covered: 60 000.00 EUR of the 80 000.00 EUR owed",
    ] {
        assert!(text.contains(part), "\"{part}\" is missing in:\n{text}");
    }
    let french = told(&acme.world, &["explain", "C2", "--lang", "fr"]);
    assert!(french.contains("La police assure aussi beta"), "{french}");
    for args in [&["explain", "C2"][..], &["explain", "C2", "--as-of", "2026-03-20"]] {
        let value = json(&acme.world, args);
        let cover = &value["cover"][0];
        assert_eq!(
            (&cover["covered"], &cover["shared"]["with_companies"][0]),
            (&"60000.00".into(), &"beta".into())
        );
        assert_eq!(cover["lines"][1]["used_before"], "100000.00");
    }
    let index = json(&acme.world, &["evidence", "C2", "--on", "2026-03-20", "--out", "pack"]);
    let path = acme.world.path().join("pack").join("evidence-acme-siren-000000026-2026-03-20");
    let text =
        std::fs::read_to_string(path.join("index.txt")).unwrap_or_else(|error| panic!("{error}: {index}"));
    assert!(text.contains("Covered   60000.00 EUR under policy P1"), "{text}");
    assert!(text.contains("together with what is owed to beta"), "{text}");
    assert!(!text.contains("F2"), "{text}");
    let words = told(&acme.world, &["policy", "check"]);
    assert!(words.contains("It insures acme, beta: what each of them is owed"), "{words}");
}

#[tokio::test]
async fn without_the_clause_two_companies_of_one_ledger_share_nothing() {
    let (_folder, ledger) = shared();
    let (acme, beta) = pair(&ledger, "");
    let whole = limit(60_000, "2026-01-01");
    acme.state(&whole, &f1("60000,00"));
    beta.state(&whole, &f2("50000,00"));
    let (ours, theirs) = (acme.world.setup().await, beta.world.setup().await);
    fine(&ours, "2026-03-20").await;
    fine(&theirs, "2026-03-20").await;
    assert_eq!(acme.covered(&ours).await, (60_000, 0, 60_000));
    assert_eq!(beta.covered(&theirs).await, (50_000, 0, 60_000));
    ours.ledger.close().await;
    theirs.ledger.close().await;
}

#[test]
fn what_several_companies_cannot_share_is_refused() {
    let computed = format!("{JOINT}\n[policy.discretionary]\namount = \"25000.00\"");
    let acme = Company::new("acme", "C2", "sqlite:ledger.db", &computed);
    let told = Config::load(&acme.world.file()).unwrap_err();
    assert!(told[0].message.contains("cannot be shared by several insured companies"), "{}", told[0]);
    let two = format!(
        "{JOINT}\nvalid_to = \"2026-12-31\"\n[[policy]]\nnumber = \"P1\"\nconnection = \"insurer\"\nvalid_from = \"2027-01-01\"\ninsured_percentage = \"90\""
    );
    let acme = Company::new("acme", "C2", "sqlite:ledger.db", &two);
    let told = Config::load(&acme.world.file()).unwrap_err();
    assert!(told[0].message.contains("differ in insured_companies"), "{}", told[0]);
    let fixed = format!("{JOINT}\ndiscretionary = \"25000.00\"");
    let acme = Company::new("acme", "C2", "sqlite:ledger.db", &fixed);
    assert!(Config::load(&acme.world.file()).is_ok());
}
