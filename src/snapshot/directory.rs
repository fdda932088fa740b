//! The snapshots of a directory.

use std::io;
use std::path::{Path, PathBuf};

use super::{FileError, Snapshot};
use crate::journal::disk::{Directory, Disk};

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

/// Where snapshots lie: a disk, and the directory that files are said to be in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) place: &'a Path,
}

impl Shelf<'_> {
    pub(super) fn failed(self, name: &str) -> impl FnOnce(io::Error) -> FileError + use<> {
        let path = self.place.join(name);
        move |source| FileError::Io { path, source }
    }

    fn names(self) -> Result<Vec<String>, FileError> {
        match self.disk.list() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.map_err(FileError::io(self.place)),
        }
    }

    /// Ticks and names of all snapshots, oldest first.
    pub(crate) fn list(self) -> Result<Vec<(u64, String)>, FileError> {
        let names = self.names()?.into_iter();
        let mut found: Vec<_> = names.filter_map(|name| Some((tick_of(&name)?, name))).collect();
        found.sort();
        Ok(found)
    }

    /// Removes all but the newest so many, and what is unfinished; the names of what is gone.
    pub(crate) fn prune(self, keep: usize) -> Result<Vec<String>, FileError> {
        let mut all = self.list()?;
        all.truncate(all.len().saturating_sub(keep));
        let mut gone: Vec<String> = all.into_iter().map(|(_, name)| name).collect();
        let unfinished = |name: &String| {
            name.starts_with(BEGINNING)
                && name.rsplit_once('.').is_some_and(|(_, ending)| ending == UNFINISHED)
        };
        gone.extend(self.names()?.into_iter().filter(unfinished));
        for name in &gone {
            self.disk.remove(name).map_err(self.failed(name))?;
        }
        Ok(gone)
    }
}

/// Ticks and files of all snapshots in a directory, oldest first; none if there is no directory. They are not looked
/// into.
///
/// # Errors
/// When the directory cannot be read.
pub fn list(directory: &Path) -> Result<Vec<(u64, PathBuf)>, FileError> {
    let disk = Directory::new(directory);
    let found = Shelf { disk: &disk, place: directory }.list()?;
    Ok(found.into_iter().map(|(tick, name)| (tick, directory.join(name))).collect())
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
    let disk = Directory::new(directory);
    let gone = Shelf { disk: &disk, place: directory }.prune(keep)?;
    Ok(gone.into_iter().map(|name| directory.join(name)).collect())
}
