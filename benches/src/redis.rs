//! Redis as a peer: a process of its own, asked over its own protocol without TLS.

use crate::load::Questions;
use crate::measure::Processor;
use anyhow::{Context as _, bail};
use domain::token::Token;
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What is stored under a key: as long as a record id.
const VALUE_BYTES: usize = 16;
/// Batches under way at once on the connection: Redis never waits for us.
const PIPELINE: usize = 8;
/// Keys of one command while it is filled.
const FILL_KEYS: usize = 1000;
/// How long it may take to start.
const START: Duration = Duration::from_secs(10);

/// A running Redis.
pub struct Redis {
    child: Child,
    stream: TcpStream,
}

impl Redis {
    /// Starts the program that `MALINES_BENCH_REDIS` names, or `redis-server` of the path, without
    /// persistence, and fills it.
    ///
    /// # Errors
    /// No such program, or one that does not start: the reason is printed as "not run".
    pub fn start(run: &Path, tokens: impl Iterator<Item = Token>) -> anyhow::Result<Self> {
        let program = std::env::var_os("MALINES_BENCH_REDIS");
        let program = program.map_or_else(|| PathBuf::from("redis-server"), PathBuf::from);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(&program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(run)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let mut child = child.with_context(|| format!("no `{}`", program.display()))?;
        let begun = Instant::now();
        let stream = loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => break stream,
                Err(_) if begun.elapsed() < START => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(error).context("redis did not start");
                }
            }
        };
        stream.set_nodelay(true)?;
        let mut redis = Self { child, stream };
        redis.fill(tokens)?;
        Ok(redis)
    }

    /// Its processor time.
    pub fn processor(&self) -> Processor {
        Processor::of(self.child.id())
    }

    /// Asks for so long, and says how many batches were answered. Every answer has the length that
    /// its hits give it.
    ///
    /// # Errors
    /// An answer that is wrong.
    pub fn run(&mut self, batches: &Batches, turn: Duration) -> anyhow::Result<u64> {
        let until = Instant::now() + turn;
        let mut waiting = VecDeque::new();
        let mut next = batches.0.iter().cycle();
        let (mut answered, mut answer) = (0, Vec::new());
        loop {
            while waiting.len() < PIPELINE && Instant::now() < until {
                let batch = next.next().context("nothing to ask")?;
                self.stream.write_all(&batch.command)?;
                waiting.push_back(batch);
            }
            let Some(batch) = waiting.pop_front() else { return Ok(answered) };
            answer.resize(batch.answer_bytes, 0);
            self.stream.read_exact(&mut answer)?;
            if !answer.starts_with(&batch.answer_head) || !answer.ends_with(b"\r\n") {
                bail!("redis answered something else");
            }
            answered += 1;
        }
    }

    fn fill(&mut self, tokens: impl Iterator<Item = Token>) -> anyhow::Result<()> {
        let mut tokens = tokens.peekable();
        while tokens.peek().is_some() {
            let taken: Vec<Token> = tokens.by_ref().take(FILL_KEYS).collect();
            let mut command = format!("*{}\r\n$4\r\nMSET\r\n", 1 + 2 * taken.len()).into_bytes();
            for token in taken {
                bulk(&mut command, token.as_bytes());
                bulk(&mut command, &[7; VALUE_BYTES]);
            }
            self.stream.write_all(&command)?;
            let mut answer = [0; 5];
            self.stream.read_exact(&mut answer)?;
            if answer != *b"+OK\r\n" {
                bail!("redis does not take keys");
            }
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Batch {
    command: Vec<u8>,
    answer_bytes: usize,
    answer_head: Vec<u8>,
}

/// MGET commands for the tokens of questions.
pub struct Batches(Vec<Batch>);

impl Batches {
    /// The same tokens, unpadded.
    pub fn of(questions: &Questions) -> Self {
        let batch = |(tokens, hits): (&Vec<Token>, &usize)| {
            let mut command = format!("*{}\r\n$4\r\nMGET\r\n", 1 + tokens.len()).into_bytes();
            tokens.iter().for_each(|token| bulk(&mut command, token.as_bytes()));
            let answer_head = format!("*{}\r\n", tokens.len()).into_bytes();
            let (mut hit, miss) = (Vec::new(), b"$-1\r\n".len());
            bulk(&mut hit, &[7; VALUE_BYTES]);
            let answer_bytes = answer_head.len() + hits * hit.len() + (tokens.len() - hits) * miss;
            Batch { command, answer_bytes, answer_head }
        };
        Self(questions.tokens.iter().zip(&questions.hits).map(batch).collect())
    }
}

/// A bulk string of RESP 2 (redis.io, "Redis serialization protocol specification").
fn bulk(command: &mut Vec<u8>, bytes: &[u8]) {
    command.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    command.extend_from_slice(bytes);
    command.extend_from_slice(b"\r\n");
}
