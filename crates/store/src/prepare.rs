//! What must hold before a batch is written, and which batches may be written together.

use crate::batch::{Batch, Change, ItemReceipt, Precondition, RecordPut, RowState};
use crate::effect::Effect;
use crate::engine::Engine;
use crate::error::{Conflict, Error, Result};
use crate::index::{NONE, RowState as RecordState};
use crate::reading::Ownership;
use crate::seal::Entropy;
use crate::state::{ORIGINS_MAX, State};
use crate::table::{RECORD, Table, full_key};
use audit::tree::Hash;
use domain::class::Class;
use domain::name::{AgencyId, AgreementId, RecordId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The first byte of the key that stands for an idempotency key while a group is put together.
const ONCE: u8 = 3;

/// The batches that are written together. None of them touches what another touches, so each can
/// be checked against the state before the group.
#[derive(Default)]
pub(crate) struct Group {
    touched: HashSet<Vec<u8>>,
    exclusive: bool,
    classes: HashMap<Arc<Class>, u32>,
    /// The classes without records that the group brings to life, by originator and agreement.
    revived: HashMap<(AgencyId, AgreementId), HashSet<u32>>,
    pub(crate) bytes: usize,
    pub(crate) frames: usize,
}

/// What a batch reads or writes.
pub(crate) struct Touch {
    reads: Vec<Vec<u8>>,
    writes: Vec<Vec<u8>>,
    exclusive: bool,
}

impl Touch {
    pub(crate) fn of(batch: &Batch) -> Self {
        let record = |record_id: &RecordId| full_key(RECORD, record_id.as_bytes());
        let reads = batch.preconditions.iter().map(|precondition| match precondition {
            Precondition::RecordAbsent(id)
            | Precondition::RecordVersion(id, _)
            | Precondition::NotWithdrawn(id) => record(id),
            Precondition::Row { table, key, .. } => full_key(table.byte(), key),
        });
        let mut touch = Self { reads: reads.collect(), writes: Vec::new(), exclusive: false };
        for change in &batch.changes {
            match change {
                Change::PutRecord(put) => touch.writes.push(record(&put.record.record_id)),
                Change::Withdraw { tombstone } => {
                    touch.writes.push(record(&tombstone.message().record_id));
                }
                Change::DropForeign { .. } => touch.exclusive = true,
                Change::Erase { record_ids } => {
                    touch.writes.extend(record_ids.iter().map(record));
                }
                Change::Put { table, key, .. } | Change::Delete { table, key } => {
                    // A hold and what it holds are never checked against the same state.
                    touch.exclusive |= *table == Table::Hold;
                    touch.writes.push(full_key(table.byte(), key));
                }
            }
        }
        touch.writes.extend(batch.idempotency_key.map(|key| full_key(ONCE, key.as_bytes())));
        touch
    }

    pub(crate) fn meets(&self, group: &Group) -> bool {
        let touched = |key: &Vec<u8>| group.touched.contains(key);
        group.exclusive
            || self.exclusive
            || self.reads.iter().any(touched)
            || self.writes.iter().any(touched)
    }

    /// A batch may not name one thing twice: what would come of it depends on the order.
    fn check(&self) -> Result<()> {
        let distinct: HashSet<&[u8]> = self.writes.iter().map(Vec::as_slice).collect();
        if distinct.len() == self.writes.len() {
            Ok(())
        } else {
            Err(Error::Invalid("it changes one record or row twice"))
        }
    }

    pub(crate) fn join(self, group: &mut Group) {
        group.touched.extend(self.writes);
        group.exclusive |= self.exclusive;
    }
}

/// A batch that was checked and encoded.
pub(crate) struct Prepared {
    pub(crate) body: Vec<u8>,
    pub(crate) items: u32,
    pub(crate) items_root: Hash,
    /// The effect of each item with its offset and length in the body.
    pub(crate) effects: Vec<(Effect, u32, usize)>,
    pub(crate) changes: Vec<ItemReceipt>,
    pub(crate) events: Vec<ItemReceipt>,
}

/// What becomes of a batch.
pub(crate) enum Outcome {
    /// It is written.
    Write(Prepared),
    /// It was written before, as this frame.
    Repeated(u64),
}

/// A record that was checked: its class, and whether the class is new.
pub(crate) struct Checked {
    pub(crate) class: Arc<Class>,
    pub(crate) number: u32,
    pub(crate) is_new: bool,
}

impl Group {
    /// Forgets the classes a refused batch would have brought: numbers have no gaps.
    fn forget_classes_from(&mut self, floor: usize) {
        self.classes.retain(|_, number| (*number as usize) < floor);
        for numbers in self.revived.values_mut() {
            numbers.retain(|number| (*number as usize) < floor);
        }
    }
}

impl Engine {
    /// Checks a batch against the state and encodes it. Called by the writer alone.
    pub(crate) fn prepare(
        &self,
        batch: &Batch,
        touch: &Touch,
        group: &mut Group,
        entropy: &mut Entropy,
    ) -> Result<Outcome> {
        let floor = self.state().classes.count() + group.classes.len();
        let prepared = self.check_and_encode(batch, touch, group, entropy);
        if prepared.is_err() {
            group.forget_classes_from(floor);
        }
        prepared
    }

    fn check_and_encode(
        &self,
        batch: &Batch,
        touch: &Touch,
        group: &mut Group,
        entropy: &mut Entropy,
    ) -> Result<Outcome> {
        touch.check()?;
        let seen = batch.idempotency_key.and_then(|key| self.state().remembered(&key));
        if let Some(seq) = seen {
            return Ok(Outcome::Repeated(seq));
        }
        for (index, precondition) in batch.preconditions.iter().enumerate() {
            if !self.holds(precondition)? {
                let precondition = Box::new(precondition.clone());
                return Err(Error::Conflict(Conflict::Precondition(index, precondition)));
            }
        }
        let mut numbered = Vec::new();
        for change in &batch.changes {
            match change {
                Change::PutRecord(put) => numbered.push(self.check_put(put, group)?),
                Change::Withdraw { tombstone } => {
                    let tombstone = tombstone.message();
                    self.check_withdrawal(&tombstone.record_id, &tombstone.origin)?;
                }
                Change::Erase { record_ids } => self.check_erasure(record_ids, batch)?,
                Change::DropForeign { origin, .. } if *origin == self.agency => {
                    return Err(Error::Invalid("it drops own records as if they were a partner's"));
                }
                _ => {}
            }
        }
        self.encode(batch, numbered, entropy).map(Outcome::Write)
    }

    fn holds(&self, precondition: &Precondition) -> Result<bool> {
        let state = |record_id: &RecordId| {
            let state = self.state();
            state.rows.find(record_id).and_then(|row| state.rows.row(row).copied())
        };
        Ok(match precondition {
            Precondition::RecordAbsent(record_id) => state(record_id).is_none(),
            Precondition::RecordVersion(record_id, version) => {
                state(record_id).is_some_and(|row| row.is_live() && row.version == *version)
            }
            Precondition::NotWithdrawn(record_id) => {
                state(record_id).is_none_or(|row| row.state == RecordState::Live)
            }
            Precondition::Row { table, key, is } => {
                let value = self.row_value(*table, key)?;
                match is {
                    RowState::Absent => value.is_none(),
                    RowState::ValueHash(hash) => {
                        value.is_some_and(|value| crate::batch::value_hash(&value) == *hash)
                    }
                }
            }
        })
    }

    fn check_put(&self, put: &RecordPut, group: &mut Group) -> Result<Checked> {
        let state = self.state();
        let record = &put.record;
        match (state.ownership(&record.origin), &put.local, put.token) {
            (Ownership::Own, Some(local), None) => {
                if !record.commitment.opens(&local.salt, &local.x) {
                    return Err(Error::Invalid("a commitment that its own salt does not open"));
                }
            }
            (Ownership::Foreign, None, _) => {}
            (Ownership::Own, ..) => {
                return Err(Error::Invalid("an own record needs a local part and no token"));
            }
            (Ownership::Foreign, ..) => {
                return Err(Error::Invalid("a partner's record has no local part"));
            }
        }
        check_origin(&state, &record.origin)?;
        self.check_history(&state, put)?;
        let class = Arc::new(Class::of(record));
        let known = state.classes.number(&class);
        if let Some(number) = known.filter(|number| state.classes.is_live(*number)) {
            return Ok(Checked { class, number, is_new: false });
        }
        let known = known.or_else(|| group.classes.get(&class).copied());
        let next = || u32::try_from(state.classes.count() + group.classes.len()).unwrap_or(NONE);
        let number = known.unwrap_or_else(next);
        let owner = (class.origin.clone(), class.agreement.clone());
        let revived = group.revived.entry(owner).or_default();
        if !revived.contains(&number) && revived.len() >= state.classes.room(&class) {
            return Err(Error::TooManyClasses(domain::class::CLASSES_MAX));
        }
        revived.insert(number);
        if known.is_none() {
            group.classes.insert(Arc::clone(&class), number);
        }
        Ok(Checked { class, number, is_new: known.is_none() })
    }

    /// A version never goes back, a withdrawn id never comes back, nobody else's record is touched.
    fn check_history(&self, state: &State, put: &RecordPut) -> Result<()> {
        let record = &put.record;
        let Some(number) = state.rows.find(&record.record_id) else {
            return check_held(state, &record.record_id, &record.origin);
        };
        let Some(row) = state.rows.row(number) else {
            return Ok(());
        };
        if row.state == RecordState::Withdrawn {
            return Err(Error::Conflict(Conflict::Withdrawn(record.record_id)));
        }
        let same_owner = state.origin(row.origin) == Some(&record.origin);
        let agreement = state.classes.class(row.class).map(|class| &class.agreement);
        if !same_owner || agreement != Some(&record.agreement) {
            return Err(Error::Conflict(Conflict::Origin(record.record_id)));
        }
        if row.erased && (row.ownership() == Ownership::Own || record.version <= row.version) {
            return Err(Error::Conflict(Conflict::Erased(record.record_id)));
        }
        if record.version > row.version {
            return Ok(());
        }
        // The same record once more, as after a new view: harmless, and it may bring a token.
        let again = row.ownership() == Ownership::Foreign
            && record.version == row.version
            && self.payload_hash(&record.record_id)? == Some(put.envelope.payload_hash());
        if again { Ok(()) } else { Err(Error::Conflict(Conflict::Version(record.record_id))) }
    }

    /// Only what is or was here can be erased, and nothing that is under a legal hold.
    fn check_erasure(&self, record_ids: &[RecordId], batch: &Batch) -> Result<()> {
        let holds = |change: &Change| match change {
            Change::Put { table: Table::Hold, key, .. } => {
                crate::table::held_by(key).is_some_and(|(id, _)| record_ids.contains(&id))
            }
            _ => false,
        };
        if batch.changes.iter().any(holds) {
            return Err(Error::Invalid("it erases and holds one record"));
        }
        let state = self.state();
        for record_id in record_ids {
            if state.is_held(record_id) {
                return Err(Error::Conflict(Conflict::Held(*record_id)));
            }
            if state.rows.find(record_id).is_none() {
                return Err(Error::Conflict(Conflict::Unknown(*record_id)));
            }
        }
        Ok(())
    }

    fn check_withdrawal(&self, record_id: &RecordId, origin: &AgencyId) -> Result<()> {
        let state = self.state();
        check_origin(&state, origin)?;
        check_held(&state, record_id, origin)?;
        let row = state.rows.find(record_id).and_then(|row| state.rows.row(row));
        let fits = row.is_none_or(|row| state.origin(row.origin) == Some(origin));
        if fits { Ok(()) } else { Err(Error::Conflict(Conflict::Origin(*record_id))) }
    }
}

/// A record that was dropped while it was held is shown by its id: nobody else may take that id.
fn check_held(state: &State, record_id: &RecordId, origin: &AgencyId) -> Result<()> {
    let dropped = state.left.dropped_under_hold(record_id).and_then(|row| state.rows.row(row));
    let fits = dropped.is_none_or(|row| state.origin(row.origin) == Some(origin));
    if fits { Ok(()) } else { Err(Error::Conflict(Conflict::Origin(*record_id))) }
}

fn check_origin(state: &State, origin: &AgencyId) -> Result<()> {
    if state.takes_origin(origin) {
        return Ok(());
    }
    Err(Error::too_large("originators", ORIGINS_MAX as u64 + 1, ORIGINS_MAX as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Secrecy;

    #[test]
    fn a_batch_that_names_a_row_twice_is_refused() {
        let put = |key: &[u8]| Change::Put {
            table: Table::Cursor,
            key: key.to_vec(),
            value: Vec::new(),
            secrecy: Secrecy::Plain,
        };
        let once = Batch::new().with(put(b"a")).with(put(b"b"));
        assert_eq!(Touch::of(&once).check(), Ok(()));
        let delete = Change::Delete { table: Table::Cursor, key: b"a".to_vec() };
        assert!(Touch::of(&once.clone().with(put(b"a"))).check().is_err());
        assert!(Touch::of(&once.clone().with(delete)).check().is_err());
        let mut group = Group::default();
        Touch::of(&once).join(&mut group);
        assert!(Touch::of(&Batch::new().with(put(b"a"))).meets(&group));
        assert!(!Touch::of(&Batch::new().with(put(b"c"))).meets(&group));
        let reads = Batch::new().with(put(b"c")).provided(Precondition::Row {
            table: Table::Cursor,
            key: b"b".to_vec(),
            is: RowState::Absent,
        });
        assert!(Touch::of(&reads).meets(&group));
    }
}
