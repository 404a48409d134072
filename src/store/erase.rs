//! Erasing a person's data, or the past of a row: what it means for the texts of a log.
//!
//! Entries keep their numbers. Changes that are about nothing but the person (profile, memberships,
//! notifications), or that are the row's past, are taken out of their entries. Elsewhere the person's
//! id is replaced by [`NOBODY`], wherever it stands as a value. The newest entry of a log that was
//! touched becomes a `reset`, so that whoever is behind it takes a snapshot and nobody is told a past
//! that no longer gives the present.

use std::sync::Arc;

use rowcast_protocol::Value;

use super::{LiveColumn, LiveSchema, LiveTable, declaration::AccessRule};

/// Whom the log names instead of a person that was erased.
pub const NOBODY: &str = "~erased";

/// What is to be erased.
#[derive(Debug, Clone, PartialEq)]
pub enum Erasure {
    /// A person: profile, account, memberships, notifications; the name on everything else.
    Person(String),
    /// The past of a row of a live table; the row stays as it is.
    Past {
        /// The table.
        table: Arc<LiveTable>,
        /// The values of its key columns.
        key: Vec<Value>,
    },
}

/// How much was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Rows that were removed or lost a name.
    pub rows: u64,
    /// Entries of logs that were rewritten.
    pub entries: u64,
    /// Stored outcomes of edits that were removed.
    pub outcomes: u64,
}

/// What becomes of a change in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is.
    Stays,
    /// It stays with another text.
    Rewritten(String),
    /// It goes.
    Goes,
}

/// A person on the way out of a log.
#[derive(Debug)]
pub(super) struct Leaving<'a> {
    /// The person's id.
    pub(super) id: &'a str,
    own_tables: Vec<&'a str>,
}

impl<'a> Leaving<'a> {
    pub(super) fn new(schema: &'a LiveSchema, id: &'a str) -> Self {
        let members = schema.access.iter().filter_map(|access| match &access.rule {
            AccessRule::Members(rule) => Some(rule.table.as_str()),
            AccessRule::Own(_) => None,
        });
        Self { id, own_tables: members.chain(["users"]).collect() }
    }

    /// The person's own channel.
    pub(super) fn own_channel(&self) -> String {
        format!("user:{}", self.id)
    }

    /// What becomes of a change with this text.
    pub(super) fn fate(&self, channel: &str, table: &str, change: &str) -> Fate {
        if channel == self.own_channel() {
            return Fate::Goes;
        }
        match without_name(change, self.id) {
            None => Fate::Stays,
            Some(_) if self.own_tables.contains(&table) => Fate::Goes,
            Some(rewritten) => Fate::Rewritten(rewritten),
        }
    }
}

/// Columns of a table that name whoever did something.
pub(super) fn names_in(table: &LiveTable) -> impl Iterator<Item = (&LiveTable, &LiveColumn)> {
    let actor = table
        .columns
        .iter()
        .position(|column| table.name == "notifications" && column.name == "actor");
    let places = [table.author, table.editor, actor].into_iter().flatten();
    let columns = places.filter_map(|index| table.columns.get(index));
    columns.filter(|column| column.nullable).map(move |column| (table, column))
}

/// How JSON spells a text.
pub(super) fn spelled(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// The JSON with [`NOBODY`] in place of every value that is this name; `None` if there is none. All
/// else stays byte for byte, also numbers that no type of ours holds.
pub(super) fn without_name(json: &str, name: &str) -> Option<String> {
    let wanted = spelled(name);
    let mut out = String::with_capacity(json.len());
    let (mut rest, mut found) = (json, false);
    while let Some(start) = rest.find('"') {
        let (before, text) = rest.split_at_checked(start)?;
        let (text, after) = text.split_at_checked(end_of_text(text))?;
        let is_member = after.trim_start().starts_with(':');
        out.push_str(before);
        if text == wanted && !is_member {
            found = true;
            out.push_str(&spelled(NOBODY));
        } else {
            out.push_str(text);
        }
        rest = after;
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Where the text ends that begins here, its quotation marks included.
fn end_of_text(json: &str) -> usize {
    let mut bytes = json.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_wherever_it_is_a_value_and_nowhere_else() {
        let json = r#"{"ada": "ada", "b":["ada",1.10,"ada ","a\"ada\"", {"c" : "ada"}], "ada" :1}"#;
        let expected = r#"{"ada": "~erased", "b":["~erased",1.10,"ada ","a\"ada\"", {"c" : "~erased"}], "ada" :1}"#;
        assert_eq!(without_name(json, "ada").as_deref(), Some(expected));
        assert_eq!(without_name(json, "bob"), None);
        assert_eq!(without_name(r#"["broken"#, "ada"), None);
    }
}
