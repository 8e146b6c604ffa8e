//! Processor seconds of a process from `/proc`, and what several rounds of one measurement say.

use anyhow::Context as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// The unit of `/proc/PID/stat` on Linux, whatever the kernel's own tick is (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;
/// The fields of `/proc/PID/stat` after the name: user time and system time (proc(5), 14 and 15).
const TIME_FIELDS: core::ops::RangeInclusive<usize> = 11..=12;

/// The processor time of one process: all its threads, user and system.
#[derive(Debug, Clone, Copy)]
pub struct Processor {
    pid: u32,
}

impl Processor {
    /// This process.
    pub fn own() -> Self {
        Self { pid: std::process::id() }
    }

    /// Another process.
    pub const fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// Seconds since its start, in steps of ten milliseconds.
    ///
    /// # Errors
    /// A process that is gone, or a system without `/proc`.
    pub fn seconds(self) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/stat", self.pid);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read `{path}`"))?;
        // The name may hold spaces and brackets: the last bracket ends it.
        let (_, after) = text.rsplit_once(')').context("a process without a name")?;
        let mut ticks = 0.0;
        for (index, field) in after.split_whitespace().enumerate() {
            if TIME_FIELDS.contains(&index) {
                ticks += field.parse::<f64>().context("a time that is no number")?;
            }
        }
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// The memory it holds now, in bytes (proc(5), `VmRSS`).
    ///
    /// # Errors
    /// As [`Processor::seconds`].
    pub fn resident_bytes(self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.pid);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read `{path}`"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        let kib: u64 = number.context("a process without memory")?.parse()?;
        Ok(kib * 1024)
    }
}

/// What a folder takes on the disk, in bytes: allocated blocks, not lengths.
///
/// # Errors
/// A folder that cannot be read.
pub fn disk_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut total = 0;
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("read `{}`", folder.display()))?
    {
        let entry = entry?;
        total += if entry.file_type()?.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            entry.metadata()?.blocks() * 512
        };
    }
    Ok(total)
}

/// What one turn took.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// Processor seconds of the process under measurement.
    pub processor_s: f64,
    /// Time on the wall.
    pub wall: Duration,
}

/// A measurement that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    processor: Processor,
    before_s: f64,
    begun: Instant,
}

impl Meter {
    /// Begins.
    ///
    /// # Errors
    /// As [`Processor::seconds`].
    pub fn begin(processor: Processor) -> anyhow::Result<Self> {
        Ok(Self { processor, before_s: processor.seconds()?, begun: Instant::now() })
    }

    /// Ends.
    ///
    /// # Errors
    /// As [`Processor::seconds`].
    pub fn end(self) -> anyhow::Result<Spent> {
        let wall = self.begun.elapsed();
        let processor_s = self.processor.seconds()? - self.before_s;
        Ok(Spent { processor_s, wall })
    }
}

impl Spent {
    /// So many of something for each processor second.
    pub fn per_processor_second(&self, count: u64) -> f64 {
        // Below one step of the clock nothing can be said.
        count as f64 / self.processor_s.max(1.0 / TICKS_PER_SECOND)
    }

    /// So many of something for each second on the wall.
    pub fn per_wall_second(&self, count: u64) -> f64 {
        count as f64 / self.wall.as_secs_f64()
    }
}

/// One figure, measured once a round.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// No figure yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The figures of something that was measured at once.
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        Self(figures.collect())
    }

    /// Takes the figure of the next round.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Round by round, this figure as a multiple of the other one.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// The smallest, the median and the largest; `None` without a round.
    pub fn spread(&self) -> Option<[f64; 3]> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let (least, greatest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let median = if sorted.len().is_multiple_of(2) {
            (sorted.get(middle - 1)? + upper) / 2.0
        } else {
            upper
        };
        Some([least, median, greatest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(figures: &[f64]) -> Samples {
        Samples(figures.to_vec())
    }

    #[test]
    fn the_spread_is_least_median_and_greatest() {
        assert_eq!(samples(&[]).spread(), None);
        assert_eq!(samples(&[3.0, 1.0, 2.0]).spread(), Some([1.0, 2.0, 3.0]));
        assert_eq!(samples(&[4.0, 1.0, 2.0, 3.0]).spread(), Some([1.0, 2.5, 4.0]));
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let ratio = samples(&[10.0, 30.0]).over(&samples(&[5.0, 10.0]));
        assert_eq!(ratio, samples(&[2.0, 3.0]));
    }

    #[test]
    fn work_shows_in_the_processor_time_and_sleep_does_not() {
        let meter = Meter::begin(Processor::own()).unwrap();
        std::thread::sleep(Duration::from_millis(120));
        let slept = meter.end().unwrap();
        let meter = Meter::begin(Processor::own()).unwrap();
        let mut x = 1_u64;
        let until = Instant::now() + Duration::from_millis(400);
        while Instant::now() < until {
            for _ in 0..10_000 {
                x = std::hint::black_box(x.wrapping_mul(3));
            }
        }
        let worked = meter.end().unwrap();
        assert!(slept.wall >= Duration::from_millis(120) && slept.processor_s < 0.1);
        assert!(worked.processor_s > 0.05, "{worked:?}");
    }
}
