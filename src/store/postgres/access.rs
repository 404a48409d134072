//! Who may reach a channel, and what people are called.

use rowcast_protocol::{ChannelName, Role};
use sqlx::AssertSqlSafe;

use super::{
    PostgresStore,
    name::{quoted, table_name},
    snapshot::is_no_value,
};
use crate::store::{
    LiveSchema, StoreError,
    declaration::{AccessRule, MembersRule},
};

impl PostgresStore {
    /// See [`Store::role`](crate::store::Store::role).
    pub(super) async fn read_role(
        &self,
        channel: &ChannelName,
        user: &str,
    ) -> Result<Option<Role>, StoreError> {
        let schema = self.schema.load_full();
        let rule = schema.access.iter().find(|access| access.kind == channel.kind());
        match rule.map(|access| &access.rule) {
            None => Ok(None),
            Some(AccessRule::Own(role)) => Ok((channel.id() == user).then_some(*role)),
            Some(AccessRule::Members(rule)) => {
                self.members_role(&schema, rule, channel, user).await
            }
        }
    }

    async fn members_role(
        &self,
        schema: &LiveSchema,
        rule: &MembersRule,
        channel: &ChannelName,
        user: &str,
    ) -> Result<Option<Role>, StoreError> {
        let table = schema.tables.iter().find(|table| table.name == rule.table);
        let kind_of = |name: &str| {
            let column = table.and_then(|table| table.column(name));
            column.map_or("text", |(_, column)| column.sql_type.as_str())
        };
        let sql = format!(
            "SELECT {role}::text FROM {table} WHERE {channel} = $1::{channel_type} AND {user} = $2::{user_type}",
            role = quoted(&rule.role),
            table = table.map_or_else(|| quoted(&rule.table), |table| table_name(table)),
            channel = quoted(&rule.channel),
            channel_type = kind_of(&rule.channel),
            user = quoted(&rule.user),
            user_type = kind_of(&rule.user),
        );
        let query = sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(sql));
        let mut lent = self.pools.reader().await?;
        let roles = query.bind(channel.id()).bind(user).fetch_all(lent.connection()).await;
        if roles.as_ref().is_err_and(is_no_value) {
            return Ok(None);
        }
        let roles = lent.settle(roles)?;
        Ok(roles.iter().flatten().filter_map(|role| Role::parse(role)).max())
    }

    /// See [`Store::person_name`](crate::store::Store::person_name).
    pub(super) async fn read_person_name(&self, user: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT name FROM users WHERE id = $1").bind(user);
        let mut lent = self.pools.reader().await?;
        let name = query.fetch_optional(lent.connection()).await;
        if name.as_ref().is_err_and(is_no_value) {
            return Ok(None);
        }
        lent.settle(name)
    }
}
