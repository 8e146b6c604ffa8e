//! Reads who a certificate claims to be: the node of an agency, or an officer.
//!
//! The claim is the one URI among the alternative names (SPIFFE X509-SVID, section 2):
//! `spiffe://AGENCY/node/NAME` or `spiffe://AGENCY/officer/PSEUDONYM`. Common names and host names
//! are ignored. A claim means nothing until [`crate::tls::verify`] has held it against the registry.

use crate::tls::refusal::IdentityRefusal;
use domain::name::{AgencyId, OfficerId};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// The longest name of a node, in bytes.
pub const NODE_NAME_BYTES_MAX: usize = 63;

/// A node of an agency.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerIdentity {
    /// The agency.
    pub agency: AgencyId,
    /// The name of the machine within the agency: one to 63 of a-z, 0-9 and hyphen.
    pub name: String,
}

/// An officer of an agency.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OfficerIdentity {
    /// The agency.
    pub agency: AgencyId,
    /// The pseudonym.
    pub officer: OfficerId,
}

impl core::fmt::Debug for OfficerIdentity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OfficerIdentity({}, ..)", self.agency)
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A node.
    Node(PeerIdentity),
    /// An officer.
    Officer(OfficerIdentity),
}

impl Caller {
    /// The agency of the node or the officer.
    pub const fn agency(&self) -> &AgencyId {
        match self {
            Self::Node(node) => &node.agency,
            Self::Officer(officer) => &officer.agency,
        }
    }

    /// The URI that names it.
    pub fn uri(&self) -> String {
        match self {
            Self::Node(PeerIdentity { agency, name }) => format!("spiffe://{agency}/node/{name}"),
            Self::Officer(OfficerIdentity { agency, officer }) => {
                format!("spiffe://{agency}/officer/{officer}")
            }
        }
    }
}

impl core::str::FromStr for Caller {
    type Err = IdentityRefusal;

    fn from_str(uri: &str) -> Result<Self, IdentityRefusal> {
        parse_uri(uri).ok_or(IdentityRefusal::MalformedName)
    }
}

/// What one certificate says, before anything of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who it claims to be.
    pub caller: Caller,
    /// Is it made for dialling?
    pub client_purpose: Purpose,
    /// Is it made for answering?
    pub server_purpose: Purpose,
    /// Valid from, in unix seconds.
    pub not_before_s: i64,
    /// Valid until, in unix seconds.
    pub not_after_s: i64,
}

/// Does the extended key usage list this use?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is listed by name.
    Listed,
    /// It is not.
    NotListed,
}

impl Purpose {
    const fn when(listed: bool) -> Self {
        if listed { Self::Listed } else { Self::NotListed }
    }
}

/// Reads a leaf certificate.
///
/// # Errors
/// [`IdentityRefusal`] if it cannot be read or does not carry exactly one well-formed URI.
pub fn read(leaf: &CertificateDer<'_>) -> Result<Claim, IdentityRefusal> {
    let certificate = parse(leaf)?;
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| IdentityRefusal::Unreadable)?
        .ok_or(IdentityRefusal::Unnamed)?;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(Ok(*uri)),
        GeneralName::Invalid(..) => Some(Err(IdentityRefusal::MalformedName)),
        _ => None,
    });
    let uri = uris.next().ok_or(IdentityRefusal::Unnamed)??;
    if uris.next().is_some() {
        return Err(IdentityRefusal::SeveralNames);
    }
    let caller = uri.parse()?;
    let usage = certificate.extended_key_usage().map_err(|_| IdentityRefusal::Unreadable)?;
    let listed = usage.map_or((false, false), |u| (u.value.client_auth, u.value.server_auth));
    Ok(Claim {
        caller,
        client_purpose: Purpose::when(listed.0),
        server_purpose: Purpose::when(listed.1),
        not_before_s: certificate.validity().not_before.timestamp(),
        not_after_s: certificate.validity().not_after.timestamp(),
    })
}

/// May this certificate sign others at that instant (basic constraints, key usage, dates)?
pub(crate) fn is_fit_authority(authority: &CertificateDer<'_>, now_s: i64) -> bool {
    let Ok(certificate) = parse(authority) else {
        return false;
    };
    let may_sign = match certificate.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    let validity = certificate.validity();
    may_sign
        && certificate.is_ca()
        && validity.not_before.timestamp() <= now_s
        && now_s <= validity.not_after.timestamp()
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, IdentityRefusal> {
    match X509Certificate::from_der(der.as_ref()) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(IdentityRefusal::Unreadable),
    }
}

/// Only the characters of agency ids, node names and pseudonyms are possible, so there is no room
/// for a wildcard, an escape, a port, a user, a query or a second path.
fn parse_uri(uri: &str) -> Option<Caller> {
    let (agency, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let agency = agency.parse().ok()?;
    match path.split_once('/')? {
        ("node", name) if is_node_name(name) => {
            Some(Caller::Node(PeerIdentity { agency, name: name.to_owned() }))
        }
        ("officer", pseudonym) => {
            Some(Caller::Officer(OfficerIdentity { agency, officer: pseudonym.parse().ok()? }))
        }
        _ => None,
    }
}

fn is_node_name(name: &str) -> bool {
    (1..=NODE_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_forms_are_read_and_written_back() {
        for uri in ["spiffe://es-policia/node/n1", "spiffe://be-fedpol/officer/BE-1042"] {
            assert_eq!(uri.parse::<Caller>().unwrap().uri(), uri);
        }
    }

    #[test]
    fn anything_else_names_nobody() {
        let long = format!("spiffe://be-fedpol/node/{}", "a".repeat(64));
        for uri in [
            "",
            "spiffe://",
            "spiffe://be-fedpol",
            "spiffe://be-fedpol/",
            "spiffe://be-fedpol/node",
            "spiffe://be-fedpol/node/",
            "spiffe://be-fedpol/node/*",
            "spiffe://*/node/n1",
            "spiffe:///node/n1",
            "SPIFFE://be-fedpol/node/n1",
            "spiffe://BE-FEDPOL/node/n1",
            "spiffe://be-fedpol/Node/n1",
            "spiffe://be-fedpol/node/n1/x",
            "spiffe://be-fedpol/node/n1/",
            "spiffe://be-fedpol/node/n1?x",
            "spiffe://be-fedpol/node/n1#x",
            "spiffe://be-fedpol/node/%6e1",
            "spiffe://be-fedpol/node/-n",
            "spiffe://be-fedpol:443/node/n1",
            "spiffe://a@be-fedpol/node/n1",
            "spiffe://be-fedpol./node/n1",
            "spiffe://be-fedpol/officer/be-1042",
            "spiffe://be-fedpol/officer/",
            "https://be-fedpol/node/n1",
            " spiffe://be-fedpol/node/n1",
            "spiffe://be-fedpol/node/n1\0",
            &long,
        ] {
            assert_eq!(uri.parse::<Caller>(), Err(IdentityRefusal::MalformedName), "{uri}");
        }
    }

    #[test]
    fn garbage_is_not_a_certificate() {
        for bytes in [&b""[..], b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", &[0x30; 4096]] {
            let certificate = CertificateDer::from(bytes.to_vec());
            assert_eq!(read(&certificate), Err(IdentityRefusal::Unreadable));
            assert!(!is_fit_authority(&certificate, 0));
        }
    }

    #[test]
    fn debug_does_not_show_the_pseudonym() {
        let officer: Caller = "spiffe://be-fedpol/officer/BE-1042".parse().unwrap();
        assert!(!format!("{officer:?}").contains("1042"));
    }
}
