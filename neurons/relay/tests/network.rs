//! Two processes in network namespaces of their own, over a cable that delays, loses, reorders and is pulled out.
//!
//! Needs the right to make namespaces, and `ip` and `tc` (package iproute2); without them it is skipped, and says so.
//! A kernel without netem cannot delay and reorder; then packets are dropped by `nft` (the package nftables), and what
//! was left out is said too.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use neuronbus::transport::Transport;
use neuronbus_relay::{Backend, Role, TcpSettings, TcpTransport};
use support::{PATIENCE, converse, settings};

/// Says to a process of this test which end it is: `listen`, `connect`; and over which back end.
const END: &str = "NEURONBUS_RELAY_END";

const COUNT: u32 = 6_000;

/// Runs a program of iproute2; what it complained about.
fn run(command: &str) -> Result<(), String> {
    let mut words = command.split(' ');
    let mut program = Command::new(words.next().unwrap());
    let output = program.args(words).output().map_err(|error| format!("{command}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Makes the cable as bad as it can be made here: delay and all the rest, or the loss alone, in per cent.
fn disturb(end: &str, netem: &str, loss: u32) -> Result<(), String> {
    let Err(why) = run(&format!("tc -n {end} qdisc add dev v0 root netem {netem}")) else {
        return Ok(());
    };
    eprintln!("SKIPPED (part of a test): delay and reordering: {why}");
    if loss == 0 {
        return Ok(());
    }
    let nft = format!("ip netns exec {end} nft");
    run(&format!("{nft} add table ip lossy"))?;
    run(&format!("{nft} add chain ip lossy in {{ type filter hook input priority 0; }}"))?;
    run(&format!("{nft} add rule ip lossy in numgen random mod 100 < {loss} drop"))
}

/// Two namespaces with a cable between them; gone when dropped.
struct Cable {
    near: String,
    far: String,
}

impl Cable {
    fn new(netem: &str, loss: u32, name: &str) -> Result<Self, String> {
        let (near, far) = (format!("nbus-{name}-a"), format!("nbus-{name}-b"));
        let cable = Self { near: near.clone(), far: far.clone() };
        run(&format!("ip netns add {near}"))?;
        run(&format!("ip netns add {far}"))?;
        run(&format!("ip link add v0 netns {near} type veth peer name v0 netns {far}"))?;
        for (end, address) in [(&near, "10.77.7.1/24"), (&far, "10.77.7.2/24")] {
            run(&format!("ip -n {end} addr add {address} dev v0"))?;
            run(&format!("ip -n {end} link set v0 up"))?;
            disturb(end, netem, loss)?;
        }
        Ok(cable)
    }

    /// Pulls it out, or puts it in again.
    fn plug(&self, how: &str) {
        run(&format!("ip -n {} link set v0 {how}", self.near)).unwrap();
    }

    /// This test as a process in a namespace.
    fn spawn(&self, namespace: &str, end: &str, backend: Backend) -> Child {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program);
        command.args(["--exact", "one_end_of_the_cable", "--nocapture"]);
        command
            .env(END, format!("{end} {backend:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.far] {
            // One that was never made cannot be removed.
            let _ = run(&format!("ip netns del {namespace}"));
        }
    }
}

/// What a process of this test does in its namespace; nothing when it is called as a test.
#[test]
fn one_end_of_the_cable() {
    let Ok(end) = std::env::var(END) else { return };
    let (end, backend) = end.split_once(' ').unwrap();
    let backend = if backend == "Mio" { Backend::Mio } else { Backend::Uring };
    let settings = TcpSettings {
        heartbeat: Duration::from_millis(100),
        silence: Duration::from_millis(700),
        ..settings(backend)
    };
    let listens = end == "listen";
    let address = "10.77.7.1:7700".to_owned();
    let role = if listens { Role::Listen(address) } else { Role::Connect(address) };
    let mut transport = TcpTransport::new(role, settings).unwrap();
    let (sends, receives) = if listens { (1, 2) } else { (2, 1) };
    converse(&mut transport, sends, receives, COUNT / 2);
    println!("half");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    converse(&mut transport, sends, receives, COUNT / 2);
    let left = transport.close(PATIENCE);
    let counts = transport.counts();
    assert_eq!((left, counts.foreign), (0, 0), "{counts:?} {:?}", transport.notes());
    println!("done {} {} {}", counts.sent, counts.received, counts.connections);
}

/// Reads up to a line that begins so; what follows on it.
fn await_line(lines: &mut BufReader<ChildStdout>, word: &str) -> String {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        // The harness writes the name of the test in front, without an end of line.
        if let Some((_, rest)) = line.split_once(word) {
            return rest.trim().to_owned();
        }
        line.clear();
    }
    panic!("the process ended before it said {word:?}");
}

fn survive(netem: &str, loss: u32, name: &str, pulls: bool, backend: Backend) {
    let cable = match Cable::new(netem, loss, name) {
        Ok(cable) => cable,
        Err(why) => return eprintln!("SKIPPED (1 test): no network namespaces here: {why}"),
    };
    let mut here = cable.spawn(&cable.near, "listen", backend);
    let mut there = cable.spawn(&cable.far, "connect", backend);
    let mut said = BufReader::new(here.stdout.take().unwrap());
    let mut answered = BufReader::new(there.stdout.take().unwrap());
    await_line(&mut said, "half");
    await_line(&mut answered, "half");
    if pulls {
        cable.plug("down");
    }
    for end in [&mut here, &mut there] {
        end.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    }
    if pulls {
        // As long as it is out: longer than either side waits for a sign of life.
        std::thread::park_timeout(Duration::from_millis(1500));
        cable.plug("up");
    }
    for lines in [&mut said, &mut answered] {
        let figures = await_line(lines, "done ");
        let figures: Vec<u32> = figures.split(' ').map(|figure| figure.parse().unwrap()).collect();
        assert_eq!(figures[..2], [COUNT, COUNT], "spikes were lost or repeated");
        assert!(!pulls || figures[2] >= 2, "the cable was pulled, and nobody noticed");
    }
    assert!(here.wait().unwrap().success() && there.wait().unwrap().success());
}

#[test]
fn nothing_is_lost_or_doubled_over_a_cable_that_delays_loses_and_reorders() {
    survive("delay 4ms 2ms loss 2% reorder 25% duplicate 1%", 2, "lossy", false, Backend::Mio);
}

#[test]
fn nothing_is_lost_or_doubled_when_the_cable_is_pulled_out() {
    survive("delay 2ms", 0, "pulled", true, Backend::Mio);
}

#[test]
fn nothing_is_lost_or_doubled_when_the_cable_of_io_uring_is_pulled_out() {
    if !support::uring_is_refused() {
        survive("delay 2ms loss 1%", 1, "uring", true, Backend::Uring);
    }
}
