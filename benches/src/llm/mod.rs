//! Models behind a gate: how fast one is stopped, and what the gate costs.

mod asker;
mod server;

use std::time::Duration;

use neuronbus::pace::Stamp;
use neuronbus::prelude::*;
use neuronbus_llm::{Collected, HttpProvider, HttpSettings, Protocol, Provider, Request, wait_for};

use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, quantiles};
use asker::Askers;
use server::{Answers, Server};

/// Answers that are being given while one is stopped.
const RUNNING: usize = 32;

/// A token of a fast local model.
const PAUSE: Duration = Duration::from_millis(10);

/// From the call that cancels to the close of the socket, as the server sees it.
#[must_use]
pub fn cancel(scale: Scale) -> Comparison {
    let trials = scale.of(1000, 8);
    let title = "From cancelling one of 32 answers to its socket closed, seen by the server, p99";
    Comparison::new(title, Unit::Ns)
        .rounds(1)
        .ours("gate", move || cancelled(trials).expect("a server on loopback"))
        .target(Target::at_most(50e6))
}

fn cancelled(trials: u64) -> neuronbus::Result<Sample> {
    let server = Server::start(Answers::Tokens(PAUSE));
    let mut askers = Askers::start(&server.url, RUNNING)?;
    for index in 0..RUNNING {
        askers.ask(index)?;
    }
    askers.wait_for_tokens(RUNNING as u64 * 3);
    let (mut closed, mut let_in) = (histogram(), histogram());
    let mut wasted = Vec::new();
    for trial in 0..trials {
        let index = trial as usize % RUNNING;
        let began = Stamp::now();
        askers.cancel(index)?;
        let Ok(gone) = server.gone.recv() else { break };
        closed.saturating_record(gone.at.ns_since(began).max(1));
        // What came to this agent after the call, if anything did.
        let last = askers.last_token(index);
        let late = if last.raw() > began.raw() { last.ns_since(began) } else { 0 };
        let_in.saturating_record(late.max(1));
        let after = gone.sent.iter().filter(|sent| sent.raw() > began.raw()).count();
        wasted.push(after as f64);
        askers.ask(index)?;
        let before = askers.tokens();
        askers.wait_for_tokens(before + RUNNING as u64);
    }
    askers.stop()?;
    wasted.sort_by(f64::total_cmp);
    let ms = |histogram: &hdrhistogram::Histogram<u64>, quantile| {
        histogram.value_at_quantile(quantile) as f64 / 1e6
    };
    Ok(Sample {
        figure: closed.value_at_quantile(0.99) as f64,
        beside: vec![
            ("closed p50 ms", ms(&closed, 0.5)),
            ("last token let in p99 ms", ms(&let_in, 0.99)),
            ("last token let in max ms", ms(&let_in, 1.0)),
            ("tokens sent after, median", wasted[wasted.len() / 2]),
        ],
    })
}

/// From the server's write of a token to the agent's callback.
#[must_use]
pub fn token(scale: Scale) -> Comparison {
    let tokens = scale.of(5000, 50);
    let title = "From the server's write of a token to on_spike, one stream, p50";
    Comparison::new(title, Unit::Ns)
        .ours("gate", move || tokens_heard(tokens).expect("a server on loopback"))
        .target(Target::at_most(20e3))
}

fn tokens_heard(tokens: u64) -> neuronbus::Result<Sample> {
    let server = Server::start(Answers::Tokens(Duration::from_millis(1)));
    let mut askers = Askers::start(&server.url, 1)?;
    askers.ask(0)?;
    askers.wait_for_tokens(tokens);
    let times = askers.stop()?;
    Ok(quantiles(&times))
}

/// What the gate adds to a request, beside the same provider asked without it.
#[must_use]
pub fn request(scale: Scale) -> Comparison {
    let requests = scale.of(3000, 30);
    let title = "What the gate adds to a request that is answered at once, p50";
    Comparison::new(title, Unit::Ns)
        .ours("gate", move || added(requests).expect("a server on loopback"))
        .target(Target::at_most(100e3))
}

fn added(requests: u64) -> neuronbus::Result<Sample> {
    let server = Server::start(Answers::Whole);
    let settings = HttpSettings::new(Protocol::Ollama, &server.url, "m");
    let provider = HttpProvider::new(settings).expect("a URL on loopback");
    let question = Request::of("go");
    let bare = wait_for(Box::pin(async {
        let mut times = histogram();
        for _ in 0..requests {
            let began = Stamp::now();
            provider.invoke(&question, &mut Collected::default()).await?;
            times.saturating_record(Stamp::now().ns_since(began));
        }
        Ok(times)
    }));
    let bare = bare.expect("a server on loopback");
    let mut askers = Askers::start(&server.url, 1)?;
    let mut gated = histogram();
    for number in 0..requests {
        let began = Stamp::now();
        askers.ask(0)?;
        askers.wait_for_ends(number + 1);
        gated.saturating_record(askers.last_end(0).ns_since(began));
    }
    askers.stop()?;
    let (bare, gated) = (bare.value_at_quantile(0.5) as f64, gated.value_at_quantile(0.5) as f64);
    Ok(Sample {
        figure: (gated - bare).max(0.0),
        beside: vec![("bare client µs", bare / 1e3), ("through the gate µs", gated / 1e3)],
    })
}

/// How long ticks take while answers stream, and while none do.
#[must_use]
pub fn ticks(scale: Scale) -> Comparison {
    let ms = scale.of(3000, 60);
    let title = "A tick of 200 agents that pass spikes on, in real time, p99";
    Comparison::new(title, Unit::Ns)
        .ours("with 32 answers streaming", move || {
            ticking(ms, RUNNING).expect("a server on loopback")
        })
        .ours("without", move || ticking(ms, 0).expect("a server on loopback"))
        .target(Target::at_most(1.1).of("with 32").times("without"))
}

fn ticking(ms: u64, streams: usize) -> neuronbus::Result<Sample> {
    let server = Server::start(Answers::Tokens(PAUSE));
    let mut askers = Askers::beside(&server.url, RUNNING, 200, Pace::RealTime)?;
    for index in 0..streams {
        askers.ask(index)?;
    }
    askers.wait_for_tokens(streams as u64);
    let p99 = askers.tick_p99(Duration::from_millis(ms))?;
    askers.stop()?;
    Ok(p99.into())
}

/// Memory of 200 answers that are being given, the server's side of them included.
#[must_use]
pub fn streams(scale: Scale) -> Comparison {
    let streams = scale.of(200, 10) as usize;
    Comparison::new("Memory of one of 200 streams, both of its ends", Unit::Bytes)
        .rounds(1)
        .ours("gate", move || remembered(streams).expect("a server on loopback"))
        .target(Target::at_most(65_536.0))
}

fn remembered(streams: usize) -> neuronbus::Result<Sample> {
    let server = Server::start(Answers::Tokens(Duration::from_millis(50)));
    let mut askers = Askers::start(&server.url, streams)?;
    let before = resident();
    for index in 0..streams {
        askers.ask(index)?;
    }
    askers.wait_for_tokens(streams as u64 * 20);
    let bytes = resident().saturating_sub(before) / streams as u64;
    askers.stop()?;
    Ok((bytes as f64).into())
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
