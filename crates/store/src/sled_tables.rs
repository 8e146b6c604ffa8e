//! The tables in sled: pointers only, behind the journal, written by a thread of their own.
//!
//! sled's `flush` is no fsync on Linux, so its `db` file is synced after each flush, and its `conf`
//! and folder when they are made. A panic of sled is final: its folder is never opened again.
//! Changes that sled does not hold yet are read from an overlay in memory.

use crate::error::{Error, Result};
use crate::pointer::{Before, POINTER_BYTES, Pointer, PointerChange};
use crate::table::WATERMARK;
use crate::tables::{Tables, start};
use audit::frame::Chain;
use audit::tree::Hash;
use domain::digest::derive;
use std::cmp::Ordering as Ordered;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most frames that wait for sled; then commits wait too.
const QUEUE_FRAMES_MAX: usize = 512;
/// After how many changes sled is flushed and synced.
const FLUSH_CHANGES: usize = 65_536;
/// After how long without work sled is flushed and synced.
const FLUSH_IDLE_MS: u64 = 2_000;
/// How long a file that was closed a moment ago is waited for.
const LOCK_WAIT_MS: u64 = 10_000;
/// How many rows sled is given at once. With a thousand or more in one batch it was seen to keep
/// three kilobytes for each row for ever: sixteen gibibytes while the tables of five million records
/// were made; with 512 or fewer, nothing.
const PIECE_ROWS: usize = 256;
/// The most changes in one sled batch.
const BATCH_CHANGES_MAX: usize = 8_192;

/// What tables hold, in two numbers: equal for equal tables, whatever order they were filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// How many rows.
    pub rows: u64,
    /// The sum of the hashes of all rows.
    pub sum: u128,
}

impl core::fmt::Display for Content {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} rows, {:032x}", self.rows, self.sum)
    }
}

/// How far sled is, and what it holds, in one row that changes with every batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watermark {
    /// How many frames of the journal are in it.
    pub(crate) size: u64,
    /// The chain value after the last of them.
    pub(crate) chain: Chain,
    /// How many rows it holds.
    rows: u64,
    /// The sum of the hashes of all rows: a row that goes missing shows.
    sum: u128,
}

impl Watermark {
    pub(crate) const fn start(chain: Chain) -> Self {
        Self { size: 0, chain, rows: 0, sum: 0 }
    }

    pub(crate) const fn content(&self) -> Content {
        Content { rows: self.rows, sum: self.sum }
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.chain.as_hash().as_bytes());
        bytes.extend_from_slice(&self.rows.to_be_bytes());
        bytes.extend_from_slice(&self.sum.to_be_bytes());
        let check = derive("malines store watermark v2", &[&bytes]);
        bytes.extend_from_slice(&check);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (stated, check) = bytes.split_last_chunk::<32>()?;
        if derive("malines store watermark v2", &[stated]) != *check {
            return None;
        }
        let (size, rest) = stated.split_first_chunk::<8>()?;
        let (chain, rest) = rest.split_first_chunk::<32>()?;
        let (rows, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            size: u64::from_be_bytes(*size),
            chain: Chain::from_hash(Hash::from_bytes(*chain)),
            rows: u64::from_be_bytes(*rows),
            sum: u128::from_be_bytes(rest.try_into().ok()?),
        })
    }

    fn add(&mut self, key: &[u8], pointer: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(row_hash(key, pointer));
    }

    fn remove(&mut self, key: &[u8], pointer: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(row_hash(key, pointer));
    }
}

fn row_hash(key: &[u8], pointer: &[u8]) -> u128 {
    let hash = derive("malines store row v1", &[key, pointer]);
    let (half, _) = hash.as_chunks::<16>();
    half.first().map_or(0, |half| u128::from_be_bytes(*half))
}

/// sled failed. Whatever it is, the folder is put aside and built again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Trouble(pub(crate) String);

impl Trouble {
    fn of(error: sled::Error) -> Self {
        Self(error.to_string())
    }

    fn io(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Runs something of sled's; a panic is trouble too.
fn guarded<T>(act: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(act))
        .unwrap_or_else(|_| Err(Trouble("the tables' engine panicked".to_owned())))
}

/// sled's own part, before it is put to work.
pub(crate) struct SledFolder {
    db: sled::Db,
    path: PathBuf,
    pub(crate) watermark: Watermark,
    /// Was it made just now?
    is_fresh: bool,
}

impl SledFolder {
    /// Opens or makes the folder. Whether it holds what its watermark says is known once it was
    /// counted: nothing may be written before that.
    pub(crate) fn open(path: &Path, cache_bytes: u64, start: Chain) -> Result<Self, Trouble> {
        guarded(|| {
            let is_fresh = !path.exists();
            let config =
                sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None);
            let db = open_unlocked(&config)?;
            let (path, watermark) = (path.to_owned(), Watermark::start(start));
            let mut folder = Self { db, path, watermark, is_fresh };
            if is_fresh {
                folder.note(folder.watermark)?;
                folder.flush()?;
                folder.sync_names().map_err(Trouble::io)?;
            } else {
                let stored = folder.db.get([WATERMARK]).map_err(Trouble::of)?;
                let stored = stored.and_then(|bytes| Watermark::from_bytes(&bytes));
                folder.watermark = stored
                    .ok_or_else(|| Trouble("the watermark is missing or damaged".to_owned()))?;
            }
            Ok(folder)
        })
    }

    /// What reads every row and compares with what the watermark says is there, on any thread.
    pub(crate) fn count(&self) -> impl FnOnce() -> Result<(), Trouble> + Send + 'static {
        let (db, stored) = (self.db.clone(), self.watermark);
        let rows = (Bound::Excluded([WATERMARK]), Bound::Unbounded);
        move || {
            guarded(|| {
                let mut found = Watermark { rows: 0, sum: 0, ..stored };
                for row in db.range::<[u8; 1], _>(rows) {
                    let (key, pointer) = row.map_err(Trouble::of)?;
                    found.add(&key, &pointer);
                }
                if found == stored {
                    Ok(())
                } else {
                    Err(Trouble("rows are missing, or were changed".to_owned()))
                }
            })
        }
    }

    /// Writes changes and the watermark that belongs to them, in pieces: each piece leaves a
    /// watermark that is true of the rows, and only the last one says that the journal is followed
    /// further than `before`.
    fn write(
        &self,
        changes: &[PointerChange],
        before: Watermark,
        size: u64,
        chain: Chain,
    ) -> Result<Watermark, Trouble> {
        // Of several changes of one key the first says what was there, the last what will be.
        let mut merged: BTreeMap<&[u8], (Before, Option<Pointer>)> = BTreeMap::new();
        for change in changes {
            let entry = merged.entry(&change.key).or_insert((change.before, None));
            entry.1 = change.pointer;
        }
        let (mut batch, mut watermark) = (sled::Batch::default(), before);
        for (number, (key, (before, pointer))) in merged.into_iter().enumerate() {
            if number > 0 && number % PIECE_ROWS == 0 {
                batch.insert(&[WATERMARK], watermark.to_bytes());
                self.db.apply_batch(core::mem::take(&mut batch)).map_err(Trouble::of)?;
            }
            if before == Before::Possible
                && let Some(before) = self.db.get(key).map_err(Trouble::of)?
            {
                watermark.remove(key, &before);
            }
            match pointer {
                Some(pointer) => {
                    let bytes: [u8; POINTER_BYTES] = pointer.to_bytes();
                    watermark.add(key, &bytes);
                    batch.insert(key, &bytes);
                }
                None => batch.remove(key),
            }
        }
        let watermark = Watermark { size, chain, ..watermark };
        batch.insert(&[WATERMARK], watermark.to_bytes());
        self.db.apply_batch(batch).map_err(Trouble::of)?;
        Ok(watermark)
    }

    /// Writes the watermark alone.
    fn note(&self, watermark: Watermark) -> Result<(), Trouble> {
        self.write(&[], watermark, watermark.size, watermark.chain).map(drop)
    }

    fn flush(&self) -> Result<(), Trouble> {
        self.db.flush().map_err(Trouble::of)?;
        File::open(self.path.join("db")).and_then(|db| db.sync_data()).map_err(Trouble::io)
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(self.path.join("conf"))?.sync_all()?;
        crate::folder::sync_folder(&self.path)?;
        self.path.parent().map_or(Ok(()), crate::folder::sync_folder)
    }

    /// Brings it up to the journal, while nobody reads yet.
    pub(crate) fn catch_up(
        &mut self,
        changes: &[PointerChange],
        size: u64,
        chain: Chain,
    ) -> Result<(), Trouble> {
        guarded(|| {
            // A crash may have left pieces of a frame: then what is new to memory is here already.
            let before = if self.is_fresh { Before::Absent } else { Before::Possible };
            let changes: Vec<PointerChange> = changes
                .iter()
                .map(|change| PointerChange { before: change.before.or(before), ..change.clone() })
                .collect();
            self.watermark = self.write(&changes, self.watermark, size, chain)?;
            Ok(())
        })
    }

    /// Makes what was caught up durable.
    pub(crate) fn settle(&self) -> Result<(), Trouble> {
        guarded(|| self.flush())
    }
}

/// A store that was closed a moment ago in this process may still hold the file: the data folder
/// is ours, so nobody else does.
fn open_unlocked(config: &sled::Config) -> Result<sled::Db, Trouble> {
    let mut waited_ms = 0;
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if waited_ms < LOCK_WAIT_MS && error.to_string().contains("acquire lock") =>
            {
                std::thread::sleep(Duration::from_millis(20));
                waited_ms += 20;
            }
            opened => return opened.map_err(Trouble::of),
        }
    }
}

struct Job {
    size: u64,
    chain: Chain,
    changes: Vec<PointerChange>,
}

/// Changes that sled does not hold yet, with the size of the journal that brought them.
type Overlay = BTreeMap<Vec<u8>, (u64, Option<Pointer>)>;

struct Shared {
    db: sled::Db,
    overlay: RwLock<Overlay>,
    broken: AtomicBool,
    /// Where the marker of a failure is left, and its name.
    marker: (PathBuf, &'static str),
}

impl Shared {
    /// sled failed: it is not run again, here or after a restart.
    fn fail(&self, trouble: &Trouble) {
        if self.broken.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::error!(%trouble, "the tables failed; they are rebuilt at the next start");
        // Not even what it does when it is closed is run.
        core::mem::forget(self.db.clone());
        // Best effort: without it the next start counts the rows and notices by itself.
        drop(crate::folder::mark(&self.marker.0, self.marker.1));
    }
}

/// The tables of an embedded store.
pub(crate) struct SledTables {
    shared: Arc<Shared>,
    jobs: Mutex<Option<SyncSender<Job>>>,
    writer: Mutex<Option<JoinHandle<Result<(), Trouble>>>>,
    staged: AtomicU64,
}

impl SledTables {
    /// Puts a folder to work. A file named `marker` is left in `beside` if sled ever fails.
    pub(crate) fn start(folder: SledFolder, beside: PathBuf, marker: &'static str) -> Result<Self> {
        let shared = Arc::new(Shared {
            db: folder.db.clone(),
            overlay: RwLock::default(),
            broken: AtomicBool::new(false),
            marker: (beside, marker),
        });
        let (sender, jobs) = sync_channel(QUEUE_FRAMES_MAX);
        let staged = AtomicU64::new(folder.watermark.size);
        let of_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new().name("store-tables".to_owned());
        let writer = writer.spawn(move || {
            let written = guarded(|| write_jobs(folder, &of_writer, &jobs));
            if let Err(trouble) = &written {
                of_writer.fail(trouble);
            }
            written
        });
        let writer = writer.map_err(Error::io("start the tables' thread"))?;
        let (jobs, writer) = (Mutex::new(Some(sender)), Mutex::new(Some(writer)));
        Ok(Self { shared, jobs, writer, staged })
    }

    fn read<T>(&self, act: impl FnOnce(&Overlay) -> Result<T, Trouble>) -> Result<T> {
        if self.shared.broken.load(Ordering::SeqCst) {
            return Err(broken());
        }
        let overlay = self.shared.overlay.read().unwrap_or_else(PoisonError::into_inner);
        guarded(|| act(&overlay)).map_err(|trouble| {
            self.shared.fail(&trouble);
            broken()
        })
    }
}

fn broken() -> Error {
    Error::corrupt("tables", 0, "the tables failed; they are rebuilt at the next start")
}

impl Tables for SledTables {
    fn get(&self, key: &[u8]) -> Result<Option<Pointer>> {
        self.read(|overlay| match overlay.get(key) {
            Some((_, pointer)) => Ok(*pointer),
            None => {
                let bytes = self.shared.db.get(key).map_err(Trouble::of)?;
                bytes.map(|bytes| pointer_of(&bytes)).transpose()
            }
        })
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Pointer)>> {
        self.read(|overlay| {
            let from = (start(prefix, after), Bound::Unbounded);
            let inside = |key: &[u8]| key.starts_with(prefix);
            let mut recent = overlay
                .range::<[u8], _>(from)
                .take_while(|(key, _)| inside(key))
                .map(|(key, (_, pointer))| (key.clone(), *pointer))
                .peekable();
            let mut found = Vec::new();
            let mut settled = self.shared.db.range::<&[u8], _>(from);
            let mut next = next_of(&mut settled, prefix)?;
            while found.len() < limit {
                let order = match (recent.peek(), &next) {
                    (Some((recent, _)), Some((old, _))) => recent.cmp(old),
                    (Some(_), None) => Ordered::Less,
                    (None, Some(_)) => Ordered::Greater,
                    (None, None) => break,
                };
                if order == Ordered::Greater {
                    found.extend(next.take());
                } else if let Some((key, Some(pointer))) = recent.next() {
                    found.push((key, pointer));
                }
                if order != Ordered::Less {
                    next = next_of(&mut settled, prefix)?;
                }
            }
            Ok(found)
        })
    }

    fn stage(&self, changes: &[PointerChange]) {
        let size = self.staged.fetch_add(1, Ordering::SeqCst) + 1;
        let mut overlay = self.shared.overlay.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            overlay.insert(change.key.clone(), (size, change.pointer));
        }
    }

    fn apply(&self, size: u64, chain: Chain, changes: Vec<PointerChange>) -> Result<()> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().map(|jobs| jobs.send(Job { size, chain, changes }).is_ok());
        let works = sent == Some(true) && !self.shared.broken.load(Ordering::SeqCst);
        if works { Ok(()) } else { Err(broken()) }
    }

    fn close(&self) -> Result<()> {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match writer.map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(_) => Err(broken()),
        }
    }
}

fn next_of(settled: &mut sled::Iter, prefix: &[u8]) -> Result<Option<(Vec<u8>, Pointer)>, Trouble> {
    match settled.next() {
        None => Ok(None),
        Some(row) => {
            let (key, pointer) = row.map_err(Trouble::of)?;
            if !key.starts_with(prefix) {
                return Ok(None);
            }
            Ok(Some((key.to_vec(), pointer_of(&pointer)?)))
        }
    }
}

fn pointer_of(bytes: &[u8]) -> Result<Pointer, Trouble> {
    Pointer::from_bytes(bytes).ok_or_else(|| Trouble("a row that is no pointer".to_owned()))
}

fn write_jobs(folder: SledFolder, shared: &Shared, jobs: &Receiver<Job>) -> Result<(), Trouble> {
    let (mut watermark, mut unflushed) = (folder.watermark, 0);
    loop {
        let first = match jobs.recv_timeout(Duration::from_millis(FLUSH_IDLE_MS)) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                if unflushed > 0 {
                    folder.note(watermark)?;
                    folder.flush()?;
                    unflushed = 0;
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                folder.note(watermark)?;
                return folder.flush();
            }
        };
        let (mut size, mut chain, mut changes) = (first.size, first.chain, first.changes);
        while changes.len() < BATCH_CHANGES_MAX
            && let Ok(job) = jobs.try_recv()
        {
            (size, chain) = (job.size, job.chain);
            changes.extend(job.changes);
        }
        if changes.is_empty() {
            // Entries of the log alone: the watermark follows with the next change or flush.
            watermark = Watermark { size, chain, ..watermark };
            unflushed += 1;
            continue;
        }
        watermark = folder.write(&changes, watermark, size, chain)?;
        let mut overlay = shared.overlay.write().unwrap_or_else(PoisonError::into_inner);
        for change in &changes {
            if overlay.get(&change.key).is_some_and(|(staged, _)| *staged <= size) {
                overlay.remove(&change.key);
            }
        }
        drop(overlay);
        unflushed += changes.len();
        if unflushed >= FLUSH_CHANGES {
            folder.flush()?;
            unflushed = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pointer::Place;

    const MARKER: &str = "sled.opening";

    fn chain(n: u8) -> Chain {
        Chain::from_hash(Hash::from_bytes([n; 32]))
    }

    fn pointer(n: u32) -> Pointer {
        Pointer::row(Place { segment: 1, offset: n, length: 7 })
    }

    fn change(key: &[u8], to: Option<u32>) -> PointerChange {
        PointerChange { key: key.to_vec(), pointer: to.map(pointer), before: Before::Possible }
    }

    fn open(folder: &Path) -> Result<SledFolder, Trouble> {
        let folder = SledFolder::open(&folder.join("sled"), 1 << 20, chain(0))?;
        folder.count()()?;
        Ok(folder)
    }

    fn rows(tables: &SledTables, after: Option<&[u8]>, limit: usize) -> Vec<(Vec<u8>, u32)> {
        let rows = tables.scan(b"k", after, limit).unwrap().into_iter();
        rows.map(|(key, pointer)| (key, pointer.place.offset)).collect()
    }

    #[test]
    fn a_frame_that_was_written_in_part_is_followed_again() {
        let folder = tempfile::tempdir().unwrap();
        let rows = 3 * PIECE_ROWS as u32 + 7;
        let new = |n: u32| PointerChange {
            before: Before::Absent,
            ..change(&[b"k", &n.to_be_bytes()[..]].concat(), Some(n))
        };
        let changes: Vec<PointerChange> = (0..rows).map(new).collect();
        let sled = open(folder.path()).unwrap();
        // A crash after the first pieces: the rows are there, the watermark does not say so.
        let start = sled.watermark;
        let partly = &changes[..2 * PIECE_ROWS];
        sled.write(partly, start, start.size, start.chain).unwrap();
        drop(sled);
        let mut sled = open(folder.path()).unwrap();
        assert_eq!(sled.watermark.size, start.size);
        sled.catch_up(&changes, 1, chain(1)).unwrap();
        drop(sled);
        let sled = open(folder.path()).unwrap();
        assert_eq!((sled.watermark.size, sled.watermark.rows), (1, u64::from(rows)));
    }

    #[test]
    fn what_is_staged_is_read_as_if_it_were_applied() {
        let folder = tempfile::tempdir().unwrap();
        let mut sled = open(folder.path()).unwrap();
        let settled = [b"j1", b"k1", b"k3", b"k5", b"k7", b"l1"].map(|key| change(key, Some(1)));
        sled.catch_up(&settled, 1, chain(1)).unwrap();
        let tables = SledTables::start(sled, folder.path().to_owned(), MARKER).unwrap();
        let staged = vec![
            change(b"k0", Some(2)),
            change(b"k3", None),
            change(b"k4", Some(2)),
            change(b"k5", Some(2)),
            change(b"k6", None),
            change(b"k9", Some(2)),
        ];
        tables.stage(&staged);
        let expected: [(&[u8], u32); 6] =
            [(b"k0", 2), (b"k1", 1), (b"k4", 2), (b"k5", 2), (b"k7", 1), (b"k9", 2)];
        let expected = expected.map(|(key, n)| (key.to_vec(), n));
        let check = || {
            assert_eq!(rows(&tables, None, 99), expected);
            for limit in 0..6 {
                assert_eq!(rows(&tables, None, limit), expected[..limit]);
            }
            assert_eq!(rows(&tables, Some(b"k4"), 2), expected[3..5]);
            assert_eq!(tables.get(b"k3").unwrap(), None);
            assert_eq!(tables.get(b"k5").unwrap(), Some(pointer(2)));
            assert_eq!(tables.get(b"l1").unwrap(), Some(pointer(1)));
        };
        check();
        tables.apply(2, chain(2), staged).unwrap();
        tables.close().unwrap();
        assert!(tables.shared.overlay.read().unwrap().is_empty());
        check();
        drop(tables);
        let again = open(folder.path()).unwrap();
        assert_eq!((again.watermark.size, again.watermark.chain), (2, chain(2)));
    }

    #[test]
    fn a_row_that_is_missing_added_or_changed_is_noticed() {
        let tamper: [fn(&sled::Db); 4] = [
            |db| drop(db.remove(b"k1").unwrap()),
            |db| drop(db.insert(b"k2", &[0; POINTER_BYTES]).unwrap()),
            |db| drop(db.insert(b"k1", &[0; POINTER_BYTES]).unwrap()),
            |db| drop(db.insert([WATERMARK], &[0; 9]).unwrap()),
        ];
        for tamper in tamper {
            let folder = tempfile::tempdir().unwrap();
            let mut sled = open(folder.path()).unwrap();
            sled.catch_up(&[change(b"k1", Some(1))], 1, chain(1)).unwrap();
            sled.settle().unwrap();
            drop(sled);
            drop(open(folder.path()).unwrap());
            let sled = open(folder.path()).unwrap();
            tamper(&sled.db);
            sled.db.flush().unwrap();
            drop(sled);
            assert!(open(folder.path()).is_err());
        }
    }

    #[test]
    fn several_changes_of_one_key_count_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut sled = open(folder.path()).unwrap();
        let absent = PointerChange { before: Before::Absent, ..change(b"k1", Some(1)) };
        let changes = [absent, change(b"k1", Some(2)), change(b"k2", Some(1)), change(b"k2", None)];
        sled.catch_up(&changes, 1, chain(1)).unwrap();
        assert_eq!(sled.watermark.rows, 1);
        sled.catch_up(&[change(b"k1", None)], 2, chain(2)).unwrap();
        assert_eq!((sled.watermark.rows, sled.watermark.sum), (0, 0));
        sled.count()().unwrap();
    }

    #[test]
    fn after_a_failure_nothing_is_read_and_a_marker_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let sled = open(folder.path()).unwrap();
        let tables = SledTables::start(sled, folder.path().to_owned(), MARKER).unwrap();
        let panicked = guarded::<()>(|| panic!("as sled does on damaged bytes"));
        tables.shared.fail(&panicked.unwrap_err());
        assert!(tables.get(b"k").is_err() && tables.scan(b"", None, 1).is_err());
        assert!(tables.apply(1, chain(1), vec![]).is_err());
        assert!(folder.path().join(MARKER).exists());
    }
}
