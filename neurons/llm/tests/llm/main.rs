//! What agents that speak do, from the bytes on the wire to the events that they publish. One program, because linking
//! takes longer than running.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod agent;
mod gate;
mod hooks;
mod http;
#[cfg(feature = "local")]
mod in_process;
mod interrupt;
mod interruption;
mod limits;
mod local;
mod pool;
mod protocol;
mod replay;
mod safety;
mod shown;
mod support;
