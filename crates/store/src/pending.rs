//! A commit that is under way: a future for the node, a wait for everybody else.

use crate::batch::Committed;
use crate::error::{Error, Result};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Resolves when the batch is durable, or was not written. Dropping it does not undo the batch.
#[derive(Debug)]
#[must_use = "a batch is durable only when this answers"]
pub struct PendingCommit(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answer: Option<Result<Committed>>,
    waker: Option<Waker>,
}

/// The side that answers. Dropped without an answer, it answers that nothing is known.
#[derive(Debug)]
pub(crate) struct Promise(Option<Arc<Shared>>);

impl PendingCommit {
    pub(crate) fn pair() -> (Promise, Self) {
        let shared = Arc::new(Shared::default());
        (Promise(Some(Arc::clone(&shared))), Self(shared))
    }

    pub(crate) fn answered(answer: Result<Committed>) -> Self {
        let (promise, pending) = Self::pair();
        promise.answer(answer);
        pending
    }

    /// Blocks this thread until the answer is there. Not for the threads of a runtime.
    ///
    /// # Errors
    /// Whatever kept the batch from being written; see [`Error`].
    pub fn wait(self) -> Result<Committed> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(answer) = state.answer.take() {
                return answer;
            }
            state = self.0.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Future for PendingCommit {
    type Output = Result<Committed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Promise {
    pub(crate) fn answer(mut self, answer: Result<Committed>) {
        if let Some(shared) = self.0.take() {
            shared.answer(answer);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.answer(Err(Error::Unknown("the writer stopped".to_owned())));
        }
    }
}

impl Shared {
    fn answer(&self, answer: Result<Committed>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.answer = Some(answer);
        let waker = state.waker.take();
        drop(state);
        self.answered.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_that_is_dropped_answers_that_nothing_is_known() {
        let (promise, pending) = PendingCommit::pair();
        let waiting = std::thread::spawn(move || pending.wait());
        drop(promise);
        assert!(matches!(waiting.join().unwrap(), Err(Error::Unknown(_))));
    }

    #[test]
    fn a_future_is_woken_by_its_answer() {
        struct Flag(std::sync::atomic::AtomicBool);
        impl std::task::Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let flag = Arc::new(Flag(false.into()));
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        let (promise, mut pending) = PendingCommit::pair();
        assert!(Pin::new(&mut pending).poll(&mut context).is_pending());
        promise.answer(Err(Error::Busy));
        assert!(flag.0.load(std::sync::atomic::Ordering::SeqCst));
        assert_eq!(Pin::new(&mut pending).poll(&mut context), Poll::Ready(Err(Error::Busy)));
    }
}
