//! Looks for what should not be: settings, triggers, gaps, rows that differ from their log.

use std::collections::{BTreeMap, HashMap};

use rowcast_protocol::{Change, ChannelName, Fields, Value};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::{
    PostgresStore,
    entry::EntryRow,
    failure::store_error,
    name::{column, json_of_row, of, table_name},
    raw::{key_of_fields, row_from_json},
    recorder::recorders,
    snapshot::is_no_value,
};
use crate::store::{
    Finding, LiveSchema, LiveTable, StoreError, Unwatched, Verdict, reference::unpaired,
};

/// How many channels are compared with their logs: those with the newest entries.
const CHANNELS: i64 = 100;

/// How many entries of a log are folded.
const ENTRIES: i64 = 500;

/// Channels with more rows are not compared.
const ROWS: i64 = 20_000;

const SETTINGS: &str = "SELECT current_setting('fsync') = 'on' AS fsync, \
    current_setting('full_page_writes') = 'on' AS pages, \
    (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') <> 'off' AS synchronous, \
    current_setting('server_version') AS version, \
    coalesce((SELECT max(age(backend_xmin)) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL), 0) AS held, \
    (SELECT count(*) FROM pg_prepared_xacts WHERE prepared < now() - interval '1 hour') AS prepared";

const GAPS: &str = "SELECT channel, count(*) AS found, min(seq) AS first, max(seq) AS last \
    FROM rowcast.entry GROUP BY channel HAVING max(seq) - min(seq) + 1 <> count(*) LIMIT 100";

const RECENT: &str =
    "SELECT channel FROM rowcast.entry GROUP BY channel ORDER BY max(at) DESC LIMIT $1";

const NEWEST: &str = "
    SELECT * FROM (
        SELECT e.channel, e.seq, e.tag, '' AS at, e.actor, NULL AS edits, e.reset, e.changes
        FROM rowcast.entry e WHERE e.channel = $1 ORDER BY e.seq DESC LIMIT $2
    ) log
    UNION ALL
    SELECT p.channel, 9000000000000000000 AS seq, 0, '', NULL, NULL,
        CASE WHEN bool_or(p.changes IS NULL) THEN array_agg(p.tbl) END,
        string_agg(concat('{\"t\":', to_json(p.tbl), ',\"s\":0,\"c\":[', p.changes, ']}'), ',' ORDER BY p.id)
    FROM rowcast.pending p WHERE p.channel = $1 GROUP BY p.channel
    ORDER BY seq DESC";

impl PostgresStore {
    /// See [`Store::examine`](crate::store::Store::examine).
    pub(super) async fn look_around(&self) -> Result<Vec<Finding>, StoreError> {
        let mut lent = self.pools.reader().await?;
        let connection = lent.connection();
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::raw_sql(begin).execute(&mut *connection).await.map_err(store_error)?;
        let found = self.look(&mut *connection).await;
        let end = sqlx::raw_sql("ROLLBACK").execute(connection).await;
        lent.settle(end)?;
        found
    }

    async fn look(&self, connection: &mut PgConnection) -> Result<Vec<Finding>, StoreError> {
        let mut findings = settings(connection).await.map_err(store_error)?;
        let schema = self.schema.load_full();
        findings.extend(schema.unwatched.iter().map(Unwatched::finding));
        for table in &schema.tables {
            findings.push(triggers(connection, table).await.map_err(store_error)?);
        }
        findings.extend(self.references(connection).await.map_err(store_error)?);
        findings.extend(gaps(connection).await.map_err(store_error)?);
        findings.extend(self.compare(connection).await?);
        Ok(findings)
    }

    /// Foreign keys that may lead out of their channels.
    async fn references(&self, connection: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
        let schema = self.schema.load_full();
        let mut findings = Vec::new();
        for unpaired in unpaired(&schema.tables, table_name) {
            let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(unpaired.count()));
            findings.push(unpaired.finding(query.fetch_one(&mut *connection).await?));
        }
        Ok(findings)
    }

    /// Rows against what their logs say of them.
    async fn compare(&self, connection: &mut PgConnection) -> Result<Vec<Finding>, StoreError> {
        let names: Vec<String> = sqlx::query_scalar(RECENT)
            .bind(CHANNELS)
            .fetch_all(&mut *connection)
            .await
            .map_err(store_error)?;
        let schema = self.schema.load_full();
        let mut wrong: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in &names {
            let Ok(channel) = ChannelName::new(name) else { continue };
            let told = self.told(connection, &schema, &channel).await?;
            for table in schema.tables.iter().filter(|t| t.channel_kind == channel.kind()) {
                let Some(rows) = rows(connection, table, &channel).await? else { continue };
                let differing = differing(table, &told, &rows);
                wrong
                    .entry(&table.name)
                    .or_default()
                    .extend(differing.into_iter().map(|key| format!("{key} in {channel}")));
            }
        }
        let findings = schema.tables.iter().map(|table| {
            let wrong = wrong.remove(table.name.as_str()).unwrap_or_default();
            rows_finding(&table.name, &wrong)
        });
        Ok(findings.collect())
    }

    /// What the newest entries of a log, and what is not numbered yet, say of rows.
    async fn told(
        &self,
        connection: &mut PgConnection,
        schema: &LiveSchema,
        channel: &ChannelName,
    ) -> Result<Told, StoreError> {
        let query = sqlx::query(NEWEST).bind(channel.as_str()).bind(ENTRIES);
        let rows = query.fetch_all(connection).await.map_err(store_error)?;
        let mut told = Told::default();
        for row in rows {
            let row = EntryRow::read(&row).map_err(store_error)?;
            if row.reset.is_some() {
                break;
            }
            let entry = row.decode(schema)?.stored.entry;
            for change in entry.changes.into_iter().rev() {
                told.take(change);
            }
        }
        Ok(told)
    }
}

fn finding(
    subject: impl Into<String>,
    bad: Verdict,
    good: bool,
    detail: impl Into<String>,
) -> Finding {
    let verdict = if good { Verdict::Good } else { bad };
    Finding { subject: subject.into(), verdict, detail: detail.into() }
}

/// An age of the oldest snapshot, in transactions, above which dead rows pile up.
const OLD_SNAPSHOT: i32 = 5_000_000;

async fn settings(connection: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let row = sqlx::query(SETTINGS).fetch_one(connection).await?;
    let (fsync, pages): (bool, bool) = (row.try_get("fsync")?, row.try_get("pages")?);
    let synchronous: bool = row.try_get("synchronous")?;
    let version: String = row.try_get("version")?;
    let (held, prepared): (i32, i64) = (row.try_get("held")?, row.try_get("prepared")?);
    Ok(vec![
        finding("server version", Verdict::Bad, true, format!("PostgreSQL {version}")),
        finding(
            "durability",
            Verdict::Bad,
            fsync && pages,
            "fsync and full_page_writes must be on, or a crash loses what was acked",
        ),
        finding(
            "synchronous_commit",
            Verdict::Doubtful,
            synchronous,
            "hubs always use it; where it is off, a crash may lose what other writers committed",
        ),
        finding(
            "old snapshots",
            Verdict::Doubtful,
            held < OLD_SNAPSHOT && prepared == 0,
            format!(
                "the oldest is {held} transactions old; {prepared} prepared transactions are older than an hour; both keep dead rows"
            ),
        ),
    ])
}

/// Whether the triggers of a table and its partitions are there, and those that this program makes.
pub(super) async fn triggers(
    connection: &mut PgConnection,
    table: &LiveTable,
) -> Result<Finding, sqlx::Error> {
    let found = triggers_of(connection, table).await?;
    let missing: Vec<String> = recorders(table)
        .filter(|wanted| {
            let trigger = wanted.event.trigger();
            let function = wanted.function();
            !found.contains(&(wanted.relation.oid, trigger, function))
        })
        .map(|wanted| format!("{} of {}", wanted.event.trigger(), wanted.relation.sql_name))
        .collect();
    let detail = if missing.is_empty() {
        "all there, and enabled always".to_owned()
    } else {
        format!(
            "missing, out of date or not enabled always: {}; run `rowcast migrate`",
            missing.join(", ")
        )
    };
    Ok(finding(format!("triggers of {}", table.name), Verdict::Bad, missing.is_empty(), detail))
}

/// Whether every change of a table is recorded, be it by triggers that are out of date.
pub(super) async fn is_watched(
    connection: &mut PgConnection,
    table: &LiveTable,
) -> Result<bool, sqlx::Error> {
    let found = triggers_of(connection, table).await?;
    Ok(recorders(table).all(|wanted| {
        let trigger = wanted.event.trigger();
        found.iter().any(|(oid, name, _)| *oid == wanted.relation.oid && *name == trigger)
    }))
}

/// The recording triggers that always fire: the relation, the name and the function of each.
async fn triggers_of(
    connection: &mut PgConnection,
    table: &LiveTable,
) -> Result<Vec<(i64, String, String)>, sqlx::Error> {
    let sql = "SELECT t.tgrelid::bigint, t.tgname::text, p.proname::text FROM pg_trigger t \
               JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = 'rowcast'::regnamespace \
               WHERE t.tgrelid = ANY ($1::bigint[]::oid[]) AND t.tgenabled = 'A'";
    let oids: Vec<i64> = table.relations.iter().map(|relation| relation.oid).collect();
    sqlx::query_as(sql).bind(oids).fetch_all(connection).await
}

async fn gaps(connection: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let rows = sqlx::query(GAPS).fetch_all(connection).await?;
    if rows.is_empty() {
        return Ok(vec![finding("logs", Verdict::Bad, true, "none has a gap")]);
    }
    let findings = rows.iter().map(|row| {
        let channel: String = row.try_get("channel")?;
        let (found, first, last): (i64, i64, i64) =
            (row.try_get("found")?, row.try_get("first")?, row.try_get("last")?);
        let detail = format!("has {found} entries between {first} and {last}: some are missing");
        Ok(finding(format!("log of {channel}"), Verdict::Bad, false, detail))
    });
    findings.collect()
}

fn rows_finding(table: &str, wrong: &[String]) -> Finding {
    let detail = if wrong.is_empty() {
        "rows of the channels that changed lately equal their logs".to_owned()
    } else {
        let some: Vec<&str> = wrong.iter().take(10).map(String::as_str).collect();
        format!("{} rows differ from their logs, among them {}", wrong.len(), some.join(", "))
    };
    finding(format!("rows of {table}"), Verdict::Bad, wrong.is_empty(), detail)
}

/// What is known of a row from its log, newest first.
#[derive(Debug, Default)]
struct Row {
    fields: Fields,
    gone: bool,
    whole: bool,
}

/// Rows by table and key.
#[derive(Debug, Default)]
struct Told {
    rows: HashMap<(String, String), Row>,
}

impl Told {
    /// Takes a change that is older than all taken before.
    fn take(&mut self, change: Change) {
        let (table, key, fields, gone, whole) = match change {
            Change::Insert(row) | Change::Enter(row) => (row.table, row.key, row.row, false, true),
            Change::Update(row) => (row.table, row.key, row.set, false, false),
            Change::Delete(row) | Change::Leave(row) => {
                (row.table, row.key, Fields::new(), true, true)
            }
        };
        let row = self.rows.entry((table, text(&key))).or_default();
        if row.whole {
            return;
        }
        for (name, value) in fields.0 {
            row.fields.0.entry(name).or_insert(value);
        }
        (row.gone, row.whole) = (gone, whole);
    }
}

fn text(key: &Value) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

/// All rows of a channel by their keys; `None`: too many to compare, or the channel has none.
async fn rows(
    connection: &mut PgConnection,
    table: &LiveTable,
    channel: &ChannelName,
) -> Result<Option<HashMap<String, Fields>>, StoreError> {
    let Some(of_channel) = column(table, table.channel_column) else { return Ok(None) };
    let sql = format!(
        "SELECT {} FROM {} t WHERE {} = $1::{} LIMIT $2",
        json_of_row("t", table),
        table_name(table),
        of("t", of_channel),
        of_channel.sql_type,
    );
    let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).bind(channel.id());
    let found = query.bind(ROWS + 1).fetch_all(connection).await;
    if found.as_ref().is_err_and(is_no_value) {
        return Ok(None);
    }
    let found = found.map_err(store_error)?;
    if i64::try_from(found.len()).unwrap_or(i64::MAX) > ROWS {
        return Ok(None);
    }
    let mut rows = HashMap::with_capacity(found.len());
    for json in found {
        let fields = row_from_json(table, &json)?;
        rows.insert(text(&key_of_fields(table, &fields)), fields);
    }
    Ok(Some(rows))
}

/// The keys of rows that are not as the log says.
fn differing(table: &LiveTable, told: &Told, rows: &HashMap<String, Fields>) -> Vec<String> {
    let of_table = told.rows.iter().filter(|((name, _), _)| *name == table.name);
    let wrong = of_table.filter(|((_, key), told)| match rows.get(key) {
        None => !told.gone,
        Some(row) => {
            told.gone
                || told.fields.iter().any(|(name, value)| {
                    table.column(name).is_some() && row.get(name) != Some(value)
                })
        }
    });
    wrong.map(|((_, key), _)| key.clone()).collect()
}
