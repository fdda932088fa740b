//! The journal as storage: what entered, in order, sealed, and found again.
//!
//! A journal is a directory of *segments*. Records are appended to a *batch*; a *seal* ends the batch with the BLAKE3
//! hash of everything since the seal before it, so no byte can be changed, lost or moved without being found. What a
//! record means is not known here: a kind and a body are opaque.
//!
//! ```text
//! owner's thread                               I/O thread, or whoever waits
//! append -> batch -> seal -> bytes that wait -> hash -> write -> sync
//!   no I/O, no lock            Memory                  PageCache  Synced
//! ```
//!
//! # Format
//!
//! A segment is called by the first sequence in it, with 20 digits: `00000000000000000000.segment`. Numbers are
//! little-endian. A segment is a header, then batches without gaps; then, while it is written to, zeros. One that
//! nobody writes any more may be [compressed](compress), and is read, ranged over and verified as before.
//!
//! ```text
//! header, 4096 bytes
//! offset size  field
//! 0      8     magic "NEUROJNL"
//! 8      4     version, 1
//! 12     4     flags; bit 0: has a parent
//! 16     16    id of the journal: the same in all its segments
//! 32     8     number of the segment, from 0
//! 40     8     first sequence
//! 48     8     first tick
//! 56     8     first time, ns since 1970
//! 64     8     sequences below this were synced when the segment was begun
//! 72     32    hash of the seal before; zeros in the first segment of a journal
//! 104    32    hash of the plan (the topology) that is recorded
//! 136    8     seed
//! 144    8     time of creation, ns since 1970
//! 152    16    id of the parent of a fork
//! 168    8     sequence in the parent at which the fork begins
//! 176    4     bytes of meta data, at most 3884
//! 180    3884  meta data, then zeros
//! 4064   32    BLAKE3 of bytes 0 to 4063
//!
//! record, 40 bytes and the body, filled with zeros to a multiple of 8
//! 0      4     CRC-32C of bytes 4 to the end, filling included
//! 4      4     bytes of the body; bit 31 is 0
//! 8      8     sequence: one more than the record before
//! 16     8     tick
//! 24     8     time, ns since 1970
//! 32     4     source: a gate's id, or what the owner calls others
//! 36     1     kind
//! 37     3     zeros
//! 40     ...   body
//!
//! seal, 80 bytes
//! 0      4     CRC-32C of bytes 4 to 47
//! 4      4     40, and bit 31 is 1
//! 8      8     sequence that the next record has
//! 16     8     tick of the last record
//! 24     8     time of the last record
//! 32     4     records in the batch
//! 36     4     zeros
//! 40     8     sequences below this were synced when the seal was written
//! 48     32    BLAKE3 of the file's bytes from the hash before (included: another seal's, or the header's) to here
//! ```
//!
//! The hash covers one run of bytes in the file, so a batch is verified in one pass, from any seal on. Whoever can
//! write the files can also seal a history of his own: to prove that none was exchanged whole, keep the last hash
//! elsewhere.

mod archive;
pub mod disk;
mod error;
mod format;
mod header;
mod index;
mod io_thread;
mod options;
mod owner;
mod packed;
mod packing;
mod progress;
mod queue;
mod recovery;
mod retention;
mod scan;
mod segments;
mod tempo;
mod verify;
mod writer;

pub use archive::{Archive, SegmentCard, Span};
pub use error::{Damage, Flaw, JournalError};
pub use header::{Header, JournalId, META_LIMIT};
pub use options::{Level, Options};
pub use owner::{Entry, Journal};
pub use packing::{Compressed, compress, compress_on};
pub use progress::{Health, Progress};
pub use recovery::{Cut, Recovery};
pub use retention::{Forgotten, Retention, forget};
pub use scan::{Record, Scan};
pub use tempo::{Speed, Tempo};
pub use verify::{Summary, verify, verify_on};
