//! What a participant saw, written down as `tests/checker/FORMAT.md` says.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use serde_json::Value;

/// The history of one participant.
#[derive(Debug)]
pub(super) struct History(BufWriter<File>);

impl History {
    /// A new file in the folder.
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let file = File::create(folder.join(format!("{name}.jsonl"))).expect("a file is made");
        Self(BufWriter::new(file))
    }

    /// Writes a line.
    #[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
    pub(super) fn notes(&mut self, line: Value) {
        writeln!(self.0, "{line}").expect("it is written");
    }

    /// Everything is on its way to the disk.
    pub(super) fn ends(mut self) {
        self.0.flush().expect("it is written");
    }
}
