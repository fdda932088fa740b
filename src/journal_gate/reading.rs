//! The thread that reads: records at their time, then what is written.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::axon::Doorbell;
use crate::journal::disk::Disk;
use crate::journal::{Record, Scan, Speed, Tempo};
use crate::recorded::Recorded;
use crate::spike::SpikeKind;
use crate::sync::Arc;

/// How often the end of a journal that is being written is looked at: first, and at last while nothing comes.
const LOOK_FIRST: Duration = Duration::from_millis(1);
const LOOK_LATER: Duration = Duration::from_millis(16);

/// What is read, and how.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) place: PathBuf,
    /// Gates whose input is played; all, if there are none.
    pub(super) gates: Vec<u32>,
    pub(super) from: Option<u64>,
    pub(super) speed: Speed,
    pub(super) follow: bool,
}

#[derive(Debug)]
pub(super) enum Message {
    Played(Played),
    /// All that was there has been read: what follows is written from now on.
    CaughtUp(u64),
    End,
    Failed(String),
}

/// One record to enter.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) sequence: u64,
    pub(super) kind: SpikeKind,
    pub(super) priority: u8,
    pub(super) payload: Vec<u8>,
}

/// The thread that reads.
pub(super) struct Reading {
    pub(super) plan: Plan,
    pub(super) to_gate: Sender<Message>,
    pub(super) spare: Receiver<Vec<u8>>,
    pub(super) stopped: Receiver<()>,
    pub(super) bell: Arc<Doorbell>,
}

impl Reading {
    pub(super) fn run(self, mut scan: Scan, from: u64) {
        let last = match self.play(&mut scan, from) {
            Ok(true) => Message::End,
            // The gate has gone.
            Ok(false) => return,
            Err(why) => Message::Failed(why),
        };
        self.hand_over(last);
    }

    /// Whether it came to an end; otherwise it was told to stop.
    fn play(&self, scan: &mut Scan, mut next: u64) -> Result<bool, String> {
        let (mut tempo, mut live) = (Tempo::new(self.plan.speed), false);
        let mut look = LOOK_FIRST;
        // bound: the records of the journal, or until it is told to stop
        loop {
            let goes_on = match scan.next() {
                Some(record) => {
                    let record = record.map_err(|error| error.to_string())?;
                    (next, look) = (record.sequence + 1, LOOK_FIRST);
                    match self.played(&record)? {
                        Some(played) => {
                            self.pause(tempo.early(record.time_ns))
                                && self.hand_over(Message::Played(played))
                        }
                        None => true,
                    }
                }
                None if !self.plan.follow => return Ok(true),
                None if live => {
                    let pause = look;
                    look = (look * 2).min(LOOK_LATER);
                    self.pause(pause)
                }
                None => {
                    live = true;
                    self.hand_over(Message::CaughtUp(next))
                }
            };
            if !goes_on {
                return Ok(false);
            }
        }
    }

    /// What of a record is played, if anything; in words if it makes no sense.
    fn played(&self, record: &Record<'_>) -> Result<Option<Played>, String> {
        let sequence = record.sequence;
        if !self.plan.gates.is_empty() && !self.plan.gates.contains(&record.source) {
            return Ok(None);
        }
        let recorded = Recorded::read(record.kind, record.body);
        let recorded = recorded.map_err(|error| format!("record {sequence}: {error}"))?;
        let (Recorded::Fire { kind, priority, payload: bytes }
        | Recorded::Drive { kind, priority, payload: bytes, .. }) = recorded
        else {
            return Ok(None);
        };
        let mut payload = self.spare.try_recv().unwrap_or_default();
        payload.extend_from_slice(bytes);
        Ok(Some(Played { sequence, kind, priority, payload }))
    }

    /// Whether the gate is still there after a while.
    fn pause(&self, time: Duration) -> bool {
        time.is_zero() || self.stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// Whether the gate is still there.
    fn hand_over(&self, message: Message) -> bool {
        let handed = self.to_gate.send(message).is_ok();
        self.bell.ring();
        handed
    }
}
