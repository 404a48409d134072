//! The hand-made order.

use rowcast::store::{
    CheckedEdit, CheckedOp,
    edit::{CheckedPlace, FieldOps},
};
use rowcast_protocol::{ErrorCode, Value};

use crate::{
    bench::{Bench, board, tale, text},
    harness::Harness,
};

fn after(key: i64) -> CheckedPlace {
    CheckedPlace::After(vec![Value::Int(key)])
}

fn before(key: i64) -> CheckedPlace {
    CheckedPlace::Before(vec![Value::Int(key)])
}

impl<H: Harness> Bench<H> {
    async fn places(&self, key: i64, place: CheckedPlace) {
        let op = self.place(key, place);
        self.applies("ada", &board("b"), vec![op]).await;
        self.log_gives_the_rows(&board("b")).await;
    }
}

pub(crate) async fn rows_are_placed_first_and_last<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (key, pos) in [(1, Some("a0")), (2, Some("a1")), (3, None)] {
        bench.card(key, pos).await;
    }
    bench.places(2, CheckedPlace::First).await;
    assert_eq!(bench.order().await, [2, 1, 3]);
    bench.places(2, CheckedPlace::Last).await;
    assert_eq!(bench.order().await, [1, 2, 3]);
    bench.places(3, CheckedPlace::First).await;
    assert_eq!(bench.order().await, [3, 1, 2]);
    let head = bench.head(&board("b")).await;
    bench.places(3, CheckedPlace::First).await;
    assert_eq!(bench.head(&board("b")).await, head, "a row that is first already stays");
}

pub(crate) async fn rows_are_placed_after_and_before<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (key, pos) in [(1, "a0"), (2, "a1"), (3, "a2"), (4, "a3")] {
        bench.card(key, Some(pos)).await;
    }
    bench.places(4, after(1)).await;
    assert_eq!(bench.order().await, [1, 4, 2, 3]);
    bench.places(1, before(3)).await;
    assert_eq!(bench.order().await, [4, 2, 1, 3]);
    bench.places(2, before(4)).await;
    assert_eq!(bench.order().await, [2, 4, 1, 3]);
    bench.places(2, after(3)).await;
    assert_eq!(bench.order().await, [4, 1, 3, 2]);
    for n in 0..60 {
        bench.places([1, 3, 2][n % 3], after(4)).await;
    }
    assert_eq!(bench.order().await, [4, 2, 3, 1]);
    bench.places(4, after(4)).await;
    assert_eq!(bench.order().await, [4, 2, 3, 1], "a row after itself stays");
}

pub(crate) async fn rows_without_a_place_come_last<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (key, pos) in [(1, None), (2, None), (3, None), (4, Some("a0"))] {
        bench.card(key, pos).await;
    }
    assert_eq!(bench.order().await, [4, 1, 2, 3]);
    bench.places(3, CheckedPlace::Last).await;
    assert_eq!(bench.order().await, [4, 3, 1, 2]);
    bench.places(4, after(1)).await;
    assert_eq!(bench.order().await, [3, 1, 4, 2], "an anchor without a place is given one");
}

pub(crate) async fn rows_are_placed_between_the_texts_of_others<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (key, pos) in [(1, "10"), (2, "20"), (3, "30"), (5, "30")] {
        bench.card(key, Some(pos)).await;
    }
    bench.card(4, None).await;
    bench.places(4, after(1)).await;
    assert_eq!(bench.order().await, [1, 4, 2, 3, 5]);
    let told = tale(&bench.last(&board("b")).await);
    assert!(told.len() == 1 && told[0].starts_with("update cards 4 "), "{told:?}");
    bench.places(2, after(3)).await;
    assert_eq!(bench.order().await, [1, 4, 3, 2, 5]);
    let told = tale(&bench.last(&board("b")).await);
    assert!(told.len() == 2 && told.iter().all(|line| line.ends_with(" by 0")), "{told:?}");
    bench.places(5, before(3)).await;
    assert_eq!(bench.order().await, [1, 4, 5, 3, 2]);
}

pub(crate) async fn long_keys_are_rebalanced<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let long = format!("a0{}V", "0".repeat(60));
    bench.card(1, Some("a0")).await;
    bench.card(2, Some(&long)).await;
    bench.card(3, Some("a1")).await;
    bench.places(3, after(1)).await;
    assert_eq!(bench.order().await, [1, 3, 2]);
    let rows = bench.rows(&board("b")).await.rows;
    let longest = rows.values().filter_map(|row| row.get("pos")?.as_str()).map(str::len).max();
    assert!(longest.unwrap() < 10, "{rows:?}");
}

pub(crate) async fn an_anchor_must_be_in_the_channel<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, Some("a0")).await;
    bench
        .outside("INSERT INTO cards(id, board, title, pos) VALUES (2, 'elsewhere', 't', 'a0')")
        .await;
    for anchor in [2, 99] {
        let error = bench.fails("ada", &board("b"), vec![bench.place(1, after(anchor))]).await;
        assert_eq!((error.code, error.op), (ErrorCode::NotFound, Some(0)));
        assert_eq!(error.key, Some(Value::Int(anchor)), "the anchor is named");
    }
    let error = bench.fails("ada", &board("b"), vec![bench.place(99, CheckedPlace::First)]).await;
    assert_eq!((error.code, error.key), (ErrorCode::NotFound, Some(Value::Int(99))));
}

pub(crate) async fn a_new_row_takes_its_place<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let new = |key, place| {
        let fields = [("id", Value::Int(key)), ("board", text("b")), ("title", text("t"))];
        vec![bench.insert_at("cards", &fields, Some(place))]
    };
    for (key, place, order) in [
        (1, CheckedPlace::Last, vec![1]),
        (2, CheckedPlace::First, vec![2, 1]),
        (3, after(2), vec![2, 3, 1]),
        (4, before(2), vec![4, 2, 3, 1]),
        (5, CheckedPlace::Last, vec![4, 2, 3, 1, 5]),
    ] {
        bench.applies("ada", &board("b"), new(key, place)).await;
        assert_eq!(bench.order().await, order);
    }
    let change = FieldOps {
        set: bench.columns("cards", &[("title", text("moved"))]),
        place: Some(CheckedPlace::First),
        ..FieldOps::default()
    };
    bench.applies("ada", &board("b"), vec![bench.change("cards", &Value::Int(5), change)]).await;
    assert_eq!(bench.order().await, [5, 4, 2, 3, 1]);
    assert_eq!(bench.field(&board("b"), "cards", &Value::Int(5), "title").await, text("moved"));
}

pub(crate) async fn many_rows_are_placed_in_one_batch<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let edits: Vec<_> = (0..30_i64)
        .map(|key| {
            let fields = [("id", Value::Int(key)), ("board", text("b")), ("title", text("t"))];
            let place = if key == 0 { CheckedPlace::Last } else { after(0) };
            bench.edit("ada", &board("b"), vec![bench.insert_at("cards", &fields, Some(place))])
        })
        .collect();
    assert!(bench.commit(&edits).await.outcomes.iter().all(Result::is_ok));
    let expected: Vec<i64> = [0].into_iter().chain((1..30).rev()).collect();
    assert_eq!(bench.order().await, expected);
}

/// What comes of one edit, however often it takes until room is made for it.
async fn settles<H: Harness>(bench: &Bench<H>, edit: CheckedEdit) {
    for _ in 0..200 {
        let committed = bench.store.commit(std::slice::from_ref(&edit)).await.unwrap();
        bench.remember(&committed.appended);
        if let Some(outcome) = committed.outcomes.into_iter().next() {
            outcome.unwrap();
            return;
        }
    }
    panic!("no room is made");
}

/// A list with these texts, of 1,200 rows.
async fn long_list<H: Harness>(texts: &str) -> Bench<H> {
    let bench = Bench::<H>::fresh().await;
    let sql = format!(
        "INSERT INTO cards(id, board, title, pos)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         SELECT i, 'b', 't', {texts} FROM n"
    );
    bench.outside(&sql).await;
    bench
}

pub(crate) async fn a_row_is_placed_beside_any_row_of_a_long_list<H: Harness>() {
    for texts in ["NULL", "'same'", "''", "CASE WHEN i % 2 = 0 THEN 'a' ELSE 'a0' END"] {
        let bench = long_list::<H>(texts).await;
        for (place, anchor) in [(after(602), 602), (before(402), 402), (CheckedPlace::First, 0)] {
            let before = bench.head(&board("b")).await;
            let mut expected = bench.order().await;
            expected.retain(|key| *key != 1_100);
            let anchor = expected.iter().position(|key| *key == anchor).unwrap_or_default();
            let is_after = matches!(place, CheckedPlace::After(_));
            expected.insert(anchor + usize::from(is_after), 1_100);
            let op = bench.place(1_100, place);
            settles(&bench, bench.edit("ada", &board("b"), vec![op])).await;
            bench.number().await;
            assert_eq!(bench.order().await, expected, "{texts}");
            for entry in bench.after(&board("b"), before).await {
                assert!(entry.reset.is_empty() && entry.changes.len() <= 500, "{texts}");
            }
        }
    }
}

pub(crate) async fn a_refused_move_does_not_mislead_those_after_it<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (key, pos) in [(1, "a0"), (2, "a1"), (3, "a2"), (4, "a3")] {
        bench.card(key, Some(pos)).await;
    }
    let guarded = CheckedOp::Update {
        guard: bench.columns("cards", &[("title", text("another"))]),
        table: bench.place(4, CheckedPlace::First).table(),
        key: vec![Value::Int(4)],
        change: FieldOps { place: Some(CheckedPlace::First), ..FieldOps::default() },
    };
    let gone = bench.delete_if("cards", &Value::Int(2), &[("title", text("another"))]);
    let ops = [guarded, bench.place(1, after(4)), gone, bench.place(3, before(2))];
    let edits: Vec<_> =
        ops.into_iter().map(|op| bench.edit("ada", &board("b"), vec![op])).collect();
    let outcomes = bench.commit(&edits).await.outcomes;
    let applied: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(applied, [false, true, false, true], "{outcomes:?}");
    assert_eq!(bench.order().await, [3, 2, 4, 1]);
    // The same edits again move nothing, and a new one among them goes where it says.
    let mut again = edits;
    again.push(bench.edit("ada", &board("b"), vec![bench.place(4, after(3))]));
    assert!(bench.commit(&again).await.outcomes[4].is_ok());
    assert_eq!(bench.order().await, [3, 4, 2, 1]);
}

pub(crate) async fn the_operations_of_an_edit_see_each_others_places<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (key, pos) in [(1, Some("x")), (2, Some("x")), (3, None), (4, None)] {
        bench.card(key, pos).await;
    }
    let new = |key, place| {
        let fields = [("id", Value::Int(key)), ("board", text("b")), ("title", text("t"))];
        bench.insert_at("cards", &fields, place)
    };
    let set = bench.set("cards", &Value::Int(4), &[("pos", text("x"))]);
    let ops = vec![
        new(5, None),
        bench.place(1, after(5)),
        set,
        bench.place(3, before(4)),
        bench.delete("cards", &Value::Int(2)),
        new(6, Some(after(4))),
        new(7, Some(CheckedPlace::Last)),
    ];
    bench.applies("ada", &board("b"), ops).await;
    let order = bench.order().await;
    assert_eq!(order, [3, 4, 6, 5, 1, 7]);
    bench.log_gives_the_rows(&board("b")).await;
}
