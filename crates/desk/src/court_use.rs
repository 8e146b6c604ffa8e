//! Use in court, at the holder: an officer asks whether a record may be used in the proceedings of a
//! case, and the originator is asked for permission where it restricted that.
//!
//! The permission is asked for anew each time: what was taken back since counts no more. Nothing is
//! kept but the entries of the log, which name who permitted it, and until when.

use crate::Desk;
use crate::error::DeskError;
use crate::query::{Peers, PermissionReply, Silence};
use domain::approval::{APPROVALS_MAX, Approval};
use domain::class::Class;
use domain::court_use::{CourtUse, CourtUseOrder, CourtUseReceipt, PermissionQuestion};
use domain::digest;
use domain::envelope::{Envelope, Payload as _};
use domain::event::{Act, Event};
use domain::name::{Digest, OfficerId, RecordId};
use domain::question::NoAnswer;
use domain::refusal::{Refusal, RefusalCode};
use domain::submission::Case;
use domain::time::Timestamp;
use domain::value::Urgency;
use policy::Action;
use policy::approval::{CourtUse as Weighed, Subject, Used};
use std::sync::Arc;
use store::{Batch, Erased, HitRow, Ownership, Withdrawn};

/// One officer, one record, one case.
struct Occasion<'a> {
    officer: &'a OfficerId,
    record_id: RecordId,
    row: HitRow,
    class: Arc<Class>,
    case: Case,
    /// How the originator is told of it.
    case_reference: &'a str,
}

impl Desk {
    /// May this record be used in the court proceedings of an open case of ours? Its originator is
    /// asked where it restricted that (H1), said something that no machine reads (H3), or stated the
    /// record for other purposes or offences than those of the case.
    ///
    /// # Errors
    /// A refusal, which is an entry of the log: not held, gone, disputed, training data, no open case of
    /// its agreement, a use that the agreement keeps from everybody, a question that our own policy keeps from leaving, or one that the originator
    /// refuses. A failing store.
    pub async fn use_in_court(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        order: &CourtUseOrder,
        peers: &dyn Peers,
    ) -> Result<CourtUseReceipt, DeskError> {
        let used = self.court_use(officer, record_id, order, peers).await;
        if let Err(DeskError::Refused(refusal)) = &used {
            let mut event = Event::new(self.now(), Act::CourtUseRefused);
            event.local.officer = Some(officer.clone());
            event.local.records = vec![record_id];
            event.local.code = Some(refusal.code);
            event.local.rule.clone_from(&refusal.rule);
            self.store.commit(Batch::new().saying(event)).await?;
        }
        used
    }

    async fn court_use(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        order: &CourtUseOrder,
        peers: &dyn Peers,
    ) -> Result<CourtUseReceipt, DeskError> {
        let occasion = self.occasion(officer, record_id, order)?;
        if occasion.row.origin == Ownership::Own {
            return self.court_use_decided(&occasion, CourtUse::OwnRecord, None).await;
        }
        if self.weigh_court_use(&occasion, &[])?.is_permitted() {
            return self.court_use_decided(&occasion, CourtUse::NotRestricted, None).await;
        }
        let approvals = match self.ask_permission(&occasion, peers).await? {
            Ok(approvals) => approvals,
            Err(silence) => return self.court_use_unanswered(&occasion, silence).await,
        };
        // All of it is looked at again: it may have changed or gone while its originator was asked.
        let asked_about = occasion.row.version;
        let occasion = self.occasion(officer, record_id, order)?;
        let weighed = self.weigh_court_use(&occasion, &approvals)?;
        if weighed.is_permitted() && occasion.row.version == asked_about {
            let counted = (weighed, permission_digest(&approvals));
            return self.court_use_decided(&occasion, CourtUse::Permitted, Some(counted)).await;
        }
        self.court_use_decided(&occasion, CourtUse::NotPermitted, None).await
    }

    /// Everything that must be so whoever permits what.
    fn occasion<'a>(
        &self,
        officer: &'a OfficerId,
        record_id: RecordId,
        order: &'a CourtUseOrder,
    ) -> Result<Occasion<'a>, DeskError> {
        let (row, class) = self.present(&record_id)?;
        let case = self.open_case_of(&order.case)?;
        if case.agreement != class.agreement {
            return Err(RefusalCode::NoCase.into());
        }
        if class.exercise {
            return Err(RefusalCode::ExerciseMixed.into());
        }
        if row.origin == Ownership::Foreign && !self.is_matched(&record_id, self.now())? {
            return Err(RefusalCode::DisputeOpen.into());
        }
        let case_reference = order.case_reference.as_str();
        Ok(Occasion { officer, record_id, row, class, case, case_reference })
    }

    /// What is here under this id, with its class.
    ///
    /// # Errors
    /// A refusal: not held, withdrawn, erased, expired.
    pub(crate) fn present(&self, record_id: &RecordId) -> Result<(HitRow, Arc<Class>), DeskError> {
        let row = self.store.hit_row(record_id).ok_or(RefusalCode::NotHeld)?;
        let entry = row.class.and_then(|number| self.store.class(number));
        let class = entry.ok_or(RefusalCode::NotHeld)?.class;
        if row.withdrawn == Withdrawn::Yes {
            return Err(RefusalCode::Withdrawn.into());
        }
        if row.erased == Erased::Yes {
            return Err(RefusalCode::Erased.into());
        }
        if row.expiry <= self.now() {
            return Err(RefusalCode::Expired.into());
        }
        Ok((row, class))
    }

    /// What the originator's people signed, or why it said nothing.
    async fn ask_permission(
        &self,
        occasion: &Occasion<'_>,
        peers: &dyn Peers,
    ) -> Result<Result<Vec<Envelope>, Silence>, DeskError> {
        let Occasion { record_id, row, class, case, .. } = occasion;
        let terms = self.terms_of_case(case, class.kind, Urgency::Normal, class.exercise);
        let origin = &class.origin;
        let permit = self.gate.decide_terms(Action::Ask, origin, &terms, self.now()).permit()?;
        let (record_id, version) = (*record_id, row.version);
        let case_reference = occasion.case_reference.to_owned();
        let question = PermissionQuestion { terms, record_id, version, case_reference };
        let mut asked = occasion.event(Act::PermissionAsked, self.now());
        asked.shared.count = 1;
        asked.shared.exchange = Some(question.digest());
        // The log says that we asked before anybody is asked.
        self.store.commit(Batch::new().saying(asked)).await?;
        if !self.gate.is_current(&permit, self.now()) {
            let note = "our policy changed before it was asked".to_owned();
            return Ok(Err(Silence { kind: NoAnswer::Unreachable, note }));
        }
        match peers.permission(origin, &question).await {
            Ok(PermissionReply::Signed(mut approvals)) => {
                approvals.truncate(APPROVALS_MAX);
                Ok(Ok(approvals))
            }
            Ok(PermissionReply::Refused(code)) => Err(code.into()),
            Err(silence) => Ok(Err(silence)),
        }
    }

    fn weigh_court_use(
        &self,
        occasion: &Occasion<'_>,
        approvals: &[Envelope],
    ) -> Result<Weighed, Refusal> {
        let Occasion { record_id, row, class, .. } = occasion;
        let subject = Subject { record_id: *record_id, version: row.version, class };
        let used = Used {
            holder: &self.own,
            case: occasion.case_reference,
            purpose: Some(occasion.case.purpose),
            offence: Some(occasion.case.offence),
        };
        self.gate.decide_court_use(used, &subject, approvals, self.now())
    }

    /// What the log says, and then the officer is told.
    async fn court_use_decided(
        &self,
        occasion: &Occasion<'_>,
        state: CourtUse,
        counted: Option<(Weighed, Digest)>,
    ) -> Result<CourtUseReceipt, DeskError> {
        let act = if state.is_yes() { Act::UsedInCourt } else { Act::CourtUseRefused };
        let mut event = occasion.event(act, self.now());
        let mut receipt = occasion.receipt(state);
        event.local.note = Some(format!("case {}: {state}", occasion.case.number));
        if let Some((weighed, permission)) = counted {
            let persons = weighed.approved.persons;
            let names: Vec<&str> = persons.iter().map(OfficerId::as_str).collect();
            let names = names.join(", ");
            event.local.note = Some(format!("case {}, by {names}", occasion.case.number));
            event.shared.exchange = Some(permission);
            (receipt.persons, receipt.until) = (persons, weighed.approved.until);
        }
        event.local.code = (!state.is_yes()).then_some(RefusalCode::NeedsApproval);
        event.shared.count = u32::from(state.is_yes());
        receipt.audit_sequence = self.store.commit(Batch::new().saying(event)).await?.seq;
        Ok(receipt)
    }

    async fn court_use_unanswered(
        &self,
        occasion: &Occasion<'_>,
        silence: Silence,
    ) -> Result<CourtUseReceipt, DeskError> {
        let mut event = occasion.event(Act::CourtUseRefused, self.now());
        event.local.code = Some(RefusalCode::NeedsApproval);
        event.local.note = Some(silence.note.clone());
        let audit_sequence = self.store.commit(Batch::new().saying(event)).await?.seq;
        let receipt = occasion.receipt(CourtUse::Unreachable);
        Ok(CourtUseReceipt { note: silence.note, audit_sequence, ..receipt })
    }
}

impl Occasion<'_> {
    fn event(&self, act: Act, now: Timestamp) -> Event {
        let mut event = Event::new(now, act);
        let is_foreign = self.row.origin == Ownership::Foreign;
        event.shared.peer = is_foreign.then(|| self.class.origin.clone());
        event.shared.agreement = Some(self.case.agreement.clone());
        event.shared.purpose = Some(self.case.purpose);
        event.local.officer = Some(self.officer.clone());
        event.local.records = vec![self.record_id];
        event
    }

    fn receipt(&self, state: CourtUse) -> CourtUseReceipt {
        CourtUseReceipt {
            record_id: self.record_id,
            version: self.row.version,
            origin: self.class.origin.clone(),
            state,
            persons: Vec::new(),
            until: None,
            note: String::new(),
            audit_sequence: 0,
        }
    }
}

/// What the log holds of the statements that were weighed: their hashes, in the order they came.
fn permission_digest(approvals: &[Envelope]) -> Digest {
    let readable = approvals.iter().filter(|one| Approval::from_payload(&one.payload).is_ok());
    let hashes: Vec<Digest> = readable.map(Envelope::payload_hash).collect();
    let parts: Vec<&[u8]> = hashes.iter().map(|hash| hash.as_bytes().as_slice()).collect();
    Digest::from_bytes(digest::derive("malines permissions v1", &parts))
}
