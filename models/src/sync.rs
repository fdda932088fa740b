//! The model checker's atomics under the names that the core gives them, and the mutants.

pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::atomic::AtomicU64;
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use loom::thread::yield_now;
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::Ordering::Relaxed;

use std::sync::atomic::Ordering;

/// Nothing that is modelled sleeps for a time.
pub(crate) fn sleep(_: std::time::Duration) {
    yield_now();
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One, so that waits go to sleep soon.
pub(crate) fn cores() -> usize {
    1
}

/// A fence that was weakened is none.
pub(crate) fn fence(order: Ordering) {
    if order != Relaxed {
        loom::sync::atomic::fence(order);
    }
}

/// The orderings by name, as in the core, except for the one that is weakened.
pub mod order {
    use std::cell::Cell;
    use std::sync::atomic::Ordering;

    thread_local! {
        static WEAKENED: Cell<&'static str> = const { Cell::new("") };
    }

    /// Runs something while one ordering is `Relaxed`; the empty name weakens none.
    pub fn weakened<T>(name: &'static str, run: impl FnOnce() -> T) -> T {
        WEAKENED.set(name);
        let result = run();
        WEAKENED.set("");
        result
    }

    macro_rules! orders {
        ($($name:ident = $order:ident;)*) => {
            /// Every name with its ordering.
            pub const ALL: &[(&str, Ordering)] =
                &[$((stringify!($name), Ordering::$order)),*];

            $(
                pub(crate) fn $name() -> Ordering {
                    if WEAKENED.get() == stringify!($name) {
                        Ordering::Relaxed
                    } else {
                        Ordering::$order
                    }
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
