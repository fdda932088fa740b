//! A conversation of three: A tells travellers what to do, B contradicts it in the middle of a sentence, C hears both.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use neuronbus::cortex::{CortexBuilder, Recording, Stopper};
use neuronbus::event::{Event, EventView};
use neuronbus::id::RegionId;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{
    Ending, HttpProvider, HttpSettings, Limits, LlmGate, LlmSettings, Protocol, Request,
    ScriptedModel, SpokenMessage, llm_agent,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// B waits until A has said so many tokens.
const PATIENCE: u64 = 4;

/// Something that C has heard.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    /// What B said.
    B(String),
    /// What A said, as far as it came.
    A(Box<SpokenMessage>),
}

/// Hears A speak, and knows better.
struct B {
    tokens: u64,
}

impl Neuron for B {
    fn on_spike(&mut self, _: &Spike, _: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.tokens += 1;
        if self.tokens == PATIENCE {
            ctx.publish(&of_the_bridge("closed"))?;
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tokens.to_le_bytes());
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        self.tokens = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

fn of_the_bridge(state: &str) -> Event {
    Event::new("bridge").key("bridge").body(format!("the bridge is {state}"))
}

/// Writes down what it hears of the others, and ends the run when A has said all.
struct C {
    heard: Arc<Mutex<Vec<Heard>>>,
    stopper: Arc<OnceLock<Stopper>>,
}

impl Neuron for C {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::parse(payload)?;
        let body = event.body().read::<serde_json::Value>()?;
        let heard = match serde_json::from_value::<SpokenMessage>(body.clone()) {
            Ok(said) => Heard::A(Box::new(said)),
            Err(_) => Heard::B(body.as_str().unwrap_or_default().to_owned()),
        };
        if let (Heard::A(said), Some(stopper)) = (&heard, self.stopper.get())
            && !matches!(said.ending, Ending::StaleDueTo { .. })
        {
            stopper.stop();
        }
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// The three of them, and who begins.
pub(crate) struct Talk {
    pub(crate) cortex: Cortex,
    begin: Publisher,
    heard: Arc<Mutex<Vec<Heard>>>,
    stopper: Arc<OnceLock<Stopper>>,
}

impl Talk {
    /// Puts them together; A speaks by a model: a script, or what an argument names. Recorded where a journal is named.
    ///
    /// # Errors
    /// If the model cannot be reached or read, or the journal not be made.
    pub(crate) fn of(model: Option<&str>, journal: Option<&Path>) -> Outcome<Self> {
        let mut builder = Cortex::builder();
        let (begin, gate) = Publisher::gate(16, 1);
        let door = builder.region(Region::gated("door", gate));
        let gate = gate_to(model, &mut builder)?;
        let mut ask = LlmSettings::new("Tell travellers in two sentences what to do. {evidence}")?;
        ask.max_tokens = 48;
        ask.sampling.temperature = Some(0.0);
        let a = llm_agent(&mut builder, "a", (gate, "model"), ask)?;
        let b = builder.region(Region::agents("b").neuron("b", B { tokens: 0 }));
        let (heard, stopper) = (Arc::default(), Arc::default());
        let c = C { heard: Arc::clone(&heard), stopper: Arc::clone(&stopper) };
        let c = builder.region(Region::agents("c").neuron("c", c));
        let wire = Projection::all_to_all;
        builder.project(door, a.evidence.clone(), wire()).project(door, c, wire());
        builder.project(a.tokens, b, wire().weight(0.0));
        builder.project(b, a.evidence, wire()).project(b, c, wire());
        builder.project(a.messages, c, wire());
        if let Some(journal) = journal {
            builder.journal(Recording::in_directory(journal).every_records(1, u64::MAX));
        }
        Ok(Self { cortex: builder.build()?, begin, heard, stopper })
    }

    /// Lets them talk until A has come to its end.
    ///
    /// # Errors
    /// If the run cannot begin.
    pub(crate) fn run(&mut self) -> Outcome<()> {
        self.stopper.get_or_init(|| self.cortex.stopper());
        self.begin.publish(&of_the_bridge("open"))?;
        self.cortex.run()?;
        self.cortex.close();
        Ok(())
    }

    /// What C has heard, in order.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Adds the gate to A's model: without a name a script, as fast as it goes; to a file of weights, which runs in this
/// process; or else to the OpenAI-compatible server of this URL.
fn gate_to(model: Option<&str>, builder: &mut CortexBuilder) -> Outcome<RegionId> {
    let Some(model) = model else {
        builder.pace(Pace::Free);
        let gate = ScriptedModel::new("scripted", answer).gate("model");
        return Ok(builder.region(Region::gated("model", gate)));
    };
    if model.ends_with(".gguf") {
        return in_process(model, builder);
    }
    let provider = HttpProvider::new(HttpSettings::new(Protocol::OpenAiChat, model, "default"))?;
    let gate = LlmGate::new("model", provider, Limits::default());
    Ok(builder.region(Region::gated("model", gate)))
}

#[cfg(feature = "local")]
fn in_process(path: &str, builder: &mut CortexBuilder) -> Outcome<RegionId> {
    let model = neuronbus_llm::LocalModel::load(path)?;
    let gate = LlmGate::new("model", model, Limits::default());
    Ok(builder.region(Region::gated("model", gate)))
}

#[cfg(not(feature = "local"))]
fn in_process(path: &str, _: &mut CortexBuilder) -> Outcome<RegionId> {
    Err(format!("{path} is a file of weights: build with --features local").into())
}

/// What the script says of bridges: it believes the last thing that it was told.
fn answer(request: &Request) -> String {
    let told = &request.messages[1].content;
    if told.contains("closed") {
        return "I have changed my mind: the bridge is closed, go round.".to_owned();
    }
    "The bridge is open so take the road across it, and do not hurry.".to_owned()
}
