//! An evaluator whose rules are closures: for tests of the crates around the gate.

use crate::evaluator::{Evaluation, Evaluator, Verdict};
use domain::name::Digest;
use domain::value::AgencyKind;

type Test = Box<dyn Fn(&Evaluation<'_>) -> bool + Send + Sync>;

/// Rules in memory: default deny, any forbid beats every permit, approval where it is asked for.
pub struct TableEvaluator {
    rules: Vec<Rule>,
    floor_hash: Digest,
    fault: Option<String>,
}

struct Rule {
    name: String,
    effect: Effect,
    test: Test,
}

enum Effect {
    Permit,
    Forbid,
    Approve(AgencyKind, u8),
}

impl TableEvaluator {
    /// No rule: denies everything.
    pub const fn new(floor_hash: Digest) -> Self {
        Self { rules: Vec::new(), floor_hash, fault: None }
    }

    /// One rule, `table.open`, that permits everything: what is denied then is denied by code.
    #[must_use]
    pub fn open(floor_hash: Digest) -> Self {
        Self::new(floor_hash).permit("table.open", |_| true)
    }

    /// With a rule that permits what passes the test.
    #[must_use]
    pub fn permit(
        self,
        name: &str,
        test: impl Fn(&Evaluation<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(name, Effect::Permit, Box::new(test))
    }

    /// With a rule that forbids what passes the test.
    #[must_use]
    pub fn forbid(
        self,
        name: &str,
        test: impl Fn(&Evaluation<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(name, Effect::Forbid, Box::new(test))
    }

    /// With a rule that asks for the approval of so many persons for what passes the test.
    #[must_use]
    pub fn approve(
        self,
        name: &str,
        authority: AgencyKind,
        persons: u8,
        test: impl Fn(&Evaluation<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(name, Effect::Approve(authority, persons), Box::new(test))
    }

    /// Cannot evaluate anything.
    #[must_use]
    pub fn faulty(mut self, why: &str) -> Self {
        self.fault = Some(why.to_owned());
        self
    }

    fn with(mut self, name: &str, effect: Effect, test: Test) -> Self {
        self.rules.push(Rule { name: name.to_owned(), effect, test });
        self
    }
}

impl Evaluator for TableEvaluator {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        if let Some(why) = &self.fault {
            return Verdict::Fault { why: why.clone() };
        }
        let (mut permits, mut forbids, mut approval) = (Vec::new(), Vec::new(), None);
        for rule in self.rules.iter().filter(|rule| (rule.test)(evaluation)) {
            match rule.effect {
                Effect::Permit => permits.push(rule.name.clone()),
                Effect::Forbid => forbids.push(rule.name.clone()),
                Effect::Approve(authority, persons) => {
                    approval = Some((authority, persons, rule.name.clone()));
                }
            }
        }
        match approval {
            _ if !forbids.is_empty() => Verdict::Deny { rules: forbids },
            Some((authority, persons, rule)) => Verdict::NeedsApproval { authority, persons, rule },
            None if permits.is_empty() => Verdict::Deny { rules: Vec::new() },
            None => Verdict::Allow { rules: permits },
        }
    }

    fn floor_hash(&self) -> Digest {
        self.floor_hash
    }

    fn bundle_hash(&self) -> Digest {
        let names: Vec<&[u8]> = self.rules.iter().map(|rule| rule.name.as_bytes()).collect();
        Digest::from_bytes(domain::digest::derive("malines policy table v1", &names))
    }
}
