//! What the parties signed, as data, and whether it binds now.
//!
//! Owns: the [`Agreement`] (the machine-readable annex of the legal act), the signed events of its
//! parties, and the [`Standing`] they add up to: a pure function of the agreement, the set of
//! events and the clock, the same on every node in whatever order the events came.
//!
//! **Invariant:** no input or output, no clock of its own, and no way into force without the
//! signature of every party: what is missing, repeated, forked or forged can only narrow.
//!
//! Path through it: [`terms`] says what can be agreed; [`Agreement`] is terms that fit together,
//! with their exact bytes; [`event`] is what a party says about it; [`standing`] judges.

mod check;
mod error;
pub mod event;
pub mod standing;
pub mod terms;

pub use check::{AGREEMENT_BYTES_MAX, Agreement, SCHEMA};
pub use error::AgreementError;
pub use event::{Act, AgreementEvent, SignedEvents};
pub use standing::{Standing, WhySuspended};
pub use terms::{Pair, Party, Terms};
