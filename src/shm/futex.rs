//! Sleeping on a word that processes share.

#![allow(unsafe_code, reason = "the system's call takes an address")]

use std::time::Duration;

use crate::sync::AtomicU64;

/// Sleeps while the low half of the word is that of `seen`, at most for a time. May return at any moment.
#[cfg(target_os = "linux")]
pub(crate) fn wait(word: &AtomicU64, seen: u64, timeout: Duration) {
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs().min(1 << 30) as libc::time_t,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: the address is that of a live, aligned half word, which only the system reads and only during the call;
    // the time lives as long. A failure (interrupted, changed, over) is a return like any other.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            low_half(word),
            libc::FUTEX_WAIT,
            seen as u32,
            &raw const timeout,
        );
    }
}

/// Wakes everybody who sleeps on the word.
#[cfg(target_os = "linux")]
pub(crate) fn wake_all(word: &AtomicU64) {
    // SAFETY: the address only names those who sleep; the call reads nothing there.
    unsafe { libc::syscall(libc::SYS_futex, low_half(word), libc::FUTEX_WAKE, libc::c_int::MAX) };
}

#[cfg(target_os = "linux")]
fn low_half(word: &AtomicU64) -> *const u32 {
    let halves = std::ptr::from_ref(word).cast::<u32>();
    halves.wrapping_add(usize::from(cfg!(target_endian = "big")))
}

/// Sleeps a little: elsewhere nobody can be woken by a word.
#[cfg(not(target_os = "linux"))]
pub(crate) fn wait(_: &AtomicU64, _: u64, timeout: Duration) {
    std::thread::park_timeout(timeout.min(Duration::from_millis(1)));
}

/// Nobody sleeps long enough to be woken.
#[cfg(not(target_os = "linux"))]
pub(crate) fn wake_all(_: &AtomicU64) {}
