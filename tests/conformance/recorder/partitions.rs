//! Tables in partitions, which are also written one by one, attached, detached and dropped.

use rowcast_protocol::ChannelName;

use super::PgBench;
use crate::{
    bench::{declarations, read_declarations},
    harness::Harness as _,
};

const TABLES: &str = "
    CREATE TABLE events (nr bigint, place text NOT NULL, title text, PRIMARY KEY (nr)) PARTITION BY RANGE (nr);
    CREATE TABLE low (title text, place text NOT NULL, nr bigint NOT NULL);
    ALTER TABLE events ATTACH PARTITION low FOR VALUES FROM (0) TO (100);
    CREATE TABLE high PARTITION OF events FOR VALUES FROM (100) TO (10000) PARTITION BY RANGE (nr);
    CREATE TABLE higher PARTITION OF high FOR VALUES FROM (100) TO (10000)";

const DECLARED: &str = "
    [[tables]]
    name = \"events\"
    channel = \"at:{place}\"
    update = \"editor\"";

fn here() -> ChannelName {
    ChannelName::new("at:here").unwrap()
}

#[tokio::test]
async fn rows_written_straight_into_a_partition_are_recorded() {
    let bench = PgBench::with_tables(TABLES, DECLARED).await;
    for sql in [
        "INSERT INTO low (nr, place, title) VALUES (1, 'here', 'a'), (2, 'here', 'b')",
        "INSERT INTO higher VALUES (200, 'here', 'c')",
        "INSERT INTO events VALUES (3, 'here', 'd'), (300, 'here', 'e')",
        "UPDATE low SET title = 'f' WHERE nr = 1",
        "UPDATE high SET title = title || '!', nr = nr + 1000",
        "UPDATE events SET title = title || '?'",
        "UPDATE events SET nr = nr + 5000 WHERE nr = 2",
        "INSERT INTO events VALUES (3, 'here') ON CONFLICT (nr) DO UPDATE SET title = 'again'",
        "DELETE FROM high WHERE nr = 1200",
        "DELETE FROM events WHERE nr = 3",
    ] {
        bench.outside(sql).await;
        bench.log_gives_the_rows(&here()).await;
    }
    let title = [("title", "edited".into())];
    bench.applies("ada", &here(), vec![bench.set("events", &1.into(), &title)]).await;
    bench.log_gives_the_rows(&here()).await;
    bench.outside("TRUNCATE low").await;
    assert_eq!(bench.last_stored(&here()).await.reset, ["events"]);
}

#[tokio::test]
async fn partitions_that_come_and_go_have_the_table_shown_anew() {
    let mut all = declarations();
    all.tables.extend(read_declarations(DECLARED).tables);
    for change in [
        "DROP TABLE low",
        "ALTER TABLE events DETACH PARTITION low",
        "CREATE TABLE more (nr bigint NOT NULL, place text NOT NULL, title text);
         INSERT INTO more VALUES (20000, 'here', 'attached');
         ALTER TABLE events ATTACH PARTITION more FOR VALUES FROM (10000) TO (30000)",
    ] {
        let bench = PgBench::with_tables(TABLES, DECLARED).await;
        bench.outside("INSERT INTO events VALUES (1, 'here', 'a'), (101, 'here', 'b')").await;
        bench.outsider().await.run(change).await;
        bench.harness.migrate(&all).await.unwrap();
        bench.number().await;
        assert_eq!(bench.last_stored(&here()).await.reset, ["events"], "{change}");
        let store = bench.harness.open(&all, rowcast::store::fold::EntryLimits::default()).await;
        let bench = bench.reopened(store.unwrap());
        if change.contains("ATTACH") {
            bench.outside("UPDATE more SET title = 'seen'").await;
            assert_eq!(bench.last_stored(&here()).await.changes.len(), 1, "{change}");
        } else if change.contains("DETACH") {
            let head = bench.head(&here()).await;
            bench.outside("UPDATE low SET title = 'unconcerned'").await;
            assert_eq!(bench.head(&here()).await, head);
        }
    }
}
