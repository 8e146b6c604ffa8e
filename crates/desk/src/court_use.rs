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
use domain::refusal::{Refusal, RefusalCode};
use domain::submission::Case;
use domain::time::Timestamp;
use domain::value::Urgency;
use policy::Action;
use policy::approval::{CourtUse as Weighed, Subject};
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
    /// asked where it restricted that (H1) or said something that no machine reads (H3).
    ///
    /// # Errors
    /// A refusal, which is an entry of the log: not held, gone, disputed, no open case of its agreement,
    /// or a question that our own policy keeps
    /// from leaving or that the originator refuses. A failing store.
    pub async fn use_in_court(
        &self,
        officer: &OfficerId,
        record_id: RecordId,
        order: &CourtUseOrder,
        peers: &dyn Peers,
    ) -> Result<CourtUseReceipt, DeskError> {
        let (row, class) = self.present(&record_id)?;
        let case = self.open_case_of(&order.case)?;
        if case.agreement != class.agreement {
            return Err(RefusalCode::NoCase.into());
        }
        let case_reference = &order.case_reference;
        let occasion = Occasion { officer, record_id, row, class, case, case_reference };
        if occasion.row.origin == Ownership::Own {
            return self.court_use_decided(&occasion, CourtUse::OwnRecord, None).await;
        }
        if !self.is_matched(&record_id, self.now())? {
            return self.court_use_refused(&occasion, RefusalCode::DisputeOpen.into()).await;
        }
        match self.weigh_court_use(&occasion, &[]) {
            Err(refusal) => self.court_use_refused(&occasion, refusal).await,
            Ok(weighed) if weighed.is_permitted() => {
                self.court_use_decided(&occasion, CourtUse::NotRestricted, None).await
            }
            Ok(_) => self.ask_permission(&occasion, peers).await,
        }
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

    async fn ask_permission(
        &self,
        occasion: &Occasion<'_>,
        peers: &dyn Peers,
    ) -> Result<CourtUseReceipt, DeskError> {
        let Occasion { record_id, row, class, case, .. } = occasion;
        let terms = self.terms_of_case(case, class.kind, Urgency::Normal, class.exercise);
        let origin = &class.origin;
        let decided = self.gate.decide_terms(Action::Ask, origin, &terms, self.now()).permit();
        let permit = match decided {
            Ok(permit) => permit,
            Err(refusal) => return self.court_use_refused(occasion, refusal).await,
        };
        let (record_id, version) = (*record_id, row.version);
        let case_reference = occasion.case_reference.to_owned();
        let question = PermissionQuestion { terms, record_id, version, case_reference };
        let mut asked = occasion.event(Act::PermissionAsked, self.now());
        asked.shared.count = 1;
        asked.shared.exchange = Some(question.digest());
        // The log says that we asked before anybody is asked.
        self.store.commit(Batch::new().saying(asked)).await?;
        let said = if self.gate.is_current(&permit, self.now()) {
            peers.permission(origin, &question).await
        } else {
            let kind = domain::question::NoAnswer::Unreachable;
            Err(Silence { kind, note: "our policy changed before it was asked".to_owned() })
        };
        let approvals = match said {
            Ok(PermissionReply::Signed(approvals)) => approvals,
            Ok(PermissionReply::Refused(code)) => {
                return self.court_use_refused(occasion, code.into()).await;
            }
            Err(silence) => return self.court_use_unanswered(occasion, silence).await,
        };
        // It may have changed or gone while its originator was asked.
        let (now_here, _) = self.present(&record_id)?;
        let cut = approvals.get(..APPROVALS_MAX).unwrap_or(&approvals);
        match self.weigh_court_use(occasion, cut) {
            Err(refusal) => self.court_use_refused(occasion, refusal).await,
            Ok(weighed) if weighed.is_permitted() && now_here.version == version => {
                let counted = (weighed, permission_digest(cut));
                self.court_use_decided(occasion, CourtUse::Permitted, Some(counted)).await
            }
            Ok(_) => self.court_use_decided(occasion, CourtUse::NotPermitted, None).await,
        }
    }

    fn weigh_court_use(
        &self,
        occasion: &Occasion<'_>,
        approvals: &[Envelope],
    ) -> Result<Weighed, Refusal> {
        let Occasion { record_id, row, class, .. } = occasion;
        let subject = Subject { record_id: *record_id, version: row.version, class };
        let (holder, case) = (&self.own, occasion.case_reference);
        self.gate.decide_court_use(holder, &subject, case, approvals, self.now())
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

    async fn court_use_refused(
        &self,
        occasion: &Occasion<'_>,
        refusal: Refusal,
    ) -> Result<CourtUseReceipt, DeskError> {
        let mut event = occasion.event(Act::CourtUseRefused, self.now());
        event.local.code = Some(refusal.code);
        event.local.rule.clone_from(&refusal.rule);
        self.store.commit(Batch::new().saying(event)).await?;
        Err(refusal.into())
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
