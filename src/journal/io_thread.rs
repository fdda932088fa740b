//! The thread that writes what is sealed while nobody waits for it.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::error::JournalError;
use super::options::Options;
use super::progress::Shared;
use crate::axon::WaitStrategy;
use crate::sync::{Arc, Relaxed, sleep};

/// How long it waits for room on a full disk before it tries again.
const FULL_PAUSE: Duration = Duration::from_millis(50);

/// Windows without anything after which it sleeps until it is rung for, which costs the owner a system call.
const QUIET_WINDOWS: u32 = 20;

pub(super) fn start(shared: Arc<Shared>, options: &Options) -> io::Result<JoinHandle<()>> {
    let (level, window) = (options.level, options.window);
    Builder::new().name("journal".to_owned()).spawn(move || {
        let mut quiet = 0;
        // bound: the owner says when it ends
        loop {
            let (seen, ending) = (shared.bell.count(), shared.ending.load(Relaxed) != 0);
            match shared.work(level) {
                Ok(true) => quiet = 0,
                Ok(false) | Err(JournalError::NoSpace { .. }) if ending => return,
                Ok(false) if shared.tidy() => {}
                Ok(false) if quiet < QUIET_WINDOWS => {
                    quiet += 1;
                    sleep(window);
                }
                Ok(false) => {
                    shared.bell.wait(seen, WaitStrategy::YieldThenPark, None);
                }
                Err(JournalError::NoSpace { .. }) => sleep(FULL_PAUSE),
                Err(_) => return,
            }
        }
    })
}
