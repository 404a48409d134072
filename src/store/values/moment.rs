//! Days, times of day and instants: read from every spelling that databases and applications use,
//! compared, and written in the wire's one form.
//!
//! Own arithmetic, since PostgreSQL knows years from -4712 to 5874897, and libraries end at 9999.

use std::fmt::Write as _;

const DAY: i64 = 86_400_000_000;

/// A point in time, or before or after all of them. Days and microseconds are counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// `-infinity`.
    Past,
    /// A number of days, or of microseconds.
    At(i128),
    /// `infinity`.
    Future,
}

/// A day from any text that begins with one.
#[must_use]
pub fn day(text: &str) -> Option<Moment> {
    if let Some(unending) = unending(text) {
        return Some(unending);
    }
    let (text, before_christ) = era(text);
    let (days, rest) = read_day(text, before_christ)?;
    let ends = rest.is_empty() || read_rest(rest).is_some();
    ends.then_some(Moment::At(i128::from(days)))
}

/// Microseconds since midnight; midnight at the end of the day counts as 24 hours.
#[must_use]
pub fn time(text: &str) -> Option<i64> {
    let (micros, rest) = read_time(text)?;
    rest.is_empty().then_some(micros)
}

/// An instant. Without an offset it is taken as UTC; a day is its midnight.
#[must_use]
pub fn instant(text: &str) -> Option<Moment> {
    if let Some(unending) = unending(text) {
        return Some(unending);
    }
    let (text, before_christ) = era(text);
    let (days, rest) = read_day(text, before_christ)?;
    let (time, offset) = if rest.is_empty() { (0, 0) } else { read_rest(rest)? };
    let micros = i128::from(days) * i128::from(DAY) + i128::from(time) - i128::from(offset);
    Some(Moment::At(micros))
}

/// A day as the wire has it.
#[must_use]
pub fn day_text(day: Moment) -> String {
    match day {
        Moment::Past => "-infinity".to_owned(),
        Moment::Future => "infinity".to_owned(),
        Moment::At(days) => {
            let (year, month, of_month) = civil(i64::try_from(days).unwrap_or_default());
            let mut text = year_text(year);
            let _ = write!(text, "-{month:02}-{of_month:02}");
            text
        }
    }
}

/// A time of day as the wire has it.
#[must_use]
pub fn time_text(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:06}", micros % 1_000_000)
}

/// An instant as the wire has it.
#[must_use]
pub fn instant_text(instant: Moment) -> String {
    let Moment::At(micros) = instant else { return day_text(instant) };
    let day = micros.div_euclid(i128::from(DAY));
    let time = i64::try_from(micros.rem_euclid(i128::from(DAY))).unwrap_or_default();
    format!("{}T{}Z", day_text(Moment::At(day)), time_text(time))
}

fn unending(text: &str) -> Option<Moment> {
    match text {
        "infinity" | "Infinity" => Some(Moment::Future),
        "-infinity" | "-Infinity" => Some(Moment::Past),
        _ => None,
    }
}

/// PostgreSQL counts the years before the year 1 backwards and says `BC`.
fn era(text: &str) -> (&str, bool) {
    text.strip_suffix(" BC").map_or((text, false), |text| (text, true))
}

/// The day at the beginning of a text, and what follows it.
fn read_day(text: &str, before_christ: bool) -> Option<(i64, &str)> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let signed = unsigned.len() != text.len();
    if !(4..=7).contains(&digits) || (signed && digits < 6) {
        return None;
    }
    let (year, rest) = unsigned.split_at_checked(digits)?;
    let year = year.parse::<i64>().ok()? * sign;
    let year = if before_christ { 1 - year } else { year };
    let (month, rest) = two_digits(rest.strip_prefix('-')?)?;
    let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
    let days = days_of(year, month, day);
    (civil(days) == (year, month, day)).then_some((days, rest))
}

/// What follows a day: a time of day and an offset, both in microseconds.
fn read_rest(rest: &str) -> Option<(i64, i64)> {
    let (time, rest) = read_time(rest.strip_prefix(['T', 't', ' '])?)?;
    Some((time, read_offset(rest)?))
}

fn read_time(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = two_digits(text)?;
    let (minute, rest) = two_digits(rest.strip_prefix(':')?)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => two_digits(rest)?,
        None => (0, rest),
    };
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => read_fraction(rest)?,
        None => (0, rest),
    };
    let micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction;
    (minute < 60 && second < 60 && micros <= DAY).then_some((micros, rest))
}

/// Digits after the point, as microseconds, rounded.
fn read_fraction(text: &str) -> Option<(i64, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(count)?;
    let kept = format!("{digits:0<7}");
    let tenths = kept.get(..7)?.parse::<i64>().ok()?;
    (count > 0).then_some(((tenths + 5) / 10, rest))
}

/// Nothing or `Z`, or `+01`, `+0130`, `+01:30`, `+01:30:15`.
fn read_offset(text: &str) -> Option<i64> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, mut rest) = two_digits(text.get(1..)?)?;
    let mut parts = [0, 0];
    for part in &mut parts {
        if !rest.is_empty() {
            (*part, rest) = two_digits(rest.strip_prefix(':').unwrap_or(rest))?;
        }
    }
    let [minutes, seconds] = parts;
    let fits = rest.is_empty() && hours < 24 && minutes < 60 && seconds < 60;
    fits.then_some(sign * ((hours * 60 + minutes) * 60 + seconds) * 1_000_000)
}

fn two_digits(text: &str) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten().map(|number| (number, rest))
}

fn year_text(year: i64) -> String {
    match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    }
}

/// Days from 1970 to a day of the Gregorian calendar, which is taken to have always been. Years are
/// counted from March, so that the leap day is the last, and in eras of 400.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days from 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn instant_is(text: &str, form: &str) {
        assert_eq!(instant(text).map(instant_text).as_deref(), Some(form), "{text}");
        assert_eq!(instant(form), instant(text), "{form}");
    }

    #[test]
    fn instants_of_all_years_have_one_form() {
        instant_is("0044-03-15 12:00:00+00 BC", "-000043-03-15T12:00:00.000000Z");
        instant_is("0001-12-31T23:59:59.999999+00:00 BC", "0000-12-31T23:59:59.999999Z");
        instant_is("10000-01-01T00:30:00+01:00", "9999-12-31T23:30:00.000000Z");
        instant_is("294276-12-31 23:59:59.999999+00", "+294276-12-31T23:59:59.999999Z");
        instant_is("1900-01-01T00:00:00+05:41:16", "1899-12-31T18:18:44.000000Z");
        instant_is("-infinity", "-infinity");
        instant_is("2026-12-31T23:59:59.9999999Z", "2027-01-01T00:00:00.000000Z");
        for none in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-12-01T25:00",
            "x",
            "2026-12-01T10:00:00+25:00",
            "-2026-12-01",
            "2026-12-01x",
            "2026-12-01T09:00:00 01:00",
        ] {
            assert_eq!(instant(none), None, "{none}");
        }
    }

    #[test]
    fn days_agree_with_a_library_s() {
        let first: jiff::civil::Date = "0001-01-01".parse().unwrap();
        for step in 0..60_000 {
            let date = first + jiff::Span::new().days(step * 60 + step % 7);
            assert_eq!(day(&date.to_string()).map(day_text), Some(date.to_string()));
        }
        assert_eq!(day("1970-01-01"), Some(Moment::At(0)));
        assert_eq!(day("5874897-12-31").map(day_text).as_deref(), Some("+5874897-12-31"));
        assert_eq!(day("4714-11-24 BC").map(day_text).as_deref(), Some("-004713-11-24"));
    }

    #[test]
    fn the_end_of_the_day_is_a_time() {
        assert_eq!(time("24:00:00").map(time_text).as_deref(), Some("24:00:00.000000"));
        assert_eq!(time("09:05").map(time_text).as_deref(), Some("09:05:00.000000"));
        for none in ["24:00:01", "9:05", "23:60:00", "10:00:00+02", "10:00:00."] {
            assert_eq!(time(none), None, "{none}");
        }
    }
}
