//! What the command says when it is used rightly and wrongly, and to streams that do not listen.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use std::fs::File;
use std::process::Stdio;

use support::{causal_lines, feed, neuronbus, run, stderr, stdout};

#[test]
fn without_a_command_there_is_a_short_help() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("Usage: neuronbus <COMMAND>"));
    assert!(stdout(&output).lines().count() < 40);
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(
        stdout(&run(&["--version"])),
        concat!("neuronbus ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for args in [
        &["runn"][..],
        &["run"],
        &["run", "brains/host.toml", "--for", "30"],
        &["run", "brains/host.toml", "--pace", "fast"],
        &["run", "brains/host.toml", "--colour"],
        &["topology", "brains/host.toml", "--format", "svg"],
        &["completions", "csh"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).starts_with("neuronbus: "), "{args:?}");
        assert_eq!(stdout(&output), "", "{args:?}");
    }
}

#[test]
fn a_wrong_description_starts_nothing_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    let text = "[brain]\nname = \"bad\"\n\n[[region]]\npath = \"r\"\nkind = \"reflex\"\nthresold = 3\n\
                \n[[projection]]\nfrom = \"rr\"\nto = \"r\"\nweight = nan\n";
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    for command in ["run", "check", "topology"] {
        let output = run(&[command, path]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert_eq!(stdout(&output), "", "{command}");
        let said = stderr(&output);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "every mistake at once:\n{said}");
        assert!(
            lines[0].starts_with(&format!(
                "neuronbus: {path}:7:1: B001 unknown key: region[0].thresold"
            ))
        );
        assert!(lines[0].ends_with("did you mean \"threshold\"?"), "{said}");
        assert!(lines[1].contains(":10:8: B007 unknown region: projection[0].from"), "{said}");
        assert!(lines[2].contains(":12:10: B005 out of range: projection[0].weight"), "{said}");
    }
    let output = run(&["check", "no/such/brain.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("B011"), "{}", stderr(&output));
}

#[test]
fn an_option_without_use_is_refused() {
    for args in [&["--topic-field", "event"][..], &["--input", "x.log"]] {
        let args: Vec<&str> = ["run", "brains/host.toml"].iter().chain(args).copied().collect();
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("has no region of kind \"lines\""), "{args:?}");
    }
}

#[test]
fn a_check_says_the_topology_back() {
    for brain in ["brains/host.toml", "brains/lines.toml"] {
        let output = run(&["check", brain]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(text.starts_with(&format!("{brain}: ok\n")), "{text}");
        assert!(text.contains("reflex/alert -> motor/alerts"), "{text}");
        assert!(!text.contains("probably not meant"), "{text}");
    }
}

#[test]
fn a_topology_is_a_graph() {
    let dot = stdout(&run(&["topology", "brains/lines.toml"]));
    assert!(dot.starts_with("digraph \"lines\" {\n") && dot.ends_with("}\n"), "{dot}");
    assert!(dot.contains("\"senses/lines\" -> \"senses/lines\""), "{dot}");
    let json = stdout(&run(&["topology", "brains/lines.toml", "--format", "json"]));
    let drawing: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(drawing["regions"][0]["path"], "senses/lines");
    assert_eq!(drawing["projections"][0]["learns"], true);
    assert!(drawing["graph"]["neurons"].is_array());
}

#[test]
fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(stdout(&output).contains("topic-field"), "{shell}");
    }
}

#[test]
fn a_full_disk_is_an_error_that_says_so() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let mut command = neuronbus(&["run", "brains/lines.toml", "--quiet"]);
    let output = command.stdout(Stdio::from(full)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.starts_with("neuronbus: standard output cannot be written: No space left"),
        "{said}"
    );

    let output = run(&["run", "brains/lines.toml", "--quiet", "--dot", "/dev/full"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.starts_with("neuronbus: /dev/full cannot be written: No space left"), "{said}");
    assert!(stdout(&output).contains("digest"), "the report is not lost with the drawing");

    let output = run(&["run", "brains/host.toml", "--dot", "no/such/folder/x.dot"]);
    assert_eq!(output.status.code(), Some(1), "told at once, not at the end of the run");
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    for args in [
        &["run", "brains/lines.toml", "--quiet", "--format", "json"][..],
        &["check", "brains/lines.toml"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = neuronbus(args).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        assert_eq!(stderr(&output), "", "{args:?}");
    }
}

#[test]
fn a_pipe_is_never_coloured() {
    let args = ["run", "brains/lines.toml"];
    for no_color in [None, Some("1"), Some("")] {
        let mut command = neuronbus(&args);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let output = command.output().unwrap();
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{no_color:?}");
    }
}

#[test]
fn quiet_leaves_only_the_report() {
    let output = feed(&["run", "brains/lines.toml", "--quiet"], causal_lines(100, 1));
    assert_eq!(stderr(&output), "");
    assert!(stdout(&output).starts_with("brain lines: "));
}
