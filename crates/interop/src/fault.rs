//! What stops an import, or one record of it: a closed list of messages with hints.

use domain::refusal::RefusalCode;

/// Why a file, a labels file or one candidate cannot be used. Never holds a value of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file could not be read to its end.
    #[error("the file could not be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// The file is longer than the stated maximum.
    #[error("the file is longer than {bytes_max} bytes")]
    TooLong {
        /// The maximum, in bytes.
        bytes_max: u64,
    },
    /// Lists in lists in lists.
    #[error("line {line}: the file is nested deeper than {depth_max} levels")]
    TooDeep {
        /// The line of the first level too many, from 1.
        line: usize,
        /// The maximum, in levels.
        depth_max: usize,
    },
    /// More of something than the stated maximum.
    #[error("the file holds more than {most} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The maximum.
        most: usize,
    },
    /// Not JSON (RFC 8259), or a key of an event twice.
    #[error("line {line}, column {column}: {why}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, in bytes, from 1.
        column: usize,
        /// The rule that is broken.
        why: String,
    },
    /// A key of the labels file that nobody knows.
    #[error("`{key}` is not a key of a labels file{}", nearest_text(.nearest))]
    LabelUnknown {
        /// The key, with the table it stands in, cut to 64 characters.
        key: String,
        /// The nearest known key, where one is near.
        nearest: Option<&'static str>,
    },
    /// The labels file is not TOML, or a value in it is not one of those known.
    #[error("labels file, line {line}: {why}")]
    LabelInvalid {
        /// The line, from 1; 0 where it is the whole file.
        line: usize,
        /// The rule that is broken.
        why: String,
    },
    /// The labels file contradicts itself or a rule that protects people.
    #[error("`{key}` in the labels file: {why}")]
    LabelImpossible {
        /// The key.
        key: &'static str,
        /// The rule that is broken.
        why: &'static str,
    },
    /// The labels file does not decide what this candidate needs.
    #[error("the labels file does not say `{key}`")]
    LabelMissing {
        /// The key that decides it.
        key: &'static str,
    },
    /// A rule about records says no.
    #[error("no record can be made of it: {0}")]
    Refused(RefusalCode),
}

impl Fault {
    /// What the person can do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "check the path and the permissions of the file",
            Self::TooLong { .. } | Self::TooMany { .. } => {
                "export fewer events at a time and import them one after the other"
            }
            Self::TooDeep { .. } => "no MISP export is nested like that; ask where it comes from",
            Self::NotJson { .. } => "export the event again as MISP JSON, whole and unedited",
            Self::LabelUnknown { .. } => "correct the key; a key nobody knows decides nothing",
            Self::LabelInvalid { .. } => {
                "correct that line; compare it with the sample labels file"
            }
            Self::LabelImpossible { .. } => "decide again; the rule protects people and stays",
            Self::LabelMissing { .. } => "add the key to the labels file and run the import again",
            Self::Refused(_) => "correct the labels file, or leave this one out",
        }
    }
}

fn nearest_text(nearest: &Option<&'static str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}
