//! Reads the two ways MISP writes an instant: seconds since 1970, and ISO 8601.

use domain::time::Timestamp;

/// Reads `1700000000`, `2026-11-21`, or `2026-11-21T10:00:00.000000+01:00` (RFC 3339; without an
/// offset: UTC). `None` for anything else, and for 0, which MISP writes for "never".
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let instant = match seconds(text) {
        Some(seconds) => Timestamp::from_millis(seconds.checked_mul(1000)?),
        None => iso(text)?,
    };
    (instant.as_millis() != 0).then_some(instant)
}

/// Reads whole seconds since 1970: at most 11 digits, so that microseconds are no year 50,000.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    (text.len() <= 11).then(|| digits(text)).flatten()
}

fn iso(text: &str) -> Option<Timestamp> {
    let mut day = text.get(..10)?.splitn(3, '-');
    let mut part = |length: usize| day.next().filter(|p| p.len() == length).and_then(digits);
    let date = Timestamp::from_date(part(4)?, part(2)?, part(2)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(date);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset) = split_offset(rest);
    let day_ms = clock_ms(clock)?;
    let (sign, offset_ms) = offset_ms(offset)?;
    let local = date.plus_ms(day_ms);
    Some(match sign {
        Sign::East => local.minus_ms(offset_ms),
        Sign::West => local.plus_ms(offset_ms),
    })
}

enum Sign {
    East,
    West,
}

fn split_offset(text: &str) -> (&str, &str) {
    let at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// `10:00`, `10:00:00` or `10:00:00.123456`; the fraction is cut to milliseconds.
fn clock_ms(clock: &str) -> Option<u64> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':').map(|part| (part.len() == 2).then(|| digits(part)).flatten());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    digits(fraction)?;
    let milliseconds = digits(&fraction.chars().chain("000".chars()).take(3).collect::<String>())?;
    Some((hour * 3600 + minute * 60 + second) * 1000 + milliseconds)
}

fn offset_ms(offset: &str) -> Option<(Sign, u64)> {
    let (sign, clock) = match offset.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some((Sign::East, 0)),
        Some(("+", clock)) => (Sign::East, clock),
        Some(("-", clock)) => (Sign::West, clock),
        Some(_) => return None,
    };
    let (hour, minute) = match clock.len() {
        2 => (clock, "00"),
        4 => clock.split_at_checked(2)?,
        _ => clock.split_once(':')?,
    };
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    (hour <= 14 && minute <= 59).then_some((sign, (hour * 60 + minute) * 60_000))
}

/// ASCII digits only, at most 18 of them: no sign, no space.
fn digits(text: &str) -> Option<u64> {
    let fits = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_instant_is_one_instant() {
        for text in [
            "1795000000",
            "2026-11-18T11:06:40Z",
            "2026-11-18T11:06:40.000000+00:00",
            "2026-11-18 11:06:40",
            "2026-11-18T12:06:40+01:00",
            "2026-11-18T12:06:40+0100",
            "2026-11-18T06:06:40.0-05:00",
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_millis(1_795_000_000_000)), "{text}");
        }
        assert_eq!(parse("2026-11-21"), Timestamp::from_date(2026, 11, 21));
        assert_eq!(parse("1970-01-01T00:00:01.2345Z"), Some(Timestamp::from_millis(1_234)));
    }

    #[test]
    fn anything_else_is_no_instant() {
        for text in [
            "",
            "0",
            "-1",
            "+5",
            "1e9",
            "2026-02-30",
            "2026-11",
            "26-11-18",
            "2026-11-18T25:00",
            "2026-11-18T11",
            "2026-11-18T11:06:40+99:00",
            "2026-11-18T11:06:40Zulu",
            "2026-11-18X11:06",
            "yesterday",
            "20261118T1106",
            "99999999999999999999",
            "2026-1１-18",
            "2026-11-18T11:06:40.x",
            "2026-11-18T+1:06",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
