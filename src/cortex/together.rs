//! The cortex and its other workers: who has their state, and the spans that all compute.

use super::free::Apart;
use super::run::RunError;
use super::workers::{Beat, Crew, Fallen, Follower, Port, Span};
use super::{Cortex, Door, Stopper, Worker};
use crate::axon::AxonError;
use crate::brain::Trace;
use crate::cortex::emission::Emission;
use crate::cortex::recording::Recorder;
use crate::cortex::report::Vitals;
use crate::pace::Stamp;

/// What the first worker needs to work with others.
#[derive(Default)]
pub(super) struct Together {
    /// `None` where there are no others.
    pub(super) port: Option<Port>,
    pub(super) crew: Crew,
    /// The longest epoch, in ticks.
    epoch: u64,
    /// The next tick in which one of the others has something to compute.
    due: u64,
    /// Whether something was admitted for others in the tick that is collected.
    pub(super) elsewhere: bool,
    /// One more than the last tick that any worker has computed.
    computed: u64,
    /// How many others there are.
    others: usize,
    /// Spikes fired and delivered, and firings, of all workers when they last met.
    counted: [u64; 3],
    /// How workers run that do not wait for each other; `None` in lockstep.
    pub(super) apart: Option<Apart>,
}

/// An epoch that nothing bounds ends after this many ticks, so that whoever asks for a stop gets it.
const EPOCH_MAX: u64 = 1_024;

impl Together {
    pub(super) fn of(
        first: &Worker,
        others: Vec<Worker>,
        traces: impl Iterator<Item = Option<Trace>>,
        cores: &[usize],
        epoch: u64,
    ) -> Result<(Vec<Follower>, Self), AxonError> {
        if others.is_empty() {
            return Ok((Vec::new(), Self::default()));
        }
        let epoch = epoch.min(EPOCH_MAX);
        let arenas: Vec<_> = std::iter::once(first)
            .chain(&others)
            .map(|worker| worker.services.arena.clone())
            .collect();
        let distinct: std::collections::BTreeSet<&usize> = cores.iter().collect();
        let mut ports = Port::all(&arenas, distinct.len() >= arenas.len())?.into_iter();
        let port = ports.next();
        let count = others.len();
        let followers = others.into_iter().zip(ports).zip(traces).enumerate();
        let followers = followers.map(|(index, ((worker, port), trace))| {
            let core = cores.get(index + 1).copied();
            Follower {
                worker,
                port,
                trace,
                epoch,
                course: None,
                next: 0,
                log: None,
                ticks: 0,
                core,
                note: None,
                fallen: None,
            }
        });
        let together = Self { port, epoch, due: u64::MAX, others: count, ..Self::default() };
        Ok((followers.collect(), together))
    }

    /// The next tick in which one of the others has something to compute, as far as is known.
    pub(super) fn next_due(&self) -> Option<u64> {
        (self.due != u64::MAX && self.others > 0).then_some(self.due)
    }
}

impl Together {
    /// Spikes fired and delivered, and firings, of all workers when they last met.
    pub(super) fn counted(&self) -> [u64; 3] {
        self.counted
    }
}

/// What else the first worker's thread does: gates emit, the clock is read, and somebody may want an end.
struct Lead<'a> {
    doors: &'a mut [Door],
    emission: &'a mut Emission,
    recorder: Option<&'a mut Recorder>,
    vitals: &'a mut Vitals,
    stopper: &'a Stopper,
    /// Whether a span may last as long as it likes.
    patient: bool,
    wanted: &'a dyn Fn() -> bool,
}

impl Beat for Lead<'_> {
    fn ticked(&mut self, worker: &mut Worker, began: Stamp) {
        for (door, outlet) in self.doors.iter_mut().zip(&mut worker.outlets) {
            if !outlet.held.is_empty() {
                let recorder = self.recorder.as_deref_mut();
                self.emission.emit(door, outlet, &mut worker.services, recorder);
            }
        }
        // A tick that all compute by itself is timed as a whole, which counts where this worker has no part in it.
        if self.patient {
            self.vitals.tick_took(Stamp::now().ns_since(began));
        }
    }

    fn halt(&mut self) -> bool {
        self.patient && (self.stopper.is_stopped() || (self.wanted)())
    }
}

impl Cortex {
    /// Whether there are other workers.
    pub(super) fn has_others(&self) -> bool {
        self.together.others > 0
    }

    /// Whether the other workers are on their threads.
    pub(super) fn is_apart(&self) -> bool {
        self.has_others() && self.followers.is_empty()
    }

    /// The other workers go to their threads.
    pub(super) fn set_off(&mut self) -> Result<(), RunError> {
        // A replay of workers that ran freely computes one after the other, here.
        if !self.has_others() || self.is_apart() || self.is_free() && self.replaying {
            return Ok(());
        }
        if !self.together.crew.is_started() {
            self.together.crew = Crew::start(&mut self.followers)?;
        }
        if self.is_free() {
            self.send_roaming();
        } else {
            let next = self.next;
            let due = self.followers.iter().filter_map(|other| other.worker.next_due(next)).min();
            self.together.due = due.unwrap_or(u64::MAX);
        }
        self.together.crew.give(&mut self.followers);
        Ok(())
    }

    /// The other workers come back with their state.
    pub(super) fn come_together(&mut self) -> Result<(), RunError> {
        self.come_together_at(self.next)
    }

    /// The same; those that run freely come to this tick before.
    pub(super) fn come_together_at(&mut self, tick: u64) -> Result<(), RunError> {
        if !self.is_apart() {
            return Ok(());
        }
        if self.is_free() {
            self.rest_freely(tick);
        } else if let Some(port) = &mut self.together.port {
            // One that has fallen comes back by itself, and so do the others then.
            let _ = self.worker.publish_admitted(port).and_then(|()| port.rest());
        }
        self.together.crew.take_back(&mut self.followers);
        // A worker for which nothing happened has looked at nothing; alone it would have, with the others.
        if let Some(last) = self.together.computed.checked_sub(1) {
            self.workers_mut().for_each(|worker| worker.table.change_structure_if_due(last));
        }
        for follower in &mut self.followers {
            self.worker.network.take_records(&mut follower.worker.network);
            self.notes.extend(follower.note.take());
        }
        self.write_logs();
        let fallen = self.followers.iter().find(|other| other.fallen.is_some());
        let Some(fallen) = fallen else {
            if self.is_free() {
                self.count_others();
                self.emit();
            }
            return Ok(());
        };
        let worker = usize::from(fallen.worker.crossing.index);
        let reason = fallen.fallen.clone().unwrap_or_default();
        self.closed = true;
        self.doors.iter_mut().for_each(|door| door.gate.close());
        Err(RunError::Fallen { worker, reason })
    }

    /// All workers compute the ticks from one to before another, and whatever is known to be due is known anew.
    ///
    /// A patient span ends early when somebody wants to stop the run or to look at the cortex.
    pub(super) fn compute_together(
        &mut self,
        from: u64,
        to: u64,
        patient: bool,
    ) -> Result<(), RunError> {
        // Gone only if a panic has passed this way.
        let Some(mut port) = self.together.port.take() else { return Err(RunError::Closed) };
        self.together.elsewhere = false;
        let attention = self.attention.as_ref();
        let wanted = || attention.is_some_and(|inbox| !inbox.is_empty());
        let mut lead = Lead {
            // In a replay no gate is called.
            doors: if self.replaying { &mut [] } else { &mut self.doors },
            emission: &mut self.emission,
            recorder: self.recorder.as_deref_mut(),
            vitals: &mut self.vitals,
            stopper: &self.stopper,
            patient,
            wanted: &wanted,
        };
        let span = Span { from, to, epoch: self.together.epoch };
        let told =
            self.worker.publish_admitted(&mut port).and_then(|()| port.begin(span)).and_then(
                |()| self.worker.compute_span(&mut port, self.trace.as_mut(), span, &mut lead),
            );
        self.together.port = Some(port);
        match told {
            Ok(told) => {
                self.together.due = told.due;
                self.together.counted = told.counted;
                self.together.computed = self.together.computed.max(told.computed);
                self.next = if patient { self.next.max(told.computed) } else { to };
                self.vitals.ticks += if patient { told.ticks } else { told.ticks.max(1) };
                self.tell_host(to - 1);
                Ok(())
            }
            Err(Fallen) => self.come_together(),
        }
    }
}
