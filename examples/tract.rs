//! Two cortexes joined over TCP: what one fires the other hears, by name, and answers.
//! ```text
//! $ cargo run --example tract
//! tract/head:sense/eye:left says ball
//! tract/body:motor/hand:right says ball caught
//! ```

use std::sync::mpsc::{Sender, channel};

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_relay::{Carrier, Role, TcpSettings, TcpTransport, TractSettings, tract};

/// Reports what it hears and from whom, and passes it on with a word of its own.
struct Witness(Sender<String>, &'static str);

impl Neuron for Witness {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let heard = std::str::from_utf8(payload)?;
        self.0.send(format!("{} says {heard}", ctx.atlas().address(spike.source()?)))?;
        ctx.fire(format!("{heard} {}", self.1).as_bytes())?;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (report, reports) = channel();
    let (settings, wired) = (TcpSettings::default(), Projection::all_to_all);
    let here = TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings.clone())?;
    let address = here.local_address().ok_or("it does not listen")?.to_string();

    let (mut light, gate) = Inlet::gate(16)?;
    let mut head = Cortex::builder();
    let door = head.region(Region::gated("light", gate));
    let eye = Region::agents("sense/eye").membrane(Lif::default().threshold(0.5));
    let eye = head.region(eye.neuron("left", Relay::default()));
    let ear = head.region(Region::agents("ear").neuron("one", Witness(report.clone(), "indeed")));
    let body = tract(&mut head, "tract/body", here, TractSettings::default());
    head.project(door, eye, wired()).project(eye, body.door, wired().delay(Ticks(3)));
    head.project(body.origins, ear, wired());

    let mut limbs = Cortex::builder();
    let there = Carrier::tcp(Role::Connect(address), settings);
    let from = tract(&mut limbs, "tract/head", there, TractSettings::default());
    let hand = Region::agents("motor/hand").neuron("right", Witness(report, "caught"));
    let hand = limbs.region(hand);
    limbs.project(from.origins, hand, wired()).project(hand, from.door, wired());

    let (_head, _limbs) = (head.build()?.spawn()?, limbs.build()?.spawn()?);
    light.fire(SpikeKind::Excitatory, 0, b"ball")?;
    reports.into_iter().take(2).for_each(|line| println!("{line}"));
    Ok(())
}
