//! The gate to a provider: retries, limits, budgets, and cancelling as the server sees it.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::support::server::{Act, Seen, Server, open_ended, whole};
use crate::support::{Heard, fixtures, listen, messages, texts, wait_until};
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_llm::{
    BreakerSettings, Budget, Ending, FailureKind, HttpProvider, HttpSettings, Interruption, Limits,
    LlmGate, LlmSettings, Price, Protocol, Scope, SpokenMessage, llm_agent,
};

struct Running {
    running: neuronbus::cortex::Running,
    inlet: Inlet,
    messages: Heard,
    tokens: Heard,
}

fn quick() -> Limits {
    Limits { backoff: Duration::from_millis(1), ..Limits::default() }
}

/// An agent that speaks at once when it hears something, by a model behind a server.
fn run(protocol: Protocol, url: &str, limits: Limits, interruption: Interruption) -> Running {
    let mut builder = Cortex::builder();
    let (inlet, door) = Inlet::gate(64).unwrap();
    let door = builder.region(Region::gated("door", door));
    let provider = HttpProvider::new(HttpSettings::new(protocol, url, "m")).unwrap();
    let models =
        builder.region(Region::gated("models/m", LlmGate::new("models/m", provider, limits)));
    let settings = LlmSettings::new("{evidence}").unwrap().interruption(interruption);
    let agent = llm_agent(&mut builder, "language/a", (models, "models/m"), settings).unwrap();
    builder.project(door, agent.evidence.clone(), Projection::all_to_all());
    let messages = listen(&mut builder, "ears/messages", agent.messages);
    let tokens = listen(&mut builder, "ears/tokens", agent.tokens);
    let running = builder.build().unwrap().spawn().unwrap();
    Running { running, inlet, messages, tokens }
}

impl Running {
    fn say(&mut self, text: &str) {
        self.inlet.fire(SpikeKind::Excitatory, 0, text.as_bytes()).unwrap();
    }

    /// The message of a number, counted from 0, once it is there.
    fn message(&self, number: usize) -> SpokenMessage {
        wait_until("a message", || messages(&self.messages).len() > number);
        messages(&self.messages).swap_remove(number).1
    }

    fn wait_for_tokens(&self, count: usize) {
        wait_until("tokens", || self.tokens.lock().unwrap().len() >= count);
    }

    fn stop(self) -> Cortex {
        self.running.stop();
        self.running.join().unwrap().0
    }
}

fn good(protocol: Protocol) -> Vec<Act> {
    vec![Act::Send(whole("200 OK", "", fixtures::of(protocol).as_bytes()))]
}

#[test]
fn an_answer_over_a_socket_reaches_the_agent() {
    for protocol in Protocol::ALL {
        let server = Server::start(move |_, _| good(protocol));
        let mut agent = run(protocol, &server.url, quick(), Interruption::never());
        agent.say("something");
        let message = agent.message(0);
        assert_eq!(message.text, fixtures::SAID.concat());
        assert_eq!(message.usage, fixtures::usage(protocol));
        assert_eq!(texts(&agent.tokens), fixtures::SAID);
        agent.stop();
    }
}

#[test]
fn what_is_transient_is_tried_again_and_what_is_not_is_told() {
    let protocol = Protocol::Anthropic;
    let server = Server::start(move |number, _| match number {
        0 => vec![Act::Send(whole("429 Too Many Requests", "retry-after-ms: 3\r\n", b"{}"))],
        1 => vec![Act::Send(whole("529 Overloaded", "", b"{}"))],
        2 => vec![Act::Close],
        3 => good(protocol),
        _ => vec![Act::Send(whole("400 Bad Request", "", b"no"))],
    });
    let mut agent = run(protocol, &server.url, quick(), Interruption::never());
    agent.say("something");
    assert_eq!(agent.message(0).text, fixtures::SAID.concat());
    agent.say("something else");
    let Ending::Failed(failure) = agent.message(1).ending else { panic!() };
    assert_eq!(failure.kind, FailureKind::Rejected);
    let asked = std::iter::repeat_with(|| server.seen.lock().unwrap().try_recv());
    assert_eq!(asked.take_while(Result::is_ok).count(), 5);
    agent.stop();
}

#[test]
fn text_that_has_been_heard_is_never_asked_for_again() {
    let protocol = Protocol::Ollama;
    let server = Server::start(move |_, _| {
        let token = fixtures::token(protocol).as_bytes().to_vec();
        vec![Act::Send(open_ended()), Act::Send(token), Act::Close]
    });
    let mut agent = run(protocol, &server.url, quick(), Interruption::never());
    agent.say("something");
    let message = agent.message(0);
    assert!(
        matches!(message.ending, Ending::Failed(ref failure) if failure.kind == FailureKind::Truncated)
    );
    assert_eq!(message.text, " tick");
    agent.stop();
}

#[test]
fn an_open_breaker_refuses_without_asking() {
    let server = Server::answering("500 Internal Server Error", "", "{}");
    let breaker = BreakerSettings { failures: 2, pause: Duration::from_secs(3600) };
    let limits = Limits { retries: 5, breaker, ..quick() };
    let mut agent = run(Protocol::Ollama, &server.url, limits, Interruption::never());
    agent.say("something");
    let Ending::Failed(failure) = agent.message(0).ending else { panic!() };
    assert_eq!(failure.kind, FailureKind::BreakerOpen);
    agent.say("something");
    let Ending::Failed(failure) = agent.message(1).ending else { panic!() };
    assert_eq!(failure.kind, FailureKind::BreakerOpen);
    let asked = std::iter::repeat_with(|| server.seen.lock().unwrap().try_recv());
    assert_eq!(asked.take_while(Result::is_ok).count(), 2);
    agent.stop();
}

#[test]
fn a_budget_refuses_before_anything_is_sent() {
    let server = Server::start(|_, _| good(Protocol::Ollama));
    let budget = Budget { scope: Scope::Region("language".into()), tokens: Some(700), cost: None };
    let limits = Limits { budgets: vec![budget], price: Price::default(), ..quick() };
    let mut agent = run(Protocol::Ollama, &server.url, limits, Interruption::never());
    // Each reserves its 512 tokens and what it reads, and has used 40 when it is done.
    for _ in 0..2 {
        agent.say("something");
    }
    assert!(matches!(agent.message(0).ending, Ending::Complete(_)));
    for number in 1..8 {
        agent.say("something");
        if let Ending::Failed(failure) = agent.message(number).ending {
            assert_eq!(failure.kind, FailureKind::Budget);
            assert!(failure.message.contains("language"), "{failure}");
            let asked = std::iter::repeat_with(|| server.seen.lock().unwrap().try_recv());
            assert_eq!(asked.take_while(Result::is_ok).count(), number);
            agent.stop();
            return;
        }
    }
    panic!("the budget was never used up");
}

#[test]
fn requests_wait_for_the_token_bucket() {
    let server = Server::start(|_, _| good(Protocol::Ollama));
    let limits = Limits { per_minute: NonZeroU32::new(1), ..quick() };
    let mut agent = run(Protocol::Ollama, &server.url, limits, Interruption::never());
    agent.say("something");
    agent.message(0);
    agent.say("something");
    // The second is not sent within its minute, and ends with the gate.
    while agent.running.inspect(|cortex| cortex.report().gates.len()).is_err() {}
    let cortex = agent.stop();
    assert_eq!(
        std::iter::repeat_with(|| server.seen.lock().unwrap().try_recv())
            .take_while(Result::is_ok)
            .count(),
        1
    );
    drop(cortex);
}

#[test]
fn an_interruption_closes_the_socket_and_nothing_more_gets_in() {
    for protocol in Protocol::ALL {
        let server = Server::start(move |number, _| match number {
            0 => {
                let token = fixtures::token(protocol).as_bytes().to_vec();
                vec![Act::Send(open_ended()), Act::Forever(token, Duration::from_millis(1))]
            }
            _ => good(protocol),
        });
        let mut agent = run(protocol, &server.url, quick(), Interruption::always());
        agent.say("something");
        agent.wait_for_tokens(3);
        agent.say("something else");
        let broken = agent.message(0);
        let Ending::StaleDueTo { staleness, .. } = &broken.ending else { panic!("{broken:?}") };
        assert_eq!(staleness.because_of, [2]);
        // Seen by the server; how fast is measured by the benchmarks.
        while !matches!(server.next(), Seen::Gone) {}
        let whole = agent.message(1);
        assert_eq!(whole.text, fixtures::SAID.concat());
        let heard = texts(&agent.tokens).concat();
        assert_eq!(heard, format!("{}{}", broken.text, whole.text));
        agent.stop();
    }
}

#[test]
fn a_run_that_ends_closes_the_streams_in_order() {
    let server = Server::start(|_, _| {
        let token = fixtures::token(Protocol::OpenAiChat).as_bytes().to_vec();
        vec![Act::Send(open_ended()), Act::Forever(token, Duration::from_millis(1))]
    });
    let mut agent = run(Protocol::OpenAiChat, &server.url, quick(), Interruption::never());
    agent.say("something");
    agent.wait_for_tokens(2);
    agent.stop().close();
    while !matches!(server.next(), Seen::Gone) {}
}

#[test]
fn ticks_go_on_while_a_provider_says_nothing() {
    let server = Server::start(|_, _| vec![Act::Silence]);
    let mut builder = Cortex::builder();
    let (mut inlet, door) = Inlet::gate(64).unwrap();
    let door = builder.region(Region::gated("door", door));
    let settings = HttpSettings::new(Protocol::Ollama, &server.url, "m");
    let gate = LlmGate::new("m", HttpProvider::new(settings).unwrap(), quick());
    let models = builder.region(Region::gated("m", gate));
    for number in 0..32 {
        let settings = LlmSettings::new("{evidence}").unwrap();
        let agent = llm_agent(&mut builder, &format!("a{number}"), (models, "m"), settings);
        builder.project(door, agent.unwrap().evidence, Projection::all_to_all());
    }
    let mut cortex = builder.build().unwrap();
    let mut asked = 0;
    inlet.fire(SpikeKind::Excitatory, 0, b"something").unwrap();
    while asked < 32 {
        cortex.tick().unwrap();
        let seen = std::iter::repeat_with(|| server.seen.lock().unwrap().try_recv());
        asked += seen.take_while(Result::is_ok).count();
    }
    let (tick, heard) = (cortex.next_tick().0, cortex.counts().delivered);
    for _ in 0..200 {
        inlet.fire(SpikeKind::Excitatory, 0, b"more").unwrap();
        // Each of 32 membranes and voices hears it, and none of them waits for its answer.
        cortex.tick().unwrap();
    }
    assert_eq!(cortex.next_tick().0 - tick, 200);
    assert!(cortex.counts().delivered - heard >= 199 * 64, "{:?}", cortex.counts());
}
