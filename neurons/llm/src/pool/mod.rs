//! A pool: models are neurons that compete for tasks, and learn from what became of them.
//!
//! ```text
//!            +-----------------------------------------------------------+
//! tasks    ->| dispatcher --looks over plastic synapses--> models        |
//!            |   ^  ^---claim of the first to gather enough---|          |
//!            |   |  |                              (lateral inhibition)  |
//!            |   |  +--answer-- gate of the winner <-- request           |
//!            |   +-- reward = quality - time - cost, above what is usual |
//!            |   +--> herald                                             |-> answers, as events
//!            +-----------------------------------------------------------+
//! ```
//!
//! The dispatcher looks at the first task once a tick. Each look pushes every model's membrane by the weight of its
//! synapse and a little chance, so that the best is mostly first and the others are tried now and then. A model that
//! fails rests, and the others get its task at once.

mod contender;
mod dispatcher;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::prelude::*;

use crate::agent::{DEAF, Herald};
use contender::Contender;
use dispatcher::Dispatcher;

/// Says how good an answer is: the task, the answer, a number that is 1 for a good one.
pub type Quality = dyn Fn(&str, &str) -> f32 + Send + Sync;

/// How a pool chooses and learns.
///
/// | field | default | meaning |
/// | --- | --- | --- |
/// | `quality` | 1 for any answer | what an answer is worth |
/// | `per_second` | 0.1 | what a second takes away |
/// | `per_cost` | 1 | what a unit of money takes away |
/// | `noise` | 0.1 | most that chance adds to a look: how often others than the best are tried |
/// | `start` | 0.2 | weight of a model that nothing is known of; a membrane's threshold is 1 |
/// | `learning` | eligibility 1 s, rate 2 | how reward becomes weight |
/// | `rest` | 5 s | how long a model that failed is not asked |
/// | `max_tokens` | 512 | longest answer |
#[derive(Clone)]
pub struct PoolSettings {
    /// What an answer is worth; a function of nothing but task and answer.
    pub quality: Arc<Quality>,
    /// What a second takes away.
    pub per_second: f32,
    /// What a unit of money takes away.
    pub per_cost: f32,
    /// Most that chance adds to a look.
    pub noise: f32,
    /// Weight to begin with.
    pub start: f32,
    /// How reward becomes weight.
    pub learning: RewardStdp,
    /// How long a model that failed is not asked.
    pub rest: Span,
    /// Longest answer in tokens.
    pub max_tokens: u32,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            quality: Arc::new(|_, _| 1.0),
            per_second: 0.1,
            per_cost: 1.0,
            noise: 0.1,
            start: 0.2,
            learning: RewardStdp {
                tau_eligibility: Span::Time(Duration::from_secs(1)),
                rate: 2.0,
                ..RewardStdp::default()
            },
            rest: Span::Time(Duration::from_secs(5)),
            max_tokens: 512,
        }
    }
}

impl fmt::Debug for PoolSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSettings")
            .field("per_second", &self.per_second)
            .field("per_cost", &self.per_cost)
            .finish_non_exhaustive()
    }
}

/// The regions and ports of a pool; [`model_pool`] makes it.
#[derive(Debug, Clone)]
pub struct ModelPool {
    /// Dispatcher and herald.
    pub region: RegionId,
    /// One neuron for each model, by its name; the weights of the dispatcher's synapses onto them are what was learned.
    pub models: RegionId,
    /// Tasks, as events or text.
    pub tasks: Port,
    /// Answers, as events `pool.message` and `pool.failed` with a [`SpokenMessage`](crate::SpokenMessage) as body.
    pub answers: Port,
}

/// Adds a pool at a path such as `language/pool`; each model has a name and the region and path of its gate.
pub fn model_pool(
    builder: &mut CortexBuilder,
    path: &str,
    models: &[(&str, RegionId, &str)],
    settings: PoolSettings,
) -> ModelPool {
    let names = models.iter().map(|(name, _, gate)| ((*name).to_owned(), (*gate).to_owned()));
    let dispatcher = Dispatcher::new(path, names.collect(), settings.clone());
    let region = Region::agents(path)
        .membrane(DEAF)
        .neuron("dispatcher", dispatcher)
        .neuron("herald", Herald { topic: "pool".to_owned() })
        .port("tasks", &["dispatcher"])
        .port("answers", &["herald"]);
    let region = builder.region(region);
    let mut contenders = Region::agents(&format!("{path}/models"));
    for (name, _, _) in models {
        contenders = contenders.neuron(name, Contender { noise: settings.noise });
    }
    let contenders = builder.region(contenders);
    let (tasks, answers) = (Port::of(region, "tasks"), Port::of(region, "answers"));
    let wire = || Projection::all_to_all().protected();
    // A weight never falls so low that a model is forgotten.
    let looks = Projection::all_to_all().weight(settings.start).bounds(0.05, 1.0);
    builder.project(tasks.clone(), contenders, looks.plasticity(settings.learning));
    builder.project(contenders, tasks.clone(), wire());
    builder.project(
        contenders,
        contenders,
        Projection::lateral_inhibition().bounds(0.0, 5.0).weight(5.0),
    );
    builder.project(tasks.clone(), answers.clone(), wire());
    for (_, gate, _) in models {
        builder.project(tasks.clone(), *gate, wire());
    }
    ModelPool { region, models: contenders, tasks, answers }
}
