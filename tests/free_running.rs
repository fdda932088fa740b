//! Workers that do not wait for each other: nothing is lost between them, and what they did can be replayed.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::path::Path;
use std::time::Duration;

use neuronbus::cortex::{
    CortexBuilder, Digest, Ended, Every, Exchange, Playback, Recording, RecoveryError,
    ReplayOptions, RunError, SnapshotError,
};
use neuronbus::gate::{Admissions, Gate, GateError, Outlook};
use neuronbus::id::RegionId;
use neuronbus::inlet::{Inlet, InletGate};
use neuronbus::journal::{Entry, Journal, Level, Options};
use neuronbus::plasticity::{ShortTerm, TripletStdp};
use neuronbus::population::{Cells, Noise};
use neuronbus::prelude::*;
use neuronbus::recorded::{Recorded, WORKERS};
use proptest::prelude::*;
use support::{Log, Puppet, Script};

/// Passes on what it hears, at once.
fn passing() -> Puppet {
    Puppet::default().on_spike(|_, payload, ctx| {
        ctx.fire(payload)?;
        Ok(())
    })
}

/// Writes down what it hears: when, and the payload.
fn noting(log: &Log<(u64, Vec<u8>)>) -> Puppet {
    let log = log.clone();
    Puppet::default().on_spike(move |_, payload, ctx| {
        log.push((ctx.tick().0, payload.to_vec()));
        Ok(())
    })
}

/// A chain over two workers, from neuron 0 over so many agents to one that writes down.
fn chain(
    length: usize,
    delay: u64,
    first: usize,
    exchange: Exchange,
) -> (CortexBuilder, Log<(u64, Vec<u8>)>) {
    let log = Log::default();
    let mut builder = Cortex::builder();
    let mut before: Option<RegionId> = None;
    for link in 0..=length {
        let neuron = if link == length { noting(&log) } else { passing() };
        let region = Region::agents(&format!("a{link}")).worker((first + link) % 2);
        let region = builder.region(region.neuron("n", neuron));
        if let Some(before) = before {
            let link = Projection::all_to_all().weight(0.0).delay(Ticks(delay));
            builder.project(before, region, link);
        }
        before = Some(region);
    }
    builder.workers(2).exchange(exchange).pace(Pace::Free);
    (builder, log)
}

fn build(mut builder: CortexBuilder, gate: impl Gate + 'static) -> Cortex {
    builder.region(Region::gated("door", gate));
    builder.build().unwrap()
}

/// Drives one neuron with so many payloads, each in a tick of its own, and ends.
struct Loud(u64, NeuronId);

/// Every third payload is too long for a spike.
fn payload(n: u64) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(3) { 4_000 + n as usize } else { n as usize % 40 }]
}

impl Gate for Loud {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let Some(left) = self.0.checked_sub(1) else { return Ok(Outlook::Ended) };
        self.0 = left;
        let driven = inbound.drive(self.1, 0.0, 0, &payload(left));
        driven.map_err(|error| GateError::new("loud", error.to_string()))?;
        Ok(Outlook::At(Tick(inbound.tick().0 + 1)))
    }
}

#[test]
fn every_spike_between_free_running_workers_arrives_once_with_its_payload() {
    for first in 0..2 {
        let (mut builder, log) = chain(8, 2, first, Exchange::FreeRunning);
        // A worker that gets no core for long finds all of them at once, and passes each on before it lets any go.
        builder.arena(4 << 20);
        let mut cortex = build(builder, Loud(600, support::id(0)));
        cortex.run_for(Ticks(7)).unwrap();
        assert_eq!(cortex.run().unwrap().ended, Ended::Idle);
        let mut heard: Vec<Vec<u8>> = log.all().into_iter().map(|(_, payload)| payload).collect();
        let mut sent: Vec<Vec<u8>> = (0..600).map(payload).collect();
        heard.sort();
        sent.sort();
        assert!(heard == sent, "{} of {} arrived", heard.len(), sent.len());
        let report = cortex.report();
        let counts = report.spikes.counts;
        assert_eq!((report.spikes.lost, report.spikes.under_way), (0, 0));
        assert_eq!((counts.fired, counts.delivered), (600 * 8, 600 * 9));
        assert!(report.workers.iter().all(|worker| worker.read >= 600 * 4), "{report:?}");
    }
}

#[test]
fn a_worker_that_is_idle_hears_in_the_tick_in_which_it_would_in_lockstep() {
    let heard = |exchange, pace| {
        let (mut builder, log) = chain(9, 3, 1, exchange);
        builder.pace(pace).tick_length(Duration::from_micros(100));
        let mut cortex = build(builder, Loud(1, support::id(0)));
        cortex.run_for(Ticks(100)).unwrap();
        log.all()
    };
    let lockstep = heard(Exchange::Lockstep, Pace::Free);
    assert_eq!(lockstep, vec![(27, payload(0))]);
    assert_eq!(heard(Exchange::FreeRunning, Pace::Free), lockstep);
    for pace in [Pace::OnDemand, Pace::RealTime] {
        let (mut builder, log) = chain(9, 3, 1, Exchange::FreeRunning);
        builder.pace(pace).tick_length(Duration::from_micros(100));
        let running = build(builder, Loud(1, support::id(0))).spawn().unwrap();
        while log.len() == 0 {
            std::thread::yield_now();
        }
        running.stop();
        running.join().unwrap();
        // By the clock a worker may be in a later tick than the sender, or tick by tick in an earlier one; the spike
        // arrives all the same.
        let (heard, earliest) = (log.all(), if pace == Pace::OnDemand { 27 } else { 9 });
        let [(tick, heard)] = &heard[..] else { panic!("{pace:?}: {heard:?}") };
        assert!(*tick >= earliest && *heard == payload(0), "{pace:?}: in {tick}");
    }
}

#[test]
fn two_workers_whose_axons_are_full_do_not_hold_each_other_up() {
    let mut builder = Cortex::builder();
    // In one tick each fires several times what its axon holds.
    let burst = || {
        Puppet::default().on_spike(|spike, payload, ctx| {
            if spike.source() == Ok(support::id(2)) {
                (0..50_000).try_for_each(|_| ctx.fire(payload))?;
            }
            Ok(())
        })
    };
    let a = builder.region(Region::agents("a").worker(0).neuron("n", burst()));
    let b = builder.region(Region::agents("b").worker(1).neuron("n", burst()));
    let link = Projection::all_to_all().weight(0.0);
    builder.project(a, b, link.clone()).project(b, a, link);
    builder.workers(2).exchange(Exchange::FreeRunning).pace(Pace::Free);
    let steps = vec![(0, support::id(0), 0.0), (0, support::id(1), 0.0)];
    let mut cortex = build(builder, Script::new(steps));
    assert_eq!(cortex.run().unwrap().ended, Ended::Idle);
    assert_eq!((cortex.counts().fired, cortex.counts().delivered), (100_000, 100_002));
}

#[test]
fn a_worker_that_is_slower_hears_in_a_tick_what_it_can_bear_and_nothing_is_lost() {
    const TICKS: u64 = 5_000;
    for slow in 0..2 {
        let busy = Puppet::default().on_spike(|_, _, ctx| {
            ctx.wake_in(Ticks(1));
            Ok(())
        });
        let busy = busy.on_wake(|ctx| {
            (0..4).try_for_each(|_| ctx.fire(b"quick"))?;
            if ctx.tick().0 < TICKS {
                ctx.wake_in(Ticks(1));
            }
            Ok(())
        });
        let mut builder = Cortex::builder();
        let from = builder.region(Region::agents("from").worker(1 - slow).neuron("n", busy));
        let log = Log::default();
        // What reaches so many costs more to take in than to fire.
        let crowded = Region::agents("to").worker(slow).neuron("log", noting(&log));
        let relay = |region: Region, n| region.neuron(&format!("n{n}"), Relay::default());
        let to = builder.region((0..300).fold(crowded, relay));
        builder.project(from, to, Projection::all_to_all().weight(0.0));
        builder.workers(2).exchange(Exchange::FreeRunning).pace(Pace::Free);
        let mut cortex = build(builder, Script::new(vec![(0, support::id(0), 0.0)]));
        assert_eq!(cortex.run().unwrap().ended, Ended::Idle);
        let heard = log.all();
        assert_eq!(heard.len() as u64, 4 * TICKS);
        let most = heard.chunk_by(|one, next| one.0 == next.0).map(<[_]>::len).max().unwrap();
        assert!(most <= 1_024, "{most} in one tick");
    }
}

#[test]
fn every_cell_that_fires_is_heard_on_all_workers() {
    let mut builder = Cortex::builder();
    let fires: Vec<(Tick, u32)> =
        (0..4_000_u64).map(|n| (Tick(n % 180), (n / 180 * 4 % 90) as u32)).collect();
    let count = fires.len() as u64;
    let from = builder.region(Region::population("from", Cells::spike_list(fires), 90));
    let calm = Cells::lif(Lif::default().threshold(1e9));
    let to = builder.region(Region::population("to", calm, 50));
    builder.project(from, to, Projection::all_to_all().weight(0.1).delay(Ticks(4)));
    builder.workers(3).exchange(Exchange::FreeRunning).pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    for _ in 0..10 {
        cortex.run_for(Ticks(20)).unwrap();
    }
    assert_eq!(cortex.counts().firings, count);
    assert_eq!(cortex.counts().delivered, 50 * count);
}

/// Agents, crowds and populations that all have to do with each other, on several workers.
#[derive(Debug, Clone)]
struct World {
    workers: usize,
    cells: u32,
    links: Vec<(usize, usize, u64, f32, u8)>,
    drives: Vec<(u16, f32)>,
    seed: u64,
}

fn world() -> impl Strategy<Value = World> {
    let link = (0..8_usize, 0..8_usize, 1..20_u64, 0.05..0.9_f32, 0..8_u8);
    let links = proptest::collection::vec(link, 3..14);
    let drives = proptest::collection::vec((0..5_u16, 0.1..1.5_f32), 5..60);
    (2..4_usize, 5..60_u32, links, drives, any::<u64>()).prop_map(
        |(workers, cells, links, drives, seed)| World { workers, cells, links, drives, seed },
    )
}

/// Fires now and then, at random; with a payload that is sometimes long.
fn moody() -> Puppet {
    let mood = |ctx: &mut Context<'_>| {
        let dice = ctx.random();
        if dice.is_multiple_of(3) {
            ctx.fire(&vec![dice as u8; (dice >> 8) as usize % 90])?;
        }
        if dice.is_multiple_of(7) {
            ctx.wake_in(Ticks(1 + dice % 11));
        }
        Ok(())
    };
    Puppet::default().on_spike(move |_, _, ctx| mood(ctx)).on_fire(mood).on_wake(mood)
}

impl World {
    fn build(&self, gate: InletGate, journal: Option<Recording>) -> Cortex {
        let mut builder = Cortex::builder();
        let noise = Noise { rate_hz: 50.0, size: 0.8 };
        let lif = Cells::lif(Lif::default().refractory(Ticks(2))).noise(noise);
        let mut regions: Vec<RegionId> = (0..5_usize)
            .map(|n| {
                let region = Region::agents(&format!("agents/{n}")).worker(n % self.workers);
                builder.region(region.neuron("n", moody()))
            })
            .collect();
        let cut = Region::population("cut", lif.clone(), self.cells);
        let chance = Region::population("chance", Cells::poisson(30.0), self.cells);
        let whole = Region::population("whole", lif, 20).worker(self.workers - 1);
        regions.extend([cut, chance, whole].map(|region| builder.region(region)));
        for &(from, to, delay, weight, rule) in &self.links {
            let (from, to) = match (from, to) {
                // A population that agents hear, or drive, is whole.
                (0..=4, 5 | 6) | (5 | 6, 0..=4) => continue,
                (5..=7, 6) => (6, 5),
                ends => ends,
            };
            let projection = Projection::all_to_all().weight(weight).delay(Ticks(delay));
            let projection = match rule {
                4 => projection.inhibitory(),
                _ if (from > 4) != (to > 4) => projection,
                0 if from > 4 => projection.plasticity(TripletStdp::default()),
                1 if from > 4 => projection.short_term(ShortTerm::default()),
                2 | 3 => projection.plasticity(Stdp::default()).bounds(0.0, 1.0),
                _ => projection,
            };
            builder.project(regions[from], regions[to], projection);
        }
        builder.region(Region::gated("door", gate));
        builder.seed(self.seed).workers(self.workers).pace(Pace::Free);
        builder.exchange(Exchange::FreeRunning);
        if let Some(journal) = journal {
            builder.journal(journal);
        }
        builder.build().unwrap()
    }

    /// A run of some hundred ticks, in parts; its digests.
    fn run(&self, place: &Path) -> (Vec<Digest>, u64) {
        let (mut inlet, gate) = Inlet::gate(1 << 8).unwrap();
        let mut cortex = self.build(gate, Some(recording(place)));
        for drives in self.drives.chunks(9) {
            for (n, &(to, drive)) in drives.iter().enumerate() {
                inlet.drive(support::id(to), drive, 0, &vec![n as u8; n * 3]).unwrap();
            }
            cortex.run_for(Ticks(60)).unwrap();
        }
        drop(inlet);
        cortex.close();
        (cortex.worker_digests(), cortex.counts().delivered)
    }

    fn replay(&self, place: &Path) -> (Vec<Digest>, u64, u64) {
        let (_, gate) = Inlet::gate(8).unwrap();
        let mut again = self.build(gate, None);
        let mut playback = Playback::open(place).unwrap();
        let report = again.replay(&mut playback, ReplayOptions::default()).unwrap();
        (again.worker_digests(), again.counts().delivered, report.marks)
    }
}

fn recording(place: &Path) -> Recording {
    let mut recording = Recording::in_directory(place).every_records(40, u64::MAX);
    recording.options = Options { level: Level::PageCache, ..Options::default() };
    recording
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Three runs of the same world differ; each comes again from its journal, worker by worker, on one thread.
    #[test]
    fn a_run_of_free_running_workers_is_replayed_to_the_bit(world in world()) {
        for _ in 0..3 {
            let place = tempfile::tempdir().unwrap();
            let (digests, delivered) = world.run(place.path());
            let (again, delivered_again, marks) = world.replay(place.path());
            prop_assert!(marks > 0);
            prop_assert_eq!(delivered_again, delivered);
            prop_assert_eq!(again, digests);
        }
    }
}

#[test]
fn what_cannot_be_with_free_running_workers_is_refused() {
    let refused = |workers, region: Region, journal: Option<Recording>| {
        let mut builder = Cortex::builder();
        builder.region(region);
        builder.workers(workers).exchange(Exchange::FreeRunning);
        if let Some(journal) = journal {
            builder.journal(journal);
        }
        builder.build().map(|_| ()).map_err(|error| error.to_string())
    };
    let plain = || Region::agents("a").neuron("n", Relay::default());
    let growing = || Region::agents("a").template(3, |_| Box::<Relay>::default());
    let message = refused(2, growing(), None).unwrap_err();
    assert!(message.starts_with("region a with a template is refused with workers"), "{message}");
    let place = tempfile::tempdir().unwrap();
    let snapshots = Recording::in_directory(place.path());
    assert_ne!(snapshots.snapshots, Every::NEVER);
    let message = refused(2, plain(), Some(snapshots)).unwrap_err();
    assert!(message.contains("`Every::NEVER`"), "{message}");
    assert_eq!(refused(1, growing(), None), Ok(()), "one worker has nobody to wait for");

    let (builder, _) = chain(1, 1, 0, Exchange::FreeRunning);
    let mut cortex = build(builder, Loud(0, support::id(0)));
    assert!(matches!(cortex.snapshot(Vec::new()), Err(SnapshotError::FreeRunning)));
}

#[test]
fn a_free_run_is_taken_up_where_it_rested_and_nowhere_else() {
    let place = tempfile::tempdir().unwrap();
    let start = |spikes| {
        let (mut builder, log) = chain(3, 2, 1, Exchange::FreeRunning);
        builder.journal(recording(place.path()));
        (build(builder, Loud(spikes, support::id(0))), log)
    };
    let (mut cortex, log) = start(20);
    cortex.run_for(Ticks(50)).unwrap();
    assert_eq!(log.len(), 20);
    let digests = cortex.worker_digests();
    drop(cortex);

    let (mut again, heard) = start(5);
    again.run_for(Ticks(0)).unwrap();
    assert!(again.next_tick() >= Tick(50));
    if again.next_tick() == Tick(50) {
        assert_eq!(again.worker_digests(), digests);
    }
    again.run_for(Ticks(50)).unwrap();
    assert_eq!(heard.len(), 25, "what was heard before is heard again");
    drop(again);

    // Three workers, or two in lockstep, have taken in other things.
    for (workers, exchange) in [(3, Exchange::FreeRunning), (2, Exchange::Lockstep)] {
        let (mut builder, _) = chain(3, 2, 1, exchange);
        builder.journal(recording(place.path())).workers(workers);
        builder.region(Region::gated("door", Loud(0, support::id(0))));
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains("with plan"), "{error}");
    }
    // As if it had been killed in the middle.
    let (mut journal, _) = Journal::open(place.path(), Options::default()).unwrap();
    let mut body = Vec::new();
    let spike = Spike::new(support::id(0), SpikeKind::Excitatory);
    let heard = Recorded::Heard { worker: 1, from: 0, tick: 999, drive: None, spike, payload: b"" };
    heard.write(&mut body);
    let (kind, source) = (heard.code(), WORKERS);
    journal.append(&Entry { tick: 9_999, time_ns: 0, source, kind, body: &body }).unwrap();
    journal.close().unwrap();
    let (mut torn, _) = start(1);
    let Err(RunError::Recovery(error)) = torn.run_for(Ticks(1)) else { panic!("it went on") };
    assert!(matches!(*error, RecoveryError::Restless { tick: 100.. }), "{error}");
}

#[test]
fn a_free_running_worker_that_falls_stops_the_run_with_its_reason_and_nothing_hangs() {
    for broken in 0..2_usize {
        let mut builder = Cortex::builder();
        let from = Region::agents("from").worker(1 - broken).neuron("n", passing());
        let from = builder.region(from);
        let to = Region::agents("to").worker(broken).neuron("n", Relay::default());
        let to = builder.region(to);
        let third = Region::agents("third").worker(2).neuron("n", Relay::default());
        let third = builder.region(third);
        let filter = Dendrite::closure(|_, _| panic!("the filter is broken"));
        builder.project(from, to, Projection::all_to_all().dendrite(filter));
        builder.project(from, third, Projection::all_to_all());
        builder.workers(3).exchange(Exchange::FreeRunning).pace(Pace::Free);
        let mut cortex = build(builder, Loud(1, support::id(0)));
        let run = std::panic::AssertUnwindSafe(|| cortex.run().map(|report| report.ticks));
        match std::panic::catch_unwind(run) {
            Ok(ended) => {
                let error = ended.unwrap_err().to_string();
                assert!(error.starts_with("worker 1 fell: panicked: the filter is"), "{error}");
                assert_eq!(broken, 1);
            }
            Err(panic) => {
                assert_eq!(panic.downcast_ref::<&str>(), Some(&"the filter is broken"));
                assert_eq!(broken, 0);
            }
        }
        assert!(cortex.run().is_err());
        // Dropping it waits for the threads.
        drop(cortex);
    }
}

#[test]
fn a_look_at_free_running_workers_finds_all_of_them_in_one_tick() {
    let mut builder = Cortex::builder();
    let noisy = Cells::lif(Lif::default()).noise(Noise { rate_hz: 50.0, size: 0.8 });
    let net = builder.region(Region::population("net", noisy, 400));
    builder.project(net, net, Projection::random(0.05).weight(0.1).delay(Ticks(2)));
    builder.workers(2).exchange(Exchange::FreeRunning).pace(Pace::Free);
    let running = builder.build().unwrap().spawn().unwrap();
    let look = || running.inspect(|cortex| (cortex.next_tick().0, cortex.counts().delivered));
    let looks: Vec<(u64, u64)> = (0..20).map(|_| look().unwrap()).collect();
    assert!(looks.is_sorted() && looks[19].0 > looks[0].0, "{looks:?}");
    running.stop();
    let (cortex, report) = running.join().unwrap();
    assert_eq!(report.ended, Ended::Stopped);
    let workers = cortex.report().workers;
    assert!(workers.iter().all(|worker| worker.firings > 0 && worker.cells == 200), "{workers:?}");
}
