//! Holds what a certificate claims against the registry.
//!
//! The chain presented is a leaf and its authority. The leaf's URI names an agency; one of the
//! presented certificates must be an authority pinned for that agency; that one authority becomes
//! the sole root, and it must have signed the leaf itself: no authority in between is accepted.

use crate::tls::identity::{self, Caller, Claim, Purpose};
use crate::tls::refusal::IdentityRefusal;
use crate::tls::registry::{CertificatePin, PeerRegistry, Snapshot};
use domain::name::AgencyId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    RootCertStore, SignatureScheme,
};
use std::sync::Arc;

/// At most so many certificates are presented: the leaf, and authorities during a rotation.
pub const CHAIN_MAX: usize = 4;

/// Whom we expect at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The node of any registered agency, which dialled us.
    CallingNode,
    /// An officer of the own agency, who dialled us.
    CallingOfficer,
    /// A node of this agency, which we dialled.
    AnsweringNode(AgencyId),
}

/// Somebody whose certificate was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who it is.
    pub caller: Caller,
    /// The authority that signed the certificate.
    pub authority: CertificatePin,
}

/// Judges a presented chain: the leaf, and the certificates that came with it.
///
/// # Errors
/// [`IdentityRefusal`]: the true reason, for our own log.
pub fn verify_chain(
    expected: &Expected,
    registry: &Snapshot,
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<Verified, IdentityRefusal> {
    if others.len() >= CHAIN_MAX {
        return Err(IdentityRefusal::ChainTooLong);
    }
    let claim = identity::read(leaf)?;
    check_role(expected, &claim.caller)?;
    let claimed = || claim.caller.agency().clone();
    let pinned = registry.authorities(&claim.caller)?;

    let presented = others.iter().map(|certificate| (CertificatePin::of(certificate), certificate));
    let presented: Vec<_> = presented.collect();
    let foreign_owner = presented.iter().find_map(|(pin, _)| match pinned.contains(pin) {
        true => None,
        false => registry.owner(pin).cloned(),
    });
    let own = presented.iter().find(|(pin, _)| pinned.contains(pin));
    let Some((authority, certificate)) = own else {
        return Err(match foreign_owner {
            Some(owner) => IdentityRefusal::ForeignAuthority { claimed: claimed(), owner },
            None => IdentityRefusal::UnknownAuthority { claimed: claimed() },
        });
    };
    let direction = match expected {
        Expected::AnsweringNode(_) => Direction::Answering,
        Expected::CallingNode | Expected::CallingOfficer => Direction::Calling,
    };
    signed_by(&claim, direction, leaf, certificate, now).map_err(|refusal| {
        match (refusal, foreign_owner) {
            (IdentityRefusal::NotSigned { claimed }, Some(owner)) => {
                IdentityRefusal::ForeignAuthority { claimed, owner }
            }
            (refusal, _) => refusal,
        }
    })?;
    registry.judge(&claim.caller, authority)?;
    Ok(Verified { caller: claim.caller, authority: *authority })
}

/// Which side of TLS a certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// It dialled.
    Calling,
    /// It was dialled.
    Answering,
}

/// Did this one authority sign that leaf, for that use, and do all dates hold?
pub(crate) fn signed_by(
    claim: &Claim,
    direction: Direction,
    leaf: &CertificateDer<'_>,
    authority: &CertificateDer<'_>,
    now: UnixTime,
) -> Result<(), IdentityRefusal> {
    let claimed = claim.caller.agency().clone();
    let purpose = match direction {
        Direction::Calling => claim.client_purpose,
        Direction::Answering => claim.server_purpose,
    };
    if purpose == Purpose::NotListed {
        return Err(IdentityRefusal::WrongPurpose { claimed });
    }
    let now_s = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if !identity::is_fit_authority(authority, now_s) {
        return Err(IdentityRefusal::AuthorityUnfit { claimed });
    }
    let mut roots = RootCertStore::empty();
    if roots.add(authority.clone().into_owned()).is_err() {
        return Err(IdentityRefusal::AuthorityUnfit { claimed });
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let result = match direction {
        Direction::Calling => {
            match WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build() {
                Ok(verifier) => verifier.verify_client_cert(leaf, &[], now).map(drop),
                Err(_) => return Err(IdentityRefusal::AuthorityUnfit { claimed }),
            }
        }
        Direction::Answering => {
            rustls::server::ParsedCertificate::try_from(leaf).and_then(|leaf| {
                let algorithms = provider.signature_verification_algorithms.all;
                rustls::client::verify_server_cert_signed_by_trust_anchor(
                    &leaf,
                    &roots,
                    &[],
                    now,
                    algorithms,
                )
            })
        }
    };
    result.map_err(|error| explain(&error, claimed))
}

fn check_role(expected: &Expected, caller: &Caller) -> Result<(), IdentityRefusal> {
    let claimed = caller.agency();
    match (expected, caller) {
        (Expected::CallingNode, Caller::Node(_))
        | (Expected::CallingOfficer, Caller::Officer(_)) => Ok(()),
        (Expected::AnsweringNode(agency), Caller::Node(_)) if agency == claimed => Ok(()),
        (Expected::AnsweringNode(agency), Caller::Node(_)) => Err(IdentityRefusal::NotExpected {
            expected: agency.clone(),
            presented: claimed.clone(),
        }),
        (Expected::CallingNode | Expected::AnsweringNode(_), Caller::Officer(_)) => {
            Err(IdentityRefusal::OfficerInPlaceOfNode { claimed: claimed.clone() })
        }
        (Expected::CallingOfficer, Caller::Node(_)) => {
            Err(IdentityRefusal::NodeInPlaceOfOfficer { claimed: claimed.clone() })
        }
    }
}

fn explain(error: &Error, claimed: AgencyId) -> IdentityRefusal {
    let Error::InvalidCertificate(reason) = error else {
        return IdentityRefusal::Unacceptable { claimed };
    };
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            IdentityRefusal::Expired { claimed }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            IdentityRefusal::NotYetValid { claimed }
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            IdentityRefusal::NotSigned { claimed }
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            IdentityRefusal::WrongPurpose { claimed }
        }
        _ => IdentityRefusal::Unacceptable { claimed },
    }
}

/// What a port asks of whoever dials it.
#[derive(Debug)]
pub(crate) struct CallerVerifier {
    expected: Expected,
    registry: Arc<PeerRegistry>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl CallerVerifier {
    pub(crate) fn new(
        expected: Expected,
        registry: Arc<PeerRegistry>,
        provider: &CryptoProvider,
    ) -> Self {
        Self { expected, registry, algorithms: provider.signature_verification_algorithms }
    }
}

impl ClientCertVerifier for CallerVerifier {
    /// Empty: the names of the authorities would list the members to any stranger.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        verify_chain(&self.expected, &self.registry.current(), leaf, others, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What a dialler asks of the node that answers.
#[derive(Debug)]
pub(crate) struct NodeVerifier {
    expected: Expected,
    registry: Arc<PeerRegistry>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl NodeVerifier {
    pub(crate) fn new(
        agency: AgencyId,
        registry: Arc<PeerRegistry>,
        provider: &CryptoProvider,
    ) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Self { expected: Expected::AnsweringNode(agency), registry, algorithms }
    }
}

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_chain(&self.expected, &self.registry.current(), leaf, others, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
