//! A circuit breaker: after failures in a row, requests are refused for a while, then one is tried.
//!
//! ```text
//! closed --(so many failures in a row)--> open --(pause over)--> half open --(success)--> closed
//!                                          ^------------------------|(failure)
//! ```

use std::time::Duration;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures in a row open it. Default 5; 0 never opens.
    pub failures: u32,
    /// After this it tries one request. Default 10 s.
    pub pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, pause: Duration::from_secs(10) }
    }
}

/// What a breaker does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets everything through; so many failed in a row.
    Closed(u32),
    /// Refuses until this time.
    Open(Duration),
    /// One request is on trial; others are refused.
    HalfOpen,
}

/// The state machine; time is handed in, as time since any fixed moment.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: BreakerState,
    opened: u64,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: BreakerState::Closed(0), opened: 0 }
    }

    /// Whether a request may be sent now; who gets true says afterwards how it went.
    pub fn admits(&mut self, now: Duration) -> bool {
        match self.state {
            BreakerState::Closed(_) => true,
            BreakerState::Open(until) if now >= until => {
                self.state = BreakerState::HalfOpen;
                true
            }
            BreakerState::Open(_) | BreakerState::HalfOpen => false,
        }
    }

    /// A request succeeded, or failed in a way that says nothing about the provider's health.
    pub fn succeeded(&mut self) {
        self.state = BreakerState::Closed(0);
    }

    /// The provider failed.
    pub fn failed(&mut self, now: Duration) {
        let failures = match self.state {
            BreakerState::Closed(failures) => failures + 1,
            BreakerState::HalfOpen => self.settings.failures,
            // Sent before it opened.
            BreakerState::Open(_) => return,
        };
        if self.settings.failures > 0 && failures >= self.settings.failures {
            self.state = BreakerState::Open(now + self.settings.pause);
            self.opened += 1;
        } else {
            self.state = BreakerState::Closed(failures);
        }
    }

    /// A request on trial was given up by us: the next one is tried.
    pub fn abandoned(&mut self, now: Duration) {
        if self.state == BreakerState::HalfOpen {
            self.state = BreakerState::Open(now);
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// How often it opened.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opened
    }
}
