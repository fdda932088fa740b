//! What a gate hands in: admissions, dated with the tick they enter in.

use crate::gate::AdmitError;
use crate::id::{NeuronId, RegionId};
use crate::pace::Stamp;
use crate::spike::SpikeKind;
use crate::time::{Tick, TickLength};

/// Where admissions go; the cortex implements it.
pub(crate) trait Desk {
    fn tick(&self) -> Tick;
    fn tick_length(&self) -> TickLength;
    fn drive(
        &mut self,
        gate: NeuronId,
        target: (NeuronId, Option<u32>),
        drive: f32,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError>;
    fn fire(
        &mut self,
        gate: NeuronId,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError>;
    fn sprout(
        &mut self,
        gate: NeuronId,
        region: RegionId,
        name: &str,
    ) -> Result<NeuronId, AdmitError>;
    fn stamp(&mut self, stamp: Stamp);
    fn bookmark(&mut self, gate: NeuronId, bookmark: &[u8]) -> Result<(), AdmitError>;
}

/// What a gate can do while it admits; it lasts as long as the call.
pub struct Admissions<'a> {
    pub(crate) desk: &'a mut dyn Desk,
    pub(crate) gate: NeuronId,
}

impl Admissions<'_> {
    /// The tick that is being collected: what is admitted now belongs to it.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.desk.tick()
    }

    /// Cortex time of one tick.
    #[must_use]
    pub fn tick_length(&self) -> TickLength {
        self.desk.tick_length()
    }

    /// Puts a spike straight onto one neuron's membrane in this tick, as a sense organ does to its neuron.
    ///
    /// With a drive of 0 the neuron hears it and its membrane stays as it is. A payload above 46 bytes travels through
    /// the arena.
    ///
    /// # Errors
    /// [`AdmitError`]; nothing was admitted.
    #[inline]
    pub fn drive(
        &mut self,
        target: NeuronId,
        drive: f32,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError> {
        self.desk.drive(self.gate, (target, None), drive, SpikeKind::Excitatory, priority, payload)
    }

    /// Lets one neuron hear a spike of any kind in this tick, and leaves its membrane as it is.
    ///
    /// For a gate that speaks for others: the neuron stands for one of them, and passes on what it hears under its own
    /// name. A payload above 46 bytes travels through the arena.
    ///
    /// # Errors
    /// [`AdmitError`]; nothing was admitted.
    #[inline]
    pub fn tell(
        &mut self,
        target: NeuronId,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError> {
        self.desk.drive(self.gate, (target, None), 0.0, kind, priority, payload)
    }

    /// Puts a spike straight onto the membrane of one cell of a [crowd](crate::crowd); [`drive`](Self::drive) reaches
    /// all of them.
    ///
    /// # Errors
    /// [`AdmitError`]; nothing was admitted.
    pub fn drive_cell(
        &mut self,
        target: NeuronId,
        cell: u32,
        drive: f32,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError> {
        self.desk.drive(
            self.gate,
            (target, Some(cell)),
            drive,
            SpikeKind::Excitatory,
            priority,
            payload,
        )
    }

    /// Fires the gate itself: the spike travels over the gate's own synapses, with their delays.
    ///
    /// # Errors
    /// [`AdmitError`]; nothing was admitted.
    pub fn fire(
        &mut self,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError> {
        self.desk.fire(self.gate, kind, priority, payload)
    }

    /// The neuron of this name in a region; made by the region's template when there is none yet.
    ///
    /// This is a change of the topology as an admission: the neuron is there, with all synapses that the region's
    /// projections give it, before the tick routes.
    ///
    /// # Errors
    /// [`AdmitError`] when the region has no template or is full; the topology is as it was.
    pub fn sprout(&mut self, region: RegionId, name: &str) -> Result<NeuronId, AdmitError> {
        self.desk.sprout(self.gate, region, name)
    }

    /// Leaves word of how far this gate has come: where a run goes on from its journal, the gate is
    /// [given](crate::gate::Gate::resume) the last bookmark that was recorded, with what it had admitted before it.
    /// Without a journal nothing happens.
    ///
    /// # Errors
    /// [`AdmitError::Journal`] when the journal takes nothing.
    pub fn bookmark(&mut self, bookmark: &[u8]) -> Result<(), AdmitError> {
        self.desk.bookmark(self.gate, bookmark)
    }

    /// Says when the outside handed over what is admitted in this call, for the latency figures.
    pub fn stamp(&mut self, handed_over: Stamp) {
        self.desk.stamp(handed_over);
    }
}

impl std::fmt::Debug for Admissions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admissions").field("tick", &self.tick()).finish_non_exhaustive()
    }
}
