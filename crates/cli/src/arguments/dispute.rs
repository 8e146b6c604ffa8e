//! What can be typed about records that are wrong.

use super::Words;
use clap::{ArgGroup, Args, Subcommand};
use domain::dispute::{DisputeReason, RejectionReason};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
`malines dispute RECORD` says that a partner's record is wrong: nothing here matches with it from now on, and its originator is \
told as soon as it can be reached. It answers within 72 hours. Matching stops elsewhere when the originator agrees, or when two \
other agencies dispute the record too; nobody but the originator learns who disputes.\n\
The note travels: no name, number, link or address in it. A record of your own is corrected or withdrawn instead.\n\
Analysts dispute; magistrates, deputies and data-protection officers answer.\n\
JSON: record_id, origin, due, repeated, audit_sequence")]
pub(crate) struct Dispute {
    #[command(subcommand)]
    pub(crate) command: Option<DisputeCommand>,
    /// The reference of a partner's record, for example R-5f2a91c0
    #[arg(value_name = "RECORD", required = true)]
    pub(crate) record: Option<String>,
    /// The case in which it was seen to be wrong
    #[arg(long, value_name = "C-n", required = true)]
    pub(crate) case: Option<String>,
    /// What is wrong with it
    #[arg(long, value_name = "REASON", required = true, value_parser = Words::of("dispute reason", DisputeReason::WORDS))]
    pub(crate) reason: Option<String>,
    /// At most 200 characters for the originator; nothing that names somebody
    #[arg(long, value_name = "NOTE")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DisputeCommand {
    /// List the disputes you raised, and the open ones about your records
    #[command(after_help = "\
JSON: disputes [side (RAISED, RECEIVED), partner, agreement, record_id, version, reason, note, at, due, overdue, \
state (WAITING, OPEN, UPHELD, REJECTED), rejection, answer_note]")]
    List,
    /// Answer the disputes about a record of your own
    #[command(group = ArgGroup::new("verdict").required(true).args(["uphold", "reject"]), after_help = "\
Upheld: nobody matches with the record until you correct it or withdraw it, which you then owe within 7 days. Rejected: it is \
matched again, but by those who disputed it; they decide. All open disputes about the record are answered at once.\n\
JSON: record_id, verdict, told, version, matching (DISPUTED while it is stopped), audit_sequence")]
    Answer {
        /// The reference of a record of your own, for example R-5f2a91c0
        #[arg(value_name = "RECORD")]
        record: String,
        /// They are right: it will be corrected or withdrawn
        #[arg(long)]
        uphold: bool,
        /// They are not, because
        #[arg(long, value_name = "REASON", value_parser = Words::of("rejection reason", RejectionReason::WORDS))]
        reject: Option<String>,
        /// At most 200 characters for those who dispute; nothing that names somebody
        #[arg(long, value_name = "NOTE")]
        note: Option<String>,
        /// Go on without asking
        #[arg(long)]
        yes: bool,
    },
    /// Match with a record again that you disputed, after its originator answered
    #[command(after_help = "JSON: record_id, audit_sequence")]
    Lift {
        /// The reference of the record, for example R-5f2a91c0
        #[arg(value_name = "RECORD")]
        record: String,
        /// Go on without asking
        #[arg(long)]
        yes: bool,
    },
}
