//! What is said of a message that the contract does not allow.

use domain::refusal::{Refusal, RefusalCode};

/// A message that is refused whole: which field, and which rule it breaks. Names no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{what}` {why}")]
pub struct Invalid {
    /// The field, by its name in the contract.
    pub what: &'static str,
    /// The rule it breaks.
    pub why: Why,
}

/// The rule that a field breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It has to be there.
    #[error("is missing")]
    Missing,
    /// 0, or a number that names no value.
    #[error("is a value that is not known here")]
    Unknown,
    /// The wrong number of bytes.
    #[error("has not the length it must have, {bytes} bytes")]
    Length {
        /// The right number.
        bytes: usize,
    },
    /// A number of bytes that no message of that kind has.
    #[error("has a length that is not allowed")]
    Step,
    /// Two equal members of a set.
    #[error("says the same thing twice")]
    Repeated,
    /// More members than the maximum.
    #[error("has more than the {max} entries allowed")]
    TooMany {
        /// The maximum.
        max: usize,
    },
    /// Longer than the maximum.
    #[error("is longer than the {max} allowed")]
    TooLong {
        /// The maximum, in bytes or characters as the contract says.
        max: usize,
    },
    /// Not a well-formed name, or control characters in a text.
    #[error("is not well formed")]
    NotWellFormed,
    /// A number or an instant outside its range.
    #[error("is out of range")]
    OutOfRange,
    /// Fields that exclude each other.
    #[error("contradicts another field")]
    Contradictory,
    /// A reason that no partner may be told, told by a partner.
    #[error("is not for partners")]
    NotForPartners,
    /// A thing that this version of the contract cannot carry.
    #[error("cannot be sent in this version of the contract")]
    NotSendable,
    /// Bytes that are no message at all.
    #[error("is not a message of this contract")]
    NotAMessage,
}

impl Invalid {
    /// Makes one.
    pub const fn new(what: &'static str, why: Why) -> Self {
        Self { what, why }
    }

    /// The stable code: [`RefusalCode::TooLarge`] above a maximum, else [`RefusalCode::Malformed`].
    pub const fn code(&self) -> RefusalCode {
        match self.why {
            Why::TooMany { .. } | Why::TooLong { .. } => RefusalCode::TooLarge,
            _ => RefusalCode::Malformed,
        }
    }
}

impl From<Invalid> for Refusal {
    /// Names the field as the rule, for our own people.
    fn from(invalid: Invalid) -> Self {
        Self::by_rule(invalid.code(), &format!("wire.{}", invalid.what))
    }
}
