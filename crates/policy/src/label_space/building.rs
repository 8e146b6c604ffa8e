//! Builds the parts of a space: which labels conditions join, and which of their values are one.

use super::{
    ANY_AGREEMENT, COUNTRIES, Conditions, Group, MEMBERS_MAX, Named, Only, Oracle, Part, STAND_INS,
    SpaceError, TOGETHER_MAX, Values, listed, ordinary, weight,
};
use crate::decision::Action;
use crate::rulebook::Approved;
use crate::situation::{Dimension, Situation, WrongWord};
use std::collections::{BTreeSet, HashMap};

/// Where a space is and what its parts are made of.
pub(super) struct Building<'b> {
    pub(super) action: Action,
    pub(super) conditions: &'b Conditions,
    pub(super) named: Named,
    pub(super) only: &'b Only,
}

impl Building<'_> {
    /// Which labels conditions join, and the conditions on them. Who we are and who the other side
    /// is go together, because they are two different agencies.
    pub(super) fn joined(&self, in_use: &[usize]) -> Vec<(BTreeSet<Dimension>, Vec<usize>)> {
        let mut joined: Vec<(BTreeSet<Dimension>, Vec<usize>)> = Vec::new();
        let pair = BTreeSet::from([Dimension::Own, Dimension::Peer]);
        let mut seen = BTreeSet::new();
        for place in in_use.iter().copied().filter(|place| seen.insert(*place)) {
            let found = self.conditions.at(place).map(|one| one.dimensions.as_slice());
            let mut dimensions: BTreeSet<Dimension> =
                found.unwrap_or_default().iter().filter_map(|one| self.seen_as(*one)).collect();
            if dimensions.contains(&Dimension::Own) || dimensions.contains(&Dimension::Peer) {
                dimensions.extend(pair.iter().filter_map(|one| self.seen_as(*one)));
            }
            let mut together = vec![place];
            joined.retain(|(known, places)| {
                let apart =
                    known.is_disjoint(&dimensions) && !(known.is_empty() && dimensions.is_empty());
                if !apart {
                    dimensions.extend(known);
                    together.extend(places);
                }
                apart
            });
            joined.push((dimensions, together));
        }
        joined
    }

    /// The dimension to vary for a label that a condition looks at; approvals are tried apart.
    const fn seen_as(&self, dimension: Dimension) -> Option<Dimension> {
        let asks = matches!(self.action, Action::Ask | Action::Answer);
        match (dimension, self.action) {
            (Dimension::Approvals, _) => None,
            (Dimension::Peer, Action::Submit) => Some(Dimension::Own),
            (Dimension::PeerCountry, Action::Submit) => Some(Dimension::OwnCountry),
            (Dimension::PeerKind, Action::Submit) => Some(Dimension::OwnKind),
            (Dimension::PeerRole, Action::Submit) => Some(Dimension::OwnRole),
            (Dimension::Exercise, _) if asks => Some(Dimension::QuestionExercise),
            (other, _) => Some(other),
        }
    }

    pub(super) fn part(
        &self,
        dimensions: BTreeSet<Dimension>,
        together: &[usize],
        oracle: &dyn Oracle,
    ) -> Result<Part, SpaceError> {
        let dimensions: Vec<Dimension> = dimensions.into_iter().collect();
        let all: Vec<Vec<Vec<String>>> =
            dimensions.iter().map(|dimension| self.values(*dimension)).collect();
        let sizes = all.iter().map(|values| values.len() as u64);
        let values = sizes.fold(1, u64::saturating_mul);
        if values > TOGETHER_MAX {
            let (action, dimensions) = (self.action, listed(&dimensions));
            return Err(SpaceError::TooManyTogether { action, dimensions, values });
        }
        let (conditions, groups) = (together.to_vec(), Vec::new());
        let mut part = Part { dimensions, conditions, groups, of: HashMap::new() };
        let usual: Values = {
            let ordinary = ordinary(self.action);
            part.dimensions.iter().map(|one| (*one, ordinary.words(*one))).collect()
        };
        let mut known: HashMap<Approved, usize> = HashMap::new();
        for number in 0..values {
            let values = one_of(&part.dimensions, &all, number);
            let mut situation = ordinary(self.action);
            put_checked(&mut situation, &values)?;
            if self.is_impossible(&situation) {
                continue;
            }
            let approved = self.conditions.approved(&mut situation, together, oracle);
            let key = values.iter().map(|(_, words)| words.clone()).collect();
            let group = *known.entry(approved).or_insert_with(|| {
                part.groups.push(Group { approved, members: Vec::new() });
                part.groups.len() - 1
            });
            part.of.insert(key, group);
            if let Some(group) = part.groups.get_mut(group) {
                let known = group.members.first().map(|first| weight(&usual, first));
                if known.is_none_or(|known| weight(&usual, &values) < known) {
                    group.members.insert(0, values);
                    group.members.truncate(MEMBERS_MAX);
                } else if group.members.len() < MEMBERS_MAX {
                    group.members.push(values);
                }
            }
        }
        Ok(part)
    }

    /// Nothing moves from an agency to itself.
    fn is_impossible(&self, situation: &Situation) -> bool {
        self.action != Action::Submit && situation.own.agency == situation.peer.agency
    }

    /// Every value that a dimension takes: all of a short list, named ones and stand-ins of others.
    fn values(&self, dimension: Dimension) -> Vec<Vec<String>> {
        let named = &self.named;
        let owned = |word: &str| word.to_owned();
        let with = |names: &BTreeSet<String>, others: &[&str]| -> Vec<String> {
            names.iter().cloned().chain(others.iter().map(|one| owned(one))).collect()
        };
        let [our, their, third, _] = STAND_INS;
        let [own_country, peer_country] = COUNTRIES;
        let words: Vec<String> = match dimension {
            Dimension::Own => with(&named.agencies, &[our]),
            Dimension::Peer => with(&named.agencies, &[their]),
            Dimension::Origin => with(&named.agencies, &[our, their, third]),
            Dimension::Audience => with(&named.agencies, &STAND_INS),
            Dimension::Agreement => with(&named.agreements, &[ANY_AGREEMENT]),
            Dimension::OwnCountry | Dimension::PeerCountry if named.by_letter => every_country(),
            Dimension::OwnCountry => with(&named.countries, &[own_country]),
            Dimension::PeerCountry => with(&named.countries, &[own_country, peer_country]),
            Dimension::Offences => {
                named.offences.iter().cloned().chain(named.other_offences().map(owned)).collect()
            }
            Dimension::Offence => {
                let others: Vec<&str> = named.other_offences().collect();
                // A single unnamed one may be in the record or not: then both are tried.
                let needed = if others.len() == 2 { 1 } else { others.len() };
                let others = others.into_iter().take(needed).map(owned);
                named.offences.iter().cloned().chain(others).collect()
            }
            closed => closed.words().unwrap_or_default().iter().map(|one| owned(one)).collect(),
        };
        let words: Vec<String> =
            words.into_iter().filter(|word| self.only.allows(dimension, word)).collect();
        if dimension.is_set() {
            // In the order in which a situation lists them, so that keys are equal.
            subsets(&in_order(dimension, words))
        } else {
            words.into_iter().map(|word| vec![word]).collect()
        }
    }
}

/// The words of a set in the order in which a situation says them.
fn in_order(dimension: Dimension, mut words: Vec<String>) -> Vec<String> {
    match dimension.words() {
        None => words.sort(),
        Some(known) => words.sort_by_key(|word| known.iter().position(|one| one == word)),
    }
    words.dedup();
    words
}

fn subsets(words: &[String]) -> Vec<Vec<String>> {
    let mut sets = vec![Vec::new()];
    for word in words.iter().take(17) {
        let with: Vec<Vec<String>> =
            sets.iter().map(|set| set.iter().chain([word]).cloned().collect()).collect();
        sets.extend(with);
    }
    sets
}

/// The value with this number, the last dimension varying slowest.
fn one_of(dimensions: &[Dimension], all: &[Vec<Vec<String>>], number: u64) -> Values {
    let mut rest = number;
    let pick = |(dimension, values): (&Dimension, &Vec<Vec<String>>)| {
        let size = (values.len() as u64).max(1);
        let index = usize::try_from(rest % size).unwrap_or(0);
        rest /= size;
        (*dimension, values.get(index).cloned().unwrap_or_default())
    };
    dimensions.iter().zip(all).map(pick).collect()
}

fn every_country() -> Vec<String> {
    let letters = || (b'A'..=b'Z').map(char::from);
    letters().flat_map(|a| letters().map(move |b| format!("{a}{b}"))).collect()
}

fn put_checked(situation: &mut Situation, values: &Values) -> Result<(), WrongWord> {
    values.iter().try_for_each(|(dimension, words)| situation.set(*dimension, words))
}
