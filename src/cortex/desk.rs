//! Admitting: what gates hand in becomes input of the worker.

use super::worker::{Admitted, Body, Worker};
use crate::admission::Desk;
use crate::context::Firing;
use crate::flight;
use crate::gate::AdmitError;
use crate::id::{NeuronId, RegionId};
use crate::pace::Stamp;
use crate::spike::{Cells, Header, NO_CELL, Spike, SpikeKind};
use crate::time::{Tick, TickLength};

/// The worker at the moment of admission, and when its input was handed over.
pub(crate) struct Reception<'a> {
    pub(crate) worker: &'a mut Worker,
    pub(crate) stamps: &'a mut Vec<Stamp>,
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
        let worker = &mut *self.worker;
        match worker.cells.get(target.index()).map(|cell| &cell.body) {
            None | Some(Body::Gate(_) | Body::Population(_)) => {
                return Err(AdmitError::NoSuchNeuron(target));
            }
            Some(&Body::Crowd(crowd)) => {
                if let Some(cell) = cell.filter(|&cell| cell >= worker.crowds.cells_of(crowd)) {
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
        let sequence = &mut worker.cells[gate.index()].sequence;
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
        worker.admitted.push(Admitted { spike, target, drive });
        *sequence = sequence.wrapping_add(1);
        worker.counts.admitted += 1;
        Ok(())
    }

    fn fire(
        &mut self,
        gate: NeuronId,
        kind: SpikeKind,
        priority: u8,
        payload: &[u8],
    ) -> Result<(), AdmitError> {
        let worker = &mut *self.worker;
        let sequence = &mut worker.cells[gate.index()].sequence;
        let firing = Firing { kind, priority, payload, ..Firing::default() };
        worker.services.send((gate, NO_CELL), sequence, firing)?;
        worker.counts.admitted += 1;
        Ok(())
    }

    fn sprout(&mut self, region: RegionId, name: &str) -> Result<NeuronId, AdmitError> {
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
        let (neuron, membrane) = ((template.make)(name), template.membrane);
        Ok(worker.sprout(region, name, neuron, membrane)?)
    }

    fn stamp(&mut self, stamp: Stamp) {
        if self.stamps.len() < STAMPS_KEPT {
            self.stamps.push(stamp);
        }
    }
}
