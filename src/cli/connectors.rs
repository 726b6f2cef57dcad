//! `encours connectors`: which systems can be connected, what each of them needs, and whether a folder of one's own fits.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use encours::connector::{
    self, Capabilities, Connector, Description, Listed, LoadError, Origin, Role, SettingType, Status,
};
use serde_json::json;

use super::table::{Column, Table, plural};
use super::{Context, Exit, Misconfigured, mapping, words};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List every connector, built-in and of your own (the default)
    List,
    /// Show the settings, operations and capabilities of a connector
    Describe {
        /// Its id
        id: String,
    },
    /// Check the connectors and mappings of a folder of your own, and run their samples; no partner is called
    Check {
        /// The folder that holds connectors/ and mappings/; the one of the configuration without it
        folder: Option<PathBuf>,
    },
}

/// The folder of the user's own connectors: the one of the configuration, where there is a configuration.
pub fn own_folder(context: &Context) -> Option<PathBuf> {
    let folder =
        context.config.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    context.config.exists().then(|| folder.to_owned())
}

/// Runs the command.
///
/// # Errors
/// An unknown connector, or files with problems.
pub fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        None | Some(Command::List) => list(context),
        Some(Command::Describe { id }) => describe(context, id),
        Some(Command::Check { folder }) => {
            let folder = folder.clone().or_else(|| own_folder(context));
            let folder = folder.ok_or_else(|| {
                Misconfigured("which folder? Name it, or stand beside an encours.toml".to_owned())
            })?;
            check(context, &folder)
        }
    }
}

fn list(context: &Context) -> anyhow::Result<Exit> {
    let folder = own_folder(context);
    let listed = connector::list(folder.as_deref())?;
    let loaded: Vec<(Listed, Result<Description, LoadError>)> = listed
        .into_iter()
        .map(|listed| {
            let loaded = connector::load(&listed.id, folder.as_deref()).map(|connector| connector.describe());
            (listed, loaded)
        })
        .collect();
    let broken = loaded.iter().any(|(_, loaded)| loaded.is_err());
    context.answer(
        || {
            let mut table = Table::new(&[
                Column::Word("connector"),
                Column::Text("system"),
                Column::Word("role"),
                Column::Word("status"),
                Column::Word("files"),
                Column::Text("reads"),
                Column::Text("writes and asks"),
            ]);
            for (listed, loaded) in &loaded {
                match loaded {
                    Ok(about) => {
                        let pulls = about.operations.iter().filter(|op| op.into.is_some());
                        let others = about.operations.iter().filter(|op| op.into.is_none());
                        table.row([
                            listed.id.clone(),
                            about.name.clone(),
                            about.role.to_string(),
                            about.status.to_string(),
                            listed.origin.to_string(),
                            pulls.map(|op| words::operation(&op.name)).collect::<Vec<_>>().join(", "),
                            others.map(|op| op.name.replace('_', " ")).collect::<Vec<_>>().join(", "),
                        ]);
                    }
                    Err(_) => table.row([listed.id.as_str(), "has problems: `encours connectors check`"]),
                }
            }
            format!(
                "{table}\nverified: tried against the real system. unverified: written from documents and other clients; try it on a test \
                 environment first.\n`encours connectors describe ID` shows the settings. To change or add one, put files into \
                 connectors/ and mappings/ beside encours.toml.\n"
            )
        },
        || {
            let all = loaded.iter().map(|(listed, loaded)| match loaded {
                Ok(about) => json!(about),
                Err(error) => json!({ "id": listed.id, "origin": listed.origin, "error": error.to_string() }),
            });
            json!({ "connectors": all.collect::<Vec<_>>() })
        },
    )?;
    Ok(if broken { Exit::Failed } else { Exit::Fine })
}

/// Loads a connector of the command line.
///
/// # Errors
/// [`Misconfigured`] with the known ids, or with every problem of its files.
pub fn load(id: &str, folder: Option<&Path>) -> anyhow::Result<Connector> {
    connector::load(id, folder).map_err(|error| Misconfigured(error.to_string()).into())
}

fn describe(context: &Context, id: &str) -> anyhow::Result<Exit> {
    let folder = own_folder(context);
    let connector = load(id, folder.as_deref())?;
    let about = connector.describe();
    context.answer(
        || {
            let mut text = format!("{}: {}, {}, {}, over {}\n", about.id, about.name, role(about.role), about.status, about.transport);
            if about.origin != Origin::Builtin {
                let _ = writeln!(text, "Its files: {}", about.origin); // writing to a String cannot fail
            }
            if about.status == Status::Unverified {
                text.push_str("Not tried against the real system: compare it with the partner's handbook before you rely on it.\n");
            }
            if !about.notes.is_empty() {
                let width = usize::from(super::table::terminal_width().min(110));
                let _ = writeln!(text, "\n{}", words::wrap(&about.notes, width).join("\n"));
            }
            let _ = write!(text, "\nSettings of a connection\n{}", settings(&about));
            if !about.environments.is_empty() {
                text.push('\n');
            }
            for (name, url) in &about.environments {
                let vars: Vec<String> = about.variables.get(name).into_iter().flatten().map(|(name, steps)| format!("{{{name}}} = {steps}")).collect();
                let vars = if vars.is_empty() { String::new() } else { format!(", with {}", vars.join(", ")) };
                let _ = writeln!(text, "environment = \"{name}\": {url}{vars}");
            }
            let mut table = Table::new(&[Column::Word("operation"), Column::Text("does"), Column::Word("gives"), Column::Word("reading")]);
            for op in &about.operations {
                table.row([op.name.as_str(), op.does.as_str(), op.into.unwrap_or(""), op.mode.unwrap_or("")]);
            }
            let _ = write!(text, "\nOperations\n{table}");
            for op in about.operations.iter().filter(|op| !op.steps.is_empty()) {
                let _ = writeln!(text, "\nThen, by hand, for {}", op.name.replace('_', " "));
                for (step, number) in op.steps.iter().zip(1..) {
                    let _ = writeln!(text, "{number:>3}. {step}");
                }
            }
            let able = capabilities(&about.capabilities);
            if !able.is_empty() {
                let _ = writeln!(text, "\nGood to know\n{}", able.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"));
            }
            text
        },
        || json!(about),
    )?;
    Ok(Exit::Fine)
}

/// What a system is to the company, with its article.
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Erp => "an ERP",
        Role::Insurer => "an insurer",
        Role::Factor => "a factor",
        Role::Bank => "a bank",
    }
}

fn settings(about: &Description) -> String {
    let mut table = Table::new(&[
        Column::Word("setting"),
        Column::Word("type"),
        Column::Text("default"),
        Column::Text("what it is"),
    ]);
    for (name, setting) in &about.settings {
        let default = match (&setting.default, setting.required) {
            (Some(default), _) => default.clone(),
            (None, true) => "required".to_owned(),
            (None, false) => String::new(),
        };
        let mut help = setting.help.clone();
        if !setting.values.is_empty() {
            help = format!("{help} (one of {})", setting.values.join(", "));
        }
        if setting.kind == SettingType::Secret {
            help = format!("{help}; as env:NAME, file:PATH or exec:COMMAND");
        }
        table.row([name.clone(), setting.kind.to_string(), default, help]);
    }
    table.to_string()
}

/// What a partner can and cannot do, in words; only what is out of the ordinary.
fn capabilities(able: &Capabilities) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |holds: bool, line: &str| {
        if holds {
            lines.push(line.to_owned());
        }
    };
    say(able.webhook, "it calls back when something changes");
    say(able.idempotency_key, "a request can be repeated safely: it takes a key");
    say(able.changes_since, "its lists can be asked for changes since an instant");
    say(able.billed_lookup, "looking a buyer up may be charged, so it is done only when you ask for it");
    say(able.change_over_ended, "a limit that ended is replaced, not requested anew");
    say(able.zero_is_unlimited, "a limit of 0 would mean \"no limit\" there, so 0 is never written");
    say(
        !able.limit_operations.is_empty() && !able.enforces_limit,
        "it does not stop deliveries on a limit by itself",
    );
    say(able.refuses_below_exposure, "it refuses a limit below what the buyer owes");
    say(able.has_block_flag, "customers can be blocked there");
    say(able.has_validity, "limits can end at a date there");
    say(able.has_insurance_field, "the insurer's limit has a field of its own there");
    say(able.company_scoped, "limits are held per company there");
    say(able.compare_and_set, "a limit is written only over the version that was read");
    if able.visible_after_minutes > 0 {
        lines.push(format!(
            "a request may be missing from its lists for {} minutes",
            able.visible_after_minutes
        ));
    }
    if !able.limit_operations.is_empty() {
        lines.push(format!("of a limit it can be told: {}", able.limit_operations.join(", ")));
    }
    if let Some(step) = able.amount_step {
        lines.push(format!(
            "amounts that are asked for are multiples of {}",
            super::table::count(step as i64)
        ));
    }
    lines
}

fn check(context: &Context, folder: &Path) -> anyhow::Result<Exit> {
    let listed = connector::list(Some(folder))?;
    let own: Vec<Listed> = listed.into_iter().filter(|listed| listed.origin != Origin::Builtin).collect();
    if own.is_empty() {
        let told = format!("{} has neither connectors/ nor mappings/ of its own", folder.display());
        return Err(Misconfigured(told).into());
    }
    let (mut reports, mut problems) = (Vec::new(), Vec::new());
    for listed in &own {
        match connector::load(&listed.id, Some(folder)) {
            Ok(connector) => reports.push(connector::mapping_test(&Arc::new(connector))),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let good = reports.iter().all(connector::Report::is_good);
    context.answer(
        || {
            let mut text: String =
                reports.iter().map(|report| mapping::told(report, false)).collect::<Vec<_>>().join("\n");
            if problems.is_empty() && good {
                let _ = writeln!(
                    text,
                    "\n{} in {} fits.",
                    plural(own.len(), "connector", "connectors"),
                    folder.display()
                );
            }
            text
        },
        || json!({ "ok": problems.is_empty() && good, "problems": problems, "reports": reports }),
    )?;
    if !problems.is_empty() {
        return Err(Misconfigured(problems.join("\n\n")).into());
    }
    Ok(if good { Exit::Fine } else { Exit::Failed })
}
