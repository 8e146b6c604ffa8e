//! Rules as formulas over conditions, so that a tool can ask about every record that could exist.
//!
//! What a condition means is for the policy language alone, which says of each whether it holds
//! ([`crate::label_space::Oracle`]). How conditions and rules make up a decision is said here and
//! in the evaluator, and tests hold the two together.

use crate::decision::Action;
use crate::evaluator::Verdict;
use crate::label_space::{Cut, CutTest};
use crate::situation::{APPROVALS_MAX, Dimension, Situation};
use domain::value::AgencyKind;

/// The most different conditions of the rules that are looked at together.
pub const CONDITIONS_MAX: usize = 512;
const LANES: usize = CONDITIONS_MAX / 64;

/// The actions that rules decide; the others are decided by code.
pub const ACTIONS: [Action; 6] =
    [Action::Submit, Action::Share, Action::Receive, Action::Ask, Action::Answer, Action::Show];

/// Which file a rule stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Signed by all parties: forbid rules only.
    Floor,
    /// One country's own rules.
    Local,
}

impl core::fmt::Display for Layer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::Floor => "common floor",
            Self::Local => "local policy",
        })
    }
}

/// What a rule does where its conditions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Allows, unless something forbids.
    Permit,
    /// Denies, whatever permits.
    Forbid,
}

/// One rule: what people read about it, and when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The file it stands in.
    pub layer: Layer,
    /// What it does.
    pub effect: Effect,
    /// Why it exists, in English.
    pub reason: String,
    /// The law it rests on.
    pub law: Option<String>,
    /// The kind of authority whose approval it looks at.
    pub approval: Option<AgencyKind>,
    /// The actions it is about.
    pub actions: Vec<Action>,
    /// All must hold, in this order.
    pub clauses: Vec<Clause>,
}

/// One of the conditions that a rule names side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// When it holds.
    pub formula: Formula,
    /// In words.
    pub text: String,
}

/// Conditions joined by and, or, not, if. The numbers are places in a list of [`Condition`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// A condition.
    Condition(usize),
    /// It does not hold.
    Not(Box<Self>),
    /// Both hold; the second is not looked at if the first does not.
    And(Box<Self>, Box<Self>),
    /// At least one holds; the second is not looked at if the first does.
    Or(Box<Self>, Box<Self>),
    /// The second if the first holds, else the third.
    If(Box<Self>, Box<Self>, Box<Self>),
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Holds,
    /// It does not.
    Fails,
    /// It cannot be evaluated, so nothing is allowed.
    Fault,
}

/// A condition that is not taken apart any further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it says.
    pub says: Says,
    /// The labels it looks at.
    pub dimensions: Vec<Dimension>,
}

/// Who says whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The policy language, about this text of it.
    Rule(String),
    /// The words in one dimension.
    Words(Dimension, Test, Vec<String>),
    /// How two labels stand to each other.
    Relation(Relation),
}

/// How two labels stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The other side is not in the audience.
    PeerOutsideAudience,
    /// We are not in the audience.
    OwnOutsideAudience,
    /// Another agency than ours stated the record.
    StatedByAnother,
    /// Another agency than the other side stated the record.
    NotStatedByPeer,
    /// The question is asked for a purpose that the record does not state.
    PurposeNotStated,
    /// Training data meets a live question, or the other way round.
    ExerciseMixed,
}

impl Relation {
    const fn dimensions(self) -> [Dimension; 2] {
        match self {
            Self::PeerOutsideAudience => [Dimension::Peer, Dimension::Audience],
            Self::OwnOutsideAudience => [Dimension::Own, Dimension::Audience],
            Self::StatedByAnother => [Dimension::Own, Dimension::Origin],
            Self::NotStatedByPeer => [Dimension::Peer, Dimension::Origin],
            Self::PurposeNotStated => [Dimension::Purpose, Dimension::Purposes],
            Self::ExerciseMixed => [Dimension::Exercise, Dimension::QuestionExercise],
        }
    }

    fn holds(self, situation: &Situation) -> bool {
        let (class, terms) = (&situation.class, &situation.terms);
        match self {
            Self::PeerOutsideAudience => !class.audience.contains(&situation.peer.agency),
            Self::OwnOutsideAudience => !class.audience.contains(&situation.own.agency),
            Self::StatedByAnother => class.origin != situation.own.agency,
            Self::NotStatedByPeer => class.origin != situation.peer.agency,
            Self::PurposeNotStated => !class.purposes.contains(&terms.purpose),
            Self::ExerciseMixed => class.exercise != terms.exercise,
        }
    }
}

/// How words are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// At least one of the words is there.
    Any,
    /// A word that is not listed is there.
    Other,
}

impl Condition {
    /// A condition on the words of one dimension.
    pub fn words(dimension: Dimension, test: Test, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { says: Says::Words(dimension, test, words), dimensions: vec![dimension] }
    }

    /// A condition on how two labels stand to each other.
    pub fn relation(relation: Relation) -> Self {
        Self { says: Says::Relation(relation), dimensions: relation.dimensions().to_vec() }
    }
}

impl Says {
    /// Whether words hold; [`Truth::Fault`] for what the policy language has to say.
    pub(crate) fn holds_by_words(&self, situation: &Situation) -> Truth {
        let holds = match self {
            Self::Rule(_) => return Truth::Fault,
            Self::Relation(relation) => relation.holds(situation),
            Self::Words(dimension, test, words) => {
                situation.words(*dimension).iter().any(|word| match test {
                    Test::Any => words.contains(word),
                    Test::Other => !words.contains(word),
                })
            }
        };
        if holds { Truth::Holds } else { Truth::Fails }
    }
}

/// For each condition whether it holds, at one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Bits {
    holds: [u64; LANES],
    faults: [u64; LANES],
}

impl Bits {
    pub(crate) fn put(&mut self, condition: usize, truth: Truth) {
        let lanes = match truth {
            Truth::Holds => &mut self.holds,
            Truth::Fails => return,
            Truth::Fault => &mut self.faults,
        };
        if let Some(lane) = lanes.get_mut(condition / 64) {
            *lane |= 1 << (condition % 64);
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (lane, more) in self.holds.iter_mut().zip(&other.holds) {
            *lane |= more;
        }
        for (lane, more) in self.faults.iter_mut().zip(&other.faults) {
            *lane |= more;
        }
    }

    fn truth(&self, condition: usize) -> Truth {
        let has = |lanes: &[u64; LANES]| {
            lanes.get(condition / 64).is_some_and(|lane| lane >> (condition % 64) & 1 == 1)
        };
        if condition >= CONDITIONS_MAX || has(&self.faults) {
            Truth::Fault
        } else if has(&self.holds) {
            Truth::Holds
        } else {
            Truth::Fails
        }
    }
}

/// What holds with nobody, one and two persons approving.
pub(crate) type Approved = [Bits; APPROVALS_MAX as usize + 1];

impl Formula {
    /// A formula that negates another.
    pub fn negation(formula: Self) -> Self {
        Self::Not(Box::new(formula))
    }

    /// A formula that holds if both do.
    pub fn and(left: Self, right: Self) -> Self {
        Self::And(Box::new(left), Box::new(right))
    }

    /// A formula that holds if one does.
    pub fn or(left: Self, right: Self) -> Self {
        Self::Or(Box::new(left), Box::new(right))
    }

    /// Every condition in it, once for each place.
    pub fn conditions(&self, found: &mut Vec<usize>) {
        match self {
            Self::Condition(condition) => found.push(*condition),
            Self::Not(one) => one.conditions(found),
            Self::And(left, right) | Self::Or(left, right) => {
                left.conditions(found);
                right.conditions(found);
            }
            Self::If(test, then, other) => {
                for one in [test, then, other] {
                    one.conditions(found);
                }
            }
        }
    }

    pub(crate) fn truth(&self, bits: &Bits) -> Truth {
        match self {
            Self::Condition(condition) => bits.truth(*condition),
            Self::Not(one) => match one.truth(bits) {
                Truth::Holds => Truth::Fails,
                Truth::Fails => Truth::Holds,
                Truth::Fault => Truth::Fault,
            },
            Self::And(left, right) => match left.truth(bits) {
                Truth::Holds => right.truth(bits),
                other => other,
            },
            Self::Or(left, right) => match left.truth(bits) {
                Truth::Fails => right.truth(bits),
                other => other,
            },
            Self::If(test, then, other) => match test.truth(bits) {
                Truth::Holds => then.truth(bits),
                Truth::Fails => other.truth(bits),
                Truth::Fault => Truth::Fault,
            },
        }
    }
}

impl Rule {
    /// Is it about this action?
    pub fn is_about(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    pub(crate) fn truth(&self, bits: &Bits) -> Truth {
        for clause in &self.clauses {
            match clause.formula.truth(bits) {
                Truth::Holds => {}
                other => return other,
            }
        }
        Truth::Holds
    }
}

/// The rules of the floor and of one country, ascending by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    rules: Vec<Rule>,
}

/// How far a decision opens, from nothing to everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Openness {
    Closed,
    /// After so many approvals, counted from the strictest: fewer persons open more.
    Approval {
        persons_left: u8,
        authority: u32,
    },
    Open,
}

impl Rulebook {
    /// Puts rules in order.
    pub fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        Self { rules }
    }

    /// Every rule, ascending by id.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Those about one action, ascending by id: what is judged at each point.
    pub(crate) fn about(&self, action: Action) -> About<'_> {
        let rules = self.rules.iter().filter(|rule| rule.is_about(action));
        let (permits, forbids) = rules.partition(|rule| rule.effect == Effect::Permit);
        About { permits, forbids }
    }
}

/// The rules about one action.
pub(crate) struct About<'r> {
    pub(crate) permits: Vec<&'r Rule>,
    pub(crate) forbids: Vec<&'r Rule>,
}

/// One ask: what Cedar's authorizer would say, with an error anywhere being a fault.
enum Said<'r> {
    Allowed(Vec<&'r Rule>),
    Denied(Vec<&'r Rule>),
    Fault(&'r Rule),
}

impl<'r> About<'r> {
    pub(crate) fn all(&self) -> impl Iterator<Item = &'r Rule> + '_ {
        self.permits.iter().chain(&self.forbids).copied()
    }

    /// Settles what a forbid closes whatever else holds, so that no point of it needs a look.
    pub(crate) fn closed(&self) -> Cut<'r> {
        self.closed_by(|_| true)
    }

    /// The same for some of the forbids.
    pub(crate) fn closed_by(&self, counts: impl Fn(&Rule) -> bool) -> Cut<'r> {
        let test = |rule: &&'r Rule| {
            let rule: &'r Rule = rule;
            let mut conditions = Vec::new();
            rule.clauses.iter().for_each(|clause| clause.formula.conditions(&mut conditions));
            let holds = Box::new(move |approved: &Approved| {
                approved.iter().all(|bits| rule.truth(bits) == Truth::Holds)
            });
            CutTest { conditions, holds }
        };
        Cut(self.forbids.iter().filter(|rule| counts(rule)).map(test).collect())
    }

    /// The verdict with the rules, as the evaluator would give it.
    pub(crate) fn verdict(&self, approved: &Approved) -> Verdict {
        let [none, more @ ..] = approved;
        let names = |rules: &[&Rule]| rules.iter().map(|rule| rule.id.clone()).collect();
        let forbidden = match self.ask(none) {
            Said::Fault(rule) => return fault(rule),
            Said::Allowed(rules) => return Verdict::Allow { rules: names(&rules) },
            Said::Denied(rules) => rules,
        };
        for (persons, bits) in (1..).zip(more) {
            match self.ask(bits) {
                Said::Fault(rule) => return fault(rule),
                Said::Denied(_) => {}
                Said::Allowed(permits) => {
                    let mut asking = forbidden.iter().chain(&permits);
                    let asking = asking.find_map(|rule| rule.approval.map(|kind| (kind, rule)));
                    return match asking {
                        Some((authority, rule)) => {
                            Verdict::NeedsApproval { authority, persons, rule: rule.id.clone() }
                        }
                        None => Verdict::Fault {
                            why: "approvals changed a decision that no rule asks them for".into(),
                        },
                    };
                }
            }
        }
        Verdict::Deny { rules: names(&forbidden) }
    }

    /// The same without names, for a walk over millions of points.
    pub(crate) fn openness(&self, approved: &Approved) -> Openness {
        let [none, more @ ..] = approved;
        match self.is_allowed(none) {
            None => return Openness::Closed,
            Some(true) => return Openness::Open,
            Some(false) => {}
        }
        for (persons, bits) in (1..).zip(more) {
            match self.is_allowed(bits) {
                None => return Openness::Closed,
                Some(false) => {}
                Some(true) => {
                    let Verdict::NeedsApproval { authority, .. } = self.verdict(approved) else {
                        return Openness::Closed;
                    };
                    let persons_left = APPROVALS_MAX.saturating_sub(persons);
                    return Openness::Approval { persons_left, authority: authority.number() };
                }
            }
        }
        Openness::Closed
    }

    fn ask(&self, bits: &Bits) -> Said<'r> {
        if let Some(rule) = self.all().find(|rule| rule.truth(bits) == Truth::Fault) {
            return Said::Fault(rule);
        }
        let holding = |rules: &[&'r Rule]| -> Vec<&'r Rule> {
            rules.iter().copied().filter(|rule| rule.truth(bits) == Truth::Holds).collect()
        };
        let forbids = holding(&self.forbids);
        let permits = holding(&self.permits);
        if forbids.is_empty() && !permits.is_empty() {
            Said::Allowed(permits)
        } else {
            Said::Denied(forbids)
        }
    }

    /// `None` if a rule cannot be evaluated.
    fn is_allowed(&self, bits: &Bits) -> Option<bool> {
        let any = |rules: &[&Rule]| {
            let mut found = false;
            for rule in rules {
                match rule.truth(bits) {
                    Truth::Fault => return None,
                    Truth::Holds => found = true,
                    Truth::Fails => {}
                }
            }
            Some(found)
        };
        let (permitted, forbidden) = (any(&self.permits)?, any(&self.forbids)?);
        Some(permitted && !forbidden)
    }
}

fn fault(rule: &Rule) -> Verdict {
    Verdict::Fault { why: format!("rule {} cannot be evaluated", rule.id) }
}

/// The short form of a hash, that people read aloud: `8d21-77`.
pub fn short(hash: &domain::name::Digest) -> String {
    let digits = hash.to_string();
    let (first, rest) = digits.split_at_checked(4).unwrap_or((&digits, ""));
    format!("{first}-{}", rest.chars().take(2).collect::<String>())
}
