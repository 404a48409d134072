//! A [`Query`] as SQL, once for both databases: what differs between them is a [`Dialect`]. Names come
//! from the schema and values are bound, so no text of a client becomes SQL.

use rowcast_protocol::Value;

use super::{
    LiveColumn, LiveTable,
    query::{Filter, From, Query, SortBy, Test},
};

/// How a database compares.
pub(super) trait Dialect {
    /// A column of the table `t`, as it is compared and sorted.
    fn column(&self, column: &LiveColumn) -> String;
    /// Binds a value that is compared with a column; the operand's SQL.
    fn bind(&mut self, column: &LiveColumn, value: &Value) -> String;
    /// Whether a column has one of these values, at least one.
    fn is_one_of(&mut self, column: &LiveColumn, values: &[Value]) -> String {
        let values: Vec<String> = values.iter().map(|value| self.bind(column, value)).collect();
        let own = self.column(column);
        match values.as_slice() {
            [one] => format!("{own} = {one}"),
            _ => format!("{own} IN ({})", values.join(", ")),
        }
    }
    /// A condition that an index serves and that all rows meet which pass the test, as `… AND `.
    fn near(&mut self, _: &LiveColumn, _: &Test) -> String {
        String::new()
    }
    /// Whether a column's text has this in it.
    fn contains(&mut self, column: &LiveColumn, text: &str) -> String;
    /// Whether a column's list has one of these items.
    fn holds(&mut self, column: &LiveColumn, items: &[Value]) -> String;
}

/// The filters, as ` AND …`.
pub(super) fn filters(dialect: &mut impl Dialect, table: &LiveTable, query: &Query) -> String {
    let tests = query.filters.iter().filter_map(|filter| {
        let column = table.columns.get(filter.column)?;
        Some(format!(" AND ({})", test(dialect, column, filter)))
    });
    tests.collect()
}

/// Where the answer begins, as ` AND …`.
pub(super) fn beginning(dialect: &mut impl Dialect, table: &LiveTable, query: &Query) -> String {
    let From::After(values) = &query.from else { return String::new() };
    let keys: Vec<SortKey> = query
        .sort
        .iter()
        .zip(values)
        .filter_map(|(by, value)| SortKey::new(dialect, table, *by, value))
        .collect();
    let later = (0..keys.len()).filter_map(|place| {
        let (same, rest) = keys.split_at_checked(place)?;
        let beyond = rest.first()?.beyond()?;
        let same = same.iter().map(SortKey::same);
        Some(format!("({})", same.chain([beyond]).collect::<Vec<_>>().join(" AND ")))
    });
    let later: Vec<String> = later.collect();
    if later.is_empty() {
        " AND 1 = 0".to_owned()
    } else {
        format!(" AND ({})", later.join(" OR "))
    }
}

/// The order, as `ORDER BY …`.
pub(super) fn order(dialect: &impl Dialect, table: &LiveTable, query: &Query) -> String {
    let by = query.sort.iter().filter_map(|by| {
        let column = table.columns.get(by.column)?;
        let direction = if by.descending { " DESC" } else { "" };
        let nulls = if column.nullable { " NULLS LAST" } else { "" };
        Some(format!("{}{direction}{nulls}", dialect.column(column)))
    });
    format!("ORDER BY {}", by.collect::<Vec<_>>().join(", "))
}

fn test(dialect: &mut impl Dialect, column: &LiveColumn, filter: &Filter) -> String {
    let own = dialect.column(column);
    let near = dialect.near(column, &filter.test);
    let exact = exact(dialect, column, filter, &own);
    if near.is_empty() { exact } else { format!("{near}({exact})") }
}

fn exact(dialect: &mut impl Dialect, column: &LiveColumn, filter: &Filter, own: &str) -> String {
    match &filter.test {
        Test::Is(value) => dialect.is_one_of(column, std::slice::from_ref(value)),
        Test::IsNot(value) => {
            let same = dialect.is_one_of(column, std::slice::from_ref(value));
            format!("{own} IS NULL OR NOT ({same})")
        }
        Test::Below(value) => format!("{own} < {}", dialect.bind(column, value)),
        Test::AtMost(value) => format!("{own} <= {}", dialect.bind(column, value)),
        Test::Above(value) => format!("{own} > {}", dialect.bind(column, value)),
        Test::AtLeast(value) => format!("{own} >= {}", dialect.bind(column, value)),
        Test::AmongThese(values) if values.is_empty() => "1 = 0".to_owned(),
        Test::AmongThese(values) => dialect.is_one_of(column, values),
        Test::Contains(text) => dialect.contains(column, text),
        Test::Holds(items) => dialect.holds(column, items),
        Test::Missing(true) => format!("{own} IS NULL"),
        Test::Missing(false) => format!("{own} IS NOT NULL"),
    }
}

/// One column of the sort, and the value after whose row the answer begins.
struct SortKey {
    own: String,
    /// `None`: the row has no value here.
    value: Option<String>,
    descending: bool,
    nullable: bool,
}

impl SortKey {
    fn new(
        dialect: &mut impl Dialect,
        table: &LiveTable,
        by: SortBy,
        value: &Value,
    ) -> Option<Self> {
        let column = table.columns.get(by.column)?;
        let value = (!value.is_null()).then(|| dialect.bind(column, value));
        let own = dialect.column(column);
        Some(Self { own, value, descending: by.descending, nullable: column.nullable })
    }

    fn same(&self) -> String {
        match &self.value {
            Some(value) => format!("{} = {value}", self.own),
            None => format!("{} IS NULL", self.own),
        }
    }

    /// Nothing comes after rows without a value, they are last.
    fn beyond(&self) -> Option<String> {
        let value = self.value.as_ref()?;
        let sign = if self.descending { "<" } else { ">" };
        let beyond = format!("{} {sign} {value}", self.own);
        Some(if self.nullable { format!("({beyond} OR {} IS NULL)", self.own) } else { beyond })
    }
}
