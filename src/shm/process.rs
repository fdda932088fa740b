//! Who this process is, and whether another one lives.
//!
//! A number alone is not enough, because numbers are used again: a process is its number, the moment it started and
//! the namespace that both belong to. A process that is stopped lives; one that has ended and waits for its parent does
//! not.

#![allow(unsafe_code, reason = "asks the system whether a number is a process")]

use std::fs;
use std::sync::OnceLock;

/// What tells one process from every other on this machine since it was switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// Clock ticks from the machine's start to the process's; 0 if it is not known.
    pub(crate) start: u64,
    /// The namespace of process numbers; 0 if it is not known.
    pub(crate) namespace: u64,
}

impl Identity {
    /// Nothing but a number is known.
    pub(crate) const UNTOLD: Self = Self { pid: 0, start: 0, namespace: 0 };
}

/// What is known about another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    Dead,
    /// It cannot be seen from here, so it is not judged.
    Unknown,
}

/// This process. Right after a fork, too.
pub(crate) fn me() -> Identity {
    static NAMESPACE: OnceLock<u64> = OnceLock::new();
    static FIRST: OnceLock<Identity> = OnceLock::new();
    let pid = std::process::id();
    let ask = || {
        let start = stat(pid).map_or(0, |(_, start)| start);
        Identity { pid, start, namespace: *NAMESPACE.get_or_init(namespace) }
    };
    let first = *FIRST.get_or_init(ask);
    if first.pid == pid { first } else { ask() }
}

/// Whether a process that left its identity in a file still lives. The identity may be anything.
pub(crate) fn life(of: Identity) -> Life {
    if of.pid == 0 || i32::try_from(of.pid).is_err() {
        return Life::Dead;
    }
    let here = me();
    if of.namespace != 0 && of.namespace != here.namespace {
        return Life::Unknown;
    }
    match stat(of.pid) {
        Some((b'Z' | b'X', _)) => Life::Dead,
        Some((_, start)) if of.start != 0 && start != of.start => Life::Dead,
        Some(_) => Life::Alive,
        None if exists(of.pid) => Life::Unknown,
        None => Life::Dead,
    }
}

/// The state of a process and when it started.
fn stat(pid: u32) -> Option<(u8, u64)> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may hold anything, brackets too; the state is the first field behind it.
    let behind = text.iter().rposition(|&byte| byte == b')')?;
    let fields = std::str::from_utf8(text.get(behind + 2..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let start = fields.nth(18)?.parse().ok()?;
    Some((state, start))
}

#[cfg(unix)]
fn namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self/ns/pid").map_or(0, |found| found.ino())
}

#[cfg(not(unix))]
fn namespace() -> u64 {
    0
}

/// Whether the number is a process's, be it one that we may not look at.
#[cfg(unix)]
fn exists(pid: u32) -> bool {
    // SAFETY: signal 0 is not sent; it only asks. The number is positive, so it names one process.
    let asked = unsafe { libc::kill(pid as libc::pid_t, 0) };
    asked == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

#[cfg(not(unix))]
fn exists(_: u32) -> bool {
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_started_at_another_time_does_not() {
        let here = me();
        assert_eq!(life(here), Life::Alive);
        assert_eq!(life(Identity { start: here.start + 1, ..here }), Life::Dead);
        assert_eq!(life(Identity { namespace: here.namespace + 1, ..here }), Life::Unknown);
    }

    #[test]
    fn a_process_that_has_ended_is_dead_before_its_parent_has_asked() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (pid, namespace) = (child.id(), me().namespace);
        let identity = Identity { pid, start: stat(pid).map_or(0, |(_, start)| start), namespace };
        while life(identity) != Life::Dead {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(life(identity), Life::Dead);
    }

    #[test]
    fn numbers_that_no_process_can_have_are_dead() {
        for pid in [0, u32::MAX, i32::MAX as u32] {
            assert_eq!(life(Identity { pid, start: 0, namespace: 0 }), Life::Dead);
        }
    }
}
