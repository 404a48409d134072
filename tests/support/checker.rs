//! Python programs of the tests: the checker of histories and the foreign client.

use std::{path::Path, process::Command};

/// The folder of the tests.
pub(crate) fn tests() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}

/// Judges a history; the checker's words if it does not hold.
pub(crate) fn judge(history: &Path) -> Result<String, String> {
    let run = Command::new("python3")
        .arg(tests().join("checker/check.py"))
        .arg(history)
        .output()
        .expect("python3 runs");
    let words = String::from_utf8_lossy(&run.stdout).into_owned();
    if run.status.success() {
        return Ok(words);
    }
    Err(format!("{words}{}", String::from_utf8_lossy(&run.stderr)))
}
