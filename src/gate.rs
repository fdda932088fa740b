//! Doors: how the outside gets in, and how the inside gets out.
//!
//! A gate does whatever is slow or non-deterministic (reading a file, calling a model, asking the clock) on threads of
//! its own and meets the cortex only here: between two ticks the cortex asks it to *admit* what has arrived, and hands
//! it what it should *emit*. Neither call may block. Everything admitted is dated with the tick it was admitted in;
//! from there on a run is a function of its admissions.

use std::sync::Arc;

pub use crate::admission::Admissions;
use crate::arena::Arena;
use crate::atlas::Atlas;
use crate::axon::{AxonAccount, Doorbell};
use crate::id::NeuronId;
pub use crate::recorded::GatePast;
use crate::spike::Spike;
use crate::time::{Tick, TickLength};

/// What a gate is given when the run begins; it may be kept and moved to the gate's own threads.
#[derive(Debug, Clone)]
pub struct GateLink {
    /// The gate's own address: the source of what it admits.
    pub id: NeuronId,
    /// Rung by the gate's threads when they have something to admit; wakes a sleeping cortex.
    pub doorbell: Arc<Doorbell>,
    /// For payloads above 46 bytes.
    pub arena: Arc<Arena>,
    /// Cortex time of one tick.
    pub tick_length: TickLength,
    /// Who is there at the start.
    pub atlas: Arc<Atlas>,
}

/// What a gate says about its future after it admitted what it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Something may arrive at any moment; time passes without it.
    Open,
    /// The next admission belongs to this tick, and none comes before it. Asked for that tick, the gate hands it in
    /// whole.
    At(Tick),
    /// The next admission is on its way and is dated by the gate: cortex time must not pass it. The gate rings.
    Hold,
    /// The next admission is not known yet, but comes later than this tick: time may reach it and not pass it.
    After(Tick),
    /// Nothing will ever be admitted again, unless as an [answer](Gate::answers).
    Ended,
}

/// Why a gate could not do its work. The run goes on without the gate, and the report names it.
#[derive(Debug, thiserror::Error)]
#[error("gate {gate}: {message}")]
pub struct GateError {
    /// The gate's path.
    pub gate: String,
    /// What happened, with the value that was refused.
    pub message: String,
    /// What caused it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl GateError {
    /// An error of the gate at this path.
    #[must_use]
    pub fn new(gate: impl Into<String>, message: impl Into<String>) -> Self {
        Self { gate: gate.into(), message: message.into(), source: None }
    }
}

/// A spike on its way out, with its payload resolved.
#[derive(Debug, Clone, Copy)]
pub struct Outbound<'a> {
    /// The spike as it was fired.
    pub spike: Spike,
    /// Its payload, wherever it lay.
    pub payload: &'a [u8],
    /// The tick in which it reached the gate.
    pub tick: Tick,
}

/// How many things a gate took in, let through and refused; printed in the report.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct GateAccount {
    /// The rings between the gate's threads and the cortex.
    pub axons: Vec<AxonAccount>,
    /// Refusals by kind: how often, and the first of them.
    pub refused: Vec<Refusal>,
    /// What is not available here, in words (`senses/host/pressure: no /proc/pressure`).
    pub notes: Vec<String>,
}

/// One kind of input that was refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// A stable word for the kind: `invalid-utf8`, `line-too-long`.
    pub kind: String,
    /// How many there were.
    pub count: u64,
    /// The first one, shortened.
    pub sample: String,
}

/// A door between the cortex and the outside.
///
/// Called by the worker between ticks and never concurrently; it must not block, do I/O or read a clock in
/// [`admit`](Gate::admit) and [`emit`](Gate::emit): its own threads do.
pub trait Gate: Send {
    /// The run begins: start the threads that do the I/O.
    ///
    /// # Errors
    /// If the outside cannot be reached; the run does not start.
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        let _ = link;
        Ok(())
    }

    /// The run goes on from a journal: what this gate had admitted by its end. Called before [`open`](Gate::open).
    ///
    /// # Errors
    /// If it cannot go on from there; the run does not start.
    fn resume(&mut self, past: &GatePast) -> Result<(), GateError> {
        let _ = past;
        Ok(())
    }

    /// The first so many spikes and names that this gate admitted in this process are in the journal, at the level of
    /// durability that it was opened with. Called between ticks, when the number has grown.
    fn recorded(&mut self, admissions: u64) {
        let _ = admissions;
    }

    /// Hands in what has arrived.
    ///
    /// # Errors
    /// If the gate is broken for good; it is closed and named in the report.
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError>;

    /// Whether there is something to hand in, as far as one look tells. A cortex that spins while it waits asks this
    /// again and again, and need not wait for the bell of whoever sent it. Nothing is lost where it is always false.
    fn is_ready(&self) -> bool {
        false
    }

    /// Takes spikes out. Returns how many it took; the others are offered again after the next tick.
    ///
    /// # Errors
    /// If the gate is broken for good; it is closed and named in the report.
    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        Ok(outbound.len())
    }

    /// Whether what it is handed can bring an admission; asked once. Such a gate is asked again in the tick after each
    /// one in which it took something, also when it had [ended](Outlook::Ended), before time passes. It rings when it
    /// takes something, so that a cortex that runs on demand asks.
    fn answers(&self) -> bool {
        false
    }

    /// The run ends: stop the threads and wait for them.
    fn close(&mut self) {}

    /// What passed and what was refused so far.
    fn account(&self) -> GateAccount {
        GateAccount::default()
    }
}

/// Why an admission was refused; state is as it was.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// There is no neuron with this id.
    #[error("neuron {0} does not exist")]
    NoSuchNeuron(NeuronId),
    /// There is no such cell, or the neuron is no crowd.
    #[error("neuron {target} has no cell {cell}")]
    NoSuchCell {
        /// The neuron.
        target: NeuronId,
        /// The cell that was asked for.
        cell: u32,
    },
    /// The drive is not a finite number.
    #[error("a drive of {0} is refused: it must be a finite number")]
    Drive(f32),
    /// The region takes no neurons while running.
    #[error("region {0} has no template, so no neuron can be added while it runs")]
    NoTemplate(String),
    /// The region holds as many neurons as it may.
    #[error("region {region} holds {bound} neurons and may hold no more: {name:?} was not added")]
    RegionFull {
        /// The region's path.
        region: String,
        /// Its bound.
        bound: usize,
        /// Who was refused.
        name: String,
    },
    /// The name cannot be used, or all ids are taken.
    #[error(transparent)]
    Name(#[from] crate::atlas::NameError),
    /// The payload found no room.
    #[error(transparent)]
    Arena(#[from] crate::arena::ArenaError),
    /// The journal takes nothing now: its disk is full, or has failed.
    #[error("it cannot be recorded, so it does not enter: {0}")]
    Journal(#[from] crate::journal::JournalError),
    /// The limit of spikes under way is reached.
    #[error(transparent)]
    Saturated(#[from] crate::context::Saturated),
}

impl AdmitError {
    /// Whether the same admission may be taken in a later tick, when what is under way has arrived or the journal has
    /// room: a gate that loses nothing keeps it until then.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        use crate::arena::ArenaError;
        matches!(self, Self::Saturated(_) | Self::Arena(ArenaError::Full { .. }) | Self::Journal(_))
    }
}
