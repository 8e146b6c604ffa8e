//! The character rules that every kind shares: digits of any script, invisible characters, spaces.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The longest chain of neighbouring decimal digits in Unicode: five alphabets of mathematical digits.
const DIGIT_RUN_MAX: u32 = 50;

/// The value of a decimal digit of any script; `None` for every other character.
///
/// Unicode assigns decimal digits in runs that begin with zero (stability policy of the
/// property Numeric_Type=Decimal), so the place within the run is the value.
pub(crate) fn digit_value(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.to_digit(10).and_then(|value| u8::try_from(value).ok());
    }
    if !is_decimal(character) {
        return None;
    }
    let code = u32::from(character);
    let before = (1..=DIGIT_RUN_MAX)
        .take_while(|back| code.checked_sub(*back).and_then(char::from_u32).is_some_and(is_decimal))
        .count();
    u8::try_from(before % 10).ok()
}

fn is_decimal(character: char) -> bool {
    character.general_category() == GeneralCategory::DecimalNumber
}

/// The same character, or the ASCII digit it means.
pub(crate) fn with_ascii_digit(character: char) -> char {
    digit_value(character).map_or(character, |value| char::from(b'0' + value))
}

/// Characters that nobody sees: zero-width characters, direction marks, soft hyphens, tags.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character.general_category(), GeneralCategory::Format)
        || matches!(character, '\u{034F}' | '\u{FE00}'..='\u{FE0F}')
}

/// Combining marks of every sort.
pub(crate) fn is_mark(character: char) -> bool {
    matches!(
        character.general_category(),
        GeneralCategory::NonspacingMark
            | GeneralCategory::SpacingMark
            | GeneralCategory::EnclosingMark
    )
}

/// Letters of every script, modifier letters included.
pub(crate) fn is_letter(character: char) -> bool {
    matches!(
        character.general_category(),
        GeneralCategory::UppercaseLetter
            | GeneralCategory::LowercaseLetter
            | GeneralCategory::TitlecaseLetter
            | GeneralCategory::ModifierLetter
            | GeneralCategory::OtherLetter
    )
}

/// Hyphens and dashes of every script, and the minus sign.
pub(crate) fn is_dash(character: char) -> bool {
    character == '\u{2212}'
        || matches!(character.general_category(), GeneralCategory::DashPunctuation)
}

/// An identifier as a person meant it: compatibility forms unified (full-width and "fancy"
/// letters), invisible characters and outer spaces dropped, digits of every script in ASCII.
pub(crate) fn tidy(raw: &str) -> String {
    let text: String =
        raw.nfkc().filter(|character| !is_invisible(*character)).map(with_ascii_digit).collect();
    text.trim().to_owned()
}

/// Like [`tidy`], and without any space inside, for numbers that people group.
pub(crate) fn tidy_without_spaces(raw: &str) -> String {
    tidy(raw).chars().filter(|character| !character.is_whitespace()).collect()
}

/// Only ASCII digits, at least one.
pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_mean_their_value() {
        for (zero, nine) in [('٠', '٩'), ('۰', '۹'), ('०', '९'), ('০', '৯'), ('０', '９')]
        {
            assert_eq!(digit_value(zero), Some(0), "{zero}");
            assert_eq!(digit_value(nine), Some(9), "{nine}");
        }
        // Five neighbouring alphabets of mathematical digits begin at U+1D7CE.
        for code in 0x1D7CEu32..=0x1D7FF {
            let expected = u8::try_from((code - 0x1D7CE) % 10).unwrap();
            assert_eq!(digit_value(char::from_u32(code).unwrap()), Some(expected));
        }
        for other in ['x', '²', '½', '一', 'Ⅳ'] {
            assert_eq!(digit_value(other), None, "{other}");
        }
    }

    #[test]
    fn tidying_drops_what_nobody_sees() {
        assert_eq!(tidy("\u{202A}@bo\u{200B}at\u{202C}\u{FEFF} "), "@boat");
        assert_eq!(tidy("＠ｂｏａｔ𝟙"), "@boat1");
        assert_eq!(tidy_without_spaces("٠١\u{2009}99\u{A0}00"), "019900");
    }
}
