//! The gate: knows the agreements, their standing now and the policy, and decides under them.

use crate::approval::{Approved, Counted, CourtUse, Subject, Used, Wanted};
use crate::cache::{Asked, Kept, View};
use crate::class_table::{ClassNumber, ClassTable};
use crate::decision::{Action, Decision, Permit, PolicyEpoch};
use crate::evaluator::Evaluator;
use crate::judge::{Binding, Judge, Lists};
use agreement::purge::Board;
use agreement::{Agreement, Register};
use arc_swap::ArcSwap;
use domain::approval::ApprovedAct;
use domain::class::Class;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId};
use domain::question::QuestionTerms;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use domain::value::Channel;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most agreements.
pub const AGREEMENTS_MAX: usize = 256;

/// What a gate cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// More agreements than a node keeps.
    #[error("{given} agreements, more than the {AGREEMENTS_MAX} a node keeps; remove ended ones")]
    TooManyAgreements {
        /// How many were given.
        given: usize,
    },
}

/// Decides everything that moves, for one agency. Shared by every thread; reading takes no lock.
pub struct Gate {
    own: AgencyId,
    classes: Arc<ClassTable>,
    state: ArcSwap<Basis>,
    /// Serialises changes; holds nothing.
    change: Mutex<()>,
}

/// What decisions rest on.
struct Basis {
    epoch: PolicyEpoch,
    registers: Arc<[Arc<Register>]>,
    evaluator: Arc<dyn Evaluator>,
    /// `None` until somebody says what time it is.
    kept: Option<Arc<Kept>>,
}

impl Gate {
    /// A gate that knows no agreement: it denies everything but withdrawals.
    pub fn new(own: AgencyId, evaluator: Arc<dyn Evaluator>) -> Self {
        let registers: Arc<[Arc<Register>]> = Arc::new([]);
        let state = Basis { epoch: PolicyEpoch(1), registers, evaluator, kept: None };
        Self {
            own,
            classes: Arc::default(),
            state: ArcSwap::from_pointee(state),
            change: Mutex::new(()),
        }
    }

    /// Our own agency.
    pub const fn own(&self) -> &AgencyId {
        &self.own
    }

    /// Replaces every agreement and what is known of its papers. From the return on, no decision
    /// rests on what was before.
    ///
    /// # Errors
    /// [`PolicyError`]; then nothing has changed.
    pub fn replace_agreements(
        &self,
        registers: Vec<Arc<Register>>,
    ) -> Result<PolicyEpoch, PolicyError> {
        if registers.len() > AGREEMENTS_MAX {
            return Err(PolicyError::TooManyAgreements { given: registers.len() });
        }
        Ok(self.replace(|state| Basis {
            epoch: next(state.epoch),
            registers: registers.into(),
            evaluator: Arc::clone(&state.evaluator),
            kept: None,
        }))
    }

    /// Replaces the policy. From the return on, no decision rests on the one before.
    pub fn replace_evaluator(&self, evaluator: Arc<dyn Evaluator>) -> PolicyEpoch {
        self.replace(|state| Basis {
            epoch: next(state.epoch),
            registers: Arc::clone(&state.registers),
            evaluator,
            kept: None,
        })
    }

    /// The present epoch. It also moves by itself at the first decision after a validity boundary.
    pub fn epoch(&self) -> PolicyEpoch {
        self.state.load().epoch
    }

    /// Decides about records of a class: [`Action::Submit`] (the peer is our own agency),
    /// [`Action::Share`], [`Action::Receive`], [`Action::Withdraw`] (the peer is the origin),
    /// [`Action::Inspect`] (the peer is our own agency).
    pub fn decide_class(
        &self,
        action: Action,
        peer: &AgencyId,
        class: &Arc<Class>,
        channel: Channel,
        now: Timestamp,
    ) -> Decision {
        let asked = Asked { action, peer: peer.clone(), channel, terms: None };
        self.decide(asked, class, now)
    }

    /// Decides about a question from itself alone: [`Action::Ask`] (the peer is asked) and
    /// [`Action::Answer`] (the peer asks). Every refusal may be told to the asker.
    pub fn decide_terms(
        &self,
        action: Action,
        peer: &AgencyId,
        terms: &QuestionTerms,
        now: Timestamp,
    ) -> Decision {
        let kept = self.kept_at(now);
        if is_strange(kept.judge(), peer, &terms.agreement) {
            return kept.judge().decide_terms(action, peer, terms);
        }
        kept.decide_terms(action, peer, terms)
    }

    /// Decides whether a match with a record of this class may be shown for this question. No
    /// refusal that depends on the class is ever told to the asker: to it, it is no match. Our own
    /// agency as asker stands for our own officers.
    pub fn decide_answer(
        &self,
        asker: &AgencyId,
        terms: &QuestionTerms,
        class: &Arc<Class>,
        now: Timestamp,
    ) -> Decision {
        let action = if *asker == self.own { Action::Ask } else { Action::Answer };
        match self.decide_terms(action, asker, terms, now) {
            Decision::Allow(_) => {}
            refused => return refused,
        }
        let (peer, channel) = (asker.clone(), terms.channel);
        let asked = Asked { action: Action::Show, peer, channel, terms: Some(terms.clone()) };
        self.decide(asked, class, now)
    }

    /// Decides about one record by what people of its originator approved: [`Action::Share`] and
    /// [`Action::Receive`], in the channel AUTHORITY. Made anew each time, and for this record alone.
    /// Says, too, who counted and until when; without anybody it says how many it takes.
    pub fn decide_record(
        &self,
        action: Action,
        peer: &AgencyId,
        subject: &Subject<'_>,
        approvals: &[Envelope],
        now: Timestamp,
    ) -> (Decision, Approved) {
        let kept = self.kept_at(now);
        let recipient = if action == Action::Receive { &self.own } else { peer };
        let wanted = Wanted { subject, recipient, act: &ApprovedAct::Share, purpose: None };
        let approved = kept.judge().weigh(approvals, wanted, now);
        (kept.judge().decide_record(action, peer, subject.class, &approved), approved)
    }

    /// Decides whether our own officers may see a match with a partner's record that came here by
    /// approval. What its audience allows by itself needs no approval.
    pub fn decide_own_match(
        &self,
        terms: &QuestionTerms,
        subject: &Subject<'_>,
        approvals: &[Envelope],
        now: Timestamp,
    ) -> Decision {
        match self.decide_terms(Action::Ask, &self.own, terms, now) {
            Decision::Allow(_) => {}
            refused => return refused,
        }
        let kept = self.kept_at(now);
        let (recipient, act) = (&self.own, &ApprovedAct::Share);
        let wanted = Wanted { subject, recipient, act, purpose: None };
        let approved = kept.judge().weigh(approvals, wanted, now);
        kept.judge().decide_own_match(terms, subject.class, &approved)
    }

    /// Whether the originator of a record permits its use in court, in the case that is named, who
    /// did, and how many it takes. The same at the holder and at the originator.
    ///
    /// # Errors
    /// What keeps the record from being used whoever approves.
    pub fn decide_court_use(
        &self,
        used: Used<'_>,
        subject: &Subject<'_>,
        approvals: &[Envelope],
        now: Timestamp,
    ) -> Result<CourtUse, Refusal> {
        let kept = self.kept_at(now);
        let act = ApprovedAct::JudicialUse { case_reference: used.case.to_owned() };
        let (recipient, purpose) = (used.holder, used.purpose);
        let wanted = Wanted { subject, recipient, act: &act, purpose };
        let approved = kept.judge().weigh(approvals, wanted, now);
        kept.judge().decide_court_use(subject.class, &used, approved)
    }

    /// Does this one approval count now, and if not, why?
    ///
    /// # Errors
    /// The refusal, with the rule.
    pub fn check_approval(
        &self,
        approval: &Envelope,
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Result<Counted, Refusal> {
        self.kept_at(now).judge().check_approval(approval, wanted, now)
    }

    /// The decisions for one peer, action and channel, for a caller with many records: number each
    /// class once with [`Gate::number`], then [`View::decide`] is a look-up.
    pub fn view(
        &self,
        action: Action,
        peer: &AgencyId,
        channel: Channel,
        now: Timestamp,
    ) -> Arc<View> {
        let asked = Asked { action, peer: peer.clone(), channel, terms: None };
        self.kept_at(now).view(asked)
    }

    /// The local number of a class; `None` if its originator has too many live classes, or is no
    /// party of an agreement known here: then [`Gate::decide_class`] decides each time anew.
    pub fn number(&self, class: &Arc<Class>, now: Timestamp) -> Option<ClassNumber> {
        let kept = self.kept_at(now);
        if is_strange(kept.judge(), &class.origin, &class.agreement) {
            return None;
        }
        self.classes.number(class)
    }

    /// Does a permit still rest on what holds now? Asked at the point where bytes leave.
    pub fn is_current(&self, permit: &Permit, now: Timestamp) -> bool {
        self.kept_at(now).judge().epoch() == permit.epoch()
    }

    /// The version of an agreement that decides now; before any binds, the newest.
    pub fn agreement(&self, id: &AgreementId, now: Timestamp) -> Option<Arc<Agreement>> {
        let kept = self.kept_at(now);
        kept.judge().binding(id).map(|binding| Arc::clone(&binding.agreement))
    }

    /// Where an agreement stands now. Kept until a paper or the clock changes it, so asking is cheap;
    /// the days of purge orders are not looked at.
    pub fn standing(&self, id: &AgreementId, now: Timestamp) -> Option<Arc<agreement::State>> {
        self.kept_at(now).judge().binding(id).map(|binding| Arc::clone(&binding.state))
    }

    /// The other parties of an agreement, ascending.
    pub fn peers_of(&self, id: &AgreementId, now: Timestamp) -> Vec<AgencyId> {
        let agreement = self.agreement(id, now);
        let parties = agreement.iter().flat_map(|agreement| &agreement.parties);
        let others = parties.filter(|party| party.agency != self.own);
        others.map(|party| party.agency.clone()).collect()
    }

    /// What went wrong when the policy was last asked in this epoch; for our own log.
    pub fn last_fault(&self) -> Option<String> {
        self.state.load().kept.as_ref().and_then(|kept| kept.judge().last_fault())
    }

    /// Classes of strangers and those beyond the cap get no number and leave no trace.
    fn decide(&self, asked: Asked, class: &Arc<Class>, now: Timestamp) -> Decision {
        let kept = self.kept_at(now);
        let strange = is_strange(kept.judge(), &class.origin, &class.agreement)
            || is_strange(kept.judge(), &asked.peer, &class.agreement);
        let number = if strange { None } else { self.classes.number(class) };
        match number {
            Some(number) => kept.view(asked).decide(number),
            None => kept.judge().decide(&asked, class),
        }
    }

    /// What is kept for this instant. Past a boundary the standing is judged anew and the epoch
    /// moves; the very first judgement of an epoch moves nothing, because nothing rests on it yet.
    fn kept_at(&self, now: Timestamp) -> Arc<Kept> {
        if let Some(kept) = self.state.load().kept.as_ref().filter(|kept| kept.covers(now)) {
            return Arc::clone(kept);
        }
        let _guard = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.state.load_full();
        let epoch = match &state.kept {
            Some(kept) if kept.covers(now) => return Arc::clone(kept),
            Some(_) => next(state.epoch),
            None => state.epoch,
        };
        let kept = Arc::new(self.keep(&state, epoch, now));
        self.state.store(Arc::new(Basis {
            epoch,
            registers: Arc::clone(&state.registers),
            evaluator: Arc::clone(&state.evaluator),
            kept: Some(Arc::clone(&kept)),
        }));
        kept
    }

    fn keep(&self, state: &Basis, epoch: PolicyEpoch, now: Timestamp) -> Kept {
        let (bindings, window) = bind(&state.registers, now);
        let evaluator = Arc::clone(&state.evaluator);
        let judge = Judge::new(self.own.clone(), epoch, bindings, evaluator, Lists::ALL);
        Kept::new(Arc::new(judge), window, Arc::clone(&self.classes))
    }

    fn replace(&self, make: impl FnOnce(&Basis) -> Basis) -> PolicyEpoch {
        let _guard = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let state = make(&self.state.load_full());
        let epoch = state.epoch;
        self.state.store(Arc::new(state));
        epoch
    }
}

impl core::fmt::Debug for Gate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Gate({}, epoch {})", self.own, self.epoch().0)
    }
}

/// Judges every agreement at `now`, and finds the window in which no clock changes the outcome.
pub(crate) fn bind(
    registers: &[Arc<Register>],
    now: Timestamp,
) -> (BTreeMap<AgreementId, Binding>, core::ops::Range<Timestamp>) {
    let mut bindings: BTreeMap<AgreementId, Binding> = BTreeMap::new();
    let mut window = Timestamp::from_millis(0)..Timestamp::MAX;
    // Orders to erase say what must go, never what may move.
    let board = Board::default();
    for register in registers {
        let around = register.window(now);
        window.start = window.start.max(around.start);
        window.end = window.end.min(around.end);
        let state = Arc::new(agreement::State::of(register, &board, now));
        let agreement = Arc::clone(register.current(&state));
        let id = agreement.agreement_id.clone();
        bindings.insert(id, Binding { agreement, state, register: Arc::clone(register) });
    }
    (bindings, window)
}

/// Is this agency no party of a known agreement? Nothing is kept for strangers.
fn is_strange(judge: &Judge, agency: &AgencyId, agreement: &AgreementId) -> bool {
    judge.binding(agreement).is_none_or(|binding| binding.agreement.party(agency).is_none())
}

const fn next(epoch: PolicyEpoch) -> PolicyEpoch {
    PolicyEpoch(epoch.0.saturating_add(1))
}
