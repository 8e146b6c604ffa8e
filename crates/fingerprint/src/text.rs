//! Advertisements: the text without its identifiers, in a form that small edits do not change.
//!
//! First every identifier is cut out and a marker put in its place, because a text that carries a
//! telephone number would let anybody who holds the key test numbers against its digest. Then what
//! is left is normalised, and its digest is the exact token of the advertisement.

mod near;
mod slot;

use core::ops::Range;

use domain::indicator::{Kind, LengthClass};
use unicode_normalization::UnicodeNormalization;

use crate::normalise::Normalised;
use crate::refused::Refused;
use crate::unicode::{is_invisible, is_letter, is_mark, with_ascii_digit};

pub use slot::{Slot, SlotKind};

/// The longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// Fewer letters than this say nothing that could be compared.
pub const LETTERS_MIN: usize = 8;

/// From this many letters on a text is of medium length; below, only the exact token exists.
const LETTERS_MEDIUM: usize = 40;
/// From this many letters on a text is long.
const LETTERS_LONG: usize = 400;

/// An advertisement's text, ready to be compared, and the identifiers that were cut out of it.
#[derive(Clone, PartialEq, Eq)]
pub struct AdText {
    /// The normalised text with markers for what was cut out.
    pub normalised: Normalised,
    /// How many letters are left.
    pub letters: usize,
    /// The same as a class.
    pub length: LengthClass,
    /// What was cut out, in the order of the text, as spans of the raw text. Each is an identifier
    /// to be submitted by itself; there are at most as many as the text has bytes.
    pub slots: Vec<Slot>,
}

impl core::fmt::Debug for AdText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AdText({} letters, {} slots)", self.letters, self.slots.len())
    }
}

/// Cuts identifiers out of a raw text and normalises the rest.
///
/// Cut are e-mail addresses, links, @handles, words with an underscore, handles after a platform's
/// name and a colon or beside it (`malines93 sur telegram`), wallets and IBANs with valid check
/// digits, every run of five or more digits, digits grouped like a telephone number, and the spans
/// in `marked`, which a person or a lexicon adds (a handle that is a plain word, a place, a price).
///
/// # Errors
///
/// [`Refused::TooLong`], [`Refused::Empty`], [`Refused::SpanInvalid`] for a span outside the text,
/// [`Refused::TextTooShort`].
pub fn ad_text(raw: &str, marked: &[Slot]) -> Result<AdText, Refused> {
    if raw.len() > TEXT_BYTES_MAX {
        return Err(Refused::TooLong { bytes_max: TEXT_BYTES_MAX });
    }
    if raw.trim().is_empty() {
        return Err(Refused::Empty);
    }
    if marked.iter().any(|slot| slot.span.is_empty() || raw.get(slot.span.clone()).is_none()) {
        return Err(Refused::SpanInvalid);
    }
    let slots = slot::merged(slot::found(raw), marked);
    let mut parts = Vec::with_capacity(slots.len() * 2 + 1);
    let mut letters = 0;
    let mut from = 0;
    let mut push_text = |span: Range<usize>, parts: &mut Vec<String>| {
        let text = normalise_text(raw.get(span).unwrap_or_default());
        letters += text.chars().filter(|character| is_letter(*character)).count();
        if !text.is_empty() {
            parts.push(text);
        }
    };
    for slot in &slots {
        push_text(from..slot.span.start, &mut parts);
        parts.push(slot.kind.marker().to_owned());
        from = slot.span.end;
    }
    push_text(from..raw.len(), &mut parts);
    if letters < LETTERS_MIN {
        return Err(Refused::TextTooShort { letters_min: LETTERS_MIN });
    }
    let length = match letters {
        ..LETTERS_MEDIUM => LengthClass::Short,
        LETTERS_MEDIUM..LETTERS_LONG => LengthClass::Medium,
        _ => LengthClass::Long,
    };
    let normalised = Normalised::new(Kind::AdText, None, parts.join(" ").into_bytes());
    Ok(AdText { normalised, letters, length, slots })
}

/// Brings a text without identifiers into the form that is compared.
///
/// NFKC and full case folding; invisible characters and combining marks dropped, also where NFKC
/// had joined them to a letter (e acute becomes e); Arabic letter forms unified; digits of any
/// script in ASCII; everything that is neither letter nor digit becomes a space; three or more of
/// one letter in a row become two; numbers that stand alone become 0, digits inside a word stay
/// (arabizi 7, 3, 9). Emoji and punctuation are gone: a lexicon reads the raw text.
pub fn normalise_text(text: &str) -> String {
    let base: String = text.nfkd().filter(is_visible_base).collect();
    let folded = caseless::default_case_fold_str(&base);
    let unified: String = folded
        .nfkd()
        .filter(is_visible_base)
        .filter_map(unified_arabic)
        .map(with_ascii_digit)
        .map(|character| if is_word_character(character) { character } else { ' ' })
        .nfc()
        .collect();
    let words: Vec<String> = unified.split_ascii_whitespace().map(normalised_word).collect();
    words.join(" ")
}

fn is_visible_base(character: &char) -> bool {
    !is_mark(*character) && !is_invisible(*character)
}

/// Letters and ASCII digits; the apostrophes that Unicode calls letters are punctuation here.
fn is_word_character(character: char) -> bool {
    character.is_ascii_digit()
        || (is_letter(character) && !('\u{02B0}'..='\u{02FF}').contains(&character))
}

fn normalised_word(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return String::from("0");
    }
    let mut squeezed = String::with_capacity(word.len());
    let mut last = None;
    let mut run = 0;
    for character in word.chars() {
        run = if last == Some(character) { run + 1 } else { 1 };
        last = Some(character);
        if run <= 2 || character.is_ascii_digit() {
            squeezed.push(character);
        }
    }
    squeezed
}

/// One letter for the forms of alef, ya, ha, kaf, fa, qaf and ba that writers of Arabic, Persian,
/// Urdu and Kurdish exchange; tatweel and the high hamza are dropped. Forms with a combining hamza
/// or madda have lost it before.
fn unified_arabic(character: char) -> Option<char> {
    Some(match character {
        '\u{0640}' | '\u{0674}' => return None,
        '\u{0671}'..='\u{0673}' | '\u{0675}' => '\u{0627}',
        '\u{0620}'
        | '\u{063D}'..='\u{063F}'
        | '\u{0649}'
        | '\u{06CC}'..='\u{06CE}'
        | '\u{06D0}'..='\u{06D3}' => '\u{064A}',
        '\u{0629}' | '\u{06BE}' | '\u{06C0}'..='\u{06C3}' | '\u{06D5}' => '\u{0647}',
        '\u{063B}' | '\u{063C}' | '\u{06A9}'..='\u{06B4}' | '\u{0762}'..='\u{0764}' => '\u{0643}',
        '\u{06A1}'..='\u{06A6}' => '\u{0641}',
        '\u{06A7}' | '\u{06A8}' => '\u{0642}',
        '\u{067E}' => '\u{0628}',
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_that_writers_make_do_not_show() {
        let expected = "depart garanti zodiac 0 places";
        for text in [
            "Départ garanti!!! ZODIAC 12 places",
            "De\u{301}part  garanti ⛵ zodiac: 3 places",
            "ＤÉPART ga\u{200B}ranti – Zodiac (٤) places.",
            "départ garanti zodiacccc 12 places",
        ] {
            // Four c become two: elongation never returns to a single letter.
            assert_eq!(normalise_text(text).replace("zodiacc", "zodiac"), expected, "{text}");
        }
        assert_eq!(normalise_text("Straße STRASSE"), "strasse strasse");
        assert_eq!(normalise_text("boooooat"), "booat");
    }

    #[test]
    fn arabic_forms_meet_and_arabizi_stays() {
        for (written, expected) in [
            ("أإآٱا", "اا"),
            ("مدرسة", "مدرسه"),
            ("على", "علي"),
            ("مسؤول رئيس", "مسوول رييس"),
            ("گ ک ڭ ڤ پ", "ك ك ك ف ب"),
            ("سـفـر", "سفر"),
            ("مُحَرِّك", "محرك"),
        ] {
            assert_eq!(normalise_text(written), expected, "{written}");
        }
        assert_eq!(normalise_text("7arraga 3la 9a3 2026"), "7arraga 3la 9a3 0");
    }

    #[test]
    fn identifiers_are_cut_and_the_rest_is_counted() {
        let raw = "Traversée sûre ce soir, WhatsApp +33 1 99 00 12 34 ou @malines_fict 🚤";
        let ad = ad_text(raw, &[]).unwrap();
        assert_eq!(
            core::str::from_utf8(ad.normalised.canonical()).unwrap(),
            "traversee sure ce soir whatsapp <number> ou <handle>"
        );
        assert_eq!((ad.letters, ad.length), (29, LengthClass::Short));
        let cut: Vec<&str> =
            ad.slots.iter().map(|slot| raw.get(slot.span.clone()).unwrap()).collect();
        assert_eq!(cut, ["+33 1 99 00 12 34", "@malines_fict"]);
        // Another number and another handle: the same advertisement.
        let other = "traversee sure ce soir whatsapp 0261911234 ou ＠other";
        assert_eq!(ad_text(other, &[]).unwrap().normalised, ad.normalised);
    }

    #[test]
    fn spans_that_people_mark_are_cut_too() {
        let raw = "Ask for Captain Boat at the harbour";
        let span = 8..20;
        let marked = [Slot { kind: SlotKind::Handle, span }];
        let ad = ad_text(raw, &marked).unwrap();
        assert_eq!(ad.normalised.canonical(), b"ask for <handle> at the harbour");
        for span in [30..99, 5..5] {
            let wrong = [Slot { kind: SlotKind::Other, span }];
            assert_eq!(ad_text(raw, &wrong), Err(Refused::SpanInvalid));
        }
    }

    #[test]
    fn too_little_and_too_much_are_refused() {
        assert_eq!(ad_text(" \n", &[]), Err(Refused::Empty));
        let short = Refused::TextTooShort { letters_min: LETTERS_MIN };
        assert_eq!(ad_text("call +33199001234", &[]), Err(short));
        let long = "boat ".repeat(TEXT_BYTES_MAX / 5 + 1);
        assert_eq!(ad_text(&long, &[]), Err(Refused::TooLong { bytes_max: TEXT_BYTES_MAX }));
    }
}
