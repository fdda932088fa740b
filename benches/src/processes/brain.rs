//! Through a whole cortex: another process sends in and reads what comes out.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use neuronbus::axon::WaitStrategy;
use neuronbus::brain::{Brain, BrainError, Direction, Door, Motor, Role};
use neuronbus::cortex::Running;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;

use super::{Folder, end, other, start, until};
use crate::apart::Apart;
use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, pin, quantiles};

/// Processes at once.
const MANY: u64 = 64;

/// How long a slow machine is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process, a neuron that learns, and the process again.
#[must_use]
pub fn round_trip(scale: Scale) -> Comparison {
    let rounds = scale.of(300_000, 300);
    let title = "From a process through a neuron that learns in another process and back, p50";
    let of = move |wait| move || there_and_back(wait, rounds);
    Comparison::new(title, Unit::Ns)
        .across_cores()
        .ours("busy spin", of(WaitStrategy::BusySpin))
        .ours("adaptive", of(WaitStrategy::Adaptive))
        .target(Target::at_most(1000.0))
}

/// Joining a brain with a producer and a reader, and leaving.
#[must_use]
pub fn attach(scale: Scale) -> Comparison {
    let rounds = scale.of(1_000, 10);
    let mut comparison =
        Comparison::new("Attaching a producer and a reader, and detaching them, p50", Unit::Ns)
            .ours("brain directory", move || told("attaching", rounds, WaitStrategy::Adaptive));
    if let Some(iceoryx2) = Apart::iceoryx2(scale) {
        let slow = rounds / 10 + 2;
        comparison = comparison.peer("iceoryx2", move || iceoryx2.times("attach", slow));
    }
    comparison.target(Target::at_most(1_000_000.0))
}

/// Very many processes, each of which sends and hears what all send.
#[must_use]
pub fn many(scale: Scale) -> Comparison {
    let each = scale.of(2_000, 20);
    let title =
        "64 processes attached at once, each of which fires and hears what all fire; spikes heard";
    Comparison::new(title, Unit::MillionPerSecond)
        .rounds(3)
        .ours("brain directory", move || all_at_once(each))
}

/// In at the ear, through a neuron whose synapse learns, out by the voice.
fn host(folder: &Folder, wait: WaitStrategy, lanes: usize, core: Option<usize>) -> Running {
    let mut builder = Cortex::builder();
    let ear = Door::sensory().lanes(lanes).slots(4096);
    let ear = builder.region(Region::open_to_others("senses/ear", ear));
    let relay = Region::agents("cortex/relay").neuron("relay", Learner);
    let relay = builder.region(relay);
    let voice = Door::motor().slots(1 << 14).readers(lanes + 1);
    let voice = builder.region(Region::open_to_others("motor/voice", voice));
    let learning = Projection::all_to_all().weight(1.0).plasticity(RewardStdp::default());
    builder.project(ear, relay, learning);
    builder.project(relay, voice, Projection::all_to_all());
    builder.directory(folder.0.join("brain")).tick_length(Duration::from_nanos(100)).wait(wait);
    if let Some(core) = core {
        builder.pin(core);
    }
    let cortex = builder.build().expect("it is described correctly");
    cortex.spawn().expect("the system gives a thread")
}

/// Passes on all that it hears.
struct Learner;

impl Neuron for Learner {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(payload)?;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

fn there_and_back(wait: WaitStrategy, rounds: u64) -> Sample {
    told("client", rounds, wait)
}

/// What another process prints that has a brain to itself.
fn told(role: &str, count: u64, wait: WaitStrategy) -> Sample {
    let folder = Folder::new();
    let running = host(&folder, wait, 1, Some(1));
    let mut command = other(role, count, &folder.0);
    let output = command.stderr(Stdio::inherit()).output().expect("this program starts again");
    assert!(output.status.success(), "the other process failed: {}", output.status);
    running.stop();
    running.join().expect("nothing fails here");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures = text.split_whitespace().map(|figure| figure.parse().ok());
    let [p50, p99, p999] =
        [(); 3].map(|()| figures.next().flatten().expect("three figures are printed"));
    Sample { figure: p50, beside: vec![("p99", p99), ("p99.9", p999)] }
}

fn print(sample: &Sample) {
    println!("{} {} {}", sample.figure, sample.beside[0].1, sample.beside[1].1);
}

pub(super) fn client(folder: &Path, rounds: u64) {
    pin(0);
    let brain = Brain::attach(folder.join("brain")).expect("the other process has made it");
    let mut voice = brain.motor("voice").expect("it has this door");
    let mut ear = brain.sensory("ear").expect("it has this door");
    let mut times = histogram();
    for number in 0..rounds {
        let began = Stamp::now();
        ear.fire(&number.to_le_bytes()).expect("the last one was taken");
        until(|| match voice.read() {
            Some(heard) => {
                assert_eq!(heard.payload, number.to_le_bytes(), "it comes back as it was");
                true
            }
            None => false,
        });
        if number >= rounds / 10 {
            times.saturating_record(Stamp::now().ns_since(began));
        }
    }
    print(&quantiles(&times));
}

pub(super) fn attaching(folder: &Path, rounds: u64) {
    let mut times = histogram();
    for _ in 0..rounds {
        let began = Stamp::now();
        let brain = Brain::attach(folder.join("brain")).expect("the other process has made it");
        let ends = (brain.motor("voice"), brain.sensory("ear"));
        assert!(ends.0.is_ok() && ends.1.is_ok(), "both doors are free");
        drop((ends, brain));
        times.saturating_record(Stamp::now().ns_since(began));
    }
    print(&quantiles(&times));
}

/// Begins what everybody waits for.
const GO: &[u8] = b"go";

fn all_at_once(each: u64) -> Sample {
    let folder = Folder::new();
    let running = host(&folder, WaitStrategy::Adaptive, MANY as usize + 1, None);
    let brain = Brain::attach(folder.0.join("brain")).expect("it was just made");
    let mut ear = brain.sensory("ear").expect("a lane is free");
    let began = Stamp::now();
    let children: Vec<_> = (0..MANY).map(|_| start("one-of-many", each, &folder.0)).collect();
    until(|| all_there(&brain));
    let together = Stamp::now();
    ear.fire(GO).expect("the ring is empty");
    children.into_iter().for_each(end);
    let time = Stamp::now().ns_since(together) as f64;
    running.stop();
    running.join().expect("nothing fails here");
    let attached = together.ns_since(began) as f64;
    let figure = (MANY * MANY * each) as f64 * 1e3 / time;
    Sample { figure, beside: vec![("ms until all were there", attached * 1e-6)] }
}

/// Whether each of the others has a producer and a reader.
fn all_there(brain: &Brain) -> bool {
    let census = brain.census().expect("nobody damages it");
    let ends = |direction, role| {
        let doors = census.doors.iter().filter(move |door| door.direction == Some(direction));
        let ends = doors.flat_map(|door| &door.attached);
        ends.filter(|end| end.role == role && end.alive == Some(true)).count() as u64
    };
    ends(Direction::Sensory, Role::Writer) > MANY && ends(Direction::Motor, Role::Reader) >= MANY
}

pub(super) fn one_of_many(folder: &Path, each: u64) {
    let brain = Brain::attach(folder.join("brain")).expect("the other process has made it");
    let mut voice = brain.motor("voice").expect("it has room");
    let mut ear = brain.sensory("ear").expect("it has room");
    let own = u64::from(std::process::id());
    let first = heard(&mut voice);
    assert!(first.is_none(), "nobody fires before all are there");
    let (mut sent, mut next_own, mut count) = (0, 0, 0);
    while count < MANY * each {
        while sent < each {
            match ear.fire(&(own << 32 | sent).to_le_bytes()) {
                Ok(()) => sent += 1,
                Err(BrainError::Full { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        let number = heard(&mut voice).expect("one begins");
        count += 1;
        if number >> 32 == own {
            assert_eq!(number & 0xFFFF_FFFF, next_own, "its own come back in order");
            next_own += 1;
        }
    }
    assert_eq!(next_own, each, "all of its own came back");
}

/// The next spike's number; `None` is the one that begins.
fn heard(voice: &mut Motor) -> Option<u64> {
    let heard = voice.read_within(PATIENCE).expect("the cortex lives");
    let heard = heard.expect("it does not take a minute");
    heard.payload.try_into().ok().map(u64::from_le_bytes)
}
