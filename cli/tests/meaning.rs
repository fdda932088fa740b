//! Meaning on the command line: models, calibration, explanation.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::process::{Command, Output};

const EXAMPLES: &str = "text,label
the card was declined,payment failed
my credit card was rejected,payment failed
\"card payment declined, again\",payment failed
credit card payment rejected,payment failed
will it rain tomorrow,weather
is rain likely tomorrow,weather
rain or snow tomorrow,weather
will it snow or rain,weather
";

fn neuronbus(folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neuronbus"));
    // Whatever models this machine has are none of the test's business.
    let command =
        command.current_dir(folder).env("XDG_CACHE_HOME", folder).env_remove("NEURONBUS_MODELS");
    command.args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn thresholds_are_calibrated_and_decisions_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("examples.csv"), EXAMPLES).unwrap();
    let arguments = ["calibrate", "examples.csv", "--folds", "4", "--out", "concepts.json"];
    let table = said(&neuronbus(folder.path(), &arguments));
    assert!(table.contains("payment failed") && table.contains("100.0 % of texts"), "{table}");
    let told = said(&neuronbus(
        folder.path(),
        &["explain", "rejected card", "--concepts", "concepts.json"],
    ));
    assert!(told.contains("payment failed:") && told.contains("; fires"), "{told}");
    assert!(told.contains("weather:") && told.contains("short of its threshold"), "{told}");
    let arguments =
        ["explain", "payment_succeeded", "--concepts", "concepts.json", "--format", "json"];
    let told: serde_json::Value =
        serde_json::from_str(&said(&neuronbus(folder.path(), &arguments))).unwrap();
    assert_ne!(told[0]["verdict"], "fires", "{told}");
}

#[test]
fn models_are_listed_and_one_that_is_not_there_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let list = said(&neuronbus(folder.path(), &["model", "ls"]));
    assert!(list.contains("static       here") && list.contains("minilm       absent"), "{list}");
    std::fs::write(folder.path().join("examples.csv"), EXAMPLES).unwrap();
    let refused = |model: &str| {
        let output = neuronbus(folder.path(), &["calibrate", "examples.csv", "--model", model]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = refused("minilm");
    assert!(code == Some(1) && told.contains("neuronbus model fetch minilm"), "{told}");
    let (code, told) = refused("gpt");
    assert!(code == Some(2) && told.contains("no model is called \"gpt\""), "{told}");
}

#[test]
fn examples_that_are_none_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    for (text, reason) in
        [("a,b,c\n", "line 1 has 3 columns"), ("a,b\n,b\n", "line 2"), ("a,b\n", "1 labels")]
    {
        std::fs::write(folder.path().join("bad.csv"), text).unwrap();
        let output = neuronbus(folder.path(), &["calibrate", "bad.csv"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(reason), "{told}");
    }
}
