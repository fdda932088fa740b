//! Where the two sides of a wire are, and how they go on after a cut.
//!
//! Each direction numbers its spikes from 0, without writing the numbers on the wire: TCP keeps the order, and each
//! connection begins with a hello that says how many have arrived and which is the first that is still held. What was
//! sent stays in the outbox until the other side has confirmed it, so after a cut the sender goes on with the first
//! spike that did not arrive, and the receiver gets each exactly once.
//!
//! A session does no I/O: bytes are put in with [`Session::take`] and taken out with [`Session::stage`].

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use rtrb::{Consumer, Producer};

use crate::frame::{self, Decoder, Frame, FrameError, Hello, LENGTH_BYTES, Taken};
use crate::shared::Shared;

/// An ack is owed at once after so many spikes; fewer are acked with the next that is sent, or with a heartbeat.
const ACK_EVERY: u64 = 256;

/// Why a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// Bytes that are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A connection begins with a hello and has no other.
    #[error("{found} came where {expected} was due")]
    Order {
        /// What came.
        found: &'static str,
        /// What was due.
        expected: &'static str,
    },
    /// A position that cannot be.
    #[error("the other side says {what} {said}, which is not from {from} to {to}")]
    Position {
        /// What the position means.
        what: &'static str,
        /// What was said.
        said: u64,
        /// The least that can be.
        from: u64,
        /// The most that can be.
        to: u64,
    },
}

/// One side's view of a wire.
#[derive(Debug)]
pub(crate) struct Session {
    own: u64,
    /// The other side's life, 0 until it is known.
    peer: u64,
    greeted: bool,
    shared: Arc<Shared>,

    /// Frames from the first that is not confirmed on.
    outbox: Consumer<u8>,
    /// Bytes of the outbox that were staged on this connection, and those that are left of the frame at that place.
    staged: usize,
    rest: usize,
    /// Numbers of spikes: the first of the outbox, the next to be staged, the most that ever were.
    confirmed: u64,
    position: u64,
    ceiling: u64,
    /// A control frame that is being staged.
    control: Vec<u8>,
    bye: Bye,

    inbox: Producer<u8>,
    decoder: Decoder,
    received: u64,
    /// What was said of `received` last.
    acked: u64,
    ack_due: bool,
    /// A frame was not taken for want of room.
    pub(crate) stalled: bool,
    pub(crate) peer_is_done: bool,
    /// Nobody reads the inbox any more: what comes is not taken and not confirmed.
    pub(crate) deaf: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bye {
    No,
    Due,
    Staged,
}

impl Session {
    pub(crate) fn new(
        own: u64,
        limit: usize,
        outbox: Consumer<u8>,
        inbox: Producer<u8>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            own,
            peer: 0,
            greeted: false,
            shared,
            outbox,
            staged: 0,
            rest: 0,
            confirmed: 0,
            position: 0,
            ceiling: 0,
            control: Vec::new(),
            bye: Bye::No,
            inbox,
            decoder: Decoder::new(limit),
            received: 0,
            acked: 0,
            ack_due: false,
            stalled: false,
            peer_is_done: false,
            deaf: false,
        }
    }

    /// The life at the other end, 0 until it has said hello.
    pub(crate) fn peer(&self) -> u64 {
        self.peer
    }

    /// Whether the other side has said hello on this connection.
    pub(crate) fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// A connection begins: a hello is the first to be staged.
    pub(crate) fn connect(&mut self) {
        self.disconnect();
        let Self { own, peer, received, confirmed, .. } = *self;
        let hello = Hello { id: own, known: peer, received, first: confirmed };
        self.control.extend_from_slice(&hello.encode());
    }

    /// The connection is gone; what was under way on it is not.
    pub(crate) fn disconnect(&mut self) {
        self.greeted = false;
        self.staged = 0;
        self.rest = 0;
        self.control.clear();
        self.decoder.reset();
        self.ack_due = false;
        self.stalled = false;
        if self.bye == Bye::Staged {
            self.bye = Bye::Due;
        }
    }

    /// The other side's hello: from here on spikes travel.
    pub(crate) fn greet(&mut self, hello: Hello) -> Result<(), Broken> {
        if self.greeted {
            return Err(Broken::Order { found: "a second hello", expected: "a spike" });
        }
        let knows_us = hello.known == self.own;
        if knows_us {
            let what = "that it has received up to spike";
            in_range(what, hello.received, self.confirmed, self.ceiling)?;
        }
        if hello.id != self.peer {
            // Another life: it begins with the first spike that it still holds.
            self.peer = hello.id;
            self.received = hello.first;
        } else {
            in_range("that it still holds spikes from", hello.first, 0, self.received)?;
        }
        self.acked = self.received;
        if knows_us {
            self.confirm(hello.received)?;
        }
        Shared::count(&self.shared.resent, self.position - self.confirmed);
        self.position = self.confirmed;
        self.greeted = true;
        Shared::count(&self.shared.connections, 1);
        Ok(())
    }

    /// Takes bytes that have come and says how many: all, unless there is no room for what they hold.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(0));
        self.stalled = false;
        let outcome = decoder.feed(bytes, |frame, raw| self.take_frame(frame, raw));
        self.decoder = decoder;
        outcome
    }

    fn take_frame(&mut self, frame: Frame<'_>, raw: &[u8]) -> Result<Taken, Broken> {
        let expected = if self.greeted { "a spike or an ack" } else { "a hello" };
        match frame {
            Frame::Hello(hello) => self.greet(hello)?,
            _ if !self.greeted => {
                return Err(Broken::Order { found: "another frame", expected });
            }
            _ if self.peer_is_done => {
                let expected = "the end";
                return Err(Broken::Order { found: "a frame after the bye", expected });
            }
            Frame::Spike { .. } => return Ok(self.take_spike(raw)),
            Frame::Ack(received) => {
                // The last one may be on its way in part.
                let whole = self.position - u64::from(self.rest > 0);
                in_range("that it has received up to spike", received, self.confirmed, whole)?;
                self.confirm(received)?;
            }
            Frame::Bye(sent) => {
                if !self.deaf {
                    in_range("that it sent spikes up to", sent, self.received, self.received)?;
                }
                self.peer_is_done = true;
            }
        }
        Ok(Taken::Yes)
    }

    fn take_spike(&mut self, raw: &[u8]) -> Taken {
        if self.deaf {
            return Taken::Yes;
        }
        if self.inbox.push_entire_slice(raw).is_err() {
            // relaxed: the fence orders it
            self.shared.room_wanted.store(true, Ordering::Relaxed);
            // SYNC(room-wanted): either the reader sees that room is wanted, or the room it made is seen here.
            fence(Ordering::SeqCst);
            if self.inbox.push_entire_slice(raw).is_err() {
                self.stalled = true;
                return Taken::NotNow;
            }
        }
        self.received += 1;
        self.ack_due |= self.received - self.acked >= ACK_EVERY;
        Taken::Yes
    }

    /// Whether spikes have come that the other side does not know of.
    pub(crate) fn owes_ack(&self) -> bool {
        self.greeted && self.received != self.acked
    }

    /// An ack is to be staged even if nothing new came: a sign of life.
    pub(crate) fn beat(&mut self) {
        self.ack_due = self.greeted;
    }

    /// Lets go of the spikes before a number: they have arrived.
    fn confirm(&mut self, until: u64) -> Result<(), Broken> {
        let mut bytes = 0;
        let count = until - self.confirmed;
        let held = self.outbox.slots();
        if let Ok(chunk) = self.outbox.read_chunk(held) {
            let (head, tail) = chunk.as_slices();
            for _ in 0..count {
                // Whole frames stand in the outbox, and as many as were staged.
                bytes += frame_at(head, tail, bytes).unwrap_or(0);
            }
            chunk.commit(bytes);
        }
        self.confirmed = until;
        self.staged = self.staged.saturating_sub(bytes);
        // Spikes of an earlier connection may be confirmed by the hello of this one.
        self.position = self.position.max(until);
        Shared::count(&self.shared.confirmed, count);
        Ok(())
    }

    /// Writes what is to be sent next, and says how many bytes that is.
    pub(crate) fn stage(&mut self, out: &mut [u8]) -> usize {
        let mut at = self.stage_control(out);
        if self.greeted && self.control.is_empty() && self.bye != Bye::Staged {
            // An ack rides along with whatever is sent.
            let rides = self.owes_ack() && self.outbox.slots() > self.staged;
            if (self.ack_due || rides) && self.rest == 0 {
                self.control.extend_from_slice(&frame::ack(self.received));
                (self.acked, self.ack_due) = (self.received, false);
                at += self.stage_control(&mut out[at..]);
            }
            if self.control.is_empty() {
                at += self.stage_spikes(&mut out[at..]);
            }
            let all = self.rest == 0 && self.outbox.slots() == self.staged;
            if self.bye == Bye::Due && all && self.control.is_empty() {
                self.control.extend_from_slice(&frame::bye(self.position));
                self.bye = Bye::Staged;
                at += self.stage_control(&mut out[at..]);
            }
        }
        at
    }

    fn stage_control(&mut self, out: &mut [u8]) -> usize {
        let length = self.control.len().min(out.len());
        out[..length].copy_from_slice(&self.control[..length]);
        self.control.drain(..length);
        length
    }

    fn stage_spikes(&mut self, out: &mut [u8]) -> usize {
        let held = self.outbox.slots();
        let Ok(chunk) = self.outbox.read_chunk(held) else { return 0 };
        let (head, tail) = chunk.as_slices();
        let mut at = 0;
        while at < out.len() {
            if self.rest == 0 {
                let Some(length) = frame_at(head, tail, self.staged) else { break };
                self.rest = length;
                self.position += 1;
            }
            let length = self.rest.min(out.len() - at);
            copy(head, tail, self.staged, &mut out[at..at + length]);
            self.staged += length;
            self.rest -= length;
            at += length;
        }
        self.ceiling = self.ceiling.max(self.position);
        at
    }

    /// Whether everything sent so far is confirmed.
    pub(crate) fn is_settled(&mut self) -> bool {
        self.outbox.slots() == 0
    }

    /// A bye is to follow what was sent; false if it is already.
    pub(crate) fn part(&mut self) -> bool {
        let first = self.bye == Bye::No;
        if first {
            self.bye = Bye::Due;
        }
        first
    }

    /// Whether the bye, and so everything before it, was staged.
    pub(crate) fn has_parted(&self) -> bool {
        self.bye == Bye::Staged && self.control.is_empty()
    }
}

fn in_range(what: &'static str, said: u64, from: u64, to: u64) -> Result<(), Broken> {
    if (from..=to).contains(&said) {
        Ok(())
    } else {
        Err(Broken::Position { what, said, from, to })
    }
}

/// The length of the frame at a position of two slices that belong together, if all of it is there.
fn frame_at(head: &[u8], tail: &[u8], at: usize) -> Option<usize> {
    let held = head.len() + tail.len();
    if at + LENGTH_BYTES > held {
        return None;
    }
    let mut prefix = [0; LENGTH_BYTES];
    copy(head, tail, at, &mut prefix);
    let length = LENGTH_BYTES + u32::from_le_bytes(prefix) as usize;
    (at + length <= held).then_some(length)
}

fn copy(head: &[u8], tail: &[u8], at: usize, out: &mut [u8]) {
    let first = head.get(at..).unwrap_or(&[]);
    let length = first.len().min(out.len());
    out[..length].copy_from_slice(&first[..length]);
    if length < out.len() {
        let skip = at.saturating_sub(head.len());
        let more = out.len() - length;
        out[length..].copy_from_slice(&tail[skip..skip + more]);
    }
}
