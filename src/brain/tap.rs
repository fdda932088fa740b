//! Observers: they see what a region fires and leave no trace.

use std::time::Duration;

use crate::arena::Arena;
use crate::axon::{AxonTap, WaitStrategy};
use crate::id::NeuronId;
use crate::spike::Spike;

use super::carriage::{Arrived, Overhearing};
use super::directory::trace_files;
use super::porter::Patience;
use super::{Brain, BrainError, find};

/// What a tap finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overheard<'a> {
    /// Nothing new was fired.
    Nothing,
    /// A spike of the region that is tapped.
    Spike {
        /// As it was fired.
        spike: Spike,
        /// The number of its source's region.
        region: u16,
        /// Its payload; `None` if it was overwritten before it was copied.
        payload: Option<&'a [u8]>,
    },
    /// So many spikes, of any region, were overwritten before the tap came to them.
    Lost(u64),
}

/// Sees what the neurons of a region fire, without holding anybody up.
///
/// It maps the files for reading only: nothing that it does can disturb the brain. Belongs to one thread at a time.
#[derive(Debug)]
pub struct Tap {
    brain: Brain,
    /// One for each worker.
    overhearing: Vec<Overhearing>,
    /// Whose turn it is.
    turn: usize,
    /// The region's number; `None` is every region.
    region: Option<u16>,
    payload: Vec<u8>,
    lost: u64,
    refused: u64,
}

impl Tap {
    pub(super) fn open(brain: &Brain, name: &str) -> Result<Self, BrainError> {
        let region = if name == "*" {
            None
        } else {
            let paths: Vec<&str> = brain.table.regions.iter().map(String::as_str).collect();
            Some(find(&paths, name, "region")? as u16)
        };
        let traces = (0..brain.table.traces).map(|worker| {
            let (axon, arena) = trace_files(&brain.path, worker);
            let tap = AxonTap::open(&axon).map_err(BrainError::axon(&axon))?;
            Ok(Overhearing::new(tap, Arena::open_read_only(&arena)?))
        });
        let overhearing = traces.collect::<Result<Vec<_>, BrainError>>()?;
        let (brain, payload) = (brain.clone(), Vec::new());
        Ok(Self { brain, overhearing, turn: 0, region, payload, lost: 0, refused: 0 })
    }

    /// Goes back to the oldest spike that is still there.
    #[must_use]
    pub fn from_oldest(mut self) -> Self {
        self.overhearing.iter_mut().for_each(|trace| trace.tap_mut().rewind());
        self
    }

    /// The next spike of the region, or how many of any region were lost.
    pub fn poll(&mut self) -> Overheard<'_> {
        // bound: a ring of spikes of other regions, then the caller may look at something else
        let mut empty = 0;
        for _ in 0..ROUNDS {
            let turn = self.turn;
            let Some(trace) = self.overhearing.get_mut(turn) else { return Overheard::Nothing };
            match trace.next(&mut self.payload) {
                Ok(Arrived::Nothing) => {
                    self.turn = (turn + 1) % self.overhearing.len();
                    empty += 1;
                    if empty == self.overhearing.len() {
                        return Overheard::Nothing;
                    }
                }
                Ok(Arrived::Refused) => self.refused += 1,
                Ok(arrived @ (Arrived::Spike(spike) | Arrived::Torn(spike))) => {
                    let region =
                        self.brain.table.region_of(spike.source().map_or(u16::MAX, NeuronId::raw));
                    if self.region.is_none_or(|wanted| wanted == region) {
                        let whole = matches!(arrived, Arrived::Spike(_));
                        let payload = whole.then_some(self.payload.as_slice());
                        return Overheard::Spike { spike, region, payload };
                    }
                }
                Err(lost) => {
                    self.lost += lost;
                    return Overheard::Lost(lost);
                }
            }
        }
        Overheard::Nothing
    }

    /// Waits until something was fired, or a time has passed; whether something was.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        // Of several, each is waited for in turn, so that none is looked at late.
        let workers = self.overhearing.len() as u32;
        let slice = if workers == 1 { timeout } else { timeout.min(TURN) };
        let patience = Patience::new(timeout);
        loop {
            let ready =
                |trace: &mut Overhearing| trace.tap_mut().wait(WaitStrategy::default(), slice);
            if self.overhearing.iter_mut().any(ready) {
                return true;
            }
            if patience.left().is_zero() {
                return false;
            }
        }
    }

    /// How many spikes, of any region, it has lost so far.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// How many entries of the ring were no spikes.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The brain that it observes.
    #[must_use]
    pub const fn brain(&self) -> &Brain {
        &self.brain
    }
}

/// How long one worker's ring is waited for before another's.
const TURN: Duration = Duration::from_millis(1);

/// Entries looked at in one poll.
const ROUNDS: u32 = 1 << 12;
