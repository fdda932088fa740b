//! What the commands on journals may be told.

use std::path::PathBuf;

use clap::ValueHint;

use crate::args::{GraphFormat, ReportFormat};

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayOptions {
    /// Directory of the journal
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) journal: PathBuf,
    /// Build from this description instead of the recorded one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) brain: Option<PathBuf>,
    /// End before this tick
    #[arg(long, value_name = "TICK")]
    pub(crate) until: Option<u64>,
    /// Begin with the newest snapshot from before the end instead of the beginning
    #[arg(long)]
    pub(crate) snapshot: bool,
    /// How fast: max, or a factor such as 1 or 10 with the recorded delays between events
    #[arg(long, value_name = "FACTOR", default_value = "max", value_parser = speed)]
    pub(crate) speed: Factor,
    /// Compute with this many threads, 1 to 64; the result is the same
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// Show this neuron at the end, by its address or name
    #[arg(long, value_name = "NEURON")]
    pub(crate) show: Vec<String>,
    /// Do not compare with the recorded digests and outputs
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Send what gates took in to a running brain instead: its directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "gate")]
    #[arg(conflicts_with_all = ["brain", "snapshot", "workers", "show", "no_verify"])]
    pub(crate) into: Option<PathBuf>,
    /// Sensory gate of the running brain that takes it in
    #[arg(long, value_name = "GATE", requires = "into")]
    pub(crate) gate: Option<String>,
    /// Send only what this recorded gate took in, by its path or id
    #[arg(long, value_name = "GATE", requires = "into")]
    pub(crate) source: Vec<String>,
    /// Begin with this record
    #[arg(long, value_name = "SEQUENCE", requires = "into")]
    pub(crate) from: Option<u64>,
    /// Go on with what is being recorded, until interrupted
    #[arg(long, requires = "into")]
    pub(crate) follow: bool,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

/// A factor of speed, or none for as fast as possible.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Factor(pub(crate) Option<f64>);

fn speed(text: &str) -> Result<Factor, String> {
    if text == "max" {
        return Ok(Factor(None));
    }
    match text.trim_end_matches('x').parse() {
        Ok(factor) if f64::is_finite(factor) && factor > 0.0 => Ok(Factor(Some(factor))),
        _ => Err("write max, or a number above 0 such as 1 or 10".to_owned()),
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct WhyOptions {
    /// Directory of the journal
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) journal: PathBuf,
    /// Which spike: region:neuron#N is its Nth from 0, region:neuron its last, @N the output of record N
    pub(crate) spike: String,
    /// What came of it instead of what led to it
    #[arg(long)]
    pub(crate) effects: bool,
    /// How many steps to go
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(crate) depth: usize,
    /// How to write it
    #[arg(long, value_enum, default_value_t = CauseFormat::Text)]
    pub(crate) format: CauseFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CauseFormat {
    /// A tree for people
    Text,
    /// For Graphviz
    Dot,
    /// Nodes and edges
    Json,
}

impl From<GraphFormat> for CauseFormat {
    fn from(format: GraphFormat) -> Self {
        match format {
            GraphFormat::Dot => Self::Dot,
            GraphFormat::Json => Self::Json,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ForkOptions {
    /// Directory of the journal
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) journal: PathBuf,
    /// Directory of the new journal
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) to: PathBuf,
    /// Change things before this tick is computed
    #[arg(long, value_name = "TICK")]
    pub(crate) at: u64,
    /// Set the weight of a synapse: "from -> to = 0.5"
    #[arg(long, value_name = "CHANGE")]
    pub(crate) weight: Vec<String>,
    /// Set the threshold of a neuron: "neuron = 0.5"
    #[arg(long, value_name = "CHANGE")]
    pub(crate) threshold: Vec<String>,
    /// Silence a neuron
    #[arg(long, value_name = "NEURON")]
    pub(crate) silence: Vec<String>,
    /// Leave out the input of this record
    #[arg(long, value_name = "SEQUENCE")]
    pub(crate) without: Vec<u64>,
    /// Leave out every input from the fork on
    #[arg(long)]
    pub(crate) end: bool,
    /// How to write what was done
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DiffOptions {
    /// Directory of a journal, or a file with a snapshot
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) one: PathBuf,
    /// Another, such as its fork
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) other: PathBuf,
    /// How many differences to show of each kind
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,
    /// How to write them
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_max_or_a_factor() {
        assert_eq!(speed("max"), Ok(Factor(None)));
        assert_eq!(speed("10x"), Ok(Factor(Some(10.0))));
        assert!(speed("0").is_err() && speed("inf").is_err() && speed("fast").is_err());
    }
}
