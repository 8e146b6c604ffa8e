//! The receiving half of sync: a partner's stream is checked, verified, judged by policy, and
//! applied in one batch with the cursor and the audit entry (R12).

use crate::error::DeskError;
use crate::{Desk, pair_key, put};
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::indicator::NormalisationVersion;
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest, RecordId};
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use domain::value::Channel;
use policy::Action;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Batch, Change, ClassNumber, Ownership, RecordPut, Secrecy, Table, Withdrawn};
use sync::message::{Incarnation, PullMessage, PullRequest, PurgeReceipt, Section};
use sync::receiver::{Effects, Purge, Replica};
use sync::verify::{Expectation, VerifiedEntry, VerifiedRecord, verify_section};

/// More refused records than this in one pull, and the partner is paused.
pub const POISON_MAX: usize = 100;

/// One pull from one partner under one agreement.
pub struct Replication {
    desk: Arc<Desk>,
    peer: AgencyId,
    manifest: Manifest,
    normalisation: Vec<NormalisationVersion>,
    incarnation: Incarnation,
    replica: Replica,
    refused: usize,
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
        self.check_in_force(agreement, peer)?;
        let manifest = self.manifest(peer).ok_or(DeskError::Unavailable("its manifest"))?;
        let terms = self.agreement(agreement).ok_or(RefusalCode::AgreementUnknown)?;
        let replica = match self.store.get(Table::Cursor, &pair_key(peer, agreement))? {
            Some(bytes) => Replica::from_bytes(&bytes)?,
            None => Replica::new(peer.clone(), agreement.clone()),
        };
        Ok(Replication {
            desk: Arc::clone(self),
            peer: peer.clone(),
            manifest,
            normalisation: terms.normalisation_live.iter().copied().collect(),
            incarnation,
            replica,
            refused: 0,
        })
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
        let manifest = self.manifest(peer).ok_or(RefusalCode::NotAParty)?;
        let signed = Signed::<PurgeReceipt>::open(envelope, &manifest.record_key)
            .map_err(|error| DeskError::misbehaved(peer, error))?;
        let receipt = signed.message();
        if receipt.holder != *peer || receipt.origin != self.own {
            return Err(DeskError::misbehaved(peer, "a purge receipt about somebody else"));
        }
        let mut event = Event::new(self.now(), Act::Purged);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(receipt.agreement.clone());
        event.shared.count = u32::try_from(receipt.records).unwrap_or(u32::MAX);
        event.shared.exchange = Some(signed.envelope().payload_hash());
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }
}

impl Replication {
    /// What to send to the partner.
    pub fn request(&self) -> PullRequest {
        self.replica.request(self.incarnation)
    }

    /// Applies one message, all or nothing.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`]: the protocol was broken, or too many records were refused;
    /// nothing of the message was applied. A failing store.
    pub async fn apply(&mut self, message: PullMessage) -> Result<Applied, DeskError> {
        let desk = Arc::clone(&self.desk);
        desk.check_in_force(&self.replica.agreement, &self.peer)?;
        let mut replica = self.replica.clone();
        let effects = replica
            .accept(self.incarnation, &message)
            .map_err(|violation| DeskError::misbehaved(&self.peer, violation))?;
        let mut change = Changes::default();
        self.drop_classes(&effects, &mut change)?;
        if let Some(section) = &message.section {
            self.take_section(section, &mut replica, &mut change)?;
        }
        if replica == self.replica && change.is_empty() {
            return Ok(Applied::default());
        }
        let purge_receipt = self.purge_receipt(&effects, &change, message.grant_sequence);
        let batch = self.batch(&replica, &message, &change);
        desk.store.commit(batch).await?;
        self.replica = replica;
        self.refused += change.poison.len();
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
            }
        }
        change.purged = whole || !effects.dropped.is_empty();
        Ok(())
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
        let verified = verify_section(section, &expected)
            .map_err(|code| DeskError::misbehaved(&self.peer, code))?;
        change.poison.extend(verified.poison.iter().map(|poison| poison.code));
        let mut classes = Vec::new();
        for entry in verified.entries {
            match entry {
                VerifiedEntry::Add(verified) => {
                    classes.push(verified.class.hash());
                    self.take_record(*verified, now, change)?;
                }
                VerifiedEntry::Leave(record_id) => {
                    let class = replica.classes.get(&section.handle);
                    let class = class.and_then(|progress| progress.class);
                    if class.is_some() && self.class_of(&record_id) == class {
                        change.forget(record_id);
                        change.dropped.insert(record_id);
                    }
                }
                VerifiedEntry::Retract(tombstone) => {
                    let record_id = tombstone.message().record_id;
                    let row = desk.store.hit_row(&record_id);
                    if row.is_some_and(|row| row.origin == Ownership::Own) {
                        return Err(DeskError::misbehaved(&self.peer, "a tombstone of our record"));
                    }
                    change.forget(record_id);
                    if row.is_none_or(|row| row.withdrawn == Withdrawn::No) {
                        change.withdrawn.insert(record_id, tombstone);
                    }
                }
            }
        }
        replica
            .advance(section, classes)
            .map_err(|violation| DeskError::misbehaved(&self.peer, violation))
    }

    /// R7, our own policy, and the version that is here already.
    fn take_record(
        &self,
        verified: VerifiedRecord,
        now: Timestamp,
        change: &mut Changes,
    ) -> Result<(), DeskError> {
        let desk = &self.desk;
        let record_id = verified.record.message().record_id;
        let version = verified.record.message().version;
        if change.withdrawn.contains_key(&record_id) {
            return Ok(());
        }
        if let Some(row) = desk.store.hit_row(&record_id) {
            if row.origin == Ownership::Own {
                return Err(DeskError::misbehaved(&self.peer, "a record under our record's id"));
            }
            let dropped = row.class.is_some_and(|class| change.classes.contains(&class));
            let newer = version > row.version;
            if row.withdrawn == Withdrawn::Yes || !(newer || dropped || row.class.is_none()) {
                return Ok(());
            }
        }
        let class = Arc::new(verified.class);
        let decision = desk.gate.decide_class(
            Action::Receive,
            &self.peer,
            &class,
            Channel::Automated,
            now,
        );
        if let Err(refusal) = decision.permit() {
            change.poison.push(refusal.code);
            return Ok(());
        }
        let (record, envelope) = verified.record.into_parts();
        let token = Some((verified.token_epoch, verified.token));
        change.puts.insert(record_id, RecordPut { envelope, record, local: None, token });
        Ok(())
    }

    fn class_of(&self, record_id: &RecordId) -> Option<Digest> {
        let row = self.desk.store.hit_row(record_id)?;
        Some(self.desk.store.class(row.class?)?.hash)
    }

    fn purge_receipt(
        &self,
        effects: &Effects,
        change: &Changes,
        grant_sequence: u64,
    ) -> Option<Envelope> {
        if effects.dropped.is_empty() {
            return None;
        }
        let handles: Vec<ClassHandle> = effects.dropped.iter().map(|(handle, _)| *handle).collect();
        let receipt = PurgeReceipt {
            holder: self.desk.own.clone(),
            origin: self.peer.clone(),
            agreement: self.replica.agreement.clone(),
            grant_sequence,
            handles,
            records: change.classes.len() as u64,
        };
        Some(Signed::seal(receipt, &*self.desk.keys.record).into_parts().1)
    }

    /// Records, cursor and audit entries: one transaction.
    fn batch(&self, replica: &Replica, message: &PullMessage, change: &Changes) -> Batch {
        let now = self.desk.now();
        let agreement = &self.replica.agreement;
        let key = pair_key(&self.peer, agreement);
        let mut batch =
            Batch::new().with(put(Table::Cursor, &key, replica.to_bytes(), Secrecy::Plain));
        if !change.classes.is_empty() || !change.dropped.is_empty() {
            batch = batch.with(Change::DropForeign {
                origin: self.peer.clone(),
                classes: change.classes.clone(),
                record_ids: change.dropped.iter().copied().collect(),
            });
        }
        for put in change.puts.values() {
            batch = batch.with(Change::PutRecord(Box::new(put.clone())));
        }
        for tombstone in change.withdrawn.values() {
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
        if let Some(section) = &message.section {
            let mut received = event(Act::Received, section.entries.len());
            received.shared.exchange = Some(section.root());
            received.local.records = change.puts.keys().copied().collect();
            batch = batch.saying(received);
        }
        let mut reasons: BTreeMap<RefusalCode, usize> = BTreeMap::new();
        for code in &change.poison {
            *reasons.entry(*code).or_default() += 1;
        }
        for (code, count) in reasons {
            let mut refused = event(Act::ReceiptRefused, count);
            refused.local.code = Some(code);
            batch = batch.saying(refused);
        }
        batch
    }
}

/// What a message changes, gathered before anything is written. No record is named twice.
#[derive(Default)]
struct Changes {
    purged: bool,
    classes: Vec<ClassNumber>,
    dropped: BTreeSet<RecordId>,
    puts: BTreeMap<RecordId, RecordPut>,
    withdrawn: BTreeMap<RecordId, Signed<domain::withdrawal::Tombstone>>,
    poison: Vec<RefusalCode>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        !self.purged
            && self.dropped.is_empty()
            && self.puts.is_empty()
            && self.withdrawn.is_empty()
            && self.poison.is_empty()
    }

    fn forget(&mut self, record_id: RecordId) {
        self.puts.remove(&record_id);
        self.dropped.remove(&record_id);
    }
}

