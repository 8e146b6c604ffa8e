//! The tokens of own records under a key that is handed in: from the fingerprints that opening
//! unsealed, or from the journal.

use crate::effect::{Fault, open_local};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::item::{ItemKind, RecordEntry};
use crate::reading::Withdrawn;
use crate::segment::threads;
use crate::unsealed::Piece;
use domain::name::{AgreementId, RecordId};
use domain::record::Version;
use domain::token::{Token, TokenEpoch, TokenKey};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

/// How many fingerprints one thread makes tokens of at once.
const FINGERPRINTS_AT_ONCE: usize = 16_384;
/// How many frames are read at once for their tokens.
const FRAMES_AT_ONCE: usize = 256;
/// How many tokens are entered while readers wait.
const TOKENS_AT_ONCE: usize = 4096;

impl Engine {
    /// Computes the tokens of all own records of an agreement under a key, and keeps them.
    pub(crate) fn compute_tokens(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        key: &TokenKey,
    ) -> Result<()> {
        let _alone = self.token_work.lock().unwrap_or_else(PoisonError::into_inner);
        let (pieces, frames) = {
            let mut state = self.state_mut();
            if state.has_tokens(agreement, epoch, key) {
                return Ok(());
            }
            let pieces = state.begin_tokens(agreement, epoch, key.clone());
            (pieces, state.tip.size())
        };
        let entered = match pieces {
            Some(pieces) => self.enter_kept(&pieces, agreement, epoch, key),
            None => self.enter_from_journal(frames, agreement, epoch, key),
        };
        let mut state = self.state_mut();
        match entered {
            Ok(()) => state.finish_tokens(agreement, epoch),
            Err(_) => state.drop_own_tokens(agreement, epoch),
        }
        entered
    }

    pub(crate) fn forget_fingerprints(&self) {
        let _alone = self.token_work.lock().unwrap_or_else(PoisonError::into_inner);
        self.state_mut().forget_fingerprints();
    }

    /// From the fingerprints that are kept, the newest first: tokens are computed on all processors
    /// while those of the pieces before are entered.
    fn enter_kept(
        &self,
        pieces: &[Arc<Piece>],
        agreement: &AgreementId,
        epoch: TokenEpoch,
        key: &TokenKey,
    ) -> Result<()> {
        std::thread::scope(|scope| {
            let runs = pieces.iter().rev().flat_map(|piece| {
                let starts = (0..piece.count()).step_by(FINGERPRINTS_AT_ONCE).rev();
                starts
                    .map(move |from| (piece, from..piece.count().min(from + FINGERPRINTS_AT_ONCE)))
            });
            let (mut runs, mut ahead) = (runs, VecDeque::new());
            loop {
                while ahead.len() < threads()
                    && let Some((piece, run)) = runs.next()
                {
                    ahead.push_back(scope.spawn(move || {
                        let of = |(row, x)| (row, key.token(&x));
                        piece.newest_first(run).map(of).collect::<Vec<_>>()
                    }));
                }
                let Some(thread) = ahead.pop_front() else { return Ok(()) };
                let tokens = thread.join().map_err(|_| Error::Fenced("computing tokens failed"))?;
                for tokens in tokens.chunks(TOKENS_AT_ONCE) {
                    self.state_mut().add_older_tokens(agreement, epoch, tokens);
                }
            }
        })
    }

    fn enter_from_journal(
        &self,
        frames: u64,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        key: &TokenKey,
    ) -> Result<()> {
        for from in (0..frames).step_by(FRAMES_AT_ONCE) {
            let seqs = from..frames.min(from + FRAMES_AT_ONCE as u64);
            for found in self.tokens_of_frames(seqs, agreement, key)?.chunks(TOKENS_AT_ONCE) {
                self.state_mut().add_tokens(agreement, epoch, found);
            }
        }
        Ok(())
    }

    /// The tokens of the records in a run of frames, computed on all processors.
    fn tokens_of_frames(
        &self,
        seqs: Range<u64>,
        agreement: &AgreementId,
        key: &TokenKey,
    ) -> Result<Vec<(RecordId, Version, Token)>> {
        let share = (seqs.end - seqs.start).div_ceil(threads() as u64).max(1);
        std::thread::scope(|scope| {
            let starts = (seqs.start..seqs.end).step_by(usize::try_from(share).unwrap_or(1));
            let of = |from: u64| {
                let seqs = from..seqs.end.min(from + share);
                scope.spawn(move || {
                    let mut found = Vec::new();
                    for seq in seqs {
                        self.tokens_of_frame(seq, agreement, key, &mut found)?;
                    }
                    Ok::<_, Error>(found)
                })
            };
            let threads: Vec<_> = starts.map(of).collect();
            let mut all = Vec::new();
            for thread in threads {
                let found = thread.join().map_err(|_| Error::Fenced("computing tokens failed"))?;
                all.append(&mut found?);
            }
            Ok(all)
        })
    }

    fn tokens_of_frame(
        &self,
        seq: u64,
        agreement: &AgreementId,
        key: &TokenKey,
        found: &mut Vec<(RecordId, Version, Token)>,
    ) -> Result<()> {
        let frame = self.stored_frame(seq)?;
        for item in frame.items() {
            let item = item?;
            if item.header.kind != ItemKind::Record {
                continue;
            }
            let entry: Option<RecordEntry> = item.entry().map_err(|error| frame.damage(error))?;
            let Some(entry) = entry else { continue };
            let class = self.state().classes.class(entry.class).map(Arc::clone);
            let wanted = |class: Arc<domain::class::Class>| {
                class.origin == self.agency && class.agreement == *agreement
            };
            let row = self.hit_row_of(&entry.record_id);
            let current = row
                .is_some_and(|row| row.version == entry.version && row.withdrawn == Withdrawn::No);
            if !current || !class.is_some_and(wanted) {
                continue;
            }
            let local = open_local(&item, &entry, &self.ring()).map_err(|fault| match fault {
                Fault::Damage(why) => frame.damage(why),
                Fault::Store(error) => error,
            })?;
            if let Some(x) = local.and_then(|local| local.x()) {
                found.push((entry.record_id, entry.version, key.token(&x)));
            }
        }
        Ok(())
    }
}
