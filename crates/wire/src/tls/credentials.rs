//! Our own certificate and key: read from PEM, and replaced while connections live on.

use crate::tls::identity::{self, Caller};
use crate::tls::refusal::IdentityRefusal;
use crate::tls::registry::CertificatePin;
use crate::tls::verify::{CHAIN_MAX, Direction, signed_by};
use arc_swap::ArcSwap;
use domain::time::Timestamp;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::time::Duration;

/// The largest PEM text accepted, in bytes.
pub const PEM_BYTES_MAX: usize = 64 * 1024;

/// Why a certificate and key cannot be used as our own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsRefused {
    /// The text is longer than [`PEM_BYTES_MAX`].
    #[error("the {what} is longer than {PEM_BYTES_MAX} bytes")]
    TooLong {
        /// Which of the two texts.
        what: &'static str,
    },
    /// The text is not PEM, or holds nothing of the kind.
    #[error("the {what} is not in PEM")]
    NotPem {
        /// Which of the two texts.
        what: &'static str,
    },
    /// The key is of a kind that TLS cannot use.
    #[error("the private key is of a kind that is not supported")]
    UnsupportedKey,
    /// The key is not the one that the certificate certifies.
    #[error("the private key does not belong to the certificate")]
    KeyOfAnother,
    /// No authority that signed the certificate stands in the same text.
    #[error("the certificate of the authority that signed the certificate is missing")]
    AuthorityMissing,
    /// The certificate itself would be refused by every peer.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] IdentityRefusal),
    /// The text holds something else than the one certificate of an authority that may sign now.
    #[error("this is not the certificate of one authority that may sign now")]
    NotAnAuthority,
    /// The replacement names somebody else.
    #[error("the new certificate names somebody else than the one in use")]
    AnotherIdentity,
}

impl CredentialsRefused {
    /// What the operator can do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLong { .. } | Self::NotPem { .. } => {
                "give PEM: a certificate, or a private key in PKCS #8"
            }
            Self::UnsupportedKey => "use an Ed25519 or a P-256 key in PKCS #8",
            Self::KeyOfAnother => "give the key that was made together with this certificate",
            Self::AuthorityMissing => {
                "append the authority's certificate to the file, below the node's or officer's own"
            }
            Self::Certificate(refusal) => match refusal {
                IdentityRefusal::Expired { .. } => "renew the certificate",
                refusal => refusal.hint(),
            },
            Self::NotAnAuthority => {
                "give the file of the authority alone, not of a node or an officer, and look at its dates"
            }
            Self::AnotherIdentity => "stop the node before it changes its name or its agency",
        }
    }
}

/// The certificate, its authority and the key with which we answer and dial.
///
/// A replacement counts from the next handshake on; connections that exist are not touched.
pub struct Credentials {
    caller: Caller,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    key: Arc<CertifiedKey>,
    authority: CertificatePin,
    not_after: Timestamp,
}

impl Credentials {
    /// Reads the certificate with its authority's below it, and the private key.
    ///
    /// # Errors
    /// [`CredentialsRefused`] if a peer could not accept this, so that it is found out at once.
    pub fn from_pem(
        chain: &[u8],
        private_key: &[u8],
        now: Timestamp,
    ) -> Result<Arc<Self>, CredentialsRefused> {
        let (caller, loaded) = load(chain, private_key, now)?;
        Ok(Arc::new(Self { caller, current: ArcSwap::from_pointee(loaded) }))
    }

    /// Puts a renewed certificate and key in force for the same identity.
    ///
    /// # Errors
    /// [`CredentialsRefused`]; what was in force then stays in force.
    pub fn replace_from_pem(
        &self,
        chain: &[u8],
        private_key: &[u8],
        now: Timestamp,
    ) -> Result<(), CredentialsRefused> {
        let (caller, loaded) = load(chain, private_key, now)?;
        if caller != self.caller {
            return Err(CredentialsRefused::AnotherIdentity);
        }
        self.current.store(Arc::new(loaded));
        Ok(())
    }

    /// Who we are.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The authority that signed our certificate.
    pub fn authority(&self) -> CertificatePin {
        self.current.load().authority
    }

    /// Until when our certificate is valid.
    pub fn not_after(&self) -> Timestamp {
        self.current.load().not_after
    }

    fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.load().key)
    }
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Credentials({:?}, ..)", self.caller)
    }
}

impl ResolvesServerCert for Credentials {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified_key())
    }
}

impl ResolvesClientCert for Credentials {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.certified_key())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Reads the one certificate of an authority, to be pinned in a manifest or a registry.
///
/// # Errors
/// [`CredentialsRefused`] if it is none, or more than one, or may not sign at that instant.
pub fn authority_from_pem(
    text: &[u8],
    now: Timestamp,
) -> Result<CertificatePin, CredentialsRefused> {
    let certificates = read_chain(text)?;
    let now_s = i64::try_from(now.as_millis() / 1000).unwrap_or(i64::MAX);
    match certificates.as_slice() {
        [] => Err(CredentialsRefused::NotPem { what: "certificate" }),
        [authority] if identity::is_fit_authority(authority, now_s) => {
            Ok(CertificatePin::of(authority))
        }
        _ => Err(CredentialsRefused::NotAnAuthority),
    }
}

fn load(
    chain: &[u8],
    private_key: &[u8],
    now: Timestamp,
) -> Result<(Caller, Loaded), CredentialsRefused> {
    let certificates = read_chain(chain)?;
    let Some((leaf, others)) = certificates.split_first() else {
        return Err(CredentialsRefused::NotPem { what: "certificate" });
    };
    let claim = identity::read(leaf)?;
    let now = UnixTime::since_unix_epoch(Duration::from_millis(now.as_millis()));
    let directions: &[Direction] = match claim.caller {
        Caller::Node(_) => &[Direction::Calling, Direction::Answering],
        Caller::Officer(_) => &[Direction::Calling],
    };
    let mut signer = Err(CredentialsRefused::AuthorityMissing);
    for authority in others {
        let checked = directions
            .iter()
            .try_for_each(|direction| signed_by(&claim, *direction, leaf, authority, now));
        match checked {
            Ok(()) => signer = Ok(authority),
            Err(IdentityRefusal::NotSigned { .. }) => {}
            Err(refusal) if signer.is_err() => signer = Err(refusal.into()),
            Err(_) => {}
        }
    }
    let authority = signer?;
    let key = read_key(private_key)?;
    let presented = vec![leaf.clone(), authority.clone()];
    let key = CertifiedKey::new(presented, key);
    key.keys_match().map_err(|_| CredentialsRefused::KeyOfAnother)?;
    let not_after_ms = u64::try_from(claim.not_after_s).unwrap_or(0).saturating_mul(1000);
    let loaded = Loaded {
        key: Arc::new(key),
        authority: CertificatePin::of(authority),
        not_after: Timestamp::from_millis(not_after_ms),
    };
    Ok((claim.caller, loaded))
}

fn read_chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, CredentialsRefused> {
    let what = "certificate";
    if text.len() > PEM_BYTES_MAX {
        return Err(CredentialsRefused::TooLong { what });
    }
    let certificates: Result<Vec<_>, pem::Error> =
        CertificateDer::pem_slice_iter(text).take(CHAIN_MAX + 1).collect();
    let certificates = certificates.map_err(|_| CredentialsRefused::NotPem { what })?;
    if certificates.len() > CHAIN_MAX {
        return Err(IdentityRefusal::ChainTooLong.into());
    }
    Ok(certificates)
}

fn read_key(text: &[u8]) -> Result<Arc<dyn rustls::sign::SigningKey>, CredentialsRefused> {
    let what = "private key";
    if text.len() > PEM_BYTES_MAX {
        return Err(CredentialsRefused::TooLong { what });
    }
    let key =
        PrivateKeyDer::from_pem_slice(text).map_err(|_| CredentialsRefused::NotPem { what })?;
    any_supported_type(&key).map_err(|_| CredentialsRefused::UnsupportedKey)
}
