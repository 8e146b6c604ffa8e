//! What the rules said of one partner serves for every partner that they cannot tell from it.
//!
//! Rules see of a partner its country, kind and role, the legal ground of the transfer, whether it is in
//! the audience of a record and whether it stated it; they see its name only where they name it. Two
//! partners with the same labels under one agreement, neither of them named, are one to the rules: swap
//! them, and nothing that a rule looks at has changed. So the verdict is asked for once.
//!
//! The rules of the program are no part of it: they know of suspensions, of papers that are missing and
//! of national law, are cheap, and are checked for each partner by itself, before and after.

use crate::decision::Action;
use crate::evaluator::{Evaluation, Evaluator, Verdict};
use agreement::Agreement;
use agreement::terms::PartyRole;
use domain::class::Class;
use domain::name::{AgencyId, Country};
use domain::question::QuestionTerms;
use domain::value::{AgencyKind, Channel, TransferBasis};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// The most verdicts of one epoch that are kept for several partners; beyond it all are dropped.
const SHARED_MAX: usize = 65_536;

/// Sets of partners under one agreement that rules cannot tell apart; a partner that is alone is in none.
#[derive(Debug, Default)]
pub(crate) struct Sets(BTreeMap<AgencyId, u8>);

/// Everything that rules see of a partner that they do not name, beside its place in a record.
type Labels<'a> = (&'a Country, AgencyKind, PartyRole, Option<TransferBasis>);

impl Sets {
    /// The sets among the partners of our own agency.
    pub(crate) fn of(agreement: &Agreement, own: &AgencyId, evaluator: &dyn Evaluator) -> Self {
        let mut alike: Vec<(Labels<'_>, Vec<&AgencyId>)> = Vec::new();
        for party in &agreement.parties {
            if party.agency == *own || evaluator.may_name(&party.agency) {
                continue;
            }
            let basis = agreement.pair(own, &party.agency).map(|pair| pair.transfer_basis);
            let labels: Labels<'_> = (&party.country, party.kind, party.role, basis);
            match alike.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, members)) => members.push(&party.agency),
                None => alike.push((labels, vec![&party.agency])),
            }
        }
        let sets = alike.into_iter().filter(|(_, members)| members.len() > 1);
        let numbered = (0..=u8::MAX).zip(sets).flat_map(|(number, (_, members))| {
            members.into_iter().map(move |agency| (agency.clone(), number))
        });
        Self(numbered.collect())
    }

    /// The set that a partner is in.
    pub(crate) fn number(&self, agency: &AgencyId) -> Option<u8> {
        self.0.get(agency).copied()
    }
}

/// Everything that rules see, with a set of partners in the place of one. Our own labels and the
/// agreement follow from the agreement's name, which stands in the class and in the question.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    action: Action,
    channel: Channel,
    set: u8,
    in_audience: bool,
    class: Option<Arc<Class>>,
    terms: Option<QuestionTerms>,
}

/// The verdicts of one epoch that hold for sets of partners.
#[derive(Default)]
pub(crate) struct Shared(RwLock<HashMap<Key, Verdict>>);

impl Shared {
    /// The verdict of the rules: one that was given before for a partner of the same set, or a new one.
    pub(crate) fn verdict(
        &self,
        evaluator: &dyn Evaluator,
        evaluation: &Evaluation<'_>,
        sets: &Sets,
        class: Option<&Arc<Class>>,
    ) -> Verdict {
        let Some(key) = key_of(evaluation, sets, class) else {
            return evaluator.evaluate(evaluation);
        };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(verdict) = known {
            return verdict;
        }
        let verdict = evaluator.evaluate(evaluation);
        // What went wrong is said in words that may name a partner, and may go right the next time.
        if !matches!(verdict, Verdict::Fault { .. }) {
            let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= SHARED_MAX {
                kept.clear();
            }
            kept.insert(key, verdict.clone());
        }
        verdict
    }
}

/// `None` where the verdict is for this partner alone: what it hands to us is its own, and what people
/// approved is decided anew each time.
fn key_of(evaluation: &Evaluation<'_>, sets: &Sets, class: Option<&Arc<Class>>) -> Option<Key> {
    let action = evaluation.action;
    if !matches!(action, Action::Share | Action::Ask | Action::Answer | Action::Show) {
        return None;
    }
    let (own, peer) = (&evaluation.own.agency, &evaluation.peer.agency);
    let is_ordinary = evaluation.approvals.are_none()
        && own != peer
        && class.is_none_or(|class| class.origin != *peer);
    let set = sets.number(peer).filter(|_| is_ordinary)?;
    let in_audience = class.is_some_and(|class| class.audience.contains(peer));
    let (class, terms) = (class.cloned(), evaluation.matter.terms().cloned());
    Some(Key { action, channel: evaluation.channel, set, in_audience, class, terms })
}
