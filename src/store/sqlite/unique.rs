//! What keeps two rows of a table from being alike: its keys, unique constraints and unique indexes,
//! also those over expressions and over some of the rows. A row that stands in a new one's way is found
//! with the same index that would refuse it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{error::StoreError, schema::LiveTable},
    connection::{Connection, nth, quoted, store_error},
    raw::{Bound, own},
    tokens::{Token, parenthesized, tokens, unquoted},
};

/// The names under which SQLite's own number of a row goes, where no column takes them.
const ROW_NUMBER: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// Words that are values.
const VALUES: [&str; 6] =
    ["NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"];

/// All that must be unique in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uniques {
    /// The table's name.
    table: String,
    /// The number of a row; `None`: the table has none, or columns took all of its names.
    pub(super) row_number: Option<&'static str>,
    /// The columns that get a value where `OR REPLACE` finds none, and the value.
    defaults: BTreeMap<String, String>,
    all: Vec<Unique>,
}

/// Terms in which no two rows may be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unique {
    terms: Vec<Term>,
    /// Of which rows; `None`: of all.
    filter: Option<String>,
    /// The columns that it names.
    columns: BTreeSet<String>,
    /// Whether one of them is computed from others.
    is_generated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    RowNumber(&'static str),
    Column { name: String, collation: String },
    Expression { text: String, collation: String },
}

/// An index: its name, the text that made it, its terms.
type Index = (String, Option<String>, Vec<IndexTerm>);

/// A column, unless it is an expression, and the collation.
type IndexTerm = (Option<String>, String);

/// A column as the catalogue has it.
struct Column {
    name: String,
    default: Option<String>,
    is_generated: bool,
}

impl Uniques {
    /// Reads them.
    pub(super) async fn read(
        connection: &mut Connection,
        table: &LiveTable,
    ) -> Result<Self, StoreError> {
        let columns = columns(connection, &table.name).await?;
        let is_free = |name: &&str| columns.iter().all(|c| !c.name.eq_ignore_ascii_case(name));
        let has_number = !is_without_rowid(connection, &table.name).await?;
        let row_number = ROW_NUMBER.into_iter().find(is_free).filter(|_| has_number);
        let mut all = indexes(connection, &table.name, &columns).await?;
        if let Some(number) = row_number {
            all.insert(0, by_number(number, table));
        }
        let defaults = columns.into_iter().filter_map(|c| Some((c.name, c.default?))).collect();
        Ok(Self { table: table.name.clone(), row_number, defaults, all })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// The columns of which a new value may bring a row into another's way; `None`: any may.
    pub(super) fn columns(&self) -> Option<BTreeSet<String>> {
        let is_generated = self.all.iter().any(|unique| unique.is_generated);
        let columns = self.all.iter().flat_map(|unique| unique.columns.iter().cloned());
        (!is_generated).then(|| columns.collect())
    }

    /// For each of them, the condition by which a row of the table, whose columns stand there without
    /// a prefix, is in the way of `NEW`.
    pub(super) fn conditions(&self) -> Vec<String> {
        self.all.iter().map(|unique| self.condition(unique)).collect()
    }

    fn condition(&self, unique: &Unique) -> String {
        let terms = unique.terms.iter().map(|term| match term {
            Term::RowNumber(name) => format!("{name} = NEW.{name}"),
            Term::Column { name, collation } => {
                format!("{} COLLATE {} = {}", quoted(name), quoted(collation), self.new_value(name))
            }
            Term::Expression { text, collation } => {
                format!("({text}) COLLATE {} = {}", quoted(collation), self.of_new(unique, text))
            }
        });
        let filter = unique.filter.iter();
        let filter = filter.map(|text| format!("({text}) AND {}", self.of_new(unique, text)));
        terms.chain(filter).collect::<Vec<_>>().join(" AND ")
    }

    /// The value that a column gets.
    fn new_value(&self, column: &str) -> String {
        let name = quoted(column);
        match self.defaults.get(column) {
            Some(default) => format!("ifnull(NEW.{name}, ({default}))"),
            None => format!("NEW.{name}"),
        }
    }

    /// An expression over the new row. The columns have the types that they have in the table.
    fn of_new(&self, unique: &Unique, expression: &str) -> String {
        let columns = unique.columns.iter();
        let (types, values): (Vec<String>, Vec<String>) = columns
            .map(|column| {
                let name = quoted(column);
                (format!("{name} AS {name}"), self.new_value(column))
            })
            .unzip();
        if types.is_empty() {
            return format!("(SELECT {expression})");
        }
        let table = quoted(&self.table);
        format!(
            "(SELECT {expression} FROM (SELECT {} FROM {table} WHERE 0 UNION ALL SELECT {}) AS {table})",
            types.join(", "),
            values.join(", "),
        )
    }
}

/// The number of a row, which may be a key's column.
fn by_number(name: &'static str, table: &LiveTable) -> Unique {
    let key = table.key.iter().filter_map(|&index| table.columns.get(index));
    let columns = key.map(|column| column.name.clone()).chain(ROW_NUMBER.map(str::to_owned));
    let terms = vec![Term::RowNumber(name)];
    Unique { terms, filter: None, columns: columns.collect(), is_generated: false }
}

async fn columns(connection: &mut Connection, table: &str) -> Result<Vec<Column>, StoreError> {
    let sql = "SELECT name, CASE WHEN \"notnull\" THEN dflt_value END, hidden IN (2, 3)
        FROM pragma_table_xinfo(?) WHERE hidden <> 1";
    let arguments = Bound::default().with(table).done();
    let answers = connection.run_once(sql, arguments).await.map_err(store_error)?;
    let column = |row| {
        let default = own::<Option<String>>(row, 1)?.and_then(|text| default(&text));
        Ok(Column { name: own(row, 0)?, default, is_generated: own(row, 2)? })
    };
    nth(answers, 0).rows.iter().map(column).collect()
}

/// A default as an expression that means the same elsewhere: a name alone is a text there. `None` where
/// that cannot be told.
fn default(text: &str) -> Option<String> {
    let is_quoted = |token: &Token<'_>| token.text.starts_with(['"', '`', '[']);
    match &*tokens(text) {
        [one] if is_quoted(one) || (one.is_word() && !VALUES.iter().any(|word| one.is(word))) => {
            Some(format!("'{}'", unquoted(one.text).replace('\'', "''")))
        }
        several if several.iter().any(is_quoted) => None,
        several => Some(self::text(several)),
    }
}

async fn is_without_rowid(connection: &mut Connection, table: &str) -> Result<bool, StoreError> {
    let sql = "SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'";
    let arguments = Bound::default().with(table).done();
    let answers = connection.run_once(sql, arguments).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or(Ok(false), |row| own(row, 0))
}

/// The unique indexes, those of constraints and of the key among them.
async fn indexes(
    connection: &mut Connection,
    table: &str,
    columns: &[Column],
) -> Result<Vec<Unique>, StoreError> {
    let sql = "SELECT l.name, s.sql, x.name, x.coll
        FROM pragma_index_list(?) l JOIN pragma_index_xinfo(l.name) x
        LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name
        WHERE l.\"unique\" AND x.key ORDER BY l.name, x.seqno";
    let arguments = Bound::default().with(table).done();
    let answers = connection.run_once(sql, arguments).await.map_err(store_error)?;
    let mut found: Vec<Index> = Vec::new();
    for row in nth(answers, 0).rows {
        let (name, term) = (own(&row, 0)?, (own(&row, 2)?, own(&row, 3)?));
        match found.last_mut() {
            Some((index, _, terms)) if *index == name => terms.push(term),
            _ => found.push((name, own(&row, 1)?, vec![term])),
        }
    }
    let of = |(_, sql, terms): Index| index(sql.as_deref(), terms, columns);
    Ok(found.into_iter().map(of).collect())
}

/// An index with these terms, of which those without a name are expressions.
fn index(sql: Option<&str>, terms: Vec<IndexTerm>, columns: &[Column]) -> Unique {
    let (texts, filter) = sql.map(texts).unwrap_or_default();
    let mut named = BTreeSet::new();
    let mut texts = texts.into_iter().chain(std::iter::repeat("NULL".to_owned()));
    let terms = terms.into_iter().map(|(name, collation)| {
        let text = texts.next().unwrap_or_default();
        match name {
            Some(name) => {
                named.insert(name.clone());
                Term::Column { name, collation }
            }
            None => {
                named.extend(mentioned(&text, columns));
                Term::Expression { text, collation }
            }
        }
    });
    let terms = terms.collect();
    named.extend(filter.iter().flat_map(|text| mentioned(text, columns)));
    let is_generated = |column: &Column| column.is_generated && named.contains(&column.name);
    let is_generated = columns.iter().any(is_generated);
    Unique { terms, filter, columns: named, is_generated }
}

/// The columns whose names stand in an expression, and perhaps some more.
fn mentioned<'a>(text: &str, columns: &'a [Column]) -> impl Iterator<Item = String> + use<'a> {
    let words: Vec<String> = tokens(text).iter().map(|token| unquoted(token.text)).collect();
    let is_named =
        move |column: &&Column| words.iter().any(|word| word.eq_ignore_ascii_case(&column.name));
    columns.iter().filter(is_named).map(|column| column.name.clone())
}

/// The terms of an index and its condition, from the text that made it.
fn texts(sql: &str) -> (Vec<String>, Option<String>) {
    let tokens = tokens(sql);
    let open = tokens.iter().position(|token| token.text == "(").unwrap_or(tokens.len());
    let Some(inside) = parenthesized(&tokens, open) else { return (Vec::new(), None) };
    let filter = tokens.get(open + inside.len() + 2..).and_then(|rest| match rest {
        [word, condition @ ..] if word.is("WHERE") => Some(text(condition)),
        _ => None,
    });
    (terms(inside).into_iter().map(|term| text(without_order(term))).collect(), filter)
}

/// The terms of a list, cut at its commas.
fn terms<'a, 'b>(list: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let mut depth = 0_u32;
    list.split(|token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.text == ","
    })
    .collect()
}

fn without_order<'a, 'b>(term: &'b [Token<'a>]) -> &'b [Token<'a>] {
    match term {
        [rest @ .., last] if last.is("ASC") || last.is("DESC") => rest,
        _ => term,
    }
}

/// Tokens as a text without comments; what stood together stands together.
fn text(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut end = None;
    for token in tokens {
        if end.is_some_and(|end| end < token.at) {
            text.push(' ');
        }
        text.push_str(token.text);
        end = Some(token.at + token.text.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{default, texts};

    #[track_caller]
    fn reads(sql: &str, terms: &[&str], filter: Option<&str>) {
        let (found, condition) = texts(&format!("CREATE UNIQUE INDEX i ON t {sql}"));
        assert_eq!(
            (found, condition.as_deref()),
            (terms.iter().map(|t| (*t).to_owned()).collect(), filter)
        );
    }

    #[test]
    fn terms_end_at_their_own_commas() {
        reads("(a, lower(b)DESC, ifnull(c, 1.5) ASC)", &["a", "lower(b)", "ifnull(c, 1.5)"], None);
        reads("(a COLLATE NOCASE desc)", &["a COLLATE NOCASE"], None);
        reads("(\"a,(\" || ')' /* , */ -- )\n || b)", &["\"a,(\" || ')' || b"], None);
    }

    #[test]
    fn a_default_that_is_a_name_is_a_text() {
        for (sql, read) in [
            ("'it''s'", Some("'it''s'")),
            ("-1.5", Some("-1.5")),
            ("abc", Some("'abc'")),
            ("\"a b\"", Some("'a b'")),
            ("current_timestamp", Some("current_timestamp")),
            ("lower('X') -- always", Some("lower('X')")),
            ("lower(\"X\")", None),
        ] {
            assert_eq!(default(sql).as_deref(), read, "{sql}");
        }
    }

    #[test]
    fn the_condition_is_what_comes_last() {
        let ends_in_a_comment = "(a) WHERE b->>'$.x' <= 1 AND d IS NOT NULL -- until then";
        reads(ends_in_a_comment, &["a"], Some("b->>'$.x' <= 1 AND d IS NOT NULL"));
        reads("(a) /* WHERE c */", &["a"], None);
    }
}
