//! Withdrawing: the origin takes its record back, for ever.

use crate::Desk;
use crate::duty::{Owed, TRIES_MAX};
use crate::error::DeskError;
use domain::duty::Asked;
use domain::envelope::Signed;
use domain::event::{Act, Event};
use domain::name::{AgencyId, OfficerId, RecordId};
use domain::refusal::RefusalCode;
use domain::report::WithdrawalReceipt;
use domain::value::Channel;
use domain::withdrawal::Tombstone;
use policy::Action;
use store::{Batch, Change, Ownership, Precondition, Withdrawn};

impl Desk {
    /// The one own record whose id begins with these bytes. Costs one pass over all rows in memory,
    /// unless the id is whole.
    ///
    /// # Errors
    /// [`RefusalCode::NotHeld`] if there is none, [`RefusalCode::Malformed`] if there are several.
    pub fn find_own(&self, first_bytes: &[u8]) -> Result<RecordId, DeskError> {
        self.find_such(first_bytes, |row| row.origin == Ownership::Own)
    }

    /// Withdraws an own record.
    ///
    /// # Errors
    /// [`RefusalCode::NotHeld`] if it is not ours, [`RefusalCode::Withdrawn`] if it is gone already.
    pub async fn withdraw(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
    ) -> Result<WithdrawalReceipt, DeskError> {
        self.withdraw_for(officer, record_id, Asked::Withdrawal).await
    }

    /// Withdraws an own record; whoever holds it owes us the word that it is gone.
    pub(crate) async fn withdraw_for(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        asked: Asked,
    ) -> Result<WithdrawalReceipt, DeskError> {
        let mut tries = 0;
        loop {
            match self.withdraw_once(officer, record_id, asked).await {
                // Somebody withdrew it, or did something about a duty, in the same instant: it is
                // looked at again, and who is late is told so.
                Err(DeskError::Store(store::Error::Conflict(_))) if tries < TRIES_MAX => tries += 1,
                withdrawn => return withdrawn,
            }
        }
    }

    async fn withdraw_once(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        asked: Asked,
    ) -> Result<WithdrawalReceipt, DeskError> {
        let row = self.store.hit_row(&record_id).ok_or(RefusalCode::NotHeld)?;
        if row.origin != Ownership::Own {
            return Err(RefusalCode::NotHeld.into());
        }
        if row.withdrawn == Withdrawn::Yes {
            return Err(RefusalCode::Withdrawn.into());
        }
        let entry = row.class.and_then(|number| self.store.class(number));
        let class = entry.ok_or(DeskError::Fault("an own record without a class"))?.class;
        let now = self.now();
        let decision =
            self.gate.decide_class(Action::Withdraw, &self.own, &class, Channel::Analyst, now);
        let rule = decision.rule().map(str::to_owned);
        decision.permit()?;
        let tombstone = Tombstone { record_id, origin: self.own.clone() };
        let tombstone = Box::new(Signed::seal(tombstone, &*self.keys.record));
        let mut event = Event::new(now, Act::Withdrawn);
        event.shared.agreement = Some(class.agreement.clone());
        event.shared.count = 1;
        event.local.officer = Some(officer.clone());
        event.local.rule = rule;
        event.local.records = vec![record_id];
        let batch = Batch::new()
            .provided(Precondition::NotWithdrawn(record_id))
            .with(Change::Withdraw { tombstone })
            .saying(event);
        let batch = self.close_disputes(batch, &record_id, &class.agreement)?;
        let owed = Owed { record_id, class: &class, row: &row, asked, version: None };
        let committed = self.commit_owed(batch, &owed, now).await?;
        let told = |peer: &AgencyId| {
            self.gate.decide_class(Action::Share, peer, &class, Channel::Automated, now).is_allow()
        };
        let approved = self.approved_partners(&record_id);
        let told = |peer: &AgencyId| told(peer) || approved.contains(peer);
        let partners = self.gate.peers_of(&class.agreement, now).into_iter().filter(told);
        let partners = partners.collect();
        Ok(WithdrawalReceipt { record_id, audit_sequence: committed.seq, partners })
    }
}
