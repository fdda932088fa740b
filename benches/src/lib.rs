//! What the benchmark programs share: options, the machine in the header, the placement probe, tables.
//!
//! Machines are shared and their cores are now near to each other, now far: a cross-core figure is printed beside a
//! probe taken at the same moment, and peers are measured in alternation within one run.

pub mod rings;

use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;
use neuronbus::pace::Stamp;

/// What the command line says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Print JSON instead of Markdown.
    pub json: bool,
    /// Run for a moment only, to see that it runs.
    pub smoke: bool,
}

impl Options {
    /// The options given: `--json`, `--smoke`; what cargo adds of its own (`--bench`) is passed over.
    ///
    /// # Panics
    /// For an option that does not exist.
    #[must_use]
    pub fn from_args() -> Self {
        let mut options = Self::default();
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--json" => options.json = true,
                "--smoke" => options.smoke = true,
                "--bench" => {}
                other => panic!("unknown option {other}: there are --json and --smoke"),
            }
        }
        options
    }

    /// Prints a table with the machine above it.
    pub fn print(&self, title: &str, table: &Table) {
        let machine = Machine::of_this_run();
        if self.json {
            let rows: Vec<_> = table.objects();
            let document = serde_json::json!({ "title": title, "machine": machine, "rows": rows });
            println!("{document:#}");
        } else {
            println!("## {title}\n\n{machine}\n\n{table}");
        }
    }
}

/// What was measured on.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Machine {
    /// As the processor names itself.
    pub cpu: String,
    /// How many threads can run at once.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// What reading the clock costs, ns.
    pub clock_ns: f64,
    /// Whether the build is optimised.
    pub optimised: bool,
}

impl Machine {
    /// This machine, now.
    #[must_use]
    pub fn of_this_run() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let model =
            model.and_then(|rest| rest.split_once(": ")).map_or("unknown", |(_, name)| name);
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: model.to_owned(),
            // A pinned thread would see its own core only.
            cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: kernel.trim().to_owned(),
            clock_ns: clock_cost_ns(),
            optimised: !cfg!(debug_assertions),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cpu, cores, kernel, clock_ns, .. } = self;
        write!(
            f,
            "{cpu}, {cores} cores, Linux {kernel}; reading the clock costs {clock_ns:.1} ns"
        )?;
        if !self.optimised {
            write!(f, "; NOT OPTIMISED: build with --release")?;
        }
        Ok(())
    }
}

fn clock_cost_ns() -> f64 {
    let reads = 100_000;
    let began = Stamp::now();
    for _ in 0..reads {
        std::hint::black_box(Stamp::now());
    }
    Stamp::now().ns_since(began) as f64 / f64::from(reads)
}

/// Rows under a heading.
#[derive(Debug, Clone)]
pub struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(heads: &[&str]) -> Self {
        Self { heads: heads.iter().map(|&head| head.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not one cell for each head.
    pub fn row(&mut self, cells: &[String]) {
        assert_eq!(cells.len(), self.heads.len(), "a row has one cell for each head");
        self.rows.push(cells.to_vec());
    }

    fn objects(&self) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let value = |cell: &String| match cell.parse::<f64>() {
            Ok(number) => number.into(),
            Err(_) => cell.clone().into(),
        };
        let object =
            |row: &Vec<String>| self.heads.iter().cloned().zip(row.iter().map(value)).collect();
        self.rows.iter().map(object).collect()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "| {} |", self.heads.join(" | "))?;
        writeln!(f, "|{}", " --- |".repeat(self.heads.len()))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
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

/// Pins the calling thread to a core; false if the system refuses or there is no such core.
pub fn pin(core: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: core })
}

/// A word on lines of its own.
#[repr(align(128))]
struct Apart(AtomicU64);

/// How far apart the first two cores are right now: half of the median round trip of a number that goes over one line
/// and comes back over another, in ns.
#[must_use]
pub fn placement_probe() -> f64 {
    let (there, back) = (Apart(AtomicU64::new(0)), Apart(AtomicU64::new(0)));
    let rounds = 20_000;
    let mut times = histogram();
    let await_round = |line: &Apart, round| {
        while line.0.load(Ordering::Acquire) != round {
            std::hint::spin_loop();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            for round in 1..=rounds {
                await_round(&there, round);
                back.0.store(round, Ordering::Release);
            }
        });
        // A thread of its own, so that the caller stays where it is.
        scope.spawn(|| {
            pin(0);
            for round in 1..=rounds {
                let began = Stamp::now();
                there.0.store(round, Ordering::Release);
                await_round(&back, round);
                times.saturating_record(Stamp::now().ns_since(began).max(1));
            }
        });
    });
    times.value_at_quantile(0.5) as f64 / 2.0
}
