//! Reading: from a key to a pointer, from a pointer to an item that is checked, and its seal opened.

use crate::batch::LocalPart;
use crate::effect::{DATA_PART, Fault, SealedLocal, open_local};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::index::RowState;
use crate::item::{ItemKind, ItemView, RecordEntry, RowEntry, TombstoneEntry};
use crate::journal::segment_name;
use crate::pointer::{Place, Pointer};
use crate::reading::{
    HitRow, MATCH_ROWS_MAX, MATCH_TOKENS_MAX, Match, Ownership, StoredRecord, Withdrawn,
};
use crate::seal::{Opened, aad_of_record, aad_of_row};
use crate::table::{RECORD, SCAN_ROWS_MAX, TOMBSTONE, Table, check_key, full_key};
use domain::digest::Fingerprint;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId, Digest, RecordId};
use domain::record::Version;
use domain::token::{Token, TokenEpoch, TokenKey};
use policy::Held;
use std::sync::{Arc, PoisonError};

/// How many tokens are computed between two looks at the state.
const TOKENS_AT_ONCE: usize = 4096;

impl Engine {
    pub(crate) fn row_value(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        let pointer = self.tables.get(&full_key(table.byte(), key))?;
        pointer.map(|pointer| self.value_at(table, key, pointer)).transpose()
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
            let value = self.value_at(table, &key, pointer)?;
            found.push((key, value));
        }
        Ok(found)
    }

    pub(crate) fn find_record(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>> {
        let Some(row) = self.hit_row_of(record_id) else {
            return Ok(None);
        };
        if row.withdrawn == Withdrawn::Yes && row.origin == Ownership::Foreign {
            return Ok(None);
        }
        let Some(pointer) = self.record_pointer(record_id)? else {
            return Ok(None);
        };
        self.with_item(pointer.place, |item, damage| {
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
            let (withdrawn, origin) = (row.withdrawn, row.origin);
            let stored = StoredRecord { envelope, version, expiry, withdrawn, origin };
            Ok(Some(Held::new(stored, class)))
        })
    }

    pub(crate) fn payload_hash(&self, record_id: &RecordId) -> Result<Option<Digest>> {
        let Some(pointer) = self.record_pointer(record_id)? else {
            return Ok(None);
        };
        self.with_item(pointer.place, |item, damage| {
            Ok(Some(record_entry(item, record_id, damage)?.payload_hash))
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
        let Some(pointer) = self.record_pointer(record_id)? else {
            return Ok(None);
        };
        self.with_item(pointer.place, |item, damage| {
            let entry = record_entry(item, record_id, damage)?;
            open_local(item, &entry, &self.ring()).map_err(|fault| match fault {
                Fault::Damage(why) => damage(&why),
                Fault::Store(error) => error,
            })
        })
    }

    pub(crate) fn find_tombstone(&self, record_id: &RecordId) -> Result<Option<Envelope>> {
        let key = full_key(TOMBSTONE, record_id.as_bytes());
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

    fn record_pointer(&self, record_id: &RecordId) -> Result<Option<Pointer>> {
        self.tables.get(&full_key(RECORD, record_id.as_bytes()))
    }

    /// Reads and checks the item at a place. `act` is given a way to say that it is damaged.
    fn with_item<T>(
        &self,
        place: Place,
        act: impl FnOnce(&ItemView<'_>, &dyn Fn(&str) -> Error) -> Result<T>,
    ) -> Result<T> {
        let bytes = self.journal.read(place)?;
        let damage =
            |why: &str| Error::corrupt(segment_name(place.segment), u64::from(place.offset), why);
        let item = ItemView::parse(&bytes).map_err(|error| damage(&error.to_string()))?;
        item.check().map_err(|error| damage(&error.to_string()))?;
        act(&item, &damage)
    }

    /// Checks the item a pointer of the tables leads to, for a deep verification.
    pub(crate) fn check_pointer(&self, key: &[u8], pointer: Pointer) -> Result<()> {
        let Some((prefix, rest)) = key.split_first() else {
            return Ok(());
        };
        match (*prefix, RecordId::try_from(rest), Table::from_byte(*prefix)) {
            (RECORD, Ok(record_id), _) => self.find_record(&record_id).map(drop),
            (TOMBSTONE, Ok(record_id), _) => self.find_tombstone(&record_id).map(drop),
            (_, _, Some(table)) => self.value_at(table, rest, pointer).map(drop),
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
            live.filter(|row| row.state == RowState::Live).map(|row| row.record_id).collect()
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

    /// Computes the tokens of all own records of an agreement under a key, and keeps them.
    pub(crate) fn compute_tokens(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        key: &TokenKey,
    ) -> Result<()> {
        let _alone = self.token_work.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = {
            let mut state = self.state_mut();
            if state.has_tokens(agreement, epoch, key) {
                return Ok(());
            }
            state.begin_tokens(agreement, epoch, key.clone());
            state.tip.size()
        };
        let mut found = Vec::with_capacity(TOKENS_AT_ONCE);
        for seq in 0..frames {
            if let Err(error) = self.tokens_of_frame(seq, agreement, key, &mut found) {
                self.state_mut().drop_own_tokens(agreement, epoch);
                return Err(error);
            }
            if found.len() >= TOKENS_AT_ONCE {
                self.state_mut().add_tokens(agreement, epoch, core::mem::take(&mut found));
            }
        }
        let mut state = self.state_mut();
        state.add_tokens(agreement, epoch, found);
        state.finish_tokens(agreement, epoch);
        Ok(())
    }

    fn tokens_of_frame(
        &self,
        seq: u64,
        agreement: &AgreementId,
        key: &TokenKey,
        found: &mut Vec<(RecordId, Version, Token)>,
    ) -> Result<()> {
        let frame = self.stored_frame(seq)?;
        for item in frame.items() {
            let item = item?;
            if item.header.kind != ItemKind::Record {
                continue;
            }
            let entry: Option<RecordEntry> = item.entry().map_err(|error| frame.damage(error))?;
            let Some(entry) = entry else { continue };
            let class = self.state().classes.class(entry.class).map(Arc::clone);
            let wanted = |class: Arc<domain::class::Class>| {
                class.origin == self.agency && class.agreement == *agreement
            };
            let row = self.hit_row_of(&entry.record_id);
            let current = row
                .is_some_and(|row| row.version == entry.version && row.withdrawn == Withdrawn::No);
            if !current || !class.is_some_and(wanted) {
                continue;
            }
            let local = open_local(&item, &entry, &self.ring()).map_err(|fault| match fault {
                Fault::Damage(why) => frame.damage(why),
                Fault::Store(error) => error,
            })?;
            if let Some(x) = local.and_then(|local| local.x()) {
                found.push((entry.record_id, entry.version, key.token(&x)));
            }
        }
        Ok(())
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
