use std::fmt;
use std::io;

/// Why a journal cannot be had, or does not take an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// What waits to be written fills the memory set aside for it; nothing was taken.
    #[error("the journal is full: {wanted} bytes wanted, {free} of what may wait are free")]
    Full {
        /// Bytes the entry takes.
        wanted: usize,
        /// Bytes free.
        free: usize,
    },
    /// The disk is full; nothing was taken, what was taken before waits and is written when there is room.
    #[error(
        "the journal's disk is full: {waiting} bytes wait to be written; it goes on when there is room"
    )]
    NoSpace {
        /// Bytes in memory.
        waiting: u64,
    },
    /// A write or a sync failed: what is on disk is not known until the journal is opened again.
    #[error(
        "the journal is poisoned: {operation} failed ({kind}); open it again, which verifies it"
    )]
    Poisoned {
        /// What failed.
        operation: &'static str,
        /// Why.
        kind: io::ErrorKind,
    },
    /// No batch can ever hold so much.
    #[error("an entry of {wanted} bytes is refused: this journal takes at most {limit}")]
    TooLarge {
        /// Bytes it would take.
        wanted: usize,
        /// The most there can be.
        limit: usize,
    },
    /// Ticks never go back.
    #[error("an entry of tick {tick} is refused: the last one was of tick {last}")]
    TickBefore {
        /// What was refused.
        tick: u64,
        /// The last entry's.
        last: u64,
    },
    /// The sequence is not sealed yet, so nobody can wait for it.
    #[error("sequence {sequence} is not sealed: sequences below {sealed} are")]
    NotSealed {
        /// What was waited for.
        sequence: u64,
        /// The first that is not sealed.
        sealed: u64,
    },
    /// Another process, or another place in this one, writes it.
    #[error("the journal {place} is being written by somebody else")]
    Busy {
        /// Which.
        place: String,
    },
    /// There is a journal already; `open` goes on with it.
    #[error("{place} holds a journal already: open it, or choose another directory")]
    AlreadyExists {
        /// Where.
        place: String,
    },
    /// There is none.
    #[error("{place} holds no journal")]
    Missing {
        /// Where.
        place: String,
    },
    /// The meta data does not fit the header.
    #[error("meta data of {bytes} bytes is refused: a header takes at most {limit}")]
    Meta {
        /// How much was offered.
        bytes: usize,
        /// The most there can be.
        limit: usize,
    },
    /// A setting makes no sense.
    #[error("{what} of {value} is refused: it must be at least {least}")]
    Options {
        /// Which setting.
        what: &'static str,
        /// What was asked for.
        value: u64,
        /// The least there can be.
        least: u64,
    },
    /// What is on disk was changed.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The system refused.
    #[error("{what} failed: {kind}")]
    Io {
        /// What was tried, and with which file.
        what: String,
        /// Why.
        kind: io::ErrorKind,
    },
}

impl JournalError {
    pub(super) fn io(what: &str, file: &str, source: &io::Error) -> Self {
        Self::Io { what: format!("{what} {file}"), kind: source.kind() }
    }
}

/// Where a journal is not what was written, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{segment}, byte {offset} (record {record} of the segment, sequence {sequence}): {flaw}")]
pub struct Damage {
    /// The file.
    pub segment: String,
    /// The first byte of what is wrong: a header, a record or a seal.
    pub offset: u64,
    /// How many whole records of the segment come before.
    pub record: u64,
    /// The sequence that was expected there.
    pub sequence: u64,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What can be wrong with a piece of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The header is no header of this version, or was changed.
    Header,
    /// The header belongs to another journal, or its segment is not the one that follows.
    Foreign,
    /// A segment between two others is not there.
    MissingSegment,
    /// A record's bytes are not those of its check.
    Checksum,
    /// A record has another sequence than the next.
    Sequence,
    /// A length leads nowhere.
    Length,
    /// A seal's own fields are not those of its check, or contradict the batch.
    Seal,
    /// All records check, and the seal's hash is another: something was exchanged whole.
    Chain,
    /// The bytes end, or nothing is there any more, before a seal.
    Torn,
    /// Something follows the last seal.
    Tail,
    /// A compressed segment is not what was written, or was cut.
    Compressed,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "the header is not one of this version, or was changed",
            Self::Foreign => "the segment is not the one that follows the one before",
            Self::MissingSegment => "a segment is missing before this one",
            Self::Checksum => "the record was changed: its check is another",
            Self::Sequence => "the record is out of order: its sequence is another",
            Self::Length => "a length leads beyond the batch",
            Self::Seal => "the seal was changed, or contradicts its batch",
            Self::Chain => "the batch was changed: the hash of its seal is another",
            Self::Torn => "the batch ends before its seal",
            Self::Tail => "there are bytes after the last seal",
            Self::Compressed => "the compressed segment was changed, or cut",
        })
    }
}
