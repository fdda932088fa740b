//! The two standard streams: who reads them, and what happens when nobody does.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};

use crate::failure::Failure;
use crate::view;

/// What is known about the streams from the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    stdout_terminal: bool,
    stderr_terminal: bool,
    colour_wanted: bool,
}

impl Console {
    pub(crate) fn new() -> Self {
        let terminals = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self::of(terminals, std::env::var_os("NO_COLOR"), std::env::var_os("TERM"))
    }

    /// Standard output and standard error, and what the environment says (no-color.org: set and not empty).
    fn of(terminals: (bool, bool), no_color: Option<OsString>, term: Option<OsString>) -> Self {
        let unwanted = no_color.is_some_and(|value| !value.is_empty());
        let dumb = term.is_some_and(|term| term == "dumb");
        Self {
            stdout_terminal: terminals.0,
            // A dumb terminal cannot move its cursor: it gets the progress lines of a file.
            stderr_terminal: terminals.1 && !dumb,
            colour_wanted: !unwanted && !dumb,
        }
    }

    pub(crate) fn stderr_is_terminal(self) -> bool {
        self.stderr_terminal
    }

    pub(crate) fn stdout_colour(self) -> bool {
        self.stdout_terminal && self.colour_wanted
    }

    pub(crate) fn stderr_colour(self) -> bool {
        self.stderr_terminal && self.colour_wanted
    }

    /// Writes all of a text to standard output. A reader that has gone away has what it wanted.
    pub(crate) fn write(self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            _ => Ok(()),
        }
    }

    /// A line for people on standard error. If even that fails there is nobody left to tell.
    pub(crate) fn say(self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}neuronbus: {line}", view::make_room());
    }

    /// What went wrong, each line marked as this command's.
    pub(crate) fn complain(self, failure: &Failure) {
        if let Failure::Usage(text) = failure {
            let _ = writeln!(std::io::stderr().lock(), "neuronbus: {}", text.trim_end());
            return;
        }
        for line in failure.to_string().lines() {
            self.say(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        let colours = |terminals, no_color: Option<&str>, term: &str| {
            let console = Console::of(terminals, no_color.map(Into::into), Some(term.into()));
            (console.stdout_colour(), console.stderr_colour())
        };
        assert_eq!(colours((true, true), None, "xterm"), (true, true));
        assert_eq!(colours((false, true), None, "xterm"), (false, true));
        assert_eq!(colours((true, true), Some(""), "xterm"), (true, true));
        assert_eq!(colours((true, true), Some("1"), "xterm"), (false, false));
        assert_eq!(colours((true, true), None, "dumb"), (false, false));
        assert!(!Console::of((true, true), None, Some("dumb".into())).stderr_is_terminal());
    }
}
