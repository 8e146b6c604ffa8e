//! Telephone numbers: any usual way of writing one becomes E.164, or it is refused.
//!
//! Digits of every script are mapped to ASCII and spaces dropped first, because libphonenumber
//! rejects Arabic-Indic digits and U+2009. Decided for version 1:
//! - a number without `+` needs a country; `00` counts as `+` only where that country dials `00`;
//! - an extension is refused, because the line behind a switchboard is another line;
//! - letters are refused: vanity numbers are never turned into digits;
//! - only numbers that a numbering plan assigns are accepted: garbage is not hashed.

use domain::name::Country;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};

use crate::refused::Refused;
use crate::unicode::{is_dash, tidy_without_spaces};

/// The most digits a person can have typed: 15 of E.164 and an international prefix.
const DIGITS_MAX: usize = 20;

/// How many digits at the end stay hidden when a number is shown back.
const DIGITS_HIDDEN: usize = 4;

/// The E.164 form of a number as typed; `region` is where it is dialled.
pub(crate) fn canonical(raw: &str, region: Option<&Country>) -> Result<String, Refused> {
    let text: String = tidy_without_spaces(raw)
        .chars()
        .map(|character| if is_dash(character) { '-' } else { character })
        .collect();
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    let number = match strip_scheme(&text) {
        Some(number) => without_parameters(number)?,
        None => text,
    };
    check_characters(&number)?;
    if number.trim_start_matches('(').starts_with('+') {
        return assigned(&number, None);
    }
    let region = region.ok_or(Refused::RegionRequired)?;
    let region: Region = region.as_str().parse().map_err(|_| Refused::RegionUnknown)?;
    if PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_none() {
        return Err(Refused::RegionUnknown);
    }
    assigned(&number, Some(region))
}

/// The E.164 form of the digits of a link, which are always international and never begin with 0.
pub(crate) fn from_link(digits: &str) -> Result<String, Refused> {
    let number = tidy_without_spaces(digits);
    canonical(&format!("+{}", number.trim_start_matches('+')), None)
}

/// The number as its country writes it, the last digits hidden: `+33 1 99 00 .. ..`.
pub(crate) fn masked(canonical: &str) -> String {
    let shown = PHONE_NUMBER_UTIL.parse(canonical, None).map_or_else(
        |_| String::from("+"),
        |number| number.format_as(PhoneNumberFormat::International).into_owned(),
    );
    let mut digits_left = DIGITS_HIDDEN;
    let hidden: Vec<char> = shown
        .chars()
        .rev()
        .map(|character| match character {
            '0'..='9' if digits_left > 0 => {
                digits_left -= 1;
                '.'
            }
            other => other,
        })
        .collect();
    hidden.iter().rev().collect()
}

/// What follows `tel:` (RFC 3966), in any case.
fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, number) = text.split_at_checked(4)?;
    scheme.eq_ignore_ascii_case("tel:").then(|| number.trim_start_matches("//"))
}

/// Applies the parameters of RFC 3966: the context of a local number, no extension.
fn without_parameters(number: &str) -> Result<String, Refused> {
    let mut parts = number.split(';');
    let local = parts.next().unwrap_or_default();
    let mut whole = local.to_owned();
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("phone-context", context)) if context.starts_with('+') => {
                whole = format!("{context}{local}");
            }
            Some(("ext", _)) => return Err(Refused::PhoneExtension),
            _ => return Err(Refused::PhoneCharacter),
        }
    }
    Ok(whole)
}

fn check_characters(number: &str) -> Result<(), Refused> {
    let mut digits = 0;
    for (at, character) in number.char_indices() {
        match character {
            '0'..='9' => digits += 1,
            '-' | '.' | '(' | ')' | '/' => {}
            '+' if digits == 0 && number.find('+') == Some(at) => {}
            _ if digits > 0 && is_extension(number.get(at..).unwrap_or_default()) => {
                return Err(Refused::PhoneExtension);
            }
            _ => return Err(Refused::PhoneCharacter),
        }
    }
    if digits <= DIGITS_MAX { Ok(()) } else { Err(Refused::PhoneInvalid) }
}

/// Does the rest of the number announce an extension?
fn is_extension(rest: &str) -> bool {
    let rest = rest.to_ascii_lowercase();
    ["ext", "x", "#", ",", ";ext", "poste", "int"].iter().any(|mark| {
        rest.strip_prefix(mark).is_some_and(|tail| tail.contains(|c: char| c.is_ascii_digit()))
    })
}

fn assigned(number: &str, region: Option<Region>) -> Result<String, Refused> {
    let parsed: PhoneNumber =
        PHONE_NUMBER_UTIL.parse(number, region).map_err(|_| Refused::PhoneInvalid)?;
    if !parsed.is_valid() {
        return Err(Refused::PhoneInvalid);
    }
    Ok(parsed.format_as(PhoneNumberFormat::E164).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fr(raw: &str) -> Result<String, Refused> {
        canonical(raw, Some(&"FR".parse().unwrap()))
    }

    #[test]
    fn every_fictional_range_is_assigned() {
        for local in ["01 99 00 12 34", "0261911234", "03 53 01 12 34", "0465711234", "0536491234"]
        {
            let e164 = format!("+33{}", local.replace(' ', "").trim_start_matches('0'));
            assert_eq!(fr(local).unwrap(), e164);
        }
        assert_eq!(
            canonical("070-174 06 05", Some(&"SE".parse().unwrap())).unwrap(),
            "+46701740605"
        );
        assert_eq!(fr("01 99 00 12 3"), Err(Refused::PhoneInvalid));
        assert_eq!(fr("01 99 00 12 345"), Err(Refused::PhoneInvalid));
    }

    #[test]
    fn a_country_without_numbering_plan_is_refused() {
        assert_eq!(
            canonical("0199001234", Some(&"QQ".parse().unwrap())),
            Err(Refused::RegionUnknown)
        );
        assert_eq!(canonical("0199001234", None), Err(Refused::RegionRequired));
    }

    #[test]
    fn the_mask_hides_four_digits() {
        assert_eq!(masked("+33199001234"), "+33 1 99 00 .. ..");
        assert_eq!(masked("+46701740605"), "+46 70 174 .. ..");
    }

    #[test]
    fn context_extension_and_words() {
        assert_eq!(fr("tel:0199001234;phone-context=+33").unwrap(), "+33199001234");
        assert_eq!(fr("TEL:+33-1-99-00-12-34").unwrap(), "+33199001234");
        assert_eq!(fr("tel:+33199001234;ext=5"), Err(Refused::PhoneExtension));
        for extension in ["01 99 00 12 34 ext. 5", "0199001234 x5", "0199001234#12"] {
            assert_eq!(fr(extension), Err(Refused::PhoneExtension), "{extension}");
        }
        for words in ["call 0199001234", "0199001234 or later", "01990012+34", "++33199001234"] {
            assert_eq!(fr(words), Err(Refused::PhoneCharacter), "{words}");
        }
    }
}
