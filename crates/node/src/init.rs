//! Makes everything that a new node needs: keys, certificates, a manifest and a configuration file.
//!
//! Nothing is ever written over: if one of the files is there, nothing is made at all.

use crate::certificate::{Authority, Certifies};
use crate::config::Config;
use crate::config::file;
use crate::error::{NodeError, shown};
use crate::folder::{self, NewFiles};
use crate::key_file::{Key, KeyKind};
use crate::officer::{OfficerRole, checked_address, enrolment_text};
use desk::entropy::Entropy;
use domain::encoding;
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::hexadecimal;
use domain::manifest::{MANIFEST_LIST_MAX, Manifest};
use domain::name::{AgencyId, Country, Digest, OfficerId};
use domain::time::Timestamp;
use domain::value::AgencyKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use wire::tls::credentials::authority_from_pem;
use wire::tls::identity::{Caller, PeerIdentity};
use wire::tls::registry::CertificatePin;

/// How long a manifest is valid, in days; it can be replaced at any time.
pub const MANIFEST_VALID_DAYS: u32 = 2 * 365;
/// How long a node's certificate is valid, in days.
pub const NODE_VALID_DAYS: u32 = 365;

/// The configuration file, with every option.
const SETTINGS: &str = include_str!("../../../deploy/node.toml");
/// The data folder that [`SETTINGS`] names.
const DATA_FOLDER: &str = "data";
/// A local policy that shares nothing.
const LOCAL_POLICY: &str = include_str!("local.cedar");

/// What a new node is to be.
#[derive(Debug, Clone)]
pub struct Founding {
    /// The agency.
    pub agency: AgencyId,
    /// Its country.
    pub country: Country,
    /// What kind of service it is.
    pub kind: AgencyKind,
    /// The folder to fill.
    pub folder: PathBuf,
    /// The node's name within the agency: one to 63 of a-z, 0-9 and hyphen.
    pub name: String,
    /// Where partners reach it: `host:port`, at most eight. Empty: `localhost`, for a first try.
    pub partner_addresses: Vec<String>,
    /// Where it listens for partners.
    pub partner_listen: SocketAddr,
    /// Where it listens for its officers.
    pub officer_listen: SocketAddr,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Founded {
    /// The configuration file.
    pub settings_file: PathBuf,
    /// The manifest.
    pub manifest: Manifest,
    /// Its exact bytes and signature.
    pub manifest_envelope: Envelope,
}

/// Makes a node's folder.
///
/// # Errors
/// [`NodeError::Exists`] if a file is there already; [`NodeError::Argument`] for a name or an
/// address that cannot be; those of writing. What was begun is taken back.
pub fn init(founding: &Founding, entropy: &Entropy, now: Timestamp) -> Result<Founded, NodeError> {
    let Founding { agency, folder, .. } = founding;
    let caller = node_of(agency, &founding.name)?;
    let addresses = addresses(founding)?;
    let keys = Keys::draw(agency, entropy);
    let nodes = Authority::new(agency, Certifies::Nodes, keys.node_authority.to_signing());
    let officers = Authority::new(agency, Certifies::Officers, keys.officer_authority.to_signing());
    let node_ca = nodes.certificate(now)?;
    let officer_ca = officers.certificate(now)?;
    let issued = nodes.issue(&caller, &node_ca, now, NODE_VALID_DAYS)?;
    let pin = authority_from_pem(node_ca.as_bytes(), now)?;
    let manifest = first_manifest(founding, addresses, &keys, pin, now);
    let (manifest, manifest_envelope) =
        Signed::seal(manifest, &keys.root.to_signing()).into_parts();
    let settings_file = folder.join("node.toml");

    let mut files = NewFiles::default();
    for inside in ["", DATA_FOLDER, "keys", "tls", "policy", "agreements", "officers"] {
        files.folder(&folder.join(inside))?;
    }
    let mut file = |inside: &str, bytes: &[u8]| files.file(&folder.join(inside), bytes);
    // The configuration file comes first: it is what somebody who runs this twice has for sure.
    file("node.toml", settings_text(founding).as_bytes())?;
    let unlock = keys.key_encryption.to_key_encryption();
    for (inside, key) in keys.files() {
        let text = key.to_text(&unlock, entropy).map_err(|fault| {
            let path = folder.join(inside);
            NodeError::Key { path, fault }
        })?;
        file(inside, text.as_bytes())?;
    }
    file("tls/node.pem", issued.chain.as_bytes())?;
    file("tls/node.key", issued.key.as_bytes())?;
    file("tls/node-authority.pem", node_ca.as_bytes())?;
    file("tls/officer-authority.pem", officer_ca.as_bytes())?;
    let manifest_bytes = encoding::to_bytes(&manifest_envelope);
    file(&format!("{agency}.manifest"), &manifest_bytes)?;
    let party = party_text(founding, &keys);
    file(&format!("{agency}.party.toml"), party.as_bytes())?;
    let enrolment = operator_enrolment(agency, &keys.operator)?;
    file(&format!("{agency}.operator.enrol"), enrolment.as_bytes())?;
    file(&format!("{agency}.audit-key"), audit_key(&manifest)?.as_bytes())?;
    file("policy/local.cedar", LOCAL_POLICY.as_bytes())?;
    // An empty store: a node never makes one by itself, where perhaps a disk is not mounted.
    let format = store::embedded::format_text();
    file(&format!("{DATA_FOLDER}/{}", store::embedded::FORMAT_FILE), format.as_bytes())?;
    files.keep();
    Ok(Founded { settings_file, manifest, manifest_envelope })
}

/// What the authority certifies, so that this node can say every day that nothing was said.
fn operator_enrolment(agency: &AgencyId, operator: &Key) -> Result<String, NodeError> {
    let fault = |_| NodeError::Certificate("the operator's pseudonym".to_owned());
    let officer: OfficerId = "NODE-OPERATOR".parse().map_err(fault)?;
    enrolment_text(agency, &officer, OfficerRole::Operator, &operator.signing_public())
}

/// The public key of the log, as the line that `malines audit verify --keys` reads.
fn audit_key(manifest: &Manifest) -> Result<String, NodeError> {
    let key = audit::head::Head::key(&manifest.agency, manifest.log_key);
    let key = key.map_err(|error| NodeError::Certificate(error.to_string()))?;
    Ok(format!("{}\n", key.to_line()))
}

/// What an operator reads after [`init`].
pub fn report(founding: &Founding, founded: &Founded) -> String {
    const MADE: [(&str, &str, &str); 10] = [
        (
            "agency root key",
            "root.key",
            "move it off this machine today; it replaces every other key",
        ),
        (
            "authority key",
            "authority.key",
            "give it to the prosecutor's office; it signs agreements",
        ),
        ("key-encryption key", "node.kek", "keep a copy apart from the backups, which need it"),
        ("6 node keys", "keys/", "include in backups; encrypted under node.kek"),
        ("certificates", "tls/", "the node's, for a year; its authority and the officers'"),
        ("manifest", "AGENCY.manifest", "for your partners, with the next"),
        (
            "party page",
            "AGENCY.party.toml",
            "your part of an agreement; compare its keys by telephone",
        ),
        (
            "operator page",
            "AGENCY.operator.enrol",
            "have the authority certify it: `malines agreement certify`",
        ),
        (
            "audit key",
            "AGENCY.audit-key",
            "publish it: with it anybody verifies an export of your log",
        ),
        ("local policy", "policy/local.cedar", "shares nothing until you say so"),
    ];
    let agency = founding.agency.as_str();
    let mut text = String::new();
    for (what, path, meaning) in MADE {
        let path = path.replace("AGENCY", agency);
        text.push_str(&format!("made   {what:<19} {path:<24} {meaning}\n"));
    }
    let (partners, officers) = (founding.partner_listen, founding.officer_listen);
    text.push_str(&format!("ports  {partners} partners    {officers} your officers\n"));
    if founding.partner_addresses.is_empty() {
        let address = founded.manifest.addresses.join(", ");
        text.push_str(&format!(
            "note   partners would dial {address}, which only this machine can: change it with\n       \
             `malines-node renew manifest --partner-address HOST:PORT`\n"
        ));
    }
    let file = shown(&founded.settings_file);
    text.push_str(&format!("wrote  {file}: every option, with its default\n"));
    text.push_str("next   malines-node check-config    then    malines-node officer add\n");
    text
}

/// Signs a manifest again with the root key: new addresses if there are some, the next sequence,
/// validity from now on. The file is replaced.
///
/// # Errors
/// Those of the files; [`NodeError::Document`] if another root key signed the one that is there.
pub fn renew_manifest(
    config: &Config,
    root: &Key,
    partner_addresses: &[String],
    now: Timestamp,
) -> Result<Manifest, NodeError> {
    let envelope = file::read_manifest(&config.manifest)?;
    let what = "manifest";
    let old = Signed::<Manifest>::open(envelope, &root.signing_public())
        .map_err(|error| NodeError::Document { what, error })?;
    let (mut manifest, _) = old.into_parts();
    manifest.sequence = manifest.sequence.saturating_add(1);
    manifest.valid_from = now.minus_ms(Timestamp::DAY_MS);
    manifest.valid_until = now.plus_days(MANIFEST_VALID_DAYS);
    if !partner_addresses.is_empty() {
        manifest.addresses = checked_addresses(partner_addresses)?;
    }
    let (manifest, envelope) = Signed::seal(manifest, &root.to_signing()).into_parts();
    // What is too large for a reader must not be written.
    Manifest::from_payload(&envelope.payload)
        .map_err(|error| NodeError::Malformed { path: config.manifest.clone(), error })?;
    folder::replace(&config.manifest, &encoding::to_bytes(&envelope))?;
    Ok(manifest)
}

/// Makes a new node certificate and key under the same authority, for the same name.
///
/// # Errors
/// Those of the files and certificates.
pub fn renew_certificate(config: &Config, now: Timestamp) -> Result<Timestamp, NodeError> {
    let agency = &config.agency;
    let key = config.key(KeyKind::NodeAuthority, &config.unlock()?)?;
    let authority = Authority::new(agency, Certifies::Nodes, key.to_signing());
    let beside = config.tls_certificate.with_file_name("node-authority.pem");
    let own = file::read_text(&beside, file::PEM_FILE_BYTES_MAX)?;
    let caller = node_of(agency, &config.name)?;
    let issued = authority.issue(&caller, &own, now, NODE_VALID_DAYS)?;
    folder::replace(&config.tls_key, issued.key.as_bytes())?;
    folder::replace(&config.tls_certificate, issued.chain.as_bytes())?;
    Ok(issued.not_after)
}

/// Every key of a new node.
struct Keys {
    root: Key,
    authority: Key,
    key_encryption: Key,
    record: Key,
    log: Key,
    seal: Key,
    node_authority: Key,
    officer_authority: Key,
    operator: Key,
}

impl Keys {
    fn draw(agency: &AgencyId, entropy: &Entropy) -> Self {
        let draw = |kind| Key::draw(kind, agency, entropy);
        Self {
            root: draw(KeyKind::Root),
            authority: draw(KeyKind::Authority),
            key_encryption: draw(KeyKind::KeyEncryption),
            record: draw(KeyKind::Record),
            log: draw(KeyKind::Log),
            seal: draw(KeyKind::Seal),
            node_authority: draw(KeyKind::NodeAuthority),
            officer_authority: draw(KeyKind::OfficerAuthority),
            operator: draw(KeyKind::Operator),
        }
    }

    /// Where each is written, as the configuration file expects it.
    const fn files(&self) -> [(&'static str, &Key); 9] {
        [
            ("root.key", &self.root),
            ("authority.key", &self.authority),
            ("node.kek", &self.key_encryption),
            ("keys/record.key", &self.record),
            ("keys/log.key", &self.log),
            ("keys/seal.key", &self.seal),
            ("keys/node-authority.key", &self.node_authority),
            ("keys/officer-authority.key", &self.officer_authority),
            ("keys/operator.key", &self.operator),
        ]
    }
}

fn first_manifest(
    founding: &Founding,
    addresses: Vec<String>,
    keys: &Keys,
    authority: CertificatePin,
    now: Timestamp,
) -> Manifest {
    Manifest {
        agency: founding.agency.clone(),
        country: founding.country.clone(),
        kind: founding.kind,
        sequence: 1,
        valid_from: now.minus_ms(Timestamp::DAY_MS),
        valid_until: now.plus_days(MANIFEST_VALID_DAYS),
        node_authorities: vec![Digest::from_bytes(*authority.as_bytes())],
        addresses,
        record_key: keys.record.signing_public(),
        log_key: keys.log.signing_public(),
        seal_key: keys.seal.public(),
    }
}

fn node_of(agency: &AgencyId, name: &str) -> Result<Caller, NodeError> {
    let caller = Caller::Node(PeerIdentity { agency: agency.clone(), name: name.to_owned() });
    // Reading it back refuses what cannot stand in a URI.
    match caller.uri().parse::<Caller>() {
        Ok(read) if read == caller => Ok(caller),
        _ => {
            let given: String = name.chars().take(64).flat_map(char::escape_debug).collect();
            let hint = "one to 63 of a-z, 0-9 and hyphen, like node-1";
            Err(NodeError::Argument { what: format!("`{given}` cannot be a node's name"), hint })
        }
    }
}

fn addresses(founding: &Founding) -> Result<Vec<String>, NodeError> {
    if founding.partner_addresses.is_empty() {
        let address = format!("localhost:{}", founding.partner_listen.port());
        return checked_addresses(&[address]);
    }
    checked_addresses(&founding.partner_addresses)
}

fn checked_addresses(given: &[String]) -> Result<Vec<String>, NodeError> {
    if given.len() > MANIFEST_LIST_MAX {
        let what = format!("{} addresses, more than the {MANIFEST_LIST_MAX} allowed", given.len());
        return Err(NodeError::Argument { what, hint: "name the ones partners should try" });
    }
    given.iter().map(|address| checked_address(address)).collect()
}

/// The example file with this node's values in the place of the example's.
fn settings_text(founding: &Founding) -> String {
    let Founding { agency, name, partner_listen, officer_listen, .. } = founding;
    SETTINGS
        .replace("be-fedpol", agency.as_str())
        .replace("\"node-1\"", &format!("\"{name}\""))
        .replace("\"0.0.0.0:7443\"", &format!("\"{partner_listen}\""))
        .replace("\"127.0.0.1:7444\"", &format!("\"{officer_listen}\""))
}

/// What goes into the terms of an agreement, ready to paste.
fn party_text(founding: &Founding, keys: &Keys) -> String {
    format!(
        "# The part of {agency} in an agreement. Compare both keys by telephone before you sign.\n\
         [[party]]\n\
         agency = \"{agency}\"\n\
         country = \"{}\"\n\
         kind = \"{}\"\n\
         role = \"PARTY\"\n\
         root_key = \"{}\"\n\
         authority_key = \"{}\"\n\
         contact_points = []\n",
        founding.country,
        founding.kind,
        hexadecimal::encode(&keys.root.public()),
        hexadecimal::encode(&keys.authority.public()),
        agency = founding.agency,
    )
}
