//! What the example `triage` needs beside its topology: a script that reports, and the bill.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::event::EventView;
use neuronbus::prelude::*;
use neuronbus_llm::{Price, Request, ScriptedModel, SpokenMessage, Usage};
use serde_json::Value;

/// Priority of a line by its words: 200 for what sounds serious, 0 for the rest.
pub(crate) fn suspicion(line: &str) -> u8 {
    const WORDS: [&str; 6] = ["error", "fail", "degraded", "denied", "panic", "fatal"];
    let line = line.to_lowercase();
    if WORDS.iter().any(|word| line.contains(word)) { 200 } else { 0 }
}

/// A model that says how much it was told, and the first of it; a million tokens read cost 1, written 5.
pub(crate) fn scripted_reporter() -> ScriptedModel {
    let script = |request: &Request| {
        let told = &request.messages[1].content;
        let lines: Vec<&str> = told.lines().filter(|line| line.starts_with('{')).collect();
        let first = lines.first().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let first = first.and_then(|first| first["text"].as_str().map(str::to_owned));
        let first = first.unwrap_or_default();
        format!("{} of the lines look serious; first: {first}", lines.len())
    };
    let each = Duration::from_millis(20)..=Duration::from_millis(30);
    let price = Price { input: 1.0, cached: 0.1, output: 5.0 };
    ScriptedModel::new("reporter", script).taking(Duration::from_millis(50), each).price(price)
}

#[derive(Debug, Default)]
struct Bill {
    calls: u64,
    usage: Usage,
    cost: f64,
}

/// Prints reports as they come, and adds up what they cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent(Arc<Mutex<Bill>>);

impl Spent {
    /// Listens to the messages of an agent.
    pub(crate) fn listen(builder: &mut CortexBuilder, messages: Port) -> Self {
        let spent = Self::default();
        let region = builder.region(Region::agents("office").neuron("clerk", spent.clone()));
        builder.project(messages, region, Projection::all_to_all());
        spent
    }

    /// Prints the sums.
    pub(crate) fn print(&self, lines: &[String]) {
        let Bill { calls, usage, cost } = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, loud) = (lines.len(), lines.iter().filter(|line| suspicion(line) > 0).count());
        println!(
            "{count} lines, {loud} suspicious, {calls} calls; a hook on every line would have made {count}"
        );
        let Usage { input, output, .. } = usage;
        println!("{calls} calls read {input} tokens and wrote {output}: {cost:.4} of any money");
    }
}

impl Neuron for Spent {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let body = EventView::parse(payload)?.body().read::<Value>()?;
        let message: SpokenMessage = serde_json::from_value(body)?;
        println!("report: {}", message.text);
        let mut bill = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bill.calls += 1;
        bill.usage += message.usage;
        bill.cost += message.cost;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}
