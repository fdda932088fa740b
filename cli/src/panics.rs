//! One line for a panic. The runtime isolates a neuron that panics, so this is news and not the end.

use std::io::Write;
use std::panic::PanicHookInfo;

use crate::view;

pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let line = describe(info);
        // Panicking again in here would abort the process and take the other neurons along.
        let _ = writeln!(std::io::stderr().lock(), "{}neuronbus: {line}", view::make_room());
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let message = info.payload_as_str().unwrap_or("(no message)");
    let first = message.lines().next().unwrap_or_default();
    let place = info.location().map(|at| format!(" at {at}")).unwrap_or_default();
    format!("panic in thread {}{place}: {first}", thread.name().unwrap_or("(unnamed)"))
}
