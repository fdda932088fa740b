//! Spikes over a wire on this machine: round trips one at a time, and as many as go in batches.
//!
//! Two threads of one process hold the two ends. The peers need more than a crate: `nats-server` from the system's
//! packages, and Zenoh, which is built apart ([`crate::apart`]). One that is not there is left out, and said so.

mod nats;
mod ours;
mod sockets;

pub(crate) use nats::{Client as Nats, is_there as nats_is_there};

use neuronbus::pace::Stamp;
use neuronbus_relay::Backend;

use crate::apart::Apart;
use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, quantiles};

/// Messages that leave together.
const BATCH: u64 = 64;

/// One end of a wire that carries messages of 64 bytes.
trait End: Send {
    /// Hands a message over; it may wait for the others of its batch.
    fn send(&mut self);

    /// Lets what was handed over leave.
    fn flush(&mut self);

    /// Waits for so many messages at most, at least one; how many came.
    fn receive(&mut self, most: u64) -> u64;
}

/// Two ends that are joined.
type Pair = (Box<dyn End>, Box<dyn End>);

/// One message there and one back, again and again.
#[must_use]
pub fn round_trip(scale: Scale) -> Comparison {
    let rounds = scale.of(20_000, 200);
    let title = "64 bytes over TCP loopback to another thread and back, p50";
    let of = move |pair: fn() -> Pair| move || there_and_back(pair(), rounds);
    let mut comparison = Comparison::new(title, Unit::Ns)
        .ours("tcp on mio", of(|| ours::pair(Backend::Mio)))
        .limit("a bare TCP socket", of(sockets::tcp))
        .limit("a bare Unix socket", of(sockets::unix));
    if ours::uring_works() {
        comparison = comparison.ours("tcp on io_uring", of(|| ours::pair(Backend::Uring)));
        let no_slower = Target::at_most(1.0).of("tcp on io_uring");
        comparison = comparison.target(no_slower.times("tcp on mio"));
    }
    if nats::is_there() {
        comparison = comparison.peer("core NATS", of(nats::pair));
    }
    if let Some(zenoh) = Apart::zenoh(scale) {
        comparison = comparison.peer("Zenoh", move || zenoh.times("round-trip", rounds));
    }
    comparison.target(Target::at_most(1.0).times_the_best_peer())
}

/// One way, in batches.
#[must_use]
pub fn batches(scale: Scale) -> Comparison {
    let messages = scale.of(1_000_000, 2_000);
    let title = "64 bytes over TCP loopback to another thread, in batches of 64";
    let of = move |pair: fn() -> Pair| move || one_way(pair(), messages);
    let mut comparison = Comparison::new(title, Unit::MillionPerSecond)
        .ours("tcp on mio", of(|| ours::pair(Backend::Mio)))
        .limit("a bare TCP socket", of(sockets::tcp))
        .limit("a bare Unix socket", of(sockets::unix));
    if ours::uring_works() {
        comparison = comparison.ours("tcp on io_uring", of(|| ours::pair(Backend::Uring)));
        let no_slower = Target::at_least(1.0).of("tcp on io_uring");
        comparison = comparison.target(no_slower.times("tcp on mio"));
    }
    if nats::is_there() {
        comparison = comparison.peer("core NATS", of(nats::pair));
    }
    if let Some(zenoh) = Apart::zenoh(scale) {
        comparison = comparison.peer("Zenoh", move || zenoh.rate("one-way", messages));
    }
    comparison.target(Target::at_least(1.0).times_the_best_peer())
}

fn there_and_back((mut here, mut there): Pair, rounds: u64) -> Sample {
    let warm_up = rounds / 10 + 10;
    let mut times = histogram();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..rounds + warm_up {
                there.receive(1);
                there.send();
                there.flush();
            }
        });
        for round in 0..rounds + warm_up {
            let began = Stamp::now();
            here.send();
            here.flush();
            here.receive(1);
            if round >= warm_up {
                times.saturating_record(Stamp::now().ns_since(began));
            }
        }
    });
    quantiles(&times)
}

fn one_way((mut here, mut there): Pair, messages: u64) -> Sample {
    // The way is open before the clock starts.
    here.send();
    here.flush();
    there.receive(1);
    let began = Stamp::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for sent in 1..=messages {
                here.send();
                if sent.is_multiple_of(BATCH) {
                    here.flush();
                }
            }
            here.flush();
            // Kept until everything has arrived.
            here.receive(1);
        });
        let mut received = 0;
        while received < messages {
            received += there.receive(messages - received);
        }
        let time = Stamp::now().ns_since(began);
        there.send();
        there.flush();
        Sample::from(messages as f64 * 1e3 / time as f64)
    })
}
