//! Makes one decision anew: find the agreement, hold the invariants, ask the policy, narrow.

use crate::alike::{Sets, Shared};
use crate::approval::{
    self, Approved, Counted, CourtUse, Footing, Used, Wanted, quorum, with_approved_audience,
};
use crate::approvers::{self, Quorum};
use crate::cache::Asked;
use crate::decision::{Action, Decision, Permit, PolicyEpoch, Scope};
use crate::evaluator::{Evaluation, Evaluator, Matter, Verdict};
use crate::invariant::{self, Invariant, Scene};
use agreement::terms::EvidenceRule;
use agreement::{Agreement, Register};
use domain::class::Class;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId};
use domain::question::QuestionTerms;
use domain::refusal::{Refusal, RefusalCode};
use domain::time::Timestamp;
use domain::value::{Channel, Handling, Subject};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The longest fault kept for our own log, in characters.
const FAULT_CHARACTERS_MAX: usize = 512;

/// The version of an agreement that counts and where it stands, for the time that a judge serves.
pub(crate) struct Binding {
    pub(crate) agreement: Arc<Agreement>,
    pub(crate) state: Arc<agreement::State>,
    pub(crate) register: Arc<Register>,
}

/// Everything that decisions of one epoch rest on. It never changes.
pub(crate) struct Judge {
    own: AgencyId,
    epoch: PolicyEpoch,
    bindings: BTreeMap<AgreementId, Binding>,
    evaluator: Arc<dyn Evaluator>,
    /// For each agreement the partners that the rules cannot tell apart, found when it is first asked.
    sets: BTreeMap<AgreementId, OnceLock<Sets>>,
    shared: Shared,
    lists: Lists,
    last_fault: Mutex<Option<String>>,
}

/// The invariants in use: all of them, except in the tests that show what each is for.
pub(crate) struct Lists {
    pub(crate) agreement: &'static [Invariant],
    pub(crate) question: &'static [Invariant],
    pub(crate) class: &'static [Invariant],
}

impl Lists {
    pub(crate) const ALL: Self = Self {
        agreement: invariant::OF_THE_AGREEMENT,
        question: invariant::OF_THE_QUESTION,
        class: invariant::OF_THE_CLASS,
    };
}

impl Judge {
    pub(crate) fn new(
        own: AgencyId,
        epoch: PolicyEpoch,
        bindings: BTreeMap<AgreementId, Binding>,
        evaluator: Arc<dyn Evaluator>,
        lists: Lists,
    ) -> Self {
        let sets = bindings.keys().map(|agreement| (agreement.clone(), OnceLock::new())).collect();
        let (shared, last_fault) = (Shared::default(), Mutex::new(None));
        Self { own, epoch, bindings, evaluator, sets, shared, lists, last_fault }
    }

    pub(crate) const fn epoch(&self) -> PolicyEpoch {
        self.epoch
    }

    pub(crate) fn binding(&self, agreement: &AgreementId) -> Option<&Binding> {
        self.bindings.get(agreement)
    }

    pub(crate) fn last_fault(&self) -> Option<String> {
        self.last_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Decides about a class: for itself, or against the question that it matches.
    pub(crate) fn decide(&self, asked: &Asked, class: &Arc<Class>) -> Decision {
        match (asked.action, &asked.terms) {
            (Action::Withdraw, None) => self.decide_withdrawal(&asked.peer, class),
            (Action::Inspect, None) => self.decide_inspection(&asked.peer, class),
            (Action::Submit | Action::Share | Action::Receive, None) => {
                self.decide_class(asked, class)
            }
            (Action::Show, Some(terms)) => self.decide_match(&asked.peer, terms, class),
            _ => Decision::deny(RefusalCode::PolicyFault, invariant::ACTION),
        }
    }

    /// Decides about a question from itself alone: every refusal may be told to the asker.
    pub(crate) fn decide_terms(
        &self,
        action: Action,
        peer: &AgencyId,
        terms: &QuestionTerms,
    ) -> Decision {
        if !matches!(action, Action::Ask | Action::Answer) {
            return Decision::deny(RefusalCode::PolicyFault, invariant::ACTION);
        }
        let matter = Matter::Terms(terms);
        let scene = match self.scene(action, peer, &terms.agreement, terms.channel, matter) {
            Ok(scene) => scene,
            Err(refusal) => return Decision::Deny(refusal),
        };
        let lists = [self.lists.agreement, self.lists.question];
        if let Some(broken) = invariant::broken(&scene, lists) {
            return Decision::deny(broken.code, broken.name);
        }
        let scope = Scope::Terms(terms.clone());
        match self.ask_policy(&scene, scope, RefusalCode::PolicyDenied) {
            // A partner's question is answered now or refused now: nobody stands by to approve.
            Decision::NeedsApproval { rule, .. } if action == Action::Answer => {
                Decision::deny(RefusalCode::PolicyDenied, &rule)
            }
            decision => decision,
        }
    }

    fn decide_class(&self, asked: &Asked, class: &Arc<Class>) -> Decision {
        let matter = Matter::Class(class);
        let (action, peer) = (asked.action, &asked.peer);
        let scene = match self.scene(action, peer, &class.agreement, asked.channel, matter) {
            Ok(scene) => scene,
            Err(refusal) => return Decision::Deny(refusal),
        };
        if scene.is_own_use() != (action == Action::Submit) {
            return Decision::deny(RefusalCode::NotAParty, invariant::PARTY);
        }
        let lists = [self.lists.agreement, self.lists.class];
        if let Some(broken) = invariant::broken(&scene, lists) {
            return Decision::deny(broken.code, broken.name);
        }
        self.ask_policy(&scene, Scope::Class(Arc::clone(class)), RefusalCode::RuleDenied)
    }

    /// The approvals that count under the version that counts; none of an unknown agreement.
    pub(crate) fn weigh(
        &self,
        approvals: &[Envelope],
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Approved {
        let binding = self.bindings.get(&wanted.subject.class.agreement);
        binding.map_or_else(Approved::default, |binding| {
            approval::weigh(approvals, wanted, &binding.register, &binding.agreement, now)
        })
    }

    pub(crate) fn check_approval(
        &self,
        envelope: &Envelope,
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Result<Counted, Refusal> {
        let unknown =
            || Refusal::by_rule(RefusalCode::AgreementUnknown, invariant::AGREEMENT_KNOWN);
        let binding = self.bindings.get(&wanted.subject.class.agreement).ok_or_else(unknown)?;
        approval::check(envelope, wanted, &binding.register, &binding.agreement, now)
    }

    /// Decides about one record by approvals. They stand beside the rules and lift none of them.
    pub(crate) fn decide_record(
        &self,
        action: Action,
        peer: &AgencyId,
        class: &Arc<Class>,
        approved: &Approved,
    ) -> Decision {
        if !action.takes_approvals() {
            return Decision::deny(RefusalCode::PolicyFault, invariant::ACTION);
        }
        let recipient = if action == Action::Receive { &self.own } else { peer };
        let asked = with_approved_audience(class, recipient, approved);
        let (channel, matter) = (Channel::Authority, Matter::Class(&asked));
        let scene = match self.scene(action, peer, &class.agreement, channel, matter) {
            Ok(scene) => Scene { approvals: Some(approved.given), ..scene },
            Err(refusal) => return Decision::Deny(refusal),
        };
        if scene.is_own_use() {
            return Decision::deny(RefusalCode::NotAParty, invariant::PARTY);
        }
        if let Some(broken) = invariant::broken(&scene, [self.lists.agreement, self.lists.class]) {
            return Decision::deny(broken.code, broken.name);
        }
        if quorum(scene.agreement, &class.origin, &class.purposes).is_none() {
            return Decision::deny(RefusalCode::RuleDenied, invariant::APPROVERS);
        }
        self.ask_policy(&scene, Scope::Class(Arc::clone(class)), RefusalCode::RuleDenied)
    }

    /// Our own officers look into what came by approval.
    pub(crate) fn decide_own_match(
        &self,
        terms: &QuestionTerms,
        class: &Arc<Class>,
        approved: &Approved,
    ) -> Decision {
        let asked = with_approved_audience(class, &self.own, approved);
        match self.decide_match(&self.own, terms, &asked) {
            Decision::Allow(permit) => {
                let (scope, rules) = (Scope::Class(Arc::clone(class)), permit.rules().to_vec());
                Decision::Allow(Permit::new(Action::Show, &self.own, scope, self.epoch, rules))
            }
            refused => refused,
        }
    }

    /// What a use in court takes of the originator's people: nobody where it is what the record was
    /// stated for and nobody restricted it, and for what is protected as many as for moving it. What the
    /// agreement keeps from courts, or has no room for, nobody permits.
    pub(crate) fn decide_court_use(
        &self,
        class: &Class,
        used: &Used<'_>,
        approved: Approved,
    ) -> Result<CourtUse, Refusal> {
        let unknown =
            || Refusal::by_rule(RefusalCode::AgreementUnknown, invariant::AGREEMENT_KNOWN);
        let binding = self.bindings.get(&class.agreement).ok_or_else(unknown)?;
        if class.subject == Subject::SmuggledMigrant {
            return Err(RefusalCode::SmuggledMigrant.into());
        }
        let agreement = &binding.agreement;
        if agreement.evidence_rule == EvidenceRule::FormalRequestOnly {
            return Err(Refusal::by_rule(RefusalCode::RuleDenied, invariant::EVIDENCE_RULE));
        }
        if used.purpose.is_some_and(|purpose| !agreement.covers_purpose(purpose)) {
            return Err(Refusal::by_rule(RefusalCode::PurposeNotCovered, "code.purpose"));
        }
        if used.offence.is_some_and(|offence| !agreement.covers_offence(offence)) {
            return Err(Refusal::by_rule(RefusalCode::OffenceNotCovered, "code.offence"));
        }
        let as_stated = match approval::footing(agreement, class, used) {
            Footing::None => {
                return Err(Refusal::by_rule(RefusalCode::RuleDenied, invariant::USE_BASIS));
            }
            footing => footing == Footing::AsStated,
        };
        // H3 says something that no machine reads: people decide, as about what nobody stated.
        let is_restricted =
            class.handling.contains(Handling::H1) || class.handling.contains(Handling::H3);
        if as_stated && !is_restricted {
            return Ok(CourtUse { approved, needed: 0 });
        }
        let mut purposes = class.purposes.clone();
        purposes.extend(used.purpose);
        let quorum = quorum(agreement, &class.origin, &purposes);
        let unlisted = || Refusal::by_rule(RefusalCode::RuleDenied, invariant::APPROVERS);
        let least = if invariant::is_protected(class) { 2 } else { 1 };
        Ok(CourtUse { approved, needed: quorum.ok_or_else(unlisted)?.max(least) })
    }

    /// What depends on the record is never told: a code of the question becomes one of the record.
    fn decide_match(
        &self,
        asker: &AgencyId,
        terms: &QuestionTerms,
        class: &Arc<Class>,
    ) -> Decision {
        let matter = Matter::Match { terms, class };
        let scene = self.scene(Action::Show, asker, &terms.agreement, terms.channel, matter);
        let decision = match scene {
            Err(refusal) => Decision::Deny(refusal),
            Ok(scene) => {
                let lists = [self.lists.agreement, self.lists.class];
                match invariant::broken(&scene, lists) {
                    Some(broken) => Decision::deny(broken.code, broken.name),
                    None => {
                        let scope = Scope::Class(Arc::clone(class));
                        self.ask_policy(&scene, scope, RefusalCode::RuleDenied)
                    }
                }
            }
        };
        match decision {
            Decision::Deny(refusal) if refusal.code.is_of_the_question() => {
                Decision::Deny(Refusal { code: RefusalCode::RuleDenied, ..refusal })
            }
            other => other,
        }
    }

    /// Taking back needs no agreement in force and no policy: it can only narrow.
    fn decide_withdrawal(&self, peer: &AgencyId, class: &Arc<Class>) -> Decision {
        if class.origin != *peer {
            return Decision::deny(RefusalCode::OriginMismatch, invariant::WITHDRAW);
        }
        let scope = Scope::Class(Arc::clone(class));
        let rules = vec![invariant::WITHDRAW.to_owned()];
        Decision::Allow(Permit::new(Action::Withdraw, peer, scope, self.epoch, rules))
    }

    /// Our own officers may read what is lawfully kept, whatever the agreement has become; nobody else.
    fn decide_inspection(&self, peer: &AgencyId, class: &Arc<Class>) -> Decision {
        if *peer != self.own {
            return Decision::deny(RefusalCode::NotAParty, invariant::OWN_USE);
        }
        let scope = Scope::Class(Arc::clone(class));
        let rules = vec![invariant::OWN_USE.to_owned()];
        Decision::Allow(Permit::new(Action::Inspect, peer, scope, self.epoch, rules))
    }

    fn scene<'s>(
        &'s self,
        action: Action,
        peer: &AgencyId,
        agreement: &AgreementId,
        channel: Channel,
        matter: Matter<'s>,
    ) -> Result<Scene<'s>, Refusal> {
        let unknown =
            || Refusal::by_rule(RefusalCode::AgreementUnknown, invariant::AGREEMENT_KNOWN);
        let no_party = || Refusal::by_rule(RefusalCode::NotAParty, invariant::PARTY);
        let binding = self.bindings.get(agreement).ok_or_else(unknown)?;
        let own = binding.agreement.party(&self.own).ok_or_else(no_party)?;
        let peer = binding.agreement.party(peer).ok_or_else(no_party)?;
        Ok(Scene {
            action,
            own,
            peer,
            agreement: &binding.agreement,
            state: &binding.state,
            channel,
            approvals: None,
            floor_hash: self.evaluator.floor_hash(),
            matter,
        })
    }

    /// Everything that code demands holds; now the rules of the floor and of this country.
    fn ask_policy(&self, scene: &Scene<'_>, scope: Scope, denied: RefusalCode) -> Decision {
        let class = match &scope {
            // What was approved puts another audience to the rules than the record has.
            Scope::Class(class) if scene.approvals.is_none() => Some(Arc::clone(class)),
            _ => None,
        };
        let permit =
            |rules| Permit::new(scene.action, &scene.peer.agency, scope, self.epoch, rules);
        if scene.is_own_use() && scene.action != Action::Submit {
            return Decision::Allow(permit(vec![invariant::OWN_USE.to_owned()]));
        }
        match self.verdict(scene, class.as_ref()) {
            Verdict::Allow { rules } if !rules.is_empty() => match approvers::needed(scene) {
                Some(Quorum { authority, persons, given, rule }) if given < persons => {
                    Decision::NeedsApproval { authority, persons, rule: rule.to_owned() }
                }
                _ => Decision::Allow(permit(rules)),
            },
            Verdict::Allow { .. } => self.fault("a yes without a rule"),
            Verdict::NeedsApproval { authority, persons, rule } => {
                let least = approvers::needed(scene).map_or(1, |quorum| quorum.persons);
                Decision::NeedsApproval { authority, persons: persons.max(least), rule }
            }
            Verdict::Deny { rules } => {
                Decision::deny(denied, rules.first().map_or(invariant::DEFAULT_DENY, |rule| rule))
            }
            Verdict::Fault { why } => self.fault(&why),
        }
    }

    /// What the rules say, asked once for all partners that they cannot tell apart.
    fn verdict(&self, scene: &Scene<'_>, class: Option<&Arc<Class>>) -> Verdict {
        let evaluation = evaluation_of(scene);
        // The class that is kept is the one that the rules look at, or nothing is kept.
        let is_whole = scene.class().is_none() == class.is_none()
            && class.is_none_or(|class| scene.class() == Some(&**class));
        let sets = self.sets.get(&scene.agreement.agreement_id);
        let Some(sets) = sets.filter(|_| is_whole && scene.approvals.is_none()) else {
            return self.evaluator.evaluate(&evaluation);
        };
        let of = || Sets::of(scene.agreement, &self.own, &*self.evaluator);
        self.shared.verdict(&*self.evaluator, &evaluation, sets.get_or_init(of), class)
    }

    fn fault(&self, why: &str) -> Decision {
        let why = why.chars().take(FAULT_CHARACTERS_MAX).collect();
        *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        Decision::deny(RefusalCode::PolicyFault, invariant::EVALUATOR)
    }
}

fn evaluation_of<'s>(scene: &Scene<'s>) -> Evaluation<'s> {
    let (from, to) = match scene.action {
        Action::Receive => (scene.peer, scene.own),
        _ => (scene.own, scene.peer),
    };
    let pair = scene.agreement.pair(&from.agency, &to.agency);
    Evaluation {
        action: scene.action,
        own: scene.own,
        peer: scene.peer,
        agreement: scene.agreement,
        transfer_basis: pair.map(|pair| pair.transfer_basis),
        channel: scene.channel,
        approvals: scene.approvals.unwrap_or_default(),
        matter: scene.matter,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
