//! Carriers: how spikes get to another cortex, payload and all.
//!
//! A [`Transport`] is one end of a wire with one other end: what is sent here is received there, in order, and the
//! other way round. It knows nothing of ticks; a gate uses it between two ticks, and so may a plain thread. None of
//! its calls but [`Transport::recv`] waits, and none does I/O: a transport that needs I/O has a thread for it.
//!
//! [`local::pair`] joins two cortexes of one process; other carriers are families. Whoever writes one runs
//! [`conformance::all`] over it.

pub mod conformance;
pub mod local;

use std::sync::Arc;
use std::time::Duration;

use crate::axon::Doorbell;
use crate::spike::{ArenaRef, Body, INLINE_MAX, Spike, SpikeError};

/// Why a transport did not do what it was asked; nothing was sent or received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no room: the other side has not caught up, or is not there. Counted; offer it again later.
    #[error("the transport has no room for {bytes} bytes more: the other side has not caught up")]
    Full {
        /// What was to be sent, as it is carried.
        bytes: usize,
    },
    /// The other side has said that it is done, and everything it sent has been received.
    #[error("the other side has closed the transport")]
    Closed,
    /// The payload is longer than the transport carries.
    #[error("a payload of {length} bytes is refused: the transport carries at most {limit}")]
    TooLong {
        /// Bytes offered.
        length: usize,
        /// The transport's limit.
        limit: usize,
    },
    /// The spike itself makes no sense.
    #[error(transparent)]
    Spike(#[from] SpikeError),
    /// The carrier is broken for good.
    #[error("the transport {name} has failed: {message}")]
    Failed {
        /// What it calls itself.
        name: String,
        /// What happened.
        message: String,
    },
}

/// What passed one end of a transport since it was made. Every spike offered is in `sent`, `full` or `refused`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct TransportCounts {
    /// Spikes taken over to be carried.
    pub sent: u64,
    /// Spikes handed out to whoever receives here.
    pub received: u64,
    /// Spikes that found no room: back-pressure.
    pub full: u64,
    /// Spikes refused for what they are.
    pub refused: u64,
    /// Of those sent, how many the other end has confirmed to hold.
    pub confirmed: u64,
    /// Spikes carried once more because a connection was cut before they were confirmed.
    pub resent: u64,
    /// How often the two ends found each other.
    pub connections: u64,
    /// What came from outside and made no sense, or was not expected: connections refused or cut for it.
    pub foreign: u64,
}

/// One end of a wire that carries spikes both ways, in order, none lost and none twice as long as both ends live.
///
/// Used from one thread at a time. A payload of up to 46 bytes travels in the spike; a longer one, and one that lay in
/// an arena, travels by value beside it, and the spike that is received then has a tag that says so and a reference
/// that leads nowhere: the payload is what was handed out with it.
pub trait Transport: Send {
    /// Takes a spike over, with its payload; it leaves with the next [`flush`](Transport::flush) at the latest.
    ///
    /// For a spike that carries its payload itself, `payload` is either empty or the same bytes again.
    ///
    /// # Errors
    /// [`TransportError::Full`] as back-pressure, [`TransportError::Closed`] when nobody will receive it, and what is
    /// wrong with the spike. It was not taken.
    fn send(&mut self, spike: &Spike, payload: &[u8]) -> Result<(), TransportError>;

    /// Lets everything that was sent leave; once for a batch, because it may wake a thread.
    ///
    /// # Errors
    /// [`TransportError::Failed`] if the carrier is broken.
    fn flush(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    /// The next spike if one is there; its payload, wherever it travelled, replaces what is in `payload`.
    ///
    /// # Errors
    /// [`TransportError::Closed`] after the last spike of a side that is done.
    fn try_recv(&mut self, payload: &mut Vec<u8>) -> Result<Option<Spike>, TransportError>;

    /// The same, after a flush and a wait of up to `timeout` for one to come.
    ///
    /// # Errors
    /// As [`Transport::try_recv`].
    fn recv(
        &mut self,
        payload: &mut Vec<u8>,
        timeout: Duration,
    ) -> Result<Option<Spike>, TransportError>;

    /// Rings this bell from now on whenever there is something to receive, the end included. May ring for nothing.
    fn notify(&mut self, bell: Arc<Doorbell>);

    /// What has passed so far.
    fn counts(&self) -> TransportCounts;

    /// What there is to say about it, in words: which back end it chose and why, what was refused last.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ends it: what was sent is carried for at most `linger`, then the other side is told. Returns how many spikes
    /// were not confirmed.
    fn close(&mut self, linger: Duration) -> u64;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&mut self, spike: &Spike, payload: &[u8]) -> Result<(), TransportError> {
        (**self).send(spike, payload)
    }

    fn flush(&mut self) -> Result<(), TransportError> {
        (**self).flush()
    }

    fn try_recv(&mut self, payload: &mut Vec<u8>) -> Result<Option<Spike>, TransportError> {
        (**self).try_recv(payload)
    }

    fn recv(
        &mut self,
        payload: &mut Vec<u8>,
        timeout: Duration,
    ) -> Result<Option<Spike>, TransportError> {
        (**self).recv(payload, timeout)
    }

    fn notify(&mut self, bell: Arc<Doorbell>) {
        (**self).notify(bell);
    }

    fn counts(&self) -> TransportCounts {
        (**self).counts()
    }

    fn notes(&self) -> Vec<String> {
        (**self).notes()
    }

    fn close(&mut self, linger: Duration) -> u64 {
        (**self).close(linger)
    }
}

/// A spike as a transport carries it: with its payload beside it, or within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parcel<'a> {
    /// The spike; a reference into the sender's arena is replaced by one that says only how long the payload is.
    pub spike: Spike,
    /// The payload that travels beside the spike; `None` if the spike holds all there is.
    pub beside: Option<&'a [u8]>,
}

impl<'a> Parcel<'a> {
    /// What is to be carried for a spike and its payload.
    ///
    /// # Errors
    /// What [`Spike::check`] refuses.
    pub fn pack(spike: &Spike, payload: &'a [u8]) -> Result<Self, SpikeError> {
        spike.check()?;
        if payload.len() <= INLINE_MAX && spike.arena_ref().is_none() {
            return Ok(Self { spike: *spike, beside: None });
        }
        let length = u32::try_from(payload.len())
            .map_err(|_| SpikeError::TooLong { length: payload.len() })?;
        let spike = spike.with_arena(by_value(length));
        Ok(Self { spike, beside: Some(payload) })
    }

    /// Puts the payload of a received spike where the receiver asked for it.
    pub fn unpack(spike: &Spike, beside: &[u8], payload: &mut Vec<u8>) {
        payload.clear();
        payload.extend_from_slice(if spike.arena_ref().is_some() {
            beside
        } else {
            spike.carried()
        });
    }
}

/// The reference of a spike whose payload of so many bytes travels beside it.
#[must_use]
pub const fn by_value(length: u32) -> ArenaRef {
    ArenaRef { offset: 0, length, generation: 0, segment: 0 }
}

/// How many bytes travel beside a spike, if it is one that [`Parcel::pack`] could have made.
///
/// # Errors
/// What [`Spike::check`] refuses; a reference into an arena that is not ours is [`SpikeError::TooLong`].
pub fn length_beside(spike: &Spike) -> Result<Option<u32>, SpikeError> {
    spike.check()?;
    match spike.body()? {
        Body::Arena(place) if place == by_value(place.length) => Ok(Some(place.length)),
        Body::Arena(place) => Err(SpikeError::TooLong { length: place.length as usize }),
        _ => Ok(None),
    }
}
