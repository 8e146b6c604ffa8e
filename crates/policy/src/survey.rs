//! Looks at every point of the label space, and finds the rules that can never decide anything.

use crate::decision::Action;
use crate::invariant::APPROVED_ACTIONS;
use crate::label_space::{Conditions, LabelSpace, Only, Oracle, SpaceError, ordinary};
use crate::rulebook::{
    ACTIONS, About, Approved, Bits, Effect, Formula, Layer, Rule, Rulebook, Says, Truth,
};
use crate::situation::Situation;
use core::ops::ControlFlow;
use std::collections::BTreeMap;

/// The most blocking rules that one sentence names.
const BLOCKERS_NAMED_MAX: usize = 4;
/// The most points looked at before the whole space: more of them cost as much as the space.
const LIKELY_POINTS_MAX: usize = 4096;

/// What every question about rules as a whole needs.
#[derive(Clone, Copy)]
pub struct Survey<'s> {
    /// The conditions of the rules.
    pub conditions: &'s Conditions,
    /// Who says whether they hold.
    pub oracle: &'s dyn Oracle,
    /// What is looked at.
    pub only: &'s Only,
}

/// A rule that changes no decision at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// The rule.
    pub rule: String,
    /// Why.
    pub why: WhyIdle,
}

/// Why a rule never decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyIdle {
    /// Its own conditions exclude each other.
    NeverHolds,
    /// A permit: wherever it holds, these forbid, each of them alone or all together.
    Blocked {
        /// The forbidding rules, the fewest that were found to be enough.
        by: Vec<String>,
    },
    /// A forbid: wherever it holds, nothing is permitted anyway.
    NothingPermitted,
}

impl core::fmt::Display for Idle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let rule = &self.rule;
        match &self.why {
            WhyIdle::NeverHolds => write!(f, "{rule}, whose conditions exclude each other"),
            WhyIdle::NothingPermitted => write!(f, "{rule}, which forbids what nothing permits"),
            WhyIdle::Blocked { by } => {
                let named = by.get(..BLOCKERS_NAMED_MAX).unwrap_or(by);
                write!(f, "{rule}, blocked by {}", named.join(" or "))?;
                match by.len() - named.len() {
                    0 => Ok(()),
                    more => write!(f, " or {more} more"),
                }
            }
        }
    }
}

impl Survey<'_> {
    /// The space of one action, fine enough for these rules and for these conditions beside.
    ///
    /// # Errors
    /// [`SpaceError`].
    pub fn space(
        &self,
        action: Action,
        rulebooks: &[&Rulebook],
        beside: &[usize],
    ) -> Result<LabelSpace, SpaceError> {
        let mut in_use = beside.to_vec();
        for rule in rulebooks.iter().flat_map(|book| book.about(action).all().collect::<Vec<_>>()) {
            rule.clauses.iter().for_each(|clause| clause.formula.conditions(&mut in_use));
        }
        LabelSpace::new(action, &in_use, self.conditions, self.oracle, self.only)
    }

    /// The local rules that can never decide, of those whose id is asked about, ascending by id. A
    /// forbid of the floor is never idle: it binds whatever permit a country adds later.
    ///
    /// # Errors
    /// [`SpaceError`].
    pub fn idle_rules(
        &self,
        rulebook: &Rulebook,
        is_asked_about: impl Fn(&str) -> bool,
    ) -> Result<Vec<Idle>, SpaceError> {
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        for action in ACTIONS {
            let about = rulebook.about(action);
            let mut watched: Vec<(&Rule, Seen)> = about
                .all()
                .filter(|rule| rule.layer == Layer::Local && is_asked_about(&rule.id))
                .map(|rule| (rule, seen.remove(rule.id.as_str()).unwrap_or_default()))
                .collect();
            if *self.only == Only::everything() {
                self.look_where_likely(action, rulebook, &mut watched);
            }
            if watched.iter().all(|(_, seen)| seen.decides) {
                seen.extend(watched.into_iter().map(|(rule, seen)| (rule.id.as_str(), seen)));
                continue;
            }
            let space = self.space(action, &[rulebook], &[])?;
            // Most rules decide something that the floor leaves open; the others need a whole look.
            let open = vec![about.closed_by(|rule| rule.layer == Layer::Floor)];
            for cuts in [open, Vec::new()] {
                if watched.iter().all(|(_, seen)| seen.decides) {
                    break;
                }
                space.walk(&cuts, &mut |approved, _| {
                    look(action, &about, approved, &mut watched);
                    if watched.iter().all(|(_, seen)| seen.decides) {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                })?;
            }
            seen.extend(watched.into_iter().map(|(rule, seen)| (rule.id.as_str(), seen)));
        }
        let idle = seen.into_iter().filter(|(_, seen)| !seen.decides);
        Ok(idle
            .map(|(id, seen)| {
                let is_permit = rulebook.rule(id).is_some_and(|rule| rule.effect == Effect::Permit);
                Idle { rule: id.to_owned(), why: seen.why(is_permit) }
            })
            .collect())
    }
}

/// Before the whole space: a look at few points, at which most rules decide something.
impl Survey<'_> {
    fn look_where_likely(
        &self,
        action: Action,
        rulebook: &Rulebook,
        watched: &mut [(&Rule, Seen)],
    ) {
        let about = rulebook.about(action);
        let mut places = Vec::new();
        for clause in about.all().flat_map(|rule| &rule.clauses) {
            clause.formula.conditions(&mut places);
        }
        places.sort_unstable();
        places.dedup();
        let mut left = LIKELY_POINTS_MAX;
        for one in 0..watched.len() {
            let Some((rule, _)) = watched.get(one) else { return };
            let rule: &Rule = rule;
            for permit in about.permits.iter().copied().chain([rule]) {
                if left == 0 {
                    return;
                }
                if watched.get(one).is_some_and(|(_, seen)| seen.decides) {
                    break;
                }
                left -= 1;
                let mut point = ordinary(action);
                let clauses = permit.clauses.iter().chain(&rule.clauses);
                clauses.for_each(|clause| self.meet(&clause.formula, true, &mut point));
                if action != Action::Submit && point.own.agency == point.peer.agency {
                    // Nothing moves from an agency to itself.
                    continue;
                }
                let approved = self.conditions.approved(&mut point, &places, self.oracle);
                look(action, &about, &approved, watched);
            }
        }
    }

    /// Changes labels so that a formula holds, or does not, as far as that is easy to see.
    fn meet(&self, formula: &Formula, holds: bool, point: &mut Situation) {
        match (formula, holds) {
            (Formula::Condition(place), _) => self.meet_condition(*place, holds, point),
            (Formula::Not(inner), _) => self.meet(inner, !holds, point),
            (Formula::And(one, other), true) | (Formula::Or(one, other), false) => {
                self.meet(one, holds, point);
                self.meet(other, holds, point);
            }
            (Formula::And(one, _), false) | (Formula::Or(one, _), true) => {
                self.meet(one, holds, point);
            }
            (Formula::If(..), _) => {}
        }
    }

    /// Tries the words of the one dimension that the condition looks at. Where none will do, the point
    /// is of no use, which is no loss.
    fn meet_condition(&self, place: usize, holds: bool, point: &mut Situation) {
        let Some(condition) = self.conditions.at(place) else { return };
        let [dimension] = condition.dimensions.as_slice() else { return };
        let is_met = |point: &Situation| {
            let truth = match &condition.says {
                Says::Rule(_) => self.oracle.truth(place, point),
                words => words.holds_by_words(point),
            };
            truth == if holds { Truth::Holds } else { Truth::Fails }
        };
        let named = self.conditions.named.of(*dimension);
        let known = dimension.words().unwrap_or_default().iter().map(|word| (*word).to_owned());
        let before = point.words(*dimension);
        for word in named.cloned().chain(known) {
            if is_met(point) {
                return;
            }
            let more = if dimension.is_set() && holds { before.as_slice() } else { &[] };
            // A word that cannot stand there changes nothing.
            let _ = point.set(*dimension, &[more, &[word]].concat());
        }
    }
}

/// What was seen of a rule over all points.
#[derive(Debug, Default)]
struct Seen {
    holds: bool,
    decides: bool,
    /// The forbids that held at every point at which the rule did, and those that did at some.
    always: Option<Vec<String>>,
    sometimes: Vec<String>,
}

impl Seen {
    fn why(self, is_permit: bool) -> WhyIdle {
        if !self.holds {
            return WhyIdle::NeverHolds;
        }
        if !is_permit {
            return WhyIdle::NothingPermitted;
        }
        let mut by = self.always.unwrap_or_default();
        if by.is_empty() {
            by = self.sometimes;
        }
        WhyIdle::Blocked { by }
    }

    fn note(&mut self, forbids: &[&str]) {
        let names = |keep: &dyn Fn(&str) -> bool| -> Vec<String> {
            forbids.iter().filter(|id| keep(id)).map(|id| (*id).to_owned()).collect()
        };
        self.always = Some(match self.always.take() {
            None => names(&|_| true),
            Some(known) => names(&|id| known.iter().any(|one| one == id)),
        });
        let new = names(&|id| !self.sometimes.iter().any(|one| one == id));
        self.sometimes.extend(new);
    }
}

/// At one point: which of the watched rules hold, and which of them something rests on.
fn look(action: Action, about: &About<'_>, approved: &Approved, watched: &mut [(&Rule, Seen)]) {
    for (persons, bits) in approved.iter().enumerate() {
        // What takes no approvals is never decided with any.
        let is_real = persons == 0 || action.takes_approvals();
        if about.all().any(|rule| rule.truth(bits) == Truth::Fault) {
            // Nothing decides here: what cannot be evaluated is a no.
            continue;
        }
        let holding = |rules: &[&'_ Rule]| -> bool { rules.iter().any(|rule| holds(rule, bits)) };
        let is_permitted = holding(&about.permits);
        for (rule, seen) in watched.iter_mut().filter(|(_, seen)| !seen.decides) {
            if !holds(rule, bits) || (!is_real && rule.effect == Effect::Forbid) {
                continue;
            }
            seen.holds = true;
            match rule.effect {
                Effect::Forbid => seen.decides = is_permitted,
                Effect::Permit => {
                    let forbids = about.forbids.iter().filter(|one| holds(one, bits));
                    let mut forbids: Vec<&str> = forbids.map(|one| one.id.as_str()).collect();
                    if !is_real {
                        forbids.push(APPROVED_ACTIONS);
                    }
                    seen.decides = forbids.is_empty();
                    if !seen.decides {
                        seen.note(&forbids);
                    }
                }
            }
        }
    }
}

fn holds(rule: &Rule, bits: &Bits) -> bool {
    rule.truth(bits) == Truth::Holds
}
