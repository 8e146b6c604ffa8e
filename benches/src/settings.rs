//! The arguments of a program: full size or a quick look, how many rounds, how long each.

use anyhow::{Context as _, bail};
use std::path::PathBuf;
use std::time::Duration;

/// The fewest rounds a figure rests on.
pub const ROUNDS_MIN: usize = 5;

/// Full size, or small enough to see in seconds that a program still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// What the goals are about.
    Full,
    /// Too short and too small to judge a goal by.
    Quick,
}

/// Another number of records than the goals are about, for a long run.
const RECORDS: &str = "MALINES_BENCH_RECORDS";

/// What a program was asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How large.
    pub size: Size,
    /// How often each side gets its turn.
    pub rounds: usize,
}

impl Settings {
    /// Reads `--quick` and `--rounds N`; cargo's own `--bench` is passed over.
    ///
    /// # Errors
    /// An argument that is not known, or fewer rounds than [`ROUNDS_MIN`].
    pub fn from_arguments() -> anyhow::Result<Self> {
        let mut settings = Self { size: Size::Full, rounds: ROUNDS_MIN };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--quick" => settings.size = Size::Quick,
                "--rounds" => {
                    let given = arguments.next().context("`--rounds` needs a number")?;
                    settings.rounds = given.parse().context("`--rounds` needs a number")?;
                }
                _ => bail!("`{argument}` is not known; there are --quick and --rounds N"),
            }
        }
        if settings.rounds < ROUNDS_MIN {
            bail!("at least {ROUNDS_MIN} rounds");
        }
        Ok(settings)
    }

    /// One of two values.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        match self.size {
            Size::Full => full,
            Size::Quick => quick,
        }
    }

    /// How many records there are: as [`Settings::pick`], unless `MALINES_BENCH_RECORDS` says it.
    ///
    /// # Errors
    /// A text that is no number.
    pub fn records(&self, full: u64, quick: u64) -> anyhow::Result<u64> {
        match std::env::var(RECORDS) {
            Ok(given) => given.parse().with_context(|| format!("`{RECORDS}` needs a number")),
            Err(_) => Ok(self.pick(full, quick)),
        }
    }

    /// How long one side is asked in one round.
    pub fn turn(&self) -> Duration {
        Duration::from_millis(self.pick(2_000, 150))
    }

    /// Says what is about to happen, and how busy the machine is without us.
    pub fn announce(&self, title: &str) {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("?").to_owned();
        println!("\n{title}");
        println!("{cores} cores, load {load} before the start, {} rounds in turns", self.rounds);
        if self.size == Size::Quick {
            println!("a quick look: too short and too small to judge a goal by");
        }
    }
}

/// Where fixtures and the folders of a run lie: below the target folder of the build.
///
/// # Errors
/// A program that is not where cargo puts it.
pub fn scratch() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let target = target.context("this program is not in a target folder")?;
    Ok(target.join("malines-benches"))
}

/// A folder of one run, removed at its end.
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes it.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let path = scratch()?.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("`{}` could not be removed: {error}", self.0.display());
        }
    }
}
