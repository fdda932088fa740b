//! The promise about writers; here the model finds out whether it is kept.

/// A promise that nobody gives here.
#[derive(Debug, Clone, Copy)]
pub struct TrustedWriters;
