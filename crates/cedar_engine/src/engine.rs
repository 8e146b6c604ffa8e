//! Evaluates: one request, and if the answer is no, the same request as if more humans had approved.

use crate::CedarError;
use crate::load::{Loaded, Rule, bundle_hash, floor_hash, load};
use crate::request::{Asked, Check, Scene};
use cedar_policy::{Authorizer, Decision, Effect, Policy, PolicySet, Schema};
use domain::name::{AgencyId, Digest};
use domain::value::AgencyKind;
use policy::situation::{APPROVALS_MAX, Situation};
use policy::{Approvals, Evaluation, Evaluator, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// The common floor and one country's rules, checked and ready. One evaluation costs tens of
/// microseconds, so the gate asks once per peer and class and keeps the answer.
pub struct Engine {
    authorizer: Authorizer,
    schema: Schema,
    policies: PolicySet,
    rules: BTreeMap<String, Rule>,
    warnings: Vec<String>,
    permits_look_at_approvals: bool,
    /// Every name that a rule compares anything with, whatever it is the name of.
    named: BTreeSet<String>,
    floor_hash: Digest,
    bundle_hash: Digest,
}

impl Engine {
    /// Reads, lints and validates the floor and the local policy.
    ///
    /// # Errors
    /// [`CedarError`] with the rule and what to do; nothing is used then.
    pub fn load(floor: &str, local: &str) -> Result<Self, CedarError> {
        let Loaded { schema, policies, rules, warnings } = load(floor, local)?;
        let is_asking = |policy: &Policy| {
            policy.effect() == Effect::Permit && policy.annotation("approval").is_some()
        };
        let permits_look_at_approvals = policies.policies().any(is_asking);
        let literals = policies.policies().flat_map(Policy::entity_literals);
        let named = literals.map(|uid| uid.id().unescaped().to_owned()).collect();
        Ok(Self {
            authorizer: Authorizer::new(),
            schema,
            policies,
            rules,
            warnings,
            permits_look_at_approvals,
            named,
            floor_hash: floor_hash(floor),
            bundle_hash: bundle_hash(floor, local),
        })
    }

    /// What people read about a rule.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.get(id)
    }

    /// Is it plain from the rules alone that a newer policy opens nothing? Every rule stays, and those
    /// that are new forbid without looking at approvals. A `false` says nothing: [`crate::weigh`] finds
    /// out. (A permit that goes is weighed: one that cannot be evaluated had closed everything.)
    pub fn is_only_narrowed_by(&self, newer: &Self) -> bool {
        let stands_in = |there: &Self, policy: &Policy| there.holds_alike(policy);
        let only_forbids = |policy: &Policy| {
            let rule = newer.rules.get(&policy.id().to_string());
            policy.effect() == Effect::Forbid && rule.is_some_and(|rule| rule.approval.is_none())
        };
        let mut came = newer.policies.policies().filter(|policy| !stands_in(self, policy));
        self.floor_hash == newer.floor_hash
            && self.policies.policies().all(|policy| stands_in(newer, policy))
            && came.all(only_forbids)
    }

    /// Does a rule of that id stand in another policy, word for word?
    pub(crate) fn has_as_it_stands_in(&self, other: &Self, id: &str) -> bool {
        let rule = self.policies.policies().find(|policy| policy.id().to_string() == id);
        rule.is_some_and(|policy| other.holds_alike(policy))
    }

    fn holds_alike(&self, policy: &Policy) -> bool {
        let same = self.policies.policy(policy.id());
        same.is_some_and(|same| same.to_string() == policy.to_string())
    }

    /// Every rule, by id.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// What loads, and still looks wrong: a rule that can never decide, for example.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Judges labels that no agreement and no record need to stand behind: for the policy tools.
    /// Approvals are asked for, not taken from the situation.
    pub fn judge(&self, situation: &Situation) -> Verdict {
        self.verdict(&situation.into())
    }

    /// The rules as Cedar holds them.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.policies()
    }

    fn verdict(&self, scene: &Scene<'_>) -> Verdict {
        self.try_verdict(scene).unwrap_or_else(|why| Verdict::Fault { why })
    }

    fn try_verdict(&self, scene: &Scene<'_>) -> Result<Verdict, String> {
        let asked = Asked::new(scene, Check::Against(&self.schema))?;
        if let Some(rules) = self.narrowed_by(&asked, scene.approvals)? {
            return Ok(Verdict::Deny { rules });
        }
        let forbidden = match self.ask(&asked, 0)? {
            Answer::Allowed(rules) => {
                let rules = self.still_permitting(&asked, rules, scene.approvals)?;
                if !rules.is_empty() {
                    return Ok(Verdict::Allow { rules });
                }
                rules
            }
            Answer::Denied(rules) => rules,
        };
        if !self.could_give_way(&forbidden) {
            return Ok(Verdict::Deny { rules: forbidden });
        }
        // A rule can look at two persons, not at more.
        let mut needed = None;
        for persons in 1..=APPROVALS_MAX {
            let Answer::Allowed(permits) = self.ask(&asked, persons)? else { continue };
            // Either forbid rules gave way to approvals, or a permit rule needed them: those of its own
            // kind of authority, and of no other.
            let lacks = |rule: &&String| {
                let authority = self.authority_of(rule);
                authority.is_some_and(|(kind, _)| scene.approvals.of(kind) < persons)
            };
            let in_the_way = forbidden.iter().find(lacks);
            let in_the_way = in_the_way.or_else(|| {
                let is_permitted = permits.iter().any(|rule| !lacks(&rule));
                permits.iter().find(lacks).filter(|_| !is_permitted)
            });
            match in_the_way {
                None if scene.approvals.are_none() => {
                    return Err("approvals changed a decision that no rule asks them for".into());
                }
                None => {
                    let rules = permits.iter().filter(|rule| !lacks(rule)).cloned().collect();
                    return Ok(Verdict::Allow { rules });
                }
                Some(rule) => needed = needed.or_else(|| self.needs(rule, persons)),
            }
        }
        Ok(needed.unwrap_or(Verdict::Deny { rules: forbidden }))
    }

    /// The rules that forbid because of what was approved, each by the persons of its own authority, and
    /// would not without: approvals can close, too.
    fn narrowed_by(
        &self,
        asked: &Asked,
        approvals: Approvals,
    ) -> Result<Option<Vec<String>>, String> {
        let mut closing = Vec::new();
        for kind in AgencyKind::ALL.iter().filter(|kind| approvals.of(**kind) > 0) {
            let is_theirs =
                |rule: &String| self.authority_of(rule).is_some_and(|(whose, _)| whose == *kind);
            let forbidding = |persons| -> Result<Vec<String>, String> {
                Ok(match self.ask(asked, persons)? {
                    Answer::Allowed(_) => Vec::new(),
                    Answer::Denied(rules) => rules.into_iter().filter(is_theirs).collect(),
                })
            };
            let with = forbidding(approvals.of(*kind).min(APPROVALS_MAX))?;
            let without = if with.is_empty() { Vec::new() } else { forbidding(0)? };
            closing.extend(with.into_iter().filter(|rule| !without.contains(rule)));
        }
        Ok((!closing.is_empty()).then_some(closing))
    }

    /// Of the rules that permit without any approval, those that do with what was given of their own
    /// authority, too.
    fn still_permitting(
        &self,
        asked: &Asked,
        rules: Vec<String>,
        approvals: Approvals,
    ) -> Result<Vec<String>, String> {
        let mut still = Vec::new();
        for rule in rules {
            let given = self.authority_of(&rule).map_or(0, |(kind, _)| approvals.of(kind));
            let holds = given == 0
                || matches!(self.ask(asked, given.min(APPROVALS_MAX))?,
                    Answer::Allowed(permits) if permits.contains(&rule));
            if holds {
                still.push(rule);
            }
        }
        Ok(still)
    }

    fn needs(&self, rule: &str, persons: u8) -> Option<Verdict> {
        let (authority, rule) = self.authority_of(rule)?;
        Some(Verdict::NeedsApproval { authority, persons, rule: rule.to_owned() })
    }

    /// Could approvals change a no? A rule that does not look at them stays what it is.
    fn could_give_way(&self, forbidden: &[String]) -> bool {
        if forbidden.is_empty() {
            return self.permits_look_at_approvals;
        }
        forbidden.iter().all(|rule| self.authority_of(rule).is_some())
    }

    fn authority_of<'r>(&self, rule: &'r str) -> Option<(AgencyKind, &'r str)> {
        let authority = self.rules.get(rule)?.approval?;
        Some((authority, rule))
    }

    fn ask(&self, asked: &Asked, approvals: u8) -> Result<Answer, String> {
        let request = asked.request(approvals, Check::Against(&self.schema))?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &asked.entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(error.to_string());
        }
        let mut rules: Vec<String> =
            response.diagnostics().reason().map(ToString::to_string).collect();
        // Cedar's order is arbitrary; the log and the tests need one.
        rules.sort_unstable();
        Ok(match response.decision() {
            Decision::Allow => Answer::Allowed(rules),
            Decision::Deny => Answer::Denied(rules),
        })
    }
}

enum Answer {
    Allowed(Vec<String>),
    Denied(Vec<String>),
}

impl Evaluator for Engine {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        self.verdict(&evaluation.into())
    }

    /// A rule knows an agency by its labels, by how it stands to the agencies of a record, and by a name
    /// that is written in the rule: no text is ever made of a name, and none is made into one.
    fn may_name(&self, agency: &AgencyId) -> bool {
        self.named.contains(agency.as_str())
    }

    fn floor_hash(&self) -> Digest {
        self.floor_hash
    }

    fn bundle_hash(&self) -> Digest {
        self.bundle_hash
    }
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Engine({} rules, bundle {})", self.rules.len(), self.bundle_hash)
    }
}
