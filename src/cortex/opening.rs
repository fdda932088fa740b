//! Opening and closing: a run begins at the beginning, or where its journal ends, and leaves nothing half done.

use super::Cortex;
use super::recovery::Recovered;
use super::run::RunError;
use crate::gate::{GateLink, Outlook};
use crate::pace::{Pace, Stamp};

impl Cortex {
    /// Starts the neurons, takes the run up from the journal, and opens the gates: once.
    pub(super) fn open(&mut self) -> Result<(), RunError> {
        if self.closed {
            return Err(RunError::Closed);
        }
        if self.opened {
            return Ok(());
        }
        // What a journal holds is computed before anything new can come; without one, a gate that cannot be opened
        // leaves nothing started.
        if self.recorder.is_some() {
            self.start_neurons()?;
        }
        let pasts = match self.recover() {
            Ok(pasts) => pasts,
            Err(error) => {
                self.closed = true;
                return Err(RunError::Recovery(Box::new(error)));
            }
        };
        if let Some(host) = &self.host {
            host.open()?;
        }
        for index in 0..self.doors.len() {
            let link = GateLink {
                id: self.doors[index].id,
                doorbell: self.doorbell.clone(),
                arena: self.worker.services.arena.clone(),
                tick_length: self.tick_length(),
                atlas: self.worker.atlas.clone(),
            };
            let gate = &mut self.doors[index].gate;
            let resumed = pasts.get(index).map_or(Ok(()), |past| gate.resume(past));
            if let Err(error) = resumed.and_then(|()| gate.open(link)) {
                self.doors[..index].iter_mut().for_each(|door| door.gate.close());
                self.closed = true;
                return Err(error.into());
            }
        }
        self.start_neurons()?;
        self.opened = true;
        Ok(())
    }

    /// Lets the neurons look around before their first tick, once.
    pub(super) fn start_neurons(&mut self) -> Result<(), RunError> {
        if self.closed {
            return Err(RunError::Closed);
        }
        if !std::mem::replace(&mut self.started, true) {
            let neurons: Vec<_> = self.worker.atlas.neurons().collect();
            for worker in self.workers_mut() {
                neurons.iter().for_each(|&id| worker.start_neuron(id));
            }
        }
        Ok(())
    }

    /// What was taken up from the journal when the run began; `None` without a journal, or before it began.
    #[must_use]
    pub fn recovered(&self) -> Option<&Recovered> {
        self.recovered.as_ref()
    }

    fn drain_until(&mut self, last: u64) -> Result<(), RunError> {
        self.plot_course(last + 1, Pace::Free);
        self.set_off()?;
        if self.is_free() {
            return self.drain_freely(last + 1);
        }
        while let Some(due) = self.next_due().filter(|&due| due <= last) {
            let began = Stamp::now();
            self.worker.begin(due);
            self.compute(due, Some(began))?;
        }
        self.come_together()
    }

    /// Lets spikes that are under way arrive where there are gates, and closes these. Nothing more is admitted.
    pub fn close(&mut self) {
        if self.closed {
            return;
        }
        self.closed = true;
        if !self.opened {
            return;
        }
        for door in &mut self.doors {
            door.outlook = Outlook::Ended;
        }
        // A cycle never comes to rest: one longest delay is enough for all that was fired before.
        let longest = self.workers().map(|worker| worker.longest_delay().0).max();
        let last = self.next.saturating_add(longest.unwrap_or(1));
        // Without a gate nobody waits for what is under way, and the run ends with the tick that it was to end with. A
        // worker that fell has closed the gates, and has been told of; here is nobody to tell.
        if !self.doors.is_empty() && self.drain_until(last).is_err() {
            return;
        }
        // What waits at the gates is state that goes on with the journal, and is lost without one.
        self.end_journal();
        for (door, outlet) in self.doors.iter_mut().zip(&mut self.worker.outlets) {
            door.abandoned += outlet.held.len() as u64;
            for (flight, _) in outlet.held.drain(..) {
                self.worker.services.flights.land(flight, &self.worker.services.arena);
            }
            door.gate.close();
        }
        if let Some(host) = &self.host {
            host.close();
        }
    }
}
