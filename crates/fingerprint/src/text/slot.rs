//! Finds the identifiers in a raw text, however they are dressed up, so that they can be cut out.
//!
//! It rather cuts too much than too little: what is cut is still submitted by itself, and what
//! stays would be inside a digest that partners hold.

use core::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::near;
use crate::unicode::{is_dash, is_invisible, is_mark, with_ascii_digit};
use crate::{iban, link, wallet, web};

/// A run of this many digits is cut whatever it is.
const DIGITS_IN_A_ROW: usize = 5;
/// This many digits in groups are cut when they look like a telephone number.
const DIGITS_IN_GROUPS: usize = 7;
/// Characters between two groups of digits, at most.
const SEPARATORS_MAX: usize = 2;

/// What may stand right before a word.
const OPENING: &str = "<([{\"'«“‘|*";
/// What may stand right after a word.
const CLOSING: &str = ".,;:!?)]}>\"'»”’|*";

macro_rules! slot_kinds {
    ($( $(#[$meta:meta])* $variant:ident $marker:literal, )+) => {
        /// What was cut out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SlotKind {
            $( $(#[$meta])* $variant, )+
        }

        impl SlotKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The marker that stands in the normalised text.
            pub const fn marker(self) -> &'static str {
                match self { $( Self::$variant => $marker, )+ }
            }
        }
    };
}

slot_kinds! {
    /// A telephone number or any long run of digits.
    Number "<number>",
    /// The handle of an account.
    Handle "<handle>",
    /// A link.
    Link "<link>",
    /// An e-mail address.
    Email "<email>",
    /// A wallet.
    Wallet "<wallet>",
    /// A bank account number.
    Iban "<iban>",
    /// A place or a route.
    Place "<place>",
    /// A price.
    Price "<price>",
    /// A date.
    Date "<date>",
    /// Anything else that a person marked.
    Other "<other>",
}

/// One span that is cut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// What it is.
    pub kind: SlotKind,
    /// Where it is, in bytes of the raw text.
    pub span: Range<usize>,
}

/// A visible character in its plainest form, and where it came from.
struct Seen {
    character: char,
    span: Range<usize>,
}

/// The identifiers of a text, in its order, without overlap.
pub(super) fn found(raw: &str) -> Vec<Slot> {
    let seen = seen(raw);
    let text: Vec<char> = seen.iter().map(|seen| seen.character).collect();
    let mut spans: Vec<(Range<usize>, SlotKind)> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let claimed = claim(&text, at);
        match claimed {
            Some((end, kind)) if end > at => {
                spans.push((at..end, kind));
                at = end;
            }
            _ => at += 1,
        }
    }
    let beside = near::handles(&text, &spans);
    spans.extend(beside.into_iter().map(|span| (span, SlotKind::Handle)));
    spans.sort_by_key(|(span, _)| span.start);
    let raw_span = |span: Range<usize>| {
        let first = seen.get(span.start)?.span.start;
        let last = seen.get(span.end.checked_sub(1)?)?.span.end;
        Some(first..last)
    };
    spans
        .into_iter()
        .filter_map(|(span, kind)| Some(Slot { kind, span: raw_span(span)? }))
        .collect()
}

/// What people marked, and what was found outside of it, in the order of the text.
pub(super) fn merged(found: Vec<Slot>, marked: &[Slot]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = marked.iter().cloned().chain(found).collect();
    // Overlapping spans become one span of the first one's kind: nothing that either covers stays.
    slots.sort_by_key(|slot| slot.span.start);
    let mut merged: Vec<Slot> = Vec::with_capacity(slots.len());
    for slot in slots {
        match merged.last_mut() {
            Some(last) if slot.span.start < last.span.end => {
                last.span.end = last.span.end.max(slot.span.end);
            }
            _ => merged.push(slot),
        }
    }
    merged
}

fn seen(raw: &str) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::with_capacity(raw.len());
    for (start, character) in raw.char_indices() {
        let span = start..start + character.len_utf8();
        let plain = core::iter::once(character)
            .nfkd()
            .filter(|part| !is_mark(*part) && !is_invisible(*part))
            // Tatweel only stretches: digits on both sides of it are one number.
            .filter(|part| super::unified_arabic(*part).is_some())
            .map(with_ascii_digit);
        seen.extend(plain.map(|character| Seen { character, span: span.clone() }));
        // What nobody sees belongs to the character before it.
        if let Some(last) = seen.last_mut() {
            last.span.end = span.end;
        }
    }
    seen
}

/// The end and the kind of the identifier that begins here.
fn claim(text: &[char], at: usize) -> Option<(usize, SlotKind)> {
    let rest = text.get(at..)?;
    let before = at.checked_sub(1).and_then(|before| text.get(before)).copied();
    let length = marker(rest).or_else(|| match before {
        // Words begin after a space; brackets and quotes may stand before them.
        Some(before) if !before.is_whitespace() && !OPENING.contains(before) => None,
        _ => word_slot(rest),
    });
    let length = length.or_else(|| match before {
        Some(before) if before.is_alphanumeric() => None,
        _ => bank_account(rest).or_else(|| labelled(rest)),
    });
    let (length, kind) = length
        .or_else(|| match before {
            Some(before) if before.is_alphanumeric() || matches!(before, '_' | '@') => None,
            _ => mention(rest),
        })
        .or_else(|| match before {
            Some(before) if before.is_ascii_digit() => None,
            _ => number(rest),
        })?;
    Some((at + length, kind))
}

/// A marker that stands in the text already.
fn marker(rest: &[char]) -> Option<(usize, SlotKind)> {
    if rest.first() != Some(&'<') {
        return None;
    }
    SlotKind::ALL.iter().find_map(|kind| {
        let length = kind.marker().chars().count();
        let head = rest.get(..length)?;
        head.iter().copied().eq(kind.marker().chars()).then_some((length, *kind))
    })
}

/// A word that as a whole is an e-mail address, a link or a wallet.
fn word_slot(rest: &[char]) -> Option<(usize, SlotKind)> {
    /// No identifier of these kinds is longer, in characters.
    const WORD_CHARACTERS_MAX: usize = 2048;
    /// No wallet is shorter; everything else has a dot, a colon or a slash.
    const WALLET_CHARACTERS_MIN: usize = 25;
    if rest.first().is_some_and(|first| OPENING.contains(*first)) {
        return None;
    }
    let length = rest
        .iter()
        .take(WORD_CHARACTERS_MAX)
        .take_while(|character| !character.is_whitespace())
        .count();
    let word = rest.get(..length)?;
    let closing = word.iter().rev().take_while(|character| CLOSING.contains(**character)).count();
    let word = word.get(..word.len() - closing)?;
    let is_joined = word.iter().any(|character| ".:/".contains(*character));
    if !is_joined && word.len() < WALLET_CHARACTERS_MIN {
        return None;
    }
    let text: String = word.iter().collect();
    let kind = if is_email(word) {
        SlotKind::Email
    } else if is_link(&text) {
        SlotKind::Link
    } else if wallet::canonical(&text).is_ok() {
        SlotKind::Wallet
    } else {
        return None;
    };
    Some((word.len(), kind))
}

fn is_email(word: &[char]) -> bool {
    let at = word.iter().rposition(|character| *character == '@');
    at.is_some_and(|at| at > 0 && word.iter().skip(at + 2).any(|character| *character == '.'))
}

fn is_link(word: &str) -> bool {
    let named = || word.contains('.') && link::platform_of(word).is_some();
    web::looks_like_link(word) || word.to_ascii_lowercase().starts_with("www.") || named()
}

/// An IBAN, also in groups of four.
fn bank_account(rest: &[char]) -> Option<(usize, SlotKind)> {
    let [first, second, third, fourth, ..] = rest else {
        return None;
    };
    if !(first.is_ascii_alphabetic()
        && second.is_ascii_alphabetic()
        && third.is_ascii_digit()
        && fourth.is_ascii_digit())
    {
        return None;
    }
    let country: String = [first, second].into_iter().collect();
    let characters = iban::length_in(&country)?;
    let mut text = String::with_capacity(characters);
    for (at, character) in rest.iter().enumerate() {
        match character {
            letter if letter.is_ascii_alphanumeric() => text.push(*letter),
            ' ' | '-' | '.' => continue,
            _ => return None,
        }
        if text.len() == characters {
            return iban::canonical(&text).is_ok().then_some((at + 1, SlotKind::Iban));
        }
    }
    None
}

/// `telegram: malines_fict`; the name of the platform is cut with it.
fn labelled(rest: &[char]) -> Option<(usize, SlotKind)> {
    let label: String = rest
        .iter()
        .take_while(|character| character.is_ascii_alphabetic())
        .take(12)
        .map(char::to_ascii_lowercase)
        .collect();
    if !near::PLATFORMS.contains(&label.as_str()) && !near::LABELS.contains(&label.as_str()) {
        return None;
    }
    let mut at = label.len();
    let blank = |at: usize| rest.get(at).is_some_and(|character| *character == ' ');
    while blank(at) {
        at += 1;
    }
    if !matches!(rest.get(at), Some(':' | '=')) {
        return None;
    }
    at += 1;
    while blank(at) || rest.get(at) == Some(&'@') {
        at += 1;
    }
    let mut length = handle_length(rest.get(at..)?);
    // `snap: ajoute malines`: the small word goes with it.
    let word: String = rest.iter().skip(at).take(length).flat_map(|c| c.to_lowercase()).collect();
    if near::is_small(&word) {
        let gap = rest.iter().skip(at + length).take_while(|character| **character == ' ').count();
        let next = handle_length(rest.get(at + length + gap..)?);
        length += if gap > 0 && next > 0 { gap + next } else { 0 };
    }
    let has_letter = rest.iter().skip(at).take(length).any(|c| c.is_alphabetic());
    (length >= 3 && has_letter).then_some((at + length, SlotKind::Handle))
}

/// `@malines_fict`.
fn mention(rest: &[char]) -> Option<(usize, SlotKind)> {
    let signs = rest.iter().take_while(|character| **character == '@').count();
    if signs == 0 {
        return None;
    }
    let length = handle_length(rest.get(signs..)?);
    (length >= 2).then_some((signs + length, SlotKind::Handle))
}

/// Characters of a handle, without the full stop of the sentence.
fn handle_length(rest: &[char]) -> usize {
    let is_part = |character: &&char| {
        character.is_alphanumeric() || matches!(character, '_' | '.' | '-' | '·')
    };
    let length = rest.iter().take_while(is_part).count();
    let ending = rest
        .iter()
        .take(length)
        .rev()
        .take_while(|character| matches!(character, '.' | '-' | '·'))
        .count();
    length - ending
}

/// A long run of digits, or digits grouped like a telephone number.
fn number(rest: &[char]) -> Option<(usize, SlotKind)> {
    let signs =
        rest.iter().take_while(|character| matches!(**character, '+' | '(')).take(2).count();
    let first = rest.get(signs)?;
    if !first.is_ascii_digit() {
        return None;
    }
    let international = rest.iter().take(signs).any(|character| *character == '+');
    let (mut digits, mut groups, mut longest, mut end) = (0, 0, 0, signs);
    while let Some(tail) = rest.get(end..) {
        let separators = if groups == 0 {
            0
        } else {
            tail.iter().take_while(|character| separates(**character)).count()
        };
        let group = tail.iter().skip(separators).take_while(|c| c.is_ascii_digit()).count();
        if group == 0 || separators > SEPARATORS_MAX {
            break;
        }
        digits += group;
        groups += 1;
        longest = longest.max(group);
        end += separators + group;
    }
    let grouped = international || *first == '0' || groups >= 3;
    let cut = longest >= DIGITS_IN_A_ROW || (digits >= DIGITS_IN_GROUPS && grouped);
    cut.then_some((end, SlotKind::Number))
}

fn separates(character: char) -> bool {
    is_dash(character) || " ./()_·•*|~➖".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(raw: &str) -> Vec<(&str, SlotKind)> {
        found(raw).into_iter().map(|slot| (raw.get(slot.span).unwrap(), slot.kind)).collect()
    }

    #[test]
    fn numbers_are_found_in_every_dress() {
        for number in [
            "+33199001234",
            "+33 1 99 00 12 34",
            "01.99.00.12.34",
            "01-99 00/12-34",
            "٠١٩٩٠٠١٢٣٤",
            "0\u{FE0F}\u{20E3}1\u{FE0F}\u{20E3}9\u{FE0F}\u{20E3}9\u{FE0F}\u{20E3}0\u{FE0F}\u{20E3}",
            "0\u{200B}1\u{200B}99001234",
            "0199\u{640}0012\u{640}34",
            "(01) 99 00 12 34",
            "12345",
        ] {
            let raw = format!("call {number} tonight");
            assert_eq!(cut(&raw), [(number, SlotKind::Number)], "{number}");
        }
        for free in ["3000 EUR", "3000-4000 EUR", "7arraga 3la 9a3", "12 places 2026", "1234"] {
            assert_eq!(cut(free), [], "{free}");
        }
    }

    #[test]
    fn handles_links_and_accounts_are_found() {
        for (raw, slot, kind) in [
            ("ask @malines_fict.", "@malines_fict", SlotKind::Handle),
            ("ask ＠malines_fict", "＠malines_fict", SlotKind::Handle),
            ("Snap : malines_fict now", "Snap : malines_fict", SlotKind::Handle),
            ("go https://t.me/+AbCdEf now", "https://t.me/+AbCdEf", SlotKind::Link),
            ("go (example.org/boat)", "example.org/boat", SlotKind::Link),
            ("go malines-fict.t.me", "malines-fict.t.me", SlotKind::Link),
            ("go www.example.org!", "www.example.org", SlotKind::Link),
            ("mail boat@example.org, now", "boat@example.org", SlotKind::Email),
            (
                "FR14 2004 1010 0505 0001 3M02 606 ok",
                "FR14 2004 1010 0505 0001 3M02 606",
                SlotKind::Iban,
            ),
            ("btc 1111111111111111111114oLvT2", "1111111111111111111114oLvT2", SlotKind::Wallet),
            ("call <number> now", "<number>", SlotKind::Number),
        ] {
            assert_eq!(cut(raw), [(slot, kind)], "{raw}");
        }
        for (raw, handle) in [
            ("contact malines_fict on telegram", "malines_fict"),
            ("snap malines_fict", "malines_fict"),
            ("SNAP MALINES_FICT", "MALINES_FICT"),
            ("ecris a _malines ce soir", "_malines"),
            ("linkedin: malines-fict ok", "linkedin: malines-fict"),
            ("vk : malines demain", "vk : malines"),
            ("Discord = malines", "Discord = malines"),
            ("wechat: malines", "wechat: malines"),
            ("line: malines", "line: malines"),
            ("imo: malines", "imo: malines"),
            ("viber: malines", "viber: malines"),
            ("threads: malines.fict", "threads: malines.fict"),
            ("signal: malines.42", "signal: malines.42"),
            ("skype: malines", "skype: malines"),
            ("snap: ajoute malines vite", "snap: ajoute malines"),
            ("telegram → malines", "malines"),
            ("insta 👉 malines", "malines"),
            ("telegram malines93 ce soir", "malines93"),
            ("malines93 sur telegram", "malines93"),
            ("malines93 en mi Instagram", "malines93"),
            ("malines93 op snapchat", "malines93"),
            ("malines93 via mijn insta", "malines93"),
            ("malines93 3la telegram", "malines93"),
            ("malines93 على تلغرام", "malines93"),
            ("malines93 على التليجرام", "malines93"),
            ("insta malines.fict", "malines.fict"),
            ("snap/insta malines93", "malines93"),
            ("odnoklassniki: malines", "malines"),
            ("ok malines93", "malines93"),
            ("تلغرام : malines", "malines"),
            ("add malines on snap", "malines"),
            ("ajoute malines sur snap", "malines"),
            ("agrega malines en telegram", "malines"),
            ("volg malines op instagram", "malines"),
            ("zid malines f snap", "malines"),
            ("add malines-fict on snap", "malines-fict"),
            ("voici snap-malines93 ce soir", "snap-malines93"),
            ("voici malines93-snap ce soir", "malines93-snap"),
            ("malines93-snap ", "malines93-snap"),
            ("linkedin → malines-fict", "malines-fict"),
            ("فيسبوک malines93", "malines93"),
            ("اضف malines على سناب", "malines"),
        ] {
            assert_eq!(cut(raw), [(handle, SlotKind::Handle)], "{raw}");
        }
        for free in ["boat travel", "fin. Départ", "a/b", "x : 3", "@ noon", "me@home"] {
            assert_eq!(cut(free), [], "{free}");
        }
    }

    #[test]
    fn ordinary_sentences_stay_whole() {
        for free in [
            "Départ garanti ce soir, places limitées, écrivez sur WhatsApp ou Telegram.",
            "Contactez nous sur WhatsApp 24h24 et 7j sur 7, prix 3000eur",
            "contact us on telegram, add me on snap, message me on signal",
            "ajoute moi sur snap, ajoutez nous sur insta pour les horaires",
            "Salida segura a España, contacta por WhatsApp, agrega nos en telegram",
            "Veilige overtocht, contacteer ons op WhatsApp of via telegram, voeg mij toe op snap",
            "سفر مضمون الى اسبانيا تواصل معنا على واتساب او تلغرام",
            "7arraga l7rig sf9at mdmona 3la zodiac, telegram 3la 7sab l7al",
            "l7rig b sba7 3la telegram, 9rib mn snap",
            "whatsapp 7arraga 3la zodiac",
            "ok départ ce soir, ligne directe, en ligne sur Facebook",
            "ok : départ ce soir",
            "places _limitées_ ce soir _urgent_",
            "____ départ ____",
            "2 x zodiac, 4x4 jusqu'au port, 12 places",
            "Rendez-vous au port, telegram ouvert",
        ] {
            assert_eq!(cut(free), [], "{free}");
        }
    }

    #[test]
    fn overlaps_become_one_span() {
        let slot = |kind, span| Slot { kind, span };
        let merged = merged(
            vec![slot(SlotKind::Number, 4..9)],
            &[slot(SlotKind::Price, 6..12), slot(SlotKind::Place, 0..2)],
        );
        assert_eq!(merged, [slot(SlotKind::Place, 0..2), slot(SlotKind::Number, 4..12)]);
    }
}
