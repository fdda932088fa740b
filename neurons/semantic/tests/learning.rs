//! A router learns from reward which handler a text belongs to.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::Arc;

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::router::{Router, RouterError, RouterSettings};
use neuronbus_semantic::router_neuron::RouterNeuron;

/// Texts of three handlers; `rain` and `storm` have no word in common with the name that they belong to.
const TEXTS: [(&str, usize); 12] = [
    ("what is the balance of my account", 0),
    ("how much money do I have", 0),
    ("transfer money to my savings", 0),
    ("pay the bill from checking", 0),
    ("play some music by the beatles", 1),
    ("skip this song", 1),
    ("turn the volume up", 1),
    ("add this track to my playlist", 1),
    ("will it rain tomorrow", 2),
    ("is a storm coming to berlin", 2),
    ("how cold is it outside", 2),
    ("do I need an umbrella today", 2),
];

fn vectors(names: [&str; 3]) -> Vec<Vec<f32>> {
    names.iter().map(|name| StaticTable::bundled().encode(name).unwrap()).collect()
}

fn router(names: [&str; 3]) -> Router {
    let model = Arc::new(StaticTable::bundled().model().clone());
    Router::new(model, &vectors(names), RouterSettings::default()).unwrap()
}

/// How many of the texts go right, while it learns from each.
fn pass(router: &mut Router, truth: impl Fn(usize) -> usize) -> usize {
    let outcome = |&(text, handler): &(&str, usize)| {
        let choice = router.choose(&StaticTable::bundled().encode(text).unwrap()).unwrap();
        let is_right = choice.handler == truth(handler);
        router.learn(&choice, if is_right { 1.0 } else { -1.0 });
        is_right
    };
    TEXTS.iter().map(outcome).filter(|&right| right).count()
}

#[test]
fn names_are_a_start_and_reward_does_the_rest() {
    let mut router = router(["banking", "music", "weather"]);
    let first = pass(&mut router, |handler| handler);
    assert!(first >= 7, "{first} of 12 by name");
    let last = (0..3).map(|_| pass(&mut router, |handler| handler)).last().unwrap();
    assert_eq!(last, 12);
}

#[test]
fn names_that_mislead_are_unlearned() {
    let mut router = router(["music", "weather", "banking"]);
    let first = pass(&mut router, |handler| handler);
    let last = (0..8).map(|_| pass(&mut router, |handler| handler)).last().unwrap();
    assert!(first < 6 && last == 12, "{first}, then {last}");
}

#[test]
fn what_was_right_can_become_wrong() {
    let mut router = router(["banking", "music", "weather"]);
    (0..4).for_each(|_| {
        pass(&mut router, |handler| handler);
    });
    let after = pass(&mut router, |handler| (handler + 1) % 3);
    let last = (0..8).map(|_| pass(&mut router, |handler| (handler + 1) % 3)).last().unwrap();
    assert!(after < 6 && last >= 11, "{after}, then {last}");
}

/// Whether a topic is still known by a text when its handler was wrong again and again.
#[test]
fn failures_of_a_handler_are_not_held_against_the_texts() {
    let mut router = router(["banking", "music", "weather"]);
    (0..4).for_each(|_| {
        pass(&mut router, |handler| handler);
    });
    let text = StaticTable::bundled().encode("will it rain tomorrow").unwrap();
    let before = router.choose(&text).unwrap();
    assert!(before.handler == 2 && before.expected > 0.5, "{before:?}");
    for _ in 0..4 {
        let choice = router.choose(&text).unwrap();
        router.learn(&choice, -1.0);
    }
    let after = router.choose(&text).unwrap();
    assert_ne!(after.handler, 2, "somebody else is tried");
    assert_eq!(after.expected, before.expected, "and the text is still about the weather");
}

#[test]
fn a_restored_router_goes_on_to_the_bit() {
    let mut first = router(["banking", "music", "weather"]);
    (0..4).for_each(|_| {
        pass(&mut first, |handler| handler);
    });
    // Some failures are nobody's yet.
    let text = StaticTable::bundled().encode("will it rain tomorrow").unwrap();
    let choice = first.choose(&text).unwrap();
    first.learn(&choice, -1.0);
    let mut bytes = Vec::new();
    first.snapshot(&mut bytes);
    let mut second = router(["one", "two", "three"]);
    second.restore(&bytes).unwrap();
    assert_eq!(pass(&mut first, |handler| handler), pass(&mut second, |handler| handler));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    first.snapshot(&mut a);
    second.snapshot(&mut b);
    assert!(a == b);
}

#[test]
fn states_of_others_and_odd_rewards_change_nothing() {
    let mut ours = router(["banking", "music", "weather"]);
    let mut before = Vec::new();
    ours.snapshot(&mut before);
    assert!(matches!(ours.restore(&before[..100]), Err(RouterError::State(_))));
    let model = Arc::new(StaticTable::bundled().model().clone());
    let mut two = Vec::new();
    let names = vectors(["a", "b", "c"]);
    Router::new(model.clone(), &names[..2], RouterSettings::default()).unwrap().snapshot(&mut two);
    assert!(ours.restore(&two).unwrap_err().to_string().contains("2 handlers, and this has 3"));
    let choice = ours.choose(&names[0]).unwrap();
    ours.learn(&choice, f32::NAN);
    let mut after = Vec::new();
    ours.snapshot(&mut after);
    assert!(before == after);
    assert!(ours.choose(&[1.0; 3]).is_err());
    assert!(matches!(
        Router::new(model.clone(), &[], RouterSettings::default()),
        Err(RouterError::NoHandlers)
    ));
    let settings = RouterSettings { doubt: -1.0, ..RouterSettings::default() };
    assert!(Router::new(model, &names, settings).unwrap_err().to_string().contains("doubt = -1"));
}

/// Takes what is its own, and says so.
struct Handler {
    own: usize,
    taken: Arc<std::sync::atomic::AtomicUsize>,
}

impl Neuron for Handler {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let is_own = TEXTS.iter().any(|&(text, own)| text.as_bytes() == payload && own == self.own);
        self.taken.fetch_add(usize::from(is_own), std::sync::atomic::Ordering::Relaxed);
        ctx.modulate(spike.source()?, if is_own { 1.0 } else { -1.0 })?;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

#[test]
fn reward_as_spikes_teaches_a_router_in_a_running_cortex() {
    let names = ["banking", "music", "weather"];
    // The names are those of others, so that only reward can say who is who.
    let neuron = RouterNeuron::new(
        router(["music", "weather", "banking"]),
        StaticTable::bundled(),
        "desk",
        &names,
    );
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let ear = builder.region(Region::gated("ear", gate));
    let route = builder.region(Region::agents("route").neuron("router", neuron));
    let taken = Arc::default();
    let mut desk = Region::agents("desk");
    for (own, name) in names.iter().enumerate() {
        desk = desk.neuron(name, Handler { own, taken: Arc::clone(&taken) });
    }
    let desk = builder.region(desk);
    builder.project(ear, route, Projection::all_to_all());
    builder.project(route, desk, Projection::all_to_all().weight(0.0));
    builder.project(desk, route, Projection::all_to_all().weight(0.0));
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    let mut passes = Vec::new();
    for _ in 0..10 {
        let before = taken.load(std::sync::atomic::Ordering::Relaxed);
        for (text, _) in TEXTS {
            inlet.fire(SpikeKind::Excitatory, 0, text.as_bytes()).unwrap();
            cortex.run_for(Ticks(6)).unwrap();
        }
        passes.push(taken.load(std::sync::atomic::Ordering::Relaxed) - before);
    }
    assert!(passes[0] < 6 && passes[9] == 12, "{passes:?}");
}
