//! Lines of a log become evidence; a model is asked only when enough of it has gathered, and told what it was.
//!
//! ```text
//! $ cargo run -p neuronbus-llm --example triage
//! report: 3 of the lines look serious; first: disk sda1: I/O error, sector 81920
//! report: 6 of the lines look serious; first: sshd: 17 failures of one address, locked
//! 60 lines, 10 suspicious, 2 calls; a hook on every line would have made 60
//! 2 calls read 311 tokens and wrote 27: 0.0004 of any money
//! ```
//!
//! With a file as an argument, its lines are read; the model is a script, and its price that of a small real one.

#[path = "parts/reports.rs"]
mod reports;

use std::time::Duration;

use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_llm::{Interruption, LlmSettings, llm_agent};
use reports::{Spent, scripted_reporter, suspicion};

/// What a machine says in a quiet hour, and what it says in between.
const QUIET: &str = "systemd: session opened for user backup";
const LOUD: [&str; 6] = [
    "disk sda1: I/O error, sector 81920",
    "disk sda1: I/O error, sector 81928",
    "raid md0: degraded, one device failed",
    "sshd: 17 failures of one address, locked",
    "sshd: 25 failures of one address, locked",
    "sudo: authentication failure for admin",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sample = || (0..60).map(|n| if n % 6 == 5 { LOUD[n / 6 % 6] } else { QUIET }.to_owned());
    let lines: Vec<String> = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?.lines().map(str::to_owned).collect(),
        None => sample().collect(),
    };
    let (log, gate) = Publisher::gate(16, 1);
    let mut builder = Cortex::builder();
    let log_lines = builder.region(Region::gated("log", gate));
    let model = builder.region(Region::gated("model", scripted_reporter().gate("model")));
    // Three suspicious lines within half a minute are enough; then it is quiet for ten seconds.
    let membrane = Lif { tau: Duration::from_secs(30).into(), ..Lif::default() };
    let ask = LlmSettings::new("Report what is serious in two sentences. {evidence}")?;
    let ask = ask.membrane(membrane.refractory(Duration::from_secs(10)));
    // Lines of a log are all about the same and each says something else: none overtakes a report.
    let ask = ask.interruption(Interruption::never());
    let triage = llm_agent(&mut builder, "triage", (model, "model"), ask)?;
    let suspicious = Dendrite::priority_at_least(suspicion("error"));
    let heard = Projection::all_to_all().weight(0.4).dendrite(suspicious);
    builder.project(log_lines, triage.evidence, heard).pace(Pace::Free);
    let spent = Spent::listen(&mut builder, triage.messages);
    let mut cortex = builder.build()?;
    for line in &lines {
        log.publish(&Event::new("log").body(line.as_str()).priority(suspicion(line)))?;
        cortex.run_for(Duration::from_millis(500))?;
    }
    cortex.run_for(Duration::from_secs(5))?;
    spent.print(&lines);
    Ok(())
}
