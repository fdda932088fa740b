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
fn the_header_is_the_one_that_the_source_gives() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    let made = cbindgen::Builder::new()
        .with_config(config)
        .with_src(package.join("src/lib.rs"))
        .generate()
        .unwrap();
    let mut text = Vec::new();
    made.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    let kept = package.join("neuronbus.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&kept, &text).unwrap();
    }
    let known = std::fs::read_to_string(kept).unwrap();
    assert_eq!(known, text, "UPDATE_HEADER=1 cargo test -p neuronbus-c makes it anew");
    // What is made is not empty: all eight functions, all nine codes.
    assert_eq!((text.matches(" nb_").count() >= 8, text.matches("#define NB_").count()), (true, 9));
}
