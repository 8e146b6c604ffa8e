//! The configuration of a node: what `node.toml` says, and the only reader of what it names.
//!
//! [`Config::load`] reads the file alone. Everything that it names - keys, certificates, policy,
//! agreements - is read when it is asked for, and so again when a running node reloads.
//! [`crate::check`] reads all of it and says everything that is wrong at once.

mod document;
pub mod file;

use crate::error::{NodeError, shown};
use crate::key_file::{Key, KeyEncryptionKey, KeyKind};
use crate::officer::{Enrolled, State};
use cedar_engine::POLICY_BYTES_MAX;
use desk::NodeKeys;
use desk::quota::Quota;
use document::Document;
use domain::duty::AnswerTimes;
use domain::envelope::Envelope;
use domain::name::{AgencyId, OfficerId};
use domain::time::{Clock as _, SystemClock};
use file::{Contents, PEM_FILE_BYTES_MAX};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use wire::tls::credentials::authority_from_pem;
use wire::tls::registry::CertificatePin;
use zeroize::Zeroizing;

/// The longest configuration file, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 64 * 1024;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The configuration of a node. Every path is resolved against the folder of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The agency.
    pub agency: AgencyId,
    /// The node's name within the agency, as its certificate says.
    pub name: String,
    /// Our signed manifest.
    pub manifest: PathBuf,
    /// The store's folder.
    pub data_folder: PathBuf,
    /// The node's key files.
    pub keys_folder: PathBuf,
    /// The key file that opens the others.
    pub key_encryption_key: PathBuf,
    /// Signed agreement bundles.
    pub agreements_folder: PathBuf,
    /// Who was enrolled as an officer.
    pub officers_folder: PathBuf,
    /// This country's own rules.
    pub local_policy: PathBuf,
    /// Which records were erased: outside of the data folder and of every backup.
    pub erasure_ledger: PathBuf,
    /// The node's certificate with its authority's below it.
    pub tls_certificate: PathBuf,
    /// Its private key.
    pub tls_key: PathBuf,
    /// The authority of the officers' certificates.
    pub officer_authority: PathBuf,
    /// Where partners' nodes connect.
    pub partner_listen: SocketAddr,
    /// Where the own officers connect.
    pub officer_listen: SocketAddr,
    /// How often each partner is asked for news, in milliseconds.
    pub pull_interval_ms: u64,
    /// How many identifiers one partner may ask about in a day.
    pub quota_per_day: u64,
    /// How many values one officer may ask about in a day.
    pub officer_values_per_day: u64,
    /// How often the head of the audit log is signed, in milliseconds.
    pub head_interval_ms: u64,
    /// How often what has expired or was erased is taken off the disk, in milliseconds.
    pub upkeep_interval_ms: u64,
    /// How long there is to answer, until agreements say it; not in the file.
    pub answer_times: AnswerTimes,
    /// The cache of the store's tables, in bytes.
    pub cache_bytes: u64,
    /// Which log lines are written: directives as in `info,wire=debug`.
    pub log_filter: String,
    /// How.
    pub log_format: Format,
}

const KEYS: &[&str] = &[
    "agency",
    "name",
    "manifest",
    "data_folder",
    "keys_folder",
    "key_encryption_key",
    "agreements_folder",
    "officers_folder",
    "local_policy",
    "erasure_ledger",
    "tls.certificate",
    "tls.key",
    "tls.officer_authority",
    "listen.partners",
    "listen.officers",
    "sync.pull_interval_ms",
    "answer.quota_per_day",
    "query.officer_values_per_day",
    "audit.head_interval_ms",
    "upkeep.interval_ms",
    "store.cache_bytes",
    "log.filter",
    "log.format",
];

const MIB: u64 = 1024 * 1024;

impl Config {
    /// Reads a configuration file; nothing that it names.
    ///
    /// # Errors
    /// [`ConfigFault`] with everything that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigFault> {
        match Self::inspect(path) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(ConfigFault { problems }),
        }
    }

    /// As [`Config::load`]. There is a configuration, with defaults in the place of what is wrong,
    /// as soon as the agency is known, so that a check can go on.
    pub(crate) fn inspect(path: &Path) -> (Option<Self>, Vec<Problem>) {
        match file::read_text(path, CONFIG_BYTES_MAX) {
            Ok(text) => Self::parse(path, &text),
            Err(error) => (None, vec![Problem::of(path, &error)]),
        }
    }

    /// As [`Config::inspect`], from a text that would stand in the file `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> (Option<Self>, Vec<Problem>) {
        let mut problems = Vec::new();
        let config = read(path, text, &mut problems);
        (config, problems)
    }

    /// The file of one of the node's keys.
    pub fn key_path(&self, kind: KeyKind) -> PathBuf {
        match kind {
            KeyKind::KeyEncryption => self.key_encryption_key.clone(),
            kind => self.keys_folder.join(format!("{}.key", kind.as_str())),
        }
    }

    /// The key under which the other keys and the store's are encrypted.
    ///
    /// # Errors
    /// [`NodeError::Key`] and those of reading.
    pub fn unlock(&self) -> Result<KeyEncryptionKey, NodeError> {
        let kind = KeyKind::KeyEncryption;
        let key = file::read_key(&self.key_path(kind), kind, Some(&self.agency), None)?;
        Ok(key.to_key_encryption())
    }

    /// One of the node's keys.
    ///
    /// # Errors
    /// As [`Config::unlock`].
    pub fn key(&self, kind: KeyKind, unlock: &KeyEncryptionKey) -> Result<Key, NodeError> {
        file::read_key(&self.key_path(kind), kind, Some(&self.agency), Some(unlock))
    }

    /// The keys that speak for the node.
    ///
    /// # Errors
    /// As [`Config::unlock`].
    pub fn node_keys(&self) -> Result<NodeKeys, NodeError> {
        let unlock = self.unlock()?;
        Ok(NodeKeys {
            record: Box::new(self.key(KeyKind::Record, &unlock)?.to_signing()),
            log: Box::new(self.key(KeyKind::Log, &unlock)?.to_signing()),
            seal: self.key(KeyKind::Seal, &unlock)?.to_seal_secret(),
            operator: Some(Box::new(self.key(KeyKind::Operator, &unlock)?.to_signing())),
        })
    }

    /// What the store is opened with.
    ///
    /// # Errors
    /// As [`Config::unlock`].
    pub fn store_settings(&self) -> Result<store::Config, NodeError> {
        let mut settings = store::Config::new(
            self.data_folder.clone(),
            self.agency.clone(),
            self.unlock()?.expose().clone(),
            Arc::new(SystemClock),
            Box::new(rand_core::UnwrapErr(getrandom::SysRng)),
        );
        settings.cache_bytes = self.cache_bytes;
        Ok(settings)
    }

    /// The node's certificate chain and its private key, both PEM.
    ///
    /// # Errors
    /// Those of reading.
    pub fn tls_files(&self) -> Result<(Contents, Contents), NodeError> {
        let chain = file::read(&self.tls_certificate, PEM_FILE_BYTES_MAX)?;
        Ok((chain, file::read(&self.tls_key, PEM_FILE_BYTES_MAX)?))
    }

    /// The authority of the own officers' certificates.
    ///
    /// # Errors
    /// [`NodeError::Credentials`] and those of reading.
    pub fn officer_authority(&self) -> Result<CertificatePin, NodeError> {
        let pem = file::read(&self.officer_authority, PEM_FILE_BYTES_MAX)?;
        Ok(authority_from_pem(&pem, SystemClock.now())?)
    }

    /// Own officers whose certificates count no more.
    ///
    /// # Errors
    /// Those of reading the register.
    pub fn officers_revoked(&self) -> Result<BTreeSet<OfficerId>, NodeError> {
        let files = file::list(&self.officers_folder, "toml")?;
        let entries = files.iter().map(|path| Enrolled::load(path));
        let revoked = entries
            .filter(|entry| entry.as_ref().map_or(true, |entry| entry.state == State::Revoked));
        revoked.map(|entry| entry.map(|entry| entry.officer)).collect()
    }

    /// Our manifest, as the root key signed it.
    ///
    /// # Errors
    /// [`NodeError::Malformed`] and those of reading.
    pub fn manifest(&self) -> Result<Envelope, NodeError> {
        file::read_manifest(&self.manifest)
    }

    /// This country's own rules.
    ///
    /// # Errors
    /// Those of reading.
    pub fn local_policy(&self) -> Result<Zeroizing<String>, NodeError> {
        file::read_text(&self.local_policy, u64::try_from(POLICY_BYTES_MAX).unwrap_or(u64::MAX))
    }
}

/// Does a problem keep the node from running?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Yes.
    Error,
    /// Not today.
    Warning,
}

/// One thing that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub what: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Problem {
    pub(crate) fn error(file: &Path, what: String, hint: &str) -> Self {
        Self { severity: Severity::Error, file: file.to_owned(), what, hint: hint.to_owned() }
    }

    pub(crate) fn warning(file: &Path, what: String, hint: &str) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, what, hint) }
    }

    pub(crate) fn of(path: &Path, error: &NodeError) -> Self {
        let what = error.to_string();
        // The path stands before every problem already.
        let prefix = format!("`{}`: ", shown(path));
        let what = what.strip_prefix(&prefix).map_or(what.clone(), str::to_owned);
        Self::error(path, what, error.hint())
    }
}

impl core::fmt::Display for Problem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: `{}`: {}", shown(&self.file), self.what)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\n  hint: {}", self.hint) }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigFault {
    /// Everything that is wrong, errors first.
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn read(path: &Path, text: &str, problems: &mut Vec<Problem>) -> Option<Config> {
    let mut document = Document::parse(path, text, problems)?;
    document.check_keys(KEYS);
    let agency = agency(&mut document);
    let (partner_listen, officer_listen) = listen(&mut document);
    let (log_filter, log_format) = log(&mut document);
    let Quota { tokens_per_day, officer_values_per_day } = Quota::default();
    let pull_interval_ms = document.number("sync.pull_interval_ms", 5_000, (10, 3_600_000));
    let quota_per_day = document.number("answer.quota_per_day", tokens_per_day, (1, 10_000_000));
    let officer_values_per_day =
        document.number("query.officer_values_per_day", officer_values_per_day, (1, 1_000_000));
    let head_interval_ms = document.number("audit.head_interval_ms", 10_000, (100, 86_400_000));
    let upkeep_interval_ms = document.number("upkeep.interval_ms", 3_600_000, (100, 43_200_000));
    let cache_bytes = document.number("store.cache_bytes", 64 * MIB, (MIB, 64 * 1024 * MIB));
    let name = document.text("name", "node-1");
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut at = |key, default: &str| folder.join(document.text(key, default));
    let own_manifest = agency.as_ref().map(|agency| format!("{agency}.manifest"));
    Some(Config {
        manifest: at("manifest", own_manifest.as_deref().unwrap_or_default()),
        agency: agency?,
        name,
        data_folder: at("data_folder", "data"),
        keys_folder: at("keys_folder", "keys"),
        key_encryption_key: at("key_encryption_key", "node.kek"),
        agreements_folder: at("agreements_folder", "agreements"),
        officers_folder: at("officers_folder", "officers"),
        local_policy: at("local_policy", "policy/local.cedar"),
        erasure_ledger: at("erasure_ledger", "erasures.ledger"),
        tls_certificate: at("tls.certificate", "tls/node.pem"),
        tls_key: at("tls.key", "tls/node.key"),
        officer_authority: at("tls.officer_authority", "tls/officer-authority.pem"),
        partner_listen,
        officer_listen,
        pull_interval_ms,
        quota_per_day,
        officer_values_per_day,
        head_interval_ms,
        upkeep_interval_ms,
        answer_times: AnswerTimes::DEFAULT,
        cache_bytes,
        log_filter,
        log_format,
    })
}

fn agency(document: &mut Document<'_>) -> Option<AgencyId> {
    let text = document.required("agency", "name this agency, like agency = \"be-fedpol\"")?;
    match text.parse() {
        Ok(agency) => Some(agency),
        Err(error) => {
            document.problem(&format!("`agency`: {error}"), "");
            None
        }
    }
}

fn listen(document: &mut Document<'_>) -> (SocketAddr, SocketAddr) {
    let hint = "an IP address and a port, like 127.0.0.1:7443 or [::]:7443";
    let partners: Option<SocketAddr> = document.parsed("listen.partners", "0.0.0.0:7443", hint);
    let officers: Option<SocketAddr> = document.parsed("listen.officers", "127.0.0.1:7444", hint);
    if let (Some(partners), Some(officers)) = (partners, officers)
        && partners.port() == officers.port()
        && partners.port() != 0
    {
        let what = format!("`listen`: partners and officers share port {}", partners.port());
        document.problem(&what, "give each a port of its own: 7443 and 7444 are usual");
    }
    // Only ever used beside a problem, which keeps the node from running.
    let none = SocketAddr::from(([127, 0, 0, 1], 0));
    (partners.unwrap_or(none), officers.unwrap_or(none))
}

fn log(document: &mut Document<'_>) -> (String, Format) {
    let filter = document.text("log.filter", "info");
    if let Err(error) = EnvFilter::builder().parse(&filter) {
        let what = format!("`log.filter`: {}", error.to_string().escape_debug());
        document.problem(&what, "like info, or info,wire=debug");
    }
    let format = match document.text("log.format", "text").as_str() {
        "text" => Format::Text,
        "json" => Format::Json,
        _ => {
            document.problem("`log.format` is neither text nor json", "the default is text");
            Format::Text
        }
    };
    (filter, format)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../deploy/node.toml");

    fn parse(text: &str) -> (Option<Config>, Vec<String>) {
        let (settings, problems) = Config::parse(Path::new("folder/node.toml"), text);
        (settings, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_example_lists_every_option_with_its_default() {
        let (example, problems) = parse(EXAMPLE);
        assert_eq!(problems, Vec::<String>::new());
        let (defaults, problems) = parse("agency = \"be-fedpol\"");
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(example, defaults);
        let table: toml::Table = EXAMPLE.parse().unwrap();
        for key in KEYS {
            let found = match key.split_once('.') {
                Some((section, key)) => table[section].get(key).is_some(),
                None => table.contains_key(*key),
            };
            assert!(found, "{key} is not in the example");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let (settings, _) = parse("agency = \"be-fedpol\"\ndata_folder = \"/srv/data\"");
        let settings = settings.unwrap();
        assert_eq!(settings.manifest, Path::new("folder/be-fedpol.manifest"));
        assert_eq!(settings.data_folder, Path::new("/srv/data"));
        assert_eq!(settings.key_path(KeyKind::Log), Path::new("folder/keys/log.key"));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let text = EXAMPLE
            .replace("quota_per_day = 50000", "quota_per_dy = 50000")
            .replace("format = \"text\"", "format = \"xml\"")
            .replace("filter = \"info\"", "filter = \"=[=\"")
            .replace("127.0.0.1:7444", "0.0.0.0:7443")
            .replace("cache_bytes = 67108864", "cache_bytes = -1");
        let (settings, problems) = parse(&text);
        assert!(settings.is_some());
        let all = problems.join("\n");
        for says in [
            "there is no key `answer.quota_per_dy`\n  hint: did you mean `answer.quota_per_day`?",
            "`log.format` is neither text nor json",
            "`log.filter`",
            "partners and officers share port 7443",
            "`store.cache_bytes` is not a whole number from 1048576 to 68719476736",
        ] {
            assert!(all.contains(says), "{says}\n{all}");
        }
        assert_eq!(problems.len(), 5, "{all}");
    }

    #[test]
    fn without_an_agency_or_without_toml_there_are_no_settings() {
        for text in ["", "agency = 1", "agency = \"BE\"", "agency = = 1"] {
            let (settings, problems) = parse(text);
            assert!(settings.is_none() && problems.len() == 1, "{text}: {problems:?}");
        }
    }
}
