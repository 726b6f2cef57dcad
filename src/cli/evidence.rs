//! `encours evidence`: all that is known of one buyer as of a day, in a folder and an archive that can be made again.
//!
//! The folder appears whole or not at all, and what is there already is never replaced: either it is the same, or nothing is
//! written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use encours::engine::evidence::{Pack, Wanted, pack};
use encours::model::Date;
use serde_json::{Value, json};

use super::table::{Column, Table, count};
use super::time::{self, KnownAt};
use super::{Books, Context, Exit, Misconfigured};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An account code, a registry number, a buyer id, or a part of the name
    buyer: String,
    /// The day that the evidence is of: what is dated later is not in it
    #[arg(long, value_name = "DATE")]
    on: Date,
    /// Know no more than the ledger did at that instant, or at the end of that date in UTC; else all it knows now
    #[arg(long, value_name = "INSTANT|DATE", value_parser = KnownAt::parse)]
    known_at: Option<KnownAt>,
    /// Where the folder and the archive are put
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// How what is to be written stands beside what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Beside {
    Nothing,
    Same,
    Other(String),
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails; nobody, or several, that answer to the text; a folder with another content.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let mut asked = time::moment(&mut books, Some(args.on), args.known_at).await?;
    // Made again later it has to be the same, so what counts is what the ledger has read.
    asked.take_terms_of_then(&mut books).await?;
    let buyer = buyer(&mut books, &args.buyer, asked.moment.known_at).await?;
    let company = books.company();
    let wanted = Wanted {
        company: &company,
        buyer: &buyer,
        moment: asked.moment,
        policies: &asked.policies,
        policies_begin: &asked.terms_begin,
    };
    let pack = pack(&mut books.tx, wanted).await?;
    books.close().await?;
    let known_at = time::shown(asked.moment.known_at);
    let (folder, archive) = (args.out.join(&pack.name), args.out.join(format!("{}.zip", pack.name)));
    let is_new = keep(&pack, &folder, &archive)?;
    context.answer(
        || {
            let mut table = Table::new(&[Column::Word("file"), Column::Figure("bytes"), Column::Text("holds")]);
            for file in &pack.files {
                table.row([file.name.to_owned(), count(file.bytes.len()), file.what.to_owned()]);
            }
            let what = if is_new { "Written" } else { "There already, byte for byte" };
            format!(
                "Evidence on {buyer}, as of {}, from what was known at {known_at}\n\n{table}\n{what}: {}\nArchive: {}\nSHA-256 of the \
                 archive: {}\nMade again by: encours evidence {buyer} --on {} --known-at {known_at}\n",
                args.on,
                folder.display(),
                archive.display(),
                pack.sha256,
                args.on
            )
        },
        || {
            let index = pack.files.iter().find(|file| file.name == "index.json");
            let index: Value =
                index.and_then(|file| serde_json::from_slice(&file.bytes).ok()).unwrap_or_default();
            json!({
                "buyer": buyer, "on": args.on, "known_at": known_at, "folder": folder, "archive": archive,
                "sha256": pack.sha256, "written": is_new, "index": index,
            })
        },
    )?;
    Ok(Exit::Fine)
}

/// The one buyer that a text means: now, or by its id at the instant.
async fn buyer(books: &mut Books, wanted: &str, known_at: encours::model::Instant) -> anyhow::Result<String> {
    let company = books.company();
    // Whoever was a buyer then may have become another one since; its id still names it.
    let then: BTreeSet<String> = books.tx.buyers_known(&company, known_at).await?.into_values().collect();
    if then.contains(wanted) {
        return Ok(wanted.to_owned());
    }
    let found = books.tx.find_buyers(&company, wanted).await?;
    match found.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => anyhow::bail!("no buyer answers to \"{wanted}\": `encours buyers` lists them"),
        several => {
            let told: Vec<String> = several.iter().map(|one| format!("{} ({})", one.id, one.name)).collect();
            let told =
                format!("several buyers answer to \"{wanted}\": {}. Ask again with an id", told.join(", "));
            Err(Misconfigured(told).into())
        }
    }
}

/// Writes a pack unless it is there; whether anything was written.
fn keep(pack: &Pack, folder: &Path, archive: &Path) -> anyhow::Result<bool> {
    let (beside_folder, beside_archive) = (folder_beside(pack, folder)?, archive_beside(pack, archive)?);
    for (path, beside) in [(folder, &beside_folder), (archive, &beside_archive)] {
        if let Beside::Other(differs) = beside {
            let made = made_at(folder)
                .map(|at| {
                    format!(" It was made of what was known at {at}: --known-at {at} makes that one again.")
                })
                .unwrap_or_default();
            anyhow::bail!(
                "{} is there with another content ({differs}); nothing was written.{made} Move it away, or name another place with --out",
                path.display()
            );
        }
    }
    if beside_folder == Beside::Nothing {
        write_folder(pack, folder)?;
    }
    if beside_archive == Beside::Nothing {
        let part = hidden(archive);
        std::fs::write(&part, &pack.zip)
            .and_then(|()| std::fs::rename(&part, archive))
            .with_context(|| format!("{} cannot be written", archive.display()))?;
    }
    Ok(beside_folder == Beside::Nothing || beside_archive == Beside::Nothing)
}

fn folder_beside(pack: &Pack, folder: &Path) -> anyhow::Result<Beside> {
    if !folder.exists() {
        return Ok(Beside::Nothing);
    }
    let mut there = BTreeSet::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        there.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    let mut differs = Vec::new();
    for file in &pack.files {
        let same = there.remove(file.name)
            && std::fs::read(folder.join(file.name)).is_ok_and(|bytes| bytes == file.bytes);
        if !same {
            differs.push(file.name.to_owned());
        }
    }
    differs.extend(there);
    Ok(if differs.is_empty() { Beside::Same } else { Beside::Other(differs.join(", ")) })
}

fn archive_beside(pack: &Pack, archive: &Path) -> anyhow::Result<Beside> {
    if !archive.exists() {
        return Ok(Beside::Nothing);
    }
    let bytes = std::fs::read(archive).with_context(|| format!("{} cannot be read", archive.display()))?;
    Ok(if bytes == pack.zip { Beside::Same } else { Beside::Other("another archive".to_owned()) })
}

/// At which instant the pack in a folder was known, as its index says.
fn made_at(folder: &Path) -> Option<String> {
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).ok()?).ok()?;
    Some(index.get("known_at")?.as_str()?.to_owned())
}

fn hidden(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Writes the files under a hidden name and gives them theirs at the end: a folder that is there is whole.
fn write_folder(pack: &Pack, folder: &Path) -> anyhow::Result<()> {
    let part = hidden(folder);
    let write = || -> std::io::Result<()> {
        if part.exists() {
            std::fs::remove_dir_all(&part)?;
        }
        std::fs::create_dir_all(&part)?;
        for file in &pack.files {
            std::fs::write(part.join(file.name), &file.bytes)?;
        }
        std::fs::rename(&part, folder)
    };
    write().with_context(|| format!("{} cannot be written", folder.display()))
}
