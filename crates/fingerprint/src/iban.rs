//! International bank account numbers (ISO 13616): characters, country, length and check digits.

use crate::refused::Refused;
use crate::unicode::{is_dash, tidy_without_spaces};

/// The length of an IBAN in each country that issues one (SWIFT IBAN registry, release 101).
/// Morocco is not in the registry; its banks print `MA` and 26 digits all the same.
#[rustfmt::skip]
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16),
    (b"BG", 22), (b"BH", 22), (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22),
    (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20),
    (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22),
    (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HN", 28), (b"HR", 21),
    (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30),
    (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20),
    (b"LV", 21), (b"LY", 25), (b"MA", 28), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19),
    (b"MN", 20), (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15),
    (b"OM", 23), (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24),
    (b"RS", 22), (b"RU", 33), (b"SA", 24), (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19),
    (b"SK", 24), (b"SM", 27), (b"SO", 23), (b"ST", 25), (b"SV", 28), (b"TL", 23), (b"TN", 24),
    (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
];

/// The electronic form: capitals and digits without spaces.
pub(crate) fn canonical(raw: &str) -> Result<String, Refused> {
    let text: String = tidy_without_spaces(raw)
        .chars()
        .filter(|character| !is_dash(*character) && *character != '.')
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let text = text.strip_prefix("IBAN").map_or(text.as_str(), |rest| rest.trim_start_matches(':'));
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    if !text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Err(Refused::IbanCharacter);
    }
    let length = length_in(text).ok_or(Refused::IbanCountry)?;
    if text.len() != length {
        return Err(Refused::IbanLength);
    }
    if remainder(text) == Some(1) { Ok(text.to_owned()) } else { Err(Refused::IbanChecksum) }
}

/// How many characters the IBANs of a country have, by the two letters a text begins with.
pub(crate) fn length_in(text: &str) -> Option<usize> {
    let letters = text.get(..2)?.to_ascii_uppercase();
    LENGTHS.iter().find(|(country, _)| letters.as_bytes() == *country).map(|(_, length)| *length)
}

/// The country, the check digits and the last two characters: `FR14 ... 06`.
pub(crate) fn masked(canonical: &str) -> String {
    let end = canonical.len().saturating_sub(2);
    let part = |range: core::ops::Range<usize>| canonical.get(range).unwrap_or_default();
    format!("{} ... {}", part(0..4), part(end..canonical.len()))
}

/// ISO 7064 mod 97-10 of the IBAN with its first four characters moved to the end, letters as
/// 10 to 35; `None` when the check digits are not digits.
fn remainder(iban: &str) -> Option<u32> {
    let (head, tail) = iban.split_at_checked(4)?;
    if !head.bytes().skip(2).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    tail.chars().chain(head.chars()).try_fold(0u32, |rest, character| {
        let value = character.to_digit(36)?;
        let shift = if value < 10 { 10 } else { 100 };
        Some((rest * shift + value) % 97)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Examples printed in the SWIFT IBAN registry; they belong to nobody.
    const EXAMPLE: &str = "FR1420041010050500013M02606";

    #[test]
    fn spellings_meet_and_errors_are_told_apart() {
        for raw in ["FR14 2004 1010 0505 0001 3M02 606", "iban: fr1420041010050500013m02606"] {
            assert_eq!(canonical(raw).unwrap(), EXAMPLE);
        }
        assert_eq!(canonical("FR1520041010050500013M02606"), Err(Refused::IbanChecksum));
        assert_eq!(canonical("FR142004101005"), Err(Refused::IbanLength));
        assert_eq!(canonical("US1420041010050500013M02606"), Err(Refused::IbanCountry));
        assert_eq!(canonical("FR14é"), Err(Refused::IbanCharacter));
        assert_eq!(masked(EXAMPLE), "FR14 ... 06");
    }

    #[test]
    fn any_single_wrong_character_is_noticed() {
        for at in 4..EXAMPLE.len() {
            let mut wrong = EXAMPLE.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'7' { b'8' } else { b'7' };
            if wrong != EXAMPLE.as_bytes() {
                assert!(canonical(core::str::from_utf8(&wrong).unwrap()).is_err(), "{at}");
            }
        }
    }
}
