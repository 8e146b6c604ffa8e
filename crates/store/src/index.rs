//! The indexes in memory: records by id, by blind fingerprint and by token.
//!
//! Compact, because a node holds millions of rows: a row is 72 bytes, and every index is a table of
//! row numbers (4 bytes and one of control) that compares with what it points to. Numbers are never
//! given twice while the process lives. Places in the tables are chosen with a secret drawn at
//! start, so a partner cannot choose ids or tokens that collide.

use crate::reading::{Ownership, RecordFacts};
use crate::sieve::Sieve;
use domain::label::Evaluation;
use domain::name::RecordId;
use domain::record::Version;
use domain::time::Timestamp;
use domain::token::Token;
use domain::value::{ContentClass, Role};
use hashbrown::HashTable;

/// No row, no class, no entry.
pub(crate) const NONE: u32 = u32::MAX;
/// No segment: they are numbered from 1.
pub(crate) const NOWHERE: u32 = 0;

/// Chooses places in tables; the secret is drawn at start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mixer(pub(crate) [u64; 2]);

impl Mixer {
    fn mix(self, a: u64, b: u64) -> u64 {
        let [x, y] = self.0;
        fold(fold(a ^ x, b ^ y) ^ a ^ x, 0x9e37_79b9_7f4a_7c15)
    }

    /// Of a key of any length.
    pub(crate) fn of_key(self, key: &[u8]) -> u64 {
        let (words, rest) = key.as_chunks::<8>();
        let word = |state, word: &[u8; 8]| self.mix(state, u64::from_ne_bytes(*word));
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let state = words.iter().fold(key.len() as u64, word);
        word(state, &last)
    }

    fn of_bytes(self, bytes: &[u8]) -> u64 {
        let mut words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word));
        self.mix(words.next().unwrap_or(0), words.next().unwrap_or(0))
    }
}

/// The halves of the product, one over the other.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    (product >> 64) as u64 ^ product as u64
}

/// The state of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowState {
    /// A record that may be used until it expires.
    Live,
    /// Taken back by its origin, for ever.
    Withdrawn,
    /// Forgotten: a dropped record of a partner.
    Dropped,
}

/// What is known of a record without reading the journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) record_id: RecordId,
    pub(crate) version: Version,
    pub(crate) expiry_ms: u64,
    blind: u64,
    blind_next: u32,
    pub(crate) class: u32,
    pub(crate) origin: u16,
    pub(crate) state: RowState,
    /// Its content is gone, for ever; that it was here is remembered.
    pub(crate) erased: bool,
    /// The segment of the item that holds its newest content; [`NOWHERE`] if there is none.
    pub(crate) segment: u32,
    /// What is kept of [`RecordFacts`]; without an evaluation nothing is.
    evaluation: Option<Evaluation>,
    role: Option<Role>,
    content_class: Option<ContentClass>,
    observed_last_ms: u64,
}

impl Row {
    pub(crate) const fn new(record_id: RecordId, origin: u16) -> Self {
        Self {
            record_id,
            version: Version { epoch: 0, n: 0 },
            expiry_ms: 0,
            blind: 0,
            blind_next: NONE,
            class: NONE,
            origin,
            state: RowState::Live,
            erased: false,
            segment: NOWHERE,
            evaluation: None,
            role: None,
            content_class: None,
            observed_last_ms: 0,
        }
    }

    /// What is known of this version without reading it; `None` of what was not read since start.
    pub(crate) fn facts(&self) -> Option<RecordFacts> {
        Some(RecordFacts {
            role: self.role,
            content_class: self.content_class,
            evaluation: self.evaluation?,
            observed_last: Timestamp::from_millis(self.observed_last_ms),
        })
    }

    /// Keeps the facts of the present version, or forgets those of the one before.
    pub(crate) fn keep_facts(&mut self, facts: Option<RecordFacts>) {
        self.evaluation = facts.map(|facts| facts.evaluation);
        self.role = facts.and_then(|facts| facts.role);
        self.content_class = facts.and_then(|facts| facts.content_class);
        self.observed_last_ms = facts.map_or(0, |facts| facts.observed_last.as_millis());
    }

    /// May it be matched and read, as far as withdrawal and erasure go?
    pub(crate) fn is_live(&self) -> bool {
        self.state == RowState::Live && !self.erased
    }

    pub(crate) const fn ownership(&self) -> Ownership {
        if self.origin == 0 { Ownership::Own } else { Ownership::Foreign }
    }
}

/// All rows, by number, by record id and by blind fingerprint.
pub(crate) struct Rows {
    mixer: Mixer,
    rows: Vec<Row>,
    by_id: HashTable<u32>,
    /// The first row of each blind fingerprint; the others follow by `blind_next`.
    by_blind: HashTable<u32>,
}

impl Rows {
    pub(crate) const fn new(mixer: Mixer) -> Self {
        Self { mixer, rows: Vec::new(), by_id: HashTable::new(), by_blind: HashTable::new() }
    }

    pub(crate) fn find(&self, record_id: &RecordId) -> Option<u32> {
        let hash = self.mixer.of_bytes(record_id.as_bytes());
        let same = |row: &u32| self.row(*row).is_some_and(|row| row.record_id == *record_id);
        self.by_id.find(hash, same).copied()
    }

    pub(crate) fn row(&self, number: u32) -> Option<&Row> {
        self.rows.get(number as usize)
    }

    pub(crate) fn row_mut(&mut self, number: u32) -> Option<&mut Row> {
        self.rows.get_mut(number as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        (0..).zip(&self.rows)
    }

    /// Adds a row; the id must not be there.
    pub(crate) fn add(&mut self, row: Row) -> u32 {
        let number = u32::try_from(self.rows.len()).unwrap_or(NONE);
        let (mixer, rows) = (self.mixer, &mut self.rows);
        rows.push(row);
        let hash_of = |other: &u32| {
            rows.get(*other as usize).map_or(0, |row| mixer.of_bytes(row.record_id.as_bytes()))
        };
        self.by_id.insert_unique(mixer.of_bytes(row.record_id.as_bytes()), number, hash_of);
        number
    }

    /// Forgets the id of a row, so that it may come again under another number.
    pub(crate) fn forget(&mut self, number: u32) {
        let Some(row) = self.row(number) else { return };
        let hash = self.mixer.of_bytes(row.record_id.as_bytes());
        if let Ok(found) = self.by_id.find_entry(hash, |other| *other == number) {
            found.remove();
        }
        if let Some(row) = self.row_mut(number) {
            row.state = RowState::Dropped;
            row.keep_facts(None);
        }
    }

    /// Finds a row by a blind fingerprint from now on, and by no other.
    pub(crate) fn link(&mut self, number: u32, blind: u64) {
        self.unlink(number);
        let mixer = self.mixer;
        let same = |other: &u32| self.row(*other).is_some_and(|row| row.blind == blind);
        let hash = mixer.mix(blind, blind);
        let first = self.by_blind.find(hash, same).copied();
        if let Some(first) = first {
            // Into second place, so that the table keeps pointing at the first.
            let next = self.row(first).map_or(NONE, |row| row.blind_next);
            self.chain(number, blind, next);
            if let Some(row) = self.row_mut(first) {
                row.blind_next = number;
            }
            return;
        }
        self.chain(number, blind, NONE);
        let rows = &self.rows;
        let hash_of = |other: &u32| {
            rows.get(*other as usize).map_or(0, |row| mixer.mix(row.blind, row.blind))
        };
        self.by_blind.insert_unique(hash, number, hash_of);
    }

    fn chain(&mut self, number: u32, blind: u64, next: u32) {
        if let Some(row) = self.row_mut(number) {
            row.blind = blind;
            row.blind_next = next;
        }
    }

    /// Finds a row by no fingerprint any more.
    pub(crate) fn unlink(&mut self, number: u32) {
        let Some(Row { blind, blind_next, .. }) = self.row(number).copied() else {
            return;
        };
        let hash = self.mixer.mix(blind, blind);
        let rows = &self.rows;
        let blind_of = |row: u32| rows.get(row as usize).map(|row| row.blind);
        let Ok(mut found) = self.by_blind.find_entry(hash, |other| blind_of(*other) == Some(blind))
        else {
            return;
        };
        let mut at = *found.get();
        if at == number {
            if blind_next == NONE {
                found.remove();
            } else {
                *found.get_mut() = blind_next;
            }
            self.chain(number, 0, NONE);
            return;
        }
        while let Some(next) = self.row(at).map(|row| row.blind_next).filter(|next| *next != NONE) {
            if next == number {
                if let Some(row) = self.row_mut(at) {
                    row.blind_next = blind_next;
                }
                self.chain(number, 0, NONE);
                return;
            }
            at = next;
        }
    }

    /// At most `max` rows of a blind fingerprint.
    pub(crate) fn by_blind(&self, blind: u64, max: usize) -> Vec<u32> {
        let same = |other: &u32| self.row(*other).is_some_and(|row| row.blind == blind);
        let mut at = self.by_blind.find(self.mixer.mix(blind, blind), same).copied();
        let mut found = Vec::new();
        while let Some(number) = at.filter(|at| *at != NONE && found.len() < max) {
            found.push(number);
            at = self.row(number).map(|row| row.blind_next);
        }
        found
    }
}

#[derive(Debug, Clone, Copy)]
struct TokenEntry {
    token: Token,
    row: u32,
    next: u32,
    /// So that a partner that sends one token a million times does not make each removal a search.
    previous: u32,
}

/// Rows by token, under one key. A row has at most one token.
pub(crate) struct TokenMap {
    mixer: Mixer,
    entries: Vec<TokenEntry>,
    free: Vec<u32>,
    /// The first entry of each token; the others follow by `next`.
    by_token: HashTable<u32>,
    by_row: HashTable<u32>,
    /// Turns most tokens away before the tables are looked at.
    sieve: Sieve,
}

impl TokenMap {
    pub(crate) const fn new(mixer: Mixer) -> Self {
        Self {
            mixer,
            entries: Vec::new(),
            free: Vec::new(),
            by_token: HashTable::new(),
            by_row: HashTable::new(),
            sieve: Sieve::new(),
        }
    }

    /// As [`TokenMap::new`], with room for so many rows.
    pub(crate) fn with_capacity(mixer: Mixer, rows: usize) -> Self {
        Self {
            mixer,
            entries: Vec::with_capacity(rows),
            free: Vec::new(),
            by_token: HashTable::with_capacity(rows),
            by_row: HashTable::with_capacity(rows),
            sieve: Sieve::with_capacity(rows),
        }
    }

    /// The places of those tokens that may be here: of all that are, and of few others. All are
    /// looked up side by side, so that none waits for the memory of the one before.
    pub(crate) fn likely(&self, tokens: &[Token]) -> Vec<u32> {
        let hash = |token: &Token| self.mixer.of_bytes(token.as_bytes());
        let hashes: Vec<u64> = tokens.iter().map(hash).collect();
        let words: Vec<u64> = hashes.iter().map(|hash| self.sieve.word(*hash)).collect();
        let pairs = (0..).zip(hashes.iter().zip(words));
        let likely = pairs.filter(|(_, (hash, word))| Sieve::may_hold(*word, **hash));
        likely.map(|(place, _)| place).collect()
    }

    fn entry(&self, number: u32) -> Option<&TokenEntry> {
        self.entries.get(number as usize)
    }

    fn first(&self, token: &Token) -> Option<u32> {
        let same = |other: &u32| self.entry(*other).is_some_and(|entry| entry.token == *token);
        self.by_token.find(self.mixer.of_bytes(token.as_bytes()), same).copied()
    }

    fn row_hash(&self, row: u32) -> u64 {
        self.mixer.mix(u64::from(row), !u64::from(row))
    }

    fn of_row(&self, row: u32) -> Option<u32> {
        let same = |other: &u32| self.entry(*other).is_some_and(|entry| entry.row == row);
        self.by_row.find(self.row_hash(row), same).copied()
    }

    /// Finds a row by a token from now on, and by no other.
    pub(crate) fn insert(&mut self, row: u32, token: Token) {
        if let Some(number) = self.of_row(row) {
            if self.entry(number).is_some_and(|entry| entry.token == token) {
                return;
            }
            self.remove(row);
        }
        self.insert_new(row, token);
    }

    /// Finds a row by a token, unless it is found by one already.
    pub(crate) fn insert_absent(&mut self, row: u32, token: Token) {
        if self.of_row(row).is_none() {
            self.insert_new(row, token);
        }
    }

    fn insert_new(&mut self, row: u32, token: Token) {
        let first = self.first(&token);
        let next = first.and_then(|first| self.entry(first)).map_or(NONE, |entry| entry.next);
        let entry = TokenEntry { token, row, next, previous: first.unwrap_or(NONE) };
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(free) = self.entries.get_mut(number as usize) {
                    *free = entry;
                }
                number
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
            }
        };
        let (mixer, entries) = (self.mixer, &mut self.entries);
        if let Some(next) = entries.get_mut(next as usize) {
            next.previous = number;
        }
        if let Some(first) = first.and_then(|first| entries.get_mut(first as usize)) {
            first.next = number;
        } else {
            let hash_of = |other: &u32| {
                let entry = entries.get(*other as usize);
                entry.map_or(0, |entry| mixer.of_bytes(entry.token.as_bytes()))
            };
            self.by_token.insert_unique(mixer.of_bytes(token.as_bytes()), number, hash_of);
        }
        let hash_of = |other: &u32| {
            let row = self.entries.get(*other as usize).map_or(0, |entry| entry.row);
            self.mixer.mix(u64::from(row), !u64::from(row))
        };
        let hash = self.mixer.mix(u64::from(row), !u64::from(row));
        self.by_row.insert_unique(hash, number, hash_of);
        let hashes = || {
            let held = self.entries.iter().filter(|entry| entry.row != NONE);
            held.map(|entry| mixer.of_bytes(entry.token.as_bytes()))
        };
        // All entries are looked at when it is made anew: a few that came and went must not make that
        // happen often.
        let count = self.by_row.len().max(self.entries.len() / 8);
        self.sieve.add(mixer.of_bytes(token.as_bytes()), count, hashes);
    }

    /// Finds a row by no token any more.
    pub(crate) fn remove(&mut self, row: u32) {
        let Some(number) = self.of_row(row) else {
            return;
        };
        let Some(TokenEntry { token, next, previous, .. }) = self.entry(number).copied() else {
            return;
        };
        let hash = self.row_hash(row);
        if let Ok(found) = self.by_row.find_entry(hash, |other| *other == number) {
            found.remove();
        }
        if let Some(next) = self.entries.get_mut(next as usize) {
            next.previous = previous;
        }
        if let Some(previous) = self.entries.get_mut(previous as usize) {
            previous.next = next;
        } else if let Ok(mut first) = self
            .by_token
            .find_entry(self.mixer.of_bytes(token.as_bytes()), |other| *other == number)
        {
            if next == NONE {
                first.remove();
            } else {
                *first.get_mut() = next;
            }
        }
        if let Some(entry) = self.entries.get_mut(number as usize) {
            let token = Token::from_bytes([0; 32]);
            *entry = TokenEntry { token, row: NONE, next: NONE, previous: NONE };
        }
        self.free.push(number);
    }

    /// The rows of a token, at most `max`.
    pub(crate) fn rows(&self, token: &Token, max: usize) -> impl Iterator<Item = u32> {
        let mut at = self.first(token);
        core::iter::from_fn(move || {
            let entry = self.entry(at.filter(|at| *at != NONE)?)?;
            at = Some(entry.next);
            Some(entry.row)
        })
        .take(max)
    }

    /// The token of a row.
    pub(crate) fn token(&self, row: u32) -> Option<Token> {
        self.entry(self.of_row(row)?).map(|entry| entry.token)
    }

    /// How many rows have a token.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.by_row.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    const MIXER: Mixer = Mixer([0x1234_5678_9abc_def1, 0xfedc_ba98_7654_3211]);

    fn id(n: u64) -> RecordId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        RecordId::from_bytes(bytes)
    }

    #[test]
    fn a_row_is_small() {
        assert!(size_of::<Row>() <= 72, "{}", size_of::<Row>());
    }

    #[test]
    fn rows_that_differ_in_few_bits_spread() {
        let places: BTreeSet<u64> =
            (0..4096).map(|n| MIXER.of_bytes(id(n).as_bytes()) >> 52).collect();
        assert!(places.len() > 2000, "{} of 4096 places", places.len());
        let low: BTreeSet<u64> =
            (0..4096).map(|n| MIXER.of_bytes(id(n).as_bytes()) & 4095).collect();
        assert!(low.len() > 2000, "{} of 4096 places", low.len());
    }

    #[test]
    fn one_token_of_very_many_rows_is_forgotten_as_quickly_as_any() {
        let (mut tokens, begun) = (TokenMap::new(MIXER), std::time::Instant::now());
        (0..100_000).for_each(|row| tokens.insert(row, token(1)));
        (0..100_000).for_each(|row| tokens.remove(row));
        assert_eq!((tokens.count(), tokens.rows(&token(1), 9).count()), (0, 0));
        // Thousands of millions of steps if each removal was a search.
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
        // A few that come and go where very many were cost what they cost elsewhere.
        let begun = std::time::Instant::now();
        for n in 0..100_000 {
            tokens.insert(7, token(n));
        }
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
        assert_eq!(tokens.likely(&[token(99_999)]), [0]);
    }

    #[test]
    fn a_forgotten_id_may_come_again() {
        let mut rows = Rows::new(MIXER);
        let first = rows.add(Row::new(id(1), 1));
        assert_eq!(rows.find(&id(1)), Some(first));
        rows.forget(first);
        assert_eq!(rows.find(&id(1)), None);
        let second = rows.add(Row::new(id(1), 1));
        assert_ne!(first, second);
        assert_eq!(rows.find(&id(1)), Some(second));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Set(u32, u64),
        Unset(u32),
    }

    fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
        use proptest::prelude::*;
        let step = prop_oneof![
            3 => (0_u32..24, 0_u64..6).prop_map(|(row, key)| Step::Set(row, key)),
            1 => (0_u32..24).prop_map(Step::Unset),
        ];
        proptest::collection::vec(step, 0..200)
    }

    fn token(key: u64) -> Token {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&key.to_be_bytes());
        Token::from_bytes(bytes)
    }

    proptest::proptest! {
        /// Both indexes against a plain map of row to key.
        #[test]
        fn indexes_agree_with_a_plain_map(steps in steps()) {
            let (mut rows, mut tokens) = (Rows::new(MIXER), TokenMap::new(MIXER));
            (0..24).for_each(|n| {
                rows.add(Row::new(id(n), 0));
            });
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Set(row, key) => {
                        rows.link(row, key + 1);
                        tokens.insert(row, token(key));
                        model.insert(row, key);
                    }
                    Step::Unset(row) => {
                        rows.unlink(row);
                        tokens.remove(row);
                        model.remove(&row);
                    }
                }
                for key in 0..6 {
                    let expected: BTreeSet<u32> =
                        model.iter().filter(|(_, of)| **of == key).map(|(row, _)| *row).collect();
                    let by_blind = rows.by_blind(key + 1, 99);
                    let by_token: Vec<u32> = tokens.rows(&token(key), 99).collect();
                    proptest::prop_assert_eq!(by_blind.len(), expected.len());
                    proptest::prop_assert_eq!(by_token.len(), expected.len());
                    proptest::prop_assert_eq!(&by_blind.into_iter().collect::<BTreeSet<_>>(), &expected);
                    proptest::prop_assert_eq!(&by_token.into_iter().collect::<BTreeSet<_>>(), &expected);
                }
                proptest::prop_assert_eq!(tokens.count(), model.len());
            }
        }
    }
}
