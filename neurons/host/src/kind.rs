//! The kinds of signals that a machine has, their names and how much movement of each is ordinary.

use std::fmt;
use std::str::FromStr;

use crate::band::BandSettings;

/// What a sense of this machine measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SenseKind {
    /// `cpu0`..: busy share of each core, 0 to 1.
    Cpu,
    /// `load`: running and waiting threads, mean of a minute.
    Load,
    /// `memory`: used share, 0 to 1.
    Memory,
    /// `swap`: used share, 0 to 1.
    Swap,
    /// `pressure.cpu`, `pressure.memory`, `pressure.io`: percent of time in which somebody waited, mean of 10 s.
    Pressure,
    /// `disk.sda`: bytes read and written a second; `disk.sda.latency`: ms an operation took.
    Disk,
    /// `network.eth0.rx`, `network.eth0.tx`: bytes a second.
    Network,
    /// `switches`: context switches a second.
    Switches,
    /// `forks`: processes and threads started a second.
    Forks,
    /// `files`: used share of the file descriptors the kernel allows, 0 to 1.
    Files,
}

/// Why a word is not a sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is not a sense: cpu, load, memory, swap, pressure, disk, network, switches, forks and files are"
)]
pub struct UnknownSense {
    /// What was given.
    pub name: String,
}

impl SenseKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Cpu,
        Self::Load,
        Self::Memory,
        Self::Swap,
        Self::Pressure,
        Self::Disk,
        Self::Network,
        Self::Switches,
        Self::Forks,
        Self::Files,
    ];

    /// The word for it in settings, and the beginning of its signals' names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Load => "load",
            Self::Memory => "memory",
            Self::Swap => "swap",
            Self::Pressure => "pressure",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Switches => "switches",
            Self::Forks => "forks",
            Self::Files => "files",
        }
    }

    /// The kind of the signal of this name; `None` for names that no sense gives.
    #[must_use]
    pub fn of_signal(signal: &str) -> Option<Self> {
        let word = signal.split('.').next()?.trim_end_matches(|c: char| c.is_ascii_digit());
        word.parse().ok()
    }

    /// The band of a signal: the settings, with the least width at which its movement means something.
    #[must_use]
    pub fn band(self, signal: &str, settings: &BandSettings) -> BandSettings {
        let absolute: f64 = match self {
            Self::Cpu => 0.15,
            Self::Load => 0.5,
            Self::Memory | Self::Swap | Self::Files => 0.01,
            Self::Pressure => 2.0,
            Self::Disk if signal.ends_with(".latency") => 5.0,
            Self::Disk => 1_048_576.0,
            Self::Network => 65_536.0,
            Self::Switches => 1_000.0,
            Self::Forks => 10.0,
        };
        BandSettings { absolute: settings.absolute.max(absolute), ..*settings }
    }
}

impl fmt::Display for SenseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SenseKind {
    type Err = UnknownSense;

    fn from_str(name: &str) -> Result<Self, UnknownSense> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| UnknownSense { name: name.to_owned() })
    }
}
