//! The cells of one crowd: one column of agents, one of what the runtime knows of each.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::strand::Row;
use super::{Around, CellFault, CrowdError, CrowdStateError, Heard, Run, Tally};
use crate::context::Context;
use crate::evidence::EvidenceRing;
use crate::id::NeuronId;
use crate::membrane::{Membrane, Soma};
use crate::neuron::{AgentCard, Fault, Neuron, NeuronResult, snapshot_of};
use crate::spike::{Spike, SpikeKind};
use crate::state::{Section, StateWriter};
use crate::time::Tick;
use crate::touched::{Touched, Walk};

/// What a worker asks of a crowd. One call does for many cells: inside, the agent's type is known.
pub(crate) trait AnyCrowd: Send {
    fn settle(&mut self, endpoint: NeuronId);
    fn cells(&self) -> u32;
    fn tally(&self) -> Tally;
    fn card(&self) -> AgentCard;
    fn start(&mut self, around: &mut Around<'_>);
    fn hear(&mut self, around: &mut Around<'_>, row: Row<'_>, heard: &Heard<'_>);
    fn hear_run(&mut self, around: &mut Around<'_>, run: &Run<'_>);
    fn fire(&mut self, around: &mut Around<'_>);
    fn wake(&mut self, around: &mut Around<'_>, cell: u32);
    fn potential(&self, cell: u32, now: u64) -> Option<f32>;
    fn digest_into(&self, hasher: &mut blake3::Hasher);
    fn agents(&self) -> &dyn Any;
    fn endpoint(&self) -> NeuronId;
    fn forget_tally(&mut self);
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), CrowdStateError>;
    fn load(&mut self, section: &Section<'_>) -> Result<(), CrowdStateError>;
    /// The cells that cannot be saved, and why.
    fn check(&mut self) -> Vec<(u32, Fault)>;
}

/// What weights are multiplied with where a spike arrives; `None` where it leaves membranes alone.
#[inline]
fn scale_of(spike: &Spike, sign: f32) -> Option<f32> {
    match spike.kind().unwrap_or(SpikeKind::Excitatory) {
        SpikeKind::Excitatory => Some(sign * f32::from(spike.firings())),
        SpikeKind::Inhibitory => Some(-sign * f32::from(spike.firings())),
        SpikeKind::Modulatory => None,
    }
}

/// A cell that failed is never ready again.
pub(super) const SILENCED: u64 = u64::MAX;

pub(crate) struct Crowd<N> {
    endpoint: NeuronId,
    membrane: Membrane,
    pub(super) somas: Vec<Soma>,
    pub(super) agents: Vec<N>,
    /// One a cell, or none at all where no agent asked for evidence.
    pub(super) evidence: Vec<Option<Box<EvidenceRing>>>,
    touched: Touched,
    tally: Tally,
    /// A payload out of the arena.
    large: Vec<u8>,
}

impl<N: Neuron + 'static> Crowd<N> {
    /// Makes the agents, each from its number.
    pub(super) fn new(
        cells: u32,
        membrane: Membrane,
        make: &mut dyn FnMut(u32) -> N,
    ) -> Result<Self, CrowdError> {
        let (mut somas, mut agents) = (Vec::new(), Vec::new());
        let bytes = u64::from(cells) * (size_of::<Soma>() + size_of::<N>()) as u64;
        let asked = somas.try_reserve_exact(cells as usize);
        asked
            .and_then(|()| agents.try_reserve_exact(cells as usize))
            .map_err(|_| CrowdError::Memory { cells, bytes })?;
        somas.resize(cells as usize, Soma::at_rest(&membrane));
        agents.extend((0..cells).map(make));
        let ring = |agent: &N| match agent.evidence() {
            0 => None,
            bound => Some(Box::new(EvidenceRing::new(bound))),
        };
        let wanted = agents.iter().any(|agent| agent.evidence() > 0);
        let evidence = if wanted { agents.iter().map(ring).collect() } else { Vec::new() };
        let mut touched = Touched::default();
        touched.hold(cells as usize);
        let endpoint = NeuronId::new(0).expect("0 is not the broadcast address");
        let (tally, large) = (Tally::default(), Vec::new());
        Ok(Self { endpoint, membrane, somas, agents, evidence, touched, tally, large })
    }

    /// Calls an agent; a fault silences it and nobody else.
    #[inline(always)]
    fn call(
        &mut self,
        around: &mut Around<'_>,
        cell: u32,
        callback: impl FnOnce(&mut N, &mut Context<'_>) -> NeuronResult,
    ) {
        let index = cell as usize;
        let mut context = Context {
            services: around.services,
            atlas: around.atlas,
            id: self.endpoint,
            cell,
            soma: &mut self.somas[index],
            evidence: self.evidence.get(index).and_then(Option::as_deref),
            integrated: false,
        };
        let outcome = callback(&mut self.agents[index], &mut context);
        if context.integrated {
            self.touched.insert(index);
        }
        if let Err(fault) = outcome {
            self.silence(around, cell, fault);
        }
    }

    /// Walks over cells under one guard: a panic silences the cell it came from, and the walk goes on behind it.
    ///
    /// `walk` keeps its own place and says which cell it is about to call.
    #[inline(always)]
    fn guarded(
        &mut self,
        around: &mut Around<'_>,
        mut walk: impl FnMut(&mut Self, &mut Around<'_>, &mut u32),
    ) {
        let mut current = 0;
        // Unwind safe: what a callback may leave half done is its agent's own state, and the agent is silenced.
        // bound: every panic silences one cell more.
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| walk(self, around, &mut current))) {
            self.silence(around, current, Fault::of_panic(panic.as_ref()));
        }
    }

    #[cold]
    fn silence(&mut self, around: &mut Around<'_>, cell: u32, fault: Fault) {
        self.somas[cell as usize].ready = SILENCED;
        self.tally.faults += 1;
        let tick = Tick(around.services.now);
        around.faults.push(CellFault { endpoint: self.endpoint, cell, fault, tick });
    }

    #[inline(always)]
    fn hear_one(&mut self, around: &mut Around<'_>, (cell, drive): (u32, f32), heard: &Heard<'_>) {
        let now = around.services.now;
        let soma = &mut self.somas[cell as usize];
        if now < soma.ready {
            if soma.ready == SILENCED {
                self.tally.silenced += 1;
            } else {
                self.tally.refractory += 1;
            }
            return;
        }
        if drive != 0.0 {
            soma.add(drive);
            self.touched.insert(cell as usize);
        }
        if let Some(Some(ring)) = self.evidence.get_mut(cell as usize)
            && ring.keep(heard.spike, heard.payload, drive, Tick(now))
        {
            around.services.evidence_let_go += 1;
        }
        self.call(around, cell, |agent, ctx| agent.on_spike(heard.spike, heard.payload, ctx));
    }
}

impl<N: Neuron + 'static> AnyCrowd for Crowd<N> {
    fn settle(&mut self, endpoint: NeuronId) {
        self.endpoint = endpoint;
    }

    fn cells(&self) -> u32 {
        self.somas.len() as u32
    }

    fn tally(&self) -> Tally {
        self.tally
    }

    fn card(&self) -> AgentCard {
        self.agents.first().map(Neuron::card).unwrap_or_default()
    }

    fn start(&mut self, around: &mut Around<'_>) {
        let atlas = around.atlas;
        let mut cells = 0..self.cells();
        self.guarded(around, |crowd, around, current| {
            for cell in cells.by_ref() {
                *current = cell;
                crowd.call(around, cell, |agent, _| agent.on_start(atlas));
            }
        });
    }

    fn hear(&mut self, around: &mut Around<'_>, row: Row<'_>, heard: &Heard<'_>) {
        // Whether any of them is stepped is seen when they are asked.
        around.services.touched.insert(self.endpoint.index());
        let mut places = 0..row.len();
        self.guarded(around, |crowd, around, current| {
            for place in places.by_ref() {
                let (cell, weight) = row.get(place);
                *current = cell;
                let drive = heard.scale.map_or(0.0, |scale| scale * weight);
                crowd.hear_one(around, (cell, drive), heard);
            }
        });
    }

    fn hear_run(&mut self, around: &mut Around<'_>, run: &Run<'_>) {
        around.services.touched.insert(self.endpoint.index());
        let mut large = std::mem::take(&mut self.large);
        // The spike, and the place in its row, at which the walk goes on after a panic.
        let (mut next, mut place) = (0, 0);
        self.guarded(around, |crowd, around, current| {
            while let Some(&flight) = run.flights.get(next) {
                // A copy: a callback may send, and that moves the spikes under way.
                let spike = *around.services.flights.spike(flight);
                let payload = match spike.arena_ref() {
                    None => spike.carried(),
                    Some(block) => {
                        large.clear();
                        let gone = around.services.arena.read_into(block, &mut large).is_err();
                        crowd.tally.payload_gone += u64::from(gone && place == 0);
                        &large
                    }
                };
                let scale = scale_of(&spike, run.sign);
                let heard = Heard { spike: &spike, payload, scale };
                let source = spike.cell().unwrap_or(run.position);
                let row = run.strand.reached(source, spike.target(), spike.target_cell());
                let count = row.len();
                while place < count {
                    let (cell, weight) = row.get(place);
                    place += 1;
                    *current = cell;
                    let drive = scale.map_or(0.0, |scale| scale * weight);
                    crowd.hear_one(around, (cell, drive), &heard);
                }
                crowd.tally.delivered += u64::from(count);
                (next, place) = (next + 1, 0);
                if around.services.flights.land(flight, &around.services.arena) {
                    around.services.room += 1;
                }
            }
        });
        self.large = large;
    }

    fn fire(&mut self, around: &mut Around<'_>) {
        let now = around.services.now;
        let mut steps = Walk::default();
        self.guarded(around, |crowd, around, current| {
            while let Some(index) = crowd.touched.pop(&mut steps) {
                let soma = &mut crowd.somas[index];
                let silenced = soma.ready == SILENCED;
                if !soma.step(now, &crowd.membrane) {
                    continue;
                }
                // It failed on a spike of this very tick: who is silenced does not fire.
                if silenced {
                    soma.ready = SILENCED;
                    continue;
                }
                crowd.tally.firings += 1;
                *current = index as u32;
                crowd.call(around, index as u32, |agent, ctx| agent.on_fire(ctx));
                if let Some(Some(ring)) = crowd.evidence.get_mut(index) {
                    ring.clear();
                }
            }
        });
    }

    fn wake(&mut self, around: &mut Around<'_>, cell: u32) {
        if self.somas[cell as usize].ready == SILENCED {
            return;
        }
        let mut once = true;
        self.guarded(around, |crowd, around, current| {
            *current = cell;
            if std::mem::take(&mut once) {
                crowd.call(around, cell, |agent, ctx| agent.on_wake(ctx));
            }
        });
    }

    fn potential(&self, cell: u32, now: u64) -> Option<f32> {
        Some(self.somas.get(cell as usize)?.potential_at(now, &self.membrane))
    }

    fn digest_into(&self, hasher: &mut blake3::Hasher) {
        let mut bytes = Vec::new();
        for (cell, (soma, agent)) in self.somas.iter().zip(&self.agents).enumerate() {
            bytes.clear();
            if soma.ready != SILENCED {
                snapshot_of(agent, &mut bytes);
            }
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(&bytes);
            soma.digest_into(hasher);
            if let Some(Some(ring)) = self.evidence.get(cell) {
                ring.digest_into(hasher);
            }
        }
    }

    fn agents(&self) -> &dyn Any {
        &self.agents
    }

    fn endpoint(&self) -> NeuronId {
        self.endpoint
    }

    fn forget_tally(&mut self) {
        self.tally = Tally::default();
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), CrowdStateError> {
        self.save_cells(out)
    }

    fn load(&mut self, section: &Section<'_>) -> Result<(), CrowdStateError> {
        self.load_cells(section)
    }

    fn check(&mut self) -> Vec<(u32, Fault)> {
        self.check_cells()
    }
}
