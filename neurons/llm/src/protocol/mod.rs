//! What goes over the wire, for each of four protocols: a request as bytes, and bytes as pieces of an answer.
//!
//! Nothing here does I/O. A [`Decoder`] takes the body of an answer in pieces of any size and gives what is complete.
//!
//! | protocol | path | stream | documented at |
//! | --- | --- | --- | --- |
//! | Anthropic Messages | `/v1/messages` | server-sent events | docs.anthropic.com, Messages, Streaming |
//! | OpenAI Chat Completions | `/v1/chat/completions` | server-sent events | platform.openai.com, Chat, Streaming |
//! | OpenAI Responses | `/v1/responses` | server-sent events | platform.openai.com, Responses, Streaming |
//! | Ollama | `/api/chat` | one JSON object a line | github.com/ollama/ollama, docs/api.md |

mod anthropic;
mod events;
mod lines;
mod ollama;
mod openai_chat;
mod openai_responses;
mod tool_calls;

use std::borrow::Cow;

use serde_json::Value;

pub use events::Events;
pub use lines::Lines;

use crate::answer::{Stop, ToolCall, Usage};
use crate::failure::{Failure, FailureKind, shorten};
use crate::request::Request;

/// Why bytes are not an answer in this protocol, or a request cannot be said in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A line without an end.
    #[error("a line of {length} bytes is refused: at most {most} are read")]
    LineTooLong {
        /// Bytes so far.
        length: usize,
        /// The limit.
        most: usize,
    },
    /// Not JSON, or not the JSON that is documented.
    #[error("{what}: {found}")]
    Malformed {
        /// What is wrong.
        what: String,
        /// What was found, shortened.
        found: String,
    },
    /// The provider reports an error inside the stream.
    #[error("the provider reports {kind}: {message}")]
    Reported {
        /// The provider's word for it.
        kind: String,
        /// What it says.
        message: String,
    },
    /// The body ended before the answer did.
    #[error("the answer broke off after {0} bytes")]
    Truncated(u64),
    /// The protocol has no way to say this.
    #[error("{protocol} has no {what}")]
    Unsupported {
        /// The protocol.
        protocol: &'static str,
        /// What was asked for.
        what: &'static str,
    },
}

impl ProtocolError {
    fn malformed(what: impl Into<String>, found: &[u8]) -> Self {
        Self::Malformed { what: what.into(), found: shorten(&String::from_utf8_lossy(found)) }
    }

    fn reported(error: &Value) -> Self {
        let word = |key: &str| error.get(key).and_then(Value::as_str);
        let kind = word("type").or_else(|| word("code")).unwrap_or("an error");
        let message = word("message").or_else(|| error.as_str());
        let message = message.map_or_else(|| error.to_string(), str::to_owned);
        Self::Reported { kind: kind.to_owned(), message: shorten(&message) }
    }
}

impl From<ProtocolError> for Failure {
    fn from(error: ProtocolError) -> Self {
        let kind = match &error {
            ProtocolError::LineTooLong { .. } => FailureKind::TooLarge,
            ProtocolError::Malformed { .. } => FailureKind::Malformed,
            ProtocolError::Truncated(_) => FailureKind::Truncated,
            ProtocolError::Unsupported { .. } => FailureKind::Unsupported,
            ProtocolError::Reported { kind, .. } => match kind.as_str() {
                "overloaded_error" => FailureKind::Overloaded,
                "rate_limit_error" | "rate_limit_exceeded" => FailureKind::RateLimited,
                "authentication_error" | "permission_error" => FailureKind::Unauthorized,
                "invalid_request_error" | "not_found_error" => FailureKind::Rejected,
                _ => FailureKind::Server,
            },
        };
        Failure::new(kind, error.to_string())
    }
}

/// What a decoder has found.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Text of the answer.
    Text(String),
    /// A tool call, complete.
    ToolCall(ToolCall),
    /// The answer is complete.
    End {
        /// Why the model stopped.
        stop: Stop,
        /// What the provider counted.
        usage: Usage,
    },
}

/// Which protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Chat Completions, which vLLM, llama.cpp and LM Studio speak as well.
    OpenAiChat,
    /// OpenAI's Responses.
    OpenAiResponses,
    /// Ollama's chat.
    Ollama,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Anthropic, Self::OpenAiChat, Self::OpenAiResponses, Self::Ollama];

    /// Where a request is posted to, below the base URL.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::OpenAiChat => "/v1/chat/completions",
            Self::OpenAiResponses => "/v1/responses",
            Self::Ollama => "/api/chat",
        }
    }

    /// Where the models are listed, below the base URL.
    #[must_use]
    pub fn models_path(self) -> &'static str {
        match self {
            Self::Ollama => "/api/tags",
            _ => "/v1/models",
        }
    }

    /// The headers that say who asks, with the key in the value.
    #[must_use]
    pub fn headers(self, key: Option<&str>) -> Vec<(&'static str, String)> {
        match (self, key) {
            (Self::Anthropic, key) => {
                let key = key.map(|key| ("x-api-key", key.to_owned()));
                let version = ("anthropic-version", "2023-06-01".to_owned());
                key.into_iter().chain([version]).collect()
            }
            (_, Some(key)) => vec![("authorization", format!("Bearer {key}"))],
            (_, None) => Vec::new(),
        }
    }

    /// A request for a streamed answer as JSON.
    ///
    /// # Errors
    /// [`ProtocolError::Unsupported`] for what the protocol cannot say.
    pub fn body(self, request: &Request, model: &str) -> Result<Value, ProtocolError> {
        match self {
            Self::Anthropic => anthropic::body(request, model),
            Self::OpenAiChat => Ok(openai_chat::body(request, model)),
            Self::OpenAiResponses => openai_responses::body(request, model),
            Self::Ollama => Ok(ollama::body(request, model)),
        }
    }

    /// A decoder for one answer, which refuses lines above so many bytes.
    #[must_use]
    pub fn decoder(self, longest_line: usize) -> Decoder {
        let reader: Box<dyn Reader> = match self {
            Self::Anthropic => Box::new(anthropic::Reader::default()),
            Self::OpenAiChat => Box::new(openai_chat::Reader::default()),
            Self::OpenAiResponses => Box::new(openai_responses::Reader::default()),
            Self::Ollama => Box::new(ollama::Reader::default()),
        };
        let events = (self != Self::Ollama).then(Events::default);
        Decoder { lines: Lines::new(longest_line), events, reader, bytes: 0, ended: false }
    }
}

/// What one protocol makes of the JSON objects of a stream.
trait Reader: Send {
    /// Takes one object; appends what it completes.
    fn object(&mut self, text: &[u8], found: &mut Vec<Delta>) -> Result<(), ProtocolError>;

    /// The body has ended: the end of the answer, if what came so far is one without saying so.
    fn at_end(&mut self) -> Option<Delta> {
        None
    }
}

/// Bytes in pieces of any size become pieces of an answer.
pub struct Decoder {
    lines: Lines,
    /// `None` where each line is an object.
    events: Option<Events>,
    reader: Box<dyn Reader>,
    bytes: u64,
    ended: bool,
}

impl Decoder {
    /// Takes some bytes of the body; appends what is complete now. After the end of the answer, bytes are ignored.
    ///
    /// # Errors
    /// [`ProtocolError`]; the answer is over then.
    pub fn feed(&mut self, piece: &[u8], found: &mut Vec<Delta>) -> Result<(), ProtocolError> {
        self.bytes += piece.len() as u64;
        let Self { lines, events, reader, ended, .. } = self;
        lines.feed(piece, |line| take_line(line, events.as_mut(), &mut **reader, ended, found))
    }

    /// The body has ended.
    ///
    /// # Errors
    /// [`ProtocolError::Truncated`] if the answer has not.
    pub fn finish(&mut self, found: &mut Vec<Delta>) -> Result<(), ProtocolError> {
        let rest = self.lines.rest().to_vec();
        let Self { events, reader, ended, .. } = self;
        if events.is_none() && !rest.is_empty() {
            // What cannot be read at the very end was cut.
            _ = take_line(&rest, None, &mut **reader, ended, found);
        }
        if !*ended && let Some(end) = reader.at_end() {
            *ended = true;
            found.push(end);
        }
        if self.ended { Ok(()) } else { Err(ProtocolError::Truncated(self.bytes)) }
    }

    /// Whether the answer is complete.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

fn take_line(
    line: &[u8],
    events: Option<&mut Events>,
    reader: &mut dyn Reader,
    ended: &mut bool,
    found: &mut Vec<Delta>,
) -> Result<(), ProtocolError> {
    if *ended {
        return Ok(());
    }
    let from = found.len();
    match events {
        Some(events) => {
            if let Some(data) = events.line(line) {
                reader.object(data, found)?;
            }
        }
        None if line.iter().all(u8::is_ascii_whitespace) => {}
        None => reader.object(line, found)?,
    }
    *ended = found[from..].iter().any(|delta| matches!(delta, Delta::End { .. }));
    Ok(())
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("bytes", &self.bytes).field("ended", &self.ended).finish()
    }
}

/// Reads an object that is a token and nothing else without making a tree of it, which has a piece of memory for each
/// name and value. `None` for any other, which is read with care.
fn token<'t, T: serde::Deserialize<'t>>(text: &'t [u8]) -> Option<T> {
    serde_json::from_slice(text).ok()
}

/// What a token must not have beside its text; `null` is nothing.
type Nothing = Option<serde::de::IgnoredAny>;

/// Appends the text of a token, if it has some.
fn say(text: Cow<'_, str>, found: &mut Vec<Delta>) {
    if !text.is_empty() {
        found.push(Delta::Text(text.into_owned()));
    }
}

/// Reads one object, and says what it was if it is none.
fn parse(text: &[u8]) -> Result<Value, ProtocolError> {
    match serde_json::from_slice(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(ProtocolError::malformed("an event is not an object", text)),
        Err(error) => {
            Err(ProtocolError::malformed(format!("an event is not JSON ({error})"), text))
        }
    }
}

/// A number of tokens at a path, 0 where there is none.
fn tokens(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

/// Text at a path, if there is some.
fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}
