//! Merging the four layers and naming everything that is wrong.

use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Dict;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Validate;
use super::check::{leaves, unknown_fields};

/// The flags every service has.
#[derive(Debug, Clone, Default, clap::Parser)]
pub struct Cli {
    /// A TOML file; see config.default.toml for all settings.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one field, e.g. `--set host.listen=127.0.0.1:0`; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Prints the effective configuration, secrets redacted, and ends.
    #[arg(long)]
    pub print_config: bool,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("configuration of {service} is not usable:\n  - {}", .problems.join("\n  - "))]
pub struct ConfigError {
    /// The service it is for.
    pub service: String,
    /// One line each.
    pub problems: Vec<String>,
}

/// Loads `T`: its default, then the file, then `WRIT_<SERVICE>__<KEY>` (nested with `__`), then
/// `--set`. `T::default()` must serialise every field, and has no secrets in it.
///
/// # Errors
/// All unknown fields, all fields of a wrong type, or else all of `validate`'s complaints.
pub fn load<T>(service: &str, cli: &Cli) -> Result<T, ConfigError>
where
    T: Serialize + DeserializeOwned + Default + Validate,
{
    let refuse = |problems| ConfigError {
        service: service.to_owned(),
        problems,
    };
    let known = Figment::from(Serialized::defaults(T::default()));
    let mut given = Figment::new();
    if let Some(file) = &cli.config {
        if !file.is_file() {
            return Err(refuse(vec![format!(
                "file {} does not exist",
                file.display()
            )]));
        }
        given = given.merge(Toml::file_exact(file));
    }
    given = given.merge(Env::prefixed(&env_prefix(service)).split("__"));
    for pair in &cli.set {
        let Some((path, value)) = pair.split_once('=') else {
            return Err(refuse(vec![format!("--set {pair}: expected PATH=VALUE")]));
        };
        given = given.merge((path.trim(), literal(value)));
    }
    let value = extract::<T>(&known, &given).map_err(refuse)?;
    let problems = value.validate();
    if problems.is_empty() {
        Ok(value)
    } else {
        Err(refuse(problems))
    }
}

/// The effective configuration as TOML, secrets redacted.
///
/// # Errors
/// When `T` cannot be written as TOML.
pub fn print<T: Serialize>(config: &T) -> Result<String, toml::ser::Error> {
    let mut table = toml::Table::try_from(config)?;
    redact(&mut table);
    toml::to_string_pretty(&table)
}

/// Fields of these names are secrets even where their type does not say so.
const SECRET_NAMES: [&str; 5] = ["password", "pepper", "secret", "seed", "token"];

fn redact(table: &mut toml::Table) {
    for (name, value) in table.iter_mut() {
        let secret = SECRET_NAMES.iter().any(|word| name.ends_with(word));
        match value {
            toml::Value::Table(inner) => redact(inner),
            toml::Value::String(text) if secret && !text.is_empty() => {
                "[redacted]".clone_into(text);
            }
            toml::Value::String(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_) => {}
        }
    }
}

fn env_prefix(service: &str) -> String {
    format!("WRIT_{}__", service.to_uppercase().replace('-', "_"))
}

/// A flag's value as figment reads an environment variable: `5`, `true`, `[1,2]` or text.
fn literal(text: &str) -> figment::value::Value {
    text.parse()
        .unwrap_or_else(|never: std::convert::Infallible| match never {})
}

fn extract<T: Serialize + DeserializeOwned>(
    known: &Figment,
    given: &Figment,
) -> Result<T, Vec<String>> {
    let defaults: Dict = known.extract().map_err(|error| lines(&error))?;
    let dict: Dict = given.extract().map_err(|error| lines(&error))?;
    let unknown = unknown_fields(&defaults, &dict);
    let merged = known.clone().merge(given.clone()).extract();
    let merged = match merged {
        Ok(value) if unknown.is_empty() => return Ok(value),
        merged => merged.err(),
    };
    let mut problems = wrong_leaves::<T>(known, &dict, &unknown);
    problems.extend(unknown.iter().map(|path| format!("unknown field `{path}`")));
    if problems.is_empty() {
        problems.extend(merged.iter().flat_map(lines));
    }
    Err(problems)
}

/// Serde stops at the first field of a wrong type, so each given leaf is tried alone.
fn wrong_leaves<T: DeserializeOwned>(
    known: &Figment,
    given: &Dict,
    unknown: &[String],
) -> Vec<String> {
    let known_leaf = |path: &str| !unknown.iter().any(|field| path.starts_with(field.as_str()));
    let alone = leaves(given)
        .into_iter()
        .filter(|(path, _)| known_leaf(path));
    let wrong = alone.filter_map(|(path, value)| {
        let error = known
            .clone()
            .merge((path.as_str(), value))
            .extract::<T>()
            .err()?;
        Some(format!("`{path}`: {}", error.kind))
    });
    wrong.collect()
}

fn lines(error: &figment::Error) -> Vec<String> {
    error
        .clone()
        .into_iter()
        .map(|one| one.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::{HumanDuration, Secret};
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        size: u16,
        wait: HumanDuration,
        inner: Inner,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        token: Secret,
        names: Vec<String>,
        signing_seed: String,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                size: 4,
                wait: HumanDuration::from_secs(5),
                inner: Inner::default(),
            }
        }
    }

    impl Validate for Sample {
        fn validate(&self) -> Vec<String> {
            let mut problems = Vec::new();
            if self.size == 0 {
                problems.push("size: must be at least 1".to_owned());
            }
            problems
        }
    }

    fn with(set: &[&str]) -> Result<Sample, ConfigError> {
        let set = set.iter().map(|&s| s.to_owned()).collect();
        load(
            "sample",
            &Cli {
                set,
                ..Cli::default()
            },
        )
    }

    #[test]
    fn flags_stand_over_defaults_and_secrets_are_not_printed() {
        let config = with(&[
            "size=9",
            "inner.token=hush",
            "inner.names=[a,b]",
            "inner.signing_seed=hush",
        ])
        .unwrap();
        assert_eq!((config.size, config.wait.to_string().as_str()), (9, "5s"));
        assert_eq!(config.inner.token.expose(), "hush");
        assert_eq!(config.inner.names, ["a", "b"]);
        let shown = print(&config).unwrap();
        assert!(
            shown.contains("[redacted]") && !shown.contains("hush"),
            "{shown}"
        );
        assert!(!format!("{:?}", config.inner.token).contains("hush"));
    }

    #[test]
    fn all_unknown_fields_are_named_at_once() {
        let error = with(&["sise=9", "inner.tokn=x"]).unwrap_err();
        assert_eq!(
            error.problems,
            ["unknown field `inner.tokn`", "unknown field `sise`"]
        );
    }

    #[test]
    fn all_wrong_values_are_named_at_once() {
        let error = with(&["size=big", "wait=soon"]).unwrap_err();
        assert_eq!(error.problems.len(), 2, "{error}");
        assert!(
            error.to_string().contains("`soon` is not a duration"),
            "{error}"
        );
        assert_eq!(
            with(&["size=0"]).unwrap_err().problems,
            ["size: must be at least 1"]
        );
    }

    #[test]
    fn a_file_stands_under_flags() {
        let path = std::env::temp_dir().join(format!("writ-config-{}.toml", std::process::id()));
        std::fs::write(&path, "size = 7\nwait = \"1s\"\n").unwrap();
        let cli = Cli {
            config: Some(path.clone()),
            set: vec!["size=8".into()],
            print_config: false,
        };
        let config: Sample = load("sample", &cli).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!((config.size, config.wait.to_string().as_str()), (8, "1s"));
    }
}
