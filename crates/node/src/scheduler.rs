//! Keeps our views of the partners up to date: pulls at a beat and whenever a partner nudges.

use crate::peers::{Links, Nudges, Partners};
use desk::Desk;
use desk::error::DeskError;
use desk::keys::KeyHeld;
use desk::letter::{Letter, LetterKind};
use domain::name::{AgencyId, AgreementId, Digest};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use wire::client::{CallFailure, PeerClient, Watch};
use wire::convert::hello::Hello;

/// The longest pause after failures, in milliseconds; it doubles from the shortest.
const PAUSE_MS: (u64, u64) = (250, 30_000);
/// The most rounds with one partner in a second, however often it nudges.
const ROUNDS_PER_SECOND_MAX: usize = 20;
/// The most messages of each kind that one round delivers to a partner; what is left waits for the next.
const DELIVERIES_PER_ROUND_MAX: usize = 64;
/// How often the set of partners is looked at again, in milliseconds.
const PARTNERS_MS: u64 = 1_000;

/// The roots of partners' dockets that were fetched, and ours at that time: what was not taken then is
/// not fetched again until one of the two changes.
#[derive(Clone, Default)]
pub(crate) struct Tried(Arc<Mutex<BTreeMap<(AgencyId, AgreementId), Roots>>>);

/// The root of the partner's docket and of ours.
type Roots = (Digest, Option<Digest>);

impl Tried {
    /// Was it fetched in this state? From now on it is.
    fn is_tried(&self, peer: &AgencyId, agreement: &AgreementId, now: Roots) -> bool {
        let mut roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = roots.get(&(peer.clone(), agreement.clone())) == Some(&now);
        // A partner names at most a list of them; beyond, they are simply fetched again.
        if !known && roots.len() < TRIED_MAX {
            roots.insert((peer.clone(), agreement.clone()), now);
        }
        known
    }

    /// It was not fetched after all.
    fn forget(&self, peer: &AgencyId, agreement: &AgreementId) {
        let mut roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        roots.remove(&(peer.clone(), agreement.clone()));
    }
}

/// Kinds of letters of which a partner refused one, and until when they rest.
#[derive(Clone, Default)]
pub(crate) struct Resting(Arc<Mutex<BTreeMap<OfKind, Instant>>>);

/// Letters of one kind to one partner under one agreement.
type OfKind = (AgencyId, AgreementId, LetterKind);

impl Resting {
    fn is_resting(&self, peer: &AgencyId, agreement: &AgreementId, kind: LetterKind) -> bool {
        let resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = resting.get(&(peer.clone(), agreement.clone(), kind));
        until.is_some_and(|until| Instant::now() < *until)
    }

    fn rest(&self, peer: &AgencyId, agreement: &AgreementId, kind: LetterKind) {
        let until = Instant::now() + Duration::from_millis(LETTERS_REST_MS);
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert((peer.clone(), agreement.clone(), kind), until);
    }
}

/// How long letters of a kind rest after one was refused, in milliseconds.
const LETTERS_REST_MS: u64 = 60_000;

/// The most roots that are remembered.
const TRIED_MAX: usize = 4096;

/// What is said of a link that carries no records.
const ONLY_PAPERS: &str = "no agreement in force: papers of agreements only";

/// What pulls need.
#[derive(Clone)]
pub(crate) struct Scheduler {
    pub desk: Arc<Desk>,
    pub partners: Arc<Partners>,
    pub links: Arc<Links>,
    pub nudges: Arc<Nudges>,
    pub tried: Tried,
    pub resting: Resting,
    /// Pull at least this often, nudged or not, in milliseconds.
    pub pull_interval_ms: u64,
}

/// Why a round with a partner ended.
#[derive(Debug, thiserror::Error)]
enum RoundFailure {
    #[error(transparent)]
    Call(#[from] CallFailure),
    #[error(transparent)]
    Desk(#[from] DeskError),
}

impl Scheduler {
    /// Runs until it is aborted: one task for each partner and agreement in force, and one for each
    /// partner that is only told papers.
    pub(crate) async fn run(self) {
        // Dropped with this future, it stops every task.
        let mut tasks = JoinSet::new();
        let mut running: BTreeMap<(AgencyId, Option<AgreementId>), AbortHandle> = BTreeMap::new();
        loop {
            let mut wanted = BTreeSet::new();
            for partner in self.desk.partners() {
                if partner.agreements.is_empty() {
                    wanted.insert((partner.agency.clone(), None));
                }
                for agreement in partner.agreements {
                    wanted.insert((partner.agency.clone(), Some(agreement)));
                }
            }
            running.retain(|pair, task| {
                let keep = wanted.contains(pair) && !task.is_finished();
                if !keep {
                    task.abort();
                }
                keep
            });
            for pair in wanted {
                let (peer, agreement) = pair.clone();
                running.entry(pair).or_insert_with(|| {
                    let scheduler = self.clone();
                    tasks.spawn(async move { scheduler.follow(&peer, agreement.as_ref()).await })
                });
            }
            while tasks.try_join_next().is_some() {}
            tokio::time::sleep(Duration::from_millis(PARTNERS_MS)).await;
        }
    }

    /// Follows one partner for ever.
    async fn follow(&self, peer: &AgencyId, agreement: Option<&AgreementId>) {
        let mut pause_ms = PAUSE_MS.0;
        let mut watch: Option<Watch> = None;
        let mut pace = Pace::default();
        loop {
            pace.keep().await;
            match self.round(peer, agreement, &mut watch).await {
                Ok(()) => {
                    match agreement {
                        Some(_) => self.links.up(peer, self.desk.now()),
                        None => self.links.down(peer, ONLY_PAPERS.to_owned()),
                    }
                    pause_ms = PAUSE_MS.0;
                    self.wait(&mut watch).await;
                }
                Err(failure) => {
                    watch = None;
                    self.partners.forget(peer);
                    tracing::info!(%peer, agreement = agreement.map(AgreementId::as_str), %failure, "pull failed");
                    self.links.down(peer, failure.to_string());
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MS.1);
                }
            }
        }
    }

    /// Until the partner nudges, or the beat.
    async fn wait(&self, watch: &mut Option<Watch>) {
        let beat = tokio::time::sleep(Duration::from_millis(self.pull_interval_ms));
        let Some(open) = watch else {
            return beat.await;
        };
        let lost = tokio::select! {
            () = beat => false,
            changed = open.changed() => changed.is_err(),
        };
        if lost {
            *watch = None;
        }
    }

    /// One pull to its end. The watch is opened first, so that no change falls in between.
    async fn round(
        &self,
        peer: &AgencyId,
        agreement: Option<&AgreementId>,
        watch: &mut Option<Watch>,
    ) -> Result<(), RoundFailure> {
        let client = self.partners.client(peer).await?;
        let hello = client.hello(Hello::new(self.desk.now())).await?;
        self.fetch_papers(&client, peer).await?;
        let Some(agreement) = agreement else { return Ok(()) };
        self.fetch_keys(&client, peer, agreement).await?;
        if watch.is_none() {
            *watch = Some(client.watch(agreement).await?);
        }
        let mut replication = self.desk.begin_pull(peer, agreement, hello.incarnation)?;
        let mut pull = client.pull(replication.request()).await?;
        while let Some(message) = pull.next().await? {
            let applied = replication.apply(message).await?;
            if let Some(receipt) = applied.purge_receipt {
                client.acknowledge_purge(receipt).await?;
            }
            if applied.added + applied.removed + applied.refused > 0 {
                let (added, removed, refused) = (applied.added, applied.removed, applied.refused);
                tracing::info!(%peer, added, removed, refused, "view changed");
            }
        }
        self.deliver(&client, peer, agreement).await
    }

    /// Tells the partner what we changed on its word, and our letters, until it has all of it or enough
    /// for one round.
    async fn deliver(
        &self,
        client: &PeerClient,
        peer: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<(), RoundFailure> {
        for _ in 0..DELIVERIES_PER_ROUND_MAX {
            let Some(delivery) = self.desk.acknowledgement_for(peer, agreement)? else { break };
            client.acknowledge_changes(delivery.envelope.clone()).await?;
            self.desk.acknowledgement_taken(delivery).await?;
        }
        for kind in [LetterKind::Answer, LetterKind::Dispute, LetterKind::Violation] {
            self.deliver_letters(client, peer, agreement, kind).await?;
        }
        Ok(())
    }

    /// Letters of one kind. One that is refused is tried again a while later; what stands behind it,
    /// and the pull, do not wait for it.
    async fn deliver_letters(
        &self,
        client: &PeerClient,
        peer: &AgencyId,
        agreement: &AgreementId,
        kind: LetterKind,
    ) -> Result<(), RoundFailure> {
        if self.resting.is_resting(peer, agreement, kind) {
            return Ok(());
        }
        let mut refused: Option<Letter> = None;
        for _ in 0..DELIVERIES_PER_ROUND_MAX {
            let next = self.desk.letter_for(peer, agreement, kind, refused.as_ref())?;
            let Some(letter) = next else { break };
            let envelope = letter.envelope.clone();
            let delivered = match kind {
                LetterKind::Dispute => client.raise_dispute(envelope).await,
                LetterKind::Answer => client.answer_dispute(envelope).await,
                LetterKind::Violation => client.report_violation(envelope).await,
            };
            let code = match delivered {
                Ok(()) => {
                    self.desk.letter_taken(&letter).await?;
                    continue;
                }
                Err(CallFailure::Refused(refusal)) => Some(refusal.code),
                Err(CallFailure::Incompatible | CallFailure::Failed { .. }) => None,
                Err(failure) => return Err(failure.into()),
            };
            tracing::info!(%peer, ?code, ?kind, "a letter was not taken");
            self.desk.letter_refused(&letter, code).await?;
            refused = Some(letter);
        }
        if refused.is_some() {
            self.resting.rest(peer, agreement, kind);
        }
        Ok(())
    }

    /// Takes what the partner knows of our common agreements and we do not.
    async fn fetch_papers(&self, client: &PeerClient, peer: &AgencyId) -> Result<(), RoundFailure> {
        for (agreement, root) in client.list_dockets().await? {
            let known = self.desk.docket(&agreement);
            let ours = known.as_ref().map(|docket| docket.root());
            if ours == Some(root) || self.tried.is_tried(peer, &agreement, (root, ours)) {
                continue;
            }
            let held = known.map(|docket| docket.papers().keys().copied().collect());
            let fetched = client.fetch_papers(&agreement, &held.unwrap_or_default()).await;
            if fetched.is_err() {
                self.tried.forget(peer, &agreement);
            }
            let papers = fetched?;
            if papers.is_empty() {
                continue;
            }
            match self.desk.take_papers(peer, &agreement, papers).await {
                Ok(told) if told.filed.taken > 0 => {
                    let (taken, standing) = (told.filed.taken, &told.filed.standing);
                    tracing::info!(%peer, %agreement, taken, %standing, "papers of a partner");
                    self.nudges.nudge(self.desk.partners().iter().map(|partner| &partner.agency));
                }
                Ok(_) => {}
                // What it may not bring keeps nobody from the rest.
                Err(error @ (DeskError::Store(_) | DeskError::Fault(_))) => {
                    return Err(error.into());
                }
                Err(error) => tracing::warn!(%peer, %agreement, %error, "papers not taken"),
            }
        }
        Ok(())
    }

    async fn fetch_keys(
        &self,
        client: &PeerClient,
        peer: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<(), RoundFailure> {
        if self.desk.holds_token_key(agreement, peer) == KeyHeld::Yes {
            return Ok(());
        }
        for key in client.fetch_token_keys(agreement).await? {
            self.desk.accept_token_key(peer, agreement, key).await?;
        }
        Ok(())
    }
}

/// Lets rounds follow nudges at once, but not more than so many a second.
#[derive(Default)]
struct Pace(VecDeque<Instant>);

impl Pace {
    async fn keep(&mut self) {
        let full = self.0.len() >= ROUNDS_PER_SECOND_MAX;
        if let Some(oldest) = full.then(|| self.0.pop_front()).flatten() {
            tokio::time::sleep_until(oldest + Duration::from_secs(1)).await;
        }
        self.0.push_back(Instant::now());
    }
}
