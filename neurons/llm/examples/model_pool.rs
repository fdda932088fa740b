//! Three models compete for tasks by weights that learn from quality and time; then the best one dies.
//!
//! ```text
//! $ cargo run -p neuronbus-llm --example model_pool
//! weights at first: fast 0.20, code 0.20, reasoning 0.20
//! weights when learned: fast 0.16, code 0.26, reasoning 0.20
//! weights code is dead: fast 0.17, code 0.16, reasoning 0.20
//! the last 20 tasks were answered by fast 3, reasoning 17
//! regret of the pool: 7.3
//! regret of round robin: 49.0
//! regret of always the fastest: 72.0
//! regret of UCB1: 24.0
//! ```

#[path = "parts/bandits.rs"]
mod bandits;
#[path = "parts/contest.rs"]
mod contest;

use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering::Relaxed};
use std::time::Duration;

use bandits::{Candidate, PER_SECOND};
use contest::{Chosen, candidate_gate};
use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{PoolSettings, model_pool};

/// As a model of 3, 7 and 70 billion parameters might do.
const MODELS: [Candidate; 3] = [
    Candidate { name: "fast", good: 0.5, seconds: 0.2 },
    Candidate { name: "code", good: 0.8, seconds: 0.5 },
    Candidate { name: "reasoning", good: 0.95, seconds: 2.5 },
];
const TASKS: u64 = 300;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Cortex::builder();
    let (tasks, gate) = Publisher::gate(16, 1);
    let tasks_in = builder.region(Region::gated("tasks", gate));
    let dead = Arc::new(AtomicBool::new(false));
    let gates = [0, 1, 2].map(|model| {
        let gate = candidate_gate(&MODELS, model, dead.clone());
        (MODELS[model].name, builder.region(Region::gated(MODELS[model].name, gate)))
    });
    let models = gates.map(|(name, region)| (name, region, name));
    let worth = |_: &str, answer: &str| f32::from(u8::from(answer == "good"));
    let settings = PoolSettings {
        quality: Arc::new(worth),
        per_second: PER_SECOND as f32,
        ..PoolSettings::default()
    };
    let pool = model_pool(&mut builder, "pool", &models, settings);
    builder.project(tasks_in, pool.tasks.clone(), Projection::all_to_all());
    let chosen = Chosen::listen(&mut builder, &MODELS, pool.answers.clone());
    builder.pace(Pace::Free).seed(2);
    let mut cortex = builder.build()?;
    chosen.print_weights(&cortex, "at first");
    for task in 0..TASKS + 20 {
        if task == TASKS {
            chosen.print_weights(&cortex, "when learned");
            dead.store(true, Relaxed);
        }
        tasks.publish(&Event::new("task").body(task))?;
        cortex.run_for(Duration::from_secs(6))?;
    }
    chosen.print_weights(&cortex, "code is dead");
    chosen.print_regret(TASKS);
    Ok(())
}
