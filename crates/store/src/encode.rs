//! From a checked batch to the body of a frame: items, salted and sealed.

use crate::batch::{Batch, Change, ItemReceipt, RecordPut, Secrecy};
use crate::effect::{DATA_PART, Effect, LOCAL_PART, OwnIndex, RecordEffect, SealedLocal};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::item::{
    self, ClassNumberEntry, DropEntry, EraseEntry, Header, ItemKind, OnceEntry, Parts, RecordEntry,
    RowEntry, TombstoneEntry,
};
use crate::prepare::{Checked, Prepared};
use crate::reading::RecordFacts;
use crate::seal::{Entropy, KeyPurpose, aad_of_record, aad_of_row};
use crate::table::full_key;
use audit::frame::ItemsRoot;
use domain::encoding::to_bytes;
use domain::event::{EVENT_PART_BYTES_MAX, Event};
use std::sync::Arc;

impl Engine {
    pub(crate) fn encode(
        &self,
        batch: &Batch,
        checked: Vec<Checked>,
        entropy: &mut Entropy,
    ) -> Result<Prepared> {
        let mut body = Body::new(entropy, batch);
        if let Some(key) = batch.idempotency_key {
            let parts = Parts { entry: to_bytes(&OnceEntry { key }), ..Parts::default() };
            body.item(plain(ItemKind::Once), &parts, Effect::Once(key))?;
        }
        let mut checked = checked.into_iter();
        for change in &batch.changes {
            let receipt = match change {
                Change::PutRecord(put) => {
                    let checked = checked.next().ok_or(Error::Invalid("a record unchecked"))?;
                    self.encode_record(put, checked, &mut body)?
                }
                Change::Withdraw { tombstone } => {
                    let (record_id, origin) =
                        (tombstone.message().record_id, tombstone.message().origin.clone());
                    let entry = to_bytes(&TombstoneEntry { record_id, origin: origin.clone() });
                    let data = Some(to_bytes(tombstone.envelope()));
                    let effect = Effect::Withdraw { record_id, origin };
                    body.item(
                        plain(ItemKind::Tombstone),
                        &Parts { entry, local: None, data },
                        effect,
                    )?
                }
                Change::DropForeign { origin, classes, record_ids } => {
                    let drop = DropEntry {
                        origin: origin.clone(),
                        classes: classes.iter().map(|class| class.0).collect(),
                        record_ids: record_ids.clone(),
                    };
                    let parts = Parts { entry: to_bytes(&drop), ..Parts::default() };
                    body.item(plain(ItemKind::Drop), &parts, Effect::Drop(drop))?
                }
                Change::Erase { record_ids } => {
                    let entry = to_bytes(&EraseEntry { record_ids: record_ids.clone() });
                    let parts = Parts { entry, ..Parts::default() };
                    body.item(plain(ItemKind::Erase), &parts, Effect::Erase(record_ids.clone()))?
                }
                Change::Put { .. } | Change::Delete { .. } => self.encode_row(change, &mut body)?,
            };
            body.changes.push(receipt);
        }
        for event in &batch.events {
            let parts = event_parts(event)?;
            let receipt = body.item(plain(ItemKind::Event), &parts, Effect::Event)?;
            body.events.push(receipt);
        }
        body.finish()
    }

    fn encode_record(
        &self,
        put: &RecordPut,
        checked: Checked,
        body: &mut Body<'_>,
    ) -> Result<ItemReceipt> {
        let number = checked.number;
        if checked.is_new {
            encode_class(&checked, body)?;
        }
        let class = checked.class;
        let (record, payload_hash) = (&put.record, put.envelope.payload_hash());
        let (record_id, version, expiry) = (record.record_id, record.version, record.valid_until);
        let entry = RecordEntry { record_id, version, class: number, expiry, payload_hash };
        let purpose = KeyPurpose::records(&class.origin, &class.agreement, expiry);
        let key = self.key_number(purpose, body.entropy)?;
        let (local, data) = self.seal_record(put, key, body.entropy)?;
        let own = put.local.as_ref().map(|local| {
            let blind = self.ring().blind(&local.x);
            OwnIndex { blind, x: local.x.clone() }
        });
        let (token, content, facts) = (put.token, Some(key), Some(RecordFacts::of(record)));
        let class = number;
        let effect = RecordEffect { record_id, version, class, expiry, own, token, content, facts };
        let header = Header { kind: ItemKind::Record, key: Some(key), retention: Some(expiry) };
        let parts = Parts { entry: to_bytes(&entry), local, data: Some(data) };
        body.item(header, &parts, Effect::Record(effect))
    }

    /// The sealed local part, if there is one, and the sealed envelope.
    fn seal_record(
        &self,
        put: &RecordPut,
        key: u32,
        entropy: &mut Entropy,
    ) -> Result<(Option<Vec<u8>>, Vec<u8>)> {
        let local = match (&put.local, put.token) {
            (Some(local), _) => Some(SealedLocal::own(local)),
            (None, Some((epoch, token))) => Some(SealedLocal::foreign(epoch, token)),
            (None, None) => None,
        };
        let ring = self.ring();
        let mut seal = |part, bytes: &[u8]| {
            let aad = aad_of_record(part, &put.record.record_id, put.record.version);
            ring.seal(key, &aad, bytes, entropy)
        };
        let clear = local.map(|local| zeroize::Zeroizing::new(to_bytes(&local)));
        let local = clear.map(|clear| seal(LOCAL_PART, &clear)).transpose()?;
        Ok((local, seal(DATA_PART, &to_bytes(&put.envelope))?))
    }

    fn encode_row(&self, change: &Change, body: &mut Body<'_>) -> Result<ItemReceipt> {
        match change {
            Change::Put { table, key, value, secrecy } => {
                let entry = to_bytes(&RowEntry { table: table.byte(), key: key.clone() });
                let (number, data) = match secrecy {
                    Secrecy::Plain => (None, value.clone()),
                    Secrecy::Sealed => {
                        let number = self.key_number(KeyPurpose::Rows, body.entropy)?;
                        let aad = aad_of_row(table.byte(), key);
                        (Some(number), self.ring().seal(number, &aad, value, body.entropy)?)
                    }
                };
                let header = Header { kind: ItemKind::Row, key: number, retention: None };
                let parts = Parts { entry, local: None, data: Some(data) };
                let effect = Effect::Put { key: full_key(table.byte(), key), secrecy: *secrecy };
                body.item(header, &parts, effect)
            }
            Change::Delete { table, key } => {
                let entry = to_bytes(&RowEntry { table: table.byte(), key: key.clone() });
                let parts = Parts { entry, ..Parts::default() };
                let effect = Effect::Delete { key: full_key(table.byte(), key) };
                body.item(plain(ItemKind::Delete), &parts, effect)
            }
            _ => Err(Error::Invalid("not a row")),
        }
    }

    /// The number of the data key for a purpose. A new one is durable before it is used.
    fn key_number(&self, purpose: KeyPurpose, entropy: &mut Entropy) -> Result<u32> {
        if let Some(number) = self.ring().number(&purpose) {
            return Ok(number);
        }
        let (number, file) = self.ring_mut().add(purpose, entropy)?;
        let saved = self.save_keys(&file);
        if saved.is_err() {
            self.ring_mut().forget(number);
        }
        saved.map(|()| number)
    }
}

/// What is allocated for each item of a body, and for a whole body, before it grows.
const ITEM_CAPACITY_BYTES: usize = 1024;
const BODY_CAPACITY_BYTES_MAX: usize = 1024 * 1024;

const fn plain(kind: ItemKind) -> Header {
    Header { kind, key: None, retention: None }
}

fn encode_class(checked: &Checked, body: &mut Body<'_>) -> Result<ItemReceipt> {
    let number = checked.number;
    let entry = to_bytes(&ClassNumberEntry { number });
    let parts = Parts { entry, local: None, data: Some(checked.class.to_bytes()) };
    let effect = Effect::Class { number, class: Arc::clone(&checked.class) };
    body.item(plain(ItemKind::Class), &parts, effect)
}

fn event_parts(event: &Event) -> Result<Parts> {
    let (entry, local) = event.to_parts();
    for part in [&entry, &local] {
        if part.len() > EVENT_PART_BYTES_MAX {
            let (given, max) = (part.len() as u64, EVENT_PART_BYTES_MAX as u64);
            return Err(Error::too_large("bytes in a part of an event", given, max));
        }
    }
    Ok(Parts { entry, local: Some(local), data: None })
}

/// The body of a frame while it grows.
struct Body<'e> {
    entropy: &'e mut Entropy,
    bytes: Vec<u8>,
    root: ItemsRoot,
    effects: Vec<(Effect, u32, usize)>,
    changes: Vec<ItemReceipt>,
    events: Vec<ItemReceipt>,
}

impl<'e> Body<'e> {
    fn new(entropy: &'e mut Entropy, batch: &Batch) -> Self {
        let items = batch.changes.len() + batch.events.len() + 1;
        let bytes = ITEM_CAPACITY_BYTES.saturating_mul(items).min(BODY_CAPACITY_BYTES_MAX);
        Self {
            entropy,
            bytes: Vec::with_capacity(bytes),
            root: ItemsRoot::new(),
            effects: Vec::with_capacity(items),
            changes: Vec::with_capacity(batch.changes.len()),
            events: Vec::with_capacity(batch.events.len()),
        }
    }

    fn item(&mut self, header: Header, parts: &Parts, effect: Effect) -> Result<ItemReceipt> {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        let mut salt = || self.entropy.salt();
        let commitment = item::encode(&header, parts, &mut salt, &mut self.bytes)?;
        let length = self.bytes.len() - at - 4;
        let (given, max) = (self.bytes.len(), crate::frame::BODY_BYTES_MAX);
        if given > max || length > item::ITEM_BYTES_MAX {
            return Err(Error::too_large("bytes in a frame", given as u64, max as u64));
        }
        let stated = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&stated);
        }
        self.root.append(commitment);
        let item = u32::try_from(self.effects.len()).unwrap_or(u32::MAX);
        let offset = u32::try_from(at + 4).unwrap_or(u32::MAX);
        self.effects.push((effect, offset, length));
        Ok(ItemReceipt { item, commitment })
    }

    fn finish(self) -> Result<Prepared> {
        let (items, items_root) = self.root.finish()?;
        Ok(Prepared {
            body: self.bytes,
            items,
            items_root,
            effects: self.effects,
            changes: self.changes,
            events: self.events,
        })
    }
}
