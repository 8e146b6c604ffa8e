//! What can be typed after `malines judicial-use`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
What a partner marked H1 is used in court only if the partner permits it, in that case. Your node asks the partner, which answers \
with what its magistrates signed, or keeps the question for them; ask again later. The reference of your case stays here: the \
partner is told what you write after --as, and its permission names it. A record that is not restricted, and one of your own \
agency, needs nobody. What was decided is an entry of the audit log each time: a permission that was taken back counts no more.\n\
Exit code: 0 it may be used, 3 it may not, 4 the partner could not be asked.\n\
Example: malines judicial-use R-5f2a91c0 --case C-3 --as \"Tribunal de Malaga, PA 17/2026\"\n\
JSON: record_id, version, origin, state (OWN_RECORD, NOT_RESTRICTED, PERMITTED, NOT_PERMITTED, UNREACHABLE), case_reference, \
permitted_by, until, note, audit_sequence")]
pub(crate) struct JudicialUse {
    /// The reference of a record, for example R-5f2a91c0
    #[arg(value_name = "RECORD")]
    pub(crate) record: String,
    /// The case in which it would be used
    #[arg(long, value_name = "C-n")]
    pub(crate) case: String,
    /// How the partner is told of the case, 1 to 64 characters
    #[arg(long = "as", value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Go on without asking
    #[arg(long)]
    pub(crate) yes: bool,
}
