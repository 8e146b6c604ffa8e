//! Backups and exports: from every store into every store, under load, and never from bytes that are
//! not exactly what was written.

use crate::kit::*;
use audit::head::Head as SignedHead;
use audit::note::VerifyingKeys;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::archive::{self, Condition, IMPORT_DAYS_MAX, Kind, Purpose, Source, Target};
use store::disk::{Disk, MemoryDisk, RealDisk};
use store::{
    Batch, Change, Depth, EmbeddedStore, Erased, Error, MemoryStore, Ownership, Result, Secrecy,
    Store, Table,
};

const RECORDS: u64 = 12;

fn now() -> Timestamp {
    Timestamp::from_date(2026, 11, 22).unwrap()
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn head_keys() -> VerifyingKeys {
    VerifyingKeys::new([SignedHead::key(&own(), key().public_key()).unwrap()]).unwrap()
}

fn sign(store: &dyn Store) {
    let head = store.head();
    let (size, root, chain) = (head.tree_size, head.root, head.chain);
    let note = SignedHead { agency: own(), size, root, chain }.sign(&key()).unwrap().to_string();
    store.write_head(note.as_bytes()).unwrap();
}

/// Some of everything: records of both, versions, a withdrawal, rows plain and sealed, events.
fn fill(store: &dyn Store, records: u64) {
    for n in 0..records {
        let batch = Batch::new()
            .with(Draft::own(n, 1, n % 3).change())
            .with(Draft { class: 1, ..Draft::foreign(1000 + n, 1, n % 3) }.change())
            .with(put_row(Table::Case, &n.to_be_bytes(), b"sealed", Secrecy::Sealed))
            .with(cursor(&(n % 2).to_be_bytes(), &n.to_be_bytes()))
            .saying(event(n as u32));
        store.commit(batch).wait().unwrap();
    }
    let later = Batch::new()
        .with(Draft { class: 1, ..Draft::own(0, 2, 7) }.change())
        .with(withdraw(own(), 1))
        .with(withdraw(peer(), 1001));
    store.commit(later).wait().unwrap();
}

/// Everything that a reader can see.
fn seen(store: &dyn Store, records: u64) -> String {
    let mut text = format!("{:?} {:?} {:?}", store.head(), store.count(), store.signed_head());
    for table in Table::ALL {
        text += &format!("{:?}", store.scan(*table, b"", None, 4096).unwrap());
    }
    for number in (0..records).flat_map(|n| [n, 1000 + n]) {
        let record = store.record(&id(number)).unwrap().map(|held| held.class().hash());
        let local = store.local_part(&id(number)).unwrap().map(|local| *local.x.expose());
        let tombstone = store.tombstone(&id(number)).unwrap();
        text += &format!("{:?} {record:?} {local:?} {tombstone:?}", store.hit_row(&id(number)));
    }
    for origin in [own(), peer()] {
        for class in store.classes(&origin, &agreement()) {
            text += &format!("{class:?} {:?}", store.class_log(class.number, 0, 4096));
        }
    }
    for seed in 0..8 {
        let mut found = store.match_fingerprint(&x(seed)).unwrap();
        found.sort();
        let tokens = [token(seed)];
        let mut foreign = store.match_foreign(&agreement(), &peer(), EPOCH, &tokens).unwrap();
        foreign.sort_by_key(|found| found.record_id);
        text += &format!("{found:?} {foreign:?}");
    }
    let verified = store.verify(Depth::Deep).unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
    text
}

fn write(disk: &dyn Disk, kind: Kind) -> Result<(Vec<u8>, archive::Written)> {
    let mut out = Vec::new();
    let source = Source { disk, agency: &own(), kek: &KEK };
    let written = archive::write(&source, kind, now(), &mut out, &mut |_, _| {})?;
    Ok((out, written))
}

fn put(
    disk: &dyn Disk,
    purpose: Purpose,
    mut bytes: &[u8],
    keys: &[u8],
    at: Timestamp,
) -> Result<archive::Placed> {
    let (agency, head_keys) = (own(), head_keys());
    let target = Target { disk, agency: &agency, kek: &KEK, head_keys: &head_keys };
    archive::restore(&target, purpose, &mut bytes, keys, at, &mut |_| {})
}

fn memory_on(disk: &Arc<MemoryDisk>) -> Result<MemoryStore> {
    let disk: Arc<dyn Disk> = Arc::clone(disk) as Arc<dyn Disk>;
    MemoryStore::open(disk, own(), &KEK, Ticks::new(), Counter::boxed())
}

/// An archive and its key file, and what a reader saw in the store it was made of.
fn small(records: u64) -> (Vec<u8>, Vec<u8>, String) {
    let disk = Arc::new(MemoryDisk::new());
    let store = memory_on(&disk).unwrap();
    fill(&store, records);
    sign(&store);
    let (bytes, written) = write(&*disk, Kind::Backup).unwrap();
    (bytes, written.keys, seen(&store, records))
}

#[test]
fn an_export_goes_from_every_store_into_every_store() {
    for from_memory in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(MemoryDisk::new());
        let (bytes, written, before) = if from_memory {
            let store = memory_on(&disk).unwrap();
            fill(&store, RECORDS);
            sign(&store);
            let (bytes, written) = write(&*disk, Kind::Export).unwrap();
            (bytes, written, seen(&store, RECORDS))
        } else {
            let (store, _) = embedded(folder.path()).unwrap();
            fill(&store, RECORDS);
            sign(&store);
            let before = seen(&store, RECORDS);
            drop(store);
            let (bytes, written) = write(&RealDisk::new(folder.path()), Kind::Export).unwrap();
            (bytes, written, before)
        };
        assert_eq!((written.frames, written.head), (RECORDS + 1, Some(RECORDS + 1)));

        let into = Arc::new(MemoryDisk::new());
        let placed = put(&*into, Purpose::Import, &bytes, &written.keys, now()).unwrap();
        assert_eq!((placed.frames, placed.condition), (RECORDS + 1, Condition::Ordinary));
        assert_eq!(seen(&memory_on(&into).unwrap(), RECORDS), before);

        let into = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(into.path());
        put(&disk, Purpose::Import, &bytes, &written.keys, now()).unwrap();
        let (store, report) = embedded(into.path()).unwrap();
        assert_eq!(report.frames, RECORDS + 1);
        assert_eq!(seen(&store, RECORDS), before);
        // It goes on from there.
        store.commit(Batch::new().saying(event(99))).wait().unwrap();
    }
}

#[test]
fn a_restore_gives_the_same_store_and_ends_in_recovery() {
    let (bytes, keys, before) = small(RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let disk = RealDisk::new(folder.path());
    let placed = put(&disk, Purpose::Restore, &bytes, &keys, now()).unwrap();
    assert!(matches!(placed.condition, Condition::Recovery(_)), "{placed:?}");
    assert_eq!(archive::condition(&disk).unwrap(), placed.condition);
    let (store, _) = embedded(folder.path()).unwrap();
    assert_eq!(seen(&store, RECORDS), before);
    drop(store);
    embedded(folder.path()).unwrap();
    assert_eq!(archive::condition(&disk).unwrap(), placed.condition, "and it stays there");
}

/// Sets a flag when it is dropped.
struct Stopped<'s>(&'s AtomicBool);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_backup_taken_while_others_write_erase_and_compact_holds_all_that_was_acknowledged_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path());
    settings.segment_bytes = 64 * 1024;
    let (store, _) = EmbeddedStore::open(settings).unwrap();
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                let waiting: Vec<_> = (0..8)
                    .map(|k| {
                        let batch = Batch::new()
                            .with(Draft::own(n + k, 1, n).change())
                            .with(cursor(b"n", &n.to_be_bytes()));
                        store.commit(batch)
                    })
                    .collect();
                waiting.into_iter().for_each(|pending| drop(pending.wait().unwrap()));
                let erased = Change::Erase { record_ids: vec![id(n), id(n + 1), id(n + 2)] };
                store.commit(Batch::new().with(erased)).wait().unwrap();
                n += 8;
                written.store(n, Ordering::SeqCst);
                sign(&store);
            }
        });
        let compactor = scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                store.compact(now(), &|| stop.load(Ordering::SeqCst)).unwrap();
            }
        });
        // A check that fails ends the threads too: a scope waits for them.
        let _stopped = Stopped(&stop);
        let mut last = 0;
        for _ in 0..6 {
            while store.head().tree_size <= last || written.load(Ordering::SeqCst) == 0 {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            let (records, frames) = (written.load(Ordering::SeqCst), store.head().tree_size);
            // As another process would read it: through files of its own.
            let disk = RealDisk::new(folder.path());
            let (bytes, taken) = loop {
                match write(&disk, Kind::Backup) {
                    // Compaction retired keys meanwhile: an operator tries again.
                    Err(Error::Busy) => {}
                    taken => break taken.unwrap(),
                }
            };
            assert!(taken.frames >= frames, "{taken:?}");
            last = frames;
            let into = Arc::new(MemoryDisk::new());
            put(&*into, Purpose::Restore, &bytes, &taken.keys, now()).unwrap();
            let copy = memory_on(&into).unwrap();
            assert_eq!(copy.head().chain, taken.chain);
            for n in 0..records {
                let row = copy.hit_row(&id(n)).unwrap();
                let erased = if n % 8 < 3 { Erased::Yes } else { Erased::No };
                assert_eq!((row.origin, row.erased), (Ownership::Own, erased));
                assert_eq!(copy.record(&id(n)).unwrap().is_some(), erased == Erased::No);
            }
            assert_eq!(copy.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
            // And nothing is wrong in what is read while it is written.
            let source = Source { disk: &disk, agency: &crate::kit::own(), kek: &KEK };
            let checked = archive::verify(&source, &head_keys(), &mut |_, _| {}).unwrap();
            assert_eq!((checked.faults, checked.beside.len()), (0, 0), "{checked:?}");
        }
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        compactor.join().unwrap();
    });
    let names = names(&folder.path().join("journal"));
    assert!(names.iter().any(|name| name.contains('-')), "nothing was compacted: {names:?}");
}

#[test]
fn an_archive_that_was_changed_or_shortened_anywhere_is_refused_and_leaves_nothing() {
    let (good, keys, _) = small(1);
    let refused = |bytes: &[u8], what: &str| {
        let disk = MemoryDisk::new();
        let error = put(&disk, Purpose::Restore, bytes, &keys, now());
        match error.expect_err(what) {
            Error::Archive(_) | Error::NewerFormat { .. } => {}
            error => panic!("{what}: {error}"),
        }
        for folder in ["journal", "keys"] {
            assert_eq!(disk.list(folder).unwrap(), Vec::<String>::new(), "{what}");
        }
        assert_eq!(archive::condition(&disk).unwrap(), Condition::Ordinary, "{what}");
    };
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&bytes, &format!("byte {at} flipped"));
        refused(&good[..at], &format!("{at} bytes"));
    }
    refused(&[&good[..], b"x"].concat(), "a byte more");
    let disk = MemoryDisk::new();
    put(&disk, Purpose::Restore, &good, &keys, now()).unwrap();
}

#[test]
fn a_key_file_that_was_changed_or_is_another_is_refused() {
    let (good, keys, _) = small(1);
    for at in 0..keys.len() {
        let mut keys = keys.clone();
        keys[at] ^= 1;
        put(&MemoryDisk::new(), Purpose::Restore, &good, &keys, now()).unwrap_err();
    }
    // A key file of the same node from before the records: what they are sealed under is not in it.
    let disk = Arc::new(MemoryDisk::new());
    let early = memory_on(&disk).unwrap();
    early.commit(Batch::new().saying(event(1))).wait().unwrap();
    let (_, written) = write(&*disk, Kind::Backup).unwrap();
    let refused = put(&MemoryDisk::new(), Purpose::Restore, &good, &written.keys, now());
    assert_eq!(refused.err(), Some(Error::KeyGone));
}

#[test]
fn another_node_another_key_and_another_signer_are_refused() {
    let (good, keys, _) = small(1);
    let disk = MemoryDisk::new();
    let (agency, other_agency, head_keys) = (own(), peer(), head_keys());
    let target = Target { disk: &disk, agency: &agency, kek: &KEK, head_keys: &head_keys };
    let restore = |target: &Target<'_>| {
        archive::restore(target, Purpose::Restore, &mut &good[..], &keys, now(), &mut |_| {})
    };
    let other = Target { agency: &other_agency, ..target };
    assert!(matches!(restore(&other), Err(Error::Audit(audit::Error::OtherLog { .. }))));
    let other = Target { kek: &[1; 32], ..target };
    assert_eq!(restore(&other).err(), Some(Error::WrongKey));
    let public = SecretKey::from_seed(&[2; 32]).public_key();
    let nobody = VerifyingKeys::new([SignedHead::key(&own(), public).unwrap()]).unwrap();
    let other = Target { head_keys: &nobody, ..target };
    assert!(matches!(restore(&other), Err(Error::Audit(_))));
    restore(&target).unwrap();
    // Whoever has not the key can neither read a store for a backup nor make one that is taken.
    let source = Source { disk: &disk, agency: &agency, kek: &[1; 32] };
    let write = |kind| archive::write(&source, kind, now(), &mut Vec::new(), &mut |_, _| {}).err();
    assert_eq!(write(Kind::Backup), Some(Error::WrongKey));
    // What was restored is not exported, whoever asks: that would be a way out of RECOVERY.
    assert_eq!(write(Kind::Export), Some(Error::Recovery));
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_as_it_is() {
    let (good, keys, _) = small(1);
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    fill(&store, 2);
    drop(store);
    let disk = RealDisk::new(folder.path());
    let before = names(folder.path());
    let refused = put(&disk, Purpose::Restore, &good, &keys, now());
    assert!(matches!(refused, Err(Error::NotEmpty(_))), "{refused:?}");
    assert_eq!(names(folder.path()), before);
    embedded(folder.path()).unwrap();
    for name in ["notes.txt", "head", "RECOVERY"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), "x").unwrap();
        let refused = put(&RealDisk::new(folder.path()), Purpose::Restore, &good, &keys, now());
        assert_eq!(refused.err(), Some(Error::NotEmpty(name.to_owned())));
    }
    let memory = MemoryDisk::new();
    put(&memory, Purpose::Restore, &good, &keys, now()).unwrap();
    let again = put(&memory, Purpose::Restore, &good, &keys, now());
    assert!(matches!(again, Err(Error::NotEmpty(_))), "{again:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_was_exported_or_half_restored_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    fill(&store, 1);
    let disk = RealDisk::new(folder.path());
    assert_eq!(archive::lock(folder.path(), &disk).err(), Some(Error::InUse));
    drop(store);
    let locked = archive::lock(folder.path(), &disk).unwrap();
    assert_eq!(embedded(folder.path()).err(), Some(Error::InUse));
    drop(locked);
    archive::mark_moved(&disk, now()).unwrap();
    assert_eq!(embedded(folder.path()).err(), Some(Error::Moved));
    assert_eq!(write(&disk, Kind::Backup).err(), Some(Error::Moved));
    fs::remove_file(folder.path().join("MOVED")).unwrap();
    embedded(folder.path()).unwrap();
    fs::write(folder.path().join("RESTORING"), "").unwrap();
    assert_eq!(embedded(folder.path()).err(), Some(Error::HalfRestored));
}

#[test]
fn only_a_fresh_export_is_imported_without_recovery() {
    let (backup, keys, _) = small(1);
    let refused = put(&MemoryDisk::new(), Purpose::Import, &backup, &keys, now());
    assert!(matches!(&refused, Err(Error::Archive(why)) if why.contains("backup")), "{refused:?}");
    let disk = Arc::new(MemoryDisk::new());
    fill(&memory_on(&disk).unwrap(), 1);
    let (export, written) = write(&*disk, Kind::Export).unwrap();
    let late = now().plus_days(IMPORT_DAYS_MAX);
    let placed = put(&MemoryDisk::new(), Purpose::Import, &export, &written.keys, late).unwrap();
    assert!(matches!(placed.condition, Condition::Recovery(_)), "too old to be trusted");
    let placed = put(&MemoryDisk::new(), Purpose::Restore, &export, &written.keys, now()).unwrap();
    assert!(matches!(placed.condition, Condition::Recovery(_)), "a restore is a restore");
    // A backup that says it is an export: the header passes its check, the seal does not fit.
    let before = backup.len();
    let forged = forge_kind(backup);
    assert_eq!(forged.len(), before);
    let refused = put(&MemoryDisk::new(), Purpose::Import, &forged, &keys, now());
    assert!(matches!(&refused, Err(Error::Archive(why)) if why.contains("seal")), "{refused:?}");
}

/// Makes the header of a backup say that it is an export, with a check that fits.
fn forge_kind(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = u32::from_be_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let body = &mut bytes[16..16 + length];
    // The map's second entry: key 1, then the kind.
    let at = body.windows(2).position(|pair| pair == [1, 1]).unwrap();
    body[at + 1] = 2;
    let check = domain::digest::derive("malines archive header check v1", &[&bytes[..16 + length]]);
    bytes[16 + length..32 + length].copy_from_slice(&check[..16]);
    bytes
}

#[test]
fn a_restore_that_fails_at_any_step_leaves_a_folder_that_does_not_open_or_is_empty() {
    let (good, keys, before) = small(3);
    let mut steps = 0;
    loop {
        let disk = Arc::new(MemoryDisk::new());
        let failing = Failing { disk: Arc::clone(&disk), left: std::sync::Mutex::new(steps) };
        match put(&failing, Purpose::Restore, &good, &keys, now()) {
            Ok(_) => break,
            Err(Error::Io { .. }) => {}
            Err(error) => panic!("step {steps}: {error}"),
        }
        match memory_on(&disk) {
            // Everything was taken away again, or nothing was there yet.
            Ok(store) if store.head().tree_size == 0 => {}
            // Only the very last step failed: all is in place, and known to be restored.
            Ok(store) => {
                let condition = archive::condition(&*disk).unwrap();
                assert!(matches!(condition, Condition::Recovery(_)), "step {steps}");
                assert_eq!(seen(&store, 3), before, "step {steps}");
            }
            Err(Error::HalfRestored) => {}
            Err(error) => panic!("step {steps}: {error}"),
        }
        steps += 1;
    }
    assert!(steps > 10, "{steps}");
    let disk = Arc::new(MemoryDisk::new());
    put(&*disk, Purpose::Restore, &good, &keys, now()).unwrap();
    assert_eq!(seen(&memory_on(&disk).unwrap(), 3), before);
}

/// A disk on which every write fails after so many.
struct Failing {
    disk: Arc<MemoryDisk>,
    left: std::sync::Mutex<u32>,
}

impl Failing {
    fn step(&self) -> std::io::Result<()> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or(std::io::ErrorKind::Other)?;
        Ok(())
    }
}

impl Disk for Failing {
    fn create_folder(&self, folder: &str) -> std::io::Result<()> {
        self.step()?;
        self.disk.create_folder(folder)
    }
    fn create(&self, path: &str) -> std::io::Result<()> {
        self.step()?;
        self.disk.create(path)
    }
    fn append(&self, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.step()?;
        self.disk.append(path, bytes)
    }
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.disk.read_at(path, offset, buffer)
    }
    fn length(&self, path: &str) -> std::io::Result<u64> {
        self.disk.length(path)
    }
    fn truncate(&self, path: &str, length: u64) -> std::io::Result<()> {
        self.step()?;
        self.disk.truncate(path, length)
    }
    fn sync(&self, path: &str) -> std::io::Result<()> {
        self.step()?;
        self.disk.sync(path)
    }
    fn sync_folder(&self, folder: &str) -> std::io::Result<()> {
        self.step()?;
        self.disk.sync_folder(folder)
    }
    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.disk.list(folder)
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.step()?;
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &str) -> std::io::Result<()> {
        self.step()?;
        self.disk.remove(path)
    }
}

#[test]
fn damage_is_named_place_by_place_without_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path());
    settings.segment_bytes = 8 * 1024;
    let (store, _) = EmbeddedStore::open(settings).unwrap();
    fill(&store, RECORDS);
    sign(&store);
    let disk = RealDisk::new(folder.path());
    let verify = || {
        let source = Source { disk: &disk, agency: &own(), kek: &KEK };
        archive::verify(&source, &head_keys(), &mut |_, _| {}).unwrap()
    };
    let checked = verify();
    assert_eq!((checked.frames, checked.faults), (RECORDS + 1, 0), "{checked:?}");
    assert_eq!((checked.head, checked.beside.len()), (Some(RECORDS + 1), 0));
    assert!(checked.items > 3 * RECORDS);
    // Two places in two segments: one in a body, one in a header.
    let first = folder.path().join("journal/00000001.segment");
    let mut bytes = fs::read(&first).unwrap();
    bytes[72 + 154 + 40] ^= 1;
    fs::write(&first, &bytes).unwrap();
    let second = folder.path().join("journal/00000002.segment");
    let mut bytes = fs::read(&second).unwrap();
    bytes[20] ^= 1;
    fs::write(&second, &bytes).unwrap();
    let checked = verify();
    assert_eq!(checked.faults, checked.first_faults.len() as u64);
    let first = &checked.first_faults[0];
    assert_eq!((first.segment.as_str(), first.offset, first.seq), ("00000001.segment", 72, 0));
    assert!(first.to_string().contains("00000001.segment at byte 72, frame 0: "), "{first}");
    assert!(checked.first_faults.iter().any(|fault| fault.segment == "00000002.segment"));
    assert!(checked.first_faults.iter().all(|fault| fault.segment.as_str() < "00000003"));
    assert!(checked.frames >= RECORDS - 1, "the frames behind the damage were read: {checked:?}");
    assert!(matches!(write(&disk, Kind::Backup), Err(Error::Corrupt { .. })));
}
