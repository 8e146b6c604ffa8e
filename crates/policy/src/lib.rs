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
//! until anything changes; partners that no rule tells apart share what the rules said. What people approved for one record goes past the cache: [`approval`].
//!
//! Beside it, for people who write rules: a [`situation`] is one question to the rules in words, a
//! [`rulebook`] is rules as formulas, the [`label_space`] is every situation that rules could tell
//! apart, and over it [`survey`], [`proof`], [`difference`] and [`explanation`] say what rules can
//! never do, never allow, would change, and why.

mod alike;
pub mod approval;
mod approvers;
mod cache;
mod class_table;
mod decision;
pub mod difference;
mod evaluator;
pub mod explanation;
mod gate;
mod held;
pub mod invariant;
mod judge;
pub mod label_space;
pub mod proof;
pub mod proposal;
pub mod reach;
pub mod rulebook;
pub mod situation;
pub mod survey;
pub mod table;

pub use cache::View;
pub use class_table::ClassNumber;
pub use decision::{Action, Decision, Permit, PolicyEpoch};
pub use evaluator::{Approvals, Evaluation, Evaluator, Matter, Verdict};
pub use gate::{AGREEMENTS_MAX, Gate, PolicyError};
pub use held::{Held, Released};
