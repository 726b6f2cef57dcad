//! Factors that are told of documents one by one, through the whole program and against simulators that share no code with it: each
//! document once, whatever breaks; what is refused is told; what became of each is read.

use std::sync::Arc;

use encours::engine::Setup;
use encours::engine::assignments::{
    Error, Wanted, approve, by_hand, by_hand_one, compare, discard, make, plan, send, send_again,
};
use encours::factoring::Refusal;
use encours::ledger::{AssignmentFileRow, BatchState, Given, NewAssignment};
use encours::model::{Currency, FactorLine, FactorState, Instant, Listing};
use encours::sandbox::factor::{Decision, Factor, Sandbox};
use encours::sandbox::fault::{Fault, FaultKind};
use encours::sandbox::{aria, defacto};
use serde_json::Value;

use super::cycle::client;
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, World, day, deltas, errors, run};

const SIREN: &str = "404833048";
const CONTRACT: &str = "factor = \"Exemple Factor\"\nnumber = \"54321\"\nconnection = \"factor\"\nvalid_from = \"2026-01-01\"\n\
                        holdback_percent = \"10\"\nany_buyer = true\n";
const ITEMS: &str = "Type;Pièce;Code client;Raison sociale;Date pièce;Échéance;Devise;Montant;Montant TVA;Reste dû;Litige;Référence\n";

/// A company of three invoices, F1 to F3 over 1 150.00, of which `tax` is the tax; a folder with the PDF of each.
async fn world(ledger: &str, connection: &str, tax: &str) -> (World, Setup) {
    let world = World::new(ledger).with_csv().with(connection);
    for folder in ["contracts", "invoices"] {
        std::fs::create_dir(world.path().join(folder)).unwrap();
    }
    std::fs::write(world.path().join("contracts/exemple.toml"), CONTRACT).unwrap();
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "")).as_bytes());
    let mut items = ITEMS.to_owned();
    for number in ["F1", "F2", "F3"] {
        items.push_str(&format!(
            "Facture;{number};C1;Exemple C1;02/03/2026;30/04/2026;EUR;1150,00;{tax};1150,00;N;\n"
        ));
        let pdf = format!("%PDF-1.7 of {number}");
        std::fs::write(world.path().join(format!("invoices/{number}.pdf")), pdf).unwrap();
    }
    world.export("encours_1.csv", items.as_bytes());
    assert_eq!(errors(&run(&setup, "2026-03-10").await), Vec::<String>::new());
    (world, setup)
}

async fn serve<F: Factor>(sandbox: &Sandbox<F>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, sandbox.router()).into_future());
    url
}

fn wanted(setup: &Setup) -> Wanted<'_> {
    Wanted {
        contract: &setup.contracts[0],
        currency: Currency::EUR,
        on: day("2026-03-10"),
        statement_date: None,
    }
}

/// The day on which the batches are made, at noon.
fn noon() -> Instant {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

/// A batch that is approved.
struct Batch {
    world: World,
    setup: Setup,
    batch: NewAssignment,
}

impl Batch {
    async fn of(world: World, setup: Setup) -> Self {
        let batch = make(&setup, &wanted(&setup), "Alix", noon()).await.unwrap().batch;
        approve(&setup, &batch.row.id, "Dominique", noon()).await.unwrap();
        Self { world, setup, batch }
    }

    async fn send(&self) -> Result<(), Error> {
        send(&self.setup, &self.batch.row.id, "Dominique", noon()).await.map(|_| ())
    }

    /// Says that a process died while it was sending, with this doubt of a document, which has these ids at the factor.
    async fn died(&self, position: i64, doubt: Option<&str>, ids: &[(Given, &str)]) {
        let (id, note) = (&self.batch.row.id, self.note());
        let mut tx = self.setup.ledger.begin().await.unwrap();
        let (from, to) = (BatchState::Approved, BatchState::Sending);
        assert!(tx.move_assignment(id, from, to, "Dominique", &note, noon()).await.unwrap());
        let mut reference = None;
        for (given, own) in ids {
            assert!(tx.doubt_assignment_file(id, position, None, reference, Some("begun")).await.unwrap());
            assert!(tx.know_document(id, position, *given, own, "begun").await.unwrap());
            reference = reference.or(Some(*own));
        }
        if doubt.is_some() {
            assert!(tx.doubt_assignment_file(id, position, None, reference, doubt).await.unwrap());
        }
        tx.commit().await.unwrap();
    }

    fn note(&self) -> String {
        let own = self.setup.connections.iter().find(|own| own.id == "factor").unwrap();
        format!("handed over by calls to {}", own.base_url.as_deref().unwrap())
    }

    async fn stops(&self) -> String {
        self.send().await.unwrap_err().to_string()
    }

    async fn files(&self) -> Vec<AssignmentFileRow> {
        let mut tx = self.setup.ledger.read().await.unwrap();
        let files = tx.assignment_files(&self.batch.row.id).await.unwrap();
        tx.rollback().await.unwrap();
        files
    }

    async fn state(&self) -> BatchState {
        let mut tx = self.setup.ledger.read().await.unwrap();
        let rows = tx.assignments("exemple").await.unwrap();
        tx.rollback().await.unwrap();
        rows.iter().find(|row| row.id == self.batch.row.id).unwrap().state().unwrap()
    }

    /// Number, state and what was financed, as the factor's side has it.
    async fn lines(&self) -> Vec<(String, FactorState, Option<i64>)> {
        let mut tx = self.setup.ledger.read().await.unwrap();
        let lines = tx.factor_lines("factor").await.unwrap();
        tx.rollback().await.unwrap();
        lines
            .into_iter()
            .map(|row| row.payload.0)
            .map(|own| (own.number, own.state, own.financed_minor))
            .collect()
    }
}

fn line(number: &str, state: FactorState, financed: Option<i64>) -> (String, FactorState, Option<i64>) {
    (number.to_owned(), state, financed)
}

fn of_defacto() -> defacto::Sandbox {
    defacto::Sandbox::new(defacto::Setup {
        seed: 1,
        today: day("2026-03-10"),
        api_key: "k3y-of-ours".to_owned(),
        borrower: SIREN.to_owned(),
    })
}

fn defacto_at(url: &str) -> String {
    format!(
        "[[connection]]\nid = \"factor\"\nconnector = \"defacto\"\nurl = \"{url}\"\nsettings = {{ api_key = \"k3y-of-ours\", \
         borrower = \"{SIREN}\", iban = \"FR7630006000011234567890189\", documents = \"invoices\" }}\n"
    )
}

async fn by_defacto(ledger: &str) -> (defacto::Sandbox, Batch) {
    let sandbox = of_defacto();
    let (world, setup) = world(ledger, &defacto_at(&serve(&sandbox).await), "").await;
    (sandbox, Batch::of(world, setup).await)
}

fn spoil<O>(on: O, kind: FaultKind) -> Fault<O> {
    Fault { on: Some(on), times: 1, kind }
}

async fn one_invoice_a_call_to_the_end(ledger: &str) {
    let (sandbox, own) = by_defacto(ledger).await;
    let files = own.files().await;
    let names: Vec<&str> = files.iter().map(|file| file.file_name.as_str()).collect();
    assert_eq!(names, ["0001_F1.json", "0002_F2.json", "0003_F3.json"]);
    assert_eq!(sandbox.calls(), [], "nothing leaves before it is sent");
    // The invoice changes its file after the batch was made: what was approved goes.
    std::fs::write(own.world.path().join("invoices/F1.pdf"), "%PDF-1.7 of somebody else").unwrap();

    own.send().await.unwrap();
    assert_eq!(own.state().await, BatchState::Sent);
    let loans = sandbox.loans();
    let told: Vec<(&str, i64, &str)> = loans
        .iter()
        .map(|loan| (loan.invoice_number.as_str(), loan.amount, loan.currency.as_str()))
        .collect();
    assert_eq!(told, [("F1", 103_500, "EUR"), ("F2", 103_500, "EUR"), ("F3", 103_500, "EUR")]);
    let invoices = sandbox.invoices();
    assert_eq!(invoices[0].total_amount, Some(115_000));
    assert_eq!(invoices[0].document_sha256, encours::ids::sha256_hex(b"%PDF-1.7 of F1"));
    assert_eq!(invoices[0].sent["buyer"]["identifier"], "000000018");
    for (file, loan) in own.files().await.iter().zip(&loans) {
        assert_eq!(file.reference.as_deref(), Some(loan.id.as_str()));
        let proof = file.proof.as_deref().unwrap();
        assert!(proof.starts_with("taken by http://127.0.0.1:") && proof.ends_with(&loan.id), "{proof}");
        let said: Value = serde_json::from_slice(&file.content).unwrap();
        assert_eq!(loan.salt_id.as_deref(), said["send_document"]["salt_id"].as_str());
    }
    assert!(own.stops().await.contains("is sent; only an approved batch is sent"));
    assert_eq!(sandbox.loans().len(), 3);

    // What becomes of each is read by its id, until it has said its last word.
    let first = run(&own.setup, "2026-03-11").await;
    assert_eq!(errors(&first), Vec::<String>::new());
    assert_eq!(
        own.lines().await,
        [
            line("F1", FactorState::Received, None),
            line("F2", FactorState::Received, None),
            line("F3", FactorState::Received, None)
        ]
    );
    sandbox.set_today(day("2026-03-12"));
    assert_eq!(sandbox.decide("F1", &Decision::of("TO_REPAY")), 1);
    assert_eq!(sandbox.decide("F2", &Decision::because("DECLINED", "CAPPING_EXCEEDED")), 1);
    assert_eq!(sandbox.decide("F3", &Decision::of("VALIDATED")), 1);
    let second = run(&own.setup, "2026-03-12").await;
    let told = deltas(&second);
    for event in ["assignment.accepted=1", "assignment.financed=1", "assignment.rejected=1"] {
        assert!(told.contains(&event.to_owned()), "{event} {told:?}");
    }
    assert_eq!(
        own.lines().await,
        [
            line("F1", FactorState::Financed, Some(103_500)),
            line("F2", FactorState::Rejected, None),
            line("F3", FactorState::Accepted, None)
        ]
    );
    let mut tx = own.setup.ledger.read().await.unwrap();
    let compared = compare(&mut tx, &own.setup, day("2026-03-12")).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    let differs: Vec<&str> = compared.differences.iter().map(|own| own.number.as_str()).collect();
    assert_eq!(differs, ["F2"], "{:?}", compared.differences);

    let asked = |calls: &[(String, String, u16)]| calls.iter().filter(|(method, ..)| method == "GET").count();
    let before = asked(&sandbox.calls());
    assert_eq!(sandbox.decide("F1", &Decision::of("CLOSED")), 1);
    run(&own.setup, "2026-03-13").await;
    assert_eq!(asked(&sandbox.calls()) - before, 2, "a rejected document is not asked for again");
    run(&own.setup, "2026-03-14").await;
    assert_eq!(asked(&sandbox.calls()) - before, 3, "nor a paid one");
}

#[tokio::test]
async fn one_invoice_a_call_to_the_end_on_sqlite() {
    one_invoice_a_call_to_the_end(&sqlite()).await;
}

#[tokio::test]
async fn one_invoice_a_call_to_the_end_on_postgres() {
    let postgres = Postgres::new().await;
    one_invoice_a_call_to_the_end(&postgres.url).await;
}

#[tokio::test]
async fn what_was_not_heard_of_is_said_again_where_the_factor_knows_it_again() {
    for kind in [
        FaultKind::ErrorAfter,
        FaultKind::Truncated,
        FaultKind::Unavailable,
        FaultKind::ErrorBefore,
        FaultKind::TooManyRequests { retry_after_seconds: 1 },
    ] {
        let (sandbox, own) = by_defacto(&sqlite()).await;
        sandbox.inject(spoil(defacto::Operation::AskLoan, kind));
        let told = own.stops().await;
        assert!(told.ends_with("the same command goes on"), "{kind:?}: {told}");
        assert!(!told.contains("k3y-of-ours"), "{told}");
        own.send().await.unwrap();
        let numbers: Vec<String> = sandbox.loans().into_iter().map(|loan| loan.invoice_number).collect();
        assert_eq!(numbers, ["F1", "F2", "F3"], "{kind:?}: each once");
        assert!(own.files().await.iter().all(|file| file.proof.is_some() && file.doubt.is_none()));
        assert_eq!(own.state().await, BatchState::Sent);
    }
}

#[tokio::test]
async fn a_batch_of_which_nothing_left_may_still_be_discarded() {
    let (sandbox, own) = by_defacto(&sqlite()).await;
    sandbox.inject(spoil(defacto::Operation::AskLoan, FaultKind::TooManyRequests { retry_after_seconds: 1 }));
    own.stops().await;
    assert_eq!(own.state().await, BatchState::Approved);
    discard(&own.setup, &own.batch.row.id, "Alix", "not now", noon()).await.unwrap();
    // Made again, the document has the reference that it had: even two ledgers ask for one loan.
    let later = noon() + chrono::Duration::minutes(1);
    let again = make(&own.setup, &wanted(&own.setup), "Alix", later).await.unwrap().batch;
    let salt = |file: &AssignmentFileRow| {
        let said: Value = serde_json::from_slice(&file.content).unwrap();
        said["send_document"]["salt_id"].as_str().unwrap().to_owned()
    };
    let salts = |batch: &NewAssignment| batch.files.iter().map(salt).collect::<Vec<_>>();
    assert_eq!(salts(&again), salts(&own.batch));
}

#[tokio::test]
async fn a_refused_key_stops_everything_before_anything_is_taken() {
    let sandbox = of_defacto();
    let connection = defacto_at(&serve(&sandbox).await).replace("k3y-of-ours", "an0ther-key");
    let (world, setup) = world(&sqlite(), &connection, "").await;
    let own = Batch::of(world, setup).await;
    let told = own.stops().await;
    assert!(told.contains("refuses the credentials") && told.contains("api_key"), "{told}");
    assert!(!told.contains("an0ther-key"), "{told}");
    assert_eq!((sandbox.loans().len(), own.state().await), (0, BatchState::Approved));
}

#[tokio::test]
async fn a_plan_says_what_the_factor_cannot_be_told_of() {
    let sandbox = of_defacto();
    let (world, setup) = world(&sqlite(), &defacto_at(&serve(&sandbox).await), "").await;
    std::fs::remove_file(world.path().join("invoices/F2.pdf")).unwrap();
    let mut items = ITEMS.to_owned();
    for (kind, number, account, amount) in [
        ("Facture", "F1", "C1", "1150,00"),
        ("Facture", "F2", "C1", "1150,00"),
        ("Facture", "F3", "C1", "1150,00"),
        ("Avoir", "A1", "C1", "100,00"),
        ("Facture", "F9", "C9", "10,00"),
    ] {
        items.push_str(&format!(
            "{kind};{number};{account};Exemple {account};02/03/2026;30/04/2026;EUR;{amount};;{amount};N;\n"
        ));
    }
    std::fs::write(world.path().join("invoices/F9.pdf"), "%PDF-1.7").unwrap();
    let clients = format!("{CLIENTS}{}{}", client("C1", "000000018", ""), client("C9", "", ""));
    world.export("clients_2.csv", clients.as_bytes());
    world.export("encours_2.csv", items.as_bytes());
    assert_eq!(errors(&run(&setup, "2026-03-10").await), Vec::<String>::new());
    let mut tx = setup.ledger.begin().await.unwrap();
    let planned = plan(&setup, &mut tx, &wanted(&setup)).await.unwrap();
    tx.rollback().await.unwrap();
    let goes: Vec<&str> = planned.documents.iter().map(|own| own.number.as_str()).collect();
    assert_eq!(goes, ["F1", "F3"]);
    let mut why: Vec<(&str, Refusal, String)> = planned
        .refused
        .iter()
        .map(|own| (own.document.number.as_str(), own.reason, own.detail.clone().unwrap_or_default()))
        .collect();
    why.sort_by_key(|(number, ..)| (*number).to_owned());
    let fits = |at: usize, number: &str, told: &str| {
        let (own, reason, detail) = &why[at];
        assert_eq!((*own, *reason), (number, Refusal::DoesNotFit));
        assert!(detail.contains(told), "{detail}");
    };
    assert_eq!(why.len(), 3, "{why:?}");
    fits(0, "A1", "no call for documents of this kind");
    fits(1, "F2", "F2.pdf is not there");
    fits(2, "F9", "the buyer has no SIREN and no VAT number");
}

#[tokio::test]
async fn an_invoice_for_which_nothing_would_be_paid_is_not_asked_for() {
    let sandbox = of_defacto();
    let (world, _) = world(&sqlite(), &defacto_at(&serve(&sandbox).await), "").await;
    let contract =
        CONTRACT.replace("any_buyer = true\n", "[[buyer]]\nsiren = \"000000018\"\napproval = \"1150.00\"\n");
    std::fs::write(world.path().join("contracts/exemple.toml"), contract).unwrap();
    let setup = world.setup().await;
    let mut tx = setup.ledger.begin().await.unwrap();
    let planned = plan(&setup, &mut tx, &wanted(&setup)).await.unwrap();
    tx.rollback().await.unwrap();
    let goes: Vec<(&str, i64)> = planned
        .documents
        .iter()
        .zip(&planned.financed)
        .map(|(own, financed)| (own.number.as_str(), financed.available_minor))
        .collect();
    // Of 1 150.00 approved, F1 has 1 035.00; 115.00 more are open as long as so much is held of it, and then nothing is left.
    assert_eq!(goes, [("F1", 103_500), ("F2", 11_500)]);
    let unfinanced: Vec<(&str, Refusal)> =
        planned.refused.iter().map(|own| (own.document.number.as_str(), own.reason)).collect();
    assert_eq!(unfinanced, [("F3", Refusal::NothingFinanced)]);
    assert_eq!(planned.totals.invoices, 2);
}

#[tokio::test]
async fn what_the_factor_refuses_is_its_answer_and_the_others_go_on() {
    let sandbox = of_defacto();
    let (world, setup) = world(&sqlite(), &defacto_at(&serve(&sandbox).await), "").await;
    // A loan on F2 would be more than the factor ever lends.
    let items: String = [("F1", "1150,00"), ("F2", "300000,00"), ("F3", "1150,00")]
        .iter()
        .map(|(number, amount)| {
            format!("Facture;{number};C1;Exemple C1;02/03/2026;30/04/2026;EUR;{amount};;{amount};N;\n")
        })
        .collect();
    world.export("encours_2.csv", format!("{ITEMS}{items}").as_bytes());
    run(&setup, "2026-03-10").await;
    let own = Batch::of(world, setup).await;
    own.send().await.unwrap();
    assert_eq!(own.state().await, BatchState::Sent);
    assert_eq!(own.lines().await, [line("F2", FactorState::Rejected, None)]);
    let proof = own.files().await.remove(1).proof.unwrap();
    assert!(proof.starts_with("refused when it was told of: the partner refuses with status 4"), "{proof}");
    let numbers: Vec<String> = sandbox.loans().into_iter().map(|loan| loan.invoice_number).collect();
    assert_eq!(numbers, ["F1", "F3"]);
    let mut tx = own.setup.ledger.read().await.unwrap();
    let said = tx.deltas("exemple", 50).await.unwrap();
    tx.rollback().await.unwrap();
    let events: Vec<&str> = said.iter().map(|row| row.event.as_str()).collect();
    assert!(events.contains(&"assignment.rejected") && events.contains(&"assignment.sent"), "{events:?}");
}

fn of_aria() -> aria::Sandbox {
    aria::Sandbox::new(aria::Setup::demo(1, day("2026-03-10")))
}

fn aria_at(url: &str, amounts: &str) -> String {
    let setup = aria::Setup::demo(1, day("2026-03-10"));
    format!(
        "[[connection]]\nid = \"factor\"\nconnector = \"aria\"\nurl = \"{url}\"\n[connection.settings]\nclient_id = \"{}\"\n\
         client_secret = \"{}\"\naudience = \"{}\"\nuser_id = \"{}\"\nauth_url = \"{url}\"\niban = \"FR7630006000011234567890189\"\n\
         document_url = \"https://files.exemple.example/{{number}}.pdf\"\namounts = \"{amounts}\"\nrepayment_period = \"45\"\n",
        setup.client_id, setup.client_secret, setup.audience, setup.user_id
    )
}

async fn by_aria(amounts: &str) -> (aria::Sandbox, Batch) {
    let sandbox = of_aria();
    let (world, setup) = world(&sqlite(), &aria_at(&serve(&sandbox).await, amounts), "191,67").await;
    (sandbox, Batch::of(world, setup).await)
}

#[tokio::test]
async fn an_invoice_and_the_loan_on_it_are_two_calls() {
    for (amounts, total, net, loan) in
        [("decimal", "1150.00", "958.33", "1035.00"), ("cents", "115000", "95833", "103500")]
    {
        let (sandbox, own) = by_aria(amounts).await;
        own.send().await.unwrap();
        assert_eq!(own.state().await, BatchState::Sent);
        let (invoices, loans) = (sandbox.invoices(), sandbox.loans());
        assert_eq!((invoices.len(), loans.len()), (3, 3));
        assert_eq!(
            (invoices[0].total_including_taxes.as_str(), invoices[0].total_excluding_taxes.as_str()),
            (total, net)
        );
        assert_eq!(loans[0].amount, loan);
        for ((file, invoice), loan) in own.files().await.iter().zip(&invoices).zip(&loans) {
            assert_eq!(loan.invoice_id, invoice.id, "the loan is on its own invoice");
            assert_eq!(file.reference.as_deref(), Some(invoice.id.as_str()));
            assert_eq!(file.financing.as_deref(), Some(loan.id.as_str()));
            let said: Value = serde_json::from_slice(&file.content).unwrap();
            assert_eq!(
                said["finance_document"]["invoiceId"], "{document_reference}",
                "what was kept is not changed"
            );
        }
        assert_eq!(sandbox.decide("F1", &Decision::of("TO_REPAY")), 1);
        assert_eq!(sandbox.decide("F2", &Decision::because("REFUSED", "CREDIT_LIMIT_REFUSED")), 1);
        let report = run(&own.setup, "2026-03-11").await;
        assert_eq!(errors(&report), Vec::<String>::new());
        assert_eq!(
            own.lines().await,
            [
                line("F1", FactorState::Financed, Some(103_500)),
                line("F2", FactorState::Rejected, None),
                line("F3", FactorState::Received, None)
            ]
        );
    }
}

#[tokio::test]
async fn what_was_not_heard_of_is_a_persons_matter_where_the_factor_knows_nothing_again() {
    // The invoice came, and its answer did not.
    let (sandbox, own) = by_aria("decimal").await;
    sandbox.inject(spoil(aria::Operation::SendInvoice, FaultKind::ErrorAfter));
    let told = own.stops().await;
    assert!(
        told.contains("0001_F1.json of batch 1 of the contract 54321") && told.contains("may have reached"),
        "{told}"
    );
    assert!(told.contains("ask for its financing there") && told.contains("--again"), "{told}");
    assert!(told.contains("--document F1 --because"), "{told}");
    for _ in 0..2 {
        assert!(own.stops().await.contains("may have reached"), "it is not said again by itself");
    }
    assert_eq!(
        (sandbox.invoices().len(), sandbox.loans().len(), own.state().await),
        (1, 0, BatchState::Sending)
    );
    // A person has found it there, and asked for the rest of it; the others are still to go.
    by_hand(&own.setup, &own.batch.row.id, "Dominique", "found and financed in the portal", noon())
        .await
        .unwrap();
    assert_eq!(own.state().await, BatchState::Sending);
    own.send().await.unwrap();
    assert_eq!(
        (sandbox.invoices().len(), sandbox.loans().len(), own.state().await),
        (3, 2, BatchState::Sent)
    );
    // Of what a person took there, there is no id to ask for.
    assert_eq!(errors(&run(&own.setup, "2026-03-11").await), Vec::<String>::new());
    assert_eq!(own.lines().await.len(), 2);

    // The loan was not heard of, and a person says that it is not there: the invoice is not sent a second time.
    let (sandbox, own) = by_aria("decimal").await;
    sandbox.inject(spoil(aria::Operation::AskLoan, FaultKind::ErrorBefore));
    let told = own.stops().await;
    assert!(told.contains("whether a financing of it has come"), "{told}");
    send_again(&own.setup, &own.batch.row.id, "Dominique", noon()).await.unwrap();
    let numbers: Vec<String> = sandbox.invoices().into_iter().map(|own| own.number).collect();
    assert_eq!((numbers, sandbox.loans().len()), (vec!["F1".into(), "F2".into(), "F3".into()], 3));
}

#[tokio::test]
async fn after_a_crash_between_the_two_calls_the_second_one_is_made() {
    let (sandbox, own) = by_aria("decimal").await;
    sandbox.inject(spoil(aria::Operation::AskLoan, FaultKind::TooManyRequests { retry_after_seconds: 1 }));
    let told = own.stops().await;
    assert!(told.ends_with("the same command goes on"), "{told}");
    let file = own.files().await.remove(0);
    assert_eq!((file.doubt, file.proof, file.reference.is_some()), (None, None, true));
    assert_eq!(own.state().await, BatchState::Sending, "an invoice is there, so the batch is on its way");
    own.send().await.unwrap();
    assert_eq!((sandbox.invoices().len(), sandbox.loans().len()), (3, 3));
}

#[tokio::test]
async fn of_two_who_tell_at_once_each_document_is_told_once() {
    let (sandbox, own) = by_aria("decimal").await;
    let own = Arc::new(own);
    let both = (0..2).map(|_| {
        let own = Arc::clone(&own);
        tokio::spawn(async move { own.send().await.map_err(|error| error.to_string()) })
    });
    let mut ended = Vec::new();
    for one in both.collect::<Vec<_>>() {
        ended.push(one.await.unwrap());
    }
    assert!(ended.iter().any(Result::is_ok), "{ended:?}");
    assert_eq!((sandbox.invoices().len(), sandbox.loans().len()), (3, 3), "{ended:?}");
}

#[tokio::test]
async fn a_loan_that_is_gone_does_not_silence_the_others() {
    let (sandbox, own) = by_defacto(&sqlite()).await;
    own.send().await.unwrap();
    // The factor forgets the second one.
    let kept = own.world.path().join("factor.json");
    sandbox.keep_in(&kept).unwrap();
    let mut book: Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    book["loans"].as_array_mut().unwrap().remove(1);
    std::fs::write(&kept, book.to_string()).unwrap();
    let url = serve(&defacto::Sandbox::load(&kept).unwrap()).await;
    let file = own.world.file();
    let config = std::fs::read_to_string(&file).unwrap();
    let old = config.split('"').find(|text| text.starts_with("http://")).unwrap().to_owned();
    std::fs::write(&file, config.replace(&old, &url)).unwrap();
    let moved = Setup::open(&encours::config::Config::load(&file).unwrap()).await.unwrap();
    let report = run(&moved, "2026-03-11").await;
    assert_eq!(errors(&report), Vec::<String>::new());
    assert!(report.paused.is_empty(), "{:?}", report.paused);
    let bad: u64 =
        report.operations.iter().filter(|own| own.connection == "factor").map(|own| own.quarantined).sum();
    assert_eq!(bad, 1);
    assert_eq!(
        own.lines().await,
        [line("F1", FactorState::Received, None), line("F3", FactorState::Received, None)]
    );
}

#[tokio::test]
async fn after_a_crash_before_the_proof_nothing_is_said_a_second_time() {
    let (sandbox, own) = by_aria("decimal").await;
    own.died(0, None, &[(Given::Document, "i-1"), (Given::Financing, "l-1")]).await;
    own.send().await.unwrap();
    let numbers: Vec<String> = sandbox.loans().into_iter().map(|loan| loan.invoice_number).collect();
    assert_eq!(numbers, ["F2", "F3"]);
    let proof = own.files().await.remove(0).proof.unwrap();
    assert!(proof.ends_with("as i-1; its financing as l-1"), "{proof}");

    let (sandbox, own) = by_defacto(&sqlite()).await;
    own.died(0, None, &[(Given::Document, "l-1")]).await;
    own.send().await.unwrap();
    assert_eq!(sandbox.loans().len(), 2);
    assert!(own.files().await.remove(0).proof.unwrap().ends_with("as l-1"));
}

#[tokio::test]
async fn a_wrong_address_is_no_refusal_of_the_documents() {
    let sandbox = of_aria();
    let url = serve(&sandbox).await;
    let connection = aria_at(&url, "decimal")
        .replace(&format!("url = \"{url}\"\n[conn"), &format!("url = \"{url}/v0\"\n[conn"));
    let (world, setup) = world(&sqlite(), &connection, "191,67").await;
    let own = Batch::of(world, setup).await;
    let told = own.stops().await;
    assert!(told.contains("F1: the partner refuses with status 404"), "{told}");
    assert_eq!((own.lines().await.len(), own.state().await), (0, BatchState::Approved));
}

#[tokio::test]
async fn a_refusal_of_what_was_said_again_answers_nothing() {
    let sandbox = of_defacto();
    let (world, setup) = world(&sqlite(), &defacto_at(&serve(&sandbox).await), "").await;
    let item = |number: &str, amount: &str| {
        format!("Facture;{number};C1;Exemple C1;02/03/2026;30/04/2026;EUR;{amount};;{amount};N;\n")
    };
    let items = item("F1", "1150,00") + &item("F2", "300000,00") + &item("F3", "1150,00");
    world.export("encours_2.csv", format!("{ITEMS}{items}").as_bytes());
    run(&setup, "2026-03-10").await;
    let own = Batch::of(world, setup).await;
    own.died(1, Some("the answer was lost"), &[]).await;
    let told = own.stops().await;
    assert!(told.contains("0002_F2.json") && told.contains("said again, it was refused"), "{told}");
    assert_eq!((own.lines().await.len(), own.state().await), (0, BatchState::Sending));
    assert!(own.files().await[1].doubt.is_some());
    // A person has looked, and it is not there.
    send_again(&own.setup, &own.batch.row.id, "Dominique", noon()).await.unwrap();
    assert_eq!(own.lines().await, [line("F2", FactorState::Rejected, None)]);
    assert_eq!((sandbox.loans().len(), own.state().await), (2, BatchState::Sent));
}

#[tokio::test]
async fn what_may_be_on_its_way_at_this_moment_is_not_said_again() {
    let (sandbox, own) = by_aria("decimal").await;
    // Of a call it counts when that call began, not when its command did.
    let begun = |minutes| {
        let at = encours::clock::now() - chrono::Duration::minutes(minutes);
        format!("begun by Alix at {}, and its end was never heard of", at.to_rfc3339())
    };
    own.died(0, Some(&begun(1)), &[]).await;
    let again = || send_again(&own.setup, &own.batch.row.id, "Dominique", noon());
    let told = again().await.unwrap_err().to_string();
    assert!(told.contains("may be on its way at this moment") && told.contains("240 seconds"), "{told}");
    assert_eq!(sandbox.invoices().len(), 0);

    let (sandbox, own) = by_aria("decimal").await;
    own.died(0, Some(&begun(5)), &[]).await;
    send_again(&own.setup, &own.batch.row.id, "Dominique", noon()).await.unwrap();
    assert_eq!((sandbox.invoices().len(), sandbox.loans().len()), (3, 3));
}

#[tokio::test]
async fn a_batch_that_names_days_is_handed_over_in_time_or_made_again() {
    let (sandbox, own) = by_defacto(&sqlite()).await;
    let late =
        send(&own.setup, &own.batch.row.id, "Dominique", "2026-03-13T08:00:00Z".parse().unwrap()).await;
    let told = late.unwrap_err().to_string();
    assert!(told.ends_with("up to 2 days after: discard it and make it again"), "{told}");
    assert_eq!((sandbox.loans().len(), own.state().await), (0, BatchState::Approved));
    send(&own.setup, &own.batch.row.id, "Dominique", "2026-03-12T08:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(sandbox.loans().len(), 3);
}

#[tokio::test]
async fn what_nobody_was_told_of_is_not_said_to_be_there() {
    let (sandbox, own) = by_defacto(&sqlite()).await;
    let id = &own.batch.row.id;
    let by_hand_of =
        |number: &'static str| by_hand_one(&own.setup, id, number, "Alix", "in the portal", noon());
    assert!(
        by_hand_of("F1").await.unwrap_err().to_string().contains("nothing of batch 1"),
        "nothing has left"
    );
    own.died(0, None, &[(Given::Document, "l-1")]).await;
    let told = by_hand(&own.setup, id, "Alix", "all of it", noon()).await.unwrap_err().to_string();
    assert!(told.contains("0002_F2.json, 0003_F3.json") && told.contains("--document NUMBER"), "{told}");

    // The days that it names have passed, so only a person can tell the factor of the rest.
    let late = "2026-03-16T08:00:00Z".parse().unwrap();
    let told = send(&own.setup, id, "Dominique", late).await.unwrap_err().to_string();
    assert!(told.contains("so F2 is not told of any more") && told.contains("--document F2"), "{told}");
    assert_eq!(sandbox.loans().len(), 0);
    assert_eq!(by_hand_of("F2").await.unwrap().state().unwrap(), BatchState::Sending);
    assert!(
        by_hand_of("F2").await.unwrap_err().to_string().contains("F2 is done already: Alix: in the portal")
    );
    assert!(by_hand_of("F9").await.unwrap_err().to_string().contains("there is no document F9"));
    assert_eq!(by_hand_of("F3").await.unwrap().state().unwrap(), BatchState::Sent);
}

#[tokio::test]
async fn two_numbers_never_share_one_file_and_an_early_due_date_stays_out() {
    let sandbox = of_defacto();
    let (world, setup) = world(&sqlite(), &defacto_at(&serve(&sandbox).await), "").await;
    let item = |number: &str, due: &str| {
        format!("Facture;{number};C1;Exemple C1;02/03/2026;{due};EUR;1150,00;;1150,00;N;\n")
    };
    let items: String =
        [("F1", "30/04"), ("F2", "30/04"), ("F/1", "30/04"), ("F_1", "30/04"), ("F3", "13/03")]
            .iter()
            .map(|(number, due)| item(number, &format!("{due}/2026")))
            .collect();
    world.export("encours_2.csv", format!("{ITEMS}{items}").as_bytes());
    std::fs::write(world.path().join("invoices/F_1.pdf"), "%PDF-1.7").unwrap();
    assert_eq!(errors(&run(&setup, "2026-03-10").await), Vec::<String>::new());
    let mut tx = setup.ledger.begin().await.unwrap();
    let planned = plan(&setup, &mut tx, &wanted(&setup)).await.unwrap();
    tx.rollback().await.unwrap();
    let early = planned.refused.iter().find(|own| own.document.number == "F3").unwrap();
    assert!(early.detail.as_deref().unwrap().contains("due within three days"), "{early:?}");
    let told = make(&setup, &wanted(&setup), "Alix", noon()).await.unwrap_err().to_string();
    assert!(told.contains("invoice F_1") && told.contains("the name of that of F/1"), "{told}");
}

#[tokio::test]
async fn what_the_factor_says_of_a_batch_on_its_way_is_no_difference() {
    let (_sandbox, own) = by_defacto(&sqlite()).await;
    let line = FactorLine {
        contract: Some("54321".to_owned()),
        number: "F1".to_owned(),
        currency: Currency::EUR,
        amount_minor: 115_000,
        state: FactorState::Accepted,
        financed_minor: None,
        holdback_minor: None,
        released_minor: None,
        fee_minor: None,
        reason: None,
        date: None,
    };
    let mut tx = own.setup.ledger.begin().await.unwrap();
    tx.land_factor_lines("factor", vec![line], Listing::Answers, noon()).await.unwrap();
    tx.commit().await.unwrap();
    own.died(0, None, &[(Given::Document, "l-1")]).await;
    let mut tx = own.setup.ledger.read().await.unwrap();
    let compared = compare(&mut tx, &own.setup, day("2026-03-11")).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    assert!(compared.differences.is_empty(), "{:?}", compared.differences);
    own.send().await.unwrap();
    let mut tx = own.setup.ledger.read().await.unwrap();
    let compared = compare(&mut tx, &own.setup, day("2026-03-11")).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    assert_eq!(compared.totals[&Currency::EUR].theirs_matched.count, 1);
}
