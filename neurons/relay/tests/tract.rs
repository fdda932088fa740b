//! Two cortexes, joined by a tract.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use neuronbus::context::Firing;
use neuronbus::inlet::{Inlet, InletGate};
use neuronbus::neuron::FireWith;
use neuronbus::prelude::*;
use neuronbus::transport::local;
use neuronbus_relay::{Backend, Carrier, Role, TcpSettings, TcpTransport, TractSettings, tract};

/// What one neuron heard: from whom, kind, priority, payload.
type Heard = (String, SpikeKind, u8, Vec<u8>);

/// Writes down what it hears, with the address of who fired it.
struct Listener(Sender<Heard>);

impl Neuron for Listener {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let from = ctx.atlas().address(spike.source()?);
        self.0.send((from, spike.kind()?, spike.priority(), payload.to_vec()))?;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// Fires one spike of each kind when it is driven.
fn speaker(name: &'static str, large: usize) -> impl Neuron {
    FireWith(move |ctx: &mut Context<'_>| {
        let payload = vec![name.as_bytes()[0]; large];
        let kinds = [SpikeKind::Excitatory, SpikeKind::Inhibitory, SpikeKind::Modulatory];
        for (priority, kind) in (40..).zip(kinds) {
            ctx.send(Firing { kind, priority, payload: &payload, ..Firing::default() })?;
        }
        Ok(())
    })
}

/// A cortex with two speakers whose spikes leave, and its inlet.
fn speaking(carrier: impl Into<Carrier>) -> (Inlet, Cortex) {
    let (inlet, gate): (Inlet, InletGate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("in", gate));
    let region = Region::agents("mouth").membrane(Lif::default().threshold(0.5));
    let region = region.neuron("ann", speaker("ann", 3)).neuron("bob", speaker("bob", 5000));
    let mouth = builder.region(region);
    builder.project(door, mouth, Projection::all_to_all().weight(1.0));
    let settings = TractSettings { receives: false, ..TractSettings::default() };
    let bridge = tract(&mut builder, "tract/there", carrier, settings);
    builder.project(mouth, bridge.door, Projection::all_to_all().delay(Ticks(3)));
    (inlet, builder.build().unwrap())
}

/// A cortex that listens to everybody over there.
fn listening(carrier: impl Into<Carrier>, delay: Ticks) -> (Receiver<Heard>, Cortex) {
    let (said, heard) = channel();
    let mut builder = Cortex::builder();
    let bridge = tract(&mut builder, "tract/here", carrier, TractSettings::default());
    let ear = builder.region(Region::agents("ear").neuron("one", Listener(said)));
    builder.project(bridge.origins, ear, Projection::all_to_all().delay(delay));
    (heard, builder.build().unwrap())
}

fn expected(name: &str, letter: u8, large: usize) -> Vec<Heard> {
    let kinds = [SpikeKind::Excitatory, SpikeKind::Inhibitory, SpikeKind::Modulatory];
    let heard = |(priority, kind)| {
        (format!("tract/here:mouth:{name}"), kind, priority, vec![letter; large])
    };
    (40..).zip(kinds).map(heard).collect()
}

fn talk(here: impl Into<Carrier>, there: impl Into<Carrier>) {
    let (mut inlet, speaking) = speaking(here);
    let (heard, listening) = listening(there, Ticks(2));
    let (speaking, listening) = (speaking.spawn().unwrap(), listening.spawn().unwrap());
    inlet.fire(SpikeKind::Excitatory, 0, b"").unwrap();
    drop(inlet);
    let mut all: Vec<Heard> =
        (0..6).map(|_| heard.recv_timeout(Duration::from_secs(20)).unwrap()).collect();
    all.sort();
    let mut wanted = [expected("ann", b'a', 3), expected("bob", b'b', 5000)].concat();
    wanted.sort();
    assert_eq!(all, wanted);
    speaking.stop();
    let (mut speaking, _) = speaking.join().unwrap();
    speaking.close();
    let report = speaking.report();
    assert!(report.gates.iter().all(|gate| gate.account.refused.is_empty()), "{report:#?}");
    listening.stop();
    listening.join().unwrap();
}

#[test]
fn what_is_fired_here_is_heard_there_whole_and_by_name_over_a_local_pair() {
    let (here, there) = local::pair(1024);
    talk(here, there);
}

#[test]
fn what_is_fired_here_is_heard_there_whole_and_by_name_over_tcp() {
    let settings = TcpSettings { backend: Backend::Mio, ..TcpSettings::default() };
    let here = TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings.clone()).unwrap();
    let address = here.local_address().unwrap().to_string();
    talk(here, Carrier::tcp(Role::Connect(address), settings));
}

#[test]
fn the_delay_of_a_tract_is_that_of_its_projections() {
    let (here, mut there) = local::pair(16);
    let (heard, mut cortex) = listening(here, Ticks(7));
    cortex.run_for(Ticks(10)).unwrap();
    let spike = Spike::new(NeuronId::new(3).unwrap(), SpikeKind::Excitatory);
    neuronbus::transport::Transport::send(&mut there, &spike, b"").unwrap();
    // Admitted in the first tick, fired in it by the origin, heard seven ticks later.
    cortex.run_for(Ticks(7)).unwrap();
    assert!(heard.try_recv().is_err());
    cortex.run_for(Ticks(1)).unwrap();
    assert_eq!(heard.try_recv().unwrap().0, "tract/here:source-3", "nobody introduced it");
}
