//! A folder into which another system writes files, and from which they are archived once landed; and one into which
//! files are put for a partner, who sees them whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::model::Date;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is not there or may not be read.
    #[error("cannot read the folder {folder}: {error}")]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The pattern is not one, or leaves the folder.
    #[error("\"{pattern}\" is not a pattern of file names: {reason}")]
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be put into the folder.
    #[error("cannot write {file}: {error}; does the folder exist, and may Encours write there?")]
    Write {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file that was to be put into the folder would overwrite another one.
    #[error("{file} is there already and holds something else; it is not overwritten")]
    Taken {
        /// Which file.
        file: PathBuf,
    },
    /// A file could not be moved.
    #[error("cannot move {file} to the archive: {error}")]
    Archive {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// The files of a folder whose names fit a pattern, sorted by name. Case does not count; hidden files never fit.
///
/// # Errors
/// [`Error::Folder`] and [`Error::Pattern`].
pub fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Error> {
    let wrong = |reason: &str| Error::Pattern { pattern: pattern.to_owned(), reason: reason.to_owned() };
    if pattern.contains(['/', '\\']) || pattern.is_empty() {
        return Err(wrong("write a name such as invoices_*.csv; the folder is a setting of its own"));
    }
    let glob = glob::Pattern::new(pattern).map_err(|error| wrong(error.msg))?;
    let options = glob::MatchOptions {
        case_sensitive: false,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let unreadable = |error| Error::Folder { folder: folder.to_owned(), error };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let fits = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| glob.matches_with(name, options));
        if fits && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Length and time of change of a file: whether it is still the one that was opened.
///
/// # Errors
/// What the system said.
pub fn stamp(path: &Path) -> std::io::Result<(u64, std::time::SystemTime)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.len(), metadata.modified()?))
}

/// Moves files to `archive/YYYY-MM-DD/`. A name that is taken there gets a number; nothing is overwritten.
///
/// # Errors
/// [`Error::Archive`] for the first file that cannot be moved; those before it are moved.
pub fn archive(files: &[PathBuf], archive: &Path, on: Date) -> Result<(), Error> {
    let folder = archive.join(on.format("%Y-%m-%d").to_string());
    // A file that two operations read is moved once.
    for file in files.iter().filter(|file| file.exists()) {
        let unmovable = |error| Error::Archive { file: file.clone(), error };
        std::fs::create_dir_all(&folder).map_err(unmovable)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut target = folder.join(&name);
        let mut number = 1;
        while target.exists() {
            number += 1;
            target = folder.join(format!("{number}-{name}"));
        }
        if std::fs::rename(file, &target).is_err() {
            // Another file system: copy under a passing name, then make it appear whole.
            let passing = folder.join(format!(".{name}.part"));
            std::fs::copy(file, &passing).map_err(unmovable)?;
            std::fs::rename(&passing, &target).map_err(unmovable)?;
            std::fs::remove_file(file).map_err(unmovable)?;
        }
    }
    Ok(())
}

/// What publishing a file did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// It got its name just now.
    Now,
    /// A file of that name and with the same bytes was there.
    Already,
}

/// The hidden name under which a file is whole and not yet to be seen.
#[must_use]
pub fn part(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.part"))
}

/// Writes a file under its hidden name: whole and durable when this returns, or not at all.
///
/// # Errors
/// [`Error::Write`].
pub fn prepare(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
    let (part, passing) = (part(folder, name), folder.join(format!(".{name}.new")));
    let unwritable = |error| Error::Write { file: part.clone(), error };
    let mut file = std::fs::File::create(&passing).map_err(unwritable)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(unwritable)?;
    std::fs::rename(&passing, &part).and_then(|()| durable(folder)).map_err(unwritable)?;
    Ok(part)
}

/// Gives a prepared file its name, in one step, so that it is never there twice.
///
/// # Errors
/// [`Error::Taken`] when another file has the name; [`Error::Write`], also when there is neither of the two files.
pub fn publish(part: &Path, to: &Path) -> Result<Publication, Error> {
    let unwritable = |error| Error::Write { file: to.to_owned(), error };
    let folder = to.parent().unwrap_or(Path::new("."));
    match (bytes(part)?, bytes(to)?) {
        (Some(_), None) => {
            std::fs::rename(part, to).and_then(|()| durable(folder)).map_err(unwritable)?;
            Ok(Publication::Now)
        }
        (Some(new), Some(there)) if new == there => {
            std::fs::remove_file(part).and_then(|()| durable(folder)).map_err(unwritable)?;
            Ok(Publication::Already)
        }
        (None, Some(_)) => Ok(Publication::Already),
        (Some(_), Some(_)) => Err(Error::Taken { file: to.to_owned() }),
        (None, None) => Err(unwritable(std::io::ErrorKind::NotFound.into())),
    }
}

/// Refuses to go on where a file of this name holds other bytes.
///
/// # Errors
/// [`Error::Taken`], [`Error::Write`].
pub fn refuse_another(file: &Path, wanted: &[u8]) -> Result<(), Error> {
    match bytes(file)? {
        Some(there) if there != wanted => Err(Error::Taken { file: file.to_owned() }),
        Some(_) | None => Ok(()),
    }
}

/// The bytes of a file; nothing when it is not there.
///
/// # Errors
/// [`Error::Write`].
pub fn bytes(file: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Write { file: file.to_owned(), error }),
    }
}

/// Whether a folder can be read at all: a share that is not mounted shows no files, which must not be taken for an answer.
///
/// # Errors
/// [`Error::Folder`].
pub fn is_there(folder: &Path) -> Result<(), Error> {
    std::fs::read_dir(folder).map(|_| ()).map_err(|error| Error::Folder { folder: folder.to_owned(), error })
}

/// Writes a hidden file into a folder and takes it away again.
///
/// # Errors
/// [`Error::Folder`] when it is not there, [`Error::Write`] when it cannot be written to.
pub fn writable(folder: &Path) -> Result<(), Error> {
    is_there(folder)?;
    let probe = folder.join(".encours.probe");
    std::fs::write(&probe, b"")
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| Error::Write { file: probe.clone(), error })
}

/// Makes the names of a folder durable, where the system knows how.
fn durable(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn only_names_of_the_folder_fit() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "encours_20260102.csv",
            "ENCOURS_20260101.CSV",
            ".encours_hidden.csv",
            "encours_20260103.csv.part",
            "clients.csv",
        ] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(dir.path().join("encours_folder.csv")).unwrap();
        let found = matching(dir.path(), "encours_*.csv").unwrap();
        assert_eq!(names(&found), ["ENCOURS_20260101.CSV", "encours_20260102.csv"]);
        assert!(matching(dir.path(), "../*.csv").is_err());
        assert!(matching(&dir.path().join("none"), "*.csv").is_err());
    }

    #[test]
    fn archiving_overwrites_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (file, archive_folder) = (dir.path().join("a.csv"), dir.path().join("archive"));
        let on = Date::from_ymd_opt(2026, 3, 1).unwrap();
        for text in ["one", "two"] {
            std::fs::write(&file, text).unwrap();
            archive(std::slice::from_ref(&file), &archive_folder, on).unwrap();
        }
        let day = archive_folder.join("2026-03-01");
        assert_eq!(std::fs::read_to_string(day.join("a.csv")).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(day.join("2-a.csv")).unwrap(), "two");
        assert!(!file.exists());
    }
}
