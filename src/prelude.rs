//! What most programs need: `use neuronbus::prelude::*;`.

pub use crate::context::{Context, Firing};
pub use crate::cortex::Cortex;
pub use crate::dendrite::Dendrite;
pub use crate::id::NeuronId;
pub use crate::membrane::Lif;
pub use crate::neuron::{AgentCard, Fault, Neuron, NeuronResult, Relay};
pub use crate::pace::Pace;
pub use crate::plasticity::{RewardStdp, Stdp};
pub use crate::projection::Projection;
pub use crate::region::{Port, Region};
pub use crate::spike::{Spike, SpikeKind};
pub use crate::time::{Span, Tick, Ticks};
