//! How this node does: rates of the last seconds, what its process takes, who follows what.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::time::Instant;

use crate::metrics::Metrics;

mod process;

pub use process::Process;

/// How many samples are kept, one a second.
const SAMPLES: usize = 11;

/// Samples of the counters, from which rates are made.
#[derive(Debug)]
pub struct Pace {
    metrics: Arc<Metrics>,
    started: Timestamp,
    samples: Mutex<VecDeque<Sample>>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    edits: u64,
    deliveries: u64,
    bytes: u64,
    process: Process,
}

/// What happens in a second, over the last ten of them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Edits that were acked.
    pub edits: f64,
    /// Entries that were written to sockets.
    pub deliveries: f64,
    /// Bytes that were written to sockets for channels.
    pub bytes: f64,
    /// Share of one processor, in per cent.
    pub cpu_percent: f64,
    /// Resident memory now, in bytes.
    pub memory_bytes: u64,
}

impl Pace {
    /// Begins with a first sample.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let pace = Self { metrics, started: Timestamp::now(), samples: Mutex::default() };
        pace.sample();
        pace
    }

    /// When the node started.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Takes a sample; once a second.
    pub fn sample(&self) {
        let sample = self.now();
        let mut samples = self.samples.lock();
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The rates since the oldest sample.
    #[must_use]
    pub fn rates(&self) -> Rates {
        let now = self.now();
        let Some(then) = self.samples.lock().front().copied() else { return Rates::default() };
        let seconds = now.at.duration_since(then.at).as_secs_f64().max(0.001);
        let rate = |now: u64, then: u64| lossy(now.saturating_sub(then)) / seconds;
        Rates {
            edits: rate(now.edits, then.edits),
            deliveries: rate(now.deliveries, then.deliveries),
            bytes: rate(now.bytes, then.bytes),
            cpu_percent: (now.process.cpu_seconds - then.process.cpu_seconds).max(0.0) / seconds
                * 100.0,
            memory_bytes: now.process.memory_bytes,
        }
    }

    fn now(&self) -> Sample {
        Sample {
            at: Instant::now(),
            edits: self.metrics.edits.get(),
            deliveries: self.metrics.deliveries.get(),
            bytes: self.metrics.delivered_bytes.get(),
            process: Process::now(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is no exact number")]
fn lossy(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rates_are_of_the_last_ten_seconds() {
        let metrics = Arc::new(Metrics::default());
        let pace = Pace::new(Arc::clone(&metrics));
        metrics.edits.inc_by(1000);
        for _ in 0..30 {
            tokio::time::advance(Duration::from_secs(1)).await;
            metrics.edits.inc_by(5);
            pace.sample();
        }
        let rates = pace.rates();
        assert!((rates.edits - 5.0).abs() < 0.01, "{rates:?}");
        assert!(rates.memory_bytes > 0 && rates.deliveries == 0.0);
    }
}
