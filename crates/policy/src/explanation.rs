//! Why a decision is what it is, and what would make it another one.

use crate::evaluator::Verdict;
use crate::label_space::{LabelSpace, Part, SpaceError, Values, weight};
use crate::rulebook::{About, Approved, Openness, Rule, Rulebook, Truth};
use crate::situation::{Dimension, Situation};
use crate::survey::Survey;

/// The most labels that are changed at once in search of a yes.
const FLIPS_MAX: usize = 4;
/// The most combinations tried in that search.
const TRIES_MAX: usize = 200_000;

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision.
    pub verdict: Verdict,
    /// The fewest changes of labels that would open it; empty if approval alone is missing, `None`
    /// if no change that people can make would.
    pub opens_with: Option<Opening>,
    /// For a no that no rule said: the permit that came nearest.
    pub nearest: Option<Nearest>,
}

/// What would turn a no into something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Labels, and the words that any of which would do.
    pub labels: Vec<(Dimension, Vec<String>)>,
    /// What is decided then.
    pub verdict: Verdict,
}

/// The permit that came nearest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The rule.
    pub rule: String,
    /// The first of its conditions that failed, in words.
    pub failed: String,
    /// How many of its conditions failed.
    pub failures: usize,
}

/// Explains one decision.
///
/// # Errors
/// [`SpaceError`].
pub fn explain(
    survey: &Survey<'_>,
    rulebook: &Rulebook,
    situation: &Situation,
) -> Result<Explanation, SpaceError> {
    let about = rulebook.about(situation.action);
    let space = survey.space(situation.action, &[rulebook], &[])?;
    let choice = space.find(situation).ok_or(SpaceError::Outside)?;
    let approved = space.approved(&choice);
    let verdict = about.verdict(&approved);
    let search = Search { space: &space, about: &about, situation, choice: &choice };
    let is_no = matches!(verdict, Verdict::Deny { .. } | Verdict::Fault { .. });
    let opens_with = match &verdict {
        _ if is_no => search.opening(),
        Verdict::NeedsApproval { .. } => {
            Some(Opening { labels: Vec::new(), verdict: verdict.clone() })
        }
        _ => None,
    };
    let nearest = match &verdict {
        Verdict::Deny { rules } if rules.is_empty() => nearest(&about, &approved),
        _ => None,
    };
    Ok(Explanation { verdict, opens_with, nearest })
}

/// The permit with the fewest failing conditions, the first of equals.
fn nearest(about: &About<'_>, approved: &Approved) -> Option<Nearest> {
    let [none, ..] = approved;
    let failures = |rule: &Rule| -> Vec<String> {
        let failing = rule.clauses.iter().filter(|one| one.formula.truth(none) != Truth::Holds);
        failing.map(|one| one.text.clone()).collect()
    };
    let all = about.permits.iter().map(|rule| (rule, failures(rule)));
    let (rule, failures) = all.min_by_key(|(_, failures)| failures.len())?;
    let failed = failures.first()?.clone();
    Some(Nearest { rule: rule.id.clone(), failed, failures: failures.len() })
}

/// Looks for the fewest changes that open a decision.
struct Search<'s> {
    space: &'s LabelSpace,
    about: &'s About<'s>,
    situation: &'s Situation,
    choice: &'s [usize],
}

/// Another group of one part.
struct Flip {
    part: usize,
    group: usize,
    labels: Vec<(Dimension, Vec<String>)>,
}

impl Search<'_> {
    fn opening(&self) -> Option<Opening> {
        let circumstances = self.flips(|dimension| !dimension.is_fact());
        // What a person is, who stated it and who we are is never for anybody to choose.
        let facts = self.flips(|dimension| {
            !matches!(
                dimension,
                Dimension::Subject
                    | Dimension::Age
                    | Dimension::Depicts
                    | Dimension::Origin
                    | Dimension::Own
                    | Dimension::OwnCountry
                    | Dimension::OwnKind
                    | Dimension::OwnRole
            )
        });
        let mut tries = TRIES_MAX;
        (1..=FLIPS_MAX)
            .find_map(|count| self.with(&circumstances, count, &mut Vec::new(), 0, &mut tries))
            .or_else(|| {
                (1..=2).find_map(|count| self.with(&facts, count, &mut Vec::new(), 0, &mut tries))
            })
    }

    /// Every group that is reached by changing labels that may be changed.
    fn flips(&self, may_change: impl Fn(Dimension) -> bool) -> Vec<Flip> {
        let mut flips = Vec::new();
        for (index, (part, chosen)) in self.space.parts.iter().zip(self.choice).enumerate() {
            let here = self.nearest_to(part, *chosen);
            for (number, group) in part.groups.iter().enumerate() {
                if number == *chosen {
                    continue;
                }
                let reachable = group.members.iter().map(|member| changes(&here, member));
                let allowed = reachable
                    .filter(|labels| labels.iter().all(|(dimension, _)| may_change(*dimension)));
                if let Some(labels) = allowed.min_by_key(|labels| weight(&here, labels)) {
                    let labels = match labels.as_slice() {
                        [(dimension, _)] if part.dimensions.len() == 1 && !dimension.is_set() => {
                            vec![(*dimension, every_word(*dimension, &group.members))]
                        }
                        _ => labels,
                    };
                    flips.push(Flip { part: index, group: number, labels });
                }
            }
        }
        flips
    }

    /// The member of a group that is the situation itself, in the words of the space.
    fn nearest_to(&self, part: &Part, chosen: usize) -> Values {
        let members = part.groups.get(chosen).map(|group| group.members.as_slice());
        let own: Values = part
            .dimensions
            .iter()
            .map(|dimension| (*dimension, self.situation.words(*dimension)))
            .collect();
        let nearest = members.unwrap_or_default().iter().min_by_key(|one| weight(&own, one));
        nearest.cloned().unwrap_or(own)
    }

    fn with<'f>(
        &self,
        flips: &'f [Flip],
        count: usize,
        taken: &mut Vec<&'f Flip>,
        from: usize,
        tries: &mut usize,
    ) -> Option<Opening> {
        if count == 0 {
            *tries = tries.checked_sub(1)?;
            return self.opened(taken);
        }
        for (place, flip) in flips.iter().enumerate().skip(from) {
            if taken.iter().any(|other| other.part == flip.part) {
                continue;
            }
            taken.push(flip);
            let found = self.with(flips, count - 1, taken, place + 1, tries);
            taken.pop();
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn opened(&self, flips: &[&Flip]) -> Option<Opening> {
        let mut choice = self.choice.to_vec();
        for flip in flips {
            if let Some(slot) = choice.get_mut(flip.part) {
                *slot = flip.group;
            }
        }
        let approved = self.space.approved(&choice);
        if self.about.openness(&approved) == Openness::Closed {
            return None;
        }
        let labels = flips.iter().flat_map(|flip| flip.labels.iter().cloned());
        let labels = labels.map(|(dimension, words)| (dimension, self.in_real_names(words)));
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        Some(Opening { labels, verdict: self.about.verdict(&approved) })
    }

    /// Stand-ins for the two sides become the agencies that the situation is about.
    fn in_real_names(&self, words: Vec<String>) -> Vec<String> {
        let stand_ins = crate::label_space::ordinary(crate::Action::Share);
        let names = |word: String| {
            if word == stand_ins.own.agency.as_str() {
                self.situation.own.agency.to_string()
            } else if word == stand_ins.peer.agency.as_str() {
                self.situation.peer.agency.to_string()
            } else {
                word
            }
        };
        words.into_iter().map(names).collect()
    }
}

/// The labels in which two values differ, in the words of the second.
fn changes(here: &Values, there: &Values) -> Values {
    let pairs = here.iter().zip(there);
    pairs.filter(|(one, other)| one.1 != other.1).map(|(_, other)| other.clone()).collect()
}

fn every_word(dimension: Dimension, members: &[Values]) -> Vec<String> {
    let mut words: Vec<String> = members
        .iter()
        .flatten()
        .filter(|(known, _)| *known == dimension)
        .flat_map(|(_, words)| words.iter().cloned())
        .collect();
    let known = dimension.words().unwrap_or_default();
    words.sort_by_key(|word| known.iter().position(|one| one == word));
    words.dedup();
    words
}
