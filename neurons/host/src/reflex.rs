//! A reflex: an alert when enough evidence gathers within a few seconds, and then a pause.
//!
//! There is no rule to write. The membrane adds up what its synapses bring and lets it leak away; when it crosses the
//! threshold the reflex fires once, with everything that made it fire, and is deaf for the refractory time.
//!
//! | parameter | default | meaning |
//! | --- | --- | --- |
//! | `window` | 3 s | time constant of the leak: how long a spike counts |
//! | `threshold` | 3 | how much evidence makes an alert, in weights |
//! | `refractory` | 30 s | pause after an alert |
//! | `evidence` | 64 | spikes that an alert names at most, the latest |
//!
//! It fires an [`Alert`] as JSON, which an [`AlertGate`](crate::alerts::AlertGate) takes out.

use std::time::Duration;

use neuronbus::context::{Context, Firing};
use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::membrane::Lif;
use neuronbus::neuron::{AgentCard, Neuron, NeuronResult};
use neuronbus::region::Region;

use crate::alerts::{Alert, AlertEvidence};

/// The priority of an alert: the highest tier.
const ALERT_PRIORITY: u8 = 240;

/// When a reflex fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReflexSettings {
    /// Time constant of the leak.
    pub window: Duration,
    /// Evidence that makes an alert, in weights.
    pub threshold: f32,
    /// Pause after an alert.
    pub refractory: Duration,
    /// Spikes that an alert names at most.
    pub evidence: usize,
}

impl Default for ReflexSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(3),
            threshold: 3.0,
            refractory: Duration::from_secs(30),
            evidence: 64,
        }
    }
}

impl ReflexSettings {
    /// The membrane these settings describe.
    #[must_use]
    pub fn membrane(&self) -> Lif {
        Lif::default().tau(self.window).threshold(self.threshold).refractory(self.refractory)
    }
}

/// Fires an alert that names its evidence; give it the membrane of [`ReflexSettings::membrane`].
#[derive(Debug, Clone)]
pub struct Reflex {
    evidence: usize,
}

impl Reflex {
    /// A reflex that names at most so many spikes.
    #[must_use]
    pub const fn new(evidence: usize) -> Self {
        Self { evidence }
    }

    fn alert(ctx: &Context<'_>) -> Alert {
        let atlas = ctx.atlas();
        let mut evidence: Vec<AlertEvidence> = Vec::new();
        for item in ctx.evidence() {
            let source = item.spike.source().map(|id| atlas.address(id)).unwrap_or_default();
            match evidence.iter_mut().find(|known| known.source == source) {
                Some(known) => {
                    known.count += 1;
                    known.weight += item.weight;
                }
                None => evidence.push(AlertEvidence { source, count: 1, weight: item.weight }),
            }
        }
        // What counted most comes first; among equals, what came first.
        evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        Alert { time_ns: ctx.time_ns(), neuron: atlas.address(ctx.id()), evidence }
    }
}

impl Neuron for Reflex {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let payload = serde_json::to_vec(&Self::alert(ctx))?;
        // Saturation is counted by the runtime; the next alert may find room.
        let _ =
            ctx.send(Firing { priority: ALERT_PRIORITY, payload: &payload, ..Firing::default() });
        Ok(())
    }

    fn evidence(&self) -> usize {
        self.evidence
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("raises an alert when enough evidence gathers").capability("reflex/alert")
    }
}

/// Adds a region with one reflex, `alert`, to a topology.
pub fn reflex(builder: &mut CortexBuilder, path: &str, settings: &ReflexSettings) -> RegionId {
    let region = Region::agents(path).membrane(settings.membrane());
    builder.region(region.neuron("alert", Reflex::new(settings.evidence)))
}
