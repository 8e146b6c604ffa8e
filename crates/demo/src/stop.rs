//! Somebody asks the demonstration to stop: Ctrl-C, a SIGTERM, or a terminal that is closed.

use anyhow::Context as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What a shell adds to the number of the signal that ended a program.
const SIGNAL_BASE: u8 = 128;

/// Whether this program was asked to stop.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicU8>);

/// It was, before the story was told.
#[derive(Debug)]
pub(crate) struct Stopped {
    signal: u8,
}

impl Stopped {
    /// The exit code that shells know for it.
    pub(crate) const fn code(&self) -> u8 {
        SIGNAL_BASE.saturating_add(self.signal)
    }
}

impl core::fmt::Display for Stopped {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "stopped by signal {} before the end of the story", self.signal)
    }
}

impl core::error::Error for Stopped {}

impl Stop {
    /// Listens from now on. The first signal is remembered; a second one ends the program at once,
    /// and its nodes with it.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let stop = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::listen().context("cannot listen to signals")?
        };
        let told = stop.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                told.0.store(signals.next().await, Ordering::Release);
                let again = signals.next().await;
                std::process::exit(i32::from(SIGNAL_BASE.saturating_add(again)));
            });
        })?;
        Ok(stop)
    }

    /// Was it asked to?
    pub(crate) fn is_asked(&self) -> bool {
        self.signal() != 0
    }

    /// Fails if it was.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        match self.signal() {
            0 => Ok(()),
            signal => Err(Stopped { signal }),
        }
    }

    fn signal(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

/// What asks a program to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next one.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.hang_up.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

/// Where there are no signals, only Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> u8 {
        let _ = tokio::signal::ctrl_c().await;
        2
    }
}
