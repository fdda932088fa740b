//! Rings of 64-byte messages, between two cores and on one.
//!
//! The second core polls both receivers where there are two: two spinning threads on one core would measure the
//! scheduler.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use neuronbus::pace::Stamp;

use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, pin, quantiles};
use crate::rings::{
    BATCH, Crossbeam, Deque, Disruptor, Fan, OurAxon, RawSlot, Receiver, Ring, Rtrb, Sender, check,
    message, set_short,
};

const SLOTS: usize = 1024;

/// One way of a ping-pong between two cores.
#[must_use]
pub fn latency(scale: Scale) -> Comparison {
    let rounds = scale.of(500_000, 20_000);
    Comparison::new("Ping-pong of 64 bytes between two cores, p50 of one way", Unit::Ns)
        .across_cores()
        .ours(OurAxon::NAME, move || ping_pong::<OurAxon>(rounds))
        .limit(RawSlot::NAME, move || ping_pong::<RawSlot>(rounds))
        .peer(Rtrb::NAME, move || ping_pong::<Rtrb>(rounds))
        .peer(Disruptor::NAME, move || ping_pong::<Disruptor>(rounds))
        .peer(Crossbeam::NAME, move || ping_pong::<Crossbeam>(rounds))
        .target(Target::at_most(1.15).times(RawSlot::NAME))
        .target(Target::at_most(1.0).times_the_best_peer())
}

/// Between two cores, one at a time.
#[must_use]
pub fn single(scale: Scale) -> Comparison {
    rates("64 bytes between two cores, one at a time, 1,024 slots", scale, false)
}

/// Between two cores, in batches.
#[must_use]
pub fn batch(scale: Scale) -> Comparison {
    rates("64 bytes between two cores, batches of 64, 1,024 slots", scale, true)
}

fn rates(title: &'static str, scale: Scale, batch: bool) -> Comparison {
    let messages = scale.of(19_200_000, 640_000);
    Comparison::new(title, Unit::MillionPerSecond)
        .rounds(7)
        .across_cores()
        .ours(OurAxon::NAME, move || one_reader::<OurAxon>(messages, batch))
        .peer(Rtrb::NAME, move || one_reader::<Rtrb>(messages, batch))
        .peer(Disruptor::NAME, move || one_reader::<Disruptor>(messages, batch))
        .peer(Crossbeam::NAME, move || one_reader::<Crossbeam>(messages / 4, batch))
        .target(Target::at_least(1.1).times_the_best_peer())
}

/// Between two cores to two readers, each of whom gets every message.
#[must_use]
pub fn two_readers(scale: Scale) -> Comparison {
    let messages = scale.of(12_800_000, 640_000);
    let title = "64 bytes between two cores, batches of 64, to two readers that one thread polls";
    Comparison::new(title, Unit::MillionPerSecond)
        .rounds(7)
        .across_cores()
        .ours("axon", move || both_readers::<OurAxon>(messages))
        .ours("one reader of the axon", move || one_reader::<OurAxon>(messages, true))
        .peer("disruptor, two pollers", move || both_readers::<Disruptor>(messages))
        .peer("rtrb, two rings", move || both_readers::<Rtrb>(messages))
        .target(Target::at_least(0.85).times("one reader"))
        .target(Target::at_least(1.1).times_the_best_peer())
}

/// A push and a pop on one thread.
#[must_use]
pub fn one_thread(scale: Scale) -> Comparison {
    on_one_thread("Push 1, pop 1 on one thread, 46-byte payload", scale, false, false)
}

/// A push and a pop on one thread, in batches.
#[must_use]
pub fn one_thread_batch(scale: Scale) -> Comparison {
    on_one_thread("Push 64, pop 64 on one thread, 46-byte payload, each", scale, true, false)
}

/// A push and a pop on one thread, in batches of spikes with 14 bytes of payload.
#[must_use]
pub fn one_thread_short(scale: Scale) -> Comparison {
    on_one_thread("Push 64, pop 64 on one thread, 14-byte payload, each", scale, true, true)
}

fn on_one_thread(title: &'static str, scale: Scale, batch: bool, short: bool) -> Comparison {
    let messages = scale.of(6_400_000, 64_000);
    let run = move |measure: fn(u64, bool) -> f64| {
        move || {
            set_short(short);
            pin(0);
            let ns = measure(messages, batch);
            set_short(false);
            Sample::from(ns)
        }
    };
    Comparison::new(title, Unit::Ns)
        .rounds(9)
        .ours(OurAxon::NAME, run(same_thread::<OurAxon>))
        .limit("no queue: built and checked", run(no_queue))
        .peer(Rtrb::NAME, run(same_thread::<Rtrb>))
        .peer(Disruptor::NAME, run(same_thread::<Disruptor>))
        .limit("VecDeque, not shared", run(deque))
        .target(Target::at_most(1.0).times(Rtrb::NAME))
}

/// Half of each round trip, in ns; the first tenth is warm-up.
fn ping_pong<R: Ring>(rounds: u64) -> Sample {
    let (mut ping, mut ping_end) = R::of(SLOTS);
    let (mut pong, mut pong_end) = R::of(SLOTS);
    let mut times = histogram();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pin(1);
            for number in 0..rounds {
                while !ping_end.receive(number) {}
                while !pong.send(number) {}
            }
        });
        scope.spawn(|| {
            pin(0);
            for number in 0..rounds {
                let began = Stamp::now();
                while !ping.send(number) {}
                while !pong_end.receive(number) {}
                if number >= rounds / 10 {
                    times.saturating_record((Stamp::now().ns_since(began) / 2).max(1));
                }
            }
        });
    });
    quantiles(&times)
}

/// Million messages a second from the first sent to the last checked.
fn one_reader<R: Ring>(messages: u64, batch: bool) -> Sample {
    let (mut sender, mut receiver) = R::of(SLOTS);
    let receive = move || {
        let mut number = 0;
        while number < messages {
            number += if batch {
                receiver.receive_batch(number)
            } else {
                u64::from(receiver.receive(number))
            };
        }
    };
    let send = move || {
        let mut number = 0;
        while number < messages {
            number +=
                if batch { sender.send_batch(number) } else { u64::from(sender.send(number)) };
        }
    };
    rate(messages, send, receive)
}

/// The same in batches to two receivers, each of whom checks every message.
fn both_readers<F: Fan>(messages: u64) -> Sample {
    let (mut sender, [mut one, mut two]) = F::fan_of(SLOTS);
    let receive = move || {
        let (mut first, mut second) = (0, 0);
        while first < messages || second < messages {
            first += one.receive_batch(first);
            second += two.receive_batch(second);
        }
    };
    let send = move || {
        let mut number = 0;
        while number < messages {
            number += sender.send_batch(number);
        }
    };
    rate(messages, send, receive)
}

/// Million messages a second while one core sends and another receives.
fn rate(messages: u64, send: impl FnOnce() + Send, receive: impl FnOnce() + Send) -> Sample {
    let ready = AtomicBool::new(false);
    let ns = std::thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            pin(1);
            ready.store(true, Ordering::Release);
            receive();
        });
        let sending = scope.spawn(|| {
            pin(0);
            while !ready.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let began = Stamp::now();
            send();
            began
        });
        let began = sending.join().expect("a sender has nothing to fail at");
        receiving.join().expect("the receiver found every message whole");
        Stamp::now().ns_since(began)
    });
    Sample::from(messages as f64 * 1000.0 / ns as f64)
}

/// Runs something for so many messages; ns a message.
fn timed(messages: u64, mut run: impl FnMut(u64)) -> f64 {
    let began = Stamp::now();
    let mut number = 0;
    while number < messages {
        run(number);
        number += BATCH as u64;
    }
    Stamp::now().ns_since(began) as f64 / messages as f64
}

fn same_thread<R: Ring>(messages: u64, batch: bool) -> f64 {
    let (mut sender, mut receiver) = R::of(SLOTS);
    if batch {
        return timed(messages, |from| {
            assert_eq!(sender.send_batch(from), BATCH as u64);
            assert_eq!(receiver.receive_batch(from), BATCH as u64);
        });
    }
    timed(messages, |from| {
        for number in from..from + BATCH as u64 {
            assert!(sender.send(number) && receiver.receive(number));
        }
    })
}

fn deque(messages: u64, batch: bool) -> f64 {
    let mut deque = Deque::of(SLOTS);
    if batch {
        return timed(messages, |from| black_box(&mut deque).pass(from, BATCH as u64));
    }
    timed(messages, |from| {
        for number in from..from + BATCH as u64 {
            black_box(&mut deque).pass(number, 1);
        }
    })
}

fn no_queue(messages: u64, _: bool) -> f64 {
    timed(messages, |from| {
        for number in from..from + BATCH as u64 {
            check(black_box(&message(number)), number);
        }
    })
}
