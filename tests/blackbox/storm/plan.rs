//! The plan of a run: everything that chance decides beforehand, from one seed.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use crate::support::database::Kind;

/// Edits of a run unless `ROWCAST_EDITS` says otherwise.
const EDITS: usize = 5_000;
/// Clients of a run; two devices each of half as many people.
pub(super) const ROBOTS: usize = 8;
/// Projects that they all follow.
pub(super) const PROJECTS: u32 = 3;

/// A run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) edits: usize,
    /// What goes wrong, and after how many acks.
    pub(super) faults: Vec<(usize, Fault)>,
}

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Fault {
    /// The connection of one client ends.
    Cut(usize),
    /// The connections of all clients are reset.
    ResetAll,
    /// The network of one client passes nothing, for this many acks of the others; then it is cut.
    Stall(usize, usize),
    /// The network of one client is thin, for this many acks of the others.
    Slow(usize, usize),
    /// The connections of one client break after this many bytes, for this many acks of the others.
    Break(usize, usize, usize),
    /// The hub is killed and started again.
    Crash,
    /// The database goes away and comes back.
    Outage,
}

impl Plan {
    /// From the environment, or by chance.
    pub(super) fn of_environment(kind: Kind) -> Self {
        let number = |name: &str| {
            let text = std::env::var_os(name)?.into_string().ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is no number")))
        };
        let seed = number("ROWCAST_SEED").unwrap_or_else(|| rand::rng().random_range(0..1 << 32));
        let edits = number("ROWCAST_EDITS").map_or(EDITS, |edits| edits as usize);
        Self::new(seed, edits, kind)
    }

    fn new(seed: u64, edits: usize, kind: Kind) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut faults: Vec<(usize, Fault)> =
            (0..24).map(|_| (rng.random_range(0..edits), random_fault(&mut rng, edits))).collect();
        // Whatever chance says, these happen.
        let outages = if kind == Kind::Postgres { 2 } else { 3 };
        let certain = [(Fault::Crash, 4), (Fault::Outage, outages)];
        for (fault, times) in certain {
            for _ in 0..times {
                faults.push((rng.random_range(edits / 20..edits), fault));
            }
        }
        faults.sort_by_key(|(after, _)| *after);
        Self { seed, edits, faults }
    }

    /// The dice of one participant.
    pub(super) fn dice(&self, participant: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (participant + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

fn random_fault(rng: &mut StdRng, edits: usize) -> Fault {
    let robot = rng.random_range(0..ROBOTS);
    let a_while = rng.random_range(1..=edits / 20 + 1);
    match rng.random_range(0..10) {
        0..3 => Fault::Cut(robot),
        3 => Fault::ResetAll,
        4 | 5 => Fault::Stall(robot, a_while),
        6 | 7 => Fault::Slow(robot, a_while),
        _ => Fault::Break(robot, rng.random_range(500..30_000), a_while),
    }
}
