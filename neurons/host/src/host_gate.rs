//! The door to this machine: samples on a thread of its own, and hands each reading to its sense.
//!
//! A reading drives nothing; its neuron decides. A line of a followed log drives its topic like any line. When the
//! cortex falls a whole ring behind, the newest readings are dropped and counted: old news of a machine is worth
//! nothing.

use std::sync::Arc;
use std::thread::JoinHandle;

use neuronbus::gate::{Admissions, Gate, GateAccount, GateError, GateLink, Outlook};
use neuronbus::id::RegionId;
use neuronbus::spike::Spike;

use crate::feed::{Feed, FeedReader, Next, feed};
use crate::host::HostSettings;
use crate::refusals::RefusalKind;
use crate::roster::{ROSTER_MAX, RosterReader, roster};
use crate::sense::READING_BYTES;
use crate::watch::{Found, Watch};

/// Samples this machine and drives the neurons of its signals.
#[derive(Debug)]
pub struct HostGate {
    path: String,
    region: RegionId,
    settings: HostSettings,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    feed: FeedReader,
    roster: RosterReader,
    found: Arc<Found>,
    thread: Option<JoinHandle<()>>,
}

impl HostGate {
    /// A gate at `path` for the signals of `region`, which must have a template.
    #[must_use]
    pub fn new(path: &str, region: RegionId, settings: HostSettings) -> Self {
        Self { path: path.to_owned(), region, settings, running: None }
    }

    fn error(&self, message: impl Into<String>) -> GateError {
        GateError::new(&self.path, message)
    }
}

impl Gate for HostGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        let settings = &self.settings;
        settings.check().map_err(|error| self.error(error.to_string()))?;
        let (writer, reader) = feed(settings.slots, link.id, &link.doorbell)
            .map_err(|error| self.error(error.to_string()))?;
        let (names, roster) = roster(self.region, ROSTER_MAX);
        let found = Arc::new(Found::default());
        let watch = Watch::new(settings, writer, names, Arc::clone(&found));
        let thread = std::thread::Builder::new()
            .name("senses".to_owned())
            .spawn(move || watch.run())
            .map_err(|error| self.error(format!("no thread to sample on: {error}")))?;
        let thread = Some(thread);
        self.running = Some(Running { feed: reader, roster, found, thread });
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
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, String> {
        loop {
            match self.feed.next() {
                Next::Here(spike, stamp) => {
                    if let Some(stamp) = stamp {
                        inbound.stamp(stamp);
                    }
                    self.admit_one(&spike, inbound);
                }
                Next::Empty => return Ok(Outlook::Open),
                Next::Ended(Ok(())) => return Ok(Outlook::Ended),
                Next::Ended(Err(reason)) => return Err(reason),
            }
        }
    }

    fn admit_one(&mut self, spike: &Spike, inbound: &mut Admissions<'_>) {
        let Some(position) = spike.target() else { return };
        let payload = spike.inline();
        // A line's payload is one byte and nines of bytes, never eight.
        let drive = if payload.len() == READING_BYTES { 0.0 } else { 1.0 };
        let refused = match self.roster.resolve(position, inbound) {
            Ok(Some(neuron)) => {
                let driven = inbound.drive(neuron, drive, spike.priority(), payload);
                driven.err().map(|error| error.to_string())
            }
            Ok(None) => Some("its signal was refused before".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = refused {
            self.found.refusals.count(RefusalKind::SignalLimit, reason.as_bytes());
        }
    }

    fn account(&self) -> GateAccount {
        GateAccount {
            axons: vec![self.feed.account()],
            refused: self.found.refusals.list(),
            notes: self.found.notes(),
        }
    }
}
