//! `rowcast mend`: live tables are recorded anew.

use std::io::Write;

use super::{CommandError, wait_for};
use crate::{
    config::Config,
    store::{self, LiveSchema},
};

/// Does it, and says which tables are live then.
pub(super) fn run(
    config: &Config,
    tables: &[String],
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let schema = wait_for(store::mend(config, tables))??;
    print(&schema, tables, out)
}

fn print(schema: &LiveSchema, tables: &[String], out: &mut dyn Write) -> Result<(), CommandError> {
    let asked = |name: &String| tables.is_empty() || tables.contains(name);
    for table in schema.tables.iter().filter(|table| asked(&table.name)) {
        writeln!(out, "{} is recorded anew, and its channels are reset", table.name)?;
    }
    let not_live = schema.unwatched.iter().filter(|table| asked(&table.name));
    let mut count = 0;
    for table in not_live {
        writeln!(out, "{} is not live: {}", table.name, table.why)?;
        count += 1;
    }
    if count == 0 { Ok(()) } else { Err(CommandError::NotLive(count)) }
}
