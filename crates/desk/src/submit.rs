//! Submitting: an officer's fingerprint becomes a signed record, durable with its audit entry.

use crate::Desk;
use crate::answer::is_answered_by_machine;
use crate::error::DeskError;
use crate::retention::exceeds_retention;
use agreement::Agreement;
use domain::class::Class;
use domain::digest::{Commitment, Salt};
use domain::encoding;
use domain::envelope::Signed;
use domain::event::{Act, Event};
use domain::indicator::{Body, ContentBody, Family};
use domain::name::{AgencyId, Clause, OfficerId, RecordId};
use domain::question::QuestionTerms;
use domain::record::{Record, SCHEMA, Statement, Version};
use domain::refusal::{Refusal, RefusalCode};
use domain::report::{Hit, Mode};
use domain::submission::{Case, Fate, Outlook, Repeated, Submission, SubmissionReceipt};
use domain::time::Timestamp;
use domain::value::{Channel, Offence, Purpose, Urgency};
use policy::{Action, Decision};
use std::sync::Arc;
use store::{
    Batch, Change, Erased, LocalPart, Ownership, PendingCommit, Precondition, RecordPut, Store,
    Withdrawn,
};

/// What came of one submission.
pub type SubmissionOutcome = Result<SubmissionReceipt, Refusal>;

/// A submission that passed every rule and is ready to be written.
struct Ready {
    put: RecordPut,
    rule: Option<String>,
    receipt: SubmissionReceipt,
}

impl Desk {
    /// Submits things in order; each is recorded or refused on its own. A dry run decides all the
    /// same and records nothing.
    ///
    /// # Errors
    /// A store that fails. A refusal is not an error: it is the outcome of one submission.
    pub async fn submit(
        &self,
        officer: &OfficerId,
        submissions: Vec<Submission>,
        mode: Mode,
    ) -> Result<Vec<SubmissionOutcome>, DeskError> {
        let mut waiting = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let now = self.now();
            let prepared = self.prepare(officer, &submission, mode, now);
            waiting.push(match (prepared, mode) {
                (Ok(ready), Mode::DryRun) => Waiting::Told(Ok(ready.receipt)),
                (Err(DeskError::Refused(refusal)), Mode::DryRun) => Waiting::Told(Err(refusal)),
                (Ok(ready), Mode::Real) => self.write(officer, &submission, ready, now),
                (Err(DeskError::Refused(refusal)), Mode::Real) => {
                    self.write_refusal(officer, &submission, refusal, now)
                }
                (Err(error), _) => return Err(error),
            });
        }
        let mut outcomes = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            outcomes.push(waiting.outcome(self.now()).await?);
        }
        Ok(outcomes)
    }

    /// Load and decide; nothing is written.
    fn prepare(
        &self,
        officer: &OfficerId,
        submission: &Submission,
        mode: Mode,
        now: Timestamp,
    ) -> Result<Ready, DeskError> {
        let agreement =
            self.agreement(&submission.agreement).ok_or(RefusalCode::AgreementUnknown)?;
        if !agreement.normalisation_live.contains(&submission.normalisation) {
            return Err(RefusalCode::NormalisationNotLive.into());
        }
        let case = match &submission.case {
            Some(case_id) => {
                let case = self.open_case_of(case_id)?;
                if case.agreement != submission.agreement {
                    return Err(RefusalCode::NoCase.into());
                }
                Some(case)
            }
            None => None,
        };
        let salt = Salt::from_bytes(self.entropy.bytes());
        let record = Record::new(self.statement(submission, &salt, now))?;
        if exceeds_retention(&agreement, &record) {
            return Err(RefusalCode::RetentionImpossible.into());
        }
        self.check_linked_ad(&record, now)?;
        let class = Arc::new(Class::of(&record));
        let decision =
            self.gate.decide_class(Action::Submit, &self.own, &class, Channel::Analyst, now);
        let rule = decision.rule().map(str::to_owned);
        decision.permit()?;
        let receipt = SubmissionReceipt {
            record_id: record.record_id,
            version: record.version,
            repeated: Repeated::No,
            audit_sequence: 0,
            outlook: self.outlook(&agreement, &class, now),
            // A dry run leaves no entry in the log, so it tells nothing about partners' records.
            hits: match (mode, &case) {
                // Handing something in is a question, too: its matches are told within the day's quota.
                (Mode::Real, Some(case)) if self.may_ask(officer, now) => {
                    self.hits_of_submission(case, submission, now)?
                }
                _ => Vec::new(),
            },
        };
        let local = LocalPart {
            x: submission.x.clone(),
            salt,
            action_intent: submission.action_intent,
            case: submission.case,
            case_reference: case.map(|case| case.reference),
            officer: Some(officer.clone()),
            presumed_adult_reason: submission.presumed_adult_reason.clone(),
            received_at: now,
        };
        let (record, envelope) = Signed::seal(record, &*self.keys.record).into_parts();
        let put = RecordPut { envelope, record, local: Some(local), token: None };
        Ok(Ready { put, rule, receipt })
    }

    fn statement(&self, submission: &Submission, salt: &Salt, now: Timestamp) -> Statement {
        let s = submission.clone();
        Statement {
            schema: SCHEMA,
            record_id: self.record_id_of(submission),
            version: Version { epoch: self.epoch().counter, n: 1 },
            previous: None,
            origin: self.own.clone(),
            agreement: s.agreement,
            kind: s.kind,
            body: s.body,
            commitment: Commitment::new(salt, &submission.x),
            purposes: s.purposes,
            offences: s.offences,
            labels: s.labels,
            subject: s.subject,
            age: s.age,
            depicts: s.depicts,
            benefit: s.benefit,
            audience: s.audience,
            onward: s.onward,
            observed_first: s.observed_first,
            observed_last: s.observed_last,
            made_at: now,
            valid_until: s.valid_until,
            review_at: s.review_at,
            normalisation: s.normalisation,
            exercise: s.exercise,
            critical: Vec::new(),
            presumed_adult_reasoned: s
                .presumed_adult_reason
                .as_deref()
                .is_some_and(|reason| !reason.trim().is_empty()),
            matching: None,
        }
    }

    /// Unguessable, and the same for the same idempotency key and content: a repetition names the
    /// same record, and a key that is used for something else names another.
    fn record_id_of(&self, submission: &Submission) -> RecordId {
        let s = submission;
        let content =
            (&s.agreement, s.kind, &s.body, &s.purposes, &s.offences, &s.labels, s.subject);
        let more = (s.age, s.depicts, &s.benefit, &s.audience, s.onward, s.exercise);
        let parts = [
            s.idempotency_key.as_bytes().as_slice(),
            s.x.expose(),
            &encoding::to_bytes(&content),
            &encoding::to_bytes(&more),
        ];
        let secret = self.derive_secret("record id", &parts);
        let mut id = [0; RecordId::BYTES];
        for (to, from) in id.iter_mut().zip(secret) {
            *to = from;
        }
        RecordId::from_bytes(id)
    }

    /// Where a record of this class goes: one row per other party.
    pub(crate) fn outlook(
        &self,
        agreement: &Agreement,
        class: &Arc<Class>,
        now: Timestamp,
    ) -> Vec<Outlook> {
        let others = agreement.parties.iter().filter(|party| party.agency != self.own);
        others
            .map(|party| {
                let peer = &party.agency;
                let share =
                    self.gate.decide_class(Action::Share, peer, class, Channel::Automated, now);
                let (fate, rule) = match share {
                    Decision::Allow(permit) => {
                        (Fate::Leaves, permit.rules().first().map(ToString::to_string))
                    }
                    Decision::NeedsApproval { rule, .. } => (Fate::NeedsApproval, Some(rule)),
                    Decision::Deny(refusal) => match self.needs_people(peer, class, now) {
                        Some((_, rule)) => (Fate::NeedsApproval, Some(rule)),
                        None => self.fate_when_asked(agreement, peer, class, refusal, now),
                    },
                };
                Outlook { peer: peer.clone(), fate, rule }
            })
            .collect()
    }

    /// A record that is not replicated may still be found by a question about it.
    fn fate_when_asked(
        &self,
        agreement: &Agreement,
        peer: &AgencyId,
        class: &Arc<Class>,
        refusal: Refusal,
        now: Timestamp,
    ) -> (Fate, Option<String>) {
        let shown = |clause: &Clause, purpose: Purpose, offence: Offence| {
            let terms = QuestionTerms {
                agreement: class.agreement.clone(),
                clause: clause.clone(),
                purpose,
                offence,
                kind: class.kind,
                channel: Channel::Analyst,
                urgency: Urgency::Normal,
                exercise: class.exercise,
            };
            self.gate.decide_answer(peer, &terms, class, now).is_allow()
        };
        let answered = is_answered_by_machine(class)
            && agreement.clauses.iter().any(|clause| {
                let purposes = class.purposes.iter().filter(|p| clause.purposes.contains(p));
                purposes.copied().any(|purpose| {
                    class.offences.iter().any(|offence| shown(&clause.clause, purpose, *offence))
                })
            });
        if answered {
            (Fate::AnsweredWhenAsked, refusal.rule)
        } else {
            (Fate::Stays(refusal.code), refusal.rule)
        }
    }

    /// Partners' records held here that are about the same thing.
    fn hits_of_submission(
        &self,
        case: &Case,
        submission: &Submission,
        now: Timestamp,
    ) -> Result<Vec<Hit>, DeskError> {
        let exercise = submission.exercise;
        let terms = self.terms_of_case(case, submission.kind, Urgency::Normal, exercise);
        let x = core::slice::from_ref(&submission.x);
        self.held_by_partners(&terms, x, Some(case.case_id), now)
    }

    /// A picture of somebody who crossed belongs to an advertisement that is on record here.
    pub(crate) fn check_linked_ad(&self, record: &Record, now: Timestamp) -> Result<(), DeskError> {
        let Body::Content(ContentBody { linked_ad: Some(linked), .. }) = &record.body else {
            return Ok(());
        };
        let row = self.store.hit_row(linked).filter(|row| row.is_live(now));
        let row = row.filter(|row| row.origin == Ownership::Own);
        let class = row.and_then(|row| row.class).and_then(|number| self.store.class(number));
        let fits = class.is_some_and(|entry| {
            entry.class.agreement == record.agreement
                && entry.class.kind.family() != Family::Account
        });
        if fits { Ok(()) } else { Err(RefusalCode::BodyImpossible.into()) }
    }

    fn write(
        &self,
        officer: &OfficerId,
        submission: &Submission,
        ready: Ready,
        now: Timestamp,
    ) -> Waiting {
        let Ready { put, rule, receipt } = ready;
        let mut event = submission_event(Act::Submitted, officer, submission, now);
        event.local.rule = rule;
        event.local.records = vec![receipt.record_id];
        event.shared.count = 1;
        let batch = Batch::new()
            .once(submission.idempotency_key)
            .provided(Precondition::RecordAbsent(receipt.record_id))
            .with(Change::PutRecord(Box::new(put)))
            .saying(event);
        let batch = self.with_hits(batch, &receipt.hits);
        // What its matches took of the officer's day is written by itself: a repeated submission
        // writes nothing.
        let taken = self.quotas.officers.commit_row(officer.as_str(), &*self.store);
        let committed = self.store.commit(batch);
        Waiting::Recorded(Arc::clone(&self.store), taken, committed, Box::new(receipt))
    }

    fn write_refusal(
        &self,
        officer: &OfficerId,
        submission: &Submission,
        refusal: Refusal,
        now: Timestamp,
    ) -> Waiting {
        let mut event = submission_event(Act::SubmissionRefused, officer, submission, now);
        event.local.rule = refusal.rule.clone();
        event.local.code = Some(refusal.code);
        Waiting::Refused(self.store.commit(Batch::new().saying(event)), refusal)
    }
}

/// A submission on its way to the disk.
enum Waiting {
    Told(SubmissionOutcome),
    Recorded(Arc<dyn Store>, Option<PendingCommit>, PendingCommit, Box<SubmissionReceipt>),
    Refused(PendingCommit, Refusal),
}

impl Waiting {
    async fn outcome(self, now: Timestamp) -> Result<SubmissionOutcome, DeskError> {
        match self {
            Self::Told(outcome) => Ok(outcome),
            Self::Refused(pending, refusal) => {
                pending.await?;
                Ok(Err(refusal))
            }
            Self::Recorded(store, taken, pending, receipt) => {
                if let Some(taken) = taken {
                    taken.await?;
                }
                let (audit_sequence, repeated) = match pending.await {
                    Ok(committed) => (committed.seq, committed.repeated),
                    // Repeated so late that its key is forgotten.
                    Err(store::Error::Conflict(_)) => (0, Repeated::Yes),
                    Err(error) => return Err(error.into()),
                };
                // A receipt is given for what is there, not for what was once promised.
                Ok(match store.hit_row(&receipt.record_id) {
                    None => Err(RefusalCode::VersionConflict.into()),
                    Some(row) if row.withdrawn == Withdrawn::Yes => {
                        Err(RefusalCode::Withdrawn.into())
                    }
                    Some(row) if row.erased == Erased::Yes => Err(RefusalCode::Erased.into()),
                    Some(row) if now >= row.expiry => Err(RefusalCode::Expired.into()),
                    Some(_) => Ok(SubmissionReceipt { audit_sequence, repeated, ..*receipt }),
                })
            }
        }
    }
}

fn submission_event(
    act: Act,
    officer: &OfficerId,
    submission: &Submission,
    now: Timestamp,
) -> Event {
    let mut event = Event::new(now, act);
    event.shared.agreement = Some(submission.agreement.clone());
    event.local.officer = Some(officer.clone());
    event
}
