//! Every example prints what its header shows, and keeps to its size.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use neuronbus_examples::promised;

const LINES_MAX: usize = 59;

/// The sources in the directory of this package, by name.
fn examples() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let sources = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut found: Vec<_> = sources
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Where `cargo test` has put an example: beside the directory of this test.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    profile.join("examples").join(file)
}

#[test]
fn each_is_declared() {
    let manifest = include_str!("../Cargo.toml");
    let names: Vec<String> = examples().into_iter().map(|(name, _)| name).collect();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        let declared = format!("[[example]]\nname = \"{name}\"\npath = \"{name}.rs\"");
        assert!(manifest.contains(&declared), "{name} is not declared in Cargo.toml");
    }
}

#[test]
fn each_is_below_sixty_lines() {
    for (name, source) in examples() {
        let lines = source.lines().count();
        assert!(lines <= LINES_MAX, "{name} has {lines} lines");
    }
}

#[test]
fn each_prints_what_its_header_shows() {
    let mut wrong = Vec::new();
    for (name, source) in examples() {
        let expected = promised(&name, &source).unwrap_or_else(|| panic!("{name} shows no output"));
        let program = built(&name);
        // What is shown must not depend on data that may lie beside the project, or on a model that is asked for.
        let mut command = Command::new(&program);
        let output =
            command.env("DIGITS", "").env_remove("NEURONBUS_MODEL").output().unwrap_or_else(
                |error| {
                    // `cargo test --test shown` alone builds no examples.
                    panic!("{}: {error}; run `cargo build --examples` first", program.display())
                },
            );
        let printed = String::from_utf8_lossy(&output.stdout);
        let trimmed: String =
            printed.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        if !output.status.success() || trimmed != expected {
            let complaint = String::from_utf8_lossy(&output.stderr);
            wrong.push(format!("{name} shows\n{expected}but prints\n{printed}{complaint}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_raster_is_drawn_with_a_dot_for_each_spike() {
    let picture = std::env::temp_dir().join(format!("cuba-{}.svg", std::process::id()));
    let output = Command::new(built("cuba")).arg(&picture).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let drawn = std::fs::read_to_string(&picture).unwrap();
    std::fs::remove_file(&picture).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"));
    let printed = String::from_utf8_lossy(&output.stdout);
    let rate: f64 =
        printed.lines().find_map(|line| line.strip_suffix(" Hz a cell")?.parse().ok()).unwrap();
    let dots = drawn.matches("<circle").count() as f64;
    assert!((dots / (rate * 3_200.0 * 0.6) - 1.0).abs() < 0.02, "{dots} dots at {rate} Hz");
}

#[test]
fn cells_that_compete_come_near_to_clusters_on_the_uci_digits() {
    let output = Command::new(built("digits")).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    let shares: Vec<f64> = printed
        .lines()
        .filter_map(|line| line.strip_suffix(" %")?.split_whitespace().last()?.parse().ok())
        .collect();
    let [spikes, clusters, told] = shares[..] else { panic!("{printed}") };
    // Chance is 10. Without the file, pictures are drawn, and there are fewer to learn from.
    let least = if printed.contains("UCI") { 88.0 } else { 80.0 };
    assert!(spikes >= least && clusters > 90.0 && told > 90.0, "{printed}");
}
