//! Sentences reach the handlers of the concepts they belong to, with their score. An encoder that takes longer than a
//! tick answers behind a gate.
//!
//! ```text
//! $ cargo run --example semantic_routing
//! refund: 0.81 please give me my money back
//! delivery: 0.72 when does my parcel arrive
//! greeting: 0.83 good morning everyone
//! 4 texts, 3 recognised
//! ```

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_examples::events::{Recognised, encoder};
use neuronbus_semantic::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let encoder = encoder()?;
    let concepts = [
        Concept::new("refund").exemplar("I want my money back").threshold(0.4),
        Concept::new("delivery").exemplar("where is my parcel").threshold(0.4),
        Concept::new("greeting").exemplar("hello").exemplar("good morning").threshold(0.4),
    ];
    let lexicon = Lexicon::new(&concepts, &*encoder)?.inhibition(10.0)?;
    let (mut inlet, gate) = Inlet::gate(64)?;
    let mut builder = Cortex::builder();
    let ear = builder.region(Region::gated("ear", gate));
    let meaning = Meaning::of("language", lexicon, encoder).holding().wire(&mut builder);
    builder.project(ear, meaning.input.clone(), Projection::all_to_all());
    for name in ["refund", "delivery", "greeting"] {
        let desk = Region::agents(&format!("desk/{name}")).neuron(name, Recognised(name));
        let desk = builder.region(desk);
        builder.project(meaning.concept(name), desk, Projection::all_to_all().weight(0.0));
    }
    builder.pace(Pace::Free);
    let mut cortex = builder.build()?;
    for text in [
        "please give me my money back",
        "when does my parcel arrive",
        "good morning everyone",
        "the cat sat on the mat",
    ] {
        inlet.fire(SpikeKind::Excitatory, 0, text.as_bytes())?;
        cortex.run_for(Ticks(20))?;
    }
    let counts = meaning.meter.counts();
    println!("{} texts, {} recognised", counts.texts, counts.recognised);
    Ok(())
}
