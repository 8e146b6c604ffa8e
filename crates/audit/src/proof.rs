//! Checks proofs: that a leaf is in a tree, and that one tree continues another.
//!
//! Pure functions over untrusted input; a proof of any length costs at most 64 hashes.

use crate::error::Error;
use crate::frontier::{NodeHash, Peaks};
use crate::tree::{Hash, empty_root, node_hash, split};

/// More hashes than any proof has: a tree of 2^64 leaves is 64 high.
pub const HASHES_MAX: usize = 65;

/// Checks that `leaf` is leaf number `index` of the tree with `size` leaves and this `root`.
///
/// RFC 9162 section 2.1.3.2.
///
/// # Errors
/// [`Error::OutsideTree`], [`Error::ProofLength`], [`Error::NotIncluded`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), Error> {
    let reached = root_of_path(index, size, leaf, proof, node_hash)?;
    if reached == *root { Ok(()) } else { Err(Error::NotIncluded) }
}

/// Checks that the tree of `new` leaves continues the tree of `old` leaves.
///
/// RFC 9162 section 2.1.4.2. Stricter than it where it says nothing: for `old` 0 the old root must
/// be the empty root and the proof empty.
///
/// # Errors
/// [`Error::OldIsLarger`], [`Error::ProofLength`], [`Error::NotConsistent`].
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    if old > new {
        return Err(Error::OldIsLarger { old, new });
    }
    let wrong_length = Error::ProofLength { given: proof.len() };
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(wrong_length);
        }
        let old_fits = old != 0 || *old_root == empty_root();
        let same = old != new || old_root == new_root;
        return if old_fits && same { Ok(()) } else { Err(Error::NotConsistent) };
    }
    if proof.is_empty() || proof.len() > HASHES_MAX {
        return Err(wrong_length);
    }
    // Where the old tree is one complete subtree of the new one, the proof leaves its root out.
    let (start, rest) = match proof.split_first() {
        Some((first, rest)) if !old.is_power_of_two() => (first, rest),
        _ => (old_root, proof),
    };
    let shared = (old - 1).trailing_ones();
    let (mut old_node, mut new_node) = (shift(old - 1, shared), shift(new - 1, shared));
    let (mut old_reached, mut new_reached) = (*start, *start);
    for hash in rest {
        if new_node == 0 {
            return Err(wrong_length);
        }
        if old_node & 1 == 1 || old_node == new_node {
            old_reached = node_hash(hash, &old_reached);
            new_reached = node_hash(hash, &new_reached);
            let up = if old_node == 0 { 0 } else { old_node.trailing_zeros() };
            (old_node, new_node) = (shift(old_node, up), shift(new_node, up));
        } else {
            new_reached = node_hash(&new_reached, hash);
        }
        (old_node, new_node) = (old_node >> 1, new_node >> 1);
    }
    if new_node != 0 {
        return Err(wrong_length);
    }
    let joined = old_reached == *old_root && new_reached == *new_root;
    if joined { Ok(()) } else { Err(Error::NotConsistent) }
}

/// Follows a path from a leaf to the root it leads to.
pub(crate) fn root_of_path(
    index: u64,
    size: u64,
    leaf: &Hash,
    path: &[Hash],
    node: NodeHash,
) -> Result<Hash, Error> {
    if index >= size {
        return Err(Error::OutsideTree { asked: index, size });
    }
    let wrong_length = Error::ProofLength { given: path.len() };
    let (mut at, mut last, mut reached) = (index, size - 1, *leaf);
    for hash in path {
        if last == 0 {
            return Err(wrong_length);
        }
        if at & 1 == 1 || at == last {
            reached = node(hash, &reached);
            // A node without a sibling stands for its parents until it has one.
            let up = if at == 0 { 0 } else { at.trailing_zeros() };
            (at, last) = (shift(at, up), shift(last, up));
        } else {
            reached = node(&reached, hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last == 0 { Ok(reached) } else { Err(wrong_length) }
}

/// The path from one of a few leaves, all at hand; `None` if there is no such leaf.
pub(crate) fn path_among(leaves: &[Hash], index: usize, node: NodeHash) -> Option<Vec<Hash>> {
    let (mut range, mut index, mut path) = (leaves, index, Vec::new());
    range.get(index)?;
    while range.len() > 1 {
        let middle = usize::try_from(split(range.len() as u64)).ok()?;
        let (left, right) = range.split_at_checked(middle)?;
        let sibling;
        if index < middle {
            (range, sibling) = (left, right);
        } else {
            (range, sibling) = (right, left);
            index -= middle;
        }
        path.push(Peaks::of(sibling, node).root(node));
    }
    path.reverse();
    Some(path)
}

/// Shifts right by up to 64 places.
fn shift(value: u64, places: u32) -> u64 {
    value.checked_shr(places).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Tree, leaf_hash};
    use proptest::prelude::*;

    const SIZES: u64 = 130;

    fn grown() -> Tree {
        let mut tree = Tree::new();
        (0..SIZES).for_each(|n| {
            tree.append(leaf_hash(&n.to_be_bytes()));
        });
        tree
    }

    fn flipped(hash: &Hash, bit: usize) -> Hash {
        let mut bytes = *hash.as_bytes();
        bytes[bit / 8 % 32] ^= 1 << (bit % 8);
        Hash::from_bytes(bytes)
    }

    #[test]
    fn every_inclusion_proof_verifies_and_nothing_else_does() {
        let tree = grown();
        for size in 1..=SIZES {
            let root = tree.root(size).unwrap();
            for index in 0..size {
                let leaf = tree.leaf(index).unwrap();
                let proof = tree.inclusion(index, size).unwrap();
                let check = |index, size, proof: &[Hash]| {
                    verify_inclusion(index, size, &leaf, proof, &root)
                };
                assert_eq!(check(index, size, &proof), Ok(()));
                for wrong in [index ^ 1, index ^ 2, index + 1, index.wrapping_sub(1), u64::MAX] {
                    assert!(check(wrong, size, &proof).is_err(), "{index} as {wrong} of {size}");
                }
                for wrong in [0, size / 2, size * 2] {
                    assert!(check(index, wrong, &proof).is_err(), "{index} of {size} as {wrong}");
                }
                for at in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[at] = flipped(&wrong[at], (index * 7 + size) as usize);
                    assert!(check(index, size, &wrong).is_err());
                    wrong.remove(at);
                    assert!(check(index, size, &wrong).is_err());
                }
                for extra in [root, leaf] {
                    assert!(check(index, size, &[&proof[..], &[extra]].concat()).is_err());
                    assert!(check(index, size, &[&[extra], &proof[..]].concat()).is_err());
                }
            }
        }
    }

    #[test]
    fn every_consistency_proof_verifies_and_nothing_else_does() {
        let tree = grown();
        for new in 0..=SIZES {
            let new_root = tree.root(new).unwrap();
            for old in 0..=new {
                let old_root = tree.root(old).unwrap();
                let proof = tree.consistency(old, new).unwrap();
                let check = |old, new, proof: &[Hash]| {
                    verify_consistency(old, new, &old_root, &new_root, proof)
                };
                assert_eq!(check(old, new, &proof), Ok(()), "{old} to {new}");
                assert!(check(old, new, &[&proof[..], &[old_root]].concat()).is_err());
                assert!(check(old, new, &[&[new_root], &proof[..]].concat()).is_err());
                let bad_old = flipped(&old_root, new as usize);
                assert!(verify_consistency(old, new, &bad_old, &new_root, &proof).is_err());
                if old == 0 {
                    continue;
                }
                let bad_new = flipped(&new_root, old as usize);
                assert!(verify_consistency(old, new, &old_root, &bad_new, &proof).is_err());
                if old == new {
                    continue;
                }
                assert!(check(new, old, &proof).is_err(), "backwards");
                for wrong in [old - 1, old + 1, old ^ 2] {
                    assert!(check(wrong, new, &proof).is_err(), "{old} as {wrong} to {new}");
                }
                for wrong in [new / 2, new * 2] {
                    assert!(check(old, wrong, &proof).is_err(), "{old} to {new} as {wrong}");
                }
                for at in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[at] = flipped(&wrong[at], (old * 5 + new) as usize);
                    assert!(check(old, new, &wrong).is_err());
                    wrong.remove(at);
                    assert!(check(old, new, &wrong).is_err());
                }
            }
        }
    }

    #[test]
    fn every_single_bit_counts() {
        let tree = grown();
        let (index, size) = (77, 129);
        let (leaf, root) = (tree.leaf(index).unwrap(), tree.root(size).unwrap());
        let proof = tree.inclusion(index, size).unwrap();
        for bit in 0..proof.len() * 256 {
            let mut wrong = proof.clone();
            wrong[bit / 256] = flipped(&wrong[bit / 256], bit % 256);
            assert!(verify_inclusion(index, size, &leaf, &wrong, &root).is_err());
        }
        for bit in 0..256 {
            assert!(verify_inclusion(index, size, &flipped(&leaf, bit), &proof, &root).is_err());
            assert!(verify_inclusion(index, size, &leaf, &proof, &flipped(&root, bit)).is_err());
        }
    }

    #[test]
    fn a_path_among_a_few_leaves_is_the_path_of_the_tree() {
        let tree = grown();
        for size in 1..=40 {
            let leaves: Vec<Hash> = (0..size).map(|n| tree.leaf(n).unwrap()).collect();
            for index in 0..size {
                let path = path_among(&leaves, index as usize, node_hash);
                assert_eq!(path, tree.inclusion(index, size).ok());
            }
            assert_eq!(path_among(&leaves, size as usize, node_hash), None);
        }
    }

    proptest! {
        #[test]
        fn hostile_proofs_never_panic_and_never_verify(
            old in any::<u64>(), new in any::<u64>(), seed in any::<[u8; 32]>(), length in 0_usize..70,
        ) {
            let proof: Vec<Hash> = (0..length).map(|n| flipped(&Hash::from_bytes(seed), n)).collect();
            let (leaf, root) = (leaf_hash(&seed), leaf_hash(&[1]));
            prop_assert!(verify_inclusion(old, new, &leaf, &proof, &root).is_err());
            prop_assert!(verify_consistency(old, new, &leaf, &root, &proof).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn proofs_of_large_trees_verify(index in 0_u64..5_000, more in 1_u64..5_000) {
            let size = index + more;
            let mut tree = Tree::new();
            (0..size).for_each(|n| { tree.append(leaf_hash(&n.to_be_bytes())); });
            let (leaf, root) = (tree.leaf(index).unwrap(), tree.root(size).unwrap());
            let proof = tree.inclusion(index, size).unwrap();
            prop_assert_eq!(verify_inclusion(index, size, &leaf, &proof, &root), Ok(()));
            let proof = tree.consistency(index, size).unwrap();
            let old_root = tree.root(index).unwrap();
            prop_assert_eq!(verify_consistency(index, size, &old_root, &root, &proof), Ok(()));
        }
    }
}
