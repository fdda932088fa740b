//! Replaying: what was recorded enters again, in its ticks, and nothing else does. No gate is called.

use std::collections::VecDeque;

use super::desk::Reception;
use super::difference::{Difference, ReplayError};
use super::playback::Playback;
use super::run::RunError;
use super::{Cortex, Digest};
use crate::admission::Desk as _;
use crate::gate::{AdmitError, GatePast};
use crate::id::NeuronId;
use crate::journal::{Record, Speed, Tempo};
use crate::pace::Stamp;
use crate::recorded::{self, Recorded};
use crate::spike::Spike;
use crate::time::Tick;

/// What a replay does beside feeding.
#[derive(Debug, Clone, Copy)]
pub struct ReplayOptions {
    /// How fast.
    pub speed: Speed,
    /// Where it ends: before this tick; never, unless set. A run of workers that ran freely ends where all of them
    /// came to rest next.
    pub until: Tick,
    /// Whether marks and outputs are compared with those of the recorded run. Switched off for a topology that was
    /// changed, where they cannot be the same.
    pub verify: bool,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self { speed: Speed::Max, until: Tick(u64::MAX), verify: true }
    }
}

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct ReplayReport {
    /// Records read.
    pub records: u64,
    /// Inputs fed.
    pub inputs: u64,
    /// Outputs that came as they were recorded.
    pub outputs: u64,
    /// Marks at which the state was as it was recorded.
    pub marks: u64,
    /// Inputs that the changed topology refused; none where the topology is the recorded one.
    pub refused: u64,
    /// The first tick that has not been computed.
    pub next_tick: u64,
}

/// A replay under way.
pub(super) struct Replay {
    options: ReplayOptions,
    /// The tick that inputs have been fed for, and that has not been computed.
    fed: Option<u64>,
    /// What has reached each gate and has not been taken out by a record: flight and tick.
    waiting: Vec<VecDeque<(u32, Tick)>>,
    /// What each gate has admitted so far.
    pub(super) pasts: Vec<GatePast>,
    /// Whether all workers were at the same tick, with nothing between them, behind the last record.
    pub(super) at_rest: bool,
    /// The tick of the last rest.
    pub(super) rested: u64,
    tempo: Tempo,
    pub(super) report: ReplayReport,
}

impl Replay {
    pub(super) fn new(gates: usize, options: ReplayOptions) -> Self {
        Self {
            options,
            fed: None,
            waiting: (0..gates).map(|_| VecDeque::new()).collect(),
            pasts: vec![GatePast::default(); gates],
            at_rest: true,
            rested: 0,
            tempo: Tempo::new(options.speed),
            report: ReplayReport::default(),
        }
    }
}

impl Cortex {
    /// Feeds what was recorded into this cortex, which has not run yet or was restored from a snapshot of that run, and
    /// computes what follows from it. Gates are not opened, nor called: what went out is compared with the records.
    ///
    /// A [stop](Self::stopper) ends it early; asked again, it goes on with the record that was next.
    ///
    /// # Errors
    /// [`ReplayError`]: the first difference, a damaged journal, or a record that makes no sense.
    pub fn replay(
        &mut self,
        playback: &mut Playback,
        options: ReplayOptions,
    ) -> Result<ReplayReport, ReplayError> {
        self.start_neurons()?;
        let mut replay = Replay::new(self.doors.len(), options);
        self.replay_with(playback, &mut replay)?;
        Ok(replay.report)
    }

    pub(super) fn replay_with(
        &mut self,
        playback: &mut Playback,
        replay: &mut Replay,
    ) -> Result<(), ReplayError> {
        self.replaying = true;
        self.set_off()?;
        self.withhold(replay);
        let fed = self.feed_all(playback, replay);
        let done = fed.and_then(|()| self.finish_tick(replay));
        let gathered = self.gather_retraced(replay);
        self.give_back(replay);
        self.replaying = false;
        self.come_together()?;
        gathered?;
        replay.report.next_tick = self.next;
        done
    }

    fn feed_all(
        &mut self,
        playback: &mut Playback,
        replay: &mut Replay,
    ) -> Result<(), ReplayError> {
        let until = replay.options.until.0;
        while let Some(record) = playback.next_record()? {
            let over = record.tick >= until && (replay.at_rest || !self.is_free());
            if over || !self.wait_for(replay, record.time_ns) {
                playback.put_back();
                break;
            }
            replay.report.records += 1;
            let recorded = Recorded::read(record.kind, record.body);
            let sequence = record.sequence;
            let recorded = recorded.map_err(|source| ReplayError::Recorded { sequence, source })?;
            self.feed(&record, &recorded, replay)?;
        }
        if until != u64::MAX && !self.stopper.is_stopped() && !self.is_free() {
            self.run_to(until, replay)?;
        }
        Ok(())
    }

    /// Waits until a record is to be fed; false if somebody asked for an end.
    fn wait_for(&self, replay: &mut Replay, time_ns: u64) -> bool {
        loop {
            let seen = self.doorbell.count();
            let early = replay.tempo.early(time_ns);
            if early.is_zero() || self.stopper.is_stopped() {
                return !self.stopper.is_stopped();
            }
            self.doorbell.wait(seen, self.wait, Some(early));
        }
    }

    fn feed(
        &mut self,
        record: &Record<'_>,
        recorded: &Recorded<'_>,
        replay: &mut Replay,
    ) -> Result<(), ReplayError> {
        replay.note_rest(record.tick, recorded);
        match *recorded {
            Recorded::Passed | Recorded::Began => self.run_all_to(record.tick, replay)?,
            Recorded::Mark { digest, fingerprints } => {
                self.run_all_to(record.tick, replay)?;
                if replay.options.verify {
                    self.check_mark(record, &digest, fingerprints, replay)?;
                }
            }
            Recorded::Output { spike, payload, .. } => {
                self.run_to(record.tick.saturating_add(1), replay)?;
                self.check_output(record, &spike, payload, replay)?;
            }
            Recorded::Described(_) => {}
            Recorded::Kept(body) => {
                let sequence = record.sequence;
                let pasts = recorded::pasts(body);
                let pasts = pasts.map_err(|source| ReplayError::Recorded { sequence, source })?;
                for (source, past) in pasts {
                    if let Some(index) = self.door_of(source) {
                        replay.pasts[index] = past;
                    }
                }
            }
            Recorded::Bookmark(bytes) => {
                if let Some(index) = self.door_of(record.source) {
                    replay.pasts[index].bookmark = Some(bytes.to_vec());
                }
            }
            _ => {
                replay.report.inputs += 1;
                if let Err(why) = self.take_in(record, recorded, replay)? {
                    if replay.options.verify {
                        let (tick, sequence) = (record.tick, record.sequence);
                        return Err(Difference::Refused { tick, sequence, why }.into());
                    }
                    replay.report.refused += 1;
                }
            }
        }
        Ok(())
    }

    /// An input enters, or the operator's change is made; in words why it is refused.
    fn take_in(
        &mut self,
        record: &Record<'_>,
        recorded: &Recorded<'_>,
        replay: &mut Replay,
    ) -> Result<Result<(), String>, RunError> {
        if matches!(recorded, Recorded::Heard { .. } | Recorded::Cells { .. }) {
            return self.hear_again(recorded, replay);
        }
        let is_command = |recorded: &Recorded<'_>| {
            !matches!(
                recorded,
                Recorded::Drive { .. } | Recorded::Fire { .. } | Recorded::Sprout { .. }
            )
        };
        if is_command(recorded) {
            self.run_all_to(record.tick, replay)?;
            self.come_together()?;
            let done = self.obey_record(recorded);
            self.set_off()?;
            return Ok(done);
        }
        if replay.fed != Some(record.tick) {
            self.run_to(record.tick, replay)?;
            self.worker.begin(record.tick);
            replay.fed = Some(record.tick);
        }
        let gate = u16::try_from(record.source).ok().and_then(|raw| NeuronId::new(raw).ok());
        let Some(gate) = gate.filter(|id| self.worker.cells.get(id.index()).is_some()) else {
            return Ok(Err(format!("there is no gate {}", record.source)));
        };
        let mut desk = Reception {
            worker: &mut self.worker,
            port: self.together.port.as_ref(),
            stamps: &mut self.stamps,
            elsewhere: &mut self.together.elsewhere,
            recorder: None,
        };
        let done: Result<(), AdmitError> = match *recorded {
            Recorded::Drive { target, cell, drive, kind, priority, payload } => {
                desk.drive(gate, (target, cell), drive, kind, priority, payload)
            }
            Recorded::Fire { kind, priority, payload } => desk.fire(gate, kind, priority, payload),
            Recorded::Sprout { region, name } => desk.sprout(gate, region, name).map(|_| ()),
            _ => Ok(()),
        };
        if done.is_ok()
            && !matches!(recorded, Recorded::Sprout { .. })
            && let Some(index) = self.door_of(record.source)
        {
            replay.pasts[index].admissions += 1;
        }
        Ok(done.map_err(|error| error.to_string()))
    }

    fn obey_record(&mut self, recorded: &Recorded<'_>) -> Result<(), String> {
        let done = match *recorded {
            Recorded::Weight { from, to, weight } => self.set_weight(from, to, weight),
            Recorded::Prune { below } => self.prune(below).map(|_| ()),
            Recorded::Threshold { neuron, threshold } => self.set_threshold(neuron, threshold),
            Recorded::Silence { neuron } => self.silence(neuron),
            _ => Ok(()),
        };
        done.map_err(|error| error.to_string())
    }

    /// Computes what is due before a tick, and the one that inputs were fed for if it lies before.
    pub(super) fn run_to(&mut self, end: u64, replay: &mut Replay) -> Result<(), RunError> {
        if replay.fed.is_some_and(|fed| fed < end) {
            self.finish_tick_of(replay)?;
        }
        while let Some(due) = self.next_due().filter(|&due| due < end) {
            if self.has_others() && self.doors.is_empty() && !self.is_free() {
                self.compute_together(due, end, true)?;
                continue;
            }
            self.worker.begin(due);
            self.compute(due, Some(Stamp::now()))?;
            self.withhold(replay);
        }
        self.next = self.next.max(end);
        Ok(())
    }

    fn finish_tick(&mut self, replay: &mut Replay) -> Result<(), ReplayError> {
        self.finish_tick_of(replay).map_err(Into::into)
    }

    fn finish_tick_of(&mut self, replay: &mut Replay) -> Result<(), RunError> {
        if let Some(fed) = replay.fed.take() {
            // What was due before has been computed when the first input of the tick was fed.
            if !self.is_quiet(fed) {
                self.compute(fed, Some(Stamp::now()))?;
            }
            self.next = self.next.max(fed + 1);
            self.withhold(replay);
        }
        Ok(())
    }

    /// What has reached the gates waits here, until a record says that it was taken out.
    fn withhold(&mut self, replay: &mut Replay) {
        for (outlet, waiting) in self.worker.outlets.iter_mut().zip(&mut replay.waiting) {
            waiting.extend(outlet.held.drain(..));
        }
    }

    /// What no record took out waits for the gates again.
    fn give_back(&mut self, replay: &mut Replay) {
        for (outlet, waiting) in self.worker.outlets.iter_mut().zip(&mut replay.waiting) {
            outlet.held.extend(waiting.drain(..));
        }
    }

    fn door_of(&self, source: u32) -> Option<usize> {
        self.doors.iter().position(|door| u32::from(door.id.raw()) == source)
    }

    fn check_mark(
        &mut self,
        record: &Record<'_>,
        digest: &[u8; 32],
        fingerprints: &[u8],
        replay: &mut Replay,
    ) -> Result<(), ReplayError> {
        self.give_back(replay);
        self.come_together()?;
        let own = self.digest();
        let same = own.as_bytes() == digest;
        let difference = (!same).then(|| Difference::State {
            tick: record.tick,
            sequence: record.sequence,
            recorded: Digest::from_bytes(*digest).to_string(),
            replayed: own.to_string(),
            neurons: self.differing(fingerprints),
        });
        self.set_off()?;
        self.withhold(replay);
        replay.report.marks += u64::from(same);
        difference.map_or(Ok(()), |difference| Err(difference.into()))
    }

    /// The neurons whose fingerprints are not those of a mark.
    fn differing(&self, recorded: &[u8]) -> Vec<(String, u32, u32)> {
        let prints = self.fingerprints();
        let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        let pairs = recorded.chunks_exact(4).zip(prints.chunks_exact(4)).enumerate();
        let differing = pairs.filter(|(_, (recorded, own))| recorded != own);
        differing
            .filter_map(|(index, (recorded, own))| {
                let id = NeuronId::from_index(index).ok()?;
                Some((self.atlas().address(id), word(recorded), word(own)))
            })
            .collect()
    }

    /// Takes out what a record says was taken out; it must be what came here too.
    fn check_output(
        &mut self,
        record: &Record<'_>,
        spike: &Spike,
        payload: &[u8],
        replay: &mut Replay,
    ) -> Result<(), ReplayError> {
        let Some(index) = self.door_of(record.source) else { return Ok(()) };
        let Some((flight, _)) = replay.waiting[index].pop_front() else {
            return self.output_differs(record, spike, "nothing".to_owned(), index, replay);
        };
        let services = &mut self.worker.services;
        let own = *services.flights.spike(flight);
        let mut large = Vec::new();
        let carried = match own.arena_ref() {
            Some(block) => match services.arena.read_into(block, &mut large) {
                Ok(()) => large.as_slice(),
                Err(_) => &[],
            },
            None => own.carried(),
        };
        let same = own.meaning() == spike.meaning() && carried == payload;
        services.flights.land(flight, &services.arena);
        if same {
            replay.report.outputs += 1;
            return Ok(());
        }
        self.output_differs(record, spike, self.spell(&own), index, replay)
    }

    fn output_differs(
        &self,
        record: &Record<'_>,
        spike: &Spike,
        replayed: String,
        door: usize,
        replay: &Replay,
    ) -> Result<(), ReplayError> {
        if !replay.options.verify {
            return Ok(());
        }
        let difference = Difference::Output {
            tick: record.tick,
            sequence: record.sequence,
            gate: self.doors[door].path.clone(),
            recorded: self.spell(spike),
            replayed,
        };
        Err(difference.into())
    }

    /// A spike in words: who fired it, as its how-manieth.
    fn spell(&self, spike: &Spike) -> String {
        let source = spike.source().map(|id| self.atlas().address(id));
        let source = source.unwrap_or_else(|_| "nobody".to_owned());
        format!("spike {} of {source}", spike.sequence())
    }
}
