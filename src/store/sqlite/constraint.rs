//! Says which constraint an operation broke.
//!
//! SQLite names a check and the columns of a unique or not-null constraint; for a foreign key it
//! says nothing, so the tables are asked. Names that SQLite does not keep are given as Postgres
//! would give them: `tasks_pkey`, `tasks_title_key`, `tasks_assignee_fkey`.

use rowcast_protocol::{ErrorCode, Value};

use super::{
    super::{
        edit::{CheckedOp, ColumnValues},
        error::{EditError, StoreError, check_words},
        schema::LiveTable,
        weight::too_slow,
    },
    check,
    connection::{Connection, extended_code, nth, primary_code, quoted, store_error},
    raw::{Bound, own},
    row::push_field,
    transaction::{Halt, Transaction},
};

/// Turns a refusal of the database into the edit's error, if the edit is to blame.
pub(super) async fn explain(
    transaction: &mut Transaction<'_>,
    op: &CheckedOp,
    error: sqlx::Error,
) -> Halt {
    let Some(refusal) = Refusal::of(&error) else { return Halt::Store(store_error(error)) };
    if matches!(refusal, Refusal::TooSlow) {
        // The whole transaction is gone with it.
        return Halt::Sql(error);
    }
    let (index, key) = target(op);
    let table = match transaction.facts.table(index) {
        Ok(table) => table,
        Err(error) => return Halt::Store(error),
    };
    let explained = match refusal {
        Refusal::ForeignKey => {
            let values = values(op, table);
            let asked = Question { table, key, values: &values };
            asked.foreign_key(transaction.connection).await
        }
        Refusal::Unique { primary } => {
            unique(transaction.connection, &detail(&error), primary).await
        }
        Refusal::Check => {
            let checks = check::broken(transaction.connection, &table.name, &detail(&error)).await;
            checks.map(|broken| broken.explain(&transaction.facts.schema))
        }
        other => Ok(other.simple(&detail(&error))),
    };
    let table = table.name.clone();
    match explained {
        Ok(error) if error.table.is_none() => {
            Halt::Edit(error.in_table(&table).concealing(&transaction.facts.schema))
        }
        Ok(error) => Halt::Edit(error.concealing(&transaction.facts.schema)),
        Err(error) => Halt::Store(error),
    }
}

/// The table of an operation and the key it names.
fn target(op: &CheckedOp) -> (usize, &[Value]) {
    match op {
        CheckedOp::Insert { table, .. } => (*table, &[]),
        CheckedOp::Update { table, key, .. }
        | CheckedOp::Delete { table, key, .. }
        | CheckedOp::Move { table, key, .. } => (*table, key),
    }
}

/// The values that an operation sets.
fn values(op: &CheckedOp, table: &LiveTable) -> ColumnValues {
    match op {
        CheckedOp::Insert { fields, .. } => fields.clone(),
        CheckedOp::Update { change, .. } => change.set.clone(),
        CheckedOp::Delete { .. } => Vec::new(),
        CheckedOp::Move { to_id, .. } => vec![(table.channel_column, to_id.clone())],
    }
}

/// What the database objects to.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Check,
    NotNull,
    Unique {
        primary: bool,
    },
    ForeignKey,
    WrongType,
    TooLarge,
    TooSlow,
    /// The tables are not what they were.
    Changed,
    Other,
}

impl Refusal {
    /// What an error objects to; `None`: the edit is not to blame.
    fn of(error: &sqlx::Error) -> Option<Self> {
        match (primary_code(error)?, extended_code(error)?) {
            (19, 275) => Some(Self::Check),
            (19, 1299) => Some(Self::NotNull),
            (19, 2067) => Some(Self::Unique { primary: false }),
            (19, 1555 | 2579) => Some(Self::Unique { primary: true }),
            (19, 787) => Some(Self::ForeignKey),
            (19, 3091) | (20, _) => Some(Self::WrongType),
            (18, _) => Some(Self::TooLarge),
            (9, _) => Some(Self::TooSlow),
            (1, _) if is_of_changed_tables(error) => Some(Self::Changed),
            // What a trigger raises, what a check or a default cannot compute, and whatever else a
            // statement can be refused for.
            (1 | 4 | 12 | 19 | 23 | 25, _) => Some(Self::Other),
            _ => None,
        }
    }

    /// The error of those that SQLite describes well enough. `detail` is what it says after
    /// `… constraint failed: `.
    fn simple(self, detail: &str) -> EditError {
        match self {
            Self::Check => EditError::new(ErrorCode::Check, check_words(None, None)),
            Self::NotNull => {
                let words = format!("`{detail}` must have a value");
                let error = EditError::new(ErrorCode::NotNull, words);
                match detail.split_once('.') {
                    Some((table, field)) => error.in_table(table).in_field(field),
                    None => error,
                }
            }
            Self::WrongType => EditError::new(ErrorCode::WrongType, detail),
            Self::TooLarge => EditError::new(ErrorCode::TooLarge, "a value is too large"),
            Self::TooSlow => too_slow(),
            Self::Changed => EditError::new(
                ErrorCode::Busy,
                "the tables have just changed; send the same edit again",
            ),
            _ => EditError::new(ErrorCode::Refused, detail),
        }
    }
}

/// Whether a statement names what is not there: somebody changed the tables.
fn is_of_changed_tables(error: &sqlx::Error) -> bool {
    let words = error.as_database_error().map(|error| error.message().to_owned());
    words.is_some_and(|words| {
        words.contains("no such ")
            || words.contains("has no column named")
            || (words.starts_with("table ") && words.contains(" columns but "))
    })
}

/// An error that refuses an edit without our knowing which operation was to blame.
pub(super) fn refused_at_commit(error: &sqlx::Error) -> Option<EditError> {
    let refusal = Refusal::of(error)?;
    Some(match refusal {
        Refusal::ForeignKey => EditError::new(
            ErrorCode::ForeignKey,
            "a row that is referred to does not exist, or is still referred to",
        ),
        other => other.simple(&detail(error)),
    })
}

fn detail(error: &sqlx::Error) -> String {
    let words = error.as_database_error().map(|error| error.message().to_owned());
    let words = words.unwrap_or_else(|| error.to_string());
    words.split_once("constraint failed: ").map_or(words.clone(), |(_, rest)| rest.to_owned())
}

/// `cards.slug` or `members.project_id, members.user_id`.
async fn unique(
    connection: &mut Connection,
    detail: &str,
    primary: bool,
) -> Result<EditError, StoreError> {
    let words = match detail.contains([',', '\'']) {
        true => "another row has these values already".to_owned(),
        false => format!("another row has this value of `{detail}` already"),
    };
    let error = EditError::new(ErrorCode::Unique, words);
    if let Some(index) = detail.strip_prefix("index '") {
        return Ok(EditError { constraint: Some(index.trim_matches('\'').to_owned()), ..error });
    }
    let pairs: Vec<(&str, &str)> =
        detail.split(", ").filter_map(|column| column.split_once('.')).collect();
    let Some((table, field)) = pairs.first().copied() else { return Ok(error) };
    let columns: Vec<&str> = pairs.iter().map(|(_, column)| *column).collect();
    let constraint = if primary {
        format!("{table}_pkey")
    } else {
        match index_over(connection, table, &columns).await? {
            Some(name) => name,
            None => format!("{table}_{}_key", columns.join("_")),
        }
    };
    let error = EditError { constraint: Some(constraint), ..error.in_table(table) };
    Ok(if columns.len() == 1 { error.in_field(field) } else { error })
}

/// The unique index over these columns, if somebody made and named one.
async fn index_over(
    connection: &mut Connection,
    table: &str,
    columns: &[&str],
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT l.name FROM pragma_index_list(?) l WHERE l.\"unique\" AND l.origin = 'c'
        AND (SELECT group_concat(i.name, ',') FROM pragma_index_info(l.name) i) = ?";
    let bound = Bound::default().with(table).with(columns.join(","));
    let answers = connection.run_once(sql, bound.done()).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map(|row| own(row, 0)).transpose()
}

/// Which foreign key a row broke.
struct Question<'a> {
    table: &'a LiveTable,
    key: &'a [Value],
    values: &'a ColumnValues,
}

/// A foreign key of one column.
struct ForeignKey {
    table: String,
    from: String,
    parent: String,
    to: Option<String>,
    blocks: bool,
}

impl Question<'_> {
    async fn foreign_key(&self, connection: &mut Connection) -> Result<EditError, StoreError> {
        for key in foreign_keys(connection, "m.name = ?", &self.table.name).await? {
            if self.lacks_parent(connection, &key).await? {
                let words =
                    format!("there is no row of `{}` that `{}` names", key.parent, key.from);
                return Ok(broken(&key, words).in_field(&key.from));
            }
        }
        for key in foreign_keys(connection, "f.\"table\" = ?", &self.table.name).await? {
            if key.blocks && self.has_child(connection, &key).await? {
                let words = format!("a row of `{}` still refers to this one", key.table);
                return Ok(broken(&key, words));
            }
        }
        let words = "a row that is referred to does not exist, or is still referred to";
        Ok(EditError::new(ErrorCode::ForeignKey, words))
    }

    async fn lacks_parent(
        &self,
        connection: &mut Connection,
        key: &ForeignKey,
    ) -> Result<bool, StoreError> {
        let is_named = |index: usize| {
            self.table.columns.get(index).is_some_and(|column| column.name == key.from)
        };
        let value = self.values.iter().find(|(index, value)| is_named(*index) && !value.is_null());
        let Some((index, value)) = value else { return Ok(false) };
        let parent = parent_column(connection, key).await?;
        let mut bound = Bound::default();
        push_field(&mut bound, self.table, *index, value);
        Ok(!exists(connection, &key.parent, &parent, bound).await?)
    }

    async fn has_child(
        &self,
        connection: &mut Connection,
        key: &ForeignKey,
    ) -> Result<bool, StoreError> {
        let ([value], [index]) = (self.key, self.table.key.as_slice()) else { return Ok(false) };
        let mut bound = Bound::default();
        push_field(&mut bound, self.table, *index, value);
        exists(connection, &key.table, &key.from, bound).await
    }
}

fn broken(key: &ForeignKey, words: String) -> EditError {
    let constraint = Some(format!("{}_{}_fkey", key.table, key.from));
    EditError { constraint, ..EditError::new(ErrorCode::ForeignKey, words) }.in_table(&key.table)
}

async fn exists(
    connection: &mut Connection,
    table: &str,
    column: &str,
    bound: Bound,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM {} WHERE {} = ? LIMIT 1", quoted(table), quoted(column));
    let answers = connection.run_once(sql, bound.done()).await.map_err(store_error)?;
    Ok(!nth(answers, 0).rows.is_empty())
}

async fn foreign_keys(
    connection: &mut Connection,
    of: &str,
    table: &str,
) -> Result<Vec<ForeignKey>, StoreError> {
    let sql = format!(
        "SELECT m.name, f.\"from\", f.\"table\", f.\"to\", f.on_delete IN ('NO ACTION', 'RESTRICT')
         FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
         WHERE m.type = 'table' AND {of} ORDER BY m.name, f.id DESC"
    );
    let bound = Bound::default().with(table);
    let answers = connection.run_once(sql, bound.done()).await.map_err(store_error)?;
    let rows = nth(answers, 0).rows;
    let key = |row| {
        Ok(ForeignKey {
            table: own(row, 0)?,
            from: own(row, 1)?,
            parent: own(row, 2)?,
            to: own(row, 3)?,
            blocks: own(row, 4)?,
        })
    };
    rows.iter().map(key).collect()
}

async fn parent_column(
    connection: &mut Connection,
    key: &ForeignKey,
) -> Result<String, StoreError> {
    if let Some(to) = &key.to {
        return Ok(to.clone());
    }
    let sql = "SELECT name FROM pragma_table_info(?) WHERE pk = 1";
    let bound = Bound::default().with(key.parent.as_str());
    let answers = connection.run_once(sql, bound.done()).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or_else(|| Ok("rowid".to_owned()), |row| own(row, 0))
}
