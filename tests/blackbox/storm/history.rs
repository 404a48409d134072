//! What a participant saw, written down as `tests/checker/FORMAT.md` says.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use serde_json::{Value, json};
use tokio::time::Instant;

/// The history of one participant.
#[derive(Debug)]
pub(super) struct History {
    file: BufWriter<File>,
    /// When the run began; times are counted from here, for all participants.
    began: Instant,
}

impl History {
    /// A new file in the folder, in a run that began then.
    pub(super) fn new(folder: &Path, name: &str, began: Instant) -> Self {
        let file = File::create(folder.join(format!("{name}.jsonl"))).expect("a file is made");
        Self { file: BufWriter::new(file), began }
    }

    /// Microseconds since the run began.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).expect("a run is short")
    }

    /// Writes a line, with the time.
    pub(super) fn notes(&mut self, mut line: Value) {
        line["at"] = json!(self.now());
        writeln!(self.file, "{line}").expect("it is written");
    }

    /// Everything is on its way to the disk.
    pub(super) fn ends(mut self) {
        self.file.flush().expect("it is written");
    }
}
