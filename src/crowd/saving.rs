//! A crowd as a state: columns of what the runtime knows of each cell, and what each agent writes.

use std::io;

use super::Crowds;
use super::cells::{Crowd, SILENCED};
use crate::evidence::{EvidenceColumns, EvidenceRead};
use crate::id::NeuronId;
use crate::membrane::SomaColumns;
use crate::neuron::{self, Fault, Neuron};
use crate::state::{Section, StateError, StateWriter, Texts, TextsColumn};

/// Why a crowd could not be saved or restored.
#[derive(Debug)]
pub(crate) enum CrowdStateError {
    Write(io::Error),
    State(StateError),
    /// One of its cells.
    Cell(u32, Fault),
}

impl From<io::Error> for CrowdStateError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<StateError> for CrowdStateError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl<N: Neuron + 'static> Crowd<N> {
    pub(super) fn save_cells(&self, out: &mut StateWriter<'_>) -> Result<(), CrowdStateError> {
        let (mut sequences, mut draws) = (Vec::new(), Vec::new());
        let (mut somas, mut states) = (SomaColumns::default(), Texts::default());
        let mut evidence = EvidenceColumns::default();
        for (cell, (state, agent)) in self.states.iter().zip(&self.agents).enumerate() {
            sequences.push(state.sequence);
            draws.push(state.draws);
            somas.push(&state.soma);
            evidence.push(self.evidence.get(cell).and_then(Option::as_deref));
            if state.soma.ready != SILENCED {
                let saved = neuron::save(agent, &mut states.bytes);
                saved.map_err(|fault| CrowdStateError::Cell(cell as u32, fault))?;
            }
            states.seal();
        }
        states.write("state", out)?;
        out.column("sequence", &sequences)?;
        out.column("draws", &draws)?;
        somas.write(out)?;
        Ok(evidence.write(out)?)
    }

    pub(super) fn load_cells(&mut self, section: &Section<'_>) -> Result<(), CrowdStateError> {
        let count = self.states.len();
        let states = TextsColumn::read(section, "state", count)?;
        let sequences = section.values::<u32>("sequence", count)?;
        let draws = section.values::<u64>("draws", count)?;
        let somas = SomaColumns::read(section, count)?;
        let evidence = EvidenceRead::read(section, count)?;
        for (cell, (state, agent)) in self.states.iter_mut().zip(&mut self.agents).enumerate() {
            (state.sequence, state.draws) = (sequences[cell], draws[cell]);
            state.soma = somas.get(cell, state.soma.membrane);
            let ring = self.evidence.get_mut(cell).and_then(Option::as_deref_mut);
            if !evidence.give(cell, ring) {
                let expected = "the cell keeps fewer spikes";
                return Err(section.refuse("evidence.kept", cell, "that", expected).into());
            }
            if state.soma.ready != SILENCED {
                let restored = neuron::restore(agent, states.get(cell));
                restored.map_err(|fault| CrowdStateError::Cell(cell as u32, fault))?;
            }
        }
        Ok(())
    }

    pub(super) fn check_cells(&mut self) -> Vec<(u32, Fault)> {
        let check = |(cell, agent): (usize, &mut N)| {
            neuron::check(agent).err().map(|fault| (cell as u32, fault))
        };
        self.agents.iter_mut().enumerate().filter_map(check).collect()
    }
}

impl Crowds {
    pub(crate) fn save(
        &self,
        crowd: u16,
        out: &mut StateWriter<'_>,
    ) -> Result<(), CrowdStateError> {
        self.all[usize::from(crowd)].save(out)
    }

    pub(crate) fn load(
        &mut self,
        crowd: u16,
        section: &Section<'_>,
    ) -> Result<(), CrowdStateError> {
        self.all[usize::from(crowd)].load(section)
    }

    /// The cells that cannot be saved: endpoint, cell, and why.
    pub(crate) fn forgetful(&mut self) -> Vec<(NeuronId, u32, Fault)> {
        let each = self.all.iter_mut().flat_map(|crowd| {
            let endpoint = crowd.endpoint();
            crowd.check().into_iter().map(move |(cell, fault)| (endpoint, cell, fault))
        });
        each.collect()
    }

    /// Forgets what happened to cells, before anything did.
    pub(crate) fn forget_tally(&mut self) {
        self.all.iter_mut().for_each(|crowd| crowd.forget_tally());
    }
}
