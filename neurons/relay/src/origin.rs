//! The neuron that stands here for one over there.

use neuronbus::context::{Context, Firing};
use neuronbus::neuron::{AgentCard, Neuron, NeuronResult};
use neuronbus::spike::{Spike, SpikeKind};

/// Fires what its namesake in the other cortex has fired: kind, priority and payload, in the tick of arrival.
///
/// Being a neuron of its own, it gives each origin a name in the atlas, and a row of synapses that learns apart from
/// the others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin;

impl Neuron for Origin {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let kind = spike.kind().unwrap_or(SpikeKind::Excitatory);
        // Saturation is counted by the runtime; an origin must not be silenced by traffic elsewhere.
        let _ = ctx.send(Firing { kind, priority: spike.priority(), payload, ..Firing::default() });
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("fires what its namesake in another cortex fires").capability("tract/origin")
    }
}
