//! What costs nothing but the hardware.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use neuronbus::spike::Spike;

use super::{Receiver, Ring, Sender, check, message};

/// One thread's queue without any synchronisation, both ends in one.
#[derive(Debug)]
pub struct Deque(VecDeque<Spike>);

impl Deque {
    /// An empty queue with room.
    #[must_use]
    pub fn of(slots: usize) -> Self {
        Self(VecDeque::with_capacity(slots))
    }

    /// Puts so many messages in and takes them out again.
    #[inline(always)]
    pub fn pass(&mut self, from: u64, count: u64) {
        for number in from..from + count {
            self.0.push_back(message(number));
        }
        for number in from..from + count {
            let spike = self.0.pop_front();
            check(&spike.expect("what was put in"), number);
        }
    }
}

/// What the hardware allows: one slot of 64 bytes and nothing around it.
#[derive(Debug)]
pub struct RawSlot;

#[derive(Debug)]
#[repr(align(128))]
struct Line([AtomicU64; 8]);

/// An end of [`RawSlot`].
#[derive(Debug)]
pub struct RawEnd(Arc<Line>);

impl Ring for RawSlot {
    const NAME: &'static str = "one raw slot";
    type Sender = RawEnd;
    type Receiver = RawEnd;

    fn of(_: usize) -> (RawEnd, RawEnd) {
        let line = Arc::new(Line(std::array::from_fn(|_| AtomicU64::new(u64::MAX))));
        (RawEnd(Arc::clone(&line)), RawEnd(line))
    }
}

impl Sender for RawEnd {
    /// Always fits: for ping-pong only, where the other end has read before.
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        let words = message(number).to_words();
        let line = &self.0.0;
        for (cell, word) in line[1..].iter().zip(&words[1..]) {
            cell.store(*word, Ordering::Relaxed);
        }
        line[0].store(words[0], Ordering::Release);
        true
    }

    fn send_batch(&mut self, from: u64) -> u64 {
        u64::from(self.send(from))
    }
}

impl Receiver for RawEnd {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        let line = &self.0.0;
        let first = line[0].load(Ordering::Acquire);
        if first != number {
            return false;
        }
        let words =
            std::array::from_fn(|i| if i == 0 { first } else { line[i].load(Ordering::Relaxed) });
        check(&Spike::from_words(words), number);
        true
    }

    fn receive_batch(&mut self, from: u64) -> u64 {
        u64::from(self.receive(from))
    }
}
