//! What a store does with a folder that is not what it wrote: it refuses and names the place, or it
//! puts aside what can be rebuilt and says so. It never serves anything false.

use crate::kit::*;
use domain::name::AgencyId;
use domain::signature::SecretKey;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::disk::RealDisk;
use store::embedded::{FORMAT, QUARANTINE_MAX, TablesFound};
use store::{Batch, Depth, EmbeddedStore, Error, Secrecy, Store, Table};

fn fill(store: &dyn Store, frames: u64) {
    for n in 0..frames {
        let batch = Batch::new()
            .with(Draft::own(n, 1, n % 3).change())
            .with(Draft::foreign(1000 + n, 1, n % 3).change())
            .with(put_row(Table::Case, &n.to_be_bytes(), b"sealed", Secrecy::Sealed))
            .with(cursor(&(n % 2).to_be_bytes(), &n.to_be_bytes()))
            .saying(event(n as u32));
        store.commit(batch).wait().unwrap();
    }
}

/// Everything a reader can see, as text.
fn seen(store: &dyn Store, frames: u64) -> String {
    let mut text = format!("{:?} {:?}", store.head(), store.count().own);
    for table in [Table::Cursor, Table::Case] {
        text += &format!("{:?}", store.scan(table, b"", None, 4096).unwrap());
    }
    for n in 0..frames {
        for number in [n, 1000 + n] {
            let record = store.record(&id(number)).unwrap();
            let class = record.map(|record| record.class().hash());
            let local = store.local_part(&id(number)).unwrap().map(|local| *local.x.expose());
            text += &format!("{:?} {class:?} {local:?}", store.hit_row(&id(number)));
        }
    }
    for seed in 0..3 {
        text += &format!("{:?}", store.match_fingerprint(&x(seed)).unwrap());
        let tokens = [token(seed)];
        let found = store.match_foreign(&agreement(), &peer(), EPOCH, &tokens).unwrap();
        text += &format!("{found:?}");
    }
    text
}

fn segment(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("journal/{number:08}.segment"))
}

#[test]
fn a_flipped_bit_in_the_journal_of_a_folder_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    fill(&store, 2);
    let before = seen(&store, 2);
    drop(store);
    // Without the tables, which would know that the last frame was acknowledged.
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let path = segment(folder.path(), 1);
    let good = fs::read(&path).unwrap();
    // Every byte and bit is tried without a folder, beside the code that reads the journal.
    for at in (0..good.len()).step_by(41) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        match store_on_memory(&bytes, folder.path()) {
            Err(Error::Corrupt { what, .. }) => {
                assert_eq!(what, "00000001.segment");
            }
            Err(error) => panic!("byte {at}: {error}"),
            Ok(frames) => panic!("byte {at} was not noticed: {frames} frames"),
        }
    }
    fs::write(&path, &good).unwrap();
    let (store, report) = embedded(folder.path()).unwrap();
    assert_eq!((report.cut, report.tables), (None, TablesFound::Made));
    assert_eq!(seen(&store, 2), before);
}

/// Opens a journal of one segment without a folder of tables on disk; answers how many frames.
fn store_on_memory(segment: &[u8], folder: &Path) -> store::Result<u64> {
    use store::disk::{Disk, MemoryDisk};
    let disk = MemoryDisk::new();
    for (path, bytes) in [
        ("journal/00000001.segment", segment.to_vec()),
        ("keys/data-keys", fs::read(folder.join("keys/data-keys")).unwrap()),
    ] {
        disk.create(path).unwrap();
        disk.append(path, &bytes).unwrap();
    }
    let place = tempfile::tempdir().unwrap();
    let (store, report) = embedded_on(place.path(), Arc::new(disk))?;
    assert_eq!(report.cut, None, "damage is not an incomplete write");
    Ok(store.head().tree_size)
}

#[test]
fn a_journal_cut_short_anywhere_loses_only_its_last_frame_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    fill(&store, 2);
    drop(store);
    let path = segment(folder.path(), 1);
    let good = fs::read(&path).unwrap();
    let copy_of = tempfile::tempdir().unwrap();
    copy(folder.path(), copy_of.path());
    // The tables know that both frames were acknowledged: a shorter journal lost something.
    fs::write(&path, &good[..good.len() - 7]).unwrap();
    for _ in 0..2 {
        // The second time too: a start that failed does not make the tables suspect.
        let behind = embedded(folder.path()).err();
        assert_eq!(behind, Some(Error::Rollback { known: 2, found: 1 }));
    }
    assert_eq!(fs::read(&path).unwrap().len(), good.len() - 7, "and nothing was touched");
    // Without the tables nobody knows; then it is the end of a write that was cut off.
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let (store, report) = embedded(folder.path()).unwrap();
    let cut = report.cut.clone().unwrap();
    assert_eq!((report.frames, cut.segment.as_str()), (1, "00000001.segment"));
    assert!(report.to_string().contains("incomplete write"));
    fill_after_cut(&store);
    drop(store);
    let (store, report) = embedded(folder.path()).unwrap();
    assert_eq!((report.frames, report.cut), (2, None));
    assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
}

fn fill_after_cut(store: &dyn Store) {
    assert!(store.hit_row(&id(1)).is_none());
    store.commit(Batch::new().with(Draft::own(1, 1, 1).change())).wait().unwrap();
}

#[test]
fn a_missing_or_exchanged_segment_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let disk = || Arc::new(RealDisk::new(folder.path()));
    let (store, _) = embedded_on(folder.path(), disk()).unwrap();
    fill(&store, 40);
    let before = seen(&store, 40);
    drop(store);
    assert!(segment(folder.path(), 3).exists(), "the case needs three segments");
    let (first, second) = (segment(folder.path(), 1), segment(folder.path(), 2));
    let aside = folder.path().join("aside");
    let refused = || match embedded_on(folder.path(), disk()) {
        Err(Error::Corrupt { what, .. }) => what,
        other => panic!("{:?}", other.map(|(_, report)| report)),
    };
    fs::rename(&second, &aside).unwrap();
    assert_eq!(refused(), "00000002.segment");
    fs::copy(&first, &second).unwrap();
    assert_eq!(refused(), "00000002.segment");
    fs::remove_file(&second).unwrap();
    fs::rename(&aside, &second).unwrap();
    fs::write(folder.path().join("journal/notes.txt"), b"hello").unwrap();
    assert_eq!(refused(), "notes.txt");
    fs::remove_file(folder.path().join("journal/notes.txt")).unwrap();
    fs::write(folder.path().join("journal/00000009.segment.new"), b"unfinished").unwrap();
    let (store, report) = embedded_on(folder.path(), disk()).unwrap();
    assert_eq!(report.tables, TablesFound::Good { replayed: 0 });
    assert_eq!(seen(&store, 40), before);
}

type Damage<'d> = &'d dyn Fn(&Path);

#[test]
fn damaged_or_missing_tables_are_rebuilt_equal_and_it_is_said() {
    let good = tempfile::tempdir().unwrap();
    let (store, report) = embedded(good.path()).unwrap();
    assert_eq!(report.tables, TablesFound::Made);
    fill(&store, 30);
    let before = seen(&store, 30);
    drop(store);
    let db = |folder: &Path| folder.join("sled/db");
    let damages: [(&str, Damage<'_>); 5] = [
        ("removed", &|folder| fs::remove_dir_all(folder.join("sled")).unwrap()),
        ("emptied", &|folder| fs::write(db(folder), b"").unwrap()),
        ("overwritten", &|folder| {
            let length = fs::metadata(db(folder)).unwrap().len() as usize;
            fs::write(db(folder), vec![0x5a; length]).unwrap();
        }),
        ("flipped", &|folder| {
            let mut bytes = fs::read(db(folder)).unwrap();
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            bytes.iter_mut().take(used).skip(64).step_by(97).for_each(|byte| *byte ^= 0x10);
            fs::write(db(folder), bytes).unwrap();
        }),
        ("left while opening", &|folder| fs::write(folder.join("sled.opening"), b"").unwrap()),
    ];
    for (what, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        copy(good.path(), folder.path());
        damage(folder.path());
        let (store, report) = embedded(folder.path()).unwrap();
        assert_eq!(seen(&store, 30), before, "{what}");
        match &report.tables {
            TablesFound::Rebuilt { put_aside, .. } => {
                assert!(put_aside.join("conf").exists(), "{what}");
                assert!(report.to_string().contains("rebuilt"), "{what}");
            }
            TablesFound::Made => assert_eq!(what, "removed"),
            TablesFound::Good { .. } | TablesFound::Renewed => panic!("{what} was not noticed"),
        }
        assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
        drop(store);
        let (store, report) = embedded(folder.path()).unwrap();
        assert_eq!(report.tables, TablesFound::Good { replayed: 0 }, "{what}");
        assert_eq!(seen(&store, 30), before, "{what}");
    }
}

#[test]
fn the_quarantine_keeps_a_few_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..QUARANTINE_MAX + 3 {
        let (store, _) = embedded(folder.path()).unwrap();
        drop(store);
        fs::write(folder.path().join("sled.opening"), b"").unwrap();
    }
    let aside = fs::read_dir(folder.path().join("quarantine")).unwrap().count();
    assert_eq!(aside, QUARANTINE_MAX);
}

#[test]
fn tables_of_another_journal_are_put_aside() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, frames) in [(&one, 5), (&other, 3)] {
        let (store, _) = embedded(folder.path()).unwrap();
        fill(&store, frames);
    }
    fs::remove_dir_all(one.path().join("sled")).unwrap();
    copy(&other.path().join("sled"), &one.path().join("sled"));
    let (store, report) = embedded(one.path()).unwrap();
    assert!(matches!(report.tables, TablesFound::Rebuilt { .. }), "{report}");
    assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
}

#[test]
fn a_store_behind_its_signed_head_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    fill(&store, 2);
    let early = tempfile::tempdir().unwrap();
    drop(store);
    copy(folder.path(), early.path());
    let (store, _) = embedded(folder.path()).unwrap();
    fill_after(&store);
    let head = store.head();
    let agency: AgencyId = own();
    let head =
        audit::head::Head { agency, size: head.tree_size, root: head.root, chain: head.chain };
    let note = head.sign(&SecretKey::from_seed(&[1; 32])).unwrap().to_string();
    store.write_head(note.as_bytes()).unwrap();
    drop(store);
    embedded(folder.path()).unwrap();
    // The older copy with the newer head: rolled back.
    fs::copy(folder.path().join("head"), early.path().join("head")).unwrap();
    let refused = embedded(early.path()).err();
    assert_eq!(refused, Some(Error::Rollback { known: 3, found: 2 }));
    // Three frames of another history.
    fs::remove_file(early.path().join("head")).unwrap();
    let (store, _) = embedded(early.path()).unwrap();
    store.commit(Batch::new().saying(event(99))).wait().unwrap();
    drop(store);
    fs::copy(folder.path().join("head"), early.path().join("head")).unwrap();
    let refused = embedded(early.path()).err();
    assert_eq!(refused, Some(Error::Rollback { known: 3, found: 3 }));
    fs::write(early.path().join("head"), b"nonsense").unwrap();
    assert!(matches!(embedded(early.path()), Err(Error::Corrupt { .. })));
}

fn fill_after(store: &dyn Store) {
    store.commit(Batch::new().saying(event(7))).wait().unwrap();
}

#[test]
fn a_folder_is_for_one_process_one_agency_one_key_and_a_known_format() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    fill(&store, 1);
    assert_eq!(embedded(folder.path()).err(), Some(Error::InUse));
    assert_eq!(store.get(Table::Cursor, &0_u64.to_be_bytes()).unwrap().unwrap().len(), 8);
    drop(store);
    let mut other_key = config(folder.path());
    other_key.kek = zeroize::Zeroizing::new([1; 32]);
    assert_eq!(EmbeddedStore::open(other_key).err(), Some(Error::WrongKey));
    let mut other_agency = config(folder.path());
    other_agency.agency = peer();
    assert!(matches!(EmbeddedStore::open(other_agency), Err(Error::Corrupt { .. })));
    let keys = folder.path().join("keys/data-keys");
    fs::rename(&keys, folder.path().join("away")).unwrap();
    assert_eq!(embedded(folder.path()).err(), Some(Error::KeyGone));
    fs::rename(folder.path().join("away"), &keys).unwrap();
    let format = folder.path().join("FORMAT");
    assert_eq!(fs::read_to_string(&format).unwrap(), format!("{FORMAT}\n"));
    fs::write(&format, "9\n").unwrap();
    let newer = embedded(folder.path()).err().unwrap();
    assert_eq!(newer, Error::NewerFormat { found: 9, known: FORMAT });
    assert!(newer.hint().contains("newer"));
    fs::write(&format, "x").unwrap();
    assert!(matches!(embedded(folder.path()), Err(Error::Corrupt { .. })));
    fs::write(&format, "1\n").unwrap();
    embedded(folder.path()).unwrap();
}
