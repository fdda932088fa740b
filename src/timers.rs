//! Timers: who is to be woken when, in the order it was asked for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::id::NeuronId;

/// Those of one tick that were asked for in the tick before.
#[derive(Debug, Default)]
struct Soon {
    tick: u64,
    who: Vec<(NeuronId, u32)>,
    /// How many of them have been taken out.
    taken: usize,
}

impl Soon {
    fn is_empty(&self) -> bool {
        self.taken == self.who.len()
    }
}

/// A heap by tick and order of asking, and beside it, in a list, who wants to be woken in each tick.
///
/// They keep their memory, so setting a timer allocates only while they grow.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(u64, u64, NeuronId, u32)>>,
    asked: u64,
    /// By the last bit of their tick: while those of one tick are taken out, those of the next are put in.
    soon: [Soon; 2],
}

impl Timers {
    pub(crate) fn set(&mut self, tick: u64, (id, cell): (NeuronId, u32)) {
        self.heap.push(Reverse((tick, self.asked, id, cell)));
        self.asked += 1;
    }

    /// The same for the tick after this one.
    ///
    /// Whoever asked for that tick earlier is in the heap, and comes first.
    #[inline]
    pub(crate) fn set_next(&mut self, now: u64, who: (NeuronId, u32)) {
        let tick = now.saturating_add(1);
        let soon = &mut self.soon[tick as usize & 1];
        if soon.tick != tick {
            if !soon.is_empty() {
                // Of a tick that was never computed: they are in no hurry.
                return self.set(tick, who);
            }
            soon.who.clear();
            (soon.tick, soon.taken) = (tick, 0);
        }
        soon.who.push(who);
    }

    /// The tick of the first timer.
    #[inline]
    pub(crate) fn next(&self) -> Option<u64> {
        let heap = self.heap.peek().map_or(u64::MAX, |&Reverse((tick, ..))| tick);
        let soon = |soon: &Soon| if soon.is_empty() { u64::MAX } else { soon.tick };
        let first = heap.min(soon(&self.soon[0])).min(soon(&self.soon[1]));
        (first != u64::MAX).then_some(first)
    }

    /// Takes out the first timer that is due by a tick: whose it is, and which cell's.
    #[inline]
    pub(crate) fn pop(&mut self, now: u64) -> Option<(NeuronId, u32)> {
        let first = self.next().filter(|&first| first <= now)?;
        if self.heap.peek().is_some_and(|&Reverse((tick, ..))| tick == first) {
            return self.heap.pop().map(|Reverse((_, _, id, cell))| (id, cell));
        }
        let soon = &mut self.soon[first as usize & 1];
        let who = soon.who.get(soon.taken).copied();
        soon.taken += 1;
        who
    }

    /// All timers by tick and order, for the digest.
    pub(crate) fn in_order(&self) -> Vec<(u64, NeuronId, u32)> {
        let mut heap: Vec<_> = self.heap.iter().map(|&Reverse(timer)| timer).collect();
        heap.sort_unstable();
        let heap = heap.into_iter().map(|(tick, _, id, cell)| (tick, id, cell));
        let soon = self.soon.iter().flat_map(|soon| {
            soon.who[soon.taken..].iter().map(|&(id, cell)| (soon.tick, id, cell))
        });
        let mut all: Vec<_> = heap.chain(soon).collect();
        // Stable: within a tick the heap comes first.
        all.sort_by_key(|&(tick, ..)| tick);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Timers of the next tick and later ones, mixed, come out by tick and then in the order of asking.
    #[test]
    fn whoever_asks_first_for_a_tick_is_woken_first_in_it() {
        let mut timers = Timers::default();
        let mut expected = std::collections::BTreeMap::<u64, Vec<u32>>::new();
        let id = NeuronId::new(7).unwrap();
        let mut asked = 0;
        for now in 0..2_000u64 {
            assert_eq!(timers.next(), expected.keys().next().copied(), "at {now}");
            let mut set = |timers: &mut Timers, call| {
                let after = 1 + crate::math::random(5, 0, now, call) % 3;
                match after {
                    1 => timers.set_next(now, (id, asked)),
                    _ => timers.set(now + after, (id, asked)),
                }
                expected.entry(now + after).or_default().push(asked);
                asked += 1;
            };
            // Some ask before the timers of their tick ring, some while they ring.
            set(&mut timers, 0);
            let all: Vec<_> = timers.in_order();
            let mut got = Vec::new();
            while let Some((_, cell)) = timers.pop(now) {
                got.push(cell);
                if got.len() == 1 {
                    set(&mut timers, 1);
                }
            }
            let due = all.iter().filter(|&&(tick, ..)| tick == now).map(|&(.., cell)| cell);
            assert_eq!(got, due.collect::<Vec<_>>(), "at {now}");
            assert_eq!(got, expected.remove(&now).unwrap_or_default(), "at {now}");
        }
    }
}
