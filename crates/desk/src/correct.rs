//! Correcting: a new signed version of an own record supersedes, and the older one stays readable to
//! its origin alone.

use crate::duty::Owed;
use crate::error::DeskError;
use crate::retention::{exceeds_retention, retention_end};
use crate::{Desk, put};
use domain::class::Class;
use domain::correction::{
    Correction, CorrectionReceipt, Difference, History, PastVersion, SUPERSEDED_BYTES_MAX,
    Superseded, VERSIONS_MAX, differences,
};
use domain::duty::Asked;
use domain::encoding;
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, CaseId, OfficerId, RecordId};
use domain::record::{Record, Statement, Version};
use domain::refusal::{Refusal, RefusalCode};
use domain::report::Mode;
use domain::submission::Repeated;
use domain::time::Timestamp;
use domain::value::{Age, Channel};
use policy::{Action, Held};
use std::sync::Arc;
use store::{
    Batch, Change, Erased, HitRow, LocalPart, Ownership, Precondition, RecordPut, Secrecy,
    StoredRecord, Table, Withdrawn,
};
use zeroize::Zeroizing;

/// The key of the one difference that is not in the statement: the reason itself stays here.
const REASON_KEY: &str = "presumed_adult_reason";

/// A correction that passed every rule and is ready to be written.
struct Ready {
    batch: Batch,
    receipt: CorrectionReceipt,
    /// The row and the class before.
    row: HitRow,
    class: Arc<Class>,
}

/// An own record as it is now, opened for our own officers.
pub(crate) struct Current {
    pub(crate) row: HitRow,
    pub(crate) class: Arc<Class>,
    pub(crate) envelope: Envelope,
    pub(crate) record: Record,
    pub(crate) local: LocalPart,
}

impl Desk {
    /// Makes a new version of an own record. A dry run decides all the same and records nothing; a
    /// correction that changes nothing is answered as repeated and writes nothing.
    ///
    /// # Errors
    /// A refusal: not ours, withdrawn, expired, not the version that was looked at, no open case of
    /// its agreement, or any rule that a submission of the corrected record would break. A failing
    /// store.
    pub async fn correct(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        correction: &Correction,
        mode: Mode,
    ) -> Result<CorrectionReceipt, DeskError> {
        let now = self.now();
        let Ready { batch, receipt, row, class } =
            match self.prepare_correction(officer, record_id, correction, now) {
                Err(DeskError::Refused(refusal)) if mode == Mode::Real => {
                    return Err(self.note_refusal(officer, record_id, refusal, now).await?);
                }
                prepared => prepared?,
            };
        if mode == Mode::DryRun || receipt.repeated == Repeated::Yes {
            return Ok(receipt);
        }
        let (asked, version) = (Asked::Correction, Some(receipt.version));
        let owed = Owed { record_id, class: &class, row: &row, asked, version };
        let committed = match self.commit_owed(batch, &owed, now).await {
            Err(DeskError::Store(store::Error::Conflict(_))) => {
                let row = self.store.hit_row(&record_id);
                let gone = row.is_none_or(|row| row.withdrawn == Withdrawn::Yes);
                let code = if gone { RefusalCode::Withdrawn } else { RefusalCode::VersionConflict };
                return Err(code.into());
            }
            Err(DeskError::Store(store::Error::TooManyClasses(_))) => {
                return Err(RefusalCode::ClassCap.into());
            }
            committed => committed?,
        };
        Ok(CorrectionReceipt { audit_sequence: committed.seq, ..receipt })
    }

    /// The versions of an own record, oldest first.
    ///
    /// # Errors
    /// A refusal if it is not ours or nothing of it is left; a failing or damaged store.
    pub async fn history(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
    ) -> Result<History, DeskError> {
        let current = self.open_own(&record_id)?;
        let mut versions = Vec::new();
        let mut before: Option<Statement> = None;
        let mut why = None;
        for older in self.superseded(&record_id)? {
            let statement = Record::from_payload(&older.envelope.payload)?.into_statement();
            versions.push(past_version(before.as_ref(), &statement, older.made_by, why));
            why = Some((older.reason, older.case));
            before = Some(statement);
        }
        let (newest, made_by) = (current.record.statement(), current.local.officer.clone());
        versions.push(past_version(before.as_ref(), newest, made_by, why));
        let mut event = Event::new(self.now(), Act::HistoryRead);
        event.shared.agreement = Some(newest.agreement.clone());
        event.shared.count = u32::try_from(versions.len()).unwrap_or(u32::MAX);
        event.local.officer = Some(officer.clone());
        event.local.records = vec![record_id];
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(History { record_id, versions })
    }

    /// The refusal, after it is an entry of the log.
    async fn note_refusal(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<DeskError, DeskError> {
        let mut event = Event::new(now, Act::CorrectionRefused);
        event.local.officer = Some(officer.clone());
        event.local.rule.clone_from(&refusal.rule);
        event.local.code = Some(refusal.code);
        event.local.records = vec![record_id];
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(refusal.into())
    }

    /// Load and decide; nothing is written.
    fn prepare_correction(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        correction: &Correction,
        now: Timestamp,
    ) -> Result<Ready, DeskError> {
        let current = self.open_own(&record_id)?;
        if current.row.withdrawn == Withdrawn::Yes {
            return Err(RefusalCode::Withdrawn.into());
        }
        if current.row.expiry <= now {
            return Err(RefusalCode::Expired.into());
        }
        let case = self.open_case_of(&correction.case)?;
        if case.agreement != current.record.agreement {
            return Err(RefusalCode::NoCase.into());
        }
        let mut corrected = current.record.statement().clone();
        correction.changes.apply(&mut corrected)?;
        let mut differences = all_differences(&current, correction, &corrected);
        let old_class = Arc::clone(&current.class);
        if differences.is_empty() {
            let version = current.row.version;
            let receipt = self.receipt(record_id, version, Vec::new(), &old_class, &old_class, now);
            return Ok(Ready { batch: Batch::new(), receipt, row: current.row, class: old_class });
        }
        if correction.expected.is_some_and(|expected| expected != current.row.version) {
            return Err(RefusalCode::VersionConflict.into());
        }
        if corrected.matching.is_some() && !self.is_disputed(&record_id)? {
            // What was wrong is corrected; whoever still disputes it keeps it stopped.
            corrected.set_matching(None);
            differences = all_differences(&current, correction, &corrected);
        }
        corrected.version = self.version_after(current.row.version)?;
        corrected.previous = Some(current.envelope.payload_hash());
        corrected.made_at = now;
        let record = Record::new(corrected)?;
        let rule = self.decide_corrected(&record, current.local.received_at, now)?;
        let class = Arc::new(Class::of(&record));
        let version = record.version;
        let receipt = self.receipt(record_id, version, differences, &old_class, &class, now);
        let row = current.row;
        let agreement = record.agreement.clone();
        let batch = self.correction_batch(officer, correction, current, record, rule, now)?;
        let batch = self.reviewed(batch, &record_id, &agreement)?;
        let batch = match self.is_disputed(&record_id)? {
            true => batch,
            false => self.remedied(batch, &record_id, &agreement)?,
        };
        Ok(Ready { batch, receipt, row, class: old_class })
    }

    /// What a submission of the corrected record would have to pass; the rule that let it through.
    /// `since` is when its first version came in.
    fn decide_corrected(
        &self,
        record: &Record,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<String>, DeskError> {
        let agreement = self.agreement(&record.agreement).ok_or(RefusalCode::AgreementUnknown)?;
        let end = retention_end(&agreement.retention, record.subject, since);
        if exceeds_retention(&agreement, record) || record.valid_until > end {
            return Err(RefusalCode::RetentionImpossible.into());
        }
        self.check_linked_ad(record, now)?;
        let class = Arc::new(Class::of(record));
        let decision =
            self.gate.decide_class(Action::Submit, &self.own, &class, Channel::Analyst, now);
        let rule = decision.rule().map(str::to_owned);
        decision.permit()?;
        Ok(rule)
    }

    /// The epoch moves after a restore, and a version never goes back.
    pub(crate) fn version_after(&self, version: Version) -> Result<Version, DeskError> {
        let n = version.n.checked_add(1).ok_or(RefusalCode::VersionConflict)?;
        Ok(Version { epoch: version.epoch.max(self.epoch().counter), n })
    }

    fn receipt(
        &self,
        record_id: RecordId,
        version: Version,
        differences: Vec<Difference>,
        before: &Arc<Class>,
        after: &Arc<Class>,
        now: Timestamp,
    ) -> CorrectionReceipt {
        let terms = self.agreement(&after.agreement);
        let granted = |peer: &AgencyId| {
            self.gate.decide_class(Action::Share, peer, before, Channel::Automated, now).is_allow()
        };
        let approved = self.approved_partners(&record_id);
        let granted = |peer: &AgencyId| granted(peer) || approved.contains(peer);
        let peers = self.gate.peers_of(&before.agreement, now).into_iter();
        CorrectionReceipt {
            record_id,
            version,
            repeated: if differences.is_empty() { Repeated::Yes } else { Repeated::No },
            audit_sequence: 0,
            told: peers.filter(granted).collect(),
            differences,
            outlook: terms.map(|terms| self.outlook(&terms, after, now)).unwrap_or_default(),
        }
    }

    /// The new version, the older one with the reason, and the audit entry: one transaction.
    fn correction_batch(
        &self,
        officer: &OfficerId,
        correction: &Correction,
        current: Current,
        record: Record,
        rule: Option<String>,
        now: Timestamp,
    ) -> Result<Batch, DeskError> {
        let given = correction.changes.presumed_adult_reason.clone();
        let reason = given.or_else(|| current.local.presumed_adult_reason.clone());
        let local = LocalPart {
            officer: Some(officer.clone()),
            presumed_adult_reason: reason.filter(|_| record.age == Age::PresumedAdult),
            ..current.local.clone()
        };
        let mut event = Event::new(now, Act::Corrected);
        event.shared.agreement = Some(record.agreement.clone());
        event.shared.count = 1;
        event.local.officer = Some(officer.clone());
        event.local.rule = rule;
        event.local.records = vec![record.record_id];
        let (why, case) = (correction.reason.as_str(), Some(correction.case));
        let batch = Batch::new().saying(event);
        self.superseding(batch, current, record, local, why, case, now)
    }

    /// With a new version of an own record, and the older one kept with the reason.
    #[allow(clippy::too_many_arguments, reason = "what is there, what comes, and why")]
    pub(crate) fn superseding(
        &self,
        batch: Batch,
        current: Current,
        record: Record,
        local: LocalPart,
        why: &str,
        case: Option<CaseId>,
        now: Timestamp,
    ) -> Result<Batch, DeskError> {
        let record_id = record.record_id;
        let versions =
            self.store.scan(Table::Superseded, record_id.as_bytes(), None, VERSIONS_MAX)?;
        if versions.len() + 1 >= VERSIONS_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let superseded = Superseded {
            envelope: current.envelope,
            made_by: current.local.officer.clone(),
            presumed_adult_reason: current.local.presumed_adult_reason.clone(),
            superseded_at: now,
            reason: why.to_owned(),
            case,
        };
        let (record, envelope) = Signed::seal(record, &*self.keys.record).into_parts();
        let record_put = RecordPut { envelope, record, local: Some(local), token: None };
        let key = superseded_key(&record_id, current.row.version);
        let value = encoding::to_bytes(&superseded);
        Ok(batch
            .provided(Precondition::RecordVersion(record_id, current.row.version))
            .with(Change::PutRecord(Box::new(record_put)))
            .with(put(Table::Superseded, &key, value, Secrecy::Sealed)))
    }

    /// An own record, opened for our own officers.
    pub(crate) fn open_own(&self, record_id: &RecordId) -> Result<Current, DeskError> {
        let row = self.store.hit_row(record_id).ok_or(RefusalCode::NotHeld)?;
        if row.origin != Ownership::Own {
            return Err(RefusalCode::OriginMismatch.into());
        }
        if row.erased == Erased::Yes {
            return Err(RefusalCode::Erased.into());
        }
        let held = self.store.record(record_id)?.ok_or(RefusalCode::NotHeld)?;
        let class = Arc::clone(held.class());
        let stored = self.inspect(held)?;
        let record = Record::from_payload(&stored.envelope.payload)?;
        let local = self.store.local_part(record_id)?.ok_or(RefusalCode::NotHeld)?;
        Ok(Current { row, class, envelope: stored.envelope, record, local })
    }

    /// The record of what is kept, for our own officers and nobody else.
    pub(crate) fn opened(&self, held: Held<StoredRecord>) -> Result<Record, DeskError> {
        Ok(Record::from_payload(&self.inspect(held)?.envelope.payload)?)
    }

    /// Opens what is kept, for our own officers and nobody else.
    pub(crate) fn inspect(&self, held: Held<StoredRecord>) -> Result<StoredRecord, DeskError> {
        let (now, class) = (self.now(), Arc::clone(held.class()));
        let decision =
            self.gate.decide_class(Action::Inspect, &self.own, &class, Channel::Analyst, now);
        Ok(held.release(&decision.permit()?)?.into_inner())
    }

    fn superseded(&self, record_id: &RecordId) -> Result<Vec<Superseded>, DeskError> {
        let rows = self.store.scan(Table::Superseded, record_id.as_bytes(), None, VERSIONS_MAX)?;
        let decode = |(_, value): (Vec<u8>, Vec<u8>)| {
            let value = Zeroizing::new(value);
            Ok(encoding::from_bytes("superseded version", &value, SUPERSEDED_BYTES_MAX)?)
        };
        rows.into_iter().map(decode).collect()
    }

    /// The keys of what is kept of older versions, to be deleted with the record.
    pub(crate) fn superseded_keys(&self, record_id: &RecordId) -> Result<Vec<Vec<u8>>, DeskError> {
        let rows = self.store.scan(Table::Superseded, record_id.as_bytes(), None, VERSIONS_MAX)?;
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }
}

/// What differs, and whether the reason that stays here was worded anew.
fn all_differences(
    current: &Current,
    correction: &Correction,
    corrected: &Statement,
) -> Vec<Difference> {
    let mut found = differences(Some(current.record.statement()), corrected);
    let given = correction.changes.presumed_adult_reason.as_ref();
    let reworded = given.is_some_and(|reason| {
        corrected.age == Age::PresumedAdult
            && current.local.presumed_adult_reason.as_ref() != Some(reason)
    });
    if reworded && !found.iter().any(|difference| difference.key == REASON_KEY) {
        let (before, after) = ("given".to_owned(), "given anew".to_owned());
        found.push(Difference { key: REASON_KEY, before, after });
    }
    found
}

pub(crate) fn past_version(
    before: Option<&Statement>,
    statement: &Statement,
    made_by: Option<OfficerId>,
    why: Option<(String, Option<CaseId>)>,
) -> PastVersion {
    let (reason, case) = why.unzip();
    let case = case.flatten();
    PastVersion {
        version: statement.version,
        made_at: statement.made_at,
        made_by,
        reason,
        case,
        differences: differences(before, statement),
    }
}

/// Ascending by version.
fn superseded_key(record_id: &RecordId, version: Version) -> Vec<u8> {
    let mut key = record_id.as_bytes().to_vec();
    key.extend_from_slice(&version.epoch.to_be_bytes());
    key.extend_from_slice(&version.n.to_be_bytes());
    key
}
