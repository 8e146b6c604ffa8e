//! What can be typed about a record that is there: correct it, look at its versions, hold it, erase it.

use super::{AnswerFlags, Consent, Words};
use clap::{Args, Subcommand, ValueHint};
use domain::hold::HoldGround;
use std::path::PathBuf;

/// The most records of one `erase`.
pub(crate) const ERASURES_MAX: usize = domain::report::ERASURES_MAX;

// What a correction cannot change is refused with the reason, and not offered.
#[derive(Debug, Args)]
#[command(mut_args(|flag| match flag.get_id().as_str() {
    "agreement" | "media" | "linked_ad" | "handle_from" | "handle_until" | "action_intent" | "exercise" => {
        flag.hide(true)
    }
    "audience" => {
        flag.help("An agency that may ever get it; may be repeated, and replaces the list; `nobody` empties it")
    }
    _ => flag,
}))]
#[command(after_help = "\
A correction is a new signed version: it reaches every partner that may see the record, and supersedes there. What the thing \
is, whose record it is and its agreement never change; submit a different thing as a new record, and withdraw this one.\n\
Keys that can be corrected, as flags or in an answers file: purposes, offences, tlp, pap, handling, evaluation, basis, subject, \
age, presumed_adult_reason, depicts, benefit, audience (`nobody` empties it), onward, observed_first, observed_last, valid_days, \
review_days, role, class. What is not said stays as it is; at a terminal it is asked for.\n\
Analysts correct.\n\
JSON: record_id, version, dry_run, repeated, audit_sequence, differences [key, before, after], outlook as in `submit`, told")]
pub(crate) struct Correct {
    /// The reference of the record, for example R-5f2a91c0
    #[arg(value_name = "RECORD")]
    pub(crate) record: String,
    /// The case it is done for
    #[arg(long, value_name = "C-n")]
    pub(crate) case: String,
    /// Why, in 1 to 1000 characters; kept sealed in your node
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// What changes, from a TOML file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) answers: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) consent: Consent,
    #[command(flatten)]
    pub(crate) flags: AnswerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = "\
JSON: record_id, versions [version, made_at, officer, reason, case_id, differences [key, before, after]]")]
pub(crate) struct History {
    /// The reference of the record, for example R-5f2a91c0
    #[arg(value_name = "RECORD")]
    pub(crate) record: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Keep a record for a proceeding, whatever time and its owner do
    #[command(after_help = "\
A record under a hold is not erased: not when it expires, not when its owner withdraws it, not by `malines erase`. Once it has \
expired or is withdrawn it matches nothing and is not shared; it is read with `malines hold show`, for that proceeding only.\n\
Magistrates, deputies and data-protection officers place holds; name who ordered it.\n\
JSON: hold_id, record_id, audit_sequence")]
    Place {
        /// The reference of the record, your own or a partner's, for example R-5f2a91c0
        #[arg(value_name = "RECORD")]
        record: String,
        /// The case that stands for the proceeding
        #[arg(long, value_name = "C-n")]
        case: String,
        /// Why, in 1 to 1000 characters; kept sealed in your node
        #[arg(long, value_name = "REASON")]
        reason: String,
        /// The day on which a person must look at it again, at most a year from now
        #[arg(long, value_name = "YYYY-MM-DD")]
        review: String,
        /// Who ordered it, in 1 to 200 characters
        #[arg(long, value_name = "AUTHORITY")]
        authority: String,
        /// On which ground; a receipt of erasure tells it to the owner
        #[arg(long, value_name = "GROUND", default_value = "EVIDENCE_IN_PROCEEDINGS", value_parser = Words::of("hold ground", HoldGround::WORDS))]
        ground: String,
    },
    /// List the holds, with those that are due for review
    #[command(after_help = "\
JSON: holds [hold_id, record_id, origin, agreement, case_id, reason, authority, review_at, review_due, placed_at, placed_by, ground, \
state (IN_USE, EXPIRED, WITHDRAWN)]")]
    List,
    /// Read a record under its hold, for that proceeding only
    #[command(after_help = "JSON: hold as in `hold list`, version, made_at, says [key, value]")]
    Show {
        /// The reference of the hold, for example H-20b41f07
        #[arg(value_name = "HOLD")]
        hold: String,
    },
    /// End a hold: time and the owner take their course again
    #[command(after_help = "\
What the hold said - who ordered it, and why - goes with it; the audit log keeps who lifted it, when and why.\n\
Magistrates, deputies and data-protection officers lift holds.\n\
JSON: hold_id, record_id, audit_sequence")]
    Lift {
        /// The reference of the hold, for example H-20b41f07
        #[arg(value_name = "HOLD")]
        hold: String,
        /// Why, in 1 to 1000 characters; written into the audit log of your node
        #[arg(long, value_name = "REASON")]
        reason: String,
        /// Go on without asking
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
A record of your own agency is withdrawn first, so that partners are told; they keep theirs until they hear of it. A copy of a \
partner's record is forgotten here alone; a later version of it, once its owner corrects it, comes again. Records under a legal hold are refused, and the hold is named.\n\
What remains here: the random id, the class of its labels, and the entries of the audit log. The bytes leave the disk within \
24 hours.\n\
Magistrates, deputies and data-protection officers erase.\n\
JSON: results [record, and record_id, origin, told, audit_sequence, or code, rule]")]
pub(crate) struct Erase {
    /// References of records, for example R-5f2a91c0
    #[arg(value_name = "RECORD", required = true, num_args = 1..=ERASURES_MAX)]
    pub(crate) records: Vec<String>,
    /// Why, in 1 to 1000 characters; written into the audit log of your node
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: String,
    /// Go on without asking
    #[arg(long)]
    pub(crate) yes: bool,
}
