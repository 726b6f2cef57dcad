//! `encours exposure`: what buyers owe, by age, the largest first.

use std::collections::BTreeMap;

use encours::ledger::ExposureRow;
use encours::model::Currency;
use serde_json::json;

use super::buyers::{Portfolio, exposure_json, sums};
use super::table::{Column, Table, amount, plural};
use super::time::{self, Unkept};
use super::{Context, Exit};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One buyer: account code, registry number, buyer id or part of the name
    #[arg(long, value_name = "TEXT")]
    buyer: Option<String>,
    /// How many buyers a currency shows, the largest first; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 0)]
    limit: usize,
    #[command(flatten)]
    time: time::Flags,
}

/// What exposure of another day cannot tell as it was then.
const UNKEPT: &[Unkept] = &[Unkept::Payments, Unkept::Accounts, Unkept::Terms];

/// A buyer's row in the list of one currency.
pub struct Line<'a> {
    /// The buyer's name.
    pub name: &'a str,
    /// What it owes.
    pub exposure: &'a ExposureRow,
    /// What is covered of it, in the policy's currency.
    pub covered: String,
}

/// The rows by currency, the largest first.
pub fn lines(portfolio: &Portfolio) -> BTreeMap<Currency, Vec<Line<'_>>> {
    let mut lines: BTreeMap<Currency, Vec<Line<'_>>> = BTreeMap::new();
    for buyer in &portfolio.buyers {
        for exposure in portfolio.exposures(&buyer.id).iter().filter(|row| !is_settled(row)) {
            let Some(currency) = Currency::parse(&exposure.currency) else { continue };
            let covers =
                portfolio.covers(&buyer.id).iter().filter(|cover| cover.currency == exposure.currency);
            let covered = sums(covers.map(|cover| (cover.currency.clone(), cover.covered_minor)));
            lines.entry(currency).or_default().push(Line { name: &buyer.name, exposure, covered });
        }
    }
    for rows in lines.values_mut() {
        rows.sort_by_key(|line| std::cmp::Reverse(line.exposure.outstanding_minor));
    }
    lines
}

fn is_settled(row: &ExposureRow) -> bool {
    row.invoice_count == 0 && row.credits_minor == 0 && row.unallocated_minor == 0
}

/// The ages of what is owed, with a total; `limit` rows at most, 0 for all.
pub fn table(currency: Currency, lines: &[Line<'_>], limit: usize) -> Table {
    let mut table = Table::new(&[
        Column::Text("buyer"),
        Column::Figure("owes"),
        Column::Figure("not due"),
        Column::Figure("1–30 late"),
        Column::Figure("31–60"),
        Column::Figure("61–90"),
        Column::Figure("over 90"),
        Column::Figure("credits"),
        Column::Figure("covered"),
    ]);
    let figures = |name: &str, row: &[i64; 7], covered: &str| {
        let mut cells = vec![name.to_owned()];
        cells.extend(
            row.iter().map(|minor| if *minor == 0 { "–".to_owned() } else { amount(*minor, currency) }),
        );
        cells.push(covered.to_owned());
        cells
    };
    let mut total = [0_i64; 7];
    for (index, line) in lines.iter().enumerate() {
        let row = parts(line.exposure);
        for (sum, part) in total.iter_mut().zip(row) {
            *sum = sum.saturating_add(part);
        }
        if limit == 0 || index < limit {
            let covered =
                line.covered.strip_suffix(currency.code()).map_or(line.covered.as_str(), str::trim_end);
            table.row(figures(line.name, &row, covered));
        }
    }
    if limit > 0 && lines.len() > limit {
        let rest = plural(lines.len() - limit, "more buyer", "more buyers");
        table.row([format!("… and {rest}")]);
    }
    table.row(figures(&format!("all, in {currency}"), &total, ""));
    table
}

/// What all of it comes to net of tax, where a policy counts so.
fn net(currency: Currency, lines: &[Line<'_>]) -> String {
    let known = lines.iter().filter_map(|line| Some((line.exposure.net_minor?, line.exposure.lacks_tax)));
    let Some((minor, lacks)) =
        known.reduce(|(sum, count), (minor, lacks)| (sum.saturating_add(minor), count.saturating_add(lacks)))
    else {
        return String::new();
    };
    format!("Net of tax, as a policy counts: {} {currency}{}.\n", amount(minor, currency), lacking(lacks))
}

/// What is said where invoices carry no tax figure: `, with 2 invoices counted whole for want of a tax figure`.
pub fn lacking(count: i64) -> String {
    match count {
        0 => String::new(),
        _ => {
            format!(", with {} counted whole for want of a tax figure", plural(count, "invoice", "invoices"))
        }
    }
}

fn parts(row: &ExposureRow) -> [i64; 7] {
    [
        row.outstanding_minor,
        row.not_due_minor,
        row.overdue_30_minor,
        row.overdue_60_minor,
        row.overdue_90_minor,
        row.overdue_more_minor,
        -(row.credits_minor.saturating_add(row.unallocated_minor)),
    ]
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read, or nobody that answers to the text.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let mut asked = args.time.asked(&mut books).await?;
    let portfolio = match &mut asked {
        None => Portfolio::read(&mut books, args.buyer.as_deref()).await?,
        Some(asked) => Portfolio::of_another_day(&mut books, args.buyer.as_deref(), asked).await?,
    };
    if let (Some(text), true) = (&args.buyer, portfolio.buyers.is_empty()) {
        anyhow::bail!("no buyer answers to \"{text}\"");
    }
    let lines = lines(&portfolio);
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            let mut text = match &asked {
                None => format!("What buyers owe on {}, aged from the original due date\n", head.day()),
                Some(asked) => format!(
                    "What buyers owed on {}, aged from the original due date\n\n{}",
                    asked.moment.as_of,
                    asked.told(UNKEPT, portfolio.later)
                ),
            };
            for (currency, rows) in &lines {
                text.push_str(&format!("\n{}{}", table(*currency, rows, args.limit), net(*currency, rows)));
            }
            if lines.is_empty() {
                text.push_str("\nNothing is open.\n");
            }
            text
        },
        || {
            let mut rows = Vec::new();
            for buyer in &portfolio.buyers {
                for row in portfolio.exposures(&buyer.id) {
                    let mut value = exposure_json(row);
                    if let Some(object) = value.as_object_mut() {
                        object.insert(
                            "buyer".to_owned(),
                            json!({ "id": buyer.id, "name": buyer.name, "country": buyer.country }),
                        );
                    }
                    rows.push(value);
                }
            }
            let mut value = json!({ "date": head.settled_on, "exposure": rows });
            if let Some(asked) = &asked {
                asked.put_into(&mut value, UNKEPT);
            }
            value
        },
    )?;
    Ok(Exit::Fine)
}
