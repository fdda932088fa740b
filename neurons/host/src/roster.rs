//! The names that a gate's thread has met, handed to the gate in the order of first sight.
//!
//! The thread names a neuron by its position in the roster: two bytes, in the `target` field of the spikes that travel
//! from thread to gate. The name itself crosses once, through a channel, before the first spike that needs it is
//! published; so the gate finds it there when it meets the spike, and never waits.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use foldhash::fast::FixedState;
use neuronbus::gate::{Admissions, AdmitError};
use neuronbus::id::{NeuronId, RegionId};

/// The most names in one roster: a position must fit where an id fits.
pub const ROSTER_MAX: usize = NeuronId::LIMIT;

/// Any seed gives the same roster: the map is looked up in, never iterated.
const SEED: u64 = 0x6E_6575_726F_6E73;

/// The thread's end: name to position.
#[derive(Debug)]
pub struct RosterWriter {
    positions: HashMap<Arc<str>, NeuronId, FixedState>,
    names: Sender<Arc<str>>,
    bound: usize,
}

/// The gate's end: position to neuron.
#[derive(Debug)]
pub struct RosterReader {
    names: Receiver<Arc<str>>,
    neurons: Vec<Option<NeuronId>>,
    region: RegionId,
}

/// A roster of at most `bound` names for the neurons of a region.
#[must_use]
pub fn roster(region: RegionId, bound: usize) -> (RosterWriter, RosterReader) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let writer = RosterWriter {
        positions: HashMap::with_hasher(FixedState::with_seed(SEED)),
        names: sender,
        bound: bound.min(ROSTER_MAX),
    };
    (writer, RosterReader { names: receiver, neurons: Vec::new(), region })
}

impl RosterWriter {
    /// The position of a name, which it is given on first sight; `None` if it is new and the roster is full.
    #[inline]
    pub fn position(&mut self, name: &str) -> Option<NeuronId> {
        match self.positions.get(name) {
            Some(&position) => Some(position),
            None if self.positions.len() < self.bound => self.enrol(name),
            None => None,
        }
    }

    /// The position of a name that was seen before.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<NeuronId> {
        self.positions.get(name).copied()
    }

    /// The position of a name whatever the bound is, up to [`ROSTER_MAX`]: for the name that takes the overflow.
    pub fn enrol(&mut self, name: &str) -> Option<NeuronId> {
        if let Some(&position) = self.positions.get(name) {
            return Some(position);
        }
        let position = NeuronId::from_index(self.positions.len()).ok()?;
        let name: Arc<str> = name.into();
        // A gate that has gone needs no names any more.
        self.names.send(Arc::clone(&name)).ok();
        self.positions.insert(name, position);
        Some(position)
    }
}

impl RosterReader {
    /// The neuron at a position, which sprouts on first sight.
    ///
    /// `None` if the cortex refused it when it was first asked for; [`RosterReader::resolve`] reported that.
    ///
    /// # Errors
    /// Why the cortex takes no neuron of this name; once for each name.
    #[inline]
    pub fn resolve(
        &mut self,
        position: NeuronId,
        inbound: &mut Admissions<'_>,
    ) -> Result<Option<NeuronId>, RosterError> {
        match self.neurons.get(position.index()) {
            Some(&neuron) => Ok(neuron),
            None => self.sprout_up_to(position, inbound),
        }
    }

    #[cold]
    fn sprout_up_to(
        &mut self,
        position: NeuronId,
        inbound: &mut Admissions<'_>,
    ) -> Result<Option<NeuronId>, RosterError> {
        let mut refused = None;
        while self.neurons.len() <= position.index() {
            let name = self.names.try_recv().map_err(|_| RosterError::Unnamed(position))?;
            match inbound.sprout(self.region, &name) {
                Ok(neuron) => self.neurons.push(Some(neuron)),
                Err(error) => {
                    self.neurons.push(None);
                    refused.get_or_insert(RosterError::Refused { name, error });
                }
            }
        }
        match refused {
            Some(refused) => Err(refused),
            None => Ok(self.neurons[position.index()]),
        }
    }
}

/// Why a position has no neuron.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// A spike came before the name it needs; the ring and the roster do not belong together.
    #[error("position {0} was used before it was given a name")]
    Unnamed(NeuronId),
    /// The cortex takes no neuron of this name.
    #[error("{name:?} has no neuron: {error}")]
    Refused {
        /// The name.
        name: Arc<str>,
        /// What the cortex said.
        error: AdmitError,
    },
}
