//! Legal holds: what is needed in a proceeding is kept for it, whatever time and its origin do.

use crate::correct::past_version;
use crate::error::DeskError;
use crate::{Desk, put};
use domain::correction::{PastVersion, differences};
use domain::encoding;
use domain::envelope::Payload as _;
use domain::event::{Act, Event};
use domain::hold::{
    HELD_OLDER_MAX, HOLD_BYTES_MAX, HOLD_REVIEW_DAYS_MAX, HOLDS_MAX, HeldReading, HeldState, Hold,
    HoldOrder, HoldReceipt, HoldStanding,
};
use domain::name::{AgencyId, HoldId, OfficerId, RecordId};
use domain::record::{Record, Statement, Version};
use domain::refusal::RefusalCode;
use domain::report::PAGE_MAX;
use domain::time::Timestamp;
use policy::Held;
use std::sync::Arc;
use store::{Batch, Change, Precondition, RowState, Secrecy, StoredRecord, Table, Withdrawn};
use zeroize::Zeroizing;

/// The length of a record id and a hold id beside each other, in bytes.
const KEY_BYTES: usize = RecordId::BYTES + HoldId::BYTES;

impl Desk {
    /// Places a hold on an own record or a copy of a partner's, for the proceeding of an open case.
    ///
    /// # Errors
    /// A refusal: nothing of the record is held here, no open case of its agreement, a review that is
    /// not within [`HOLD_REVIEW_DAYS_MAX`] days, more than [`HOLDS_MAX`] holds. A failing store.
    pub async fn place_hold(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        order: HoldOrder,
    ) -> Result<HoldReceipt, DeskError> {
        let now = self.now();
        let held = self.kept_record(&record_id)?.ok_or(RefusalCode::NotHeld)?;
        let class = Arc::clone(held.class());
        let case = self.open_case_of(&order.case)?;
        if case.agreement != class.agreement {
            return Err(RefusalCode::NoCase.into());
        }
        if order.review_at <= now || order.review_at > now.plus_days(HOLD_REVIEW_DAYS_MAX) {
            return Err(RefusalCode::RetentionImpossible.into());
        }
        if self.all_holds()?.len() >= HOLDS_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let hold_id = HoldId::from_bytes(self.entropy.bytes());
        let hold = Hold {
            hold_id,
            record_id,
            origin: class.origin.clone(),
            agreement: class.agreement.clone(),
            case: order.case,
            reason: order.reason,
            authority: order.authority,
            review_at: order.review_at,
            placed_at: now,
            placed_by: officer.clone(),
            ground: order.ground,
        };
        let key = key_of(&hold);
        let free = Precondition::Row { table: Table::Hold, key: key.clone(), is: RowState::Absent };
        let batch = Batch::new()
            .provided(free)
            .with(put(Table::Hold, &key, encoding::to_bytes(&hold), Secrecy::Sealed))
            .saying(hold_event(Act::HoldPlaced, officer, &hold, now));
        let committed = self.store.commit(batch).await?;
        self.keep_apart(&hold).await?;
        if self.kept_record(&record_id)?.is_none() {
            // It was erased in the same instant: a hold on nothing would promise what is not there.
            self.take_away(officer, &hold, "its record was erased in the same instant").await?;
            return Err(RefusalCode::NotHeld.into());
        }
        Ok(HoldReceipt { hold_id, record_id, audit_sequence: committed.seq })
    }

    /// A page of holds by record, after the one with this record and hold; at most [`PAGE_MAX`].
    ///
    /// # Errors
    /// A failing or damaged store.
    pub async fn list_holds(
        &self,
        officer: &OfficerId,
        after: Option<(RecordId, HoldId)>,
    ) -> Result<Vec<HoldStanding>, DeskError> {
        let after = after.map(|(record, hold)| [*record.as_bytes(), *hold.as_bytes()].concat());
        let rows = self.store.scan(Table::Hold, &[], after.as_deref(), PAGE_MAX)?;
        let now = self.now();
        let listed = rows.into_iter().map(|(_, value)| Ok(self.standing(decode(value)?, now)));
        let listed = listed.collect::<Result<Vec<_>, DeskError>>()?;
        let mut event = Event::new(now, Act::HoldsListed);
        event.shared.count = u32::try_from(listed.len()).unwrap_or(u32::MAX);
        event.local.officer = Some(officer.clone());
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(listed)
    }

    /// How many holds are due for review.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn reviews_due(&self) -> Result<u64, DeskError> {
        let now = self.now();
        let due = self.all_holds()?.into_iter().filter(|hold| hold.review_at <= now);
        Ok(due.count() as u64)
    }

    /// Reads a record under its hold, for the proceeding that the hold is for. The reading is an entry
    /// of the log before anything is shown.
    ///
    /// # Errors
    /// A refusal: no such hold, or the case that it is for is closed. A failing or damaged store.
    pub async fn read_hold(
        &self,
        officer: &OfficerId,
        first_bytes: &[u8],
    ) -> Result<HeldReading, DeskError> {
        let now = self.now();
        let hold = self.find_hold(first_bytes)?;
        self.open_case_of(&hold.case)?;
        let held = self.kept_record(&hold.record_id)?.ok_or(RefusalCode::NotHeld)?;
        let stored = self.inspect(held)?;
        let record = Record::from_payload(&stored.envelope.payload)?;
        let hold_record = hold.record_id;
        let event = hold_event(Act::HoldRead, officer, &hold, now);
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(HeldReading {
            standing: self.standing(hold, now),
            version: record.version,
            made_at: record.made_at,
            says: differences(None, record.statement()),
            older: self.older_versions(&hold_record, record.version)?,
        })
    }

    /// What is kept of a record beside the version that is shown, the oldest first.
    fn older_versions(
        &self,
        record_id: &RecordId,
        shown: Version,
    ) -> Result<Vec<PastVersion>, DeskError> {
        let mut versions = Vec::new();
        let mut before: Option<Statement> = None;
        for held in self.store.held_versions(record_id)?.into_iter().rev() {
            let stored = self.inspect(held)?;
            if stored.version >= shown {
                break;
            }
            let statement = Record::from_payload(&stored.envelope.payload)?.into_statement();
            versions.push(past_version(before.as_ref(), &statement, None, None));
            before = Some(statement);
        }
        Ok(versions.split_off(versions.len().saturating_sub(HELD_OLDER_MAX)))
    }

    /// Lifts a hold: from now on time and the origin take their course with the record again. What
    /// the hold said goes with it; why it was lifted stays in the log.
    ///
    /// # Errors
    /// A refusal if there is no such hold, or several that begin so; a failing store.
    pub async fn lift_hold(
        &self,
        officer: &OfficerId,
        first_bytes: &[u8],
        reason: &str,
    ) -> Result<HoldReceipt, DeskError> {
        let hold = self.find_hold(first_bytes)?;
        let audit_sequence = self.take_away(officer, &hold, reason).await?;
        Ok(HoldReceipt { hold_id: hold.hold_id, record_id: hold.record_id, audit_sequence })
    }

    async fn take_away(
        &self,
        officer: &OfficerId,
        hold: &Hold,
        reason: &str,
    ) -> Result<u64, DeskError> {
        let key = key_of(hold);
        let mut event = hold_event(Act::HoldLifted, officer, hold, self.now());
        event.local.note = Some(format!("hold {}: {reason}", hold.hold_id));
        let is = RowState::ValueHash(store::batch::value_hash(&encoding::to_bytes(hold)));
        let there = Precondition::Row { table: Table::Hold, key: key.clone(), is };
        let change = Change::Delete { table: Table::Hold, key };
        let batch = Batch::new().provided(there).with(change).saying(event);
        let left = self.holds_on(&hold.record_id)?.into_iter();
        let left = left.filter(|other| other.hold_id != hold.hold_id);
        let kept_until = left.map(|other| other.review_at).max();
        match self.store.commit(self.acknowledging_hold(batch, hold, kept_until)).await {
            // Somebody else lifted it in the same instant: one act, one entry.
            Err(store::Error::Conflict(_)) => Err(RefusalCode::NotHeld.into()),
            committed => Ok(committed?.seq),
        }
    }

    /// The first hold on a record; `None` if nothing keeps it from being erased.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub(crate) fn hold_on(&self, record_id: &RecordId) -> Result<Option<HoldId>, DeskError> {
        let rows = self.store.scan(Table::Hold, record_id.as_bytes(), None, 1)?;
        let hold = rows.into_iter().next().map(|(_, value)| decode(value)).transpose()?;
        Ok(hold.map(|hold| hold.hold_id))
    }

    /// Until when a person has to look again at what is kept of an originator's record; `None` if
    /// nothing is, or it is somebody else's record of that id.
    pub(crate) fn kept_until(
        &self,
        record_id: &RecordId,
        origin: &AgencyId,
    ) -> Result<Option<Timestamp>, DeskError> {
        let holds = self.holds_on(record_id)?.into_iter();
        let of_origin = holds.filter(|hold| hold.origin == *origin);
        Ok(of_origin.map(|hold| hold.review_at).max())
    }

    /// Every hold on a record.
    pub(crate) fn holds_on(&self, record_id: &RecordId) -> Result<Vec<Hold>, DeskError> {
        let rows = self.store.scan(Table::Hold, record_id.as_bytes(), None, HOLDS_MAX)?;
        rows.into_iter().map(|(_, value)| decode(value)).collect()
    }

    /// What a new hold keeps of a record that its origin took back already is told to the origin.
    async fn keep_apart(&self, hold: &Hold) -> Result<(), DeskError> {
        let kept_until = self.kept_until(&hold.record_id, &hold.origin)?;
        let batch = self.acknowledging_hold(Batch::new(), hold, kept_until);
        if !batch.changes.is_empty() {
            self.store.commit(batch).await?;
        }
        Ok(())
    }

    /// The one hold whose id begins with these bytes.
    fn find_hold(&self, first_bytes: &[u8]) -> Result<Hold, DeskError> {
        let holds = self.all_holds()?.into_iter();
        let mut found = holds.filter(|hold| hold.hold_id.as_bytes().starts_with(first_bytes));
        let hold = found.next().ok_or(RefusalCode::NotHeld)?;
        if found.next().is_some() { Err(RefusalCode::Malformed.into()) } else { Ok(hold) }
    }

    pub(crate) fn all_holds(&self) -> Result<Vec<Hold>, DeskError> {
        let rows = self.store.scan(Table::Hold, &[], None, HOLDS_MAX)?;
        rows.into_iter().map(|(_, value)| decode(value)).collect()
    }

    /// A record whose bytes are still here: in use, or under a hold.
    fn kept_record(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>, DeskError> {
        match self.store.held_record(record_id)? {
            Some(held) => Ok(Some(held)),
            None => Ok(self.store.record(record_id)?),
        }
    }

    fn standing(&self, hold: Hold, now: Timestamp) -> HoldStanding {
        let state = match self.store.hit_row(&hold.record_id) {
            Some(row) if row.withdrawn == Withdrawn::No && row.class.is_some() => {
                if now < row.expiry { HeldState::InUse } else { HeldState::Expired }
            }
            _ => HeldState::Withdrawn,
        };
        HoldStanding { hold, state }
    }
}

fn hold_event(act: Act, officer: &OfficerId, hold: &Hold, now: Timestamp) -> Event {
    let mut event = Event::new(now, act);
    event.shared.agreement = Some(hold.agreement.clone());
    event.shared.count = 1;
    event.local.officer = Some(officer.clone());
    event.local.records = vec![hold.record_id];
    event.local.note = Some(format!(
        "hold {}, {}; why is kept sealed beside it",
        hold.hold_id,
        hold.ground.as_str()
    ));
    event
}

fn key_of(hold: &Hold) -> Vec<u8> {
    let mut key = Vec::with_capacity(KEY_BYTES);
    key.extend_from_slice(hold.record_id.as_bytes());
    key.extend_from_slice(hold.hold_id.as_bytes());
    key
}

fn decode(value: Vec<u8>) -> Result<Hold, DeskError> {
    let value = Zeroizing::new(value);
    Ok(encoding::from_bytes("hold", &value, HOLD_BYTES_MAX)?)
}
