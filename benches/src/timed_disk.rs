//! The machine's disk with a clock: how long each sync took, by the file that was synced.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::disk::{Disk, RealDisk};

/// The disk of a store whose syncs are timed.
pub struct TimedDisk {
    disk: RealDisk,
    syncs: Mutex<Vec<(String, Duration)>>,
}

impl TimedDisk {
    /// The disk below a folder.
    pub fn new(folder: &Path) -> Self {
        Self { disk: RealDisk::new(folder), syncs: Mutex::default() }
    }

    /// How long the syncs of files whose path ends so took together, since this was asked last.
    pub fn take(&self, ending: &str) -> Duration {
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        let took = syncs.iter().filter(|(path, _)| path.ends_with(ending)).map(|(_, took)| *took);
        let took = took.sum();
        syncs.clear();
        took
    }

    fn timed<T>(&self, path: &str, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let begun = Instant::now();
        let done = act();
        let took = begun.elapsed();
        self.syncs.lock().unwrap_or_else(PoisonError::into_inner).push((path.to_owned(), took));
        done
    }
}

impl Disk for TimedDisk {
    fn create_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.create_folder(folder)
    }

    fn create(&self, path: &str) -> io::Result<()> {
        self.disk.create(path)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.append(path, bytes)
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.read_at(path, offset, buffer)
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        self.disk.length(path)
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.disk.truncate(path, length)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.timed(path, || self.disk.sync(path))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.timed(folder, || self.disk.sync_folder(folder))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }
}
