//! Comparisons: contestants that run in turn, and what is demanded of ours.

mod machine;
mod options;
mod probe;
mod report;

pub use options::{Options, Scale};
pub use probe::{pin, placement_probe};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use hdrhistogram::Histogram;
use neuronbus::pace::Stamp;

use machine::Machine;
use report::{Document, Measured};

/// One figure of one round, and what else the same run showed.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// In the comparison's unit.
    pub figure: f64,
    /// Further figures by name, printed beside the median.
    pub beside: Vec<(&'static str, f64)>,
}

impl From<f64> for Sample {
    fn from(figure: f64) -> Self {
        Self { figure, beside: Vec::new() }
    }
}

/// Who a contestant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This project.
    Ours,
    /// Another one that does the same work.
    Peer,
    /// What the hardware allows, or what the measuring costs.
    Limit,
}

/// Somebody who does the work of a comparison.
struct Contestant {
    name: String,
    side: Side,
    run: Box<dyn FnMut() -> Sample>,
}

impl Contestant {
    /// One round. A peer that fails has no figure of it, and the others go on.
    ///
    /// # Panics
    /// If one of ours does.
    fn measure(&mut self, comparison: &str) -> Option<Sample> {
        if self.side != Side::Peer {
            return Some((self.run)());
        }
        // Unwind safe: a peer that failed is asked again from the beginning.
        let sample = catch_unwind(AssertUnwindSafe(|| (self.run)()));
        if sample.is_err() {
            eprintln!("{comparison}: a round of {} is left out, it failed", self.name);
        }
        sample.ok()
    }
}

/// In what a comparison is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds; less is better.
    Ns,
    /// Bytes; less is better.
    Bytes,
    /// Million a second; more is better.
    MillionPerSecond,
    /// Times faster than real time; more is better.
    RealTime,
}

impl Unit {
    const fn text(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Bytes => "bytes",
            Self::MillionPerSecond => "M/s",
            Self::RealTime => "x real time",
        }
    }
}

/// A demand on one of our figures.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Which of ours; the first if empty.
    ours: &'static str,
    bound: Bound,
    against: Against,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Debug, Clone, Copy)]
enum Against {
    /// The figure itself.
    Unit,
    /// The ratio to the best peer.
    BestPeer,
    /// The ratio to the contestant whose name begins so.
    Named(&'static str),
}

impl Target {
    /// The figure is at least so much.
    #[must_use]
    pub const fn at_least(figure: f64) -> Self {
        Self { ours: "", bound: Bound::AtLeast(figure), against: Against::Unit }
    }

    /// The figure is at most so much.
    #[must_use]
    pub const fn at_most(figure: f64) -> Self {
        Self { ours: "", bound: Bound::AtMost(figure), against: Against::Unit }
    }

    /// So many times the figure of the best peer.
    #[must_use]
    pub const fn times_the_best_peer(mut self) -> Self {
        self.against = Against::BestPeer;
        self
    }

    /// So many times the figure of a contestant, by the beginning of its name.
    #[must_use]
    pub const fn times(mut self, name: &'static str) -> Self {
        self.against = Against::Named(name);
        self
    }

    /// Of which of ours this is demanded, if not of the first.
    #[must_use]
    pub const fn of(mut self, name: &'static str) -> Self {
        self.ours = name;
        self
    }
}

/// The same work done by several, in turn.
pub struct Comparison {
    title: &'static str,
    unit: Unit,
    rounds: usize,
    crosses_cores: bool,
    contestants: Vec<Contestant>,
    targets: Vec<Target>,
}

impl Comparison {
    /// A comparison without contestants, of five rounds.
    #[must_use]
    pub const fn new(title: &'static str, unit: Unit) -> Self {
        Self {
            title,
            unit,
            rounds: 5,
            crosses_cores: false,
            contestants: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// More rounds than five.
    #[must_use]
    pub const fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Takes a probe of the distance of the cores before each run.
    #[must_use]
    pub const fn across_cores(mut self) -> Self {
        self.crosses_cores = true;
        self
    }

    /// One of ours.
    #[must_use]
    pub fn ours(self, name: &str, run: impl FnMut() -> Sample + 'static) -> Self {
        self.contestant(name.to_owned(), Side::Ours, run)
    }

    /// A peer; its crate's version is put behind the name.
    #[must_use]
    pub fn peer(self, name: &str, run: impl FnMut() -> Sample + 'static) -> Self {
        self.contestant(machine::with_version(name), Side::Peer, run)
    }

    /// What the hardware allows.
    #[must_use]
    pub fn limit(self, name: &str, run: impl FnMut() -> Sample + 'static) -> Self {
        self.contestant(name.to_owned(), Side::Limit, run)
    }

    fn contestant(
        mut self,
        name: String,
        side: Side,
        run: impl FnMut() -> Sample + 'static,
    ) -> Self {
        self.contestants.push(Contestant { name, side, run: Box::new(run) });
        self
    }

    /// Demands something of ours.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Runs all contestants in turn, round after round.
    fn run(mut self, name: &str, scale: Scale) -> Measured {
        let rounds = scale.of(self.rounds as u64, 1);
        let mut samples = vec![Vec::new(); self.contestants.len()];
        let mut probes = vec![Vec::new(); self.contestants.len()];
        for _ in 0..rounds {
            for (index, contestant) in self.contestants.iter_mut().enumerate() {
                if self.crosses_cores {
                    probes[index].push(placement_probe());
                }
                samples[index].extend(contestant.measure(name));
            }
        }
        Measured::new(name, self, &samples, probes)
    }
}

impl std::fmt::Debug for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparison").field("title", &self.title).finish_non_exhaustive()
    }
}

/// What can be measured: its name, and what sets it up.
pub type Named = (&'static str, fn(Scale) -> Comparison);

/// Measures what was asked for and prints it.
#[must_use]
pub fn run(comparisons: &[Named], options: &Options) -> ExitCode {
    let asked: Vec<_> = comparisons.iter().filter(|(name, _)| options.asks_for(name)).collect();
    if asked.is_empty() {
        eprintln!("nothing has such a name; these can be measured:");
        comparisons.iter().for_each(|(name, _)| eprintln!("  {name}"));
        return ExitCode::from(2);
    }
    let mut document = Document::new(Machine::of_this_run());
    println!("{}", document.head());
    for (name, comparison) in asked {
        let began = Stamp::now();
        let measured = comparison(options.scale).run(name, options.scale);
        eprintln!("{name}: {:.1} s", Stamp::now().ns_since(began) as f64 * 1e-9);
        document.print(measured);
    }
    println!("{}", document.targets());
    if options.scale.argument().is_some() {
        println!("a moment each: these figures mean nothing");
    }
    let Some(path) = &options.json else { return ExitCode::SUCCESS };
    match std::fs::write(path, document.json()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the figures cannot be written to {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// The middle of some figures; sorts them.
///
/// # Panics
/// Without figures.
pub fn median(figures: &mut [f64]) -> f64 {
    assert!(!figures.is_empty(), "a median needs figures");
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A histogram for times from 1 ns to a minute, to three digits.
///
/// # Panics
/// Never: the bounds are constants in range.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are constants in range")
}

/// The median of a histogram, and its tail beside it.
#[must_use]
pub fn quantiles(times: &Histogram<u64>) -> Sample {
    let at = |quantile| times.value_at_quantile(quantile) as f64;
    Sample { figure: at(0.5), beside: vec![("p99", at(0.99)), ("p99.9", at(0.999))] }
}
