//! STDP between populations: traces of all cells decay together, weights change when spikes arrive or targets fire.

use pulp::Arch;

use super::columns::{is_sweep, sweep};
use super::rows::Table;
use crate::plasticity::{Pairing, Rule};

/// Where the synapses onto each target lie in a table.
#[derive(Debug)]
struct Columns {
    starts: Vec<u32>,
    /// Slot in the table, and source.
    entries: Vec<(u32, u32)>,
}

/// The learning side of one projection.
#[derive(Debug)]
pub(super) struct Learning {
    rule: Rule,
    limits: (f32, f32),
    decay_pre: f32,
    decay_post: f32,
    /// For each table, the pre-synaptic trace of each source.
    pre: Vec<Vec<f32>>,
    post: Vec<f32>,
    columns: Vec<Columns>,
}

impl Columns {
    fn new(table: &Table, targets: u32) -> Self {
        let mut starts = vec![0u32; targets as usize + 1];
        for &target in &table.targets {
            starts[target as usize + 1] += 1;
        }
        for target in 0..targets as usize {
            starts[target + 1] += starts[target];
        }
        let mut places = starts.clone();
        let mut entries = vec![(0, 0); table.targets.len()];
        for source in 0..table.starts.len() as u32 - 1 {
            for slot in table.row(source) {
                let place = &mut places[table.targets[slot] as usize];
                entries[*place as usize] = (slot as u32, source);
                *place += 1;
            }
        }
        Self { starts, entries }
    }
}

#[inline(always)]
fn scale(values: &mut [f32], factor: f32) {
    values.iter_mut().for_each(|value| *value *= factor);
}

impl Learning {
    pub(super) fn new(
        rule: Rule,
        limits: (f32, f32),
        tables: &[Table],
        (sources, targets): (u32, u32),
    ) -> Self {
        Self {
            limits,
            decay_pre: rule.plus.over(1),
            decay_post: rule.minus.over(1),
            pre: tables.iter().map(|_| vec![0.0; sources as usize]).collect(),
            post: vec![0.0; targets as usize],
            columns: tables.iter().map(|table| Columns::new(table, targets)).collect(),
            rule,
        }
    }

    /// A tick begins: every trace has decayed.
    pub(super) fn decay(&mut self, now: u64) {
        let arch = Arch::new();
        let pre = self.pre.iter_mut().map(|trace| (trace, self.decay_pre));
        for (trace, decay) in pre.chain([(&mut self.post, self.decay_post)]) {
            if is_sweep(now) {
                arch.dispatch(|| sweep(trace, 0.0));
            }
            arch.dispatch(|| scale(trace, decay));
        }
    }

    /// Spikes arrive at a table's synapses: what their targets fired before depresses them.
    pub(super) fn depress(&self, table: &mut Table, fired: &[u32]) {
        for &source in fired {
            let row = table.row(source);
            let synapses = table.targets[row.clone()].iter().zip(&mut table.weights[row]);
            for (&target, weight) in synapses {
                let trace = self.post[target as usize];
                *weight = self.rule.depress(*weight, trace, self.limits);
            }
        }
    }

    /// Targets have fired: what arrived before strengthens their synapses.
    pub(super) fn potentiate(&self, tables: &mut [Table], fired: &[u32]) {
        for ((table, columns), pre) in tables.iter_mut().zip(&self.columns).zip(&self.pre) {
            for &target in fired {
                let target = target as usize;
                let range = columns.starts[target] as usize..columns.starts[target + 1] as usize;
                for &(slot, source) in &columns.entries[range] {
                    let weight = &mut table.weights[slot as usize];
                    *weight = self.rule.potentiate(*weight, pre[source as usize], self.limits);
                }
            }
        }
    }

    /// The tick's arrivals at a table are remembered.
    pub(super) fn arrived(&mut self, table: usize, fired: &[u32]) {
        rise(&mut self.pre[table], fired, self.rule.a_plus, self.rule.pairing);
    }

    /// The tick's firings are remembered.
    pub(super) fn fired(&mut self, fired: &[u32]) {
        rise(&mut self.post, fired, self.rule.a_minus, self.rule.pairing);
    }

    /// What arrived at the synapses of a table.
    pub(super) fn digest_arrivals(&self, table: usize, hasher: &mut blake3::Hasher) {
        hasher.update(bytemuck::cast_slice(&self.pre[table]));
    }

    /// What the targets fired.
    pub(super) fn digest_firings(&self, hasher: &mut blake3::Hasher) {
        hasher.update(bytemuck::cast_slice(&self.post));
    }
}

fn rise(trace: &mut [f32], fired: &[u32], amplitude: f32, pairing: Pairing) {
    for &cell in fired {
        let value = &mut trace[cell as usize];
        *value = match pairing {
            Pairing::AllToAll => *value + amplitude,
            Pairing::Nearest => amplitude,
        };
    }
}
