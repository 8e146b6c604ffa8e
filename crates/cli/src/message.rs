//! The one catalogue of texts that people read, keyed by the stable codes of the program.
//!
//! JSON is never translated: it carries the codes. Texts follow `docs/glossary.md`: a partner's
//! record *matches*, an agency *refuses*, an owner *withdraws*. Another language is another arm of
//! each function here, and a language handed to it.
//!
//! Path through it: what is always the same is a [`Phrase`] around a question or a [`Notice`] about
//! what is told; what holds values is a function in [`sentence`]; refusals are worded in `refusal`.

mod notice;
mod phrase;
mod refusal;
pub(crate) mod sentence;

pub(crate) use self::notice::{Notice, notice};
pub(crate) use self::phrase::{Phrase, phrase};

use domain::question::NoAnswer;
use domain::refusal::RefusalCode;
use domain::value::Handling;
use fingerprint::Refused;
use interop::misp::{Note, Reason};

/// The languages of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    /// English.
    #[default]
    English,
}

/// What happened, and what the reader can do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// What happened; lower case, no full stop.
    pub(crate) text: String,
    /// What to do next.
    pub(crate) hint: &'static str,
}

/// The text of a refusal, for the own people of an agency.
pub(crate) fn refusal(language: Language, code: RefusalCode) -> Message {
    let (text, hint) = match language {
        Language::English => refusal::in_english(code),
    };
    Message { text: text.to_owned(), hint }
}

/// The text of a value that the normalisation refuses.
pub(crate) fn normalisation(language: Language, refused: Refused) -> Message {
    match language {
        // The crate that owns the rules words them in English.
        Language::English => Message { text: refused.to_string(), hint: refused.hint() },
    }
}

/// The text of an attribute of a MISP event that is skipped.
pub(crate) fn skipped(language: Language, reason: Reason) -> &'static str {
    match language {
        Language::English => reason.text(),
    }
}

/// What a person should know about an event of MISP before deciding.
pub(crate) fn about_event(language: Language, note: Note) -> &'static str {
    match language {
        Language::English => match note {
            Note::Unmarked => {
                "some values carry no TLP tag: they are RED, or what the labels file says"
            }
            Note::MarkingKept => {
                "the labels file is looser than a marking of the file: the marking stays"
            }
            Note::DistributionIgnored(_) => {
                "the distribution level of MISP widens nothing here: the audience decides"
            }
            Note::Misshapen => "lists that are no lists were read over",
        },
    }
}

/// What a handling code forbids.
pub(crate) fn handling(language: Language, code: Handling) -> &'static str {
    match language {
        Language::English => match code {
            Handling::H0 => "only to prevent and combat crime",
            Handling::H1 => "no judicial use without permission",
            Handling::H2 => "no passing on without permission",
            Handling::H3 => "a restriction in free text: ask the owner",
        },
    }
}

/// Why a partner did not answer.
pub(crate) fn no_answer(language: Language, reason: NoAnswer) -> Message {
    let (text, hint) = match language {
        Language::English => match reason {
            NoAnswer::Unreachable => {
                ("it could not be reached", "try again later, or ask your operator")
            }
            NoAnswer::TimedOut => {
                ("it did not answer in time", "ask again; the first question may still count")
            }
            NoAnswer::Misbehaved => (
                "what answered was not what it must be",
                "tell your operator at once; the log has the reason",
            ),
            NoAnswer::NoTokenKey => {
                ("its key for this agreement has not arrived yet", "try again after the next sync")
            }
        },
    };
    Message { text: text.to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_refusal_has_a_text_of_its_own_and_a_hint() {
        let mut texts = HashSet::new();
        for code in RefusalCode::ALL {
            let message = refusal(Language::English, *code);
            assert!(texts.insert(message.text.clone()), "{code}: {}", message.text);
            assert!(message.hint.len() > 8, "{code}");
            for text in [message.text.as_str(), message.hint] {
                assert!(!text.ends_with('.'), "{code}: {text}");
                let first = text.chars().next().unwrap();
                let is_name = ["TLP"].iter().any(|name| text.starts_with(name));
                assert!(!first.is_uppercase() || is_name, "{code}: {text}");
            }
        }
    }

    #[test]
    fn reasons_and_handling_codes_have_texts() {
        for reason in Reason::ALL {
            assert!(skipped(Language::English, *reason).len() > 8, "{reason}");
        }
        for code in Handling::ALL {
            assert!(handling(Language::English, *code).len() > 8, "{code}");
        }
    }

    #[test]
    fn words_that_the_glossary_avoids_are_not_used() {
        for code in RefusalCode::ALL {
            let message = refusal(Language::English, *code);
            let all = format!("{} {}", message.text, message.hint).to_lowercase();
            for word in ["positive", " hit ", "fingerprint", "suspect's"] {
                assert!(!all.contains(word), "{code}: {word}");
            }
        }
    }
}
