//! Declared types of SQLite, and values by chance: those of the type in every spelling, and others.

use super::{
    Column, Meaning, Order,
    chance::{Chance, hex, quoted},
};

/// A value as SQL has it, and what it means.
type Made = (String, Meaning);

const DAY: i64 = 86_400_000_000;

pub(super) const COLUMNS: &[Column<Made>] = &[
    Column("INTEGER", NATIVE, whole),
    Column("BIGINT", NATIVE, whole),
    Column("REAL", NATIVE, double),
    Column("DOUBLE PRECISION", NATIVE, double),
    Column("NUMERIC", NATIVE, short_decimal),
    Column("DECIMAL(10, 2)", NATIVE, short_decimal),
    Column("DECIMAL TEXT", NATIVE, decimal),
    Column("TEXT", NATIVE, text),
    Column("VARCHAR(20)", NATIVE, text),
    Column("TEXT COLLATE NOCASE", NATIVE, text),
    Column("CHAR(5) COLLATE RTRIM", NATIVE, text),
    // Numbers and texts in it would come back as bytes.
    Column("BLOB", NATIVE, plain_blob),
    Column("BOOLEAN", NATIVE, truth),
    Column("UUID", NATIVE, uuid),
    Column("UUID TEXT", NATIVE, uuid),
    Column("DATE", NATIVE, day),
    Column("TIME", NATIVE, time),
    Column("DATETIME", NATIVE, instant),
    Column("TIMESTAMP TEXT", NATIVE, spelled_instant),
    Column("JSON", NONE, json),
    Column("JSON TEXT", NONE, json),
    Column("", FOUND, anything),
    Column("STRING", FOUND, anything),
];

/// The same in a table that is STRICT.
pub(super) const STRICT: &[Column<Made>] = &[
    Column("INT", NATIVE, |chance| number(chance.int(64))),
    Column("INTEGER", NATIVE, |chance| number(chance.int(64))),
    Column("REAL", NATIVE, |chance| sized(chance.double())),
    Column("TEXT", NATIVE, plain_text),
    Column("BLOB", NATIVE, plain_blob),
    Column("ANY", FOUND, anything),
];

const NATIVE: Order = Order::ByMeaning;
const FOUND: Order = Order::Unknown;
const NONE: Order = Order::Unknown;

fn number(number: i64) -> Made {
    (number.to_string(), Meaning::number(number.into()))
}

/// A double that is a number; NaN is NULL to the database.
fn sized(double: f64) -> Made {
    let double = if double.is_nan() { 0.5 } else { double };
    let literal = match double {
        f64::INFINITY => "9e999".to_owned(),
        f64::NEG_INFINITY => "-9e999".to_owned(),
        _ => format!("{double:e}"),
    };
    let is_real = literal.contains('.') || double.is_infinite();
    let literal = if is_real { literal } else { literal.replacen('e', ".0e", 1) };
    (literal, Meaning::double(double))
}

/// What does not fit a type.
fn misfit(chance: &mut Chance) -> Made {
    let text = chance.one_of(&["a lot", "soon", "-", "", "12 apples", "0x10", "ä"]);
    (quoted(text), Meaning::unknown())
}

fn whole(chance: &mut Chance) -> Made {
    match chance.below(6) {
        0 => misfit(chance),
        1 => {
            let small = chance.int(20);
            (quoted(&small.to_string()), Meaning::number(small.into()))
        }
        _ => number(chance.int(64)),
    }
}

fn double(chance: &mut Chance) -> Made {
    match chance.below(6) {
        0 => misfit(chance),
        1 => ("'NaN'".to_owned(), Meaning::double(f64::NAN)),
        2 => {
            let whole = chance.int(50);
            (whole.to_string(), Meaning::double(whole as f64))
        }
        _ => sized(chance.double()),
    }
}

/// Digits that a double holds.
fn short_decimal(chance: &mut Chance) -> Made {
    if chance.one_in(6) {
        return misfit(chance);
    }
    let hundredths = chance.int(40);
    let (sign, size) = (if hundredths < 0 { "-" } else { "" }, hundredths.unsigned_abs());
    let literal = format!("{sign}{}.{:02}", size / 100, size % 100);
    let literal = if chance.one_in(2) { quoted(&literal) } else { literal };
    (literal, Meaning::decimal(i128::from(hundredths) * 10_i128.pow(10)))
}

/// Digits of any number, in texts.
fn decimal(chance: &mut Chance) -> Made {
    let special = ["NaN", "Infinity", "-Infinity", "1e3", "-.5", "+7", "007.10", "0.00"];
    match chance.below(5) {
        0 => misfit(chance),
        1 => {
            let text = *chance.one_of(&special.each_ref());
            (quoted(text), Meaning::decimal_text(text))
        }
        _ => {
            let (whole, fraction) = (chance.below(22) + 1, chance.below(12) + 1);
            let digits = format!("{}.{}", chance.digits(whole), chance.digits(fraction));
            let text = if chance.one_in(2) { format!("-{digits}") } else { digits };
            (quoted(&text), Meaning::decimal_text(&text))
        }
    }
}

fn plain_text(chance: &mut Chance) -> Made {
    let text = chance.text(4);
    (quoted(&text), Meaning::text(&text))
}

fn text(chance: &mut Chance) -> Made {
    match chance.below(8) {
        0 => ("CAST(x'ff41' AS TEXT)".to_owned(), Meaning::unknown()),
        1 => {
            let bytes = chance.bytes(4);
            (format!("x'{}'", hex(&bytes)), Meaning::unknown())
        }
        2 => ("'a' || char(0) || 'b'".to_owned(), Meaning::unknown()),
        3 => {
            let number = chance.int(40).to_string();
            (number.clone(), Meaning::text(&number))
        }
        _ => plain_text(chance),
    }
}

fn plain_blob(chance: &mut Chance) -> Made {
    let bytes = chance.bytes(6);
    (format!("x'{}'", hex(&bytes)), Meaning::bytes(&bytes))
}

fn truth(chance: &mut Chance) -> Made {
    match chance.below(6) {
        0 => misfit(chance),
        1 => ("7".to_owned(), Meaning::unknown()),
        2 => ("'true'".to_owned(), Meaning::number(1)),
        3 => ("'f'".to_owned(), Meaning::number(0)),
        _ => number(chance.between(0, 1)),
    }
}

fn uuid(chance: &mut Chance) -> Made {
    let uuid = chance.uuid();
    let meaning = Meaning::text(&uuid.to_string());
    match chance.below(5) {
        0 => misfit(chance),
        1 => (format!("x'{}'", uuid.simple()), meaning),
        2 => (quoted(&uuid.simple().to_string()), meaning),
        3 => (quoted(&uuid.to_string().to_uppercase()), meaning),
        _ => (quoted(&uuid.to_string()), meaning),
    }
}

/// A day from 1970 and how it is written.
fn any_day(chance: &mut Chance) -> (i64, String) {
    let days = chance.between(-719_528, 2_932_896);
    let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days));
    (days, date.expect("it has four digits").to_string())
}

fn day(chance: &mut Chance) -> Made {
    let (days, text) = any_day(chance);
    let meaning = Meaning::number(days.into());
    match chance.below(8) {
        0 => misfit(chance),
        1 => ("'infinity'".to_owned(), Meaning::future()),
        2 => ("'-infinity'".to_owned(), Meaning::past()),
        3 => ("'-000043-03-15'".to_owned(), Meaning::number(-735_160)),
        4 => ("'+010000-01-01'".to_owned(), Meaning::number(2_932_897)),
        5 => (format!("'{text} 00:00:00'"), meaning),
        _ => (quoted(&text), meaning),
    }
}

fn time(chance: &mut Chance) -> Made {
    let micros = chance.between(0, DAY - 1);
    let seconds = micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match chance.below(6) {
        0 => misfit(chance),
        1 => ("'24:00:00'".to_owned(), Meaning::number(DAY.into())),
        2 => (
            format!("'{hour:02}:{minute:02}'"),
            Meaning::number(i128::from(hour * 60 + minute) * 60_000_000),
        ),
        3 => (
            format!("'{hour:02}:{minute:02}:{second:02}'"),
            Meaning::number(i128::from(seconds) * 1_000_000),
        ),
        _ => (
            format!("'{hour:02}:{minute:02}:{second:02}.{:06}'", micros % 1_000_000),
            Meaning::number(micros.into()),
        ),
    }
}

/// A text that a program writes for an instant.
fn spelled_instant(chance: &mut Chance) -> Made {
    let (days, day) = any_day(chance);
    let (hour, minute, second) =
        (chance.between(0, 23), chance.between(0, 59), chance.between(0, 59));
    let seconds = days * 86_400 + (hour * 60 + minute) * 60 + second;
    let at = |micros: i64, offset: i64| {
        Meaning::number(i128::from(seconds - offset) * 1_000_000 + i128::from(micros))
    };
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    match chance.below(9) {
        0 => misfit(chance),
        1 => ("'infinity'".to_owned(), Meaning::future()),
        2 => (quoted(&day), Meaning::number(i128::from(days) * i128::from(DAY))),
        3 => (format!("'{day} {clock}'"), at(0, 0)),
        4 => (format!("'{day} {clock}.123456'"), at(123_456, 0)),
        5 => (format!("'{day} {clock}.5+05:45'"), at(500_000, 5 * 3600 + 45 * 60)),
        6 => (format!("'{day}T{clock}-03:00'"), at(0, -3 * 3600)),
        7 => (format!("'{day}T{hour:02}:{minute:02}'"), at(-second * 1_000_000, 0)),
        _ => (format!("'{day}T{clock}.000001Z'"), at(1, 0)),
    }
}

fn instant(chance: &mut Chance) -> Made {
    let seconds = chance.between(-90_000_000_000, 90_000_000_000);
    let meaning = Meaning::number(i128::from(seconds) * 1_000_000);
    match chance.below(7) {
        0 => (seconds.to_string(), meaning),
        1 => {
            let millis = chance.between(100_000_000_000, 9_000_000_000_000);
            (millis.to_string(), Meaning::number(i128::from(millis) * 1_000))
        }
        2 => {
            let halves = chance.between(4_000_000, 5_000_000);
            let micros = (halves - 4_881_175) * DAY / 2;
            (format!("{}.{}", halves / 2, halves % 2 * 5), Meaning::number(micros.into()))
        }
        3 => {
            let near = chance.between(6_000_000, 4_000_000_000);
            (format!("{near}.25"), Meaning::number(i128::from(near) * 1_000_000 + 250_000))
        }
        _ => spelled_instant(chance),
    }
}

fn json(chance: &mut Chance) -> Made {
    let literal = match chance.below(6) {
        0 => misfit(chance).0,
        1 => chance.int(60).to_string(),
        2 => sized(chance.double()).0,
        _ => quoted(&chance.json(3)),
    };
    (literal, Meaning::unknown())
}

fn anything(chance: &mut Chance) -> Made {
    let literal = match chance.below(6) {
        0 => chance.int(64).to_string(),
        1 => sized(chance.double()).0,
        2 => format!("x'{}'", hex(&chance.bytes(4))),
        3 => quoted(&chance.digits(3)),
        _ => quoted(&chance.text(4)),
    };
    (literal, Meaning::unknown())
}
