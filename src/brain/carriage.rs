//! Both ends of a ring with its arena: spikes with payloads of any size, from one process to others.
//!
//! The writer alone writes the arena. It lets a block go when every reader is done with the spike that names it, which
//! the readers' cursors say; so a reader counts nothing and can leave nothing behind, however it ends. Readers copy
//! payloads through atomic words, and what was overwritten meanwhile is refused.

use std::collections::VecDeque;

use crate::arena::{Arena, ArenaError, ArenaUsage, TrustedWriters};
use crate::axon::{
    Axon, AxonError, AxonFull, AxonHub, AxonReader, AxonTap, Outcome, Overflow, Tapped,
};
use crate::spike::{ArenaRef, INLINE_MAX, Spike};

/// The longest row of spikes that stand for nothing: a ring full of them.
const VOIDS_MAX: u32 = 1 << 26;

/// The writing end.
#[derive(Debug)]
pub(crate) struct Outgoing {
    axon: Axon,
    arena: Arena,
    /// The blocks that somebody may still read, and the positions of their spikes.
    pending: VecDeque<(u64, ArenaRef)>,
}

/// Why a spike was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// The slowest reader is a whole ring behind.
    Full,
    /// The payload finds no room, or never can.
    Arena(ArenaError),
}

impl Outgoing {
    /// Becomes the writer of a ring whose last one is gone, and goes on with what its readers have yet to read.
    pub(crate) fn take_over(hub: &AxonHub, arena: Arena) -> Result<Self, AxonError> {
        let axon = hub.writer()?;
        let (slowest, end) = hub.span();
        let block = |position| Some((position, hub.peek(position)?.arena_ref()?));
        let pending: VecDeque<_> = (slowest..end).filter_map(block).collect();
        let live: Vec<ArenaRef> = pending.iter().map(|&(_, place)| place).collect();
        arena.recover(&live);
        Ok(Self { axon, arena, pending })
    }

    pub(crate) fn axon(&self) -> &Axon {
        &self.axon
    }

    /// Publishes a spike as it is; it carries its payload itself.
    #[inline]
    pub(crate) fn pass_on(
        &mut self,
        spike: &Spike,
        overflow: Overflow,
    ) -> Result<Outcome, AxonFull> {
        self.axon.publish_with(spike, overflow)
    }

    /// Publishes a spike with a payload of any size.
    pub(crate) fn send(
        &mut self,
        spike: Spike,
        payload: &[u8],
        overflow: Overflow,
    ) -> Result<Outcome, Unsent> {
        if payload.len() <= INLINE_MAX
            && let Ok(spike) = spike.with_inline(payload)
        {
            return self.axon.publish_with(&spike, overflow).map_err(|_| Unsent::Full);
        }
        self.send_large(spike, payload, overflow)
    }

    fn send_large(
        &mut self,
        spike: Spike,
        payload: &[u8],
        overflow: Overflow,
    ) -> Result<Outcome, Unsent> {
        self.let_go();
        if overflow == Overflow::Defer && self.axon.room() == 0 {
            // Before the payload is copied for nothing.
            return Err(Unsent::Full);
        }
        let place = self.arena.write(payload).map_err(Unsent::Arena)?;
        let position = self.axon.position();
        let outcome = self.axon.publish_with(&spike.with_arena(place), overflow);
        if matches!(outcome, Ok(Outcome::Published | Outcome::Shed)) {
            self.pending.push_back((position, place));
        } else {
            // What was just written is there; that it is gone again is all that matters.
            let _ = self.arena.release(place);
        }
        outcome.map_err(|_| Unsent::Full)
    }

    pub(crate) fn usage(&self) -> ArenaUsage {
        self.arena.usage()
    }

    /// Lets the blocks go that every reader is done with.
    pub(crate) fn let_go(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let passed = self.axon.passed();
        while let Some(&(position, place)) = self.pending.front()
            && position < passed
        {
            // A file that was damaged may not know the block any more.
            let _ = self.arena.release(place);
            self.pending.pop_front();
        }
    }
}

/// What came with a spike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// A spike, whose payload was copied.
    Spike(Spike),
    /// A spike whose payload cannot be had.
    Torn(Spike),
    /// Something that is no spike.
    Refused,
    /// Nothing.
    Nothing,
}

/// Copies what a spike carries; what it is then.
fn carry(spike: Spike, arena: &Arena, payload: &mut Vec<u8>) -> Arrived {
    payload.clear();
    if spike.check().is_err() {
        return Arrived::Refused;
    }
    match spike.arena_ref() {
        None => payload.extend_from_slice(spike.carried()),
        Some(place) if arena.peek(place, payload).is_err() => return Arrived::Torn(spike),
        Some(_) => {}
    }
    Arrived::Spike(spike)
}

/// A reading end that the writer waits for.
#[derive(Debug)]
pub(crate) struct Incoming {
    reader: AxonReader,
    arena: Arena,
}

impl Incoming {
    pub(crate) const fn new(reader: AxonReader, arena: Arena) -> Self {
        Self { reader, arena }
    }

    /// The next spike, which is then passed; its payload replaces the contents of the vector.
    #[inline]
    pub(crate) fn next(&mut self, payload: &mut Vec<u8>) -> Arrived {
        let arrived = self.front(payload);
        if arrived != Arrived::Nothing {
            self.pass();
        }
        arrived
    }

    /// Is done with the spike that `front` gave: from here on the writer may let its payload go.
    #[inline]
    pub(crate) fn pass(&mut self) {
        self.reader.pass();
    }

    /// The next spike, which stays the next; its payload replaces the contents of the vector.
    #[inline]
    pub(crate) fn front(&mut self, payload: &mut Vec<u8>) -> Arrived {
        // bound: a dead writer left at most a ring of these
        for _ in 0..VOIDS_MAX {
            let Some(spike) = self.reader.front() else { return Arrived::Nothing };
            // What a dead writer left half published is nobody's spike and no refusal.
            if !spike.is_void() {
                return carry(spike, &self.arena, payload);
            }
            self.reader.pass();
        }
        Arrived::Nothing
    }

    /// Shows the next spike and its payload where that lies, and passes it.
    pub(crate) fn look<R>(
        &mut self,
        trust: TrustedWriters,
        look: impl FnOnce(&Spike, &[u8]) -> R,
    ) -> Looked<R> {
        // bound: as in `front`
        for _ in 0..VOIDS_MAX {
            let Some(spike) = self.reader.front() else { return Looked::Nothing };
            let looked = match spike.arena_ref() {
                _ if spike.is_void() => {
                    self.pass();
                    continue;
                }
                _ if spike.check().is_err() => Looked::Refused,
                None => Looked::Seen(look(&spike, spike.carried())),
                Some(place) => match self.arena.look(place, trust, |bytes| look(&spike, bytes)) {
                    Ok(seen) => Looked::Seen(seen),
                    Err(error) => Looked::Torn(error),
                },
            };
            self.pass();
            return looked;
        }
        Looked::Nothing
    }

    pub(crate) fn is_cut_short(&self) -> bool {
        self.arena.is_cut_short()
    }

    pub(crate) fn reader(&self) -> &AxonReader {
        &self.reader
    }

    pub(crate) fn reader_mut(&mut self) -> &mut AxonReader {
        &mut self.reader
    }

    /// Ends without letting the place go, for the one who will go on here.
    pub(crate) fn leave(self) {
        self.reader.leave();
    }
}

/// What came of looking at a spike in place.
#[derive(Debug)]
pub(crate) enum Looked<R> {
    /// What the look gave.
    Seen(R),
    /// Its payload cannot be had, or was overwritten while it was looked at.
    Torn(ArenaError),
    /// Something that is no spike.
    Refused,
    /// Nothing.
    Nothing,
}

/// A reading end that the writer does not know of.
#[derive(Debug)]
pub(crate) struct Overhearing {
    tap: AxonTap,
    arena: Arena,
}

impl Overhearing {
    pub(crate) const fn new(tap: AxonTap, arena: Arena) -> Self {
        Self { tap, arena }
    }

    /// The next spike, or how many were lost before it.
    pub(crate) fn next(&mut self, payload: &mut Vec<u8>) -> Result<Arrived, u64> {
        match self.tap.poll() {
            Tapped::Empty => Ok(Arrived::Nothing),
            Tapped::Spike(spike) => Ok(carry(spike, &self.arena, payload)),
            Tapped::Lost(lost) => Err(lost),
        }
    }

    pub(crate) fn tap_mut(&mut self) -> &mut AxonTap {
        &mut self.tap
    }
}
