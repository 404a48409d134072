//! Exact decimals as text: one form, and their order.

use std::cmp::Ordering;

/// The largest exponent that is written out.
const MOST_PLACES: i32 = 150_000;

/// A decimal in its one form: no exponent, no plus sign, no sign of zero, no needless zeros in front;
/// zeros at the end stay, since they say how exact it is. `NaN` and infinities as the wire spells
/// them. `None`: this is no decimal.
#[must_use]
pub fn decimal(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => return Some("NaN".to_owned()),
        "infinity" | "inf" | "+infinity" => return Some("Infinity".to_owned()),
        "-infinity" | "-inf" => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = shifted(mantissa, exponent)?;
    let is_zero = whole.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    let whole = if whole.is_empty() { "0" } else { &whole };
    let sign = if negative && !is_zero { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// The digits before and after the point, without zeros in front.
fn shifted(mantissa: &str, exponent: i32) -> Option<(String, String)> {
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !all || exponent.abs() > MOST_PLACES {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let lead = usize::try_from(-point).unwrap_or(0);
    let padded = "0".repeat(lead) + &digits;
    let point = usize::try_from(point).unwrap_or(0);
    let padded = format!("{padded:0<point$}");
    let (whole, fraction) = padded.split_at_checked(point)?;
    Some((whole.trim_start_matches('0').to_owned(), fraction.to_owned()))
}

/// The order of two decimals in their form; `NaN` is the greatest.
#[must_use]
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (Place::of(one), Place::of(other));
    one.rank.cmp(&other.rank).then_with(|| {
        let order = one.whole.len().cmp(&other.whole.len());
        let order = order.then_with(|| one.whole.cmp(other.whole));
        let order = order.then_with(|| one.fraction.cmp(other.fraction));
        if one.rank < ZERO { order.reverse() } else { order }
    })
}

/// The rank of zero: below it are negative numbers, above it positive ones.
const ZERO: i8 = 0;

struct Place<'a> {
    rank: i8,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Place<'a> {
    fn of(text: &'a str) -> Self {
        let rank = match text {
            "NaN" => 3,
            "Infinity" => 2,
            "-Infinity" => -2,
            _ if !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) => ZERO,
            _ if text.starts_with('-') => -1,
            _ => 1,
        };
        if rank.abs() != 1 {
            return Self { rank, whole: "", fraction: "" };
        }
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let whole = whole.trim_start_matches('0');
        Self { rank, whole, fraction: fraction.trim_end_matches('0') }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_ordered_by_value() {
        let ascending = [
            "-Infinity",
            "-1000",
            "-12.5",
            "-12.25",
            "-0.001",
            "0",
            "0.0001",
            "0.1",
            "0.12",
            "9",
            "10",
            "10.01",
            "123456789012345678901234567890",
            "Infinity",
            "NaN",
        ];
        for (place, one) in ascending.iter().enumerate() {
            for (other_place, other) in ascending.iter().enumerate() {
                assert_eq!(compare(one, other), place.cmp(&other_place), "{one} and {other}");
            }
        }
        assert_eq!(compare("12.50", "12.5"), Ordering::Equal);
        assert_eq!(compare("0.00", "0"), Ordering::Equal);
    }
}
