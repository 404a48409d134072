//! What goes out comes back in: values of every type of both databases, by chance. Each is received,
//! sent back, guarded with, filtered by, paged by, taken away, put back and restored, in both encodings,
//! over sockets and REST, and by the live queries of the JavaScript client.
//!
//! `ROWCAST_SEED` plays a run again.

mod chance;
mod live;
mod meaning;
mod of_postgres;
mod of_sqlite;
mod order;
mod people;

use std::collections::BTreeMap;

use chance::Chance;
use meaning::Meaning;
use people::People;

use crate::support::{
    database::{Database, Kind, Outsider},
    hub::Hub,
    on_both_stores,
};

on_both_stores! {
    what_goes_out_comes_back_in,
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
pub(crate) use wants;

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
