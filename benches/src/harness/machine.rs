//! What was measured on, and which versions of what.

use std::process::Command;

use neuronbus::pace::Stamp;

/// The head of every report.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Machine {
    /// As the processor names itself.
    cpu: String,
    /// How many threads can run at once.
    cores: usize,
    /// The kernel's release.
    kernel: String,
    /// The compiler's version.
    rustc: String,
    /// The day, UTC.
    date: String,
    /// The load of the machine when the run began: what else was running.
    load: f64,
    /// What reading the clock costs, ns.
    clock_ns: f64,
    /// Whether the build is optimised.
    optimised: bool,
}

impl Machine {
    pub(super) fn of_this_run() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name| {
            let line = cpuinfo.lines().find_map(|line: &str| line.strip_prefix(name));
            line.and_then(|rest| rest.split_once(": ")).map_or("unknown", |(_, value)| value)
        };
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            cpu: format!("{} (family {}, model {})", field("model name"), field("cpu family"), {
                field("model\t")
            }),
            // A pinned thread would see its own core only.
            cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: said("rustc", &["--version"]),
            date: said("date", &["-u", "+%F"]),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|l| l.parse().ok())
                .unwrap_or(0.0),
            clock_ns: clock_cost_ns(),
            optimised: !cfg!(debug_assertions),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cpu, cores, kernel, rustc, date, load, clock_ns, .. } = self;
        write!(
            f,
            "{date}, {cpu}, {cores} cores, load {load} at the start, Linux {kernel}, {rustc}; \
             reading the clock costs {clock_ns:.1} ns"
        )?;
        if !self.optimised {
            write!(f, "; NOT OPTIMISED")?;
        }
        Ok(())
    }
}

/// What a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map_or("unknown".to_owned(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn clock_cost_ns() -> f64 {
    let reads = 100_000;
    let began = Stamp::now();
    for _ in 0..reads {
        std::hint::black_box(Stamp::now());
    }
    Stamp::now().ns_since(began) as f64 / f64::from(reads)
}

/// A peer's name with the version of the crate that is its first word.
pub(super) fn with_version(name: &str) -> String {
    const LOCK: &str = include_str!("../../../Cargo.lock");
    let words = [' ', ',', ':'];
    let (package, rest) = name.split_at(name.find(words).unwrap_or(name.len()));
    let version = LOCK.split_once(&format!("name = \"{package}\"\nversion = \""));
    let version = version.and_then(|(_, rest)| rest.split_once('"'));
    version.map_or(name.to_owned(), |(version, _)| format!("{package} {version}{rest}"))
}
