//! A recorded run of events, meaning, context and memory comes again to the bit.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::path::Path;

use neuronbus::cortex::{Playback, ReplayOptions};
use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus_context::{BusSettings, EventBus, Filter, Scope, event_bus};
use neuronbus_examples::events::TopicOf;
use neuronbus_memory::{Hippocampus, HippocampusSettings};
use neuronbus_semantic::prelude::*;
use serde_json::json;

/// The chain of `chain.rs`, with a handler that fires what it hears.
fn chain(place: Option<&Path>) -> (Cortex, EventBus) {
    let mut builder = Cortex::builder();
    let (bus, regions) = event_bus(&mut builder, "bus", BusSettings::default());
    let table = StaticTable::bundled();
    let concepts = [Concept::new("payment failed"), Concept::new("parcel delivered")];
    let meaning = Meaning::new("language", &concepts, table.clone()).unwrap().reading(TopicOf);
    let meaning = meaning.wire(&mut builder);
    let model = table.model().to_string();
    let encode = move |text: &str, out: &mut Vec<f32>| table.encode_batch(&[text], out).is_ok();
    let hippocampus = Hippocampus::new(HippocampusSettings::default()).encoder((model, encode));
    let hippocampus = builder.region(Region::agents("memory").neuron("hippocampus", hippocampus));
    let handler = Region::agents("handler").neuron("handler", Relay::default());
    let handler = builder.region(handler);
    let filter = Filter::new("known.vip == true AND amount > 10").unwrap().dendrite();
    let carried = || Projection::all_to_all().weight(0.0);
    builder.project(regions.topics, meaning.input.clone(), carried());
    builder.project(meaning.concepts, hippocampus, carried().dendrite(filter));
    builder.project(hippocampus, handler, Projection::all_to_all()).pace(Pace::Free).seed(11);
    if let Some(place) = place {
        builder.journal(place);
    }
    (builder.build().unwrap(), bus)
}

#[test]
fn a_recorded_run_of_events_meaning_context_and_memory_comes_again_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("journal");
    let (mut cortex, bus) = chain(Some(&place));
    let topics =
        ["payment.failed", "parcel_delivered", "failed_payment", "weather", "delivered.parcel"];
    let mut guards = Vec::new();
    for n in 0..60_usize {
        if n == 5 {
            bus.set(Scope::User("ada".to_owned()), "known.vip", true).unwrap();
        }
        if n % 20 == 7 {
            guards.push(bus.subscribe("payment.*").filter("amount > 20").handler(|_| {}).unwrap());
        }
        if n == 40 {
            guards.clear();
        }
        let context = json!({"user": {"id": "ada"}, "amount": n, "importance": 0.5});
        bus.publish(&Event::new(topics[n % topics.len()]).context(context)).unwrap();
        cortex.run_for(Ticks(3)).unwrap();
    }
    cortex.run_for(Ticks(40)).unwrap();
    cortex.close();
    let (digest, counts) = (cortex.digest(), cortex.counts());
    assert!(counts.firings > 20, "{counts:?}");
    drop(cortex);

    // Nothing of the outside is asked again: ids, times, changes and subscriptions come from the journal.
    let (mut again, _bus) = chain(None);
    let mut playback = Playback::open(&place).unwrap();
    let report = again.replay(&mut playback, ReplayOptions::default()).unwrap();
    assert!(report.inputs > 60, "{report:?}");
    assert_eq!(again.digest(), digest);
    assert_eq!(again.counts().firings, counts.firings);
}
