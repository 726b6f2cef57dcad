//! `encours init`: a commented configuration to start from.
//!
//! Invariant: `encours check` accepts what is written here, at once and as it is.

use std::fs;
use std::io::Write as _;

use anyhow::Context as _;
use serde_json::json;

use super::{Context, Exit, Misconfigured};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Overwrites a configuration that is there
    #[arg(long)]
    force: bool,
}

/// The folder that the example reads, beside the configuration.
const FOLDER: &str = "export";

/// The address of the simulator in the example.
pub const SANDBOX: &str = "127.0.0.1:8089";

const TEMPLATE: &str = include_str!("init.toml");

/// Runs the command.
///
/// # Errors
/// A file that is there, without `--force`; a folder that cannot be written.
pub fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let path = &context.config;
    let mut options = fs::OpenOptions::new();
    let options = if args.force {
        options.write(true).create(true).truncate(true)
    } else {
        options.write(true).create_new(true)
    };
    let file = options.open(path);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let told =
                format!("{} is there already and was left as it is; --force overwrites it", path.display());
            return Err(Misconfigured(told).into());
        }
        file => file.with_context(|| format!("{} cannot be written", path.display()))?,
    };
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    let beside =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let folder = if beside == std::path::Path::new(".") { FOLDER.into() } else { beside.join(FOLDER) };
    fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    context.answer(
        || {
            let (config, folder) = (path.display(), folder.display());
            let flag = if path == std::path::Path::new("encours.toml") { String::new() } else { format!(" --config {config}") };
            format!(
                "Wrote {config} and made the folder {folder}/.\n\n\
                 Next:\n\
                 1. Put your open items into {folder}/ as encours*.csv, and your customers as clients*.csv.\n   \
                    Columns are found by their usual French, English or German names; a FEC works too: see the comments.\n\
                 2. encours{flag} check\n\
                 3. encours sandbox atradius --listen {SANDBOX}     (in another terminal: an insurer to try with)\n\
                 4. encours{flag} sync\n"
            )
        },
        || json!({ "configuration": path, "folder": folder }),
    )?;
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encours::config::Config;

    #[test]
    fn the_template_is_a_configuration() {
        let config = Config::parse("encours.toml", TEMPLATE, std::path::Path::new(".")).unwrap();
        assert_eq!(config.connections.len(), 2);
        assert_eq!(config.policies.len(), 1);
        assert!(TEMPLATE.contains(SANDBOX) && TEMPLATE.contains(FOLDER));
    }
}
