//! The figures of `hostile`, and their bounds.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde::Serialize;

use super::{
    ground::Ground,
    normal::{Normal, Side},
    watch::Watch,
};
use crate::{
    cli::{HostileArgs, Kind},
    latency::Summary,
    report,
};

/// All attacks.
#[derive(Debug, Default, Serialize)]
pub(super) struct Figures {
    pub(super) kinds: Vec<KindFigures>,
}

/// One attack.
#[derive(Debug, Serialize)]
pub(super) struct KindFigures {
    kind: Kind,
    /// From an edit to each delivery.
    without: Option<Summary>,
    with: Option<Summary>,
    /// From connecting to `subscribed`, of one who comes while the attack goes on.
    newcomers: Option<Summary>,
    rss_before: u64,
    rss_peak: u64,
    rss_bound: u64,
    /// Bytes by which the database grew.
    stored: u64,
    /// Messages, requests or subscriptions of the attack.
    sent: u64,
    /// Sockets of a storm that were closed, though they meant no harm.
    lost: u64,
    /// How connections of the attack ended, and what it was refused.
    ended: BTreeMap<String, u64>,
}

impl KindFigures {
    pub(super) fn of(kind: Kind, normal: &Normal, ground: &Ground, watch: &Watch) -> Self {
        let (rss_before, rss_peak) = watch.memory();
        let (sent, ended) = ground.deeds.told();
        Self {
            kind,
            without: normal.latencies(Side::Without),
            with: normal.latencies(Side::With),
            newcomers: normal.newcomers(),
            rss_before,
            rss_peak,
            rss_bound: kind.memory(ground.sockets),
            stored: watch.grown(),
            sent,
            lost: ground.deeds.losses(),
            ended,
        }
    }

    /// The p99 under the attack as a multiple of the p99 without.
    fn ratio(&self) -> Option<f64> {
        let (without, with) = (self.without?, self.with?);
        (without.p99_ms > 0.0).then(|| with.p99_ms / without.p99_ms)
    }

    fn grown(&self) -> u64 {
        self.rss_peak.saturating_sub(self.rss_before)
    }

    /// The bounds that are broken, in words.
    pub(super) fn broken(&self, args: &HostileArgs) -> Vec<String> {
        let name = self.kind.name();
        let mut broken = Vec::new();
        match (self.ratio(), self.with) {
            (Some(ratio), Some(with)) if ratio > args.factor && with.p99_ms > args.floor => {
                let (p99, allowed) = (with.p99_ms, args.factor);
                broken.push(format!(
                    "{name}: p99 {p99:.1} ms is {ratio:.1} times what it is without, and {allowed} is allowed"
                ));
            }
            (None, _) => broken.push(format!("{name}: nothing was delivered")),
            _ => {}
        }
        if self.lost > 0 {
            broken.push(format!("{name}: {} healthy sockets were closed or not let in", self.lost));
        }
        if self.grown() > self.rss_bound {
            let (grown, bound) = (mib(self.grown()), mib(self.rss_bound));
            broken.push(format!(
                "{name}: the hub grew by {grown:.0} MiB, and {bound:.0} are allowed"
            ));
        }
        if self.kind == Kind::Refusals && self.stored > self.sent * STORED_REFUSAL + STORED_ANYHOW {
            let each = self.stored / self.sent.max(1);
            broken.push(format!(
                "{name}: each refusal keeps {each} bytes, and {STORED_REFUSAL} are allowed"
            ));
        }
        broken
    }

    /// One line, as soon as it is known.
    pub(super) fn line(&self) -> String {
        let (name, ended) = (self.kind.name(), &self.ended);
        let ended: Vec<_> = ended.iter().map(|(code, count)| format!("{count} × {code}")).collect();
        format!("{name}: {} sent; {}", report::short(self.sent as f64), ended.join(", "))
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.kind.name(),
            report::short(self.sent as f64),
            report::percentiles(self.without),
            report::percentiles(self.with),
            self.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            report::percentiles(self.newcomers),
            format!("{:.0}", mib(self.rss_before)),
            format!("{:.0}", mib(self.grown())),
            format!("{:.0}", mib(self.rss_bound)),
            format!("{:.1}", mib(self.stored)),
        ]
    }
}

impl Figures {
    /// A table for people.
    pub(super) fn table(&self) -> Table {
        let mut table = report::table(&[
            "attack",
            "sent",
            "edit to delivery without, ms: p50 / p90 / p99 / max",
            "with",
            "p99 ratio",
            "newcomers, ms",
            "hub before, MiB RSS",
            "grown by",
            "allowed",
            "database, MiB more",
        ]);
        for kind in &self.kinds {
            table.add_row(kind.row());
        }
        table
    }
}

/// What the database may keep of one refused edit, and of what the normal clients write meanwhile.
const STORED_REFUSAL: u64 = 2 * 1024;
const STORED_ANYHOW: u64 = 8 << 20;

/// What the hub may grow by: frames on their way, the tails of channels, pages that are read, and
/// what the allocator keeps of them. Answers over HTTP that nobody reads may take 64 MiB beside.
const ANY_ATTACK: u64 = 96 << 20;
const UNREAD_ANSWERS: u64 = 64 << 20;
/// What one socket of the storm may cost, its share of the page that is read for it included.
const STORM_SOCKET: u64 = 12 << 10;

impl Kind {
    /// Bytes by which the hub may grow.
    fn memory(self, sockets: usize) -> u64 {
        match self {
            Self::Lists | Self::UnreadHttp | Self::LargeRows => ANY_ATTACK + UNREAD_ANSWERS,
            Self::Storm => ANY_ATTACK + sockets as u64 * STORM_SOCKET,
            _ => ANY_ATTACK,
        }
    }

    /// As it is written on the command line.
    pub(super) fn name(self) -> String {
        use clap::ValueEnum as _;
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use std::time::Duration;

    use super::*;
    use crate::{
        cli::{CommandLine, Scenario},
        latency::Latencies,
    };

    fn args() -> HostileArgs {
        match CommandLine::parse_from(["x", "hostile", "--spawn"]).scenario {
            Scenario::Hostile(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn milliseconds(p99: u64) -> Option<Summary> {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_millis(p99));
        latencies.summary()
    }

    fn figures(without: u64, with: u64) -> KindFigures {
        KindFigures {
            kind: Kind::Refusals,
            without: milliseconds(without),
            with: milliseconds(with),
            newcomers: None,
            rss_before: 0,
            rss_peak: 0,
            rss_bound: 1 << 20,
            stored: 0,
            sent: 10_000,
            lost: 0,
            ended: BTreeMap::new(),
        }
    }

    #[test]
    fn a_p99_is_too_long_above_the_factor_and_the_floor() {
        for (without, with, broken) in [(10, 19, 0), (10, 30, 1), (2, 9, 0)] {
            assert_eq!(figures(without, with).broken(&args()).len(), broken, "{with}");
        }
    }

    #[test]
    fn memory_what_is_stored_and_closed_sockets_have_bounds() {
        let broken = KindFigures {
            rss_peak: 2 << 20,
            stored: 100 << 20,
            lost: 1,
            with: None,
            ..figures(1, 1)
        };
        assert_eq!(broken.broken(&args()).len(), 4);
    }
}
