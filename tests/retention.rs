//! A journal that forgets what lies before its snapshots, and a run that goes on from the rest.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::path::Path;

use neuronbus::cortex::{Playback, Recording, RecoveryError, ReplayOptions, RunError};
use neuronbus::inlet::{Inlet, InletGate};
use neuronbus::journal::{Level, Options, Retention, Scan};
use neuronbus::prelude::*;
use neuronbus::recorded::Recorded;
use neuronbus::snapshot::Capture;

/// A cortex that keeps two snapshots, one after every ten inputs, and as little of its journal as it may.
fn forgetful(gate: InletGate, place: &Path) -> Cortex {
    built(gate, Some(recording(place)))
}

fn recording(place: &Path) -> Recording {
    let mut recording = Recording::in_directory(place).every_records(5, 10);
    recording.description = b"what it was built from".to_vec();
    recording.options = Options {
        level: Level::PageCache,
        segment_bytes: 8192,
        retention: Retention { bytes: Some(0), age: None },
        compress: true,
        thread: false,
        ..Options::default()
    };
    recording
}

fn built(gate: InletGate, recording: Option<Recording>) -> Cortex {
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/door", gate));
    let ear = builder.region(Region::agents("sense/ear").neuron("left", Relay::default()));
    let echo = Region::agents("think/echo").membrane(Lif::default().threshold(0.3));
    let echo = builder.region(echo.neuron("echo", Relay::default()));
    builder.project(door, ear, Projection::all_to_all());
    builder.project(ear, echo, Projection::all_to_all().plasticity(Stdp::default()));
    builder.pace(Pace::Free);
    if let Some(recording) = recording {
        builder.journal(recording);
    }
    builder.build().unwrap()
}

fn first_of(place: &Path) -> u64 {
    Scan::open(place).unwrap().segment_start()
}

#[test]
fn a_run_forgets_what_lies_before_its_snapshots_and_goes_on_from_the_rest() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut cortex = forgetful(gate, place.path());
    let mut words = 0;
    // bound: a segment holds about a hundred words with what they bring about
    while words < 5_000 && (words < 200 || first_of(place.path()) == 0) {
        inlet.fire(SpikeKind::Excitatory, 0, b"a word of some length").unwrap();
        cortex.run_for(Ticks(20)).unwrap();
        cortex.sync_journal(Level::PageCache).unwrap();
        words += 1;
    }
    let first = first_of(place.path());
    assert!(first > 0, "nothing was forgotten in {words} words");
    cortex.close();
    let digest = cortex.digest();
    drop(cortex);

    let mut scan = Scan::open(place.path()).unwrap();
    let mut described = 0;
    while let Some(record) = scan.next() {
        let record = record.unwrap();
        let what = Recorded::read(record.kind, record.body).unwrap();
        described += u64::from(what == Recorded::Described(b"what it was built from"));
    }
    assert!(described > 0, "what it was built from is told again");

    let again = || {
        let (_inlet, gate) = Inlet::gate(16).unwrap();
        let mut again = forgetful(gate, place.path());
        again.run_for(Ticks(0)).map(|_| again)
    };
    let cortex = again().unwrap();
    assert_eq!(cortex.digest(), digest);
    assert!(cortex.recovered().unwrap().snapshot.is_some());
    drop(cortex);

    // The newest is damaged: the one before it still has all it needs.
    let snapshots = || neuronbus::snapshot::list(place.path()).unwrap();
    let (_, newest) = snapshots().pop().unwrap();
    std::fs::write(&newest, b"damaged").unwrap();
    assert_eq!(again().unwrap().digest(), digest);

    for (_, path) in snapshots() {
        std::fs::remove_file(path).unwrap();
    }
    let Err(RunError::Recovery(error)) = again() else { panic!("it has no beginning") };
    let RecoveryError::Forgotten { first: said, .. } = *error else { panic!("{error}") };
    assert_eq!(said, first_of(place.path()));
}

/// Computes a recorded run again up to its last place for a snapshot, and keeps its state, as another process does.
fn take(place: &Path) {
    let mut scan = Scan::open(place).unwrap();
    let mut last = None;
    while let Some(record) = scan.next() {
        let record = record.unwrap();
        if let Recorded::Kept(_) = Recorded::read(record.kind, record.body).unwrap() {
            last = Some(record.tick);
        }
    }
    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let mut other = built(gate, None);
    let mut playback = Playback::open(place).unwrap();
    let until = ReplayOptions { until: Tick(last.unwrap()), ..ReplayOptions::default() };
    other.replay(&mut playback, until).unwrap();
    let next = playback.next_record().unwrap().unwrap().sequence;
    Capture::of(&mut other, next, Vec::new()).unwrap().write(place).unwrap();
}

#[test]
fn what_lies_before_a_snapshot_that_another_took_is_forgotten_too() {
    let place = tempfile::tempdir().unwrap();
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    let mut recording = recording(place.path());
    (recording.snapshots_elsewhere, recording.snapshots_kept) = (true, 1);
    let mut cortex = built(gate, Some(recording.clone()));
    for words in 0..600 {
        inlet.fire(SpikeKind::Excitatory, 0, b"a word of some length").unwrap();
        cortex.run_for(Ticks(20)).unwrap();
        cortex.sync_journal(Level::PageCache).unwrap();
        if words == 300 {
            assert_eq!(first_of(place.path()), 0, "nothing stands for it");
            take(place.path());
        }
    }
    let first = first_of(place.path());
    assert!(first > 0, "{:?}", cortex.report());
    cortex.close();
    let digest = cortex.digest();
    drop(cortex);
    let (_inlet, gate) = Inlet::gate(16).unwrap();
    let mut again = built(gate, Some(recording));
    again.run_for(Ticks(0)).unwrap();
    assert_eq!(again.digest(), digest);
    let recovered = again.recovered().unwrap();
    assert!(recovered.snapshot.is_some() && recovered.inputs >= 290, "{recovered:?}");
}
