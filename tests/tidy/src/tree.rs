//! The files of the repository, as git sees them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A larger file is listed but its text is not read.
pub const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// One file that is tracked, or would be by `git add --all`.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// The text; empty for a file that is not UTF-8 or is too large.
    pub text: String,
}

impl File {
    /// A file made by hand, for the tests of the rules.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Is this Rust source?
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Is this generated code, which no style rule binds?
    pub fn is_generated(&self) -> bool {
        self.path.contains("/gen/")
    }

    /// Is this text for people?
    pub fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }
}

/// The repository.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The folder that holds the workspace manifest.
    pub root: PathBuf,
    /// Every file, sorted by path.
    pub files: Vec<File>,
}

impl Tree {
    /// Reads the repository this package stands in.
    ///
    /// # Errors
    /// A sentence for people when git cannot list the files or a file cannot be read.
    pub fn of_this_repository() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .ok_or("this package is not two folders below the repository's root")?
            .to_path_buf();
        let mut files = Vec::new();
        for path in listed(&root)? {
            if let Some(file) = read(&root, path)? {
                files.push(file);
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self { root, files })
    }

    /// The text of a file, if it is there.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// The Rust files written by people.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust() && !file.is_generated())
    }
}

/// Asks git for the tracked files and for the new ones that it does not ignore.
fn listed(root: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git could not be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git could not list the files: {}", said.trim()));
    }
    let names = String::from_utf8(output.stdout)
        .map_err(|_| "a file name in the repository is not UTF-8".to_owned())?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Reads one file; a tracked file that was removed from the disk is no file.
fn read(root: &Path, path: String) -> Result<Option<File>, String> {
    let on_disk = root.join(&path);
    let Ok(about) = std::fs::metadata(&on_disk) else {
        return Ok(None);
    };
    if !about.is_file() {
        return Ok(None);
    }
    let bytes = if about.len() > FILE_BYTES_MAX {
        Vec::new()
    } else {
        std::fs::read(&on_disk).map_err(|error| format!("`{path}` cannot be read: {error}"))?
    };
    Ok(Some(File { path, text: String::from_utf8(bytes).unwrap_or_default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_lists_this_very_file_and_nothing_that_git_ignores() {
        let tree = Tree::of_this_repository().unwrap();
        let here = tree.text("tests/tidy/src/tree.rs").unwrap();
        assert!(here.contains("lists_this_very_file"));
        assert!(tree.files.iter().all(|file| !file.path.starts_with("target/")));
        assert!(tree.text("Cargo.toml").unwrap().contains("[workspace]"));
    }
}
