//! What people approved of one record: exactly what they signed, on both ends, and never more.

use crate::fixture::{self, agency, authority_of, now};
use crate::{floor, gate_of, open_gate};
use agreement::officer::{OfficerCertificate, OfficerRole, Revocation};
use agreement::{Agreement, Register};
use domain::approval::{APPROVALS_MAX, Approval, ApprovedAct};
use domain::class::Class;
use domain::envelope::{Envelope, Signed};
use domain::label::HandlingSet;
use domain::name::RecordId;
use domain::record::Version;
use domain::refusal::RefusalCode;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::{
    Age, AgencyKind, Channel, Depicts, Handling, Onward, Purpose, Subject as Who, Tlp,
};
use policy::approval::{Subject, Used};
use policy::table::TableEvaluator;
use policy::{Action, Decision, Gate, Held};
use std::sync::Arc;

const RECORD: RecordId = RecordId::from_bytes([7; 16]);

fn key_of(officer: &str) -> SecretKey {
    SecretKey::from_seed(&domain::digest::derive("malines test officer", &[officer.as_bytes()]))
}

fn certificate(officer: &str, key: &SecretKey, role: OfficerRole) -> Envelope {
    certificate_of(officer, key, role, None)
}

fn certificate_of(
    officer: &str,
    key: &SecretKey,
    role: OfficerRole,
    authority: Option<AgencyKind>,
) -> Envelope {
    let certificate = OfficerCertificate {
        agency: agency("be-fedpol"),
        officer: officer.parse().unwrap(),
        role,
        key: key.public_key(),
        scope: role.powers().iter().copied().collect(),
        valid_from: now().minus_ms(30 * Timestamp::DAY_MS),
        valid_until: now().plus_days(30),
        authority,
    };
    Signed::seal(certificate, &authority_of("be-fedpol")).into_parts().1
}

/// BE-1 and BE-2 are magistrates, BE-3 is an analyst, BE-4 was revoked yesterday, BE-5 holds the key
/// of BE-1 under another name, BE-1 holds a second key, and BE-6 is of a court.
fn register() -> Register {
    let agreement = Agreement::new(fixture::terms(floor())).unwrap();
    register_of(&agreement)
}

fn register_of(agreement: &Agreement) -> Register {
    let mut register = fixture::register_without(agreement, &[]);
    let magistrate = OfficerRole::Magistrate;
    for (officer, key, role) in [
        ("BE-1", "BE-1", magistrate),
        ("BE-1", "BE-1 again", magistrate),
        ("BE-2", "BE-2", OfficerRole::Deputy),
        ("BE-3", "BE-3", OfficerRole::Analyst),
        ("BE-4", "BE-4", magistrate),
        ("BE-5", "BE-1", magistrate),
    ] {
        register.admit(certificate(officer, &key_of(key), role)).unwrap();
    }
    let judge = Some(AgencyKind::Judicial);
    register.admit(certificate_of("BE-6", &key_of("BE-6"), magistrate, judge)).unwrap();
    let revoked = Revocation {
        agency: agency("be-fedpol"),
        certificate: certificate("BE-4", &key_of("BE-4"), magistrate).payload_hash(),
        from: now().minus_ms(Timestamp::DAY_MS),
        after: None,
    };
    register.admit(Signed::seal(revoked, &authority_of("be-fedpol")).into_parts().1).unwrap();
    register
}

fn gate(own: &str) -> Gate {
    let gate = Gate::new(agency(own), Arc::new(TableEvaluator::open(floor())));
    gate.replace_agreements(vec![Arc::new(register())]).unwrap();
    gate
}

/// What Belgium restricted, and did not state for Morocco.
fn restricted() -> Class {
    Class {
        audience: [agency("es-pn")].into(),
        onward: Onward::WithOriginatorConsent,
        ..fixture::class()
    }
}

/// A minor, for protection, stated for Spain and Morocco.
fn minor() -> Class {
    Class {
        purposes: [Purpose::VictimProtection].into(),
        age: Age::Minor,
        audience: [agency("es-pn"), agency("ma-dgsn")].into(),
        ..fixture::class()
    }
}

fn approval(officer: &str, class: &Class) -> Approval {
    Approval {
        agency: agency("be-fedpol"),
        officer: officer.parse().unwrap(),
        record_id: RECORD,
        version: Version::FIRST,
        agreement: "malines-2026".parse().unwrap(),
        peer: agency("ma-dgsn"),
        purposes: class.purposes.clone(),
        act: ApprovedAct::Share,
        reason: "a reason".into(),
        made_at: now().minus_ms(60_000),
        valid_until: now().plus_days(5),
    }
}

fn sign(approval: Approval, key: &str) -> Envelope {
    Signed::seal(approval, &key_of(key)).into_parts().1
}

fn signed(officer: &str, class: &Class) -> Envelope {
    sign(approval(officer, class), officer)
}

/// What both ends decide; they never differ.
fn decide(class: &Class, approvals: &[Envelope]) -> Decision {
    decide_at(class, approvals, now())
}

fn decide_at(class: &Class, approvals: &[Envelope], at: Timestamp) -> Decision {
    let class = Arc::new(class.clone());
    let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
    let (origin, partner) = (agency("be-fedpol"), agency("ma-dgsn"));
    let (sent, _) =
        gate("be-fedpol").decide_record(Action::Share, &partner, &subject, approvals, at);
    let (taken, _) =
        gate("ma-dgsn").decide_record(Action::Receive, &origin, &subject, approvals, at);
    assert_eq!(sent.is_allow(), taken.is_allow(), "{sent:?} {taken:?}");
    assert_eq!(sent.rule(), taken.rule());
    sent
}

fn persons_needed(decision: &Decision) -> Option<u8> {
    match decision {
        Decision::NeedsApproval { persons, .. } => Some(*persons),
        _ => None,
    }
}

#[test]
fn one_consent_is_for_one_partner_and_opens_one_class() {
    let class = restricted();
    let by_itself = open_gate().decide_class(
        Action::Share,
        &agency("ma-dgsn"),
        &Arc::new(class.clone()),
        Channel::Authority,
        now(),
    );
    assert_eq!(by_itself.rule(), Some("code.audience"));
    assert_eq!(decide(&class, &[]).rule(), Some("code.audience"));
    let decision = decide(&class, &[signed("BE-1", &class)]);
    let permit = decision.permit().unwrap();
    // The permit opens what was signed, with the audience that was signed.
    assert!(Held::new((), Arc::new(class.clone())).release(&permit).is_ok());
    let mut wider = class;
    wider.audience.insert(agency("ma-dgsn"));
    assert!(Held::new((), Arc::new(wider)).release(&permit).is_err());
}

#[test]
fn a_minor_takes_two_persons() {
    let class = minor();
    assert_eq!(persons_needed(&decide(&class, &[])), Some(2));
    let (one, other) = (signed("BE-1", &class), signed("BE-2", &class));
    assert_eq!(persons_needed(&decide(&class, core::slice::from_ref(&one))), Some(2));
    assert!(decide(&class, &[one.clone(), other]).is_allow());
    // The authority's own key is one person.
    let authority = Signed::seal(approval("BE-0", &class), &authority_of("be-fedpol"));
    let authority = authority.into_parts().1;
    assert!(decide(&class, &[one.clone(), authority.clone()]).is_allow());
    let renamed = Signed::seal(approval("BE-00", &class), &authority_of("be-fedpol"));
    assert!(!decide(&class, &[authority, renamed.into_parts().1]).is_allow());
    // One person is one person, whatever key and name it takes.
    let again = sign(Approval { reason: "anew".into(), ..approval("BE-1", &class) }, "BE-1");
    let second_key = sign(approval("BE-1", &class), "BE-1 again");
    let second_name = sign(approval("BE-5", &class), "BE-1");
    for same in [one.clone(), again, second_key, second_name] {
        assert_eq!(persons_needed(&decide(&class, &[one.clone(), same])), Some(2));
    }
    // Two of the prosecution are asked for, and a court is none.
    let of_court = signed("BE-6", &class);
    assert_eq!(persons_needed(&decide(&class, &[one.clone(), of_court])), Some(2));
    let ordinary = restricted();
    assert!(
        decide(&ordinary, &[signed("BE-6", &ordinary)]).is_allow(),
        "no kind is asked for here"
    );
    let filled = vec![one; APPROVALS_MAX + 3];
    assert_eq!(persons_needed(&decide(&class, &filled)), Some(2));
}

#[test]
fn what_is_not_exactly_approved_is_not_approved() {
    let class = restricted();
    let base = approval("BE-1", &class);
    let court = ApprovedAct::JudicialUse { case_reference: "C 1".into() };
    let other_version = Version { epoch: 1, n: 2 };
    let wrong: Vec<(&str, Envelope)> = vec![
        ("partner", sign(Approval { peer: agency("fr-oltim"), ..base.clone() }, "BE-1")),
        (
            "record",
            sign(Approval { record_id: RecordId::from_bytes([8; 16]), ..base.clone() }, "BE-1"),
        ),
        ("version", sign(Approval { version: other_version, ..base.clone() }, "BE-1")),
        (
            "purpose",
            sign(Approval { purposes: [Purpose::Prosecution].into(), ..base.clone() }, "BE-1"),
        ),
        (
            "agreement",
            sign(Approval { agreement: "other-2026".parse().unwrap(), ..base.clone() }, "BE-1"),
        ),
        ("agency", sign(Approval { agency: agency("es-pn"), ..base.clone() }, "BE-1")),
        ("act", sign(Approval { act: court, ..base.clone() }, "BE-1")),
        ("end", sign(Approval { valid_until: now(), ..base.clone() }, "BE-1")),
        ("beginning", sign(Approval { made_at: now().plus_ms(3_600_000), ..base.clone() }, "BE-1")),
        (
            "before the certificate",
            sign(
                Approval { made_at: now().minus_ms(40 * Timestamp::DAY_MS), ..base.clone() },
                "BE-1",
            ),
        ),
        ("an analyst", signed("BE-3", &class)),
        ("a revoked magistrate", signed("BE-4", &class)),
        (
            "a revoked magistrate, dated before",
            sign(
                Approval {
                    made_at: now().minus_ms(3 * Timestamp::DAY_MS),
                    ..approval("BE-4", &class)
                },
                "BE-4",
            ),
        ),
        ("another's name", sign(approval("BE-2", &class), "BE-1")),
        ("nobody's key", sign(base.clone(), "nobody")),
        (
            "a partner's authority",
            Signed::seal(base.clone(), &authority_of("es-pn")).into_parts().1,
        ),
        ("forged", {
            let mut forged = sign(base.clone(), "BE-1");
            let last = forged.payload.len() - 1;
            forged.payload[last] ^= 1;
            forged
        }),
        ("another type", {
            let mut envelope = sign(base, "BE-1");
            envelope.payload_type = "application/vnd.malines.record.v1+cbor".into();
            envelope
        }),
    ];
    for (what, envelope) in &wrong {
        let decision = decide(&class, core::slice::from_ref(envelope));
        assert_eq!(decision.rule(), Some("code.audience"), "{what}: {decision:?}");
    }
    let all: Vec<Envelope> = wrong.into_iter().map(|(_, envelope)| envelope).collect();
    assert!(!decide(&class, &all).is_allow(), "all of them together are nothing, too");
}

#[test]
fn an_approval_ends_with_its_time_and_with_the_power_of_who_gave_it() {
    let class = restricted();
    let long = Approval { valid_until: now().plus_days(200), ..approval("BE-1", &class) };
    let (short, long) = (signed("BE-1", &class), sign(long, "BE-1"));
    let at = |envelope: &Envelope, days| {
        let at = now().plus_days(days);
        // Time also makes heads old; here only the approval is looked at.
        let class = Arc::new(class.clone());
        let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
        let (wanted_act, recipient) = (ApprovedAct::Share, agency("ma-dgsn"));
        let wanted = policy::approval::Wanted {
            subject: &subject,
            recipient: &recipient,
            act: &wanted_act,
            purpose: None,
        };
        gate("be-fedpol").check_approval(envelope, wanted, at).map_err(|refusal| refusal.code)
    };
    assert!(at(&short, 4).is_ok());
    assert_eq!(at(&short, 5), Err(RefusalCode::Expired));
    assert!(at(&long, 29).is_ok());
    assert_eq!(at(&long, 30), Err(RefusalCode::OfficerNotEntitled));
}

#[test]
fn an_approval_lifts_no_rule() {
    let base = minor();
    let never = Class { onward: Onward::Never, ..restricted() };
    for (rule, class) in [
        ("code.smuggled-migrant", Class { subject: Who::SmuggledMigrant, ..base.clone() }),
        ("code.tlp-red", Class { tlp: Tlp::Red, ..base.clone() }),
        ("code.minor", Class { purposes: [Purpose::Investigation].into(), ..base.clone() }),
        ("code.purpose", Class { purposes: [Purpose::Detection].into(), ..base.clone() }),
        ("code.sealed-kind", Class { kind: domain::indicator::Kind::Phone, ..base.clone() }),
        ("code.audience", never),
        ("code.onward", Class { onward: Onward::WithinParties, ..restricted() }),
        (
            "code.depicted",
            Class {
                depicts: Depicts::Minors,
                age: Age::Adult,
                purposes: [Purpose::Investigation].into(),
                ..base
            },
        ),
    ] {
        let approvals = [signed("BE-1", &class), signed("BE-2", &class)];
        assert_eq!(decide(&class, &approvals).rule(), Some(rule));
    }
    // Nor a rule of a file, nor a fault in one.
    let class = minor();
    let approvals = [signed("BE-1", &class), signed("BE-2", &class)];
    let asked = |evaluator| {
        let gate = gate_of("be-fedpol", evaluator);
        gate.replace_agreements(vec![Arc::new(register())]).unwrap();
        let class = Arc::new(class.clone());
        let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
        let peer = agency("ma-dgsn");
        gate.decide_record(Action::Share, &peer, &subject, &approvals, now()).0
    };
    let open = || TableEvaluator::open(floor());
    assert!(asked(open()).is_allow());
    assert_eq!(asked(open().forbid("no", |e| e.approvals.total() >= 2)).rule(), Some("no"));
    assert_eq!(asked(TableEvaluator::new(floor())).rule(), Some("code.default-deny"));
    assert_eq!(asked(open().faulty("why")).rule(), Some("code.evaluator"));
    let more = open().approve("three", domain::value::AgencyKind::Prosecution, 3, |_| true);
    assert_eq!(persons_needed(&asked(more)), Some(3));
    // Nor the channel.
    let mut terms = fixture::terms(floor());
    terms.channels.remove(&Channel::Authority);
    let gate = Gate::new(agency("be-fedpol"), Arc::new(open()));
    let agreement = Agreement::new(terms).unwrap();
    gate.replace_agreements(vec![Arc::new(register_of(&agreement))]).unwrap();
    let class = Arc::new(class);
    let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
    let peer = agency("ma-dgsn");
    let (decision, _) = gate.decide_record(Action::Share, &peer, &subject, &approvals, now());
    assert_eq!(decision.rule(), Some("code.channel"));
}

#[test]
fn the_agreement_lists_who_approves_and_how_many() {
    let mut terms = fixture::terms(floor());
    terms.approvers[0].quorum = 2;
    terms.approvers[0].purposes = [Purpose::Investigation].into();
    let agreement = Agreement::new(terms).unwrap();
    let gate = Gate::new(agency("be-fedpol"), Arc::new(TableEvaluator::open(floor())));
    gate.replace_agreements(vec![Arc::new(register_of(&agreement))]).unwrap();
    let asked = |class: &Class, approvals: &[Envelope]| {
        let class = Arc::new(class.clone());
        let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
        let peer = agency("ma-dgsn");
        gate.decide_record(Action::Share, &peer, &subject, approvals, now()).0
    };
    let class = restricted();
    let both = [signed("BE-1", &class), signed("BE-2", &class)];
    assert_eq!(persons_needed(&asked(&class, &both[..1])), Some(2));
    assert!(asked(&class, &both).is_allow());
    let unlisted = minor();
    let both = [signed("BE-1", &unlisted), signed("BE-2", &unlisted)];
    assert_eq!(asked(&unlisted, &both).rule(), Some("code.approvers"));
}

/// How many persons permit the use in court of a record of this class, and how many it takes.
fn court_use(
    class: &Class,
    case: &str,
    approvals: &[Envelope],
) -> Result<(usize, u8), RefusalCode> {
    court_use_for(class, case, class.purposes.first().copied(), approvals)
}

fn court_use_for(
    class: &Class,
    case: &str,
    purpose: Option<Purpose>,
    approvals: &[Envelope],
) -> Result<(usize, u8), RefusalCode> {
    let offence = class.offences.first().copied();
    let class = Arc::new(class.clone());
    let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
    let holder = agency("ma-dgsn");
    let used = Used { holder: &holder, case, purpose, offence };
    let used = gate("ma-dgsn").decide_court_use(used, &subject, approvals, now());
    used.map(|used| (used.approved.persons.len(), used.needed)).map_err(|refusal| refusal.code)
}

/// Signed by somebody of Belgium for the use in court in a case.
fn court(officer: &str, class: &Class, case_reference: &str) -> Envelope {
    let act = ApprovedAct::JudicialUse { case_reference: case_reference.into() };
    sign(Approval { act, ..approval(officer, class) }, officer)
}

#[test]
fn a_use_in_court_is_for_the_case_that_is_named() {
    let handling = HandlingSet::EMPTY.with(Handling::H1);
    let class = Class { handling, ..restricted() };
    let ask = |case: &str, approvals: &[Envelope]| court_use(&class, case, approvals);
    assert_eq!(ask("C 1", &[]), Ok((0, 1)));
    assert_eq!(ask("C 1", &[court("BE-1", &class, "C 1")]), Ok((1, 1)));
    assert_eq!(ask("C 2", &[court("BE-1", &class, "C 1")]), Ok((0, 1)));
    assert_eq!(ask("C 1", &[signed("BE-1", &class)]), Ok((0, 1)), "sharing is not use in court");
    assert_eq!(ask("C 1", &[court("BE-3", &class, "C 1")]), Ok((0, 1)), "an analyst");
}

#[test]
fn what_no_provider_restricts_takes_nobody_and_what_is_protected_takes_two() {
    let free = Class { handling: HandlingSet::EMPTY, ..restricted() };
    assert_eq!(court_use(&free, "C 1", &[]), Ok((0, 0)));
    for purpose in [None, Some(Purpose::ThreatToLife)] {
        assert_eq!(court_use_for(&free, "C 1", purpose, &[]), Ok((0, 1)), "for what nobody stated");
    }
    for restriction in [Handling::H1, Handling::H3] {
        let handling = HandlingSet::EMPTY.with(restriction);
        assert_eq!(court_use(&Class { handling, ..restricted() }, "C 1", &[]), Ok((0, 1)));
        assert_eq!(court_use(&Class { handling, ..minor() }, "C 1", &[]), Ok((0, 2)));
    }
    let nobody = Class { subject: Who::SmuggledMigrant, ..restricted() };
    assert_eq!(court_use(&nobody, "C 1", &[]), Err(RefusalCode::SmuggledMigrant));
}
