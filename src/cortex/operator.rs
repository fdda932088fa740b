//! What the operator can change between two ticks. Each change is written into the journal; a replay makes it again.

use super::Cortex;
use super::worker::Body;
use crate::id::NeuronId;
use crate::journal::JournalError;
use crate::recorded::Recorded;

/// Why a change was refused; the cortex is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// No synapse leads from the one to the other.
    #[error("there is no synapse from neuron {from} to neuron {to}")]
    NoSynapse {
        /// The source.
        from: NeuronId,
        /// The target.
        to: NeuronId,
    },
    /// The number is not finite, or lies beyond what the projection allows.
    #[error("a weight of {weight} is refused: it must lie between {low} and {high}")]
    Weight {
        /// The weight.
        weight: f32,
        /// The lowest that the projection allows.
        low: f32,
        /// The highest.
        high: f32,
    },
    /// The neuron has no membrane that could have a threshold.
    #[error("neuron {0} is not an agent")]
    NoAgent(NeuronId),
    /// A membrane cannot have this threshold.
    #[error(transparent)]
    Membrane(#[from] crate::membrane::MembraneError),
    /// The change could not be written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Cortex {
    /// Sets the weight of every synapse from one agent or gate to another, without its projection's sign.
    ///
    /// # Errors
    /// [`OperatorError`]; no weight was changed.
    pub fn set_weight(
        &mut self,
        from: NeuronId,
        to: NeuronId,
        weight: f32,
    ) -> Result<(), OperatorError> {
        let places = self.synapses_between(from, to);
        if places.is_empty() {
            return Err(OperatorError::NoSynapse { from, to });
        }
        let target = self.home_of(to);
        for &(projection, _) in &places {
            let (low, high) = self.workers_mut_at(target).table.projections[projection].limits;
            if !(weight.is_finite() && (low..=high).contains(&weight)) {
                return Err(OperatorError::Weight { weight, low, high });
            }
        }
        self.record_command(&Recorded::Weight { from, to, weight })?;
        let table = &mut self.workers_mut_at(target).table;
        for (projection, slot) in places {
            table.projections[projection].columns.weights[slot] = weight;
        }
        Ok(())
    }

    /// Where the synapses between two neurons lie: projection and slot, on the worker of the second.
    fn synapses_between(&self, from: NeuronId, to: NeuronId) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        let known = |id: NeuronId| self.worker.cells.get(id.index()).is_some();
        if let Some(worker) = self.worker_of(to).filter(|_| known(from)) {
            for &id in worker.table.segments_of(from) {
                let segment = &worker.table.segments[id as usize];
                let slots = worker.table.find(segment, to);
                places.extend(slots.map(|slot| (segment.projection as usize, slot)));
            }
        }
        places
    }

    /// Sets the threshold of one agent's membrane.
    ///
    /// # Errors
    /// [`OperatorError`]; the membrane is as it was.
    pub fn set_threshold(&mut self, neuron: NeuronId, threshold: f32) -> Result<(), OperatorError> {
        let number = self.agent(neuron)?;
        let home = self.home_of(neuron);
        let membranes = &self.workers_mut_at(home).membranes;
        let membrane = membranes[usize::from(number)].described.threshold(threshold);
        membrane.check()?;
        self.record_command(&Recorded::Threshold { neuron, threshold })?;
        let worker = self.workers_mut_at(home);
        worker.membrane_numbers[neuron.index()] = worker.membrane(&membrane);
        Ok(())
    }

    /// Silences one agent: it hears nothing any more, and does not fire.
    ///
    /// # Errors
    /// [`OperatorError`]; nothing was changed.
    pub fn silence(&mut self, neuron: NeuronId) -> Result<(), OperatorError> {
        self.agent(neuron)?;
        self.record_command(&Recorded::Silence { neuron })?;
        let home = self.home_of(neuron);
        self.workers_mut_at(home).cells[neuron.index()].body = Body::Silenced;
        Ok(())
    }

    /// The number of an agent's membrane.
    fn agent(&mut self, neuron: NeuronId) -> Result<u16, OperatorError> {
        let worker = self.worker_of(neuron);
        let agent = worker.filter(|worker| {
            matches!(worker.cells[neuron.index()].body, Body::Agent(_) | Body::Silenced)
        });
        agent
            .map(|worker| worker.membrane_numbers[neuron.index()])
            .ok_or(OperatorError::NoAgent(neuron))
    }

    fn home_of(&self, neuron: NeuronId) -> usize {
        usize::from(self.worker.crossing.home(neuron))
    }

    fn workers_mut_at(&mut self, index: usize) -> &mut super::Worker {
        match index.checked_sub(1) {
            Some(follower) => &mut self.followers[follower].worker,
            None => &mut self.worker,
        }
    }

    /// Removes plastic synapses between agents whose weight has fallen below a bound. Protected ones stay, and so do
    /// those between populations, which go by [`Projection::structure`](crate::projection::Projection::structure)
    /// alone. Returns how many went.
    ///
    /// # Errors
    /// When there is a journal and it cannot be written to; nothing was removed.
    pub fn prune(&mut self, below: f32) -> Result<u64, OperatorError> {
        if below.is_finite() {
            self.record_command(&Recorded::Prune { below })?;
        }
        Ok(self.workers_mut().map(|worker| worker.table.prune(below)).sum())
    }
}
