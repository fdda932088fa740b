//! Learning to route from right and wrong alone, over one pass of the training queries in random order.

use neuronbus::pace::Stamp;
use neuronbus_semantic::matrix::Matrix;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::router::{Router, RouterSettings};

use crate::data::{Clinc, Draws, Outcome};

/// Queries over which the last accuracy, and the least, are taken.
const LAST: usize = 1000;
const WINDOW: usize = 500;

/// One pass: which choices were right, and how long choosing and learning took.
pub(crate) struct Pass {
    pub(crate) right: Vec<bool>,
    pub(crate) time_ns: u64,
}

impl Pass {
    pub(crate) fn accuracy(&self, from: usize, to: usize) -> f64 {
        let part = &self.right[from.min(self.right.len())..to.min(self.right.len())];
        part.iter().filter(|&&right| right).count() as f64 / part.len().max(1) as f64
    }

    pub(crate) fn all(&self) -> f64 {
        self.accuracy(0, self.right.len())
    }

    pub(crate) fn last(&self) -> f64 {
        self.accuracy(self.right.len() - LAST, self.right.len())
    }

    /// The least accuracy over a window.
    pub(crate) fn least(&self) -> f64 {
        let starts = (0..=self.right.len() - WINDOW).step_by(50);
        starts.map(|at| self.accuracy(at, at + WINDOW)).fold(1.0, f64::min)
    }
}

/// What the handlers are.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Task {
    /// 150 intents, known by their names.
    Intents,
    /// 10 domains of which nothing is known.
    Domains,
}

pub(crate) fn router(
    clinc: &Clinc,
    encoder: &dyn Encoder,
    task: Task,
    settings: RouterSettings,
) -> Outcome<Router> {
    let model = std::sync::Arc::new(encoder.model().clone());
    let nothing = vec![vec![0.0; model.dimensions()]; 10];
    let handlers = if task == Task::Intents { &clinc.name_vectors } else { &nothing };
    Ok(Router::new(model, handlers, settings)?)
}

/// One pass over the training queries; `truth` says which handler a query of a label belongs to in which round.
pub(crate) fn pass(
    clinc: &Clinc,
    router: &mut Router,
    seed: u64,
    truth: impl Fn(usize, usize) -> usize,
) -> Outcome<Pass> {
    let order = Draws::new(seed).order(clinc.train.labels.len());
    let mut right = Vec::with_capacity(order.len());
    let started = Stamp::now();
    for (round, &query) in order.iter().enumerate() {
        let choice = router.choose(&clinc.train.vectors[query])?;
        let is_right = choice.handler == truth(round, clinc.train.labels[query]);
        router.learn(&choice, if is_right { 1.0 } else { -1.0 });
        right.push(is_right);
    }
    Ok(Pass { right, time_ns: Stamp::now().ns_since(started) })
}

/// How many of the training queries are nearest to the name of their handler: what is there before anything is learned.
fn by_name(clinc: &Clinc, encoder: &dyn Encoder) -> Outcome<f64> {
    let mut names = Matrix::new(std::sync::Arc::new(encoder.model().clone()));
    for name in &clinc.name_vectors {
        names.push(name)?;
    }
    let (mut scores, mut right) = (Vec::new(), 0);
    for (&label, vector) in clinc.train.labels.iter().zip(&clinc.train.vectors) {
        names.scores(vector, &mut scores)?;
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        right += usize::from(best.is_some_and(|(at, _)| at == label));
    }
    Ok(right as f64 / clinc.train.labels.len() as f64)
}

/// Three passes for each task, and the table.
pub(crate) fn print(clinc: &Clinc, encoder: &dyn Encoder) -> Outcome<Vec<(&'static str, Pass)>> {
    println!("\n## Reward alone (15,000 queries once, right or wrong)\n");
    println!("Nearest name, nothing learned: {:.1} %\n", by_name(clinc, encoder)? * 100.0);
    println!(
        "| handlers | seed | cumulative | first 1,000 | last 1,000 | least of any 500 | a round |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut kept = Vec::new();
    for (name, task) in
        [("150, known by name", Task::Intents), ("10, nothing known", Task::Domains)]
    {
        for seed in 0..3 {
            let mut router = router(clinc, encoder, task, settings(task))?;
            let truth =
                |_, label: usize| if task == Task::Intents { label } else { clinc.domains[label] };
            let pass = pass(clinc, &mut router, seed, truth)?;
            println!(
                "| {name} | {seed} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.1} us |",
                pass.all() * 100.0,
                pass.accuracy(0, LAST) * 100.0,
                pass.last() * 100.0,
                pass.least() * 100.0,
                pass.time_ns as f64 / 1e3 / pass.right.len() as f64
            );
            if seed == 0 {
                kept.push((name, pass));
            }
        }
    }
    Ok(kept)
}

/// Seeds of the changes: which labels change places, and the order of the queries.
const CHANGES: u64 = 3;

/// Twenty labels change places in pairs half-way.
pub(crate) fn print_drift(clinc: &Clinc, encoder: &dyn Encoder) -> Outcome<Vec<Pass>> {
    let half = clinc.train.labels.len() / 2;
    println!("\n## Drift (20 of 150 labels change places, in pairs, after {half} queries)\n");
    println!(
        "| seed | the 1,000 before | 0 to 500 after | 500 to 1,000 | 1,000 to 1,500 | 1,500 to 2,000 \
         | 2,000 to 2,500 | the last 1,000 |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut passes = Vec::new();
    for seed in 0..CHANGES {
        let order = Draws::new(7 + seed).order(clinc.names.len());
        let swapped: Vec<usize> = order.into_iter().take(20).collect();
        let truth = |round: usize, label: usize| match swapped.iter().position(|&it| it == label) {
            Some(at) if round >= half => swapped[at ^ 1],
            _ => label,
        };
        let mut router = router(clinc, encoder, Task::Intents, settings(Task::Intents))?;
        let pass = pass(clinc, &mut router, seed, truth)?;
        let mut cells = vec![pass.accuracy(half - 1000, half)];
        let after = [0, 500, 1000, 1500, 2000];
        cells.extend(after.map(|at| pass.accuracy(half + at, half + at + WINDOW)));
        cells.push(pass.last());
        let cells: Vec<String> = cells.iter().map(|it| format!("{:.1} %", it * 100.0)).collect();
        println!("| {seed} | {} |", cells.join(" | "));
        passes.push(pass);
    }
    Ok(passes)
}

/// Few handlers leave many episodes for each.
fn settings(task: Task) -> RouterSettings {
    let defaults = RouterSettings::default();
    if task == Task::Intents {
        defaults
    } else {
        RouterSettings { vote: 300.0, memory: 3000, ..defaults }
    }
}
