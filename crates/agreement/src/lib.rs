//! What the parties signed, as data, and whether it binds now.
//!
//! Owns: the [`Agreement`] (the machine-readable annex of the legal act), what its parties sign about
//! it, and where it stands: a pure function of the agreement, the set of what was signed and the
//! clock, the same on every node in whatever order it came.
//!
//! **Invariant:** no input or output, no clock of its own, and no way into force without the
//! signature of every party: what is missing, repeated, forked or forged can only narrow.
//!
//! Path through it: [`terms`] says what can be agreed; [`Agreement`] is terms that fit together,
//! with their exact bytes, and [`rendering`] shows them for signature; [`declaration`] is what a
//! party says, signed by its authority or an [`officer`]; a [`Register`] holds it all, [`State`]
//! judges it for each direction, and [`purge`] ends it. A [`Docket`] is the same with its papers, as
//! nodes and people hand them to each other.

// The tests inside share their fixture with those outside, which call the crate by its name.
#[cfg(test)]
extern crate self as agreement;

mod boundary;
mod check;
pub mod declaration;
pub mod docket;
mod error;
mod fit;
pub mod language;
mod listed;
pub mod officer;
mod phase;
pub mod purge;
mod reading;
mod register;
pub mod rendering;
mod rule;
mod signatory;
mod spoken;
pub mod state;
pub mod terms;
mod words;

pub use check::{AGREEMENT_BYTES_MAX, Agreement, SCHEMA};
pub use declaration::{Declaration, Head, KeyReplacement, Scope, Step};
pub use docket::{Docket, Paper};
pub use error::{AgreementError, Misfit};
pub use language::Language;
pub use phase::{Phase, WhyNot};
pub use register::{CONTRADICTIONS_MAX, Equivocation, HEADS_MAX, Register, VERSIONS_MAX};
pub use signatory::Signatory;
pub use state::{SKEW_MS, State};
pub use terms::{Pair, Party, Terms, TransferCondition};
pub use words::why_not;
