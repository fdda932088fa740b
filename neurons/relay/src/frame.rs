//! What travels on a wire, byte by byte.
//!
//! Every frame begins with the number of bytes that follow it, in 4 bytes; all numbers are little-endian.
//!
//! ```text
//! spike       0   4  length: 64, or 72 + p if the spike's tag says that its payload lies in an arena
//!             4  64  the spike; its reference is (offset 0, length p, generation 0, segment 0)
//!            68   4  p: bytes of payload                                        only beside such a spike
//!            72   4  CRC-32C of the payload
//!            76   p  payload
//!
//! hello       0   4  length: 44                    ack, bye     0   4  length: 12
//!             4   1  1                                          4   1  2: ack, 3: bye
//!             5   1  version of this protocol: 1                5   3  0
//!             6   2  0                                          8   8  ack: spikes received so far
//!             8   8  "NBrelay\n"                                       bye: spikes sent in all
//!            16   8  id of the sender's life, never 0
//!            24   8  id of the receiver's life as the sender knows it, 0 for none
//!            32   8  spikes that the sender has received from that life
//!            40   8  number of the first spike that the sender still holds
//! ```
//!
//! A length below 64 is a control frame, so both kinds can be told apart before the rest has come. Nothing that is read
//! is believed before it was checked here.

use neuronbus::spike::{Spike, SpikeError};
use neuronbus::transport::length_beside;

/// The version of the protocol that this build speaks.
pub const VERSION: u8 = 1;

/// What a hello begins with, so that a stranger is recognised.
pub const MAGIC: [u8; 8] = *b"NBrelay\n";

/// Bytes of the length in front of each frame.
pub const LENGTH_BYTES: usize = 4;

/// Bytes of a whole hello.
pub const HELLO_BYTES: usize = LENGTH_BYTES + HELLO_LENGTH;

/// Bytes of a whole ack or bye.
pub const CONTROL_BYTES: usize = LENGTH_BYTES + CONTROL_LENGTH;

/// Bytes of a whole frame around a spike that carries all it has.
pub const SPIKE_FRAME_BYTES: usize = LENGTH_BYTES + SPIKE_LENGTH;

/// Bytes of a frame around a payload of its own.
pub const BESIDE_BYTES: usize = SPIKE_FRAME_BYTES + PAYLOAD_HEAD;

const SPIKE_LENGTH: usize = 64;
const PAYLOAD_HEAD: usize = 8;
const HELLO_LENGTH: usize = 44;
const CONTROL_LENGTH: usize = 12;

const HELLO: u8 = 1;
const ACK: u8 = 2;
const BYE: u8 = 3;

/// Why bytes from a wire are refused. The connection they came over is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No frame has this length.
    #[error("a frame of {length} bytes is refused: 12, 44, 64 and 72 to {most} are lengths")]
    Length {
        /// What the frame says.
        length: u32,
        /// The longest that is accepted here.
        most: usize,
    },
    /// No control frame of this length begins with this byte.
    #[error(
        "a control frame of {length} bytes and type {kind} is refused: 12 is for 2 and 3, 44 for 1"
    )]
    Control {
        /// The type byte.
        kind: u8,
        /// The frame's length.
        length: usize,
    },
    /// Bytes that must be 0 are not.
    #[error("a control frame of type {kind} has a byte that is not 0 where one must be")]
    Reserved {
        /// The type byte.
        kind: u8,
    },
    /// The other side is something else.
    #[error("a hello begins with {found:?}, not with {MAGIC:?}: this is no relay")]
    Magic {
        /// What stands there.
        found: [u8; 8],
    },
    /// The other side speaks another version.
    #[error("a hello of version {found} is refused: this side speaks version {VERSION}")]
    Version {
        /// What it says.
        found: u8,
    },
    /// A hello without an id.
    #[error("a hello with id 0 is refused: 0 is nobody")]
    Nobody,
    /// The spike makes no sense.
    #[error("a spike is refused: {0}")]
    Spike(#[from] SpikeError),
    /// The lengths of a spike's payload contradict each other.
    #[error("a payload is said to have {said} bytes, and its frame has room for {room}")]
    Payload {
        /// What stands before the payload, or in the spike.
        said: u32,
        /// What the frame's length leaves.
        room: usize,
    },
    /// The payload was altered on its way.
    #[error("a payload of {length} bytes has CRC-32C {found:#010x}, and {said:#010x} was said")]
    Checksum {
        /// Bytes of the payload.
        length: usize,
        /// What was computed.
        found: u32,
        /// What stands in the frame.
        said: u32,
    },
}

/// How two sides find out where they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The sender's life: drawn when its transport is made, never 0.
    pub id: u64,
    /// The life of the receiver that the sender knows, 0 for none.
    pub known: u64,
    /// How many spikes of that life the sender has received.
    pub received: u64,
    /// The number, from 0, of the first spike that the sender still holds.
    pub first: u64,
}

/// One frame, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A spike, and what travels beside it.
    Spike {
        /// The spike.
        spike: Spike,
        /// Its payload if that does not travel within.
        beside: &'a [u8],
    },
    /// The first frame of each side.
    Hello(Hello),
    /// So many spikes have arrived.
    Ack(u64),
    /// The sender is done, after so many spikes.
    Bye(u64),
}

/// The number of bytes that follow a length, if there is such a frame with at most `limit` bytes of payload.
///
/// # Errors
/// [`FrameError::Length`].
pub fn check_length(bytes: [u8; LENGTH_BYTES], limit: usize) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(bytes);
    let most = SPIKE_LENGTH + PAYLOAD_HEAD + limit;
    let known = [CONTROL_LENGTH, HELLO_LENGTH, SPIKE_LENGTH].contains(&(length as usize));
    let beside = (SPIKE_LENGTH + PAYLOAD_HEAD..=most).contains(&(length as usize));
    if known || beside { Ok(length as usize) } else { Err(FrameError::Length { length, most }) }
}

impl<'a> Frame<'a> {
    /// What a frame's bytes mean, the length in front of them left out.
    ///
    /// # Errors
    /// [`FrameError`] for anything that [`Frame::encode`] could not have written.
    pub fn decode(body: &'a [u8]) -> Result<Self, FrameError> {
        match body.split_first_chunk::<SPIKE_LENGTH>() {
            Some((spike, rest)) => Self::decode_spike(spike, rest),
            None => Self::decode_control(body),
        }
    }

    fn decode_spike(spike: &[u8; SPIKE_LENGTH], rest: &'a [u8]) -> Result<Self, FrameError> {
        let spike = Spike::from_bytes(spike)?;
        let Some(said) = length_beside(&spike)? else {
            return match rest.len() {
                0 => Ok(Self::Spike { spike, beside: &[] }),
                room => Err(FrameError::Payload { said: 0, room }),
            };
        };
        let Some((head, beside)) = rest.split_first_chunk::<PAYLOAD_HEAD>() else {
            return Err(FrameError::Payload { said, room: rest.len() });
        };
        let [p0, p1, p2, p3, c0, c1, c2, c3] = *head;
        let length = u32::from_le_bytes([p0, p1, p2, p3]);
        if length != said || length as usize != beside.len() {
            return Err(FrameError::Payload { said: length, room: beside.len() });
        }
        let (found, said) = (crc32c::crc32c(beside), u32::from_le_bytes([c0, c1, c2, c3]));
        if found != said {
            return Err(FrameError::Checksum { length: beside.len(), found, said });
        }
        Ok(Self::Spike { spike, beside })
    }

    fn decode_control(body: &'a [u8]) -> Result<Self, FrameError> {
        let (kind, length) = (body.first().copied().unwrap_or(0), body.len());
        let number = |at: usize| {
            let bytes = body.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        match (kind, length) {
            (HELLO, HELLO_LENGTH) => {
                let found = number(4).to_le_bytes();
                if found != MAGIC {
                    return Err(FrameError::Magic { found });
                }
                if body[1] != VERSION {
                    return Err(FrameError::Version { found: body[1] });
                }
                if body[2..4] != [0, 0] {
                    return Err(FrameError::Reserved { kind });
                }
                let [id, known, received, first] = [12, 20, 28, 36].map(number);
                if id == 0 {
                    return Err(FrameError::Nobody);
                }
                Ok(Self::Hello(Hello { id, known, received, first }))
            }
            (ACK | BYE, CONTROL_LENGTH) if body[1..4] != [0, 0, 0] => {
                Err(FrameError::Reserved { kind })
            }
            (ACK, CONTROL_LENGTH) => Ok(Self::Ack(number(4))),
            (BYE, CONTROL_LENGTH) => Ok(Self::Bye(number(4))),
            _ => Err(FrameError::Control { kind, length }),
        }
    }

    /// Appends the whole frame, its length in front. The spike is one that a
    /// [`Parcel`](neuronbus::transport::Parcel) holds.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Spike { spike, beside } => {
                let (head, length) = spike_head(spike, Some(beside));
                out.extend_from_slice(&head[..length]);
                out.extend_from_slice(beside);
            }
            Self::Hello(hello) => out.extend_from_slice(&hello.encode()),
            Self::Ack(received) => out.extend_from_slice(&control(ACK, *received)),
            Self::Bye(sent) => out.extend_from_slice(&control(BYE, *sent)),
        }
    }
}

impl Hello {
    /// The whole frame.
    #[must_use]
    pub fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..4].copy_from_slice(&(HELLO_LENGTH as u32).to_le_bytes());
        bytes[4..6].copy_from_slice(&[HELLO, VERSION]);
        bytes[8..16].copy_from_slice(&MAGIC);
        let numbers = [self.id, self.known, self.received, self.first];
        for (place, number) in bytes[16..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// A whole ack.
pub(crate) fn ack(received: u64) -> [u8; CONTROL_BYTES] {
    control(ACK, received)
}

/// A whole bye.
pub(crate) fn bye(sent: u64) -> [u8; CONTROL_BYTES] {
    control(BYE, sent)
}

fn control(kind: u8, number: u64) -> [u8; CONTROL_BYTES] {
    let mut bytes = [0; CONTROL_BYTES];
    bytes[..4].copy_from_slice(&(CONTROL_LENGTH as u32).to_le_bytes());
    bytes[4] = kind;
    bytes[8..].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Everything of a spike's frame that stands before its payload, and how many bytes that is.
pub(crate) fn spike_head(spike: &Spike, beside: Option<&[u8]>) -> ([u8; BESIDE_BYTES], usize) {
    let mut bytes = [0; BESIDE_BYTES];
    bytes[LENGTH_BYTES..SPIKE_FRAME_BYTES].copy_from_slice(spike.as_bytes());
    let Some(payload) = beside.filter(|_| spike.arena_ref().is_some()) else {
        bytes[..4].copy_from_slice(&(SPIKE_LENGTH as u32).to_le_bytes());
        return (bytes, SPIKE_FRAME_BYTES);
    };
    let length = (SPIKE_LENGTH + PAYLOAD_HEAD + payload.len()) as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[68..72].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes[72..].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    (bytes, BESIDE_BYTES)
}

/// Cuts a stream of bytes, in whatever pieces it comes, into frames.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The beginning of a frame whose rest has not come.
    partial: Vec<u8>,
}

/// Whether a frame was taken; one that was not is offered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was.
    Yes,
    /// There is no room for it now.
    NotNow,
}

impl Decoder {
    /// A decoder at the beginning of a stream, for payloads of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, partial: Vec::new() }
    }

    /// A new stream begins.
    pub fn reset(&mut self) {
        self.partial.clear();
    }

    /// Hands out the frames that are complete with these bytes, each with all of its bytes, and says how many of the
    /// bytes were used up: all, unless a frame was not taken.
    ///
    /// # Errors
    /// The first frame that is refused, or what `take` says; the stream has no meaning from there on.
    pub fn feed<E: From<FrameError>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Frame<'_>, &[u8]) -> Result<Taken, E>,
    ) -> Result<usize, E> {
        let mut used = 0;
        // bound: each round uses up bytes, or ends
        loop {
            if !self.partial.is_empty() {
                used += self.top_up(&bytes[used..])?;
                let Some(length) = whole(&self.partial, self.limit)? else { return Ok(used) };
                let frame = &self.partial[..length];
                if take(Frame::decode(&frame[LENGTH_BYTES..])?, frame)? == Taken::NotNow {
                    return Ok(used);
                }
                self.partial.clear();
            }
            let rest = &bytes[used..];
            let Some(length) = whole(rest, self.limit)? else {
                self.partial.extend_from_slice(rest);
                return Ok(bytes.len());
            };
            let frame = &rest[..length];
            if take(Frame::decode(&frame[LENGTH_BYTES..])?, frame)? == Taken::NotNow {
                return Ok(used);
            }
            used += length;
            if used == bytes.len() {
                return Ok(used);
            }
        }
    }

    /// Moves bytes to the partial frame until it is whole; how many.
    fn top_up(&mut self, bytes: &[u8]) -> Result<usize, FrameError> {
        let mut used = 0;
        if self.partial.len() < LENGTH_BYTES {
            used = bytes.len().min(LENGTH_BYTES - self.partial.len());
            self.partial.extend_from_slice(&bytes[..used]);
        }
        let Some(length) = announced(&self.partial, self.limit)? else { return Ok(used) };
        // What is said is checked, but room is only made for what has come.
        let more = (bytes.len() - used).min(length - self.partial.len());
        self.partial.extend_from_slice(&bytes[used..used + more]);
        Ok(used + more)
    }
}

/// The length of the whole frame that bytes begin with, if they say it yet.
fn announced(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(prefix) = bytes.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    Ok(Some(LENGTH_BYTES + check_length(*prefix, limit)?))
}

/// The same, if all of it is there.
fn whole(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    Ok(announced(bytes, limit)?.filter(|&length| length <= bytes.len()))
}
