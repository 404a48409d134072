//! `VALUES` lists of a few sizes only, so that statements with many rows stay prepared.

/// The size to which a list of rows is filled up with NULLs.
pub(super) fn padded(rows: usize) -> usize {
    rows.max(1).next_power_of_two()
}

/// `(VALUES (?, ?), (?, ?) …) AS v`, padded; its columns are `v.column1`, `v.column2` …
pub(super) fn values_list(rows: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(", "));
    format!("(VALUES {}) AS v", vec![row.as_str(); padded(rows)].join(", "))
}
