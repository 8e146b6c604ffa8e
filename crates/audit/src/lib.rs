//! The proof that a log was not quietly changed: what an agency did, committed to byte by byte.
//!
//! Owns: commitments to journal entries, the frame's leaf, the hash chain, the Merkle tree of
//! RFC 6962, signed heads, receipts, the export of a log and its offline verification.
//!
//! **Invariant:** it proves bytes and never learns what they say. No clock, no randomness, no
//! socket, no file: a reader or a writer is handed in, and only for an export. Salts come from
//! outside. Nothing of an entry is in an error or a `Debug`.
//!
//! Path through it, from an entry to something a court's expert can check with one command:
//!
//! ```text
//! part      salt | bytes                     --BLAKE3-->  part commitment      [frame]
//! item      header | its parts' commitments  --BLAKE3-->  item commitment      [frame]
//! frame     operation, seq, time | Merkle root of the items = 54 bytes         [frame]
//! chain_n   BLAKE3(chain_{n-1} | frame)                                        [frame]
//! tree      leaf_n = SHA-256(0x00 | frame), nodes as in RFC 6962               [tree], [frontier]
//! head      origin, size, root, chain: a signed checkpoint                     [note], [head]
//! receipt   path in the frame + path in the tree + head                        [proof], [receipt]
//! export    frames, items and heads in one file                                [export], [verifier]
//! ```
//!
//! Erasing a part's salt and bytes leaves its commitment: everything still verifies, and nothing
//! can be guessed from what is left, because the salt was 32 random bytes.

pub mod error;
pub mod export;
pub mod frame;
pub mod frontier;
pub mod head;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod tree;
pub mod verifier;

pub use error::{Error, Fault, Place};
