//! Counters that only grow, and what they say about the time between two samples.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// The last values of the counters, by signal.
#[derive(Debug)]
pub(super) struct Counters<const N: usize> {
    last: HashMap<String, ([u64; N], u64), FixedState>,
    generation: u64,
}

impl<const N: usize> Counters<N> {
    pub(super) fn new() -> Self {
        Self { last: HashMap::with_hasher(FixedState::with_seed(1)), generation: 0 }
    }

    /// Begins a sample; devices that do not appear in it are forgotten at the next.
    pub(super) fn begin(&mut self) {
        let generation = self.generation;
        self.last.retain(|_, (_, seen)| *seen == generation);
        self.generation += 1;
    }

    /// By how much each counter of a device has grown since the sample before; `None` for a device that is new, or
    /// that was taken out and put back, which sets its counters to zero.
    pub(super) fn grown(&mut self, device: &str, now: [u64; N]) -> Option<[u64; N]> {
        let Some((last, seen)) = self.last.get_mut(device) else {
            self.last.insert(device.to_owned(), (now, self.generation));
            return None;
        };
        let before = std::mem::replace(last, now);
        *seen = self.generation;
        let mut grown = [0; N];
        for ((grown, now), before) in grown.iter_mut().zip(now).zip(before) {
            *grown = now.checked_sub(before)?;
        }
        Some(grown)
    }
}
