//! Numbers of JSON that neither an integer of 64 bits nor a double holds exactly: kept as text, in one
//! form, so that equal numbers are equal texts.

/// The deepest nesting that is followed where a value has such a number in it.
pub(crate) const DEEPEST: usize = 128;

/// Written out without an exponent up to so many digits.
const PLAIN_DIGITS: i64 = 40;

/// A decimal number: an integer of these digits, times ten to the power of `exponent`. Digits have
/// no zeros at either end; those of zero are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a number as JSON spells it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let digits = [whole, fraction].concat();
        let kept = digits.trim_end_matches('0').len();
        let dropped = i64::try_from(digits.len() - kept).ok()?;
        let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()? + dropped;
        let digits = digits.get(..kept)?.trim_start_matches('0').to_owned();
        let mut number = Self { negative, digits, exponent };
        if number.digits.is_empty() {
            (number.negative, number.exponent) = (false, 0);
        }
        Some(number)
    }

    /// The number as JSON spells it, in its one form.
    pub(crate) fn text(&self) -> String {
        let digits = &*self.digits;
        if digits.is_empty() {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        // Where the point stands among the digits.
        let point = count + self.exponent;
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        if self.exponent >= 0 && point <= PLAIN_DIGITS {
            return format!("{sign}{digits}{}", zeros(self.exponent));
        }
        if self.exponent < 0 && (-6..=0).contains(&point) {
            return format!("{sign}0.{}{digits}", zeros(-point));
        }
        let plain = self.exponent < 0 && point > 0;
        let whole = if plain { usize::try_from(point).unwrap_or(1) } else { 1 };
        let (whole, fraction) = digits.split_at_checked(whole).unwrap_or((digits, ""));
        let dot = if fraction.is_empty() { "" } else { "." };
        let exponent = if plain { String::new() } else { format!("e{}", point - 1) };
        format!("{sign}{whole}{dot}{fraction}{exponent}")
    }

    /// How many digits it takes to write the number out without an exponent.
    pub(crate) fn written_out(&self) -> u64 {
        let count = self.digits.len() as u64;
        if self.exponent >= 0 {
            count + self.exponent.unsigned_abs()
        } else {
            count.max(self.exponent.unsigned_abs())
        }
    }
}

/// Whether JSON may have a number in it that a double does not hold, and how deep it is nested.
pub(crate) fn look(json: &str) -> (bool, usize) {
    let (mut doubtful, mut depth, mut deepest) = (false, 0_usize, 0_usize);
    let mut bytes = json.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'0'..=b'9' => {
                let (mut digits, mut exponent) = (1_u32, None);
                while let Some(next) = bytes.next_if(|b| is_of_number(*b)) {
                    match (next, &mut exponent) {
                        (b'e' | b'E', _) => exponent = Some(0_u32),
                        (b'0'..=b'9', Some(exponent)) => *exponent += 1,
                        (b'0'..=b'9', None) => digits += 1,
                        _ => {}
                    }
                }
                doubtful |= digits > 15 || exponent.is_some_and(|digits| digits > 2);
            }
            _ => {}
        }
    }
    (doubtful, deepest)
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form_however_it_was_spelled() {
        for (spelled, form) in [
            ("123456789012345678901234", "123456789012345678901234"),
            ("1234567890123456789012.3400", "1234567890123456789012.34"),
            ("1e400", "1e400"),
            ("10E+399", "1e400"),
            ("-0.5e-400", "-5e-401"),
            ("0.1234567890123456789", "0.1234567890123456789"),
            ("12.5e30", "12500000000000000000000000000000"),
            ("-0e5", "0"),
            ("0.00000001", "1e-8"),
        ] {
            assert_eq!(Decimal::parse(spelled).unwrap().text(), form, "{spelled}");
            assert_eq!(Decimal::parse(form).unwrap().text(), form);
        }
        for other in ["", "-", "1.2.3", "one", "NaN", ".5", "1e", "1e99999999999"] {
            assert_eq!(Decimal::parse(other), None, "{other}");
        }
    }

    #[test]
    fn doubtful_numbers_are_found_outside_of_texts_only() {
        for (json, doubtful) in [
            ("[1, 2.5, -3e10, 123456789012345]", false),
            (r#"{"1234567890123456": "1e400 \" 12345678901234567"}"#, false),
            ("[1, [1234567890123456]]", true),
            ("{\"a\": 1e400}", true),
        ] {
            assert_eq!(look(json).0, doubtful, "{json}");
        }
        assert_eq!(look("[[{}], 1]").1, 3);
    }
}
