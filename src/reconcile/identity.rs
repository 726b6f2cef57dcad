//! How alike two parties are, by name and address, for a person who has to say whether they are one.
//!
//! The score proposes and never decides: nothing is linked by it. Names are compared by the sets of three letters in their
//! words, so that neither the order of words nor one wrong letter weighs much, after case, accents, punctuation, usual
//! abbreviations and legal forms were taken out. Everything is counted in whole numbers, so that the same two parties have
//! the same score on every machine.
//! Invariants: a score does not depend on which of the two comes first; two countries that are known and differ give 0.
//! Reference: shared rules, "Who is who".

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Break, BreakKind, Money};

/// What is compared of a party. An empty text is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Party<'a> {
    /// Its name.
    pub name: &'a str,
    /// ISO 3166 alpha-2.
    pub country: &'a str,
    /// Street and number.
    pub street: &'a str,
    /// Postcode.
    pub postcode: &'a str,
    /// Town.
    pub town: &'a str,
}

/// How alike two parties are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Score {
    /// 0 to 100.
    pub points: u8,
    /// What speaks for and against it, in words.
    pub reasons: Vec<String>,
}

/// A proposal: which entry of a [`Directory`], and how alike it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The place of the party in what the directory was made of.
    pub place: usize,
    /// How alike it is.
    pub score: Score,
}

/// Fewer points than this are not worth a look.
pub const POINTS_MIN: u8 = 55;

// What each part weighs, where both sides state it. The name is most of a party's identity; several firms share a street.
const NAME: usize = 70;
const POSTCODE: usize = 12;
const TOWN: usize = 10;
const STREET: usize = 8;
/// A name that is less alike than this is another name, whatever the address.
const NAME_POINTS_MIN: usize = 40;
/// What two legal forms that differ take off.
const FORM: usize = 5;
/// What a country that one side does not state takes off.
const NO_COUNTRY: usize = 3;

/// Legal forms as they end a name.
const FORMS: &[&str] = &[
    "ab", "ag", "aps", "as", "asbl", "bv", "bvba", "co", "corp", "doo", "eirl", "ei", "eurl", "gbr", "gie",
    "gmbh", "inc", "kft", "kg", "lda", "llc", "llp", "ltd", "nv", "ohg", "oy", "oyj", "plc", "pty", "sa",
    "sae", "sarl", "sas", "sasu", "sca", "sci", "scop", "scs", "se", "sl", "slu", "snc", "spa", "spzoo",
    "srl", "srls", "sro", "ug", "zrt",
];

/// Legal forms that may also begin a name.
const FORMS_FIRST: &[&str] =
    &["eurl", "gie", "sa", "sarl", "sas", "sasu", "sci", "scop", "snc", "spa", "srl"];

/// Legal forms in full, and what they are for short.
const FORMS_IN_FULL: &[(&[&str], &str)] = &[
    (&["societe", "a", "responsabilite", "limitee"], "sarl"),
    (&["societe", "par", "actions", "simplifiee"], "sas"),
    (&["societe", "anonyme"], "sa"),
    (&["gesellschaft", "mit", "beschrankter", "haftung"], "gmbh"),
    (&["sociedad", "anonima"], "sa"),
    (&["sociedad", "limitada"], "sl"),
    (&["public", "limited", "company"], "plc"),
    (&["sp", "z", "o", "o"], "spzoo"),
    (&["limited"], "ltd"),
    (&["incorporated"], "inc"),
    (&["corporation"], "corp"),
    (&["company"], "co"),
    (&["aktiengesellschaft"], "ag"),
    (&["societa", "per", "azioni"], "spa"),
];

/// Words for short, and in full.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("av", "avenue"),
    ("ave", "avenue"),
    ("bd", "boulevard"),
    ("blvd", "boulevard"),
    ("bld", "boulevard"),
    ("bros", "brothers"),
    ("cie", "compagnie"),
    ("distrib", "distribution"),
    ("ent", "entreprise"),
    ("ets", "etablissements"),
    ("etab", "etablissements"),
    ("etabl", "etablissements"),
    ("etablissement", "etablissements"),
    ("gebr", "gebruder"),
    ("gen", "generale"),
    ("imp", "imprimerie"),
    ("ind", "industrie"),
    ("inds", "industries"),
    ("int", "international"),
    ("intl", "international"),
    ("internat", "international"),
    ("mfg", "manufacturing"),
    ("nat", "national"),
    ("pl", "place"),
    ("rte", "route"),
    ("ste", "societe"),
    ("soc", "societe"),
    ("st", "saint"),
    ("str", "strasse"),
    ("svcs", "services"),
    ("tech", "technologie"),
    ("trans", "transports"),
    ("transp", "transports"),
    ("transport", "transports"),
];

/// Words that say nothing.
const EMPTY: &[&str] = &[
    "a", "and", "cedex", "d", "de", "del", "der", "des", "di", "du", "e", "en", "et", "l", "la", "le", "les",
    "of", "the", "und", "y",
];

type Gram = [char; 3];

/// A party made ready for comparison.
#[derive(Debug, Clone, Default)]
struct Ready {
    words: Vec<String>,
    forms: BTreeSet<String>,
    grams: BTreeSet<Gram>,
    country: String,
    street: BTreeSet<Gram>,
    postcode: String,
    town: BTreeSet<Gram>,
    town_words: String,
}

impl Ready {
    fn new(party: &Party<'_>) -> Self {
        let (words, forms) = without_forms(words(party.name));
        let mut words = without_empty(words);
        words.sort_unstable();
        let town = without_empty(words_in_full(party.town));
        let street = without_empty(words_in_full(party.street));
        let postcode = party.postcode.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase);
        Self {
            grams: grams(&words),
            words,
            forms,
            country: party.country.trim().to_uppercase(),
            street: grams(&street),
            postcode: postcode.collect(),
            town: grams(&town),
            town_words: town.join(" "),
        }
    }
}

/// How alike two parties are, with what speaks for it and against it.
#[must_use]
pub fn score(a: &Party<'_>, b: &Party<'_>) -> Score {
    compare(&Ready::new(a), &Ready::new(b))
}

fn compare(a: &Ready, b: &Ready) -> Score {
    let score =
        |points: usize, reasons| Score { points: u8::try_from(points.min(100)).unwrap_or(100), reasons };
    if !a.country.is_empty() && !b.country.is_empty() && a.country != b.country {
        let (one, other) = in_order(&a.country, &b.country);
        return score(0, vec![format!("two countries: {one} and {other}")]);
    }
    if a.words.is_empty() || b.words.is_empty() {
        return score(0, vec!["one has no name".to_owned()]);
    }
    let mut reasons = Vec::new();
    let name = if a.words == b.words { 100 } else { dice(&a.grams, &b.grams).min(99) };
    reasons.push(match name {
        100 => "the same name".to_owned(),
        points => format!("names alike by {points} of 100"),
    });
    if name < NAME_POINTS_MIN {
        return score(name, reasons);
    }
    let (mut sum, mut weight) = (name * NAME, NAME);
    let mut part = |points: usize, of: usize, same: &str, other: &str| {
        sum += points * of;
        weight += of;
        match points {
            100 => reasons.push(same.to_owned()),
            0..50 => reasons.push(other.to_owned()),
            alike => reasons.push(format!("{same} by {alike} of 100")),
        }
    };
    if !a.postcode.is_empty() && !b.postcode.is_empty() {
        // The first two signs are the region in most countries.
        let region = |text: &str| text.chars().take(2).collect::<String>();
        let points = match a.postcode == b.postcode {
            true => 100,
            false if region(&a.postcode) == region(&b.postcode) => 50,
            false => 0,
        };
        let (one, other) = in_order(&a.postcode, &b.postcode);
        part(points, POSTCODE, "the same postcode", &format!("other postcodes: {one} and {other}"));
    }
    if !a.town.is_empty() && !b.town.is_empty() {
        let (one, other) = in_order(&a.town_words, &b.town_words);
        part(dice(&a.town, &b.town), TOWN, "the same town", &format!("other towns: {one} and {other}"));
    }
    if !a.street.is_empty() && !b.street.is_empty() {
        part(dice(&a.street, &b.street), STREET, "the same street", "other streets");
    }
    let mut points = sum / weight;
    if a.country.is_empty() || b.country.is_empty() {
        points = points.saturating_sub(NO_COUNTRY);
        reasons.push("a country is not known".to_owned());
    }
    if !a.forms.is_empty() && !b.forms.is_empty() && a.forms.is_disjoint(&b.forms) {
        points = points.saturating_sub(FORM);
        let text =
            |forms: &BTreeSet<String>| forms.iter().cloned().collect::<Vec<_>>().join(" ").to_uppercase();
        let (one, other) = (text(&a.forms), text(&b.forms));
        let (one, other) = in_order(&one, &other);
        reasons.push(format!("other legal forms: {one} and {other}"));
    }
    score(points, reasons)
}

fn in_order<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    if a <= b { (a, b) } else { (b, a) }
}

/// Twice what two sets share, of 100 of what they hold together (Dice's coefficient).
fn dice(a: &BTreeSet<Gram>, b: &BTreeSet<Gram>) -> usize {
    ratio(a.intersection(b).count(), a.len(), b.len())
}

fn ratio(shared: usize, a: usize, b: usize) -> usize {
    (200 * shared).checked_div(a + b).unwrap_or(0)
}

/// The runs of three letters in each word, its beginning and end among them. Their order among the words is forgotten.
fn grams(words: &[String]) -> BTreeSet<Gram> {
    let mut grams = BTreeSet::new();
    for word in words {
        let (mut before, mut last) = ('^', '^');
        for c in word.chars().chain(std::iter::once('$')) {
            grams.insert([before, last, c]);
            (before, last) = (last, c);
        }
    }
    grams
}

/// The words of a text: folded, `S.A.S.` as one word, everything else that is no letter or digit as a blank.
fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        let folded = fold(word);
        let is_initials = folded.contains('.') && folded.split('.').all(|part| part.chars().count() <= 1);
        if is_initials {
            found.push(folded.replace('.', ""));
        } else {
            found.extend(folded.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

fn words_in_full(text: &str) -> Vec<String> {
    words(text).into_iter().map(in_full).collect()
}

fn in_full(word: String) -> String {
    ABBREVIATIONS.iter().find(|(short, _)| *short == word).map_or(word, |(_, full)| (*full).to_owned())
}

/// The words of a name without its legal forms, and these for short. A name that is nothing else keeps its words.
fn without_forms(mut words: Vec<String>) -> (Vec<String>, BTreeSet<String>) {
    let mut forms = BTreeSet::new();
    for (full, short) in FORMS_IN_FULL {
        let at = words
            .windows(full.len())
            .position(|part| part.iter().zip(*full).all(|(have, want)| have == want));
        if let Some(at) = at.filter(|_| words.len() > full.len()) {
            words.drain(at..at + full.len());
            forms.insert((*short).to_owned());
        }
    }
    while words.len() > 1 && words.last().is_some_and(|word| FORMS.contains(&word.as_str())) {
        forms.extend(words.pop());
    }
    while words.len() > 1 && words.first().is_some_and(|word| FORMS_FIRST.contains(&word.as_str())) {
        forms.insert(words.remove(0));
    }
    (words.into_iter().map(in_full).collect(), forms)
}

fn without_empty(words: Vec<String>) -> Vec<String> {
    let kept: Vec<String> = words.iter().filter(|word| !EMPTY.contains(&word.as_str())).cloned().collect();
    if kept.is_empty() { words } else { kept }
}

/// Lower case without accents; a letter that is written as two elsewhere becomes these.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => out.push('a'),
            'ç' | 'ć' | 'č' => out.push('c'),
            'ď' | 'đ' => out.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => out.push('e'),
            'ğ' => out.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' | 'ī' => out.push('i'),
            'ł' | 'ľ' => out.push('l'),
            'ñ' | 'ń' | 'ň' => out.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' => out.push('o'),
            'ř' => out.push('r'),
            'ś' | 'š' | 'ş' | 'ș' => out.push('s'),
            'ť' | 'ț' | 'ţ' => out.push('t'),
            'ù' | 'ú' | 'û' | 'ü' | 'ů' | 'ű' | 'ū' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ß' => out.push_str("ss"),
            '\u{300}'..='\u{36f}' => {}
            other => out.push(other),
        }
    }
    out
}

/// Parties to look among: finds those that are like another one without comparing with each.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    parties: Vec<Ready>,
    by_gram: HashMap<Gram, Vec<usize>>,
}

impl Directory {
    /// Makes parties ready to be looked among.
    #[must_use]
    pub fn new<'a>(parties: impl IntoIterator<Item = Party<'a>>) -> Self {
        let mut directory = Self::default();
        for (place, party) in parties.into_iter().enumerate() {
            let ready = Ready::new(&party);
            for gram in &ready.grams {
                directory.by_gram.entry(*gram).or_default().push(place);
            }
            directory.parties.push(ready);
        }
        directory
    }

    /// The parties that are like one, best first, those of equal points in the order of the directory; `keep` leaves out
    /// what is no candidate.
    #[must_use]
    pub fn like(&self, party: &Party<'_>, most: usize, keep: impl Fn(usize) -> bool) -> Vec<Candidate> {
        let wanted = Ready::new(party);
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for places in wanted.grams.iter().filter_map(|gram| self.by_gram.get(gram)) {
            for place in places {
                *shared.entry(*place).or_default() += 1;
            }
        }
        let mut found: Vec<Candidate> = shared
            .into_iter()
            .filter_map(|(place, shared)| {
                let other = self.parties.get(place)?;
                let is_near = ratio(shared, wanted.grams.len(), other.grams.len()) >= NAME_POINTS_MIN;
                (is_near && keep(place)).then(|| Candidate { place, score: compare(&wanted, other) })
            })
            .filter(|candidate| candidate.score.points >= POINTS_MIN)
            .collect();
        found.sort_by_key(|candidate| (Reverse(candidate.score.points), candidate.place));
        found.truncate(most);
        found
    }
}

/// One insurer's ids of one legal buyer under one policy, with what each covers today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsurerIds<'a> {
    /// The insurer's connection.
    pub connection: &'a str,
    /// The policy number.
    pub policy: &'a str,
    /// The ids and their amounts.
    pub ids: Vec<(&'a str, Money)>,
}

/// A policy number, and ids with their amounts.
type UnderPolicy<'a> = (&'a str, Vec<(&'a str, Money)>);

/// The break of a buyer that one insurer covers under two of its ids: only the higher cover counts, so somebody must say
/// which id is right. An id without cover takes nothing away and is no break.
#[must_use]
pub fn two_insurer_ids(subject: &str, name: &str, country: &str, known: &[InsurerIds<'_>]) -> Vec<Break> {
    let mut by_insurer: BTreeMap<&str, Vec<UnderPolicy<'_>>> = BTreeMap::new();
    for InsurerIds { connection, policy, ids } in known {
        let mut ids: Vec<_> = ids.iter().filter(|(_, amount)| amount.minor > 0).copied().collect();
        ids.sort_by_key(|(id, amount)| (Reverse(amount.minor), *id));
        if ids.len() > 1 {
            by_insurer.entry(connection).or_default().push((policy, ids));
        }
    }
    let text = |policies: Vec<UnderPolicy<'_>>| {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (policy, ids) in policies {
            ours.extend(ids.first().map(|(id, amount)| format!("{amount} of {id} counts under {policy}")));
            let ids: Vec<String> = ids.iter().map(|(id, amount)| format!("{id} {amount}")).collect();
            theirs.push(ids.join(" and "));
        }
        (ours.join("; "), theirs.join("; "))
    };
    by_insurer
        .into_iter()
        .map(|(connection, policies)| {
            let (ours, theirs) = text(policies);
            Break {
                kind: BreakKind::TwoInsurerIds,
                subject: subject.to_owned(),
                name: name.to_owned(),
                country: country.to_owned(),
                connection: connection.to_owned(),
                ours,
                theirs,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Currency;
    use proptest::prelude::*;

    fn named(name: &str) -> Party<'_> {
        Party { name, country: "FR", ..Party::default() }
    }

    fn points(a: &str, b: &str) -> u8 {
        score(&named(a), &named(b)).points
    }

    #[test]
    fn writing_a_name_otherwise_changes_nothing() {
        for (a, b) in [
            ("Imprimerie Fictivel SARL", "IMPRIMERIE FICTIVEL S.A.R.L."),
            ("Établissements Fictivel & Fils", "Ets. FICTIVEL et fils"),
            ("Fictivel Transports SAS", "SAS TRANSPORTS FICTIVEL"),
            ("Größe Fiktiva GmbH", "GROSSE FIKTIVA Gesellschaft mit beschränkter Haftung"),
            ("Fictiva Trading Ltd.", "FICTIVA TRADING LIMITED"),
            ("L'Atelier Fictif", "ATELIER FICTIF SAS"),
            ("Socie\u{301}te\u{301} Fictivel", "Ste Fictivel"),
        ] {
            let found = score(&named(a), &named(b));
            assert_eq!(
                (found.points, found.reasons[0].as_str()),
                (100, "the same name"),
                "{a} / {b}: {found:?}"
            );
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_near_and_another_name_is_far() {
        assert!(points("Imprimerie Fictivel", "Imprimerie Fictivol") >= 75);
        assert!(points("Imprimerie Fictivel", "Imprimerie Brindezinc") < 75);
        assert!(points("Imprimerie Fictivel", "Menuiserie Brindezinc") < 40);
        assert_eq!(points("Fictivel", ""), 0);
        assert_eq!(points("SARL", "SARL"), 100, "a name of nothing but a form is still a name");
    }

    #[test]
    fn countries_decide_and_forms_and_what_is_unknown_weigh() {
        let french = named("Fictivel SAS");
        let belgian = Party { country: "BE", ..french };
        let found = score(&french, &belgian);
        assert_eq!((found.points, found.reasons), (0, vec!["two countries: BE and FR".to_owned()]));
        let unknown = Party { country: "", ..french };
        assert_eq!(score(&french, &unknown).points, 97);
        let sarl = named("Fictivel SARL");
        let found = score(&french, &sarl);
        assert_eq!(found.points, 95);
        assert!(found.reasons.contains(&"other legal forms: SARL and SAS".to_owned()), "{found:?}");
    }

    #[test]
    fn an_address_tells_namesakes_apart() {
        let at = |street, postcode, town| Party { street, postcode, town, ..named("Fictivel SAS") };
        let lyon = at("12 av. des Rêves", "69001", "Lyon");
        let same = at("12 AVENUE DES REVES", "69 001", "LYON CEDEX");
        let paris = at("3 rue du Songe", "75011", "Paris");
        assert_eq!(score(&lyon, &same).points, 100, "{:?}", score(&lyon, &same));
        let found = score(&lyon, &paris);
        assert!((65..80).contains(&found.points), "{found:?}");
        assert!(found.reasons.contains(&"other towns: lyon and paris".to_owned()), "{found:?}");
        let stranger = Party { name: "Brindezinc", ..lyon };
        assert!(score(&lyon, &stranger).points < 40, "one address does not make one firm");
    }

    #[test]
    fn a_directory_finds_what_comparing_with_each_would_find() {
        let names = ["Fictivel SAS", "Fictivol SARL", "Brindezinc", "Transports Fictivel", "FICTIVEL", ""];
        let directory = Directory::new(names.map(named));
        let found = directory.like(&named("Fictivel"), 9, |_| true);
        let places: Vec<usize> = found.iter().map(|candidate| candidate.place).collect();
        assert_eq!(places, [0, 4, 1, 3]);
        for candidate in &found {
            assert_eq!(candidate.score, score(&named("Fictivel"), &named(names[candidate.place])));
        }
        assert_eq!(directory.like(&named("Fictivel"), 1, |place| place != 0)[0].place, 4);
    }

    #[test]
    fn two_ids_are_a_break_where_both_cover() {
        let eur = |euros: i64| Money::new(euros * 100, Currency::EUR);
        let known = |ids| vec![InsurerIds { connection: "insurer", policy: "P1", ids }];
        assert_eq!(two_insurer_ids("b", "B", "FR", &known(vec![("1", eur(10)), ("2", eur(0))])), []);
        let found = two_insurer_ids("b", "B", "FR", &known(vec![("1", eur(10)), ("2", eur(20))]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].ours, "20.00 EUR of 2 counts under P1");
        assert_eq!(found[0].theirs, "2 20.00 EUR and 1 10.00 EUR");
    }

    proptest! {
        #[test]
        fn a_score_is_the_same_from_both_sides(
            a in ".{0,24}", b in ".{0,24}", town in "[a-z]{0,6}", other in "[a-z]{0,6}", same in any::<bool>(),
        ) {
            let one = Party { name: &a, town: &town, country: "FR", ..Party::default() };
            let two = Party { name: &b, town: &other, country: if same { "FR" } else { "" }, ..Party::default() };
            prop_assert_eq!(score(&one, &two), score(&two, &one));
        }

        #[test]
        fn a_party_is_like_itself(name in "[A-Za-z][A-Za-z ]{0,20}", town in "[A-Za-z]{0,8}") {
            let party = Party { name: &name, town: &town, country: "FR", ..Party::default() };
            prop_assert_eq!(score(&party, &party).points, 100);
        }
    }
}
