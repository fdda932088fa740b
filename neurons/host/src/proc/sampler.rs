//! Takes one reading of every signal.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use procfs_core::{CpuTime, KernelStats};

use super::counters::Counters;
use super::files::{Absent, ProcRoot};
use crate::kind::SenseKind;

/// One signal in one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading<'a> {
    /// Its name, which is its neuron's: `cpu0`, `disk.sda.latency`.
    pub signal: &'a str,
    /// Its value in the unit of its [`SenseKind`]; `None` while there is none, as for a rate in the first sample.
    pub value: Option<f64>,
}

const PRESSURES: [(&str, &str); 3] =
    [("cpu", "pressure.cpu"), ("memory", "pressure.memory"), ("io", "pressure.io")];

/// Reads the signals of this machine, or of any directories laid out like its `/proc` and `/sys`.
#[derive(Debug)]
pub struct Sampler {
    senses: Vec<Sense>,
    proc: ProcRoot,
    blocks: PathBuf,
    cores: Counters<2>,
    kernel: Counters<2>,
    disks: Counters<3>,
    networks: Counters<2>,
    notes: Vec<String>,
    /// Whether it was noted that partitions cannot be told from disks.
    guessing: bool,
    name: String,
}

#[derive(Debug, Clone, Copy)]
struct Sense {
    kind: SenseKind,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    New,
    On,
    /// It worked and then did not: tried again, but not noted again.
    Failing,
    Off,
}

impl Sampler {
    /// A sampler of these senses; nothing is read yet.
    #[must_use]
    pub fn new(senses: &[SenseKind], proc: &Path, sys: &Path) -> Self {
        let mut senses: Vec<_> = senses.to_vec();
        senses.sort_unstable();
        senses.dedup();
        Self {
            senses: senses.into_iter().map(|kind| Sense { kind, state: State::New }).collect(),
            proc: ProcRoot::new(proc),
            blocks: sys.join("block"),
            cores: Counters::new(),
            kernel: Counters::new(),
            disks: Counters::new(),
            networks: Counters::new(),
            notes: Vec::new(),
            guessing: false,
            name: String::new(),
        }
    }

    /// What is not there, in words; at most two notes a sense.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Reads every signal once and calls `read` for each, always in the same order.
    ///
    /// `elapsed` is the time since the sample before, which rates are of; with zero there are no rates. A sense whose
    /// file is missing in the first sample is off from then on.
    pub fn sample(&mut self, elapsed: Duration, read: &mut dyn FnMut(Reading<'_>)) {
        let seconds = elapsed.as_secs_f64();
        let kernel = self.wants_kernel().then(|| self.proc.kernel());
        self.cores.begin();
        self.kernel.begin();
        self.disks.begin();
        self.networks.begin();
        for index in 0..self.senses.len() {
            let sense = self.senses[index];
            if sense.state == State::Off {
                continue;
            }
            let outcome = self.sense(sense.kind, kernel.as_ref(), seconds, read);
            self.senses[index].state = self.judge(sense, outcome);
        }
    }

    fn wants_kernel(&self) -> bool {
        let kinds = [SenseKind::Cpu, SenseKind::Switches, SenseKind::Forks];
        self.senses.iter().any(|sense| sense.state != State::Off && kinds.contains(&sense.kind))
    }

    fn judge(&mut self, sense: Sense, outcome: Result<(), String>) -> State {
        match (outcome, sense.state) {
            (Ok(()), _) => State::On,
            (Err(reason), State::New) => {
                self.notes.push(format!("{} is off: {reason}", sense.kind));
                State::Off
            }
            (Err(reason), State::On) => {
                self.notes.push(format!("{} failed while running: {reason}", sense.kind));
                State::Failing
            }
            (Err(_), state) => state,
        }
    }

    fn sense(
        &mut self,
        kind: SenseKind,
        kernel: Option<&Result<KernelStats, Absent>>,
        seconds: f64,
        read: &mut dyn FnMut(Reading<'_>),
    ) -> Result<(), String> {
        let words = |absent: Absent| absent.to_string();
        let kernel = || match kernel {
            Some(Ok(kernel)) => Ok(kernel),
            Some(Err(absent)) => Err(absent.to_string()),
            None => Err("it was not read".to_owned()),
        };
        let mut one = |signal: &str, value: Option<f64>| read(Reading { signal, value });
        match kind {
            SenseKind::Cpu => self.cpu(kernel()?, &mut one),
            SenseKind::Load => one("load", Some(self.proc.load().map_err(words)?)),
            SenseKind::Memory => one("memory", Some(self.proc.memory().map_err(words)?.0)),
            SenseKind::Swap => match self.proc.memory().map_err(words)?.1 {
                Some(used) => one("swap", Some(used)),
                None => return Err("this machine has no swap".to_owned()),
            },
            SenseKind::Pressure => {
                for (resource, signal) in PRESSURES {
                    one(signal, Some(self.proc.pressure(resource).map_err(words)?));
                }
            }
            SenseKind::Disk => self.disk(seconds, &mut one).map_err(words)?,
            SenseKind::Network => self.network(seconds, &mut one).map_err(words)?,
            SenseKind::Switches => {
                let count = [kernel()?.ctxt, 0];
                let grown = self.kernel.grown("switches", count);
                one("switches", grown.and_then(|[n, _]| rate(n, seconds)));
            }
            SenseKind::Forks => {
                let count = [kernel()?.processes, 0];
                let grown = self.kernel.grown("forks", count);
                one("forks", grown.and_then(|[n, _]| rate(n, seconds)));
            }
            SenseKind::Files => one("files", Some(self.proc.files().map_err(words)?)),
        }
        Ok(())
    }

    fn cpu(&mut self, kernel: &KernelStats, one: &mut dyn FnMut(&str, Option<f64>)) {
        for (core, time) in kernel.cpu_time.iter().enumerate() {
            let signal = named(&mut self.name, format_args!("cpu{core}"));
            let grown = self.cores.grown(signal, busy_and_total(time));
            let share = grown.filter(|[_, total]| *total > 0);
            one(signal, share.map(|[busy, total]| busy as f64 / total as f64));
        }
    }

    fn disk(&mut self, seconds: f64, one: &mut dyn FnMut(&str, Option<f64>)) -> Result<(), Absent> {
        let blocks = &self.blocks;
        let knows_disks = blocks.is_dir();
        let disks = self.proc.disks(|name| is_disk(name, knows_disks.then_some(blocks)))?;
        if !knows_disks && !std::mem::replace(&mut self.guessing, true) {
            let blocks = blocks.display();
            self.notes.push(format!("no {blocks}: partitions cannot be told from disks"));
        }
        for disk in disks {
            let count = [disk.bytes, disk.operations, disk.operation_ms];
            let grown = self.disks.grown(&disk.name, count);
            let signal = named(&mut self.name, format_args!("disk.{}", disk.name));
            one(signal, grown.and_then(|[bytes, ..]| rate(bytes, seconds)));
            let signal = named(&mut self.name, format_args!("disk.{}.latency", disk.name));
            // Without an operation there is no latency, which is not a latency of zero.
            let latency = grown.filter(|[_, operations, _]| *operations > 0);
            one(signal, latency.map(|[_, operations, ms]| ms as f64 / operations as f64));
        }
        Ok(())
    }

    fn network(
        &mut self,
        seconds: f64,
        one: &mut dyn FnMut(&str, Option<f64>),
    ) -> Result<(), Absent> {
        for (device, received, sent) in self.proc.networks()? {
            let grown = self.networks.grown(&device, [received, sent]);
            let signal = named(&mut self.name, format_args!("network.{device}.rx"));
            one(signal, grown.and_then(|[received, _]| rate(received, seconds)));
            let signal = named(&mut self.name, format_args!("network.{device}.tx"));
            one(signal, grown.and_then(|[_, sent]| rate(sent, seconds)));
        }
        Ok(())
    }
}

fn named<'a>(room: &'a mut String, name: std::fmt::Arguments<'_>) -> &'a str {
    room.clear();
    // Writing to a String cannot fail.
    let _ = room.write_fmt(name);
    room
}

fn rate(grown: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| grown as f64 / seconds)
}

/// Guests' time is part of user time, and waiting for a disk is not work.
fn busy_and_total(time: &CpuTime) -> [u64; 2] {
    let or_none = |field: Option<u64>| field.unwrap_or(0);
    let busy = [time.user, time.nice, time.system]
        .into_iter()
        .chain([time.irq, time.softirq, time.steal].map(or_none))
        .fold(0, u64::saturating_add);
    let idle = time.idle.saturating_add(or_none(time.iowait));
    [busy, busy.saturating_add(idle)]
}

/// Whole disks only: partitions would count everything twice, and memory that looks like a disk is not one.
fn is_disk(name: &str, blocks: Option<&PathBuf>) -> bool {
    let memory = ["loop", "ram", "zram", "fd", "sr"];
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if memory.contains(&kind) {
        return false;
    }
    // The kernel lists partitions below their disk, and writes `!` where a device's name has a slash.
    blocks.is_none_or(|blocks| blocks.join(name.replace('/', "!")).is_dir())
}
