//! Where the files of a journal are: the few calls a journal makes, so that a simulated disk can take their place.

mod directory;
mod memory;

use std::any::Any;
use std::fmt;
use std::io;

pub use directory::Directory;
pub use memory::{Call, Fault, MemoryDisk};

/// A flat directory of files.
pub trait Disk: fmt::Debug + Send + Sync {
    /// The names of all files, in any order.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes an empty file; one that is there is refused with [`io::ErrorKind::AlreadyExists`].
    ///
    /// # Errors
    /// What the system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that is there, for reading and writing or for reading only.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, name: &str, write: bool) -> io::Result<Box<dyn DiskFile>>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, in place of one that has it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Returns when names that were made, changed or removed survive a loss of power.
    ///
    /// # Errors
    /// What the system says.
    fn sync_directory(&self) -> io::Result<()>;

    /// Takes the right to write, until what is returned is dropped or the process ends; `None` if another has it.
    ///
    /// # Errors
    /// What the system says.
    fn lock(&self) -> io::Result<Option<Box<dyn Any + Send>>>;
}

/// One file of a [`Disk`].
pub trait DiskFile: fmt::Debug + Send {
    /// Reads what is at an offset, as much as there is and fits.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all bytes at an offset, or fails with any part of them written.
    ///
    /// # Errors
    /// What the system says.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Bytes of the file.
    ///
    /// # Errors
    /// What the system says.
    fn length(&self) -> io::Result<u64>;

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// What the system says.
    fn set_length(&mut self, length: u64) -> io::Result<()>;

    /// Returns when what was written survives a loss of power. After a failure nothing is known about it any more, and
    /// trying again proves nothing.
    ///
    /// # Errors
    /// What the system says.
    fn sync_data(&mut self) -> io::Result<()>;
}
