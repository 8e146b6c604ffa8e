//! Asking: an officer's query against what is held here and, live, at the partners named.

use crate::Desk;
use crate::answer::summary;
use crate::error::DeskError;
use crate::put;
use domain::court_use::PermissionQuestion;
use domain::digest::Fingerprint;
use domain::encoding;
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::event::{Act, Event};
use domain::name::{AgencyId, CaseId, OfficerId, RecordId};
use domain::question::{
    MATCHES_MAX, MATCHES_PER_TOKEN_MAX, MatchSummary, Matches, NoAnswer, PartnerAnswer, Question,
    QuestionTerms, padded_count,
};
use domain::record::Record;
use domain::refusal::RefusalCode;
use domain::report::{AnswerRow, Hit, Mode, PAGE_MAX, QUERY_FINGERPRINTS_MAX, Query, QueryReport};
use domain::submission::Case;
use domain::time::Timestamp;
use domain::token::Token;
use domain::value::{Channel, Urgency};
use policy::{Action, Decision, Permit};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use store::{Batch, Ownership, RecordFacts, Secrecy, Table};

/// The most partners one query asks.
pub const ASKED_MAX: usize = 64;
/// The largest stored hit, in bytes.
pub(crate) const HIT_BYTES_MAX: usize = 2048;

/// A call to a partner that is under way.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Reply, Silence>> + Send + 'a>>;

/// A question for permission that is under way.
pub type AskingPermission<'a> =
    Pin<Box<dyn Future<Output = Result<PermissionReply, Silence>> + Send + 'a>>;

/// What a partner said to a question for permission, before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionReply {
    /// Refused, for a reason computed from the question alone.
    Refused(RefusalCode),
    /// What its people signed.
    Signed(Vec<Envelope>),
}

/// The partners, however they are reached: gRPC in a node, a seeded network in a test.
pub trait Peers: Send + Sync {
    /// Puts a question to a partner, with a deadline of its own.
    fn ask<'a>(&'a self, peer: &'a AgencyId, question: &'a Question) -> Asking<'a>;

    /// Asks a partner to permit the use of its record in court, with a deadline of its own.
    fn permission<'a>(
        &'a self,
        peer: &'a AgencyId,
        question: &'a PermissionQuestion,
    ) -> AskingPermission<'a>;
}

/// What a partner said, before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Refused.
    Refused(RefusalCode),
    /// Looked up.
    Matched {
        /// As of when, by its clock.
        as_of: Timestamp,
        /// Signed matches.
        matches: Option<Envelope>,
    },
}

/// Why a partner said nothing, with the true reason for our own people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The kind.
    pub kind: NoAnswer,
    /// The reason, in words.
    pub note: String,
}

impl Desk {
    /// Looks up what is held here and asks the partners named.
    ///
    /// # Errors
    /// A refusal of the whole query: no such case, too many values. What one partner says or does
    /// not say is in its row of the report.
    pub async fn query(
        &self,
        officer: &OfficerId,
        query: &Query,
        mode: Mode,
        peers: &dyn Peers,
    ) -> Result<QueryReport, DeskError> {
        let given = query.fingerprints.len();
        if given == 0 || given > QUERY_FINGERPRINTS_MAX || query.ask.len() > ASKED_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let case = self.open_case_of(&query.case)?;
        let terms = self.terms_of_case(&case, query.kind, query.urgency, query.exercise);
        let now = self.now();
        let mut ask = query.ask.clone();
        ask.sort();
        ask.dedup();
        if mode == Mode::DryRun {
            return Ok(self.dry_query(officer, &terms, ask, now));
        }
        self.spend_of_officer(officer, given, now).await?;
        let mut held = self.held_here(&terms, &query.fingerprints, query.case, now)?;
        held.truncate(MATCHES_MAX);
        let mut batch = self.with_hits(Batch::new(), &held);
        let mut rows = Vec::with_capacity(ask.len());
        let mut questions = Vec::new();
        for peer in ask {
            match self.question_to(&peer, &case, &terms, &query.fingerprints, now) {
                Ok((question, permit)) => {
                    let rule = permit.rules().first().map(ToString::to_string);
                    batch = batch.saying(asked_event(officer, &peer, &question, rule, now));
                    questions.push((peer, question, permit));
                }
                Err((row, event)) => {
                    rows.push(row);
                    batch = batch.saying(with_officer(*event, officer));
                }
            }
        }
        if questions.is_empty() && rows.is_empty() {
            batch = batch.saying(local_query_event(officer, &terms, given, now));
        }
        // The log says that we asked before anybody is asked.
        let book = &self.quotas.officers;
        let committed = book.commit(officer.as_str(), &*self.store, batch).await?;
        let asked = questions.iter().map(|(peer, question, permit)| async move {
            // The policy may have changed while the entry was written.
            let said = if self.gate.is_current(permit, self.now()) {
                peers.ask(peer, question).await
            } else {
                let note = "our policy changed before it was asked".to_owned();
                Err(Silence { kind: NoAnswer::Unreachable, note })
            };
            (peer, question, said)
        });
        for (peer, question, said) in futures_util::future::join_all(asked).await {
            let row = self.hear(peer, question, given, query.case, said).await;
            rows.push(row.unwrap_or_else(|error| {
                // What the others said must not be lost because one reply could not be kept.
                tracing::error!(%peer, %error, "a reply could not be kept");
                let answer = Some(PartnerAnswer::NoAnswer(NoAnswer::Misbehaved));
                AnswerRow { agency: peer.clone(), answer, as_of: now, note: error.to_string() }
            }));
        }
        rows.sort_by(|a, b| a.agency.cmp(&b.agency));
        let allowance = self.allowance(officer);
        Ok(QueryReport { held, answers: rows, audit_sequence: committed.seq, allowance })
    }

    /// The terms that a case fixes.
    pub(crate) fn terms_of_case(
        &self,
        case: &Case,
        kind: domain::indicator::Kind,
        urgency: Urgency,
        exercise: bool,
    ) -> QuestionTerms {
        QuestionTerms {
            agreement: case.agreement.clone(),
            clause: case.clause.clone(),
            purpose: case.purpose,
            offence: case.offence,
            kind,
            channel: Channel::Analyst,
            urgency,
            exercise,
        }
    }

    fn dry_query(
        &self,
        officer: &OfficerId,
        terms: &QuestionTerms,
        ask: Vec<AgencyId>,
        now: Timestamp,
    ) -> QueryReport {
        let rows = ask.into_iter().map(|agency| {
            let decision = self.gate.decide_terms(Action::Ask, &agency, terms, now);
            let note = decision.rule().unwrap_or_default().to_owned();
            let answer =
                decision.permit().err().map(|refusal| PartnerAnswer::NotAsked(refusal.code));
            AnswerRow { agency, answer, as_of: now, note }
        });
        let allowance = self.allowance(officer);
        QueryReport { held: Vec::new(), answers: rows.collect(), audit_sequence: 0, allowance }
    }

    /// A question to one partner, if our own policy lets it leave and its key is here.
    #[allow(
        clippy::type_complexity,
        reason = "either a question with its permit, or the row and the entry that say why not"
    )]
    fn question_to(
        &self,
        peer: &AgencyId,
        case: &Case,
        terms: &QuestionTerms,
        fingerprints: &[Fingerprint],
        now: Timestamp,
    ) -> Result<(Question, Permit), (AnswerRow, Box<Event>)> {
        let row = |answer, note: String| AnswerRow {
            agency: peer.clone(),
            answer: Some(answer),
            as_of: now,
            note,
        };
        let mut event = Event::new(now, Act::NotAsked);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(terms.agreement.clone());
        event.shared.purpose = Some(terms.purpose);
        let permit = match self.gate.decide_terms(Action::Ask, peer, terms, now).permit() {
            Ok(permit) => permit,
            Err(refusal) => {
                event.local.code = Some(refusal.code);
                event.local.rule.clone_from(&refusal.rule);
                let note = refusal.rule.unwrap_or_default();
                return Err((row(PartnerAnswer::NotAsked(refusal.code), note), Box::new(event)));
            }
        };
        let keys = self.live_keys(&terms.agreement, peer);
        let Some((epoch, live)) = keys.into_iter().next_back() else {
            let note = "its token key has not arrived yet".to_owned();
            event.local.note = Some(note.clone());
            return Err((
                row(PartnerAnswer::NoAnswer(NoAnswer::NoTokenKey), note),
                Box::new(event),
            ));
        };
        let mut tokens: Vec<Token> = fingerprints.iter().map(|x| live.key.token(x)).collect();
        let padded = padded_count(tokens.len()).unwrap_or(tokens.len());
        tokens.resize_with(padded, || Token::from_bytes(self.entropy.bytes()));
        let question = Question {
            terms: terms.clone(),
            owner: peer.clone(),
            epoch,
            case: self.case_commitment(case, peer),
            asked_at: now,
            tokens,
        };
        Ok((question, permit))
    }

    /// Believes a partner's reply only if it is signed, about our question, and inside it.
    async fn hear(
        &self,
        peer: &AgencyId,
        question: &Question,
        given: usize,
        case: CaseId,
        said: Result<Reply, Silence>,
    ) -> Result<AnswerRow, DeskError> {
        let now = self.now();
        let mut event = Event::new(now, Act::AnswerReceived);
        event.shared.peer = Some(peer.clone());
        event.shared.agreement = Some(question.terms.agreement.clone());
        event.shared.purpose = Some(question.terms.purpose);
        event.shared.exchange = Some(question.commitment());
        let mut note = String::new();
        let (answer, as_of) = match said {
            Err(silence) => {
                note = silence.note;
                event.local.note = Some(note.clone());
                (PartnerAnswer::NoAnswer(silence.kind), now)
            }
            Ok(Reply::Refused(code)) => {
                event.shared.code = Some(code);
                (PartnerAnswer::Refused(code), now)
            }
            Ok(Reply::Matched { as_of, matches: None }) => (PartnerAnswer::NoMatch, as_of),
            Ok(Reply::Matched { as_of, matches: Some(envelope) }) => {
                match self.open_matches(peer, question, given, envelope) {
                    Ok(matches) if matches.is_empty() => (PartnerAnswer::NoMatch, as_of),
                    Ok(matches) => (PartnerAnswer::Match(matches), as_of),
                    Err(why) => {
                        event.shared.act = Act::Alarm;
                        event.local.note = Some(why.to_owned());
                        note = why.to_owned();
                        (PartnerAnswer::NoAnswer(NoAnswer::Misbehaved), now)
                    }
                }
            }
        };
        let mut batch = Batch::new();
        if let PartnerAnswer::Match(matches) = &answer {
            event.shared.count = u32::try_from(matches.len()).unwrap_or(u32::MAX);
            let hits: Vec<Hit> = matches
                .iter()
                .map(|summary| Hit {
                    origin: peer.clone(),
                    summary: summary.clone(),
                    found_at: now,
                    case: Some(case),
                    record_id: None,
                })
                .collect();
            batch = self.with_hits(batch, &hits);
        }
        self.store.commit(batch.saying(event)).await?;
        Ok(AnswerRow { agency: peer.clone(), answer: Some(answer), as_of, note })
    }

    fn open_matches(
        &self,
        peer: &AgencyId,
        question: &Question,
        given: usize,
        envelope: Envelope,
    ) -> Result<Vec<MatchSummary>, &'static str> {
        let manifest = self.manifest_under(&question.terms.agreement, peer);
        let manifest = manifest.ok_or("its manifest is not valid")?;
        let signed = Signed::<Matches>::open(envelope, &manifest.record_key)
            .map_err(|_| "matches that it did not sign")?;
        let (matches, _) = signed.into_parts();
        let ours = matches.owner == *peer
            && matches.asker == self.own
            && matches.question == question.commitment();
        if !ours {
            return Err("matches of another question");
        }
        if matches.matches.len() > MATCHES_MAX {
            return Err("more matches than allowed");
        }
        let fits = |summary: &MatchSummary| {
            (summary.slot as usize) < question.tokens.len() && summary.kind == question.terms.kind
        };
        if !matches.matches.iter().all(fits) {
            return Err("matches of something that was not asked");
        }
        let references: BTreeSet<RecordId> = matches.matches.iter().map(|m| m.follow_up).collect();
        let mut per_slot: BTreeMap<u32, usize> = BTreeMap::new();
        for summary in &matches.matches {
            *per_slot.entry(summary.slot).or_default() += 1;
        }
        let most = per_slot.values().max().copied().unwrap_or(0);
        if references.len() != matches.matches.len() || most > MATCHES_PER_TOKEN_MAX {
            return Err("matches that repeat each other");
        }
        // A match of a padding token would be a collision in 256 bits; it is dropped all the same.
        let asked = matches.matches.into_iter().filter(|m| (m.slot as usize) < given);
        Ok(asked.collect())
    }

    /// Own records and copies of partners' records about the same things.
    fn held_here(
        &self,
        terms: &QuestionTerms,
        fingerprints: &[Fingerprint],
        case: CaseId,
        now: Timestamp,
    ) -> Result<Vec<Hit>, DeskError> {
        let mut hits = Vec::new();
        for (slot, x) in fingerprints.iter().enumerate() {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            let own = self.store.match_fingerprint(x)?;
            let before = hits.len();
            for record_id in own {
                if hits.len() - before >= MATCHES_PER_TOKEN_MAX {
                    break;
                }
                hits.extend(self.hit_of(terms, &record_id, slot, Some(case), now)?);
            }
        }
        hits.extend(self.held_by_partners(terms, fingerprints, Some(case), now)?);
        Ok(hits)
    }

    /// Copies of partners' records about the same things, under every live key.
    pub(crate) fn held_by_partners(
        &self,
        terms: &QuestionTerms,
        fingerprints: &[Fingerprint],
        case: Option<CaseId>,
        now: Timestamp,
    ) -> Result<Vec<Hit>, DeskError> {
        let mut hits = Vec::new();
        for (owner, epoch, key) in self.partner_keys(&terms.agreement) {
            let tokens: Vec<Token> = fingerprints.iter().map(|x| key.token(x)).collect();
            let found = self.store.match_foreign(&terms.agreement, &owner, epoch, &tokens)?;
            let mut per_slot: BTreeMap<u32, usize> = BTreeMap::new();
            for found in found.iter().filter(|found| found.row.is_live(now)) {
                let told = per_slot.entry(found.slot).or_default();
                if *told < MATCHES_PER_TOKEN_MAX && hits.len() < MATCHES_MAX {
                    let hit = self.hit_of(terms, &found.record_id, found.slot, case, now)?;
                    *told += usize::from(hit.is_some());
                    hits.extend(hit);
                }
            }
        }
        Ok(hits)
    }

    /// Is this record still here, and matched?
    pub(crate) fn is_matched(
        &self,
        record_id: &RecordId,
        now: Timestamp,
    ) -> Result<bool, DeskError> {
        let is_live = self.store.hit_row(record_id).is_some_and(|row| row.is_live(now));
        Ok(is_live && !self.is_stopped_here(record_id)? && !self.is_marked_stopped(record_id)?)
    }

    /// One record as our own officers may see it for these terms.
    fn hit_of(
        &self,
        terms: &QuestionTerms,
        record_id: &RecordId,
        slot: u32,
        case: Option<CaseId>,
        now: Timestamp,
    ) -> Result<Option<Hit>, DeskError> {
        let Some(row) = self.store.hit_row(record_id).filter(|row| row.is_live(now)) else {
            return Ok(None);
        };
        if self.is_stopped_here(record_id)? {
            return Ok(None);
        }
        let Some(entry) = row.class.and_then(|number| self.store.class(number)) else {
            return Ok(None);
        };
        let decision = self.gate.decide_answer(&self.own, terms, &entry.class, now);
        let decision = match (decision, row.origin) {
            // What came by approval may name others than us in its audience.
            (Decision::Deny(_), Ownership::Foreign) => {
                self.decide_approved_match(terms, record_id, &entry.class, now)?
            }
            (decision, _) => Some(decision),
        };
        let Some(Decision::Allow(permit)) = decision else { return Ok(None) };
        let Some(held) = self.store.record(record_id)? else { return Ok(None) };
        let Ok(released) = held.release(&permit) else { return Ok(None) };
        let follow_up = match row.origin {
            Ownership::Own => *record_id,
            Ownership::Foreign => RecordId::from_bytes(self.entropy.bytes()),
        };
        let record = Record::from_payload(&released.as_ref().envelope.payload)?;
        if record.matching.is_some() {
            return Ok(None);
        }
        let summary = summary(&RecordFacts::of(&record), &entry.class, slot, follow_up);
        let origin = entry.class.origin.clone();
        Ok(Some(Hit { origin, summary, found_at: now, case, record_id: Some(*record_id) }))
    }

    /// Keeps partners' matches, so that officers can follow them.
    pub(crate) fn with_hits(&self, mut batch: Batch, hits: &[Hit]) -> Batch {
        for hit in hits.iter().filter(|hit| hit.origin != self.own) {
            let newest_first = u64::MAX - hit.found_at.as_millis();
            let mut key = newest_first.to_be_bytes().to_vec();
            // The reference is last, so that a page can be found by it; two partners may give the same.
            key.extend_from_slice(&hit.summary.slot.to_be_bytes());
            key.extend_from_slice(hit.origin.as_str().as_bytes());
            key.extend_from_slice(hit.summary.follow_up.as_bytes());
            batch = batch.with(put(Table::Hit, &key, encoding::to_bytes(hit), Secrecy::Sealed));
        }
        batch
    }

    /// A page of hits, newest first, after the one with that follow-up reference; at most
    /// [`PAGE_MAX`]. Finding the reference costs one pass over the newer hits.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn list_hits(&self, after: Option<&RecordId>) -> Result<Vec<Hit>, DeskError> {
        let mut from: Option<Vec<u8>> = None;
        let mut skipping = after;
        let now = self.now();
        let mut hits = Vec::new();
        loop {
            let rows = self.store.scan(Table::Hit, &[], from.as_deref(), PAGE_MAX)?;
            let Some((last, _)) = rows.last() else {
                return Ok(hits);
            };
            from = Some(last.clone());
            for (key, value) in rows {
                match skipping {
                    Some(reference) if key.ends_with(reference.as_bytes()) => skipping = None,
                    Some(_) => {}
                    None if hits.len() == PAGE_MAX => return Ok(hits),
                    None => {
                        let hit: Hit = encoding::from_bytes("hit", &value, HIT_BYTES_MAX)?;
                        // What was withdrawn, purged or has expired is not told any more.
                        if hit.record_id.map_or(Ok(true), |id| self.is_matched(&id, now))? {
                            hits.push(hit);
                        }
                    }
                }
            }
        }
    }
}

fn asked_event(
    officer: &OfficerId,
    peer: &AgencyId,
    question: &Question,
    rule: Option<String>,
    now: Timestamp,
) -> Event {
    let mut event = Event::new(now, Act::Asked);
    event.shared.peer = Some(peer.clone());
    event.shared.agreement = Some(question.terms.agreement.clone());
    event.shared.purpose = Some(question.terms.purpose);
    event.shared.count = u32::try_from(question.tokens.len()).unwrap_or(u32::MAX);
    event.shared.exchange = Some(question.commitment());
    event.local.rule = rule;
    with_officer(event, officer)
}

/// A query that asks nobody is an entry all the same.
fn local_query_event(
    officer: &OfficerId,
    terms: &QuestionTerms,
    given: usize,
    now: Timestamp,
) -> Event {
    let mut event = Event::new(now, Act::Asked);
    event.shared.agreement = Some(terms.agreement.clone());
    event.shared.purpose = Some(terms.purpose);
    event.shared.count = u32::try_from(given).unwrap_or(u32::MAX);
    event.local.note = Some("in what is held here; no partner was asked".to_owned());
    with_officer(event, officer)
}

fn with_officer(mut event: Event, officer: &OfficerId) -> Event {
    event.local.officer = Some(officer.clone());
    event
}

/// Shares a set of partners between the tasks of a node.
impl<P: Peers + ?Sized> Peers for Arc<P> {
    fn permission<'a>(
        &'a self,
        peer: &'a AgencyId,
        question: &'a PermissionQuestion,
    ) -> AskingPermission<'a> {
        (**self).permission(peer, question)
    }

    fn ask<'a>(&'a self, peer: &'a AgencyId, question: &'a Question) -> Asking<'a> {
        (**self).ask(peer, question)
    }
}
