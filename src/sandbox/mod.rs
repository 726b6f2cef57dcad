//! Simulators of partners: what `encours sandbox` serves, so that a connection can be tried, shown and tested offline.
//!
//! A simulator is written from what is published of the partner and shares no parsing or mapping with the client that calls
//! it: were both to read a field through one function, one misreading would pass every test. It has its own structs,
//! speaks the partner's own shapes and quirks, answers the same for the same seed, and fails on demand.
//! Invariant: no simulator reads a clock except for the life of its tokens; its day is set from outside.

pub mod allianz;
pub mod aria;
pub mod atradius;
pub mod cesce;
pub mod coface;
pub mod credendo;
pub mod defacto;
pub mod factor;
pub mod fault;
pub mod insurer;

use chrono::NaiveDate;

pub use insurer::{Accepted, Asked, Insurer, Opened, Options, Surprise};

/// One simulator that `encours sandbox` can serve.
#[derive(Clone, Copy)]
pub struct Simulator {
    /// The name on the command line; also the folder here and under `connectors/`.
    pub name: &'static str,
    /// The partner it stands for.
    pub partner: &'static str,
    /// What it answers, in one line for people.
    pub summary: &'static str,
    role: Role,
}

/// What a simulator plays, and how it is opened.
#[derive(Clone, Copy)]
enum Role {
    Insurer(fn(&Options) -> Result<Opened, Error>),
    Factor(fn(&Options) -> Result<Served, Error>),
}

/// A simulator, ready to be served.
pub struct Served {
    /// Its interface.
    pub router: axum::Router,
    /// Its day.
    pub today: NaiveDate,
    /// The tables of `encours.toml` that connect to it, for the URL it will answer at.
    pub configuration: Box<dyn Fn(&str) -> String + Send>,
}

impl Simulator {
    /// Opens it, whatever it plays.
    ///
    /// # Errors
    /// A saved state that cannot be read or kept, a folder that is missing.
    pub fn serve(&self, options: &Options) -> Result<Served, Error> {
        match self.role {
            Role::Insurer(open) => {
                let Opened { insurer, configuration } = open(options)?;
                Ok(Served { router: insurer.router(), today: insurer.today(), configuration })
            }
            Role::Factor(open) => open(options),
        }
    }

    /// Opens it as an insurer.
    ///
    /// # Errors
    /// [`Error::NoInsurer`], and those of [`Simulator::serve`].
    pub fn open(&self, options: &Options) -> Result<Opened, Error> {
        match self.role {
            Role::Insurer(open) => open(options),
            Role::Factor(_) => Err(Error::NoInsurer { name: self.name }),
        }
    }
}

/// Every simulator there is.
pub const SIMULATORS: &[Simulator] = &[
    Simulator {
        name: "allianz",
        partner: "Allianz Trade",
        summary: "covers under three extensions, requests as jobs, and calls back of a credit insurer",
        role: Role::Insurer(|options| Ok(allianz::open(options)?)),
    },
    Simulator {
        name: "aria",
        partner: "Aria",
        summary: "invoices, loans on them and credit limits of a factor; POST /sandbox/decide decides",
        role: Role::Factor(|options| Ok(aria::open(options)?)),
    },
    Simulator {
        name: "atradius",
        partner: "Atradius",
        summary: "cover limits, decisions over time, buyers and policy of a credit insurer",
        role: Role::Insurer(|options| Ok(atradius::open(options)?)),
    },
    Simulator {
        name: "cesce",
        partner: "Cesce",
        summary: "classifications, sales and non-payments of a credit insurer",
        role: Role::Insurer(|options| Ok(cesce::open(options)?)),
    },
    Simulator {
        name: "coface",
        partner: "Coface",
        summary: "products that cover buyers, orders and overdues of a credit insurer; opinions of its information service",
        role: Role::Insurer(|options| Ok(coface::open(options)?)),
    },
    Simulator {
        name: "credendo",
        partner: "Credendo",
        summary: "a portal behind a folder: takes files of applications, decides, writes its list of limits",
        role: Role::Insurer(|options| Ok(credendo::open(options)?)),
    },
    Simulator {
        name: "defacto",
        partner: "Defacto",
        summary: "invoices and loans on them of a factor; POST /sandbox/decide decides",
        role: Role::Factor(|options| Ok(defacto::open(options)?)),
    },
];

/// Why a simulator could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is not in [`SIMULATORS`].
    #[error("no simulator is called \"{name}\", the known ones are: {known}")]
    Unknown {
        /// What was asked.
        name: String,
        /// The known names.
        known: String,
    },
    /// A factor was to be opened as an insurer.
    #[error("the simulator \"{name}\" plays no insurer")]
    NoInsurer {
        /// Its name.
        name: &'static str,
    },
    /// A simulator of a factor.
    #[error(transparent)]
    Factor(#[from] factor::Error),
    /// The simulator of Allianz Trade.
    #[error(transparent)]
    Allianz(#[from] allianz::Error),
    /// The simulator of Atradius.
    #[error(transparent)]
    Atradius(#[from] atradius::Error),
    /// The simulator of Credendo.
    #[error(transparent)]
    Credendo(#[from] credendo::Error),
    /// The simulator of Cesce.
    #[error(transparent)]
    Cesce(#[from] cesce::Error),
    /// The simulator of Coface.
    #[error(transparent)]
    Coface(#[from] coface::Error),
}

/// Finds a simulator by its name.
///
/// # Errors
/// [`Error::Unknown`] with the known names.
pub fn find(name: &str) -> Result<&'static Simulator, Error> {
    SIMULATORS.iter().find(|s| s.name == name).ok_or_else(|| Error::Unknown {
        name: name.to_owned(),
        known: SIMULATORS.iter().map(|s| s.name).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        assert_eq!(find("atradius").unwrap().partner, "Atradius");
        let Err(error) = find("atradus") else { panic!("found") };
        assert!(
            error.to_string().starts_with("no simulator is called \"atradus\", the known ones are: allianz")
        );
    }

    #[test]
    fn a_factor_is_served_and_is_no_insurer() {
        for name in ["aria", "defacto"] {
            let simulator = find(name).unwrap();
            let day: NaiveDate = "2026-07-10".parse().unwrap();
            let options = Options { seed: 1, day: Some(day), ..Options::default() };
            assert_eq!(simulator.serve(&options).unwrap().today, day);
            let Err(error) = simulator.open(&options) else { panic!("opened") };
            assert_eq!(error.to_string(), format!("the simulator \"{name}\" plays no insurer"));
        }
        assert!(find("cesce").unwrap().serve(&Options::default()).is_ok());
    }
}
