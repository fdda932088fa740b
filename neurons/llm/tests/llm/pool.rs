//! Models compete: the better one gets the tasks, and when it fails, the others do at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Heard, listen, messages};
use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{
    Ending, Failure, FailureKind, PoolSettings, Reply, ScriptedModel, SpokenMessage, model_pool,
};

/// Name, milliseconds to the first token, what it says, what that is worth.
const MODELS: [(&str, u64, &str, f32); 3] =
    [("fast", 20, "poor", 0.2), ("code", 100, "good", 1.0), ("reasoning", 2000, "good", 1.0)];

struct Bench {
    cortex: Cortex,
    events: Publisher,
    answers: Heard,
    dead: Arc<AtomicBool>,
    /// Who was asked, in order.
    asked: Arc<Mutex<Vec<&'static str>>>,
}

/// A pool in which `code` is as good as the best and nearly as fast as the fastest, until it is dead.
fn bench() -> Bench {
    let mut builder = Cortex::builder();
    let (events, door) = Publisher::gate(16, 1);
    let door = builder.region(Region::gated("door", door));
    let (dead, asked) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<_>>>::default());
    let mut gates = Vec::new();
    for (name, ms, says, _) in MODELS {
        let (dead, asked) = (dead.clone(), asked.clone());
        let script = move |_: &_| {
            asked.lock().unwrap().push(name);
            match name == "code" && dead.load(Ordering::Relaxed) {
                false => Reply::from(says),
                true => Reply {
                    failure: Some(Failure::new(FailureKind::Connection, "it is gone")),
                    ..Reply::default()
                },
            }
        };
        let each = Duration::from_millis(1)..=Duration::from_millis(1);
        let model = ScriptedModel::new(name, script).taking(Duration::from_millis(ms), each);
        gates.push(builder.region(Region::gated(name, model.gate(name))));
    }
    let models: Vec<_> =
        MODELS.iter().zip(&gates).map(|(model, gate)| (model.0, *gate, model.0)).collect();
    let worth = |_: &str, answer: &str| MODELS.iter().find(|m| m.2 == answer).map_or(0.0, |m| m.3);
    let settings =
        PoolSettings { quality: Arc::new(worth), per_second: 0.4, ..PoolSettings::default() };
    let pool = model_pool(&mut builder, "pool", &models, settings);
    builder.project(door, pool.tasks, Projection::all_to_all());
    let answers = listen(&mut builder, "ears/answers", pool.answers);
    builder.pace(Pace::Free).seed(5);
    Bench { cortex: builder.build().unwrap(), events, answers, dead, asked }
}

impl Bench {
    fn ask(&mut self, task: u64, during: Duration) {
        self.events.publish(&Event::new("task").body(task)).unwrap();
        self.cortex.run_for(during).unwrap();
    }

    fn answers(&self) -> Vec<SpokenMessage> {
        messages(&self.answers).into_iter().map(|(_, message)| message).collect()
    }

    fn weights(&self) -> [f32; 3] {
        let atlas = self.cortex.atlas();
        let dispatcher = atlas.neuron("pool", "dispatcher").unwrap();
        MODELS.map(|model| {
            let to = atlas.neuron("pool/models", model.0).unwrap();
            self.cortex.weight(dispatcher, to).unwrap()
        })
    }
}

#[test]
fn the_model_that_is_worth_most_gets_the_tasks() {
    let mut bench = bench();
    for task in 0..80 {
        bench.ask(task, Duration::from_secs(4));
    }
    let answers = bench.answers();
    assert_eq!(answers.len(), 80);
    let share = |answers: &[SpokenMessage]| answers.iter().filter(|a| a.model == "code").count();
    let (early, late) = (share(&answers[..20]), share(&answers[60..]));
    let [fast, code, reasoning] = bench.weights();
    assert!(late >= 15 && late >= early, "{early} early, {late} late");
    assert!(code > fast && code > reasoning, "{:?}", bench.weights());
}

#[test]
fn when_a_model_dies_its_task_goes_to_another_within_a_second() {
    let mut bench = bench();
    for task in 0..40 {
        bench.ask(task, Duration::from_secs(4));
    }
    let before = bench.weights()[1];
    bench.dead.store(true, Ordering::Relaxed);
    let (mut task, mut now) = (40, bench.answers().len());
    // Until the dead one is chosen; the reasoning one answers after two seconds of its own time.
    while bench.weights()[1] >= before {
        assert!(task < 80, "the dead model was never chosen");
        bench.asked.lock().unwrap().clear();
        bench.ask(task, Duration::from_secs(1));
        let asked = bench.asked.lock().unwrap().clone();
        assert!(asked.len() == 1 + usize::from(asked[0] == "code"), "{asked:?} within a second");
        assert_ne!(asked.last(), Some(&"code"));
        bench.cortex.run_for(Duration::from_secs(3)).unwrap();
        (task, now) = (task + 1, now + 1);
        assert_eq!(bench.answers().len(), now, "no task is lost");
        assert_ne!(bench.answers().last().unwrap().model, "code");
    }
    // While it rests, nobody asks it.
    bench.ask(task, Duration::from_millis(900));
    assert!(bench.answers().iter().all(|answer| matches!(answer.ending, Ending::Complete(_))));
}

#[test]
fn a_pool_of_the_dead_says_so() {
    let mut builder = Cortex::builder();
    let (events, door) = Publisher::gate(16, 1);
    let door = builder.region(Region::gated("door", door));
    let gone = |_: &_| Reply {
        failure: Some(Failure::new(FailureKind::Connection, "it is gone")),
        ..Reply::default()
    };
    let gate = builder.region(Region::gated("m", ScriptedModel::new("m", gone).gate("m")));
    let pool = model_pool(&mut builder, "pool", &[("m", gate, "m")], PoolSettings::default());
    builder.project(door, pool.tasks, Projection::all_to_all());
    let answers = listen(&mut builder, "ears/answers", pool.answers);
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    events.publish(&Event::new("task")).unwrap();
    cortex.run_for(Duration::from_secs(1)).unwrap();
    let [(topic, message)] = &messages(&answers)[..] else { panic!() };
    assert_eq!(topic, "pool.failed");
    let Ending::Failed(failure) = &message.ending else { panic!("{message:?}") };
    assert_eq!(failure.kind, FailureKind::BreakerOpen);
}
