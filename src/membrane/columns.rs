//! What the runtime keeps of agents, as columns of a state.

use std::io;

use super::Soma;
use crate::state::{Section, StateError, StateWriter};

/// Of many agents, one column a field.
#[derive(Debug, Default)]
pub(crate) struct SomaColumns {
    sequence: Vec<u32>,
    draws: Vec<u64>,
    potential: Vec<f32>,
    input: Vec<f32>,
    updated: Vec<u64>,
    ready: Vec<u64>,
    raised: Vec<f32>,
}

impl SomaColumns {
    pub(crate) fn push(&mut self, soma: &Soma) {
        // Taken apart, so that a field more cannot be forgotten here.
        let &Soma { potential, input, updated, ready, raised, sequence, draws } = soma;
        self.sequence.push(sequence);
        self.draws.push(draws);
        self.potential.push(potential);
        self.input.push(input);
        self.updated.push(updated);
        self.ready.push(ready);
        self.raised.push(raised);
    }

    pub(crate) fn write(&self, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.column("sequence", &self.sequence)?;
        out.column("draws", &self.draws)?;
        out.column("potential", &self.potential)?;
        out.column("input", &self.input)?;
        out.column("updated", &self.updated)?;
        out.column("ready", &self.ready)?;
        out.column("raised", &self.raised)
    }

    pub(crate) fn read(section: &Section<'_>, count: usize) -> Result<Self, StateError> {
        Ok(Self {
            sequence: section.values("sequence", count)?,
            draws: section.values("draws", count)?,
            potential: section.values("potential", count)?,
            input: section.values("input", count)?,
            updated: section.values("updated", count)?,
            ready: section.values("ready", count)?,
            raised: section.values("raised", count)?,
        })
    }

    /// Of the agent at a place below their number.
    pub(crate) fn get(&self, index: usize) -> Soma {
        Soma {
            sequence: self.sequence[index],
            draws: self.draws[index],
            potential: self.potential[index],
            input: self.input[index],
            updated: self.updated[index],
            ready: self.ready[index],
            raised: self.raised[index],
        }
    }
}
