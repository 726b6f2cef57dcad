//! What factors and banks answer, through the whole program, on both databases: answers in the messages of ISO 20022, approvals, payments.

use encours::clock;
use encours::engine::Setup;
use encours::engine::assignments::{
    Cash, CashTotals, Comparison, Planned, Wanted, approve, cash, compare, make, plan, send,
};
use encours::factoring::Bound;
use encours::model::{Currency, FactorState, Listing};

use super::cycle::{client, invoice};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, day, deltas, errors, run};

const CONTRACT: &str = r#"factor = "Exemple Factor"
number = "54321"
connection = "factor"
answers = "answers"
bank = "bank"
valid_from = "2026-01-01"
currencies = ["EUR", "USD"]
holdback_percent = "10"

[[buyer]]
siren = "404833048"
factor_id = "0001234"
approval = "2000.00"
"#;

const FACTOR: &str = "[[connection]]\nid = \"factor\"\nconnector = \"factor-files\"\nsettings = { folder = \"statements\", out = \"to-factor\" }\n";
const ANSWERS: &str = "[[connection]]\nid = \"answers\"\nconnector = \"iso20022-factor\"\nsettings = { folder = \"from-factor\" }\n";
const BANK: &str = "[[connection]]\nid = \"bank\"\nconnector = \"camt\"\nsettings = { folder = \"from-bank\", file = \"*camt*\", \
                    factor_iban = \"FR92 0000 0000 0000 0000 0000 197\", factor_name = \"Exemple Factor SA\" }\n";

fn items(open: [&str; 3]) -> String {
    let [f1, f2, f3] = open;
    format!(
        "{ITEMS}{}{}{}",
        invoice("F1", "C1", "02/03/2026", "30/04/2026", "1150,00", f1),
        invoice("F2", "C1", "05/03/2026", "30/04/2026", "1000,00", f2),
        invoice("F3", "C1", "05/03/2026", "30/04/2026", "200,00", f3)
    )
}

/// A company with a contract, three invoices, and folders that the factor and the bank put files into.
async fn world(ledger: &str, contract: &str) -> (World, Setup) {
    let world = World::new(ledger).with_csv().with(&format!("{FACTOR}{ANSWERS}{BANK}"));
    for folder in ["contracts", "to-factor", "statements", "from-factor", "from-bank"] {
        std::fs::create_dir(world.path().join(folder)).unwrap();
    }
    std::fs::write(world.path().join("contracts/exemple.toml"), contract).unwrap();
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "404833048", "")).as_bytes());
    world.export("encours_1.csv", items(["1150,00", "1000,00", "200,00"]).as_bytes());
    assert_eq!(errors(&run(&setup, "2026-03-10").await), Vec::<String>::new());
    (world, setup)
}

fn wanted<'s>(setup: &'s Setup, on: &str) -> Wanted<'s> {
    Wanted { contract: &setup.contracts[0], currency: Currency::EUR, on: day(on), statement_date: None }
}

async fn planned(setup: &Setup, on: &str) -> Planned {
    let mut tx = setup.ledger.read().await.unwrap();
    let planned = plan(setup, &mut tx, &wanted(setup, on)).await.unwrap();
    tx.rollback().await.unwrap();
    planned
}

async fn send_batch(setup: &Setup, on: &str) {
    let id = make(setup, &wanted(setup, on), "Alix", clock::now()).await.unwrap().batch.row.id;
    approve(setup, &id, "Dominique", clock::now()).await.unwrap();
    send(setup, &id, "Dominique", clock::now()).await.unwrap();
}

async fn compared(setup: &Setup) -> (Comparison, Vec<Cash>) {
    let mut tx = setup.ledger.read().await.unwrap();
    let mut all = compare(&mut tx, setup, day("2026-03-20")).await.unwrap();
    let cash = cash(&mut tx, setup, &all).await.unwrap();
    tx.rollback().await.unwrap();
    (all.remove(0), cash)
}

async fn breaks(setup: &Setup) -> Vec<String> {
    let mut tx = setup.ledger.read().await.unwrap();
    let open = tx.open_breaks("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    let own = open.into_iter().filter(|row| row.connection == "answers");
    let mut told: Vec<String> = own.map(|row| format!("{} {}: {}", row.kind, row.name, row.theirs)).collect();
    told.sort();
    told
}

/// The state of each document that was answered.
async fn states(setup: &Setup) -> Vec<(String, FactorState)> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.factor_lines("answers").await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().map(|row| (row.payload.number.clone(), row.payload.state)).collect()
}

const HEADER: &str = "<Orgtr><Id>F</Id><Pty><BasePty><PtyId/></BasePty></Pty></Orgtr>\
    <OthrPty><Id>B1</Id><Pty><BasePty><PtyId><Nm>Exemple C1</Nm></PtyId><LglOrg><Id>404833048</Id></LglOrg></BasePty></Pty></OthrPty>";

/// An answer of a day on documents: number, amount, status and what is financed.
fn status(on: &str, documents: &[(&str, &str, &str, &str)]) -> String {
    let one = |(number, amount, status, financed): &(&str, &str, &str, &str)| {
        let paid = match *financed {
            "" => String::new(),
            financed => format!("<FincdAmt><Amt Ccy=\"EUR\">{financed}</Amt></FincdAmt>"),
        };
        format!(
            "<InvcFincgDtls><OrgnlInvcInf><DocNb>{number}</DocNb><TtlInvcAmt Ccy=\"EUR\">{amount}</TtlInvcAmt></OrgnlInvcInf>\
             <InvcFincgRslt><FincgReqSts>{status}</FincgReqSts>{paid}</InvcFincgRslt></InvcFincgDtls>"
        )
    };
    let documents: String = documents.iter().map(one).collect();
    format!(
        "<?xml version=\"1.0\"?><t:Document xmlns:t=\"urn:iso:std:iso:20022:tech:xsd:tsin.007.001.01\" \
         xmlns=\"urn:iso:std:iso:20022:tech:xsd:tsin.007.001.01\"><InvcAssgnmtSts><Hdr><Dt>{on}</Dt>{HEADER}</Hdr>\
         <AssgnmtList><Idr>1</Idr><FincgSts>{documents}</FincgSts></AssgnmtList></InvcAssgnmtSts></t:Document>"
    )
}

/// Everything of a list is refused, and no document is named but one.
fn error(on: &str, number: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:tsin.007.001.01\"><InvcAssgnmtSts><Hdr><Dt>{on}</Dt>{HEADER}</Hdr>\
         <AssgnmtList><Idr>1</Idr><FinItm><ItmCntxt><Idr>{number}</Idr></ItmCntxt><TtlAmt><TtlInvcAmt Ccy=\"EUR\">1000</TtlInvcAmt></TtlAmt>\
         </FinItm><VldtnStsInf><Sts>RCER</Sts><StsRsn><Cd>AC04</Cd></StsRsn></VldtnStsInf></AssgnmtList>\
         </InvcAssgnmtSts></Document>"
    )
}

#[tokio::test]
async fn an_answer_speaks_of_what_it_names_and_the_later_one_counts() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger, CONTRACT).await;
        send_batch(&setup, "2026-03-10").await;
        let put = |name: &str, text: &str| {
            std::fs::write(world.path().join("from-factor").join(name), text).unwrap();
        };
        let take = |name: &str| std::fs::remove_file(world.path().join("from-factor").join(name)).unwrap();

        put("2_tsin.007.xml", &status("2026-03-11", &[("F1", "1150.00", "FNCD", "1035.00000")]));
        let report = run(&setup, "2026-03-12").await;
        assert_eq!(errors(&report), Vec::<String>::new());
        assert!(deltas(&report).contains(&"assignment.financed=1".to_owned()), "{:?}", deltas(&report));
        assert_eq!(breaks(&setup).await, Vec::<String>::new(), "F2 and F3 have no answer yet");
        let (own, _) = compared(&setup).await;
        let totals = own.totals[&Currency::EUR];
        assert_eq!((own.listing, own.lines, totals.ours_only.count), (Listing::Answers, 1, 2));
        assert_eq!((totals.paid.stated_minor, totals.paid.expected_minor), (103_500, 103_500));
        assert_eq!(own.expected[&Currency::EUR], 200_000);

        // The same again, and an answer of the day before under a later name: nothing is said.
        put("3_tsin.007.xml", &status("2026-03-10", &[("F1", "1150.00", "PDNG", "")]));
        let report = run(&setup, "2026-03-13").await;
        assert!(!deltas(&report).iter().any(|own| own.starts_with("assignment.")), "{:?}", deltas(&report));
        take("2_tsin.007.xml");
        run(&setup, "2026-03-13").await;
        assert_eq!(
            states(&setup).await,
            [("F1".to_owned(), FactorState::Financed)],
            "what came later counts"
        );
        take("3_tsin.007.xml");
        run(&setup, "2026-03-13").await;
        assert_eq!(states(&setup).await.len(), 1, "without a file nothing is taken back");

        // A refusal of a list is one of each document in it; a less financed one is a difference of what was paid.
        put("4_tsin.007.xml", &error("2026-03-13", "F2"));
        put(
            "5_tsin.007.xml",
            &status("2026-03-13", &[("F3", "200.00", "NTFD", ""), ("F1", "1150.00", "FNCD", "1000.00")]),
        );
        run(&setup, "2026-03-14").await;
        assert_eq!(breaks(&setup).await, ["rejected F2 (Exemple Factor): rejected: AC04"]);
        let (own, _) = compared(&setup).await;
        let totals = own.totals[&Currency::EUR];
        assert_eq!(
            (totals.paid.stated_minor, totals.paid.expected_minor),
            (100_000, 110_000),
            "F3 is financed with nothing"
        );

        // What is settled since is not contradicted by an old answer.
        world.export("encours_2.csv", items(["0,00", "0,00", "200,00"]).as_bytes());
        run(&setup, "2026-03-15").await;
        assert_eq!(breaks(&setup).await, Vec::<String>::new());

        // What is no such message is refused whole, and told.
        put("6_tsin.007.xml", "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>");
        let told = errors(&run(&setup, "2026-03-16").await);
        assert!(told.iter().any(|own| own.contains("DOCTYPE")), "{told:?}");
        put("6_tsin.007.xml", "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03\"/>");
        let told = errors(&run(&setup, "2026-03-16").await);
        assert!(told.iter().any(|own| own.contains("pain.002.001.03")), "{told:?}");
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

/// A factor's word on the buyer C1.
fn guarantee(on: &str, action: &str, grant: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:tsin.010.001.01\"><PtyRegnAndGrntSts><Hdr><Dt>{on}</Dt>{HEADER}</Hdr>\
         <AgrmtList><Idr>1</Idr><Dt>{on}</Dt><Itm><ItmCntxt><Idr>1</Idr><Buyr>B1</Buyr><Ccy>EUR</Ccy></ItmCntxt><ItmActn>{action}</ItmActn>\
         {grant}</Itm></AgrmtList></PtyRegnAndGrntSts></Document>"
    )
}

fn granted(amount: &str, from: &str, to: &str) -> String {
    let end = if to.is_empty() { String::new() } else { format!("<EndDt>{to}</EndDt>") };
    format!(
        "<Grnt><GrntedAmt><Amt Ccy=\"EUR\">{amount}</Amt><StartDt>{from}</StartDt>{end}</GrntedAmt></Grnt>"
    )
}

#[tokio::test]
async fn what_the_factor_approves_lowers_what_the_file_names() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger, CONTRACT).await;
        let put = |name: &str, text: &str| {
            std::fs::write(world.path().join("from-factor").join(name), text).unwrap();
        };
        let before = planned(&setup, "2026-03-10").await;
        assert_eq!((before.sum.available_minor, before.approvals.len()), (200_000, 0));

        put(
            "1_tsin.010.xml",
            &guarantee("2026-03-11", "OPEN", &granted("1000.00", "2026-03-11", "2026-04-30")),
        );
        assert_eq!(errors(&run(&setup, "2026-03-11").await), Vec::<String>::new());
        let own = planned(&setup, "2026-03-11").await;
        // 2 350.00 less 235.00 of holdback is 1 115.00 beyond 1 000.00.
        assert_eq!((own.sum.excess_minor, own.sum.available_minor), (111_500, 100_000));
        assert!(own.financed.iter().any(|own| own.bound == Some(Bound::Approval)));
        let [told] = own.approvals.as_slice() else { panic!("{:?}", own.approvals) };
        assert_eq!(told.buyer.as_deref(), Some("siren:404833048"));
        let figures = (told.file_minor, told.stated_minor, told.counts_minor);
        assert_eq!(figures, (Some(200_000), Some(100_000), Some(100_000)));
        assert_eq!(planned(&setup, "2026-03-10").await.sum.available_minor, 200_000, "not before it begins");
        assert_eq!(planned(&setup, "2026-05-01").await.approvals[0].counts_minor, Some(0), "it has ended");

        // A refusal of more leaves it; a withdrawal ends it, and is kept with the batch that was made under it.
        let refusal = "<GrntSts><Sts>RCER</Sts><StsRsn><Cd>CA01</Cd></StsRsn></GrntSts>";
        put("2_tsin.010.xml", &guarantee("2026-03-12", "MDFY", refusal));
        run(&setup, "2026-03-12").await;
        assert_eq!(planned(&setup, "2026-03-12").await.sum.available_minor, 100_000);
        put("3_tsin.010.xml", &guarantee("2026-03-13", "DEAC", ""));
        run(&setup, "2026-03-13").await;
        assert_eq!(planned(&setup, "2026-03-13").await.sum.available_minor, 0);
        let made = make(&setup, &wanted(&setup, "2026-03-13"), "Alix", clock::now()).await.unwrap().batch;
        let kept = made.row.terms.buyer("siren:404833048").and_then(|own| own.approval.clone());
        assert_eq!(kept, Some([(Currency::EUR, 0)].into()));

        // Answers that are gone from the folder were said all the same.
        for name in ["1_tsin.010.xml", "2_tsin.010.xml", "3_tsin.010.xml"] {
            std::fs::remove_file(world.path().join("from-factor").join(name)).unwrap();
        }
        run(&setup, "2026-03-14").await;
        let mut tx = setup.ledger.read().await.unwrap();
        assert_eq!(tx.approvals("answers").await.unwrap().len(), 3);
        tx.rollback().await.unwrap();
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_list_of_approvals_is_whole_and_makes_buyers_known() {
    let contract = CONTRACT.replace("answers = \"answers\"\n", "").replace(
        "siren = \"404833048\"\nfactor_id = \"0001234\"\napproval = \"2000.00\"",
        "siren = \"005520135\"",
    );
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger, &contract).await;
        assert_eq!(planned(&setup, "2026-03-10").await.documents, [], "the contract does not know C1");
        let list = |number: u32, rows: &str| {
            let head = "Contract;Buyer at the factor;SIREN;VAT;Buyer name;Currency;Amount;State;From;To;Decided;Reason\n";
            let path = world.path().join(format!("statements/approvals_{number}.csv"));
            std::fs::write(path, format!("{head}{rows}")).unwrap();
        };
        list(
            1,
            "54321;0001234;404833048;;Exemple C1;EUR;1500.00;granted;2026-03-01;;;\n54321;;404833049;;Exemple;EUR;1.00;;;;;\n",
        );
        let report = run(&setup, "2026-03-11").await;
        let read = report.operations.iter().find(|own| own.operation == "list_approvals").unwrap();
        assert_eq!((read.read, read.new, read.quarantined), (2, 1, 1), "a wrong SIREN is nobody's: {read:?}");
        let own = planned(&setup, "2026-03-11").await;
        assert_eq!((own.documents.len(), own.sum.available_minor), (3, 150_000));
        assert_eq!(own.documents[0].buyer.factor_id.as_deref(), Some("0001234"));
        let report = run(&setup, "2026-03-12").await;
        let read = report.operations.iter().find(|own| own.operation == "list_approvals").unwrap();
        assert_eq!((read.new, read.changed, read.unchanged), (0, 0, 1));

        // What is for a contract that is not here raises nothing under this one, and is told.
        let own = "54321;0001234;404833048;;Exemple C1;EUR;1200.00;granted;2026-03-01;;;\n";
        list(2, &format!("{own}99999;;404833048;;Exemple C1;EUR;9000.00;granted;2026-03-05;;;\n"));
        run(&setup, "2026-03-13").await;
        let own = planned(&setup, "2026-03-13").await;
        assert_eq!(own.sum.available_minor, 120_000);
        let told: Vec<_> =
            own.approvals.iter().map(|own| (own.counts_minor, own.last.reason.as_deref())).collect();
        let strange = Some("it is for the contract 99999, which is not here");
        assert_eq!(told, [(Some(120_000), None), (None, strange)]);
        // What leaves the list is approved no more; it is not without a limit.
        list(3, "");
        run(&setup, "2026-03-14").await;
        let own = planned(&setup, "2026-03-14").await;
        assert_eq!((own.approvals.len(), own.approvals[0].counts_minor), (1, Some(0)));
        assert_eq!(planned(&setup, "2026-03-14").await.documents, [], "what the list does not show is gone");
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

/// An entry of version 02: a name right below the party, the status as a text.
fn entry(reference: &str, currency: &str, amount: &str, direction: &str, party: &str) -> String {
    let side = if direction == "CRDT" { "Dbtr" } else { "Cdtr" };
    let reference = match reference {
        "" => String::new(),
        reference => format!("<AcctSvcrRef>{reference}</AcctSvcrRef>"),
    };
    format!(
        "<Ntry><Amt Ccy=\"{currency}\">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-12</Dt></BookgDt>\
         {reference}<NtryDtls><TxDtls><RltdPties><{side}><Nm>{party}</Nm></{side}></RltdPties></TxDtls></NtryDtls></Ntry>"
    )
}

fn account(message: &str, currency: &str, entries: &str) -> String {
    let (root, list) = match message {
        "camt.053.001.02" => ("BkToCstmrStmt", "Stmt"),
        _ => ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{message}\"><{root}><{list}><CreDtTm>2026-03-13T05:00:00</CreDtTm>\
         <Acct><Id><Othr><Id>ACCOUNT-{currency}</Id></Othr></Id></Acct>{entries}</{list}></{root}></Document>"
    )
}

#[tokio::test]
async fn what_the_bank_says_is_counted_once_and_shown_beside_what_was_expected() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger, CONTRACT).await;
        send_batch(&setup, "2026-03-10").await;
        let put = |name: &str, text: &str| {
            std::fs::write(world.path().join("from-bank").join(name), text).unwrap();
        };
        run(&setup, "2026-03-11").await;
        let (_, cash) = compared(&setup).await;
        assert_eq!((cash[0].days, cash[0].totals[&Currency::EUR].expected_minor), (None, 200_000));

        let factor = "EXEMPLE FACTOR SA";
        let euros = entry("A1", "EUR", "1935.00", "CRDT", factor)
            + &entry("A2", "EUR", "5000.00", "CRDT", "Exemple C1")
            + &entry("A3", "EUR", "42.00", "DBIT", factor)
            + &entry("A4", "EUR", "35.00", "DBIT", factor).replace("<Sts>", "<RvslInd>true</RvslInd><Sts>")
            + &entry("", "EUR", "7.00", "CRDT", factor)
            + &entry("", "EUR", "7.00", "CRDT", factor)
            + &entry("A6", "EUR", "900.00", "CRDT", factor).replace("BOOK", "PDNG");
        put("1_camt.053.xml", &account("camt.053.001.02", "EUR", &euros));
        put(
            "2_camt.053.xml",
            &account("camt.053.001.02", "USD", &entry("A1", "USD", "10.50", "CRDT", factor)),
        );
        let report = run(&setup, "2026-03-13").await;
        assert_eq!(errors(&report), Vec::<String>::new());
        let euros_then = CashTotals {
            expected_minor: 200_000,
            stated_minor: None,
            credited_minor: 194_900,
            debited_minor: 7_700,
            entries: 5,
        };
        let (_, cash) = compared(&setup).await;
        let [own] = cash.as_slice() else { panic!("{cash:?}") };
        assert_eq!(
            (own.contracts.as_slice(), own.days),
            (["54321".to_owned()].as_slice(), Some((day("2026-03-12"), day("2026-03-12"))))
        );
        assert_eq!(own.totals[&Currency::EUR], euros_then);
        assert_eq!(own.totals[&Currency::EUR].net_minor(), 187_200);
        let dollars = own.totals[&Currency::parse("USD").unwrap()];
        assert_eq!((dollars.credited_minor, dollars.expected_minor, dollars.entries), (1_050, 0, 1));

        // Read again, and told by a notice too: each entry counts once. Another amount under a known reference is told.
        put(
            "3_camt.054.xml",
            &account("camt.054.001.08", "EUR", &entry("A1", "EUR", "1935.00", "CRDT", factor)),
        );
        run(&setup, "2026-03-14").await;
        assert_eq!(compared(&setup).await.1[0].totals[&Currency::EUR], euros_then);
        put(
            "3_camt.054.xml",
            &account("camt.054.001.08", "EUR", &entry("A1", "EUR", "1.00", "CRDT", factor)),
        );
        let report = run(&setup, "2026-03-15").await;
        let read = report.operations.iter().find(|own| own.operation == "statements").unwrap();
        assert_eq!((read.new, read.quarantined), (0, 1), "{read:?}");
        assert_eq!(compared(&setup).await.1[0].totals[&Currency::EUR], euros_then);
        setup.ledger.close().await;
    }
    postgres.drop().await;
}
