//! Reading: from a key to a pointer, from a pointer to an item that is checked, and its seal opened.

use crate::batch::LocalPart;
use crate::effect::{DATA_PART, Fault, SealedLocal, open_local};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::index::Row;
use crate::item::{ItemKind, ItemView, RecordEntry, RowEntry, TombstoneEntry};
use crate::pointer::{Place, Pointer};
use crate::reading::{
    HitRow, MATCH_ROWS_MAX, MATCH_TOKENS_MAX, Match, Ownership, RecordFacts, StoredRecord,
    Withdrawn,
};
use crate::seal::{Opened, aad_of_record, aad_of_row};
use crate::table::{RECORD, SCAN_ROWS_MAX, TOMBSTONE, Table, check_key, full_key, row_key};
use domain::class::Class;
use domain::digest::Fingerprint;
use domain::envelope::{Envelope, Payload as _};
use domain::name::{AgencyId, AgreementId, Digest, RecordId};
use domain::record::Record;
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch};
use policy::Held;
use std::sync::Arc;

/// How often a pointer is followed again that changed while what it led to was read.
const LOOKS_MAX: usize = 16;
/// How many rows are looked at for expiry while nobody can write.
const EXPIRED_ROWS_AT_ONCE: u32 = 65_536;

impl Engine {
    pub(crate) fn row_value(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        self.follow(&full_key(table.byte(), key), |pointer| {
            self.value_at(table, key, pointer).map(Some)
        })
    }

    /// Reads what a key points at. What is superseded between look-up and reading may be erased by
    /// then, and is not there or does not fit: the pointer has changed, and is followed again.
    pub(crate) fn follow<T>(
        &self,
        key: &[u8],
        read: impl Fn(Pointer) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut pointer = self.tables.get(key)?;
        for _ in 1..LOOKS_MAX {
            let Some(there) = pointer else { return Ok(None) };
            let found = read(there);
            if matches!(found, Ok(Some(_))) {
                return found;
            }
            let now = self.tables.get(key)?;
            if now == pointer {
                return found;
            }
            pointer = now;
        }
        pointer.map_or(Ok(None), read)
    }

    /// Reads what the pointer of a record leads to.
    fn follow_record<T>(
        &self,
        record_id: &RecordId,
        read: impl Fn(Pointer) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let number = self.state().rows.find(record_id);
        number.map_or(Ok(None), |number| self.follow(&row_key(RECORD, number), read))
    }

    fn value_at(&self, table: Table, key: &[u8], pointer: Pointer) -> Result<Vec<u8>> {
        self.with_item(pointer.place, |item, damage| {
            let entry: Option<RowEntry> = item.entry().map_err(damage_of(damage))?;
            let fits = entry.is_some_and(|entry| entry.table == table.byte() && entry.key == key);
            let data = item.data.and_then(|part| part.bytes());
            let (true, ItemKind::Row, Some(data)) = (fits, item.header.kind, data) else {
                return Err(damage("a pointer leads to another row"));
            };
            let Some(number) = item.header.key else {
                return Ok(data.to_vec());
            };
            let aad = aad_of_row(table.byte(), key);
            match self.ring().open_seal(number, &aad, data)? {
                Some(Opened::Bytes(bytes)) => Ok(bytes.to_vec()),
                Some(Opened::Erased) => Err(Error::KeyGone),
                None => Err(damage("a seal that does not open")),
            }
        })
    }

    pub(crate) fn scan_rows(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        check_key(prefix)?;
        let after = after.map(|after| full_key(table.byte(), after));
        let prefix = full_key(table.byte(), prefix);
        let rows = self.tables.scan(&prefix, after.as_deref(), limit.min(SCAN_ROWS_MAX))?;
        let mut found = Vec::with_capacity(rows.len());
        for (mut key, pointer) in rows {
            let key = key.split_off(1);
            let value = match self.value_at(table, &key, pointer) {
                // It may have changed since the scan.
                Err(_) => self.row_value(table, &key)?,
                value => value.map(Some)?,
            };
            found.extend(value.map(|value| (key, value)));
        }
        Ok(found)
    }

    pub(crate) fn find_record(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>> {
        Ok(self.read_record(record_id)?.map(|(stored, class)| Held::new(stored, class)))
    }

    /// The facts of a record that was matched. They are read once, with every check, and then kept
    /// in its row until the row changes.
    pub(crate) fn facts_of(&self, found: &Match) -> Result<Option<Held<RecordFacts>>> {
        {
            let state = self.state();
            let row = state.rows.row(found.number);
            let row = row.filter(|row| row.record_id == found.record_id);
            let Some(row) = row.filter(|row| row.is_live()) else {
                return Ok(None);
            };
            let class = state.classes.class(row.class);
            if let Some((facts, class)) = row.facts().zip(class) {
                return Ok(Some(Held::new(facts, Arc::clone(class))));
            }
        }
        let Some((stored, class)) = self.read_record(&found.record_id)? else {
            return Ok(None);
        };
        let record = Record::from_payload(&stored.envelope.payload)
            .map_err(|error| Error::corrupt("a record", 0, error))?;
        let facts = RecordFacts::of(&record);
        let mut state = self.state_mut();
        let row = state.rows.row_mut(found.number).filter(|row| row.record_id == found.record_id);
        let same = |row: &&mut Row| row.version == stored.version && row.is_live();
        if let Some(row) = row.filter(same) {
            row.keep_facts(Some(facts));
        }
        Ok(Some(Held::new(facts, class)))
    }

    /// The row of a match as it is now.
    pub(crate) fn row_of(&self, found: &Match) -> Option<HitRow> {
        let state = self.state();
        state.rows.row(found.number).filter(|row| row.record_id == found.record_id)?;
        state.hit_row(found.number)
    }

    fn read_record(&self, record_id: &RecordId) -> Result<Option<(StoredRecord, Arc<Class>)>> {
        let Some(row) = self.hit_row_of(record_id) else {
            return Ok(None);
        };
        if row.withdrawn == Withdrawn::Yes && row.origin == Ownership::Foreign {
            return Ok(None);
        }
        self.follow_record(record_id, |pointer| {
            self.record_at(record_id, pointer, row.withdrawn, Some(row.origin))
        })
    }

    /// Ids of records past their end whose content is there and not held.
    pub(crate) fn expired_records(&self, now: Timestamp, limit: usize) -> Vec<RecordId> {
        let (mut found, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next.filter(|_| found.len() < limit) {
            next = self.state().expired(from, EXPIRED_ROWS_AT_ONCE, now, &mut found);
        }
        found.truncate(limit);
        found
    }

    pub(crate) fn record_at(
        &self,
        record_id: &RecordId,
        pointer: Pointer,
        withdrawn: Withdrawn,
        origin: Option<Ownership>,
    ) -> Result<Option<(StoredRecord, Arc<Class>)>> {
        self.with_item(pointer.place, |item, damage| {
            self.record_of(item, record_id, withdrawn, origin, damage)
        })
    }

    /// The record in an item that was checked; `None` if its content is gone.
    pub(crate) fn record_of(
        &self,
        item: &ItemView<'_>,
        record_id: &RecordId,
        withdrawn: Withdrawn,
        origin: Option<Ownership>,
        damage: &dyn Fn(&str) -> Error,
    ) -> Result<Option<(StoredRecord, Arc<Class>)>> {
        let entry = record_entry(item, record_id, damage)?;
        let sealed = item.data.and_then(|part| part.bytes());
        let (Some(sealed), Some(number)) = (sealed, item.header.key) else {
            return Ok(None);
        };
        let aad = aad_of_record(DATA_PART, record_id, entry.version);
        let opened = match self.ring().open_seal(number, &aad, sealed)? {
            Some(Opened::Bytes(bytes)) => bytes,
            Some(Opened::Erased) => return Ok(None),
            None => return Err(damage("a seal that does not open")),
        };
        let envelope: Envelope = minicbor::decode(&opened).map_err(damage_of(damage))?;
        if envelope.payload_hash() != entry.payload_hash {
            return Err(damage("an envelope of another payload"));
        }
        let class = self.state().classes.class(entry.class).cloned();
        let class = class.ok_or_else(|| damage("a class that was not written"))?;
        let (version, expiry) = (entry.version, entry.expiry);
        let origin = origin.unwrap_or_else(|| self.state().ownership(&class.origin));
        let stored = StoredRecord { envelope, version, expiry, withdrawn, origin };
        Ok(Some((stored, class)))
    }

    pub(crate) fn payload_hash(&self, record_id: &RecordId) -> Result<Option<Digest>> {
        self.follow_record(record_id, |pointer| {
            self.with_item(pointer.place, |item, damage| {
                Ok(Some(record_entry(item, record_id, damage)?.payload_hash))
            })
        })
    }

    pub(crate) fn find_local_part(&self, record_id: &RecordId) -> Result<Option<LocalPart>> {
        Ok(self.sealed_local(record_id)?.and_then(|local| local.to_local_part()))
    }

    fn sealed_local(&self, record_id: &RecordId) -> Result<Option<SealedLocal>> {
        let row = self.hit_row_of(record_id);
        if row.is_none_or(|row| row.origin == Ownership::Foreign) {
            return Ok(None);
        }
        self.follow_record(record_id, |pointer| {
            self.with_item(pointer.place, |item, damage| {
                let entry = record_entry(item, record_id, damage)?;
                open_local(item, &entry, &self.ring()).map_err(|fault| match fault {
                    Fault::Damage(why) => damage(&why),
                    Fault::Store(error) => error,
                })
            })
        })
    }

    pub(crate) fn find_tombstone(&self, record_id: &RecordId) -> Result<Option<Envelope>> {
        let number = self.state().rows.find(record_id);
        let Some(key) = number.map(|number| row_key(TOMBSTONE, number)) else {
            return Ok(None);
        };
        let Some(pointer) = self.tables.get(&key)? else {
            return Ok(None);
        };
        self.with_item(pointer.place, |item, damage| {
            let entry: Option<TombstoneEntry> = item.entry().map_err(damage_of(damage))?;
            let fits = entry.is_some_and(|entry| entry.record_id == *record_id);
            let data = item.data.and_then(|part| part.bytes());
            let (true, ItemKind::Tombstone, Some(data)) = (fits, item.header.kind, data) else {
                return Err(damage("a pointer leads to another tombstone"));
            };
            minicbor::decode(data).map(Some).map_err(damage_of(damage))
        })
    }

    pub(crate) fn hit_row_of(&self, record_id: &RecordId) -> Option<HitRow> {
        let state = self.state();
        state.hit_row(state.rows.find(record_id)?)
    }

    pub(crate) fn find_by_prefix(&self, first_bytes: &[u8], limit: usize) -> Vec<RecordId> {
        let state = self.state();
        let begins = |row: &crate::index::Row| row.record_id.as_bytes().starts_with(first_bytes);
        let known = |number| state.hit_row(number).is_some();
        let rows = state.rows.iter().filter(|(number, row)| begins(row) && known(*number));
        let mut found: Vec<RecordId> = rows.map(|(_, row)| row.record_id).collect();
        found.sort_unstable();
        found.truncate(limit);
        found
    }

    /// Reads and checks the item at a place. `act` is given a way to say that it is damaged.
    fn with_item<T>(
        &self,
        place: Place,
        act: impl FnOnce(&ItemView<'_>, &dyn Fn(&str) -> Error) -> Result<T>,
    ) -> Result<T> {
        let bytes = self.journal.read(place)?;
        let damage = |why: &str| {
            let layout = self.journal.layout(place.segment);
            Error::corrupt(layout.file.name(), layout.offset(place.offset), why)
        };
        let item = ItemView::parse(&bytes).map_err(|error| damage(&error.to_string()))?;
        item.check().map_err(|error| damage(&error.to_string()))?;
        act(&item, &damage)
    }

    /// Checks the item a pointer of the tables leads to, for a deep verification.
    pub(crate) fn check_pointer(&self, key: &[u8]) -> Result<()> {
        let Some((prefix, rest)) = key.split_first() else {
            return Ok(());
        };
        let number = <[u8; 4]>::try_from(rest).ok().map(u32::from_be_bytes);
        let row = number.and_then(|number| self.state().rows.row(number).copied());
        match (*prefix, row, Table::from_byte(*prefix)) {
            (RECORD, Some(row), _) => {
                let read = |pointer| self.record_at(&row.record_id, pointer, Withdrawn::No, None);
                self.follow(key, read).map(drop)
            }
            (TOMBSTONE, Some(row), _) => self.find_tombstone(&row.record_id).map(drop),
            (_, _, Some(table)) => self.row_value(table, rest).map(drop),
            _ => Err(Error::corrupt("tables", 0, "a key of no table")),
        }
    }

    pub(crate) fn own_matches(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        tokens: &[Token],
    ) -> Result<Vec<Match>> {
        check_tokens(tokens)?;
        self.state().match_own(agreement, epoch, tokens).ok_or(Error::NoTokenKey)
    }

    pub(crate) fn foreign_matches(
        &self,
        agreement: &AgreementId,
        owner: &AgencyId,
        epoch: TokenEpoch,
        tokens: &[Token],
    ) -> Result<Vec<Match>> {
        check_tokens(tokens)?;
        Ok(self.state().match_foreign(agreement, owner, epoch, tokens))
    }

    /// The blind index proposes, the sealed fingerprint disposes.
    pub(crate) fn fingerprint_matches(&self, x: &Fingerprint) -> Result<Vec<RecordId>> {
        let blind = self.ring().blind(x);
        let proposed: Vec<RecordId> = {
            let state = self.state();
            let rows = state.rows.by_blind(blind, MATCH_ROWS_MAX);
            let live = rows.into_iter().filter_map(|row| state.rows.row(row));
            live.filter(|row| row.is_live()).map(|row| row.record_id).collect()
        };
        let mut found = Vec::with_capacity(proposed.len());
        for record_id in proposed {
            let local = self.sealed_local(&record_id)?;
            if local.and_then(|local| local.x()).as_ref() == Some(x) {
                found.push(record_id);
            }
        }
        Ok(found)
    }
}

fn record_entry(
    item: &ItemView<'_>,
    record_id: &RecordId,
    damage: &dyn Fn(&str) -> Error,
) -> Result<RecordEntry> {
    let entry: Option<RecordEntry> = item.entry().map_err(damage_of(damage))?;
    entry
        .filter(|entry| item.header.kind == ItemKind::Record && entry.record_id == *record_id)
        .ok_or_else(|| damage("a pointer leads to another record"))
}

fn damage_of(damage: &dyn Fn(&str) -> Error) -> impl Fn(minicbor::decode::Error) -> Error {
    move |error| damage(&error.to_string())
}

fn check_tokens(tokens: &[Token]) -> Result<()> {
    if tokens.len() > MATCH_TOKENS_MAX {
        let (given, max) = (tokens.len() as u64, MATCH_TOKENS_MAX as u64);
        return Err(Error::too_large("tokens to match", given, max));
    }
    Ok(())
}
