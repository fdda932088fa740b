//! What free-running workers share beside their axons, and what each keeps of the others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::arena::Arena;
use crate::axon::{Doorbell, Idleness, WaitStrategy};
use crate::spike::ArenaRef;

/// What a worker needs beside its axon to run freely.
#[derive(Debug)]
pub(in crate::cortex) struct Strait {
    index: usize,
    /// Everybody's bell, by worker.
    bells: Arc<[Arc<Doorbell>]>,
    /// Who of all has nothing to do.
    pub(super) idleness: Idleness,
    /// Whether the journal has no room for what is taken in.
    stalled: Arc<AtomicBool>,
    pub(super) wait: WaitStrategy,
    /// Where the others find this worker's large payloads.
    pub(super) lending: Arc<Arena>,
    /// Those that they may not have copied yet, each with the number of its slot.
    lent: VecDeque<(u64, ArenaRef)>,
    /// Of each of the others, the tick in which it has ended.
    ended: Vec<Option<u64>>,
    /// The tick that the first worker wants all to come to before they rest.
    pub(super) rest: Option<u64>,
    /// What the next spike of the first worker adds to a membrane.
    pub(super) drive: Option<f32>,
}

impl Strait {
    /// Of all workers, given their bells and their arenas for lending.
    pub(in crate::cortex) fn all(
        bells: Vec<Arc<Doorbell>>,
        lending: &[Arc<Arena>],
        wait: WaitStrategy,
    ) -> Vec<Self> {
        let (idleness, stalled) = (Idleness::of(bells.len()), Arc::default());
        let bells: Arc<[Arc<Doorbell>]> = bells.into();
        let strait = |(index, (lending, idleness)): (usize, (&Arc<Arena>, Idleness))| Self {
            index,
            bells: bells.clone(),
            idleness,
            stalled: Arc::clone(&stalled),
            wait,
            lending: lending.clone(),
            lent: VecDeque::new(),
            ended: vec![None; bells.len() - 1],
            rest: None,
            drive: None,
        };
        lending.iter().zip(idleness).enumerate().map(strait).collect()
    }

    /// Wakes all others.
    pub(super) fn ring_others(&self) {
        let bells = self.bells.iter().enumerate();
        bells.filter(|&(index, _)| index != self.index).for_each(|(_, bell)| bell.ring());
    }

    /// Wakes the first worker, for which there is something that is on no axon.
    pub(super) fn ring_first(&self) {
        self.bells[0].ring();
    }

    /// The number of another worker, given its place among the others.
    pub(super) fn number_of(&self, other: usize) -> u8 {
        // There are at most 64 workers.
        (other + usize::from(other >= self.index)) as u8
    }

    /// What rings when there is something for this worker.
    pub(super) fn bell(&self) -> &Arc<Doorbell> {
        &self.bells[self.index]
    }

    /// Whether no other worker has anything to do, and nothing is on its way; asked by the first, between two ticks.
    pub(in crate::cortex) fn are_others_idle(&self) -> bool {
        self.idleness.are_others_idle()
    }

    /// Says whether this worker has nothing to do; the first wants to know.
    pub(super) fn be_idle(&self, idle: bool) {
        self.idleness.be_idle(idle);
        if idle {
            self.bells[0].ring();
        }
    }

    /// Lets nobody begin a tick while the journal takes nothing.
    pub(in crate::cortex) fn stall(&self, stalled: bool) {
        // relaxed: it bounds what waits for the journal, by and large
        if self.stalled.swap(stalled, Relaxed) && !stalled {
            self.ring_others();
        }
    }

    pub(super) fn is_stalled(&self) -> bool {
        // relaxed: see `stall`
        self.stalled.load(Relaxed)
    }

    /// A slot of this number lends a payload to the others.
    pub(super) fn lend(&mut self, position: u64, block: ArenaRef) {
        self.lent.push_back((position, block));
    }

    pub(super) fn has_lent(&self) -> bool {
        !self.lent.is_empty()
    }

    /// All others are done with the slots below a position: what those lent comes back.
    pub(super) fn take_back_lent(&mut self, passed: u64) {
        while let Some(&(position, block)) = self.lent.front()
            && position < passed
        {
            // A block that is already gone needs no giving back.
            let _ = self.lending.release(block);
            self.lent.pop_front();
        }
    }

    /// Whether another one has ended: what it has published behind that belongs to what comes then.
    pub(super) fn has_ended(&self, other: usize) -> bool {
        self.ended[other].is_some()
    }

    /// Another one has ended in a tick.
    pub(super) fn end(&mut self, other: usize, tick: u64) {
        self.ended[other] = Some(tick);
    }

    /// The latest tick in which one of the others ended, once all have; then they may go on.
    pub(super) fn take_ends(&mut self) -> Option<u64> {
        let all: Option<Vec<u64>> = self.ended.iter().copied().collect();
        let latest = all?.into_iter().max();
        self.ended.fill(None);
        latest
    }
}
