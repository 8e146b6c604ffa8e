//! Finds the rules of a folder or a file: the common floor and one file for each country.

use crate::config;
use crate::error::Failure;
use cedar_engine::{COMMON_FLOOR, CedarError, Engine, POLICY_BYTES_MAX};
use policy::proposal::PolicyText;
use std::path::{Path, PathBuf};

/// The file of the common floor.
const FLOOR: &str = "common.cedar";
/// What stands for a file where the rules come from the own node.
const NODE: &str = "the node";
/// The most files of one folder.
const FILES_MAX: usize = 64;

/// One country's rules with the floor they stand on.
pub(super) struct Source {
    /// The name of the file.
    pub(super) name: String,
    /// The file.
    pub(super) path: PathBuf,
    floor: String,
    local: String,
}

impl Source {
    /// Loads the rules.
    pub(super) fn load(&self) -> Result<Engine, CedarError> {
        Engine::load(&self.floor, &self.local)
    }

    /// Loads the rules, or stops the command.
    pub(super) fn engine(&self) -> Result<Engine, Failure> {
        self.load().map_err(|error| refused(&self.path, &error))
    }

    /// Rules as the own node has them.
    pub(super) fn of_node(text: &PolicyText) -> Self {
        let (floor, local) = (text.floor.clone(), text.local.clone());
        Self { name: NODE.to_owned(), path: PathBuf::from(NODE), floor, local }
    }

    /// The same local rules on the floor of the own node, which is the one they would stand on.
    pub(super) fn on_floor_of(mut self, text: &PolicyText) -> Self {
        self.floor.clone_from(&text.floor);
        self
    }

    /// The local rules.
    pub(super) fn local(&self) -> &str {
        &self.local
    }

    /// The same floor with no rule of any country: nothing is permitted.
    pub(super) fn without_local(&self) -> Self {
        Self {
            name: self.name.clone(),
            path: self.path.clone(),
            floor: self.floor.clone(),
            local: String::new(),
        }
    }
}

/// A file that holds no usable rules.
pub(super) fn refused(path: &Path, error: &CedarError) -> Failure {
    Failure::FileInvalid { file: path.to_owned(), line: 0, why: error.to_string() }
}

/// The rules of a folder, ascending by name, or of one file.
pub(super) fn read(path: &Path) -> Result<Vec<Source>, Failure> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new(".")) };
    let floor_file = folder.join(FLOOR);
    let floor = match floor_file.is_file() {
        true => text(&floor_file)?,
        false => COMMON_FLOOR.to_owned(),
    };
    let files = if path.is_dir() {
        let mut files = files(path, "cedar")?;
        files.retain(|file| file.file_name().is_some_and(|name| name != FLOOR));
        files
    } else {
        vec![path.to_owned()]
    };
    if files.is_empty() {
        let why = "no country's rules are in this folder; they end in `.cedar`".to_owned();
        return Err(Failure::FileInvalid { file: path.to_owned(), line: 0, why });
    }
    let source = |path: PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let local = if name == FLOOR { String::new() } else { text(&path)? };
        Ok(Source { name, path, floor: floor.clone(), local })
    };
    files.into_iter().map(source).collect()
}

/// The one file that is meant.
pub(super) fn read_one(path: &Path) -> Result<Source, Failure> {
    let mut sources = read(path)?;
    match (sources.len(), sources.pop()) {
        (1, Some(source)) => Ok(source),
        _ => {
            let why = "it holds the rules of several countries; name one file".to_owned();
            Err(Failure::FileInvalid { file: path.to_owned(), line: 0, why })
        }
    }
}

/// The rules of one country: the one file, or in a folder the one that is named after the country.
pub(super) fn read_for(path: &Path, country: &str) -> Result<Source, Failure> {
    let mut sources = read(path)?;
    if sources.len() > 1 {
        let wanted = format!("{}.cedar", country.to_ascii_lowercase());
        sources.retain(|source| source.name == wanted);
    }
    sources.pop().ok_or_else(|| {
        let why = format!("no file in it is named after your country ({country}); name one file");
        Failure::FileInvalid { file: path.to_owned(), line: 0, why }
    })
}

/// The files of a folder with this ending, ascending.
pub(super) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| Failure::FileUnreadable {
        path: folder.to_owned(),
        kind: error.kind(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|known| known == ending) && file.is_file() {
            files.push(file);
        }
        if files.len() > FILES_MAX {
            return Err(Failure::TooMany { what: "files in one folder", most: FILES_MAX });
        }
    }
    files.sort();
    Ok(files)
}

fn text(file: &Path) -> Result<String, Failure> {
    let bytes_max = u64::try_from(POLICY_BYTES_MAX).unwrap_or(u64::MAX);
    Ok(config::read_text(file, bytes_max)?.to_string())
}
