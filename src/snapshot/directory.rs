//! The snapshots of a directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::{FileError, Snapshot};

/// The ending of what is being written.
pub(super) const UNFINISHED: &str = "unfinished";

const ENDING: &str = ".state";
const BEGINNING: &str = "snapshot-";

/// The name of the snapshot of a tick.
pub(super) fn name(tick: u64) -> String {
    // As long as the largest number, so that names sort like ticks.
    format!("{BEGINNING}{tick:020}{ENDING}")
}

fn tick_of(name: &str) -> Option<u64> {
    name.strip_prefix(BEGINNING)?.strip_suffix(ENDING)?.parse().ok()
}

/// The newest snapshot that can be used, and those that cannot.
#[derive(Debug, Default)]
pub struct Newest {
    /// The newest one that is whole.
    pub snapshot: Option<Snapshot>,
    /// Newer ones, and what is wrong with each.
    pub refused: Vec<FileError>,
}

/// Ticks and files of all snapshots in a directory, oldest first; none if there is no directory. They are not looked
/// into.
///
/// # Errors
/// When the directory cannot be read.
pub fn list(directory: &Path) -> Result<Vec<(u64, PathBuf)>, FileError> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(FileError::io(directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(FileError::io(directory))?;
        if let Some(tick) = entry.file_name().to_str().and_then(tick_of) {
            found.push((tick, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// The newest snapshot of a directory that is whole.
///
/// # Errors
/// When the directory cannot be read.
pub fn newest(directory: &Path) -> Result<Newest, FileError> {
    nearest(directory, u64::MAX)
}

/// The newest snapshot of a directory that is whole and whose next tick is not behind this one.
///
/// # Errors
/// When the directory cannot be read.
pub fn nearest(directory: &Path, tick: u64) -> Result<Newest, FileError> {
    let mut result = Newest::default();
    let all = list(directory)?;
    for (_, path) in all.into_iter().rev().filter(|&(at, _)| at <= tick) {
        match Snapshot::read(&path) {
            Ok(snapshot) => {
                result.snapshot = Some(snapshot);
                break;
            }
            Err(error) => result.refused.push(error),
        }
    }
    Ok(result)
}

/// Removes all but the newest so many snapshots of a directory, and what writers that died have left unfinished.
/// Returns what is gone.
///
/// # Errors
/// When something cannot be removed.
pub fn prune(directory: &Path, keep: usize) -> Result<Vec<PathBuf>, FileError> {
    let mut all = list(directory)?;
    all.truncate(all.len().saturating_sub(keep));
    let mut gone: Vec<PathBuf> = all.into_iter().map(|(_, path)| path).collect();
    if directory.exists() {
        for entry in fs::read_dir(directory).map_err(FileError::io(directory))? {
            let path = entry.map_err(FileError::io(directory))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            let unfinished = path.extension().is_some_and(|ending| ending == UNFINISHED);
            if unfinished && name.starts_with(BEGINNING) {
                gone.push(path);
            }
        }
    }
    for path in &gone {
        fs::remove_file(path).map_err(FileError::io(path))?;
    }
    Ok(gone)
}
