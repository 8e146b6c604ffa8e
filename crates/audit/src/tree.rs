//! The Merkle tree of RFC 6962: it gives the root at any size, and proofs of both kinds.
//!
//! RFC 6962 section 2.1 and RFC 9162 section 2.1 define the same tree over SHA-256.

use crate::error::Error;
use crate::frontier::{NodeHash, Peaks};
use domain::digest::DIGEST_BYTES;
use sha2::{Digest as _, Sha256};

/// A hash of 32 bytes: of a leaf, a node, a root, or a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Hash(#[cbor(with = "minicbor::bytes")] [u8; DIGEST_BYTES]);

impl Hash {
    /// Takes 32 bytes.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl core::fmt::Display for Hash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(&domain::hexadecimal::encode(&self.0))
    }
}

impl core::fmt::Debug for Hash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self}")
    }
}

/// The hash of a leaf: `SHA-256(0x00 | leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// The hash of an inner node: `SHA-256(0x01 | left | right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([1])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// How many levels of the tree share one stored level.
const STEP: usize = 4;
/// How many nodes of a stored level make one node of the next.
const FAN: usize = 1 << STEP;

/// A whole tree in memory, from leaf hashes appended in order.
///
/// Only every fourth level of complete subtrees is kept (heights 0, 4, 8 ...), so it holds
/// 32 x 16/15 = 34.2 bytes a leaf, 34 MB for a million; up to twice that while a vector grows.
/// A proof computes the rest again: at most some 300 hashes for a million leaves.
#[derive(Clone, Default)]
pub struct Tree {
    /// `levels[i][j]` is the root of leaves `j * 16^i` to `(j + 1) * 16^i`.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The empty tree.
    pub const fn new() -> Self {
        Self { levels: Vec::new() }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends the hash of a leaf and answers its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size();
        let mut hash = leaf;
        let mut height = 0;
        loop {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let Some(level) = self.levels.get_mut(height) else {
                return index;
            };
            level.push(hash);
            if level.len() % FAN != 0 {
                return index;
            }
            let last = level.len() - FAN;
            hash = Peaks::of(level.get(last..).unwrap_or_default(), node_hash).root(node_hash);
            height += 1;
        }
    }

    /// The hash of a leaf.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        let index = usize::try_from(index).ok()?;
        self.levels.first()?.get(index).copied()
    }

    /// The root of the first `size` leaves.
    ///
    /// # Errors
    /// [`Error::OutsideTree`].
    pub fn root(&self, size: u64) -> Result<Hash, Error> {
        self.check_size(size)?;
        if size == 0 { Ok(empty_root()) } else { self.range(0, size) }
    }

    /// The proof that leaf `index` is in the tree of the first `size` leaves: PATH of RFC 9162
    /// section 2.1.3.1, from the leaf upwards, at most [`crate::proof::HASHES_MAX`] hashes.
    ///
    /// # Errors
    /// [`Error::OutsideTree`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
        self.check_size(size)?;
        if index >= size {
            return Err(Error::OutsideTree { asked: index, size });
        }
        let (mut from, mut to, mut path) = (0, size, Vec::new());
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.range(middle, to)?);
                to = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The proof that the first `new` leaves continue the first `old`: PROOF of RFC 9162 section
    /// 2.1.4.1. Empty if the sizes are equal or `old` is 0.
    ///
    /// # Errors
    /// [`Error::OutsideTree`], [`Error::OldIsLarger`].
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        self.check_size(new)?;
        if old > new {
            return Err(Error::OldIsLarger { old, new });
        }
        if old == 0 || old == new {
            return Ok(Vec::new());
        }
        let (mut from, mut to, mut proof) = (0, new, Vec::new());
        while old != to {
            let middle = from + split(to - from);
            if old <= middle {
                proof.push(self.range(middle, to)?);
                to = middle;
            } else {
                proof.push(self.range(from, middle)?);
                from = middle;
            }
        }
        if from != 0 {
            proof.push(self.range(from, to)?);
        }
        proof.reverse();
        Ok(proof)
    }

    fn check_size(&self, asked: u64) -> Result<(), Error> {
        let size = self.size();
        if asked > size { Err(Error::OutsideTree { asked, size }) } else { Ok(()) }
    }

    /// The root of the leaves `from..to`, where `from` is a multiple of the power of two that
    /// spans them: every range that a proof asks for.
    fn range(&self, from: u64, to: u64) -> Result<Hash, Error> {
        let (mut at, mut peaks) = (from, Vec::new());
        while at < to {
            let height = (to - at).ilog2();
            peaks.push(self.complete(height, at >> height)?);
            at += 1 << height;
        }
        Ok(fold(&peaks, node_hash))
    }

    /// The root of the complete subtree number `index` of a height.
    fn complete(&self, height: u32, index: u64) -> Result<Hash, Error> {
        let height = height as usize;
        let width = 1_usize << (height % STEP);
        let nodes = usize::try_from(index).ok().and_then(|index| {
            let from = index.checked_mul(width)?;
            self.levels.get(height / STEP)?.get(from..from.checked_add(width)?)
        });
        let outside = Error::OutsideTree { asked: index, size: self.size() };
        nodes.map(|nodes| Peaks::of(nodes, node_hash).root(node_hash)).ok_or(outside)
    }
}

impl core::fmt::Debug for Tree {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Tree({} leaves)", self.size())
    }
}

/// The largest power of two smaller than `width`, which is at least 2.
pub(crate) const fn split(width: u64) -> u64 {
    match (width.saturating_sub(1)).checked_ilog2() {
        Some(height) => 1 << height,
        None => 1,
    }
}

/// Joins the roots of complete subtrees, largest first; the empty root if there is none.
pub(crate) fn fold(peaks: &[Hash], node: NodeHash) -> Hash {
    let mut from_right = peaks.iter().rev();
    let Some(last) = from_right.next() else {
        return empty_root();
    };
    from_right.fold(*last, |right, left| node(left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontier::Frontier;

    /// MTH of RFC 9162 section 2.1.1, written as it stands there.
    fn oracle(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node_hash(&oracle(&leaves[..k]), &oracle(&leaves[k..]))
            }
        }
    }

    /// SUBPROOF of RFC 9162 section 2.1.4.1, written as it stands there.
    fn subproof(m: usize, leaves: &[Hash], complete: bool) -> Vec<Hash> {
        let n = leaves.len();
        if m == n {
            return if complete { Vec::new() } else { vec![oracle(leaves)] };
        }
        let k = 1 << (n - 1).ilog2();
        if m <= k {
            let mut proof = subproof(m, &leaves[..k], complete);
            proof.push(oracle(&leaves[k..]));
            proof
        } else {
            let mut proof = subproof(m - k, &leaves[k..], false);
            proof.push(oracle(&leaves[..k]));
            proof
        }
    }

    /// PATH of RFC 9162 section 2.1.3.1, written as it stands there.
    fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        let n = leaves.len();
        if n == 1 {
            return Vec::new();
        }
        let k = 1 << (n - 1).ilog2();
        let (mut proof, sibling) = if m < k {
            (path(m, &leaves[..k]), oracle(&leaves[k..]))
        } else {
            (path(m - k, &leaves[k..]), oracle(&leaves[..k]))
        };
        proof.push(sibling);
        proof
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn tree_and_frontier_agree_with_the_definition() {
        let leaves = leaves(300);
        let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
        for (index, leaf) in leaves.iter().enumerate() {
            assert_eq!(tree.append(*leaf), index as u64);
            frontier.append(*leaf);
            let root = oracle(&leaves[..=index]);
            assert_eq!(frontier.root(), root, "frontier of {}", index + 1);
            assert_eq!(tree.root(index as u64 + 1), Ok(root), "tree of {}", index + 1);
        }
        for size in 0..=300 {
            assert_eq!(tree.root(size), Ok(oracle(&leaves[..size as usize])), "later, at {size}");
        }
    }

    #[test]
    fn proofs_are_those_of_the_definition() {
        let leaves = leaves(130);
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| {
            tree.append(*leaf);
        });
        for size in 1..=leaves.len() {
            let part = &leaves[..size];
            for m in 0..size {
                assert_eq!(tree.inclusion(m as u64, size as u64), Ok(path(m, part)));
                if m > 0 {
                    assert_eq!(
                        tree.consistency(m as u64, size as u64),
                        Ok(subproof(m, part, true))
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_outside_is_refused() {
        let mut tree = Tree::new();
        assert_eq!(tree.root(0), Ok(empty_root()));
        assert!(tree.root(1).is_err() && tree.inclusion(0, 0).is_err());
        tree.append(leaf_hash(b"one"));
        assert_eq!(tree.inclusion(1, 1), Err(Error::OutsideTree { asked: 1, size: 1 }));
        assert_eq!(tree.root(2), Err(Error::OutsideTree { asked: 2, size: 1 }));
        assert!(tree.root(u64::MAX).is_err());
        assert_eq!(tree.consistency(1, 0), Err(Error::OldIsLarger { old: 1, new: 0 }));
        assert_eq!(tree.consistency(0, 1), Ok(Vec::new()));
        assert_eq!((tree.leaf(0), tree.leaf(1)), (Some(leaf_hash(b"one")), None));
    }

    #[test]
    fn it_holds_no_more_than_35_bytes_a_leaf() {
        let mut tree = Tree::new();
        leaves(70_000).into_iter().for_each(|leaf| {
            tree.append(leaf);
        });
        let hashes: usize = tree.levels.iter().map(Vec::len).sum();
        assert!(hashes * 32 < 70_000 * 35, "{hashes} hashes");
    }
}
