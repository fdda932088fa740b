//! Cancelling: once, with a reason, and whoever waits is woken.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Inner {
    reason: OnceLock<String>,
    bell: Notify,
}

/// Asks one piece of work to stop; clones ask the same.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<Inner>);

impl CancelToken {
    /// A token that nobody has used yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels. True for the first, whose reason is kept; later calls change nothing.
    pub fn cancel(&self, reason: impl Into<String>) -> bool {
        let first = self.0.reason.set(reason.into()).is_ok();
        self.0.bell.notify_waiters();
        first
    }

    /// Why it was cancelled, once it was.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }

    /// Waits until it is cancelled; at once if it was.
    pub fn cancelled(&self) -> impl Future<Output = String> + Send + use<> {
        let inner = self.0.clone();
        async move {
            loop {
                let rung = inner.bell.notified();
                // Looked at after asking to be woken, so that no call falls between.
                if let Some(reason) = inner.reason.get() {
                    return reason.clone();
                }
                rung.await;
            }
        }
    }
}
