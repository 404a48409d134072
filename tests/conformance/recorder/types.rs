//! Types that people made, as channels, as keys and as plain columns.

use rowcast_protocol::ChannelName;

use super::PgBench;

/// Columns whose names are words of the recorders themselves, or hard to quote.
const COLUMNS: &str = r#"channel text, "row" text, "new" text, "old" text, seq bigint, id bigint,
    tg_op text, rowcast_new text, rowcast_old text, rowcast_body text, rowcast_row bigint,
    rowcast_large text, rowcast_memory text, large text, memory text, n text, o text, c text, v text,
    g text, r text, u text, new_rows text, old_rows text, leaving boolean, changes text, found boolean,
    "SELECT" text, "Two Words" text, "it's" text, "say ""x""" text, "back\slash" text,
    "$rowcast$" text, "$$" text, "ünïcode" text,
    "a_name_of_sixty_three_bytes_which_is_as_long_as_a_name_can_be_1" text"#;

const TYPES: &str = "
    CREATE EXTENSION citext;
    CREATE TYPE mood AS ENUM ('glad', 'sad', 'Tired');
    CREATE TYPE pair AS (a integer, b text);
    CREATE DOMAIN word AS text CHECK (VALUE <> '');
    CREATE DOMAIN short_word AS word CHECK (length(VALUE) < 9);
    CREATE DOMAIN mark AS uuid;
    CREATE DOMAIN counted AS integer CHECK (VALUE >= 0);
    CREATE DOMAIN amount AS numeric;";

/// Types of a channel's column, and two values of each with the ids they stand for.
const CHANNELS: [(&str, [(&str, &str); 2]); 8] = [
    ("word", [("left", "left"), ("right", "right")]),
    ("short_word", [("left", "left"), ("right", "right")]),
    ("mood", [("glad", "glad"), ("Tired", "Tired")]),
    ("citext", [("Left", "Left"), ("right", "right")]),
    ("counted", [("7", "7"), ("8", "8")]),
    (
        "mark",
        [
            ("AAAAAAAA-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000001"),
            ("aaaaaaaa-0000-4000-8000-000000000002", "aaaaaaaa-0000-4000-8000-000000000002"),
        ],
    ),
    ("varchar(20)", [("left", "left"), ("right", "right")]),
    ("bigint", [("-1", "-1"), ("9007199254740993", "9007199254740993")]),
];

fn made(kind: &str) -> (String, String) {
    let table = format!("of {kind}");
    let sql = format!(
        r#"{TYPES}
        CREATE TABLE "{table}" (
            nr bigint, key mood DEFAULT 'glad', place {kind} NOT NULL, {COLUMNS}, e mood, ci citext, p pair,
            w word, a amount, es mood[], ts citext[], ps pair[], ws short_word[], am amount[], js json,
            span int4range, address inet, PRIMARY KEY (nr, key)
        );"#
    );
    let declared = format!("[[tables]]\nname = \"{table}\"\nchannel = \"at:{{place}}\"\n");
    (sql, declared)
}

const VALUES: &str = r#"e = 'sad', ci = 'Tee', p = '(1,"x,""y""")', w = 'w', a = 1.50, es = '{sad,Tired}',
    ts = '{"a,b",NULL}', ps = '{"(1,z)"}', ws = '{one,two}', am = '{1.10}', js = '{"a": [1, {}]}',
    span = '[1,5)', address = '10.0.0.1', "$rowcast$" = 'dollars', "say ""x""" = 'said', rowcast_row = 5"#;

async fn is_recorded(kind: &str, values: [(&str, &str); 2]) {
    let (sql, declared) = made(kind);
    let bench = PgBench::with_tables(&sql, &declared).await;
    let channels = values.map(|(_, id)| ChannelName::new(&format!("at:{id}")).unwrap());
    let [(one, _), (two, _)] = values;
    for sql in [
        format!("INSERT INTO t (nr, place) VALUES (1, '{one}'), (2, '{two}')"),
        format!("INSERT INTO t (nr, place, channel, \"SELECT\") VALUES (3, '{one}', 'c', 's')"),
        format!("UPDATE t SET {VALUES} WHERE nr = 1"),
        "UPDATE t SET e = NULL, p = NULL, js = NULL WHERE nr = 1".to_owned(),
        format!("UPDATE t SET {VALUES}, channel = 'all', large = 'l', memory = 'm', tg_op = 'o'"),
        "UPDATE t SET p = '(,)', key = 'sad' WHERE nr = 2".to_owned(),
        format!("UPDATE t SET place = '{two}' WHERE nr = 1"),
        format!("UPDATE t SET place = '{one}' WHERE nr <= 2"),
        "DELETE FROM t WHERE nr = 3".to_owned(),
    ] {
        bench.outside(&sql.replace(" t ", &format!(" \"of {kind}\" "))).await;
        for channel in &channels {
            assert!(bench.log(channel).await.iter().all(|entry| entry.reset.is_empty()), "{sql}");
            bench.log_gives_the_rows(channel).await;
        }
    }
    let name = format!("of {kind}");
    // Whether the newest entry of each channel then is a reset.
    for (sql, is_large) in [
        (
            format!("INSERT INTO t (nr, place) SELECT i, '{one}' FROM generate_series(11, 1200) i"),
            [true, false],
        ),
        (
            format!(
                "INSERT INTO t (nr, place) SELECT i, '{two}' FROM generate_series(2001, 2020) i"
            ),
            [true, false],
        ),
        (format!("UPDATE t SET {VALUES}"), [true, false]),
        ("UPDATE t SET memory = 'n', place = place WHERE nr > 10".to_owned(), [true, false]),
        ("DELETE FROM t WHERE nr > 10".to_owned(), [true, false]),
    ] {
        bench.outside(&sql.replace(" t ", &format!(" \"{name}\" "))).await;
        for (channel, is_large) in channels.iter().zip(is_large) {
            let reset = &bench.last_stored(channel).await.reset;
            assert_eq!(reset.contains(&name), is_large, "{kind}, {channel}: {sql}");
        }
    }
}

macro_rules! every_channel {
    ($($name:ident $nth:literal),* $(,)?) => { $(
        #[tokio::test]
        async fn $name() {
            let (kind, values) = CHANNELS[$nth];
            is_recorded(kind, values).await;
        }
    )* };
}

every_channel!(
    rows_on_channels_of_a_domain_are_recorded 0,
    rows_on_channels_of_a_domain_of_a_domain_are_recorded 1,
    rows_on_channels_of_an_enum_are_recorded 2,
    rows_on_channels_of_citext_are_recorded 3,
    rows_on_channels_of_a_domain_of_numbers_are_recorded 4,
    rows_on_channels_of_a_domain_of_uuids_are_recorded 5,
    rows_on_channels_of_short_texts_are_recorded 6,
    rows_on_channels_of_big_numbers_are_recorded 7,
);
