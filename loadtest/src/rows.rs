//! Tasks to edit, made through the hub.

use rowcast_protocol::{
    ChannelName, EditId, Fields, Op, Request, Value,
    edit::{Edit, EditRequest, Insert, Update},
};
use uuid::Uuid;

use crate::wire::{Link, LinkError};

/// Rows of one edit.
const ROWS_AT_ONCE: usize = 100;

/// Makes so many tasks and returns their ids.
pub(crate) async fn create(
    link: &mut Link,
    channel: &ChannelName,
    count: usize,
) -> Result<Vec<Uuid>, LinkError> {
    let rows: Vec<_> = (0..count).map(|_| Uuid::now_v7()).collect();
    for some in rows.chunks(ROWS_AT_ONCE) {
        let ops = some.iter().map(|row| insert(*row, "a task".to_owned())).collect();
        link.ask(&request(0, channel, ops)).await?;
    }
    Ok(rows)
}

/// A new task at the end.
pub(crate) fn insert(row: Uuid, title: String) -> Op {
    let row = Fields::from_iter([("id", Value::from(row.to_string())), ("title", title.into())]);
    Op::Insert(Insert { table: "tasks".to_owned(), row, place: None })
}

/// New values of fields of a task.
pub(crate) fn update(row: Uuid, set: Fields) -> Update {
    Update { table: "tasks".to_owned(), key: row.to_string().into(), set, ..Update::default() }
}

/// An edit with a new id.
pub(crate) fn request(reference: u64, channel: &ChannelName, ops: Vec<Op>) -> Request {
    let edit = Edit { id: EditId(Uuid::now_v7()), channel: channel.clone(), ops };
    Request::Edit(EditRequest { reference, edit })
}
