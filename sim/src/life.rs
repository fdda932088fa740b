//! One simulation: what is done to a brain, and what has to be true of it.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

use neuronbus::cortex::{BuildError, RunError};
use neuronbus::journal::disk::{Call, Disk, Fault, MemoryDisk};
use neuronbus::journal::{Health, JournalError, Level, Scan, verify_on};
use neuronbus::prelude::*;
use neuronbus::recorded::Recorded;

use crate::brain;
use crate::chance::Chance;
use crate::clients::{self, Admitted, Letterbox, Repeater, Shared};
use crate::disk::{Faulty, Planted};

/// Things done in one simulation.
const STEPS: u64 = 60;

/// How often what was done: each kind of fault has to occur in many seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "they are what they are called")]
pub struct Tally {
    pub kills: u64,
    pub power_losses: u64,
    pub orderly_ends: u64,
    pub syncs: u64,
    pub failed_syncs: u64,
    pub full_disks: u64,
    pub cuts: u64,
    pub lost: u64,
    pub refused: u64,
    pub admitted: u64,
    pub ticks: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.power_losses += other.power_losses;
        self.orderly_ends += other.orderly_ends;
        self.syncs += other.syncs;
        self.failed_syncs += other.failed_syncs;
        self.full_disks += other.full_disks;
        self.cuts += other.cuts;
        self.lost += other.lost;
        self.refused += other.refused;
        self.admitted += other.admitted;
        self.ticks += other.ticks;
    }
}

/// What a simulation that went well came to: the same for the same seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The last digest.
    pub digest: String,
    /// What was done.
    pub tally: Tally,
}

/// Why a simulation did not go well.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum Failure {
    #[error("step {step}: {synced} inputs were acknowledged as synced, and {found} are there")]
    Lost { step: u64, synced: usize, found: usize },
    #[error("step {step}: input {at} in the journal is not the one that was admitted")]
    Other { step: u64, at: usize },
    #[error("step {step}: the journal has {found} inputs, and only {admitted} were admitted")]
    Invented { step: u64, found: usize, admitted: usize },
    #[error("step {step}: sequence {found} follows where {expected} should")]
    Gap { step: u64, found: u64, expected: u64 },
    #[error(
        "step {step}: started again it stands elsewhere than one that never stopped, at tick {tick}"
    )]
    Differs { step: u64, tick: u64 },
    #[error("step {step}: {error}")]
    Journal { step: u64, error: JournalError },
    #[error("step {step}: {error}")]
    Run { step: u64, error: RunError },
    #[error("step {step}: {error}")]
    Build { step: u64, error: BuildError },
    #[error("step {step}: the disk works and the journal does not: {health:?}")]
    Stuck { step: u64, health: Health },
}

/// Simulates what follows from a seed.
///
/// # Errors
/// [`Failure`]: the first thing that is not as it has to be.
pub fn simulate(seed: u64, planted: Option<Planted>) -> Result<Outcome, Failure> {
    let mut life = Life::begin(seed, planted)?;
    for step in 1..=STEPS {
        life.step = step;
        life.do_something()?;
    }
    life.recover_disk();
    life.end_orderly()?;
    life.again(0)?;
    let tally = Tally { refused: clients::open(&life.post).refused, ..life.tally };
    Ok(Outcome { digest: life.cortex.digest().to_string(), tally })
}

struct Life {
    chance: Chance,
    planted: Option<Planted>,
    disk: MemoryDisk,
    post: Shared,
    cortex: Cortex,
    sent: u64,
    /// Inputs that were acknowledged as written, and as synced.
    written: usize,
    synced: usize,
    step: u64,
    tally: Tally,
}

fn build(
    disk: &MemoryDisk,
    post: &Shared,
    planted: Option<Planted>,
    step: u64,
) -> Result<Cortex, Failure> {
    let disk = disk.clone();
    let disk: Arc<dyn Disk> = match planted {
        Some(planted) => Arc::new(Faulty { disk, planted }),
        None => Arc::new(disk),
    };
    let unordered = planted == Some(Planted::UnorderedGate);
    let gates = [0, 1].map(|gate| Letterbox { post: post.clone(), gate, unordered });
    brain::build(gates, Some(disk), planted).map_err(|error| Failure::Build { step, error })
}

impl Life {
    fn begin(seed: u64, planted: Option<Planted>) -> Result<Self, Failure> {
        let (disk, post) = (MemoryDisk::new(seed), Shared::default());
        let cortex = build(&disk, &post, planted, 0)?;
        let (chance, tally) = (Chance::new(seed), Tally::default());
        let (sent, written, synced, step) = (0, 0, 0, 0);
        Ok(Self { chance, planted, disk, post, cortex, sent, written, synced, step, tally })
    }

    fn do_something(&mut self) -> Result<(), Failure> {
        match self.chance.below(100) {
            0..30 => {
                clients::send(&self.post, &mut self.sent, &mut self.chance);
                Ok(())
            }
            30..62 => self.run(),
            62..72 => self.bring_to(Level::PageCache),
            72..84 => self.bring_to(Level::Synced),
            84..87 => {
                self.tally.kills += 1;
                self.disk.kill();
                let written = self.written;
                self.again(written)
            }
            87..91 => {
                self.tally.power_losses += 1;
                self.disk.lose_power();
                let synced = self.synced;
                self.again(synced)
            }
            91..94 => self.end_orderly_and_again(),
            94..97 => {
                let call = self.chance.pick(&[
                    None,
                    Some(Call::SyncData),
                    Some(Call::Write),
                    Some(Call::Create),
                    Some(Call::SyncDirectory),
                ]);
                let (after, sticky) = (self.chance.below(6), self.chance.one_in(3));
                let error = self.chance.pick(&[ErrorKind::Other, ErrorKind::TimedOut]);
                self.disk.set_fault(Some(Fault { after, call, error, sticky }));
                Ok(())
            }
            _ => {
                self.tally.full_disks += 1;
                self.disk.set_capacity(self.chance.below(48) << 10);
                Ok(())
            }
        }
    }

    fn health(&self) -> Health {
        self.cortex.journal_health().unwrap_or(Health::Working)
    }

    /// Runs for some ticks, unless the journal holds time.
    fn run(&mut self) -> Result<(), Failure> {
        if self.health() != Health::Working {
            return Ok(());
        }
        let ticks = 1 + self.chance.below(12);
        let ran = self.cortex.run_for(Ticks(ticks));
        self.tally.ticks += ticks;
        let step = self.step;
        ran.map_err(|error| Failure::Run { step, error })?;
        Ok(())
    }

    /// Waits for a level. Whatever was admitted before is acknowledged when it is reached.
    fn bring_to(&mut self, level: Level) -> Result<(), Failure> {
        let admitted = clients::open(&self.post).admitted.len();
        match self.cortex.sync_journal(level) {
            Ok(()) => {
                self.tally.syncs += 1;
                self.written = admitted;
                if level == Level::Synced {
                    self.synced = admitted;
                }
            }
            Err(JournalError::NoSpace { .. }) => {
                // Somebody makes room.
                if self.chance.one_in(2) {
                    self.disk.set_capacity(u64::MAX);
                    let retried = self.cortex.sync_journal(level);
                    let (step, health) = (self.step, self.health());
                    let working = retried.is_ok() == (health == Health::Working);
                    if !working {
                        return Err(Failure::Stuck { step, health });
                    }
                }
            }
            Err(JournalError::Poisoned { .. }) => {
                self.tally.failed_syncs += 1;
                // Whoever runs it starts it again; the system may lose what it could not write, or the power may fail.
                if self.chance.one_in(2) {
                    self.disk.kill();
                } else {
                    self.disk.lose_power();
                }
                let synced = self.synced;
                return self.again(synced);
            }
            Err(error) => return Err(Failure::Journal { step: self.step, error }),
        }
        Ok(())
    }

    fn recover_disk(&self) {
        self.disk.set_fault(None);
        self.disk.set_capacity(u64::MAX);
    }

    fn end_orderly_and_again(&mut self) -> Result<(), Failure> {
        self.end_orderly()?;
        let written = self.written;
        self.again(written)
    }

    /// Lets everything arrive that is under way, and closes.
    fn end_orderly(&mut self) -> Result<(), Failure> {
        self.tally.orderly_ends += 1;
        let admitted = clients::open(&self.post).admitted.len();
        let whole = self.cortex.sync_journal(Level::Synced).is_ok();
        if whole {
            (self.written, self.synced) = (admitted, admitted);
        }
        self.cortex.close();
        Ok(())
    }

    /// Starts the brain again on what is on the disk, and compares: `must` inputs have to be there.
    fn again(&mut self, must: usize) -> Result<(), Failure> {
        let (step, must) = (self.step, must.max(self.synced));
        self.recover_disk();
        // The old one ends first: a journal has one writer.
        let nobody = [0, 1].map(|gate| Repeater { all: [].into(), gate });
        let none = brain::build(nobody, None, None);
        self.cortex = none.map_err(|error| Failure::Build { step, error })?;
        self.disk.kill();
        self.cortex = build(&self.disk, &self.post, self.planted, step)?;
        let found = self.recorded()?;
        self.compare(&found, must)?;
        let admitted = clients::open(&self.post).admitted.len();
        self.tally.lost += (admitted - found.len()) as u64;
        self.tally.cuts += u64::from(admitted > found.len());
        self.tally.admitted += found.len() as u64;
        self.stands_where_it_should(&found)?;
        self.send_again(found.len());
        // Opening reads what is there; only a sync says that it is safe.
        self.written = found.len();
        self.synced = self.synced.min(found.len());
        verify_on(&self.disk).map_err(|error| Failure::Journal { step, error })?;
        Ok(())
    }

    /// The inputs that the journal has, its sequences checked.
    fn recorded(&self) -> Result<Vec<Admitted>, Failure> {
        let step = self.step;
        let failed = |error| Failure::Journal { step, error };
        let mut scan = Scan::open_on(Arc::new(self.disk.clone())).map_err(failed)?;
        let (mut found, mut expected) = (Vec::new(), 0);
        while let Some(record) = scan.next() {
            let record = record.map_err(failed)?;
            if record.sequence != expected {
                return Err(Failure::Gap { step, found: record.sequence, expected });
            }
            expected += 1;
            if let Ok(Recorded::Fire { payload, .. }) = Recorded::read(record.kind, record.body) {
                let gate = self.gate_of(record.source);
                found.push(Admitted { tick: record.tick, gate, message: payload.to_vec() });
            }
        }
        Ok(found)
    }

    /// Which of the gates has an id.
    fn gate_of(&self, source: u32) -> usize {
        let atlas = self.cortex.atlas();
        let of = |path: &str| {
            let region = atlas.region(path)?;
            atlas.members(region).first().map(|id| u32::from(id.raw()))
        };
        usize::from(of("sense/left") != Some(source))
    }

    fn compare(&self, found: &[Admitted], must: usize) -> Result<(), Failure> {
        let (step, post) = (self.step, clients::open(&self.post));
        let admitted = &post.admitted;
        if found.len() > admitted.len() {
            let (found, admitted) = (found.len(), admitted.len());
            return Err(Failure::Invented { step, found, admitted });
        }
        if let Some(at) = (0..found.len()).find(|&at| found[at] != admitted[at]) {
            return Err(Failure::Other { step, at });
        }
        if found.len() < must {
            return Err(Failure::Lost { step, synced: must, found: found.len() });
        }
        Ok(())
    }

    /// What was admitted and is not there comes again: nobody had been told that it was safe.
    fn send_again(&self, kept: usize) {
        let post = &mut *clients::open(&self.post);
        for lost in post.admitted.drain(kept..).rev() {
            post.waiting[lost.gate].push_front(lost.message);
        }
    }

    /// Compares with a brain that is given the same inputs in the same ticks and never stops.
    ///
    /// One tick is computed first, in which nothing enters: what had gone out and was not recorded goes out again.
    fn stands_where_it_should(&mut self, found: &[Admitted]) -> Result<(), Failure> {
        let step = self.step;
        let waiting = std::mem::take(&mut clients::open(&self.post).waiting);
        let ran = self.cortex.run_for(Ticks(1));
        ran.map_err(|error| Failure::Run { step, error })?;
        clients::open(&self.post).waiting = waiting;
        let tick = self.cortex.next_tick().0;
        let all = || found.iter().cloned().collect();
        let gates = [0, 1].map(|gate| Repeater { all: all(), gate });
        let reference = brain::build(gates, None, self.planted);
        let mut reference = reference.map_err(|error| Failure::Build { step, error })?;
        let ran = reference.run_for(Ticks(tick));
        ran.map_err(|error| Failure::Run { step, error })?;
        if reference.digest() != self.cortex.digest() {
            return Err(Failure::Differs { step, tick });
        }
        Ok(())
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life").field("step", &self.step).finish_non_exhaustive()
    }
}
