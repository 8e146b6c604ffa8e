//! What can be typed about answers that are owed.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Whoever was sent a record of yours acknowledges, signed, that it withdrew, corrected or erased it: 7 days. A dispute is answered \
in 72 hours. A record of your own is due for review on its day: correct it with a later one, or withdraw it. The most overdue duty comes first. KEPT: a legal hold of the partner keeps the record apart, unmatched, until that \
review.\n\
Exit codes: 0, whether or not something is overdue; `malines status` counts what is.\n\
JSON: duties [debtor (PARTNER, OURSELVES), agency, agreement, record_id, asked (WITHDRAWAL, CORRECTION, ERASURE, DISPUTE_ANSWER, \
REMEDY, REVIEW), version, since, due, overdue, kept_until]")]
pub(crate) struct Duties {
    /// Only what is overdue
    #[arg(long)]
    pub(crate) overdue: bool,
}
