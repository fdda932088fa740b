//! What stands at each id: agents with their state, membranes, evidence.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::SnapshotError;
use crate::cortex::worker::{Body, Worker};
use crate::evidence::{EvidenceColumns, EvidenceRead};
use crate::id::NeuronId;
use crate::membrane::SomaColumns;
use crate::neuron;
use crate::state::{Section, StateError, StateWriter, Texts, TextsColumn};

const AGENT: u8 = 0;
const GATE: u8 = 1;
const POPULATION: u8 = 2;
const CROWD: u8 = 3;
const SILENCED: u8 = 4;

fn kind_of(body: &Body) -> u8 {
    match body {
        Body::Agent(_) => AGENT,
        Body::Gate(_) => GATE,
        Body::Population(_) => POPULATION,
        Body::Crowd(_) | Body::CrowdElsewhere => CROWD,
        Body::Silenced | Body::Elsewhere => SILENCED,
    }
}

/// Writes what stands at each id; `workers` says where each is at home.
pub(super) fn save(
    homes: &[(NeuronId, &Worker)],
    out: &mut StateWriter<'_>,
) -> Result<(), SnapshotError> {
    let (mut kinds, mut states) = (Vec::new(), Texts::default());
    let (mut somas, mut evidence) = (SomaColumns::default(), EvidenceColumns::default());
    for &(id, worker) in homes {
        let cell = &worker.cells[id.index()];
        kinds.push(kind_of(&cell.body));
        somas.push(&cell.soma);
        evidence.push(worker.evidence_of(id));
        if let Body::Agent(agent) = &cell.body {
            neuron::save(agent.as_ref(), &mut states.bytes).map_err(|fault| {
                let neuron = worker.atlas.address(id);
                SnapshotError::Neuron { neuron, reason: fault.message().to_owned() }
            })?;
        }
        states.seal();
    }
    out.section("neurons")?;
    out.column("kind", &kinds)?;
    states.write("state", out)?;
    somas.write(out)?;
    Ok(evidence.write(out)?)
}

/// What stands at each id, as it was read.
pub(super) struct Neurons<'a> {
    kinds: Vec<u8>,
    states: TextsColumn<'a>,
    somas: SomaColumns,
    evidence: EvidenceRead<'a>,
}

impl<'a> Neurons<'a> {
    pub(super) fn read(section: &Section<'a>, neurons: usize) -> Result<Self, StateError> {
        Ok(Self {
            kinds: section.values("kind", neurons)?,
            states: TextsColumn::read(section, "state", neurons)?,
            somas: SomaColumns::read(section, neurons)?,
            evidence: EvidenceRead::read(section, neurons)?,
        })
    }

    /// Gives what belongs to one id to the worker where it is at home.
    pub(super) fn give(
        &self,
        section: &Section<'_>,
        id: NeuronId,
        worker: &mut Worker,
    ) -> Result<(), SnapshotError> {
        let (index, address) = (id.index(), || worker.atlas.address(id));
        let (kind, cell) = (self.kinds[index], &mut worker.cells[index]);
        match (kind, &mut cell.body) {
            (AGENT, Body::Agent(agent)) => {
                let restored = neuron::restore(agent.as_mut(), self.states.get(index));
                restored.map_err(|fault| {
                    let reason = fault.message().to_owned();
                    SnapshotError::Neuron { neuron: address(), reason }
                })?;
            }
            (SILENCED, Body::Agent(_)) => {
                let body = std::mem::replace(&mut cell.body, Body::Silenced);
                // Its drop is foreign code.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(body)));
            }
            (_, body) if kind_of(body) == kind => {}
            (_, body) => {
                let expected = "something else stands at this id";
                let found = format!("{kind} (here {})", kind_of(body));
                return Err(section.refuse("kind", index, found, expected).into());
            }
        }
        worker.cells[index].soma = self.somas.get(index);
        let ring = worker.evidence.get_mut(index).and_then(Option::as_deref_mut);
        if !self.evidence.give(index, ring) {
            let expected = "the neuron keeps fewer spikes";
            return Err(section.refuse("evidence.kept", index, "that", expected).into());
        }
        Ok(())
    }
}
