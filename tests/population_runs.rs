//! Runs of populations: the same input gives the same bits, chance is fair, and being watched changes nothing.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::cortex::Digest;
use neuronbus::id::RegionId;
use neuronbus::population::{Cells, ExpLif, Noise, Record};
use neuronbus::prelude::*;
use support::{firing, free};

const MS: Duration = Duration::from_millis(1);

/// Everything that populations can do, in one topology with an agent: noise, currents, learning, delays.
fn world(seed: u64, recorded: bool) -> (Cortex, [RegionId; 4]) {
    paced(seed, recorded, Pace::Free)
}

fn paced(seed: u64, recorded: bool, pace: Pace) -> (Cortex, [RegionId; 4]) {
    let mut builder = Cortex::builder();
    builder.pace(pace).seed(seed).tick_length(MS / 2);
    let population = |path: &str, cells, count| {
        let region = Region::population(path, cells, count);
        if recorded { region.record(Record::Spikes) } else { region }
    };
    let lif = Lif::default().refractory(2 * MS);
    let noise = Noise { rate_hz: 400.0, size: 0.15 };
    let noisy = Cells::lif(lif).reset(-0.25).noise(noise).start_between(0.0, 1.0);
    let regions = [
        population("source", Cells::poisson(40.0), 150),
        population("lif", noisy, 130),
        population("exp", Cells::exp_lif(ExpLif::default()).start_between(-60.0, -50.0), 70),
        population("list", Cells::spike_list((0..90).map(|k| (Tick(k * 7), 0)).collect()), 1),
    ]
    .map(|region| builder.region(region));
    let [source, noisy, currents, list] = regions;
    let agent = Lif::default().threshold(4.0);
    let agent = builder.region(Region::agents("agent").membrane(agent).neuron("a", firing(b"")));
    let rule = Stdp { a_plus: 0.02, a_minus: 0.022, ..Stdp::default() };
    let learns =
        Projection::random(0.2).weight(0.1).bounds(0.0, 0.4).delay(3 * MS).plasticity(rule);
    let spread = |weight| Projection::random(0.3).weight(weight).bounds(0.0, 9.0);
    builder.project(source, noisy, learns);
    builder.project(noisy, noisy, spread(0.05).delay(MS).inhibitory());
    builder.project(noisy, currents, spread(1.5).delay(2 * MS));
    builder.project(currents, currents, spread(4.0).delay(MS * 3 / 2).inhibitory());
    builder.project(list, noisy, spread(0.5));
    builder.project(noisy, agent, Projection::all_to_all().weight(0.5).delay(MS));
    builder.project(agent, currents, Projection::all_to_all().weight(0.75).delay(4 * MS));
    (builder.build().unwrap(), regions)
}

const TICKS: u64 = 1_200;

fn digest(seed: u64, recorded: bool) -> Digest {
    let (mut cortex, _) = world(seed, recorded);
    cortex.run_for(Ticks(TICKS)).unwrap();
    cortex.digest()
}

#[test]
fn equal_runs_have_equal_digests_and_other_seeds_have_others() {
    assert_eq!(digest(1, false), digest(1, false));
    assert_ne!(digest(1, false), digest(2, false));
}

#[test]
fn every_population_takes_part_in_the_world_of_these_tests() {
    let (mut cortex, regions) = world(1, true);
    cortex.run_for(Ticks(TICKS)).unwrap();
    for region in regions {
        let spikes = cortex.recorded(region).unwrap().len();
        assert!(spikes > 50, "{region} fired {spikes} times");
    }
    let agent = cortex.counts().firings
        - regions.iter().map(|&r| cortex.recorded(r).unwrap().len() as u64).sum::<u64>();
    assert!(agent > 20, "the agent fired {agent} times");
    let mut moved = 0;
    cortex
        .each_synapse(regions[0], regions[1], |_, _, weight, _| moved += u32::from(weight != 0.1));
    assert!(moved > 1_000, "{moved} synapses have learned");
}

#[test]
fn a_run_in_pieces_is_the_run_in_one() {
    let whole = digest(1, false);
    for piece in [1, 7, 500] {
        let (mut cortex, _) = world(1, false);
        while cortex.next_tick().0 < TICKS {
            let left = TICKS - cortex.next_tick().0;
            cortex.run_for(Ticks(left.min(piece))).unwrap();
        }
        assert_eq!(cortex.digest(), whole, "in pieces of {piece}");
    }
    let (mut cortex, _) = world(1, false);
    (0..TICKS).for_each(|_| _ = cortex.tick().unwrap());
    assert_eq!(cortex.digest(), whole, "tick by tick");
}

#[test]
fn the_pace_decides_when_a_tick_runs_and_not_what_it_computes() {
    let digests = [Pace::Free, Pace::OnDemand, Pace::RealTime].map(|pace| {
        let (mut cortex, _) = paced(1, false, pace);
        cortex.run_for(Ticks(60)).unwrap();
        assert_eq!(cortex.next_tick(), Tick(60));
        cortex.digest()
    });
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[test]
fn pieces_differ_from_each_other_by_their_state() {
    let (mut cortex, _) = world(1, false);
    let mut digests = Vec::new();
    for _ in 0..50 {
        cortex.run_for(Ticks(1)).unwrap();
        digests.push(*cortex.digest().as_bytes());
    }
    digests.sort_unstable();
    assert!(digests.windows(2).all(|pair| pair[0] != pair[1]));
}

/// The same spikes in all of them; what differs is named.
#[test]
fn a_digest_sees_potentials_and_currents() {
    let digest = |to_lif: f32, excites: f32, inhibits: f32| {
        let mut builder = free();
        let first = Cells::spike_list(vec![(Tick(0), 0)]);
        let source = builder.region(Region::population("source", first, 1));
        let lif = builder.region(Region::population("lif", Cells::lif(Lif::default()), 1));
        let quiet = ExpLif { rest: -60.0, ..ExpLif::default() };
        let exp = builder.region(Region::population("exp", Cells::exp_lif(quiet), 1));
        let weighing = |weight| Projection::all_to_all().weight(weight);
        builder.project(source, lif, weighing(to_lif)).project(source, exp, weighing(excites));
        builder.project(source, exp, weighing(inhibits).inhibitory());
        let mut cortex = builder.build().unwrap();
        // The arrivals of this tick are still in the columns.
        cortex.run_for(Ticks(2)).unwrap();
        cortex.digest()
    };
    let usual = digest(0.5, 0.5, 0.5);
    assert_eq!(usual, digest(0.5, 0.5, 0.5));
    assert_ne!(usual, digest(0.25, 0.5, 0.5), "potential");
    assert_ne!(usual, digest(0.5, 0.25, 0.5), "excitatory current");
    assert_ne!(usual, digest(0.5, 0.5, 0.25), "inhibitory current");
}

#[test]
fn writing_spikes_down_and_looking_at_cells_changes_nothing() {
    let unseen = digest(3, false);
    assert_eq!(digest(3, true), unseen);
    let (mut cortex, [source, noisy, ..]) = world(3, true);
    for _ in 0..TICKS {
        cortex.tick().unwrap();
        let _ = (cortex.cell_potential(noisy, 5), cortex.recorded(source).map(<[_]>::len));
    }
    cortex.each_synapse(source, noisy, |_, _, _, _| {});
    let _ = (cortex.report(), cortex.topology().findings());
    assert_eq!(cortex.digest(), unseen);
}

#[test]
fn only_populations_that_were_told_to_have_a_record() {
    let (mut cortex, regions) = world(1, false);
    cortex.run_for(Ticks(50)).unwrap();
    assert!(regions.iter().all(|&region| cortex.recorded(region).is_none()));
    assert!(cortex.cell_potential(regions[0], 0).is_none(), "a source has no potential");
    assert!(cortex.cell_potential(regions[1], 129).is_some());
    assert!(cortex.cell_potential(regions[1], 130).is_none(), "there is no such cell");
}

/// The raster must not depend on how this was compiled, nor on the vectors of the machine.
#[test]
fn the_raster_is_the_same_in_every_build() {
    let (mut cortex, regions) = world(1, true);
    cortex.run_for(Ticks(TICKS)).unwrap();
    let hash = regions
        .iter()
        .flat_map(|&region| cortex.recorded(region).unwrap())
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, &(tick, cell)| {
            (hash ^ (tick << 32 | u64::from(cell))).wrapping_mul(0x100_0000_01b3)
        });
    let fired = regions.map(|region| cortex.recorded(region).unwrap().len());
    assert_eq!((fired, hash), FINGERPRINT);
}

const FINGERPRINT: ([usize; 4], u64) = ([3549, 3481, 775, 90], 8_060_971_448_888_658_834);

/// Checks that the numbers of one cell and tick have this mean and variance, and nothing to do with those of its
/// neighbours and of the ticks before. `numbers[tick][cell]`; bounds of five standard deviations.
fn check_white(numbers: &[Vec<f64>], mean: f64, variance: f64) {
    let (ticks, cells) = (numbers.len(), numbers[0].len());
    let n = (ticks * cells) as f64;
    let got = numbers.iter().flatten().sum::<f64>() / n;
    let z = (got - mean) / (variance / n).sqrt();
    assert!(z.abs() < 5.0, "the mean is {got}, not {mean}: {z} standard deviations");
    let fourth: f64 = numbers.iter().flatten().map(|x| (x - mean).powi(4)).sum::<f64>() / n;
    let got = numbers.iter().flatten().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let spread = ((fourth - variance * variance) / n).sqrt();
    assert!((got - variance).abs() < 5.0 * spread, "the variance is {got}, not {variance}");
    for (later, beside) in
        [(0, 1), (0, 2), (0, 8), (0, 64), (1, 0), (2, 0), (3, 0), (64, 0), (1, 1), (1, 63), (2, 1)]
    {
        let mut sum = 0.0;
        for tick in 0..ticks - later {
            for cell in 0..cells - beside {
                sum += (numbers[tick][cell] - mean) * (numbers[tick + later][cell + beside] - mean);
            }
        }
        let pairs = ((ticks - later) * (cells - beside)) as f64;
        let z = sum / variance / pairs.sqrt();
        assert!(z.abs() < 5.0, "{later} ticks later, {beside} cells beside: correlated, z = {z}");
    }
    // What all cells do in a tick, and what a cell does in all ticks, varies as much as independence says.
    let per_tick: Vec<f64> = numbers.iter().map(|row| row.iter().sum()).collect();
    let per_cell: Vec<f64> =
        (0..cells).map(|cell| numbers.iter().map(|row| row[cell]).sum()).collect();
    for (sums, of) in [(per_tick, cells), (per_cell, ticks)] {
        let (m, of) = (sums.len() as f64, of as f64);
        let got = sums.iter().map(|s| (s - of * mean).powi(2)).sum::<f64>() / m / (of * variance);
        assert!((got - 1.0).abs() < 5.0 * (2.0 / m).sqrt(), "sums vary {got} times as they should");
    }
}

/// The raster of a population as zeros and ones.
fn raster(spikes: &[(u64, u32)], ticks: u64, cells: u32) -> Vec<Vec<f64>> {
    let mut numbers = vec![vec![0.0; cells as usize]; ticks as usize];
    for &(tick, cell) in spikes {
        numbers[tick as usize][cell as usize] += 1.0;
    }
    numbers
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the chance is compared with its definition")]
fn poisson_sources_fire_by_chance_at_their_rate() {
    let (ticks, cells) = (3_000, 300);
    for (rate, seed) in [(2.0, 1u64), (50.0, 2), (800.0, 3)] {
        let mut builder = free();
        builder.seed(seed);
        let [a, b] = ["a", "b"].map(|path| {
            let region = Region::population(path, Cells::poisson(rate), cells);
            builder.region(region.record(Record::Spikes))
        });
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(ticks)).unwrap();
        let chance = 1.0 - (-rate * 1e-3).exp();
        let variance = chance * (1.0 - chance);
        let [a, b] = [a, b].map(|region| raster(cortex.recorded(region).unwrap(), ticks, cells));
        check_white(&a, chance, variance);
        check_white(&b, chance, variance);
        let product = |(x, y): (&f64, &f64)| (x - chance) * (y - chance);
        let both: f64 = a.iter().flatten().zip(b.iter().flatten()).map(product).sum();
        let z = both / variance / ((ticks * u64::from(cells)) as f64).sqrt();
        assert!(z.abs() < 5.0, "two populations are correlated: z = {z}");
    }
}

#[test]
fn a_rate_of_zero_never_fires_and_kicks_of_rate_zero_never_come() {
    let mut builder = free();
    let source = Region::population("source", Cells::poisson(0.0), 100).record(Record::Spikes);
    let source = builder.region(source);
    let still = Cells::lif(Lif::default()).noise(Noise { rate_hz: 0.0, size: 1.0 });
    let still = builder.region(Region::population("still", still, 100).record(Record::Spikes));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(2_000)).unwrap();
    assert_eq!(cortex.recorded(source).unwrap(), []);
    assert_eq!(cortex.recorded(still).unwrap(), []);
    assert_eq!(cortex.cell_potential(still, 3), Some(0.0));
}

#[test]
fn kicks_come_by_chance_at_their_rate() {
    let (ticks, cells) = (2_000, 300);
    // Rare, middling, and more a tick than the quick table decides alone.
    for (mean, seed) in [(0.02, 1u64), (1.5, 2), (40.0, 3)] {
        let mut builder = free();
        builder.seed(seed);
        // It keeps all that it gets, so that each tick's kicks are the difference to the tick before.
        let lif = Lif::default().tau(Lif::NO_LEAK).threshold(1e9);
        let kicked = Cells::lif(lif).noise(Noise { rate_hz: mean * 1e3, size: 1.0 });
        let region = builder.region(Region::population("kicked", kicked, cells));
        let mut cortex = builder.build().unwrap();
        let mut before = vec![0.0; cells as usize];
        let mut numbers = Vec::new();
        for _ in 0..ticks {
            cortex.tick().unwrap();
            let now: Vec<f64> =
                (0..cells).map(|c| f64::from(cortex.cell_potential(region, c).unwrap())).collect();
            numbers.push(now.iter().zip(&before).map(|(now, before)| now - before).collect());
            before = now;
        }
        check_white(&numbers, mean, mean);
    }
}

#[test]
fn potentials_begin_evenly_between_their_limits() {
    let start = |seed| {
        let mut builder = free();
        builder.seed(seed);
        let lif = Lif::default().tau(Lif::NO_LEAK).threshold(9.0);
        let cells = Cells::lif(lif).start_between(-1.0, 3.0);
        let region = builder.region(Region::population("cells", cells, 20_000));
        let cortex = builder.build().unwrap();
        (0..20_000)
            .map(|c| f64::from(cortex.cell_potential(region, c).unwrap()))
            .collect::<Vec<_>>()
    };
    let values = start(1);
    assert!(values.iter().all(|v| (-1.0..=3.0).contains(v)));
    let mean = values.iter().sum::<f64>() / 20_000.0;
    let variance = values.iter().map(|v| (v - 1.0).powi(2)).sum::<f64>() / 20_000.0;
    assert!((mean - 1.0).abs() < 5.0 * (16.0 / 12.0 / 20_000.0f64).sqrt(), "mean {mean}");
    assert!((variance - 16.0 / 12.0).abs() < 0.05, "variance {variance}");
    assert_eq!(values, start(1));
    assert_ne!(values, start(2));
}
