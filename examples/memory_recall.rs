//! Events are remembered by what they mean: each passes on with what it reminds of, and a question finds what was said.
//!
//! ```text
//! $ cargo run --example memory_recall
//! note the disk is nearly full
//! note user ada logged in
//! note no space left on the disk
//!   0.63 "the disk is nearly full"
//! note it rains
//! memory.recalled
//!   0.62 "the disk is nearly full"
//!   0.52 "no space left on the disk"
//! ```

use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_examples::events::{Recollection, encoder};
use neuronbus_memory::{Hippocampus, HippocampusSettings};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let encoder = encoder()?;
    let model = encoder.model().to_string();
    let encode = move |text: &str, out: &mut Vec<f32>| encoder.encode_batch(&[text], out).is_ok();
    let hippocampus = Hippocampus::new(HippocampusSettings::default()).encoder((model, encode));

    let (publisher, gate) = Publisher::gate(64, 0);
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("door", gate));
    let memory = builder.region(Region::agents("memory").neuron("hippocampus", hippocampus));
    let printer = builder.region(Region::agents("printer").neuron("printer", Recollection));
    builder.project(door, memory, Projection::all_to_all().weight(0.0));
    builder.project(memory, printer, Projection::all_to_all()).pace(Pace::Free);
    let mut cortex = builder.build()?;
    for text in
        ["the disk is nearly full", "user ada logged in", "no space left on the disk", "it rains"]
    {
        publisher.publish(&Event::new("note").priority(100).body(json!({"text": text})))?;
        cortex.run_for(Ticks(5))?;
    }
    publisher
        .publish(&Event::new("memory.recall").body(json!({"text": "storage is full", "k": 2})))?;
    cortex.run_for(Ticks(5))?;
    Ok(())
}
