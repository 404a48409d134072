//! What the hub counts. One documented struct; each field exists because something increments it.

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
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut registry = Registry::with_prefix("rowcast");
                $(
                    let $name: $type = $make;
                    registry.register(stringify!($name), concat!($($doc),+).trim(), $name.clone());
                )+
                Self { registry, $($name,)+ }
            }
        }
    };
}

metrics! {
    /// WebSockets that are open.
    sockets: Gauge = Gauge::default();
    /// WebSockets that were opened.
    sockets_opened: Counter = Counter::default();
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
    /// Whether the store answered last time: 1 or 0.
    store_up: Gauge = Gauge::default();
}

impl Metrics {
    /// All counters in the text format of Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
