//! From a gate to an agent's callback: the time from `Inlet::drive` on one core to `on_spike` on another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use neuronbus::axon::WaitStrategy;
use neuronbus::inlet::Inlet;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;

use crate::harness::{Comparison, Sample, Scale, Unit, histogram, pin, quantiles};

/// Says when it heard a spike.
struct Witness(Arc<AtomicU64>);

impl Neuron for Witness {
    fn on_spike(&mut self, _: &Spike, _: &[u8], _: &mut Context<'_>) -> NeuronResult {
        self.0.store(Stamp::now().raw(), Ordering::Release);
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// By the worker's wait strategy.
#[must_use]
pub fn latency(scale: Scale) -> Comparison {
    let spikes = scale.of(200_000, 2_000);
    let title = "From a gate on one core to an agent's callback on another, on demand, p50";
    let of = move |wait, recorded| {
        move || heard_after(wait, spikes, recorded).expect("one agent behind one gate")
    };
    Comparison::new(title, Unit::Ns)
        .across_cores()
        .ours("busy spin", of(WaitStrategy::BusySpin, false))
        .ours("busy spin, recorded", of(WaitStrategy::BusySpin, true))
        .ours("spin loop hint", of(WaitStrategy::SpinLoopHint, false))
        .ours("adaptive", of(WaitStrategy::Adaptive, false))
}

fn heard_after(wait: WaitStrategy, spikes: u64, recorded: bool) -> neuronbus::Result<Sample> {
    let heard = Arc::new(AtomicU64::new(0));
    let (mut inlet, gate) = Inlet::gate(1024)?;
    let mut builder = Cortex::builder();
    builder.region(Region::agents("agent").neuron("witness", Witness(heard.clone())));
    builder.region(Region::gated("door", gate));
    builder.pace(Pace::OnDemand).wait(wait).pin(1);
    let place = crate::journal::place();
    if recorded {
        builder.journal(place.path().join("journal"));
    }
    let running = builder.build()?.spawn()?;
    pin(0);
    let mut times = histogram();
    for n in 0..spikes + spikes / 10 {
        heard.store(0, Ordering::Relaxed);
        let sent = Stamp::now();
        inlet.drive(NeuronId::new(0)?, 0.0, 0, &[])?;
        let at = loop {
            match heard.load(Ordering::Acquire) {
                0 => std::hint::spin_loop(),
                at => break Stamp::from_raw(at),
            }
        };
        if n >= spikes / 10 {
            times.saturating_record(at.ns_since(sent).max(1));
        }
    }
    running.stop();
    running.join()?;
    Ok(quantiles(&times))
}
