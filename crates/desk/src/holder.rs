//! Who holds an own record: the partners to which its place in the log of its class was sent.
//!
//! Nothing is written for a record. A class log is sent from its beginning on, so one row says how
//! far each granted class was sent to each partner, and the store knows where a record's newest
//! version stands. A batch that is sent and a change that is owed are handed to the store under one
//! lock, so that each sees the other in the order in which they are written.

use crate::error::DeskError;
use crate::share::KeptGrants;
use crate::{Desk, pair_key, put};
use domain::encoding;
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest, RecordId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use store::{Batch, Change, PendingCommit, Secrecy, Table};

/// The most rows of classes no longer granted that one batch deletes; one that is left says nothing.
const SENT_DELETED_MAX: usize = 1024;
/// How many rows are read at a time.
const SENT_READ: usize = 1024;

/// What a partner was sent of one place in a class log.
pub(crate) struct Place<'a> {
    /// The agreement.
    pub(crate) agreement: &'a AgreementId,
    /// The class.
    pub(crate) class: Digest,
    /// The position.
    pub(crate) at: u64,
}

impl Desk {
    /// How many of our classes a partner is granted; for status.
    pub(crate) fn classes_granted(&self, peer: &AgencyId, agreement: &AgreementId) -> u64 {
        let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.kept_grants(&mut kept, &pair_key(peer, agreement));
        known.map_or(0, |known| known.grants().classes.len() as u64)
    }

    /// What a partner knows the classes by that it is granted.
    pub(crate) fn handles_granted(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<BTreeSet<ClassHandle>, DeskError> {
        let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.kept_grants(&mut kept, &pair_key(peer, agreement))?;
        Ok(known.grants().handles().into_iter().collect())
    }

    /// How far each class was sent to a partner.
    pub(crate) fn load_sent(&self, pair: &[u8]) -> Result<BTreeMap<ClassHandle, u64>, DeskError> {
        let prefix = sent_prefix(pair);
        let mut sent = BTreeMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::Sent, &prefix, after.as_deref(), SENT_READ)?;
            let Some((last, _)) = rows.last() else { return Ok(sent) };
            after = Some(last.clone());
            for (key, value) in rows {
                let handle = key.get(prefix.len()..).and_then(|h| ClassHandle::try_from(h).ok());
                if let Some(handle) = handle {
                    sent.insert(handle, encoding::from_bytes("sent", &value, 16)?);
                }
            }
        }
    }

    /// Commits the entry of a batch that is about to be sent, with how far its class is sent then.
    pub(crate) fn commit_sent(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        handle: ClassHandle,
        to: u64,
        mut batch: Batch,
    ) -> Result<PendingCommit, DeskError> {
        let pair = pair_key(peer, agreement);
        let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.kept_grants(&mut kept, &pair)?;
        let before = known.sent.get(&handle).copied().unwrap_or(0);
        if to > before {
            known.sent.insert(handle, to);
            let (key, value) = (sent_key(&pair, &handle), encoding::to_bytes(&to));
            batch = batch.with(put(Table::Sent, &key, value, Secrecy::Plain));
        }
        Ok(self.store.commit(batch))
    }

    /// By which handle a partner knows the class of a place that it was sent; `None` if it was not.
    pub(crate) fn was_sent(
        &self,
        kept: &mut BTreeMap<Vec<u8>, KeptGrants>,
        peer: &AgencyId,
        place: &Place<'_>,
    ) -> Result<Option<ClassHandle>, DeskError> {
        let known = self.kept_grants(kept, &pair_key(peer, place.agreement))?;
        let Some(grant) = known.grants().classes.get(&place.class) else { return Ok(None) };
        let sent = known.sent.get(&grant.handle).copied().unwrap_or(0);
        Ok((place.at < sent).then_some(grant.handle))
    }

    /// Was a partner sent this record as a class of its own, by approval?
    pub(crate) fn was_sent_alone(
        &self,
        kept: &mut BTreeMap<Vec<u8>, KeptGrants>,
        peer: &AgencyId,
        agreement: &AgreementId,
        record_id: &RecordId,
    ) -> Result<bool, DeskError> {
        let known = self.kept_grants(kept, &pair_key(peer, agreement))?;
        let mut alone =
            known.grants().classes.values().filter(|grant| grant.only.as_ref() == Some(record_id));
        Ok(alone.any(|grant| known.sent.get(&grant.handle).is_some_and(|to| *to > 0)))
    }
}

impl KeptGrants {
    /// Forgets how far classes were sent that are not granted any more: they are dropped whole.
    pub(crate) fn forget_sent(&mut self, pair: &[u8], batch: Batch) -> Batch {
        let granted: BTreeSet<ClassHandle> = self.grants().handles().into_iter().collect();
        let gone = self.sent.keys().filter(|handle| !granted.contains(*handle));
        let gone: Vec<ClassHandle> = gone.take(SENT_DELETED_MAX).copied().collect();
        gone.into_iter().fold(batch, |batch, handle| {
            self.sent.remove(&handle);
            batch.with(Change::Delete { table: Table::Sent, key: sent_key(pair, &handle) })
        })
    }
}

fn sent_prefix(pair: &[u8]) -> Vec<u8> {
    [pair, b"/"].concat()
}

fn sent_key(pair: &[u8], handle: &ClassHandle) -> Vec<u8> {
    [pair, b"/", handle.as_bytes()].concat()
}
