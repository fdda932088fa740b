//! Links: what plastic synapses have seen of who fires after whom.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::plasticity::Plasticity;
use neuronbus::prelude::*;
use neuronbus::synapse::Link;
use support::{Heard, Log, Raster, Script, free, id, listener};

const MS: Duration = Duration::from_millis(1);

/// Neurons that fire only when the script says so, with all-to-all synapses of this kind, and their links after a run.
fn links(neurons: u16, fires: &[(u64, u16)], projection: Projection) -> Vec<Link> {
    let raster = Raster::default();
    let mut builder = free();
    let deaf = Lif::default().threshold(100.0);
    let region = (0..neurons).fold(Region::agents("n").membrane(deaf), |region, n| {
        region.neuron(&n.to_string(), support::Noted(raster.clone()))
    });
    let region = builder.region(region);
    builder.project(region, region, projection);
    let steps = fires.iter().map(|&(tick, n)| (tick, id(n), 1_000.0)).collect();
    builder.region(Region::gated("door", Script::new(steps)));
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    cortex.links()
}

fn find(links: &[Link], from: u16, to: u16) -> Option<&Link> {
    links.iter().find(|link| (link.from, link.to) == (id(from), id(to)))
}

fn watching(delay: u64) -> Projection {
    let rule = Stdp { tau_plus: Ticks(40).into(), ..Stdp::default() };
    Projection::all_to_all().weight(0.5).delay(Ticks(delay)).silent().plasticity(rule)
}

#[test]
fn a_link_counts_how_often_the_target_fired_after_the_source_and_how_late() {
    // From 0 to 1 it takes 30 ticks, ten times; the conduction delay is part of it and not added to it.
    let fires: Vec<_> = (0..10).flat_map(|n| [(1_000 * n, 0), (1_000 * n + 30, 1)]).collect();
    for delay in [1, 7, 29] {
        let links = links(2, &fires, watching(delay));
        assert_eq!(links.len(), 1, "nothing is known of the other direction: {links:?}");
        let link = links[0];
        assert_eq!((link.from, link.to, link.count, link.delay), (id(0), id(1), 10, 30 * MS));
        assert_eq!(link.initial_weight, 0.5);
        assert!(link.weight > 0.5, "what comes before is strengthened");
    }
}

#[test]
fn a_delay_is_the_mean_of_what_was_seen() {
    let lags = [10, 20, 60, 30];
    let at = |(n, lag): (usize, &u64)| [(1_000 * n as u64, 0), (1_000 * n as u64 + lag, 1)];
    let fires: Vec<_> = lags.iter().enumerate().flat_map(at).collect();
    let links = links(2, &fires, watching(1));
    let link = find(&links, 0, 1).unwrap();
    assert_eq!((link.count, link.delay), (4, 30 * MS));
}

#[test]
fn only_the_first_firing_after_an_arrival_counts() {
    let fires = [(0, 0), (10, 1), (12, 1), (14, 1), (500, 0), (520, 1)];
    let links = links(2, &fires, watching(1));
    let link = find(&links, 0, 1).unwrap();
    assert_eq!((link.count, link.delay), (2, 15 * MS));
}

#[test]
fn a_source_that_comes_twice_is_measured_from_its_last_arrival() {
    let links = links(2, &[(0, 0), (20, 0), (30, 1)], watching(1));
    let link = find(&links, 0, 1).unwrap();
    assert_eq!((link.count, link.delay), (1, 10 * MS));
}

#[test]
fn a_firing_in_the_tick_of_the_arrival_or_before_does_not_follow_it() {
    for (tick, counted) in [(4, 0), (5, 0), (6, 1)] {
        let links = links(2, &[(0, 0), (tick, 1)], watching(5));
        assert_eq!(find(&links, 0, 1).map_or(0, |link| link.count), counted, "{tick}");
    }
}

#[test]
fn what_comes_later_than_three_time_constants_belongs_to_something_else() {
    for (lag, counted) in [(120, true), (121, false)] {
        let links = links(2, &[(0, 0), (lag, 1)], watching(1));
        assert_eq!(find(&links, 0, 1).is_some(), counted, "{lag}");
    }
}

#[test]
fn links_come_strongest_first() {
    let mut fires = Vec::new();
    for n in 0..30_u64 {
        fires.push((500 * n, 0));
        for (target, every, lag) in [(1, 1, 5), (2, 2, 5), (3, 1, 60), (4, 3, 20)] {
            if n % every == 0 {
                fires.push((500 * n + lag, target));
            }
        }
    }
    let all = links(5, &fires, watching(1));
    assert!(all.is_sorted_by(|a, b| a.weight >= b.weight));
    let of_0: Vec<u16> = all.iter().filter(|l| l.from == id(0)).map(|l| l.to.raw()).collect();
    assert_eq!(of_0, [1, 2, 3, 4]);
    assert_eq!(find(&all, 0, 2).unwrap().count, 15);
}

#[test]
fn equal_weights_come_by_count_and_then_by_id() {
    // Without any strengthening all weights stay what they were.
    let rule = Stdp { a_plus: 0.0, a_minus: 0.0, ..Stdp::default() };
    let mut fires = Vec::new();
    for n in 0..4 {
        fires.extend([(500 * n, 2), (500 * n + 4, 0)]);
        if n > 0 {
            fires.push((500 * n + 2, 1));
        }
    }
    let all = links(3, &fires, Projection::all_to_all().weight(0.5).plasticity(rule));
    let order: Vec<_> = all.iter().map(|l| (l.from.raw(), l.to.raw(), l.count)).collect();
    assert_eq!(order, [(2, 0, 4), (1, 0, 3), (2, 1, 3)]);
}

#[test]
fn synapses_that_do_not_learn_are_no_links() {
    assert_eq!(links(2, &[(0, 0), (3, 1)], Projection::all_to_all().weight(0.5)), []);
}

#[test]
fn reward_learning_watches_too() {
    let rule = Plasticity::from(RewardStdp::default());
    let all = links(2, &[(0, 0), (3, 1)], Projection::all_to_all().weight(0.5).plasticity(rule));
    let link = find(&all, 0, 1).unwrap();
    assert_eq!((link.count, link.weight, link.delay), (1, 0.5, 3 * MS), "no reward, no change");
}

#[test]
fn a_link_of_listed_synapses_says_what_that_synapse_began_with() {
    let list = Projection::pairs(&[(0, 1)], 0.25, Ticks(1)).plasticity(Stdp::default());
    let all = links(2, &[(0, 0), (3, 1)], list);
    assert_eq!(find(&all, 0, 1).unwrap().initial_weight, 0.25);
}

#[test]
fn a_silent_synapse_learns_but_drives_nothing_and_is_not_heard() {
    let run = |projection: Projection| {
        let log: Log<Heard> = Log::default();
        let raster = Raster::default();
        let mut builder = free();
        let source =
            builder.region(Region::agents("a").neuron("a", support::Noted(raster.clone())));
        let ear = Region::agents("b").membrane(Lif::default().threshold(0.4));
        let ear = builder.region(ear.neuron("b", listener(&log).on_fire(|ctx| Ok(ctx.fire(&[])?))));
        builder.project(source, ear, projection);
        let steps = vec![(0, id(0), 1.0), (10, id(1), 0.4), (30, id(0), 1.0), (40, id(1), 0.4)];
        builder.region(Region::gated("door", Script::new(steps)));
        let mut cortex = builder.build().unwrap();
        cortex.run().unwrap();
        let from_a = log.all().iter().filter(|h| h.source() == 0).count();
        (cortex.weight(id(0), id(1)).unwrap(), cortex.counts().firings, from_a)
    };
    let rule = Stdp::default();
    let (weight, firings, heard) =
        run(Projection::all_to_all().weight(0.5).silent().plasticity(rule));
    assert!(weight != 0.5, "it learned");
    assert_eq!((firings, heard), (4, 0), "only what the script drove");
    let (_, firings, heard) = run(Projection::all_to_all().weight(0.5).plasticity(rule));
    assert_eq!((firings, heard), (6, 2), "and one that is not silent drives and is heard");
}
