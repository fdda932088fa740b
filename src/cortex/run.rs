//! Running: which tick is next, when it may begin, and the phases of one.
//!
//! ```text
//! collect   gates admit; growth takes effect
//! route     spikes that are due, then what was admitted: dendrites, plasticity, membranes, on_spike; then on_wake
//! fire      membranes step; on_fire; post-synaptic plasticity
//! publish   spikes go under way and onto the axon; gates emit
//! account   latencies
//! ```

use std::time::Duration;

use super::desk::Reception;
use super::emission::Retry;
use super::{Cortex, Door};
use crate::admission::Admissions;
use crate::gate::{GateError, Outlook};
use crate::pace::{Pace, Pacer, Stamp};
use crate::time::{Span, Tick, Ticks};

/// Why a run ended badly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A gate could not be opened; nothing was started.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The cortex was closed before.
    #[error("this cortex has been closed and cannot run again")]
    Closed,
    /// A thread of the cortex could not be started.
    #[error("a worker thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// One of several workers panicked, a defect of the runtime: the others have stopped, and the cortex is closed.
    #[error("worker {worker} fell: {reason}")]
    Fallen {
        /// Which one.
        worker: usize,
        /// What it said.
        reason: String,
    },
    /// The run could not be taken up where its journal ends.
    #[error("the run cannot be taken up from its journal: {0}")]
    Recovery(Box<super::RecoveryError>),
    /// The thread of the cortex has ended.
    #[error("the worker has ended")]
    Gone,
    /// A closure that looked at the cortex, or worked on it, panicked; the run goes on.
    #[error("the closure {0}")]
    Closure(String),
    /// The thread of the cortex panicked: a defect of the runtime.
    #[error("the worker panicked: {0}")]
    Panicked(String),
}

/// Why a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It was asked to stop.
    Stopped,
    /// Every gate has ended and nothing is due.
    Idle,
    /// The span that was asked for is over.
    Span,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RunReport {
    /// Ticks that had something to compute.
    pub ticks: u64,
    /// The first tick that has not been computed.
    pub next_tick: u64,
    /// Time it took.
    pub wall: Duration,
    /// Why it ended.
    pub ended: Ended,
}

/// What one tick did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickReport {
    /// Its number.
    pub tick: Tick,
    /// Spikes that reached a synapse or a membrane.
    pub delivered: u64,
    /// Membranes that crossed their threshold.
    pub firings: u64,
}

impl Cortex {
    /// Computes exactly one tick, whatever the pace; waits for a gate that holds time.
    ///
    /// # Errors
    /// [`RunError`] if a gate cannot be opened, or the cortex was closed.
    pub fn tick(&mut self) -> Result<TickReport, RunError> {
        self.open()?;
        let before = self.counts();
        self.plot_course(self.next + 1, Pace::Free);
        self.set_off()?;
        let collected = self.collect_all()?;
        let (now, began) = collected.unwrap_or_else(|| (self.next, Stamp::now()));
        self.compute(now, Some(began))?;
        self.come_together_at(now + 1)?;
        let after = self.counts();
        Ok(TickReport {
            tick: Tick(now),
            delivered: after.delivered - before.delivered,
            firings: after.firings - before.firings,
        })
    }

    /// Runs for a span of cortex time. Ticks in which nothing is due are passed over.
    ///
    /// # Errors
    /// [`RunError`] if a gate cannot be opened, or the cortex was closed.
    pub fn run_for(&mut self, span: impl Into<Span>) -> Result<RunReport, RunError> {
        // Where a journal is, the span begins where it ends.
        self.open()?;
        let Ticks(span) = self.tick_length().ticks(span.into());
        self.run_until(Some(self.next.saturating_add(span)))
    }

    /// Runs until it is stopped, or until every gate has ended and nothing is due.
    ///
    /// # Errors
    /// [`RunError`] if a gate cannot be opened, or the cortex was closed.
    pub fn run(&mut self) -> Result<RunReport, RunError> {
        self.run_until(None)
    }

    fn run_until(&mut self, end: Option<u64>) -> Result<RunReport, RunError> {
        self.open()?;
        let (ticks, began) = (self.vitals.ticks, Stamp::now());
        let end = end.unwrap_or(u64::MAX);
        self.plot_course(end, self.pace);
        self.set_off()?;
        let ended = match self.pace {
            Pace::Free => self.run_free(end)?,
            Pace::RealTime => self.run_real_time(end)?,
            Pace::OnDemand => self.run_on_demand(end)?,
        };
        let reached = if ended == Ended::Span { end } else { self.next };
        self.come_together_at(reached)?;
        self.next = self.next.max(reached);
        self.pause_journal();
        let wall = Duration::from_nanos(Stamp::now().ns_since(began));
        self.vitals.wall += wall;
        let ticks = self.vitals.ticks - ticks;
        Ok(RunReport { ticks, next_tick: self.next, wall, ended })
    }

    /// As fast as possible: from one tick with something due to the next.
    fn run_free(&mut self, end: u64) -> Result<Ended, RunError> {
        let mut fresh = true;
        while self.next < end {
            // Taken first: whoever rings after one of the looks below ends the wait.
            let seen = self.doorbell.count();
            if self.stopper.is_stopped() {
                return Ok(Ended::Stopped);
            }
            if self.tend(end)? {
                continue;
            }
            let due = self.next_due();
            if due.is_none() && self.has_ended() && self.are_others_done() {
                return Ok(if end == u64::MAX { Ended::Idle } else { Ended::Span });
            }
            let alone = self.is_on_its_own() && self.worker.held() == 0;
            if let Some(due) = due.filter(|&due| due < end && alone) {
                self.compute_together(due, end, true)?;
                continue;
            }
            // What was handed in before the run is asked for before time jumps.
            let due = due.filter(|_| !std::mem::take(&mut fresh));
            let target = due.unwrap_or(self.next).min(end - 1);
            let asked = self.passable(target);
            let began = self.vitals.times_next().then(Stamp::now);
            if self.collect(asked) && !self.is_quiet(asked) {
                self.compute(asked, began)?;
                continue;
            }
            self.stamps.clear();
            match self.next_due() {
                Some(due) if due < end && !self.holds(due) => {}
                None if self.has_ended() && !self.is_free() => {}
                _ if end != u64::MAX && !self.holds(end - 1) && self.are_others_done() => {
                    return Ok(Ended::Span);
                }
                // What comes next, comes through a gate.
                _ if !self.wait_for_ring(seen) => return Ok(Ended::Stopped),
                _ => {}
            }
        }
        Ok(Ended::Span)
    }

    /// One tick per tick length.
    fn run_real_time(&mut self, end: u64) -> Result<Ended, RunError> {
        let pacer = Pacer::begin(self.tick_length(), self.next);
        while self.next < end {
            if self.stopper.is_stopped() {
                return Ok(Ended::Stopped);
            }
            if self.tend(end)? {
                continue;
            }
            if end == u64::MAX && self.is_idle() && self.are_others_done() {
                return Ok(Ended::Idle);
            }
            let now = self.next;
            let early = pacer.until(now);
            if early.is_zero() {
                self.vitals.late += u64::from(pacer.elapsed_tick() > now);
            }
            self.wait_out(&pacer, now)?;
            if self.next != now {
                // Others were further when all came to rest.
                continue;
            }
            let Some((now, began)) = self.collect_all()? else { return Ok(Ended::Stopped) };
            self.compute(now, Some(began))?;
        }
        Ok(Ended::Span)
    }

    /// Waits until a tick begins by the clock, whoever rings.
    fn wait_out(&mut self, pacer: &Pacer, tick: u64) -> Result<(), RunError> {
        loop {
            let seen = self.doorbell.count();
            let left = pacer.until(tick);
            if left.is_zero() || self.stopper.is_stopped() {
                return Ok(());
            }
            self.between_ticks()?;
            self.doorbell.wait(seen, self.wait, Some(left));
        }
    }

    /// Tick follows tick while there is work; otherwise the worker waits.
    fn run_on_demand(&mut self, end: u64) -> Result<Ended, RunError> {
        let pacer = Pacer::begin(self.tick_length(), self.next);
        let mut heard = self.doorbell.count().wrapping_sub(1);
        let (mut retry, mut offer) = (Retry::default(), false);
        while self.next < end {
            let rung = self.doorbell.count();
            if self.stopper.is_stopped() {
                return Ok(Ended::Stopped);
            }
            if self.tend(end)? {
                continue;
            }
            let due = self.next_work();
            let began = Stamp::now();
            let clock = pacer.tick_at(began).max(self.next);
            let again = retry.after(self.worker.held());
            let idle = due.is_none() && again.is_none() && end == u64::MAX && self.has_ended();
            if idle && self.are_others_done() {
                return Ok(Ended::Idle);
            }
            let target = match due {
                Some(due) if due <= clock => due,
                _ if rung != heard || std::mem::take(&mut offer) => clock,
                _ => {
                    let until = due.unwrap_or(u64::MAX).min(end);
                    if until <= clock && !self.holds(end - 1) {
                        return Ok(Ended::Span);
                    }
                    let known = until != u64::MAX && until > clock;
                    let timeout = known.then(|| pacer.until(until)).into_iter().chain(again).min();
                    let (bell, doors) = (&self.doorbell, &self.doors);
                    let ready = || doors.iter().any(Door::is_ready);
                    let unrung = bell.wait_or(rung, self.wait, timeout, ready) == rung;
                    offer = unrung && (again.is_some() || ready());
                    continue;
                }
            };
            if target >= end && !self.holds(end - 1) {
                return Ok(Ended::Span);
            }
            heard = rung;
            let target = target.min(end - 1);
            let asked = self.passable(target);
            if self.collect(asked) && !self.is_quiet(asked) {
                self.compute(asked, Some(began))?;
                continue;
            }
            self.stamps.clear();
            if self.holds(target) && !self.wait_for_ring(rung) {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::Span)
    }

    /// Does what is done between two ticks; whether the end has been reached by that.
    fn tend(&mut self, end: u64) -> Result<bool, RunError> {
        self.between_ticks()?;
        // Where all workers came to rest, others may have been further.
        Ok(self.next >= end)
    }

    /// What is done between two ticks: what a handle asks for, and what the journal needs.
    fn between_ticks(&mut self) -> Result<(), RunError> {
        self.obey()?;
        self.tend_journal()?;
        self.hear_others()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.doors.iter().all(|door| door.outlook == Outlook::Ended)
    }

    fn is_idle(&self) -> bool {
        self.next_due().is_none() && self.has_ended()
    }

    /// The next tick in which something is due, as far as is known.
    pub(super) fn next_due(&self) -> Option<u64> {
        let held = (self.worker.held() != 0).then_some(self.next);
        self.next_work().into_iter().chain(held).min()
    }

    /// The same but for output that a gate did not take: whoever paces by the clock need not offer it at once.
    fn next_work(&self) -> Option<u64> {
        let own = self.worker.next_due(self.next);
        if own == Some(self.next) {
            // Nothing is due earlier.
            return own;
        }
        let gates = self.doors.iter().filter_map(|door| match door.outlook {
            Outlook::At(tick) => Some(tick.0.max(self.next)),
            _ => None,
        });
        let others = self.together.next_due().map(|due| due.max(self.next));
        gates.chain(own).chain(others).min()
    }

    /// Whether a tick has nothing to compute, for any worker.
    pub(super) fn is_quiet(&self, now: u64) -> bool {
        let others = self.together.next_due().is_some_and(|due| due <= now);
        self.worker.is_quiet(now) && !others && !self.together.elsewhere
    }

    /// Whether several workers can go on without being asked between two ticks: no gate has anything to say or answer,
    /// and nobody looks for a sign of life.
    fn is_on_its_own(&self) -> bool {
        let answers = || self.doors.iter().any(|door| door.answers);
        let apart = self.has_others() && !self.is_free();
        apart && self.has_ended() && !answers() && self.host.is_none()
    }

    /// Whether a gate may still date an admission at or before this tick.
    pub(super) fn holds(&self, tick: u64) -> bool {
        self.recorder.as_ref().is_some_and(|recorder| recorder.is_blocked())
            || self.doors.iter().any(|door| door.holds(tick))
    }

    /// The tick that gates are asked for on the way to another: the first of all while one of them may mean it.
    fn passable(&self, target: u64) -> u64 {
        if self.holds(target) { self.next } else { target }
    }

    /// Collect: every gate hands in what belongs to this tick. False if one of them holds it; those behind were not
    /// asked, so that what they hand in comes after, whenever the one comes to an end.
    fn collect(&mut self, now: u64) -> bool {
        self.worker.begin(now);
        if let Some(recorder) = &mut self.recorder
            && !recorder.admits()
        {
            // Nothing enters, so time stands still for the gates: the journal's thread rings when it goes on.
            self.next = now;
            return false;
        }
        self.acknowledge();
        for door in &mut self.doors {
            if door.outlook == Outlook::Ended {
                continue;
            }
            let admitted = self.worker.counts.admitted;
            let mut reception = Reception {
                worker: &mut self.worker,
                port: self.together.port.as_ref(),
                stamps: &mut self.stamps,
                elsewhere: &mut self.together.elsewhere,
                recorder: self.recorder.as_deref_mut(),
            };
            let mut admissions = Admissions { desk: &mut reception, gate: door.id };
            match door.gate.admit(&mut admissions) {
                Ok(outlook) => door.outlook = outlook,
                Err(error) => door.fail(&error),
            }
            if let Some(recorder) = &self.recorder {
                door.note_admitted(self.worker.counts.admitted - admitted, recorder);
            }
            if door.holds(now) {
                // What was handed in belongs to this tick, and nothing lies before it any more.
                self.next = now;
                return false;
            }
        }
        true
    }

    /// Collects the next tick, waiting for gates that hold it, and says which it is and when the last of it began.
    /// `None` if it was stopped.
    fn collect_all(&mut self) -> Result<Option<(u64, Stamp)>, RunError> {
        loop {
            let (seen, now) = (self.doorbell.count(), self.next);
            let began = Stamp::now();
            if self.collect(now) {
                return Ok(Some((now, began)));
            }
            if self.stopper.is_stopped() {
                return Ok(None);
            }
            self.between_ticks()?;
            if !self.wait_for_ring(seen) {
                return Ok(None);
            }
        }
    }

    /// Waits until somebody rings; false if nobody ever will, because the journal has no room and no thread.
    fn wait_for_ring(&self, seen: u64) -> bool {
        let rings = self.recorder.as_ref().is_none_or(|recorder| recorder.will_ring());
        if rings {
            self.doorbell.wait(seen, self.wait, None);
        }
        rings
    }

    /// Route, fire, publish, account.
    pub(super) fn compute(&mut self, now: u64, began: Option<Stamp>) -> Result<(), RunError> {
        if self.is_free() {
            self.seal_journal();
            return self.compute_freely(now, began);
        }
        if self.has_others() {
            self.account_for_stamps();
            self.compute_together(now, now + 1, false)?;
            self.seal_journal();
            // Where nothing but this is due, no worker has computed a tick.
            self.emit();
            if let Some(began) = began {
                self.vitals.tick_took(Stamp::now().ns_since(began));
            }
            return Ok(());
        }
        self.worker.route();
        self.worker.fire();
        self.worker.step_populations();
        self.account_for_stamps();
        self.seal_journal();
        self.worker.publish(self.trace.as_mut());
        self.emit();
        self.next = now + 1;
        self.tell_host(now);
        self.vitals.tick(began);
        Ok(())
    }

    /// What was admitted is handed to the journal's thread: behind what agents do with it, which so need not wait, and
    /// before anything that follows from it goes out.
    fn seal_journal(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.seal();
        }
    }

    /// What was admitted for this tick has been taken in.
    pub(super) fn account_for_stamps(&mut self) {
        if !self.stamps.is_empty() {
            let fired = Stamp::now();
            for stamp in self.stamps.drain(..) {
                self.vitals.gate_to_neuron(fired.ns_since(stamp));
            }
        }
    }

    /// Gates take out what has reached them.
    pub(super) fn emit(&mut self) {
        if self.replaying {
            return;
        }
        for (door, outlet) in self.doors.iter_mut().zip(&mut self.worker.outlets) {
            if !outlet.held.is_empty() {
                let recorder = self.recorder.as_deref_mut();
                self.emission.emit(door, outlet, &mut self.worker.services, recorder);
            }
        }
    }
}
