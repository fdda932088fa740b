//! What populations and projections write down, against what is seen from outside.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::id::RegionId;
use neuronbus::population::{Cells, ExpLif, Record};
use neuronbus::prelude::*;
use support::free;

const CELLS: u32 = 40;

/// A noisy population that drives another over learning synapses; `records` are of the second.
fn world(records: &[Record], weights: Option<Span>) -> (Cortex, [RegionId; 2]) {
    let mut builder = free();
    builder.seed(3);
    let noisy = builder.region(Region::population("noisy", Cells::poisson(40.0), CELLS));
    let cells = Cells::lif(Lif::default()).start_between(0.0, 1.0);
    let region = Region::population("cells", cells, CELLS);
    let cells = builder.region(records.iter().cloned().fold(region, Region::record));
    let learns = Projection::random(0.3).weight(0.3).delay(Ticks(2)).plasticity(Stdp::default());
    let learns = weights.into_iter().fold(learns, Projection::record_weights);
    builder.project(noisy, cells, learns);
    (builder.build().unwrap(), [noisy, cells])
}

#[test]
fn rates_are_spikes_by_cell_and_second_in_every_bin_that_is_over() {
    let every = Span::Ticks(20);
    let (mut cortex, [noisy, cells]) = world(&[Record::Spikes, Record::Rates { every }], None);
    assert_eq!(cortex.recorded_rates(cells), Some(Vec::new()), "no bin is over");
    cortex.run_for(Ticks(90)).unwrap();
    let spikes = cortex.recorded(cells).unwrap();
    let expected: Vec<f64> = (0..4u64)
        .map(|bin| {
            let inside = spikes.iter().filter(|&&(tick, _)| tick / 20 == bin).count();
            inside as f64 / (f64::from(CELLS) * 0.020)
        })
        .collect();
    let got = cortex.recorded_rates(cells).unwrap();
    assert_eq!(got.len(), 4, "the fifth bin is not over");
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    assert!(got.iter().zip(&expected).all(close), "{got:?}, not {expected:?}");
    assert!(got.iter().sum::<f64>() > 0.0, "there is something to compare");
    assert_eq!(cortex.recorded_rates(noisy), None, "it was not asked");
}

#[test]
fn potentials_of_chosen_cells_are_those_seen_from_outside() {
    let every = Span::Time(Duration::from_millis(3));
    let chosen = vec![7, 0, 39, 7];
    let records = [Record::Potentials { cells: chosen, every }];
    let (mut cortex, [_, cells]) = world(&records, None);
    let mut expected = Vec::new();
    for tick in 0..50u64 {
        cortex.tick().unwrap();
        if tick % 3 == 2 {
            let look = |cell| (tick, cell, cortex.cell_potential(cells, cell).unwrap());
            expected.extend([0, 7, 39].map(look));
        }
    }
    assert_eq!(cortex.recorded_potentials(cells).unwrap(), expected);
    assert_eq!(cortex.recorded(cells), None, "spikes were not asked for");
}

#[test]
fn weights_are_those_of_each_synapse_at_the_end_of_an_interval() {
    let (mut cortex, [noisy, cells]) = world(&[], Some(Span::Ticks(100)));
    let mut expected = Vec::new();
    for tick in [99, 199, 299] {
        cortex.run_for(Ticks(100)).unwrap();
        let before = expected.len();
        cortex.each_synapse(noisy, cells, |pre, post, weight, _| {
            expected.push((tick, pre, post, weight));
        });
        expected[before..].sort_by_key(|&(_, pre, post, _)| (pre, post));
    }
    let got = cortex.recorded_weights(noisy, cells).unwrap();
    assert_eq!(got, expected);
    let learned = got.iter().filter(|seen| seen.3 != 0.3).count();
    assert!(learned > got.len() / 2, "they have learned");
    assert_eq!(cortex.recorded_weights(cells, noisy), None);
}

#[test]
fn being_watched_changes_nothing() {
    let digest = |records: &[Record], weights| {
        let (mut cortex, _) = world(records, weights);
        cortex.run_for(Ticks(300)).unwrap();
        cortex.digest()
    };
    let every = Span::Ticks(1);
    let all = [
        Record::Spikes,
        Record::Rates { every },
        Record::Potentials { cells: (0..CELLS).collect(), every },
    ];
    assert_eq!(digest(&all, Some(every)), digest(&[], None));
}

#[test]
fn records_that_cannot_be_are_refused() {
    let build = |cells: Cells, record: Record| {
        let mut builder = Cortex::builder();
        builder.region(Region::population("net", cells, 3).record(record));
        builder.build().unwrap_err().to_string()
    };
    let lif = || Cells::exp_lif(ExpLif::default());
    let (every, never) = (Span::Ticks(1), Span::Ticks(0));
    let short = "population net: record.every = 0 ticks is refused: it must be at least one tick";
    assert_eq!(build(lif(), Record::Rates { every: never }), short);
    let potentials = |cells: Vec<u32>, every| Record::Potentials { cells, every };
    assert_eq!(build(lif(), potentials(vec![0], never)), short);
    assert_eq!(
        build(lif(), potentials(vec![0, 3], every)),
        "population net: record.potentials.cells = 3 is refused: there is no such cell"
    );
    let said = build(Cells::poisson(1.0), potentials(vec![0], every));
    assert!(said.ends_with("is refused: a source has no potential"), "{said}");

    let mut builder = Cortex::builder();
    let cells = builder.region(Region::population("cells", lif(), 3));
    let agents = builder.region(Region::agents("agents").neuron("a", support::firing(b"")));
    let spec = || Projection::all_to_all().record_weights(never);
    builder.project(cells, cells, spec());
    builder.project(cells, agents, spec().record_weights(every));
    builder.project(agents, agents, spec().record_weights(every));
    let said: Vec<String> =
        builder.build().unwrap_err().mistakes.iter().map(ToString::to_string).collect();
    let populations = "a record of weights is refused: one end is no population";
    assert_eq!(
        said,
        [
            "projection cells -> cells: record_weights = 0 ticks is refused: it must be at least one tick"
                .to_owned(),
            format!("projection cells -> agents: {populations}"),
            format!("projection agents -> agents: {populations}"),
        ]
    );
}
