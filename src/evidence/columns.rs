//! Evidence as columns of a state.

use std::io;

use super::{Evidence, EvidenceRing};
use crate::spike::Spike;
use crate::state::{Section, StateError, StateWriter, Texts, TextsColumn};
use crate::time::Tick;

/// The kept spikes of many neurons, one column a field.
#[derive(Debug, Default)]
pub(crate) struct EvidenceColumns {
    /// How many spikes each neuron has kept.
    kept: Vec<u32>,
    spikes: Vec<u8>,
    weights: Vec<f32>,
    ticks: Vec<u64>,
    payloads: Texts,
}

impl EvidenceColumns {
    pub(crate) fn push(&mut self, ring: Option<&EvidenceRing>) {
        let evidence = Evidence::new(ring);
        self.kept.push(evidence.len() as u32);
        for item in evidence {
            // Where in an arena a payload lay is chance, and it lies here.
            self.spikes.extend_from_slice(item.spike.nowhere().as_bytes());
            self.weights.push(item.weight);
            self.ticks.push(item.tick.0);
            self.payloads.push(if item.spike.arena_ref().is_some() { item.payload } else { &[] });
        }
    }

    pub(crate) fn write(&self, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.column("evidence.kept", &self.kept)?;
        out.column("evidence.spike", &self.spikes)?;
        out.column("evidence.weight", &self.weights)?;
        out.column("evidence.tick", &self.ticks)?;
        self.payloads.write("evidence.payload", out)
    }
}

/// The kept spikes of many neurons as they were read.
#[derive(Debug)]
pub(crate) struct EvidenceRead<'a> {
    starts: Vec<usize>,
    spikes: Vec<Spike>,
    weights: Vec<f32>,
    ticks: Vec<u64>,
    payloads: TextsColumn<'a>,
}

impl<'a> EvidenceRead<'a> {
    /// Reads the evidence of so many neurons.
    pub(crate) fn read(section: &Section<'a>, neurons: usize) -> Result<Self, StateError> {
        let spikes = Spike::read_all(section, "evidence.spike")?;
        Ok(Self {
            starts: section.starts("evidence.kept", neurons, spikes.len())?,
            weights: section.values("evidence.weight", spikes.len())?,
            ticks: section.values("evidence.tick", spikes.len())?,
            payloads: TextsColumn::read(section, "evidence.payload", spikes.len())?,
            spikes,
        })
    }

    /// Gives a neuron what it had kept; false if it keeps less than that.
    pub(crate) fn give(&self, neuron: usize, ring: Option<&mut EvidenceRing>) -> bool {
        let range = self.starts[neuron]..self.starts[neuron + 1];
        let Some(ring) = ring else { return range.is_empty() };
        ring.clear();
        if range.len() > ring.bound {
            return false;
        }
        for place in range {
            let (weight, tick) = (self.weights[place], Tick(self.ticks[place]));
            ring.keep(&self.spikes[place], self.payloads.get(place), weight, tick);
        }
        true
    }
}
