//! The parameters of a list: filters, order, fields and where it begins.

use std::borrow::Cow;

use rowcast_protocol::{ColumnType, ErrorCode, ErrorReply, Value};

use super::{by_the_key, place, visible};
use crate::store::{
    LiveColumn, LiveTable,
    query::{Filter, From, MOST_ROWS, Query, SortBy, Test},
    values::{accept, decimal, moment},
};

/// Rows of a page unless told.
const USUAL_ROWS: u32 = 100;
/// Filters of one list.
const MOST_FILTERS: usize = 32;
/// Values of one `in`.
const MOST_VALUES: usize = 200;
/// Columns of a sort.
const MOST_SORTS: usize = 8;
/// Rows that may be skipped; whoever wants more goes on by cursor.
const MOST_SKIPPED: u32 = 100_000;

type Checked<T> = Result<T, ErrorReply>;

/// The query that these parameters make.
pub(super) fn query(table: &LiveTable, parameters: &[(String, String)]) -> Checked<Query> {
    let mut asked = Asked::default();
    for (name, text) in parameters {
        asked.take(table, name, text)?;
    }
    asked.query(table)
}

/// What was asked for, parameter by parameter.
#[derive(Default)]
struct Asked<'a> {
    filters: Vec<Filter>,
    sort: Option<&'a str>,
    fields: Option<&'a str>,
    limit: Option<&'a str>,
    cursor: Option<&'a str>,
    offset: Option<&'a str>,
    total: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn take(&mut self, table: &LiveTable, name: &str, text: &'a str) -> Checked<()> {
        let once = match name {
            "sort" => &mut self.sort,
            "fields" => &mut self.fields,
            "limit" => &mut self.limit,
            "cursor" => &mut self.cursor,
            "offset" => &mut self.offset,
            "total" => &mut self.total,
            _ => return self.take_filter(table, name, text),
        };
        if once.replace(text).is_some() {
            return Err(bad(name, "stands twice"));
        }
        Ok(())
    }

    fn take_filter(&mut self, table: &LiveTable, name: &str, text: &str) -> Checked<()> {
        if self.filters.len() >= MOST_FILTERS {
            let words = format!("one list may have {MOST_FILTERS} filters");
            return Err(ErrorReply {
                path: Some(short(name)),
                limit: Some(MOST_FILTERS as u64),
                ..ErrorReply::new(ErrorCode::TooMany, words)
            });
        }
        let (column, operator) = match table.column(name) {
            Some(found) => (found, "eq"),
            None => {
                let (column, operator) = name.rsplit_once('.').unwrap_or((name, "eq"));
                (table.column(column).ok_or_else(|| no_field(table, name, column))?, operator)
            }
        };
        let test = Operand { name, column: column.1 }.test(operator, text)?;
        self.filters.push(Filter { column: column.0, test });
        Ok(())
    }

    fn query(self, table: &LiveTable) -> Checked<Query> {
        let mut query = Query {
            sort: sort(table, self.sort.unwrap_or(""))?,
            columns: self
                .fields
                .map_or_else(|| Ok(visible(table).collect()), |f| fields(table, f))?,
            filters: self.filters,
            from: From::Start,
            limit: number("limit", self.limit, 1, MOST_ROWS)?.unwrap_or(USUAL_ROWS),
            total: self.total.map_or(Ok(false), |text| truth("total", text))?,
        };
        let offset = number("offset", self.offset, 0, MOST_SKIPPED)?;
        query.from = match (self.cursor, offset) {
            (Some(_), Some(_)) => return Err(bad("offset", "cannot stand beside `cursor`")),
            (Some(cursor), None) => From::After(place::values(table, &query, cursor)?),
            (None, Some(offset)) => From::Offset(offset),
            (None, None) => From::Start,
        };
        Ok(query)
    }
}

/// A parameter that filters by a column.
struct Operand<'a> {
    name: &'a str,
    column: &'a LiveColumn,
}

impl Operand<'_> {
    fn test(&self, operator: &str, text: &str) -> Checked<Test> {
        let known = ["eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "null"];
        if !known.contains(&operator) {
            let words = format!("there is no such operator; there are {}", known.join(", "));
            return Err(bad(self.name, words));
        }
        if operator == "null" {
            return truth(self.name, text).map(Test::Missing);
        }
        if operator == "contains" {
            return self.contains(text);
        }
        if matches!(self.column.kind, ColumnType::Json | ColumnType::List) {
            return Err(bad(self.name, "a column of JSON can be asked for `contains` and `null`"));
        }
        Ok(match operator {
            "ne" => Test::IsNot(self.value(text)?),
            "lt" => Test::Below(self.value(text)?),
            "lte" => Test::AtMost(self.value(text)?),
            "gt" => Test::Above(self.value(text)?),
            "gte" => Test::AtLeast(self.value(text)?),
            "in" => Test::AmongThese(self.values(text)?),
            _ => Test::Is(self.value(text)?),
        })
    }

    fn contains(&self, text: &str) -> Checked<Test> {
        let text = self.without_nul(text)?;
        match self.column.kind {
            ColumnType::Text => Ok(Test::Contains(text.to_owned())),
            ColumnType::Json => {
                let number = Value::number(text);
                Ok(Test::Holds([Value::from(text)].into_iter().chain(number).collect()))
            }
            ColumnType::List => {
                let item = LiveColumn {
                    kind: self.column.form.item.unwrap_or(ColumnType::Other),
                    ..self.column.clone()
                };
                let item = Operand { name: self.name, column: &item }.value(text)?;
                Ok(Test::Holds(vec![item]))
            }
            _ => Err(bad(self.name, "only text and lists can be asked for `contains`")),
        }
    }

    fn values(&self, text: &str) -> Checked<Vec<Value>> {
        let mut values = Vec::new();
        let mut rest = Some(text);
        while let Some(text) = rest {
            if values.len() >= MOST_VALUES {
                return Err(bad(self.name, format!("there may be {MOST_VALUES} values")));
            }
            let (value, after) = self.first_of_list(text)?;
            values.push(self.value(&value)?);
            rest = after;
        }
        Ok(values)
    }

    /// The first value of a list with commas, and what follows its comma. In quotation marks it may
    /// hold commas; a quotation mark in it is doubled.
    fn first_of_list<'t>(&self, text: &'t str) -> Checked<(Cow<'t, str>, Option<&'t str>)> {
        let Some(quoted) = text.strip_prefix('"') else {
            let split = text.split_once(',');
            return Ok(split.map_or((text.into(), None), |(one, rest)| (one.into(), Some(rest))));
        };
        let (mut value, mut rest) = (String::new(), quoted);
        loop {
            let words = "a value that begins with a quotation mark ends with one";
            let (part, after) = rest.split_once('"').ok_or_else(|| bad(self.name, words))?;
            value.push_str(part);
            match (after.strip_prefix('"'), after.strip_prefix(',')) {
                (Some(more), _) => {
                    value.push('"');
                    rest = more;
                }
                (None, Some(next)) => return Ok((value.into(), Some(next))),
                (None, None) if after.is_empty() => return Ok((value.into(), None)),
                (None, None) => return Err(bad(self.name, words)),
            }
        }
    }

    fn value(&self, text: &str) -> Checked<Value> {
        let text = self.without_nul(text)?;
        let value = match self.column.kind {
            ColumnType::Bool => text.parse().ok().map(Value::Bool),
            ColumnType::Float => text.parse().ok().map(Value::float),
            ColumnType::Decimal => decimal(text).map(Value::Text),
            ColumnType::Timestamp => {
                moment::instant(text).map(|at| moment::instant_text(at).into())
            }
            ColumnType::Json => Value::from_json(text).ok(),
            _ => Some(Value::from(text)),
        };
        value.and_then(|value| accept::accepted(self.column, &value)).ok_or_else(|| {
            let words = format!("this is no value of type {}", kind_name(self.column.kind));
            let error = ErrorReply::new(ErrorCode::WrongType, words);
            ErrorReply { path: Some(short(self.name)), ..error }
        })
    }

    fn without_nul<'t>(&self, text: &'t str) -> Checked<&'t str> {
        if text.contains('\0') {
            return Err(bad(self.name, "NUL cannot be stored, and so not be found"));
        }
        Ok(text)
    }
}

fn kind_name(kind: ColumnType) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// `-priority,due_date`; the key's columns follow.
fn sort(table: &LiveTable, text: &str) -> Checked<Vec<SortBy>> {
    let mut sort: Vec<SortBy> = Vec::new();
    for name in text.split(',').filter(|name| !name.is_empty()) {
        let (descending, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
        let (column, of) = table.column(name).ok_or_else(|| no_field(table, "sort", name))?;
        if matches!(of.kind, ColumnType::Json | ColumnType::List) {
            return Err(bad(
                "sort",
                format!("rows cannot be sorted by `{name}`, which holds JSON"),
            ));
        }
        if sort.iter().any(|by| by.column == column) {
            return Err(bad("sort", format!("`{name}` stands twice")));
        }
        sort.push(SortBy { column, descending });
    }
    if sort.len() > MOST_SORTS {
        return Err(bad("sort", format!("rows can be sorted by {MOST_SORTS} fields")));
    }
    let missing = by_the_key(table).filter(|key| !sort.iter().any(|by| by.column == key.column));
    let missing: Vec<SortBy> = missing.collect();
    sort.extend(missing);
    Ok(sort)
}

fn fields(table: &LiveTable, text: &str) -> Checked<Vec<usize>> {
    let mut columns = Vec::new();
    for name in text.split(',') {
        let (column, _) = table.column(name).ok_or_else(|| no_field(table, "fields", name))?;
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    Ok(columns)
}

fn number(name: &str, text: Option<&str>, least: u32, most: u32) -> Checked<Option<u32>> {
    let Some(text) = text else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.map(Some).ok_or_else(|| bad(name, format!("is a number from {least} to {most}")))
}

fn truth(name: &str, text: &str) -> Checked<bool> {
    text.parse().map_err(|_| bad(name, "is true or false"))
}

fn no_field(table: &LiveTable, parameter: &str, name: &str) -> ErrorReply {
    let words = format!("`{}` has no field `{}`", table.name, short(name));
    ErrorReply { path: Some(short(parameter)), ..ErrorReply::new(ErrorCode::UnknownField, words) }
}

pub(super) fn bad(parameter: &str, words: impl Into<String>) -> ErrorReply {
    let words = format!("`{}`: {}", short(parameter), words.into());
    ErrorReply { path: Some(short(parameter)), ..ErrorReply::new(ErrorCode::BadMessage, words) }
}

/// The beginning of what a client made up.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}
