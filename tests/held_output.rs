//! Output that a gate does not take: it is kept and offered again, and nobody burns a core over it.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use neuronbus::axon::Doorbell;
use neuronbus::cortex::Running;
use neuronbus::gate::{Admissions, Gate, GateError, GateLink, Outbound, Outlook};
use neuronbus::inlet::Inlet;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;

const LONG: Duration = Duration::from_secs(60);

/// What a test knows of a gate that may be shut.
#[derive(Clone, Default)]
struct Valve {
    open: Arc<AtomicBool>,
    offers: Arc<AtomicU64>,
    bell: Arc<OnceLock<Arc<Doorbell>>>,
}

struct Shutter {
    valve: Valve,
    taken: Sender<Vec<u8>>,
}

impl Gate for Shutter {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.valve.bell.get_or_init(|| link.doorbell);
        Ok(())
    }

    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Open)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        self.valve.offers.fetch_add(1, Ordering::Relaxed);
        if !self.valve.open.load(Ordering::Acquire) {
            return Ok(0);
        }
        outbound.iter().for_each(|one| self.taken.send(one.payload.to_vec()).unwrap());
        Ok(outbound.len())
    }
}

fn with_a_shut_gate() -> (Valve, Inlet, Receiver<Vec<u8>>, Running) {
    let (valve, (taken, takes)) = (Valve::default(), channel());
    let (inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("in", gate));
    let out = Shutter { valve: valve.clone(), taken };
    let out = builder.region(Region::gated("out", out));
    builder.project(door, out, Projection::all_to_all());
    builder.pace(Pace::OnDemand).tick_length(Duration::from_micros(1));
    (valve, inlet, takes, builder.build().unwrap().spawn().unwrap())
}

#[test]
fn it_is_offered_again_no_more_often_than_about_once_a_millisecond() {
    let (valve, mut inlet, _takes, running) = with_a_shut_gate();
    let began = Stamp::now();
    inlet.fire(SpikeKind::Excitatory, 0, b"kept").unwrap();
    while valve.offers.load(Ordering::Relaxed) < 30 {
        std::thread::yield_now();
    }
    let ticks = running.inspect(|cortex| cortex.report().ticks).unwrap();
    let milliseconds = Stamp::now().ns_since(began) / 1_000_000;
    let offers = valve.offers.load(Ordering::Relaxed);
    // The waits before the first of a millisecond, the tick of the spike, and the look.
    assert!(offers <= milliseconds + 12, "{offers} offers in {milliseconds} ms");
    assert!(ticks <= milliseconds + 12, "{ticks} ticks in {milliseconds} ms");
    running.stop();
    let (cortex, _) = running.join().unwrap();
    assert_eq!(cortex.counts().fired, 1);
}

#[test]
fn a_gate_that_rings_when_it_has_room_gets_all_of_it() {
    let (valve, mut inlet, takes, running) = with_a_shut_gate();
    for number in 0..20u8 {
        inlet.fire(SpikeKind::Excitatory, 0, &[number]).unwrap();
    }
    while valve.offers.load(Ordering::Relaxed) < 20 {
        std::thread::yield_now();
    }
    valve.open.store(true, Ordering::Release);
    valve.bell.get().unwrap().ring();
    let all: Vec<u8> = (0..20).flat_map(|_| takes.recv_timeout(LONG).unwrap()).collect();
    assert_eq!(all, (0..20).collect::<Vec<u8>>());
    running.stop();
    running.join().unwrap();
}

/// A gate that admits one spike and is done, and one that takes something from its tenth offer on.
struct Once(bool);

impl Gate for Once {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        if !std::mem::replace(&mut self.0, true) {
            inbound.fire(SpikeKind::Excitatory, 0, b"late").unwrap();
        }
        Ok(Outlook::Ended)
    }
}

struct Slow(Arc<AtomicU64>);

impl Gate for Slow {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        let offer = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(if offer < 9 { 0 } else { outbound.len() })
    }
}

#[test]
fn a_free_run_of_any_number_of_workers_offers_it_tick_by_tick_and_ends() {
    for workers in 1..=3 {
        let offers = Arc::new(AtomicU64::new(0));
        let mut builder = Cortex::builder();
        let door = builder.region(Region::gated("in", Once(false)));
        let out = builder.region(Region::gated("out", Slow(offers.clone())));
        builder
            .region(Region::agents("elsewhere").worker(workers - 1).neuron("a", Relay::default()));
        builder.project(door, out, Projection::all_to_all());
        builder.pace(Pace::Free).workers(workers);
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(60)).unwrap();
        assert_eq!(offers.load(Ordering::Relaxed), 10, "{workers} workers");
        assert_eq!(cortex.report().gates[1].emitted, 1);
    }
}
