//! The bytes of records and seals; drawn in the module's documentation.

use bytemuck::{Pod, Zeroable};

/// Bytes before a record's body.
pub(super) const HEAD: usize = 40;
/// Bytes of a seal.
pub(super) const SEAL: usize = 80;
/// Bytes of a hash, the last of a seal and of a header.
pub(super) const HASH: usize = 32;
/// Bytes of a seal that its check covers, and the check.
const SEAL_CHECKED: usize = SEAL - HASH;
/// The bit of a length that says "seal".
const SEAL_BIT: u32 = 1 << 31;
/// The longest body that a length can say, with room for the filling.
pub(super) const BODY_LIMIT: usize = (1 << 31) - 8;

pub(super) type Hash = [u8; HASH];

/// What records and seals begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Head {
    crc: u32,
    length: u32,
    pub(super) sequence: u64,
    pub(super) tick: u64,
    pub(super) time_ns: u64,
    /// The gate of a record, the number of records of a seal.
    pub(super) source: u32,
    pub(super) kind: u8,
    zeros: [u8; 3],
}

const _: () = {
    assert!(size_of::<Head>() == HEAD);
    assert!(std::mem::offset_of!(Head, length) == 4);
    assert!(std::mem::offset_of!(Head, sequence) == 8);
    assert!(std::mem::offset_of!(Head, tick) == 16);
    assert!(std::mem::offset_of!(Head, time_ns) == 24);
    assert!(std::mem::offset_of!(Head, source) == 32);
    assert!(std::mem::offset_of!(Head, kind) == 36);
    assert!(SEAL.is_multiple_of(8) && HEAD.is_multiple_of(8));
    assert!(cfg!(target_endian = "little"), "a journal is written as it lies in memory");
};

impl Head {
    /// What a record of a body begins with; its check is made when it is written.
    pub(super) const fn new(sequence: u64, tick: u64, time_ns: u64, source: u32, kind: u8) -> Self {
        Self { crc: 0, length: 0, sequence, tick, time_ns, source, kind, zeros: [0; 3] }
    }

    /// What stands at the start of some bytes; `None` if they are too few.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.get(..HEAD).map(bytemuck::pod_read_unaligned::<Self>)
    }

    pub(super) const fn is_seal(&self) -> bool {
        self.length & SEAL_BIT != 0
    }

    /// Whether nothing was written here: a record has at least a check, and its length says more.
    pub(super) fn is_blank(&self) -> bool {
        *self == Self::zeroed()
    }

    /// Bytes of the body.
    pub(super) const fn body(&self) -> usize {
        (self.length & !SEAL_BIT) as usize
    }

    /// Bytes of the whole frame.
    pub(super) const fn frame(&self) -> usize {
        frame(self.body())
    }
}

/// Bytes that a record of a body takes.
pub(super) const fn frame(body: usize) -> usize {
    HEAD + body.next_multiple_of(8)
}

/// Appends a record to some bytes.
#[inline]
pub(super) fn write_record(bytes: &mut Vec<u8>, mut head: Head, body: &[u8]) {
    const FILLING: [u8; 8] = [0; 8];
    let start = bytes.len();
    #[expect(clippy::cast_possible_truncation, reason = "a body is at most `BODY_LIMIT` long")]
    {
        head.length = body.len() as u32;
    }
    bytes.extend_from_slice(bytemuck::bytes_of(&head));
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&FILLING[..body.len().next_multiple_of(8) - body.len()]);
    let crc = crc32c::crc32c(&bytes[start + 4..]);
    bytes[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

/// Whether a record's check is that of its bytes, from its head to the end of its filling.
#[inline]
pub(super) fn record_checks(frame: &[u8]) -> bool {
    let (crc, covered) = frame.split_at(4);
    crc == crc32c::crc32c(covered).to_le_bytes()
}

/// Appends a seal whose hash, synced sequence and check are still to be filled in.
pub(super) fn write_seal(bytes: &mut Vec<u8>, mut head: Head) {
    head.length = SEAL_BIT | (SEAL - HEAD) as u32;
    bytes.extend_from_slice(bytemuck::bytes_of(&head));
    bytes.extend_from_slice(&[0; SEAL - HEAD]);
}

/// A seal of no records, which only says how far was synced; `last` is the head of the seal before, `hash` its hash.
pub(super) fn empty_seal(last: Head, hash: Hash) -> Vec<u8> {
    let mut bytes = hash.to_vec();
    let synced = last.sequence;
    write_seal(&mut bytes, Head { crc: 0, source: 0, ..last });
    finish_seal(&mut bytes, 0, HASH, synced);
    bytes.split_off(HASH)
}

/// Fills in the seal at `at`; the hash before its batch stands at `from`. Returns the seal's hash.
pub(super) fn finish_seal(bytes: &mut [u8], from: usize, at: usize, synced: u64) -> Hash {
    bytes[at + HEAD..at + SEAL_CHECKED].copy_from_slice(&synced.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[at + 4..at + SEAL_CHECKED]);
    bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
    let hash = *blake3::hash(&bytes[from..at + SEAL_CHECKED]).as_bytes();
    bytes[at + SEAL_CHECKED..at + SEAL].copy_from_slice(&hash);
    hash
}

/// A seal that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) next: u64,
    pub(super) tick: u64,
    pub(super) time_ns: u64,
    pub(super) records: u32,
    pub(super) synced: u64,
}

impl Seal {
    /// The seal at the start of some bytes, if its check is right; the hash is not looked at.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<SEAL>()?;
        let head = Head::read(bytes)?;
        let plausible = head.length == SEAL_BIT | (SEAL - HEAD) as u32
            && head.kind == 0
            && head.zeros == [0; 3]
            && bytes[..4] == crc32c::crc32c(&bytes[4..SEAL_CHECKED]).to_le_bytes();
        let synced = u64::from_le_bytes(*bytes[HEAD..].first_chunk()?);
        let Head { sequence: next, tick, time_ns, source: records, .. } = head;
        plausible.then_some(Self { next, tick, time_ns, records, synced })
    }
}

/// Whether the seal at `at` has the hash of the bytes from `from`, where the hash before stands.
pub(super) fn chain_holds(bytes: &[u8], from: usize, at: usize) -> bool {
    let covered = &bytes[from..at + SEAL_CHECKED];
    blake3::hash(covered).as_bytes()[..] == bytes[at + SEAL_CHECKED..at + SEAL]
}
