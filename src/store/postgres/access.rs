//! Who may reach a channel, and what people are called.

use std::{collections::HashMap, sync::Arc};

use rowcast_protocol::{ChannelName, Role};
use sqlx::AssertSqlSafe;

use super::{
    PostgresStore,
    name::{is_exactly, quoted, table_name},
    snapshot::is_no_value,
};
use crate::store::{
    LiveSchema, StoreError,
    declaration::{AccessRule, MembersRule},
};

impl PostgresStore {
    /// See [`Store::roles`](crate::store::Store::roles).
    pub(super) async fn read_roles(
        &self,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<Vec<Option<Role>>, StoreError> {
        let schema = self.schema.load_full();
        let rule = schema.access.iter().find(|access| access.kind == channel.kind());
        let known = match rule.map(|access| &access.rule) {
            None => HashMap::new(),
            Some(AccessRule::Own(role)) => HashMap::from([(channel.id().to_owned(), *role)]),
            Some(AccessRule::Members(rule)) => self.members(&schema, rule, channel, users).await?,
        };
        Ok(users.iter().map(|user| known.get(&**user).copied()).collect())
    }

    /// The roles of those among these people who have one.
    async fn members(
        &self,
        schema: &LiveSchema,
        rule: &MembersRule,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<HashMap<String, Role>, StoreError> {
        let mut best: HashMap<String, Role> = HashMap::new();
        let mut left = vec![users];
        while let Some(part) = left.pop() {
            match self.some_members(schema, rule, channel, part).await? {
                Some(found) => {
                    for (user, role) in found {
                        let known = best.entry(user).or_insert(role);
                        *known = role.max(*known);
                    }
                }
                // Somebody's id is no value of the column; that says nothing of the others.
                None if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    left.extend([first, second]);
                }
                None => {}
            }
        }
        Ok(best)
    }

    /// The database finds the rows as its columns compare; whether a row is of this very person is
    /// seen by its bytes. `None`: an id is no value of its column.
    async fn some_members(
        &self,
        schema: &LiveSchema,
        rule: &MembersRule,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<Option<Vec<(String, Role)>>, StoreError> {
        let Some((_, table)) = schema.table(&rule.table, channel.kind()) else {
            return Ok(Some(Vec::new()));
        };
        let named = |name: &str| table.columns.iter().find(|column| column.name == name);
        let (Some(of), Some(user)) = (named(&rule.channel), named(&rule.user)) else {
            return Ok(Some(Vec::new()));
        };
        let sql = format!(
            "SELECT {user}::text, {role}::text FROM {table} t \
             WHERE {in_channel} AND {user} = ANY ($2::{kind}[])",
            user = quoted(&user.name),
            kind = user.sql_type,
            role = quoted(&rule.role),
            table = table_name(table),
            in_channel = is_exactly("t", of, "$1"),
        );
        let users: Vec<&str> = users.iter().map(|user| &**user).collect();
        let query = sqlx::query_as::<_, (String, Option<String>)>(AssertSqlSafe(sql));
        let mut lent = self.pools.reader().await?;
        let found = query.bind(channel.id()).bind(users).fetch_all(lent.connection()).await;
        if found.as_ref().is_err_and(is_no_value) {
            return Ok(None);
        }
        let found = lent.settle(found)?.into_iter();
        Ok(Some(found.filter_map(|(user, role)| Some((user, Role::parse(&role?)?))).collect()))
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
