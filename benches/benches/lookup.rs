//! Exact lookups in batches of 1000 over the peer service, beside Redis and a bare hash set.

use malines_benches::load::{Check, Load, Questions, Shape, client, token_key};
use malines_benches::measure::{Meter, Samples};
use malines_benches::record::Author;
use malines_benches::redis::{Batches, Redis};
use malines_benches::report::{Goal, Report};
use malines_benches::server::{Server, Service, keep_token_key};
use malines_benches::settings::Settings;
use malines_benches::{fixture, program};
use std::path::Path;
use std::sync::Arc;

/// Tokens of a question before it is padded to 1024.
const BATCH: usize = 1000;
/// One token in a hundred hits.
const HIT_EVERY: usize = 100;
/// Different questions, so that what they touch fits into no cache of the processor.
const QUESTIONS: usize = 512;
/// Questions that are asked once each: as many as one turn can take.
const ONCE: usize = 6_144;
/// Questions under way at once: all that one connection carries.
const IN_FLIGHT: usize = 32;
const UNIT: &str = "keys per server CPU s";

fn main() -> anyhow::Result<()> {
    program::run("lookup: batches of 1000 tokens, 1 % hits, one audit entry a batch", measure)
}

/// A server, what asks it and what it is asked.
struct Side {
    server: Server,
    load: Load,
    questions: Arc<Questions>,
    samples: Samples,
    /// One turn on questions that were never asked before: every record that matches is read and
    /// checked for the first time since the start.
    first: Samples,
}

impl Side {
    async fn node(records: u64, settings: &Settings, run: &Path) -> anyhow::Result<Self> {
        let data = run.join(format!("data-{records}"));
        fixture::copy(&fixture::owner(records).await?, &data)?;
        let server = Server::start(Service::Node { data: &data }, run)?;
        let (epoch, key) = token_key(&client(&server, run).await?).await?;
        keep_token_key(run, &key)?;
        let questions = settings.pick(ONCE, 64);
        let shape = Shape { questions, tokens: BATCH, hit_every: HIT_EVERY, records };
        let once = Arc::new(Questions::new(shape, epoch, &key)?);
        let shape = Shape { questions: settings.pick(QUESTIONS, 16), ..shape };
        let questions = Arc::new(Questions::new(shape, epoch, &key)?);
        let load = Load::new(&server, run, IN_FLIGHT, Check::Matches).await?;
        let samples = Samples::default();
        let mut side = Self { server, load, questions, samples, first: Samples::default() };
        let repeated = core::mem::replace(&mut side.questions, once);
        let first = side.turn(settings).await?;
        side.first.push(first);
        side.questions = repeated;
        Ok(side)
    }

    /// One turn; the figure counts tokens before padding.
    async fn turn(&mut self, settings: &Settings) -> anyhow::Result<f64> {
        let meter = Meter::begin(self.server.processor())?;
        let batches = self.load.run(&self.questions, settings.turn()).await?;
        Ok(meter.end()?.per_processor_second(batches * BATCH as u64))
    }

    async fn round(&mut self, settings: &Settings) -> anyhow::Result<()> {
        let figure = self.turn(settings).await?;
        self.samples.push(figure);
        Ok(())
    }
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let large_size = settings.records(1_000_000, 5_000)?;
    // A long run is compared with what the goals are about.
    let small_size = if large_size > 1_000_000 { 1_000_000 } else { large_size / 10 };
    let mut small = Side::node(small_size, settings, run).await?;
    let mut large = Side::node(large_size, settings, run).await?;
    // The key that was kept last is the large node's: both peers hold the same tokens as it does.
    let set = Server::start(Service::Set { records: large_size }, run)?;
    let load = Load::new(&set, run, IN_FLIGHT, Check::Matches).await?;
    let questions = Arc::clone(&large.questions);
    let (samples, first) = (Samples::default(), Samples::default());
    let mut set = Side { server: set, load, questions, samples, first };
    let (_, key) = token_key(&client(&large.server, run).await?).await?;
    let tokens = (0..large_size).map(|number| key.token(&Author::fingerprint(number)));
    let mut redis = Redis::start(run, tokens);
    let batches = Batches::of(&large.questions);
    let mut redis_samples = Samples::default();

    for side in [&mut small, &mut large, &mut set] {
        side.turn(settings).await?;
    }
    for _ in 0..settings.rounds {
        large.round(settings).await?;
        if let Ok(redis) = &mut redis {
            let meter = Meter::begin(redis.processor())?;
            let answered = tokio::task::block_in_place(|| redis.run(&batches, settings.turn()))?;
            redis_samples.push(meter.end()?.per_processor_second(answered * BATCH as u64));
        }
        set.round(settings).await?;
        small.round(settings).await?;
    }

    let mut report = Report::new();
    report.figure(&format!("node, {large_size} records"), UNIT, &large.samples);
    report.figure("the same, nothing asked before", UNIT, &large.first);
    report.figure(&format!("node, {small_size} records"), UNIT, &small.samples);
    report.figure("the same, nothing asked before", UNIT, &small.first);
    match &redis {
        Ok(_) => {
            report.figure(&format!("Redis MGET, {large_size} keys"), UNIT, &redis_samples);
            let ratio = large.samples.over(&redis_samples);
            report.goal("node over Redis MGET", "ratio", &ratio, Goal::AtLeast(3.0));
        }
        Err(error) => report.not_run("node over Redis MGET", &format!("{error:#}")),
    }
    report.figure(&format!("bare RPC and hash set, {large_size} keys"), UNIT, &set.samples);
    let ratio = large.samples.over(&set.samples);
    report.goal("node over bare RPC", "ratio", &ratio, Goal::AtLeast(0.5));
    let slower = small.samples.over(&large.samples);
    let what = format!("slower from {small_size} to {large_size}");
    report.goal(&what, "ratio", &slower, Goal::AtMost(1.5));
    report.print();
    for side in [small, large, set] {
        side.server.stop()?;
    }
    Ok(())
}
