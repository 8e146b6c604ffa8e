//! `check-config`: everything that is wrong with a node's files, at once, and what it would do.

use crate::config::file::{self, PEM_FILE_BYTES_MAX, Readers};
use crate::config::{Config, Problem, Severity};
use crate::error::{NodeError, shown};
use crate::key_file::{Key, KeyKind};
use crate::policy_book::{self, Decides};
use crate::recovery::Standing;
use crate::verify::check_made;
use agreement::AgreementError;
use cedar_engine::{COMMON_FLOOR, Engine, Layer};
use domain::envelope::{Envelope, Payload as _};
use domain::manifest::Manifest;
use domain::time::Timestamp;
use std::path::Path;
use std::sync::Arc;
use wire::tls::credentials::{Credentials, authority_from_pem};
use wire::tls::identity::Caller;
use wire::tls::registry::CertificatePin;

/// A certificate or a manifest that ends within so many days is worth a warning.
pub const WARN_DAYS: u32 = 30;

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// What the node would do, line by line.
    pub summary: String,
    /// Errors first, then warnings.
    pub problems: Vec<Problem>,
}

impl Checked {
    /// Could a node start with this?
    pub fn verdict(&self) -> Verdict {
        match self.problems.first() {
            Some(Problem { severity: Severity::Error, .. }) => Verdict::Unusable,
            _ => Verdict::Usable,
        }
    }
}

/// Could a node start with a configuration?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes; warnings are possible.
    Usable,
    /// No.
    Unusable,
}

/// Was a node ever run on this data folder? Then its log has a signed head.
fn has_run(config: &Config) -> bool {
    config.data_folder.join(store::embedded::HEAD_FILE).exists()
}

/// Reads a configuration and all that it names, and says everything that is wrong.
pub fn check(path: &Path, now: Timestamp) -> Checked {
    let (config, problems) = Config::inspect(path);
    let mut check = Check { problems, rows: Vec::new(), now };
    if let Some(config) = config {
        check.all(&config);
        check.keys_to_move(path);
    }
    let Check { mut problems, rows, .. } = check;
    problems.sort_by_key(|problem| problem.severity == Severity::Warning);
    let lines = rows.iter().map(|(name, value)| format!("{name:<12} {value}\n"));
    Checked { summary: lines.collect(), problems }
}

/// Each step notes its own problems and lets the next ones go on.
struct Check {
    problems: Vec<Problem>,
    rows: Vec<(&'static str, String)>,
    now: Timestamp,
}

/// What the node has, to be compared with what its manifest says.
#[derive(Default)]
struct Found {
    record: Option<Key>,
    log: Option<Key>,
    seal: Option<Key>,
    authority: Option<CertificatePin>,
}

/// Made by `init` beside the configuration, to be taken away.
const KEYS_TO_MOVE: [&str; 2] = ["root.key", "authority.key"];

impl Check {
    fn all(&mut self, config: &Config) {
        self.row("agency", format!("{}, node {}", config.agency, config.name));
        let mut found = self.keys(config);
        found.authority = self.credentials(config);
        self.officers(config);
        let manifest = self.manifest(config);
        if let Some((manifest, _)) = &manifest {
            self.compare(config, manifest, &found);
        }
        self.store(config);
        self.policy(config);
        self.agreements(config, manifest.as_ref().map(|(_, envelope)| envelope));
        self.row("partners", format!("let in at {}", config.partner_listen));
        self.row("officers", format!("let in at {}", config.officer_listen));
    }

    /// Keys that found the agency and sign for it have no business on the machine that serves.
    fn keys_to_move(&mut self, path: &Path) {
        for name in KEYS_TO_MOVE {
            if path.with_file_name(name).exists() {
                let what =
                    "still here: move it to a place that is offline; the node never needs it";
                self.row(name, what.to_owned());
            }
        }
    }

    fn row(&mut self, name: &'static str, value: String) {
        self.rows.push((name, value));
    }

    /// Keeps a value, or notes why there is none.
    fn taken<T>(&mut self, path: &Path, result: Result<T, NodeError>) -> Option<T> {
        result.map_err(|error| self.problems.push(Problem::of(path, &error))).ok()
    }

    fn wrong(&mut self, path: &Path, what: impl Into<String>, hint: &str) {
        self.problems.push(Problem::error(path, what.into(), hint));
    }

    fn doubtful(&mut self, path: &Path, what: impl Into<String>, hint: &str) {
        self.problems.push(Problem::warning(path, what.into(), hint));
    }

    fn readers(&mut self, path: &Path) {
        if file::readers(path) == Readers::Others {
            let hint = format!("chmod 600 {}", shown(path));
            self.wrong(path, "others than its owner may read this secret", &hint);
        }
    }

    fn keys(&mut self, config: &Config) -> Found {
        let path = config.key_path(KeyKind::KeyEncryption);
        self.readers(&path);
        let unlock = self.taken(&path, config.unlock());
        let mut key = |kind: KeyKind| {
            let path = config.key_path(kind);
            self.readers(&path);
            let key = config.key(kind, unlock.as_ref()?);
            self.taken(&path, key)
        };
        Found {
            record: key(KeyKind::Record),
            log: key(KeyKind::Log),
            seal: key(KeyKind::Seal),
            authority: None,
        }
    }

    fn credentials(&mut self, config: &Config) -> Option<CertificatePin> {
        let certificate = &config.tls_certificate;
        self.readers(&config.tls_key);
        let chain = self.taken(certificate, file::read(certificate, PEM_FILE_BYTES_MAX));
        let key = self.taken(&config.tls_key, file::read(&config.tls_key, PEM_FILE_BYTES_MAX));
        let read = Credentials::from_pem(&chain?, &key?, self.now);
        let credentials = self.taken(certificate, read.map_err(NodeError::from))?;
        match credentials.caller() {
            Caller::Node(node) if node.agency == config.agency && node.name == config.name => {}
            other => {
                let what = format!("this is the certificate of `{}`", other.uri());
                self.wrong(certificate, what, "name this node's certificate, or mend `name`");
            }
        }
        let until = credentials.not_after();
        if until < self.now.plus_days(WARN_DAYS) {
            let hint = "make a new one with `malines-node renew certificate`";
            self.doubtful(certificate, format!("the certificate ends at {until}"), hint);
        }
        self.row("certificate", format!("until {until}"));
        Some(credentials.authority())
    }

    fn officers(&mut self, config: &Config) {
        let path = &config.officer_authority;
        if let Some(pem) = self.taken(path, file::read(path, PEM_FILE_BYTES_MAX)) {
            let authority = authority_from_pem(&pem, self.now).map_err(NodeError::from);
            self.taken(path, authority);
        }
        self.taken(&config.officers_folder, config.officers_revoked());
    }

    fn manifest(&mut self, config: &Config) -> Option<(Manifest, Envelope)> {
        let path = &config.manifest;
        let envelope = self.taken(path, config.manifest())?;
        let manifest = Manifest::from_payload(&envelope.payload)
            .map_err(|error| NodeError::Malformed { path: path.clone(), error });
        let manifest = self.taken(path, manifest)?;
        let (from, until) = (manifest.valid_from, manifest.valid_until);
        let hint = "sign a new one with the root key: `malines-node renew manifest`";
        if until <= self.now || self.now < from {
            self.wrong(path, format!("the manifest holds from {from} until {until}"), hint);
        } else if until < self.now.plus_days(WARN_DAYS) {
            self.doubtful(path, format!("the manifest ends at {until}"), hint);
        }
        let addresses = manifest.addresses.join(", ");
        self.row("manifest", format!("sequence {}, until {until}", manifest.sequence));
        self.row("dialled at", addresses.escape_debug().to_string());
        Some((manifest, envelope))
    }

    /// May a node run on the data folder at all?
    fn store(&mut self, config: &Config) {
        let folder = &config.data_folder;
        self.taken(folder, check_made(config));
        match Standing::of(folder) {
            Ok(Standing::Ordinary) => {}
            Ok(standing @ Standing::Recovery(_)) => {
                let what = format!("the store is in RECOVERY: {}", standing.note());
                self.doubtful(folder, what, "docs/operating.md says what that means");
            }
            Err(error) => self.wrong(folder, error.to_string(), error.hint()),
        }
    }

    /// Partners believe the manifest: what the node really has must be what it says.
    fn compare(&mut self, config: &Config, manifest: &Manifest, found: &Found) {
        let pinned = |pin: &CertificatePin| {
            manifest.node_authorities.iter().any(|digest| digest.as_bytes() == pin.as_bytes())
        };
        let signs = |key: &Key, stated| key.signing_public() == stated;
        let fits = [
            ("the agency", manifest.agency == config.agency),
            (
                "the record key",
                found.record.as_ref().is_none_or(|key| signs(key, manifest.record_key)),
            ),
            ("the log key", found.log.as_ref().is_none_or(|key| signs(key, manifest.log_key))),
            (
                "the seal key",
                found.seal.as_ref().is_none_or(|key| key.public() == manifest.seal_key),
            ),
            ("the authority of its certificate", found.authority.as_ref().is_none_or(pinned)),
        ];
        for (what, _) in fits.into_iter().filter(|(_, fits)| !fits) {
            let what =
                format!("{what} is not the one in the manifest, so partners would refuse us");
            let hint = "restore what belongs together from a backup, or ask for a new manifest";
            self.wrong(&config.manifest, what, hint);
        }
    }

    fn policy(&mut self, config: &Config) {
        let path = &config.local_policy;
        let Some(local) = self.taken(path, config.local_policy()) else {
            return;
        };
        match Engine::load(COMMON_FLOOR, &local) {
            Ok(engine) => {
                for warning in engine.warnings() {
                    let what = warning.escape_debug().to_string();
                    self.doubtful(path, what, "look at this rule");
                }
                let local = engine.rules().filter(|rule| rule.layer == Layer::Local).count();
                let floor = engine.rules().count().saturating_sub(local);
                self.row("policy", format!("{floor} rules of the common floor, {local} local"));
                self.each_decides(config, &engine);
            }
            Err(error) => self.problems.push(Problem::of(path, &error.into())),
        }
    }

    /// A rule that can never decide keeps a node from its first start. Later it does so only if it is
    /// new, and which rules are new a look from outside does not show.
    fn each_decides(&mut self, config: &Config, engine: &Engine) {
        let path = &config.local_policy;
        match policy_book::first_decides(engine, path) {
            Ok(Decides::Each) => {}
            Ok(Decides::NotKnown(why)) => {
                let what = format!("whether each rule can decide is not known: {why}");
                self.doubtful(path, what, "look at the rules with `malines policy check`");
            }
            Err(error) if has_run(config) => {
                let hint = "if it is new or changed, the node does not follow the file";
                self.doubtful(path, error.to_string(), hint);
            }
            Err(error) => self.problems.push(Problem::of(path, &error)),
        }
    }

    fn agreements(&mut self, config: &Config, own: Option<&Envelope>) {
        let folder = &config.agreements_folder;
        let files = self.taken(folder, file::list(folder, "docket")).unwrap_or_default();
        if files.is_empty() {
            let none = "none: nobody is let in, and nothing is shared";
            self.row("agreements", none.to_owned());
        }
        for path in files {
            let Some(mut docket) = self.taken(&path, file::read_docket(&path)) else {
                continue;
            };
            let state = docket.state(self.now);
            let agreement = Arc::clone(docket.version(&state));
            if agreement.party(&config.agency).is_none() {
                let what = format!("{} is not a party of this agreement", config.agency);
                self.wrong(&path, what, "remove it from the folder");
                continue;
            }
            if let Some(own) = own
                && let Err(error) = docket.admit(own.clone().into())
            {
                let what = "manifest, by no root key of a party,";
                let error = match error {
                    AgreementError::NotSigned(error) => NodeError::Document { what, error },
                    other => other.into(),
                };
                self.problems.push(Problem::of(&config.manifest, &error));
            }
            if agreement.floor_hash != cedar_engine::floor_hash(COMMON_FLOOR) {
                let what = "it was signed over another common floor than this program has";
                self.wrong(&path, what, "install the release whose floor the parties signed");
            }
            self.row("agreement", format!("{}: {}", agreement.agreement_id, state.phase()));
        }
    }
}
