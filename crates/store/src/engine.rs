//! The engine both stores share: batches become frames, frames change memory and tables.
//!
//! One writer at a time. It checks a batch against everything written before it, encodes it, lets
//! the journal make it durable, and only then changes what readers see and answers.

use crate::batch::{Batch, Committed};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::frame::{BODY_BYTES_MAX, Prefix};
use crate::journal::{FrameBytes, Journal, place_of};
use crate::pending::Promise;
use crate::prepare::{Group, Outcome, Prepared, Touch};
use crate::seal::{Entropy, KeyRing};
use crate::state::State;
use crate::tables::Tables;
use audit::frame::Frame;
use domain::digest::hash;
use domain::name::AgencyId;
use domain::submission::Repeated;
use domain::time::Clock;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The most batches that are written and synced together.
pub(crate) const GROUP_FRAMES_MAX: usize = 256;
/// The file of wrapped data keys.
pub(crate) const KEYS_FOLDER: &str = "keys";
pub(crate) const KEY_FILE: &str = "data-keys";

/// A batch that waits, with whoever waits for it.
pub(crate) struct Queued {
    pub(crate) batch: Batch,
    pub(crate) bytes: usize,
    pub(crate) promise: Promise,
}

/// Journal, tables and memory of one node.
pub(crate) struct Engine {
    pub(crate) agency: AgencyId,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) journal: Journal,
    pub(crate) tables: Box<dyn Tables>,
    pub(crate) head: RwLock<Option<Vec<u8>>>,
    state: RwLock<State>,
    ring: RwLock<KeyRing>,
    pub(crate) writer: Mutex<Entropy>,
    fence: Mutex<Option<&'static str>>,
    /// Held while tokens are computed, so that two keys do not mix.
    pub(crate) token_work: Mutex<()>,
    /// Held while segments are written anew.
    pub(crate) compaction: Mutex<()>,
    clock: Arc<dyn Clock>,
}

/// What an engine is put together from, once the journal was read.
pub(crate) struct EngineParts {
    pub(crate) agency: AgencyId,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) journal: Journal,
    pub(crate) tables: Box<dyn Tables>,
    pub(crate) state: State,
    pub(crate) ring: KeyRing,
    pub(crate) entropy: Entropy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) head: Option<Vec<u8>>,
}

impl Engine {
    pub(crate) fn new(parts: EngineParts) -> Self {
        Self {
            agency: parts.agency,
            disk: parts.disk,
            journal: parts.journal,
            tables: parts.tables,
            head: RwLock::new(parts.head),
            state: RwLock::new(parts.state),
            ring: RwLock::new(parts.ring),
            writer: Mutex::new(parts.entropy),
            fence: Mutex::new(None),
            token_work: Mutex::new(()),
            compaction: Mutex::new(()),
            clock: parts.clock,
        }
    }

    /// Writes everything that waits, and answers everybody.
    pub(crate) fn commit_all(&self, queue: &mut VecDeque<Queued>) {
        let mut entropy = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        while !queue.is_empty() {
            if let Some(why) = self.fenced() {
                queue.drain(..).for_each(|queued| queued.promise.answer(Err(Error::Fenced(why))));
                return;
            }
            self.commit_group(queue, &mut entropy);
        }
    }

    /// Writes as many waiting batches as can be written together.
    fn commit_group(&self, queue: &mut VecDeque<Queued>, entropy: &mut Entropy) {
        let (mut group, mut members) = (Group::default(), Vec::new());
        while let Some(queued) = queue.pop_front() {
            let touch = Touch::of(&queued.batch);
            let full = group.frames >= GROUP_FRAMES_MAX
                || group.bytes.saturating_add(queued.bytes) > BODY_BYTES_MAX / 2;
            if group.frames > 0 && (full || touch.meets(&group)) {
                queue.push_front(queued);
                break;
            }
            match self.prepare(&queued.batch, &touch, &mut group, entropy) {
                Ok(Outcome::Write(prepared)) => {
                    group.frames += 1;
                    group.bytes = group.bytes.saturating_add(prepared.body.len());
                    touch.join(&mut group);
                    let operation = queued.batch.operation;
                    members.push((prepared, operation, queued.promise));
                }
                Ok(Outcome::Repeated(seq)) => queued.promise.answer(self.committed_before(seq)),
                Err(error) => queued.promise.answer(Err(error)),
            }
        }
        if members.is_empty() {
            return;
        }
        let (mut tip, time) = (self.state().tip.clone(), self.clock.now());
        let (first, chain_before) = (tip.size(), tip.chain());
        let (mut frames, mut written) = (Vec::new(), Vec::new());
        for (mut prepared, operation, promise) in members {
            let Prepared { items, items_root, .. } = prepared;
            let frame = Frame { operation, seq: tip.size(), time, items, items_root };
            if let Err(error) = tip.append(&frame) {
                promise.answer(Err(Error::Audit(error)));
                continue;
            }
            let body = core::mem::take(&mut prepared.body);
            let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
            let (chain, body_hash) = (tip.chain(), hash(&[&body]));
            let prefix = Prefix { frame, body_bytes, group: first, chain, body_hash };
            frames.push(FrameBytes { prefix, body });
            written.push((prepared, promise));
        }
        match self.journal.append(&frames, chain_before) {
            Ok(places) => self.publish(&frames, &places, written),
            Err(error) => {
                if let Error::Unknown(_) = error {
                    self.fence("an earlier write may or may not be durable");
                }
                written.into_iter().for_each(|(_, promise)| promise.answer(Err(error.clone())));
            }
        }
    }

    /// Shows durable frames to readers, then answers.
    fn publish(
        &self,
        frames: &[FrameBytes],
        places: &[(u32, u32)],
        written: Vec<(Prepared, Promise)>,
    ) {
        let mut answers = Vec::with_capacity(written.len());
        let mut jobs = Vec::with_capacity(written.len());
        let mut state = self.state_mut();
        for ((frame, place), (prepared, promise)) in frames.iter().zip(places).zip(written) {
            let Prefix { frame: stated, chain, .. } = frame.prefix;
            let (seq, mut changes) = (stated.seq, Vec::new());
            let mut shown = state.append_frame(&stated, *place, frame.length() as u64).is_ok();
            for (effect, offset, length) in prepared.effects {
                let place = place_of(place.0, place.1, offset, length);
                shown &= state.apply(seq, effect, place, &mut changes).is_ok();
            }
            self.tables.stage(&changes);
            jobs.push((seq + 1, chain, changes));
            let committed = Committed {
                seq,
                tree_size: seq + 1,
                time: stated.time,
                changes: prepared.changes,
                events: prepared.events,
                repeated: Repeated::No,
            };
            let answer = if shown {
                Ok(committed)
            } else {
                self.fence("memory does not follow the journal");
                Err(Error::Unknown("memory does not follow the journal".to_owned()))
            };
            answers.push((promise, answer));
        }
        drop(state);
        answers.into_iter().for_each(|(promise, answer)| promise.answer(answer));
        // Of frames that change no table, only where the last one ends is worth telling.
        let last = jobs.last().map(|(size, ..)| *size);
        jobs.retain(|(size, _, changes)| !changes.is_empty() || Some(*size) == last);
        for (size, chain, changes) in jobs {
            if self.tables.apply(size, chain, changes).is_err() {
                self.fence(
                    "the tables failed; they are rebuilt from the journal at the next start",
                );
            }
        }
    }

    /// The answer that the first commit under an idempotency key was given.
    fn committed_before(&self, seq: u64) -> Result<Committed> {
        let frame = self.stored_frame(seq)?;
        Ok(Committed {
            seq,
            tree_size: seq + 1,
            time: frame.prefix.frame.time,
            changes: frame.receipts(crate::item::ItemKind::is_change)?,
            events: frame.receipts(|kind| kind == crate::item::ItemKind::Event)?,
            repeated: Repeated::Yes,
        })
    }

    /// Makes a new key file durable.
    pub(crate) fn save_keys(&self, file: &[u8]) -> Result<()> {
        crate::disk::replace(&*self.disk, KEYS_FOLDER, KEY_FILE, file)
            .map_err(Error::io("write the key file"))
    }

    /// Stops writing, for good.
    pub(crate) fn fence(&self, why: &'static str) {
        let mut fence = self.fence.lock().unwrap_or_else(PoisonError::into_inner);
        if fence.is_none() {
            tracing::error!(why, "the store takes no more writes");
            *fence = Some(why);
        }
    }

    pub(crate) fn fenced(&self) -> Option<&'static str> {
        *self.fence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses every later write and makes the tables durable.
    pub(crate) fn close(&self) -> Result<()> {
        {
            let _writer: MutexGuard<'_, Entropy> =
                self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let mut fence = self.fence.lock().unwrap_or_else(PoisonError::into_inner);
            fence.get_or_insert("it was closed");
            self.journal.close();
        }
        self.tables.close()
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ring(&self) -> RwLockReadGuard<'_, KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ring_mut(&self) -> RwLockWriteGuard<'_, KeyRing> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner)
    }
}
