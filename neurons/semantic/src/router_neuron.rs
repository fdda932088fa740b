//! A router as a neuron: it hears texts, sends each to a handler, and learns when the reward comes.

use std::collections::VecDeque;
use std::sync::Arc;

use neuronbus::atlas::Atlas;
use neuronbus::prelude::*;

use crate::encoder::Encoder;
use crate::encoder_neuron::{PlainText, Reading};
use crate::router::{Choice, Router, SavedChoice};
use crate::text;

/// Choices that may wait for their reward; the oldest is forgotten first.
const OPEN: usize = 1024;

/// Routes texts to the handlers of a region, and learns from reward.
///
/// A handler answers with a modulatory spike, as [`Context::modulate`] sends one: above 0 for well done, below 0 for
/// not mine. It speaks of the oldest text that the handler was given and has not answered for yet. The encoder must be
/// [instant](Encoder::is_instant).
///
/// | hears | does |
/// | --- | --- |
/// | a text | fires it to one handler |
/// | a modulatory spike from a handler | learns from it |
#[derive(Debug)]
pub struct RouterNeuron<R = PlainText> {
    router: Router,
    encoder: Arc<dyn Encoder>,
    reading: R,
    region: String,
    names: Vec<String>,
    handlers: Vec<NeuronId>,
    open: VecDeque<Choice>,
    words: String,
    vector: Vec<f32>,
}

impl RouterNeuron {
    /// A neuron that routes by a router to the neurons of a region that have these names, in the router's order.
    #[must_use]
    pub fn new(router: Router, encoder: Arc<dyn Encoder>, region: &str, names: &[&str]) -> Self {
        Self {
            router,
            encoder,
            reading: PlainText,
            region: region.to_owned(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            handlers: Vec::new(),
            open: VecDeque::new(),
            words: String::new(),
            vector: Vec::new(),
        }
    }
}

impl<R: Reading> RouterNeuron<R> {
    fn route(&mut self, priority: u8, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let Some(topic) = self.reading.text(payload) else { return Ok(()) };
        text::spaced_into(topic, &mut self.words);
        self.vector.clear();
        // What cannot be encoded belongs to nobody.
        if self.encoder.encode_batch(&[&self.words], &mut self.vector).is_err() {
            return Ok(());
        }
        let choice = self.router.choose(&self.vector)?;
        let Some(&target) = self.handlers.get(choice.handler) else { return Ok(()) };
        // Counted by the cortex where there is no room; then there is nothing to learn from either.
        if ctx.send(Firing { target: Some(target), priority, payload, ..Firing::default() }).is_ok()
        {
            if self.open.len() == OPEN {
                self.open.pop_front();
            }
            self.open.push_back(choice);
        }
        Ok(())
    }

    fn reward(&mut self, from: NeuronId, amount: f32) {
        let Some(handler) = self.handlers.iter().position(|&handler| handler == from) else {
            return;
        };
        let Some(at) = self.open.iter().position(|choice| choice.handler == handler) else {
            return;
        };
        if let Some(choice) = self.open.remove(at) {
            self.router.learn(&choice, amount);
        }
    }
}

impl<R: Reading> Neuron for RouterNeuron<R> {
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        if self.names.len() != self.router.handlers() {
            let (named, routed) = (self.names.len(), self.router.handlers());
            return Err(Fault::new(format!(
                "{named} handlers are named, and the router has {routed}"
            )));
        }
        let find = |name: &String| {
            let found = atlas.neuron(&self.region, name);
            found.ok_or_else(|| Fault::new(format!("no handler {name:?} in {}", self.region)))
        };
        self.handlers = self.names.iter().map(find).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        match (spike.kind(), spike.source(), payload.first_chunk()) {
            (Ok(SpikeKind::Modulatory), Ok(from), Some(amount)) => {
                self.reward(from, f32::from_le_bytes(*amount));
                Ok(())
            }
            (Ok(SpikeKind::Modulatory), _, _) => Ok(()),
            _ => self.route(spike.priority(), payload, ctx),
        }
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("sends texts to handlers, and learns from reward").capability("route")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        let open: Vec<_> = self.open.iter().map(Choice::saved).collect();
        if let Ok(bytes) = postcard::to_stdvec(&open) {
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(&bytes);
        }
        self.router.snapshot(out);
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let damaged = || Fault::new(format!("{} bytes are no state of a router", bytes.len()));
        let (length, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (open, router) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let open: Vec<SavedChoice> = postcard::from_bytes(open)?;
        if open.len() > OPEN {
            return Err(damaged());
        }
        self.router.restore(router)?;
        self.open = open.into_iter().map(Choice::of_saved).collect();
        Ok(())
    }
}
