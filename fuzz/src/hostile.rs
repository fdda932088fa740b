//! A file that begins as it should and is written over, again and again.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What is written over: the header and the tables behind it.
const RANGE: usize = 8192;

/// A file in a folder of its own, in shared memory where there is some.
pub struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
    file: std::fs::File,
    whole: Vec<u8>,
}

impl File {
    pub fn new(name: &str, make: impl FnOnce(&Path)) -> Self {
        let shared = neuronbus::brain::default_path("");
        std::fs::create_dir_all(&shared).expect("a folder in shared memory");
        let folder = tempfile::tempdir_in(shared).expect("a folder in shared memory");
        let path = folder.path().join(name);
        make(&path);
        let whole = std::fs::read(&path).expect("it was just made");
        let file = std::fs::File::options().write(true).open(&path).expect("it was just made");
        Self { _folder: folder, path, file, whole }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// As it was, but for words from the input: pairs of a position (2 bytes, in words) and a word.
    pub fn overwrite(&self, input: &[u8]) {
        let range = self.whole.len().min(RANGE);
        let mut bytes = self.whole[..range].to_vec();
        for chunk in input.as_chunks::<10>().0 {
            let at = usize::from(u16::from_le_bytes([chunk[0], chunk[1]])) % (range / 8) * 8;
            bytes[at..at + 8].copy_from_slice(&chunk[2..]);
        }
        self.file.write_all_at(&bytes, 0).expect("shared memory takes it");
        if range < self.whole.len() {
            let rest = &self.whole[range..self.whole.len().min(2 * RANGE)];
            self.file.write_all_at(rest, range as u64).expect("shared memory takes it");
        }
    }
}
