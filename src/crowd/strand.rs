//! Strands: synapses of which one end at least is a crowd.
//!
//! A strand holds the synapses of one projection and one delay, by the position of the source: the number of a cell, or
//! the place of a neuron within its end. What follows from a rule is not written down: all to all costs nothing.

use crate::id::NeuronId;
use crate::population::{Bundle, Plan, Table};
use crate::projection::{Connector, Projection};
use crate::spike::{NO_CELL, Spike};
use crate::time::TickLength;

/// One end of a strand.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    Crowd { crowd: u16, endpoint: NeuronId, cells: u32 },
    Neurons(Vec<NeuronId>),
}

impl Side {
    pub(crate) fn len(&self) -> u32 {
        match self {
            Self::Crowd { cells, .. } => *cells,
            Self::Neurons(neurons) => neurons.len() as u32,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Crowd { endpoint: a, .. }, Self::Crowd { endpoint: b, .. }) if a == b
        )
    }

    /// The endpoints of all positions: one for a crowd.
    pub(crate) fn endpoints(&self) -> &[NeuronId] {
        match self {
            Self::Crowd { endpoint, .. } => std::slice::from_ref(endpoint),
            Self::Neurons(neurons) => neurons,
        }
    }

    /// The endpoint at a position.
    fn endpoint(&self, position: u32) -> NeuronId {
        match self {
            Self::Crowd { endpoint, .. } => *endpoint,
            Self::Neurons(neurons) => neurons[position as usize],
        }
    }
}

#[derive(Debug)]
enum Rows {
    /// Every source to every target, but perhaps not to itself.
    All {
        but_itself: bool,
    },
    /// Every source to the target at its own position.
    Own,
    Listed(Table),
}

/// The synapses of one projection and one delay.
#[derive(Debug)]
pub(crate) struct Strand {
    rows: Rows,
    weight: f32,
    pub(crate) delay: u32,
    from: Side,
    pub(crate) to: Side,
    sign: f32,
}

/// The targets of one source.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    /// All positions of a range but one, with one weight.
    Range { first: u32, end: u32, but: u32, weight: f32 },
    /// These positions, each with its own weight, or all with one.
    Listed { targets: &'a [u32], weights: &'a [f32], weight: f32 },
}

impl Row<'_> {
    /// A row of all cells, or of one of them, without a synapse.
    pub(crate) fn direct(cells: u32, only: Option<u32>) -> Self {
        let all = Self::Range { first: 0, end: cells, but: NO_CELL, weight: 1.0 };
        only.map_or(all, |cell| all.only(cell))
    }

    /// How many synapses it has.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        match *self {
            Self::Range { first, end, but, .. } => {
                end - first - u32::from((first..end).contains(&but))
            }
            Self::Listed { targets, .. } => targets.len() as u32,
        }
    }

    /// The synapse at a place of the row: its target's position, and its weight.
    #[inline(always)]
    pub(crate) fn get(&self, place: u32) -> (u32, f32) {
        match *self {
            Self::Range { first, but, weight, .. } => {
                let target = first + place;
                (target + u32::from(target >= but), weight)
            }
            Self::Listed { targets, weights, weight } => {
                let place = place as usize;
                (targets[place], weights.get(place).copied().unwrap_or(weight))
            }
        }
    }

    /// The synapses onto one position.
    pub(crate) fn only(self, target: u32) -> Self {
        match self {
            Self::Range { first, end, but, weight } => {
                let there = (first..end).contains(&target) && target != but;
                let first = if there { target } else { 0 };
                Self::Range { first, end: first + u32::from(there), but: NO_CELL, weight }
            }
            Self::Listed { targets, weights, weight } => {
                let first = targets.partition_point(|&other| other < target);
                let end = first + targets[first..].partition_point(|&other| other == target);
                let weights = weights.get(first..end).unwrap_or(&[]);
                Self::Listed { targets: &targets[first..end], weights, weight }
            }
        }
    }
}

impl Strand {
    /// Whether the synapses of a projection need not be written down.
    pub(crate) fn is_implied(spec: &Projection) -> bool {
        let rule =
            matches!(spec.connector, Connector::AllToAll | Connector::Others | Connector::OneToOne);
        rule && spec.weights.is_none() && spec.delays.is_none()
    }

    /// Makes the strands of a projection, one for each delay.
    pub(crate) fn weave(
        (from, to): (&Side, &Side),
        spec: &Projection,
        length: TickLength,
        (seed, number): (u64, usize),
    ) -> Vec<Self> {
        let to_ticks = |span| length.ticks(span).0 as u32;
        let but_itself = from.is_same(to) && !spec.autapses;
        let sign = if spec.inhibitory { -1.0 } else { 1.0 };
        let strand = |rows, delay| Self {
            rows,
            weight: spec.weight,
            delay,
            from: from.clone(),
            to: to.clone(),
            sign,
        };
        let implied = Self::is_implied(spec);
        match spec.connector {
            Connector::AllToAll if implied => {
                vec![strand(Rows::All { but_itself }, to_ticks(spec.delay))]
            }
            Connector::Others if implied => {
                vec![strand(Rows::All { but_itself: true }, to_ticks(spec.delay))]
            }
            Connector::OneToOne if implied && !but_itself => {
                vec![strand(Rows::Own, to_ticks(spec.delay))]
            }
            _ => {
                let plan = Plan {
                    // The sign is given to spikes as they arrive.
                    spec: &Projection { inhibitory: false, ..spec.clone() },
                    sources: from.len(),
                    targets: 0..to.len(),
                    recurrent: from.is_same(to),
                    length,
                    seed,
                    // Agents draw from streams below 2^32, populations from those with bit 33.
                    salt: 1 << 34 | number as u64,
                };
                let tables = plan.build().into_iter().map(|table| (table.delay, table));
                tables.map(|(delay, table)| strand(Rows::Listed(table), delay)).collect()
            }
        }
    }

    /// The synapses of the source at a position.
    #[inline]
    pub(crate) fn row(&self, source: u32) -> Row<'_> {
        let (weight, end) = (self.weight, self.to.len());
        match &self.rows {
            Rows::All { but_itself } => {
                let but = if *but_itself { source } else { NO_CELL };
                Row::Range { first: 0, end, but, weight }
            }
            Rows::Own => {
                let end = end.min(source + 1);
                Row::Range { first: source.min(end), end, but: NO_CELL, weight }
            }
            Rows::Listed(table) => {
                let row = table.row(source);
                let weights = table.weights.get(row.clone()).unwrap_or(&[]);
                Row::Listed { targets: &table.targets[row], weights, weight: table.weight }
            }
        }
    }

    /// Whether a spike of the source at a position reaches anybody.
    #[inline]
    pub(crate) fn reaches(&self, source: u32, spike: &Spike) -> bool {
        match spike.target() {
            None => self.row(source).len() > 0,
            target => self.reached(source, target, spike.target_cell()).len() > 0,
        }
    }

    /// Those synapses of a source that a spike for one endpoint, or one cell, reaches.
    #[inline]
    pub(crate) fn reached(
        &self,
        source: u32,
        endpoint: Option<NeuronId>,
        cell: Option<u32>,
    ) -> Row<'_> {
        let row = self.row(source);
        let Some(endpoint) = endpoint else { return row };
        match &self.to {
            Side::Crowd { endpoint: own, .. } if *own == endpoint => {
                cell.map_or(row, |cell| row.only(cell))
            }
            Side::Crowd { .. } => Row::Listed { targets: &[], weights: &[], weight: 0.0 },
            Side::Neurons(neurons) => {
                let place = neurons.iter().position(|&neuron| neuron == endpoint);
                row.only(place.map_or(NO_CELL, |place| place as u32))
            }
        }
    }

    /// How many synapses there are.
    pub(crate) fn synapses(&self) -> u64 {
        match &self.rows {
            Rows::Own => u64::from(self.from.len().min(self.to.len())),
            Rows::Listed(table) => table.targets.len() as u64,
            Rows::All { but_itself } => {
                let (from, to) = (u64::from(self.from.len()), u64::from(self.to.len()));
                from * to - if *but_itself { from } else { 0 }
            }
        }
    }

    /// What it connects, summed up by endpoint.
    pub(crate) fn each_bundle(&self, mut visit: impl FnMut(NeuronId, NeuronId, Bundle)) {
        let mut between = std::collections::BTreeMap::<(NeuronId, NeuronId), (u64, f64)>::new();
        for source in 0..self.from.len() {
            let row = self.row(source);
            let from = self.from.endpoint(source);
            if let (Row::Range { weight, .. }, Side::Crowd { endpoint, .. }) = (row, &self.to) {
                let sum = between.entry((from, *endpoint)).or_default();
                sum.0 += u64::from(row.len());
                sum.1 += f64::from(row.len()) * f64::from(weight);
                continue;
            }
            for (target, weight) in (0..row.len()).map(|place| row.get(place)) {
                let sum = between.entry((from, self.to.endpoint(target))).or_default();
                sum.0 += 1;
                sum.1 += f64::from(weight);
            }
        }
        for ((from, to), (synapses, sum)) in between.into_iter().filter(|(_, sum)| sum.0 > 0) {
            let (weights, longest_delay) = (f64::from(self.sign) * sum, self.delay);
            visit(from, to, Bundle { synapses, weights, longest_delay, plastic: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(row: Row<'_>) -> Vec<u32> {
        (0..row.len()).map(|place| row.get(place).0).collect()
    }

    #[test]
    fn a_row_leaves_out_what_it_is_told_to() {
        let range = |but| Row::Range { first: 0, end: 5, but, weight: 1.0 };
        assert_eq!(targets(range(NO_CELL)), [0, 1, 2, 3, 4]);
        assert_eq!(targets(range(0)), [1, 2, 3, 4]);
        assert_eq!(targets(range(2)), [0, 1, 3, 4]);
        assert_eq!(targets(range(4)), [0, 1, 2, 3]);
        assert_eq!(targets(range(7)), [0, 1, 2, 3, 4]);
        for (but, only, expected) in
            [(2, 2, vec![]), (2, 3, vec![3]), (9, 5, vec![]), (9, 0, vec![0])]
        {
            assert_eq!(targets(range(but).only(only)), expected, "all but {but}, only {only}");
        }
    }

    #[test]
    fn a_listed_row_finds_every_synapse_onto_a_target() {
        let row =
            Row::Listed { targets: &[1, 4, 4, 9], weights: &[0.1, 0.2, 0.3, 0.4], weight: 0.0 };
        let only = row.only(4);
        assert_eq!([only.get(0), only.get(1)], [(4, 0.2), (4, 0.3)]);
        assert_eq!((only.len(), row.only(5).len(), row.only(9).len()), (2, 0, 1));
    }
}
