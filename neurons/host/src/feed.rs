//! The ring between a gate's thread and the cortex, and everything that goes with it: names, wake-ups, the end.
//!
//! The thread writes spikes whose `target` is a position in the roster, whose `time_ns` is when they are to be
//! admitted, and whose payload is what the neuron is to hear. Their `sequence` holds marks: [`FIRST`], the first of a
//! hand-over, whose moment waits in a channel for the latency figures; and [`SHARED`], a later entry may have the same
//! time.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use neuronbus::axon::{
    Axon, AxonAccount, AxonError, AxonHub, AxonReader, Doorbell, Outcome, Overflow, WaitStrategy,
};
use neuronbus::id::NeuronId;
use neuronbus::pace::Stamp;
use neuronbus::spike::{Spike, SpikeKind};

const FIRST: u32 = 1;
const SHARED: u32 = 2;

/// What is to be admitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// Whom it is for: a position of the roster.
    pub position: NeuronId,
    /// The priority of its spike.
    pub priority: u8,
    /// When it is to be admitted, in ns of cortex time.
    pub time_ns: u64,
    /// Whether a later entry may have the same time.
    pub shared: bool,
    /// What the neuron is to hear, at most 46 bytes.
    pub payload: &'a [u8],
}

/// How the thread's work ended: all of it done, or why not.
pub(crate) type Ending = Result<(), String>;

/// How long a gate that closes waits for its thread. One that is blocked in a read of a terminal or a pipe cannot be
/// woken; it is left behind and ends with the next byte or the process.
const FAREWELL: Duration = Duration::from_millis(500);

/// The thread's end. Dropping it says that nothing more will come.
#[derive(Debug)]
pub(crate) struct FeedWriter {
    axon: Axon,
    /// Wakes the cortex.
    bell: Arc<Doorbell>,
    /// Rung by the gate when there is room again, and when it closes.
    room: Arc<Doorbell>,
    stop: Receiver<()>,
    stamps: Sender<Stamp>,
    begun: bool,
    id: NeuronId,
    done: Sender<Ending>,
    ending: Ending,
}

/// The gate's end.
#[derive(Debug)]
pub(crate) struct FeedReader {
    reader: AxonReader,
    hub: AxonHub,
    room: Arc<Doorbell>,
    taken: usize,
    stop: Option<Sender<()>>,
    stamps: Receiver<Stamp>,
    done: Receiver<Ending>,
    ending: Option<Ending>,
}

/// Something that a stream dates.
pub(crate) trait Dated {
    /// Cortex time in ns.
    fn time_ns(&self) -> u64;
    /// Whether a later one may have the same time.
    fn is_shared(&self) -> bool;
}

impl Dated for Spike {
    #[inline]
    fn time_ns(&self) -> u64 {
        Spike::time_ns(self)
    }

    #[inline]
    fn is_shared(&self) -> bool {
        self.sequence() & SHARED != 0
    }
}

/// Where a gate finds what its thread hands over.
pub(crate) trait Feed {
    /// What that is.
    type Item: Dated;
    /// The next one, or why there is none.
    fn next(&mut self) -> Next<Self::Item>;
}

/// What the gate finds when it looks.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// One; with the moment of its hand-over if it is the first of one.
    Here(T, Option<Stamp>),
    /// Nothing is here yet.
    Empty,
    /// Nothing will ever come.
    Ended(Ending),
}

/// A ring of so many slots, a power of two, for the gate with this id.
pub(crate) fn feed(
    slots: usize,
    id: NeuronId,
    bell: &Arc<Doorbell>,
) -> Result<(FeedWriter, FeedReader), AxonError> {
    let axon = Axon::with_readers(slots, 1)?;
    let (reader, hub) = (axon.reader()?, axon.hub());
    let room = Arc::new(Doorbell::new());
    let (stop_sender, stop) = crossbeam_channel::bounded(0);
    let (stamp_sender, stamps) = crossbeam_channel::unbounded();
    let (done_sender, done) = crossbeam_channel::bounded(1);
    let writer = FeedWriter {
        axon,
        bell: Arc::clone(bell),
        room: Arc::clone(&room),
        stop,
        stamps: stamp_sender,
        begun: false,
        id,
        done: done_sender,
        ending: Ok(()),
    };
    let reader = FeedReader {
        reader,
        hub,
        room,
        taken: 0,
        stop: Some(stop_sender),
        stamps,
        done,
        ending: None,
    };
    Ok((writer, reader))
}

impl FeedWriter {
    /// The outside has handed something over: what is sent until the next call came with it.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// Sends an entry, waiting while the ring is full; false if the gate has closed.
    #[inline]
    pub(crate) fn send(&mut self, entry: &Entry<'_>) -> bool {
        let Some(spike) = self.spike(entry) else { return true };
        self.axon.publish(&spike).is_ok() || self.send_when_there_is_room(&spike)
    }

    #[cold]
    fn send_when_there_is_room(&mut self, spike: &Spike) -> bool {
        loop {
            let seen = self.room.count();
            if self.is_closed() {
                return false;
            }
            if self.axon.publish(spike).is_ok() {
                return true;
            }
            self.bell.ring();
            self.room.wait(seen, WaitStrategy::YieldThenPark, None);
        }
    }

    /// Sends an entry if there is room; false if it was dropped, which the ring has counted.
    pub(crate) fn send_or_drop(&mut self, entry: &Entry<'_>) -> bool {
        let Some(spike) = self.spike(entry) else { return false };
        matches!(self.axon.publish_with(&spike, Overflow::DropNewest), Ok(Outcome::Published))
    }

    /// Wakes the cortex: what was sent can be admitted.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Whether the gate has closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.stop.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Waits for a time, or until the gate closes, whichever comes first; false if it has closed.
    pub(crate) fn rest(&self, time: Duration) -> bool {
        use crossbeam_channel::RecvTimeoutError;
        self.stop.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// The work cannot go on; what was sent is still admitted.
    pub(crate) fn fail(&mut self, reason: String) {
        self.ending = Err(reason);
    }

    #[inline]
    fn spike(&mut self, entry: &Entry<'_>) -> Option<Spike> {
        let mut marks = if entry.shared { SHARED } else { 0 };
        if self.begun {
            marks |= self.first();
        }
        let spike = Spike::new(self.id, SpikeKind::Excitatory).to(entry.position);
        let spike = spike.with_priority(entry.priority).stamped(entry.time_ns, marks);
        // Whoever makes entries keeps them within a spike.
        spike.with_inline(entry.payload).ok()
    }

    #[cold]
    fn first(&mut self) -> u32 {
        self.begun = false;
        // A gate that has gone measures nothing.
        self.stamps.send(Stamp::now()).ok();
        FIRST
    }
}

impl Drop for FeedWriter {
    fn drop(&mut self) {
        let ending = if std::thread::panicking() {
            Err("its thread panicked".to_owned())
        } else {
            std::mem::replace(&mut self.ending, Ok(()))
        };
        // Sent after the last spike, so whoever gets it finds them all in the ring.
        self.done.send(ending).ok();
        self.bell.ring();
    }
}

impl Drop for FeedReader {
    /// A thread that waits for room must not wait for a gate that has gone.
    fn drop(&mut self) {
        self.stop = None;
        self.room.ring();
    }
}

impl Feed for FeedReader {
    type Item = Spike;

    #[inline]
    fn next(&mut self) -> Next<Spike> {
        let Some(spike) = self.reader.try_read() else { return self.ran_dry() };
        self.taken += 1;
        // Half a ring at a time: on one core each wake-up is a switch to the thread and back.
        if self.taken * 2 >= self.hub.capacity() {
            self.taken = 0;
            self.room.ring();
        }
        let first = spike.sequence() & FIRST != 0;
        Next::Here(spike, if first { self.stamps.try_recv().ok() } else { None })
    }
}

impl FeedReader {
    #[cold]
    fn ran_dry(&mut self) -> Next<Spike> {
        self.taken = 0;
        self.room.ring();
        if let Some(ending) = &self.ending {
            return Next::Ended(ending.clone());
        }
        let ending = match self.done.try_recv() {
            Err(TryRecvError::Empty) => return Next::Empty,
            Ok(ending) => ending,
            Err(TryRecvError::Disconnected) => Err("its thread is gone".to_owned()),
        };
        // Between the look into the ring and this one, the last spikes may have come.
        self.ending = Some(ending);
        self.next()
    }

    /// Tells the thread to stop, and waits for it unless it is blocked in a read.
    pub(crate) fn close(&mut self, thread: Option<std::thread::JoinHandle<()>>) {
        self.stop = None;
        self.room.ring();
        let ended = self.ending.is_some() || self.done.recv_timeout(FAREWELL).is_ok();
        if let Some(thread) = thread
            && ended
        {
            // How it ended was said in `done`.
            thread.join().ok();
        }
    }

    /// What became of every spike of the ring.
    pub(crate) fn account(&self) -> AxonAccount {
        self.hub.account()
    }
}
