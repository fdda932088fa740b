//! A program of its own that uses a brain: a million spikes in, and every answer out.
//!
//! ```text
//! $ cargo run --example peer
//! 1000000 sent, 1000000 answered, 0 out of order
//! ```
//!
//! Here it starts the brain. Told the directory of one that runs, it attaches to that and passes over what others say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use neuronbus::brain::{Brain, BrainError};
use neuronbus::cortex::Running;
use neuronbus::prelude::*;

const SPIKES: u64 = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// As in `brains/relay.toml`.
fn relay(path: &Path) -> neuronbus::Result<Running> {
    let mut builder = Cortex::builder();
    let ear = builder.region(Region::sensory("senses/ear"));
    let voice = builder.region(Region::motor("motor/voice"));
    builder.project(ear, voice, Projection::all_to_all());
    builder.directory(path).tick_length(Duration::from_micros(10));
    Ok(builder.build()?.spawn()?)
}

fn main() -> neuronbus::Result<()> {
    let told = std::env::args_os().nth(1).map(PathBuf::from);
    let own = std::env::temp_dir().join(format!("peer-{}", std::process::id()));
    let running = if told.is_none() { Some(relay(&own)?) } else { None };
    let brain = Brain::attach(told.as_ref().unwrap_or(&own))?;
    let (mut voice, mut ear) = (brain.motor("voice")?, brain.sensory("ear")?);
    let (mut sent, mut answered, mut disordered) = (0, 0, 0);
    while answered < SPIKES {
        if sent < SPIKES {
            match ear.fire(&u64::to_le_bytes(sent)) {
                Ok(()) => sent += 1,
                Err(BrainError::Full { .. }) => std::thread::yield_now(),
                Err(error) => return Err(error.into()),
            }
        } else if voice.lag() == 0 {
            voice.wait(PATIENCE)?;
        }
        while let Some(heard) = voice.read() {
            let Ok(number) = heard.payload.try_into().map(u64::from_le_bytes) else { continue };
            disordered += u64::from(number != answered);
            answered += 1;
        }
    }
    println!("{sent} sent, {answered} answered, {disordered} out of order");
    drop(running);
    if told.is_none() {
        std::fs::remove_dir_all(own)?;
    }
    Ok(())
}
