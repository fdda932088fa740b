//! What is promised when all are idle, as small programs that are run in every order.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use loom::thread;

use crate::axon::Idleness;

/// A way for one slot that orders nothing but the slot: an axon's fences would hide what the marks do not order.
type Way = Arc<AtomicU64>;

fn send(way: &Way, idleness: &Idleness) {
    idleness.will_publish(1);
    way.store(1, Release);
}

/// Has nothing to do until a slot comes, and answers it.
fn answer(there: &Way, back: &Way, idleness: &Idleness) {
    idleness.be_idle(true);
    while there.load(Acquire) == 0 {
        thread::yield_now();
    }
    idleness.be_idle(false);
    idleness.has_taken(1);
    send(back, idleness);
    idleness.be_idle(true);
}

pub(crate) fn all_are_idle_only_when_the_answer_has_been_taken_in() {
    let (there, back) = (Way::default(), Way::default());
    let [first, other] = <[_; 2]>::try_from(Idleness::of(2)).unwrap();
    let answering = {
        let (there, back) = (there.clone(), back.clone());
        thread::spawn(move || answer(&there, &back, &other))
    };
    send(&there, &first);
    let mut taken = false;
    while !first.are_others_idle() {
        if !taken && back.load(Acquire) == 1 {
            taken = true;
            first.has_taken(1);
        } else {
            thread::yield_now();
        }
    }
    assert!(taken, "something was on its way");
    answering.join().unwrap();
}
