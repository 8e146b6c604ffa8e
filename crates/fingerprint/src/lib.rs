//! Turns what an officer types or pastes into the one digest that every spelling of it shares.
//!
//! Owns: normalisation version 1, that is, the rules by which a telephone number, an address, an
//! account, a link, a wallet, a file or an advertisement's text becomes canonical bytes, and from
//! them a [`domain::digest::Fingerprint`]. The rules are pinned by `tests/vectors/normalise`; a
//! changed rule is a new version.
//!
//! **Invariant:** runs on the officer's machine alone: it knows no network, no disk, no key and no
//! node, never resolves a link, and neither its errors nor its `Debug` repeat a raw value.
//!
//! Path through it: [`normalise()`] takes the raw value, an [`InputKind`] and a [`Hint`];
//! `link` decides what a URL is and asks `platform` whose rule applies, and `page` whether an
//! address of no platform names somebody; the kind of the result decides the tier. [`recognise()`]
//! guesses the kind for prompts, [`file`](mod@file) hashes files, [`text`] treats advertisements,
//! and [`NegativeBank`] holds the contacts that are never indexed. [`look_alike()`] is a second,
//! weak token that no other crate uses yet.

mod email;
pub mod file;
mod iban;
mod input;
mod link;
mod look_alike;
mod mask;
mod negative_bank;
mod normalise;
mod page;
mod phone;
mod platform;
mod recognise;
mod refused;
pub mod text;
mod unicode;
mod wallet;
mod web;

pub use input::{Hint, InputKind, UnknownInputKind};
pub use look_alike::{LookAlike, look_alike};
pub use negative_bank::{BANK_ROWS_MAX, BankFault, BankReason, BankRule, NegativeBank};
pub use normalise::{CANONICAL_BYTES_MAX, Normalised, RAW_BYTES_MAX, normalise};
pub use recognise::{Guess, recognise};
pub use refused::Refused;
