//! Whether two ends can have the projection between them.

use super::assembly::Assembly;
use super::growth::End;
use crate::crowd::Strand;
use crate::id::NeuronId;
use crate::projection::{Connector, Projection, ProjectionError};

impl Assembly {
    /// Whether the ends of a projection can have what it asks for.
    pub(super) fn check_ends(
        &self,
        spec: &Projection,
        from: &End,
        to: &End,
    ) -> Result<(), ProjectionError> {
        let refuse = |feature, why| Err(ProjectionError::Unsupported { feature, why });
        let agents = [from, to]
            .iter()
            .all(|end| self.crowd(end).is_none() && self.population(end).is_none());
        if matches!(spec.connector, Connector::Named(_)) && !agents {
            return refuse("a connector by name", "cells have numbers and no names");
        }
        if self.crowd(from).or(self.crowd(to)).is_some() {
            return self.check_crowd(spec, from, to);
        }
        let ends = (self.population(from), self.population(to));
        match ends {
            (None, _) | (_, None) if spec.record_weights.is_some() => {
                refuse("a record of weights", "one end is no population")
            }
            (None, None) if spec.structure.is_some() && spec.plasticity.is_none() => {
                refuse("structural plasticity", "synapses of agents that do not learn do not go")
            }
            (None, None) => Ok(()),
            (Some(from), Some(to)) => self.first().network.check(spec, from, to),
            (None, Some(to)) if self.first().network.is_source(to) => {
                refuse("a projection", "its target is a source, which hears nothing")
            }
            _ if spec.is_plastic() || spec.short_term.is_some() => {
                refuse("plasticity", "one end is a population, the other is not")
            }
            _ if !matches!(spec.connector, Connector::AllToAll) => {
                let why = "one end is a population, which is one neuron to those who are none";
                refuse("any connector but all to all", why)
            }
            _ => Ok(()),
        }
    }

    /// Whether there is room for all that a projection makes, and a neuron or a cell for all that it lists.
    pub(super) fn check_list(
        &self,
        spec: &Projection,
        from: &End,
        to: &End,
    ) -> Result<(), ProjectionError> {
        let cells = |id: &NeuronId| self.first().atlas.cells(*id) as usize;
        let size = |end: &End| self.first().members(end).iter().map(cells).sum();
        let (sources, targets) = (size(from), size(to));
        let crowd = self.crowd(from).or(self.crowd(to)).is_some();
        if !(crowd && Strand::is_implied(spec)) {
            self.first().check_drawn(spec, (from, to), (sources, targets))?;
        }
        spec.check_positions(sources, targets)
    }
}
