//! The reader's end of a motor door.

use std::time::Duration;

use crate::arena::{Arena, TrustedWriters};
use crate::axon::{AxonHub, WaitStrategy};
use crate::spike::Spike;

use super::carriage::{Arrived, Incoming, Looked};
use super::directory::files;
use super::porter::Patience;
use super::table::DoorEntry;
use super::{Brain, BrainError, LOOK};

/// A spike from a cortex, with its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard<'a> {
    /// The spike as it was fired.
    pub spike: Spike,
    /// Its payload, wherever it lay; a copy that lasts until the next read.
    pub payload: &'a [u8],
}

/// Reads what a cortex, which may be another process, sends out through one of its doors.
///
/// Belongs to one thread at a time. The cortex never passes it; dropping it, or the death of its process, lets the
/// cortex go on.
#[derive(Debug)]
pub struct Motor {
    brain: Brain,
    incoming: Incoming,
    payload: Vec<u8>,
    refused: u64,
    wait: WaitStrategy,
}

impl Motor {
    pub(super) fn open(
        brain: &Brain,
        number: usize,
        entry: &DoorEntry,
    ) -> Result<Self, BrainError> {
        let (axon, arena) = files(&brain.path, number, 0);
        debug_assert!(entry.door.lanes == 1, "a motor door has one lane");
        let hub = AxonHub::open(&axon).map_err(BrainError::axon(&axon))?;
        let arena = Arena::open_read_only(&arena)?;
        let reader = hub.reader().map_err(BrainError::axon(&axon))?;
        Ok(Self {
            brain: brain.clone(),
            incoming: Incoming::new(reader, arena),
            payload: Vec::new(),
            refused: 0,
            wait: WaitStrategy::default(),
        })
    }

    /// How it waits; adaptive unless set.
    pub fn set_wait(&mut self, strategy: WaitStrategy) {
        self.wait = strategy;
    }

    /// The next spike, if there is one.
    #[inline]
    pub fn read(&mut self) -> Option<Heard<'_>> {
        // bound: a damaged ring is refused spike by spike, and the caller may look at something else meanwhile
        for _ in 0..ROUNDS {
            match self.incoming.next(&mut self.payload) {
                Arrived::Spike(spike) => return Some(Heard { spike, payload: &self.payload }),
                Arrived::Nothing => return None,
                Arrived::Torn(_) | Arrived::Refused => self.refused += 1,
            }
        }
        None
    }

    /// Shows the next spike and its payload where that lies, without a copy, and gives what the look gives; `None` if
    /// there is no spike.
    ///
    /// For large payloads whose writer is trusted: [`TrustedWriters`] says what is trusted and what a hostile process
    /// could do. The cortex keeps the payload until the look is over, and with it everything behind it.
    ///
    /// ```no_run
    /// # fn main() -> neuronbus::Result<()> {
    /// use neuronbus::brain::{Brain, TrustedWriters};
    ///
    /// let mut camera = Brain::attach("/dev/shm/demo")?.motor("camera")?;
    /// // SAFETY: the directory is of mode 0700, and of this user's programs none but the cortex writes to it.
    /// let trust = unsafe { TrustedWriters::promised() };
    /// let brightest = camera.look(trust, |_, pixels| pixels.iter().copied().max())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BrainError::Arena`] if the payload cannot be had, or was overwritten while it was looked at: the spike is
    /// passed, counted as refused, and what came of the look is dropped.
    pub fn look<R>(
        &mut self,
        trust: TrustedWriters,
        mut look: impl FnMut(&Spike, &[u8]) -> R,
    ) -> Result<Option<R>, BrainError> {
        // bound: as in `read`
        for _ in 0..ROUNDS {
            match self.incoming.look(trust, &mut look) {
                Looked::Seen(seen) => return Ok(Some(seen)),
                Looked::Nothing => return Ok(None),
                Looked::Refused => self.refused += 1,
                Looked::Torn(error) => {
                    self.refused += 1;
                    return Err(error.into());
                }
            }
        }
        Ok(None)
    }

    /// The next spike, waiting up to a time for it.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn read_within(&mut self, timeout: Duration) -> Result<Option<Heard<'_>>, BrainError> {
        self.wait(timeout)?;
        Ok(self.read())
    }

    /// Waits until there is something to read, or a time has passed; whether there is.
    ///
    /// # Errors
    /// [`BrainError::CortexGone`] or [`BrainError::CortexEnded`] when nothing is left to read and there is no cortex
    /// that could send more. When another takes the directory over, reading goes on where it was.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, BrainError> {
        let patience = Patience::new(timeout);
        loop {
            let slice = patience.left().min(LOOK);
            if self.incoming.reader_mut().wait(self.wait, slice) {
                return Ok(true);
            }
            if let Err(gone) = self.brain.check() {
                // It may have sent something between the wait and its end.
                return if self.incoming.reader().is_ready() { Ok(true) } else { Err(gone) };
            }
            if patience.left().is_zero() {
                return Ok(false);
            }
        }
    }

    /// How many spikes were sent that this reader has not read.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.incoming.reader().lag()
    }

    /// How many were refused: they were no spikes, or their payloads were damaged.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The brain it reads from.
    #[must_use]
    pub const fn brain(&self) -> &Brain {
        &self.brain
    }
}

/// Refusals passed over in one read.
const ROUNDS: u32 = 1 << 12;
