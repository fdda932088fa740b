//! Routing with labels: CLINC150, in scope and out.

use std::sync::Arc;

use neuronbus_semantic::classifier::{Classifier, ClassifierSettings};
use neuronbus_semantic::matrix::Matrix;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::router::{Choice, Router, RouterSettings};

use crate::data::{Clinc, Draws, Outcome, Split};
use crate::reward::{Task, router};

/// So many draws of few utterances; the first in the file are written by few people and alike.
const DRAWS: u64 = 3;

/// Which training queries are used: so many of each intent, drawn.
fn drawn(clinc: &Clinc, each: usize, seed: u64) -> Vec<usize> {
    let mut used = vec![0; clinc.names.len()];
    let mut order = Draws::new(seed).order(clinc.train.labels.len());
    order.retain(|&query| {
        let used = &mut used[clinc.train.labels[query]];
        *used += 1;
        *used <= each
    });
    order
}

/// Handlers that were taught with labels: a prototype each, the spread that they share, and episodes.
fn taught(clinc: &Clinc, encoder: &dyn Encoder, used: &[usize]) -> Outcome<Router> {
    let mut router = router(clinc, encoder, Task::Intents, RouterSettings::default())?;
    for &query in used {
        let vector = clinc.train.vectors[query].clone();
        router.learn(&Choice::of(clinc.train.labels[query], vector), 1.0);
    }
    Ok(router)
}

fn matrix(clinc: &Clinc, encoder: &dyn Encoder, used: &[usize]) -> Outcome<(Matrix, Vec<usize>)> {
    let mut texts = Matrix::new(Arc::new(encoder.model().clone()));
    for &query in used {
        texts.push(&clinc.train.vectors[query])?;
    }
    Ok((texts, used.iter().map(|&query| clinc.train.labels[query]).collect()))
}

struct Answer {
    right: bool,
    logit: f32,
}

fn answers(classifier: &Classifier, split: &Split) -> Outcome<Vec<Answer>> {
    let mut logits = Vec::new();
    let mut answer = |(&label, vector): (&usize, &Vec<f32>)| -> Outcome<Answer> {
        let found = classifier.decide(vector, &mut logits)?;
        Ok(Answer { right: found.label == label, logit: found.logit })
    };
    split.labels.iter().zip(&split.vectors).map(&mut answer).collect()
}

fn share(count: usize, all: usize) -> f64 {
    count as f64 / all.max(1) as f64 * 100.0
}

/// Right and above a threshold, of all.
fn kept(answers: &[Answer], threshold: f32) -> f64 {
    share(answers.iter().filter(|a| a.right && a.logit >= threshold).count(), answers.len())
}

/// Below a threshold, of all.
fn refused(answers: &[Answer], threshold: f32) -> f64 {
    share(answers.iter().filter(|a| a.logit < threshold).count(), answers.len())
}

/// Nearest exemplar, router, classifier, in scope with abstention, out-of-scope recall: in per cent.
fn figures(clinc: &Clinc, encoder: &dyn Encoder, used: &[usize]) -> Outcome<[f64; 5]> {
    let (texts, labels) = matrix(clinc, encoder, used)?;
    let mut router = taught(clinc, encoder, used)?;
    let (mut scores, mut nearest, mut routed) = (Vec::new(), 0, 0);
    for (&label, vector) in clinc.test.labels.iter().zip(&clinc.test.vectors) {
        texts.scores(vector, &mut scores)?;
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        nearest += usize::from(best.is_some_and(|(at, _)| labels[at] == label));
        routed += usize::from(router.choose(vector)?.handler == label);
    }
    let settings = ClassifierSettings::default();
    let classifier = Classifier::fit(&texts, &labels, clinc.names.len(), settings)?;
    let of = |split: &Split| answers(&classifier, split);
    let (val, out_val) = (of(&clinc.val)?, of(&clinc.out_val)?);
    let (test, out) = (of(&clinc.test)?, of(&clinc.out_test)?);
    // Balanced on the validation split, as the published comparison does.
    let steps = (0..400).map(|step| step as f32 * 0.05 - 10.0);
    let worth = |&t: &f32| kept(&val, t) + refused(&out_val, t);
    let threshold = steps.max_by(|a, b| worth(a).total_cmp(&worth(b))).unwrap_or(0.0);
    let all = clinc.test.labels.len();
    Ok([
        share(nearest, all),
        share(routed, all),
        kept(&test, f32::MIN),
        kept(&test, threshold),
        refused(&out, threshold),
    ])
}

pub(crate) fn print(clinc: &Clinc, encoder: &dyn Encoder) -> Outcome<()> {
    println!("\n## Intents with labels (CLINC150, 150 intents, 4,500 test queries)\n");
    println!("Few utterances are drawn: means of {DRAWS} draws, seeds 0 to {}.\n", DRAWS - 1);
    println!(
        "| utterances each | nearest exemplar | taught router | classifier | in scope with abstention \
         | out-of-scope recall |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, each, draws) in
        [("all 100", usize::MAX, 1), ("10", 10, DRAWS), ("5", 5, DRAWS), ("1", 1, DRAWS)]
    {
        let mut sums = [0.0; 5];
        for seed in 0..draws {
            let found = figures(clinc, encoder, &drawn(clinc, each, seed))?;
            sums.iter_mut().zip(found).for_each(|(sum, figure)| *sum += figure / draws as f64);
        }
        let cells = sums.map(|figure| format!("{figure:.1} %")).join(" | ");
        println!("| {name} | {cells} |");
    }
    Ok(())
}
