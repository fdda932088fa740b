//! The rings that are compared, all carrying the same 64 bytes.

mod ours;
mod peers;
mod raw;

pub use ours::OurAxon;
pub use peers::{Crossbeam, Disruptor, Rtrb};
pub use raw::{Deque, RawSlot};

use std::sync::atomic::{AtomicBool, Ordering};

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
    type Sender: Sender + 'static;
    /// Its receiving end.
    type Receiver: Receiver + 'static;
    /// A ring of so many slots.
    fn of(slots: usize) -> (Self::Sender, Self::Receiver);
}

/// A kind of ring, or of rings, through which two receivers get every message.
pub trait Fan {
    /// What sends to both.
    type FanSender: Sender + 'static;
    /// A receiver.
    type FanReceiver: Receiver + 'static;
    /// A ring of so many slots with two receivers.
    fn fan_of(slots: usize) -> (Self::FanSender, [Self::FanReceiver; 2]);
}
