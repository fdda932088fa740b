//! A stream of lines as a region: one neuron a topic, and a door that reads.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::region::Region;

use crate::band::{BandError, BandSettings};
use crate::intake::LineFormat;
use crate::line_gate::LineGate;
use crate::line_payload::NUMBERS_MAX;
use crate::line_record::Fields;
use crate::topic::TopicNeuron;

/// Where lines come from.
#[derive(Default)]
pub enum LineSource {
    /// Standard input.
    #[default]
    Stdin,
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether to wait for more at its end, and to go on with the file that replaces it.
        follow: bool,
    },
    /// Anything that can be read.
    Reader(Box<dyn Read + Send>),
}

impl fmt::Debug for LineSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("Stdin"),
            Self::File { path, follow } => {
                f.debug_struct("File").field("path", path).field("follow", follow).finish()
            }
            Self::Reader(_) => f.write_str("Reader"),
        }
    }
}

/// What to read, and how.
#[derive(Debug)]
pub struct LineSettings {
    /// Where lines come from. Default standard input.
    pub source: LineSource,
    /// How they are written. Default: as the first line is.
    pub format: LineFormat,
    /// The JSON field that names a line's topic. Default `topic`.
    pub topic_field: String,
    /// The JSON field with a line's time in milliseconds. Default `ts`.
    pub time_field: String,
    /// JSON fields with a line's severity, a word or a number. Default `level` and `severity`.
    pub severity_fields: Vec<String>,
    /// JSON fields with numbers that go into the spike, at most [`NUMBERS_MAX`]. Default none.
    pub numbers: Vec<String>,
    /// The band in which a topic's number is usual.
    pub band: BandSettings,
    /// Topics that get a neuron of their own, 1 to 32,768; the others share `(other)`. Default 4,096.
    pub max_topics: usize,
    /// Bytes of the longest line that is read, 64 to 268,435,456. Default 1,048,576.
    pub max_line: usize,
    /// Slots of the ring between the thread and the cortex, a power of two. Default 8,192.
    pub slots: usize,
}

impl Default for LineSettings {
    fn default() -> Self {
        let fields = Fields::default();
        Self {
            source: LineSource::default(),
            format: LineFormat::default(),
            topic_field: fields.topic,
            time_field: fields.time,
            severity_fields: fields.severity,
            numbers: fields.numbers,
            band: BandSettings::default(),
            max_topics: 4096,
            max_line: 1 << 20,
            slots: 8192,
        }
    }
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LineSettingsError {
    /// A number is outside its range.
    #[error("lines: {key} = {value} is refused: it must be {expected}")]
    Range {
        /// The field.
        key: &'static str,
        /// What was given.
        value: usize,
        /// What is accepted, in words.
        expected: &'static str,
    },
    /// A name is empty.
    #[error("lines: {key} is empty: it must be the name of a JSON field")]
    Empty {
        /// The field.
        key: &'static str,
    },
    /// One JSON field cannot mean two things.
    #[error("lines: the JSON field {name:?} is given two meanings")]
    Twice {
        /// The JSON field.
        name: String,
    },
    /// The band is refused.
    #[error("lines: {0}")]
    Band(#[from] BandError),
}

impl LineSettings {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), LineSettingsError> {
        let range = |ok: bool, key, value, expected| {
            if ok { Ok(()) } else { Err(LineSettingsError::Range { key, value, expected }) }
        };
        let (topics, line, slots) = (self.max_topics, self.max_line, self.slots);
        range((1..=32_768).contains(&topics), "max_topics", topics, "1 to 32768")?;
        range((64..=1 << 28).contains(&line), "max_line", line, "64 to 268435456 bytes")?;
        let slots_fit = slots.is_power_of_two() && (2..=1 << 20).contains(&slots);
        range(slots_fit, "slots", slots, "a power of two from 2 to 1048576")?;
        let numbers = self.numbers.len();
        range(numbers <= NUMBERS_MAX, "numbers", numbers, "at most 5 fields")?;
        self.band.check()?;
        self.check_names()
    }

    fn check_names(&self) -> Result<(), LineSettingsError> {
        let one = [("topic_field", &self.topic_field), ("time_field", &self.time_field)];
        let severities = self.severity_fields.iter().map(|name| ("severity_fields", name));
        let numbers = self.numbers.iter().map(|name| ("numbers", name));
        let mut seen: Vec<&str> = Vec::new();
        for (key, name) in one.into_iter().chain(severities).chain(numbers) {
            if name.is_empty() {
                return Err(LineSettingsError::Empty { key });
            }
            if seen.contains(&name.as_str()) {
                return Err(LineSettingsError::Twice { name: name.clone() });
            }
            seen.push(name);
        }
        Ok(())
    }

    pub(crate) fn fields(&self) -> Fields {
        Fields {
            topic: self.topic_field.clone(),
            time: self.time_field.clone(),
            severity: self.severity_fields.clone(),
            numbers: self.numbers.clone(),
        }
    }
}

/// The regions of a stream of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRegion {
    /// One neuron a topic, made on first sight.
    pub topics: RegionId,
    /// The door that reads.
    pub door: RegionId,
}

/// Adds a stream of lines to a topology: agents at `path`, which grow with the topics, and a door at `path/door`.
///
/// Settings out of range are refused by the door when the run begins; [`LineSettings::check`] says so before.
pub fn lines(builder: &mut CortexBuilder, path: &str, settings: LineSettings) -> LineRegion {
    let (numbers, band) = (settings.numbers.len(), settings.band);
    // One more than asked for: the topic that takes what finds no room.
    let region = Region::agents(path).template(settings.max_topics.saturating_add(1), move |_| {
        Box::new(TopicNeuron::new(numbers, band))
    });
    let topics = builder.region(region);
    let door = format!("{path}/door");
    let gate = LineGate::new(&door, topics, settings);
    LineRegion { topics, door: builder.region(Region::gated(&door, gate)) }
}
