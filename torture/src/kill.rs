//! SIGKILL at random moments, of producers, readers and the cortex in turn.
//!
//! One reader lives through all of it and checks every payload. While no cortex dies, it must get from each producer
//! exactly what that one was told is accepted, in order and once, and at most one spike more (accepted, and the
//! producer killed before it could write that down). What a cortex had taken in and not sent out dies with it; that is
//! counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use neuronbus::brain::{Brain, CortexState, default_path};

use crate::Outcome;
use crate::message::Message;
use crate::roles::{LONG, spawn};
use crate::seeded::Seeded;

/// The longest life of a process that is going to be killed.
const LIFE_MICROS: u64 = 6000;

/// What the reader that lives has got.
#[derive(Debug, Default, Clone)]
struct Received {
    /// By producer: how many in order, and how many were missing or came again.
    producers: BTreeMap<u64, (u64, u64, u64)>,
    broken: u64,
    total: u64,
}

impl Received {
    fn note(&mut self, payload: &[u8]) {
        let Some(Message { producer, number }) = Message::of_bytes(payload) else {
            self.broken += 1;
            return;
        };
        self.total += 1;
        let (next, missing, again) = self.producers.entry(producer).or_default();
        if number < *next {
            *again += 1;
        } else {
            *missing += number - *next;
            *next = number + 1;
        }
    }
}

/// One producer's life.
#[derive(Debug, Clone, Copy)]
struct Life {
    producer: u64,
    accepted: u64,
}

#[derive(Debug)]
struct Stage {
    path: PathBuf,
    cortex: Child,
    producer: Child,
    reader: Child,
    lives: Vec<Life>,
    deaths: u64,
    next_producer: u64,
    /// Producers of whom something may have been within a cortex when it died.
    disturbed: BTreeSet<u64>,
}

fn kill(child: &mut Child) -> std::io::Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

impl Stage {
    fn ledger(&self, producer: u64) -> PathBuf {
        self.path.with_extension(format!("accepted-{producer}"))
    }

    fn text(&self) -> String {
        self.path.display().to_string()
    }

    fn new(path: PathBuf) -> std::io::Result<Self> {
        let text = path.display().to_string();
        let cortex = spawn(&["cortex", &text])?;
        let ledger = path.with_extension("accepted-0").display().to_string();
        let producer = spawn(&["producer", &text, "0", &ledger])?;
        let reader = spawn(&["reader", &text])?;
        let (lives, disturbed) = (Vec::new(), BTreeSet::new());
        let (deaths, next_producer) = (0, 1);
        Ok(Self { path, cortex, producer, reader, lives, deaths, next_producer, disturbed })
    }

    /// Kills a producer and notes what it was told.
    fn kill_producer(&mut self) -> std::io::Result<()> {
        kill(&mut self.producer)?;
        let producer = self.next_producer - 1;
        let ledger = self.ledger(producer);
        let accepted = std::fs::read(&ledger).ok().and_then(|b| b.first_chunk().copied());
        let accepted = accepted.map_or(0, u64::from_le_bytes);
        let _ = std::fs::remove_file(ledger);
        self.lives.push(Life { producer, accepted });
        Ok(())
    }

    fn turn(&mut self, role: u64, received: &Mutex<Received>) -> std::io::Result<()> {
        match role {
            0 | 1 => {
                self.kill_producer()?;
                let number = self.next_producer;
                let ledger = self.ledger(number).display().to_string();
                self.producer = spawn(&["producer", &self.text(), &number.to_string(), &ledger])?;
                self.next_producer += 1;
            }
            2 | 3 => {
                kill(&mut self.reader)?;
                self.reader = spawn(&["reader", &self.text()])?;
            }
            _ => {
                let received = received.lock().unwrap_or_else(PoisonError::into_inner);
                // Spikes keep their order, so of those before the last one seen everything is out.
                let seen = received.producers.keys().next_back().copied().unwrap_or(0);
                drop(received);
                self.disturbed.extend(seen..self.next_producer);
                kill(&mut self.cortex)?;
                self.deaths += 1;
                self.cortex = spawn(&["cortex", &self.text()])?;
            }
        }
        Ok(())
    }
}

fn wait_for_brain(path: &Path) -> Result<Brain, Box<dyn std::error::Error>> {
    for _ in 0..LONG.as_millis() {
        if let Ok(brain) = Brain::attach(path) {
            return Ok(brain);
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Err("no cortex has made its directory".into())
}

/// Kills so many, then looks at what is left.
pub(crate) fn run(kills: u64, seed: u64) -> Outcome {
    let path = default_path(&format!("torture-{}-{seed}", std::process::id()));
    let mut random = Seeded::new(seed);
    let mut stage = Stage::new(path.clone())?;
    let brain = wait_for_brain(&path)?;
    let received = Arc::new(Mutex::new(Received::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut voice = brain.motor("voice")?;
    let (noting, stopped) = (Arc::clone(&received), Arc::clone(&stop));
    let reading = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            while let Some(heard) = voice.read() {
                noting.lock().unwrap_or_else(PoisonError::into_inner).note(heard.payload);
            }
            if voice.wait(Duration::from_millis(20)).is_err() {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        voice.refused()
    });
    for _ in 0..kills {
        std::thread::park_timeout(Duration::from_micros(random.below(LIFE_MICROS)));
        stage.turn(random.below(5), &received)?;
    }
    let lives = settle(&mut stage, &brain, &received)?;
    stop.store(true, Ordering::Relaxed);
    let refused = reading.join().map_err(|_| "the reader that lives has panicked")?;
    let received = received.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let report = judge(&received, &stage, &lives, refused, kills);
    let left = left_behind(&mut stage, &brain)?;
    std::fs::remove_dir_all(&path)?;
    let report = report?;
    Ok(format!("{report}; {left}"))
}

/// Kills the last producer and waits until nothing is under way any more.
fn settle(
    stage: &mut Stage,
    brain: &Brain,
    received: &Mutex<Received>,
) -> Result<Vec<Life>, Box<dyn std::error::Error>> {
    stage.kill_producer()?;
    kill(&mut stage.reader)?;
    if !brain.wait_for_cortex(LONG) {
        return Err("the last cortex does not come".into());
    }
    let ear = brain.sensory("ear")?.wait_until_taken(LONG)?;
    if !ear {
        return Err("the last cortex takes nothing in: it hangs".into());
    }
    // A moment in which nothing more arrives.
    let mut before = u64::MAX;
    for _ in 0..100 {
        let now = received.lock().unwrap_or_else(PoisonError::into_inner).total;
        if now == before {
            break;
        }
        before = now;
        std::thread::park_timeout(Duration::from_millis(200));
    }
    Ok(stage.lives.clone())
}

/// Whether what arrived is what it must be.
fn judge(
    received: &Received,
    stage: &Stage,
    lives: &[Life],
    refused: u64,
    kills: u64,
) -> Result<String, Box<dyn std::error::Error>> {
    let (mut exact, mut missing, mut again) = (0, 0, 0);
    for life in lives {
        let got = received.producers.get(&life.producer).copied().unwrap_or_default();
        missing += got.1;
        again += got.2;
        if !stage.disturbed.contains(&life.producer) {
            exact += 1;
            let right =
                got.1 == 0 && got.2 == 0 && (life.accepted..=life.accepted + 1).contains(&got.0);
            if !right {
                return Err(format!("{life:?} was received as {got:?}").into());
            }
        }
    }
    if received.broken != 0 || refused != 0 {
        return Err(format!("{} payloads broken, {refused} refused", received.broken).into());
    }
    let (total, deaths) = (received.total, stage.deaths);
    Ok(format!(
        "{kills} kills ({deaths} of the cortex): {total} spikes whole, 0 broken, 0 refused; {exact} of {} producers \
         without a death of the cortex: nothing lost, doubled or out of order; the others: {missing} lost and {again} \
         repeated with {deaths} cortexes",
        lives.len()
    ))
}

/// Kills the last cortex, repairs, and looks whether anything is still held.
fn left_behind(stage: &mut Stage, brain: &Brain) -> Result<String, Box<dyn std::error::Error>> {
    kill(&mut stage.cortex)?;
    let repairs = brain.repair()?;
    let census = brain.census()?;
    let held: u64 = census.doors.iter().map(|door| door.arena.in_use).sum();
    // The place of the cortex is kept for the next one.
    let dead = census.dead().filter(|(path, ..)| *path != "senses/ear").count();
    if brain.state() != CortexState::Dead || held != 0 || dead != 0 {
        return Err(format!("{held} bytes and {dead} places are still held: {census:?}").into());
    }
    let (lost, reaped) = (census.pulse.lost, census.pulse.reaped);
    Ok(format!(
        "{lost} spikes unread by {reaped} dead readers, counted; after repair ({} places, {} bytes) nothing held",
        repairs.readers + repairs.writers,
        repairs.bytes
    ))
}
