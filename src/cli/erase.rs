//! `rowcast erase`: a person's data, or the past of a row.

use std::{io::Write, sync::Arc, time::Duration};

use jiff::Timestamp;
use rowcast_protocol::Value;

use super::{CommandError, EraseArgs, database};
use crate::{
    commit::check::row_key,
    config::Config,
    store::{Erasure, LiveSchema, Store},
};

/// By when every hub has noticed that an account was closed.
const NOTICED: Duration = Duration::from_secs(1);

/// Says what would go, and erases it if told to.
pub(super) async fn run(
    config: &Config,
    asked: &EraseArgs,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let store = database::open(config).await?;
    let done = match erasure(&store.schema(), asked) {
        Ok(what) => perform(&store, &what, asked, out).await,
        Err(error) => Err(error),
    };
    store.close().await;
    done
}

async fn perform(
    store: &Arc<dyn Store>,
    what: &Erasure,
    asked: &EraseArgs,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    writeln!(out, "{}", explained(what, asked))?;
    if !asked.yes {
        writeln!(out, "Nothing was done. Say --yes to do it; it does not come back.")?;
        return Ok(());
    }
    if let Erasure::Person(id) = what {
        // Hubs that run end the person's sessions while the account still says that it is closed.
        store.clone().accounts().part_with(id, Timestamp::now()).await?;
        tokio::time::sleep(NOTICED).await;
    }
    let erased = store.erase(what).await?;
    let (rows, entries, outcomes) = (erased.rows, erased.entries, erased.outcomes);
    writeln!(
        out,
        "Done: {rows} rows removed or without the name, {entries} log entries rewritten, \
         {outcomes} stored outcomes removed.\n\
         Hubs that run keep what they hold in memory until they are started again. Backups, and \
         what the database has not reclaimed yet (VACUUM does), still hold it."
    )?;
    Ok(())
}

fn explained(what: &Erasure, asked: &EraseArgs) -> String {
    match what {
        Erasure::Person(id) => format!(
            "Erases the person {id}: profile, account, memberships and notifications go; rows that \
             the person wrote stay without the name; the log and stored outcomes lose the name."
        ),
        Erasure::Past { .. } => format!(
            "Erases the past of the row {} of {}: its values go from the log, where numbers stay; \
             the row itself stays as it is.",
            asked.key.as_deref().unwrap_or(""),
            asked.table.as_deref().unwrap_or(""),
        ),
    }
}

fn erasure(schema: &LiveSchema, asked: &EraseArgs) -> Result<Erasure, CommandError> {
    if let Some(user) = &asked.user {
        if !crate::auth::is_user_id(user) {
            return Err(CommandError::BadUser(user.chars().take(64).collect()));
        }
        return Ok(Erasure::Person(user.clone()));
    }
    let name = asked.table.as_deref().unwrap_or("");
    let found = schema.tables.iter().find(|table| table.name == name);
    let table = found.ok_or_else(|| CommandError::UnknownTable(name.to_owned()))?;
    let text = asked.key.as_deref().unwrap_or("");
    let key = match table.key.len() {
        1 => Value::from(text),
        _ => Value::List(text.split(',').map(Value::from).collect()),
    };
    let key = row_key(table, &key).map_err(|error| CommandError::BadKey(error.message))?;
    Ok(Erasure::Past { table: Arc::clone(table), key })
}
