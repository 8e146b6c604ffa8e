//! Decisions that were made are kept, per peer and class, until anything changes.
//!
//! A [`View`] belongs to one epoch and one window of time; the gate never hands out one of another.
//! Finding a kept decision is two array look-ups and no lock.

use crate::class_table::{ClassNumber, ClassTable, NUMBERED_MAX};
use crate::decision::{Action, Decision, PolicyEpoch};
use crate::judge::Judge;
use domain::class::Class;
use domain::name::AgencyId;
use domain::question::QuestionTerms;
use domain::time::Timestamp;
use domain::value::Channel;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The most views of one epoch; beyond it all are dropped and made again as they are needed.
pub(crate) const VIEWS_MAX: usize = 1024;
/// The most decisions about questions of one epoch; beyond it all are dropped.
pub(crate) const TERMS_MAX: usize = 16_384;
/// How many decisions are allocated together.
const BLOCK: usize = 512;
/// The most blocks of one epoch: two million decisions, about 100 MB. Further ones are made anew.
const BLOCKS_MAX: usize = 4096;

/// One peer, one action, one way of moving, and for matches one question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) action: Action,
    pub(crate) peer: AgencyId,
    pub(crate) channel: Channel,
    pub(crate) terms: Option<QuestionTerms>,
}

/// The decisions of one epoch for one peer, action and channel, by class number.
///
/// A caller may keep it for a batch; before the next it asks the gate again, or checks
/// [`View::covers`] and [`crate::Gate::epoch`].
pub struct View {
    judge: Arc<Judge>,
    asked: Asked,
    window: core::ops::Range<Timestamp>,
    classes: Arc<ClassTable>,
    blocks: Vec<OnceLock<Box<[OnceLock<Decision>]>>>,
    blocks_left: Arc<AtomicUsize>,
}

impl View {
    /// The decision about a class that the gate numbered; a number of another gate is denied.
    pub fn decide(&self, number: ClassNumber) -> Decision {
        if let Some(decision) = self.kept(number) {
            return decision.clone();
        }
        match self.classes.class(number) {
            Some(class) => self.decide_new(number, &class),
            None => {
                Decision::deny(domain::refusal::RefusalCode::PolicyFault, crate::invariant::ACTION)
            }
        }
    }

    /// The decision if it was made before.
    pub fn kept(&self, number: ClassNumber) -> Option<&Decision> {
        let index = number.index();
        self.blocks.get(index / BLOCK)?.get()?.get(index % BLOCK)?.get()
    }

    /// The epoch it belongs to.
    pub fn epoch(&self) -> PolicyEpoch {
        self.judge.epoch()
    }

    /// Does it hold at this instant?
    pub fn covers(&self, now: Timestamp) -> bool {
        self.window.contains(&now)
    }

    /// The instant at which it ends by itself (exclusive).
    pub const fn until(&self) -> Timestamp {
        self.window.end
    }

    fn decide_new(&self, number: ClassNumber, class: &Arc<Class>) -> Decision {
        let decision = self.judge.decide(&self.asked, class);
        let index = number.index();
        let slot = self
            .blocks
            .get(index / BLOCK)
            .and_then(|block| self.block(block))
            .and_then(|block| block.get(index % BLOCK));
        if let Some(slot) = slot {
            // Another thread may have been first: its decision is the same.
            let _ = slot.set(decision.clone());
        }
        decision
    }

    fn block<'v>(
        &self,
        block: &'v OnceLock<Box<[OnceLock<Decision>]>>,
    ) -> Option<&'v [OnceLock<Decision>]> {
        if block.get().is_none() {
            let take = |left: usize| left.checked_sub(1);
            self.blocks_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        }
        Some(block.get_or_init(|| (0..BLOCK).map(|_| OnceLock::new()).collect()))
    }
}

impl core::fmt::Debug for View {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "View({} {}, epoch {})", self.asked.action, self.asked.peer, self.epoch().0)
    }
}

/// Everything kept in one epoch.
pub(crate) struct Kept {
    judge: Arc<Judge>,
    window: core::ops::Range<Timestamp>,
    classes: Arc<ClassTable>,
    blocks_left: Arc<AtomicUsize>,
    views: RwLock<HashMap<Asked, Arc<View>>>,
    terms: RwLock<HashMap<(Action, AgencyId, QuestionTerms), Decision>>,
}

impl Kept {
    pub(crate) fn new(
        judge: Arc<Judge>,
        window: core::ops::Range<Timestamp>,
        classes: Arc<ClassTable>,
    ) -> Self {
        Self {
            judge,
            window,
            classes,
            blocks_left: Arc::new(AtomicUsize::new(BLOCKS_MAX)),
            views: RwLock::default(),
            terms: RwLock::default(),
        }
    }

    pub(crate) fn judge(&self) -> &Judge {
        &self.judge
    }

    pub(crate) fn covers(&self, now: Timestamp) -> bool {
        self.window.contains(&now)
    }

    /// The view for this peer, action and channel.
    pub(crate) fn view(&self, asked: Asked) -> Arc<View> {
        let known = self.views.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = known.get(&asked) {
            return Arc::clone(view);
        }
        drop(known);
        let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
        if views.len() >= VIEWS_MAX {
            views.clear();
            self.blocks_left.store(BLOCKS_MAX, Ordering::Relaxed);
        }
        let view = views.entry(asked.clone()).or_insert_with(|| {
            Arc::new(View {
                judge: Arc::clone(&self.judge),
                asked,
                window: self.window.clone(),
                classes: Arc::clone(&self.classes),
                blocks: (0..NUMBERED_MAX / BLOCK).map(|_| OnceLock::new()).collect(),
                blocks_left: Arc::clone(&self.blocks_left),
            })
        });
        Arc::clone(view)
    }

    /// The decision about a question, made now or before.
    pub(crate) fn decide_terms(
        &self,
        action: Action,
        peer: &AgencyId,
        terms: &QuestionTerms,
    ) -> Decision {
        let key = (action, peer.clone(), terms.clone());
        let known = self.terms.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(decision) = known.get(&key) {
            return decision.clone();
        }
        drop(known);
        let decision = self.judge.decide_terms(action, peer, terms);
        let mut kept = self.terms.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= TERMS_MAX {
            kept.clear();
        }
        kept.insert(key, decision.clone());
        decision
    }
}
