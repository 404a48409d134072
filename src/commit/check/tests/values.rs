//! Values: what each type of column takes, and its normal form.

use super::*;

fn text(text: &str) -> Result<Value, ErrorCode> {
    Ok(Value::from(text))
}

const MISFIT: Result<Value, ErrorCode> = Err(ErrorCode::WrongType);

#[test]
fn integers_come_as_numbers_or_decimal_strings() {
    assert_eq!(stored("count", 7), Ok(Value::Int(7)));
    assert_eq!(stored("count", "-9223372036854775808"), Ok(Value::Int(i64::MIN)));
    assert_eq!(stored("count", "9007199254740993"), Ok(Value::Int(9_007_199_254_740_993)));
    for bad in ["", "7.0", " 7", "9223372036854775808", "1e3", "seven"] {
        assert_eq!(stored("count", bad), MISFIT, "{bad}");
    }
    assert_eq!(stored("count", Value::Float(7.5)), MISFIT);
    assert_eq!(stored("count", true), MISFIT);
}

#[test]
fn floats_come_as_numbers_or_as_the_text_of_what_json_cannot_write() {
    assert_eq!(stored("weight", 7), Ok(Value::Float(7.0)));
    assert_eq!(stored("weight", Value::Float(0.1)), Ok(Value::Float(0.1)));
    for unending in ["NaN", "Infinity", "-Infinity"] {
        assert_eq!(stored("weight", unending), text(unending));
    }
    assert_eq!(stored("weight", Value::Float(f64::NAN)), text("NaN"));
    assert_eq!(stored("weight", "7"), MISFIT);
}

#[test]
fn decimals_lose_needless_signs_and_zeros_but_not_their_scale() {
    for (given, normal) in [
        ("12.50", "12.50"),
        ("+007.0", "7.0"),
        ("-0.00", "0.00"),
        ("-00012", "-12"),
        ("0", "0"),
        ("123456789012345678901234567890.123", "123456789012345678901234567890.123"),
    ] {
        assert_eq!(stored("price", given), text(normal));
    }
    assert_eq!(stored("price", 12), text("12"));
    for unending in ["NaN", "Infinity", "-Infinity"] {
        assert_eq!(stored("price", unending), text(unending));
    }
    for bad in ["", ".", "1.", ".5", "1e5", "1,5", "--1", "0x10", "१", "nan"] {
        assert_eq!(stored("price", bad), MISFIT, "{bad}");
    }
    assert_eq!(stored("price", Value::Float(12.5)), MISFIT);
}

#[test]
fn uuids_are_lower_case() {
    assert_eq!(stored("assignee", TASK.to_uppercase()), text(TASK));
    for bad in [
        "ada",
        "01997a3e000070008000000000000001",
        &format!("{{{TASK}}}"),
        &format!("urn:uuid:{TASK}"),
    ] {
        assert_eq!(stored("assignee", bad), MISFIT, "{bad}");
    }
    assert_eq!(stored("assignee", 7), MISFIT);
}

#[test]
fn days_have_one_spelling() {
    for day in
        ["2028-02-29", "0000-02-29", "-000043-03-15", "+010000-01-01", "infinity", "-infinity"]
    {
        assert_eq!(stored("due_date", day), text(day));
    }
    for bad in ["2026-02-29", "2026-1-1", "20261120", "2026-11-20T10:15", "10000-01-01", "tomorrow"]
    {
        assert_eq!(stored("due_date", bad), MISFIT, "{bad}");
    }
}

#[test]
fn times_of_day_have_microseconds() {
    assert_eq!(stored("at", "10:15:00"), text("10:15:00.000000"));
    assert_eq!(stored("at", "10:15:09.1234567"), text("10:15:09.123457"));
    assert_eq!(stored("at", "24:00:00"), text("24:00:00.000000"));
    for bad in ["10:15", "24:00:01", "10:15Z", "1015", "10:15:00+02:00", "10:15:00.", "10:15:00 "] {
        assert_eq!(stored("at", bad), MISFIT, "{bad}");
    }
}

#[test]
fn instants_are_utc_with_microseconds() {
    for (given, normal) in [
        ("2026-11-20T10:15:00Z", "2026-11-20T10:15:00.000000Z"),
        ("2026-11-20t12:15:00.5+02:00", "2026-11-20T10:15:00.500000Z"),
        ("2026-01-01T00:00:00.123456789-05:30", "2026-01-01T05:30:00.123457Z"),
        ("1950-06-01T00:00:00.9999999z", "1950-06-01T00:00:01.000000Z"),
        ("0001-01-01T00:00:00+01:00", "0000-12-31T23:00:00.000000Z"),
        ("+010000-01-01T00:00:00Z", "+010000-01-01T00:00:00.000000Z"),
        ("infinity", "infinity"),
    ] {
        assert_eq!(stored("completed_at", given), text(normal));
    }
    for bad in [
        "2026-11-20T10:15:00",
        "2026-11-20 10:15:00Z",
        "2026-11-20T10:15Z",
        "2026-11-20T10:15:00+02",
        "2026-11-20T10:15:00Z[UTC]",
        "2026-13-20T10:15:00Z",
        "now",
        "2026-11-20T10:15:00é",
    ] {
        assert_eq!(stored("completed_at", bad), MISFIT, "{bad}");
    }
    assert_eq!(stored("completed_at", 1_763_633_700), MISFIT);
}

#[test]
fn bytes_come_as_bytes_or_base64() {
    let bytes = Value::Bytes(vec![0, 255]);
    assert_eq!(stored("picture", "AP8="), Ok(bytes.clone()));
    assert_eq!(stored("picture", bytes.clone()), Ok(bytes));
    assert_eq!(stored("picture", "not base64"), MISFIT);
}

#[test]
fn json_is_anything_but_bytes_and_text_with_nul() {
    let object = Value::from(json!({ "a": [1, 2.5, null, { "b": "c" }] }));
    assert_eq!(stored("metadata", object.clone()), Ok(object));
    assert_eq!(stored("metadata", Value::List(vec![Value::Bytes(vec![0, 255])])), MISFIT);
    assert_eq!(stored("metadata", Value::from(json!({ "a": ["\0"] }))), MISFIT);
    assert_eq!(stored("metadata", Value::from(json!({ "\0": 1 }))), MISFIT);
}

#[test]
fn lists_are_lists() {
    let list = Value::from(json!(["a", null, 3]));
    assert_eq!(stored("labels", list.clone()), Ok(list));
    assert_eq!(stored("labels", Value::from(json!({}))), MISFIT);
    assert_eq!(stored("labels", "a"), MISFIT);
}

#[test]
fn text_and_unknown_types_hold_no_nul() {
    for field in ["title", "span"] {
        assert_eq!(stored(field, "line\nline"), text("line\nline"));
        assert_eq!(stored(field, "a\0b"), MISFIT);
        assert_eq!(stored(field, 7), MISFIT);
    }
}

#[test]
fn booleans_are_booleans() {
    assert_eq!(stored("done", true), Ok(Value::Bool(true)));
    assert_eq!(stored("done", 1), MISFIT);
    assert_eq!(stored("done", "true"), MISFIT);
}

#[test]
fn null_stands_only_where_a_column_may_be_null() {
    assert_eq!(stored("due_date", Value::Null), Ok(Value::Null));
    assert_eq!(stored("title", Value::Null), Err(ErrorCode::NotNull));
}

#[test]
fn errors_say_what_the_field_holds() {
    let error = refused(json!([
        { "op": "update", "table": "tasks", "key": TASK, "set": { "due_date": "soon" } }
    ]));
    assert_eq!(error.message, "`due_date` holds a day, such as 2026-11-20; this text does not fit");
}
