//! Upkeep: what time has ended is erased, a bounded batch at a time, each with its entry in the log.

use crate::Desk;
use crate::error::DeskError;
use crate::query::HIT_BYTES_MAX;
use domain::encoding;
use domain::event::{Act, EVENT_RECORDS_MAX, Event};
use domain::name::{AgencyId, AgreementId, RecordId};
use domain::report::{Hit, OVERDUE_COUNTED_MAX, PAGE_MAX};
use domain::time::Timestamp;
use store::{Batch, Change, Erased, Ownership, Precondition, RowState, Table, Withdrawn};

/// The most records that one batch erases.
const ERASED_AT_ONCE: usize = 256;
/// The most rows that one batch deletes beside its records.
const DELETED_AT_ONCE: usize = 2048;
/// How often a batch is put together anew because a hold was placed meanwhile.
const TRIES_MAX: usize = 8;
/// How long an approval is kept after its end, in days: long enough that a partner that was away is told
/// of a change to what it got by it.
const APPROVAL_KEPT_DAYS: u32 = 30;
/// What is due longer than this is overdue, in milliseconds.
const OVERDUE_MS: u64 = Timestamp::DAY_MS;

const _: () = assert!(PAGE_MAX <= EVENT_RECORDS_MAX, "an event names all of them");
const _: () = assert!(ERASED_AT_ONCE <= EVENT_RECORDS_MAX, "an event names all of them");

impl Desk {
    /// Erases what has expired and is under no hold. Returns how many records; ends early, with what
    /// was done, when `stop` says so.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn expire(&self, stop: &(dyn Fn() -> bool + Sync)) -> Result<u64, DeskError> {
        let mut erased = 0_u64;
        let mut tries = 0;
        while !stop() {
            let now = self.now();
            let mut due = self.store.expired(now, ERASED_AT_ONCE);
            if due.is_empty() {
                break;
            }
            let batch = self.expiry(&mut due, now)?;
            match self.store.commit(batch).await {
                Ok(_) => erased = erased.saturating_add(due.len() as u64),
                // A hold was placed, or an officer erased one, since the list was made.
                Err(store::Error::Conflict(_)) if tries < TRIES_MAX => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(erased)
    }

    /// Forgets matches with records that are gone - withdrawn, purged or erased, and under no hold -
    /// and matches of live answers whose case is closed: nobody tells us when such a record is gone.
    /// Returns how many; ends early when `stop` says so.
    ///
    /// # Errors
    /// A store that fails or is damaged.
    pub async fn forget_matches(&self, stop: &(dyn Fn() -> bool + Sync)) -> Result<u64, DeskError> {
        let mut forgotten = 0_u64;
        let mut after: Option<Vec<u8>> = None;
        while !stop() {
            let rows = self.store.scan(Table::Hit, &[], after.as_deref(), PAGE_MAX)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            let mut gone = Gone::default();
            for (key, value) in rows {
                let hit: Hit = encoding::from_bytes("hit", &value, HIT_BYTES_MAX)?;
                if self.is_forgotten(&hit)? {
                    gone.add(key, hit.record_id);
                }
            }
            forgotten = forgotten.saturating_add(self.forget(gone, None).await?);
        }
        Ok(forgotten)
    }

    /// Forgets what a partner answered live under an agreement: its records are to be erased here.
    ///
    /// # Errors
    /// A store that fails or is damaged.
    pub(crate) async fn forget_answers(
        &self,
        origin: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<u64, DeskError> {
        let mut forgotten = 0_u64;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::Hit, &[], after.as_deref(), PAGE_MAX)?;
            let Some((last, _)) = rows.last() else { return Ok(forgotten) };
            after = Some(last.clone());
            let mut gone = Gone::default();
            for (key, value) in rows {
                let hit: Hit = encoding::from_bytes("hit", &value, HIT_BYTES_MAX)?;
                if hit.origin != *origin || hit.record_id.is_some() {
                    continue;
                }
                let case = hit.case.map_or(Ok(None), |case| self.case_of(&case))?;
                if case.is_none_or(|case| case.agreement == *agreement) {
                    gone.add(key, None);
                }
            }
            forgotten = forgotten.saturating_add(self.forget(gone, Some(origin)).await?);
        }
    }

    /// Deletes matches, with one entry for all of them.
    async fn forget(&self, gone: Gone, origin: Option<&AgencyId>) -> Result<u64, DeskError> {
        let Gone { keys, records } = gone;
        let count = keys.len();
        if count == 0 {
            return Ok(0);
        }
        let mut event = Event::new(self.now(), Act::MatchesForgotten);
        event.shared.count = u32::try_from(count).unwrap_or(u32::MAX);
        event.shared.peer = origin.cloned();
        event.local.records = records;
        let deleted = keys.into_iter().map(|key| Change::Delete { table: Table::Hit, key });
        self.store.commit(deleted.fold(Batch::new(), Batch::with).saying(event)).await?;
        Ok(count as u64)
    }

    fn is_forgotten(&self, hit: &Hit) -> Result<bool, DeskError> {
        match (&hit.record_id, &hit.case) {
            (Some(record), _) => Ok(self.is_gone(record) && self.hold_on(record)?.is_none()),
            (None, Some(case)) => {
                Ok(self.case_of(case)?.is_none_or(|case| case.open_until <= self.now()))
            }
            (None, None) => Ok(true),
        }
    }

    /// Forgets approvals of our own people that ended a month ago, and what partners approved for us of
    /// records that are gone. The entries of the log stay. Returns how many; ends early when `stop` says
    /// so.
    ///
    /// # Errors
    /// A store that fails or is damaged.
    pub async fn forget_approvals(
        &self,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64, DeskError> {
        let before = self.now().minus_ms(u64::from(APPROVAL_KEPT_DAYS) * Timestamp::DAY_MS);
        let own = self.forget_approvals_before(before, stop).await?;
        Ok(own.saturating_add(self.forget_received_approvals(stop).await?))
    }

    /// Forgets approvals of our own people that ended before this instant.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn forget_approvals_before(
        &self,
        before: Timestamp,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64, DeskError> {
        let mut forgotten = 0_u64;
        while !stop() {
            let ended = self.approvals_ended_before(before, ERASED_AT_ONCE);
            if ended.is_empty() {
                break;
            }
            self.delete_approvals(&ended).await?;
            forgotten = forgotten.saturating_add(ended.len() as u64);
        }
        Ok(forgotten)
    }

    async fn forget_received_approvals(
        &self,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64, DeskError> {
        let mut forgotten = 0_u64;
        let mut after: Option<Vec<u8>> = None;
        while !stop() {
            let Some(stale) = self.received_of_nothing(after.as_deref())? else { break };
            after = Some(stale.last);
            let mut batch = Batch::new();
            let gone = stale.gone.len() as u64;
            for (key, hash) in stale.gone {
                let is = RowState::ValueHash(hash);
                let there = Precondition::Row { table: Table::Approval, key: key.clone(), is };
                let delete = Change::Delete { table: Table::Approval, key };
                batch = batch.provided(there).with(delete);
            }
            if gone == 0 {
                continue;
            }
            match self.store.commit(batch).await {
                Ok(_) => forgotten = forgotten.saturating_add(gone),
                // One of them came again meanwhile: the next upkeep looks at them.
                Err(store::Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(forgotten)
    }

    fn is_gone(&self, record_id: &RecordId) -> bool {
        self.store
            .hit_row(record_id)
            .is_none_or(|row| row.withdrawn == Withdrawn::Yes || row.erased == Erased::Yes)
    }

    /// Records that should have been erased a day ago, at most [`OVERDUE_COUNTED_MAX`].
    pub fn overdue(&self) -> u64 {
        let before = self.now().minus_ms(OVERDUE_MS);
        self.store.expired(before, OVERDUE_COUNTED_MAX).len() as u64
    }

    /// One batch for as many of them as fit; the others are taken off the list.
    fn expiry(&self, due: &mut Vec<RecordId>, now: Timestamp) -> Result<Batch, DeskError> {
        let mut keys = Vec::new();
        let mut fitting = 0;
        for record_id in due.iter() {
            let row = self.store.hit_row(record_id);
            if row.is_some_and(|row| row.origin == Ownership::Own) {
                keys.extend(self.superseded_keys(record_id)?);
            }
            fitting += 1;
            if keys.len() >= DELETED_AT_ONCE {
                break;
            }
        }
        due.truncate(fitting);
        let mut event = Event::new(now, Act::Expired);
        event.shared.count = u32::try_from(due.len()).unwrap_or(u32::MAX);
        event.local.records.clone_from(due);
        let batch = Batch::new().with(Change::Erase { record_ids: due.clone() }).saying(event);
        let deleted = keys.into_iter().map(|key| Change::Delete { table: Table::Superseded, key });
        Ok(deleted.fold(batch, Batch::with))
    }
}

/// Matches to be forgotten, and the records they were about that were held here.
#[derive(Default)]
struct Gone {
    keys: Vec<Vec<u8>>,
    records: Vec<RecordId>,
}

impl Gone {
    fn add(&mut self, key: Vec<u8>, record_id: Option<RecordId>) {
        self.keys.push(key);
        self.records.extend(record_id);
    }
}
