//! `encours assignments`: what would be assigned to a factor and why the rest is not; batches made, approved, handed over, and how
//! they stand.

mod answers;
mod statement;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use encours::engine::assignments::{
    self, Made, Planned, Reassigned, Received, Wanted, approve, by_hand, by_hand_one, discard, heading, make,
    reassigned, received, send, send_again, title,
};
use encours::engine::{Setup, publish};
use encours::factoring::{Financed, Refused};
use encours::ledger::{
    AssignmentFileRow, AssignmentRow, AssignmentStepRow, BatchState, DirectPaymentRow, SubrogationRow,
};
use encours::model::{AssignedDocument, ControlTotals, Currency, Date, DocumentKind, Money, render_minor};
use encours::transport::drop;
use serde_json::{Value, json};

use super::apply::whole_id;
use super::plan::ID_SHOWN;
use super::table::{Column, Table, count};
use super::{Context, Exit, Misconfigured, sync, today};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Tell what a batch would hold, what the factor would pay for it, and why each other document does not go; changes nothing
    Plan(Which),
    /// Make a batch: its number, its files and its documents. Nothing leaves
    Make {
        #[command(flatten)]
        which: Which,
        /// Your name; kept with it
        #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
        by: String,
    },
    /// Say that a batch may be sent: another person than the one who made it
    Approve(Said),
    /// Discard a batch that was not sent: its number and its documents are free again
    Discard(Because),
    /// Hand an approved batch over, once; after a crash the same command goes on
    Send {
        #[command(flatten)]
        said: Said,
        /// Say once more what may have reached the factor, after you have looked: mail a file with the same bytes and the same Message-ID, or
        /// tell of a document in a call
        #[arg(long)]
        again: bool,
    },
    /// Say that the factor has a batch which you took there yourself, or a file that may not have reached it
    Sent {
        #[command(flatten)]
        because: Because,
        /// One document alone, which you told the factor of: of a factor that is told in calls
        #[arg(long, value_name = "NUMBER")]
        document: Option<String>,
    },
    /// Say that a buyer has paid an assigned invoice to you: the next batch tells the factor
    Received {
        /// The invoice's number; CONNECTION/KEY where two ERPs have the same
        #[arg(value_name = "INVOICE")]
        invoice: String,
        /// The amount, as 1200.00
        #[arg(value_name = "AMOUNT")]
        amount: String,
        /// The day on which it came; today without it
        #[arg(long, value_name = "YYYY-MM-DD")]
        on: Option<Date>,
        /// The contract's number; the only contract without it
        #[arg(long, value_name = "NUMBER")]
        contract: Option<String>,
        /// Your name; kept with it
        #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
        by: String,
    },
    /// Say that a document went back to you, as when the factor has definanced it: you collect it yourself again
    Reassigned {
        /// The document's number; CONNECTION/KEY where two ERPs have the same
        #[arg(value_name = "DOCUMENT")]
        document: String,
        /// Since when; today without it
        #[arg(long, value_name = "YYYY-MM-DD")]
        on: Option<Date>,
        /// How you know: the factor's word; kept with it
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// The contract's number; the only contract without it
        #[arg(long, value_name = "NUMBER")]
        contract: Option<String>,
        /// Your name; kept with it
        #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
        by: String,
    },
    /// List batches; or one, with its files, its documents and every step
    Status {
        /// Which; any beginning of its id that is unique
        #[arg(value_name = "BATCH")]
        batch: Option<String>,
    },
    /// Compare what was assigned with the factor's last statement: totals of both sides, and each difference
    Statement {
        /// The contract's number; every contract without it
        #[arg(value_name = "CONTRACT")]
        contract: Option<String>,
    },
    /// Write the files of a batch as the factor gets them, and its subrogation receipt, the same bytes each time
    Files {
        /// Which; any beginning of its id that is unique
        #[arg(value_name = "BATCH")]
        batch: String,
        /// The folder that they are written into
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        out: PathBuf,
        /// The files that can be read, where the factor gets them encrypted
        #[arg(long)]
        plain: bool,
    },
}

/// Which batch would be made.
#[derive(Debug, clap::Args)]
struct Which {
    /// The contract's number; the only contract without it
    #[arg(value_name = "CONTRACT")]
    contract: Option<String>,
    /// The currency; the only one of the contract without it
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    currency: Option<Currency>,
    /// The business day; today without it
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
    /// The day of the factor's last statement that you have taken into account, for forms that ask for it
    #[arg(long, value_name = "YYYY-MM-DD")]
    statement_date: Option<Date>,
}

impl Which {
    fn wanted<'s>(&self, setup: &'s Setup) -> anyhow::Result<Wanted<'s>> {
        let contract = assignments::contract(setup, self.contract.as_deref())?;
        Ok(Wanted {
            contract,
            currency: assignments::currency(contract, self.currency)?,
            on: self.day.unwrap_or_else(today),
            statement_date: self.statement_date,
        })
    }
}

#[derive(Debug, clap::Args)]
struct Said {
    /// Which; any beginning of its id that is unique
    #[arg(value_name = "BATCH")]
    batch: String,
    /// Your name; kept with it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
    by: String,
}

#[derive(Debug, clap::Args)]
struct Because {
    #[command(flatten)]
    said: Said,
    /// Why, or how you know; kept with it
    #[arg(long, value_name = "TEXT")]
    because: String,
}

fn parse_currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| format!("\"{text}\" is not a currency of ISO 4217"))
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails; what is not to be done, and why.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    match &args.command {
        Command::Plan(which) => plan(context, &setup, which).await?,
        Command::Make { which, by } => {
            let made = make(&setup, &which.wanted(&setup)?, by, encours::clock::now()).await?;
            context.answer(|| told_made(&made), || made_value(&made))?;
        }
        Command::Approve(said) => {
            let row =
                approve(&setup, &id(&setup, &said.batch).await?, &said.by, encours::clock::now()).await?;
            told(
                context,
                &row,
                "approved",
                &format!("`encours assignments send {}` hands it over.", short(&row.id)),
            )?;
        }
        Command::Discard(Because { said, because }) => {
            let id = id(&setup, &said.batch).await?;
            let row = discard(&setup, &id, &said.by, because, encours::clock::now()).await?;
            told(context, &row, "void", "Its number and its documents are free again.")?;
        }
        Command::Send { said, again } => {
            let (id, now) = (id(&setup, &said.batch).await?, encours::clock::now());
            let row = if *again {
                send_again(&setup, &id, &said.by, now).await?
            } else {
                send(&setup, &id, &said.by, now).await?
            };
            publish(&setup).await?;
            told(context, &row, "sent", "")?;
        }
        Command::Sent { because: Because { said, because }, document } => {
            let (id, now) = (id(&setup, &said.batch).await?, encours::clock::now());
            let row = match document {
                Some(number) => by_hand_one(&setup, &id, number, &said.by, because, now).await?,
                None => by_hand(&setup, &id, &said.by, because, now).await?,
            };
            publish(&setup).await?;
            let next = if row.state()? == BatchState::Sent {
                String::new()
            } else {
                format!("`encours assignments send {}` goes on with the others.", short(&row.id))
            };
            told(context, &row, &row.state, &next)?;
        }
        Command::Received { invoice, amount, on, contract, by } => {
            let contract = assignments::contract(&setup, contract.as_deref())?;
            let said = Received { contract, invoice, amount, on: on.unwrap_or_else(today), by };
            let row = received(&setup, &said, encours::clock::now()).await?;
            let currency = Currency::parse(&row.currency).unwrap_or(Currency::EUR);
            context.answer(
                || {
                    let money = Money::new(row.amount_minor, currency);
                    format!("Kept: {money} of {} reached you on {}. The next batch tells the factor; forward the money.\n", row.number, row.received_on)
                },
                || payment_value(&row),
            )?;
        }
        Command::Reassigned { document, on, because, contract, by } => {
            let contract = assignments::contract(&setup, contract.as_deref())?;
            let on = on.unwrap_or_else(today);
            let said = Reassigned { contract, document, on, because, by };
            let number = reassigned(&setup, &said, encours::clock::now()).await?;
            publish(&setup).await?;
            context.answer(
                || format!("Kept: {number} went back to you on {on}. What the buyer pays is yours; this contract does not take it again.\n"),
                || json!({ "contract": contract.number, "number": number, "reassigned_on": on, "by": by, "because": because }),
            )?;
        }
        Command::Status { batch: None } => list(context, &setup).await?,
        Command::Status { batch: Some(batch) } => show(context, &setup, batch).await?,
        Command::Statement { contract } => statement::statement(context, &setup, contract.as_deref()).await?,
        Command::Files { batch, out, plain } => files(context, &setup, batch, out, *plain).await?,
    }
    setup.ledger.close().await;
    Ok(Exit::Fine)
}

fn short(id: &str) -> String {
    id.chars().take(ID_SHOWN).collect()
}

async fn rows(setup: &Setup) -> anyhow::Result<Vec<AssignmentRow>> {
    let mut tx = setup.ledger.read().await?;
    let rows = tx.assignments(&setup.company.id).await?;
    tx.rollback().await?;
    Ok(rows)
}

/// The id that a beginning stands for.
async fn id(setup: &Setup, beginning: &str) -> anyhow::Result<String> {
    let rows = rows(setup).await?;
    whole_id(beginning, rows.iter().map(|row| row.id.as_str()), "batch")
}

fn told(context: &Context, row: &AssignmentRow, state: &str, next: &str) -> anyhow::Result<()> {
    let text = format!("{} is {state}. {next}", heading(row));
    context.answer(
        || format!("{}\n", text.trim_end()),
        || json!({ "id": row.id, "batch": row.number, "state": state }),
    )
}

const fn kind_word(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Invoice => "invoice",
        DocumentKind::CreditNote => "credit note",
        DocumentKind::Payment => "payment",
        DocumentKind::Adjustment => "adjustment",
        DocumentKind::Dispute => "dispute",
    }
}

/// `3 invoices of 1 000.00 EUR, 1 credit note of 50.00 EUR`.
fn told_totals(totals: &ControlTotals, currency: Currency) -> String {
    let kinds = [
        (totals.invoices, totals.invoices_minor, "invoice"),
        (totals.credit_notes, totals.credit_notes_minor, "credit note"),
        (totals.payments, totals.payments_minor, "payment"),
        (totals.adjustments, totals.adjustments_minor, "adjustment"),
        (totals.disputes, totals.disputes_minor, "dispute"),
    ];
    let some = kinds.into_iter().filter(|(number, ..)| *number > 0);
    let told: Vec<String> = some
        .map(|(number, minor, word)| {
            let plural = if number == 1 { "" } else { "s" };
            format!("{number} {word}{plural} of {}", Money::new(minor, currency))
        })
        .collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

/// What is expected to be paid and held, in one sentence that adds up.
fn told_financed(sum: &Financed, currency: Currency) -> String {
    let money = |minor: i64| Money::new(minor, currency).to_string();
    let mut off = Vec::new();
    for (minor, word) in [
        (sum.fee_minor, "commission"),
        (sum.fee_tax_minor, "tax on it"),
        (sum.holdback_minor, "holdback"),
        (sum.excess_minor, "held beyond limits"),
    ] {
        if minor != 0 {
            off.push(format!("{} {word}", money(minor)));
        }
    }
    let less = if off.is_empty() { String::new() } else { format!(" less {}", off.join(", ")) };
    format!("{}{less}: {} available", money(sum.amount_minor), money(sum.available_minor))
}

fn document_table(documents: &[(&AssignedDocument, &Financed)], currency: Currency) -> Table {
    let mut table = Table::new(&[
        Column::Text("buyer"),
        Column::Word("kind"),
        Column::Word("number"),
        Column::Word("date"),
        Column::Word("due"),
        Column::Figure("amount"),
        Column::Figure("commission"),
        Column::Figure("holdback"),
        Column::Figure("beyond"),
        Column::Figure("available"),
        Column::Text("bound by"),
    ]);
    for (document, financed) in documents {
        let money = |minor: i64| Money::new(minor, currency).to_string();
        table.row([
            document.buyer.name.clone(),
            kind_word(document.kind).to_owned(),
            document.number.clone(),
            document.issued.to_string(),
            document.due.to_string(),
            money(financed.amount_minor),
            money(financed.fee_minor.saturating_add(financed.fee_tax_minor)),
            money(financed.holdback_minor),
            money(financed.excess_minor),
            money(financed.available_minor),
            financed.bound.map(|bound| bound.to_string()).unwrap_or_default(),
        ]);
    }
    table
}

fn refused_table(refused: &[Refused]) -> Table {
    let mut table = Table::new(&[
        Column::Text("buyer"),
        Column::Word("number"),
        Column::Figure("open"),
        Column::Text("why it does not go"),
    ]);
    for Refused { document, reason, detail } in refused {
        table.row([
            document.buyer.name.clone(),
            document.number.clone(),
            Money::new(document.open_minor, document.currency).to_string(),
            detail.clone().unwrap_or_else(|| reason.told().to_owned()),
        ]);
    }
    table
}

fn financed_value(financed: &Financed, currency: Currency) -> Value {
    let amount = |minor: i64| render_minor(minor, currency);
    json!({
        "amount": amount(financed.amount_minor), "fee": amount(financed.fee_minor), "fee_tax": amount(financed.fee_tax_minor),
        "holdback": amount(financed.holdback_minor), "excess": amount(financed.excess_minor),
        "available": amount(financed.available_minor), "bound": financed.bound,
    })
}

fn totals_value(totals: &ControlTotals, currency: Currency) -> Value {
    let amount = |minor: i64| render_minor(minor, currency);
    json!({
        "documents": totals.count(), "balance": amount(totals.balance_minor()),
        "invoices": totals.invoices, "invoices_amount": amount(totals.invoices_minor),
        "credit_notes": totals.credit_notes, "credit_notes_amount": amount(totals.credit_notes_minor),
        "payments": totals.payments, "payments_amount": amount(totals.payments_minor),
        "adjustments": totals.adjustments, "adjustments_amount": amount(totals.adjustments_minor),
        "disputes": totals.disputes, "disputes_amount": amount(totals.disputes_minor),
    })
}

fn document_value(document: &AssignedDocument, financed: &Financed) -> Value {
    let currency = document.currency;
    json!({
        "kind": document.kind, "number": document.number, "buyer_id": document.buyer.id, "buyer": document.buyer.name,
        "account": document.buyer.code, "issued": document.issued, "due": document.due, "credits": document.credits,
        "financed": financed_value(financed, currency),
    })
}

fn refused_value(refused: &[Refused]) -> Vec<Value> {
    let one = |Refused { document, reason, detail }: &Refused| {
        json!({
            "number": document.number, "buyer_id": document.buyer.id, "buyer": document.buyer.name, "currency": document.currency,
            "open": render_minor(document.open_minor, document.currency), "reason": reason,
            "why": detail.as_deref().unwrap_or_else(|| reason.told()),
        })
    };
    refused.iter().map(one).collect()
}

fn payment_value(row: &DirectPaymentRow) -> Value {
    let currency = Currency::parse(&row.currency);
    json!({
        "id": row.id, "contract": row.contract, "number": row.number, "currency": row.currency, "received_on": row.received_on,
        "amount": currency.map(|own| render_minor(row.amount_minor, own)), "by": row.said_by,
    })
}

/// Direct payments that the form has no place for; empty where there is none.
fn told_untold(untold: &[DirectPaymentRow]) -> String {
    let one = |row: &DirectPaymentRow| {
        let money = Currency::parse(&row.currency)
            .map(|own| Money::new(row.amount_minor, own).to_string())
            .unwrap_or_default();
        format!("{money} of {} on {}", row.number, row.received_on)
    };
    let all: Vec<String> = untold.iter().map(one).collect();
    if all.is_empty() {
        return String::new();
    }
    format!(
        "\nThe factor's form has no place for payments that reached you; tell it yourself: {}.\n",
        all.join(", ")
    )
}

async fn plan(context: &Context, setup: &Setup, which: &Which) -> anyhow::Result<()> {
    let wanted = which.wanted(setup)?;
    let Wanted { contract, currency, on: day, .. } = wanted;
    let mut tx = setup.ledger.read().await?;
    let planned = assignments::plan(setup, &mut tx, &wanted).await?;
    tx.rollback().await?;
    let Planned { head, documents, financed, refused, untold, totals, sum, approvals, .. } = &planned;
    context.answer(
        || {
            let mut text = format!(
                "Batch {} of the contract {} with {}, {currency}, {day}: {}.\n",
                head.batch,
                contract.number,
                contract.factor,
                told_totals(totals, currency)
            );
            if !documents.is_empty() {
                let rows: Vec<_> = documents.iter().zip(financed).collect();
                text.push_str(&format!("\n{}\n{}.\n", document_table(&rows, currency), told_financed(sum, currency)));
            }
            text.push_str(&told_untold(untold));
            text.push_str(&answers::told_approvals(approvals));
            if !refused.is_empty() {
                text.push_str(&format!("\n{}", told_refused(refused)));
            }
            text
        },
        || {
            let rows = documents.iter().zip(financed).map(|(document, own)| document_value(document, own));
            json!({
                "contract": contract.number, "factor": contract.factor, "batch": head.batch, "currency": currency, "date": day,
                "totals": totals_value(totals, currency), "financed": financed_value(sum, currency),
                "documents": rows.collect::<Vec<_>>(), "refused": refused_value(refused),
                "approvals": answers::approvals_value(approvals), "untold_payments": untold.iter().map(payment_value).collect::<Vec<_>>(),
            })
        },
    )
}

/// Documents that do not go: how many for which reason, then each.
fn told_refused(refused: &[Refused]) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for own in refused {
        *reasons.entry(own.reason.as_str()).or_default() += 1;
    }
    let told: Vec<String> =
        reasons.iter().map(|(reason, number)| format!("{reason} {}", count(*number))).collect();
    format!(
        "{} documents do not go ({}):\n\n{}",
        count(refused.len()),
        told.join(", "),
        refused_table(refused)
    )
}

fn told_made(made: &Made) -> String {
    let row = &made.batch.row;
    let Some(currency) = Currency::parse(&row.currency) else { return String::new() };
    let mut text = format!(
        "{} is made: {}.\n{}.\n\n",
        heading(row),
        told_totals(&row.totals, currency),
        told_financed(&row.financed, currency)
    );
    text.push_str(&file_table(&made.batch.files).to_string());
    text.push_str(&told_sealed(&made.batch.files));
    text.push_str(&told_receipt(made.receipt.as_ref()));
    if made.receipt.is_none() && row.terms.receipt.is_some() {
        text.push_str("\nNo subrogation receipt: no more is assigned than taken off.\n");
    }
    if !made.refused.is_empty() {
        text.push_str(&format!(
            "\n{} documents do not go; `encours assignments plan` says why.\n",
            count(made.refused.len())
        ));
    }
    text.push_str(&format!(
        "\nNothing has left. `encours assignments approve {}` lets it go.\n",
        short(&row.id)
    ));
    text
}

/// The receipt and where it stands; empty where the contract asks for none.
fn told_receipt(receipt: Option<&SubrogationRow>) -> String {
    receipt.map_or_else(String::new, |own| {
        format!(
            "\nSubrogation receipt {}, SHA-256 {}: sign it on the day on which the current account is credited.\n",
            own.file_name, own.content_hash
        )
    })
}

fn receipt_value(receipt: Option<&SubrogationRow>) -> Value {
    let value = |own: &SubrogationRow| {
        let data = serde_json::from_str(&own.data).unwrap_or_else(|_| Value::String(own.data.clone()));
        json!({ "name": own.file_name, "bytes": own.content.len(), "sha256": own.content_hash, "data": data })
    };
    receipt.map_or(Value::Null, value)
}

fn made_value(made: &Made) -> Value {
    let row = &made.batch.row;
    let Some(currency) = Currency::parse(&row.currency) else { return Value::Null };
    json!({
        "batch": row_value(row, currency), "files": made.batch.files.iter().map(file_value).collect::<Vec<_>>(),
        "receipt": receipt_value(made.receipt.as_ref()), "refused": refused_value(&made.refused),
    })
}

fn row_value(row: &AssignmentRow, currency: Currency) -> Value {
    json!({
        "id": row.id, "factor": row.factor, "contract": row.contract, "batch": row.number, "currency": currency, "made_on": row.made_on,
        "state": row.state, "sha256": row.content_hash, "totals": totals_value(&row.totals, currency),
        "financed": financed_value(&row.financed, currency),
    })
}

fn file_value(file: &AssignmentFileRow) -> Value {
    json!({
        "name": file.file_name, "documents": file.documents, "bytes": file.content.len(), "sha256": file.content_hash,
        "proof": file.proof, "delivered_at": file.delivered_at, "doubt": file.doubt,
        "reference": file.reference, "financing": file.financing,
        "sealed": file.sealed.as_ref().map(|sealed| json!({
            "name": file.outgoing().name, "bytes": sealed.len(), "sha256": file.sealed_hash, "key": file.sealed_for,
        })),
    })
}

/// Each file that goes out encrypted, in a sentence of its own; empty where all go as they are.
fn told_sealed(files: &[AssignmentFileRow]) -> String {
    let one = |file: &AssignmentFileRow| {
        let key = file.sealed_for.as_ref()?;
        let (out, hash) = (file.outgoing(), file.sealed_hash.as_deref().unwrap_or_default());
        Some(format!(
            "\n{} goes out as {}: {} bytes, SHA-256 {hash}, encrypted for the OpenPGP key {key}.\n",
            file.file_name,
            out.name,
            count(out.bytes.len())
        ))
    };
    files.iter().filter_map(one).collect()
}

fn step_value(step: &AssignmentStepRow) -> Value {
    json!({ "at": step.recorded_at, "state": step.state, "by": step.done_by, "note": step.note })
}

fn file_table(files: &[AssignmentFileRow]) -> Table {
    let mut table = Table::new(&[
        Column::Word("file"),
        Column::Figure("documents"),
        Column::Figure("bytes"),
        Column::Word("sha256"),
        Column::Text("with the factor"),
    ]);
    for file in files {
        table.row([
            file.file_name.clone(),
            file.documents.to_string(),
            count(file.content.len()),
            file.content_hash.clone(),
            match (&file.proof, &file.doubt) {
                (Some(proof), _) => proof.clone(),
                (None, Some(doubt)) => format!("not known: {doubt}"),
                (None, None) => "not yet".to_owned(),
            },
        ]);
    }
    table
}

async fn list(context: &Context, setup: &Setup) -> anyhow::Result<()> {
    let rows = rows(setup).await?;
    let mut table = Table::new(&[
        Column::Word("id"),
        Column::Text("factor"),
        Column::Word("contract"),
        Column::Figure("batch"),
        Column::Word("made"),
        Column::Figure("documents"),
        Column::Figure("balance"),
        Column::Figure("available"),
        Column::Word("state"),
    ]);
    let mut values = Vec::new();
    for row in &rows {
        let currency = row.currency()?;
        let money = |minor: i64| Money::new(minor, currency).to_string();
        table.row([
            short(&row.id),
            row.factor.clone(),
            row.contract.clone(),
            row.number.to_string(),
            row.made_on.to_string(),
            row.totals.count().to_string(),
            money(row.totals.balance_minor()),
            money(row.financed.available_minor),
            row.state.clone(),
        ]);
        values.push(row_value(row, currency));
    }
    context.answer(
        || {
            if rows.is_empty() {
                "There is no batch: `encours assignments plan` tells what one would hold.\n".to_owned()
            } else {
                table.to_string()
            }
        },
        || json!({ "batches": values }),
    )
}

async fn show(context: &Context, setup: &Setup, beginning: &str) -> anyhow::Result<()> {
    let id = id(setup, beginning).await?;
    let mut tx = setup.ledger.read().await?;
    let found = tx.assignments(&setup.company.id).await?.into_iter().find(|row| row.id == id);
    let row = found.ok_or_else(|| Misconfigured(format!("there is no batch {id}")))?;
    let (files, documents, steps) = (
        tx.assignment_files(&id).await?,
        tx.assignment_documents(&id).await?,
        tx.assignment_steps(&id).await?,
    );
    let receipt = tx.subrogation(&id).await?;
    tx.rollback().await?;
    let currency = row.currency()?;
    context.answer(
        || {
            let rows: Vec<_> = documents.iter().map(|own| (&own.document.0, &own.financed.0)).collect();
            let mut table = Table::new(&[Column::Word("when"), Column::Word("state"), Column::Text("by"), Column::Text("what")]);
            for step in &steps {
                let when = step.recorded_at.format("%Y-%m-%d %H:%M").to_string();
                table.row([when, step.state.clone(), step.done_by.clone(), step.note.clone()]);
            }
            format!(
                "{}, {}: {}.\n{}.\n\n{}{}{}\n{}\n{table}",
                heading(&row),
                row.state,
                told_totals(&row.totals, currency),
                told_financed(&row.financed, currency),
                file_table(&files),
                told_sealed(&files),
                told_receipt(receipt.as_ref()),
                document_table(&rows, currency),
            )
        },
        || {
            let documents = documents.iter().map(|own| document_value(&own.document, &own.financed));
            json!({
                "batch": row_value(&row, currency), "files": files.iter().map(file_value).collect::<Vec<_>>(),
                "receipt": receipt_value(receipt.as_ref()), "documents": documents.collect::<Vec<_>>(), "steps": steps.iter().map(step_value).collect::<Vec<_>>(),
            })
        },
    )
}

async fn files(
    context: &Context,
    setup: &Setup,
    beginning: &str,
    out: &PathBuf,
    plain: bool,
) -> anyhow::Result<()> {
    let id = id(setup, beginning).await?;
    let mut tx = setup.ledger.read().await?;
    let found = tx.assignments(&setup.company.id).await?.into_iter().find(|row| row.id == id);
    let files = tx.assignment_files(&id).await?;
    let receipt = tx.subrogation(&id).await?;
    tx.rollback().await?;
    let row = found.ok_or_else(|| Misconfigured(format!("there is no batch {id}")))?;
    match row.state()? {
        BatchState::Void => {
            let told = format!("the {} is void: its files are not to be used", title(&row));
            return Err(Misconfigured(told).into());
        }
        BatchState::Made | BatchState::Approved if !plain => {
            assignments::sealed_as_wanted(setup, &row, &files)?;
        }
        BatchState::Made | BatchState::Approved | BatchState::Sending | BatchState::Sent => {}
    }
    drop::is_there(out).with_context(|| format!("the folder {} is not there", out.display()))?;
    let data = receipt.as_ref().map(|own| (own.file_name.replace(".pdf", ".json"), own.data.as_bytes()));
    let written =
        |file: &'_ AssignmentFileRow| if plain { file.file_name.clone() } else { file.outgoing().name };
    let all = files
        .iter()
        .map(|file| (written(file), if plain { file.content.as_slice() } else { file.outgoing().bytes }))
        .chain(receipt.as_ref().map(|own| (own.file_name.clone(), own.content.as_slice())))
        .chain(data);
    for (name, bytes) in all {
        drop::refuse_another(&out.join(&name), bytes)?;
        let part = drop::prepare(out, &name, bytes)?;
        drop::publish(&part, &out.join(&name))?;
    }
    context.answer(
        || {
            let which = match (files.iter().any(|file| file.sealed.is_some()), plain) {
                (false, _) => "",
                (true, false) => ", encrypted as the factor gets them",
                (true, true) => ", in clear: not what the factor gets",
            };
            format!(
                "{}{}{}\nWritten into {}{which}.\n",
                file_table(&files),
                told_sealed(&files),
                told_receipt(receipt.as_ref()),
                out.display()
            )
        },
        || {
            json!({
                "batch": row.number, "folder": out, "written": files.iter().map(written).collect::<Vec<_>>(),
                "files": files.iter().map(file_value).collect::<Vec<_>>(),
                "receipt": receipt_value(receipt.as_ref()),
            })
        },
    )
}
