//! Who may sign for a party, and when.

use super::fixture::{agency, authority_of, now};
use super::register::{Papers, days_ago, sign};
use agreement::officer::{
    Mandate, MandateKind, MayNot, OfficerCertificate, OfficerRole, Power, Revocation, Roster,
};
use agreement::{AgreementError, Phase, Scope, Step, WhyNot};
use domain::envelope::{Envelope, Payload, Signed};
use domain::name::OfficerId;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use std::collections::BTreeSet;

fn key_of(officer: &str) -> SecretKey {
    SecretKey::from_seed(&domain::digest::derive("malines test officer", &[officer.as_bytes()]))
}

fn id(officer: &str) -> OfficerId {
    officer.parse().unwrap()
}

fn certificate(officer: &str, role: OfficerRole, scope: &[Power]) -> OfficerCertificate {
    OfficerCertificate {
        agency: agency("es-pn"),
        officer: id(officer),
        role,
        key: key_of(officer).public_key(),
        scope: scope.iter().copied().collect(),
        valid_from: days_ago(100),
        valid_until: now().plus_days(100),
        authority: None,
    }
}

fn mandate(kind: MandateKind, from: &str, to: &str, powers: &[Power]) -> Mandate {
    Mandate {
        agency: agency("es-pn"),
        kind,
        from: id(from),
        to: id(to),
        powers: powers.iter().copied().collect(),
        valid_from: days_ago(5),
        valid_until: now().plus_days(5),
    }
}

fn sealed<T: Payload>(message: T, signer: &SecretKey) -> Envelope {
    Signed::seal(message, signer).into_parts().1
}

fn roster() -> Roster {
    let authority = authority_of("es-pn");
    let mut roster = Roster::new(agency("es-pn"), authority.public_key());
    for certificate in [
        certificate("ES-P01", OfficerRole::Magistrate, Power::ALL),
        certificate("ES-P02", OfficerRole::Deputy, &[]),
        certificate("ES-C03", OfficerRole::Clerk, &[Power::Prepare]),
        certificate("ES-A04", OfficerRole::Analyst, &[]),
        certificate("ES-O05", OfficerRole::Operator, &[Power::StateHead]),
    ] {
        roster.admit(sealed(certificate, &authority)).unwrap();
    }
    roster
}

fn may(roster: &Roster, officer: &str, power: Power, at: Timestamp) -> Result<(), MayNot> {
    let key = key_of(officer).key_id();
    roster.may(key, &agency("es-pn"), power, at).map(|_| ())
}

#[test]
fn a_role_bounds_what_its_holder_can_sign() {
    let roster = roster();
    let step = Step::Reject { agreement: Papers::new().first.hash() };
    let es = agency("es-pn");
    let signs = |officer: &str| roster.may_sign(key_of(officer).key_id(), &es, &step, now());
    assert_eq!(signs("ES-P01").unwrap().officer, id("ES-P01"));
    assert_eq!(signs("ES-P02").unwrap_err(), MayNot::Scope(Power::Bind));
    assert_eq!(signs("ES-C03").unwrap_err(), MayNot::Role(OfficerRole::Clerk));
    assert_eq!(signs("ES-A04").unwrap_err(), MayNot::Role(OfficerRole::Analyst));
    assert_eq!(signs("ES-X99").unwrap_err(), MayNot::NotCertified);
    assert!(may(&roster, "ES-C03", Power::Prepare, now()).is_ok());
    assert!(may(&roster, "ES-O05", Power::StateHead, now()).is_ok());
    let elsewhere = roster.may(key_of("ES-P01").key_id(), &agency("fr-oltim"), Power::Bind, now());
    assert_eq!(elsewhere.unwrap_err(), MayNot::OtherAgency);
    for at in [days_ago(101), now().plus_days(100)] {
        assert_eq!(may(&roster, "ES-P01", Power::Bind, at), Err(MayNot::OutOfTime));
    }
    assert!(MayNot::Role(OfficerRole::Clerk).to_string().contains("prepares and cannot sign"));
}

#[test]
fn a_substitute_and_a_delegate_act_for_a_time_with_what_the_giver_has() {
    let mut roster = roster();
    let authority = authority_of("es-pn");
    let duty = mandate(MandateKind::Substitution, "ES-P01", "ES-P02", &[Power::Suspend]);
    let given = mandate(MandateKind::Delegation, "ES-P01", "ES-P02", &[Power::Bind]);
    let too_much = mandate(MandateKind::Delegation, "ES-P02", "ES-C03", &[Power::Bind]);
    // Whoever signs decides what kind it can be.
    assert!(roster.admit(sealed(duty.clone(), &key_of("ES-P01"))).is_err());
    assert!(roster.admit(sealed(given.clone(), &authority)).is_err());
    assert_eq!(roster.admit(sealed(duty.clone(), &key_of("ES-X99"))), Err(MayNot::NotCertified));

    roster.admit(sealed(duty, &authority)).unwrap();
    assert!(may(&roster, "ES-P02", Power::Suspend, now()).is_ok());
    assert_eq!(may(&roster, "ES-P02", Power::Bind, now()), Err(MayNot::Scope(Power::Bind)));
    // A delegation in the giver's name that somebody else signed gives nothing.
    roster.admit(sealed(given.clone(), &key_of("ES-P02"))).unwrap();
    assert!(may(&roster, "ES-P02", Power::Bind, now()).is_err());
    roster.admit(sealed(given, &key_of("ES-P01"))).unwrap();
    assert!(may(&roster, "ES-P02", Power::Bind, now()).is_ok());
    assert!(may(&roster, "ES-P02", Power::Bind, now().plus_days(5)).is_err());
    assert!(may(&roster, "ES-P02", Power::Bind, days_ago(6)).is_err());
    // What was delegated is not delegated on, and never to a clerk.
    roster.admit(sealed(too_much, &key_of("ES-P02"))).unwrap();
    let clerk = may(&roster, "ES-C03", Power::Bind, now());
    assert_eq!(clerk, Err(MayNot::Role(OfficerRole::Clerk)));

    // With the giver's certificate both end.
    let giver = certificate("ES-P01", OfficerRole::Magistrate, Power::ALL);
    let certificate = sealed(giver, &authority).payload_hash();
    let revocation =
        Revocation { agency: agency("es-pn"), certificate, from: days_ago(1), after: None };
    roster.admit(sealed(revocation, &authority)).unwrap();
    assert_eq!(may(&roster, "ES-P01", Power::Bind, now()), Err(MayNot::Revoked));
    assert!(may(&roster, "ES-P01", Power::Bind, days_ago(2)).is_ok());
    assert!(may(&roster, "ES-P02", Power::Bind, now()).is_err());
    assert!(may(&roster, "ES-P02", Power::Suspend, now()).is_err());
}

#[test]
fn a_certificate_over_its_role_or_of_another_agency_is_refused() {
    let authority = authority_of("es-pn");
    let mut roster = Roster::new(agency("es-pn"), authority.public_key());
    let clerk = certificate("ES-C03", OfficerRole::Clerk, &[Power::Bind]);
    assert!(roster.admit(sealed(clerk, &authority)).is_err());
    let mut foreign = certificate("ES-P01", OfficerRole::Magistrate, Power::ALL);
    foreign.agency = agency("fr-oltim");
    assert_eq!(roster.admit(sealed(foreign, &authority)), Err(MayNot::OtherAgency));
    let own = certificate("ES-P01", OfficerRole::Magistrate, Power::ALL);
    assert!(roster.admit(sealed(own.clone(), &key_of("ES-P01"))).is_err(), "by itself");
    let mut for_ever = own;
    for_ever.valid_until = for_ever.valid_from.plus_days(1000);
    assert!(roster.admit(sealed(for_ever, &authority)).is_err());
    let powers: BTreeSet<Power> =
        OfficerRole::ALL.iter().flat_map(|role| role.powers()).copied().collect();
    assert_eq!(powers.len(), Power::ALL.len());
}

#[test]
fn an_officer_signs_for_a_party_and_a_clerk_does_not() {
    let mut papers = Papers::signed_without(&["es-pn"]);
    let authority = authority_of("es-pn");
    papers.add(certificate("ES-P01", OfficerRole::Magistrate, Power::ALL), &authority);
    papers.add(certificate("ES-C03", OfficerRole::Clerk, &[Power::StateHead]), &authority);
    let step = sign(&papers.first);
    let signature = papers.declaration("es-pn", 1, None, step, days_ago(2));

    let by_clerk = sealed(signature.clone(), &key_of("ES-C03"));
    let refused = papers.register().admit(by_clerk);
    assert_eq!(refused, Err(AgreementError::MayNot(MayNot::Role(OfficerRole::Clerk))));
    let mut late = signature.clone();
    late.made_at = now().plus_days(101);
    let refused = papers.register().admit(sealed(late, &key_of("ES-P01")));
    assert_eq!(refused, Err(AgreementError::MayNot(MayNot::OutOfTime)));
    let as_france = papers.declaration("fr-oltim", 2, None, Step::Withdraw, days_ago(2));
    assert!(papers.register().admit(sealed(as_france, &key_of("ES-P01"))).is_err());

    assert_eq!(papers.state(now()).phase(), Phase::PartlySigned);
    papers.add(signature, &key_of("ES-P01"));
    assert_eq!(papers.state(now()).phase(), Phase::InForce);

    // Who has no power to lift can still be heard when it stops; lifting takes a power.
    let (_, previous) = papers.end_of("es-pn");
    let scope = Scope::All;
    let stop = papers.declaration("es-pn", 2, previous, Step::Suspend { scope }, days_ago(2));
    let stopped = papers.add(stop, &authority);
    let deputy = certificate("ES-P02", OfficerRole::Deputy, &[Power::Suspend]);
    papers.add(deputy, &authority);
    let scope = Scope::All;
    let lift = papers.declaration("es-pn", 3, Some(stopped), Step::Lift { scope }, days_ago(1));
    papers.add(lift, &key_of("ES-P02"));
    let why = papers.state(now()).why_not(&agency("es-pn"), &agency("be-fedpol"));
    assert_eq!(why, [WhyNot::SuspendedAll].into());
    let duty = mandate(MandateKind::Substitution, "ES-P01", "ES-P02", &[Power::Lift]);
    papers.add(duty, &authority);
    assert_eq!(papers.state(now()).phase(), Phase::InForce);
}
