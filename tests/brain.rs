//! A brain directory: processes that send spikes into a cortex and read its answers.

#![allow(clippy::unwrap_used, reason = "a test that cannot start its peer has failed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use neuronbus::axon::WaitStrategy;
use neuronbus::brain::{
    Attached, Brain, BrainError, CortexState, Directory, Door, Overheard, Role,
};
use neuronbus::cortex::{CortexBuilder, Running};
use neuronbus::prelude::*;

const PATH: &str = "NEURONBUS_TEST_BRAIN";
const LONG: Duration = Duration::from_secs(60);
const SPIKES: u32 = 20_000;

/// What comes in goes out again, spike by spike.
fn mirror(path: &Path, lanes: usize) -> CortexBuilder {
    let mut builder = Cortex::builder();
    let ear = Region::open_to_others("senses/ear", Door::sensory().lanes(lanes));
    let ear = builder.region(ear);
    let voice = builder.region(Region::motor("motor/voice"));
    builder.project(ear, voice, Projection::all_to_all());
    builder.directory(path).tick_length(Duration::from_micros(10));
    builder
}

fn run(path: &Path) -> Running {
    mirror(path, 1).build().unwrap().spawn().unwrap()
}

/// The test binary is its own peer: the same test, told where the brain is.
fn peer(test: &str, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", test]).env(PATH, path).stdout(Stdio::null());
    command.spawn().unwrap()
}

fn told() -> Option<PathBuf> {
    std::env::var_os(PATH).map(PathBuf::from)
}

/// Short or long, by its number.
fn payload(number: u32) -> Vec<u8> {
    let length = if number.is_multiple_of(7) { 300 } else { 8 };
    (0..length).map(|byte| (number as u8).wrapping_add(byte as u8)).collect::<Vec<u8>>()
}

#[test]
fn another_process_sends_and_reads_every_answer() {
    if let Some(path) = told() {
        let brain = Brain::attach(path).unwrap();
        let mut ear = brain.sensory("ear").unwrap();
        for number in 0..SPIKES {
            ear.fire_within(&payload(number), LONG).unwrap();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let running = run(&path);
    let brain = Brain::attach(&path).unwrap();
    let mut voice = brain.motor("motor/voice").unwrap();
    let mut peer = peer("another_process_sends_and_reads_every_answer", &path);
    for number in 0..SPIKES {
        let heard = voice.read_within(LONG).unwrap().unwrap();
        assert_eq!(heard.payload, payload(number), "spike {number}");
    }
    assert!(peer.wait().unwrap().success());
    assert_eq!((voice.refused(), brain.pulse().refused), (0, 0));
    running.stop();
    let (cortex, _) = running.join().unwrap();
    assert_eq!(brain.state(), CortexState::Running, "it is there until it is closed");
    drop(cortex);
    assert_eq!(brain.state(), CortexState::Ended);
}

#[test]
fn a_cortex_that_spins_hears_a_producer_that_does_not_ring() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let mut builder = mirror(&path, 1);
    // The cortex's housekeeper rings as well, and is not to.
    builder.directory(Directory::at(&path).reap_every(LONG * 60)).wait(WaitStrategy::BusySpin);
    let running = builder.build().unwrap().spawn().unwrap();
    let brain = Brain::attach(&path).unwrap();
    let (mut ear, mut voice) = (brain.sensory("ear").unwrap(), brain.motor("voice").unwrap());
    for number in 0..100 {
        ear.push(SpikeKind::Excitatory, 0, &payload(number)).unwrap();
        let heard = voice.read_within(LONG).unwrap().unwrap();
        assert_eq!(heard.payload, payload(number), "spike {number}");
    }
    drop(running);
}

#[test]
fn a_dead_producer_leaves_its_lane_and_what_it_sent() {
    if let Some(path) = told() {
        let mut ear = Brain::attach(path).unwrap().sensory("ear").unwrap();
        for number in 0..100 {
            ear.fire_within(&payload(number), LONG).unwrap();
        }
        std::process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let running = run(&path);
    let brain = Brain::attach(&path).unwrap();
    let mut voice = brain.motor("voice").unwrap();
    for round in 0..3 {
        let mut peer = peer("a_dead_producer_leaves_its_lane_and_what_it_sent", &path);
        assert!(!peer.wait().unwrap().success());
        for number in 0..100 {
            let heard = voice.read_within(LONG).unwrap().unwrap();
            assert_eq!(heard.payload, payload(number), "round {round}, spike {number}");
        }
    }
    drop(running);
}

#[test]
fn a_dead_reader_lets_the_cortex_go_and_its_loss_is_counted() {
    if let Some(path) = told() {
        let _voice = Brain::attach(path).unwrap().motor("voice").unwrap();
        std::process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let running = run(&path);
    let brain = Brain::attach(&path).unwrap();
    let mut peer = peer("a_dead_reader_lets_the_cortex_go_and_its_loss_is_counted", &path);
    peer.wait().unwrap();
    let mut ear = brain.sensory("ear").unwrap();
    // More than every ring on the way holds.
    for number in 0..20_000 {
        ear.fire_within(&payload(number), LONG).unwrap();
    }
    // None of them reaches a reader that lives, so the cortex gets rid of them only when the dead one is let go.
    while brain.census().unwrap().doors[1].published < 20_000 {
        std::thread::yield_now();
    }
    let pulse = brain.pulse();
    assert_eq!(
        (pulse.reaped, pulse.lost),
        (1, 4096),
        "a whole ring was waiting for the dead reader"
    );
    drop(running);
}

#[test]
fn peers_learn_that_the_cortex_died_and_go_on_with_the_next() {
    if let Some(path) = told() {
        let running = run(&path);
        let _brain = Brain::attach(&path).unwrap();
        std::thread::park();
        drop(running);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let mut first = peer("peers_learn_that_the_cortex_died_and_go_on_with_the_next", &path);
    let brain = loop {
        match Brain::attach(&path) {
            Ok(brain) => break brain,
            Err(BrainError::Io { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    assert!(brain.wait_for_cortex(LONG));
    let (mut voice, mut ear) = (brain.motor("voice").unwrap(), brain.sensory("ear").unwrap());
    ear.fire(b"one").unwrap();
    assert_eq!(voice.read_within(LONG).unwrap().unwrap().payload, b"one");
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(matches!(voice.read_within(LONG), Err(BrainError::CortexGone { epoch: 1, .. })));
    assert_eq!(brain.state(), CortexState::Dead);
    // What is sent to nobody is there for whoever comes.
    ear.fire(b"two").unwrap();
    let second = run(&path);
    assert!(brain.wait_for_cortex(LONG));
    assert_eq!(voice.read_within(LONG).unwrap().unwrap().payload, b"two");
    assert_eq!(brain.epoch(), 2);
    drop(second);
    assert!(matches!(voice.read_within(LONG), Err(BrainError::CortexEnded { epoch: 2 })));
}

#[test]
fn a_second_cortex_is_refused_while_the_first_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let first = run(&path);
    let error = mirror(&path, 1).build().unwrap_err().to_string();
    assert!(error.contains("which lives"), "{error}");
    drop(first);
    let error = mirror(&path, 2).build().unwrap_err().to_string();
    assert!(error.contains("another topology"), "{error}");
    drop(run(&path));
}

#[test]
fn a_lane_has_one_producer_and_a_door_several_lanes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let running = mirror(&path, 2).build().unwrap().spawn().unwrap();
    let brain = Brain::attach(&path).unwrap();
    let first = brain.sensory("ear").unwrap();
    let _second = brain.sensory("ear").unwrap();
    assert!(matches!(brain.sensory("ear"), Err(BrainError::Taken { lanes: 2, .. })));
    drop(first);
    drop(brain.sensory("ear").unwrap());
    assert!(matches!(brain.motor("ear"), Err(BrainError::NoSuch { .. })));
    drop(running);
}

#[test]
fn a_tap_sees_what_a_region_fires_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let running = run(&path);
    let mut ear = Brain::attach(&path).unwrap().sensory("ear").unwrap();
    let observer = Brain::observe(&path).unwrap();
    assert!(matches!(observer.motor("voice"), Err(BrainError::ReadOnly { .. })));
    let (mut tap, mut other) = (observer.tap("ear").unwrap(), observer.tap("voice").unwrap());
    for number in 0..8 {
        ear.fire_within(&payload(number), LONG).unwrap();
    }
    let mut seen = 0;
    while seen < 8 {
        match tap.poll() {
            Overheard::Spike { payload: carried, .. } => {
                assert_eq!(carried, Some(payload(seen).as_slice()));
                seen += 1;
            }
            Overheard::Nothing => assert!(tap.wait(LONG)),
            Overheard::Lost(lost) => panic!("{lost} lost of 8"),
        }
    }
    assert_eq!(other.poll(), Overheard::Nothing, "the door out fires nothing");
    let mut late = observer.tap("ear").unwrap().from_oldest();
    assert!(matches!(late.poll(), Overheard::Spike { .. }));
    drop(running);
}

#[cfg(unix)]
#[test]
fn files_are_the_owners_alone_unless_asked() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    for (name, group, expected) in [("own", false, 0o600), ("group", true, 0o660)] {
        let path = folder.path().join(name);
        let directory = neuronbus::brain::Directory::at(&path);
        let mut builder = mirror(&path, 1);
        builder.directory(if group { directory.for_group() } else { directory });
        drop(builder.build().unwrap());
        for file in std::fs::read_dir(&path).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{name}");
        }
    }
}

#[test]
fn a_door_needs_a_directory() {
    let mut builder = Cortex::builder();
    builder.region(Region::sensory("senses/ear"));
    let mut cortex = builder.build().unwrap();
    assert!(!cortex.topology().to_dot().is_empty(), "it can be looked at");
    let error = cortex.tick().unwrap_err().to_string();
    assert!(error.contains("no brain directory"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn who_only_looks_is_seen_by_a_census() {
    if let Some(path) = told() {
        let mut tap = Brain::observe(&path).unwrap().tap("*").unwrap();
        Brain::attach(path).unwrap().sensory("ear").unwrap().fire(b"here").unwrap();
        while tap.poll() != Overheard::Nothing || tap.wait(LONG) {}
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let running = run(&path);
    let brain = Brain::attach(&path).unwrap();
    let mut voice = brain.motor("voice").unwrap();
    let mut peer = peer("who_only_looks_is_seen_by_a_census", &path);
    assert_eq!(voice.read_within(LONG).unwrap().unwrap().payload, b"here");
    let observers = || {
        let doors = brain.census().unwrap().doors;
        let ends = doors.into_iter().flat_map(|door| door.attached);
        let looks = |end: &Attached| end.role == Role::Observer;
        ends.filter(looks).map(|end| end.pid).collect::<Vec<_>>()
    };
    assert_eq!(observers(), [peer.id()]);
    peer.kill().unwrap();
    peer.wait().unwrap();
    assert!(observers().is_empty(), "it has ended");
    drop(running);
}
