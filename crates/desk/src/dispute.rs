//! Disputes, on both sides: a holder stops matching and tells the originator, which answers.
//!
//! The originator answers a partner's dispute alike, whatever it has of the record, and says to nobody
//! who disputes. What stops elsewhere is a new version of the record, so that it travels, is
//! acknowledged and survives like any other.

use crate::correct::Current;
use crate::duty::{Owed, TRIES_MAX, replaced};
use crate::error::DeskError;
use crate::letter::{Errand, LetterKind, Said, outgoing};
use crate::{Desk, put};
use domain::class::Class;
use domain::dispute::{
    AnswerReceipt, CONCURRING_AGENCIES, DISPUTE_ROW_BYTES_MAX, Dispute, DisputeAnswer,
    MatchingStop, Received, Ruling, Verdict,
};
use domain::duty::{Asked, Debtor, Duty};
use domain::encoding;
use domain::envelope::{Envelope, Payload, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId, OfficerId, RecordId};
use domain::record::{Record, Version};
use domain::refusal::RefusalCode;
use domain::time::Timestamp;

use std::sync::Arc;
use store::{Batch, Change, HitRow, Ownership, Precondition, RowState, Secrecy, Table, Withdrawn};

/// The first byte of the key of a dispute that we raised.
pub(crate) const RAISED: u8 = 1;
/// The first byte of the key of a dispute about our record.
pub(crate) const RECEIVED: u8 = 2;
/// The most disputes about one record that are open at a time: one of each party.
const PER_RECORD_MAX: usize = 64;

/// A batch, and the version of a record that it makes, if it makes one.
struct Step {
    batch: Batch,
    restated: Option<Restated>,
}

/// A record before a version of it that says whether it is matched.
struct Restated {
    row: HitRow,
    class: Arc<Class>,
    version: Version,
}

impl Desk {
    /// Takes a partner's dispute of a record of ours. Whether we have it, the partner was sent it, or it
    /// is disputed already: the answer is the same, after one entry of the log. Matching stops
    /// everywhere when [`CONCURRING_AGENCIES`] others dispute it too.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`] if it is not the partner's, or about somebody else's record;
    /// [`RefusalCode::QuotaSpent`]; a clock that is wrong; a failing store.
    pub async fn take_dispute(&self, peer: &AgencyId, envelope: Envelope) -> Result<(), DeskError> {
        let opened = self.open_dispute(peer, envelope);
        self.alarm_once(peer, &opened).await?;
        let signed = opened?;
        self.count_errand(peer, Errand::Dispute).await?;
        let mut tries = 0;
        loop {
            let step = self.reception(peer, &signed)?;
            match self.commit_step(step, signed.message().record_id).await {
                // The record, or who disputes it, changed in the same instant.
                Err(DeskError::Store(store::Error::Conflict(_))) if tries < TRIES_MAX => tries += 1,
                committed => return committed.map(|_| ()),
            }
        }
    }

    /// Answers all open disputes about an own record at once. Upheld, it is not matched anywhere until it
    /// is corrected or withdrawn; rejected, it is matched again, but by whoever disputed.
    ///
    /// # Errors
    /// A refusal: not ours, withdrawn or erased, no open dispute about it, a verdict without its reason.
    /// A failing store.
    pub async fn answer_disputes(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        ruling: &Ruling,
    ) -> Result<AnswerReceipt, DeskError> {
        if (ruling.verdict == Verdict::Rejected) != ruling.reason.is_some() {
            return Err(RefusalCode::Malformed.into());
        }
        let mut tries = 0;
        loop {
            let (step, receipt) = self.ruled(officer, record_id, ruling)?;
            match self.commit_step(step, record_id).await {
                Err(DeskError::Store(store::Error::Conflict(_))) if tries < TRIES_MAX => tries += 1,
                Err(error) => return Err(error),
                Ok(audit_sequence) => return Ok(AnswerReceipt { audit_sequence, ..receipt }),
            }
        }
    }

    /// Is a dispute about an own record open?
    pub(crate) fn is_disputed(&self, record_id: &RecordId) -> Result<bool, DeskError> {
        Ok(!self.store.scan(Table::Dispute, &received_prefix(record_id), None, 1)?.is_empty())
    }

    /// An own record was corrected: what was promised when a dispute was upheld is done.
    pub(crate) fn remedied(
        &self,
        batch: Batch,
        record_id: &RecordId,
        agreement: &AgreementId,
    ) -> Result<Batch, DeskError> {
        let remedy = self.owed_remedy(agreement, record_id)?;
        Ok(remedy.iter().fold(batch, |batch, remedy| replaced(batch, Some(remedy), None)))
    }

    /// An own record was withdrawn: that answers every dispute about it, and partners see it.
    pub(crate) fn close_disputes(
        &self,
        batch: Batch,
        record_id: &RecordId,
        agreement: &AgreementId,
    ) -> Result<Batch, DeskError> {
        let batch = self.reviewed(batch, record_id, agreement)?;
        let mut batch = self.remedied(batch, record_id, agreement)?;
        for (key, value, _, dispute) in self.received(record_id)? {
            batch = batch.provided(still(key.clone(), &value));
            batch = batch.with(Change::Delete { table: Table::Dispute, key });
            let (ours, by) = (Debtor::Ourselves, &dispute.disputer);
            let duty = self.owed_answer(ours, by, agreement, record_id)?;
            batch = duty.iter().fold(batch, |batch, duty| replaced(batch, Some(duty), None));
        }
        Ok(batch)
    }

    fn open_dispute(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
    ) -> Result<Signed<Dispute>, DeskError> {
        self.open_letter(peer, envelope, |said: &Dispute| Said {
            by: &said.disputer,
            to: &said.origin,
            agreement: &said.agreement,
            at: Some(said.at),
        })
    }

    /// What a dispute makes us write.
    fn reception(&self, peer: &AgencyId, signed: &Signed<Dispute>) -> Result<Step, DeskError> {
        let (now, said) = (self.now(), signed.message());
        let event = |act| {
            let mut event = Event::new(now, act);
            event.shared.peer = Some(peer.clone());
            event.shared.agreement = Some(said.agreement.clone());
            event.shared.exchange = Some(signed.envelope().payload_hash());
            event
        };
        let key = received_key(&said.record_id, peer);
        let is_known = self.store.get(Table::Dispute, &key)?.is_some();
        if is_known || !self.is_disputable(peer, said, now)? {
            let mut refused = event(Act::DisputeRefused);
            let code = if is_known { RefusalCode::DisputeOpen } else { RefusalCode::NotHeld };
            refused.local.code = Some(code);
            return Ok(Step { batch: Batch::new().saying(refused), restated: None });
        }
        let due = now.plus_ms(self.answer_times(&said.agreement).dispute_ms);
        let received = Received { envelope: signed.envelope().clone(), received_at: now, due };
        let duty = Duty {
            debtor: Debtor::Ourselves,
            agency: peer.clone(),
            agreement: said.agreement.clone(),
            record_id: said.record_id,
            asked: Asked::DisputeAnswer,
            version: Some(said.version),
            since: now,
            due,
            handle: None,
            kept_until: None,
        };
        let free =
            Precondition::Row { table: Table::Dispute, key: key.clone(), is: RowState::Absent };
        let mut taken = event(Act::DisputeReceived);
        taken.shared.count = 1;
        taken.local.records = vec![said.record_id];
        let batch = Batch::new()
            .provided(free)
            .with(put(Table::Dispute, &key, encoding::to_bytes(&received), Secrecy::Sealed))
            .saying(taken);
        let step = Step { batch: replaced(batch, None, Some(&duty)), restated: None };
        let others = self.received(&said.record_id)?.len();
        if others < CONCURRING_AGENCIES {
            return Ok(step);
        }
        let current = self.open_own(&said.record_id)?;
        if current.record.matching.is_some() {
            return Ok(step);
        }
        let why = format!("disputed by {} agencies", others + 1);
        self.restated(step, current, Some(MatchingStop::Disputed), &why, now)
    }

    /// Is it a record of ours that lives, and that the partner was sent in that version or an older one?
    fn is_disputable(
        &self,
        peer: &AgencyId,
        said: &Dispute,
        now: Timestamp,
    ) -> Result<bool, DeskError> {
        let Some(row) = self.store.hit_row(&said.record_id) else { return Ok(false) };
        let Some(entry) = row.class.and_then(|number| self.store.class(number)) else {
            return Ok(false);
        };
        let fits = row.origin == Ownership::Own
            && row.is_live(now)
            && entry.class.agreement == said.agreement
            && said.version <= row.version;
        Ok(fits && self.is_holder(peer, &said.record_id, &entry.class, &row)?)
    }

    /// The batch that answers, and what is told to the officer.
    fn ruled(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        ruling: &Ruling,
    ) -> Result<(Step, AnswerReceipt), DeskError> {
        let now = self.now();
        let current = self.open_own(&record_id)?;
        if current.row.withdrawn == Withdrawn::Yes {
            return Err(RefusalCode::Withdrawn.into());
        }
        let agreement = current.record.agreement.clone();
        let received = self.received(&record_id)?;
        if received.is_empty() {
            return Err(RefusalCode::NotHeld.into());
        }
        let remedy = self.owed_remedy(&agreement, &record_id)?;
        let (is_stopped, held) = (current.record.matching.is_some(), current.row.version);
        let is_remedied =
            !is_stopped && received.iter().all(|(_, _, _, dispute)| dispute.version < held);
        let (mut batch, mut told) = (Batch::new(), Vec::new());
        for (key, value, kept, dispute) in received {
            batch = batch.provided(still(key.clone(), &value));
            batch = batch.with(Change::Delete { table: Table::Dispute, key });
            batch = self.answered(batch, officer, &kept, &dispute, ruling, now)?;
            told.push(dispute.disputer);
        }
        let mut step = Step { batch, restated: None };
        let upheld = ruling.verdict == Verdict::Upheld;
        let stop = match (upheld, is_stopped) {
            (true, false) if !is_remedied => Some(Some(MatchingStop::Disputed)),
            // One that was upheld before is still to be corrected.
            (false, true) if remedy.is_none() => Some(None),
            _ => None,
        };
        if upheld && !is_remedied && remedy.is_none() {
            let due = now.plus_ms(self.answer_times(&agreement).remedy_ms);
            let duty = Duty {
                debtor: Debtor::Ourselves,
                agency: self.own.clone(),
                agreement,
                record_id,
                asked: Asked::Remedy,
                version: Some(held),
                since: now,
                due,
                handle: None,
                kept_until: None,
            };
            step.batch = replaced(step.batch, None, Some(&duty));
        }
        let mut matching = current.record.matching;
        if let Some(stop) = stop {
            let why = if upheld { "a dispute was upheld" } else { "the disputes were rejected" };
            step = self.restated(step, current, stop, why, now)?;
            matching = stop;
        }
        let version = step.restated.as_ref().map_or(held, |restated| restated.version);
        let verdict = ruling.verdict;
        let receipt =
            AnswerReceipt { record_id, verdict, told, version, matching, audit_sequence: 0 };
        Ok((step, receipt))
    }

    /// The signed answer to one dispute, to be delivered, with its entry.
    fn answered(
        &self,
        batch: Batch,
        officer: &OfficerId,
        kept: &Received,
        dispute: &Dispute,
        ruling: &Ruling,
        now: Timestamp,
    ) -> Result<Batch, DeskError> {
        let Dispute { record_id, disputer, agreement, .. } = dispute;
        let answer = DisputeAnswer {
            record_id: *record_id,
            origin: self.own.clone(),
            disputer: disputer.clone(),
            agreement: agreement.clone(),
            dispute: kept.envelope.payload_hash(),
            verdict: ruling.verdict,
            reason: ruling.reason,
            note: ruling.note.clone(),
            at: now,
        };
        let (_, envelope) = Signed::seal(answer, &*self.keys.record).into_parts();
        let mut event = Event::new(now, Act::DisputeAnswered);
        event.shared.peer = Some(disputer.clone());
        event.shared.agreement = Some(agreement.clone());
        event.shared.count = 1;
        event.shared.exchange = Some(envelope.payload_hash());
        event.local.officer = Some(officer.clone());
        event.local.records = vec![*record_id];
        event.local.note = Some(ruling.verdict.to_string());
        let duty = self.owed_answer(Debtor::Ourselves, disputer, agreement, record_id)?;
        let batch = duty.iter().fold(batch, |batch, duty| replaced(batch, Some(duty), None));
        let letter =
            outgoing(disputer, agreement, LetterKind::Answer, record_id.as_bytes(), &envelope);
        Ok(batch.with(letter).saying(event))
    }

    /// With a version of the record that says whether it is matched.
    fn restated(
        &self,
        step: Step,
        current: Current,
        stop: Option<MatchingStop>,
        why: &str,
        now: Timestamp,
    ) -> Result<Step, DeskError> {
        let mut statement = current.record.statement().clone();
        statement.set_matching(stop);
        statement.version = self.version_after(current.row.version)?;
        statement.previous = Some(current.envelope.payload_hash());
        statement.made_at = now;
        statement.review_at = statement.review_at.max(now);
        let record = Record::new(statement)?;
        let (row, class, version) = (current.row, Arc::clone(&current.class), record.version);
        let act = if stop.is_some() { Act::MatchingStopped } else { Act::MatchingResumed };
        let mut event = Event::new(now, act);
        event.shared.agreement = Some(record.agreement.clone());
        event.shared.count = 1;
        event.local.records = vec![record.record_id];
        event.local.note = Some(why.to_owned());
        let local = current.local.clone();
        let batch = self.superseding(step.batch, current, record, local, why, None, now)?;
        Ok(Step { batch: batch.saying(event), restated: Some(Restated { row, class, version }) })
    }

    async fn commit_step(&self, step: Step, record_id: RecordId) -> Result<u64, DeskError> {
        let Step { batch, restated } = step;
        let Some(Restated { row, class, version }) = restated else {
            return Ok(self.store.commit(batch).await?.seq);
        };
        let (asked, version) = (Asked::Correction, Some(version));
        let owed = Owed { record_id, class: &class, row: &row, asked, version };
        Ok(self.commit_owed(batch, &owed, self.now()).await?.seq)
    }

    /// The open disputes about an own record: key and value of each row, and what was signed.
    #[allow(clippy::type_complexity, reason = "a row as it is, and what it says")]
    fn received(
        &self,
        record_id: &RecordId,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>, Received, Dispute)>, DeskError> {
        let prefix = received_prefix(record_id);
        let rows = self.store.scan(Table::Dispute, &prefix, None, PER_RECORD_MAX)?;
        let mut received = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let kept: Received =
                encoding::from_bytes("received dispute", &value, DISPUTE_ROW_BYTES_MAX)?;
            let dispute = Dispute::from_payload(&kept.envelope.payload)?;
            received.push((key, value, kept, dispute));
        }
        Ok(received)
    }
}

/// The row is what it was read as.
pub(crate) fn still(key: Vec<u8>, value: &[u8]) -> Precondition {
    let is = RowState::ValueHash(store::value_hash(value));
    Precondition::Row { table: Table::Dispute, key, is }
}

pub(crate) fn raised_key(record_id: &RecordId) -> Vec<u8> {
    [&[RAISED], record_id.as_bytes().as_slice()].concat()
}

fn received_prefix(record_id: &RecordId) -> Vec<u8> {
    [&[RECEIVED], record_id.as_bytes().as_slice()].concat()
}

fn received_key(record_id: &RecordId, peer: &AgencyId) -> Vec<u8> {
    [received_prefix(record_id).as_slice(), peer.as_str().as_bytes()].concat()
}
