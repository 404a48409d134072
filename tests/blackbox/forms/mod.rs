//! What goes out comes back in: values of every type of both databases, by chance. Each is received,
//! sent back, guarded with, filtered by, paged by, taken away, put back and restored, in both encodings,
//! over sockets and REST, and by the live queries of the JavaScript client.
//!
//! `ROWCAST_SEED` plays a run again.

mod chance;
mod of_postgres;
mod of_sqlite;

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use chance::Chance;
use rowcast_protocol::{
    ChannelName, Codec, ColumnType, Fields, Op, ServerMessage, Value,
    edit::{Delete, Update},
    news::{News, SnapshotPage},
};
use serde::Deserialize;

use crate::support::{
    checker::tests,
    database::{Database, Kind, Outsider},
    device::Device,
    edits::edit,
    http::{Answer, Browser},
    hub::Hub,
    on_both_stores,
    world::token,
};

on_both_stores! {
    what_goes_out_comes_back_in,
}

/// Values of each type in a run.
const VALUES: usize = 4;

/// A declared type, how its values are ordered, and what makes one.
struct Column<Made = String>(&'static str, Order, fn(&mut Chance) -> Made);

/// What is known of the order of a column's values.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// That of this SQL, in which `{c}` stands for the column.
    BySql(&'static str),
    /// That of the values' meanings.
    ByMeaning,
    /// They have none, or it is the database's own affair.
    Unknown,
}

/// What a value means, so that those which mean the same are equal; `None` where nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Meaning(Option<(i8, i128, Vec<u8>)>);

impl Meaning {
    fn unknown() -> Self {
        Self(None)
    }

    fn number(number: i128) -> Self {
        Self(Some((0, number, Vec::new())))
    }

    fn past() -> Self {
        Self(Some((-1, 0, Vec::new())))
    }

    fn future() -> Self {
        Self(Some((1, 0, Vec::new())))
    }

    fn not_a_number() -> Self {
        Self(Some((2, 0, Vec::new())))
    }

    fn bytes(bytes: &[u8]) -> Self {
        Self(Some((0, 0, bytes.to_vec())))
    }

    fn text(text: &str) -> Self {
        Self::bytes(text.as_bytes())
    }

    fn double(double: f64) -> Self {
        if double.is_nan() {
            return Self::not_a_number();
        }
        // The bits of doubles are in their order; those below zero the other way round.
        let bits = (double + 0.0).to_bits().cast_signed();
        Self::number(i128::from(if bits < 0 { i64::MIN - bits } else { bits }))
    }

    /// An exact decimal, its digits behind the point to the twelfth.
    fn decimal(trillionths: i128) -> Self {
        Self::number(trillionths)
    }

    fn decimal_text(text: &str) -> Self {
        match text {
            "NaN" => return Self::not_a_number(),
            "Infinity" => return Self::future(),
            "-Infinity" => return Self::past(),
            "1e3" => return Self::decimal_text("1000"),
            _ => {}
        }
        let unsigned = text.trim_start_matches(['-', '+']);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let size: i128 = format!("{whole}{fraction:0<12}").parse().expect("digits");
        Self::decimal(if text.starts_with('-') { -size } else { size })
    }
}

/// One value in a row of its own.
#[derive(Debug)]
struct Case {
    table: &'static str,
    id: usize,
    column: String,
    /// The type and the value in SQL.
    what: String,
    meaning: Meaning,
    /// Where it stands among those of its column, equal ones at one place.
    rank: Option<usize>,
}

impl Case {
    /// Whether it does not fit its column's type, so that it is known but not taken as a new value.
    fn may_be_refused(&self) -> bool {
        self.meaning == Meaning::unknown() && self.rank.is_none()
    }
}

/// The tables and the statements that fill them.
struct Tables {
    before: String,
    inserts: String,
    cases: Vec<Case>,
    orders: BTreeMap<(&'static str, String), Order>,
}

impl Tables {
    fn of(store: Kind, chance: &mut Chance) -> Self {
        let mut tables = Self {
            before: String::new(),
            inserts: String::new(),
            cases: Vec::new(),
            orders: BTreeMap::new(),
        };
        match store {
            Kind::Sqlite => {
                tables.add("forms", "", of_sqlite::COLUMNS, chance, Clone::clone);
                tables.add("strict", " STRICT", of_sqlite::STRICT, chance, Clone::clone);
            }
            Kind::Postgres => {
                tables.before += of_postgres::BEFORE;
                let made = |literal: &String| (literal.clone(), Meaning::unknown());
                tables.add("forms", "", of_postgres::COLUMNS, chance, made);
            }
        }
        tables
    }

    fn add<Made>(
        &mut self,
        table: &'static str,
        strict: &str,
        columns: &[Column<Made>],
        chance: &mut Chance,
        case: impl Fn(&Made) -> (String, Meaning),
    ) {
        let mut sql = format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY NOT NULL, board TEXT NOT NULL, \
             note TEXT NOT NULL DEFAULT 'n', twice INTEGER GENERATED ALWAYS AS (id * 2) STORED"
        );
        for (nth, Column(sql_type, order, make)) in columns.iter().enumerate() {
            let column = format!("c{nth}");
            sql += &format!(", {column} {sql_type}");
            self.orders.insert((table, column.clone()), *order);
            for _ in 0..VALUES {
                let id = self.cases.len();
                let (literal, meaning) = case(&make(chance));
                self.inserts += &format!(
                    "INSERT INTO {table} (id, board, {column}) VALUES ({id}, 'ada', {literal});\n"
                );
                let what = format!("{sql_type} {literal}");
                self.cases.push(Case {
                    table,
                    id,
                    column: column.clone(),
                    what,
                    meaning,
                    rank: None,
                });
            }
        }
        self.before += &format!("{sql}){strict};\n");
    }

    /// The cases of each column.
    fn by_column(&self) -> BTreeMap<(&'static str, &str), Vec<&Case>> {
        let mut columns: BTreeMap<_, Vec<&Case>> = BTreeMap::new();
        for case in &self.cases {
            columns.entry((case.table, case.column.as_str())).or_default().push(case);
        }
        columns
    }

    /// Learns how the values of each column are ordered.
    async fn rank(&mut self, outsider: &mut Outsider) {
        let mut ranks: BTreeMap<usize, usize> = BTreeMap::new();
        for ((table, column), order) in &self.orders {
            match order {
                Order::Unknown => {}
                Order::ByMeaning => {
                    let own =
                        self.cases.iter().filter(|c| c.table == *table && c.column == *column);
                    let known: Vec<&Case> = own.filter(|case| case.meaning.0.is_some()).collect();
                    for case in &known {
                        let before = known.iter().filter(|other| other.meaning < case.meaning);
                        ranks.insert(case.id, before.count());
                    }
                }
                Order::BySql(sql) => {
                    let by = sql.replace("{c}", column);
                    let asked = format!(
                        "SELECT id || '=' || rank() OVER (ORDER BY {by}) FROM {table} \
                         WHERE ({column} IS DISTINCT FROM NULL)"
                    );
                    for text in outsider.texts(&asked).await {
                        let (id, rank) = text.split_once('=').expect("two numbers");
                        ranks
                            .insert(id.parse().expect("a number"), rank.parse().expect("a number"));
                    }
                }
            }
        }
        for case in &mut self.cases {
            case.rank = ranks.get(&case.id).copied();
        }
    }
}

/// A hub with these tables, in which everything is Ada's.
async fn hub(store: Kind, tables: &Tables) -> (Hub, Database) {
    let database = Database::create(store).await;
    database.outsider().await.runs(&tables.before).await;
    let names: std::collections::BTreeSet<&str> =
        tables.cases.iter().map(|case| case.table).collect();
    let declared = names.iter().map(|name| {
        format!(
            "[[tables]]\nname = \"{name}\"\nchannel = \"forms:{{board}}\"\n\
             insert = \"editor\"\nupdate = \"editor\"\ndelete = \"editor\"\n"
        )
    });
    let access = "[[access]]\nkind = \"forms\"\nown = \"editor\"\n";
    let declared = format!("shipped_tables = false\n{}{access}", declared.collect::<String>());
    std::fs::write(database.folder.path().join("rowcast.toml"), declared).expect("a file");
    let settings: Vec<(&str, &str)> = [
        "LIMITS__REQUESTS_PER_SECOND",
        "LIMITS__REQUESTS_BURST",
        "LIMITS__PERSON_REQUESTS_PER_SECOND",
        "LIMITS__PERSON_REQUESTS_BURST",
        "HTTP__PERSON_PER_SECOND",
        "HTTP__PERSON_BURST",
        "HTTP__ADDRESS_PER_SECOND",
        "HTTP__ADDRESS_BURST",
    ]
    .map(|name| (name, "1000000"))
    .to_vec();
    (Hub::start(&database, &settings).await, database)
}

async fn what_goes_out_comes_back_in(store: Kind) {
    let seed = std::env::var_os("ROWCAST_SEED").and_then(|seed| seed.to_str()?.parse().ok());
    let seed: u32 = seed.unwrap_or(3);
    println!("ROWCAST_SEED={seed}");
    let mut chance = Chance::from_seed(u64::from(seed));
    let mut tables = Tables::of(store, &mut chance);
    let (hub, database) = hub(store, &tables).await;
    let mut people = People::at(&hub, &database).await;
    let mut outsider = database.outsider().await;
    outsider.runs(&format!("BEGIN;\n{}COMMIT;", tables.inserts)).await;
    tables.rank(&mut outsider).await;
    people.have_all(&tables).await;
    let mut faults = Faults::default();
    for case in &tables.cases {
        faults.note(people.send_back(case, &mut chance).await);
    }
    faults.end(seed);
    people.have_all(&tables).await;
    for ((table, column), cases) in tables.by_column() {
        faults.note(people.find_and_page(table, column, &cases, &mut chance).await);
    }
    people.query_live(&tables, &mut faults);
    faults.end(seed);
}

/// What went wrong, so that one run tells of all types.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn note(&mut self, outcome: Result<(), String>) {
        self.0.extend(outcome.err());
    }

    fn end(&self, seed: u32) {
        assert!(self.0.is_empty(), "ROWCAST_SEED={seed}:\n{}", self.0.join("\n"));
    }
}

/// What a test wants, or words for [`Faults`].
macro_rules! wants {
    ($one:expr, $other:expr, $($words:tt)+) => {
        let (one, other) = (&$one, &$other);
        if one != other {
            return Err(format!("{}:\n    {one:?}\n    {other:?}", format!($($words)+)));
        }
    };
}

fn channel() -> ChannelName {
    ChannelName::new("forms:ada").expect("a channel's name")
}

/// Two devices and a program, all of them Ada's.
struct People {
    devices: [Device; 2],
    browser: Browser,
}

impl People {
    async fn at(hub: &Hub, database: &Database) -> Self {
        let token = token(database, "ada", Duration::from_secs(3600));
        let device = async |codec| {
            let mut device = Device::connect(hub.address, codec, &token).await.expect("welcome");
            device.subscribes(&channel()).await;
            device
        };
        let devices = [device(Codec::Json).await, device(Codec::MsgPack).await];
        Self { devices, browser: Browser::at(hub.address).with_token(token) }
    }

    fn kind(&self, table: &str, column: &str) -> (ColumnType, Option<ColumnType>) {
        let mut tables = self.devices[0].welcome.schema.tables.iter().flatten();
        let table = tables.find(|known| known.name == table).expect("it is live");
        let column = table.columns.iter().find(|known| known.name == column).expect("it is known");
        (column.kind, column.items)
    }

    /// A row in one form, whichever encoding it came in.
    fn plain(&self, table: &str, row: &Fields) -> Fields {
        let plain = |(name, value): (&str, &Value)| {
            let (kind, items) = self.kind(table, name);
            let is_json = kind == ColumnType::Json || items == Some(ColumnType::Json);
            (name.to_owned(), plain_value(value, is_json))
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
    async fn have_all(&mut self, tables: &Tables) {
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
    async fn send_back(&mut self, case: &Case, chance: &mut Chance) -> Result<(), String> {
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
        let is_json = self.kind(case.table, &case.column).0 == ColumnType::Json;
        let guard = if is_json { self.plain(case.table, &own) } else { own };
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
    async fn find_and_page(
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

    /// What the JavaScript client finds and how it sorts, of the same rows in both encodings.
    fn query_live(&self, tables: &Tables, faults: &mut Faults) {
        for table in ["forms", "strict"] {
            let of_table = tables.by_column().into_iter().filter(|((of, _), _)| *of == table);
            let columns: Vec<(String, Vec<&Case>)> = of_table
                .filter(|((_, column), _)| {
                    !matches!(self.kind(table, column).0, ColumnType::Json | ColumnType::List)
                })
                .map(|((_, column), cases)| (column.to_owned(), cases))
                .collect();
            for (device, codec) in Codec::ALL.into_iter().enumerate() {
                if !columns.is_empty() {
                    self.queries_agree(table, &columns, device, codec, faults);
                }
            }
        }
    }

    fn queries_agree(
        &self,
        table: &str,
        columns: &[(String, Vec<&Case>)],
        device: usize,
        codec: Codec,
        faults: &mut Faults,
    ) {
        let view = self.devices[device].view(&channel());
        let page = SnapshotPage {
            channel: channel(),
            table: table.to_owned(),
            seq: view.seq,
            rows: view.table(table).cloned().collect(),
        };
        let frame = codec.encode(&ServerMessage::News(News::Snapshot(page)));
        let types = columns.iter().map(|(c, _)| (c.clone(), self.kind(table, c).0));
        let asked = serde_json::json!({
            "codec": if codec == Codec::Json { "json" } else { "msgpack" },
            "frame": frame.to_vec(),
            "types": types.collect::<BTreeMap<_, _>>(),
        });
        let answers = live_queries(&asked.to_string());
        let answers: BTreeMap<String, Queried> = serde_json::from_str(&answers).expect("answers");
        for (column, cases) in columns {
            faults.note(answers[column].agrees(cases));
        }
    }
}

/// What a live query of a column gives.
#[derive(Debug, Deserialize)]
struct Queried {
    up: Vec<usize>,
    down: Vec<usize>,
    /// By row and test: who passes when compared with the row's own value.
    found: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
}

impl Queried {
    fn agrees(&self, cases: &[&Case]) -> Result<(), String> {
        for (sorted, down) in [(&self.up, false), (&self.down, true)] {
            let sorted = known_in_order(sorted, cases);
            wants!(sorted, in_order(cases, down), "{}: a live query's order", cases[0].what);
        }
        for case in cases {
            for (test, found) in &self.found[&case.id.to_string()] {
                let Some(rank) = case.rank else {
                    let is_found = test != "eq" || found.contains(&case.id);
                    wants!(is_found, true, "{}: not found by a live query", case.what);
                    continue;
                };
                let holds = holds_of(test);
                let wanted = cases.iter().filter(|o| o.rank.is_some_and(|r| holds(r.cmp(&rank))));
                let wanted: Vec<usize> = wanted.map(|case| case.id).collect();
                wants!(known(found, cases), wanted, "{}: live query: {test}", case.what);
            }
        }
        Ok(())
    }
}

fn live_queries(asked: &str) -> String {
    let mut program = Command::new("node")
        .arg(tests().join("blackbox/forms/queries.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut input = program.stdin.take().expect("it is piped");
    input.write_all(asked.as_bytes()).expect("it reads");
    drop(input);
    let output = program.wait_with_output().expect("it ends");
    assert!(output.status.success(), "node failed");
    String::from_utf8(output.stdout).expect("it writes JSON")
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

type Holds = fn(std::cmp::Ordering) -> bool;

fn test(chance: &mut Chance) -> (&'static str, Holds) {
    let name = *chance.one_of(&[&"eq", &"ne", &"in", &"lt", &"lte", &"gt", &"gte"]);
    (name, holds_of(name))
}

fn holds_of(test: &str) -> Holds {
    match test {
        "eq" | "in" => |order| order.is_eq(),
        "ne" => |order| order.is_ne(),
        "lt" => |order| order.is_lt(),
        "lte" => |order| order.is_le(),
        "gt" => |order| order.is_gt(),
        _ => |order| order.is_ge(),
    }
}

/// Those of a column of which something is known, by id.
fn known(ids: &[usize], cases: &[&Case]) -> Vec<usize> {
    let mut known = known_in_order(ids, cases);
    known.sort_unstable();
    known
}

fn known_in_order(ids: &[usize], cases: &[&Case]) -> Vec<usize> {
    let is_known = |id: &&usize| cases.iter().any(|case| case.id == **id && case.rank.is_some());
    ids.iter().filter(is_known).copied().collect()
}

/// The rows of a column in order; equal values by their key.
fn in_order(cases: &[&Case], down: bool) -> Vec<usize> {
    let mut known: Vec<(isize, usize)> = cases
        .iter()
        .filter_map(|case| Some((case.rank?.cast_signed() * if down { -1 } else { 1 }, case.id)))
        .collect();
    known.sort_unstable();
    known.into_iter().map(|(_, id)| id).collect()
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
