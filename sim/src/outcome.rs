//! What a simulation came to: what was done, or why it did not go well.

use neuronbus::cortex::{BuildError, RunError};
use neuronbus::journal::{Health, JournalError, Span};

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
    pub clock_jumps: u64,
    /// Starts from a snapshot, and snapshots that could not be used.
    pub from_snapshots: u64,
    pub snapshots_refused: u64,
    /// Outputs whose records were lost, so that they may go out again.
    pub outputs_lost: u64,
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
        self.clock_jumps += other.clock_jumps;
        self.from_snapshots += other.from_snapshots;
        self.snapshots_refused += other.snapshots_refused;
        self.outputs_lost += other.outputs_lost;
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
    #[error("step {step}: {synced} outputs were recorded and synced, and {found} are there")]
    Forgot { step: u64, synced: usize, found: usize },
    #[error("step {step}: input {at} in the journal is not the one that was admitted")]
    Other { step: u64, at: usize },
    #[error("step {step}: output {at} in the journal is not the one that went out")]
    OtherOutput { step: u64, at: usize },
    #[error("step {step}: the journal has {found} inputs, and only {admitted} were admitted")]
    Invented { step: u64, found: usize, admitted: usize },
    #[error("step {step}: the journal has {found} outputs, and only {emitted} went out")]
    InventedOutput { step: u64, found: usize, emitted: usize },
    #[error("step {step}: record {sequence} is dated before the one before it")]
    Backwards { step: u64, sequence: u64 },
    #[error("step {step}: the index gives {found} records of {span:?}, and there are {expected}")]
    Index { step: u64, span: Span, found: u64, expected: u64 },
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
