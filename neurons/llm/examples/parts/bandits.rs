//! A recorded workload of tasks and models, and what other ways to choose a model make of it.

use neuronbus::math::random;

/// A model of the workload: its name, how often its answer is good, and the seconds that it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// Its name.
    pub(crate) name: &'static str,
    /// How often its answer is good.
    pub(crate) good: f64,
    /// Seconds until it has answered.
    pub(crate) seconds: f64,
}

/// What a second takes away from an answer that is worth 1 if it is good.
pub(crate) const PER_SECOND: f64 = 0.2;

/// Whether a model's answer to a task is good: written down once, so that everybody is judged by the same.
pub(crate) fn is_good(candidates: &[Candidate], task: u64, model: usize) -> bool {
    let chance = (random(11, task, model as u64, 0) >> 11) as f64 / (1_u64 << 53) as f64;
    chance < candidates[model].good
}

/// What an answer was worth.
pub(crate) fn reward(candidates: &[Candidate], task: u64, model: usize) -> f64 {
    f64::from(u8::from(is_good(candidates, task, model))) - PER_SECOND * candidates[model].seconds
}

/// What is lost in so many tasks against always asking the model that is best on average, by those chosen.
pub(crate) fn regret(candidates: &[Candidate], chosen: &[usize]) -> f64 {
    let worth = |model: usize| candidates[model].good - PER_SECOND * candidates[model].seconds;
    let best = (0..candidates.len()).map(worth).fold(f64::MIN, f64::max);
    chosen.iter().map(|&model| best - worth(model)).sum()
}

/// One after the other.
pub(crate) fn round_robin(candidates: &[Candidate], tasks: u64) -> Vec<usize> {
    (0..tasks as usize).map(|task| task % candidates.len()).collect()
}

/// Always the fastest.
pub(crate) fn fastest(candidates: &[Candidate], tasks: u64) -> Vec<usize> {
    let seconds = |model: &usize| candidates[*model].seconds;
    let fastest = (0..candidates.len()).min_by(|a, b| seconds(a).total_cmp(&seconds(b)));
    vec![fastest.unwrap_or(0); tasks as usize]
}

/// UCB1 (Auer, Cesa-Bianchi and Fischer, Machine Learning 47, 2002): the best so far, with a bonus for what is known
/// little of.
pub(crate) fn ucb(candidates: &[Candidate], tasks: u64) -> Vec<usize> {
    let mut sums = vec![0.0; candidates.len()];
    let mut counts = vec![0.0; candidates.len()];
    let mut chosen = Vec::new();
    for task in 0..tasks {
        let bound = |model: usize| match counts[model] {
            0.0 => f64::INFINITY,
            count => {
                let explore: f64 = 2.0 * (task as f64).ln() / count;
                sums[model] / count + explore.sqrt()
            }
        };
        let model = (0..candidates.len()).max_by(|&a, &b| bound(a).total_cmp(&bound(b)));
        let model = model.unwrap_or(0);
        sums[model] += reward(candidates, task, model);
        counts[model] += 1.0;
        chosen.push(model);
    }
    chosen
}
