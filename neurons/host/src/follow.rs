//! Follows a file that grows, is rotated, truncated, or is not there yet.
//!
//! | what happens to the file | what the follower does |
//! | --- | --- |
//! | it grows | reads what came |
//! | it is renamed and a new one takes its name | reads the old one to its end, then the new one from its start |
//! | it is cut to a length below what was read | reads again from the start |
//! | it is removed | keeps the open file, and waits for a new one |
//! | it does not exist yet | waits, and reads it from the start when it does |
//!
//! An unfinished last line waits for its rest until the file is replaced or cut. A file that is cut and outgrows its
//! old length between two looks cannot be told from one that grew; nobody who looks at names and lengths can.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::split::{Piece, Splitter};

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Where reading begins in a file that is there at the first look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At its first byte.
    Beginning,
    /// At its end: only what is written from now on.
    End,
}

#[derive(Debug)]
struct Opened {
    file: File,
    identity: (u64, u64),
    position: u64,
}

/// Reads the lines that are written to one path.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    start: Start,
    opened: Option<Opened>,
    splitter: Splitter,
    max_line: usize,
    chunk: Vec<u8>,
}

impl Follower {
    /// A follower of a path, for lines of at most `max_line` bytes; nothing is opened yet.
    #[must_use]
    pub fn new(path: &Path, start: Start, max_line: usize) -> Self {
        Self {
            path: path.to_owned(),
            start,
            opened: None,
            splitter: Splitter::new(max_line),
            max_line,
            chunk: Vec::new(),
        }
    }

    /// The path that is followed.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file to read.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Reads what has come, at most about `budget` bytes, and returns how many bytes that were.
    ///
    /// # Errors
    /// What the system says, except that the file is not there, which is waited for.
    pub fn poll(&mut self, budget: usize, found: &mut dyn FnMut(Piece<'_>)) -> io::Result<usize> {
        if self.opened.is_none() && !self.open()? {
            return Ok(0);
        }
        let mut read = self.read(budget, found)?;
        // bound: the budget, and each round a rotation
        while read < budget && self.has_moved_on()? {
            // What was written between the last read and the rotation.
            read += self.read(budget - read, found)?;
            if read >= budget {
                break;
            }
            self.splitter.finish(&mut *found);
            self.splitter = Splitter::new(self.max_line);
            if !self.open()? {
                break;
            }
            read += self.read(budget - read, found)?;
        }
        Ok(read)
    }

    /// Opens the path; false if nothing is there.
    fn open(&mut self) -> io::Result<bool> {
        let opened = File::open(&self.path).and_then(|mut file| {
            let metadata = file.metadata()?;
            let position = match self.start {
                Start::Beginning => 0,
                Start::End => file.seek(SeekFrom::End(0))?,
            };
            Ok(Opened { file, identity: (metadata.dev(), metadata.ino()), position })
        });
        // Whatever comes after the first look was written since.
        self.start = Start::Beginning;
        match opened {
            Ok(opened) => self.opened = Some(opened),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn read(&mut self, budget: usize, found: &mut dyn FnMut(Piece<'_>)) -> io::Result<usize> {
        let Some(opened) = &mut self.opened else { return Ok(0) };
        self.chunk.resize(CHUNK, 0);
        let mut total = 0;
        while total < budget {
            let count = match opened.file.read(&mut self.chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            opened.position += count as u64;
            total += count;
            self.splitter.feed(&self.chunk[..count], &mut *found);
        }
        Ok(total)
    }

    /// Whether the path leads to another file than the open one, or to a shorter one.
    fn has_moved_on(&mut self) -> io::Result<bool> {
        let Some(opened) = &self.opened else { return Ok(false) };
        match fs::metadata(&self.path) {
            Ok(now) if (now.dev(), now.ino()) != opened.identity => Ok(true),
            Ok(now) => Ok(now.len() < opened.position),
            // Removed: the writer may still have it open, as we do.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
