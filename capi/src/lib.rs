//! The brain directory for programs in other languages: `neuronbus.h` declares what stands here.
//!
//! Every function returns a code and never unwinds. A handle belongs to one thread at a time.

#![allow(unsafe_code, reason = "a C program passes addresses")]

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use neuronbus::arena::ArenaError;
use neuronbus::brain::{Brain, BrainError, Motor, Sensory};

/// It was done.
pub const NB_OK: c_int = 0;
/// Nothing came within the time.
pub const NB_NOTHING: c_int = 1;
/// No room within the time: the cortex has not caught up.
pub const NB_FULL: c_int = 2;
/// The cortex has died; another may come.
pub const NB_GONE: c_int = 3;
/// The cortex has ended; another may come.
pub const NB_ENDED: c_int = 4;
/// The payload was longer than the buffer and is cut off.
pub const NB_CUT: c_int = 5;
/// There is no such brain or gate, its place is taken, or its files are not of this version.
pub const NB_REFUSED: c_int = 6;
/// An address is null, or a text is no UTF-8.
pub const NB_ARGUMENT: c_int = 7;
/// A defect of the library.
pub const NB_DEFECT: c_int = 8;

fn code(error: &BrainError) -> c_int {
    match error {
        BrainError::Full { .. } | BrainError::Arena(ArenaError::Full { .. }) => NB_FULL,
        BrainError::CortexGone { .. } => NB_GONE,
        BrainError::CortexEnded { .. } => NB_ENDED,
        _ => NB_REFUSED,
    }
}

/// Nothing unwinds into a program that cannot know what that is.
fn guarded(work: impl FnOnce() -> c_int) -> c_int {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(NB_DEFECT)
}

/// A text of the caller.
///
/// # Safety
/// `text` is null or points to a text that ends with a zero and stays as it is for `'a`.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

/// Hands a new handle out.
///
/// # Safety
/// `into` is null or may be written.
unsafe fn hand_out<T>(into: *mut *mut T, made: Result<T, BrainError>) -> c_int {
    if into.is_null() {
        return NB_ARGUMENT;
    }
    match made {
        Ok(value) => {
            let handle = Box::into_raw(Box::new(value));
            // SAFETY: not null, and the caller vouches that it may be written.
            unsafe { into.write(handle) };
            NB_OK
        }
        Err(error) => code(&error),
    }
}

/// Takes a handle back.
///
/// # Safety
/// `handle` is null or came from `hand_out` and was not taken back before.
unsafe fn take_back<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it was made by `Box::into_raw` and is given up here.
        let held = unsafe { Box::from_raw(handle) };
        let _ = guarded(|| {
            drop(held);
            NB_OK
        });
    }
}

/// Joins the brain in a directory.
///
/// # Safety
/// `path` is null or a text that ends with a zero; `brain` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_attach(path: *const c_char, brain: *mut *mut Brain) -> c_int {
    // SAFETY: the caller's promise about `path`.
    let Some(path) = (unsafe { text(path) }) else { return NB_ARGUMENT };
    guarded(|| {
        // SAFETY: the caller's promise about `brain`.
        unsafe { hand_out(brain, Brain::attach(Path::new(path))) }
    })
}

/// Leaves a brain; what was opened through it stays open.
///
/// # Safety
/// `brain` is null or came from `nb_attach` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_detach(brain: *mut Brain) {
    // SAFETY: the caller's promise.
    unsafe { take_back(brain) }
}

/// Opens a sensory gate to send spikes in.
///
/// # Safety
/// `brain` is null or a brain; `gate` is null or a text that ends with a zero; `sensory` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_sensory(
    brain: *const Brain,
    gate: *const c_char,
    sensory: *mut *mut Sensory,
) -> c_int {
    // SAFETY: the caller's promise about `brain`.
    let brain = unsafe { brain.as_ref() };
    // SAFETY: the caller's promise about `gate`.
    let (Some(brain), Some(gate)) = (brain, unsafe { text(gate) }) else { return NB_ARGUMENT };
    guarded(|| {
        // SAFETY: the caller's promise about `sensory`.
        unsafe { hand_out(sensory, brain.sensory(gate)) }
    })
}

/// Sends a spike, waiting up to so many nanoseconds for room.
///
/// # Safety
/// `sensory` is null or an open gate that no other thread uses; `payload` is null or `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_fire(
    sensory: *mut Sensory,
    payload: *const u8,
    length: usize,
    timeout_ns: u64,
) -> c_int {
    // SAFETY: the caller's promise about `sensory`.
    let Some(sensory) = (unsafe { sensory.as_mut() }) else { return NB_ARGUMENT };
    let payload: &[u8] = match (payload.is_null(), length) {
        (_, 0) => &[],
        (true, _) => return NB_ARGUMENT,
        // SAFETY: not null, and the caller vouches for so many bytes.
        (false, _) => unsafe { std::slice::from_raw_parts(payload, length) },
    };
    guarded(|| match sensory.fire_within(payload, Duration::from_nanos(timeout_ns)) {
        Ok(()) => NB_OK,
        Err(error) => code(&error),
    })
}

/// Closes a sensory gate; what was accepted stays accepted.
///
/// # Safety
/// `sensory` is null or came from `nb_sensory` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_sensory_close(sensory: *mut Sensory) {
    // SAFETY: the caller's promise.
    unsafe { take_back(sensory) }
}

/// Opens a motor gate to read what is sent out from now on.
///
/// # Safety
/// `brain` is null or a brain; `gate` is null or a text that ends with a zero; `motor` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_motor(
    brain: *const Brain,
    gate: *const c_char,
    motor: *mut *mut Motor,
) -> c_int {
    // SAFETY: the caller's promise about `brain`.
    let brain = unsafe { brain.as_ref() };
    // SAFETY: the caller's promise about `gate`.
    let (Some(brain), Some(gate)) = (brain, unsafe { text(gate) }) else { return NB_ARGUMENT };
    guarded(|| {
        // SAFETY: the caller's promise about `motor`.
        unsafe { hand_out(motor, brain.motor(gate)) }
    })
}

/// Copies the next spike's payload into a buffer, waiting up to so many nanoseconds for one; `length` is what it had.
///
/// # Safety
/// `motor` is null or an open gate that no other thread uses; `buffer` is null or may be written for `capacity` bytes;
/// `length` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_read(
    motor: *mut Motor,
    buffer: *mut u8,
    capacity: usize,
    length: *mut usize,
    timeout_ns: u64,
) -> c_int {
    // SAFETY: the caller's promise about `motor`.
    let Some(motor) = (unsafe { motor.as_mut() }) else { return NB_ARGUMENT };
    if length.is_null() || (buffer.is_null() && capacity > 0) {
        return NB_ARGUMENT;
    }
    guarded(|| {
        let heard = match motor.read_within(Duration::from_nanos(timeout_ns)) {
            Ok(Some(heard)) => heard.payload,
            Ok(None) => return NB_NOTHING,
            Err(error) => return code(&error),
        };
        let copied = heard.len().min(capacity);
        if copied > 0 {
            // SAFETY: so many bytes are there on both sides, and a payload is never the caller's buffer.
            unsafe { std::ptr::copy_nonoverlapping(heard.as_ptr(), buffer, copied) };
        }
        // SAFETY: not null, and the caller vouches that it may be written.
        unsafe { length.write(heard.len()) };
        if copied < heard.len() { NB_CUT } else { NB_OK }
    })
}

/// Closes a motor gate; the cortex does not wait for it any more.
///
/// # Safety
/// `motor` is null or came from `nb_motor` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nb_motor_close(motor: *mut Motor) {
    // SAFETY: the caller's promise.
    unsafe { take_back(motor) }
}
