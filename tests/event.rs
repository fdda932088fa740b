//! Events: their records, their ids, patterns of topics, and the way in.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::{Arc, Mutex};

use neuronbus::event::{
    DEPTH_MAX, Embedding, Event, EventError, EventId, EventIds, EventView, Packed, RECORD_VERSION,
    RecordError, Scalar, TopicPattern, check_topic, merge,
};
use neuronbus::neuron::FireWith;
use neuronbus::prelude::*;
use neuronbus::publisher::{PublishError, Publisher};
use proptest::prelude::*;
use serde_json::{Value, json};

fn encoded(event: &Event) -> Vec<u8> {
    let mut record = Vec::new();
    event.encode(&mut EventIds::new(1), 1_700_000_000_123_456, &mut record).unwrap();
    record
}

fn login() -> Event {
    Event::new("user.login")
        .key("ada")
        .header("trace", "7f")
        .context(json!({"session": {"id": "s1"}}))
        .body(json!({"device": {"trusted": true}, "risk": 0.25, "tries": [1, -2, 300]}))
        .parent("01890000-0000-7000-8000-000000000001".parse::<EventId>().unwrap())
        .schema(3)
        .priority(200)
        .embedding(Embedding { model: "tiny".to_owned(), values: vec![1.0, -0.5] })
}

/// The record of `login()`, byte for byte: other versions and other languages must read it.
const GOLDEN: &str = "\
4e424556 01 c8 0000 018bcfe5687b70008a0fd4b2ae1c8b10 01890000000070008000000000000001 40222018240a0600 03000000 0a00 \
0300 0a000000 10000000 2c000000 10000000";

#[test]
fn a_record_is_what_its_drawing_says() {
    let event = login().id("018bcfe5-687b-7000-8a0f-d4b2ae1c8b10".parse().unwrap());
    let record = encoded(&event);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let golden: String = GOLDEN.split_whitespace().collect();
    assert_eq!(hex(&record[..72]), golden);
    assert_eq!(&record[72..85], b"user.loginada");
    assert_eq!(hex(&record[85..95]), "81a57472616365a23766");
    assert_eq!(record.len(), 72 + 13 + 10 + 16 + 44 + 16);
    assert_eq!(hex(&record[record.len() - 16..]), "0400020074696e790000803f000000bf");
}

#[test]
fn what_is_encoded_is_read_back_where_it_lies() {
    let record = encoded(&login());
    let view = EventView::parse(&record).unwrap();
    assert_eq!((view.topic(), view.key(), view.priority()), ("user.login", Some("ada"), 200));
    assert_eq!((view.schema(), view.time_us()), (3, 1_700_000_000_123_456));
    assert_eq!(view.parent().unwrap().to_string(), "01890000-0000-7000-8000-000000000001");
    assert_eq!(view.header("trace"), Some("7f"));
    assert_eq!(view.headers().count(), 1);
    let tries = view.body().get("tries").unwrap();
    let numbers: Vec<_> = tries.elements().map(|value| value.scalar().unwrap()).collect();
    assert_eq!(numbers, [1, -2, 300].map(Scalar::Integer));
    assert_eq!(view.body().get("risk").unwrap().scalar(), Some(Scalar::Float(0.25)));
    let embedding = view.embedding().unwrap();
    assert_eq!(
        (embedding.model, embedding.values().collect::<Vec<_>>()),
        ("tiny", vec![1.0, -0.5])
    );
    assert_eq!(encoded(&view.to_event()), record);
}

#[test]
fn an_event_is_the_same_in_json() {
    let event = EventView::parse(&encoded(&login())).unwrap().to_event();
    assert_eq!(Event::from_json(&event.to_json()).unwrap(), event);
    assert_eq!(Event::from_json(r#"{"topic":"a.b"}"#).unwrap(), Event::new("a.b"));
    assert_eq!(Event::new("a.b").to_json(), r#"{"topic":"a.b"}"#);
}

#[test]
fn json_that_is_no_event_is_refused_with_its_place() {
    let says = |text: &str| Event::from_json(text).unwrap_err().to_string();
    assert!(says("{").contains("line 1"));
    assert!(says(r#"{"topic":"a","topik":1}"#).contains("unknown field `topik`"));
    assert!(says(r#"{"body":1}"#).contains("missing field `topic`"));
    let fourth = r#"{"topic":"a","id":"6d0f2f3e-8f5c-4f6e-9d39-000000000000"}"#;
    assert!(says(fourth).contains("no UUID of version 7"));
    assert!(says(r#"{"topic":"a..b"}"#).contains("word 2 is empty"));
}

#[test]
fn what_no_event_may_be_is_refused_by_name() {
    let refused = |event: Event| event.check().unwrap_err();
    assert!(matches!(refused(Event::new("")), EventError::Topic { .. }));
    let spaced = refused(Event::new("user login")).to_string();
    assert!(spaced.contains("' ' at byte 4"), "{spaced}");
    assert!(matches!(refused(Event::new("user.*")), EventError::Topic { .. }));
    assert!(matches!(refused(Event::new("x".repeat(201))), EventError::Topic { .. }));
    assert_eq!(refused(Event::new("a").key("")), EventError::Key(0));
    assert_eq!(refused(Event::new("a").context(3)), EventError::Context("a number"));
    let none = Embedding { model: "m".to_owned(), values: vec![f32::NAN] };
    assert!(matches!(refused(Event::new("a").embedding(none)), EventError::Embedding(_)));
    let mut deep = json!(0);
    for _ in 0..DEPTH_MAX {
        deep = json!([deep]);
    }
    assert_eq!(Event::new("a").body(deep.clone()).check(), Ok(()));
    assert_eq!(refused(Event::new("a").body(json!([deep]))), EventError::Depth { part: "body" });
    let keys_are_numbers = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(refused(Event::new("a").body_of(&keys_are_numbers)), EventError::Body(_)));
    let headers = (0..65).fold(Event::new("a"), |event, n| event.header(format!("h{n}"), "v"));
    assert_eq!(refused(headers), EventError::Headers(65));
}

#[test]
fn a_record_cut_short_or_changed_is_refused_or_read_and_never_believed() {
    let record = encoded(&login());
    for length in 0..record.len() {
        assert!(EventView::parse(&record[..length]).is_err(), "cut at {length}");
    }
    let longer = [&record[..], &[0]].concat();
    assert_eq!(EventView::parse(&longer), Err(RecordError::Long(1)));
    let mut later = record.clone();
    later[4] = RECORD_VERSION + 1;
    let error = EventView::parse(&later).unwrap_err();
    assert_eq!(error, RecordError::Version { found: 2, known: 1 });
    // Sixteen bytes of an id without its version.
    let mut nameless = record;
    nameless[8..24].fill(0);
    assert_eq!(EventView::parse(&nameless), Err(RecordError::Part("id")));
}

#[test]
fn an_event_is_found_behind_a_short_head_and_nowhere_else() {
    let record = encoded(&login());
    let carried = |payload: &[u8]| EventView::carried(payload).map(|event| event.id());
    let id = EventView::parse(&record).unwrap().id();
    for head in 0..80 {
        let payload = [&vec![7; head], &record[..]].concat();
        let found = head <= 64 && head % 4 == 0;
        assert_eq!(carried(&payload), found.then_some(id), "behind {head} bytes");
        assert_eq!(carried(&payload[..payload.len() - 1]), None);
    }
    assert_eq!(carried(b"NBEVNBEVNBEV"), None);
}

#[test]
fn ids_ascend_whatever_the_clock_does() {
    let mut ids = EventIds::new(3);
    let mut last = ids.next(1_000);
    for ms in [1_000, 1_000, 999, 5, 1_001, 1_001].into_iter().chain([1_001; 10_000]) {
        let next = ids.next(ms);
        assert!(next > last, "{next} after {last} at {ms}");
        last = next;
    }
    let (mut one, mut other) = (EventIds::new(9), EventIds::new(9));
    assert_eq!(one.next(7), other.next(7));
    assert_ne!(EventIds::new(9).next(7), EventIds::new(10).next(7));
}

/// Whether a pattern matches, by the recursive definition.
fn by_definition(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        ([], []) => true,
        (["#", rest @ ..], _) => (0..=topic.len()).any(|n| by_definition(rest, &topic[n..])),
        (["*", rest @ ..], [_, words @ ..]) => by_definition(rest, words),
        ([word, rest @ ..], [first, words @ ..]) => word == first && by_definition(rest, words),
        _ => false,
    }
}

#[test]
fn patterns_that_cannot_be_are_refused() {
    for pattern in ["", ".", "a.", "a..b", "a*", "a.#b", "a b", "ä.\u{7}"] {
        assert!(TopicPattern::new(pattern).is_err(), "{pattern:?}");
    }
    let says = TopicPattern::new("a.b#").unwrap_err().to_string();
    assert_eq!(
        says,
        "pattern \"a.b#\" is refused: the wildcard in word 2 must be a word of its own"
    );
    assert!(check_topic("größe.øre").is_ok());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            any_object(inner),
        ]
    })
}

fn any_object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    // Few names, so that objects have some in common.
    proptest::collection::btree_map("[a-d]{1,2}", inner, 0..20)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn packed(value: &Value) -> Vec<u8> {
    let record = encoded(&Event::new("a").body(value.clone()));
    EventView::parse(&record).unwrap().body().bytes().to_vec()
}

/// What merging means, on values in memory.
fn merged(low: &Value, high: &Value) -> Value {
    let (Value::Object(low), Value::Object(high)) = (low, high) else { return high.clone() };
    let mut both = low.clone();
    for (key, value) in high {
        let value = low.get(key).map_or(value.clone(), |below| merged(below, value));
        both.insert(key.clone(), value);
    }
    Value::Object(both)
}

proptest! {
    #[test]
    fn a_pattern_matches_what_its_definition_says(
        pattern in proptest::collection::vec(prop_oneof!["[ab]", Just("*".to_owned()), Just("#".to_owned())], 1..7),
        topic in proptest::collection::vec("[ab]", 1..8),
    ) {
        let compiled = TopicPattern::new(&pattern.join(".")).unwrap();
        let words: Vec<&str> = topic.iter().map(String::as_str).collect();
        let wanted: Vec<&str> = pattern.iter().map(String::as_str).collect();
        prop_assert_eq!(compiled.matches(&topic.join(".")), by_definition(&wanted, &words));
    }

    #[test]
    fn any_body_comes_back_as_it_was(body in any_value(), context in any_object(any_value())) {
        let event = Event::new("a.b").body(body.clone()).context(context);
        let record = encoded(&event);
        let view = EventView::parse(&record).unwrap();
        prop_assert_eq!(view.body().read::<Value>().unwrap(), body);
        prop_assert_eq!(encoded(&view.to_event()), record);
    }

    #[test]
    fn any_bytes_are_a_record_or_refused(
        start in 0_usize..72,
        change in proptest::collection::vec(any::<u8>(), 1..24),
    ) {
        let mut record = encoded(&login());
        let end = (start + change.len()).min(record.len());
        record[start..end].copy_from_slice(&change[..end - start]);
        if let Ok(view) = EventView::open(&record) {
            let _ = (view.to_event(), view.id(), view.headers().count(), view.body().elements().count());
        }
        let _ = EventView::parse(&record);
    }

    #[test]
    fn any_bytes_are_a_packed_value_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Some(value) = Packed::new(&bytes) {
            prop_assert_eq!(value.bytes(), &bytes[..]);
        }
    }

    #[test]
    fn merging_packed_values_is_merging_values(
        low in any_object(any_value()), high in any_object(any_value()), top in any_object(any_value()),
    ) {
        let (a, b, c) = (packed(&low), packed(&high), packed(&top));
        let of = |bytes: &[u8]| Packed::new(bytes).unwrap().read::<Value>().unwrap();
        let both = |low: &[u8], high: &[u8]| {
            let mut out = Vec::new();
            merge(Packed::new(low).unwrap(), Packed::new(high).unwrap(), &mut out);
            out
        };
        prop_assert_eq!(of(&both(&a, &b)), merged(&low, &high));
        prop_assert_eq!(of(&both(&both(&a, &b), &c)), merged(&merged(&low, &high), &top));
        prop_assert_eq!(of(&both(&a, &packed(&json!({})))), low.clone());
        prop_assert_eq!(of(&both(&packed(&json!({})), &a)), low);
    }
}

/// Fires an event of its own for each one that it hears.
#[derive(Default)]
struct Clerk(Vec<Vec<u8>>);

impl Neuron for Clerk {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        self.0.push(payload.to_vec());
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        for record in self.0.drain(..) {
            let order = EventView::open(&record)?;
            ctx.publish(&order.causes("order.booked").body(json!({"by": "clerk"})))?;
        }
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|record| out.extend_from_slice(record));
    }
}

/// Keeps what it hears, where the test sees it.
struct Ledger(Arc<Mutex<Vec<Value>>>);

impl Neuron for Ledger {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::parse(payload)?.to_event();
        self.0.lock().unwrap().push(serde_json::from_str(&event.to_json())?);
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

fn booked(times: &[u64]) -> (String, Vec<Value>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (publisher, gate) = Publisher::gate(16, 5);
    let mut builder = Cortex::builder();
    let topics = Region::agents("topics").template(8, |_| Box::new(Clerk::default()));
    let topics = builder.region(topics);
    builder.region(Region::gated("door", gate.by_topic(topics)));
    let ledger = builder.region(Region::agents("ledger").neuron("all", Ledger(kept.clone())));
    builder.project(topics, ledger, Projection::all_to_all()).pace(Pace::Free).seed(4);
    let mut cortex = builder.build().unwrap();
    for &time in times {
        let order = Event::new("order.placed").key(time.to_string()).priority(9);
        publisher.publish(&order.time_us(time).context(json!({"shop": 1}))).unwrap();
    }
    cortex.run_for(Ticks(5)).unwrap();
    let events = kept.lock().unwrap().clone();
    (cortex.digest().to_string(), events)
}

#[test]
fn a_neuron_fires_events_with_their_parent_and_the_same_ids_in_every_run() {
    let (digest, events) = booked(&[4_000_000, 9]);
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["topic"], "order.booked");
    assert_eq!((&events[0]["key"], &events[0]["priority"]), (&json!("4000000"), &json!(9)));
    assert_eq!(events[0]["context"], json!({"shop": 1}));
    // Dated no earlier than its cause, and otherwise by cortex time.
    assert_eq!((&events[0]["time_us"], &events[1]["time_us"]), (&json!(4_000_000), &json!(9)));
    let mut ids = EventIds::new(5);
    assert_eq!(events[0]["parent"], json!(ids.next(4_000).to_string()));
    assert_ne!(events[0]["id"], events[1]["id"]);
    assert_eq!(booked(&[4_000_000, 9]), (digest, events));
}

#[test]
fn an_unseen_topic_gets_a_neuron_and_a_full_region_refuses_the_next() {
    let (publisher, gate) = Publisher::gate(16, 5);
    let mut builder = Cortex::builder();
    let topics = Region::agents("topics").template(2, |_| Box::new(Clerk::default()));
    let topics = builder.region(topics);
    builder.region(Region::gated("door", gate.by_topic(topics)));
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    for topic in ["a", "b", "a", "c"] {
        publisher.publish(&Event::new(topic)).unwrap();
    }
    cortex.run_for(Ticks(3)).unwrap();
    assert_eq!(cortex.atlas().members(topics).len(), 2);
    assert_eq!(cortex.counts().admitted, 3);
    let report = cortex.report();
    let door = report.gates.iter().find(|gate| gate.path == "door").unwrap();
    assert_eq!(
        (door.account.refused[0].kind.as_str(), door.account.refused[0].count),
        ("not-admitted", 1)
    );
}

#[test]
fn a_full_gate_and_a_closed_one_say_so() {
    let (publisher, gate) = Publisher::gate(2, 0);
    let event = Event::new("a");
    publisher.publish(&event).unwrap();
    publisher.publish(&event).unwrap();
    assert_eq!(publisher.publish(&event), Err(PublishError::Full(2)));
    assert_eq!((publisher.published(), publisher.turned_away(), publisher.waiting()), (2, 1, 2));
    assert!(matches!(publisher.publish_record(b"NBEV"), Err(PublishError::Record(_))));
    drop(gate);
    assert_eq!(publisher.publish(&event), Err(PublishError::Closed));
}

#[test]
fn events_that_find_no_room_wait_and_none_is_lost() {
    let (publisher, gate) = Publisher::gate(64, 0);
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("door", gate));
    let silent = FireWith(|_: &mut Context<'_>| Ok(()));
    let end = builder.region(Region::agents("end").neuron("end", silent));
    builder.project(door, end, Projection::all_to_all()).pace(Pace::Free).flight_limit(10);
    let mut cortex = builder.build().unwrap();
    for n in 0..64 {
        publisher.publish(&Event::new("a").body(n)).unwrap();
    }
    cortex.run_for(Ticks(40)).unwrap();
    assert_eq!((cortex.counts().admitted, cortex.counts().delivered), (64, 64));
}
