//! Erasing: an officer has what a record says forgotten here; its id and the log's entries remain.

use crate::Desk;
use crate::error::DeskError;
use domain::duty::Asked;
use domain::event::{Act, Event};
use domain::name::{AgencyId, HoldId, OfficerId, RecordId};
use domain::refusal::{Refusal, RefusalCode};
use domain::report::ErasureReceipt;
use store::{Batch, Change, Conflict, Erased, HitRow, Ownership, Table, Withdrawn};

/// What came of erasing one record.
pub type ErasureOutcome = Result<ErasureReceipt, Refusal>;

/// How many records that begin alike are looked at.
const ALIKE_MAX: usize = 64;

impl Desk {
    /// The one record, own or a copy, whose id begins with these bytes. Costs one pass over all rows
    /// in memory, unless the id is whole.
    ///
    /// # Errors
    /// [`RefusalCode::NotHeld`] if there is none, [`RefusalCode::Malformed`] if there are several.
    pub fn find_record(&self, first_bytes: &[u8]) -> Result<RecordId, DeskError> {
        self.find_such(first_bytes, |_| true)
    }

    /// The one record of that kind whose id begins with these bytes.
    pub(crate) fn find_such(
        &self,
        first_bytes: &[u8],
        is_wanted: impl Fn(&HitRow) -> bool,
    ) -> Result<RecordId, DeskError> {
        if let Ok(record_id) = RecordId::try_from(first_bytes) {
            return Ok(record_id);
        }
        let wanted =
            |record_id: &RecordId| self.store.hit_row(record_id).is_some_and(|row| is_wanted(&row));
        let mut found = self.store.find(first_bytes, ALIKE_MAX).into_iter().filter(wanted);
        let record_id = found.next().ok_or(RefusalCode::NotHeld)?;
        if found.next().is_some() { Err(RefusalCode::Malformed.into()) } else { Ok(record_id) }
    }

    /// Erases records here, each on its own. An own record that partners may hold is withdrawn first,
    /// so that they are told. Their bytes leave the disk with the next compaction.
    ///
    /// # Errors
    /// A store that fails. A refusal is not an error: it is the outcome of one record.
    pub async fn erase(
        &self,
        officer: &OfficerId,
        records: &[Vec<u8>],
        reason: &str,
    ) -> Result<Vec<ErasureOutcome>, DeskError> {
        let mut outcomes = Vec::with_capacity(records.len());
        for first_bytes in records {
            let erased = match self.find_record(first_bytes) {
                Ok(record_id) => self.erase_one(officer, record_id, reason).await,
                Err(error) => Err(error),
            };
            outcomes.push(match erased {
                Ok(receipt) => Ok(receipt),
                Err(DeskError::Refused(refusal)) => {
                    self.note_kept(officer, first_bytes, &refusal).await?;
                    Err(refusal)
                }
                Err(error) => return Err(error),
            });
        }
        Ok(outcomes)
    }

    async fn erase_one(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        reason: &str,
    ) -> Result<ErasureReceipt, DeskError> {
        let row = self.store.hit_row(&record_id).ok_or(RefusalCode::NotHeld)?;
        if row.erased == Erased::Yes {
            return Err(RefusalCode::Erased.into());
        }
        if let Some(hold) = self.hold_on(&record_id)? {
            return Err(under_hold(&hold).into());
        }
        let entry = row.class.and_then(|number| self.store.class(number));
        let class = entry.ok_or(RefusalCode::NotHeld)?.class;
        let told = self.tell_first(officer, record_id, &row).await?;
        let mut event = Event::new(self.now(), Act::Erased);
        event.shared.agreement = Some(class.agreement.clone());
        event.shared.count = 1;
        event.local.officer = Some(officer.clone());
        event.local.records = vec![record_id];
        event.local.note = Some(reason.to_owned());
        let mut batch = Batch::new().with(Change::Erase { record_ids: vec![record_id] });
        for key in self.superseded_keys(&record_id)? {
            batch = batch.with(Change::Delete { table: Table::Superseded, key });
        }
        let committed = match self.store.commit(batch.saying(event)).await {
            // A hold that was placed in the same instant wins.
            Err(store::Error::Conflict(Conflict::Held(_))) => {
                let hold = self.hold_on(&record_id)?;
                let refusal = hold.map_or(RefusalCode::UnderHold.into(), |hold| under_hold(&hold));
                return Err(refusal.into());
            }
            Err(store::Error::Conflict(_)) => return Err(RefusalCode::Erased.into()),
            committed => committed?,
        };
        let origin = class.origin.clone();
        Ok(ErasureReceipt { record_id, origin, told, audit_sequence: committed.seq })
    }

    /// Partners that may hold a record of ours are told before it is forgotten here.
    async fn tell_first(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        row: &HitRow,
    ) -> Result<Vec<AgencyId>, DeskError> {
        if row.origin == Ownership::Foreign || row.withdrawn == Withdrawn::Yes {
            return Ok(Vec::new());
        }
        match self.withdraw_for(officer, record_id, Asked::Erasure).await {
            Ok(receipt) => Ok(receipt.partners),
            // Somebody else withdrew it in the same instant.
            Err(DeskError::Refused(refusal)) if refusal.code == RefusalCode::Withdrawn => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn note_kept(
        &self,
        officer: &OfficerId,
        first_bytes: &[u8],
        refusal: &Refusal,
    ) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::ErasureRefused);
        event.local.officer = Some(officer.clone());
        event.local.code = Some(refusal.code);
        event.local.rule.clone_from(&refusal.rule);
        event.local.records = RecordId::try_from(first_bytes).into_iter().collect();
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }
}

/// Names the hold as people type it.
fn under_hold(hold: &HoldId) -> Refusal {
    let digits: String = hold.to_string().chars().take(8).collect();
    Refusal::by_rule(RefusalCode::UnderHold, &format!("hold H-{digits}"))
}
