//! Why an event, a record or a pattern is refused.

use super::topic::TopicFlaw;

/// Why an event is refused; nothing was published.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The topic is malformed.
    #[error("topic {topic:?} is refused: {flaw}")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        flaw: TopicFlaw,
    },
    /// The key is empty or too long.
    #[error("a key of {0} bytes is refused: it has 1 to {max}, or is left out", max = super::KEY_MAX)]
    Key(usize),
    /// A header's name is empty, or one is too long.
    #[error("header {0:?} is refused: a name has 1 to 256 bytes, a value up to 4096")]
    Header(String),
    /// There are too many headers.
    #[error("{0} headers are refused: an event has at most {max}", max = super::HEADERS_MAX)]
    Headers(usize),
    /// The context is no object.
    #[error("a context that is {0} is refused: it must be an object, or null for none")]
    Context(&'static str),
    /// The body or the context is nested too deeply.
    #[error("{part} is nested more than {max} levels deep", max = super::DEPTH_MAX)]
    Depth {
        /// `body` or `context`.
        part: &'static str,
    },
    /// The body is no value of JSON, such as a map with keys that are no strings.
    #[error("the body cannot be encoded: {0}")]
    Body(String),
    /// The embedding has no number, too many, or one that is not finite.
    #[error("an embedding is refused: {0}")]
    Embedding(&'static str),
    /// The whole is too large.
    #[error("a record of {0} bytes is refused: it may have {max}", max = super::RECORD_MAX)]
    TooLarge(usize),
    /// Its JSON cannot be read.
    #[error("this is not the JSON of an event: {0}")]
    Json(String),
}

/// Why bytes are not an event record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// They are too few for its header, or for what the header promises.
    #[error("a record of {needed} bytes ends after {found}")]
    Short {
        /// Bytes that the record says it has.
        needed: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// There are bytes behind it.
    #[error("{0} bytes stand behind the record")]
    Long(usize),
    /// They do not begin like a record.
    #[error("this does not begin like an event record")]
    Magic,
    /// A later version wrote it.
    #[error(
        "event records of version {found} cannot be read by this build, which knows version {known}"
    )]
    Version {
        /// The version of the record.
        found: u8,
        /// The version that is known here.
        known: u8,
    },
    /// A part is malformed.
    #[error("the record's {0} cannot be read")]
    Part(&'static str),
}
