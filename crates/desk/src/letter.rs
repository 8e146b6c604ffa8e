//! Letters: what one agency signs for another about a record or a batch. They wait on disk until they are
//! taken; what comes in is verified, and each kind of it has a quota of its own.

use crate::dispute::still;
use crate::error::DeskError;
use crate::{Desk, pair_key, put};
use domain::dispute::{DISPUTE_ROW_BYTES_MAX, LETTERS_PER_DAY_MAX};
use domain::encoding;
use domain::envelope::{Envelope, Payload, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId};
use domain::record::CLOCK_SKEW_MS;
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::PoisonError;
use store::{Batch, Change, Secrecy, Table};

/// The first byte of the key of what waits to be delivered, beside the disputes of both sides.
const OUTGOING: u8 = 3;

/// What a partner handed in today: the day, and how many.
pub(crate) type HandedIn = BTreeMap<(AgencyId, Errand), (u64, u32)>;

/// Something signed, for a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LetterKind {
    /// Our dispute about its record.
    Dispute,
    /// Our answer to its dispute.
    Answer,
    /// Our notice that what it sent had to be refused.
    Violation,
}

/// What a partner brings that has a quota of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Errand {
    /// A dispute.
    Dispute,
    /// A violation notice.
    Violation,
    /// A question for permission.
    Question,
}

/// Who says something to whom, under which agreement, and when if that is said.
pub(crate) struct Said<'a> {
    pub(crate) by: &'a AgencyId,
    pub(crate) to: &'a AgencyId,
    pub(crate) agreement: &'a AgreementId,
    pub(crate) at: Option<Timestamp>,
}

/// Something signed that waits to be taken.
pub struct Letter {
    /// What it is.
    pub kind: LetterKind,
    /// What is sent.
    pub envelope: Envelope,
    key: Vec<u8>,
    peer: AgencyId,
    agreement: AgreementId,
}

impl Desk {
    /// The next letter of a kind to a partner, after one that it did not take; `None` if none waits.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn letter_for(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        kind: LetterKind,
        after: Option<&Letter>,
    ) -> Result<Option<Letter>, DeskError> {
        let mut prefix = outgoing_prefix(peer, agreement);
        prefix.push(byte_of(kind));
        let after = after.map(|letter| letter.key.as_slice());
        let rows = self.store.scan(Table::Dispute, &prefix, after, 1)?;
        let Some((key, value)) = rows.into_iter().next() else { return Ok(None) };
        let envelope = encoding::from_bytes("letter", &value, DISPUTE_ROW_BYTES_MAX)?;
        let (peer, agreement) = (peer.clone(), agreement.clone());
        Ok(Some(Letter { kind, envelope, key, peer, agreement }))
    }

    /// The partner refused it. A notice is dropped, which is an entry, unless there were too many today;
    /// a dispute and an answer wait.
    ///
    /// # Errors
    /// A failing store.
    pub async fn letter_refused(
        &self,
        letter: &Letter,
        code: Option<RefusalCode>,
    ) -> Result<(), DeskError> {
        if letter.kind != LetterKind::Violation || code == Some(RefusalCode::QuotaSpent) {
            return Ok(());
        }
        let mut event = Event::new(self.now(), Act::ViolationReported);
        event.local.code = code;
        event.local.note = Some("the partner did not take it".to_owned());
        self.letter_done(letter, event).await
    }

    /// The partner has it.
    ///
    /// # Errors
    /// A failing store.
    pub async fn letter_taken(&self, letter: &Letter) -> Result<(), DeskError> {
        let act = match letter.kind {
            LetterKind::Violation => Act::ViolationReported,
            LetterKind::Dispute | LetterKind::Answer => Act::DisputeDelivered,
        };
        let mut event = Event::new(self.now(), act);
        event.shared.count = 1;
        self.letter_done(letter, event).await
    }

    /// It waits no more; one that was replaced meanwhile does.
    async fn letter_done(&self, letter: &Letter, mut event: Event) -> Result<(), DeskError> {
        event.shared.peer = Some(letter.peer.clone());
        event.shared.agreement = Some(letter.agreement.clone());
        event.shared.exchange = Some(letter.envelope.payload_hash());
        let key = letter.key.clone();
        let there = still(key.clone(), &encoding::to_bytes(&letter.envelope));
        let change = Change::Delete { table: Table::Dispute, key };
        match self.store.commit(Batch::new().provided(there).with(change).saying(event)).await {
            Ok(_) | Err(store::Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A partner broke the protocol in something signed: an alarm, once a minute.
    pub(crate) async fn alarm_once<T>(
        &self,
        peer: &AgencyId,
        opened: &Result<T, DeskError>,
    ) -> Result<(), DeskError> {
        match opened {
            Err(DeskError::PeerMisbehaved { why, .. })
                if !self.is_noted(peer.as_str(), RefusalCode::SignatureInvalid) =>
            {
                self.alarm(peer, why).await
            }
            _ => Ok(()),
        }
    }

    /// Verifies what a partner signed for us; everything that can be decided without looking anything
    /// up.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`], [`DeskError::Unavailable`] for one from the future.
    pub(crate) fn open_letter<T: Payload>(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
        said: impl FnOnce(&T) -> Said<'_>,
    ) -> Result<Signed<T>, DeskError> {
        let manifest = self.partner(peer).ok_or(RefusalCode::NotAParty)?.manifest;
        let signed = Signed::<T>::open(envelope, &manifest.record_key)
            .map_err(|error| DeskError::misbehaved(peer, error))?;
        let said = said(signed.message());
        if said.by != peer || *said.to != self.own {
            return Err(DeskError::misbehaved(peer, "something signed by or for somebody else"));
        }
        if self.check_party(said.agreement, peer).is_err() {
            return Err(DeskError::misbehaved(peer, "something signed under no agreement"));
        }
        if said.at.is_some_and(|at| at > self.now().plus_ms(CLOCK_SKEW_MS)) {
            return Err(DeskError::Unavailable("its clock or ours is wrong"));
        }
        Ok(signed)
    }

    /// One more of a kind from this partner today; each is an entry, so there is an end to them.
    pub(crate) async fn count_errand(
        &self,
        peer: &AgencyId,
        errand: Errand,
    ) -> Result<(), DeskError> {
        let is_within = {
            let today = self.now().as_millis() / Timestamp::DAY_MS;
            let mut handed_in = self.handed_in.lock().unwrap_or_else(PoisonError::into_inner);
            let (day, count) = handed_in.entry((peer.clone(), errand)).or_insert((today, 0));
            if *day != today {
                (*day, *count) = (today, 0);
            }
            *count = count.saturating_add(1);
            *count <= LETTERS_PER_DAY_MAX
        };
        if is_within {
            return Ok(());
        }
        self.refuse_peer(peer, RefusalCode::QuotaSpent).await?;
        Err(RefusalCode::QuotaSpent.into())
    }
}

/// A letter that waits; another of its kind at the same place replaces it.
pub(crate) fn outgoing(
    peer: &AgencyId,
    agreement: &AgreementId,
    kind: LetterKind,
    place: &[u8],
    envelope: &Envelope,
) -> Change {
    let key = outgoing_key(peer, agreement, kind, place);
    put(Table::Dispute, &key, encoding::to_bytes(envelope), Secrecy::Sealed)
}

pub(crate) fn outgoing_key(
    peer: &AgencyId,
    agreement: &AgreementId,
    kind: LetterKind,
    place: &[u8],
) -> Vec<u8> {
    let prefix = outgoing_prefix(peer, agreement);
    [prefix.as_slice(), &[byte_of(kind)], place].concat()
}

fn outgoing_prefix(peer: &AgencyId, agreement: &AgreementId) -> Vec<u8> {
    [&[OUTGOING], pair_key(peer, agreement).as_slice(), b"/"].concat()
}

const fn byte_of(kind: LetterKind) -> u8 {
    match kind {
        LetterKind::Dispute => b'd',
        LetterKind::Answer => b'a',
        LetterKind::Violation => b'v',
    }
}
