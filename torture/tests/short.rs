//! A short run of each torture: what a long one finds, it finds sooner or later.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;

fn torture(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_torture")).args(args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn three_hundred_kills_break_nothing_and_lose_nothing_that_was_accepted() {
    let said = torture(&["kill", "300", "7"]);
    assert!(said.contains("0 broken, 0 refused"), "{said}");
    assert!(said.contains("nothing held"), "{said}");
}

#[test]
fn a_peer_that_scribbles_over_the_files_crashes_and_hangs_nobody() {
    let said = torture(&["scribble", "6000", "7"]);
    assert!(said.contains("0 crashes, 0 hangs"), "{said}");
}

#[test]
fn files_that_are_cut_short_crash_and_hang_nobody() {
    let said = torture(&["truncate", "12", "7"]);
    assert!(said.contains("0 crashes, 0 hangs"), "{said}");
}
