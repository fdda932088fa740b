//! The digest of synapses: the same however they are divided among workers.

use super::table::{Segment, SynapseTable};
use crate::id::NeuronId;

/// What a row is known by, whoever has how much of it.
type Name = (u32, u32);

fn name(segment: &Segment) -> Name {
    (segment.projection, segment.delay)
}

impl SynapseTable {
    /// All of the state that a run changes. `home` says which table has what belongs to a neuron.
    pub(crate) fn digest_into(
        tables: &[&Self],
        home: impl Fn(NeuronId) -> usize,
        hasher: &mut blake3::Hasher,
    ) {
        let neurons = tables.first().map_or(0, |table| table.by_source.len());
        for source in 0..neurons {
            digest_rows(tables, source, hasher);
        }
        for id in (0..neurons).filter_map(|index| NeuronId::from_index(index).ok()) {
            let SynapseTable { learning, homeostasis, .. } = tables[home(id)];
            for word in learning.words_of(id.index()).chain(homeostasis.words_of(id.index())) {
                hasher.update(&word.to_le_bytes());
            }
        }
        for number in 0..tables.first().map_or(0, |table| table.structures().len()) {
            // All synapses of a projection are where its targets are.
            let parts = tables.iter().map(|table| &table.structures()[number]);
            if let Some(structure) = parts.max_by_key(|part| part.sources()) {
                structure.digest_into(hasher);
            }
        }
        let mut addressed: Vec<_> = tables.iter().flat_map(|table| table.addressed()).collect();
        addressed.sort_unstable();
        for (source, projection, delay, target, trace) in addressed {
            hasher.update(&source.to_le_bytes());
            hasher.update(&projection.to_le_bytes());
            hasher.update(&delay.to_le_bytes());
            hasher.update(&target.to_le_bytes());
            trace.iter().for_each(|word| _ = hasher.update(&word.to_le_bytes()));
        }
    }

    fn addressed(&self) -> impl Iterator<Item = (u16, u32, u32, u16, [u64; 2])> {
        self.learning.addressed().map(|(id, position, words)| {
            let segment = &self.segments[id as usize];
            let columns = &self.projections[segment.projection as usize].columns;
            let target = columns.targets[(segment.row.start + position) as usize];
            (segment.source.raw(), segment.projection, segment.delay, target, words)
        })
    }

    fn digest_slot(&self, projection: u32, slot: usize, hasher: &mut blake3::Hasher) {
        let columns = &self.projections[projection as usize].columns;
        hasher.update(&columns.targets[slot].to_le_bytes());
        hasher.update(&columns.weights[slot].to_bits().to_le_bytes());
        if let Some(lag) = columns.lags.get(slot) {
            hasher.update(&lag.count.to_le_bytes());
            hasher.update(&lag.mean_ticks.to_bits().to_le_bytes());
        }
        if let Some(eligible) = columns.eligible.get(slot) {
            hasher.update(&eligible.value.to_bits().to_le_bytes());
            hasher.update(&eligible.last.to_le_bytes());
        }
    }
}

/// The rows of one source: what has arrived, which is the same in all parts of a row, and the synapses by target.
fn digest_rows(tables: &[&SynapseTable], source: usize, hasher: &mut blake3::Hasher) {
    let rows = tables.iter().flat_map(|table| {
        table.by_source[source].iter().map(move |&id| (*table, &table.segments[id as usize]))
    });
    let mut rows: Vec<(&SynapseTable, &Segment)> = rows.collect();
    // Stable, and each table has them in this order.
    rows.sort_by_key(|(_, segment)| name(segment));
    for parts in rows.chunk_by(|a, b| name(a.1) == name(b.1)) {
        let (table, first) = parts[0];
        let traces = [first.trace, first.slow].into_iter().flat_map(|trace| trace.words());
        let stock = first.stock.words().into_iter().chain([first.efficacy.to_bits().into()]);
        let releases = table.projections[first.projection as usize].release.is_some();
        let stock = stock.filter(|_| releases);
        for word in traces.chain([first.arrived]).chain(stock) {
            hasher.update(&word.to_le_bytes());
        }
        let slots = parts.iter().flat_map(|(table, segment)| {
            let columns = &table.projections[segment.projection as usize].columns;
            segment.row.range().map(move |slot| (columns.targets[slot], *table, slot))
        });
        let mut slots: Vec<(u16, &SynapseTable, usize)> = slots.collect();
        if parts.len() > 1 {
            slots.sort_by_key(|&(target, ..)| target);
        }
        for (_, table, slot) in slots {
            table.digest_slot(first.projection, slot, hasher);
        }
    }
}
