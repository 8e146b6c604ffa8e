//! Why somebody was not let in or not talked to: for our own log, never for the other side.

use domain::name::AgencyId;
use rustls::{CertificateError, PeerIncompatible};

/// The true reason why the one at the other end is not let in, or not talked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    /// Not X.509 version 3 in DER, or with bytes after its end.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// More certificates than a leaf and its authority need.
    #[error("too many certificates were presented")]
    ChainTooLong,
    /// No URI among the subject's alternative names.
    #[error("the certificate carries no URI, so it names nobody")]
    Unnamed,
    /// More than one URI: which one would count?
    #[error("the certificate carries more than one URI")]
    SeveralNames,
    /// The URI is not of the two forms that name a node or an officer.
    #[error("the URI in the certificate names neither a node nor an officer")]
    MalformedName,
    /// The extended key usage does not list what the certificate is used for.
    #[error("the certificate of `{claimed}` is not made for this side of TLS")]
    WrongPurpose {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// An officer's certificate where only nodes are let in.
    #[error("an officer's certificate of `{claimed}` in the place of a node's")]
    OfficerInPlaceOfNode {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// A node's certificate where only officers are let in.
    #[error("a node's certificate of `{claimed}` in the place of an officer's")]
    NodeInPlaceOfOfficer {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The node that answered is not of the agency that was dialled.
    #[error("dialled `{expected}`, but `{presented}` answered")]
    NotExpected {
        /// The agency that was dialled.
        expected: AgencyId,
        /// The agency that the certificate names.
        presented: AgencyId,
    },
    /// No agreement in force and no manifest knows this agency.
    #[error("`{claimed}` is not a registered agency")]
    Unregistered {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// An officer of another agency.
    #[error("an officer of `{claimed}`, which is not this agency")]
    ForeignOfficer {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// None of the presented authorities is known here.
    #[error("no known authority stands behind this certificate of `{claimed}`")]
    UnknownAuthority {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The presented authority is known, but it belongs to another member, or to another use.
    #[error("the authority of `{owner}` stands behind a certificate that claims `{claimed}`")]
    ForeignAuthority {
        /// The agency that the certificate names.
        claimed: AgencyId,
        /// The agency whose authority was presented.
        owner: AgencyId,
    },
    /// The right authority was presented, but it did not sign the certificate.
    #[error("the authority of `{claimed}` did not sign this certificate")]
    NotSigned {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The certificate is not valid any more.
    #[error("the certificate of `{claimed}` has expired")]
    Expired {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The certificate is not valid yet.
    #[error("the certificate of `{claimed}` is not valid yet")]
    NotYetValid {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The authority's own certificate is outside its dates, or may not sign certificates.
    #[error("the authority of `{claimed}` may not sign certificates now")]
    AuthorityUnfit {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The certificate is of a form that this program does not accept.
    #[error("the certificate of `{claimed}` is of a form that is not accepted")]
    Unacceptable {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The authority was pinned when the connection was made and is not pinned any more.
    #[error("the authority behind this certificate of `{claimed}` was withdrawn")]
    AuthorityWithdrawn {
        /// The agency that the certificate names.
        claimed: AgencyId,
    },
    /// The agency is suspended for now.
    #[error("`{agency}` is suspended")]
    Suspended {
        /// The agency.
        agency: AgencyId,
    },
    /// The agency is out for good.
    #[error("`{agency}` is revoked")]
    Revoked {
        /// The agency.
        agency: AgencyId,
    },
    /// The officer's certificates are not accepted any more.
    #[error("the officer is revoked")]
    OfficerRevoked,
}

impl IdentityRefusal {
    /// A stable word for logs and counters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable => "certificate-unreadable",
            Self::ChainTooLong => "chain-too-long",
            Self::Unnamed => "unnamed",
            Self::SeveralNames => "several-names",
            Self::MalformedName => "malformed-name",
            Self::WrongPurpose { .. } => "wrong-purpose",
            Self::OfficerInPlaceOfNode { .. } => "officer-in-place-of-node",
            Self::NodeInPlaceOfOfficer { .. } => "node-in-place-of-officer",
            Self::NotExpected { .. } => "not-the-agency-dialled",
            Self::Unregistered { .. } => "unregistered-agency",
            Self::ForeignOfficer { .. } => "foreign-officer",
            Self::UnknownAuthority { .. } => "unknown-authority",
            Self::ForeignAuthority { .. } => "foreign-authority",
            Self::NotSigned { .. } => "not-signed",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::AuthorityUnfit { .. } => "authority-unfit",
            Self::Unacceptable { .. } => "unacceptable-certificate",
            Self::AuthorityWithdrawn { .. } => "authority-withdrawn",
            Self::Suspended { .. } => "suspended",
            Self::Revoked { .. } => "revoked",
            Self::OfficerRevoked => "officer-revoked",
        }
    }

    /// What the operator can do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable | Self::ChainTooLong | Self::Unacceptable { .. } => {
                "ask the other side to issue its certificate again with this program"
            }
            Self::Unnamed | Self::SeveralNames | Self::MalformedName => {
                "a certificate carries exactly one URI: spiffe://AGENCY/node/NAME or spiffe://AGENCY/officer/PSEUDONYM"
            }
            Self::WrongPurpose { .. } => {
                "a node's certificate needs both client and server authentication, an officer's needs client authentication"
            }
            Self::OfficerInPlaceOfNode { .. } | Self::NodeInPlaceOfOfficer { .. } => {
                "officers connect to the officer port of their own node, nodes to the partner port"
            }
            Self::NotExpected { .. } => {
                "check the address in the manifest of the agency; somebody else answers there"
            }
            Self::Unregistered { .. } => {
                "an agency is registered by an agreement in force and its signed manifest, never by hand"
            }
            Self::ForeignOfficer { .. } => "officers connect to the node of their own agency only",
            Self::UnknownAuthority { .. } | Self::AuthorityWithdrawn { .. } => {
                "if the agency renewed its authority, obtain its newer signed manifest"
            }
            Self::ForeignAuthority { .. } | Self::NotSigned { .. } => {
                "somebody pretends to be that agency: warn it, and keep this log"
            }
            Self::Expired { .. } => "the other side has to renew its certificate",
            Self::NotYetValid { .. } => "compare the clocks of both machines",
            Self::AuthorityUnfit { .. } => {
                "the agency has to renew its authority and publish a new manifest"
            }
            Self::Suspended { .. } | Self::Revoked { .. } | Self::OfficerRevoked => {
                "this was decided here; see the registry"
            }
        }
    }

    /// The agency that was claimed, where the certificate could be read that far.
    pub const fn claimed(&self) -> Option<&AgencyId> {
        match self {
            Self::Unreadable
            | Self::ChainTooLong
            | Self::Unnamed
            | Self::SeveralNames
            | Self::MalformedName
            | Self::OfficerRevoked => None,
            Self::NotExpected { presented: agency, .. }
            | Self::Suspended { agency }
            | Self::Revoked { agency }
            | Self::WrongPurpose { claimed: agency }
            | Self::OfficerInPlaceOfNode { claimed: agency }
            | Self::NodeInPlaceOfOfficer { claimed: agency }
            | Self::Unregistered { claimed: agency }
            | Self::ForeignOfficer { claimed: agency }
            | Self::UnknownAuthority { claimed: agency }
            | Self::ForeignAuthority { claimed: agency, .. }
            | Self::NotSigned { claimed: agency }
            | Self::Expired { claimed: agency }
            | Self::NotYetValid { claimed: agency }
            | Self::AuthorityUnfit { claimed: agency }
            | Self::Unacceptable { claimed: agency }
            | Self::AuthorityWithdrawn { claimed: agency } => Some(agency),
        }
    }

    /// Finds the reason inside an error of the TLS library.
    pub(crate) fn inside(error: &rustls::Error) -> Option<&Self> {
        match error {
            rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => {
                other.0.downcast_ref()
            }
            _ => None,
        }
    }
}

/// Every reason becomes the same alert, `certificate_unknown`: the other side learns nothing more.
impl From<IdentityRefusal> for rustls::Error {
    fn from(refusal: IdentityRefusal) -> Self {
        Self::InvalidCertificate(rustls::CertificateError::Other(rustls::OtherError(
            std::sync::Arc::new(refusal),
        )))
    }
}

/// Why a caller was not let in, or was cut: for our log and counters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The certificate was not accepted.
    #[error("{0}")]
    Identity(#[from] IdentityRefusal),
    /// No certificate was presented.
    #[error("the caller presented no certificate")]
    NoCertificate,
    /// The caller could not prove that it holds the key of its certificate.
    #[error("the caller does not hold the key of its certificate")]
    KeyNotHeld,
    /// The caller offers no TLS 1.3.
    #[error("the caller does not offer TLS 1.3")]
    OldProtocol,
    /// The caller offers none of the key exchanges that this port requires.
    #[error("the caller does not offer the key exchange that this port requires")]
    WeakKeyExchange,
    /// The caller offers nothing else that this port could use.
    #[error("the caller and this port have no TLS settings in common")]
    NothingInCommon,
    /// The bytes are not TLS, or break its rules.
    #[error("the caller does not speak TLS as it should")]
    NotTls,
    /// The caller did not ask for HTTP/2.
    #[error("the caller did not ask for HTTP/2")]
    NotHttp2,
    /// The caller did not accept our certificate.
    #[error("the caller did not accept the certificate of this node")]
    RefusedByCaller,
    /// The connection ended in the handshake.
    #[error("the connection ended in the handshake")]
    Lost,
    /// The handshake took too long.
    #[error("the handshake took too long")]
    Slow,
    /// The handshake was given up to make room for others.
    #[error("the handshake made room for others")]
    Displaced,
    /// The caller has enough connections already.
    #[error("the caller has too many connections")]
    TooManyOfCaller,
    /// The port has enough connections already.
    #[error("the port has too many connections")]
    TooMany,
    /// The process ran out of descriptors; the connection was closed unheard.
    #[error("no descriptor was left to accept with")]
    NoDescriptor,
}

impl Refusal {
    /// A stable word for logs and counters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Identity(refusal) => refusal.code(),
            Self::NoCertificate => "no-certificate",
            Self::KeyNotHeld => "key-not-held",
            Self::OldProtocol => "old-protocol",
            Self::WeakKeyExchange => "weak-key-exchange",
            Self::NothingInCommon => "nothing-in-common",
            Self::NotTls => "not-tls",
            Self::NotHttp2 => "not-http2",
            Self::RefusedByCaller => "refused-by-caller",
            Self::Lost => "lost",
            Self::Slow => "slow",
            Self::Displaced => "displaced",
            Self::TooManyOfCaller => "too-many-of-caller",
            Self::TooMany => "too-many",
            Self::NoDescriptor => "no-descriptor",
        }
    }

    pub(crate) fn of(error: &std::io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(tls) = tls else { return Self::Lost };
        if let Some(refusal) = IdentityRefusal::inside(tls) {
            return Self::Identity(refusal.clone());
        }
        match tls {
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            rustls::Error::InvalidCertificate(CertificateError::BadSignature) => Self::KeyNotHeld,
            rustls::Error::AlertReceived(_) => Self::RefusedByCaller,
            rustls::Error::NoApplicationProtocol => Self::NotHttp2,
            rustls::Error::PeerIncompatible(why) => match why {
                PeerIncompatible::NoKxGroupsInCommon
                | PeerIncompatible::NamedGroupsExtensionRequired => Self::WeakKeyExchange,
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => Self::OldProtocol,
                _ => Self::NothingInCommon,
            },
            _ => Self::NotTls,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::AlertDescription;

    #[test]
    fn every_reason_gives_the_other_side_the_same_alert() {
        let claimed: AgencyId = "es-policia".parse().unwrap();
        for refusal in [
            IdentityRefusal::Unreadable,
            IdentityRefusal::Expired { claimed: claimed.clone() },
            IdentityRefusal::Revoked { agency: claimed.clone() },
            IdentityRefusal::Unregistered { claimed },
        ] {
            let error = rustls::Error::from(refusal.clone());
            assert_eq!(IdentityRefusal::inside(&error), Some(&refusal));
            let rustls::Error::InvalidCertificate(inner) = error else { panic!("{refusal}") };
            assert_eq!(AlertDescription::from(inner), AlertDescription::CertificateUnknown);
        }
    }
}
