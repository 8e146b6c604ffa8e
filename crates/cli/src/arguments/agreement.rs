//! What can be typed after `malines agreement` and `malines key`.

use super::Words;
use agreement::language::Language;
use agreement::officer::{OfficerRole, Power};
use clap::{Args, Subcommand, ValueHint};
use domain::value::AgencyKind;
use std::path::PathBuf;

const LANGUAGES: &[&str] = &["en", "fr", "es", "nl", "ar"];

#[derive(Debug, Subcommand)]
pub(crate) enum AgreementCommand {
    /// Begin a docket from a file of terms, without a node; `deploy/agreement.toml` is an example
    #[command(after_help = "\
Then every authority signs it (`malines agreement sign --docket FILE`), every node's manifest is added (`malines agreement file`), \
and each operator files it at its own node. From then on the nodes tell each other what is signed.\n\
JSON: agreement, version, hash, file")]
    Draft {
        /// The terms
        #[arg(value_name = "TERMS.toml", value_hint = ValueHint::FilePath)]
        terms: PathBuf,
        /// The docket to make; never written over
        #[arg(value_name = "FILE.docket", value_hint = ValueHint::FilePath)]
        docket: PathBuf,
    },
    /// Show the terms for signature, in the words of a language, with their hash
    #[command(after_help = "JSON: agreement, version, hash, language, shown_hash, text")]
    Show {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        text: Text,
    },
    /// Show where agreements stand: who signed, what every direction carries and why not, who left
    #[command(after_help = "\
Without a name, every agreement of the own node, a line each.\n\
JSON: agreements [agreement, phase, versions [version, hash, phase, signed_by, missing, rejected_by, sign_by], directions [from, to, \
open, why_not], leaving [party, since, phase], board [origin, holder, state, due, records, exceptions], contradictions [party, place]]")]
    Status {
        #[command(flatten)]
        place: OptionalPlace,
    },
    /// Put the first version up for signature
    Propose {
        #[command(flatten)]
        signing: Signing,
        /// Until when every party must have signed, for example 2027-03-01
        #[arg(long, value_name = "DAY")]
        sign_by: String,
    },
    /// Show the terms, then sign them
    #[command(after_help = "\
The signature holds the hash of the terms and the hash of the text that was shown, in that language.\n\
Example: malines agreement sign malines-2026 --key authority.key --language fr")]
    Sign {
        #[command(flatten)]
        signing: Signing,
        #[command(flatten)]
        text: Text,
    },
    /// Refuse a version, for ever
    Reject {
        #[command(flatten)]
        signing: Signing,
        /// Which version; the newest if none is named
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Put changed terms up for signature: a next version that every party signs
    Amend {
        #[command(flatten)]
        signing: Signing,
        /// The changed terms; version and predecessor are filled in
        #[arg(long, value_name = "TERMS.toml", value_hint = ValueHint::FilePath)]
        terms: PathBuf,
        /// Until when every party must have signed
        #[arg(long, value_name = "DAY")]
        sign_by: String,
    },
    /// Stop everything to and from your agency, or one direction, at once
    #[command(after_help = "\
Example: malines agreement suspend malines-2026 --key authority.key --from be-fedpol --to ma-dgsn")]
    Suspend {
        #[command(flatten)]
        signing: Signing,
        #[command(flatten)]
        direction: Direction,
    },
    /// End your own suspension
    Lift {
        #[command(flatten)]
        signing: Signing,
        #[command(flatten)]
        direction: Direction,
    },
    #[command(visible_alias = "leave")]
    /// Leave the agreement, and order the others to erase what they have of yours
    #[command(after_help = "\
Nothing passes to or from your agency from the moment the others hear of it. Each of them erases what it has of yours, and answers \
with a signed receipt; `malines agreement status` shows who has.")]
    Withdraw {
        #[command(flatten)]
        signing: Signing,
    },
    /// Order those who left, or everybody after the end, to erase what they have of yours
    Purge {
        #[command(flatten)]
        signing: Signing,
    },
    /// Say that nothing was said: needed every seven days if no operator key of the node is certified
    Head {
        #[command(flatten)]
        signing: Signing,
    },
    /// Certify the key of an officer, or of the node's operator
    #[command(after_help = "\
Example: malines agreement certify malines-2026 --key authority.key --enrolment be-fedpol.operator.enrol\n\
Without `--powers` the officer gets all that the role may have.")]
    Certify {
        #[command(flatten)]
        signing: Signing,
        /// The page that `malines-node init` or `malines-node officer add` made
        #[arg(long, value_name = "FILE.enrol", value_hint = ValueHint::FilePath)]
        enrolment: PathBuf,
        /// For how many days, 1 to 732
        #[arg(long, value_name = "DAYS", default_value_t = 365)]
        days: u32,
        /// For which kind of authority the officer approves, like JUDICIAL; the prosecution if none is named
        #[arg(long, value_name = "KIND", value_parser = Words::of("agency kind", AgencyKind::WORDS))]
        authority: Option<String>,
        /// Some of the role's powers
        #[arg(long, value_name = "POWER", value_delimiter = ',', value_parser = Words::of("power", Power::WORDS))]
        powers: Vec<String>,
    },
    /// End a certificate before its time
    #[command(after_help = "\
With `--after` what the officer's key says behind that declaration opens nothing, whatever date it bears: whoever has a stolen key writes the \
date. Name it even where the certificate has run out. Without it the day of the revocation decides.\n\
Examples: malines agreement revoke malines-2026 --key authority.key --officer BE-P07\n          malines agreement revoke malines-2026 --key authority.key --officer BE-P07 --after 5")]
    Revoke {
        #[command(flatten)]
        signing: Signing,
        /// The pseudonym
        #[arg(long, value_name = "PSEUDONYM")]
        officer: String,
        /// The key was lost or stolen: the last declaration of yours that stands, by its number
        #[arg(long, value_name = "N")]
        after: Option<u32>,
    },
    /// Let one officer act for another for a time
    #[command(after_help = "\
Signed with the authority's key it names a substitute on duty; signed with the officer's own key it delegates what that officer may do.\n\
Example: malines agreement delegate malines-2026 --key BE-P07.signing --from BE-P07 --to BE-P09 --powers SUSPEND,LIFT --days 14")]
    Delegate {
        #[command(flatten)]
        signing: Signing,
        /// Whose powers
        #[arg(long, value_name = "PSEUDONYM")]
        from: String,
        /// Who acts
        #[arg(long, value_name = "PSEUDONYM")]
        to: String,
        /// Which powers
        #[arg(long, value_name = "POWER", value_delimiter = ',', required = true, value_parser = Words::of("power", Power::WORDS))]
        powers: Vec<String>,
        /// For how many days
        #[arg(long, value_name = "DAYS", default_value_t = 14)]
        days: u32,
    },
    /// Replace a lost authority key, signed with the agency's root key
    ReplaceKey {
        #[command(flatten)]
        signing: Signing,
        /// The page or key file with the new public key, or 64 hexadecimal digits
        #[arg(long, value_name = "HEX")]
        new_key: String,
    },
    /// Accept the new key of a partner, after asking its people
    AcceptKey {
        #[command(flatten)]
        signing: Signing,
        /// The partner
        #[arg(long, value_name = "AGENCY")]
        of: String,
    },
    /// File papers: a docket or a manifest from a file, at the own node or in a docket
    File {
        /// What to file
        #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
        /// Into this docket instead of the own node
        #[arg(long, value_name = "FILE.docket", value_hint = ValueHint::FilePath)]
        docket: Option<PathBuf>,
    },
    /// Write the docket of an agreement to a file
    Export {
        /// The agreement
        #[arg(value_name = "AGREEMENT")]
        agreement: String,
        /// The file to make; never written over
        #[arg(long, value_name = "FILE.docket", value_hint = ValueHint::FilePath)]
        to: PathBuf,
    },
}

/// Which agreement: at the own node, or in a file.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The agreement at the own node
    #[arg(value_name = "AGREEMENT", required_unless_present = "docket")]
    pub(crate) agreement: Option<String>,
    /// A docket in a file, without a node
    #[arg(long, value_name = "FILE.docket", conflicts_with = "agreement", value_hint = ValueHint::FilePath)]
    pub(crate) docket: Option<PathBuf>,
}

/// The same; nothing means every agreement of the own node.
#[derive(Debug, Clone, Args)]
pub(crate) struct OptionalPlace {
    /// The agreement at the own node
    #[arg(value_name = "AGREEMENT")]
    pub(crate) agreement: Option<String>,
    /// A docket in a file, without a node
    #[arg(long, value_name = "FILE.docket", conflicts_with = "agreement", value_hint = ValueHint::FilePath)]
    pub(crate) docket: Option<PathBuf>,
}

/// Who signs what.
#[derive(Debug, Clone, Args)]
pub(crate) struct Signing {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The key that signs: the authority's, or an officer's own; the profile's if none is named
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,
    /// Go on without asking: it was read before
    #[arg(long)]
    pub(crate) yes: bool,
}

/// In which words, and which version.
#[derive(Debug, Clone, Args)]
pub(crate) struct Text {
    /// The language of the text that is shown
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = Words::of("language", LANGUAGES))]
    pub(crate) language: String,
    /// Which version; the newest if none is named
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
}

/// Everything, or one direction.
#[derive(Debug, Clone, Args)]
pub(crate) struct Direction {
    /// Only what goes from this party
    #[arg(long, value_name = "AGENCY", requires = "to")]
    pub(crate) from: Option<String>,
    /// to this party
    #[arg(long, value_name = "AGENCY", requires = "from")]
    pub(crate) to: Option<String>,
}

impl Text {
    /// The language; the parser takes no other.
    pub(crate) fn language(&self) -> Language {
        match self.language.as_str() {
            "fr" => Language::French,
            "es" => Language::Spanish,
            "nl" => Language::Dutch,
            "ar" => Language::Arabic,
            _ => Language::English,
        }
    }
}

/// The roles that an enrolment page can name.
pub(crate) const ROLES: &[&str] = OfficerRole::WORDS;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Encrypt a key file with a passphrase; nothing can open it without
    #[command(after_help = "\
The file becomes an encrypted private key in PKCS #8 (RFC 5958, PBES2 with scrypt and AES-256), which other tools read too.\n\
Keep the passphrase apart from the file: a lost one is a lost key.")]
    Protect {
        /// The key file, of an authority or an officer
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Show the public half of a key file
    #[command(after_help = "JSON: public_key, key_id, protected")]
    Show {
        /// The key file
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}
