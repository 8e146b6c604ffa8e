//! What can be typed after `malines policy`.

use super::Words;
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// The actions that rules decide.
const ACTIONS: &[&str] = &["Submit", "Share", "Receive", "Ask", "Answer", "Show"];

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check rules: do they load, and can each of them ever decide
    #[command(after_help = "\
A folder holds `common.cedar`, the common floor, and one file for each country; without it the floor of this release is used.\n\
Exit codes: 0 nothing to mend, 1 a rule that can never decide, 2 a file that cannot be used.\n\
JSON: files [file, rules, floor_hash, policy_hash, findings [rule, code, text]]")]
    Check {
        /// Folders or files
        #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        scope: Scope,
    },
    /// Run the tests that stand beside rules, in label words
    #[command(after_help = "\
Tests are the TOML files of `FOLDER/tests`.\n\
Exit codes: 0 every test passed, 1 a test failed, 2 a file that cannot be used.\n\
JSON: tests [file, name, passed, expected, decided, rules], coverage [file, rules, never [rule]]")]
    Test {
        /// The folder of the rules
        #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
    /// Say why something is allowed or not, and what would change that
    Explain(Explain),
    /// Show over all combinations of labels that something is never allowed
    #[command(after_help = "\
Without a claim, every claim of this release is proved. Own claims stand in a TOML file, see docs/policy.md.\n\
Exit codes: 0 all hold, 1 one is false and its counterexample is shown, 2 a file that cannot be used.\n\
JSON: proofs [file, claim, sentence, holds, about_something, combinations, counterexample [labels, decision, rules]]")]
    Prove {
        /// The rules: a folder or a file
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        path: PathBuf,
        /// Names of claims, for example no-red-automated
        #[arg(value_name = "CLAIM")]
        claims: Vec<String>,
        /// Own claims, from a TOML file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        own_claims: Option<PathBuf>,
        #[command(flatten)]
        scope: Scope,
    },
    /// Compare two policies: what would newly leave, stop or need an approval
    #[command(after_help = "\
NARROWS, WIDENS or SAME is decided over all combinations of labels, not over the records that are held: what opens anything widens.\n\
JSON: files [file, change, combinations, opened, closed, difference_hash, partners [partner, way, would_leave, would_stop, \
needs_approval, minors, victims, red, because [rule, records]], examples [change, labels, before, after]]")]
    Diff {
        /// The policy before: a folder or a file; alone, it is the policy after, and the one before is
        /// in force at your node
        #[arg(value_name = "OLD", value_hint = ValueHint::AnyPath)]
        old: PathBuf,
        /// The policy after
        #[arg(value_name = "NEW", value_hint = ValueHint::AnyPath)]
        new: Option<PathBuf>,
        /// How many records are held of each class: a JSON file; your node counts its own
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "new")]
        counts: Option<PathBuf>,
        #[command(flatten)]
        scope: Scope,
    },
    /// Say who could get a record now, and who is granted it
    #[command(after_help = "\
Your node decides it as it decides everything that moves: by its rules, the agreement and what its program never allows.\n\
GRANTED is what the partner was last told that it may fetch; NO beside ALLOW: it has not asked since.\n\
JSON: record_id, expired, agreement, partners [partner, granted, ways [way, decision, authority, persons, rules [rule, layer, \
law, reason]]]")]
    Who {
        /// The reference of the record, for example R-5f2a91c0
        #[arg(value_name = "RECORD")]
        record: String,
    },
    /// Say why a partner does not get a record, and what would change that
    #[command(after_help = "\
JSON: as `policy who` for one partner; each of ways also has would_change, and nearest [rule, failed] for what no rule permits")]
    WhyNot {
        /// The reference of the record, for example R-5f2a91c0
        #[arg(value_name = "RECORD")]
        record: String,
        /// The partner
        #[arg(value_name = "PEER")]
        peer: String,
    },
    /// List the changes of rules that wait for signatures
    #[command(after_help = "\
JSON: proposals [proposal, change, from, to, signed_by, signatures_needed, proposed_at, open_until]")]
    Proposals,
    /// Propose new rules, with the first signature
    #[command(after_help = "\
What the change does is shown first, over all combinations of labels and in records held at your node; your signature is bound \
to exactly that. Narrowing takes one signature, widening two of different officers; your node finds out which it is.\n\
Policy officers, magistrates and deputies sign, with the signing key of their profile.\n\
JSON: as an entry of `policy proposals`")]
    Propose {
        /// The rules: a file, or a folder with a file named after your country
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        path: PathBuf,
        /// Sign without asking
        #[arg(long)]
        yes: bool,
    },
    /// Add your signature to a proposal
    #[command(after_help = "\
The change is weighed on this machine again, against what your node holds now, before you sign.\n\
JSON: as an entry of `policy proposals`")]
    Sign {
        /// The name of the proposal, for example 8d21-77
        #[arg(value_name = "PROPOSAL")]
        proposal: String,
        /// Sign without asking
        #[arg(long)]
        yes: bool,
    },
    /// Put a proposal in force that has its signatures
    #[command(after_help = "\
Your node weighs the change once more: if the rules in force or the counts are others than those that were signed for, nothing \
happens, and it is to be proposed again.\n\
JSON: change, policy_hash, signed_by, audit_sequence")]
    Activate {
        /// The name of the proposal, for example 8d21-77
        #[arg(value_name = "PROPOSAL")]
        proposal: String,
        /// Go on without asking
        #[arg(long)]
        yes: bool,
    },
    /// Go back to the rules that were in force before
    #[command(after_help = "\
Going back is a change like any other: if it narrows, your signature is enough and it is done at once; if it widens, it is a \
proposal that waits for the signature of a second officer.\n\
JSON: as `policy activate`, or as an entry of `policy proposals` while a signature is missing")]
    Rollback {
        /// Sign without asking
        #[arg(long)]
        yes: bool,
    },
    /// Stop all sharing at once: nothing is sent, shown, answered or asked
    #[command(after_help = "\
One signature is enough. Partners are told that nothing is granted any more, and drop their copies. Your officers can still \
hand in records, and what partners send is still taken. `policy rollback` lifts it, which widens: two signatures.\n\
JSON: as `policy activate`")]
    Freeze {
        /// Go on without asking
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Labels that are not given are those of an ordinary link: AMBER, of a suspect, stated by us for everybody.\n\
JSON: explanations [name, labels, decision, authority, persons, rules [rule, layer, law, reason], opens_with, nearest]")]
pub(crate) struct Explain {
    /// The rules of one country
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// What is to happen
    #[arg(long, value_name = "ACTION", value_parser = Words::of("action", ACTIONS), required_unless_present = "question")]
    pub(crate) action: Option<String>,
    /// Whose rules they are
    #[arg(long, value_name = "AGENCY")]
    pub(crate) own: Option<String>,
    /// The other side
    #[arg(long, value_name = "AGENCY")]
    pub(crate) peer: Option<String>,
    /// The terms of the agreement, for the parties and their transfer bases
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) agreement: Option<PathBuf>,
    /// A label, as KEY=WORD or KEY=WORD,WORD; may be repeated
    #[arg(long = "label", value_name = "KEY=WORD")]
    pub(crate) labels: Vec<String>,
    /// Questions from a test file instead
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["action", "own", "peer", "labels", "agreement"])]
    pub(crate) question: Option<PathBuf>,
}

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct Scope {
    /// Look at some words of a label only, as KEY=WORD or KEY=WORD,WORD; may be repeated
    #[arg(long = "only", value_name = "KEY=WORD")]
    pub(crate) only: Vec<String>,
}
