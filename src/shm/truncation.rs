//! Files that are cut short while they are mapped.
//!
//! A load or store beyond the end of a mapped file raises SIGBUS, which ends the process; and anybody who may write a
//! file may shorten it. Nothing that is checked beforehand helps, because the next instruction may come after the cut,
//! and a file that cannot be shortened (a sealed memory file) dies with its maker, so that no second cortex could take
//! it over. The handler here therefore puts a page of private zeros where the access failed and notes that the file is
//! damaged. Zeros are refused by everything that reads shared memory, as any other damage is. A fault elsewhere goes to
//! whoever handled SIGBUS before.

#![allow(unsafe_code, reason = "a signal handler that maps memory")]

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Files that one process can have mapped at once.
const WATCHES: usize = 4096;

/// A range of addresses, free while its length is 0. Only plain atomics: a handler may not lock.
struct Range {
    start: AtomicUsize,
    length: AtomicUsize,
    taken: AtomicBool,
    fired: AtomicBool,
}

static RANGES: [Range; WATCHES] = [const {
    Range {
        start: AtomicUsize::new(0),
        length: AtomicUsize::new(0),
        taken: AtomicBool::new(false),
        fired: AtomicBool::new(false),
    }
}; WATCHES];

/// Keeps a mapped range from ending the process; dropped before the range is unmapped.
#[derive(Debug)]
pub(super) struct Watch {
    number: usize,
}

impl Watch {
    /// Watches a range from now on. Refused when more files are mapped than can be watched.
    pub(super) fn begin(start: usize, length: usize) -> io::Result<Self> {
        install()?;
        let take = |range: &Range| {
            // SYNC(watch-taken): what the last holder stored is over; the drop is the other half.
            range.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        let Some(number) = RANGES.iter().position(take) else {
            let why = format!("more than {WATCHES} shared files are mapped");
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, why));
        };
        let range = &RANGES[number];
        // relaxed: the handler runs on the thread that touched the range, to which the mapping was handed after this
        range.fired.store(false, Ordering::Relaxed);
        range.start.store(start, Ordering::Relaxed);
        range.length.store(length, Ordering::Relaxed);
        Ok(Self { number })
    }

    /// Whether a page of the range had to be replaced.
    pub(super) fn has_fired(&self) -> bool {
        // relaxed: a flag that orders nothing
        RANGES[self.number].fired.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let range = &RANGES[self.number];
        // relaxed: ordered by the next store for whoever takes the range
        range.length.store(0, Ordering::Relaxed);
        // SYNC(watch-taken): `begin` is the other half.
        range.taken.store(false, Ordering::Release);
    }
}

#[cfg(unix)]
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

#[cfg(unix)]
fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let outcome = INSTALLED.get_or_init(|| {
        let mut before = std::mem::MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: a null new action only asks; the old one is written to memory of its type.
        let asked = unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), before.as_mut_ptr()) };
        let failed = || Err(io::Error::last_os_error().raw_os_error().unwrap_or(0));
        if asked != 0 {
            return failed();
        }
        // SAFETY: the call that wrote it succeeded.
        let before = unsafe { before.assume_init() };
        // Stored before the handler can run.
        let _ = BEFORE.set(before);
        let mut action = before;
        action.sa_sigaction = replace_page as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: a whole action, derived from one of the system's, whose function has the signature that SA_SIGINFO
        // asks for and does only what a handler may.
        let set = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) };
        if set == 0 { Ok(()) } else { failed() }
    });
    outcome.map_err(io::Error::from_raw_os_error)
}

#[cfg(not(unix))]
fn install() -> io::Result<()> {
    Ok(())
}

/// The range that an address lies in.
#[cfg(unix)]
fn watched(address: usize) -> Option<&'static Range> {
    RANGES.iter().find(|range| {
        // relaxed: a range that can be touched was stored before its mapping was handed out
        let start = range.start.load(Ordering::Relaxed);
        let length = range.length.load(Ordering::Relaxed);
        length != 0 && address.wrapping_sub(start) < length
    })
}

/// What is called at SIGBUS.
#[cfg(unix)]
extern "C" fn replace_page(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the system passes a valid description of the signal.
    let info_ref = unsafe { &*info };
    // SAFETY: SIGBUS has an address.
    let address = unsafe { info_ref.si_addr() } as usize;
    let Some(range) = watched(address) else { return hand_on(signal, info, context) };
    // SAFETY: a question about a constant of the system, allowed in a handler.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let start = (address & !(page - 1)) as *mut libc::c_void;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the page belongs to a mapping of ours that is alive, since it was just accessed; it holds nothing but
    // atomic words, for which every content is valid, and whoever has a reference goes on having one to live memory.
    let replaced = unsafe { libc::mmap(start, page, protection, flags, -1, 0) };
    if replaced == libc::MAP_FAILED {
        return hand_on(signal, info, context);
    }
    // relaxed: a flag that orders nothing
    range.fired.store(true, Ordering::Relaxed);
}

/// Leaves a fault to whoever handled it before.
#[cfg(unix)]
fn hand_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(before) = BEFORE.get() else { return };
    let with_info = before.sa_flags & libc::SA_SIGINFO != 0;
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: restores what was; the access is then repeated and ends as it would have without us.
            unsafe { libc::sigaction(signal, before, std::ptr::null_mut()) };
        }
        handler if with_info => {
            type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            // SAFETY: the system said that a handler of this signature stood here.
            let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: the system said that a handler of this signature stood here.
            let handler =
                unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler) };
            handler(signal);
        }
    }
}
