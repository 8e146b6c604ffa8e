//! A server as a process of its own: this program again, told what to serve.
//!
//! The processor time of the process is then the server's, whatever the load generator spends. It
//! ends when its standard input is closed, so it never outlives the program that started it.

use crate::agreed::OWNER;
use crate::bare::{Bare, Behind};
use crate::certificate;
use crate::door::Door;
use crate::measure::Processor;
use crate::node::Node;
use anyhow::{Context as _, bail};
use domain::token::TokenKey;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::net::TcpListener;
use wire::accept::{self, AcceptLimits};
use wire::limits;
use wire::tls::Port;
use wire::v1::peer_service_server::{PeerService, PeerServiceServer};

const SERVE: &str = "--serve";
const READY: &str = "ready ";
/// The file in the run's folder that holds the token key for the bare set.
const TOKEN_KEY: &str = "token-key";

/// What to serve.
#[derive(Debug, Clone, Copy)]
pub enum Service<'a> {
    /// A node on that data folder.
    Node {
        /// Its data folder.
        data: &'a Path,
    },
    /// A hash set of the tokens of so many records, under the key of [`keep_token_key`].
    Set {
        /// How many.
        records: u64,
    },
    /// The question, back again.
    Echo,
}

/// A running server.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a process and waits until it serves.
    ///
    /// # Errors
    /// A server that does not start.
    pub fn start(service: Service<'_>, run: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(run);
        match service {
            Service::Node { data } => command.arg("node").arg(data),
            Service::Set { records } => command.arg("set").arg(records.to_string()),
            Service::Echo => command.arg("echo").arg("0"),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("a server without an output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().strip_prefix(READY).and_then(|address| address.parse().ok());
        match address {
            Some(address) => Ok(Self { child, address }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                bail!("the server ({service:?}) did not start")
            }
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its processor time.
    pub fn processor(&self) -> Processor {
        Processor::of(self.child.id())
    }

    /// Kills it at work, as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// A process that cannot be killed.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        drop(self.child.stdin.take());
        Ok(())
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// A server that failed.
    pub fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { bail!("the server ended with {status}") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.stdin.take().is_some() {
            let _ = self.child.wait();
        }
    }
}

/// Writes the token key where a server for [`Service::Set`] reads it. It protects nothing: every
/// identifier here is invented.
///
/// # Errors
/// A folder that cannot be written.
pub fn keep_token_key(run: &Path, key: &TokenKey) -> anyhow::Result<()> {
    Ok(std::fs::write(run.join(TOKEN_KEY), key.expose())?)
}

/// Is this process a server?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is the program itself, which measures.
    Measuring,
    /// It was a server, and has served.
    Served,
}

/// Serves, if this process was started by [`Server::start`]. Every program asks this first.
///
/// # Errors
/// A server that cannot serve.
pub fn play_part() -> anyhow::Result<Part> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != SERVE) {
        return Ok(Part::Measuring);
    }
    let run = arguments.next().context("no folder")?;
    let what = arguments.next().context("nothing to serve")?;
    let of = arguments.next().context("nothing to serve from")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let run = Path::new(&run);
    match what.to_str() {
        Some("node") => runtime.block_on(async {
            let node = Node::open(Path::new(&of), OWNER).await?;
            serve(Door { desk: std::sync::Arc::clone(&node.desk) }, run).await?;
            node.close()
        })?,
        Some("set") => {
            let key = std::fs::read(run.join(TOKEN_KEY))?;
            let key = <[u8; 32]>::try_from(key).ok().context("not a token key")?;
            let records = of.to_str().and_then(|of| of.parse().ok()).context("not a number")?;
            let behind = Behind::set(&TokenKey::from_bytes(key), records);
            runtime.block_on(serve(Bare { behind }, run))?;
        }
        Some("echo") => runtime.block_on(serve(Bare { behind: Behind::Echo }, run))?,
        _ => bail!("not a service"),
    }
    Ok(Part::Served)
}

/// Serves as a node does, with its limits, until standard input is closed.
async fn serve(service: impl PeerService, run: &Path) -> anyhow::Result<()> {
    let (credentials, registry) = certificate::identity(run, OWNER)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let limit = AcceptLimits::default();
    let incoming = accept::open(listener, Port::Partner, &credentials, &registry, limit)?;
    let service = PeerServiceServer::new(service)
        .max_decoding_message_size(limits::DECODE_BYTES_MAX)
        .max_encoding_message_size(limits::ENCODE_BYTES_MAX);
    let router = limits::server().add_service(service);
    let closed = tokio::task::spawn_blocking(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    });
    println!("{READY}{address}");
    std::io::stdout().flush()?;
    let stopped = async {
        let _ = closed.await;
    };
    Ok(accept::serve(router, incoming, stopped).await?)
}
