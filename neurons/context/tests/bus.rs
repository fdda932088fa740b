//! The bus: who gets which event, when subscriptions come and go, and what is known when an event passes.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::mpsc::{Receiver, Sender, channel};

use neuronbus::cortex::Running;
use neuronbus::event::{Event, EventView};
use neuronbus::prelude::*;
use neuronbus::publisher::PublishError;
use neuronbus_context::{
    BusSettings, BusStats, Change, ContextChange, EventBus, Scope, Subscription, event_bus,
};
use neuronbus_context::{SubscribeError, WorkingMemory, WorkingMemorySettings};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn start(settings: BusSettings) -> (EventBus, Running) {
    let mut builder = Cortex::builder();
    let (bus, _) = event_bus(&mut builder, "bus", settings);
    (bus, builder.build().unwrap().spawn().unwrap())
}

/// Handlers that say what they got as `name topic body`.
fn teller(to: &Sender<String>, name: &str) -> impl FnMut(&EventView<'_>) + Send + 'static {
    let (to, name) = (to.clone(), name.to_owned());
    move |event| {
        let body: Value = event.body().read().unwrap();
        let _ = to.send(format!("{name} {} {body}", event.topic()));
    }
}

/// Lets everything that was handed over be handled: the last event is.
fn settle(bus: &EventBus) {
    let (done, seen) = channel();
    let _last = bus
        .subscribe("test.settled")
        .handler(move |_| {
            let _ = done.send(());
        })
        .unwrap();
    bus.publish(&Event::new("test.settled")).unwrap();
    seen.recv().unwrap();
}

fn all(received: &Receiver<String>) -> Vec<String> {
    let mut all: Vec<String> = received.try_iter().collect();
    all.sort();
    all
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value} is no object") };
    object
}

#[test]
fn each_subscription_gets_the_events_of_its_topics_that_pass_once_and_in_order() {
    let (bus, running) = start(BusSettings::default());
    let (to, received) = channel();
    let early = bus.subscribe("orders.#").handler(teller(&to, "all")).unwrap();
    for n in 0..3 {
        bus.publish(&Event::new("orders.eu").priority(n).body(n)).unwrap();
    }
    let placed =
        bus.subscribe("orders.*.placed").filter("body.amount > 10").handler(teller(&to, "big"));
    let urgent = bus.subscribe("orders.*").priority_at_least(9).handler(teller(&to, "urgent"));
    bus.publish(&Event::new("orders.eu.placed").body(json!({"amount": 9}))).unwrap();
    bus.publish(&Event::new("orders.eu.placed").body(json!({"amount": 11}))).unwrap();
    bus.publish(&Event::new("orders.eu").priority(9).body("now")).unwrap();
    bus.publish(&Event::new("other.eu").priority(9)).unwrap();
    settle(&bus);
    assert_eq!(
        all(&received),
        [
            "all orders.eu \"now\"",
            "all orders.eu 0",
            "all orders.eu 1",
            "all orders.eu 2",
            "all orders.eu.placed {\"amount\":11}",
            "all orders.eu.placed {\"amount\":9}",
            "big orders.eu.placed {\"amount\":11}",
            "urgent orders.eu \"now\"",
        ]
    );
    drop((early, placed, urgent));
    running.stop();
    let (cortex, _) = running.join().unwrap();
    assert!(cortex.report().faults.is_empty(), "{:?}", cortex.report().faults);
    assert_eq!(cortex.counts().refused, 0);
}

#[test]
fn who_drops_the_guard_gets_nothing_more_and_the_neuron_is_used_again() {
    let (bus, running) = start(BusSettings::default());
    let (to, received) = channel();
    for round in 0..20 {
        let subscription = bus.subscribe("a").handler(teller(&to, "one")).unwrap();
        bus.publish(&Event::new("a").body(round)).unwrap();
        settle(&bus);
        drop(subscription);
        bus.publish(&Event::new("a").body("unheard")).unwrap();
    }
    settle(&bus);
    assert_eq!(received.try_iter().count(), 20);
    let neurons =
        running.inspect(|cortex| cortex.atlas().under("bus/subscriptions").len()).unwrap();
    assert_eq!(neurons, 2, "one for each pattern");
    running.stop();
    running.join().unwrap();
}

#[test]
fn a_threshold_gathers_and_hands_all_over_at_once() {
    let (bus, running) = start(BusSettings::default());
    let (to, received) = channel();
    let _three = bus.subscribe("knock").threshold(3.0).handler(teller(&to, "three")).unwrap();
    let knock = |n: u64| bus.publish(&Event::new("knock").body(n)).unwrap();
    knock(1);
    knock(2);
    settle(&bus);
    assert_eq!(all(&received), Vec::<String>::new());
    knock(3);
    settle(&bus);
    assert_eq!(all(&received), ["three knock 1", "three knock 2", "three knock 3"]);
    running.stop();
    running.join().unwrap();
}

#[test]
fn what_is_known_is_in_the_context_of_later_events_in_the_order_of_scopes() {
    let (bus, running) = start(BusSettings::default());
    let (to, received) = channel();
    let tell = move |event: &EventView<'_>| {
        let context: Value = event.context().read().unwrap();
        let _ = to.send(context.to_string());
    };
    let _all = bus.subscribe("t").handler(tell).unwrap();
    let publish = |context: Value| bus.publish(&Event::new("t").context(context)).unwrap();
    publish(json!({}));
    bus.set(Scope::Global, "limits.a", "global").unwrap();
    bus.know(Scope::Session("s".to_owned()), object(json!({"limits": {"a": "session", "b": 1}})))
        .unwrap();
    bus.know(Scope::User("u".to_owned()), object(json!({"limits": {"b": 2, "c": [1]}}))).unwrap();
    publish(json!({}));
    publish(json!({"session": {"id": "s"}}));
    publish(json!({"session": {"id": "s"}, "user": {"id": "u"}, "limits": {"c": [2]}}));
    bus.publish(&Event::new("t").header("user", "u")).unwrap();
    bus.forget(Scope::Global, "limits.a").unwrap();
    publish(json!({}));
    settle(&bus);
    let seen: Vec<Value> =
        received.try_iter().map(|text| serde_json::from_str(&text).unwrap()).collect();
    assert_eq!(
        seen,
        [
            json!({}),
            json!({"limits": {"a": "global"}}),
            json!({"limits": {"a": "session", "b": 1}, "session": {"id": "s"}}),
            json!({"limits": {"a": "session", "b": 2, "c": [2]}, "session": {"id": "s"}, "user": {"id": "u"}}),
            json!({"limits": {"a": "global", "b": 2, "c": [1]}}),
            json!({"limits": {}}),
        ]
    );
    running.stop();
    running.join().unwrap();
}

#[test]
fn a_scope_guard_restores_on_drop_and_on_a_panic_whatever_changed_below() {
    let (bus, running) = start(BusSettings::default());
    let (to, received) = channel();
    let tell = move |event: &EventView<'_>| {
        let mode: Option<String> = event.context().get("mode").map(|mode| mode.read().unwrap());
        let _ = to.send(mode.unwrap_or_default());
    };
    let _all = bus.subscribe("t").handler(tell).unwrap();
    let say = || bus.publish(&Event::new("t")).unwrap();
    bus.set(Scope::Global, "mode", "day").unwrap();
    let outer = bus.scoped(Scope::Global, object(json!({"mode": "outer"}))).unwrap();
    say();
    let inside = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _inner = bus.scoped(Scope::Global, object(json!({"mode": "inner"}))).unwrap();
        say();
        bus.set(Scope::Global, "mode", "night").unwrap();
        panic!("on purpose");
    }));
    assert!(inside.is_err());
    say();
    drop(outer);
    say();
    settle(&bus);
    assert_eq!(received.try_iter().collect::<Vec<_>>(), ["outer", "inner", "outer", "night"]);
    running.stop();
    running.join().unwrap();
}

#[test]
fn bad_input_is_refused_and_a_handler_that_panics_is_counted() {
    let (bus, running) = start(BusSettings { topics: 2, bound: 8, ..BusSettings::default() });
    let refused =
        |subscribe: neuronbus_context::Subscribe<'_>| subscribe.handler(|_| {}).unwrap_err();
    assert!(matches!(refused(bus.subscribe("a..b")), SubscribeError::Pattern(_)));
    assert!(matches!(refused(bus.subscribe("a").filter("a =")), SubscribeError::Filter(_)));
    assert!(matches!(refused(bus.subscribe("a").threshold(0.5)), SubscribeError::Threshold(_)));
    assert!(matches!(bus.publish(&Event::new("a b")), Err(PublishError::Event(_))));
    assert!(bus.set(Scope::Global, "a..b", 1).is_err());
    assert!(bus.set(Scope::User(String::new()), "a", 1).is_err());
    let _fails = bus.subscribe("a").handler(|_| panic!("on purpose")).unwrap();
    bus.publish(&Event::new("a")).unwrap();
    settle(&bus);
    bus.publish(&Event::new("third")).unwrap();
    settle(&bus);
    running.stop();
    let (cortex, _) = running.join().unwrap();
    let BusStats { published, panicked, handled, .. } = bus.stats();
    assert_eq!((published, panicked, handled), (4, 1, 2));
    let report = cortex.report();
    let door = report.gates.iter().find(|gate| gate.path == "bus/door").unwrap();
    assert_eq!(
        (door.account.refused[0].kind.as_str(), door.account.refused[0].count),
        ("event-not-admitted", 1)
    );
    drop(cortex);
    assert_eq!(bus.publish(&Event::new("a")), Err(PublishError::Closed));
    assert!(matches!(bus.subscribe("a").handler(|_| {}).unwrap_err(), SubscribeError::Closed));
}

#[test]
fn a_run_with_the_same_admissions_has_the_same_digest() {
    let run = || {
        let mut builder = Cortex::builder();
        let (bus, _) = event_bus(&mut builder, "bus", BusSettings::default());
        builder.pace(Pace::Free).seed(5);
        let mut cortex = builder.build().unwrap();
        let mut guards: Vec<Subscription> = Vec::new();
        for n in 0..40_u64 {
            let topic = format!("t.{}", n % 7);
            if n % 5 == 0 {
                let asked =
                    bus.subscribe("t.#").filter("body.n > 3 AND known.x == 1").threshold(2.0);
                guards.push(asked.handler(|_| {}).unwrap());
            }
            if n == 20 {
                bus.set(Scope::Global, "known.x", 1).unwrap();
                guards.pop();
            }
            bus.publish(&Event::new(topic).time_us(1_000_000 * n).body(json!({"n": n}))).unwrap();
        }
        cortex.run_for(Ticks(20)).unwrap();
        assert!(cortex.counts().firings > 0);
        cortex.digest()
    };
    assert_eq!(run(), run());
}

fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0_i64..9).prop_map(Value::from)];
    let value = leaf.prop_recursive(3, 16, 3, |inner| {
        prop::collection::btree_map("[ab]", inner, 0..3)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    });
    prop::collection::btree_map("[abc]", value, 0..3).prop_map(|map| map.into_iter().collect())
}

fn under(low: Map<String, Value>, high: Map<String, Value>) -> Map<String, Value> {
    let mut both = low;
    for (key, value) in high {
        let merged = match (both.remove(&key), value) {
            (Some(Value::Object(a)), Value::Object(b)) => Value::Object(under(a, b)),
            (_, value) => value,
        };
        both.insert(key, merged);
    }
    both
}

proptest! {
    #[test]
    fn an_event_passes_under_global_then_session_then_user(
        layers in prop::collection::vec(any_object(), 4), session in any::<bool>(), user in any::<bool>(),
    ) {
        let mut memory = WorkingMemory::new(WorkingMemorySettings::default());
        let scopes = [Scope::Global, Scope::Session("s".to_owned()), Scope::User("u".to_owned())];
        for (scope, object) in scopes.into_iter().zip(&layers) {
            memory.apply(ContextChange { scope, change: Change::Merge(object.clone()) }).unwrap();
        }
        let mut event = Event::new("t").context(Value::Object(layers[3].clone()));
        let mut wanted = layers[0].clone();
        if session {
            event = event.header("session", "s");
            wanted = under(wanted, layers[1].clone());
        }
        if user {
            event = event.header("user", "u");
            wanted = under(wanted, layers[2].clone());
        }
        wanted = under(wanted, layers[3].clone());
        let mut record = Vec::new();
        event.encode(&mut neuronbus::event::EventIds::new(0), 0, &mut record).unwrap();
        let merged = memory.context_of(&EventView::open(&record).unwrap()).to_vec();
        let merged = neuronbus::event::Packed::new(&merged).unwrap().read::<Value>().unwrap();
        prop_assert_eq!(merged, Value::Object(wanted.clone()));

        // The same after it was saved and restored.
        let mut saved = Vec::new();
        memory.snapshot(&mut saved);
        let mut again = WorkingMemory::new(WorkingMemorySettings::default());
        again.restore(&saved).unwrap();
        let merged = again.context_of(&EventView::open(&record).unwrap()).to_vec();
        let merged = neuronbus::event::Packed::new(&merged).unwrap().read::<Value>().unwrap();
        prop_assert_eq!(merged, Value::Object(wanted));
    }
}

#[test]
fn sessions_changed_longest_ago_are_forgotten_first() {
    let mut memory = WorkingMemory::new(WorkingMemorySettings { scopes: 2 });
    let know = |memory: &mut WorkingMemory, id: &str, x: u64| {
        let scope = Scope::Session(id.to_owned());
        memory
            .apply(ContextChange { scope, change: Change::Merge(object(json!({"x": x}))) })
            .unwrap();
    };
    know(&mut memory, "a", 1);
    know(&mut memory, "b", 2);
    know(&mut memory, "a", 3);
    know(&mut memory, "c", 4);
    let mut known = |id: &str| {
        let mut record = Vec::new();
        let event = Event::new("t").header("session", id);
        event.encode(&mut neuronbus::event::EventIds::new(0), 0, &mut record).unwrap();
        let merged = memory.context_of(&EventView::open(&record).unwrap()).to_vec();
        let merged = neuronbus::event::Packed::new(&merged).unwrap();
        merged.get("x").map(|x| x.read::<u64>().unwrap())
    };
    assert_eq!([known("a"), known("b"), known("c")], [Some(3), None, Some(4)]);
}
