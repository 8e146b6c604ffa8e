//! Why a rule exists, in the sentence that stands beside it: in the program, or in the rules of the
//! own node.

use crate::session::Session;
use cedar_engine::Engine;
use domain::refusal::{Refusal, RefusalCode};
use domain::submission::{Fate, Outlook};
use policy::proposal::Which;
use std::collections::{BTreeMap, BTreeSet};

/// The sentences of the rules that some decisions named.
#[derive(Default)]
pub(crate) struct Reasons(BTreeMap<String, String>);

impl Reasons {
    /// Looks them up. The node is asked for its rules only if one of them is meant; if it does not
    /// give them, the rules are named without their sentences.
    pub(crate) fn of<'r>(session: &Session, rules: impl Iterator<Item = &'r str>) -> Self {
        let mut known = BTreeMap::new();
        let mut of_files = BTreeSet::new();
        for rule in rules {
            match policy::invariant::reason(rule) {
                Some(reason) => {
                    known.insert(rule.to_owned(), reason.to_owned());
                }
                None => {
                    of_files.insert(rule);
                }
            }
        }
        if of_files.is_empty() {
            return Self(known);
        }
        let text = session.policy(Which::Active).ok();
        if let Some(engine) = text.and_then(|text| Engine::load(&text.floor, &text.local).ok()) {
            let found = of_files.into_iter().filter_map(|id| engine.rule(id));
            known.extend(found.map(|rule| (rule.id.clone(), rule.reason.clone())));
        }
        Self(known)
    }

    /// Those of a forecast: where a rule keeps a record home or asks for a person.
    pub(crate) fn of_outlook<'r>(
        session: &Session,
        outlook: impl Iterator<Item = &'r Outlook>,
        refusals: impl Iterator<Item = &'r Refusal>,
    ) -> Self {
        let kept = outlook.filter(|row| match row.fate {
            Fate::Stays(code) => is_by_a_rule(code),
            Fate::NeedsApproval => true,
            Fate::Leaves | Fate::AnsweredWhenAsked => false,
        });
        let kept = kept.filter_map(|row| row.rule.as_deref());
        let refused = refusals.filter(|refusal| is_by_a_rule(refusal.code));
        Self::of(session, kept.chain(refused.filter_map(|refusal| refusal.rule.as_deref())))
    }

    /// The sentence of a rule.
    pub(crate) fn get(&self, rule: Option<&str>) -> Option<&str> {
        self.0.get(rule?).map(String::as_str)
    }
}

/// Does the code say no more than that a rule said no?
pub(crate) const fn is_by_a_rule(code: RefusalCode) -> bool {
    matches!(code, RefusalCode::RuleDenied | RefusalCode::PolicyDenied)
}
