//! What may be said after `neuronbus journal`.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueHint};
use neuronbus_connectome::quantity;

use crate::args::ReportFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// List the segments of a journal
    Ls {
        /// Directory of the journal
        #[arg(value_hint = ValueHint::DirPath)]
        journal: PathBuf,
        /// How to write it
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Print records, a line each
    Show {
        /// Directory of the journal
        #[arg(value_hint = ValueHint::DirPath)]
        journal: PathBuf,
        #[command(flatten)]
        filter: Filter,
        /// How to write a record
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Print the last records, and with -f those that follow
    Tail {
        /// Directory of the journal
        #[arg(value_hint = ValueHint::DirPath)]
        journal: PathBuf,
        /// Begin with so many that are there
        #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
        lines: u64,
        /// Go on with what is written from now on
        #[arg(long, short)]
        follow: bool,
        #[command(flatten)]
        filter: Filter,
        /// How to write a record
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Check every byte of a journal, or of what was exported from one as JSON lines
    Verify {
        /// Directory of the journal, or exported file; - is standard input
        journal: PathBuf,
        /// How to write what was found
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Write a journal as JSON lines under a chain of SHA-256 checksums, into a SQLite database, or as Parquet
    Export {
        /// Directory of the journal
        #[arg(value_hint = ValueHint::DirPath)]
        journal: PathBuf,
        /// Write JSON lines to this file instead of standard output
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "sqlite")]
        output: Option<PathBuf>,
        /// Write a table of events into this database, which must not exist
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        sqlite: Option<PathBuf>,
        /// Write the same table into this file of columns, which must not exist
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        #[arg(conflicts_with_all = ["output", "sqlite"])]
        parquet: Option<PathBuf>,
        #[command(flatten)]
        filter: Filter,
    },
    /// Compute the recorded run again, and keep its state beside the journal, for what begins there; the brain that
    /// writes the journal goes on meanwhile
    Snapshot {
        /// Directory of the journal
        #[arg(value_hint = ValueHint::DirPath)]
        journal: PathBuf,
        /// How many snapshots stay
        #[arg(long, value_name = "N", default_value_t = 2)]
        keep: usize,
        /// How to write what was done
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Forget old segments of a journal that nobody writes, or compress them
    Compact {
        /// Directory of the journal
        #[arg(value_hint = ValueHint::DirPath)]
        journal: PathBuf,
        /// Compress all segments but the last, and forget none unless that is asked for too
        #[arg(long)]
        compress: bool,
        /// Keep this sequence and all after it; unless given, that of the oldest snapshot and all after it
        #[arg(long, value_name = "SEQUENCE")]
        keep_from: Option<u64>,
        /// Of what may go, forget what is older than this, such as 12h; all of it unless given
        #[arg(long, value_name = "TIME", value_parser = age)]
        older_than: Option<Duration>,
        /// Of what may go, forget what makes the journal larger than so many bytes
        #[arg(long, value_name = "BYTES")]
        larger_than: Option<u64>,
        /// How to write what was done
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
}

/// Which records. Ranges are `FROM..BELOW`, and either side may be missing.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Filter {
    /// Records of these sequences, such as 100..200
    #[arg(long, value_name = "RANGE", value_parser = range)]
    pub(crate) sequence: Option<Range<u64>>,
    /// Records of these ticks
    #[arg(long, value_name = "RANGE", value_parser = range)]
    pub(crate) tick: Option<Range<u64>>,
    /// Records of these times, in ns since 1970
    #[arg(long, value_name = "RANGE", value_parser = range)]
    pub(crate) time: Option<Range<u64>>,
    /// Records of this gate, by its id; 4294967295 is the operator
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<u32>,
    /// Records of this kind
    #[arg(long, value_name = "N")]
    pub(crate) kind: Option<u8>,
    /// Records that carry an event of a topic; * stands for one word of it, # for any number
    #[arg(long, value_name = "PATTERN")]
    pub(crate) topic: Option<String>,
    /// Records that carry the event of this id or one that came of it, or have this text as their correlation-id
    #[arg(long, value_name = "ID")]
    pub(crate) correlation: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("{text:?} is no range; write for example 100..200, 100.. or ..200");
    let number = |text: &str, missing: u64| match text {
        "" => Ok(missing),
        digits => digits.parse().map_err(|_| wrong()),
    };
    let Some((from, below)) = text.split_once("..") else {
        let one: u64 = text.parse().map_err(|_| wrong())?;
        return Ok(one..one.saturating_add(1));
    };
    Ok(number(from, 0)?..number(below, u64::MAX)?)
}

fn age(text: &str) -> Result<Duration, String> {
    quantity::duration(text).map_err(|why| format!("{why}; write for example 12h or \"7 d\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_be_open_or_one_number() {
        assert_eq!(range("3..7"), Ok(3..7));
        assert_eq!(range("3.."), Ok(3..u64::MAX));
        assert_eq!(range("..7"), Ok(0..7));
        assert_eq!(range("5"), Ok(5..6));
        assert!(range("a..7").unwrap_err().contains("no range"));
    }
}
