//! What a gate answers, as payloads of admissions.
//!
//! ```text
//! 0  1  kind    1 text, 2 tool call (JSON), 3 finished (JSON), 4 failed (JSON), 5 begins anew (nothing)
//! 1  4  number  u32, little-endian: the request that is answered
//! 5  .. text or JSON, UTF-8
//! ```
//!
//! A token of up to 41 bytes travels inside the spike. A finish or a failure is the last answer to its request.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Tokens that a provider has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read by the model.
    pub input: u64,
    /// Of those, read from a cache.
    #[serde(default)]
    pub cached: u64,
    /// Written by the model.
    pub output: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.cached += other.cached;
        self.output += other.output;
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It had said everything.
    End,
    /// The limit of tokens was reached.
    MaxTokens,
    /// A stop sequence was met.
    StopSequence,
    /// It wants tools to be called.
    ToolUse,
    /// It declined, or a filter did.
    Refusal,
    /// Something else, in the provider's word.
    Other(String),
}

/// The model asks for a tool. Nothing was called: the agent checks it and decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as JSON text, unchecked.
    pub arguments: String,
}

/// The end of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// Why the model stopped.
    pub stop: Stop,
    /// What the provider counted.
    pub usage: Usage,
    /// What it cost in the unit of the price list, 0 without one.
    pub cost: f64,
    /// Which model answered.
    pub model: String,
}

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Some text, in general a token.
    Text(String),
    /// A tool is asked for.
    ToolCall(ToolCall),
    /// The answer is complete.
    Finished(Finish),
    /// There will be no (further) answer.
    Failed(Failure),
    /// The answer begins anew: what has come of it is void. After a crash, an answer that was under way is asked for
    /// again.
    Restarted,
}

/// Why bytes are no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Shorter than its head.
    #[error("an answer of {0} bytes is refused: it has a head of 5")]
    Short(usize),
    /// The kind means nothing.
    #[error("answer kind {0} is refused: 1 to 5 have meanings")]
    Kind(u8),
    /// The text is not UTF-8.
    #[error("an answer is refused: {0}")]
    Text(#[from] std::str::Utf8Error),
    /// The JSON is not what the kind says.
    #[error("an answer is refused: {0}")]
    Json(#[from] serde_json::Error),
}

impl Piece {
    /// Whether nothing follows it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished(_) | Self::Failed(_))
    }

    /// Appends it as a payload.
    pub fn encode(&self, number: u32, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Text(_) => 1,
            Self::ToolCall(_) => 2,
            Self::Finished(_) => 3,
            Self::Failed(_) => 4,
            Self::Restarted => 5,
        };
        out.push(kind);
        out.extend_from_slice(&number.to_le_bytes());
        let written = match self {
            Self::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Self::ToolCall(call) => serde_json::to_writer(&mut *out, call),
            Self::Finished(finish) => serde_json::to_writer(&mut *out, finish),
            Self::Failed(failure) => serde_json::to_writer(&mut *out, failure),
            Self::Restarted => Ok(()),
        };
        written.expect("strings and numbers can be written into a vector as JSON");
    }

    /// Reads a payload: the number of the request, and the piece.
    ///
    /// # Errors
    /// [`AnswerError`] if it is none.
    pub fn decode(payload: &[u8]) -> Result<(u32, Self), AnswerError> {
        let Some((head, rest)) = payload.split_first_chunk::<5>() else {
            return Err(AnswerError::Short(payload.len()));
        };
        let [kind, number @ ..] = *head;
        let piece = match kind {
            1 => Self::Text(std::str::from_utf8(rest)?.to_owned()),
            2 => Self::ToolCall(serde_json::from_slice(rest)?),
            3 => Self::Finished(serde_json::from_slice(rest)?),
            4 => Self::Failed(serde_json::from_slice(rest)?),
            5 => Self::Restarted,
            other => return Err(AnswerError::Kind(other)),
        };
        Ok((u32::from_le_bytes(number), piece))
    }
}
