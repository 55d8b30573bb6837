//! The keys the reader trusts. They come from the reader, never from what is verified.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use writ_chain::keys::Trusted;

use crate::api::Api;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output;
use crate::target::read;

/// Name of the file's place in `dev.env` and in the environment.
const VARIABLE: &str = "WRIT_LEDGER_KEYS";

#[derive(Args)]
pub(super) struct KeysArg {
    /// Keys that may have signed: what `writ audit keys` prints, or ["name+id+key", …] for
    /// checkpoints alone; kept where the ledger's operator cannot change it
    #[arg(long, env = VARIABLE, value_name = "KEYS.json")]
    keys: Option<PathBuf>,
}

/// The form of `/.well-known/writ-keys.json`. A name that is none of these is a mistake, and would be
/// a key that is not looked at.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    keys: Vec<String>,
    #[serde(default)]
    export_keys: Vec<String>,
    #[serde(default)]
    witness_keys: Vec<String>,
    #[serde(default, rename = "certificateKeys")]
    _certificate_keys: IgnoredAny,
    #[serde(default, rename = "details")]
    _details: IgnoredAny,
}

impl KeysArg {
    /// Reads the file that was named, or the one of the development stack.
    pub(super) fn load(&self, context: &Context) -> Result<Trusted, Failure> {
        let Some(path) = self.path(context) else {
            return Err(Failure::Usage(format!(
                "which keys do you trust? give --keys KEYS.json or {VARIABLE}"
            )));
        };
        parse(&read(&path)?).map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))
    }

    /// As [`KeysArg::load`]; without a file the server is asked for its key, which shows changes
    /// made behind its back and not those it makes itself. That is said.
    pub(super) async fn load_or_ask(&self, context: &Context) -> Result<Trusted, Failure> {
        if self.path(context).is_some() {
            return self.load(context);
        }
        let Ok(target) = context.target.resolve(&context.target.dev_env()) else {
            return self.load(context);
        };
        let from = target.url.clone();
        let keys = ask(&Api::new(target)?).await?;
        output::note(&format!(
            "keys taken from {from}: keep a copy where its operator cannot change it, and give it \
             with --keys"
        ))?;
        trusted(&keys).map_err(unnamed)
    }

    fn path(&self, context: &Context) -> Option<PathBuf> {
        let of_stack = || context.target.dev_env().get(VARIABLE).map(PathBuf::from);
        self.keys.clone().or_else(of_stack)
    }
}

/// Writes the server's keys as a file for `--keys`, or their fingerprints as a table.
pub(super) async fn print(context: &Context) -> Result<(), Failure> {
    let keys = ask(&context.api()?).await?;
    trusted(&keys).map_err(unnamed)?;
    output::json(&keys)?;
    let details = keys.get("details").and_then(Value::as_array);
    for key in details.into_iter().flatten() {
        let of = |field: &str| key.get(field).and_then(Value::as_str).unwrap_or_default();
        output::note(&format!(
            "{:<12} {}+{}  sha256:{}",
            of("use"),
            of("name"),
            of("id"),
            of("fingerprint")
        ))?;
    }
    Ok(())
}

/// The keys the server says it signs with.
pub(crate) async fn ask(api: &Api) -> Result<Value, Failure> {
    api.get_bare(&[".well-known", "writ-keys.json"]).await
}

fn unnamed(why: String) -> Failure {
    Failure::Unavailable(format!(
        "the server names no keys for its checkpoints: {why}"
    ))
}

fn trusted(document: &Value) -> Result<Trusted, String> {
    parse(&document.to_string())
}

fn parse(text: &str) -> Result<Trusted, String> {
    let listed = || {
        serde_json::from_str(text).map(|keys| Named {
            keys,
            ..Named::default()
        })
    };
    let named = serde_json::from_str::<Named>(text);
    let read = named.or_else(|why| listed().map_err(|_| why));
    let Named {
        keys,
        export_keys,
        witness_keys,
        ..
    } = read.map_err(|why| format!(r#"expected {{"keys": ["name+id+key", …], …}}: {why}"#))?;
    if keys.is_empty() {
        return Err("no key in it".to_owned());
    }
    Trusted::read(&keys, &export_keys, &witness_keys).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn both_shapes_are_read() {
        for text in [format!("[\"{KEY}\"]"), format!("{{\"keys\":[\"{KEY}\"]}}")] {
            assert_eq!(parse(&text).unwrap().checkpoint[0].name(), "PeterNeumann");
        }
    }

    #[test]
    fn each_key_is_for_its_use() {
        let text = format!(r#"{{"keys":["{KEY}"],"exportKeys":["{KEY}"],"details":[]}}"#);
        let trusted = parse(&text).unwrap();
        assert_eq!((trusted.export.len(), trusted.witness.len()), (1, 0));
    }

    #[test]
    fn no_key_or_a_wrong_one_is_refused() {
        for text in ["[]", "{}", "[1]", "[\"a+b\"]", "", "{\"keys\":[]}"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let typed = format!(r#"{{"keys":["{KEY}"],"exportkeys":["{KEY}"]}}"#);
        let why = parse(&typed).unwrap_err();
        assert!(why.contains("exportkeys"), "{why}");
    }
}
