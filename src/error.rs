//! One error for `fn main`; library functions return the error of their own module.

use crate::{
    arena, atlas, axon, brain, context, cortex, event, gate, id, inlet, journal, publisher,
    snapshot, spike, time, transport,
};

/// Anything that can go wrong, for programs that only want to print it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The topology is refused.
    #[error(transparent)]
    Build(#[from] cortex::BuildError),
    /// A run failed.
    #[error(transparent)]
    Run(#[from] cortex::RunError),
    /// A state could not be saved or restored.
    #[error(transparent)]
    Snapshot(#[from] cortex::SnapshotError),
    /// A file is no snapshot, or could not be read or written.
    #[error(transparent)]
    SnapshotFile(#[from] snapshot::FileError),
    /// A ring is refused.
    #[error(transparent)]
    Axon(#[from] axon::AxonError),
    /// The arena is refused or full.
    #[error(transparent)]
    Arena(#[from] arena::ArenaError),
    /// A brain directory is refused, or who is behind it is gone.
    #[error(transparent)]
    Brain(#[from] brain::BrainError),
    /// A journal is refused, full or damaged.
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    /// Bytes are not a spike.
    #[error(transparent)]
    Spike(#[from] spike::SpikeError),
    /// A gate failed.
    #[error(transparent)]
    Gate(#[from] gate::GateError),
    /// A gate's input was refused.
    #[error(transparent)]
    Admit(#[from] gate::AdmitError),
    /// An inlet could not take a spike.
    #[error(transparent)]
    Inlet(#[from] inlet::InletError),
    /// An event is refused.
    #[error(transparent)]
    Event(#[from] event::EventError),
    /// Bytes are no event record.
    #[error(transparent)]
    Record(#[from] event::RecordError),
    /// A topic pattern is refused.
    #[error(transparent)]
    Pattern(#[from] event::PatternError),
    /// An event was not taken by its gate.
    #[error(transparent)]
    Publish(#[from] publisher::PublishError),
    /// A transport could not send or receive.
    #[error(transparent)]
    Transport(#[from] transport::TransportError),
    /// There was no room for another spike.
    #[error(transparent)]
    Saturated(#[from] context::Saturated),
    /// A name is refused.
    #[error(transparent)]
    Name(#[from] atlas::NameError),
    /// A number is not an id.
    #[error(transparent)]
    Id(#[from] id::IdError),
    /// A tick length is refused.
    #[error(transparent)]
    TickLength(#[from] time::TickLengthError),
    /// Something could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
