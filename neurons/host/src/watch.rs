//! What the thread behind a host's door does: sample, follow logs, rest.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use neuronbus::id::NeuronId;

use crate::feed::{Entry, FeedWriter};
use crate::follow::{Follower, Start};
use crate::host::{HostSettings, LOG_PREFIX};
use crate::intake::OTHER;
use crate::line_payload::LINE_PAYLOAD_MAX;
use crate::line_record::read_text;
use crate::proc::{Reading, Sampler};
use crate::refusals::{RefusalKind, Refusals};
use crate::roster::RosterWriter;
use crate::split::Piece;

/// Bytes of one log file read between two samples; what is left is read after the next.
const LOG_BUDGET: usize = 4 << 20;

/// The longest log line that is read.
const LOG_LINE_MAX: usize = 64 << 10;

/// The priority of a reading: it is the neuron that judges, so all are the same.
const READING_PRIORITY: u8 = 96;

/// What the thread tells about itself.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) refusals: Refusals,
    /// Locked when something new is noted and when the account is read, which are both rare.
    notes: Mutex<Vec<String>>,
}

impl Found {
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }
}

/// The thread's belongings.
pub(crate) struct Watch {
    period: Duration,
    sampler: Sampler,
    noted: usize,
    logs: Vec<Log>,
    desk: Desk,
}

struct Log {
    follower: Follower,
    /// Whether its present trouble has been noted.
    noted: bool,
}

/// Where readings and lines are handed in.
struct Desk {
    feed: FeedWriter,
    roster: RosterWriter,
    found: Arc<Found>,
    signals: Share,
    topics: Share,
    template: String,
    name: String,
}

/// A part of the roster with a bound of its own.
struct Share {
    taken: usize,
    bound: usize,
}

impl Watch {
    pub(crate) fn new(
        settings: &HostSettings,
        feed: FeedWriter,
        roster: RosterWriter,
        found: Arc<Found>,
    ) -> Self {
        let follow = |path| Follower::new(path, Start::End, LOG_LINE_MAX);
        let logs = settings.follow.iter().map(|path| Log { follower: follow(path), noted: false });
        Self {
            period: settings.period,
            sampler: Sampler::new(&settings.senses, &settings.root, &settings.sys),
            noted: 0,
            logs: logs.collect(),
            desk: Desk {
                feed,
                roster,
                found,
                signals: Share { taken: 0, bound: settings.max_signals },
                topics: Share { taken: 0, bound: settings.max_topics },
                template: String::new(),
                name: String::new(),
            },
        }
    }

    /// Samples until the gate closes.
    pub(crate) fn run(mut self) {
        let mut last = None;
        loop {
            let now = now();
            let elapsed = last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
            last = Some(now);
            self.round(elapsed);
            if !self.desk.feed.rest(self.period.saturating_sub(now.elapsed())) {
                return;
            }
        }
    }

    fn round(&mut self, elapsed: Duration) {
        let Self { sampler, logs, desk, .. } = self;
        desk.feed.begin();
        sampler.sample(elapsed, &mut |reading| desk.reading(reading));
        for log in logs {
            log.read(desk);
        }
        desk.feed.ring();
        for note in &self.sampler.notes()[self.noted..] {
            self.desk.found.note(note.clone());
        }
        self.noted = self.sampler.notes().len();
    }
}

impl Log {
    fn read(&mut self, desk: &mut Desk) {
        let outcome = self.follower.poll(LOG_BUDGET, &mut |piece| desk.line(piece));
        let path = self.follower.path().display();
        let trouble = match outcome {
            Err(error) => Some(format!("{path} cannot be followed now: {error}")),
            Ok(_) if !self.follower.is_open() => Some(format!("{path} is not there yet")),
            Ok(_) => None,
        };
        if let Some(trouble) = &trouble
            && !self.noted
        {
            desk.found.note(trouble.clone());
        }
        self.noted = trouble.is_some();
    }
}

impl Desk {
    fn reading(&mut self, reading: Reading<'_>) {
        let Some(value) = reading.value else { return };
        if !value.is_finite() {
            let sample = format!("{} = {value}", reading.signal);
            return self.refuse(RefusalKind::ReadingNotFinite, sample.as_bytes());
        }
        match self.signals.position(&mut self.roster, reading.signal) {
            Some(position) => self.send(position, READING_PRIORITY, &value.to_le_bytes()),
            None => self.refuse(RefusalKind::SignalLimit, reading.signal.as_bytes()),
        }
    }

    fn line(&mut self, piece: Piece<'_>) {
        let line = match piece {
            Piece::Line(line) if line.trim_ascii().is_empty() => return,
            Piece::Line(line) => line,
            Piece::TooLong(head) => return self.refuse(RefusalKind::LineTooLong, head),
        };
        let Ok(text) = std::str::from_utf8(line) else {
            return self.refuse(RefusalKind::InvalidUtf8, line);
        };
        let record = read_text(text, &mut self.template);
        self.name.clear();
        self.name.extend([LOG_PREFIX, &record.topic]);
        let payload = record.payload;
        let position = self.topics.position(&mut self.roster, &self.name).or_else(|| {
            self.found.refusals.count(RefusalKind::TopicLimit, self.name.as_bytes());
            self.roster.enrol(&format!("{LOG_PREFIX}{OTHER}"))
        });
        let Some(position) = position else {
            return self.refuse(RefusalKind::TopicRefused, line);
        };
        let mut room = [0; LINE_PAYLOAD_MAX];
        self.send(position, payload.severity.priority(), payload.encode(&mut room));
    }

    fn send(&mut self, position: NeuronId, priority: u8, payload: &[u8]) {
        // What the machine says is heard at once, so its time is never looked at.
        let entry = Entry { position, priority, time_ns: 0, shared: true, payload };
        if !self.feed.send_or_drop(&entry) {
            self.refuse(RefusalKind::RingFull, payload);
        }
    }

    fn refuse(&self, kind: RefusalKind, sample: &[u8]) {
        self.found.refusals.count(kind, sample);
    }
}

impl Share {
    fn position(&mut self, roster: &mut RosterWriter, name: &str) -> Option<NeuronId> {
        if let Some(position) = roster.known(name) {
            return Some(position);
        }
        if self.taken == self.bound {
            return None;
        }
        self.taken += 1;
        roster.enrol(name)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "rates are of the machine's time, on the gate's own thread"
)]
fn now() -> Instant {
    Instant::now()
}
