//! Hostile edits: whatever a client sends is answered, and what passes is in normal form.

use proptest::prelude::*;
use rowcast_protocol::{
    ChannelName, EditId, Op, Place,
    request::{Delete, Insert, Move, Update},
};

use super::*;
use crate::store::values::accept;

const KINDS: [ColumnType; 13] = [
    ColumnType::Bool,
    ColumnType::Int,
    ColumnType::Float,
    ColumnType::Decimal,
    ColumnType::Text,
    ColumnType::Uuid,
    ColumnType::Date,
    ColumnType::Time,
    ColumnType::Timestamp,
    ColumnType::Bytes,
    ColumnType::Json,
    ColumnType::List,
    ColumnType::Other,
];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just(PROJECT.to_owned()),
        Just(TASK.to_owned()),
        "[-+]?[0-9]{0,25}(\\.[0-9]{0,10})?",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        "[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{0,12})?)?",
        "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,10})?([Zz]|[-+][0-9]{2}:[0-9]{2})?",
        "[A-Za-z0-9+/]{0,8}={0,2}",
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        texts().prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Map(Fields(members))),
        ]
    })
}

fn names() -> impl Strategy<Value = String> {
    let columns: Vec<String> = tasks().columns.into_iter().map(|column| column.name).collect();
    prop_oneof![9 => prop::sample::select(columns), 1 => any::<String>()]
}

fn tables() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("tasks".to_owned()), 2 => Just("seats".to_owned()), 1 => any::<String>()]
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::btree_map(names(), any_value(), 0..4).prop_map(Fields)
}

fn places() -> impl Strategy<Value = Option<Place>> {
    prop::option::of(prop_oneof![
        Just(Place::First),
        Just(Place::Last),
        any_value().prop_map(Place::After),
        any_value().prop_map(Place::Before),
    ])
}

fn channels() -> impl Strategy<Value = ChannelName> {
    prop_oneof![Just(format!("project:{PROJECT}")), "(project|user):[a-z0-9]{1,8}"]
        .prop_map(|name| ChannelName::new(&name).unwrap())
}

fn ops() -> impl Strategy<Value = Op> {
    let insert = (tables(), fields(), places())
        .prop_map(|(table, row, place)| Op::Insert(Insert { table, row, place }));
    let update =
        (tables(), any_value(), [fields(), fields(), fields(), fields(), fields()], places())
            .prop_map(|(table, key, [set, inc, add, remove, guard], place)| {
                Op::Update(Update { table, key, set, inc, add, remove, place, guard })
            });
    let delete = (tables(), any_value(), fields())
        .prop_map(|(table, key, guard)| Op::Delete(Delete { table, key, guard }));
    let moving = (tables(), any_value(), channels(), fields())
        .prop_map(|(table, key, to, guard)| Op::Move(Move { table, key, to, guard }));
    prop_oneof![insert, update, delete, moving]
}

proptest! {
    #[test]
    fn any_edit_is_answered(
        id in any::<u128>(),
        channel in channels(),
        ops in prop::collection::vec(ops(), 0..4),
    ) {
        let edit = Edit { id: EditId(uuid::Uuid::from_u128(id)), channel, ops };
        for role in [Role::Viewer, Role::Owner] {
            if let Ok(checked) = checked_as(role, &edit) {
                prop_assert_eq!(checked.ops.len(), edit.ops.len());
            }
        }
    }

    #[test]
    fn a_normal_form_is_its_own_normal_form(value in any_value()) {
        for kind in KINDS {
            if let Some(normal) = accept::fit(kind, &value) {
                prop_assert_eq!(accept::fit(kind, &normal), Some(normal.clone()), "{:?}", kind);
            }
        }
    }
}
