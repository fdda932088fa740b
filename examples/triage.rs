//! Lines of a log find their concepts by what they mean; a model is asked only when evidence has gathered, and told
//! what it was. With a file as an argument its lines are read, with `-` those of standard input.
//!
//! ```text
//! $ cargo run --example triage
//! report: 3 of the lines look serious; first: kernel: disk I/O error on sda1, sector 81920
//! report: 6 of the lines look serious; first: sshd: failed password for root from 203.0.113.9
//! 60 lines, 10 of them serious, 2 calls
//! read 370 tokens, wrote 29: 0.0005 of any money
//! a hook on every line: 60 calls, read 1376 tokens, wrote 870: 0.0057
//! ```
//!
//! The model is a script, and its price that of a small real one.

use std::time::Duration;

use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_examples::triage::{Bill, Line, concepts, lines, reporter};
use neuronbus_llm::{Interruption, LlmSettings, llm_agent};
use neuronbus_semantic::prelude::*;

const ASK: &str = "Report what is serious in two sentences. {evidence}";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lines = lines(std::env::args().nth(1))?;
    let mut builder = Cortex::builder();
    let (log, gate) = Publisher::gate(16, 1);
    let log_lines = builder.region(Region::gated("log", gate));
    let model = builder.region(Region::gated("model", reporter().gate("model")));

    let meaning = Meaning::new("language", &concepts(), StaticTable::bundled())?.reading(Line);
    let meaning = meaning.wire(&mut builder);
    // Three lines that mean trouble within half a minute are enough; then it is quiet for ten seconds.
    let membrane = Lif { tau: Duration::from_secs(30).into(), ..Lif::default() };
    let ask = LlmSettings::new(ASK)?.membrane(membrane.refractory(Duration::from_secs(10)));
    // Lines of a log are all about the same and each says something else: none overtakes a report.
    let ask = ask.interruption(Interruption::never());
    let triage = llm_agent(&mut builder, "triage", (model, "model"), ask)?;
    builder.project(log_lines, meaning.input.clone(), Projection::all_to_all().weight(0.0));
    builder.project(
        meaning.concepts.clone(),
        triage.evidence,
        Projection::all_to_all().weight(0.4),
    );
    let bill = Bill::listen(&mut builder, triage.messages);
    builder.pace(Pace::Free);
    let mut cortex = builder.build()?;
    for line in &lines {
        log.publish(&Event::new("log").body(line.as_str()))?;
        cortex.run_for(Duration::from_millis(500))?;
    }
    cortex.run_for(Duration::from_secs(5))?;
    bill.print(ASK, &lines, meaning.meter.counts().recognised);
    Ok(())
}
