//! Values that columns of SQLite hold, out and in: those of their type in all spellings, and others.

use rowcast::reads::Reads;
use rowcast_protocol::{ChannelName, Value};

use super::Sqlite;
use crate::{
    bench::{Bench, text},
    suite::forms::{Samples, all_come_back},
};

const SAMPLES: &[Samples] = &[
    ("BOOLEAN", &["TRUE", "0"]),
    ("BIGINT", &["9007199254740993", "-9223372036854775808"]),
    ("DOUBLE PRECISION", &["0.1", "9e999", "-9e999", "-0.0", "'NaN'", "'heavy'", "5e-324"]),
    (
        "DECIMAL TEXT",
        &["'12.50'", "'NaN'", "'-1e-30'", "'123456789012345678901234567890.5'", "'a lot'"],
    ),
    ("NUMERIC", &["12.50", "0.1 + 0.2", "7", "1e30"]),
    ("TEXT", &["''", "'a,b'", "'a' || char(0) || 'b'", "'Zoë 😀'"]),
    ("DATE", &["'2026-12-01'", "'2026-12-02 00:00:00'", "'infinity'", "'-000043-03-15'", "'soon'"]),
    ("TIME", &["'10:15'", "'24:00:00'", "'10:15:00.5'"]),
    (
        "DATETIME",
        &[
            "'2026-12-01 09:00:00.000000'",
            "'2026-12-01T09:00:00Z'",
            "'2026-12-01T10:00:00+01:00'",
            "'2026-12-01'",
            "1796115600",
            "1796115600000",
            "2461376.5",
            "'later'",
            "'infinity'",
        ],
    ),
    ("BLOB", &["x'00ff'", "x''"]),
    (
        "JSON",
        &[
            "'{\"wei\": 123456789012345678901234, \"x\": 1e400}'",
            "'[1.0, 18446744073709551615]'",
            "'\"s\"'",
            "7",
        ],
    ),
    ("ODD", &["'x'", "5", "1.5"]),
];

#[tokio::test]
async fn values_of_all_spellings_come_back_in() {
    all_come_back::<Sqlite>("", SAMPLES).await;
}

#[tokio::test]
async fn instants_are_found_by_value_and_written_as_declared() {
    let sql =
        "CREATE TABLE meetings (id BIGINT PRIMARY KEY, g TEXT NOT NULL, start_time DATETIME);";
    let declared = r#"
        [[tables]]
        name = "meetings"
        channel = "g:{g}"
        insert = "editor"
        timestamps = "spaced"
    "#;
    let bench = Bench::<Sqlite>::with_tables(sql, declared).await;
    let channel = ChannelName::new("g:a").unwrap();
    bench
        .outside(
            "INSERT INTO meetings VALUES (1, 'a', '2026-12-01 09:00:00.000000'),
                (2, 'a', '2026-12-01T08:00:00Z'), (3, 'a', '2026-11-30 23:59:59'), (4, 'a', 1796119200)",
        )
        .await;
    let at = text("2026-12-01T09:30:00.000000Z");
    let fields = [("id", Value::Int(5)), ("g", text("a")), ("start_time", at)];
    bench.applies("ada", &channel, vec![bench.insert("meetings", &fields)]).await;
    let asked = async |parameters: &[(&str, &str)]| {
        let owned: Vec<_> =
            parameters.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
        let listed =
            Reads::new(bench.store.clone()).list(&channel, "meetings", &owned).await.unwrap();
        listed.items.iter().map(|row| row.get("id").unwrap().clone()).collect::<Vec<_>>()
    };
    let ids = |ids: &[i64]| ids.iter().map(|id| Value::Int(*id)).collect::<Vec<_>>();
    assert_eq!(asked(&[("sort", "start_time")]).await, ids(&[3, 2, 1, 5, 4]));
    assert_eq!(asked(&[("start_time.gte", "2026-12-01")]).await, ids(&[1, 2, 4, 5]));
    assert_eq!(asked(&[("start_time", "2026-12-01T10:00:00+01:00")]).await, ids(&[1]));
    let written = "SELECT start_time FROM meetings WHERE id = 5";
    let written: String =
        sqlx::query_scalar(written).fetch_one(&mut bench.harness.connect().await).await.unwrap();
    assert_eq!(written, "2026-12-01 09:30:00.000000");
}
