//! The first page of every shared file.
//!
//! ```text
//! offset size field
//! 0      8    magic         eight ASCII bytes; written last
//! 8      8    version       of the layout
//! 16     8    layout hash   of the text that describes the layout
//! 24     8    total bytes   of the file
//! 32     8    field 0       what the format needs
//! ..     8    field 1, 2, ..
//! 4096
//! ```
//!
//! Words are in the byte order of the machine that made the file; elsewhere the version says so. The version and the
//! hash cover layout only, not what the bytes of a payload mean.

use super::mapping::PAGE_WORDS;
use crate::sync::{AtomicU64, Relaxed, order};

const MAGIC: usize = 0;
const VERSION: usize = 1;
const LAYOUT: usize = 2;
const TOTAL: usize = 3;
const FIELDS: usize = 4;

/// What a file of one format begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u64,
    pub(crate) layout: u64,
}

/// Something in a header that is not what the format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) what: &'static str,
    pub(crate) found: u64,
    pub(crate) expected: u64,
}

impl Format {
    /// A format whose layout is described by a text; changing the text changes the hash.
    pub(crate) const fn new(magic: [u8; 8], version: u64, text: &str) -> Self {
        // FNV-1a, 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>
        let mut layout = 0xcbf2_9ce4_8422_2325_u64;
        let mut i = 0;
        while i < text.len() {
            layout = (layout ^ text.as_bytes()[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        Self { magic, version, layout }
    }

    /// Writes a header; the magic last, so that a file half made is refused.
    pub(crate) fn write(&self, page: &[AtomicU64], fields: &[u64], total_bytes: u64) {
        // relaxed: nobody has the memory yet; a process that maps the file now is refused by the missing magic
        page[VERSION].store(self.version, Relaxed);
        page[LAYOUT].store(self.layout, Relaxed);
        page[TOTAL].store(total_bytes, Relaxed);
        for (word, field) in page[FIELDS..].iter().zip(fields) {
            word.store(*field, Relaxed);
        }
        // SYNC(header-written): whoever sees the magic sees the header; `check` is the other half.
        page[MAGIC].store(u64::from_ne_bytes(self.magic), order::header_written_make());
    }

    /// Compares a header with the format; `mapped_bytes` is what is really there.
    pub(crate) fn check(&self, page: &[AtomicU64], mapped_bytes: u64) -> Result<(), Mismatch> {
        let magic = u64::from_ne_bytes(self.magic);
        let same = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(Mismatch { what, found, expected }) }
        };
        if page.len() < PAGE_WORDS {
            let expected = 8 * PAGE_WORDS as u64;
            return Err(Mismatch { what: "size in bytes", found: mapped_bytes, expected });
        }
        // SYNC(header-written): `write` is the other half.
        same("magic", page[MAGIC].load(order::header_written_open()), magic)?;
        // relaxed: ordered by the load above
        let version = page[VERSION].load(Relaxed);
        let turned = version != self.version && version.swap_bytes() == self.version;
        same(if turned { "byte order" } else { "version" }, version, self.version)?;
        same("layout hash", page[LAYOUT].load(Relaxed), self.layout)?;
        same("size in bytes", mapped_bytes, page[TOTAL].load(Relaxed))
    }
}

/// One of the format's own fields.
pub(crate) fn field(page: &[AtomicU64], number: usize) -> &AtomicU64 {
    &page[FIELDS + number]
}
