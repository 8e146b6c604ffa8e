//! What must never be allowed, whatever the rules say, shown over every point of the label space.
//!
//! The claims were written from the law and the design, apart from the text of the floor: a floor
//! that is checked against itself proves nothing.

use crate::decision::Action::{self, Answer, Ask, Receive, Share, Show, Submit};
use crate::evaluator::Verdict;
use crate::label_space::{Conditions, CutTest, Only, Oracle, SpaceError};
use crate::rulebook::{Approved, Condition, Formula, Openness, Relation, Rulebook, Test, Truth};
use crate::situation::{APPROVALS_MAX, Dimension, Situation};
use crate::survey::Survey;
use core::ops::ControlFlow;
use domain::indicator::{Kind, Tier};

/// The name under which rules are held against the floor of this release.
pub const NEVER_WIDER_THAN_THE_FLOOR: &str = "never-wider-than-the-floor";
/// What that says.
pub const NEVER_WIDER_SENTENCE: &str =
    "Nothing is allowed that the common floor of this release forbids.";

/// Something that must never be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// What it says, in a sentence.
    pub sentence: String,
    /// For which actions.
    pub actions: Vec<Action>,
    /// It is about what satisfies every condition of at least one case.
    pub cases: Vec<Vec<Condition>>,
    /// What is the most that may be decided there.
    pub at_most: AtMost,
}

/// The most that a claim lets a decision be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtMost {
    /// A no, whoever approves.
    Deny,
    /// Only after so many persons approved.
    AfterApproval(u8),
}

/// Labels for which a claim is false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// The labels.
    pub situation: Situation,
    /// What the rules say of them.
    pub verdict: Verdict,
}

/// What came of holding a claim against every point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How many combinations of labels were looked at.
    pub points: u64,
    /// Is the claim about any of them? A claim about nothing proves nothing.
    pub about: Extent,
    /// Where it is false; `None` if it holds everywhere.
    pub counterexample: Option<Counterexample>,
}

/// Whether a claim is about anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// No combination of labels satisfies its conditions.
    Nothing,
    /// At least one does.
    Something,
}

/// Holds a claim against the rules.
///
/// # Errors
/// [`SpaceError`].
pub fn prove(
    conditions: &Conditions,
    oracle: &dyn Oracle,
    only: &Only,
    rulebook: &Rulebook,
    claim: &Claim,
) -> Result<Proof, SpaceError> {
    let mut conditions = conditions.clone();
    let mut beside = Vec::new();
    let mut covered: Option<Formula> = None;
    for case in &claim.cases {
        let mut whole: Option<Formula> = None;
        for condition in case {
            let place = conditions.place(condition.clone())?;
            beside.push(place);
            let one = Formula::Condition(place);
            whole = Some(match whole.take() {
                None => one,
                Some(known) => Formula::and(known, one),
            });
        }
        covered = match (covered.take(), whole) {
            (None, whole) => whole,
            (known, None) => known,
            (Some(known), Some(whole)) => Some(Formula::or(known, whole)),
        };
    }
    let mut proof = Proof { points: 0, about: Extent::Nothing, counterexample: None };
    let Some(covered) = covered else {
        return Ok(proof);
    };
    let survey = Survey { conditions: &conditions, oracle, only };
    for action in claim.actions.iter().copied() {
        let is_covered = |approved: &Approved| {
            let [none, ..] = approved;
            covered.truth(none) == Truth::Holds
        };
        survey.space(action, &[], &beside)?.walk(&[], &mut |approved, _| {
            if is_covered(approved) {
                proof.about = Extent::Something;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let about = rulebook.about(action);
        let space = survey.space(action, &[rulebook], &beside)?;
        proof.points = proof.points.saturating_add(space.points());
        // What the claim is not about, and what is closed anyway, needs no look.
        let mut cut = about.closed();
        let conditions = beside.clone();
        let outside = Box::new(|approved: &Approved| !is_covered(approved));
        cut.0.push(CutTest { conditions, holds: outside });
        space.walk(&[cut], &mut |approved, choice| {
            if claim.at_most.admits(about.openness(approved)) {
                return ControlFlow::Continue(());
            }
            let situation = space.situation(choice);
            let verdict = about.verdict(approved);
            proof.counterexample = Some(Counterexample { situation, verdict });
            ControlFlow::Break(())
        })?;
        if proof.counterexample.is_some() {
            break;
        }
    }
    Ok(proof)
}

/// Holds rules against the floor of this release: a folder's own copy of the floor may be another.
///
/// # Errors
/// [`SpaceError`].
pub fn prove_floor(
    survey: &Survey<'_>,
    floor: &Rulebook,
    rulebook: &Rulebook,
) -> Result<Proof, SpaceError> {
    let mut proof = Proof { points: 0, about: Extent::Something, counterexample: None };
    for action in crate::rulebook::ACTIONS {
        let (forbidding, about) = (floor.about(action), rulebook.about(action));
        let space = survey.space(action, &[floor, rulebook], &[])?;
        proof.points = proof.points.saturating_add(space.points());
        space.walk(&[about.closed()], &mut |approved, choice| {
            for (persons, bits) in (0..=APPROVALS_MAX).zip(approved) {
                let mut rules = forbidding.forbids.iter();
                if rules.all(|rule| rule.truth(bits) == Truth::Fails) {
                    continue;
                }
                // As if exactly so many had approved.
                let alone: Approved = [*bits; APPROVALS_MAX as usize + 1];
                if about.openness(&alone) != Openness::Closed {
                    let mut situation = space.situation(choice);
                    situation.approvals = persons;
                    let verdict = about.verdict(&alone);
                    proof.counterexample = Some(Counterexample { situation, verdict });
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        if proof.counterexample.is_some() {
            break;
        }
    }
    Ok(proof)
}

impl AtMost {
    const fn admits(self, openness: Openness) -> bool {
        match (self, openness) {
            (_, Openness::Closed) => true,
            (_, Openness::Open) | (Self::Deny, Openness::Approval { .. }) => false,
            (Self::AfterApproval(persons), Openness::Approval { persons_left, .. }) => {
                persons_left <= APPROVALS_MAX.saturating_sub(persons)
            }
        }
    }
}

const MOVES: &[Action] = &[Share, Receive, Show];
const CROSSES: &[Action] = &[Share, Receive, Ask, Answer, Show];
const SPEECH: &[&str] = &["CALL_TO_MASS_CROSSING", "TERRORISM_APOLOGY"];
const PROTECTION: &[&str] = &["VICTIM_PROTECTION", "THREAT_TO_LIFE"];

/// The claims that must hold for every policy of every country.
pub fn claims() -> Vec<Claim> {
    let mut claims = claims_on_people();
    claims.extend(claims_on_speech_and_marking());
    claims.extend(claims_on_transfer());
    claims.extend(claims_on_agencies());
    claims
}

/// Who a record is about.
fn claims_on_people() -> Vec<Claim> {
    let machine = || any(Dimension::Channel, &["AUTOMATED"]);
    let mut two_persons = claim(
        "protected-two-persons",
        "Data on victims, witnesses, minors and unknown persons moves after two persons approved.",
        MOVES,
        protected(Vec::new),
    );
    two_persons.at_most = AtMost::AfterApproval(2);
    vec![
        claim(
            "smuggled-migrant-never",
            "No record about a smuggled migrant is made, taken, shared or shown, with any approval.",
            &[Submit, Share, Receive, Show],
            vec![vec![any(Dimension::Subject, &["SMUGGLED_MIGRANT"])]],
        ),
        claim(
            "victims-only-for-protection",
            "Data on victims, witnesses, minors and unknown persons moves for protection only.",
            MOVES,
            protected(|| vec![Condition::words(Dimension::Purposes, Test::Other, PROTECTION)]),
        ),
        claim(
            "protected-never-automated",
            "Data on victims, witnesses, minors and unknown persons is never moved by a machine.",
            MOVES,
            protected(|| vec![machine()]),
        ),
        two_persons,
    ]
}

/// Speech, and how far a record may travel.
fn claims_on_speech_and_marking() -> Vec<Claim> {
    let machine = || any(Dimension::Channel, &["AUTOMATED"]);
    let mut restricted = claim(
        "h3-by-a-person",
        "What carries a restriction in words is handed over by a person, each time.",
        &[Share, Show],
        vec![vec![any(Dimension::Handling, &["H3"])]],
    );
    restricted.at_most = AtMost::AfterApproval(1);
    vec![
        claim(
            "no-red-automated",
            "TLP RED is never moved by a machine.",
            MOVES,
            vec![vec![any(Dimension::Tlp, &["RED"]), machine()]],
        ),
        claim(
            "speech-never-automated",
            "A machine moves nothing about speech.",
            MOVES,
            vec![vec![any(Dimension::Offences, SPEECH), machine()]],
        ),
        claim(
            "speech-never-asked-automated",
            "A machine asks and answers nothing about speech.",
            &[Ask, Answer],
            vec![vec![any(Dimension::Offence, SPEECH), machine()]],
        ),
        restricted,
    ]
}

/// What lets data, and a question, cross.
fn claims_on_transfer() -> Vec<Claim> {
    let sealed: Vec<&str> = Kind::ALL
        .iter()
        .filter(|kind| kind.tier() == Tier::Sealed)
        .map(|kind| kind.as_str())
        .collect();
    vec![
        claim(
            "no-transfer-without-basis",
            "Without a legal ground for the transfer nothing crosses, and no question either.",
            CROSSES,
            vec![vec![any(Dimension::Transfer, &["NONE"])]],
        ),
        claim(
            "derogation-by-an-authority",
            "Under a derogation an authority moves one record by hand, nobody else.",
            CROSSES,
            vec![vec![
                any(Dimension::Transfer, &["LED_38_DEROGATION"]),
                Condition::words(Dimension::Channel, Test::Other, &["AUTHORITY"]),
            ]],
        ),
        claim(
            "sealed-never-replicated",
            "What can be guessed, like a telephone number, is never replicated.",
            &[Share, Receive],
            vec![vec![any(Dimension::Kind, &sealed)]],
        ),
    ]
}

/// Who states, gets and asks.
fn claims_on_agencies() -> Vec<Claim> {
    let relation = |relation| vec![vec![Condition::relation(relation)]];
    vec![
        claim(
            "recipients-named",
            "A record reaches nobody who is not named in its audience.",
            &[Share, Show],
            relation(Relation::PeerOutsideAudience),
        ),
        claim(
            "taken-only-if-named",
            "A record that does not name us is not taken.",
            &[Receive],
            relation(Relation::OwnOutsideAudience),
        ),
        claim(
            "third-agency",
            "What another agency stated is not passed on by us.",
            &[Share, Show],
            relation(Relation::StatedByAnother),
        ),
        claim(
            "own-statements-only",
            "An agency states and sends its own records only.",
            &[Submit, Receive],
            relation(Relation::NotStatedByPeer),
        ),
        claim(
            "purpose-limitation",
            "A record answers a question only for a purpose that its origin stated.",
            &[Show],
            relation(Relation::PurposeNotStated),
        ),
        claim(
            "exercise-apart",
            "Training data and live data never meet.",
            &[Show],
            relation(Relation::ExerciseMixed),
        ),
    ]
}

fn claim(name: &str, sentence: &str, actions: &[Action], cases: Vec<Vec<Condition>>) -> Claim {
    Claim {
        name: name.to_owned(),
        sentence: sentence.to_owned(),
        actions: actions.to_vec(),
        cases,
        at_most: AtMost::Deny,
    }
}

fn any(dimension: Dimension, words: &[&str]) -> Condition {
    Condition::words(dimension, Test::Any, words)
}

/// A case for each way in which a record can be about somebody protected.
fn protected(beside: impl Fn() -> Vec<Condition>) -> Vec<Vec<Condition>> {
    let whose = [
        any(Dimension::Subject, &["VICTIM", "WITNESS", "UNKNOWN"]),
        any(Dimension::Age, &["MINOR", "UNKNOWN"]),
        any(Dimension::Depicts, &["MINORS", "UNKNOWN"]),
    ];
    let case = |who: Condition| {
        let mut case = beside();
        case.insert(0, who);
        case
    };
    whose.into_iter().map(case).collect()
}
