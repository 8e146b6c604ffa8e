//! Waiting for what takes a moment, and for what must not happen.

use std::time::{Duration, Instant};

/// How long something may take before the test fails. Far more than it takes on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long it is watched that something does not happen: several pulls of every partner.
pub const WATCH: Duration = Duration::from_millis(1_200);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(15);

/// Waits until it is so.
///
/// # Panics
/// If it is not so within [`PATIENCE`]; `what` says what was waited for.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "not so in time: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Watches that it stays so.
///
/// # Panics
/// If it is not so at some moment of [`WATCH`]; `what` says what was to stay.
pub async fn stays(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while begun.elapsed() < WATCH {
        assert!(so(), "not so any more: {what}");
        tokio::time::sleep(LOOK).await;
    }
}
