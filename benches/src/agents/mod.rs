//! Messages from agent to agent, beside actor libraries on one thread.
//!
//! The same work for all: a message of 64 bytes; an agent or actor that hears it hands it on, or counts it. The actors
//! run on one thread with unbounded mailboxes, where they are fastest.

mod across;
mod actix;
mod kameo;
mod least;
mod ours;
mod ractor;
mod tokio;

pub use self::actix::Actix;
pub use self::kameo::Kameo;
pub use self::ours::{Counter, idle_boxed, idle_crowd};
pub use self::ractor::Ractor;
pub use self::tokio::Tokio;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::tokio::sync::Notify;
use neuronbus::pace::Stamp;

use crate::harness::{Comparison, Sample, Scale, Target, Unit, pin};
use crate::memory::Meter;

/// A library of actors.
pub trait Actors {
    /// As it is printed.
    const NAME: &'static str;

    /// Sends so many messages round a ring of so many actors until each was handed on so many times; ns.
    fn ring(actors: usize, messages: u64, hops: u64) -> u64;

    /// Sends one message to each of so many actors, so many times; ns.
    fn fan_out(actors: usize, times: u64) -> u64;

    /// Starts actors that do nothing while a meter runs.
    fn idle(actors: usize, meter: &mut Meter);
}

/// What goes round: 64 bytes, the first eight of them the number of hops left.
#[derive(Debug, Clone, Copy)]
pub struct Message([u64; 8]);

impl Message {
    const fn with_hops(hops: u64) -> Self {
        Self([hops, 1, 2, 3, 4, 5, 6, 7])
    }

    /// The message to hand on, if it has hops left.
    const fn handed_on(mut self) -> Option<Self> {
        let Some(left) = self.0[0].checked_sub(1) else { return None };
        self.0[0] = left;
        Some(self)
    }
}

/// Wakes the driver when so many have come.
#[derive(Debug, Clone)]
struct Finish(Arc<(AtomicU64, Notify)>);

impl Finish {
    fn of(count: u64) -> Self {
        Self(Arc::new((AtomicU64::new(count), Notify::new())))
    }

    /// One has come.
    fn one(&self) {
        // All on one thread: no exchange is needed.
        let left = self.0.0.load(Ordering::Relaxed) - 1;
        self.0.0.store(left, Ordering::Relaxed);
        if left == 0 {
            self.0.1.notify_one();
        }
    }

    fn again(&self, count: u64) {
        self.0.0.store(count, Ordering::Relaxed);
    }

    async fn wait(&self) {
        self.0.1.notified().await;
    }
}

/// A runtime on this thread.
fn runtime() -> ::tokio::runtime::Runtime {
    pin(0);
    let runtime = ::tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without drivers asks nothing of the system")
}

fn hops_rate<A: Actors>(actors: usize, messages: u64, hops: u64) -> Sample {
    let ns = A::ring(actors, messages, hops / messages);
    Sample::from(hops as f64 * 1000.0 / ns as f64)
}

/// One message between two: what a conversation costs.
#[must_use]
pub fn ping_pong(scale: Scale) -> Comparison {
    fn peer<A: Actors>(hops: u64) -> impl FnMut() -> Sample {
        move || Sample::from(A::ring(2, 1, hops) as f64 / hops as f64)
    }
    let hops = scale.of(500_000, 5_000);
    Comparison::new("One message between two agents on one core, one way", Unit::Ns)
        .ours("agents", ours::ring(2, 1, scale.of(5_000_000, 50_000), Unit::Ns))
        .peer(Actix::NAME, peer::<Actix>(hops))
        .peer(Ractor::NAME, peer::<Ractor>(hops))
        .peer(Kameo::NAME, peer::<Kameo>(hops))
        .limit(Tokio::NAME, peer::<Tokio>(hops))
        .target(Target::at_most(40.0))
}

/// Many messages round a small ring.
#[must_use]
pub fn ring(scale: Scale) -> Comparison {
    ring_of("64 messages round a ring of 64 agents on one core", 64, scale)
}

/// Many messages round a ring that does not fit the first-level cache.
#[must_use]
pub fn ring_of_1000(scale: Scale) -> Comparison {
    ring_of("1,000 messages round a ring of 1,000 agents on one core", 1_000, scale)
}

fn ring_of(title: &'static str, size: u32, scale: Scale) -> Comparison {
    let (actors, messages, hops) = (size as usize, u64::from(size), scale.of(1_000_000, 10_000));
    Comparison::new(title, Unit::MillionPerSecond)
        .ours(
            "agents",
            ours::ring(size, size, scale.of(10_000_000, 100_000), Unit::MillionPerSecond),
        )
        .peer(Actix::NAME, move || hops_rate::<Actix>(actors, messages, hops))
        .peer(Ractor::NAME, move || hops_rate::<Ractor>(actors, messages, hops))
        .peer(Kameo::NAME, move || hops_rate::<Kameo>(actors, messages, hops))
        .limit(Tokio::NAME, move || hops_rate::<Tokio>(actors, messages, hops))
        .limit("the least, by hand", least::ring(actors, scale.of(10_000_000, 100_000)))
        .target(Target::at_least(5.0).times_the_best_peer())
}

/// From agents on one worker to agents on another.
#[must_use]
pub fn two_cores(scale: Scale) -> Comparison {
    let messages = scale.of(2_000_000, 20_000);
    let spikes = scale.of(20_000_000, 100_000);
    Comparison::new("From agents on one core to agents on another", Unit::MillionPerSecond)
        .across_cores()
        .ours("1,000 agents to one each, 64 ticks ahead", ours::to_other_worker(1_000, 1, spikes))
        .ours(
            "100 agents to 100 each, 64 ticks ahead",
            ours::to_other_worker(100, 100, 10 * spikes),
        )
        .peer("actix, two arbiters", move || across::actix(messages))
        .limit("tokio, bare bounded channel", move || across::tokio(messages))
        .target(Target::at_least(50.0).of("1,000 agents"))
        .target(Target::at_least(50.0).of("100 agents"))
}

/// One message to very many.
#[must_use]
pub fn fan_out(scale: Scale) -> Comparison {
    fn peer<A: Actors>(actors: usize, times: u64) -> impl FnMut() -> Sample {
        move || {
            let ns = A::fan_out(actors, times);
            Sample::from(actors as f64 * times as f64 * 1000.0 / ns as f64)
        }
    }
    let (actors, times) = (scale.of(100_000, 1_000) as usize, 10);
    let boxed = scale.of(60_000, 1_000) as u32;
    Comparison::new("One message to each of 100,000 agents on one core", Unit::MillionPerSecond)
        .ours("a crowd of 100,000", ours::fan_out_to_crowd(actors as u32, scale.of(100, 10)))
        .ours("60,000 boxed agents", ours::fan_out(boxed, scale.of(100, 10)))
        .peer(Actix::NAME, peer::<Actix>(actors, times))
        .peer(Ractor::NAME, peer::<Ractor>(actors, times))
        .peer(Kameo::NAME, peer::<Kameo>(actors, times))
        .target(Target::at_least(20.0))
        .target(Target::at_least(5.0).times_the_best_peer())
}

/// How long something takes that is awaited.
async fn timed(work: impl Future<Output = ()>) -> u64 {
    let began = Stamp::now();
    work.await;
    Stamp::now().ns_since(began)
}
