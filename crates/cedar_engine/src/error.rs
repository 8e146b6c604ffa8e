//! What can be wrong with a policy file, in words that say where and what to do.

use crate::load::Layer;

/// Why policies are not taken into use. What was in use stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CedarError {
    /// The file is larger than a policy may be.
    #[error(
        "the {layer} has {bytes} bytes, more than the {bytes_max} allowed; split the agreement's rules from comments"
    )]
    TooLarge {
        /// Which file.
        layer: Layer,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Too many rules.
    #[error(
        "{rules} rules, more than the {rules_max} allowed; join rules that differ in a label only"
    )]
    TooManyRules {
        /// How many.
        rules: usize,
        /// The limit.
        rules_max: usize,
    },
    /// The file is no Cedar.
    #[error("the {layer} cannot be read: {why}")]
    NotCedar {
        /// Which file.
        layer: Layer,
        /// What Cedar says.
        why: String,
    },
    /// A rule breaks a rule about rules.
    #[error("the {layer}, rule {rule}: {why}")]
    BadRule {
        /// Which file.
        layer: Layer,
        /// The id, or the place in the file.
        rule: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// A rule uses a label, an attribute or a comparison that the schema does not have.
    #[error("rule {rule} does not fit the schema: {why}")]
    Invalid {
        /// The id.
        rule: String,
        /// What Cedar says.
        why: String,
    },
    /// A rule that loads, and that no tool can follow.
    #[error("rule {rule} cannot be followed: {why}")]
    Unclear {
        /// The id.
        rule: String,
        /// What cannot be followed.
        why: String,
    },
    /// The schema of this release does not load: our fault.
    #[error("the schema of this release cannot be read: {0}")]
    Schema(String),
}
