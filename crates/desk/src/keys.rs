//! Token keys of tier 1: drawn per agreement, sealed to every party, opened, kept.

use crate::error::DeskError;
use crate::seal::{self, Sealed};
use crate::{Desk, put};
use domain::encoding;
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId, IdempotencyKey};
use domain::record::CLOCK_SKEW_MS;
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use domain::token::{SealedTokenKey, TokenEpoch, TokenKey};
use domain::value::TransferBasis;
use std::collections::BTreeMap;
use std::sync::PoisonError;
use store::{Batch, Precondition, RowState, Secrecy, Table};
use zeroize::Zeroizing;

/// The most epochs of one owner's key that are live at a time.
pub const EPOCHS_LIVE_MAX: usize = 2;
/// The most epochs of one owner's key that are kept under one agreement, ended ones included.
pub const EPOCHS_KEPT_MAX: usize = 32;
/// The largest stored token key row, in bytes.
const ROW_BYTES_MAX: usize = 512;

/// The token keys this node holds, its own and its partners'.
pub(crate) type TokenKeys = BTreeMap<(AgreementId, AgencyId), BTreeMap<TokenEpoch, LiveKey>>;

/// A token key and its time.
#[derive(Clone)]
pub(crate) struct LiveKey {
    pub key: TokenKey,
    pub live_from: Timestamp,
    pub live_until: Timestamp,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct KeyRow {
    #[n(1)]
    agreement: AgreementId,
    #[n(2)]
    owner: AgencyId,
    #[n(3)]
    epoch: TokenEpoch,
    #[cbor(n(4), with = "minicbor::bytes")]
    key: [u8; 32],
    #[n(5)]
    live_from: Timestamp,
    #[n(6)]
    live_until: Timestamp,
}

impl Desk {
    /// Reads the kept keys back and hands them to the store's indexes.
    pub(crate) fn load_token_keys(&self) -> Result<(), DeskError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::TokenKey, &[], after.as_deref(), 256)?;
            let Some((last, _)) = rows.last() else {
                self.store.forget_fingerprints();
                return Ok(());
            };
            after = Some(last.clone());
            for (_, value) in rows {
                let value = Zeroizing::new(value);
                let row: KeyRow = encoding::from_bytes("token key", &value, ROW_BYTES_MAX)?;
                let key = TokenKey::from_bytes(row.key);
                let live = LiveKey { key, live_from: row.live_from, live_until: row.live_until };
                self.take_key(row.agreement, row.owner, row.epoch, live)?;
            }
        }
    }

    /// Draws our key of an agreement if none is live: one epoch, as long as the agreement.
    pub(crate) async fn draw_token_key(
        &self,
        agreement: &AgreementId,
        live_until: Timestamp,
    ) -> Result<(), DeskError> {
        if !self.live_keys(agreement, &self.own).is_empty() {
            return Ok(());
        }
        let now = self.now();
        let key = TokenKey::from_bytes(self.entropy.bytes());
        let live = LiveKey { key, live_from: now, live_until };
        let pair = (agreement.clone(), self.own.clone());
        let last = {
            let keys = self.token_keys.read().unwrap_or_else(PoisonError::into_inner);
            keys.get(&pair).and_then(|epochs| epochs.last_key_value()).map_or(0, |(e, _)| e.0)
        };
        self.keep_key(agreement, &pair.1, TokenEpoch(last.saturating_add(1)), live).await
    }

    /// Our live keys of an agreement, sealed to one party and signed. The entry in the log is
    /// durable before they leave.
    ///
    /// # Errors
    /// A refusal if the asker is not a party, the agreement is not in force, or nothing may go there.
    pub async fn sealed_token_keys(
        &self,
        recipient: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<Vec<Envelope>, DeskError> {
        match self.seal_token_keys(recipient, agreement) {
            Ok(envelopes) => {
                let mut event = Event::new(self.now(), Act::TokenKey);
                event.shared.peer = Some(recipient.clone());
                event.shared.agreement = Some(agreement.clone());
                event.shared.count = u32::try_from(envelopes.len()).unwrap_or(u32::MAX);
                event.local.note = Some("sealed to the partner".to_owned());
                // Fetched again from the same process it is the same entry.
                let parts = [
                    recipient.as_str().as_bytes(),
                    agreement.as_str().as_bytes(),
                    &event.shared.count.to_le_bytes(),
                    &self.incarnation,
                ];
                let [once, _] = halves(self.derive_secret("token key entry", &parts));
                let batch = Batch::new().once(IdempotencyKey::from_bytes(once)).saying(event);
                self.store.commit(batch).await?;
                Ok(envelopes)
            }
            Err(error) => {
                self.refuse_peer(recipient, error.refusal().code).await?;
                Err(error)
            }
        }
    }

    fn seal_token_keys(
        &self,
        recipient: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<Vec<Envelope>, DeskError> {
        self.check_carries(agreement, &self.own, recipient)?;
        let terms = self.agreement(agreement).ok_or(RefusalCode::AgreementUnknown)?;
        let pair = terms.pair(&self.own, recipient);
        if pair.is_none_or(|pair| pair.transfer_basis == TransferBasis::None) {
            return Err(RefusalCode::NoTransferBasis.into());
        }
        let manifest = self.manifest_under(agreement, recipient).ok_or(RefusalCode::NotAParty)?;
        let mut envelopes = Vec::new();
        for (epoch, live) in self.live_keys(agreement, &self.own) {
            let info = SealedTokenKey::info(agreement, &self.own, recipient, epoch);
            let key = live.key.expose();
            let Sealed { encapsulated, ciphertext } =
                seal::seal(&manifest.seal_key, &info, key, &self.entropy)
                    .map_err(|_| DeskError::Fault("a manifest holds a key that cannot be used"))?;
            let sealed = SealedTokenKey {
                agreement: agreement.clone(),
                owner: self.own.clone(),
                recipient: recipient.clone(),
                epoch,
                live_from: live.live_from,
                live_until: live.live_until,
                encapsulated,
                sealed: ciphertext,
            };
            envelopes.push(Signed::seal(sealed, &*self.keys.record).into_parts().1);
        }
        Ok(envelopes)
    }

    /// Opens and keeps a key that a partner sealed to us. Repeating it is harmless.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`] if it is not the partner's, not for us, or does not open.
    pub async fn accept_token_key(
        &self,
        owner: &AgencyId,
        agreement: &AgreementId,
        envelope: Envelope,
    ) -> Result<(), DeskError> {
        let manifest = self.manifest_under(agreement, owner).ok_or(RefusalCode::NotAParty)?;
        let signed = Signed::<SealedTokenKey>::open(envelope, &manifest.record_key)
            .map_err(|error| DeskError::misbehaved(owner, error))?;
        let sealed = signed.message();
        let for_us = sealed.owner == *owner
            && sealed.recipient == self.own
            && sealed.agreement == *agreement
            && sealed.live_from <= self.now().plus_ms(CLOCK_SKEW_MS)
            && sealed.live_until > sealed.live_from;
        if !for_us {
            return Err(DeskError::misbehaved(owner, "a token key for somebody else"));
        }
        if self.token_key(agreement, owner, sealed.epoch).is_some() {
            return Ok(());
        }
        let info = SealedTokenKey::info(agreement, owner, &self.own, sealed.epoch);
        let parts =
            Sealed { encapsulated: sealed.encapsulated.clone(), ciphertext: sealed.sealed.clone() };
        let opened = self.keys.seal.open(&parts, &info);
        let opened = opened.map_err(|error| DeskError::misbehaved(owner, error))?;
        let key = <[u8; 32]>::try_from(opened.as_slice())
            .map_err(|_| DeskError::misbehaved(owner, "a token key of a wrong length"))?;
        let live = LiveKey {
            key: TokenKey::from_bytes(key),
            live_from: sealed.live_from,
            live_until: sealed.live_until,
        };
        self.keep_key(agreement, owner, sealed.epoch, live).await
    }

    async fn keep_key(
        &self,
        agreement: &AgreementId,
        owner: &AgencyId,
        epoch: TokenEpoch,
        live: LiveKey,
    ) -> Result<(), DeskError> {
        let known = self.epochs_known(agreement, owner);
        if self.live_keys(agreement, owner).len() >= EPOCHS_LIVE_MAX || known >= EPOCHS_KEPT_MAX {
            return Err(DeskError::misbehaved(owner, "more token keys than allowed"));
        }
        let row = KeyRow {
            agreement: agreement.clone(),
            owner: owner.clone(),
            epoch,
            key: *live.key.expose(),
            live_from: live.live_from,
            live_until: live.live_until,
        };
        let key = format!("{agreement}/{owner}/{:08x}", epoch.0).into_bytes();
        let mut event = Event::new(self.now(), Act::TokenKey);
        event.shared.peer = (*owner != self.own).then(|| owner.clone());
        event.shared.agreement = Some(agreement.clone());
        event.shared.count = epoch.0;
        let absent =
            Precondition::Row { table: Table::TokenKey, key: key.clone(), is: RowState::Absent };
        let batch = Batch::new()
            .provided(absent)
            .with(put(Table::TokenKey, &key, encoding::to_bytes(&row), Secrecy::Sealed))
            .saying(event);
        match self.store.commit(batch).await {
            Ok(_) => self.take_key(agreement.clone(), owner.clone(), epoch, live),
            // Two fetches of one key met; the other one kept it.
            Err(store::Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_key(
        &self,
        agreement: AgreementId,
        owner: AgencyId,
        epoch: TokenEpoch,
        live: LiveKey,
    ) -> Result<(), DeskError> {
        self.store.set_token_key(&agreement, &owner, epoch, live.key.clone())?;
        let mut keys = self.token_keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.entry((agreement, owner)).or_default().insert(epoch, live);
        Ok(())
    }

    /// One key, live or not.
    pub(crate) fn token_key(
        &self,
        agreement: &AgreementId,
        owner: &AgencyId,
        epoch: TokenEpoch,
    ) -> Option<TokenKey> {
        let keys = self.token_keys.read().unwrap_or_else(PoisonError::into_inner);
        let epochs = keys.get(&(agreement.clone(), owner.clone()))?;
        epochs.get(&epoch).map(|live| live.key.clone())
    }

    /// The keys of one owner that are live now, newest last.
    pub(crate) fn live_keys(
        &self,
        agreement: &AgreementId,
        owner: &AgencyId,
    ) -> Vec<(TokenEpoch, LiveKey)> {
        let now = self.now();
        let keys = self.token_keys.read().unwrap_or_else(PoisonError::into_inner);
        let epochs = keys.get(&(agreement.clone(), owner.clone()));
        let live = epochs.into_iter().flatten().filter(|(_, live)| now < live.live_until);
        live.map(|(epoch, live)| (*epoch, live.clone())).collect()
    }

    /// Every partner's keys of an agreement, ended ones too: a record stays findable under the key it
    /// came with.
    pub(crate) fn partner_keys(
        &self,
        agreement: &AgreementId,
    ) -> Vec<(AgencyId, TokenEpoch, TokenKey)> {
        let keys = self.token_keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .filter(|((of, owner), _)| of == agreement && *owner != self.own)
            .flat_map(|((_, owner), epochs)| {
                epochs.iter().map(|(epoch, live)| (owner.clone(), *epoch, live.key.clone()))
            })
            .collect()
    }

    fn epochs_known(&self, agreement: &AgreementId, owner: &AgencyId) -> usize {
        let keys = self.token_keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(&(agreement.clone(), owner.clone())).map_or(0, BTreeMap::len)
    }

    /// Does this node hold a live key of that owner?
    pub fn holds_token_key(&self, agreement: &AgreementId, owner: &AgencyId) -> KeyHeld {
        if self.live_keys(agreement, owner).is_empty() { KeyHeld::No } else { KeyHeld::Yes }
    }
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (to, from) in halves.as_flattened_mut().iter_mut().zip(bytes) {
        *to = from;
    }
    halves
}

/// Is a token key there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyHeld {
    /// No: fetch it first.
    No,
    /// Yes.
    Yes,
}
