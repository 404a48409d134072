//! Those who receive a value and send it back: two devices and a program over REST.

use std::{collections::BTreeMap, time::Duration};

use rowcast_protocol::{
    ChannelName, Codec, ColumnType, Fields, Op, Value,
    edit::{Delete, Update},
};
use serde::Deserialize;

use super::{
    Case, Tables,
    chance::Chance,
    order::{in_order, known, known_in_order, test},
    wants,
};
use crate::support::{
    database::Database,
    device::Device,
    edits::edit,
    http::{Answer, Browser},
    hub::Hub,
    world::token,
};

pub(super) fn channel() -> ChannelName {
    ChannelName::new("forms:ada").expect("a channel's name")
}

/// Two devices and a program, all of them Ada's.
pub(super) struct People {
    pub(super) devices: [Device; 2],
    browser: Browser,
}

impl People {
    pub(super) async fn at(hub: &Hub, database: &Database) -> Self {
        let token = token(database, "ada", Duration::from_secs(3600));
        let device = async |codec| {
            let mut device = Device::connect(hub.address, codec, &token).await.expect("welcome");
            device.subscribes(&channel()).await;
            device
        };
        let devices = [device(Codec::Json).await, device(Codec::MsgPack).await];
        Self { devices, browser: Browser::at(hub.address).with_token(token) }
    }

    pub(super) fn kind(&self, table: &str, column: &str) -> (ColumnType, Option<ColumnType>) {
        let mut tables = self.devices[0].welcome.schema.tables.iter().flatten();
        let table = tables.find(|known| known.name == table).expect("it is live");
        let column = table.columns.iter().find(|known| known.name == column).expect("it is known");
        (column.kind, column.items)
    }

    fn is_json(&self, table: &str, column: &str) -> bool {
        let (kind, items) = self.kind(table, column);
        kind == ColumnType::Json || items == Some(ColumnType::Json)
    }

    /// A row in one form, whichever encoding it came in.
    fn plain(&self, table: &str, row: &Fields) -> Fields {
        let plain = |(name, value): (&str, &Value)| {
            (name.to_owned(), plain_value(value, self.is_json(table, name)))
        };
        row.iter().map(plain).collect()
    }

    fn held(&self, device: usize) -> BTreeMap<(String, String), Fields> {
        let rows = &self.devices[device].view(&channel()).rows;
        let plain =
            |(place, row): (&(String, String), &Fields)| (place.clone(), self.plain(&place.0, row));
        rows.iter().map(plain).collect()
    }

    /// Both devices have every row, as REST does and as one who comes anew.
    pub(super) async fn have_all(&mut self, tables: &Tables) {
        for device in &mut self.devices {
            let all = tables.cases.len();
            device.sees(&channel(), "all rows", |view| view.rows.len() == all).await;
            device.is_up_to_date().await;
        }
        let live = self.held(0);
        assert_same(&live, &self.held(1), "JSON and MessagePack");
        for device in &mut self.devices {
            device.subscribes(&channel()).await;
        }
        for device in 0..2 {
            assert_same(&live, &self.held(device), "entries and snapshot");
        }
        for case in &tables.cases {
            let listed = self.read(case).await;
            let place = (case.table.to_owned(), case.id.to_string());
            assert_eq!(live.get(&place), Some(&listed.row), "{}: socket and REST", case.what);
        }
    }

    fn path(case: &Case) -> String {
        format!("/channels/forms:ada/{}/{}", case.table, case.id)
    }

    async fn read(&self, case: &Case) -> Read {
        let answer = self.browser.get(&Self::path(case)).await.is(200);
        let row = self.plain(case.table, &fields_in(&answer));
        Read { tag: answer.header("etag").to_owned(), row }
    }

    /// Does with a value what a client does with what it was sent.
    pub(super) async fn send_back(
        &mut self,
        case: &Case,
        chance: &mut Chance,
    ) -> Result<(), String> {
        let what = &case.what;
        let (one, other) = (chance.below(2), chance.below(2));
        let read = self.read(case).await;
        let place = (case.table.to_owned(), case.id.to_string());
        let row = self.devices[one].view(&channel()).rows[&place].clone();
        let value = row.get(&case.column).expect("the column is there").clone();
        let own: Fields = [(case.column.as_str(), value.clone())].into_iter().collect();
        let op = |set: Fields, guard: Fields| {
            let (table, key) = (case.table.to_owned(), id_of(case));
            vec![Op::Update(Update { table, key, set, guard, ..Update::default() })]
        };
        let head = self.edits(one, op(Fields::new(), row.clone()), what).await?;
        match self.edits(one, op(own.clone(), row.clone()), what).await {
            // PostgreSQL keeps some JSON as it was spelled, and the spelling may change.
            Ok(_) if what.starts_with("json ") || what.starts_with("jsonb[]") => {}
            Ok(seq) => {
                wants!(seq, head, "{what}: {value:?} written back changed something");
            }
            Err(error) => {
                wants!(
                    (true, true),
                    (case.may_be_refused(), error.contains("WrongType")),
                    "{error}"
                );
            }
        }
        let gone: Fields = [(case.column.as_str(), Value::Null)].into_iter().collect();
        let emptied = self.edits(one, op(gone, own.clone()), what).await?;
        self.undoes(emptied, what).await?;
        wants!(self.read(case).await, read, "{what}: undone");
        let (table, key) = (case.table.to_owned(), id_of(case));
        // What a number in JSON is in MessagePack, it is in no other encoding.
        let guard =
            if self.is_json(case.table, &case.column) { self.plain(case.table, &own) } else { own };
        let delete = vec![Op::Delete(Delete { table, key, guard })];
        let deleted = self.edits(other, delete, what).await?;
        self.undoes(deleted, what).await?;
        wants!(self.read(case).await, read, "{what}: restored");
        self.patches(case, &read).await
    }

    async fn edits(&mut self, device: usize, ops: Vec<Op>, what: &str) -> Result<u64, String> {
        let edit = edit(&channel(), ops);
        let tried = self.devices[device].tries(&edit).await;
        tried.map(|ack| ack.seq).map_err(|error| format!("{what}: {error:?}\n    {:?}", edit.ops))
    }

    async fn undoes(&self, seq: u64, what: &str) -> Result<(), String> {
        let path = format!("/channels/forms:ada/entries/{seq}/undo");
        let answer = self.browser.send("POST", &path, &[], "").await;
        wants!(answer.status, 200, "{what}: undo: {}", answer.text);
        Ok(())
    }

    /// Writes over REST what REST gave, while the row is as it was read.
    async fn patches(&self, case: &Case, read: &Read) -> Result<(), String> {
        let value = read.row.get(&case.column).expect("the column is there").clone();
        let set: Fields = [(case.column.as_str(), value)].into_iter().collect();
        let body = String::from_utf8_lossy(&Codec::Json.encode(&set)).into_owned();
        let headers = [("If-Match", read.tag.as_str()), ("Content-Type", "application/json")];
        let answer = self.browser.send("PATCH", &Self::path(case), &headers, &body).await;
        if answer.status == 422 && case.may_be_refused() {
            return Ok(());
        }
        wants!(answer.status, 200, "{}: {body}: {}", case.what, answer.text);
        let now = self.plain(case.table, &fields_in(&answer));
        wants!(now, read.row, "{}: written over REST", case.what);
        Ok(())
    }

    async fn ids(&self, table: &str, query: &[(&str, &str)]) -> Result<Found, String> {
        let pairs: Vec<String> =
            query.iter().map(|(name, text)| format!("{name}={}", percent(text))).collect();
        let path = format!("/channels/forms:ada/{table}?{}", pairs.join("&"));
        let answer = self.browser.get(&path).await;
        wants!(answer.status, 200, "{table} {query:?}: {}", answer.text);
        let page: Page = serde_json::from_str(&answer.text).expect("a page");
        Ok((page.items.iter().map(|item| item.id).collect(), page.next))
    }

    /// Filters by each value, and reads the column's rows in pages.
    pub(super) async fn find_and_page(
        &self,
        table: &str,
        column: &str,
        cases: &[&Case],
        chance: &mut Chance,
    ) -> Result<(), String> {
        if matches!(self.kind(table, column).0, ColumnType::Json | ColumnType::List) {
            return Ok(());
        }
        for case in cases {
            let row = self.read(case).await.row;
            let text = text_of(row.get(column).expect("it is there"));
            let own = match self.ids(table, &[(column, &text), ("fields", "id")]).await {
                Ok((own, _)) => own,
                // A filter takes no text that is no value of the column's type.
                Err(error) if case.may_be_refused() && error.contains("\"status\":4") => continue,
                Err(error) => return Err(error),
            };
            wants!(own.contains(&case.id), true, "{}: not found by {text:?}", case.what);
            let Some(rank) = case.rank else { continue };
            let (test, holds) = test(chance);
            let operand =
                if test == "in" { format!("\"{}\"", text.replace('"', "\"\"")) } else { text };
            let (name, present) = (format!("{column}.{test}"), format!("{column}.null"));
            let asked =
                [(name.as_str(), operand.as_str()), (present.as_str(), "false"), ("fields", "id")];
            let found = known(&self.ids(table, &asked).await?.0, cases);
            let wanted =
                cases.iter().filter(|other| other.rank.is_some_and(|r| holds(r.cmp(&rank))));
            let wanted: Vec<usize> = wanted.map(|case| case.id).collect();
            wants!(found, wanted, "{}: {name}={operand}", case.what);
        }
        for (sort, down) in [(column.to_owned(), false), (format!("-{column}"), true)] {
            let found = self.pages(table, column, &sort, cases.len()).await?;
            let mut all = found.clone();
            all.sort_unstable();
            let expected: Vec<usize> = cases.iter().map(|case| case.id).collect();
            wants!(all, expected, "pages of {} by {sort}", cases[0].what);
            let found = known_in_order(&found, cases);
            wants!(found, in_order(cases, down), "{} by {sort}", cases[0].what);
        }
        Ok(())
    }

    async fn pages(
        &self,
        table: &str,
        column: &str,
        sort: &str,
        most: usize,
    ) -> Result<Vec<usize>, String> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        let present = format!("{column}.null");
        loop {
            let mut query = vec![(present.as_str(), "false"), ("sort", sort), ("limit", "1")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let (ids, next) = self.ids(table, &query).await?;
            found.extend(ids);
            wants!(found.len() <= most, true, "{table} by {sort}: a row comes twice: {found:?}");
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(found),
            }
        }
    }
}

/// A row over REST.
#[derive(Debug, PartialEq)]
struct Read {
    tag: String,
    row: Fields,
}

/// The rows of a page, and where the next begins.
type Found = (Vec<usize>, Option<String>);

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: usize,
}

fn id_of(case: &Case) -> Value {
    Value::Int(i64::try_from(case.id).expect("a small number"))
}

/// Bytes as REST has them; numbers as they are.
fn plain_value(value: &Value, is_json: bool) -> Value {
    match value {
        Value::Bytes(digits) if is_json => {
            Value::number(&String::from_utf8_lossy(digits)).expect("digits")
        }
        Value::Bytes(_) => {
            Value::from_json(&String::from_utf8_lossy(&Codec::Json.encode(value))).expect("base64")
        }
        Value::List(items) => {
            Value::List(items.iter().map(|item| plain_value(item, is_json)).collect())
        }
        Value::Map(Fields(members)) => Value::Map(Fields(
            members
                .iter()
                .map(|(name, value)| (name.clone(), plain_value(value, is_json)))
                .collect(),
        )),
        other => other.clone(),
    }
}

fn fields_in(answer: &Answer) -> Fields {
    match Value::from_json(&answer.text) {
        Ok(Value::Map(fields)) => fields,
        other => panic!("{other:?} is no row"),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => String::from_utf8_lossy(&Codec::Json.encode(other)).into_owned(),
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[track_caller]
fn assert_same(
    one: &BTreeMap<(String, String), Fields>,
    other: &BTreeMap<(String, String), Fields>,
    what: &str,
) {
    for (place, row) in one {
        for (column, value) in row.iter() {
            let there = other.get(place).and_then(|row| row.get(column));
            assert_eq!(there, Some(value), "{what} differ in {place:?} {column}");
        }
    }
    assert_eq!(one.len(), other.len(), "{what}");
}
