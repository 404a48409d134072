//! The figures of `edits`.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde::Serialize;

use super::{ledger::Measured, stage::Stage};
use crate::{cli::EditsArgs, latency::Summary, report, target::Used};

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Acks a second: edits that are durable.
    pub(crate) edits_per_second: f64,
    pub(crate) edits: u64,
    /// From an edit to its ack.
    pub(crate) ack: Option<Summary>,
    /// From an edit to every other device.
    pub(crate) delivery: Option<Summary>,
    /// From an edit to the device that sent it.
    pub(super) own_delivery: Option<Summary>,
    /// Edits of the whole run, warm-up included.
    pub(super) edits_checked: u64,
    pub(super) sent_again: u64,
    pub(super) errors: BTreeMap<&'static str, u64>,
    pub(crate) used: Used,
    setting: String,
}

impl Figures {
    pub(super) fn of(args: &EditsArgs, stage: &Stage, used: Used, measured: &Measured) -> Self {
        let (edits_checked, sent_again, errors) = stage.shared.ledger.borrow().totals();
        Self {
            edits_per_second: measured.acks as f64 / used.seconds,
            edits: measured.acks,
            ack: measured.ack.summary(),
            delivery: measured.other.summary(),
            own_delivery: measured.own.summary(),
            edits_checked,
            sent_again,
            errors,
            used,
            setting: setting(args),
        }
    }

    /// A table for people.
    pub(super) fn table(&self) -> Table {
        let mut table = report::table(&[
            "edits",
            "durable edits/s",
            "to the ack, ms: p50 / p90 / p99 / max",
            "to other devices, ms",
            "hub CPU",
            "client CPU",
            "checked",
            "sent again",
        ]);
        table.add_row([
            self.setting.clone(),
            report::short(self.edits_per_second),
            report::percentiles(self.ack),
            report::percentiles(self.delivery),
            report::load(self.used.hub_cpu_seconds, self.used.seconds),
            report::load(self.used.client_cpu_seconds, self.used.seconds),
            report::short(self.edits_checked as f64),
            self.sent_again.to_string(),
        ]);
        table
    }
}

fn setting(args: &EditsArgs) -> String {
    let pace = match (args.think, args.rate) {
        (Some(ms), _) => format!("{ms} ms of thinking"),
        (_, Some(rate)) => format!("{rate} a second"),
        _ => format!("flat out, window {}", args.window),
    };
    let EditsArgs { editors, projects, devices, .. } = args;
    format!("{editors} editors, {projects} projects, {devices} devices each, {pace}")
}
