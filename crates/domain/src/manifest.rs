//! Node manifests: what an agency's root key says about its node, so that nobody types it by hand.

use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::name::{AgencyId, Country, Digest};
use crate::signature::PublicKey;
use crate::time::Timestamp;
use crate::value::AgencyKind;

/// The most addresses, and the most certificate authorities, of one node.
pub const MANIFEST_LIST_MAX: usize = 8;
/// The largest manifest payload, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 4096;

/// Signed by the agency root, which is kept offline. A higher sequence replaces a lower one.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Manifest {
    /// The agency.
    #[n(1)]
    pub agency: AgencyId,
    /// Its country.
    #[n(2)]
    pub country: Country,
    /// What kind of service it is.
    #[n(3)]
    pub kind: AgencyKind,
    /// Increases with every manifest.
    #[n(4)]
    pub sequence: u32,
    /// From when it holds.
    #[n(5)]
    pub valid_from: Timestamp,
    /// Until when it holds.
    #[n(6)]
    pub valid_until: Timestamp,
    /// SHA-256 of each certificate authority (DER) that may sign this agency's node certificates.
    #[n(7)]
    pub node_authorities: Vec<Digest>,
    /// Where the node listens for partners: `host:port`, at most 255 characters each.
    #[n(8)]
    pub addresses: Vec<String>,
    /// Signs records, tombstones, sheets and token keys.
    #[n(9)]
    pub record_key: PublicKey,
    /// Signs audit heads.
    #[n(10)]
    pub log_key: PublicKey,
    /// X25519 key that token keys and releases are sealed to.
    #[cbor(n(11), with = "minicbor::bytes")]
    pub seal_key: [u8; 32],
}

impl Payload for Manifest {
    const TYPE: &'static str = "application/vnd.malines.manifest.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let manifest: Self = encoding::from_bytes("manifest", bytes, MANIFEST_BYTES_MAX)?;
        let lists = [manifest.node_authorities.len(), manifest.addresses.len()];
        let sized = lists.iter().all(|length| (1..=MANIFEST_LIST_MAX).contains(length));
        if !sized || manifest.addresses.iter().any(|address| address.len() > 255) {
            let why = "a list empty or too long".to_owned();
            return Err(Malformed::NotValid { what: "manifest", why });
        }
        Ok(manifest)
    }
}
