//! What our people approved: taken in, taken back, listed, and what still waits for them.
//!
//! Kept by record, verified when it is handed in and again whenever it would let anything leave. The
//! one record that it lets leave goes as a class of its own: [`crate::class_of_one`].

use crate::error::DeskError;
use crate::{Desk, put};
use agreement::officer::Power;
use domain::approval::{
    Approval, ApprovalEnd, ApprovalPage, ApprovalReceipt, ApprovalStanding, ApprovalState,
    ApprovedAct, PendingApproval,
};
use domain::class::Class;
use domain::encoding;
use domain::envelope::{Envelope, Payload as _};
use domain::event::{Act, Event};
use domain::name::{AgencyId, Digest, OfficerId, RecordId};
use domain::refusal::{Refusal, RefusalCode};
use domain::report::PAGE_MAX;
use domain::time::Timestamp;
use policy::approval::{Subject, Used, Wanted};
use policy::{Action, Decision, invariant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use store::{Batch, Change, LogKind, Ownership, Precondition, RowState, Secrecy, Table, Withdrawn};

/// The most approvals of one record, those that ended included.
pub const PER_RECORD_MAX: usize = 64;
/// The most approvals of one node.
pub const APPROVALS_HERE_MAX: usize = 16_384;
/// The largest stored row, in bytes.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// How many rows of a class log are read at a time.
const LOG_ROWS: usize = 512;
/// The most records that are looked at for what waits.
const LOOKED_AT_MAX: usize = 8 * PAGE_MAX;

/// The rows of what our own people approved begin with this; a record id and the hash follow.
const OWN: u8 = b'a';

/// An approval as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Kept {
    #[n(1)]
    signed: Envelope,
    /// Who took it back, as signed. Kept until the approval's own end, so that it cannot be handed in
    /// again.
    #[n(2)]
    end: Option<Envelope>,
}

/// One that is in memory.
#[derive(Debug, Clone)]
struct Entry {
    approval: Approval,
    kept: Kept,
}

/// The approvals of our own people.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Moves with every change: what was decided before it is decided again.
    turn: u64,
    entries: BTreeMap<RecordId, BTreeMap<Digest, Entry>>,
}

impl Desk {
    /// Takes in what somebody signed for an own record. The same again is harmless.
    ///
    /// # Errors
    /// A refusal, which is an entry of the log: not signed by who may, of a record that is not there
    /// in that version, by who stated it, or of something that no approval lets happen.
    pub async fn take_approval(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        signed: Envelope,
    ) -> Result<ApprovalReceipt, DeskError> {
        let now = self.now();
        match self.judge_approval(&record_id, &signed, now) {
            Ok(approval) => self.keep_approval(officer, approval, signed, now).await,
            Err(DeskError::Refused(refusal)) => {
                let mut event = Event::new(now, Act::ApprovalRefused);
                event.local.officer = Some(officer.clone());
                event.local.records = vec![record_id];
                self.refuse_approval(event, refusal).await
            }
            Err(error) => Err(error),
        }
    }

    async fn refuse_approval<T>(&self, mut event: Event, refusal: Refusal) -> Result<T, DeskError> {
        event.local.code = Some(refusal.code);
        event.local.rule.clone_from(&refusal.rule);
        self.store.commit(Batch::new().saying(event)).await?;
        Err(refusal.into())
    }

    /// Everything that must be so before an approval is kept.
    fn judge_approval(
        &self,
        record_id: &RecordId,
        signed: &Envelope,
        now: Timestamp,
    ) -> Result<Approval, DeskError> {
        let class = self.class_of_own(record_id)?;
        let docket = self.docket(&class.agreement).ok_or(RefusalCode::AgreementUnknown)?;
        let unsigned =
            |_| Refusal::by_rule(RefusalCode::SignatureInvalid, invariant::APPROVAL_SIGNED);
        let (approval, _) = docket.register().read::<Approval>(signed).map_err(unsigned)?;
        let row = self.store.hit_row(record_id).ok_or(RefusalCode::NotHeld)?;
        if approval.record_id != *record_id || approval.version != row.version {
            return Err(
                Refusal::by_rule(RefusalCode::VersionConflict, invariant::APPROVAL_FITS).into()
            );
        }
        let subject = Subject { record_id: *record_id, version: row.version, class: &class };
        let (recipient, act) = (&approval.peer, &approval.act);
        let wanted = Wanted { subject: &subject, recipient, act, purpose: None };
        self.gate.check_approval(signed, wanted, now)?;
        let local = self.store.local_part(record_id)?.ok_or(RefusalCode::NotHeld)?;
        if local.officer.as_ref() == Some(&approval.officer) {
            let rule = invariant::APPROVAL_OTHER_EYES;
            return Err(Refusal::by_rule(RefusalCode::OfficerNotEntitled, rule).into());
        }
        let (mut with, _) = self.approvals_for(record_id, &approval.peer, &approval.act);
        with.push(signed.clone());
        let (gate, peer) = (&self.gate, &approval.peer);
        match &approval.act {
            ApprovedAct::Share => {
                let (decided, _) = gate.decide_record(Action::Share, peer, &subject, &with, now);
                if let Decision::Deny(refusal) = decided {
                    return Err(refusal.into());
                }
            }
            ApprovedAct::JudicialUse { case_reference } => {
                let used = asked_by_nobody(peer, case_reference);
                gate.decide_court_use(used, &subject, &with, now)?;
            }
        }
        let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
        let known = book.entries.get(record_id);
        let hash = signed.payload_hash();
        if known.and_then(|known| known.get(&hash)).is_some_and(|known| known.kept.end.is_some()) {
            return Err(Refusal::by_rule(RefusalCode::Expired, invariant::APPROVAL_TIME).into());
        }
        let all: usize = book.entries.values().map(BTreeMap::len).sum();
        if known.map_or(0, BTreeMap::len) >= PER_RECORD_MAX || all >= APPROVALS_HERE_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        Ok(approval)
    }

    async fn keep_approval(
        &self,
        officer: &OfficerId,
        approval: Approval,
        signed: Envelope,
        now: Timestamp,
    ) -> Result<ApprovalReceipt, DeskError> {
        let (hash, record_id) = (signed.payload_hash(), approval.record_id);
        if self.is_kept(&record_id, &hash) {
            return self.receipt_for(hash, &approval, 0, now);
        }
        let mut event = approval_event(Act::Approved, officer, &approval, hash, now);
        event.local.note = Some(format!("signed by {}: {}", approval.officer, approval.reason));
        let key = own_key(&record_id, &hash);
        let kept = Kept { signed, end: None };
        let free = Precondition::Row { table: Table::Approval, key, is: RowState::Absent };
        let key = own_key(&record_id, &hash);
        let value = encoding::to_bytes(&kept);
        let batch = Batch::new()
            .provided(free)
            .with(put(Table::Approval, &key, value, Secrecy::Sealed))
            .saying(event);
        let committed = match self.store.commit(batch).await {
            Err(store::Error::Conflict(_)) => return Err(RefusalCode::VersionConflict.into()),
            committed => committed?,
        };
        // It widens: durable first, then in use.
        let entry = Entry { approval: approval.clone(), kept };
        self.change_book(|book| {
            book.entries.entry(record_id).or_default().insert(hash, entry);
        });
        self.receipt_for(hash, &approval, committed.seq, now)
    }

    /// Takes an approval back. From the return on nothing leaves by it, and the partner is told with
    /// its next pull.
    ///
    /// # Errors
    /// A refusal: no such approval, or not signed by who may. A failing store: then nothing leaves by
    /// it until the next start.
    pub async fn end_approval(
        &self,
        officer: &OfficerId,
        signed: Envelope,
    ) -> Result<ApprovalReceipt, DeskError> {
        let now = self.now();
        let (approval, hash, kept) = match self.judge_end(&signed, now) {
            Ok(found) => found,
            Err(DeskError::Refused(refusal)) => {
                let mut event = Event::new(now, Act::ApprovalRefused);
                event.local.officer = Some(officer.clone());
                return self.refuse_approval(event, refusal).await;
            }
            Err(error) => return Err(error),
        };
        let record_id = approval.record_id;
        let ended = Kept { end: Some(signed), ..kept };
        // It narrows: first out of use, then durable.
        let entry = Entry { approval: approval.clone(), kept: ended.clone() };
        self.change_book(|book| {
            book.entries.entry(record_id).or_default().insert(hash, entry);
        });
        let event = approval_event(Act::ApprovalEnded, officer, &approval, hash, now);
        let (key, value) = (own_key(&record_id, &hash), encoding::to_bytes(&ended));
        let batch = Batch::new().with(put(Table::Approval, &key, value, Secrecy::Sealed));
        let committed = self.store.commit(batch.saying(event)).await?;
        self.receipt_for(hash, &approval, committed.seq, now)
    }

    fn judge_end(
        &self,
        signed: &Envelope,
        now: Timestamp,
    ) -> Result<(Approval, Digest, Kept), DeskError> {
        let refused =
            || Refusal::by_rule(RefusalCode::SignatureInvalid, invariant::APPROVAL_SIGNED);
        for docket in self.dockets() {
            let register = docket.register();
            let Ok((end, key)) = register.read::<ApprovalEnd>(signed) else { continue };
            let Some((approval, kept)) = self.find_approval(&end.approval) else {
                return Err(RefusalCode::NotHeld.into());
            };
            let state = docket.state(now);
            let version = docket.version(&state).hash();
            let signatory = register.signatory(&version, &self.own, key, Power::Approve, now);
            let certified = signatory.map_err(|_| refused())?.certified;
            let is_named = certified.is_none_or(|(officer, _)| officer == end.officer);
            if end.agency != self.own || approval.agreement != *register.id() || !is_named {
                return Err(refused().into());
            }
            return Ok((approval, end.approval, kept));
        }
        Err(refused().into())
    }

    /// A page of approvals by record, after this record and hash; on the first one what waits, too.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn list_approvals(
        &self,
        after: Option<(RecordId, Digest)>,
    ) -> Result<ApprovalPage, DeskError> {
        let now = self.now();
        let mut page = ApprovalPage::default();
        if after.is_none() {
            (page.pending, page.more_pending) = self.pending_permissions(now)?;
            let (records, more) = self.pending_approvals(now);
            page.pending.extend(records);
            page.more_pending |= more || page.pending.len() > PAGE_MAX;
            page.pending.truncate(PAGE_MAX);
        }
        let entries: Vec<Entry> = {
            let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
            let all = book.entries.iter().flat_map(|(record, known)| {
                known.iter().map(move |(hash, entry)| ((*record, *hash), entry))
            });
            let rest = all.filter(|(at, _)| after.is_none_or(|after| *at > after));
            rest.take(PAGE_MAX).map(|(_, entry)| entry.clone()).collect()
        };
        page.approvals =
            entries.into_iter().map(|entry| self.approval_standing(entry, now)).collect();
        Ok(page)
    }

    fn approval_standing(&self, entry: Entry, now: Timestamp) -> ApprovalStanding {
        let Entry { approval, kept } = entry;
        let row = self.store.hit_row(&approval.record_id).filter(|row| row.is_live(now));
        let class = row.and_then(|row| self.store.class(row.class?));
        let same = row.is_some_and(|row| row.version == approval.version);
        let state = match class {
            _ if kept.end.is_some() => ApprovalState::Ended,
            _ if now >= approval.valid_until => ApprovalState::Expired,
            Some(found) if same => {
                let (record_id, version) = (approval.record_id, approval.version);
                let subject = Subject { record_id, version, class: &found.class };
                let (recipient, act) = (&approval.peer, &approval.act);
                let wanted = Wanted { subject: &subject, recipient, act, purpose: None };
                match self.gate.check_approval(&kept.signed, wanted, now) {
                    Ok(_) => ApprovalState::Counts,
                    Err(_) => ApprovalState::DoesNotCount,
                }
            }
            _ => ApprovalState::RecordChanged,
        };
        ApprovalStanding { approval: kept.signed.payload_hash(), signed: kept.signed, state }
    }

    /// Own records that would leave for a partner if people approved.
    fn pending_approvals(&self, now: Timestamp) -> (Vec<PendingApproval>, bool) {
        let (mut pending, mut looked_at) = (Vec::new(), 0);
        for agreement in self.agreement_ids() {
            for entry in self.store.classes(&self.own, &agreement) {
                let asking = self.asking_for(&entry.class, now);
                if entry.records == 0 || asking.is_empty() {
                    continue;
                }
                for record_id in self.records_in(entry.number) {
                    looked_at += 1;
                    if pending.len() >= PAGE_MAX || looked_at > LOOKED_AT_MAX {
                        return (pending, true);
                    }
                    let waits = asking
                        .iter()
                        .filter_map(|peer| self.waiting(&record_id, &entry.class, peer, now));
                    pending.extend(waits);
                }
            }
        }
        pending.truncate(PAGE_MAX);
        (pending, false)
    }

    /// The partners for whom this class takes approvals, and nothing else.
    fn asking_for(&self, class: &Arc<Class>, now: Timestamp) -> Vec<AgencyId> {
        let asks = |peer: &AgencyId| self.needs_people(peer, class, now).is_some();
        self.gate.peers_of(&class.agreement, now).into_iter().filter(asks).collect()
    }

    /// The rule that asks for the approval of people, and of how many, where nothing else stands in
    /// the way of a record of this class.
    pub(crate) fn needs_people(
        &self,
        peer: &AgencyId,
        class: &Arc<Class>,
        now: Timestamp,
    ) -> Option<(u8, String)> {
        let nobody = RecordId::from_bytes([0; RecordId::BYTES]);
        let version = domain::record::Version::FIRST;
        let subject = Subject { record_id: nobody, version, class };
        match self.gate.decide_record(Action::Share, peer, &subject, &[], now).0 {
            // What a hand alone would move is not what waits for one.
            Decision::NeedsApproval { persons, rule, .. }
                if rule != invariant::AUTHORITY_APPROVAL =>
            {
                Some((persons, rule))
            }
            _ => None,
        }
    }

    fn waiting(
        &self,
        record_id: &RecordId,
        class: &Arc<Class>,
        peer: &AgencyId,
        now: Timestamp,
    ) -> Option<PendingApproval> {
        let row = self.store.hit_row(record_id).filter(|row| row.is_live(now))?;
        let subject = Subject { record_id: *record_id, version: row.version, class };
        let (signed, _) = self.approvals_for(record_id, peer, &ApprovedAct::Share);
        let (decision, approved) =
            self.gate.decide_record(Action::Share, peer, &subject, &signed, now);
        let Decision::NeedsApproval { persons, rule, .. } = decision else { return None };
        Some(PendingApproval {
            record_id: *record_id,
            peer: peer.clone(),
            agreement: class.agreement.clone(),
            act: ApprovedAct::Share,
            asked_for: None,
            purposes: class.purposes.clone(),
            persons: approved.persons,
            needed: u32::from(persons),
            rule,
        })
    }

    fn records_in(&self, number: store::ClassNumber) -> BTreeSet<RecordId> {
        let (mut records, mut from) = (BTreeSet::new(), 0);
        while records.len() <= LOOKED_AT_MAX {
            let rows = self.store.class_log(number, from, LOG_ROWS);
            let Some(last) = rows.last() else { break };
            from = last.position.saturating_add(1);
            let added = rows.iter().filter(|row| row.kind == LogKind::Add);
            records.extend(added.map(|row| row.record_id));
        }
        let is_here = |record: &RecordId| {
            self.store.hit_row(record).is_some_and(|row| row.class == Some(number))
        };
        records.retain(is_here);
        records
    }

    /// The approvals of a record for a partner that were not taken back, and the turn of the book
    /// they were read in.
    pub(crate) fn approvals_for(
        &self,
        record_id: &RecordId,
        peer: &AgencyId,
        act: &ApprovedAct,
    ) -> (Vec<Envelope>, u64) {
        let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
        let known = book.entries.get(record_id).into_iter().flat_map(BTreeMap::values);
        let live = known.filter(|entry| {
            entry.kept.end.is_none() && entry.approval.peer == *peer && entry.approval.act == *act
        });
        let mut live: Vec<&Entry> = live.collect();
        // Of more than are looked at, the youngest.
        live.sort_by_key(|entry| core::cmp::Reverse(entry.approval.made_at));
        let live = live.into_iter().take(domain::approval::APPROVALS_MAX);
        (live.map(|entry| entry.kept.signed.clone()).collect(), book.turn)
    }

    /// The records that somebody approved for a partner.
    pub(crate) fn approved_records(&self, peer: &AgencyId) -> Vec<RecordId> {
        let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
        let for_peer = |entry: &Entry| {
            entry.kept.end.is_none()
                && entry.approval.peer == *peer
                && entry.approval.act == ApprovedAct::Share
        };
        let records = book.entries.iter().filter(|(_, known)| known.values().any(for_peer));
        records.map(|(record_id, _)| *record_id).collect()
    }

    /// The partners that a record was approved for: those to be told of a change.
    pub(crate) fn approved_partners(&self, record_id: &RecordId) -> BTreeSet<AgencyId> {
        let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
        let known = book.entries.get(record_id).into_iter().flat_map(BTreeMap::values);
        let sent = known.filter(|entry| entry.approval.act == ApprovedAct::Share);
        sent.map(|entry| entry.approval.peer.clone()).collect()
    }

    /// Moves whenever an approval comes or goes.
    pub(crate) fn turn_of_approvals(&self) -> u64 {
        self.approvals.read().unwrap_or_else(PoisonError::into_inner).turn
    }

    /// Approvals that count for nothing since before this instant, at most so many. Those taken back
    /// are kept as long, so that they cannot be handed in again.
    pub(crate) fn approvals_ended_before(
        &self,
        instant: Timestamp,
        most: usize,
    ) -> Vec<(RecordId, Digest)> {
        let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
        let all = book.entries.iter().flat_map(|(record_id, known)| {
            let ended = known.iter().filter(|(_, one)| one.approval.valid_until <= instant);
            ended.map(|(hash, _)| (*record_id, *hash))
        });
        all.take(most).collect()
    }

    /// Deletes approvals, durably first.
    pub(crate) async fn delete_approvals(
        &self,
        ended: &[(RecordId, Digest)],
    ) -> Result<(), DeskError> {
        let delete = |batch: Batch, (record_id, hash): &(RecordId, Digest)| {
            let key = own_key(record_id, hash);
            batch.with(Change::Delete { table: Table::Approval, key })
        };
        self.store.commit(ended.iter().fold(Batch::new(), delete)).await?;
        self.change_book(|book| {
            for (record_id, hash) in ended {
                let known = book.entries.get_mut(record_id);
                if known.is_some_and(|known| known.remove(hash).is_some() && known.is_empty()) {
                    book.entries.remove(record_id);
                }
            }
        });
        Ok(())
    }

    pub(crate) fn load_approvals(&self) -> Result<(), DeskError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::Approval, &[OWN], after.as_deref(), 256)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = Some(last.clone());
            for (_, value) in rows {
                let kept: Kept = encoding::from_bytes("approval", &value, ROW_BYTES_MAX)?;
                // It was verified before it was kept, and is again before it is used.
                let approval = Approval::from_payload(&kept.signed.payload)?;
                let (record_id, hash) = (approval.record_id, kept.signed.payload_hash());
                let entry = Entry { approval, kept };
                self.change_book(|book| {
                    book.entries.entry(record_id).or_default().insert(hash, entry);
                });
            }
        }
    }

    fn change_book(&self, change: impl FnOnce(&mut Book)) {
        let mut book = self.approvals.write().unwrap_or_else(PoisonError::into_inner);
        book.turn = book.turn.saturating_add(1);
        change(&mut book);
    }

    fn is_kept(&self, record_id: &RecordId, hash: &Digest) -> bool {
        let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
        book.entries.get(record_id).is_some_and(|known| known.contains_key(hash))
    }

    fn find_approval(&self, hash: &Digest) -> Option<(Approval, Kept)> {
        let book = self.approvals.read().unwrap_or_else(PoisonError::into_inner);
        let mut known = book.entries.values().filter_map(|known| known.get(hash));
        known.next().map(|entry| (entry.approval.clone(), entry.kept.clone()))
    }

    fn class_of_own(&self, record_id: &RecordId) -> Result<Arc<Class>, DeskError> {
        let row = self.store.hit_row(record_id).ok_or(RefusalCode::NotHeld)?;
        if row.origin != Ownership::Own {
            return Err(RefusalCode::OriginMismatch.into());
        }
        if row.withdrawn == Withdrawn::Yes {
            return Err(RefusalCode::Withdrawn.into());
        }
        let entry = row.class.and_then(|number| self.store.class(number));
        Ok(entry.ok_or(RefusalCode::NotHeld)?.class)
    }

    fn receipt_for(
        &self,
        hash: Digest,
        approval: &Approval,
        audit_sequence: u64,
        now: Timestamp,
    ) -> Result<ApprovalReceipt, DeskError> {
        let (record_id, peer) = (approval.record_id, &approval.peer);
        let (signed, _) = self.approvals_for(&record_id, peer, &approval.act);
        let mut receipt = ApprovalReceipt {
            approval: hash,
            record_id,
            peer: peer.clone(),
            persons: Vec::new(),
            needed: 1,
            audit_sequence,
        };
        let Ok(class) = self.class_of_own(&record_id) else { return Ok(receipt) };
        let subject = Subject { record_id, version: approval.version, class: &class };
        if let ApprovedAct::JudicialUse { case_reference } = &approval.act {
            let used = asked_by_nobody(peer, case_reference);
            let weighed = self.gate.decide_court_use(used, &subject, &signed, now);
            if let Ok(weighed) = weighed {
                receipt.needed = u32::from(weighed.needed);
                receipt.persons = weighed.approved.persons;
            }
            return Ok(receipt);
        }
        let (decision, approved) =
            self.gate.decide_record(Action::Share, peer, &subject, &signed, now);
        receipt.needed = match decision {
            Decision::NeedsApproval { persons, .. } => u32::from(persons),
            _ => u32::try_from(approved.persons.len()).unwrap_or(u32::MAX).max(1),
        };
        receipt.persons = approved.persons;
        Ok(receipt)
    }
}

fn approval_event(
    act: Act,
    officer: &OfficerId,
    approval: &Approval,
    hash: Digest,
    now: Timestamp,
) -> Event {
    let mut event = Event::new(now, act);
    event.shared.peer = Some(approval.peer.clone());
    event.shared.agreement = Some(approval.agreement.clone());
    event.shared.purpose = approval.purposes.first().copied();
    event.shared.count = 1;
    event.shared.exchange = Some(hash);
    event.local.officer = Some(officer.clone());
    event.local.records = vec![approval.record_id];
    event
}

/// A use in court that people sign for before anybody asks: the purpose and the offence of the case are
/// those that will be asked for.
const fn asked_by_nobody<'a>(holder: &'a AgencyId, case: &'a str) -> Used<'a> {
    Used { holder, case, purpose: None, offence: None }
}

fn own_key(record_id: &RecordId, hash: &Digest) -> Vec<u8> {
    let mut key = vec![OWN];
    key.extend_from_slice(record_id.as_bytes());
    key.extend_from_slice(hash.as_bytes());
    key
}
