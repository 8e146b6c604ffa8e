//! The data folder: who holds it, which format it has, and where damaged tables are put aside.

use crate::disk::{Disk, read, replace};
use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The format of the data folder that this release writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// How many folders of damaged tables are kept; older ones are removed.
pub const QUARANTINE_MAX: usize = 4;

/// Says the format of a data folder; without it there is no store.
pub const FORMAT_FILE: &str = "FORMAT";
const LOCK_FILE: &str = "LOCK";
pub(crate) const QUARANTINE: &str = "quarantine";

/// A data folder that this process alone holds, as long as this value lives.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, takes its lock and checks its format.
    pub(crate) fn open(path: &Path, disk: &dyn Disk) -> Result<Self> {
        make(path).map_err(Error::io("make the data folder"))?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(Error::io("open the lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse),
            Err(TryLockError::Error(error)) => {
                return Err(Error::io("lock the data folder")(error));
            }
        }
        check_format(disk)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Puts a subfolder aside, out of the way and for a person to look at.
    pub(crate) fn quarantine(&self, name: &str) -> Result<PathBuf> {
        let doing = Error::io;
        let folder = self.path.join(QUARANTINE);
        fs::create_dir_all(&folder).map_err(doing("make the quarantine folder"))?;
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&folder).map_err(doing("list the quarantine folder"))? {
            let entry = entry.map_err(doing("list the quarantine folder"))?.file_name();
            let number = entry.to_str().and_then(|entry| entry.rsplit_once('-'));
            numbers.extend(number.and_then(|(_, number)| number.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        let number = numbers.last().map_or(1, |last| last.saturating_add(1));
        let to = folder.join(format!("{name}-{number}"));
        fs::rename(self.path.join(name), &to).map_err(doing("put damaged tables aside"))?;
        sync_folder(&folder)
            .and_then(|()| sync_folder(&self.path))
            .map_err(doing("sync the data folder"))?;
        let old = (numbers.len() + 1).saturating_sub(QUARANTINE_MAX);
        for number in numbers.into_iter().take(old) {
            // What cannot be removed only takes space.
            drop(fs::remove_dir_all(folder.join(format!("{name}-{number}"))));
        }
        Ok(to)
    }

    /// Removes a subfolder with everything in it, durably, there or not.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let removed = match fs::remove_dir_all(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_folder(&self.path),
        };
        removed.map_err(Error::io("remove old tables"))
    }

    /// Is a marker there?
    pub(crate) fn is_marked(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Leaves a marker, durably.
    pub(crate) fn mark(&self, name: &str) -> io::Result<()> {
        mark(&self.path, name)
    }

    /// Takes a marker away, durably.
    pub(crate) fn unmark(&self, name: &str) -> io::Result<()> {
        unmark(&self.path, name)
    }
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    private_folders(path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Makes folders that only the owner may enter: what is sealed in them is not all that is in them.
pub(crate) fn private_folders(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Leaves a marker in a folder, durably.
pub(crate) fn mark(folder: &Path, name: &str) -> io::Result<()> {
    File::create(folder.join(name))?.sync_all()?;
    sync_folder(folder)
}

/// Takes a marker away from a folder, durably.
pub(crate) fn unmark(folder: &Path, name: &str) -> io::Result<()> {
    fs::remove_file(folder.join(name))?;
    sync_folder(folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What stands in [`FORMAT_FILE`] of a new store.
pub fn format_text() -> String {
    format!("{FORMAT}\n")
}

fn check_format(disk: &dyn Disk) -> Result<()> {
    let found = read(disk, FORMAT_FILE, 64).map_err(Error::io("read the format file"))?;
    let Some(found) = found else {
        return replace(disk, "", FORMAT_FILE, format_text().as_bytes())
            .map_err(Error::io("write the format file"));
    };
    let text = core::str::from_utf8(&found).ok().map(str::trim);
    match text.and_then(|text| text.parse().ok()) {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(Error::NewerFormat { found, known: FORMAT }),
        _ => Err(Error::corrupt(FORMAT_FILE, 0, "not a format number")),
    }
}
