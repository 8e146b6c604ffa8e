//! What a person hands in: an identifier or a file, from a prompt, a pipe, a list or the demo.

use crate::arguments::Source;
use crate::config::{self, LIST_BYTES_MAX, STANDARD_INPUT, Values};
use crate::console::{Console, Surface};
use crate::error::Failure;
use crate::message::{Phrase, phrase};
use core::str::FromStr;
use domain::digest::Fingerprint;
use domain::refusal::{Refusal, RefusalCode};
use domain::value::Platform;
use fingerprint::file::{FILE_BYTES_MAX, hash_file};
use fingerprint::{Hint, InputKind, NegativeBank, Normalised, normalise};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The most values of one run of `normalise` or `query`.
pub(crate) const VALUES_MAX: usize = 100_000;

/// What a value is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// An identifier, a link, a hash or a text.
    Identifier(InputKind),
    /// A path: the file is hashed here.
    File,
}

impl Given {
    /// Every word.
    pub(crate) const WORDS: &'static [&'static str] = &[
        "phone",
        "email",
        "iban",
        "numeric-id",
        "handle",
        "wallet",
        "channel-id",
        "url",
        "invite-code",
        "sha256",
        "blake3",
        "text",
        "link",
        "file",
    ];
}

impl FromStr for Given {
    type Err = Failure;

    fn from_str(word: &str) -> Result<Self, Failure> {
        if word.trim().eq_ignore_ascii_case("file") {
            return Ok(Self::File);
        }
        word.parse().map(Self::Identifier).map_err(|error: fingerprint::UnknownInputKind| {
            Failure::AnswerInvalid { why: format!("{error}, file") }
        })
    }
}

/// One value as it came, with the line it stood on.
pub(crate) struct Raw {
    /// From 1.
    pub(crate) line: u64,
    /// The value; zeroised after use.
    pub(crate) text: Zeroizing<String>,
}

/// What is known beside the value.
///
/// # Errors
/// [`Failure::AnswerInvalid`] for a word that is no country or platform.
pub(crate) fn hint(region: Option<&str>, platform: Option<&str>) -> Result<Hint, Failure> {
    let invalid = |why: String| Failure::AnswerInvalid { why };
    let region = region.map(|region| region.trim().to_ascii_uppercase().parse()).transpose();
    let region = region.map_err(|error| invalid(format!("{error}")))?;
    let platform: Option<Platform> = match platform {
        Some(word) => Some(word.parse().map_err(|error| invalid(format!("{error}")))?),
        None => None,
    };
    Ok(Hint { region, platform })
}

/// Reads the values: from the command line in the demo, from a file, from a pipe line by line, or
/// from a prompt that shows nothing. Empty lines are left out.
///
/// # Errors
/// [`Failure::ValueOnCommandLine`] outside of the demo, [`Failure::NoValue`], and those of reading.
pub(crate) fn read(
    console: &mut Console,
    given: Given,
    source: &Source,
    values: Values,
) -> Result<Vec<Raw>, Failure> {
    if let Some(value) = &source.value {
        if values == Values::Hidden {
            return Err(Failure::ValueOnCommandLine);
        }
        return Ok(vec![Raw { line: 1, text: Zeroizing::new(value.clone()) }]);
    }
    let raws = match (&source.from, given) {
        // The file itself is the thing, not a list of paths.
        (Some(path), Given::File) if path.as_os_str() != STANDARD_INPUT => {
            vec![Raw { line: 1, text: Zeroizing::new(path.to_string_lossy().into_owned()) }]
        }
        (Some(path), _) => {
            let bytes = config::read_or_input(console, path, LIST_BYTES_MAX)?;
            let text = core::str::from_utf8(&bytes).map_err(|_| Failure::InputNotText)?;
            lines_of(given, text.trim_start_matches('\u{feff}'))?
        }
        (None, _) if console.input_surface() == Surface::Terminal => {
            let value = match given {
                Given::File => console.ask(phrase(Phrase::PathOfFile))?.map(Zeroizing::new),
                Given::Identifier(_) => console.ask_hidden(phrase(Phrase::ValueNotShown))?,
            };
            value.into_iter().map(|text| Raw { line: 1, text }).collect()
        }
        (None, _) => {
            let bytes = console.rest(LIST_BYTES_MAX)?;
            let text = core::str::from_utf8(&bytes).map_err(|_| Failure::InputNotText)?;
            lines_of(given, text)?
        }
    };
    if raws.iter().all(|raw| raw.text.trim().is_empty()) { Err(Failure::NoValue) } else { Ok(raws) }
}

/// Normalises a value; a file gives its two hashes, everything else one thing. What the negative
/// bank holds goes no further: it is neither submitted nor asked about.
///
/// # Errors
/// [`Failure::ValueRefused`], [`Failure::Refused`] with NEGATIVE_BANK, and those of opening a file.
pub(crate) fn normalised(
    given: Given,
    raw: &str,
    hint: &Hint,
    folder: Option<&Path>,
    bank: &NegativeBank,
) -> Result<Vec<Normalised>, Failure> {
    match given {
        Given::Identifier(kind) => {
            let one = normalise(kind, raw, hint).map_err(Failure::ValueRefused)?;
            match bank.holds(&one) {
                None => Ok(vec![one]),
                Some(why) => {
                    let refusal = Refusal::by_rule(RefusalCode::NegativeBank, why.code());
                    Err(Failure::Refused(refusal))
                }
            }
        }
        Given::File => {
            let path = Path::new(raw.trim());
            let path = folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path));
            let hashes = hash_file(config::open(&path)?, FILE_BYTES_MAX);
            hashes.map(|hashes| hashes.normalised().to_vec()).map_err(Failure::ValueRefused)
        }
    }
}

/// The digest in hexadecimal. It counts as the value itself.
pub(crate) fn digest_text(x: &Fingerprint) -> String {
    domain::hexadecimal::encode(x.expose())
}

fn lines_of(given: Given, text: &str) -> Result<Vec<Raw>, Failure> {
    if given == Given::Identifier(InputKind::Text) {
        return Ok(vec![Raw { line: 1, text: Zeroizing::new(text.to_owned()) }]);
    }
    let lines = (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty());
    let raws: Vec<Raw> = lines
        .take(VALUES_MAX + 1)
        .map(|(line, text)| Raw { line, text: Zeroizing::new(text.to_owned()) })
        .collect();
    if raws.len() > VALUES_MAX {
        return Err(Failure::TooMany { what: "values", most: VALUES_MAX });
    }
    Ok(raws)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_normalisation_can_be_named() {
        assert_eq!(Given::WORDS.len(), InputKind::WORDS.len() + 1);
        for word in InputKind::WORDS {
            assert!(Given::WORDS.contains(word), "{word}");
            assert!(word.parse::<Given>().is_ok());
        }
        assert_eq!("FILE".parse::<Given>().unwrap(), Given::File);
        assert!("fax".parse::<Given>().unwrap_err().to_string().ends_with(", file"));
    }

    #[test]
    fn contacts_of_those_who_help_go_no_further() {
        let own = "phone\t+33 1 99 00 43 21\ta shelter\tHUMANITARIAN\tits site\n";
        let bank = NegativeBank::shipped().with(own).unwrap();
        let said = |kind, raw: &str| {
            normalised(Given::Identifier(kind), raw, &Hint::default(), None, &bank)
        };
        for (kind, raw) in [
            (InputKind::Phone, "+33 1 99 00 43 21"),
            (InputKind::Link, "https://wa.me/33199004321"),
            (InputKind::Link, "https://twitter.com/alarm_phone"),
            (InputKind::Url, "https://help.unhcr.org/contact"),
            (InputKind::Email, "contact@alarmphone.org"),
        ] {
            let failure = said(kind, raw).unwrap_err();
            assert_eq!(failure.code(), "NEGATIVE_BANK", "{raw}");
            assert_eq!(failure.outcome(), crate::error::Outcome::Refused);
            assert!(!failure.to_string().contains("33199004321"), "{failure}");
        }
        for (kind, raw) in [
            (InputKind::Phone, "+33 1 99 00 12 34"),
            (InputKind::Url, "https://visa-rapide.example/offre-2026"),
        ] {
            assert_eq!(said(kind, raw).unwrap().len(), 1, "{raw}");
        }
    }

    #[test]
    fn a_value_on_the_command_line_is_for_the_demo() {
        let source = Source { value: Some("+33199001234".to_owned()), ..Source::default() };
        let given = Given::Identifier(InputKind::Phone);
        let (mut console, _) = Console::captured(b"", Surface::Pipe);
        let refused = read(&mut console, given, &source, Values::Hidden);
        assert!(matches!(refused, Err(Failure::ValueOnCommandLine)));
        assert_eq!(read(&mut console, given, &source, Values::Demo).unwrap().len(), 1);
    }

    #[test]
    fn lines_keep_their_numbers_and_a_text_stays_whole() {
        let (mut console, _) = Console::captured(b"one\n\n two\n", Surface::Pipe);
        let raws = read(
            &mut console,
            Given::Identifier(InputKind::Url),
            &Source::default(),
            Values::Hidden,
        );
        let lines: Vec<u64> = raws.unwrap().iter().map(|raw| raw.line).collect();
        assert_eq!(lines, [1, 3]);
        let (mut console, _) = Console::captured(b"one\n\n two\n", Surface::Pipe);
        let raws = read(
            &mut console,
            Given::Identifier(InputKind::Text),
            &Source::default(),
            Values::Hidden,
        );
        assert_eq!(raws.unwrap().len(), 1);
        let (mut console, _) = Console::captured(b"\n \n", Surface::Pipe);
        let raws = read(
            &mut console,
            Given::Identifier(InputKind::Url),
            &Source::default(),
            Values::Hidden,
        );
        assert!(matches!(raws, Err(Failure::NoValue)));
    }
}
