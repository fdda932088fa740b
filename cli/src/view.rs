//! The live view: a few lines on a terminal, drawn again in place.
//!
//! After each drawing the cursor goes back to the first line of the view, so that whatever else is printed takes the
//! view's place and the next drawing appears below it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use neuronbus_connectome::{Brain, pace_name, quantity};

use crate::figures::{about, counted, grouped, nanoseconds, time, times};
use crate::report::{AlertLog, Snapshot};

/// Whether the terminal is as the view needs it: cursor hidden, long lines cut and not folded.
static DRAWING: AtomicBool = AtomicBool::new(false);

const BEGIN: &str = "\x1b[?25l\x1b[?7l";
const END: &str = "\r\x1b[J\x1b[?7h\x1b[?25h";
const CLEAR_BELOW: &str = "\r\x1b[J";

/// Links in the view.
pub(crate) const LINKS: usize = 6;

/// Gives the terminal back as it was; does nothing when the view was never drawn.
pub(crate) fn restore_terminal() {
    // relaxed: a flag of its own, nothing else is published by it
    if DRAWING.swap(false, Ordering::Relaxed) {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(END.as_bytes()).and_then(|()| out.flush());
    }
}

/// What must be printed before a line that is not the view's.
pub(crate) fn make_room() -> &'static str {
    // relaxed: a wrong guess leaves a line of the view behind, for one drawing
    if DRAWING.load(Ordering::Relaxed) { CLEAR_BELOW } else { "" }
}

/// Bold, or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) colour: bool,
}

impl Style {
    pub(crate) fn bold(self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn faint(self, text: &str) -> String {
        if self.colour { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn warm(self, text: &str) -> String {
        if self.colour { format!("\x1b[33m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Draws a run while it goes on. Dropping it restores the terminal.
#[derive(Debug)]
pub(crate) struct View {
    style: Style,
    /// What had happened by the last drawing, and when that was: for rates.
    last: Option<(Duration, [u64; 3])>,
}

impl View {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, last: None }
    }

    pub(crate) fn draw(
        &mut self,
        brain: &Brain,
        snapshot: &Snapshot,
        alerts: &AlertLog,
        elapsed: Duration,
    ) {
        let lines = self.lines(brain, snapshot, alerts, elapsed);
        // relaxed: a flag of its own, nothing else is published by it
        let begin = if DRAWING.swap(true, Ordering::Relaxed) { "" } else { BEGIN };
        let mut text = format!("{begin}{CLEAR_BELOW}");
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(&format!("\x1b[{}A\r", lines.len()));
        let mut out = std::io::stderr().lock();
        // A view that cannot be drawn is no reason to stop.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn lines(
        &mut self,
        brain: &Brain,
        snapshot: &Snapshot,
        alerts: &AlertLog,
        elapsed: Duration,
    ) -> Vec<String> {
        let style = self.style;
        let report = &snapshot.report;
        let mut lines = vec![
            format!(
                "{}  {}  {}",
                style.bold(brain.name()),
                time(elapsed),
                style.faint(&format!(
                    "{}, tick {}, {}, {}; Ctrl-C ends and reports",
                    pace_name(report.pace),
                    quantity::spell(brain.tick().as_duration()),
                    counted(report.neurons as u64, "neuron"),
                    counted(report.synapses, "synapse")
                ))
            ),
            self.spikes(snapshot, elapsed),
        ];
        let (tick, gate) = (&report.latency_ns.tick, &report.latency_ns.gate_to_neuron);
        lines.push(format!(
            "latency  tick p50 {}, p99 {}, max {}; gate to neuron p50 {}, p99 {}",
            nanoseconds(tick.p50.into()),
            nanoseconds(tick.p99.into()),
            nanoseconds(tick.max.into()),
            nanoseconds(gate.p50.into()),
            nanoseconds(gate.p99.into())
        ));
        let learned = snapshot.links.iter().filter(|link| link.is_learned()).take(LINKS);
        lines.extend(learned.map(|link| {
            let bar = "#".repeat((link.weight.clamp(0.0, 1.0) * 20.0).round() as usize);
            format!(
                "link     {:<20} {:.2}  {} -> {} after {}, {}",
                style.warm(&format!("{bar:<20}")),
                link.weight,
                link.from,
                link.to,
                about(link.delay()),
                times(link.count)
            )
        }));
        if let Some(alert) = alerts.last() {
            lines.push(format!(
                "alerts   {}, last: {}",
                grouped(alerts.total()),
                style.warm(&alert.to_string())
            ));
        }
        if !report.faults.is_empty() {
            lines.push(format!("failed   {}", counted(report.faults.len() as u64, "neuron")));
        }
        lines
    }

    fn spikes(&mut self, snapshot: &Snapshot, elapsed: Duration) -> String {
        let all = &snapshot.report.spikes;
        let now = [all.counts.admitted, all.counts.delivered, all.counts.fired];
        let (then, before) = self.last.replace((elapsed, now)).unwrap_or_default();
        let seconds = elapsed.saturating_sub(then).as_secs_f64().max(1e-3);
        let rate = |index: usize| {
            let rate = now[index].saturating_sub(before[index]) as f64 / seconds;
            format!("{} ({}/s)", grouped(now[index]), grouped(rate.round() as u64))
        };
        let (taken, delivered, fired) = (rate(0), rate(1), rate(2));
        let lost = grouped(all.lost);
        format!("spikes   in {taken}, delivered {delivered}, fired {fired}, lost {lost}")
    }
}

impl Drop for View {
    fn drop(&mut self) {
        restore_terminal();
    }
}

#[cfg(test)]
mod tests {
    use neuronbus::cortex::Cortex;

    use super::*;

    fn drawn(colour: bool) -> Vec<String> {
        let text = "[brain]\nname = \"small\"\n[[region]]\npath = \"r\"\nkind = \"reflex\"\n";
        let brain = Brain::parse(text, "small.toml").unwrap();
        let mut builder = Cortex::builder();
        brain.assemble(&mut builder, neuronbus_connectome::Overrides::default()).unwrap();
        let snapshot = Snapshot::live(&builder.build().unwrap(), LINKS);
        let mut view = View::new(Style { colour });
        let elapsed = Duration::from_millis(1500);
        view.lines(&brain, &snapshot, &AlertLog::default(), elapsed)
    }

    #[test]
    fn the_view_is_a_few_lines_and_plain_without_colour() {
        let lines = drawn(false);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("small  1.50 s  on-demand, tick 1 ms, 1 neuron, 0 synapses"));
        assert_eq!(lines[1], "spikes   in 0 (0/s), delivered 0 (0/s), fired 0 (0/s), lost 0");
        assert!(lines.iter().all(|line| !line.contains('\x1b')));
        assert!(drawn(true)[0].starts_with("\x1b[1msmall\x1b[0m"));
    }
}
