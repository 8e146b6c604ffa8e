//! Asks the person at the terminal for the answers that nobody gave yet, and for no others.

use crate::answers::Answers;
use crate::console::{Console, Surface, plain};
use crate::error::Failure;
use crate::message::{Notice, Phrase, notice, phrase, sentence};
use domain::indicator::Family;
use domain::refusal::{Refusal, RefusalCode};
use domain::value::{
    Age, Basis, ContentClass, Handling, Media, Offence, Onward, Pap, Purpose, Role, Subject,
};

/// How often a question is repeated after an answer that makes no sense.
const ATTEMPTS_MAX: usize = 3;

/// How many answers one correction asks for.
const CORRECTIONS_MAX: usize = 64;
/// The keys of an answers file that a correction may change.
const CORRECTABLE: [&str; 20] = [
    "purposes",
    "offences",
    "tlp",
    "pap",
    "handling",
    "evaluation",
    "basis",
    "subject",
    "age",
    "presumed_adult_reason",
    "depicts",
    "benefit",
    "audience",
    "onward",
    "observed_first",
    "observed_last",
    "valid_days",
    "review_days",
    "role",
    "class",
];

/// A question with its answers.
struct Question {
    key: &'static str,
    text: &'static str,
    /// What people read and the word it stands for; the first is meant by an empty answer if
    /// `has_default`.
    choices: Vec<(String, &'static str)>,
    has_default: bool,
}

/// Completes the answers for records of these families. Without a terminal nothing is asked: what
/// is missing is refused later, by name.
///
/// # Errors
/// [`Failure::Refused`] as soon as an answer rules every record out; [`Failure::AnswerInvalid`]
/// after three answers that make no sense; those of reading.
pub(crate) fn complete(
    console: &mut Console,
    answers: &mut Answers,
    families: &[Family],
) -> Result<(), Failure> {
    if console.input_surface() != Surface::Terminal {
        return Ok(());
    }
    while let Some(key) = families.iter().find_map(|family| answers.missing(*family)) {
        ask(console, answers, key)?;
        if families.iter().all(|family| *family == Family::Account) {
            refuse_early(answers)?;
        }
    }
    ask_audience(console, answers)?;
    // Whether it may travel matters only if somebody may get it.
    let somebody = answers.audience.as_ref().is_some_and(|audience| !audience.is_empty());
    if somebody && answers.tlp.is_none() { ask(console, answers, "tlp") } else { Ok(()) }
}

/// Asks which answers of a record are wrong, and for the right ones, until nothing more is named.
///
/// # Errors
/// [`Failure::AnswerInvalid`] after three answers that make no sense; those of reading.
pub(crate) fn correct(console: &mut Console, answers: &mut Answers) -> Result<(), Failure> {
    for _ in 0..CORRECTIONS_MAX {
        let given = console.ask(phrase(Phrase::WhatIsWrong))?;
        let given = given.unwrap_or_default().to_lowercase().replace([' ', '-'], "_");
        let keys = CORRECTABLE.iter().filter(|key| **key == given || key.starts_with(&given));
        let keys: Vec<&&str> = keys.collect();
        match (given.as_str(), keys.as_slice()) {
            ("" | "nothing_more", _) => return Ok(()),
            (_, [key]) if **key == "audience" => ask_audience(console, answers)?,
            (_, [key]) => ask_question(console, answers, Question::of_correction(key))?,
            _ => console.say(notice(Notice::ChooseNamed)),
        }
    }
    Ok(())
}

/// A victim, a witness, a minor or somebody nobody knows: no further question makes sense.
fn refuse_early(answers: &Answers) -> Result<(), Failure> {
    let refused = |code| Err(Failure::Refused(Refusal::new(code)));
    match (answers.subject, answers.age) {
        (Some(Subject::SmuggledMigrant), _) => refused(RefusalCode::SmuggledMigrant),
        (Some(Subject::Victim | Subject::Witness | Subject::Unknown), _) => {
            refused(RefusalCode::ProtectedSubject)
        }
        (_, Some(Age::Minor | Age::Unknown)) => refused(RefusalCode::Minor),
        _ => Ok(()),
    }
}

fn ask(console: &mut Console, answers: &mut Answers, key: &'static str) -> Result<(), Failure> {
    ask_question(console, answers, question(key))
}

fn ask_question(
    console: &mut Console,
    answers: &mut Answers,
    question: Question,
) -> Result<(), Failure> {
    let key = question.key;
    let mut why = String::new();
    for _ in 0..ATTEMPTS_MAX {
        let Some(given) = console.ask(&question.to_line())? else {
            return Err(Failure::AnswerMissing { key });
        };
        let taken = question.words(&given).and_then(|words| answers.set(key, &words));
        match taken {
            Ok(()) => return Ok(()),
            Err(error) => {
                console.say(&sentence::below(&plain(&error)));
                why = error;
            }
        }
    }
    Err(Failure::AnswerInvalid { why })
}

/// Nobody gets a record unless the person names who.
fn ask_audience(console: &mut Console, answers: &mut Answers) -> Result<(), Failure> {
    if answers.audience.is_some() {
        return Ok(());
    }
    let line = "who may ever get it? agencies by name, separated by commas [nobody] >";
    for _ in 0..ATTEMPTS_MAX {
        let given = console.ask(line)?.unwrap_or_default();
        let names: Vec<String> = list(&given);
        let nobody = names.is_empty() || names == ["nobody"];
        let taken =
            if nobody { answers.set("audience", &[]) } else { answers.set("audience", &names) };
        match taken {
            Ok(()) => return Ok(()),
            Err(error) => console.say(&sentence::below(&plain(&error))),
        }
    }
    Err(Failure::AnswerMissing { key: "audience" })
}

fn question(key: &'static str) -> Question {
    let of = |text, has_default| {
        let choices = choices(key);
        Question { key, text, choices, has_default }
    };
    match key {
        "agreement" => of("under which agreement?", false),
        "purposes" => of("what for?", false),
        "offences" => of("about which offence?", false),
        "subject" => of("whose account or act is it?", true),
        "age" => of("how old is that person?", false),
        "presumed_adult_reason" => of("presumed adult, because?", false),
        "depicts" => of("who is pictured?", false),
        "benefit" => of("how do you know that money or another benefit is asked?", false),
        "role" => of("what does the account do for the business?", true),
        "tlp" => of("how far may it travel?", true),
        "media" => of("what is the file?", false),
        "linked_ad" => {
            of("which record of yours, of a file, is the advertisement it belongs to? R-...", false)
        }
        _ => of("what does it show?", false),
    }
}

/// What can be answered; nothing where words of one's own are asked for.
fn choices(key: &str) -> Vec<(String, &'static str)> {
    let words = |words: &[&'static str]| words.iter().map(|word| (human(word), *word)).collect();
    let named = |pairs: &[(&str, &'static str)]| {
        pairs.iter().map(|(shown, word)| ((*shown).to_owned(), *word)).collect()
    };
    match key {
        "purposes" => words(Purpose::WORDS),
        "offences" => words(Offence::WORDS),
        "role" => words(Role::WORDS),
        "media" => words(Media::WORDS),
        "class" => words(ContentClass::WORDS),
        "pap" => words(Pap::WORDS),
        "handling" => words(Handling::WORDS),
        "basis" => words(Basis::WORDS),
        "onward" => words(Onward::WORDS),
        "subject" => named(&[
            ("suspect facilitator", "SUSPECT_FACILITATOR"),
            ("convicted", "CONVICTED"),
            ("contact or associate", "CONTACT_OR_ASSOCIATE"),
            ("nobody's, an object", "NONE"),
            ("victim", "VICTIM"),
            ("witness", "WITNESS"),
            ("smuggled migrant", "SMUGGLED_MIGRANT"),
            ("cannot tell", "UNKNOWN"),
        ]),
        "age" => named(&[
            ("adult", "ADULT"),
            ("presumed adult", "PRESUMED_ADULT"),
            ("minor or cannot tell", "MINOR"),
        ]),
        "depicts" => named(&[
            ("nobody", "NOBODY"),
            ("adults", "ADULTS"),
            ("minors or cannot tell", "MINORS"),
        ]),
        "tlp" => named(&[
            ("red: never by a machine", "RED"),
            ("amber strict: their organisation", "AMBER_STRICT"),
            ("amber: and who needs to know", "AMBER"),
            ("green: the community", "GREEN"),
            ("clear: everybody", "CLEAR"),
        ]),
        _ => Vec::new(),
    }
}

impl Question {
    /// In a correction no answer is meant by saying nothing.
    fn of_correction(key: &'static str) -> Self {
        let text = match key {
            "evaluation" => "what is right? for example EUROPOL_4X4 B2",
            "observed_first" | "observed_last" => "which day is right? YYYY-MM-DD",
            "valid_days" | "review_days" => "in how many days from now?",
            _ => "what is right?",
        };
        Self { key, text, choices: choices(key), has_default: false }
    }

    fn to_line(&self) -> String {
        let shown = self.choices.iter().enumerate().map(|(index, (shown, _))| {
            if self.has_default && index == 0 { format!("[{shown}]") } else { shown.clone() }
        });
        let choices = shown.collect::<Vec<_>>().join(" / ");
        if choices.is_empty() {
            format!("{} >", self.text)
        } else {
            format!("{}  {choices} >", self.text)
        }
    }

    /// The words that an answer stands for: the beginning of a choice is enough if it is the only
    /// one that begins so.
    fn words(&self, given: &str) -> Result<Vec<String>, String> {
        if given.is_empty() && !self.has_default {
            return Err("an answer is needed".to_owned());
        }
        if self.choices.is_empty() {
            return Ok(vec![given.to_owned()]);
        }
        if given.is_empty() {
            return Ok(self
                .choices
                .first()
                .map(|(_, word)| (*word).to_owned())
                .into_iter()
                .collect());
        }
        let is_list = matches!(self.key, "purposes" | "offences" | "handling");
        let parts = if is_list { list(given) } else { vec![given.to_owned()] };
        parts.iter().map(|part| self.word(part)).collect()
    }

    fn word(&self, given: &str) -> Result<String, String> {
        let given = human(given.trim());
        let exact =
            self.choices.iter().find(|(shown, word)| *shown == given || human(word) == given);
        let begins = || {
            let mut found = self.choices.iter().filter(|(shown, _)| shown.starts_with(&given));
            found.next().filter(|_| found.next().is_none())
        };
        let choice = exact.or_else(begins);
        choice
            .map(|(_, word)| (*word).to_owned())
            .ok_or_else(|| "choose one of those named".to_owned())
    }
}

fn list(given: &str) -> Vec<String> {
    given
        .split([',', ';'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn human(word: &str) -> String {
    word.to_ascii_lowercase().replace(['_', '-'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::value::Tlp;

    fn interview(said: &str, family: Family) -> (Result<(), Failure>, Answers, String) {
        let (mut console, captured) = Console::captured(said.as_bytes(), Surface::Terminal);
        let mut answers = Answers::default();
        answers.set("agreement", &["malines-2026".to_owned()]).unwrap();
        answers.set("purposes", &["INVESTIGATION".to_owned()]).unwrap();
        answers.set("offences", &["MIGRANT_SMUGGLING".to_owned()]).unwrap();
        let result = complete(&mut console, &mut answers, &[family]);
        (result, answers, captured.talk())
    }

    #[test]
    fn only_what_is_missing_is_asked_and_beginnings_are_enough() {
        let said = "\nad\nprices in the advertisement\n\nes-pn, fr-oltim\namber\n";
        let (result, answers, talk) = interview(said, Family::Account);
        result.unwrap();
        assert_eq!(answers.subject, Some(Subject::SuspectFacilitator));
        assert_eq!(answers.age, Some(Age::Adult));
        assert_eq!(answers.role, Some(Role::Advertiser));
        assert_eq!(answers.tlp, Some(Tlp::Amber));
        assert_eq!(answers.audience.unwrap().len(), 2);
        assert!(!talk.contains("agreement") && !talk.contains("pictured"), "{talk}");
    }

    #[test]
    fn a_protected_person_ends_the_interview_at_once() {
        for (said, code) in [
            ("victim\n", RefusalCode::ProtectedSubject),
            ("cannot tell\n", RefusalCode::ProtectedSubject),
            ("smuggled\n", RefusalCode::SmuggledMigrant),
            ("\nminor\n", RefusalCode::Minor),
        ] {
            let (result, _, talk) = interview(said, Family::Account);
            assert!(
                matches!(result, Err(Failure::Refused(refusal)) if refusal.code == code),
                "{talk}"
            );
            assert!(!talk.contains("benefit"));
        }
    }

    #[test]
    fn nonsense_is_asked_again_and_then_refused() {
        let (result, _, talk) = interview("x\ncon\nsuspect\nadult\n\n\n\n", Family::Account);
        assert!(talk.contains("choose one of those named"), "{talk}");
        assert!(matches!(result, Err(Failure::AnswerInvalid { .. })), "{talk}");
        let (result, _, _) = interview("", Family::Account);
        assert!(matches!(result, Err(Failure::AnswerMissing { key: "subject" })));
    }

    #[test]
    fn without_a_terminal_nobody_is_asked() {
        let (mut console, captured) = Console::captured(b"suspect\n", Surface::Pipe);
        let mut answers = Answers::default();
        complete(&mut console, &mut answers, &[Family::Account]).unwrap();
        assert_eq!((answers, captured.talk()), (Answers::default(), String::new()));
    }
}
