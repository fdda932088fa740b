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
//!  poke      the read of an event counter writes to it: how a sleeping thread is woken
//! ```

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
const BUFFERS: u16 = 32;
const BUFFER_BYTES: usize = 16 << 10;

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

const POKE_BYTES: u32 = 8;

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
    poke: Region,
    counter: File,
    tail: u16,
    receiving: bool,
    sending: bool,
    poking: bool,
    /// Completion could not be waited for: the memory is never freed.
    lost: bool,
}

impl Ring {
    pub(crate) fn new() -> io::Result<Self> {
        let ring = IoUring::builder().setup_coop_taskrun().build(QUEUE)?;
        let mut ring = Self {
            ring,
            entries: Region::new(usize::from(BUFFERS) * size_of::<BufRingEntry>())?,
            buffers: Region::new(usize::from(BUFFERS) * BUFFER_BYTES)?,
            stage: Region::new(STAGE_BYTES)?,
            poke: Region::new(POKE_BYTES as usize)?,
            counter: counter()?,
            tail: 0,
            receiving: false,
            sending: false,
            poking: false,
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

    /// Sends bytes `from..to` of the stage; one send at a time.
    pub(crate) fn send(&mut self, socket: RawFd, from: usize, to: usize) -> io::Result<()> {
        if self.sending || from >= to || to > STAGE_BYTES {
            return Err(io::Error::other(format!("bytes {from} to {to} cannot be sent now")));
        }
        let start = self.stage.start.as_ptr().wrapping_add(from);
        let request = opcode::Send::new(Fd(socket), start, (to - from) as u32);
        self.push(&request.build().user_data(SEND))?;
        self.sending = true;
        Ok(())
    }

    /// Waits for a poke, once.
    pub(crate) fn watch(&mut self) -> io::Result<()> {
        if !self.poking {
            let counter = Fd(self.counter.as_raw_fd());
            let request = opcode::Read::new(counter, self.poke.start.as_ptr(), POKE_BYTES).build();
            self.push(&request.user_data(POKE))?;
            self.poking = true;
        }
        Ok(())
    }

    /// What pokes: writing a number of 8 bytes, above 0, to it.
    pub(crate) fn poker(&self) -> io::Result<File> {
        self.counter.try_clone()
    }

    /// Hands requests to the kernel without waiting.
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        match self.ring.submit() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// Hands requests to the kernel and waits for a completion, or a time.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let outcome = match timeout {
            None => self.ring.submit_and_wait(1),
            Some(timeout) => {
                let time = Timespec::from(timeout);
                self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&time))
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
                    self.poking = false;
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

/// A counter that is read when it is above 0.
fn counter() -> io::Result<File> {
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
        self.cancel(&[(self.poking, POKE)]);
        // bound: the kernel completes what is cancelled
        while self.poking && !self.lost {
            self.await_end();
        }
        for region in [&mut self.entries, &mut self.buffers, &mut self.stage, &mut self.poke] {
            region.kept = self.lost;
        }
    }
}
