//! Use in court under the signed terms: what the evidence rule keeps from courts, and what else than
//! its purpose a record may be used for at all.

use crate::fixture::{self, agency, authority_of, now};
use crate::floor;
use agreement::Agreement;
use agreement::terms::{EvidenceRule, UseBasis};
use domain::approval::{Approval, ApprovedAct};
use domain::class::Class;
use domain::envelope::{Envelope, Signed};
use domain::label::HandlingSet;
use domain::name::RecordId;
use domain::record::Version;
use domain::value::{Handling, Offence, Purpose};
use policy::approval::{Subject, Used};
use policy::table::TableEvaluator;
use policy::{Gate, invariant};
use std::collections::BTreeSet;
use std::sync::Arc;

const RECORD: RecordId = RecordId::from_bytes([7; 16]);
const CASE: &str = "C 1";

fn gate(own: &str, rule: EvidenceRule, basis: &[UseBasis]) -> Gate {
    let mut terms = fixture::terms(floor());
    terms.evidence_rule = rule;
    terms.use_basis = basis.iter().copied().collect();
    let agreement = Agreement::new(terms).unwrap();
    let register = Arc::new(fixture::register_without(&agreement, &[]));
    let gate = Gate::new(agency(own), Arc::new(TableEvaluator::open(floor())));
    gate.replace_agreements(vec![register]).unwrap();
    gate
}

/// What Belgium's authority permits Morocco, for every purpose there is.
fn permission() -> Envelope {
    let approval = Approval {
        agency: agency("be-fedpol"),
        officer: "BE-0".parse().unwrap(),
        record_id: RECORD,
        version: Version::FIRST,
        agreement: "malines-2026".parse().unwrap(),
        peer: agency("ma-dgsn"),
        purposes: Purpose::ALL.iter().copied().collect(),
        act: ApprovedAct::JudicialUse { case_reference: CASE.into() },
        reason: "a reason".into(),
        made_at: now().minus_ms(60_000),
        valid_until: now().plus_days(5),
    };
    Signed::seal(approval, &authority_of("be-fedpol")).into_parts().1
}

type Case = (Option<Purpose>, Option<Offence>);

/// How many persons it takes, or the rule that keeps it from everybody; the same on both ends, and
/// what is needed is what one permission satisfies.
fn asked(rule: EvidenceRule, basis: &[UseBasis], class: &Class, case: Case) -> Result<u8, String> {
    let class = Arc::new(class.clone());
    let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
    let holder = agency("ma-dgsn");
    let (purpose, offence) = case;
    let used = Used { holder: &holder, case: CASE, purpose, offence };
    let decide = |own, approvals: &[Envelope]| {
        let decided = gate(own, rule, basis).decide_court_use(used, &subject, approvals, now());
        decided.map_err(|refusal| refusal.rule.unwrap_or_default())
    };
    let (with, without) = (decide("ma-dgsn", &[permission()]), decide("ma-dgsn", &[]));
    assert_eq!(with, decide("be-fedpol", &[permission()]));
    assert_eq!(with.is_ok(), without.is_ok(), "no approval opens what is closed");
    if let (Ok(with), Ok(without)) = (&with, &without) {
        assert!(with.is_permitted(), "one is enough here");
        assert_eq!(without.is_permitted(), without.needed == 0);
    }
    with.map(|with| with.needed)
}

fn free() -> Class {
    Class { handling: HandlingSet::EMPTY, ..fixture::class() }
}

const STATED: (Purpose, Offence) = (Purpose::Investigation, Offence::MigrantSmuggling);
const OTHER: (Purpose, Offence) = (Purpose::Prosecution, Offence::DocumentFraud);

fn every_basis() -> Vec<Vec<UseBasis>> {
    let subset = |bits: usize| {
        let chosen = UseBasis::ALL.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        chosen.map(|(_, basis)| *basis).collect()
    };
    (0..1 << UseBasis::ALL.len()).map(subset).collect()
}

/// Every set of bases with every case, against the table in `docs/policy.md`.
#[test]
fn the_signed_terms_say_what_else_a_record_may_be_used_for() {
    let purposes = [None, Some(STATED.0), Some(OTHER.0), Some(Purpose::ThreatToLife)];
    let offences = [None, Some(STATED.1), Some(OTHER.1)];
    let restrictions = [
        HandlingSet::EMPTY,
        HandlingSet::EMPTY.with(Handling::H1),
        HandlingSet::EMPTY.with(Handling::H3),
    ];
    for basis in every_basis() {
        let has = |one| basis.contains(&one);
        for (purpose, offence) in
            purposes.iter().flat_map(|purpose| offences.map(|o| (*purpose, o)))
        {
            let mut grounds = BTreeSet::new();
            if offence != Some(OTHER.1) {
                grounds.insert(UseBasis::PurposeOfAgreement);
            }
            if offence != Some(STATED.1) {
                grounds.insert(UseBasis::OtherOffenceWithConsent);
            }
            if purpose.is_none_or(|purpose| purpose == Purpose::ThreatToLife) {
                grounds.insert(UseBasis::ImmediateSeriousThreat);
            }
            grounds.insert(UseBasis::AsAgreed);
            let is_stated = (purpose, offence) == (Some(STATED.0), Some(STATED.1))
                && has(UseBasis::PurposeOfAgreement);
            for handling in restrictions {
                let class = Class { handling, ..free() };
                let found =
                    asked(EvidenceRule::OriginatorPermits, &basis, &class, (purpose, offence));
                let expected = match () {
                    () if !grounds.iter().any(|ground| has(*ground)) => {
                        Err(invariant::USE_BASIS.to_owned())
                    }
                    () if is_stated && handling == HandlingSet::EMPTY => Ok(0),
                    () => Ok(1),
                };
                assert_eq!(found, expected, "{basis:?} {purpose:?} {offence:?} {handling:?}");
            }
        }
    }
}

#[test]
fn another_offence_needs_people_although_the_purpose_is_the_same() {
    let basis = [UseBasis::PurposeOfAgreement, UseBasis::OtherOffenceWithConsent];
    let rule = EvidenceRule::OriginatorPermits;
    let same = (Some(STATED.0), Some(STATED.1));
    assert_eq!(asked(rule, &basis, &free(), same), Ok(0));
    assert_eq!(asked(rule, &basis, &free(), (Some(STATED.0), Some(OTHER.1))), Ok(1));
    let closed = asked(rule, &basis[..1], &free(), (Some(STATED.0), Some(OTHER.1)));
    assert_eq!(closed, Err("code.use-basis".into()));
    // What the agreement does not cover is nobody's to permit.
    let terrorism = (Some(STATED.0), Some(Offence::Terrorism));
    assert_eq!(asked(rule, UseBasis::ALL, &free(), terrorism), Err("code.offence".into()));
    let referral = (Some(Purpose::PlatformReferral), Some(STATED.1));
    assert_eq!(asked(rule, UseBasis::ALL, &free(), referral), Err("code.purpose".into()));
}

#[test]
fn where_courts_take_formal_requests_only_no_permission_serves() {
    for basis in every_basis() {
        for handling in [HandlingSet::EMPTY, HandlingSet::EMPTY.with(Handling::H1)] {
            for case in
                [(None, None), (Some(STATED.0), Some(STATED.1)), (Some(OTHER.0), Some(OTHER.1))]
            {
                let class = Class { handling, ..free() };
                let found = asked(EvidenceRule::FormalRequestOnly, &basis, &class, case);
                assert_eq!(found, Err("code.evidence-rule".into()), "{basis:?} {case:?}");
            }
        }
    }
    for rule in [invariant::EVIDENCE_RULE, invariant::USE_BASIS, invariant::APPROVED_ACTIONS] {
        assert!(invariant::reason(rule).is_some());
    }
}
