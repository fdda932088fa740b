//! Changes of the topology that the first worker tells the others.

use crate::id::RegionId;
use crate::neuron::{AgentCard, Neuron};

/// What does not fit into a slot.
pub(in crate::cortex) enum Mail {
    /// A neuron has come into being.
    Sprout {
        region: RegionId,
        name: String,
        membrane: u16,
        card: AgentCard,
        /// The neuron itself, for the worker that it belongs to.
        neuron: Option<Box<dyn Neuron>>,
    },
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Sprout { region, name, neuron, .. } = self;
        f.debug_struct("Sprout")
            .field("region", region)
            .field("name", name)
            .field("here", &neuron.is_some())
            .finish_non_exhaustive()
    }
}
