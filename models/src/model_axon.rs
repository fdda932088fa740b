//! What an axon promises, as small programs that are run in every order.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use loom::thread;

use crate::axon::{Axon, AxonReader, AxonTap, Overflow, Tapped};
use crate::spike::Spike;

fn axon(slots: usize, readers: usize) -> Axon {
    Axon::with_readers(slots, readers).unwrap()
}

/// Reads up to so many spikes, which must be numbered on from `next` without a gap; returns the next number.
fn read_in_order(reader: &mut AxonReader, mut next: u64, attempts: usize) -> u64 {
    for _ in 0..attempts {
        if let Some(spike) = reader.try_read() {
            assert_eq!(spike.number(), next, "a reader gets every spike in order");
            next += 1;
        }
    }
    next
}

/// Polls a tap, which must know the number of each spike it gets from what it lost; returns the next number.
fn poll_in_order(tap: &mut AxonTap, mut next: u64, attempts: usize) -> u64 {
    for _ in 0..attempts {
        match tap.poll() {
            Tapped::Empty => (),
            Tapped::Spike(spike) => {
                assert_eq!(spike.number(), next, "a tap knows exactly what it lost");
                next += 1;
            }
            Tapped::Lost(lost) => next += lost,
        }
    }
    next
}

/// Publishes numbered spikes until one does not fit; returns how many did.
fn publish_some(axon: &mut Axon, spikes: u64) -> u64 {
    (0..spikes).take_while(|n| axon.publish(&Spike::numbered(*n)).is_ok()).count() as u64
}

pub(crate) fn a_reader_gets_every_spike_whole_and_in_order() {
    let mut axon = axon(2, 1);
    let mut reader = axon.reader().unwrap();
    let reading = thread::spawn(move || {
        let next = read_in_order(&mut reader, 0, 3);
        (reader, next)
    });
    let published = publish_some(&mut axon, 4);
    let (mut reader, next) = reading.join().unwrap();
    assert_eq!(read_in_order(&mut reader, next, 3), published);
}

pub(crate) fn a_batch_is_seen_whole_or_not_at_all() {
    let mut axon = axon(2, 1);
    let mut reader = axon.reader().unwrap();
    let reading = thread::spawn(move || {
        if reader.try_read().is_some() {
            assert_eq!(reader.try_read().map(Spike::number), Some(1), "the rest of a batch");
        }
    });
    assert_eq!(axon.publish_batch(&[Spike::numbered(0), Spike::numbered(1)]), 2);
    reading.join().unwrap();
}

pub(crate) fn a_tap_is_never_torn_and_knows_what_it_lost() {
    let mut axon = axon(1, 0);
    let mut tap = axon.tap();
    let tapping = thread::spawn(move || {
        let next = poll_in_order(&mut tap, 0, 3);
        (tap, next)
    });
    let published = publish_some(&mut axon, 3);
    let (mut tap, next) = tapping.join().unwrap();
    assert_eq!(poll_in_order(&mut tap, next, 3), published);
}

pub(crate) fn a_tap_that_drains_is_never_torn_and_knows_what_it_lost() {
    let mut axon = axon(1, 0);
    let mut tap = axon.tap();
    let tapping = thread::spawn(move || {
        let mut next = 0;
        for _ in 0..2 {
            next = drain_in_order(&mut tap, next);
        }
        (tap, next)
    });
    let published = publish_some(&mut axon, 3);
    let (mut tap, mut next) = tapping.join().unwrap();
    for _ in 0..2 {
        next = drain_in_order(&mut tap, next);
    }
    assert_eq!(next, published);
}

/// Drains a tap, which must know the number of each spike it gets from what it lost; returns the next number.
fn drain_in_order(tap: &mut AxonTap, next: u64) -> u64 {
    let mut numbers = Vec::new();
    let drained = tap.drain(2, |spike| numbers.push(spike.number()));
    let from = next + drained.lost;
    let next = from + numbers.len() as u64;
    assert_eq!(drained.read, numbers.len());
    assert!(numbers.into_iter().eq(from..next), "a tap knows exactly what it lost");
    next
}

pub(crate) fn a_tap_that_attaches_late_sees_no_older_lap() {
    let mut axon = axon(1, 0);
    let hub = axon.hub();
    let tapping = thread::spawn(move || {
        let mut tap = hub.tap();
        for _ in 0..2 {
            if let Tapped::Spike(spike) = tap.poll() {
                assert_eq!(spike.number() + 1, tap.position(), "a position names one spike");
            }
        }
    });
    publish_some(&mut axon, 3);
    tapping.join().unwrap();
}

pub(crate) fn a_reader_that_attaches_late_holds_the_writer_from_its_start() {
    let mut axon = axon(1, 1);
    let hub = axon.hub();
    let reading = thread::spawn(move || {
        let mut reader = hub.reader().unwrap();
        let start = reader.position();
        let next = read_in_order(&mut reader, start, 2);
        assert_eq!(next, reader.position(), "a position names one spike");
        reader
    });
    let published = publish_some(&mut axon, 3);
    let mut reader = reading.join().unwrap();
    let next = reader.position();
    assert_eq!(read_in_order(&mut reader, next, 3), published);
}

pub(crate) fn a_clone_holds_the_writer_where_it_was_made() {
    let mut axon = axon(1, 2);
    // The clone gets the entry that a scan looks at first.
    let first = axon.reader().unwrap();
    let mut reader = axon.reader().unwrap();
    drop(first);
    let reading = thread::spawn(move || {
        let clone = reader.try_clone().unwrap();
        let next = read_in_order(&mut reader, 0, 1);
        drop(reader);
        (clone, next)
    });
    let mut published = publish_some(&mut axon, 1);
    published += u64::from(axon.publish(&Spike::numbered(1)).is_ok());
    let (mut clone, _) = reading.join().unwrap();
    assert_eq!(read_in_order(&mut clone, 0, 2), published);
}

pub(crate) fn a_shed_reader_is_never_torn_and_knows_what_it_lost() {
    let mut axon = axon(1, 1);
    let mut reader = axon.reader().unwrap();
    let reading = thread::spawn(move || {
        for _ in 0..3 {
            let spike = reader.try_read();
            check_shed(&reader, spike);
        }
        reader
    });
    for number in 0..3 {
        axon.publish_with(&Spike::numbered(number), Overflow::ShedOldest).unwrap();
    }
    let mut reader = reading.join().unwrap();
    while let Some(spike) = reader.try_read() {
        check_shed(&reader, Some(spike));
    }
    assert_eq!(reader.lag(), 0);
}

/// The number of the spike just read follows from what lags: 3 are published in all.
fn check_shed(reader: &AxonReader, spike: Option<Spike>) {
    if let Some(spike) = spike {
        assert!(spike.number() >= reader.shed(), "what was shed is not delivered");
        assert_eq!(spike.number() + 1, reader.position(), "a position names one spike");
    }
}

pub(crate) fn a_reader_is_judged_by_what_it_said_it_is() {
    let axon = axon(1, 1);
    let hub = axon.hub();
    let judging = thread::spawn(move || {
        // Who holds a place and has not said which process it is would be taken for dead, and let go.
        assert_eq!(hub.reap(None), (0, 0), "a reader that lives is let be");
    });
    let reader = axon.reader().unwrap();
    judging.join().unwrap();
    drop(reader);
}
