//! `writ context`: servers and their keys by name, in `writ/contexts.json` of the configuration
//! folder, which only its owner may read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::Context;
use crate::failure::Failure;
use crate::output::{self, Column};

const COLUMNS: &[Column] = &[
    ("CURRENT", "/current"),
    ("NAME", "/name"),
    ("URL", "/url"),
    ("KEY", "/key"),
];
/// Characters of a key that are shown.
const SHOWN: usize = 12;

#[derive(Subcommand)]
pub(crate) enum ContextCommand {
    /// Keep a server and its key; the key comes from WRIT_API_KEY, --key or standard input
    Add {
        /// What it is called
        name: String,
        /// Use it from now on
        #[arg(long = "use")]
        use_it: bool,
    },
    /// Use one from now on
    Use {
        /// What it is called
        name: String,
    },
    /// Those that are kept
    List,
    /// Forget one
    Remove {
        /// What it is called
        name: String,
    },
}

/// All that is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Contexts {
    current: Option<String>,
    contexts: BTreeMap<String, Entry>,
}

/// A server and the key for it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) url: String,
    pub(crate) key: Option<String>,
}

pub(crate) fn run(command: ContextCommand, context: &Context) -> Result<(), Failure> {
    let file = context.target.contexts_file()?;
    let mut kept = Contexts::read(&file)?;
    match command {
        ContextCommand::List => {
            let rows: Vec<Value> = kept.contexts.iter().map(|it| kept.row(it)).collect();
            return output::rows(context.format, &rows, COLUMNS);
        }
        ContextCommand::Add { name, use_it } => {
            let Some(url) = context.target.given_url() else {
                let why = "which server? give --url or WRIT_URL";
                return Err(Failure::Usage(why.into()));
            };
            let url = url.to_owned();
            let key = match context.target.given_key() {
                Some(key) => Some(key.to_owned()),
                None => asked()?,
            };
            if use_it || kept.contexts.is_empty() {
                kept.current = Some(name.clone());
            }
            kept.contexts.insert(name, Entry { url, key });
        }
        ContextCommand::Use { name } => {
            kept.named(&name)?;
            kept.current = Some(name);
        }
        ContextCommand::Remove { name } => {
            kept.named(&name)?;
            kept.contexts.remove(&name);
            kept.current = kept.current.filter(|current| *current != name);
        }
    }
    kept.write(&file)
}

impl Contexts {
    /// What the file says; nothing when there is none.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(broken(file, &error)),
        };
        serde_json::from_str(&text).map_err(|wrong| broken(file, &wrong))
    }

    /// The one of this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Entry, Failure> {
        self.contexts.get(name).ok_or_else(|| {
            Failure::NotFound(format!("no context `{name}`; see `writ context list`"))
        })
    }

    /// The one in use.
    pub(crate) fn current(&self) -> Option<&Entry> {
        self.contexts.get(self.current.as_ref()?)
    }

    fn row(&self, (name, entry): (&String, &Entry)) -> Value {
        let key = entry.key.as_ref().map(|key| {
            let shown: String = key.chars().take(SHOWN).collect();
            format!("{shown}…")
        });
        let current = self.current.as_ref() == Some(name);
        json!({ "current": if current { "*" } else { "" }, "name": name, "url": entry.url, "key": key })
    }

    /// Replaces the file as a whole; nobody else could read it at any time.
    fn write(&self, file: &Path) -> Result<(), Failure> {
        let done = || -> std::io::Result<()> {
            let folder = file.parent().unwrap_or_else(|| Path::new("."));
            fs::create_dir_all(folder)?;
            let beside = PathBuf::from(format!("{}.new", file.display()));
            drop(fs::remove_file(&beside));
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut open = options.open(&beside)?;
            let text = serde_json::to_string_pretty(self)?;
            open.write_all(text.as_bytes())?;
            open.sync_all()?;
            fs::rename(&beside, file)
        };
        done().map_err(|error| broken(file, &error))
    }
}

/// A line of standard input; at a terminal it is asked for and not seen.
fn asked() -> Result<Option<String>, Failure> {
    let stdin = std::io::stdin();
    let line = if stdin.is_terminal() {
        rpassword::prompt_password("API key: ")?
    } else {
        let mut line = String::new();
        stdin.read_line(&mut line)?;
        line
    };
    Ok(Some(line.trim().to_owned()).filter(|key| !key.is_empty()))
}

fn broken(file: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::Unavailable(format!("{}: {why}", file.display()))
}
