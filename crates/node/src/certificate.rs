//! Makes certificates: an agency's two authorities, and what they certify.
//!
//! The authorities' keys are Ed25519 (RFC 8410), signed with the project's own signer; what they
//! certify is P-256. A certificate's meaning is its one URI, and nothing else in it.

use crate::error::NodeError;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData, SanType,
    SignatureAlgorithm, SigningKey, date_time_ymd,
};
use wire::tls::credentials::Credentials;
use wire::tls::identity::Caller;
use zeroize::Zeroizing;

/// How long an authority's certificate is valid, in days.
pub const AUTHORITY_VALID_DAYS: u32 = 10 * 365;
/// The longest that a node's or an officer's certificate may be valid, in days.
pub const VALID_DAYS_MAX: u32 = 2 * 365;

/// Whom an authority certifies. Nodes and officers have authorities of their own, so that the key
/// that enrols people can never make a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certifies {
    /// The agency's nodes.
    Nodes,
    /// The agency's officers.
    Officers,
}

/// A certificate with its authority's below it, and the private key: both PEM.
pub struct Issued {
    /// The chain, as a TLS peer is shown it.
    pub chain: String,
    /// The private key, PKCS #8.
    pub key: Zeroizing<String>,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

impl core::fmt::Debug for Issued {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Issued(until {}, ..)", self.not_after)
    }
}

/// One of an agency's certificate authorities.
pub struct Authority {
    certifies: Certifies,
    name: String,
    key: AuthorityKey,
}

impl Authority {
    /// The authority that has this key.
    pub fn new(agency: &domain::name::AgencyId, certifies: Certifies, key: SecretKey) -> Self {
        let whom = match certifies {
            Certifies::Nodes => "nodes",
            Certifies::Officers => "officers",
        };
        let public = key.public_key().to_bytes();
        Self { certifies, name: format!("{agency} {whom}"), key: AuthorityKey { key, public } }
    }

    /// Its own certificate, PEM.
    ///
    /// # Errors
    /// [`NodeError::Certificate`].
    pub fn certificate(&self, now: Timestamp) -> Result<String, NodeError> {
        let mut params = self.params();
        validity(&mut params, now, AUTHORITY_VALID_DAYS);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        Ok(params.self_signed(&self.key).map_err(failed)?.pem())
    }

    /// Certifies a node or an officer with a key drawn here; `own` is this authority's certificate.
    ///
    /// The result was read back as a peer would read it.
    ///
    /// # Errors
    /// [`NodeError::Argument`] for a validity of no day or more than [`VALID_DAYS_MAX`],
    /// [`NodeError::Credentials`] if `own` is the certificate of another authority.
    pub fn issue(
        &self,
        caller: &Caller,
        own: &str,
        now: Timestamp,
        valid_days: u32,
    ) -> Result<Issued, NodeError> {
        if !(1..=VALID_DAYS_MAX).contains(&valid_days) {
            return Err(NodeError::Argument {
                what: format!("a certificate cannot be valid for {valid_days} days"),
                hint: "give one day to two years, like 90d or 1y",
            });
        }
        let mut params = CertificateParams::default();
        validity(&mut params, now, valid_days);
        params.distinguished_name = DistinguishedName::new();
        let uri = caller.uri().try_into().map_err(failed)?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match self.certifies {
            Certifies::Nodes => {
                vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth]
            }
            Certifies::Officers => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let issuer = Issuer::new(self.params(), &self.key);
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        let chain = format!("{}{own}", certificate.pem());
        let key = Zeroizing::new(key.serialize_pem());
        let read = Credentials::from_pem(chain.as_bytes(), key.as_bytes(), now)?;
        if read.caller() != caller {
            return Err(NodeError::Certificate("it names somebody else".to_owned()));
        }
        Ok(Issued { chain, key, not_after: read.not_after() })
    }

    /// What its certificate and what it issues must agree in.
    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.name.as_str());
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }
}

impl core::fmt::Debug for Authority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Authority({}, ..)", self.name)
    }
}

/// Lets the certificate library sign with a key of ours.
struct AuthorityKey {
    key: SecretKey,
    public: [u8; 32],
}

impl PublicKeyData for AuthorityKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl SigningKey for AuthorityKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).to_vec())
    }
}

/// Whole days (UTC): from the day before, for clocks that are behind, to the end of the last day.
fn validity(params: &mut CertificateParams, now: Timestamp, valid_days: u32) {
    let midnight = |instant: Timestamp| {
        let (year, month, day) = instant.as_date();
        let year = i32::try_from(year).unwrap_or(9999);
        let small = |number: u64| u8::try_from(number).unwrap_or(1);
        date_time_ymd(year, small(month), small(day))
    };
    params.not_before = midnight(now.minus_ms(Timestamp::DAY_MS));
    params.not_after = midnight(now.plus_days(valid_days.saturating_add(1)));
}

fn failed(error: rcgen::Error) -> NodeError {
    NodeError::Certificate(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_file::{Key, KeyKind, system_entropy};
    use domain::time::{Clock as _, SystemClock};
    use wire::tls::credentials::authority_from_pem;
    use wire::tls::identity::PeerIdentity;

    fn authority(certifies: Certifies) -> Authority {
        let agency = "be-fedpol".parse().unwrap();
        let key = Key::draw(KeyKind::NodeAuthority, &agency, &system_entropy());
        Authority::new(&agency, certifies, key.to_signing())
    }

    fn node() -> Caller {
        Caller::Node(PeerIdentity { agency: "be-fedpol".parse().unwrap(), name: "node-1".into() })
    }

    #[test]
    fn what_an_authority_issues_is_what_a_peer_accepts() {
        let now = SystemClock.now();
        let nodes = authority(Certifies::Nodes);
        let own = nodes.certificate(now).unwrap();
        let issued = nodes.issue(&node(), &own, now, 365).unwrap();
        let pin = authority_from_pem(own.as_bytes(), now).unwrap();
        let chain = issued.chain.as_bytes();
        let read = Credentials::from_pem(chain, issued.key.as_bytes(), now).unwrap();
        assert_eq!((read.caller(), read.authority()), (&node(), pin));
        assert!(read.not_after() > now.plus_days(364) && read.not_after() < now.plus_days(367));
        let later = now.plus_days(367);
        assert!(Credentials::from_pem(chain, issued.key.as_bytes(), later).is_err());
        assert!(authority_from_pem(own.as_bytes(), now.plus_days(AUTHORITY_VALID_DAYS)).is_ok());
    }

    #[test]
    fn an_authority_makes_only_what_it_is_for() {
        let now = SystemClock.now();
        let officers = authority(Certifies::Officers);
        let own = officers.certificate(now).unwrap();
        // Made for calling only, so it could never answer as a node.
        assert!(matches!(officers.issue(&node(), &own, now, 9), Err(NodeError::Credentials(_))));
        let officer: Caller = "spiffe://be-fedpol/officer/BE-1042".parse().unwrap();
        assert!(officers.issue(&officer, &own, now, 9).is_ok());
        let other = authority(Certifies::Officers).certificate(now).unwrap();
        assert!(matches!(officers.issue(&officer, &other, now, 9), Err(NodeError::Credentials(_))));
        for days in [0, VALID_DAYS_MAX + 1] {
            let refused = officers.issue(&officer, &own, now, days);
            assert!(matches!(refused, Err(NodeError::Argument { .. })), "{days}");
        }
    }
}
