//! A follower that runs freely: what its thread does, and the log of what it takes in.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::crew::Follower;
use super::free::{Book, When};
use super::port::Fallen;
use super::span::Beat;
use crate::cortex::worker::Worker;
use crate::pace::{Pace, Pacer, Stamp};
use crate::recorded::Recorded;

/// How far a run goes, and when its ticks are.
#[derive(Debug, Clone, Copy)]
pub(in crate::cortex) struct Course {
    /// The first tick that is not computed any more.
    pub(in crate::cortex) until: u64,
    /// By whose clock; as fast as possible without one.
    pub(in crate::cortex) clock: Option<(Pace, Pacer)>,
}

impl Course {
    /// The tick that a worker with nothing to do is in.
    pub(in crate::cortex) fn now(&self) -> u64 {
        match &self.clock {
            Some((Pace::OnDemand, pacer)) => pacer.elapsed_tick().min(self.until),
            _ => 0,
        }
    }

    /// The first tick that may not begin yet.
    fn limit(&self, next: u64) -> u64 {
        let begun = match &self.clock {
            // Tick follows tick while there is work.
            Some((Pace::OnDemand, pacer)) => pacer.elapsed_tick().max(next) + 1,
            Some((_, pacer)) => pacer.elapsed_tick() + 1,
            None => u64::MAX,
        };
        begun.min(self.until)
    }

    /// How long it is until a tick may begin; `None` if that is not up to the clock.
    fn wait(&self, due: Option<u64>) -> Option<Duration> {
        let due = due.filter(|&due| due < self.until)?;
        self.clock.as_ref().map(|(_, pacer)| pacer.until(due))
    }
}

/// What a follower takes in, on its way to the journal.
#[derive(Debug)]
pub(in crate::cortex) struct Log {
    bytes: Vec<u8>,
    full: Sender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

/// The journal's end of a [`Log`].
#[derive(Debug)]
pub(in crate::cortex) struct LogEnd {
    full: Receiver<Vec<u8>>,
    empty: Sender<Vec<u8>>,
}

/// A log of so many bytes goes to the journal at the latest.
const LOG_BYTES: usize = 1 << 15;

impl Log {
    pub(in crate::cortex) fn new() -> (Self, LogEnd) {
        let ((full, filled), (empty, emptied)) = (unbounded(), unbounded());
        let log = Self { bytes: Vec::new(), full, empty: emptied };
        (log, LogEnd { full: filled, empty })
    }

    /// Sends what is there to the journal, if it is so many bytes; whether it did.
    fn hand_over(&mut self, least: usize) -> bool {
        let is_due = self.bytes.len() >= least;
        if is_due {
            let next = self.empty.try_recv().unwrap_or_default();
            // The other end is gone with the cortex.
            let _ = self.full.send(std::mem::replace(&mut self.bytes, next));
        }
        is_due
    }
}

impl LogEnd {
    /// Visits what was handed over: each record's kind and body.
    pub(in crate::cortex) fn each(&self, mut visit: impl FnMut(u8, &[u8])) {
        while let Ok(mut bytes) = self.full.try_recv() {
            let mut rest = &bytes[..];
            while let Some((&[kind, a, b, c], behind)) = rest.split_first_chunk() {
                let length = u32::from_le_bytes([a, b, c, 0]) as usize;
                let (body, behind) = behind.split_at(length);
                visit(kind, body);
                rest = behind;
            }
            bytes.clear();
            // A follower that has fallen needs no memory any more.
            let _ = self.empty.send(bytes);
        }
    }
}

impl Book for Option<Log> {
    fn note(&mut self, heard: &Recorded<'_>) {
        let Some(log) = self else { return };
        let head = log.bytes.len();
        log.bytes.extend_from_slice(&[heard.code(), 0, 0, 0]);
        heard.write(&mut log.bytes);
        let [a, b, c, _] = ((log.bytes.len() - head - 4) as u32).to_le_bytes();
        log.bytes[head + 1..head + 4].copy_from_slice(&[a, b, c]);
    }
}

/// Counts ticks, and nothing else.
pub(in crate::cortex) struct Count<'a>(pub(in crate::cortex) &'a mut u64);

impl Beat for Count<'_> {
    fn ticked(&mut self, _: &mut Worker, _: Stamp) {
        *self.0 += 1;
    }

    fn halt(&mut self) -> bool {
        false
    }
}

impl Follower {
    /// Computes at its own speed, until the first worker says that it is time to rest.
    pub(super) fn roam(&mut self, course: Course) -> Result<(), Fallen> {
        self.port.free().rest = None;
        // bound: the first worker gives a rest at the end of each run, or falls
        let to = loop {
            let seen = self.port.free().bell().count();
            self.port.stands()?;
            self.take_in_by(&course);
            let (rest, due) = (self.port.free().rest, self.worker.next_due(self.next));
            let stalled = self.port.free().is_stalled();
            let limit = match rest {
                Some(to) => to,
                None if stalled => 0,
                None => course.limit(self.next),
            };
            if let Some(due) = due.filter(|&due| due < limit) {
                self.worker.tick(due, self.trace.as_mut(), &mut Count(&mut self.ticks));
                self.next = due + 1;
                self.worker.send_off(&mut self.port, self.next, &mut self.log)?;
                self.hand_over(LOG_BYTES);
                continue;
            }
            if let Some(to) = rest {
                break to;
            }
            self.hand_over(1);
            let idle = due.is_none_or(|due| due >= course.until);
            self.wait(seen, idle, course.wait(due).filter(|_| !stalled));
        };
        let Self { worker, port, trace, ticks, next, log, .. } = self;
        let rests = (*next, to);
        *next = worker.come_to_rest(port, rests, trace.as_mut(), &mut Count(ticks), log)?;
        self.hand_over(1);
        Ok(())
    }

    fn take_in_by(&mut self, course: &Course) {
        let due = self.worker.next_due(self.next).unwrap_or(u64::MAX);
        let tick = course.now().min(due).max(self.next);
        let moved = self.worker.take_in(&mut self.port, When { tick, due }, &mut self.log);
        self.next = moved.unwrap_or(self.next);
    }

    /// What was taken in goes to the journal, if there is one and it is so many bytes.
    fn hand_over(&mut self, least: usize) {
        if self.log.as_mut().is_some_and(|log| log.hand_over(least)) {
            self.port.free().ring_first();
        }
    }

    fn wait(&mut self, seen: u64, idle: bool, timeout: Option<Duration>) {
        let strait = self.port.free();
        if idle {
            strait.be_idle(true);
        }
        strait.bell().wait(seen, strait.wait, timeout);
        if idle {
            strait.be_idle(false);
        }
    }
}
