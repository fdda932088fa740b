//! Spikes over TCP: the user's end of a wire whose other half is a thread.
//!
//! ```text
//!   your thread                 the wire's thread                     the other side
//!   send --> outbox (bytes) --> stage --> socket  ---------------->  socket ..
//!            kept until confirmed   ^                                    |
//!   recv <-- inbox (bytes)  <-- frames, checked  <-- socket  <-----------+
//! ```
//!
//! Both rings are bounded; a full outbox is [`TransportError::Full`], a full inbox stops the reading, and TCP tells the
//! other side.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use neuronbus::axon::{Doorbell, WaitStrategy};
use neuronbus::pace::Stamp;
use neuronbus::spike::Spike;
use neuronbus::transport::{Parcel, Transport, TransportCounts, TransportError};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::backoff::Backoff;
use crate::choice::choice;
use crate::dialer::{self, Arrival, Door, Handover};
use crate::frame::{BESIDE_BYTES, LENGTH_BYTES, SPIKE_FRAME_BYTES, spike_head};
use crate::line::Line;
use crate::poll::PollMover;
use crate::session::Session;
use crate::settings::{Backend, Role, TcpError, TcpSettings};
use crate::shared::Shared;
use crate::wake::Wake;

/// How long a wire that is dropped without [`Transport::close`] tries to bring what was sent to an end.
const FAREWELL: Duration = Duration::from_millis(500);

/// One end of a wire over TCP.
///
/// ```
/// use std::time::Duration;
/// use neuronbus::prelude::*;
/// use neuronbus::transport::Transport;
/// use neuronbus_relay::{Backend, Role, TcpSettings, TcpTransport};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = TcpSettings { backend: Backend::Mio, ..TcpSettings::default() };
/// let mut here = TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings.clone())?;
/// let address = here.local_address().expect("it listens").to_string();
/// let mut there = TcpTransport::new(Role::Connect(address), settings)?;
///
/// let spike = Spike::new(NeuronId::new(7)?, SpikeKind::Excitatory);
/// there.send(&spike, &[5; 1000])?;
/// there.flush()?;
///
/// let mut payload = Vec::new();
/// let heard = here.recv(&mut payload, Duration::from_secs(10))?.expect("it was sent");
/// assert_eq!((heard.source()?, payload.len()), (NeuronId::new(7)?, 1000));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpTransport {
    outbox: Producer<u8>,
    inbox: Consumer<u8>,
    limit: usize,
    shared: Arc<Shared>,
    wake: Arc<Wake>,
    thread: Option<JoinHandle<()>>,
    door: Option<(JoinHandle<()>, Arc<mio::Waker>)>,
    address: Option<SocketAddr>,
    backend: Backend,
    counts: TransportCounts,
    unflushed: bool,
    /// Bytes read from the inbox since the thread was last told that there is room.
    freed: usize,
}

/// The two rings of a wire and what else its thread needs.
struct Parts {
    session: Session,
    shared: Arc<Shared>,
    arrivals: Receiver<Arrival>,
    requests: Option<crossbeam_channel::Sender<bool>>,
    settings: TcpSettings,
}

impl TcpTransport {
    /// An end that listens or connects; it is there at once, and finds the other side in its own time.
    ///
    /// # Errors
    /// [`TcpError`] for settings out of range, an address that cannot be listened at, a back end that was asked for and
    /// does not work here, or no thread.
    pub fn new(role: Role, settings: TcpSettings) -> Result<Self, TcpError> {
        settings.check()?;
        let (outbox, sending) = RingBuffer::new(settings.buffer);
        let (receiving, inbox) = RingBuffer::new(settings.buffer);
        let shared = Arc::new(Shared::default());
        let limit = settings.max_payload;
        let session = Session::new(life(), limit, sending, receiving, Arc::clone(&shared));
        let (given, arrivals) = crossbeam_channel::unbounded();
        let (request, requests) = crossbeam_channel::unbounded();
        let listener = match &role {
            Role::Listen(address) => Some(bind(address)?),
            Role::Connect(_) => None,
        };
        let connects = listener.is_none().then_some(request);
        let backoff = Backoff::new(settings.backoff_first, settings.backoff_most, settings.seed);
        let parts =
            Parts { session, shared: shared.clone(), arrivals, requests: connects, settings };
        let (wake, backend, thread) = start(parts)?;
        let handover = Handover { arrivals: given, wake: wake.clone(), shared: shared.clone() };
        let mut end = Self {
            outbox,
            inbox,
            limit,
            shared,
            wake,
            thread: Some(thread),
            door: None,
            address: None,
            backend,
            counts: TransportCounts::default(),
            unflushed: false,
            freed: 0,
        };
        match (role, listener) {
            (Role::Listen(_), Some(listener)) => end.listen(listener, handover)?,
            (Role::Listen(address) | Role::Connect(address), _) => {
                // Never joined: it may be within an attempt, and ends after it.
                spawn("relay-dial", move || {
                    dialer::connect(&address, backoff, &requests, &handover);
                })?;
            }
        }
        Ok(end)
    }

    fn listen(&mut self, listener: TcpListener, handover: Handover) -> Result<(), TcpError> {
        self.address = listener.local_addr().ok();
        let door = Door::new(listener).map_err(TcpError::Thread)?;
        let stop = door.stopper();
        self.door = Some((spawn("relay-door", move || door.listen(&handover))?, stop));
        Ok(())
    }

    /// Where it listens; `None` for an end that connects.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What moves the bytes: [`Backend::Mio`] or [`Backend::Uring`].
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Whether nobody will receive what is sent from here on.
    fn is_over(&self) -> bool {
        self.thread.is_none() || self.shared.has_ended()
    }

    fn put(&mut self, parcel: &Parcel<'_>) -> Result<(), TransportError> {
        let (head, length) = spike_head(&parcel.spike, parcel.beside);
        let beside = parcel.beside.unwrap_or(&[]);
        let bytes = length + beside.len();
        if self.outbox.cached_slots() < bytes && self.outbox.slots() < bytes {
            self.counts.full += 1;
            return Err(TransportError::Full { bytes });
        }
        // There is room for both: this end is the only one that fills it. The other end passes over half a frame.
        let put = self.outbox.push_entire_slice(&head[..length]).is_ok()
            && self.outbox.push_entire_slice(beside).is_ok();
        debug_assert!(put, "{bytes} bytes of room were seen");
        self.counts.sent += 1;
        self.unflushed = true;
        Ok(())
    }

    /// Takes the next whole frame from the inbox.
    fn next(&mut self, payload: &mut Vec<u8>) -> Option<Spike> {
        let mut head = [0; SPIKE_FRAME_BYTES];
        self.inbox.pop_entire_slice(&mut head).ok()?;
        let (prefix, spike) = head.split_first_chunk::<LENGTH_BYTES>()?;
        let length = LENGTH_BYTES + u32::from_le_bytes(*prefix) as usize;
        let spike: [u8; 64] = spike.try_into().ok()?;
        // The thread has checked it before it put it here.
        let spike = Spike::from_bytes(&spike).ok()?;
        payload.clear();
        match self.inbox.read_chunk(length - SPIKE_FRAME_BYTES) {
            Ok(chunk) if length > SPIKE_FRAME_BYTES => {
                let (first, second) = chunk.as_slices();
                let skip = BESIDE_BYTES - SPIKE_FRAME_BYTES;
                payload.extend_from_slice(first.get(skip..).unwrap_or(&[]));
                let rest = skip.saturating_sub(first.len());
                payload.extend_from_slice(second.get(rest..).unwrap_or(&[]));
                chunk.commit_all();
            }
            _ => payload.extend_from_slice(spike.carried()),
        }
        self.counts.received += 1;
        self.freed += length;
        if self.freed * 2 >= self.inbox.buffer().capacity() {
            self.make_room_known();
        }
        Some(spike)
    }

    #[cold]
    fn make_room_known(&mut self) {
        self.freed = 0;
        // SYNC(room-wanted): either the thread sees the room that was made, or it is seen here that it wants some.
        fence(Ordering::SeqCst);
        // relaxed: the fence orders it
        if self.shared.room_wanted.swap(false, Ordering::Relaxed) {
            self.wake.ring();
        }
    }
}

/// A number that no other life has; 0 is nobody.
fn life() -> u64 {
    // Seeded by the system for each process, and counted up for each state.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(Stamp::now().raw());
    hasher.write_u32(std::process::id());
    hasher.finish().max(1)
}

fn bind(address: &str) -> Result<TcpListener, TcpError> {
    let refused = |source| TcpError::Listen { address: address.to_owned(), source };
    TcpListener::bind(address).map_err(refused)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, TcpError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(TcpError::Thread)
}

/// Starts the thread of a wire over the back end that was asked for.
fn start(parts: Parts) -> Result<(Arc<Wake>, Backend, JoinHandle<()>), TcpError> {
    match parts.settings.backend {
        Backend::Mio => start_mio(parts),
        Backend::Uring => start_uring(parts),
        Backend::Auto => {
            let choice = choice();
            parts.shared.note(choice.reason.clone());
            match choice.backend {
                Backend::Uring => start_uring(parts),
                _ => start_mio(parts),
            }
        }
    }
}

fn start_mio(parts: Parts) -> Result<(Arc<Wake>, Backend, JoinHandle<()>), TcpError> {
    let (mut mover, waker) = PollMover::new().map_err(TcpError::Thread)?;
    let wake = Arc::new(Wake::new(move || {
        // It fails only when the thread has gone, and then there is nobody to wake.
        let _ = waker.wake();
    }));
    let line = parts.line(wake.clone());
    let thread = spawn("relay-mio", move || line.run(&mut mover))?;
    Ok((wake, Backend::Mio, thread))
}

#[cfg(target_os = "linux")]
fn start_uring(parts: Parts) -> Result<(Arc<Wake>, Backend, JoinHandle<()>), TcpError> {
    let refused = |error: std::io::Error| TcpError::Backend {
        backend: "io_uring",
        reason: error.to_string(),
    };
    let poke = crate::uring::counter().map_err(refused)?;
    let counter = poke.try_clone().map_err(refused)?;
    let wake = Arc::new(Wake::new(move || {
        // It cannot fail but for a number that no counter holds, and waits for nobody.
        let _ = std::io::Write::write(&mut &poke, &1_u64.to_ne_bytes());
    }));
    let line = parts.line(wake.clone());
    // A ring belongs to the thread that makes it, which says how that went.
    let (told, tells) = crossbeam_channel::bounded(1);
    let thread = spawn("relay-uring", move || match crate::complete::UringMover::new(counter) {
        Ok(mut mover) => {
            // Whoever asked has not gone: it waits for this.
            let _ = told.send(Ok(()));
            line.run(&mut mover);
        }
        Err(error) => _ = told.send(Err(error)),
    })?;
    let silent = || std::io::Error::other("its thread fell");
    tells.recv().unwrap_or_else(|_| Err(silent())).map_err(refused)?;
    Ok((wake, Backend::Uring, thread))
}

#[cfg(not(target_os = "linux"))]
fn start_uring(_: Parts) -> Result<(Arc<Wake>, Backend, JoinHandle<()>), TcpError> {
    let reason = "only Linux has it".to_owned();
    Err(TcpError::Backend { backend: "io_uring", reason })
}

impl Parts {
    fn line(self, wake: Arc<Wake>) -> Line {
        Line {
            session: self.session,
            shared: self.shared,
            wake,
            arrivals: self.arrivals,
            requests: self.requests,
            heartbeat: self.settings.heartbeat,
            silence: self.settings.silence,
            ends_with_peer: self.settings.ends_with_peer,
        }
    }
}

impl Transport for TcpTransport {
    fn send(&mut self, spike: &Spike, payload: &[u8]) -> Result<(), TransportError> {
        let outcome = match Parcel::pack(spike, payload) {
            _ if self.is_over() => Err(TransportError::Closed),
            Err(error) => Err(error.into()),
            Ok(Parcel { beside: Some(payload), .. }) if payload.len() > self.limit => {
                Err(TransportError::TooLong { length: payload.len(), limit: self.limit })
            }
            Ok(parcel) => return self.put(&parcel),
        };
        self.counts.refused += 1;
        outcome
    }

    fn flush(&mut self) -> Result<(), TransportError> {
        if std::mem::take(&mut self.unflushed) {
            self.wake.ring();
        }
        Ok(())
    }

    fn try_recv(&mut self, payload: &mut Vec<u8>) -> Result<Option<Spike>, TransportError> {
        // Asked first: what came before the end is there by now.
        let over = self.is_over();
        if let Some(spike) = self.next(payload) {
            return Ok(Some(spike));
        }
        if self.freed > 0 {
            self.make_room_known();
        }
        if over { Err(TransportError::Closed) } else { Ok(None) }
    }

    fn recv(
        &mut self,
        payload: &mut Vec<u8>,
        timeout: Duration,
    ) -> Result<Option<Spike>, TransportError> {
        self.flush()?;
        let began = Stamp::now();
        // bound: the timeout
        loop {
            let seen = self.shared.bell.count();
            if let Some(spike) = self.try_recv(payload)? {
                return Ok(Some(spike));
            }
            let spent = Duration::from_nanos(Stamp::now().ns_since(began));
            let left = timeout.saturating_sub(spent);
            if left.is_zero() {
                return Ok(None);
            }
            self.shared.bell.wait(seen, WaitStrategy::Adaptive, Some(left));
        }
    }

    fn notify(&mut self, bell: Arc<Doorbell>) {
        // What came before the bell was there did not ring it.
        bell.ring();
        // The first bell stays: an end belongs to one cortex.
        let _ = self.shared.notified.set(bell);
    }

    fn counts(&self) -> TransportCounts {
        TransportCounts {
            confirmed: Shared::read(&self.shared.confirmed),
            resent: Shared::read(&self.shared.resent),
            connections: Shared::read(&self.shared.connections),
            foreign: Shared::read(&self.shared.foreign),
            ..self.counts
        }
    }

    fn notes(&self) -> Vec<String> {
        self.shared.notes()
    }

    fn close(&mut self, linger: Duration) -> u64 {
        if let Some(thread) = self.thread.take() {
            self.shared.close(linger);
            self.wake.ring();
            if thread.join().is_err() {
                self.shared.note("the thread of the wire panicked".to_owned());
            }
            self.shared.end();
        }
        if let Some((door, stop)) = self.door.take() {
            // It fails only when the door is closed already.
            let _ = stop.wake();
            if door.join().is_err() {
                self.shared.note("the thread that listens panicked".to_owned());
            }
        }
        self.counts.sent - Shared::read(&self.shared.confirmed)
    }
}

impl Drop for TcpTransport {
    fn drop(&mut self) {
        self.close(FAREWELL);
    }
}
