//! Writes files that only their owner may read, and never over one that is there.

use crate::error::NodeError;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Files and folders that belong together: all are kept, or none.
///
/// Dropped before [`NewFiles::keep`], it removes what it made, so that a second try starts clean.
#[derive(Debug, Default)]
pub(crate) struct NewFiles {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl NewFiles {
    /// Makes a folder for the owner alone; one that is there is left as it is.
    pub(crate) fn folder(&mut self, path: &Path) -> Result<(), NodeError> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            private_folder(folder).map_err(failed("make", folder))?;
            self.folders.push(folder.to_owned());
        }
        Ok(())
    }

    /// Writes a new file for the owner alone and waits until it is on disk.
    pub(crate) fn file(&mut self, path: &Path, bytes: &[u8]) -> Result<(), NodeError> {
        let mut file = match private_file(path, OpenOptions::new().create_new(true)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(NodeError::Exists { path: path.to_owned() });
            }
            Err(error) => return Err(failed("write", path)(error)),
        };
        self.files.push(path.to_owned());
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(failed("write", path))
    }

    /// Everything was written: it stays.
    pub(crate) fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for NewFiles {
    fn drop(&mut self) {
        for file in self.files.iter().rev() {
            let _ = std::fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            // A folder that somebody else has put something into meanwhile stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Replaces a file in one step: a reader sees the old bytes or the new ones, never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), NodeError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let options = &mut OpenOptions::new();
    let written = private_file(&beside, options.create(true).truncate(true))
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        failed("write", path)(error)
    })
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> NodeError {
    let path = path.to_owned();
    move |error| NodeError::File { doing, path, kind: error.kind() }
}

fn private_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.write(true).open(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_kept_is_removed_and_nothing_is_written_over() {
        let home = tempfile::tempdir().unwrap();
        let inner = home.path().join("a/b");
        let mut files = NewFiles::default();
        files.folder(&inner).unwrap();
        files.file(&inner.join("one"), b"1").unwrap();
        let again = files.file(&inner.join("one"), b"2").unwrap_err();
        assert!(matches!(again, NodeError::Exists { .. }));
        assert_eq!(std::fs::read(inner.join("one")).unwrap(), b"1");
        drop(files);
        assert!(!home.path().join("a").exists() && home.path().exists());
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        replace(&file, b"first").unwrap();
        replace(&file, b"2").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"2");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
        assert!(replace(&home.path().join("missing/file"), b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let mut files = NewFiles::default();
        files.folder(&home.path().join("keys")).unwrap();
        files.file(&home.path().join("keys/one"), b"1").unwrap();
        replace(&home.path().join("two"), b"2").unwrap();
        assert_eq!(mode(&home.path().join("keys")), 0o700);
        assert_eq!(mode(&home.path().join("keys/one")), 0o600);
        assert_eq!(mode(&home.path().join("two")), 0o600);
        files.keep();
    }
}
