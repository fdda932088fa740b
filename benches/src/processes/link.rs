//! What joins two processes, as the measurements use it.

use std::path::Path;

use neuronbus::axon::{Axon, AxonHub, AxonReader};

use crate::rings::{Receiver, Sender};

/// Slots of a ring.
pub(super) const SLOTS: usize = 1024;

/// The number by which the other side says that it is there.
const HELLO: u64 = 1 << 62;

/// Two ways between two processes that meet in a folder.
pub(crate) trait Link: Sized {
    /// The side that makes what is shared.
    fn here(folder: &Path) -> Self;

    /// The side that finds it.
    fn there(folder: &Path) -> Self;

    /// Waits until the other side is there, if whatever is sent before is lost.
    fn meet(&mut self) {}

    /// Waits, before the other process ends, until what it said was taken, if it would be lost otherwise.
    fn leave(self) {}

    /// Sends one message, if it fits.
    fn send(&mut self, number: u64) -> bool;

    /// Sends [`BATCH`](crate::rings::BATCH) messages or as many as fit; how many.
    fn send_batch(&mut self, from: u64) -> u64;

    /// Receives and checks one message, if there is one.
    fn receive(&mut self, number: u64) -> bool;

    /// Receives and checks some messages; how many.
    fn receive_batch(&mut self, from: u64) -> u64;
}

/// An axon in a file for each way.
pub(super) struct Axons {
    out: Axon,
    back: AxonReader,
}

impl Link for Axons {
    fn here(folder: &Path) -> Self {
        let out = Axon::create(folder.join("there.axon"), SLOTS).expect("a power of two");
        // The readers' places are taken before anything is sent.
        let back = folder.join("back.axon");
        drop(Axon::create(&back, SLOTS).expect("a power of two"));
        let back = AxonHub::open(back).and_then(|hub| hub.reader());
        Self { out, back: back.expect("it was just made") }
    }

    fn there(folder: &Path) -> Self {
        let back = AxonHub::open(folder.join("there.axon")).and_then(|hub| hub.reader());
        let out = Axon::open(folder.join("back.axon")).expect("nobody writes it yet");
        let mut link = Self { out, back: back.expect("it was made before") };
        // Says that it is there.
        assert!(link.send(HELLO), "an empty ring has room");
        link
    }

    fn meet(&mut self) {
        super::until(|| self.receive(HELLO));
    }

    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        Sender::send(&mut self.out, number)
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        Sender::send_batch(&mut self.out, from)
    }

    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        Receiver::receive(&mut self.back, number)
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        Receiver::receive_batch(&mut self.back, from)
    }
}
