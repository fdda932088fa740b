//! The first worker among workers that run freely: it asks the gates as ever, and waits for nobody.

use std::sync::Arc;

use super::Cortex;
use super::recording::Recorder;
use super::run::RunError;
use super::together::Together;
use super::workers::{Book, Count, Course, Follower, Log, LogEnd, Strait, When};
use crate::arena::Arena;
use crate::axon::{Doorbell, WaitStrategy};
use crate::pace::{Pace, Pacer, Stamp};
use crate::recorded::Recorded;

/// How workers run that do not wait for each other.
#[derive(Debug)]
pub(super) struct Apart {
    course: Course,
    /// Where the others' logs come out, in their order; nobody's before the first run with a journal.
    logs: Vec<LogEnd>,
    /// Ticks that were computed on the way to a rest.
    caught_up: u64,
    /// Spikes fired and delivered, and firings, of the others when they last rested.
    counted: [u64; 3],
}

impl Default for Apart {
    fn default() -> Self {
        let course = Course { until: 0, clock: None };
        Self { course, logs: Vec::new(), caught_up: 0, counted: [0; 3] }
    }
}

/// The first worker's records go straight to the journal.
struct Straight<'a>(Option<&'a mut Recorder>);

impl Book for Straight<'_> {
    fn note(&mut self, heard: &Recorded<'_>) {
        let (Recorded::Heard { tick, .. } | Recorded::Cells { tick, .. }) = *heard else { return };
        if let Some(recorder) = &mut self.0 {
            recorder.record_heard(tick, heard);
        }
    }
}

impl Together {
    /// Gives all workers what they need to run freely: bells, and arenas to lend from.
    pub(super) fn part(
        &mut self,
        followers: &mut [Follower],
        lending: &[Arc<Arena>],
        (bell, wait): (Arc<Doorbell>, WaitStrategy),
    ) {
        let others = followers.iter().map(|_| Arc::default());
        let straits = Strait::all(std::iter::once(bell).chain(others).collect(), lending, wait);
        let ports = self.port.iter_mut().chain(followers.iter_mut().map(|other| &mut other.port));
        for ((index, port), strait) in ports.enumerate().zip(straits) {
            let others = lending.iter().enumerate().filter(|&(other, _)| other != index);
            port.run_freely(strait, others.map(|(_, arena)| arena.clone()).collect());
        }
        self.apart = Some(Apart::default());
    }
}

impl Cortex {
    /// Whether there are other workers, and nobody waits for them.
    pub(super) fn is_free(&self) -> bool {
        self.together.apart.is_some()
    }

    /// Says how far the run that begins goes, and whether it goes by the clock.
    pub(super) fn plot_course(&mut self, until: u64, pace: Pace) {
        let clock =
            (pace != Pace::Free).then(|| (pace, Pacer::begin(self.tick_length(), self.next)));
        if let Some(apart) = &mut self.together.apart {
            apart.course = Course { until, clock };
        }
    }

    /// What the other workers are told before they go to their threads.
    pub(super) fn send_roaming(&mut self) {
        let next = self.next;
        let Some(apart) = &mut self.together.apart else { return };
        for follower in &mut self.followers {
            (follower.course, follower.next) = (Some(apart.course), next);
            if self.recorder.is_some() && follower.log.is_none() {
                let (log, end) = Log::new();
                follower.log = Some(log);
                apart.logs.push(end);
            }
        }
    }

    /// Takes in what the other workers have published, in the tick that comes next.
    pub(super) fn hear_others(&mut self) -> Result<(), RunError> {
        if !self.is_free() || !self.is_apart() {
            return Ok(());
        }
        let Some(apart) = &self.together.apart else { return Ok(()) };
        let course = apart.course;
        // By the clock, every tick is computed; and nobody moves on from a gate that holds time.
        let stays = self.pace == Pace::RealTime || self.holds(self.next);
        let due = if stays { self.next } else { self.next_due().unwrap_or(course.until) };
        let tick = course.now().min(due).max(self.next);
        // Gone only if a panic has passed this way.
        let Some(mut port) = self.together.port.take() else { return Err(RunError::Closed) };
        let mut book = Straight(self.recorder.as_deref_mut());
        let moved = self.worker.take_in(&mut port, When { tick, due }, &mut book);
        let stands = port.stands();
        if let Some(strait) = &port.strait {
            strait.stall(self.recorder.as_ref().is_some_and(|recorder| recorder.is_blocked()));
        }
        self.together.port = Some(port);
        self.next = moved.unwrap_or(self.next);
        self.write_logs();
        if stands.is_err() { self.come_together() } else { Ok(()) }
    }

    /// Route, fire, publish, account: of the first worker alone.
    pub(super) fn compute_freely(
        &mut self,
        now: u64,
        began: Option<Stamp>,
    ) -> Result<(), RunError> {
        self.account_for_stamps();
        self.together.elsewhere = false;
        let mut ticks = 0;
        if self.replaying {
            self.worker.tick(now, self.trace.as_mut(), &mut Count(&mut ticks));
            self.worker.send_nothing();
        } else {
            // A panic takes the port with it, so that the others end.
            let Some(mut port) = self.together.port.take() else { return Err(RunError::Closed) };
            self.worker.tick(now, self.trace.as_mut(), &mut Count(&mut ticks));
            let mut book = Straight(self.recorder.as_deref_mut());
            let sent = self.worker.send_off(&mut port, now + 1, &mut book);
            self.together.port = Some(port);
            if sent.is_err() {
                return self.come_together();
            }
        }
        self.emit();
        self.next = now + 1;
        self.tell_host(now);
        self.vitals.tick(began);
        Ok(())
    }

    /// All workers come to the same tick, this one at least. Where one has fallen, they come back by themselves.
    pub(super) fn rest_freely(&mut self, tick: u64) {
        let Some(mut port) = self.together.port.take() else { return };
        let Some(apart) = &mut self.together.apart else { return };
        let (worker, trace, next) = (&mut self.worker, self.trace.as_mut(), self.next);
        let mut book = Straight(self.recorder.as_deref_mut());
        let rested = worker
            .send_off(&mut port, next, &mut book)
            .and_then(|()| worker.ask_for_rest(&mut port, (next, tick), &mut book))
            .and_then(|()| {
                let mut count = Count(&mut apart.caught_up);
                worker.come_to_rest(&mut port, (next, tick), trace, &mut count, &mut book)
            });
        self.together.port = Some(port);
        if let Ok(latest) = rested {
            self.next = latest;
        }
    }

    /// Whether the others have nothing to do before the end of the run, and nothing is on its way between workers.
    pub(super) fn are_others_done(&self) -> bool {
        let strait = self.together.port.as_ref().and_then(|port| port.strait.as_ref());
        strait.is_none_or(|strait| !self.is_apart() || strait.are_others_idle())
    }

    /// The others rest: what they have done is known anew.
    pub(super) fn count_others(&mut self) {
        let Some(apart) = &mut self.together.apart else { return };
        let each = self.followers.iter().map(|other| other.worker.counted());
        apart.counted = each.fold([0; 3], |sum, one| std::array::from_fn(|n| sum[n] + one[n]));
    }

    /// Spikes fired and delivered, and firings: of this worker by now, of the others when they last rested.
    pub(super) fn counted_freely(&self) -> Option<[u64; 3]> {
        let (own, apart) = (self.worker.counted(), self.together.apart.as_ref()?);
        Some(std::array::from_fn(|n| own[n] + apart.counted[n]))
    }

    /// Computes what is due before a tick, with gates that have ended.
    pub(super) fn drain_freely(&mut self, end: u64) -> Result<(), RunError> {
        // bound: what is due lies before the end, or somebody rings
        loop {
            let seen = self.doorbell.count();
            self.hear_others()?;
            if let Some(due) = self.next_due().filter(|&due| due < end) {
                self.worker.begin(due);
                self.compute(due, Some(Stamp::now()))?;
            } else if self.are_others_done() {
                return self.come_together_at(end);
            } else {
                self.doorbell.wait(seen, self.wait, None);
            }
        }
    }

    /// What the other workers have taken in goes into the journal.
    pub(super) fn write_logs(&mut self) {
        let (Some(apart), Some(recorder)) = (&self.together.apart, &mut self.recorder) else {
            return;
        };
        let mut any = false;
        for log in &apart.logs {
            log.each(|kind, body| {
                // It was written a moment ago, by the same code.
                if let Ok(heard) = Recorded::read(kind, body) {
                    recorder.record_heard(self.next, &heard);
                    any = true;
                }
            });
        }
        if any {
            recorder.seal();
        }
    }
}
