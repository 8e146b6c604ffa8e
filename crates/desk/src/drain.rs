//! R3: whoever narrows what may leave can wait until what was let through before has left.
//!
//! Whoever serves partners takes a pass before an answer is let through, and gives it back when the
//! network has written its bytes or thrown them away. So a change of policy either comes before the
//! last look at policy, which then says no, or finds the pass.

use crate::Desk;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use domain::name::AgencyId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What was let through and has not left yet.
#[derive(Debug, Default)]
pub(crate) struct Drain(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    out: BTreeMap<u64, AgencyId>,
    waiting: Vec<Waker>,
}

/// Given back when it is dropped.
#[derive(Debug)]
pub struct Pass {
    drain: Arc<Drain>,
    number: u64,
}

impl Drain {
    pub(crate) fn pass(self: &Arc<Self>, peer: &AgencyId) -> Pass {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = inner.next;
        inner.next += 1;
        inner.out.insert(number, peer.clone());
        Pass { drain: Arc::clone(self), number }
    }

    /// The number of the next pass.
    fn mark(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next
    }

    /// Ends when every pass given before this mark is back.
    async fn drained(&self, until: u64) {
        poll_fn(|context| {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.out.range(..until).next().is_none() {
                return Poll::Ready(());
            }
            if !inner.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                inner.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let woken = {
            let mut inner = self.drain.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.out.remove(&self.number);
            core::mem::take(&mut inner.waiting)
        };
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Desk {
    /// For an answer to a partner that is about to be let through.
    pub fn pass(&self, peer: &AgencyId) -> Pass {
        self.drain.pass(peer)
    }

    /// Between what was let through before now and what is let through later.
    pub fn drain_mark(&self) -> u64 {
        self.drain.mark()
    }

    /// Ends when everything has left that was let through before the mark. A partner that does not
    /// read keeps it waiting: whoever waits sets a deadline.
    pub async fn drained(&self, until: u64) {
        self.drain.drained(until).await;
    }

    /// The partners for which something was let through before the mark that has not left.
    pub fn undrained(&self, until: u64) -> BTreeSet<AgencyId> {
        let inner = self.drain.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.out.range(..until).map(|(_, peer)| peer.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn a_drain_waits_for_what_was_let_through_before_it_and_for_nothing_later() {
        let drain = Arc::new(Drain::default());
        let peer: AgencyId = "es-pn".parse().unwrap();
        assert!(drain.drained(drain.mark()).now_or_never().is_some());
        let (first, second) = (drain.pass(&peer), drain.pass(&peer));
        let mut waits = Box::pin(drain.drained(drain.mark()));
        assert!((&mut waits).now_or_never().is_none());
        let later = drain.pass(&peer);
        drop(second);
        assert!((&mut waits).now_or_never().is_none());
        drop(first);
        assert!((&mut waits).now_or_never().is_some());
        assert!(
            drain.drained(drain.mark()).now_or_never().is_none(),
            "the later one is before this"
        );
        drop(later);
        assert!(drain.drained(drain.mark()).now_or_never().is_some());
    }
}
