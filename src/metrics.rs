//! What the hub counts. One documented struct; each field exists because something increments it.

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// The code of an error or of a close.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CodeLabel {
    /// The code as it stands on the wire.
    pub code: &'static str,
}

/// The kind of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabel {
    /// The request's type.
    pub kind: &'static str,
}

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $make:expr;)+) => {
        /// Everything that is counted.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            /// How long the store took for the last batches.
            pub recent_commits: Recent,
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut registry = Registry::with_prefix("rowcast");
                $(
                    let $name: $type = $make;
                    registry.register(stringify!($name), concat!($($doc),+).trim(), $name.clone());
                )+
                Self { registry, recent_commits: Recent::default(), $($name,)+ }
            }
        }
    };
}

metrics! {
    /// WebSockets that are open.
    sockets: Gauge = Gauge::default();
    /// WebSockets that were opened.
    sockets_opened: Counter = Counter::default();
    /// Connections that were turned away at the door, by code.
    connections_refused: Family<CodeLabel, Counter> = Family::default();
    /// Connections that were closed because nobody read the answer.
    answers_unread: Counter = Counter::default();
    /// Upgrades that were refused.
    upgrades_refused: Counter = Counter::default();
    /// WebSockets that the hub closed, by close code.
    closes: Family<CodeLabel, Counter> = Family::default();
    /// Subscriptions that are open.
    subscriptions: Gauge = Gauge::default();
    /// Channels that are open on this node.
    channels: Gauge = Gauge::default();
    /// Requests that came over sockets, by type.
    requests: Family<KindLabel, Counter> = Family::default();
    /// Errors that were sent to clients, by code.
    errors: Family<CodeLabel, Counter> = Family::default();
    /// Entries that were numbered.
    entries: Counter = Counter::default();
    /// Holes in a log that were filled from the store.
    repairs: Counter = Counter::default();
    /// Edits that were acked.
    edits: Counter = Counter::default();
    /// Batches that were committed.
    batches: Counter = Counter::default();
    /// Edits per batch.
    batch_edits: Histogram = Histogram::new(exponential_buckets(1.0, 2.0, 10));
    /// Seconds that the store took for a batch.
    commit_seconds: Histogram = Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
    /// Entries that were written to subscribers.
    deliveries: Counter = Counter::default();
    /// Bytes of entries that were written to subscribers.
    delivered_bytes: Counter = Counter::default();
    /// Milliseconds that a change by an outsider waited at most before it was looked for.
    numbering_lag_ms: Gauge = Gauge::default();
    /// How often somebody changed the live tables while the hub ran.
    schema_changes: Counter = Counter::default();
    /// Declared tables that are not live at present, because they do not fit their declaration.
    tables_not_live: Gauge = Gauge::default();
    /// Whether the store answered last time: 1 or 0.
    store_up: Gauge = Gauge::default();
}

/// The last durations of something, for quantiles.
#[derive(Debug, Default)]
pub struct Recent(Mutex<VecDeque<Duration>>);

impl Recent {
    /// How many are kept.
    const KEPT: usize = 512;

    /// Adds one.
    pub fn observe(&self, duration: Duration) {
        let mut kept = self.0.lock();
        if kept.len() == Self::KEPT {
            kept.pop_front();
        }
        kept.push_back(duration);
    }

    /// The duration that this share of them, 0 to 1, does not exceed; zero if there are none.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a small number without sign")]
    #[expect(clippy::cast_sign_loss, reason = "a small number without sign")]
    #[expect(clippy::cast_precision_loss, reason = "a small number without sign")]
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted: Vec<Duration> = self.0.lock().iter().copied().collect();
        sorted.sort_unstable();
        let place = (share.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl Metrics {
    /// How many errors with this code were sent.
    #[must_use]
    pub fn errors_of(&self, code: &'static str) -> u64 {
        self.errors.get(&CodeLabel { code }).map_or(0, |count| count.get())
    }

    /// All counters in the text format of Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_durations() {
        let recent = Recent::default();
        assert_eq!(recent.quantile(0.5), Duration::ZERO);
        (1..=1000).for_each(|n| recent.observe(Duration::from_millis(n)));
        assert_eq!(recent.quantile(0.0), Duration::from_millis(489));
        assert_eq!(recent.quantile(0.5), Duration::from_millis(744));
        assert_eq!(recent.quantile(1.0), Duration::from_millis(1000));
    }
}
