//! What can be typed after `malines approve` and `malines approvals`.

use super::Words;
use clap::{Args, Subcommand, ValueHint};
use domain::value::Purpose;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Signed on this machine with your personal key, after everything that is signed was shown. It is for this record, this version of it, \
this partner and these purposes, and for nothing else; name every purpose that the record states. A partner outside the record's \
audience gets it by your approval only, unless the record says onward NEVER. What concerns a victim, a witness or a minor takes two \
persons; the agreement may ask for more. No approval lifts a rule.\n\
With --judicial-use the partner, who has the record already, may use it in court, in the case that is named and in no other; \
`malines approvals list --pending` shows what partners ask for.\n\
Examples:\n  \
malines approve R-5f2a91c0 --for ma-dgsn --purpose INVESTIGATION --reason \"asked for by the liaison magistrate\"\n  \
malines approve R-5f2a91c0 --for fr-oltim --purpose VICTIM_PROTECTION --reason \"a child may be found\" --key magistrate.key\n  \
malines approve R-5f2a91c0 --for es-pn --judicial-use \"Tribunal de Malaga, PA 17/2026\" --purpose PROSECUTION --reason \"rogatory letter\"\n\
JSON: approval, record_id, partner, approved_by, needed, audit_sequence")]
pub(crate) struct Approve {
    /// The reference of a record of your agency, for example R-5f2a91c0
    #[arg(value_name = "RECORD")]
    pub(crate) record: String,
    /// The partner
    #[arg(long = "for", value_name = "PARTNER")]
    pub(crate) partner: String,
    /// What for; may be repeated
    #[arg(long = "purpose", value_name = "PURPOSE", required = true, value_parser = Words::of("purpose", Purpose::WORDS))]
    pub(crate) purposes: Vec<String>,
    /// The partner may use it in court in this case, named exactly as the partner names it
    #[arg(long, value_name = "CASE")]
    pub(crate) judicial_use: Option<String>,
    /// Why, in 1 to 200 characters; the partner reads it
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: String,
    /// For how many days, 1 to 366
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: u32,
    /// Until when, instead
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "days")]
    pub(crate) until: Option<String>,
    /// The key to sign with, instead of the profile's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,
    /// Go on without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for people, and what they approved
    #[command(after_help = "\
JSON: pending [record_id, partner, agreement, act (SHARE, JUDICIAL_USE), case_reference, asked_purpose, \
asked_offence, purposes, approved_by, needed, rule], more_pending, approvals [approval, record_id, version, agreement, partner, purposes, act, case_reference, officer, reason, made_at, valid_until, state (COUNTS, ENDED, EXPIRED, RECORD_CHANGED, \
DOES_NOT_COUNT)]")]
    List {
        /// Only what waits
        #[arg(long)]
        pending: bool,
    },
    /// Take an approval back: nothing leaves by it any more, and the partner drops the record
    #[command(after_help = "\
One magistrate or deputy of the agency is enough, whoever approved.\n\
Example: malines approvals revoke 8d21-77\n\
JSON: as in `approve`")]
    Revoke {
        /// The name of the approval, as `malines approvals list` prints it
        #[arg(value_name = "APPROVAL")]
        approval: String,
        /// The key to sign with, instead of the profile's
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: Option<PathBuf>,
        /// Go on without asking
        #[arg(long)]
        yes: bool,
    },
}
