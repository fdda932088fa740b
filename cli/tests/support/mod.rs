//! The real binary, and input made from a seed.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The command, in the folder that holds `brains/`, with every stream a pipe.
pub fn neuronbus(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neuronbus"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command.args(args).env_remove("NO_COLOR").env_remove("RUST_BACKTRACE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end without input.
pub fn run(args: &[&str]) -> Output {
    neuronbus(args).output().unwrap()
}

/// Runs to the end of an input.
pub fn feed(args: &[&str], input: impl Into<Vec<u8>>) -> Output {
    let mut child = neuronbus(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.into();
    // On a thread: the command may have to write before it has read everything.
    let writer = std::thread::spawn(move || {
        // A command that refuses to start does not read.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The one JSON document of a run that went well.
#[track_caller]
pub fn document(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Sends a signal by the shell's own `kill`.
pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Waits until a process has taken SIGINT into its own hands; before that a signal would just end it.
pub fn until_listening(child: &Child) {
    let status = format!("/proc/{}/status", child.id());
    for _ in 0..1000 {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        if mask.is_some_and(|mask| mask & 0b10 != 0) {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    panic!("the command did not install its signal handlers within 10 s");
}

/// A generator that is the same everywhere (xorshift64*, Vigna 2016).
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// JSON lines over forty topics, all random except that `beta.slow` follows each `alpha.down` (1% of the lines) by
/// three lines.
pub fn causal_lines(count: usize, seed: u64) -> String {
    let mut random = Seeded::new(seed);
    let mut topics: Vec<Option<u8>> = vec![None; count + 4];
    const ALPHA: u8 = 100;
    const BETA: u8 = 101;
    for at in 0..count {
        if topics[at].is_some() {
            continue;
        }
        let drawn = random.below(38) as u8;
        topics[at] = Some(drawn);
        if random.below(100) == 0 && topics[at + 3].is_none() {
            topics[at] = Some(ALPHA);
            topics[at + 3] = Some(BETA);
        }
    }
    let mut text = String::with_capacity(count * 40);
    for (at, topic) in topics.iter().take(count).enumerate() {
        match topic.unwrap_or(0) {
            ALPHA => text.push_str("{\"topic\":\"alpha.down\""),
            BETA => text.push_str("{\"topic\":\"beta.slow\""),
            other => write!(text, "{{\"topic\":\"noise.{other}\"").unwrap(),
        }
        writeln!(text, ",\"value\":{}}}", at % 997).unwrap();
    }
    text
}
