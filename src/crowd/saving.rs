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
        let (mut somas, mut states) = (SomaColumns::default(), Texts::default());
        let mut evidence = EvidenceColumns::default();
        for (cell, (soma, agent)) in self.somas.iter().zip(&self.agents).enumerate() {
            somas.push(soma);
            evidence.push(self.evidence.get(cell).and_then(Option::as_deref));
            if soma.ready != SILENCED {
                let saved = neuron::save(agent, &mut states.bytes);
                saved.map_err(|fault| CrowdStateError::Cell(cell as u32, fault))?;
            }
            states.seal();
        }
        states.write("state", out)?;
        somas.write(out)?;
        Ok(evidence.write(out)?)
    }

    pub(super) fn load_cells(&mut self, section: &Section<'_>) -> Result<(), CrowdStateError> {
        let count = self.somas.len();
        let states = TextsColumn::read(section, "state", count)?;
        let somas = SomaColumns::read(section, count)?;
        let evidence = EvidenceRead::read(section, count)?;
        for (cell, (soma, agent)) in self.somas.iter_mut().zip(&mut self.agents).enumerate() {
            *soma = somas.get(cell);
            let ring = self.evidence.get_mut(cell).and_then(Option::as_deref_mut);
            if !evidence.give(cell, ring) {
                let expected = "the cell keeps fewer spikes";
                return Err(section.refuse("evidence.kept", cell, "that", expected).into());
            }
            if soma.ready != SILENCED {
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
