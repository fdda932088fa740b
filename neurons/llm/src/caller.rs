//! How the thread of a gate wakes the cortex.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use neuronbus::axon::Doorbell;
use tokio::sync::Notify;

/// Calls the cortex when pieces wait for it: once for all that one turn of the event loop has read, and not again
/// before it has come. With many streams, a ring for each piece would wake it for each.
pub(crate) struct Caller {
    bell: Arc<Doorbell>,
    posted: Notify,
    called: AtomicBool,
}

impl Caller {
    pub(crate) fn new(bell: Arc<Doorbell>) -> Self {
        Self { bell, posted: Notify::new(), called: AtomicBool::new(false) }
    }

    /// Something waits for the cortex.
    pub(crate) fn posted(&self) {
        self.posted.notify_one();
    }

    /// Rings for what was posted, for ever; a task of its own. A task that is woken goes behind those that are ready,
    /// so what they post is there when it rings.
    pub(crate) async fn call(&self) {
        loop {
            self.posted.notified().await;
            // Both sides exchange, so whoever is second sees the other: the piece is taken, or the bell rung for it.
            if !self.called.swap(true, Ordering::AcqRel) {
                self.bell.ring();
            }
        }
    }

    /// The cortex has come, and takes what there is.
    pub(crate) fn answered(&self) {
        self.called.swap(false, Ordering::AcqRel);
    }
}
