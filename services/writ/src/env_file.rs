//! `.writ/dev.env`: where the development stack says what it started.

use std::collections::BTreeMap;
use std::path::Path;

const NAME: &str = "dev.env";
const DEFAULT_DIR: &str = ".writ";

/// The values of a `dev.env`, or none when there is no such file.
#[derive(Default)]
pub(crate) struct DevEnv {
    values: BTreeMap<String, String>,
}

impl DevEnv {
    /// Reads `<dir>/dev.env`, or without `dir` the nearest `.writ/dev.env` from `from` upwards.
    pub(crate) fn find(dir: Option<&Path>, from: &Path) -> Self {
        let path = match dir {
            Some(dir) => Some(dir.join(NAME)),
            None => from
                .ancestors()
                .map(|above| above.join(DEFAULT_DIR).join(NAME))
                .find(|file| file.is_file()),
        };
        let text = path.and_then(|path| std::fs::read_to_string(path).ok());
        Self {
            values: parse(&text.unwrap_or_default()),
        }
    }

    /// One value; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// `NAME=value` lines as a shell reads them: `export`, comments and one pair of quotes are allowed.
fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), unquote(value.trim()).to_owned()))
        .collect()
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_lines_are_read() {
        let read = parse("# dev\nexport A=1\nB=\"x=y\"\n C = 'z' \n\nnothing\nD=\n");
        let pairs: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "x=y"), ("C", "z"), ("D", "")]);
    }

    #[test]
    fn the_nearest_folder_upwards_is_used() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::create_dir(root.path().join(".writ")).unwrap();
        std::fs::write(root.path().join(".writ/dev.env"), "WRIT_URL=http://x\n").unwrap();
        let found = DevEnv::find(None, &deep);
        assert_eq!(found.get("WRIT_URL"), Some("http://x"));
        assert_eq!(found.get("WRIT_API_KEY"), None);
        assert!(DevEnv::find(Some(&deep), &deep).get("WRIT_URL").is_none());
    }
}
