//! How far a partner's view was followed: grants whole when they change, an advance as the one class it
//! is about, in the same batch as what it brought.

use crate::error::DeskError;
use crate::replicate::Replication;
use crate::{Desk, pair_key, put};
use domain::encoding;
use domain::name::{AgencyId, AgreementId, ClassHandle};
use store::{Batch, Change, Secrecy, Table};
use sync::message::Section;
use sync::receiver::Replica;

/// How many rows of classes no longer granted one batch deletes; one that is left says nothing.
const PROGRESS_DELETED_MAX: usize = 1024;

impl Desk {
    /// The replica as it was when its grants last changed, and what each class advanced since.
    pub(crate) fn load_replica(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<Replica, DeskError> {
        let key = pair_key(peer, agreement);
        let Some(bytes) = self.store.get(Table::Cursor, &key)? else {
            return Ok(Replica::new(peer.clone(), agreement.clone()));
        };
        let mut replica = Replica::from_bytes(&bytes)?;
        let prefix = progress_prefix(peer, agreement);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::Cursor, &prefix, after.as_deref(), 1024)?;
            let Some((last, _)) = rows.last() else {
                return Ok(replica);
            };
            after = Some(last.clone());
            for (key, value) in rows {
                let handle = key.get(prefix.len()..).and_then(|h| ClassHandle::try_from(h).ok());
                let known = handle.and_then(|handle| replica.classes.get_mut(&handle));
                if let Some(progress) = known {
                    *progress = encoding::from_bytes("progress", &value, 128)?;
                }
            }
        }
    }
}

impl Replication {
    /// The grants are written whole when they change; an advance writes the one class it is about.
    pub(crate) fn cursor(
        &self,
        mut batch: Batch,
        replica: &Replica,
        regranted: Regranted,
        section: Option<&Section>,
    ) -> Batch {
        let (peer, agreement) = (&self.peer, &replica.agreement);
        if regranted == Regranted::Yes {
            let key = pair_key(peer, agreement);
            batch = batch.with(put(Table::Cursor, &key, replica.to_bytes(), Secrecy::Plain));
            let gone = self.replica.classes.keys().filter(|h| !replica.classes.contains_key(*h));
            for handle in gone.take(PROGRESS_DELETED_MAX) {
                let key = progress_key(peer, agreement, handle);
                batch = batch.with(Change::Delete { table: Table::Cursor, key });
            }
        }
        let Some(section) = section else { return batch };
        match replica.classes.get(&section.handle) {
            Some(progress) => {
                let key = progress_key(peer, agreement, &section.handle);
                let value = encoding::to_bytes(progress);
                batch.with(put(Table::Cursor, &key, value, Secrecy::Plain))
            }
            None => batch,
        }
    }

    /// Is there a new epoch or a new grant set?
    pub(crate) fn is_regranted(&self, next: &Replica) -> Regranted {
        let same = next.epoch == self.replica.epoch
            && next.grant_sequence == self.replica.grant_sequence
            && next.classes.keys().eq(self.replica.classes.keys());
        if same { Regranted::No } else { Regranted::Yes }
    }
}

/// Did the epoch or the grants change?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regranted {
    No,
    Yes,
}

fn progress_prefix(peer: &AgencyId, agreement: &AgreementId) -> Vec<u8> {
    let mut key = pair_key(peer, agreement);
    key.push(b'/');
    key
}

fn progress_key(peer: &AgencyId, agreement: &AgreementId, handle: &ClassHandle) -> Vec<u8> {
    let mut key = progress_prefix(peer, agreement);
    key.extend_from_slice(handle.as_bytes());
    key
}
