//! Erasing in awkward orders: holds that come late, ids that come again, writes of unknown fate,
//! and an engine of the tables that fails while it serves.

use crate::cases::{commit, conflict};
use crate::kit::*;
use domain::time::Timestamp;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use store::disk::{Disk, MemoryDisk};
use store::embedded::TablesFound;
use store::{Batch, Change, Conflict, Depth, EmbeddedStore, Error, MemoryStore, Store, Table};

fn early() -> Timestamp {
    Timestamp::from_date(2026, 12, 1).unwrap()
}

fn compact(store: &dyn Store) {
    store.compact(early(), &|| false).unwrap();
    assert_eq!(store.count().erasable, 0);
}

fn put(store: &dyn Store, draft: &Draft) {
    commit(store, Batch::new().with(draft.change()));
}

fn drop_one(n: u64) -> Change {
    Change::DropForeign { origin: peer(), classes: vec![], record_ids: vec![id(n)] }
}

/// From now on the journal grows in another segment.
fn begin_segment(store: &dyn Store, filler: u64) {
    put(store, &Draft::own(filler, 1, filler));
    commit(store, Batch::new().with(erase(&[filler])));
    compact(store);
}

/// In how many items of the journal something stands of what records say.
pub(crate) fn items_with_content(store: &dyn Store) -> usize {
    let (mut next, mut found) = (0, 0);
    loop {
        let frames = store.tail(next, 1024).unwrap();
        let Some(last) = frames.last() else { return found };
        next = last.frame.seq + 1;
        // The number of its kind is the first value of an item's header.
        let items = frames.iter().flat_map(|frame| &frame.items);
        let records = items.filter(|item| item.header[2] == 1);
        let is_open = |item: &&audit::export::Item| {
            [&item.local, &item.data].into_iter().flatten().any(|part| part.opening().is_some())
        };
        found += records.filter(is_open).count();
    }
}

#[test]
fn what_only_a_hold_kept_goes_after_it_without_a_restart() {
    on_every_store(|store| {
        for n in 1..=4 {
            put(store, &Draft::foreign(n, 1, n));
        }
        begin_segment(store, 100);
        // Dropped, withdrawn and superseded before the hold came.
        commit(store, Batch::new().with(drop_one(1)).with(withdraw(peer(), 2)));
        put(store, &Draft::foreign(3, 2, 3));
        commit(store, Batch::new().with(erase(&[4])));
        put(store, &Draft::foreign(4, 2, 4));
        for n in 1..=4 {
            commit(store, Batch::new().with(hold(n, 1)));
        }
        compact(store);
        for n in 1..=4 {
            commit(store, Batch::new().with(lift(n, 1)));
        }
        compact(store);
        assert_eq!(items_with_content(store), 2, "the new 3 and the new 4");
        assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
    });
}

#[test]
fn a_hold_that_comes_after_the_erasure_does_not_stop_it() {
    on_every_store(|store| {
        put(store, &Draft::own(1, 1, 1));
        put(store, &Draft::foreign(2, 1, 2));
        commit(store, Batch::new().with(erase(&[1, 2])));
        commit(store, Batch::new().with(hold(1, 1)).with(hold(2, 1)));
        compact(store);
        assert_eq!(items_with_content(store), 0);
    });
}

#[test]
fn what_was_dropped_and_came_again_goes_whole_when_it_is_erased() {
    on_every_store(|store| {
        put(store, &Draft::foreign(1, 1, 1));
        begin_segment(store, 100);
        commit(store, Batch::new().with(drop_one(1)));
        put(store, &Draft::foreign(1, 1, 1));
        compact(store);
        assert_eq!(items_with_content(store), 1, "what was dropped is not the new one's");
        assert_eq!(
            store.match_foreign(&agreement(), &peer(), EPOCH, &[token(1)]).unwrap().len(),
            1
        );
        commit(store, Batch::new().with(erase(&[1])));
        compact(store);
        assert_eq!(items_with_content(store), 0);
    });
}

#[test]
fn what_was_dropped_goes_also_if_its_id_is_anothers_by_then() {
    on_every_store(|store| {
        put(store, &Draft::foreign(1, 1, 1));
        put(store, &Draft::foreign(2, 1, 2));
        commit(store, Batch::new().with(drop_one(1)).with(drop_one(2)));
        commit(store, Batch::new().with(withdraw(own(), 1)));
        put(store, &Draft::own(2, 1, 2));
        compact(store);
        assert_eq!(items_with_content(store), 1, "the own 2");
        assert!(store.local_part(&id(2)).unwrap().is_some());
    });
}

#[test]
fn the_token_of_a_repeated_record_goes_with_its_version() {
    on_every_store(|store| {
        put(store, &Draft::foreign(1, 1, 1));
        begin_segment(store, 100);
        let mut again = Draft::foreign(1, 1, 1).put();
        again.token = None;
        commit(store, Batch::new().with(Change::PutRecord(Box::new(again))));
        compact(store);
        assert_eq!(items_with_content(store), 2, "the first one has the token");
        put(store, &Draft::foreign(1, 2, 1));
        compact(store);
        assert_eq!(items_with_content(store), 1);
    });
}

#[test]
fn a_hold_that_is_written_again_is_the_same_hold_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    put(&store, &Draft::foreign(1, 1, 1));
    commit(&store, Batch::new().with(hold(1, 1)));
    commit(&store, Batch::new().with(withdraw(peer(), 1)));
    commit(&store, Batch::new().with(hold(1, 1)));
    compact(&store);
    drop(store);
    std::fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    assert!(store.held_record(&id(1)).unwrap().is_some());
    commit(&store, Batch::new().with(lift(1, 1)));
    compact(&store);
    assert_eq!(items_with_content(&store), 0);
    drop(store);
    let (store, report) = embedded(folder.path()).unwrap();
    assert_eq!(report.tables, TablesFound::Good { replayed: 0 });
    commit(&store, Batch::new().with(erase(&[1])));
}

#[test]
fn versions_that_were_superseded_under_a_hold_are_read_until_it_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let open = || embedded(folder.path()).unwrap().0;
    let versions = |store: &dyn Store, n| store.held_versions(&id(n)).unwrap().len();
    let store = open();
    for n in 1..=3 {
        put(&store, &Draft::foreign(1, n, u64::from(n)));
        put(&store, &Draft::own(2, n, u64::from(n)));
        put(&store, &Draft::foreign(3, n, u64::from(n)));
        if n == 1 {
            commit(&store, Batch::new().with(hold(1, 1)));
            commit(&store, Batch::new().with(hold(2, 1)));
        }
        begin_segment(&store, 50 + u64::from(n));
    }
    let seen = |store: &dyn Store| [1, 2, 3].map(|n| versions(store, n));
    assert_eq!(seen(&store), [3, 3, 0], "none without a hold");
    commit(&store, Batch::new().with(withdraw(peer(), 1)));
    compact(&store);
    assert_eq!(seen(&store), [3, 3, 0]);
    drop(store);
    let store = open();
    assert_eq!(seen(&store), [3, 3, 0]);
    for n in [1, 2] {
        commit(&store, Batch::new().with(lift(n, 1)));
    }
    assert_eq!(seen(&store), [0, 0, 0]);
}

#[test]
fn a_held_record_that_was_dropped_comes_again_from_its_originator_alone() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let (store, report) = embedded(folder.path()).unwrap();
        let is_good = matches!(report.tables, TablesFound::Good { .. } | TablesFound::Made);
        assert!(is_good, "{report}");
        store
    };
    let store = open();
    put(&store, &Draft::foreign(1, 1, 1));
    commit(&store, Batch::new().with(hold(1, 1)));
    commit(&store, Batch::new().with(drop_one(1)));
    drop(store);
    let store = open();
    let other: domain::name::AgencyId = "fr-pj".parse().unwrap();
    for origin in [own(), other] {
        let taken = Draft { origin, ..Draft::own(1, 9, 5) };
        assert_eq!(conflict(&store, Batch::new().with(taken.change())), Conflict::Origin(id(1)));
    }
    assert!(store.held_record(&id(1)).unwrap().is_some());
    put(&store, &Draft::foreign(1, 1, 1));
    drop(store);
    // The tables still hold what they say they hold.
    let store = open();
    assert!(store.held_record(&id(1)).unwrap().is_some());
}

/// A disk on which one sync takes long, and then fails.
#[derive(Default)]
struct SlowDisk {
    files: MemoryDisk,
    stage: Mutex<Stage>,
    changed: Condvar,
}

#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum Stage {
    #[default]
    Quick,
    /// The next sync is the one.
    Armed,
    Under,
    Failed,
}

impl SlowDisk {
    fn go_to(&self, stage: Stage) {
        *self.stage.lock().unwrap() = stage;
        self.changed.notify_all();
    }

    fn wait_for(&self, wanted: Stage) {
        let mut stage = self.stage.lock().unwrap();
        while *stage != wanted {
            stage = self.changed.wait(stage).unwrap();
        }
    }
}

impl Disk for SlowDisk {
    fn create_folder(&self, folder: &str) -> io::Result<()> {
        self.files.create_folder(folder)
    }
    fn create(&self, path: &str) -> io::Result<()> {
        self.files.create(path)
    }
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.files.append(path, bytes)
    }
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.files.read_at(path, offset, buffer)
    }
    fn length(&self, path: &str) -> io::Result<u64> {
        self.files.length(path)
    }
    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.files.truncate(path, length)
    }
    fn sync(&self, path: &str) -> io::Result<()> {
        if *self.stage.lock().unwrap() != Stage::Armed {
            return self.files.sync(path);
        }
        self.go_to(Stage::Under);
        self.wait_for(Stage::Failed);
        Err(io::ErrorKind::Other.into())
    }
    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.files.sync_folder(folder)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.files.list(folder)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.files.remove(path)
    }
}

#[test]
fn compaction_does_not_touch_a_write_of_unknown_fate() {
    let disk = Arc::new(SlowDisk::default());
    let open = || {
        let disk = Arc::clone(&disk) as Arc<dyn Disk>;
        MemoryStore::open(disk, own(), &KEK, Ticks::new(), Counter::boxed()).unwrap()
    };
    let store = open();
    put(&store, &Draft::own(1, 1, 1));
    commit(&store, Batch::new().with(erase(&[1])));
    std::thread::scope(|scope| {
        let (store, slow) = (&store, &*disk);
        let stop = || {
            // Between the look at what is to be done and the closing of the segment.
            if *slow.stage.lock().unwrap() == Stage::Quick {
                slow.go_to(Stage::Armed);
                scope.spawn(move || {
                    let told = store.commit(Batch::new().with(Draft::own(2, 1, 2).change())).wait();
                    assert!(matches!(told, Err(Error::Unknown(_))), "{told:?}");
                });
                slow.wait_for(Stage::Under);
                scope.spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    slow.go_to(Stage::Failed);
                });
            }
            false
        };
        let compacted = store.compact(early(), &stop);
        assert!(matches!(compacted, Err(Error::Fenced(_))), "{compacted:?}");
    });
    drop(store);
    // It was written after all, as it turns out: then it is whole.
    let store = open();
    assert!(store.hit_row(&id(2)).is_some());
    assert!(store.record(&id(2)).unwrap().is_some());
    assert_eq!(store.local_part(&id(2)).unwrap().unwrap().x, x(2));
    compact(&store);
    assert_eq!(items_with_content(&store), 1);
}

/// More rows than the cache of the tables holds the places of.
const ROWS: u64 = 60_000;

/// Scattered, so that every page is visited.
fn row_key(n: u64) -> [u8; 8] {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
}

fn row_of(n: u64) -> Change {
    cursor(&row_key(n), &n.to_be_bytes())
}

/// How the tables' file is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    /// Pages that pass no check.
    Overwritten,
    /// Pages in the place of others: each passes its check. The engine panics at them.
    Exchanged,
}

impl Damage {
    fn of(self, file: &mut [u8]) {
        match self {
            Self::Overwritten => file.fill(0x5a),
            Self::Exchanged => file.chunks_mut(512 * 1024).for_each(exchange_pages),
        }
    }
}

/// Puts the shortest page of a segment of sled's log over all others. A message there is a check of
/// four bytes, its kind, three numbers (its length first) and its bytes.
fn exchange_pages(segment: &mut [u8]) {
    let number = |bytes: &[u8]| match bytes[0] {
        small @ 0..=240 => (1, usize::from(small)),
        high @ 241..=248 => (2, 240 + 256 * (usize::from(high) - 241) + usize::from(bytes[1])),
        249 => (3, 2288 + 256 * usize::from(bytes[1]) + usize::from(bytes[2])),
        long => {
            let bytes = bytes[1..].iter().take(usize::from(long) - 247).rev();
            (
                usize::from(long) - 246,
                bytes.fold(0, |number, byte| number << 8 | usize::from(*byte)),
            )
        }
    };
    let (mut at, mut pages) = (20, Vec::new());
    while let Some(message) = segment.get(at..).filter(|rest| rest.len() > 32 && rest[4] != 0) {
        let (mut header, length) = number(&message[5..]);
        header += 5;
        for _ in 0..2 {
            header += number(&message[header..]).0;
        }
        if matches!(message[4], 8 | 10) {
            pages.push((header + length, at));
        }
        at += header + length;
    }
    let Some((length, from)) = pages.iter().min().copied() else { return };
    for (_, to) in pages {
        segment.copy_within(from..from + length, to);
    }
}

#[test]
fn tables_that_fail_while_serving_are_put_aside_and_rebuilt_equal() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.location().is_some_and(|at| at.file().contains("sled-")) {
            PANICS.fetch_add(1, Ordering::SeqCst);
        } else {
            hook(info);
        }
    }));
    for damage in [Damage::Overwritten, Damage::Exchanged] {
        let before = PANICS.load(Ordering::SeqCst);
        fail_while_serving(damage);
        let panicked = PANICS.load(Ordering::SeqCst) > before;
        assert_eq!(panicked, damage == Damage::Exchanged, "{damage:?}");
    }
}

fn fail_while_serving(damage: Damage) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    for from in (0..ROWS).step_by(4000) {
        let batch = (from..from + 4000).fold(Batch::new(), |batch, n| batch.with(row_of(n)));
        commit(&store, batch);
    }
    drop(store);
    let (store, report) = embedded(folder.path()).unwrap();
    assert_eq!(report.tables, TablesFound::Good { replayed: 0 });
    let path = folder.path().join("sled/db");
    let mut bytes = std::fs::read(&path).unwrap();
    damage.of(&mut bytes);
    // In place: the engine has it open.
    let db = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    db.write_all_at(&bytes, 0).unwrap();
    let mut failed = 0;
    for n in 0..ROWS {
        match store.get(Table::Cursor, &row_key(n)) {
            Ok(found) => assert_eq!(found.unwrap(), n.to_be_bytes(), "never anything false"),
            Err(error) => {
                failed += 1;
                assert!(matches!(error, Error::Corrupt { .. }), "{error}");
            }
        }
    }
    assert!(failed > 0, "{damage:?} was never hit");
    assert!(store.scan(Table::Cursor, b"", None, 9).is_err(), "after that nothing is served");
    // What is acknowledged now is in the journal; then nothing more is taken.
    let mut rows = ROWS;
    while store.commit(Batch::new().with(row_of(rows))).wait().is_ok() {
        rows += 1;
    }
    assert!(rows <= ROWS + 1 && store.fenced().is_some());
    drop(store);
    let (store, report) = embedded(folder.path()).unwrap();
    assert!(matches!(report.tables, TablesFound::Rebuilt { .. }), "{report}");
    assert!(report.to_string().contains("rebuilt"));
    for n in 0..rows {
        assert_eq!(store.get(Table::Cursor, &row_key(n)).unwrap().unwrap(), n.to_be_bytes());
    }
    drop(store);
    let rebuilt = EmbeddedStore::rebuild(config(folder.path())).unwrap();
    assert_eq!((rebuilt.before, rebuilt.after.rows), (Some(rebuilt.after), rows), "equal");
}
