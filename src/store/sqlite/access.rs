//! Who may do what in a channel, and what people are called.

use rowcast_protocol::{ChannelName, Role, Value};
use sqlx::SqlitePool;

use super::{
    super::{
        declaration::{AccessRule, MembersRule},
        error::StoreError,
        schema::LiveTable,
    },
    connection::quoted,
    facts::Facts,
    raw::{Bound, own},
    read::rows,
    row::{column_kind, push_channel},
};

/// What a person may do in a channel.
pub(super) async fn role(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    user: &str,
) -> Result<Option<Role>, StoreError> {
    let rule = facts.schema.access.iter().find(|access| access.kind == channel.kind());
    match rule.map(|access| &access.rule) {
        None => Ok(None),
        Some(AccessRule::Own(role)) => Ok((channel.id() == user).then_some(*role)),
        Some(AccessRule::Members(rule)) => match facts.schema.table(&rule.table, channel.kind()) {
            Some((_, table)) => member(pool, table, rule, channel, user).await,
            None => Err(StoreError::Changed),
        },
    }
}

async fn member(
    pool: &SqlitePool,
    table: &LiveTable,
    rule: &MembersRule,
    channel: &ChannelName,
    user: &str,
) -> Result<Option<Role>, StoreError> {
    let sql = format!(
        "SELECT CAST({} AS TEXT) FROM {} WHERE {} = ? AND {} = ?",
        quoted(&rule.role),
        quoted(&rule.table),
        quoted(&rule.channel),
        quoted(&rule.user),
    );
    let mut bound = Bound::default();
    push_channel(&mut bound, table, channel);
    let kind = table
        .column(&rule.user)
        .map_or(rowcast_protocol::ColumnType::Text, |(index, _)| column_kind(table, index));
    bound.push_value(kind, &Value::from(user));
    let mut best = None;
    for row in rows(pool, sql, bound.done()).await? {
        best = best.max(own::<Option<&str>>(&row, 0)?.and_then(Role::parse));
    }
    Ok(best)
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
