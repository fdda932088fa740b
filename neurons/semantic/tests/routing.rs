//! Texts find their handlers by what they mean, in a running cortex.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::sync::Arc;

use neuronbus::cortex::{Cortex, CortexBuilder};
use neuronbus::event::{Event, EventIds};
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_semantic::counts::SemanticCounts;
use neuronbus_semantic::encoder_neuron::{EventText, Reading};
use neuronbus_semantic::prelude::*;
use support::{Handler, Scripted, Told, names};

fn support_desk() -> Vec<Concept> {
    vec![
        Concept::new("payment failed")
            .exemplar("the card was declined")
            .exemplar("my credit card does not work")
            .topic("billing.declined"),
        Concept::new("parcel late")
            .exemplar("where is my package")
            .exemplar("the delivery is late"),
        Concept::new("password lost").exemplar("I cannot log in to my account"),
    ]
}

/// A desk with one handler for each concept, and the way in.
fn desk(builder: &mut CortexBuilder, meaning: Meaning) -> (Inlet, MeaningPorts, Told) {
    let (inlet, gate) = Inlet::gate(64).unwrap();
    let ear = builder.region(Region::gated("senses/ear", gate));
    let ports = meaning.wire(builder);
    builder.project(ear, ports.input.clone(), Projection::all_to_all());
    let told = Told::default();
    for (concept, name) in
        [("payment failed", "billing"), ("parcel late", "shipping"), ("password lost", "accounts")]
    {
        let handler = Handler { name, told: told.clone() };
        let path = format!("desk/{name}");
        let handler = builder.region(Region::agents(&path).neuron(name, handler));
        builder.project(ports.concept(concept), handler, Projection::all_to_all());
    }
    builder.pace(Pace::Free);
    (inlet, ports, told)
}

fn static_desk() -> (Inlet, Cortex, MeaningPorts, Told) {
    let meaning = Meaning::new("language", &support_desk(), StaticTable::bundled()).unwrap();
    let mut builder = Cortex::builder();
    let (inlet, ports, told) = desk(&mut builder, meaning);
    (inlet, builder.build().unwrap(), ports, told)
}

fn say(inlet: &mut Inlet, text: &str) {
    inlet.fire(SpikeKind::Excitatory, 3, text.as_bytes()).unwrap();
}

#[test]
fn a_text_finds_its_handler_by_what_it_means() {
    let (mut inlet, mut cortex, ports, told) = static_desk();
    for text in
        ["they declined my card", "when will my package come", "cannot login, account locked"]
    {
        say(&mut inlet, text);
    }
    cortex.run_for(Ticks(10)).unwrap();
    let expected = [
        ("billing", "they declined my card"),
        ("shipping", "when will my package come"),
        ("accounts", "cannot login, account locked"),
    ];
    let mut found = names(&told);
    found.sort();
    let mut expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    expected.sort();
    assert_eq!(found, expected, "{:?}", told.lock().unwrap());
    let counts = ports.meter.counts();
    assert_eq!((counts.texts, counts.recognised, counts.misses), (3, 3, 3));
}

#[test]
fn a_text_that_belongs_nowhere_goes_nowhere() {
    let (mut inlet, mut cortex, ports, told) = static_desk();
    say(&mut inlet, "bananas ripen in the sun");
    cortex.run_for(Ticks(10)).unwrap();
    assert_eq!(names(&told), [], "{:?}", told.lock().unwrap());
    assert_eq!(ports.meter.counts().unrecognised, 1);
}

#[test]
fn a_topic_that_also_resembles_its_concept_is_delivered_once() {
    let (mut inlet, mut cortex, _, told) = static_desk();
    say(&mut inlet, "billing.declined");
    cortex.run_for(Ticks(10)).unwrap();
    assert_eq!(
        told.lock().unwrap().as_slice(),
        [("billing".into(), "billing.declined".into(), 1.0)]
    );
}

#[test]
fn payloads_that_are_no_texts_are_counted_and_stop_nothing() {
    let (mut inlet, mut cortex, ports, told) = static_desk();
    for payload in [&b""[..], b" \t ", &[0xff, 0xfe, 0x80]] {
        inlet.fire(SpikeKind::Excitatory, 0, payload).unwrap();
    }
    say(&mut inlet, "the card was declined");
    cortex.run_for(Ticks(10)).unwrap();
    assert_eq!(names(&told), [("billing".to_owned(), "the card was declined".to_owned())]);
    let counts = ports.meter.counts();
    assert_eq!((counts.texts, counts.refused, counts.recognised), (4, 3, 1));
}

#[test]
fn the_same_text_is_encoded_once() {
    let (mut inlet, mut cortex, ports, told) = static_desk();
    for _ in 0..5 {
        say(&mut inlet, "the card was declined");
        cortex.run_for(Ticks(5)).unwrap();
    }
    assert_eq!(names(&told).len(), 5);
    let counts = ports.meter.counts();
    assert_eq!((counts.hits, counts.misses), (4, 1));
}

/// The same desk over an encoder behind a gate, which holds time so that the run can be compared.
fn gated_desk(fails: bool) -> (Inlet, Cortex, MeaningPorts, Told) {
    let words = [
        "payment", "failed", "card", "declined", "parcel", "late", "package", "password", "lost",
        "the", "was",
    ];
    let sound = Scripted::new(&words);
    let lexicon = Lexicon::new(&support_desk()[..1], &sound).unwrap();
    let encoder = Arc::new(sound.that_fails(fails));
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let ear = builder.region(Region::gated("senses/ear", gate));
    let ports = Meaning::of("language", lexicon, encoder).holding().wire(&mut builder);
    builder.project(ear, ports.input.clone(), Projection::all_to_all());
    let told = Told::default();
    let handler = Handler { name: "billing", told: told.clone() };
    let handler = builder.region(Region::agents("desk").neuron("billing", handler));
    builder.project(ports.concepts.clone(), handler, Projection::all_to_all());
    builder.pace(Pace::Free);
    let cortex = builder.build().unwrap();
    say(&mut inlet, "the card declined");
    (inlet, cortex, ports, told)
}

#[test]
fn a_slow_encoder_answers_through_its_gate_and_then_from_the_cache() {
    let (mut inlet, mut cortex, ports, told) = gated_desk(false);
    cortex.run_for(Ticks(20)).unwrap();
    say(&mut inlet, "the card declined");
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(names(&told).len(), 2);
    let counts = ports.meter.counts();
    let expected = SemanticCounts {
        texts: 2,
        recognised: 2,
        hits: 1,
        misses: 1,
        asked: 1,
        ..Default::default()
    };
    assert_eq!(counts, expected);
}

#[test]
fn two_runs_with_a_held_encoder_end_with_one_digest() {
    let digest = || {
        let (mut inlet, mut cortex, _, _) = gated_desk(false);
        for text in ["the card was late", "card declined", "parcel late"] {
            say(&mut inlet, text);
            cortex.run_for(Ticks(7)).unwrap();
        }
        cortex.digest()
    };
    assert_eq!(digest(), digest());
}

#[test]
fn an_encoder_that_fails_leaves_exact_topics_and_is_counted() {
    let (mut inlet, mut cortex, ports, told) = gated_desk(true);
    say(&mut inlet, "billing.declined");
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(names(&told), [("billing".to_owned(), "billing.declined".to_owned())]);
    let counts = ports.meter.counts();
    assert_eq!((counts.degraded, counts.recognised, counts.unrecognised), (2, 1, 1));
}

/// What an event is about is what its text says, or its topic.
#[test]
fn events_are_recognised_by_a_field_of_their_body_or_by_their_topic() {
    let record = |event: Event, seed: u64| {
        let mut bytes = Vec::new();
        event.encode(&mut EventIds::new(seed), 0, &mut bytes).unwrap();
        bytes
    };
    let said =
        Event::new("chat.message").body(serde_json::json!({"text": "they declined my card"}));
    let (said, topic) = (record(said, 1), record(Event::new("cardDeclined"), 2));
    let by_text = EventText::field("text");
    assert_eq!(by_text.text(&said), Some("they declined my card"));
    assert_eq!(by_text.text(&topic), Some("cardDeclined"));
    assert_eq!(EventText::topic().text(&said), Some("chat.message"));
    assert_eq!(by_text.text(b"no event"), None);
}
