//! `kind = "events"` and `kind = "handler"`: events come in as lines of JSON, and leave where they are handled.

use std::path::PathBuf;

use neuronbus_host::{EventSettings, LineSource};

use crate::region::{Input, read_input};
use crate::table::Table;

/// A stream of events, as a description has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsPlan {
    /// Where they come from.
    pub input: Input,
    /// The longest line, in bytes.
    pub max_line: usize,
    /// Events that may wait between the reader and the cortex.
    pub slots: usize,
}

impl EventsPlan {
    pub(crate) fn read(table: &Table<'_, '_>) -> Self {
        let usual = EventSettings::default();
        Self {
            input: read_input(table),
            max_line: table.bytes("max-line", 64..=16 << 20).unwrap_or(usual.max_line),
            slots: table.whole("slots", 1..=1 << 20).unwrap_or(usual.slots),
        }
    }

    pub(crate) fn settings(&self, input: Option<LineSource>, seed: u64) -> EventSettings {
        let (max_line, slots) = (self.max_line, self.slots);
        let source = input.unwrap_or_else(|| self.input.source());
        EventSettings { source, max_line, slots, seed }
    }
}

/// The way out for events, as a description has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerPlan {
    /// How many events may wait to be collected.
    pub bound: usize,
    /// A file that whoever collects them writes them to, as lines of JSON.
    pub output: Option<PathBuf>,
}

impl HandlerPlan {
    pub(crate) fn read(table: &Table<'_, '_>) -> Self {
        Self {
            bound: table.whole("bound", 1..=1 << 24).unwrap_or(1 << 16),
            output: table.text("output").map(|path| path.value.into()),
        }
    }

    pub(crate) fn summary(&self) -> String {
        let bound = self.bound;
        match &self.output {
            Some(path) => format!("events leave here, into {}; up to {bound} wait", path.display()),
            None => format!("events leave here, up to {bound} wait"),
        }
    }
}
