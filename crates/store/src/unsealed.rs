//! The fingerprints that opening unsealed anyway: kept until the node's own token keys were handed in,
//! so that their tokens cost no second reading of the journal.

use domain::digest::{DIGEST_BYTES, Fingerprint};
use domain::name::AgreementId;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use zeroize::Zeroize as _;

/// Fingerprints of one piece. A piece never grows beyond it, so it is never copied elsewhere; and it is
/// so large that its memory goes back to the system at once: glibc keeps what is below 32 MiB.
const PIECE_ENTRIES: usize = 1_000_000;
/// The most fingerprints that are kept; with more none are, and the journal is read again.
const ENTRIES_MAX: usize = 8_000_000;

/// Rows with their fingerprints, in the order they were written; of one row the last one counts.
pub(crate) struct Piece(Vec<(u32, [u8; DIGEST_BYTES])>);

impl Piece {
    /// Those in a range of places, the newest first.
    pub(crate) fn newest_first(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = (u32, Fingerprint)> {
        let entries = self.0.get(range).unwrap_or_default();
        entries.iter().rev().map(|(row, x)| (*row, Fingerprint::from_bytes(*x)))
    }

    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, x)| x.zeroize());
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Unsealed {
    of: HashMap<AgreementId, Pieces>,
    count: usize,
}

#[derive(Default)]
struct Pieces {
    full: Vec<Arc<Piece>>,
    growing: Option<Piece>,
}

impl Pieces {
    fn close(&mut self) {
        self.full.extend(self.growing.take().map(Arc::new));
    }
}

impl Unsealed {
    /// Keeps one more; false if there are too many, and then none may be kept.
    #[must_use]
    pub(crate) fn push(&mut self, agreement: &AgreementId, row: u32, x: &Fingerprint) -> bool {
        if self.count >= ENTRIES_MAX {
            return false;
        }
        self.count += 1;
        if !self.of.contains_key(agreement) {
            self.of.insert(agreement.clone(), Pieces::default());
        }
        let Some(pieces) = self.of.get_mut(agreement) else { return false };
        let piece = pieces.growing.get_or_insert_with(|| Piece(Vec::with_capacity(PIECE_ENTRIES)));
        piece.0.push((row, *x.expose()));
        if piece.0.len() == PIECE_ENTRIES {
            pieces.close();
        }
        true
    }

    /// The pieces of an agreement, the oldest first; nothing is added to them any more.
    pub(crate) fn pieces(&mut self, agreement: &AgreementId) -> Vec<Arc<Piece>> {
        self.of.get_mut(agreement).map_or_else(Vec::new, |pieces| {
            pieces.close();
            pieces.full.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_given_back_by_agreement_and_the_newest_first() {
        let [one, other]: [AgreementId; 2] =
            ["malines-2026", "malines-2027"].map(|id| id.parse().unwrap());
        let x = |n: u32| {
            let mut bytes = [0; DIGEST_BYTES];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            Fingerprint::from_bytes(bytes)
        };
        let mut unsealed = Unsealed::default();
        let entries = PIECE_ENTRIES as u32 + 7;
        for n in 0..entries {
            assert!(unsealed.push(&one, n, &x(n)));
        }
        assert!(unsealed.push(&other, 3, &x(3)));
        let rows = |unsealed: &mut Unsealed, of: &AgreementId| -> Vec<u32> {
            let pieces = unsealed.pieces(of).into_iter().rev();
            let newest =
                |piece: Arc<Piece>| -> Vec<_> { piece.newest_first(0..piece.count()).collect() };
            let found = pieces.flat_map(newest);
            found.inspect(|(row, of)| assert_eq!(*of, x(*row))).map(|(row, _)| row).collect()
        };
        assert_eq!(rows(&mut unsealed, &one), (0..entries).rev().collect::<Vec<_>>());
        assert_eq!(rows(&mut unsealed, &other), [3]);
        // What was handed out grows no more, and what comes later is not lost.
        assert!(unsealed.push(&other, 4, &x(4)));
        assert_eq!(rows(&mut unsealed, &other), [4, 3]);
        unsealed.count = ENTRIES_MAX;
        assert!(!unsealed.push(&one, 0, &x(0)));
    }
}
