//! What writers that meet promise, as small programs that are run in every order.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use loom::thread;

use crate::axon::{Axon, Meeting};
use crate::spike::Spike;

/// The end marks have these numbers, by stretch.
const ENDS: [u64; 2] = [100, 101];

fn is_end(slot: &Spike) -> bool {
    slot.number() >= ENDS[0]
}

/// Publishes the slots, reading the other while there is no room.
fn publish(meeting: &mut Meeting, slots: &[Spike]) {
    let mut left = slots;
    while !left.is_empty() {
        left = &left[meeting.publish(left)..];
        if !left.is_empty() && meeting.absorb(is_end) == 0 {
            thread::yield_now();
        }
    }
    meeting.wake();
}

/// Two stretches, of so many slots and an end mark each; checks what the other one published in each.
fn meet_twice(mut meeting: Meeting, own: &[u64], others: &[u64]) {
    for end in ENDS {
        let mut slots: Vec<Spike> = own.iter().map(|&n| Spike::numbered(n)).collect();
        slots.push(Spike::numbered(end));
        publish(&mut meeting, &slots);
        while meeting.missing().is_some() {
            if meeting.absorb(is_end) == 0 {
                thread::yield_now();
            }
        }
        let ends: Vec<u64> = meeting.take_ends().map(|end| end.number()).collect();
        assert_eq!(ends, [end], "nobody is a stretch ahead");
        let heard: Vec<u64> = meeting.stretch(0).drain(..).map(|slot| slot.number()).collect();
        assert_eq!(heard, others, "a stretch is what was published between two end marks");
    }
}

fn two_meet(slots: usize, own: &'static [u64], others: &'static [u64]) {
    let (a, b) = (Axon::with_readers(slots, 1).unwrap(), Axon::with_readers(slots, 1).unwrap());
    let (of_a, of_b) = (a.reader().unwrap(), b.reader().unwrap());
    let other = thread::spawn(move || meet_twice(Meeting::new(b, vec![of_a]), others, own));
    meet_twice(Meeting::new(a, vec![of_b]), own, others);
    other.join().unwrap();
}

pub(crate) fn two_that_meet_read_stretch_for_stretch() {
    two_meet(4, &[1], &[]);
}

pub(crate) fn two_that_are_full_do_not_hold_each_other_up() {
    two_meet(1, &[1], &[2]);
}
