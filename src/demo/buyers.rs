//! Who buys: legal buyers with their part in the story, and the accounts the ERP keeps of them.
//!
//! The first buyers of each country are cast for a situation, the others follow their class. The order is shuffled
//! afterwards, so that a situation does not sit on the first account code.

use super::names::{self, COUNTRIES, Country};
use super::rng::Rng;
use crate::model::{Account, Currency, Identifier, Scheme};

/// How a buyer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// About the due date.
    Prompt,
    /// Ten to forty days after it.
    Late,
    /// One to five months after it, or never.
    Bad,
}

/// How much a buyer buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// A few invoices of hundreds.
    Small,
    /// One or two invoices a month, of thousands.
    Medium,
    /// An invoice a week, of tens of thousands.
    Large,
}

/// Where a buyer stands with the insurer, on the first day and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The insurer was never asked: the discretionary limit counts.
    Undecided,
    /// Asked for the first time, not answered.
    UndecidedAsking,
    /// Enough cover.
    Covered,
    /// Owes more than is covered.
    OverLimit,
    /// The same, and more was asked for.
    OverLimitAsking,
    /// Enough cover, after an increase.
    Increased,
    /// An increase was refused, the cover stays.
    Kept,
    /// Cut some months ago.
    Reduced,
    /// Never covered.
    Refused,
    /// Covered once.
    Withdrawn,
    /// To be withdrawn at a date to come.
    Notice,
    /// A temporary part that ends within weeks.
    Temporary,
    /// A temporary part that has ended.
    TemporaryLapsed,
    /// Second day: cut.
    CutNext,
    /// Second day: withdrawn.
    WithdrawnNext,
    /// Second day: withdrawal announced.
    NoticeNext,
    /// Second day: the increase that was asked for.
    IncreasedNext,
    /// Second day: the increase that was asked for is refused.
    KeptNext,
    /// Second day: the temporary part has ended.
    LapsedNext,
}

/// What the ERP writes of the buyer's registry numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registered {
    /// SIREN and usually VAT, or VAT abroad.
    Right,
    /// No number at all.
    Missing,
    /// A SIREN with a typing error, and nothing else.
    WrongDigit,
}

/// How the limit of the ERP relates to the insurer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErpLimit {
    /// The same, or none where the insurer has none.
    Agrees,
    /// Another amount.
    Differs,
    /// None, though the insurer has one.
    Absent,
    /// In the currency of the invoices instead of the policy's.
    OtherCurrency,
    /// One that no insurer knows.
    Alone,
}

/// One legal buyer.
pub(super) struct Buyer {
    pub(super) name: String,
    pub(super) country: &'static Country,
    /// The number that the insurer knows it by, always right.
    pub(super) uid: String,
    pub(super) size: Size,
    pub(super) habit: Habit,
    pub(super) standing: Standing,
    pub(super) registered: Registered,
    pub(super) erp_limit: ErpLimit,
    pub(super) terms_days: i64,
    pub(super) insurer_id: u64,
    /// Codes of its accounts in the ERP, one or two.
    pub(super) accounts: Vec<String>,
}

/// How many buyers a country has, and which of them are cast; the rest is covered.
const CAST: [(usize, &[(Standing, usize)]); 10] = {
    use Standing as S;
    [
        (
            200,
            &[
                (S::Covered, 4),
                (S::Undecided, 1),
                (S::CutNext, 2),
                (S::NoticeNext, 1),
                (S::IncreasedNext, 1),
                (S::KeptNext, 1),
                (S::LapsedNext, 1),
                (S::Temporary, 6),
                (S::Refused, 4),
                (S::Withdrawn, 2),
                (S::Notice, 2),
                (S::Reduced, 9),
                (S::OverLimit, 5),
                (S::OverLimitAsking, 3),
                (S::Increased, 14),
                (S::Kept, 5),
                (S::TemporaryLapsed, 1),
                (S::UndecidedAsking, 3),
                (S::Undecided, 56),
            ],
        ),
        (20, &[(S::Covered, 1), (S::Reduced, 1), (S::OverLimit, 1), (S::Temporary, 1), (S::Undecided, 6)]),
        (18, &[(S::CutNext, 1), (S::OverLimit, 1), (S::Undecided, 5)]),
        (14, &[(S::Refused, 1), (S::Undecided, 3)]),
        (14, &[(S::WithdrawnNext, 1), (S::Withdrawn, 1), (S::Undecided, 3)]),
        (12, &[(S::Covered, 3), (S::OverLimit, 1), (S::Undecided, 2)]),
        (6, &[(S::Covered, 2), (S::Undecided, 4)]),
        (7, &[(S::Undecided, 1)]),
        (3, &[]),
        (3, &[]),
    ]
};

/// The place of the account whose code looks like a number in scientific notation.
const SCIENTIFIC: usize = 40;

/// Invents the buyers, in the order in which the ERP numbers them.
pub(super) fn buyers(seed: u64) -> Vec<Buyer> {
    let mut stems = names::stems();
    Rng::new(seed, "stems", 0).shuffle(&mut stems);
    let mut stems = stems.into_iter();
    let mut offset = Rng::new(seed, "registry numbers", 0);
    let offset = offset.next() % 90_000;
    let (mut covered, mut undecided) = (0_usize, 0_usize);
    let mut buyers = Vec::new();

    for (country, (count, cast)) in COUNTRIES.iter().zip(CAST) {
        let standings = cast
            .iter()
            .flat_map(|(standing, times)| std::iter::repeat_n(*standing, *times))
            .chain(std::iter::repeat(Standing::Covered))
            .take(count);
        for (rank, standing) in standings.enumerate() {
            let index = buyers.len() as u64;
            let mut rng = Rng::new(seed, "buyer", index);
            // 337 is prime to 90 000, so no two buyers share a number.
            let number = 10_000 + (offset + index * 337) % 90_000;
            let french = country.alpha2 == "FR";
            let stem = stems.next().unwrap_or_default();
            let name = match (french, rank) {
                // A name that an export has to put in quotes.
                (true, 0) => format!("Comptoir \"{stem}\" ; Fournitures SARL"),
                _ => names::legal_name(country, &stem, &mut rng),
            };
            let registered = match (country.alpha2, rank) {
                ("FR", 2) => Registered::WrongDigit,
                ("FR", 3 | 4) | ("US", _) => Registered::Missing,
                _ => Registered::Right,
            };
            covered += usize::from(standing == Standing::Covered);
            undecided += usize::from(standing == Standing::Undecided);
            let erp_limit = match (country.alpha2, rank) {
                ("GB", 0..3) => ErpLimit::OtherCurrency,
                ("FR", 0..4) => ErpLimit::Agrees,
                _ if standing == Standing::Undecided && undecided % 9 == 3 => ErpLimit::Alone,
                _ if standing == Standing::Covered && covered % 11 == 5 => ErpLimit::Differs,
                _ if standing == Standing::Covered && covered % 13 == 7 => ErpLimit::Absent,
                _ => ErpLimit::Agrees,
            };
            let terms_days = match (country.alpha2, rank) {
                // Longer than the policy insures.
                ("DE" | "ES" | "NL", 4) => 120,
                ("FR", _) => rng.pick(&[30, 45, 45, 45, 60, 60]).unwrap_or(45),
                _ => rng.pick(&[30, 45, 60, 60, 90]).unwrap_or(60),
            };
            let (size, habit) = character(standing, terms_days, &mut rng);
            buyers.push(Buyer {
                name,
                country,
                uid: if french {
                    names::siren(number)
                } else {
                    names::foreign_number(country.alpha2, number * 7)
                },
                size,
                habit,
                standing,
                registered,
                erp_limit,
                terms_days,
                insurer_id: 700_000_000 + (offset * 991 + index * 65_537) % 99_999_989,
                // The second account of the first ones is numbered below.
                accounts: match (country.alpha2, rank) {
                    ("FR", 0 | 1) | ("BE", 0) => vec![String::new(); 2],
                    _ => vec![String::new()],
                },
            });
        }
    }

    Rng::new(seed, "order of buyers", 0).shuffle(&mut buyers);
    // The accounts with the odd codes have something open.
    for place in [0, SCIENTIFIC] {
        let regular = |buyer: &Buyer| buyer.size != Size::Small && buyer.accounts.len() == 1;
        if let Some(further) = buyers.iter().skip(place).position(regular) {
            buyers.swap(place, place + further);
        }
    }
    number_accounts(seed, &mut buyers);
    buyers
}

/// Size and habit, by what the insurer makes of the buyer.
fn character(standing: Standing, terms_days: i64, rng: &mut Rng) -> (Size, Habit) {
    use Standing as S;
    let any = match rng.between(1, 100) {
        ..=57 => Habit::Prompt,
        58..=87 => Habit::Late,
        _ => Habit::Bad,
    };
    let (size, habit) = match standing {
        S::Undecided if rng.percent(5) => (Size::Medium, any),
        S::Undecided => (Size::Small, any),
        S::Covered if terms_days > 90 => (Size::Medium, any),
        S::Covered => match rng.between(1, 100) {
            ..=14 => (Size::Large, any),
            15..=62 => (Size::Medium, any),
            _ => (Size::Small, any),
        },
        S::Increased | S::IncreasedNext | S::Kept | S::KeptNext | S::Temporary | S::LapsedNext => {
            (if rng.percent(40) { Size::Large } else { Size::Medium }, any)
        }
        S::UndecidedAsking | S::TemporaryLapsed | S::Notice | S::NoticeNext => (Size::Medium, Habit::Late),
        S::OverLimit | S::OverLimitAsking | S::Reduced | S::CutNext => {
            (if rng.percent(30) { Size::Large } else { Size::Medium }, Habit::Late)
        }
        S::Refused | S::Withdrawn | S::WithdrawnNext => (Size::Medium, Habit::Bad),
    };
    // Nobody goes on selling for tens of thousands a week to who does not pay.
    match (size, habit) {
        (Size::Large, Habit::Bad) => (size, Habit::Late),
        other => other,
    }
}

/// Gives account codes in the order of buyers; second accounts were opened later.
fn number_accounts(seed: u64, buyers: &mut [Buyer]) {
    let mut rng = Rng::new(seed, "account codes", 0);
    let mut last = 12;
    let mut given = 0;
    for place in 0..2 {
        for buyer in buyers.iter_mut() {
            let Some(code) = buyer.accounts.get_mut(place) else { continue };
            // Codes are text: most have zeros in front.
            *code = if given == SCIENTIFIC { "1E5".to_owned() } else { format!("{last:05}") };
            last += rng.between(3, 40);
            given += 1;
        }
    }
}

impl Buyer {
    /// The currency of its invoices.
    pub(super) fn currency(&self) -> Currency {
        Currency::parse(self.country.currency).unwrap_or(Currency::EUR)
    }

    /// The accounts as the ERP holds them; the limit is filled in by the caller.
    pub(super) fn accounts(&self) -> Vec<Account> {
        let french = self.country.alpha2 == "FR";
        let identifiers = |second: bool| {
            let siren = |value: &str| Identifier::new(Scheme::Siren, value);
            let vat = |value: &str| Identifier::new(Scheme::Vat, value);
            match self.registered {
                Registered::Missing => vec![],
                Registered::WrongDigit => vec![siren(&names::with_wrong_digit(&self.uid))],
                Registered::Right if !french => vec![vat(&self.uid)],
                // The second account of one buyer states the VAT number alone: only its SIREN part joins the two.
                Registered::Right if second => vec![vat(&names::french_vat(&self.uid))],
                Registered::Right if self.insurer_id.is_multiple_of(7) => vec![siren(&self.uid)],
                Registered::Right => vec![siren(&self.uid), vat(&names::french_vat(&self.uid))],
            }
        };
        let blocked = matches!(self.standing, Standing::Refused | Standing::Withdrawn)
            || (self.habit == Habit::Bad && self.insurer_id.is_multiple_of(4));
        let account = |(place, code): (usize, &String)| Account {
            external_id: code.clone(),
            code: code.clone(),
            name: if place == 0 { self.name.clone() } else { format!("{} – dépôt", self.name) },
            country: self.country.alpha2.to_owned(),
            street: None,
            postcode: None,
            town: None,
            identifiers: identifiers(place > 0).into_iter().flatten().collect(),
            insurer_buyer_id: None,
            limit_minor: None,
            limit_currency: None,
            terms_days: Some(self.terms_days),
            blocked,
        };
        self.accounts.iter().enumerate().map(account).collect()
    }
}
