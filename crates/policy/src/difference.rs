//! What a change of policy does: narrows, widens or neither, decided over the whole label space,
//! and counted for the records that are held.
//!
//! A change that opens anything anywhere is a widening, whatever it closes elsewhere: it takes two
//! signatures. Nobody's opinion is asked, and no record is looked at to decide which it is.

use crate::decision::Action;
use crate::evaluator::Verdict;
use crate::label_space::{LabelSpace, SpaceError};
use crate::rulebook::{ACTIONS, About, Openness, Rulebook};
use crate::situation::{AgencyLabels, Situation};
use crate::survey::Survey;
use core::ops::ControlFlow;
use domain::class::Class;
use domain::name::Digest;
use domain::value::{Channel, Tlp, TransferBasis};
use std::collections::BTreeMap;

/// The most examples kept for each direction of one action.
const EXAMPLES_MAX: usize = 4;
/// The most partners of a count.
pub const PARTNERS_MAX: usize = 64;

/// What a change of policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Every decision stays what it is.
    Same,
    /// Some decisions close and none opens: one signature.
    Narrowing,
    /// Some decision opens, or another authority approves it: two signatures of different officers.
    Widening,
}

impl Change {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "SAME",
            Self::Narrowing => "NARROWS",
            Self::Widening => "WIDENS",
        }
    }
}

/// A decision that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it is: a widening or a narrowing.
    pub change: Change,
    /// The labels.
    pub situation: Situation,
    /// The decision before.
    pub before: Verdict,
    /// The decision after.
    pub after: Verdict,
}

/// The difference of two policies over the whole label space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What the change is.
    pub change: Change,
    /// How many combinations of labels were looked at.
    pub points: u64,
    /// How many of them open.
    pub opened: u64,
    /// How many of them close.
    pub closed: u64,
    /// Examples, sensitive ones first.
    pub examples: Vec<Example>,
}

/// Compares two policies over every point. Actions of which neither policy speaks count as closed.
///
/// # Errors
/// [`SpaceError`].
pub fn difference(
    survey: &Survey<'_>,
    old: &Rulebook,
    new: &Rulebook,
) -> Result<Difference, SpaceError> {
    let mut found =
        Difference { change: Change::Same, points: 0, opened: 0, closed: 0, examples: Vec::new() };
    for action in ACTIONS {
        let space = survey.space(action, &[old, new], &[])?;
        let (before, after) = (old.about(action), new.about(action));
        let mut kept: BTreeMap<Change, Vec<Example>> = BTreeMap::new();
        found.points = found.points.saturating_add(space.points());
        // What is closed before and after stays the same.
        space.walk(&[before.closed(), after.closed()], &mut |approved, choice| {
            let change = change_of(before.openness(approved), after.openness(approved));
            match change {
                Change::Same => return ControlFlow::Continue(()),
                Change::Narrowing => found.closed += 1,
                Change::Widening => found.opened += 1,
            }
            found.change = found.change.max(change);
            let examples = kept.entry(change).or_default();
            let situation = space.situation(choice);
            let is_full = examples.len() >= EXAMPLES_MAX;
            let is_worse = || {
                let least = examples.last().map(|one| sensitivity(&one.situation));
                least.is_some_and(|least| sensitivity(&situation) > least)
            };
            if !is_full || is_worse() {
                let (before, after) = (before.verdict(approved), after.verdict(approved));
                examples.push(Example { change, situation, before, after });
                examples.sort_by_key(|one| core::cmp::Reverse(sensitivity(&one.situation)));
                examples.truncate(EXAMPLES_MAX);
            }
            ControlFlow::Continue(())
        })?;
        found.examples.extend(kept.into_values().flatten());
    }
    found.examples.sort_by_key(|one| core::cmp::Reverse((one.change, sensitivity(&one.situation))));
    Ok(found)
}

/// Opening in any way is a widening; so is another authority, because it is not for a machine to
/// say which of two is the stricter.
fn change_of(before: Openness, after: Openness) -> Change {
    use Openness::{Approval, Closed, Open};
    match (before, after) {
        (Closed, Closed) | (Open, Open) => Change::Same,
        (Open, _) | (_, Closed) => Change::Narrowing,
        (_, Open) | (Closed, _) => Change::Widening,
        (
            Approval { persons_left: old, authority: by },
            Approval { persons_left: new, authority: now_by },
        ) => match new.cmp(&old) {
            _ if by != now_by => Change::Widening,
            core::cmp::Ordering::Greater => Change::Widening,
            core::cmp::Ordering::Less => Change::Narrowing,
            core::cmp::Ordering::Equal => Change::Same,
        },
    }
}

/// Minors first, then victims, then what is marked RED.
fn sensitivity(situation: &Situation) -> u8 {
    let has_class = !matches!(situation.action, Action::Ask | Action::Answer);
    let weigh = |holds: bool, weight: u8| if holds && has_class { weight } else { 0 };
    weigh(situation.is_about_a_minor(), 4)
        + weigh(situation.is_about_a_victim(), 2)
        + weigh(situation.class.tlp == Tlp::Red, 1)
}

/// What is held, by class, and who could get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Our agency.
    pub own: AgencyLabels,
    /// The other parties, at most [`PARTNERS_MAX`].
    pub partners: Vec<Partner>,
    /// Each class once, with the number of its live records.
    pub classes: Vec<(Class, u64)>,
}

/// A partner and the ground on which data goes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its labels.
    pub labels: AgencyLabels,
    /// The transfer basis from us to it; [`TransferBasis::None`] where there is none.
    pub transfer: TransferBasis,
}

/// How something reaches a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Shared by a machine.
    Machine,
    /// Shared by an analyst or an authority.
    Hand,
    /// Shown as a match for a purpose that the record states.
    Match,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Machine, Self::Hand, Self::Match];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "MACHINE",
            Self::Hand => "HAND",
            Self::Match => "MATCH",
        }
    }
}

/// What changes for one partner on one way, in records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerChange {
    /// The partner.
    pub partner: AgencyLabels,
    /// The way.
    pub way: Way,
    /// Records that would newly leave.
    pub would_leave: u64,
    /// Records that would no longer leave, with or without approval.
    pub would_stop: u64,
    /// Records that would newly need an approval.
    pub needs_approval: u64,
    /// Of all these, records about minors.
    pub minors: u64,
    /// Of all these, records about victims, witnesses and persons nobody could place.
    pub victims: u64,
    /// Of all these, records marked RED.
    pub red: u64,
    /// The rules that bring it about, with the records of each, most first.
    pub because: Vec<(String, u64)>,
}

impl PartnerChange {
    const fn new(partner: AgencyLabels, way: Way) -> Self {
        Self {
            partner,
            way,
            would_leave: 0,
            would_stop: 0,
            needs_approval: 0,
            minors: 0,
            victims: 0,
            red: 0,
            because: Vec::new(),
        }
    }

    /// Does nothing change?
    pub const fn is_none(&self) -> bool {
        self.would_leave == 0 && self.would_stop == 0 && self.needs_approval == 0
    }

    fn add(&mut self, situation: &Situation, records: u64, before: &Verdict, after: &Verdict) {
        let count = match (rank(before), rank(after)) {
            (old, new) if old == new => return,
            (_, Rank::Yes) => &mut self.would_leave,
            (_, Rank::No) => &mut self.would_stop,
            (_, Rank::Approval) => &mut self.needs_approval,
        };
        *count = count.saturating_add(records);
        let class = &situation.class;
        let marks = [
            (&mut self.minors, situation.is_about_a_minor()),
            (&mut self.victims, situation.is_about_a_victim()),
            (&mut self.red, class.tlp == Tlp::Red),
        ];
        for (count, _) in marks.into_iter().filter(|(_, holds)| *holds) {
            *count = count.saturating_add(records);
        }
        let rule = deciding(after).unwrap_or_else(|| deciding(before).unwrap_or_default());
        match self.because.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, known)) => *known = known.saturating_add(records),
            None => self.because.push((rule, records)),
        }
    }
}

/// Counts what changes for each partner: sensitive rows first, rows without a change left out. The
/// cost is classes times partners; no record is touched.
///
/// # Errors
/// [`SpaceError`].
pub fn count(
    survey: &Survey<'_>,
    old: &Rulebook,
    new: &Rulebook,
    census: &Census,
) -> Result<Vec<PartnerChange>, SpaceError> {
    let scales = |action| -> Result<Scale<'_>, SpaceError> {
        let space = survey.space(action, &[old, new], &[])?;
        Ok(Scale { space, old: old.about(action), new: new.about(action) })
    };
    let (share, show) = (scales(Action::Share)?, scales(Action::Show)?);
    let mut changes = Vec::new();
    for partner in census.partners.iter().take(PARTNERS_MAX) {
        for way in Way::ALL {
            let scale = if way == Way::Match { &show } else { &share };
            let mut change = PartnerChange::new(partner.labels.clone(), way);
            for (class, records) in &census.classes {
                // What another agency stated is for that agency to share.
                if class.origin == census.own.agency {
                    let situations = situations(&census.own, partner, way, class);
                    if let Some((situation, before, after)) = scale.widest(situations)? {
                        change.add(&situation, *records, &before, &after);
                    }
                }
            }
            change.because.sort_by_key(|(_, records)| core::cmp::Reverse(*records));
            if !change.is_none() {
                changes.push(change);
            }
        }
    }
    changes.sort_by_key(|one| core::cmp::Reverse((one.minors > 0, one.victims > 0, one.red > 0)));
    Ok(changes)
}

/// What a partner's row of a class is weighed on.
struct Scale<'s> {
    space: LabelSpace,
    old: About<'s>,
    new: About<'s>,
}

impl Scale<'_> {
    /// Before and after, each for whichever of the situations opens most.
    fn widest(
        &self,
        situations: Vec<Situation>,
    ) -> Result<Option<(Situation, Verdict, Verdict)>, SpaceError> {
        let mut widest: Option<(Situation, Verdict, Verdict)> = None;
        for situation in situations {
            let choice = self.space.find(&situation).ok_or(SpaceError::Outside)?;
            let approved = self.space.approved(&choice);
            let (before, after) = (self.old.verdict(&approved), self.new.verdict(&approved));
            widest = Some(match widest {
                None => (situation, before, after),
                Some((first, known_before, known_after)) => {
                    (first, wider(known_before, before), wider(known_after, after))
                }
            });
        }
        Ok(widest)
    }
}

/// The situations in which a class could reach a partner on one way.
pub fn situations(
    own: &AgencyLabels,
    partner: &Partner,
    way: Way,
    class: &Class,
) -> Vec<Situation> {
    let action = if way == Way::Match { Action::Show } else { Action::Share };
    let mut base = crate::label_space::ordinary(action);
    base.own = own.clone();
    base.peer = partner.labels.clone();
    base.transfer = partner.transfer;
    base.class = class.clone();
    base.terms.agreement = class.agreement.clone();
    base.terms.kind = class.kind;
    base.terms.exercise = class.exercise;
    let by = |channel: Channel| {
        let mut situation = base.clone();
        situation.channel = channel;
        situation.terms.channel = channel;
        situation
    };
    match way {
        Way::Machine => vec![by(Channel::Automated)],
        Way::Hand => vec![by(Channel::Analyst), by(Channel::Authority)],
        Way::Match => {
            let mut asked = Vec::new();
            for purpose in &class.purposes {
                for offence in &class.offences {
                    let mut situation = by(Channel::Analyst);
                    situation.terms.purpose = *purpose;
                    situation.terms.offence = *offence;
                    asked.push(situation);
                }
            }
            asked
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    No,
    Approval,
    Yes,
}

const fn rank(verdict: &Verdict) -> Rank {
    match verdict {
        Verdict::Allow { .. } => Rank::Yes,
        Verdict::NeedsApproval { .. } => Rank::Approval,
        Verdict::Deny { .. } | Verdict::Fault { .. } => Rank::No,
    }
}

/// Of two decisions the one that lets more through; the first of equals.
pub fn wider(one: Verdict, other: Verdict) -> Verdict {
    if rank(&other) > rank(&one) { other } else { one }
}

fn deciding(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Allow { rules } | Verdict::Deny { rules } => rules.first().cloned(),
        Verdict::NeedsApproval { rule, .. } => Some(rule.clone()),
        Verdict::Fault { .. } => None,
    }
}

/// The hash that a proposal is bound to: both policies, what the change is, and the counts. A
/// signature over it is worth nothing once any of them is another.
pub fn hash(
    old_bundle: &Digest,
    new_bundle: &Digest,
    change: Change,
    counts: &[PartnerChange],
) -> Digest {
    let mut rows: Vec<String> = counts
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {} {} {} {} {}",
                row.partner.agency,
                row.way.as_str(),
                row.would_leave,
                row.would_stop,
                row.needs_approval,
                row.minors,
                row.victims,
                row.red
            )
        })
        .collect();
    rows.sort();
    let rows = rows.join("\n");
    let parts: [&[u8]; 4] =
        [old_bundle.as_bytes(), new_bundle.as_bytes(), change.as_str().as_bytes(), rows.as_bytes()];
    Digest::from_bytes(domain::digest::derive("malines policy difference v1", &parts))
}
