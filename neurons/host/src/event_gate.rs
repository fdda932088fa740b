//! The door that reads events: on a thread of its own, handed over through a channel, admitted at their own times.
//!
//! As with [lines](crate::line_gate), which event is admitted in which tick depends on the input alone, and the events
//! of a tick are admitted in the order of the input. An event for which there is no room waits for the next tick.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};
use neuronbus::axon::Doorbell;
use neuronbus::gate::{Admissions, Gate, GateAccount, GateError, GateLink, GatePast, Outlook};
use neuronbus::pace::Stamp;
use neuronbus::spike::SpikeKind;
use neuronbus::time::Tick;

use crate::event_intake::{DatedEvent, EventIntake};
use crate::event_lines::EventSettings;
use crate::feed::{Ending, Feed, Next};
use crate::follow::Follower;
use crate::input::{CHUNK, Input, LOOK};
use crate::intake::LineTally;
use crate::line_group::{Gathered, LineGroup};
use crate::lines::LineSource;
use crate::refusals::RefusalKind;

/// How long a gate that closes waits for its thread, which may be blocked in a read that nobody can end.
const FAREWELL: Duration = Duration::from_millis(500);

/// Reads a stream of events, and fires each over its own synapses.
#[derive(Debug)]
pub struct EventGate {
    path: String,
    /// Taken when the run begins.
    settings: Option<EventSettings>,
    /// Events at the beginning of a file that a run before this one admitted.
    skip: u64,
    running: Option<Running>,
}

impl EventGate {
    /// A gate at `path`.
    #[must_use]
    pub fn new(path: &str, settings: EventSettings) -> Self {
        Self { path: path.to_owned(), settings: Some(settings), skip: 0, running: None }
    }

    fn error(&self, message: impl Into<String>) -> GateError {
        GateError::new(&self.path, message)
    }
}

impl Gate for EventGate {
    /// A file is read again from its beginning, and the events that are in the state already are passed over. A stream
    /// has no beginning that could be read again: what comes is new.
    fn resume(&mut self, past: &GatePast) -> Result<(), GateError> {
        let source = self.settings.as_ref().map(|settings| &settings.source);
        if matches!(source, Some(LineSource::File { .. })) {
            self.skip = past.admissions;
        }
        Ok(())
    }

    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        let settings = self.settings.take().ok_or_else(|| self.error("it was opened before"))?;
        settings.check().map_err(|error| self.error(error.to_string()))?;
        let (to_gate, arrived) = bounded(settings.slots);
        let (stop, stopped) = bounded(0);
        let intake = EventIntake::new(settings.max_line, settings.seed);
        let tally = intake.tally();
        let hand = Hand { to_gate, bell: link.doorbell, stopped, stamp: None };
        let input =
            Input::open(settings.source, settings.max_line).map_err(|error| self.error(error))?;
        let thread = std::thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || run(intake, hand, input))
            .map_err(|error| self.error(format!("no thread to read on: {error}")))?;
        self.running = Some(Running {
            feed: EventFeed { arrived: Some(arrived), skip: self.skip, ending: None },
            stop: Some(stop),
            tally,
            thread: Some(thread),
            admitted: 0,
            group: LineGroup::default(),
            due: VecDeque::new(),
            open: Tick::default(),
        });
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let Some(running) = &mut self.running else { return Ok(Outlook::Ended) };
        running.admit(inbound).map_err(|message| self.error(message))
    }

    fn close(&mut self) {
        if let Some(running) = &mut self.running {
            running.close();
        }
    }

    fn account(&self) -> GateAccount {
        self.running.as_ref().map(Running::account).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Running {
    feed: EventFeed,
    /// Dropped when the gate closes.
    stop: Option<Sender<()>>,
    tally: Arc<LineTally>,
    thread: Option<JoinHandle<()>>,
    admitted: u64,
    group: LineGroup<DatedEvent>,
    /// Events of a tick that has come.
    due: VecDeque<DatedEvent>,
    /// The first tick that events may still be admitted to.
    open: Tick,
}

impl Running {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, String> {
        let (now, length) = (inbound.tick(), inbound.tick_length());
        loop {
            if !self.due.is_empty() {
                if !self.admit_due(inbound) {
                    return Ok(Outlook::At(Tick(now.0 + 1)));
                }
                self.open = Tick(now.0 + 1);
            }
            match self.group.gather(&mut self.feed, length) {
                Gathered::Complete(tick) => {
                    let due = tick.max(self.open);
                    if due > now {
                        return Ok(Outlook::At(due));
                    }
                    let (events, stamp) = self.group.take();
                    if let Some(stamp) = stamp {
                        inbound.stamp(stamp);
                    }
                    self.due.extend(events);
                }
                Gathered::Partial(least) => {
                    let passable = least.max(self.open).0.checked_sub(1);
                    return Ok(passable.map_or(Outlook::Hold, |tick| Outlook::After(Tick(tick))));
                }
                Gathered::Ended(Ok(())) => return Ok(Outlook::Ended),
                Gathered::Ended(Err(reason)) => return Err(reason),
            }
        }
    }

    /// Fires what is due, in order; false if the rest has to wait for room.
    fn admit_due(&mut self, inbound: &mut Admissions<'_>) -> bool {
        while let Some(event) = self.due.front() {
            match inbound.fire(SpikeKind::Excitatory, event.priority, &event.record) {
                Ok(()) => self.admitted += 1,
                Err(error) if error.may_pass() => return false,
                Err(error) => {
                    let reason = error.to_string();
                    self.tally.refusals.count(RefusalKind::EventRefused, reason.as_bytes());
                }
            }
            self.due.pop_front();
        }
        true
    }

    /// Tells the thread to stop, and waits for it unless it is blocked in a read.
    fn close(&mut self) {
        self.stop = None;
        let Some(arrived) = self.feed.arrived.take() else { return };
        // What it still hands over is let go, and stays in the account as waiting.
        let deadline = crossbeam_channel::after(FAREWELL);
        let ended = loop {
            crossbeam_channel::select! {
                recv(arrived) -> event => match event {
                    Ok(Handed::Event(_)) => {}
                    Ok(Handed::Ended(_)) | Err(_) => break true,
                },
                recv(deadline) -> _ => break false,
            }
        };
        if let Some(thread) = self.thread.take()
            && ended
        {
            // How it ended is not asked for any more.
            thread.join().ok();
        }
    }

    fn account(&self) -> GateAccount {
        let (read, blank) = (self.tally.read(), self.tally.blank());
        let (admitted, refused) = (self.admitted, self.tally.refusals.turned_away());
        let waiting = read.saturating_sub(blank + refused + admitted);
        let waiting = if waiting > 0 { format!(" + {waiting} waiting") } else { String::new() };
        let sum = format!(
            "events: {read} read = {admitted} admitted{waiting} + {refused} refused + {blank} blank"
        );
        let refused = self.tally.refusals.list();
        GateAccount { refused, notes: vec![sum], ..GateAccount::default() }
    }
}

/// What the thread hands over.
#[derive(Debug)]
enum Handed {
    Event(DatedEvent),
    /// Nothing comes after it.
    Ended(Ending),
}

/// The gate's end of the channel.
#[derive(Debug)]
struct EventFeed {
    /// Gone when the gate has closed.
    arrived: Option<Receiver<Handed>>,
    /// Events to come that were admitted by a run before this one.
    skip: u64,
    ending: Option<Ending>,
}

impl Feed for EventFeed {
    type Item = DatedEvent;

    fn next(&mut self) -> Next<DatedEvent> {
        let Some(arrived) = &self.arrived else { return Next::Ended(Ok(())) };
        // bound: a channel holds a bounded number, and only so many are skipped
        loop {
            let ending = match arrived.try_recv() {
                Ok(Handed::Event(_)) if self.skip > 0 => {
                    self.skip -= 1;
                    continue;
                }
                Ok(Handed::Event(event)) => {
                    let stamp = event.stamp;
                    return Next::Here(event, stamp);
                }
                Err(TryRecvError::Empty) => return Next::Empty,
                Ok(Handed::Ended(ending)) => ending,
                Err(TryRecvError::Disconnected) => Err("its thread is gone".to_owned()),
            };
            return Next::Ended(self.ending.get_or_insert(ending).clone());
        }
    }
}

/// The thread's end of the channel.
struct Hand {
    to_gate: Sender<Handed>,
    bell: Arc<Doorbell>,
    /// Disconnected when the gate has closed.
    stopped: Receiver<()>,
    /// When what is sent next was handed over.
    stamp: Option<Stamp>,
}

impl Hand {
    /// Hands an event over, waiting while there is no room; what comes after the gate has closed is let go.
    fn over(&mut self, mut event: DatedEvent) {
        event.stamp = self.stamp.take();
        if let Err(TrySendError::Full(event)) = self.to_gate.try_send(Handed::Event(event)) {
            self.bell.ring();
            let _ = self.to_gate.send(event);
        }
    }

    fn is_closed(&self) -> bool {
        self.stopped.try_recv() == Err(TryRecvError::Disconnected)
    }
}

fn run(mut intake: EventIntake, mut hand: Hand, input: Input) {
    let ending = match input {
        Input::Stream(stream) => read(stream, &mut intake, &mut hand),
        Input::Followed(follower) => follow(*follower, &mut intake, &mut hand),
    };
    // A gate that has closed does not ask how it ended.
    let _ = hand.to_gate.send(Handed::Ended(ending));
    hand.bell.ring();
}

fn read(mut stream: Box<dyn Read + Send>, intake: &mut EventIntake, hand: &mut Hand) -> Ending {
    let mut chunk = vec![0; CHUNK];
    while !hand.is_closed() {
        let count = match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("reading failed: {error}")),
        };
        hand.stamp = Some(Stamp::now());
        intake.feed(&chunk[..count], |event| hand.over(event));
        hand.bell.ring();
    }
    intake.finish(|event| hand.over(event));
    Ok(())
}

fn follow(mut follower: Follower, intake: &mut EventIntake, hand: &mut Hand) -> Ending {
    loop {
        hand.stamp = Some(Stamp::now());
        let read = follower
            .poll(CHUNK, &mut |piece| intake.line(piece, |event| hand.over(event)))
            .map_err(|error| format!("{}: {error}", follower.path().display()))?;
        if read > 0 {
            hand.bell.ring();
        }
        let rests = || hand.stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout);
        if hand.is_closed() || (read == 0 && !rests()) {
            return Ok(());
        }
    }
}
