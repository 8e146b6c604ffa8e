//! Reads the terms of an agreement from a TOML file that lawyers and operators write together.
//!
//! `deploy/agreement.toml` is a complete example. Lists may stand in any order: they are sorted, so
//! that every drafter of the same file makes the same bytes. The hash of the common floor is not
//! written by hand: it is that of this release.

use agreement::terms::{
    Approver, ClauseTerms, Deadlines, EvidenceRule, Instrument, LabelPreset, NationalOffence, Pair,
    Party, PartyRole, PurgeException, Retention, SubjectRetention, Terms, UseBasis, Withdrawal,
};
use domain::indicator::NormalisationVersion;
use domain::label::HandlingSet;
use domain::name::{AgencyId, AgreementId, Clause, Country, Digest};
use domain::signature::PublicKey;
use domain::time::Timestamp;
use domain::value::{
    AgencyKind, Channel, Handling, Offence, Onward, Pap, Purpose, Subject, Tlp, TransferBasis,
};
use serde::{Deserialize, Deserializer, de};
use std::cmp::Ordering;

/// The longest file of terms, in bytes.
pub const TERMS_FILE_BYTES_MAX: u64 = 512 * 1024;

/// Reads terms. They still have to fit together: [`agreement::Agreement::new`] checks that.
///
/// # Errors
/// The parser's words, with line and column.
pub fn read(text: &str) -> Result<Terms, String> {
    let file: TermsFile = toml::from_str(text).map_err(|error| error.to_string())?;
    Ok(file.into_terms())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsFile {
    agreement: AgreementId,
    version: u32,
    supersedes: Option<Hash>,
    legal_basis: Vec<String>,
    purpose: String,
    purposes: Vec<Purpose>,
    offences: Vec<Offence>,
    facts: String,
    valid_from: Day,
    valid_to: Day,
    operates_in: Vec<Country>,
    channels: Vec<Channel>,
    tlp_ceiling: Tlp,
    onward: Onward,
    use_basis: Vec<UseWord>,
    evidence_rule: EvidenceWord,
    normalisation: Vec<u32>,
    instrument: InstrumentPart,
    retention: RetentionPart,
    deadlines: Option<DeadlinesPart>,
    withdrawal: WithdrawalPart,
    party: Vec<PartyPart>,
    #[serde(default)]
    offence: Vec<OffencePart>,
    #[serde(default)]
    transfer: Vec<TransferPart>,
    #[serde(default)]
    preset: Vec<PresetPart>,
    #[serde(default)]
    approver: Vec<ApproverPart>,
    clause: Vec<ClausePart>,
}

impl TermsFile {
    fn into_terms(self) -> Terms {
        let parties = sorted(self.party.into_iter().map(PartyPart::into_party), |a, b| {
            a.agency.cmp(&b.agency)
        });
        let entries = self.offence.into_iter().map(OffencePart::into_entry);
        let offence_map =
            sorted(entries, |a, b| (a.offence, &a.country).cmp(&(b.offence, &b.country)));
        let pairs = sorted(self.transfer.iter().flat_map(TransferPart::pairs), |a, b| {
            (&a.from, &a.to).cmp(&(&b.from, &b.to))
        });
        let approvers =
            sorted(self.approver.into_iter().map(ApproverPart::into_approver), |a, b| {
                (&a.party, a.role.number(), a.quorum).cmp(&(&b.party, b.role.number(), b.quorum))
            });
        let clauses = sorted(self.clause.into_iter().map(ClausePart::into_clause), |a, b| {
            a.clause.cmp(&b.clause)
        });
        Terms {
            schema: agreement::SCHEMA,
            agreement_id: self.agreement,
            version: self.version,
            supersedes: self.supersedes.map(|hash| hash.0),
            instrument: self.instrument.into_instrument(),
            legal_basis: self.legal_basis,
            parties,
            purpose_text: self.purpose,
            purposes: self.purposes.into_iter().collect(),
            offences: self.offences.into_iter().collect(),
            offence_map,
            facts_scope: self.facts,
            valid_from: self.valid_from.0,
            valid_to: self.valid_to.0,
            operates_in: self.operates_in.into_iter().collect(),
            channels: self.channels.into_iter().collect(),
            tlp_ceiling: self.tlp_ceiling,
            onward: self.onward,
            pairs,
            retention: self.retention.into_retention(),
            label_presets: self.preset.into_iter().map(PresetPart::into_preset).collect(),
            use_basis: self.use_basis.into_iter().map(UseWord::into_basis).collect(),
            deadlines: self.deadlines.map_or(Deadlines::DEFAULT, DeadlinesPart::into_deadlines),
            evidence_rule: self.evidence_rule.into_rule(),
            approvers,
            normalisation_live: self.normalisation.into_iter().map(NormalisationVersion).collect(),
            floor_hash: cedar_engine::floor_hash(cedar_engine::COMMON_FLOOR),
            withdrawal: self.withdrawal.into_withdrawal(),
            clauses,
        }
    }
}

fn sorted<T>(items: impl Iterator<Item = T>, order: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_by(order);
    items
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstrumentPart {
    title: String,
    signed_on: Day,
    sha256: Hash,
    held_at: String,
    languages: Vec<String>,
}

impl InstrumentPart {
    fn into_instrument(self) -> Instrument {
        Instrument {
            title: self.title,
            signed_on: self.signed_on.0,
            sha256: self.sha256.0,
            held_at: self.held_at,
            languages: self.languages,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartyPart {
    agency: AgencyId,
    country: Country,
    kind: AgencyKind,
    role: RoleWord,
    root_key: Key,
    authority_key: Key,
    #[serde(default)]
    contact_points: Vec<String>,
}

impl PartyPart {
    fn into_party(self) -> Party {
        Party {
            agency: self.agency,
            country: self.country,
            kind: self.kind,
            root_key: self.root_key.0,
            authority_key: self.authority_key.0,
            role: match self.role {
                RoleWord::Leader => PartyRole::Leader,
                RoleWord::Party => PartyRole::Party,
                RoleWord::Participant => PartyRole::Participant,
            },
            contact_points: self.contact_points,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OffencePart {
    offence: Offence,
    country: Country,
    article: Option<String>,
}

impl OffencePart {
    fn into_entry(self) -> NationalOffence {
        NationalOffence { offence: self.offence, country: self.country, article: self.article }
    }
}

/// Every agency of `from` to every other of `to`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferPart {
    from: Vec<AgencyId>,
    to: Vec<AgencyId>,
    basis: TransferBasis,
    safeguards: Option<Hash>,
}

impl TransferPart {
    fn pairs(&self) -> impl Iterator<Item = Pair> + '_ {
        self.from.iter().flat_map(move |from| {
            let others = self.to.iter().filter(move |to| *to != from);
            others.map(move |to| Pair {
                from: from.clone(),
                to: to.clone(),
                transfer_basis: self.basis,
                safeguards: self.safeguards.as_ref().map(|hash| hash.0),
                condition: None,
                channels: None,
            })
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetentionPart {
    days_max: u32,
    review_days: u32,
    #[serde(default)]
    subject: Vec<SubjectPart>,
}

impl RetentionPart {
    fn into_retention(self) -> Retention {
        let per_subject = self.subject.into_iter();
        let mut per_subject: Vec<_> = per_subject
            .map(|part| SubjectRetention { subject: part.subject, days: part.days })
            .collect();
        per_subject.sort_by_key(|part| part.subject);
        Retention { days_max: self.days_max, per_subject, review_days: self.review_days }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectPart {
    subject: Subject,
    days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetPart {
    name: String,
    tlp: Tlp,
    pap: Pap,
    #[serde(default)]
    handling: Vec<Handling>,
    onward: Onward,
    valid_days: u32,
}

impl PresetPart {
    fn into_preset(self) -> LabelPreset {
        let handling = self.handling.into_iter().fold(HandlingSet::EMPTY, HandlingSet::with);
        LabelPreset {
            name: self.name,
            tlp: self.tlp,
            pap: self.pap,
            handling,
            onward: self.onward,
            valid_days: self.valid_days,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadlinesPart {
    normal_hours: u32,
    urgent_hours: u32,
    threat_to_life_hours: u32,
}

impl DeadlinesPart {
    const fn into_deadlines(self) -> Deadlines {
        Deadlines {
            normal_hours: self.normal_hours,
            urgent_hours: self.urgent_hours,
            threat_to_life_hours: self.threat_to_life_hours,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApproverPart {
    party: AgencyId,
    role: AgencyKind,
    purposes: Vec<Purpose>,
    quorum: u32,
}

impl ApproverPart {
    fn into_approver(self) -> Approver {
        let purposes = self.purposes.into_iter().collect();
        Approver { party: self.party, role: self.role, purposes, quorum: self.quorum }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithdrawalPart {
    notice_days: u32,
    purge_days: u32,
    exception: ExceptionWord,
}

impl WithdrawalPart {
    const fn into_withdrawal(self) -> Withdrawal {
        Withdrawal {
            notice_days: self.notice_days,
            purge_days: self.purge_days,
            exception: match self.exception {
                ExceptionWord::Nothing => PurgeException::Nothing,
                ExceptionWord::EvidenceInProceedings => PurgeException::EvidenceInProceedings,
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClausePart {
    clause: Clause,
    text: String,
    binds: Vec<AgencyId>,
    purposes: Vec<Purpose>,
    offences: Vec<Offence>,
}

impl ClausePart {
    fn into_clause(self) -> ClauseTerms {
        ClauseTerms {
            clause: self.clause,
            text: self.text,
            binds: self.binds.into_iter().collect(),
            purposes: self.purposes.into_iter().collect(),
            offences: self.offences.into_iter().collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RoleWord {
    Leader,
    Party,
    Participant,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum UseWord {
    PurposeOfAgreement,
    OtherOffenceWithConsent,
    ImmediateSeriousThreat,
    AsAgreed,
}

impl UseWord {
    const fn into_basis(self) -> UseBasis {
        match self {
            Self::PurposeOfAgreement => UseBasis::PurposeOfAgreement,
            Self::OtherOffenceWithConsent => UseBasis::OtherOffenceWithConsent,
            Self::ImmediateSeriousThreat => UseBasis::ImmediateSeriousThreat,
            Self::AsAgreed => UseBasis::AsAgreed,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EvidenceWord {
    OriginatorPermits,
    FormalRequestOnly,
}

impl EvidenceWord {
    const fn into_rule(self) -> EvidenceRule {
        match self {
            Self::OriginatorPermits => EvidenceRule::OriginatorPermits,
            Self::FormalRequestOnly => EvidenceRule::FormalRequestOnly,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ExceptionWord {
    Nothing,
    EvidenceInProceedings,
}

/// A calendar day, UTC, like `2026-12-01`.
struct Day(Timestamp);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts: Vec<Option<u64>> = text.split('-').map(|part| part.parse().ok()).collect();
        let day = match parts.as_slice() {
            [Some(year), Some(month), Some(day)] if text.len() == 10 => {
                Timestamp::from_date(*year, *month, *day)
            }
            _ => None,
        };
        day.map(Self).ok_or_else(|| de::Error::custom("a day is written like \"2026-12-01\""))
    }
}

/// 32 bytes in hexadecimal.
struct Hash(Digest);

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// An Ed25519 public key in hexadecimal.
struct Key(PublicKey);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Hash(digest) = Hash::deserialize(deserializer)?;
        PublicKey::from_bytes(digest.as_bytes()).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../deploy/agreement.toml");

    #[test]
    fn the_example_is_a_complete_agreement_of_four_countries() {
        let terms = read(EXAMPLE).unwrap();
        let agreement = agreement::Agreement::new(terms).unwrap();
        let parties: Vec<_> = agreement.parties.iter().map(|party| party.agency.as_str()).collect();
        assert_eq!(parties, ["be-fedpol", "es-pn", "fr-oltim", "ma-dgsn"]);
        assert_eq!(agreement.pairs.len(), 12);
        let basis = |from: &str, to: &str| {
            agreement.pair(&from.parse().unwrap(), &to.parse().unwrap()).unwrap().transfer_basis
        };
        assert_eq!(basis("be-fedpol", "fr-oltim"), TransferBasis::IntraLed);
        assert_eq!(basis("es-pn", "ma-dgsn"), TransferBasis::Led371aInstrument);
        assert_eq!(basis("ma-dgsn", "es-pn"), TransferBasis::Convention108);
        assert_eq!(agreement.clause(&"4.2".parse().unwrap()).unwrap().binds.len(), 4);
    }

    #[test]
    fn the_order_of_a_list_changes_nothing() {
        let once = read(EXAMPLE).unwrap();
        let turned = EXAMPLE.replace(
            "[\"be-fedpol\", \"es-pn\", \"fr-oltim\"]",
            "[\"fr-oltim\", \"be-fedpol\", \"es-pn\"]",
        );
        assert_ne!(turned, EXAMPLE);
        assert_eq!(read(&turned).unwrap(), once);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (from, to, says) in [
            ("tlp_ceiling = \"RED\"", "tlp_ceiling = \"PURPLE\"", "PURPLE"),
            ("purpose = ", "porpoise = ", "porpoise"),
            ("valid_from = \"2026-", "valid_from = \"26-", "a day is written like"),
            ("root_key = \"", "root_key = \"00", "digest"),
            ("evidence_rule = \"ORIGINATOR_PERMITS\"", "", "evidence_rule"),
        ] {
            let text = EXAMPLE.replace(from, to);
            assert_ne!(text, EXAMPLE, "{from}");
            let error = read(&text).unwrap_err();
            assert!(error.contains(says) && error.contains("line"), "{says}: {error}");
        }
    }
}
