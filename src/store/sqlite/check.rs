//! Which check was broken, and on which column.
//!
//! SQLite tells the name of a broken check, or its text if it has none, but neither table nor
//! column. Those stand in the texts of the tables. Several tables may have the same check: then only
//! what all of them agree on is told, so that nothing that is told is wrong. Checks without a name
//! are called as Postgres would call them: `tasks_title_check`.

use rowcast_protocol::ErrorCode;

use super::{
    super::{
        error::{EditError, StoreError, check_words},
        schema::LiveSchema,
    },
    connection::{Connection, nth, store_error},
    raw::{Bound, own},
    tokens::{Token, parenthesized, tokens, unquoted},
};

/// A check of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    table: String,
    /// What SQLite says when it is broken.
    told: String,
    /// What it is called.
    name: String,
    /// The column, if exactly one stands in it.
    column: Option<String>,
}

/// What is known for sure of a broken check.
#[derive(Debug, Default)]
pub(super) struct Broken {
    table: Option<String>,
    name: Option<String>,
    column: Option<String>,
}

impl Broken {
    /// The error that clients read; they do not learn of hidden columns.
    pub(super) fn explain(self, schema: &LiveSchema) -> EditError {
        let live = schema.tables.iter().find(|table| Some(&table.name) == self.table.as_ref());
        let field = self.column.filter(|name| live.is_some_and(|t| t.column(name).is_some()));
        let words = check_words(field.as_deref(), self.name.as_deref());
        let error = EditError::new(ErrorCode::Check, words);
        EditError { table: self.table, constraint: self.name, field, ..error }
    }
}

/// Finds the check that SQLite told of, while an operation on `table` ran.
pub(super) async fn broken(
    connection: &mut Connection,
    table: &str,
    told: &str,
) -> Result<Broken, StoreError> {
    // Whether what is done to the table can reach others: through triggers that are not ours, or
    // through foreign keys that do more than refuse.
    let sql = "SELECT t.name, t.sql,
            (SELECT group_concat(c.name, char(0)) FROM pragma_table_xinfo(t.name) c),
            EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1
                AND name NOT GLOB 'rowcast_*')
            OR EXISTS (SELECT 1 FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
                WHERE m.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE
                AND (f.on_update NOT IN ('NO ACTION', 'RESTRICT')
                    OR f.on_delete IN ('SET NULL', 'SET DEFAULT')))
        FROM sqlite_schema t WHERE t.type = 'table' AND t.sql IS NOT NULL";
    let bound = Bound::default().with(table).done();
    let answers = connection.run_once(sql, bound).await.map_err(store_error)?;
    let (mut found, mut reaches) = (Vec::new(), false);
    for row in nth(answers, 0).rows {
        let (name, text): (String, String) = (own(&row, 0)?, own(&row, 1)?);
        let columns: Option<String> = own(&row, 2)?;
        let columns: Vec<&str> = columns.iter().flat_map(|names| names.split('\0')).collect();
        reaches = own(&row, 3)?;
        found.extend(checks(&name, &columns, &text).into_iter().filter(|c| c.told == told));
    }
    if !reaches {
        found.retain(|check| check.table == table);
    }
    Ok(agreed(&found))
}

fn agreed(found: &[Check]) -> Broken {
    let Some((first, rest)) = found.split_first() else { return Broken::default() };
    let one_table = rest.iter().all(|other| other.table == first.table);
    let one_name = rest.iter().all(|other| other.name == first.name);
    let one_column = one_table && rest.iter().all(|other| other.column == first.column);
    Broken {
        table: one_table.then(|| first.table.clone()),
        name: one_name.then(|| first.name.clone()),
        column: first.column.clone().filter(|_| one_column),
    }
}

/// The texts that a column may hold, if the text that made its table lists them in a check such as
/// `status IN ('open', 'closed')`; else none.
pub(super) fn allowed_values(sql: &str, column: &str) -> Vec<String> {
    let tokens = tokens(sql);
    // Under another collation more texts than these would do.
    if tokens.iter().any(|token| token.is("COLLATE")) {
        return Vec::new();
    }
    let checks = tokens.iter().enumerate().filter(|(_, token)| token.is("CHECK"));
    let listed = checks.filter_map(|(place, _)| {
        listed_texts(parenthesized(&tokens, place + 1)?, column).filter(|texts| texts.len() > 1)
    });
    listed.take(1).flatten().collect()
}

/// What the foreign key over these columns is called in the text that made its table, if it stands there as
/// a constraint of the table and has a name.
pub(super) fn foreign_key_name(sql: &str, columns: &[String]) -> Option<String> {
    let tokens = tokens(sql);
    let is_over = |place: usize| {
        let inside = parenthesized(&tokens, place)?;
        let names = inside.iter().filter(|token| token.text != ",").map(|t| unquoted(t.text));
        let names: Vec<String> = names.collect();
        let is_same = |(one, other): (&String, &String)| one.eq_ignore_ascii_case(other);
        (names.len() == columns.len() && names.iter().zip(columns).all(is_same)).then_some(())
    };
    let windows = tokens.windows(4).enumerate();
    let mut found = windows.filter_map(|(place, window)| match window {
        [constraint, name, foreign, key]
            if constraint.is("CONSTRAINT") && foreign.is("FOREIGN") && key.is("KEY") =>
        {
            is_over(place + 4).map(|()| unquoted(name.text))
        }
        _ => None,
    });
    found.next()
}

fn listed_texts(expression: &[Token<'_>], column: &str) -> Option<Vec<String>> {
    let [name, word, rest @ ..] = expression else { return None };
    let is_list = unquoted(name.text).eq_ignore_ascii_case(column) && word.is("IN");
    let texts =
        parenthesized(rest, 0).filter(|inside| is_list && inside.len() + 2 == rest.len())?;
    texts
        .split(|token| token.text == ",")
        .map(|item| match item {
            [text] if text.text.starts_with('\'') => Some(unquoted(text.text)),
            _ => None,
        })
        .collect()
}

/// The checks in the text that made a table.
fn checks(table: &str, columns: &[&str], sql: &str) -> Vec<Check> {
    let tokens = tokens(sql);
    let mut found: Vec<Check> = Vec::new();
    let (mut depth, mut constraint) = (0_u32, None);
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        place += 1;
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            // Until the next comma, SQLite gives the name to every check.
            "," if depth == 1 => constraint = None,
            _ if depth != 1 => {}
            _ if token.is("CONSTRAINT") => {
                constraint = tokens.get(place).map(|name| unquoted(name.text));
                place += 1;
            }
            _ if token.is("CHECK") => {
                let Some(inside) = parenthesized(&tokens, place) else { continue };
                let column = only_column(columns, inside);
                let close = tokens.get(place + inside.len() + 1);
                let told_text = text_between(sql, tokens.get(place), close);
                let told = constraint.clone().unwrap_or_else(|| unquoted(told_text));
                let name = constraint
                    .clone()
                    .unwrap_or_else(|| unused(&usual_name(table, column.as_deref()), &found));
                found.push(Check { table: table.to_owned(), told, name, column });
                place += inside.len() + 2;
            }
            _ => {}
        }
    }
    found
}

/// What Postgres calls a check that has no name.
fn usual_name(table: &str, column: Option<&str>) -> String {
    match column {
        Some(column) => format!("{table}_{column}_check"),
        None => format!("{table}_check"),
    }
}

fn unused(name: &str, found: &[Check]) -> String {
    let is_free = |name: &String| found.iter().all(|check| check.name != *name);
    let numbered = (1..).map(|n| format!("{name}{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// What stands between two parentheses, comments too.
fn text_between<'a>(sql: &'a str, open: Option<&Token<'_>>, close: Option<&Token<'_>>) -> &'a str {
    let (Some(open), Some(close)) = (open, close) else { return "" };
    let inside = sql.get(open.at + 1..close.at).unwrap_or_default();
    inside.trim_matches(|c: char| c.is_ascii_whitespace())
}

/// The column of the table that stands in an expression, if it is the only one. Words that might
/// be columns count as such; so at worst nothing is found.
fn only_column(columns: &[&str], expression: &[Token<'_>]) -> Option<String> {
    let mut only: Option<&str> = None;
    for (place, token) in expression.iter().enumerate() {
        let is_call = expression.get(place + 1).is_some_and(|next| next.text == "(");
        let after_dot = place > 0 && expression.get(place - 1).is_some_and(|t| t.text == ".");
        if !(token.is_word() || after_dot) || is_call {
            continue;
        }
        let word = unquoted(token.text);
        let named = columns.iter().find(|column| column.eq_ignore_ascii_case(&word));
        match named {
            Some(column) if only.is_none_or(|known| known == *column) => only = Some(column),
            Some(_) => return None,
            None if ["rowid", "_rowid_", "oid"].iter().any(|id| id.eq_ignore_ascii_case(&word)) => {
                return None;
            }
            None => {}
        }
    }
    only.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{allowed_values, checks};

    const COLUMNS: [&str; 5] = ["id", "status", "n", "Other", "check"];

    #[track_caller]
    fn found(body: &str, expected: &[(&str, &str, Option<&str>)]) {
        let sql = format!("CREATE TABLE \"t\" ({body})");
        let all = checks("t", &COLUMNS, &sql);
        let all: Vec<_> =
            all.iter().map(|c| (c.told.as_str(), c.name.as_str(), c.column.as_deref())).collect();
        assert_eq!(all, expected, "{sql}");
    }

    #[test]
    fn a_check_is_known_by_its_name_or_its_text() {
        found("n INT CONSTRAINT few CHECK (n < 9)", &[("few", "few", Some("n"))]);
        found("n DECIMAL(9, 2) CHECK ( n < 9 )", &[("n < 9", "t_n_check", Some("n"))]);
        found("id, n, CHECK (n > id)", &[("n > id", "t_check", None)]);
        found(
            "n CHECK (n > 1) CHECK (n < 9)",
            &[("n > 1", "t_n_check", Some("n")), ("n < 9", "t_n_check1", Some("n"))],
        );
    }

    #[test]
    fn a_list_of_texts_is_known_where_nothing_else_would_do() {
        let values =
            |check: &str| allowed_values(&format!("CREATE TABLE t (n INT, {check})"), "status");
        assert_eq!(values("status CHECK (status IN ('a', 'it''s' , 'ü'))"), ["a", "it's", "ü"]);
        assert_eq!(values("status, CHECK (\"Status\" in ('a','b'))"), ["a", "b"]);
        for other in [
            "status CHECK (status NOT IN ('a', 'b'))",
            "status CHECK (status IN ('a', 'b') OR n > 1)",
            "status CHECK (status IN ('a', n))",
            "status CHECK (status IN ('a', 1))",
            "status CHECK (lower(status) IN ('a', 'b'))",
            "status COLLATE NOCASE CHECK (status IN ('a', 'b'))",
            "status, x CHECK (x IN ('a', 'b'))",
            "status DEFAULT 'CHECK (status IN (1))' CHECK (status > '')",
        ] {
            assert_eq!(values(other), Vec::<String>::new(), "{other}");
        }
    }

    #[test]
    fn a_name_holds_until_the_next_comma() {
        found(
            "n CONSTRAINT a NOT NULL CHECK (n > 1), CHECK (n < 9)",
            &[("a", "a", Some("n")), ("n < 9", "t_n_check", Some("n"))],
        );
    }

    #[test]
    fn texts_comments_and_functions_are_no_columns() {
        found(
            "n CHECK (length(n) IN (1, 2) /* id */ AND 'id, it''s status' <> n) -- CHECK (id)",
            &[("length(n) IN (1, 2) /* id */ AND 'id, it''s status' <> n", "t_n_check", Some("n"))],
        );
        found("\"check\" INT, n DEFAULT (1 /* CHECK (n) */)", &[]);
        found("n CHECK (n > 1 /* id */ )", &[("n > 1 /* id */", "t_n_check", Some("n"))]);
        found("n CHECK (n <> x'6964')", &[("n <> x'6964'", "t_n_check", Some("n"))]);
    }

    #[test]
    fn names_may_be_quoted_and_of_either_case() {
        found("x CHECK (\"other\" > [other])", &[("other", "t_Other_check", Some("Other"))]);
        found(
            "x CHECK (t.OTHER > 'other')",
            &[("t.OTHER > 'other'", "t_Other_check", Some("Other"))],
        );
        found("x CONSTRAINT \"a b\" CHECK (N > 0)", &[("a b", "a b", Some("n"))]);
    }

    #[test]
    fn what_is_not_sure_is_not_said() {
        found("n CHECK (n > rowid)", &[("n > rowid", "t_check", None)]);
        found("n CHECK (1 < 2)", &[("1 < 2", "t_check", None)]);
        found("n CHECK (t.'id' > n)", &[("t.'id' > n", "t_check", None)]);
    }
}
