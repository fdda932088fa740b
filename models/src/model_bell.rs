//! What a doorbell promises, as small programs that are run in every order.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::thread;

use crate::axon::{Doorbell, WaitStrategy};

pub(crate) fn a_ring_wakes_and_shows_the_work() {
    let bell = Arc::new(Doorbell::new());
    let work = Arc::new(AtomicU64::new(0));
    let waiting = {
        let (bell, work) = (Arc::clone(&bell), Arc::clone(&work));
        thread::spawn(move || {
            assert_eq!(bell.wait(0, WaitStrategy::Adaptive, None), 1);
            assert_eq!(work.load(Relaxed), 1, "work done before the ring is visible after it");
        })
    };
    work.store(1, Relaxed);
    bell.ring();
    waiting.join().unwrap();
}

pub(crate) fn every_waiter_is_woken() {
    let bell = Arc::new(Doorbell::new());
    let waiter = || {
        let bell = Arc::clone(&bell);
        thread::spawn(move || bell.wait(0, WaitStrategy::Adaptive, None))
    };
    let (first, second) = (waiter(), waiter());
    bell.ring();
    assert_eq!((first.join().unwrap(), second.join().unwrap()), (1, 1));
}

pub(crate) fn a_waiter_that_sleeps_again_is_woken_again() {
    let bell = Arc::new(Doorbell::new());
    let waiting = {
        let bell = Arc::clone(&bell);
        thread::spawn(move || {
            let mut seen = 0;
            while seen < 2 {
                seen = bell.wait(seen, WaitStrategy::Adaptive, None);
            }
        })
    };
    bell.ring();
    bell.ring();
    waiting.join().unwrap();
}
