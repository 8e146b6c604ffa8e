//! Weighs a change of rules: what it is over all combinations of labels, and what it moves in records.
//!
//! The command line shows it and the node decides by it, so that both come to the same hash.

use crate::{COMMON_FLOOR, CedarError, Engine, Reading};
use domain::name::Digest;
use policy::Evaluator as _;
use policy::difference::{Census, Difference, PartnerChange, count, difference, hash};
use policy::label_space::{Only, SpaceError};
use policy::survey::{Idle, Survey};

/// The id of the rule that stops all sharing.
pub const FREEZE_ID: &str = "freeze-of-all-sharing";
/// The rule itself. It only forbids, so adding it can only narrow.
const FREEZE_RULE: &str = "
@id(\"freeze-of-all-sharing\")
@reason(\"An officer stopped all sharing: nothing is sent, shown, answered or asked.\")
forbid (principal, action in [Action::\"Share\", Action::\"Show\", Action::\"Answer\", Action::\"Ask\"], resource);
";

/// Why a change cannot be weighed.
#[derive(Debug, thiserror::Error)]
pub enum WeighingError {
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] CedarError),
    /// Too many combinations of labels.
    #[error(transparent)]
    Space(#[from] SpaceError),
}

/// Why rules should not be taken into use.
#[derive(Debug, thiserror::Error)]
pub enum IdleError {
    /// Some of them can never decide anything: most likely they say something else than was meant.
    #[error("{} can never decide: {}; `malines policy check` says more", count_of(.0), list(.0))]
    NeverDecide(Vec<Idle>),
    /// Whether they can is not known.
    #[error(transparent)]
    Unknown(#[from] WeighingError),
}

fn count_of(idle: &[Idle]) -> String {
    if idle.len() == 1 { "a rule".to_owned() } else { format!("{} rules", idle.len()) }
}

fn list(idle: &[Idle]) -> String {
    idle.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What a change of rules does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// Over all combinations of labels.
    pub difference: Difference,
    /// In records, at the place of each census.
    pub counts: Vec<Vec<PartnerChange>>,
    /// What a signature is bound to: both policies, what the change is, and the counts.
    pub hash: Digest,
}

/// Weighs the change from one policy to another, for what is held under each agreement.
///
/// # Errors
/// [`WeighingError`]; then nothing is known of the change.
pub fn weigh(
    old: &Engine,
    new: &Engine,
    only: &Only,
    censuses: &[Census],
) -> Result<Weighed, WeighingError> {
    let reading = Reading::of(&[old, new])?;
    let survey = Survey { conditions: reading.conditions(), oracle: &reading, only };
    let [from, to] = reading.rulebooks() else {
        return Err(SpaceError::Outside.into());
    };
    let difference = difference(&survey, from, to)?;
    let counts = censuses.iter().map(|census| count(&survey, from, to, census));
    let counts = counts.collect::<Result<Vec<_>, _>>()?;
    let hash = hash(&old.bundle_hash(), &new.bundle_hash(), difference.change, &counts.concat());
    Ok(Weighed { difference, counts, hash })
}

/// Local rules on the floor of this release, with all sharing stopped.
///
/// # Errors
/// [`CedarError`] if the rules with the stop are too long.
pub fn freeze(local: &str) -> Result<(Engine, String), CedarError> {
    let frozen = format!("{local}{FREEZE_RULE}");
    Ok((Engine::load(COMMON_FLOOR, &frozen)?, frozen))
}

impl Engine {
    /// The local rules that can never decide, ascending by id, each with the reason: over all
    /// combinations of labels, or over those that are looked at only.
    ///
    /// # Errors
    /// [`WeighingError`]: too many combinations, or a rule that cannot be followed.
    pub fn idle_rules(&self, only: &Only) -> Result<Vec<Idle>, WeighingError> {
        let reading = Reading::of(&[self])?;
        let survey = Survey { conditions: reading.conditions(), oracle: &reading, only };
        let [rulebook] = reading.rulebooks() else {
            return Err(SpaceError::Outside.into());
        };
        Ok(survey.idle_rules(rulebook)?)
    }

    /// Refuses rules of which some can never decide, for whoever takes rules into use. The rule that stops all sharing makes others idle for as long as it stands, so frozen
    /// rules are not looked at.
    ///
    /// # Errors
    /// [`IdleError`], with the rules and what keeps each of them from deciding.
    pub fn demand_that_each_decides(&self) -> Result<(), IdleError> {
        if self.is_frozen() {
            return Ok(());
        }
        let idle = self.idle_rules(&Only::everything())?;
        if idle.is_empty() { Ok(()) } else { Err(IdleError::NeverDecide(idle)) }
    }

    /// Does the rule that stops all sharing stand in it?
    pub fn is_frozen(&self) -> bool {
        self.rule(FREEZE_ID).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::difference::Change;

    const BELGIUM: &str = include_str!("../../../deploy/policy/be.cedar");

    #[test]
    fn a_freeze_narrows_and_lifting_it_widens() {
        let open = Engine::load(COMMON_FLOOR, BELGIUM).unwrap();
        let (frozen, text) = freeze(BELGIUM).unwrap();
        assert!(frozen.is_frozen() && !open.is_frozen());
        assert_eq!(Engine::load(COMMON_FLOOR, &text).unwrap().bundle_hash(), frozen.bundle_hash());
        let only = Only::everything();
        let there = weigh(&open, &frozen, &only, &[]).unwrap();
        assert_eq!(there.difference.change, Change::Narrowing);
        let back = weigh(&frozen, &open, &only, &[]).unwrap();
        assert_eq!(back.difference.change, Change::Widening);
        assert_ne!(there.hash, back.hash);
        assert!(freeze(&text).is_err(), "it cannot be frozen twice");
    }
}
