//! `edits`: people edit projects, on several devices each.
//!
//! Every stream is checked while it runs: no hole, no repetition, every acked edit in exactly the
//! entry that its ack names, on every device. At the end the rows of all devices are compared with a
//! fresh snapshot and with the table itself.

mod decoding;
mod device;
mod editor;
mod figures;
mod ledger;
mod mix;
mod pgbench;
mod replica;
mod stage;
mod verify;

use std::time::Duration;

use self::stage::Stage;
use crate::{
    cli::{EditsArgs, seconds},
    error::LoadError,
    findings::Findings,
    machine,
    report::{self, Report},
    target::{Described, Limits, Meter, Target, Wanted, interruptible, within},
};

pub(crate) use figures::Figures;
pub(crate) use pgbench::beside_pgbench;

/// How long the last acks and deliveries may take.
const SETTLE: Duration = Duration::from_secs(30);
/// People at most; more editors share them.
const MOST_PEOPLE: usize = 50;

/// Runs it. `true`: nothing was wrong.
pub(crate) async fn run(args: EditsArgs) -> Result<bool, LoadError> {
    let (hub, figures, wrong) = measured(&args).await?;
    report::say(&figures.table().to_string())?;
    let file = args.hub.json.clone();
    Report::new("edits", hub, args, figures, wrong).finish(file.as_deref())
}

/// Runs it on a hub of its own or the one named, and closes that.
pub(crate) async fn measured(
    args: &EditsArgs,
) -> Result<(Described, Figures, Findings), LoadError> {
    machine::allow_sockets(args.editors * args.devices)?;
    let people = args.editors.min(MOST_PEOPLE);
    let wanted = Wanted { people, projects: args.projects, limits: Limits::Raised };
    let mut target = Target::prepare(&args.hub, wanted).await?;
    let outcome = interruptible(measure(args, &target)).await;
    let outcome = target.check_alive().and(outcome);
    let hub = target.described();
    target.close().await;
    outcome.map(|(figures, wrong)| (hub, figures, wrong))
}

async fn measure(args: &EditsArgs, target: &Target) -> Result<(Figures, Findings), LoadError> {
    let stage = Stage::set(args, target).await?;
    let watched = async {
        report::pass(seconds(args.warmup), "warming up").await;
        stage.shared.ledger.borrow_mut().begin_measuring();
        let meter = Meter::begin(target)?;
        report::pass(seconds(args.seconds), "measuring").await;
        let used = meter.used(target)?;
        let measured = stage.shared.ledger.borrow_mut().end_measuring();
        stage.stop.set(true);
        // What is missing is told of one by one.
        let settled = within(SETTLE, "the last acks and deliveries", stage.settled()).await;
        stage.shared.ledger.borrow_mut().close(settled.is_ok() || stage.started_over());
        Ok::<_, LoadError>(Figures::of(args, &stage, used, &measured))
    };
    let figures = tokio::select! {
        figures = watched => figures?,
        () = stage.shared.failed.notified() => return Err(stage.failure()),
    };
    verify::all(args, target, &stage).await?;
    let findings = std::mem::take(&mut stage.shared.ledger.borrow_mut().findings);
    Ok((figures, findings))
}
