//! What can go wrong at the desk, sorted by whose fault it is.

use domain::encoding::Malformed;
use domain::envelope::OpenError;
use domain::refusal::{Refusal, RefusalCode};

/// Why a procedure did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Policy, an agreement or a rule said no: normal, explained.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// A partner broke the protocol, signed wrongly or lied: an alarm.
    #[error("`{peer}` misbehaved: {why}")]
    PeerMisbehaved {
        /// The partner.
        peer: domain::name::AgencyId,
        /// What it did, in words of ours.
        why: String,
    },
    /// Something that will be there later is not there yet.
    #[error("not yet: {0}")]
    Unavailable(&'static str),
    /// The store failed or is damaged.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What the store holds is not what was put there.
    #[error("a stored row is damaged: {0}")]
    Corrupt(#[from] Malformed),
    /// An agreement or an event of one that is not well formed or not signed.
    #[error(transparent)]
    Agreement(#[from] agreement::AgreementError),
    /// A signed document that does not open.
    #[error(transparent)]
    Document(#[from] OpenError),
    /// A fault of this program.
    #[error("fault: {0}")]
    Fault(&'static str),
}

impl From<RefusalCode> for DeskError {
    fn from(code: RefusalCode) -> Self {
        Self::Refused(Refusal::new(code))
    }
}

impl DeskError {
    /// The partner misbehaved.
    pub(crate) fn misbehaved(peer: &domain::name::AgencyId, why: impl ToString) -> Self {
        Self::PeerMisbehaved { peer: peer.clone(), why: why.to_string() }
    }

    /// The refusal an officer or a partner is given for this error.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Agreement(_) | Self::Document(_) => RefusalCode::SignatureInvalid.into(),
            _ => RefusalCode::Unavailable.into(),
        }
    }
}
