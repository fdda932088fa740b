//! No silent loss: what was fired is what arrived, was filtered, was dropped with a reason, or is still under way.
//!
//! For each spike that left a source by the tick it was fired in, every synapse that it was for is reached once, its
//! delay later. With D, F, R, S and W for what is counted as delivered, filtered, dropped in a refractory pause,
//! silenced and waiting for the end of a pause, and A for spikes put straight onto membranes:
//!
//! ```text
//! synapses reached + A = D + F + W
//! calls of on_spike + (D over silent synapses and into gates) + R + S = D
//! ```
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use neuronbus::axon::Tapped;
use neuronbus::context::Firing;
use neuronbus::cortex::Counts;
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use proptest::prelude::*;
use support::{Act, Acts, Heard, Log, Puppet, Sink, drive, fire, free, id};

#[derive(Debug, Clone)]
struct Edge {
    pre: u16,
    post: u16,
    delay: u64,
    projection: usize,
}

/// What a projection does, as far as accounts go.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    /// Spikes of this priority and above pass.
    least: u8,
    silent: bool,
    lossless: bool,
    plastic: bool,
}

#[derive(Debug, Clone)]
struct Net {
    neurons: u16,
    manners: Vec<Manner>,
    edges: Vec<Edge>,
    drives: Vec<(u64, u16)>,
    calls: Vec<u64>,
    refractory: u64,
    /// Which neuron fails on its how many-th spike.
    fails: Option<(u16, usize)>,
}

/// A spike as it was fired: tick, source, target, priority.
type Sent = (u64, u16, Option<u16>, u8);

struct Ran {
    cortex: Cortex,
    sent: Log<Sent>,
    heard: Log<(u64, u16)>,
    out: Log<Heard>,
}

impl Net {
    const SINK: u16 = 100;

    fn neuron(&self, n: u16, sent: &Log<Sent>, heard: &Log<(u64, u16)>) -> Puppet {
        let (sent, heard) = (sent.clone(), heard.clone());
        let (neurons, fails) = (self.neurons, self.fails);
        let mut spikes = 0;
        let puppet = Puppet::default().on_spike(move |_, _, ctx| {
            heard.push((ctx.tick().0, ctx.id().raw()));
            spikes += 1;
            match fails {
                Some((who, after)) if who == n && spikes > after => Err(Fault::new("enough")),
                _ => Ok(()),
            }
        });
        puppet.on_fire(move |ctx| {
            let drawn = ctx.random();
            let target = (drawn % 3 == 0).then_some((drawn >> 8) as u16 % neurons);
            let priority = (drawn >> 32) as u8;
            let kind = match drawn >> 40 & 7 {
                0 => SpikeKind::Inhibitory,
                1 => SpikeKind::Modulatory,
                _ => SpikeKind::Excitatory,
            };
            sent.push((ctx.tick().0, ctx.id().raw(), target, priority));
            let target = target.map(id);
            Ok(ctx.send(Firing { kind, priority, target, cell: None, payload: &[0; 4] })?)
        })
    }

    /// The network, with a gate at the end of its neurons that fires too, and another that takes spikes out.
    fn build(&self) -> Ran {
        let (sent, heard, out) = (Log::default(), Log::default(), Log::default());
        let mut builder = free();
        let membrane = Lif::default().threshold(0.5).refractory(Ticks(self.refractory));
        let region = (0..self.neurons).fold(Region::agents("n").membrane(membrane), |region, n| {
            region.neuron(&n.to_string(), self.neuron(n, &sent, &heard))
        });
        let region = builder.region(region);
        let mut steps: Vec<_> = self.drives.iter().map(|&(t, n)| (t, drive(id(n), 0.3))).collect();
        for &tick in &self.calls {
            steps.push((tick, fire(&[0; 4])));
            sent.push((tick, self.neurons, None, 0));
        }
        let door = builder.region(Region::gated("door", Acts::new(steps)));
        let sink = builder.region(Region::gated("sink", Sink::new(&out)));
        for (k, manner) in self.manners.iter().enumerate() {
            for (from, to) in [(region, region), (door, region), (region, sink)] {
                let of = self.edges.iter().filter(|e| e.projection == k);
                let of = of.filter(|e| {
                    let ends = (e.pre == self.neurons, e.post == Self::SINK);
                    ends == (from == door, to == sink)
                });
                let synapse = |e: &Edge| Synapse {
                    pre: if from == door { 0 } else { e.pre.into() },
                    post: if to == sink { 0 } else { e.post.into() },
                    weight: 0.4,
                    delay: Ticks(e.delay).into(),
                };
                let least = Dendrite::priority_at_least(manner.least);
                let p = Projection::synapses(of.map(synapse).collect()).dendrite(least);
                let p = if manner.silent { p.silent() } else { p };
                let p = if manner.lossless { p.lossless() } else { p };
                let p = if manner.plastic { p.plasticity(Stdp::default()) } else { p };
                builder.project(from, to, p);
            }
        }
        builder.axon(1 << 12);
        Ran { cortex: builder.build().unwrap(), sent, heard, out }
    }

    /// Synapses reached before a tick, all and those that count as (filtered, silent, into a gate).
    fn reached(&self, sent: &[Sent], before: u64) -> (u64, u64, u64, u64) {
        let (mut all, mut filtered, mut silent, mut gate) = (0, 0, 0, 0);
        for &(tick, source, target, priority) in sent {
            for edge in self.edges.iter().filter(|e| e.pre == source) {
                let post = if edge.post == Self::SINK { self.neurons + 1 } else { edge.post };
                if target.is_some_and(|t| t != post) || tick + edge.delay >= before {
                    continue;
                }
                let manner = self.manners[edge.projection];
                all += 1;
                if priority < manner.least {
                    filtered += 1;
                } else if manner.silent {
                    silent += 1;
                } else if edge.post == Self::SINK {
                    gate += 1;
                }
            }
        }
        (all, filtered, silent, gate)
    }
}

fn manner() -> impl Strategy<Value = Manner> {
    let least = prop_oneof![3 => Just(0_u8), 1 => any::<u8>()];
    let flag = || proptest::bool::weighted(0.3);
    (least, flag(), flag(), flag()).prop_map(|(least, silent, lossless, plastic)| Manner {
        least,
        silent,
        lossless,
        plastic,
    })
}

fn net() -> impl Strategy<Value = Net> {
    (2..8_u16, proptest::collection::vec(manner(), 1..4)).prop_flat_map(|(neurons, manners)| {
        let post = prop_oneof![6 => 0..neurons, 1 => Just(Net::SINK)];
        let edge = (0..=neurons, post, 1..25_u64, 0..manners.len());
        let edge = edge.prop_filter("the door does not lead to the sink", move |e| {
            e.0 != neurons || e.1 != Net::SINK
        });
        let edge =
            edge.prop_map(|(pre, post, delay, projection)| Edge { pre, post, delay, projection });
        (
            proptest::collection::vec(edge, 1..40),
            proptest::collection::vec((0..150_u64, 0..neurons), 5..80),
            proptest::collection::vec(0..150_u64, 0..10),
            0..12_u64,
            proptest::option::of((0..neurons, 0..6_usize)),
        )
            .prop_map(move |(edges, drives, calls, refractory, fails)| Net {
                neurons,
                manners: manners.clone(),
                edges,
                drives,
                calls,
                refractory,
                fails,
            })
    })
}

/// Whether spikes wait for the end of a pause cannot be seen from outside before they have arrived.
fn waits(net: &Net) -> bool {
    net.manners.iter().any(|manner| manner.lossless) && net.refractory > 0
}

fn check(net: &Net, ran: &Ran) -> Result<Counts, TestCaseError> {
    let now = ran.cortex.next_tick().0;
    let counts = ran.cortex.counts();
    let sent: Vec<Sent> = ran.sent.all().into_iter().filter(|s| s.0 < now).collect();
    let drives = net.drives.iter().filter(|d| d.0 < now).count() as u64;
    let (reached, filtered, silent, gate) = net.reached(&sent, now);
    prop_assert_eq!(counts.fired, sent.len() as u64);
    prop_assert_eq!(counts.filtered, filtered);
    if !waits(net) {
        prop_assert_eq!(reached + drives, counts.delivered + counts.filtered);
        let heard = ran.heard.len() as u64;
        prop_assert_eq!(
            heard + silent + gate + counts.refractory + counts.silenced,
            counts.delivered
        );
    }
    prop_assert_eq!(ran.out.len() as u64, gate);
    prop_assert_eq!((counts.saturated, counts.refused, counts.payload_gone), (0, 0, 0));
    Ok(counts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_spike_fired_is_accounted_for_at_every_synapse(
        net in net(),
        stops in proptest::collection::vec(1..40_u64, 1..6),
    ) {
        let mut ran = net.build();
        let (mut tap, mut reader) = (ran.cortex.tap().unwrap(), ran.cortex.reader().unwrap().unwrap());
        for span in stops {
            ran.cortex.run_for(Ticks(span)).unwrap();
            check(&net, &ran)?;
        }
        // A recurrent network may go on for ever: it is cut off by running until some tick.
        ran.cortex.run_for(Ticks(200)).unwrap();
        let counts = check(&net, &ran)?;
        // Spikes that no synapse leads on are those that reach nothing.
        let leads = |s: &Sent| net.edges.iter().any(|e| {
            e.pre == s.1 && s.2.is_none_or(|t| t == e.post)
        });
        let nowhere = ran.sent.all().iter().filter(|s| !leads(s)).count() as u64;
        prop_assert_eq!(counts.unrouted, nowhere);
        // All that was fired has been out on the axon, in the order of tick and source.
        let mut published = Vec::new();
        while let Some(spike) = reader.try_read() {
            let (source, target) = (spike.source().unwrap(), spike.target().map(NeuronId::raw));
            published.push((spike.time_ns() / 1_000_000, source.raw(), target, spike.priority()));
        }
        let mut sent = ran.sent.all();
        sent.sort_by_key(|s| (s.0, s.1));
        prop_assert_eq!(&published, &sent);
        let mut tapped = 0;
        while let Tapped::Spike(_) = tap.poll() {
            tapped += 1;
        }
        prop_assert_eq!(tapped, sent.len());
        let account = &ran.cortex.report().axons[0].account;
        prop_assert_eq!((account.published, account.dropped), (sent.len() as u64, 0));
        prop_assert!(account.ends.iter().all(|end| end.balances() && end.delivered == end.published));
    }

    #[test]
    fn with_nothing_under_way_the_sums_hold_with_waiting_spikes_too(net in net()) {
        let mut net = net;
        // Without a way round, everything comes to rest.
        net.edges.retain(|e| e.pre < e.post || e.pre == net.neurons);
        net.manners.iter_mut().for_each(|manner| manner.lossless = true);
        let mut ran = net.build();
        ran.cortex.run().unwrap();
        let report = ran.cortex.report();
        let counts = report.spikes.counts;
        prop_assert_eq!(report.spikes.under_way, 0);
        let (reached, filtered, silent, gate) = net.reached(&ran.sent.all(), u64::MAX);
        prop_assert_eq!(counts.filtered, filtered);
        prop_assert_eq!(reached + net.drives.len() as u64, counts.delivered + counts.filtered);
        let heard = ran.heard.len() as u64;
        prop_assert_eq!(heard + silent + gate + counts.refractory + counts.silenced, counts.delivered);
        // A lossless projection drops nothing: only what gates put straight onto a membrane is dropped.
        prop_assert!(counts.refractory <= net.drives.len() as u64);
    }
}

#[test]
fn a_reader_that_does_not_read_loses_what_is_counted_as_dropped() {
    let mut builder = free();
    let region = builder.region(Region::agents("n").neuron("n", support::firing(b"x")));
    builder.project(region, region, Projection::all_to_all().autapses(true).weight(0.0));
    let steps: Vec<(u64, Act)> = (0..20).map(|tick| (tick, drive(id(0), 1.0))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.axon(8);
    let mut cortex = builder.build().unwrap();
    let mut reader = cortex.reader().unwrap().unwrap();
    cortex.run().unwrap();
    let account = cortex.report().axons.remove(0);
    assert_eq!(account.name, "cortex");
    assert_eq!((account.account.published, account.account.dropped), (20, 12));
    assert!(account.account.ends.iter().all(|end| end.balances() && end.waiting == 8));
    assert_eq!(std::iter::from_fn(|| reader.try_read()).count(), 8);
    assert_eq!(cortex.counts().firings, 20, "the worker waits for nobody");
}

#[test]
fn a_cortex_without_an_axon_has_no_ends() {
    let cortex = free().build().unwrap();
    assert!(cortex.tap().is_none());
    assert!(cortex.reader().unwrap().is_none());
    assert!(cortex.report().axons.is_empty());
}

#[test]
fn the_report_serialises_with_the_names_of_its_parts() {
    let mut builder = free();
    builder.region(Region::agents("n").neuron("n", support::firing(b"x")));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let report = serde_json::to_value(cortex.report()).unwrap();
    assert_eq!((&report["spikes"]["in"], &report["spikes"]["fired"]), (&1.into(), &1.into()));
    assert_eq!((&report["spikes"]["lost"], &report["spikes"]["unrouted"]), (&1.into(), &1.into()));
    assert_eq!(report["pace"], "free");
    assert_eq!(report["ticks"], 1);
    assert_eq!(report["digest"], cortex.digest().to_string());
    assert_eq!(report["latency_ns"]["tick"]["count"], 1);
    assert_eq!(report["gates"][0]["path"], "door");
}
