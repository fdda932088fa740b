//! This machine as a region: one neuron a signal, one a template of followed log lines, and a door that samples.

use std::path::PathBuf;
use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::neuron::Neuron;
use neuronbus::region::Region;

use crate::band::{BandError, BandSettings};
use crate::host_gate::HostGate;
use crate::kind::SenseKind;
use crate::proc::Sampler;
use crate::sense::SenseNeuron;
use crate::topic::TopicNeuron;

/// What the names of followed lines' neurons begin with; no signal's name does.
pub const LOG_PREFIX: &str = "log:";

/// What to sense, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct HostSettings {
    /// Time between two samples, 10 ms to 1 hour. Default 1 s.
    pub period: Duration,
    /// Which senses are on. Default all.
    pub senses: Vec<SenseKind>,
    /// The kernel's process directory, or another of its layout. Default `/proc`.
    pub root: PathBuf,
    /// The kernel's device directory, or another of its layout. Default `/sys`.
    pub sys: PathBuf,
    /// Log files to follow from their end; they may be missing, rotated or cut. Default none.
    pub follow: Vec<PathBuf>,
    /// The bands of the signals; each kind has a least width of its own on top.
    pub band: BandSettings,
    /// Neurons for signals, 1 to 16,384. Default 512.
    pub max_signals: usize,
    /// Neurons for templates of log lines, 1 to 16,384; the others share `log:(other)`. Default 512.
    pub max_topics: usize,
    /// Slots of the ring between the thread and the cortex, a power of two. Default 4,096.
    pub slots: usize,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(1),
            senses: SenseKind::ALL.to_vec(),
            root: PathBuf::from("/proc"),
            sys: PathBuf::from("/sys"),
            follow: Vec::new(),
            band: BandSettings::default(),
            max_signals: 512,
            max_topics: 512,
            slots: 4096,
        }
    }
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HostSettingsError {
    /// The period is outside its range.
    #[error("senses: a period of {0:?} is refused: it must last between 10 ms and 1 hour")]
    Period(Duration),
    /// A number is outside its range.
    #[error("senses: {key} = {value} is refused: it must be {expected}")]
    Range {
        /// The field.
        key: &'static str,
        /// What was given.
        value: usize,
        /// What is accepted, in words.
        expected: &'static str,
    },
    /// The band is refused.
    #[error("senses: {0}")]
    Band(#[from] BandError),
}

impl HostSettings {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), HostSettingsError> {
        if !(Duration::from_millis(10)..=Duration::from_secs(3600)).contains(&self.period) {
            return Err(HostSettingsError::Period(self.period));
        }
        let range = |ok: bool, key, value, expected| {
            if ok { Ok(()) } else { Err(HostSettingsError::Range { key, value, expected }) }
        };
        let bounds = [("max_signals", self.max_signals), ("max_topics", self.max_topics)];
        for (key, value) in bounds {
            range((1..=16_384).contains(&value), key, value, "1 to 16384")?;
        }
        let slots = self.slots;
        let slots_fit = slots.is_power_of_two() && (2..=1 << 20).contains(&slots);
        range(slots_fit, "slots", slots, "a power of two from 2 to 1048576")?;
        self.band.check()?;
        Ok(())
    }

    /// The names of the signals that are there now.
    fn signals(&self) -> Vec<String> {
        let mut sampler = Sampler::new(&self.senses, &self.root, &self.sys);
        let mut signals = Vec::new();
        sampler.sample(Duration::ZERO, &mut |reading| signals.push(reading.signal.to_owned()));
        signals.truncate(self.max_signals);
        signals
    }
}

/// The regions of this machine's senses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostRegion {
    /// One neuron a signal or template.
    pub senses: RegionId,
    /// The door that samples.
    pub door: RegionId,
}

/// Adds this machine's senses to a topology: agents at `path`, one for each signal that is there now and one for each
/// that turns up later, and a door at `path/door`.
///
/// What is not there is a note in the door's account. Settings out of range are refused by the door when the run
/// begins; [`HostSettings::check`] says so before.
pub fn host(builder: &mut CortexBuilder, path: &str, settings: &HostSettings) -> HostRegion {
    let band = settings.band;
    // One more than asked for: the topic that takes what finds no room.
    let bound = settings.max_signals.saturating_add(settings.max_topics).saturating_add(1);
    let region = Region::agents(path).template(bound, move |name| neuron(name, &band));
    let signals = settings.signals();
    let region =
        signals.iter().fold(region, |region, name| region.boxed(name, neuron(name, &band)));
    let senses = builder.region(region);
    let door = format!("{path}/door");
    let gate = HostGate::new(&door, senses, settings.clone());
    HostRegion { senses, door: builder.region(Region::gated(&door, gate)) }
}

fn neuron(name: &str, band: &BandSettings) -> Box<dyn Neuron> {
    match SenseKind::of_signal(name) {
        Some(kind) => Box::new(SenseNeuron::new(kind, kind.band(name, band))),
        None => Box::new(TopicNeuron::new(0, *band)),
    }
}
