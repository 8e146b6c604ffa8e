//! Judges by Cedar policies, behind the seam that the `policy` crate defines.
//!
//! Owns: the schema of what a rule may look at, the common floor, how policy files are loaded and
//! checked, and how one evaluation becomes one Cedar request.
//!
//! **Invariant:** any error is a no. Cedar itself skips a forbid rule that fails, and a permit then
//! wins; here a decision with an error in its diagnostics is a fault, policies are validated
//! strictly against the schema before they are used, and so is every request.
//!
//! Path through it: [`Engine::load`] takes the floor and one country's rules; an
//! evaluation becomes entities and a request; [`Engine`] evaluates, also with approvals that nobody gave yet, to
//! tell "not without a human" from "no". For the policy tools, a [`Reading`] takes rules apart into
//! conditions and lets Cedar say of each whether it holds.

mod engine;
mod error;
mod load;
mod nesting;
mod reading;
mod request;
mod typo;
mod weighing;
mod words;

pub use engine::Engine;
pub use error::CedarError;
pub use load::{Layer, POLICY_BYTES_MAX, RULES_MAX, Rule, floor_hash};
pub use reading::Reading;
pub use weighing::{FREEZE_ID, Weighed, WeighingError, freeze, weigh};

/// The schema: what a rule may look at.
pub const SCHEMA: &str = include_str!("../policy/malines.cedarschema");
/// The common floor of this release.
pub const COMMON_FLOOR: &str = include_str!("../policy/common.cedar");
