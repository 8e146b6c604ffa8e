//! Cases that every store passes.

use crate::kit::*;
use domain::name::IdempotencyKey;
use domain::submission::Repeated;
use domain::time::Timestamp;
use domain::token::{TokenEpoch, TokenKey};
use std::collections::BTreeSet;
use store::batch::BATCH_ITEMS_MAX;
use store::table::{KEY_BYTES_MAX, SCAN_ROWS_MAX, VALUE_BYTES_MAX};
use store::{
    Batch, Change, ClassNumber, Conflict, Depth, Error, LogKind, Ownership, Precondition, RowState,
    Secrecy, Store, Table, Withdrawn, value_hash,
};

pub(crate) fn commit(store: &dyn Store, batch: Batch) -> store::Committed {
    store.commit(batch).wait().unwrap()
}

pub(crate) fn conflict(store: &dyn Store, batch: Batch) -> Conflict {
    match store.commit(batch).wait() {
        Err(Error::Conflict(conflict)) => conflict,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

#[test]
fn what_is_acknowledged_is_readable_at_once() {
    on_every_store(|store| {
        let draft = Draft::own(1, 1, 7);
        let committed = commit(
            store,
            Batch::new().with(draft.change()).saying(event(1)).with(cursor(b"k", b"v")),
        );
        assert_eq!((committed.seq, committed.tree_size), (0, 1));
        assert_eq!((committed.changes.len(), committed.events.len()), (2, 1));
        let row = store.hit_row(&id(1)).unwrap();
        assert_eq!(
            (row.version, row.withdrawn, row.origin),
            (version(1), Withdrawn::No, Ownership::Own)
        );
        assert!(row.is_live(Timestamp::from_date(2026, 12, 1).unwrap()));
        assert!(!row.is_live(Timestamp::from_date(2027, 12, 1).unwrap()));
        let held = store.record(&id(1)).unwrap().unwrap();
        assert_eq!(**held.class(), domain::class::Class::of(&draft.record()));
        assert_eq!(store.local_part(&id(1)).unwrap(), Some(local(7)));
        assert_eq!(store.get(Table::Cursor, b"k").unwrap().unwrap(), b"v");
        assert_eq!(store.get(Table::Peer, b"k").unwrap(), None);
        assert_eq!(store.match_fingerprint(&x(7)).unwrap(), [id(1)]);
        assert!(store.match_fingerprint(&x(8)).unwrap().is_empty());
        assert!(store.record(&id(2)).unwrap().is_none() && store.hit_row(&id(2)).is_none());
        assert_eq!(store.tombstone(&id(1)).unwrap(), None);
    });
}

#[test]
fn a_precondition_that_does_not_hold_is_named_and_nothing_is_written() {
    on_every_store(|store| {
        commit(store, Batch::new().with(Draft::own(1, 1, 1).change()).with(cursor(b"k", b"v")));
        commit(store, Batch::new().with(withdraw(peer(), 9)));
        let row = |is| Precondition::Row { table: Table::Cursor, key: b"k".to_vec(), is };
        let holding = [
            Precondition::RecordAbsent(id(2)),
            Precondition::RecordVersion(id(1), version(1)),
            Precondition::NotWithdrawn(id(1)),
            Precondition::NotWithdrawn(id(2)),
            row(RowState::ValueHash(value_hash(b"v"))),
        ];
        let failing = [
            Precondition::RecordAbsent(id(1)),
            Precondition::RecordAbsent(id(9)),
            Precondition::RecordVersion(id(1), version(2)),
            Precondition::RecordVersion(id(2), version(1)),
            Precondition::RecordVersion(id(9), version(1)),
            Precondition::NotWithdrawn(id(9)),
            row(RowState::Absent),
            row(RowState::ValueHash(value_hash(b"w"))),
        ];
        for failing in failing {
            let size = store.head().tree_size;
            let mut batch = Batch::new().with(cursor(b"other", b"written"));
            batch.preconditions = holding.to_vec();
            batch.preconditions.push(failing.clone());
            let expected = Conflict::Precondition(holding.len(), Box::new(failing));
            assert_eq!(conflict(store, batch), expected);
            assert_eq!(store.get(Table::Cursor, b"other").unwrap(), None);
            assert_eq!(store.head().tree_size, size);
        }
        let mut batch = Batch::new().with(cursor(b"other", b"written"));
        batch.preconditions = holding.to_vec();
        commit(store, batch);
        assert_eq!(store.get(Table::Cursor, b"other").unwrap().unwrap(), b"written");
    });
}

#[test]
fn the_history_of_a_record_only_goes_forward() {
    on_every_store(|store| {
        let put = |draft: &Draft| Batch::new().with(draft.change());
        commit(store, put(&Draft::own(1, 2, 1)));
        assert_eq!(conflict(store, put(&Draft::own(1, 1, 1))), Conflict::Version(id(1)));
        assert_eq!(conflict(store, put(&Draft::own(1, 2, 1))), Conflict::Version(id(1)));
        assert_eq!(conflict(store, put(&Draft::foreign(1, 3, 1))), Conflict::Origin(id(1)));
        let foreign = Batch::new().with(withdraw(peer(), 1));
        assert_eq!(conflict(store, foreign), Conflict::Origin(id(1)));
        commit(store, put(&Draft::own(1, 3, 1)));
        commit(store, Batch::new().with(withdraw(own(), 1)));
        assert_eq!(conflict(store, put(&Draft::own(1, 4, 1))), Conflict::Withdrawn(id(1)));
        commit(store, Batch::new().with(withdraw(own(), 1)));
        assert!(store.tombstone(&id(1)).unwrap().is_some());
        assert_eq!(store.hit_row(&id(1)).unwrap().withdrawn, Withdrawn::Yes);
        assert!(store.match_fingerprint(&x(1)).unwrap().is_empty());
        // A tombstone for a record that was never seen is remembered too.
        commit(store, Batch::new().with(withdraw(peer(), 5)));
        assert_eq!(conflict(store, put(&Draft::foreign(5, 1, 1))), Conflict::Withdrawn(id(5)));
        assert_eq!(store.hit_row(&id(5)).unwrap().class, None);
        assert_eq!(store.count().withdrawn, 2);
    });
}

#[test]
fn a_repeated_batch_gets_the_first_answer_and_writes_nothing() {
    on_every_store(|store| {
        let key = IdempotencyKey::from_bytes([3; 16]);
        let batch = Batch::new()
            .with(Draft::own(1, 1, 1).change())
            .with(cursor(b"k", b"v"))
            .saying(event(1))
            .once(key);
        let first = commit(store, batch.clone());
        commit(store, Batch::new().with(cursor(b"k", b"later")));
        let again = commit(store, batch);
        assert_eq!((first.repeated, again.repeated), (Repeated::No, Repeated::Yes));
        assert_eq!(store::Committed { repeated: Repeated::No, ..again }, first);
        assert_eq!(store.head().tree_size, 2);
        assert_eq!(store.get(Table::Cursor, b"k").unwrap().unwrap(), b"later");
        // The key decides, not the content.
        let other = commit(store, Batch::new().with(cursor(b"z", b"z")).once(key));
        assert_eq!((other.seq, store.get(Table::Cursor, b"z").unwrap()), (0, None));
    });
}

#[test]
fn batches_that_contradict_themselves_or_the_limits_are_refused() {
    on_every_store(|store| {
        let refused = |batch: Batch| store.commit(batch).wait().unwrap_err();
        assert!(matches!(refused(Batch::new()), Error::Invalid(_)));
        let twice = Batch::new().with(cursor(b"k", b"1")).with(cursor(b"k", b"2"));
        assert!(matches!(refused(twice), Error::Invalid(_)));
        let mut put = Draft::own(1, 1, 1).put();
        put.local = None;
        let unsealed = Batch::new().with(Change::PutRecord(Box::new(put)));
        assert!(matches!(refused(unsealed), Error::Invalid(_)));
        let mut put = Draft::own(1, 1, 1).put();
        put.local = Some(local(2));
        let unopened = Batch::new().with(Change::PutRecord(Box::new(put)));
        assert!(matches!(refused(unopened), Error::Invalid(_)));
        let mut put = Draft::foreign(1, 1, 1).put();
        put.local = Some(local(1));
        let foreign = Batch::new().with(Change::PutRecord(Box::new(put)));
        assert!(matches!(refused(foreign), Error::Invalid(_)));
        let origin = own();
        let drop = Change::DropForeign { origin, classes: vec![], record_ids: vec![id(1)] };
        assert!(matches!(refused(Batch::new().with(drop)), Error::Invalid(_)));
        let mut many = Batch::new();
        many.events = vec![event(1); BATCH_ITEMS_MAX + 1];
        let long = |bytes| Batch::new().with(cursor(&vec![1; bytes], b""));
        let large = |bytes| Batch::new().with(cursor(b"k", &vec![1; bytes]));
        let mut heavy = Batch::new();
        for n in 0..17_u8 {
            heavy = heavy.with(cursor(&[n], &vec![1; VALUE_BYTES_MAX]));
        }
        for batch in [many, long(KEY_BYTES_MAX + 1), large(VALUE_BYTES_MAX + 1), heavy] {
            assert!(matches!(refused(batch), Error::TooLarge { .. }));
        }
        assert_eq!(store.head().tree_size, 0, "nothing was written");
        commit(store, long(KEY_BYTES_MAX));
        commit(store, large(VALUE_BYTES_MAX));
        assert_eq!(store.get(Table::Cursor, b"k").unwrap().unwrap().len(), VALUE_BYTES_MAX);
        assert!(store.get(Table::Cursor, &[0; KEY_BYTES_MAX + 1]).is_err());
    });
}

#[test]
fn keys_and_prefixes_at_their_edges() {
    on_every_store(|store| {
        let keys: [&[u8]; 9] =
            [b"", b"\0", b"a", b"a\0", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff"];
        for (n, key) in keys.iter().enumerate() {
            commit(store, Batch::new().with(cursor(key, &[n as u8])));
        }
        commit(store, Batch::new().with(put_row(Table::Quota, b"a", b"quota", Secrecy::Plain)));
        commit(
            store,
            Batch::new().with(put_row(Table::ClassHandle, b"\xff", b"h", Secrecy::Plain)),
        );
        let scan = |prefix: &[u8], after: Option<&[u8]>, limit| -> Vec<Vec<u8>> {
            let rows = store.scan(Table::Cursor, prefix, after, limit).unwrap();
            rows.into_iter().map(|(key, _)| key).collect()
        };
        let mut sorted: Vec<&[u8]> = keys.to_vec();
        sorted.sort();
        assert_eq!(scan(b"", None, 99), sorted);
        assert_eq!(scan(b"a", None, 99), [&b"a"[..], b"a\0", b"a\xff", b"a\xff\xff"]);
        assert_eq!(scan(b"a", Some(b"a\0"), 99), [&b"a\xff"[..], b"a\xff\xff"]);
        assert_eq!(scan(b"a", Some(b""), 1), [b"a"]);
        assert_eq!(scan(b"a", Some(b"b"), 9), Vec::<Vec<u8>>::new());
        assert_eq!(scan(b"\xff", None, 9), [&b"\xff"[..], b"\xff\xff"]);
        assert_eq!(scan(b"", None, 0), Vec::<Vec<u8>>::new());
        let values = store.scan(Table::Cursor, b"b", None, 9).unwrap();
        assert_eq!(values, [(b"b".to_vec(), vec![6])]);
        for key in [&b"a\0"[..], b"", b"never there"] {
            let key = key.to_vec();
            commit(store, Batch::new().with(Change::Delete { table: Table::Cursor, key }));
        }
        assert_eq!(scan(b"a", None, 99), [&b"a"[..], b"a\xff", b"a\xff\xff"]);
        assert_eq!(store.get(Table::Cursor, b"").unwrap(), None);
        assert_eq!(store.get(Table::Quota, b"a").unwrap().unwrap(), b"quota");
    });
}

#[test]
fn a_scan_never_answers_more_than_its_maximum() {
    let store = memory();
    for page in 0..3_u16 {
        let rows = (0..2000_u16).map(|n| cursor(&(page * 2000 + n).to_be_bytes(), b""));
        commit(&store, rows.fold(Batch::new(), Batch::with));
    }
    let first = store.scan(Table::Cursor, b"", None, usize::MAX).unwrap();
    assert_eq!(first.len(), SCAN_ROWS_MAX);
    let rest = store.scan(Table::Cursor, b"", first.last().map(|row| &row.0[..]), usize::MAX);
    assert_eq!(rest.unwrap().len(), 6000 - SCAN_ROWS_MAX);
}

#[test]
fn class_logs_say_what_happened_in_order() {
    on_every_store(|store| {
        let moved = Draft { class: 1, ..Draft::own(1, 2, 1) };
        commit(
            store,
            Batch::new().with(Draft::own(1, 1, 1).change()).with(Draft::own(2, 1, 2).change()),
        );
        commit(store, Batch::new().with(Draft::foreign(3, 1, 3).change()));
        commit(store, Batch::new().with(moved.change()).with(Draft::own(2, 2, 2).change()));
        commit(store, Batch::new().with(withdraw(own(), 1)));
        let classes = store.classes(&own(), &agreement());
        assert_eq!(classes.iter().map(|class| class.end).collect::<Vec<_>>(), [4, 2]);
        assert_eq!(classes[0].hash, classes[0].class.hash());
        assert_eq!(store.class(classes[1].number), Some(classes[1].clone()));
        assert_eq!(store.class(ClassNumber(99)), None);
        let log = |class: usize, from, limit| -> Vec<_> {
            let rows = store.class_log(classes[class].number, from, limit).into_iter();
            rows.map(|row| (row.position, row.record_id, row.version.n, row.kind)).collect()
        };
        assert_eq!(
            log(0, 0, 99),
            [
                (0, id(1), 1, LogKind::Add),
                (1, id(2), 1, LogKind::Add),
                (2, id(1), 2, LogKind::Leave),
                (3, id(2), 2, LogKind::Add),
            ]
        );
        assert_eq!(log(1, 0, 99), [(0, id(1), 2, LogKind::Add), (1, id(1), 2, LogKind::Retract)]);
        assert_eq!(log(0, 2, 1), [(2, id(1), 2, LogKind::Leave)]);
        assert!(log(0, 4, 9).is_empty() && log(0, u64::MAX, 9).is_empty());
        let foreign = store.classes(&peer(), &agreement());
        assert_eq!((foreign.len(), foreign[0].end), (1, 0));
        let counts = store.count();
        assert_eq!((counts.own, counts.foreign, counts.withdrawn, counts.classes), (1, 1, 1, 3));
    });
}

#[test]
fn tokens_find_records_and_no_key_is_not_no_match() {
    on_every_store(|store| {
        let (key, next) = (TokenKey::from_bytes([5; 32]), TokenKey::from_bytes([6; 32]));
        let found = |epoch, tokens: &[domain::token::Token]| -> BTreeSet<_> {
            let matches = store.match_own(&agreement(), epoch, tokens).unwrap();
            matches.into_iter().map(|found| (found.slot, found.record_id)).collect()
        };
        for n in 1..=3 {
            commit(store, Batch::new().with(Draft::own(n, 1, n % 2).change()));
        }
        let asked = [key.token(&x(9)), key.token(&x(1)), key.token(&x(0))];
        let unknown = store.match_own(&agreement(), EPOCH, &asked);
        assert_eq!(unknown, Err(Error::NoTokenKey));
        store.set_token_key(&agreement(), &own(), EPOCH, key.clone()).unwrap();
        assert_eq!(found(EPOCH, &asked), [(1, id(1)), (1, id(3)), (2, id(2))].into());
        // Later changes are followed: a new record, another fingerprint, a withdrawal.
        commit(store, Batch::new().with(Draft::own(4, 1, 9).change()));
        commit(store, Batch::new().with(Draft::own(1, 2, 0).change()));
        commit(store, Batch::new().with(withdraw(own(), 2)));
        assert_eq!(found(EPOCH, &asked), [(0, id(4)), (1, id(3)), (2, id(1))].into());
        let tokens = store.own_tokens(&agreement(), EPOCH, &[id(4), id(2), id(77)]).unwrap();
        assert_eq!(tokens, [Some(asked[0]), None, None]);
        // A second epoch beside the first; the same key again changes nothing.
        store.set_token_key(&agreement(), &own(), TokenEpoch(2), next.clone()).unwrap();
        store.set_token_key(&agreement(), &own(), EPOCH, key).unwrap();
        assert_eq!(found(TokenEpoch(2), &[next.token(&x(9))]), [(0, id(4))].into());
        store.drop_token_key(&agreement(), &own(), EPOCH);
        assert_eq!(store.match_own(&agreement(), EPOCH, &asked), Err(Error::NoTokenKey));
        assert_eq!(found(TokenEpoch(2), &[next.token(&x(0))]), [(0, id(1))].into());
    });
}

#[test]
fn tokens_of_kept_fingerprints_are_those_of_the_journal() {
    on_every_store(|store| {
        let key = TokenKey::from_bytes([5; 32]);
        for n in 1..=6 {
            commit(store, Batch::new().with(Draft::own(n, 1, n).change()));
        }
        commit(store, Batch::new().with(Draft::own(1, 2, 9).change()));
        commit(store, Batch::new().with(withdraw(own(), 2)));
        commit(store, Batch::new().with(Change::Erase { record_ids: vec![id(3)] }));
        commit(store, Batch::new().with(Draft::own(4, 2, 1).change()));
        let ids: Vec<_> = (1..=7).map(id).collect();
        let tokens = |epoch| store.own_tokens(&agreement(), epoch, &ids).unwrap();
        let of = |n| Some(key.token(&x(n)));
        // The first comes from what was unsealed, the second from the journal.
        store.set_token_key(&agreement(), &own(), EPOCH, key.clone()).unwrap();
        store.forget_fingerprints();
        store.set_token_key(&agreement(), &own(), TokenEpoch(2), key.clone()).unwrap();
        assert_eq!(tokens(EPOCH), [of(9), None, None, of(1), of(5), of(6), None]);
        assert_eq!(tokens(TokenEpoch(2)), tokens(EPOCH));
        commit(store, Batch::new().with(Draft::own(7, 1, 9).change()));
        let asked = [key.token(&x(9)), key.token(&x(2)), key.token(&x(4))];
        for epoch in [EPOCH, TokenEpoch(2)] {
            let found = store.match_own(&agreement(), epoch, &asked).unwrap();
            let found: BTreeSet<_> =
                found.iter().map(|found| (found.slot, found.record_id)).collect();
            assert_eq!(found, [(0, id(1)), (0, id(7))].into());
        }
    });
}

#[test]
fn a_partners_records_are_found_by_its_tokens_until_they_are_dropped() {
    on_every_store(|store| {
        let found = |seeds: &[u64]| -> BTreeSet<_> {
            let tokens: Vec<_> = seeds.iter().map(|seed| token(*seed)).collect();
            let matches = store.match_foreign(&agreement(), &peer(), EPOCH, &tokens).unwrap();
            matches.into_iter().map(|found| (found.slot, found.record_id)).collect()
        };
        for n in 1..=4 {
            let draft = Draft { class: (n % 2) as u8, ..Draft::foreign(n, 1, n) };
            commit(store, Batch::new().with(draft.change()));
        }
        assert_eq!(found(&[1, 2, 9, 4]), [(0, id(1)), (1, id(2)), (3, id(4))].into());
        assert!(store.match_fingerprint(&x(1)).unwrap().is_empty());
        let live = || {
            let classes = store.classes(&peer(), &agreement());
            let numbers: Vec<_> = classes.iter().map(|class| class.number).collect();
            store.live_records(&numbers)
        };
        assert_eq!(live(), [1, 2, 3, 4].map(id));
        let odd = store.hit_row(&id(1)).unwrap().class.unwrap();
        assert_eq!(store.live_records(&[odd]), [1, 3].map(id));
        assert_eq!(store.live_records(&[]), []);
        // The same record once more is harmless; a higher version brings another token.
        commit(store, Batch::new().with(Draft { class: 1, ..Draft::foreign(1, 1, 1) }.change()));
        commit(store, Batch::new().with(Draft { class: 1, ..Draft::foreign(1, 2, 8) }.change()));
        assert_eq!(found(&[1, 8]), [(1, id(1))].into());
        commit(store, Batch::new().with(withdraw(peer(), 4)));
        assert_eq!(found(&[4]), [].into());
        assert!(store.record(&id(4)).unwrap().is_none(), "a partner's withdrawn record is gone");
        assert_eq!(live(), [1, 2, 3].map(id));
        let odd = store.hit_row(&id(1)).unwrap().class.unwrap();
        let origin = peer();
        let drop =
            Change::DropForeign { origin, classes: vec![odd], record_ids: vec![id(2), id(4)] };
        commit(store, Batch::new().with(drop));
        assert_eq!(found(&[1, 2, 3, 4, 8]), [].into());
        assert!(store.hit_row(&id(1)).is_none() && store.record(&id(2)).unwrap().is_none());
        assert!(store.hit_row(&id(4)).is_some(), "a tombstone is for ever");
        assert_eq!(store.count().foreign, 0);
        // What was dropped may come again, even in the same version.
        commit(store, Batch::new().with(Draft::foreign(2, 1, 2).change()));
        assert_eq!(found(&[2]), [(0, id(2))].into());
        assert!(store.record(&id(2)).unwrap().is_some());
        assert_eq!(live(), [id(2)]);
        commit(store, Batch::new().with(Change::Erase { record_ids: vec![id(2)] }));
        assert_eq!(live(), []);
    });
}

#[test]
fn a_tail_shows_every_frame_once_while_eight_write() {
    on_every_store(|store| {
        const EACH: u64 = 25;
        std::thread::scope(|scope| {
            for writer in 0..8_u64 {
                scope.spawn(move || {
                    for n in 0..EACH {
                        let number = writer * EACH + n;
                        let batch = Batch::new()
                            .with(Draft::own(number, 1, number).change())
                            .with(cursor(&number.to_be_bytes(), b""))
                            .saying(event(number as u32));
                        commit(store, batch);
                    }
                });
            }
            let mut next = 0;
            while next < 8 * EACH {
                for frame in store.tail(next, 7).unwrap() {
                    assert_eq!(frame.frame.seq, next, "no gap");
                    assert!(frame.items.len() >= 3, "no half batch");
                    next += 1;
                }
            }
        });
        assert_eq!(store.tail(8 * EACH, 9).unwrap().len(), 0);
        assert_eq!(store.count().own, 8 * EACH);
        let log = store.classes(&own(), &agreement());
        assert_eq!(log[0].end, 8 * EACH);
        let verified = store.verify(Depth::Deep).unwrap();
        assert_eq!((verified.frames, verified.faults), (8 * EACH, vec![]));
    });
}

#[test]
fn writers_that_race_for_one_row_take_turns() {
    on_every_store(|store| {
        commit(store, Batch::new().with(cursor(b"counter", &0_u64.to_be_bytes())));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut done = 0;
                    while done < 20 {
                        let value = store.get(Table::Cursor, b"counter").unwrap().unwrap();
                        let next = u64::from_be_bytes(value[..].try_into().unwrap()) + 1;
                        let is = RowState::ValueHash(value_hash(&value));
                        let (table, key) = (Table::Cursor, b"counter".to_vec());
                        let batch = Batch::new()
                            .with(cursor(b"counter", &next.to_be_bytes()))
                            .provided(Precondition::Row { table, key, is });
                        done += u32::from(store.commit(batch).wait().is_ok());
                    }
                });
            }
        });
        let value = store.get(Table::Cursor, b"counter").unwrap().unwrap();
        assert_eq!(value, 80_u64.to_be_bytes());
    });
}

#[test]
fn a_closed_store_reads_and_does_not_write() {
    on_every_store(|store| {
        commit(store, Batch::new().with(cursor(b"k", b"v")));
        store.close().unwrap();
        let refused = store.commit(Batch::new().with(cursor(b"k", b"w"))).wait();
        assert!(matches!(refused, Err(Error::Fenced(_))));
        assert_eq!(store.get(Table::Cursor, b"k").unwrap().unwrap(), b"v");
        store.close().unwrap();
    });
}

#[test]
fn the_cap_of_classes_counts_those_with_records() {
    use domain::class::CLASSES_MAX;
    let store = memory();
    let wide = |n: u64| Draft { variant: n as u32 + 1, ..Draft::foreign(n, 1, n) }.change();
    for from in (0..CLASSES_MAX as u64).step_by(512) {
        commit(&store, (from..from + 512).map(wide).fold(Batch::new(), Batch::with));
    }
    let more = |n: u64| store.commit(Batch::new().with(wide(n))).wait();
    assert_eq!(more(5000).err(), Some(Error::TooManyClasses(CLASSES_MAX)));
    // Our own are not touched by a partner at its cap, and what it has may grow.
    commit(&store, Batch::new().with(Draft::own(1_000_000, 1, 1).change()));
    commit(&store, Batch::new().with(erase(&[7])));
    assert!(more(5000).is_ok(), "a class without records makes room");
    assert_eq!(more(5001).err(), Some(Error::TooManyClasses(CLASSES_MAX)));
}
