//! The seam behind which the policy language sits: labels, peer and agreement in, a verdict out.

use crate::decision::Action;
use agreement::{Agreement, Party};
use domain::class::Class;
use domain::name::{AgencyId, Digest};
use domain::question::QuestionTerms;
use domain::value::{AgencyKind, Channel, TransferBasis};

/// Everything that a rule may look at. No hash, id of a record, date or text is here.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// What is to happen.
    pub action: Action,
    /// Our own agency, as the agreement knows it.
    pub own: &'a Party,
    /// The agency on the other side; our own for [`Action::Submit`].
    pub peer: &'a Party,
    /// The agreement.
    pub agreement: &'a Agreement,
    /// The legal ground in the direction that data would go; `None` where nothing crosses.
    pub transfer_basis: Option<TransferBasis>,
    /// Who moves it.
    pub channel: Channel,
    /// Who has approved it; nobody where a class is decided as a whole.
    pub approvals: Approvals,
    /// What it is about.
    pub matter: Matter<'a>,
}

/// How many persons have approved something, of each kind of authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Approvals([u8; AgencyKind::ALL.len()]);

impl Approvals {
    /// Nobody has.
    pub const NONE: Self = Self([0; AgencyKind::ALL.len()]);

    /// One person more.
    #[must_use]
    pub fn with(mut self, kind: AgencyKind) -> Self {
        for (known, persons) in AgencyKind::ALL.iter().zip(&mut self.0) {
            *persons = persons.saturating_add(u8::from(*known == kind));
        }
        self
    }

    /// How many of one kind.
    pub fn of(&self, kind: AgencyKind) -> u8 {
        let mut known = AgencyKind::ALL.iter().zip(self.0).filter(|(known, _)| **known == kind);
        known.next().map_or(0, |(_, persons)| persons)
    }

    /// How many in all.
    pub fn total(&self) -> u8 {
        self.0.into_iter().fold(0, u8::saturating_add)
    }

    /// Has nobody approved?
    pub fn are_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// What a decision is about.
#[derive(Debug, Clone, Copy)]
pub enum Matter<'a> {
    /// Records of a class: [`Action::Submit`], [`Action::Share`], [`Action::Receive`].
    Class(&'a Class),
    /// A question, from itself alone: [`Action::Ask`], [`Action::Answer`].
    Terms(&'a QuestionTerms),
    /// A record's class against the question that it matches: [`Action::Show`].
    Match {
        /// The question.
        terms: &'a QuestionTerms,
        /// The record's class.
        class: &'a Class,
    },
}

impl<'a> Matter<'a> {
    /// The class, where there is one.
    pub const fn class(self) -> Option<&'a Class> {
        match self {
            Matter::Class(class) | Matter::Match { class, .. } => Some(class),
            Matter::Terms(_) => None,
        }
    }

    /// The question, where there is one.
    pub const fn terms(self) -> Option<&'a QuestionTerms> {
        match self {
            Matter::Terms(terms) | Matter::Match { terms, .. } => Some(terms),
            Matter::Class(_) => None,
        }
    }
}

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Permitted by these rules and forbidden by none.
    Allow {
        /// The permitting rules, at least one.
        rules: Vec<String>,
    },
    /// Would be permitted if humans approved.
    NeedsApproval {
        /// The kind of authority.
        authority: AgencyKind,
        /// How many distinct persons.
        persons: u8,
        /// The rule that asks for it.
        rule: String,
    },
    /// Forbidden by these rules; empty if nothing permits it.
    Deny {
        /// The forbidding rules.
        rules: Vec<String>,
    },
    /// A rule could not be evaluated: nothing is allowed.
    Fault {
        /// What went wrong, for our own log; names no value.
        why: String,
    },
}

/// Judges by rules. A second implementation for tests is [`crate::table::TableEvaluator`].
pub trait Evaluator: Send + Sync {
    /// The verdict. It must depend on the evaluation alone, because it is kept.
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict;

    /// Could a rule tell this agency from another with the same labels, because it names it? Whoever
    /// answers no says that two evaluations have one verdict if they differ in nothing but the peer, no
    /// rule names either, both peers have the same labels, both or neither are in the audience, and
    /// neither is our own agency or the originator: then the gate asks once for both.
    fn may_name(&self, agency: &AgencyId) -> bool {
        let _ = agency;
        true
    }

    /// The hash of the common floor in use; must be the one the agreement pins.
    fn floor_hash(&self) -> Digest;

    /// The hash of everything in use, floor and local rules.
    fn bundle_hash(&self) -> Digest;
}
