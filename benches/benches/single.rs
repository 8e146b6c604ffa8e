//! Single lookups with 64 in flight over the peer service, beside a bare echo.

use malines_benches::load::{Check, Load, Questions, Shape, client, token_key};
use malines_benches::measure::{Meter, Samples, Spent};
use malines_benches::report::{Goal, Report};
use malines_benches::server::{Server, Service, keep_token_key};
use malines_benches::settings::Settings;
use malines_benches::{fixture, program};
use std::path::Path;
use std::sync::Arc;

/// Questions under way at once, over two connections.
const IN_FLIGHT: usize = 64;
/// One question in a hundred hits.
const HIT_EVERY: usize = 100;
const UNIT: &str = "calls per server CPU s";

fn main() -> anyhow::Result<()> {
    program::run(
        "single: one token (padded to 16), 64 in flight, an audit entry each, durable before the answer",
        measure,
    )
}

/// One kind of server in turn with the others.
struct Side {
    what: &'static str,
    server: Server,
    load: Load,
    by_processor: Samples,
    by_wall: Samples,
}

impl Side {
    async fn new(
        what: &'static str,
        server: Server,
        check: Check,
        run: &Path,
    ) -> anyhow::Result<Self> {
        let load = Load::new(&server, run, IN_FLIGHT, check).await?;
        let (by_processor, by_wall) = (Samples::default(), Samples::default());
        Ok(Self { what, server, load, by_processor, by_wall })
    }

    async fn turn(
        &self,
        questions: &Arc<Questions>,
        settings: &Settings,
    ) -> anyhow::Result<(u64, Spent)> {
        let meter = Meter::begin(self.server.processor())?;
        let answers = self.load.run(questions, settings.turn()).await?;
        Ok((answers, meter.end()?))
    }
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let records = settings.pick(100_000, 1_000);
    let data = run.join("data");
    fixture::copy(&fixture::owner(records).await?, &data)?;
    let server = Server::start(Service::Node { data: &data }, run)?;
    let (epoch, key) = token_key(&client(&server, run).await?).await?;
    keep_token_key(run, &key)?;
    let shape =
        Shape { questions: settings.pick(20_000, 500), tokens: 1, hit_every: HIT_EVERY, records };
    let questions = Arc::new(Questions::new(shape, epoch, &key)?);
    let echo = Server::start(Service::Echo, run)?;
    let set = Server::start(Service::Set { records }, run)?;
    let mut sides = [
        Side::new("node", server, Check::Matches, run).await?,
        Side::new("bare echo", echo, Check::Answered, run).await?,
        Side::new("bare hash set, answers padded to 4 KiB", set, Check::Matches, run).await?,
    ];
    for side in &sides {
        side.turn(&questions, settings).await?;
    }
    for _ in 0..settings.rounds {
        for side in &mut sides {
            let (answers, spent) = side.turn(&questions, settings).await?;
            side.by_processor.push(spent.per_processor_second(answers));
            side.by_wall.push(spent.per_wall_second(answers));
        }
    }
    let mut report = Report::new();
    for side in &sides {
        report.figure(side.what, UNIT, &side.by_processor);
    }
    for side in &sides {
        report.figure(side.what, "calls per second", &side.by_wall);
    }
    let [node, echo, set] = &sides;
    let ratio = node.by_processor.over(&echo.by_processor);
    report.goal("node over bare echo", "ratio", &ratio, Goal::AtLeast(0.5));
    let ratio = node.by_processor.over(&set.by_processor);
    report.figure_small("node over bare hash set", "ratio", &ratio);
    report.print();
    for side in sides {
        side.server.stop()?;
    }
    Ok(())
}
