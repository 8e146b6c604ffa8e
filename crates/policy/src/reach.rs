//! How far one record reaches: for each partner what policy would let through now, and what is granted.

use crate::difference::{Partner, Way};
use crate::evaluator::Verdict;
use crate::situation::AgencyLabels;
use domain::class::Class;
use domain::name::RecordId;
use std::sync::Arc;

/// The most rules that are named for one decision.
pub const RULES_MAX: usize = 64;

/// Is a record still in use?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Yes.
    Live,
    /// It is past its end: nothing of it leaves.
    Expired,
}

/// Is something in what a partner may see?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Who could get a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The record.
    pub record_id: RecordId,
    /// Is it still in use?
    pub life: Life,
    /// What rules see of it.
    pub class: Arc<Class>,
    /// Our agency, as its agreement knows it.
    pub own: AgencyLabels,
    /// The other parties of its agreement, at most [`crate::difference::PARTNERS_MAX`].
    pub partners: Vec<PartnerReach>,
}

/// What one partner could get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerReach {
    /// The partner.
    pub partner: Partner,
    /// Is the class of the record in what the partner may see?
    pub granted: Granted,
    /// What is decided, each way once. A rule of the program stands for what the rules never saw.
    pub ways: Vec<(Way, Verdict)>,
}
