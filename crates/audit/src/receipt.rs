//! The receipt: what proves to its holder, for ever, that one item stands in an agency's log.
//!
//! It shows the frame (its number, time and how many items were written with it) and hashes of
//! neighbours, and nothing of what they say.

use crate::error::Error;
use crate::frame::{Frame, verify_item};
use crate::head::Head;
use crate::note::{NOTE_BYTES_MAX, VerifyingKeys};
use crate::proof::{HASHES_MAX, verify_inclusion};
use crate::tree::Hash;

/// How long an encoded receipt is at most.
pub const RECEIPT_BYTES_MAX: usize = NOTE_BYTES_MAX + 8 * 1024;

/// A path in the frame, a path in the tree, and the signed head both lead to.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Receipt {
    /// The frame that holds the item.
    #[n(0)]
    pub frame: Frame,
    /// The item's index in the frame.
    #[n(1)]
    pub item: u32,
    /// The path from the item's commitment to the root of the frame's items.
    #[n(2)]
    pub item_path: Vec<Hash>,
    /// The path from the frame's leaf to the root of the tree.
    #[n(3)]
    pub tree_path: Vec<Hash>,
    /// The signed head, as text.
    #[n(4)]
    pub head: String,
}

impl Receipt {
    /// Deterministic CBOR.
    pub fn to_bytes(&self) -> Vec<u8> {
        domain::encoding::to_bytes(self)
    }

    /// Reads a receipt; nothing is verified yet.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::ProofLength`], [`Error::ItemCount`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let read = domain::encoding::from_bytes("receipt", bytes, RECEIPT_BYTES_MAX);
        let receipt: Self = read.map_err(|error| Error::malformed("receipt", error))?;
        receipt.frame.check()?;
        for path in [&receipt.item_path, &receipt.tree_path] {
            if path.len() > HASHES_MAX {
                return Err(Error::ProofLength { given: path.len() });
            }
        }
        Ok(receipt)
    }
}

/// Checks that the item with this commitment stands where the receipt says, in the log whose head
/// it carries, and answers that head. The commitment is
/// [`item_commitment`](crate::frame::item_commitment) of what the holder was shown.
///
/// # Errors
/// As [`Head::open`]; [`Error::OutsideTree`], [`Error::ProofLength`], [`Error::NotIncluded`].
pub fn verify_receipt(
    receipt: &Receipt,
    commitment: &Hash,
    keys: &VerifyingKeys,
) -> Result<Head, Error> {
    let head = Head::open(receipt.head.as_bytes(), keys)?;
    let frame = &receipt.frame;
    frame.check()?;
    verify_item(frame, receipt.item, commitment, &receipt.item_path)?;
    let leaf = frame.leaf_hash();
    verify_inclusion(frame.seq, head.size, &leaf, &receipt.tree_path, &head.root)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{ItemsRoot, Operation, Tip, item_path};
    use crate::tree::{Tree, leaf_hash};
    use domain::name::AgencyId;
    use domain::signature::{SecretKey, Signer as _};
    use domain::time::Timestamp;

    struct Log {
        receipt: Receipt,
        commitment: Hash,
        keys: VerifyingKeys,
    }

    /// A log of 11 frames and the receipt for item 2 of the 7 in frame 6.
    fn log() -> Log {
        let agency: AgencyId = "es-pn".parse().unwrap();
        let signer = SecretKey::from_seed(&[4; 32]);
        let items: Vec<Hash> = (0_u8..7).map(|n| leaf_hash(&[n])).collect();
        let (mut tip, mut tree, mut frames) = (Tip::start(&agency), Tree::new(), Vec::new());
        for seq in 0..11 {
            let mut root = ItemsRoot::new();
            items.iter().for_each(|item| root.append(*item));
            let (items, items_root) = root.finish().unwrap();
            let time = Timestamp::from_millis(1_795_000_000_000);
            let frame = Frame { operation: Operation::Commit, seq, time, items, items_root };
            tree.append(tip.append(&frame).unwrap());
            frames.push(frame);
        }
        let receipt = Receipt {
            frame: frames[6],
            item: 2,
            item_path: item_path(&items, 2).unwrap(),
            tree_path: tree.inclusion(6, 11).unwrap(),
            head: Head::at(&agency, &tip).sign(&signer).unwrap().to_string(),
        };
        let key = Head::key(&agency, signer.public_key()).unwrap();
        Log { receipt, commitment: items[2], keys: VerifyingKeys::new([key]).unwrap() }
    }

    #[test]
    fn a_receipt_proves_its_item_after_a_journey() {
        let log = log();
        let read = Receipt::from_bytes(&log.receipt.to_bytes()).unwrap();
        assert_eq!(read, log.receipt);
        let head = verify_receipt(&read, &log.commitment, &log.keys).unwrap();
        assert_eq!((head.agency.as_str(), head.size), ("es-pn", 11));
    }

    #[test]
    fn any_change_makes_it_worthless() {
        let log = log();
        let refused = |change: &dyn Fn(&mut Receipt)| {
            let mut receipt = log.receipt.clone();
            change(&mut receipt);
            verify_receipt(&receipt, &log.commitment, &log.keys).is_err()
        };
        assert!(!refused(&|_| ()));
        assert!(verify_receipt(&log.receipt, &leaf_hash(&[9]), &log.keys).is_err());
        assert!(verify_receipt(&log.receipt, &log.commitment, &VerifyingKeys::default()).is_err());
        assert!(refused(&|r| r.item = 3));
        assert!(refused(&|r| r.item = u32::MAX));
        assert!(refused(&|r| r.frame.seq = 7));
        assert!(refused(&|r| r.frame.items = 6));
        assert!(refused(&|r| r.frame.operation = Operation::Padding));
        assert!(refused(&|r| r.frame.time = r.frame.time.plus_ms(1)));
        assert!(refused(&|r| r.item_path.clear()));
        assert!(refused(&|r| r.tree_path.reverse()));
        assert!(refused(&|r| r.tree_path.push(leaf_hash(b""))));
        assert!(refused(&|r| r.head = r.head.replace("\n11\n", "\n12\n")));
    }

    #[test]
    fn no_flipped_bit_is_accepted_and_none_panics() {
        let log = log();
        let bytes = log.receipt.to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verified = Receipt::from_bytes(&bytes)
                .and_then(|receipt| verify_receipt(&receipt, &log.commitment, &log.keys));
            assert!(verified.is_err(), "bit {bit}");
        }
    }

    #[test]
    fn long_paths_are_refused_when_read() {
        let mut receipt = log().receipt;
        receipt.tree_path = vec![leaf_hash(b""); HASHES_MAX + 1];
        let refused = Receipt::from_bytes(&receipt.to_bytes());
        assert_eq!(refused, Err(Error::ProofLength { given: HASHES_MAX + 1 }));
    }
}
