//! What may be asked of a live table's rows, checked: columns are indexes, values fit them.
//!
//! Both stores give the same answer to the same query. Texts compare by their bytes, UUIDs, days and
//! instants in their one form, numbers by value. A row without a value counts as equal to no value;
//! sorted by that column it comes last, whichever the direction.

use rowcast_protocol::{Cursor, Fields, Value};

use super::LiveTable;

/// The most rows of one answer.
pub const MOST_ROWS: u32 = 1_000;

/// A question to the rows of one table in one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Rows must pass all of these.
    pub filters: Vec<Filter>,
    /// How they are sorted; ends with the key, so that no two rows are equal. No column twice.
    pub sort: Vec<SortBy>,
    /// The columns of the answer; none of them hidden.
    pub columns: Vec<usize>,
    /// Where the answer begins.
    pub from: From,
    /// How many rows at most; 1 to [`MOST_ROWS`].
    pub limit: u32,
    /// Whether to count all rows that pass.
    pub total: bool,
}

/// What one column of a row must be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The column; not hidden.
    pub column: usize,
    /// What it must pass.
    pub test: Test,
}

/// What a value must be like. Values are never null here.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal to this.
    Is(Value),
    /// Not equal to this, or no value.
    IsNot(Value),
    /// Less.
    Below(Value),
    /// Less or equal.
    AtMost(Value),
    /// Greater.
    Above(Value),
    /// Greater or equal.
    AtLeast(Value),
    /// Equal to one of these.
    AmongThese(Vec<Value>),
    /// Text that has this in it; letters A to Z in either case are the same.
    Contains(String),
    /// A JSON list that has one of these texts or numbers among its items.
    Holds(Vec<Value>),
    /// No value, or some value.
    Missing(bool),
}

/// One column by which rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortBy {
    /// The column; not hidden.
    pub column: usize,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// Where an answer begins.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// With the first row.
    Start,
    /// After the row that has these values in the columns of the sort.
    After(Vec<Value>),
    /// After this many rows.
    Offset(u32),
}

/// The rows found, read at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// The channel's newest position at that instant; the rows may be ahead of it by what outsiders
    /// wrote and nobody has numbered yet.
    pub head: Cursor,
    /// In order, with the columns asked for.
    pub rows: Vec<Fields>,
    /// Where the next answer begins, if there are more rows: see [`From::After`].
    pub next: Option<Vec<Value>>,
    /// How many rows pass in all, if asked.
    pub total: Option<u64>,
}

impl Query {
    /// The columns to read: those of the answer and those of the sort, in the table's order.
    #[must_use]
    pub(super) fn to_read(&self) -> Vec<usize> {
        let sorted = self.sort.iter().map(|by| by.column);
        let mut columns: Vec<usize> = self.columns.iter().copied().chain(sorted).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// One row more than the answer has, to see whether there are more.
    pub(super) fn to_fetch(&self) -> i64 {
        i64::from(self.limit.clamp(1, MOST_ROWS)) + 1
    }

    pub(super) fn offset(&self) -> i64 {
        match self.from {
            From::Offset(rows) => i64::from(rows),
            From::Start | From::After(_) => 0,
        }
    }

    /// The answer from the rows that were read, which hold the columns of [`Query::to_read`]. `cut`:
    /// there are more, which would have been too many bytes.
    pub(super) fn answer(
        &self,
        table: &LiveTable,
        head: Cursor,
        mut rows: Vec<Fields>,
        cut: bool,
        total: Option<u64>,
    ) -> Selected {
        let limit = usize::try_from(self.limit.clamp(1, MOST_ROWS)).unwrap_or(1);
        let more = cut || rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| self.place_of(table, last));
        let wanted = |name: &String| {
            self.columns
                .iter()
                .filter_map(|&index| table.columns.get(index))
                .any(|column| column.name == *name)
        };
        for row in &mut rows {
            row.0.retain(|name, _| wanted(name));
        }
        Selected { head, rows, next, total }
    }

    fn place_of(&self, table: &LiveTable, row: &Fields) -> Vec<Value> {
        let value = |by: &SortBy| {
            let column = table.columns.get(by.column);
            column.and_then(|column| row.get(&column.name)).cloned().unwrap_or_default()
        };
        self.sort.iter().map(value).collect()
    }
}
