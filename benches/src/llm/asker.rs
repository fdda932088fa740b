//! Agents that ask when they are told to, and write down when they hear what.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use neuronbus::atlas::Atlas;
use neuronbus::cortex::Running;
use neuronbus::inlet::Inlet;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;
use neuronbus_llm::{HttpProvider, HttpSettings, Limits, LlmGate, Piece, Protocol, Request};

use crate::harness::histogram;

const GATE: &str = "models/m";

/// What all of them share with the one who measures. Relaxed: figures that are polled.
#[derive(Debug, Default)]
struct Notes {
    tokens: AtomicU64,
    ends: AtomicU64,
    /// When each heard its last token, and its last end.
    last_token: Vec<AtomicU64>,
    last_end: Vec<AtomicU64>,
    times: Mutex<Option<Histogram<u64>>>,
}

struct Asker {
    index: usize,
    number: u32,
    gate: Option<NeuronId>,
    notes: Arc<Notes>,
}

impl Neuron for Asker {
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        self.gate = atlas.region(GATE).and_then(|gate| atlas.members(gate).first().copied());
        Ok(())
    }

    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let now = Stamp::now();
        if spike.source().ok() != self.gate {
            return self.obey(payload, ctx);
        }
        let (number, piece) = Piece::decode(payload)?;
        if matches!(piece, Piece::Text(_)) {
            // Also of what was cancelled, should the gate let it in.
            self.notes.last_token[self.index].store(now.raw(), Relaxed);
        }
        match piece {
            _ if number != self.number => {}
            Piece::Text(text) => {
                if let Ok(sent) = u64::from_str_radix(&text, 16) {
                    let mut times = self.notes.times.lock().unwrap_or_else(PoisonError::into_inner);
                    let times = times.get_or_insert_with(histogram);
                    times.saturating_record(now.ns_since(Stamp::from_raw(sent)).max(1));
                }
                self.notes.tokens.fetch_add(1, Relaxed);
            }
            _ => {
                self.notes.last_end[self.index].store(now.raw(), Relaxed);
                self.notes.ends.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

impl Asker {
    fn obey(&mut self, order: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.number += 1;
        if order == b"ask" {
            let request = Request { number: self.number, ..Request::of("go") };
            let payload = serde_json::to_vec(&request)?;
            ctx.send(Firing { target: self.gate, payload: &payload, ..Firing::default() })?;
        } else {
            // A number further than what is being answered: what still comes is none of its business.
            ctx.send(Firing {
                kind: SpikeKind::Inhibitory,
                target: self.gate,
                ..Firing::default()
            })?;
        }
        Ok(())
    }
}

/// Agents on a cortex of their own, and who tells them what to do.
pub(super) struct Askers {
    running: Running,
    inlet: Inlet,
    ids: Vec<NeuronId>,
    notes: Arc<Notes>,
}

impl Askers {
    /// So many agents, on demand.
    pub(super) fn start(url: &str, count: usize) -> neuronbus::Result<Self> {
        Self::beside(url, count, 0, Pace::OnDemand)
    }

    /// So many agents, beside others that pass spikes on in a ring.
    pub(super) fn beside(
        url: &str,
        count: usize,
        others: usize,
        pace: Pace,
    ) -> neuronbus::Result<Self> {
        let settings = HttpSettings::new(Protocol::Ollama, url, "m");
        let provider = HttpProvider::new(settings).expect("a URL on loopback");
        let limits = Limits { concurrency: count, ..Limits::default() };
        let times = || (0..count).map(|_| AtomicU64::new(0)).collect();
        let notes = Notes { last_token: times(), last_end: times(), ..Notes::default() };
        let notes = Arc::new(notes);
        let mut builder = Cortex::builder();
        let (inlet, door) = Inlet::gate(1024)?;
        builder.region(Region::gated("door", door));
        let gate = builder.region(Region::gated(GATE, LlmGate::new(GATE, provider, limits)));
        let mut region = Region::agents("askers");
        for index in 0..count {
            let asker = Asker { index, number: 0, gate: None, notes: notes.clone() };
            region = region.neuron(&format!("a{index}"), asker);
        }
        let region = builder.region(region);
        builder.project(region, gate, Projection::all_to_all());
        if others > 0 {
            let mut ring = Region::agents("ring");
            for index in 0..others {
                ring = ring.neuron(&format!("r{index}"), Passer);
            }
            let ring = builder.region(ring);
            let all = others as u32;
            let pairs: Vec<(u32, u32)> = (0..all).map(|from| (from, (from + 1) % all)).collect();
            builder.project(ring, ring, Projection::pairs(&pairs, 1.0, Ticks(1)));
        }
        builder.pace(pace);
        let cortex = builder.build()?;
        let find = |index: usize| cortex.atlas().neuron("askers", &format!("a{index}"));
        let ids = (0..count).filter_map(find).collect();
        let first = cortex.atlas().neuron("ring", "r0");
        let running = cortex.spawn()?;
        let mut askers = Self { running, inlet, ids, notes };
        if let Some(first) = first {
            askers.inlet.drive(first, 1.0, 0, &[])?;
        }
        Ok(askers)
    }

    pub(super) fn ask(&mut self, index: usize) -> neuronbus::Result<()> {
        Ok(self.inlet.drive(self.ids[index], 0.0, 0, b"ask")?)
    }

    pub(super) fn cancel(&mut self, index: usize) -> neuronbus::Result<()> {
        Ok(self.inlet.drive(self.ids[index], 0.0, 0, b"stop")?)
    }

    pub(super) fn tokens(&self) -> u64 {
        self.notes.tokens.load(Relaxed)
    }

    pub(super) fn wait_for_tokens(&self, count: u64) {
        while self.tokens() < count {
            std::thread::yield_now();
        }
    }

    pub(super) fn wait_for_ends(&self, count: u64) {
        while self.notes.ends.load(Relaxed) < count {
            std::thread::yield_now();
        }
    }

    pub(super) fn last_token(&self, index: usize) -> Stamp {
        Stamp::from_raw(self.notes.last_token[index].load(Relaxed))
    }

    pub(super) fn last_end(&self, index: usize) -> Stamp {
        Stamp::from_raw(self.notes.last_end[index].load(Relaxed))
    }

    /// The p99 of what a tick takes to compute, over a while.
    pub(super) fn tick_p99(&self, during: Duration) -> neuronbus::Result<f64> {
        std::thread::park_timeout(during);
        Ok(self.running.inspect(|cortex| cortex.report().latency_ns.tick.p99 as f64)?)
    }

    /// Ends the run; the times from the sending of a token to its hearing.
    pub(super) fn stop(self) -> neuronbus::Result<Histogram<u64>> {
        self.running.stop();
        self.running.join()?;
        let mut times = self.notes.times.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(times.take().unwrap_or_else(histogram))
    }
}

/// Passes on what it hears.
struct Passer;

impl Neuron for Passer {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&[])?;
        Ok(())
    }
}
