//! Topics find their concepts by what they mean, and their opposites do not. What only looks like an opposite is
//! declared to be the same.
//!
//! ```text
//! $ cargo run --example semantic_matching
//! card_declined: payment failed 1.00
//! paymentSucceeded: not payment failed, though 0.86 like it
//! lowBattery: battery low 1.00
//! sso.ok: user login 1.00
//! user_logged_in: user login 0.78
//! user_logged_out: not user login, though 0.76 like it
//! it_rains: nobody's, payment failed is nearest at 0.12
//! ```

use neuronbus_examples::events::encoder;
use neuronbus_semantic::lexicon::Verdict;
use neuronbus_semantic::matrix::dot;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::text::spaced;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let encoder = encoder()?;
    let concepts = [
        Concept::new("payment failed").exemplar("the card was declined").threshold(0.5),
        Concept::new("battery low").exemplar("the battery is running out").threshold(0.5),
        Concept::new("user login").topic("sso.ok").same_as("user logged in").threshold(0.5),
    ];
    let lexicon = Lexicon::new(&concepts, &*encoder)?;
    for topic in [
        "card_declined",
        "paymentSucceeded",
        "lowBattery",
        "sso.ok",
        "user_logged_in",
        "user_logged_out",
        "it_rains",
    ] {
        let vector = encoder.encode(&spaced(topic))?;
        let judgements = lexicon.judge(topic, &vector)?;
        let near = judgements.iter().find(|it| it.verdict != Verdict::BelowThreshold);
        let first = near.unwrap_or(&judgements[0]);
        match &first.verdict {
            Verdict::Fires => println!("{topic}: {} {:.2}", first.concept, first.score),
            Verdict::Sibling { exemplar } => {
                let cosine = dot(&vector, &encoder.encode(exemplar)?);
                println!("{topic}: not {}, though {cosine:.2} like it", first.concept);
            }
            _ => println!("{topic}: nobody's, {} is nearest at {:.2}", first.concept, first.score),
        }
    }
    Ok(())
}
