//! SIGINT and SIGTERM: the first asks for the end, the second does not wait for it.

use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;
use crate::view;

/// The exit code of shells for a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Enough for a thread that receives a number and sends one on.
const STACK: usize = 64 << 10;

/// Tells of the first signal. The second ends the process on the spot: whatever the others are waiting for, such as a
/// pipe that nobody reads, the user does not wait for it.
pub(crate) fn listen() -> Result<Receiver<()>, Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(Failure::Signals)?;
    let (tell, told) = bounded(1);
    let watch = move || {
        let mut seen = signals.forever();
        if seen.next().is_none() {
            return;
        }
        // The run may have ended by itself; then nobody is told.
        let _ = tell.send(());
        if seen.next().is_some() {
            view::restore_terminal();
            std::process::exit(INTERRUPTED);
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned()).stack_size(STACK);
    thread.spawn(watch).map_err(Failure::Thread)?;
    Ok(told)
}
