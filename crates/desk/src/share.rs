//! The origin's side of sync: a partner's view is cut by policy before anything is read, granted,
//! and sent in bounded batches, each with an audit entry that is durable before its bytes leave.

use crate::class_of_one::One;
use crate::error::DeskError;
use crate::{Desk, pair_key, put};
use domain::class::Class;
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest, RecordId};
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use domain::token::{SheetRow, TokenEpoch, TokenKey, TokenSheet};
use domain::value::Channel;
use policy::{Action, Held, Permit, PolicyEpoch, Released};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use store::{Batch, ClassNumber, Secrecy, StoredRecord, Table, Withdrawn};
use sync::message::{
    Entry, Epoch, LogKind, LogRow, PullRequest, SECTION_BYTES_MAX, SECTION_ENTRIES_MAX, Section,
    UpToDate, VIEW_CLASSES_MAX,
};
use sync::origin::{self, Grant, Grants, Life, Regrant, RowState, VisibleClass};

/// One message for a partner: only its section carries records, and only released.
#[derive(Debug)]
pub struct ViewMessage {
    /// Our epoch.
    pub epoch: Epoch,
    /// The grant sequence the message was made under.
    pub grant_sequence: u64,
    /// The whole grant set, when it is new to the partner.
    pub grants: Option<Vec<ClassHandle>>,
    /// A piece of one class log.
    pub section: Option<Released<Section>>,
    /// Is this all for now?
    pub up_to_date: UpToDate,
}

/// A partner's pull, answered message by message.
pub struct ViewStream {
    desk: Arc<Desk>,
    peer: AgencyId,
    agreement: AgreementId,
    positions: BTreeMap<ClassHandle, u64>,
    told_sequence: Option<u64>,
    view: Option<View>,
    ended: bool,
}

/// What the partner may see, as decided in one policy epoch.
struct View {
    decided_in: Basis,
    /// The instant at which some approval in it ends (exclusive).
    until: Timestamp,
    classes_known: usize,
    grants: Grants,
    classes: BTreeMap<Digest, Granted>,
}

/// What a view rests on; whatever moves is decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Basis {
    policy: PolicyEpoch,
    approvals: u64,
}

pub(crate) struct Granted {
    pub(crate) number: ClassNumber,
    pub(crate) class: Arc<Class>,
    pub(crate) permit: Permit,
    pub(crate) end: u64,
    pub(crate) records: u64,
    /// The one record that is granted of this class, by approval, and the hash of the class.
    pub(crate) only: Option<(One, Digest)>,
}

/// The grants of one partner under one agreement, and whether the store has them yet.
pub(crate) struct KeptGrants {
    grants: Grants,
    durable: Durable,
    new_epoch_at: Option<Timestamp>,
    /// How far each class was sent, by its handle: see [`crate::holder`].
    pub(crate) sent: BTreeMap<ClassHandle, u64>,
}

impl KeptGrants {
    /// What the partner may see.
    pub(crate) const fn grants(&self) -> &Grants {
        &self.grants
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durable {
    No,
    Yes,
}

/// How often one partner can be given a new epoch, in milliseconds.
const NEW_EPOCH_MS: u64 = 3_600_000;

impl Desk {
    /// Opens a partner's view.
    ///
    /// # Errors
    /// A refusal if the agreement carries nothing between us now, or the request is bound to
    /// another process (R11) or holds too many cursors.
    pub async fn open_view(
        self: &Arc<Self>,
        peer: &AgencyId,
        request: PullRequest,
    ) -> Result<ViewStream, DeskError> {
        if let Err(code) = self.check_carries(&request.agreement, &self.own, peer) {
            self.refuse_peer(peer, code).await?;
            return Err(code.into());
        }
        if request.incarnation != self.incarnation {
            return Err(RefusalCode::Unavailable.into());
        }
        if request.cursors.len() > VIEW_CLASSES_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let epoch = self.epoch_for(peer, &request).await?;
        let same_epoch = request.epoch == Some(epoch);
        let cursors = request.cursors.iter().map(|cursor| (cursor.handle, cursor.position));
        Ok(ViewStream {
            desk: Arc::clone(self),
            peer: peer.clone(),
            agreement: request.agreement,
            positions: if same_epoch { cursors.collect() } else { BTreeMap::new() },
            told_sequence: same_epoch.then_some(request.grant_sequence),
            view: None,
            ended: false,
        })
    }

    /// R5: a partner that has seen a history that is not ours gets a new epoch, which is its own: no
    /// other partner is touched. At most one an hour, so that it cannot be used to wear us out.
    async fn epoch_for(&self, peer: &AgencyId, request: &PullRequest) -> Result<Epoch, DeskError> {
        let key = pair_key(peer, &request.agreement);
        let ends: BTreeMap<Digest, u64> = self
            .store
            .classes(&self.own, &request.agreement)
            .into_iter()
            .map(|entry| (entry.hash, entry.end))
            .collect();
        let pending = {
            let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
            let known = self.kept_grants(&mut kept, &key)?;
            let Some(shown) = request.epoch else { return Ok(known.grants.epoch) };
            let end = |class: &Digest| ends.get(class).copied();
            let (sequence, cursors) = (request.grant_sequence, request.cursors.as_slice());
            if !known.grants.shows_the_future(shown, sequence, cursors, end) {
                return Ok(known.grants.epoch);
            }
            let now = self.now();
            if known.new_epoch_at.is_some_and(|at| now < at.plus_ms(NEW_EPOCH_MS)) {
                return Err(RefusalCode::Unavailable.into());
            }
            let epoch = known.grants.epoch_after(shown, self.entropy.bytes());
            let epoch = epoch.ok_or(RefusalCode::Malformed)?;
            known.grants.regrant(epoch, &[], || ClassHandle::from_bytes(self.entropy.bytes()));
            (known.new_epoch_at, known.durable) = (Some(now), Durable::No);
            let mut event = Event::new(now, Act::Alarm);
            event.shared.peer = Some(peer.clone());
            event.shared.agreement = Some(request.agreement.clone());
            event.local.note = Some("it has seen a history that is not ours: new epoch".into());
            let row = put(Table::GrantSet, &key, known.grants.to_bytes(), Secrecy::Plain);
            tracing::warn!(%peer, "a partner has seen a history that is not ours; new epoch begun");
            let batch = known.forget_sent(&key, Batch::new().with(row).saying(event));
            (self.store.commit(batch), epoch)
        };
        let (pending, epoch) = pending;
        pending.await?;
        Ok(epoch)
    }

    /// The grants of a pair, from memory or else from the store.
    pub(crate) fn kept_grants<'a>(
        &self,
        kept: &'a mut BTreeMap<Vec<u8>, KeptGrants>,
        key: &[u8],
    ) -> Result<&'a mut KeptGrants, DeskError> {
        if !kept.contains_key(key) {
            let grants = match self.store.get(Table::GrantSet, key)? {
                Some(bytes) => Grants::from_bytes(&bytes)?,
                None => Grants::none(Epoch { counter: 1, random: self.entropy.bytes() }),
            };
            let sent = self.load_sent(key)?;
            let fresh = KeptGrants { grants, durable: Durable::No, new_epoch_at: None, sent };
            kept.insert(key.to_vec(), fresh);
        }
        kept.get_mut(key).ok_or(DeskError::Fault("grants that were just kept"))
    }

    /// What was written is durable; if the grants have moved on since, they are not yet.
    fn grants_are_durable(&self, key: &[u8], epoch: Epoch, sequence: u64) {
        let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get_mut(key) {
            let same = kept.grants.epoch == epoch && kept.grants.sequence == sequence;
            if same {
                kept.durable = Durable::Yes;
            }
        }
    }

    /// Decides every class for a partner, and stores the grants if they changed, before a byte
    /// leaves under them.
    async fn view_of(&self, peer: &AgencyId, agreement: &AgreementId) -> Result<View, DeskError> {
        let key = pair_key(peer, agreement);
        loop {
            let now = self.now();
            let decided_in = self.basis();
            let (classes_known, mut classes) = self.visible_classes(peer, agreement, now);
            self.add_approved(peer, agreement, &mut classes, now);
            let (grants, pending) = {
                // Two pulls of one partner must not draw handles side by side.
                let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
                if self.basis() != decided_in {
                    // What was decided under another policy must not be granted after this one.
                    continue;
                }
                let known = self.kept_grants(&mut kept, &key)?;
                // A class in which nothing lives is not granted: its handle would only tell of it.
                let visible: Vec<VisibleClass> = classes
                    .iter()
                    .filter(|(hash, granted)| {
                        granted.records > 0 || known.grants.classes.contains_key(*hash)
                    })
                    .map(|(hash, granted)| VisibleClass {
                        class: *hash,
                        end: granted.end,
                        only: granted.only.as_ref().map(|(one, _)| one.record_id),
                    })
                    .collect();
                let draw = || ClassHandle::from_bytes(self.entropy.bytes());
                let epoch = known.grants.epoch;
                if known.grants.regrant(epoch, &visible, draw) == Regrant::Changed {
                    known.durable = Durable::No;
                }
                let pending = (known.durable == Durable::No)
                    .then(|| self.keep_grants(peer, agreement, known, now));
                (known.grants.clone(), pending)
            };
            if let Some(pending) = pending {
                pending.await?;
                self.grants_are_durable(&key, grants.epoch, grants.sequence);
            }
            let ends = classes.values().filter_map(|granted| granted.only.as_ref());
            let until = ends.map(|(one, _)| one.until).min().unwrap_or(Timestamp::MAX);
            return Ok(View { decided_in, until, classes_known, grants, classes });
        }
    }

    fn basis(&self) -> Basis {
        Basis { policy: self.gate.epoch(), approvals: self.turn_of_approvals() }
    }

    /// The classes that policy lets this partner see now, and how many there are in all.
    fn visible_classes(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        now: Timestamp,
    ) -> (usize, BTreeMap<Digest, Granted>) {
        let entries = self.store.classes(&self.own, agreement);
        let known = entries.len();
        let allowed = entries.into_iter().filter_map(|entry| {
            let (share, channel) = (Action::Share, Channel::Automated);
            let decision = self.gate.decide_class(share, peer, &entry.class, channel, now);
            let permit = decision.permit().ok()?;
            let store::ClassEntry { number, class, hash, end, records } = entry;
            Some((hash, Granted { number, class, permit, end, records, only: None }))
        });
        (known, allowed.collect())
    }

    fn keep_grants(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        known: &mut KeptGrants,
        now: Timestamp,
    ) -> store::PendingCommit {
        let mut event = Event::new(now, Act::Granted);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(agreement.clone());
        event.shared.count = u32::try_from(known.grants.classes.len()).unwrap_or(u32::MAX);
        let key = pair_key(peer, agreement);
        let row = put(Table::GrantSet, &key, known.grants.to_bytes(), Secrecy::Plain);
        self.store.commit(known.forget_sent(&key, Batch::new().with(row).saying(event)))
    }
}

impl ViewStream {
    /// The next message, or `None` after the one that said "up to date".
    ///
    /// # Errors
    /// A refusal when the agreement or our policy no longer lets anything pass, or a failing store.
    pub async fn next(&mut self) -> Result<Option<ViewMessage>, DeskError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            self.desk.check_carries(&self.agreement, &self.desk.own, &self.peer)?;
            self.refresh().await?;
            let Some(view) = &self.view else {
                return Err(DeskError::Fault("a view that is not there"));
            };
            let planned = plan(&self.desk, view, &self.positions)?;
            let Some(planned) = planned else {
                self.ended = true;
                return Ok(Some(self.message(None, UpToDate::Yes)?));
            };
            let decided_in = view.decided_in;
            let empty = planned.section.entries.is_empty();
            if !empty {
                self.desk.record_share(&self.peer, &self.agreement, &planned).await?;
            }
            // R2 and R3: what held before the entry was durable may no longer hold.
            let now = self.desk.now();
            let same_policy =
                self.desk.basis() == decided_in && self.desk.gate.is_current(&planned.permit, now);
            let approved =
                planned.approved_by.is_none() || self.desk.is_still_approved(&planned, now);
            if !same_policy || !approved {
                self.view = None;
                continue;
            }
            if !planned.still_holds(&self.desk, now) {
                continue;
            }
            self.positions.insert(planned.section.handle, planned.section.to);
            let section = Held::new(planned.section, planned.class).release(&planned.permit)?;
            return Ok(Some(self.message(Some(section), UpToDate::No)?));
        }
    }

    /// Decides again if the policy or the set of our classes changed.
    async fn refresh(&mut self) -> Result<(), DeskError> {
        let desk = &self.desk;
        let known = desk.store.classes(&desk.own, &self.agreement).len();
        let fresh = self.view.as_ref().is_some_and(|view| {
            view.decided_in == desk.basis()
                && view.classes_known == known
                && desk.now() < view.until
        });
        if !fresh {
            self.view = Some(desk.view_of(&self.peer, &self.agreement).await?);
        }
        Ok(())
    }

    fn message(
        &mut self,
        section: Option<Released<Section>>,
        up_to_date: UpToDate,
    ) -> Result<ViewMessage, DeskError> {
        let view = self.view.as_ref().ok_or(DeskError::Fault("a view that is not there"))?;
        let sequence = view.grants.sequence;
        let news = self.told_sequence != Some(sequence);
        let grants = news.then(|| view.grants.handles());
        self.told_sequence = Some(sequence);
        Ok(ViewMessage {
            epoch: view.grants.epoch,
            grant_sequence: sequence,
            grants,
            section,
            up_to_date,
        })
    }
}

/// A section that is ready to be recorded and sent.
pub(crate) struct Planned {
    pub(crate) section: Section,
    pub(crate) class: Arc<Class>,
    pub(crate) hash: Digest,
    pub(crate) permit: Permit,
    pub(crate) records: Vec<RecordId>,
    pub(crate) added: Vec<LogRow>,
    /// Those who approved it, if it is one record that leaves by approval.
    pub(crate) approved_by: Option<String>,
}

impl Planned {
    /// Is every record in it still what it was, in its class and alive?
    fn still_holds(&self, desk: &Desk, now: Timestamp) -> bool {
        self.added.iter().all(|row| {
            row_state(desk, &row.record_id, now).is_some_and(|state| {
                state.version == row.version
                    && state.class == self.hash
                    && state.life == Life::Alive
            })
        })
    }
}

/// The next section of the first class that the partner has not seen to its end.
fn plan(
    desk: &Desk,
    view: &View,
    positions: &BTreeMap<ClassHandle, u64>,
) -> Result<Option<Planned>, DeskError> {
    for (hash, grant) in &view.grants.classes {
        let Some(granted) = view.classes.get(hash) else { continue };
        let from = positions.get(&grant.handle).copied().unwrap_or(0);
        if let Some((one, class)) = &granted.only {
            let planned = if from == 0 { desk.plan_one(grant, granted, one, class)? } else { None };
            if planned.is_some() {
                return Ok(planned);
            }
            continue;
        }
        let rows = desk.store.class_log(granted.number, from, SECTION_ENTRIES_MAX);
        if rows.is_empty() {
            continue;
        }
        return fill(desk, hash, grant, granted, from, &rows).map(Some);
    }
    Ok(None)
}

/// Reads the rows that R2 lets through, until the section is full.
fn fill(
    desk: &Desk,
    hash: &Digest,
    grant: &Grant,
    granted: &Granted,
    from: u64,
    rows: &[LogRow],
) -> Result<Planned, DeskError> {
    let now = desk.now();
    let state = |record_id: &RecordId| row_state(desk, record_id, now);
    let selected = origin::select(rows, hash, grant, state);
    let mut to = rows.last().map_or(from, |row| row.position + 1);
    let mut sheet: Option<Sheet> = None;
    let (mut entries, mut records, mut added) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0_usize;
    for row in selected {
        let entry = match row.kind {
            LogKind::Leave => Some(Entry::Leave(row.record_id)),
            LogKind::Retract => desk.store.tombstone(&row.record_id)?.map(Entry::Retract),
            LogKind::Add => read_for_peer(desk, &row, &granted.permit)?.map(Entry::Add),
        };
        let Some(entry) = entry else { continue };
        let size = match &entry {
            Entry::Add(envelope) | Entry::Retract(envelope) => envelope.size_bytes() + 96,
            Entry::Leave(_) | Entry::Approved { .. } => 32,
        };
        if bytes + size > SECTION_BYTES_MAX && !entries.is_empty() {
            to = row.position;
            break;
        }
        if row.kind == LogKind::Add {
            // Only records need a token key: leaving and withdrawal must get through without.
            if sheet.is_none() {
                sheet = Some(Sheet::of(desk, &granted.class)?);
            }
            let listed = sheet.as_mut().map_or(Ok(Listed::No), |sheet| sheet.add(desk, &row))?;
            if listed == Listed::No {
                continue;
            }
            added.push(row);
        }
        bytes += size;
        records.push(row.record_id);
        entries.push(entry);
    }
    let sheet = sheet.and_then(|sheet| sheet.sign(desk, granted.permit.peer()));
    let section = Section { handle: grant.handle, from, to, entries, sheet };
    let (class, permit) = (Arc::clone(&granted.class), granted.permit.clone());
    Ok(Planned { section, class, hash: *hash, permit, records, added, approved_by: None })
}

/// R2, in the same read as the bytes: the version and the life of what was read.
fn read_for_peer(
    desk: &Desk,
    row: &LogRow,
    permit: &Permit,
) -> Result<Option<Envelope>, DeskError> {
    let Some(held) = desk.store.record(&row.record_id)? else {
        return Ok(None);
    };
    // A record that moved to another class meanwhile does not fit the permit.
    let Ok(released) = held.release(permit) else {
        return Ok(None);
    };
    let stored: StoredRecord = released.into_inner();
    let same = stored.version == row.version && stored.withdrawn == Withdrawn::No;
    Ok(same.then_some(stored.envelope))
}

pub(crate) fn row_state(desk: &Desk, record_id: &RecordId, now: Timestamp) -> Option<RowState> {
    let row = desk.store.hit_row(record_id)?;
    let class = desk.store.class(row.class?)?.hash;
    let life = if row.withdrawn == Withdrawn::Yes {
        Life::Withdrawn
    } else if row.expiry <= now {
        Life::Expired
    } else {
        Life::Alive
    };
    Some(RowState { version: row.version, class, life })
}

/// Is a record's token in the sheet?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    No,
    Yes,
}

/// The tokens of one section, under the newest of our live keys.
pub(crate) struct Sheet {
    agreement: AgreementId,
    epoch: TokenEpoch,
    key: TokenKey,
    rows: Vec<SheetRow>,
}

impl Sheet {
    pub(crate) fn of(desk: &Desk, class: &Class) -> Result<Self, DeskError> {
        let keys = desk.live_keys(&class.agreement, &desk.own);
        let (epoch, live) =
            keys.into_iter().next_back().ok_or(DeskError::Unavailable("our token key"))?;
        let agreement = class.agreement.clone();
        Ok(Self { agreement, epoch, key: live.key, rows: Vec::new() })
    }

    /// Adds the token of a record, unless its sealed part is gone: then it cannot be sent.
    pub(crate) fn add(&mut self, desk: &Desk, row: &LogRow) -> Result<Listed, DeskError> {
        let Some(local) = desk.store.local_part(&row.record_id)? else {
            return Ok(Listed::No);
        };
        let token = self.key.token(&local.x);
        self.rows.push(SheetRow { record_id: row.record_id, version: row.version, token });
        Ok(Listed::Yes)
    }

    pub(crate) fn sign(self, desk: &Desk, recipient: &AgencyId) -> Option<Envelope> {
        if self.rows.is_empty() {
            return None;
        }
        let sheet = TokenSheet {
            agreement: self.agreement,
            owner: desk.own.clone(),
            recipient: recipient.clone(),
            epoch: self.epoch,
            rows: self.rows,
        };
        Some(Signed::seal(sheet, &*desk.keys.record).into_parts().1)
    }
}

impl Desk {
    /// The audit entry of a batch, durable before its bytes leave.
    async fn record_share(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        planned: &Planned,
    ) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::Shared);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(agreement.clone());
        event.shared.count = u32::try_from(planned.section.entries.len()).unwrap_or(u32::MAX);
        event.shared.exchange = Some(planned.section.root());
        event.local.rule = planned.permit.rules().first().map(ToString::to_string);
        event.local.records.clone_from(&planned.records);
        let (handle, to) = (planned.section.handle, planned.section.to);
        event.local.note = planned.approved_by.as_ref().map(|who| format!("approved by {who}"));
        self.commit_sent(peer, agreement, handle, to, Batch::new().saying(event))?.await?;
        Ok(())
    }
}
