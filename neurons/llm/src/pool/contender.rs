//! The neuron that stands for one model: it gathers what the dispatcher's looks bring, and claims the task when it is
//! enough.

use neuronbus::prelude::*;
use serde::{Deserialize, Serialize};

/// A model as a neuron.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Contender {
    /// Most that chance adds to one look.
    pub(super) noise: f32,
}

impl Neuron for Contender {
    fn on_spike(&mut self, spike: &Spike, _: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        if spike.kind()? == SpikeKind::Excitatory {
            let chance = (ctx.random() >> 40) as f32 / (1_u32 << 24) as f32;
            ctx.integrate(chance * self.noise);
        }
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&[])?;
        Ok(())
    }
}
