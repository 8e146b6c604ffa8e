//! The house rules as tests: what a reviewer would otherwise have to remember.
//!
//! Owns: floors, fences, names, sizes, headers, version floors, and what may stand in the
//! repository's texts. Each rule is a function from a small model to a list of [`Finding`]s, with
//! a unit test on a bad example; `tests/repository.rs` runs all of them on the repository.
//!
//! **Invariant:** reads the repository, never changes it, and depends on none of our crates.
//!
//! Path through it: [`tree`] lists and reads the files, [`manifest`] reads each `Cargo.toml`; then
//! [`floor`], [`fence`], [`source`], [`catalogue`], [`lock`], [`text`], [`phone`] and [`shown`] judge
//! them.

pub mod catalogue;
pub mod code;
pub mod fence;
pub mod floor;
pub mod lock;
pub mod manifest;
pub mod phone;
pub mod shown;
pub mod source;
pub mod text;
pub mod tree;

use std::fmt;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, with its line where one line is to blame.
    pub place: String,
    /// What is wrong, and what to do instead.
    pub what: String,
}

impl Finding {
    /// A finding about a whole file.
    pub fn in_file(path: &str, what: impl Into<String>) -> Self {
        Self { place: path.to_owned(), what: what.into() }
    }

    /// A finding about one line, counted from 1.
    pub fn at_line(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{path}:{line}"), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
