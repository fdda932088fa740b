//! What came out, as Markdown for people and JSON for programs.

use std::fmt;

use serde::Serialize;

use super::machine::Machine;
use super::{Against, Bound, Comparison, Sample, Side, Target, Unit, median};

/// One contestant's figures.
#[derive(Debug, Serialize)]
struct Line {
    contestant: String,
    side: Side,
    median: f64,
    low: f64,
    high: f64,
    /// Our first contestant's median over this one's.
    ours_over_it: Option<f64>,
    beside: Vec<(&'static str, f64)>,
    /// One probe of the distance of the cores before each round, ns one way.
    probes_ns: Vec<f64>,
}

/// What was demanded and what came of it.
#[derive(Debug, Serialize)]
struct Verdict {
    what: String,
    demanded: String,
    measured: f64,
    met: bool,
}

/// One comparison, measured.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    name: String,
    title: &'static str,
    unit: &'static str,
    rounds: usize,
    lines: Vec<Line>,
    verdicts: Vec<Verdict>,
}

impl Measured {
    pub(super) fn new(
        name: &str,
        comparison: Comparison,
        samples: &[Vec<Sample>],
        probes: Vec<Vec<f64>>,
    ) -> Self {
        let lines = comparison.contestants.iter().zip(samples).zip(probes);
        // A peer that failed in every round has been said to be left out.
        let lines = lines.filter(|((_, samples), _)| !samples.is_empty());
        let mut lines: Vec<_> = lines
            .map(|((contestant, samples), probes_ns)| {
                let mut figures: Vec<_> = samples.iter().map(|sample| sample.figure).collect();
                let median = median(&mut figures);
                Line {
                    contestant: contestant.name.clone(),
                    side: contestant.side,
                    median,
                    low: figures[0],
                    high: figures[figures.len() - 1],
                    ours_over_it: None,
                    beside: medians_beside(samples),
                    probes_ns,
                }
            })
            .collect();
        let ours = lines.iter().position(|line| line.side == Side::Ours);
        if let Some(ours) = ours {
            let own = lines[ours].median;
            for (index, line) in lines.iter_mut().enumerate().filter(|(index, _)| *index != ours) {
                debug_assert!(index != ours, "a ratio to itself says nothing");
                line.ours_over_it = Some(own / line.median);
            }
        }
        let judge = |target: &Target| judge(target, name, comparison.unit, &lines);
        let verdicts = comparison.targets.iter().filter_map(judge).collect();
        let rounds = samples.first().map_or(0, Vec::len);
        let (title, unit) = (comparison.title, comparison.unit.text());
        Self { name: name.to_owned(), title, unit, rounds, lines, verdicts }
    }
}

/// The median of each further figure.
fn medians_beside(samples: &[Sample]) -> Vec<(&'static str, f64)> {
    let Some(first) = samples.first() else { return Vec::new() };
    let names = first.beside.iter().map(|(name, _)| *name).enumerate();
    let of = |index: usize| samples.iter().map(|sample| sample.beside[index].1).collect::<Vec<_>>();
    names.map(|(index, name)| (name, median(&mut of(index)))).collect()
}

fn judge(target: &Target, name: &str, unit: Unit, lines: &[Line]) -> Option<Verdict> {
    let less_is_better = matches!(unit, Unit::Ns | Unit::Bytes);
    let ours = |line: &&Line| line.side == Side::Ours && line.contestant.starts_with(target.ours);
    let ours = lines.iter().find(ours)?;
    let (measured, of) = match target.against {
        Against::Unit => (ours.median, unit.text().to_owned()),
        Against::Named(peer) => {
            let peer = lines.iter().find(|line| line.contestant.starts_with(peer))?;
            (ours.median / peer.median, format!("times {}", peer.contestant))
        }
        Against::BestPeer => {
            let peers = lines.iter().filter(|line| line.side == Side::Peer);
            let order = |a: &&Line, b: &&Line| a.median.total_cmp(&b.median);
            let best = if less_is_better { peers.min_by(order) } else { peers.max_by(order) }?;
            (ours.median / best.median, format!("times the best peer ({})", best.contestant))
        }
    };
    let (met, bound) = match target.bound {
        Bound::AtLeast(bound) => (measured >= bound, format!("at least {bound}")),
        Bound::AtMost(bound) => (measured <= bound, format!("at most {bound}")),
    };
    let what = format!("{name}: {}", ours.contestant);
    Some(Verdict { what, demanded: format!("{bound} {of}"), measured, met })
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    machine: Machine,
    comparisons: Vec<Measured>,
}

impl Document {
    pub(super) const fn new(machine: Machine) -> Self {
        Self { machine, comparisons: Vec::new() }
    }

    /// Keeps a comparison, and prints it: whoever stops the run has what was measured by then.
    pub(super) fn print(&mut self, measured: Measured) {
        println!("{measured}");
        self.comparisons.push(measured);
    }

    /// The machine and the run.
    pub(super) fn head(&self) -> String {
        format!("{}\n", self.machine)
    }

    pub(super) fn json(&self) -> String {
        format!("{:#}\n", serde_json::json!(self))
    }

    /// What was demanded of all that was measured, and whether it is met.
    pub(super) fn targets(&self) -> String {
        let verdicts: Vec<_> = self.comparisons.iter().flat_map(|c| &c.verdicts).collect();
        if verdicts.is_empty() {
            return String::new();
        }
        let head = "### Targets\n\n| what | demanded | measured | |\n| --- | --- | --- | --- |\n";
        let lines = verdicts.iter().map(|verdict| format!("{verdict}\n"));
        std::iter::once(head.to_owned()).chain(lines).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, demanded, measured, met } = self;
        let met = if *met { "met" } else { "**missed**" };
        write!(f, "| {what} | {demanded} | {} | {met} |", Figure(*measured))
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, title, unit, rounds, lines, .. } = self;
        writeln!(f, "### {name}\n\n{title}; {unit}, median of {rounds}.\n")?;
        let probed = lines.iter().any(|line| !line.probes_ns.is_empty());
        let probe_head = if probed { " probe, ns |" } else { "" };
        writeln!(f, "| who | {unit} | range | ours / it | beside |{probe_head}")?;
        writeln!(f, "|{}", " --- |".repeat(if probed { 6 } else { 5 }))?;
        for line in lines {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contestant, median, low, high, .. } = self;
        let (median, low, high) = (Figure(*median), Figure(*low), Figure(*high));
        write!(f, "| {contestant} | {median} | {low} to {high} |")?;
        match self.ours_over_it {
            Some(ratio) => write!(f, " {ratio:.2} |")?,
            None => write!(f, " |")?,
        }
        let beside: Vec<_> = self
            .beside
            .iter()
            .map(|(name, figure)| format!("{name} {}", Figure(*figure)))
            .collect();
        write!(f, " {} |", beside.join(", "))?;
        let (mut low, mut high) = (f64::INFINITY, 0_f64);
        for probe in &self.probes_ns {
            (low, high) = (low.min(*probe), high.max(*probe));
        }
        if self.probes_ns.is_empty() { Ok(()) } else { write!(f, " {low:.0} to {high:.0} |") }
    }
}

/// A figure with three digits that count.
struct Figure(f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            size if size >= 1e6 => write!(f, "{:.2e}", self.0),
            size if size >= 100.0 => write!(f, "{:.0}", self.0),
            size if size >= 10.0 => write!(f, "{:.1}", self.0),
            _ => write!(f, "{:.2}", self.0),
        }
    }
}
