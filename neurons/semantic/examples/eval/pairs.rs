//! Pairs of topic names: a threshold is chosen on one half of the pairs, and counted on the other.

use std::path::Path;
use std::sync::Arc;

use neuronbus_semantic::matrix::dot;
use neuronbus_semantic::phrased::Phrased;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::text::{are_siblings, spaced};

use crate::data::{self, Draws, Outcome, Pair};

/// How often the pairs are halved.
const HALVINGS: u64 = 50;

struct Scored {
    score: f32,
    siblings: bool,
    similar: bool,
    opposite: bool,
}

fn score(pairs: &[&Pair], encoder: &dyn Encoder) -> Outcome<Vec<Scored>> {
    let scored = |pair: &&Pair| -> Outcome<Scored> {
        let (a, b) = (spaced(&pair.a), spaced(&pair.b));
        Ok(Scored {
            score: dot(&encoder.encode(&a)?, &encoder.encode(&b)?),
            siblings: are_siblings(&a, &b),
            similar: pair.similar,
            opposite: pair.kind.starts_with("opposite") || pair.kind == "antonym",
        })
    };
    pairs.iter().map(scored).collect()
}

fn accuracy<'a>(pairs: impl Iterator<Item = &'a Scored>, threshold: f32, guarded: bool) -> f64 {
    let (mut right, mut all) = (0, 0);
    for pair in pairs {
        let says = pair.score >= threshold && !(guarded && pair.siblings);
        right += usize::from(says == pair.similar);
        all += 1;
    }
    f64::from(right as u32) / f64::from(all.max(1) as u32)
}

/// The threshold in the middle of those that are best on these pairs.
fn fit(pairs: &[&Scored], guarded: bool) -> f32 {
    let all: Vec<f32> = (0..180).map(|step| step as f32 * 0.005).collect();
    let of = |threshold: f32| accuracy(pairs.iter().copied(), threshold, guarded);
    let best = all.iter().map(|&threshold| of(threshold)).fold(0.0, f64::max);
    let best: Vec<f32> = all.into_iter().filter(|&threshold| of(threshold) == best).collect();
    best[best.len() / 2]
}

/// Accuracy on halves that the threshold was not chosen on: with opposites, without, and the mean threshold.
fn halved(pairs: &[Scored], guarded: bool) -> (f64, f64, f32) {
    let (mut with, mut without, mut thresholds) = (0.0, 0.0, 0.0);
    for seed in 0..HALVINGS {
        let order = Draws::new(seed).order(pairs.len());
        let (left, right) = order.split_at(pairs.len() / 2);
        for (chosen, tested) in [(left, right), (right, left)] {
            let chosen: Vec<&Scored> = chosen.iter().map(|&at| &pairs[at]).collect();
            let threshold = fit(&chosen, guarded);
            let tested = || tested.iter().map(|&at| &pairs[at]);
            with += accuracy(tested(), threshold, guarded);
            without += accuracy(tested().filter(|pair| !pair.opposite), threshold, guarded);
            thresholds += threshold;
        }
    }
    let count = (2 * HALVINGS) as f64;
    (with / count, without / count, thresholds / count as f32)
}

/// What single thresholds do on all pairs, each kind by itself.
fn print_thresholds(pairs: &[Pair], encoder: &dyn Encoder) -> Outcome<()> {
    println!("\n## What a threshold does (all pairs, read as names, siblings held apart)\n");
    println!("| threshold | paraphrases found | unrelated taken | opposites taken |");
    println!("| --- | --- | --- | --- |");
    let all: Vec<&Pair> = pairs.iter().collect();
    let scored = score(&all, encoder)?;
    for threshold in (4..=12).map(|step| step as f32 * 0.05) {
        let share = |of: &dyn Fn(&Scored) -> bool| {
            let of: Vec<_> = scored.iter().filter(|pair| of(pair)).collect();
            let taken = of.iter().filter(|pair| pair.score >= threshold && !pair.siblings).count();
            taken as f64 / of.len().max(1) as f64 * 100.0
        };
        let found = share(&|pair| pair.similar);
        let unrelated = share(&|pair| !pair.similar && !pair.opposite);
        let opposites = share(&|pair| pair.opposite);
        println!("| {threshold:.2} | {found:.1} % | {unrelated:.1} % | {opposites:.1} % |");
    }
    Ok(())
}

pub(crate) fn print(folder: &Path, encoder: &Arc<dyn Encoder>) -> Outcome<()> {
    let pairs = data::pairs(folder)?;
    println!(
        "\n## Pairs of names (threshold chosen on one half, counted on the other, {HALVINGS} halvings)\n"
    );
    println!("| pairs | read as | guard | with opposites | without | mean threshold |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let phrased: Arc<dyn Encoder> = Arc::new(Phrased::topics(encoder.clone()));
    let both: Arc<dyn Encoder> = Arc::new(Phrased::topics(encoder.clone()).and_alone());
    for source in ["authored", "wordnet-3.0", "intent-datasets"] {
        let own: Vec<&Pair> = pairs.iter().filter(|pair| pair.source == source).collect();
        for (reading, encoder) in [("names", encoder), ("a sentence", &phrased), ("both", &both)] {
            let scored = score(&own, &**encoder)?;
            for (guard, guarded) in [("none", false), ("siblings", true)] {
                let (with, without, threshold) = halved(&scored, guarded);
                let (with, without) = (with * 100.0, without * 100.0);
                println!(
                    "| {source} | {reading} | {guard} | {with:.1} % | {without:.1} % | {threshold:.2} |"
                );
            }
        }
    }
    print_thresholds(&pairs, &**encoder)
}
