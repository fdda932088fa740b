//! A payload of 1 MB: written once by one process, and read whole by another.
#![allow(
    unsafe_code,
    reason = "a promise about the writers, who are the other process of this program"
)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use neuronbus::arena::{Arena, TrustedWriters};
use neuronbus::axon::AxonHub;
use neuronbus::brain::{Brain, Door};
use neuronbus::inlet::Inlet;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;

use super::link::{Axons, Link};
use super::{Folder, end, start, until};
use crate::apart::Apart;
use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, pin, quantiles};

const BYTES: usize = 1_000_000;

/// A payload there, its sum taken, and a word back.
#[must_use]
pub fn hand_over(scale: Scale) -> Comparison {
    let rounds = scale.of(5_000, 20);
    let title = "1 MB written by one process and summed up by another, and its answer, p50";
    let mut comparison = Comparison::new(title, Unit::Ns)
        .across_cores()
        .ours("arena, looked at in place", move || blocks("blocks", rounds))
        .ours("arena, copied by the reader", move || blocks("blocks-copied", rounds))
        .ours("fired by an agent, looked at in place", move || from_an_agent(rounds))
        .peer("a Unix socket", move || over_a_socket(rounds));
    if let Some(iceoryx2) = Apart::iceoryx2(scale) {
        comparison = comparison.peer("iceoryx2", move || iceoryx2.times("megabyte", rounds));
        comparison = comparison.target(Target::at_most(1.0).times("iceoryx2"));
    }
    comparison
}

fn trust() -> TrustedWriters {
    // SAFETY: the writer waits for the answer before it writes again.
    unsafe { TrustedWriters::promised() }
}

/// The sum of a payload's words.
fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(0, |sum: u64, word| sum.wrapping_add(u64::from_ne_bytes(*word)))
}

fn check(sum: u64, number: u64) {
    assert_eq!(sum, number.wrapping_mul(BYTES as u64 / 8), "payload {number} is not whole");
}

/// What is sent; an agent has it at hand as well.
type Block = Arc<Mutex<Vec<u8>>>;

fn lock(block: &Block) -> std::sync::MutexGuard<'_, Vec<u8>> {
    block.lock().expect("nobody fails while holding it")
}

fn fill(block: &mut [u8], number: u64) {
    let (words, _) = block.as_chunks_mut::<8>();
    words.fill(number.to_ne_bytes());
}

fn spike() -> Spike {
    Spike::new(NeuronId::new(0).expect("0 is an id"), SpikeKind::Excitatory)
}

/// Times what happens between a block that is filled and the answer to it.
fn timed(rounds: u64, mut round: impl FnMut(u64, &Block)) -> Sample {
    let mut times = histogram();
    let block = Block::new(Mutex::new(vec![0; BYTES]));
    for number in 0..rounds {
        fill(&mut lock(&block), number);
        let began = Stamp::now();
        round(number, &block);
        if number >= rounds / 10 {
            times.saturating_record(Stamp::now().ns_since(began));
        }
    }
    quantiles(&times)
}

/// An arena and an axon that carries references into it.
fn blocks(role: &str, rounds: u64) -> Sample {
    let folder = Folder::new();
    pin(0);
    let arena = Arena::create(folder.0.join("blocks"), 64 << 20).expect("there is room");
    let mut out =
        neuronbus::axon::Axon::create(folder.0.join("blocks.axon"), 16).expect("a power of two");
    let mut answers = Axons::here(&folder.0);
    let child = start(role, rounds, &folder.0);
    answers.meet();
    let sample = timed(rounds, |number, block| {
        let place = arena.write(&lock(block)).expect("the last one was released");
        out.publish(&spike().with_arena(place)).expect("the last one was read");
        until(|| answers.receive(number));
        arena.release(place).expect("it was written here");
    });
    end(child);
    sample
}

pub(super) fn take(folder: &Path, rounds: u64) {
    each_block(folder, rounds, |arena, place| {
        arena.look(place, trust(), sum).expect("the writer keeps it")
    });
}

pub(super) fn take_a_copy(folder: &Path, rounds: u64) {
    let mut copy = Vec::new();
    each_block(folder, rounds, move |arena, place| {
        arena.read_into(place, &mut copy).expect("the writer keeps it");
        sum(&copy)
    });
}

fn each_block(
    folder: &Path,
    rounds: u64,
    mut read: impl FnMut(&Arena, neuronbus::spike::ArenaRef) -> u64,
) {
    pin(1);
    let arena = Arena::open(folder.join("blocks")).expect("it was made before");
    let hub = AxonHub::open(folder.join("blocks.axon")).expect("it was made before");
    let mut blocks = hub.reader().expect("the first reader");
    let mut answers = Axons::there(folder);
    for number in 0..rounds {
        let mut spike = None;
        until(|| {
            spike = blocks.try_read();
            spike.is_some()
        });
        let spike = spike.expect("it was waited for");
        check(read(&arena, spike.arena_ref().expect("a large payload")), number);
        until(|| answers.send(number));
    }
}

/// Fires what it has at hand.
struct Camera(Arc<OnceLock<Block>>);

impl Neuron for Camera {
    fn on_spike(&mut self, _: &Spike, _: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        if let Some(block) = self.0.get() {
            ctx.fire(&lock(block))?;
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// From an agent through a motor gate: two writes, one into the cortex's arena and one into the door's.
fn from_an_agent(rounds: u64) -> Sample {
    let folder = Folder::new();
    pin(0);
    let (mut inlet, gate) = Inlet::gate(16).expect("a power of two");
    let mut builder = Cortex::builder();
    builder.region(Region::gated("door", gate));
    let sight = Arc::new(OnceLock::new());
    let camera = Region::agents("camera").neuron("camera", Camera(Arc::clone(&sight)));
    let camera = builder.region(camera);
    let eye = Door::motor().payloads(64 << 20);
    let eye = builder.region(Region::open_to_others("motor/eye", eye));
    builder.project(camera, eye, Projection::all_to_all());
    builder.pace(Pace::Free).arena(64 << 20).directory(folder.0.join("brain"));
    let mut cortex = builder.build().expect("it is described correctly");
    cortex.run_for(Ticks(1)).expect("nothing fails here");
    let camera = cortex.atlas().neuron("camera", "camera").expect("it was just added");
    let mut answers = Axons::here(&folder.0);
    let child = start("blocks-of-a-brain", rounds, &folder.0);
    answers.meet();
    let sample = timed(rounds, |number, block| {
        sight.get_or_init(|| Arc::clone(block));
        inlet.drive(camera, 0.0, 0, &[]).expect("the last one was admitted");
        cortex.run_for(Ticks(4)).expect("nothing fails here");
        until(|| answers.receive(number));
    });
    end(child);
    sample
}

pub(super) fn take_from_brain(folder: &Path, rounds: u64) {
    pin(1);
    let brain = Brain::attach(folder.join("brain")).expect("it was made before");
    let mut eye = brain.motor("eye").expect("it has this door");
    let mut answers = Axons::there(folder);
    for number in 0..rounds {
        let mut seen = None;
        until(|| {
            seen = eye.look(trust(), |_, bytes| sum(bytes)).expect("it is kept");
            seen.is_some()
        });
        check(seen.expect("it was waited for"), number);
        // Read to the end: the cortex may let the payload go.
        let _ = eye.read();
        until(|| answers.send(number));
    }
}

/// Through a socket, which copies twice.
fn over_a_socket(rounds: u64) -> Sample {
    let folder = Folder::new();
    pin(0);
    let listener = UnixListener::bind(folder.0.join("socket")).expect("a socket fits the folder");
    let child = start("blocks-of-a-socket", rounds, &folder.0);
    let (mut stream, _) = listener.accept().expect("it listens");
    let sample = timed(rounds, |number, block| {
        stream.write_all(&lock(block)).expect("the other end is there");
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).expect("the other end is there");
        assert_eq!(u64::from_ne_bytes(answer), number);
    });
    end(child);
    sample
}

pub(super) fn take_from_socket(folder: &Path, rounds: u64) {
    pin(1);
    let mut stream = UnixStream::connect(folder.join("socket")).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("sockets have this option");
    let mut block = vec![0; BYTES];
    for number in 0..rounds {
        stream.read_exact(&mut block).expect("the other end is there");
        check(sum(&block), number);
        stream.write_all(&number.to_ne_bytes()).expect("the other end is there");
    }
}
