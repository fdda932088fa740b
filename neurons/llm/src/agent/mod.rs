//! An agent that speaks: a region of a membrane that gathers evidence, a voice that asks a model, and ports.
//!
//! ```text
//!            +-----------------------------------------------+
//! evidence ->| membrane --enough--> voice --> tokens         |-> each token, as text
//!          ->|  (leak, threshold,     |  \--> sentences      |-> each sentence, as text
//!            |   refractory)          |   \-> messages       |-> each finished message, as an event
//! context  ->|                        |    \> tools          |-> each valid tool call, as JSON
//! memories ->|                        |                      |
//! trace    ->|                        v request, cancel      |
//!            +------------------------|----------------------+
//!                                   gate to the model
//! ```
//!
//! Evidence reaches membrane and voice alike: the membrane weighs it, the voice reads it. An inhibitory spike that
//! reaches the evidence port, or the voice, stops what is being said.

mod fact;
mod message;
mod port;
mod prompt;
mod schema;
mod sentences;
mod settings;
mod stale;
mod state;
mod voice;

pub use fact::Fact;
pub use message::{Ending, SpokenMessage};
pub use prompt::{Prompt, PromptError, PromptTemplate, Sections, instructions};
pub use sentences::Sentences;
pub use settings::{LlmSettings, SettingsError};
pub use stale::{Conflict, ConflictRule, Contradiction, Interruption, Staleness, Strategy, When};

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::prelude::*;

pub(crate) use fact::event_in;
pub(crate) use port::{Herald, Passage, draft};
pub(crate) use stale::cosine;

use port::Membrane;
use voice::Voice;

/// The regions and ports of an agent that speaks; [`llm_agent`] makes it.
#[derive(Debug, Clone)]
pub struct LlmAgent {
    /// Its region.
    pub region: RegionId,
    /// What makes it speak. Inhibitory spikes stop it.
    pub evidence: Port,
    /// What is the case: told to the model, and makes nothing fire.
    pub context: Port,
    /// What led to it: told to the model.
    pub event_trace: Port,
    /// What was the case earlier: told to the model.
    pub memories: Port,
    /// Each token as it comes, as text.
    pub tokens: Port,
    /// Each sentence as it is complete, as text.
    pub sentences: Port,
    /// Each message that has come to its end, as an event with a [`SpokenMessage`] as its body.
    pub messages: Port,
    /// Each tool call that is allowed and valid, as JSON of a [`ToolCall`](crate::ToolCall).
    pub tools: Port,
}

/// A membrane that no spike brings to fire.
pub(crate) const DEAF: Lif = Lif {
    tau: Span::Ticks(1),
    threshold: f32::MAX,
    rest: 0.0,
    refractory: Span::Ticks(0),
    adaptation: None,
};

/// Adds an agent that speaks, at a path such as `language/analyst`, by the model behind a gate, which is given by its
/// region and path.
///
/// ```
/// use neuronbus::prelude::*;
/// use neuronbus_llm::{LlmSettings, ScriptedModel, llm_agent};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut builder = Cortex::builder();
/// let gate = ScriptedModel::saying("All is well.").gate("models/s");
/// let model = builder.region(Region::gated("models/s", gate));
/// let ears = builder.region(Region::agents("ears").neuron("left", Relay::default()));
/// let settings = LlmSettings::new("What is this? {evidence}")?;
/// let analyst = llm_agent(&mut builder, "language/analyst", (model, "models/s"), settings)?;
/// // Three pieces of evidence make it speak.
/// builder.project(ears, analyst.evidence, Projection::all_to_all().weight(0.4));
/// # builder.build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`SettingsError`] if the prompt asks for what nobody sets, or a schema is none.
pub fn llm_agent(
    builder: &mut CortexBuilder,
    path: &str,
    gate: (RegionId, &str),
    settings: LlmSettings,
) -> Result<LlmAgent, SettingsError> {
    let (membrane, topic) = (settings.membrane, settings.topic.clone());
    let voice = Voice::new(path, gate.1, settings)?;
    let region = Region::agents(path)
        .membrane(membrane)
        .neuron("membrane", Membrane)
        .membrane(DEAF)
        .neuron("voice", voice)
        .neuron("context", Passage)
        .neuron("event_trace", Passage)
        .neuron("memories", Passage)
        .neuron("tokens", Passage)
        .neuron("sentences", Passage)
        .neuron("messages", Herald { topic })
        .neuron("tools", Passage)
        .port("evidence", &["membrane", "voice"])
        .port("inward", &["membrane", "context", "event_trace", "memories"])
        .port("voice", &["voice"])
        .port("context", &["context"])
        .port("event_trace", &["event_trace"])
        .port("memories", &["memories"])
        .port("outward", &["tokens", "sentences", "messages", "tools"])
        .port("tokens", &["tokens"])
        .port("sentences", &["sentences"])
        .port("messages", &["messages"])
        .port("tools", &["tools"]);
    let region = builder.region(region);
    let port = |name| Port::of(region, name);
    builder.project(port("inward"), port("voice"), Projection::all_to_all().protected());
    builder.project(port("voice"), port("outward"), Projection::all_to_all().protected());
    builder.project(port("voice"), gate.0, Projection::all_to_all().protected());
    Ok(LlmAgent {
        region,
        evidence: port("evidence"),
        context: port("context"),
        event_trace: port("event_trace"),
        memories: port("memories"),
        tokens: port("tokens"),
        sentences: port("sentences"),
        messages: port("messages"),
        tools: port("tools"),
    })
}
