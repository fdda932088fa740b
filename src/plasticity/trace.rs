//! The trace that one neuron's spikes leave, for neurons that are looked at now and then.

use super::Pairing;
use crate::math::Decay;

/// A sum of past events that decays: brought up to date when it is read, never in between.
///
/// Each event counts 1; what a rule makes of it is the rule's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trace {
    pub(super) value: f32,
    /// The height before the events of tick `last`: events of one tick do not meet each other.
    pub(super) before: f32,
    pub(crate) last: u64,
}

impl Trace {
    /// The height that events of this tick meet.
    #[inline]
    pub(crate) fn at(&self, now: u64, decay: &Decay) -> f32 {
        if self.last == now { self.before } else { self.value * decay.over(now - self.last) }
    }

    /// Takes up an event of this tick.
    #[inline]
    pub(crate) fn rise(&mut self, now: u64, decay: &Decay, pairing: Pairing) {
        if self.last != now {
            self.before = self.value * decay.over(now - self.last);
            self.value = self.before;
            self.last = now;
        }
        match pairing {
            Pairing::AllToAll => self.value += 1.0,
            Pairing::Nearest => self.value = 1.0,
        }
    }

    pub(crate) fn words(&self) -> [u64; 2] {
        [u64::from(self.value.to_bits()) << 32 | u64::from(self.before.to_bits()), self.last]
    }
}
