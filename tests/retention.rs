//! A journal that forgets what lies before its snapshots, and a run that goes on from the rest.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::path::Path;

use neuronbus::cortex::{Recording, RecoveryError, RunError};
use neuronbus::inlet::{Inlet, InletGate};
use neuronbus::journal::{Level, Options, Retention, Scan};
use neuronbus::prelude::*;
use neuronbus::recorded::Recorded;

/// A cortex that keeps two snapshots, one after every ten inputs, and as little of its journal as it may.
fn forgetful(gate: InletGate, place: &Path) -> Cortex {
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/door", gate));
    let ear = builder.region(Region::agents("sense/ear").neuron("left", Relay::default()));
    let echo = Region::agents("think/echo").membrane(Lif::default().threshold(0.3));
    let echo = builder.region(echo.neuron("echo", Relay::default()));
    builder.project(door, ear, Projection::all_to_all());
    builder.project(ear, echo, Projection::all_to_all().plasticity(Stdp::default()));
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
    builder.pace(Pace::Free).journal(recording);
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
