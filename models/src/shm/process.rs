//! Processes: every thread of a model is of one.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    pub(crate) start: u64,
    pub(crate) namespace: u64,
}

impl Identity {
    /// A start that no process has, to be told from one that was never written.
    pub(crate) const UNTOLD: Self = Self { pid: 0, start: u64::MAX, namespace: 0 };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    Dead,
    Unknown,
}

pub(crate) const fn me() -> Identity {
    Identity { pid: 1, start: 7, namespace: 3 }
}

/// What is known by its number alone is not judged; one that started at another time is dead.
pub(crate) fn life(of: Identity) -> Life {
    if of == me() {
        Life::Alive
    } else if of.start == u64::MAX {
        Life::Unknown
    } else {
        Life::Dead
    }
}
