//! Every example prints what its header shows.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `cargo test` has put an example: beside the directory of this test.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

#[test]
fn each_example_prints_what_its_header_shows() {
    for name in ["interrupt", "model_pool"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
        let source = std::fs::read_to_string(source).unwrap();
        let header = source.lines().map_while(|line| line.strip_prefix("//!"));
        let shown = header.skip_while(|line| *line != " ```text").skip(2);
        let shown: Vec<&str> = shown.take_while(|line| *line != " ```").map(str::trim).collect();
        let output = Command::new(built(name)).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed: Vec<&str> = printed.lines().map(str::trim).collect();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(printed, shown, "{name}");
    }
}
