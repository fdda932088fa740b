//! Why a model cannot be run in this process.

use std::path::PathBuf;

/// Why a file of weights is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It holds no weights of the llama family.
    #[error("{path} is no model that can be run here: {why}")]
    Weights {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Its words or the form of its conversations cannot be used.
    #[error("the {what} of {path} cannot be used: {why}")]
    Speech {
        /// Which file.
        path: PathBuf,
        /// What of it.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The model's thread cannot be started.
    #[error("the thread of the model cannot be started: {0}")]
    Thread(std::io::Error),
}
