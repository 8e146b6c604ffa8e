//! The hourly upkeep: what has expired is erased, and what was erased leaves the disk.

use desk::Desk;
use desk::error::DeskError;
use domain::report::UpkeepStatus;
use domain::time::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest pause between the start of a node and its first upkeep, in milliseconds.
const START_DELAY_MS: u64 = 60_000;
/// After so many milliseconds without an upkeep that ended well the log has an alarm: what is due is
/// promised to be gone within that time.
const ALARM_MS: u64 = Timestamp::DAY_MS;

/// How the last upkeep went, for `status`.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<UpkeepStatus>);

impl Board {
    pub(crate) fn status(&self) -> UpkeepStatus {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, UpkeepStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Erases and compacts on a beat.
pub(crate) struct Upkeep {
    desk: Arc<Desk>,
    board: Arc<Board>,
    /// From the end of one upkeep to the beginning of the next, in milliseconds.
    interval_ms: u64,
    /// When own records were last looked at for their reviews, in milliseconds; 0 is never.
    surveyed: AtomicU64,
}

impl Upkeep {
    pub(crate) fn new(desk: &Arc<Desk>, board: Arc<Board>, interval_ms: u64) -> Self {
        Self { desk: Arc::clone(desk), board, interval_ms, surveyed: AtomicU64::new(0) }
    }

    /// Runs until it is aborted; a compaction under way then ends at its next step.
    pub(crate) async fn run(self) {
        let stop = StopOnDrop(Arc::default());
        let begun = self.desk.now();
        tokio::time::sleep(Duration::from_millis(self.interval_ms.min(START_DELAY_MS))).await;
        loop {
            self.once(&stop.0, begun).await;
            tokio::time::sleep(Duration::from_millis(self.interval_ms)).await;
        }
    }

    async fn once(&self, stop: &Arc<AtomicBool>, begun: Timestamp) {
        let done = self.expire_and_compact(stop).await;
        let (now, overdue) = (self.desk.now(), self.desk.overdue());
        let last = {
            let mut status = self.board.lock();
            status.overdue = overdue;
            status.note = done.as_ref().err().map(ToString::to_string).unwrap_or_default();
            if done.is_ok() {
                status.last = Some(now);
            }
            status.last
        };
        if let Err(error) = done {
            tracing::error!(%error, "the upkeep failed; it is tried again");
        }
        if overdue > 0 {
            tracing::warn!(overdue, "records that expired more than a day ago are still here");
        }
        if now > last.unwrap_or(begun).plus_ms(ALARM_MS) {
            tracing::warn!("nothing that was erased has left the disk for more than a day");
        }
    }

    /// Once a day all own records are looked at, and each time those that are on the list.
    async fn review(&self, stop: &Arc<AtomicBool>) -> Result<(), DeskError> {
        self.desk.settle_reviews(&|| stop.load(Ordering::Relaxed)).await?;
        let (now, last) = (self.desk.now(), self.surveyed.load(Ordering::Relaxed));
        if now < Timestamp::from_millis(last).plus_ms(Timestamp::DAY_MS) {
            return Ok(());
        }
        let (desk, stop) = (Arc::clone(&self.desk), Arc::clone(stop));
        let surveying = tokio::task::spawn_blocking(move || {
            desk.survey_reviews(&|| stop.load(Ordering::Relaxed))
        });
        let due = surveying.await.map_err(|_| DeskError::Fault("a survey ended early"))??;
        let owed = self.desk.owe_reviews(due).await?;
        self.surveyed.store(now.as_millis(), Ordering::Relaxed);
        if owed > 0 {
            tracing::warn!(owed, "own records are due for review: `malines duties` lists them");
        }
        Ok(())
    }

    async fn expire_and_compact(&self, stop: &Arc<AtomicBool>) -> Result<(), DeskError> {
        let is_stopping = || stop.load(Ordering::Relaxed);
        let expired = self.desk.expire(&is_stopping).await?;
        let matches = self.desk.forget_matches(&is_stopping).await?;
        if expired + matches > 0 {
            tracing::info!(expired, matches, "expired records and their matches were erased");
        }
        // What must go leaves the disk, whatever is wrong with what is only tidied.
        if let Err(error) = self.review(stop).await {
            tracing::error!(%error, "own records could not be looked at for their reviews");
        }
        match self.desk.forget_questions(&is_stopping).await {
            Ok(0) => {}
            Ok(questions) => tracing::info!(questions, "questions for permission were forgotten"),
            Err(error) => {
                tracing::error!(%error, "questions for permission could not be forgotten")
            }
        }
        let (desk, stop) = (Arc::clone(&self.desk), Arc::clone(stop));
        let compacting = tokio::task::spawn_blocking(move || {
            desk.store().compact(desk.now(), &|| stop.load(Ordering::Relaxed))
        });
        let compacted =
            compacting.await.map_err(|_| DeskError::Fault("compaction ended early"))??;
        if compacted.parts_erased > 0 {
            tracing::info!(%compacted, "what was erased left the disk");
        }
        Ok(())
    }
}

/// Tells the compaction, which runs on a thread of its own, that the node stops.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
