//! The plan: a hash of what was described, by which a journal or a snapshot knows its topology.

use std::fmt::Write as _;

use super::builder::Target;
use super::digest::Digest;
use crate::neuron::snapshot_of;
use crate::projection::Projection;
use crate::region::Region;
use crate::time::TickLength;

/// Hashes what is written into it.
struct Hashed(blake3::Hasher);

impl std::fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// The hash of a description: seed, tick length, regions with their neurons, membranes, populations and gates, and
/// projections. On how many workers it runs does not count, nor at what pace, nor who is at the other end of a gate.
pub(super) fn plan_of(
    (seed, length): (u64, TickLength),
    regions: &[Region],
    projections: &[(Target, Target, Projection)],
) -> Digest {
    let mut out = Hashed(blake3::Hasher::new());
    // Writing into a hash cannot fail.
    let _ = write!(out, "plan 1\nseed {seed}\ntick {:?}\n", length.as_duration());
    let mut state = Vec::new();
    for region in regions {
        let gated = region.gate.is_some() || region.door.is_some();
        let _ = write!(out, "region {:?} {:?} gated {gated}", region.path, region.membrane);
        let bound = region.template.as_ref().map(|template| template.bound);
        let crowd = region.crowd.is_some();
        let _ = writeln!(out, " template {bound:?} {:?} crowd {crowd}", region.population);
        for spec in &region.neurons {
            let card = spec.neuron.card();
            let _ = writeln!(out, "neuron {:?} {:?} {card:?}", spec.name, spec.membrane);
            state.clear();
            snapshot_of(spec.neuron.as_ref(), &mut state);
            out.0.update(&(state.len() as u64).to_le_bytes());
            out.0.update(&state);
        }
        for (name, members) in &region.ports {
            let _ = writeln!(out, "port {name:?} {members:?}");
        }
    }
    for (from, to, spec) in projections {
        let _ = writeln!(out, "projection {from:?} {to:?} {spec:?}");
    }
    Digest::from_bytes(*out.0.finalize().as_bytes())
}
