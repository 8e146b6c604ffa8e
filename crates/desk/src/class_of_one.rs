//! One record that a partner gets by approval: granted, sent, taken and dropped as a class of its own,
//! under the same rules of sync as every other class.
//!
//! Its log has one row. It ends with the approval, with the version that was approved, and with the
//! record; then the partner drops the class whole, as it does with any class that it is not granted.

use crate::error::DeskError;
use crate::replicate::{Changes, Replication};
use crate::share::{Granted, Listed, Planned, Sheet, row_state};
use crate::{Desk, put};
use domain::approval::{APPROVALS_MAX, ApprovedAct};
use domain::class::Class;
use domain::encoding;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest, RecordId};
use domain::question::QuestionTerms;
use domain::record::Version;
use domain::time::Timestamp;
use policy::approval::Subject;
use policy::{Action, Decision};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Batch, Change, Erased, Ownership, Secrecy, Table, Withdrawn};
use sync::message::{Entry, LogKind, LogRow, Section, VIEW_CLASSES_MAX, class_of_one};
use sync::origin::{Grant, Life};
use sync::receiver::Effects;
use sync::verify::VerifiedRecord;

/// The rows of what partners' people approved for us begin with this; a record id follows.
const RECEIVED: u8 = b'r';
/// The largest stored row, in bytes.
const ROW_BYTES_MAX: usize = 256 * 1024;
/// How many rows are read at a time.
const ROWS: usize = 256;

/// The one record of a class, as it was approved.
#[derive(Debug, Clone)]
pub(crate) struct One {
    pub(crate) record_id: RecordId,
    pub(crate) version: Version,
    /// Who approved it, for the log.
    persons: String,
    /// Until when all the approvals count.
    pub(crate) until: Timestamp,
}

/// A partner's record that came by approval.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct Received {
    #[n(1)]
    origin: AgencyId,
    #[n(2)]
    agreement: AgreementId,
    #[n(3)]
    handle: ClassHandle,
    #[n(4)]
    version: Version,
    /// At most [`APPROVALS_MAX`].
    #[n(5)]
    approvals: Vec<Envelope>,
}

/// Rows of records that are gone, and the last row that was looked at.
pub(crate) struct Stale {
    pub(crate) gone: Vec<(Vec<u8>, Digest)>,
    pub(crate) last: Vec<u8>,
}

impl Desk {
    /// Adds the records that people approved for a partner, and that it would not see by their class.
    pub(crate) fn add_approved(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        classes: &mut BTreeMap<Digest, Granted>,
        now: Timestamp,
    ) {
        for record_id in self.approved_records(peer) {
            if classes.len() >= VIEW_CLASSES_MAX {
                tracing::warn!(%peer, "more approved records than a view holds; the rest stays");
                return;
            }
            let row = self.store.hit_row(&record_id).filter(|row| row.is_live(now));
            let Some(row) = row.filter(|row| row.origin == Ownership::Own) else { continue };
            let Some(entry) = row.class.and_then(|number| self.store.class(number)) else {
                continue;
            };
            if entry.class.agreement != *agreement || classes.contains_key(&entry.hash) {
                continue;
            }
            let (signed, _) = self.approvals_for(&record_id, peer, &ApprovedAct::Share);
            let version = row.version;
            let subject = Subject { record_id, version, class: &entry.class };
            let (decision, approved) =
                self.gate.decide_record(Action::Share, peer, &subject, &signed, now);
            let (Decision::Allow(permit), Some(until)) = (decision, approved.until) else {
                continue;
            };
            let persons = approved.persons.iter().map(ToString::to_string).collect::<Vec<_>>();
            let one = One { record_id, version, persons: persons.join(", "), until };
            let (number, class) = (entry.number, Arc::clone(&entry.class));
            let key = grant_key(class_of_one(&entry.hash, &record_id, version), &signed);
            let only = Some((one, entry.hash));
            classes.insert(key, Granted { number, class, permit, end: 1, records: 1, only });
        }
    }

    /// The one row, if it was not sent and is still what was approved (R2).
    pub(crate) fn plan_one(
        &self,
        grant: &Grant,
        granted: &Granted,
        one: &One,
        class: &Digest,
    ) -> Result<Option<Planned>, DeskError> {
        let (kind, now) = (LogKind::Add, self.now());
        let (record_id, version) = (one.record_id, one.version);
        let row = LogRow { position: 0, record_id, version, kind };
        let same = row_state(self, &record_id, now).is_some_and(|state| {
            state.version == version && state.class == *class && state.life == Life::Alive
        });
        let held = if same { self.store.record(&record_id)? } else { None };
        let Some(held) = held else { return Ok(None) };
        let Ok(released) = held.release(&granted.permit) else { return Ok(None) };
        let stored = released.into_inner();
        if stored.version != version || stored.withdrawn == Withdrawn::Yes {
            return Ok(None);
        }
        let peer = granted.permit.peer();
        let mut sheet = Sheet::of(self, &granted.class)?;
        if sheet.add(self, &row)? == Listed::No {
            return Ok(None);
        }
        let (approvals, _) = self.approvals_for(&record_id, peer, &ApprovedAct::Share);
        let entries = vec![Entry::Approved { record: stored.envelope, approvals }];
        let sheet = sheet.sign(self, peer);
        let section = Section { handle: grant.handle, from: 0, to: 1, entries, sheet };
        Ok(Some(Planned {
            section,
            class: Arc::clone(&granted.class),
            hash: *class,
            permit: granted.permit.clone(),
            records: vec![record_id],
            added: vec![row],
            approved_by: Some(one.persons.clone()),
        }))
    }

    /// Asked where the bytes leave: does what people signed still hold, and is it still enough?
    pub(crate) fn is_still_approved(&self, planned: &Planned, now: Timestamp) -> bool {
        let [row] = planned.added.as_slice() else { return false };
        let subject =
            Subject { record_id: row.record_id, version: row.version, class: &planned.class };
        let peer = planned.permit.peer();
        let (signed, _) = self.approvals_for(&row.record_id, peer, &ApprovedAct::Share);
        self.gate.decide_record(Action::Share, peer, &subject, &signed, now).0.is_allow()
    }

    /// May our own officers see a match with a partner's record by what was approved for us?
    pub(crate) fn decide_approved_match(
        &self,
        terms: &QuestionTerms,
        record_id: &RecordId,
        class: &Arc<Class>,
        now: Timestamp,
    ) -> Result<Option<Decision>, DeskError> {
        let Some(received) = self.received_one(record_id)? else { return Ok(None) };
        let subject = Subject { record_id: *record_id, version: received.version, class };
        Ok(Some(self.gate.decide_own_match(terms, &subject, &received.approvals, now)))
    }

    fn received_one(&self, record_id: &RecordId) -> Result<Option<Received>, DeskError> {
        let row = self.store.get(Table::Approval, &received_key(record_id))?;
        row.map(|row| Ok(encoding::from_bytes("approvals", &row, ROW_BYTES_MAX)?)).transpose()
    }

    /// What came by approval of records that are gone, a page at a time: the rows, each with the hash of
    /// what stands in it, and where to go on. What is withdrawn goes with the next pull.
    pub(crate) fn received_of_nothing(
        &self,
        after: Option<&[u8]>,
    ) -> Result<Option<Stale>, DeskError> {
        let rows = self.store.scan(Table::Approval, &[RECEIVED], after, ROWS)?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        let last = last.clone();
        let is_gone = |key: &[u8]| {
            let record_id = key.get(1..).and_then(|id| RecordId::try_from(id).ok());
            let row = record_id.and_then(|record_id| self.store.hit_row(&record_id));
            row.is_none_or(|row| row.erased == Erased::Yes || row.class.is_none())
        };
        let gone = rows.into_iter().filter(|(key, _)| is_gone(key));
        let gone = gone.map(|(key, value)| (key, store::value_hash(&value))).collect();
        Ok(Some(Stale { gone, last }))
    }

    /// Everything of a partner under an agreement that came by approval.
    fn received_from(
        &self,
        origin: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<Vec<(RecordId, ClassHandle)>, DeskError> {
        let (mut found, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let rows = self.store.scan(Table::Approval, &[RECEIVED], after.as_deref(), ROWS)?;
            let Some((last, _)) = rows.last() else { return Ok(found) };
            after = Some(last.clone());
            for (key, value) in rows {
                let received: Received = encoding::from_bytes("approvals", &value, ROW_BYTES_MAX)?;
                let record_id = key.get(1..).and_then(|id| RecordId::try_from(id).ok());
                let of_pair = received.origin == *origin && received.agreement == *agreement;
                found.extend(record_id.filter(|_| of_pair).map(|id| (id, received.handle)));
            }
        }
    }
}

impl Replication {
    /// R4: records whose class of one is not granted any more, or all of them.
    pub(crate) fn drop_ones(
        &self,
        effects: &Effects,
        whole: bool,
        change: &mut Changes,
    ) -> Result<(), DeskError> {
        if !whole && effects.dropped.is_empty() {
            return Ok(());
        }
        for (record_id, handle) in self.desk.received_from(&self.peer, &self.replica.agreement)? {
            let gone = effects.dropped.iter().any(|(dropped, _)| *dropped == handle);
            if whole || gone {
                change.dropped.insert(record_id);
                change.unapproved.insert(record_id);
                // In a whole view its class goes, and is counted, too.
                change.records_purged += u64::from(!whole);
            }
        }
        Ok(())
    }

    /// The class that a record is in here, as its labels make it.
    pub(crate) fn class_of(&self, record_id: &RecordId) -> Option<Digest> {
        let row = self.desk.store.hit_row(record_id)?;
        Some(self.desk.store.class(row.class?)?.hash)
    }

    /// A record that came by approvals: weighed here, too, with the certificates in our papers.
    pub(crate) fn take_approved(
        &self,
        verified: VerifiedRecord,
        approvals: Vec<Envelope>,
        handle: ClassHandle,
        now: Timestamp,
        change: &mut Changes,
    ) -> Result<(), DeskError> {
        let record = verified.record.message();
        let (record_id, version) = (record.record_id, record.version);
        let class = Arc::new(verified.class.clone());
        let subject = Subject { record_id, version, class: &class };
        let (decision, _) =
            self.desk.gate.decide_record(Action::Receive, &self.peer, &subject, &approvals, now);
        if !self.take_judged(verified, decision, change)? {
            return Ok(());
        }
        let (origin, agreement) = (self.peer.clone(), self.replica.agreement.clone());
        let approvals = approvals.into_iter().take(APPROVALS_MAX).collect();
        let received = Received { origin, agreement, handle, version, approvals };
        change.approved.insert(record_id, received);
        Ok(())
    }
}

/// Writes what came by approval, and forgets what does not any more.
pub(crate) fn write_ones(mut batch: Batch, change: &Changes) -> Batch {
    for (record_id, received) in &change.approved {
        let (key, value) = (received_key(record_id), encoding::to_bytes(received));
        batch = batch.with(put(Table::Approval, &key, value, Secrecy::Sealed));
    }
    for record_id in change.unapproved.iter().filter(|id| !change.approved.contains_key(*id)) {
        let key = received_key(record_id);
        batch = batch.with(Change::Delete { table: Table::Approval, key });
    }
    batch
}

/// Another grant with every change of what was signed, so that the partner gets that, too.
fn grant_key(class: Digest, signed: &[Envelope]) -> Digest {
    let mut hashes: Vec<Digest> = signed.iter().map(Envelope::payload_hash).collect();
    hashes.sort();
    let mut parts = vec![class.as_bytes().as_slice()];
    parts.extend(hashes.iter().map(|hash| hash.as_bytes().as_slice()));
    Digest::from_bytes(domain::digest::derive("malines grant of one record v1", &parts))
}

fn received_key(record_id: &RecordId) -> Vec<u8> {
    let mut key = vec![RECEIVED];
    key.extend_from_slice(record_id.as_bytes());
    key
}
