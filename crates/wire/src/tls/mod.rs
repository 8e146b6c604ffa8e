//! Mutual TLS between agencies, and between officers and their own node.
//!
//! Identity is a pin in the registry plus the one URI in the certificate, and nothing weaker: a
//! stranger with a certificate of a known authority, or a partner that claims to be another
//! partner, is refused. The true reason goes to our own log; the other side only learns a TLS alert.
//!
//! Path through it: [`registry`] says whom we know, [`identity`] reads who a certificate claims to
//! be, [`verify`] holds the claim against the registry, [`credentials`] is our own certificate and
//! key. [`crate::accept`] and [`crate::connect`] put them to use.

pub mod credentials;
pub(crate) mod guard;
pub mod identity;
pub(crate) mod pending;
pub mod refusal;
pub mod registry;
pub(crate) mod tally;
pub mod verify;

use crate::tls::credentials::Credentials;
use crate::tls::registry::PeerRegistry;
use crate::tls::verify::{CallerVerifier, Expected, NodeVerifier};
use domain::name::AgencyId;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
pub use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, NamedGroup, ServerConfig};
use std::sync::Arc;

/// The protocol agreed inside TLS (RFC 7301): HTTP/2.
const PROTOCOL: &[u8] = b"h2";

/// One of the two doors of a node: who may come in, and which key exchanges are strong enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Nodes of registered agencies only; the hybrid X25519MLKEM768 only.
    Partner,
    /// Officers of the own agency only; classic groups are allowed too.
    Officer,
}

impl Port {
    /// The word in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Officer => "officer",
        }
    }

    pub(crate) const fn expected(self) -> Expected {
        match self {
            Self::Partner => Expected::CallingNode,
            Self::Officer => Expected::CallingOfficer,
        }
    }
}

/// How the session key was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyExchange {
    /// X25519MLKEM768: stays secret even if one of its two halves is broken.
    Hybrid,
    /// An elliptic curve alone.
    Classic,
}

impl KeyExchange {
    pub(crate) fn of(session: &rustls::CommonState) -> Self {
        match session.negotiated_key_exchange_group().map(|group| group.name()) {
            Some(NamedGroup::X25519MLKEM768) => Self::Hybrid,
            _ => Self::Classic,
        }
    }
}

/// The TLS library refused our own settings: a fault of this program.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the TLS settings were not accepted: {0}")]
pub struct TlsFault(#[from] rustls::Error);

/// The settings of a port: TLS 1.3, a client certificate required, no hints about whom we know, no
/// resumption (a resumed session would skip the check of the registry), no early data.
///
/// # Errors
/// [`TlsFault`] if the TLS library was built without what this needs.
pub fn server_config(
    port: Port,
    credentials: &Arc<Credentials>,
    registry: &Arc<PeerRegistry>,
) -> Result<Arc<ServerConfig>, TlsFault> {
    let provider = Arc::new(provider(port));
    let verifier = CallerVerifier::new(port.expected(), Arc::clone(registry), &provider);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::clone(credentials) as _);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The settings to dial a node of one agency: the same strength as the port that is dialled.
///
/// # Errors
/// [`TlsFault`] if the TLS library was built without what this needs.
pub fn client_config(
    port: Port,
    credentials: &Arc<Credentials>,
    registry: &Arc<PeerRegistry>,
    agency: &AgencyId,
) -> Result<Arc<ClientConfig>, TlsFault> {
    let provider = Arc::new(provider(port));
    let verifier = NodeVerifier::new(agency.clone(), Arc::clone(registry), &provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::clone(credentials) as _);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// Did both sides agree on HTTP/2?
pub(crate) fn speaks_http2(session: &rustls::CommonState) -> bool {
    session.alpn_protocol() == Some(PROTOCOL)
}

fn provider(port: Port) -> CryptoProvider {
    let kx_groups = match port {
        Port::Partner => vec![kx_group::X25519MLKEM768],
        Port::Officer => vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
    };
    CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() }
}
