//! Agents that do nothing: what each costs in memory and in time to add.
//!
//! Each measurement has a process of its own, because the resident memory of one that has measured other things before
//! tells nothing.

use std::process::{Command, ExitCode};

use neuronbus::pace::Stamp;

use crate::agents::{Actix, Actors, Kameo, Ractor, our_idle};
use crate::harness::{Comparison, Sample, Scale, Target, Unit};

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

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// What can be measured in a process of its own, by name: how many, and what adds them.
type Case = (&'static str, u32, fn(u32, &mut Meter));

const CASES: &[Case] = &[
    ("boxed agents", 60_000, |count, meter| our_idle(count, meter).expect("enough ids")),
    ("actix", 100_000, |count, meter| Actix::idle(count as usize, meter)),
    ("ractor", 100_000, |count, meter| Ractor::idle(count as usize, meter)),
    ("kameo", 100_000, |count, meter| Kameo::idle(count as usize, meter)),
];

/// Measures a case here and prints bytes and ns for each, for the process that asked.
#[must_use]
pub fn in_this_process(name: &str, scale: Scale) -> ExitCode {
    let Some((_, count, add)) = CASES.iter().find(|(case, ..)| *case == name) else {
        eprintln!("there is no case {name}");
        return ExitCode::from(2);
    };
    let mut meter = Meter::default();
    let count = count / scale.of(1, 100) as u32;
    add(count, &mut meter);
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

fn compare(title: &'static str, unit: Unit, scale: Scale) -> Comparison {
    let index = usize::from(unit == Unit::Ns);
    let mut comparison = Comparison::new(title, unit);
    for (name, ..) in CASES {
        let run = move || Sample::from(elsewhere(name, scale)[index]);
        comparison = if name.contains("agents") {
            comparison.ours(name, run)
        } else {
            comparison.peer(name, run)
        };
    }
    comparison
}

/// Memory.
#[must_use]
pub fn bytes(scale: Scale) -> Comparison {
    compare("Resident bytes for each of very many idle agents", Unit::Bytes, scale)
        .target(Target::at_most(256.0))
}

/// Time to add.
#[must_use]
pub fn add(scale: Scale) -> Comparison {
    compare("Adding each of very many idle agents", Unit::Ns, scale).target(Target::at_most(200.0))
}
