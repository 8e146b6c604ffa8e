//! Answering a partner's live question: judged from the question alone, looked up, judged again
//! record by record, logged, and only then said.

use crate::Desk;
use crate::error::DeskError;
use domain::class::Class;
use domain::envelope::Signed;
use domain::event::{Act, EVENT_RECORDS_MAX, Event};
use domain::name::{AgencyId, Digest, RecordId};
use domain::question::{
    MATCHES_MAX, MATCHES_PER_TOKEN_MAX, MatchSummary, Matches, PADDING_STEPS, Question,
    QuestionTerms,
};
use domain::record::CLOCK_SKEW_MS;
use domain::refusal::{Refusal, RefusalCode};
use domain::time::Timestamp;
use domain::value::{Channel, Tlp};
use policy::{Action, Permit, Released, invariant};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Batch, ClassEntry, ClassNumber, Match, RecordFacts};

/// What an asker is told.
#[derive(Debug)]
pub enum Answer {
    /// Refused, for a reason computed from its question alone.
    Refused(RefusalCode),
    /// Nothing in what it may see.
    NoMatch {
        /// As of when.
        as_of: Timestamp,
    },
    /// Matches.
    Match {
        /// What is sent.
        signed: Box<Signed<Matches>>,
        /// The same summaries in the same order, each as policy released it.
        released: Vec<Released<MatchSummary>>,
    },
}

impl Desk {
    /// Answers a question.
    ///
    /// # Errors
    /// A failing store. A refusal is not an error: it is the answer.
    pub async fn answer(&self, asker: &AgencyId, question: &Question) -> Result<Answer, DeskError> {
        let now = self.now();
        let rule = match self.judge_question(asker, question, now) {
            Ok(rule) => rule,
            Err(refusal) => return self.refuse_question(asker, question, refusal, now).await,
        };
        let commitment = question.commitment();
        let looked_up = self.look_up(asker, question, now)?;
        let mut event = question_event(Act::Answered, asker, question, commitment, now);
        event.local.rule = Some(looked_up.denied_by.clone().map_or(rule, |denied| denied.1));
        event.local.code = looked_up.denied_by.as_ref().map(|denied| denied.0);
        let matched = looked_up.matched;
        event.local.records =
            matched.iter().map(|(found, _)| found.record_id).take(EVENT_RECORDS_MAX).collect();
        let batch = Batch::new().saying(event);
        self.quotas.partners.commit(asker.as_str(), &*self.store, batch).await?;
        // What held before the entry was durable may no longer hold.
        let now = self.now();
        let stale = matched.iter().any(|(found, summary)| {
            !self.gate.is_current(summary.permit(), now)
                || !self.store.row_of(found).is_some_and(|row| row.is_live(now))
        });
        if stale {
            return Ok(Answer::NoMatch { as_of: now });
        }
        Ok(self.sign_matches(asker, commitment, matched, now))
    }

    /// The asker is told a code if its question alone decided; our log has the rule. A quota that is
    /// spent is an entry once a minute, so that asking on does not fill the disk.
    async fn refuse_question(
        &self,
        asker: &AgencyId,
        question: &Question,
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<Answer, DeskError> {
        let told = refusal.for_peer().unwrap_or(RefusalCode::PolicyDenied);
        let spent = refusal.code == RefusalCode::QuotaSpent;
        if spent && self.is_noted(asker.as_str(), refusal.code) {
            return Ok(Answer::Refused(told));
        }
        let mut event =
            question_event(Act::AnswerRefused, asker, question, question.commitment(), now);
        event.shared.code = Some(told);
        event.local.code = Some(refusal.code);
        event.local.rule = refusal.rule;
        let batch = Batch::new().saying(event);
        self.quotas.partners.commit(asker.as_str(), &*self.store, batch).await?;
        Ok(Answer::Refused(told))
    }

    /// Everything that can be decided without looking anything up.
    fn judge_question(
        &self,
        asker: &AgencyId,
        question: &Question,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let tokens = question.tokens.len();
        // Refused questions cost as much as answered ones.
        self.quotas.partners.spend(asker.as_str(), tokens as u64, now)?;
        let skew = now.as_millis().abs_diff(question.asked_at.as_millis());
        if !PADDING_STEPS.contains(&tokens) || question.owner != self.own || skew > CLOCK_SKEW_MS {
            return Err(RefusalCode::Malformed.into());
        }
        if question.terms.channel == Channel::Authority {
            // Nothing in a question shows an authority's signature yet.
            return Err(RefusalCode::ChannelNotCovered.into());
        }
        self.check_carries(&question.terms.agreement, &self.own, asker)?;
        let decision = self.gate.decide_terms(Action::Answer, asker, &question.terms, now);
        let rule = decision.rule().unwrap_or_default().to_owned();
        decision.permit()?;
        let live = self.live_keys(&question.terms.agreement, &self.own);
        if !live.iter().any(|(epoch, _)| *epoch == question.epoch) {
            return Err(RefusalCode::EpochNotLive.into());
        }
        Ok(rule)
    }

    /// The index proposes; the hit row, the question's terms and the policy dispose.
    fn look_up(
        &self,
        asker: &AgencyId,
        question: &Question,
        now: Timestamp,
    ) -> Result<LookedUp, DeskError> {
        let terms = &question.terms;
        let proposed = self.store.match_own(&terms.agreement, question.epoch, &question.tokens)?;
        let mut found = LookedUp::default();
        let mut per_slot: BTreeMap<u32, usize> = BTreeMap::new();
        // Records of one class are judged alike for one question.
        let mut judged: BTreeMap<ClassNumber, Judged> = BTreeMap::new();
        for proposal in proposed {
            let told = per_slot.entry(proposal.slot).or_default();
            if *told >= MATCHES_PER_TOKEN_MAX || found.matched.len() >= MATCHES_MAX {
                continue;
            }
            let Some(number) = proposal.row.class.filter(|_| proposal.row.is_live(now)) else {
                continue;
            };
            let judged =
                judged.entry(number).or_insert_with(|| self.judge(asker, terms, number, now));
            match self.look_at(judged, &proposal) {
                Ok(Some(summary)) => {
                    *told += 1;
                    found.matched.push((proposal, summary));
                }
                Ok(None) => {}
                Err(DeskError::Refused(refusal)) => {
                    let denied = (refusal.code, refusal.rule.unwrap_or_default());
                    found.denied_by.get_or_insert(denied);
                }
                // One damaged record must not show by making the whole answer fail.
                Err(error) => tracing::error!(%error, "a record that matched cannot be read"),
            }
        }
        found.matched.sort_by_key(|(_, summary)| summary.as_ref().slot);
        Ok(found)
    }

    /// What may be shown of a class for this question.
    fn judge(
        &self,
        asker: &AgencyId,
        terms: &QuestionTerms,
        number: ClassNumber,
        now: Timestamp,
    ) -> Judged {
        let Some(ClassEntry { class, .. }) = self.store.class(number) else {
            return Judged::NotAskedAbout;
        };
        if class.kind != terms.kind || class.exercise != terms.exercise {
            return Judged::NotAskedAbout;
        }
        if !is_answered_by_machine(&class) {
            return Judged::Denied(RefusalCode::TlpCeiling.into());
        }
        match self.gate.decide_answer(asker, terms, &class, now).permit() {
            Ok(permit) => Judged::Shown(permit),
            Err(refusal) => Judged::Denied(refusal),
        }
    }

    /// One record that the index proposed; `Ok(None)` if it is not what was asked about.
    fn look_at(
        &self,
        judged: &Judged,
        proposal: &Match,
    ) -> Result<Option<Released<MatchSummary>>, DeskError> {
        let permit = match judged {
            Judged::NotAskedAbout => return Ok(None),
            Judged::Denied(refusal) => return Err(refusal.clone().into()),
            Judged::Shown(permit) => permit,
        };
        let Some(held) = self.store.facts(proposal)? else { return Ok(None) };
        let class = Arc::clone(held.class());
        let follow_up = RecordId::from_bytes(self.entropy.bytes());
        let summary = |facts| summary(&facts, &class, proposal.slot, follow_up);
        let released = held.release(permit)?;
        if released.as_ref().matching.is_some() {
            // To the asker it is no match, like all that depends on a record.
            return Err(Refusal::by_rule(RefusalCode::RuleDenied, invariant::DISPUTED).into());
        }
        Ok(Some(released.map(summary)))
    }

    fn sign_matches(
        &self,
        asker: &AgencyId,
        commitment: Digest,
        matched: Vec<(Match, Released<MatchSummary>)>,
        now: Timestamp,
    ) -> Answer {
        if matched.is_empty() {
            return Answer::NoMatch { as_of: now };
        }
        let released: Vec<_> = matched.into_iter().map(|(_, summary)| summary).collect();
        let matches = Matches {
            owner: self.own.clone(),
            asker: asker.clone(),
            question: commitment,
            as_of: now,
            matches: released.iter().map(|summary| summary.as_ref().clone()).collect(),
        };
        let signed = Box::new(Signed::seal(matches, &*self.keys.record));
        Answer::Match { signed, released }
    }
}

/// What a look-up found, and why the first thing that was found is not told.
#[derive(Default)]
struct LookedUp {
    matched: Vec<(Match, Released<MatchSummary>)>,
    denied_by: Option<(RefusalCode, String)>,
}

/// What policy says of one class for one question.
enum Judged {
    /// The question is about something else.
    NotAskedAbout,
    /// No; the asker is told that nothing matches.
    Denied(Refusal),
    /// Yes.
    Shown(Permit),
}

/// A question is answered by a machine, whoever asks: what needs a human here stays. RED, which is
/// also what nobody marked, and speech.
pub(crate) fn is_answered_by_machine(class: &Class) -> bool {
    class.tlp != Tlp::Red && !class.offences.iter().any(|offence| offence.is_speech())
}

/// What is said of a record behind a match: its facts, and what its class says. The store verified the
/// commitment of what it read them from; the signature was verified before that was stored.
pub(crate) fn summary(
    facts: &RecordFacts,
    class: &Class,
    slot: u32,
    follow_up: RecordId,
) -> MatchSummary {
    MatchSummary {
        slot,
        follow_up,
        kind: class.kind,
        role: facts.role,
        class: facts.content_class,
        tlp: class.tlp,
        pap: class.pap,
        handling: class.handling,
        evaluation: facts.evaluation,
        basis: class.basis,
        observed_last: facts.observed_last,
    }
}

fn question_event(
    act: Act,
    asker: &AgencyId,
    question: &Question,
    commitment: Digest,
    now: Timestamp,
) -> Event {
    let QuestionTerms { agreement, purpose, .. } = &question.terms;
    let mut event = Event::new(now, act);
    event.shared.peer = Some(asker.clone());
    event.shared.agreement = Some(agreement.clone());
    event.shared.purpose = Some(*purpose);
    event.shared.count = u32::try_from(question.tokens.len()).unwrap_or(u32::MAX);
    event.shared.exchange = Some(commitment);
    event
}
