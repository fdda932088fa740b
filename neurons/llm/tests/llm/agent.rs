//! An agent speaks on evidence, stops when the world changes, and nothing of what it was told to stop gets in.

use std::time::Duration;

use crate::support::{Heard, listen, messages, texts};
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_llm::{Ending, Interruption, LlmSettings, ScriptedModel, Stop, llm_agent};

/// An agent with a scripted model, evidence through an inlet, and scribes at its ports.
struct Bench {
    cortex: Cortex,
    inlet: Inlet,
    tokens: Heard,
    sentences: Heard,
    messages: Heard,
}

fn bench(model: ScriptedModel, settings: LlmSettings) -> Bench {
    let mut builder = Cortex::builder();
    let (inlet, gate) = Inlet::gate(64).unwrap();
    let door = builder.region(Region::gated("door", gate));
    let path = "models/scripted";
    let models = builder.region(Region::gated(path, model.gate(path)));
    let agent = llm_agent(&mut builder, "language/analyst", (models, path), settings).unwrap();
    builder.project(door, agent.evidence.clone(), Projection::all_to_all().weight(0.4));
    let tokens = listen(&mut builder, "ears/tokens", agent.tokens.clone());
    let sentences = listen(&mut builder, "ears/sentences", agent.sentences.clone());
    let messages = listen(&mut builder, "ears/messages", agent.messages.clone());
    builder.pace(Pace::Free).seed(1);
    Bench { cortex: builder.build().unwrap(), inlet, tokens, sentences, messages }
}

impl Bench {
    fn say(&mut self, text: &str) {
        self.inlet.fire(SpikeKind::Excitatory, 0, text.as_bytes()).unwrap();
    }

    fn run(&mut self, ms: u64) {
        self.cortex.run_for(Duration::from_millis(ms)).unwrap();
    }
}

fn settings() -> LlmSettings {
    let mut settings = LlmSettings::new("What is wrong? {evidence}").unwrap();
    settings.membrane = Lif { tau: Lif::NO_LEAK, ..Lif::default() };
    settings
}

#[test]
fn an_agent_speaks_when_enough_evidence_has_gathered() {
    let model = ScriptedModel::new("parrot", |request| {
        let lines = request.messages[1].content.matches("\"text\":").count();
        format!("I was told {lines} things. That is all.")
    });
    let mut bench = bench(model, settings());
    bench.say("one");
    bench.say("two");
    bench.run(500);
    assert!(texts(&bench.tokens).is_empty());
    bench.say("three");
    bench.run(1000);
    assert_eq!(texts(&bench.tokens).concat(), "I was told 3 things. That is all.");
    assert_eq!(texts(&bench.sentences), ["I was told 3 things.", "That is all."]);
    let [(topic, message)] = &messages(&bench.messages)[..] else { panic!() };
    assert_eq!(topic, "llm.message");
    assert_eq!(message.ending, Ending::Complete(Stop::End));
    assert_eq!((message.context_sequence, message.seen_sequence), (3, 3));
    assert_eq!(message.usage.output, 8);
    assert_eq!(message.context_digest.len(), 64);
    // Tokens come 20 to 30 ms apart in cortex time.
    let ticks: Vec<u64> = bench.tokens.lock().unwrap().iter().map(|heard| heard.0).collect();
    assert!(ticks.windows(2).all(|two| (20..=31).contains(&(two[1] - two[0]))), "{ticks:?}");
}

#[test]
fn two_runs_are_the_same_to_the_bit() {
    let run = || {
        let model = ScriptedModel::saying("One two three four five six seven.");
        let mut bench = bench(model, settings());
        ["a", "b", "c"].into_iter().for_each(|text| bench.say(text));
        bench.run(2000);
        (bench.cortex.digest(), bench.tokens.lock().unwrap().clone())
    };
    assert_eq!(run(), run());
}

#[test]
fn new_evidence_stops_an_answer_in_the_middle_of_a_sentence() {
    let model = ScriptedModel::new("parrot", |request| {
        let heard: Vec<_> = request.messages[1].content.split("\"text\":").skip(1).collect();
        format!("I have heard {} things and now I say very much about them.", heard.len())
    });
    let settings = settings().interruption(Interruption::always());
    let mut bench = bench(model, settings);
    ["a", "b", "c"].into_iter().for_each(|text| bench.say(text));
    bench.run(150);
    let before = texts(&bench.tokens).len();
    assert!(before > 0 && before < 8, "{before}");
    bench.say("d");
    bench.run(2000);
    let [(first, broken), (second, whole)] = &messages(&bench.messages)[..] else { panic!() };
    assert_eq!((first.as_str(), second.as_str()), ("llm.interrupted", "llm.message"));
    let Ending::StaleDueTo { staleness, .. } = &broken.ending else { panic!("{broken:?}") };
    assert_eq!((staleness.context_sequence, staleness.seen_sequence), (3, 4));
    assert_eq!(staleness.because_of, [4]);
    assert!(whole.text.starts_with("I have heard 4 things"), "{}", whole.text);
    assert!(broken.text.len() < 40 && whole.text.starts_with("I have heard"));
    // Every token belongs to one of the two: nothing of the first came after it was stopped.
    assert_eq!(texts(&bench.tokens).concat(), format!("{}{}", broken.text, whole.text));
    assert_ne!(broken.context_digest, whole.context_digest);
}
