//! Hints to the machine about memory that is large or will be read soon. None changes what a program computes.

#![allow(unsafe_code, reason = "the hints take addresses")]

/// Bytes of a cache line.
const LINE: usize = 64;
/// Lines of a slice that are asked for; the machine itself sees where a longer read is going.
const LINES: usize = 16;
/// Smaller memory gains nothing from huge pages.
const LARGE: usize = 2 << 20;
const PAGE: usize = 4096;

/// Asks for the beginning of a slice to be brought near, because it will be read soon.
#[inline(always)]
pub(crate) fn prefetch<T>(soon: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let bytes = std::mem::size_of_val(soon).min(LINES * LINE);
        for offset in (0..bytes).step_by(LINE) {
            let line = soon.as_ptr().cast::<i8>().wrapping_add(offset);
            // SAFETY: a prefetch reads nothing that the program can see and never faults, whatever the address; this
            // one is inside the slice.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = soon;
}

/// An empty vector with room for so many; if that is large, in huge pages where the system has them, because reading
/// here and there in it would otherwise miss the page table's cache.
pub(crate) fn vector<T>(room: usize) -> Vec<T> {
    let vector = Vec::with_capacity(room);
    advise(&vector);
    vector
}

#[cfg(target_os = "linux")]
fn advise<T>(vector: &Vec<T>) {
    let bytes = vector.capacity() * std::mem::size_of::<T>();
    if bytes < LARGE {
        return;
    }
    let start = vector.as_ptr().addr();
    let (first, end) = (start.next_multiple_of(PAGE), (start + bytes) / PAGE * PAGE);
    let pages = vector.as_ptr().cast::<u8>().wrapping_add(first - start).cast_mut();
    // SAFETY: the whole pages lie inside the vector's memory, and the advice leaves their contents alone. A refusal
    // leaves everything as it was.
    unsafe { libc::madvise(pages.cast(), end - first, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_: &Vec<T>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_change_nothing() {
        for room in [0, 1, 100, LARGE / 8, LARGE / 8 + 777] {
            let mut numbers = vector::<u64>(room);
            assert!(numbers.is_empty() && numbers.capacity() >= room);
            numbers.extend(0..room as u64);
            prefetch(&numbers);
            prefetch(&numbers[room..]);
            assert!(numbers.iter().copied().eq(0..room as u64));
        }
    }
}
