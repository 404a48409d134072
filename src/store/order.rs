//! Keys for hand-made orders: texts that compare bytewise, with room between any two.
//!
//! A key is an integer part and a fraction, both in base 62. The integer part begins with a letter
//! that tells its sign and length (`a` one digit, `b` two … upwards; `Z` one digit, `Y` two …
//! downwards), so that adding at either end makes keys longer only with the logarithm of their
//! number. The fraction never ends in `0`. The idea is fractional indexing as Figma described it.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The key from which a new order starts.
pub const FIRST_KEY: &str = "a0";

/// Keys longer than this ask for a rebalancing of their channel's order.
pub const LONG_KEY: usize = 48;

/// A key that sorts after `low` and before `high`; `None` stands for the ends.
///
/// Returns `None` if there is no room: `low` is not before `high`, or one of them is no key of this
/// kind (an outside writer's); the whole order must be rebalanced then.
#[must_use]
pub fn key_between(low: Option<&str>, high: Option<&str>) -> Option<String> {
    if let (Some(low), Some(high)) = (low, high)
        && low >= high
    {
        return None;
    }
    let low = low.map(split).map_or(Some(None), |key| key.map(Some))?;
    let high = high.map(split).map_or(Some(None), |key| key.map(Some))?;
    match (low, high) {
        (None, None) => Some(FIRST_KEY.to_owned()),
        (Some((integer, fraction)), None) => increment(integer)
            .or_else(|| Some(format!("{integer}{}", fraction_between(fraction, None)?))),
        (None, Some((integer, fraction))) => {
            if fraction.is_empty() {
                decrement(integer)
            } else {
                Some(integer.to_owned())
            }
        }
        (Some((low_integer, low_fraction)), Some((high_integer, high_fraction))) => {
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
    }
}

/// `count` keys in order, for rebalancing.
#[must_use]
pub fn evenly_spaced(count: usize) -> Vec<String> {
    let mut key = Some(FIRST_KEY.to_owned());
    let mut keys = Vec::with_capacity(count);
    while let Some(current) = key.take().filter(|_| keys.len() < count) {
        key = key_between(Some(&current), None);
        keys.push(current);
    }
    keys
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
    fn keys_of_others_leave_no_room() {
        for foreign in ["", "a", "!x", "a00", "position 7"] {
            assert_eq!(key_between(Some(foreign), None), None, "{foreign:?}");
        }
        assert_eq!(key_between(Some("a1"), Some("a1")), None);
        assert_eq!(key_between(Some("a2"), Some("a1")), None);
    }

    proptest! {
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
