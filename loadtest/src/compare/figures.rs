//! The figures of `compare`: what was read of each build, and the ratios.

use comfy_table::Table;
use serde::Serialize;

use crate::report;

/// One figure of one run.
#[derive(Debug)]
pub(super) struct Reading {
    what: String,
    more_is_better: bool,
    value: f64,
}

impl Reading {
    /// A rate.
    pub(super) fn more(what: impl Into<String>, value: f64) -> Self {
        Self { what: what.into(), more_is_better: true, value }
    }

    /// A cost.
    pub(super) fn less(what: impl Into<String>, value: f64) -> Self {
        Self { what: what.into(), more_is_better: false, value }
    }
}

/// Everything that was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct Figures {
    compared: Vec<Compared>,
    #[serde(skip)]
    latest: Vec<String>,
}

/// One figure of both builds, of all rounds.
#[derive(Debug, Serialize)]
struct Compared {
    what: String,
    more_is_better: bool,
    before: Vec<f64>,
    now: Vec<f64>,
}

impl Figures {
    /// Takes what a run told.
    pub(super) fn take(&mut self, now: bool, readings: Vec<Reading>) {
        for Reading { what, more_is_better, value } in readings {
            let side = if now { "now" } else { "before" };
            self.latest.push(format!("{what}: {} {side}", report::short(value)));
            let compared = self.of(&what, more_is_better);
            let values = if now { &mut compared.now } else { &mut compared.before };
            values.push(value);
        }
    }

    fn of(&mut self, what: &str, more_is_better: bool) -> &mut Compared {
        let index = self.compared.iter().position(|one| one.what == what);
        let index = index.unwrap_or(self.compared.len());
        if index == self.compared.len() {
            let (before, now) = (Vec::new(), Vec::new());
            self.compared.push(Compared { what: what.to_owned(), more_is_better, before, now });
        }
        #[expect(clippy::indexing_slicing, reason = "found or pushed above")]
        &mut self.compared[index]
    }

    /// What was taken since this was asked last, in words.
    pub(super) fn latest(&mut self) -> String {
        std::mem::take(&mut self.latest).join("; ")
    }

    /// A table for people. A ratio above 1: now is better.
    pub(super) fn table(&self) -> Table {
        let mut table = report::table(&["median of all rounds", "before", "now", "ratio"]);
        for one in &self.compared {
            table.add_row([
                one.what.clone(),
                report::known(median(&one.before)),
                report::known(median(&one.now)),
                one.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            ]);
        }
        table
    }

    /// The figures whose ratio is below this, in words.
    pub(super) fn below(&self, least: f64) -> Vec<String> {
        let words = |one: &Compared| {
            let ratio = one.ratio().filter(|ratio| *ratio < least)?;
            Some(format!("{}: {ratio:.2} of before, and {least} is allowed", one.what))
        };
        self.compared.iter().filter_map(words).collect()
    }
}

impl Compared {
    fn ratio(&self) -> Option<f64> {
        let (before, now) = (median(&self.before)?, median(&self.now)?);
        let (better, worse) = if self.more_is_better { (now, before) } else { (before, now) };
        (worse > 0.0).then_some(better / worse)
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_above_one_is_better_whichever_way_the_figure_counts() {
        let mut figures = Figures::default();
        for (now, factor) in [(false, 1.0), (true, 2.0), (false, 1.0), (true, 2.0)] {
            figures.take(
                now,
                vec![Reading::more("rate", 100.0 * factor), Reading::less("cost", 8.0 / factor)],
            );
        }
        assert!(figures.below(1.9).is_empty(), "{figures:?}");
        assert_eq!(figures.below(2.1).len(), 2, "{figures:?}");
    }

    #[test]
    fn one_bad_round_of_three_does_not_count() {
        let mut figures = Figures::default();
        for now in [10.0, 1.0, 10.0] {
            figures.take(false, vec![Reading::more("rate", 10.0)]);
            figures.take(true, vec![Reading::more("rate", now)]);
        }
        assert!(figures.below(0.99).is_empty(), "{figures:?}");
    }
}
