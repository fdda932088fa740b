//! Why the command did not do what it was asked for, and the exit code that says so.

use std::path::PathBuf;

use neuronbus::brain::BrainError;
use neuronbus::cortex::{BuildError, OperatorError, ReplayError, RunError, SnapshotError};
use neuronbus::journal::JournalError;
use neuronbus::snapshot::FileError;
use neuronbus_connectome::{AssembleError, DescriptionErrors};
use neuronbus_semantic::calibration::CalibrationError;
use neuronbus_semantic::concept::ConceptError;
use neuronbus_semantic::concept_file::ConceptFileError;
use neuronbus_semantic::encoder::EncodeError;
use neuronbus_semantic::store::StoreError;

use crate::journal::Break;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Already worded and laid out by the reader of the command line.
    #[error("{}", .0.trim_end())]
    Usage(String),
    #[error(transparent)]
    Description(#[from] DescriptionErrors),
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    #[error("the topology is refused: {0}")]
    Build(#[from] BuildError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Brain(#[from] BrainError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("line {line}: {why}")]
    Chain { line: u64, why: Break },
    #[error("the database cannot be written: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("the Parquet file cannot be written: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("standard input cannot be read: {0}")]
    Input(std::io::Error),
    #[error("{0} dead ends hold places; --repair lets them go")]
    Unwell(usize),
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
    #[error("signals cannot be handled: {0}")]
    Signals(std::io::Error),
    #[error("{0}")]
    Gates(String),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    SnapshotFile(#[from] FileError),
    #[error("the snapshot is refused: {0}")]
    Snapshot(#[from] SnapshotError),
    #[error("the states cannot be compared: {0}")]
    State(neuronbus::state::StateError),
    #[error("the change is refused: {0}")]
    Operator(#[from] OperatorError),
    #[error("{} does not say which brain was recorded; name its description with --brain", .0.display())]
    NoDescription(PathBuf),
    #[error("no neuron is called {0:?} in this run")]
    NoNeuron(String),
    #[error("several neurons are called {0:?}: write the address, region:name")]
    SeveralNeurons(String),
    #[error(
        "no spike {0:?} was fired in this run: write region:neuron, region:neuron#N or @RECORD"
    )]
    NoSpike(String),
    #[error(
        "its records below {first} are forgotten, and no snapshot in it can be used to begin with"
    )]
    NoBeginning { first: u64 },
    #[error(
        "the journal has no place for a snapshot yet: run with --snapshots elsewhere, and let something enter"
    )]
    NoPlace,
    #[error("a journal whose beginning was forgotten cannot be forked: a fork has no snapshots")]
    NoFork,
    #[error("records from {wanted} on are wanted, and those below {first} are forgotten")]
    Forgotten { wanted: u64, first: u64 },
    #[error(
        "{0:?} is no change: write \"from -> to = 0.5\" for a weight, \"neuron = 0.5\" for a threshold"
    )]
    Change(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    #[error(transparent)]
    Concepts(#[from] ConceptError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("{}: {reason}", path.display())]
    Examples { path: PathBuf, reason: String },
    #[error("{}: {source}", path.display())]
    ConceptFile { path: PathBuf, source: Box<ConceptFileError> },
    #[error("standard output cannot be written: {0}")]
    Output(std::io::Error),
    #[error("{} cannot be written: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the report cannot be written as JSON: {0}")]
    Json(serde_json::Error),
}

impl Failure {
    /// 2 for what the user can put right by writing something else, 1 for everything that happens outside.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Description(_) | Self::Assemble(_) | Self::Build(_) => 2,
            Self::Operator(_) | Self::Change(_) | Self::NoNeuron(_) => 2,
            Self::Calibration(_) | Self::Concepts(_) | Self::Encode(_) => 2,
            Self::ConceptFile { source, .. } => {
                if matches!(**source, ConceptFileError::File(_)) {
                    1
                } else {
                    2
                }
            }
            Self::Store(StoreError::Unknown { .. }) | Self::Examples { .. } => 2,
            Self::SeveralNeurons(_) | Self::NoSpike(_) | Self::NoDescription(_) => 2,
            _ => 1,
        }
    }
}
