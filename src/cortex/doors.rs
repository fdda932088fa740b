//! Doors for other processes: how a cortex and its brain directory are put together.

use std::sync::Arc;

use super::{Cortex, Door};
use crate::admission::Admissions;
use crate::axon::Axon;
use crate::brain::{self, BrainError, Directory, Host, Trace};
use crate::gate::{Gate, GateError, GateLink, Outlook};
use crate::region::Region;

/// What stands at a door until the directory is made, which is when nothing else is wrong. Without a directory a
/// topology can be looked at, but not run.
struct Unmade(String);

impl Gate for Unmade {
    fn open(&mut self, _: GateLink) -> Result<(), GateError> {
        let why = "it is open to other processes, but the cortex has no brain directory";
        Err(GateError::new(&self.0, why))
    }

    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }
}

/// The directory, if there is one, and where each worker shows its spikes, if anywhere.
type Shown = (Option<Arc<Host>>, Vec<Option<Trace>>);

/// What a directory must have for a topology.
#[derive(Debug, Default)]
pub(super) struct DoorPlan {
    regions: Vec<String>,
    doors: Vec<(usize, brain::Door)>,
}

impl DoorPlan {
    /// Notes the doors of a description, and puts something in their places.
    pub(super) fn of(regions: &mut [Region]) -> Self {
        let mut plan = Self::default();
        for (number, region) in regions.iter_mut().enumerate() {
            plan.regions.push(region.path.clone());
            if let Some(door) = region.door {
                plan.doors.push((number, door));
                region.gate = Some(Box::new(Unmade(region.path.clone())));
            }
        }
        plan
    }

    /// Makes the directory, or takes it over, and opens the doors; what is fired is shown there, or on the axons.
    pub(super) fn establish(
        self,
        directory: Option<Directory>,
        doors: &mut [Door],
        axons: Vec<Option<Axon>>,
    ) -> Result<Shown, BrainError> {
        let Some(directory) = directory else {
            let traces = axons.into_iter().map(|axon| axon.map(Trace::Private));
            return Ok((None, traces.collect()));
        };
        let host = Arc::new(Host::establish(directory, &self.regions, &self.doors, axons.len())?);
        for (number, (region, _)) in self.doors.iter().enumerate() {
            let path = &self.regions[*region];
            if let Some(door) = doors.iter_mut().find(|door| door.path == *path) {
                door.gate = host.gate(number)?;
            }
        }
        let traces: Result<Vec<_>, _> =
            (0..axons.len()).map(|worker| host.trace(worker).map(Some)).collect();
        Ok((Some(host), traces?))
    }
}

impl Cortex {
    /// Tells the directory how it goes, and where neurons belong that were added.
    pub(super) fn tell_host(&mut self, now: u64) {
        let Some(host) = &self.host else { return };
        let atlas = &self.worker.atlas;
        for id in atlas.neurons().skip(self.placed) {
            if let Some(region) = atlas.region_of(id) {
                host.place(id.raw(), region.raw());
            }
            self.placed += 1;
        }
        let admitted = self.worker.counts.admitted;
        let [fired, delivered, firings] = match self.has_others() {
            true => self.counted_freely().unwrap_or_else(|| self.together.counted()),
            false => self.worker.counted(),
        };
        host.tell([now, admitted, fired, delivered, firings]);
    }
}
