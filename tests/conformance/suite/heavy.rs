//! Edits that are much work, and edits that fail in ways of their own: neither concerns the others.

use std::time::Duration;

use rowcast::store::{
    CheckedEdit, EditError, Query,
    edit::FieldOps,
    query::{From, SortBy},
};
use rowcast_protocol::{ErrorCode, Fields, Value};
use tokio::time::Instant;

use crate::{
    bench::{Bench, board, text},
    harness::Harness,
};

/// Far more than any of this takes on a busy machine, and far less than comparing each with each.
const SOON: Duration = Duration::from_secs(4);

const TRAPS: &str = r#"
[[tables]]
name = "traps"
channel = "board:{board}"
insert = "editor"
update = "editor"
delete = "editor"
"#;

fn numbers(range: std::ops::Range<i64>) -> Vec<Value> {
    range.map(Value::Int).collect()
}

impl<H: Harness> Bench<H> {
    async fn adds(&self, items: Vec<Value>) -> Result<(), EditError> {
        let change = FieldOps { add: vec![(self.tags(), items)], ..FieldOps::default() };
        let op = self.change("cards", &Value::Int(1), change);
        self.tries("ada", &board("b"), vec![op]).await.map(drop)
    }

    fn tags(&self) -> usize {
        self.columns("cards", &[("tags", Value::Null)])[0].0
    }

    async fn tags_of(&self, key: i64) -> Vec<Value> {
        let row = self.row(&board("b"), "cards", &Value::Int(key)).await.unwrap();
        match row.get("tags") {
            Some(Value::List(items)) => items.clone(),
            Some(Value::Null) => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    /// Commits edits as often as it takes; what became of them, and how many batches it took.
    async fn commits_all(
        &self,
        edits: &[CheckedEdit],
    ) -> (Vec<Result<rowcast::store::Applied, EditError>>, usize) {
        let (mut outcomes, mut batches) = (Vec::new(), 0);
        while outcomes.len() < edits.len() {
            let committed = self.store.commit(&edits[outcomes.len()..]).await.unwrap();
            assert!(!committed.outcomes.is_empty());
            outcomes.extend(committed.outcomes);
            batches += 1;
        }
        (outcomes, batches)
    }
}

pub(crate) async fn thousands_of_items_are_added_at_once<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let began = Instant::now();
    bench.adds(numbers(0..9_000)).await.unwrap();
    bench.adds([numbers(8_000..9_500), numbers(9_400..9_600)].concat()).await.unwrap();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(bench.tags_of(1).await, numbers(0..9_600));
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn items_are_removed_from_a_long_list<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    bench.adds(numbers(0..9_000)).await.unwrap();
    let began = Instant::now();
    let change =
        FieldOps { remove: vec![(bench.tags(), numbers(3..9_500))], ..FieldOps::default() };
    bench.applies("ada", &board("b"), vec![bench.change("cards", &Value::Int(1), change)]).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(bench.tags_of(1).await, numbers(0..3));
}

pub(crate) async fn a_list_has_no_more_items_than_it_may<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    bench.adds(numbers(0..9_990)).await.unwrap();
    let head = bench.head(&board("b")).await;
    let error = bench.adds(numbers(9_980..10_001)).await.unwrap_err();
    let named = (error.code, error.table.as_deref(), error.field.as_deref());
    assert_eq!(named, (ErrorCode::TooLarge, Some("cards"), Some("tags")));
    assert!(error.message.contains("10000 items (limits.list_items)"), "{error}");
    assert_eq!(bench.head(&board("b")).await, head);
    bench.adds(numbers(9_980..10_000)).await.unwrap();
    assert_eq!(bench.tags_of(1).await.len(), 10_000);
}

pub(crate) async fn a_row_has_no_more_bytes_than_it_may<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let large = "x".repeat(40_000);
    let mut added = 0;
    let error = loop {
        let item = text(format!("{added} {large}"));
        match bench.adds(vec![item]).await {
            Ok(()) => added += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.code, error.table.as_deref()),
        (ErrorCode::TooLarge, Some("cards")),
        "{error}"
    );
    assert_eq!(bench.tags_of(1).await.len(), added);
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn a_heavy_batch_is_committed_piece_by_piece<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let long: Vec<Value> =
        (0..9_000).map(|n| text(format!("an item with the number {n}"))).collect();
    for items in long.chunks(3_000) {
        bench.adds(items.to_vec()).await.unwrap();
    }
    let edit = |n: i64| {
        let change =
            FieldOps { add: vec![(bench.tags(), vec![Value::Int(n)])], ..FieldOps::default() };
        bench.edit("ada", &board("b"), vec![bench.change("cards", &Value::Int(1), change)])
    };
    let edits: Vec<CheckedEdit> = (0..40).map(edit).collect();
    let (outcomes, _) = bench.commits_all(&edits).await;
    let mut before = 0;
    for outcome in outcomes {
        let seq = outcome.unwrap().seq;
        assert!(seq >= before, "in order");
        before = seq;
    }
    assert_eq!(bench.tags_of(1).await[9_000..], numbers(0..40));
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn whatever_one_edit_fails_of_its_neighbours_pass<H: Harness>() {
    let bench = Bench::<H>::with_tables(H::TRAP_TABLE, TRAPS).await;
    let insert = |user: &str, id: i64, said: &str| {
        let fields = [("id", Value::Int(id)), ("board", text(user)), ("said", text(said))];
        bench.edit(user, &board(user), vec![bench.insert("traps", &fields)])
    };
    for (nth, trap) in (0..).zip(H::TRAPS) {
        let edits: Vec<CheckedEdit> = (nth * 100..nth * 100 + 12)
            .map(|id| if id % 100 == 5 { insert("ada", id, trap) } else { insert("ben", id, "hi") })
            .collect();
        let (outcomes, _) = bench.commits_all(&edits).await;
        for (place, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.is_err(), place == 5, "{trap}, {place}: {outcome:?}");
        }
        let error = outcomes[5].clone().unwrap_err();
        assert!(!error.code.is_retryable(), "{trap}: {error:?}");
        assert_eq!(
            error.code == ErrorCode::TooLarge,
            *trap == "slow" || *trap == "57014",
            "{error:?}"
        );
        let (again, _) = bench.commits_all(&edits[5..6]).await;
        assert_eq!(again[0].as_ref().unwrap_err().code, error.code, "{trap} is remembered");
    }
    bench.log_gives_the_rows(&board("ben")).await;
}

pub(crate) async fn what_the_database_computes_is_read_only<H: Harness>() {
    let bench = Bench::<H>::with_tables(H::TRAP_TABLE, TRAPS).await;
    let schema = bench.store.schema();
    let table = schema.tables.iter().find(|table| table.name == "traps").unwrap();
    let readonly: Vec<&str> =
        table.columns.iter().filter(|c| c.readonly).map(|c| c.name.as_str()).collect();
    assert_eq!(readonly.len(), 2, "{readonly:?}");
    assert_eq!(readonly[0], "twice");
    let fields = [("id", Value::Int(1)), ("board", text("b")), ("n", Value::Int(21))];
    bench.applies("ada", &board("b"), vec![bench.insert("traps", &fields)]).await;
    let n = [("n", Value::Int(4))];
    bench.applies("ada", &board("b"), vec![bench.set("traps", &Value::Int(1), &n)]).await;
    let row = bench.row(&board("b"), "traps", &Value::Int(1)).await.unwrap();
    assert_eq!(row.get("twice"), Some(&Value::Int(8)));
    bench.log_gives_the_rows(&board("b")).await;
}

const LARGE_ROWS: usize = 12;

impl<H: Harness> Bench<H> {
    /// Cards of the board `b` with a megabyte each.
    async fn large_cards(&self) {
        let large = "x".repeat(1_000_000);
        for key in 1..=LARGE_ROWS {
            let sql = format!("INSERT INTO cards(id, board, title) VALUES ({key}, 'b', '{large}')");
            self.outsider().await.run(&sql).await;
        }
        self.number().await;
    }
}

fn ids(rows: &[Fields]) -> Vec<i64> {
    let id = |row: &Fields| match row.get("id") {
        Some(Value::Int(id)) => *id,
        other => panic!("{other:?}"),
    };
    rows.iter().map(id).collect()
}

pub(crate) async fn pages_of_rows_are_bounded_in_bytes<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.large_cards().await;
    let (mut place, mut found) = (None, Vec::new());
    loop {
        let page = bench.store.snapshot_page(&board("b"), place, 500).await.unwrap();
        assert!(page.rows.len() <= 1, "{}", page.rows.len());
        found.extend(ids(&page.rows));
        match page.next {
            Some(next) => place = Some(next),
            None => break,
        }
    }
    let all: Vec<i64> = (1..=i64::try_from(LARGE_ROWS).unwrap()).collect();
    assert_eq!(found, all);

    let schema = bench.store.schema();
    let (_, table) = schema.table("cards", "board").unwrap();
    let mut query = Query {
        filters: Vec::new(),
        sort: vec![SortBy { column: 0, descending: true }],
        columns: vec![0, 2],
        from: From::Start,
        limit: 60,
        total: true,
    };
    let mut found = Vec::new();
    loop {
        let page = bench.store.select(&board("b"), table, &query).await.unwrap();
        assert_eq!(page.rows.len(), 1, "one that is larger than a page still comes");
        assert_eq!(page.total, Some(LARGE_ROWS as u64));
        found.extend(ids(&page.rows));
        match page.next {
            Some(next) => query.from = From::After(next),
            None => break,
        }
    }
    assert_eq!(found, all.into_iter().rev().collect::<Vec<_>>());
    // Where only small columns are asked for, all of them fit.
    query = Query { columns: vec![0], from: From::Start, ..query };
    let page = bench.store.select(&board("b"), table, &query).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (LARGE_ROWS, None));
}

pub(crate) async fn pages_of_history_are_bounded_in_bytes<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    for n in 0..8 {
        let title = n.to_string().repeat(300_000);
        bench.outside(&format!("UPDATE cards SET title = '{title}' WHERE id = 1")).await;
    }
    let schema = bench.store.schema();
    let (_, table) = schema.table("cards", "board").unwrap();
    let (mut before, mut seqs, mut pages) = (None, Vec::new(), 0);
    loop {
        let past = bench.store.history(&board("b"), table, &[Value::Int(1)], before, 100).await;
        let past = past.unwrap();
        assert!(past.changes.len() <= 2);
        seqs.extend(past.changes.iter().map(|change| change.seq));
        pages += 1;
        match past.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    let head = bench.head(&board("b")).await.seq;
    assert_eq!(seqs, (1..=head).rev().collect::<Vec<_>>());
    assert!(pages >= 5, "{pages}");
}
