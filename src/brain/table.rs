//! The file `brain`: whose the directory is, how it goes, and what doors and regions there are.
//!
//! ```text
//! offset size
//! 0           header page; fields: regions, doors, traces
//! 4096   128  owner    tenure, start of the process, its namespace, epoch, state (1 runs, 2 has ended)
//! 4224   128  pulse    beats, tick, admitted, fired, delivered, firings, refused, lost with dead readers, reaped
//! 4352   128  bell     rung for the cortex
//! 4480   256  regions  each: bytes of its path u64, its path
//! ..     128  doors    each: direction (1 sensory, 2 motor), region, lanes, slots, readers, payload bytes
//! ..  131072  places   the region of each neuron, u16, 0xFFFF for none
//! ```
//!
//! Regions and doors are fixed from before the magic was written; the other lines have the cortex as their one writer,
//! but for the bell. Whoever attaches copies the fixed part once and checks every value in it.

use std::path::Path;

use crate::axon::Doorbell;
use crate::shm::header::{self, Format, Mismatch};
use crate::shm::mapping::{Access, LINE_WORDS, Mapping, PAGE_WORDS, Word};
use crate::shm::process::{Identity, Life};
use crate::shm::tenure::{self, Holder, Tenure};
use crate::sync::{Arc, AtomicU64, Relaxed};

use super::{BrainError, Direction, Door, LANES_MAX};

const FORMAT: Format = Format::new(
    *b"NBBRAIN\n",
    1,
    "page 4096: regions u64, doors u64, traces u64; lines of 128: owner (tenure, start, namespace, epoch, state), \
     pulse (beats, tick, admitted, fired, delivered, firings, refused, lost, reaped), bell; regions of 256: length, \
     path; doors of 128: direction, region, lanes, slots, readers, payload bytes; places u16 x 65536",
);

const REGIONS: usize = 0;
const DOORS: usize = 1;
const TRACES: usize = 2;

const OWNER: usize = PAGE_WORDS;
const PULSE: usize = OWNER + LINE_WORDS;
const BELL: usize = PULSE + LINE_WORDS;
const TABLE: usize = BELL + LINE_WORDS;
const REGION_WORDS: usize = 2 * LINE_WORDS;
const DOOR_WORDS: usize = LINE_WORDS;
const PLACE_WORDS: usize = (1 << 16) / 4;

const _: () = assert!(8 * OWNER == 4096 && 8 * PULSE == 4224 && 8 * BELL == 4352);
const _: () = assert!(8 * TABLE == 4480 && 8 * REGION_WORDS == 256 && 8 * DOOR_WORDS == 128);

/// Bytes of the longest path.
pub(super) const PATH_MAX: usize = 8 * (REGION_WORDS - 1);

/// More regions or doors than there are ids cannot be.
const ENTRIES_MAX: u64 = 1 << 16;

const TRACES_MAX: u64 = 1 << 10;

const RUNS: u64 = 1;
const HAS_ENDED: u64 = 2;

/// A door as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DoorEntry {
    pub(super) region: usize,
    pub(super) path: String,
    pub(super) door: Door,
}

/// What the cortex says of itself from tick to tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Pulse {
    /// Raised by the cortex's housekeeper a few times a second.
    pub beats: u64,
    /// The last tick that was computed.
    pub tick: u64,
    /// Admissions so far.
    pub admitted: u64,
    /// Spikes fired so far.
    pub fired: u64,
    /// Spikes that reached a synapse or a membrane.
    pub delivered: u64,
    /// Membranes that crossed their threshold.
    pub firings: u64,
    /// Spikes of other processes that were refused.
    pub refused: u64,
    /// Spikes that readers had not read when they died.
    pub lost: u64,
    /// Readers that died.
    pub reaped: u64,
}

const PULSES: usize = 9;

impl Pulse {
    fn of(words: [u64; PULSES]) -> Self {
        let [beats, tick, admitted, fired, delivered, firings, refused, lost, reaped] = words;
        Self { beats, tick, admitted, fired, delivered, firings, refused, lost, reaped }
    }
}

/// What is known of the cortex of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) identity: Identity,
    pub(super) life: Life,
    pub(super) epoch: u64,
    pub(super) ended: bool,
}

/// The mapped file.
#[derive(Debug)]
pub(super) struct Table {
    memory: Arc<Mapping>,
    holder: Holder,
    tenure: Word,
    pub(super) regions: Vec<String>,
    pub(super) doors: Vec<DoorEntry>,
    /// Rings of what is fired: one for each worker.
    pub(super) traces: usize,
}

fn bytes(regions: usize, doors: usize) -> usize {
    8 * (places_at(regions, doors) + PLACE_WORDS)
}

const fn door_at(regions: usize, door: usize) -> usize {
    TABLE + regions * REGION_WORDS + door * DOOR_WORDS
}

const fn places_at(regions: usize, doors: usize) -> usize {
    door_at(regions, doors)
}

impl Table {
    /// A new file that nobody owns.
    pub(super) fn create(
        path: &Path,
        regions: &[String],
        doors: &[DoorEntry],
        traces: usize,
        access: Access,
    ) -> Result<(), BrainError> {
        let bytes = bytes(regions.len(), doors.len());
        let memory =
            Mapping::create(path, bytes, access).map_err(|error| BrainError::io(path, &error))?;
        for (number, region) in regions.iter().enumerate() {
            let at = TABLE + number * REGION_WORDS;
            if region.len() > PATH_MAX {
                return Err(BrainError::PathTooLong { path: region.clone(), limit: PATH_MAX });
            }
            // relaxed: the magic publishes all of it
            memory.words()[at].store(region.len() as u64, Relaxed);
            memory.store_bytes(at + 1, region.as_bytes());
        }
        for (number, entry) in doors.iter().enumerate() {
            let at = door_at(regions.len(), number);
            let fields = entry.door.fields(entry.region as u64);
            for (word, field) in memory.words()[at..].iter().zip(fields) {
                word.store(field, Relaxed);
            }
        }
        let places = places_at(regions.len(), doors.len());
        memory.words()[places..].iter().for_each(|word| word.store(u64::MAX, Relaxed));
        let fields = [regions.len() as u64, doors.len() as u64, traces as u64];
        FORMAT.write(memory.words(), &fields, bytes as u64);
        Ok(())
    }

    pub(super) fn open(path: &Path) -> Result<Self, BrainError> {
        Self::over(path, Mapping::open(path))
    }

    pub(super) fn open_read_only(path: &Path) -> Result<Self, BrainError> {
        Self::over(path, Mapping::open_read_only(path))
    }

    fn over(path: &Path, memory: std::io::Result<Mapping>) -> Result<Self, BrainError> {
        let memory = memory.map_err(|error| BrainError::io(path, &error))?;
        let foreign =
            |what, found, expected| BrainError::foreign(path, Mismatch { what, found, expected });
        let mapped = 8 * memory.words().len() as u64;
        FORMAT.check(memory.words(), mapped).map_err(|wrong| BrainError::foreign(path, wrong))?;
        // relaxed: constant since before the magic was written, and checked whatever they are
        let field = |number| header::field(memory.words(), number).load(Relaxed);
        let (regions, doors, traces) = (field(REGIONS), field(DOORS), field(TRACES));
        for (what, found, limit) in [
            ("number of regions", regions, ENTRIES_MAX),
            ("number of doors", doors, ENTRIES_MAX),
            ("number of traces", traces, TRACES_MAX),
        ] {
            if found > limit {
                return Err(foreign(what, found, limit));
            }
        }
        let (regions, doors) = (regions as usize, doors as usize);
        let expected = bytes(regions, doors) as u64;
        if mapped != expected {
            return Err(foreign("size of the tables", mapped, expected));
        }
        let paths = (0..regions).map(|number| {
            let at = TABLE + number * REGION_WORDS;
            let length = memory.words()[at].load(Relaxed);
            if length > PATH_MAX as u64 {
                return Err(foreign("length of a path", length, PATH_MAX as u64));
            }
            let mut bytes = Vec::new();
            memory.load_bytes(at + 1, length as usize, &mut bytes);
            String::from_utf8(bytes)
                .map_err(|error| foreign("byte of a path", error.as_bytes()[0].into(), 0x7f))
        });
        let paths = paths.collect::<Result<Vec<_>, _>>()?;
        let entries = (0..doors).map(|number| {
            let at = door_at(regions, number);
            let fields = std::array::from_fn(|word| memory.words()[at + word].load(Relaxed));
            let (region, door) =
                Door::of_fields(fields).map_err(|wrong| BrainError::foreign(path, wrong))?;
            let Some(path) = usize::try_from(region).ok().and_then(|number| paths.get(number))
            else {
                return Err(foreign("region of a door", region, regions as u64));
            };
            Ok(DoorEntry { region: region as usize, path: path.clone(), door })
        });
        let doors = entries.collect::<Result<Vec<_>, _>>()?;
        let memory = Arc::new(memory);
        let word = |number| Word::of(&memory, OWNER + number);
        let (tenure, holder) = (word(0), Holder { start: word(1), namespace: word(2) });
        let traces = traces as usize;
        Ok(Self { holder, tenure, regions: paths, doors, traces, memory })
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        &self.memory.words()[at]
    }

    /// Becomes the owner, if there is none or one that is dead; the tenure and the epoch that begins.
    pub(super) fn own(&self) -> Result<(Tenure, u64), u32> {
        let taken = tenure::take_over(&self.tenure, &self.holder)?;
        // relaxed: published with the held tenure
        let epoch = self.word(OWNER + 3).load(Relaxed).wrapping_add(1);
        self.word(OWNER + 3).store(epoch, Relaxed);
        self.word(OWNER + 4).store(RUNS, Relaxed);
        Ok((tenure::hold(&self.tenure, taken), epoch))
    }

    /// Is nobody's any more; says that the cortex has ended as it should.
    pub(super) fn disown(&self, tenure: Tenure) {
        // relaxed: published with the end of the tenure
        self.word(OWNER + 4).store(HAS_ENDED, Relaxed);
        tenure::end(&self.tenure, tenure);
    }

    pub(super) fn owner(&self) -> Owner {
        let (tenure, life) = tenure::judge(&self.tenure, &self.holder);
        Owner {
            identity: tenure::identity(tenure, &self.holder),
            life,
            // relaxed: ordered by the load of the tenure
            epoch: self.word(OWNER + 3).load(Relaxed),
            ended: tenure.is_free() && self.word(OWNER + 4).load(Relaxed) == HAS_ENDED,
        }
    }

    /// The epoch alone: a new one says that another cortex has come.
    pub(super) fn epoch(&self) -> u64 {
        // relaxed: a number that orders nothing
        self.word(OWNER + 3).load(Relaxed)
    }

    /// The bell of the cortex, for whoever may write the file.
    pub(super) fn bell(&self) -> Doorbell {
        Doorbell::shared(Word::of(&self.memory, BELL))
    }

    pub(super) fn pulse(&self) -> Pulse {
        // relaxed: counts, each of its own moment
        Pulse::of(std::array::from_fn(|number| self.word(PULSE + number).load(Relaxed)))
    }

    /// What the worker counts, at the end of a tick.
    pub(super) fn set_counts(&self, counts: [u64; 5]) {
        for (number, count) in (PULSE + 1..).zip(counts) {
            // relaxed: counts with one writer
            self.word(number).store(count, Relaxed);
        }
    }

    pub(super) fn add_refused(&self, count: u64) {
        // relaxed: counts; these two have the gates, on one thread, and the housekeeper as their writers
        self.word(PULSE + 6).fetch_add(count, Relaxed);
    }

    pub(super) fn beat(&self, reaped: (u64, u64)) {
        // relaxed: counts with one writer
        self.word(PULSE).fetch_add(1, Relaxed);
        if reaped.0 != 0 {
            self.word(PULSE + 7).fetch_add(reaped.1, Relaxed);
            self.word(PULSE + 8).fetch_add(reaped.0, Relaxed);
        }
    }

    /// Says which region a neuron belongs to.
    pub(super) fn place(&self, neuron: u16, region: u16) {
        let (at, shift) = self.place_of(neuron);
        // relaxed: the cortex is the only writer; a spike is published after it
        let word = self.word(at).load(Relaxed) & !(0xFFFF << shift);
        self.word(at).store(word | u64::from(region) << shift, Relaxed);
    }

    /// The region that a neuron belongs to; 0xFFFF is none.
    pub(super) fn region_of(&self, neuron: u16) -> u16 {
        let (at, shift) = self.place_of(neuron);
        // relaxed: as above
        (self.word(at).load(Relaxed) >> shift) as u16
    }

    fn place_of(&self, neuron: u16) -> (usize, u32) {
        let at = places_at(self.regions.len(), self.doors.len()) + usize::from(neuron) / 4;
        (at, 16 * u32::from(neuron % 4))
    }

    pub(super) fn is_cut_short(&self) -> bool {
        self.memory.is_cut_short()
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        8 * self.memory.words().len() as u64
    }
}

const DOOR_FIELDS: usize = 6;

impl Door {
    fn fields(self, region: u64) -> [u64; DOOR_FIELDS] {
        let sizes = [self.lanes, self.slots, self.readers, self.payload_bytes].map(|n| n as u64);
        let direction = match self.direction {
            Direction::Sensory => 1,
            Direction::Motor => 2,
        };
        [direction, region, sizes[0], sizes[1], sizes[2], sizes[3]]
    }

    fn of_fields(fields: [u64; DOOR_FIELDS]) -> Result<(u64, Self), Mismatch> {
        let wrong = |what, found, expected| Err(Mismatch { what, found, expected });
        let (direction, lanes_max) = match fields[0] {
            1 => (Direction::Sensory, LANES_MAX as u64),
            2 => (Direction::Motor, 1),
            found => return wrong("direction of a door", found, 1),
        };
        let [_, region, lanes, slots, readers, payload_bytes] = fields;
        if lanes == 0 || lanes > lanes_max {
            return wrong("lanes of a door", lanes, lanes_max);
        }
        // The files of the lanes have their own headers, which are checked against what is there.
        let [lanes, slots, readers, payload_bytes] = [lanes, slots, readers, payload_bytes]
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        Ok((region, Self { direction, lanes, slots, readers, payload_bytes }))
    }
}
