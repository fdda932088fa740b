//! Whether several threads that publish slots for each other all have nothing to do; asked without stopping anybody.
//!
//! Each counts what it publishes and what it takes in, and says when it has nothing to do. The one that asks adds up
//! first what all have taken in, then looks who has nothing to do, then adds up what all have published:
//!
//! ```text
//! taken in, all <= published, all      at any moment: a slot is counted before it can be taken in
//! taken in, before == published, after in between nothing was published, and nothing was on its way
//! idle, each, in between               so nobody had anything to publish, nor ever will unless the asker does
//! ```

use crossbeam_utils::CachePadded;

use crate::sync::order;
use crate::sync::{Arc, AtomicU64, Relaxed};

/// What one shows of itself.
#[derive(Debug)]
struct Shown {
    /// Slots that it published, once for each of the others.
    published: AtomicU64,
    /// Slots that it took in.
    taken: AtomicU64,
    /// 1 while it has nothing to do.
    idle: AtomicU64,
}

/// What one of several shows of itself, and sees of the others.
#[derive(Debug)]
pub(crate) struct Idleness {
    index: usize,
    all: Arc<[CachePadded<Shown>]>,
}

impl Idleness {
    /// Of so many, none of which is idle yet.
    pub(crate) fn of(count: usize) -> Vec<Self> {
        let zero = || AtomicU64::new(0);
        let shown = |_| Shown { published: zero(), taken: zero(), idle: zero() };
        let all: Arc<[CachePadded<Shown>]> = (0..count).map(shown).map(CachePadded::new).collect();
        (0..count).map(|index| Self { index, all: all.clone() }).collect()
    }

    /// So many slots are about to be published.
    pub(crate) fn will_publish(&self, slots: usize) {
        let copies = slots as u64 * (self.all.len() as u64 - 1);
        // relaxed: whoever takes a slot in, or sees this one idle, sees what this thread did before
        self.all[self.index].published.fetch_add(copies, Relaxed);
    }

    /// So many slots have been taken in.
    pub(crate) fn has_taken(&self, slots: u64) {
        // SYNC(slots-taken): who counts them sees that this one is not idle; pairs with `are_others_idle`.
        self.all[self.index].taken.fetch_add(slots, order::slots_taken_count());
    }

    /// Says whether this one has nothing to do: `false` before it takes in what ended that.
    pub(crate) fn be_idle(&self, idle: bool) {
        // SYNC(all-idle): who sees it sees what was published before; pairs with `are_others_idle`.
        self.all[self.index].idle.store(u64::from(idle), order::all_idle_say());
    }

    /// Whether nobody else has anything to do, and nothing is on its way; for one that has published all it had to.
    pub(crate) fn are_others_idle(&self) -> bool {
        // SYNC(slots-taken): looked at before the marks; pairs with `has_taken`.
        let taken = self.all.iter().map(|one| one.taken.load(order::slots_taken_look()));
        let taken: u64 = taken.sum();
        // SYNC(all-idle): looked at before the counts of what was published; pairs with `be_idle`.
        let is_idle = |one: &CachePadded<Shown>| one.idle.load(order::all_idle_look()) == 1;
        let others = self.all.iter().enumerate().filter(|&(index, _)| index != self.index);
        let idle = others.fold(true, |all, (_, one)| all & is_idle(one));
        // relaxed: ordered by the loads above
        idle && self.all.iter().map(|one| one.published.load(Relaxed)).sum::<u64>() == taken
    }
}
