//! Gathers the lines of one tick before any of them is admitted.
//!
//! A gate that promises an admission at a tick must not hold that tick when it is asked for it. So a tick's lines are
//! handed on together, once no other can join them: a later line is known, the stream has ended, or none can come as
//! early. What is admitted when is then a function of the stream alone.

use neuronbus::pace::Stamp;
use neuronbus::time::{Tick, TickLength};

use crate::feed::{Dated, Ending, Feed, Next};
use crate::line_clock::LINE_NS;

/// Lines in one group at most. Further ones of the same tick follow in the next, so that a stream whose times stand
/// still needs no more memory than another.
const LINES_MAX: usize = 65_536;

/// The lines of the tick that comes next, in whatever form the thread hands them over.
#[derive(Debug)]
pub(crate) struct LineGroup<T> {
    lines: Vec<T>,
    tick: Tick,
    complete: bool,
    stamp: Option<Stamp>,
    /// The first line of the group after.
    next: Option<(T, Option<Stamp>)>,
    /// No line that is not here yet is in an earlier tick.
    floor: Tick,
}

/// What is known of the next group.
#[derive(Debug)]
pub(crate) enum Gathered {
    /// All of it is here, for this tick.
    Complete(Tick),
    /// More may come, but none for a tick before this one.
    Partial(Tick),
    /// There is none, and there will be none.
    Ended(Ending),
}

impl<T> Default for LineGroup<T> {
    fn default() -> Self {
        let tick = Tick::default();
        Self { lines: Vec::new(), tick, complete: false, stamp: None, next: None, floor: tick }
    }
}

impl<T: Dated> LineGroup<T> {
    /// Takes in what has come.
    pub(crate) fn gather(
        &mut self,
        feed: &mut impl Feed<Item = T>,
        length: TickLength,
    ) -> Gathered {
        while !self.complete {
            let (line, stamp) = match self.next.take() {
                Some(first) => first,
                None => match feed.next() {
                    Next::Here(line, stamp) => (line, stamp),
                    Next::Empty if self.is_closed() => break,
                    Next::Empty => return Gathered::Partial(self.floor),
                    Next::Ended(ending) if self.lines.is_empty() => return Gathered::Ended(ending),
                    Next::Ended(_) => break,
                },
            };
            self.add(line, stamp, length);
        }
        self.complete = true;
        Gathered::Complete(self.tick)
    }

    /// Whether no line that comes later can be in the same tick.
    fn is_closed(&self) -> bool {
        !self.lines.is_empty() && self.floor > self.tick
    }

    #[inline]
    fn add(&mut self, line: T, stamp: Option<Stamp>, length: TickLength) {
        let tick = length.tick_at(line.time_ns());
        if self.lines.is_empty() {
            self.tick = tick;
        } else if tick > self.tick {
            self.next = Some((line, stamp));
            self.complete = true;
            return;
        }
        let least = if line.is_shared() { 0 } else { LINE_NS };
        self.floor = length.tick_at(line.time_ns().saturating_add(least));
        self.stamp = self.stamp.or(stamp);
        self.lines.push(line);
        self.complete = self.lines.len() == LINES_MAX;
    }

    /// The lines of a complete group, and when the first of them was handed over if that is known; the group is empty
    /// after it.
    pub(crate) fn take(&mut self) -> (std::vec::Drain<'_, T>, Option<Stamp>) {
        self.complete = false;
        let stamp = self.stamp.take();
        (self.lines.drain(..), stamp)
    }
}
