//! Erasing: what must go is gone from memory at once and from the disk after a compaction; what
//! proves that it was there, and everything else, stays.

use crate::cases::{commit, conflict};
use crate::kit::*;
use audit::head::Head as SignedHead;
use audit::note::VerifyingKeys;
use audit::proof::verify_consistency;
use audit::receipt::verify_receipt;
use domain::name::RecordId;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::token::TokenKey;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::disk::RealDisk;
use store::embedded::TablesFound;
use store::{
    Batch, Change, Compacted, Conflict, Depth, EmbeddedStore, Ended, Erased, Error, LogKind,
    Precondition, Secrecy, Shown, Store, Table, Withdrawn,
};

/// After the end of every record of these tests, and after the month of it.
fn late() -> Timestamp {
    Timestamp::from_date(2027, 6, 1).unwrap()
}

fn early() -> Timestamp {
    Timestamp::from_date(2026, 12, 1).unwrap()
}

fn compact(store: &dyn Store) -> Compacted {
    store.compact(early(), &|| false).unwrap()
}

fn sound(store: &dyn Store) {
    assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
}

fn put(store: &dyn Store, draft: &Draft) {
    commit(store, Batch::new().with(draft.change()));
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn sign(store: &dyn Store) -> String {
    let head = store.head();
    let (size, root, chain) = (head.tree_size, head.root, head.chain);
    SignedHead { agency: own(), size, root, chain }.sign(&key()).unwrap().to_string()
}

fn keys() -> VerifyingKeys {
    VerifyingKeys::new([SignedHead::key(&own(), key().public_key()).unwrap()]).unwrap()
}

#[test]
fn what_is_erased_is_found_and_read_no_more_and_does_not_come_back() {
    on_every_store(|store| {
        let key = TokenKey::from_bytes([5; 32]);
        store.set_token_key(&agreement(), &own(), EPOCH, key.clone()).unwrap();
        for n in [1, 2] {
            put(store, &Draft::own(n, 1, 7));
            put(store, &Draft::foreign(10 + n, 3, 8));
        }
        let log = store.class_log(store.classes(&own(), &agreement())[0].number, 0, 99);
        commit(store, Batch::new().with(erase(&[1, 11])).saying(event(2)));
        for n in [1, 11] {
            assert!(store.record(&id(n)).unwrap().is_none());
            assert!(store.local_part(&id(n)).unwrap().is_none());
            let row = store.hit_row(&id(n)).unwrap();
            assert_eq!((row.erased, row.withdrawn), (Erased::Yes, Withdrawn::No));
            assert!(!row.is_live(early()), "it matches nothing");
        }
        assert_eq!(store.match_fingerprint(&x(7)).unwrap(), [id(2)]);
        let found = store.match_own(&agreement(), EPOCH, &[key.token(&x(7))]).unwrap();
        assert_eq!(found.iter().map(|found| found.record_id).collect::<Vec<_>>(), [id(2)]);
        let found = store.match_foreign(&agreement(), &peer(), EPOCH, &[token(8)]).unwrap();
        assert_eq!(found.iter().map(|found| found.record_id).collect::<Vec<_>>(), [id(12)]);
        assert_eq!(store.own_tokens(&agreement(), EPOCH, &[id(1)]).unwrap(), [None]);
        let counts = store.count();
        assert_eq!((counts.own, counts.foreign, counts.withdrawn), (1, 1, 0));
        let classes = store.classes(&own(), &agreement());
        assert_eq!(classes[0].records, 1);
        assert_eq!(store.class_log(classes[0].number, 0, 99), log, "positions do not move");
        // Own: never again. A partner's: in a higher version only.
        let again = |draft: Draft| conflict(store, Batch::new().with(draft.change()));
        assert_eq!(again(Draft::own(1, 2, 7)), Conflict::Erased(id(1)));
        assert_eq!(again(Draft::foreign(11, 3, 8)), Conflict::Erased(id(11)));
        assert_eq!(again(Draft::foreign(11, 2, 8)), Conflict::Erased(id(11)));
        let whole = Change::DropForeign {
            origin: peer(),
            classes: vec![store.hit_row(&id(12)).unwrap().class.unwrap()],
            record_ids: vec![],
        };
        commit(store, Batch::new().with(whole));
        assert_eq!(
            again(Draft::foreign(11, 3, 8)),
            Conflict::Erased(id(11)),
            "nor with a new view"
        );
        put(store, &Draft::foreign(11, 4, 9));
        assert!(store.record(&id(11)).unwrap().is_some());
        assert_eq!(store.hit_row(&id(11)).unwrap().erased, Erased::No);
        assert_eq!(
            store.match_foreign(&agreement(), &peer(), EPOCH, &[token(9)]).unwrap().len(),
            1
        );
        assert_eq!(store.count().foreign, 1);
        sound(store);
    });
}

#[test]
fn only_what_is_known_is_erased_and_erasing_twice_is_harmless() {
    on_every_store(|store| {
        put(store, &Draft::own(1, 1, 1));
        let both = Batch::new().with(erase(&[1, 2]));
        assert_eq!(conflict(store, both), Conflict::Unknown(id(2)));
        assert!(store.record(&id(1)).unwrap().is_some(), "all or nothing");
        let refused = |batch: Batch| store.commit(batch).wait().unwrap_err();
        assert!(matches!(refused(Batch::new().with(erase(&[]))), Error::Invalid(_)));
        assert!(matches!(refused(Batch::new().with(erase(&[1, 1]))), Error::Invalid(_)));
        let many: Vec<u64> = (0..5000).collect();
        assert!(matches!(refused(Batch::new().with(erase(&many))), Error::TooLarge { .. }));
        for _ in 0..2 {
            let committed = commit(store, Batch::new().with(erase(&[1])));
            assert_eq!(committed.changes.len(), 1);
        }
        let precondition = Precondition::RecordVersion(id(1), version(1));
        let provided = Batch::new().with(cursor(b"k", b"v")).provided(precondition);
        assert!(matches!(conflict(store, provided), Conflict::Precondition(0, _)));
    });
}

#[test]
fn a_tombstone_outlives_what_it_withdrew() {
    on_every_store(|store| {
        put(store, &Draft::own(1, 1, 1));
        put(store, &Draft::own(2, 1, 1));
        commit(store, Batch::new().with(withdraw(own(), 1)));
        assert!(store.record(&id(1)).unwrap().is_some(), "withdrawn, and its owner still reads it");
        commit(store, Batch::new().with(erase(&[1, 2])));
        // The other order: erased first, withdrawn later. Whoever was sent it has to be told.
        commit(store, Batch::new().with(withdraw(own(), 2)));
        let log = store.class_log(store.classes(&own(), &agreement())[0].number, 2, 9);
        let told = log.iter().map(|row| (row.record_id, row.kind)).collect::<Vec<_>>();
        assert_eq!(told, [(id(1), LogKind::Retract), (id(2), LogKind::Retract)]);
        compact(store);
        for n in [1, 2] {
            assert!(store.record(&id(n)).unwrap().is_none());
            assert!(store.tombstone(&id(n)).unwrap().is_some());
            let row = store.hit_row(&id(n)).unwrap();
            assert_eq!((row.withdrawn, row.erased), (Withdrawn::Yes, Erased::Yes));
            let again = Batch::new().with(Draft::own(n, 2, 1).change());
            assert_eq!(conflict(store, again), Conflict::Withdrawn(id(n)));
        }
        assert_eq!((store.count().own, store.count().withdrawn), (0, 2));
        sound(store);
    });
}

#[test]
fn what_has_expired_is_listed_until_it_is_erased() {
    on_every_store(|store| {
        for n in 1..=4 {
            put(store, &Draft::own(n, 1, n));
            put(store, &Draft::foreign(10 + n, 1, n));
        }
        commit(store, Batch::new().with(withdraw(own(), 2)).with(withdraw(peer(), 12)));
        commit(store, Batch::new().with(withdraw(peer(), 99)));
        commit(store, Batch::new().with(hold(3, 1)).with(hold(13, 1)));
        assert_eq!(store.expired(early(), 99), Vec::<RecordId>::new());
        let mut due = store.expired(late(), 99);
        due.sort();
        assert_eq!(due, [1, 2, 4, 11, 14].map(id));
        assert_eq!(store.expired(late(), 2).len(), 2);
        commit(store, Batch::new().with(Change::Erase { record_ids: due }));
        assert!(store.expired(late(), 99).is_empty());
        commit(store, Batch::new().with(lift(3, 1)));
        assert_eq!(store.expired(late(), 99), [id(3)]);
    });
}

#[test]
fn a_hold_keeps_what_would_go_and_shows_it_to_nobody_else() {
    on_every_store(|store| {
        for n in [1, 2, 3, 4] {
            put(store, &Draft::foreign(n, 1, n));
        }
        put(store, &Draft::own(5, 1, 5));
        assert!(store.held_record(&id(1)).unwrap().is_none(), "without a hold nothing is shown");
        for n in 1..=5 {
            commit(store, Batch::new().with(hold(n, 1)).with(hold(n, 2)));
        }
        // Withdrawn, dropped, dropped and brought again, superseded.
        commit(store, Batch::new().with(withdraw(peer(), 1)));
        let drop =
            |n| Change::DropForeign { origin: peer(), classes: vec![], record_ids: vec![id(n)] };
        commit(store, Batch::new().with(drop(2)).with(drop(3)));
        put(store, &Draft::foreign(3, 1, 3));
        put(store, &Draft::foreign(4, 2, 4));
        compact(store);
        for n in 1..=5 {
            assert!(store.held_record(&id(n)).unwrap().is_some(), "{n}");
            if n != 2 {
                let refused = conflict(store, Batch::new().with(erase(&[n])));
                assert_eq!(refused, Conflict::Held(id(n)));
            }
        }
        for n in [1, 2] {
            assert!(store.record(&id(n)).unwrap().is_none(), "{n}");
            let found = store.match_foreign(&agreement(), &peer(), EPOCH, &[token(n)]).unwrap();
            assert!(found.is_empty());
        }
        assert!(store.hit_row(&id(2)).is_none(), "dropped is not known any more");
        for n in 1..=5 {
            commit(store, Batch::new().with(lift(n, 1)));
            assert!(store.held_record(&id(n)).unwrap().is_some(), "one hold is left on {n}");
            commit(store, Batch::new().with(lift(n, 2)));
            assert!(store.held_record(&id(n)).unwrap().is_none(), "{n}");
        }
        // The local and data parts of 1, 2, the old 3 and the old 4; what ten holds say.
        let compacted = compact(store);
        assert_eq!(compacted.parts_erased, 4 * 2 + 10);
        commit(store, Batch::new().with(erase(&[3, 4, 5])));
        assert_eq!(compact(store).parts_erased, 3 * 2);
        assert_eq!(store.count().erasable, 0);
        sound(store);
    });
}

#[test]
fn a_hold_and_an_erasure_never_pass_each_other() {
    on_every_store(|store| {
        put(store, &Draft::own(1, 1, 1));
        let both = Batch::new().with(erase(&[1])).with(hold(1, 1));
        assert!(matches!(store.commit(both).wait(), Err(Error::Invalid(_))));
        let odd = put_row(Table::Hold, b"no record", b"", Secrecy::Sealed);
        assert!(matches!(store.commit(Batch::new().with(odd)).wait(), Err(Error::Invalid(_))));
        // Queued together they are still checked one after the other.
        for n in 2..40 {
            put(store, &Draft::own(n, 1, n));
            let held = store.commit(Batch::new().with(hold(n, 1)));
            let erased = store.commit(Batch::new().with(erase(&[n])));
            assert!(held.wait().is_ok());
            assert_eq!(erased.wait(), Err(Error::Conflict(Conflict::Held(id(n)))));
            let lifted = store.commit(Batch::new().with(lift(n, 1)));
            let erased = store.commit(Batch::new().with(erase(&[n])));
            assert!(lifted.wait().is_ok() && erased.wait().is_ok());
        }
    });
}

#[test]
fn proofs_of_what_was_erased_still_hold_and_an_export_leads_to_the_same_head() {
    on_every_store(|store| {
        let mut committed = Vec::new();
        for n in 1..=6 {
            let batch = Batch::new()
                .with(Draft::own(n, 1, n).change())
                .with(Draft::foreign(10 + n, 1, n).change())
                .with(put_row(Table::Case, b"case", &[n as u8; 50], Secrecy::Sealed))
                .saying(event(n as u32));
            committed.push(commit(store, batch));
        }
        let note = sign(store);
        store.write_head(note.as_bytes()).unwrap();
        let export = |shown| {
            let mut file = Vec::new();
            store.export(&mut file, shown).unwrap();
            file
        };
        let before = export(Shown::EntriesAndLocal);
        let (head, frames) = (store.head(), store.tail(0, 99).unwrap());
        commit(store, Batch::new().with(erase(&[1, 2, 11, 12])));
        let compacted = compact(store);
        assert_eq!(compacted.parts_erased, 4 * 2 + 5 * 2, "four records, five old rows");
        assert!(compacted.bytes_after < compacted.bytes_before && compacted.ended == Ended::Done);
        assert_eq!(export(Shown::EntriesAndLocal), before, "an export is the same, byte for byte");
        for file in [before, export(Shown::Entries)] {
            audit::verifier::verify_export(&mut &file[..], &keys()).unwrap();
        }
        for committed in &committed {
            for item in committed.changes.iter().chain(&committed.events) {
                let receipt = store.receipt(committed.seq, item.item, note.as_bytes()).unwrap();
                verify_receipt(&receipt, &item.commitment, &keys()).unwrap();
            }
        }
        for (old, new) in frames.iter().zip(store.tail(0, 99).unwrap()) {
            assert_eq!((old.frame, old.chain), (new.frame, new.chain));
            for (old, new) in old.items.iter().zip(&new.items) {
                assert_eq!(old.commitment().unwrap(), new.commitment().unwrap());
            }
        }
        let (size, now) = (head.tree_size, store.head());
        let proof = store.consistency(size, size + 1).unwrap();
        verify_consistency(size, size + 1, &head.root, &now.root, &proof).unwrap();
        for n in 3..=6 {
            assert_eq!(store.local_part(&id(n)).unwrap().unwrap().x, x(n));
            assert!(store.record(&id(10 + n)).unwrap().is_some());
        }
        assert_eq!(store.get(Table::Case, b"case").unwrap().unwrap(), [6; 50]);
        let verified = store.verify(Depth::Deep).unwrap();
        assert_eq!((verified.faults, verified.parts_erased), (vec![], compacted.parts_erased));
        // Once it is done there is nothing to do, and nothing is read for it.
        let again = compact(store);
        assert_eq!((again.segments_read, again.segments_rewritten), (0, 0));
    });
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// All bytes of all files below a folder.
fn whole_disk(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { whole_disk(&path) } else { fs::read(&path).unwrap() });
    }
    bytes
}

/// Is an item a record or a row? The number of its kind is the first value of its header.
fn is_record_or_row(item: &audit::export::Item) -> bool {
    matches!(item.header[2], 1 | 4)
}

/// Salts and pieces of what the records and rows of these frames say.
fn traces(store: &dyn Store, frames: impl Iterator<Item = u64>) -> Vec<Vec<u8>> {
    let mut traces = Vec::new();
    for seq in frames {
        let frame = store.tail(seq, 1).unwrap().remove(0);
        let items = frame.items.iter().filter(|item| is_record_or_row(item));
        for part in items.flat_map(|item| [&item.local, &item.data]).flatten() {
            let Some(opening) = part.opening() else { continue };
            traces.push(opening.salt.expose().to_vec());
            traces.extend(opening.bytes.chunks(48).filter(|c| c.len() == 48).map(<[u8]>::to_vec));
        }
    }
    traces
}

fn small_segments(folder: &Path) -> (EmbeddedStore, store::OpenReport) {
    embedded_on(folder, Arc::new(RealDisk::new(folder))).unwrap()
}

#[test]
fn nothing_that_was_erased_is_left_anywhere_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = small_segments(folder.path());
    for n in 0..60 {
        let draft = if n % 2 == 0 { Draft::own(n, 1, n) } else { Draft::foreign(n, 1, n) };
        put(&store, &draft);
    }
    let row = |n: u8, secrecy| put_row(Table::Extension, &[n], &[0xe0 + n; 300], secrecy);
    commit(&store, Batch::new().with(row(1, Secrecy::Plain)).with(row(2, Secrecy::Sealed)));
    // Erased, withdrawn by its origin, dropped, superseded; own history is erased with the record.
    commit(
        &store,
        Batch::new().with(Draft::own(0, 2, 0).change()).with(Draft::foreign(1, 2, 1).change()),
    );
    let gone = [0, 1, 2, 3, 5, 8, 9, 60, 61];
    let (gone, kept) = (traces(&store, gone.into_iter()), traces(&store, [4, 6, 7].into_iter()));
    let batch = Batch::new()
        .with(erase(&[0, 2, 3, 8]))
        .with(withdraw(peer(), 5))
        .with(Change::DropForeign { origin: peer(), classes: vec![], record_ids: vec![id(9)] })
        .with(Change::Delete { table: Table::Extension, key: vec![1] })
        .with(Change::Delete { table: Table::Extension, key: vec![2] });
    commit(&store, batch);
    commit(&store, Batch::new().with(erase(&[1])));
    let plain = [0xe1; 64];
    let before = whole_disk(folder.path());
    assert!(gone.len() > 100 && contains(&before, &plain));
    assert!(gone.iter().chain(&kept).all(|trace| contains(&before, trace)), "the search finds");
    let compacted = compact(&store);
    assert!(compacted.segments_rewritten >= 2, "{compacted}");
    for reopened in [false, true] {
        let disk = whole_disk(folder.path());
        let left = gone.iter().filter(|trace| contains(&disk, trace)).count();
        assert_eq!(left, 0, "reopened: {reopened}");
        assert!(!contains(&disk, &plain), "the plain row is gone");
        assert!(kept.iter().all(|trace| contains(&disk, trace)), "the others are there");
        if !reopened {
            sound(&store);
            store.close().unwrap();
        }
    }
    drop(store);
    let (store, report) = small_segments(folder.path());
    assert_eq!(report.tables, TablesFound::Good { replayed: 0 });
    sound(&store);
    assert_eq!(store.count().erasable, 0);
    assert!(store.record(&id(4)).unwrap().is_some() && store.record(&id(2)).unwrap().is_none());
}

#[test]
fn old_copies_of_the_journal_forget_with_the_newest_key_file() {
    let (folder, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _) = embedded(folder.path()).unwrap();
    for n in 0..4 {
        put(&store, &Draft::own(n, 1, n));
        put(&store, &Draft::foreign(10 + n, 1, n));
    }
    store.close().unwrap();
    drop(store);
    copy(folder.path(), old.path());
    let (store, _) = embedded(folder.path()).unwrap();
    let own_ones: Vec<u64> = (0..4).collect();
    commit(&store, Batch::new().with(erase(&own_ones)));
    assert_eq!(store.compact(early(), &|| false).unwrap().keys_destroyed, 0, "a month not over");
    assert_eq!(store.compact(late(), &|| false).unwrap().keys_destroyed, 1);
    assert!((10..14).all(|n| store.record(&id(n)).unwrap().is_some()), "another key's are read on");
    // A late record of that month gets a key of its own.
    put(&store, &Draft::own(20, 1, 20));
    assert!(store.local_part(&id(20)).unwrap().is_some());
    sound(&store);
    store.close().unwrap();
    drop(store);
    let (store, _) = embedded(old.path()).unwrap();
    assert!(store.record(&id(0)).unwrap().is_some(), "the old copy with its old key file");
    drop(store);
    fs::copy(folder.path().join("keys/data-keys"), old.path().join("keys/data-keys")).unwrap();
    let (store, _) = embedded(old.path()).unwrap();
    for n in 0..4 {
        assert!(store.record(&id(n)).unwrap().is_none());
        assert!(store.local_part(&id(n)).unwrap().is_none());
        assert!(store.match_fingerprint(&x(n)).unwrap().is_empty());
        assert!(store.record(&id(10 + n)).unwrap().is_some());
    }
    sound(&store);
}

#[test]
fn a_compaction_that_is_told_to_stop_goes_on_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = small_segments(folder.path());
    for n in 0..60 {
        put(&store, &Draft::own(n, 1, n));
    }
    let all: Vec<u64> = (0..60).collect();
    commit(&store, Batch::new().with(erase(&all)));
    let (mut erased, mut calls) = (0, 0);
    loop {
        let asked = std::cell::Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > 3 * calls
        };
        let compacted = store.compact(early(), &stop).unwrap();
        erased += compacted.parts_erased;
        calls += 1;
        let names = fs::read_dir(folder.path().join("journal")).unwrap();
        let half = names.filter(|name| name.as_ref().unwrap().path().extension().unwrap() == "new");
        assert_eq!(half.count(), 0, "nothing half is left");
        if compacted.ended == Ended::Done {
            break;
        }
    }
    assert!(calls > 3, "{calls}");
    assert_eq!((erased, store.count().erasable), (120, 0));
    sound(&store);
}

#[test]
fn readers_and_writers_go_on_while_segments_are_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = small_segments(folder.path());
    let (store, done) = (&store, &AtomicBool::new(false));
    for n in 0..400 {
        put(store, &Draft::own(n, 1, n % 5));
    }
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for n in (0..400).filter(|n| n % 4 != 0) {
                commit(store, Batch::new().with(erase(&[n])).with(cursor(b"k", &n.to_be_bytes())));
                put(store, &Draft::foreign(1000 + n % 20, 1 + n as u32, n));
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(move || {
            let mut rewritten = 0;
            while !done.load(Ordering::SeqCst) {
                rewritten += compact(store).segments_rewritten;
            }
            assert!(rewritten > 10, "{rewritten}");
        });
        for _ in 0..2 {
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    for n in (0..400).step_by(4) {
                        assert_eq!(store.local_part(&id(n)).unwrap().unwrap().x, x(n % 5));
                        store.record(&id(n + 1)).unwrap();
                        store.record(&id(1000 + n % 20)).unwrap();
                    }
                    for seed in 0..5 {
                        let found = store.match_fingerprint(&x(seed)).unwrap();
                        assert!(found.len() >= 20);
                    }
                    store.scan(Table::Cursor, b"", None, 9).unwrap();
                }
            });
        }
        scope.spawn(move || {
            while !done.load(Ordering::SeqCst) {
                assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
                let mut next = 0;
                while let Some(last) = store.tail(next, 64).unwrap().last() {
                    next = last.frame.seq + 1;
                }
            }
        });
    });
    compact(store);
    assert_eq!((store.count().own, store.count().erasable), (100, 0));
    sound(store);
}

#[test]
fn tables_are_made_anew_when_asked_for_and_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    for n in 0..20 {
        put(&store, &Draft::own(n, 1, n));
        commit(&store, Batch::new().with(cursor(&[n as u8 % 3], &[n as u8; 9])));
    }
    commit(&store, Batch::new().with(erase(&[1, 2, 3])));
    drop(store);
    fs::write(folder.path().join("sled.opening"), b"").unwrap();
    drop(embedded(folder.path()).unwrap());
    assert!(folder.path().join("quarantine/sled-1").exists());
    let (store, _) = embedded(folder.path()).unwrap();
    store.rebuild_tables().unwrap();
    drop(store);
    let (store, report) = embedded(folder.path()).unwrap();
    assert_eq!(report.tables, TablesFound::Renewed);
    assert!(report.to_string().contains("anew"));
    assert!(!folder.path().join("quarantine").exists(), "what was put aside is gone");
    sound(&store);
    assert_eq!(EmbeddedStore::rebuild(config(folder.path())).err(), Some(Error::InUse));
    drop(store);
    let rebuilt = EmbeddedStore::rebuild(config(folder.path())).unwrap();
    assert_eq!(rebuilt.before, Some(rebuilt.after), "equal");
    assert_eq!((rebuilt.frames, rebuilt.after.rows), (41, 20 - 3 + 3));
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let from_nothing = EmbeddedStore::rebuild(config(folder.path())).unwrap();
    assert_eq!((from_nothing.before, from_nothing.after), (None, rebuilt.after));
    let (store, report) = embedded(folder.path()).unwrap();
    assert_eq!(report.tables, TablesFound::Good { replayed: 0 });
    // Tables that know more than the journal are the proof that it lost something: they stay.
    put(&store, &Draft::own(50, 1, 50));
    drop(store);
    let segment = folder.path().join("journal/00000001.segment");
    let whole = fs::read(&segment).unwrap();
    fs::write(&segment, &whole[..whole.len() - 9]).unwrap();
    for _ in 0..2 {
        let refused = EmbeddedStore::rebuild(config(folder.path())).err();
        assert_eq!(refused, Some(Error::Rollback { known: 42, found: 41 }));
    }
    fs::write(&segment, whole).unwrap();
    let (store, report) = embedded(folder.path()).unwrap();
    assert_eq!(report.tables, TablesFound::Renewed, "it is still asked for");
    sound(&store);
}

#[test]
fn damage_in_what_is_to_be_copied_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = small_segments(folder.path());
    for n in 0..20 {
        put(&store, &Draft::own(n, 1, n));
    }
    commit(&store, Batch::new().with(erase(&[1])));
    let segment = folder.path().join("journal/00000001.segment");
    let good = fs::read(&segment).unwrap();
    let mut bytes = good.clone();
    bytes[4000] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    match store.compact(early(), &|| false) {
        Err(Error::Corrupt { what, .. }) => assert_eq!(what, "00000001.segment"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&segment).unwrap(), bytes, "the evidence is not touched");
    assert_eq!(store.fenced(), None);
    fs::write(&segment, &good).unwrap();
    assert_eq!(compact(&store).parts_erased, 2);
    sound(&store);
}
