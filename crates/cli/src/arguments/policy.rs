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
        /// The policy before: a folder or a file
        #[arg(value_name = "OLD", value_hint = ValueHint::AnyPath)]
        old: PathBuf,
        /// The policy after
        #[arg(value_name = "NEW", value_hint = ValueHint::AnyPath)]
        new: PathBuf,
        /// How many records are held of each class: a JSON file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        counts: Option<PathBuf>,
        #[command(flatten)]
        scope: Scope,
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
