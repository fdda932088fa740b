//! Meaning: how long a text takes to be encoded and matched, and lines to be grouped.

use std::fmt::Write as _;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;

use neuronbus::pace::Stamp;
use neuronbus::time::Tick;
use neuronbus_host::miner::Miner;
use neuronbus_semantic::cache::EmbeddingCache;
use neuronbus_semantic::encoder::Model;
use neuronbus_semantic::matrix::Matrix;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::router::{Router, RouterSettings};
use neuronbus_semantic::store;

use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, quantiles};

/// About eleven tokens each, as the queries of CLINC150 have.
const TEXTS: [&str; 4] = [
    "what is the balance of my savings account at the moment",
    "could you book me a table for two people tonight",
    "the payment for my last order was declined again today",
    "how long does it take to drive to the airport",
];

/// Calls in a batch, so that the clock costs nothing beside them.
const BATCH: u64 = 1_000;

/// What one call takes at the median, from batches of them.
fn in_batches(batches: u64, mut call: impl FnMut(u64)) -> Sample {
    let mut times = histogram();
    for batch in 0..batches {
        let began = Stamp::now();
        (0..BATCH).for_each(|n| call(batch * BATCH + n));
        times.saturating_record(Stamp::now().ns_since(began).max(1));
    }
    let a_part = |quantile| times.value_at_quantile(quantile) as f64 / BATCH as f64;
    Sample { figure: a_part(0.5), beside: vec![("p99", a_part(0.99))] }
}

/// One text by each encoder, and one that was encoded before.
#[must_use]
pub fn encode(scale: Scale) -> Comparison {
    let batches = scale.of(200, 2);
    let table = StaticTable::bundled();
    let asked = table.clone();
    let mut vector = Vec::new();
    let by_table = move || {
        in_batches(batches, |n| {
            vector.clear();
            let text = black_box(TEXTS[n as usize % TEXTS.len()]);
            asked.encode_batch(&[text], &mut vector).expect("it has words");
        })
    };
    let by_cache = move || {
        let capacity = NonZeroUsize::new(4096).expect("4096 is not 0");
        let model = Arc::new(table.model().clone());
        let mut cache = EmbeddingCache::new(model.clone(), capacity, None);
        for text in TEXTS {
            let vector = table.encode(text).expect("it has words");
            cache.put(text, &model, &vector, Tick(0)).expect("it is of this model");
        }
        in_batches(batches, |n| {
            let found = cache.get(black_box(TEXTS[n as usize % TEXTS.len()]), Tick(n));
            assert!(black_box(found).is_some());
        })
    };
    let comparison = Comparison::new("One text of about 11 tokens to a vector, p50", Unit::Ns)
        .ours("static table", by_table)
        .ours("cache hit", by_cache)
        .target(Target::at_most(3_000.0).of("static table"))
        .target(Target::at_most(500.0).of("cache hit"));
    // Where the weights are on this machine; `neuronbus model fetch minilm` gets them.
    match store::open("minilm") {
        Ok(encoder) => {
            let texts = scale.of(300, 3);
            let run = move || {
                let mut times = histogram();
                for n in 0..texts {
                    let began = Stamp::now();
                    let text = TEXTS[n as usize % TEXTS.len()];
                    black_box(encoder.encode(text).expect("it has words"));
                    times.saturating_record(Stamp::now().ns_since(began).max(1));
                }
                quantiles(&times)
            };
            comparison.ours("MiniLM, 8 bits", run).target(Target::at_most(2.5e6).of("MiniLM"))
        }
        Err(why) => {
            eprintln!("meaning/encode without MiniLM: {why}");
            comparison
        }
    }
}

/// Numbers that look like chance and are the same everywhere.
fn drawn(seed: u64, n: u64) -> f32 {
    (neuronbus::math::random(seed, n, 0, 0) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

const DIMENSIONS: u64 = 384;

fn vectors(model: &Arc<Model>, count: u64) -> Matrix {
    let mut matrix = Matrix::new(model.clone());
    for n in 0..count {
        let vector: Vec<f32> = (0..DIMENSIONS).map(|d| drawn(1, n * DIMENSIONS + d)).collect();
        matrix.push(&vector).expect("it has a direction");
    }
    matrix
}

/// One vector against every concept, exactly.
#[must_use]
pub fn matching(scale: Scale) -> Comparison {
    let model = Arc::new(Model::new("drawn", DIMENSIONS as usize, b"drawn"));
    let title = "One vector of 384 numbers against so many concepts, exactly, p50";
    let mut comparison = Comparison::new(title, Unit::Ns);
    for (name, count, most) in
        [("100", 100, 5e3), ("1,000", 1_000, 40e3), ("10,000", 10_000, 400e3)]
    {
        let (model, times) = (model.clone(), scale.of(1_000_000 / count, 2));
        let mut matrix = None;
        let run = move || {
            let matrix = matrix.get_or_insert_with(|| vectors(&model, count));
            let (mut scores, mut taken) = (Vec::new(), histogram());
            for n in 0..times {
                let row = matrix.row((n % count) as usize).to_vec();
                let began = Stamp::now();
                matrix.scores(black_box(&row), &mut scores).expect("it is as long");
                taken.saturating_record(Stamp::now().ns_since(began).max(1));
            }
            quantiles(&taken)
        };
        comparison = comparison.ours(name, run).target(Target::at_most(most).of(name));
    }
    comparison
}

/// One round of learning from reward among 150 handlers: a choice, and what comes of it.
#[must_use]
pub fn round(scale: Scale) -> Comparison {
    let rounds = scale.of(15_000, 50);
    let run = move || {
        let model = Arc::new(Model::new("drawn", DIMENSIONS as usize, b"drawn"));
        let centres = vectors(&model, 150);
        let names: Vec<Vec<f32>> = (0..150).map(|at| centres.row(at).to_vec()).collect();
        let mut router =
            Router::new(model, &names, RouterSettings::default()).expect("it has handlers");
        let mut times = histogram();
        for n in 0..rounds {
            let handler = (n * 37 % 150) as usize;
            let near = (0..DIMENSIONS).map(|d| drawn(2, n * DIMENSIONS + d) * 0.06);
            let mut vector: Vec<f32> =
                near.zip(&names[handler]).map(|(far, centre)| far + centre).collect();
            neuronbus_semantic::encoder::normalise(&mut vector).expect("it has a direction");
            let began = Stamp::now();
            let choice = router.choose(&vector).expect("it is as long");
            router.learn(&choice, if choice.handler == handler { 1.0 } else { -1.0 });
            times.saturating_record(Stamp::now().ns_since(began).max(1));
        }
        quantiles(&times)
    };
    Comparison::new("One round of learning to route among 150 handlers, p50", Unit::Ns)
        .rounds(1)
        .ours("router", run)
        .target(Target::at_most(20_000.0))
}

/// Lines of a log, masked and grouped.
#[must_use]
pub fn lines(scale: Scale) -> Comparison {
    let count = scale.of(1_000_000, 2_000);
    let mut text = String::new();
    for n in 0..count {
        let (block, host) = (neuronbus::math::random(1, n, 0, 0), n % 200);
        // Writing into a string cannot fail.
        let _ = match n % 4 {
            0 => writeln!(
                text,
                "Receiving block blk_{block} src: /10.251.{host}.9:5{host:03} dest: /10.250.1.7:50010"
            ),
            1 => writeln!(text, "PacketResponder {} for block blk_{block} terminating", n % 3),
            2 => writeln!(
                text,
                "session opened for user {} by (uid={host})",
                ["ada", "bob", "eve"][n as usize % 3]
            ),
            _ => writeln!(text, "Verification succeeded for blk_{block}"),
        };
    }
    let run = move || {
        let mut miner = Miner::new(4_096, 0.3);
        let began = Stamp::now();
        let groups = text.lines().filter_map(|line| miner.group(line)).count();
        let took = Stamp::now().ns_since(began).max(1);
        assert_eq!(groups as u64, count);
        Sample {
            figure: count as f64 * 1e3 / took as f64,
            beside: vec![("groups", miner.len() as f64)],
        }
    };
    Comparison::new("Lines of a log to groups, one core", Unit::MillionPerSecond)
        .ours("miner", run)
        .target(Target::at_least(2.0))
}
