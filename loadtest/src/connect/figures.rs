//! The figures of `connect`.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde::Serialize;

use super::share::Ready;
use crate::{process::Memory, report, target::Used};

/// The hub's memory when some sockets were there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halfway {
    pub(super) sockets: u64,
    pub(super) memory: Memory,
}

/// The hub's memory, as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readings {
    pub(super) before: Option<Memory>,
    pub(super) half: Option<Halfway>,
    pub(super) after: Option<Memory>,
    /// What the hub used while they came.
    pub(super) used: Used,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Sockets that follow their channel.
    pub(super) sockets: u64,
    connects_per_second: f64,
    /// Greetings with their subscriptions.
    subscribes_per_second: f64,
    /// CPU time of the hub for one socket: connection, upgrade, greeting, subscription, snapshot.
    pub(crate) hub_cpu_us_per_socket: Option<f64>,
    memory_before: Option<Memory>,
    memory_after: Option<Memory>,
    pub(crate) rss_per_socket: Option<f64>,
    pss_per_socket: Option<f64>,
    /// What a socket of the second half cost, without what the first ones made the hub take once.
    pub(crate) rss_per_further_socket: Option<f64>,
    errors: BTreeMap<String, u64>,
}

impl Figures {
    pub(super) fn of(
        sockets: u64,
        readings: Readings,
        ready: &[Ready],
        errors: BTreeMap<String, u64>,
    ) -> Self {
        let Readings { before, half, after, used } = readings;
        let each = |of: fn(Memory) -> u64| {
            let (before, after) = (of(before?), of(after?));
            Some((after as f64 - before as f64) / sockets.max(1) as f64)
        };
        // Processes work side by side: the slowest one counts.
        let slowest = |of: fn(&Ready) -> f64| ready.iter().map(of).fold(f64::EPSILON, f64::max);
        Self {
            sockets,
            connects_per_second: sockets as f64 / slowest(|ready| ready.connecting),
            subscribes_per_second: sockets as f64 / slowest(|ready| ready.subscribing),
            hub_cpu_us_per_socket: used
                .hub_cpu_seconds
                .map(|seconds| seconds * 1e6 / sockets.max(1) as f64),
            memory_before: before,
            memory_after: after,
            rss_per_socket: each(|memory| memory.rss),
            pss_per_socket: each(|memory| memory.pss),
            rss_per_further_socket: half.zip(after).and_then(|(half, after)| {
                let sockets = sockets.checked_sub(half.sockets).filter(|sockets| *sockets > 0)?;
                Some((after.rss as f64 - half.memory.rss as f64) / sockets as f64)
            }),
            errors,
        }
    }

    /// A table for people.
    pub(super) fn table(&self) -> Table {
        let mut table = report::table(&[
            "idle sockets, each following a channel",
            "connects/s",
            "greet and subscribe/s",
            "hub CPU per socket, µs",
            "memory per socket, KiB: RSS / PSS",
            "per further socket, KiB",
            "hub before, MiB RSS",
            "after",
            "errors",
        ]);
        let kib = |bytes: Option<f64>| {
            bytes.map_or("–".to_owned(), |bytes| format!("{:.2}", bytes / 1024.0))
        };
        let mib = |memory: Option<Memory>| {
            memory.map_or("–".to_owned(), |memory| {
                format!("{:.1}", memory.rss as f64 / f64::from(1 << 20))
            })
        };
        table.add_row([
            self.sockets.to_string(),
            report::short(self.connects_per_second),
            report::short(self.subscribes_per_second),
            report::known(self.hub_cpu_us_per_socket),
            format!("{} / {}", kib(self.rss_per_socket), kib(self.pss_per_socket)),
            kib(self.rss_per_further_socket),
            mib(self.memory_before),
            mib(self.memory_after),
            self.errors.values().sum::<u64>().to_string(),
        ]);
        table
    }
}
