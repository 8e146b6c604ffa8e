//! Known answers in `tests/vectors/audit`: every row is run, and broken variants are caught by them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use audit::export::{ExportWriter, Item, Part};
use audit::frame::{
    Chain, Frame, Operation, PartCommitments, PartKind, Tip, item_commitment, part_commitment,
};
use audit::frontier::Frontier;
use audit::head::{Checkpoint, Head};
use audit::note::{Note, NoteKey, VerifyingKeys};
use audit::proof::{verify_consistency, verify_inclusion};
use audit::tree::{Hash, Tree, leaf_hash, node_hash};
use audit::verifier::verify_export;
use domain::digest::Salt;
use domain::name::AgencyId;
use domain::signature::SecretKey;
use domain::time::Timestamp;
use serde_json::Value;
use std::path::Path;

fn file(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/audit");
    let value: Value = serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    assert!(value["origin"].is_string() && value["licence"].is_string(), "{name}");
    value
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn rows(value: &Value) -> &[Value] {
    let rows = value.as_array().unwrap();
    assert!(!rows.is_empty());
    rows
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = text(value);
    let mut bytes = vec![0; text.len() / 2];
    domain::hexadecimal::decode(text.as_bytes(), &mut bytes).unwrap();
    bytes
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn hash(value: &Value) -> Hash {
    Hash::from_bytes(array(value))
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

#[test]
fn roots_of_every_size() {
    let vectors = file("rfc6962.json");
    let roots = hashes(&vectors["roots"]);
    let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
    assert_eq!((tree.root(0).unwrap(), frontier.root()), (roots[0], roots[0]));
    for (leaf, root) in rows(&vectors["leaves"]).iter().zip(&roots[1..]) {
        tree.append(leaf_hash(&bytes(leaf)));
        frontier.append(leaf_hash(&bytes(leaf)));
        assert_eq!((tree.root(tree.size()).unwrap(), frontier.root()), (*root, *root));
    }
    assert_eq!(tree.size() + 1, roots.len() as u64);
    for row in rows(&vectors["inclusion"]).iter().filter(|row| row["valid"] == true) {
        let made = tree.inclusion(number(&row["index"]), number(&row["size"]));
        assert_eq!(made.unwrap(), hashes(&row["proof"]), "{}", row["name"]);
    }
    for row in rows(&vectors["consistency"]).iter().filter(|row| row["valid"] == true) {
        let made = tree.consistency(number(&row["old"]), number(&row["new"]));
        assert_eq!(made.unwrap(), hashes(&row["proof"]), "{}", row["name"]);
    }
}

/// How many rows a verifier of inclusion proofs gets wrong.
fn wrong_inclusions(verify: impl Fn(u64, u64, &Hash, &[Hash], &Hash) -> bool) -> Vec<String> {
    let vectors = file("rfc6962.json");
    let is_wrong = |row: &&Value| {
        let (index, size) = (number(&row["index"]), number(&row["size"]));
        let (leaf, root) = (hash(&row["leaf_hash"]), hash(&row["root"]));
        verify(index, size, &leaf, &hashes(&row["proof"]), &root) != (row["valid"] == true)
    };
    let rows = rows(&vectors["inclusion"]).iter();
    rows.filter(is_wrong).map(|row| row["name"].to_string()).collect()
}

/// How many rows a verifier of consistency proofs gets wrong.
fn wrong_consistencies(verify: impl Fn(u64, u64, &Hash, &Hash, &[Hash]) -> bool) -> Vec<String> {
    let vectors = file("rfc6962.json");
    let is_wrong = |row: &&Value| {
        let (old, new) = (number(&row["old"]), number(&row["new"]));
        let (old_root, new_root) = (hash(&row["old_root"]), hash(&row["new_root"]));
        verify(old, new, &old_root, &new_root, &hashes(&row["proof"])) != (row["valid"] == true)
    };
    let rows = rows(&vectors["consistency"]).iter();
    rows.filter(is_wrong).map(|row| row["name"].to_string()).collect()
}

#[test]
fn valid_and_invalid_proofs() {
    let none: Vec<String> = Vec::new();
    let inclusion = |index, size, leaf: &_, proof: &_, root: &_| {
        verify_inclusion(index, size, leaf, proof, root).is_ok()
    };
    assert_eq!(wrong_inclusions(inclusion), none);
    let consistency = |old, new, old_root: &_, new_root: &_, proof: &_| {
        verify_consistency(old, new, old_root, new_root, proof).is_ok()
    };
    assert_eq!(wrong_consistencies(consistency), none);
}

#[test]
fn verifiers_that_forget_a_check_are_caught() {
    // Follows the bits of the index to the end of the proof, whatever the size.
    let no_size = |index: u64, _: u64, leaf: &Hash, proof: &[Hash], root: &Hash| {
        let step = |(reached, index): (Hash, u64), hash: &Hash| {
            let parent =
                if index & 1 == 1 { node_hash(hash, &reached) } else { node_hash(&reached, hash) };
            (parent, index >> 1)
        };
        proof.iter().fold((*leaf, index), step).0 == *root
    };
    assert!(!wrong_inclusions(no_size).is_empty());
    let no_root = |index, size, leaf: &_, proof: &_, _: &Hash| {
        !matches!(
            verify_inclusion(index, size, leaf, proof, leaf),
            Err(audit::Error::OutsideTree { .. } | audit::Error::ProofLength { .. })
        )
    };
    assert!(!wrong_inclusions(no_root).is_empty());
    let no_proof =
        |old, new, old_root: &Hash, new_root: &Hash, _: &[Hash]| old < new || old_root == new_root;
    assert!(!wrong_consistencies(no_proof).is_empty());
    let no_length = |old, new, old_root: &_, new_root: &_, proof: &[Hash]| {
        let cut = |length| verify_consistency(old, new, old_root, new_root, &proof[..length]);
        (0..=proof.len()).any(|length| cut(length).is_ok())
    };
    assert!(!wrong_consistencies(no_length).is_empty());
}

#[test]
fn trees_that_forget_a_rule_are_caught() {
    type Leaf = fn(&[u8]) -> Hash;
    type Node = fn(&Hash, &Hash) -> Hash;
    fn plain(leaf: &[u8]) -> Hash {
        use sha2::Digest as _;
        Hash::from_bytes(sha2::Sha256::digest(leaf).into())
    }
    fn joined(first: &Hash, second: &Hash, prefix: &[u8]) -> Hash {
        plain(&[prefix, first.as_bytes(), second.as_bytes()].concat())
    }
    /// Pairs neighbours level by level; an odd one is paired with itself, or moves up alone.
    fn paired(mut level: Vec<Hash>, node: Node, twice: bool) -> Hash {
        while level.len() > 1 {
            let pair = |pair: &[Hash]| match pair {
                [left, right] => node(left, right),
                [odd] if twice => node(odd, odd),
                _ => pair[0],
            };
            level = level.chunks(2).map(pair).collect();
        }
        level[0]
    }
    let vectors = file("rfc6962.json");
    let roots = hashes(&vectors["roots"]);
    let leaves: Vec<Vec<u8>> = rows(&vectors["leaves"]).iter().map(bytes).collect();
    let wrong = |leaf: Leaf, node: Node, twice: bool| {
        let of = |size: usize| leaves[..size].iter().map(|bytes| leaf(bytes)).collect();
        (1..roots.len()).filter(|size| paired(of(*size), node, twice) != roots[*size]).count()
    };
    assert_eq!(wrong(leaf_hash, node_hash, false), 0, "moving up alone gives the tree of RFC 6962");
    assert!(wrong(leaf_hash, node_hash, true) > 0, "an odd leaf paired with itself");
    assert!(wrong(plain, node_hash, false) > 0, "leaves without a prefix");
    assert!(wrong(leaf_hash, |l, r| joined(l, r, &[]), false) > 0, "nodes without a prefix");
    assert!(
        wrong(leaf_hash, |l, r| joined(l, r, &[0]), false) > 0,
        "nodes with the leaves' prefix"
    );
    assert!(wrong(leaf_hash, |l, r| node_hash(r, l), false) > 0, "children the other way round");
}

#[test]
fn signed_notes() {
    let vectors = file("signed-note.json");
    for row in rows(&vectors["notes"]) {
        let keys = row["keys"].as_array().unwrap().iter();
        let keys: Vec<NoteKey> = keys.map(|key| NoteKey::from_line(text(key)).unwrap()).collect();
        assert!(
            keys.iter()
                .zip(row["keys"].as_array().unwrap())
                .all(|(k, line)| k.to_line() == text(line))
        );
        let note = Note::parse(text(&row["note"]).as_bytes()).unwrap();
        assert_eq!(note.to_string(), text(&row["note"]), "{}", row["name"]);
        let keys = VerifyingKeys::new(keys).unwrap();
        let verified = note.verify(&keys);
        match row["verified"].as_array() {
            None => assert!(verified.is_err(), "{}", row["name"]),
            Some(names) => {
                let verified: Vec<&str> =
                    verified.unwrap().into_iter().map(NoteKey::name).collect();
                assert_eq!(verified, names.iter().map(text).collect::<Vec<_>>(), "{}", row["name"]);
            }
        }
    }
    for note in rows(&vectors["malformed"]) {
        assert!(Note::parse(text(note).as_bytes()).is_err(), "{note}");
    }
    for key in rows(&vectors["malformed_keys"]) {
        assert!(NoteKey::from_line(text(key)).is_err(), "{key}");
    }
    let signing = &vectors["signing"];
    let signer = SecretKey::from_seed(&array(&signing["seed"]));
    let note = Note::sign(text(&signing["text"]), text(&signing["name"]), &signer).unwrap();
    assert_eq!(note.to_string(), text(&signing["note"]));
}

#[test]
fn checkpoints_of_the_specification() {
    let vectors = file("signed-note.json");
    for row in rows(&vectors["examples"]) {
        let note = Note::parse(text(&row["note"]).as_bytes()).unwrap();
        assert_eq!(note.to_string(), text(&row["note"]));
        let signers: Vec<&str> = note.signatures().iter().map(|by| by.name.as_str()).collect();
        assert_eq!(signers, rows(&row["signers"]).iter().map(text).collect::<Vec<_>>());
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        assert_eq!(checkpoint.to_string(), note.text());
        assert_eq!(checkpoint.origin, text(&row["origin"]));
        assert_eq!((checkpoint.size, checkpoint.root), (number(&row["size"]), hash(&row["root"])));
        assert!(Head::try_from(checkpoint).is_err(), "not the log of an agency");
    }
}

/// A part of a vector: checked against its commitment, open or closed as the vector says.
fn part(item: &Value, kind: PartKind) -> Option<Part> {
    let row = item.get(kind.to_string())?;
    let (salt, bytes) = (Salt::from_bytes(array(&row["salt"])), bytes(&row["bytes"]));
    assert_eq!(part_commitment(kind, &salt, &bytes), hash(&row["commitment"]));
    let part = Part::open(kind, salt, bytes).unwrap();
    Some(if row["open"] == true { part } else { Part::closed(part.commitment()) })
}

#[test]
fn the_journal_and_its_export_as_a_second_implementation_writes_them() {
    let vectors = file("journal.json");
    let agency: AgencyId = text(&vectors["agency"]).parse().unwrap();
    let signer = SecretKey::from_seed(&array(&vectors["seed"]));
    let mut tip = Tip::start(&agency);
    assert_eq!(Chain::start(&agency).as_hash(), &hash(&vectors["chain_start"]));
    let mut export = ExportWriter::start(Vec::new(), &agency, tip.clone()).unwrap();
    for row in rows(&vectors["frames"]) {
        let items: Vec<Item> = rows(&row["items"])
            .iter()
            .map(|row| {
                let entry = part(row, PartKind::Entry).unwrap();
                let (local, data) = (part(row, PartKind::Local), part(row, PartKind::Data));
                let of = |part: &Option<Part>| part.as_ref().map(Part::commitment);
                let parts = PartCommitments {
                    entry: entry.commitment(),
                    local: of(&local),
                    data: of(&data),
                };
                let header = bytes(&row["header"]);
                assert_eq!(item_commitment(&header, &parts).unwrap(), hash(&row["commitment"]));
                Item { header, entry, local, data }
            })
            .collect();
        let frame = Frame::from_bytes(&bytes(&row["frame"])).unwrap();
        assert_eq!(frame.items_root, hash(&row["items_root"]));
        assert_eq!(frame.operation as u64, number(&row["operation"]));
        assert_eq!(tip.append(&frame).unwrap(), hash(&row["leaf_hash"]));
        assert_eq!((tip.chain().as_hash(), tip.root()), (&hash(&row["chain"]), hash(&row["root"])));
        let time = Timestamp::from_millis(number(&row["time_ms"]));
        assert_eq!(export.frame(frame.operation, time, &items).unwrap(), tip.chain());
    }
    let head = export.head().sign(&signer).unwrap();
    assert_eq!(head.to_string(), text(&vectors["head"]));
    export.signed_head(&head).unwrap();
    let written = export.finish().unwrap();
    assert_eq!(domain::hexadecimal::encode(&written), text(&vectors["export"]));
    let key = NoteKey::from_line(text(&vectors["key"])).unwrap();
    let keys = VerifyingKeys::new([key]).unwrap();
    let report = verify_export(&written[..], &keys).unwrap();
    assert_eq!((report.frames, report.items, report.heads), (3, 5, 1));
    assert_eq!((report.open_parts, report.closed_parts, report.closed_entries), (6, 3, 1));
    let padding = rows(&vectors["frames"]).last().unwrap();
    assert_eq!(number(&padding["operation"]), Operation::Padding as u64);
}
