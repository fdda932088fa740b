//! A concept as a neuron.

use neuronbus::prelude::*;
use neuronbus::time::Span;

use crate::recognition::Recognition;

/// Recognitions that wait for the membrane to fire; older ones are let go.
const KEPT: usize = 64;

/// One concept: its membrane gets as much as a text resembles it, and fires from its threshold on.
///
/// It hears [`Recognition`]s from an [`EncoderNeuron`](crate::encoder_neuron::EncoderNeuron) and fires each of them
/// on, so that handlers get the text together with its score. Several texts in one tick are fired one by one.
///
/// | hears | does |
/// | --- | --- |
/// | a [`Recognition`] | adds score / threshold to its membrane, less what stronger concepts take |
/// | anything else | is left to the membrane alone |
#[derive(Debug, Default)]
pub struct SemanticNeuron {
    waiting: Vec<Vec<u8>>,
    let_go: u64,
}

impl SemanticNeuron {
    /// Its membrane: it fires on a single text that is near enough, and what was not forgets within a few ticks.
    #[must_use]
    pub fn membrane() -> Lif {
        Lif::default().tau(Span::Ticks(1))
    }
}

impl Neuron for SemanticNeuron {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let Some(heard) = Heard::parse(payload) else { return Ok(()) };
        ctx.integrate(heard.drive);
        if self.waiting.len() == KEPT {
            self.waiting.remove(0);
            self.let_go += 1;
        }
        self.waiting.push(heard.recognition.to_vec());
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        for recognition in self.waiting.drain(..) {
            // Counted by the cortex as saturated, and here: nothing is gained by silencing the concept for it.
            self.let_go += u64::from(ctx.fire(&recognition).is_err());
        }
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("fires what resembles its concept").capability("concept")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.let_go.to_le_bytes());
        for recognition in &self.waiting {
            out.extend_from_slice(&(recognition.len() as u32).to_le_bytes());
            out.extend_from_slice(recognition);
        }
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let damaged = || Fault::new(format!("{} bytes are no state of a concept", bytes.len()));
        let (let_go, mut rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let mut waiting = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = u32::from_le_bytes(*length) as usize;
            let (recognition, after) = after.split_at_checked(length).ok_or_else(damaged)?;
            waiting.push(recognition.to_vec());
            rest = after;
        }
        if !rest.is_empty() || waiting.len() > KEPT {
            return Err(damaged());
        }
        (self.waiting, self.let_go) = (waiting, u64::from_le_bytes(*let_go));
        Ok(())
    }
}

/// What an encoder neuron tells a concept: the drive, then the recognition.
pub(crate) struct Heard<'a> {
    drive: f32,
    recognition: &'a [u8],
}

impl<'a> Heard<'a> {
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let (drive, recognition) = payload.split_first_chunk()?;
        Recognition::parse(recognition)?;
        Some(Self { drive: f32::from_le_bytes(*drive), recognition })
    }

    pub(crate) fn write(drive: f32, recognition: &Recognition<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&drive.to_le_bytes());
        recognition.write(out);
    }
}
