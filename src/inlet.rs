//! A ready-made door: code on another thread hands spikes in.
//!
//! One ring carries the spikes; the receiver gets them in the order they were sent. The sender sets the target's id and
//! the drive, or fires the gate itself, and feels back-pressure when the ring is full.

use std::sync::{Arc, OnceLock};

use crate::axon::{Axon, AxonAccount, AxonError, AxonHub, AxonReader, Doorbell};
use crate::gate::{
    Admissions, AdmitError, Gate, GateAccount, GateError, GateLink, Outlook, Refusal,
};
use crate::id::NeuronId;
use crate::pace::Stamp;
use crate::spike::{Spike, SpikeError, SpikeKind};
use crate::time::Tick;

/// Why a spike was not handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InletError {
    /// The ring is full: the cortex has not caught up.
    #[error("the inlet's ring is full: the cortex has not caught up")]
    Full,
    /// The payload is too large for the ring.
    #[error(transparent)]
    Spike(#[from] SpikeError),
    /// The run has ended.
    #[error("the gate behind the inlet is closed")]
    Closed,
}

/// What both sides share: where to ring, known once the run begins.
#[derive(Debug, Default)]
struct Bell {
    doorbell: OnceLock<Arc<Doorbell>>,
    closed: std::sync::atomic::AtomicBool,
    /// Spikes that the journal keeps.
    recorded: std::sync::atomic::AtomicU64,
}

/// The sending side; may be moved to any thread and is used from one at a time.
#[derive(Debug)]
pub struct Inlet {
    axon: Axon,
    bell: Arc<Bell>,
}

/// The receiving side, to be put into a region with [`Region::gated`](crate::region::Region::gated).
#[derive(Debug)]
pub struct InletGate {
    reader: AxonReader,
    hub: AxonHub,
    bell: Arc<Bell>,
    /// What waits until the journal has room.
    held: Option<Spike>,
    refused: u64,
    first_refusal: Option<String>,
}

/// The drive travels in front of the payload.
const DRIVE_BYTES: usize = 4;

/// So does the cell of a crowd, behind the drive, in a spike of the kind that drives never have.
const CELL_BYTES: usize = 4;

impl Inlet {
    /// An inlet over a ring of so many slots, and the gate that it leads to.
    ///
    /// # Errors
    /// [`AxonError`] for a number of slots that is not a power of two, or too large.
    pub fn gate(slots: usize) -> Result<(Inlet, InletGate), AxonError> {
        let axon = Axon::anonymous(slots)?;
        let (reader, hub) = (axon.reader()?, axon.hub());
        let bell = Arc::new(Bell::default());
        let gate = InletGate {
            reader,
            hub,
            bell: bell.clone(),
            held: None,
            refused: 0,
            first_refusal: None,
        };
        Ok((Inlet { axon, bell }, gate))
    }

    /// Fires the gate: the spike travels over the gate's synapses. At most 42 bytes of payload.
    ///
    /// # Errors
    /// [`InletError`]; nothing was sent.
    pub fn fire(
        &mut self,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), InletError> {
        self.send(Spike::new(PLACEHOLDER, kind).with_priority(priority), 0.0, payload)
    }

    /// Puts a spike straight onto one neuron's membrane. At most 42 bytes of payload.
    ///
    /// # Errors
    /// [`InletError`]; nothing was sent.
    pub fn drive(
        &mut self,
        target: NeuronId,
        drive: f32,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), InletError> {
        let spike = Spike::new(PLACEHOLDER, SpikeKind::Excitatory).to(target);
        self.send(spike.with_priority(priority), drive, payload)
    }

    /// Puts a spike straight onto the membrane of one cell of a [crowd](crate::crowd). At most 38 bytes of payload.
    ///
    /// # Errors
    /// [`InletError`]; nothing was sent.
    pub fn drive_cell(
        &mut self,
        target: NeuronId,
        cell: u32,
        drive: f32,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), InletError> {
        let spike = Spike::new(PLACEHOLDER, SpikeKind::Inhibitory).to(target);
        let mut bytes = [0; crate::spike::INLINE_MAX];
        let length = CELL_BYTES + payload.len();
        let Some(room) = bytes.get_mut(CELL_BYTES..length) else {
            return Err(SpikeError::TooLong { length: length + DRIVE_BYTES }.into());
        };
        room.copy_from_slice(payload);
        bytes[..CELL_BYTES].copy_from_slice(&cell.to_le_bytes());
        self.send(spike.with_priority(priority), drive, &bytes[..length])
    }

    fn send(&mut self, spike: Spike, drive: f32, payload: &[u8]) -> Result<(), InletError> {
        // relaxed: a late answer only lets one more spike into a ring that nobody reads.
        if self.bell.closed.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(InletError::Closed);
        }
        let mut bytes = [0; crate::spike::INLINE_MAX];
        let length = DRIVE_BYTES + payload.len();
        let Some(room) = bytes.get_mut(DRIVE_BYTES..length) else {
            return Err(SpikeError::TooLong { length }.into());
        };
        room.copy_from_slice(payload);
        bytes[..DRIVE_BYTES].copy_from_slice(&drive.to_le_bytes());
        let spike = spike.stamped(Stamp::now().raw(), 0).with_inline(&bytes[..length])?;
        self.axon.publish(&spike).map_err(|_| InletError::Full)?;
        if let Some(doorbell) = self.bell.doorbell.get() {
            doorbell.ring();
        }
        Ok(())
    }

    /// How many of the spikes that went in, the first ones, are in the journal at its level of durability; 0 where
    /// there is no journal. Those that the cortex refused are not counted.
    #[must_use]
    pub fn recorded(&self) -> u64 {
        // relaxed: a number that stands for nothing else in memory.
        self.bell.recorded.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What went in, and what became of it.
    #[must_use]
    pub fn account(&self) -> AxonAccount {
        self.axon.account()
    }
}

/// The source is filled in at the gate, which knows its own id.
const PLACEHOLDER: NeuronId = match NeuronId::new(0) {
    Ok(id) => id,
    Err(_) => panic!("0 is an id"),
};

impl InletGate {
    /// Admits a spike, or counts why it is refused; false if it is to wait for the journal.
    fn admit_one(&mut self, spike: &Spike, inbound: &mut Admissions<'_>) -> bool {
        let bytes = spike.inline();
        let Some((drive, payload)) = bytes.split_first_chunk::<DRIVE_BYTES>() else { return true };
        let kind = spike.kind().unwrap_or(SpikeKind::Excitatory);
        let outcome = match spike.target() {
            Some(target) => {
                let (drive, priority) = (f32::from_le_bytes(*drive), spike.priority());
                match payload.split_first_chunk::<CELL_BYTES>() {
                    Some((cell, payload)) if kind == SpikeKind::Inhibitory => {
                        let cell = u32::from_le_bytes(*cell);
                        inbound.drive_cell(target, cell, drive, priority, payload)
                    }
                    _ => inbound.drive(target, drive, priority, payload),
                }
            }
            None => inbound.fire(kind, spike.priority(), payload),
        };
        match outcome {
            Ok(()) => {}
            Err(AdmitError::Journal(_)) => return false,
            Err(error) => {
                self.refused += 1;
                self.first_refusal.get_or_insert_with(|| error.to_string());
            }
        }
        true
    }
}

impl Drop for InletGate {
    /// A cortex that never ran closes no gate, and what is sent to it then would be lost in silence.
    fn drop(&mut self) {
        self.close();
    }
}

impl Gate for InletGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        // A second run of the same gate cannot be: a cortex opens each gate once.
        let _ = self.bell.doorbell.set(link.doorbell);
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        while let Some(spike) = self.held.take().or_else(|| self.reader.try_read()) {
            inbound.stamp(Stamp::from_raw(spike.time_ns()));
            if !self.admit_one(&spike, inbound) {
                self.held = Some(spike);
                return Ok(Outlook::At(Tick(inbound.tick().0 + 1)));
            }
        }
        Ok(Outlook::Open)
    }

    fn recorded(&mut self, admissions: u64) {
        // relaxed: see `Inlet::recorded`.
        self.bell.recorded.store(admissions, std::sync::atomic::Ordering::Relaxed);
    }

    fn close(&mut self) {
        if self.held.take().is_some() {
            self.refused += 1;
            let why = || "the run ended before the journal had room".to_owned();
            self.first_refusal.get_or_insert_with(why);
        }
        // relaxed: see `send`.
        self.bell.closed.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn account(&self) -> GateAccount {
        let refusal = self.first_refusal.iter().map(|sample| Refusal {
            kind: "not-admitted".to_owned(),
            count: self.refused,
            sample: sample.clone(),
        });
        GateAccount {
            axons: vec![self.hub.account()],
            refused: refusal.collect(),
            notes: Vec::new(),
        }
    }
}
