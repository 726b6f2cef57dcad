//! Pages of plain text as PDF: A4, in a font of one width that every reader brings along, so that nothing has to be embedded.
//!
//! The same text gives the same bytes: there is no date and no random number in the file. Signs outside Windows-1252 become
//! question marks; who calls writes them plainly before.

use encoding_rs::WINDOWS_1252;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

/// Signs of a line.
pub const COLUMNS: usize = 94;
/// Lines of a page, without the two that tell its number.
pub const LINES: usize = 60;

const FONT: Name<'static> = Name(b"F");

/// Writes lines as pages. The lines of `heading` stand on each of them.
///
/// # Errors
/// A sentence: a line is too long, or the heading leaves no room.
pub fn write(title: &str, heading: &[String], lines: &[String]) -> Result<Vec<u8>, String> {
    if let Some(long) = heading.iter().chain(lines).find(|line| line.chars().count() > COLUMNS) {
        return Err(format!("a line of a page holds {COLUMNS} signs, and this has more: {long}"));
    }
    let room = LINES.checked_sub(heading.len()).filter(|room| *room > 0);
    let room = room.ok_or_else(|| format!("a heading of {} lines leaves no room", heading.len()))?;
    let pages: Vec<&[String]> = if lines.is_empty() { vec![&[]] } else { lines.chunks(room).collect() };
    let mut ids = (1..).map(Ref::new);
    let mut id = || ids.next().unwrap_or(Ref::new(1));
    let (catalog, tree, font, info) = (id(), id(), id(), id());
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(info).title(TextStr(title));
    pdf.type1_font(font).base_font(Name(b"Courier")).encoding_predefined(Name(b"WinAnsiEncoding"));
    let mut kids = Vec::new();
    for (number, page) in (1..).zip(&pages) {
        let (own, content) = (id(), id());
        kids.push(own);
        let mut writer = pdf.page(own);
        writer.media_box(Rect::new(0.0, 0.0, 595.0, 842.0)).parent(tree).contents(content);
        writer.resources().fonts().pair(FONT, font);
        writer.finish();
        let mut text = Content::new();
        // Points: the size of the signs, from line to line, and where the first line begins, from the left and from below.
        text.begin_text().set_font(FONT, 9.0).set_leading(12.0).next_line(42.0, 794.0);
        text.show(Str(&bytes(&format!("{number}/{}", pages.len())))).next_line_using_leading();
        for line in heading.iter().chain(*page) {
            text.next_line_using_leading().show(Str(&bytes(line)));
        }
        text.end_text();
        pdf.stream(content, &text.finish());
    }
    let count = i32::try_from(kids.len()).map_err(|_| "too many pages".to_owned())?;
    pdf.pages(tree).kids(kids).count(count);
    Ok(pdf.finish())
}

fn bytes(text: &str) -> Vec<u8> {
    let byte = |sign: char| {
        let mut buffer = [0; 4];
        let sign: &str = sign.encode_utf8(&mut buffer);
        let (bytes, _, is_foreign) = WINDOWS_1252.encode(sign);
        if is_foreign || sign.chars().any(char::is_control) {
            b'?'
        } else {
            bytes.first().copied().unwrap_or(b'?')
        }
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("line {number}")).collect()
    }

    #[test]
    fn lines_fill_pages_each_with_the_heading_and_its_number() {
        let heading = ["Quittance".to_owned(), String::new()];
        let pdf = write("Quittance", &heading, &lines(2 * 58 + 1)).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.starts_with("%PDF-") && text.trim_end().ends_with("%%EOF"));
        assert!(text.contains("/Count 3"), "{text}");
        for told in ["(1/3)", "(2/3)", "(3/3)", "(line 58)", "(line 117)"] {
            assert_eq!(text.matches(told).count(), 1, "{told}");
        }
        assert_eq!(text.matches("(Quittance)").count(), 4, "on each page, and as the title");
        assert_eq!(write("Quittance", &heading, &lines(2 * 58 + 1)).unwrap(), pdf, "the same bytes");
    }

    #[test]
    fn accents_are_one_byte_and_foreign_signs_are_question_marks() {
        let pdf = write("t", &[], &["é(€)\\ Ω\t".to_owned()]).unwrap();
        // Such texts stand in hexadecimal: é is E9 and € is 80 in Windows-1252.
        let text = String::from_utf8_lossy(&pdf).to_uppercase();
        assert!(text.contains("<E92880295C203F3F>"), "{text}");
    }

    #[test]
    fn what_does_not_fit_a_line_or_a_page_is_refused() {
        assert!(write("t", &[], &["x".repeat(COLUMNS)]).is_ok());
        assert!(write("t", &[], &["x".repeat(COLUMNS + 1)]).unwrap_err().contains("holds 94 signs"));
        assert!(write("t", &lines(LINES), &[]).unwrap_err().contains("leaves no room"));
    }
}
