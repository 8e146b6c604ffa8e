//! Turns what the network says into the words of the domain, and back.
//!
//! From the domain to the network is `From`, or a function where a decision is needed; from the
//! network to the domain is always checked, and everything that the contract does not allow is
//! [`Invalid`]: unknown values, wrong lengths, lists over their maximum, repeated members of sets,
//! instants after the year 9999. An error names a field and a rule, never a value.
//!
//! What holds records is encoded towards a peer only out of [`policy::Released`], and only for the
//! peer that policy released it to: [`pull::to_response`] and [`question::to_response`].

pub mod approval;
pub mod audit;
pub mod case;
pub mod correction;
pub mod court_use;
pub mod dispute;
pub mod docket;
pub mod duty;
pub mod erasure;
mod field;
pub mod hello;
pub mod hold;
pub mod invalid;
pub mod node;
pub mod policy;
pub mod pull;
pub mod query;
pub mod question;
pub mod record;
mod redaction;
pub mod status;
pub mod submission;
pub mod value;
pub mod withdrawal;

pub use invalid::{Invalid, Why};
