//! What a gate's thread reads from.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::follow::{Follower, Start};
use crate::lines::LineSource;

/// Bytes asked for at a time: some thousand lines.
pub(crate) const CHUNK: usize = 256 << 10;

/// How often a followed file is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// A source that was opened.
pub(crate) enum Input {
    Stream(Box<dyn Read + Send>),
    Followed(Box<Follower>),
}

impl Input {
    /// Opens a source; the reason if that cannot be.
    pub(crate) fn open(source: LineSource, max_line: usize) -> Result<Self, String> {
        Ok(match source {
            LineSource::Stdin => Self::Stream(Box::new(std::io::stdin())),
            LineSource::Reader(reader) => Self::Stream(reader),
            LineSource::File { path, follow: true } => {
                Self::Followed(Box::new(Follower::new(&path, Start::Beginning, max_line)))
            }
            LineSource::File { path, follow: false } => Self::Stream(Box::new(open(&path)?)),
        })
    }
}

fn open(path: &Path) -> Result<File, String> {
    let file =
        File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(format!("{} is a directory", path.display())),
        _ => Ok(file),
    }
}
