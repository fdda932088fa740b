//! Admitting: what gates hand in becomes input of the worker.

use super::recording::Recorder;
use super::worker::{Admitted, Body, Worker};
use super::workers::{Mail, Port};
use crate::admission::Desk;
use crate::context::Firing;
use crate::flight;
use crate::gate::AdmitError;
use crate::id::{NeuronId, RegionId};
use crate::pace::Stamp;
use crate::recorded::Recorded;
use crate::spike::{Cells, Header, NO_CELL, Spike, SpikeKind};
use crate::time::{Tick, TickLength};

/// The first worker at the moment of admission, the way to the others, and when the input was handed over.
pub(super) struct Reception<'a> {
    pub(super) worker: &'a mut Worker,
    pub(super) port: Option<&'a Port>,
    pub(super) stamps: &'a mut Vec<Stamp>,
    /// Whether something was admitted for other workers.
    pub(super) elsewhere: &'a mut bool,
    /// Who writes down what enters.
    pub(super) recorder: Option<&'a mut Recorder>,
}

impl Reception<'_> {
    /// Whether what is about to enter can be written down.
    #[inline]
    fn make_room(&mut self, bytes: usize) -> Result<(), AdmitError> {
        match &mut self.recorder {
            Some(recorder) => Ok(recorder.makes_room(bytes)?),
            None => Ok(()),
        }
    }

    #[inline]
    fn record(&mut self, gate: NeuronId, recorded: &Recorded<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(self.worker.services.now, gate.raw().into(), recorded);
        }
    }
}

/// Stamps kept of one tick; a burst is measured by its first spikes.
const STAMPS_KEPT: usize = 64;

impl Desk for Reception<'_> {
    fn tick(&self) -> Tick {
        Tick(self.worker.services.now)
    }

    fn tick_length(&self) -> TickLength {
        self.worker.services.tick_length
    }

    fn drive(
        &mut self,
        gate: NeuronId,
        (target, cell): (NeuronId, Option<u32>),
        drive: f32,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError> {
        let worker = &*self.worker;
        match worker.cells.get(target.index()).map(|cell| &cell.body) {
            None | Some(Body::Gate(_) | Body::Population(_)) => {
                return Err(AdmitError::NoSuchNeuron(target));
            }
            Some(Body::Crowd(_) | Body::CrowdElsewhere) => {
                if let Some(cell) = cell.filter(|&cell| cell >= worker.atlas.cells(target)) {
                    return Err(AdmitError::NoSuchCell { target, cell });
                }
            }
            Some(_) => {
                if let Some(cell) = cell {
                    return Err(AdmitError::NoSuchCell { target, cell });
                }
            }
        }
        if !drive.is_finite() {
            return Err(AdmitError::Drive(drive));
        }
        self.make_room(payload.len())?;
        let worker = &mut *self.worker;
        let sequence = &mut worker.cells[gate.index()].soma.sequence;
        let header = Header {
            time_ns: worker.services.tick_length.start_ns(Tick(worker.services.now)),
            sequence: *sequence,
            source: gate,
            target: target.raw(),
            kind,
            priority,
        };
        let cells = cell.map(|to| Cells { from: NO_CELL, to });
        let mut spike = Spike::new(gate, kind);
        flight::write(&mut spike, &header, cells, payload, &worker.services.arena)?;
        *sequence = sequence.wrapping_add(1);
        if let Some(tracer) = &mut worker.services.tracer {
            tracer.admits();
            tracer.sent(&spike, payload);
        }
        if worker.crossing.is_here(target) {
            worker.admitted.push(Admitted { spike, target, drive });
        } else {
            worker.admit_elsewhere(spike, drive);
            *self.elsewhere = true;
        }
        worker.counts.admitted += 1;
        self.record(gate, &Recorded::Drive { target, cell, drive, kind, priority, payload });
        Ok(())
    }

    fn fire(
        &mut self,
        gate: NeuronId,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError> {
        self.make_room(payload.len())?;
        let worker = &mut *self.worker;
        let sequence = &mut worker.cells[gate.index()].soma.sequence;
        let firing = Firing { kind, priority, payload, ..Firing::default() };
        if let Some(tracer) = &mut worker.services.tracer {
            tracer.admits();
        }
        worker.services.send((gate, NO_CELL), sequence, firing)?;
        worker.counts.admitted += 1;
        self.record(gate, &Recorded::Fire { kind, priority, payload });
        Ok(())
    }

    fn sprout(
        &mut self,
        gate: NeuronId,
        region: RegionId,
        name: &str,
    ) -> Result<NeuronId, AdmitError> {
        let worker = &mut *self.worker;
        if let Some(id) = worker.atlas.neuron_in(region, name) {
            return Ok(id);
        }
        let path = || worker.atlas.path(region).to_owned();
        let template = worker.regions.get(region.index()).and_then(|plan| plan.template.as_ref());
        let Some(template) = template else { return Err(AdmitError::NoTemplate(path())) };
        let bound = template.bound;
        if worker.atlas.members(region).len() >= bound {
            return Err(AdmitError::RegionFull { region: path(), bound, name: name.to_owned() });
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.makes_room(name.len())?;
        }
        let (neuron, membrane) = ((template.make)(name), template.membrane);
        let card = neuron.card();
        let home = worker.crossing.home_of_region(region);
        let mut neuron = Some(neuron);
        let own = if home == worker.crossing.index { neuron.take() } else { None };
        let id = worker.sprout(region, name, own, membrane, card.clone())?;
        if let Some(port) = self.port {
            // Others have it under the same id: they add what the first adds, in its order.
            worker.announce_mail();
            port.send_mail(|index| Mail::Sprout {
                region,
                name: name.to_owned(),
                membrane,
                card: card.clone(),
                neuron: if index == home { neuron.take() } else { None },
            });
        }
        self.record(gate, &Recorded::Sprout { region, name });
        Ok(id)
    }

    fn bookmark(&mut self, gate: NeuronId, bookmark: &[u8]) -> Result<(), AdmitError> {
        self.make_room(bookmark.len())?;
        self.record(gate, &Recorded::Bookmark(bookmark));
        Ok(())
    }

    fn stamp(&mut self, stamp: Stamp) {
        if self.stamps.len() < STAMPS_KEPT {
            self.stamps.push(stamp);
        }
    }
}
