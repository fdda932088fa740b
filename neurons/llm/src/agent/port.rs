//! What stands at the ports of an agent: what it says goes out through them.

use neuronbus::event::{Event, EventView};
use neuronbus::prelude::*;

use super::message::SpokenMessage;

/// Passes on what it hears, at once.
#[derive(Debug)]
pub(crate) struct Passage;

impl Neuron for Passage {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let kind = spike.kind()?;
        ctx.send(Firing { kind, priority: spike.priority(), payload, ..Firing::default() })?;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// The membrane of an agent: it gathers drive, and says when there is enough.
#[derive(Debug)]
pub(crate) struct Membrane;

impl Neuron for Membrane {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&[])?;
        Ok(())
    }
}

/// Publishes finished messages as events, each caused by the event that made the agent speak.
#[derive(Debug)]
pub(crate) struct Herald {
    pub(crate) topic: String,
}

/// A message on its way to the herald: the length of the cause's record, the record, the message as JSON.
pub(crate) fn draft(cause: &[u8], message: &SpokenMessage) -> Vec<u8> {
    let mut draft = (cause.len() as u32).to_le_bytes().to_vec();
    draft.extend_from_slice(cause);
    serde_json::to_writer(&mut draft, message).expect("a message can be written as JSON");
    draft
}

impl Neuron for Herald {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let Some((length, rest)) = payload.split_first_chunk::<4>() else { return Ok(()) };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((cause, json)) = rest.split_at_checked(length) else { return Ok(()) };
        // What its voice has not written is none of its business.
        let Ok(message) = serde_json::from_slice::<SpokenMessage>(json) else { return Ok(()) };
        let topic = format!("{}.{}", self.topic, message.kind());
        let event = match EventView::parse(cause) {
            Ok(cause) => cause.causes(topic),
            Err(_) => Event::new(topic),
        };
        ctx.publish(&event.body_of(&message))?;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use neuronbus::conformance;

    use super::*;

    #[test]
    fn what_stands_at_the_ports_keeps_the_contract_of_every_neuron() {
        conformance::neuron(|| Passage, &[b"", b"a token", &[7; 100]]);
        conformance::neuron(|| Membrane, &[b"", b"a fact"]);
        let message = serde_json::json!({
            "agent": "a", "request": 1, "text": "So.", "ending": "timeout", "model": "m",
            "usage": { "input": 1, "output": 1 }, "cost": 0.3, "context_digest": "",
            "context_sequence": 1, "seen_sequence": 1
        });
        let bare = draft(&[], &serde_json::from_value(message).unwrap());
        conformance::neuron(|| Herald { topic: "llm".to_owned() }, &[&bare, b"no draft"]);
    }
}
