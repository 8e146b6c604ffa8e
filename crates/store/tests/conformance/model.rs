//! Random histories on every store, compared after each step with a model that is plainly right.

use crate::kit::*;
use crate::review::items_with_content;
use domain::class::Class;
use domain::name::{AgencyId, IdempotencyKey, RecordId};
use domain::time::Timestamp;
use domain::token::TokenKey;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use store::embedded::TablesFound;
use store::{
    Batch, Change, Conflict, Depth, Erased, Error, LogKind, Ownership, Secrecy, Store, Table,
    Withdrawn,
};

const IDS: u64 = 5;
const FINGERPRINTS: u64 = 3;

#[derive(Debug, Clone)]
enum Step {
    Batch { changes: Vec<Op>, key: Option<u8> },
    Reopen(Tables),
    Compact,
}

/// What becomes of the tables before the store is opened again.
#[derive(Debug, Clone, Copy)]
enum Tables {
    Stay,
    AreLost,
    AreRenewed,
}

#[derive(Debug, Clone)]
enum Op {
    Put(Draft),
    Withdraw { origin: AgencyId, id: u64 },
    Drop { class: Option<u8>, id: u64 },
    Erase { id: u64 },
    Hold { id: u64, hold: u8 },
    Lift { id: u64, hold: u8 },
    Row { key: u8, value: u8, secrecy: Secrecy },
    Delete { key: u8 },
}

fn origin() -> impl Strategy<Value = AgencyId> {
    prop_oneof![Just(own()), Just(peer())]
}

fn op() -> impl Strategy<Value = Op> {
    let draft = (origin(), 0..IDS, 1..4_u32, 0..FINGERPRINTS, 0..2_u8);
    let secrecy = prop_oneof![Just(Secrecy::Plain), Just(Secrecy::Sealed)];
    prop_oneof![
        6 => draft.prop_map(|(origin, id, n, x, class)| Op::Put(Draft { origin, id, n, x, class, variant: 0 })),
        2 => (origin(), 0..IDS).prop_map(|(origin, id)| Op::Withdraw { origin, id }),
        2 => (proptest::option::of(0..2_u8), 0..IDS).prop_map(|(class, id)| Op::Drop { class, id }),
        2 => (0..IDS).prop_map(|id| Op::Erase { id }),
        1 => (0..IDS, 0..2_u8).prop_map(|(id, hold)| Op::Hold { id, hold }),
        2 => (0..IDS, 0..2_u8).prop_map(|(id, hold)| Op::Lift { id, hold }),
        3 => (0..4_u8, 0_u8.., secrecy)
            .prop_map(|(key, value, secrecy)| Op::Row { key, value, secrecy }),
        1 => (0..4_u8).prop_map(|key| Op::Delete { key }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let batch = (proptest::collection::vec(op(), 1..4), proptest::option::of(0..6_u8));
    let tables = prop_oneof![Just(Tables::Stay), Just(Tables::AreLost), Just(Tables::AreRenewed)];
    let step = prop_oneof![
        12 => batch.prop_map(|(changes, key)| Step::Batch { changes, key }),
        2 => Just(Step::Compact),
        1 => tables.prop_map(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..30)
}

#[derive(Debug, Clone)]
struct Row {
    draft: Draft,
    is_withdrawn: bool,
    was_seen: bool,
    is_erased: bool,
}

impl Row {
    const fn is_live(&self) -> bool {
        !self.is_withdrawn && !self.is_erased
    }
}

#[derive(Debug, Default)]
struct Model {
    frames: u64,
    records: BTreeMap<u64, Row>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    logs: BTreeMap<u8, Vec<(RecordId, u32, LogKind)>>,
    keys: BTreeSet<u8>,
    holds: BTreeMap<u64, BTreeSet<u8>>,
    /// The records of which something can be shown, to anybody or to a proceeding.
    there: BTreeSet<u64>,
    /// Whose the records are that were dropped under a hold: nobody else gets their ids meanwhile.
    dropped: BTreeMap<u64, AgencyId>,
    /// The classes of the partner's records that the store has numbered.
    numbered: BTreeSet<u8>,
}

/// What a store must answer.
#[derive(Debug, PartialEq)]
enum Expected {
    Written,
    Repeated,
    Conflict(Conflict),
    Invalid,
}

impl Model {
    fn expect(&self, changes: &[Op], key: Option<u8>) -> Expected {
        let (mut records, mut rows) = (BTreeSet::new(), BTreeSet::new());
        for op in changes {
            let is_first = match op {
                Op::Put(Draft { id, .. }) | Op::Withdraw { id, .. } | Op::Erase { id } => {
                    records.insert(*id)
                }
                Op::Row { key, .. } | Op::Delete { key } => rows.insert((0, *key)),
                Op::Hold { id, hold } | Op::Lift { id, hold } => rows.insert((1 + *id, *hold)),
                Op::Drop { .. } => true,
            };
            if !is_first {
                return Expected::Invalid;
            }
        }
        if key.is_some_and(|key| self.keys.contains(&key)) {
            return Expected::Repeated;
        }
        let both = |erased: u64| {
            changes.iter().any(|op| matches!(op, Op::Hold { id, .. } if *id == erased))
        };
        let wrong = changes.iter().find_map(|op| match op {
            Op::Erase { id } if both(*id) => Some(Expected::Invalid),
            op => self.conflict(op).map(Expected::Conflict),
        });
        wrong.unwrap_or(Expected::Written)
    }

    fn conflict(&self, op: &Op) -> Option<Conflict> {
        match op {
            Op::Put(draft) => {
                let Some(row) = self.records.get(&draft.id) else {
                    return self.taken(draft.id, &draft.origin);
                };
                let is_same = draft.n == row.draft.n
                    && draft.origin != own()
                    && draft.record() == row.draft.record();
                if row.is_withdrawn {
                    Some(Conflict::Withdrawn(id(draft.id)))
                } else if row.draft.origin != draft.origin {
                    Some(Conflict::Origin(id(draft.id)))
                } else if row.is_erased && (draft.origin == own() || draft.n <= row.draft.n) {
                    Some(Conflict::Erased(id(draft.id)))
                } else if draft.n > row.draft.n || is_same {
                    None
                } else {
                    Some(Conflict::Version(id(draft.id)))
                }
            }
            Op::Withdraw { origin, id: number } => {
                let Some(row) = self.records.get(number) else {
                    return self.taken(*number, origin);
                };
                (row.draft.origin != *origin).then(|| Conflict::Origin(id(*number)))
            }
            Op::Erase { id: number } if self.holds.contains_key(number) => {
                Some(Conflict::Held(id(*number)))
            }
            Op::Erase { id: number } if !self.records.contains_key(number) => {
                Some(Conflict::Unknown(id(*number)))
            }
            _ => None,
        }
    }

    fn taken(&self, number: u64, origin: &AgencyId) -> Option<Conflict> {
        let is_anothers = self.dropped.get(&number).is_some_and(|of| of != origin);
        is_anothers.then(|| Conflict::Origin(id(number)))
    }

    fn apply(&mut self, changes: &[Op], key: Option<u8>) {
        self.frames += 1;
        self.keys.extend(key);
        // A batch can only name a class that had its number before.
        let numbered = self.numbered.clone();
        for op in changes {
            self.change(op, &numbered);
        }
    }

    fn change(&mut self, op: &Op, numbered: &BTreeSet<u8>) {
        match op {
            Op::Put(draft) => {
                let before = self.records.get(&draft.id).cloned();
                if draft.origin == own() {
                    if let Some(before) = before.filter(|row| row.draft.class != draft.class) {
                        let left = (id(draft.id), draft.n, LogKind::Leave);
                        self.logs.entry(before.draft.class).or_default().push(left);
                    }
                    let added = (id(draft.id), draft.n, LogKind::Add);
                    self.logs.entry(draft.class).or_default().push(added);
                }
                if draft.origin == peer() {
                    self.numbered.insert(draft.class);
                }
                let draft_of = draft.clone();
                let row =
                    Row { draft: draft_of, is_withdrawn: false, was_seen: true, is_erased: false };
                self.there.insert(draft.id);
                self.records.insert(draft.id, row);
            }
            Op::Withdraw { origin, id: number } => {
                let draft = Draft { origin: origin.clone(), ..Draft::own(*number, 1, 0) };
                let unseen = Row { draft, is_withdrawn: true, was_seen: false, is_erased: false };
                let row = self.records.entry(*number).or_insert(unseen);
                if !row.is_withdrawn && *origin == own() {
                    let retracted = (id(*number), row.draft.n, LogKind::Retract);
                    self.logs.entry(row.draft.class).or_default().push(retracted);
                }
                row.is_withdrawn = true;
                if *origin == peer() && !self.holds.contains_key(number) {
                    self.there.remove(number);
                }
            }
            Op::Drop { class, id: number } => self.records.retain(|of, row| {
                let class = class.filter(|class| numbered.contains(class));
                let is_named = of == number || Some(row.draft.class) == class;
                let stays = row.draft.origin == own() || !row.is_live() || !is_named;
                if !stays && self.holds.contains_key(of) {
                    self.dropped.insert(*of, row.draft.origin.clone());
                } else if !stays {
                    self.there.remove(of);
                }
                stays
            }),
            Op::Erase { id } => {
                if let Some(row) = self.records.get_mut(id) {
                    row.is_erased = true;
                    self.there.remove(id);
                }
            }
            Op::Hold { id, hold } => {
                self.holds.entry(*id).or_default().insert(*hold);
            }
            Op::Lift { id, hold } => self.lift(*id, *hold),
            Op::Row { key, value, .. } => {
                self.rows.insert(vec![*key], vec![*value; 9]);
            }
            Op::Delete { key } => {
                self.rows.remove(&vec![*key]);
            }
        }
    }
}

impl Model {
    fn lift(&mut self, number: u64, hold: u8) {
        let Some(holds) = self.holds.get_mut(&number) else { return };
        holds.remove(&hold);
        if !holds.is_empty() {
            return;
        }
        self.holds.remove(&number);
        self.dropped.remove(&number);
        let row = self.records.get(&number);
        let stays = |row: &Row| row.draft.origin == own() || !row.is_withdrawn;
        if !row.is_some_and(stays) {
            self.there.remove(&number);
        }
    }
}

fn to_change(op: &Op, store: &dyn Store) -> Change {
    match op {
        Op::Put(draft) => draft.change(),
        Op::Withdraw { origin, id } => withdraw(origin.clone(), *id),
        Op::Drop { class, id: number } => {
            let known = store.classes(&peer(), &agreement()).into_iter();
            let wanted =
                class.map(|class| Class::of(&Draft { class, ..Draft::foreign(0, 1, 0) }.record()));
            let numbers = known.filter(|known| wanted.as_ref() == Some(&*known.class));
            let classes = numbers.map(|known| known.number).collect();
            Change::DropForeign { origin: peer(), classes, record_ids: vec![id(*number)] }
        }
        Op::Erase { id } => erase(&[*id]),
        Op::Hold { id, hold: number } => hold(*id, *number),
        Op::Lift { id, hold } => lift(*id, *hold),
        Op::Row { key, value, secrecy } => put_row(Table::Cursor, &[*key], &[*value; 9], *secrecy),
        Op::Delete { key } => Change::Delete { table: Table::Cursor, key: vec![*key] },
    }
}

fn token_key() -> TokenKey {
    TokenKey::from_bytes([5; 32])
}

fn compare(store: &dyn Store, model: &Model) {
    let live = |row: &&Row| row.is_live();
    for number in 0..IDS {
        let (row, expected) = (store.hit_row(&id(number)), model.records.get(&number));
        assert_eq!(row.is_some(), expected.is_some(), "record {number}");
        let is_held = model.holds.contains_key(&number) && model.there.contains(&number);
        assert_eq!(store.held_record(&id(number)).unwrap().is_some(), is_held, "record {number}");
        let record = store.record(&id(number)).unwrap();
        let local = store.local_part(&id(number)).unwrap();
        let Some((row, expected)) = row.zip(expected) else {
            assert!(record.is_none() && local.is_none());
            continue;
        };
        let draft = &expected.draft;
        let is_own = draft.origin == own();
        assert_eq!(row.withdrawn == Withdrawn::Yes, expected.is_withdrawn);
        assert_eq!(row.origin == Ownership::Own, is_own);
        assert_eq!(row.class.is_some(), expected.was_seen);
        if expected.was_seen {
            assert_eq!(row.version, version(draft.n));
        }
        assert_eq!(store.tombstone(&id(number)).unwrap().is_some(), expected.is_withdrawn);
        assert_eq!(row.erased == Erased::Yes, expected.is_erased);
        let readable =
            expected.was_seen && !expected.is_erased && (is_own || !expected.is_withdrawn);
        assert_eq!(record.is_some(), readable, "record {number}");
        if let Some(record) = record {
            assert_eq!(**record.class(), Class::of(&draft.record()));
        }
        assert_eq!(local.map(|local| local.x), (readable && is_own).then(|| x(draft.x)));
    }
    compare_matches(store, model);
    compare_logs(store, model);
    compare_expired(store, model);
    let rows = store.scan(Table::Cursor, b"", None, 99).unwrap();
    assert_eq!(rows.into_iter().collect::<BTreeMap<_, _>>(), model.rows);
    let counts = store.count();
    let count = |is_own: bool| {
        let rows = model.records.values().filter(live);
        rows.filter(|row| (row.draft.origin == own()) == is_own).count() as u64
    };
    assert_eq!((counts.own, counts.foreign), (count(true), count(false)));
    let withdrawn = model.records.values().filter(|row| row.is_withdrawn).count() as u64;
    assert_eq!((counts.withdrawn, counts.frames), (withdrawn, model.frames));
}

fn compare_expired(store: &dyn Store, model: &Model) {
    let expired = model.records.iter().filter(|(number, row)| {
        let is_gone = row.is_erased || (row.is_withdrawn && row.draft.origin == peer());
        row.was_seen && !is_gone && !model.holds.contains_key(*number)
    });
    let expired: BTreeSet<_> = expired.map(|(number, _)| id(*number)).collect();
    let late = Timestamp::from_date(2028, 1, 1).unwrap();
    assert_eq!(store.expired(late, 99).into_iter().collect::<BTreeSet<_>>(), expired);
}

fn compare_matches(store: &dyn Store, model: &Model) {
    let live = |row: &&Row| row.is_live();
    for seed in 0..FINGERPRINTS {
        let of = |origin: AgencyId| -> BTreeSet<RecordId> {
            let rows = model.records.iter().filter(|(_, row)| live(row));
            rows.filter(|(_, row)| row.draft.origin == origin && row.draft.x == seed)
                .map(|(number, _)| id(*number))
                .collect()
        };
        let by_x: BTreeSet<_> = store.match_fingerprint(&x(seed)).unwrap().into_iter().collect();
        assert_eq!(by_x, of(own()), "fingerprint {seed}");
        let asked = [token_key().token(&x(seed))];
        let by_own = store.match_own(&agreement(), EPOCH, &asked).unwrap().into_iter();
        assert_eq!(by_own.map(|found| found.record_id).collect::<BTreeSet<_>>(), of(own()));
        let by_foreign = store.match_foreign(&agreement(), &peer(), EPOCH, &[token(seed)]).unwrap();
        let by_foreign = by_foreign.into_iter().map(|found| found.record_id);
        assert_eq!(by_foreign.collect::<BTreeSet<_>>(), of(peer()), "token {seed}");
    }
}

fn compare_logs(store: &dyn Store, model: &Model) {
    for class in 0..2 {
        let wanted = Class::of(&Draft { class, ..Draft::own(0, 1, 0) }.record());
        let entries = store.classes(&own(), &agreement()).into_iter();
        let log = entries.filter(|entry| *entry.class == wanted).flat_map(|entry| {
            let rows = store.class_log(entry.number, 0, 4096);
            assert_eq!(rows.len() as u64, entry.end);
            rows.into_iter().map(|row| (row.record_id, row.version.n, row.kind))
        });
        let expected = model.logs.get(&class).cloned().unwrap_or_default();
        assert_eq!(log.collect::<Vec<_>>(), expected, "log of class {class}");
    }
}

/// Whatever happened: what nobody holds any more and what is erased leaves the disk at once, without a
/// restart that would find it.
fn let_everything_go(store: &dyn Store, model: &Model) {
    let all: Vec<u64> = model.records.keys().copied().collect();
    for (number, holds) in &model.holds {
        for hold in holds {
            store.commit(Batch::new().with(lift(*number, *hold))).wait().unwrap();
        }
    }
    if !all.is_empty() {
        store.commit(Batch::new().with(erase(&all))).wait().unwrap();
    }
    store.compact(Timestamp::from_date(2028, 1, 1).unwrap(), &|| false).unwrap();
    assert_eq!((store.count().erasable, items_with_content(store)), (0, 0));
}

/// Runs a history; `reopen` gives the store after a restart, or the same one.
fn run<S: Store>(steps: &[Step], mut store: S, mut reopen: impl FnMut(S, Tables) -> S) {
    let mut model = Model::default();
    let with_key = |store: &S| {
        store.set_token_key(&agreement(), &own(), EPOCH, token_key()).unwrap();
    };
    with_key(&store);
    for step in steps {
        match step {
            Step::Compact => {
                let now = Timestamp::from_date(2028, 1, 1).unwrap();
                store.compact(now, &|| false).unwrap();
                assert_eq!(store.count().erasable, 0);
            }
            Step::Reopen(tables) => {
                let before = store.head();
                store = reopen(store, *tables);
                assert_eq!(store.head(), before);
                if before.tree_size % 2 == 1 {
                    // Then the tokens come from the journal, and not from what opening unsealed.
                    store.forget_fingerprints();
                }
                with_key(&store);
            }
            Step::Batch { changes, key } => {
                let mut batch = changes
                    .iter()
                    .fold(Batch::new(), |batch, op| batch.with(to_change(op, &store)));
                batch.idempotency_key = key.map(|key| IdempotencyKey::from_bytes([key; 16]));
                let expected = model.expect(changes, *key);
                let found = match store.commit(batch).wait() {
                    Ok(committed) if committed.repeated == domain::submission::Repeated::Yes => {
                        Expected::Repeated
                    }
                    Ok(_) => Expected::Written,
                    Err(Error::Conflict(conflict)) => Expected::Conflict(conflict),
                    Err(Error::Invalid(_)) => Expected::Invalid,
                    Err(error) => panic!("{error}"),
                };
                assert_eq!(found, expected, "{changes:?}");
                if expected == Expected::Written {
                    model.apply(changes, *key);
                }
            }
        }
        compare(&store, &model);
    }
    let_everything_go(&store, &model);
    assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_memory_store_follows_the_model(steps in steps()) {
        run(&steps, memory(), |store, _| store);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_store_follows_the_model_across_restarts(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let open = |tables| {
            let (store, report) = embedded(folder.path()).unwrap();
            assert_eq!(report.cut, None);
            let is_expected = match tables {
                Tables::Stay => report.tables == TablesFound::Good { replayed: 0 },
                Tables::AreLost => report.tables == TablesFound::Made,
                Tables::AreRenewed => report.tables == TablesFound::Renewed,
            };
            assert!(is_expected, "{report}");
            store
        };
        run(&steps, open(Tables::AreLost), |store, tables| {
            if let Tables::AreRenewed = tables {
                store.rebuild_tables().unwrap();
            }
            drop(store);
            if let Tables::AreLost = tables {
                std::fs::remove_dir_all(folder.path().join("sled")).unwrap();
            }
            open(tables)
        });
    }
}
