//! The keys the reader trusts. They come from the reader, never from what is verified.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use writ_chain::keys::NamedVerifier;

use crate::api::Api;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output;
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
    pub(super) fn load(&self, context: &Context) -> Result<Vec<NamedVerifier>, Failure> {
        let Some(path) = self.path(context) else {
            return Err(Failure::Usage(format!(
                "which keys do you trust? give --keys KEYS.json or {VARIABLE}"
            )));
        };
        parse(&read(&path)?).map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))
    }

    /// As [`KeysArg::load`]; without a file the server is asked for its key, which shows changes
    /// made behind its back and not those it makes itself. That is said.
    pub(super) async fn load_or_ask(
        &self,
        context: &Context,
    ) -> Result<Vec<NamedVerifier>, Failure> {
        if self.path(context).is_some() {
            return self.load(context);
        }
        let Ok(target) = context.target.resolve(&context.target.dev_env()) else {
            return self.load(context);
        };
        let from = target.url.clone();
        let key = ask(&Api::new(target)?).await?;
        output::note(&format!(
            "key taken from {from}: keep a copy where its operator cannot change it, and give it \
             with --keys"
        ))?;
        Ok(vec![key])
    }

    fn path(&self, context: &Context) -> Option<PathBuf> {
        let of_stack = || context.target.dev_env().get(VARIABLE).map(PathBuf::from);
        self.keys.clone().or_else(of_stack)
    }
}

/// Writes the server's key as a file for `--keys`.
pub(super) async fn print(context: &Context) -> Result<(), Failure> {
    let key = ask(&context.api()?).await?;
    output::json(&json!({ "keys": [key.to_string()] }))
}

/// The key the server says it signs checkpoints with.
async fn ask(api: &Api) -> Result<NamedVerifier, Failure> {
    let answer = api.get(&["audit", "checkpoint"], &[]).await?;
    let key = answer.pointer("/data/publicKey").and_then(Value::as_str);
    key.and_then(|text| NamedVerifier::parse(text).ok())
        .ok_or_else(|| Failure::Unavailable("the server names no key for its checkpoints".into()))
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
