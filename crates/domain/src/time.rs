//! Instants: unix milliseconds as an integer, and the clock that is handed in from outside.

/// An instant in unix milliseconds (UTC). Before 1970 and after the year 9999 nothing is accepted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, serde::Serialize,
)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Timestamp(#[n(0)] u64);

impl<'b, C> minicbor::Decode<'b, C> for Timestamp {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        match d.u64()? {
            unix_ms if unix_ms <= Self::MAX.0 => Ok(Self(unix_ms)),
            _ => Err(minicbor::decode::Error::message("an instant after the year 9999").at(at)),
        }
    }
}

impl Timestamp {
    /// The last instant accepted: the end of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999);
    /// One day, in milliseconds.
    pub const DAY_MS: u64 = 86_400_000;

    /// Takes unix milliseconds; later than [`Timestamp::MAX`] becomes [`Timestamp::MAX`].
    pub const fn from_millis(unix_ms: u64) -> Self {
        if unix_ms > Self::MAX.0 { Self::MAX } else { Self(unix_ms) }
    }

    /// Unix milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant and so many milliseconds more.
    pub const fn plus_ms(self, duration_ms: u64) -> Self {
        Self::from_millis(self.0.saturating_add(duration_ms))
    }

    /// This instant and so many days more.
    pub const fn plus_days(self, days: u32) -> Self {
        self.plus_ms((days as u64).saturating_mul(Self::DAY_MS))
    }

    /// This instant and so many milliseconds less.
    pub const fn minus_ms(self, duration_ms: u64) -> Self {
        Self(self.0.saturating_sub(duration_ms))
    }

    /// The calendar day (UTC) as year, month, day (Howard Hinnant, "chrono-compatible low-level date algorithms").
    pub const fn as_date(self) -> (u64, u64, u64) {
        let days = self.0 / Self::DAY_MS + 719_468;
        let era = days / 146_097;
        let doe = days % 146_097;
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }

    /// The start of a calendar day (UTC); `None` if there is no such day.
    pub fn from_date(year: u64, month: u64, day: u64) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
        {
            return None;
        }
        let y = if month <= 2 { year - 1 } else { year };
        let (era, yoe) = (y / 400, y % 400);
        let mp = if month > 2 { month - 3 } else { month + 9 };
        let doy = (153 * mp + 2) / 5 + day - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let instant = Self((era * 146_097 + doe - 719_468) * Self::DAY_MS);
        (instant.as_date() == (year, month, day)).then_some(instant)
    }
}

impl core::fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (year, month, day) = self.as_date();
        let second = self.0 / 1000 % 86_400;
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        f.pad(&format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z"))
    }
}

/// Tells the time; handed in, so that a test owns it.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ms = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        Timestamp::from_millis(ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways_and_impossible_days_are_refused() {
        for (y, m, d) in [(1970, 1, 1), (2000, 2, 29), (2026, 11, 21), (2100, 3, 1), (9999, 12, 31)]
        {
            assert_eq!(Timestamp::from_date(y, m, d).unwrap().as_date(), (y, m, d));
        }
        assert_eq!(Timestamp::from_date(2026, 2, 29), None);
        assert_eq!(Timestamp::from_date(1969, 12, 31), None);
        let text = Timestamp::from_millis(1_795_000_000_123).to_string();
        assert_eq!(text, "2026-11-18T11:06:40Z");
    }

    #[test]
    fn arithmetic_stays_inside_the_range() {
        assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.plus_days(u32::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(5).minus_ms(9), Timestamp::from_millis(0));
    }
}
