//! May this happen, under which agreement, and why: the gate in front of everything that moves.
//!
//! Owns: the questions that can be put to policy ([`Action`]), the answers ([`Decision`]), the
//! proof of a yes ([`Permit`]), the box that only such a proof opens ([`Held`], [`Released`]), the
//! rules that no policy file can lift ([`invariant`]) and the cache of decisions ([`View`]).
//!
//! **Invariant:** default deny. A [`Permit`] and a [`Released`] are made in this crate alone; no
//! hash, id, date or text of a record is visible to a rule; no policy language is known here: it
//! comes in as an [`Evaluator`], and whatever goes wrong in it is a no.
//!
//! Path through it: [`Gate`] finds the agreement and its standing, [`invariant`] says what is
//! never allowed, the [`Evaluator`] narrows further, and the [`Decision`] is kept in a [`View`]
//! until anything changes.

mod cache;
mod class_table;
mod decision;
mod evaluator;
mod gate;
mod held;
pub mod invariant;
mod judge;
pub mod table;

pub use cache::View;
pub use class_table::ClassNumber;
pub use decision::{Action, Decision, Permit, PolicyEpoch};
pub use evaluator::{Evaluation, Evaluator, Matter, Verdict};
pub use gate::{AGREEMENTS_MAX, Gate, PolicyError};
pub use held::{Held, Released};
