//! What ends a replay early: a difference, or a record that makes no sense.

use super::run::RunError;
use crate::journal::JournalError;
use crate::recorded::RecordedError;

/// The first thing in which a replay differs from the recorded run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// The state is another one.
    #[error(
        "at tick {tick} (record {sequence}) the state differs: recorded {recorded}, replayed {replayed}{}",
        who(neurons)
    )]
    State {
        /// The tick.
        tick: u64,
        /// The mark's sequence.
        sequence: u64,
        /// The digest of the recorded run.
        recorded: String,
        /// The digest of the replay.
        replayed: String,
        /// The neurons whose fingerprints differ: name, recorded, replayed.
        neurons: Vec<(String, u32, u32)>,
    },
    /// Something else came out.
    #[error(
        "at tick {tick} (record {sequence}) gate {gate} put out {replayed}, where {recorded} was recorded"
    )]
    Output {
        /// The tick.
        tick: u64,
        /// The record's sequence.
        sequence: u64,
        /// The gate.
        gate: String,
        /// What was recorded.
        recorded: String,
        /// What came out now.
        replayed: String,
    },
    /// An input is refused that was taken.
    #[error("at tick {tick} (record {sequence}) an input is refused that was taken: {why}")]
    Refused {
        /// The tick.
        tick: u64,
        /// The record's sequence.
        sequence: u64,
        /// Why.
        why: String,
    },
}

/// The neurons that differ, in words.
fn who(neurons: &[(String, u32, u32)]) -> String {
    match neurons.first() {
        None => String::new(),
        Some((name, recorded, replayed)) => {
            let more = neurons.len() - 1;
            let others = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("; {name} has {replayed:08x} where {recorded:08x} was recorded{others}")
        }
    }
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The journal is damaged, or cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record makes no sense.
    #[error("record {sequence}: {source}")]
    Recorded {
        /// Its sequence.
        sequence: u64,
        /// Why.
        source: RecordedError,
    },
    /// The replay differs from what was recorded.
    #[error(transparent)]
    Differs(#[from] Difference),
    /// The cortex could not run.
    #[error(transparent)]
    Run(#[from] RunError),
}
