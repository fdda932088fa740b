//! What the command line says.

use std::path::PathBuf;

/// Whether to measure or only to see that everything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scale {
    smoke: bool,
}

impl Scale {
    /// How much of something: the full amount, or the one for a moment.
    #[must_use]
    pub const fn of(self, full: u64, smoke: u64) -> u64 {
        if self.smoke { smoke } else { full }
    }

    /// The option that asks another process for the same.
    #[must_use]
    pub const fn argument(self) -> Option<&'static str> {
        if self.smoke { Some("--smoke") } else { None }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long to measure.
    pub scale: Scale,
    /// Where the figures go besides the printed tables.
    pub json: Option<PathBuf>,
    /// Measure one thing in this process and print it for the process that asked; not for people.
    pub alone: Option<String>,
    /// Beginnings of names; all if none is given.
    only: Vec<String>,
}

const USAGE: &str = "usage: cargo bench -p neuronbus-benches -- [--smoke] [--json FILE] [NAME]...\n\
    NAME is the beginning of what is to be measured, as `axon` or `agents/ring`";

impl Options {
    /// Reads arguments; what cargo adds of its own (`--bench`) is passed over.
    ///
    /// # Errors
    /// How it is used, if it is not used so.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "--smoke" => options.scale.smoke = true,
                "--json" => options.json = Some(value()?.into()),
                "--alone" => options.alone = Some(value()?),
                "--bench" => {}
                option if option.starts_with('-') => {
                    return Err(format!("there is no option {option}\n{USAGE}"));
                }
                _ => options.only.push(argument),
            }
        }
        Ok(options)
    }

    /// Whether something of this name is to be measured.
    #[must_use]
    pub fn asks_for(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only.as_str()))
    }
}
