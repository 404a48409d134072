//! Questions to the rows of a table: random ones, compared with a plain evaluation of the same rows;
//! and single entries with what they replaced.

use std::{cmp::Ordering, sync::Arc};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rowcast::store::{
    LiveTable,
    query::{Filter, From, Query, Selected, SortBy, Test},
};
use rowcast_protocol::{Change, ColumnType, ErrorCode, Fields, Value};

use crate::{
    bench::{Bench, P, board, json, project, text},
    harness::Harness,
};

/// Random queries per store.
const QUERIES: usize = 250;
/// Rows that they ask.
const ROWS: i64 = 70;

/// Columns that may be compared and sorted.
const COMPARED: [&str; 9] =
    ["id", "title", "slug", "count", "weight", "price", "done", "day", "at"];

fn values(column: &str) -> Vec<Value> {
    let texts = |all: &[&str]| all.iter().map(|one| text(*one)).collect();
    match column {
        "id" => (0..6).map(|n| Value::Int(n * 13)).collect(),
        "title" => texts(&["alpha", "Alpha", "beta", "Zoë", "zoE", "a_b%c", "", "{\"x\"}"]),
        "slug" => texts(&["s7", "s12", "S7", "zzz"]),
        "count" => [0, 1, 2, 9_007_199_254_740_993].map(Value::Int).to_vec(),
        "weight" => [-1.5, 0.0, 0.1, 2.25, 1e300].map(Value::Float).to_vec(),
        "price" => texts(&["-3", "1.50", "1.5", "9.99", "10", "100.25"]),
        "done" => [true, false].map(Value::Bool).to_vec(),
        "day" => texts(&["2024-02-29", "2026-11-20", "1999-12-31"]),
        "at" => texts(&["2026-11-20T10:15:00.000000Z", "2026-11-20T10:15:00.000001Z"]),
        "raw" => vec![Value::Bytes(vec![0, 255]), Value::Bytes(Vec::new())],
        "tags" => vec![json(r#"["red", 1]"#), json(r#"["green"]"#), json("{}"), json("[]")],
        other => panic!("{other}"),
    }
}

fn one_of<T: Clone>(random: &mut StdRng, all: &[T]) -> T {
    all[random.random_range(0..all.len())].clone()
}

async fn furnished<H: Harness>(random: &mut StdRng) -> Bench<H> {
    let bench = Bench::<H>::fresh().await;
    let mut ops = Vec::new();
    for id in 0..ROWS {
        let mut fields = vec![("id", Value::Int(id)), ("board", text("b"))];
        fields.push(("title", one_of(random, &values("title"))));
        fields.push(("count", one_of(random, &values("count"))));
        if random.random_bool(0.6) {
            fields.push(("slug", text(format!("s{id}"))));
        }
        for column in ["weight", "price", "done", "day", "at", "raw", "tags"] {
            if random.random_bool(0.7) {
                fields.push((column, one_of(random, &values(column))));
            }
        }
        ops.push(bench.insert("cards", &fields));
    }
    bench.applies("ada", &board("b"), ops).await;
    bench.outside("INSERT INTO cards(id, board, title) VALUES (1000, 'elsewhere', 'alpha')").await;
    bench
}

fn cards<H: Harness>(bench: &Bench<H>) -> Arc<LiveTable> {
    let schema = bench.store.schema();
    Arc::clone(schema.tables.iter().find(|table| table.name == "cards").unwrap())
}

fn index(table: &LiveTable, name: &str) -> usize {
    table.column(name).unwrap().0
}

fn random_filter(random: &mut StdRng, table: &LiveTable) -> Filter {
    let kind = random.random_range(0..12);
    let column = match kind {
        9 => "title",
        10 => "tags",
        11 => one_of(random, &["slug", "weight", "tags", "raw"]),
        0 | 1 => one_of(random, &[COMPARED.as_slice(), &["raw"]].concat()),
        _ => one_of(random, &COMPARED),
    };
    let mut value = || one_of(random, &values(column));
    let test = match kind {
        0 => Test::Is(value()),
        1 => Test::IsNot(value()),
        2 | 3 => Test::Below(value()),
        4 => Test::AtMost(value()),
        5 => Test::Above(value()),
        6 => Test::AtLeast(value()),
        7 | 8 => Test::AmongThese(vec![value(), value()]),
        9 => Test::Contains(one_of(random, &["a", "LPH", "oë", "_", "%", "", "\"X"]).to_owned()),
        10 => Test::Holds(one_of(
            random,
            &[vec![text("red")], vec![text("1"), Value::Int(1)], vec![text("green")]],
        )),
        _ => Test::Missing(random.random_bool(0.5)),
    };
    Filter { column: index(table, column), test }
}

fn random_query(random: &mut StdRng, table: &LiveTable) -> Query {
    let mut sort: Vec<SortBy> = Vec::new();
    for _ in 0..random.random_range(0..3) {
        let by = SortBy {
            column: index(table, one_of(random, &COMPARED)),
            descending: random.random_bool(0.5),
        };
        if !sort.iter().any(|other| other.column == by.column) {
            sort.push(by);
        }
    }
    let key = index(table, "id");
    if !sort.iter().any(|by| by.column == key) {
        sort.push(SortBy { column: key, descending: random.random_bool(0.5) });
    }
    let filters = (0..random.random_range(0..3)).map(|_| random_filter(random, table)).collect();
    let mut columns: Vec<usize> =
        ["id", "title", "tags", "raw", "price"].map(|name| index(table, name)).to_vec();
    columns.truncate(random.random_range(1..=5));
    let limit = random.random_range(1..40);
    Query { filters, sort, columns, from: From::Start, limit, total: random.random_bool(0.5) }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Text(text) => text.parse().unwrap(),
        Value::Float(number) => *number,
        other => panic!("{other:?}"),
    }
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        Value::Text(text) => text.parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Two values as the wire has them, neither of them null.
fn compared(kind: ColumnType, one: &Value, other: &Value) -> Ordering {
    match (kind, one, other) {
        (ColumnType::Int, ..) => integer(one).cmp(&integer(other)),
        (ColumnType::Float | ColumnType::Decimal, ..) => number(one).total_cmp(&number(other)),
        (_, Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (_, Value::Bytes(one), Value::Bytes(other)) => one.cmp(other),
        (_, Value::Text(one), Value::Text(other)) => one.cmp(other),
        _ => panic!("{one:?} and {other:?}"),
    }
}

fn passes(table: &LiveTable, row: &Fields, filter: &Filter) -> bool {
    let column = &table.columns[filter.column];
    let value = row.get(&column.name).unwrap();
    let is = |wanted: fn(Ordering) -> bool, other: &Value| {
        !value.is_null() && wanted(compared(column.kind, value, other))
    };
    match &filter.test {
        Test::Is(other) => is(Ordering::is_eq, other),
        Test::IsNot(other) => !is(Ordering::is_eq, other),
        Test::Below(other) => is(Ordering::is_lt, other),
        Test::AtMost(other) => is(Ordering::is_le, other),
        Test::Above(other) => is(Ordering::is_gt, other),
        Test::AtLeast(other) => is(Ordering::is_ge, other),
        Test::AmongThese(others) => others.iter().any(|other| is(Ordering::is_eq, other)),
        Test::Contains(part) => value
            .as_str()
            .is_some_and(|text| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())),
        Test::Holds(items) => match value {
            Value::List(held) => held.iter().any(|item| items.contains(item)),
            _ => false,
        },
        Test::Missing(missing) => value.is_null() == *missing,
    }
}

fn sorted(table: &LiveTable, query: &Query, one: &Fields, other: &Fields) -> Ordering {
    for by in &query.sort {
        let column = &table.columns[by.column];
        let (one, other) = (one.get(&column.name).unwrap(), other.get(&column.name).unwrap());
        let order = match (one.is_null(), other.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if by.descending => compared(column.kind, other, one),
            (false, false) => compared(column.kind, one, other),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// All rows that a query finds, evaluated without a database.
fn expected(table: &LiveTable, all: &[Fields], query: &Query) -> Vec<Fields> {
    let passing = |row: &&Fields| query.filters.iter().all(|filter| passes(table, row, filter));
    let mut rows: Vec<Fields> = all.iter().filter(passing).cloned().collect();
    rows.sort_by(|one, other| sorted(table, query, one, other));
    let wanted =
        |name: &String| query.columns.iter().any(|&index| table.columns[index].name == *name);
    rows.iter_mut().for_each(|row| row.0.retain(|name, _| wanted(name)));
    rows
}

async fn ask<H: Harness>(bench: &Bench<H>, query: &Query) -> Selected {
    bench.store.select(&board("b"), &cards(bench), query).await.unwrap()
}

/// All rows of a query, page by page.
async fn paged<H: Harness>(bench: &Bench<H>, query: &Query) -> Vec<Fields> {
    let (mut query, mut rows) = (query.clone(), Vec::new());
    loop {
        let page = ask(bench, &query).await;
        assert!(page.rows.len() <= query.limit as usize);
        rows.extend(page.rows);
        match page.next {
            Some(next) => query.from = From::After(next),
            None => return rows,
        }
    }
}

pub(crate) async fn random_queries_find_what_a_plain_evaluation_finds<H: Harness>() {
    let seed = 20_261_120;
    let mut random = StdRng::seed_from_u64(seed);
    let bench = furnished::<H>(&mut random).await;
    let all: Vec<Fields> = bench.rows(&board("b")).await.rows.into_values().collect();
    assert_eq!(all.len() as i64, ROWS);
    for nth in 0..QUERIES {
        let query = random_query(&mut random, &cards(&bench));
        let expected = expected(&cards(&bench), &all, &query);
        let first = ask(&bench, &query).await;
        assert_eq!(first.head, bench.head(&board("b")).await);
        assert_eq!(first.total, query.total.then_some(expected.len() as u64), "{nth} {query:?}");
        assert_eq!(paged(&bench, &query).await, expected, "query {nth} of {seed}: {query:?}");
        let skipped = random.random_range(0..20_u32);
        let later = ask(&bench, &Query { from: From::Offset(skipped), ..query.clone() }).await;
        let rest = expected.iter().skip(skipped as usize).take(query.limit as usize);
        assert_eq!(later.rows, rest.cloned().collect::<Vec<_>>(), "{nth} {query:?}");
    }
}

pub(crate) async fn a_channel_without_rows_gives_an_empty_answer<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let table = cards(&bench);
    let sort = vec![SortBy { column: 0, descending: false }];
    let (columns, from) = (vec![0], From::Start);
    let query = Query { filters: Vec::new(), sort, columns, from, limit: 10, total: true };
    let found = bench.store.select(&board("nowhere"), &table, &query).await.unwrap();
    assert_eq!((found.rows.len(), found.next, found.total), (0, None, Some(0)));
    assert_eq!(found.head.seq, 0);
}

pub(crate) async fn an_entry_is_told_with_what_it_replaced<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "one").await;
    let change = bench.set("tasks", &task, &[("title", text("two"))]);
    let applied = bench.applies("ben", &project(P), vec![change]).await;
    let past = bench.store.entry(&project(P), applied.seq).await.unwrap().unwrap();
    assert_eq!(past.stored, bench.announced(&project(P)));
    assert!(matches!(past.stored.entry.changes[0], Change::Update(_)));
    assert_eq!(past.olds.len(), past.stored.entry.changes.len());
    assert_eq!(past.olds[0].get("title"), Some(&text("one")));
    let none = bench.store.entry(&project(P), applied.seq + 1).await.unwrap();
    assert_eq!(none, None);
}

pub(crate) async fn an_outcome_is_found_by_person_id_and_content<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "one").await;
    let set = |title: &str| vec![bench.set("tasks", &task, &[("title", text(title))])];
    let edit = bench.edit("ben", &project(P), set("two"));
    assert_eq!(bench.store.outcome(&edit).await.unwrap(), None);
    let applied = bench.commit(std::slice::from_ref(&edit)).await.outcomes.remove(0).unwrap();
    let found = bench.store.outcome(&edit).await.unwrap().unwrap().unwrap();
    assert_eq!((found.seq, found.replayed), (applied.seq, true));
    let mut other = edit.clone();
    other.hash = [9; 16];
    let conflict = bench.store.outcome(&other).await.unwrap().unwrap().unwrap_err();
    assert_eq!(conflict.code, ErrorCode::EditConflict);
    let refused = bench.edit("ben", &project(P), vec![bench.delete("tasks", &text(P))]);
    bench.commit(std::slice::from_ref(&refused)).await;
    let found = bench.store.outcome(&refused).await.unwrap().unwrap().unwrap_err();
    assert_eq!(found.code, ErrorCode::NotFound);
}
