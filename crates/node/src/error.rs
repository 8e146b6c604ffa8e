//! What stops a command of `malines-node`, each with what to do next.

use crate::config::ConfigFault;
use crate::key_file::KeyFault;
use agreement::AgreementError;
use domain::encoding::Malformed;
use domain::envelope::OpenError;
use policy::survey::Idle;
use std::io;
use std::path::{Path, PathBuf};
use wire::tls::credentials::CredentialsRefused;

/// Why a command stopped. Holds no secret and nothing of a person.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Something that is never written over is there.
    #[error("`{}`: it is there already", shown(.path))]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The machine failed to read or write.
    #[error("`{}`: cannot {doing} it: {}", shown(.path), plainly(*.kind))]
    File {
        /// What was tried, as in "cannot read it".
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// How it failed.
        kind: io::ErrorKind,
    },
    /// A file beyond its stated limit.
    #[error("`{}`: it is longer than {bytes_max} bytes", shown(.path))]
    TooLong {
        /// The path.
        path: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// A text file that cannot be understood.
    #[error("`{}`: {why}", shown(.path))]
    NotUnderstood {
        /// The path.
        path: PathBuf,
        /// What is wrong, in our words or the parser's.
        why: String,
    },
    /// A key file that cannot be used.
    #[error("`{}`: {fault}", shown(.path))]
    Key {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        fault: KeyFault,
    },
    /// Something on the command line that cannot be.
    #[error("{what}")]
    Argument {
        /// What is wrong.
        what: String,
        /// What would be right.
        hint: &'static str,
    },
    /// The certificate library refused, or what was made cannot be used.
    #[error("the certificate could not be made: {0}")]
    Certificate(String),
    /// A certificate that no peer would accept.
    #[error(transparent)]
    Credentials(#[from] CredentialsRefused),
    /// Terms or events that do not fit together.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// A document whose signature does not open.
    #[error("the {what} is not accepted: {error}")]
    Document {
        /// Which document.
        what: &'static str,
        /// Why.
        error: OpenError,
    },
    /// The bytes of a docket or a manifest.
    #[error("`{}`: {error}", shown(.path))]
    Malformed {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        error: Malformed,
    },
    /// A docket that the desk does not take.
    #[error("`{}`: {why}", shown(.path))]
    Docket {
        /// The path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A port that cannot be opened.
    #[error("cannot listen on {address}: {}", plainly(*.kind))]
    Port {
        /// The address.
        address: std::net::SocketAddr,
        /// How it failed.
        kind: io::ErrorKind,
    },
    /// The node stopped serving, or could not begin.
    #[error("the node does not serve: {0}")]
    Serving(String),
    /// A person who was asked did not say yes.
    #[error("not confirmed: nothing was signed")]
    NotConfirmed,
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigFault),
    /// A policy file.
    #[error(transparent)]
    Policy(#[from] cedar_engine::CedarError),
    /// A policy file that opens more than the rules in force.
    #[error("`{}`: it opens more than the rules that are in force, which stay", shown(.path))]
    PolicyWidens {
        /// The file.
        path: PathBuf,
    },
    /// A policy file with new rules that can never decide.
    #[error("`{}`: {}", shown(.path), never_decide(.idle))]
    PolicyIdle {
        /// The file.
        path: PathBuf,
        /// The rules.
        idle: Vec<Idle>,
    },
    /// The desk.
    #[error(transparent)]
    Desk(#[from] desk::error::DeskError),
    /// Partners who contradict each other.
    #[error(transparent)]
    Registry(#[from] wire::tls::registry::RegistryFault),
    /// A node that never ran has nothing to be verified.
    #[error("`{}`: there is no store yet", shown(.path))]
    NoStore {
        /// The data folder.
        path: PathBuf,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl NodeError {
    /// What a person can do next; empty if the message says it all.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Exists { .. } => {
                "nothing was written; choose another folder, or move what is there away"
            }
            Self::File { kind: io::ErrorKind::NotFound, .. } => "is the path right?",
            Self::File { kind: io::ErrorKind::PermissionDenied, .. } => {
                "run this as the user who owns the node's folder"
            }
            Self::File { .. } => "check the disk and the rights on the folder",
            Self::TooLong { .. } => "is this the right file?",
            Self::NotUnderstood { .. } => "mend the file and try again",
            Self::Key { fault, .. } => fault.hint(),
            Self::Argument { hint, .. } => hint,
            Self::Certificate(_) => "report this as a fault of this program",
            Self::Credentials(refused) => refused.hint(),
            Self::Agreement(AgreementError::NotAParty(_)) => {
                "use the authority key of the party that signs"
            }
            Self::Agreement(AgreementError::ForeignManifest { .. }) => {
                "ask the agency for its own manifest"
            }
            Self::Agreement(_) => "mend the terms; every party signs the same bytes",
            Self::Document { .. } => {
                "ask the agency for a new file, and compare its root key by telephone"
            }
            Self::Malformed { .. } => "is this the right file, and did it arrive whole?",
            Self::NotConfirmed => "read the terms, then type the agreement's name, or give --yes",
            Self::Docket { .. } => {
                "ask who sent it for a whole one; `malines agreement show` reads it"
            }
            Self::Port { kind: io::ErrorKind::AddrInUse, .. } => {
                "is a node running already? look at `listen` in the configuration"
            }
            Self::Port { .. } => "look at `listen` in the configuration",
            Self::Policy(_) => "nothing is shared until every rule loads",
            Self::Registry(_) => "two agencies pin one authority: ask both for their manifests",
            Self::Serving(_) => "look at the log for the first failure",
            Self::PolicyWidens { .. } => {
                "two officers sign for it: `malines policy propose FILE`, then `malines policy sign`"
            }
            Self::PolicyIdle { .. } => {
                "mend the rule or take it out; `malines policy check FILE` says more"
            }
            Self::Desk(desk::error::DeskError::Store(error)) => error.hint(),
            Self::Desk(_) => "look at the log; `malines-node verify` reads the store again",
            Self::Config(_) => "",
            Self::NoStore { .. } => {
                "is `data_folder` right, and its disk mounted? `init` makes a store; to use it in another \
                 place, move the folder that it made there"
            }
            Self::Store(error) => error.hint(),
        }
    }
}

/// How the machine failed, in words of ours.
fn plainly(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "there is none".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "it is no folder".to_owned(),
        io::ErrorKind::StorageFull => "no space is left".to_owned(),
        kind => kind.to_string(),
    }
}

/// The most rules that one message names.
const NAMED_MAX: usize = 8;

fn never_decide(idle: &[Idle]) -> String {
    let named = idle.iter().take(NAMED_MAX).map(ToString::to_string);
    let rules = named.collect::<Vec<_>>().join("; ");
    let what = if idle.len() == 1 { "a rule" } else { "rules" };
    let more = match idle.len().checked_sub(NAMED_MAX) {
        Some(more @ 1..) => format!("; and {more} more"),
        _ => String::new(),
    };
    format!("{what} that can never decide: {}{more}", rules.escape_debug())
}

/// A path as people read it: no control character reaches the terminal.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().collect()
}
