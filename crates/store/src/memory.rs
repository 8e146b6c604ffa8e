//! The store without a disk: the same engine over a journal in memory. Gone with the process.

use crate::batch::{self, Batch, LocalPart};
use crate::delegate::reads_of_the_engine;
use crate::disk::{Disk, MemoryDisk};
use crate::engine::{Engine, EngineParts, Queued};
use crate::error::{Error, Result};
use crate::index::Mixer;
use crate::journal::SEGMENT_BYTES;
use crate::load::{key_ring, load};
use crate::pending::PendingCommit;
use crate::proof::{parse_head, read_head};
use crate::reading::{
    ClassEntry, ClassNumber, Compacted, Counts, Depth, Head, HitRow, LogRow, Match, RecordFacts,
    Shown, StoredFrame, StoredRecord, Verified,
};
use crate::seal::{Entropy, KEY_BYTES};
use crate::table::Table;
use crate::tables::{MemoryTables, Tables as _};
use audit::tree::Hash;
use domain::digest::Fingerprint;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId, RecordId};
use domain::time::{Clock, Timestamp};
use domain::token::{Token, TokenEpoch, TokenKey};
use policy::Held;
use rand_core::CryptoRng;
use std::collections::VecDeque;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A store for simulations and tests. A commit is done when [`crate::Store::commit`] returns, in
/// the caller's thread, so that one seed gives one history.
pub struct MemoryStore {
    engine: Engine,
}

impl MemoryStore {
    /// An empty store of an agency. Clock and randomness are handed in.
    ///
    /// # Errors
    /// None that an empty disk in memory can give.
    pub fn new(
        agency: AgencyId,
        clock: Arc<dyn Clock>,
        generator: Box<dyn CryptoRng + Send>,
    ) -> Result<Self> {
        let mut entropy = Entropy::new(generator);
        let kek = Zeroizing::new(entropy.bytes::<KEY_BYTES>());
        Self::load(Arc::new(MemoryDisk::new()), agency, &kek, clock, entropy)
    }

    /// The store that is on a disk: empty, restored from an archive, or of an earlier store.
    ///
    /// # Errors
    /// As [`crate::EmbeddedStore::open`], but for what only a folder can have.
    pub fn open(
        disk: Arc<dyn Disk>,
        agency: AgencyId,
        kek: &[u8; KEY_BYTES],
        clock: Arc<dyn Clock>,
        generator: Box<dyn CryptoRng + Send>,
    ) -> Result<Self> {
        Self::load(disk, agency, kek, clock, Entropy::new(generator))
    }

    fn load(
        disk: Arc<dyn Disk>,
        agency: AgencyId,
        kek: &[u8; KEY_BYTES],
        clock: Arc<dyn Clock>,
        mut entropy: Entropy,
    ) -> Result<Self> {
        crate::archive::check_condition(&*disk)?;
        let ring = key_ring(&*disk, kek, &mut entropy)?;
        let mixer = Mixer([entropy.bytes(), entropy.bytes()].map(u64::from_be_bytes));
        let tables = Box::new(MemoryTables::default());
        let (state, journal) =
            load(&disk, &agency, SEGMENT_BYTES, &ring, mixer, &mut |_, _, changes| {
                tables.stage(&changes);
                Ok(())
            })?;
        journal.confirm_cut()?;
        let head = read_head(&*disk)?;
        let stated = head.as_deref().map(parse_head).transpose()?;
        let parts =
            EngineParts { agency, disk, journal, tables, state, ring, entropy, clock, head };
        let engine = Engine::new(parts);
        if let Some((_, stated)) = stated {
            engine.check_head(&stated)?;
        }
        Ok(Self { engine })
    }
}

#[cfg(test)]
impl MemoryStore {
    /// What the journal is on, so that a test can damage it.
    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.engine.disk
    }
}

impl crate::Store for MemoryStore {
    fn commit(&self, batch: Batch) -> PendingCommit {
        let bytes = match batch::check(&batch) {
            Ok(bytes) => bytes,
            Err(error) => return PendingCommit::answered(Err(error)),
        };
        let (promise, pending) = PendingCommit::pair();
        self.engine.commit_all(&mut VecDeque::from([Queued { batch, bytes, promise }]));
        pending
    }

    reads_of_the_engine!();

    fn rebuild_tables(&self) -> Result<()> {
        Ok(())
    }

    fn close(&self) -> Result<()> {
        self.engine.close()
    }
}
