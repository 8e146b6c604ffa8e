//! Weighs a change of rules: what it is over all combinations of labels, and what it moves in records.
//!
//! The command line shows it and the node decides by it, so that both come to the same hash.

use crate::{COMMON_FLOOR, CedarError, Engine, Reading};
use domain::name::Digest;
use policy::Evaluator as _;
use policy::difference::{Census, Change, Difference, PartnerChange, count, difference, hash};
use policy::label_space::{Only, SpaceError};
use policy::survey::{Idle, Survey};

/// The id of the rule that stops all sharing.
pub const FREEZE_ID: &str = "freeze-of-all-sharing";
/// The rule itself. It only forbids, so adding it can only narrow.
pub(crate) const FREEZE_RULE: &str = "
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

/// What a change of rules does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// Over all combinations of labels.
    pub difference: Difference,
    /// In records, at the place of each census.
    pub counts: Vec<Vec<PartnerChange>>,
    /// The new and changed local rules that can never decide, ascending by id. Empty where a part of
    /// the space was looked at, which proves nothing about the rest, and under a stop of all sharing,
    /// which makes every permit idle for as long as it stands.
    pub idle: Vec<Idle>,
    /// What a signature is bound to: both policies, what the change is, and the counts.
    pub hash: Digest,
}

impl Weighed {
    /// Do new rules that can never decide stand in its way? Most likely they say something else than was
    /// meant; but what closes something is in force all the same, because closing must not wait.
    pub fn is_held_up(&self) -> bool {
        !self.idle.is_empty() && self.difference.change != Change::Narrowing
    }
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
    let is_whole = *only == Only::everything() && !new.is_frozen();
    let idle = match is_whole {
        true => survey.idle_rules(to, |rule| !new.has_as_it_stands_in(old, rule))?,
        false => Vec::new(),
    };
    let hash = hash(&old.bundle_hash(), &new.bundle_hash(), difference.change, &counts.concat());
    Ok(Weighed { difference, counts, idle, hash })
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
    /// The local rules that can never decide over all combinations of labels, ascending by id, each
    /// with the reason; of those that differ from the rules before, if there were any: a rule that
    /// stood there may be made idle by a new forbid, and whoever closes something must not wait for it.
    ///
    /// # Errors
    /// [`WeighingError`]: too many combinations, or a rule that cannot be followed.
    pub fn idle_rules(&self, before: Option<&Self>) -> Result<Vec<Idle>, WeighingError> {
        if self.is_frozen() {
            return Ok(Vec::new());
        }
        let reading = Reading::of(&[self])?;
        let only = Only::everything();
        let survey = Survey { conditions: reading.conditions(), oracle: &reading, only: &only };
        let [rulebook] = reading.rulebooks() else {
            return Err(SpaceError::Outside.into());
        };
        let is_new =
            |rule: &str| before.is_none_or(|before| !self.has_as_it_stands_in(before, rule));
        Ok(survey.idle_rules(rulebook, is_new)?)
    }

    /// Does the rule that stops all sharing stand in it? Its id is kept for that one text.
    pub fn is_frozen(&self) -> bool {
        self.rule(FREEZE_ID).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        // Another rule under its name would make it look stopped, and a stop impossible.
        let named =
            "@id(\"freeze-of-all-sharing\") @reason(\"x\") forbid (principal, action, resource)
            when { resource.exercise };";
        let refused = Engine::load(COMMON_FLOOR, &[BELGIUM, named].concat()).unwrap_err();
        assert!(refused.to_string().contains("kept for the stop"), "{refused}");
    }

    #[test]
    fn the_largest_rules_can_still_be_frozen() {
        let rule = |n: usize| {
            format!("@id(\"L{n}\") @reason(\"x\") permit (principal, action, resource);\n")
        };
        let floor = Engine::load(COMMON_FLOOR, "").unwrap().rules().count();
        let most: String = (100..100 + crate::load::RULES_MAX - floor).map(rule).collect();
        assert!(freeze(&most).is_ok());
        let more = format!("{most}{}", rule(99));
        assert!(Engine::load(COMMON_FLOOR, &more).is_err());
        let padding = crate::load::POLICY_BYTES_MAX - 1024 - BELGIUM.len();
        let longest = format!("{BELGIUM}{}", "\n".repeat(padding));
        assert!(freeze(&longest).unwrap().1.len() <= crate::load::POLICY_BYTES_MAX);
        assert!(Engine::load(COMMON_FLOOR, &format!("{longest}\n")).is_err());
    }
}
