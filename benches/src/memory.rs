//! What an idle agent, a cell and a synapse cost in memory, and an agent in time to add.
//!
//! Each measurement has a process of its own, because the resident memory of one that has measured other things before
//! tells nothing.

use std::process::{Command, ExitCode};

use neuronbus::pace::Stamp;
use neuronbus::population::Cells;
use neuronbus::prelude::*;

use crate::agents::{Actix, Actors, Kameo, Ractor, idle_boxed, idle_crowd};
use crate::harness::{Comparison, Sample, Scale, Side, Target, Unit};

/// Resident memory and time between two moments.
#[derive(Debug, Default)]
pub struct Meter {
    began: Option<(u64, Stamp)>,
    bytes: u64,
    ns: u64,
}

impl Meter {
    /// From here.
    pub fn start(&mut self) {
        self.began = Some((resident_bytes(), Stamp::now()));
    }

    /// To here.
    pub fn stop(&mut self) {
        let now = Stamp::now();
        if let Some((bytes, began)) = self.began.take() {
            self.ns = now.ns_since(began);
            self.bytes = resident_bytes().saturating_sub(bytes);
        }
    }
}

/// What the process has of the machine's memory.
pub(crate) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// What can be measured in a process of its own.
struct Case {
    name: &'static str,
    side: Side,
    /// How many of them there are.
    count: u32,
    add: fn(u32, &mut Meter),
}

const fn case(name: &'static str, side: Side, count: u32, add: fn(u32, &mut Meter)) -> Case {
    Case { name, side, count, add }
}

const AGENTS: &[Case] = &[
    case("boxed agents", Side::Ours, 60_000, |n, meter| idle_boxed(n, meter).expect(DESCRIBED)),
    case("a crowd", Side::Ours, 100_000, |n, meter| idle_crowd(n, meter).expect(DESCRIBED)),
    case("actix", Side::Peer, 100_000, |n, meter| Actix::idle(n as usize, meter)),
    case("ractor", Side::Peer, 100_000, |n, meter| Ractor::idle(n as usize, meter)),
    case("kameo", Side::Peer, 100_000, |n, meter| Kameo::idle(n as usize, meter)),
];

const PLAIN: &[Case] = &[
    case("static synapse", Side::Ours, 10_000_000, |n, meter| synapses(n, false, meter)),
    case("plastic synapse", Side::Ours, 10_000_000, |n, meter| synapses(n, true, meter)),
    case("plain cell", Side::Ours, 1_000_000, cells),
];

const DESCRIBED: &str = "it is described correctly";

/// So many synapses between 10,000 cells.
fn synapses(count: u32, plastic: bool, meter: &mut Meter) {
    const CELLS: u32 = 10_000;
    let mut builder = Cortex::builder();
    let cells = Cells::lif(Lif::default().tau(std::time::Duration::from_millis(20)));
    let region = builder.region(Region::population("cells", cells, CELLS));
    let mut projection =
        Projection::random(f64::from(count) / f64::from(CELLS).powi(2)).weight(0.1);
    if plastic {
        projection = projection.plasticity(Stdp::default());
    }
    builder.project(region, region, projection);
    meter.start();
    let cortex = builder.build().expect(DESCRIBED);
    meter.stop();
    drop(cortex);
}

fn cells(count: u32, meter: &mut Meter) {
    let mut builder = Cortex::builder();
    let cells = Cells::lif(Lif::default().tau(std::time::Duration::from_millis(20)));
    builder.region(Region::population("cells", cells, count));
    meter.start();
    let cortex = builder.build().expect(DESCRIBED);
    meter.stop();
    drop(cortex);
}

/// Measures a case here and prints bytes and ns for each, for the process that asked.
#[must_use]
pub fn in_this_process(name: &str, scale: Scale) -> ExitCode {
    let Some(case) = AGENTS.iter().chain(PLAIN).find(|case| case.name == name) else {
        eprintln!("there is no case {name}");
        return ExitCode::from(2);
    };
    let mut meter = Meter::default();
    let count = case.count / scale.of(1, 100) as u32;
    (case.add)(count, &mut meter);
    let each = |total: u64| total as f64 / f64::from(count);
    println!("{} {}", each(meter.bytes), each(meter.ns));
    ExitCode::SUCCESS
}

/// Bytes and ns for each, measured in a process of its own.
fn elsewhere(name: &str, scale: Scale) -> [f64; 2] {
    let mut program = Command::new(std::env::current_exe().expect("this program has a path"));
    program.args(["--alone", name]).args(scale.argument());
    let output = program.output().expect("this program can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures = text.split_whitespace().map(|figure| figure.parse().ok());
    [(); 2].map(|()| figures.next().flatten().expect("two figures are printed"))
}

fn compare(title: &'static str, cases: &'static [Case], unit: Unit, scale: Scale) -> Comparison {
    let index = usize::from(unit == Unit::Ns);
    cases.iter().fold(Comparison::new(title, unit), |comparison, case| {
        let run = move || Sample::from(elsewhere(case.name, scale)[index]);
        match case.side {
            Side::Ours => comparison.ours(case.name, run),
            Side::Peer => comparison.peer(case.name, run),
            Side::Limit => comparison.limit(case.name, run),
        }
    })
}

/// Memory of agents.
#[must_use]
pub fn agents(scale: Scale) -> Comparison {
    compare("Resident bytes for each of very many idle agents", AGENTS, Unit::Bytes, scale)
        .target(Target::at_most(256.0))
        .target(Target::at_most(64.0).of("a crowd"))
}

/// Time to add agents.
#[must_use]
pub fn adding_agents(scale: Scale) -> Comparison {
    compare("Adding each of very many idle agents", AGENTS, Unit::Ns, scale)
        .target(Target::at_most(200.0))
        .target(Target::at_most(200.0).of("a crowd"))
}

/// Memory of plain cells and their synapses.
#[must_use]
pub fn plain(scale: Scale) -> Comparison {
    compare("Resident bytes for each", PLAIN, Unit::Bytes, scale)
        .target(Target::at_most(8.0).of("static"))
        .target(Target::at_most(16.0).of("plastic"))
        .target(Target::at_most(32.0).of("plain cell"))
}
