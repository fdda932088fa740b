//! A circuit breaker: after failures in a row requests are refused for a while, then one is tried.

use std::time::Duration;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures in a row open it. Default 3; 0 never opens.
    pub failures: u32,
    /// After this it tries one request. Default 5 s.
    pub pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 3, pause: Duration::from_secs(5) }
    }
}

/// The state machine; time is handed in, as time since any fixed moment.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    failed: u32,
    /// Refuses until then; `None` while it is closed.
    until: Option<Duration>,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub const fn new(settings: BreakerSettings) -> Self {
        Self { settings, failed: 0, until: None }
    }

    /// How long a request is still refused; `None` lets it through. One that is let through after the pause moves the
    /// pause on, so that it is alone.
    pub fn refuses(&mut self, now: Duration) -> Option<Duration> {
        let until = self.until?;
        if now < until {
            return Some(until - now);
        }
        self.until = Some(now + self.settings.pause);
        None
    }

    /// A request was answered.
    pub const fn succeeded(&mut self) {
        self.failed = 0;
        self.until = None;
    }

    /// A request failed in a way that says that the server does; true if that opened the breaker.
    pub fn failed(&mut self, now: Duration) -> bool {
        self.failed = self.failed.saturating_add(1);
        let opens = self.settings.failures > 0 && self.failed >= self.settings.failures;
        let was_closed = self.until.is_none();
        if opens {
            self.until = Some(now + self.settings.pause);
        }
        opens && was_closed
    }

    /// Whether it refuses now.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_tries_one_after_the_pause_and_closes_when_that_succeeds() {
        let mut breaker = Breaker::new(BreakerSettings { failures: 2, pause: at(10) });
        assert!(!breaker.failed(at(0)));
        breaker.succeeded();
        assert!(!breaker.failed(at(1)) && breaker.failed(at(2)) && breaker.is_open());
        assert_eq!(breaker.refuses(at(5)), Some(at(7)));
        assert_eq!(breaker.refuses(at(12)), None);
        assert_eq!(breaker.refuses(at(12)), Some(at(10)), "one is tried, not two");
        assert!(!breaker.failed(at(13)), "it was open before");
        assert_eq!(breaker.refuses(at(14)), Some(at(9)));
        assert_eq!(breaker.refuses(at(23)), None);
        breaker.succeeded();
        assert_eq!((breaker.refuses(at(23)), breaker.is_open()), (None, false));
    }

    #[test]
    fn one_that_never_opens_never_does() {
        let mut breaker = Breaker::new(BreakerSettings { failures: 0, pause: at(1) });
        assert!((0..100).all(|now| !breaker.failed(at(now))));
        assert_eq!(breaker.refuses(at(100)), None);
    }
}
