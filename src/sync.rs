//! The only place of the core that names atomics, and the list of its orderings.
//!
//! Code that shares memory takes its atomics, fences and locks from here, so that the package `models` can compile the
//! same files against a model checker's. Every ordering stronger than `Relaxed` is a function of [`order`] with a name
//! of its own; the models weaken one at a time and demand that something breaks.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::Ordering::Relaxed;
pub(crate) use std::sync::atomic::{AtomicU64, fence};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::yield_now;

/// Takes a lock whether or not a holder panicked: what these locks guard is valid after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Sleeps for a time: for those who wait on memory that they may only read, where nobody can wake them.
#[expect(clippy::disallowed_methods, reason = "there is nothing to be woken by")]
pub(crate) fn sleep(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// How many threads can run at once; asked of the system once.
pub(crate) fn cores() -> usize {
    static CORES: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The orderings stronger than `Relaxed`, by name; ARCHITECTURE.md has the table of who pairs with whom.
pub(crate) mod order {
    use std::sync::atomic::Ordering;

    macro_rules! orders {
        ($($name:ident = $order:ident;)*) => {
            $(
                #[inline(always)]
                pub(crate) const fn $name() -> Ordering {
                    Ordering::$order
                }
            )*
        };
    }

    orders! {
        spike_visible_publish = Release;
        spike_visible_read = Acquire;
        slot_claimed_publish = Release;
        slot_claimed_check = Acquire;
        claim_seen_jump = Acquire;
        floor_seen_skip = Acquire;
        slot_free_publish = Release;
        slot_free_scan = Acquire;
        reader_listed_clone = Release;
        reader_attached_attach = SeqCst;
        reader_attached_scan = SeqCst;
        holder_known_publish = Release;
        holder_known_reap = Acquire;
        segment_held_take = Acquire;
        segment_held_let_go = Release;
        segment_anew_publish = Release;
        segment_anew_check = Acquire;
        block_written_publish = Release;
        block_written_check = Acquire;
        header_written_make = Release;
        header_written_open = Acquire;
        bell_rung_ring = Release;
        bell_rung_wait = Acquire;
        slots_taken_count = Release;
        slots_taken_look = Acquire;
        all_idle_say = Release;
        all_idle_look = Acquire;
    }
}
