//! The neurons of this family keep the contract of every neuron.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus::conformance;
use neuronbus::event::{Event, EventIds};
use neuronbus_context::subscription::Asked;
use neuronbus_context::{Subscriber, TopicRelay, WorkingMemory, WorkingMemorySettings};
use serde_json::{Value, json};

fn record(context: Value, n: u64) -> Vec<u8> {
    let mut record = Vec::new();
    let event = Event::new("shop.order").context(context).body(json!({"n": n}));
    event.encode(&mut EventIds::new(n), n, &mut record).unwrap();
    record
}

fn events() -> Vec<Vec<u8>> {
    vec![
        record(json!({}), 1),
        record(json!({"user": {"id": "ada"}, "session": {"id": "s-1"}}), 2),
        record(json!({"user": {"id": "eve"}, "order": {"amount": 12}}), 3),
    ]
}

#[test]
fn a_subscription_keeps_the_contract_of_every_neuron() {
    let asked = Asked { filter: "body.n > 1".to_owned(), threshold: 2.0, ..Asked::default() };
    let mut payloads = vec![serde_json::to_vec(&asked).unwrap()];
    payloads.extend(events());
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    conformance::neuron(Subscriber::new, &payloads);
}

#[test]
fn a_topic_keeps_the_contract_of_every_neuron() {
    let events = events();
    let payloads: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    conformance::neuron(|| TopicRelay, &payloads);
}

#[test]
fn working_memory_keeps_the_contract_of_every_neuron() {
    let changes = [
        json!({"scope": "global", "change": {"merge": {"open": true}}}),
        json!({"scope": {"user": "ada"}, "change": {"merge": {"user": {"role": "admin"}}}}),
        json!({"scope": {"session": "s-1"}, "change": {"lay": {"layer": 1, "over": {"a": 1}}}}),
        json!({"scope": {"session": "s-1"}, "change": {"lift": {"layer": 1}}}),
        json!({"scope": {"user": "ada"}, "change": {"remove": "user.role"}}),
    ];
    let mut payloads: Vec<Vec<u8>> = changes.iter().map(|it| it.to_string().into_bytes()).collect();
    payloads.extend(events());
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    conformance::neuron(|| WorkingMemory::new(WorkingMemorySettings { scopes: 2 }), &payloads);
}
