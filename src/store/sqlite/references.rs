//! What an edit wrote refers to rows of its own channel, and what it took along was of its channel.
//!
//! A statement that sets a column of such a reference returns what it wrote. That is looked at when all
//! operations of the edit are done, since rows of one edit may refer to each other.

use rowcast_protocol::ErrorCode;
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        EditError, LiveTable,
        edit::{CheckedEdit, CheckedOp},
        error::StoreError,
        fold::table_of,
        reference::{Question, Written, are_followed, followers, questions},
        values::Raw,
    },
    connection::quoted,
    constraint::no_row,
    facts::Facts,
    raw::{Bound, raw},
    row::column_name,
    transaction::{Halt, Transaction},
    values_list::{padded, values_list},
};

/// What a statement is to return of the rows that it writes.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    questions: Vec<Question<'a>>,
    table: Option<&'a LiveTable>,
    /// Columns that the statement returns before.
    before: usize,
}

impl<'a> Asked<'a> {
    /// What is to be asked when these columns are written. The statement returns so many other columns
    /// first.
    pub(super) fn new(
        facts: &'a Facts,
        table: &'a LiveTable,
        written: Written,
        columns: &[usize],
        before: usize,
    ) -> Self {
        let questions = questions(&facts.schema.tables, table, written, columns);
        Self { questions, table: Some(table), before }
    }

    /// Whether there is nothing to ask.
    pub(super) fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// The columns to return, with commas: the channel's first.
    pub(super) fn columns(&self) -> String {
        let Some(table) = self.table else { return String::new() };
        let told = self.questions.iter().flat_map(|question| question.columns);
        let all = [table.channel_column].into_iter().chain(told.copied());
        all.map(|index| column_name(table, index)).collect::<Vec<_>>().join(", ")
    }

    /// ` RETURNING …`, if there is something to ask.
    pub(super) fn returning(&self) -> String {
        if self.is_empty() { String::new() } else { format!(" RETURNING {}", self.columns()) }
    }

    /// What was returned, by question, to be looked at later.
    pub(super) fn told(self, op: usize, rows: &[SqliteRow]) -> Result<Vec<Told<'a>>, StoreError> {
        let mut place = self.before + 1;
        let mut all = Vec::with_capacity(self.questions.len());
        for question in self.questions {
            let end = place + question.columns.len();
            let values = |row: &SqliteRow| {
                [self.before].into_iter().chain(place..end).map(|at| raw(row, at)).collect()
            };
            let rows = rows.iter().map(values).collect::<Result<_, StoreError>>()?;
            all.push(Told { op, question, rows });
            place = end;
        }
        Ok(all)
    }
}

/// Rows that were written: for each the value of its channel's column, then those by which other rows are
/// found.
#[derive(Debug)]
pub(super) struct Told<'a> {
    op: usize,
    question: Question<'a>,
    rows: Vec<Vec<Raw>>,
}

/// Refuses what refers to rows of other channels, or is referred to by them.
pub(super) async fn check(
    transaction: &mut Transaction<'_>,
    told: Vec<Told<'_>>,
) -> Result<(), Halt> {
    for told in told.into_iter().filter(|told| !told.rows.is_empty()) {
        let Told { op, question, rows } = told;
        let width = question.columns.len() + 1;
        let missing = (padded(rows.len()) - rows.len()) * width;
        let sql = statement(&question, rows.len());
        let mut bound = Bound::default();
        for value in rows.into_iter().flatten() {
            bound.push_raw(value);
        }
        bound.push_nulls(missing);
        let answers = transaction.connection.run(sql, bound.done()).await?;
        if answers.first().is_some_and(|answer| !answer.rows.is_empty()) {
            let refusal = refusal(&question).concealing(&transaction.facts.schema);
            return Err(refusal.in_op(op).into());
        }
    }
    Ok(())
}

/// Finds a row of another channel.
fn statement(question: &Question<'_>, rows: usize) -> String {
    let other = question.other;
    let is_same = question
        .other_columns
        .iter()
        .enumerate()
        .map(|(n, index)| format!("o.{} = v.column{}", column_name(other, *index), n + 2));
    format!(
        "SELECT 1 FROM {} JOIN {} o ON {} WHERE o.{} IS NOT v.column1 COLLATE BINARY LIMIT 1",
        values_list(rows, question.columns.len() + 1),
        quoted(&other.name),
        is_same.collect::<Vec<_>>().join(" AND "),
        column_name(other, other.channel_column),
    )
}

fn refusal(question: &Question<'_>) -> EditError {
    let Question { of, reference, .. } = question;
    let words = if question.refers() {
        no_row(&reference.to, reference.field(of).unwrap_or_default())
    } else {
        still_referred_to(&of.name)
    };
    reference.broken(of, words)
}

fn still_referred_to(table: &str) -> String {
    format!("a row of `{table}` still refers to this one")
}

/// Why an operation is refused that took rows of other channels along, for which others have rights.
/// `before` is how much had been done then.
pub(super) fn taken_along(
    transaction: &Transaction<'_>,
    edit: &CheckedEdit,
    op: &CheckedOp,
    before: usize,
) -> Option<EditError> {
    if !may_take_along(transaction.facts, op) {
        return None;
    }
    let own = &edit.channel;
    let done = transaction.done.iter().skip(before);
    let mut beside = done.filter(|done| done.channel != *own && done.channel.kind() == own.kind());
    let is_follower = |table: &&str| {
        followers(&transaction.facts.schema.tables, own.kind()).any(|name| name == *table)
    };
    let table = beside.by_ref().map(|done| table_of(&done.recorded.change)).find(is_follower)?;
    Some(EditError::new(ErrorCode::ForeignKey, still_referred_to(table)).in_table(table))
}

/// Whether the database may change other rows with those of an operation.
pub(super) fn may_take_along(facts: &Facts, op: &CheckedOp) -> bool {
    let tables = &facts.schema.tables;
    let Some(table) = tables.get(op.table()) else { return false };
    match op {
        CheckedOp::Insert { .. } | CheckedOp::Move { .. } => false,
        CheckedOp::Delete { .. } => followers(tables, &table.channel_kind).next().is_some(),
        CheckedOp::Update { change, .. } => {
            let plain = change.set.iter().chain(&change.inc).map(|(column, _)| *column);
            let lists = change.add.iter().chain(&change.remove).map(|(column, _)| *column);
            are_followed(tables, table, &plain.chain(lists).collect::<Vec<_>>())
        }
    }
}
