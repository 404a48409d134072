//! Latencies, kept as a histogram with three digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer latencies count as this long.
const LONGEST: Duration = Duration::from_secs(120);

/// Collects latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    nanoseconds: Histogram<u64>,
}

impl Default for Latencies {
    #[expect(clippy::expect_used, reason = "the bounds are constants")]
    fn default() -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let nanoseconds = Histogram::new_with_bounds(1_000, longest, 3).expect("bounds are right");
        Self { nanoseconds }
    }
}

impl Latencies {
    /// Takes one.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.nanoseconds.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.nanoseconds.reset();
    }

    /// The figures, if there are any.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let at = |quantile| milliseconds(self.nanoseconds.value_at_quantile(quantile));
        (!self.nanoseconds.is_empty()).then(|| Summary {
            count: self.nanoseconds.len(),
            mean_ms: self.nanoseconds.mean() / 1e6,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: milliseconds(self.nanoseconds.max()),
        })
    }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// A distribution of latencies, milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) mean_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_what_they_say() {
        let mut latencies = Latencies::default();
        (1..=1_000).for_each(|ms| latencies.record(Duration::from_millis(ms)));
        let summary = latencies.summary().unwrap();
        assert!((summary.p50_ms - 500.0).abs() < 1.0, "{summary:?}");
        assert!((summary.p99_ms - 990.0).abs() < 1.0, "{summary:?}");
        assert!(summary.max_ms >= 1_000.0, "{summary:?}");
    }

    #[test]
    fn nothing_has_no_percentiles() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_millis(1));
        latencies.clear();
        assert!(latencies.summary().is_none());
    }

    #[test]
    fn what_takes_for_ever_counts_as_long() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_secs(10_000));
        assert!(latencies.summary().unwrap().max_ms >= 119_000.0);
    }
}
