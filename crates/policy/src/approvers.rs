//! Who must approve what moves, whatever the rules of a country say.

use crate::approval::quorum;
use crate::invariant::{AUTHORITY_APPROVAL, PROTECTED_APPROVAL, Scene, is_protected};
use domain::value::AgencyKind;

/// Who must approve, whatever the policy says.
pub(crate) struct Quorum {
    /// The kind of authority.
    pub(crate) authority: AgencyKind,
    /// How many persons; those who have approved count among them.
    pub(crate) persons: u8,
    /// How many of those who have count for it.
    pub(crate) given: u8,
    /// By which rule.
    pub(crate) rule: &'static str,
}

/// Who must approve, whatever the policy says; `None` if nobody. A protected person is for prosecutors;
/// otherwise anybody whom the authority certified for it counts.
pub(crate) fn needed(scene: &Scene<'_>) -> Option<Quorum> {
    let class = scene.class().filter(|_| scene.moves())?;
    let protected = is_protected(class);
    let quorum = scene.approvals.map(|_| {
        // Who is not listed was refused before; nothing else is asked of an approver than a signature.
        quorum(scene.agreement, &class.origin, &class.purposes).unwrap_or(u8::MAX)
    });
    let authority = AgencyKind::Prosecution;
    let given = scene.approvals.unwrap_or_default();
    Some(match (protected, quorum) {
        (true, quorum) => {
            let persons = quorum.unwrap_or(2).max(2);
            Quorum { authority, persons, given: given.of(authority), rule: PROTECTED_APPROVAL }
        }
        (false, Some(persons)) => {
            Quorum { authority, persons, given: given.total(), rule: AUTHORITY_APPROVAL }
        }
        (false, None) => return None,
    })
}
