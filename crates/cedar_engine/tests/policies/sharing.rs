//! Partners that the rules cannot tell apart share what the rules said, and nothing else changes.

use crate::fixture::{self, agency, authority_of, now};
use crate::{OPEN, engine};
use agreement::terms::{NationalOffence, Pair, Party, PartyRole};
use agreement::{Agreement, Register, Scope, Step};
use cedar_engine::Engine;
use domain::class::Class;
use domain::name::{AgencyId, Digest};
use domain::question::QuestionTerms;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::{AgencyKind, Channel, Purpose, TransferBasis, Urgency};
use policy::{Action, Decision, Evaluation, Evaluator, Gate, Verdict};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const OWN: &str = "be-fedpol";
/// Three of Spain and two of Morocco, which rules may or may not tell apart.
const OTHERS: [&str; 6] = ["es-gc", "es-pn", "es-sva", "fr-oltim", "ma-dgsn", "ma-gr"];

/// Names two of the partners, in the head of a rule and inside of one.
const NAMING: &str = r#"
@id("L01") @reason("x") permit (principal, action, resource);
@id("L02") @reason("x") forbid (principal == Agency::"es-gc", action == Action::"Share", resource);
@id("L03") @reason("x") forbid (principal, action == Action::"Show", resource)
when { resource.audience.contains(Agency::"ma-gr") && principal != Agency::"ma-gr" };
"#;

/// Looks at how the partner stands to the record in every way there is, and names nobody.
const RELATING: &str = r#"
@id("L01") @reason("x") permit (principal, action in [Action::"Ask", Action::"Answer"], resource)
when { principal.role == Role::"PARTY" };
@id("L02") @reason("x") permit (principal, action in [Action::"Share", Action::"Show"], resource)
when { resource.audience.contains(principal) && !([principal, context.own].containsAll(resource.audience)) };
@id("L03") @reason("x") forbid (principal, action in [Action::"Share", Action::"Show"], resource)
when { resource.audience == [principal] || principal.country like "M*" };
@id("L04") @reason("x") @approval("PROSECUTION")
permit (principal, action == Action::"Share", resource)
when { principal.kind == AgencyKind::"PROSECUTION" && context.approvals >= 1 };
"#;

fn locals() -> Vec<String> {
    let shipped = ["be", "es", "fr", "ma"].map(|file| {
        let path = format!("{}/../../deploy/policy/{file}.cedar", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    });
    let written = [OPEN, NAMING, RELATING].map(str::to_owned);
    shipped.into_iter().chain(written).collect()
}

/// What an agreement says of the partners: the basis, kind and role of each, and who suspended.
#[derive(Debug, Clone)]
struct World {
    partners: Vec<(TransferBasis, AgencyKind, PartyRole)>,
    suspended: Option<usize>,
    silent: Option<usize>,
}

/// Every partner of a country alike.
fn even() -> World {
    let one = (TransferBasis::IntraLed, AgencyKind::Police, PartyRole::Party);
    let third = (TransferBasis::Led371aInstrument, AgencyKind::Police, PartyRole::Party);
    let partners = vec![one, one, one, one, third, third];
    World { partners, suspended: None, silent: None }
}

fn any_world() -> impl Strategy<Value = World> {
    let basis = select(vec![0_u8, 0, 0, 1, 2]);
    let kind = select(vec![AgencyKind::Police, AgencyKind::Police, AgencyKind::Prosecution]);
    let role = select(vec![PartyRole::Party, PartyRole::Party, PartyRole::Participant]);
    let partners = proptest::collection::vec((basis, kind, role), OTHERS.len());
    let rarely = || prop_oneof![3 => Just(None), 1 => (0..OTHERS.len()).prop_map(Some)];
    (partners, rarely(), rarely()).prop_map(|(chosen, suspended, silent)| {
        let partners = chosen.into_iter().zip(even().partners);
        let partners = partners.map(|((basis, kind, role), (usual, ..))| {
            let basis = match basis {
                0 => usual,
                1 => TransferBasis::None,
                _ => TransferBasis::Led371aInstrument,
            };
            (basis, kind, role)
        });
        World { partners: partners.collect(), suspended, silent }
    })
}

fn register(world: &World, floor: Digest) -> Arc<Register> {
    let mut terms = fixture::terms(floor);
    let pattern = terms.parties[0].clone();
    let party = |name: &str, kind, role| Party {
        agency: agency(name),
        country: name[..2].to_uppercase().parse().unwrap(),
        kind,
        role,
        root_key: SecretKey::from_seed(&domain::digest::derive("a root", &[name.as_bytes()]))
            .public_key(),
        authority_key: authority_of(name).public_key(),
        ..pattern.clone()
    };
    terms.parties = vec![party(OWN, AgencyKind::Police, PartyRole::Leader)];
    let everybody = OTHERS.iter().zip(&world.partners);
    terms.parties.extend(everybody.map(|(name, (_, kind, role))| party(name, *kind, *role)));
    let mut pairs = Vec::new();
    for (name, (basis, ..)) in OTHERS.iter().zip(&world.partners) {
        for (from, to) in [(OWN, *name), (*name, OWN)] {
            let transfer_basis = match basis {
                TransferBasis::Led371aInstrument if from.starts_with("ma") => {
                    TransferBasis::Convention108
                }
                TransferBasis::IntraLed if name.starts_with("ma") => TransferBasis::Convention108,
                other => *other,
            };
            let needs_safeguards = transfer_basis == TransferBasis::Led371aInstrument;
            pairs.push(Pair {
                from: agency(from),
                to: agency(to),
                transfer_basis,
                safeguards: needs_safeguards.then(|| Digest::from_bytes([7; 32])),
                condition: None,
                channels: None,
            });
        }
    }
    pairs.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
    terms.pairs = pairs;
    let countries = terms.operates_in.iter();
    let entries = terms.offences.iter().flat_map(|offence| {
        countries.clone().map(|country| NationalOffence {
            offence: *offence,
            country: country.clone(),
            article: Some("the article".into()),
        })
    });
    terms.offence_map = entries.collect();
    terms.clauses[0].binds = terms.parties.iter().map(|party| party.agency.clone()).collect();
    let agreement = Agreement::new(terms).unwrap();
    let mut register = Register::new(agreement.clone()).unwrap();
    for (place, name) in core::iter::once(OWN).chain(OTHERS).enumerate() {
        let (party, signer) = (agency(name), authority_of(name));
        let (shown, language) = (Digest::from_bytes([2; 32]), agreement::Language::English);
        let step = Step::Sign { agreement: agreement.hash(), shown, language };
        register.declare(&party, step, agreement.valid_from, &signer).unwrap();
        if world.suspended.is_some_and(|one| one + 1 == place) {
            let step = Step::Suspend { scope: Scope::All };
            register.declare(&party, step, now().minus_ms(Timestamp::DAY_MS), &signer).unwrap();
        }
        let days = if world.silent.is_some_and(|one| one + 1 == place) { 30 } else { 1 };
        let heard = now().minus_ms(days * Timestamp::DAY_MS);
        let _ = register.state_head(&party, heard, &signer);
    }
    Arc::new(register)
}

fn gate(evaluator: Arc<dyn Evaluator>, register: &Arc<Register>) -> Gate {
    let gate = Gate::new(agency(OWN), evaluator);
    gate.replace_agreements(vec![Arc::clone(register)]).unwrap();
    gate
}

/// Everything that is asked of a gate about one partner.
fn decisions(
    gate: &Gate,
    peer: &AgencyId,
    class: &Arc<Class>,
    terms: &QuestionTerms,
) -> Vec<Decision> {
    let of_class = |action, channel| gate.decide_class(action, peer, class, channel, now());
    let terms = QuestionTerms { kind: class.kind, ..terms.clone() };
    let mut taken = Class::clone(class);
    taken.origin = peer.clone();
    taken.audience.insert(agency(OWN));
    let taken = Arc::new(taken);
    vec![
        of_class(Action::Share, Channel::Automated),
        of_class(Action::Share, Channel::Authority),
        gate.decide_class(Action::Receive, peer, &taken, Channel::Automated, now()),
        gate.decide_terms(Action::Ask, peer, &terms, now()),
        gate.decide_terms(Action::Answer, peer, &terms, now()),
        gate.decide_answer(peer, &terms, class, now()),
    ]
}

fn any_case() -> impl Strategy<Value = (Class, QuestionTerms)> {
    let audience = subsequence(OTHERS.to_vec(), 1..=OTHERS.len());
    let question = (
        select(vec![Purpose::Investigation, Purpose::Investigation, Purpose::VictimProtection]),
        select(vec![Channel::Analyst, Channel::Automated, Channel::Authority]),
        select(Urgency::ALL),
    );
    let class = prop_oneof![fixture::likely_class(), fixture::any_class()];
    (class, audience, question, any::<bool>()).prop_map(|(mut class, audience, chosen, own)| {
        class.audience = audience.into_iter().map(agency).collect::<BTreeSet<_>>();
        if own {
            class.origin = agency(OWN);
        }
        let (purpose, channel, urgency) = chosen;
        (class, QuestionTerms { purpose, channel, urgency, ..fixture::question() })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    /// One gate for everybody, which shares, and a fresh one for each partner, which cannot.
    #[test]
    fn sharing_never_changes_a_decision(
        world in any_world(),
        local in select(locals()),
        cases in proptest::collection::vec(any_case(), 4),
    ) {
        let engine = Arc::new(engine(&local));
        let register = register(&world, engine.floor_hash());
        let shared = gate(Arc::<Engine>::clone(&engine), &register);
        for (class, terms) in cases {
            let class = Arc::new(class);
            for name in OTHERS {
                let peer = agency(name);
                let alone = gate(Arc::<Engine>::clone(&engine), &register);
                let (one, other) = (
                    decisions(&shared, &peer, &class, &terms),
                    decisions(&alone, &peer, &class, &terms),
                );
                prop_assert_eq!(one, other, "{}", name);
            }
        }
    }
}

/// Counts what Cedar is asked, and may hide that rules name somebody.
struct Watched {
    engine: Engine,
    asked: AtomicUsize,
    hides_names: bool,
}

impl Evaluator for Watched {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.engine.evaluate(evaluation)
    }

    fn may_name(&self, agency: &AgencyId) -> bool {
        !self.hides_names && self.engine.may_name(agency)
    }

    fn floor_hash(&self) -> Digest {
        self.engine.floor_hash()
    }

    fn bundle_hash(&self) -> Digest {
        self.engine.bundle_hash()
    }
}

fn watched(local: &str, hides_names: bool) -> Arc<Watched> {
    Arc::new(Watched { engine: engine(local), asked: AtomicUsize::new(0), hides_names })
}

fn everybodys() -> Arc<Class> {
    Arc::new(Class { audience: OTHERS.map(agency).into(), ..fixture::class() })
}

/// Shares with each partner: how often the rules were asked, and what came of it.
fn shared_with_all(watched: &Arc<Watched>) -> (usize, Vec<Decision>) {
    let register = register(&even(), watched.floor_hash());
    let gate = gate(Arc::<Watched>::clone(watched), &register);
    let share = |name: &str| {
        let peer = agency(name);
        gate.decide_class(Action::Share, &peer, &everybodys(), Channel::Automated, now())
    };
    let decisions = OTHERS.map(share).to_vec();
    (watched.asked.load(Ordering::Relaxed), decisions)
}

#[test]
fn the_rules_are_asked_once_for_partners_of_equal_labels_and_permits_are_for_one() {
    let open = watched(OPEN, false);
    let (asked, decisions) = shared_with_all(&open);
    assert_eq!(asked, 3, "one each for Spain, France and Morocco");
    for (name, decision) in OTHERS.iter().zip(decisions) {
        let permit = decision.permit().unwrap();
        assert_eq!(permit.peer(), &agency(name));
    }
    // Who is named is asked about alone.
    let (asked, decisions) = shared_with_all(&watched(NAMING, false));
    assert_eq!(asked, 5, "es-gc, the other two of Spain, France, and both of Morocco apart");
    assert_eq!(decisions[0].rule(), Some("L02"));
    assert!(decisions[1..].iter().all(Decision::is_allow));
}

/// The comparison above can fail: rules that name somebody while the engine says that they do not.
#[test]
fn a_name_that_is_hidden_would_be_found() {
    let (_, honest) = shared_with_all(&watched(NAMING, false));
    let (_, hidden) = shared_with_all(&watched(NAMING, true));
    assert_ne!(honest[1], hidden[1]);
    assert_eq!(hidden[1].rule(), Some("L02"), "es-pn would get what was decided for es-gc");
}

#[test]
fn a_partner_outside_the_audience_or_suspended_shares_nothing_of_it() {
    let engine = watched(OPEN, false);
    let mut world = even();
    world.suspended = Some(1);
    let register = register(&world, engine.floor_hash());
    let gate = gate(Arc::<Watched>::clone(&engine), &register);
    let mut class = Class::clone(&everybodys());
    class.audience.remove(&agency("es-sva"));
    let class = Arc::new(class);
    let share = |name: &str| {
        let peer = agency(name);
        gate.decide_class(Action::Share, &peer, &class, Channel::Automated, now())
    };
    assert!(share("es-gc").is_allow());
    assert_eq!(share("es-pn").rule(), Some("code.suspended"));
    assert_eq!(share("es-sva").rule(), Some("code.audience"));
}

#[test]
fn the_engine_knows_whom_its_rules_name() {
    let named = engine(NAMING);
    for (name, expected) in [("es-gc", true), ("ma-gr", true), ("es-pn", false)] {
        assert_eq!(named.may_name(&agency(name)), expected, "{name}");
        assert!(!engine(RELATING).may_name(&agency(name)), "{name}");
    }
    let inside = r#"@id("L01") @reason("x") permit (principal, action, resource)
        when { if resource has band then ([Agency::"fr-oltim", Agency::"es-sva"].contains(principal)) else false }
        unless { principal in Agency::"es-pn" };"#;
    let inside = engine(inside);
    for name in ["fr-oltim", "es-sva", "es-pn"] {
        assert!(inside.may_name(&agency(name)), "{name}");
    }
}
