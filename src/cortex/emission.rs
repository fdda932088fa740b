//! Emitting: what has reached a gate is handed to it with its payload resolved.

use super::Door;
use super::recording::Recorder;
use super::worker::Outlet;
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
