//! The producer's end of a sensory door.

use std::time::Duration;

use crate::arena::Arena;
use crate::axon::{AxonAccount, AxonError, AxonHub, Doorbell, Overflow};
use crate::id::NeuronId;
use crate::pace::Stamp;
use crate::spike::{Spike, SpikeKind};

use super::carriage::{Outgoing, Unsent};
use super::directory::files;
use super::porter::Patience;
use super::table::DoorEntry;
use super::{Brain, BrainError, LOOK};

/// Sends spikes into a cortex that may be another process.
///
/// Belongs to one thread at a time. What was accepted is in the ring: it is admitted by the cortex that is there, or by
/// the next one that takes the directory over, even if this process ends at once.
#[derive(Debug)]
pub struct Sensory {
    brain: Brain,
    gate: String,
    bell: Doorbell,
    outgoing: Outgoing,
    sequence: u32,
}

/// The source of every spike on its way in; the gate knows its own id.
const OUTSIDE: NeuronId = match NeuronId::new(0) {
    Ok(id) => id,
    Err(_) => panic!("0 is an id"),
};

impl Sensory {
    pub(super) fn open(
        brain: &Brain,
        number: usize,
        entry: &DoorEntry,
    ) -> Result<Self, BrainError> {
        let mut taken = 0;
        for lane in 0..entry.door.lanes {
            let (axon, arena) = files(&brain.path, number, lane);
            let hub = AxonHub::open(&axon).map_err(BrainError::axon(&axon))?;
            let arena = Arena::open(&arena)?;
            match Outgoing::take_over(&hub, arena) {
                Ok(outgoing) => {
                    let (brain, gate) = (brain.clone(), entry.path.clone());
                    let bell = brain.table.bell();
                    return Ok(Self { brain, gate, bell, outgoing, sequence: 0 });
                }
                Err(AxonError::Written { pid }) => taken = pid,
                Err(error) => return Err(BrainError::axon(&axon)(error)),
            }
        }
        let (gate, lanes) = (entry.path.clone(), entry.door.lanes);
        Err(BrainError::Taken { gate, lanes, pid: taken })
    }

    /// Fires the gate: the spike travels over the gate's synapses. A payload above 46 bytes goes through the arena.
    ///
    /// # Errors
    /// [`BrainError::Full`] when the cortex has not caught up, or has died: [`Brain::check`] tells.
    /// [`BrainError::Arena`] when the payload finds no room. Nothing was sent then.
    #[inline]
    pub fn fire(&mut self, payload: &[u8]) -> Result<(), BrainError> {
        self.send(SpikeKind::Excitatory, 0, payload)
    }

    /// The same with a kind and a priority.
    ///
    /// # Errors
    /// As [`fire`](Self::fire).
    #[inline]
    pub fn send(
        &mut self,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), BrainError> {
        self.push(kind, priority, payload)?;
        self.ring();
        Ok(())
    }

    /// The same without waking the cortex: for many at once, with one [`ring`](Self::ring) behind them.
    ///
    /// # Errors
    /// As [`fire`](Self::fire).
    #[inline]
    pub fn push(
        &mut self,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), BrainError> {
        let spike = Spike::new(OUTSIDE, kind).with_priority(priority);
        let spike = spike.stamped(Stamp::now().raw(), self.sequence);
        match self.outgoing.send(spike, payload, Overflow::Defer) {
            Ok(_) => {
                self.sequence = self.sequence.wrapping_add(1);
                Ok(())
            }
            Err(unsent) => Err(self.refusal(unsent)),
        }
    }

    #[cold]
    fn refusal(&self, unsent: Unsent) -> BrainError {
        // Whoever is refused will wait: the cortex must know that there is work.
        self.ring();
        match unsent {
            Unsent::Full => BrainError::Full { gate: self.gate.clone() },
            Unsent::Arena(error) => BrainError::Arena(error),
        }
    }

    /// Wakes the cortex.
    #[inline]
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// Fires the gate, and waits for room if there is none.
    ///
    /// # Errors
    /// [`BrainError::Full`] when the time has passed; [`BrainError::CortexGone`] or [`BrainError::CortexEnded`] when
    /// there is no cortex that could make room.
    pub fn fire_within(&mut self, payload: &[u8], timeout: Duration) -> Result<(), BrainError> {
        self.send_within(SpikeKind::Excitatory, 0, payload, timeout)
    }

    /// The same with a kind and a priority.
    ///
    /// # Errors
    /// As [`fire_within`](Self::fire_within).
    pub fn send_within(
        &mut self,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
        timeout: Duration,
    ) -> Result<(), BrainError> {
        let patience = Patience::new(timeout);
        let mut rounds = 0_u32;
        loop {
            let error = match self.send(kind, priority, payload) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let room_may_come = matches!(
                error,
                BrainError::Full { .. } | BrainError::Arena(crate::arena::ArenaError::Full { .. })
            );
            if !room_may_come {
                return Err(error);
            }
            if rounds.is_multiple_of(CHECK_ROUNDS) {
                self.brain.check()?;
            }
            rounds = rounds.wrapping_add(1);
            if !patience.pause(rounds) {
                return Err(error);
            }
        }
    }

    /// The path of the gate.
    #[must_use]
    pub fn gate(&self) -> &str {
        &self.gate
    }

    /// What went in, and how far the cortex is.
    #[must_use]
    pub fn account(&self) -> AxonAccount {
        self.outgoing.axon().account()
    }

    /// Waits until the cortex has taken everything that was sent, or a time has passed; whether it has.
    ///
    /// # Errors
    /// [`BrainError::CortexGone`] or [`BrainError::CortexEnded`] when there is none.
    pub fn wait_until_taken(&mut self, timeout: Duration) -> Result<bool, BrainError> {
        self.ring();
        let patience = Patience::new(timeout);
        loop {
            if self.outgoing.axon().account().ends.iter().all(|end| end.waiting == 0) {
                return Ok(true);
            }
            self.brain.check()?;
            if !patience.doze(LOOK.min(Duration::from_millis(1))) {
                return Ok(false);
            }
        }
    }
}

/// Rounds of waiting for room between two looks at whether the cortex lives.
const CHECK_ROUNDS: u32 = 1 << 10;
