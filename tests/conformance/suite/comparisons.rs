//! How values compare: the cases with which clients are tested too, asked of the filters and the
//! orders of lists.

use rowcast::{reads::Reads, store::values::accept::accepted};
use rowcast_protocol::{ChannelName, ColumnType, Fields, Value};
use serde::Deserialize;

use crate::{bench::Bench, harness::Harness};

const CORPUS: &str = include_str!("../../../protocol/fixtures/comparisons.json");

#[derive(Deserialize)]
struct Corpus {
    cases: Vec<Case>,
    orders: Vec<Order>,
}

#[derive(Debug, Deserialize)]
struct Case {
    #[serde(rename = "type")]
    kind: ColumnType,
    value: Value,
    op: String,
    operand: Value,
    holds: bool,
}

#[derive(Debug, Deserialize)]
struct Order {
    #[serde(rename = "type")]
    kind: ColumnType,
    ascending: Vec<Vec<Value>>,
}

/// The column of the table `kinds` for a type; lists stand in no table that both databases have.
fn column(kind: ColumnType) -> Option<&'static str> {
    Some(match kind {
        ColumnType::Bool => "b",
        ColumnType::Int => "i",
        ColumnType::Float => "f",
        ColumnType::Decimal => "dec",
        ColumnType::Text => "t",
        ColumnType::Uuid => "u",
        ColumnType::Date => "d",
        ColumnType::Time => "tm",
        ColumnType::Timestamp => "ts",
        ColumnType::Bytes => "bytes",
        ColumnType::Json => "j",
        ColumnType::List | ColumnType::Other => return None,
    })
}

/// An operand as it stands behind the `=`.
fn text_of(operand: &Value) -> String {
    match operand {
        Value::Text(text) => text.clone(),
        Value::List(items) => {
            let quoted = |item: &Value| format!("\"{}\"", text_of(item).replace('"', "\"\""));
            items.iter().map(quoted).collect::<Vec<_>>().join(",")
        }
        other => serde_json::to_string(other).unwrap(),
    }
}

/// A row of `kinds` that holds this value.
async fn holds<H: Harness>(
    bench: &Bench<H>,
    id: i64,
    channel: &ChannelName,
    name: &str,
    v: &Value,
) {
    let table = bench.store.schema().table("kinds", "kinds").map(|(_, table)| table.clone());
    let table = table.unwrap();
    let column = table.column(name).unwrap().1;
    let mut fields = vec![("id", Value::Int(id)), ("place", channel.id().into())];
    if !v.is_null() {
        fields.push((name, accepted(column, v).unwrap_or_else(|| panic!("{name}: {v:?}"))));
    }
    bench.applies("ada", channel, vec![bench.insert("kinds", &fields)]).await;
}

async fn asked<H: Harness>(
    bench: &Bench<H>,
    channel: &ChannelName,
    parameters: &[(&str, &str)],
) -> (Vec<Fields>, Option<String>) {
    let owned: Vec<(String, String)> =
        parameters.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let listed = Reads::new(bench.store.clone()).list(channel, "kinds", &owned).await;
    let listed = listed.unwrap_or_else(|error| panic!("{parameters:?}: {error:?}"));
    (listed.items, listed.next)
}

pub(crate) async fn filters_hold_as_the_cases_say<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let corpus: Corpus = serde_json::from_str(CORPUS).unwrap();
    let channel = ChannelName::new("kinds:cases").unwrap();
    let mut ids: Vec<(ColumnType, Value)> = Vec::new();
    for case in &corpus.cases {
        let Some(name) = column(case.kind) else { continue };
        let place = (case.kind, case.value.clone());
        let id = match ids.iter().position(|known| *known == place) {
            Some(id) => id,
            None => {
                ids.push(place);
                let id = ids.len() - 1;
                holds(&bench, i64::try_from(id).unwrap(), &channel, name, &case.value).await;
                id
            }
        };
        let (id, test) = (id.to_string(), format!("{name}.{}", case.op));
        let operand = text_of(&case.operand);
        let (rows, _) = asked(&bench, &channel, &[("id", &id), (&test, &operand)]).await;
        assert_eq!(!rows.is_empty(), case.holds, "{case:?}");
    }
    bench.log_gives_the_rows(&channel).await;
}

pub(crate) async fn pages_of_every_order_have_each_row_once<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let corpus: Corpus = serde_json::from_str(CORPUS).unwrap();
    for (nth, order) in (1_i64..).zip(&corpus.orders) {
        let Some(name) = column(order.kind) else { continue };
        let channel = ChannelName::new(&format!("kinds:order-{name}")).unwrap();
        let ranked = order.ascending.iter().enumerate();
        let ranked: Vec<(usize, &Value)> =
            ranked.flat_map(|(rank, group)| group.iter().map(move |value| (rank, value))).collect();
        for (place, (_, value)) in ranked.iter().enumerate() {
            // Ids that are in another order than the values.
            let id = nth * 1_000 + i64::try_from(ranked.len() - 1 - place).unwrap();
            holds(&bench, id, &channel, name, value).await;
        }
        for (sort, down) in [(name.to_owned(), false), (format!("-{name}"), true)] {
            let ranks = ranks_in_pages(&bench, &channel, &sort, &ranked, nth).await;
            let mut expected: Vec<usize> = ranked.iter().map(|(rank, _)| *rank).collect();
            if down {
                let last = expected.pop().unwrap();
                expected.reverse();
                expected.push(last);
            }
            assert_eq!(ranks, expected, "{sort}");
        }
    }
}

/// The ranks of the rows of a channel in an order, read in small pages.
async fn ranks_in_pages<H: Harness>(
    bench: &Bench<H>,
    channel: &ChannelName,
    sort: &str,
    ranked: &[(usize, &Value)],
    nth: i64,
) -> Vec<usize> {
    let (mut ranks, mut cursor) = (Vec::new(), None);
    loop {
        let mut parameters = vec![("sort", sort), ("limit", "2"), ("fields", "id")];
        parameters.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let (rows, next) = asked(bench, channel, &parameters).await;
        for row in rows {
            let Some(Value::Int(id)) = row.get("id") else { panic!("{row:?}") };
            let place = usize::try_from(id - nth * 1_000).unwrap();
            ranks.push(ranked[ranked.len() - 1 - place].0);
        }
        assert!(ranks.len() <= ranked.len(), "{sort}: a row comes twice: {ranks:?}");
        match next {
            Some(next) => cursor = Some(next),
            None => return ranks,
        }
    }
}
