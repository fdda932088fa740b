//! Handlers whose names mislead: what they are good for is learned from right and wrong alone, and when two of them
//! change places, that is found out too.
//!
//! ```text
//! $ cargo run --example semantic_learning
//! round  1:  0 of 12 right
//! round  2:  7 of 12 right
//! round  5: 12 of 12 right
//! round 10: 12 of 12 right
//! round 11:  7 of 12 right
//! round 12: 12 of 12 right
//! round 20: 12 of 12 right
//! ```

use std::sync::Arc;

use neuronbus_examples::events::encoder;
use neuronbus_semantic::encoder::EncodeError;
use neuronbus_semantic::router::{Router, RouterSettings};

/// What is said, and who can deal with it. No handler is called what it is good for.
const TEXTS: [(&str, usize); 12] = [
    ("what is the balance of my account", 0),
    ("how much money do I have", 0),
    ("transfer money to my savings", 0),
    ("pay the bill from checking", 0),
    ("play some music by the beatles", 1),
    ("skip this song", 1),
    ("turn the volume up", 1),
    ("add this track to my playlist", 1),
    ("will it rain tomorrow", 2),
    ("is a storm coming to berlin", 2),
    ("how cold is it outside", 2),
    ("do I need an umbrella today", 2),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let encoder = encoder()?;
    let names = ["music", "weather", "banking"].map(|name| encoder.encode(name));
    let names = names.into_iter().collect::<Result<Vec<_>, _>>()?;
    let model = Arc::new(encoder.model().clone());
    let mut router = Router::new(model, &names, RouterSettings::default())?;
    let texts = TEXTS.iter().map(|&(text, handler)| Ok((encoder.encode(text)?, handler)));
    let texts = texts.collect::<Result<Vec<_>, EncodeError>>()?;
    for round in 1..=20 {
        let mut right = 0;
        for &(ref text, handler) in &texts {
            // From the eleventh round on, the first two do each other's work.
            let truth = if round > 10 && handler < 2 { 1 - handler } else { handler };
            let choice = router.choose(text)?;
            right += usize::from(choice.handler == truth);
            router.learn(&choice, if choice.handler == truth { 1.0 } else { -1.0 });
        }
        if [1, 2, 5, 10, 11, 12, 20].contains(&round) {
            println!("round {round:2}: {right:2} of 12 right");
        }
    }
    Ok(())
}
