//! Making a directory, all at once, and the names of what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::arena::Arena;
use crate::axon::AxonHub;
use crate::shm::mapping::Access;

use super::table::{DoorEntry, Table};
use super::{BrainError, Direction, LANES_MAX};

pub(super) const BRAIN: &str = "brain";

/// Where a cortex makes its brain directory, and how.
///
/// ```
/// use neuronbus::brain::Directory;
///
/// let demo = Directory::at("/dev/shm/demo").for_group().trace(1 << 16);
/// # let _ = demo;
/// ```
#[derive(Debug, Clone)]
pub struct Directory {
    pub(super) path: PathBuf,
    pub(super) access: Access,
    pub(super) trace_slots: usize,
    pub(super) trace_bytes: usize,
    pub(super) reap_every: Duration,
}

impl Directory {
    /// A directory at a path; it may lie on any file system, and one in memory is the fastest.
    #[must_use]
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            access: Access::Owner,
            trace_slots: 4096,
            trace_bytes: 1 << 20,
            reap_every: Duration::from_millis(250),
        }
    }

    /// Lets the owner's group attach too: modes 0660 and 0770 instead of 0600 and 0700.
    #[must_use]
    pub const fn for_group(mut self) -> Self {
        self.access = Access::Group;
        self
    }

    /// Slots of the ring that taps read, a power of two; 4096 unless set.
    #[must_use]
    pub const fn trace(mut self, slots: usize) -> Self {
        self.trace_slots = slots;
        self
    }

    /// How often the cortex looks for readers that have died; four times a second unless set. A dead reader holds the
    /// cortex no longer than this.
    #[must_use]
    pub const fn reap_every(mut self, time: Duration) -> Self {
        self.reap_every = time;
        self
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory beside its place and moves it there whole, so that nobody sees half of one.
    pub(super) fn make(
        &self,
        regions: &[String],
        doors: &[DoorEntry],
        traces: usize,
    ) -> Result<(), BrainError> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".making-{}", std::process::id()));
        let making = self.path.with_file_name(name);
        let made = self.fill(&making, regions, doors, traces).and_then(|()| {
            fs::rename(&making, &self.path).map_err(|error| BrainError::io(&self.path, &error))
        });
        if made.is_err() {
            // What is left of a failed making is in nobody's way; the first error matters more.
            let _ = fs::remove_dir_all(&making);
        }
        made
    }

    fn fill(
        &self,
        at: &Path,
        regions: &[String],
        doors: &[DoorEntry],
        traces: usize,
    ) -> Result<(), BrainError> {
        make_folder(at, self.access).map_err(|error| BrainError::io(&self.path, &error))?;
        for (number, entry) in doors.iter().enumerate() {
            let door = entry.door;
            if door.lanes == 0 || door.lanes > LANES_MAX {
                let (gate, lanes) = (entry.path.clone(), door.lanes);
                return Err(BrainError::Lanes { gate, lanes, limit: LANES_MAX });
            }
            for lane in 0..door.lanes {
                let (axon, arena) = files(at, number, lane);
                let hub = AxonHub::create(&axon, door.slots, door.readers, self.access)
                    .map_err(BrainError::axon(&axon))?;
                if door.direction == Direction::Sensory {
                    // The cortex's place is held from the first spike on, so that none is passed over.
                    if let Some(reader) = hub.adopt(0) {
                        reader.leave();
                    }
                }
                Arena::create_for(&arena, door.payload_bytes, self.access)?;
            }
        }
        for trace in 0..traces {
            let (axon, arena) = trace_files(at, trace);
            AxonHub::create(&axon, self.trace_slots, 0, self.access)
                .map_err(BrainError::axon(&axon))?;
            Arena::create_for(&arena, self.trace_bytes, self.access)?;
        }
        Table::create(&at.join(BRAIN), regions, doors, traces, self.access)
    }
}

impl<P: AsRef<Path>> From<P> for Directory {
    fn from(path: P) -> Self {
        Self::at(path)
    }
}

/// The ring and the arena of a lane.
pub(super) fn files(at: &Path, door: usize, lane: usize) -> (PathBuf, PathBuf) {
    let file = |ending| at.join(format!("door-{door}-{lane}.{ending}"));
    (file("axon"), file("arena"))
}

/// The ring and the arena of what one worker fires.
pub(super) fn trace_files(at: &Path, worker: usize) -> (PathBuf, PathBuf) {
    let file = |ending| at.join(format!("trace-{worker}.{ending}"));
    (file("axon"), file("arena"))
}

/// Where a brain of a name is looked for when only the name is given: in memory that processes share.
#[must_use]
pub fn default_path(name: &str) -> PathBuf {
    let shared = Path::new("/dev/shm");
    let base = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    base.join("neuronbus").join(name)
}

#[cfg(unix)]
fn make_folder(at: &Path, access: Access) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let mode = match access {
        Access::Owner => 0o700,
        Access::Group => 0o770,
    };
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::DirBuilder::new().mode(mode).create(at)?;
    fs::set_permissions(at, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn make_folder(at: &Path, _: Access) -> io::Result<()> {
    fs::create_dir_all(at)
}
