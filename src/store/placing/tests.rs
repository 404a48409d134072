//! Moves in orders with any texts, against a list that is moved in plainly.

use std::{collections::HashSet, convert::Infallible};

use futures_util::FutureExt as _;
use proptest::prelude::*;
use rowcast_protocol::{ColumnType, Value};

use super::{
    Arrangement, FAR, Named, Place, Placement, Placing, Reader, Span, keys::compare, place,
    reader::Part, room,
};
use crate::store::{ColumnForm, LiveColumn, LiveTable, edit::CheckedPlace};

const KINDS: [ColumnType; 1] = [ColumnType::Int];

fn table() -> LiveTable {
    let column = |name: &str, kind| LiveColumn {
        name: name.to_owned(),
        kind,
        sql_type: String::new(),
        form: ColumnForm::default(),
        made_type: false,
        nullable: true,
        has_default: false,
        generated: false,
        readonly: false,
        values: Vec::new(),
        hidden: false,
    };
    LiveTable {
        name: "cards".to_owned(),
        channel_kind: "board".to_owned(),
        channel_column: 0,
        key: vec![1],
        order: Some(2),
        author: None,
        editor: None,
        insert: None,
        update: None,
        delete: None,
        relations: Vec::new(),
        references: Vec::new(),
        columns: vec![
            column("board", ColumnType::Text),
            column("id", ColumnType::Int),
            column("pos", ColumnType::Text),
        ],
    }
}

/// A database of rows by their numbers.
#[derive(Debug, Clone, Default)]
struct Rows {
    rows: Vec<(i64, Option<String>)>,
    /// How many rows were read.
    read: usize,
}

impl Rows {
    fn of(texts: impl IntoIterator<Item = Option<String>>) -> Self {
        let rows = (1..).zip(texts).collect();
        let mut rows = Self { rows, read: 0 };
        rows.sort();
        rows
    }

    fn sort(&mut self) {
        self.rows.sort_by_cached_key(|(key, text)| (text.is_none(), text.clone(), *key));
    }

    fn order(&self) -> Vec<i64> {
        self.rows.iter().map(|(key, _)| *key).collect()
    }

    fn placed(&self) -> usize {
        self.rows.iter().filter(|(_, text)| text.is_some()).count()
    }

    fn write(&mut self, key: i64, text: &str) {
        self.rows.retain(|(other, _)| *other != key);
        self.rows.push((key, Some(text.to_owned())));
    }

    fn write_all(&mut self, texts: &[(Vec<Value>, String)]) {
        for (key, text) in texts {
            self.write(number(key), text);
        }
        self.sort();
    }
}

fn number(key: &[Value]) -> i64 {
    match key {
        [Value::Int(number)] => *number,
        other => panic!("no key: {other:?}"),
    }
}

fn key(number: i64) -> Vec<Value> {
    vec![Value::Int(number)]
}

impl Reader for Rows {
    type Error = Infallible;

    async fn text(&mut self, key: &[Value]) -> Result<Option<Option<String>>, Infallible> {
        let found = self.rows.iter().find(|(row, _)| *row == number(key));
        Ok(found.map(|(_, text)| text.clone()))
    }

    async fn rows(&mut self, span: &Span<'_>) -> Result<Vec<Place>, Infallible> {
        let back = span.backwards;
        let beyond = |order: std::cmp::Ordering| if back { order.is_lt() } else { order.is_gt() };
        let fits = |(row, text): &&(i64, Option<String>)| match (span.part, text.as_deref()) {
            (Part::Placed, text) => text.is_some(),
            (Part::From(from), Some(text)) => text == from || beyond(text.cmp(from)),
            (Part::Beyond(from), Some(text)) => beyond(text.cmp(from)),
            (Part::BeyondRow(from, given), Some(text)) => {
                beyond(text.cmp(from).then_with(|| compare(&KINDS, &key(*row), given)))
            }
            (Part::Unplaced, text) => text.is_none(),
            (Part::UnplacedBeyond(given), None) => beyond(compare(&KINDS, &key(*row), given)),
            _ => false,
        };
        let row = |(row, text): &(i64, Option<String>)| Named::new(key(*row)).at(text.clone());
        let mut found: Vec<Place> = self.rows.iter().filter(fits).map(row).collect();
        if back {
            found.reverse();
        }
        found.truncate(span.limit);
        self.read += found.len();
        Ok(found)
    }
}

/// One move in an arrangement; the database is not written to.
fn try_move(known: &mut Arrangement, rows: &mut Rows, row: i64, at: &CheckedPlace) -> Placing {
    let row = known.named(&key(row));
    let Ok(placing) = place(known, rows, &row, at).now_or_never().unwrap();
    placing
}

/// Moves a row, making room as often as it takes; what was written last, and how many steps it took.
fn moves(rows: &mut Rows, row: i64, at: &CheckedPlace) -> (Placement, usize) {
    for steps in 0..10_000 {
        match try_move(&mut Arrangement::new(&table()), rows, row, at) {
            Placing::Done(placement) => {
                write(rows, row, &placement);
                return (placement, steps);
            }
            Placing::NoRoom => {
                let before = rows.order();
                let Ok(texts) = room::step(rows, at).now_or_never().unwrap();
                assert!(!texts.is_empty() && texts.len() <= 2 * room::STEP);
                rows.write_all(&texts);
                assert_eq!(rows.order(), before, "making room moves nothing");
            }
            Placing::NoAnchor => panic!("there is an anchor"),
        }
    }
    panic!("no room is made");
}

fn write(rows: &mut Rows, row: i64, placement: &Placement) {
    if let Some(text) = &placement.text {
        rows.write(row, text);
    }
    rows.write_all(&placement.others);
}

/// What people mean by it.
fn moved(order: &[i64], placed: usize, row: i64, at: &CheckedPlace) -> Vec<i64> {
    let mut order = order.to_vec();
    let was = order.iter().position(|other| *other == row);
    if let CheckedPlace::After(anchor) | CheckedPlace::Before(anchor) = at
        && number(anchor) == row
    {
        return order;
    }
    order.retain(|other| *other != row);
    let find = |anchor: &[Value]| order.iter().position(|o| *o == number(anchor)).unwrap();
    let index = match at {
        CheckedPlace::First => 0,
        CheckedPlace::Last => placed - usize::from(was.is_some_and(|was| was < placed)),
        CheckedPlace::After(anchor) => find(anchor) + 1,
        CheckedPlace::Before(anchor) => find(anchor),
    };
    order.insert(index, row);
    order
}

#[test]
fn a_move_in_a_long_list_looks_at_neighbours_only_and_writes_one_row() {
    let texts = crate::store::order::keys_between(None, None, 20_000).unwrap();
    let mut rows = Rows::of(texts.into_iter().map(Some));
    for at in [
        CheckedPlace::First,
        CheckedPlace::Last,
        CheckedPlace::After(key(10_000)),
        CheckedPlace::Before(key(15_000)),
    ] {
        rows.read = 0;
        let (placement, steps) = moves(&mut rows, 7, &at);
        assert!(placement.text.is_some());
        assert_eq!((placement.others.len(), steps), (0, 0), "{at:?}");
        assert!(rows.read < 200, "{} rows were read", rows.read);
    }
}

#[test]
fn rows_beside_those_without_a_text_end_where_they_are_put() {
    let mut rows = Rows::of((0..3_000).map(|_| None));
    let expected = moved(&rows.order(), 0, 2_900, &CheckedPlace::After(key(1_500)));
    let (placement, steps) = moves(&mut rows, 2_900, &CheckedPlace::After(key(1_500)));
    assert_eq!(rows.order(), expected);
    assert!(placement.others.len() <= FAR, "the last step is small");
    assert_eq!((steps, rows.placed()), (3, 1_501), "no row behind it is touched");
    let (placement, steps) = moves(&mut rows, 5, &CheckedPlace::Before(key(1_500)));
    assert_eq!((placement.others.len(), steps), (0, 0), "there is room now");
}

#[test]
fn many_rows_with_one_text_make_room_from_both_ends() {
    for (text, most) in [("same", 2), ("", 6)] {
        let mut rows = Rows::of((0..3_000).map(|_| Some(text.to_owned())));
        let at = CheckedPlace::Before(key(700));
        let expected = moved(&rows.order(), 3_000, 2_000, &at);
        let (_, steps) = moves(&mut rows, 2_000, &at);
        assert_eq!(rows.order(), expected, "{text:?}");
        assert!(steps <= 2 * most, "{text:?} took {steps} steps");
    }
}

#[test]
fn texts_with_a_long_beginning_stay_as_long() {
    let long = "x".repeat(60);
    let mut rows = Rows::of((10..40).map(|n| Some(format!("{long}{n}"))));
    for _ in 0..400 {
        let (placement, _) = moves(&mut rows, 20, &CheckedPlace::After(key(3)));
        assert!(placement.others.len() <= FAR);
        moves(&mut rows, 21, &CheckedPlace::After(key(3)));
    }
    let longest = rows.rows.iter().filter_map(|(_, text)| text.as_ref()).map(String::len).max();
    assert!(longest.unwrap() <= 192, "{longest:?}");
}

#[test]
fn moving_to_one_place_again_and_again_keeps_texts_short_and_writes_few() {
    let mut rows = Rows::of((1..100).map(|n| Some(format!("a{}", char::from(b'0' + n % 10)))));
    let mut written = 0;
    for n in 0..2_000 {
        let (placement, _) = moves(&mut rows, 50 + n % 40, &CheckedPlace::After(key(9)));
        written += 1 + placement.others.len();
    }
    assert!(written < 2_000 * 4, "{written} rows were written");
    let longest = rows.rows.iter().filter_map(|(_, text)| text.as_ref()).map(String::len).max();
    assert!(longest.unwrap() <= crate::store::order::LONG_KEY);
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        2 => Just(None),
        2 => Just(Some("a0".to_owned())),
        1 => "[0!aV]{0,3}".prop_map(Some),
        1 => "[a-zA-Z0-9é ]{0,8}".prop_map(Some),
        1 => (0..40_usize).prop_map(|n| Some(format!("a0{}V", "0".repeat(n * 2)))),
    ]
}

fn any_place(rows: i64) -> impl Strategy<Value = CheckedPlace> {
    prop_oneof![
        Just(CheckedPlace::First),
        Just(CheckedPlace::Last),
        (1..=rows).prop_map(|anchor| CheckedPlace::After(key(anchor))),
        (1..=rows).prop_map(|anchor| CheckedPlace::Before(key(anchor))),
    ]
}

/// The texts of rows, and batches of moves.
type Plan = (Vec<Option<String>>, Vec<Vec<(i64, CheckedPlace)>>);

fn any_plan() -> impl Strategy<Value = Plan> {
    prop::collection::vec(any_text(), 2..60).prop_flat_map(|texts| {
        let rows = i64::try_from(texts.len()).unwrap();
        let batch = prop::collection::vec((1..=rows, any_place(rows)), 1..6);
        (Just(texts), prop::collection::vec(batch, 1..5))
    })
}

proptest! {
    #[test]
    fn the_order_is_what_was_asked_for((texts, batches) in any_plan()) {
        let mut rows = Rows::of(texts);
        for batch in batches {
            let mut known = Arrangement::new(&table());
            let mut written = rows.clone();
            for (row, at) in batch {
                let expected = moved(&written.order(), written.placed(), row, &at);
                let placing = try_move(&mut known, &mut rows, row, &at);
                let Placing::Done(placement) = placing else { panic!("{placing:?}") };
                let others: HashSet<String> =
                    placement.others.iter().map(|(key, _)| format!("{key:?}")).collect();
                prop_assert_eq!(others.len(), placement.others.len());
                write(&mut written, row, &placement);
                prop_assert_eq!(written.order(), expected, "{} to {:?}", row, at);
            }
            rows = written;
        }
    }
}
