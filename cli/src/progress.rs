//! Progress lines, for a standard error that is not a terminal: a log, a pipe, a service manager.

use std::time::Duration;

use crate::console::Console;
use crate::figures::{about, grouped, nanoseconds};
use crate::report::Snapshot;

/// Between two lines: seldom enough for a log that is kept.
pub(crate) const EVERY: Duration = Duration::from_secs(5);

pub(crate) fn say(console: Console, snapshot: &Snapshot, elapsed: Duration) {
    console.say(&line(snapshot, elapsed));
}

fn line(snapshot: &Snapshot, elapsed: Duration) -> String {
    let report = &snapshot.report;
    let counts = &report.spikes.counts;
    let mut line = format!(
        "{:.0} s: {} in, {} delivered, {} fired, {} lost, tick p99 {}",
        elapsed.as_secs_f64(),
        grouped(counts.admitted),
        grouped(counts.delivered),
        grouped(counts.fired),
        grouped(report.spikes.lost),
        nanoseconds(report.latency_ns.tick.p99.into())
    );
    if let Some(link) = snapshot.links.iter().find(|link| link.is_learned()) {
        let (from, to, weight) = (&link.from, &link.to, link.weight);
        line.push_str(&format!(
            "; {from} precedes {to} by about {}, weight {weight:.2}",
            about(link.delay())
        ));
    }
    line
}
