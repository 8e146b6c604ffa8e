//! Reads files: bounded, and with the path in every error.

use crate::error::NodeError;
use crate::key_file::{KEY_FILE_BYTES_MAX, Key, KeyEncryptionKey, KeyKind};
use agreement::Docket;
use agreement::docket::{self, PAPERS_BYTES_MAX};
use domain::encoding;
use domain::envelope::{Envelope, PAYLOAD_BYTES_MAX};
use domain::name::AgencyId;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a file holds; zeroised when dropped, for it may be a secret.
pub type Contents = Zeroizing<Vec<u8>>;

/// The longest manifest file, in bytes.
pub const MANIFEST_FILE_BYTES_MAX: u64 = 16 * 1024;
/// The longest PEM file, in bytes.
pub const PEM_FILE_BYTES_MAX: u64 = 64 * 1024;
/// The most files read from one folder.
pub const FOLDER_FILES_MAX: usize = 1024;

/// Reads a file of at most so many bytes.
///
/// # Errors
/// [`NodeError::File`], [`NodeError::TooLong`].
pub fn read(path: &Path, bytes_max: u64) -> Result<Contents, NodeError> {
    let failed = |error: io::Error| {
        let (path, kind) = (path.to_owned(), error.kind());
        NodeError::File { doing: "read", path, kind }
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(NodeError::TooLong { path: path.to_owned(), bytes_max });
    }
    Ok(bytes)
}

/// Reads a text in UTF-8.
///
/// # Errors
/// Those of [`read`], and [`NodeError::NotUnderstood`].
pub fn read_text(path: &Path, bytes_max: u64) -> Result<Zeroizing<String>, NodeError> {
    let bytes = read(path, bytes_max)?;
    match core::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => {
            let why = "it is not text in UTF-8".to_owned();
            Err(NodeError::NotUnderstood { path: path.to_owned(), why })
        }
    }
}

/// Reads a key file of that kind.
///
/// # Errors
/// Those of [`read_text`], and [`NodeError::Key`].
pub fn read_key(
    path: &Path,
    kind: KeyKind,
    agency: Option<&AgencyId>,
    unlock: Option<&KeyEncryptionKey>,
) -> Result<Key, NodeError> {
    let text = read_text(path, KEY_FILE_BYTES_MAX)?;
    Key::from_text(&text, kind, agency, unlock)
        .map_err(|fault| NodeError::Key { path: path.to_owned(), fault })
}

/// Reads the signed manifest of a node.
///
/// # Errors
/// Those of [`read`], and [`NodeError::Malformed`]. No signature was verified.
pub fn read_manifest(path: &Path) -> Result<Envelope, NodeError> {
    let bytes = read(path, MANIFEST_FILE_BYTES_MAX)?;
    encoding::from_bytes("manifest", &bytes, PAYLOAD_BYTES_MAX)
        .map_err(|error| NodeError::Malformed { path: path.to_owned(), error })
}

/// Reads a docket: the papers of an agreement, each verified.
///
/// # Errors
/// Those of [`read`], [`NodeError::Malformed`] and [`NodeError::Agreement`].
pub fn read_docket(path: &Path) -> Result<Docket, NodeError> {
    let bytes = read(path, u64::try_from(PAPERS_BYTES_MAX).unwrap_or(u64::MAX))?;
    let papers = docket::from_file(&bytes)
        .map_err(|error| NodeError::Malformed { path: path.to_owned(), error })?;
    Ok(Docket::open(papers)?)
}

/// The files of a folder with this ending, in the order of their names.
///
/// # Errors
/// [`NodeError::File`]; [`NodeError::NotUnderstood`] for more than [`FOLDER_FILES_MAX`].
pub fn list(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, NodeError> {
    let failed = |error: io::Error| {
        let (path, kind) = (folder.to_owned(), error.kind());
        NodeError::File { doing: "list", path, kind }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
        if files.len() > FOLDER_FILES_MAX {
            let why = format!("more than {FOLDER_FILES_MAX} files end with .{ending}");
            return Err(NodeError::NotUnderstood { path: folder.to_owned(), why });
        }
    }
    files.sort();
    Ok(files)
}

/// Who beside its owner may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Nobody else, as far as this system can tell.
    OwnerOnly,
    /// A group, or everybody.
    Others,
}

/// Who may read it? On systems without Unix modes this cannot be told.
pub fn readers(path: &Path) -> Readers {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = path.metadata().map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            return Readers::Others;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Readers::OwnerOnly
}
