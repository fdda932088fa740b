//! The timing wheel: spikes under way, by the tick they arrive in.
//!
//! A slot is a list through one pool of nodes, so no slot owns memory and the steady path allocates nothing. Arrivals
//! of one tick come out in the order they went in, which is the order of firing.

/// A spike on its way to the synapses of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) segment: u32,
    pub(crate) flight: u32,
    /// One target only, or [`BROADCAST`](crate::spike::BROADCAST).
    pub(crate) only: u16,
    /// It has met a refractory target before: its synapse has learned from it already.
    pub(crate) deferred: bool,
}

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    arrival: Arrival,
    next: u32,
}

#[derive(Debug)]
pub(crate) struct Wheel {
    heads: Vec<u32>,
    tails: Vec<u32>,
    /// One bit a slot: whether anything waits in it.
    occupied: Vec<u64>,
    pool: Vec<Node>,
    free: u32,
    waiting: usize,
    /// What arrives in tick `soon_tick`, and was sent in the tick before: the usual delay needs no slot.
    soon: Vec<Arrival>,
    soon_tick: u64,
    /// How much of `soon` has been taken out.
    taken: usize,
}

impl Wheel {
    /// A wheel for delays up to `span` ticks.
    pub(crate) fn new(span: u64) -> Self {
        let slots = (span as usize + 1).next_power_of_two().max(64);
        Self {
            heads: vec![NONE; slots],
            tails: vec![NONE; slots],
            occupied: vec![0; slots / 64],
            pool: Vec::new(),
            free: NONE,
            waiting: 0,
            soon: Vec::new(),
            soon_tick: 0,
            taken: 0,
        }
    }

    /// Everything that arrives in a tick has been taken out; what is sent from now on arrives after it.
    #[inline]
    pub(crate) fn turn(&mut self, tick: u64) {
        debug_assert!(self.taken == self.soon.len(), "a tick is taken out whole");
        self.soon.clear();
        self.taken = 0;
        self.soon_tick = tick + 1;
    }

    /// Goes on with a run whose next tick is this one; nothing is under way yet.
    pub(crate) fn resume(&mut self, next: u64) {
        self.soon_tick = next;
    }

    /// Whether something that arrives in a tick can be put in, if the next tick is this one.
    pub(crate) fn reaches(&self, tick: u64, next: u64) -> bool {
        tick.checked_sub(next).is_some_and(|ahead| ahead < self.heads.len() as u64)
    }

    #[inline]
    fn slot(&self, tick: u64) -> usize {
        tick as usize & (self.heads.len() - 1)
    }

    /// Makes room for delays up to `span`; `now` is the last tick that was taken out.
    pub(crate) fn widen(&mut self, span: u64, now: u64) {
        if span < self.heads.len() as u64 {
            return;
        }
        let mut wider = Self::new(span);
        for tick in now..now + self.heads.len() as u64 {
            while let Some(arrival) = self.pop(tick) {
                wider.push(tick, arrival);
            }
        }
        *self = wider;
    }

    /// Puts an arrival into a tick that is at most the span ahead.
    ///
    /// Within a tick, what was sent longer ago comes first: `soon` holds only what was sent last.
    #[inline]
    pub(crate) fn push(&mut self, tick: u64, arrival: Arrival) {
        if tick == self.soon_tick {
            self.soon.push(arrival);
        } else {
            self.push_slot(tick, arrival);
        }
    }

    fn push_slot(&mut self, tick: u64, arrival: Arrival) {
        let slot = self.slot(tick);
        let node = Node { arrival, next: NONE };
        let index = if self.free == NONE {
            self.pool.push(node);
            (self.pool.len() - 1) as u32
        } else {
            let index = self.free;
            self.free = self.pool[index as usize].next;
            self.pool[index as usize] = node;
            index
        };
        if self.heads[slot] == NONE {
            self.heads[slot] = index;
            self.occupied[slot / 64] |= 1 << (slot % 64);
        } else {
            self.pool[self.tails[slot] as usize].next = index;
        }
        self.tails[slot] = index;
        self.waiting += 1;
    }

    /// Takes out the next spike that arrives in a tick.
    #[inline]
    pub(crate) fn pop(&mut self, tick: u64) -> Option<Arrival> {
        if self.waiting == 0 {
            return self.pop_soon(tick);
        }
        let slot = self.slot(tick);
        let index = self.heads[slot];
        if index == NONE {
            return self.pop_soon(tick);
        }
        let node = &mut self.pool[index as usize];
        let (arrival, next) = (node.arrival, node.next);
        node.next = self.free;
        self.free = index;
        self.heads[slot] = next;
        if next == NONE {
            self.occupied[slot / 64] &= !(1 << (slot % 64));
        }
        self.waiting -= 1;
        Some(arrival)
    }

    /// Takes out the next spike that arrives in a tick, if it arrives at this segment.
    #[inline]
    pub(crate) fn pop_at(&mut self, tick: u64, segment: u32) -> Option<Arrival> {
        let index = self.heads[self.slot(tick)];
        let next = if index != NONE {
            self.pool[index as usize].arrival
        } else if tick == self.soon_tick {
            *self.soon.get(self.taken)?
        } else {
            return None;
        };
        if next.segment == segment { self.pop(tick) } else { None }
    }

    #[inline]
    fn pop_soon(&mut self, tick: u64) -> Option<Arrival> {
        if tick != self.soon_tick {
            return None;
        }
        let arrival = self.soon.get(self.taken).copied()?;
        self.taken += 1;
        Some(arrival)
    }

    /// The first tick from `from` on in which something arrives.
    pub(crate) fn next(&self, from: u64) -> Option<u64> {
        // What was sent last arrives first.
        if self.taken < self.soon.len() {
            return Some(self.soon_tick);
        }
        if self.waiting == 0 {
            return None;
        }
        let first = self.slot(from);
        let words = self.occupied.len();
        for step in 0..=words {
            let index = (first / 64 + step) % words;
            let mut word = self.occupied[index];
            if step == 0 {
                word &= u64::MAX << (first % 64);
            } else if step == words {
                word &= !(u64::MAX << (first % 64));
            }
            if word != 0 {
                let slot = index * 64 + word.trailing_zeros() as usize;
                let ahead = slot.wrapping_sub(first) & (self.heads.len() - 1);
                return Some(from + ahead as u64);
            }
        }
        None
    }

    /// Everything that waits, by tick and order, for the digest.
    pub(crate) fn each(&self, from: u64, mut visit: impl FnMut(u64, &Arrival)) {
        for tick in from..from + self.heads.len() as u64 {
            let mut index = self.heads[self.slot(tick)];
            while index != NONE {
                let node = &self.pool[index as usize];
                visit(tick, &node.arrival);
                index = node.next;
            }
            if tick == self.soon_tick {
                self.soon[self.taken..].iter().for_each(|arrival| visit(tick, arrival));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(flight: u32) -> Arrival {
        Arrival { segment: 0, flight, only: 0, deferred: false }
    }

    #[test]
    fn arrivals_come_out_in_their_tick_and_in_order_while_the_wheel_widens() {
        let mut wheel = Wheel::new(10);
        let mut expected = std::collections::BTreeMap::<u64, Vec<u32>>::new();
        let mut id = 0;
        for now in 0..1_000u64 {
            if now == 500 {
                wheel.widen(4_000, now);
            }
            assert_eq!(wheel.next(now), expected.keys().next().copied(), "at {now}");
            let mut got = Vec::new();
            while let Some(arrival) = wheel.pop(now) {
                got.push(arrival.flight);
            }
            wheel.turn(now);
            assert_eq!(got, expected.remove(&now).unwrap_or_default(), "at {now}");
            for k in 0..3 {
                let delay =
                    1 + crate::math::random(1, k, now, 0) % if now < 500 { 60 } else { 4_000 };
                if !delay.is_multiple_of(3) {
                    wheel.push(now + delay, arrival(id));
                    expected.entry(now + delay).or_default().push(id);
                    id += 1;
                }
            }
            let mut waiting = Vec::new();
            wheel.each(now + 1, |tick, arrival| waiting.push((tick, arrival.flight)));
            let all =
                expected.iter().flat_map(|(&tick, ids)| ids.iter().map(move |&id| (tick, id)));
            assert_eq!(waiting, all.collect::<Vec<_>>());
        }
    }
}
