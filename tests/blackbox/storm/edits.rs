//! Random edits, with what they must leave behind.

use std::collections::BTreeMap;

use rand::{RngExt as _, rngs::StdRng};
use rowcast_protocol::{ChannelName, Edit, Op};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::support::{
    edits::{
        comment, delete, edit, insert as new_row, label, move_to, new_task, rename, rename_from,
        set,
    },
    view::View,
};

use super::migrator::TABLE;

/// A project with more tasks or comments than this is crowded: what makes rows becomes rare, so that a
/// run of a million edits costs a hundred times what one of ten thousand costs, and no more.
const MANY_TASKS: usize = 400;
const MANY_COMMENTS: usize = 1_000;
const MANY_THINGS: usize = 50;

/// An edit and what it must leave behind.
pub(super) struct Made {
    pub(super) edit: Edit,
    /// Whether it changes something if it is applied.
    surely: bool,
    leaves: Vec<Json>,
    sets: Vec<Json>,
}

impl Made {
    /// The line of the history.
    pub(super) fn as_sent(&self) -> Json {
        json!({
            "what": "sent", "edit": self.edit.id, "channel": self.edit.channel,
            "surely": self.surely, "leaves": self.leaves, "sets": self.sets,
        })
    }

    fn of(channel: &ChannelName, ops: Vec<Op>) -> Self {
        Self { edit: edit(channel, ops), surely: true, leaves: Vec::new(), sets: Vec::new() }
    }

    fn setting(self, task: &str, field: &str, value: &str) -> Self {
        self.setting_in("tasks", task, field, value)
    }

    fn setting_in(mut self, table: &str, key: &str, field: &str, value: &str) -> Self {
        self.sets.push(json!({"table": table, "key": key, "field": field, "value": value}));
        self
    }

    fn leaving(mut self, table: &str, field: &str, value: &str) -> Self {
        self.leaves.push(json!({"table": table, "field": field, "value": value}));
        self
    }
}

/// Some edit of some project.
pub(super) fn random(
    dice: &mut StdRng,
    projects: &[ChannelName],
    views: &BTreeMap<ChannelName, View>,
    who: &str,
) -> Made {
    let channel = &projects[dice.random_range(0..projects.len())];
    let unique = format!("{who} {}", Uuid::from_u128(dice.random()));
    let Some(task) = some_task(dice, views.get(channel), |_| true) else {
        return insert(dice, channel, &unique);
    };
    let makes_rows = !is_crowded(views.get(channel)) || dice.random_range(0..20) == 0;
    match dice.random_range(0..100) {
        45..70 | 80..85 if !makes_rows => {
            deleted(dice, channel, views).unwrap_or_else(|| guarded(channel, views, &task, &unique))
        }
        0..8 => thing(dice, channel, views, &unique),
        8..45 => Made::of(channel, vec![rename(&task, &unique)]).setting(&task, "title", &unique),
        45..55 => insert(dice, channel, &unique),
        55..70 => said(dice, channel, views, &unique),
        70..75 => labelled(dice, channel, &task),
        75..80 => guarded(channel, views, &task, &unique),
        80..85 => several(channel, &task, &unique),
        85..89 => deleted(dice, channel, views).unwrap_or_else(|| insert(dice, channel, &unique)),
        89..93 => moved(dice, channel, projects, &task),
        93..96 => Made::of(channel, vec![set("tasks", &task, json!({"status": "perhaps"}))]),
        _ => {
            let text = format!("{unique} {}", "long ".repeat(dice.random_range(10..400)));
            let op = set("tasks", &task, json!({ "description": text }));
            Made::of(channel, vec![op]).setting(&task, "description", &text)
        }
    }
}

fn is_crowded(view: Option<&View>) -> bool {
    let has = |table, many| view.is_some_and(|view| view.table(table).nth(many).is_some());
    has("tasks", MANY_TASKS) || has("comments", MANY_COMMENTS)
}

/// The key of a task that this client has, if there is one.
fn some_task(
    dice: &mut StdRng,
    view: Option<&View>,
    wanted: impl Fn(&str) -> bool,
) -> Option<String> {
    let keys: Vec<&str> = view
        .filter(|view| view.is_whole())?
        .table("tasks")
        .filter_map(|row| row.get("id")?.as_str())
        .filter(|key| wanted(key))
        .collect();
    (!keys.is_empty()).then(|| keys[dice.random_range(0..keys.len())].to_owned())
}

/// Whether a task may be deleted: nobody comments on it.
fn is_passing(task: &str) -> bool {
    task.starts_with('f')
}

fn insert(dice: &mut StdRng, channel: &ChannelName, title: &str) -> Made {
    let first = if dice.random_range(0..2) == 0 { 'f' } else { '0' };
    let key = format!("{first}{}", &Uuid::from_u128(dice.random()).to_string()[1..]);
    Made::of(channel, vec![new_task(&key, title)]).setting(&key, "title", title)
}

/// A row of the table that is changed while the hub runs.
fn thing(
    dice: &mut StdRng,
    channel: &ChannelName,
    views: &BTreeMap<ChannelName, View>,
    unique: &str,
) -> Made {
    let view = views.get(channel).filter(|view| view.is_whole());
    let rows = view.into_iter().flat_map(|view| view.table(TABLE));
    let keys: Vec<&str> = rows.filter_map(|row| row.get("id")?.as_str()).collect();
    let some = (!keys.is_empty()).then(|| keys[dice.random_range(0..keys.len())]);
    match some {
        Some(key) if keys.len() > MANY_THINGS => Made::of(channel, vec![delete(TABLE, key)]),
        Some(key) if dice.random_range(0..2) == 0 => {
            let op = set(TABLE, key, json!({ "body": unique }));
            Made::of(channel, vec![op]).setting_in(TABLE, key, "body", unique)
        }
        _ => {
            let key = Uuid::from_u128(dice.random()).to_string();
            let op = new_row(TABLE, json!({ "id": key, "body": unique }));
            Made::of(channel, vec![op]).setting_in(TABLE, &key, "body", unique)
        }
    }
}

/// A comment; the database makes its key, so that one applied twice shows twice.
fn said(
    dice: &mut StdRng,
    channel: &ChannelName,
    views: &BTreeMap<ChannelName, View>,
    unique: &str,
) -> Made {
    match some_task(dice, views.get(channel), |task| !is_passing(task)) {
        Some(task) => {
            Made::of(channel, vec![comment(&task, unique)]).leaving("comments", "body", unique)
        }
        None => insert(dice, channel, unique),
    }
}

/// Few labels, so that some are there already and nothing changes.
fn labelled(dice: &mut StdRng, channel: &ChannelName, task: &str) -> Made {
    let op = label(task, &format!("label {}", dice.random_range(0..5)));
    Made { surely: false, ..Made::of(channel, vec![op]) }
}

/// Applied only if nobody was faster.
fn guarded(
    channel: &ChannelName,
    views: &BTreeMap<ChannelName, View>,
    task: &str,
    unique: &str,
) -> Made {
    let row = views.get(channel).and_then(|view| view.row("tasks", task));
    let title = row.and_then(|row| row.get("title")).and_then(|title| title.as_str());
    let op = rename_from(task, title.unwrap_or_default(), unique);
    Made::of(channel, vec![op]).setting(task, "title", unique)
}

fn several(channel: &ChannelName, task: &str, unique: &str) -> Made {
    let key = format!("0{}", &Uuid::new_v4().to_string()[1..]);
    let ops = vec![new_task(&key, unique), comment(&key, unique), rename(task, unique)];
    Made::of(channel, ops).setting(task, "title", unique).leaving("comments", "body", unique)
}

fn deleted(
    dice: &mut StdRng,
    channel: &ChannelName,
    views: &BTreeMap<ChannelName, View>,
) -> Option<Made> {
    let task = some_task(dice, views.get(channel), is_passing)?;
    Some(Made::of(channel, vec![delete("tasks", &task)]))
}

fn moved(dice: &mut StdRng, channel: &ChannelName, projects: &[ChannelName], task: &str) -> Made {
    let to = &projects[dice.random_range(0..projects.len())];
    Made { surely: to != channel, ..Made::of(channel, vec![move_to(task, to)]) }
}
