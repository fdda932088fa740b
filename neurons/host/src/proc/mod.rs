//! This machine's signals, read from `/proc` and `/sys`.
//!
//! Everything here runs on a gate's own thread. The kernel's texts are parsed by `procfs-core`; any directory laid out
//! like `/proc` can be read, which is how the tests do it. What a container hides is off and said so, once.

mod counters;
mod files;
mod sampler;

pub use sampler::{Reading, Sampler};
