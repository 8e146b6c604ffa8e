//! The disputer's side: an officer disputes a partner's record, and matching with it stops here at once.

use crate::dispute::{RAISED, raised_key, still};
use crate::duty::replaced;
use crate::error::DeskError;
use crate::letter::{LetterKind, Said, outgoing, outgoing_key};
use crate::{Desk, put};
use domain::dispute::{
    DISPUTE_ROW_BYTES_MAX, DISPUTES_MAX, Dispute, DisputeAnswer, DisputeOrder, DisputeReceipt,
    DisputeSide, DisputeState, LiftReceipt, ListedDispute, Raised, Received, Verdict,
};
use domain::duty::{Asked, Debtor, Duty};
use domain::encoding;
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, OfficerId, RecordId};
use domain::record::Record;
use domain::refusal::RefusalCode;
use domain::report::PAGE_MAX;
use domain::submission::Repeated;
use store::{Batch, Change, Ownership, Precondition, RowState, Secrecy, Table};

/// Where a page of disputes begins: after the one with this place.
pub type DisputePlace = Vec<u8>;

impl Desk {
    /// Disputes a partner's record: nothing here matches with it from now on, and its originator is told
    /// as soon as it can be reached.
    ///
    /// # Errors
    /// A refusal: not held here, our own, withdrawn or expired, no open case of its agreement, more than
    /// [`DISPUTES_MAX`] disputes. A failing store.
    pub async fn raise_dispute(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        order: DisputeOrder,
    ) -> Result<DisputeReceipt, DeskError> {
        let now = self.now();
        let (row, class) = self.present(&record_id)?;
        if row.origin == Ownership::Own {
            return Err(RefusalCode::OriginMismatch.into());
        }
        if self.open_case_of(&order.case)?.agreement != class.agreement {
            return Err(RefusalCode::NoCase.into());
        }
        let origin = class.origin.clone();
        let before = self.raised(&record_id)?;
        if let Some(Raised { answer: None, due, .. }) = before {
            let repeated = Repeated::Yes;
            return Ok(DisputeReceipt { record_id, origin, due, repeated, audit_sequence: 0 });
        }
        if self.store.scan(Table::Dispute, &[RAISED], None, DISPUTES_MAX)?.len() >= DISPUTES_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let due = now.plus_ms(self.answer_times(&class.agreement).dispute_ms);
        let dispute = Dispute {
            record_id,
            version: row.version,
            origin: origin.clone(),
            disputer: self.own.clone(),
            agreement: class.agreement.clone(),
            reason: order.reason,
            note: order.note,
            at: now,
        };
        let batch = self.raising(officer, dispute, order.case, before, due)?;
        match self.store.commit(batch).await {
            // Another officer disputed it in the same instant.
            Err(store::Error::Conflict(_)) => Err(RefusalCode::DisputeOpen.into()),
            committed => {
                let (repeated, audit_sequence) = (Repeated::No, committed?.seq);
                Ok(DisputeReceipt { record_id, origin, due, repeated, audit_sequence })
            }
        }
    }

    /// Matches with a record again, after its originator answered our dispute or the record is gone.
    ///
    /// # Errors
    /// A refusal: not disputed here, or [`RefusalCode::DisputeOpen`]. A failing store.
    pub async fn lift_dispute(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
    ) -> Result<LiftReceipt, DeskError> {
        let raised = self.raised(&record_id)?.ok_or(RefusalCode::NotHeld)?;
        let is_here = self.store.hit_row(&record_id).is_some_and(|row| row.is_live(self.now()));
        if raised.answer.is_none() && is_here {
            return Err(RefusalCode::DisputeOpen.into());
        }
        let dispute = Dispute::from_payload(&raised.envelope.payload)?;
        let mut event = Event::new(self.now(), Act::DisputeLifted);
        event.shared.peer = Some(dispute.origin);
        event.shared.agreement = Some(dispute.agreement);
        event.shared.count = 1;
        event.local.officer = Some(officer.clone());
        event.local.records = vec![record_id];
        let there = still(raised_key(&record_id), &encoding::to_bytes(&raised));
        let batch = self.end_dispute(Batch::new().provided(there).saying(event), &record_id)?;
        match self.store.commit(batch).await {
            Err(store::Error::Conflict(_)) => Err(RefusalCode::NotHeld.into()),
            committed => Ok(LiftReceipt { record_id, audit_sequence: committed?.seq }),
        }
    }

    /// A page of disputes, ours first, after the one at that place; at most [`PAGE_MAX`]. Beside each its
    /// own place.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn list_disputes(
        &self,
        after: Option<&[u8]>,
    ) -> Result<Vec<(DisputePlace, ListedDispute)>, DeskError> {
        let rows = self.store.scan(Table::Dispute, &[], after, PAGE_MAX)?;
        let mut listed = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let dispute = match key.first() {
                Some(&RAISED) => {
                    let raised = encoding::from_bytes("dispute", &value, DISPUTE_ROW_BYTES_MAX)?;
                    self.listed_as_raised(&raised)?
                }
                Some(&crate::dispute::RECEIVED) => {
                    let received = encoding::from_bytes("dispute", &value, DISPUTE_ROW_BYTES_MAX)?;
                    listed_as_received(&received)?
                }
                // What waits to be delivered comes last, and is not listed.
                _ => break,
            };
            listed.push((key, dispute));
        }
        Ok(listed)
    }

    /// Takes the originator's answer to our dispute. One that answers nothing is an entry once a minute.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`] if it is not the partner's, or for somebody else; a failing store.
    pub async fn take_answer(&self, peer: &AgencyId, envelope: Envelope) -> Result<(), DeskError> {
        let opened = self.open_answer(peer, envelope);
        self.alarm_once(peer, &opened).await?;
        let signed = opened?;
        let said = signed.message();
        let mut event = Event::new(self.now(), Act::DisputeAnswerReceived);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(said.agreement.clone());
        event.shared.exchange = Some(signed.envelope().payload_hash());
        let raised = self.raised(&said.record_id)?;
        let raised = raised.filter(|raised| {
            raised.answer.is_none() && raised.envelope.payload_hash() == said.dispute
        });
        let Some(raised) = raised else {
            if self.is_noted(peer.as_str(), RefusalCode::NotHeld) {
                return Ok(());
            }
            event.local.code = Some(RefusalCode::NotHeld);
            self.store.commit(Batch::new().saying(event)).await?;
            return Ok(());
        };
        event.shared.count = 1;
        event.local.records = vec![said.record_id];
        event.local.note = Some(said.verdict.to_string());
        let key = raised_key(&said.record_id);
        let batch =
            Batch::new().provided(still(key.clone(), &encoding::to_bytes(&raised))).saying(event);
        let dispute = Dispute::from_payload(&raised.envelope.payload)?;
        let batch = if said.verdict == Verdict::Upheld && self.is_corrected(&dispute)? {
            self.end_dispute(batch, &said.record_id)?
        } else {
            let answered = Raised { answer: Some(signed.envelope().clone()), ..raised };
            let value = encoding::to_bytes(&answered);
            let batch = batch.with(put(Table::Dispute, &key, value, Secrecy::Sealed));
            self.settle_answer(batch, &dispute)?
        };
        match self.store.commit(batch).await {
            // It was lifted or taken back in the same instant.
            Ok(_) | Err(store::Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Is this record disputed by us? Then nothing here matches with it.
    pub(crate) fn is_stopped_here(&self, record_id: &RecordId) -> Result<bool, DeskError> {
        Ok(self.store.get(Table::Dispute, &raised_key(record_id))?.is_some())
    }

    /// The record is gone, or was corrected after our dispute was upheld: nothing is left to dispute.
    pub(crate) fn end_dispute(
        &self,
        batch: Batch,
        record_id: &RecordId,
    ) -> Result<Batch, DeskError> {
        let Some(raised) = self.raised(record_id)? else { return Ok(batch) };
        let dispute = Dispute::from_payload(&raised.envelope.payload)?;
        let (origin, agreement) = (&dispute.origin, &dispute.agreement);
        let letter = outgoing_key(origin, agreement, LetterKind::Dispute, record_id.as_bytes());
        let batch = batch
            .with(Change::Delete { table: Table::Dispute, key: raised_key(record_id) })
            .with(Change::Delete { table: Table::Dispute, key: letter });
        self.settle_answer(batch, &dispute)
    }

    /// A new version of a record came: does it end our dispute?
    pub(crate) fn end_upheld(&self, batch: Batch, record: &Record) -> Result<Batch, DeskError> {
        let Some(Raised { answer: Some(answer), envelope, .. }) = self.raised(&record.record_id)?
        else {
            return Ok(batch);
        };
        let answer = DisputeAnswer::from_payload(&answer.payload)?;
        let dispute = Dispute::from_payload(&envelope.payload)?;
        let is_corrected = record.version > dispute.version && record.matching.is_none();
        if answer.verdict == Verdict::Upheld && is_corrected {
            return self.end_dispute(batch, &record.record_id);
        }
        Ok(batch)
    }

    fn settle_answer(&self, batch: Batch, dispute: &Dispute) -> Result<Batch, DeskError> {
        let Dispute { origin, agreement, record_id, .. } = dispute;
        let duty = self.owed_answer(Debtor::Partner, origin, agreement, record_id)?;
        Ok(duty.iter().fold(batch, |batch, duty| replaced(batch, Some(duty), None)))
    }

    /// Is what is here newer than what we disputed, and matched?
    fn is_corrected(&self, dispute: &Dispute) -> Result<bool, DeskError> {
        let row = self.store.hit_row(&dispute.record_id);
        if row.is_none_or(|row| row.version <= dispute.version) {
            return Ok(false);
        }
        Ok(!self.is_marked_stopped(&dispute.record_id)?)
    }

    /// Does the newest version of a record that is here say that it is not matched?
    pub(crate) fn is_marked_stopped(&self, record_id: &RecordId) -> Result<bool, DeskError> {
        let Some(held) = self.store.record(record_id)? else { return Ok(false) };
        let stored = match self.inspect(held) {
            Err(DeskError::Refused(_)) => return Ok(false),
            stored => stored?,
        };
        Ok(Record::from_payload(&stored.envelope.payload)?.matching.is_some())
    }

    fn raising(
        &self,
        officer: &OfficerId,
        dispute: Dispute,
        case: domain::name::CaseId,
        before: Option<Raised>,
        due: domain::time::Timestamp,
    ) -> Result<Batch, DeskError> {
        let Dispute { record_id, origin, agreement, version, at, reason, .. } = dispute.clone();
        let (_, envelope) = Signed::seal(dispute, &*self.keys.record).into_parts();
        let duty = Duty {
            debtor: Debtor::Partner,
            agency: origin.clone(),
            agreement: agreement.clone(),
            record_id,
            asked: Asked::DisputeAnswer,
            version: Some(version),
            since: at,
            due,
            handle: None,
            kept_until: None,
        };
        let mut event = Event::new(at, Act::DisputeRaised);
        event.shared.peer = Some(origin.clone());
        event.shared.agreement = Some(agreement.clone());
        event.shared.count = 1;
        event.shared.exchange = Some(envelope.payload_hash());
        event.local.officer = Some(officer.clone());
        event.local.records = vec![record_id];
        event.local.note = Some(reason.to_string());
        let key = raised_key(&record_id);
        let is = match &before {
            Some(before) => return_hash(before),
            None => RowState::Absent,
        };
        let raised_by = officer.clone();
        let raised = Raised { envelope: envelope.clone(), case, raised_by, due, answer: None };
        let owed = self.owed_answer(Debtor::Partner, &origin, &agreement, &record_id)?;
        let batch = Batch::new()
            .provided(Precondition::Row { table: Table::Dispute, key: key.clone(), is })
            .with(put(Table::Dispute, &key, encoding::to_bytes(&raised), Secrecy::Sealed))
            .with(outgoing(
                &origin,
                &agreement,
                LetterKind::Dispute,
                record_id.as_bytes(),
                &envelope,
            ))
            .saying(event);
        Ok(replaced(batch, owed.as_ref(), Some(&duty)))
    }

    fn open_answer(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
    ) -> Result<Signed<DisputeAnswer>, DeskError> {
        self.open_letter(peer, envelope, |said: &DisputeAnswer| Said {
            by: &said.origin,
            to: &said.disputer,
            agreement: &said.agreement,
            at: None,
        })
    }

    fn raised(&self, record_id: &RecordId) -> Result<Option<Raised>, DeskError> {
        let value = self.store.get(Table::Dispute, &raised_key(record_id))?;
        let decode =
            |value: Vec<u8>| encoding::from_bytes("raised dispute", &value, DISPUTE_ROW_BYTES_MAX);
        Ok(value.map(decode).transpose()?)
    }

    fn listed_as_raised(&self, raised: &Raised) -> Result<ListedDispute, DeskError> {
        let dispute = Dispute::from_payload(&raised.envelope.payload)?;
        let answer = raised.answer.as_ref();
        let answer = answer.map(|answer| DisputeAnswer::from_payload(&answer.payload));
        let answer = answer.transpose()?;
        let (origin, agreement) = (&dispute.origin, &dispute.agreement);
        let place = dispute.record_id.as_bytes();
        let letter = outgoing_key(origin, agreement, LetterKind::Dispute, place);
        let state = match answer.as_ref().map(|answer| answer.verdict) {
            Some(Verdict::Upheld) => DisputeState::Upheld,
            Some(Verdict::Rejected) => DisputeState::Rejected,
            None if self.store.get(Table::Dispute, &letter)?.is_some() => DisputeState::Waiting,
            None => DisputeState::Open,
        };
        Ok(ListedDispute {
            side: DisputeSide::Raised,
            partner: dispute.origin,
            agreement: dispute.agreement,
            record_id: dispute.record_id,
            version: dispute.version,
            reason: dispute.reason,
            note: dispute.note,
            at: dispute.at,
            due: raised.due,
            state,
            rejection: answer.as_ref().and_then(|answer| answer.reason),
            answer_note: answer.and_then(|answer| answer.note),
        })
    }
}

fn return_hash(raised: &Raised) -> RowState {
    RowState::ValueHash(store::value_hash(&encoding::to_bytes(raised)))
}

fn listed_as_received(received: &Received) -> Result<ListedDispute, DeskError> {
    let dispute = Dispute::from_payload(&received.envelope.payload)?;
    Ok(ListedDispute {
        side: DisputeSide::Received,
        partner: dispute.disputer,
        agreement: dispute.agreement,
        record_id: dispute.record_id,
        version: dispute.version,
        reason: dispute.reason,
        note: dispute.note,
        at: received.received_at,
        due: received.due,
        state: DisputeState::Open,
        rejection: None,
        answer_note: None,
    })
}
