//! A speaks, B contradicts it: A stops, says why, and answers anew. With the URL of a server, A is a real model.
//!
//! ```text
//! $ cargo run -p neuronbus-llm --example interrupt
//! B: the bridge is open
//! B: the bridge is closed
//! A: The bridge is open so
//! A stops: bridge was "the bridge is open" and is now "the bridge is closed"
//! A: I have changed my mind: the bridge is closed, go round.
//! ```

#[path = "parts/bridge.rs"]
mod bridge;

use std::time::Duration;

use neuronbus::event::{Event, EventView};
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{Ending, LlmSettings, SpokenMessage, llm_agent};

/// Prints what it hears of the others.
struct C;

impl Neuron for C {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::parse(payload)?;
        let body = event.body().read::<serde_json::Value>()?;
        let Ok(said) = serde_json::from_value::<SpokenMessage>(body.clone()) else {
            println!("B: {}", body.as_str().unwrap_or_default());
            return Ok(());
        };
        println!("A: {}", said.text.trim());
        if let Ending::StaleDueTo { staleness, .. } = said.ending {
            println!("A stops: {}", staleness.reason);
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (b, gate) = Publisher::gate(16, 1);
    let mut builder = Cortex::builder();
    let b_says = builder.region(Region::gated("b", gate));
    let model = bridge::model(std::env::args().nth(1), &mut builder)?;
    let ask = LlmSettings::new("Tell travellers in two sentences what to do. {evidence}")?;
    let a = llm_agent(&mut builder, "a", (model, "model"), ask)?;
    let c = builder.region(Region::agents("c").neuron("listener", C));
    builder.project(b_says, a.evidence, Projection::all_to_all());
    builder.project(b_says, c, Projection::all_to_all());
    builder.project(a.messages, c, Projection::all_to_all());
    let mut cortex = builder.build()?;
    b.publish(&Event::new("bridge").key("bridge").body("the bridge is open"))?;
    cortex.run_for(Duration::from_millis(170))?;
    b.publish(&Event::new("bridge").key("bridge").body("the bridge is closed"))?;
    cortex.run_for(Duration::from_secs(4))?;
    Ok(())
}
