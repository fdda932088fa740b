//! Shared memory: the core's header over memory that is watched.

pub mod futex;
#[path = "../../../src/shm/header.rs"]
pub mod header;
pub mod mapping;
pub mod process;
pub mod slot;
#[path = "../../../src/shm/tenure.rs"]
pub mod tenure;
pub mod trust;
