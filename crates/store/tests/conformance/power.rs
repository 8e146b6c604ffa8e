//! Power cuts, failing writes and a full disk, at every step of a history, on a simulated disk.

use crate::kit::*;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use store::disk::Disk;
use store::{Batch, Depth, Error, Store, Table};

const SECTOR: usize = 512;

/// A disk that remembers what is durable, and can fail.
#[derive(Default)]
pub(crate) struct FaultyDisk(Mutex<Inner>);

#[derive(Default)]
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

/// What became of the batches of a history.
#[derive(Default)]
struct Told {
    acknowledged: Vec<u64>,
    refused: Vec<u64>,
}

fn batch(n: u64) -> Batch {
    let row = cursor(&n.to_be_bytes(), &vec![n as u8; 300 * (n % 4) as usize]);
    Batch::new().with(Draft::own(n, 1, n).change()).with(row).saying(event(n as u32))
}

/// Writes a history, two batches at a time, until the end or until it is stopped.
fn history(disk: &Arc<FaultyDisk>, batches: u64) -> Told {
    let (folder, mut told) = (tempfile::tempdir().unwrap(), Told::default());
    let Ok((store, _)) = embedded_on(folder.path(), Arc::clone(disk) as Arc<dyn Disk>) else {
        return told;
    };
    let mut n = 0;
    while n < batches {
        let pending = [n, n + 1].map(|n| (n, store.commit(batch(n))));
        for (n, pending) in pending {
            match pending.wait() {
                Ok(_) => told.acknowledged.push(n),
                Err(Error::Unknown(_)) => {}
                Err(_) => told.refused.push(n),
            }
        }
        n += 2;
    }
    told
}

/// Opens what is left and compares it with what was told.
fn check(disk: Arc<FaultyDisk>, told: &Told, batches: u64, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let opened = embedded_on(folder.path(), disk);
    let (store, _) = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    for n in 0..batches {
        let row = store.get(Table::Cursor, &n.to_be_bytes()).unwrap();
        let record = store.record(&id(n)).unwrap();
        assert_eq!(row.is_some(), record.is_some(), "{what}: half of batch {n}");
        if told.acknowledged.contains(&n) {
            assert!(row.is_some(), "{what}: batch {n} was acknowledged and is lost");
        }
        if told.refused.contains(&n) {
            assert!(row.is_none(), "{what}: batch {n} was refused and is there");
        }
    }
    assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new(), "{what}");
    store.commit(batch(batches + 1)).wait().unwrap();
}

const BATCHES: u64 = 10;

fn steps_of_a_whole_history() -> u64 {
    let disk = FaultyDisk::with_plan(Plan::Nothing);
    let told = history(&disk, BATCHES);
    assert_eq!(told.acknowledged.len() as u64, BATCHES);
    let names = disk.list("journal").unwrap();
    assert!(names.len() > 1, "the history begins a second segment: {names:?}");
    disk.steps()
}

#[test]
fn a_power_cut_at_any_step_loses_nothing_acknowledged() {
    for step in 1..=steps_of_a_whole_history() {
        let disk = FaultyDisk::with_plan(Plan::Dies(step));
        let told = history(&disk, BATCHES);
        for seed in 0..4 {
            let after = disk.after_power_cut(step * 1000 + seed);
            let acknowledged = told.acknowledged.clone();
            // What was refused while the power failed may be there or not.
            let told = Told { acknowledged, refused: vec![] };
            check(after, &told, BATCHES, &format!("step {step}, seed {seed}"));
        }
    }
}

#[test]
fn an_error_at_any_step_is_told_truly() {
    for step in 1..=steps_of_a_whole_history() {
        let disk = FaultyDisk::with_plan(Plan::Fails(step));
        let told = history(&disk, BATCHES);
        disk.plan(Plan::Nothing);
        check(disk, &told, BATCHES, &format!("step {step}"));
    }
}

#[test]
fn a_full_disk_is_said_and_the_store_goes_on_when_space_returns() {
    let disk = FaultyDisk::with_plan(Plan::Nothing);
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded_on(folder.path(), Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
    store.commit(batch(0)).wait().unwrap();
    disk.plan(Plan::Full);
    for n in 1..20 {
        let refused = store.commit(batch(n)).wait();
        assert_eq!(refused, Err(Error::Full));
        assert!(store.hit_row(&id(n)).is_none());
    }
    assert!(store.hit_row(&id(0)).is_some(), "reading goes on");
    disk.plan(Plan::Nothing);
    for n in 20..40 {
        store.commit(batch(n)).wait().unwrap();
    }
    drop(store);
    let told = Told { acknowledged: (20..40).chain([0]).collect(), refused: (1..20).collect() };
    check(disk, &told, 40, "full");
}
