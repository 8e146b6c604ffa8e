//! What can be typed: commands, flags, their help, and the words they take.

mod agreement;
mod approval;
mod policy;
mod record;

pub(crate) use agreement::{
    AgreementCommand, Direction, KeyCommand, OptionalPlace, Place, ROLES, Signing, Text,
};
mod court_use;
mod dispute;
mod duty;

pub(crate) use approval::{ApprovalsCommand, Approve};
pub(crate) use court_use::JudicialUse;
pub(crate) use dispute::{Dispute, DisputeCommand};
pub(crate) use duty::Duties;
pub(crate) use policy::{Explain, PolicyCommand, Scope};
pub(crate) use record::{Correct, Erase, History, HoldCommand};

use clap::builder::{PossibleValue, StyledStr, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueHint};
use domain::value::{
    ActionIntent, Age, Basis, ContentClass, Depicts, Handling, Media, Offence, Onward, Pap,
    Platform, Purpose, Role, Subject, Tlp, Urgency,
};
use std::ffi::OsStr;
use std::path::PathBuf;

use crate::given::Given;

/// The most values of one flag.
const FLAG_VALUES_MAX: usize = 64;

/// Heads the flags that every command takes.
const EVERYWHERE: &str = "Everywhere";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "malines",
    version,
    about = "Share and compare hashed indicators about migrant smugglers, under signed agreements",
    long_about = "Share and compare hashed indicators about migrant smugglers, under signed agreements.\n\n\
        Values of people (numbers, handles, accounts) come from a prompt, standard input or a file. They are \
        normalised and digested on this machine and never leave it.",
    after_help = "Your commands by role: `malines help ROLE`, ROLE being analyst,\n\
        prosecutor, clerk, operator, policy-officer, data-protection-officer or oversight\n\
        Exit codes: 0 done or a match, 1 no match, 2 failed, 3 refused, 4 incomplete, 64 usage",
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    /// Print JSON with stable keys and codes instead of text
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// The profile that says which node to talk to
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "NAME", default_value = "default")]
    pub(crate) profile: String,
    /// Show more: versions, tiers, classes
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open a case, or list those of your agency
    #[command(subcommand)]
    Case(CaseCommand),
    /// Submit an indicator, or a list of them
    Submit(Box<Submit>),
    /// Import what another system exported
    #[command(subcommand)]
    Import(ImportCommand),
    /// Ask the own index and the partners about a value
    Query(Query),
    /// List what matched so far
    Hits(Hits),
    /// Take a record of your own agency back, for ever
    Withdraw(Withdraw),
    /// Correct a record of your own agency: a new version supersedes
    Correct(Box<Correct>),
    /// Show the versions of a record of your own agency
    History(History),
    /// Keep a record for a proceeding, list what is kept, let it go
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Sign that one record goes to one partner
    Approve(Box<Approve>),
    /// List what waits for approvals, and take one back
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Ask whether a record may be used in court, in a case
    JudicialUse(JudicialUse),
    /// Erase records here: what they say is forgotten
    Erase(Erase),
    /// Say that a partner's record is wrong, list and answer disputes
    Dispute(Dispute),
    /// Show who has not answered, and whom we have not answered
    Duties(Duties),
    /// Show how the node, its agreements and its partners are
    Status,
    /// Draft, sign, read, amend, suspend and leave agreements
    #[command(subcommand)]
    Agreement(Box<AgreementCommand>),
    /// Protect a key file of an authority or an officer with a passphrase
    #[command(subcommand)]
    Key(KeyCommand),
    /// Read, export and verify the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check, test, explain, compare, sign and activate rules
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Show what a value becomes, without a node
    Normalise(Normalise),
    /// Print the completions for a shell
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Show what a role mostly needs, or the help of a command
    Help {
        /// A role (analyst, prosecutor, clerk, operator, policy-officer, data-protection-officer, oversight) or a command
        #[arg(value_name = "TOPIC")]
        topic: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    /// Fix agreement, clause, purpose, offence and reference once
    #[command(
        after_help = "JSON: case_id, number, name, agreement, clause, purpose, offence, reference, opened_at, open_until"
    )]
    Open {
        /// The reference of the national proceeding; it never leaves your node
        #[arg(long = "ref", value_name = "REFERENCE")]
        reference: String,
        /// The agreement, for example malines-2026
        #[arg(long, value_name = "AGREEMENT")]
        agreement: String,
        /// The clause you rely on, for example 4.2
        #[arg(long, value_name = "CLAUSE")]
        clause: String,
        /// What it is for
        #[arg(long, value_name = "PURPOSE", value_parser = Words::of("purpose", Purpose::WORDS))]
        purpose: String,
        /// What it is about
        #[arg(long, value_name = "OFFENCE", value_parser = Words::of("offence", Offence::WORDS))]
        offence: String,
        /// For how many days it is open, 1 to 366
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = days)]
        days: u32,
    },
    /// List the cases of your agency, the closed ones too
    #[command(after_help = "JSON: cases [as in `case open`]")]
    List,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Columns of a list (CSV with a heading, or one JSON object per line): kind, value, account, and any key of an answers file. \
Rows with the same text in `account` are identifiers of one account. A list in a cell is separated by `;`.\n\
Keys of an answers file (TOML): agreement, purposes, offences, tlp, pap, handling, evaluation, basis, subject, age, \
presumed_adult_reason, depicts, benefit, audience, onward, valid_days, review_days, role, media, class, linked_ad, platform, \
region, handle_from, handle_until, observed_first, observed_last, action_intent, exercise. What is not said takes the strictest value: TLP RED, PAP RED, \
audience nobody, onward NEVER, evaluation EUROPOL_4X4 X4, basis ASSESSMENT; it ends after 180 days, with a review after 90.\n\
The same list submitted twice under the same certificate key and agreement is recorded once; so is one thing with the same \
case and answers.\n\
The text of an advertisement is not submitted: this release compares its links, invite codes, numbers, handles and files.\n\
JSON: dry_run, counts [accepted, repeated, refused], results [place, kind, and record_id, version, repeated, audit_sequence, outlook, matches, or code, rule]")]
pub(crate) struct Submit {
    /// What it is
    #[arg(value_name = "KIND", value_parser = Words::of("kind", Given::WORDS), required_unless_present = "from")]
    pub(crate) kind: Option<String>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The case it belongs to: gives agreement, purpose and offence
    #[arg(long, value_name = "C-n")]
    pub(crate) case: Option<String>,
    /// Answers for all rows, from a TOML file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) answers: Option<PathBuf>,
    /// Send nothing if a row cannot be used
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
    #[command(flatten)]
    pub(crate) flags: AnswerFlags,
}

/// Where values come from.
#[derive(Default, Args)]
pub(crate) struct Source {
    /// Read from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,
    /// An invented value; only if the profile says `demo = true`
    #[arg(long, value_name = "VALUE", conflicts_with = "from")]
    pub(crate) value: Option<String>,
    /// The country that numbers without `+` are dialled in
    #[arg(long, value_name = "COUNTRY")]
    pub(crate) region: Option<String>,
    /// The platform of a handle, a numeric id, a channel or an invite code
    #[arg(long, value_name = "PLATFORM", value_parser = Words::of("platform", Platform::WORDS), hide_possible_values = true)]
    pub(crate) platform: Option<String>,
}

impl core::fmt::Debug for Source {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Source(..)")
    }
}

/// Whether to go on without asking.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Consent {
    /// Say what would happen and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Go on without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Answers given as flags; they win over an answers file, and a row of a list wins over both.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Answers")]
pub(crate) struct AnswerFlags {
    /// The agreement, unless a case names it
    #[arg(long, value_name = "AGREEMENT")]
    agreement: Option<String>,
    /// What it may be used for; may be repeated
    #[arg(long = "purpose", value_name = "PURPOSE", value_parser = Words::of("purpose", Purpose::WORDS))]
    purposes: Vec<String>,
    /// What it is about; may be repeated
    #[arg(long = "offence", value_name = "OFFENCE", value_parser = Words::of("offence", Offence::WORDS))]
    offences: Vec<String>,
    /// How far it may travel
    #[arg(long, value_name = "TLP", value_parser = Words::of("TLP marking", Tlp::WORDS))]
    tlp: Option<String>,
    /// What may be done with it
    #[arg(long, value_name = "PAP", value_parser = Words::of("PAP marking", Pap::WORDS))]
    pap: Option<String>,
    /// A handling code; may be repeated
    #[arg(long, value_name = "CODE", value_parser = Words::of("handling code", Handling::WORDS))]
    handling: Vec<String>,
    /// Scheme, source and credibility, for example "EUROPOL_4X4 B2" or "ADMIRALTY C3"
    #[arg(long, value_name = "EVALUATION")]
    evaluation: Option<String>,
    /// Fact or assessment
    #[arg(long, value_name = "BASIS", value_parser = Words::of("basis", Basis::WORDS))]
    basis: Option<String>,
    /// Whose account or act it is
    #[arg(long, value_name = "SUBJECT", value_parser = Words::of("subject", Subject::WORDS))]
    subject: Option<String>,
    /// That person's age
    #[arg(long, value_name = "AGE", value_parser = Words::of("age", Age::WORDS))]
    age: Option<String>,
    /// Why a presumed adult is one; stays in your node
    #[arg(long, value_name = "REASON")]
    presumed_adult_reason: Option<String>,
    /// Who is pictured
    #[arg(long, value_name = "WHO", value_parser = Words::of("depicts value", Depicts::WORDS))]
    depicts: Option<String>,
    /// How you know that money or another benefit is asked
    #[arg(long, value_name = "GROUND")]
    benefit: Option<String>,
    /// An agency that may ever get it; may be repeated; nobody if not said
    #[arg(long, value_name = "AGENCY")]
    audience: Vec<String>,
    /// Whether it may be passed on
    #[arg(long, value_name = "RULE", value_parser = Words::of("onward rule", Onward::WORDS))]
    onward: Option<String>,
    /// In how many days it ends
    #[arg(long, value_name = "DAYS")]
    valid_days: Option<String>,
    /// In how many days a person must look at it again
    #[arg(long, value_name = "DAYS")]
    review_days: Option<String>,
    /// What the account does for the business
    #[arg(long, value_name = "ROLE", value_parser = Words::of("role", Role::WORDS))]
    role: Option<String>,
    /// The medium of a file
    #[arg(long, value_name = "MEDIUM", value_parser = Words::of("medium", Media::WORDS))]
    media: Option<String>,
    /// What the content of a file is
    #[arg(long, value_name = "CLASS", value_parser = Words::of("content class", ContentClass::WORDS))]
    class: Option<String>,
    /// The record of the advertisement that a picture belongs to: one of a file, of your agency; for PROOF_OF_CROSSING and ABUSE_OF_PERSON
    #[arg(long, value_name = "RECORD")]
    linked_ad: Option<String>,
    /// The day from which a recycled handle or number was the advertiser's, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    handle_from: Option<String>,
    /// The last day on which it was, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    handle_until: Option<String>,
    /// The day it was first seen, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    observed_first: Option<String>,
    /// The day it was last seen, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    observed_last: Option<String>,
    /// What you intend to do; stays in your node
    #[arg(long, value_name = "INTENT", value_parser = Words::of("action intent", ActionIntent::WORDS))]
    action_intent: Option<String>,
    /// Training data, kept apart for ever
    #[arg(long)]
    exercise: bool,
}

impl AnswerFlags {
    /// The keys and values that were given.
    pub(crate) fn given(&self) -> Vec<(&'static str, Vec<String>)> {
        let one = |key, value: &Option<String>| (key, value.iter().cloned().collect::<Vec<_>>());
        let many = |key, values: &[String]| {
            (key, values.iter().take(FLAG_VALUES_MAX).cloned().collect::<Vec<_>>())
        };
        let exercise = if self.exercise { vec!["true".to_owned()] } else { Vec::new() };
        let all = vec![
            one("agreement", &self.agreement),
            many("purposes", &self.purposes),
            many("offences", &self.offences),
            one("tlp", &self.tlp),
            one("pap", &self.pap),
            many("handling", &self.handling),
            one("evaluation", &self.evaluation),
            one("basis", &self.basis),
            one("subject", &self.subject),
            one("age", &self.age),
            one("presumed_adult_reason", &self.presumed_adult_reason),
            one("depicts", &self.depicts),
            one("benefit", &self.benefit),
            many("audience", &self.audience),
            one("onward", &self.onward),
            one("valid_days", &self.valid_days),
            one("review_days", &self.review_days),
            one("role", &self.role),
            one("media", &self.media),
            one("class", &self.class),
            one("linked_ad", &self.linked_ad),
            one("handle_from", &self.handle_from),
            one("handle_until", &self.handle_until),
            one("observed_first", &self.observed_first),
            one("observed_last", &self.observed_last),
            one("action_intent", &self.action_intent),
            ("exercise", exercise),
        ];
        all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Import events that MISP exported
    #[command(after_help = "\
With `--dry-run` nothing is sent and no node is needed. A marking in the file can become stricter, never looser; what is \
unmarked is TLP RED until the labels file says otherwise. Skipped attributes are listed with their reasons under `--verbose`.\n\
JSON: form, dry_run, events [uuid, counts, by_kind, notes, candidates [place, kind, tlp, marked, code], skipped [place, reason, rule]], results as in `submit`")]
    Misp {
        /// The file, or `-` for standard input
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// What a person decided: a TOML file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "dry_run")]
        labels: Option<PathBuf>,
        /// The case it belongs to
        #[arg(long, value_name = "C-n")]
        case: Option<String>,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without `--ask`, identifiers of people are asked of every other party of the case's agreement, because they are never copied; \
other kinds are looked up in the copies held here.\n\
Exit codes: 0 a match, 1 everybody answered and nothing matched, 3 everybody refused, 4 somebody refused or did not answer \
and nothing matched.\n\
JSON: case, dry_run, values [line, kind], held [matches], answers [agency, kind, answer, code, note, as_of, matches], audit_sequences")]
pub(crate) struct Query {
    /// What it is
    #[arg(value_name = "KIND", value_parser = Words::of("kind", Given::WORDS))]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The case it is asked for
    #[arg(long, value_name = "C-n")]
    pub(crate) case: String,
    /// The partners to ask, separated by commas; `nobody` looks only at what is held here
    #[arg(long, value_name = "AGENCIES", value_delimiter = ',')]
    pub(crate) ask: Option<Vec<String>>,
    /// How soon
    #[arg(long, value_name = "URGENCY", default_value = "NORMAL", value_parser = Words::of("urgency", Urgency::WORDS))]
    pub(crate) urgency: String,
    /// Training data only
    #[arg(long)]
    pub(crate) exercise: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Args)]
#[command(
    after_help = "JSON: hits [origin, found_at, case_id, record_id, and the keys of a match]"
)]
pub(crate) struct Hits {
    /// Those of one case only
    #[arg(long, value_name = "C-n")]
    pub(crate) case: Option<String>,
    /// At most so many, newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 256, value_parser = limit)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "JSON: record_id, audit_sequence, partners")]
pub(crate) struct Withdraw {
    /// The reference of the record, for example R-5f2a91c0
    #[arg(value_name = "RECORD")]
    pub(crate) record: String,
    /// Go on without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print the signed head of the log
    #[command(after_help = "JSON: note")]
    Head,
    /// Write the log to a file that can be verified without a node
    #[command(after_help = "JSON: file, bytes")]
    Export {
        /// A new file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        to: PathBuf,
    },
    /// Verify an exported log, without a node
    #[command(
        after_help = "JSON: verified, agency, size, root, start, frames, items, open_parts, closed_parts, heads, first, last, time_reversals; or verified, place, error"
    )]
    Verify {
        /// The exported log
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// A file with the audit keys of the agency, one line each
        #[arg(long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
        keys: Vec<PathBuf>,
        /// A signed head known from elsewhere that the log must pass through; may be repeated
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        head: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
At a terminal one value is asked for; from a pipe or a file every line is a value. A text is taken as a whole.\n\
JSON: results [line, and kind, platform, tier, masked, normalisation, digest with --show-digest, or code]")]
pub(crate) struct Normalise {
    /// What it is
    #[arg(value_name = "KIND", value_parser = Words::of("kind", Given::WORDS))]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Show the digest too; it counts as the value itself
    #[arg(long)]
    pub(crate) show_digest: bool,
}

fn days(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|days| (1..=366).contains(days)).ok_or("a number of days, 1 to 366")
}

fn limit(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|limit| (1..=4096).contains(limit)).ok_or("a number, 1 to 4096")
}

/// Takes one of the words of a closed list, in any usual spelling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    what: &'static str,
    words: &'static [&'static str],
}

impl Words {
    pub(crate) const fn of(what: &'static str, words: &'static [&'static str]) -> Self {
        Self { what, words }
    }
}

impl TypedValueParser for Words {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        let given = value.to_string_lossy();
        let same = |word: &&&str| normal(word) == normal(&given);
        self.words.iter().find(same).map(|word| (*word).to_owned()).ok_or_else(|| {
            let cut: String = given.chars().take(64).collect();
            let nearest = crate::config::nearest(&cut.replace('-', "_"), self.words);
            let text = format!("`{}` is not a {}", crate::console::plain(&cut), self.what);
            let tip = match nearest.or_else(|| self.nearest_upper(&cut)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("known: {}", self.words.join(", ")),
            };
            let message = format!("{text}\n\n  tip: {tip}\n");
            clap::Error::raw(ErrorKind::ValueValidation, StyledStr::from(message)).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().map(|word| PossibleValue::new(*word))))
    }
}

impl Words {
    /// The nearest of words in capitals, however the given word is written.
    fn nearest_upper(&self, given: &str) -> Option<&'static str> {
        let given = normal(given);
        let distance = |word: &str| strsim::damerau_levenshtein(&normal(word), &given);
        let nearest = self.words.iter().copied().min_by_key(|word| distance(word))?;
        (distance(nearest) <= nearest.len().div_ceil(3)).then_some(nearest)
    }
}

fn normal(word: &str) -> String {
    word.trim().to_ascii_uppercase().replace(['-', ' ', '+'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_answer_has_a_flag_or_is_part_of_the_source() {
        let submit = Arguments::command();
        let submit = submit.find_subcommand("submit").unwrap();
        for key in crate::answers::KEYS {
            let singular = key.trim_end_matches('s');
            let is_flag = submit.get_arguments().any(|argument| {
                let long = argument.get_long().unwrap_or_default().replace('-', "_");
                long == *key || long == singular
            });
            assert!(is_flag, "{key}");
        }
    }
}
