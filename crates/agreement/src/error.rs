//! What can be wrong with an agreement or with an event about one.

use domain::encoding::Malformed;
use domain::envelope::OpenError;
use domain::name::AgencyId;

/// Why an agreement or an event is refused. Nothing of it takes effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// The terms contradict each other, or something that must be there is missing.
    #[error("the agreement does not fit together: {0}")]
    Inconsistent(&'static str),
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
}
