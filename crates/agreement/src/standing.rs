//! Does it bind now? A pure function of the agreement, the set of events and the clock.

use crate::event::{Act, Link, SignedEvents};
use crate::{Agreement, Terms};
use domain::name::AgencyId;
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How far inside its window an agreement must be on both ends: clocks of honest parties may differ
/// by this much without one of them sending what the other must refuse.
pub const SKEW_MS: u64 = 120_000;

/// Whether an agreement binds now, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not signed by every party.
    Incomplete {
        /// Whose signature is missing.
        missing: BTreeSet<AgencyId>,
    },
    /// Signed by every party; its time has not come.
    NotYetValid,
    /// In force for every party.
    InForce,
    /// In force, except to and from these parties.
    Suspended {
        /// The suspended parties, and why.
        by: BTreeMap<AgencyId, WhySuspended>,
    },
    /// Its time is over.
    Expired,
}

/// Why a party is suspended. Everything but its own act means that we cannot know its will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhySuspended {
    /// It said so.
    OwnAct,
    /// It signed two different events for one place of its chain.
    Forked,
    /// An event is missing, or does not continue the one before.
    Broken,
}

impl core::fmt::Display for WhySuspended {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::OwnAct => "suspended by its own authority",
            Self::Forked => "its authority signed two different events for one place",
            Self::Broken => "an event of its authority is missing",
        })
    }
}

impl Standing {
    /// Judges.
    pub fn of(agreement: &Agreement, events: &SignedEvents, now: Timestamp) -> Self {
        let mut missing = BTreeSet::new();
        let mut suspended = BTreeMap::new();
        for party in &agreement.parties {
            let will = will_of(agreement, events, &party.agency);
            if !will.signed {
                missing.insert(party.agency.clone());
            }
            if let Some(why) = will.suspended {
                suspended.insert(party.agency.clone(), why);
            }
        }
        if !missing.is_empty() {
            return Self::Incomplete { missing };
        }
        match window_of(agreement, now) {
            Window::Before => Self::NotYetValid,
            Window::After => Self::Expired,
            Window::Inside if suspended.is_empty() => Self::InForce,
            Window::Inside => Self::Suspended { by: suspended },
        }
    }

    /// May anything pass between these two parties?
    pub fn carries(&self, one: &AgencyId, other: &AgencyId) -> bool {
        match self {
            Self::InForce => true,
            Self::Suspended { by } => !by.contains_key(one) && !by.contains_key(other),
            Self::Incomplete { .. } | Self::NotYetValid | Self::Expired => false,
        }
    }
}

impl core::fmt::Display for Standing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Incomplete { missing } => {
                let names: Vec<&str> = missing.iter().map(AgencyId::as_str).collect();
                write!(f, "not signed by {}", names.join(", "))
            }
            Self::NotYetValid => f.write_str("signed by every party, not yet valid"),
            Self::InForce => f.write_str("in force"),
            Self::Suspended { by } => {
                let names: Vec<&str> = by.keys().map(AgencyId::as_str).collect();
                write!(f, "in force, suspended for {}", names.join(", "))
            }
            Self::Expired => f.write_str("expired"),
        }
    }
}

enum Window {
    Before,
    Inside,
    After,
}

fn window_of(terms: &Terms, now: Timestamp) -> Window {
    let [start, end] = terms.boundaries();
    if now < start {
        Window::Before
    } else if now < end {
        Window::Inside
    } else {
        Window::After
    }
}

struct Will {
    signed: bool,
    suspended: Option<WhySuspended>,
}

/// Reads a chain from its start. What cannot be read in full narrows: behind a gap may be anything.
fn will_of(agreement: &Agreement, events: &SignedEvents, party: &AgencyId) -> Will {
    let mut will = Will { signed: false, suspended: None };
    if events.agreement() != agreement.hash() {
        return will;
    }
    let Some(chain) = events.chain(party) else {
        return will;
    };
    let mut before = None;
    for (expected, (n, link)) in (1..).zip(chain) {
        let (hash, event) = match link {
            Link::One(hash, event) => (hash, event),
            Link::Forked => {
                will.suspended = Some(WhySuspended::Forked);
                return will;
            }
        };
        if *n != expected || event.previous != before {
            let forked = chain.values().any(|link| *link == Link::Forked);
            let why = if forked { WhySuspended::Forked } else { WhySuspended::Broken };
            will.suspended = Some(why);
            return will;
        }
        match event.act {
            Act::Sign { .. } => will.signed = true,
            Act::Suspend => will.suspended = Some(WhySuspended::OwnAct),
            Act::Lift => will.suspended = None,
        }
        before = Some(*hash);
    }
    will
}
