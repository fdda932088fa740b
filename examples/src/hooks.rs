//! What the example `hooks` needs beside its topology: a hook that analyses, a script that explains, and a reader.

use std::time::Duration;

use neuronbus::event::{Embedding, EventView};
use neuronbus::prelude::*;
use neuronbus_llm::{
    Hook, HookEvent, PromptError, PromptTemplate, Request, ScriptedModel, Trigger,
};
use neuronbus_semantic::encoder::EncodeError;
use neuronbus_semantic::prelude::*;
use serde_json::{Value, json};

/// What a text means, by the table that is in the repository.
///
/// # Errors
/// [`EncodeError`] if no word of it is known.
pub fn meaning_of(text: &str) -> Result<Embedding, EncodeError> {
    let (table, mut values) = (StaticTable::bundled(), Vec::new());
    table.encode_batch(&[text], &mut values)?;
    Ok(Embedding { model: table.model().to_string(), values })
}

/// A hook that asks why an event happened and publishes the answer as `error_analysis`.
///
/// # Errors
/// Never: the template is one.
pub fn analysis(name: &'static str, trigger: Trigger) -> Result<Hook, PromptError> {
    let prompt = PromptTemplate::new("{task_name}: {evidence}")?.set("task_name", "Explain this");
    Ok(Hook::new(name, trigger, prompt, move |event, reasoning| {
        let body = json!({"of": event.topic(), "by": name, "analysis": reasoning.text});
        Some(HookEvent::new("error_analysis", body))
    }))
}

/// A model that explains what it is told by its key.
#[must_use]
pub fn explainer() -> ScriptedModel {
    let script = |request: &Request| {
        let told = request.messages[1].content.lines().find(|line| line.starts_with('{'));
        let fact = told.and_then(|line| serde_json::from_str::<Value>(line).ok());
        let about = fact.and_then(|fact| Some(fact["key"].as_str()?.to_owned()));
        format!("{} needs a look.", about.unwrap_or_default())
    };
    let each = Duration::from_millis(20)..=Duration::from_millis(30);
    ScriptedModel::new("explainer", script).taking(Duration::from_millis(50), each)
}

/// Prints the analyses that it hears.
#[derive(Debug, Clone, Copy)]
pub struct Reader;

impl Neuron for Reader {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::open(payload)?;
        let body: Value = event.body().read()?;
        let word = |name: &str| body[name].as_str().unwrap_or("").to_owned();
        println!("{} of {} by {}: {}", event.topic(), word("of"), word("by"), word("analysis"));
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}
