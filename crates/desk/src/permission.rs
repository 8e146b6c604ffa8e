//! Use in court, at the originator: a partner's question for permission is answered with what our
//! people signed, and waits for them where they did not.
//!
//! The answer looks the same for a record that was never here, that the partner was never sent, and
//! that nobody permitted: nothing signed.

use crate::error::DeskError;
use crate::letter::Errand;
use crate::{Desk, put};
use domain::approval::PendingApproval;
use domain::class::Class;
use domain::court_use::{
    PERMISSION_ROW_BYTES_MAX, PERMISSION_WAITS_DAYS, PERMISSIONS_WAITING_MAX, PermissionQuestion,
    WaitingPermission,
};
use domain::encoding;
use domain::envelope::Envelope;
use domain::event::{Act, Event};
use domain::name::AgencyId;
use domain::question::QuestionTerms;
use domain::refusal::RefusalCode;
use domain::report::PAGE_MAX;
use domain::time::Timestamp;
use policy::approval::{Subject, Used};
use policy::invariant;
use std::sync::Arc;
use store::{Batch, Change, Ownership, Precondition, RowState, Secrecy, Table};

/// The rows of what partners ask of our people begin with this; the partner, the record and the case
/// follow.
const ASKED: u8 = b'q';
/// How many rows are deleted at once.
const FORGOTTEN_AT_ONCE: usize = 256;

/// What came of looking a partner's question up.
enum Found {
    /// Nothing that this partner could ask about.
    Nothing,
    /// Our people permit it.
    Permitted(Vec<Envelope>),
    /// They do not, or not enough of them.
    Waits,
}

/// What a question waits for.
enum Waits {
    /// For our people.
    For(Box<PendingApproval>),
    /// For nothing now: it is permitted, or an agreement or its approvers are in between.
    NotNow,
    /// For nothing ever again.
    InVain,
}

impl Desk {
    /// Answers a partner's question for permission with what our people signed for exactly that: at most
    /// [`domain::approval::APPROVALS_MAX`] statements, and none unless they are enough. One entry of the
    /// log for each question.
    ///
    /// # Errors
    /// A refusal computed from the question alone: the agreement carries none of this, or too many
    /// questions today. A failing store.
    pub async fn answer_permission(
        &self,
        peer: &AgencyId,
        question: PermissionQuestion,
    ) -> Result<Vec<Envelope>, DeskError> {
        let now = self.now();
        if let Err(code) = self.check_terms(peer, &question.terms) {
            self.refuse_peer(peer, code).await?;
            return Err(code.into());
        }
        self.count_errand(peer, Errand::Question).await?;
        let found = self.permission_found(peer, &question, now)?;
        let mut event = Event::new(now, Act::PermissionAnswered);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(question.terms.agreement.clone());
        event.shared.purpose = Some(question.terms.purpose);
        event.shared.exchange = Some(question.digest());
        let key = asked_key(peer, &question);
        let mut batch = Batch::new();
        let mut signed = Vec::new();
        match found {
            Found::Nothing => event.local.code = Some(RefusalCode::NotHeld),
            Found::Permitted(statements) => {
                event.local.records = vec![question.record_id];
                event.shared.count = u32::try_from(statements.len()).unwrap_or(u32::MAX);
                batch = batch.with(Change::Delete { table: Table::Approval, key });
                signed = statements;
            }
            Found::Waits => {
                event.local.records = vec![question.record_id];
                event.local.code = Some(RefusalCode::NeedsApproval);
                if let Some(since) = self.waits_since(peer, &key, now)? {
                    let (peer, question) = (peer.clone(), question.clone());
                    let waiting = WaitingPermission { peer, question, since };
                    let value = encoding::to_bytes(&waiting);
                    batch = batch.with(put(Table::Approval, &key, value, Secrecy::Sealed));
                } else {
                    tracing::warn!(%peer, "more questions for permission than wait at a time");
                }
            }
        }
        let mut recalled = event.clone();
        self.store.commit(batch.saying(event)).await?;
        if signed.is_empty() {
            return Ok(signed);
        }
        // It may have been taken back, or the record have changed, while that was written.
        match self.permission_found(peer, &question, self.now())? {
            Found::Permitted(still) if still == signed => Ok(signed),
            _ => {
                recalled.shared.count = 0;
                recalled.local.code = Some(RefusalCode::NeedsApproval);
                self.store.commit(Batch::new().saying(recalled)).await?;
                Ok(Vec::new())
            }
        }
    }

    /// What the agreement demands of the question. Our own rules about answers are not asked: nothing is
    /// told but what our people signed for exactly this.
    fn check_terms(&self, peer: &AgencyId, terms: &QuestionTerms) -> Result<(), RefusalCode> {
        self.check_carries(&terms.agreement, &self.own, peer)?;
        self.covering(&terms.agreement, terms.purpose, terms.offence).map(|_| ())
    }

    fn permission_found(
        &self,
        peer: &AgencyId,
        question: &PermissionQuestion,
        now: Timestamp,
    ) -> Result<Found, DeskError> {
        let record_id = question.record_id;
        let row = self.store.hit_row(&record_id).filter(|row| row.is_live(now));
        let Some(row) = row.filter(|row| row.origin == Ownership::Own) else {
            return Ok(Found::Nothing);
        };
        let Some(entry) = row.class.and_then(|number| self.store.class(number)) else {
            return Ok(Found::Nothing);
        };
        let is_asked_of_it =
            entry.class.agreement == question.terms.agreement && row.version == question.version;
        if !is_asked_of_it || !self.is_holder(peer, &record_id, &entry.class, &row)? {
            return Ok(Found::Nothing);
        }
        let (signed, _) = self.approvals_for(&record_id, peer, &question.act());
        let subject = Subject { record_id, version: row.version, class: &entry.class };
        match self.gate.decide_court_use(used_of(peer, question), &subject, &signed, now) {
            Ok(weighed) if weighed.is_permitted() => Ok(Found::Permitted(signed)),
            Ok(_) => Ok(Found::Waits),
            Err(_) => Ok(Found::Nothing),
        }
    }

    /// Since when this question waits, or `None` if there is no room for one more of this partner.
    fn waits_since(
        &self,
        peer: &AgencyId,
        key: &[u8],
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DeskError> {
        if let Some(value) = self.store.get(Table::Approval, key)? {
            let waiting: WaitingPermission =
                encoding::from_bytes("permission", &value, PERMISSION_ROW_BYTES_MAX)?;
            return Ok(Some(waiting.since));
        }
        let (prefix, max) = (asked_prefix(peer), PERMISSIONS_WAITING_MAX);
        let rows = self.store.scan(Table::Approval, &prefix, None, max)?;
        Ok((rows.len() < max).then_some(now))
    }

    /// What partners wait for, at most half a page; true if there is more.
    pub(crate) fn pending_permissions(
        &self,
        now: Timestamp,
    ) -> Result<(Vec<PendingApproval>, bool), DeskError> {
        let (mut pending, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let rows = self.store.scan(Table::Approval, &[ASKED], after.as_deref(), PAGE_MAX)?;
            let Some((last, _)) = rows.last() else { return Ok((pending, false)) };
            after = Some(last.clone());
            for (_, value) in rows {
                let waiting: WaitingPermission =
                    encoding::from_bytes("permission", &value, PERMISSION_ROW_BYTES_MAX)?;
                if pending.len() >= PAGE_MAX / 2 {
                    return Ok((pending, true));
                }
                if let Waits::For(one) = self.still_pending(waiting, now) {
                    pending.push(*one);
                }
            }
        }
    }

    fn still_pending(&self, waiting: WaitingPermission, now: Timestamp) -> Waits {
        let WaitingPermission { peer, question, since } = waiting;
        let record_id = question.record_id;
        let row = self.store.hit_row(&record_id).filter(|row| row.is_live(now));
        let is_over = now >= since.plus_days(PERMISSION_WAITS_DAYS);
        let Some(row) = row.filter(|row| row.version == question.version && !is_over) else {
            return Waits::InVain;
        };
        let Some(entry) = row.class.and_then(|number| self.store.class(number)) else {
            return Waits::InVain;
        };
        let class: Arc<Class> = entry.class;
        let (signed, _) = self.approvals_for(&record_id, &peer, &question.act());
        let subject = Subject { record_id, version: row.version, class: &class };
        match self.gate.decide_court_use(used_of(&peer, &question), &subject, &signed, now) {
            Ok(weighed) if !weighed.is_permitted() => Waits::For(Box::new(PendingApproval {
                record_id,
                peer,
                agreement: class.agreement.clone(),
                act: question.act(),
                asked_for: Some((question.terms.purpose, question.terms.offence)),
                purposes: class.purposes.clone(),
                persons: weighed.approved.persons,
                needed: u32::from(weighed.needed),
                rule: invariant::COURT_USE.to_owned(),
            })),
            _ => Waits::NotNow,
        }
    }

    /// Forgets questions that waited too long or that nobody can answer any more, and approvals that
    /// ended ([`Desk::forget_approvals`]). Returns how many questions; ends early when `stop` says so.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub async fn forget_questions(
        &self,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64, DeskError> {
        let approvals = self.forget_approvals(stop).await?;
        if approvals > 0 {
            tracing::info!(approvals, "approvals that ended were forgotten");
        }
        let (mut forgotten, mut after) = (0_u64, None::<Vec<u8>>);
        while !stop() {
            let rows =
                self.store.scan(Table::Approval, &[ASKED], after.as_deref(), FORGOTTEN_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            let mut batch = Batch::new();
            let mut gone = 0;
            for (key, value) in rows {
                let waiting: WaitingPermission =
                    encoding::from_bytes("permission", &value, PERMISSION_ROW_BYTES_MAX)?;
                if matches!(self.still_pending(waiting, self.now()), Waits::InVain) {
                    gone += 1;
                    let is = RowState::ValueHash(store::value_hash(&value));
                    let there = Precondition::Row { table: Table::Approval, key: key.clone(), is };
                    batch = batch.provided(there);
                    batch = batch.with(Change::Delete { table: Table::Approval, key });
                }
            }
            if gone > 0 {
                match self.store.commit(batch).await {
                    Ok(_) => forgotten += gone,
                    // One of them was asked again: the next upkeep looks at them.
                    Err(store::Error::Conflict(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(forgotten)
    }
}

fn used_of<'a>(holder: &'a AgencyId, question: &'a PermissionQuestion) -> Used<'a> {
    let (purpose, offence) = (Some(question.terms.purpose), Some(question.terms.offence));
    Used { holder, case: question.case_reference.as_str(), purpose, offence }
}

fn asked_prefix(peer: &AgencyId) -> Vec<u8> {
    [&[ASKED], peer.as_str().as_bytes(), b"/"].concat()
}

/// The same question again has the same place.
fn asked_key(peer: &AgencyId, question: &PermissionQuestion) -> Vec<u8> {
    let terms = encoding::to_bytes(&question.terms);
    let case = domain::digest::hash(&[question.case_reference.as_bytes(), &terms]);
    [asked_prefix(peer).as_slice(), question.record_id.as_bytes(), &case].concat()
}
