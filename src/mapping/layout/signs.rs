//! The signs of a file: character sets, accents, and what stands for a sign that a set does not have.
//!
//! Invariant: what is written can be read back sign by sign; a sign without a place in the set is an error unless the
//! declaration says what stands for it.

use crate::model::words;

words! {
    /// How signs become bytes.
    Charset {
        /// 7 bits.
        Ascii = "ascii",
        /// DOS, western Europe.
        Cp850 = "cp850",
        /// ISO 8859-1.
        Latin1 = "iso-8859-1",
        /// ISO 8859-15, which has the euro.
        Latin9 = "iso-8859-15",
        /// UTF-8, without a byte order mark.
        Utf8 = "utf-8",
    }
}

words! {
    /// What stands for a sign that the character set does not have.
    Missing {
        /// Nothing: it is an error.
        Error = "error",
        /// Its plain form, e for é; a sign without one is an error.
        Plain = "plain",
        /// A space.
        Space = "space",
    }
}

/// The signs 128 to 255 of code page 850.
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// Where ISO 8859-15 differs from ISO 8859-1.
const LATIN9: &[(u8, char)] =
    &[(0xa4, '€'), (0xa6, 'Š'), (0xa8, 'š'), (0xb4, 'Ž'), (0xb8, 'ž'), (0xbc, 'Œ'), (0xbd, 'œ'), (0xbe, 'Ÿ')];

/// Marks, each with the letters that bear it: without it, then with it.
const MARKED: &[(char, &str)] = &[
    ('\u{300}', "AÀEÈIÌOÒUÙNǸaàeèiìoòuùnǹ"),
    ('\u{301}', "AÁEÉIÍOÓUÚYÝCĆNŃSŚZŹLĹRŔaáeéiíoóuúyýcćnńsśzźlĺrŕ"),
    ('\u{302}', "AÂEÊIÎOÔUÛCĈGĜHĤJĴSŜWŴYŶaâeêiîoôuûcĉgĝhĥjĵsŝwŵyŷ"),
    ('\u{303}', "AÃNÑOÕIĨUŨaãnñoõiĩuũ"),
    ('\u{304}', "AĀEĒIĪOŌUŪaāeēiīoōuū"),
    ('\u{306}', "AĂGĞUŬaăgğuŭ"),
    ('\u{307}', "CĊEĖGĠIİZŻcċeėgġzż"),
    ('\u{308}', "AÄEËIÏOÖUÜYŸaäeëiïoöuüyÿ"),
    ('\u{30a}', "AÅUŮaåuů"),
    ('\u{30b}', "OŐUŰoőuű"),
    ('\u{30c}', "CČDĎEĚNŇRŘSŠTŤZŽLĽcčdďeěnňrřsštťzžlľ"),
    ('\u{327}', "CÇSŞTŢGĢKĶLĻNŅRŖcçsştţkķlļnņrŗ"),
    ('\u{326}', "SȘTȚsștț"),
    ('\u{328}', "AĄEĘIĮUŲaąeęiįuų"),
];

/// Signs whose plain form is no single letter without its mark.
const PLAIN: &[(char, &str)] = &[
    ('Œ', "OE"),
    ('œ', "oe"),
    ('Æ', "AE"),
    ('æ', "ae"),
    ('ß', "ss"),
    ('ẞ', "SS"),
    ('Ø', "O"),
    ('ø', "o"),
    ('Ł', "L"),
    ('ł', "l"),
    ('Đ', "D"),
    ('đ', "d"),
    ('Ð', "D"),
    ('ð', "d"),
    ('Þ', "TH"),
    ('þ', "th"),
    ('ı', "i"),
    ('‘', "'"),
    ('’', "'"),
    ('ʼ', "'"),
    ('“', "\""),
    ('”', "\""),
    ('„', "\""),
    ('«', "\""),
    ('»', "\""),
    ('‐', "-"),
    ('‑', "-"),
    ('–', "-"),
    ('—', "-"),
    ('…', "..."),
    ('°', "o"),
    ('º', "o"),
    ('ª', "a"),
    ('€', "EUR"),
    ('№', "No"),
];

impl Charset {
    /// Whether each sign is one byte, which fixed widths need.
    pub(super) const fn is_single_byte(self) -> bool {
        !matches!(self, Self::Utf8)
    }

    /// Whether the set has the sign.
    pub(super) fn has(self, sign: char) -> bool {
        self == Self::Utf8 || self.byte(sign).is_some()
    }

    fn byte(self, sign: char) -> Option<u8> {
        let code = u32::from(sign);
        if code < 0x80 {
            return u8::try_from(code).ok();
        }
        match self {
            Self::Ascii | Self::Utf8 => None,
            Self::Cp850 => {
                let at = CP850.chars().position(|known| known == sign)?;
                u8::try_from(at + 0x80).ok()
            }
            Self::Latin1 => u8::try_from(code).ok().filter(|byte| *byte >= 0xa0),
            Self::Latin9 => {
                let own = LATIN9.iter().find(|(_, known)| *known == sign).map(|(byte, _)| *byte);
                let replaced = |byte: &u8| LATIN9.iter().any(|(own, _)| own == byte);
                own.or_else(|| Self::Latin1.byte(sign).filter(|byte| !replaced(byte)))
            }
        }
    }

    /// Appends text whose signs the set has; a sign that it does not have is an error.
    pub(super) fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<(), char> {
        if self == Self::Utf8 || text.is_ascii() {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        for sign in text.chars() {
            out.push(self.byte(sign).ok_or(sign)?);
        }
        Ok(())
    }

    /// The text of bytes of the set.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<String, String> {
        if self == Self::Utf8 {
            return String::from_utf8(bytes.to_vec()).map_err(|error| format!("it is not UTF-8: {error}"));
        }
        let sign = |byte: &u8| {
            if byte.is_ascii() {
                return Ok(char::from(*byte));
            }
            let known = match self {
                Self::Ascii | Self::Utf8 => None,
                Self::Cp850 => CP850.chars().nth(usize::from(*byte) - 0x80),
                Self::Latin1 => Some(char::from(*byte)),
                Self::Latin9 => {
                    let own = LATIN9.iter().find(|(own, _)| own == byte).map(|(_, sign)| *sign);
                    Some(own.unwrap_or_else(|| char::from(*byte)))
                }
            };
            known.ok_or_else(|| format!("the byte {byte:#04x} is no sign of {self}"))
        };
        bytes.iter().map(sign).collect()
    }
}

/// How texts that come from outside are written.
#[derive(Debug, Clone)]
pub(super) struct Signs {
    pub(super) charset: Charset,
    pub(super) missing: Missing,
    pub(super) upper: bool,
    /// Signs that become a space.
    pub(super) blank: String,
}

impl Signs {
    /// The text in signs of the set: marks joined to their letters, control signs as spaces, then capitals, blanks and what
    /// stands for missing signs. Blanks around it are taken off.
    ///
    /// # Errors
    /// The sign that nothing stands for.
    pub(super) fn text(&self, text: &str) -> Result<String, char> {
        let mut out = String::with_capacity(text.len());
        for sign in composed(text) {
            if sign.is_control() {
                out.push(' ');
            } else if self.upper {
                sign.to_uppercase().try_for_each(|sign| self.push(sign, &mut out))?;
            } else {
                self.push(sign, &mut out)?;
            }
        }
        Ok(out.trim().to_owned())
    }

    fn push(&self, sign: char, out: &mut String) -> Result<(), char> {
        if self.blank.contains(sign) {
            out.push(' ');
        } else if self.charset.has(sign) {
            out.push(sign);
        } else if sign.is_whitespace() {
            out.push(' '); // narrow and no-break spaces
        } else {
            match self.missing {
                Missing::Error => return Err(sign),
                Missing::Space => out.push(' '),
                Missing::Plain => {
                    let plain = plain(sign).ok_or(sign)?;
                    let blank = |sign: char| if self.blank.contains(sign) { ' ' } else { sign };
                    let signs = plain.chars().map(blank);
                    if self.upper {
                        out.extend(signs.flat_map(char::to_uppercase));
                    } else {
                        out.extend(signs);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Text for paper in a font of western Europe, sign by sign: marks joined to their letters, other letters in their plain form, and a
/// question mark for a sign that has none.
#[must_use]
pub fn printable(text: &str) -> String {
    let signs =
        Signs { charset: Charset::Latin9, missing: Missing::Plain, upper: false, blank: String::new() };
    let mut out = String::with_capacity(text.len());
    for sign in composed(text) {
        if signs.push(sign, &mut out).is_err() {
            out.push('?');
        }
    }
    out
}

/// The sign without its mark, in ASCII.
fn plain(sign: char) -> Option<String> {
    let special = PLAIN.iter().find(|(known, _)| *known == sign).map(|(_, plain)| (*plain).to_owned());
    special.or_else(|| {
        MARKED.iter().find_map(|(_, pairs)| {
            let signs: Vec<char> = pairs.chars().collect();
            let found = signs.chunks_exact(2).find(|pair| pair.last() == Some(&sign))?;
            found.first().map(char::to_string)
        })
    })
}

/// A letter followed by a mark as one sign, where there is one; a mark that joins nothing is dropped.
fn composed(text: &str) -> Vec<char> {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    for sign in text.chars() {
        if !('\u{300}'..='\u{36f}').contains(&sign) {
            out.push(sign);
            continue;
        }
        let joined = MARKED.iter().find(|(mark, _)| *mark == sign).and_then(|(_, pairs)| {
            let signs: Vec<char> = pairs.chars().collect();
            signs
                .chunks_exact(2)
                .find(|pair| pair.first() == out.last())
                .and_then(|pair| pair.last().copied())
        });
        if let (Some(joined), Some(last)) = (joined, out.last_mut()) {
            *last = joined;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(charset: Charset, missing: Missing, upper: bool) -> Signs {
        Signs { charset, missing, upper, blank: String::new() }
    }

    #[test]
    fn each_set_reads_what_it_writes() {
        for charset in Charset::ALL {
            let known: String =
                (' '..='\u{2fff}').filter(|sign| charset.has(*sign) && !sign.is_control()).collect();
            let mut bytes = Vec::new();
            charset.encode(&known, &mut bytes).unwrap();
            assert_eq!(charset.decode(&bytes).unwrap(), known, "{charset}");
        }
    }

    #[test]
    fn the_bytes_of_accents_are_those_of_the_set() {
        for (charset, bytes) in [
            (Charset::Cp850, [0x82, 0x8a, 0x85, 0x87, 0x81, 0xe1].as_slice()),
            (Charset::Latin1, &[0xe9, 0xe8, 0xe0, 0xe7, 0xfc, 0xdf]),
            (Charset::Latin9, &[0xe9, 0xe8, 0xe0, 0xe7, 0xfc, 0xdf]),
        ] {
            let mut out = Vec::new();
            charset.encode("éèàçüß", &mut out).unwrap();
            assert_eq!(out, bytes, "{charset}");
        }
        assert_eq!(Charset::Latin9.byte('€'), Some(0xa4));
        assert_eq!((Charset::Latin1.byte('€'), Charset::Cp850.byte('€')), (None, None));
        assert_eq!((Charset::Latin9.byte('¤'), Charset::Latin1.byte('¤')), (None, Some(0xa4)));
    }

    #[test]
    fn a_missing_sign_is_an_error_a_space_or_its_plain_form() {
        let text = "Société Œuvre & Fils – Łódź";
        assert_eq!(signs(Charset::Ascii, Missing::Error, false).text(text), Err('é'));
        assert_eq!(
            signs(Charset::Ascii, Missing::Space, false).text(text).unwrap(),
            "Soci t   uvre & Fils     d"
        );
        let plain = signs(Charset::Ascii, Missing::Plain, true).text(text).unwrap();
        assert_eq!(plain, "SOCIETE OEUVRE & FILS - LODZ");
        assert_eq!(signs(Charset::Ascii, Missing::Plain, true).text("Straße €").unwrap(), "STRASSE EUR");
        assert_eq!(signs(Charset::Ascii, Missing::Plain, true).text("Ωmega"), Err('Ω'));
        assert_eq!(signs(Charset::Cp850, Missing::Plain, false).text("L’Été").unwrap(), "L'Été");
    }

    #[test]
    fn paper_has_western_signs_plain_letters_and_question_marks() {
        assert_eq!(printable("  L’Œuvre €  Łódź Ωmega e\u{301}"), "  L'Œuvre €  Lódz ?mega é");
    }

    #[test]
    fn marks_are_joined_and_control_signs_are_spaces() {
        let latin = signs(Charset::Latin1, Missing::Error, false);
        assert_eq!(latin.text("Socie\u{301}te\u{301}\r\nà\tB ").unwrap(), "Société  à B");
        let blank = Signs { blank: "/&".to_owned(), ..latin };
        assert_eq!(blank.text("/F/1&2/").unwrap(), "F 1 2");
    }
}
