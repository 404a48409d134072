//! What chance makes of values: every width, sign and corner is met soon.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Signs that texts are made of: what is quoted somewhere, what looks like another, what has more than one
/// form, what is written from the right.
const SIGNS: &[&str] = &[
    "a",
    "B",
    "z",
    "0",
    " ",
    ",",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "(",
    "%",
    "_",
    "/",
    ".",
    ":",
    "\n",
    "\t",
    "\r",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "Ж",
    "語",
    "😀",
    "👩‍👧",
    "\u{200b}",
    "\u{feff}",
    "\u{202e}",
    "\u{1}",
    "\u{7f}",
    "\u{fffd}",
    "\u{10ffff}",
    "null",
    "NaN",
    "true",
    "12",
    "-",
];

/// Dice.
#[derive(Debug)]
pub(super) struct Chance(StdRng);

impl Chance {
    pub(super) fn from_seed(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number from `low` to `high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    /// A number below this.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn one_of<'a, T: ?Sized>(&mut self, these: &[&'a T]) -> &'a T {
        these[self.below(these.len())]
    }

    /// An integer of any number of bits up to this.
    pub(super) fn int(&mut self, bits: u32) -> i64 {
        let width = self.between(1, i64::from(bits) - 1);
        let most = (1_i128 << width) - 1;
        let size = self.0.random_range(0..=most);
        let value = if self.one_in(2) { -size - 1 } else { size };
        i64::try_from(value).expect("it has so many bits")
    }

    /// A double of any size, or one that is near to others.
    pub(super) fn double(&mut self) -> f64 {
        match self.below(4) {
            0 => f64::from_bits(self.0.random::<u64>()),
            1 => *self.one_of(&[&-0.0, &f64::NAN, &f64::INFINITY, &f64::NEG_INFINITY, &5e-324]),
            2 => f64::from(i32::try_from(self.between(-999, 999)).expect("small")) / 8.0,
            _ => self.between(-9, 9) as f64 + 0.1,
        }
    }

    /// Digits, without a zero in front.
    pub(super) fn digits(&mut self, count: usize) -> String {
        let digit = |chance: &mut Self, least| char::from(b'0' + chance.between(least, 9) as u8);
        let first = digit(self, 1);
        std::iter::once(first).chain((1..count).map(|_| digit(self, 0))).collect()
    }

    /// Text of up to so many signs.
    pub(super) fn text(&mut self, most: usize) -> String {
        let count = self.below(most + 1);
        (0..count).map(|_| self.one_of(SIGNS)).collect()
    }

    /// Up to so many bytes.
    pub(super) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let count = self.below(most + 1);
        (0..count).map(|_| self.0.random()).collect()
    }

    pub(super) fn uuid(&mut self) -> uuid::Uuid {
        uuid::Uuid::from_u128(self.0.random())
    }

    /// JSON other than null, which the wire does not tell from SQL's.
    pub(super) fn json(&mut self, depth: usize) -> String {
        let json = self.any_json(depth);
        if json == "null" { "true".to_owned() } else { json }
    }

    /// JSON nested up to so deep, as people and programs spell it. Members are never told twice.
    fn any_json(&mut self, depth: usize) -> String {
        let kinds = if depth == 0 { 5 } else { 7 };
        match self.below(kinds) {
            0 => self.one_of(&["null", "true", "false"]).to_owned(),
            1 => serde_json::to_string(&self.text(4)).expect("text is JSON"),
            2 => self.int(64).to_string(),
            3 | 4 => self.json_number(),
            5 => {
                let items: Vec<String> =
                    (0..self.below(4)).map(|_| self.any_json(depth - 1)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => {
                let names = ["b", "a", "", "ä", "a b"];
                let count = self.below(names.len());
                let members = names.iter().take(count).map(|name| {
                    format!("{}: {}", serde_json::json!(name), self.any_json(depth - 1))
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }

    fn json_number(&mut self) -> String {
        let sign = self.one_of(&["", "-"]);
        let count = self.below(30) + 1;
        let digits = self.digits(count);
        match self.below(4) {
            0 => format!("{sign}{digits}"),
            1 => format!("{sign}0.{digits}"),
            2 => format!("{sign}{digits}e{}", self.between(-400, 400)),
            _ => (*self.one_of(&[&"-0.0", &"1.0", &"1e400", &"1.10", &"18446744073709551615"]))
                .to_owned(),
        }
    }
}

/// Text as SQL has it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Bytes in digits of base 16.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
