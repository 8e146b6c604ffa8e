//! Every rule of the state machine, taken away in turn: something passes that must not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../tests/fixture/mod.rs"]
mod fixture;
#[path = "../tests/fixture/register.rs"]
mod register;

use crate::officer::{LastPlace, OfficerCertificate, OfficerRole, Power, Revocation};
use crate::purge::Board;
use crate::rule::{Rule, Rules};
use crate::{Head, Scope, State, Step};
use domain::name::Digest;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::TransferBasis;
use fixture::{PARTIES, agency, authority_of, now, terms};
use register::{Papers, amended, days_ago, floor, new_key_of, pair, sign};

/// From Belgium to Spain: closed under every rule, open without the one named.
struct Case {
    rule: Rule,
    papers: Papers,
    now: Timestamp,
}

fn case(rule: Rule, papers: Papers) -> Case {
    Case { rule, papers, now: now() }
}

fn is_open(case: &Case, rules: Rules) -> bool {
    let register = case.papers.register();
    let state = State::judge(&register, &Board::default(), case.now, rules);
    state.carries(&agency("be-fedpol"), &agency("es-pn"))
}

fn without_ground(terms: &mut crate::Terms) {
    terms.pairs[0].transfer_basis = TransferBasis::None;
}

/// Everybody signs a version; who is left out does not.
fn sign_version(papers: &mut Papers, agreement: &crate::Agreement, left_out: &[&str]) {
    for party in PARTIES.iter().filter(|party| !left_out.contains(party)) {
        papers.say(party, sign(agreement));
    }
}

/// What an officer says ten days after the certificate was revoked.
fn say_as_revoked(papers: &mut Papers, party: &str, step: Step) {
    let officer = certify_and_revoke(papers, party, None);
    let (n, previous) = papers.end_of(party);
    let said = papers.declaration(party, n + 1, previous, step, days_ago(10));
    papers.add(said, &officer);
}

/// An officer whose certificate was revoked twenty days ago, behind a place of the chain.
fn certify_and_revoke(papers: &mut Papers, party: &str, after: Option<u32>) -> SecretKey {
    let first = papers.first.hash();
    let after = after.map(|n| LastPlace { first, n });
    let officer = SecretKey::from_seed(&[77; 32]);
    let certificate = OfficerCertificate {
        agency: agency(party),
        officer: "XX-P07".parse().unwrap(),
        role: OfficerRole::Deputy,
        key: officer.public_key(),
        scope: [Power::Bind, Power::Lift].into(),
        valid_from: days_ago(100),
        valid_until: now().plus_days(100),
        authority: None,
    };
    let authority = authority_of(party);
    let certificate = papers.add(certificate, &authority);
    let revocation = Revocation { agency: agency(party), certificate, from: days_ago(20), after };
    papers.add(revocation, &authority);
    officer
}

fn of_chains() -> Vec<Case> {
    let mut contradiction = Papers::signed_without(&[]);
    let (_, before) = contradiction.end_of("es-pn");
    contradiction.say_in("es-pn", 2, before, Step::Lift { scope: Scope::All });
    contradiction.say_in("es-pn", 2, before, Step::Lift { scope: pair("es-pn", "be-fedpol") });

    let mut gap = Papers::signed_without(&[]);
    let suspended = gap.say("es-pn", Step::Suspend { scope: Scope::All });
    gap.say("es-pn", Step::Lift { scope: pair("es-pn", "be-fedpol") });
    gap.forget(suspended);

    let mut withheld = Papers::signed_without(&[]);
    let suspended = withheld.say("es-pn", Step::Suspend { scope: Scope::All });
    withheld.head("es-pn", days_ago(1), &authority_of("es-pn"));
    withheld.forget(suspended);

    let mut silent = Papers::new();
    for party in PARTIES {
        silent.say(party, sign(&silent.first.clone()));
    }
    for party in PARTIES.iter().filter(|party| **party != "es-pn") {
        silent.head(party, days_ago(1), &authority_of(party));
    }
    silent.head("es-pn", days_ago(7), &authority_of("es-pn"));

    let mut future = Papers::signed_without(&["es-pn"]);
    let step = sign(&future.first.clone());
    future.say_at("es-pn", step, now().plus_days(1));

    vec![
        case(Rule::Contradiction, contradiction),
        case(Rule::UnbrokenChain, gap),
        case(Rule::HeadsBind, withheld),
        case(Rule::FreshHead, silent),
        case(Rule::NotFromTheFuture, future),
    ]
}

fn of_keys() -> Vec<Case> {
    let mut half_accepted = Papers::signed_without(&[]);
    let replacement = half_accepted.replace_key("es-pn");
    for party in ["be-fedpol", "fr-oltim"] {
        half_accepted.say(party, Step::AcceptKey { replacement });
    }

    let mut pending = Papers::signed_without(&[]);
    pending.replace_key("es-pn");

    let mut foreign = Papers::signed_without(&[]);
    let changed = amended(&foreign.first, |terms| {
        terms.parties[1].authority_key = new_key_of("es-pn").public_key();
    });
    sign_version(&mut foreign, &changed, &[]);
    foreign.later.push(changed);

    let mut revoked = Papers::signed_without(&["es-pn"]);
    let step = sign(&revoked.first);
    say_as_revoked(&mut revoked, "es-pn", step);

    // The holder of a stolen key writes a date from before the revocation.
    let mut dated_back = Papers::signed_without(&[]);
    dated_back.say_at("es-pn", Step::Suspend { scope: Scope::All }, days_ago(25));
    let (n, previous) = dated_back.end_of("es-pn");
    let stolen = certify_and_revoke(&mut dated_back, "es-pn", Some(n));
    let lift = Step::Lift { scope: Scope::All };
    let lift = dated_back.declaration("es-pn", n + 1, previous, lift, days_ago(24));
    dated_back.add(lift, &stolen);

    // Its authority named no place, but what it said later does.
    let mut out_of_order = Papers::signed_without(&[]);
    let stolen = certify_and_revoke(&mut out_of_order, "es-pn", None);
    out_of_order.say_at("es-pn", Step::Suspend { scope: Scope::All }, days_ago(9));
    let (n, previous) = out_of_order.end_of("es-pn");
    let lift = Step::Lift { scope: Scope::All };
    let lift = out_of_order.declaration("es-pn", n + 1, previous, lift, days_ago(24));
    out_of_order.add(lift, &stolen);

    vec![
        case(Rule::NotBackdated, dated_back),
        case(Rule::NotBackdated, out_of_order),
        case(Rule::EveryPartyAcceptsAKey, half_accepted),
        case(Rule::KeyPending, pending),
        case(Rule::KeyByRoot, foreign),
        case(Rule::OfficerMay, revoked),
    ]
}

fn of_versions() -> Vec<Case> {
    let mut narrow = terms(floor());
    without_ground(&mut narrow);

    let mut partly = Papers::about(narrow.clone());
    partly.sign_all(&[]);
    let wider = amended(&partly.first, |terms| {
        terms.pairs[0].transfer_basis = TransferBasis::IntraLed;
    });
    sign_version(&mut partly, &wider, &["ma-dgsn"]);
    partly.later.push(wider);

    let mut superseded = Papers::signed_without(&[]);
    let narrower = amended(&superseded.first, without_ground);
    sign_version(&mut superseded, &narrower, &["fr-oltim"]);
    say_as_revoked(&mut superseded, "fr-oltim", sign(&narrower));
    superseded.later.push(narrower);

    let mut hidden = Papers::signed_without(&[]);
    let narrower = amended(&hidden.first, without_ground);
    sign_version(&mut hidden, &narrower, &["fr-oltim"]);
    let signature = hidden.say("fr-oltim", sign(&narrower));
    hidden.say("fr-oltim", Step::Suspend { scope: Scope::All });
    hidden.forget(signature);
    hidden.later.push(narrower);

    let mut rivals = Papers::signed_without(&[]);
    for scope in ["Advertisements since 2025", "Advertisements since 2026"] {
        let rival = amended(&rivals.first, |terms| terms.facts_scope = scope.into());
        sign_version(&mut rivals, &rival, &[]);
        rivals.later.push(rival);
    }

    let mut unknown = Papers::signed_without(&[]);
    let unseen = amended(&unknown.first, without_ground);
    sign_version(&mut unknown, &unseen, &[]);

    let mut late = Papers::new();
    let (agreement, sign_by) = (late.first.hash(), days_ago(12));
    late.say_at("be-fedpol", Step::Propose { agreement, sign_by }, days_ago(30));
    for party in PARTIES {
        let days = if party == "es-pn" { 11 } else { 20 };
        late.say_at(party, sign(&late.first.clone()), days_ago(days));
    }
    late.heads();

    vec![
        case(Rule::EveryPartySigns, partly),
        case(Rule::SignaturesSupersede, superseded),
        case(Rule::GapsSupersede, hidden),
        case(Rule::OneVersion, rivals),
        case(Rule::UnknownVersion, unknown),
        case(Rule::SignBy, late),
    ]
}

fn of_wills_and_grounds() -> Vec<Case> {
    let mut refused = Papers::signed_without(&[]);
    let agreement = refused.first.hash();
    refused.say("es-pn", Step::Reject { agreement });

    let mut back = Papers::signed_without(&[]);
    back.say("es-pn", Step::Withdraw);
    let step = sign(&back.first.clone());
    back.say("es-pn", step);

    let mut groundless = terms(floor());
    without_ground(&mut groundless);
    let mut groundless = Papers::about(groundless);
    groundless.sign_all(&[]);

    let mut lawful = terms(floor());
    lawful.offence_map[1].article = None;
    let mut lawful = Papers::about(lawful);
    lawful.sign_all(&[]);

    let mut early = terms(floor());
    early.valid_from = now().minus_ms(60_000);
    let mut early = Papers::about(early);
    early.sign_all(&[]);

    vec![
        case(Rule::NarrowingWins, refused),
        case(Rule::LeavingIsFinal, back),
        case(Rule::TransferBasis, groundless),
        case(Rule::CommonOffence, lawful),
        case(Rule::BothClocks, early),
    ]
}

#[test]
fn without_a_rule_something_passes_that_must_not() {
    let mut cases = of_chains();
    cases.extend(of_keys());
    cases.extend(of_versions());
    cases.extend(of_wills_and_grounds());
    for rule in Rule::ALL {
        let of_rule: Vec<&Case> = cases.iter().filter(|case| case.rule == *rule).collect();
        assert!(!of_rule.is_empty(), "no case for {rule:?}");
        for case in of_rule {
            assert!(!is_open(case, Rules::ALL), "{rule:?} does not hold");
            assert!(is_open(case, Rules::without(*rule)), "{rule:?} is not what closes it");
        }
    }
}

#[test]
fn the_sample_is_open_so_that_a_case_can_fail() {
    let open = case(Rule::Contradiction, Papers::signed_without(&[]));
    assert!(is_open(&open, Rules::ALL));
}

#[test]
fn a_head_that_denies_what_is_known_is_a_contradiction_and_both_are_kept() {
    let mut papers = Papers::signed_without(&[]);
    let last = Some(Digest::from_bytes([3; 32]));
    let first = papers.first.hash();
    let head = Head { party: agency("es-pn"), first, n: 1, last, made_at: days_ago(1) };
    papers.add(head, &authority_of("es-pn"));
    let state = papers.state(now());
    let why_not = state.why_not(&agency("be-fedpol"), &agency("es-pn"));
    assert_eq!(why_not, [crate::WhyNot::Contradiction].into());
    assert!(state.carries(&agency("be-fedpol"), &agency("fr-oltim")));
    let proofs = papers.register().equivocations();
    assert_eq!(proofs.len(), 1);
    assert_eq!(proofs[0].party, agency("es-pn"));
    assert_ne!(proofs[0].one, proofs[0].other);
}
