//! The report for people.

use std::fmt::Write as _;
use std::time::Duration;

use neuronbus::cortex::{Report, Spread};
use neuronbus_connectome::pace_name;

use super::{LinkLine, PopulationLine, Summary};
use crate::figures::{self, about, counted, grouped, nanoseconds, time, times};
use crate::view::Style;

/// Links that a person reads; the JSON report has more.
const LINKS: usize = 10;

/// Alerts that a person reads.
const ALERTS: usize = 10;

/// Handled events that a person reads.
const HANDLED: usize = 10;

pub(crate) fn to_text(summary: &Summary<'_>, style: Style) -> String {
    let report = &summary.snapshot.report;
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = head(&mut text, summary, style);
    let _ = spikes(&mut text, report, style);
    let _ = latencies(&mut text, report, style);
    let _ = workers(&mut text, report, style);
    let _ = axons(&mut text, report, style);
    let _ = troubles(&mut text, report, style);
    let _ = populations(&mut text, &summary.snapshot.populations, style);
    let _ = links(&mut text, &summary.snapshot.links, style);
    let _ = alerts(&mut text, summary, style);
    let _ = handled(&mut text, summary, style);
    text
}

fn head(text: &mut String, summary: &Summary<'_>, style: Style) -> std::fmt::Result {
    let report = &summary.snapshot.report;
    let wall = time(Duration::from_millis(summary.wall_ms));
    let cortex = time(Duration::from_nanos(report.time_ns));
    let name = style.bold(summary.brain.name());
    writeln!(
        text,
        "brain {name}: {wall}, of cortex time {cortex}, pace {}",
        pace_name(report.pace)
    )?;
    write!(
        text,
        "  {} computed, {}, {}, seed {}",
        counted(report.ticks, "tick"),
        counted(report.neurons as u64, "neuron"),
        counted(report.synapses, "synapse"),
        report.seed
    )?;
    if report.late_ticks > 0 {
        write!(text, ", {} late", counted(report.late_ticks, "tick"))?;
    }
    report.digest.map_or(Ok(()), |digest| write!(text, "\n  digest {digest}"))?;
    writeln!(text)
}

fn spikes(text: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let all = &report.spikes;
    let counts = &all.counts;
    writeln!(text, "\n{}", style.bold("spikes"))?;
    for (name, count) in [
        ("in", counts.admitted),
        ("delivered", counts.delivered),
        ("fired", counts.fired),
        ("lost", all.lost),
    ] {
        writeln!(text, "  {name:<12}{:>14}", grouped(count))?;
    }
    let reasons = [
        (counts.unrouted, "lost: no synapse leads on"),
        (counts.saturated, "lost: no room under way"),
        (counts.silenced, "lost: for a neuron that had failed"),
        (counts.refused, "lost: refused"),
        (counts.payload_gone, "lost: payload gone from the arena"),
        (counts.filtered, "held back by filters"),
        (counts.refractory, "dropped in a refractory pause"),
        (counts.deferred, "waited for the end of a pause"),
        (counts.evidence_let_go, "let go from full evidence"),
        (all.under_way, "still under way"),
        (counts.pruned, "synapses removed"),
        (counts.grown, "synapses grown"),
    ];
    for (count, reason) in reasons {
        if count > 0 {
            writeln!(text, "  {:<12}{:>14}  {reason}", "", grouped(count))?;
        }
    }
    Ok(())
}

fn latencies(text: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let title = style.bold("latency");
    writeln!(text, "\n{title}               p50       p99     p99.9       max      count")?;
    let mut line = |name: &str, spread: &Spread| {
        write!(text, "  {name:<15}")?;
        for ns in [spread.p50, spread.p99, spread.p999, spread.max] {
            let shown = if spread.count == 0 { "-".to_owned() } else { nanoseconds(ns.into()) };
            write!(text, "{shown:>10}")?;
        }
        writeln!(text, "{:>11}", grouped(spread.count))
    };
    line("gate to neuron", &report.latency_ns.gate_to_neuron)?;
    line("tick", &report.latency_ns.tick)
}

/// How often the cells of each population fired, over the run and lately.
fn populations(text: &mut String, lines: &[PopulationLine], style: Style) -> std::fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n{}", style.bold("populations"))?;
    let width = lines.iter().map(|line| line.path.chars().count()).max().unwrap_or(0);
    for line in lines {
        let (path, cells) = (&line.path, counted(line.cells.into(), "cell"));
        let bars = figures::bars(&line.latest_hz);
        writeln!(text, "  {path:<width$}  {cells:>16}  {:>7.1} Hz  {bars}", line.mean_hz)?;
    }
    Ok(())
}

/// What each worker did, where there are several.
fn workers(text: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    if report.workers.len() < 2 {
        return Ok(());
    }
    let title = style.bold("workers");
    let mut headings = String::new();
    for name in ["neurons", "cells", "synapses", "ticks", "delivered", "sent", "slept"] {
        write!(headings, "{name:>12}")?;
    }
    writeln!(text, "\n{title}  {headings}")?;
    for worker in &report.workers {
        write!(text, "  {:<7}", worker.worker)?;
        let (neurons, cells) = (worker.neurons as u64, worker.cells);
        for figure in [
            neurons,
            cells,
            worker.synapses,
            worker.ticks,
            worker.delivered,
            worker.sent,
            worker.sleeps,
        ] {
            write!(text, "{:>12}", grouped(figure))?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// Every ring's account written out, as each end's sum is there to be checked (I-6).
fn axons(text: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    if report.axons.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n{}", style.bold("axons"))?;
    for axon in &report.axons {
        let account = &axon.account;
        if account.ends.is_empty() {
            let published = grouped(account.published);
            writeln!(text, "  {}: published {published}, no end attached", axon.name)?;
        }
        for end in &account.ends {
            writeln!(
                text,
                "  {}: published {} = delivered {} + waiting {} + shed {} + dropped {} + lost {}",
                axon.name,
                grouped(end.published),
                grouped(end.delivered),
                grouped(end.waiting),
                grouped(end.shed),
                grouped(end.dropped),
                grouped(end.lost)
            )?;
        }
    }
    Ok(())
}

fn troubles(text: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let refused =
        || report.gates.iter().flat_map(|g| g.account.refused.iter().map(move |r| (g, r)));
    if refused().next().is_some() {
        writeln!(text, "\n{}", style.bold("refused input"))?;
    }
    for (gate, refusal) in refused() {
        let count = times(refusal.count);
        writeln!(
            text,
            "  {}: {} ({count}), first: {}",
            gate.path,
            refusal.kind,
            plain(&refusal.sample)
        )?;
    }
    if !report.faults.is_empty() {
        writeln!(text, "\n{}", style.bold("neurons that failed"))?;
    }
    for fault in &report.faults {
        writeln!(
            text,
            "  {} at tick {}: {}",
            fault.neuron,
            grouped(fault.tick),
            plain(&fault.message)
        )?;
    }
    let notes = notes(report);
    if !notes.is_empty() {
        writeln!(text, "\n{}", style.bold("notes"))?;
    }
    notes.iter().try_for_each(|note| writeln!(text, "  {}", plain(note)))
}

fn links(text: &mut String, links: &[LinkLine], style: Style) -> std::fmt::Result {
    writeln!(text, "\n{}", style.bold("strongest links"))?;
    let learned: Vec<_> = links.iter().filter(|link| link.is_learned()).take(LINKS).collect();
    if learned.is_empty() {
        return writeln!(
            text,
            "  none yet: nothing was seen to follow something else often enough"
        );
    }
    learned.iter().try_for_each(|link| writeln!(text, "  {}", sentence(link)))
}

/// `A precedes B by about 1.2 s, weight 0.71 (seen 14 times)`.
fn sentence(link: &LinkLine) -> String {
    format!(
        "{} precedes {} by about {}, weight {:.2} (seen {})",
        link.from,
        link.to,
        about(link.delay()),
        link.weight,
        times(link.count)
    )
}

fn alerts(text: &mut String, summary: &Summary<'_>, style: Style) -> std::fmt::Result {
    let total = summary.alerts.total();
    if total == 0 {
        return writeln!(text, "\n{}\n  none", style.bold("alerts"));
    }
    writeln!(text, "\n{} ({})", style.bold("alerts"), grouped(total))?;
    let last: Vec<_> = summary.alerts.kept().rev().take(ALERTS).collect();
    if total > last.len() as u64 {
        writeln!(text, "  the last {}:", last.len())?;
    }
    last.iter().rev().try_for_each(|alert| writeln!(text, "  {}", plain(&alert.to_string())))
}

fn handled(text: &mut String, summary: &Summary<'_>, style: Style) -> std::fmt::Result {
    let log = &summary.handled;
    if !log.is_needed() {
        return Ok(());
    }
    writeln!(text, "\n{} ({})", style.bold("handled"), grouped(log.total()))?;
    let last: Vec<_> = log.kept().rev().take(HANDLED).collect();
    if log.total() > last.len() as u64 {
        writeln!(text, "  the last {}:", last.len())?;
    }
    last.iter().rev().try_for_each(|handled| {
        let said = |name: &str| handled.event.get(name).and_then(serde_json::Value::as_str);
        let (topic, key) = (said("topic").unwrap_or_default(), said("key"));
        let key = key.map(|key| format!(" {key}")).unwrap_or_default();
        let line = format!("{}: {topic}{key}, from {}", handled.handler, handled.from);
        writeln!(text, "  {}", plain(&line))
    })
}

/// What gates and the runtime have to say in words, each beside who says it.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let failed = report.gates.iter().filter_map(|gate| gate.failed.clone());
    let said = report.gates.iter().flat_map(|gate| gate.account.notes.iter().cloned());
    failed.chain(said).chain(report.notes.iter().cloned()).collect()
}

/// A terminal must not obey what an input says.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_sentence() {
        let link = LinkLine {
            from: "cpu0".into(),
            to: "load".into(),
            weight: 0.712,
            delay_ms: 1_234.0,
            count: 14,
            initial_weight: 0.0,
            from_address: "senses/host:cpu0".into(),
            to_address: "senses/host:load".into(),
        };
        assert_eq!(
            sentence(&link),
            "cpu0 precedes load by about 1.2 s, weight 0.71 (seen 14 times)"
        );
        assert!(link.is_learned());
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
