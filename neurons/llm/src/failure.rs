//! Why a request to a model failed: what the agent hears, and what the gate decides retries by.

use serde::{Deserialize, Serialize};

/// The kind of a failure, by a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The provider wants fewer requests (429).
    RateLimited,
    /// The provider has too much to do (503, 529).
    Overloaded,
    /// The provider failed (500 and above).
    Server,
    /// No connection, or it broke before the answer began.
    Connection,
    /// The answer broke off in the middle.
    Truncated,
    /// Nothing came for too long.
    Timeout,
    /// The key is missing, wrong or not allowed to (401, 403).
    Unauthorized,
    /// The provider does not accept the request (400, 404, 413, 422).
    Rejected,
    /// What came is not the protocol.
    Malformed,
    /// What came is larger than allowed.
    TooLarge,
    /// The provider cannot do what was asked.
    Unsupported,
    /// A budget would be exceeded; nothing was sent.
    Budget,
    /// The circuit breaker is open; nothing was sent.
    BreakerOpen,
    /// The gate has as many requests as it may.
    Busy,
    /// It was cancelled.
    Cancelled,
    /// The gate is closing.
    Closed,
}

impl FailureKind {
    /// Whether the same request can succeed when it is sent again.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Overloaded
                | Self::Server
                | Self::Connection
                | Self::Timeout
                | Self::Truncated
        )
    }

    /// Whether it says something about the provider's health, for the circuit breaker.
    #[must_use]
    pub fn is_the_providers(self) -> bool {
        self.is_transient() || self == Self::Malformed
    }
}

/// A request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened, with the value that was refused; keys never stand in it.
    pub message: String,
    /// How long the provider asks to wait, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// A failure of a kind.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after_ms: None }
    }

    /// What a status other than success means, with the beginning of the body.
    #[must_use]
    pub fn of_status(status: u16, body: &str) -> Self {
        let kind = match status {
            401 | 403 => FailureKind::Unauthorized,
            408 => FailureKind::Timeout,
            429 => FailureKind::RateLimited,
            503 | 529 => FailureKind::Overloaded,
            500.. => FailureKind::Server,
            _ => FailureKind::Rejected,
        };
        Self::new(kind, format!("the provider answered {status}: {}", shorten(&said_in(body))))
    }
}

/// The message inside an error body in any of the providers' shapes, or the body itself.
fn said_in(body: &str) -> String {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(body) else {
        return body.trim().to_owned();
    };
    let error = value.get("error").unwrap_or(&value);
    let message = error.get("message").unwrap_or(error);
    message.as_str().map_or_else(|| message.to_string(), str::to_owned)
}

/// At most 300 characters of a foreign text, without control characters.
pub(crate) fn shorten(text: &str) -> String {
    const KEPT: usize = 300;
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = clean.take(KEPT).collect();
    if text.chars().count() > KEPT {
        short.push('…');
    }
    short
}
