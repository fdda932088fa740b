//! `[[region]]`: one kind of region a table, and what each kind may be told.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use neuronbus::brain::{Direction, Door};
use neuronbus_host::{
    BandSettings, HostSettings, LineFormat, LineSettingsError, LineSource, ReflexSettings,
    SenseKind,
};

use crate::brain::RegionRead;
use crate::concepts::ConceptsPlan;
use crate::events::{EventsPlan, HandlerPlan};
use crate::files::Files;
use crate::journal::JournalPlan;
use crate::mistake::Code;
use crate::population::PopulationPlan;
use crate::recall::{ContextPlan, MemoryPlan};
use crate::sheet::Located;
use crate::spelling;
use crate::table::Table;
use crate::tract::TractPlan;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Neurons of a region, as the families allow: ids are 16 bits, and other regions need some.
const HOST_NEURONS: RangeInclusive<u64> = 1..=16_384;
const TOPICS: RangeInclusive<u64> = 1..=32_768;

/// One region of a description.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionPlan {
    /// Its path, such as `senses/host`.
    pub path: String,
    /// What it is.
    pub kind: RegionKind,
}

/// What a region of a description can be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RegionKind {
    /// Senses of this machine.
    Host(HostSettings),
    /// A stream of lines; each topic is a neuron.
    Lines(LinesPlan),
    /// A stream of events, with all that they say.
    Events(EventsPlan),
    /// Neurons that gather evidence and raise an alert.
    Reflex(ReflexSettings),
    /// The door through which alerts leave.
    Alerts {
        /// How many alerts may wait to be collected.
        bound: usize,
    },
    /// The door through which events leave.
    Handler(HandlerPlan),
    /// What texts can be about, a neuron each.
    Concepts(ConceptsPlan),
    /// A hippocampus: what was seen before.
    Memory(MemoryPlan),
    /// A working memory: what is known now.
    Context(ContextPlan),
    /// Plain cells.
    Population(PopulationPlan),
    /// A wire to another cortex.
    Tract(TractPlan),
    /// A gate for other processes, in or out.
    Door(Door),
    /// What another brain recorded.
    Journal(JournalPlan),
}

impl RegionKind {
    /// The name of the kind, as a description writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            RegionKind::Host(_) => "host",
            RegionKind::Lines(_) => "lines",
            RegionKind::Events(_) => "events",
            RegionKind::Reflex(_) => "reflex",
            RegionKind::Alerts { .. } => "alerts",
            RegionKind::Handler(_) => "handler",
            RegionKind::Concepts(_) => "concepts",
            RegionKind::Memory(_) => "memory",
            RegionKind::Context(_) => "context",
            RegionKind::Population(_) => "population",
            RegionKind::Tract(_) => "tract",
            RegionKind::Journal(_) => "journal",
            RegionKind::Door(door) => match door.direction() {
                Direction::Sensory => "sensory",
                Direction::Motor => "motor",
            },
        }
    }

    /// What the family puts below it.
    pub(crate) fn parts(&self) -> &'static [&'static str] {
        match self {
            RegionKind::Host(_) | RegionKind::Lines(_) | RegionKind::Tract(_) => &["door"],
            RegionKind::Concepts(_) => &["reader", "encoder"],
            _ => &[],
        }
    }

    /// Whether it reads what reaches it and adds to its own membranes, so that what arrives must add nothing.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self, RegionKind::Concepts(_) | RegionKind::Memory(_) | RegionKind::Context(_))
    }

    /// Where it reads from, if it is a stream.
    pub(crate) fn input(&self) -> Option<&Input> {
        match self {
            RegionKind::Lines(plan) => Some(&plan.input),
            RegionKind::Events(plan) => Some(&plan.input),
            _ => None,
        }
    }

    pub(crate) fn reads_standard_input(&self) -> bool {
        self.input() == Some(&Input::Standard)
    }
}

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input, to its end.
    Standard,
    /// A file, once or for as long as it grows.
    File {
        /// The file.
        path: PathBuf,
        /// Whether to wait for more at its end.
        follow: bool,
    },
}

impl Input {
    pub(crate) fn source(&self) -> LineSource {
        match self {
            Self::Standard => LineSource::Stdin,
            Self::File { path, follow } => LineSource::File { path: path.clone(), follow: *follow },
        }
    }

    /// Where it is, in a few words.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Standard => "standard input".to_owned(),
            Self::File { path, follow: false } => path.display().to_string(),
            Self::File { path, follow: true } => format!("{}, followed", path.display()),
        }
    }
}

/// How lines are read; the same keys as the family's settings, in a form that can be compared and cloned.
#[derive(Debug, Clone, PartialEq)]
pub struct LinesPlan {
    /// Where they come from.
    pub input: Input,
    /// What a line is.
    pub format: LineFormat,
    /// The JSON field that names the topic.
    pub topic_field: String,
    /// The JSON field with the time in milliseconds.
    pub time_field: String,
    /// JSON fields that may say how severe a line is; the first that is there counts.
    pub severity_fields: Vec<String>,
    /// JSON fields whose numbers are watched.
    pub numbers: Vec<String>,
    /// When a watched number has left its usual range.
    pub band: BandSettings,
    /// How many topics get a neuron.
    pub max_topics: usize,
    /// The longest line, in bytes.
    pub max_line: usize,
    /// Lines that may wait between the reader and the cortex.
    pub slots: usize,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Host,
    Lines,
    Events,
    Reflex,
    Alerts,
    Handler,
    Concepts,
    Memory,
    Context,
    Population,
    Tract,
    Sensory,
    Motor,
    Journal,
}

const KINDS: [(&str, Kind); 14] = [
    ("host", Kind::Host),
    ("lines", Kind::Lines),
    ("events", Kind::Events),
    ("reflex", Kind::Reflex),
    ("alerts", Kind::Alerts),
    ("handler", Kind::Handler),
    ("concepts", Kind::Concepts),
    ("memory", Kind::Memory),
    ("context", Kind::Context),
    ("population", Kind::Population),
    ("tract", Kind::Tract),
    ("sensory", Kind::Sensory),
    ("motor", Kind::Motor),
    ("journal", Kind::Journal),
];

impl RegionPlan {
    /// What a table says; its path is returned even if the rest is wrong.
    pub(crate) fn read(table: Table<'_, '_>, files: &Files) -> RegionRead {
        table.require("path", "a path such as \"senses/host\"");
        table.require("kind", &spelling::list(&KINDS.map(|(name, _)| name)));
        let path = table.text("path").filter(|path| check_path(&table, path));
        let Some(kind) = table.choice("kind", &KINDS) else {
            table.abandon();
            return RegionRead { path, plan: None };
        };
        let kind = match kind {
            Kind::Host => RegionKind::Host(read_host(&table)),
            Kind::Lines => RegionKind::Lines(read_lines(&table)),
            Kind::Events => RegionKind::Events(EventsPlan::read(&table)),
            Kind::Reflex => RegionKind::Reflex(read_reflex(&table)),
            Kind::Handler => RegionKind::Handler(HandlerPlan::read(&table)),
            Kind::Concepts => RegionKind::Concepts(ConceptsPlan::read(&table, files)),
            Kind::Memory => RegionKind::Memory(MemoryPlan::read(&table)),
            Kind::Context => RegionKind::Context(ContextPlan::read(&table)),
            Kind::Population => match PopulationPlan::read(&table) {
                Some(plan) => RegionKind::Population(plan),
                None => {
                    table.abandon();
                    return RegionRead { path, plan: None };
                }
            },
            Kind::Tract => RegionKind::Tract(TractPlan::read(&table)),
            Kind::Alerts => {
                RegionKind::Alerts { bound: table.whole("bound", 1..=1 << 20).unwrap_or(1024) }
            }
            Kind::Sensory => RegionKind::Door(read_door(&table, Door::sensory())),
            Kind::Motor => RegionKind::Door(read_door(&table, Door::motor())),
            Kind::Journal => RegionKind::Journal(JournalPlan::read(&table)),
        };
        table.finish();
        let plan = path.as_ref().map(|path| RegionPlan { path: path.value.clone(), kind });
        RegionRead { path, plan }
    }
}

/// The runtime's rule for paths, told before anything is built.
fn check_path(table: &Table<'_, '_>, path: &Located<String>) -> bool {
    let part_ok = |part: &str| {
        let ok = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(ok)
    };
    let right = path.value.len() <= 256 && path.value.split('/').all(part_ok);
    if !right {
        let expected =
            "parts of letters, digits, '-', '_' and '.' joined by '/', at most 256 bytes";
        table.sheet().wrong(Code::OutOfRange, &path.place, expected);
    }
    right
}

fn read_host(table: &Table<'_, '_>) -> HostSettings {
    let usual = HostSettings::default();
    let all: Vec<&str> = SenseKind::ALL.iter().map(|sense| sense.name()).collect();
    HostSettings {
        period: table.duration("period", Duration::from_millis(10)..=HOUR).unwrap_or(usual.period),
        senses: table.names("senses", &all).unwrap_or(usual.senses),
        follow: table.texts("follow").into_iter().map(|file| PathBuf::from(file.value)).collect(),
        root: table.text("proc").map_or(usual.root, |path| PathBuf::from(path.value)),
        sys: table.text("sys").map_or(usual.sys, |path| PathBuf::from(path.value)),
        max_signals: table.whole("max-signals", HOST_NEURONS).unwrap_or(usual.max_signals),
        max_topics: table.whole("max-topics", HOST_NEURONS).unwrap_or(usual.max_topics),
        band: read_band(table, usual.band),
        slots: table.slots("slots").unwrap_or(usual.slots),
    }
}

fn read_lines(table: &Table<'_, '_>) -> LinesPlan {
    const FORMATS: [(&str, LineFormat); 4] = [
        ("auto", LineFormat::Auto),
        ("jsonl", LineFormat::Jsonl),
        ("text", LineFormat::Text),
        ("mined", LineFormat::Mined),
    ];
    let usual = neuronbus_host::LineSettings::default();
    let field = |key, usual: String| table.text(key).map_or(usual, |text| text.value);
    let fields = |key| table.texts(key).into_iter().map(|text| text.value).collect::<Vec<_>>();
    let severity_fields = if table.has("severity-fields") {
        fields("severity-fields")
    } else {
        usual.severity_fields
    };
    let numbers = fields("numbers");
    if numbers.len() > neuronbus_host::NUMBERS_MAX {
        let expected = format!("at most {} fields", neuronbus_host::NUMBERS_MAX);
        table.sheet().wrong(Code::OutOfRange, &table.place_of("numbers"), expected);
    }
    let plan = LinesPlan {
        input: read_input(table),
        format: table.choice("format", &FORMATS).unwrap_or_default(),
        topic_field: field("topic-field", usual.topic_field),
        time_field: field("time-field", usual.time_field),
        severity_fields,
        numbers,
        band: read_band(table, usual.band),
        max_topics: table.whole("max-topics", TOPICS).unwrap_or(usual.max_topics),
        max_line: table.bytes("max-line", 64..=256 << 20).unwrap_or(usual.max_line),
        slots: table.slots("slots").unwrap_or(usual.slots),
    };
    // What the keys say one by one has been judged; whether one field has two meanings has not.
    let settings = plan.settings(None, None);
    if let Err(why @ (LineSettingsError::Empty { .. } | LineSettingsError::Twice { .. })) =
        settings.check()
    {
        let expected = format!("names of fields, each with one meaning ({why})");
        table.sheet().absent(Code::Contradiction, table.place(), expected);
    }
    plan
}

pub(crate) fn read_input(table: &Table<'_, '_>) -> Input {
    let path = table.text("input");
    let follow = table.flag("follow");
    match path {
        Some(path) if path.value != "-" => Input::File { path: path.value.into(), follow },
        _ => {
            if follow {
                let expected = "a file in `input`: standard input cannot be followed past its end";
                table.sheet().wrong(Code::Contradiction, &table.place_of("follow"), expected);
            }
            Input::Standard
        }
    }
}

fn read_door(table: &Table<'_, '_>, mut door: Door) -> Door {
    if let Some(slots) = table.slots("slots") {
        door = door.slots(slots);
    }
    if let Some(bytes) = table.bytes("payloads", 64 << 10..=64 << 30) {
        door = door.payloads(bytes);
    }
    match door.direction() {
        Direction::Sensory => table.whole("lanes", 1..=256).map_or(door, |lanes| door.lanes(lanes)),
        Direction::Motor => {
            table.whole("readers", 1..=1024).map_or(door, |readers| door.readers(readers))
        }
    }
}

fn read_reflex(table: &Table<'_, '_>) -> ReflexSettings {
    let usual = ReflexSettings::default();
    let no_pause = Duration::ZERO;
    let window = table.duration("window", Duration::from_nanos(1)..=DAY);
    let threshold = table.positive("threshold", 1e6);
    ReflexSettings {
        window: window.unwrap_or(usual.window),
        threshold: threshold.map_or(usual.threshold, |threshold| threshold as f32),
        refractory: table.duration("refractory", no_pause..=DAY).unwrap_or(usual.refractory),
        evidence: table.whole("evidence", 0..=4096).unwrap_or(usual.evidence),
    }
}

/// How far a value must stray from where it usually is before its neuron fires.
fn read_band(table: &Table<'_, '_>, usual: BandSettings) -> BandSettings {
    let Some(band) = table.table("band") else { return usual };
    let settings = BandSettings {
        warm_up: band.whole("warm-up", 1..=1_000_000).unwrap_or(usual.warm_up),
        rate: band.positive("rate", 1.0).unwrap_or(usual.rate),
        width: band.positive("width", 1e6).unwrap_or(usual.width),
        absolute: band.real("absolute", 0.0..=1e18).unwrap_or(usual.absolute),
        relative: band.real("relative", 0.0..=1e6).unwrap_or(usual.relative),
    };
    if let Err(why) = settings.check() {
        table.sheet().wrong(
            Code::OutOfRange,
            band.place(),
            format!("a band that makes sense ({why})"),
        );
    }
    band.finish();
    settings
}
