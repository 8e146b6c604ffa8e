//! The files of every release are kept: this release opens them and finds what that release put there.
//!
//! `MALINES_GOLDEN=1` writes the files of the present release anew, in
//! `tests/vectors/store/<release>`; those of an earlier release are never written again.

use crate::kit::*;
use audit::head::Head as SignedHead;
use audit::note::VerifyingKeys;
use domain::hexadecimal;
use domain::signature::{SecretKey, Signer as _};
use domain::time::{Clock, Timestamp};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::archive::{self, Condition, Kind, Purpose, Source, Target};
use store::disk::{Disk, MemoryDisk, RealDisk};
use store::{Batch, Depth, Erased, MemoryStore, Ownership, Secrecy, Store, Table, Withdrawn};

/// What opens the key files of the vectors. It is published and protects nothing.
const GOLDEN_KEK: [u8; 32] = KEK;
const FOLDERS: [&str; 2] = ["journal", "keys"];
const RECORDS: u64 = 6;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/store")
}

fn at() -> Timestamp {
    Timestamp::from_date(2026, 11, 21).unwrap()
}

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        at()
    }
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn head_keys() -> VerifyingKeys {
    VerifyingKeys::new([SignedHead::key(&own(), key().public_key()).unwrap()]).unwrap()
}

/// Some of everything that a journal can hold, the same in every run.
fn make() -> (Arc<MemoryDisk>, Vec<u8>) {
    let disk = Arc::new(MemoryDisk::new());
    let of_store: Arc<dyn Disk> = Arc::clone(&disk) as Arc<dyn Disk>;
    let generator = Counter::from_seed(1);
    let store = MemoryStore::open(of_store, own(), &GOLDEN_KEK, Arc::new(StandingClock), generator)
        .unwrap();
    for n in 0..RECORDS {
        let batch = Batch::new()
            .with(Draft { class: (n % 2) as u8, ..Draft::own(n, 1, n) }.change())
            .with(Draft::foreign(1000 + n, 1, n).change())
            .with(put_row(Table::Case, &n.to_be_bytes(), b"a sealed row", Secrecy::Sealed))
            .with(cursor(&(n % 2).to_be_bytes(), &n.to_be_bytes()))
            .saying(event(n as u32));
        store.commit(batch).wait().unwrap();
    }
    let later = Batch::new()
        .with(Draft { class: 1, ..Draft::own(0, 2, 7) }.change())
        .with(withdraw(own(), 1))
        .with(withdraw(peer(), 1001))
        .with(store::Change::Erase { record_ids: vec![id(2), id(1002)] });
    store.commit(later).wait().unwrap();
    // A segment of the second generation, and one of the first behind it.
    store.compact(at(), &|| false).unwrap();
    let hold = [*id(3).as_bytes(), [1; 16]].concat();
    let held = put_row(Table::Hold, &hold, b"an order of the judge", Secrecy::Sealed);
    store.commit(Batch::new().with(held).saying(event(7))).wait().unwrap();
    let head = store.head();
    let head =
        SignedHead { agency: own(), size: head.tree_size, root: head.root, chain: head.chain };
    let note = head.sign(&key()).unwrap().to_string();
    store.write_head(note.as_bytes()).unwrap();
    let mut backup = Vec::new();
    let source = Source { disk: &*disk, agency: &own(), kek: &GOLDEN_KEK };
    archive::write(&source, Kind::Backup, at(), &mut backup, &mut |_, _| {}).unwrap();
    (disk, backup)
}

/// What is in a store, in words that do not depend on this release.
fn described(store: &dyn Store) -> String {
    let (head, counts) = (store.head(), store.count());
    let mut text = format!(
        "frames {}\nroot {}\nchain {}\nown {} foreign {} withdrawn {}\n",
        head.tree_size,
        head.root,
        head.chain.as_hash(),
        counts.own,
        counts.foreign,
        counts.withdrawn
    );
    for n in (0..RECORDS).flat_map(|n| [n, 1000 + n]) {
        let row = store.hit_row(&id(n)).unwrap();
        let held = store.record(&id(n)).unwrap().is_some();
        let local = store.local_part(&id(n)).unwrap();
        let x = local.as_ref().map(|local| hexadecimal::encode(local.x.expose()));
        let reference = local.and_then(|local| local.case_reference);
        let owner = if row.origin == Ownership::Own { "own" } else { "foreign" };
        let state = if row.withdrawn == Withdrawn::Yes { "withdrawn" } else { "not withdrawn" };
        let readable = if held { "readable" } else { "not readable" };
        let erased = if row.erased == Erased::Yes { "erased" } else { "not erased" };
        text += &format!(
            "record {} {owner} version {}.{} expires {} {state} {erased} {readable} x {} case {}\n",
            id(n),
            row.version.epoch,
            row.version.n,
            row.expiry.as_millis(),
            x.as_deref().unwrap_or("-"),
            reference.as_deref().unwrap_or("-")
        );
        let tombstone = store.tombstone(&id(n)).unwrap();
        if let Some(tombstone) = tombstone {
            text += &format!("tombstone of {} bytes\n", tombstone.size_bytes());
        }
    }
    for table in [Table::Case, Table::Cursor, Table::Hold] {
        for (key, value) in store.scan(table, b"", None, 4096).unwrap() {
            let (key, value) = (hexadecimal::encode(&key), hexadecimal::encode(&value));
            text += &format!("row of {} {key} {value}\n", table.as_str());
        }
    }
    for class in store.classes(&own(), &agreement()) {
        text += &format!("class {} with {} records, log of", class.hash, class.records);
        for row in store.class_log(class.number, 0, 4096) {
            text += &format!(" {:?}:{}.{}", row.kind, row.record_id, row.version.n);
        }
        text += "\n";
    }
    text
}

fn write_anew(folder: &Path) {
    let (disk, backup) = make();
    let _ = fs::remove_dir_all(folder);
    let inside = FOLDERS.iter().flat_map(|inside| {
        disk.list(inside).unwrap().into_iter().map(move |name| format!("{inside}/{name}"))
    });
    for path in inside.chain(["head".to_owned()]) {
        let mut bytes = vec![0; disk.length(&path).unwrap() as usize];
        disk.read_at(&path, 0, &mut bytes).unwrap();
        let to = folder.join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    fs::write(folder.join("FORMAT"), "1\n").unwrap();
    fs::write(folder.join("backup.archive"), backup).unwrap();
    let of_store: Arc<dyn Disk> = disk;
    let store =
        MemoryStore::open(of_store, own(), &GOLDEN_KEK, Ticks::new(), Counter::boxed()).unwrap();
    fs::write(folder.join("expected.txt"), described(&store)).unwrap();
}

#[test]
fn the_files_of_every_release_open_and_hold_what_was_put_there() {
    if std::env::var_os("MALINES_GOLDEN").is_some() {
        write_anew(&vectors().join(env!("CARGO_PKG_VERSION")));
    }
    let mut releases = 0;
    for release in fs::read_dir(vectors()).unwrap() {
        let release = release.unwrap().path();
        let expected = fs::read_to_string(release.join("expected.txt")).unwrap();
        let opened = tempfile::tempdir().unwrap();
        for folder in FOLDERS {
            fs::create_dir(opened.path().join(folder)).unwrap();
            for file in fs::read_dir(release.join(folder)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), opened.path().join(folder).join(file.file_name())).unwrap();
            }
        }
        for file in ["head", "FORMAT"] {
            fs::copy(release.join(file), opened.path().join(file)).unwrap();
        }
        let (store, report) = embedded(opened.path()).unwrap();
        assert_eq!(report.cut, None);
        assert_eq!(described(&store), expected, "{}", release.display());
        assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
        store.commit(Batch::new().saying(event(9))).wait().unwrap();

        let restored = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(restored.path());
        let (agency, head_keys) = (own(), head_keys());
        let target =
            Target { disk: &disk, agency: &agency, kek: &GOLDEN_KEK, head_keys: &head_keys };
        let backup = fs::read(release.join("backup.archive")).unwrap();
        let keys = fs::read(release.join("keys/data-keys")).unwrap();
        let placed =
            archive::restore(&target, Purpose::Restore, &mut &backup[..], &keys, at(), &mut |_| {});
        assert!(matches!(placed.unwrap().condition, Condition::Recovery(_)));
        let (store, _) = embedded(restored.path()).unwrap();
        assert_eq!(described(&store), expected, "{}", release.display());
        releases += 1;
    }
    assert!(releases >= 1);
    assert!(vectors().join(env!("CARGO_PKG_VERSION")).is_dir(), "the files of this release");
}
