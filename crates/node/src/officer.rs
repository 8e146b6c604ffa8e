//! Enrols officers: a certificate for the officer port, a key for their own signature, and a profile
//! that `malines` can use at once.

use crate::certificate::{Authority, Certifies};
use crate::config::Config;
use crate::config::file::{self, PEM_FILE_BYTES_MAX};
use crate::error::NodeError;
use crate::folder::{self, NewFiles};
use crate::key_file::{KeyKind, system_entropy};
use domain::hexadecimal;
use domain::name::{AgencyId, OfficerId};
use domain::signature::{KEY_BYTES, PublicKey, SecretKey, Signer as _};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use wire::tls::identity::{Caller, OfficerIdentity};
use zeroize::Zeroizing;

/// The longest entry of the register, in bytes.
const ENTRY_BYTES_MAX: u64 = 4096;

/// What an officer is to do. The register keeps it, and [`crate::entitlement`] says which calls of the
/// officer port that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OfficerRole {
    /// Submits and asks.
    Analyst,
    /// A prosecutor or a judge.
    Magistrate,
    /// Deputises for a magistrate.
    Deputy,
    /// Prepares, cannot sign.
    Clerk,
    /// Keeps the node running.
    Operator,
    /// Writes policy.
    PolicyOfficer,
    /// Watches over the protection of data.
    DataProtectionOfficer,
    /// Looks at logs, from outside.
    Oversight,
}

impl OfficerRole {
    /// The same role, as an authority certifies it.
    pub const fn in_certificates(self) -> agreement::officer::OfficerRole {
        use agreement::officer::OfficerRole as Certified;
        match self {
            Self::Analyst => Certified::Analyst,
            Self::Magistrate => Certified::Magistrate,
            Self::Deputy => Certified::Deputy,
            Self::Clerk => Certified::Clerk,
            Self::Operator => Certified::Operator,
            Self::PolicyOfficer => Certified::PolicyOfficer,
            Self::DataProtectionOfficer => Certified::DataProtectionOfficer,
            Self::Oversight => Certified::Oversight,
        }
    }
}

/// Does a certificate count?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Yes, until it ends.
    Active,
    /// No more, whatever its dates say.
    Revoked,
}

/// One entry of the register: `officers/PSEUDONYM.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The pseudonym.
    pub officer: OfficerId,
    /// What the officer is to do.
    pub role: OfficerRole,
    /// Until when the certificate is valid, RFC 3339.
    pub valid_until: String,
    /// Does it count?
    pub state: State,
    /// The public half of the officer's signing key, in hexadecimal; entries made before there were
    /// such keys have none, and their officers sign nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signing_key: Option<String>,
}

impl Enrolled {
    /// The key that verifies the officer's signature, if there is a usable one.
    pub fn signing_key(&self) -> Option<PublicKey> {
        let mut bytes = [0; KEY_BYTES];
        hexadecimal::decode(self.signing_key.as_ref()?.as_bytes(), &mut bytes)?;
        PublicKey::from_bytes(&bytes).ok()
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// [`NodeError::NotUnderstood`] and those of reading.
    pub fn load(path: &Path) -> Result<Self, NodeError> {
        let text = file::read_text(path, ENTRY_BYTES_MAX)?;
        toml::from_str(&text).map_err(|error| {
            let why = error.message().escape_debug().to_string();
            NodeError::NotUnderstood { path: path.to_owned(), why }
        })
    }

    fn to_text(&self) -> Result<String, NodeError> {
        toml::to_string(self).map_err(|error| NodeError::Certificate(error.to_string()))
    }
}

/// The folder of entries: who is enrolled, as of each look into it.
#[derive(Debug, Clone)]
pub(crate) struct Register {
    folder: PathBuf,
}

impl Register {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The entry of an officer who counts now; an entry that cannot be read counts for nobody.
    pub(crate) fn active(&self, officer: &OfficerId) -> Option<Enrolled> {
        let entry = Enrolled::load(&self.folder.join(format!("{officer}.toml"))).ok()?;
        (entry.officer == *officer && entry.state == State::Active).then_some(entry)
    }
}

/// Is the profile for real work, or for the demo where every value is invented?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileUse {
    /// Values of people come from a prompt, standard input or a file.
    Real,
    /// Values may stand on the command line.
    Demo,
}

/// Who is to be enrolled, and where the profile goes.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The pseudonym.
    pub officer: OfficerId,
    /// What the officer is to do.
    pub role: OfficerRole,
    /// How long the certificate is valid, in days.
    pub valid_days: u32,
    /// The folder for the profile and its files.
    pub out: PathBuf,
    /// The name of the profile; `default` needs no option of `malines`.
    pub profile: String,
    /// Host and port of the officer port, if officers see another than the node listens on.
    pub node: Option<String>,
    /// What the profile is for.
    pub profile_use: ProfileUse,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The profile file.
    pub file: PathBuf,
    /// Where it dials.
    pub node: String,
    /// Until when the certificate is valid.
    pub not_after: Timestamp,
}

/// Enrols an officer: certificate, key, profile and an entry in the register.
///
/// # Errors
/// [`NodeError::Exists`] if the officer or the profile is there already, and those of the keys and
/// certificates. What was begun is taken back.
pub fn add(config: &Config, enrolment: &Enrolment, now: Timestamp) -> Result<Profile, NodeError> {
    check_profile_name(&enrolment.profile)?;
    let agency = &config.agency;
    let key = config.key(KeyKind::OfficerAuthority, &config.unlock()?)?;
    let authority = Authority::new(agency, Certifies::Officers, key.to_signing());
    let own = file::read_text(&config.officer_authority, PEM_FILE_BYTES_MAX)?;
    let officer = enrolment.officer.clone();
    let caller = Caller::Officer(OfficerIdentity { agency: agency.clone(), officer });
    let issued = authority.issue(&caller, &own, now, enrolment.valid_days)?;

    let node = match &enrolment.node {
        Some(node) => checked_address(node)?,
        None => reachable(config)?,
    };
    let name = enrolment.officer.as_str();
    let signing = SecretKey::from_seed(&system_entropy().bytes());
    let entry = Enrolled {
        officer: enrolment.officer.clone(),
        role: enrolment.role,
        valid_until: issued.not_after.to_string(),
        state: State::Active,
        signing_key: Some(hexadecimal::encode(&signing.public_key().to_bytes())),
    };
    let node_ca = node_authority(config)?;
    let profile = ProfileFile {
        node: &node,
        agency: agency.as_str(),
        certificate: &format!("{name}.pem"),
        key: &format!("{name}.key"),
        signing_key: &format!("{name}.signing"),
        node_ca: "node-authority.pem",
        demo: enrolment.profile_use == ProfileUse::Demo,
    };
    let text =
        toml::to_string(&profile).map_err(|error| NodeError::Certificate(error.to_string()))?;
    let file = enrolment.out.join(format!("{}.toml", enrolment.profile));

    let mut files = NewFiles::default();
    files.folder(&config.officers_folder)?;
    files
        .file(&config.officers_folder.join(format!("{name}.toml")), entry.to_text()?.as_bytes())?;
    files.folder(&enrolment.out)?;
    files.file(&enrolment.out.join(profile.certificate), issued.chain.as_bytes())?;
    files.file(&enrolment.out.join(profile.key), issued.key.as_bytes())?;
    let seed = Zeroizing::new(format!("{}\n", hexadecimal::encode(&*signing.to_seed())));
    files.file(&enrolment.out.join(profile.signing_key), seed.as_bytes())?;
    let page = enrolment_text(agency, &enrolment.officer, enrolment.role, &signing.public_key())?;
    files.file(&enrolment.out.join(format!("{name}.enrol")), page.as_bytes())?;
    let authority_file = enrolment.out.join(profile.node_ca);
    // Profiles of one folder share the node's authority, if it is the same.
    if !file::read_text(&authority_file, PEM_FILE_BYTES_MAX).is_ok_and(|there| *there == node_ca) {
        files.file(&authority_file, node_ca.as_bytes())?;
    }
    files.file(&file, text.as_bytes())?;
    files.keep();
    Ok(Profile { file, node, not_after: issued.not_after })
}

/// What the authority certifies: `malines agreement certify` reads it.
pub(crate) fn enrolment_text(
    agency: &AgencyId,
    officer: &OfficerId,
    role: OfficerRole,
    key: &PublicKey,
) -> Result<String, NodeError> {
    let page = Page {
        agency: agency.as_str(),
        officer: officer.as_str(),
        role: role.in_certificates().as_str(),
        key: &hexadecimal::encode(&key.to_bytes()),
    };
    let page = toml::to_string(&page);
    let page = page.map_err(|error| NodeError::Certificate(error.to_string()))?;
    Ok(format!(
        "# Have the authority certify this key: malines agreement certify --key authority.key FILE\n\
         # Compare the key with its owner first; whoever holds it acts in this role.\n{page}"
    ))
}

/// The page that an authority certifies.
#[derive(Serialize)]
struct Page<'a> {
    agency: &'a str,
    officer: &'a str,
    role: &'a str,
    key: &'a str,
}

/// Revokes an officer in the register. A node that runs refuses the next call, and cuts the connection
/// when it reads its files again.
///
/// # Errors
/// Those of reading and writing the entry.
pub fn revoke(config: &Config, officer: &OfficerId) -> Result<(), NodeError> {
    let path = config.officers_folder.join(format!("{officer}.toml"));
    let entry = Enrolled { state: State::Revoked, ..Enrolled::load(&path)? };
    folder::replace(&path, entry.to_text()?.as_bytes())
}

/// A profile of `malines`; its `config` module documents the keys.
#[derive(Serialize)]
struct ProfileFile<'a> {
    node: &'a str,
    agency: &'a str,
    certificate: &'a str,
    key: &'a str,
    signing_key: &'a str,
    node_ca: &'a str,
    demo: bool,
}

/// The certificate of the authority that signed the node's: the last one of the node's chain.
fn node_authority(config: &Config) -> Result<String, NodeError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let chain = file::read_text(&config.tls_certificate, PEM_FILE_BYTES_MAX)?;
    match chain.rsplit_once(BEGIN) {
        Some((_, last)) => Ok(format!("{BEGIN}{last}")),
        None => {
            let why = "it holds no certificate in PEM".to_owned();
            Err(NodeError::NotUnderstood { path: config.tls_certificate.clone(), why })
        }
    }
}

/// Where officers on this machine reach the officer port.
fn reachable(config: &Config) -> Result<String, NodeError> {
    let mut address = config.officer_listen;
    if address.port() == 0 {
        let what =
            "the officer port is drawn at each start, so a profile cannot name it".to_owned();
        let hint = "give the address with --node, or set `listen.officers` to a fixed port";
        return Err(NodeError::Argument { what, hint });
    }
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(address.to_string())
}

/// A host and a port, at most 255 characters, nothing but printable ASCII.
pub(crate) fn checked_address(text: &str) -> Result<String, NodeError> {
    let port = text.rsplit_once(':').and_then(|(host, port)| {
        let port: Option<u16> = port.parse().ok();
        port.filter(|port| *port > 0 && !host.is_empty())
    });
    let printable = text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if port.is_some() && printable {
        return Ok(text.to_owned());
    }
    let given: String = text.chars().take(64).flat_map(char::escape_debug).collect();
    let hint = "a host and a port, like node.example.org:7443";
    Err(NodeError::Argument { what: format!("`{given}` is not an address"), hint })
}

fn check_profile_name(name: &str) -> Result<(), NodeError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    let given: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    let hint = "letters, digits, hyphen and underscore, at most 64";
    Err(NodeError::Argument { what: format!("`{given}` cannot be the name of a profile"), hint })
}
