//! What goes out comes back in: values of every type, as a client has them in either encoding, in
//! guards, filters, pages, writes, undo and restoring.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rowcast::{
    commit::Checker,
    reads::Reads,
    store::{Applied, EditError, values::accept::accepted},
};
use rowcast_protocol::{
    ChannelName, Codec, ColumnType, Edit, EditId, Fields, Op, Role, Value,
    request::{Delete, Update},
};
use uuid::Uuid;

use crate::{bench::Bench, harness::Harness};

/// A type of the database and values of it, as SQL has them.
pub(crate) type Samples = (&'static str, &'static [&'static str]);

const DECLARED: &str = r#"
[[tables]]
name = "forms"
channel = "forms:{board}"
insert = "editor"
update = "editor"
delete = "editor"
"#;

fn channel() -> ChannelName {
    ChannelName::new("forms:b").unwrap()
}

fn key(id: usize) -> Value {
    Value::Int(i64::try_from(id).unwrap())
}

/// A person who edits with what was read.
struct Person<'a, H> {
    bench: &'a Bench<H>,
    checker: Checker,
    reads: Reads,
    edits: AtomicU64,
}

impl<'a, H: Harness> Person<'a, H> {
    fn at(bench: &'a Bench<H>) -> Self {
        let (checker, reads) = (Checker::new(bench.store.clone()), Reads::new(bench.store.clone()));
        Self { bench, checker, reads, edits: AtomicU64::new(1) }
    }

    fn id(&self) -> EditId {
        EditId(Uuid::from_u128(u128::from(self.edits.fetch_add(1, Ordering::Relaxed)) << 64))
    }

    async fn edits(&self, op: Op) -> Result<Applied, EditError> {
        let edit = Edit { id: self.id(), channel: channel(), ops: vec![op] };
        let checked = self.checker.edit(&Arc::from("ada"), Role::Editor, &edit)?;
        self.bench.commit(&[checked]).await.outcomes.remove(0)
    }

    async fn undoes(&self, applied: Applied) -> Result<Applied, EditError> {
        let past = self.bench.store.entry(&channel(), applied.seq).await.unwrap().unwrap();
        let user = Arc::from("ada");
        let edit = self.checker.undo(&user, Role::Editor, &channel(), self.id(), &past)?;
        self.bench.commit(&[edit]).await.outcomes.remove(0)
    }

    async fn list(&self, parameters: &[(&str, &str)]) -> (Vec<Fields>, Option<String>) {
        let owned: Vec<(String, String)> =
            parameters.iter().map(|(n, text)| ((*n).to_owned(), (*text).to_owned())).collect();
        let listed = self.reads.list(&channel(), "forms", &owned).await;
        let listed = listed.unwrap_or_else(|error| panic!("{parameters:?}: {error:?}"));
        (listed.items, listed.next)
    }

    async fn row(&self, id: usize) -> Fields {
        self.list(&[("id", &id.to_string())]).await.0.pop().expect("the row is there")
    }
}

/// The fields as a client has them that speaks this encoding.
fn seen(codec: Codec, row: &Fields) -> Fields {
    codec.decode(&codec.encode(row)).unwrap()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => serde_json::to_string(other).unwrap().trim_matches('"').to_owned(),
    }
}

/// Makes a table with a column of every type and a row for every value, and does with each value what
/// clients do with what they were sent.
pub(crate) async fn all_come_back<H: Harness>(before: &str, samples: &[Samples]) {
    let columns: Vec<String> =
        samples.iter().enumerate().map(|(n, (sql, _))| format!("c{n} {sql}")).collect();
    let sql = format!(
        "{before} CREATE TABLE forms (id BIGINT PRIMARY KEY, board TEXT NOT NULL, note TEXT, {});",
        columns.join(", ")
    );
    let bench = Bench::<H>::with_tables(&sql, DECLARED).await;
    let of_value = samples
        .iter()
        .enumerate()
        .flat_map(|(n, (_, all))| all.iter().map(move |literal| (n, *literal)).collect::<Vec<_>>());
    let all: Vec<(usize, &str)> = of_value.collect();
    let inserts = all.iter().enumerate().map(|(id, (column, literal))| {
        format!(
            "INSERT INTO forms (id, board, note, c{column}) VALUES ({id}, 'b', 'n', {literal});"
        )
    });
    bench.outside(&inserts.collect::<String>()).await;
    bench.log_gives_the_rows(&channel()).await;
    let person = Person::at(&bench);
    for (id, (column, literal)) in all.iter().enumerate() {
        let what = format!("{} {literal}", samples[*column].0);
        comes_back(&person, id, &format!("c{column}"), &what).await;
    }
    for (column, (sql, _)) in samples.iter().enumerate() {
        let of_column = |(id, (of, _)): (usize, &(usize, &str))| (*of == column).then_some(id);
        let ids: Vec<usize> = all.iter().enumerate().filter_map(of_column).collect();
        is_paged(&person, &format!("c{column}"), &ids, sql).await;
    }
    bench.log_gives_the_rows(&channel()).await;
}

async fn comes_back<H: Harness>(person: &Person<'_, H>, id: usize, column: &str, what: &str) {
    let row = person.row(id).await;
    let value = row.get(column).unwrap().clone();
    assert!(!value.is_null(), "{what}");
    let table = |op: Update| Op::Update(Update { table: "forms".to_owned(), key: key(id), ..op });
    for codec in Codec::ALL {
        let seen = seen(codec, &row);
        let own: Fields = [(column, seen.get(column).unwrap().clone())].into_iter().collect();
        // What does not fit its column is known, but not taken as a new value.
        let set = if fits(person, column, &value) { own.clone() } else { Fields::new() };
        let op = table(Update { set, guard: seen, ..Update::default() });
        let before = person.bench.head(&channel()).await.seq;
        let applied = person.edits(op).await.unwrap_or_else(|e| panic!("{what} {value:?}: {e:?}"));
        // PostgreSQL keeps `json` as it was spelled, and the spelling may change.
        if !what.starts_with("json ") {
            assert_eq!(applied.seq, before, "{what}: {value:?} written back changed something");
        }
        let gone: Fields = [(column, Value::Null)].into_iter().collect();
        let op = table(Update { set: gone, guard: own.clone(), ..Update::default() });
        let emptied = person.edits(op).await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        person.undoes(emptied).await.unwrap_or_else(|e| panic!("{what} {value:?}: {e:?}"));
        assert_eq!(person.row(id).await, row, "{what}: undone in {codec:?}");
        let op = Op::Delete(Delete { table: "forms".to_owned(), key: key(id), guard: own });
        let deleted = person.edits(op).await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let restored = person.undoes(deleted).await;
        let restored = restored.unwrap_or_else(|e| panic!("{what} {value:?}: {e:?}"));
        assert_eq!(person.row(id).await, row, "{what}: restored in {codec:?}");
        let past = person.bench.store.entry(&channel(), restored.seq).await.unwrap().unwrap();
        assert_eq!(past.stored.entry.edits.len(), 1, "{what}: the entry names its edit");
    }
    if !is_compared(person, column) || !fits(person, column, &value) {
        return;
    }
    let (text, n) = (text_of(&value), id.to_string());
    let quoted = format!("\"{}\"", text.replace('"', "\"\""));
    for (test, operand, holds) in [
        ("eq", &text, true),
        ("in", &quoted, true),
        ("ne", &text, false),
        ("lt", &text, false),
        ("gte", &text, true),
    ] {
        let test = format!("{column}.{test}");
        let (found, _) = person.list(&[("id", &n), (&test, operand)]).await;
        assert_eq!(found.len(), usize::from(holds), "{what}: {test}={operand}");
    }
}

fn fits<H: Harness>(person: &Person<'_, H>, column: &str, value: &Value) -> bool {
    let schema = person.checker.schema();
    let (_, table) = schema.table("forms", "forms").unwrap();
    accepted(table.column(column).unwrap().1, value).is_some()
}

fn is_compared<H: Harness>(person: &Person<'_, H>, column: &str) -> bool {
    let schema = person.checker.schema();
    let (_, table) = schema.table("forms", "forms").unwrap();
    let kind = table.column(column).unwrap().1.kind;
    !matches!(kind, ColumnType::Json | ColumnType::List)
}

/// The rows that have a value in a column, in pages of one.
async fn is_paged<H: Harness>(person: &Person<'_, H>, column: &str, ids: &[usize], what: &str) {
    if !is_compared(person, column) {
        return;
    }
    for sort in [column.to_owned(), format!("-{column}")] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let present = format!("{column}.null");
            let mut parameters =
                vec![(present.as_str(), "false"), ("sort", sort.as_str()), ("limit", "1")];
            parameters.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let (rows, next) = person.list(&parameters).await;
            found.extend(rows.iter().map(|row| row.get("id").unwrap().clone()));
            assert!(found.len() <= ids.len(), "{what}: a row comes twice: {found:?}");
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        found.sort_by_key(text_of);
        let mut expected: Vec<Value> = ids.iter().map(|id| key(*id)).collect();
        expected.sort_by_key(text_of);
        assert_eq!(found, expected, "{what} by {sort}");
    }
}
