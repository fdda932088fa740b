//! One simulation: what is done to a brain, and what has to be true of it.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

use neuronbus::journal::disk::{Call, Disk, Fault, MemoryDisk};
use neuronbus::journal::{Archive, Health, JournalError, Level, Scan, Span, verify_on};
use neuronbus::prelude::*;
use neuronbus::recorded::Recorded;

use crate::chance::Chance;
use crate::clients::{self, Admitted, Emitted, Gagged, Letterbox, Mouth, Repeater, Shared};
use crate::disk::{Faulty, Planted};
use crate::outcome::{Failure, Outcome, Tally};
use crate::{brain, clock};

/// Things done in one simulation.
const STEPS: u64 = 60;

const SECOND_NS: i64 = 1_000_000_000;

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
    life.again(Reach::default())?;
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
    /// What was acknowledged as written, and as synced.
    written: Reach,
    synced: Reach,
    step: u64,
    tally: Tally,
}

/// How many of the inputs and of the outputs.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    inputs: usize,
    outputs: usize,
}

impl Reach {
    fn of(post: &Shared) -> Self {
        let post = clients::open(post);
        Self { inputs: post.admitted.len(), outputs: post.emitted.len() }
    }

    fn max(self, other: Self) -> Self {
        let inputs = self.inputs.max(other.inputs);
        Self { inputs, outputs: self.outputs.max(other.outputs) }
    }

    fn min(self, other: Self) -> Self {
        let inputs = self.inputs.min(other.inputs);
        Self { inputs, outputs: self.outputs.min(other.outputs) }
    }
}

/// What a journal holds.
#[derive(Debug, Default)]
struct Found {
    inputs: Vec<Admitted>,
    outputs: Vec<Emitted>,
    /// When each record was made, by its sequence.
    times: Vec<u64>,
}

impl Found {
    fn reach(&self) -> Reach {
        Reach { inputs: self.inputs.len(), outputs: self.outputs.len() }
    }
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
    let out = Mouth { post: post.clone() };
    brain::build(gates, out, Some(disk), planted).map_err(|error| Failure::Build { step, error })
}

impl Life {
    fn begin(seed: u64, planted: Option<Planted>) -> Result<Self, Failure> {
        clock::begin();
        let (disk, post) = (MemoryDisk::new(seed), Shared::default());
        let cortex = build(&disk, &post, planted, 0)?;
        let (chance, tally) = (Chance::new(seed), Tally::default());
        let (sent, written, synced, step) = (0, Reach::default(), Reach::default(), 0);
        Ok(Self { chance, planted, disk, post, cortex, sent, written, synced, step, tally })
    }

    fn do_something(&mut self) -> Result<(), Failure> {
        match self.chance.below(100) {
            0..29 => {
                clients::send(&self.post, &mut self.sent, &mut self.chance);
                Ok(())
            }
            29..60 => self.run(),
            60..69 => self.bring_to(Level::PageCache),
            69..80 => self.bring_to(Level::Synced),
            80..84 => {
                self.tally.kills += 1;
                self.disk.kill();
                let written = self.written;
                self.again(written)
            }
            84..88 => {
                self.tally.power_losses += 1;
                self.disk.lose_power();
                let synced = self.synced;
                self.again(synced)
            }
            88..91 => self.end_orderly_and_again(),
            91..94 => {
                let call = self.chance.pick(&[
                    None,
                    Some(Call::SyncData),
                    Some(Call::Write),
                    Some(Call::Create),
                    Some(Call::SyncDirectory),
                    Some(Call::Rename),
                    Some(Call::Remove),
                ]);
                let (after, sticky) = (self.chance.below(6), self.chance.one_in(3));
                let error = self.chance.pick(&[ErrorKind::Other, ErrorKind::TimedOut]);
                self.disk.set_fault(Some(Fault { after, call, error, sticky }));
                Ok(())
            }
            94..97 => {
                self.tally.full_disks += 1;
                self.disk.set_capacity(self.chance.below(48) << 10);
                Ok(())
            }
            _ => {
                self.tally.clock_jumps += 1;
                let most =
                    self.chance.pick(&[SECOND_NS, 3600 * SECOND_NS, 400 * 86_400 * SECOND_NS]);
                let by = self.chance.below(most as u64) as i64;
                clock::shift(if self.chance.one_in(2) { by } else { -by });
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
        clock::shift(ticks as i64 * 10_000_000);
        let step = self.step;
        ran.map_err(|error| Failure::Run { step, error })?;
        Ok(())
    }

    /// Waits for a level. Whatever was admitted before is acknowledged when it is reached.
    fn bring_to(&mut self, level: Level) -> Result<(), Failure> {
        let reach = Reach::of(&self.post);
        match self.cortex.sync_journal(level) {
            Ok(()) => {
                self.tally.syncs += 1;
                self.written = reach;
                if level == Level::Synced {
                    self.synced = reach;
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
        let reach = Reach::of(&self.post);
        let whole = self.cortex.sync_journal(Level::Synced).is_ok();
        if whole {
            (self.written, self.synced) = (reach, reach);
        }
        self.cortex.close();
        Ok(())
    }

    /// Starts the brain again on what is on the disk, and compares: what `must` says has to be there.
    fn again(&mut self, must: Reach) -> Result<(), Failure> {
        let (step, must) = (self.step, must.max(self.synced));
        self.recover_disk();
        // The old one ends first: a journal has one writer.
        let nobody = [0, 1].map(|gate| Repeater { all: [].into(), gate });
        let none = brain::build(nobody, Gagged { left: 0 }, None, None);
        self.cortex = none.map_err(|error| Failure::Build { step, error })?;
        self.disk.kill();
        self.cortex = build(&self.disk, &self.post, self.planted, step)?;
        let found = self.recorded()?;
        self.compare(&found, must)?;
        self.index_agrees(&found)?;
        let (known, reach) = (Reach::of(&self.post), found.reach());
        let lost = known.inputs - reach.inputs;
        self.tally.lost += lost as u64;
        self.tally.cuts += u64::from(lost > 0);
        self.tally.outputs_lost += (known.outputs - reach.outputs) as u64;
        self.tally.admitted += reach.inputs as u64;
        self.stands_where_it_should(found)?;
        self.forget_behind(reach);
        // Opening reads what is there; only a sync says that it is safe.
        self.written = reach;
        self.synced = self.synced.min(reach);
        verify_on(&self.disk).map_err(|error| Failure::Journal { step, error })?;
        Ok(())
    }

    /// What the journal has, its sequences and times checked.
    fn recorded(&self) -> Result<Found, Failure> {
        let step = self.step;
        let failed = |error| Failure::Journal { step, error };
        let mut scan = Scan::open_on(Arc::new(self.disk.clone())).map_err(failed)?;
        let mut found = Found::default();
        while let Some(record) = scan.next() {
            let record = record.map_err(failed)?;
            let expected = found.times.len() as u64;
            if record.sequence != expected {
                return Err(Failure::Gap { step, found: record.sequence, expected });
            }
            if found.times.last().is_some_and(|&last| record.time_ns < last) {
                return Err(Failure::Backwards { step, sequence: record.sequence });
            }
            found.times.push(record.time_ns);
            match Recorded::read(record.kind, record.body) {
                Ok(Recorded::Fire { payload, .. }) => {
                    let gate = self.gate_of(record.source);
                    let message = payload.to_vec();
                    found.inputs.push(Admitted { tick: record.tick, gate, message });
                }
                Ok(Recorded::Output { spike, payload, .. }) => {
                    let (payload, sequence) = (payload.to_vec(), spike.sequence());
                    found.outputs.push(Emitted { payload, sequence });
                }
                _ => {}
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

    fn compare(&self, found: &Found, must: Reach) -> Result<(), Failure> {
        let (step, post) = (self.step, clients::open(&self.post));
        let Found { inputs, outputs, .. } = found;
        if inputs.len() > post.admitted.len() {
            let (found, admitted) = (inputs.len(), post.admitted.len());
            return Err(Failure::Invented { step, found, admitted });
        }
        if let Some(at) = (0..inputs.len()).find(|&at| inputs[at] != post.admitted[at]) {
            return Err(Failure::Other { step, at });
        }
        if inputs.len() < must.inputs {
            return Err(Failure::Lost { step, synced: must.inputs, found: inputs.len() });
        }
        if outputs.len() > post.emitted.len() {
            let (found, emitted) = (outputs.len(), post.emitted.len());
            return Err(Failure::InventedOutput { step, found, emitted });
        }
        if let Some(at) = (0..outputs.len()).find(|&at| outputs[at] != post.emitted[at]) {
            return Err(Failure::OtherOutput { step, at });
        }
        if outputs.len() < must.outputs {
            return Err(Failure::Forgot { step, synced: must.outputs, found: outputs.len() });
        }
        Ok(())
    }

    /// Asks the index for some sequences and for some times, and counts what it gives.
    fn index_agrees(&mut self, found: &Found) -> Result<(), Failure> {
        let step = self.step;
        let failed = |error| Failure::Journal { step, error };
        let seen = match self.planted {
            Some(planted) => {
                Archive::open_on(Arc::new(Faulty { disk: self.disk.clone(), planted }))
            }
            None => Archive::open_on(Arc::new(self.disk.clone())),
        };
        let mut archive = seen.map_err(failed)?;
        let count = found.times.len() as u64;
        let (one, other) = (self.chance.below(count + 1), self.chance.below(count + 1));
        let range = one.min(other)..one.max(other);
        let dated = |at: u64| found.times.get(at as usize).copied().unwrap_or(u64::MAX);
        let times = dated(range.start)..dated(range.end);
        let between = found.times.iter().filter(|time| times.contains(time)).count() as u64;
        let spans =
            [(range.end - range.start, Span::Sequences(range)), (between, Span::Times(times))];
        for (expected, span) in spans {
            let found = archive.range(&span, |_| {}).map_err(failed)?;
            if found != expected {
                return Err(Failure::Index { step, span, found, expected });
            }
        }
        Ok(())
    }

    /// What was let in and is not there comes again: nobody had been told that it was safe. What went out and is not
    /// there may go out again.
    fn forget_behind(&mut self, kept: Reach) {
        let post = &mut *clients::open(&self.post);
        for lost in post.admitted.drain(kept.inputs..).rev() {
            post.waiting[lost.gate].push_front(lost.message);
        }
        post.emitted.truncate(kept.outputs);
    }

    /// Takes the run up, and compares with a brain that is given the same inputs in the same ticks and never stops, and
    /// whose way out takes as many as were recorded: the others wait there as they do here.
    fn stands_where_it_should(&mut self, found: Found) -> Result<(), Failure> {
        let step = self.step;
        let ran = self.cortex.run_for(Ticks(0));
        ran.map_err(|error| Failure::Run { step, error })?;
        if let Some(recovered) = self.cortex.recovered() {
            self.tally.from_snapshots += u64::from(recovered.snapshot.is_some());
            self.tally.snapshots_refused += recovered.refused.len() as u64;
        }
        let tick = self.cortex.next_tick().0;
        let gates =
            [0, 1].map(|gate| Repeater { all: found.inputs.iter().cloned().collect(), gate });
        let out = Gagged { left: found.outputs.len() };
        let reference = brain::build(gates, out, None, self.planted);
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
