//! At the end everybody must hold the same: all devices, a fresh snapshot, and the table.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use rowcast_protocol::{ChannelName, Fields, News, ServerMessage, Value};

use super::{
    replica::{Replica, Rows},
    stage::Stage,
};
use crate::{
    cli::EditsArgs,
    error::LoadError,
    report,
    target::{Database, Target, within},
    wire::{Decoder, Link, LinkError},
};

/// How long a fresh snapshot may take.
const SNAPSHOT: Duration = Duration::from_secs(30);
/// Columns of text, which a database gives as they are on the wire.
const COLUMNS: [&str; 8] =
    ["id", "title", "description", "status", "priority", "position", "created_by", "updated_by"];

/// Compares all, and adds what differs to the findings.
pub(super) async fn all(args: &EditsArgs, target: &Target, stage: &Stage) -> Result<(), LoadError> {
    let channels: Vec<_> = target.channels.iter().take(args.projects.max(1)).collect();
    let bar = report::bar(channels.len() as u64, "comparing");
    for channel in channels {
        let fresh =
            within(SNAPSHOT, "a fresh snapshot", fresh(args, target, stage, channel)).await?;
        let fresh = fresh.map_err(LoadError::link("a fresh snapshot"))?;
        compare_devices(stage, channel, &fresh);
        if let Some(database) = &target.database {
            compare_table(stage, database, channel, fresh.rows()).await?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// What a new client gets.
async fn fresh(
    args: &EditsArgs,
    target: &Target,
    stage: &Stage,
    channel: &ChannelName,
) -> Result<Replica, LinkError> {
    let codec = args.hub.codec.into();
    let mut link = Link::open(&target.address, None, codec).await?;
    link.greet(target.token(0)).await?;
    let head = link.subscribe(channel).await?.head;
    let mut decoder = Decoder::new(codec);
    let mut replica = Replica::new(Rc::clone(&stage.keys));
    // The snapshot may be one that was made earlier; the entries up to the head follow.
    while !replica.is_whole() || replica.seq() < head {
        let mut failed = Ok(());
        let take = |payload: &[u8]| {
            if let Err(error) = fold(&mut decoder, &mut replica, payload) {
                failed = Err(error);
            }
        };
        link.receiver.receive(take).await?;
        failed?;
    }
    Ok(replica)
}

fn fold(decoder: &mut Decoder, replica: &mut Replica, payload: &[u8]) -> Result<(), LinkError> {
    let Some(ServerMessage::News(news)) = decoder.message(payload)? else { return Ok(()) };
    let outcome = match &news {
        News::SnapshotBegin(begin) => {
            replica.begin(begin);
            Ok(())
        }
        News::Snapshot(page) => replica.page(page),
        News::SnapshotEnd(end) => replica.end(end),
        News::Entries(entries) => replica.entries(entries, |_| {}).map(|_| ()),
        _ => Ok(()),
    };
    outcome.map_err(|fault| LinkError::Undecodable(format!("in a fresh snapshot: {fault}")))
}

fn compare_devices(stage: &Stage, channel: &ChannelName, fresh: &Replica) {
    let mut ledger = stage.shared.ledger.borrow_mut();
    for device in &stage.devices {
        let Some(replica) = device.replicas.get(channel) else { continue };
        let (replica, number) = (replica.borrow(), device.number);
        if replica.seq() != fresh.seq() {
            let (theirs, ours) = (replica.seq(), fresh.seq());
            ledger.findings.add(|| {
                format!(
                    "device {number} stands at {theirs} of {channel}, a fresh snapshot at {ours}"
                )
            });
        }
        if let Some(words) = difference(replica.rows(), fresh.rows()) {
            ledger.findings.add(|| {
                format!("device {number} differs from a fresh snapshot of {channel}: {words}")
            });
        }
    }
}

/// The first difference between two sets of rows.
fn difference(one: &Rows, other: &Rows) -> Option<String> {
    let (only_one, only_other) = (
        one.keys().find(|key| !other.contains_key(*key)),
        other.keys().find(|key| !one.contains_key(*key)),
    );
    if let Some((table, key)) = only_one.or(only_other) {
        return Some(format!("row {key} of {table} is in one only"));
    }
    let differ = |(key, row): (&super::replica::RowKey, &Fields)| {
        let theirs = other.get(key).filter(|theirs| *theirs != row)?;
        let field = row.iter().find(|(name, value)| theirs.get(name) != Some(value));
        let name = field.map_or("a field that one lacks", |(name, _)| name);
        let pair = (row.get(name), theirs.get(name));
        Some(format!("row {} of {}, `{name}`: {pair:?}", key.1, key.0))
    };
    one.iter().find_map(differ)
}

async fn compare_table(
    stage: &Stage,
    database: &Database,
    channel: &ChannelName,
    rows: &Rows,
) -> Result<(), LoadError> {
    let columns = COLUMNS.map(|column| format!("CAST({column} AS TEXT)")).join(", ");
    // A channel's id holds no quote.
    let sql = format!("SELECT {columns} FROM tasks WHERE project_id = '{}'", channel.id());
    let table = database.texts(sql).await?;
    let table: BTreeMap<_, _> =
        table.into_iter().map(|row| (row.first().cloned().flatten(), row)).collect();
    let tasks = rows.iter().filter(|((table, _), _)| table == "tasks");
    let tasks: BTreeMap<_, _> =
        tasks.map(|((_, key), row)| (Some(key.clone()), texts(row))).collect();
    if let Some(words) = (tasks != table).then(|| table_difference(&tasks, &table)) {
        let mut ledger = stage.shared.ledger.borrow_mut();
        ledger.findings.add(|| format!("{channel} differs from the table: {words}"));
    }
    Ok(())
}

type Texts = Vec<Option<String>>;

fn texts(row: &Fields) -> Texts {
    COLUMNS.map(|column| row.get(column).and_then(Value::as_str).map(str::to_owned)).to_vec()
}

fn table_difference(
    tasks: &BTreeMap<Option<String>, Texts>,
    table: &BTreeMap<Option<String>, Texts>,
) -> String {
    let keys = tasks.keys().chain(table.keys());
    let differing = keys.into_iter().find(|key| tasks.get(*key) != table.get(*key));
    let Some(key) = differing else { return "nothing".to_owned() };
    format!("task {key:?}: {:?} and {:?}", tasks.get(key), table.get(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(title: &str) -> Rows {
        let row = Fields::from_iter([("id", "a"), ("title", title)]);
        Rows::from([(("tasks".to_owned(), "a".to_owned()), row)])
    }

    #[test]
    fn a_difference_names_the_row_and_the_field() {
        assert_eq!(difference(&rows("x"), &rows("x")), None);
        let words = difference(&rows("x"), &rows("y")).unwrap();
        assert!(words.contains("row a of tasks, `title`"), "{words}");
        assert!(difference(&rows("x"), &Rows::new()).unwrap().contains("in one only"));
        assert!(difference(&Rows::new(), &rows("x")).unwrap().contains("in one only"));
    }
}
