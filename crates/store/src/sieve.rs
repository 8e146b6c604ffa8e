//! A sieve in front of a table: most keys that are not there fall through at the first look.
//!
//! A blocked Bloom filter: three bits of one word of 64 for each key, 16 to 32 bits of memory a key. It
//! never turns away what is there, and lets through fewer than one in fifty of what is not. Bits
//! of keys that went stay until the sieve is made anew.

/// Keys for each word before the sieve is made anew, twice as large.
const KEYS_PER_WORD_MAX: usize = 4;
const WORDS_MIN: usize = 16;

/// Which keys may be there, by their hashes.
pub(crate) struct Sieve {
    /// As many as a power of two, or none.
    words: Vec<u64>,
    /// Keys added since it was made, those that went among them.
    added: usize,
}

impl Sieve {
    pub(crate) const fn new() -> Self {
        Self { words: Vec::new(), added: 0 }
    }

    /// With room for so many keys before it is made anew.
    pub(crate) fn with_capacity(keys: usize) -> Self {
        let words = if keys == 0 { 0 } else { Self::words_for(keys) };
        Self { words: vec![0; words], added: 0 }
    }

    fn words_for(keys: usize) -> usize {
        keys.div_ceil(KEYS_PER_WORD_MAX).max(WORDS_MIN).next_power_of_two()
    }

    /// Takes a key. `count` and `all` are the keys that are there now, this one among them.
    pub(crate) fn add<H: Iterator<Item = u64>>(
        &mut self,
        hash: u64,
        count: usize,
        all: impl FnOnce() -> H,
    ) {
        if self.added < self.words.len().saturating_mul(KEYS_PER_WORD_MAX) {
            return self.put(hash);
        }
        *self = Self::with_capacity(count.saturating_mul(2));
        all().for_each(|hash| self.put(hash));
    }

    fn put(&mut self, hash: u64) {
        self.added += 1;
        let place = self.place(hash);
        if let Some(word) = self.words.get_mut(place) {
            *word |= bits(hash);
        }
    }

    /// The word in which a hash has its bits, if its key is there.
    pub(crate) fn word(&self, hash: u64) -> u64 {
        self.words.get(self.place(hash)).copied().unwrap_or(0)
    }

    /// Is a key of this hash perhaps there, as its word says? If not, it is not.
    pub(crate) const fn may_hold(word: u64, hash: u64) -> bool {
        word & bits(hash) == bits(hash)
    }

    /// The word of a hash, chosen by other bits than those in the word.
    const fn place(&self, hash: u64) -> usize {
        (hash >> 20) as usize & self.words.len().wrapping_sub(1)
    }
}

const fn bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = domain::digest::hash(&[&n.to_le_bytes()]);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    #[test]
    fn what_is_there_is_never_turned_away_and_what_is_not_nearly_always() {
        let mut sieve = Sieve::new();
        let may_hold = |sieve: &Sieve, n| Sieve::may_hold(sieve.word(hash(n)), hash(n));
        assert!(!may_hold(&sieve, 0));
        for n in 0..10_000 {
            sieve.add(hash(n), n as usize + 1, || (0..=n).map(hash));
        }
        assert!((0..10_000).all(|n| may_hold(&sieve, n)));
        let passed = (10_000..110_000).filter(|n| may_hold(&sieve, *n)).count();
        assert!(passed < 2_000, "{passed} of 100000");
        assert!(sieve.words.len() * 64 <= 64 * 10_000);
    }

    #[test]
    fn keys_that_come_and_go_do_not_fill_it() {
        let mut sieve = Sieve::new();
        for n in 0..100_000 {
            sieve.add(hash(n), 10, || (n.saturating_sub(9)..=n).map(hash));
        }
        let may_hold = |n| Sieve::may_hold(sieve.word(hash(n)), hash(n));
        assert!((99_991..100_000).all(may_hold));
        assert!(sieve.words.len() <= 64);
        let passed = (200_000..300_000).filter(|n| may_hold(*n)).count();
        assert!(passed < 5_000, "{passed} of 100000");
    }
}
