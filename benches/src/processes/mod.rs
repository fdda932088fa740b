//! Between two processes on cores of their own: the ring in a file beside the peers, and through a whole cortex.
//!
//! The program starts itself again as the other process. Of the peers, Zenoh and iceoryx2 are programs of their own
//! ([`crate::apart`]), and core NATS needs the program `nats-server`.

mod bare;
mod brain;
mod link;
mod megabyte;
mod sockets;

pub use brain::{attach, many, round_trip};
pub use megabyte::hand_over;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use neuronbus::pace::Stamp;

use crate::apart::Apart;
use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, pin, quantiles};
use crate::wires::Nats;
use bare::Bare;
use link::Axons;
pub(crate) use link::Link;
use sockets::Unix;

/// What the other process does.
struct Role {
    name: &'static str,
    act: fn(&Path, u64),
}

const fn role(name: &'static str, act: fn(&Path, u64)) -> Role {
    Role { name, act }
}

const ROLES: &[Role] = &[
    role("echo-axon", echo::<Axons>),
    role("echo-bare", echo::<Bare>),
    role("echo-unix", echo::<Unix>),
    role("echo-nats", echo::<Nats>),
    role("take-axon", take::<Axons>),
    role("take-bare", take::<Bare>),
    role("take-unix", take::<Unix>),
    role("take-nats", take::<Nats>),
    role("blocks", megabyte::take),
    role("blocks-copied", megabyte::take_a_copy),
    role("blocks-of-a-brain", megabyte::take_from_brain),
    role("blocks-of-a-socket", megabyte::take_from_socket),
    role("client", brain::client),
    role("attaching", brain::attaching),
    role("one-of-many", brain::one_of_many),
];

/// Begins the name by which this program is asked for one of its roles.
pub(crate) const PREFIX: &str = "process ";

/// Plays a role that another process of this program gave: `process ROLE COUNT FOLDER`.
pub(crate) fn in_this_process(task: &str) -> ExitCode {
    let mut words = task.splitn(3, ' ');
    let (name, count, folder) = (words.next(), words.next(), words.next());
    let role = ROLES.iter().find(|role| Some(role.name) == name);
    let count = count.and_then(|count| count.parse().ok());
    let (Some(role), Some(count), Some(folder)) = (role, count, folder) else {
        eprintln!("there is no role {task}");
        return ExitCode::from(2);
    };
    (role.act)(Path::new(folder), count);
    ExitCode::SUCCESS
}

/// A command that starts this program in a role.
fn other(role: &str, count: u64, folder: &Path) -> Command {
    debug_assert!(ROLES.iter().any(|known| known.name == role), "a role is in the list");
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--alone", &format!("{PREFIX}{role} {count} {}", folder.display())]);
    command
}

/// Another process of this program. One that fails ends this one too, which would spin for it for ever.
struct Other(std::thread::JoinHandle<()>);

fn start(role: &str, count: u64, folder: &Path) -> Other {
    let mut child = other(role, count, folder).spawn().expect("this program can be started again");
    Other(std::thread::spawn(move || {
        let status = child.wait().expect("it was started here");
        if !status.success() {
            eprintln!("the other process failed: {status}");
            std::process::exit(1);
        }
    }))
}

/// Waits for the other process.
fn end(other: Other) {
    other.0.join().expect("a watch has nothing to fail at");
}

/// A new folder in memory that processes share, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("benches-{}-{number}", std::process::id());
        let folder = neuronbus::brain::default_path(&name);
        std::fs::create_dir_all(&folder).expect("shared memory takes a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of a measurement is in nobody's way.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Asks again and again; offers the core to others now and then, which are many on a machine that is not quiet.
#[inline(always)]
fn until(mut ready: impl FnMut() -> bool) {
    let mut asked = 0_u32;
    while !ready() {
        asked += 1;
        if asked.is_multiple_of(4096) {
            std::thread::yield_now();
        }
    }
}

/// One way of a ping-pong between two processes.
#[must_use]
pub fn latency(scale: Scale) -> Comparison {
    let rounds = scale.of(500_000, 5_000);
    let slow = rounds / 20;
    let title = "Ping-pong of 64 bytes between two processes on two cores, p50 of one way";
    let mut comparison = Comparison::new(title, Unit::Ns)
        .across_cores()
        .ours("axon in a file", move || ping_pong::<Axons>("echo-axon", rounds))
        .limit(Bare::NAME, move || ping_pong::<Bare>("echo-bare", rounds))
        .peer("a Unix socket", move || ping_pong::<Unix>("echo-unix", slow));
    if let Some(iceoryx2) = Apart::iceoryx2(scale) {
        comparison = comparison.peer("iceoryx2", move || iceoryx2.times("latency", rounds));
        comparison = comparison.target(Target::at_most(0.333).times("iceoryx2"));
    }
    if crate::wires::nats_is_there() {
        comparison = comparison.peer("core NATS", move || ping_pong::<Nats>("echo-nats", slow));
    }
    if let Some(zenoh) = Apart::zenoh(scale) {
        comparison = comparison.peer("Zenoh", move || zenoh.times("processes-latency", slow));
    }
    comparison.target(Target::at_most(1.25).times(Bare::NAME))
}

/// As many as go one way, none of them lost.
#[must_use]
pub fn throughput(scale: Scale) -> Comparison {
    let messages = scale.of(19_200_000, 64_000);
    let slow = messages / 10;
    let title = "64 bytes between two processes on two cores, none lost, in batches of 64 where there are batches";
    let mut comparison = Comparison::new(title, Unit::MillionPerSecond)
        .across_cores()
        .ours("axon in a file", move || one_way::<Axons>("take-axon", messages))
        .limit(Bare::NAME, move || one_way::<Bare>("take-bare", messages))
        .peer("a Unix socket", move || one_way::<Unix>("take-unix", slow));
    if let Some(iceoryx2) = Apart::iceoryx2(scale) {
        comparison = comparison.peer("iceoryx2", move || iceoryx2.rate("rate", slow));
        comparison = comparison.target(Target::at_least(20.0).times("iceoryx2"));
    }
    if crate::wires::nats_is_there() {
        comparison = comparison.peer("core NATS", move || one_way::<Nats>("take-nats", slow));
    }
    if let Some(zenoh) = Apart::zenoh(scale) {
        comparison = comparison.peer("Zenoh", move || zenoh.rate("processes-rate", slow));
    }
    comparison.target(Target::at_least(0.5).times(Bare::NAME))
}

fn ping_pong<L: Link>(role: &str, rounds: u64) -> Sample {
    let folder = Folder::new();
    let mut times = histogram();
    // A thread of its own, so that the caller stays where it is.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(0);
            let mut link = L::here(&folder.0);
            let child = start(role, rounds, &folder.0);
            link.meet();
            for number in 0..rounds {
                let began = Stamp::now();
                until(|| link.send(number));
                until(|| link.receive(number));
                if number >= rounds / 10 {
                    times.saturating_record((Stamp::now().ns_since(began) / 2).max(1));
                }
            }
            end(child);
        });
    });
    quantiles(&times)
}

fn echo<L: Link>(folder: &Path, rounds: u64) {
    pin(1);
    let mut link = L::there(folder);
    for number in 0..rounds {
        until(|| link.receive(number));
        until(|| link.send(number));
    }
    link.leave();
}

fn one_way<L: Link>(role: &str, messages: u64) -> Sample {
    let folder = Folder::new();
    let mut rate = 0.0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(0);
            let mut link = L::here(&folder.0);
            let child = start(role, messages, &folder.0);
            link.meet();
            let began = Stamp::now();
            let mut sent = 0;
            until(|| {
                sent += link.send_batch(sent);
                sent >= messages
            });
            // The other side says that it has them all.
            until(|| link.receive(0));
            rate = messages as f64 * 1e3 / Stamp::now().ns_since(began) as f64;
            end(child);
        });
    });
    rate.into()
}

fn take<L: Link>(folder: &Path, messages: u64) {
    pin(1);
    let mut link = L::there(folder);
    let mut received = 0;
    until(|| {
        received += link.receive_batch(received);
        received >= messages
    });
    until(|| link.send(0));
    link.leave();
}
