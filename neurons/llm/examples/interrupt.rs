//! A speaks, B contradicts it: A stops, says why, and answers anew; C hears all in order. Then it is replayed.
//!
//! ```text
//! $ cargo run -p neuronbus-llm --example interrupt
//! B: the bridge is open
//! B: the bridge is closed
//! A: The bridge is open
//! A stops: bridge was "the bridge is open" and is now "the bridge is closed"
//! A: I have changed my mind: the bridge is closed, go round.
//! replayed, nobody asked: the same digest
//! ```
//!
//! With the URL of a server, or a file of weights (`.gguf`, feature `local`), A is a real model.

#[path = "parts/bridge.rs"]
mod bridge;

use bridge::{Heard, Talk};
use neuronbus::cortex::{Playback, ReplayOptions};
use neuronbus_llm::Ending;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let journal = tempfile::tempdir()?;
    let model = std::env::args().nth(1);
    let mut talk = Talk::of(model.as_deref(), Some(journal.path()))?;
    talk.run()?;
    for heard in talk.heard() {
        match heard {
            Heard::B(text) => println!("B: {text}"),
            Heard::A(said) => {
                println!("A: {}", said.text.trim());
                if let Ending::StaleDueTo { staleness, .. } = said.ending {
                    println!("A stops: {}", staleness.reason);
                }
            }
        }
    }
    // The script is there and is not asked: what the model said then is fed again.
    let mut again = Talk::of(None, None)?;
    again.cortex.replay(&mut Playback::open(journal.path())?, ReplayOptions::default())?;
    let same = again.cortex.digest() == talk.cortex.digest();
    println!("replayed, nobody asked: {} digest", if same { "the same" } else { "another" });
    Ok(())
}
