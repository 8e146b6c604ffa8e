//! The tables behind the journal: from a key to a pointer, and nothing that cannot be rebuilt.

use crate::error::Result;
use crate::pointer::{Pointer, PointerChange};
use audit::frame::Chain;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

/// Where pointers are kept: in memory or in sled.
pub(crate) trait Tables: Send + Sync {
    /// The pointer of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Pointer>>;

    /// Keys that begin with `prefix` and are greater than `after`, ascending, at most `limit`.
    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Pointer)>>;

    /// Makes changes readable at once.
    fn stage(&self, changes: &[PointerChange]);

    /// Hands changes that were staged to whatever keeps them. `size` and `chain` say how far the
    /// journal is with them. An error is final: tables and journal have parted.
    fn apply(&self, size: u64, chain: Chain, changes: Vec<PointerChange>) -> Result<()>;

    /// Waits until everything is kept, and stops.
    fn close(&self) -> Result<()>;
}

/// Tables of a memory store.
#[derive(Default)]
pub(crate) struct MemoryTables(RwLock<BTreeMap<Vec<u8>, Pointer>>);

impl Tables for MemoryTables {
    fn get(&self, key: &[u8]) -> Result<Option<Pointer>> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).copied())
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Pointer)>> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = rows.range::<[u8], _>((start(prefix, after), Bound::Unbounded));
        let inside = range.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(inside.map(|(key, pointer)| (key.clone(), *pointer)).collect())
    }

    fn stage(&self, changes: &[PointerChange]) {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change.pointer {
                Some(pointer) => rows.insert(change.key.clone(), pointer),
                None => rows.remove(&change.key),
            };
        }
    }

    fn apply(&self, _: u64, _: Chain, _: Vec<PointerChange>) -> Result<()> {
        Ok(())
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// Where a scan begins: at the prefix, or after `after` if that is later.
pub(crate) fn start<'k>(prefix: &'k [u8], after: Option<&'k [u8]>) -> Bound<&'k [u8]> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}
