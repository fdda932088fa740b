//! Models behind a gate: how fast one is stopped, and what the gate costs.

mod asker;
mod floor;
mod litellm;
mod server;
mod threads;
mod ticks;

use std::time::Duration;

use hdrhistogram::Histogram;
use neuronbus::axon::WaitStrategy;
use neuronbus::pace::Stamp;
use neuronbus_llm::{Collected, HttpProvider, HttpSettings, Protocol, Provider, Request, wait_for};

use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, quantiles};
use asker::{Askers, Setting};
use server::{Answers, Server};
pub use ticks::{by_cpu_time as ticks_cpu, by_the_clock as ticks};

/// Answers that are being given while one is stopped.
const RUNNING: usize = 32;

/// A token of a fast local model.
const PAUSE: Duration = Duration::from_millis(10);

/// From the call that cancels to the close of the socket, as the server sees it.
#[must_use]
pub fn cancel(scale: Scale) -> Comparison {
    let trials = scale.of(1000, 8);
    let title = "From cancelling one of 32 answers to its socket closed, seen by the server, p99";
    let mut comparison = Comparison::new(title, Unit::Ns).rounds(1);
    for (name, protocol) in [
        ("Ollama", Protocol::Ollama),
        ("Anthropic", Protocol::Anthropic),
        ("OpenAI Chat", Protocol::OpenAiChat),
        ("OpenAI Responses", Protocol::OpenAiResponses),
    ] {
        let run = move || cancelled(protocol, trials).expect("a server on loopback");
        comparison = comparison.ours(name, run).target(Target::at_most(50e6).of(name));
    }
    comparison
}

fn cancelled(protocol: Protocol, trials: u64) -> neuronbus::Result<Sample> {
    let server = Server::start(Answers::Tokens(protocol, PAUSE));
    let mut askers = Askers::start(&Setting::new(&server.url, protocol, RUNNING))?;
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

/// From the server's write of a token to the agent's callback, and what waking two threads takes of that.
#[must_use]
pub fn token(scale: Scale) -> Comparison {
    let tokens = scale.of(3000, 50);
    let title = "From the server's write of a token to on_spike, one stream, p50";
    let gate = move |cortex, gate| {
        move || tokens_heard(tokens, [cortex, gate]).expect("a server on loopback")
    };
    let bare = move |measure: fn(&Server, u64) -> Histogram<u64>| {
        move || quantiles(&measure(&Server::start(A_TOKEN_A_MS), tokens))
    };
    Comparison::new(title, Unit::Ns)
        .ours("gate", gate(WaitStrategy::Adaptive, WaitStrategy::Adaptive))
        .ours("the cortex never sleeps", gate(WaitStrategy::SpinLoopHint, WaitStrategy::Adaptive))
        .ours("neither sleeps", gate(WaitStrategy::SpinLoopHint, WaitStrategy::SpinLoopHint))
        .limit("a thread that reads, and one that it wakes", bare(floor::two_wakes))
        .limit("a thread that reads", bare(floor::one_wake))
        .target(Target::at_most(20e3))
}

const A_TOKEN_A_MS: Answers = Answers::Tokens(Protocol::Ollama, Duration::from_millis(1));

fn tokens_heard(tokens: u64, wait: [WaitStrategy; 2]) -> neuronbus::Result<Sample> {
    let server = Server::start(A_TOKEN_A_MS);
    let setting = Setting { wait, ..Setting::new(&server.url, Protocol::Ollama, 1) };
    let mut askers = Askers::start(&setting)?;
    askers.ask(0)?;
    askers.wait_for_tokens(1);
    let spent = || [threads::cpu_ns_of("neuronbus-llm"), threads::cpu_ns_of("cortex")];
    let (before, first) = (spent(), askers.tokens());
    askers.wait_for_tokens(tokens);
    let (after, last) = (spent(), askers.tokens());
    let each = |thread: usize| (after[thread] - before[thread]) as f64 / (last - first) as f64;
    let mut sample = quantiles(&askers.stop()?);
    sample.beside.extend([("CPU of the gate", each(0)), ("CPU of the cortex", each(1))]);
    Ok(sample)
}

/// What the gate adds to a request, beside the same provider asked without it.
#[must_use]
pub fn request(scale: Scale) -> Comparison {
    let requests = scale.of(3000, 30);
    let title = "What the gate adds to a request that is answered at once, p50";
    let comparison = Comparison::new(title, Unit::Ns)
        .ours("gate", move || added(requests).expect("a server on loopback"))
        .target(Target::at_most(100e3));
    let Some(proxy) = litellm::Proxy::start() else { return comparison };
    let asked = scale.of(300, 10);
    let name = proxy.name();
    comparison.peer(&name, move || proxy.added(asked).expect("a proxy on loopback"))
}

/// How long the same provider takes without a gate.
fn bare(
    url: &str,
    protocol: Protocol,
    requests: u64,
) -> Result<Histogram<u64>, neuronbus_llm::Failure> {
    let settings = HttpSettings::new(protocol, url, "m");
    let provider = HttpProvider::new(settings).expect("a URL on loopback");
    let question = Request::of("go");
    wait_for(Box::pin(async {
        let mut times = histogram();
        for _ in 0..requests {
            let began = Stamp::now();
            provider.invoke(&question, &mut Collected::default()).await?;
            times.saturating_record(Stamp::now().ns_since(began));
        }
        Ok(times)
    }))
}

fn added(requests: u64) -> neuronbus::Result<Sample> {
    let protocol = Protocol::Ollama;
    let server = Server::start(Answers::Whole(protocol));
    let bare = bare(&server.url, protocol, requests).expect("a server on loopback");
    let mut askers = Askers::start(&Setting::new(&server.url, protocol, 1))?;
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
        beside: vec![("without it µs", bare / 1e3), ("through it µs", gated / 1e3)],
    })
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
    let protocol = Protocol::Ollama;
    let server = Server::start(Answers::Tokens(protocol, Duration::from_millis(50)));
    let mut askers = Askers::start(&Setting::new(&server.url, protocol, streams))?;
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
