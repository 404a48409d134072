//! Arbitrary messages.

use proptest::{collection::vec, option, prelude::*, sample::select};
use rowcast_protocol::{
    Change, ChannelName, Cursor, EditId, Entry, Epoch, ErrorCode, ErrorReply, Fields, News, Op,
    Place, PresentPerson, Reply, Request, Role, Schema, ServerMessage, SignalItem, StateItem,
    Value,
    news::{self, EditOf, FieldsChange, KeyChange, RowChange},
    reply::{self, Person, SnapshotReason, Start, WelcomeLimits},
    request::{self, Delete, Edit, EditRequest, Insert, Move, PresenceMode, Update},
    schema::{ColumnSchema, ColumnType, TableSchema},
};
use uuid::Uuid;

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[a-z_]{1,12}",
        2 => ".{0,12}",
        1 => select(vec!["", "\"", "\\", "}{][", "\u{0}\n\t", "🦀é", "type", "ref", "op"])
            .prop_map(str::to_owned),
    ]
    .boxed()
}

/// Any value that both encodings hold, so no bytes.
pub(crate) fn value() -> BoxedStrategy<Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-300_i64..300).prop_map(Value::Int),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::Float),
        text().prop_map(Value::Text),
    ];
    let nested = scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            vec((text(), inner), 0..4).prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
        ]
    });
    nested.boxed()
}

fn present() -> BoxedStrategy<Value> {
    value().prop_filter("null is absence here", |value| !value.is_null()).boxed()
}

fn fields() -> BoxedStrategy<Fields> {
    vec((text(), value()), 0..4).prop_map(|pairs| pairs.into_iter().collect()).boxed()
}

fn channel() -> BoxedStrategy<ChannelName> {
    "[a-z][a-z0-9_]{0,8}:[A-Za-z0-9._~@+|=/:-]{1,20}"
        .prop_map(|name| ChannelName::new(&name).unwrap())
        .boxed()
}

fn edit_id() -> BoxedStrategy<EditId> {
    any::<u128>().prop_map(|id| EditId(Uuid::from_u128(id))).boxed()
}

fn epoch() -> BoxedStrategy<Epoch> {
    any::<u64>().prop_map(Epoch).boxed()
}

fn cursor() -> BoxedStrategy<Cursor> {
    (epoch(), any::<u64>(), any::<u32>())
        .prop_map(|(epoch, seq, tag)| Cursor { epoch, seq, tag })
        .boxed()
}

fn place() -> BoxedStrategy<Place> {
    prop_oneof![
        Just(Place::First),
        Just(Place::Last),
        value().prop_map(Place::After),
        value().prop_map(Place::Before),
    ]
    .boxed()
}

fn op() -> BoxedStrategy<Op> {
    let insert = (text(), fields(), option::of(place()))
        .prop_map(|(table, row, place)| Op::Insert(Insert { table, row, place }));
    let update = (
        (text(), value(), fields(), fields()),
        (fields(), fields(), option::of(place()), fields()),
    )
        .prop_map(|((table, key, set, inc), (add, remove, place, guard))| {
            Op::Update(Update { table, key, set, inc, add, remove, place, guard })
        });
    let delete = (text(), value(), fields())
        .prop_map(|(table, key, guard)| Op::Delete(Delete { table, key, guard }));
    let moving = (text(), value(), channel(), fields())
        .prop_map(|(table, key, to, guard)| Op::Move(Move { table, key, to, guard }));
    prop_oneof![insert, update, delete, moving].boxed()
}

/// Any request.
pub(crate) fn any_request() -> BoxedStrategy<Request> {
    prop_oneof![
        (any::<u64>(), option::of(text()), option::of(text()), option::of(text())).prop_map(
            |(reference, token, client, schema)| Request::Hello(request::Hello {
                reference,
                token,
                client,
                schema
            })
        ),
        (any::<u64>(), text())
            .prop_map(|(reference, token)| Request::Renew(request::Renew { reference, token })),
        subscribe(),
        (any::<u64>(), channel()).prop_map(|(reference, channel)| Request::Unsubscribe(
            request::Unsubscribe { reference, channel }
        )),
        (any::<u64>(), edit_id(), channel(), vec(op(), 1..4)).prop_map(
            |(reference, id, channel, ops)| Request::Edit(EditRequest {
                reference,
                edit: Edit { id, channel, ops }
            })
        ),
        (option::of(any::<u64>()), channel(), text(), value()).prop_map(
            |(reference, channel, key, value)| Request::State(request::SetState {
                reference,
                channel,
                key,
                value
            })
        ),
        (option::of(any::<u64>()), channel(), text(), value()).prop_map(
            |(reference, channel, name, body)| Request::Signal(request::SendSignal {
                reference,
                channel,
                name,
                body
            })
        ),
        history(),
        any::<u64>().prop_map(|reference| Request::Ping(request::Ping { reference })),
    ]
    .boxed()
}

fn subscribe() -> BoxedStrategy<Request> {
    let mode = select(vec![PresenceMode::Off, PresenceMode::Watch, PresenceMode::Join]);
    (any::<u64>(), channel(), option::of(cursor()), mode, option::of(present()))
        .prop_map(|(reference, channel, cursor, presence, meta)| {
            Request::Subscribe(request::Subscribe { reference, channel, cursor, presence, meta })
        })
        .boxed()
}

fn history() -> BoxedStrategy<Request> {
    let place = (option::of(any::<u64>()), option::of(any::<u32>()));
    (any::<u64>(), channel(), text(), value(), place)
        .prop_map(|(reference, channel, table, key, (before, limit))| {
            Request::History(request::History { reference, channel, table, key, before, limit })
        })
        .boxed()
}

/// Anything that a hub sends.
pub(crate) fn any_server_message() -> BoxedStrategy<ServerMessage> {
    prop_oneof![
        any_reply().prop_map(ServerMessage::Reply),
        any_news().prop_map(ServerMessage::News)
    ]
    .boxed()
}

fn any_reply() -> BoxedStrategy<Reply> {
    prop_oneof![
        welcome(),
        (any::<u64>(), option::of(text()))
            .prop_map(|(reference, expires)| Reply::Renewed(reply::Renewed { reference, expires })),
        subscribed(),
        (any::<u64>(), channel()).prop_map(|(reference, channel)| Reply::Unsubscribed(
            reply::Unsubscribed { reference, channel }
        )),
        (any::<u64>(), edit_id(), channel(), epoch(), any::<u64>(), any::<bool>()).prop_map(
            |(reference, id, channel, epoch, seq, replayed)| Reply::Ack(reply::Ack {
                reference,
                id,
                channel,
                epoch,
                seq,
                replayed
            })
        ),
        any::<u64>().prop_map(|reference| Reply::Done(reply::Done { reference })),
        history_page(),
        (any::<u64>(), text())
            .prop_map(|(reference, time)| Reply::Pong(reply::Pong { reference, time })),
        error(),
    ]
    .boxed()
}

fn welcome() -> BoxedStrategy<Reply> {
    let limits =
        any::<[u64; 6]>().prop_map(|[bytes, depth, ops, subs, rate, ping]| WelcomeLimits {
            message_bytes: bytes,
            depth,
            ops,
            subscriptions: subs,
            requests_per_second: rate,
            ping_seconds: ping,
        });
    let person = (text(), text()).prop_map(|(id, name)| Person { id, name });
    (any::<u64>(), text(), person, option::of(text()), (text(), text()), schema(), limits)
        .prop_map(|(reference, session, user, expires, (time, server), schema, limits)| {
            Reply::Welcome(Box::new(reply::Welcome {
                reference,
                session,
                user,
                expires,
                time,
                server,
                schema,
                limits,
            }))
        })
        .boxed()
}

fn schema() -> BoxedStrategy<Schema> {
    (text(), option::of(vec(table(), 0..3)))
        .prop_map(|(hash, tables)| Schema { hash, tables })
        .boxed()
}

fn role() -> BoxedStrategy<Role> {
    select(vec![Role::Viewer, Role::Editor, Role::Owner]).boxed()
}

fn table() -> BoxedStrategy<TableSchema> {
    let rights = (option::of(role()), option::of(role()), option::of(role()));
    (text(), text(), vec(text(), 0..3), option::of(text()), rights, vec(column(), 0..4))
        .prop_map(|(name, channel, key, order, (insert, update, delete), columns)| TableSchema {
            name,
            channel,
            key,
            order,
            insert,
            update,
            delete,
            columns,
        })
        .boxed()
}

fn column() -> BoxedStrategy<ColumnSchema> {
    use ColumnType as T;
    let kinds = vec![
        T::Bool,
        T::Int,
        T::Float,
        T::Decimal,
        T::Text,
        T::Uuid,
        T::Date,
        T::Time,
        T::Timestamp,
        T::Bytes,
        T::Json,
        T::List,
        T::Other,
    ];
    (text(), select(kinds), any::<bool>(), any::<bool>(), vec(text(), 0..3))
        .prop_map(|(name, kind, nullable, readonly, values)| ColumnSchema {
            items: None,
            name,
            kind,
            nullable,
            readonly,
            values,
        })
        .boxed()
}

fn reason() -> BoxedStrategy<SnapshotReason> {
    use SnapshotReason as R;
    select(vec![R::NoCursor, R::OtherHistory, R::Ahead, R::TooOld, R::Reset, R::FarBehind]).boxed()
}

fn subscribed() -> BoxedStrategy<Reply> {
    let start = select(vec![Start::Resume, Start::Snapshot]);
    (any::<u64>(), channel(), start, option::of(reason()), epoch(), any::<u64>(), role())
        .prop_map(|(reference, channel, start, reason, epoch, head, role)| {
            Reply::Subscribed(reply::Subscribed {
                reference,
                channel,
                start,
                reason,
                epoch,
                head,
                role,
            })
        })
        .boxed()
}

fn history_page() -> BoxedStrategy<Reply> {
    let change = (
        any::<u64>(),
        (text(), text()),
        (option::of(text()), option::of(edit_id())),
        (fields(), fields()),
    )
        .prop_map(|(seq, (at, op), (user, edit), (new, old))| reply::PastChange {
            seq,
            at,
            op,
            user,
            edit,
            new,
            old,
        });
    (any::<u64>(), channel(), vec(change, 0..3), option::of(any::<u64>()))
        .prop_map(|(reference, channel, changes, next)| {
            let more = next.is_some();
            Reply::HistoryPage(reply::HistoryPage { reference, channel, changes, more, next })
        })
        .boxed()
}

fn error() -> BoxedStrategy<Reply> {
    let names = (option::of(text()), option::of(text()), option::of(text()), option::of(text()));
    let numbers = (option::of(any::<u64>()), option::of(any::<u32>()), option::of(any::<u64>()));
    let rows = (option::of(fields()), option::of(present()));
    let whose = (option::of(any::<u64>()), option::of(edit_id()), option::of(channel()));
    (select(ErrorCode::ALL), text(), names, numbers, rows, whose)
        .prop_map(|(code, message, names, numbers, rows, whose)| {
            let (path, table, field, constraint) = names;
            let (retry_after_ms, op, limit) = numbers;
            let (row, key) = rows;
            let (reference, id, channel) = whose;
            Reply::Error(Box::new(ErrorReply {
                reference,
                retry_after_ms,
                path,
                op,
                table,
                field,
                constraint,
                row,
                id,
                channel,
                limit,
                key,
                ..ErrorReply::new(code, message)
            }))
        })
        .boxed()
}

fn any_news() -> BoxedStrategy<News> {
    prop_oneof![
        3 => (channel(), vec(entry(), 0..3), cursor()).prop_map(|(channel, entries, cursor)| {
            News::Entries(news::Entries { channel, entries, cursor })
        }),
        1 => part(),
        1 => snapshot(),
        1 => beside_the_log(),
        1 => about_the_session(),
    ]
    .boxed()
}

fn entry() -> BoxedStrategy<Entry> {
    let edits = vec((edit_id(), text()).prop_map(|(id, user)| EditOf { id, user }), 0..3);
    (any::<u64>(), text(), edits, option::of(text()), vec(change(), 0..4), vec(text(), 0..2))
        .prop_map(|(seq, at, edits, by, changes, reset)| Entry {
            seq,
            at,
            edits,
            by,
            changes,
            reset,
        })
        .boxed()
}

fn change() -> BoxedStrategy<Change> {
    let row = || {
        (text(), value(), fields(), option::of(any::<u32>()))
            .prop_map(|(table, key, row, edit)| RowChange { table, key, row, edit })
    };
    let key = || {
        (text(), value(), option::of(any::<u32>())).prop_map(|(table, key, edit)| KeyChange {
            table,
            key,
            edit,
        })
    };
    let set = (text(), value(), fields(), option::of(any::<u32>()))
        .prop_map(|(table, key, set, edit)| FieldsChange { table, key, set, edit });
    prop_oneof![
        row().prop_map(Change::Insert),
        set.prop_map(Change::Update),
        key().prop_map(Change::Delete),
        row().prop_map(Change::Enter),
        key().prop_map(Change::Leave),
    ]
    .boxed()
}

fn part() -> BoxedStrategy<News> {
    (any::<u32>(), any::<u32>(), text())
        .prop_map(|(part, of, data)| News::Part(news::Part { part, of, data: data.into() }))
        .boxed()
}

fn snapshot() -> BoxedStrategy<News> {
    prop_oneof![
        (channel(), epoch(), reason()).prop_map(|(channel, epoch, reason)| News::SnapshotBegin(
            news::SnapshotBegin { channel, epoch, reason }
        )),
        (channel(), text(), any::<u64>(), vec(fields(), 0..3)).prop_map(
            |(channel, table, seq, rows)| News::Snapshot(news::SnapshotPage {
                channel,
                table,
                seq,
                rows
            })
        ),
        (channel(), cursor(), any::<u64>(), any::<u64>()).prop_map(
            |(channel, cursor, seq, show)| News::SnapshotEnd(news::SnapshotEnd {
                channel,
                cursor,
                seq,
                show
            })
        ),
    ]
    .boxed()
}

fn beside_the_log() -> BoxedStrategy<News> {
    let state = (text(), text(), text(), value())
        .prop_map(|(session, user, key, value)| StateItem { session, user, key, value });
    let person = (text(), text(), any::<u32>(), value())
        .prop_map(|(user, name, devices, meta)| PresentPerson { user, name, devices, meta });
    let signal = (text(), text(), text(), value())
        .prop_map(|(session, user, name, body)| SignalItem { session, user, name, body });
    prop_oneof![
        (channel(), any::<bool>(), vec(state, 0..3)).prop_map(|(channel, full, states)| {
            News::States(news::States { channel, full, states })
        }),
        (channel(), any::<bool>(), vec(person, 0..3), vec(text(), 0..3)).prop_map(
            |(channel, full, here, left)| News::Presence(news::Presence {
                channel,
                full,
                here,
                left
            })
        ),
        (channel(), vec(signal, 0..3))
            .prop_map(|(channel, signals)| News::Signals(news::Signals { channel, signals })),
        (channel(), any::<u64>())
            .prop_map(|(channel, signals)| News::Missed(news::Missed { channel, signals })),
    ]
    .boxed()
}

fn about_the_session() -> BoxedStrategy<News> {
    prop_oneof![
        (channel(), select(ErrorCode::ALL), text()).prop_map(|(channel, code, message)| {
            News::Removed(news::Removed { channel, code, message })
        }),
        text().prop_map(|expires| News::TokenExpiring(news::TokenExpiring { expires })),
        any::<u64>().prop_map(|reconnect_after_ms| News::Drain(news::Drain { reconnect_after_ms })),
        vec(text(), 0..3).prop_map(|parts| News::Degraded(news::Degraded { parts })),
        schema().prop_map(News::Schema),
    ]
    .boxed()
}
