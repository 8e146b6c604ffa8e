//! Withdrawing: the origin takes its record back, for ever.

use crate::Desk;
use crate::error::DeskError;
use domain::envelope::Signed;
use domain::event::{Act, Event};
use domain::name::{AgencyId, OfficerId, RecordId};
use domain::refusal::RefusalCode;
use domain::report::WithdrawalReceipt;
use domain::value::Channel;
use domain::withdrawal::Tombstone;
use policy::Action;
use store::{Batch, Change, Ownership, Precondition, Withdrawn};

/// How many rows of a class log one step of a search reads.
const SEARCH_ROWS: usize = 4096;

impl Desk {
    /// The one own record whose id begins with these bytes. Costs one pass over the class logs in
    /// memory.
    ///
    /// # Errors
    /// [`RefusalCode::NotHeld`] if there is none, [`RefusalCode::Malformed`] if there are several.
    pub fn find_own(&self, first_bytes: &[u8]) -> Result<RecordId, DeskError> {
        if let Ok(record_id) = RecordId::try_from(first_bytes) {
            return Ok(record_id);
        }
        let mut found: Option<RecordId> = None;
        for agreement in self.agreement_statuses() {
            for class in self.store.classes(&self.own, &agreement.agreement) {
                let mut from = 0;
                while from < class.end {
                    let rows = self.store.class_log(class.number, from, SEARCH_ROWS);
                    let Some(last) = rows.last() else { break };
                    from = last.position + 1;
                    for row in
                        rows.iter().filter(|r| r.record_id.as_bytes().starts_with(first_bytes))
                    {
                        if found.is_some_and(|found| found != row.record_id) {
                            return Err(RefusalCode::Malformed.into());
                        }
                        found = Some(row.record_id);
                    }
                }
            }
        }
        Ok(found.ok_or(RefusalCode::NotHeld)?)
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
        let committed = match self.store.commit(batch).await {
            Err(store::Error::Conflict(_)) => return Err(RefusalCode::Withdrawn.into()),
            committed => committed?,
        };
        let told = |peer: &AgencyId| {
            self.gate.decide_class(Action::Share, peer, &class, Channel::Automated, now).is_allow()
        };
        let partners = self.gate.peers_of(&class.agreement, now).into_iter().filter(told);
        let partners = partners.collect();
        Ok(WithdrawalReceipt { record_id, audit_sequence: committed.seq, partners })
    }
}
