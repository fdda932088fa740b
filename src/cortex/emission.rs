//! Emitting: what has reached a gate is handed to it with its payload resolved.

use std::time::Duration;

use super::Door;
use super::recording::Recorder;
use super::worker::{Outlet, Worker};
use crate::context::Services;
use crate::gate::{Outbound, Outlook};
use crate::time::Tick;

/// Buffers that outlive a tick, so that emitting allocates nothing once they have their size.
#[derive(Debug, Default)]
pub(crate) struct Emission {
    /// The payloads, one behind the other.
    payloads: Vec<u8>,
    ends: Vec<usize>,
    large: Vec<u8>,
    /// Empty between two calls; kept for its memory.
    outbound: Vec<Outbound<'static>>,
}

/// The memory of a vector for elements of another lifetime: collecting an emptied vector of one layout reuses it.
fn recycle<'b>(mut spent: Vec<Outbound<'_>>) -> Vec<Outbound<'b>> {
    spent.clear();
    let none = |outbound: Outbound<'_>| Outbound { payload: &[], ..outbound };
    spent.into_iter().map(none).collect()
}

impl Emission {
    /// Hands a gate what waits for it; what it takes has landed.
    pub(crate) fn emit(
        &mut self,
        door: &mut Door,
        outlet: &mut Outlet,
        services: &mut Services,
        recorder: Option<&mut Recorder>,
    ) {
        self.payloads.clear();
        self.ends.clear();
        for &(flight, _) in &outlet.held {
            let spike = services.flights.spike(flight);
            if let Some(block) = spike.arena_ref() {
                // A payload that is gone leaves an empty one; it is counted where it was routed.
                if services.arena.read_into(block, &mut self.large).is_ok() {
                    self.payloads.extend_from_slice(&self.large);
                }
            } else {
                self.payloads.extend_from_slice(spike.carried());
            }
            self.ends.push(self.payloads.len());
        }
        let mut outbound = recycle(std::mem::take(&mut self.outbound));
        let mut start = 0;
        for (&(flight, tick), &end) in outlet.held.iter().zip(&self.ends) {
            let spike = *services.flights.spike(flight);
            outbound.push(Outbound { spike, payload: &self.payloads[start..end], tick });
            start = end;
        }
        let (taken, given) = door.hand_out(&outbound, Tick(services.now));
        if let Some(recorder) = recorder {
            for out in &outbound[..taken] {
                recorder.record_output(services.now, door.id, given, out);
            }
        }
        self.outbound = recycle(outbound);
        for (flight, _) in outlet.held.drain(..taken) {
            services.flights.land(flight, &services.arena);
        }
    }
}

impl Door {
    /// How many the gate takes, and whether it does; one that has failed, or fails now, takes them all and they are
    /// counted as abandoned.
    fn hand_out(&mut self, outbound: &[Outbound<'_>], now: Tick) -> (usize, bool) {
        if self.failed.is_none() {
            match self.gate.emit(outbound) {
                Ok(taken) => {
                    let taken = taken.min(outbound.len());
                    self.emitted += taken as u64;
                    if self.answers && taken > 0 {
                        // When it answers is not known before it is asked, which is in the next tick.
                        self.outlook = Outlook::After(now);
                    }
                    return (taken, true);
                }
                Err(error) => self.fail(&error),
            }
        }
        self.abandoned += outbound.len() as u64;
        (outbound.len(), false)
    }
}

impl Worker {
    /// How many spikes gates have not taken.
    pub(super) fn held(&self) -> usize {
        self.outlets.iter().map(|outlet| outlet.held.len()).sum()
    }
}

/// When output that a gate did not take is offered again: soon after it took some, later and later while it takes none.
/// A gate that rings when it has room is asked at once.
#[derive(Debug, Default)]
pub(super) struct Retry {
    held: usize,
    fruitless: u32,
}

/// The first wait, and how often it is doubled at most: up to about a millisecond.
const FIRST: Duration = Duration::from_micros(8);
const DOUBLINGS: u32 = 7;

impl Retry {
    /// How long to wait with so many spikes held; not at all with none.
    pub(super) fn after(&mut self, held: usize) -> Option<Duration> {
        let took_some = held < self.held;
        self.fruitless =
            if took_some || held == 0 { 0 } else { (self.fruitless + 1).min(DOUBLINGS) };
        self.held = held;
        (held != 0).then(|| FIRST * (1 << self.fruitless))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_is_offered_ever_more_rarely_until_some_is() {
        let mut retry = Retry::default();
        assert_eq!(retry.after(0), None);
        let waits: Vec<_> = (0..10).filter_map(|_| retry.after(5)).collect();
        assert!(waits.is_sorted() && waits[9] == waits[8], "{waits:?}");
        assert_eq!(waits[9], FIRST * (1 << DOUBLINGS));
        assert_eq!(retry.after(4), Some(FIRST), "some were taken");
        assert_eq!((retry.after(0), retry.after(1)), (None, Some(FIRST * 2)));
    }
}
