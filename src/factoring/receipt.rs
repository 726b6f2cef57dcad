//! The subrogation receipt of a batch (quittance subrogative): the paper by which the seller, paid by the factor, puts it in its place.
//!
//! Each assigned invoice is listed, and what credit notes take off; payments and adjustments assign nothing, and are not. Where no more is
//! assigned than taken off, nobody pays for it and there is no receipt. It is dated and
//! signed by people, on the day on which the current account is credited. Its words are the factor's: those here are neutral, and stand
//! where the contract brings none. Reference: Code civil, article 1346-1; shared rules, "Factoring".

use serde::Serialize;

use crate::model::{
    AssignedBuyer, AssignedDocument, BatchHead, Contract, Currency, Date, DocumentKind, Scheme, render_minor,
};

/// What the receipt says where the contract brings no words of the factor.
pub const CLAUSE: &str = "{company} donne quittance à {factor} du paiement des créances énumérées ci-dessus, d'un montant de {amount}, et la \
                          subroge, au sens de l'article 1346-1 du Code civil, dans tous les droits, actions et accessoires attachés à ces \
                          créances. La présente quittance prend effet le jour où leur montant est porté au crédit du compte courant.";

/// Widths of the columns: number, buyer, issued, due, amount.
const WIDTHS: [usize; 5] = [22, 30, 10, 10, 18];
/// Signs of a line: the columns and what stands between them.
const WIDTH: usize = 94;

/// A receipt, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The factor.
    pub factor: String,
    /// The contract's number.
    pub contract: String,
    /// The company that assigns.
    pub company: String,
    /// The number of the batch.
    pub batch: i64,
    /// The day on which it was made.
    pub made_on: Date,
    /// Currency of every amount.
    pub currency: Currency,
    /// The clause, filled in.
    pub clause: String,
    /// The documents, in the order of the batch.
    pub documents: Vec<Line>,
    /// Sum of the invoices, with its decimals.
    pub invoices: String,
    /// Sum of the credit notes, never negative.
    pub credit_notes: String,
    /// What is assigned: invoices less credit notes.
    pub amount: String,
    /// The files of the batch.
    pub files: Vec<FileHash>,
}

/// A file of the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileHash {
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes, as hexadecimal.
    pub sha256: String,
}

/// One document of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Invoice or credit note.
    pub kind: DocumentKind,
    /// Its number.
    pub number: String,
    /// The buyer's name.
    pub buyer: String,
    /// The buyer's SIREN, or another number of a register, where it is known.
    pub registration: Option<String>,
    /// Date of the document.
    pub issued: Date,
    /// Due date.
    pub due: Date,
    /// What is assigned of it, negative for a credit note, with its decimals.
    pub amount: String,
}

/// The receipt of a batch; none where the contract asks for none, or where no more is assigned than taken off.
#[must_use]
pub fn receipt(
    contract: &Contract,
    head: &BatchHead,
    documents: &[AssignedDocument],
    files: Vec<FileHash>,
) -> Option<Receipt> {
    let clause = contract.receipt.as_ref()?.clause.as_deref().unwrap_or(CLAUSE);
    let own: Vec<&AssignedDocument> = documents
        .iter()
        .filter(|own| matches!(own.kind, DocumentKind::Invoice | DocumentKind::CreditNote))
        .collect();
    let sum = |kind: DocumentKind| -> Option<i64> {
        own.iter()
            .filter(|own| own.kind == kind)
            .try_fold(0_i64, |sum, own| sum.checked_add(own.amount_minor))
    };
    let (invoices, credit_notes) = (sum(DocumentKind::Invoice)?, sum(DocumentKind::CreditNote)?);
    let assigned = invoices.checked_sub(credit_notes).filter(|minor| *minor > 0)?;
    let told = |minor: i64| render_minor(minor, head.currency);
    let amount = told(assigned);
    let clause = clause
        .replace("{company}", &head.company)
        .replace("{factor}", &contract.factor)
        .replace("{contract}", &contract.number)
        .replace("{batch}", &head.batch.to_string())
        .replace("{amount}", &format!("{} {}", french(&amount), head.currency));
    let line = |own: &AssignedDocument| Line {
        kind: own.kind,
        number: own.number.clone(),
        buyer: own.buyer.name.clone(),
        registration: registration(&own.buyer),
        issued: own.issued,
        due: own.due,
        amount: told(own.kind.sign() * own.amount_minor),
    };
    Some(Receipt {
        factor: contract.factor.clone(),
        contract: contract.number.clone(),
        company: head.company.clone(),
        batch: head.batch,
        made_on: head.date,
        currency: head.currency,
        clause,
        documents: own.into_iter().map(line).collect(),
        invoices: told(invoices),
        credit_notes: told(credit_notes),
        amount,
        files,
    })
}

fn registration(buyer: &AssignedBuyer) -> Option<String> {
    [Scheme::Siren, Scheme::Registration, Scheme::Vat, Scheme::Lei]
        .into_iter()
        .find_map(|scheme| buyer.identifier(scheme))
}

impl Receipt {
    /// Its title.
    #[must_use]
    pub fn title(&self) -> String {
        format!("Quittance subrogative - contrat {} - remise {}", self.contract, self.batch)
    }

    /// What stands on each page: what it is about, and the names of the columns. `print` gives text in signs that the paper has.
    #[must_use]
    pub fn heading(&self, print: impl Fn(&str) -> String) -> Vec<String> {
        let mut lines = wrapped(&print(&self.title()), WIDTH);
        lines.push(String::new());
        lines.push(row(["Document", "Débiteur", "Date", "Échéance", &format!("Montant {}", self.currency)]));
        lines.push("-".repeat(WIDTH));
        lines
    }

    /// The lines: each document, the sums, the clause, and the place for the signature. A name may be cut; a number that is too long for
    /// its column has a line of its own.
    #[must_use]
    pub fn lines(&self, print: impl Fn(&str) -> String) -> Vec<String> {
        let [number_width, name_width, ..] = WIDTHS;
        let mut lines = Vec::new();
        for own in &self.documents {
            let date = |date: Date| date.format("%d/%m/%Y").to_string();
            let (issued, due) = (date(own.issued), date(own.due));
            let name: String = print(&own.buyer).chars().take(name_width).collect();
            let mut number = print(&own.number);
            if number.chars().count() > number_width {
                lines.extend(wrapped(&number, WIDTH));
                number.clear();
            }
            lines.push(row([&number, &name, &issued, &due, &french(&own.amount)]));
        }
        lines.push("-".repeat(WIDTH));
        for (what, sum) in
            [("Factures", &self.invoices), ("Avoirs", &self.credit_notes), ("Montant cédé", &self.amount)]
        {
            lines.push(row([what, "", "", "", &french(sum)]));
        }
        lines.push(String::new());
        lines.extend(wrapped(&print(&self.clause), WIDTH));
        lines.push(String::new());
        let made_on = self.made_on.format("%d/%m/%Y");
        lines.push(format!("Remise établie le {made_on} ; ses fichiers et leur SHA-256 :"));
        for file in &self.files {
            lines.extend(wrapped(&print(&file.name), WIDTH));
            lines.extend(wrapped(&file.sha256, WIDTH));
        }
        lines.push(String::new());
        lines.push("Bon pour subrogation".to_owned());
        lines.push(String::new());
        lines.push("Date :                  Nom et qualité :                         Signature :".to_owned());
        lines
    }
}

/// An amount as French paper has it: 1 150,00.
fn french(amount: &str) -> String {
    let (whole, decimals) =
        amount.split_once('.').map_or((amount, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text + &decimals.map_or_else(String::new, |decimals| format!(",{decimals}"))
}

/// Cells in their columns, the amount on the right.
fn row([number, buyer, issued, due, amount]: [&str; 5]) -> String {
    let [a, b, c, d, e] = WIDTHS;
    format!("{number:<a$} {buyer:<b$} {issued:<c$} {due:<d$} {amount:>e$}").trim_end().to_owned()
}

/// Text in lines of so many signs, between words where there are some.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let used = line.chars().count();
            let blank = usize::from(used > 0);
            if used + blank + word.len() <= width {
                if blank > 0 {
                    line.push(' ');
                }
                line.extend(word.drain(..));
            } else if used > 0 {
                lines.push(std::mem::take(&mut line));
            } else {
                lines.push(word.drain(..width).collect());
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests;
