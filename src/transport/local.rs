//! Two cortexes in one process: a queue each way, in memory.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError};

use super::{Parcel, Transport, TransportCounts, TransportError};
use crate::axon::Doorbell;
use crate::spike::Spike;

type Carried = (Spike, Vec<u8>);

/// One end of a pair; what it sends, only the other receives.
#[derive(Debug)]
pub struct LocalTransport {
    outbound: Option<Sender<Carried>>,
    inbound: Receiver<Carried>,
    /// Rung when something was sent; the other end puts its bell in.
    theirs: Arc<OnceLock<Arc<Doorbell>>>,
    ours: Arc<OnceLock<Arc<Doorbell>>>,
    counts: TransportCounts,
}

/// Two ends of a wire in memory, each with room for `capacity` spikes (at least 1) on their way to the other.
///
/// ```
/// use neuronbus::prelude::*;
/// use neuronbus::transport::{Transport, local};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut left, mut right) = local::pair(16);
/// let spike = Spike::new(NeuronId::new(7)?, SpikeKind::Inhibitory).with_inline(b"stop")?;
/// left.send(&spike, &[])?;
///
/// let mut payload = Vec::new();
/// assert_eq!(right.try_recv(&mut payload)?, Some(spike));
/// assert_eq!(payload, b"stop");
/// assert_eq!(left.try_recv(&mut payload)?, None);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn pair(capacity: usize) -> (LocalTransport, LocalTransport) {
    let (there, from_left) = crossbeam_channel::bounded(capacity.max(1));
    let (back, from_right) = crossbeam_channel::bounded(capacity.max(1));
    let (left, right) = (Arc::default(), Arc::default());
    let end = |outbound, inbound, ours: &Arc<_>, theirs: &Arc<_>| LocalTransport {
        outbound: Some(outbound),
        inbound,
        theirs: Arc::clone(theirs),
        ours: Arc::clone(ours),
        counts: TransportCounts { connections: 1, ..TransportCounts::default() },
    };
    (end(there, from_right, &left, &right), end(back, from_left, &right, &left))
}

impl LocalTransport {
    fn ring(&self) {
        if let Some(bell) = self.theirs.get() {
            bell.ring();
        }
    }

    fn take(&mut self, (spike, beside): Carried, payload: &mut Vec<u8>) -> Spike {
        self.counts.received += 1;
        Parcel::unpack(&spike, &beside, payload);
        spike
    }
}

impl Transport for LocalTransport {
    fn send(&mut self, spike: &Spike, payload: &[u8]) -> Result<(), TransportError> {
        let parcel = match Parcel::pack(spike, payload) {
            Ok(parcel) => parcel,
            Err(error) => {
                self.counts.refused += 1;
                return Err(error.into());
            }
        };
        let beside = parcel.beside.map_or_else(Vec::new, <[u8]>::to_vec);
        let Some(outbound) = &self.outbound else { return Err(TransportError::Closed) };
        match outbound.try_send((parcel.spike, beside)) {
            Ok(()) => {}
            Err(TrySendError::Full((_, beside))) => {
                self.counts.full += 1;
                return Err(TransportError::Full { bytes: size_of::<Spike>() + beside.len() });
            }
            Err(TrySendError::Disconnected(_)) => {
                self.counts.refused += 1;
                return Err(TransportError::Closed);
            }
        }
        self.counts.sent += 1;
        self.counts.confirmed += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TransportError> {
        self.ring();
        Ok(())
    }

    fn try_recv(&mut self, payload: &mut Vec<u8>) -> Result<Option<Spike>, TransportError> {
        match self.inbound.try_recv() {
            Ok(carried) => Ok(Some(self.take(carried, payload))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(TransportError::Closed),
        }
    }

    fn recv(
        &mut self,
        payload: &mut Vec<u8>,
        timeout: Duration,
    ) -> Result<Option<Spike>, TransportError> {
        self.flush()?;
        match self.inbound.recv_timeout(timeout) {
            Ok(carried) => Ok(Some(self.take(carried, payload))),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(TransportError::Closed),
        }
    }

    fn notify(&mut self, bell: Arc<Doorbell>) {
        // What came before the bell was there did not ring it.
        bell.ring();
        // The first bell stays: an end belongs to one cortex.
        let _ = self.ours.set(bell);
    }

    fn counts(&self) -> TransportCounts {
        self.counts
    }

    fn close(&mut self, _: Duration) -> u64 {
        self.outbound = None;
        self.ring();
        0
    }
}

impl Drop for LocalTransport {
    /// Whoever waits for more learns that there is none.
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}
