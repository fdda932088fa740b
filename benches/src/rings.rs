//! The rings that are compared, each used as its own documentation shows, all carrying the same 64 bytes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use disruptor::{
    BusySpin, EventPoller, Producer as _, SingleConsumerBarrier, SingleProducer,
    SingleProducerBarrier, build_single_producer,
};
use neuronbus::axon::{Axon, AxonReader};
use neuronbus::spike::Spike;

/// How many messages a batch has.
pub const BATCH: usize = 64;

/// Folds the words before the last one, one after the other: a sum would be computed in wide registers, whose loads
/// wait for the narrow stores just before them, and the wait would be what is measured.
#[inline(always)]
fn fold(words: &[u64; 7]) -> u64 {
    words.iter().fold(0, |sum: u64, word| sum.rotate_left(5) ^ word)
}

/// Whether messages are short from now on: a payload of 14 bytes, as most spikes have, instead of 46.
pub fn set_short(short: bool) {
    SHORT.store(short, Ordering::Relaxed);
}

static SHORT: AtomicBool = AtomicBool::new(false);

#[inline(always)]
fn short_words(number: u64) -> [u64; 8] {
    const TAG: u64 = 14 << 2;
    let (b, c) = (number as u32 as u64, TAG | number << 16);
    [number, b, c, fold(&[number, b, c, 0, 0, 0, 0]), 0, 0, 0, 0]
}

/// The message with a number: a valid spike, of 46 bytes unless [`set_short`] says otherwise, its last word folded from
/// the others.
#[inline(always)]
#[must_use]
pub fn message(number: u64) -> Spike {
    if SHORT.load(Ordering::Relaxed) {
        return Spike::from_words(short_words(number));
    }
    const TAG: u64 = 46 << 2;
    let words = [number, number as u32 as u64, TAG | number << 16, number, !number, number, number];
    let sum = fold(&words);
    let [a, b, c, d, e, f, g] = words;
    Spike::from_words([a, b, c, d, e, f, g, sum])
}

/// Demands that a message has a number and is whole.
///
/// # Panics
/// If not.
#[inline(always)]
pub fn check(spike: &Spike, number: u64) {
    let [a, b, c, d, e, f, g, sum] = spike.to_words();
    let whole = if SHORT.load(Ordering::Relaxed) {
        d == fold(&[a, b, c, 0, 0, 0, 0]) && e | f | g | sum == 0
    } else {
        sum == fold(&[a, b, c, d, e, f, g])
    };
    assert!(a == number && whole, "message {number} is not whole");
}

/// A sender that is given its batches as slices, with the slice that a producer fills.
#[derive(Debug)]
pub struct Slicing<S> {
    sender: S,
    batch: Box<[Spike]>,
}

impl<S> Slicing<S> {
    fn new(sender: S) -> Self {
        Self { sender, batch: vec![message(0); BATCH].into() }
    }

    #[inline(always)]
    fn fill(&mut self, from: u64) {
        for (number, spike) in (from..).zip(&mut self.batch) {
            *spike = message(number);
        }
    }
}

/// The end that messages go into.
pub trait Sender: Send {
    /// Sends one message, if it fits.
    fn send(&mut self, number: u64) -> bool;
    /// Sends the [`BATCH`] messages from a number on, or as many as fit; how many.
    fn send_batch(&mut self, from: u64) -> u64;
}

/// The end that messages come out of.
pub trait Receiver: Send {
    /// Receives and checks one message, if there is one.
    fn receive(&mut self, number: u64) -> bool;
    /// Receives and checks up to [`BATCH`] messages from a number on; how many.
    fn receive_batch(&mut self, from: u64) -> u64;
}

/// A kind of ring.
pub trait Ring {
    /// As it is printed.
    const NAME: &'static str;
    /// Its sending end.
    type Sender: Sender;
    /// Its receiving end.
    type Receiver: Receiver;
    /// A ring of so many slots.
    fn of(slots: usize) -> (Self::Sender, Self::Receiver);
}

/// Ours.
#[derive(Debug)]
pub struct OurAxon;

impl Ring for OurAxon {
    const NAME: &'static str = "axon";
    type Sender = Slicing<Axon>;
    type Receiver = AxonReader;

    fn of(slots: usize) -> (Slicing<Axon>, AxonReader) {
        let axon = Axon::anonymous(slots).expect("a power of two");
        let reader = axon.reader().expect("the first reader");
        (Slicing::new(axon), reader)
    }
}

impl Sender for Slicing<Axon> {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        self.sender.publish(&message(number)).is_ok()
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        self.fill(from);
        self.sender.publish_batch(&self.batch) as u64
    }
}

impl Receiver for AxonReader {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        self.try_read().inspect(|spike| check(spike, number)).is_some()
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        let mut number = from;
        self.drain(BATCH, |spike| {
            check(spike, number);
            number += 1;
        });
        number - from
    }
}

/// rtrb, a single-producer single-consumer queue.
#[derive(Debug)]
pub struct Rtrb;

impl Ring for Rtrb {
    const NAME: &'static str = "rtrb";
    type Sender = Slicing<rtrb::Producer<Spike>>;
    type Receiver = rtrb::Consumer<Spike>;

    fn of(slots: usize) -> (Self::Sender, Self::Receiver) {
        let (producer, consumer) = rtrb::RingBuffer::new(slots);
        (Slicing::new(producer), consumer)
    }
}

impl Sender for Slicing<rtrb::Producer<Spike>> {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        self.sender.push(message(number)).is_ok()
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        self.fill(from);
        let (_, left) = self.sender.push_partial_slice(&self.batch);
        (BATCH - left.len()) as u64
    }
}

impl Receiver for rtrb::Consumer<Spike> {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        self.pop().inspect(|spike| check(spike, number)).is_ok()
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        let waiting = self.slots().min(BATCH);
        let Ok(chunk) = self.read_chunk(waiting) else { return 0 };
        let (one, two) = chunk.as_slices();
        for (number, spike) in (from..).zip(one.iter().chain(two)) {
            check(spike, number);
        }
        chunk.commit_all();
        waiting as u64
    }
}

/// disruptor with a poller.
#[derive(Debug)]
pub struct Disruptor;

/// The receiving end of [`Disruptor`].
pub struct DisruptorReceiver(EventPoller<Spike, SingleProducerBarrier>);

impl std::fmt::Debug for DisruptorReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DisruptorReceiver").finish_non_exhaustive()
    }
}

impl Ring for Disruptor {
    const NAME: &'static str = "disruptor, poller";
    type Sender = SingleProducer<Spike, SingleConsumerBarrier>;
    type Receiver = DisruptorReceiver;

    fn of(slots: usize) -> (Self::Sender, Self::Receiver) {
        let builder = build_single_producer(slots, || message(0), BusySpin);
        let (poller, builder) = builder.new_event_poller();
        (builder.build(), DisruptorReceiver(poller))
    }
}

impl Sender for SingleProducer<Spike, SingleConsumerBarrier> {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        self.try_publish(|slot| *slot = message(number)).is_ok()
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        let sent = self.try_batch_publish(BATCH, |slots| {
            for (number, slot) in (from..).zip(slots) {
                *slot = message(number);
            }
        });
        if sent.is_ok() { BATCH as u64 } else { 0 }
    }
}

impl DisruptorReceiver {
    #[inline(always)]
    fn take(&mut self, from: u64, limit: u64) -> u64 {
        let mut number = from;
        if let Ok(mut spikes) = self.0.take(limit) {
            for spike in &mut spikes {
                check(spike, number);
                number += 1;
            }
        }
        number - from
    }
}

impl Receiver for DisruptorReceiver {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        self.take(number, 1) == 1
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        self.take(from, BATCH as u64)
    }
}

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
