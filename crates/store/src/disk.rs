//! The disk as the journal needs it: append, sync, read, rename, and nothing else.
//!
//! The seam is here so that a test can lose power at any byte. Paths are relative to the data
//! folder, with `/` between names.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many files a [`RealDisk`] keeps open.
const OPEN_FILES_MAX: usize = 256;

/// What the journal, the key file and the signed head are written through.
pub trait Disk: Send + Sync {
    /// Makes a folder, durably, and those above it, unless it is there.
    ///
    /// # Errors
    /// What the machine says; as for every method here.
    fn create_folder(&self, folder: &str) -> io::Result<()>;
    /// Makes an empty file; an error if it is there.
    ///
    /// # Errors
    /// What the machine says.
    fn create(&self, path: &str) -> io::Result<()>;
    /// Writes at the end of a file. After an error, part of it may have been written.
    ///
    /// # Errors
    /// What the machine says.
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Fills the buffer from an offset; answers how many bytes there were.
    ///
    /// # Errors
    /// What the machine says.
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// The length of a file in bytes.
    ///
    /// # Errors
    /// `NotFound`, or what the machine says.
    fn length(&self, path: &str) -> io::Result<u64>;
    /// Cuts a file.
    ///
    /// # Errors
    /// What the machine says.
    fn truncate(&self, path: &str, length: u64) -> io::Result<()>;
    /// Makes the content of a file durable.
    ///
    /// # Errors
    /// What the machine says. After an error nothing is known about what is durable.
    fn sync(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the machine says.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    /// The names of the files in a folder, in no order; none if there is no such folder.
    ///
    /// # Errors
    /// What the machine says.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Gives a file another name, in place of a file that has it.
    ///
    /// # Errors
    /// What the machine says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// What the machine says.
    fn remove(&self, path: &str) -> io::Result<()>;
}

/// Replaces a file so that a reader finds the old content or the new, also after a power cut.
pub(crate) fn replace(disk: &dyn Disk, folder: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = join(folder, name);
    let fresh = format!("{path}.new");
    match disk.remove(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    disk.create(&fresh)?;
    disk.append(&fresh, bytes)?;
    disk.sync(&fresh)?;
    disk.rename(&fresh, &path)?;
    disk.sync_folder(folder)
}

/// The content of a file of at most `bytes_max`; `None` if there is none.
pub(crate) fn read(disk: &dyn Disk, path: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    read_again(disk, path, bytes_max, Vec::new())
}

/// The same, into memory that was used before: the machine need not find and clear it anew.
pub(crate) fn read_again(
    disk: &dyn Disk,
    path: &str,
    bytes_max: u64,
    mut used: Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    let length = match disk.length(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        length => length?,
    };
    if length > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    if used.capacity() < length {
        used = vec![0; length];
    } else {
        used.resize(length, 0);
    }
    let read = disk.read_at(path, 0, &mut used)?;
    used.truncate(read);
    Ok(Some(used))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The machine's file system below one folder.
#[derive(Debug)]
pub struct RealDisk {
    folder: PathBuf,
    open: Mutex<HashMap<String, Arc<File>>>,
}

impl RealDisk {
    /// The disk below `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: Mutex::default() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    fn open_files(&self) -> MutexGuard<'_, HashMap<String, Arc<File>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, path: &str) -> io::Result<Arc<File>> {
        // Opened under the lock: a file that is removed meanwhile must not be kept open.
        let mut open = self.open_files();
        if let Some(file) = open.get(path) {
            return Ok(Arc::clone(file));
        }
        let file = OpenOptions::new().read(true).append(true).open(self.path(path))?;
        Ok(Self::keep_open(&mut open, path, file))
    }

    fn keep_open(open: &mut HashMap<String, Arc<File>>, path: &str, file: File) -> Arc<File> {
        if open.len() >= OPEN_FILES_MAX {
            open.clear();
        }
        let file = Arc::new(file);
        open.insert(path.to_owned(), Arc::clone(&file));
        file
    }
}

impl Disk for RealDisk {
    fn create_folder(&self, folder: &str) -> io::Result<()> {
        let path = self.path(folder);
        if !path.is_dir() {
            crate::folder::private_folders(&path)?;
            path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())?;
        }
        Ok(())
    }

    fn create(&self, path: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.read(true).append(true).create_new(true);
        let file = options.open(self.path(path))?;
        Self::keep_open(&mut self.open_files(), path, file);
        Ok(())
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        (&*self.file(path)?).write_all(bytes)
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = self.file(path)?;
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(path))?.len())
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.file(path)?.set_len(length)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.file(path)?.sync_data()
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.path(folder))?.sync_all()
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
        };
        entries.map(name).collect()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut open = self.open_files();
        fs::rename(self.path(from), self.path(to))?;
        open.remove(from);
        open.remove(to);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut open = self.open_files();
        fs::remove_file(self.path(path))?;
        open.remove(path);
        Ok(())
    }
}

/// Files in memory: the disk of a [`crate::MemoryStore`]. Gone with the process.
#[derive(Debug, Default)]
pub struct MemoryDisk {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, path: &str, act: impl FnOnce(&mut Vec<u8>) -> T) -> io::Result<T> {
        self.files().get_mut(path).map(act).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn create_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &str) -> io::Result<()> {
        let mut files = self.files();
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        files.insert(path.to_owned(), Vec::new());
        Ok(())
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.with(path, |file| file.extend_from_slice(bytes))
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(path, |file| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = file.get(from..).unwrap_or_default();
            buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            rest.len().min(buffer.len())
        })
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        self.with(path, |file| file.len() as u64)
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.with(path, |file| file.resize(length, 0))
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.with(path, |_| ())
    }

    fn sync_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let inside = format!("{folder}/");
        let files = self.files();
        let names = files.keys().filter_map(|path| path.strip_prefix(&inside));
        Ok(names.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let removed = self.files().remove(path);
        removed.map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaves(disk: &dyn Disk) {
        disk.create_folder("a").unwrap();
        assert_eq!(disk.list("nowhere").unwrap(), Vec::<String>::new());
        disk.create("a/one").unwrap();
        assert!(disk.create("a/one").is_err());
        disk.append("a/one", b"hello").unwrap();
        disk.append("a/one", b" world").unwrap();
        let mut buffer = [0; 5];
        assert_eq!(disk.read_at("a/one", 6, &mut buffer).unwrap(), 5);
        assert_eq!(&buffer, b"world");
        assert_eq!(disk.read_at("a/one", 9, &mut buffer).unwrap(), 2);
        assert_eq!(disk.read_at("a/one", 99, &mut buffer).unwrap(), 0);
        disk.truncate("a/one", 5).unwrap();
        disk.append("a/one", b"!").unwrap();
        disk.sync("a/one").unwrap();
        replace(disk, "a", "two", b"first").unwrap();
        replace(disk, "a", "two", b"second").unwrap();
        assert_eq!(read(disk, "a/two", 10).unwrap().unwrap(), b"second");
        assert!(read(disk, "a/two", 3).is_err());
        assert_eq!(read(disk, "a/three", 3).unwrap(), None);
        disk.rename("a/one", "a/three").unwrap();
        assert_eq!(read(disk, "a/three", 10).unwrap().unwrap(), b"hello!");
        let mut names = disk.list("a").unwrap();
        names.sort();
        assert_eq!(names, ["three", "two"]);
        disk.remove("a/two").unwrap();
        assert!(disk.remove("a/two").is_err() && disk.length("a/two").is_err());
    }

    #[test]
    fn both_disks_behave_alike() {
        behaves(&MemoryDisk::new());
        let folder = tempfile::tempdir().unwrap();
        behaves(&RealDisk::new(folder.path()));
    }
}
