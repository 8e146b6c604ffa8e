//! `backup` and `export`: the store as one file, and its data keys as another, to be kept apart.
//!
//! The key-encryption key is in neither: whoever finds both files reads nothing sealed.

use crate::config::{Config, file};
use crate::error::NodeError;
use crate::progress::Progress;
use domain::time::{Clock as _, SystemClock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use store::archive::{self, Kind, Source, Written};
use store::disk::RealDisk;

/// The longest file of wrapped data keys, in bytes.
pub(crate) const KEY_FILE_BYTES_MAX: u64 = 1 << 20;
/// How many bytes are collected before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Copies everything that is durable now into an archive. A node may be running on the folder.
///
/// The archive is new; the key file is replaced, because only its newest state may be kept: an old one
/// still opens what was erased since. Both are durable before they get their names.
///
/// # Errors
/// [`NodeError::Exists`] for the archive; [`NodeError::Argument`] if both files would lie in one
/// folder; [`NodeError::NoStore`]; [`NodeError::Store`] with the place of whatever is damaged.
pub fn backup(config: &Config, archive: &Path, keys: &Path) -> Result<Written, NodeError> {
    if folder_of(archive)? == folder_of(keys)? {
        return Err(NodeError::Argument {
            what: "the archive and the key file would lie in one folder".to_owned(),
            hint: "keep them apart: the archives may be many and old, the key file only the newest",
        });
    }
    check_store(config)?;
    let disk = RealDisk::new(&config.data_folder);
    let (written, paper) = write(config, &disk, Kind::Backup, archive, keys)?;
    paper.keep()?;
    Ok(written)
}

/// Writes the archive that [`crate::restore::import`] takes, and fences this folder for good: no node
/// starts on it again. Refused while a node is running on it.
///
/// # Errors
/// As [`backup`], but both files may lie in one folder; [`store::Error::InUse`].
pub fn export(config: &Config, archive: &Path, keys: &Path) -> Result<Written, NodeError> {
    if archive == keys {
        return Err(NodeError::Argument {
            what: "the archive and the key file are the same file".to_owned(),
            hint: "name two files",
        });
    }
    check_store(config)?;
    let disk = RealDisk::new(&config.data_folder);
    let _locked = archive::lock(&config.data_folder, &disk)?;
    let (written, paper) = write(config, &disk, Kind::Export, archive, keys)?;
    // Fenced before the archive has its name: there is never one that could be imported beside a
    // folder that still starts.
    archive::mark_moved(&disk, SystemClock.now())?;
    paper.keep()?;
    Ok(written)
}

fn check_store(config: &Config) -> Result<(), NodeError> {
    // Opening makes a folder where there is none: that would copy nothing and look well.
    if config.data_folder.join("journal").is_dir() {
        Ok(())
    } else {
        Err(NodeError::NoStore { path: config.data_folder.clone() })
    }
}

fn write(
    config: &Config,
    disk: &RealDisk,
    kind: Kind,
    archive: &Path,
    keys: &Path,
) -> Result<(Written, Paper), NodeError> {
    let unlock = config.unlock()?;
    let kek = unlock.expose();
    if archive.exists() {
        return Err(NodeError::Exists { path: archive.to_owned() });
    }
    if keys.exists() {
        // Nothing else is written over by mistake.
        archive::check_keys(kek, &file::read(keys, KEY_FILE_BYTES_MAX)?)?;
    }
    let paper = Paper::begin(archive, keys)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, paper.archive.create()?);
    let source = Source { disk, agency: &config.agency, kek };
    let mut progress = Progress::new("reading the journal");
    let now = SystemClock.now();
    let written = archive::write(&source, kind, now, &mut out, &mut |done, total| {
        progress.at(done, total);
    })?;
    let out = out.into_inner().map_err(|error| paper.archive.failed(&error.into_error()))?;
    out.sync_all().map_err(|error| paper.archive.failed(&error))?;
    let mut out = paper.keys.create()?;
    let wrote = out.write_all(&written.keys).and_then(|()| out.sync_all());
    wrote.map_err(|error| paper.keys.failed(&error))?;
    Ok((written, paper))
}

/// Two files without their names yet; removed unless they are kept.
struct Paper {
    archive: Fresh,
    keys: Fresh,
}

impl Paper {
    fn begin(archive: &Path, keys: &Path) -> Result<Self, NodeError> {
        for path in [archive, keys] {
            folder_of(path)?;
        }
        let fresh = |path: &Path| Fresh { path: path.to_owned(), beside: beside(path) };
        Ok(Self { archive: fresh(archive), keys: fresh(keys) })
    }

    /// The key file first: a newer one opens an older archive, and not the other way round.
    fn keep(self) -> Result<(), NodeError> {
        self.keys.name()?;
        self.archive.name()
    }
}

struct Fresh {
    path: PathBuf,
    beside: PathBuf,
}

impl Fresh {
    fn create(&self) -> Result<File, NodeError> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // What an earlier try has left is of no use.
        let _ = fs::remove_file(&self.beside);
        let created = options.write(true).create_new(true).open(&self.beside);
        created.map_err(|error| self.failed(&error))
    }

    fn name(&self) -> Result<(), NodeError> {
        let folder = folder_of(&self.path)?;
        fs::rename(&self.beside, &self.path)
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> NodeError {
        NodeError::File { doing: "write", path: self.path.clone(), kind: error.kind() }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // Once it has its name, there is none of this name.
        let _ = fs::remove_file(&self.beside);
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// The folder in which a file lies or will lie.
fn folder_of(path: &Path) -> Result<PathBuf, NodeError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::canonicalize(folder).map_err(|error| NodeError::File {
        doing: "look into",
        path: folder.to_owned(),
        kind: error.kind(),
    })
}
