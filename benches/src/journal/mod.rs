//! Durable logs: one writer, events of 256 bytes of which 240 are beyond compression, in a directory below `target/`.
//!
//! A peer's key is the event's time, so that its range of times is a range of keys; every event that is read is looked
//! at. Peers that are servers are measured where their programs are installed.

mod compressed;
mod naive;
mod ours;
mod peers;
mod servers;

use std::path::PathBuf;
use std::rc::Rc;

pub use compressed::compressed;

use neuronbus::pace::Stamp;
use tempfile::TempDir;

use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, quantiles};

/// Bytes of an event: its number, its time, and 240 others.
pub(crate) const EVENT: usize = 256;

/// Events of one batch.
const BATCH: u64 = 1000;

/// Time between two events, in ns.
const STEP: u64 = 1000;

/// When events have to be where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// In the system's hands: survives the process.
    PageCache,
    /// On the disk: survives a loss of power.
    Synced,
}

/// Something that keeps events.
pub(crate) trait Store {
    /// Keeps a batch; returns when it is as durable as was asked for.
    fn append(&mut self, events: &[[u8; EVENT]]);
    /// Returns when all that was appended is as durable as was asked for.
    fn finish(&mut self) {}
    /// Reads all from the start, and adds up their numbers.
    fn scan(&mut self) -> u64;
    /// Reads the events of a range of times, and counts them.
    fn range(&mut self, from_ns: u64, below_ns: u64) -> u64;
}

type Open = fn(&std::path::Path, Durability) -> Box<dyn Store>;

/// Whom the journal is compared with.
const PEERS: [(&str, Open); 3] = [
    ("redb: a table", peers::redb),
    ("fjall: a keyspace", peers::fjall),
    ("rusqlite: WAL, time is the key", peers::sqlite),
];

/// A new directory below `target/`, on the disk that builds are on.
pub(crate) fn place() -> TempDir {
    let target = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/journals"));
    std::fs::create_dir_all(&target).expect("the build's directory can be written");
    TempDir::new_in(target).expect("the build's directory can be written")
}

/// Events `from` to `from + count`.
pub(crate) fn events(from: u64, count: u64) -> Vec<[u8; EVENT]> {
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64;
    let event = |n: u64| {
        let mut event = [0; EVENT];
        event[..8].copy_from_slice(&n.to_be_bytes());
        event[8..16].copy_from_slice(&(n * STEP).to_be_bytes());
        for word in event[16..].chunks_exact_mut(8) {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n | 1);
            word.copy_from_slice(&chance.to_le_bytes());
        }
        event
    };
    (from..from + count).map(event).collect()
}

/// The number of an event that was read.
pub(crate) fn number(event: &[u8]) -> u64 {
    event.first_chunk().map_or(0, |number| u64::from_be_bytes(*number))
}

/// Million events a second, appended batch by batch to a new store.
fn appended(open: Open, durability: Durability, count: u64) -> Sample {
    let place = place();
    let mut store = open(place.path(), durability);
    // Made beforehand and used in turn: what is measured is keeping them. A key must rise, so numbers are written in.
    let mut batch = events(0, BATCH);
    let mut times = histogram();
    let began = Stamp::now();
    for first in (0..count).step_by(BATCH as usize) {
        for (event, n) in batch.iter_mut().zip(first..) {
            event[..8].copy_from_slice(&n.to_be_bytes());
            event[8..16].copy_from_slice(&(n * STEP).to_be_bytes());
        }
        let handed = Stamp::now();
        store.append(&batch);
        times.saturating_record(Stamp::now().ns_since(handed).max(1));
    }
    store.finish();
    let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
    let at = |quantile| times.value_at_quantile(quantile) as f64 * 1e-3;
    let figure = count as f64 / seconds * 1e-6;
    Sample { figure, beside: vec![("batch p50 µs", at(0.5)), ("p99 µs", at(0.99))] }
}

/// Unsynced appends.
#[must_use]
pub fn append(scale: Scale) -> Comparison {
    let count = scale.of(2_000_000, 20_000);
    let title =
        "Events of 256 bytes appended, in batches of 1,000, to survive the process; one writer";
    let mut comparison = Comparison::new(title, Unit::MillionPerSecond)
        .ours("journal, chained and checked", move || {
            appended(ours::open, Durability::PageCache, count)
        })
        .target(Target::at_least(6.0))
        .target(Target::at_least(5.0).times_the_best_peer());
    for (name, open) in PEERS {
        comparison = comparison.peer(name, move || appended(open, Durability::PageCache, count));
    }
    if servers::redis_is_there() {
        let count = count / 10;
        let run = move || servers::redis("everysec", count, BATCH);
        comparison = comparison.peer("Redis Streams, everysec, 1,000 in flight", run);
    }
    if servers::nats_is_there() {
        let count = count / 10;
        comparison = comparison.peer("JetStream file store, 1,000 in flight", move || {
            servers::jetstream(count, BATCH)
        });
    }
    comparison.limit("a file, CRC alone, write() of 1,000", move || {
        appended(naive::open, Durability::PageCache, count)
    })
}

/// Synced appends, 1,000 at a time.
#[must_use]
pub fn synced(scale: Scale) -> Comparison {
    let count = scale.of(400_000, 4_000);
    let title = "The same synced, 1,000 events in flight";
    let mut comparison = Comparison::new(title, Unit::MillionPerSecond)
        .ours("journal, one producer of 1,000", move || {
            appended(ours::open, Durability::Synced, count)
        })
        .ours("journal, 64 producers on threads", move || ours::producers(64, 16, count))
        .target(Target::at_least(2.0))
        .target(Target::at_least(1.0).times_the_best_peer());
    for (name, open) in PEERS {
        comparison = comparison.peer(name, move || appended(open, Durability::Synced, count));
    }
    comparison.limit("a prewritten file, CRC alone, fdatasync of 1,000", move || {
        appended(naive::open, Durability::Synced, count)
    })
}

/// The time until one event alone is synced.
fn alone(open: Open, count: u64) -> Sample {
    let place = place();
    let mut store = open(place.path(), Durability::Synced);
    let mut times = histogram();
    for event in events(0, count) {
        let began = Stamp::now();
        store.append(&[event]);
        times.saturating_record(Stamp::now().ns_since(began).max(1));
    }
    store.finish();
    quantiles(&times)
}

/// Synced appends, one at a time.
#[must_use]
pub fn synced_alone(scale: Scale) -> Comparison {
    let count = scale.of(2_000, 50);
    let title = "One event alone, appended and synced, p50";
    let mut comparison = Comparison::new(title, Unit::Ns)
        .ours("journal", move || alone(ours::open, count))
        .target(Target::at_most(1.3).times("a prewritten file"));
    for (name, open) in PEERS {
        comparison = comparison.peer(name, move || alone(open, count));
    }
    comparison.limit("a prewritten file, pwrite + fdatasync", move || alone(naive::open, count))
}

/// A store that holds so many events.
fn filled(open: Open, count: u64) -> (TempDir, Box<dyn Store>) {
    let place = place();
    let mut store = open(place.path(), Durability::PageCache);
    for first in (0..count).step_by(BATCH as usize) {
        store.append(&events(first, BATCH.min(count - first)));
    }
    store.finish();
    (place, store)
}

/// A store that is filled when it is first asked for.
fn later(open: Open, count: u64) -> impl FnMut() -> Rc<std::cell::RefCell<Box<dyn Store>>> {
    let mut there = None;
    move || {
        let filled = || {
            let (place, store) = filled(open, count);
            (place, Rc::new(std::cell::RefCell::new(store)))
        };
        Rc::clone(&there.get_or_insert_with(filled).1)
    }
}

/// Reading all.
#[must_use]
pub fn scan(scale: Scale) -> Comparison {
    let count = scale.of(1_000_000, 10_000);
    let scanned = move |open: Open| {
        let mut store = later(open, count);
        move || {
            let store = store();
            let began = Stamp::now();
            let sum = store.borrow_mut().scan();
            let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
            assert_eq!(sum, count * (count - 1) / 2, "every event was read");
            Sample::from(count as f64 / seconds * 1e-6)
        }
    };
    let title = "Events of 256 bytes read in order, each verified";
    let mut comparison = Comparison::new(title, Unit::MillionPerSecond)
        .ours("journal, chain verified", scanned(ours::open))
        .target(Target::at_least(15.0))
        .target(Target::at_least(1.0).times_the_best_peer());
    for (name, open) in PEERS {
        comparison = comparison.peer(name, scanned(open));
    }
    comparison.limit("a file, CRC alone, read() of 1 MiB", scanned(naive::open))
}

/// Reading a range of times.
#[must_use]
pub fn range(scale: Scale) -> Comparison {
    let (count, asked) = (scale.of(1_000_000, 10_000), scale.of(2_000, 20));
    let ranged = move |open: Open| {
        let mut store = later(open, count);
        move || {
            let store = store();
            let mut times = histogram();
            let mut chance = 7_u64;
            for _ in 0..asked {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let from = (chance >> 33) % (count - 1000) * STEP;
                let began = Stamp::now();
                let found = store.borrow_mut().range(from, from + 1000 * STEP);
                times.saturating_record(Stamp::now().ns_since(began).max(1));
                assert_eq!(found, 1000, "the range was found");
            }
            quantiles(&times)
        }
    };
    let title = "1,000 events by time out of 1 million, p50";
    let mut comparison = Comparison::new(title, Unit::Ns)
        .ours("journal, index in memory", ranged(ours::open))
        .ours("journal, just opened", ours::ranges_just_opened(count, asked))
        .target(Target::at_most(30_000.0))
        .target(Target::at_most(5_000_000.0).of("journal, just opened"))
        .target(Target::at_most(1.0).times_the_best_peer());
    for (name, open) in PEERS {
        comparison = comparison.peer(name, ranged(open));
    }
    comparison
}

/// Opening after a crash.
#[must_use]
pub fn open(scale: Scale) -> Comparison {
    let count = scale.of(10_000_000, 10_000);
    Comparison::new(
        "Opening 10 million events that were not synced, after the process died",
        Unit::Ns,
    )
    .rounds(3)
    .ours("journal, all of it verified", ours::opened(count))
    .target(Target::at_most(2e9))
}
