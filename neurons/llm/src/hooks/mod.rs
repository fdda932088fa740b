//! Hooks: when an event matches, a model is asked about it, and what a handler makes of the answer is published as an
//! event that the first one caused.
//!
//! ```text
//!           +----------------------------------------+
//! events  ->| hooks --(trigger, prompt)--> gate      |
//! control ->|   ^--(answer)-- gate                   |
//!           |   +--(handler)--> herald               |-> results, as events
//!           +----------------------------------------+
//! ```
//!
//! The chain of hooks that led to an event travels in its context, which what it causes inherits: a hook that stands in
//! it as often as its depth allows is not asked again, so that results can safely be connected to the events.

mod hook;
mod registry;
mod trigger;

pub use hook::{Hook, HookEvent, HookStatistics, Reasoning};
pub use registry::{HookAction, HookOrder};
pub use trigger::Trigger;

use neuronbus::cortex::CortexBuilder;
use neuronbus::event::{Event, EventView};
use neuronbus::id::RegionId;
use neuronbus::prelude::*;
use serde_json::{Map, Value};

use crate::agent::{DEAF, Passage, SettingsError};
use registry::{CHAIN, Registry, chain_of};

/// Publishes what handlers have made.
struct Herald;

impl Neuron for Herald {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let Some((length, rest)) = payload.split_first_chunk::<4>() else { return Ok(()) };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((cause, json)) = rest.split_at_checked(length) else { return Ok(()) };
        // What its registry has not written is none of its business.
        let Ok((hook, made)) = serde_json::from_slice::<(Option<String>, HookEvent)>(json) else {
            return Ok(());
        };
        let event = match EventView::parse(cause) {
            Ok(cause) => {
                let mut context = cause.context().read::<Map<String, Value>>().unwrap_or_default();
                let chain = chain_of(&cause).into_iter().chain(hook);
                context.insert(CHAIN.to_owned(), chain.collect());
                cause.causes(made.topic).context(context)
            }
            Err(_) => Event::new(made.topic),
        };
        ctx.publish(&event.body(made.body))?;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// The ports of a region of hooks; [`llm_hooks`] makes it.
#[derive(Debug, Clone)]
pub struct LlmHooks {
    /// The region.
    pub region: RegionId,
    /// Events that may trigger.
    pub events: Port,
    /// Orders, as JSON of a [`HookOrder`].
    pub control: Port,
    /// What handlers have made, as events.
    pub results: Port,
}

/// Adds hooks at a path such as `language/hooks`, asked through the gate to a model, which is given by its region and
/// path.
///
/// # Errors
/// [`SettingsError`] if a prompt asks for what nobody sets.
pub fn llm_hooks(
    builder: &mut CortexBuilder,
    path: &str,
    gate: (RegionId, &str),
    hooks: Vec<Hook>,
) -> Result<LlmHooks, SettingsError> {
    hooks.iter().try_for_each(|hook| hook.prompt.check())?;
    let region = Region::agents(path)
        .membrane(DEAF)
        .neuron("hooks", Registry::new(path, gate.1, hooks))
        .neuron("control", Passage)
        .neuron("herald", Herald)
        .port("events", &["hooks"])
        .port("control", &["control"])
        .port("results", &["herald"]);
    let region = builder.region(region);
    let port = |name| Port::of(region, name);
    let wire = || Projection::all_to_all().protected();
    builder.project(port("control"), port("events"), wire());
    builder.project(port("events"), port("results"), wire());
    builder.project(port("events"), gate.0, wire());
    Ok(LlmHooks {
        region,
        events: port("events"),
        control: port("control"),
        results: port("results"),
    })
}
