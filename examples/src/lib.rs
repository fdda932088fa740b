//! Programs that teach, in the order to read them. Each is one file beside this package's manifest, below 60
//! lines, and shows in its header what it prints; a test runs every one and compares.
//!
//! | example | what it shows |
//! | --- | --- |
//! | `hello` | two neurons: a door, a chain, a tap that watches |
//! | `evidence` | threshold and leak; a neuron is given the spikes that made it fire |
//! | `refractory` | back-pressure: what comes during the pause is dropped and counted, or waits |
//! | `winner_takes_all` | lateral inhibition: exactly one agent takes a job |
//! | `delay_line` | conduction delays tell where a sound comes from |
//! | `stdp_pair` | the learning curve of one synapse, as a text plot |
//! | `reward` | three-factor learning finds the right one of three routes |
//! | `filters` | what a synapse lets through: kind, priority, prefix, closure |
//! | `context_filters` | filter expressions: what passes, what is unknown, and how mistakes are shown |
//! | `context_bus` | publish and subscribe: patterns, filters, priorities, a threshold; dropping the guard unsubscribes |
//! | `context_scopes` | working memory: global, session, user and event, and a scope that ends with its guard |
//! | `semantic_matching` | topics find their concepts by meaning, and opposites do not |
//! | `semantic_routing` | sentences reach the handlers of their concepts, with a score |
//! | `semantic_learning` | what handlers are good for is learned from right and wrong, and learned anew when it changes |
//! | `memory_recall` | events are remembered by what they mean, and recalled by a text |
//! | `memory_tiers` | what is important stays, what is not fades, in cortex time |
//! | `chain` | publish, meaning, context, memory, handler: one topology |
//! | `hooks` | a topic, a pattern, a meaning and an expression each have a model asked about an event |
//! | `triage` | lines of a log find their concepts; a model is asked only when evidence has gathered |
//! | `discovery` | neurons found by capability and by region |
//! | `swarm` | a hundred neurons in five regions, and one digest for one seed |
//! | `tract` | two cortexes joined over TCP: origins keep their names, and there is an answer |
//! | `epidemic` | a crowd: a hundred thousand agents of one type behind one endpoint |
//! | `cuba` | a population: 4,000 plain neurons that keep each other firing; draws the raster where it is told |
//! | `brunel` | four regimes of one network: rate, regularity and synchrony of 12,500 neurons |
//! | `song_abbott` | STDP between populations: a thousand inputs compete for one cell |
//! | `digits` | STDP and scaling: a hundred cells learn handwritten digits without labels, beside k-means and regression |
//! | `peer` | another process: a million spikes into a brain, and every answer out of it |
//!
//! ```sh
//! cargo run --example hello
//! ```
//!
//! Those about meaning use the table in the repository, or the model that `NEURONBUS_MODEL` names; what they print with
//! all-MiniLM-L6-v2 is in `examples/weights`.

pub mod digits;
pub mod events;
pub mod hooks;
pub mod plot;
pub mod statistics;
pub mod triage;

/// What the header of an example says that it prints: the first `text` block, without the command in its first line.
///
/// `None` if there is no such block, or its first line is not the command that runs the example.
///
/// ```
/// let source = "//! ```text\n//! $ cargo run --example two\n//! 2\n//! ```\n";
/// assert_eq!(neuronbus_examples::promised("two", source).as_deref(), Some("2\n"));
/// assert_eq!(neuronbus_examples::promised("three", source), None);
/// ```
#[must_use]
pub fn promised(name: &str, source: &str) -> Option<String> {
    let header = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut block = header.skip_while(|line| *line != " ```text").skip(1);
    if block.next()? != format!(" $ cargo run --example {name}") {
        return None;
    }
    let lines: Vec<&str> = block.take_while(|line| *line != " ```").collect();
    Some(
        lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect(),
    )
}
