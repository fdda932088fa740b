//! The door that reads lines: on a thread of its own, into a lossless ring, admitted at the lines' own times.
//!
//! Which line is admitted in which tick depends on the input alone. The gate never lets cortex time pass a line that is
//! still on its way ([`Outlook::After`], [`Outlook::Hold`]), and admits the lines of a tick in the order of the input.
//! It follows that a line with a time of its own takes effect when the next one has arrived, which could have the same
//! time; a line without takes effect at once.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::thread::JoinHandle;

use neuronbus::gate::{Admissions, Gate, GateAccount, GateError, GateLink, GatePast, Outlook};
use neuronbus::id::RegionId;
use neuronbus::spike::Spike;
use neuronbus::time::Tick;

use crate::feed::{FeedReader, FeedWriter, feed};
use crate::follow::Follower;
use crate::input::{CHUNK, Input, LOOK};
use crate::intake::{LineIntake, LineTally};
use crate::line_group::{Gathered, LineGroup};
use crate::lines::{LineSettings, LineSource};
use crate::refusals::RefusalKind;
use crate::roster::{RosterReader, roster};

/// Reads a stream of lines and drives the neuron of each line's topic.
#[derive(Debug)]
pub struct LineGate {
    path: String,
    region: RegionId,
    /// Taken when the run begins.
    settings: Option<LineSettings>,
    /// Lines at the beginning of a file that a run before this one admitted.
    skip: u64,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    feed: FeedReader,
    roster: RosterReader,
    tally: Arc<LineTally>,
    thread: Option<JoinHandle<()>>,
    admitted: u64,
    /// Lines to come that were admitted by a run before this one.
    skip: u64,
    group: LineGroup<Spike>,
    /// The first tick that lines may still be admitted to.
    open: Tick,
}

impl LineGate {
    /// A gate at `path` for the topics of `region`, which must have a template for at least `max_topics + 1` neurons.
    #[must_use]
    pub fn new(path: &str, region: RegionId, settings: LineSettings) -> Self {
        Self { path: path.to_owned(), region, settings: Some(settings), skip: 0, running: None }
    }

    fn error(&self, message: impl Into<String>) -> GateError {
        GateError::new(&self.path, message)
    }
}

impl Gate for LineGate {
    /// A file is read again from its beginning, and the lines that are in the state already are passed over. A stream
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
        let (writer, reader) = feed(settings.slots, link.id, &link.doorbell)
            .map_err(|error| self.error(error.to_string()))?;
        let (names, roster) = roster(self.region, settings.max_topics);
        let intake = LineIntake::new(settings.fields(), settings.format, settings.max_line, names);
        let tally = intake.tally();
        let work = Work { intake, feed: writer };
        let input =
            Input::open(settings.source, settings.max_line).map_err(|error| self.error(error))?;
        let thread = std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || work.run(input))
            .map_err(|error| self.error(format!("no thread to read on: {error}")))?;
        self.running = Some(Running {
            feed: reader,
            roster,
            tally,
            thread: Some(thread),
            admitted: 0,
            skip: self.skip,
            group: LineGroup::default(),
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
            running.feed.close(running.thread.take());
        }
    }

    fn account(&self) -> GateAccount {
        self.running.as_ref().map(Running::account).unwrap_or_default()
    }
}

impl Running {
    #[inline]
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, String> {
        let (now, length) = (inbound.tick(), inbound.tick_length());
        loop {
            match self.group.gather(&mut self.feed, length) {
                Gathered::Complete(_) if self.skip > 0 => self.pass_over(inbound),
                Gathered::Complete(tick) => {
                    let due = tick.max(self.open);
                    if due > now {
                        return Ok(Outlook::At(due));
                    }
                    self.admit_group(inbound);
                    self.open = Tick(now.0 + 1);
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

    #[inline]
    fn admit_group(&mut self, inbound: &mut Admissions<'_>) {
        let Self { group, roster, tally, admitted, .. } = self;
        let (lines, stamp) = group.take();
        if let Some(stamp) = stamp {
            inbound.stamp(stamp);
        }
        for line in lines {
            match admit_line(roster, &line, inbound) {
                Ok(()) => *admitted += 1,
                Err(reason) => tally.refusals.count(RefusalKind::TopicRefused, reason.as_bytes()),
            }
        }
    }

    /// Lines that were admitted before: their topics are known, and they have had their effect.
    fn pass_over(&mut self, inbound: &mut Admissions<'_>) {
        let Self { group, roster, skip, .. } = self;
        let (lines, _) = group.take();
        let mut left = Vec::new();
        for line in lines {
            let known = line.target().map(|position| roster.resolve(position, inbound));
            let admitted = matches!(known, Some(Ok(Some(_))));
            if admitted && *skip > 0 {
                *skip -= 1;
            } else if admitted {
                left.push(line);
            }
        }
        // Of the lines of one tick some may have been whole when the run before ended.
        for line in left {
            if admit_line(roster, &line, inbound).is_ok() {
                self.admitted += 1;
            }
        }
    }

    fn account(&self) -> GateAccount {
        let (read, blank) = (self.tally.read(), self.tally.blank());
        let (admitted, refused) = (self.admitted, self.tally.refusals.turned_away());
        let waiting = read.saturating_sub(blank + refused + admitted);
        let waiting = if waiting > 0 { format!(" + {waiting} waiting") } else { String::new() };
        let sum = format!(
            "lines: {read} read = {admitted} admitted{waiting} + {refused} refused + {blank} blank"
        );
        GateAccount {
            axons: vec![self.feed.account()],
            refused: self.tally.refusals.list(),
            notes: vec![sum],
        }
    }
}

/// Drives the neuron of a line's topic, which sprouts on first sight.
#[inline]
fn admit_line(
    roster: &mut RosterReader,
    line: &Spike,
    inbound: &mut Admissions<'_>,
) -> Result<(), String> {
    let position = line.target().ok_or("a line without a topic")?;
    let neuron = roster.resolve(position, inbound).map_err(|error| error.to_string())?;
    let neuron = neuron.ok_or("its topic was refused before")?;
    let driven = inbound.drive(neuron, 1.0, line.priority(), line.inline());
    driven.map_err(|error| error.to_string())
}

/// What the thread owns.
struct Work {
    intake: LineIntake,
    feed: FeedWriter,
}

impl Work {
    fn run(mut self, input: Input) {
        let ended = match input {
            Input::Stream(stream) => self.stream(stream),
            Input::Followed(follower) => self.follow(*follower),
        };
        if let Err(error) = ended {
            self.feed.fail(error);
        }
    }

    fn stream(&mut self, mut stream: Box<dyn Read + Send>) -> Result<(), String> {
        let mut chunk = vec![0; CHUNK];
        while !self.feed.is_closed() {
            let count = match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("reading failed: {error}")),
            };
            self.hand_over(|intake, feed| {
                intake.feed(&chunk[..count], |entry| {
                    feed.send(entry);
                });
            });
        }
        self.hand_over(|intake, feed| {
            intake.finish(|entry| {
                feed.send(entry);
            });
        });
        Ok(())
    }

    fn follow(&mut self, mut follower: Follower) -> Result<(), String> {
        loop {
            let mut outcome = Ok(0);
            self.hand_over(|intake, feed| {
                outcome = follower.poll(CHUNK, &mut |piece| {
                    intake.line(piece, |entry| {
                        feed.send(entry);
                    });
                });
                intake.settle();
            });
            let read =
                outcome.map_err(|error| format!("{}: {error}", follower.path().display()))?;
            if read == 0 && !self.feed.rest(LOOK) || self.feed.is_closed() {
                return Ok(());
            }
        }
    }

    fn hand_over(&mut self, work: impl FnOnce(&mut LineIntake, &mut FeedWriter)) {
        self.feed.begin();
        work(&mut self.intake, &mut self.feed);
        self.feed.ring();
    }
}
