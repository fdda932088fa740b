//! The state of populations as a hash.

use super::{Link, Network};
use crate::population::columns::Columns;
use crate::population::learning::Learning;

impl Network {
    /// What was fired anywhere, as far as this part knows.
    pub(crate) fn digest_heard(&self, hasher: &mut blake3::Hasher) {
        for fired in self.histories.iter().flat_map(|history| &history.ticks) {
            hasher.update(&(fired.len() as u64).to_le_bytes());
            hasher.update(bytemuck::cast_slice(fired));
        }
    }

    /// The state of all populations, which is the same however they are cut; the workers in order of their slices.
    pub(crate) fn digest_into(parts: &[&Self], hasher: &mut blake3::Hasher) {
        let Some(first) = parts.first() else { return };
        for number in 0..first.populations.len() {
            let slices: Vec<&Columns> = parts.iter().map(|part| &part.columns[number]).collect();
            Columns::digest_into(&slices, hasher);
        }
        for number in 0..first.populations.len() {
            for slot in 0..first.histories[number].ticks.len() {
                let here = |part: &&Self| {
                    let slice = part.populations[number].slice.clone();
                    let fired = part.histories[number].ticks[slot].clone();
                    fired.into_iter().filter(move |cell| slice.contains(cell))
                };
                let fired: Vec<u32> = parts.iter().flat_map(here).collect();
                hasher.update(&(fired.len() as u64).to_le_bytes());
                hasher.update(bytemuck::cast_slice(&fired));
            }
        }
        for number in 0..first.links.len() {
            if first.links[number].learning.is_some() {
                // A part without targets has not seen what arrived.
                let to = first.links[number].to;
                let parts = parts.iter().filter(|part| !part.populations[to].slice.is_empty());
                let links: Vec<&Link> = parts.map(|part| &part.links[number]).collect();
                digest_learned(&links, hasher);
            }
        }
    }
}

/// What the synapses of one projection have learned, by delay, longest first, and by source.
fn digest_learned(links: &[&Link], hasher: &mut blake3::Hasher) {
    let tables =
        || links.iter().flat_map(|link| link.tables.iter().enumerate().map(|t| (*link, t)));
    let mut delays: Vec<u32> = tables().map(|(_, (_, table))| table.delay).collect();
    delays.sort_unstable_by_key(|&delay| std::cmp::Reverse(delay));
    delays.dedup();
    for delay in delays {
        let of_delay = || tables().filter(|(_, (_, table))| table.delay == delay);
        let sources = of_delay().map(|(_, (_, table))| table.starts.len() as u32 - 1).max();
        for source in 0..sources.unwrap_or(0) {
            for (link, (number, table)) in of_delay() {
                let row = table.row(source);
                let Some(learning) = &link.learning else { continue };
                // Synapse by synapse, so that it does not matter where rows are cut.
                let step = if learning.knows_synapses() { 1 } else { row.len().max(1) };
                for slot in row.clone().step_by(step) {
                    let part = slot..(slot + step).min(row.end);
                    // A weight that all of them share does not learn.
                    if let Some(weights) = table.weights.get(part.clone()) {
                        hasher.update(bytemuck::cast_slice(weights));
                    }
                    learning.digest_row((number, table), part, hasher);
                }
            }
        }
        // What arrived is the same for all targets, wherever they are.
        if let Some((Link { learning: Some(learning), .. }, (number, _))) = of_delay().next() {
            learning.digest_arrivals(number, hasher);
        }
    }
    // Column by column over all slices, so that it does not matter where they are cut.
    let slices = links.iter().filter_map(|link| link.learning.as_ref());
    let mut columns: Vec<_> = slices.map(Learning::firing_columns).collect();
    loop {
        let column: Vec<&[u8]> = columns.iter_mut().filter_map(Iterator::next).collect();
        if column.is_empty() {
            break;
        }
        column.into_iter().for_each(|part| _ = hasher.update(part));
    }
}
