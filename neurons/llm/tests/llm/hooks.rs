//! Hooks of every kind: what triggers them, what they publish, and that they cannot chase their own tail.

use std::time::Duration;

use crate::support::{Heard, listen};
use neuronbus::event::{Embedding, Event, EventView, TopicPattern};
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{
    Hook, HookAction, HookEvent, HookOrder, HookStatistics, PromptTemplate, ScriptedModel, Trigger,
    llm_hooks,
};
use serde_json::{Value, json};

struct Bench {
    cortex: Cortex,
    events: Publisher,
    orders: neuronbus::inlet::Inlet,
    results: Heard,
}

/// Hooks whose results are events for them again.
fn bench(model: ScriptedModel, hooks: Vec<Hook>) -> Bench {
    let mut builder = Cortex::builder();
    let (events, gate) = Publisher::gate(64, 1);
    let door = builder.region(Region::gated("events", gate));
    let (orders, gate) = neuronbus::inlet::Inlet::gate(16).unwrap();
    let desk = builder.region(Region::gated("orders", gate));
    let models = builder.region(Region::gated("models/s", model.gate("models/s")));
    let hooks = llm_hooks(&mut builder, "language/hooks", (models, "models/s"), hooks).unwrap();
    builder.project(door, hooks.events.clone(), Projection::all_to_all());
    builder.project(hooks.results.clone(), hooks.events.clone(), Projection::all_to_all());
    builder.project(desk, hooks.control, Projection::all_to_all());
    let results = listen(&mut builder, "ears/results", hooks.results);
    builder.pace(Pace::Free).seed(1);
    Bench { cortex: builder.build().unwrap(), events, orders, results }
}

impl Bench {
    fn publish(&mut self, event: &Event) {
        self.events.publish(event).unwrap();
        self.cortex.run_for(Duration::from_secs(2)).unwrap();
    }

    fn order(&mut self, action: HookAction) {
        let order = HookOrder { hook: "errors".into(), action };
        let order = serde_json::to_vec(&order).unwrap();
        // An inlet carries 42 bytes, and this is one of them.
        assert!(order.len() <= 42, "{}", order.len());
        self.orders.fire(SpikeKind::Excitatory, 0, &order).unwrap();
        self.cortex.run_for(Duration::from_millis(20)).unwrap();
    }

    fn results(&self) -> Vec<(String, Value)> {
        let heard = self.results.lock().unwrap();
        let read = |bytes: &[u8]| {
            let view = EventView::parse(bytes).unwrap();
            (view.topic().to_owned(), view.body().read::<Value>().unwrap())
        };
        heard.iter().map(|(_, bytes)| read(bytes)).collect()
    }

    fn statistics(&mut self) -> HookStatistics {
        self.order(HookAction::Statistics);
        let (_, body) = self.results().pop().unwrap();
        serde_json::from_value(body["statistics"].clone()).unwrap()
    }
}

fn hook(trigger: Trigger) -> Hook {
    let prompt = PromptTemplate::new("{task_name}: why? {evidence} {event_trace}").unwrap();
    Hook::new("errors", trigger, prompt.set("task_name", "Find the cause"), |event, reasoning| {
        let body = json!({ "of": event.key(), "analysis": reasoning.text });
        Some(HookEvent::new("error_analysis", body))
    })
}

/// The example of the first sketch: on an error, a model is asked why, and its analysis is an event.
#[test]
fn an_error_is_analysed_and_the_analysis_is_an_event_that_it_caused() {
    let model = ScriptedModel::new("m", |request| {
        let asked = &request.messages[1].content;
        assert!(asked.starts_with("Find the cause: why? <evidence>"), "{asked}");
        assert!(asked.contains("disk is full") && asked.contains("system.error"), "{asked}");
        "The disk is full because logs are never deleted."
    });
    let mut bench = bench(model, vec![hook(Trigger::topic("system.error").unwrap())]);
    let event = Event::new("system.error").key("db1").body(json!({ "what": "disk is full" }));
    let id = bench.events.publish(&event).unwrap();
    bench.cortex.run_for(Duration::from_secs(2)).unwrap();
    let heard = bench.results.lock().unwrap().clone();
    let [(_, record)] = &heard[..] else { panic!("{}", heard.len()) };
    let view = EventView::parse(record).unwrap();
    assert_eq!(view.topic(), "error_analysis");
    assert_eq!((view.parent(), view.key()), (Some(id), Some("db1")));
    let body = view.body().read::<Value>().unwrap();
    assert_eq!(body["analysis"], "The disk is full because logs are never deleted.");
    let statistics = bench.statistics();
    assert_eq!((statistics.matched, statistics.asked, statistics.answered), (1, 1, 1));
    assert_eq!(statistics.usage.output, 9);
}

#[test]
fn every_kind_of_trigger_matches_what_it_should_and_nothing_else() {
    let near = Embedding { model: "e".into(), values: vec![1.0, 0.1] };
    let far = Embedding { values: vec![0.0, 1.0], ..near.clone() };
    let other = Embedding { model: "f".into(), ..near.clone() };
    let a = Event::new("a.b").body(json!({ "n": 7 })).embedding(near);
    let b = Event::new("a.c").body(json!({ "n": 3 })).embedding(far);
    let c = Event::new("x").body(json!({ "n": 9 })).embedding(other);
    let is_large = |event: &EventView<'_>| {
        event.body().get("n").is_some_and(|n| n.read::<i64>().is_ok_and(|n| n > 5))
    };
    let filter = TopicPattern::new("a.c").unwrap();
    let filter = move |_: &Spike, record: &[u8]| {
        EventView::parse(record).is_ok_and(|event| filter.matches(event.topic()))
    };
    let topic = |pattern| Trigger::topic(pattern).unwrap();
    let meaning = Trigger::meaning("e", &[1.0, 0.0], 0.9);
    let cases = [
        (topic("a.b"), [true, false, false]),
        (topic("a.*"), [true, true, false]),
        (meaning.clone(), [true, false, false]),
        (Trigger::condition(is_large), [true, false, true]),
        (Trigger::filter(filter), [false, true, false]),
        (Trigger::all(vec![topic("a.*"), Trigger::condition(is_large)]), [true, false, false]),
        (Trigger::any(vec![topic("x"), meaning]), [true, false, true]),
    ];
    for (trigger, expected) in cases {
        let shown = format!("{trigger:?}");
        let mut bench = bench(ScriptedModel::saying("So."), vec![hook(trigger)]);
        for (event, expected) in [&a, &b, &c].into_iter().zip(expected) {
            let before = bench.results().len();
            bench.publish(event);
            let ran = bench.results().len() - before;
            assert_eq!(ran, usize::from(expected), "{shown} and {}", event.topic());
        }
    }
    assert!(Trigger::topic("a..b").is_err());
}

#[test]
fn a_hook_is_disabled_enabled_and_removed_while_it_runs() {
    let mut bench = bench(ScriptedModel::saying("So."), vec![hook(Trigger::topic("e").unwrap())]);
    let event = Event::new("e");
    bench.publish(&event);
    assert_eq!(bench.results().len(), 1);
    bench.order(HookAction::Disable);
    bench.publish(&event);
    assert_eq!(bench.results().len(), 1);
    bench.order(HookAction::Enable);
    bench.publish(&event);
    assert_eq!(bench.results().len(), 2);
    // What it is being told while it is removed is stopped, and it hears nothing any more.
    bench.events.publish(&event).unwrap();
    bench.cortex.run_for(Duration::from_millis(10)).unwrap();
    bench.order(HookAction::Remove);
    bench.publish(&event);
    bench.order(HookAction::Enable);
    bench.publish(&event);
    assert_eq!(bench.results().len(), 2);
}

#[test]
fn a_hook_that_hears_its_own_output_stops_at_its_depth() {
    for depth in [1, 3] {
        let mut hook = hook(Trigger::topic("#").unwrap());
        hook.depth = depth;
        let mut bench = bench(ScriptedModel::saying("Again."), vec![hook]);
        bench.publish(&Event::new("begin"));
        assert_eq!(bench.results().len(), depth as usize);
        let statistics = bench.statistics();
        assert_eq!((statistics.asked, statistics.loops), (u64::from(depth), 1));
    }
}

#[test]
fn a_model_that_fails_is_counted_and_publishes_nothing() {
    use neuronbus_llm::{Failure, FailureKind, Reply};
    let model = ScriptedModel::new("m", |_| Reply {
        text: "I was about".into(),
        failure: Some(Failure::new(FailureKind::Server, "it fell over")),
        ..Reply::default()
    });
    let mut bench = bench(model, vec![hook(Trigger::topic("e").unwrap())]);
    bench.publish(&Event::new("e"));
    assert!(bench.results().is_empty());
    assert_eq!(bench.statistics().failed, 1);
}
