//! Violation notices: what a partner sent that no rule of anybody allows is refused, and the partner is
//! told so, signed; and what a partner says of us is an entry and an alarm.

use crate::Desk;
use crate::dispute::{LetterKind, outgoing};
use crate::error::DeskError;
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId, Digest, RecordId};
use domain::record::CLOCK_SKEW_MS;
use domain::refusal::RefusalCode;
use domain::violation::ViolationNotice;
use store::{Batch, Change};

impl Desk {
    /// The letter that tells a partner that so many records of a batch were refused. Of several for one
    /// reason that it did not take yet, the newest stays.
    pub(crate) fn violation_letter(
        &self,
        sender: &AgencyId,
        agreement: &AgreementId,
        batch: Digest,
        code: RefusalCode,
        records: usize,
    ) -> Change {
        let notice = ViolationNotice {
            sender: sender.clone(),
            receiver: self.own.clone(),
            agreement: agreement.clone(),
            batch,
            code,
            records: u32::try_from(records).unwrap_or(u32::MAX),
            at: self.now(),
        };
        let (_, envelope) = Signed::seal(notice, &*self.keys.record).into_parts();
        let mut place = [0; RecordId::BYTES];
        if let Some(last) = place.last_mut() {
            *last = code as u8;
        }
        let place = RecordId::from_bytes(place);
        outgoing(sender, agreement, LetterKind::Violation, &place, &envelope)
    }

    /// Takes a partner's notice that what we sent had to be refused: an entry of the log, and an alarm.
    ///
    /// # Errors
    /// [`DeskError::PeerMisbehaved`] if it is not the partner's, or about somebody else;
    /// [`RefusalCode::QuotaSpent`]; a clock that is wrong; a failing store.
    pub async fn take_violation(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
    ) -> Result<(), DeskError> {
        let opened = self.open_violation(peer, envelope);
        self.alarm_once(peer, &opened).await?;
        let signed = opened?;
        self.count_letter(peer)?;
        let said = signed.message();
        let mut event = Event::new(self.now(), Act::ViolationReceived);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(said.agreement.clone());
        event.shared.count = said.records;
        event.shared.exchange = Some(said.batch);
        event.shared.code = Some(said.code);
        let committed = self.store.commit(Batch::new().saying(event)).await?;
        let (code, records, entry) = (said.code, said.records, committed.seq);
        tracing::error!(%peer, %code, records, entry, "a partner had to refuse what we sent");
        Ok(())
    }

    fn open_violation(
        &self,
        peer: &AgencyId,
        envelope: Envelope,
    ) -> Result<Signed<ViolationNotice>, DeskError> {
        let manifest = self.partner(peer).ok_or(RefusalCode::NotAParty)?.manifest;
        let signed = Signed::<ViolationNotice>::open(envelope, &manifest.record_key)
            .map_err(|error| DeskError::misbehaved(peer, error))?;
        let said = signed.message();
        if said.receiver != *peer || said.sender != self.own {
            return Err(DeskError::misbehaved(peer, "a violation notice about somebody else"));
        }
        if self.check_party(&said.agreement, peer).is_err() {
            return Err(DeskError::misbehaved(peer, "a violation notice under no agreement"));
        }
        if said.at > self.now().plus_ms(CLOCK_SKEW_MS) {
            return Err(DeskError::Unavailable("its clock or ours is wrong"));
        }
        Ok(signed)
    }
}
