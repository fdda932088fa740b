//! The cortex's side of the doors.

use crate::arena::ArenaError;
use crate::axon::{AxonFull, AxonHub, Doorbell, Overflow};
use crate::gate::{Admissions, Gate, GateAccount, GateError, GateLink, Outbound, Outlook, Refusal};
use crate::pace::Stamp;
use crate::spike::SpikeKind;
use crate::sync::Arc;

use super::carriage::{Arrived, Incoming, Outgoing, Unsent};
use super::table::Table;

/// What a gate would not let through.
#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    first: Option<String>,
}

impl Refusals {
    fn note(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(what);
    }

    fn account(&self, kind: &str) -> Vec<Refusal> {
        let (kind, count) = (kind.to_owned(), self.count);
        self.first
            .iter()
            .map(|first| Refusal { kind: kind.clone(), count, sample: first.clone() })
            .collect()
    }
}

/// Lanes that a spinning cortex looks at; the producers of others, of which there are many then, are heard by the bell.
const LANES_LOOKED_AT: usize = 8;

/// Admits what other processes send.
#[derive(Debug)]
pub(super) struct SensoryGate {
    path: String,
    lanes: Vec<(Option<Incoming>, AxonHub)>,
    table: Arc<Table>,
    bell: Option<Arc<Doorbell>>,
    payload: Vec<u8>,
    refusals: Refusals,
}

impl SensoryGate {
    pub(super) fn new(path: String, lanes: Vec<(Incoming, AxonHub)>, table: Arc<Table>) -> Self {
        let lanes = lanes.into_iter().map(|(incoming, hub)| (Some(incoming), hub)).collect();
        let (payload, refusals) = (Vec::new(), Refusals::default());
        Self { path, lanes, table, bell: None, payload, refusals }
    }
}

/// What became of the first spike of a lane.
enum Step {
    /// It was admitted or refused: the next one.
    On,
    /// It stays where it is: there is no room for it now.
    Wait,
    /// There is none.
    End,
}

fn admit_one(
    incoming: &mut Incoming,
    payload: &mut Vec<u8>,
    refusals: &mut Refusals,
    inbound: &mut Admissions<'_>,
) -> Step {
    match incoming.front(payload) {
        Arrived::Nothing => return Step::End,
        Arrived::Refused => refusals.note(|| "no spike".to_owned()),
        Arrived::Torn(spike) => {
            refusals.note(|| format!("{:?}: no such payload", spike.arena_ref()))
        }
        Arrived::Spike(spike) => {
            inbound.stamp(Stamp::from_raw(spike.time_ns()));
            let kind = spike.kind().unwrap_or(SpikeKind::Excitatory);
            match inbound.fire(kind, spike.priority(), payload) {
                Ok(()) => {}
                Err(error) if error.may_pass() => return Step::Wait,
                Err(error) => refusals.note(|| error.to_string()),
            }
        }
    }
    incoming.pass();
    Step::On
}

impl Gate for SensoryGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.bell = Some(link.doorbell);
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let before = self.refusals.count;
        let mut more = false;
        for (incoming, hub) in &mut self.lanes {
            let Some(incoming) = incoming else { continue };
            if hub.is_cut_short() || incoming.is_cut_short() {
                return Err(GateError::new(&self.path, "its file was cut short by somebody"));
            }
            more = true;
            // bound: a ring's worth in a tick, however fast the producer is
            for _ in 0..hub.capacity() {
                match admit_one(incoming, &mut self.payload, &mut self.refusals, inbound) {
                    Step::On => {}
                    Step::Wait => break,
                    Step::End => {
                        more = false;
                        break;
                    }
                }
            }
        }
        if self.refusals.count != before {
            self.table.add_refused(self.refusals.count - before);
        }
        if more && let Some(bell) = &self.bell {
            bell.ring();
        }
        Ok(Outlook::Open)
    }

    fn is_ready(&self) -> bool {
        let lanes =
            self.lanes.iter().take(LANES_LOOKED_AT).filter_map(|(incoming, _)| incoming.as_ref());
        lanes.into_iter().any(|incoming| incoming.reader().is_ready())
    }

    /// What was not admitted stays for the next cortex.
    fn close(&mut self) {
        for (incoming, _) in &mut self.lanes {
            if let Some(incoming) = incoming.take() {
                incoming.leave();
            }
        }
    }

    fn account(&self) -> GateAccount {
        GateAccount {
            axons: self.lanes.iter().map(|(_, hub)| hub.account()).collect(),
            refused: self.refusals.account("malformed"),
            notes: Vec::new(),
        }
    }
}

impl Drop for SensoryGate {
    /// A cortex that never ran closes no gate, and its place must stay held all the same.
    fn drop(&mut self) {
        self.close();
    }
}

/// Emits to other processes.
#[derive(Debug)]
pub(super) struct MotorGate {
    path: String,
    outgoing: Option<Outgoing>,
    hub: AxonHub,
    refusals: Refusals,
}

impl MotorGate {
    pub(super) fn new(path: String, outgoing: Outgoing, hub: AxonHub) -> Self {
        Self { path, outgoing: Some(outgoing), hub, refusals: Refusals::default() }
    }
}

/// Sends what the gate was given: as it is, or with its payload in the arena that goes with the ring.
fn send(outgoing: &mut Outgoing, one: &Outbound<'_>) -> Result<(), Unsent> {
    let sent = if one.spike.arena_ref().is_none() {
        outgoing.pass_on(&one.spike, Overflow::Defer).map_err(|AxonFull| Unsent::Full)
    } else {
        outgoing.send(one.spike, one.payload, Overflow::Defer)
    };
    sent.map(|_| ())
}

impl Gate for MotorGate {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        if self.hub.is_cut_short() {
            return Err(GateError::new(&self.path, "its file was cut short by somebody"));
        }
        let Some(outgoing) = &mut self.outgoing else { return Ok(0) };
        let mut taken = 0;
        for one in outbound {
            match send(outgoing, one) {
                Ok(()) => {}
                Err(Unsent::Full | Unsent::Arena(ArenaError::Full { .. })) => break,
                Err(Unsent::Arena(error)) => self.refusals.note(|| error.to_string()),
            }
            taken += 1;
        }
        outgoing.axon().ring();
        Ok(taken)
    }

    fn close(&mut self) {
        // Its readers go on with what is in the ring; the next cortex goes on writing it.
        self.outgoing = None;
    }

    fn account(&self) -> GateAccount {
        GateAccount {
            axons: vec![self.hub.account()],
            refused: self.refusals.account("payload"),
            notes: Vec::new(),
        }
    }
}
