//! The gate as the rest of the house sees it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod amended;
mod approval;
mod box_and_permit;
mod court_use;
mod epoch;
#[path = "../../../agreement/tests/fixture/mod.rs"]
mod fixture;
mod property;

use agreement::{Agreement, Register};
use domain::name::Digest;
use policy::table::TableEvaluator;
use policy::{Evaluator, Gate};
use std::sync::Arc;

pub(crate) fn floor() -> Digest {
    Digest::from_bytes([9; 32])
}

pub(crate) fn signed_by_all() -> Arc<Register> {
    let agreement = Agreement::new(fixture::terms(floor())).unwrap();
    Arc::new(fixture::register_without(&agreement, &[]))
}

pub(crate) fn gate_of(own: &str, evaluator: impl Evaluator + 'static) -> Gate {
    let gate = Gate::new(fixture::agency(own), Arc::new(evaluator));
    gate.replace_agreements(vec![signed_by_all()]).unwrap();
    gate
}

pub(crate) fn open_gate() -> Gate {
    gate_of("be-fedpol", TableEvaluator::open(floor()))
}
