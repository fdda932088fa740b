//! Gates that answer what they are handed are asked again before time passes, also when they had ended.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::{Arc, Mutex};

use neuronbus::axon::Doorbell;
use neuronbus::gate::{Admissions, Gate, GateError, GateLink, Outbound, Outlook};
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Answers each spike to its sender, so many ticks later.
struct Echo {
    after: u64,
    due: Vec<(Tick, NeuronId)>,
    bell: Option<Arc<Doorbell>>,
}

impl Gate for Echo {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.bell = Some(link.doorbell);
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let now = inbound.tick();
        for (_, to) in self.due.extract_if(.., |(tick, _)| *tick <= now) {
            inbound.tell(to, SpikeKind::Excitatory, 0, b"answer").unwrap();
        }
        Ok(self.due.first().map_or(Outlook::Ended, |(tick, _)| Outlook::At(*tick)))
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        let answer =
            |out: &Outbound<'_>| (Tick(out.tick.0 + self.after), out.spike.source().unwrap());
        self.due.extend(outbound.iter().map(answer));
        self.bell.as_ref().unwrap().ring();
        Ok(outbound.len())
    }

    fn answers(&self) -> bool {
        true
    }
}

type Heard = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

/// Passes on what it hears first, and writes down everything.
struct Asker(Heard);

impl Neuron for Asker {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.0.lock().unwrap().push((ctx.tick().0, payload.to_vec()));
        if payload == b"ask" {
            ctx.fire(payload)?;
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

fn heard(pace: Pace, workers: usize, run: impl FnOnce(&mut Cortex, Inlet)) -> Vec<(u64, Vec<u8>)> {
    let heard = Heard::default();
    let mut builder = Cortex::builder();
    let (inlet, door) = Inlet::gate(16).unwrap();
    let door = builder.region(Region::gated("door", door));
    let asker = Asker(heard.clone());
    let agent = builder.region(Region::agents("agent").worker(workers - 1).neuron("asker", asker));
    let sleeper = builder.region(Region::agents("sleeper").neuron("late", Relay::default()));
    let echo =
        builder.region(Region::gated("echo", Echo { after: 5, due: Vec::new(), bell: None }));
    builder.project(door, agent, Projection::all_to_all().weight(0.1));
    builder.project(agent, echo, Projection::all_to_all());
    // Something that is due much later, to which time would jump.
    builder.project(door, sleeper, Projection::all_to_all().delay(Ticks(500)));
    builder.pace(pace).workers(workers);
    let mut cortex = builder.build().unwrap();
    run(&mut cortex, inlet);
    let heard = heard.lock().unwrap();
    heard.clone()
}

#[test]
fn an_answer_comes_in_its_tick_whatever_else_is_due() {
    for workers in [1, 2] {
        let heard = heard(Pace::Free, workers, |cortex, mut inlet| {
            inlet.fire(SpikeKind::Excitatory, 0, b"ask").unwrap();
            cortex.run_for(Ticks(1000)).unwrap();
        });
        // Heard in tick 1, at the gate in tick 2, answered 5 later.
        assert_eq!(heard, [(1, b"ask".to_vec()), (7, b"answer".to_vec())], "{workers} workers");
    }
}

#[test]
fn a_run_on_demand_wakes_for_an_answer() {
    let heard = heard(Pace::OnDemand, 1, |cortex, mut inlet| {
        inlet.fire(SpikeKind::Excitatory, 0, b"ask").unwrap();
        cortex.run_for(Ticks(300)).unwrap();
    });
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1].1, b"answer");
}
