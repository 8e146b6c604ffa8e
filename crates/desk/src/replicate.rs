//! The receiving half of sync: a partner's stream is checked, verified, judged by policy, and
//! applied in one batch with the cursor and the audit entry (R12).

use crate::class_of_one::{Received, write_ones};
use crate::cursor::Regranted;
use crate::error::DeskError;
use crate::retention::exceeds_retention;
use crate::violation::is_violation;
use crate::{Desk, put};
use domain::acknowledgement::AppliedChange;
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::indicator::NormalisationVersion;
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest, RecordId};
use domain::record::{Record, Version};
use domain::refusal::{Refusal, RefusalCode};
use domain::time::Timestamp;
use domain::value::Channel;
use domain::withdrawal::Tombstone;
use policy::{Action, Decision};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{
    Batch, Change, ClassNumber, Erased, HitRow, Ownership, RecordPut, Secrecy, Table, Withdrawn,
};
use sync::message::{
    Incarnation, PullMessage, PullRequest, PurgeReceipt, Section, VIEW_CLASSES_MAX, class_of_one,
};
use sync::receiver::{Effects, Purge, Replica, Taking};
use sync::verify::{Expectation, VerifiedEntry, VerifiedRecord, verify_section};

/// More refused records than this in one pull, and the partner is paused.
pub const POISON_MAX: usize = 100;
/// More new grant sets than this in one pull, and the partner is paused.
pub const REGRANTS_MAX: usize = 64;
/// More tombstones of records that never came than this in one pull, and the partner is paused.
pub const UNSEEN_MAX: usize = 4096;
/// More messages without a single entry than this in one pull, and the partner is paused.
pub const IDLE_MESSAGES_MAX: usize = 2 * VIEW_CLASSES_MAX;

/// One pull from one partner under one agreement.
pub struct Replication {
    pub(crate) desk: Arc<Desk>,
    pub(crate) peer: AgencyId,
    manifest: Manifest,
    normalisation: Vec<NormalisationVersion>,
    incarnation: Incarnation,
    pub(crate) replica: Replica,
    refused: usize,
    unseen: usize,
    idle: usize,
    regrants: usize,
}

/// What one message did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Records that are new or in a new version here.
    pub added: usize,
    /// Records that are gone.
    pub removed: usize,
    /// Records that were refused.
    pub refused: usize,
    /// A signed receipt to send back when classes were dropped.
    pub purge_receipt: Option<Envelope>,
}

impl Desk {
    /// Begins a pull.
    ///
    /// # Errors
    /// A refusal if the agreement carries nothing between us now, or the partner's manifest or
    /// token key is not there yet.
    pub fn begin_pull(
        self: &Arc<Self>,
        peer: &AgencyId,
        agreement: &AgreementId,
        incarnation: Incarnation,
    ) -> Result<Replication, DeskError> {
        self.check_carries(agreement, peer, &self.own)?;
        let manifest = self.manifest_under(agreement, peer);
        let manifest = manifest.ok_or(DeskError::Unavailable("its manifest"))?;
        let terms = self.agreement(agreement).ok_or(RefusalCode::AgreementUnknown)?;
        let replica = self.load_replica(peer, agreement)?;
        Ok(Replication {
            desk: Arc::clone(self),
            peer: peer.clone(),
            manifest,
            normalisation: terms.normalisation_live.iter().copied().collect(),
            incarnation,
            replica,
            refused: 0,
            unseen: 0,
            idle: 0,
            regrants: 0,
        })
    }
}

impl Replication {
    /// What to send to the partner.
    pub fn request(&self) -> PullRequest {
        self.replica.request(self.incarnation)
    }

    /// Applies one message, all or nothing. A partner that breaks the protocol is an alarm in the log.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`]: the protocol was broken, and nothing of the message was applied;
    /// or too many records had to be refused, and the pull ends here. A failing store.
    pub async fn apply(&mut self, message: PullMessage) -> Result<Applied, DeskError> {
        let applied = self.apply_checked(message).await;
        if let Err(DeskError::PeerMisbehaved { why, .. }) = &applied {
            self.desk.alarm(&self.peer, why).await?;
        }
        applied
    }

    async fn apply_checked(&mut self, message: PullMessage) -> Result<Applied, DeskError> {
        let desk = Arc::clone(&self.desk);
        desk.check_carries(&self.replica.agreement, &self.peer, &desk.own)?;
        let mut replica = self.replica.clone();
        let effects = replica
            .accept(self.incarnation, &message)
            .map_err(|violation| DeskError::misbehaved(&self.peer, violation))?;
        let mut change = Changes::default();
        self.drop_classes(&effects, &mut change)?;
        let section = message.section.as_ref().filter(|_| effects.section == Taking::Apply);
        if let Some(section) = section {
            self.take_section(section, &mut replica, &mut change)?;
        }
        let regranted = self.is_regranted(&replica);
        self.regrants += usize::from(regranted == Regranted::Yes);
        let says_nothing = section.is_none_or(|section| section.entries.is_empty());
        self.idle += usize::from(says_nothing);
        if self.idle > IDLE_MESSAGES_MAX || self.regrants > REGRANTS_MAX {
            return Err(DeskError::misbehaved(&self.peer, "too many messages that say nothing"));
        }
        if regranted == Regranted::No && says_nothing && change.is_empty() {
            // An advance over a hole is not worth an entry: asked again, it is a hole again.
            self.replica = replica;
            return Ok(Applied::default());
        }
        let purge_receipt = self.purge_receipt(&effects, &change, message.grant_sequence);
        let batch = self.batch(&replica, regranted, section, &change)?;
        desk.store.commit(batch).await?;
        self.replica = replica;
        self.unseen += change.unseen.len() + change.unseen_left;
        if self.unseen > UNSEEN_MAX {
            return Err(DeskError::misbehaved(&self.peer, "too many tombstones of nothing"));
        }
        self.refused += change.poison.iter().filter(|refusal| is_poison(refusal.code)).count();
        if self.refused > POISON_MAX {
            return Err(DeskError::misbehaved(&self.peer, "too many records had to be refused"));
        }
        Ok(Applied {
            added: change.puts.len(),
            removed: change.withdrawn.len() + change.dropped.len(),
            refused: change.poison.len(),
            purge_receipt,
        })
    }

    /// R4 and R5: what a new grant set or a new epoch takes away.
    fn drop_classes(&self, effects: &Effects, change: &mut Changes) -> Result<(), DeskError> {
        let gone: BTreeSet<Digest> =
            effects.dropped.iter().filter_map(|(_, class)| *class).collect();
        let whole = effects.purge == Purge::WholeView;
        for entry in self.desk.store.classes(&self.peer, &self.replica.agreement) {
            if whole || gone.contains(&entry.hash) {
                change.classes.push(entry.number);
                change.records_purged += entry.records;
            }
        }
        change.purged = whole || !effects.dropped.is_empty();
        self.drop_ones(effects, whole, change)
    }

    fn take_section(
        &self,
        section: &Section,
        replica: &mut Replica,
        change: &mut Changes,
    ) -> Result<(), DeskError> {
        let desk = &self.desk;
        let now = desk.now();
        let expected = Expectation {
            origin: &self.peer,
            receiver: &desk.own,
            agreement: &self.replica.agreement,
            record_key: &self.manifest.record_key,
            normalisation: &self.normalisation,
            now,
        };
        let verified = verify_section(section, &expected).map_err(|code| match code {
            RefusalCode::Unavailable => {
                DeskError::Unavailable("its clock or ours is wrong: a record comes from the future")
            }
            code => DeskError::misbehaved(&self.peer, code),
        })?;
        change.poison.extend(verified.poison.iter().map(|poison| Refusal::new(poison.code)));
        let codes = verified.poison.iter().map(|poison| poison.code);
        change.violations.extend(codes.filter(|code| is_violation(*code)));
        let mut classes = Vec::new();
        for entry in verified.entries {
            match entry {
                VerifiedEntry::Add(verified) => {
                    classes.push(verified.class.hash());
                    self.take_record(*verified, now, change)?;
                }
                VerifiedEntry::Approved { record, approvals } => {
                    let message = record.record.message();
                    let (record_id, version) = (message.record_id, message.version);
                    classes.push(class_of_one(&record.class.hash(), &record_id, version));
                    self.take_approved(*record, approvals, section.handle, now, change)?;
                }
                VerifiedEntry::Leave(record_id) => {
                    let class = replica.classes.get(&section.handle);
                    let class = class.and_then(|progress| progress.class);
                    let here = class.is_some() && self.class_of(&record_id) == class;
                    if change.puts.remove(&record_id).is_some() || here {
                        change.dropped.insert(record_id);
                        change.applied.insert(record_id, (AppliedChange::Gone, None));
                    } else if !self
                        .desk
                        .store
                        .hit_row(&record_id)
                        .is_some_and(|row| self.is_theirs(&row))
                    {
                        change.unseen_left += 1;
                        change.applied.insert(record_id, (AppliedChange::Gone, None));
                    }
                }
                VerifiedEntry::Retract(tombstone) => self.take_tombstone(tombstone, change),
            }
        }
        replica
            .advance(section, classes)
            .map_err(|violation| DeskError::misbehaved(&self.peer, violation))
    }

    /// R7. A tombstone of a record that never came is kept by its origin alone, so that it says
    /// nothing about another partner's record of the same id.
    fn take_tombstone(&self, tombstone: Signed<Tombstone>, change: &mut Changes) {
        let record_id = tombstone.message().record_id;
        let Some(row) = self.desk.store.hit_row(&record_id) else {
            change.puts.remove(&record_id);
            change.unseen.insert(record_id);
            change.applied.insert(record_id, (AppliedChange::Withdrawn, None));
            return;
        };
        if !self.is_theirs(&row) {
            // To its sender all is as if nothing of that id were here.
            change.not_theirs.insert(record_id);
            change.unseen_left += 1;
            change.applied.insert(record_id, (AppliedChange::Withdrawn, None));
            return;
        }
        change.forget(record_id);
        if row.withdrawn == Withdrawn::No {
            change.withdrawn.insert(record_id, tombstone);
            change.applied.insert(record_id, (AppliedChange::Withdrawn, None));
        }
    }

    /// Did this partner withdraw the record before it ever came?
    fn is_unseen_tombstone(&self, record_id: &RecordId) -> Result<bool, DeskError> {
        if self.desk.store.hit_row(record_id).is_some() {
            return Ok(false);
        }
        let key = unseen_key(&self.peer, record_id);
        Ok(self.desk.store.get(Table::UnseenTombstone, &key)?.is_some())
    }

    /// Is what is here under this id this partner's?
    pub(crate) fn is_theirs(&self, row: &HitRow) -> bool {
        let class = row.class.and_then(|number| self.desk.store.class(number));
        row.origin == Ownership::Foreign
            && class.is_none_or(|entry| entry.class.origin == self.peer)
    }

    /// What the agreement allows to be kept.
    fn is_kept_too_long(&self, record: &Record) -> bool {
        let terms = self.desk.agreement(&self.replica.agreement);
        terms.is_none_or(|terms| exceeds_retention(&terms, record))
    }

    /// R7, our own policy, and the version that is here already.
    fn take_record(
        &self,
        verified: VerifiedRecord,
        now: Timestamp,
        change: &mut Changes,
    ) -> Result<(), DeskError> {
        let class = Arc::new(verified.class.clone());
        let (receive, channel) = (Action::Receive, Channel::Automated);
        let decision = self.desk.gate.decide_class(receive, &self.peer, &class, channel, now);
        self.take_judged(verified, decision, change).map(|_| ())
    }

    /// The same, once policy has decided. Says whether it is taken.
    pub(crate) fn take_judged(
        &self,
        verified: VerifiedRecord,
        decision: Decision,
        change: &mut Changes,
    ) -> Result<bool, DeskError> {
        let desk = &self.desk;
        let record_id = verified.record.message().record_id;
        let version = verified.record.message().version;
        if change.withdrawn.contains_key(&record_id)
            || change.unseen.contains(&record_id)
            || self.is_unseen_tombstone(&record_id)?
        {
            return Ok(false);
        }
        if self.is_kept_too_long(verified.record.message()) {
            let kept_too_long = Refusal::new(RefusalCode::RetentionImpossible);
            self.refuse_version(record_id, version, kept_too_long, change);
            return Ok(false);
        }
        if let Some(row) = desk.store.hit_row(&record_id) {
            if !self.is_theirs(&row) {
                change.not_theirs.insert(record_id);
                match decision.permit() {
                    Err(refusal) => self.refuse_version(record_id, version, refusal, change),
                    Ok(_) if version.n > 1 => {
                        let taken = (AppliedChange::Version, Some(version));
                        change.applied.insert(record_id, taken);
                    }
                    Ok(_) => {}
                }
                return Ok(false);
            }
            let dropped = row.class.is_some_and(|class| change.classes.contains(&class))
                || change.dropped.contains(&record_id);
            let newer = version > row.version;
            if row.withdrawn == Withdrawn::Yes || !(newer || dropped || row.class.is_none()) {
                return Ok(false);
            }
            // What was erased here does not come back with a new view, only in a new version.
            if row.erased == Erased::Yes && !newer {
                return Ok(false);
            }
        }
        match decision.permit() {
            Ok(permit) => change.rule = permit.rules().first().map(ToString::to_string),
            Err(refusal) => {
                self.refuse_version(record_id, version, refusal, change);
                return Ok(false);
            }
        }
        if version.n > 1 {
            change.applied.insert(record_id, (AppliedChange::Version, Some(version)));
        }
        let (record, envelope) = verified.record.into_parts();
        let token = Some((verified.token_epoch, verified.token));
        change.puts.insert(record_id, RecordPut { envelope, record, local: None, token });
        Ok(true)
    }

    fn purge_receipt(
        &self,
        effects: &Effects,
        change: &Changes,
        grant_sequence: u64,
    ) -> Option<Envelope> {
        if effects.dropped.is_empty() && effects.purge == Purge::Nothing {
            return None;
        }
        let handles: Vec<ClassHandle> = effects.dropped.iter().map(|(handle, _)| *handle).collect();
        let receipt = PurgeReceipt {
            holder: self.desk.own.clone(),
            origin: self.peer.clone(),
            agreement: self.replica.agreement.clone(),
            grant_sequence,
            handles,
            records: change.records_purged,
        };
        Some(Signed::seal(receipt, &*self.desk.keys.record).into_parts().1)
    }

    /// Records, cursor and audit entries: one transaction.
    fn batch(
        &self,
        replica: &Replica,
        regranted: Regranted,
        section: Option<&Section>,
        change: &Changes,
    ) -> Result<Batch, DeskError> {
        let now = self.desk.now();
        let agreement = &self.replica.agreement;
        let mut batch = self.cursor(Batch::new(), replica, regranted, section);
        if !change.classes.is_empty() || !change.dropped.is_empty() {
            batch = batch.with(Change::DropForeign {
                origin: self.peer.clone(),
                classes: change.classes.clone(),
                record_ids: change.dropped.iter().copied().collect(),
            });
        }
        batch = write_ones(batch, change);
        for put in change.puts.values() {
            batch = self.desk.end_upheld(batch, &put.record)?;
            batch = batch.with(Change::PutRecord(Box::new(put.clone())));
        }
        for record_id in &change.unseen {
            let key = unseen_key(&self.peer, record_id);
            batch = batch.with(put(Table::UnseenTombstone, &key, Vec::new(), Secrecy::Plain));
        }
        batch = self.desk.acknowledging(batch, &self.peer, agreement, &change.applied)?;
        for tombstone in change.withdrawn.values() {
            batch = self.desk.end_dispute(batch, &tombstone.message().record_id)?;
            batch = batch.with(Change::Withdraw { tombstone: Box::new(tombstone.clone()) });
        }
        let event = |act, count: usize| {
            let mut event = Event::new(now, act);
            event.shared.peer = Some(self.peer.clone());
            event.shared.agreement = Some(agreement.clone());
            event.shared.count = u32::try_from(count).unwrap_or(u32::MAX);
            event
        };
        if change.purged {
            batch = batch.saying(event(Act::Purged, change.classes.len()));
        }
        if let Some(section) = section {
            let mut received = event(Act::Received, section.entries.len());
            received.shared.exchange = Some(section.root());
            received.local.records = change.puts.keys().copied().collect();
            received.local.rule.clone_from(&change.rule);
            batch = batch.saying(received);
        }
        for ((code, rule), count) in change.reasons() {
            let mut refused = event(Act::ReceiptRefused, count);
            (refused.local.code, refused.local.rule) = (Some(code), rule.map(str::to_owned));
            batch = batch.saying(refused);
        }
        if let Some(section) = section {
            batch = self.desk.reporting(
                batch,
                &self.peer,
                agreement,
                section.root(),
                &change.violations,
            );
        }
        Ok(batch)
    }
}

/// What a message changes, gathered before anything is written. No record is named twice.
#[derive(Default)]
pub(crate) struct Changes {
    purged: bool,
    classes: Vec<ClassNumber>,
    pub(crate) dropped: BTreeSet<RecordId>,
    /// What came by approval, and what does not any more.
    pub(crate) approved: BTreeMap<RecordId, Received>,
    pub(crate) unapproved: BTreeSet<RecordId>,
    pub(crate) puts: BTreeMap<RecordId, RecordPut>,
    withdrawn: BTreeMap<RecordId, Signed<Tombstone>>,
    unseen: BTreeSet<RecordId>,
    /// What became of records that were corrected, moved or withdrawn: the origin is told.
    pub(crate) applied: BTreeMap<RecordId, (AppliedChange, Option<Version>)>,
    /// Records that left and were never here.
    unseen_left: usize,
    pub(crate) records_purged: u64,
    pub(crate) poison: Vec<Refusal>,
    /// The rule that let in what came; a section is of one class, so that there is one.
    rule: Option<String>,
    /// Records of others that it named, or showed as its own: for our log alone.
    not_theirs: BTreeSet<RecordId>,
    /// Those of what was refused that its sender is told.
    violations: Vec<RefusalCode>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        !self.purged
            && self.dropped.is_empty()
            && self.puts.is_empty()
            && self.withdrawn.is_empty()
            && self.unseen.is_empty()
            && self.applied.is_empty()
            && self.poison.is_empty()
            && self.not_theirs.is_empty()
    }

    /// Why something was refused, by rule where a rule refused it, and how often.
    fn reasons(&self) -> BTreeMap<(RefusalCode, Option<&str>), usize> {
        let mut reasons = BTreeMap::new();
        for refusal in &self.poison {
            *reasons.entry((refusal.code, refusal.rule.as_deref())).or_default() += 1;
        }
        if !self.not_theirs.is_empty() {
            *reasons.entry((RefusalCode::OriginMismatch, None)).or_default() +=
                self.not_theirs.len();
        }
        reasons
    }

    fn forget(&mut self, record_id: RecordId) {
        self.puts.remove(&record_id);
        self.dropped.remove(&record_id);
    }
}

/// What our own policy, the agreement or the clock keeps out is no fault of the partner.
const fn is_poison(code: RefusalCode) -> bool {
    !matches!(
        code,
        RefusalCode::PolicyDenied
            | RefusalCode::RuleDenied
            | RefusalCode::NeedsApproval
            | RefusalCode::Expired
            | RefusalCode::NormalisationNotLive
            | RefusalCode::RetentionImpossible
    )
}

fn unseen_key(peer: &AgencyId, record_id: &RecordId) -> Vec<u8> {
    let mut key = format!("{peer}/").into_bytes();
    key.extend_from_slice(record_id.as_bytes());
    key
}
