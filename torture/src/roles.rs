//! What the copies of this program do until they are killed, or told to stop by the end of their input.

use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use neuronbus::brain::{Brain, BrainError, Directory, Door, Motor};
use neuronbus::prelude::*;

use crate::Outcome;
use crate::message::Message;

/// Longer than anything takes that goes well.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A look at whether to stop.
const LOOK: Duration = Duration::from_millis(20);

/// A copy of this program in a role.
pub(crate) fn spawn(args: &[&str]) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()
}

/// Set when the input ends.
fn told_to_stop() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::Relaxed);
    });
    stop
}

/// What comes in goes out again.
pub(crate) fn cortex(path: &Path) -> Outcome {
    let stop = told_to_stop();
    let mut builder = Cortex::builder();
    let ear = Region::open_to_others("senses/ear", Door::sensory().slots(256).payloads(1 << 18));
    let ear = builder.region(ear);
    let voice = Door::motor().slots(512).readers(8).payloads(1 << 18);
    let voice = builder.region(Region::open_to_others("motor/voice", voice));
    builder.project(ear, voice, Projection::all_to_all());
    let directory = Directory::at(path).trace(256).reap_every(Duration::from_millis(50));
    builder.directory(directory).tick_length(Duration::from_micros(10));
    let running = builder.build()?.spawn()?;
    println!("ready");
    std::io::stdout().flush()?;
    while !stop.load(Ordering::Relaxed) && !running.is_finished() {
        std::thread::park_timeout(LOOK);
    }
    running.stop();
    let (cortex, report) = running.join()?;
    drop(cortex);
    Ok(format!("{report:?}"))
}

/// Sends numbered spikes, and writes down after each how many were accepted.
pub(crate) fn producer(path: &Path, producer: u64, accepted: &Path) -> Outcome {
    let stop = told_to_stop();
    let ledger = std::fs::File::create(accepted)?;
    let mut payload = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let Ok(brain) = Brain::attach(path) else {
            std::thread::park_timeout(LOOK);
            continue;
        };
        let Ok(mut ear) = brain.sensory("ear") else {
            std::thread::park_timeout(LOOK);
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            Message { producer, number }.to_bytes(&mut payload);
            match ear.fire_within(&payload, LOOK) {
                Ok(()) => {
                    number += 1;
                    ledger.write_at(&number.to_le_bytes(), 0)?;
                }
                Err(BrainError::CortexGone { .. } | BrainError::CortexEnded { .. }) => {
                    let _ = brain.wait_for_cortex(LOOK);
                }
                Err(_) => {}
            }
        }
    }
    Ok(number.to_string())
}

/// Reads, and counts what is not whole.
pub(crate) fn reader(path: &Path) -> Outcome {
    let stop = told_to_stop();
    let (mut whole, mut broken) = (0_u64, 0_u64);
    while !stop.load(Ordering::Relaxed) {
        let attached = Brain::attach(path).and_then(|brain| brain.motor("voice"));
        let Ok(mut voice) = attached else {
            std::thread::park_timeout(LOOK);
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            read_all(&mut voice, &mut whole, &mut broken);
            if voice.wait(LOOK).is_err() {
                std::thread::park_timeout(LOOK);
            }
        }
    }
    Ok(format!("{whole} whole, {broken} broken"))
}

fn read_all(voice: &mut Motor, whole: &mut u64, broken: &mut u64) {
    for _ in 0..1 << 12 {
        let Some(heard) = voice.read() else { return };
        match Message::of_bytes(heard.payload) {
            Some(_) => *whole += 1,
            None => *broken += 1,
        }
    }
}
