//! Acknowledging: a holder tells the origin what it changed until that is taken, and the origin settles
//! what was owed.
//!
//! What is to be told is a row, written with the change itself and deleted when the origin has it. The
//! origin answers whatever an acknowledgement says of its records in the same way, so that it tells
//! nobody what it has.

use crate::duty::{TRIES_MAX, is_about_a_duty, replaced};
use crate::error::DeskError;
use crate::replicate::{Changes, Replication};
use crate::{Desk, put};
use domain::acknowledgement::{
    ACKNOWLEDGED_MAX, APPLIED_BYTES_MAX, Acknowledgement, Applied, AppliedChange,
};
use domain::duty::{Answered, Duty};
use domain::encoding;
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::hold::{HOLD_REVIEW_DAYS_MAX, Hold};
use domain::name::{AgencyId, AgreementId, Digest, IdempotencyKey, RecordId};
use domain::record::{CLOCK_SKEW_MS, Version};
use domain::refusal::{Refusal, RefusalCode};
use domain::time::Timestamp;
use std::collections::BTreeMap;
use store::{Batch, Change, Precondition, RowState, Secrecy, Table, Withdrawn};
use sync::message::PurgeReceipt;

/// An acknowledgement that waits to be taken.
pub struct Delivery {
    /// What is sent.
    pub envelope: Envelope,
    peer: AgencyId,
    agreement: AgreementId,
    /// The rows it was made of, and the hash of each.
    rows: Vec<(Vec<u8>, Digest)>,
    records: Vec<RecordId>,
}

impl Desk {
    /// What a partner is to be told next of what we changed on its word; `None` if nothing waits. At
    /// most [`ACKNOWLEDGED_MAX`] records.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn acknowledgement_for(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<Option<Delivery>, DeskError> {
        let prefix = waiting_prefix(peer, agreement);
        let rows = self.store.scan(Table::Acknowledgement, &prefix, None, ACKNOWLEDGED_MAX)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut applied = Vec::with_capacity(rows.len());
        for (_, value) in &rows {
            applied.push(encoding::from_bytes("applied change", value, APPLIED_BYTES_MAX)?);
        }
        let records = applied.iter().map(|one: &Applied| one.record_id).collect();
        let acknowledgement = Acknowledgement {
            holder: self.own.clone(),
            origin: peer.clone(),
            agreement: agreement.clone(),
            applied,
        };
        let (_, envelope) = Signed::seal(acknowledgement, &*self.keys.record).into_parts();
        let rows = rows.into_iter().map(|(key, value)| (key, store::value_hash(&value)));
        let (peer, agreement, rows) = (peer.clone(), agreement.clone(), rows.collect());
        Ok(Some(Delivery { envelope, peer, agreement, rows, records }))
    }

    /// The partner has it. What changed again meanwhile is told again.
    ///
    /// # Errors
    /// A failing store.
    pub async fn acknowledgement_taken(&self, delivery: Delivery) -> Result<(), DeskError> {
        let Delivery { envelope, peer, agreement, rows, records } = delivery;
        let mut event = Event::new(self.now(), Act::AcknowledgementSent);
        event.shared.peer = Some(peer);
        event.shared.agreement = Some(agreement);
        event.shared.count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        event.shared.exchange = Some(envelope.payload_hash());
        event.local.records = records;
        let mut batch = Batch::new().saying(event);
        let table = Table::Acknowledgement;
        for (key, hash) in rows {
            let is = RowState::ValueHash(hash);
            batch = batch.provided(Precondition::Row { table, key: key.clone(), is });
            batch = batch.with(Change::Delete { table, key });
        }
        match self.store.commit(batch).await {
            Ok(_) | Err(store::Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a partner's acknowledgement and settles what it owed. What it was not asked is an entry
    /// once a minute, and the partner is told the same.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`] if it is not the partner's, or about somebody else's records; a
    /// clock that is wrong; a failing store.
    pub async fn take_acknowledgement(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
    ) -> Result<(), DeskError> {
        let opened = self.open_acknowledgement(peer, envelope);
        self.alarm_once(peer, &opened).await?;
        let signed = opened?;
        let mut tries = 0;
        loop {
            let batch = self.settlement(peer, &signed)?;
            if batch.changes.is_empty() && batch.events.is_empty() {
                return Ok(());
            }
            match self.store.commit(batch).await {
                // Something else is owed since the batch was put together.
                Err(store::Error::Conflict(conflict))
                    if is_about_a_duty(&conflict) && tries < TRIES_MAX =>
                {
                    tries += 1;
                }
                committed => return Ok(committed.map(|_| ())?),
            }
        }
    }

    /// Keeps a partner's receipt for classes it dropped on our order (R4).
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`] if it is not the partner's, or about somebody else's records.
    pub async fn take_purge_receipt(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
    ) -> Result<(), DeskError> {
        let manifest = self.partner(peer).ok_or(RefusalCode::NotAParty)?.manifest;
        let signed = Signed::<PurgeReceipt>::open(envelope, &manifest.record_key)
            .map_err(|error| DeskError::misbehaved(peer, error))?;
        let receipt = signed.message();
        if receipt.holder != *peer || receipt.origin != self.own {
            return Err(DeskError::misbehaved(peer, "a purge receipt about somebody else"));
        }
        if self.check_party(&receipt.agreement, peer).is_err() {
            return Err(DeskError::misbehaved(peer, "a purge receipt under no agreement"));
        }
        // The same receipt again is the same entry.
        let mut once = [0; IdempotencyKey::BYTES];
        for (to, from) in once.iter_mut().zip(signed.envelope().payload_hash().as_bytes()) {
            *to = *from;
        }
        let mut event = Event::new(self.now(), Act::Purged);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(receipt.agreement.clone());
        event.shared.count = u32::try_from(receipt.records).unwrap_or(u32::MAX);
        event.shared.exchange = Some(signed.envelope().payload_hash());
        let batch = Batch::new().once(IdempotencyKey::from_bytes(once)).saying(event);
        self.store.commit(batch).await?;
        self.settle_dropped(peer, &receipt.agreement, &receipt.handles).await
    }

    /// Everything that can be decided without looking a record up.
    fn open_acknowledgement(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
    ) -> Result<Signed<Acknowledgement>, DeskError> {
        let manifest = self.partner(peer).ok_or(RefusalCode::NotAParty)?.manifest;
        let signed = Signed::<Acknowledgement>::open(envelope, &manifest.record_key)
            .map_err(|error| DeskError::misbehaved(peer, error))?;
        let said = signed.message();
        if said.holder != *peer || said.origin != self.own {
            return Err(DeskError::misbehaved(peer, "an acknowledgement about somebody else"));
        }
        if self.check_party(&said.agreement, peer).is_err() {
            return Err(DeskError::misbehaved(peer, "an acknowledgement under no agreement"));
        }
        let latest = self.now().plus_ms(CLOCK_SKEW_MS);
        for applied in &said.applied {
            if applied.at > latest {
                return Err(DeskError::Unavailable("its clock or ours is wrong"));
            }
            let last = applied.at.plus_days(HOLD_REVIEW_DAYS_MAX).plus_ms(CLOCK_SKEW_MS);
            if applied.kept_until.is_some_and(|review| review > last) {
                return Err(DeskError::misbehaved(peer, "a hold that nobody looks at again"));
            }
        }
        Ok(signed)
    }

    /// What an acknowledgement settles, and its entry.
    fn settlement(
        &self,
        peer: &AgencyId,
        signed: &Signed<Acknowledgement>,
    ) -> Result<Batch, DeskError> {
        let said = signed.message();
        let (mut batch, mut settled, mut not_asked) = (Batch::new(), Vec::new(), 0_u32);
        for applied in &said.applied {
            let owed = self.owed_by(peer, &said.agreement, &applied.record_id)?;
            let Some(owed) = owed else {
                not_asked += 1;
                continue;
            };
            match owed.answered_by(applied) {
                Answered::Settled => batch = replaced(batch, Some(&owed), None),
                Answered::KeptApart(review) => {
                    let (kept_until, due) = (Some(review), review);
                    let kept = Duty { kept_until, due, ..owed.clone() };
                    batch = replaced(batch, Some(&owed), Some(&kept));
                }
                Answered::Earlier => continue,
                Answered::NotAsked => {
                    not_asked += 1;
                    continue;
                }
            }
            settled.push(applied.record_id);
        }
        let event = |act, count| {
            let mut event = Event::new(self.now(), act);
            event.shared.peer = Some(peer.clone());
            event.shared.agreement = Some(said.agreement.clone());
            event.shared.count = count;
            event.shared.exchange = Some(signed.envelope().payload_hash());
            event
        };
        if !settled.is_empty() {
            let count = u32::try_from(settled.len()).unwrap_or(u32::MAX);
            let mut acknowledged = event(Act::Acknowledged, count);
            acknowledged.local.records = settled;
            batch = batch.saying(acknowledged);
        }
        if not_asked > 0 && !self.is_noted(peer.as_str(), RefusalCode::NotHeld) {
            let mut refused = event(Act::AcknowledgementRefused, not_asked);
            refused.local.code = Some(RefusalCode::NotHeld);
            batch = batch.saying(refused);
        }
        Ok(batch)
    }

    /// What became of records of a partner, to be told to it: written with the change itself.
    pub(crate) fn acknowledging(
        &self,
        mut batch: Batch,
        peer: &AgencyId,
        agreement: &AgreementId,
        applied: &BTreeMap<RecordId, (AppliedChange, Option<Version>)>,
    ) -> Result<Batch, DeskError> {
        let at = self.now();
        for (record_id, (change, version)) in applied {
            let kept_until = match change {
                AppliedChange::Version => None,
                AppliedChange::Gone | AppliedChange::Withdrawn => {
                    self.kept_until(record_id, peer)?
                }
            };
            let (record_id, change, version) = (*record_id, *change, *version);
            let applied = Applied { record_id, change, version, kept_until, at };
            batch = batch.with(waiting(peer, agreement, &applied));
        }
        Ok(batch)
    }

    /// A hold on a partner's record that is not in use any more was placed or lifted.
    pub(crate) fn acknowledging_hold(
        &self,
        batch: Batch,
        hold: &Hold,
        kept_until: Option<Timestamp>,
    ) -> Batch {
        let change = match self.store.hit_row(&hold.record_id) {
            None => AppliedChange::Gone,
            Some(row) if row.withdrawn == Withdrawn::Yes => AppliedChange::Withdrawn,
            Some(_) => return batch,
        };
        if hold.origin == self.own {
            return batch;
        }
        let (record_id, at) = (hold.record_id, self.now());
        let applied = Applied { record_id, change, version: None, kept_until, at };
        batch.with(waiting(&hold.origin, &hold.agreement, &applied))
    }
}

fn waiting(peer: &AgencyId, agreement: &AgreementId, applied: &Applied) -> Change {
    let key = [waiting_prefix(peer, agreement).as_slice(), applied.record_id.as_bytes()].concat();
    put(Table::Acknowledgement, &key, encoding::to_bytes(applied), Secrecy::Plain)
}

fn waiting_prefix(peer: &AgencyId, agreement: &AgreementId) -> Vec<u8> {
    format!("{peer}/{agreement}/").into_bytes()
}

impl Replication {
    /// A version that is refused here takes the older one with it: that was superseded.
    pub(crate) fn refuse_version(
        &self,
        record_id: RecordId,
        version: Version,
        refusal: Refusal,
        change: &mut Changes,
    ) {
        change.poison.push(refusal);
        change.puts.remove(&record_id);
        let row = self.desk.store.hit_row(&record_id);
        if row.is_some_and(|row| self.is_theirs(&row) && row.version < version) {
            change.dropped.insert(record_id);
        }
        if version.n > 1 {
            change.applied.insert(record_id, (AppliedChange::Gone, None));
        }
    }
}
