//! `hostile`: what clients that mean no harm feel of one that does.
//!
//! Some dozens of sockets edit and follow one project at a steady pace. Without an attack and with
//! it, in turn, their p99 from an edit to each delivery is measured, and the hub's memory. Each
//! attack has a hub of its own, with the limits that every hub has, comes from an address of its
//! own, and runs on a thread of its own that yields to the one that measures.

mod attacker;
mod attacks;
mod figures;
mod ground;
mod normal;
mod watch;

use std::time::Duration;

use self::{
    attacker::Attacker,
    figures::{Figures, KindFigures},
    ground::Ground,
    normal::{Normal, Side},
    watch::Watch,
};
use crate::{
    cli::{HostileArgs, Kind, seconds},
    error::LoadError,
    findings::Findings,
    machine,
    report::{self, Report},
    target::{Limits, Target, Wanted, interruptible},
};

/// People to whom the sockets belong that mean no harm.
const NORMAL_PEOPLE: usize = 10;
/// Sockets of one person in the storm; a hub allows 200.
const STORM_SOCKETS_EACH: usize = 150;
/// Projects that are not the one that is measured: a hostile client uses them.
const OTHER_PROJECTS: usize = 7;
/// Sockets and connections beside the normal ones and the storm's.
const OTHER_SOCKETS: usize = 500;
/// How long the hub is left alone before a measurement.
const SETTLE: Duration = Duration::from_millis(700);

/// Runs it. `true`: no bound was broken.
pub(crate) async fn run(args: HostileArgs) -> Result<bool, LoadError> {
    if !args.hub.spawn {
        return Err(LoadError::Usage("an attack has a hub of its own: say --spawn".to_owned()));
    }
    machine::allow_sockets(args.normal + args.subscribers + OTHER_SOCKETS)?;
    let mut figures = Figures::default();
    let mut wrong = Findings::default();
    for kind in args.kinds() {
        let (one, found) = on_a_hub(&args, kind).await?;
        report::say(&one.line())?;
        one.broken(&args).into_iter().for_each(|words| wrong.add(|| words));
        wrong.extend(found);
        figures.kinds.push(one);
    }
    report::say(&figures.table().to_string())?;
    let file = args.hub.json.clone();
    Report::new("hostile", (), args, figures, wrong).finish(file.as_deref())
}

async fn on_a_hub(args: &HostileArgs, kind: Kind) -> Result<(KindFigures, Findings), LoadError> {
    let hostile =
        if kind == Kind::Storm { args.subscribers.div_ceil(STORM_SOCKETS_EACH) } else { 1 };
    let wanted = Wanted {
        people: NORMAL_PEOPLE + hostile,
        projects: 1 + OTHER_PROJECTS,
        limits: Limits::Shipped,
    };
    let mut target = Target::prepare(&args.hub, wanted).await?;
    let outcome = interruptible(measure(args, kind, &target)).await;
    let outcome = target.check_alive().and(outcome);
    target.close().await;
    outcome
}

async fn measure(
    args: &HostileArgs,
    kind: Kind,
    target: &Target,
) -> Result<(KindFigures, Findings), LoadError> {
    let ground = Ground::prepare(args, kind, target, NORMAL_PEOPLE).await?;
    let normal = Normal::begin(args, target, NORMAL_PEOPLE).await?;
    let (rounds, attacked) = match kind {
        Kind::Storm => (1, seconds(args.storm_seconds)),
        _ => (args.rounds.max(1), seconds(args.seconds)),
    };
    let mut watch = Watch::default();
    for _ in 0..rounds {
        tokio::time::sleep(SETTLE).await;
        normal.measure(Side::Without, seconds(args.seconds)).await;
        watch.before(target).await?;
        let attacker = Attacker::start(kind, ground.clone())?;
        watch.during(target, normal.measure(Side::With, attacked)).await?;
        attacker.end().await?;
        watch.after(target).await?;
    }
    let figures = KindFigures::of(kind, &normal, &ground, &watch);
    Ok((figures, normal.take_findings(kind)))
}

impl HostileArgs {
    fn kinds(&self) -> Vec<Kind> {
        use clap::ValueEnum as _;
        if self.only.is_empty() { Kind::value_variants().to_vec() } else { self.only.clone() }
    }
}
