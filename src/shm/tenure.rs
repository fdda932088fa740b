//! Who holds a place in shared memory: a word that names the process and the turn, and lines that say which process
//! that is.
//!
//! ```text
//! bits 32-63  number of the process; 0 while nobody holds the place
//! bits 2-31   turn: raised each time the place is taken
//! bits 0-1    0 free, 1 being taken, 2 held
//! ```
//!
//! Whoever takes a place leaves its number with the same exchange, so a process that dies one instruction later can be
//! told by everybody. There is no lock that it could die with.

use crate::shm::mapping::Word;
use crate::shm::process::{self, Identity, Life};
use crate::sync::{AtomicU64, Relaxed, order};

const FREE: u64 = 0;
const TAKEN: u64 = 1;
const HELD: u64 = 2;
const PHASE: u64 = 3;
const TURN: u64 = 0xffff_fffc;
const NEXT_TURN: u64 = 4;

/// Somebody's turn in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tenure(u64);

impl Tenure {
    /// Nobody's: ends nothing.
    pub(crate) const LEFT: Self = Self(u64::MAX);

    /// What a word says, whatever it is.
    pub(crate) const fn of(word: u64) -> Self {
        Self(word)
    }

    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    pub(crate) const fn is_held(self) -> bool {
        self.0 & PHASE == HELD
    }

    pub(crate) const fn is_free(self) -> bool {
        self.0 & PHASE == FREE
    }

    pub(crate) const fn pid(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The same turn, and the place is ready to be looked at.
    pub(crate) const fn held(self) -> Self {
        Self(self.0 & !PHASE | HELD)
    }

    const fn next(self, pid: u32) -> Self {
        let turn = self.0.wrapping_add(NEXT_TURN) & TURN;
        Self((pid as u64) << 32 | turn | TAKEN)
    }

    const fn ended(self) -> Self {
        Self(self.0 & TURN | FREE)
    }
}

/// Which process a holder is; its number is in the tenure.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) start: Word,
    pub(crate) namespace: Word,
}

/// Takes a place that is free; the caller makes it ready and then stores the tenure as held.
pub(crate) fn take(state: &AtomicU64, holder: &Holder) -> Option<Tenure> {
    let found = Tenure::of(state.load(Relaxed));
    if found.is_free() { exchange(state, holder, found) } else { None }
}

/// Takes a place that is free or whose holder is dead; says who lives there otherwise.
pub(crate) fn take_over(state: &AtomicU64, holder: &Holder) -> Result<Tenure, u32> {
    // bound: a failed exchange is another's success, and that one lives
    loop {
        let (found, life) = judge(state, holder);
        if !found.is_free() && life != Life::Dead {
            return Err(found.pid());
        }
        if let Some(tenure) = exchange(state, holder, found) {
            return Ok(tenure);
        }
    }
}

/// Takes a place whoever holds it: for those whose right to it was settled elsewhere.
pub(crate) fn seize(state: &AtomicU64, holder: &Holder) -> Tenure {
    // bound: a failed exchange is another's success
    loop {
        let found = Tenure::of(state.load(Relaxed));
        if let Some(tenure) = exchange(state, holder, found) {
            return tenure;
        }
    }
}

fn exchange(state: &AtomicU64, holder: &Holder, found: Tenure) -> Option<Tenure> {
    let me = process::me();
    let taken = found.next(me.pid);
    // SYNC(slot-free): what the last holder stored here is over; `end` is the other half.
    state.compare_exchange(found.word(), taken.word(), order::slot_free_scan(), Relaxed).ok()?;
    // relaxed: published with the held tenure
    holder.start.store(me.start, Relaxed);
    holder.namespace.store(me.namespace, Relaxed);
    Some(taken)
}

/// Makes a place that was taken visible as held.
pub(crate) fn hold(state: &AtomicU64, taken: Tenure) -> Tenure {
    let held = taken.held();
    // SYNC(holder-known): whoever sees the tenure as held sees which process it is; `judge` is the other half.
    state.store(held.word(), order::holder_known_publish());
    held
}

/// Ends a tenure, if it is still the present one; whether it was.
pub(crate) fn end(state: &AtomicU64, tenure: Tenure) -> bool {
    // SYNC(slot-free): the holder's last loads and stores are over; a writer's scan of its readers and `exchange` are
    // the other half.
    let free = tenure.ended().word();
    state.compare_exchange(tenure.word(), free, order::slot_free_publish(), Relaxed).is_ok()
}

/// The present tenure, and whether its holder lives.
pub(crate) fn judge(state: &AtomicU64, holder: &Holder) -> (Tenure, Life) {
    // SYNC(holder-known): `hold` is the other half.
    let tenure = Tenure::of(state.load(order::holder_known_reap()));
    if tenure.is_free() {
        return (tenure, Life::Dead);
    }
    (tenure, process::life(identity(tenure, holder)))
}

/// Which process has a tenure, as far as it has said so.
pub(crate) fn identity(tenure: Tenure, holder: &Holder) -> Identity {
    let pid = tenure.pid();
    if tenure.is_held() {
        // relaxed: ordered by the load of the tenure
        let (start, namespace) = (holder.start.load(Relaxed), holder.namespace.load(Relaxed));
        Identity { pid, start, namespace }
    } else {
        // One who is about to hold the place may not have said yet when it started.
        Identity { pid, ..Identity::UNTOLD }
    }
}
