//! Reads single fields: fixed lengths, names, instants, sets and lists with their maxima.

use crate::convert::invalid::{Invalid, Why};
use domain::time::Timestamp;
use std::collections::BTreeSet;
use std::str::FromStr;

/// A field that has to be there.
pub(crate) fn present<T>(what: &'static str, field: Option<T>) -> Result<T, Invalid> {
    field.ok_or(Invalid::new(what, Why::Missing))
}

/// Exactly `N` bytes.
pub(crate) fn bytes<const N: usize>(what: &'static str, bytes: &[u8]) -> Result<[u8; N], Invalid> {
    bytes.try_into().map_err(|_| Invalid::new(what, Why::Length { bytes: N }))
}

/// A well-formed name. The error of the parser is dropped: it quotes what was given.
pub(crate) fn name<T: FromStr>(what: &'static str, text: &str) -> Result<T, Invalid> {
    text.parse().map_err(|_| Invalid::new(what, Why::NotWellFormed))
}

/// An instant up to the end of the year 9999.
pub(crate) fn instant(what: &'static str, unix_ms: u64) -> Result<Timestamp, Invalid> {
    if unix_ms <= Timestamp::MAX.as_millis() {
        Ok(Timestamp::from_millis(unix_ms))
    } else {
        Err(Invalid::new(what, Why::OutOfRange))
    }
}

/// A text of at most `characters_max` characters, none of them a control character.
pub(crate) fn text(
    what: &'static str,
    text: String,
    characters_max: usize,
) -> Result<String, Invalid> {
    if text.chars().nth(characters_max).is_some() {
        Err(Invalid::new(what, Why::TooLong { max: characters_max }))
    } else if text.chars().any(char::is_control) {
        Err(Invalid::new(what, Why::NotWellFormed))
    } else {
        Ok(text)
    }
}

/// The same, with at least one character.
pub(crate) fn words(
    what: &'static str,
    words: String,
    characters_max: usize,
) -> Result<String, Invalid> {
    if words.is_empty() {
        Err(Invalid::new(what, Why::Missing))
    } else {
        text(what, words, characters_max)
    }
}

/// A text of ours made fit for [`text`]: cut, control characters as spaces.
pub(crate) fn fit(text: &str, characters_max: usize) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(characters_max).map(printable).collect()
}

/// Refuses a count above its maximum.
pub(crate) fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), Invalid> {
    if count > max { Err(Invalid::new(what, Why::TooMany { max })) } else { Ok(()) }
}

/// At most `max` members, each read by `read`.
pub(crate) fn list<W, T>(
    what: &'static str,
    members: Vec<W>,
    max: usize,
    read: impl FnMut(W) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    at_most(what, members.len(), max)?;
    members.into_iter().map(read).collect()
}

/// As [`list`], and no member twice; the order is kept.
pub(crate) fn distinct<W, T: Ord + Clone>(
    what: &'static str,
    members: Vec<W>,
    max: usize,
    read: impl FnMut(W) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let members = list(what, members, max, read)?;
    let mut seen = BTreeSet::new();
    if members.iter().all(|member| seen.insert(member)) {
        Ok(members)
    } else {
        Err(Invalid::new(what, Why::Repeated))
    }
}

/// As [`distinct`], as a set.
pub(crate) fn set<W, T: Ord + Clone>(
    what: &'static str,
    members: Vec<W>,
    max: usize,
    read: impl FnMut(W) -> Result<T, Invalid>,
) -> Result<BTreeSet<T>, Invalid> {
    Ok(distinct(what, members, max, read)?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_fit_is_taken() {
        let long = "a\nb\u{7}é".repeat(100);
        let fitted = fit(&long, 10);
        assert_eq!(fitted.chars().count(), 10);
        assert_eq!(text("note", fitted.clone(), 10), Ok(fitted));
        assert!(text("note", long.clone(), 10).is_err());
        assert_eq!(text("note", "a\nb".into(), 10), Err(Invalid::new("note", Why::NotWellFormed)));
    }

    #[test]
    fn limits_are_inclusive() {
        assert_eq!(text("note", "é".repeat(5), 5), Ok("é".repeat(5)));
        assert_eq!(text("note", "é".repeat(6), 5).unwrap_err().why, Why::TooLong { max: 5 });
        assert_eq!(list("list", vec![1, 2], 2, Ok), Ok(vec![1, 2]));
        assert_eq!(list("list", vec![1, 2, 3], 2, Ok).unwrap_err().why, Why::TooMany { max: 2 });
        assert_eq!(distinct("list", vec![2, 1], 2, Ok), Ok(vec![2, 1]));
        assert_eq!(distinct("list", vec![1, 1], 2, Ok).unwrap_err().why, Why::Repeated);
        let last = Timestamp::MAX.as_millis();
        assert_eq!(instant("at", last), Ok(Timestamp::MAX));
        assert_eq!(instant("at", last + 1).unwrap_err().why, Why::OutOfRange);
    }
}
