//! What an item does to memory and tables: the same when it is written and when it is read back.

use crate::batch::{LocalPart, Secrecy};
use crate::error::{Error, Result};
use crate::item::{
    ClassNumberEntry, DropEntry, EraseEntry, Header, ItemKind, ItemView, OnceEntry, RecordEntry,
    RowEntry, TombstoneEntry,
};
use crate::reading::RecordFacts;
use crate::seal::{KeyRing, Opened, aad_of_record};
use crate::table::Table;
use domain::class::Class;
use domain::digest::{Fingerprint, Salt};
use domain::name::{AgencyId, CaseId, IdempotencyKey, OfficerId, RecordId};
use domain::record::Version;
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch};
use domain::value::ActionIntent;
use std::sync::Arc;

/// The part byte of a record's sealed local part.
pub(crate) const LOCAL_PART: u8 = 1;
/// The part byte of a record's sealed envelope.
pub(crate) const DATA_PART: u8 = 2;

/// The effect of one item.
pub(crate) enum Effect {
    Class { number: u32, class: Arc<Class> },
    Record(RecordEffect),
    Withdraw { record_id: RecordId, origin: AgencyId },
    Drop(DropEntry),
    Erase(Vec<RecordId>),
    Put { key: Vec<u8>, secrecy: Secrecy },
    Delete { key: Vec<u8> },
    Once(IdempotencyKey),
    Event,
}

/// The effect of a record.
pub(crate) struct RecordEffect {
    pub(crate) record_id: RecordId,
    pub(crate) version: Version,
    pub(crate) class: u32,
    pub(crate) expiry: Timestamp,
    /// Of an own record.
    pub(crate) own: Option<OwnIndex>,
    /// Of a partner's record.
    pub(crate) token: Option<(TokenEpoch, Token)>,
    /// The data key its content is sealed under, if any of its content is there.
    pub(crate) content: Option<u32>,
    /// Of a record that is written; one that is read back is not opened for them.
    pub(crate) facts: Option<RecordFacts>,
}

/// What an own record is found by.
pub(crate) struct OwnIndex {
    pub(crate) blind: u64,
    /// Held only while the effect is applied.
    pub(crate) x: Fingerprint,
}

/// The local part of a record as it is sealed: an own record's, or the token of a partner's.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct SealedLocal {
    #[cbor(n(0), with = "minicbor::bytes")]
    x: Option<[u8; 32]>,
    #[cbor(n(1), with = "minicbor::bytes")]
    salt: Option<[u8; 32]>,
    #[n(2)]
    action_intent: Option<ActionIntent>,
    #[n(3)]
    case: Option<CaseId>,
    #[n(4)]
    case_reference: Option<String>,
    #[n(5)]
    officer: Option<OfficerId>,
    #[n(6)]
    presumed_adult_reason: Option<String>,
    #[n(7)]
    received_at: Option<Timestamp>,
    #[n(8)]
    epoch: Option<TokenEpoch>,
    #[n(9)]
    token: Option<Token>,
}

impl Drop for SealedLocal {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.x.zeroize();
        self.salt.zeroize();
    }
}

impl SealedLocal {
    pub(crate) fn own(local: &LocalPart) -> Self {
        Self {
            x: Some(*local.x.expose()),
            salt: Some(*local.salt.expose()),
            action_intent: Some(local.action_intent),
            case: local.case,
            case_reference: local.case_reference.clone(),
            officer: local.officer.clone(),
            presumed_adult_reason: local.presumed_adult_reason.clone(),
            received_at: Some(local.received_at),
            epoch: None,
            token: None,
        }
    }

    pub(crate) const fn foreign(epoch: TokenEpoch, token: Token) -> Self {
        Self {
            x: None,
            salt: None,
            action_intent: None,
            case: None,
            case_reference: None,
            officer: None,
            presumed_adult_reason: None,
            received_at: None,
            epoch: Some(epoch),
            token: Some(token),
        }
    }

    pub(crate) fn x(&self) -> Option<Fingerprint> {
        self.x.map(Fingerprint::from_bytes)
    }

    fn token(&self) -> Option<(TokenEpoch, Token)> {
        self.epoch.zip(self.token)
    }

    pub(crate) fn to_local_part(&self) -> Option<LocalPart> {
        Some(LocalPart {
            x: self.x()?,
            salt: Salt::from_bytes(self.salt?),
            action_intent: self.action_intent?,
            case: self.case,
            case_reference: self.case_reference.clone(),
            officer: self.officer.clone(),
            presumed_adult_reason: self.presumed_adult_reason.clone(),
            received_at: self.received_at?,
        })
    }
}

/// Opens the local part of a record item; `None` if there is none, or it was erased.
pub(crate) fn open_local(
    item: &ItemView<'_>,
    entry: &RecordEntry,
    ring: &KeyRing,
) -> Result<Option<SealedLocal>, Fault> {
    let Some(sealed) = item.local.and_then(|part| part.bytes()) else {
        return Ok(None);
    };
    let number = item.header.key.ok_or("a sealed part without a key")?;
    let aad = aad_of_record(LOCAL_PART, &entry.record_id, entry.version);
    match ring.open_seal(number, &aad, sealed).map_err(Fault::Store)? {
        Some(Opened::Bytes(bytes)) => Ok(Some(minicbor::decode(&bytes)?)),
        Some(Opened::Erased) => Ok(None),
        None => Err("a seal that does not open".into()),
    }
}

/// Why an item cannot be read back.
pub(crate) enum Fault {
    Damage(String),
    Store(Error),
}

impl From<&'static str> for Fault {
    fn from(why: &'static str) -> Self {
        Self::Damage(why.to_owned())
    }
}

impl From<minicbor::decode::Error> for Fault {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Damage(error.to_string())
    }
}

impl Effect {
    /// Reads the effect of an item of the journal. An item whose entry was erased has none.
    pub(crate) fn of(item: &ItemView<'_>, ring: &KeyRing) -> Result<Self, Fault> {
        let Header { kind, .. } = item.header;
        if item.entry.bytes().is_none() {
            return Ok(Self::Event);
        }
        let missing = || Fault::from("an entry part that is not there");
        Ok(match kind {
            ItemKind::Event => Self::Event,
            ItemKind::Record => {
                let entry: RecordEntry = item.entry()?.ok_or_else(missing)?;
                let local = open_local(item, &entry, ring)?;
                let content = item.header.key.filter(|_| item.has_content());
                Self::Record(record(&entry, local.as_ref(), content, ring))
            }
            ItemKind::Tombstone => {
                let entry: TombstoneEntry = item.entry()?.ok_or_else(missing)?;
                Self::Withdraw { record_id: entry.record_id, origin: entry.origin }
            }
            ItemKind::Drop => Self::Drop(item.entry()?.ok_or_else(missing)?),
            ItemKind::Erase => {
                let entry: EraseEntry = item.entry()?.ok_or_else(missing)?;
                Self::Erase(entry.record_ids)
            }
            ItemKind::Row | ItemKind::Delete => {
                let entry: RowEntry = item.entry()?.ok_or_else(missing)?;
                Table::from_byte(entry.table).ok_or("a table that is not known")?;
                let key = crate::table::full_key(entry.table, &entry.key);
                let is_sealed = item.header.key.is_some();
                let secrecy = if is_sealed { Secrecy::Sealed } else { Secrecy::Plain };
                if kind == ItemKind::Row {
                    Self::Put { key, secrecy }
                } else {
                    Self::Delete { key }
                }
            }
            ItemKind::Class => {
                let entry: ClassNumberEntry = item.entry()?.ok_or_else(missing)?;
                let bytes = item.data.and_then(|part| part.bytes()).ok_or_else(missing)?;
                let class = Arc::new(minicbor::decode(bytes)?);
                Self::Class { number: entry.number, class }
            }
            ItemKind::Once => {
                let entry: OnceEntry = item.entry()?.ok_or_else(missing)?;
                Self::Once(entry.key)
            }
        })
    }
}

impl Effect {
    /// An own record is found by its fingerprint, a partner's by its token, and by nothing else:
    /// whose it is, is known once its class is.
    pub(crate) fn of_class(self, own_classes: &dyn Fn(u32) -> bool) -> Self {
        match self {
            Self::Record(record) if own_classes(record.class) => {
                Self::Record(RecordEffect { token: None, ..record })
            }
            Self::Record(record) => Self::Record(RecordEffect { own: None, ..record }),
            other => other,
        }
    }
}

fn record(
    entry: &RecordEntry,
    local: Option<&SealedLocal>,
    content: Option<u32>,
    ring: &KeyRing,
) -> RecordEffect {
    let x = local.and_then(SealedLocal::x);
    RecordEffect {
        record_id: entry.record_id,
        version: entry.version,
        class: entry.class,
        expiry: entry.expiry,
        own: x.map(|x| OwnIndex { blind: ring.blind(&x), x }),
        token: local.and_then(SealedLocal::token),
        content,
        facts: None,
    }
}
