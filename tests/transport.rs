//! Transports of the runtime, and what their contract is good for.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus::id::NeuronId;
use neuronbus::spike::{ArenaRef, Spike, SpikeKind};
use neuronbus::transport::{Parcel, Transport, conformance, length_beside, local};

#[test]
fn a_local_pair_conforms() {
    conformance::all(|| local::pair(64));
}

#[test]
#[should_panic(expected = "received a spike that nobody sent to it")]
fn a_pair_that_is_one_queue_does_not_conform() {
    // Both ends of one queue, as a first sketch has it: each can receive what it sent itself.
    let (there, back) = local::pair(64);
    conformance::carries_both_ways((Looped::new(there), back));
}

/// An end that also receives what it sends.
struct Looped {
    inner: local::LocalTransport,
    own: Vec<Spike>,
}

impl Looped {
    fn new(inner: local::LocalTransport) -> Self {
        Self { inner, own: Vec::new() }
    }
}

impl Transport for Looped {
    fn send(
        &mut self,
        spike: &Spike,
        payload: &[u8],
    ) -> Result<(), neuronbus::transport::TransportError> {
        self.own.push(*spike);
        self.inner.send(spike, payload)
    }

    fn try_recv(
        &mut self,
        payload: &mut Vec<u8>,
    ) -> Result<Option<Spike>, neuronbus::transport::TransportError> {
        self.recv(payload, std::time::Duration::ZERO)
    }

    fn recv(
        &mut self,
        payload: &mut Vec<u8>,
        timeout: std::time::Duration,
    ) -> Result<Option<Spike>, neuronbus::transport::TransportError> {
        match self.inner.recv(payload, timeout)? {
            None => Ok(self.own.pop()),
            some => Ok(some),
        }
    }

    fn notify(&mut self, bell: std::sync::Arc<neuronbus::axon::Doorbell>) {
        self.inner.notify(bell);
    }

    fn counts(&self) -> neuronbus::transport::TransportCounts {
        self.inner.counts()
    }

    fn close(&mut self, linger: std::time::Duration) -> u64 {
        self.inner.close(linger)
    }
}

#[test]
fn a_reference_into_an_arena_does_not_leave_with_the_spike() {
    let place = ArenaRef { offset: 77, length: 100, generation: 3, segment: 1 };
    let spike = Spike::new(NeuronId::new(4).unwrap(), SpikeKind::Excitatory).with_arena(place);
    assert!(length_beside(&spike).is_err(), "where it lay is nobody's business");
    let parcel = Parcel::pack(&spike, &[5; 100]).unwrap();
    assert_eq!(parcel.beside, Some(&[5; 100][..]));
    assert_eq!(length_beside(&parcel.spike).unwrap(), Some(100));
    // A payload that is gone leaves an empty one.
    let parcel = Parcel::pack(&spike, &[]).unwrap();
    assert_eq!(length_beside(&parcel.spike).unwrap(), Some(0));
}
