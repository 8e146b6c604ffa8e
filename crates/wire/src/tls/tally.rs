//! Counts why callers were refused, and keeps the log from being flooded with it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// At most so many (address, reason) pairs are remembered for the log.
const NOTED_MAX: usize = 1024;

/// The refusals of one port.
#[derive(Default)]
pub(crate) struct Tally {
    counts: HashMap<&'static str, u64>,
    logged: HashMap<(IpAddr, &'static str), (Instant, u64)>,
}

/// Was the same logged for the same address just now?
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// No: log it, and that so many went unlogged since the last time.
    First { unlogged_before: u64 },
    /// Yes.
    Again,
}

impl Tally {
    /// How often each reason came up.
    pub(crate) const fn counts(&self) -> &HashMap<&'static str, u64> {
        &self.counts
    }

    /// Counts a refusal, and says whether it is to be logged.
    pub(crate) fn note(
        &mut self,
        address: IpAddr,
        code: &'static str,
        interval: Duration,
        now: Instant,
    ) -> Noted {
        *self.counts.entry(code).or_insert(0) += 1;
        let key = (address, code);
        let unlogged_before = match self.logged.get_mut(&key) {
            Some((at, unlogged)) if now.duration_since(*at) < interval => {
                *unlogged += 1;
                return Noted::Again;
            }
            Some((_, unlogged)) => *unlogged,
            None => 0,
        };
        if self.logged.len() >= NOTED_MAX {
            self.logged.retain(|_, (at, _)| now.duration_since(*at) < interval);
        }
        if self.logged.len() >= NOTED_MAX && !self.logged.contains_key(&key) {
            return Noted::Again;
        }
        self.logged.insert(key, (now, 0));
        Noted::First { unlogged_before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_same_reason_of_the_same_address_is_logged_once_in_an_interval() {
        let mut tally = Tally::default();
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let begin = Instant::now();
        let first = Noted::First { unlogged_before: 0 };
        assert_eq!(tally.note(here, "expired", MINUTE, begin), first);
        assert_eq!(tally.note(here, "expired", MINUTE, begin), Noted::Again);
        assert_eq!(tally.note(here, "expired", MINUTE, begin + MINUTE / 2), Noted::Again);
        assert_eq!(tally.note(here, "revoked", MINUTE, begin), first);
        assert_eq!(tally.note(there, "expired", MINUTE, begin), first);
        let later = tally.note(here, "expired", MINUTE, begin + MINUTE);
        assert_eq!(later, Noted::First { unlogged_before: 2 });
        assert_eq!(tally.counts()["expired"], 5);
    }

    #[test]
    fn many_addresses_neither_fill_the_memory_nor_the_log() {
        let mut tally = Tally::default();
        let begin = Instant::now();
        let mut logged = 0;
        for bits in 0..5000_u32 {
            let address = IpAddr::from(Ipv4Addr::from_bits(bits));
            if tally.note(address, "slow", MINUTE, begin) != Noted::Again {
                logged += 1;
            }
        }
        assert_eq!((logged, tally.logged.len()), (NOTED_MAX, NOTED_MAX));
        assert_eq!(tally.counts()["slow"], 5000);
        let address = IpAddr::from(Ipv4Addr::BROADCAST);
        let later = tally.note(address, "slow", MINUTE, begin + MINUTE);
        assert_eq!(later, Noted::First { unlogged_before: 0 });
        assert_eq!(tally.logged.len(), 1);
    }
}
