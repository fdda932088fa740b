//! What the example `model_pool` needs beside its topology: models by the book, and who was chosen.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::event::EventView;
use neuronbus::prelude::*;
use neuronbus_llm::{
    Failure, FailureKind, Reply, Request, ScriptedGate, ScriptedModel, SpokenMessage,
};
use serde_json::Value;

use crate::bandits::{Candidate, fastest, is_good, regret, round_robin, ucb};

/// A gate to a model that answers as the workload has it; the one called `code` fails once it is dead.
pub(crate) fn candidate_gate(
    candidates: &'static [Candidate],
    model: usize,
    dead: Arc<AtomicBool>,
) -> ScriptedGate {
    let name = candidates[model].name;
    let script = move |request: &Request| {
        if name == "code" && dead.load(Relaxed) {
            let failure = Some(Failure::new(FailureKind::Connection, "it is dead"));
            return Reply { failure, ..Reply::default() };
        }
        let task = request.messages[0].content.parse().unwrap_or(0);
        Reply::from(if is_good(candidates, task, model) { "good" } else { "bad" })
    };
    let first = Duration::from_secs_f64(candidates[model].seconds);
    let each = Duration::from_millis(1)..=Duration::from_millis(1);
    ScriptedModel::new(name, script).taking(first, each).gate(name)
}

/// Who has answered, task by task.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    candidates: &'static [Candidate],
    models: Arc<Mutex<Vec<usize>>>,
}

impl Chosen {
    /// Listens to the answers of a pool.
    pub(crate) fn listen(
        builder: &mut CortexBuilder,
        candidates: &'static [Candidate],
        answers: Port,
    ) -> Self {
        let chosen = Self { candidates, models: Arc::default() };
        let region = builder.region(Region::agents("office").neuron("clerk", chosen.clone()));
        builder.project(answers, region, Projection::all_to_all());
        chosen
    }

    /// Prints the weights of the pool at `pool`.
    pub(crate) fn print_weights(&self, cortex: &Cortex, when: &str) {
        let atlas = cortex.atlas();
        let weight = |name| {
            let ends = (atlas.neuron("pool", "dispatcher")?, atlas.neuron("pool/models", name)?);
            cortex.weight(ends.0, ends.1)
        };
        let shown = self.candidates.iter().map(|candidate| {
            format!("{} {:.2}", candidate.name, weight(candidate.name).unwrap_or(f32::NAN))
        });
        println!("weights {when}: {}", shown.collect::<Vec<_>>().join(", "));
    }

    /// Prints who answered after so many tasks, and what the tasks before lost by who was chosen, beside other ways.
    pub(crate) fn print_regret(&self, tasks: u64) {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let (learned, last) = models.split_at(models.len().min(tasks as usize));
        println!("the last {} tasks were answered by {}", last.len(), self.names(last));
        let ways = [
            ("the pool", learned.to_vec()),
            ("round robin", round_robin(self.candidates, tasks)),
            ("always the fastest", fastest(self.candidates, tasks)),
            ("UCB1", ucb(self.candidates, tasks)),
        ];
        for (name, chosen) in ways {
            println!("regret of {name}: {:.1}", regret(self.candidates, &chosen));
        }
    }

    /// How often each was chosen, in words.
    fn names(&self, models: &[usize]) -> String {
        let counted = self.candidates.iter().enumerate().filter_map(|(index, candidate)| {
            let count = models.iter().filter(|&&model| model == index).count();
            (count > 0).then(|| format!("{} {count}", candidate.name))
        });
        counted.collect::<Vec<_>>().join(", ")
    }
}

impl Neuron for Chosen {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let body = EventView::parse(payload)?.body().read::<Value>()?;
        let message: SpokenMessage = serde_json::from_value(body)?;
        let model = self.candidates.iter().position(|candidate| candidate.name == message.model);
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.extend(model);
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}
