//! From files to connectors: built-in ones, and a folder of the user's that replaces or adds to them file by file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::builtin::{BUILTIN, Builtin};
use super::manifest::{Capabilities, Environment, Manifest, Reach, Setting, Status, Work};
use super::roles::Role;
use crate::format::toml::Problem;
use crate::mapping::{Mappings, parse_files};
use crate::model::words;

words! {
    /// Where a connector's files come from.
    Origin {
        /// The program.
        Builtin = "built-in",
        /// The program and the user's folder.
        Overridden = "overridden",
        /// The user's folder.
        User = "user",
    }
}

/// A manifest with the mappings of its system.
#[derive(Debug, Clone)]
pub struct Connector {
    /// How the partner is talked to.
    pub manifest: Manifest,
    /// What its records mean.
    pub mappings: Mappings,
    /// Where its files come from.
    pub origin: Origin,
    /// Its README.
    pub readme: String,
    /// The files of `samples/`, by name.
    pub samples: BTreeMap<String, Cow<'static, [u8]>>,
}

/// Why a connector cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is none of this id.
    #[error("there is no connector \"{id}\"; there are: {known}")]
    Unknown {
        /// What was asked.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// Its files have problems.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
    /// A file of the user's folder cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A connector in a list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Where its files come from.
    pub origin: Origin,
}

/// Every connector, built-in and of the user's folder, sorted by id. Nothing is parsed.
///
/// # Errors
/// [`LoadError::Read`] when the folder is there and cannot be read.
pub fn list(user: Option<&Path>) -> Result<Vec<Listed>, LoadError> {
    let mut found: BTreeMap<String, Origin> =
        BUILTIN.iter().map(|builtin| (builtin.id.to_owned(), Origin::Builtin)).collect();
    for part in ["connectors", "mappings"] {
        for name in user.map(|folder| names(&folder.join(part))).transpose()?.unwrap_or_default() {
            if BUILTIN.iter().any(|builtin| builtin.id == name) {
                found.insert(name, Origin::Overridden);
            } else if part == "connectors" {
                // Mappings alone are no connector.
                found.insert(name, Origin::User);
            }
        }
    }
    Ok(found.into_iter().map(|(id, origin)| Listed { id, origin }).collect())
}

/// Loads one connector. A file of the user's folder stands for the built-in one of the same name.
///
/// # Errors
/// [`LoadError`]; problems of the files are told all at once.
pub fn load(id: &str, user: Option<&Path>) -> Result<Connector, LoadError> {
    let builtin = BUILTIN.iter().find(|builtin| builtin.id == id);
    let listed = list(user)?;
    let Some(Listed { origin, .. }) = listed.iter().find(|listed| listed.id == id) else {
        let known = listed.iter().map(|listed| listed.id.as_str()).collect::<Vec<_>>().join(", ");
        return Err(LoadError::Unknown { id: id.to_owned(), known });
    };
    let mut mappings: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut samples: BTreeMap<String, Cow<'static, [u8]>> = BTreeMap::new();
    let (mut manifest, mut readme) = (None, String::new());
    if let Some(Builtin { id, manifest: text, readme: about, mappings: rules, samples: files }) = builtin {
        manifest = Some((format!("connectors/{id}/connector.toml"), (*text).to_owned()));
        (*about).clone_into(&mut readme);
        mappings.extend(
            rules.iter().map(|(name, text)| {
                ((*name).to_owned(), (format!("mappings/{id}/{name}"), (*text).to_owned()))
            }),
        );
        samples.extend(files.iter().map(|(name, bytes)| ((*name).to_owned(), Cow::Borrowed(*bytes))));
    }
    if let Some(user) = user {
        let folder = user.join("connectors").join(id);
        manifest = text_of(&folder.join("connector.toml"))?.or(manifest);
        readme = text_of(&folder.join("README.md"))?.map_or(readme, |(_, text)| text);
        for name in names(&folder.join("samples"))? {
            let path = folder.join("samples").join(&name);
            let bytes = std::fs::read(&path).map_err(|error| LoadError::Read { path, error })?;
            samples.insert(name, Cow::Owned(bytes));
        }
        let folder = user.join("mappings").join(id);
        for name in names(&folder)?.into_iter().filter(|name| name.ends_with(".toml")) {
            if let Some(file) = text_of(&folder.join(&name))? {
                mappings.insert(name, file);
            }
        }
    }
    let Some((file, text)) = manifest else {
        let path = user.unwrap_or(Path::new(".")).join("connectors").join(id).join("connector.toml");
        return Err(LoadError::Read { path, error: std::io::ErrorKind::NotFound.into() });
    };
    let mappings = parse_files(&mappings.into_values().collect::<Vec<_>>()).map_err(LoadError::Problems)?;
    let manifest = Manifest::parse(&file, &text, &mappings).map_err(LoadError::Problems)?;
    if manifest.id != id {
        let message = format!("the id is \"{}\", the folder \"{id}\"; they must be one", manifest.id);
        return Err(LoadError::Problems(vec![Problem::at(&file, &text, None, message)]));
    }
    Ok(Connector { manifest, mappings, origin: *origin, readme, samples })
}

fn text_of(path: &Path) -> Result<Option<(String, String)>, LoadError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.display().to_string(), text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LoadError::Read { path: path.to_owned(), error }),
    }
}

/// The names in a folder, hidden ones apart; none when it is not there.
fn names(folder: &Path) -> Result<BTreeSet<String>, LoadError> {
    let unreadable = |error| LoadError::Read { path: folder.to_owned(), error };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.insert(name);
        }
    }
    Ok(names)
}

/// An operation, described.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DescribedOperation {
    /// Its name.
    pub name: String,
    /// The call, or the pattern of the file.
    pub does: String,
    /// The record it fills.
    pub into: Option<&'static str>,
    /// `snapshot` or `incremental`, for a pull.
    pub mode: Option<&'static str>,
    /// What a person then does at the partner, step by step.
    pub steps: Vec<String>,
}

/// A connector, described for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Description {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the system is to the company.
    pub role: Role,
    /// How it is reached.
    pub transport: Reach,
    /// How far it was tried.
    pub status: Status,
    /// What a user should know before relying on it.
    pub notes: String,
    /// Where its files come from.
    pub origin: Origin,
    /// What the partner can do.
    pub capabilities: Capabilities,
    /// The settings of a connection.
    pub settings: BTreeMap<String, Setting>,
    /// Base URLs by environment.
    pub environments: BTreeMap<String, String>,
    /// What differs in the paths, by environment; only of a connector that has such variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, BTreeMap<String, String>>,
    /// What can be asked.
    pub operations: Vec<DescribedOperation>,
}

impl Connector {
    /// Describes it.
    #[must_use]
    pub fn describe(&self) -> Description {
        let manifest = &self.manifest;
        let operations = manifest.operations.iter().map(|(name, operation)| DescribedOperation {
            name: name.clone(),
            does: match &operation.work {
                Work::Http(http) => format!("{} {}", http.request.method.as_str(), http.request.path),
                Work::File(file) => format!("reads {}", file.file),
                Work::HandOver(send) => format!("writes {} into {}", send.file, send.folder),
                Work::Batch(send) => match &self.mappings.layout {
                    Some(layout) => format!("writes {} into {}", layout.names().join(", "), send.folder),
                    None => format!("writes a batch into {}", send.folder),
                },
            },
            into: operation.into.map(crate::mapping::Target::as_str),
            mode: operation.into.map(|_| operation.mode.as_str()),
            steps: operation.steps.clone(),
        });
        fn named<T>(
            environments: &BTreeMap<String, Environment>,
            part: impl Fn(&Environment) -> Option<T>,
        ) -> BTreeMap<String, T> {
            let one = |(name, environment): (&String, &Environment)| Some((name.clone(), part(environment)?));
            environments.iter().filter_map(one).collect()
        }
        Description {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            role: manifest.role,
            transport: manifest.reach,
            status: manifest.status,
            notes: manifest.notes.clone(),
            origin: self.origin,
            capabilities: manifest.capabilities.clone(),
            settings: manifest.settings.clone(),
            environments: named(&manifest.environments, |environment| Some(environment.url.clone())),
            variables: named(&manifest.environments, |environment| {
                Some(environment.vars.clone()).filter(|vars| !vars.is_empty())
            }),
            operations: operations.collect(),
        }
    }
}
