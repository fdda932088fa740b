//! `neuronbus-sim --seed N`: one simulation. `neuronbus-sim --seeds FROM..BELOW`: many, on both cores' worth of
//! threads.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use neuronbus_sim::{Tally, simulate};

const USAGE: &str = "usage: neuronbus-sim --seed N | --seeds FROM..BELOW [--threads N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let parsed = match arguments[..] {
        ["--seed", seed] => seed.parse().ok().map(|seed: u64| (seed, seed + 1, 1)),
        ["--seeds", range] => bounds(range).map(|(from, below)| (from, below, 2)),
        ["--seeds", range, "--threads", threads] => {
            bounds(range).zip(threads.parse().ok()).map(|((from, below), n)| (from, below, n))
        }
        _ => None,
    };
    let Some((from, below, threads)) = parsed else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (next, failed) = (AtomicU64::new(from), AtomicU64::new(0));
    let total = Mutex::new(Tally::default());
    let work = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= below {
                break;
            }
            if seed > from && (seed - from).is_multiple_of(10_000) {
                eprintln!("{} seeds begun, {} failed", seed - from, failed.load(Ordering::Relaxed));
            }
            match simulate(seed, None) {
                Ok(outcome) => {
                    tally += outcome.tally;
                    if below - from == 1 {
                        println!("seed {seed}: digest {}", outcome.digest);
                    }
                }
                Err(failure) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    println!("seed {seed} failed, {failure}");
                    println!("  again: cargo run -p neuronbus-sim -- --seed {seed}");
                }
            }
        }
        *total.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += tally;
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    let total = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{} passed, {failed} failed; {total:?}", below - from - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bounds(range: &str) -> Option<(u64, u64)> {
    let (from, below) = range.split_once("..")?;
    let (from, below) = (from.parse().ok()?, below.parse().ok()?);
    (from < below).then_some((from, below))
}
