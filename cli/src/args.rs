//! What the command line may say.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use neuronbus::cortex::Exchange;
use neuronbus::journal::Level;
use neuronbus::pace::Pace;
use neuronbus_connectome::{exchange_named, pace_named, quantity};

use crate::console::Console;
use crate::failure::Failure;
use crate::history::{DiffOptions, ForkOptions, ReplayOptions, WhyOptions};
use crate::journal::JournalCommand;

/// A spiking agent runtime with learning topology.
#[derive(Debug, Parser)]
#[command(name = "neuronbus", version, about, max_term_width = 100)]
#[command(disable_help_subcommand = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  neuronbus run brains/host.toml                   watch this machine until Ctrl-C
  cat app.log | neuronbus run brains/lines.toml    learn which line precedes which
  neuronbus check my.toml                          find every mistake in a description
  neuronbus run brains/relay.toml --dir /dev/shm/demo    let other processes attach
  neuronbus ps /dev/shm/demo                       see who has
  neuronbus run brains/host.toml --journal night   keep everything, go on after a crash
  neuronbus why night reflex/alert:reflex          what led to the last alert
  neuronbus journal verify runs/host               prove that nothing recorded was changed

Exit codes: 0 ok, 1 failed, 2 wrong usage or description, 130 interrupted twice";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a brain and report what it did
    Run(RunOptions),
    /// Check a brain description and summarise its topology
    Check {
        /// Brain description, in TOML
        #[arg(value_hint = ValueHint::FilePath)]
        brain: PathBuf,
    },
    /// Write a brain's topology as a graph
    Topology {
        /// Brain description, in TOML
        #[arg(value_hint = ValueHint::FilePath)]
        brain: PathBuf,
        /// How to write it
        #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
        format: GraphFormat,
    },
    /// Show who is attached to a running brain, how fast it goes and what is waiting
    Ps {
        /// Brain directory; all below the usual place unless given
        #[arg(value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
        /// How to write it
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Print what a region of a running brain fires, a line for each spike
    Tap(TapOptions),
    /// Send a spike into a gate of a running brain
    Fire(FireOptions),
    /// Look for what dead processes left in a brain directory
    Doctor {
        /// Brain directory
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Let it go
        #[arg(long)]
        repair: bool,
        /// How to write it
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Compute a recorded run again and compare it with its journal
    Replay(ReplayOptions),
    /// Tell what made a neuron fire, or what came of it, in a recorded run
    Why(WhyOptions),
    /// Begin another journal from a recorded run in which something is changed
    Fork(ForkOptions),
    /// Show in what two recorded runs differ
    Diff(DiffOptions),
    /// Look at what a brain recorded, verify it, export it, forget it
    Journal {
        #[command(subcommand)]
        command: JournalCommand,
    },
    /// Models that give texts their meaning: what there is, and how to get it
    Model {
        #[command(subcommand)]
        action: ModelAction,
    },
    /// Find thresholds for concepts from examples
    Calibrate(CalibrateOptions),
    /// Say which concepts a text belongs to, and why
    Explain(ExplainOptions),
    /// Write a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelAction {
    /// List the models that are known here
    Ls,
    /// Get a model, once; no network is needed afterwards
    Fetch {
        /// Its name
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct CalibrateOptions {
    /// A line for each example: a text, a comma, its concept
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Model by its name, or its directory; static, or the one of the brain, unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Hold out one of so many parts in turn
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) folds: usize,
    /// Write the concepts with their thresholds to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Write them where this brain description has its concepts, so that its runs use them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "out")]
    pub(crate) brain: Option<PathBuf>,
    /// Which region of the brain, if it has several of kind concepts
    #[arg(long, value_name = "PATH", requires = "brain")]
    pub(crate) region: Option<String>,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainOptions {
    /// The text
    pub(crate) text: String,
    /// Concepts, as calibrate writes them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "brain")]
    pub(crate) concepts: Option<PathBuf>,
    /// The concepts of this brain description, as its runs use them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "concepts")]
    pub(crate) brain: Option<PathBuf>,
    /// Which region of the brain, if it has several of kind concepts
    #[arg(long, value_name = "PATH", requires = "brain")]
    pub(crate) region: Option<String>,
    /// Model by its name, or its directory; the one the concepts were calibrated with unless given
    #[arg(long, value_name = "NAME", conflicts_with = "brain")]
    pub(crate) model: Option<String>,
    /// Show so many concepts
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) top: usize,
    /// How to write it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TapOptions {
    /// Brain directory
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Path of a region or the last part of it; * is every region
    pub(crate) region: String,
    /// Begin with the oldest spike that is still there
    #[arg(long)]
    pub(crate) from_oldest: bool,
    /// Stop after so many spikes
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Stop after this time, such as 30s or "2 min"
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub(crate) time: Option<Duration>,
    /// How to write a spike
    #[arg(long, value_enum, default_value_t = ReportFormat::Json)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FireOptions {
    /// Brain directory
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Path of a sensory region or the last part of it
    pub(crate) gate: String,
    /// What the spike carries; - is standard input
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) payload: String,
    /// Priority, 0 to 255
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) priority: u8,
    /// Inhibit instead of excite
    #[arg(long)]
    pub(crate) inhibit: bool,
    /// Send it so many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u64,
    /// How to write what was done
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunOptions {
    /// Brain description, in TOML
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) brain: PathBuf,
    /// Stop after this time, such as 30s or "2 min"
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub(crate) time: Option<Duration>,
    /// Stop after this much cortex time, however long that takes
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) cortex_time: Option<Duration>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
    /// Write nothing but the report and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Draw random numbers from this seed
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// When ticks run: free, real-time or on-demand
    #[arg(long, value_parser = pace_parser())]
    pub(crate) pace: Option<String>,
    /// Compute with this many threads, 1 to 64; the result is the same
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// How several threads hand spikes to each other: lockstep, or free, where none waits and each run differs
    #[arg(long, value_parser = PossibleValuesParser::new(["lockstep", "free"]))]
    pub(crate) exchange: Option<String>,
    /// JSON field that names a line's topic
    #[arg(long, value_name = "NAME")]
    pub(crate) topic_field: Option<String>,
    /// Read lines from this file instead of the described input; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) input: Option<PathBuf>,
    /// Make a brain directory here, where other processes find the brain
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
    /// Keep a journal in this directory, or go on where the one in it ends
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) journal: Option<PathBuf>,
    /// What the journal waits for before it says that something is kept
    #[arg(long, value_enum, default_value_t = Durability::Synced, requires = "journal")]
    pub(crate) durability: Durability,
    /// Who takes snapshots, which a run is taken up from: this process, between two ticks; others, by
    /// `neuronbus journal snapshot`; or nobody
    #[arg(long, value_enum, default_value_t = Snapshots::Here, requires = "journal")]
    pub(crate) snapshots: Snapshots,
    /// Compress what of the journal is not written any more
    #[arg(long, requires = "journal")]
    pub(crate) compress: bool,
    /// Forget what of the journal is older than this and lies before its snapshots, such as "7 d"
    #[arg(long, value_name = "TIME", value_parser = span, requires = "journal")]
    pub(crate) keep_for: Option<Duration>,
    /// Forget the oldest of the journal that lies before its snapshots while all takes more room, such as "10 GB"
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "journal")]
    pub(crate) keep_bytes: Option<u64>,
    /// Write the topology as it is at the end to this file, as DOT
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) dot: Option<PathBuf>,
}

impl RunOptions {
    pub(crate) fn pace(&self) -> Option<Pace> {
        self.pace.as_deref().and_then(pace_named)
    }

    pub(crate) fn exchange(&self) -> Option<Exchange> {
        self.exchange.as_deref().and_then(exchange_named)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// Nothing: lost with the process
    Memory,
    /// The system: survives the process, not the machine
    PageCache,
    /// The disk
    Synced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Snapshots {
    /// This process, every minute
    Here,
    /// Whoever replays the journal
    Elsewhere,
    /// Nobody
    Never,
}

impl From<Durability> for Level {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Memory => Self::Memory,
            Durability::PageCache => Self::PageCache,
            Durability::Synced => Self::Synced,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For Graphviz
    Dot,
    /// Nodes and edges
    Json,
}

impl Args {
    pub(crate) fn read() -> Result<Self, clap::Error> {
        Self::try_parse()
    }
}

fn pace_parser() -> PossibleValuesParser {
    PossibleValuesParser::new(["free", "real-time", "on-demand"])
}

fn span(text: &str) -> Result<Duration, String> {
    match quantity::duration(text) {
        Ok(time) if time.is_zero() => Err("it must be longer than 0".to_owned()),
        Ok(time) => Ok(time),
        Err(why) => Err(format!("{why}; write for example 30s, 500ms or \"2 min\"")),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let bytes = quantity::bytes(text);
    bytes.map(|bytes| bytes as u64).map_err(|why| format!("{why}; write for example \"10 GB\""))
}

/// Writes what clap has to say: help and version are answers, the rest is wrong usage.
pub(crate) fn answer(error: &clap::Error, console: Console) -> Result<(), Failure> {
    let colour = if error.use_stderr() { console.stderr_colour() } else { console.stdout_colour() };
    let text = error.render();
    let text = if colour { text.ansi().to_string() } else { text.to_string() };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => console.write(&text),
        // Without a command there is nothing wrong to point at: the short help is the answer.
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            console.write(&Args::command().render_help().to_string())
        }
        _ => Err(Failure::Usage(text)),
    }
}

pub(crate) fn completions(shell: Shell, console: Console) -> Result<(), Failure> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "neuronbus", &mut script);
    console.write(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_time_needs_a_unit_and_a_length() {
        assert_eq!(span("30s"), Ok(Duration::from_secs(30)));
        assert!(span("30").unwrap_err().contains("no unit"));
        assert!(span("0s").is_err());
    }
}
