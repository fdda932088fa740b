//! A ready-made door: what gates of another journal took in enters here, in its order, and then what they take in from
//! now on.
//!
//! What is there and what is still being written come from one source, by sequence. So there is nothing to join: no
//! record is missing and none comes twice where the past ends and the present begins. Where the cortex keeps a journal
//! of its own, the gate leaves word in it of how far it has come, and goes on there after a crash.
//!
//! ```
//! use neuronbus::journal_gate::JournalGate;
//! use neuronbus::inlet::Inlet;
//! use neuronbus::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let place = tempfile::tempdir()?;
//! # let place = place.path().join("recorded");
//! let (mut inlet, door) = Inlet::gate(16)?;
//! let mut builder = Cortex::builder();
//! builder.region(Region::gated("sense/door", door));
//! builder.pace(Pace::Free).journal(&place);
//! let mut recorded = builder.build()?;
//! inlet.fire(SpikeKind::Excitatory, 0, b"hello")?;
//! recorded.run_for(Ticks(10))?;
//! recorded.close();
//!
//! let past = JournalGate::new(&place);
//! let position = past.position();
//! let mut builder = Cortex::builder();
//! let past = builder.region(Region::gated("past", past));
//! let ear = builder.region(Region::agents("ear").neuron("new", Relay::default()));
//! builder.project(past, ear, Projection::all_to_all()).pace(Pace::Free);
//! let mut cortex = builder.build()?;
//! cortex.run()?;
//! assert_eq!((position.entered(), cortex.counts().firings), (1, 1));
//! # Ok(())
//! # }
//! ```

mod reading;

use std::path::Path;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use self::reading::{Message, Plan, Played, Reading};
use crate::event::EventView;
use crate::gate::{
    Admissions, AdmitError, Gate, GateAccount, GateError, GateLink, GatePast, Outlook, Refusal,
};
use crate::id::{NeuronId, RegionId};
use crate::journal::disk::{Directory, Disk};
use crate::journal::{JournalId, Scan, Speed};
use crate::sync::{Arc, AtomicU64, Relaxed};
use crate::time::Tick;

/// Records that may wait between the reader and the cortex.
const WAITING: usize = 1024;

/// The most that is admitted in one tick.
const BURST: usize = 256;

/// Plays a journal into a cortex; to be put into a region with [`Region::gated`](crate::region::Region::gated).
///
/// What a gate of the recorded cortex fired, this one fires over its own synapses, with kind, priority and payload; so
/// it does with what was put onto single neurons there, which are others here. Names and bookmarks are passed over.
#[derive(Debug)]
pub struct JournalGate {
    plan: Plan,
    topics: Option<RegionId>,
    position: JournalPosition,
    /// The journal, and its first record that is still to enter; known once it was opened or resumed.
    id: Option<JournalId>,
    next: u64,
    /// Spikes that this gate has admitted, in this run and in those before.
    admitted: u64,
    /// Records from `next` on that had entered before the run was taken up.
    skipped: u64,
    reader: Option<Reader>,
    /// What the cortex had no room for yet.
    held: Option<Played>,
    refusals: Vec<Refusal>,
    spare: Option<Sender<Vec<u8>>>,
}

/// The thread that reads, seen from the gate.
#[derive(Debug)]
struct Reader {
    from_journal: Receiver<Message>,
    /// Dropped to end it.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// How far a gate has come with its journal; any number of threads may hold it.
#[derive(Debug, Clone, Default)]
pub struct JournalPosition {
    words: Arc<Words>,
}

/// Single words that order nothing else, and so all relaxed.
#[derive(Debug, Default)]
struct Words {
    next: AtomicU64,
    entered: AtomicU64,
    /// One more than the sequence; 0 before it has.
    caught_up: AtomicU64,
}

impl JournalPosition {
    /// Every record of the gate's below this sequence has entered, or was refused and counted.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.words.next.load(Relaxed)
    }

    /// Records that have entered in this run.
    #[must_use]
    pub fn entered(&self) -> u64 {
        self.words.entered.load(Relaxed)
    }

    /// Once all that was there has entered: the sequence from which on it is what is being written.
    #[must_use]
    pub fn caught_up(&self) -> Option<u64> {
        self.words.caught_up.load(Relaxed).checked_sub(1)
    }
}

impl JournalGate {
    /// Plays all input of the journal in a directory, from its first record to its last, as fast as it can, and ends.
    #[must_use]
    pub fn new(directory: impl AsRef<Path>) -> Self {
        let place = directory.as_ref();
        Self::on(Arc::new(Directory::new(place)), place)
    }

    /// The same on any disk, which messages call by a name.
    #[must_use]
    pub fn on(disk: Arc<dyn Disk>, name: impl AsRef<Path>) -> Self {
        let place = name.as_ref().to_owned();
        let (gates, from, speed, follow) = (Vec::new(), None, Speed::Max, false);
        Self {
            plan: Plan { disk, place, gates, from, speed, follow },
            topics: None,
            position: JournalPosition::default(),
            id: None,
            next: 0,
            admitted: 0,
            skipped: 0,
            reader: None,
            held: None,
            refusals: Vec::new(),
            spare: None,
        }
    }

    /// Plays only what these gates took in, by their ids in the recorded cortex.
    #[must_use]
    pub fn of_gates(mut self, gates: impl IntoIterator<Item = NeuronId>) -> Self {
        self.plan.gates.extend(gates.into_iter().map(|id| u32::from(id.raw())));
        self
    }

    /// Begins with this record. If it is not there any more, the run does not start.
    #[must_use]
    pub fn from_sequence(mut self, sequence: u64) -> Self {
        self.plan.from = Some(sequence);
        self
    }

    /// Keeps the delays between the records, divided by a factor.
    #[must_use]
    pub fn speed(mut self, speed: Speed) -> Self {
        self.plan.speed = speed;
        self
    }

    /// Goes on with what is being written, and never ends.
    #[must_use]
    pub fn follow(mut self) -> Self {
        self.plan.follow = true;
        self
    }

    /// Hands each event to the neuron of its topic in this region, which sprouts on first sight, as
    /// [`PublisherGate::by_topic`](crate::publisher::PublisherGate::by_topic) does. What carries no event is fired.
    #[must_use]
    pub fn by_topic(mut self, topics: RegionId) -> Self {
        self.topics = Some(topics);
        self
    }

    /// How far it has come, for others.
    #[must_use]
    pub fn position(&self) -> JournalPosition {
        self.position.clone()
    }

    fn fault(&self, message: impl Into<String>) -> GateError {
        GateError::new(self.plan.place.display().to_string(), message)
    }

    /// The journal, from the first record on that is to be read, and which that is.
    fn begin(&self) -> Result<(Scan, u64), GateError> {
        let opened = Scan::open_on(self.plan.disk.clone());
        let scan = opened.map_err(|error| self.fault(error.to_string()))?;
        if let Some(id) = self.id.filter(|&id| id != scan.header().id()) {
            let found = scan.header().id();
            return Err(
                self.fault(format!("it holds journal {found}, and this gate has played {id}"))
            );
        }
        let demanded = if self.id.is_some() { Some(self.next) } else { self.plan.from };
        let from = demanded.unwrap_or(scan.segment_start());
        if from < scan.segment_start() {
            let first = scan.segment_start();
            return Err(self.fault(format!(
                "records from {from} on are wanted, and those below {first} are forgotten"
            )));
        }
        let scan = scan.from_sequence(from).map_err(|error| self.fault(error.to_string()))?;
        Ok((scan, from))
    }

    fn enter(&self, played: &Played, inbound: &mut Admissions<'_>) -> Result<(), AdmitError> {
        let Played { kind, priority, payload, .. } = played;
        let topic = self.topics.and_then(|region| Some((region, EventView::carried(payload)?)));
        match topic {
            Some((region, event)) => {
                let neuron = inbound.sprout(region, event.topic())?;
                inbound.drive(neuron, 1.0, *priority, payload)
            }
            None => inbound.fire(*kind, *priority, payload),
        }
    }

    /// Leaves word of how far it has come, in this tick's batch: it is kept with what was admitted, or neither is.
    fn bookmark(&self, inbound: &mut Admissions<'_>) -> Result<(), AdmitError> {
        let Some(id) = self.id else { return Ok(()) };
        inbound.bookmark(&encode(id, self.next, self.admitted - self.skipped))
    }

    fn refuse(&mut self, why: &AdmitError) {
        match self.refusals.first_mut() {
            Some(refusal) => refusal.count += 1,
            None => self.refusals.push(Refusal {
                kind: "not-admitted".to_owned(),
                count: 1,
                sample: why.to_string(),
            }),
        }
    }

    /// One record enters, or has entered before, or is refused for good; false if it is to wait.
    fn take(&mut self, played: Played, inbound: &mut Admissions<'_>) -> bool {
        let entered = if self.skipped > 0 { None } else { Some(self.enter(&played, inbound)) };
        let before = self.next;
        self.next = played.sequence + 1;
        match entered {
            None => self.skipped -= 1,
            Some(Ok(())) => {
                self.admitted += 1;
                self.position.words.entered.fetch_add(1, Relaxed);
            }
            // What was refused is in no count of admissions, so the bookmark alone says that it is behind.
            Some(Err(error)) if error.may_pass() || self.bookmark(inbound).is_err() => {
                self.next = before;
                self.held = Some(played);
                return false;
            }
            Some(Err(error)) => self.refuse(&error),
        }
        self.position.words.next.store(self.next, Relaxed);
        let mut payload = played.payload;
        payload.clear();
        if let Some(spare) = &self.spare {
            // Where there are enough already, this one is let go.
            let _ = spare.try_send(payload);
        }
        true
    }

    fn admit_burst(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let next_tick = Outlook::At(Tick(inbound.tick().0 + 1));
        for _ in 0..BURST {
            let waiting =
                self.reader.as_ref().and_then(|reader| reader.from_journal.try_recv().ok());
            let played = match self.held.take().map(Message::Played).or(waiting) {
                None => return Ok(Outlook::Open),
                Some(Message::Played(played)) => played,
                Some(Message::CaughtUp(sequence)) => {
                    self.position.words.caught_up.store(sequence + 1, Relaxed);
                    continue;
                }
                Some(Message::End) => return Ok(Outlook::Ended),
                Some(Message::Failed(why)) => return Err(self.fault(why)),
            };
            if !self.take(played, inbound) {
                break;
            }
        }
        Ok(next_tick)
    }
}

/// Bytes of a bookmark: the journal's id, the next sequence, and what had been admitted by then.
const BOOKMARK: usize = 32;

fn encode(id: JournalId, next: u64, admitted: u64) -> [u8; BOOKMARK] {
    let mut bytes = [0; BOOKMARK];
    bytes[..16].copy_from_slice(&id.0);
    bytes[16..24].copy_from_slice(&next.to_le_bytes());
    bytes[24..].copy_from_slice(&admitted.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(JournalId, u64, u64)> {
    let bytes: &[u8; BOOKMARK] = bytes.try_into().ok()?;
    let word = |at: usize| Some(u64::from_le_bytes(*bytes[at..].first_chunk()?));
    Some((JournalId(*bytes.first_chunk()?), word(16)?, word(24)?))
}

impl Gate for JournalGate {
    fn resume(&mut self, past: &GatePast) -> Result<(), GateError> {
        self.admitted = past.admissions;
        let Some(bookmark) = &past.bookmark else {
            // Admissions of a run that ended before its first bookmark was written.
            self.skipped = past.admissions;
            return Ok(());
        };
        let (id, next, admitted) = decode(bookmark).ok_or_else(|| {
            self.fault(format!("a bookmark of {} bytes is none of this gate's", bookmark.len()))
        })?;
        // What was admitted behind a bookmark that the journal had no room for.
        self.skipped = past.admissions.saturating_sub(admitted);
        (self.id, self.next) = (Some(id), next);
        Ok(())
    }

    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        let (scan, from) = self.begin()?;
        (self.id, self.next) = (Some(scan.header().id()), from);
        self.position.words.next.store(from, Relaxed);
        let (to_gate, from_journal) = bounded(WAITING);
        let (give_back, spare) = bounded(WAITING);
        let (stop, stopped) = bounded(0);
        let bell = link.doorbell;
        let reading = Reading { plan: self.plan.clone(), to_gate, spare, stopped, bell };
        let thread = std::thread::Builder::new().name("journal-gate".to_owned());
        let thread = thread.spawn(move || reading.run(scan, from));
        let thread = thread.map_err(|error| self.fault(format!("no thread: {error}")))?;
        self.spare = Some(give_back);
        self.reader = Some(Reader { from_journal, stop, thread });
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let before = self.next;
        let outlook = self.admit_burst(inbound);
        if self.next != before {
            // Without room for it, the count of admissions tells how much came behind the last one.
            let _ = self.bookmark(inbound);
        }
        outlook
    }

    fn is_ready(&self) -> bool {
        self.held.is_some()
            || self.reader.as_ref().is_some_and(|reader| !reader.from_journal.is_empty())
    }

    /// What was not admitted is in its journal.
    fn close(&mut self) {
        self.held = None;
        if let Some(Reader { from_journal, stop, thread }) = self.reader.take() {
            drop((from_journal, stop));
            // A panic in there has been printed, and nothing is left to be done for it.
            let _ = thread.join();
        }
    }

    fn account(&self) -> GateAccount {
        let (place, entered) = (self.plan.place.display(), self.position.entered());
        let mut note = format!("{place}: {entered} records entered, up to sequence {}", self.next);
        if let Some(sequence) = self.position.caught_up() {
            note += &format!(", live from {sequence} on");
        }
        GateAccount { axons: Vec::new(), refused: self.refusals.clone(), notes: vec![note] }
    }
}

impl Drop for JournalGate {
    fn drop(&mut self) {
        self.close();
    }
}
