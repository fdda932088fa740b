//! Reading lines of JSON, against a reader that builds the whole value.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use neuronbus_host::line_clock::LineClock;
use neuronbus_host::line_payload::{LINE_PAYLOAD_MAX, LinePayload, NUMBERS_MAX};
use neuronbus_host::line_record::{Fields, TOPIC_MAX, read_json};
use neuronbus_host::refusals::RefusalKind;
use neuronbus_host::severity::Severity;
use proptest::prelude::*;
use serde_json::Value;

fn fields() -> Fields {
    Fields { numbers: vec!["value".into(), "ms".into()], ..Fields::default() }
}

fn refusal(line: &str) -> RefusalKind {
    read_json(line, &fields()).expect_err(line)
}

#[test]
fn known_fields_are_read_and_others_are_skipped() {
    let line = r#"{"a":{"topic":[1,{"b":null}]},"topic":"db.write","ts":12.5,"level":"WARN",
        "value":-3,"x":"\u0041","ms":0.25,"tail":[true,false]}"#;
    let record = read_json(line, &fields()).unwrap();
    assert_eq!(record.topic, "db.write");
    assert_eq!(record.time_ms, Some(12.5));
    assert_eq!(record.payload.severity, Severity::Warn);
    assert_eq!(record.payload.numbers.iter().collect::<Vec<_>>(), [(0, -3.0), (1, 0.25)]);
}

#[test]
fn a_topic_with_escapes_is_unescaped() {
    let record = read_json(r#"{"topic":"a\"b\u00e9"}"#, &fields()).unwrap();
    assert_eq!(record.topic, "a\"bé");
}

#[test]
fn null_is_the_same_as_no_number() {
    let record =
        read_json(r#"{"topic":"t","ts":null,"value":null,"level":null}"#, &fields()).unwrap();
    assert_eq!((record.time_ms, record.payload), (None, LinePayload::default()));
}

#[test]
fn each_kind_of_bad_line_has_its_own_word() {
    use RefusalKind as R;
    let long = format!(r#"{{"topic":"{}"}}"#, "x".repeat(TOPIC_MAX + 1));
    let cases = [
        (r#"{"topic":"a","#, R::JsonTruncated),
        (r#"{"topic":"a"#, R::JsonTruncated),
        (r#"{"topic":"a","ts":12"#, R::JsonTruncated),
        (r#"{topic:"a"}"#, R::JsonInvalid),
        (r#"{"topic":"a"} x"#, R::JsonInvalid),
        ("plain text", R::JsonInvalid),
        ("[1,2]", R::JsonNotObject),
        ("12", R::JsonNotObject),
        ("null", R::JsonNotObject),
        (r#"{"ts":1}"#, R::TopicMissing),
        (r#"{"topic":7}"#, R::TopicNotText),
        (r#"{"topic":["a"]}"#, R::TopicNotText),
        (r#"{"topic":null}"#, R::TopicNotText),
        (r#"{"topic":""}"#, R::TopicEmpty),
        (r#"{"topic":"  "}"#, R::TopicEmpty),
        (r#"{"topic":"a\nb"}"#, R::TopicName),
        (r#"{"topic":"a\u0085b"}"#, R::TopicName),
        (&long, R::TopicName),
        (r#"{"topic":"a","ts":"12"}"#, R::NotANumber),
        (r#"{"topic":"a","value":[1]}"#, R::NotANumber),
        (r#"{"topic":"a","value":true}"#, R::NotANumber),
        (r#"{"topic":"a","value":"NaN"}"#, R::NotANumber),
        (r#"{"topic":"a","value":NaN}"#, R::NumberNotFinite),
        (r#"{"value":  Infinity,"topic":"a"}"#, R::NumberNotFinite),
        (r#"{"topic":"a","value":-Infinity}"#, R::NumberNotFinite),
        (r#"{"topic":"a","value":-inf}"#, R::NumberNotFinite),
        (r#"{"topic":"a","value":1e999}"#, R::NumberNotFinite),
        (r#"{"topic":"a","ts":-1e999}"#, R::NumberNotFinite),
    ];
    for (line, expected) in cases {
        assert_eq!(refusal(line), expected, "{line}");
    }
}

#[test]
fn a_line_without_a_time_of_its_own_is_at_its_number_in_milliseconds() {
    let mut clock = LineClock::default();
    let times: Vec<_> = (0..4).map(|n| clock.date(n, None).unwrap().time_ns).collect();
    assert_eq!(times, [0, 1_000_000, 2_000_000, 3_000_000]);
}

#[test]
fn times_count_from_the_first_line_and_never_run_backwards() {
    let mut clock = LineClock::default();
    let base = 1_700_000_000_000.0;
    let input = [Some(base), Some(base + 1.5), Some(base + 1.0), None, Some(base + 9.0), Some(3.0)];
    let dated = input.iter().enumerate().map(|(n, &ms)| clock.date(n as u64, ms).unwrap());
    let (times, backwards): (Vec<_>, Vec<_>) = dated.map(|d| (d.time_ns, d.backwards)).unzip();
    assert_eq!(times, [0, 1_500_000, 1_500_000, 1_500_000, 9_000_000, 9_000_000]);
    assert_eq!(backwards, [false, false, true, false, false, true]);
}

#[test]
fn a_time_that_no_spike_can_carry_is_refused_and_moves_nothing() {
    let mut clock = LineClock::default();
    clock.date(0, Some(5.0)).unwrap();
    assert_eq!(clock.date(1, Some(1e15)), Err(RefusalKind::TimeRange));
    assert_eq!(clock.date(2, Some(f64::MAX)), Err(RefusalKind::TimeRange));
    assert_eq!(clock.date(3, Some(6.0)).map(|d| d.time_ns), Ok(1_000_000));
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300f64..1e300).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z.]{1,12}".prop_map(Value::from),
        prop::sample::select(vec!["error", "WARN", "info", "nonsense"]).prop_map(Value::from),
        prop::collection::vec(any::<i8>().prop_map(Value::from), 0..3).prop_map(Value::from),
    ]
}

fn object() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        4 => prop::sample::select(vec!["topic", "ts", "level", "severity", "value", "ms"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let topic = "[a-z]{1,8}";
    (prop::collection::btree_map(key, scalar(), 0..8), prop::option::of(topic)).prop_map(
        |(fields, topic)| {
            let mut fields: serde_json::Map<String, Value> = fields.into_iter().collect();
            if let Some(topic) = topic {
                fields.insert("topic".into(), topic.into());
            }
            Value::Object(fields)
        },
    )
}

/// Topic, time and numbers.
type Read = (String, Option<f64>, Vec<(u8, f64)>);

/// The same rules over a value that was built in full.
fn oracle(value: &Value) -> Result<Read, RefusalKind> {
    let topic = match value.get("topic") {
        None => return Err(RefusalKind::TopicMissing),
        Some(Value::String(topic)) => topic.clone(),
        Some(_) => return Err(RefusalKind::TopicNotText),
    };
    if topic.trim_ascii().is_empty() {
        return Err(RefusalKind::TopicEmpty);
    }
    if topic.len() > TOPIC_MAX || topic.chars().any(char::is_control) {
        return Err(RefusalKind::TopicName);
    }
    let number = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(RefusalKind::NotANumber),
    };
    let time = number("ts")?;
    let mut numbers = Vec::new();
    for (index, name) in ["value", "ms"].iter().enumerate() {
        numbers.extend(number(name)?.map(|n| (index as u8, n)));
    }
    Ok((topic, time, numbers))
}

proptest! {
    #[test]
    fn reading_agrees_with_building_the_whole_value(value in object()) {
        let line = value.to_string();
        let read = read_json(&line, &fields()).map(|record| {
            let mut numbers: Vec<_> = record.payload.numbers.iter().collect();
            numbers.sort_by_key(|(field, _)| *field);
            (record.topic.into_owned(), record.time_ms, numbers)
        });
        let whole: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read, oracle(&whole), "{}", line);
    }

    #[test]
    fn a_line_cut_anywhere_is_refused(value in object(), cut in any::<prop::sample::Index>()) {
        let line = value.to_string();
        let end = line.floor_char_boundary(cut.index(line.len()));
        prop_assert!(read_json(&line[..end], &fields()).is_err());
    }

    #[test]
    fn any_text_is_read_or_refused(line in any::<String>()) {
        let _ = read_json(&line, &fields());
    }

    #[test]
    fn a_payload_is_read_back_as_it_was_written(
        severity in 0u8..6,
        numbers in prop::collection::btree_map(0u8..NUMBERS_MAX as u8, -1e300f64..1e300, 0..=NUMBERS_MAX),
        fired in any::<bool>(),
    ) {
        let mut payload = LinePayload {
            severity: Severity::of_code(severity).unwrap(), fired, ..LinePayload::default()
        };
        for (&field, &value) in &numbers {
            payload.numbers.set(field, value);
        }
        let mut room = [0; LINE_PAYLOAD_MAX];
        prop_assert_eq!(LinePayload::decode(payload.encode(&mut room)), Some(payload));
    }

    #[test]
    fn any_payload_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Some(payload) = LinePayload::decode(&bytes) {
            prop_assert!(payload.numbers.iter().all(|(_, value)| value.is_finite()));
        }
    }
}
