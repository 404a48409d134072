//! Looks for what should not be.

use std::collections::{BTreeMap, BTreeSet};

use rowcast_protocol::{Change, ChannelName, Fields, Seq, Value};
use sqlx::SqlitePool;

use super::{
    super::{
        Finding, PagePlace, Unwatched, Verdict, error::StoreError, reference::unpaired,
        schema::LiveTable,
    },
    connection::{Connection, nth, quoted, store_error},
    facts::Facts,
    migrate::{expected_of, present},
    page::page,
    raw::{Bound, number, own},
    read::{changes, rows, tag},
    row::key_columns,
    transaction::key_text,
    triggers::Trigger,
};

/// Channels whose rows are compared with their log: those that changed last.
const CHANNELS: i64 = 50;

/// Entries of each that are folded.
const ENTRIES: i64 = 500;

/// Rows of a page.
const ROWS: u32 = 1_000;

fn finding(subject: impl Into<String>, wrong: Option<String>, good: &str) -> Finding {
    let verdict = if wrong.is_some() { Verdict::Bad } else { Verdict::Good };
    Finding { subject: subject.into(), verdict, detail: wrong.unwrap_or_else(|| good.to_owned()) }
}

/// Examines the connection that writes, and what is recorded.
pub(super) async fn writer(
    facts: &Facts,
    connection: &mut Connection,
) -> Result<Vec<Finding>, StoreError> {
    let mut findings = settings(connection).await?;
    findings.extend(facts.schema.unwatched.iter().map(Unwatched::finding));
    findings.extend(recording(facts, connection).await?);
    Ok(findings)
}

/// Examines the file, the logs and the rows, while others go on writing.
pub(super) async fn contents(facts: &Facts, pool: &SqlitePool) -> Result<Vec<Finding>, StoreError> {
    let mut findings = vec![file(pool).await?];
    findings.extend(references(facts, pool).await?);
    findings.extend(gaps(pool).await?);
    findings.extend(rows_and_logs(facts, pool).await?);
    Ok(findings)
}

async fn text(connection: &mut Connection, sql: &str) -> Result<String, StoreError> {
    let answers = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
    let row = nth(answers, 0).rows.pop();
    row.map_or(Ok(String::new()), |row| own(&row, 0))
}

async fn settings(connection: &mut Connection) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for (name, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        let found = text(connection, &sql).await?;
        let wrong = (found != wanted).then(|| format!("is {found}, must be {wanted}"));
        findings.push(finding(format!("setting {name}"), wrong, wanted));
    }
    Ok(findings)
}

async fn file(pool: &SqlitePool) -> Result<Finding, StoreError> {
    let answer = rows(pool, "PRAGMA quick_check(1)".to_owned(), Bound::none()).await?;
    let found: String = answer.first().map_or(Ok(String::new()), |row| own(row, 0))?;
    let wrong = (found != "ok").then(|| format!("is damaged: {found}; restore it from a backup"));
    Ok(finding("the database file", wrong, "whole"))
}

async fn recording(facts: &Facts, connection: &mut Connection) -> Result<Vec<Finding>, StoreError> {
    let found = present(connection).await?;
    let mut findings = Vec::new();
    for table in &facts.schema.tables {
        let wrong = match expected_of(connection, table).await {
            Ok(wanted) => missing(&wanted, &found, &table.name),
            Err(StoreError::Unfit(words)) => Some(words),
            Err(error) => return Err(error),
        };
        findings.push(finding(format!("triggers of {}", table.name), wrong, "as declared"));
    }
    Ok(findings)
}

fn missing(wanted: &[Trigger], found: &[Trigger], table: &str) -> Option<String> {
    let missing = wanted.iter().filter(|trigger| !found.contains(trigger));
    let missing: Vec<&str> = missing.map(|trigger| trigger.name.as_str()).collect();
    (!missing.is_empty())
        .then(|| format!("missing or changed: {}; run `rowcast mend {table}`", missing.join(", ")))
}

/// Foreign keys that may lead out of their channels.
async fn references(facts: &Facts, pool: &SqlitePool) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for unpaired in unpaired(&facts.schema.tables, |table| quoted(&table.name)) {
        let counted = rows(pool, unpaired.count(), Bound::none()).await?;
        findings.push(unpaired.finding(counted.first().map_or(Ok(0), |row| own(row, 0))?));
    }
    Ok(findings)
}

async fn gaps(pool: &SqlitePool) -> Result<Vec<Finding>, StoreError> {
    let sql = "SELECT name, wanted, found FROM (
            SELECT c.name AS name, c.head - c.floor AS wanted,
                (SELECT count(*) FROM rowcast_entry e
                    WHERE e.channel = c.id AND e.seq > c.floor AND e.seq <= c.head) AS found,
                c.head = c.floor OR EXISTS (SELECT 1 FROM rowcast_entry e
                    WHERE e.channel = c.id AND e.seq = c.head AND e.tag = c.tag) AS is_newest
            FROM rowcast_channel c
        ) WHERE wanted <> found OR NOT is_newest"
        .to_owned();
    let mut findings = Vec::new();
    for row in rows(pool, sql, Bound::none()).await? {
        let name: String = own(&row, 0)?;
        let (wanted, found) = (number(&row, 1)?, number(&row, 2)?);
        let wrong = if wanted == found {
            "the newest entry is not the one that was numbered".to_owned()
        } else {
            format!("{wanted} entries should be there, {found} are")
        };
        findings.push(finding(format!("log of {name}"), Some(wrong), ""));
    }
    if findings.is_empty() {
        findings.push(finding("logs", None, "without gaps"));
    }
    Ok(findings)
}

/// What a log says of rows: the fields it set last, or that the row is gone.
type Told = BTreeMap<(String, String), Option<Fields>>;

async fn rows_and_logs(facts: &Facts, pool: &SqlitePool) -> Result<Vec<Finding>, StoreError> {
    let sql = "SELECT id, name, head, tag FROM rowcast_channel WHERE head > floor
        ORDER BY (SELECT at FROM rowcast_entry WHERE channel = id AND seq = head) DESC LIMIT ?";
    let recent = rows(pool, sql.to_owned(), Bound::default().with(CHANNELS).done()).await?;
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &recent {
        let Ok(name) = ChannelName::new(own(row, 1)?) else { continue };
        let told = told(facts, pool, own(row, 0)?, number(row, 2)?).await?;
        compare(facts, pool, &name, (number(row, 2)?, tag(row, 3)?), told, &mut wrong).await?;
    }
    let tables = facts.schema.tables.iter().map(|table| {
        let rows = wrong.remove(&table.name).map(|rows| {
            let shown: Vec<&str> = rows.iter().take(5).map(String::as_str).collect();
            format!("{} rows differ from the log: {}", rows.len(), shown.join("; "))
        });
        finding(format!("rows of {}", table.name), rows, "equal to the log")
    });
    Ok(tables.collect())
}

async fn told(
    facts: &Facts,
    pool: &SqlitePool,
    channel: i64,
    head: Seq,
) -> Result<Told, StoreError> {
    let sql = "SELECT reset IS NOT NULL, changes FROM rowcast_entry
        WHERE channel = ? AND seq > ? AND seq <= ? ORDER BY seq";
    let head = head.cast_signed();
    let arguments = Bound::default().with(channel).with(head - ENTRIES).with(head).done();
    let mut told = Told::new();
    for row in rows(pool, sql.to_owned(), arguments).await? {
        if own::<bool>(&row, 0)? {
            told.clear();
            continue;
        }
        for change in changes(&facts.schema, own(&row, 1)?)? {
            tell(&mut told, change);
        }
    }
    Ok(told)
}

fn tell(told: &mut Told, change: Change) {
    let slot = |table: String, key: &Value| (table, key_text(key));
    match change {
        Change::Insert(row) | Change::Enter(row) => {
            told.insert(slot(row.table, &row.key), Some(row.row));
        }
        Change::Update(update) => {
            let known = told.entry(slot(update.table, &update.key)).or_insert(Some(Fields::new()));
            known.get_or_insert_default().0.extend(update.set.0);
        }
        Change::Delete(gone) | Change::Leave(gone) => {
            told.insert(slot(gone.table, &gone.key), None);
        }
    }
}

/// Compares what a log says with the rows, unless somebody changed the channel meanwhile.
async fn compare(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    head: (Seq, u32),
    mut told: Told,
    wrong: &mut BTreeMap<String, Vec<String>>,
) -> Result<(), StoreError> {
    let head = facts.cursor(head.0, head.1);
    let mut place: Option<PagePlace> = None;
    let mut differing: Vec<(String, String)> = Vec::new();
    let mut tables = BTreeSet::new();
    loop {
        let page = page(facts, pool, channel, place, ROWS).await?;
        if page.head != head || unnumbered(pool).await? {
            return Ok(());
        }
        let Some(table) = &page.table else { break };
        tables.insert(table.name.clone());
        for row in page.rows {
            let key = key_text(&key_in(table, &row));
            if let Some(said) = told.remove(&(table.name.clone(), key.clone())) {
                let same = said.is_some_and(|said| {
                    said.iter().all(|(name, value)| {
                        table.column(name).is_none() || row.get(name) == Some(value)
                    })
                });
                if !same {
                    differing.push((table.name.clone(), key));
                }
            }
        }
        match page.next {
            Some(next) => place = Some(next),
            None => break,
        }
    }
    let lost =
        told.into_iter().filter(|((table, _), said)| said.is_some() && tables.contains(table));
    differing.extend(lost.map(|(slot, _)| slot));
    for (table, key) in differing {
        wrong.entry(table).or_default().push(format!("{channel} {key}"));
    }
    Ok(())
}

async fn unnumbered(pool: &SqlitePool) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM rowcast_pending)".to_owned();
    rows(pool, sql, Bound::none()).await?.first().map_or(Ok(false), |row| own(row, 0))
}

fn key_in(table: &LiveTable, row: &Fields) -> Value {
    let mut parts: Vec<Value> = key_columns(table)
        .map(|column| row.get(&column.name).cloned().unwrap_or_default())
        .collect();
    if parts.len() == 1 { parts.swap_remove(0) } else { Value::List(parts) }
}
