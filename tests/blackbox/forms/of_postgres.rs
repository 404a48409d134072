//! Types of PostgreSQL, and values of each by chance.

use super::{
    Column, Order,
    chance::{Chance, hex, quoted},
};

/// What the types need.
pub(super) const BEFORE: &str = "
    CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore;
    CREATE EXTENSION IF NOT EXISTS ltree;
    CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TYPE mood AS ENUM ('zen', 'angry', 'a, \"b\"', '');
    CREATE TYPE pair AS (a integer, b text);
    CREATE TYPE floats AS RANGE (subtype = float8);
    CREATE DOMAIN cents AS numeric(12, 2) CHECK (VALUE >= 0);
    CREATE DOMAIN price AS cents CHECK (VALUE < 100000);
    CREATE DOMAIN marks AS text[] CHECK (cardinality(VALUE) < 9);
    CREATE DOMAIN couple AS pair;
    CREATE DOMAIN when_free AS timestamptz;";

/// In which order the database has the values of a column, if the protocol has one.
const NATIVE: Order = Order::BySql("{c}");
const BYTES: Order = Order::BySql("({c}::text COLLATE \"C\")");
const NONE: Order = Order::Unknown;

pub(super) const COLUMNS: &[Column] = &[
    Column("boolean", NATIVE, |chance| chance.one_in(2).to_string()),
    Column("smallint", NATIVE, |chance| chance.int(16).to_string()),
    Column("integer", NATIVE, |chance| chance.int(32).to_string()),
    Column("bigint", NATIVE, |chance| quoted(&chance.int(64).to_string())),
    Column("real", Order::BySql("({c}::text::float8)"), |chance| {
        format!("'{:e}'", chance.double() as f32)
    }),
    Column("double precision", NATIVE, |chance| format!("'{:e}'", chance.double())),
    Column("numeric", NATIVE, numeric),
    Column("numeric(10, 2)", NATIVE, |chance| format!("({})::numeric / 100", chance.int(30))),
    Column("text", BYTES, |chance| quoted(&chance.text(8))),
    Column("text COLLATE anycase", BYTES, |chance| quoted(&chance.text(2))),
    Column("varchar(40)", BYTES, |chance| quoted(&chance.text(5))),
    Column("char(40)", BYTES, |chance| quoted(&chance.text(5))),
    Column("citext", BYTES, |chance| quoted(&chance.text(3))),
    Column("name", BYTES, |chance| quoted(&chance.text(5))),
    Column("\"char\"", BYTES, |chance| quoted(chance.one_of(&["a", "", "\"", "~"]))),
    Column("uuid", NATIVE, |chance| quoted(&chance.uuid().to_string())),
    Column("bytea", NATIVE, |chance| format!("'\\x{}'", hex(&chance.bytes(9)))),
    Column("date", NATIVE, |chance| day(chance, 5_874_897)),
    Column("time", NATIVE, time),
    Column("time(0)", NATIVE, time),
    Column("timetz", BYTES, |chance| format!("'{}{}'", time_of_day(chance), offset(chance))),
    Column("timestamp", NATIVE, |chance| instant(chance, "")),
    Column("timestamptz", NATIVE, |chance| instant(chance, "+00")),
    Column("timestamptz(3)", NATIVE, |chance| instant(chance, "+05:45")),
    Column("when_free", NATIVE, |chance| instant(chance, "-12")),
    Column("interval", BYTES, interval),
    Column("json", NONE, |chance| quoted(&chance.json(3))),
    Column("jsonb", NONE, |chance| quoted(&chance.json(3))),
    Column("mood", BYTES, mood),
    Column("price", NATIVE, |chance| format!("{}::numeric / 100", chance.between(0, 9_999_999))),
    Column("money", BYTES, |chance| format!("(({})::numeric / 100)::money", chance.int(40))),
    Column("inet", BYTES, inet),
    Column("cidr", BYTES, |chance| format!("'10.{}.0.0/16'", chance.between(0, 255))),
    Column("macaddr", BYTES, |chance| {
        format!("'{}'", hex(&[8, chance.between(0, 255) as u8, 2, 3, 4, 5]))
    }),
    Column("bit(5)", BYTES, |chance| format!("{}::int::bit(5)", chance.between(0, 31))),
    Column("bit varying", BYTES, |chance| format!("B'{:b}'", chance.between(0, 9999))),
    Column("int8range", BYTES, |chance| {
        let from = chance.between(-99, 99);
        chance.one_of(&["'empty'", "'(,)'", "'[,5]'"]).to_owned().replace("5]", &format!("{from}]"))
    }),
    Column("tstzrange", BYTES, |chance| format!("tstzrange({}, NULL)", instant(chance, "+00"))),
    Column("nummultirange", BYTES, |chance| {
        format!("'{{[{}.50,100),[200,)}}'", chance.between(-9, 9))
    }),
    Column("floats", BYTES, |chance| {
        format!("floats('{}', NULL)", chance.between(-9, 9) as f64 / 10.0)
    }),
    Column("hstore", BYTES, |chance| format!("hstore(ARRAY['a', {}])", quoted(&chance.text(3)))),
    Column("ltree", BYTES, |chance| format!("'a.{}'", chance.digits(3))),
    Column("xml", BYTES, |chance| {
        format!("xmlelement(name a, '{}')", chance.one_of(&["<x>", "&", "语", " "]))
    }),
    Column("point", BYTES, |chance| {
        format!("point('{:e}', '{:e}')", chance.double(), chance.double())
    }),
    Column("box", BYTES, |chance| format!("box(point(0, {}), point(1, 1))", chance.between(0, 9))),
    Column("tsvector", BYTES, |chance| {
        format!("to_tsvector('simple', {})", quoted(&chance.text(8)))
    }),
    Column("pg_lsn", BYTES, |chance| {
        format!("'{:X}/{:X}'", chance.between(0, 99), chance.int(30).abs())
    }),
    Column("oid", BYTES, |chance| chance.between(0, 4_294_967_295).to_string()),
    Column("pair", BYTES, pair),
    Column("couple", BYTES, pair),
    Column("jsonpath", BYTES, |chance| format!("'$.a[{}]'", chance.between(0, 9))),
    Column("boolean[]", NONE, |chance| {
        array(chance, |chance| chance.one_in(2).to_string(), "boolean")
    }),
    Column("smallint[]", NONE, |chance| {
        array(chance, |chance| chance.int(16).to_string(), "smallint")
    }),
    Column("bigint[]", NONE, |chance| array(chance, |c| quoted(&c.int(64).to_string()), "bigint")),
    Column("real[]", NONE, |chance| {
        array(chance, |c| format!("'{:e}'", c.double() as f32), "real")
    }),
    Column("float8[]", NONE, |chance| array(chance, |c| format!("'{:e}'", c.double()), "float8")),
    Column("numeric[]", NONE, |chance| array(chance, numeric, "numeric")),
    Column("text[]", NONE, |chance| array(chance, |c| quoted(&c.text(4)), "text")),
    Column("char(40)[]", NONE, |chance| array(chance, |c| quoted(&c.text(4)), "char(40)")),
    Column("citext[]", NONE, |chance| array(chance, |c| quoted(&c.text(2)), "citext")),
    Column("uuid[]", NONE, |chance| array(chance, |c| quoted(&c.uuid().to_string()), "uuid")),
    Column("bytea[]", NONE, |chance| {
        array(chance, |c| format!("'\\x{}'", hex(&c.bytes(5))), "bytea")
    }),
    Column("date[]", NONE, |chance| array(chance, |c| day(c, 9999), "date")),
    Column("time[]", NONE, |chance| array(chance, time, "time")),
    Column("timestamp[]", NONE, |chance| array(chance, |c| instant(c, ""), "timestamp")),
    Column("timestamptz[]", NONE, |chance| array(chance, |c| instant(c, "+00"), "timestamptz")),
    Column("interval[]", NONE, |chance| array(chance, interval, "interval")),
    Column("jsonb[]", NONE, |chance| array(chance, |c| quoted(&c.json(2)), "jsonb")),
    Column("mood[]", NONE, |chance| array(chance, mood, "mood")),
    Column("price[]", NONE, |chance| array(chance, |c| c.between(0, 999).to_string(), "price")),
    Column("pair[]", NONE, |chance| array(chance, pair, "pair")),
    Column("inet[]", NONE, |chance| array(chance, inet, "inet")),
    Column("marks", NONE, |chance| array(chance, |c| quoted(&c.text(4)), "text")),
    Column("box[]", BYTES, |chance| {
        format!("ARRAY[box(point(0, {}), point(1, 1)), NULL]", chance.between(0, 9))
    }),
    Column("int2vector", BYTES, |chance| format!("'1 {}'", chance.between(0, 9))),
];

fn numeric(chance: &mut Chance) -> String {
    let (whole, fraction) = (chance.below(40) + 1, chance.below(30) + 1);
    let (whole, fraction) = (chance.digits(whole), chance.digits(fraction));
    match chance.below(6) {
        0 => chance
            .one_of(&["'NaN'", "'Infinity'", "'-Infinity'", "0.00", "1e400", "'-1e-400'"])
            .to_owned(),
        1 => format!("-{whole}"),
        2 => format!("-0.{fraction}"),
        3 => format!("{whole}.{fraction}00"),
        4 => format!("{}.5", chance.between(-3, 3)),
        _ => whole,
    }
}

/// A day, of any year that the database has.
fn day(chance: &mut Chance, last: i64) -> String {
    format!("'{}'", any_day(chance, last))
}

fn any_day(chance: &mut Chance, last: i64) -> String {
    let (month, day) = (chance.between(1, 12), chance.between(1, 28));
    match chance.below(8) {
        0 => chance.one_of(&["infinity", "-infinity"]).to_owned(),
        1 => format!("{:04}-{month:02}-{day:02} BC", chance.between(1, 4713)),
        2 => format!("{:04}-{month:02}-{day:02}", chance.between(1, 1600)),
        3 => format!("{}-{month:02}-{day:02}", chance.between(10_000.min(last), last)),
        4 => chance.one_of(&["2024-02-29", "0004-02-29", "0005-02-29 BC", "1900-02-28"]).to_owned(),
        _ => format!("{}-{month:02}-{day:02}", chance.between(1900, 2100)),
    }
}

fn time_of_day(chance: &mut Chance) -> String {
    match chance.below(5) {
        0 => chance.one_of(&["24:00:00", "00:00:00", "23:59:59.999999"]).to_owned(),
        1 => format!("{:02}:30", chance.between(0, 23)),
        _ => {
            let (hour, second) = (chance.between(0, 23), chance.between(0, 59));
            format!("{hour:02}:05:{second:02}.{:06}", chance.between(0, 999_999))
        }
    }
}

fn time(chance: &mut Chance) -> String {
    format!("'{}'", time_of_day(chance))
}

fn offset(chance: &mut Chance) -> String {
    chance.one_of(&["+00", "+02", "-12", "+05:45", "+05:41:16", "+15:59"]).to_owned()
}

/// An instant with an offset, if it has one.
fn instant(chance: &mut Chance, offset: &str) -> String {
    let day = any_day(chance, 294_275);
    if day.contains("infinity") {
        return format!("'{day}'");
    }
    let time = time_of_day(chance);
    match day.strip_suffix(" BC") {
        Some(day) if day < "4713-02" => format!("'{day} {time}{offset} BC'"),
        Some(_) => format!("'4713-02-01 {time}{offset} BC'"),
        None => format!("'{day} {time}{offset}'"),
    }
}

fn interval(chance: &mut Chance) -> String {
    let (months, days) = (chance.between(-30, 30), chance.between(-400, 400));
    format!("'{months} months {days} days {} microseconds'", chance.int(45))
}

fn mood(chance: &mut Chance) -> String {
    chance.one_of(&["'zen'", "'angry'", "'a, \"b\"'", "''"]).to_owned()
}

fn inet(chance: &mut Chance) -> String {
    let byte = chance.between(0, 255);
    match chance.below(3) {
        0 => format!("'10.0.0.{byte}/24'"),
        1 => format!("'2001:db8::{byte:x}/64'"),
        _ => format!("'192.168.1.{byte}'"),
    }
}

fn pair(chance: &mut Chance) -> String {
    let text = quoted(&chance.text(4));
    if chance.one_in(3) {
        format!("ROW(NULL, {text})::pair")
    } else {
        format!("ROW({}, {text})::pair", chance.int(20))
    }
}

/// An array: empty, with nulls, of two dimensions, or with indexes that begin elsewhere.
fn array(chance: &mut Chance, mut item: impl FnMut(&mut Chance) -> String, sql: &str) -> String {
    let mut items = |chance: &mut Chance, count: usize| -> String {
        let items = (0..count).map(|_| {
            if chance.one_in(5) { "NULL".to_owned() } else { format!("({})::{sql}", item(chance)) }
        });
        format!("ARRAY[{}]::{sql}[]", items.collect::<Vec<_>>().join(", "))
    };
    match chance.below(6) {
        0 => format!("'{{}}'::{sql}[]"),
        1 => {
            let rows = [items(chance, 2), items(chance, 2)];
            format!("ARRAY[{}]", rows.join(", "))
        }
        2 => format!("(ARRAY[NULL, NULL]::{sql}[] || {})[2:4]", items(chance, 2)),
        _ => {
            let count = chance.below(4) + 1;
            items(chance, count)
        }
    }
}
