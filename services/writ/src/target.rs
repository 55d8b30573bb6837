//! Which server, with which key.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::contexts::{Contexts, Entry};
use crate::env_file::DevEnv;
use crate::failure::Failure;

/// Where requests go. What is not given is read from the development stack's `dev.env`.
#[derive(Args)]
pub(crate) struct TargetArgs {
    /// Base URL of Writ
    #[arg(long, env = "WRIT_URL", global = true, help_heading = "Connection")]
    url: Option<String>,
    /// API key; better in the environment than on the command line, which others can see.
    /// EXECLAVE_API_KEY is read too
    #[arg(
        long,
        env = "WRIT_API_KEY",
        hide_env_values = true,
        global = true,
        help_heading = "Connection"
    )]
    key: Option<String>,
    #[arg(
        long = "sdk-key",
        env = "EXECLAVE_API_KEY",
        hide = true,
        hide_env_values = true,
        global = true
    )]
    sdk_key: Option<String>,
    #[arg(
        long = "sdk-url",
        env = "EXECLAVE_BASE_URL",
        hide = true,
        global = true
    )]
    sdk_url: Option<String>,
    /// A server kept with `writ context add`, instead of the one in use
    #[arg(
        long,
        env = "WRIT_CONTEXT",
        value_name = "NAME",
        global = true,
        help_heading = "Connection"
    )]
    context: Option<String>,
    #[arg(
        long = "config-home",
        env = "XDG_CONFIG_HOME",
        hide = true,
        global = true
    )]
    config_home: Option<PathBuf>,
    #[arg(long = "user-home", env = "HOME", hide = true, global = true)]
    user_home: Option<PathBuf>,
    /// Folder of the development stack; default: the nearest .writ upwards
    #[arg(
        long,
        env = "WRIT_DEV_DIR",
        value_name = "DIR",
        global = true,
        help_heading = "Connection"
    )]
    dev_dir: Option<PathBuf>,
}

/// A server and the key for it.
pub(crate) struct Target {
    /// Base URL.
    pub(crate) url: String,
    /// The key, if one is known for that server.
    pub(crate) key: Option<String>,
}

impl TargetArgs {
    /// The development stack's file.
    pub(crate) fn dev_env(&self) -> DevEnv {
        let here = std::env::current_dir().unwrap_or_default();
        DevEnv::find(self.dev_dir.as_deref(), &here)
    }

    /// The server that was named with this command.
    pub(crate) fn given_url(&self) -> Option<&str> {
        given(self.url.as_ref()).or(given(self.sdk_url.as_ref()))
    }

    /// The key that was given with this command.
    pub(crate) fn given_key(&self) -> Option<&str> {
        given(self.key.as_ref()).or(given(self.sdk_key.as_ref()))
    }

    /// Where contexts are kept.
    pub(crate) fn contexts_file(&self) -> Result<PathBuf, Failure> {
        let named = self.config_home.clone().filter(|it| it.is_absolute());
        let home = || Some(self.user_home.as_ref()?.join(".config"));
        let folder = named.or_else(home);
        let folder = folder.ok_or_else(|| Failure::Usage("HOME is not set".into()))?;
        Ok(folder.join("writ").join("contexts.json"))
    }

    /// The context that was named, or the one in use where no server was given.
    fn entry(&self) -> Result<Option<Entry>, Failure> {
        let kept = match self.contexts_file() {
            Ok(file) => Contexts::read(&file)?,
            Err(_) => Contexts::default(),
        };
        match given(self.context.as_ref()) {
            Some(name) => kept.named(name).cloned().map(Some),
            None => Ok(kept.current().cloned()),
        }
    }

    /// What was given, then the context, then what the development stack wrote. A key that is kept
    /// only ever goes to the server it is kept with.
    pub(crate) fn resolve(&self, env: &DevEnv) -> Result<Target, Failure> {
        let entry = self.entry()?;
        let same = |kept: &str, url: &str| kept.trim_end_matches('/') == url.trim_end_matches('/');
        if let Some(entry) = entry {
            let url = self.given_url().unwrap_or(&entry.url);
            if same(&entry.url, url) {
                let own = self.given_key().map(str::to_owned);
                return Ok(Target {
                    key: own.or(entry.key),
                    url: url.to_owned(),
                });
            }
        }
        let of_file = env.get("WRIT_URL");
        let Some(url) = self.given_url().or(of_file) else {
            return Err(Failure::Usage(
                "which server? give --url or WRIT_URL, or start one here with `writ dev`".into(),
            ));
        };
        let same = of_file.is_some_and(|file| same(file, url));
        let key = self.given_key().or_else(|| {
            let key = env.get("WRIT_ADMIN_KEY").or(env.get("WRIT_API_KEY"));
            key.filter(|_| same)
        });
        Ok(Target {
            url: url.to_owned(),
            key: key.map(str::to_owned),
        })
    }
}

/// An empty variable counts as unset.
fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let read = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| Failure::Unavailable(format!("cannot read {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: Option<&str>, key: Option<&str>) -> TargetArgs {
        TargetArgs {
            url: url.map(str::to_owned),
            key: key.map(str::to_owned),
            sdk_key: None,
            sdk_url: None,
            context: None,
            config_home: None,
            user_home: None,
            dev_dir: None,
        }
    }

    fn dev() -> (tempfile::TempDir, DevEnv) {
        let dir = tempfile::tempdir().unwrap();
        let text = "WRIT_URL=http://dev\nWRIT_API_KEY=low\nWRIT_ADMIN_KEY=high\n";
        std::fs::write(dir.path().join("dev.env"), text).unwrap();
        let env = DevEnv::find(Some(dir.path()), dir.path());
        (dir, env)
    }

    #[test]
    fn what_is_given_stands_over_the_file() {
        let (_dir, env) = dev();
        let target = args(Some("http://other"), Some("k")).resolve(&env).unwrap();
        assert_eq!(
            (target.url.as_str(), target.key.as_deref()),
            ("http://other", Some("k"))
        );
        let target = args(None, None).resolve(&env).unwrap();
        assert_eq!(
            (target.url.as_str(), target.key.as_deref()),
            ("http://dev", Some("high"))
        );
    }

    #[test]
    fn a_key_of_the_file_goes_to_no_other_server() {
        let (_dir, env) = dev();
        assert!(
            args(Some("http://other"), None)
                .resolve(&env)
                .unwrap()
                .key
                .is_none()
        );
        let same = args(Some("http://dev/"), None).resolve(&env).unwrap();
        assert_eq!(same.key.as_deref(), Some("high"));
    }

    #[test]
    fn no_server_at_all_says_what_to_do() {
        let error = args(None, Some("k"))
            .resolve(&DevEnv::default())
            .err()
            .unwrap();
        assert!(error.to_string().contains("writ dev"), "{error}");
    }
}
