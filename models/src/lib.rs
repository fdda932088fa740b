//! The core's lock-free files, compiled unchanged over a model checker's atomics.
//!
//! `axon`, `arena` and `shm::header` are the very files of the core. What they take from around them is smaller here: a
//! spike has two words, which is enough to be torn; a page has sixteen; and [`sync::order`] can be told to weaken one
//! named ordering, so that a test can demand that the model then fails.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "the shared files are used in part")]

#[path = "../../src/arena/mod.rs"]
pub mod arena;
#[path = "../../src/axon/mod.rs"]
pub mod axon;
pub mod shm;
pub mod spike;
pub mod sync;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod model_arena;
#[cfg(test)]
mod model_axon;
#[cfg(test)]
mod model_bell;
#[cfg(test)]
mod model_idle;
#[cfg(test)]
mod model_meeting;
