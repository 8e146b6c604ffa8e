//! Violation notices: what a partner sent that no rule of anybody allows is refused, and the partner is
//! told so, signed; and what a partner says of us is an entry and an alarm.
//!
//! A notice says what the bytes of the batch alone say: never what depends on our records, our clock,
//! our policy or our papers.

use crate::Desk;
use crate::dispute::{LetterKind, outgoing};
use crate::error::DeskError;
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId, Digest, RecordId};
use domain::record::CLOCK_SKEW_MS;
use domain::refusal::RefusalCode;
use domain::violation::ViolationNotice;
use std::collections::BTreeMap;
use store::Batch;

/// Is this the sender's own fault, whoever receives it and whenever? Not what a newer release, or a
/// newer key than the one we know, may explain.
pub(crate) const fn is_violation(code: RefusalCode) -> bool {
    matches!(
        code,
        RefusalCode::SmuggledMigrant
            | RefusalCode::ProtectedSubject
            | RefusalCode::Minor
            | RefusalCode::BenefitMissing
            | RefusalCode::PresumedAdultUnfounded
            | RefusalCode::DepictionProtected
            | RefusalCode::LabelsImpossible
            | RefusalCode::BodyImpossible
            | RefusalCode::SealedKind
            | RefusalCode::ProhibitedContent
    )
}

impl Desk {
    /// With the letters that tell a partner what of a batch had to be refused, one for each reason. Of
    /// several for one reason that it did not take yet, the newest stays.
    pub(crate) fn reporting(
        &self,
        batch: Batch,
        sender: &AgencyId,
        agreement: &AgreementId,
        root: Digest,
        codes: &[RefusalCode],
    ) -> Batch {
        let mut counts: BTreeMap<RefusalCode, u32> = BTreeMap::new();
        for code in codes {
            *counts.entry(*code).or_default() += 1;
        }
        counts.into_iter().fold(batch, |batch, (code, records)| {
            let notice = ViolationNotice {
                sender: sender.clone(),
                receiver: self.own.clone(),
                agreement: agreement.clone(),
                batch: root,
                code,
                records,
                at: self.now(),
            };
            let (_, envelope) = Signed::seal(notice, &*self.keys.record).into_parts();
            let mut place = [0; RecordId::BYTES];
            if let Some(last) = place.last_mut() {
                *last = code as u8;
            }
            let place = RecordId::from_bytes(place);
            batch.with(outgoing(sender, agreement, LetterKind::Violation, &place, &envelope))
        })
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
        self.count_letter(peer, LetterKind::Violation).await?;
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
