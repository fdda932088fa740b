//! What a cortex writes into its journal, and what can be done with it: replaying, going on, refusing what differs.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

#[path = "support/mod.rs"]
mod support;
#[path = "worlds/mod.rs"]
mod worlds;

use std::path::Path;
use std::time::Duration;

use neuronbus::cortex::{
    BuildError, Difference, Every, Mistake, Playback, Recording, RecoveryError, ReplayError,
    ReplayOptions, RunError, Speed,
};
use neuronbus::gate::{Admissions, Gate, GateError, GatePast, Outbound, Outlook};
use neuronbus::inlet::{Inlet, InletGate};
use neuronbus::journal::{Level, Options};
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;
use neuronbus::recorded::Recorded;
use proptest::prelude::*;
use support::{Log, Puppet};
use worlds::world;

const TICK: Duration = Duration::from_millis(1);

fn marked(directory: &Path, every: u64) -> Recording {
    let mut recording = Recording::in_directory(directory).every_records(every, u64::MAX);
    assert_eq!(recording.snapshots, Every::NEVER);
    recording.options = Options { level: Level::PageCache, ..Options::default() };
    recording
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever the topology and the input are: a recorded run comes again to the bit, on any number of workers, and a
    /// cortex that is built anew on its journal stands where the other ended.
    #[test]
    fn a_recorded_run_comes_again(
        world in world(),
        recorded_on in prop::sample::select(vec![vec![0], vec![0, 1]]),
        pause in 0_u64..60,
        every in 1_u64..9,
    ) {
        let place = tempfile::tempdir().unwrap();
        let record = |builder: &mut neuronbus::cortex::CortexBuilder| {
            builder.journal(marked(place.path(), every));
        };
        let (mut cortex, events) = world.build_with(&recorded_on, Pace::Free, TICK, record);
        cortex.run_for(Ticks(pause)).unwrap();
        cortex.run_for(Ticks(90 - pause)).unwrap();
        cortex.close();
        let (digest, counts) = (cortex.digest(), cortex.counts());
        drop(cortex);

        for homes in [&[0_usize][..], &[0, 1], &[0, 1, 2]] {
            let (mut again, seen) = world.build_on(homes, Pace::Free, TICK);
            let mut playback = Playback::open(place.path()).unwrap();
            let report = again.replay(&mut playback, ReplayOptions::default()).unwrap();
            // Closing lets what is under way arrive.
            prop_assert!(report.next_tick >= 90);
            prop_assert!(report.marks > 0 || report.inputs == 0);
            prop_assert_eq!(again.digest(), digest);
            prop_assert_eq!(again.counts().firings, counts.firings);
            if homes.len() == 1 && recorded_on.len() == 1 {
                prop_assert_eq!(seen.all(), events.all());
            }
        }
        let (mut taken_up, _) = world.build_with(&recorded_on, Pace::Free, TICK, record);
        taken_up.tick().unwrap();
        taken_up.close();
        let (mut reference, _) = world.build_on(&[0], Pace::Free, TICK);
        let mut playback = Playback::open(place.path()).unwrap();
        reference.replay(&mut playback, ReplayOptions::default()).unwrap();
        prop_assert_eq!(reference.digest(), taken_up.digest());
    }
}

/// A door, a plastic synapse onto an agent that answers, and a way out.
fn small(gate: InletGate, out: impl Gate + 'static, place: Option<&Path>) -> Cortex {
    build_small(gate, out, place, Relay::default(), 0).unwrap()
}

fn build_small(
    gate: InletGate,
    out: impl Gate + 'static,
    place: Option<&Path>,
    echo: impl Neuron + 'static,
    seed: u64,
) -> Result<Cortex, BuildError> {
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/door", gate));
    let ear = builder.region(Region::agents("sense/ear").neuron("left", Relay::default()));
    let echo = builder.region(echo_region(echo));
    let mouth = builder.region(Region::gated("motor/mouth", out));
    builder.project(door, ear, Projection::all_to_all());
    builder.project(ear, echo, Projection::all_to_all().plasticity(Stdp::default()));
    builder.project(echo, mouth, Projection::all_to_all());
    builder.pace(Pace::Free).seed(seed);
    if let Some(place) = place {
        builder.journal(marked(place, 4));
    }
    builder.build()
}

/// Below the weight that learning may leave: each spike makes it fire.
fn echo_region(echo: impl Neuron + 'static) -> Region {
    Region::agents("think/echo").membrane(Lif::default().threshold(0.3)).neuron("echo", echo)
}

/// A gate that notes what it takes out.
#[derive(Debug, Default)]
struct Mouth(Log<Vec<u8>>);

impl Gate for Mouth {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Open)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        outbound.iter().for_each(|out| self.0.push(out.payload.to_vec()));
        Ok(outbound.len())
    }
}

fn ended(cortex: &mut Cortex, inlet: &mut Inlet, words: &[&str]) {
    for word in words {
        inlet.fire(SpikeKind::Excitatory, 0, word.as_bytes()).unwrap();
        cortex.run_for(Ticks(20)).unwrap();
    }
}

#[test]
fn what_went_out_is_recorded_and_does_not_go_out_again() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let said = Log::default();
    let mut cortex = small(gate, Mouth(said.clone()), Some(place.path()));
    ended(&mut cortex, &mut inlet, &["one", "two", "three"]);
    cortex.close();
    let digest = cortex.digest();
    let words: Vec<Vec<u8>> = ["one", "two", "three"].map(|word| word.as_bytes().to_vec()).into();
    assert_eq!(said.all(), words);
    drop(cortex);

    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let said = Log::default();
    let mut again = small(gate, Mouth(said.clone()), Some(place.path()));
    again.run_for(Ticks(0)).unwrap();
    assert_eq!((again.digest(), said.len()), (digest, 0));
    let recovered = again.recovered().unwrap().clone();
    assert_eq!((recovered.inputs, recovered.outputs), (3, 3));
    assert_eq!(recovered.cut, 0);
    ended(&mut again, &mut inlet, &["four"]);
    assert_eq!(said.all(), [b"four".to_vec()]);
}

/// A gate that takes nothing, as one does whose peer is away.
struct Shut;

impl Gate for Shut {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Open)
    }

    fn emit(&mut self, _: &[Outbound<'_>]) -> Result<usize, GateError> {
        Ok(0)
    }
}

#[test]
fn what_no_gate_took_before_the_end_is_offered_when_the_run_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = small(gate, Shut, Some(place.path()));
    ended(&mut cortex, &mut inlet, &["kept"]);
    drop(cortex);

    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let said = Log::default();
    let mut again = small(gate, Mouth(said.clone()), Some(place.path()));
    again.run_for(Ticks(3)).unwrap();
    assert!(again.recovered().unwrap().marks > 0, "the state was that before the end");
    assert_eq!(said.all(), [b"kept".to_vec()]);
}

#[test]
fn another_topology_or_seed_is_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let (_inlet, gate) = Inlet::gate(16).unwrap();
    drop(small(gate, Shut, Some(place.path())));
    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let other = build_small(gate, Shut, Some(place.path()), Relay::default(), 1);
    let error = other.unwrap_err();
    let plan = |mistake: &Mistake| matches!(mistake, Mistake::Journal(RecoveryError::Plan { .. }));
    assert!(error.mistakes.iter().any(plan), "{error}");
}

#[test]
fn a_replay_that_differs_stops_at_the_first_difference_and_says_whose() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = small(gate, Mouth::default(), Some(place.path()));
    ended(&mut cortex, &mut inlet, &["a", "b", "c", "d", "e", "f"]);
    drop(cortex);

    // A neuron that says something else than it did.
    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let liar = Puppet::default().on_fire(|ctx| Ok(ctx.fire(b"lies")?));
    let mut again = build_small(gate, Shut, None, liar, 0).unwrap();
    let mut playback = Playback::open(place.path()).unwrap();
    let error = again.replay(&mut playback, ReplayOptions::default()).unwrap_err();
    let ReplayError::Differs(Difference::Output { tick, gate, .. }) = error else {
        panic!("{error}");
    };
    assert_eq!((tick, gate.as_str()), (3, "motor/mouth"));

    // A state that is another one: a weight was set behind the journal's back.
    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let mut again = small(gate, Shut, None);
    let ear = again.atlas().neuron("sense/ear", "left").unwrap();
    again.set_threshold(ear, 1e6).unwrap();
    let mut playback = Playback::open(place.path()).unwrap();
    let error = again.replay(&mut playback, ReplayOptions::default()).unwrap_err();
    assert!(matches!(error, ReplayError::Differs(_)), "{error}");
}

#[test]
fn the_operators_changes_are_replayed_in_their_ticks() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = small(gate, Mouth::default(), Some(place.path()));
    ended(&mut cortex, &mut inlet, &["a", "b"]);
    let atlas = cortex.atlas();
    let ear = atlas.neuron("sense/ear", "left").unwrap();
    let echo = atlas.neuron("think/echo", "echo").unwrap();
    cortex.set_weight(ear, echo, 0.25).unwrap();
    cortex.set_threshold(echo, 0.2).unwrap();
    ended(&mut cortex, &mut inlet, &["c"]);
    cortex.silence(ear).unwrap();
    ended(&mut cortex, &mut inlet, &["d"]);
    assert!(cortex.set_weight(echo, ear, 0.5).is_err(), "no synapse leads back");
    assert!(cortex.set_weight(ear, echo, 7.0).is_err(), "above the projection's limit");
    assert!(cortex.set_threshold(echo, f32::NAN).is_err());
    cortex.close();
    let digest = cortex.digest();
    drop(cortex);

    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let mut again = small(gate, Shut, None);
    let mut playback = Playback::open(place.path()).unwrap();
    let report = again.replay(&mut playback, ReplayOptions::default()).unwrap();
    assert_eq!(report.inputs, 4 + 3, "spikes and changes");
    assert_eq!(again.digest(), digest);
}

#[test]
fn a_replay_can_be_stopped_and_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = small(gate, Mouth::default(), Some(place.path()));
    ended(&mut cortex, &mut inlet, &["a", "b", "c"]);
    cortex.close();
    let digest = cortex.digest();
    drop(cortex);

    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let mut again = small(gate, Shut, None);
    let mut playback = Playback::open(place.path()).unwrap();
    for until in [1, 2, 21, 22, 23, 40] {
        let options = ReplayOptions { until: Tick(until), ..ReplayOptions::default() };
        let report = again.replay(&mut playback, options).unwrap();
        assert_eq!((report.next_tick, again.next_tick()), (until, Tick(until)));
    }
    again.replay(&mut playback, ReplayOptions::default()).unwrap();
    assert_eq!(again.digest(), digest);
}

#[test]
fn causes_lead_from_what_went_out_to_what_came_in() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = small(gate, Mouth::default(), Some(place.path()));
    ended(&mut cortex, &mut inlet, &["a", "b"]);
    drop(cortex);

    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let mut again = small(gate, Shut, None);
    again.trace_causes();
    let mut playback = Playback::open(place.path()).unwrap();
    again.replay(&mut playback, ReplayOptions::default()).unwrap();
    let causes = again.take_causes();
    let atlas = again.atlas();
    let source = |address: &str| {
        let of = |id: &neuronbus::cause::SpikeId| atlas.address(id.source) == address;
        causes.spikes().map(|(id, _)| id).filter(of).collect::<Vec<_>>()
    };
    let (ear, echo) = (source("sense/ear:left"), source("think/echo:echo"));
    assert_eq!((ear.len(), echo.len()), (2, 2));
    assert_eq!(causes.causes(echo[1]), [ear[1]]);
    assert_eq!(causes.effects(ear[0]), [echo[0]]);
    assert_eq!((causes.depth(echo[1]), causes.ancestors(echo[1]).len()), (2, 2));
    let roots = causes.roots(echo[1]);
    assert_eq!(causes.spike(roots[0]).unwrap().payload, b"b");
    assert_eq!(causes.common_ancestor(echo[1], ear[1]), Some(ear[1]));
    assert_eq!(causes.common_ancestor(echo[0], echo[1]), None);
    assert_eq!(causes.descendants(roots[0]).len(), 2);
}

#[test]
fn a_replay_keeps_the_recorded_delays_and_a_faster_one_divides_them() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = small(gate, Mouth::default(), Some(place.path()));
    ended(&mut cortex, &mut inlet, &["a"]);
    let (_open, never) = std::sync::mpsc::channel::<()>();
    never.recv_timeout(Duration::from_millis(60)).unwrap_err();
    ended(&mut cortex, &mut inlet, &["b"]);
    drop(cortex);
    let mut times = Vec::new();
    let mut playback = Playback::open(place.path()).unwrap();
    while let Some(record) = playback.next_record().unwrap() {
        if matches!(Recorded::read(record.kind, record.body), Ok(Recorded::Fire { .. })) {
            times.push(record.time_ns);
        }
    }
    let recorded = Duration::from_nanos(times[1] - times[0]);
    assert!(recorded >= Duration::from_millis(60));

    let took = |speed| {
        let (_inlet, gate) = Inlet::gate(16).unwrap();
        let mut again = small(gate, Shut, None);
        let mut playback = Playback::open(place.path()).unwrap();
        let began = Stamp::now();
        again.replay(&mut playback, ReplayOptions { speed, ..ReplayOptions::default() }).unwrap();
        Duration::from_nanos(Stamp::now().ns_since(began))
    };
    // Lower bounds only: how late a thread wakes on a busy machine is not this code's.
    assert!(took(Speed::Times(1.0)) >= recorded);
    assert!(took(Speed::Times(4.0)) >= recorded / 4);
}

/// Reads numbers from a list, as a file's reader reads lines, and leaves word of how far it has come.
struct Numbers {
    next: u32,
    end: u32,
    resumed: Log<u32>,
}

impl Gate for Numbers {
    fn resume(&mut self, past: &GatePast) -> Result<(), GateError> {
        let next = past.bookmark.as_deref().and_then(|bytes| bytes.first_chunk());
        let next = next.copied().map(u32::from_le_bytes);
        self.next = next.ok_or_else(|| GateError::new("numbers", "no such bookmark"))?;
        assert_eq!(past.admissions, u64::from(self.next));
        self.resumed.push(self.next);
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        if self.next == self.end {
            return Ok(Outlook::Ended);
        }
        let refused =
            |error: neuronbus::gate::AdmitError| GateError::new("numbers", error.to_string());
        inbound.fire(SpikeKind::Excitatory, 0, &self.next.to_le_bytes()).map_err(refused)?;
        self.next += 1;
        inbound.bookmark(&self.next.to_le_bytes()).map_err(refused)?;
        Ok(Outlook::At(Tick(inbound.tick().0 + 1)))
    }
}

#[test]
fn a_gate_goes_on_where_its_last_bookmark_is() {
    let place = tempfile::tempdir().unwrap();
    let resumed = Log::default();
    let heard = Log::default();
    let build = || {
        let mut builder = Cortex::builder();
        let numbers = Numbers { next: 0, end: 100, resumed: resumed.clone() };
        let door = builder.region(Region::gated("numbers", numbers));
        let seen = heard.clone();
        let ear = Puppet::default().on_spike(move |_, payload, _| {
            seen.push(payload.to_vec());
            Ok(())
        });
        let ears = builder.region(Region::agents("ears").neuron("one", ear));
        builder.project(door, ears, Projection::all_to_all());
        builder.pace(Pace::Free).journal(marked(place.path(), 1_000));
        builder.build().unwrap()
    };
    build().run_for(Ticks(40)).unwrap();
    let first = heard.len();
    build().run().unwrap();
    let bookmark = resumed.all();
    assert_eq!(bookmark.len(), 1);
    assert!((30..=41).contains(&bookmark[0]), "{bookmark:?}");
    let live: Vec<u32> = heard.all()[first..]
        .iter()
        .map(|bytes| u32::from_le_bytes(bytes.as_slice().try_into().unwrap()))
        .collect();
    // The replay hears the first again, and then each of the others once.
    assert_eq!(live, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_gate_that_cannot_go_on_stops_the_run_before_it_begins() {
    let place = tempfile::tempdir().unwrap();
    struct Forgetful;
    impl Gate for Forgetful {
        fn resume(&mut self, _: &GatePast) -> Result<(), GateError> {
            Err(GateError::new("forgetful", "it does not remember"))
        }
        fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
            let _ = inbound.bookmark(b"here");
            Ok(Outlook::Ended)
        }
    }
    let build = || {
        let mut builder = Cortex::builder();
        builder.region(Region::gated("forgetful", Forgetful));
        builder.pace(Pace::Free).journal(marked(place.path(), 1));
        builder.build().unwrap()
    };
    build().run().unwrap();
    let error = build().run().unwrap_err();
    assert!(matches!(error, RunError::Gate(_)), "{error}");
}

#[test]
fn a_gate_is_told_what_of_its_input_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = small(gate, Mouth::default(), Some(place.path()));
    assert_eq!(inlet.recorded(), 0);
    ended(&mut cortex, &mut inlet, &["a", "b", "c"]);
    cortex.sync_journal(Level::Synced).unwrap();
    assert_eq!(cortex.recorded_up_to(Level::Synced), cortex.recorded_up_to(Level::Memory));
    cortex.tick().unwrap();
    assert_eq!(inlet.recorded(), 3);
    // Without being asked: the journal's thread wakes a cortex that has nothing else to do.
    let running = cortex.spawn().unwrap();
    inlet.fire(SpikeKind::Excitatory, 0, b"d").unwrap();
    while inlet.recorded() < 4 {
        std::thread::yield_now();
    }
    running.stop();
    running.join().unwrap();
}

/// What a cortex with a snapshot after every second input is built of.
fn keeping(gate: InletGate, place: &Path) -> Cortex {
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/door", gate));
    let ear = builder.region(Region::agents("sense/ear").neuron("left", Relay::default()));
    let echo = builder.region(echo_region(Relay::default()));
    builder.project(door, ear, Projection::all_to_all());
    builder.project(ear, echo, Projection::all_to_all().plasticity(Stdp::default()));
    builder.pace(Pace::Free);
    let mut recording = Recording::in_directory(place).every_records(3, 2);
    recording.snapshots_kept = 3;
    builder.journal(recording);
    builder.build().unwrap()
}

fn snapshots(place: &Path) -> Vec<std::path::PathBuf> {
    neuronbus::snapshot::list(place).unwrap().into_iter().map(|(_, path)| path).collect()
}

#[test]
fn a_run_is_taken_up_from_the_newest_snapshot_that_is_whole() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut cortex = keeping(gate, place.path());
    let mut words = 0;
    // They are written while the run goes on: how many words that takes is chance.
    while snapshots(place.path()).len() < 3 {
        ended(&mut cortex, &mut inlet, &["word"]);
        words += 1;
    }
    cortex.close();
    let digest = cortex.digest();
    drop(cortex);

    let again = || {
        let (_inlet, gate) = Inlet::gate(64).unwrap();
        let mut again = keeping(gate, place.path());
        again.run_for(Ticks(0)).unwrap();
        assert_eq!(again.digest(), digest);
        again.recovered().unwrap().clone()
    };
    let recovered = again();
    assert_eq!(recovered.refused, Vec::<String>::new());
    assert!(recovered.snapshot.is_some() && recovered.inputs < words, "{recovered:?}");

    // The newest is damaged: the one before it serves, and more is computed again.
    let newest = snapshots(place.path()).pop().unwrap();
    let mut bytes = std::fs::read(&newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&newest, &bytes).unwrap();
    let older = again();
    assert!(older.snapshot < recovered.snapshot && older.inputs > recovered.inputs, "{older:?}");
    assert_eq!(older.refused.len(), 1);

    // Without any, everything is.
    snapshots(place.path()).iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let all = again();
    assert_eq!((all.snapshot, all.inputs), (None, words));
}

#[test]
fn a_neuron_that_cannot_be_saved_is_refused_by_name_before_it_matters() {
    let place = tempfile::tempdir().unwrap();
    let mut builder = Cortex::builder();
    let mut count = 0_u8;
    let closure = neuronbus::neuron::FireWith(move |ctx: &mut Context<'_>| {
        count += 1;
        Ok(ctx.fire(&[count])?)
    });
    builder.region(Region::agents("think").neuron("closure", closure));
    builder.pace(Pace::Free).journal(place.path());
    let error = builder.build().unwrap().run_for(Ticks(1)).unwrap_err().to_string();
    assert!(error.contains("think:closure"), "{error}");
}

#[test]
fn bookmarks_and_admissions_outlive_the_records_that_a_snapshot_stands_for() {
    let place = tempfile::tempdir().unwrap();
    let resumed = Log::default();
    let build = || {
        let mut builder = Cortex::builder();
        let numbers = Numbers { next: 0, end: 100, resumed: resumed.clone() };
        builder.region(Region::gated("numbers", numbers));
        builder.pace(Pace::Free);
        builder.journal(Recording::in_directory(place.path()).every_records(1_000, 1));
        builder.build().unwrap()
    };
    build().run_for(Ticks(40)).unwrap();
    let mut again = build();
    again.run().unwrap();
    let recovered = again.recovered().unwrap();
    assert!(recovered.snapshot.is_some() && recovered.inputs < 80, "{recovered:?}");
    assert!((30..=41).contains(&resumed.all()[0]), "{:?}", resumed.all());
}

#[test]
fn what_comes_faster_than_the_journal_is_written_waits_and_none_of_it_is_refused() {
    const SPIKES: u64 = 20_000;
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/door", gate));
    let ear = builder.region(Region::agents("sense/ear").neuron("left", Relay::default()));
    builder.project(door, ear, Projection::all_to_all()).pace(Pace::OnDemand);
    let mut recording = marked(place.path(), u64::MAX);
    // Four rings full of spikes, of which a quarter must be free.
    recording.options.memory_bytes = 32 << 10;
    builder.journal(recording);
    let running = builder.build().unwrap().spawn().unwrap();
    let mut sent = 0;
    while sent < SPIKES {
        match inlet.fire(SpikeKind::Excitatory, 0, &[7; 42]) {
            Ok(()) => sent += 1,
            Err(_) => std::thread::yield_now(),
        }
    }
    while inlet.recorded() < SPIKES {
        let refused = running.inspect(|cortex| cortex.report().gates[0].account.refused.clone());
        assert_eq!(refused.unwrap(), []);
    }
    running.stop();
    let (mut cortex, _) = running.join().unwrap();
    cortex.close();
    let mut playback = Playback::open(place.path()).unwrap();
    let mut fired = 0;
    while let Some(record) = playback.next_record().unwrap() {
        let recorded = Recorded::read(record.kind, record.body).unwrap();
        fired += u64::from(matches!(recorded, Recorded::Fire { .. }));
    }
    assert_eq!(fired, SPIKES);
}
