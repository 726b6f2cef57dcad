//! Tables for people: amounts to the right with their thousands apart, text wrapped into the width of the terminal.

use std::fmt;
use std::io::IsTerminal as _;

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, TableStyle, Width,
};
use encours::model::{Currency, Money};

/// Rows without lines between them, under one rule.
const STYLE: TableStyle =
    TableStyle::new().header_lines(ContentLineStyle::none()).header_separator(LineStyle::none().fill('─'));

/// What a column of text keeps of its width on a narrow terminal.
const TEXT_WIDTH_MIN: u16 = 20;

/// The blanks around the content of a column.
const PADDING: u16 = 2;

/// What a column holds, and so how it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Words, which may wrap.
    Text(&'static str),
    /// A code, a date or an id, kept on one line.
    Word(&'static str),
    /// A figure, to the right, kept on one line.
    Figure(&'static str),
}

/// A table that is being filled.
pub struct Table {
    table: comfy_table::Table,
    columns: Vec<Column>,
}

impl Table {
    /// Starts a table with its columns.
    pub fn new(columns: &[Column]) -> Self {
        let width = if std::io::stdout().is_terminal() { Some(terminal_width()) } else { None };
        Self::with_width(columns, width)
    }

    /// The same for a given width; without one nothing wraps, which is what a file or a pipe wants.
    fn with_width(columns: &[Column], width: Option<u16>) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(STYLE);
        match width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table.set_header(columns.iter().map(|column| {
            let (Column::Text(name) | Column::Word(name) | Column::Figure(name)) = *column;
            Cell::new(name).set_alignment(alignment(*column))
        }));
        Self { table, columns: columns.to_vec() }
    }

    /// Leaves room for blanks that are put before every line afterwards.
    pub fn indented(mut self, by: u16) -> Self {
        if let Some(width) = self.table.width() {
            self.table.set_width(width.saturating_sub(by));
        }
        self
    }

    /// Adds a row, one cell a column.
    pub fn row<I: IntoIterator<Item = T>, T: Into<String>>(&mut self, cells: I) {
        let cells = self.columns.iter().zip(cells);
        self.table.add_row(
            cells.map(|(column, cell)| Cell::new_owned(cell.into()).set_alignment(alignment(*column))),
        );
    }
}

impl Table {
    /// The width of each column: words and figures as they are, texts as much as is left for them.
    fn widths(&self) -> Vec<u16> {
        let headers = self.columns.iter().map(|column| {
            let (Column::Text(name) | Column::Word(name) | Column::Figure(name)) = *column;
            u16::try_from(name.chars().count()).unwrap_or(u16::MAX)
        });
        let content = self.table.column_max_content_widths();
        let mut widths: Vec<u16> =
            content.into_iter().zip(headers).map(|(content, header)| content.max(header)).collect();
        let Some(width) = self.table.width() else { return widths };
        let total: u16 =
            widths.iter().fold(0, |sum, width| sum.saturating_add(width.saturating_add(PADDING)));
        for _ in width..total {
            // Where even the least does not fit, a line that is too long reads better than a column of letters.
            let texts =
                widths.iter_mut().zip(&self.columns).filter(|(_, column)| matches!(column, Column::Text(_)));
            let widest = texts.map(|(width, _)| width).filter(|width| **width > TEXT_WIDTH_MIN).max();
            let Some(widest) = widest else { break };
            *widest -= 1;
        }
        widths
    }
}

impl fmt::Display for Table {
    /// Prints the lines without blanks at their ends, each ended.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = self.table.clone();
        for (column, width) in table.column_iter_mut().zip(self.widths()) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width.saturating_add(PADDING))));
        }
        for line in table.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

const fn alignment(column: Column) -> CellAlignment {
    match column {
        Column::Text(_) | Column::Word(_) => CellAlignment::Left,
        Column::Figure(_) => CellAlignment::Right,
    }
}

/// How many characters a line of the terminal has. Asks clap, which measures it for its help and honours `COLUMNS`.
pub fn terminal_width() -> u16 {
    let ruler = clap::Command::new("ruler")
        .max_term_width(400)
        .help_template("{about}")
        .about("- ".repeat(400))
        .render_help()
        .to_string();
    let width = ruler.lines().map(|line| line.chars().count() + 1).max();
    width.and_then(|width| u16::try_from(width).ok()).unwrap_or(100).max(40)
}

/// `1 234 567.00`: an amount whose currency stands elsewhere.
pub fn amount(minor: i64, currency: Currency) -> String {
    let text = Money::new(minor, currency).to_string();
    text.strip_suffix(currency.code()).map_or_else(|| text.clone(), |head| head.trim_end().to_owned())
}

/// `1 234`: a count.
pub fn count(number: impl TryInto<i64>) -> String {
    let Ok(number) = number.try_into() else { return "more than can be counted".to_owned() };
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    if number < 0 { format!("-{grouped}") } else { grouped }
}

/// `1 invoice`, `2 invoices`.
pub fn plural(number: impl TryInto<i64> + Copy, one: &str, many: &str) -> String {
    let word = if number.try_into().is_ok_and(|n: i64| n == 1) { one } else { many };
    format!("{} {word}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stand_to_the_right_and_text_wraps_into_the_width() {
        let columns = [Column::Word("id"), Column::Text("what"), Column::Figure("owes")];
        let mut table = Table::with_width(&columns, Some(40));
        table.row(["a-b c", "some words that do not fit on one line", "1 234.00"]);
        table.row(["d", "few", "5.00"]);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(
            text.contains("a-b c") && text.contains("1 234.00"),
            "a figure or a word is kept whole:\n{text}"
        );
        let narrow = {
            let mut table = Table::with_width(&columns, Some(10));
            table.row(["a", "words", "1 234.00"]);
            table.to_string()
        };
        assert!(narrow.contains("words"), "no column is squeezed into single letters:\n{narrow}");
        let ends: Vec<_> = text.lines().filter(|l| l.contains(".00")).map(|l| l.chars().count()).collect();
        assert_eq!(ends.first(), ends.last(), "both amounts end in one column:\n{text}");
    }

    #[test]
    fn a_pipe_gets_one_line_a_row() {
        let mut table = Table::with_width(&[Column::Text("what")], None);
        table.row(["word ".repeat(100)]);
        assert_eq!(table.to_string().lines().count(), 3);
    }

    #[test]
    fn people_count_in_thousands() {
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(count(-12), "-12");
        assert_eq!(plural(1, "invoice", "invoices"), "1 invoice");
        assert_eq!(plural(1_000, "invoice", "invoices"), "1 000 invoices");
        assert_eq!(amount(123_456_700, Currency::EUR), "1 234 567.00");
        assert_eq!(amount(-5, Currency::parse("JPY").unwrap()), "-5");
    }
}
