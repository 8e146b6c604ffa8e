//! What can be put to policy, and what policy can say.

use domain::class::Class;
use domain::name::{AgencyId, AgreementId};
use domain::question::QuestionTerms;
use domain::refusal::{Refusal, RefusalCode};
use domain::value::AgencyKind;
use std::sync::Arc;

/// What is to happen. Each is put to policy by exactly one procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// An own officer hands in a record of this class.
    Submit,
    /// The peer gets a record of this class.
    Share,
    /// We take a record of this class from the peer.
    Receive,
    /// We put a question with these terms to the peer.
    Ask,
    /// The peer puts a question with these terms to us: decided before anything is looked up.
    Answer,
    /// A match with a record of this class is told to the peer that asked.
    Show,
    /// The origin takes a record of this class back.
    Withdraw,
    /// An own officer reads a record of this class outside of any question: to correct it, or under
    /// a legal hold.
    Inspect,
}

impl Action {
    /// Every action.
    pub const ALL: &'static [Self] = &[
        Self::Submit,
        Self::Share,
        Self::Receive,
        Self::Ask,
        Self::Answer,
        Self::Show,
        Self::Withdraw,
        Self::Inspect,
    ];

    /// The stable word, as in policy files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "Submit",
            Self::Share => "Share",
            Self::Receive => "Receive",
            Self::Ask => "Ask",
            Self::Answer => "Answer",
            Self::Show => "Show",
            Self::Withdraw => "Withdraw",
            Self::Inspect => "Inspect",
        }
    }

    /// Can people approve it? Only that one record goes to one partner, on both ends; to everything
    /// else a rule that asks for approvals is a no.
    pub const fn takes_approvals(self) -> bool {
        matches!(self, Self::Share | Self::Receive)
    }

    /// Does what is decided leave for the peer? Only then does a permit open a [`crate::Held`].
    pub const fn hands_over(self) -> bool {
        matches!(self, Self::Share | Self::Show | Self::Inspect)
    }
}

impl core::fmt::Display for Action {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Counts the changes of what decisions rest on: agreements, their standing, the policy. A decision
/// of one epoch says nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyEpoch(pub u64);

/// Yes, not without a human, or no; always with the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes, for this action, peer and class or question alone.
    Allow(Permit),
    /// Only with the approval of humans; until then it is a no.
    NeedsApproval {
        /// The kind of authority that approves.
        authority: AgencyKind,
        /// How many distinct persons.
        persons: u8,
        /// The rule that asks for it.
        rule: String,
    },
    /// No.
    Deny(Refusal),
}

impl Decision {
    /// A no by a named rule.
    pub(crate) fn deny(code: RefusalCode, rule: &str) -> Self {
        Self::Deny(Refusal::by_rule(code, rule))
    }

    /// Is it a plain yes?
    pub const fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// The rule that decided: the first that permits, the one that asks for approval, or the one
    /// that says no.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Allow(permit) => permit.rules().first().map(|rule| &**rule),
            Self::NeedsApproval { rule, .. } => Some(rule),
            Self::Deny(refusal) => refusal.rule.as_deref(),
        }
    }

    /// The permit, or the reason why there is none.
    ///
    /// # Errors
    /// The refusal; [`RefusalCode::NeedsApproval`] where a human has to approve.
    pub fn permit(self) -> Result<Permit, Refusal> {
        match self {
            Self::Allow(permit) => Ok(permit),
            Self::NeedsApproval { rule, .. } => {
                Err(Refusal::by_rule(RefusalCode::NeedsApproval, &rule))
            }
            Self::Deny(refusal) => Err(refusal),
        }
    }
}

/// The proof that policy said yes: to one action, for one peer, about one class or question, in one
/// epoch. It cannot be made outside this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    grounds: Arc<Grounds>,
}

#[derive(Debug, PartialEq, Eq)]
struct Grounds {
    action: Action,
    peer: AgencyId,
    scope: Scope,
    epoch: PolicyEpoch,
    rules: Vec<String>,
}

/// What a permit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    Class(Arc<Class>),
    Terms(QuestionTerms),
}

impl Permit {
    pub(crate) fn new(
        action: Action,
        peer: &AgencyId,
        scope: Scope,
        epoch: PolicyEpoch,
        rules: Vec<String>,
    ) -> Self {
        let grounds = Grounds { action, peer: peer.clone(), scope, epoch, rules };
        Self { grounds: Arc::new(grounds) }
    }

    /// What may happen.
    pub fn action(&self) -> Action {
        self.grounds.action
    }

    /// The peer it may happen with.
    pub fn peer(&self) -> &AgencyId {
        &self.grounds.peer
    }

    /// The class it is about; `None` for a question.
    pub fn class(&self) -> Option<&Arc<Class>> {
        match &self.grounds.scope {
            Scope::Class(class) => Some(class),
            Scope::Terms(_) => None,
        }
    }

    /// The agreement it rests on.
    pub fn agreement(&self) -> &AgreementId {
        match &self.grounds.scope {
            Scope::Class(class) => &class.agreement,
            Scope::Terms(terms) => &terms.agreement,
        }
    }

    /// The epoch it was given in.
    pub fn epoch(&self) -> PolicyEpoch {
        self.grounds.epoch
    }

    /// The rules that permit; at least one.
    pub fn rules(&self) -> &[String] {
        &self.grounds.rules
    }
}
