//! The duty list: who owes an answer, to whom, and since when; a row while it is owed and no longer.
//!
//! A duty is two rows: what it says, by who owes it and the record, so that an answer finds it; and an
//! empty one by when it is due, so that the list begins with what is overdue and counting it reads
//! nothing else.

use crate::error::DeskError;
use crate::holder::Place;
use crate::{Desk, put};
use domain::class::Class;
use domain::duty::{AnswerTimes, Asked, DUTY_BYTES_MAX, Debtor, Duty, OVERDUE_DUTIES_MAX};
use domain::encoding;
use domain::name::{AgencyId, AgreementId, ClassHandle, RecordId};
use domain::record::Version;
use domain::report::PAGE_MAX;
use domain::time::Timestamp;
use std::sync::PoisonError;
use store::{
    Batch, Change, Committed, Conflict, HitRow, PendingCommit, Precondition, RowState, Secrecy,
    Table,
};

/// The first byte of the key of what a duty says.
const BY_RECORD: u8 = 1;
/// The first byte of the key of when it is due.
const BY_DUE: u8 = 2;
/// Acknowledgements that partners owe.
const TO_ACKNOWLEDGE: u8 = b'a';
/// Answers to disputes that partners owe.
const TO_ANSWER_US: u8 = b'd';
/// Answers to disputes that we owe.
const TO_ANSWER: u8 = b'o';
/// Remedies that we owe.
const TO_REMEDY: u8 = b'r';
/// Reviews that we owe.
const TO_REVIEW: u8 = b'v';
/// The length of the instant in the key of when a duty is due, and of the byte before it.
const DUE_BYTES: usize = 9;
/// How many duties are looked at, and settled, at a time.
const SETTLED_AT_ONCE: usize = 512;
/// How often a batch is put together anew because a duty changed meanwhile.
pub(crate) const TRIES_MAX: usize = 8;

/// A change that those who hold the record have to acknowledge.
pub(crate) struct Owed<'a> {
    /// The record.
    pub(crate) record_id: RecordId,
    /// Its class before the change.
    pub(crate) class: &'a Class,
    /// Its row before the change.
    pub(crate) row: &'a HitRow,
    /// What is asked.
    pub(crate) asked: Asked,
    /// The version after a correction.
    pub(crate) version: Option<Version>,
}

/// Where a page of duties begins: after the one with this place.
pub type DutyPlace = Vec<u8>;

impl Desk {
    /// How long there is to answer under an agreement. None sets it yet.
    pub(crate) const fn answer_times(&self, _agreement: &AgreementId) -> AnswerTimes {
        self.answer_times
    }

    /// Commits a change of an own record, with a duty for each partner that holds it.
    pub(crate) async fn commit_owed(
        &self,
        batch: Batch,
        owed: &Owed<'_>,
        now: Timestamp,
    ) -> Result<Committed, DeskError> {
        let mut tries = 0;
        loop {
            let pending = self.hand_over_owed(batch.clone(), owed, now)?;
            match pending.await {
                // A partner answered something older in the same instant.
                Err(store::Error::Conflict(conflict))
                    if is_about_a_duty(&conflict) && tries < TRIES_MAX =>
                {
                    tries += 1;
                }
                committed => return Ok(committed?),
            }
        }
    }

    fn hand_over_owed(
        &self,
        batch: Batch,
        owed: &Owed<'_>,
        now: Timestamp,
    ) -> Result<PendingCommit, DeskError> {
        let agreement = &owed.class.agreement;
        let times = self.answer_times(agreement);
        let known = self.agreement(agreement);
        let parties = known.iter().flat_map(|known| &known.parties);
        let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = batch;
        for party in parties.filter(|party| party.agency != self.own) {
            let place = owed.row.logged.map(|at| Place { agreement, class: owed.class.hash(), at });
            let handle = match &place {
                Some(place) => self.was_sent(&mut kept, &party.agency, place)?,
                None => None,
            };
            let open = self.duty(TO_ACKNOWLEDGE, &party.agency, agreement, &owed.record_id)?;
            // Whoever has not answered the change before holds an older version.
            let open = open.filter(|open| handle.is_some() || open.kept_until.is_none());
            if handle.is_none() && open.is_none() {
                continue;
            }
            let since = open.as_ref().map_or(now, |open| open.since);
            let duty = Duty {
                debtor: Debtor::Partner,
                agency: party.agency.clone(),
                agreement: agreement.clone(),
                record_id: owed.record_id,
                asked: owed.asked,
                version: owed.version,
                since,
                due: since.plus_ms(times.acknowledgement_ms),
                handle: handle.or_else(|| open.as_ref().and_then(|open| open.handle)),
                kept_until: None,
            };
            batch = replaced(batch, open.as_ref(), Some(&duty));
        }
        Ok(self.store.commit(batch))
    }

    /// Does a partner hold an own record, in this version or an older one?
    pub(crate) fn is_holder(
        &self,
        peer: &AgencyId,
        record_id: &RecordId,
        class: &Class,
        row: &HitRow,
    ) -> Result<bool, DeskError> {
        let agreement = &class.agreement;
        if self.duty(TO_ACKNOWLEDGE, peer, agreement, record_id)?.is_some() {
            return Ok(true);
        }
        let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        if self.was_sent_alone(&mut kept, peer, agreement, record_id)? {
            return Ok(true);
        }
        let Some(at) = row.logged else { return Ok(false) };
        let place = Place { agreement, class: class.hash(), at };
        Ok(self.was_sent(&mut kept, peer, &place)?.is_some())
    }

    /// What a partner has to acknowledge about a record.
    pub(crate) fn owed_by(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        record_id: &RecordId,
    ) -> Result<Option<Duty>, DeskError> {
        self.duty(TO_ACKNOWLEDGE, peer, agreement, record_id)
    }

    /// Settles what a partner owes about records of classes that it dropped whole (R4): it holds
    /// nothing of them. No handle stands for all that are not granted to it now.
    pub(crate) async fn settle_dropped(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        handles: &[ClassHandle],
    ) -> Result<(), DeskError> {
        let granted = self.handles_granted(peer, agreement)?;
        let is_dropped = |handle: &ClassHandle| match handles {
            [] => !granted.contains(handle),
            handles => handles.contains(handle) && !granted.contains(handle),
        };
        let prefix = tail_prefix(TO_ACKNOWLEDGE, peer, agreement);
        let prefix = [&[BY_RECORD], prefix.as_slice()].concat();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::Duty, &prefix, after.as_deref(), SETTLED_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = Some(last.clone());
            let mut batch = Batch::new();
            for (_, value) in rows {
                let duty = decode(&value)?;
                if duty.handle.as_ref().is_some_and(is_dropped) {
                    batch = replaced(batch, Some(&duty), None);
                }
            }
            match batch.changes.is_empty() {
                true => {}
                // What changed meanwhile is owed anew, and settled by its own answer.
                false => match self.store.commit(batch).await {
                    Ok(_) | Err(store::Error::Conflict(_)) => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    /// A page of duties, the most overdue first, after the one at that place; at most [`PAGE_MAX`].
    /// Beside each its own place.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn list_duties(&self, after: Option<&[u8]>) -> Result<Vec<(DutyPlace, Duty)>, DeskError> {
        let after = after.map(|after| [&[BY_DUE], after].concat());
        let rows = self.store.scan(Table::Duty, &[BY_DUE], after.as_deref(), PAGE_MAX)?;
        let mut duties = Vec::with_capacity(rows.len());
        for (key, _) in rows {
            let tail = key.get(DUE_BYTES..).unwrap_or_default();
            let by_record = [&[BY_RECORD], tail].concat();
            // One that was settled since the rows were read.
            let Some(value) = self.store.get(Table::Duty, &by_record)? else { continue };
            let place = key.get(1..).unwrap_or_default().to_vec();
            duties.push((place, decode(&value)?));
        }
        Ok(duties)
    }

    /// How many duties are overdue, at most [`OVERDUE_DUTIES_MAX`].
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn overdue_duties(&self) -> Result<u64, DeskError> {
        let now = self.now().as_millis();
        let rows = self.store.scan(Table::Duty, &[BY_DUE], None, OVERDUE_DUTIES_MAX)?;
        let is_overdue = |(key, _): &(Vec<u8>, Vec<u8>)| {
            let due = key.get(1..DUE_BYTES).and_then(|due| due.try_into().ok());
            due.is_some_and(|due| u64::from_be_bytes(due) <= now)
        };
        Ok(rows.iter().take_while(|row| is_overdue(row)).count() as u64)
    }

    /// Whether an answer to a dispute is owed, by a partner to us or by us to it.
    pub(crate) fn owed_answer(
        &self,
        debtor: Debtor,
        agency: &AgencyId,
        agreement: &AgreementId,
        record_id: &RecordId,
    ) -> Result<Option<Duty>, DeskError> {
        let kind = if debtor == Debtor::Partner { TO_ANSWER_US } else { TO_ANSWER };
        self.duty(kind, agency, agreement, record_id)
    }

    /// What we owe about an own record since a dispute was upheld.
    pub(crate) fn owed_remedy(
        &self,
        agreement: &AgreementId,
        record_id: &RecordId,
    ) -> Result<Option<Duty>, DeskError> {
        self.duty(TO_REMEDY, &self.own, agreement, record_id)
    }

    /// The review of an own record that is on the list.
    pub(crate) fn owed_review(&self, asked: &Duty) -> Result<Option<Duty>, DeskError> {
        self.duty(TO_REVIEW, &self.own, &asked.agreement, &asked.record_id)
    }

    /// The reviews that are on the list, until `stop` says that it is enough.
    pub(crate) fn open_reviews(
        &self,
        stop: Option<&(dyn Fn() -> bool + Sync)>,
    ) -> Result<Vec<Duty>, DeskError> {
        let prefix = [BY_RECORD, TO_REVIEW];
        let (mut duties, mut after) = (Vec::new(), None::<Vec<u8>>);
        while !stop.is_some_and(|stop| stop()) {
            let rows = self.store.scan(Table::Duty, &prefix, after.as_deref(), SETTLED_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            for (_, value) in rows {
                duties.push(decode(&value)?);
            }
        }
        Ok(duties)
    }

    fn duty(
        &self,
        kind: u8,
        agency: &AgencyId,
        agreement: &AgreementId,
        record_id: &RecordId,
    ) -> Result<Option<Duty>, DeskError> {
        let key = [&[BY_RECORD], tail(kind, agency, agreement, record_id).as_slice()].concat();
        self.store.get(Table::Duty, &key)?.map(|value| decode(&value)).transpose()
    }
}

/// Writes a duty in the place of what was owed before, or settles it; only if that is still what is
/// owed.
pub(crate) fn replaced(batch: Batch, before: Option<&Duty>, after: Option<&Duty>) -> Batch {
    let mut batch = batch;
    let key = |duty: &Duty| [&[BY_RECORD], tail_of(duty).as_slice()].concat();
    if let Some(row) = before.or(after) {
        let is = before.map_or(RowState::Absent, |before| {
            RowState::ValueHash(store::value_hash(&encoding::to_bytes(before)))
        });
        batch = batch.provided(Precondition::Row { table: Table::Duty, key: key(row), is });
    }
    let same_due = before.zip(after).is_some_and(|(before, after)| before.due == after.due);
    if let Some(before) = before {
        if !same_due {
            batch = batch.with(Change::Delete { table: Table::Duty, key: due_key(before) });
        }
        if after.is_none() {
            batch = batch.with(Change::Delete { table: Table::Duty, key: key(before) });
        }
    }
    if let Some(after) = after {
        let value = encoding::to_bytes(after);
        batch = batch.with(put(Table::Duty, &key(after), value, Secrecy::Plain));
        if !same_due {
            batch = batch.with(put(Table::Duty, &due_key(after), Vec::new(), Secrecy::Plain));
        }
    }
    batch
}

/// Did a batch fail because another duty is owed by now than the one it was made for?
pub(crate) fn is_about_a_duty(conflict: &Conflict) -> bool {
    let Conflict::Precondition(_, precondition) = conflict else { return false };
    matches!(**precondition, Precondition::Row { table: Table::Duty, .. })
}

fn due_key(duty: &Duty) -> Vec<u8> {
    [&[BY_DUE], duty.due.as_millis().to_be_bytes().as_slice(), &tail_of(duty)].concat()
}

fn tail_of(duty: &Duty) -> Vec<u8> {
    let kind = match (duty.debtor, duty.asked) {
        (_, Asked::Withdrawal | Asked::Correction | Asked::Erasure) => TO_ACKNOWLEDGE,
        (Debtor::Partner, Asked::DisputeAnswer) => TO_ANSWER_US,
        (Debtor::Ourselves, Asked::DisputeAnswer) => TO_ANSWER,
        (_, Asked::Remedy) => TO_REMEDY,
        (_, Asked::Review) => TO_REVIEW,
    };
    tail(kind, &duty.agency, &duty.agreement, &duty.record_id)
}

fn tail(kind: u8, agency: &AgencyId, agreement: &AgreementId, record_id: &RecordId) -> Vec<u8> {
    [tail_prefix(kind, agency, agreement).as_slice(), record_id.as_bytes()].concat()
}

fn tail_prefix(kind: u8, agency: &AgencyId, agreement: &AgreementId) -> Vec<u8> {
    [&[kind], agency.as_str().as_bytes(), b"/", agreement.as_str().as_bytes(), b"/"].concat()
}

fn decode(value: &[u8]) -> Result<Duty, DeskError> {
    Ok(encoding::from_bytes("duty", value, DUTY_BYTES_MAX)?)
}
