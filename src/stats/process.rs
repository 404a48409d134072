//! What the process takes, as Linux tells it; zeros elsewhere.

use std::fs;

/// Ticks of the clock by which Linux counts processor time, in a second; the same everywhere.
const TICKS: f64 = 100.0;

/// What the process takes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Process {
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Processor time since it began.
    pub cpu_seconds: f64,
}

impl Process {
    /// As it is now.
    #[must_use]
    pub fn now() -> Self {
        Self { memory_bytes: memory().unwrap_or(0), cpu_seconds: cpu().unwrap_or(0.0) }
    }
}

fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes * 1024)
}

/// The fields after the program's name, which may hold anything and stands in parentheses: the
/// twelfth and thirteenth are time as itself and time in the kernel.
fn cpu() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let own: f64 = fields.next()?.parse().ok()?;
    let kernel: f64 = fields.next()?.parse().ok()?;
    Some((own + kernel) / TICKS)
}
