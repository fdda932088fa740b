//! What a cortex writes into its journal: everything from outside that its state depends on, what went out, and marks
//! to check a replay against.
//!
//! Each kind has a code and a body; integers are little-endian. The journal knows neither: it keeps the source (the id
//! of the gate, or [`OPERATOR`]), the tick, and these bytes.
//!
//! ```text
//! code  kind      body
//!    1  drive     target u16 | spike kind u8 | priority u8 | cell u32, all ones for none | drive f32 | payload
//!    2  fire      spike kind u8 | priority u8 | payload
//!    3  sprout    region u16 | name, UTF-8
//!    4  bookmark  what the gate wants to be given when the run goes on
//!    5  heard     worker u8 | from u8 | drove u8 | 0 u8 | tick u64 | drive f32 | the spike, 64 bytes, its payload
//!                 reference zero | payload: a free-running worker took in what another one had fired, before a tick
//!    6  cells     worker u8 | from u8 | population u16 | tick u64 | cells u32 each: the same of a population's cells
//!   16  weight    from u16 | to u16 | weight f32
//!   17  prune     below f32
//!   18  threshold neuron u16 | threshold f32
//!   19  silence   neuron u16
//!   32  output    taken u8 | the spike, 64 bytes, its payload reference zero | payload
//!   33  mark      digest, 32 bytes | one fingerprint u32 for each neuron, or none
//!   34  passed    nothing: every tick before the record's has been computed
//!   35  began     nothing: a process took the run up here
//!   36  described what the cortex was built from, as its owner writes it
//!   37  kept      a snapshot was taken before this record; for each gate id u16 | admissions u64 | 0 or 1, and if
//!                 1 the length u32 of its bookmark | the bookmark
//! ```

use crate::id::{NeuronId, RegionId};
use crate::spike::{NO_CELL, Spike, SpikeKind};

/// The source of what the operator did, which is no gate.
pub const OPERATOR: u32 = u32::MAX;

/// The source of what free-running workers took in from each other: which of them, the body says.
pub const WORKERS: u32 = u32::MAX - 1;

/// What a gate had admitted when the journal that a run goes on from ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatePast {
    /// Spikes that it admitted: the first so many of its input are in the state.
    pub admissions: u64,
    /// The last [bookmark](crate::gate::Admissions::bookmark) that it left, if it left any.
    pub bookmark: Option<Vec<u8>>,
}

/// One thing that a journal keeps of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Recorded<'a> {
    /// A gate put a spike onto one neuron's membrane.
    Drive {
        /// The neuron.
        target: NeuronId,
        /// One cell of it, if it is a crowd.
        cell: Option<u32>,
        /// What is added to the membrane.
        drive: f32,
        /// What the spike does.
        kind: SpikeKind,
        /// 0 to 255.
        priority: u8,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A gate fired over its own synapses.
    Fire {
        /// What the spike does.
        kind: SpikeKind,
        /// 0 to 255.
        priority: u8,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A gate asked for a neuron of this name.
    Sprout {
        /// The region.
        region: RegionId,
        /// The name.
        name: &'a str,
    },
    /// What a gate wants to be given when the run goes on.
    Bookmark(&'a [u8]),
    /// A free-running worker took in a spike of another one.
    Heard {
        /// Who took it in.
        worker: u8,
        /// Whose it is.
        from: u8,
        /// The first tick of the one who took it in that had not been computed.
        tick: u64,
        /// What a gate added by it to a membrane of this worker; `None` for what arrives at synapses.
        drive: Option<f32>,
        /// The spike.
        spike: Spike,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A free-running worker took in which cells of a population another one had fired.
    Cells {
        /// Who took it in.
        worker: u8,
        /// Whose they are.
        from: u8,
        /// The first tick of the one who took it in that had not been computed.
        tick: u64,
        /// The population, by its number.
        population: u16,
        /// The cells, 4 bytes each.
        cells: &'a [u8],
    },
    /// The operator set the weight of the synapses from one neuron to another.
    Weight {
        /// The source.
        from: NeuronId,
        /// The target.
        to: NeuronId,
        /// The weight.
        weight: f32,
    },
    /// The operator removed weak synapses.
    Prune {
        /// The bound.
        below: f32,
    },
    /// The operator set the threshold of a neuron.
    Threshold {
        /// The neuron.
        neuron: NeuronId,
        /// The threshold.
        threshold: f32,
    },
    /// The operator silenced a neuron.
    Silence {
        /// The neuron.
        neuron: NeuronId,
    },
    /// A spike reached a gate, which took it out.
    Output {
        /// Whether the gate took it; otherwise it had failed or was closed, and the spike was abandoned.
        taken: bool,
        /// The spike.
        spike: Spike,
        /// What it carries.
        payload: &'a [u8],
    },
    /// The state of the run before the tick of the record.
    Mark {
        /// The digest of all state.
        digest: [u8; 32],
        /// A fingerprint of each neuron, 4 bytes each, or nothing.
        fingerprints: &'a [u8],
    },
    /// Every tick before that of the record has been computed.
    Passed,
    /// A process took the run up at this tick.
    Began,
    /// What the cortex was built from, as its owner writes it: a brain's description.
    Described(&'a [u8]),
    /// A snapshot holds all that is before this record, and these are the gates' pasts by then; see [`pasts`].
    Kept(&'a [u8]),
}

/// Why bytes are not something recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordedError {
    /// The code has no meaning.
    #[error("a record has kind {0}, which this version does not know")]
    Kind(u8),
    /// The body does not have the shape of its kind.
    #[error("a record of kind {kind} has a body of {length} bytes that makes no sense: {what}")]
    Body {
        /// The code.
        kind: u8,
        /// Its length.
        length: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

const DRIVE: u8 = 1;
const FIRE: u8 = 2;
const SPROUT: u8 = 3;
const BOOKMARK: u8 = 4;
const HEARD: u8 = 5;
const CELLS: u8 = 6;
const WEIGHT: u8 = 16;
const PRUNE: u8 = 17;
const THRESHOLD: u8 = 18;
const SILENCE: u8 = 19;
const OUTPUT: u8 = 32;
const MARK: u8 = 33;
const PASSED: u8 = 34;
const BEGAN: u8 = 35;
const DESCRIBED: u8 = 36;
const KEPT: u8 = 37;

impl<'a> Recorded<'a> {
    /// The code of its kind.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Drive { .. } => DRIVE,
            Self::Fire { .. } => FIRE,
            Self::Sprout { .. } => SPROUT,
            Self::Bookmark(_) => BOOKMARK,
            Self::Heard { .. } => HEARD,
            Self::Cells { .. } => CELLS,
            Self::Weight { .. } => WEIGHT,
            Self::Prune { .. } => PRUNE,
            Self::Threshold { .. } => THRESHOLD,
            Self::Silence { .. } => SILENCE,
            Self::Output { .. } => OUTPUT,
            Self::Mark { .. } => MARK,
            Self::Passed => PASSED,
            Self::Began => BEGAN,
            Self::Described(_) => DESCRIBED,
            Self::Kept(_) => KEPT,
        }
    }

    /// The word for its kind: `drive`, `fire`, `sprout`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Drive { .. } => "drive",
            Self::Fire { .. } => "fire",
            Self::Sprout { .. } => "sprout",
            Self::Bookmark(_) => "bookmark",
            Self::Heard { .. } => "heard",
            Self::Cells { .. } => "cells",
            Self::Weight { .. } => "weight",
            Self::Prune { .. } => "prune",
            Self::Threshold { .. } => "threshold",
            Self::Silence { .. } => "silence",
            Self::Output { .. } => "output",
            Self::Mark { .. } => "mark",
            Self::Passed => "passed",
            Self::Began => "began",
            Self::Described(_) => "described",
            Self::Kept(_) => "kept",
        }
    }

    /// Whether the state of the run depends on it.
    #[must_use]
    pub fn is_input(&self) -> bool {
        self.code() < OUTPUT
    }

    /// What it carries for people: a payload, a name.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        match *self {
            Self::Drive { payload, .. }
            | Self::Fire { payload, .. }
            | Self::Heard { payload, .. }
            | Self::Output { payload, .. } => payload,
            Self::Sprout { name, .. } => name.as_bytes(),
            Self::Bookmark(bytes) | Self::Described(bytes) => bytes,
            _ => &[],
        }
    }

    /// Writes the body behind what `out` has.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Drive { target, cell, drive, kind, priority, payload } => {
                let mut head = [0; 12];
                head[..2].copy_from_slice(&target.raw().to_le_bytes());
                head[2] = code_of(kind);
                head[3] = priority;
                head[4..8].copy_from_slice(&cell.unwrap_or(NO_CELL).to_le_bytes());
                head[8..].copy_from_slice(&drive.to_le_bytes());
                out.extend_from_slice(&head);
                out.extend_from_slice(payload);
            }
            Self::Fire { kind, priority, payload } => {
                out.extend_from_slice(&[code_of(kind), priority]);
                out.extend_from_slice(payload);
            }
            Self::Sprout { region, name } => {
                out.extend_from_slice(&region.raw().to_le_bytes());
                out.extend_from_slice(name.as_bytes());
            }
            Self::Bookmark(bytes) | Self::Described(bytes) | Self::Kept(bytes) => {
                out.extend_from_slice(bytes);
            }
            Self::Heard { worker, from, tick, drive, spike, payload } => {
                out.extend_from_slice(&[worker, from, u8::from(drive.is_some()), 0]);
                out.extend_from_slice(&tick.to_le_bytes());
                out.extend_from_slice(&drive.unwrap_or_default().to_le_bytes());
                out.extend_from_slice(spike.without_place().as_bytes());
                out.extend_from_slice(payload);
            }
            Self::Cells { worker, from, tick, population, cells } => {
                out.extend_from_slice(&[worker, from]);
                out.extend_from_slice(&population.to_le_bytes());
                out.extend_from_slice(&tick.to_le_bytes());
                out.extend_from_slice(cells);
            }
            Self::Weight { from, to, weight } => {
                out.extend_from_slice(&from.raw().to_le_bytes());
                out.extend_from_slice(&to.raw().to_le_bytes());
                out.extend_from_slice(&weight.to_le_bytes());
            }
            Self::Prune { below } => out.extend_from_slice(&below.to_le_bytes()),
            Self::Threshold { neuron, threshold } => {
                out.extend_from_slice(&neuron.raw().to_le_bytes());
                out.extend_from_slice(&threshold.to_le_bytes());
            }
            Self::Silence { neuron } => out.extend_from_slice(&neuron.raw().to_le_bytes()),
            Self::Output { taken, spike, payload } => {
                out.push(u8::from(taken));
                out.extend_from_slice(spike.without_place().as_bytes());
                out.extend_from_slice(payload);
            }
            Self::Mark { digest, fingerprints } => {
                out.extend_from_slice(&digest);
                out.extend_from_slice(fingerprints);
            }
            Self::Passed | Self::Began => {}
        }
    }

    /// Reads what [`write`](Self::write) has written.
    ///
    /// # Errors
    /// [`RecordedError`] for a code or a body without a meaning.
    pub fn read(kind: u8, body: &'a [u8]) -> Result<Self, RecordedError> {
        let mut fields = Fields { kind, length: body.len(), rest: body };
        let recorded = match kind {
            DRIVE => {
                let target = fields.neuron()?;
                let [code, priority] = *fields.take()?;
                let cell = u32::from_le_bytes(*fields.take()?);
                let drive = fields.float()?;
                let kind = fields.spike_kind(code)?;
                let cell = (cell != NO_CELL).then_some(cell);
                Self::Drive { target, cell, drive, kind, priority, payload: fields.all() }
            }
            FIRE => {
                let [code, priority] = *fields.take()?;
                let kind = fields.spike_kind(code)?;
                Self::Fire { kind, priority, payload: fields.all() }
            }
            SPROUT => {
                let raw = u16::from_le_bytes(*fields.take()?);
                let region = RegionId::new(raw).map_err(|_| fields.wrong("no such region"))?;
                let name = std::str::from_utf8(fields.all());
                let name = name.map_err(|_| fields.wrong("the name is not UTF-8"))?;
                Self::Sprout { region, name }
            }
            BOOKMARK => Self::Bookmark(fields.all()),
            HEARD => {
                let [worker, from, drove, _] = *fields.take()?;
                let tick = u64::from_le_bytes(*fields.take()?);
                let drive = fields.float()?;
                let spike = fields.spike()?;
                let drive = (drove != 0).then_some(drive);
                Self::Heard { worker, from, tick, drive, spike, payload: fields.all() }
            }
            CELLS => {
                let [worker, from] = *fields.take()?;
                let population = u16::from_le_bytes(*fields.take()?);
                let tick = u64::from_le_bytes(*fields.take()?);
                let cells = fields.all();
                if !cells.len().is_multiple_of(4) {
                    return Err(fields.wrong("a cell has 4 bytes"));
                }
                Self::Cells { worker, from, tick, population, cells }
            }
            WEIGHT => {
                let (from, to) = (fields.neuron()?, fields.neuron()?);
                Self::Weight { from, to, weight: fields.float()? }
            }
            PRUNE => Self::Prune { below: fields.float()? },
            THRESHOLD => Self::Threshold { neuron: fields.neuron()?, threshold: fields.float()? },
            SILENCE => Self::Silence { neuron: fields.neuron()? },
            OUTPUT => {
                let [taken] = *fields.take()?;
                let spike = fields.spike()?;
                Self::Output { taken: taken != 0, spike, payload: fields.all() }
            }
            MARK => Self::Mark { digest: *fields.take()?, fingerprints: fields.all() },
            PASSED => Self::Passed,
            BEGAN => Self::Began,
            DESCRIBED => Self::Described(fields.all()),
            KEPT => Self::Kept(fields.all()),
            _ => return Err(RecordedError::Kind(kind)),
        };
        if fields.rest.is_empty() { Ok(recorded) } else { Err(fields.wrong("it is too long")) }
    }
}

/// Writes what a record of a snapshot says of the gates.
pub(crate) fn write_pasts(pasts: &[(u32, GatePast)], out: &mut Vec<u8>) {
    for (source, past) in pasts {
        // A gate is a neuron, whose id has 16 bits.
        out.extend_from_slice(&(*source as u16).to_le_bytes());
        out.extend_from_slice(&past.admissions.to_le_bytes());
        out.push(u8::from(past.bookmark.is_some()));
        if let Some(bookmark) = &past.bookmark {
            out.extend_from_slice(&(bookmark.len() as u32).to_le_bytes());
            out.extend_from_slice(bookmark);
        }
    }
}

/// What a record of a snapshot says of the gates: each by its id.
///
/// # Errors
/// [`RecordedError`] when the bytes do not have that shape.
pub fn pasts(body: &[u8]) -> Result<Vec<(u32, GatePast)>, RecordedError> {
    let mut fields = Fields { kind: KEPT, length: body.len(), rest: body };
    let mut pasts = Vec::new();
    while !fields.rest.is_empty() {
        let source = u32::from(u16::from_le_bytes(*fields.take()?));
        let admissions = u64::from_le_bytes(*fields.take()?);
        let [has_bookmark] = *fields.take()?;
        let mut bookmark = None;
        if has_bookmark != 0 {
            let length = u32::from_le_bytes(*fields.take()?) as usize;
            let too_short = fields.wrong("a bookmark is longer than the record");
            let (bytes, rest) = fields.rest.split_at_checked(length).ok_or(too_short)?;
            fields.rest = rest;
            bookmark = Some(bytes.to_vec());
        }
        pasts.push((source, GatePast { admissions, bookmark }));
    }
    Ok(pasts)
}

fn code_of(kind: SpikeKind) -> u8 {
    match kind {
        SpikeKind::Excitatory => 0,
        SpikeKind::Inhibitory => 1,
        SpikeKind::Modulatory => 2,
    }
}

/// What is left of a body.
struct Fields<'a> {
    kind: u8,
    length: usize,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn wrong(&self, what: &'static str) -> RecordedError {
        RecordedError::Body { kind: self.kind, length: self.length, what }
    }

    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], RecordedError> {
        let (head, rest) =
            self.rest.split_first_chunk().ok_or_else(|| self.wrong("it is too short"))?;
        self.rest = rest;
        Ok(head)
    }

    fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    fn spike(&mut self) -> Result<Spike, RecordedError> {
        Spike::from_bytes(self.take()?).map_err(|_| self.wrong("the spike makes no sense"))
    }

    fn neuron(&mut self) -> Result<NeuronId, RecordedError> {
        let raw = u16::from_le_bytes(*self.take()?);
        NeuronId::new(raw).map_err(|_| self.wrong("no such neuron"))
    }

    fn float(&mut self) -> Result<f32, RecordedError> {
        let value = f32::from_le_bytes(*self.take()?);
        if value.is_finite() { Ok(value) } else { Err(self.wrong("a number is not finite")) }
    }

    fn spike_kind(&self, code: u8) -> Result<SpikeKind, RecordedError> {
        match code {
            0 => Ok(SpikeKind::Excitatory),
            1 => Ok(SpikeKind::Inhibitory),
            2 => Ok(SpikeKind::Modulatory),
            _ => Err(self.wrong("the spike's kind is unknown")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(raw: u16) -> NeuronId {
        NeuronId::new(raw).unwrap()
    }

    #[test]
    fn bodies_stay_as_they_are() {
        let spike = Spike::new(id(3), SpikeKind::Excitatory).stamped(9, 4);
        let fire = Recorded::Fire { kind: SpikeKind::Modulatory, priority: 7, payload: b"hi" };
        let drive = Recorded::Drive {
            target: id(0x0102),
            cell: Some(5),
            drive: 1.5,
            kind: SpikeKind::Inhibitory,
            priority: 255,
            payload: b"x",
        };
        let golden: [(Recorded<'_>, u8, &str); 6] = [
            (drive, 1, "020101ff050000000000c03f78"),
            (fire, 2, "02076869"),
            (Recorded::Sprout { region: RegionId::new(2).unwrap(), name: "ä" }, 3, "0200c3a4"),
            (Recorded::Weight { from: id(1), to: id(2), weight: -0.5 }, 16, "01000200000000bf"),
            (Recorded::Prune { below: 0.25 }, 17, "0000803e"),
            (Recorded::Passed, 34, ""),
        ];
        for (recorded, code, hex) in golden {
            let mut body = Vec::new();
            recorded.write(&mut body);
            let written: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((recorded.code(), written.as_str()), (code, hex));
            assert_eq!(Recorded::read(code, &body), Ok(recorded));
        }
        let output = Recorded::Output { taken: true, spike, payload: b"out" };
        let mut body = Vec::new();
        output.write(&mut body);
        assert_eq!(body.len(), 1 + 64 + 3);
        assert_eq!(Recorded::read(32, &body), Ok(output));
    }

    proptest! {
        /// Whatever the bytes are, they are read and written back as they were, or refused.
        #[test]
        fn foreign_bytes_are_refused_or_mean_what_they_say(
            kind in 0_u8..40, body in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            if let Ok(recorded) = Recorded::read(kind, &body) {
                let mut again = Vec::new();
                recorded.write(&mut again);
                prop_assert_eq!(recorded.code(), kind);
                if !matches!(recorded, Recorded::Output { .. } | Recorded::Heard { .. }) {
                    prop_assert_eq!(again, body);
                }
            }
        }
    }
}
