//! Shared memory: the core's header over memory that is watched.

#[path = "../../../src/shm/header.rs"]
pub mod header;
pub mod mapping;
