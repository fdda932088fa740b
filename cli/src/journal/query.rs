//! Records that are asked for.

use std::path::Path;
use std::time::Duration;

use neuronbus::event::{Correlation, TopicPattern};
use neuronbus::journal::{Archive, Record, Scan, Span};

use super::args::Filter;
use super::line;
use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt;

/// How often a journal that is followed is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes that are written at once.
const PAGE: usize = 64 << 10;

/// What a filter asks for.
pub(super) struct Wanted<'a> {
    filter: &'a Filter,
    topic: Option<TopicPattern>,
    correlation: Option<Correlation>,
    left: u64,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(filter: &'a Filter) -> Result<Self, Failure> {
        let topic = filter.topic.as_deref().map(TopicPattern::new).transpose();
        let topic = topic.map_err(|error| Failure::Usage(format!("--topic: {error}")))?;
        let correlation = filter.correlation.as_deref().map(Correlation::new);
        Ok(Self { filter, topic, correlation, left: filter.limit.unwrap_or(u64::MAX) })
    }

    /// The narrowest range that the index can answer.
    pub(super) fn span(&self) -> Span {
        let Filter { sequence, tick, time, .. } = self.filter;
        match (sequence, tick, time) {
            (Some(sequence), ..) => Span::Sequences(sequence.clone()),
            (_, Some(tick), _) => Span::Ticks(tick.clone()),
            (.., Some(time)) => Span::Times(time.clone()),
            _ => Span::Sequences(0..u64::MAX),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Whether a record is wanted; counts it if so.
    pub(super) fn take(&mut self, record: &Record<'_>) -> bool {
        let Filter { sequence, tick, time, source, kind, .. } = self.filter;
        let within = |range: &Option<std::ops::Range<u64>>, at| {
            range.as_ref().is_none_or(|range| range.contains(&at))
        };
        let wanted = self.left > 0
            && within(sequence, record.sequence)
            && within(tick, record.tick)
            && within(time, record.time_ns)
            && source.is_none_or(|source| source == record.source)
            && kind.is_none_or(|kind| kind == record.kind)
            && self.topic.as_ref().is_none_or(|pattern| {
                line::event(record).is_some_and(|event| pattern.matches(event.topic()))
            });
        // Asked of every event: what is not shown may have led to what is.
        let correlated = self.correlation.as_mut().is_none_or(|correlation| {
            line::event(record).is_some_and(|event| correlation.takes(&event))
        });
        let wanted = wanted && correlated;
        self.left -= u64::from(wanted);
        wanted
    }
}

pub(super) fn written(record: &Record<'_>, format: ReportFormat) -> String {
    match format {
        ReportFormat::Text => line::line(record),
        ReportFormat::Json => format!("{}\n", serde_json::Value::Object(line::object(record))),
    }
}

/// Hands all records that are wanted to `visit`, as the index finds them, until it fails.
pub(super) fn each(
    journal: &Path,
    filter: &Filter,
    mut visit: impl FnMut(Record<'_>) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut wanted = Wanted::new(filter)?;
    let mut archive = Archive::open(journal)?;
    let (mut count, mut failure) = (0, None);
    let span = wanted.span();
    archive.range(&span, |record| {
        if failure.is_none() && wanted.take(&record) {
            count += 1;
            failure = visit(record).err();
        }
    })?;
    failure.map_or(Ok(count), Err)
}

pub(super) fn show(
    journal: &Path,
    filter: &Filter,
    format: ReportFormat,
    console: Console,
) -> Result<(), Failure> {
    let mut lines = String::new();
    each(journal, filter, |record| {
        lines.push_str(&written(&record, format));
        if lines.len() > PAGE {
            console.write(&std::mem::take(&mut lines))?;
        }
        Ok(())
    })?;
    console.write(&lines)
}

/// How the end is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) lines: u64,
    pub(super) follow: bool,
}

pub(super) fn tail(
    journal: &Path,
    tail: Tail,
    filter: &Filter,
    format: ReportFormat,
    console: Console,
) -> Result<(), Failure> {
    let mut wanted = Wanted::new(filter)?;
    let interrupted = interrupt::listen()?;
    let end = Archive::open(journal)?.sequences().end;
    let mut scan = Scan::open(journal)?.from_sequence(end.saturating_sub(tail.lines))?;
    while !wanted.is_over() {
        match scan.next() {
            Some(record) => {
                let record = record?;
                if wanted.take(&record) {
                    console.write(&written(&record, format))?;
                }
            }
            None if tail.follow && interrupted.recv_timeout(LOOK).is_err() => {}
            None => break,
        }
    }
    Ok(())
}
