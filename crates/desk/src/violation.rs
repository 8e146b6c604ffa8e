//! Violation notices: what a partner sent that no rule of anybody allows is refused, and the partner is
//! told so, signed; and what a partner says of us is an entry and an alarm.
//!
//! A notice says what the bytes of the batch alone say: never what depends on our records, our clock,
//! our policy or our papers.

use crate::Desk;
use crate::error::DeskError;
use crate::letter::{Errand, LetterKind, Said, outgoing};
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId, Digest};
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
            let place = [code as u8];
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
        self.count_errand(peer, Errand::Violation).await?;
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
        self.open_letter(peer, envelope, |said: &ViolationNotice| Said {
            by: &said.receiver,
            to: &said.sender,
            agreement: &said.agreement,
            at: Some(said.at),
        })
    }
}
