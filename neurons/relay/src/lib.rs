//! Wires between cortexes: spikes over TCP, none lost and none twice, however often the connection is cut.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`tract()`] | joins a region here to one over there, over any transport: a door that sends, [`Origin`]s that fire |
//! | [`TcpTransport`] | one end of a wire over TCP, a [`Transport`](neuronbus::transport::Transport) |
//! | [`frame`] | the bytes on the wire |
//!
//! All I/O happens on threads of the wire; the thread of a cortex only fills and empties rings.

pub mod backoff;
mod choice;
#[cfg(target_os = "linux")]
mod complete;
mod dialer;
pub mod frame;
mod line;
mod origin;
mod poll;
mod session;
mod settings;
mod shared;
mod tcp;
mod tract;
#[cfg(target_os = "linux")]
mod uring;
mod wake;

pub use choice::{Choice, choice};
pub use origin::Origin;
pub use session::Broken;
pub use settings::{Backend, Role, TcpError, TcpSettings};
pub use tcp::TcpTransport;
pub use tract::{Carrier, TractRegion, TractSettings, tract};
