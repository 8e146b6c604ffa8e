//! Whom we know: the agencies, the authorities pinned for each, and their standing.
//!
//! The caller derives a [`Snapshot`] from the agreements in force and the root-signed manifests;
//! this module only enforces it. Replacing the snapshot takes effect at once: new handshakes see
//! it, and live connections that it no longer allows are cut.

use crate::tls::identity::{Caller, OfficerIdentity};
use crate::tls::refusal::IdentityRefusal;
use arc_swap::ArcSwap;
use domain::name::{AgencyId, OfficerId};
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::CertificateDer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// At most so many agencies in a registry.
pub const PEERS_MAX: usize = 256;
/// At most so many pinned authorities for one agency, so that one can be rotated into the next.
pub const AUTHORITIES_MAX: usize = 4;
/// At most so many revoked officers of the own agency.
pub const REVOKED_OFFICERS_MAX: usize = 65_536;

/// SHA-256 of the DER of an authority's certificate, as manifests carry it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificatePin([u8; 32]);

impl CertificatePin {
    /// Hashes a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        // This does not compile if a dependency switches TLS 1.2 on: the pattern would be refutable.
        let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256;
        let digest = suite.common.hash_provider.hash(certificate.as_ref());
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Takes a hash from a manifest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl core::fmt::Display for CertificatePin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(&domain::hexadecimal::encode(&self.0))
    }
}

impl core::fmt::Debug for CertificatePin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self}")
    }
}

/// May the agency talk to us now?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Revoked,
}

/// One agency as the registry knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerEntry {
    /// The authorities that may sign its nodes' certificates; more than one during a rotation.
    pub authorities: Vec<CertificatePin>,
    /// Its standing.
    pub standing: Standing,
}

/// A registry that contradicts itself, or is larger than this program allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFault {
    /// More than [`PEERS_MAX`] agencies.
    #[error("more than {PEERS_MAX} agencies")]
    TooManyPeers,
    /// One agency added twice.
    #[error("`{agency}` is in the registry already")]
    SamePeerTwice {
        /// The agency.
        agency: AgencyId,
    },
    /// More than [`AUTHORITIES_MAX`] authorities for one use.
    #[error("more than {AUTHORITIES_MAX} authorities for `{agency}`")]
    TooManyAuthorities {
        /// The agency.
        agency: AgencyId,
    },
    /// More than [`REVOKED_OFFICERS_MAX`] revoked officers.
    #[error("more than {REVOKED_OFFICERS_MAX} revoked officers")]
    TooManyRevokedOfficers,
    /// One authority pinned for two agencies, or for nodes and officers both.
    #[error("the authority {pin} of `{second}` is already pinned for `{first}`")]
    SharedAuthority {
        /// The authority.
        pin: CertificatePin,
        /// The agency it was pinned for first.
        first: AgencyId,
        /// The agency, or the other use, that names it again.
        second: AgencyId,
    },
}

/// Everything that is decided about peers and officers at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    own: AgencyId,
    peers: BTreeMap<AgencyId, PeerEntry>,
    officer_authorities: Vec<CertificatePin>,
    revoked_officers: BTreeSet<OfficerId>,
    owners: BTreeMap<CertificatePin, AgencyId>,
}

impl Snapshot {
    /// The registry of an agency that knows nobody yet: everybody is refused.
    pub const fn new(own: AgencyId) -> Self {
        Self {
            own,
            peers: BTreeMap::new(),
            officer_authorities: Vec::new(),
            revoked_officers: BTreeSet::new(),
            owners: BTreeMap::new(),
        }
    }

    /// Adds an agency. An officer's program adds its own agency, whose node it dials.
    ///
    /// # Errors
    /// [`RegistryFault`] if a maximum is passed, or the agency or an authority is there already.
    pub fn with_peer(mut self, agency: AgencyId, entry: PeerEntry) -> Result<Self, RegistryFault> {
        if self.peers.len() >= PEERS_MAX {
            return Err(RegistryFault::TooManyPeers);
        }
        if self.peers.contains_key(&agency) {
            return Err(RegistryFault::SamePeerTwice { agency });
        }
        if entry.authorities.len() > AUTHORITIES_MAX {
            return Err(RegistryFault::TooManyAuthorities { agency });
        }
        self.own_authorities(&agency, &entry.authorities)?;
        self.peers.insert(agency, entry);
        Ok(self)
    }

    /// Pins the authorities of the own officers.
    ///
    /// # Errors
    /// [`RegistryFault`] if a maximum is passed or an authority is already pinned.
    pub fn with_officer_authorities(
        mut self,
        authorities: Vec<CertificatePin>,
    ) -> Result<Self, RegistryFault> {
        let own = self.own.clone();
        if authorities.len() > AUTHORITIES_MAX {
            return Err(RegistryFault::TooManyAuthorities { agency: own });
        }
        self.own_authorities(&own, &authorities)?;
        self.officer_authorities = authorities;
        Ok(self)
    }

    /// Names the own officers whose certificates count no more.
    ///
    /// # Errors
    /// [`RegistryFault`] if there are more than [`REVOKED_OFFICERS_MAX`].
    pub fn with_revoked_officers(
        mut self,
        officers: BTreeSet<OfficerId>,
    ) -> Result<Self, RegistryFault> {
        if officers.len() > REVOKED_OFFICERS_MAX {
            return Err(RegistryFault::TooManyRevokedOfficers);
        }
        self.revoked_officers = officers;
        Ok(self)
    }

    /// The own agency.
    pub const fn own(&self) -> &AgencyId {
        &self.own
    }

    /// The agency whose nodes or officers this authority may certify.
    pub fn owner(&self, authority: &CertificatePin) -> Option<&AgencyId> {
        self.owners.get(authority)
    }

    /// The authorities that may stand behind such a caller.
    pub(crate) fn authorities(
        &self,
        caller: &Caller,
    ) -> Result<&[CertificatePin], IdentityRefusal> {
        match caller {
            Caller::Node(node) => match self.peers.get(&node.agency) {
                Some(entry) => Ok(&entry.authorities),
                None => Err(IdentityRefusal::Unregistered { claimed: node.agency.clone() }),
            },
            Caller::Officer(officer) if officer.agency == self.own => Ok(&self.officer_authorities),
            Caller::Officer(officer) => {
                Err(IdentityRefusal::ForeignOfficer { claimed: officer.agency.clone() })
            }
        }
    }

    /// May a caller whose certificate that authority signed be talked to now?
    ///
    /// # Errors
    /// [`IdentityRefusal`]: the reason why not.
    pub fn judge(
        &self,
        caller: &Caller,
        authority: &CertificatePin,
    ) -> Result<(), IdentityRefusal> {
        if !self.authorities(caller)?.contains(authority) {
            let claimed = caller.agency().clone();
            return Err(IdentityRefusal::AuthorityWithdrawn { claimed });
        }
        match caller {
            Caller::Node(node) => match self.peers.get(&node.agency).map(|entry| entry.standing) {
                Some(Standing::Active) => Ok(()),
                Some(Standing::Suspended) => {
                    Err(IdentityRefusal::Suspended { agency: node.agency.clone() })
                }
                Some(Standing::Revoked) => {
                    Err(IdentityRefusal::Revoked { agency: node.agency.clone() })
                }
                None => Err(IdentityRefusal::Unregistered { claimed: node.agency.clone() }),
            },
            Caller::Officer(OfficerIdentity { officer, .. }) => {
                if self.revoked_officers.contains(officer) {
                    Err(IdentityRefusal::OfficerRevoked)
                } else {
                    Ok(())
                }
            }
        }
    }

    fn own_authorities(
        &mut self,
        agency: &AgencyId,
        authorities: &[CertificatePin],
    ) -> Result<(), RegistryFault> {
        for pin in authorities {
            if let Some(first) = self.owners.insert(*pin, agency.clone()) {
                let second = agency.clone();
                return Err(RegistryFault::SharedAuthority { pin: *pin, first, second });
            }
        }
        Ok(())
    }
}

/// The snapshot in force, shared by every port, dialler and live connection.
#[derive(Debug)]
pub struct PeerRegistry {
    current: ArcSwap<Snapshot>,
    replaced: watch::Sender<()>,
}

impl PeerRegistry {
    /// Starts with a snapshot.
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        let current = ArcSwap::from_pointee(snapshot);
        Arc::new(Self { current, replaced: watch::Sender::new(()) })
    }

    /// The snapshot in force.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Puts another snapshot in force, and wakes the connections so that each judges itself again.
    pub fn replace(&self, snapshot: Snapshot) {
        self.current.store(Arc::new(snapshot));
        self.replaced.send_replace(());
    }

    /// Resolves with the reason as soon as the caller may not be talked to any more.
    pub(crate) async fn fallen(
        &self,
        caller: &Caller,
        authority: &CertificatePin,
    ) -> IdentityRefusal {
        let mut replaced = self.replaced.subscribe();
        loop {
            if let Err(refusal) = self.current.load().judge(caller, authority) {
                return refusal;
            }
            // The sender lives as long as `self`, so waiting cannot fail.
            if replaced.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agency(text: &str) -> AgencyId {
        text.parse().unwrap()
    }

    fn entry(pin: u8) -> PeerEntry {
        let authorities = vec![CertificatePin::from_bytes([pin; 32])];
        PeerEntry { authorities, standing: Standing::Active }
    }

    #[test]
    fn a_pin_is_sha256() {
        // FIPS 180-2, appendix B.1: SHA-256 of "abc".
        let pin = CertificatePin::of(&CertificateDer::from(b"abc".to_vec()));
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(pin.to_string(), expected);
    }

    #[test]
    fn an_authority_stands_for_one_agency_and_one_use() {
        let one = Snapshot::new(agency("be-fedpol")).with_peer(agency("es-policia"), entry(1));
        let one = one.unwrap();
        assert!(matches!(
            one.clone().with_peer(agency("ma-dgsn"), entry(1)),
            Err(RegistryFault::SharedAuthority { .. })
        ));
        assert!(matches!(
            one.clone().with_officer_authorities(entry(1).authorities),
            Err(RegistryFault::SharedAuthority { .. })
        ));
        assert!(matches!(
            one.clone().with_peer(agency("es-policia"), entry(2)),
            Err(RegistryFault::SamePeerTwice { .. })
        ));
        assert!(one.with_peer(agency("ma-dgsn"), entry(2)).is_ok());
    }

    #[test]
    fn maxima_hold() {
        let many = vec![CertificatePin::from_bytes([7; 32]); AUTHORITIES_MAX + 1];
        let entry = PeerEntry { authorities: many, standing: Standing::Active };
        let refused = Snapshot::new(agency("be-fedpol")).with_peer(agency("es-policia"), entry);
        assert!(matches!(refused, Err(RegistryFault::TooManyAuthorities { .. })));
    }

    #[test]
    fn an_empty_registry_refuses_everybody() {
        let empty = Snapshot::new(agency("be-fedpol"));
        let pin = CertificatePin::from_bytes([1; 32]);
        for uri in [
            "spiffe://be-fedpol/node/a",
            "spiffe://be-fedpol/officer/BE-1",
            "spiffe://es-policia/node/a",
        ] {
            assert!(empty.judge(&uri.parse().unwrap(), &pin).is_err(), "{uri}");
        }
    }
}
