//! What is measured of each build: the scenarios, with the figures that decide.

use super::figures::Reading;
use crate::{
    cli::{CompareArgs, ConnectArgs, EditsArgs, FanoutArgs, HubArgs, MixName, WorkName},
    connect, edits,
    error::LoadError,
    fanout,
    findings::Findings,
    latency::Summary,
};

/// Publishes under way at once.
const WINDOWS: [usize; 3] = [1, 16, 64];
/// Subscribers of one channel.
const SUBSCRIBERS: usize = 1_000;
/// A steady pace: edits a second.
const STEADY: f64 = 500.0;

/// One thing that is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// One channel, many subscribers; signals, or edits.
    Fanout { edits: bool },
    /// Editors without a pause.
    FlatOut,
    /// Editors by the clock.
    Steady,
    /// So many idle sockets.
    Connect(usize),
}

impl CompareArgs {
    /// Everything that is to be measured, in order.
    pub(super) fn works(&self) -> Vec<Work> {
        let works = |name: &WorkName| match name {
            WorkName::Signals => vec![Work::Fanout { edits: false }],
            WorkName::Entries => vec![Work::Fanout { edits: true }],
            WorkName::FlatOut => vec![Work::FlatOut],
            WorkName::Steady => vec![Work::Steady],
            WorkName::Connect => self.sockets.iter().copied().map(Work::Connect).collect(),
        };
        self.works.iter().flat_map(works).collect()
    }
}

impl Work {
    /// Measures it on this hub.
    pub(super) async fn measure(
        self,
        args: &CompareArgs,
        hub: HubArgs,
    ) -> Result<(Vec<Reading>, Findings), LoadError> {
        match self {
            Self::Fanout { edits } => fan_out(args, hub, edits).await,
            Self::FlatOut => edit(args, hub, None).await,
            Self::Steady => edit(args, hub, Some(STEADY)).await,
            Self::Connect(sockets) => connect(hub, sockets).await,
        }
    }
}

async fn fan_out(
    args: &CompareArgs,
    hub: HubArgs,
    edits: bool,
) -> Result<(Vec<Reading>, Findings), LoadError> {
    let args = FanoutArgs {
        hub,
        subscribers: SUBSCRIBERS,
        windows: WINDOWS.to_vec(),
        edits,
        payload: 100,
        seconds: args.seconds,
        warmup: 1.0,
    };
    let (_, figures, wrong) = fanout::measured(&args).await?;
    let what = if edits { "edits" } else { "signals" };
    let reading = |one: &fanout::WindowFigures| {
        let name = format!("{what}, window {}: deliveries per hub CPU s", one.window);
        Some(Reading::more(name, one.deliveries_per_hub_cpu_second?))
    };
    Ok((figures.windows.iter().filter_map(reading).collect(), wrong))
}

async fn edit(
    args: &CompareArgs,
    hub: HubArgs,
    rate: Option<f64>,
) -> Result<(Vec<Reading>, Findings), LoadError> {
    let steady = rate.is_some();
    let args = EditsArgs {
        hub,
        editors: if steady { 10 } else { 32 },
        projects: 1,
        devices: if steady { 2 } else { 1 },
        rows: 100,
        window: 64,
        think: None,
        rate,
        mix: if steady { MixName::Mixed } else { MixName::Updates },
        seconds: args.seconds,
        warmup: 1.0,
        seed: 1,
        beside_pgbench: false,
    };
    let (_, figures, wrong) = edits::measured(&args).await?;
    let mut readings = Vec::new();
    if let Some(cpu) = figures.used.hub_cpu_seconds {
        let each = cpu * 1e6 / figures.edits.max(1) as f64;
        let pace = if steady { "500 edits/s" } else { "edits flat out" };
        readings.push(Reading::less(format!("{pace}: hub CPU per edit, µs"), each));
    }
    match figures.delivery.filter(|_| steady) {
        Some(Summary { p50_ms, p99_ms, .. }) => {
            readings.push(Reading::less("500 edits/s: to other devices, p50 ms", p50_ms));
            readings.push(Reading::less("500 edits/s: to other devices, p99 ms", p99_ms));
        }
        None => {
            readings
                .push(Reading::more("edits flat out: durable edits/s", figures.edits_per_second));
        }
    }
    Ok((readings, wrong))
}

async fn connect(hub: HubArgs, sockets: usize) -> Result<(Vec<Reading>, Findings), LoadError> {
    let args =
        ConnectArgs { hub, sockets, processes: None, projects: 1, people: 50, wave: 500, hold: 2 };
    let (_, figures, wrong) = connect::measured(&args).await?;
    let readings = [
        ("connect: hub CPU per socket, µs", figures.hub_cpu_us_per_socket),
        ("idle: memory per socket, KiB", figures.rss_per_socket.map(|bytes| bytes / 1024.0)),
        (
            "idle: per further socket, KiB",
            figures.rss_per_further_socket.map(|bytes| bytes / 1024.0),
        ),
    ];
    let reading = |(what, value): (&str, Option<f64>)| {
        Some(Reading::less(format!("{sockets} sockets, {what}"), value?))
    };
    Ok((readings.into_iter().filter_map(reading).collect(), wrong))
}
