//! Every figure of `docs/performance.md`, ours beside the peers', from one command:
//!
//! ```sh
//! cargo bench -p neuronbus-benches                              # everything, as Markdown
//! cargo bench -p neuronbus-benches -- axon agents/ring          # what begins with one of these
//! cargo bench -p neuronbus-benches -- --json numbers.json       # and a file for programs
//! cargo bench -p neuronbus-benches -- --smoke                   # a moment each: does it run?
//! ```
//!
//! Contestants of one comparison run in turn, round after round, in one process, and the median of the rounds counts:
//! machines are shared, so only a ratio within one comparison means something. The virtual cores of a machine are now
//! near to each other, now far: beside every figure that crosses cores stands a probe of the distance at that moment.
//!
//! To add a row, write a function that returns a [`harness::Comparison`] and enter it into [`COMPARISONS`].

pub mod agents;
pub mod apart;
pub mod axon;
pub mod cells;
pub mod events;
pub mod gate;
pub mod harness;
pub mod journal;
pub mod llm;
pub mod meaning;
pub mod memory;
pub mod networks;
pub mod processes;
pub mod rings;
pub mod snapshot;
pub mod wires;

use std::process::ExitCode;

use harness::{Named, Options};

/// What can be measured, by name, in the order in which it is printed.
pub const COMPARISONS: &[Named] = &[
    ("axon/latency", axon::latency),
    ("axon/single", axon::single),
    ("axon/batch", axon::batch),
    ("axon/two-readers", axon::two_readers),
    ("axon/one-thread", axon::one_thread),
    ("axon/one-thread-batch", axon::one_thread_batch),
    ("axon/one-thread-short", axon::one_thread_short),
    ("gate/latency", gate::latency),
    ("journal/append", journal::append),
    ("journal/synced", journal::synced),
    ("journal/synced-alone", journal::synced_alone),
    ("journal/scan", journal::scan),
    ("journal/range", journal::range),
    ("journal/open", journal::open),
    ("journal/compressed", journal::compressed),
    ("processes/latency", processes::latency),
    ("processes/throughput", processes::throughput),
    ("processes/megabyte", processes::hand_over),
    ("processes/round-trip", processes::round_trip),
    ("processes/attach", processes::attach),
    ("processes/many", processes::many),
    ("llm/cancel", llm::cancel),
    ("llm/token", llm::token),
    ("llm/request", llm::request),
    ("llm/ticks", llm::ticks),
    ("llm/ticks-cpu", llm::ticks_cpu),
    ("llm/streams", llm::streams),
    ("events/filter", events::filter),
    ("events/subscriptions", events::subscriptions),
    ("events/chain", events::whole_chain),
    ("events/recall", events::recall),
    ("meaning/encode", meaning::encode),
    ("meaning/match", meaning::matching),
    ("meaning/round", meaning::round),
    ("meaning/lines", meaning::lines),
    ("wires/round-trip", wires::round_trip),
    ("wires/batches", wires::batches),
    ("agents/ping-pong", agents::ping_pong),
    ("agents/ring", agents::ring),
    ("agents/ring-1000", agents::ring_of_1000),
    ("agents/two-cores", agents::two_cores),
    ("agents/fan-out", agents::fan_out),
    ("agents/bytes", memory::agents),
    ("agents/adding", memory::adding_agents),
    ("networks/cuba-4000", networks::cuba_4000),
    ("networks/cuba-100000", networks::cuba_100000),
    ("networks/brunel", networks::brunel_12500),
    ("networks/plastic-0.1ms", networks::plastic_fine),
    ("networks/plastic-1ms", networks::plastic_coarse),
    ("cells/alone", cells::alone),
    ("cells/delivery", cells::delivery),
    ("cells/growth", cells::growth),
    ("cells/bytes", memory::plain),
    ("snapshot", snapshot::states),
];

/// What the program does.
#[must_use]
pub fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    if let Some(name) = &options.alone {
        if let Some(task) = name.strip_prefix(processes::PREFIX) {
            return processes::in_this_process(task);
        }
        return memory::in_this_process(name, options.scale);
    }
    harness::run(COMPARISONS, &options)
}
