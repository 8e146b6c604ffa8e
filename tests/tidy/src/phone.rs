//! Telephone numbers in the repository come from ranges that no living person can be called on.
//!
//! The allowed ranges are those that the numbering plans keep for fiction: Arcep decision
//! 2018-0881 (France), PTS (Sweden), Ofcom (United Kingdom) and the North American plan.

use crate::Finding;
use crate::code;
use crate::tree::File;

/// Beginnings of fictional numbers, with the country code.
pub const FICTIONAL: [(&str, &str); 9] = [
    ("33", "19900"),
    ("33", "26191"),
    ("33", "35301"),
    ("33", "46571"),
    ("33", "53649"),
    ("33", "63998"),
    ("46", "7017406"),
    ("44", "7700900"),
    ("999", ""),
];

/// Digits of an international number (ITU-T E.164 allows fifteen at most).
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// Digits of a national number written with its leading zero.
const NATIONAL_DIGITS: std::ops::RangeInclusive<usize> = 9..=11;

/// Texts after which digits are a telephone number even without a plus sign.
const ANNOUNCED: [&str; 5] = ["wa.me/", "phone=", "tel:", "number=", "%2B"];

/// Telephone numbers that may belong to somebody.
pub fn real_numbers(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let line: String = line.chars().map(plain).collect();
        let is_real = numbers(&line).into_iter().any(|number| !number.is_fictional());
        if is_real {
            let what = "a telephone number outside the ranges kept for fiction";
            findings.push(Finding::at_line(&file.path, number + 1, what));
        }
    }
    findings
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Number {
    International(String),
    National(String),
}

impl Number {
    fn is_fictional(&self) -> bool {
        match self {
            Self::International(digits) => {
                let is_american = digits.starts_with('1')
                    && digits.len() == 11
                    && digits.get(4..9) == Some("55501");
                is_american
                    || FICTIONAL.iter().any(|(country, range)| {
                        digits.strip_prefix(country).is_some_and(|rest| {
                            rest.strip_prefix('0').unwrap_or(rest).starts_with(range)
                        })
                    })
            }
            Self::National(digits) => {
                FICTIONAL.iter().any(|(_, range)| !range.is_empty() && digits.starts_with(range))
            }
        }
    }
}

/// Digits of other scripts as ASCII, spaces of every width as a space.
fn plain(character: char) -> char {
    let offset = |zero: u32| char::from_digit((character as u32).wrapping_sub(zero), 10);
    match character {
        '\u{660}'..='\u{669}' => offset(0x660).unwrap_or(character),
        '\u{6f0}'..='\u{6f9}' => offset(0x6f0).unwrap_or(character),
        '\u{966}'..='\u{96f}' => offset(0x966).unwrap_or(character),
        '\u{ff10}'..='\u{ff19}' => offset(0xff10).unwrap_or(character),
        '\u{ff0b}' => '+',
        other if other.is_whitespace() => ' ',
        other => other,
    }
}

fn numbers(line: &str) -> Vec<Number> {
    let mut found = Vec::new();
    for (at, character) in line.char_indices() {
        let before = line.get(..at).unwrap_or_default();
        let rest = line.get(at..).unwrap_or_default();
        let is_announced = ANNOUNCED.iter().any(|word| before.ends_with(word));
        let number = match character {
            '+' => international(rest.get(1..).unwrap_or_default()),
            '0' if is_free(before) => national(rest),
            '1'..='9' if is_announced => international(rest),
            _ => None,
        };
        found.extend(number);
    }
    found
}

fn international(rest: &str) -> Option<Number> {
    let rest = rest.replacen("(0)", "", 1);
    let groups = groups(&rest, &[' ', '.', '-', '(', ')', '/']);
    let digits = groups.concat();
    let is_number = DIGITS.contains(&digits.len()) && !digits.starts_with('0');
    is_number.then_some(Number::International(digits))
}

fn national(rest: &str) -> Option<Number> {
    let groups = groups(rest, &[' ', '.', '-', '/']);
    let digits = groups.concat();
    if let Some(abroad) = digits.strip_prefix("00").filter(|abroad| !abroad.starts_with('0')) {
        let is_number = (9..=15).contains(&abroad.len());
        return is_number.then(|| Number::International(abroad.to_owned()));
    }
    let is_grouped = groups.iter().all(|group| group.len() >= 2);
    let is_number = NATIONAL_DIGITS.contains(&digits.len()) && !digits.starts_with("00");
    let inner = digits.strip_prefix('0')?;
    (is_number && is_grouped).then(|| Number::National(inner.to_owned()))
}

/// Groups of digits with one separator between them; only the first may differ from the others.
fn groups<'a>(rest: &'a str, separators: &[char]) -> Vec<&'a str> {
    let mut groups = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    let mut ahead = rest;
    loop {
        let end = ahead.find(|c: char| !c.is_ascii_digit()).unwrap_or(ahead.len());
        let (group, after) = ahead.split_at(end);
        groups.push(group);
        let gap = after.find(|c: char| !separators.contains(&c)).unwrap_or(after.len());
        let (kind, next) = after.split_at(gap);
        let continues =
            (1..=2).contains(&kind.len()) && next.starts_with(|c: char| c.is_ascii_digit());
        let is_same = kinds.get(1..).is_none_or(|later| later.iter().all(|one| *one == kind));
        if !continues || !is_same {
            let is_part_of_name = after.starts_with(code::is_part_of_word);
            return if is_part_of_name { Vec::new() } else { groups };
        }
        kinds.push(kind);
        ahead = next;
    }
}

/// May a number begin here, or is it the tail of something longer?
fn is_free(before: &str) -> bool {
    let mut backwards = before.chars().rev();
    match backwards.next() {
        None => true,
        Some(c) if code::is_part_of_word(c) || matches!(c, '+' | '%' | '\\') => false,
        Some('.' | '-' | '/' | ' ' | '(' | ':') => {
            !backwards.next().is_some_and(|c| c.is_ascii_digit())
        }
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shapes of real numbers, in ranges that are assigned to nobody.
    fn real(prefix: &str, rest: &str) -> File {
        File::new("docs/a.md", &format!("call {prefix}{rest} now"))
    }

    #[test]
    fn numbers_that_may_be_real_are_found_in_every_spelling() {
        for (prefix, rest) in [
            ("+", "33 1 00 00 00 00"),
            ("+", "210661223344"),
            ("+", "34 (000) 345-678"),
            ("00", "33100000000"),
            ("01 ", "00 00 00 00"),
            ("0", "100000000"),
            ("01.", "00.00.00.00"),
            ("070", "-000 00 00"),
            ("wa.me/", "33100000000"),
            ("+", "33 (0)1 00 00 00 00"),
            ("\u{ff0b}", "٣٣١٠٠٠٠٠٠٠٠"),
            ("+", "33\u{a0}1\u{a0}00\u{a0}00\u{a0}00\u{a0}00"),
            ("+", "1 202 000 1111"),
        ] {
            assert_eq!(real_numbers(&real(prefix, rest)).len(), 1, "{prefix}{rest}");
        }
    }

    #[test]
    fn fictional_numbers_pass() {
        for fine in [
            "+33 1 99 00 12 34",
            "01 99 00 12 34",
            "+33 (0)1 99 00 12 34",
            "0033199001234",
            "wa.me/33199001234",
            "+46 70 174 06 12",
            "070-174 06 12",
            "٠١٩٩٠٠١٢٣٤",
            "+33 6 39 98 12 34",
            "+44 7700 900123",
            "+1 212 555 0123",
        ] {
            assert!(real_numbers(&File::new("docs/a.md", fine)).is_empty(), "{fine}");
            assert_eq!(numbers(&fine.chars().map(plain).collect::<String>()).len(), 1, "{fine}");
        }
    }

    #[test]
    fn other_digits_are_no_telephone_numbers() {
        for fine in [
            "0.123456789 and 0.1 0.2 0.3 0.4 0.5 0.6",
            "2026-11-21 09:30:00 and 01-02-2026 12:30",
            "0x0123456789 and a0123456789f",
            "FR76 3000 6000 0112 3456 7890 189",
            "1 + 2, +12, 100012345678901, 0000000000",
            "RFC 9497, 7443 7444 9464, 18 012",
        ] {
            assert!(real_numbers(&File::new("docs/a.md", fine)).is_empty(), "{fine}");
        }
    }
}
