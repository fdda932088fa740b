//! The whole chain as one topology: an event is published, finds its concept by what it means, passes a filter on its
//! context, is given what it reminds of, and is handled.
//!
//! ```text
//! $ cargo run --example chain
//! o-1 payment.failed, seen before: []
//! o-3 failed_card_payment, seen before: ["payment.failed"]
//! ```

use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus_context::{BusSettings, Filter, Scope, event_bus};
use neuronbus_examples::events::{Printer, TopicOf, encoder};
use neuronbus_memory::{Hippocampus, HippocampusSettings};
use neuronbus_semantic::prelude::*;
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Cortex::builder();
    let (bus, regions) = event_bus(&mut builder, "bus", BusSettings::default());

    let encoder = encoder()?;
    let concepts = [Concept::new("payment failed"), Concept::new("parcel delivered")];
    let lexicon = Lexicon::new(&concepts, &*encoder)?;
    let meaning = Meaning::of("language", lexicon, encoder.clone()).reading(TopicOf).holding();
    let meaning = meaning.wire(&mut builder);

    let model = encoder.model().to_string();
    let encode = move |text: &str, out: &mut Vec<f32>| encoder.encode_batch(&[text], out).is_ok();
    let hippocampus = Hippocampus::new(HippocampusSettings::default()).encoder((model, encode));
    let hippocampus = builder.region(Region::agents("memory").neuron("hippocampus", hippocampus));
    let handler = builder.region(Region::agents("billing").neuron("handler", Printer));

    let relevant = Filter::new("user.role == 'customer' AND order.amount > 10")?.dendrite();
    let carried = || Projection::all_to_all().weight(0.0);
    builder.project(regions.topics, meaning.input.clone(), carried());
    let failed = meaning.concept("payment failed");
    builder.project(failed, hippocampus, carried().dendrite(relevant));
    builder.project(hippocampus, handler, carried()).pace(Pace::Free);
    let mut cortex = builder.build()?;

    bus.set(Scope::User("ada".to_owned()), "user.role", "customer")?;
    for (topic, key, amount) in [
        ("payment.failed", "o-1", 30),
        ("payment_failure", "o-2", 5),
        ("failed_card_payment", "o-3", 70),
        ("parcel.delivered", "o-4", 90),
        ("payment.succeeded", "o-5", 20),
    ] {
        let context = json!({"user": {"id": "ada"}, "order": {"amount": amount}});
        bus.publish(&Event::new(topic).key(key).priority(100).context(context))?;
        cortex.run_for(Ticks(20))?;
    }
    Ok(())
}
