//! The keys the reader trusts. They come from the reader, never from what is verified.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use writ_chain::keys::NamedVerifier;

use crate::env_file::DevEnv;
use crate::failure::Failure;
use crate::target::read;

/// Name of the file's place in `dev.env` and in the environment.
const VARIABLE: &str = "WRIT_LEDGER_KEYS";

#[derive(Args)]
pub(super) struct KeysArg {
    /// Keys that may have signed: ["name+id+key", …] or {"keys": […]}, kept where the ledger's
    /// operator cannot change it
    #[arg(long, env = VARIABLE, value_name = "KEYS.json")]
    keys: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyFile {
    List(Vec<String>),
    Named { keys: Vec<String> },
}

impl KeysArg {
    /// Reads the file that was named, or the one of the development stack.
    pub(super) fn load(&self, env: &DevEnv) -> Result<Vec<NamedVerifier>, Failure> {
        let path = self
            .keys
            .clone()
            .or_else(|| env.get(VARIABLE).map(PathBuf::from));
        let Some(path) = path else {
            return Err(Failure::Usage(format!(
                "which keys do you trust? give --keys KEYS.json or {VARIABLE}"
            )));
        };
        parse(&read(&path)?).map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))
    }
}

fn parse(text: &str) -> Result<Vec<NamedVerifier>, String> {
    let file: KeyFile = serde_json::from_str(text)
        .map_err(|_| r#"expected ["name+id+key", …] or {"keys": […]}"#.to_owned())?;
    let (KeyFile::List(keys) | KeyFile::Named { keys }) = file;
    if keys.is_empty() {
        return Err("no key in it".to_owned());
    }
    let read = |key: &String| NamedVerifier::parse(key).map_err(|why| format!("{key}: {why}"));
    keys.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn both_shapes_are_read() {
        for text in [format!("[\"{KEY}\"]"), format!("{{\"keys\":[\"{KEY}\"]}}")] {
            assert_eq!(parse(&text).unwrap()[0].name(), "PeterNeumann");
        }
    }

    #[test]
    fn no_key_or_a_wrong_one_is_refused() {
        for text in ["[]", "{}", "[1]", "[\"a+b\"]", "", "{\"keys\":[]}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
