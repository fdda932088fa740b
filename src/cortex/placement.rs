//! Which worker computes which region.
//!
//! A population that only populations hear and drive is spread over all workers, a slice of its cells on each. Of the
//! other regions each is whole on one worker: where it was put by name, or where a cut of the graph of regions puts it
//! that keeps the busiest worker's load small and few spikes between workers. Gates are with the first worker, whose
//! thread collects from them. The choice depends on the description alone, and no result depends on the choice.

use std::ops::Range;
use std::sync::Arc;

use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::visit::EdgeRef;

use super::builder::{Mistake, Target};
use crate::id::RegionId;
use crate::projection::Projection;
use crate::region::Region;

/// A projection as the builder keeps it.
type Described = (Target, Target, Projection);

/// What a spike to another worker costs, in neurons that hear one.
const CROSSING: f64 = 2.0;

/// Load of a synapse, in neurons.
const SYNAPSE: f64 = 1.0 / 16.0;

/// Whose each region is.
#[derive(Debug)]
pub(super) struct Placement {
    workers: usize,
    homes: Arc<[u8]>,
    spread: Vec<bool>,
}

/// What a region costs, and what it has to do with others: spikes a round between two of them.
struct Costs {
    graph: UnGraph<f64, f64>,
}

impl Placement {
    /// Places regions on so many workers; what was asked for and cannot be is added to the mistakes.
    pub(super) fn of(
        regions: &[Region],
        projections: &[Described],
        workers: usize,
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let ends: Vec<(usize, usize, &Projection)> = projections
            .iter()
            .filter_map(|(from, to, spec)| Some((place(regions, from)?, place(regions, to)?, spec)))
            .collect();
        let mut spread: Vec<bool> = regions
            .iter()
            .map(|region| region.population.is_some() && region.worker.is_none() && workers > 1)
            .collect();
        for &(from, to, _) in &ends {
            if regions[from].population.is_some() != regions[to].population.is_some() {
                (spread[from], spread[to]) = (false, false);
            }
        }
        let fixed: Vec<Option<u8>> =
            regions.iter().map(|region| wish(region, workers, mistakes)).collect();
        let costs = Costs::of(regions, &ends);
        let homes = costs.cut(&fixed, &spread, workers);
        Self { workers, homes: homes.into(), spread }
    }

    /// Whose each region is, by number.
    pub(super) fn homes(&self) -> Arc<[u8]> {
        self.homes.clone()
    }

    /// Whose a region is; of one that is spread, the first's.
    pub(super) fn home(&self, region: RegionId) -> u8 {
        self.homes.get(region.index()).copied().unwrap_or(0)
    }

    fn is_spread(&self, region: RegionId) -> bool {
        self.is_spread_at(region.index())
    }

    /// Whether the region of this number has a slice on every worker.
    pub(super) fn is_spread_at(&self, region: usize) -> bool {
        self.spread.get(region).copied().unwrap_or(false)
    }

    /// The cells of a population that a worker has.
    pub(super) fn slice(&self, region: RegionId, worker: u8, cells: u32) -> Range<u32> {
        if !self.is_spread(region) {
            return if self.home(region) == worker { 0..cells } else { 0..0 };
        }
        let cut = |worker: usize| (u64::from(cells) * worker as u64 / self.workers as u64) as u32;
        cut(usize::from(worker))..cut(usize::from(worker) + 1)
    }

    /// Whether spikes of one region go to other workers to reach another.
    pub(super) fn crosses(&self, from: RegionId, to: RegionId) -> bool {
        self.is_spread(from) || self.is_spread(to) || self.home(from) != self.home(to)
    }
}

/// The number of the region that an end of a projection means.
fn place(regions: &[Region], target: &Target) -> Option<usize> {
    match target {
        Target::Port(port) => Some(port.region.index()).filter(|&index| index < regions.len()),
        Target::Address(address) => {
            let (path, _) = address.split_once(':')?;
            regions.iter().position(|region| region.path == path)
        }
    }
}

/// The worker that a region must have.
fn wish(region: &Region, workers: usize, mistakes: &mut Vec<Mistake>) -> Option<u8> {
    let mut refuse = |worker, why| {
        let region = region.path.clone();
        mistakes.push(Mistake::Worker { region, worker, why });
        None
    };
    match (region.worker, region.gate.is_some()) {
        (Some(worker), _) if worker >= workers => refuse(worker, "there are fewer workers"),
        (Some(worker @ 1..), true) => refuse(worker, "gates are with worker 0"),
        (_, true) => Some(0),
        (worker, false) => worker.map(|worker| worker as u8),
    }
}

impl Costs {
    fn of(regions: &[Region], ends: &[(usize, usize, &Projection)]) -> Self {
        let mut graph = UnGraph::with_capacity(regions.len(), ends.len());
        let size = |region: &Region| match &region.population {
            Some(population) => population.count,
            None => region.neurons.len().max(usize::from(region.gate.is_some())) as u32,
        };
        for region in regions {
            graph.add_node(f64::from(size(region)));
        }
        for &(from, to, spec) in ends {
            let (sources, targets) = (size(&regions[from]), size(&regions[to]));
            let synapses = spec.connector.expected(sources, targets);
            graph[NodeIndex::new(to)] += synapses as f64 * SYNAPSE;
            graph.update_edge(NodeIndex::new(from), NodeIndex::new(to), f64::from(sources));
        }
        Self { graph }
    }

    /// What it costs to have a region on a worker: the load of the busiest, and what the region sends and hears
    /// between workers. `loads` are those without the region.
    fn price(&self, region: usize, worker: u8, homes: &[Option<u8>], loads: &[f64]) -> f64 {
        let node = NodeIndex::new(region);
        let load = |(index, &load): (usize, &f64)| {
            load + if index == usize::from(worker) { self.graph[node] } else { 0.0 }
        };
        let busiest = loads.iter().enumerate().map(load).fold(0.0, f64::max);
        let others = self.graph.edges(node).filter(|edge| {
            let other = if edge.source() == node { edge.target() } else { edge.source() };
            other != node && homes[other.index()].is_some_and(|home| home != worker)
        });
        busiest + CROSSING * others.map(|edge| edge.weight()).sum::<f64>()
    }

    /// The largest regions first, each where it costs least; then single moves as long as one of them pays.
    fn cut(&self, fixed: &[Option<u8>], spread: &[bool], workers: usize) -> Vec<u8> {
        let mut homes = fixed.to_vec();
        let mut free: Vec<usize> =
            (0..homes.len()).filter(|&region| fixed[region].is_none() && !spread[region]).collect();
        // Stable: of equal ones the first comes first.
        free.sort_by(|&a, &b| {
            self.graph[NodeIndex::new(b)].total_cmp(&self.graph[NodeIndex::new(a)])
        });
        let mut loads = vec![0.0; workers];
        for (node, home) in self.graph.node_indices().zip(&homes) {
            if let Some(home) = home {
                loads[usize::from(*home)] += self.graph[node];
            }
        }
        // The first round places, the others move: whoever is moved may have been what another stayed for.
        for _ in 0..ROUNDS {
            let mut moved = false;
            for &region in &free {
                let load = self.graph[NodeIndex::new(region)];
                let before = homes[region];
                if let Some(before) = before {
                    loads[usize::from(before)] -= load;
                }
                let price = |&worker: &u8| self.price(region, worker, &homes, &loads);
                let all = before.into_iter().chain(0..workers as u8);
                // Of equal prices the first counts, which is that of staying.
                let best = all.min_by(|a, b| price(a).total_cmp(&price(b))).unwrap_or(0);
                homes[region] = Some(best);
                loads[usize::from(best)] += load;
                moved |= before != Some(best);
            }
            if !moved {
                break;
            }
        }
        homes.into_iter().map(|home| home.unwrap_or(0)).collect()
    }
}

/// Rounds of moving regions about before the placement is taken as it is.
const ROUNDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neuron::Relay;
    use crate::region::Port;

    fn agents(path: &str, count: usize) -> Region {
        (0..count).fold(Region::agents(path), |region, n| {
            region.neuron(&format!("n{n}"), Relay::default())
        })
    }

    fn link(from: usize, to: usize) -> Described {
        let port = |index| Target::Port(Port::from(RegionId::from_index(index).unwrap()));
        (port(from), port(to), Projection::one_to_one())
    }

    #[test]
    fn load_is_balanced_and_what_belongs_together_stays_together() {
        let regions: Vec<Region> =
            ["a", "b", "c", "d"].iter().map(|path| agents(path, 100)).collect();
        // Two pairs that talk within themselves: a with c, b with d.
        let links = [link(0, 2), link(2, 0), link(1, 3), link(3, 1)];
        let mut mistakes = Vec::new();
        let placement = Placement::of(&regions, &links, 2, &mut mistakes);
        let homes = placement.homes();
        assert!(mistakes.is_empty());
        assert_eq!(homes[0], homes[2]);
        assert_eq!(homes[1], homes[3]);
        assert_ne!(homes[0], homes[1]);
    }

    #[test]
    fn a_spread_population_is_cut_into_slices_that_are_the_whole() {
        use crate::population::Cells;
        let regions = [Region::population("net", Cells::poisson(1.0), 1_001)];
        let placement = Placement::of(&regions, &[], 3, &mut Vec::new());
        let id = RegionId::from_index(0).unwrap();
        let cells: Vec<u32> =
            (0..3).flat_map(|worker| placement.slice(id, worker, 1_001)).collect();
        assert_eq!(cells, (0..1_001).collect::<Vec<_>>());
        assert!(placement.crosses(id, id));
    }
}
