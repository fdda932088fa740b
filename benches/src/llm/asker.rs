//! Agents that ask when they are told to, and write down when they hear what.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use neuronbus::atlas::Atlas;
use neuronbus::axon::WaitStrategy;
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

/// How a gate and its cortex are set up for a measurement.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The server.
    pub(super) url: String,
    /// What it speaks.
    pub(super) protocol: Protocol,
    /// Agents that ask.
    pub(super) askers: usize,
    /// Agents in a ring beside them, each of which fires in each tick.
    pub(super) others: usize,
    /// How the cortex waits, and how the gate does.
    pub(super) wait: [WaitStrategy; 2],
}

impl Setting {
    /// So many agents, alone.
    pub(super) fn new(url: &str, protocol: Protocol, askers: usize) -> Self {
        let wait = [WaitStrategy::default(); 2];
        Self { url: url.to_owned(), protocol, askers, others: 0, wait }
    }

    /// A cortex on demand that has not begun, and who tells its agents what to do.
    pub(super) fn build(&self) -> neuronbus::Result<(Cortex, Desk)> {
        let settings = HttpSettings::new(self.protocol, &self.url, "m");
        let provider = HttpProvider::new(settings).expect("a URL on loopback");
        let limits = Limits { concurrency: self.askers, wait: self.wait[1], ..Limits::default() };
        let times = || (0..self.askers).map(|_| AtomicU64::new(0)).collect();
        let notes = Notes { last_token: times(), last_end: times(), ..Notes::default() };
        let notes = Arc::new(notes);
        let mut builder = Cortex::builder();
        let (inlet, door) = Inlet::gate(1024)?;
        builder.region(Region::gated("door", door));
        let gate = builder.region(Region::gated(GATE, LlmGate::new(GATE, provider, limits)));
        let mut region = Region::agents("askers");
        for index in 0..self.askers {
            let asker = Asker { index, number: 0, gate: None, notes: notes.clone() };
            region = region.neuron(&format!("a{index}"), asker);
        }
        let region = builder.region(region);
        builder.project(region, gate, Projection::all_to_all());
        let mut ring = Region::agents("ring");
        for index in 0..self.others {
            ring = ring.neuron(&format!("r{index}"), Passer);
        }
        let all = self.others as u32;
        let pairs: Vec<(u32, u32)> = (0..all).map(|from| (from, (from + 1) % all)).collect();
        if self.others > 0 {
            let ring = builder.region(ring);
            builder.project(ring, ring, Projection::pairs(&pairs, 1.0, Ticks(1)));
        }
        builder.wait(self.wait[0]);
        let cortex = builder.build()?;
        let find = |index: usize| cortex.atlas().neuron("askers", &format!("a{index}"));
        let ids = (0..self.askers).filter_map(find).collect();
        let mut desk = Desk { inlet, ids, notes };
        for index in 0..self.others {
            let passer = cortex.atlas().neuron("ring", &format!("r{index}"));
            desk.inlet.drive(passer.expect("it was just made"), 1.0, 0, &[])?;
        }
        Ok((cortex, desk))
    }
}

/// Who tells agents what to do, and reads what they noted.
pub(super) struct Desk {
    inlet: Inlet,
    ids: Vec<NeuronId>,
    notes: Arc<Notes>,
}

impl Desk {
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
            // A waiter that yields all the time would have the core that the gate needs.
            std::thread::park_timeout(Duration::from_micros(500));
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

    /// The times from the sending of a token to its hearing.
    pub(super) fn times(&self) -> Histogram<u64> {
        let mut times = self.notes.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.take().unwrap_or_else(histogram)
    }
}

/// Agents on a cortex that runs on a thread of its own, on demand.
pub(super) struct Askers {
    running: Running,
    desk: Desk,
}

impl Askers {
    pub(super) fn start(setting: &Setting) -> neuronbus::Result<Self> {
        let (cortex, desk) = setting.build()?;
        Ok(Self { running: cortex.spawn()?, desk })
    }

    /// Ends the run; the times from the sending of a token to its hearing.
    pub(super) fn stop(self) -> neuronbus::Result<Histogram<u64>> {
        self.running.stop();
        self.running.join()?;
        Ok(self.desk.times())
    }
}

impl std::ops::Deref for Askers {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl std::ops::DerefMut for Askers {
    fn deref_mut(&mut self) -> &mut Desk {
        &mut self.desk
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
