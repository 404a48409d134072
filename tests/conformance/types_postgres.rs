//! Values of every type that PostgreSQL has, out and in.

use crate::{
    postgres::Postgres,
    suite::forms::{Samples, all_come_back},
};

/// What the types need.
const BEFORE: &str = "
    CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore;
    CREATE EXTENSION IF NOT EXISTS ltree;
    CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TYPE mood AS ENUM ('zen', 'angry', 'a, \"b\"');
    CREATE TYPE pair AS (a integer, b text);
    CREATE DOMAIN cents AS numeric(12, 2) CHECK (VALUE >= 0);
    CREATE DOMAIN price AS cents CHECK (VALUE < 1000);
    CREATE DOMAIN shout AS text CHECK (VALUE = upper(VALUE));
    CREATE DOMAIN days AS timestamptz[];";

const SCALARS: &[Samples] = &[
    ("boolean", &["true", "false"]),
    ("smallint", &["-32768", "32767"]),
    ("integer", &["0", "2147483647"]),
    ("bigint", &["9007199254740993", "-9223372036854775808", "42"]),
    ("real", &["0.1", "'NaN'", "'Infinity'", "'-0'", "3.4028235e38", "1e-45"]),
    (
        "double precision",
        &["0.1", "'NaN'", "'-Infinity'", "'-0'", "5e-324", "1e308", "0.30000000000000004"],
    ),
    (
        "numeric",
        &[
            "12.50",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "1e400",
            "-1e-400",
            "0.00",
            "123456789012345678901234567890.123456789",
        ],
    ),
    ("numeric(10, 2)", &["12.5", "-0.1"]),
    ("text", &["''", "'a,b'", "'say \"hi\"'", "E'line\\nbreak\\\\'", "'Zoë 😀'", "'null'", "' '"]),
    ("varchar(3)", &["'abc'", "'a  '"]),
    ("char(5)", &["'ab'", "'ab c'", "''", "'b'", "'a'"]),
    ("citext", &["'Ada'", "'ada'", "'ADA'", "'Bob'"]),
    ("text COLLATE anycase", &["'Ada'", "'ada'", "'bob'"]),
    ("name", &["'a name'"]),
    ("\"char\"", &["'x'"]),
    ("uuid", &["'7F3C0000-0000-4000-8000-00000000000A'"]),
    (
        "date",
        &[
            "'infinity'",
            "'-infinity'",
            "'0044-03-15 BC'",
            "'5874897-12-31'",
            "'4713-01-01 BC'",
            "'2026-12-01'",
            "'0001-12-31 BC'",
        ],
    ),
    ("time", &["'24:00:00'", "'00:00:00'", "'23:59:59.999999'"]),
    ("timetz", &["'10:15:00+02'", "'24:00:00-12'"]),
    (
        "timestamp",
        &[
            "'infinity'",
            "'-infinity'",
            "'0044-03-15 12:00 BC'",
            "'294276-12-31 23:59:59.999999'",
            "'2026-12-01 09:00'",
            "'10000-01-01'",
        ],
    ),
    (
        "timestamptz",
        &[
            "'infinity'",
            "'-infinity'",
            "'0044-03-15 12:00+00 BC'",
            "'4713-01-02 00:00+00 BC'",
            "'294276-12-31 23:59:59.999999+00'",
            "'2026-12-01 09:00+01'",
            "'1800-01-01 00:00+00'",
        ],
    ),
    ("interval", &["'1 year -2 days 03:04:05.6'", "'-1 month'", "'0'"]),
    ("bytea", &["'\\x00ff'", "''"]),
    ("mood", &["'zen'", "'angry'", "'a, \"b\"'"]),
    ("price", &["999.99", "12.5"]),
    ("shout", &["'A'", "'B C'"]),
];

const OTHERS: &[Samples] = &[
    ("inet", &["'10.0.0.1'", "'2001:db8::/32'"]),
    ("cidr", &["'10.0.0.0/8'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    ("bit(4)", &["B'1010'", "B'0000'"]),
    ("bit varying", &["B'1'", "B''"]),
    ("money", &["12.34::money", "(-0.5)::numeric::money"]),
    ("int4range", &["'[1,5)'", "'empty'", "'(,)'"]),
    ("tstzrange", &["'[2026-12-01 09:00+01,infinity)'"]),
    ("nummultirange", &["'{[1.50,2],[3,4)}'"]),
    ("hstore", &["'a=>1, \"b c\"=>NULL'"]),
    ("ltree", &["'a.b.c'"]),
    ("xml", &["'<a b=\"1\">x</a>'"]),
    ("point", &["'(1.5,-2)'", "'(NaN,Infinity)'"]),
    ("polygon", &["'((0,0),(1,0),(1,1))'"]),
    ("circle", &["'<(0,0),1>'"]),
    ("tsvector", &["'a:1 ''b c'':2A'"]),
    ("tsquery", &["'a & !b'"]),
    ("pair", &["(1, 'a \"b\"')", "(NULL, '')"]),
    ("regclass", &["'pg_class'"]),
    ("pg_lsn", &["'16/B374D848'"]),
];

const DOCUMENTS: &[Samples] = &[
    (
        "jsonb",
        &[
            "'{\"wei\": 123456789012345678901234}'",
            "'{\"x\": 1e400, \"y\": [-1e-330, 18446744073709551615]}'",
            "'[1.10, 0.1, 1e20, 9007199254740993, -0.0, 0.1234567890123456789]'",
            "'\"text\"'",
            "'true'",
            "'1e131000'",
            "'123456789012345678901234'",
            "'{\"a\": null, \"\": {}}'",
        ],
    ),
    ("json", &["'{\"b\": 1e400, \"a\": [1.0, 123456789012345678901234]}'", "'\"x\"'", "'7'"]),
    (
        "text[]",
        &[
            "'{a,NULL,\"b,c\",\"\"}'",
            "'{}'",
            "'{{a,b},{c,d}}'",
            "'[2:3]={a,b}'",
            "'[0:0][1:2]={{1,2}}'",
        ],
    ),
    ("timestamptz[]", &["'{infinity,\"0044-03-15 12:00+00 BC\",\"2026-12-01 09:00+01\",NULL}'"]),
    ("days", &["'{2026-12-01 09:00+01}'"]),
    ("date[]", &["'{-infinity,0044-03-15 BC}'"]),
    ("bytea[]", &["ARRAY['\\x00ff', '', NULL]::bytea[]"]),
    ("numeric[]", &["'{12.50,NaN,1e400}'"]),
    ("bigint[]", &["'{9007199254740993,1}'"]),
    ("real[]", &["'{0.1,NaN,-Infinity,-0}'"]),
    ("boolean[]", &["'{t,f,NULL}'"]),
    ("uuid[]", &["'{7F3C0000-0000-4000-8000-00000000000A}'"]),
    ("jsonb[]", &["ARRAY['{\"wei\": 123456789012345678901234}', '[1]', '\"s\"', NULL]::jsonb[]"]),
    ("mood[]", &["'{zen,\"a, \\\"b\\\"\"}'"]),
    ("pair[]", &["ARRAY[(1, 'a')::pair, NULL]"]),
    ("price[]", &["'{1.50,2}'"]),
    ("char(3)[]", &["'{a,ab}'"]),
    ("citext[]", &["'{A,a}'"]),
    ("interval[]", &["'{1 day}'"]),
    ("point[]", &["'{\"(1,2)\"}'"]),
    ("int4range[]", &["'{\"[1,3)\"}'"]),
];

#[tokio::test]
async fn scalars_come_back_in() {
    all_come_back::<Postgres>(BEFORE, SCALARS).await;
}

#[tokio::test]
async fn values_that_travel_as_text_come_back_in() {
    all_come_back::<Postgres>(BEFORE, OTHERS).await;
}

#[tokio::test]
async fn documents_and_arrays_come_back_in() {
    all_come_back::<Postgres>(BEFORE, DOCUMENTS).await;
}
