//! Who may do what in a channel, and what people are called.

use std::{collections::HashMap, sync::Arc};

use rowcast_protocol::{ChannelName, ColumnType, Role, Value};
use sqlx::SqlitePool;

use super::{
    super::{
        declaration::{AccessRule, MembersRule},
        error::StoreError,
        schema::LiveTable,
    },
    connection::quoted,
    facts::Facts,
    raw::{Bound, own, wire},
    read::rows,
    row::{in_channel, push_channel},
    values_list::padded,
};

/// People that one statement asks for.
const CHUNK: usize = 512;

/// What these people may do in a channel, in their order.
pub(super) async fn roles(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    users: &[Arc<str>],
) -> Result<Vec<Option<Role>>, StoreError> {
    let rule = facts.schema.access.iter().find(|access| access.kind == channel.kind());
    let known = match rule.map(|access| &access.rule) {
        None => HashMap::new(),
        Some(AccessRule::Own(role)) => HashMap::from([(channel.id().to_owned(), *role)]),
        Some(AccessRule::Members(rule)) => match facts.schema.table(&rule.table, channel.kind()) {
            Some((_, table)) => members(pool, table, rule, channel, users).await?,
            None => return Err(StoreError::Changed),
        },
    };
    Ok(users.iter().map(|user| known.get(&**user).copied()).collect())
}

/// The roles of those among these people who have one. The database finds the rows as its columns
/// compare; whether a row is of this very person is seen by its bytes.
async fn members(
    pool: &SqlitePool,
    table: &LiveTable,
    rule: &MembersRule,
    channel: &ChannelName,
    users: &[Arc<str>],
) -> Result<HashMap<String, Role>, StoreError> {
    let user = table.columns.iter().find(|column| column.name == rule.user);
    let kind = user.map_or(ColumnType::Text, |column| column.kind);
    let mut best: HashMap<String, Role> = HashMap::new();
    for chunk in users.chunks(CHUNK) {
        let (user, places) = (quoted(&rule.user), vec!["?"; padded(chunk.len())].join(", "));
        let sql = format!(
            "SELECT {user}, CAST({} AS TEXT) FROM {} WHERE {} AND {user} IN ({places})",
            quoted(&rule.role),
            quoted(&rule.table),
            in_channel(table),
        );
        let mut bound = Bound::default();
        push_channel(&mut bound, table, channel);
        for user in chunk {
            bound.push_value(kind, &Value::from(&**user));
        }
        bound.push_nulls(padded(chunk.len()) - chunk.len());
        for row in rows(pool, sql, bound.done()).await? {
            let role = own::<Option<&str>>(&row, 1)?.and_then(Role::parse);
            if let (Some(user), Some(role)) = (id_text(wire(&row, 0, kind)?), role) {
                let known = best.entry(user).or_insert(role);
                *known = role.max(*known);
            }
        }
    }
    Ok(best)
}

/// A person's id as text.
fn id_text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The name others see of a person.
pub(super) async fn person_name(
    pool: &SqlitePool,
    user: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT name FROM users WHERE id = ?".to_owned();
    let found = rows(pool, sql, Bound::default().with(user.to_owned()).done()).await?;
    found.first().map(|row| own(row, 0)).transpose()
}
