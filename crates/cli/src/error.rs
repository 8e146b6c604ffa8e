//! What stops a command: a closed list of failures, each with a code, an exit code and a hint.

use crate::console::plain;
use crate::message::{self, Language, Phrase};
use agreement::AgreementError;
use domain::refusal::{Refusal, RefusalCode};
use fingerprint::Refused;
use std::io;
use std::path::PathBuf;
use wire::connect::DialFailure;
use wire::tls::credentials::CredentialsRefused;

/// What a command came to. The numbers are the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; for a query: at least one match.
    Done = 0,
    /// All who were asked answered, and nothing matched; of rules: a test failed, a claim is false or
    /// something is to be mended.
    NoMatch = 1,
    /// Failed.
    Failed = 2,
    /// Every answer was a refusal.
    Refused = 3,
    /// Some did not answer, or some rows could not go.
    Incomplete = 4,
    /// The command line makes no sense (`EX_USAGE` of BSD sysexits).
    Usage = 64,
}

/// Why a command stopped. Holds no value of a person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No such profile.
    #[error("no profile `{name}` in `{}`", shown(.folder))]
    ProfileMissing {
        /// Its name.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// The profiles that are there.
        known: Vec<String>,
    },
    /// A profile's name that could be a path.
    #[error("`{}` is not the name of a profile", plain(.name))]
    ProfileName {
        /// What was given, cut.
        name: String,
    },
    /// Neither `MALINES_HOME` nor a home folder.
    #[error("no folder for profiles is known")]
    NoHome,
    /// A file with a value that cannot be.
    #[error("`{}`{}: {}", shown(.file), line_text(*.line), plain(.why))]
    FileInvalid {
        /// The file.
        file: PathBuf,
        /// The line, from 1; 0 for the whole file.
        line: u64,
        /// The rule that is broken.
        why: String,
    },
    /// A row of a list that cannot be read.
    #[error("{}", plain(.why))]
    RowInvalid {
        /// The rule that is broken.
        why: String,
    },
    /// A key or a column that nobody knows.
    #[error("`{}`: `{}` is not a known {what}{}", shown(.file), plain(.key), nearest_text(.nearest))]
    KeyUnknown {
        /// The file.
        file: PathBuf,
        /// A key, or a column.
        what: &'static str,
        /// The key.
        key: String,
        /// The nearest known one, where one is near.
        nearest: Option<&'static str>,
    },
    /// A key that must be there.
    #[error("`{}` does not say `{key}`", shown(.file))]
    KeyMissing {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// A file that cannot be read.
    #[error("`{}` cannot be read: {}", shown(.path), io_text(*.kind))]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// A file that is too long.
    #[error("`{}` is longer than {bytes_max} bytes", shown(.path))]
    FileTooLong {
        /// The file.
        path: PathBuf,
        /// The maximum, in bytes.
        bytes_max: u64,
    },
    /// A file that cannot be written.
    #[error("`{}` cannot be written: {}", shown(.path), io_text(*.kind))]
    FileUnwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// More rows or values than one run takes.
    #[error("more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The maximum.
        most: usize,
    },
    /// A value of a person on the command line, outside of the demo.
    #[error(
        "`--value` works only against the demo: a command line is kept in histories and shown to others"
    )]
    ValueOnCommandLine,
    /// Something must be confirmed and nobody sits at a terminal.
    #[error("nobody is at a terminal to say yes")]
    NobodyToAsk(Phrase),
    /// The person said no.
    #[error("nothing was done")]
    Declined,
    /// The input ended before a value came.
    #[error("no value was given")]
    NoValue,
    /// Nothing could be sent.
    #[error("nothing is left to send")]
    NothingToSend,
    /// A file of another system in which nothing can be compared.
    #[error("the file holds nothing that can be compared, so nothing was sent")]
    NothingToCompare,
    /// Rows that cannot be used, under `--strict`.
    #[error("{count} of the rows cannot be used, so none was sent")]
    RowsRefused {
        /// How many.
        count: usize,
    },
    /// A line of the input that is too long.
    #[error("the input is longer than {bytes_max} bytes")]
    InputTooLong {
        /// The maximum, in bytes.
        bytes_max: u64,
    },
    /// Input that is not UTF-8.
    #[error("the input is not text in UTF-8")]
    InputNotText,
    /// Input that cannot be read.
    #[error("the input cannot be read: {}", io_text(*.0))]
    InputUnreadable(io::ErrorKind),
    /// Output that cannot be written.
    #[error("the output cannot be written: {}", io_text(*.0))]
    OutputFailed(io::ErrorKind),
    /// An answer that is needed and was not given.
    #[error("nobody said `{key}`")]
    AnswerMissing {
        /// The key of the answer.
        key: &'static str,
    },
    /// An answer that is not one of those known.
    #[error("{}", plain(.why))]
    AnswerInvalid {
        /// Why.
        why: String,
    },
    /// A value that the normalisation refuses.
    #[error("{}", message::normalisation(Language::English, *.0).text)]
    ValueRefused(Refused),
    /// A kind that cannot be submitted.
    #[error("the text of an advertisement cannot be submitted yet")]
    TextNotSubmitted,
    /// No such case.
    #[error("no case `{}` is open here", plain(.given))]
    CaseUnknown {
        /// What was given.
        given: String,
    },
    /// Not a reference of a record.
    #[error("`{}` is not the reference of a record", plain(.given))]
    RecordReference {
        /// What was given.
        given: String,
    },
    /// Not a reference of a legal hold.
    #[error("`{}` is not the reference of a legal hold", plain(.given))]
    HoldReference {
        /// What was given.
        given: String,
    },
    /// No such legal hold.
    #[error("no legal hold `{}` is here", plain(.given))]
    HoldUnknown {
        /// What was given.
        given: String,
    },
    /// A dispute of a record of one's own.
    #[error("it is a record of your own agency")]
    DisputeOfOwn,
    /// No dispute about that record.
    #[error("no dispute about that record is here")]
    NotDisputed,
    /// Something for which a reason is needed.
    #[error("nobody said why")]
    ReasonMissing,
    /// A correction that changes nothing.
    #[error("nobody said what is to be corrected")]
    NothingToCorrect,
    /// Not an agency of the agreement.
    #[error("`{}` is not a party of `{agreement}`", plain(.given))]
    NotAPartner {
        /// What was given.
        given: String,
        /// The agreement.
        agreement: String,
    },
    /// A topic that there is no help on.
    #[error("no help on `{}`", plain(.topic))]
    NoHelp {
        /// The topic.
        topic: String,
    },
    /// A file of another system that cannot be imported.
    #[error("{}", plain(&.0.to_string()))]
    Import(interop::Fault),
    /// An exported log that does not verify.
    #[error("the log does not verify: {}", plain(&.0.to_string()))]
    LogDamaged(audit::Fault),
    /// A key or a head that cannot be used.
    #[error("{}", plain(&.0.to_string()))]
    LogKey(audit::Error),
    /// Our own certificate or key cannot be used.
    #[error("`{}`: {}", shown(.file), plain(&.refused.to_string()))]
    Credentials {
        /// The file.
        file: PathBuf,
        /// Why.
        refused: CredentialsRefused,
    },
    /// The node could not be reached, or was not the right one.
    #[error("{}", plain(&.0.to_string()))]
    Dial(DialFailure),
    /// The node refused.
    #[error("{}", refusal_text(.0))]
    Refused(Refusal),
    /// A change of rules that the node refused, with the reason that stands in its program.
    #[error("{}", as_message(.why))]
    PolicyRefused {
        /// A stable code.
        code: &'static str,
        /// Why.
        why: &'static str,
        /// What to do next.
        hint: &'static str,
    },
    /// Not the name of one approval that is here.
    #[error("`{}` is not the name of one approval", plain(.given))]
    ApprovalUnknown {
        /// What was given.
        given: String,
    },
    /// Not the name of a proposal.
    #[error("`{}` is not the name of a proposal", plain(.given))]
    ProposalReference {
        /// What was given.
        given: String,
    },
    /// The node failed, or its answer made no sense.
    #[error("{}", plain(.why))]
    Node {
        /// A stable code.
        code: &'static str,
        /// Why.
        why: String,
        /// What to do next.
        hint: &'static str,
    },
    /// Combinations of labels that cannot be looked at.
    #[error("{}", plain(&.0.to_string()))]
    LabelSpace(policy::label_space::SpaceError),
    /// A paper that is not taken, or cannot be made.
    #[error("{0}")]
    Agreement(AgreementError),
    /// A key that speaks for no party of the agreement.
    #[error("this key speaks for no party of the agreement")]
    KeyOfNobody,
    /// A passphrase that does not open the key.
    #[error("the passphrase does not open the key")]
    PassphraseWrong,
    /// A passphrase that is too short.
    #[error("a passphrase has at least {least} characters")]
    PassphraseWeak {
        /// The least number.
        least: usize,
    },
    /// Two different passphrases.
    #[error("the two passphrases differ")]
    PassphraseDiffers,
    /// The operating system gave no randomness, or no thread.
    #[error("the operating system refused {0}")]
    System(&'static str),
}

impl Failure {
    /// The stable code, for JSON.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::ProfileMissing { .. } => "PROFILE_MISSING",
            Self::ProfileName { .. } => "PROFILE_NAME",
            Self::NoHome => "NO_HOME",
            Self::FileInvalid { .. } => "FILE_INVALID",
            Self::RowInvalid { .. } => "ROW_INVALID",
            Self::KeyUnknown { .. } => "KEY_UNKNOWN",
            Self::KeyMissing { .. } => "KEY_MISSING",
            Self::FileUnreadable { .. } => "FILE_UNREADABLE",
            Self::FileTooLong { .. } => "FILE_TOO_LONG",
            Self::FileUnwritable { .. } => "FILE_UNWRITABLE",
            Self::TooMany { .. } => "TOO_MANY",
            Self::ValueOnCommandLine => "VALUE_ON_COMMAND_LINE",
            Self::NobodyToAsk(_) => "NOBODY_TO_ASK",
            Self::Declined => "DECLINED",
            Self::NoValue => "NO_VALUE",
            Self::NothingToSend => "NOTHING_TO_SEND",
            Self::NothingToCompare => "NOTHING_TO_COMPARE",
            Self::RowsRefused { .. } => "ROWS_REFUSED",
            Self::InputTooLong { .. } => "INPUT_TOO_LONG",
            Self::InputNotText => "INPUT_NOT_TEXT",
            Self::InputUnreadable(_) => "INPUT_UNREADABLE",
            Self::OutputFailed(_) => "OUTPUT_FAILED",
            Self::AnswerMissing { .. } => "ANSWER_MISSING",
            Self::AnswerInvalid { .. } => "ANSWER_INVALID",
            Self::ValueRefused(refused) => refused.code(),
            Self::TextNotSubmitted => "TEXT_NOT_SUBMITTED",
            Self::CaseUnknown { .. } => "CASE_UNKNOWN",
            Self::RecordReference { .. } => "RECORD_REFERENCE",
            Self::HoldReference { .. } => "HOLD_REFERENCE",
            Self::HoldUnknown { .. } | Self::NotDisputed => "NOT_HELD",
            Self::DisputeOfOwn => "ORIGIN_MISMATCH",
            Self::ReasonMissing => "REASON_MISSING",
            Self::NothingToCorrect => "NOTHING_TO_CORRECT",
            Self::NotAPartner { .. } => "NOT_A_PARTNER",
            Self::NoHelp { .. } => "NO_HELP",
            Self::Import(_) => "IMPORT",
            Self::LogDamaged(_) => "LOG_DAMAGED",
            Self::LogKey(_) => "LOG_KEY",
            Self::Credentials { .. } => "CREDENTIALS",
            Self::Dial(_) => "DIAL",
            Self::Refused(refusal) => refusal.code.as_str(),
            Self::Node { code, .. } | Self::PolicyRefused { code, .. } => code,
            Self::ProposalReference { .. } => "PROPOSAL_REFERENCE",
            Self::ApprovalUnknown { .. } => "APPROVAL_UNKNOWN",
            Self::LabelSpace(_) => "LABEL_SPACE",
            Self::Agreement(_) => "AGREEMENT",
            Self::KeyOfNobody => "KEY_OF_NOBODY",
            Self::PassphraseWrong => "PASSPHRASE_WRONG",
            Self::PassphraseWeak { .. } => "PASSPHRASE_WEAK",
            Self::PassphraseDiffers => "PASSPHRASE_DIFFERS",
            Self::System(_) => "SYSTEM",
        }
    }

    /// The exit code.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::ProfileName { .. }
            | Self::ValueOnCommandLine
            | Self::NobodyToAsk(_)
            | Self::AnswerMissing { .. }
            | Self::AnswerInvalid { .. }
            | Self::RecordReference { .. }
            | Self::HoldReference { .. }
            | Self::ProposalReference { .. }
            | Self::ApprovalUnknown { .. }
            | Self::ReasonMissing
            | Self::NothingToCorrect
            | Self::NotAPartner { .. }
            | Self::NoHelp { .. } => Outcome::Usage,
            Self::Refused(_)
            | Self::PolicyRefused { .. }
            | Self::ValueRefused(_)
            | Self::HoldUnknown { .. }
            | Self::NotDisputed
            | Self::DisputeOfOwn => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }

    /// What the person can do next.
    pub(crate) fn hint(&self) -> String {
        let fixed = match self {
            Self::ProfileMissing { known, .. } if !known.is_empty() => {
                return format!(
                    "profiles there: {}; choose one with `--profile NAME`",
                    known.join(", ")
                );
            }
            Self::Refused(refusal) if is_in_recovery(refusal) => {
                "waiting does not end that; `malines status` says since when, your operator knows why"
            }
            Self::Refused(refusal) => message::refusal(Language::English, refusal.code).hint,
            Self::ValueRefused(refused) => message::normalisation(Language::English, *refused).hint,
            Self::Import(fault) => fault.hint(),
            Self::LogDamaged(fault) => fault.hint(),
            Self::Credentials { refused, .. } => refused.hint(),
            Self::Dial(failure) => failure.hint(),
            Self::Node { hint, .. } | Self::PolicyRefused { hint, .. } => hint,
            Self::ApprovalUnknown { .. } => {
                "take the name from `malines approvals list`, with six digits at least"
            }
            Self::ProposalReference { .. } => {
                "names look like 8d21-77; `malines policy proposals` lists them"
            }
            Self::NothingToCompare => {
                "`--dry-run --verbose` lists what was skipped, and why; numbers, accounts, links and file hashes can be compared"
            }
            Self::LabelSpace(error) => error.hint(),
            other => other.fixed_hint(),
        };
        fixed.to_owned()
    }

    const fn fixed_hint(&self) -> &'static str {
        match self {
            Self::ProfileMissing { .. } => {
                "your operator gives you one; MALINES_HOME names the folder it is in"
            }
            Self::ProfileName { .. } => "letters, digits, `-` and `_`, without `.toml`",
            Self::NoHome => "set MALINES_HOME to the folder of your profiles",
            Self::KeyUnknown { .. } | Self::FileInvalid { .. } => {
                "correct the file and run it again"
            }
            Self::RowInvalid { .. } => "correct that row; the others are not touched by it",
            Self::KeyMissing { .. } => "add the key; nothing is guessed",
            Self::FileUnreadable { .. } => "check the path and who may read it",
            Self::FileTooLong { .. } | Self::TooMany { .. } | Self::InputTooLong { .. } => {
                "cut it into several and run them one after the other"
            }
            Self::FileUnwritable { .. } => "choose a new file: nothing is written over",
            Self::ValueOnCommandLine => {
                "leave it out: the value is asked for, or comes from standard input or `--from FILE`"
            }
            Self::NobodyToAsk(Phrase::Proceed | Phrase::Send | Phrase::Correct) => {
                "look at it with `--dry-run` first, then add `--yes`"
            }
            Self::NobodyToAsk(_) => "add `--yes` if you are sure; it cannot be taken back",
            Self::Declined => "run it again when you are ready",
            Self::NoValue => "type the value, or give one per line on standard input",
            Self::NothingToSend => "correct the rows that are named above",
            Self::RowsRefused { .. } => {
                "correct the rows that are named above, or leave out `--strict`"
            }
            Self::InputNotText => "save the file as UTF-8",
            Self::InputUnreadable(_) | Self::OutputFailed(_) => {
                "check the other end of the pipe and the disk"
            }
            Self::AnswerMissing { .. } => {
                "give it as a flag, a column or a key of `--answers FILE`, or run it at a terminal"
            }
            Self::AnswerInvalid { .. } => "add `--help` to the command to see the values",
            Self::TextNotSubmitted => {
                "submit its numbers, handles, links and files; this release does not compare texts of advertisements between agencies"
            }
            Self::CaseUnknown { .. } => {
                "`malines case list` shows them, and until when each is open"
            }
            Self::RecordReference { .. } => {
                "give at least six digits of it, for example `R-5f2a91c0`"
            }
            Self::HoldReference { .. } => {
                "`malines hold list` shows them; give at least six digits, like `H-20b41f07`"
            }
            Self::HoldUnknown { .. } => {
                "`malines hold list` shows them; one that was lifted is only in the audit log"
            }
            Self::DisputeOfOwn => {
                "correct it with `malines correct`, or take it back with `malines withdraw`"
            }
            Self::NotDisputed => "`malines dispute list` shows them",
            Self::ReasonMissing => "add `--reason`, or run it at a terminal",
            Self::NothingToCorrect => {
                "say what changes as a flag, like `--tlp AMBER`, or in `--answers FILE`"
            }
            Self::NotAPartner { .. } => "`malines status` shows the parties of each agreement",
            Self::NoHelp { .. } => "topics: analyst, prosecutor, operator, oversight, or a command",
            Self::LogKey(_) => {
                "give the whole line of the agency's audit key, as its operator published it"
            }
            _ => self.hint_of_papers(),
        }
    }

    /// The same for agreements and for keys of people.
    const fn hint_of_papers(&self) -> &'static str {
        match self {
            Self::Agreement(AgreementError::MayNot(_)) => {
                "another key, a delegation or a wider certificate is needed: `malines agreement certify`"
            }
            Self::Agreement(AgreementError::Inconsistent(_)) => "mend the terms and run it again",
            Self::Agreement(_) => {
                "nothing was filed; compare with `malines agreement status` and the other parties"
            }
            Self::KeyOfNobody => {
                "name the authority's key with `--key`, or have yours certified: `malines agreement certify`"
            }
            Self::PassphraseWrong => "try again; nobody can open the key without it",
            Self::PassphraseWeak { .. } => "several words that nobody would put together",
            Self::PassphraseDiffers => "type it twice alike; the file is as it was",
            _ => "try again; if it stays, tell your operator",
        }
    }
}

/// Did a node refuse because it was restored from a backup?
fn is_in_recovery(refusal: &Refusal) -> bool {
    refusal.code == RefusalCode::Unavailable
        && refusal.rule.as_deref().is_some_and(|rule| rule.starts_with("recovery: "))
}

fn refusal_text(refusal: &Refusal) -> String {
    let text = message::refusal(Language::English, refusal.code).text;
    match &refusal.rule {
        Some(rule) => format!("{}: {text} (rule {})", refusal.code, plain(rule)),
        None => format!("{}: {text}", refusal.code),
    }
}

fn shown(path: &std::path::Path) -> String {
    plain(&path.display().to_string())
}

/// A sentence of the program as messages are written: no capital at its start, no full stop.
fn as_message(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    let rest = characters.as_str().trim_end_matches('.');
    first.into_iter().chain(rest.chars()).collect()
}

fn line_text(line: u64) -> String {
    if line == 0 { String::new() } else { format!(", line {line}") }
}

fn nearest_text(nearest: &Option<&'static str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// The operating system's reason, as people say it.
fn io_text(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "you may not".to_owned(),
        io::ErrorKind::AlreadyExists => "it exists already".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => kind.to_string(),
    }
}
