//! The world outside. Who sends: each message until it is acknowledged, some of them twice, some out of order. Who is
//! told: everything that comes out, in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use neuronbus::gate::{Admissions, AdmitError, Gate, GateError, Outbound, Outlook};
use neuronbus::prelude::{SpikeKind, Tick};

use crate::chance::Chance;

/// What a gate admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) tick: u64,
    /// Which of the gates.
    pub(crate) gate: usize,
    pub(crate) message: Vec<u8>,
}

/// What came out: its payload, and the how-manieth of its source it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emitted {
    pub(crate) payload: Vec<u8>,
    pub(crate) sequence: u32,
}

/// What is on its way to the gates, and what they have let in and out, in order.
#[derive(Debug, Default)]
pub(crate) struct Post {
    pub(crate) waiting: [VecDeque<Vec<u8>>; 2],
    pub(crate) admitted: Vec<Admitted>,
    pub(crate) emitted: Vec<Emitted>,
    /// How often a gate was refused by the journal.
    pub(crate) refused: u64,
}

pub(crate) type Shared = Arc<Mutex<Post>>;

pub(crate) fn open(post: &Shared) -> MutexGuard<'_, Post> {
    post.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends new messages to the gates.
pub(crate) fn send(post: &Shared, sent: &mut u64, chance: &mut Chance) {
    let mut post = open(post);
    for _ in 0..chance.below(4) {
        let waiting = &mut post.waiting[chance.below(2) as usize];
        let mut message = sent.to_le_bytes().to_vec();
        // Some are too long for a spike and travel through the arena.
        message.resize(8 + chance.below(60) as usize, *sent as u8);
        *sent += 1;
        if chance.one_in(8) {
            waiting.push_back(message.clone());
        }
        waiting.push_back(message);
        let last = waiting.len() - 1;
        if last > 0 && chance.one_in(6) {
            waiting.swap(last, last - 1);
        }
    }
}

/// A gate that lets in what waits, one after the other, as long as the journal takes it.
#[derive(Debug)]
pub(crate) struct Letterbox {
    pub(crate) post: Shared,
    pub(crate) gate: usize,
    /// The planted bug: it notes in another order than it lets in.
    pub(crate) unordered: bool,
}

impl Gate for Letterbox {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let mut post = open(&self.post);
        let tick = inbound.tick().0;
        // bound: what waits
        while let Some(message) = post.waiting[self.gate].front() {
            match inbound.fire(SpikeKind::Excitatory, 0, message) {
                Ok(()) => {}
                Err(AdmitError::Journal(_)) => {
                    post.refused += 1;
                    break;
                }
                Err(error) => return Err(GateError::new("letterbox", error.to_string())),
            }
            if let Some(message) = post.waiting[self.gate].pop_front() {
                post.admitted.push(Admitted { tick, gate: self.gate, message });
                let last = post.admitted.len() - 1;
                if self.unordered && last > 0 && post.admitted[last - 1].tick == tick {
                    post.admitted.swap(last, last - 1);
                }
            }
        }
        Ok(Outlook::Open)
    }
}

/// A gate that lets in again what another let in, in the same ticks.
#[derive(Debug)]
pub(crate) struct Repeater {
    pub(crate) all: VecDeque<Admitted>,
    pub(crate) gate: usize,
}

impl Gate for Repeater {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        while let Some(next) = self.all.front() {
            if next.gate != self.gate {
                self.all.pop_front();
                continue;
            }
            if next.tick > inbound.tick().0 {
                return Ok(Outlook::At(Tick(next.tick)));
            }
            let fired = inbound.fire(SpikeKind::Excitatory, 0, &next.message);
            fired.map_err(|error| GateError::new("repeater", error.to_string()))?;
            self.all.pop_front();
        }
        Ok(Outlook::Ended)
    }
}

/// A gate that takes out what reaches it, and tells the world.
#[derive(Debug)]
pub(crate) struct Mouth {
    pub(crate) post: Shared,
}

impl Gate for Mouth {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Open)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        let told = outbound
            .iter()
            .map(|out| Emitted { payload: out.payload.to_vec(), sequence: out.spike.sequence() });
        open(&self.post).emitted.extend(told);
        Ok(outbound.len())
    }
}

/// A gate that takes out so many, and then no more.
#[derive(Debug)]
pub(crate) struct Gagged {
    pub(crate) left: usize,
}

impl Gate for Gagged {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        let taken = outbound.len().min(self.left);
        self.left -= taken;
        Ok(taken)
    }
}
