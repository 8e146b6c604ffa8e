//! `run`: sets up the log, starts the node, and stops it in order when it is told to.

use crate::config::{Config, Format};
use crate::error::NodeError;
use crate::recovery::Standing;
use crate::run::{self, Running};
use std::io::Write as _;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Runs a node until SIGINT or SIGTERM; SIGHUP reads policy, agreements and certificates again.
///
/// Prints `ready AGENCY partners ADDRESS officers ADDRESS` on standard output when it serves; the log
/// goes to standard error. In recovery the partners' address is `closed`.
///
/// # Errors
/// Whatever keeps it from serving, or from stopping in order.
pub(crate) fn serve(config: Config) -> Result<(), NodeError> {
    start_log(&config)?;
    let fault = |error: std::io::Error| NodeError::Serving(error.to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(fault)?.block_on(async {
        let mut signals = Signals::new().map_err(fault)?;
        let agency = config.agency.clone();
        let running = run::start(config).await?;
        tracing::info!(opened = %running.opened, "store opened");
        let officers = running.officer_address;
        let partners = match &running.standing {
            Standing::Ordinary => running.partner_address.to_string(),
            Standing::Recovery(_) => {
                tracing::warn!(why = %running.standing.note(), "RECOVERY");
                "closed".to_owned()
            }
        };
        let mut out = std::io::stdout().lock();
        // Nobody may be reading; the node serves all the same.
        let _ = writeln!(out, "ready {agency} partners {partners} officers {officers}");
        let _ = out.flush();
        drop(out);
        keep(running, &mut signals).await
    })
}

async fn keep(mut running: Running, signals: &mut Signals) -> Result<(), NodeError> {
    loop {
        tokio::select! {
            error = running.failed() => {
                tracing::error!(%error, "stopping");
                // The first failure is the one to be reported.
                let _ = running.stop().await;
                return Err(error);
            }
            wish = signals.next() => match wish {
                Wish::Stop => {
                    tracing::info!("stopping");
                    return running.stop().await;
                }
                Wish::Reload => match running.reload().await {
                    Ok(()) => tracing::info!("policy, agreements and certificates were read again"),
                    Err(error) => {
                        let hint = error.hint();
                        tracing::error!(%error, hint, "not all of it was taken; see what is refused");
                    }
                },
            },
        }
    }
}

enum Wish {
    Stop,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is no such signal elsewhere"))]
    Reload,
}

/// The signals a node listens to.
#[cfg(unix)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}

/// Elsewhere there is only the interrupt from the keyboard.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Wish {
        let _ = tokio::signal::ctrl_c().await;
        Wish::Stop
    }
}

fn start_log(config: &Config) -> Result<(), NodeError> {
    let filter = EnvFilter::builder().parse(&config.log_filter);
    let filter = filter.map_err(|error| NodeError::Serving(error.to_string()))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        Format::Text => log.with_ansi(false).try_init(),
        Format::Json => log.json().try_init(),
    };
    // A log that somebody else set up, as a test does, stays.
    let _ = started;
    Ok(())
}
