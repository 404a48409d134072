//! Figures for people, as tables, and for scripts, as JSON.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{error::LoadError, findings::Findings, latency::Summary, machine::Machine};

/// All that a run has to say.
#[derive(Debug, Serialize)]
pub(crate) struct Report<P, F, H = ()> {
    pub(crate) scenario: &'static str,
    pub(crate) version: &'static str,
    pub(crate) machine: Machine,
    pub(crate) hub: H,
    pub(crate) parameters: P,
    pub(crate) figures: F,
    pub(crate) wrong: Findings,
}

impl<P: Serialize, F: Serialize, H: Serialize> Report<P, F, H> {
    /// A report of a run that has ended.
    pub(crate) fn new(
        scenario: &'static str,
        hub: H,
        parameters: P,
        figures: F,
        wrong: Findings,
    ) -> Self {
        let (version, machine) = (env!("CARGO_PKG_VERSION"), Machine::here());
        Self { scenario, version, machine, hub, parameters, figures, wrong }
    }

    /// Writes it, where asked for, and says what was wrong. `true`: nothing was.
    pub(crate) fn finish(&self, file: Option<&Path>) -> Result<bool, LoadError> {
        if let Some(path) = file {
            let cannot = || format!("cannot write {}", path.display());
            let mut file = File::create(path).map_err(LoadError::io(cannot()))?;
            serde_json::to_writer_pretty(&mut file, self)
                .map_err(|error| LoadError::io(cannot())(error.into()))?;
            writeln!(file).map_err(LoadError::io(cannot()))?;
        }
        let (count, told) = self.wrong.told();
        if count > 0 {
            say(&format!("\n{count} findings that must not be, the first of them:"))?;
            told.iter().try_for_each(|words| say(&format!("  - {words}")))?;
        }
        Ok(count == 0)
    }
}

/// A line on standard output.
pub(crate) fn say(line: &str) -> Result<(), LoadError> {
    let written = writeln!(io::stdout(), "{line}");
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(LoadError::io("cannot write to standard output")(error))
        }
        _ => Ok(()),
    }
}

/// A table with these columns; all but the first hold numbers.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(columns.iter().copied());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A bar for something that is counted; none where standard error is no terminal.
#[expect(clippy::expect_used, reason = "the template is a constant")]
pub(crate) fn bar(total: u64, what: &'static str) -> ProgressBar {
    let template = "{msg:28} {wide_bar} {human_pos}/{human_len} {eta}";
    let style = ProgressStyle::with_template(template).expect("the template is right");
    ProgressBar::new(total).with_style(style).with_message(what)
}

/// Lets time pass under a bar.
pub(crate) async fn pass(time: Duration, what: &'static str) {
    const STEP: Duration = Duration::from_millis(250);
    let bar = bar(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), what);
    let end = tokio::time::Instant::now() + time;
    while let Some(left) = end.checked_duration_since(tokio::time::Instant::now()) {
        tokio::time::sleep(left.min(STEP)).await;
        bar.inc(STEP.as_millis().try_into().unwrap_or(0));
    }
    bar.finish_and_clear();
}

/// A large number for people: 950, 12.3 k, 4.56 M.
pub(crate) fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n if n >= 100.0 => format!("{n:.0}"),
        n => format!("{n:.1}"),
    }
}

/// A number that may be unknown.
pub(crate) fn known(number: Option<f64>) -> String {
    number.map_or_else(|| "–".to_owned(), short)
}

/// Percentiles in milliseconds: `p50 / p90 / p99 / max`.
pub(crate) fn percentiles(summary: Option<Summary>) -> String {
    summary.map_or_else(
        || "–".to_owned(),
        |s| format!("{:.2} / {:.2} / {:.2} / {:.1}", s.p50_ms, s.p90_ms, s.p99_ms, s.max_ms),
    )
}

/// How much of a core was used, in percent.
pub(crate) fn load(cpu_seconds: Option<f64>, seconds: f64) -> String {
    cpu_seconds.map_or_else(|| "–".to_owned(), |cpu| format!("{:.0} %", cpu / seconds * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [7.25, 950.4, 9_999.0, 12_345.0, 4_560_000.0];
        assert_eq!(numbers.map(short), ["7.2", "950", "9999", "12.3 k", "4.56 M"]);
    }

    #[test]
    fn a_report_is_written_with_everything_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        let mut wrong = Findings::default();
        wrong.add(|| "a hole".to_owned());
        let report = Report::new("fanout", (), 1, 2, wrong);
        assert!(!report.finish(Some(&file)).unwrap());
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(json["wrong"]["first"][0], "a hole");
        assert!(json["machine"]["cores"].as_u64() > Some(0));
    }
}
