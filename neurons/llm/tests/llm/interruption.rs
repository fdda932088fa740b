//! When an answer is overtaken, by what, and what is done then.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Heard, listen, messages, texts};
use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{
    ConflictRule, Ending, Interruption, LlmSettings, ScriptedModel, SpokenMessage, Strategy, When,
    llm_agent,
};
use serde_json::json;

struct Bench {
    cortex: Cortex,
    events: Publisher,
    messages: Heard,
    tokens: Heard,
}

/// An agent that speaks at once about any event, at length.
fn bench(change: impl FnOnce(&mut LlmSettings)) -> Bench {
    let mut builder = Cortex::builder();
    let (events, gate) = Publisher::gate(256, 1);
    let door = builder.region(Region::gated("events", gate));
    let model = ScriptedModel::new("m", |request| {
        let heard = request.messages[1].content.matches("\"text\":").count();
        let again = request.messages.len() > 2;
        format!(
            "With {heard} facts{} I speak of many more things than anybody needs.",
            if again { " anew" } else { "" }
        )
    });
    let models = builder.region(Region::gated("models/m", model.gate("models/m")));
    let mut settings = LlmSettings::new("{evidence}").unwrap();
    change(&mut settings);
    let agent = llm_agent(&mut builder, "language/a", (models, "models/m"), settings).unwrap();
    builder.project(door, agent.evidence.clone(), Projection::all_to_all());
    let messages = listen(&mut builder, "ears/messages", agent.messages);
    let tokens = listen(&mut builder, "ears/tokens", agent.tokens);
    builder.pace(Pace::Free).seed(1);
    Bench { cortex: builder.build().unwrap(), events, messages, tokens }
}

impl Bench {
    fn publish(&mut self, key: &str, body: &str) {
        self.events.publish(&Event::new("door").key(key).body(json!(body))).unwrap();
    }

    fn run(&mut self, ms: u64) {
        self.cortex.run_for(Duration::from_millis(ms)).unwrap();
    }

    fn messages(&self) -> Vec<SpokenMessage> {
        messages(&self.messages).into_iter().map(|(_, message)| message).collect()
    }
}

/// It speaks of a door; while it does, something else is heard; then it has all the time it needs.
fn told(change: impl FnOnce(&mut LlmSettings), key: &str, body: &str) -> Vec<SpokenMessage> {
    let mut bench = bench(change);
    bench.publish("front", "open");
    bench.run(120);
    bench.publish(key, body);
    bench.run(3000);
    bench.messages()
}

fn by(interruption: Interruption) -> impl FnOnce(&mut LlmSettings) {
    move |settings| settings.interruption = interruption
}

#[test]
fn only_a_conflict_interrupts_and_it_is_explained() {
    let messages = told(|_| {}, "front", "closed");
    let [broken, whole] = &messages[..] else { panic!("{messages:?}") };
    let Ending::StaleDueTo { staleness, strategy } = &broken.ending else { panic!("{broken:?}") };
    assert_eq!(*strategy, Strategy::Interrupt);
    assert_eq!((staleness.conflicts[0].based_on, staleness.conflicts[0].heard), (1, 2));
    assert_eq!(staleness.reason, "front was \"open\" and is now \"closed\"");
    assert!(!broken.text.is_empty() && broken.text.len() < whole.text.len());
    assert!(whole.text.starts_with("With 2 facts anew"), "{}", whole.text);
    assert_eq!(whole.evidence.len(), 2);
    // Something else, or the same again, contradicts nothing: it waits for its turn.
    for (key, body) in [("back", "closed"), ("front", "open")] {
        let messages = told(|_| {}, key, body);
        assert!(messages.iter().all(|m| matches!(m.ending, Ending::Complete(_))), "{messages:?}");
        assert_eq!(messages.len(), 2);
    }
}

#[test]
fn never_and_always_do_what_they_say() {
    let messages = told(by(Interruption::never()), "front", "closed");
    assert!(matches!(messages[0].ending, Ending::Complete(_)));
    let messages = told(by(Interruption::always()), "back", "closed");
    assert!(matches!(messages[0].ending, Ending::StaleDueTo { .. }));
}

#[test]
fn a_threshold_bears_so_many_facts() {
    let patient = Interruption { threshold: 2, ..Interruption::always() };
    let mut bench = bench(by(patient));
    bench.publish("front", "open");
    bench.run(100);
    for n in 0..3 {
        assert!(bench.messages().is_empty(), "{n}");
        bench.publish("front", &n.to_string());
        bench.run(20);
    }
    let Ending::StaleDueTo { staleness, .. } = &bench.messages()[0].ending else { panic!() };
    assert_eq!(staleness.because_of, [2, 3, 4]);
}

#[test]
fn a_burst_within_the_window_is_one_interruption_at_its_end() {
    let window = Interruption::always().debounce(Duration::from_millis(60));
    let mut bench = bench(by(window));
    bench.publish("front", "open");
    bench.run(100);
    for n in 0..10 {
        bench.publish("front", &n.to_string());
        bench.run(2);
    }
    assert!(bench.messages().is_empty());
    bench.run(60);
    let messages = bench.messages();
    let [broken] = &messages[..] else { panic!("{messages:?}") };
    let Ending::StaleDueTo { staleness, .. } = &broken.ending else { panic!() };
    assert_eq!(staleness.because_of.len(), 10);
    bench.run(3000);
    assert_eq!(bench.messages().len(), 2);
}

#[test]
fn the_four_strategies_differ() {
    let run = |strategy| told(by(Interruption::always().by(strategy)), "front", "closed");
    let [only] = &run(Strategy::Reject)[..] else { panic!() };
    assert!(matches!(only.ending, Ending::Complete(_)));
    assert_eq!(only.stale.as_ref().unwrap().because_of, [2]);
    let messages = run(Strategy::Enqueue);
    let [first, second] = &messages[..] else { panic!("{messages:?}") };
    assert!(matches!(first.ending, Ending::Complete(_)) && first.stale.is_some());
    assert!(second.text.starts_with("With 1 facts I"), "{}", second.text);
    let messages = run(Strategy::Interrupt);
    assert!(messages[1].text.starts_with("With 2 facts anew"), "{}", messages[1].text);
    // Undone: the model does not learn that it had begun.
    let messages = run(Strategy::Rollback);
    assert!(messages[1].text.starts_with("With 2 facts I"), "{}", messages[1].text);
}

#[test]
fn conflicts_are_found_by_meaning_and_by_rules_of_ones_own() {
    let rule = |old: &neuronbus_llm::Fact, new: &neuronbus_llm::Fact| {
        (old.text.len() == new.text.len()).then(|| "both are as long".to_owned())
    };
    let custom =
        Interruption { conflict: ConflictRule::Custom(Arc::new(rule)), ..Interruption::default() };
    let messages = told(by(custom), "back", "shut");
    let Ending::StaleDueTo { staleness, .. } = &messages[0].ending else { panic!() };
    assert_eq!(staleness.reason, "both are as long");
    let fact = |sequence, text: &str, embedding: &[f32]| neuronbus_llm::Fact {
        sequence,
        tick: 0,
        from: String::new(),
        topic: None,
        key: None,
        text: text.to_owned(),
        event: None,
        embedding: embedding.to_vec(),
    };
    let meaning = Interruption {
        conflict: ConflictRule::Meaning(0.9),
        when: When::OnlyConflict,
        ..Interruption::default()
    };
    let old = [fact(1, "it rains", &[1.0, 0.0])];
    assert!(meaning.judge(&old, &[fact(2, "it is dry", &[0.95, 0.1])], 1).is_some());
    assert!(meaning.judge(&old, &[fact(2, "lunch is ready", &[0.1, 1.0])], 1).is_none());
    assert!(meaning.judge(&old, &[fact(2, "it rains", &[1.0, 0.0])], 1).is_none());
}

#[test]
fn a_deadline_and_a_token_budget_stop_an_answer() {
    let mut bench = bench(|settings| settings.deadline = Some(Duration::from_millis(150).into()));
    bench.publish("front", "open");
    bench.run(3000);
    let [message] = &bench.messages()[..] else { panic!() };
    assert_eq!(message.ending, Ending::Timeout);
    assert!(bench.tokens.lock().unwrap().iter().all(|(tick, _)| *tick <= 160));
    let mut bench = self::bench(|settings| settings.token_budget = Some(3));
    bench.publish("front", "open");
    bench.run(3000);
    let [message] = &bench.messages()[..] else { panic!() };
    assert_eq!(message.ending, Ending::TokenBudgetExceeded);
    assert_eq!((message.usage.output, texts(&bench.tokens).len()), (3, 3));
}

#[test]
fn a_state_that_is_saved_goes_on_where_it_was() {
    // The digest covers all state, so that two runs with one digest would go on alike.
    let run = |extra: u64| {
        let mut bench = bench(|_| {});
        bench.publish("front", "open");
        bench.run(120 + extra);
        bench.cortex.digest()
    };
    assert_ne!(run(0), run(60), "an answer that has grown is another state");
}

#[test]
fn an_agent_that_is_restored_in_the_middle_of_a_sentence_has_the_same_state() {
    let mut first = bench(|_| {});
    first.publish("front", "open");
    first.run(120);
    let mut snapshot = Vec::new();
    first.cortex.snapshot(&mut snapshot).unwrap();
    let mut second = bench(|_| {});
    second.cortex.restore(&snapshot).unwrap();
    assert_eq!(second.cortex.digest(), first.cortex.digest());
    // What it is told now contradicts what it was saying, which it remembers.
    second.publish("front", "closed");
    second.run(3000);
    let messages = second.messages();
    let Ending::StaleDueTo { staleness, .. } = &messages[0].ending else { panic!("{messages:?}") };
    assert_eq!(staleness.reason, "front was \"open\" and is now \"closed\"");
    assert!(!messages[0].text.is_empty());
}
