//! A recorded conversation comes again to the bit, and nobody is asked for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::server::{Act, Server, open_ended, whole};
use crate::support::{Heard, fixtures, listen, messages, texts, wait_until};
use neuronbus::cortex::{Playback, Recording, ReplayOptions};
use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{
    Ending, HttpProvider, HttpSettings, Interruption, Limits, LlmGate, LlmSettings, Protocol,
    ScriptedModel, llm_agent,
};

fn build(
    gate: impl neuronbus::gate::Gate + 'static,
    prompt: &str,
    pace: Pace,
    journal: Option<&Path>,
) -> (Cortex, Publisher, Heard, Heard) {
    let mut builder = Cortex::builder();
    let (events, door) = Publisher::gate(16, 1);
    let door = builder.region(Region::gated("door", door));
    let model = builder.region(Region::gated("m", gate));
    let settings = LlmSettings::new(prompt).unwrap().interruption(Interruption::always());
    let agent = llm_agent(&mut builder, "a", (model, "m"), settings).unwrap();
    builder.project(door, agent.evidence, Projection::all_to_all());
    let spoken = listen(&mut builder, "ears/messages", agent.messages);
    let tokens = listen(&mut builder, "ears/tokens", agent.tokens);
    builder.pace(pace).seed(3);
    if let Some(journal) = journal {
        builder.journal(Recording::in_directory(journal).every_records(1, u64::MAX));
    }
    (builder.build().unwrap(), events, spoken, tokens)
}

fn counted(asked: &Arc<AtomicUsize>) -> ScriptedModel {
    let asked = asked.clone();
    ScriptedModel::new("m", move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        "One two three four five six seven eight nine ten."
    })
}

#[test]
fn an_interrupted_answer_is_replayed_and_the_model_is_not_asked() {
    let place = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let gate = counted(&asked).gate("m");
    let (mut cortex, events, spoken, _) = build(gate, "{evidence}", Pace::Free, Some(place.path()));
    events.publish(&Event::new("a").body("one")).unwrap();
    cortex.run_for(Duration::from_millis(150)).unwrap();
    events.publish(&Event::new("a").body("two")).unwrap();
    cortex.run_for(Duration::from_secs(2)).unwrap();
    cortex.close();
    let (digest, said) = (cortex.digest(), messages(&spoken));
    assert!(matches!(said[0].1.ending, Ending::StaleDueTo { .. }));
    assert_eq!((said.len(), asked.load(Ordering::Relaxed)), (2, 2));
    drop(cortex);

    let (mut again, _, spoken, _) =
        build(counted(&asked).gate("m"), "{evidence}", Pace::Free, None);
    let mut playback = Playback::open(place.path()).unwrap();
    again.replay(&mut playback, ReplayOptions::default()).unwrap();
    assert_eq!(again.digest(), digest);
    assert_eq!(messages(&spoken), said);
    assert_eq!(asked.load(Ordering::Relaxed), 2, "a replay asks nobody");
}

#[test]
fn a_replay_with_another_prompt_says_where_it_differs() {
    let place = tempfile::tempdir().unwrap();
    let asked = Arc::default();
    let gate = counted(&asked).gate("m");
    let (mut cortex, events, _, _) = build(gate, "{evidence}", Pace::Free, Some(place.path()));
    events.publish(&Event::new("a").body("one")).unwrap();
    cortex.run_for(Duration::from_secs(2)).unwrap();
    cortex.close();
    drop(cortex);
    let (mut again, ..) = build(counted(&asked).gate("m"), "Why? {evidence}", Pace::Free, None);
    let mut playback = Playback::open(place.path()).unwrap();
    let outcome = again.replay(&mut playback, ReplayOptions::default());
    outcome.expect_err("what is asked now is not what was asked then");
}

#[test]
fn a_conversation_over_sockets_is_replayed_without_a_server() {
    let protocol = Protocol::Anthropic;
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(move |number, _| match number {
        0 => {
            let token = fixtures::token(protocol).as_bytes().to_vec();
            vec![Act::Send(open_ended()), Act::Forever(token, Duration::from_millis(1))]
        }
        _ => vec![Act::Send(whole("200 OK", "", fixtures::of(protocol).as_bytes()))],
    });
    let gate = |url: &str| {
        let provider = HttpProvider::new(HttpSettings::new(protocol, url, "m")).unwrap();
        LlmGate::new("m", provider, Limits::default())
    };
    let (cortex, events, spoken, tokens) =
        build(gate(&server.url), "{evidence}", Pace::OnDemand, Some(place.path()));
    let running = cortex.spawn().unwrap();
    events.publish(&Event::new("a").body("one")).unwrap();
    wait_until("tokens", || tokens.lock().unwrap().len() >= 3);
    events.publish(&Event::new("a").body("two")).unwrap();
    wait_until("messages", || messages(&spoken).len() == 2);
    running.stop();
    let (mut cortex, _) = running.join().unwrap();
    cortex.close();
    let (digest, said) = (cortex.digest(), texts(&tokens));
    assert_eq!(messages(&spoken).len(), 2);
    drop((cortex, server));

    let (mut again, _, _, tokens) =
        build(gate("http://127.0.0.1:9"), "{evidence}", Pace::Free, None);
    let mut playback = Playback::open(place.path()).unwrap();
    again.replay(&mut playback, ReplayOptions::default()).unwrap();
    assert_eq!(again.digest(), digest);
    assert_eq!(texts(&tokens), said);
}

#[test]
fn an_answer_that_was_under_way_when_the_run_ended_is_asked_for_again() {
    let place = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let gate = counted(&asked).gate("m");
    let (mut cortex, events, _, tokens) = build(gate, "{evidence}", Pace::Free, Some(place.path()));
    events.publish(&Event::new("a").body("one")).unwrap();
    cortex.run_for(Duration::from_millis(150)).unwrap();
    assert!(!tokens.lock().unwrap().is_empty());
    cortex.close();
    drop(cortex);

    let gate = counted(&asked).gate("m");
    let (mut cortex, _, spoken, _) = build(gate, "{evidence}", Pace::Free, Some(place.path()));
    cortex.run_for(Duration::from_secs(2)).unwrap();
    let said = messages(&spoken);
    let [(_, message)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(message.text, "One two three four five six seven eight nine ten.");
    assert!(matches!(message.ending, Ending::Complete(_)));
    assert_eq!((message.request, asked.load(Ordering::Relaxed)), (1, 2));
}
