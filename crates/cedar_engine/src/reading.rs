//! Reads loaded rules as formulas, and answers for their conditions: Cedar says what they mean.
//!
//! A rule is taken apart at `&&`, `||`, `!` and `if` alone. What is left is a condition: it becomes
//! a policy of its own, and whether it holds is what Cedar's authorizer says of that policy.

use crate::error::CedarError;
use crate::request::{Asked, Check};
use crate::{Engine, words};
use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause as PstClause, Effect as PstEffect, EntityOrSlot, EntityUID,
    Expr, Literal, Policy as PstPolicy, PrincipalConstraint, ResourceConstraint, UnaryOp, Var,
};
use cedar_policy::{Authorizer, Decision, Policy, PolicyId, PolicySet};
use domain::name::{AgencyId, AgreementId, Country};
use policy::Action;
use policy::label_space::{Conditions, Named, Oracle};
use policy::rulebook::{ACTIONS, Clause, Condition, Effect, Formula, Rule, Rulebook, Says, Truth};
use policy::situation::{Dimension, Situation};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// The stack of the thread that takes rules apart, in bytes; reserved, hardly ever used.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The most answers of Cedar that are kept; beyond it all are dropped and asked for again.
const KNOWN_MAX: usize = 1 << 20;

/// One or several policies, taken apart into the same conditions so that they can be compared.
pub struct Reading {
    conditions: Conditions,
    rulebooks: Vec<Rulebook>,
    /// At the place of each condition the policy that stands for it.
    policies: Vec<PolicySet>,
    authorizer: Authorizer,
    known: Mutex<HashMap<Seen, Truth>>,
}

/// A condition, an action, and the words in each of the labels that the condition looks at.
type Seen = (usize, Action, Vec<Vec<String>>);

impl Reading {
    /// Takes apart every rule of these engines; the rulebooks are in their order.
    ///
    /// # Errors
    /// [`CedarError::Unclear`] for a rule that cannot be followed: nothing is said of any then.
    pub fn of(engines: &[&Engine]) -> Result<Self, CedarError> {
        let unclear = |why: &str| CedarError::Unclear { rule: String::new(), why: why.to_owned() };
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("rules".into()).stack_size(STACK_BYTES);
            let reader = builder.spawn_scoped(scope, || Self::read(engines));
            let reader = reader.map_err(|_| unclear("no thread to read on; try again"))?;
            reader.join().unwrap_or_else(|_| Err(unclear("a rule that cannot be taken apart")))
        })
    }

    fn read(engines: &[&Engine]) -> Result<Self, CedarError> {
        let mut reader = Reader { conditions: Conditions::default(), policies: Vec::new() };
        let mut rulebooks = Vec::with_capacity(engines.len());
        for engine in engines {
            let mut rules = Vec::new();
            for policy in engine.policies() {
                let id = policy.id().to_string();
                let unclear = |why: String| CedarError::Unclear { rule: id.clone(), why };
                let known = engine.rule(&id).ok_or_else(|| unclear("an unknown rule".into()))?;
                rules.push(reader.rule(policy, known).map_err(unclear)?);
            }
            rulebooks.push(Rulebook::new(rules));
        }
        let Reader { conditions, policies } = reader;
        let (authorizer, known) = (Authorizer::new(), Mutex::default());
        Ok(Self { conditions, rulebooks, policies, authorizer, known })
    }

    /// The conditions of all rules.
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// The rules of each engine, in the order they were given.
    pub fn rulebooks(&self) -> &[Rulebook] {
        &self.rulebooks
    }

    /// Puts a condition to Cedar: does the policy that stands for it permit?
    fn ask(&self, set: &PolicySet, situation: &Situation) -> Option<Truth> {
        let scene = Asked::new(&situation.into(), Check::AsBuilt).ok()?;
        let request = scene.request(situation.approvals, Check::AsBuilt).ok()?;
        let response = self.authorizer.is_authorized(&request, set, &scene.entities);
        Some(match response.decision() {
            _ if response.diagnostics().errors().next().is_some() => Truth::Fault,
            Decision::Allow => Truth::Holds,
            Decision::Deny => Truth::Fails,
        })
    }

    /// The words that a condition looks at: the same words, the same answer.
    fn seen(&self, condition: usize, situation: &Situation) -> Seen {
        let asks = matches!(situation.action, Action::Ask | Action::Answer);
        let dimensions = self.conditions.at(condition).map(|one| one.dimensions.as_slice());
        let words = dimensions.unwrap_or_default().iter().map(|dimension| match dimension {
            Dimension::Exercise if asks => situation.words(Dimension::QuestionExercise),
            other => situation.words(*other),
        });
        (condition, situation.action, words.collect())
    }
}

impl Oracle for Reading {
    fn truth(&self, condition: usize, situation: &Situation) -> Truth {
        let seen = self.seen(condition, situation);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(truth) = known.get(&seen) {
            return *truth;
        }
        let set = self.policies.get(condition);
        // What cannot be asked is nothing to rely on.
        let truth = set.and_then(|set| self.ask(set, situation)).unwrap_or(Truth::Fault);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(seen, truth);
        truth
    }
}

impl core::fmt::Debug for Reading {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let conditions = self.conditions.all().len();
        write!(f, "Reading({} policies, {conditions} conditions)", self.rulebooks.len())
    }
}

struct Reader {
    conditions: Conditions,
    policies: Vec<PolicySet>,
}

impl Reader {
    fn rule(&mut self, policy: &Policy, known: &crate::Rule) -> Result<Rule, String> {
        let PstPolicy::Static(policy) = policy.to_pst().map_err(|error| error.to_string())? else {
            return Err("a template".to_owned());
        };
        let body = policy.body();
        let mut clauses = self.scope(&body.principal, &body.resource)?;
        for clause in body.clauses() {
            match clause {
                PstClause::When(expression) => self.split(expression, &mut clauses)?,
                PstClause::Unless(expression) => {
                    let formula = Formula::negation(self.formula(expression)?);
                    let text = format!("not ({})", words::of(expression));
                    clauses.push(Clause { formula, text });
                }
            }
        }
        Ok(Rule {
            id: known.id.clone(),
            layer: known.layer,
            effect: match body.effect {
                PstEffect::Permit => Effect::Permit,
                PstEffect::Forbid => Effect::Forbid,
            },
            reason: known.reason.clone(),
            law: known.law.clone(),
            approval: known.approval,
            actions: actions(&body.action)?,
            clauses,
        })
    }

    /// What stands in the head of a rule beside the action.
    fn scope(
        &mut self,
        principal: &PrincipalConstraint,
        resource: &ResourceConstraint,
    ) -> Result<Vec<Clause>, String> {
        let head = |who: &str, constraint: Constraint<'_>| match constraint {
            Constraint::Any => None,
            Constraint::Eq(one) => Some(format!("{who} == {one}")),
            Constraint::In(one) => Some(format!("{who} in {one}")),
            Constraint::Is(kind) => Some(format!("{who} is {kind}")),
            Constraint::IsIn(kind, one) => Some(format!("{who} is {kind} in {one}")),
        };
        let mut clauses = Vec::new();
        let constraint = match principal {
            PrincipalConstraint::Any => Constraint::Any,
            PrincipalConstraint::Eq(one) => Constraint::Eq(entity(one)?),
            PrincipalConstraint::In(one) => Constraint::In(entity(one)?),
            PrincipalConstraint::Is(kind) => Constraint::Is(kind.to_string()),
            PrincipalConstraint::IsIn(kind, one) => {
                Constraint::IsIn(kind.to_string(), entity(one)?)
            }
        };
        if let Constraint::Eq(one) | Constraint::In(one) | Constraint::IsIn(_, one) = constraint {
            note_entity(one, &mut self.conditions.named);
        }
        let mut texts = Vec::from_iter(head("principal", constraint));
        let constraint = match resource {
            ResourceConstraint::Any => Constraint::Any,
            ResourceConstraint::Eq(one) => Constraint::Eq(entity(one)?),
            ResourceConstraint::In(one) => Constraint::In(entity(one)?),
            ResourceConstraint::Is(kind) => Constraint::Is(kind.to_string()),
            ResourceConstraint::IsIn(kind, one) => Constraint::IsIn(kind.to_string(), entity(one)?),
        };
        texts.extend(head("resource", constraint));
        for text in texts {
            let dimensions = match text.starts_with("principal") {
                true => BTreeSet::from([Dimension::Peer]),
                false => BTreeSet::new(),
            };
            let words = text.replace("principal ==", "peer is").replace("principal", "peer");
            let formula = self.condition(text, dimensions)?;
            clauses.push(Clause { formula, text: words });
        }
        Ok(clauses)
    }

    /// Conditions that stand side by side, each as one clause.
    fn split(&mut self, expression: &Expr, clauses: &mut Vec<Clause>) -> Result<(), String> {
        if let Expr::BinaryOp { op: BinaryOp::And, left, right } = expression {
            self.split(left, clauses)?;
            return self.split(right, clauses);
        }
        let formula = self.formula(expression)?;
        clauses.push(Clause { formula, text: words::of(expression) });
        Ok(())
    }

    fn formula(&mut self, expression: &Expr) -> Result<Formula, String> {
        Ok(match expression {
            Expr::BinaryOp { op: BinaryOp::And, left, right } => {
                Formula::and(self.formula(left)?, self.formula(right)?)
            }
            Expr::BinaryOp { op: BinaryOp::Or, left, right } => {
                Formula::or(self.formula(left)?, self.formula(right)?)
            }
            Expr::UnaryOp { op: UnaryOp::Not, expr } => Formula::negation(self.formula(expr)?),
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                let (test, then) = (self.formula(cond)?, self.formula(then_expr)?);
                let other = self.formula(else_expr)?;
                Formula::If(Box::new(test), Box::new(then), Box::new(other))
            }
            other => {
                let mut dimensions = BTreeSet::new();
                look(other, &mut dimensions, &mut self.conditions.named)?;
                self.condition(other.to_string(), dimensions)?
            }
        })
    }

    fn condition(
        &mut self,
        text: String,
        dimensions: BTreeSet<Dimension>,
    ) -> Result<Formula, String> {
        let dimensions = dimensions.into_iter().collect();
        let condition = Condition { says: Says::Rule(text.clone()), dimensions };
        let place = self.conditions.place(condition).map_err(|error| error.to_string())?;
        if place == self.policies.len() {
            let rule = format!("permit (principal, action, resource) when {{ {text} }};");
            let id = PolicyId::new(place.to_string());
            let policy = Policy::parse(Some(id), rule).map_err(|error| error.to_string())?;
            let set = PolicySet::from_policies([policy]).map_err(|error| error.to_string())?;
            self.policies.push(set);
        }
        Ok(Formula::Condition(place))
    }
}

enum Constraint<'e> {
    Any,
    Eq(&'e EntityUID),
    In(&'e EntityUID),
    Is(String),
    IsIn(String, &'e EntityUID),
}

fn entity(one: &EntityOrSlot) -> Result<&EntityUID, String> {
    match one {
        EntityOrSlot::Entity(uid) => Ok(uid),
        EntityOrSlot::Slot(_) => Err("a template".to_owned()),
    }
}

fn actions(constraint: &ActionConstraint) -> Result<Vec<Action>, String> {
    let named = |uids: &[EntityUID]| -> Vec<Action> {
        let is_named = |action: &Action| uids.iter().any(|uid| uid.eid == action.as_str());
        ACTIONS.into_iter().filter(is_named).collect()
    };
    match constraint {
        ActionConstraint::Any => Ok(ACTIONS.to_vec()),
        ActionConstraint::Eq(one) => Ok(named(core::slice::from_ref(one))),
        ActionConstraint::In(all) => Ok(named(all)),
    }
}

/// The labels that an expression looks at, and the names in it.
fn look(
    expression: &Expr,
    dimensions: &mut BTreeSet<Dimension>,
    named: &mut Named,
) -> Result<(), String> {
    match expression {
        Expr::Literal(literal) => note(literal, named),
        Expr::Var(Var::Principal) => {
            dimensions.insert(Dimension::Peer);
        }
        Expr::Var(Var::Action | Var::Resource) => {}
        Expr::GetAttr { expr, attr } => {
            let found = labels(expr, attr)
                .ok_or_else(|| format!("`{expression}` is no label that is known here"))?;
            dimensions.extend(found);
        }
        Expr::HasAttr { expr, .. } => match &**expr {
            // Every request has the same labels.
            Expr::Var(_) => {}
            other => {
                look(other, dimensions, named)?;
                dimensions.extend([Dimension::Own, Dimension::Peer]);
            }
        },
        Expr::UnaryOp { expr, .. } => look(expr, dimensions, named)?,
        Expr::Like { expr, .. } => {
            named.by_letter = true;
            look(expr, dimensions, named)?;
        }
        Expr::Is { expr, in_expr, .. } => {
            look(expr, dimensions, named)?;
            in_expr.iter().try_for_each(|one| look(one, dimensions, named))?;
        }
        Expr::BinaryOp { left, right, .. } => {
            look(left, dimensions, named)?;
            look(right, dimensions, named)?;
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            for one in [cond, then_expr, else_expr] {
                look(one, dimensions, named)?;
            }
        }
        Expr::Set(members) => {
            members.iter().try_for_each(|one| look(one, dimensions, named))?;
        }
        _ => return Err(format!("`{expression}` cannot be followed; write it with labels alone")),
    }
    Ok(())
}

fn note(literal: &Literal, named: &mut Named) {
    match literal {
        Literal::String(text) if text.parse::<Country>().is_ok() => {
            named.countries.insert(text.to_string());
        }
        Literal::EntityUID(uid) => note_entity(uid, named),
        _ => {}
    }
}

/// A name that no agency or agreement can have equals none of them.
fn note_entity(uid: &EntityUID, named: &mut Named) {
    let id = uid.eid.to_string();
    match uid.ty.to_string().as_str() {
        "Agency" if id.parse::<AgencyId>().is_ok() => named.agencies.insert(id),
        "Agreement" if id.parse::<AgreementId>().is_ok() => named.agreements.insert(id),
        "Offence" => named.offences.insert(id),
        _ => false,
    };
}

/// The labels behind an attribute.
pub(crate) fn labels(owner: &Expr, attribute: &str) -> Option<Vec<Dimension>> {
    let of_agency = |own: bool| match (own, attribute) {
        (true, "country") => Some(Dimension::OwnCountry),
        (true, "kind") => Some(Dimension::OwnKind),
        (true, "role") => Some(Dimension::OwnRole),
        (false, "country") => Some(Dimension::PeerCountry),
        (false, "kind") => Some(Dimension::PeerKind),
        (false, "role") => Some(Dimension::PeerRole),
        _ => None,
    };
    match owner {
        Expr::Var(Var::Principal) => of_agency(false).map(|one| vec![one]),
        Expr::Var(Var::Resource | Var::Context) => match attribute {
            "tier" => Some(vec![Dimension::Kind]),
            "exercise" if matches!(owner, Expr::Var(Var::Context)) => {
                Some(vec![Dimension::QuestionExercise])
            }
            other => other.parse().ok().map(|one| vec![one]),
        },
        Expr::GetAttr { expr, attr } => match (&**expr, attr.as_str()) {
            (Expr::Var(Var::Context), "own") => of_agency(true).map(|one| vec![one]),
            // The originator's labels are known if it is one of the two sides.
            (Expr::Var(Var::Resource), "origin") => Some(vec![
                Dimension::Own,
                Dimension::Peer,
                Dimension::Origin,
                of_agency(true)?,
                of_agency(false)?,
            ]),
            _ => None,
        },
        _ => None,
    }
}
