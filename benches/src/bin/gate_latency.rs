//! From a gate to an agent's callback, on demand and spinning: the time from `Inlet::drive` on one core to `on_spike`
//! on another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use neuronbus::axon::WaitStrategy;
use neuronbus::inlet::Inlet;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;
use neuronbus_benches::{Options, Table, histogram, placement_probe};

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

fn main() -> neuronbus::Result<()> {
    let options = Options::from_args();
    let spikes = if options.smoke { 2_000 } else { 500_000 };
    let mut table =
        Table::new(&["wait", "probe, ns one way", "p50 ns", "p99 ns", "p99.9 ns", "max ns"]);
    for (name, wait) in [
        ("busy spin", WaitStrategy::BusySpin),
        ("spin loop hint", WaitStrategy::SpinLoopHint),
        ("adaptive", WaitStrategy::Adaptive),
    ] {
        let heard = Arc::new(AtomicU64::new(0));
        let (mut inlet, gate) = Inlet::gate(1024)?;
        let mut builder = Cortex::builder();
        builder.region(Region::agents("agent").neuron("witness", Witness(heard.clone())));
        builder.region(Region::gated("door", gate));
        builder.pace(Pace::OnDemand).wait(wait).pin(1);
        let probe = placement_probe();
        neuronbus_benches::pin(0);
        let running = builder.build()?.spawn()?;
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
        let at = |quantile| times.value_at_quantile(quantile).to_string();
        let row = [name.to_owned(), format!("{probe:.0}"), at(0.5), at(0.99), at(0.999)];
        table.row(&[&row[..], &[times.max().to_string()]].concat());
    }
    options.print("Gate in to agent callback, on demand", &table);
    Ok(())
}
