//! What can be wrong with an agreement or with an event about one.

use crate::officer::MayNot;
use domain::encoding::Malformed;
use domain::envelope::OpenError;
use domain::name::{AgencyId, Digest};

/// A field that does not fit, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {why}; {hint}")]
pub struct Misfit {
    /// The field, as a path into the object.
    pub field: String,
    /// What is wrong with it.
    pub why: &'static str,
    /// What to do.
    pub hint: &'static str,
}

/// Why an agreement or an event is refused. Nothing of it takes effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// The terms contradict each other, or something that must be there is missing.
    #[error("the agreement does not fit together: {0}")]
    Inconsistent(Misfit),
    /// The bytes are not an agreement or an event of this release.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The event is not signed by the authority key of the party that it names.
    #[error(transparent)]
    NotSigned(#[from] OpenError),
    /// The event names an agency that is not a party.
    #[error("`{0}` is not a party of this agreement")]
    NotAParty(AgencyId),
    /// The event is about another agreement, or about other terms of this one.
    #[error("the event is about another agreement; compare the agreement hashes")]
    OtherAgreement,
    /// A party's own chain cannot be continued.
    #[error("the chain of events cannot be continued: {0}")]
    Chain(&'static str),
    /// A version that supersedes one that is not known here.
    #[error("version {0} of the agreement is not known here; take it in first")]
    UnknownVersion(Digest),
    /// Papers without a first version.
    #[error("no first version of an agreement is among these papers")]
    NoVersion,
    /// A manifest that speaks for another agency than the one whose root key signed it.
    #[error("a manifest of `{claimed}`, signed by the root key of `{signed_by}`")]
    ForeignManifest {
        /// Whom it speaks for.
        claimed: AgencyId,
        /// Whose key signed.
        signed_by: AgencyId,
    },
    /// A list that is full.
    #[error("more than {max} {what}; close this agreement and make a new one")]
    Full {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The officer who signed may not sign this.
    #[error(transparent)]
    MayNot(#[from] MayNot),
}
