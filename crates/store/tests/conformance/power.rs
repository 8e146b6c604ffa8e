//! Power cuts, failing writes and a full disk, at every step of a history, on a simulated disk.

use crate::kit::*;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use store::disk::Disk;
use store::{Batch, Depth, Erased, Error, MemoryStore, Store, Table};

const SECTOR: usize = 512;

/// A disk that remembers what is durable, and can fail.
#[derive(Default)]
pub(crate) struct FaultyDisk(Mutex<Inner>);

#[derive(Clone, Default)]
struct Inner {
    /// The names that are there, and those a power cut would leave.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    files: Vec<File>,
    /// How many changes were tried.
    steps: u64,
    plan: Plan,
}

#[derive(Clone, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

/// What fails, and from which change on.
#[derive(Clone, Copy, Default)]
enum Plan {
    #[default]
    Nothing,
    /// Everything from this change on: the power is gone.
    Dies(u64),
    /// This change alone.
    Fails(u64),
    /// Every change that needs space, until told otherwise.
    Full,
}

impl FaultyDisk {
    fn with_plan(plan: Plan) -> Arc<Self> {
        let disk = Self::default();
        disk.0.lock().unwrap().plan = plan;
        Arc::new(disk)
    }

    fn plan(&self, plan: Plan) {
        self.0.lock().unwrap().plan = plan;
    }

    fn steps(&self) -> u64 {
        self.0.lock().unwrap().steps
    }

    /// The same files on another disk, where nothing was tried yet.
    fn copy(&self) -> Arc<Self> {
        let inner = Inner { steps: 0, ..self.0.lock().unwrap().clone() };
        Arc::new(Self(Mutex::new(inner)))
    }

    /// What a power cut leaves: of what was not synced, something between all and nothing.
    fn after_power_cut(&self, seed: u64) -> Arc<Self> {
        let inner = self.0.lock().unwrap();
        let mut dice = Dice(seed);
        let names =
            if dice.roll(2) == 0 { inner.names.clone() } else { inner.durable_names.clone() };
        let files = inner.files.iter().map(|file| file.after_power_cut(&mut dice)).collect();
        let after = Inner { durable_names: names.clone(), names, files, ..Inner::default() };
        Arc::new(Self(Mutex::new(after)))
    }

    /// Counts a change and says whether it happens.
    fn change<T>(
        &self,
        needs_space: bool,
        act: impl FnOnce(&mut Inner, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut inner = self.0.lock().unwrap();
        inner.steps += 1;
        let (step, plan) = (inner.steps, inner.plan);
        let error = match plan {
            Plan::Dies(from) if step > from => return Err(io::ErrorKind::BrokenPipe.into()),
            Plan::Dies(from) if step == from => Some(io::ErrorKind::BrokenPipe),
            Plan::Fails(at) if step == at => Some(io::ErrorKind::Other),
            Plan::Full if needs_space => Some(io::ErrorKind::StorageFull),
            _ => None,
        };
        let done = act(&mut inner, error.is_none());
        error.map_or(done, |kind| Err(kind.into()))
    }
}

impl File {
    fn after_power_cut(&self, dice: &mut Dice) -> Self {
        let synced = self.durable.len();
        if self.bytes.len() <= synced || self.bytes[..synced] != self.durable[..] {
            // Cut and not synced: either length is possible.
            let bytes = if dice.roll(2) == 0 { self.durable.clone() } else { self.bytes.clone() };
            return Self { durable: bytes.clone(), bytes };
        }
        let mut bytes = match dice.roll(4) {
            0 => self.durable.clone(),
            1 => self.bytes.clone(),
            // Kept in part.
            2 => self.bytes[..synced + dice.roll(self.bytes.len() - synced + 1)].to_vec(),
            // Torn: the length is there, and any of the sectors.
            _ => {
                let mut bytes = self.bytes.clone();
                let mut from = synced;
                while from < bytes.len() {
                    let to = ((from / SECTOR + 1) * SECTOR).min(bytes.len());
                    if dice.roll(2) == 0 {
                        bytes[from..to].fill(0);
                    }
                    from = to;
                }
                bytes
            }
        };
        bytes.shrink_to_fit();
        Self { durable: bytes.clone(), bytes }
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 += 1;
        let hash = domain::digest::hash(&[b"dice", &self.0.to_be_bytes()]);
        usize::from_be_bytes(hash[..8].try_into().unwrap()) % sides
    }
}

fn not_found<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

impl Disk for FaultyDisk {
    fn create_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn create(&self, path: &str) -> io::Result<()> {
        self.change(true, |inner, happens| {
            if inner.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if happens {
                inner.files.push(File::default());
                inner.names.insert(path.to_owned(), inner.files.len() - 1);
            }
            Ok(())
        })
    }
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(true, |inner, happens| {
            let Some(file) = inner.names.get(path).copied() else {
                return not_found();
            };
            // A write that fails has written half.
            let written = if happens { bytes } else { &bytes[..bytes.len() / 2] };
            inner.files[file].bytes.extend_from_slice(written);
            Ok(())
        })
    }
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let inner = self.0.lock().unwrap();
        let Some(file) = inner.names.get(path) else {
            return not_found();
        };
        let rest = inner.files[*file].bytes.get(offset as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
    fn length(&self, path: &str) -> io::Result<u64> {
        let inner = self.0.lock().unwrap();
        let Some(file) = inner.names.get(path) else {
            return not_found();
        };
        Ok(inner.files[*file].bytes.len() as u64)
    }
    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.change(false, |inner, happens| {
            let Some(file) = inner.names.get(path).copied() else {
                return not_found();
            };
            if happens {
                inner.files[file].bytes.truncate(length as usize);
            }
            Ok(())
        })
    }
    fn sync(&self, path: &str) -> io::Result<()> {
        self.change(false, |inner, happens| {
            let Some(file) = inner.names.get(path).copied() else {
                return not_found();
            };
            if happens {
                inner.files[file].durable = inner.files[file].bytes.clone();
            }
            Ok(())
        })
    }
    fn sync_folder(&self, _: &str) -> io::Result<()> {
        self.change(false, |inner, happens| {
            if happens {
                inner.durable_names = inner.names.clone();
            }
            Ok(())
        })
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let (inner, inside) = (self.0.lock().unwrap(), format!("{folder}/"));
        let names = inner.names.keys().filter_map(|path| path.strip_prefix(&inside));
        Ok(names.map(str::to_owned).collect())
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(false, |inner, happens| {
            let Some(file) = inner.names.get(from).copied() else {
                return not_found();
            };
            if happens {
                inner.names.remove(from);
                inner.names.insert(to.to_owned(), file);
            }
            Ok(())
        })
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.change(false, |inner, happens| {
            if !inner.names.contains_key(path) {
                return not_found();
            }
            if happens {
                inner.names.remove(path);
            }
            Ok(())
        })
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    Refused,
    Unknown,
}

/// What became of the batches of a history.
#[derive(Clone, Default)]
struct Told {
    /// The number of the first batch.
    first: u64,
    written: BTreeMap<u64, Fate>,
    erased: BTreeMap<u64, Fate>,
    compactions: u32,
}

impl Told {
    fn acknowledged(&self) -> usize {
        self.written.values().filter(|fate| **fate == Fate::Acknowledged).count()
    }

    /// What was refused while the power failed may be there or not.
    fn after_power_cut(&self) -> Self {
        let doubt = |fates: &BTreeMap<u64, Fate>| {
            let fate = |fate| if fate == Fate::Refused { Fate::Unknown } else { fate };
            fates.iter().map(|(n, of)| (*n, fate(*of))).collect()
        };
        Self { written: doubt(&self.written), erased: doubt(&self.erased), ..Self::default() }
    }
}

fn fate(store: &dyn Store, batch: Batch) -> Fate {
    match store.commit(batch).wait() {
        Ok(_) => Fate::Acknowledged,
        Err(Error::Unknown(_)) => Fate::Unknown,
        Err(_) => Fate::Refused,
    }
}

fn batch(n: u64) -> Batch {
    let row = cursor(&n.to_be_bytes(), &vec![n as u8; 300 * (n % 4) as usize]);
    let draft = if n.is_multiple_of(3) { Draft::foreign(n, 1, n) } else { Draft::own(n, 1, n) };
    Batch::new().with(draft.change()).with(row).saying(event(n as u32))
}

/// Batches that are made once: signing takes longer than all else.
fn batches(count: u64) -> Vec<Batch> {
    (0..count).map(batch).collect()
}

const LATE_MS: u64 = 1_830_000_000_000;

/// Writes a history, erases some of it and compacts every now and then, until the end or until it is
/// stopped.
fn history(store: &dyn Store, batches: &[Batch], mut told: Told) -> Told {
    let mut n = told.first + told.written.len() as u64;
    for pair in batches.chunks(2) {
        let pending = pair.iter().map(|batch| store.commit(batch.clone())).collect::<Vec<_>>();
        for pending in pending {
            let fate = match pending.wait() {
                Ok(_) => Fate::Acknowledged,
                Err(Error::Unknown(_)) => Fate::Unknown,
                Err(_) => Fate::Refused,
            };
            told.written.insert(n, fate);
            n += 1;
        }
        if n.is_multiple_of(4) {
            told.erased.insert(n - 3, fate(store, Batch::new().with(erase(&[n - 3]))));
            let now = domain::time::Timestamp::from_millis(LATE_MS);
            told.compactions += u32::from(store.compact(now, &|| false).is_ok());
        }
    }
    told
}

fn history_on_sled(disk: &Arc<FaultyDisk>, batches: &[Batch]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let opened = embedded_on(folder.path(), Arc::clone(disk) as Arc<dyn Disk>);
    let told = Told::default();
    opened.map_or(told.clone(), |(store, _)| history(&store, batches, told))
}

/// The same engine over the same disk, without the tables on the machine's own disk.
fn in_memory(disk: &Arc<FaultyDisk>) -> store::Result<MemoryStore> {
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    MemoryStore::open(disk, own(), &KEK, Ticks::new(), Counter::boxed())
}

/// Opens what is left and compares it with what was told.
fn check_on_sled(disk: Arc<FaultyDisk>, told: &Told, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let opened = embedded_on(folder.path(), disk);
    let (store, _) = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    check(&store, told, what);
}

fn check(store: &dyn Store, told: &Told, what: &str) {
    check_told(store, told, what);
    check_soundness(store, what);
}

/// Everything that was acknowledged is there, and nothing that was refused.
fn check_told(store: &dyn Store, told: &Told, what: &str) {
    for (n, fate) in &told.written {
        let row = store.get(Table::Cursor, &n.to_be_bytes()).unwrap();
        let (record, hit) = (store.record(&id(*n)).unwrap(), store.hit_row(&id(*n)));
        assert_eq!(row.is_some(), hit.is_some(), "{what}: half of batch {n}");
        let is_erased = hit.is_some_and(|hit| hit.erased == Erased::Yes);
        assert_eq!(record.is_some(), hit.is_some() && !is_erased, "{what}: batch {n}");
        match fate {
            Fate::Acknowledged => assert!(row.is_some(), "{what}: {n} was acknowledged, is lost"),
            Fate::Refused => assert!(row.is_none(), "{what}: {n} was refused, is there"),
            Fate::Unknown => {}
        }
        match told.erased.get(n) {
            Some(Fate::Acknowledged) => assert!(is_erased, "{what}: {n} is there again"),
            Some(Fate::Unknown) => {}
            Some(Fate::Refused) | None => assert!(!is_erased, "{what}: {n} was not erased"),
        }
    }
}

/// It goes on, and every byte of it is right.
fn check_soundness(store: &dyn Store, what: &str) {
    store.commit(batch(1_000_000)).wait().unwrap();
    let now = domain::time::Timestamp::from_millis(LATE_MS);
    store.compact(now, &|| false).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(store.count().erasable, 0, "{what}");
    assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new(), "{what}");
}

/// How many batches are tried at every step with the tables in sled, and without.
const BATCHES: u64 = 10;
const BATCHES_IN_MEMORY: u64 = 176;
/// How many of those between two restarts.
const PIECE: usize = 16;
/// How many of those before it begins with an empty disk again: opening takes longer and longer.
const CHAPTER: usize = 4 * PIECE;
/// After every so many of the failing steps, every byte is looked at; what was told, after each.
const SOUNDNESS_EVERY: u64 = 8;
/// At least so many steps fail, each once.
const FAILURES: u64 = 1000;

fn steps_of_a_whole_history() -> u64 {
    let disk = FaultyDisk::with_plan(Plan::Nothing);
    let told = history_on_sled(&disk, &batches(BATCHES));
    assert_eq!(told.acknowledged() as u64, BATCHES);
    assert_eq!(told.compactions, 2);
    let names = disk.list("journal").unwrap();
    assert!(names.iter().any(|name| name.contains("-0001")), "one was written anew: {names:?}");
    assert!(names.len() > 2, "the history begins a third segment: {names:?}");
    disk.steps()
}

#[test]
fn a_power_cut_at_any_step_loses_nothing_acknowledged() {
    let batches = batches(BATCHES);
    for step in 1..=steps_of_a_whole_history() {
        let disk = FaultyDisk::with_plan(Plan::Dies(step));
        let told = history_on_sled(&disk, &batches).after_power_cut();
        for seed in 0..2 {
            let after = disk.after_power_cut(step * 1000 + seed);
            check_on_sled(after, &told, &format!("step {step}, seed {seed}"));
        }
        for seed in 2..8 {
            let what = format!("step {step}, seed {seed}");
            let after = in_memory(&disk.after_power_cut(step * 1000 + seed));
            check(&after.unwrap_or_else(|error| panic!("{what}: {error}")), &told, &what);
        }
    }
}

#[test]
fn an_error_at_any_step_is_told_truly() {
    let batches = batches(BATCHES);
    for step in 1..=steps_of_a_whole_history() {
        let disk = FaultyDisk::with_plan(Plan::Fails(step));
        let told = history_on_sled(&disk, &batches);
        disk.plan(Plan::Nothing);
        check_on_sled(disk, &told, &format!("step {step}"));
    }
}

#[test]
fn each_of_a_thousand_steps_may_fail() {
    // A long history in pieces: each piece begins with a restart on what the pieces before it left.
    let (mut pieces, mut compactions, mut first) = (Vec::new(), 0, 0);
    for chapter in batches(BATCHES_IN_MEMORY).chunks(CHAPTER) {
        let disk = FaultyDisk::with_plan(Plan::Nothing);
        let mut told = Told { first, ..Told::default() };
        for batches in chapter.chunks(PIECE).map(<[Batch]>::to_vec) {
            let (before, again, told_before) = (disk.copy(), disk.copy(), told.clone());
            told = history(&in_memory(&disk).unwrap(), &batches, told);
            drop(history(&in_memory(&again).unwrap(), &batches, told_before.clone()));
            pieces.push((before, told_before, batches, again.steps()));
        }
        compactions += u64::from(told.compactions);
        first += chapter.len() as u64;
    }
    assert_eq!(compactions, BATCHES_IN_MEMORY / 4);
    let steps: u64 = pieces.iter().map(|(.., steps)| steps).sum();
    assert!(steps >= FAILURES, "{steps} steps");
    std::thread::scope(|scope| {
        for half in 0..2 {
            let pieces = &pieces;
            scope.spawn(move || {
                for (number, (before, told, batches, steps)) in pieces.iter().enumerate() {
                    for step in (1..=*steps).filter(|step| step % 2 == half) {
                        let (disk, what) = (before.copy(), format!("piece {number}, step {step}"));
                        disk.plan(Plan::Fails(step));
                        let store = in_memory(&disk);
                        let told = store
                            .map_or_else(|_| told.clone(), |s| history(&s, batches, told.clone()));
                        assert!(disk.steps() >= step, "{what} was never made");
                        disk.plan(Plan::Nothing);
                        let store = in_memory(&disk).unwrap();
                        check_told(&store, &told, &what);
                        // Another one of each piece's steps, so that all kinds of step are among them.
                        if (step + number as u64).is_multiple_of(SOUNDNESS_EVERY) {
                            check_soundness(&store, &what);
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn a_full_disk_is_said_and_the_store_goes_on_when_space_returns() {
    let disk = FaultyDisk::with_plan(Plan::Nothing);
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded_on(folder.path(), Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
    let mut told = Told::default();
    for n in 0..12 {
        told.written.insert(n, fate(&store, batch(n)));
    }
    told.erased.insert(1, fate(&store, Batch::new().with(erase(&[1]))));
    disk.plan(Plan::Full);
    let now = domain::time::Timestamp::from_millis(LATE_MS);
    for n in 12..30 {
        assert_eq!(store.commit(batch(n)).wait(), Err(Error::Full));
        assert_eq!(store.compact(now, &|| false), Err(Error::Full));
        told.written.insert(n, Fate::Refused);
        assert!(store.hit_row(&id(n)).is_none());
        assert!(store.record(&id(2)).unwrap().is_some(), "reading goes on");
        assert!(store.count().erasable > 0, "what must go is not forgotten");
    }
    let half = disk.list("journal").unwrap().into_iter().filter(|name| name.ends_with(".new"));
    assert_eq!(half.count(), 0, "what could not be finished takes no space");
    disk.plan(Plan::Nothing);
    // Also what was due before space ran out.
    let compacted = store.compact(now, &|| false).unwrap();
    assert_eq!((compacted.parts_erased, store.count().erasable), (2, 0));
    for n in 30..50 {
        told.written.insert(n, fate(&store, batch(n)));
    }
    assert_eq!(told.acknowledged(), 32);
    drop(store);
    check_on_sled(disk, &told, "full");
}
