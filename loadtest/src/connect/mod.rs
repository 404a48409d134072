//! `connect`: many idle sockets, each following a channel, spread over several processes.
//!
//! Each process opens its sockets wave by wave and times the upgrades apart from greeting and
//! subscribing. Then all stay idle, and the hub's memory is compared with what it was before.

mod figures;
mod share;
mod wave;
mod worker;

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use indicatif::ProgressBar;

use self::{
    figures::{Halfway, Readings},
    share::{Held, Ready, Share, Told},
    worker::Worker,
};
use crate::{
    cli::ConnectArgs,
    error::LoadError,
    findings::Findings,
    machine,
    report::{self, Report},
    target::{Described, Limits, Meter, Target, Wanted, interruptible, within},
};

pub(crate) use figures::Figures;
pub(crate) use worker::worker;

/// What one process holds, with room for its other files under a limit of 20,000.
const SOCKETS_PER_PROCESS: usize = 19_900;
/// How long the hub is left alone before its memory is read the first time.
const BEFORE: Duration = Duration::from_millis(500);
/// How long the processes may take to count what is left.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// Runs it. `true`: nothing was wrong.
pub(crate) async fn run(args: ConnectArgs) -> Result<bool, LoadError> {
    let (hub, figures, wrong) = measured(&args).await?;
    report::say(&figures.table().to_string())?;
    let file = args.hub.json.clone();
    Report::new("connect", hub, args, figures, wrong).finish(file.as_deref())
}

/// Runs it on a hub of its own or the one named, and closes that.
pub(crate) async fn measured(
    args: &ConnectArgs,
) -> Result<(Described, Figures, Findings), LoadError> {
    let processes = processes(args);
    machine::allow_sockets(args.sockets.div_ceil(processes))?;
    let people = args.people.clamp(1, args.sockets.max(1));
    let wanted = Wanted { people, projects: args.projects, limits: Limits::Raised };
    let mut target = Target::prepare(&args.hub, wanted).await?;
    let outcome = interruptible(measure(args, &target)).await;
    let outcome = target.check_alive().and(outcome);
    let hub = target.described();
    target.close().await;
    outcome.map(|(figures, wrong)| (hub, figures, wrong))
}

async fn measure(args: &ConnectArgs, target: &Target) -> Result<(Figures, Findings), LoadError> {
    tokio::time::sleep(BEFORE).await;
    let before = target.memory()?;
    let mut workers = Vec::new();
    for share in shares(args, target) {
        workers.push(Worker::start(&share).await?);
    }
    let meter = Meter::begin(target)?;
    let (ready, half) = open_all(args, target, &mut workers).await?;
    let used = meter.used(target)?;
    report::pass(Duration::from_secs(args.hold), "idle").await;
    let after = target.memory()?;
    let held =
        within(LAST_WORDS, "the processes that hold the sockets", last_words(workers)).await??;
    Ok(summed_up(args, Readings { before, half, after, used }, &ready, &held))
}

/// As many as were asked for, or as few as can hold all sockets.
fn processes(args: &ConnectArgs) -> usize {
    let fewest = args.sockets.div_ceil(SOCKETS_PER_PROCESS);
    args.processes.unwrap_or(fewest).max(1)
}

/// The shares of all processes.
fn shares(args: &ConnectArgs, target: &Target) -> Vec<Share> {
    let processes = processes(args);
    let share = |number| Share {
        address: target.address.clone(),
        codec: args.hub.codec,
        source: share::source(target.address.socket, number),
        first: number * args.sockets / processes,
        sockets: (number + 1) * args.sockets / processes - number * args.sockets / processes,
        wave: args.wave.max(1),
        channels: target.channels.clone(),
        tokens: target.people.iter().map(|person| person.token.clone()).collect(),
    };
    (0..processes).map(share).collect()
}

/// Opens all, and reads the hub's memory when half of them are there.
async fn open_all(
    args: &ConnectArgs,
    target: &Target,
    workers: &mut [Worker],
) -> Result<(Vec<Ready>, Option<Halfway>), LoadError> {
    let bar = report::bar(args.sockets as u64, "opening sockets");
    let half = Rc::new(Cell::new(None));
    let mut opening = tokio::task::JoinSet::new();
    let mut ready = Vec::new();
    for worker in workers {
        let (words, bar, half) = (worker.words(), bar.clone(), Rc::clone(&half));
        let (process, all) = (target.process, args.sockets as u64);
        let read = move |sockets| {
            if half.get().is_none() && sockets >= all / 2 {
                let memory = process.and_then(|process| process.memory().ok());
                half.set(memory.map(|memory| Halfway { sockets, memory }));
            }
        };
        opening.spawn_local(async move { follow(&words, &bar, read).await });
    }
    while let Some(one) = opening.join_next().await {
        let ended = |error: tokio::task::JoinError| LoadError::Usage(error.to_string());
        ready.push(one.map_err(ended)??);
    }
    bar.finish_and_clear();
    Ok((ready, half.get()))
}

async fn follow(
    words: &worker::Words,
    bar: &ProgressBar,
    opened: impl Fn(u64),
) -> Result<Ready, LoadError> {
    loop {
        match words.next().await? {
            Told::Opened(count) => {
                bar.inc(count);
                opened(bar.position());
            }
            Told::Ready(ready) => return Ok(ready),
            Told::Held(_) => {}
        }
    }
}

async fn last_words(workers: Vec<Worker>) -> Result<Vec<Held>, LoadError> {
    let mut held = Vec::new();
    for worker in workers {
        held.push(worker.end().await?);
    }
    Ok(held)
}

fn summed_up(
    args: &ConnectArgs,
    readings: Readings,
    ready: &[Ready],
    held: &[Held],
) -> (Figures, Findings) {
    let mut errors: BTreeMap<String, u64> = BTreeMap::new();
    let all = ready.iter().map(|ready| &ready.errors).chain(held.iter().map(|held| &held.errors));
    for (code, count) in all.flatten() {
        *errors.entry(code.clone()).or_default() += count;
    }
    let mut wrong = Findings::default();
    errors.iter().for_each(|(code, count)| wrong.add(|| format!("{count} sockets: {code}")));
    let sockets: u64 = ready.iter().map(|ready| ready.subscribed).sum();
    let alive: u64 = held.iter().map(|held| held.alive).sum();
    if alive < args.sockets as u64 {
        wrong.add(|| format!("{alive} of {} sockets were there at the end", args.sockets));
    }
    (Figures::of(sockets, readings, ready, errors), wrong)
}
