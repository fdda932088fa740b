//! Projections between agents that are drawn all at once: by target, or with weights or delays from distributions.
//!
//! They become lists, so that everything later treats them like synapses that were named one by one.

use super::growth::End;
use super::worker::Worker;
use crate::population;
use crate::projection::{Projection, ProjectionError};

impl Worker {
    fn is_same(&self, from: &End, to: &End) -> bool {
        from.region == to.region && from.part == to.part
    }

    /// Whether a projection between two ends of these sizes, agents or populations, can be drawn.
    pub(super) fn check_drawn(
        &self,
        spec: &Projection,
        (from, to): (&End, &End),
        (sources, targets): (usize, usize),
    ) -> Result<(), ProjectionError> {
        let ends = (sources as u32, targets as u32);
        spec.fits(ends, self.is_same(from, to))?;
        let synapses = spec.connector.expected(ends.0, ends.1);
        let bytes = synapses * bytes_each(spec);
        if synapses >= 1 << 32 {
            return Err(ProjectionError::TooMany { synapses, bytes });
        }
        if !population::is_room_for(bytes) {
            return Err(ProjectionError::Memory { synapses, bytes });
        }
        if !spec.is_drawn_at_once() {
            return Ok(());
        }
        let refuse = |why| Err(ProjectionError::Unsupported { feature: DRAWN, why });
        let grows =
            |end: &&End| end.part.is_none() && self.regions[end.region.index()].template.is_some();
        if [from, to].iter().any(grows) {
            return refuse("one end is a region that grows");
        }
        let shared = || self.members(from).iter().any(|id| self.members(to).contains(id));
        let is_apart = self.is_same(from, to) || spec.autapses || !shared();
        if spec.connector.is_by_target() && !is_apart {
            return refuse("its ends have neurons in common and are not the same");
        }
        Ok(())
    }

    /// The same projection as a list, if it has to be drawn.
    pub(super) fn draw(&self, spec: Projection, from: &End, to: &End) -> Projection {
        if !spec.is_drawn_at_once() {
            return spec;
        }
        let (sources, targets) = (self.members(from), self.members(to));
        let sizes = (sources.len() as u32, targets.len() as u32);
        let chance =
            (self.services.tick_length, self.services.seed, self.table.projections.len() as u64);
        let mut list = population::listed(&spec, sizes, self.is_same(from, to), chance);
        list.retain(|synapse| {
            spec.autapses || sources[synapse.pre as usize] != targets[synapse.post as usize]
        });
        spec.listing(list)
    }
}

/// What a synapse of a projection needs while it is made, in bytes: target and weight, what a learning one knows of its
/// target, and its entry in a list.
fn bytes_each(spec: &Projection) -> u64 {
    let learns = if spec.is_plastic() { 32 } else { 0 };
    let listed = if spec.is_drawn_at_once() { 32 } else { 0 };
    6 + learns + listed
}

const DRAWN: &str = "a connector by target, or a drawn weight or delay";
