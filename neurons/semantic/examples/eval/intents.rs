//! Routing with labels: CLINC150, in scope and out.

use neuronbus_semantic::matrix::Matrix;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::router::{Choice, Router, RouterSettings};

use crate::data::{Clinc, Outcome, Split};
use crate::reward::{Task, router};

/// Handlers that were taught with labels: a prototype each, the spread that they share, and episodes.
fn taught(clinc: &Clinc, encoder: &dyn Encoder, each: usize) -> Outcome<Router> {
    let mut router = router(clinc, encoder, Task::Intents, RouterSettings::default())?;
    let mut used = vec![0; clinc.names.len()];
    for (&label, vector) in clinc.train.labels.iter().zip(&clinc.train.vectors) {
        if used[label] < each {
            used[label] += 1;
            router.learn(&Choice::of(label, vector.clone()), 1.0);
        }
    }
    Ok(router)
}

struct Answer {
    right: bool,
    familiarity: f32,
}

fn answers(router: &mut Router, split: &Split) -> Outcome<Vec<Answer>> {
    let answer = |(&label, vector): (&usize, &Vec<f32>)| -> Outcome<Answer> {
        let choice = router.choose(vector)?;
        Ok(Answer { right: choice.handler == label, familiarity: choice.familiarity })
    };
    split.labels.iter().zip(&split.vectors).map(answer).collect()
}

fn share(count: usize, all: usize) -> f64 {
    count as f64 / all.max(1) as f64 * 100.0
}

/// Right and above a threshold, of all.
fn kept(answers: &[Answer], threshold: f32) -> f64 {
    share(answers.iter().filter(|a| a.right && a.familiarity >= threshold).count(), answers.len())
}

/// Below a threshold, of all.
fn refused(answers: &[Answer], threshold: f32) -> f64 {
    share(answers.iter().filter(|a| a.familiarity < threshold).count(), answers.len())
}

fn nearest(clinc: &Clinc, encoder: &dyn Encoder, each: usize) -> Outcome<f64> {
    let mut matrix = Matrix::new(std::sync::Arc::new(encoder.model().clone()));
    let (mut labels, mut used) = (Vec::new(), vec![0; clinc.names.len()]);
    for (&label, vector) in clinc.train.labels.iter().zip(&clinc.train.vectors) {
        if used[label] < each {
            used[label] += 1;
            labels.push(label);
            matrix.push(vector)?;
        }
    }
    let (mut scores, mut right) = (Vec::new(), 0);
    for (&label, vector) in clinc.test.labels.iter().zip(&clinc.test.vectors) {
        matrix.scores(vector, &mut scores)?;
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        right += usize::from(best.is_some_and(|(at, _)| labels[at] == label));
    }
    Ok(share(right, clinc.test.labels.len()))
}

pub(crate) fn print(clinc: &Clinc, encoder: &dyn Encoder) -> Outcome<()> {
    println!("\n## Intents with labels (CLINC150, 150 intents, 4,500 test queries)\n");
    println!(
        "| utterances each | nearest exemplar | taught router | in scope with abstention | out-of-scope recall |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for (name, each) in [("all 100", usize::MAX), ("10", 10), ("5", 5), ("1", 1)] {
        let mut router = taught(clinc, encoder, each)?;
        let (val, out_val) =
            (answers(&mut router, &clinc.val)?, answers(&mut router, &clinc.out_val)?);
        let (test, out) =
            (answers(&mut router, &clinc.test)?, answers(&mut router, &clinc.out_test)?);
        // Balanced on the validation split, as the published comparison does.
        let steps = (0..200).map(|step| step as f32 * 0.005);
        let worth = |&t: &f32| kept(&val, t) + refused(&out_val, t);
        let threshold = steps.max_by(|a, b| worth(a).total_cmp(&worth(b))).unwrap_or(0.0);
        println!(
            "| {name} | {:.1} % | {:.1} % | {:.1} % | {:.1} % (familiarity below {threshold:.2}) |",
            nearest(clinc, encoder, each)?,
            kept(&test, f32::MIN),
            kept(&test, threshold),
            refused(&out, threshold),
        );
    }
    Ok(())
}
