//! Rows that can grow: the synapses of one source, one projection and one delay, sorted by target.
//!
//! All rows of a projection share columns. A row that is full moves to the end of the columns with twice the room, so a
//! topology that grows neuron by neuron costs a constant time a synapse, and a row is always one piece of memory.

/// A row: where its synapses lie in the columns of its projection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    pub(crate) start: u32,
    pub(crate) length: u32,
    capacity: u32,
}

impl Row {
    #[inline]
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.length) as usize
    }
}

/// How often the source came before the target, and by how much.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lag {
    pub(crate) count: u32,
    pub(crate) mean_ticks: f32,
}

/// An eligibility and the tick it belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Eligible {
    pub(crate) value: f32,
    pub(crate) last: u64,
}

/// One entry a synapse; the columns of learning are empty where nothing learns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    pub(crate) targets: Vec<u16>,
    pub(crate) weights: Vec<f32>,
    pub(crate) lags: Vec<Lag>,
    pub(crate) eligible: Vec<Eligible>,
    /// What each began with, where that is not the same for all.
    pub(crate) initial: Vec<f32>,
    pub(super) plastic: bool,
    pub(super) rewarded: bool,
    pub(super) listed: bool,
}

impl Columns {
    pub(crate) fn new(plastic: bool, rewarded: bool, listed: bool) -> Self {
        Self { plastic, rewarded, listed: listed && plastic, ..Self::default() }
    }

    fn extend_by(&mut self, room: usize) {
        let length = self.targets.len() + room;
        self.targets.resize(length, u16::MAX);
        self.weights.resize(length, 0.0);
        if self.plastic {
            self.lags.resize(length, Lag::default());
        }
        if self.rewarded {
            self.eligible.resize(length, Eligible::default());
        }
        if self.listed {
            self.initial.resize(length, 0.0);
        }
    }

    pub(super) fn copy_within(&mut self, from: std::ops::Range<usize>, to: usize) {
        self.targets.copy_within(from.clone(), to);
        self.weights.copy_within(from.clone(), to);
        if self.plastic {
            self.lags.copy_within(from.clone(), to);
        }
        if self.rewarded {
            self.eligible.copy_within(from.clone(), to);
        }
        if self.listed {
            self.initial.copy_within(from, to);
        }
    }

    /// Room for so many synapses in a row that is still empty, so that building does not move it again and again.
    pub(crate) fn reserve(&mut self, row: &mut Row, room: u32) {
        if row.capacity == 0 && room > 0 {
            row.start =
                u32::try_from(self.targets.len()).expect("a projection is below 2^32 synapses");
            row.capacity = room;
            self.extend_by(room as usize);
        }
    }

    /// Puts a synapse into a row, sorted by target; returns its position in the row.
    pub(crate) fn insert(&mut self, row: &mut Row, target: u16, weight: f32) -> u32 {
        if row.length == row.capacity {
            let old = row.range();
            let start = self.targets.len();
            row.capacity = (row.capacity * 2).max(4);
            self.extend_by(row.capacity as usize);
            self.copy_within(old, start);
            row.start = u32::try_from(start).expect("a projection is below 2^32 synapses");
        }
        let range = row.range();
        // Equal targets (multapses) keep the order in which they were made.
        let position = self.targets[range.clone()].partition_point(|&other| other <= target);
        let slot = range.start + position;
        self.copy_within(slot..range.end, slot + 1);
        self.targets[slot] = target;
        self.weights[slot] = weight;
        if self.plastic {
            self.lags[slot] = Lag::default();
        }
        if self.rewarded {
            self.eligible[slot] = Eligible::default();
        }
        if self.listed {
            self.initial[slot] = weight;
        }
        row.length += 1;
        position as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_sorted_and_apart_while_they_grow() {
        let mut columns = Columns::new(true, true, true);
        let mut rows = [Row::default(), Row::default(), Row::default()];
        columns.reserve(&mut rows[0], 2);
        for step in 0..600u32 {
            let row = &mut rows[(step % 3) as usize];
            let target = (step * 7919 % 251) as u16;
            let position = columns.insert(row, target, target as f32);
            assert_eq!(columns.targets[(row.start + position) as usize], target);
        }
        for row in &rows {
            assert_eq!(row.length, 200);
            assert!(columns.targets[row.range()].is_sorted());
            let agree = |slot: usize| {
                let target = f32::from(columns.targets[slot]);
                (columns.weights[slot], columns.initial[slot]) == (target, target)
            };
            assert!(row.range().all(agree));
        }
    }
}
