//! What became of every spike: the sums that show that none was lost in silence.

use serde::{Deserialize, Serialize};

use crate::sync::{AtomicU64, Relaxed, lock};

use super::ring::{Entry, POSITION_MAX, Ring};
use crate::shm::tenure::Tenure;

/// Which kind of end an account is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// An `AxonReader`.
    Reader,
    /// An `AxonTap`.
    Tap,
}

/// What became of every spike since an end was attached, as far as the end has reported.
///
/// `published = delivered + waiting + shed + dropped + lost`, in every account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EndAccount {
    /// Which kind of end.
    pub kind: EndKind,
    /// Offered for good to this axon since the end was attached.
    pub published: u64,
    /// Read by the end. A reader reports every eighth of a ring, at the end of a drain and when it finds none.
    pub delivered: u64,
    /// Published and not read yet.
    pub waiting: u64,
    /// Overwritten under a reader because the writer was told to shed.
    pub shed: u64,
    /// Never put into the ring because the writer was told to drop.
    pub dropped: u64,
    /// Overwritten before a tap came to them.
    pub lost: u64,
}

impl EndAccount {
    /// Whether every published spike is accounted for.
    #[must_use]
    pub const fn balances(&self) -> bool {
        self.published == self.delivered + self.waiting + self.shed + self.dropped + self.lost
    }
}

/// What became of every spike of one axon.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AxonAccount {
    /// Slots.
    pub capacity: u64,
    /// Spikes put into the ring, and those dropped instead.
    pub published: u64,
    /// Spikes dropped because the ring was full.
    pub dropped: u64,
    /// Times a spike was handed back because the ring was full; none of these is in `published`.
    pub deferred: u64,
    /// The ends attached at the moment.
    pub ends: Vec<EndAccount>,
}

/// One tap's line.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct TapTally {
    pub(super) start: u64,
    pub(super) dropped_before: u64,
    pub(super) next: AtomicU64,
    pub(super) lost: AtomicU64,
}

/// Two words of one end that belong together, read until the first stood still.
///
/// An end that reports faster than it can be read gets a few tries; what is missed is then one report of the loss,
/// which the next account shows.
fn settled(position: &AtomicU64, loss: &AtomicU64) -> (u64, u64) {
    // relaxed: counts; each account balances by its own arithmetic
    let load = || position.load(Relaxed).min(POSITION_MAX);
    let mut before = load();
    for _ in 0..8 {
        let lost = loss.load(Relaxed);
        let after = load();
        if before == after {
            return (after, lost);
        }
        before = after;
    }
    (before, loss.load(Relaxed))
}

// What a file says is bounded, so that sums do not overflow.

fn claimed(ring: &Ring) -> u64 {
    // relaxed: a count
    ring.claimed.load(Relaxed).min(POSITION_MAX)
}

fn dropped(ring: &Ring) -> u64 {
    // relaxed: a count
    ring.tally.dropped.load(Relaxed).min(POSITION_MAX)
}

fn of_reader(ring: &Ring, entry: &Entry) -> Option<EndAccount> {
    // relaxed: as in `settled`
    if !Tenure::of(entry.state.load(Relaxed)).is_held() {
        return None;
    }
    let (cursor, shed) = settled(&entry.cursor, &entry.shed);
    let start = entry.start.load(Relaxed).min(cursor);
    let dropped = dropped(ring).saturating_sub(entry.dropped_before.load(Relaxed));
    let floor = ring.floor.load(Relaxed).min(POSITION_MAX);
    let head = claimed(ring).max(cursor).max(floor);
    let shed = shed.min(cursor - start);
    // What lies below the floor is as good as gone, though the reader has yet to find out.
    let passed = cursor.max(floor) - cursor;
    Some(EndAccount {
        kind: EndKind::Reader,
        published: head - start + dropped,
        delivered: cursor - start - shed,
        waiting: head - cursor - passed,
        shed: shed + passed,
        dropped,
        lost: 0,
    })
}

fn of_tap(ring: &Ring, tap: &TapTally) -> EndAccount {
    let (next, lost) = settled(&tap.next, &tap.lost);
    // relaxed: as in `settled`
    let dropped = dropped(ring).saturating_sub(tap.dropped_before);
    let head = claimed(ring).max(next);
    let lost = lost.min(next - tap.start);
    let oldest = head.saturating_sub(ring.capacity() as u64);
    let passed = next.max(oldest) - next;
    EndAccount {
        kind: EndKind::Tap,
        published: head - tap.start + dropped,
        delivered: next - tap.start - lost,
        waiting: head - next - passed,
        shed: 0,
        dropped,
        lost: lost + passed,
    }
}

pub(super) fn of(ring: &Ring) -> AxonAccount {
    let mut ends: Vec<_> = ring.entries.iter().filter_map(|e| of_reader(ring, e)).collect();
    let taps: Vec<_> = lock(&ring.taps).iter().filter_map(std::sync::Weak::upgrade).collect();
    ends.extend(taps.iter().map(|tap| of_tap(ring, tap)));
    // relaxed: counts
    let dropped = dropped(ring);
    AxonAccount {
        capacity: ring.capacity() as u64,
        published: claimed(ring) + dropped,
        dropped,
        deferred: ring.tally.deferred.load(Relaxed),
        ends,
    }
}
