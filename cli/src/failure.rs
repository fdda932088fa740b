//! Why the command did not do what it was asked for, and the exit code that says so.

use std::path::PathBuf;

use neuronbus::brain::BrainError;
use neuronbus::cortex::{BuildError, RunError};
use neuronbus_connectome::{AssembleError, DescriptionErrors};

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
            _ => 1,
        }
    }
}
