//! Reads what other systems exchange and turns it into submissions, or says why not.
//!
//! Owns: the forms of other systems' files (MISP now; STIX and TAXII later), what each of their
//! words means here, and the labels file in which a person decides what the file cannot know.
//!
//! **Invariant:** runs on the officer's machine alone: it opens no file and no connection, follows
//! no link and executes nothing. An import never widens: a marking that is there can only become
//! stricter, unmarked data is TLP RED until a person labels it, and every value of a file ends as
//! a candidate or as a skip with a reason. No raw value is in an error, a `Debug` or a reason.
//!
//! Path through it: [`misp::read`] takes hostile bytes to a bounded [`misp::Document`];
//! [`misp::plan`] decides each attribute's fate; [`Labelling::parse`] reads the labels file;
//! [`misp::EventPlan::submissions`] makes [`domain::submission::Submission`]s of the candidates.

mod fault;
mod labelling;
pub mod misp;

pub use fault::Fault;
pub use labelling::{AccountLabels, ContentLabels, LABELS_BYTES_MAX, Labelling};
