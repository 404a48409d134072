//! Keys for hand-made orders: texts that compare bytewise.
//!
//! A key is an integer part and a fraction, both in base 62. The integer part begins with a letter
//! that tells its sign and length (`a` one digit, `b` two … upwards; `Z` one digit, `Y` two …
//! downwards), so that adding at either end makes keys longer only with the logarithm of their
//! number. The fraction never ends in `0`, so that there is room between any two keys. The idea is
//! fractional indexing as Figma described it.
//!
//! Other writers put any texts into an order. A key is found between most of these too; it is a text
//! that they begin with and digits after it, and no key of the form above.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The key from which a new order starts.
pub const FIRST_KEY: &str = "a0";

/// Keys longer than this are not made while neighbours can make room instead.
pub const LONG_KEY: usize = 48;

/// A key that sorts after `low` and before `high`; `None` stands for the ends.
///
/// Returns `None` if there is no room: `low` is not before `high`, or these are texts of others that
/// lie side by side, such as `a` and `a0`.
#[must_use]
pub fn key_between(low: Option<&str>, high: Option<&str>) -> Option<String> {
    if let (Some(low), Some(high)) = (low, high)
        && low >= high
    {
        return None;
    }
    match (low.map(split), high.map(split)) {
        (None, None) => Some(FIRST_KEY.to_owned()),
        (Some(Some((integer, fraction))), None) => increment(integer)
            .or_else(|| Some(format!("{integer}{}", fraction_between(fraction, None)?))),
        (None, Some(Some((integer, fraction)))) if !fraction.is_empty() || integer != LEAST => {
            if fraction.is_empty() {
                decrement(integer)
            } else {
                Some(integer.to_owned())
            }
        }
        (Some(Some(low)), Some(Some(high))) => between_keys(low, high),
        (Some(None), None) => low.map(foreign::above),
        (None, Some(_)) => foreign::below(high?),
        (Some(_), Some(_)) => foreign::between(low?, high?),
    }
}

/// The least integer part.
const LEAST: &str = "A00000000000000000000000000";

fn between_keys(low: (&str, &str), high: (&str, &str)) -> Option<String> {
    let ((low_integer, low_fraction), (high_integer, high_fraction)) = (low, high);
    if low_integer == high_integer {
        let fraction = fraction_between(low_fraction, Some(high_fraction))?;
        return Some(format!("{low_integer}{fraction}"));
    }
    let next = increment(low_integer)?;
    if next.as_str() < high_integer || (next == high_integer && !high_fraction.is_empty()) {
        Some(next)
    } else {
        Some(format!("{low_integer}{}", fraction_between(low_fraction, None)?))
    }
}

/// `count` keys in order between two others, if there is room.
#[must_use]
pub fn keys_between(low: Option<&str>, high: Option<&str>, count: usize) -> Option<Vec<String>> {
    let mut keys: Vec<String> = Vec::with_capacity(count);
    match (low, high) {
        (_, None) => {
            while keys.len() < count {
                keys.push(key_between(keys.last().map(String::as_str).or(low), None)?);
            }
        }
        (None, Some(_)) => {
            while keys.len() < count {
                keys.push(key_between(None, keys.last().map(String::as_str).or(high))?);
            }
            keys.reverse();
        }
        (Some(low), Some(high)) => halve(&mut keys, low, high, count)?,
    }
    Some(keys)
}

/// Adds keys, the middle one of which is in the middle.
fn halve(keys: &mut Vec<String>, low: &str, high: &str, count: usize) -> Option<()> {
    if count > 0 {
        let middle = key_between(Some(low), Some(high))?;
        halve(keys, low, &middle, (count - 1) / 2)?;
        keys.push(middle.clone());
        halve(keys, &middle, high, count / 2)?;
    }
    Some(())
}

/// A key's integer part and fraction, if it is a key.
fn split(key: &str) -> Option<(&str, &str)> {
    let head = *key.as_bytes().first()?;
    let length = match head {
        b'a'..=b'z' => usize::from(head - b'a') + 2,
        b'A'..=b'Z' => usize::from(b'Z' - head) + 2,
        _ => return None,
    };
    let valid = key.bytes().all(|byte| DIGITS.contains(&byte)) && !key[1..].is_empty();
    let (integer, fraction) = key.split_at_checked(length)?;
    (valid && !fraction.ends_with('0')).then_some((integer, fraction))
}

fn digit_of(byte: u8) -> usize {
    DIGITS.iter().position(|&digit| digit == byte).unwrap_or(0)
}

fn increment(integer: &str) -> Option<String> {
    let mut digits = integer.as_bytes().to_vec();
    for byte in digits.iter_mut().skip(1).rev() {
        let value = digit_of(*byte) + 1;
        *byte = *DIGITS.get(value).unwrap_or(&b'0');
        if value < DIGITS.len() {
            return String::from_utf8(digits).ok();
        }
    }
    longer_or_shorter(&digits, 1, b'0')
}

fn decrement(integer: &str) -> Option<String> {
    let mut digits = integer.as_bytes().to_vec();
    for byte in digits.iter_mut().skip(1).rev() {
        let value = digit_of(*byte);
        if value > 0 {
            *byte = *DIGITS.get(value - 1)?;
            return String::from_utf8(digits).ok();
        }
        *byte = b'z';
    }
    longer_or_shorter(&digits, -1, b'z')
}

/// The integer with the next or the previous head, its digits all `fill`.
fn longer_or_shorter(digits: &[u8], step: i8, fill: u8) -> Option<String> {
    let head = match (*digits.first()?, step) {
        (b'Z', 1) => b'a',
        (b'a', -1) => b'Z',
        (b'z', 1) | (b'A', -1) => return None,
        (head, step) => head.checked_add_signed(step)?,
    };
    let length = if head >= b'a' { head - b'a' } else { b'Z' - head };
    let mut key = vec![head];
    key.resize(usize::from(length) + 2, fill);
    String::from_utf8(key).ok()
}

/// A fraction after `low` and before `high` (`None`: before one), not ending in `0`.
fn fraction_between(low: &str, high: Option<&str>) -> Option<String> {
    let mut fraction = Vec::new();
    let mut high = high.map(str::as_bytes);
    let low = low.as_bytes();
    for place in 0.. {
        let from = low.get(place).map_or(0, |&byte| digit_of(byte));
        let to = match high {
            Some(high) => high.get(place).map(|&byte| digit_of(byte))?,
            None => DIGITS.len(),
        };
        if to > from + 1 {
            fraction.push(*DIGITS.get(usize::midpoint(from, to))?);
            break;
        }
        fraction.push(*DIGITS.get(from)?);
        if to == from + 1 {
            high = None;
        }
    }
    String::from_utf8(fraction).ok()
}

/// Keys beside texts that are none.
mod foreign {
    use super::{DIGITS, FIRST_KEY};

    /// The last key before [`FIRST_KEY`].
    const BEFORE_FIRST: &str = "Zz";

    /// A key after a text: one with an integer part where that can be, so that those after it stay
    /// short.
    pub(super) fn above(low: &str) -> String {
        match low.bytes().next() {
            _ if low < FIRST_KEY => FIRST_KEY.to_owned(),
            Some(head @ b'a'..=b'y') => {
                format!("{}{}", char::from(head + 1), "0".repeat(usize::from(head - b'a') + 2))
            }
            _ => beyond(low),
        }
    }

    /// A key before a text.
    pub(super) fn below(high: &str) -> Option<String> {
        match high.bytes().next()? {
            _ if high > FIRST_KEY => Some(FIRST_KEY.to_owned()),
            _ if high > BEFORE_FIRST => Some(BEFORE_FIRST.to_owned()),
            head @ b'B'..=b'Z' => Some(format!(
                "{}{}",
                char::from(head - 1),
                "z".repeat(usize::from(b'Z' - head) + 2)
            )),
            _ => least(high),
        }
    }

    /// A key between two texts, if there is room.
    pub(super) fn between(low: &str, high: &str) -> Option<String> {
        let same: usize = low
            .chars()
            .zip(high.chars())
            .take_while(|(low, high)| low == high)
            .map(|(c, _)| c.len_utf8())
            .sum();
        let (both, low) = low.split_at_checked(same)?;
        let mut high = high.get(same..)?.chars();
        let mut low = low.chars();
        let Some(first_low) = low.next() else {
            return Some(format!("{both}{}", least(high.as_str())?));
        };
        let first_high = high.next()?;
        if let Some(digits) = digit_between(Some(first_low), Some(first_high)) {
            return Some(format!("{both}{digits}"));
        }
        let after_low = format!("{both}{first_low}{}", beyond(low.as_str()));
        let before_high = least(high.as_str()).map(|rest| format!("{both}{first_high}{rest}"));
        Some(match before_high {
            Some(before) if before.len() < after_low.len() => before,
            _ => after_low,
        })
    }

    /// A text of digits, perhaps after the beginning of another, that sorts before the whole of it.
    fn least(high: &str) -> Option<String> {
        for (place, first) in high.char_indices() {
            if let Some(digits) = digit_between(None, Some(first)) {
                return Some(format!("{}{digits}", high.get(..place)?));
            }
        }
        None
    }

    /// A text of digits, perhaps after the beginning of another, that sorts after it.
    fn beyond(low: &str) -> String {
        let found = low.char_indices().find_map(|(place, first)| {
            Some(format!("{}{}", low.get(..place)?, digit_between(Some(first), None)?))
        });
        found.unwrap_or_else(|| format!("{low}V"))
    }

    /// The digit in the middle between two characters, followed by another if it is a `0`.
    fn digit_between(low: Option<char>, high: Option<char>) -> Option<String> {
        let is_above = |digit: &&u8| low.is_none_or(|low| char::from(**digit) > low);
        let is_below = |digit: &&u8| high.is_none_or(|high| char::from(**digit) < high);
        let fitting: Vec<&u8> = DIGITS.iter().filter(is_above).filter(is_below).collect();
        match fitting.as_slice() {
            [b'0'] => Some("0V".to_owned()),
            [b'0', digit] => Some(char::from(**digit).to_string()),
            digits => digits.get(digits.len() / 2).map(|digit| char::from(**digit).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_thousand_rows_added_at_either_end_keep_short_keys() {
        let (mut first, mut last) = (FIRST_KEY.to_owned(), FIRST_KEY.to_owned());
        for _ in 0..1_000 {
            let before = key_between(None, Some(&first)).unwrap();
            let after = key_between(Some(&last), None).unwrap();
            assert!(before < first && after > last);
            (first, last) = (before, after);
        }
        assert!(first.len() <= 4 && last.len() <= 4);
    }

    #[test]
    fn there_is_room_beside_most_texts_of_others() {
        for (low, high, expected) in [
            (Some("10"), Some("20"), "1V"),
            (Some("10"), Some("10.5"), "10.2"),
            (Some("position 7"), None, "q00000000000000000"),
            (None, Some("position 7"), "a0"),
            (None, Some("Task"), "Szzzzzzzz"),
            (None, Some("10"), "0V"),
            (Some("a0"), Some("b"), "aV"),
            (Some("été"), Some("êta"), "éx"),
            (Some(""), Some("!x"), "!T"),
            (Some("~"), None, "~V"),
        ] {
            let key = key_between(low, high);
            assert_eq!(key.as_deref(), Some(expected), "{low:?} and {high:?}");
        }
    }

    #[test]
    fn there_is_none_between_equals_and_texts_side_by_side() {
        for (low, high) in [("a1", "a1"), ("a2", "a1"), ("a", "a0"), ("x", "x!"), ("x", "x00")] {
            assert_eq!(key_between(Some(low), Some(high)), None, "{low} and {high}");
        }
        for first in ["", "0", "!"] {
            assert_eq!(key_between(None, Some(first)), None, "before {first:?}");
        }
    }

    #[test]
    fn the_least_and_the_greatest_key_have_room_beyond() {
        let greatest = format!("z{}", "z".repeat(26));
        assert!(key_between(Some(&greatest), None).is_some_and(|key| key > greatest));
        assert_eq!(key_between(None, Some(LEAST)).as_deref(), Some("5"));
    }

    #[test]
    fn many_keys_between_two_others_stay_short() {
        for (low, high) in [(Some("a0"), Some("a1")), (None, Some("a0")), (Some("7"), None)] {
            let keys = keys_between(low, high, 1_000).unwrap();
            assert!(keys.iter().all(|key| key.len() < 6), "{keys:?}");
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(low.is_none_or(|low| low < keys[0].as_str()));
            assert!(high.is_none_or(|high| keys[999].as_str() < high));
        }
    }

    /// Texts of few characters, so that many lie near each other.
    const TEXTS: &str = "[0!~aAzZ1Vé]{0,6}";

    proptest! {
        #[test]
        fn a_key_lies_between_the_texts_of_others(mut texts in prop::collection::vec(TEXTS, 2)) {
            texts.sort();
            let (low, high) = (texts[0].as_str(), texts[1].as_str());
            if let Some(key) = key_between(Some(low), Some(high)) {
                prop_assert!(low < key.as_str() && key.as_str() < high, "{low} {key} {high}");
                prop_assert!(key_between(Some(low), Some(&key)).is_some(), "{low} {key}");
                prop_assert!(key_between(Some(&key), Some(high)).is_some(), "{key} {high}");
            }
            let last = key_between(Some(high), None).unwrap();
            prop_assert!(last.as_str() > high);
            if let Some(first) = key_between(None, Some(low)) {
                prop_assert!(first.as_str() < low && !first.is_empty());
            }
        }

        #[test]
        fn any_sequence_of_insertions_keeps_the_order(places in prop::collection::vec(0_usize..1_000, 1..200)) {
            let mut keys: Vec<String> = Vec::new();
            for place in places {
                let place = place % (keys.len() + 1);
                let low = place.checked_sub(1).map(|i| keys[i].as_str());
                let high = keys.get(place).map(String::as_str);
                let key = key_between(low, high).unwrap();
                keys.insert(place, key);
            }
            prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
