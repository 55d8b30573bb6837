//! Which files a command reads.

use std::path::{Path, PathBuf};

use clap::Args;

use super::packs;
use crate::failure::Failure;
use crate::target::read;

/// Endings of files that are looked for in folders.
const ENDINGS: &[&str] = &["yaml", "yml", "json"];
/// What the name of a file of tests ends with.
const TESTS: &str = "_test";

/// Where policies come from.
#[derive(Args)]
pub(crate) struct Sources {
    /// Files or folders, read with all below them; - is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The same as PATH; may be repeated
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// A starter pack (`writ policy packs`); may be repeated
    #[arg(long = "pack", value_name = "NAME")]
    packs: Vec<String>,
}

/// A file, read.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// As it is shown.
    pub(super) name: String,
    /// What it shares with the tests and policies beside it.
    pub(super) folder: PathBuf,
    pub(super) text: String,
}

impl Sources {
    /// Reads everything; a folder's files in the order of their names.
    pub(super) fn read(&self) -> Result<Vec<Text>, Failure> {
        let mut texts = Vec::new();
        let mut paths = Vec::new();
        for path in self.paths.iter().chain(&self.files) {
            collect(path, &mut paths)?;
        }
        paths.dedup();
        for path in paths {
            if texts.iter().any(|it: &Text| Path::new(&it.name) == path) {
                continue;
            }
            texts.push(Text {
                text: read(&path)?,
                folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
                name: path.display().to_string(),
            });
        }
        for name in &self.packs {
            texts.extend(packs::texts(name)?);
        }
        if texts.is_empty() {
            return Err(Failure::Usage(
                "which policies? name files or folders, or a pack with --pack".into(),
            ));
        }
        Ok(texts)
    }
}

/// A file with the tests beside it, or what is in a folder.
fn collect(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_dir() {
        let before = found.len();
        in_folder(path, found)?;
        return match found.len() {
            after if after > before => Ok(()),
            _ => Err(Failure::Unavailable(format!(
                "{}: no {} file in it",
                path.display(),
                ENDINGS.join(", ")
            ))),
        };
    }
    found.push(path.to_path_buf());
    if let Some(stem) = path.file_stem().and_then(|it| it.to_str()) {
        let beside = ENDINGS
            .iter()
            .map(|ending| path.with_file_name(format!("{stem}{TESTS}.{ending}")));
        found.extend(beside.filter(|path| path.is_file()));
    }
    Ok(())
}

fn in_folder(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| {
        Failure::Unavailable(format!("cannot read {}: {error}", folder.display()))
    };
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        inside.push(entry.map_err(wrong)?.path());
    }
    inside.sort();
    for path in inside {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            in_folder(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|it| ENDINGS.iter().any(|ending| it == *ending))
        {
            found.push(path);
        }
    }
    Ok(())
}
