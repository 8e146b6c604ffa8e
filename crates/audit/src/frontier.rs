//! The frontier of a tree: the few hashes that are enough to append to it and to know its root.

use crate::tree::{Hash, empty_root, fold, node_hash};
use domain::digest::DIGEST_BYTES;

/// How two hashes become the hash of their parent.
pub(crate) type NodeHash = fn(&Hash, &Hash) -> Hash;

/// At most 64 hashes: the roots of the complete subtrees of sizes that add up to the tree.
///
/// Appending costs one hash on average, the root at most 63. A store keeps its bytes (at most
/// 2.1 kB) beside the journal and continues after a restart without reading every leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier(Peaks);

impl Frontier {
    /// The frontier of the empty tree.
    pub const fn new() -> Self {
        Self(Peaks::new())
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.0.size
    }

    /// Appends the hash of a leaf.
    pub fn append(&mut self, leaf: Hash) {
        self.0.append(leaf, node_hash);
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        if self.0.size == 0 { empty_root() } else { self.0.root(node_hash) }
    }
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

/// CBOR: an array of the size and one byte string, the hashes one after the other, largest first.
impl<C> minicbor::Encode<C> for Frontier {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let hashes: Vec<u8> = self.0.peaks.iter().flat_map(|hash| *hash.as_bytes()).collect();
        e.array(2)?.u64(self.0.size)?.bytes(&hashes)?.ok()
    }
}

/// Refuses a number of hashes that does not belong to the size.
impl<'b, C> minicbor::Decode<'b, C> for Frontier {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let wrong = || minicbor::decode::Error::message("malformed frontier").at(at);
        if d.array()? != Some(2) {
            return Err(wrong());
        }
        let (size, bytes) = (d.u64()?, d.bytes()?);
        let (hashes, rest) = bytes.as_chunks::<DIGEST_BYTES>();
        if !rest.is_empty() || hashes.len() != size.count_ones() as usize {
            return Err(wrong());
        }
        Ok(Self(Peaks { size, peaks: hashes.iter().copied().map(Hash::from_bytes).collect() }))
    }
}

/// A frontier over any hash: SHA-256 for the log, BLAKE3 inside a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peaks {
    size: u64,
    /// One for every set bit of the size, largest first.
    peaks: Vec<Hash>,
}

impl Peaks {
    pub(crate) const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    pub(crate) fn of(leaves: &[Hash], node: NodeHash) -> Self {
        let mut peaks = Self::new();
        leaves.iter().for_each(|leaf| peaks.append(*leaf, node));
        peaks
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn append(&mut self, leaf: Hash, node: NodeHash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
    }

    pub(crate) fn root(&self, node: NodeHash) -> Hash {
        fold(&self.peaks, node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;

    fn frontier_of(size: u64) -> Frontier {
        let mut frontier = Frontier::new();
        (0..size).for_each(|n| frontier.append(leaf_hash(&n.to_be_bytes())));
        frontier
    }

    #[test]
    fn it_continues_from_its_bytes_as_if_it_had_never_stopped() {
        for size in [0, 1, 2, 3, 7, 8, 255, 256, 1000] {
            let before = frontier_of(size);
            let bytes = minicbor::to_vec(&before).unwrap();
            let mut after: Frontier = minicbor::decode(&bytes).unwrap();
            assert_eq!(after, before);
            after.append(leaf_hash(&size.to_be_bytes()));
            assert_eq!(after.root(), frontier_of(size + 1).root());
        }
    }

    #[test]
    fn bytes_with_another_number_of_hashes_are_refused() {
        for (size, hashes) in [(0, 1), (1, 0), (3, 1), (4, 2), (u64::MAX, 63)] {
            let mut bytes = Vec::new();
            let mut e = minicbor::Encoder::new(&mut bytes);
            e.array(2).unwrap().u64(size).unwrap().bytes(&vec![7; hashes * 32]).unwrap();
            assert!(minicbor::decode::<Frontier>(&bytes).is_err(), "{size} with {hashes}");
        }
        let mut bytes = minicbor::to_vec(frontier_of(3)).unwrap();
        bytes.pop();
        assert!(minicbor::decode::<Frontier>(&bytes).is_err());
    }
}
