//! Agents, gates and populations in one topology: everything arrives, once, in its time, and is counted.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::collections::BTreeMap;

use neuronbus::gate::AdmitError;
use neuronbus::id::RegionId;
use neuronbus::population::{Cells, ExpLif, Record};
use neuronbus::prelude::*;
use support::{
    Acts, Heard, Log, Puppet, Sink, drive, fire, firing, free, id, listener, no_leak, ticks_of,
};

fn recording(path: &str, cells: Cells, count: u32) -> Region {
    Region::population(path, cells, count).record(Record::Spikes)
}

/// Cells that keep what they get and fire at 1.
fn keeping(path: &str, count: u32) -> Region {
    recording(path, Cells::lif(no_leak(1.0)), count)
}

/// A source that fires these cells in these ticks.
fn list(path: &str, spikes: &[(u64, u32)], count: u32) -> Region {
    let spikes = spikes.iter().map(|&(tick, cell)| (Tick(tick), cell)).collect();
    recording(path, Cells::spike_list(spikes), count)
}

/// Those of one tick.
fn all_of(tick: u64, cells: u32) -> Vec<(u64, u32)> {
    (0..cells).map(|cell| (tick, cell)).collect()
}

/// The cells that a volley names.
fn cells_of(heard: &Heard) -> Vec<u32> {
    assert_eq!(heard.payload.len() % 4, 0);
    let words = heard.payload.chunks_exact(4);
    words.map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn all_to_all(weight: f32, delay: u64) -> Projection {
    Projection::all_to_all().weight(weight).bounds(0.0, 100.0).delay(Ticks(delay))
}

#[test]
fn a_spike_of_an_agent_drives_every_cell_after_its_delay() {
    let mut builder = free();
    let agent = builder.region(Region::agents("agent").neuron("a", firing(b"go")));
    let cells = builder.region(keeping("cells", 100));
    builder.region(Region::gated("door", Acts::new(vec![(3, drive(id(0), 1.0))])));
    builder.project(agent, cells, all_to_all(1.0, 4));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(7)).unwrap();
    assert_eq!(cortex.recorded(cells).unwrap(), [], "it is still under way");
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(cortex.recorded(cells).unwrap(), all_of(7, 100));
    let counts = cortex.counts();
    // One spike from the gate to the agent, one from the agent to the population; one agent and 100 cells fired.
    assert_eq!((counts.admitted, counts.delivered, counts.fired), (1, 2, 1));
    assert_eq!((counts.firings, counts.lost()), (101, 0));
}

#[test]
fn spikes_of_one_tick_add_up_on_cells_and_inhibition_subtracts() {
    let mut builder = free();
    let region = |path| Region::agents(path).neuron("a", firing(b"")).neuron("b", firing(b""));
    let [raises, lowers] = ["raises", "lowers"].map(|path| builder.region(region(path)));
    let cells = builder.region(keeping("cells", 70));
    let steps = (0..4).map(|agent| (0, drive(id(agent), 1.0))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.project(raises, cells, all_to_all(0.375, 2));
    builder.project(lowers, cells, all_to_all(0.25, 2).inhibitory());
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(2)).unwrap();
    assert_eq!(cortex.cell_potential(cells, 69), Some(0.0));
    cortex.run_for(Ticks(1)).unwrap();
    for cell in [0, 63, 64, 69] {
        assert_eq!(cortex.cell_potential(cells, cell), Some(0.25));
    }
    assert_eq!(cortex.counts().delivered, 8);
}

/// With exponential currents the two would not cancel: they decay with constants of their own.
#[test]
fn excitation_and_inhibition_of_one_tick_go_to_currents_of_their_own() {
    let both = |raise: bool, lower: bool| {
        let mut builder = free();
        let agents = Region::agents("agent").neuron("a", firing(b""));
        let agents = builder.region(agents);
        let currents = ExpLif { rest: -60.0, threshold: 0.0, reset: -61.0, ..ExpLif::default() };
        let cells = Cells::exp_lif(currents).start_between(-60.0, -60.0);
        let cells = builder.region(Region::population("cells", cells, 3));
        builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
        if raise {
            builder.project(agents, cells, all_to_all(8.0, 1));
        }
        if lower {
            builder.project(agents, cells, all_to_all(8.0, 1).inhibitory());
        }
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(30)).unwrap();
        f64::from(cortex.cell_potential(cells, 2).unwrap()) + 60.0
    };
    let (raised, lowered, together) = (both(true, false), both(false, true), both(true, true));
    assert!(raised > 0.1 && lowered < -0.1, "{raised} {lowered}");
    assert!((together - (raised + lowered)).abs() < 1e-4, "{together}, not {raised} + {lowered}");
    assert!(together < -0.1, "the slower inhibition is what is left");
}

#[test]
fn cells_that_fired_together_reach_an_agent_as_volleys_of_at_most_eleven() {
    let log = Log::default();
    let mut builder = free();
    let firing: Vec<(u64, u32)> = (0..25).map(|k| (5, k * 40_000_000)).collect();
    let source = builder.region(list("source", &firing, 1_000_000_000));
    let region = Region::agents("agent").membrane(no_leak(1e6)).neuron("a", listener(&log));
    let agent = builder.region(region);
    builder.project(source, agent, all_to_all(0.25, 3));
    let mut cortex = builder.build().unwrap();
    let listener = cortex.atlas().resolve("agent:a").unwrap();
    cortex.run_for(Ticks(20)).unwrap();
    let heard = log.all();
    assert_eq!(heard.iter().map(|h| h.tick).collect::<Vec<_>>(), [8, 8, 8]);
    let cells: Vec<Vec<u32>> = heard.iter().map(cells_of).collect();
    assert_eq!(cells.iter().map(Vec::len).collect::<Vec<_>>(), [11, 11, 3]);
    assert_eq!(cells.concat(), firing.iter().map(|&(_, cell)| cell).collect::<Vec<_>>());
    assert_eq!(heard[1].payload[..4], 440_000_000u32.to_le_bytes(), "little-endian");
    assert!(heard.iter().all(|h| usize::from(h.spike.firings()) * 4 == h.payload.len()));
    assert!(heard.iter().all(|h| h.spike.kind() == Ok(SpikeKind::Excitatory)));
    let sequences: Vec<u32> = heard.iter().map(|h| h.spike.sequence()).collect();
    assert_eq!(sequences, [0, 1, 2]);
    assert!(heard.iter().all(|h| h.spike.time_ns() == 5_000_000), "dated when they fired");
    // Each cell counts: the weight comes 25 times.
    assert_eq!(cortex.potential(listener), Some(6.25));
    let counts = cortex.counts();
    assert_eq!((counts.fired, counts.delivered, counts.firings, counts.lost()), (3, 3, 25, 0));
}

#[test]
fn an_inhibitory_projection_of_a_population_lowers_an_agent_by_each_cell() {
    let mut builder = free();
    let source = builder.region(list("source", &all_of(0, 12), 12));
    let region = Region::agents("agent").membrane(no_leak(1.0)).neuron("a", Puppet::default());
    let agent = builder.region(region);
    builder.project(source, agent, all_to_all(0.5, 1).inhibitory());
    let mut cortex = builder.build().unwrap();
    let agent = cortex.atlas().resolve("agent:a").unwrap();
    cortex.run_for(Ticks(2)).unwrap();
    assert_eq!(cortex.potential(agent), Some(-6.0));
}

#[test]
fn an_agent_hears_each_cell_that_fired_exactly_once() {
    let (near, far) = (Log::default(), Log::default());
    let mut builder = free();
    builder.seed(5);
    // About ten a tick, so that there are ticks with no, with one and with several volleys.
    let source = builder.region(recording("source", Cells::poisson(100.0), 100));
    let [a, b] = [("near", &near), ("far", &far)].map(|(name, log)| {
        let region = Region::agents(name).membrane(no_leak(1e6)).neuron("a", listener(log));
        builder.region(region)
    });
    builder.project(source, a, all_to_all(1.0, 1)).project(source, b, all_to_all(1.0, 40));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(1_000)).unwrap();
    let fired = cortex.recorded(source).unwrap().to_vec();
    let mut volleys = 0;
    for (log, delay) in [(near, 1), (far, 40)] {
        let heard = log.all();
        volleys += heard.len() as u64;
        let cells: Vec<(u64, u32)> = heard
            .iter()
            .flat_map(|h| cells_of(h).into_iter().map(|cell| (h.tick - delay, cell)))
            .collect();
        let due: Vec<_> = fired.iter().copied().filter(|&(tick, _)| tick + delay < 1_000).collect();
        assert_eq!(cells, due, "delay {delay}");
        // No volley is smaller than it must be.
        let mut per_tick = BTreeMap::new();
        heard.iter().for_each(|h| *per_tick.entry(h.tick).or_insert(0) += 1);
        for (&tick, &got) in &per_tick {
            let cells = cells.iter().filter(|&&(fired, _)| fired + delay == tick).count();
            assert_eq!(got, cells.div_ceil(11), "tick {tick}");
        }
    }
    assert!(fired.len() > 8_000, "{} firings", fired.len());
    let counts = cortex.counts();
    assert_eq!((counts.delivered, counts.firings), (volleys, fired.len() as u64));
}

#[test]
fn a_population_that_nobody_hears_sends_nothing() {
    let mut builder = free();
    let source = builder.region(list("source", &all_of(1, 30), 30));
    let cells = builder.region(keeping("cells", 30));
    builder.project(source, cells, Projection::one_to_one());
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(9)).unwrap();
    let counts = cortex.counts();
    assert_eq!((counts.fired, counts.delivered, counts.firings, counts.lost()), (0, 30, 60, 0));
}

#[test]
fn a_gate_fires_into_a_population() {
    let mut builder = free();
    let acts = vec![(2, fire(b"now")), (5, fire(b"")), (5, fire(b""))];
    let door = builder.region(Region::gated("door", Acts::new(acts)));
    let cells = builder.region(keeping("cells", 20));
    builder.project(door, cells, all_to_all(0.5, 3));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(6)).unwrap();
    assert_eq!(cortex.cell_potential(cells, 19), Some(0.5));
    cortex.run_for(Ticks(6)).unwrap();
    assert_eq!(cortex.recorded(cells).unwrap(), all_of(8, 20));
    let counts = cortex.counts();
    assert_eq!((counts.admitted, counts.delivered, counts.firings), (3, 3, 20));
}

#[test]
fn a_gate_takes_out_what_a_population_fires() {
    let log = Log::default();
    let mut builder = free();
    let spikes = [all_of(1, 13), all_of(4, 2)].concat();
    let source = builder.region(list("source", &spikes, 13));
    let door = builder.region(Region::gated("door", Sink::new(&log)));
    builder.project(source, door, all_to_all(1.0, 2));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(9)).unwrap();
    let heard = log.all();
    let got: Vec<(u64, Vec<u32>)> = heard.iter().map(|h| (h.tick, cells_of(h))).collect();
    let expected = [(3, (0..11).collect()), (3, vec![11, 12]), (6, vec![0, 1])];
    assert_eq!(got, expected);
}

#[test]
fn a_gate_may_not_drive_the_cells_of_a_population_one_by_one() {
    let refused = Log::default();
    let mut builder = free();
    let cells = builder.region(keeping("cells", 20));
    let acts = Acts::new(vec![(0, drive(id(0), 1.0))]).refused(&refused);
    builder.region(Region::gated("door", acts));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(3)).unwrap();
    assert_eq!(refused.all(), [AdmitError::NoSuchNeuron(id(0))]);
    assert_eq!(cortex.recorded(cells).unwrap(), []);
    assert_eq!(cortex.counts().admitted, 0);
}

#[test]
fn volleys_without_room_are_counted_and_the_cells_go_on() {
    let log = Log::default();
    let mut builder = free();
    builder.flight_limit(2);
    let source = builder.region(list("source", &[all_of(1, 44), all_of(3, 5)].concat(), 44));
    let region = Region::agents("agent").membrane(no_leak(1e6)).neuron("a", listener(&log));
    let agent = builder.region(region);
    let cells = builder.region(keeping("cells", 44));
    builder.project(source, agent, all_to_all(1.0, 1));
    builder.project(source, cells, Projection::one_to_one());
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(9)).unwrap();
    // Four volleys were wanted, and there was room for two of them.
    let heard: Vec<(u64, usize)> = log.all().iter().map(|h| (h.tick, cells_of(h).len())).collect();
    assert_eq!(heard, [(2, 11), (2, 11), (4, 5)]);
    let counts = cortex.counts();
    assert_eq!((counts.fired, counts.saturated, counts.lost()), (3, 2, 2));
    assert_eq!(cortex.recorded(cells).unwrap(), [all_of(2, 44), all_of(4, 5)].concat());
}

#[test]
fn a_volley_that_meets_a_pause_is_dropped_or_waits_as_its_projection_says() {
    for (lossless, expected, refractory) in [(false, vec![2], 1), (true, vec![2, 7], 0)] {
        let raster = support::Raster::default();
        let mut builder = free();
        let source = builder.region(list("source", &[all_of(1, 3), all_of(3, 3)].concat(), 3));
        let membrane = Lif::default().threshold(3.0).refractory(Ticks(4));
        let neuron = support::Noted(raster.clone());
        let agent = builder.region(Region::agents("agent").membrane(membrane).neuron("a", neuron));
        let projection = all_to_all(1.0, 1);
        let projection = if lossless { projection.lossless() } else { projection };
        builder.project(source, agent, projection);
        let mut cortex = builder.build().unwrap();
        let agent = cortex.atlas().resolve("agent:a").unwrap();
        cortex.run_for(Ticks(20)).unwrap();
        assert_eq!(ticks_of(&raster, agent), expected, "lossless: {lossless}");
        assert_eq!(cortex.counts().refractory, refractory);
    }
}

/// A loop of all three kinds: gate, agent, population, agent. Every number follows from what was written down.
#[test]
fn in_a_loop_everything_is_counted_exactly() {
    let log = Log::default();
    let raster = support::Raster::default();
    let mut builder = free();
    let starter = builder.region(Region::agents("starter").neuron("a", firing(b"")));
    let cells = builder.region(keeping("cells", 30));
    let partner = builder.region(keeping("partner", 30));
    let heard = log.clone();
    let noted = raster.clone();
    let closing = Puppet::default()
        .on_spike(move |spike, payload, ctx| {
            heard.push(Heard { tick: ctx.tick().0, spike: *spike, payload: payload.to_vec() });
            Ok(())
        })
        .on_fire(move |ctx| {
            noted.lock().unwrap().push((ctx.tick().0, ctx.id().raw()));
            Ok(ctx.fire(b"again")?)
        });
    let region = Region::agents("closing").membrane(no_leak(30.0)).neuron("a", closing);
    let closing = builder.region(region);
    let door = Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))]));
    builder.region(door);
    builder.project(starter, cells, all_to_all(1.0, 1));
    builder.project(cells, partner, Projection::one_to_one().delay(Ticks(2)));
    builder.project(partner, closing, all_to_all(1.0, 3));
    builder.project(closing, cells, all_to_all(1.0, 1));
    let mut cortex = builder.build().unwrap();
    let mut summed = (0, 0);
    for _ in 0..100 {
        let report = cortex.tick().unwrap();
        summed = (summed.0 + report.delivered, summed.1 + report.firings);
    }
    // Cells at 1, partner at 3, closing at 6, cells again at 7, ...
    let rounds: Vec<u64> = (0..17).map(|k| 1 + 6 * k).collect();
    let expected: Vec<_> = rounds.iter().flat_map(|&tick| all_of(tick, 30)).collect();
    assert_eq!(cortex.recorded(cells).unwrap(), expected);
    let partners = cortex.recorded(partner).unwrap().len() as u64;
    let closings = raster.lock().unwrap().len() as u64;
    assert_eq!((partners, closings), (17 * 30, 16));
    let counts = cortex.counts();
    // The gate and the starter one each, 30 from cell to cell, the volleys, and the closing agent's spikes.
    let volleys = log.len() as u64;
    assert_eq!(volleys, 16 * 3);
    assert_eq!(counts.delivered, 2 + partners + volleys + closings);
    assert_eq!(counts.firings, 1 + 17 * 30 + partners + closings);
    assert_eq!(counts.fired, 1 + 17 * 3 + closings);
    assert_eq!(counts.lost(), 0);
    assert_eq!(summed, (counts.delivered, counts.firings), "ticks report what they did");
}

#[test]
fn silent_and_modulatory_spikes_do_not_move_cells() {
    let mut builder = free();
    let rewarding = Puppet::default().on_fire(|ctx| Ok(ctx.modulate(id(2), 1.0)?));
    let a = builder.region(Region::agents("a").neuron("a", firing(b"")));
    let b = builder.region(Region::agents("b").neuron("b", rewarding));
    let cells = builder.region(keeping("cells", 5));
    let acts = vec![(0, drive(id(0), 1.0)), (0, drive(id(1), 1.0))];
    builder.region(Region::gated("door", Acts::new(acts)));
    builder.project(a, cells, all_to_all(1.0, 1).silent()).project(b, cells, all_to_all(1.0, 1));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!(cortex.recorded(cells).unwrap(), []);
    assert_eq!(cortex.cell_potential(cells, 0), Some(0.0));
}

#[test]
fn drives_beyond_the_largest_number_do_not_leave_a_cell_infinite() {
    let mut builder = free();
    let agents = |path| Region::agents(path).neuron("a", firing(b"")).neuron("b", firing(b""));
    let region = builder.region(agents("lowers"));
    let raises = builder.region(agents("raises"));
    let cells = builder.region(keeping("cells", 2));
    let acts = (0..2).flat_map(|tick| (0..2).map(move |k| (tick, drive(id(k), 1.0))));
    let raise = (2..4).map(|k| (20, drive(id(k), 1.0)));
    builder.region(Region::gated("door", Acts::new(acts.chain(raise).collect())));
    let huge = Projection::all_to_all().bounds(0.0, f32::MAX).weight(f32::MAX);
    builder.project(region, cells, huge.clone().inhibitory()).project(raises, cells, huge);
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(10)).unwrap();
    assert_eq!(cortex.cell_potential(cells, 0), Some(f32::MIN));
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(cortex.cell_potential(cells, 0), Some(0.0), "what raised it met what lowered it");
}

#[test]
fn regions_that_grow_are_wired_to_a_population_like_those_that_were_there() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    let source = builder.region(list("source", &[all_of(0, 4), all_of(5, 4)].concat(), 4));
    let cells = builder.region(keeping("cells", 6));
    let heard = log.clone();
    let region = Region::agents("grows").membrane(no_leak(4.0)).template(3, move |_| {
        let log = heard.clone();
        Box::new(
            Puppet::default()
                .on_spike(move |spike, payload, ctx| {
                    log.push(Heard {
                        tick: ctx.tick().0,
                        spike: *spike,
                        payload: payload.to_vec(),
                    });
                    Ok(())
                })
                .on_fire(|ctx| Ok(ctx.fire(b"")?)),
        )
    });
    let grows: RegionId = builder.region(region);
    let sprout = support::Act::Sprout(grows, "late".to_owned(), 0.0);
    builder.region(Region::gated("door", Acts::new(vec![(3, sprout)])));
    builder.project(source, grows, all_to_all(1.0, 1)).project(grows, cells, all_to_all(1.0, 2));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(20)).unwrap();
    let volleys: Vec<(u64, usize)> = log
        .all()
        .iter()
        .filter(|h| h.spike.source() == Ok(id(0)))
        .map(|h| (h.tick, cells_of(h).len()))
        .collect();
    assert_eq!(volleys, [(6, 4)], "it was not there for the first");
    assert_eq!(cortex.recorded(cells).unwrap(), all_of(8, 6));
}
