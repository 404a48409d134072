//! Says which constraint an operation broke.
//!
//! SQLite names a check and the columns of a unique or not-null constraint; for a foreign key it
//! says nothing, so the tables are asked. Names that SQLite does not keep are given as Postgres
//! would give them: `tasks_pkey`, `tasks_title_key`, `tasks_assignee_fkey`.

use rowcast_protocol::{ErrorCode, Value};

use super::{
    super::{
        build::CatalogueKey,
        edit::{CheckedOp, ColumnValues},
        error::{EditError, StoreError, check_words},
        schema::LiveTable,
        weight::too_slow,
    },
    catalogue, check,
    connection::{Connection, extended_code, nth, primary_code, quoted, store_error},
    raw::{Bound, own},
    row::{key_columns, push_field, push_key},
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
            let (values, added) = (values(op, table), added(op));
            let asked = Question { table, key, values: &values, added };
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

/// What an operation adds to numbers.
fn added(op: &CheckedOp) -> &[(usize, Value)] {
    match op {
        CheckedOp::Update { change, .. } => &change.inc,
        _ => &[],
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
    added: &'a [(usize, Value)],
}

impl Question<'_> {
    async fn foreign_key(&self, connection: &mut Connection) -> Result<EditError, StoreError> {
        for (table, key) in foreign_keys(connection, "m.name = ?", &self.table.name).await? {
            if table == self.table.name && self.lacks_parent(connection, &key).await? {
                let field = self.field(&key);
                return Ok(broken(&table, &key, no_row(&key.to, field)).in_field(field));
            }
        }
        let is_deletion = self.values.is_empty() && self.added.is_empty();
        for (table, key) in foreign_keys(connection, "f.\"table\" = ?", &self.table.name).await? {
            let follows = if is_deletion { key.follows.deletes } else { key.follows.updates };
            let is_here = key.to.eq_ignore_ascii_case(&self.table.name);
            if is_here && !follows && self.has_child(connection, &table, &key).await? {
                let words = format!("a row of `{table}` still refers to this one");
                return Ok(broken(&table, &key, words));
            }
        }
        let words = "a row that is referred to does not exist, or is still referred to";
        Ok(EditError::new(ErrorCode::ForeignKey, words))
    }

    /// The column that people know a foreign key by: not the channel's.
    fn field<'k>(&self, key: &'k CatalogueKey) -> &'k str {
        let channel = self.table.columns.get(self.table.channel_column);
        let other = key.columns.iter().find(|name| channel.is_none_or(|c| c.name != **name));
        other.or(key.columns.first()).map_or("", String::as_str)
    }

    /// Whether a row that the operation names would refer to one that is not there. What it does not set
    /// is as it stands.
    async fn lacks_parent(
        &self,
        connection: &mut Connection,
        key: &CatalogueKey,
    ) -> Result<bool, StoreError> {
        let is_written = |name: &String| {
            let mut written = self.values.iter().chain(self.added);
            written.any(|(index, _)| self.is_named(*index, name))
        };
        if !key.columns.iter().any(is_written) {
            return Ok(false);
        }
        let (mut values, mut bound) = (Vec::new(), Bound::default());
        for name in &key.columns {
            values.push(self.value(connection, name, &mut bound).await?);
        }
        let parents = parent_columns(connection, key).await?;
        let numbered = |n: usize| format!("v.column{}", n + 1);
        let is_null = (0..values.len()).map(|n| format!("{} IS NULL", numbered(n)));
        let is_same = parents.iter().enumerate();
        let is_same = is_same.map(|(n, to)| format!("p.{} = {}", quoted(to), numbered(n)));
        let sql = format!(
            "SELECT 1 FROM (VALUES ({})) AS v WHERE {} OR EXISTS (SELECT 1 FROM {} p WHERE {})",
            values.join(", "),
            is_null.collect::<Vec<_>>().join(" OR "),
            quoted(&key.to),
            is_same.collect::<Vec<_>>().join(" AND "),
        );
        Ok(!exists(connection, sql, bound).await?)
    }

    fn is_named(&self, index: usize, name: &str) -> bool {
        self.table.columns.get(index).is_some_and(|column| column.name == name)
    }

    /// What a column would hold, as SQL.
    async fn value(
        &self,
        connection: &mut Connection,
        name: &str,
        bound: &mut Bound,
    ) -> Result<String, StoreError> {
        if let Some((index, value)) = self.values.iter().find(|(i, _)| self.is_named(*i, name)) {
            push_field(bound, self.table, *index, value);
            return Ok("?".to_owned());
        }
        if self.key.is_empty() {
            let sql =
                "SELECT coalesce(dflt_value, 'NULL') FROM pragma_table_info(?) WHERE name = ?";
            let of = Bound::default().with(self.table.name.as_str()).with(name).done();
            let answers = connection.run_once(sql, of).await.map_err(store_error)?;
            let row = nth(answers, 0).rows.pop();
            return row.map_or(Ok("NULL".to_owned()), |row| own(&row, 0));
        }
        push_key(bound, self.table, self.key);
        let stored = format!("(SELECT {} FROM {})", quoted(name), self.row());
        match self.added.iter().find(|(index, _)| self.is_named(*index, name)) {
            Some((index, value)) => {
                push_field(bound, self.table, *index, value);
                Ok(format!("coalesce({stored}, 0) + ?"))
            }
            None => Ok(stored),
        }
    }

    /// Whether a row of a table refers to the one that the operation names.
    async fn has_child(
        &self,
        connection: &mut Connection,
        table: &str,
        key: &CatalogueKey,
    ) -> Result<bool, StoreError> {
        let parents = parent_columns(connection, key).await?;
        let pairs = key.columns.iter().zip(&parents);
        let pairs = pairs.map(|(from, to)| format!("c.{} = p.{}", quoted(from), quoted(to)));
        let sql = format!(
            "SELECT 1 FROM {} c JOIN (SELECT * FROM {}) p ON {} LIMIT 1",
            quoted(table),
            self.row(),
            pairs.collect::<Vec<_>>().join(" AND "),
        );
        let mut bound = Bound::default();
        push_key(&mut bound, self.table, self.key);
        exists(connection, sql, bound).await
    }

    /// The row that the operation names, with the parameters of its key.
    fn row(&self) -> String {
        let keys = key_columns(self.table).map(|column| format!("{} = ?", quoted(&column.name)));
        let keys = keys.collect::<Vec<_>>().join(" AND ");
        format!("{} WHERE {keys}", quoted(&self.table.name))
    }
}

/// What is told of a row that is not there, or not in the channel.
pub(super) fn no_row(table: &str, field: &str) -> String {
    format!("there is no row of `{table}` that `{field}` names")
}

fn broken(table: &str, key: &CatalogueKey, words: String) -> EditError {
    let constraint = Some(key.name.clone());
    EditError { constraint, ..EditError::new(ErrorCode::ForeignKey, words) }.in_table(table)
}

async fn exists(
    connection: &mut Connection,
    sql: String,
    bound: Bound,
) -> Result<bool, StoreError> {
    let answers = connection.run_once(sql, bound.done()).await.map_err(store_error)?;
    Ok(!nth(answers, 0).rows.is_empty())
}

/// The foreign keys of tables that have one like this, with their tables.
async fn foreign_keys(
    connection: &mut Connection,
    like: &str,
    table: &str,
) -> Result<Vec<(String, CatalogueKey)>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT m.name, m.sql FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
         WHERE m.type = 'table' AND {like} COLLATE NOCASE ORDER BY m.name"
    );
    let bound = Bound::default().with(table);
    let answers = connection.run_once(sql, bound.done()).await.map_err(store_error)?;
    let mut found = Vec::new();
    for row in nth(answers, 0).rows {
        let (name, text): (String, String) = (own(&row, 0)?, own(&row, 1)?);
        for key in catalogue::foreign_keys(connection, &name, &text).await? {
            found.push((name.clone(), key));
        }
    }
    Ok(found)
}

async fn parent_columns(
    connection: &mut Connection,
    key: &CatalogueKey,
) -> Result<Vec<String>, StoreError> {
    if !key.to_columns.is_empty() {
        return Ok(key.to_columns.clone());
    }
    let sql = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk";
    let bound = Bound::default().with(key.to.as_str());
    let answers = connection.run_once(sql, bound.done()).await.map_err(store_error)?;
    nth(answers, 0).rows.iter().map(|row| own(row, 0)).collect()
}
