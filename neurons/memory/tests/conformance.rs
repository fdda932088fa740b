//! The neurons of this family keep the contract of every neuron.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus::conformance;
use neuronbus::event::{Embedding, Event, EventIds};
use neuronbus_memory::{Hippocampus, HippocampusSettings};
use serde_json::json;

/// An event with a vector, by its number.
fn event(n: u64) -> Vec<u8> {
    let values = (0..4).map(|d| ((n + d) % 3) as f32 + 0.1).collect();
    let event = Event::new("door.open").context(json!({"importance": 0.1 * n as f64}));
    let event = event.embedding(Embedding { model: "m".to_owned(), values }).body(json!({"n": n}));
    let mut record = Vec::new();
    event.encode(&mut EventIds::new(n), 1_000 * n, &mut record).unwrap();
    record
}

#[test]
fn a_hippocampus_keeps_the_contract_of_every_neuron() {
    let mut payloads: Vec<Vec<u8>> = (1..8).map(event).collect();
    let mut recall = Vec::new();
    let asks = Event::new("memory.recall").body(json!({"text": "door", "k": 2}));
    asks.encode(&mut EventIds::new(9), 9, &mut recall).unwrap();
    payloads.push(recall);
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    let settings = HippocampusSettings { bound: 5, ..HippocampusSettings::default() };
    conformance::neuron(|| Hippocampus::new(settings.clone()), &payloads);
}
