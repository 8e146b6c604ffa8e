//! Records leave for a partner only as policy released them, and to that partner only.

use agreement::{Agreement, Language, Register, Step, terms::*};
use domain::class::Class;
use domain::envelope::Signed;
use domain::indicator::{Kind, NormalisationVersion};
use domain::label::{EvaluationBand, EvaluationScheme, HandlingSet};
use domain::name::{AgencyId, ClassHandle, Digest, RecordId};
use domain::question::{MatchSummary, Matches, QuestionTerms};
use domain::refusal::{Refusal, RefusalCode};
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::*;
use policy::table::TableEvaluator;
use policy::{Action, Gate, Held, Released};
use prost::Message as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use sync::message::{Epoch, PullMessage, Section, UpToDate};
use wire::convert::question::{ANSWER_STEP_BYTES, Answer, Reply};
use wire::convert::{pull, question};
use wire::v1;

const OWN: &str = "be-fedpol";
const PARTNERS: [&str; 2] = ["es-pn", "fr-oltim"];
const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// The message as policy released it to Spain, for whoever pulls.
pub(crate) fn share(message: PullMessage, puller: &str) -> Result<v1::PullResponse, Refusal> {
    let class = class(Kind::Url);
    let spain = agency("es-pn");
    let permit = gate()
        .decide_class(Action::Share, &spain, &class, Channel::Automated, NOW)
        .permit()
        .unwrap();
    pull::to_response(Held::new(message, class).release(&permit).unwrap(), &agency(puller))
}

#[test]
fn a_section_goes_to_the_partner_it_was_released_to_and_to_nobody_else() {
    let message = PullMessage {
        incarnation: [1; 16],
        epoch: Epoch { counter: 1, random: [2; 16] },
        grant_sequence: 1,
        grants: None,
        section: Some(Section {
            handle: ClassHandle::from_bytes([3; 16]),
            from: 0,
            to: 1,
            entries: Vec::new(),
            sheet: None,
        }),
        up_to_date: UpToDate::No,
    };
    let sent = share(message.clone(), "es-pn").unwrap();
    assert_eq!(PullMessage::try_from(sent), Ok(message.clone()));
    let refusal = share(message.clone(), "fr-oltim").unwrap_err();
    assert_eq!(refusal.code, RefusalCode::PolicyFault);

    // Released to be shown as a match is not released to be replicated.
    let (spain, class) = (agency("es-pn"), class(Kind::Url));
    let permit = gate().decide_answer(&spain, &terms(Kind::Url), &class, NOW).permit().unwrap();
    let shown = Held::new(message, class).release(&permit).unwrap();
    assert!(pull::to_response(shown, &spain).is_err());
}

#[test]
fn a_match_is_told_only_as_policy_released_it() {
    let (spain, france) = (agency("es-pn"), agency("fr-oltim"));
    let summaries = [summary(0), summary(3)];
    let told = |asker: &AgencyId, summaries: &[MatchSummary], released, to: &AgencyId| {
        let reply = Reply::Match { signed: Box::new(signed(asker, summaries)), released };
        question::to_response(reply, to, NOW)
    };
    let released = || summaries.iter().map(|one| show(one.clone(), &spain)).collect::<Vec<_>>();

    let response = told(&spain, &summaries, released(), &spain).unwrap();
    assert_eq!(response.encoded_len() % ANSWER_STEP_BYTES, 0);
    let Ok(Answer::Match { matches, .. }) = Answer::try_from(response) else {
        panic!("a match was sent");
    };
    let key = SecretKey::from_seed(&[9; 32]).public_key();
    assert_eq!(Signed::<Matches>::open(matches, &key).unwrap().message().matches, summaries);

    for (case, response) in [
        ("to another asker", told(&spain, &summaries, released(), &france)),
        ("signed for another asker", told(&france, &summaries, released(), &spain)),
        ("one was not released", told(&spain, &summaries, released()[..1].to_vec(), &spain)),
        ("none was released", told(&spain, &summaries, Vec::new(), &spain)),
        ("nothing matched", told(&spain, &[], Vec::new(), &spain)),
        ("another was released", {
            let others = vec![show(summary(0), &spain), show(summary(4), &spain)];
            told(&spain, &summaries, others, &spain)
        }),
        ("released to another", {
            let others = summaries.iter().map(|one| show(one.clone(), &france)).collect();
            told(&spain, &summaries, others, &spain)
        }),
    ] {
        assert_eq!(response.unwrap_err().code, RefusalCode::PolicyFault, "{case}");
    }
}

fn show(summary: MatchSummary, asker: &AgencyId) -> Released<MatchSummary> {
    let class = class(Kind::Phone);
    let decision = gate().decide_answer(asker, &terms(Kind::Phone), &class, NOW);
    Held::new(summary, class).release(&decision.permit().unwrap()).unwrap()
}

fn signed(asker: &AgencyId, summaries: &[MatchSummary]) -> Signed<Matches> {
    let matches = Matches {
        owner: agency(OWN),
        asker: asker.clone(),
        question: Digest::from_bytes([5; 32]),
        as_of: NOW,
        matches: summaries.to_vec(),
    };
    Signed::seal(matches, &SecretKey::from_seed(&[9; 32]))
}

fn summary(slot: u32) -> MatchSummary {
    MatchSummary {
        slot,
        follow_up: RecordId::from_bytes([7; 16]),
        kind: Kind::Phone,
        role: Some(Role::Advertiser),
        class: None,
        tlp: Tlp::Amber,
        pap: Pap::Amber,
        handling: HandlingSet::EMPTY,
        evaluation: domain::label::Evaluation::new(EvaluationScheme::Europol4x4, 'B', 2).unwrap(),
        basis: Basis::Fact,
        observed_last: NOW,
    }
}

fn agency(text: &str) -> AgencyId {
    text.parse().unwrap()
}

fn terms(kind: Kind) -> QuestionTerms {
    QuestionTerms {
        agreement: "malines-2026".parse().unwrap(),
        clause: "4.2".parse().unwrap(),
        purpose: Purpose::Investigation,
        offence: Offence::DocumentFraud,
        kind,
        channel: Channel::Analyst,
        urgency: Urgency::Normal,
        exercise: false,
    }
}

fn class(kind: Kind) -> Arc<Class> {
    Arc::new(Class {
        agreement: "malines-2026".parse().unwrap(),
        kind,
        purposes: BTreeSet::from([Purpose::Investigation]),
        offences: BTreeSet::from([Offence::DocumentFraud]),
        tlp: Tlp::Amber,
        pap: Pap::Amber,
        handling: HandlingSet::EMPTY,
        scheme: EvaluationScheme::Europol4x4,
        band: EvaluationBand::Strong,
        basis: Basis::Fact,
        subject: Subject::SuspectFacilitator,
        age: Age::Adult,
        depicts: Depicts::Nobody,
        audience: PARTNERS.map(agency).into(),
        onward: Onward::Never,
        origin: agency(OWN),
        exercise: false,
    })
}

/// A gate under an agreement that all three signed, where only the code says no.
fn gate() -> Gate {
    let floor = Digest::from_bytes([8; 32]);
    let agreement = Agreement::new(agreement_terms(floor)).unwrap();
    let mut register = Register::new(agreement.clone()).unwrap();
    for (number, party) in [OWN, PARTNERS[0], PARTNERS[1]].into_iter().enumerate() {
        let (agreement, shown) = (agreement.hash(), Digest::from_bytes([6; 32]));
        let step = Step::Sign { agreement, shown, language: Language::English };
        register.declare(&agency(party), step, NOW, &authority(number)).unwrap();
    }
    let gate = Gate::new(agency(OWN), Arc::new(TableEvaluator::open(floor)));
    gate.replace_agreements(vec![Arc::new(register)]).unwrap();
    gate
}

fn authority(number: usize) -> SecretKey {
    SecretKey::from_seed(&[100 + number as u8; 32])
}

fn agreement_terms(floor_hash: Digest) -> Terms {
    let names = [OWN, PARTNERS[0], PARTNERS[1]];
    let party = |number: usize, country: &str| Party {
        agency: agency(names[number]),
        country: country.parse().unwrap(),
        kind: AgencyKind::Police,
        root_key: SecretKey::from_seed(&[200 + number as u8; 32]).public_key(),
        authority_key: authority(number).public_key(),
        role: PartyRole::Party,
        contact_points: vec!["single point of contact".into()],
    };
    let pair = |from: &str, to: &str| Pair {
        from: agency(from),
        to: agency(to),
        transfer_basis: TransferBasis::IntraLed,
        safeguards: None,
        condition: None,
        channels: None,
    };
    let pairs = names
        .iter()
        .flat_map(|from| names.iter().filter(move |to| *to != from).map(move |to| pair(from, to)));
    let purposes = BTreeSet::from([Purpose::Investigation]);
    let offences = BTreeSet::from([Offence::DocumentFraud]);
    Terms {
        schema: agreement::SCHEMA,
        agreement_id: "malines-2026".parse().unwrap(),
        version: 1,
        supersedes: None,
        instrument: Instrument {
            title: "Agreement of a test".into(),
            signed_on: NOW.minus_ms(30 * Timestamp::DAY_MS),
            sha256: Digest::from_bytes([1; 32]),
            held_at: "Mechelen".into(),
            languages: vec!["en".into()],
        },
        legal_basis: vec!["a test".into()],
        parties: vec![party(0, "BE"), party(1, "ES"), party(2, "FR")],
        purpose_text: "to test".into(),
        purposes: purposes.clone(),
        offences: offences.clone(),
        offence_map: ["BE", "ES", "FR"]
            .map(|country| NationalOffence {
                offence: Offence::DocumentFraud,
                country: country.parse().unwrap(),
                article: Some("the article".to_owned()),
            })
            .into(),
        facts_scope: "tests".into(),
        valid_from: NOW.minus_ms(Timestamp::DAY_MS),
        valid_to: NOW.plus_days(30),
        operates_in: ["BE", "ES", "FR"].map(|country| country.parse().unwrap()).into(),
        channels: BTreeSet::from([Channel::Automated, Channel::Analyst]),
        tlp_ceiling: Tlp::Amber,
        onward: Onward::Never,
        pairs: pairs.collect(),
        retention: Retention { days_max: 365, per_subject: Vec::new(), review_days: 90 },
        label_presets: Vec::new(),
        use_basis: BTreeSet::from([UseBasis::PurposeOfAgreement]),
        deadlines: Deadlines::DEFAULT,
        evidence_rule: EvidenceRule::OriginatorPermits,
        approvers: Vec::new(),
        normalisation_live: BTreeSet::from([NormalisationVersion::CURRENT]),
        floor_hash,
        withdrawal: Withdrawal {
            notice_days: 30,
            purge_days: 30,
            exception: PurgeException::Nothing,
        },
        clauses: vec![ClauseTerms {
            clause: "4.2".parse().unwrap(),
            text: "tests".into(),
            binds: names.map(agency).into(),
            purposes,
            offences,
        }],
    }
}
