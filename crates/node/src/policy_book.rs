//! The rules of this node: which are in force, who may change them, and what a change is.
//!
//! Rules come from the file that the settings name until officers put others in force with their
//! signatures; from then on those in the store win, and the file is not looked at: otherwise one person
//! with an editor could undo what two have signed. Once something can go to a partner, a changed file
//! is followed only if it opens nothing: opening takes two officers, whoever writes the file. Rules that
//! can never decide are refused wherever they come from, unless what they stand in closes something.

use crate::config::Config;
use crate::error::NodeError;
use crate::officer::{OfficerRole, Register};
use cedar_engine::{COMMON_FLOOR, Engine, Weighed, WeighingError, freeze, weigh};
use desk::Desk;
use desk::error::DeskError;
use desk::policy_activation::{Activation, PolicyRow, ProposalRow, active_policy, file_policy};
use domain::envelope::{Envelope, Signed};
use domain::name::{Digest, OfficerId};
use domain::policy_consent::{CONSENT_AGE_MS_MAX, PolicyConsent, PolicyStep};
use domain::refusal::{Refusal, RefusalCode};
use domain::signature::PublicKey;
use policy::difference::{Census, Change};
use policy::label_space::Only;
use policy::proposal::{Activated, Authority, Frozen, PolicyText, Proposal, SIGNATURES_MAX, Which};
use policy::survey::Idle;
use policy::{Evaluator as _, invariant};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;

/// What an officer wants to do with rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Office {
    /// Sign for rules.
    Sign,
    /// Stop all sharing, or put in force what others signed.
    Operate,
}

/// Rules that decide now.
#[derive(Clone)]
pub(crate) struct Active {
    local: String,
    bundle: Digest,
    authority: Authority,
    consents: Vec<Envelope>,
}

/// The rules of a node, and their changes one at a time.
pub(crate) struct PolicyBook {
    desk: Arc<Desk>,
    register: Register,
    active: Mutex<Active>,
    /// Held while rules or proposals change, never while a change is weighed: whoever stops all sharing
    /// must not wait for that.
    turn: tokio::sync::Mutex<()>,
    /// One change is weighed at a time.
    scales: Arc<tokio::sync::Mutex<()>>,
}

/// The rules that are to decide, and why the file was not followed, if it was not.
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    pub(crate) active: Active,
    pub(crate) refused: Option<NodeError>,
}

/// The rules that are to decide: those that officers signed, else those of the file, unless it opens
/// more than the rules before, or has rules that can never decide; then those. Weighing a changed file
/// takes seconds.
///
/// # Errors
/// Rules that cannot be used, whichever they are: a node does not fall back on others. A first file
/// with rules that can never decide.
pub(crate) fn load(config: &Config, store: &dyn Store) -> Result<Loaded, NodeError> {
    let stored = active_policy(store).map_err(NodeError::Desk)?;
    let (local, authority, consents) = match stored {
        Some(row) => (row.local, Authority::Signatures, row.consents),
        None => (config.local_policy()?.to_string(), Authority::File, Vec::new()),
    };
    let mut engine = Engine::load(COMMON_FLOOR, &local)?;
    for warning in engine.warnings() {
        tracing::warn!(%warning, "policy");
    }
    let mut active = Active { local, bundle: engine.bundle_hash(), authority, consents };
    let mut refused = None;
    if authority == Authority::File {
        let path = &config.local_policy;
        match file_policy(store).map_err(NodeError::Desk)? {
            Some(kept) => {
                if let Err(why) = follows(&kept.local, &engine, path) {
                    (engine, active.local) = match Engine::load(COMMON_FLOOR, &kept.local) {
                        Ok(engine) => (engine, kept.local),
                        // This release reads those before no more: nothing is shared until two
                        // officers sign.
                        Err(_) => freeze(&active.local)?,
                    };
                    active.bundle = engine.bundle_hash();
                    refused = Some(why);
                }
            }
            None => {
                if let Decides::NotKnown(why) = first_decides(&engine, path)? {
                    not_known(&why);
                }
            }
        }
    }
    Ok(Loaded { engine, active, refused })
}

/// What is known of rules that are taken.
pub(crate) enum Decides {
    /// Each of them can decide.
    Each,
    /// There are too many combinations of labels to know.
    NotKnown(WeighingError),
}

/// Refuses a first file in which some rule can never decide. Rules with too many combinations to be
/// looked at are taken.
pub(crate) fn first_decides(engine: &Engine, path: &Path) -> Result<Decides, NodeError> {
    match engine.idle_rules(None) {
        Ok(idle) if idle.is_empty() => Ok(Decides::Each),
        Ok(idle) => Err(idle_in(path, idle)),
        Err(why) => Ok(Decides::NotKnown(why)),
    }
}

fn idle_in(path: &Path, idle: Vec<Idle>) -> NodeError {
    NodeError::PolicyIdle { path: path.to_owned(), idle }
}

fn not_known(error: &WeighingError) {
    tracing::warn!(%error, "whether each rule can decide is not known");
}

/// May a changed file take the place of the rules before? Not if it opens anything, and what cannot be
/// weighed does, unless it is plain from the rules alone that it does not. Nor if a new rule can never
/// decide, unless something closes: that must not wait.
fn follows(before: &str, after: &Engine, path: &Path) -> Result<(), NodeError> {
    let widens = || NodeError::PolicyWidens { path: path.to_owned() };
    let before = Engine::load(COMMON_FLOOR, before).map_err(|_| widens())?;
    if before.bundle_hash() == after.bundle_hash() {
        return Ok(());
    }
    let only_narrowed = before.is_only_narrowed_by(after);
    if only_narrowed {
        match after.idle_rules(Some(&before)) {
            Ok(idle) if idle.is_empty() => return Ok(()),
            Ok(_) => {}
            Err(error) => {
                not_known(&error);
                return Ok(());
            }
        }
    }
    match weigh(&before, after, &Only::everything(), &[]) {
        Ok(weighed) if weighed.difference.change == Change::Widening => Err(widens()),
        Ok(weighed) if weighed.is_held_up() => Err(idle_in(path, weighed.idle)),
        Ok(weighed) => {
            for idle in weighed.idle {
                tracing::warn!(%idle, "a rule can never decide");
            }
            Ok(())
        }
        // Some rule is idle, and whether anything closes is not known: that must not wait.
        Err(error) if only_narrowed => {
            tracing::warn!(%error, "a rule can never decide; the change cannot be weighed");
            Ok(())
        }
        Err(error) => {
            tracing::error!(%error, "the change of the file of local rules cannot be weighed");
            Err(widens())
        }
    }
}

impl PolicyBook {
    pub(crate) fn new(desk: Arc<Desk>, config: &Config, active: Active) -> Self {
        let register = Register::new(config.officers_folder.clone());
        let (turn, scales) = (tokio::sync::Mutex::default(), Arc::default());
        Self { desk, register, active: Mutex::new(active), turn, scales }
    }

    /// Reads the rules again, as at a start.
    pub(crate) async fn reload(&self, engine: Engine, active: Active) -> Result<(), DeskError> {
        let _turn = self.turn.lock().await;
        // What officers put in force while the rules were read stays: a freeze above all.
        let signed = active_policy(&**self.desk.store())?.map(|row| row.bundle);
        let is_newest = match active.authority {
            Authority::File => signed.is_none(),
            Authority::Signatures => signed == Some(active.bundle),
        };
        if !is_newest {
            return Ok(());
        }
        self.desk.activate_policy(Arc::new(engine)).await?;
        self.replace(active);
        let active = self.active();
        self.desk.keep_file_policy(&active.local, active.bundle).await
    }

    /// Keeps what the file says, once something can go to a partner under it.
    pub(crate) async fn keep_file(&self) -> Result<(), DeskError> {
        let _turn = self.turn.lock().await;
        let active = self.active();
        if active.authority == Authority::Signatures {
            return Ok(());
        }
        self.desk.keep_file_policy(&active.local, active.bundle).await
    }

    /// The file was not followed: an entry of the log, and a line for the operator.
    pub(crate) async fn note_file_refused(&self, error: &NodeError) -> Result<(), DeskError> {
        tracing::error!(%error, hint = error.hint(), "the file of local rules is not followed");
        let refusal = match error {
            NodeError::PolicyIdle { .. } => {
                Refusal::by_rule(RefusalCode::Malformed, invariant::POLICY_IDLE)
            }
            _ => Refusal::by_rule(RefusalCode::NeedsApproval, invariant::POLICY_SIGNATURES),
        };
        self.desk.note_file_refused(&refusal).await
    }

    /// Rules, for reading.
    pub(crate) fn read(&self, which: &Which) -> Result<PolicyText, DeskError> {
        let (local, authority) = match which {
            Which::Active => {
                let active = self.active();
                (active.local, active.authority)
            }
            Which::Previous => {
                let row = self.desk.previous_policy()?.ok_or(RefusalCode::NotHeld)?;
                let signed = !row.consents.is_empty();
                (row.local, if signed { Authority::Signatures } else { Authority::File })
            }
            Which::Proposal(first_bytes) => {
                (self.desk.find_proposal(first_bytes)?.local, Authority::Signatures)
            }
        };
        let engine = engine_of(&local)?;
        Ok(PolicyText {
            floor: COMMON_FLOOR.to_owned(),
            local,
            bundle: engine.bundle_hash(),
            frozen: if engine.is_frozen() { Frozen::Yes } else { Frozen::No },
            authority,
            agreements: self.desk.agreement_ids(),
        })
    }

    /// The proposals that wait.
    pub(crate) fn proposals(&self) -> Result<Vec<Proposal>, DeskError> {
        let rows = self.desk.policy_proposals()?;
        Ok(rows.iter().map(|row| self.shown(row)).collect())
    }

    /// Takes an officer's signature for rules: the first one makes a proposal.
    pub(crate) async fn sign(
        &self,
        officer: &OfficerId,
        local: String,
        consent: Envelope,
    ) -> Result<Proposal, DeskError> {
        let signed = self.try_sign(officer, local, consent).await;
        self.noted(officer, signed).await
    }

    /// Puts a proposal in force, if it has its signatures and is still what was signed for.
    pub(crate) async fn activate(
        &self,
        officer: &OfficerId,
        first_bytes: &[u8],
    ) -> Result<Activated, DeskError> {
        let activated = self.try_activate(officer, first_bytes).await;
        self.noted(officer, activated).await
    }

    /// Stops all sharing. A rule that only forbids is added to those in force, so nothing is weighed.
    pub(crate) async fn freeze(
        &self,
        officer: &OfficerId,
        consent: Envelope,
    ) -> Result<Activated, DeskError> {
        let _turn = self.turn.lock().await;
        let frozen = self.try_freeze(officer, consent).await;
        self.noted(officer, frozen).await
    }

    async fn try_sign(
        &self,
        officer: &OfficerId,
        local: String,
        consent: Envelope,
    ) -> Result<Proposal, DeskError> {
        let active = self.active();
        let said = self.consent(officer, &consent, PolicyStep::Activate, Office::Sign)?;
        let new = engine_of(&local)?;
        let moved = || no(RefusalCode::VersionConflict, invariant::POLICY_MOVED);
        if said.from != active.bundle || said.to != new.bundle_hash() {
            return Err(moved());
        }
        let weighed = self.weigh(&active.local, new).await?;
        if weighed.hash != said.difference {
            return Err(moved());
        }
        if weighed.is_held_up() {
            return Err(no(RefusalCode::Malformed, invariant::POLICY_IDLE));
        }
        let _turn = self.turn.lock().await;
        if said.from != self.active().bundle {
            return Err(moved());
        }
        let known = self.desk.policy_proposals()?;
        let known = known.into_iter().find(|row| row.difference == weighed.hash);
        let mut row = known.unwrap_or_else(|| ProposalRow {
            local,
            from: said.from,
            to: said.to,
            difference: weighed.hash,
            change: weighed.difference.change,
            consents: Vec::new(),
            proposed_at: self.desk.now(),
        });
        if self.signers(&row.consents).contains(officer) {
            return Ok(self.shown(&row));
        }
        if row.consents.len() >= SIGNATURES_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        row.consents.push(consent);
        self.desk.keep_proposal(officer, &row).await?;
        Ok(self.shown(&row))
    }

    async fn try_activate(
        &self,
        officer: &OfficerId,
        first_bytes: &[u8],
    ) -> Result<Activated, DeskError> {
        self.entitled(officer, Office::Operate)?;
        let moved = || no(RefusalCode::VersionConflict, invariant::POLICY_MOVED);
        let active = self.active();
        let proposed = self.desk.find_proposal(first_bytes)?;
        let new = engine_of(&proposed.local)?;
        if proposed.from != active.bundle || proposed.to != new.bundle_hash() {
            return Err(moved());
        }
        // What was signed for must still be what would happen, to the record.
        let weighed = self.weigh(&active.local, new).await?;
        let _turn = self.turn.lock().await;
        // Signatures may have come in the meantime, and other rules.
        let row = self.desk.find_proposal(first_bytes)?;
        if row.from != self.active().bundle || row.to != proposed.to {
            return Err(moved());
        }
        if weighed.hash != row.difference {
            return Err(moved());
        }
        if weighed.is_held_up() {
            return Err(no(RefusalCode::Malformed, invariant::POLICY_IDLE));
        }
        let change = weighed.difference.change;
        let signed_by = self.signers(&row.consents);
        if signed_by.len() < change.signatures_needed() {
            return Err(no(RefusalCode::NeedsApproval, invariant::POLICY_SIGNATURES));
        }
        let next = Active {
            local: row.local,
            bundle: row.to,
            authority: Authority::Signatures,
            consents: row.consents,
        };
        self.put_in_force(officer, next, change, Some(row.difference), signed_by).await
    }

    async fn try_freeze(
        &self,
        officer: &OfficerId,
        consent: Envelope,
    ) -> Result<Activated, DeskError> {
        let active = self.active();
        let said = self.consent(officer, &consent, PolicyStep::Freeze, Office::Operate)?;
        let (engine, local) = freeze(&active.local).map_err(|error| unusable(&error))?;
        let bundle = engine.bundle_hash();
        if said.from != active.bundle || said.to != bundle {
            return Err(no(RefusalCode::VersionConflict, invariant::POLICY_MOVED));
        }
        let consents = vec![consent];
        let next = Active { local, bundle, authority: Authority::Signatures, consents };
        let signed_by = vec![officer.clone()];
        self.put_in_force(officer, next, Change::Narrowing, None, signed_by).await
    }

    async fn put_in_force(
        &self,
        officer: &OfficerId,
        next: Active,
        change: Change,
        proposal: Option<Digest>,
        signed_by: Vec<OfficerId>,
    ) -> Result<Activated, DeskError> {
        let engine = engine_of(&next.local)?;
        let names: Vec<&str> = signed_by.iter().map(OfficerId::as_str).collect();
        let what = match proposal {
            Some(difference) => format!("difference {difference}"),
            None => "all sharing frozen".to_owned(),
        };
        let note = format!("{}, {what}, signed by {}", change.as_str(), names.join(", "));
        let (now, before) = (self.desk.now(), self.active());
        let row = |active: &Active| PolicyRow {
            local: active.local.clone(),
            bundle: active.bundle,
            consents: active.consents.clone(),
            at: now,
        };
        let activation = Activation {
            evaluator: Arc::new(engine),
            row: row(&next),
            before: row(&before),
            proposal,
            note,
        };
        let audit_sequence = self.desk.put_policy_in_force(officer, activation).await?;
        let bundle = next.bundle;
        self.replace(next);
        Ok(Activated { change, bundle, signed_by, audit_sequence })
    }

    /// Opens a consent with the key in the register, and holds it against who calls and when.
    fn consent(
        &self,
        officer: &OfficerId,
        consent: &Envelope,
        step: PolicyStep,
        office: Office,
    ) -> Result<PolicyConsent, DeskError> {
        let key = self.entitled(officer, office)?;
        let wrong = || no(RefusalCode::SignatureInvalid, invariant::POLICY_CONSENT);
        let signed = Signed::<PolicyConsent>::open(consent.clone(), &key).map_err(|_| wrong())?;
        let (said, now) = (signed.into_parts().0, self.desk.now());
        let is_fresh = said.at <= now.plus_ms(CONSENT_AGE_MS_MAX)
            && now <= said.at.plus_ms(CONSENT_AGE_MS_MAX);
        if said.agency != *self.desk.own()
            || said.officer != *officer
            || said.step != step
            || !is_fresh
        {
            return Err(wrong());
        }
        Ok(said)
    }

    /// The signing key of an officer who may do that now.
    fn entitled(&self, officer: &OfficerId, office: Office) -> Result<PublicKey, DeskError> {
        let refused = || no(RefusalCode::OfficerNotEntitled, invariant::POLICY_ROLE);
        let entry = self.register.active(officer).ok_or_else(refused)?;
        let role = match entry.role {
            OfficerRole::Magistrate | OfficerRole::Deputy | OfficerRole::PolicyOfficer => true,
            OfficerRole::Operator | OfficerRole::DataProtectionOfficer => office == Office::Operate,
            OfficerRole::Analyst | OfficerRole::Clerk | OfficerRole::Oversight => false,
        };
        let key = entry.signing_key().filter(|_| role);
        key.ok_or_else(refused)
    }

    /// The different officers, each with a key of their own, whose signatures count now.
    fn signers(&self, consents: &[Envelope]) -> Vec<OfficerId> {
        let mut counted: Vec<(OfficerId, PublicKey)> = Vec::new();
        for consent in consents {
            let Ok(said) =
                <PolicyConsent as domain::envelope::Payload>::from_payload(&consent.payload)
            else {
                continue;
            };
            let Ok(key) = self.entitled(&said.officer, Office::Sign) else { continue };
            if Signed::<PolicyConsent>::open(consent.clone(), &key).is_err() {
                continue;
            }
            let is_new =
                |(known, with): &(OfficerId, PublicKey)| *known != said.officer && *with != key;
            if counted.iter().all(is_new) {
                counted.push((said.officer, key));
            }
        }
        counted.into_iter().map(|(officer, _)| officer).collect()
    }

    fn shown(&self, row: &ProposalRow) -> Proposal {
        Proposal {
            difference: row.difference,
            change: row.change,
            from: row.from,
            to: row.to,
            signed_by: self.signers(&row.consents),
            proposed_at: row.proposed_at,
            open_until: row.open_until(),
        }
    }

    /// Weighs a change against what is held now; takes seconds, on a thread of its own.
    async fn weigh(&self, old: &str, new: Engine) -> Result<Weighed, DeskError> {
        // Held by the work itself: a caller who hangs up ends nothing.
        let scales = Arc::clone(&self.scales).lock_owned().await;
        let old = engine_of(old)?;
        let ids = self.desk.agreement_ids();
        let censuses = ids.iter().map(|agreement| self.desk.census(agreement));
        let censuses = censuses.collect::<Result<Vec<Census>, DeskError>>()?;
        let weighing = tokio::task::spawn_blocking(move || {
            let weighed = weigh(&old, &new, &Only::everything(), &censuses);
            drop(scales);
            weighed
        });
        let weighed = weighing.await.map_err(|_| DeskError::Unavailable("weighing the change"))?;
        weighed.map_err(|error| unusable(&error))
    }

    /// A refusal is an entry of the log before the officer hears it.
    async fn noted<T>(
        &self,
        officer: &OfficerId,
        result: Result<T, DeskError>,
    ) -> Result<T, DeskError> {
        if let Err(DeskError::Refused(refusal)) = &result {
            self.desk.note_policy_refused(officer, refusal).await?;
        }
        result
    }

    fn active(&self) -> Active {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, active: Active) {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = active;
    }
}

fn engine_of(local: &str) -> Result<Engine, DeskError> {
    Engine::load(COMMON_FLOOR, local).map_err(|error| unusable(&error))
}

/// The officer's own program has shown what is wrong with rules before they were sent.
fn unusable(error: &dyn core::fmt::Display) -> DeskError {
    tracing::info!(%error, "rules that cannot be used");
    RefusalCode::Malformed.into()
}

fn no(code: RefusalCode, rule: &str) -> DeskError {
    Refusal::by_rule(code, rule).into()
}
