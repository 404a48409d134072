//! The figures of `fanout`.

use comfy_table::Table;
use serde::Serialize;

use crate::{latency::Summary, report, target::Used};

/// All windows.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(super) subscribers: usize,
    pub(crate) windows: Vec<WindowFigures>,
}

/// One window.
#[derive(Debug, Serialize)]
pub(crate) struct WindowFigures {
    pub(crate) window: usize,
    pub(super) deliveries: u64,
    pub(super) deliveries_per_second: f64,
    pub(super) publishes_per_second: f64,
    pub(crate) deliveries_per_hub_cpu_second: Option<f64>,
    /// From a publish to each delivery.
    pub(super) each: Option<Summary>,
    /// From a publish to its last delivery.
    pub(super) last: Option<Summary>,
    pub(super) used: Used,
}

impl Figures {
    /// A table, to be put beside those of other servers.
    pub(super) fn table(&self, edits: bool) -> Table {
        let what = if edits { "edits" } else { "signals" };
        let first = format!("{what}, {} subscribers", self.subscribers);
        let mut table = report::table(&[
            &first,
            "deliveries per hub CPU s",
            "deliveries/s",
            "publishes/s",
            "to each, ms: p50 / p90 / p99 / max",
            "to the last, ms",
            "hub CPU",
            "client CPU",
        ]);
        for window in &self.windows {
            table.add_row(window.row());
        }
        table
    }
}

impl WindowFigures {
    fn row(&self) -> Vec<String> {
        let seconds = self.used.seconds;
        vec![
            format!("window {}", self.window),
            report::known(self.deliveries_per_hub_cpu_second),
            report::short(self.deliveries_per_second),
            report::short(self.publishes_per_second),
            report::percentiles(self.each),
            report::percentiles(self.last),
            report::load(self.used.hub_cpu_seconds, seconds),
            report::load(self.used.client_cpu_seconds, seconds),
        ]
    }
}
