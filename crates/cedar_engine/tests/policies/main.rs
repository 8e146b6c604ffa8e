//! The schema, the floor and the four countries, as the gate uses them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod countries;
mod fault;
#[path = "../../../agreement/tests/fixture/mod.rs"]
mod fixture;
mod floor;
mod loading;
mod sharing;
mod space;

use agreement::Agreement;
use agreement::terms::NationalOffence;
use cedar_engine::{COMMON_FLOOR, Engine};
use policy::{Evaluator, Gate};
use std::sync::Arc;

/// A local policy that permits everything: what is denied then is denied by floor or code.
pub(crate) const OPEN: &str =
    "@id(\"open\") @reason(\"a test\") permit (principal, action, resource);";

pub(crate) fn engine(local: &str) -> Engine {
    Engine::load(COMMON_FLOOR, local).unwrap_or_else(|error| panic!("{error}"))
}

/// A gate of one agency under the agreement of the fixture, in force.
pub(crate) fn gate(own: &str, engine: Engine) -> Gate {
    let mut terms = fixture::terms(engine.floor_hash());
    // An offence on both sides, whichever it is: what is not is the program's own rule.
    let countries = terms.operates_in.iter();
    let entries = terms.offences.iter().flat_map(|offence| {
        countries.clone().map(|country| NationalOffence {
            offence: *offence,
            country: country.clone(),
            article: Some("the article".into()),
        })
    });
    terms.offence_map = entries.collect();
    let agreement = Agreement::new(terms).unwrap();
    let register = Arc::new(fixture::register_without(&agreement, &[]));
    let gate = Gate::new(fixture::agency(own), Arc::new(engine));
    gate.replace_agreements(vec![register]).unwrap();
    gate
}
