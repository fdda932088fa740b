//! Tortures a brain directory: processes are killed at random moments, files are scribbled over and cut short, and what
//! the survivors get is checked.
//!
//! ```sh
//! cargo run --release -p neuronbus-torture -- kill 10000        # SIGKILLs of producers, readers and the cortex
//! cargo run --release -p neuronbus-torture -- scribble 100000   # random bytes anywhere in any file
//! cargo run --release -p neuronbus-torture -- truncate 100      # files are made shorter
//! ```
//!
//! A second number is the seed; the last line says what was found, and the exit code whether it was as it must be.

#![forbid(unsafe_code)]

mod damage;
mod kill;
mod message;
mod roles;
mod seeded;

use std::path::PathBuf;
use std::process::ExitCode;

/// What a run ends with when something was not as it must be.
type Outcome = Result<String, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|text| text.parse::<u64>().ok());
    let path = |at: usize| PathBuf::from(args.get(at).cloned().unwrap_or_default());
    let count = number(1).unwrap_or(300);
    let seed = number(2).unwrap_or(1);
    let outcome = match args.first().map(String::as_str) {
        Some("kill") => kill::run(count, seed),
        Some("scribble") => damage::run(damage::Kind::Scribble, count, seed),
        Some("truncate") => damage::run(damage::Kind::Truncate, count, seed),
        // The roles that this program gives to copies of itself.
        Some("cortex") => roles::cortex(&path(1)),
        Some("producer") => roles::producer(&path(1), number(2).unwrap_or(0), &path(3)),
        Some("reader") => roles::reader(&path(1)),
        _ => Err("usage: torture kill|scribble|truncate [COUNT] [SEED]".into()),
    };
    match outcome {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("torture: {error}");
            ExitCode::FAILURE
        }
    }
}
