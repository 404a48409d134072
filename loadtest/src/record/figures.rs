//! The figures of `record`.

use std::time::Duration;

use comfy_table::Table;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{cli::RecordArgs, report};

/// The same statement with and without recording, each round.
#[derive(Debug, Default)]
pub(super) struct Compared {
    without: Vec<Duration>,
    with: Vec<Duration>,
}

impl Compared {
    /// Takes a round.
    pub(super) fn add(&mut self, recorded: bool, took: Duration) {
        if recorded { self.with.push(took) } else { self.without.push(took) }
    }

    fn medians(&self) -> (Duration, Duration) {
        (median(&self.without), median(&self.with))
    }

    /// With recording, so many times as long as without.
    fn ratio(&self) -> f64 {
        let (without, with) = self.medians();
        with.as_secs_f64() / without.as_secs_f64()
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Serialize for Compared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds =
            |times: &[Duration]| times.iter().map(Duration::as_secs_f64).collect::<Vec<_>>();
        let (without, with) = self.medians();
        let mut figures = serializer.serialize_struct("Compared", 5)?;
        figures.serialize_field("without_seconds", &without.as_secs_f64())?;
        figures.serialize_field("with_seconds", &with.as_secs_f64())?;
        figures.serialize_field("ratio", &self.ratio())?;
        figures.serialize_field("rounds_without", &seconds(&self.without))?;
        figures.serialize_field("rounds_with", &seconds(&self.with))?;
        figures.end()
    }
}

/// All that was compared.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    /// A transaction of one row.
    pub(super) single: Option<Compared>,
    /// An UPDATE of many rows over many projects, recorded row by row.
    pub(super) spread: Compared,
    /// An UPDATE of many rows of one project, for which a reset stands.
    pub(super) together: Compared,
}

impl Figures {
    /// A table for people.
    pub(super) fn table(&self, args: &RecordArgs, store: &str) -> Table {
        let first = format!("outside writer, {store}");
        let mut table = report::table(&[&first, "without recording", "with", "added", "times"]);
        let spread = format!("UPDATE of {} rows, {} projects", args.rows, args.projects);
        let together = format!("UPDATE of {} rows, one project (a reset)", args.rows);
        let rows = [
            ("transaction of one row".to_owned(), self.single.as_ref()),
            (spread, Some(&self.spread)),
            (together, Some(&self.together)),
        ];
        for (name, compared) in rows {
            let Some(compared) = compared else { continue };
            let (without, with) = compared.medians();
            let added = with.saturating_sub(without);
            let ratio = format!("{:.2}", compared.ratio());
            table.add_row([name, time(without), time(with), time(added), ratio]);
        }
        table
    }
}

fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.01 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_round_counts() {
        let mut compared = Compared::default();
        [1, 2, 90].into_iter().for_each(|ms| compared.add(false, Duration::from_millis(ms)));
        [3, 4, 5].into_iter().for_each(|ms| compared.add(true, Duration::from_millis(ms)));
        assert_eq!(compared.medians(), (Duration::from_millis(2), Duration::from_millis(4)));
        assert!((compared.ratio() - 2.0).abs() < 1e-9);
    }
}
