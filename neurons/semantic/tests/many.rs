//! So many concepts that a text is compared with those alone that may be near.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::Arc;

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_semantic::encoder::{EncodeError, Model, normalise};
use neuronbus_semantic::lexicon::Room;
use neuronbus_semantic::prelude::*;

const WIDTH: usize = 64;
const CLUSTERS: usize = 500;

/// Vectors around centres, as texts are around subjects: `c7` is the seventh, and `q7` lies near it.
#[derive(Debug)]
struct Clustered(Model);

impl Clustered {
    fn new() -> Self {
        Self(Model::new("clustered", WIDTH, b"clustered"))
    }
}

/// A number between -1 and 1 that looks like chance and is the same everywhere.
fn drawn(seed: u64, n: usize) -> f32 {
    let word = neuronbus::math::random(seed, n as u64, 0, 0);
    (word >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

impl Encoder for Clustered {
    fn model(&self) -> &Model {
        &self.0
    }

    fn encode_batch(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<(), EncodeError> {
        for text in texts {
            let (kind, number) = text.split_at(1);
            let n: usize = number.parse().unwrap();
            let noise = if kind == "q" { 0.25 } else { 0.0 };
            let number = |d: usize| {
                drawn(1, n % CLUSTERS * WIDTH + d)
                    + 0.7 * drawn(2, n * WIDTH + d)
                    + noise * drawn(3, n * WIDTH + d)
            };
            let mut vector: Vec<f32> = (0..WIDTH).map(number).collect();
            normalise(&mut vector)?;
            out.extend(vector);
        }
        Ok(())
    }

    fn threshold(&self) -> f32 {
        0.55
    }

    fn is_instant(&self) -> bool {
        true
    }
}

fn lexicon(count: usize) -> Lexicon {
    let concepts: Vec<Concept> = (0..count).map(|n| Concept::new(format!("c{n}"))).collect();
    Lexicon::new(&concepts, &Clustered::new()).unwrap()
}

/// The five concepts that texts resemble most, text by text.
fn matches(lexicon: &Lexicon, count: usize) -> Vec<Vec<u32>> {
    let mut room = Room::default();
    let mut found = |n: usize| {
        let text = format!("q{}", n * 331 % count);
        let vector = Clustered::new().encode(&text).unwrap();
        lexicon.recognise(&text, &text, Some(&vector), &mut room).unwrap();
        room.matches().iter().take(5).map(|found| found.concept).collect()
    };
    (0..100).map(&mut found).collect()
}

#[test]
fn of_sixty_thousand_concepts_the_nearest_are_found_as_if_all_were_compared() {
    const COUNT: usize = 60_000;
    let lexicon = lexicon(COUNT);
    let fast = matches(&lexicon, COUNT);
    let exact = matches(&lexicon.exact_up_to(COUNT), COUNT);
    let (mut found, mut wanted, mut first) = (0, 0, 0);
    for (fast, exact) in fast.iter().zip(&exact) {
        wanted += exact.len();
        found += exact.iter().filter(|concept| fast.contains(concept)).count();
        first += usize::from(fast.first() == exact.first());
    }
    assert!(wanted >= 400, "{wanted} are too few to say anything");
    let recall = found as f64 / wanted as f64;
    assert!(recall >= 0.95, "recall of the nearest five is {recall}");
    assert!(first >= 99, "the nearest of all was found for {first} of 100");
}

#[test]
fn with_few_concepts_a_scan_of_signs_compares_all_of_them() {
    let few = lexicon(120).exact_up_to(0);
    assert_eq!(matches(&few, 120), matches(&lexicon(120), 120));
}

#[test]
fn two_runs_that_compare_by_signs_end_with_one_digest() {
    let digest = || {
        let (mut inlet, gate) = Inlet::gate(64).unwrap();
        let mut builder = Cortex::builder();
        let ear = builder.region(Region::gated("senses/ear", gate));
        let lexicon = lexicon(3_000).exact_up_to(1_000);
        let meaning = Meaning::of("language", lexicon, Arc::new(Clustered::new()));
        let ports = meaning.wire(&mut builder);
        builder.project(ear, ports.input.clone(), Projection::all_to_all()).pace(Pace::Free);
        let mut cortex = builder.build().unwrap();
        for n in 0..20 {
            inlet.fire(SpikeKind::Excitatory, 0, format!("q{}", n * 77).as_bytes()).unwrap();
            cortex.run_for(Ticks(3)).unwrap();
        }
        assert!(ports.meter.counts().recognised >= 18, "{:?}", ports.meter.counts());
        cortex.digest()
    };
    assert_eq!(digest(), digest());
}
