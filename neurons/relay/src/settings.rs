//! How a wire over TCP is set up.

use std::time::Duration;

/// Which of the two sides waits for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Waits at an address such as `127.0.0.1:7700`; port 0 lets the system choose one.
    Listen(String),
    /// Goes to an address such as `brain.example:7700`, again and again until somebody answers.
    Connect(String),
}

/// What moves the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// io_uring where the start-up probe finds it faster, mio otherwise.
    #[default]
    Auto,
    /// Readiness by the system's poll (epoll, kqueue): works everywhere.
    Mio,
    /// Completions by io_uring: Linux only; refused where the kernel refuses it.
    Uring,
}

/// Everything that can be set; `..TcpSettings::default()` fills in what is usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpSettings {
    /// What moves the bytes.
    pub backend: Backend,
    /// Bytes that may wait in each direction, 64 KiB to 1 GiB. Default 4 MiB.
    pub buffer: usize,
    /// Bytes of the longest payload that is sent or accepted, at most a quarter of the buffer. Default 1 MiB.
    pub max_payload: usize,
    /// Time until the second attempt to connect; it doubles with each further one. Default 10 ms.
    pub backoff_first: Duration,
    /// The longest time between two attempts. Default 2 s.
    pub backoff_most: Duration,
    /// Where the jitter of those times is drawn from.
    pub seed: u64,
    /// A sign of life is sent after so long without anything else. Default 500 ms.
    pub heartbeat: Duration,
    /// A connection over which nothing has come for so long is cut. Default 3 s.
    pub silence: Duration,
    /// Whether the wire ends when the other side says that it is done; otherwise it waits for the next. Default false.
    pub ends_with_peer: bool,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            backend: Backend::Auto,
            buffer: 4 << 20,
            max_payload: 1 << 20,
            backoff_first: Duration::from_millis(10),
            backoff_most: Duration::from_secs(2),
            seed: 0,
            heartbeat: Duration::from_millis(500),
            silence: Duration::from_secs(3),
            ends_with_peer: false,
        }
    }
}

/// Why a wire was not set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TcpError {
    /// A number is outside its range.
    #[error("tcp: {key} = {value} is refused: it must be {expected}")]
    Range {
        /// The field.
        key: &'static str,
        /// What was given.
        value: usize,
        /// What is accepted.
        expected: &'static str,
    },
    /// A time is outside its range.
    #[error("tcp: {key} = {value:?} is refused: it must be {expected}")]
    Time {
        /// The field.
        key: &'static str,
        /// What was given.
        value: Duration,
        /// What is accepted.
        expected: &'static str,
    },
    /// The address cannot be listened at.
    #[error("tcp: cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The back end that was asked for does not work here.
    #[error("tcp: the back end {backend} does not work here: {reason}")]
    Backend {
        /// Its name.
        backend: &'static str,
        /// What the system says.
        reason: String,
    },
    /// The thread of the wire could not be started.
    #[error("tcp: the thread of the wire could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

impl TcpSettings {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), TcpError> {
        let range = |ok: bool, key, value, expected| {
            if ok { Ok(()) } else { Err(TcpError::Range { key, value, expected }) }
        };
        let buffer = (64 << 10..=1 << 30).contains(&self.buffer);
        range(buffer, "buffer", self.buffer, "64 KiB to 1 GiB")?;
        let payload = self.max_payload <= self.buffer / 4;
        range(payload, "max_payload", self.max_payload, "at most a quarter of the buffer")?;
        let time = |ok: bool, key, value, expected| {
            if ok { Ok(()) } else { Err(TcpError::Time { key, value, expected }) }
        };
        let beat = self.heartbeat >= Duration::from_millis(1);
        time(beat, "heartbeat", self.heartbeat, "at least 1 ms")?;
        let silence = self.silence >= self.heartbeat.saturating_mul(2);
        time(silence, "silence", self.silence, "at least twice the heartbeat")
    }
}
