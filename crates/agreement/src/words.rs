//! The words of an agreement in one language: a table that has to be complete to compile.

mod arabic;
mod dutch;
mod english;
mod french;
mod spanish;

use crate::language::Language;
use crate::phase::WhyNot;
use crate::terms::{DerogationGround, EvidenceRule, PartyRole, PurgeException, UseBasis};
use domain::value::{AgencyKind, Channel, Offence, Onward, Purpose, Subject, TransferBasis};

/// The table of a language.
pub(crate) const fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &english::WORDS,
        Language::French => &french::WORDS,
        Language::Spanish => &spanish::WORDS,
        Language::Dutch => &dutch::WORDS,
        Language::Arabic => &arabic::WORDS,
    }
}

/// Why a direction carries nothing, as a sentence without a full stop.
pub fn why_not(reason: WhyNot, language: Language) -> &'static str {
    (of(language).why_not)(reason)
}

macro_rules! words {
    ($( $field:ident ),+ ; $( $function:ident $name:ident ($value:ty) ),+ $(,)?) => {
        /// Field names and sentences, and a function for each closed list.
        pub(crate) struct Words {
            $( pub(crate) $field: &'static str, )+
            $( pub(crate) $function: fn($value) -> &'static str, )+
            pub(crate) why_not: fn(WhyNot) -> &'static str,
        }

        impl Words {
            $( pub(crate) fn $name(&self, value: $value) -> &'static str { (self.$function)(value) } )+
        }
    };
}

words! {
    agreement, version, hash, schema, supersedes, instrument, signed_on, document_hash, held_at,
    languages, legal_basis, valid_from, valid_to, parties, root_key, authority_key, contact_points,
    operates_in, approver, quorum, purposes, offences, scope, purpose_text, facts_scope,
    purpose_covered, offence_covered, dual_criminality, absent, clauses, binds, transfers, channels,
    tlp_ceiling, onward, floor, normalisation, from, to, safeguards, adequacy_decision, adopted_on,
    ends_on, no_end, notice, derogation, pair_channels, no_other_pair, presets, handling, days,
    keeping, use_basis, evidence_rule, retention, review, normal_hours, urgent_hours,
    threat_to_life_hours, notice_days, purge_days, exception, shares_by_release, you_sign, colon, nothing;
    of_party_role party_role (PartyRole),
    of_agency_kind agency_kind (AgencyKind),
    of_purpose purpose (Purpose),
    of_offence offence (Offence),
    of_channel channel (Channel),
    of_onward onward_rule (Onward),
    of_transfer_basis transfer_basis (TransferBasis),
    of_derogation derogation_ground (DerogationGround),
    of_use use_of (UseBasis),
    of_evidence evidence (EvidenceRule),
    of_subject subject (Subject),
    of_exception purge_exception (PurgeException),
}
