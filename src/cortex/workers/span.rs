//! A span of ticks, computed by all workers in lockstep.

use super::mark::{Claim, Mark};
use super::port::{Fallen, Port};
use crate::brain::Trace;
use crate::cortex::worker::Worker;
use crate::pace::Stamp;

/// The ticks to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cortex) struct Span {
    /// The first.
    pub(in crate::cortex) from: u64,
    /// The first that is not computed any more.
    pub(in crate::cortex) to: u64,
    /// The longest epoch, in ticks.
    pub(in crate::cortex) epoch: u64,
}

/// What is known when a span has been computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cortex) struct Told {
    /// The next tick in which any worker has something to compute; `u64::MAX` is never.
    pub(in crate::cortex) due: u64,
    /// One more than the last tick that any worker has computed; 0 if none had anything.
    pub(in crate::cortex) computed: u64,
    /// In how many ticks one of them, the busiest in each epoch, had something to compute.
    pub(in crate::cortex) ticks: u64,
    /// Spikes fired and delivered, and firings, of all workers so far.
    pub(in crate::cortex) counted: [u64; 3],
}

/// What else is done on a worker's thread.
pub(in crate::cortex) trait Beat {
    /// A tick has been computed, but for what goes out: gates may emit.
    fn ticked(&mut self, worker: &mut Worker, began: Stamp);
    /// Whether the span is to end with this epoch; asked of the first worker.
    fn halt(&mut self) -> bool;
}

impl Worker {
    /// Computes one tick.
    pub(in crate::cortex) fn tick(
        &mut self,
        tick: u64,
        trace: Option<&mut Trace>,
        beat: &mut impl Beat,
    ) {
        let began = Stamp::now();
        self.begin(tick);
        self.route();
        self.fire();
        self.step_populations();
        self.send_cells_elsewhere();
        self.publish(trace);
        beat.ticked(self, began);
    }

    /// Computes a span together with the other workers.
    pub(in crate::cortex) fn compute_span(
        &mut self,
        port: &mut Port,
        mut trace: Option<&mut Trace>,
        span: Span,
        beat: &mut impl Beat,
    ) -> Result<Told, Fallen> {
        let mut told = Told { due: u64::MAX, computed: 0, ticks: 0, counted: [0; 3] };
        let mut next = span.from;
        // bound: each epoch ends later than the one before, or the span ends
        loop {
            let end = next.saturating_add(span.epoch).min(span.to);
            self.crossing.begin_epoch(end);
            let mut claim = Claim { due: 0, computed: 0, ticks: 0, halt: false, counted: [0; 3] };
            while let Some(due) = self.next_due(next).filter(|&due| due < end) {
                self.tick(due, trace.as_deref_mut(), beat);
                next = due + 1;
                claim.computed = next;
                claim.ticks += 1;
            }
            claim.due = self.next_due(end).unwrap_or(u64::MAX).min(self.crossing.soonest());
            claim.halt = beat.halt();
            claim.counted = self.counted();
            self.crossing.publish(port, Mark::EpochEnd(claim))?;
            let agreed = port.meet(claim)?;
            self.integrate(port);
            told.due = agreed.due;
            told.computed = told.computed.max(agreed.computed);
            told.ticks += u64::from(agreed.ticks);
            told.counted = agreed.counted;
            next = agreed.due.max(end);
            if next >= span.to || agreed.halt {
                self.crossing.end_span();
                return Ok(told);
            }
        }
    }
}
