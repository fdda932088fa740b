//! The header of a snapshot's file.

use std::path::Path;

use super::FileError;
use crate::cortex::Digest;

/// The version of the header written here.
pub const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"NBSNAP\0\0";

/// Bytes before the content.
pub(super) const BYTES: usize = 192;

/// Bytes that the header's own hash covers.
const COVERED: usize = 160;

/// What stands in front of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Header {
    /// The first tick that had not been computed.
    pub tick: u64,
    /// The first record of the journal that is not in the state.
    pub sequence: u64,
    /// Bytes of the state.
    pub length: u64,
    /// The [plan](crate::cortex::Cortex::plan) of the topology.
    pub plan: Digest,
    /// Digest of the state, if it was taken.
    pub digest: Option<Digest>,
}

pub(super) fn damaged(
    path: &Path,
    part: &'static str,
    found: [u8; 32],
    expected: [u8; 32],
) -> FileError {
    let hex = |bytes: [u8; 32]| blake3::Hash::from(bytes).to_hex().to_string();
    FileError::Damaged { path: path.to_owned(), part, found: hex(found), expected: hex(expected) }
}

/// The bytes at a place; the header is longer than any.
fn at<const N: usize>(bytes: &[u8; BYTES], offset: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[offset + index])
}

impl Header {
    pub(super) fn encode(&self, content: [u8; 32]) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let mut put = |offset: usize, part: &[u8]| {
            bytes[offset..offset + part.len()].copy_from_slice(part);
        };
        put(0, &MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(16, &self.tick.to_le_bytes());
        put(24, &self.sequence.to_le_bytes());
        put(32, &self.length.to_le_bytes());
        put(64, self.plan.as_bytes());
        put(96, &self.digest.map_or([0; 32], |digest| *digest.as_bytes()));
        put(128, &content);
        let hash = blake3::hash(&bytes[..COVERED]);
        bytes[COVERED..].copy_from_slice(hash.as_bytes());
        bytes
    }

    /// The header of a whole file, and the hash that its content should have.
    pub(super) fn decode(path: &Path, file: &[u8]) -> Result<(Self, [u8; 32]), FileError> {
        if !file.starts_with(&MAGIC) {
            return Err(FileError::Magic { path: path.to_owned() });
        }
        let found = file.len() as u64;
        let length = |expected| FileError::Length { path: path.to_owned(), found, expected };
        let Some(bytes) = file.first_chunk::<BYTES>() else { return Err(length(BYTES as u64)) };
        let version = u32::from_le_bytes(at(bytes, 8));
        if version != VERSION {
            let path = path.to_owned();
            return Err(FileError::Version { path, found: version, expected: VERSION });
        }
        let (hash, expected) = (*blake3::hash(&bytes[..COVERED]).as_bytes(), at(bytes, COVERED));
        if hash != expected {
            return Err(damaged(path, "header", hash, expected));
        }
        let number = |offset| u64::from_le_bytes(at(bytes, offset));
        let header = Self {
            tick: number(16),
            sequence: number(24),
            length: number(32),
            plan: Digest::from_bytes(at(bytes, 64)),
            digest: Some(at(bytes, 96)).filter(|&it| it != [0; 32]).map(Digest::from_bytes),
        };
        if header.length.checked_add(BYTES as u64) != Some(found) {
            return Err(length(header.length.saturating_add(BYTES as u64)));
        }
        Ok((header, at(bytes, 128)))
    }
}
