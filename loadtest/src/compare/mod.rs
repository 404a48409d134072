//! `compare`: two builds of the hub, in turn, by the same client.
//!
//! Absolute figures move with the machine and the minute, so each round measures one build and then
//! the other, and the ratio of the medians counts.

mod figures;
mod work;

use std::path::Path;

use self::figures::{Figures, Reading};
use crate::{
    cli::{CompareArgs, HubArgs},
    error::LoadError,
    findings::Findings,
    report::{self, Report},
};

/// Runs it. `true`: nothing was wrong, and nothing is slower than allowed.
pub(crate) async fn run(args: CompareArgs) -> Result<bool, LoadError> {
    let mut figures = Figures::default();
    let mut wrong = Findings::default();
    for round in 1..=args.rounds.max(1) {
        // Whoever comes first finds another machine than who comes second: they change places.
        let sides = if round % 2 == 1 { [false, true] } else { [true, false] };
        for work in args.works() {
            for now in sides {
                let readings = measured(&args, work, now, &mut wrong).await?;
                figures.take(now, readings);
            }
            report::say(&format!("round {round}: {}", figures.latest()))?;
        }
    }
    report::say(&figures.table().to_string())?;
    for slower in figures.below(args.least) {
        wrong.add(|| slower);
    }
    let file = args.hub.json.clone();
    Report::new("compare", (), args, figures, wrong).finish(file.as_deref())
}

/// What one build does with one work.
async fn measured(
    args: &CompareArgs,
    work: work::Work,
    now: bool,
    wrong: &mut Findings,
) -> Result<Vec<Reading>, LoadError> {
    let hub = if now { args.hub.clone() } else { with_program(&args.hub, &args.against) };
    let (readings, found) = work.measure(args, hub).await?;
    wrong.extend(found);
    Ok(readings)
}

fn with_program(hub: &HubArgs, program: &Path) -> HubArgs {
    HubArgs { hub: Some(program.to_owned()), ..hub.clone() }
}
