//! The texts that people sign: complete, deterministic, and with the right words.

use super::fixture::{agency, terms};
use super::register::{days_ago, floor};
use agreement::rendering::{render, shown, was_shown};
use agreement::terms::{
    DerogationGround, EvidenceRule, PartyRole, PurgeException, TransferCondition, UseBasis,
};
use agreement::{Agreement, Language, Terms, WhyNot};
use domain::indicator::NormalisationVersion;
use domain::label::HandlingSet;
use domain::name::Digest;
use domain::time::Timestamp;
use domain::value::{
    AgencyKind, Channel, Handling, Offence, Onward, Pap, Purpose, Subject, Tlp, TransferBasis,
};

/// An agreement in which every field, and every value of every list, stands.
fn full() -> Agreement {
    let mut terms = terms(floor());
    terms.version = 2;
    terms.supersedes = Some(Digest::from_bytes([0xab; 32]));
    terms.purposes = Purpose::ALL.iter().copied().collect();
    terms.offences = Offence::ALL.iter().copied().collect();
    terms.use_basis = UseBasis::ALL.iter().copied().collect();
    terms.offence_map[3].article = None;
    terms.normalisation_live = [NormalisationVersion(1), NormalisationVersion(7)].into();
    for (index, kind) in
        [AgencyKind::Border, AgencyKind::Fiu, AgencyKind::LabourInspection].into_iter().enumerate()
    {
        terms.parties[index].kind = kind;
        terms.parties[index].contact_points = vec![format!("contact {index}")];
    }
    terms.parties[2].role = PartyRole::Participant;
    terms.retention.days_max = 731;
    terms.retention.review_days = 182;
    terms.retention.per_subject[0].days = 173;
    terms.deadlines.normal_hours = 167;
    terms.deadlines.urgent_hours = 49;
    terms.deadlines.threat_to_life_hours = 7;
    terms.withdrawal.notice_days = 31;
    terms.withdrawal.purge_days = 29;
    terms.approvers[0].quorum = 3;
    let preset = &mut terms.label_presets[0];
    preset.handling = [Handling::H1, Handling::H3].into_iter().collect();
    (preset.tlp, preset.pap, preset.valid_days) = (Tlp::AmberStrict, Pap::Green, 179);
    for pair in terms.pairs.iter_mut().filter(|pair| pair.to.as_str() == "ma-dgsn") {
        match pair.from.as_str() {
            "be-fedpol" => {
                pair.transfer_basis = TransferBasis::Led36Adequacy;
                pair.safeguards = None;
                pair.condition = Some(TransferCondition::AdequacyDecision {
                    reference: "decision-reference".into(),
                    adopted_on: days_ago(800),
                    ends_on: Some(Timestamp::from_date(2028, 2, 29).unwrap().plus_ms(1)),
                });
            }
            "es-pn" => {
                pair.transfer_basis = TransferBasis::Led371bAssessment;
                pair.condition = Some(TransferCondition::Notice {
                    authority: "notice-authority".into(),
                    reference: "notice-reference".into(),
                    given_on: Timestamp::from_date(2026, 3, 4).unwrap(),
                });
            }
            _ => {
                pair.transfer_basis = TransferBasis::Led38Derogation;
                pair.safeguards = None;
                pair.channels = Some([Channel::Authority].into());
                let ground = DerogationGround::VitalInterests;
                let reason = "derogation-reason".into();
                pair.condition = Some(TransferCondition::Derogation { ground, reason });
            }
        }
    }
    Agreement::new(terms).unwrap()
}

/// What must stand in every text, by the field that it comes from.
fn expected(agreement: &Agreement) -> Vec<(&'static str, String)> {
    let day = |at: Timestamp| at.to_string()[..10].to_owned();
    let mut expected = vec![
        ("hash", agreement.hash().to_string()),
        ("agreement_id", agreement.agreement_id.to_string()),
        ("version", agreement.version.to_string()),
        ("supersedes", agreement.supersedes.unwrap().to_string()),
        ("instrument.title", agreement.instrument.title.clone()),
        ("instrument.signed_on", day(agreement.instrument.signed_on)),
        ("instrument.sha256", agreement.instrument.sha256.to_string()),
        ("instrument.held_at", agreement.instrument.held_at.clone()),
        ("instrument.languages", agreement.instrument.languages.join(", ")),
        ("purpose_text", agreement.purpose_text.clone()),
        ("facts_scope", agreement.facts_scope.clone()),
        ("valid_from", "2026-07-01T00:00:00Z".into()),
        ("valid_to", "2028-07-01T00:00:00Z".into()),
        ("tlp_ceiling", ": RED\n".into()),
        ("onward", "WITH_ORIGINATOR_CONSENT".into()),
        ("floor_hash", agreement.floor_hash.to_string()),
        ("normalisation_live", "1; 7".into()),
        ("evidence_rule", "ORIGINATOR_PERMITS".into()),
        ("withdrawal.exception", "EVIDENCE_IN_PROCEEDINGS".into()),
        ("pairs.condition", "decision-reference".into()),
        ("pairs.condition", day(days_ago(800))),
        ("pairs.condition", "2028-02-29T00:00:00.001Z".into()),
        ("pairs.condition", "notice-authority, notice-reference, 2026-03-04".into()),
        ("pairs.condition", "VITAL_INTERESTS); derogation-reason".into()),
        ("label_presets", "advertisement: TLP AMBER_STRICT; PAP GREEN".into()),
        ("label_presets.handling", "H1; H3".into()),
        ("approvers", "be-fedpol".into()),
        ("offence_map", "the article".into()),
    ];
    for number in [731, 182, 173, 167, 49, 7, 31, 29, 179, 3] {
        expected.push(("numbers", format!(" {number}")));
    }
    let words = |all: &[&'static str]| all.iter().map(|word| format!("({word})")).collect();
    let lists: [(&'static str, Vec<String>); 7] = [
        ("purposes", words(Purpose::WORDS)),
        ("offences", words(Offence::WORDS)),
        ("use_basis", words(UseBasis::WORDS)),
        ("channels", words(Channel::WORDS)),
        ("parties.role", words(PartyRole::WORDS)),
        ("parties.kind", words(&["BORDER", "FIU", "LABOUR_INSPECTION", "POLICE", "PROSECUTION"])),
        ("legal_basis", agreement.legal_basis.clone()),
    ];
    for (field, values) in lists {
        expected.extend(values.into_iter().map(|value| (field, value)));
    }
    for party in &agreement.parties {
        let key = |key: &domain::signature::PublicKey| domain::hexadecimal::encode(&key.to_bytes());
        expected.push(("parties.root_key", key(&party.root_key)));
        expected.push(("parties.authority_key", key(&party.authority_key)));
        expected.push(("parties.agency", format!("{} ({})", party.agency, party.country)));
        expected.extend(party.contact_points.iter().map(|one| ("contact", one.clone())));
    }
    for pair in &agreement.pairs {
        expected.push(("pairs", format!("({})", pair.transfer_basis)));
        expected.extend(pair.safeguards.map(|hash| ("pairs.safeguards", hash.to_string())));
    }
    for clause in &agreement.clauses {
        expected.push(("clauses", format!("{}: {}", clause.clause, clause.text)));
    }
    expected.push(("clauses.binds", "be-fedpol; es-pn; fr-oltim; ma-dgsn".into()));
    expected.push(("operates_in", "BE; ES; FR; MA".into()));
    expected
}

#[test]
fn every_field_stands_in_every_language() {
    let agreement = full();
    for language in Language::ALL {
        let text = render(&agreement, *language);
        for (field, value) in expected(&agreement) {
            assert!(text.contains(&value), "{field} `{value}` is not in {language}:\n{text}");
        }
        for pair in &agreement.pairs {
            let line = text.lines().find(|line| {
                let from = line.find(pair.from.as_str());
                line.contains(&format!("({})", pair.transfer_basis))
                    && from.is_some_and(|at| line[at + 1..].contains(pair.to.as_str()))
            });
            assert!(line.is_some(), "{} -> {} in {language}", pair.from, pair.to);
        }
        let last = text.lines().last().unwrap();
        assert!(last.ends_with(&agreement.hash().to_string()), "the hash ends it");
        assert_eq!(text, render(&agreement, *language));
        assert!(was_shown(&agreement, *language, &shown(&agreement, *language)));
        let others = Language::ALL.iter().filter(|other| *other != language);
        for other in others {
            assert!(!was_shown(&agreement, *other, &shown(&agreement, *language)));
        }
    }
}

/// Changing any field changes every text, beyond the hash that it shows.
#[test]
fn no_field_can_change_unseen() {
    type Change = (&'static str, fn(&mut Terms));
    let changes: [Change; 34] = [
        ("agreement_id", |t| t.agreement_id = "other-2026".parse().unwrap()),
        ("version", |t| t.version = 3),
        ("supersedes", |t| t.supersedes = Some(t.floor_hash)),
        ("instrument.title", |t| t.instrument.title.push('x')),
        ("instrument.signed_on", |t| t.instrument.signed_on = Timestamp::from_millis(0)),
        ("instrument.sha256", |t| t.instrument.sha256 = t.floor_hash),
        ("instrument.held_at", |t| t.instrument.held_at.push('x')),
        ("instrument.languages", |t| t.instrument.languages = vec!["nl".into()]),
        ("legal_basis", |t| t.legal_basis.push("another".into())),
        ("parties.kind", |t| t.parties[0].kind = AgencyKind::Judicial),
        ("parties.role", |t| t.parties[0].role = PartyRole::Party),
        ("parties.root_key", |t| {
            let (one, other) = (t.parties[0].root_key, t.parties[1].root_key);
            (t.parties[0].root_key, t.parties[1].root_key) = (other, one);
        }),
        ("parties.authority_key", |t| {
            let (one, other) = (t.parties[0].authority_key, t.parties[1].authority_key);
            (t.parties[0].authority_key, t.parties[1].authority_key) = (other, one);
        }),
        ("parties.contact_points", |t| t.parties[0].contact_points.clear()),
        ("purpose_text", |t| t.purpose_text.push('x')),
        ("offence_map", |t| t.offence_map[0].article = None),
        ("facts_scope", |t| t.facts_scope.push('x')),
        ("valid_from", |t| t.valid_from = t.valid_from.plus_ms(1)),
        ("valid_to", |t| t.valid_to = t.valid_to.plus_ms(1)),
        ("operates_in", |t| t.operates_in.clear()),
        ("onward", |t| t.onward = Onward::WithinParties),
        ("pairs.transfer_basis", |t| t.pairs[0].transfer_basis = TransferBasis::None),
        ("pairs.safeguards", |t| t.pairs[0].safeguards = Some(t.floor_hash)),
        ("pairs.channels", |t| t.pairs[0].channels = Some([Channel::Analyst].into())),
        ("retention.subject", |t| t.retention.per_subject[0].subject = Subject::Witness),
        ("label_presets", |t| t.label_presets.clear()),
        ("label_presets.handling", |t| t.label_presets[0].handling = HandlingSet::EMPTY),
        ("use_basis", |t| t.use_basis.clear()),
        ("evidence_rule", |t| t.evidence_rule = EvidenceRule::FormalRequestOnly),
        ("approvers", |t| t.approvers.clear()),
        ("floor_hash", |t| t.floor_hash = t.instrument.sha256),
        ("withdrawal.exception", |t| t.withdrawal.exception = PurgeException::Nothing),
        ("clauses.binds", |t| t.clauses[0].binds = [agency("es-pn")].into()),
        ("clauses.offences", |t| {
            t.clauses[0].offences.remove(&Offence::DocumentFraud);
        }),
    ];
    let agreement = full();
    let hash = agreement.hash().to_string();
    for (field, change) in changes {
        let mut terms = agreement.clone().into_terms();
        change(&mut terms);
        let changed = Agreement::new(terms).unwrap();
        for language in Language::ALL {
            let before = render(&agreement, *language).replace(&hash, "");
            let after = render(&changed, *language).replace(&changed.hash().to_string(), "");
            assert_ne!(before, after, "{field} in {language}");
        }
    }
}

/// Smuggling and trafficking are two offences with two names in every language, as in the glossary.
#[test]
fn smuggling_and_trafficking_are_never_swapped() {
    let words = [
        (Language::English, "migrant smuggling", "trafficking in persons"),
        (Language::French, "trafic de migrants", "traite des êtres humains"),
        (Language::Spanish, "tráfico ilícito de migrantes", "trata de personas"),
        (Language::Dutch, "mensensmokkel", "mensenhandel"),
        (Language::Arabic, "تهريب المهاجرين", "الاتجار بالبشر"),
    ];
    let glossary = include_str!("../../../../docs/glossary.md");
    for (language, smuggling, trafficking) in words {
        for word in [smuggling, trafficking] {
            assert!(glossary.contains(word), "{word} is not in the glossary");
        }
        let text = render(&full(), language);
        let only = |code: &str, right: &str, wrong: &str| {
            let code = format!("({code})");
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(&code)).collect();
            assert!(lines.len() >= 2, "{language}: {code}");
            for line in lines {
                let at = line.find(&code).unwrap();
                assert!(line[..at].trim_end().ends_with(right), "{language}: {line}");
                let own = line[..at].rsplit(';').next().unwrap();
                assert!(!own.contains(wrong), "{language}: {line}");
            }
        };
        only("MIGRANT_SMUGGLING", smuggling, trafficking);
        only("TRAFFICKING_IN_PERSONS", trafficking, smuggling);
    }
}

/// The words that mislead, from the glossary: freeing a prisoner, an informant, finger marks.
#[test]
fn words_that_mislead_are_not_used_and_the_right_ones_are() {
    let words: [(Language, &str, &str, &[&str]); 5] = [
        (Language::English, "release", "technical indicator", &["fingerprint"]),
        (
            Language::French,
            "communication de pièces",
            "indicateur technique",
            &["libération", "positif", "scellés"],
        ),
        (
            Language::Spanish,
            "remisión de información",
            "indicador técnico",
            &["puesta en libertad", "denuncia", "positivo", "huella dactilar"],
        ),
        (
            Language::Dutch,
            "verstrekking van stukken",
            "technische indicator",
            &["vrijlating", "vingerafdruk"],
        ),
        (Language::Arabic, "موافاة بالمعلومات", "مؤشر تقني", &["إفراج"]),
    ];
    let glossary = include_str!("../../../../docs/glossary.md");
    for (language, release, indicator, misleading) in words {
        let text = render(&full(), language);
        for right in [release, indicator] {
            assert!(glossary.contains(right) && text.contains(right), "{language}: {right}");
        }
        for wrong in misleading {
            assert!(!text.to_lowercase().contains(wrong), "{language}: {wrong}");
        }
    }
}

#[test]
fn every_reason_has_words_of_its_own_in_every_language() {
    for language in Language::ALL {
        let mut said = std::collections::BTreeSet::new();
        for reason in WhyNot::ALL {
            let words = agreement::why_not(*reason, *language);
            assert!(words.chars().count() > 10 && !words.ends_with('.'), "{language}: {words}");
            assert!(said.insert(words), "{language}: {words} twice");
        }
    }
}

/// A language is in its own script, so that no table was left in another.
#[test]
fn each_language_is_itself() {
    let texts: Vec<String> =
        Language::ALL.iter().map(|language| render(&full(), *language)).collect();
    let arabic = |text: &str| text.chars().filter(|c| ('\u{600}'..='\u{6ff}').contains(c)).count();
    assert!(arabic(&texts[4]) > 1500);
    assert!(texts[..4].iter().all(|text| arabic(text) == 0));
    for (index, marker) in ["states of", "états d'", "estados de", "staten van"].iter().enumerate()
    {
        for (other, text) in texts.iter().enumerate() {
            assert_eq!(text.to_lowercase().contains(marker), index == other, "{marker} {other}");
        }
    }
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
    assert!(texts.iter().all(|text| !text.chars().any(hidden)), "logical order, no marks");
}
