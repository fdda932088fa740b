//! The one place of this crate that is unsafe: requests to io_uring whose memory the kernel reads and writes while they
//! are under way.
//!
//! What is given out is safe to use in any order. The argument, once: all memory that a request may touch is owned by
//! the [`Ring`] as a [`Region`], at an address that does not change; a slice of it is given out only while no request
//! may touch it (a received buffer, until it is given back; the staging area, while nothing is being sent); and the
//! regions are freed only after every request has completed ([`Ring::settle`]), or never.
//!
//! ```text
//!  buffers   the kernel picks one for each piece that a multishot receive gets (Slot), and gets it back by a new entry
//!            in the ring of entries that was registered with it
//!  stage     one send at a time reads from it
//! ```
//!
//! What makes it fast is how seldom the kernel is entered. A small send is left to the wait behind it, which hands it
//! over and sleeps in one call; an event counter that pokes is watched once and for all; and because a ring belongs to
//! the thread that made it, the kernel does its part of the work only when that thread asks, without interrupting it.

#![allow(
    unsafe_code,
    reason = "requests carry addresses that the kernel follows; see the text above"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use io_uring::types::{BufRingEntry, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

/// Buffers that a multishot receive fills, a power of two, and the bytes of each.
const BUFFERS: u16 = 16;
const BUFFER_BYTES: usize = 64 << 10;

/// Bytes that one send can take.
const STAGE_BYTES: usize = 128 << 10;

/// More than the four requests that can be under way at once, and the completions that a receive may pile up.
const QUEUE: u32 = 64;

const GROUP: u16 = 0;
const PAGE: usize = 4096;

const RECEIVE: u64 = 1;
const SEND: u64 = 2;
const POKE: u64 = 3;
const CANCEL: u64 = 4;

/// How long a wait trusts the kernel to do a small send at once; a wait for one that is slow ends then.
const PROMPT: Duration = Duration::from_millis(1);

/// Memory at a fixed address, aligned to a page.
struct Region {
    start: NonNull<u8>,
    layout: std::alloc::Layout,
    /// A request may touch it for ever.
    kept: bool,
}

// SAFETY: a region is owned memory without ties to a thread; the pointer is not shared.
unsafe impl Send for Region {}

impl Region {
    fn new(bytes: usize) -> io::Result<Self> {
        let layout = std::alloc::Layout::from_size_align(bytes.max(PAGE), PAGE);
        let layout = layout.map_err(io::Error::other)?;
        // SAFETY: the layout has a size, which is at least a page.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        match NonNull::new(start) {
            Some(start) => Ok(Self { start, layout, kept: false }),
            None => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }

    fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // SAFETY: allocated in `new` with this layout, and freed once; whoever owns the region drops it only after the
        // last request that may touch it has completed.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// A buffer that the kernel has filled, until it is given back.
#[derive(Debug)]
pub(crate) struct Slot {
    buffer: u16,
    length: usize,
}

/// What has completed.
#[derive(Debug)]
pub(crate) enum Done {
    /// Bytes have come.
    Received(Slot),
    /// The other side has closed.
    Closed,
    /// The receive has ended for want of buffers, or for no reason; it can be asked for again.
    Paused,
    /// So many bytes of the stage have gone.
    Sent(usize),
    /// Somebody has poked.
    Poked,
    /// The connection has failed.
    Failed(io::Error),
}

/// A ring, its memory, and what is under way.
pub(crate) struct Ring {
    ring: IoUring,
    entries: Region,
    buffers: Region,
    stage: Region,
    counter: File,
    tail: u16,
    receiving: bool,
    sending: bool,
    /// A send stands in the queue that the kernel has not been given.
    queued: bool,
    watching: bool,
    /// Completion could not be waited for: the memory is never freed.
    lost: bool,
}

impl Ring {
    /// A ring for the calling thread, which is poked through an event counter.
    pub(crate) fn new(counter: File) -> io::Result<Self> {
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(QUEUE)?;
        let mut ring = Self {
            ring,
            entries: Region::new(usize::from(BUFFERS) * size_of::<BufRingEntry>())?,
            buffers: Region::new(usize::from(BUFFERS) * BUFFER_BYTES)?,
            stage: Region::new(STAGE_BYTES)?,
            counter,
            tail: 0,
            receiving: false,
            sending: false,
            queued: false,
            watching: false,
            lost: false,
        };
        let (address, submitter) = (ring.entries.address(), ring.ring.submitter());
        // SAFETY: the region holds that many entries at a page's beginning, and outlives the ring: `Drop` settles.
        unsafe { submitter.register_buf_ring_with_flags(address, BUFFERS, GROUP, 0) }?;
        (0..BUFFERS).for_each(|buffer| ring.offer(buffer));
        Ok(ring)
    }

    /// Gives a buffer to the kernel.
    fn offer(&mut self, buffer: u16) {
        let base = self.entries.start.as_ptr().cast::<BufRingEntry>();
        let at = usize::from(self.tail & (BUFFERS - 1));
        let place = base.wrapping_add(at);
        // SAFETY: `at` is below the number of entries that the region has room for; the region is zeroed or was written
        // here, and the kernel only reads it. No other reference into it lives.
        let entry = unsafe { &mut *place };
        entry.set_addr(self.buffers.address() + u64::from(buffer) * BUFFER_BYTES as u64);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: `base` is the first entry of the ring, initialised as above.
        let tail = unsafe { BufRingEntry::tail(base) };
        // SAFETY: the tail is two aligned bytes of the region that live as long as it, and are otherwise touched by the
        // kernel's reads only.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        // SYNC(buffer-offered): the kernel, which loads the tail, sees the entry.
        tail.store(self.tail, Ordering::Release);
    }

    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        // SAFETY: the requests of this file name memory of the regions, which live until `settle` has seen their
        // completion, and descriptors, which the kernel checks.
        unsafe { self.ring.submission().push(entry) }.map_err(io::Error::other)
    }

    /// Receives from a socket until it ends, in pieces, into buffers that the kernel picks.
    pub(crate) fn receive(&mut self, socket: RawFd) -> io::Result<()> {
        if !self.receiving {
            let request = opcode::RecvMulti::new(Fd(socket), GROUP).build().user_data(RECEIVE);
            self.push(&request)?;
            self.receiving = true;
        }
        Ok(())
    }

    /// Whether a receive is under way.
    pub(crate) fn is_receiving(&self) -> bool {
        self.receiving
    }

    /// Whether a send is under way.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending
    }

    /// Where to write what is to be sent; nothing while a send is under way.
    pub(crate) fn stage(&mut self) -> Option<&mut [u8]> {
        // SAFETY: no send is under way, so no request reads the region; it has `STAGE_BYTES` initialised bytes, and the
        // borrow of the ring keeps a send from beginning.
        (!self.sending).then(|| unsafe {
            std::slice::from_raw_parts_mut(self.stage.start.as_ptr(), STAGE_BYTES)
        })
    }

    /// Sends bytes `from..to` of the stage, all of them; one send at a time. The kernel is given it by the next
    /// [`submit`](Self::submit) or [`wait`](Self::wait).
    pub(crate) fn send(&mut self, socket: RawFd, from: usize, to: usize) -> io::Result<()> {
        if self.sending || from >= to || to > STAGE_BYTES {
            return Err(io::Error::other(format!("bytes {from} to {to} cannot be sent now")));
        }
        let start = self.stage.start.as_ptr().wrapping_add(from);
        let request = opcode::Send::new(Fd(socket), start, (to - from) as u32);
        let request = request.flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL).build();
        self.push(&request.user_data(SEND))?;
        (self.sending, self.queued) = (true, true);
        Ok(())
    }

    /// Whether the kernel has yet to be given a send.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued
    }

    /// Waits for pokes from now on. The counter is never read: every change of it is a poke.
    pub(crate) fn watch(&mut self) -> io::Result<()> {
        if !self.watching {
            let counter = Fd(self.counter.as_raw_fd());
            let request = opcode::PollAdd::new(counter, libc::POLLIN as u32).multi(true).build();
            self.push(&request.user_data(POKE))?;
            self.watching = true;
        }
        Ok(())
    }

    /// Hands requests to the kernel without waiting.
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        self.queued = false;
        match self.ring.submit() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// Hands requests to the kernel and waits for a completion, or a time. That of a send which is handed over now is
    /// not waited for: it comes at once, or the wait is short.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let queued = std::mem::take(&mut self.queued);
        let (wanted, timeout) = match timeout {
            _ if !queued => (1, timeout),
            timeout => (2, Some(timeout.map_or(PROMPT, |timeout| timeout.min(PROMPT)))),
        };
        let outcome = match timeout {
            None => self.ring.submit_and_wait(wanted),
            Some(timeout) => {
                let time = Timespec::from(timeout);
                self.ring.submitter().submit_with_args(wanted, &SubmitArgs::new().timespec(&time))
            }
        };
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::ETIME) => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// What has completed next, if anything has.
    pub(crate) fn next(&mut self) -> Option<Done> {
        // bound: each round takes a completion
        loop {
            let done = self.ring.completion().next()?;
            let (result, more) = (done.result(), cqueue::more(done.flags()));
            match done.user_data() {
                RECEIVE => {
                    self.receiving = more;
                    return Some(received(result, done.flags()));
                }
                SEND => {
                    self.sending = false;
                    return Some(match usize::try_from(result) {
                        Ok(length) => Done::Sent(length),
                        Err(_) => Done::Failed(io::Error::from_raw_os_error(-result)),
                    });
                }
                POKE => {
                    self.watching = more;
                    return Some(Done::Poked);
                }
                // A cancellation has nothing to say: what it cancelled completes too.
                _ => {}
            }
        }
    }

    /// The bytes in a buffer.
    pub(crate) fn bytes(&self, slot: &Slot) -> &[u8] {
        let length = slot.length.min(BUFFER_BYTES);
        let start =
            self.buffers.start.as_ptr().wrapping_add(usize::from(slot.buffer) * BUFFER_BYTES);
        // SAFETY: the kernel has filled this buffer and does not touch it before it is offered again, which takes the
        // slot; the range lies within the region, since slots are made for numbers below `BUFFERS` only.
        unsafe { std::slice::from_raw_parts(start, length) }
    }

    /// Gives a buffer back to be filled again.
    pub(crate) fn give_back(&mut self, slot: Slot) {
        self.offer(slot.buffer);
    }

    /// Cancels what is under way on the connection and waits until it is not; buffers that came meanwhile are given
    /// back.
    pub(crate) fn settle(&mut self) {
        self.cancel(&[(self.receiving, RECEIVE), (self.sending, SEND)]);
        // bound: the kernel completes what is cancelled
        while (self.receiving || self.sending) && !self.lost {
            self.await_end();
        }
    }

    fn cancel(&mut self, requests: &[(bool, u64)]) {
        for &(under_way, what) in requests {
            if under_way {
                let request = opcode::AsyncCancel::new(what).build().user_data(CANCEL);
                self.lost |= self.push(&request).is_err();
            }
        }
    }

    fn await_end(&mut self) {
        self.lost |= self.wait(None).is_err();
        while let Some(done) = self.next() {
            if let Done::Received(slot) = done {
                self.give_back(slot);
            }
        }
    }
}

/// A counter whose every change pokes the thread that watches it: writing a number of 8 bytes, above 0, to it.
pub(crate) fn counter() -> io::Result<File> {
    // SAFETY: the call takes two numbers and touches no memory.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just opened it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }.into())
}

fn received(result: i32, flags: u32) -> Done {
    let buffer = cqueue::buffer_select(flags).filter(|&buffer| buffer < BUFFERS);
    match (usize::try_from(result), buffer) {
        (Ok(0), None) => Done::Closed,
        (Ok(length), Some(buffer)) => Done::Received(Slot { buffer, length }),
        (Ok(_), None) => Done::Failed(io::Error::other("bytes came without a buffer")),
        (Err(_), _) if result == -libc::ENOBUFS => Done::Paused,
        (Err(_), _) => Done::Failed(io::Error::from_raw_os_error(-result)),
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.settle();
        for region in [&mut self.entries, &mut self.buffers, &mut self.stage] {
            region.kept = self.lost;
        }
    }
}
