use std::fmt;

use bytemuck::{Pod, Zeroable};

use super::format::{HASH, Hash};

/// Bytes of a segment's header.
pub(super) const HEADER: usize = 4096;
/// Where the header's hash stands, which the first batch continues.
pub(super) const HEADER_HASH: usize = HEADER - HASH;
/// The most meta data that a header takes, in bytes.
pub const META_LIMIT: usize = 3884;

const MAGIC: [u8; 8] = *b"NEUROJNL";
const VERSION: u32 = 1;
const HAS_PARENT: u32 = 1;

/// Which journal: the same in all its segments, another in each fork.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct JournalId(pub [u8; 16]);

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JournalId({self})")
    }
}

/// What a journal is about; written once, and again into each segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Hash of the topology whose input is recorded.
    pub plan: [u8; 32],
    /// The run's seed.
    pub seed: u64,
    /// When the journal was made, in ns since 1970.
    pub created_ns: u64,
    /// The journal that this one was forked from, and the sequence at which it begins to differ.
    pub parent: Option<(JournalId, u64)>,
    /// Whatever else is to be known before the first record; at most [`META_LIMIT`] bytes.
    pub meta: Vec<u8>,
}

impl Header {
    /// The id that a journal with this header has.
    #[must_use]
    pub fn id(&self) -> JournalId {
        let (parent, at) = self.parent.unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        for part in [
            &self.plan[..],
            &self.seed.to_le_bytes(),
            &self.created_ns.to_le_bytes(),
            &parent.0,
            &at.to_le_bytes(),
            &self.meta,
        ] {
            hasher.update(part);
        }
        let mut id = JournalId::default();
        hasher.finalize_xof().fill(&mut id.0);
        id
    }
}

/// Where a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Start {
    pub(super) number: u64,
    pub(super) sequence: u64,
    pub(super) tick: u64,
    pub(super) time_ns: u64,
    pub(super) synced: u64,
    /// Hash of the seal before.
    pub(super) previous: Hash,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Page {
    magic: [u8; 8],
    version: u32,
    flags: u32,
    journal: [u8; 16],
    number: u64,
    sequence: u64,
    tick: u64,
    time_ns: u64,
    synced: u64,
    previous: Hash,
    plan: [u8; 32],
    seed: u64,
    created_ns: u64,
    parent: [u8; 16],
    parent_sequence: u64,
    meta_length: u32,
    meta: [u8; META_LIMIT],
    hash: Hash,
}

const _: () = {
    assert!(size_of::<Page>() == HEADER);
    assert!(std::mem::offset_of!(Page, journal) == 16);
    assert!(std::mem::offset_of!(Page, synced) == 64);
    assert!(std::mem::offset_of!(Page, previous) == 72);
    assert!(std::mem::offset_of!(Page, seed) == 136);
    assert!(std::mem::offset_of!(Page, parent_sequence) == 168);
    assert!(std::mem::offset_of!(Page, meta) == 180);
    assert!(std::mem::offset_of!(Page, hash) == HEADER_HASH);
};

/// The header of a segment. `header.meta` fits: it was checked when the journal was made.
pub(super) fn encode(header: &Header, start: &Start) -> Vec<u8> {
    let (parent, parent_sequence) = header.parent.unwrap_or_default();
    let mut page = Page {
        magic: MAGIC,
        version: VERSION,
        flags: if header.parent.is_some() { HAS_PARENT } else { 0 },
        journal: header.id().0,
        number: start.number,
        sequence: start.sequence,
        tick: start.tick,
        time_ns: start.time_ns,
        synced: start.synced,
        previous: start.previous,
        plan: header.plan,
        seed: header.seed,
        created_ns: header.created_ns,
        parent: parent.0,
        parent_sequence,
        #[expect(clippy::cast_possible_truncation, reason = "at most `META_LIMIT`")]
        meta_length: header.meta.len() as u32,
        meta: [0; META_LIMIT],
        hash: [0; HASH],
    };
    page.meta[..header.meta.len()].copy_from_slice(&header.meta);
    page.hash = *blake3::hash(&bytemuck::bytes_of(&page)[..HEADER_HASH]).as_bytes();
    bytemuck::bytes_of(&page).to_vec()
}

/// What a header says; `None` if it is none of this version or was changed.
pub(super) fn decode(bytes: &[u8; HEADER]) -> Option<(Header, Start)> {
    let page: Page = bytemuck::pod_read_unaligned(bytes);
    let hash = blake3::hash(&bytes[..HEADER_HASH]);
    let meta = page.meta.get(..page.meta_length as usize)?;
    if page.magic != MAGIC || page.version != VERSION || *hash.as_bytes() != page.hash {
        return None;
    }
    let parent = (JournalId(page.parent), page.parent_sequence);
    let header = Header {
        plan: page.plan,
        seed: page.seed,
        created_ns: page.created_ns,
        parent: (page.flags & HAS_PARENT != 0).then_some(parent),
        meta: meta.to_vec(),
    };
    let start = Start {
        number: page.number,
        sequence: page.sequence,
        tick: page.tick,
        time_ns: page.time_ns,
        synced: page.synced,
        previous: page.previous,
    };
    (header.id().0 == page.journal).then_some((header, start))
}
