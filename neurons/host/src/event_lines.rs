//! A stream of events as a region: each line is an event in JSON.

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::region::Region;

use crate::event_gate::EventGate;
use crate::lines::{LineSettingsError, LineSource};

/// What to read, and how.
#[derive(Debug)]
pub struct EventSettings {
    /// Where events come from. Default standard input.
    pub source: LineSource,
    /// Bytes of the longest line that is read, 64 to 16,777,216. Default 1,048,576.
    pub max_line: usize,
    /// Events that may wait between the thread and the cortex, 1 to 1,048,576. Default 1,024.
    pub slots: usize,
    /// Of the ids of events that have none. Default 0.
    pub seed: u64,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self { source: LineSource::default(), max_line: 1 << 20, slots: 1024, seed: 0 }
    }
}

impl EventSettings {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), LineSettingsError> {
        let range = |ok: bool, key, value, expected| {
            if ok { Ok(()) } else { Err(LineSettingsError::Range { key, value, expected }) }
        };
        let (line, slots) = (self.max_line, self.slots);
        range((64..=1 << 24).contains(&line), "max_line", line, "64 to 16777216 bytes")?;
        range((1..=1 << 20).contains(&slots), "slots", slots, "1 to 1048576 events")
    }
}

/// Adds a stream of events to a topology: a door at `path` that fires the record of each event over its own synapses,
/// at the event's own time (`time_us`, counted from the first that has one); one without a time is a millisecond after
/// the one before.
///
/// The same stream gives the same run, ids included. Settings out of range are refused by the door when the run begins.
///
/// ```
/// use neuronbus::prelude::*;
/// use neuronbus_host::{EventSettings, LineSource, events, handler};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text: &[u8] = b"{\"topic\": \"door.open\", \"key\": \"front\", \"body\": {\"by\": \"ada\"}}\n";
/// let source = LineSource::Reader(Box::new(text));
/// let mut builder = Cortex::builder();
/// let door = events(&mut builder, "senses/events", EventSettings { source, ..Default::default() });
/// let (desk, handled) = handler(&mut builder, "desk", 16);
/// builder.project(door, desk, Projection::all_to_all()).pace(Pace::Free);
/// builder.build()?.run()?;
/// assert_eq!(handled.drain()[0].event["body"]["by"], "ada");
/// # Ok(())
/// # }
/// ```
pub fn events(builder: &mut CortexBuilder, path: &str, settings: EventSettings) -> RegionId {
    builder.region(Region::gated(path, EventGate::new(path, settings)))
}
