//! `backup` and `export`: the store as one file, and its data keys as another, to be kept apart.
//!
//! The key-encryption key is in neither: whoever finds both files reads nothing sealed.

use crate::config::{Config, file};
use crate::error::{NodeError, shown};
use crate::notice;
use crate::progress::Progress;
use crate::recovery::Standing;
use crate::verify::check_folder;
use domain::event::Act;
use domain::time::{Clock as _, SystemClock};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use store::archive::{self, Kind, Source, Written};
use store::disk::RealDisk;
use store::{EmbeddedStore, Store as _};

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
/// folder, or one in the data folder, or the key file is not an earlier state of this store's;
/// [`NodeError::NoStore`]; [`NodeError::Store`] with the place of whatever is damaged.
pub fn backup(config: &Config, archive: &Path, keys: &Path) -> Result<Written, NodeError> {
    if folder_of(archive)? == folder_of(keys)? {
        return Err(NodeError::Argument {
            what: "the archive and the key file would lie in one folder".to_owned(),
            hint: "keep them apart: the archives may be many and old, the key file only the newest",
        });
    }
    check_folder(config)?;
    let disk = RealDisk::new(&config.data_folder);
    let (written, paper) = write(config, &disk, Kind::Backup, archive, keys)?;
    // There is never an archive that the log will not tell of.
    let notice = notice::leave(&config.data_folder, &written, SystemClock.now())?;
    paper.keep().inspect_err(|_| drop(fs::remove_file(notice)))?;
    Ok(written)
}

/// Writes the archive that [`crate::restore::import`] takes, and fences this folder for good: no node
/// starts on it again. Refused while a node is running on it.
///
/// # Errors
/// As [`backup`], but both files may lie in one folder; [`store::Error::Recovery`],
/// [`store::Error::InUse`].
pub fn export(config: &Config, archive: &Path, keys: &Path) -> Result<Written, NodeError> {
    if archive == keys {
        return Err(NodeError::Argument {
            what: "the archive and the key file are the same file".to_owned(),
            hint: "name two files",
        });
    }
    check_folder(config)?;
    enter_export(config)?;
    let disk = RealDisk::new(&config.data_folder);
    let _locked = archive::lock(&config.data_folder, &disk)?;
    let (written, paper) = write(config, &disk, Kind::Export, archive, keys)?;
    // Fenced before the archive has its name: there is never one that could be imported beside a
    // folder that still starts.
    archive::mark_moved(&disk, SystemClock.now())?;
    paper.keep()?;
    Ok(written)
}

/// The entry stands in the archive itself.
fn enter_export(config: &Config) -> Result<(), NodeError> {
    if Standing::of(&config.data_folder)? != Standing::Ordinary {
        // It is refused below; nothing is written into it.
        return Ok(());
    }
    let (store, _) = EmbeddedStore::open(config.store_settings()?)?;
    // What was backed up while no node ran goes along.
    notice::take(&store, &config.data_folder, &mut BTreeSet::new(), SystemClock.now())?;
    let frames = store.head().tree_size;
    notice::enter(&store, Act::Exported, frames, SystemClock.now())?;
    Ok(store.close()?)
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
    let data_folder = fs::canonicalize(&config.data_folder).unwrap_or_default();
    for path in [archive, keys] {
        if folder_of(path)?.starts_with(&data_folder) {
            return Err(NodeError::Argument {
                what: format!("`{}` would lie in the data folder", shown(path)),
                hint: "a backup is for the day on which that folder is lost: name another place",
            });
        }
    }
    let replaced = if keys.exists() { Some(read_keys(config, keys)?) } else { None };
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
    let follows = |replaced| archive::keys_follow(kek, &written.keys, replaced);
    if !replaced.as_deref().map_or(Ok(true), |replaced| follows(replaced))? {
        return Err(NodeError::Argument {
            what: format!(
                "`{}` belongs to another store, or to a later state of this one; without it their \
                 archives could not be opened any more",
                shown(keys)
            ),
            hint: "is `data_folder` right, and its disk mounted? keep that file, and name another \
                   one for this store",
        });
    }
    let mut out = paper.keys.create()?;
    let wrote = out.write_all(&written.keys).and_then(|()| out.sync_all());
    wrote.map_err(|error| paper.keys.failed(&error))?;
    Ok((written, paper))
}

/// Reads a file of wrapped data keys of this node.
///
/// # Errors
/// [`NodeError::Argument`] for any other file; [`store::Error::WrongKey`] for that of another node.
pub(crate) fn read_keys(config: &Config, path: &Path) -> Result<file::Contents, NodeError> {
    let keys = file::read(path, KEY_FILE_BYTES_MAX)?;
    match archive::check_keys(config.unlock()?.expose(), &keys) {
        Err(store::Error::Corrupt { .. }) => Err(NodeError::Argument {
            what: format!("`{}` is no file of data keys, or it was changed", shown(path)),
            hint: "name the file that `backup --keys` wrote; nothing else is written over or used",
        }),
        checked => checked.map(|()| keys).map_err(NodeError::from),
    }
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
