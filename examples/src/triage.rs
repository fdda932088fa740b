//! What the example `triage` needs beside its topology: lines, what may be serious in them, a script that reports, and
//! the bill.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::event::EventView;
use neuronbus::prelude::*;
use neuronbus_llm::{Price, Request, ScriptedModel, SpokenMessage, Usage, estimate_tokens};
use neuronbus_semantic::concept::Concept;
use neuronbus_semantic::encoder_neuron::Reading;
use serde_json::Value;

/// What a machine says in a quiet hour, and what it says in between.
const QUIET: [&str; 3] = [
    "systemd: session opened for user backup",
    "cron: job rotate-logs started",
    "dhclient: lease of 10.0.0.7 renewed for 3600 s",
];
const LOUD: [&str; 6] = [
    "kernel: disk I/O error on sda1, sector 81920",
    "kernel: disk I/O error on sda1, sector 81928",
    "mdadm: raid degraded, one device of md0 has failed",
    "sshd: failed password for root from 203.0.113.9",
    "sshd: authentication failure for admin",
    "sshd: possible break-in attempt from 203.0.113.9",
];

/// What a million tokens cost that are read, and that are written, in any money.
const PRICE: Price = Price { input: 1.0, cached: 0.1, output: 5.0 };

/// The lines of a file, of standard input for `-`, or of an hour that was made up.
///
/// # Errors
/// If they cannot be read.
pub fn lines(from: Option<String>) -> std::io::Result<Vec<String>> {
    let made_up = |n: usize| if n % 6 == 5 { LOUD[n / 6 % 6] } else { QUIET[n % 3] };
    let text = match from.as_deref() {
        None => return Ok((0..60).map(|n| made_up(n).to_owned()).collect()),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes)?;
            bytes
        }
        Some(path) => std::fs::read(path)?,
    };
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

/// An event means what the text of its body says, without the time and the program that logs put in front.
#[derive(Debug, Clone, Copy)]
pub struct Line;

impl Reading for Line {
    fn text<'a>(&self, payload: &'a [u8]) -> Option<&'a str> {
        let line = EventView::carried(payload)?.body().text()?;
        let said = line.split_once("]: ").or_else(|| line.rsplit_once("] "));
        Some(said.or_else(|| line.split_once(": ")).map_or(line, |(_, said)| said))
    }
}

/// What is serious, by what is said of it.
#[must_use]
pub fn concepts() -> [Concept; 3] {
    let storage =
        ["disk I/O error", "raid degraded, a device has failed", "no space left on device"];
    let access = [
        "authentication failure",
        "authentication failure; logname uid euid tty ruser rhost",
        "failed password for root",
        "invalid user",
        "possible break-in attempt",
        "check pass, user unknown",
    ];
    let service = ["child worker in error state", "process killed, out of memory", "kernel panic"];
    [
        Concept::new("storage failure").exemplars(storage).opposite_of("disk check passed"),
        Concept::new("attempted break-in")
            .exemplars(access)
            .opposite_of("session opened for user")
            .opposite_of("session closed for user")
            .opposite_of("accepted password for user"),
        Concept::new("service crash").exemplars(service).opposite_of("worker init ok"),
    ]
    .map(|concept| concept.threshold(0.45))
}

/// A model that says how much it was told, and the first of it.
#[must_use]
pub fn reporter() -> ScriptedModel {
    let script = |request: &Request| {
        let told = &request.messages[1].content;
        let lines: Vec<&str> = told.lines().filter(|line| line.starts_with('{')).collect();
        let first = lines.first().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let first = first.and_then(|first| first["text"].as_str().map(str::to_owned));
        let first = first.unwrap_or_default();
        format!("{} of the lines look serious; first: {first}", lines.len())
    };
    let each = Duration::from_millis(20)..=Duration::from_millis(30);
    ScriptedModel::new("reporter", script).taking(Duration::from_millis(50), each).price(PRICE)
}

#[derive(Debug, Default)]
struct Sums {
    calls: u64,
    usage: Usage,
    cost: f64,
}

/// Prints reports as they come, and adds up what they cost.
#[derive(Debug, Clone, Default)]
pub struct Bill(Arc<Mutex<Sums>>);

impl Bill {
    /// Listens to the messages of an agent.
    pub fn listen(builder: &mut CortexBuilder, messages: Port) -> Self {
        let bill = Self::default();
        let region = builder.region(Region::agents("office").neuron("clerk", bill.clone()));
        builder.project(messages, region, Projection::all_to_all());
        bill
    }

    /// Prints the sums, and beside them what a hook on every line would have come to: the same question for each line,
    /// with an answer as long as those that were given.
    pub fn print(&self, question: &str, lines: &[String], recognised: u64) {
        let Sums { calls, usage, cost } = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = lines.len() as u64;
        println!("{count} lines, {recognised} of them serious, {calls} calls");
        println!("read {} tokens, wrote {}: {cost:.4} of any money", usage.input, usage.output);
        let asked: u64 =
            lines.iter().map(|line| estimate_tokens(question) + estimate_tokens(line)).sum();
        let output = count * usage.output / (*calls).max(1);
        let each = Usage { input: asked, cached: 0, output };
        println!(
            "a hook on every line: {count} calls, read {asked} tokens, wrote {output}: {:.4}",
            PRICE.of(each)
        );
    }
}

impl Neuron for Bill {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let body = EventView::parse(payload)?.body().read::<Value>()?;
        let message: SpokenMessage = serde_json::from_value(body)?;
        println!("report: {}", message.text);
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.calls += 1;
        sums.usage += message.usage;
        sums.cost += message.cost;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}
