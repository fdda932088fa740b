//! Small parts that several examples about events use.

use std::sync::Arc;

use neuronbus::event::{EventView, Packed};
use neuronbus::prelude::*;
use neuronbus_semantic::encoder_neuron::Reading;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::store::{self, StoreError};
use serde_json::Value;

/// The model that `NEURONBUS_MODEL` names, such as `minilm`, or the table that is in the repository.
///
/// # Errors
/// [`StoreError`] for a model that is not on this machine.
pub fn encoder() -> Result<Arc<dyn Encoder>, StoreError> {
    let named = std::env::var("NEURONBUS_MODEL").ok().filter(|name| !name.is_empty());
    store::open(named.as_deref().unwrap_or(store::BUNDLED))
}

/// Prints what it recognises, and the score.
#[derive(Debug, Clone, Copy)]
pub struct Recognised(pub &'static str);

impl Neuron for Recognised {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let heard = Recognition::parse(payload).ok_or_else(|| Fault::new("no recognition"))?;
        println!("{}: {:.2} {}", self.0, heard.score, heard.text().unwrap_or("?"));
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// An event means what its topic says.
#[derive(Debug, Clone, Copy)]
pub struct TopicOf;

impl Reading for TopicOf {
    fn text<'a>(&self, payload: &'a [u8]) -> Option<&'a str> {
        EventView::carried(payload).map(|event| event.topic())
    }
}

/// Prints each event it hears, and the topics of what that reminds of.
#[derive(Debug, Clone, Copy)]
pub struct Printer;

impl Neuron for Printer {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::open(payload)?;
        let related = event.context().get("memory").and_then(|memory| memory.get("related"));
        let memories = related.into_iter().flat_map(Packed::elements);
        let topics: Vec<&str> =
            memories.filter_map(|memory| memory.get("topic").and_then(Packed::text)).collect();
        println!("{} {}, seen before: {topics:?}", event.key().unwrap_or(""), event.topic());
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// Prints the memories that come with what it hears.
#[derive(Debug, Clone, Copy)]
pub struct Recollection;

impl Neuron for Recollection {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::open(payload)?;
        let (body, context): (Value, Value) = (event.body().read()?, event.context().read()?);
        let asked = &body["memories"];
        let memories = if asked.is_null() { &context["memory"]["related"] } else { asked };
        println!("{} {}", event.topic(), body["text"].as_str().unwrap_or(""));
        for memory in memories.as_array().into_iter().flatten() {
            println!("  {:.2} {}", memory["score"].as_f64().unwrap_or(0.0), memory["body"]["text"]);
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}
