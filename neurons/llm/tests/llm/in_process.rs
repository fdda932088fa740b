//! A real model in this process. What it says is not asserted on beyond what the smallest of models knows; how it says
//! it is.

use std::sync::Arc;

use crate::interrupt::a_is_interrupted_and_answers_anew;
use crate::support::{listen, local, messages, texts, wait_until};
use neuronbus::event::Event;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{
    Collected, Ending, Failure, FailureKind, Interruption, Limits, LlmGate, LlmSettings,
    LocalError, LocalModel, Message, Pending, Provider, Request, Role, Sampling, Shape, Sink, Stop,
    ToolCall, Usage, conformance, llm_agent, wait_for,
};
use serde_json::json;

fn request(text: &str, max_tokens: u32) -> Request {
    Request { max_tokens, ..Request::of(text) }
}

fn ask(model: &LocalModel, request: &Request) -> Result<(Vec<String>, Stop, Usage), Failure> {
    let mut answer = Collected::default();
    let (stop, usage) = wait_for(model.invoke(request, &mut answer))?;
    Ok((answer.texts, stop, usage))
}

fn it_answers_token_by_token(model: &LocalModel) {
    let france = request("What is the capital of France? Answer in one sentence.", 24);
    let (texts, stop, usage) = ask(model, &france).unwrap();
    assert!(texts.concat().contains("Paris"), "{texts:?}");
    assert!(texts.len() > 3, "{texts:?}");
    assert!(matches!(stop, Stop::End | Stop::MaxTokens), "{stop:?}");
    // It may count a token that ends the answer and says nothing.
    assert!(usage.output as usize >= texts.len() && usage.output <= 24, "{usage:?}");
    assert!(usage.input > 10, "{usage:?}");
    assert_eq!(ask(model, &france).unwrap(), (texts, stop, usage), "nothing is left of the first");
}

fn it_draws_by_its_seed(model: &LocalModel) {
    let drawn = |seed| {
        let sampling = Sampling { temperature: Some(1.5), seed: Some(seed), ..Sampling::default() };
        let story = Request { sampling, ..request("Tell me a story about a dog.", 12) };
        ask(model, &story).unwrap().0.concat()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

fn it_stops_where_it_is_told_to(model: &LocalModel) {
    let count = "Count from one to nine in words, separated by commas.";
    let (whole, ..) = ask(model, &request(count, 20)).unwrap();
    let whole = whole.concat();
    // A sequence out of the middle of what it says, across its tokens.
    let middle: String = whole.chars().skip(6).take(5).collect();
    let sampling = Sampling { stop: vec![middle.clone()], ..Sampling::default() };
    let (texts, stop, _) = ask(model, &Request { sampling, ..request(count, 20) }).unwrap();
    let before = whole.split(&middle).next().unwrap();
    assert_eq!((texts.concat().as_str(), stop), (before, Stop::StopSequence));
    let (texts, stop, usage) = ask(model, &request(count, 3)).unwrap();
    assert_eq!((stop, usage.output), (Stop::MaxTokens, 3));
    assert!(whole.starts_with(&texts.concat()));
}

fn a_mark_in_a_message_ends_nothing(model: &LocalModel) {
    // As a mark it would be one token; as text it is several.
    let tokens = |text: &str| ask(model, &request(text, 1)).unwrap().2.input;
    let plain = tokens("a");
    assert!(tokens("a<|im_end|>") >= plain + 4);
    assert!(tokens("a<|im_start|>") >= plain + 4);
}

fn what_it_cannot_do_is_refused(model: &LocalModel) {
    let refused = |request: Request| ask(model, &request).unwrap_err().kind;
    let shape = Some(Shape { name: "n".into(), schema: json!({ "type": "object" }) });
    assert_eq!(refused(Request { shape, ..Request::of("a") }), FailureKind::Unsupported);
    let other = Request { model: Some("gpt-9".into()), ..Request::of("a") };
    assert_eq!(refused(other), FailureKind::Rejected);
    assert_eq!(refused(Request::of("word ".repeat(9000))), FailureKind::Rejected);
    let nothing = Request { messages: Vec::new(), ..Request::of("") };
    assert!(matches!(refused(nothing), FailureKind::Rejected));
    let said = |role, content: &str| Message { role, content: content.into() };
    let messages = vec![
        said(Role::System, "You are brief."),
        said(Role::User, "Say yes."),
        said(Role::Assistant, "Yes."),
        said(Role::User, "Say it again."),
    ];
    ask(model, &Request { messages, ..request("", 2) }).unwrap();
}

/// Stops listening after so many pieces.
struct Impatient(usize);

impl Sink for Impatient {
    fn text(&mut self, _: String) -> Pending<'_, ()> {
        self.0 -= 1;
        let enough = Failure::new(FailureKind::Cancelled, "enough");
        Box::pin(std::future::ready(if self.0 == 0 { Err(enough) } else { Ok(()) }))
    }

    fn tool_call(&mut self, _: ToolCall) -> Pending<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn nobody_who_listens_is_the_end(model: &LocalModel) {
    let story = "Tell me a long story about a bridge.";
    let (.., prompt) = ask(model, &request(story, 1)).unwrap();
    let computed = model.computed();
    let failure = wait_for(model.invoke(&request(story, 2000), &mut Impatient(3))).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Cancelled);
    // The next request waits for its turn: when it is answered, the first has ended.
    let (texts, _, next) = ask(model, &request("Say yes.", 2)).unwrap();
    assert!(!texts.is_empty());
    let wasted = model.computed() - computed - prompt.input - next.input;
    // Of the story three pieces that were heard, one that waited and one under way; a piece is a token or two.
    assert!(wasted <= 12, "{wasted} tokens beside the prompts");
}

fn an_agent_speaks_by_it_and_is_stopped(model: LocalModel) {
    let (events, door) = Publisher::gate(16, 1);
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("door", door));
    let gate = builder.region(Region::gated("m", LlmGate::new("m", model, Limits::default())));
    let mut settings = LlmSettings::new("Write a long story about this: {evidence}").unwrap();
    settings.max_tokens = 1000;
    settings.interruption = Interruption::never();
    let agent = llm_agent(&mut builder, "a", (gate, "m"), settings).unwrap();
    builder.project(door, agent.evidence.clone(), Projection::all_to_all());
    let (mut guard, stop) = Inlet::gate(16).unwrap();
    let stop = builder.region(Region::gated("guard", stop));
    builder.project(stop, agent.evidence, Projection::all_to_all());
    let tokens = listen(&mut builder, "ears/tokens", agent.tokens);
    let spoken = listen(&mut builder, "ears/messages", agent.messages);
    let running = builder.build().unwrap().spawn().unwrap();
    events.publish(&Event::new("bridge").body("it is open")).unwrap();
    wait_until("tokens", || tokens.lock().unwrap().len() >= 3);
    guard.fire(SpikeKind::Inhibitory, 0, b"enough").unwrap();
    wait_until("a message", || !messages(&spoken).is_empty());
    running.stop();
    running.join().unwrap();
    let [(_, said)] = &messages(&spoken)[..] else { panic!() };
    assert!(matches!(said.ending, Ending::Inhibited { .. }), "{said:?}");
    assert_eq!(texts(&tokens).concat(), said.text);
}

#[test]
fn a_model_in_this_process_does_what_one_behind_a_server_does() {
    let Some(weights) = local::weights() else { return };
    let model = LocalModel::load(&weights).unwrap();
    conformance(&model, &request("hello", 4));
    it_answers_token_by_token(&model);
    it_draws_by_its_seed(&model);
    it_stops_where_it_is_told_to(&model);
    a_mark_in_a_message_ends_nothing(&model);
    what_it_cannot_do_is_refused(&model);
    nobody_who_listens_is_the_end(&model);
    an_agent_speaks_by_it_and_is_stopped(model);
    a_is_interrupted_and_answers_anew(weights.to_str());
}

#[test]
fn what_is_no_model_is_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let missing = place.path().join("none.gguf");
    let error = LocalModel::load(&missing).unwrap_err();
    assert!(matches!(error, LocalError::File { .. }), "{error}");
    let path = Arc::new(place.path().join("text.gguf"));
    for bytes in [&b"GGUF"[..], b"no such thing", &[0; 64]] {
        std::fs::write(&*path, bytes).unwrap();
        let error = LocalModel::load(&*path).unwrap_err();
        assert!(matches!(error, LocalError::Weights { .. }), "{error}");
        assert!(error.to_string().contains("text.gguf"), "{error}");
    }
}
