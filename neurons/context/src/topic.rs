//! The neuron of one topic: fires each event of the topic on, at once.

use neuronbus::context::{Context, Firing};
use neuronbus::neuron::{AgentCard, Neuron, NeuronResult};
use neuronbus::spike::Spike;

/// Fires each event it hears over its synapses, with the priority it came with: several in one tick if several came.
#[derive(Debug, Clone, Copy, Default)]
pub struct TopicRelay;

impl Neuron for TopicRelay {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        // Saturation is counted by the runtime; a topic must not be silenced by traffic elsewhere.
        let _ = ctx.send(Firing { priority: spike.priority(), payload, ..Firing::default() });
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("fires each event of its topic").capability("events/topic")
    }
}
