//! A journal for other tools.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use neuronbus::journal::Archive;

use super::args::Filter;
use super::chain::Chain;
use super::parquet::Table;
use super::sqlite::Database;
use super::{line, query};
use crate::console::Console;
use crate::failure::Failure;
use crate::figures::grouped;

/// JSON lines under a chain of checksums, to a file or to standard output.
pub(super) fn lines(
    journal: &Path,
    output: Option<&Path>,
    filter: &Filter,
    console: Console,
) -> Result<(), Failure> {
    let failed = |source| match output {
        Some(path) => Failure::File { path: path.to_owned(), source },
        None => Failure::Output(source),
    };
    let out: Box<dyn Write> = match output {
        Some(path) => Box::new(File::create_new(path).map_err(failed)?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let mut chain = Chain::new();
    let count = query::each(journal, filter, |record| {
        let line = chain.line(line::object(&record)).map_err(Failure::Json)?;
        out.write_all(line.as_bytes()).map_err(failed)
    });
    let flushed = out.flush().map_err(failed);
    let count = match count.and_then(|count| flushed.map(|()| count)) {
        // A reader that has gone away has what it wanted.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            return Ok(());
        }
        result => result?,
    };
    console.say(&format!("{} records, last checksum {}", grouped(count), chain.checksum()));
    Ok(())
}

/// A table of events in a new database.
pub(super) fn sqlite(
    journal: &Path,
    file: &Path,
    filter: &Filter,
    console: Console,
) -> Result<(), Failure> {
    // Made here first: SQLite would add to one that is there.
    let made = File::create_new(file);
    made.map_err(|source| Failure::File { path: file.to_owned(), source })?;
    let id = Archive::open(journal)?.header().id();
    let mut database = Database::create(file, id.to_string())?;
    query::each(journal, filter, |record| Ok(database.insert(&record)?))?;
    let rows = database.finish()?;
    console.say(&format!("{} rows in {}", grouped(rows), file.display()));
    Ok(())
}

/// The same table in a new file of columns.
pub(super) fn parquet(
    journal: &Path,
    path: &Path,
    filter: &Filter,
    console: Console,
) -> Result<(), Failure> {
    let id = Archive::open(journal)?.header().id();
    let failed = |source| Failure::File { path: path.to_owned(), source };
    let mut table = Table::create(File::create_new(path).map_err(failed)?, id.to_string())?;
    query::each(journal, filter, |record| Ok(table.insert(&record)?))?;
    let rows = table.finish()?;
    console.say(&format!("{} rows in {}", grouped(rows), path.display()));
    Ok(())
}
