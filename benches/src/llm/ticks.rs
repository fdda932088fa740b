//! How long ticks take while answers stream, and while none do.

use std::time::Duration;

use hdrhistogram::Histogram;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;
use neuronbus_llm::Protocol;

use super::asker::{Desk, Setting};
use super::server::{Answers, Server};
use super::threads::own_cpu_ns;
use super::{PAUSE, RUNNING};
use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, pin};

/// Agents that fire in each tick.
const BUSY: usize = 200;

/// Ticks until all have been asked and answer.
const WARM: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Wall,
    Cpu,
}

/// By the clock: what others do on the core counts.
#[must_use]
pub fn by_the_clock(scale: Scale) -> Comparison {
    let title = "A tick in which 200 agents fire, one each ms, by the clock, p99";
    ticks(title, scale, Clock::Wall)
}

/// By the CPU time of the cortex's thread: what it computes.
#[must_use]
pub fn by_cpu_time(scale: Scale) -> Comparison {
    let title = "A tick in which 200 agents fire, one each ms, CPU time of its thread, p99";
    ticks(title, scale, Clock::Cpu)
}

fn ticks(title: &'static str, scale: Scale, clock: Clock) -> Comparison {
    let ticks = scale.of(2000, 60);
    let of = move |streams, apart| {
        move || ticking(ticks, streams, apart, clock).expect("a server on loopback")
    };
    Comparison::new(title, Unit::Ns)
        .ours("with 32 answers streaming", of(RUNNING, false))
        .ours("without", of(0, false))
        .ours("with 32, on a core of its own", of(RUNNING, true))
        .ours("alone on a core of its own", of(0, true))
        .target(Target::at_most(1.1).of("with 32 answers").times("without"))
        .target(Target::at_most(1.1).of("with 32, on").times("alone"))
}

/// `apart` keeps the server and the gate's thread away from the core of the cortex.
fn ticking(ticks: u64, streams: usize, apart: bool, clock: Clock) -> neuronbus::Result<Sample> {
    // Threads of their own, because those that are started inherit where they may run.
    let run = move || -> neuronbus::Result<Sample> {
        if apart {
            pin(0);
        }
        let protocol = Protocol::Ollama;
        let server = Server::start(Answers::Tokens(protocol, PAUSE));
        let setting = Setting { others: BUSY, ..Setting::new(&server.url, protocol, RUNNING) };
        let (mut cortex, mut desk) = setting.build()?;
        // The gate's thread is started here.
        cortex.tick()?;
        if apart {
            pin(1);
        }
        let (before, heard) = (desk.tokens(), ticks + WARM);
        let times = tick_each_ms(&mut cortex, &mut desk, streams, heard)?;
        let let_in = (desk.tokens() - before) as f64 / heard as f64;
        cortex.close();
        let [wall, cpu] = &times;
        let (own, other) = if clock == Clock::Wall { (wall, cpu) } else { (cpu, wall) };
        let named = if clock == Clock::Wall { "CPU p99" } else { "clock p99" };
        let at = |times: &Histogram<u64>, quantile| times.value_at_quantile(quantile) as f64;
        Ok(Sample {
            figure: at(own, 0.99),
            beside: vec![
                ("p50", at(own, 0.5)),
                (named, at(other, 0.99)),
                ("tokens let in a tick", let_in),
            ],
        })
    };
    std::thread::scope(|scope| scope.spawn(run).join().expect("it measures"))
}

/// Computes a tick each ms and asks in the first of them, one after the other; how long ticks took, by the clock and in
/// CPU time.
fn tick_each_ms(
    cortex: &mut Cortex,
    desk: &mut Desk,
    streams: usize,
    ticks: u64,
) -> neuronbus::Result<[Histogram<u64>; 2]> {
    let (mut wall, mut cpu) = (histogram(), histogram());
    let began = Stamp::now();
    for tick in 0..ticks {
        if (tick as usize) < streams {
            desk.ask(tick as usize)?;
        }
        let due = tick * 1_000_000;
        loop {
            let left = due.saturating_sub(Stamp::now().ns_since(began));
            if left == 0 {
                break;
            }
            std::thread::park_timeout(Duration::from_nanos(left));
        }
        let (at, computed) = (Stamp::now(), own_cpu_ns());
        cortex.tick()?;
        if tick >= WARM.min(ticks / 2) {
            cpu.saturating_record((own_cpu_ns() - computed).max(1));
            wall.saturating_record(Stamp::now().ns_since(at).max(1));
        }
    }
    Ok([wall, cpu])
}
