//! A program in C joins a brain that runs here.

#![allow(clippy::unwrap_used, reason = "a test that cannot start its peer has failed")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use neuronbus::prelude::*;

#[test]
fn a_c_program_sends_and_reads_every_answer() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let (program, brain) = (folder.path().join("peer"), folder.path().join("brain"));
    // Where `cargo test` has put the library: beside this test.
    let test = std::env::current_exe().unwrap();
    let libraries = test.parent().unwrap();
    let compiled = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"])
        .arg(&program)
        .arg(package.join("examples/peer.c"))
        .arg("-I")
        .arg(package)
        .arg("-L")
        .arg(libraries)
        .arg(format!("-Wl,-rpath,{}", libraries.display()))
        .arg("-lneuronbus_c")
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));

    let mut builder = Cortex::builder();
    let ear = builder.region(Region::sensory("senses/ear"));
    let voice = builder.region(Region::motor("motor/voice"));
    builder.project(ear, voice, Projection::all_to_all());
    builder.directory(&brain).tick_length(Duration::from_micros(10));
    let running = builder.build().unwrap().spawn().unwrap();
    let output = Command::new(&program).arg(&brain).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1000 sent and answered\n");
    assert!(output.status.success(), "{}", output.status);
    drop(running);
}

#[test]
fn the_header_declares_every_function_and_every_code() {
    let header = include_str!("../neuronbus.h");
    let source = include_str!("../src/lib.rs");
    let functions: Vec<&str> = source
        .split("pub unsafe extern \"C\" fn ")
        .skip(1)
        .map(|rest| rest.split('(').next().unwrap())
        .collect();
    assert_eq!(functions.len(), 8);
    for function in functions {
        assert!(header.contains(&format!(" {function}(")), "{function}");
    }
    for constant in source.split("pub const ").skip(1) {
        let (name, rest) = constant.split_once(": c_int = ").unwrap();
        let value = rest.split(';').next().unwrap();
        assert!(header.contains(&format!("{name} = {value}")), "{name}");
    }
}
