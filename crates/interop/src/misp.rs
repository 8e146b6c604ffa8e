//! MISP events: what they hold, what of it can be compared, and what becomes of the rest.
//!
//! Source: the MISP core format (draft-dulaunoy-misp-core-format), its object templates and its
//! taxonomies. Local ids of a file are ignored; MISP's distribution levels and sharing groups are
//! noted and widen nothing.

mod attribute;
mod document;
mod instant;
mod json;
mod known;
mod marking;
mod meaning;
mod plan;
mod read;
mod reason;
mod submission;

pub use document::{
    Attribute, Distribution, Document, Event, Flag, Form, Object, Seen, Title, Uuid, Value, Word,
};
pub use marking::Marking;
pub use plan::{Candidate, Counts, EventPlan, Marked, Note, Plan, plan};
pub use read::{Limits, read, read_from};
pub use reason::{Place, Reason, Skipped};

#[cfg(test)]
mod poison_tests;
#[cfg(test)]
mod tests;
