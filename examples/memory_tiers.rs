//! Memories fade with cortex time: what is important becomes long-term, what is recalled gets stronger, and the rest is
//! forgotten.
//!
//! ```text
//! $ cargo run --example memory_tiers
//! after    1 min: 8 short-term, 0 long-term, 0 forgotten
//! after   31 min: 2 short-term, 5 long-term, 1 forgotten
//! after   91 min: 1 short-term, 5 long-term, 2 forgotten
//! after  211 min: 0 short-term, 5 long-term, 3 forgotten
//! after 1651 min: 0 short-term, 5 long-term, 3 forgotten
//! ```

use std::time::Duration;

use neuronbus::event::{Embedding, Event};
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_memory::{Hippocampus, HippocampusSettings};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hour = Duration::from_secs(3600);
    let settings = HippocampusSettings { short_term: hour.into(), ..Default::default() };
    let hippocampus = Hippocampus::new(settings);
    let meter = hippocampus.meter();

    let (publisher, gate) = Publisher::gate(64, 0);
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free).tick_length(Duration::from_secs(1));
    let door = builder.region(Region::gated("door", gate));
    let memory = builder.region(Region::agents("memory").neuron("hippocampus", hippocampus));
    builder.project(door, memory, Projection::all_to_all().weight(0.0));
    let mut cortex = builder.build()?;

    let vector = |direction: usize| {
        let values = (0..8).map(|n| if n == direction { 1.0 } else { 0.1 }).collect();
        Embedding { model: "example".to_owned(), values }
    };
    for direction in 0..8 {
        // From 0.02 to 0.79, so some begin below what is kept and some above.
        let importance = 0.02 + 0.11 * direction as f64;
        let event = Event::new(format!("thing.{direction}")).embedding(vector(direction));
        publisher.publish(&event.context(json!({"importance": importance})))?;
    }
    let mut elapsed = 0;
    for minutes in [1, 30, 60, 120, 1440] {
        cortex.run_for(Ticks(60 * minutes))?;
        elapsed += minutes;
        let counts = meter.counts();
        let (long, gone) = (counts.consolidated, counts.forgotten);
        let short = counts.stored - long - gone;
        println!("after {elapsed:4} min: {short} short-term, {long} long-term, {gone} forgotten");
    }
    Ok(())
}
