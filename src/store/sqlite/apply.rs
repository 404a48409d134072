//! Applies one operation. The writer is alone in its transaction, so reading a row, computing its
//! new values and writing them is atomic.

use futures_util::FutureExt as _;
use rowcast_protocol::{ChannelName, ErrorCode, Value};

use super::{
    super::{
        edit::{CheckedEdit, CheckedOp, CheckedPlace, ColumnValues, FieldOps},
        error::EditError,
        fold::{RowImage, fields_of},
        reference::Written,
        schema::LiveTable,
        values::{same, wire_of_checked},
        weight::{are_large, bytes_of, bytes_of_values},
    },
    arithmetic,
    assign::{assignments, values_named},
    connection::Answer,
    constraint, own, place,
    raw::Bound,
    references::{self, Asked, Told},
    row::{RowPlace, column_kind, column_name, push_field},
    transaction::{Cause, Halt, Transaction},
};

/// Old and new values of one edit may have the bytes of so many entries, which count new ones alone.
const MOST_ENTRIES: usize = 4;

/// Applies all operations of an edit. If one fails, those before it stay done: the caller takes
/// them back.
pub(super) async fn edit(
    transaction: &mut Transaction<'_>,
    index: usize,
    edit: &CheckedEdit,
) -> Result<(), Halt> {
    let most = transaction.bytes + MOST_ENTRIES * transaction.facts.limits.bytes;
    let mut told = Vec::new();
    for (number, op) in edit.ops.iter().enumerate() {
        let before = transaction.done.len();
        let mut work =
            Work { transaction, index, op: number, channel: &edit.channel, told: &mut told };
        let failure = match work.apply_to_meant(op).await {
            Ok(()) if work.transaction.bytes > most => {
                Halt::Edit(own::too_large(work.transaction.facts.limits))
            }
            Ok(()) => match references::taken_along(work.transaction, edit, op, before) {
                Some(refusal) => Halt::Edit(refusal),
                None => continue,
            },
            Err(Halt::Sql(error)) => constraint::explain(work.transaction, op, error).await,
            Err(halt) => halt,
        };
        return Err(match failure {
            Halt::Edit(error) => Halt::Edit(error.in_op(number)),
            Halt::LeftOut(error) => Halt::LeftOut(error.in_op(number)),
            Halt::NoRoom { .. } => Halt::NoRoom { op: number },
            halt => halt,
        });
    }
    references::check(transaction, told).await
}

/// One operation of an edit at work.
struct Work<'a, 'b> {
    transaction: &'a mut Transaction<'b>,
    index: usize,
    op: usize,
    channel: &'a ChannelName,
    /// What is to be looked at when all operations are done.
    told: &'a mut Vec<Told<'b>>,
}

impl<'b> Work<'_, 'b> {
    /// Applies an operation; if no row has its key, to the row whose key means the same.
    async fn apply_to_meant(&mut self, op: &CheckedOp) -> Result<(), Halt> {
        let missing = match self.apply(op).await {
            Err(Halt::Edit(error)) if error.code == ErrorCode::NotFound => error,
            done => return done,
        };
        let mut meant = op.clone();
        let (CheckedOp::Update { table, key, .. }
        | CheckedOp::Delete { table, key, .. }
        | CheckedOp::Move { table, key, .. }) = &mut meant
        else {
            return Err(missing.into());
        };
        let table = self.transaction.facts.table(*table)?;
        match self.transaction.key_that_means(table, self.channel, key).boxed().await? {
            Some(stored) if stored != *key => *key = stored,
            _ => return Err(missing.into()),
        }
        self.apply(&meant).boxed().await
    }

    async fn apply(&mut self, op: &CheckedOp) -> Result<(), Halt> {
        let facts = self.transaction.facts;
        match op {
            CheckedOp::Insert { table, fields, place } => {
                self.insert(facts.table(*table)?, fields, place.as_ref()).await
            }
            CheckedOp::Update { table, key, change, guard } => {
                self.update(facts.table(*table)?, key, change, guard).await
            }
            CheckedOp::Delete { table, key, guard } => {
                let table = facts.table(*table)?;
                self.guarded(table, key, guard).await?;
                let place = RowPlace::new(table, self.channel, key);
                let sql = format!("DELETE FROM {}", place.clause());
                self.change_row(table, &place, &sql, Bound::default()).await.map(drop)
            }
            CheckedOp::Move { table, key, to_id, guard, .. } => {
                let table = facts.table(*table)?;
                self.guarded(table, key, guard).await?;
                let channel = vec![(table.channel_column, to_id.clone())];
                self.write(table, key, &channel, Written::Moved).await
            }
        }
    }

    async fn insert(
        &mut self,
        table: &'b LiveTable,
        fields: &ColumnValues,
        place: Option<&CheckedPlace>,
    ) -> Result<(), Halt> {
        let limits = self.transaction.facts.edits;
        if bytes_of_values(fields) > limits.row_bytes {
            return Err(limits.too_large_row(table, &[]).into());
        }
        let mut fields = fields.clone();
        if let (Some(order), Some(place)) = (table.order, place) {
            let cause = Cause::Edit(self.index);
            let text = place::text_for(self.transaction, cause, table, self.channel, None, place);
            if let Some(text) = text.await? {
                fields.push((order, Value::Text(text)));
            }
        }
        let names: Vec<String> = fields.iter().map(|(c, _)| column_name(table, *c)).collect();
        let columns: Vec<usize> = fields.iter().map(|(column, _)| *column).collect();
        let asked = Asked::new(self.transaction.facts, table, Written::New, &columns, 0);
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}){}",
            super::connection::quoted(&table.name),
            names.join(", "),
            vec!["?"; names.len()].join(", "),
            asked.returning(),
        );
        let mut bound = Bound::default();
        for (column, value) in &fields {
            push_field(&mut bound, table, *column, value);
        }
        let answer = self.transaction.change(&sql, bound, Cause::Edit(self.index)).await?;
        if answer.changed == 0 {
            return Err(Halt::LeftOut(left_out(table)));
        }
        self.told.extend(asked.told(self.op, &answer.rows)?);
        Ok(())
    }

    async fn update(
        &mut self,
        table: &'b LiveTable,
        key: &[Value],
        change: &FieldOps,
        guard: &ColumnValues,
    ) -> Result<(), Halt> {
        if is_plain(change, guard) {
            return self.write(table, key, &change.set, Written::Changed).await;
        }
        let row = self.guarded_row(table, key, guard).await?;
        let mut set = change.set.clone();
        set.extend(arithmetic::computed(table, &row, change, self.transaction.facts.edits)?);
        if are_large(&change.set) || !change.add.is_empty() {
            self.weigh(table, &row, &set)?;
        }
        if let (Some(order), Some(place)) = (table.order, &change.place) {
            let cause = Cause::Edit(self.index);
            let row = Some(key);
            let text = place::text_for(self.transaction, cause, table, self.channel, row, place);
            if let Some(text) = text.await? {
                set.push((order, Value::Text(text)));
            }
        }
        if set.is_empty() {
            return Ok(());
        }
        self.write(table, key, &set, Written::Changed).await
    }

    /// Refuses values that would make a row too large.
    fn weigh(&self, table: &LiveTable, row: &RowImage, set: &ColumnValues) -> Result<(), Halt> {
        let limits = self.transaction.facts.edits;
        let columns: Vec<usize> = set.iter().map(|(column, _)| *column).collect();
        let kept = row.iter().enumerate().filter(|(column, _)| !columns.contains(column));
        let kept: usize = kept.filter_map(|(_, value)| value.as_ref()).map(bytes_of).sum();
        if kept + bytes_of_values(set) <= limits.row_bytes {
            return Ok(());
        }
        let large: Vec<usize> =
            set.iter().filter(|(_, v)| bytes_of(v) > 64).map(|(c, _)| *c).collect();
        Err(limits.too_large_row(table, &large).into())
    }

    async fn write(
        &mut self,
        table: &'b LiveTable,
        key: &[Value],
        set: &ColumnValues,
        written: Written,
    ) -> Result<(), Halt> {
        let place = RowPlace::new(table, self.channel, key);
        let columns: Vec<usize> = set.iter().map(|(column, _)| *column).collect();
        let mut bound = Bound::default();
        for (column, value) in values_named(table, &columns).iter().filter_map(|n| set.get(*n)) {
            push_field(&mut bound, table, *column, value);
        }
        let name = super::connection::quoted(&table.name);
        let asked = Asked::new(self.transaction.facts, table, written, &columns, 0);
        let sql = format!(
            "UPDATE {name} SET {} WHERE {}{}",
            assignments(table, &columns, &name, |_| "?".to_owned()),
            place.condition(),
            asked.returning(),
        );
        let answer = self.change_row(table, &place, &sql, bound).await?;
        self.told.extend(asked.told(self.op, &answer.rows)?);
        Ok(())
    }

    async fn change_row(
        &mut self,
        table: &LiveTable,
        place: &RowPlace<'_>,
        sql: &str,
        mut bound: Bound,
    ) -> Result<Answer, Halt> {
        place.push_onto(&mut bound);
        let before = self.transaction.done.len();
        let answer = self.transaction.change(sql, bound, Cause::Edit(self.index)).await?;
        if answer.changed > 0 || was_replaced(self.transaction, table, place, before).await? {
            return Ok(answer);
        }
        Err(not_found(table, place.wire_key()).into())
    }

    async fn guarded(
        &mut self,
        table: &LiveTable,
        key: &[Value],
        guard: &ColumnValues,
    ) -> Result<(), Halt> {
        if guard.is_empty() {
            return Ok(());
        }
        self.guarded_row(table, key, guard).await.map(drop)
    }

    /// The row as it is, if the guard holds.
    async fn guarded_row(
        &mut self,
        table: &LiveTable,
        key: &[Value],
        guard: &ColumnValues,
    ) -> Result<RowImage, Halt> {
        let place = RowPlace::new(table, self.channel, key);
        let row = self.transaction.row(table, &place).await?;
        let row = row.ok_or_else(|| not_found(table, place.wire_key()))?;
        let holds = guard.iter().all(|(column, value)| {
            let expected = wire_of_checked(column_kind(table, *column), value);
            let kind = column_kind(table, *column);
            let found = row.get(*column).and_then(Option::as_ref);
            found.is_some_and(|found| same(kind, found, &expected))
        });
        if holds { Ok(row) } else { Err(guard_failed(table, place.wire_key(), &row).into()) }
    }
}

/// Whether an update sets small fields and does nothing else.
pub(super) fn is_plain(change: &FieldOps, guard: &ColumnValues) -> bool {
    let FieldOps { set, inc, add, remove, place } = change;
    let computes = !inc.is_empty() || !add.is_empty() || !remove.is_empty() || place.is_some();
    !set.is_empty() && !computes && guard.is_empty() && !are_large(set)
}

/// Whether a statement that changed no row had one nevertheless, for which a trigger did something
/// else or nothing. What it did is what the edit did. `before` is how much had been done then.
pub(super) async fn was_replaced(
    transaction: &mut Transaction<'_>,
    table: &LiveTable,
    place: &RowPlace<'_>,
    before: usize,
) -> Result<bool, Halt> {
    Ok(transaction.done.len() > before || transaction.row(table, place).await?.is_some())
}

/// A trigger had the row left out.
pub(super) fn left_out(table: &LiveTable) -> EditError {
    EditError::new(ErrorCode::Refused, "a trigger of the table refused the row")
        .in_table(&table.name)
}

/// There is no such row in the channel.
pub(super) fn not_found(table: &LiveTable, key: Value) -> EditError {
    let error = EditError::new(ErrorCode::NotFound, "the channel has no row with this key");
    EditError { key: Some(key), ..error.in_table(&table.name) }
}

fn guard_failed(table: &LiveTable, key: Value, row: &RowImage) -> EditError {
    let words = "the fields named in `if` hold other values; the row as it is stands in `row`";
    EditError {
        key: Some(key),
        row: Some(fields_of(table, row)),
        ..EditError::new(ErrorCode::GuardFailed, words).in_table(&table.name)
    }
}
