//! The threads of all workers but the first.
//!
//! A thread owns its worker while it runs, and gives it back to rest: then the whole cortex can be looked at and
//! changed from one place, without a lock. Both ways go through a channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::mail::Mail;
use super::mark::Mark;
use super::port::{Fallen, Port};
use super::roam::{Count, Course, Log};
use super::span::Span;
use crate::brain::Trace;
use crate::cortex::running::pin_to;
use crate::cortex::worker::{Admitted, Worker};
use crate::neuron::Fault;
use crate::time::Tick;

/// A worker beside the first, with what its thread needs.
pub(in crate::cortex) struct Follower {
    pub(in crate::cortex) worker: Worker,
    pub(in crate::cortex) port: Port,
    pub(in crate::cortex) trace: Option<Trace>,
    /// The longest epoch, in ticks.
    pub(in crate::cortex) epoch: u64,
    /// How it runs if it runs freely, the first tick that it has not computed then, and what it takes in.
    pub(in crate::cortex) course: Option<Course>,
    pub(in crate::cortex) next: u64,
    pub(in crate::cortex) log: Option<Log>,
    /// Ticks that it has computed.
    pub(in crate::cortex) ticks: u64,
    /// The core that it is to run on.
    pub(in crate::cortex) core: Option<usize>,
    /// What there is to say of it: a core that it could not be pinned to.
    pub(in crate::cortex) note: Option<String>,
    /// How it fell, if it did.
    pub(in crate::cortex) fallen: Option<String>,
}

impl Follower {
    /// Does what the first worker says, until it says that it is time to rest.
    fn serve(&mut self) -> Result<(), Fallen> {
        if let Some(course) = self.course {
            return self.roam(course);
        }
        // bound: the first worker gives a rest at the end of each run, or falls
        loop {
            let slot = self.port.next_from_first()?;
            match Mark::from_slot(&slot) {
                Some(Mark::Span { from, to }) => {
                    let span = Span { from, to, epoch: self.epoch };
                    let Self { worker, port, trace, ticks, .. } = self;
                    worker.compute_span(port, trace.as_mut(), span, &mut Count(ticks))?;
                }
                Some(Mark::Rest { .. }) => return Ok(()),
                Some(Mark::Admit { drive }) => self.admit(drive)?,
                Some(Mark::Mail { tick }) => self.open_mail(tick),
                Some(Mark::EpochEnd(_) | Mark::Cells { .. }) | None => {}
            }
        }
    }

    /// The next slot is a spike straight onto a membrane, which may be one of these.
    fn admit(&mut self, drive: f32) -> Result<(), Fallen> {
        let mut spike = self.port.next_from_first()?;
        let Some(target) = spike.target().filter(|&id| self.worker.crossing.is_here(id)) else {
            return Ok(());
        };
        if self.worker.copy_payload(self.port.arena(0), &mut spike) {
            self.worker.admitted.push(Admitted { spike, target, drive });
        }
        Ok(())
    }

    fn open_mail(&mut self, tick: u64) {
        let mail = self.port.mail.as_ref().and_then(|mail| mail.recv().ok());
        let Some(Mail::Sprout { region, name, membrane, card, neuron }) = mail else { return };
        self.worker.begin(tick);
        if let Err(error) = self.worker.sprout(region, &name, neuron, membrane, card) {
            // The first worker has added it under the same rules.
            unreachable!("a name that one worker took was refused by another: {error}");
        }
    }
}

/// A thread, and the two ways that a worker goes.
#[derive(Debug)]
struct Hand {
    give: Sender<Follower>,
    take: Receiver<Follower>,
    thread: Option<JoinHandle<()>>,
}

/// The threads of all workers but the first; they end when this is dropped.
#[derive(Debug, Default)]
pub(in crate::cortex) struct Crew {
    hands: Vec<Hand>,
}

impl Crew {
    /// Starts a thread for each follower.
    pub(in crate::cortex) fn start(followers: &mut [Follower]) -> Result<Self, std::io::Error> {
        let mut hands = Vec::with_capacity(followers.len());
        for (index, follower) in followers.iter_mut().enumerate() {
            let (give, given) = bounded(1);
            let (back, take) = bounded(1);
            let core = follower.core;
            let name = format!("cortex-{}", index + 1);
            let thread =
                std::thread::Builder::new().name(name).spawn(move || run(core, &given, &back))?;
            hands.push(Hand { give, take, thread: Some(thread) });
        }
        Ok(Self { hands })
    }

    /// Whether there are threads.
    pub(in crate::cortex) fn is_started(&self) -> bool {
        !self.hands.is_empty()
    }

    /// The workers go to their threads.
    pub(in crate::cortex) fn give(&self, followers: &mut Vec<Follower>) {
        for (hand, follower) in self.hands.iter().zip(followers.drain(..)) {
            // A thread ends only when this end of the channel is gone.
            let _ = hand.give.send(follower);
        }
    }

    /// The workers come back; they have been told to rest.
    pub(in crate::cortex) fn take_back(&self, followers: &mut Vec<Follower>) {
        followers.extend(self.hands.iter().filter_map(|hand| hand.take.recv().ok()));
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for hand in &mut self.hands {
            // Closing the channel ends the thread.
            hand.give = bounded(0).0;
            if let Some(thread) = hand.thread.take() {
                // What it could say has come back with its worker.
                let _ = thread.join();
            }
        }
    }
}

/// A thread: it takes its worker, serves, and gives it back.
fn run(core: Option<usize>, given: &Receiver<Follower>, back: &Sender<Follower>) {
    let pinned = core.is_none_or(pin_to);
    while let Ok(mut follower) = given.recv() {
        if let Some(core) = core.filter(|_| !pinned && follower.note.is_none()) {
            let worker = follower.worker.crossing.index;
            follower.note =
                Some(format!("worker {worker} could not be pinned to core {core}; it floats"));
        }
        // Unwind safe: a worker that fell is only looked at any more, and says that it fell.
        let served = catch_unwind(AssertUnwindSafe(|| follower.serve()));
        if let Err(panic) = served {
            let now = Tick(follower.worker.services.now);
            follower.fallen =
                Some(format!("{} in tick {}", Fault::of_panic(panic.as_ref()), now.0));
            follower.port.fall();
        }
        if back.send(follower).is_err() {
            return;
        }
    }
}
